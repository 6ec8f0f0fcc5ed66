//! Dense measures: batches of samples as they are sealed, the index of days, and reading both.
//!
//! A batch is the payload of an envelope of kind 2: the columns of one series and one UTC month, each numeric column
//! compressed (pco), the rest as it is. Its envelope is stored once and opened when samples are read; charts of months
//! read only the index of days. Nothing is converted, summed over sources or deleted here: of several sources that
//! count the same steps, one is shown per day and the others stay beside it.
//!
//! Source: `docs/format.md`, "Measure columns"; `docs/protocol.md`, "Measure batches".

use std::collections::{BTreeMap, HashSet};

use carnet_crypto::{
    digest,
    id::{EnvelopeId, FeedId},
};
use carnet_protocol::{
    codec::{DecodeError, Reader, Writer as Bytes},
    envelope::EnvelopeKind,
    limits::SAMPLES_PER_BATCH_MAX,
};
use carnet_record::{
    Day, Decimal, SectionKind, ZoneHistory,
    batch::{BatchRefused, Columns, Month, Numbers, Sample, SampleValue, Series, Source},
};
use pco::{ChunkConfig, standalone};
use serde::{Deserialize, Serialize};

use crate::{
    record::{Record, RecordError},
    row,
    store::{Reader as StoreReader, StoreError, Writer},
    tables::{BATCH, DAY, Key},
};

/// Why a payload is not a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BatchError {
    #[error(transparent)]
    Columns(#[from] BatchRefused),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("a column does not decompress to the number of samples")]
    Column,
}

/// The payload of a batch.
pub(crate) fn encode(columns: &Columns) -> Vec<u8> {
    let (rest, numbers) = columns.numbers();
    let mut writer = Bytes::new();
    writer.varint(u64::try_from(numbers.starts.len()).unwrap_or(u64::MAX)).bytes(&rest);
    writer.bytes(&compress(&numbers.starts));
    writer.bytes(&if numbers.lengths.is_empty() { Vec::new() } else { compress(&numbers.lengths) });
    writer.bytes(&compress(&numbers.values));
    writer.finish()
}

/// The columns in a payload, with every check of the format. The number of samples is compared before anything is
/// allocated for them.
///
/// # Errors
/// Anything that [`encode`] would not have written, as far as identity goes.
pub(crate) fn decode(payload: &[u8]) -> Result<Columns, BatchError> {
    let mut reader = Reader::new(payload);
    let limit = u64::try_from(SAMPLES_PER_BATCH_MAX).unwrap_or(u64::MAX);
    let count = usize::try_from(reader.varint(limit, "samples")?).map_err(|_| BatchError::Column)?;
    let rest = reader.bytes(payload.len(), "header")?;
    let starts = decompress(reader.bytes(payload.len(), "starts")?, count)?;
    let lengths = reader.bytes(payload.len(), "lengths")?;
    let lengths = if lengths.is_empty() { Vec::new() } else { decompress(lengths, count)? };
    let values = decompress(reader.bytes(payload.len(), "values")?, count)?;
    reader.finish("batch")?;
    Ok(Columns::join(rest, &Numbers { starts, lengths, values })?)
}

/// The name of a batch: the hash of its canonical columns, so that the codec may improve without changing names.
#[cfg(test)]
pub(crate) fn batch_id(columns: &Columns) -> [u8; 32] {
    digest::hash("batch", &[&columns.encode()])
}

fn compress(column: &[i64]) -> Vec<u8> {
    // A column of integers and the default paging always compress; a refusal would only be a larger batch.
    standalone::simple_compress(column, &ChunkConfig::default().with_compression_level(LEVEL)).unwrap_or_default()
}

fn decompress(bytes: &[u8], count: usize) -> Result<Vec<i64>, BatchError> {
    let mut column = vec![0; count];
    let progress = standalone::simple_decompress_into(bytes, &mut column).map_err(|_| BatchError::Column)?;
    if progress.n_processed == count && progress.finished { Ok(column) } else { Err(BatchError::Column) }
}

/// The compression level of pco for batches that an import makes.
const LEVEL: usize = 8;

/// What the store keeps of a live batch, beside its envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) feed: [u8; 16],
    pub(crate) seq: u32,
    pub(crate) series: Series,
    pub(crate) count: usize,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
}

/// One local day of one batch, as the index keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DayRow {
    source: Source,
    unit: String,
    count: u64,
    min: Option<Decimal>,
    max: Option<Decimal>,
    sum: Option<Decimal>,
    first: Option<Decimal>,
    last: Option<Decimal>,
    first_ms: i64,
    last_ms: i64,
}

/// One local day of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceDay {
    /// Application and device.
    pub source: Source,
    /// Unit as read.
    pub unit: String,
    /// Samples that begin on the day.
    pub count: u64,
    /// Least value.
    pub min: Option<Decimal>,
    /// Greatest value.
    pub max: Option<Decimal>,
    /// Sum of the values; none when it has more digits than a decimal keeps.
    pub sum: Option<Decimal>,
    /// Value of the first sample.
    pub first: Option<Decimal>,
    /// Value of the last sample.
    pub last: Option<Decimal>,
}

/// A local day with its sources, the one that is shown first: the one with the largest sum, then the most samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayOfSamples {
    /// The day.
    pub day: Day,
    /// The sources, at least one.
    pub sources: Vec<SourceDay>,
}

/// A series and how many of its samples the record holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeriesCount {
    /// What the samples are samples of.
    pub series: Series,
    /// Their number.
    pub count: u64,
    /// First start, milliseconds UTC.
    pub first_ms: i64,
    /// Last start, milliseconds UTC.
    pub last_ms: i64,
}

impl Record<'_> {
    /// Publishes samples that are not live yet, as batches, in this step. Returns how many were new.
    pub(crate) fn write_samples(
        &mut self,
        writer: &mut Writer,
        series: &Series,
        samples: Vec<Sample>,
        zones: &ZoneHistory,
    ) -> Result<u64, RecordError> {
        let section = self.section_of(SectionKind::Measures)?;
        let mut added = 0;
        for columns in Columns::cut(series, samples).columns {
            let live = self.live_identities(writer, columns.series(), columns.month())?;
            let month = columns.month();
            let fresh: Vec<Sample> = columns
                .into_samples()
                .into_iter()
                .filter(|sample| !live.contains(&sample_id(series, sample)))
                .collect();
            for columns in Columns::cut(series, fresh).columns {
                let year = i16::try_from(month.year()).unwrap_or(i16::MAX);
                let volume = self.volume_of(SectionKind::Measures, year);
                let id = self.append(writer, section, volume, EnvelopeKind::Batch, &encode(&columns))?;
                let feed = self.own_feed(&section, volume, EnvelopeKind::Batch);
                let seq = self.last_seq(writer, &feed)?;
                self.index_batch(writer, &id, &feed, seq, &columns, zones)?;
                added += u64::try_from(columns.samples().len()).unwrap_or(0);
            }
        }
        Ok(added)
    }

    /// Enters a batch that came from outside. What other batches carry already is not counted again in its days: two
    /// devices that took one file in each publish it.
    pub(crate) fn index_received(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        feed: &FeedId,
        seq: u32,
        columns: &Columns,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let is_alone = self.batches_of(writer, columns.series(), columns.month())?.is_empty();
        self.index_batch(writer, id, feed, seq, columns, zones)?;
        if is_alone { Ok(()) } else { self.count_days(writer, columns.series(), columns.month(), zones) }
    }

    /// Counts the days of a series in a month anew, each sample once, whatever carries it.
    fn count_days(
        &self,
        writer: &mut Writer,
        series: &Series,
        month: Month,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let mut counted = HashSet::new();
        for (id, row) in self.batches_of(writer, series, month)? {
            let payload = self.open_stored(writer, &FeedId(row.feed), row.seq)?;
            let columns = decode(&payload).map_err(|_| RecordError::Damaged("a stored batch does not decode"))?;
            for day in days_of(columns.samples(), series, zones).into_keys() {
                writer.remove(DAY, &self.day_key(series, day, &id))?;
            }
            let samples = columns.into_samples().into_iter();
            let fresh: Vec<Sample> = samples.filter(|sample| counted.insert(sample_id(series, sample))).collect();
            for (day, row) in days_of(&fresh, series, zones) {
                writer.put(DAY, &self.day_key(series, day, &id), &row::write(&row))?;
            }
        }
        Ok(())
    }

    /// The live batches of a series in a month, in the order of their names.
    fn batches_of(
        &self,
        writer: &Writer,
        series: &Series,
        month: Month,
    ) -> Result<Vec<(EnvelopeId, BatchRow)>, RecordError> {
        let mut batches = Vec::new();
        for row in writer.prefix(BATCH, &self.month_key(month))? {
            let (key, row) = row?;
            let id = key.last_chunk::<32>().map(|id| EnvelopeId(*id)).ok_or(StoreError::Damaged)?;
            let row: BatchRow = row::read(&row).map_err(|_| StoreError::Damaged)?;
            if row.series == *series {
                batches.push((id, row));
            }
        }
        Ok(batches)
    }

    /// Enters a batch in the tables that samples and days are read from.
    pub(crate) fn index_batch(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        feed: &FeedId,
        seq: u32,
        columns: &Columns,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let summary = columns.summary();
        let row = BatchRow {
            feed: feed.0,
            seq,
            series: columns.series().clone(),
            count: summary.count,
            first_ms: summary.first_ms,
            last_ms: summary.last_ms,
        };
        writer.put(BATCH, &self.month_key(columns.month()).envelope(id), &row::write(&row))?;
        for (day, row) in days_of(columns.samples(), columns.series(), zones) {
            writer.put(DAY, &self.day_key(columns.series(), day, id), &row::write(&row))?;
        }
        Ok(())
    }

    /// Takes a batch out of those tables again: its envelope was taken back.
    pub(crate) fn unindex_batch(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        columns: &Columns,
    ) -> Result<(), RecordError> {
        writer.remove(BATCH, &self.month_key(columns.month()).envelope(id))?;
        let zones = self.zones()?;
        for day in days_of(columns.samples(), columns.series(), &zones).into_keys() {
            writer.remove(DAY, &self.day_key(columns.series(), day, id))?;
        }
        self.count_days(writer, columns.series(), columns.month(), &zones)
    }

    /// The days of a kind between two days, both included, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn sample_days(
        &self,
        kind: &str,
        from: Option<Day>,
        until: Option<Day>,
    ) -> Result<Vec<DayOfSamples>, RecordError> {
        let prefix = self.kind_key(kind);
        let start = from.map_or_else(|| prefix.to_vec(), |day| prefix.clone().bytes(&day_bytes(day)).to_vec());
        let mut days: BTreeMap<Day, BTreeMap<(Source, String), DayRow>> = BTreeMap::new();
        for row in self.store.read()?.range(DAY, start.as_slice()..)? {
            let (key, row) = row?;
            let Some(rest) = key.strip_prefix(&*prefix) else { break };
            let day = read_day(rest)?;
            if until.is_some_and(|until| day > until) {
                break;
            }
            let row: DayRow = row::read(&row).map_err(|_| StoreError::Damaged)?;
            let sources = days.entry(day).or_default();
            match sources.get_mut(&(row.source.clone(), row.unit.clone())) {
                Some(same) => same.absorb(row),
                None => drop(sources.insert((row.source.clone(), row.unit.clone()), row)),
            }
        }
        Ok(days.into_iter().map(|(day, sources)| DayOfSamples { day, sources: ranked(sources) }).collect())
    }

    /// The series of the record, with their numbers of samples.
    ///
    /// # Errors
    /// The store's.
    pub fn series(&self) -> Result<Vec<SeriesCount>, RecordError> {
        let mut series: BTreeMap<Series, SeriesCount> = BTreeMap::new();
        for row in self.store.read()?.prefix(BATCH, &Key::of(&self.live.id))? {
            let row: BatchRow = row::read(&row?.1).map_err(|_| StoreError::Damaged)?;
            let count = series.entry(row.series.clone()).or_insert_with(|| SeriesCount {
                series: row.series,
                count: 0,
                first_ms: row.first_ms,
                last_ms: row.last_ms,
            });
            count.count += u64::try_from(row.count).unwrap_or(0);
            count.first_ms = count.first_ms.min(row.first_ms);
            count.last_ms = count.last_ms.max(row.last_ms);
        }
        Ok(series.into_values().collect())
    }

    /// The samples of a kind that begin in `from_ms..until_ms`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The store's; [`RecordError::Damaged`] when a stored batch does not open.
    pub fn samples(
        &self,
        kind: &str,
        from_ms: i64,
        until_ms: i64,
        limit: usize,
    ) -> Result<Vec<(Series, Sample)>, RecordError> {
        let reader = self.store.read()?;
        let mut found = Vec::new();
        for (series, batches) in self.batches_by_series(&reader, kind)? {
            let within = |row: &&BatchRow| row.first_ms < until_ms && row.last_ms >= from_ms;
            let mut samples = self.union(&reader, &series, batches.iter().filter(within))?;
            samples.retain(|sample| (from_ms..until_ms).contains(&sample.start_ms));
            found.extend(samples.into_iter().map(|sample| (series.clone(), sample)));
        }
        found.sort_by(|(one, left), (two, right)| left.cmp(right).then_with(|| one.cmp(two)));
        found.truncate(limit);
        Ok(found)
    }

    /// Shows every sample once: month by month, in each by series, in each in order. Memory holds one series and month.
    pub(crate) fn each_month<E: From<RecordError>>(
        &self,
        mut visit: impl FnMut(&Series, Vec<Sample>) -> Result<(), E>,
    ) -> Result<(), E> {
        let reader = self.store.read().map_err(RecordError::from)?;
        let mut months: BTreeMap<(Vec<u8>, Series), Vec<BatchRow>> = BTreeMap::new();
        for row in reader.prefix(BATCH, &Key::of(&self.live.id)).map_err(RecordError::from)? {
            let (mut key, row) = row.map_err(RecordError::from)?;
            let row: BatchRow = row::read(&row).map_err(|_| RecordError::from(StoreError::Damaged))?;
            key.truncate(key.len().saturating_sub(32));
            months.entry((key, row.series.clone())).or_default().push(row);
        }
        for ((_, series), batches) in months {
            visit(&series, self.union(&reader, &series, batches.iter())?)?;
        }
        Ok(())
    }

    fn batches_by_series(
        &self,
        reader: &StoreReader,
        kind: &str,
    ) -> Result<BTreeMap<Series, Vec<BatchRow>>, RecordError> {
        let mut series: BTreeMap<Series, Vec<BatchRow>> = BTreeMap::new();
        for row in reader.prefix(BATCH, &Key::of(&self.live.id))? {
            let row: BatchRow = row::read(&row?.1).map_err(|_| StoreError::Damaged)?;
            if row.series.kind == kind {
                series.entry(row.series.clone()).or_default().push(row);
            }
        }
        Ok(series)
    }

    /// The samples of some batches of one series, in order, each once: two devices that imported one file offline each
    /// published it, and a sample is one whatever carries it.
    fn union<'b>(
        &self,
        reader: &StoreReader,
        series: &Series,
        batches: impl Iterator<Item = &'b BatchRow>,
    ) -> Result<Vec<Sample>, RecordError> {
        let mut samples: Vec<Sample> = Vec::new();
        for row in batches {
            let payload = self.open_stored(reader, &FeedId(row.feed), row.seq)?;
            let columns = decode(&payload).map_err(|_| RecordError::Damaged("a stored batch does not decode"))?;
            samples.extend(columns.into_samples());
        }
        samples.sort_unstable();
        let mut seen = HashSet::new();
        samples.retain(|sample| seen.insert(sample_id(series, sample)));
        Ok(samples)
    }

    /// The identities of the live samples of a series in a month.
    fn live_identities(
        &self,
        writer: &Writer,
        series: &Series,
        month: Month,
    ) -> Result<HashSet<[u8; 16]>, RecordError> {
        let mut live = HashSet::new();
        for (_, row) in self.batches_of(writer, series, month)? {
            let payload = self.open_stored(writer, &FeedId(row.feed), row.seq)?;
            let columns = decode(&payload).map_err(|_| RecordError::Damaged("a stored batch does not decode"))?;
            live.extend(columns.samples().iter().map(|sample| sample_id(series, sample)));
        }
        Ok(live)
    }

    fn day_key(&self, series: &Series, day: Day, id: &EnvelopeId) -> Key {
        self.kind_key(&series.kind).bytes(&day_bytes(day)).envelope(id)
    }

    fn month_key(&self, month: Month) -> Key {
        Key::of(&self.live.id).bytes(&month.year().to_be_bytes()).bytes(&[month.month()])
    }

    fn kind_key(&self, kind: &str) -> Key {
        Key::of(&self.live.id).bytes(&digest::hash16("day index", &[kind.as_bytes()]))
    }
}

/// The name of a sample: what two imports of one file, or two devices, agree on.
pub(crate) fn sample_id(series: &Series, sample: &Sample) -> [u8; 16] {
    let mut value = Bytes::new();
    match &sample.value.clone().normalised() {
        SampleValue::Number(number) => {
            value.u8(0).u64(u64::from_le_bytes(number.mantissa().to_le_bytes())).u8(number.scale());
        }
        SampleValue::Code(code) => {
            value.u8(1).bytes(code.as_bytes());
        }
    }
    digest::hash16(
        "sample",
        &[
            series.kind.as_bytes(),
            series.source.application.as_bytes(),
            series.source.device.as_bytes(),
            series.unit.as_bytes(),
            &sample.start_ms.to_le_bytes(),
            &sample.end_ms.to_le_bytes(),
            value.as_slice(),
        ],
    )
}

fn days_of(samples: &[Sample], series: &Series, zones: &ZoneHistory) -> BTreeMap<Day, DayRow> {
    let mut days: BTreeMap<Day, DayRow> = BTreeMap::new();
    for sample in samples {
        let Some(day) = zones.day_of(sample.start_ms, sample.offset_minutes) else { continue };
        let number = match &sample.value {
            SampleValue::Number(number) => Some(*number),
            SampleValue::Code(_) => None,
        };
        let one = DayRow {
            source: series.source.clone(),
            unit: series.unit.clone(),
            count: 1,
            min: number,
            max: number,
            sum: number,
            first: number,
            last: number,
            first_ms: sample.start_ms,
            last_ms: sample.start_ms,
        };
        match days.get_mut(&day) {
            Some(row) => row.absorb(one),
            None => drop(days.insert(day, one)),
        }
    }
    days
}

impl DayRow {
    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.min = extreme(self.min, other.min, |one, two| one.compare(two).is_le());
        self.max = extreme(self.max, other.max, |one, two| one.compare(two).is_ge());
        self.sum = match (self.sum, other.sum) {
            (Some(one), Some(two)) => one.checked_add(two).map(Decimal::normalised),
            _ => None,
        };
        if other.first_ms < self.first_ms {
            (self.first, self.first_ms) = (other.first, other.first_ms);
        }
        if other.last_ms >= self.last_ms {
            (self.last, self.last_ms) = (other.last, other.last_ms);
        }
    }
}

fn extreme(one: Option<Decimal>, two: Option<Decimal>, is_first: fn(Decimal, Decimal) -> bool) -> Option<Decimal> {
    match (one, two) {
        (Some(one), Some(two)) => Some(if is_first(one, two) { one } else { two }),
        (one, two) => one.or(two),
    }
}

fn ranked(sources: BTreeMap<(Source, String), DayRow>) -> Vec<SourceDay> {
    let mut ranked: Vec<DayRow> = sources.into_values().collect();
    ranked.sort_by(|one, two| {
        let by_sum = match (one.sum, two.sum) {
            (Some(one), Some(two)) => two.compare(one),
            (one, two) => two.is_some().cmp(&one.is_some()),
        };
        by_sum.then(two.count.cmp(&one.count)).then_with(|| one.source.cmp(&two.source))
    });
    let row = |row: DayRow| SourceDay {
        source: row.source,
        unit: row.unit,
        count: row.count,
        min: row.min,
        max: row.max,
        sum: row.sum,
        first: row.first,
        last: row.last,
    };
    ranked.into_iter().map(row).collect()
}

/// A day as it sorts in a key: days before 1970 too.
fn day_bytes(day: Day) -> [u8; 4] {
    day.epoch_days().cast_unsigned().wrapping_add(1 << 31).to_be_bytes()
}

fn read_day(rest: &[u8]) -> Result<Day, StoreError> {
    let (day, _) = rest.split_first_chunk::<4>().ok_or(StoreError::Damaged)?;
    let days = u32::from_be_bytes(*day).wrapping_sub(1 << 31).cast_signed();
    Day::from_epoch_days(days).ok_or(StoreError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min")
    }

    fn beats(count: i64) -> Vec<Sample> {
        (0..count)
            .map(|n| Sample::at(1_767_225_600_000 + n * 7_000, Decimal::from_i32(60 + i32::try_from(n % 40).unwrap())))
            .collect()
    }

    #[test]
    fn a_batch_reads_back_and_keeps_its_name_whatever_the_codec() {
        let columns = Columns::cut(&series(), beats(10_000)).columns.remove(0);
        let payload = encode(&columns);
        assert!(payload.len() < 20_000, "{} bytes for 10 000 samples", payload.len());
        let back = decode(&payload).unwrap();
        assert_eq!(back, columns);
        assert_eq!(batch_id(&back), batch_id(&columns));
    }

    #[test]
    fn atk_29_a_batch_that_is_altered_or_lies_about_its_size_is_refused() {
        let columns = Columns::cut(&series(), beats(500)).columns.remove(0);
        let payload = encode(&columns);
        let mut more = payload.clone();
        more[0] = more[0].wrapping_add(1);
        assert!(decode(&more).is_err());
        let mut trailing = payload.clone();
        trailing.push(0);
        assert!(decode(&trailing).is_err());
        for end in 0..payload.len() {
            assert!(decode(&payload[..end]).is_err(), "cut at {end}");
        }
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(decode(&huge).is_err());
    }

    #[test]
    fn equal_samples_have_equal_names_and_trailing_zeros_do_not_count() {
        let one = Sample::at(5, "72.0".parse().unwrap());
        let two = Sample::at(5, Decimal::from_i32(72));
        assert_eq!(sample_id(&series(), &one), sample_id(&series(), &two));
        let later = Sample::at(6, Decimal::from_i32(72));
        assert_ne!(sample_id(&series(), &one), sample_id(&series(), &later));
    }

    #[test]
    fn a_day_keeps_count_range_sum_and_ends() {
        let day = days_of(&beats(3), &series(), &ZoneHistory::utc());
        let row = day.values().next().unwrap();
        assert_eq!((row.count, row.min, row.max), (3, Some(Decimal::from_i32(60)), Some(Decimal::from_i32(62))));
        assert_eq!(
            (row.sum, row.first, row.last),
            (Some(Decimal::from_i32(183)), Some(Decimal::from_i32(60)), Some(Decimal::from_i32(62)))
        );
    }

    #[test]
    fn days_sort_across_1970() {
        let days: Vec<[u8; 4]> =
            [-400, -1, 0, 1, 20_000].map(|days| day_bytes(Day::from_epoch_days(days).unwrap())).to_vec();
        assert!(days.is_sorted());
        assert_eq!(read_day(&days[0]).unwrap().epoch_days(), -400);
    }
}
