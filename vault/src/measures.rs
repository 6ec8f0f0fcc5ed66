//! Dense measures: batches of samples as they are sealed, the index of days, and reading both.
//!
//! A batch is the payload of an envelope of kind 2: the columns of one series and one UTC month ([`codec`]). Its envelope
//! is stored once and opened when samples are read; the tables say where ([`index`]). Charts of months read only the
//! index of days ([`day`]). Nothing is converted, summed over sources or deleted here: of several sources that count
//! the same steps, one is shown per day and the others stay beside it.
//!
//! Source: `docs/format.md`, "Batches"; `docs/protocol.md`, "Sections and volumes".

mod codec;
mod day;
mod index;

use std::collections::{BTreeMap, HashSet};

use carnet_crypto::id::FeedId;
use carnet_record::batch::{Sample, Series};
use serde::Serialize;

pub(crate) use self::codec::{BatchError, batch_id, decode, encode, sample_id};
pub use self::day::{DayOfSamples, SourceDay};
use self::index::BatchRow;
use crate::{
    record::{Record, RecordError},
    row,
    store::Reader,
    tables::{BATCH, Key},
};

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
    /// The series of the record, with their numbers of samples.
    ///
    /// # Errors
    /// The store's.
    pub fn series(&self) -> Result<Vec<SeriesCount>, RecordError> {
        let mut series: BTreeMap<Series, SeriesCount> = BTreeMap::new();
        for row in self.store.read()?.prefix(BATCH, &Key::of(&self.live.id))? {
            let row: BatchRow = row::read(&row?.1)?;
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
            let row: BatchRow = row::read(&row).map_err(RecordError::from)?;
            key.truncate(key.len().saturating_sub(32));
            months.entry((key, row.series.clone())).or_default().push(row);
        }
        for ((_, series), batches) in months {
            visit(&series, self.union(&reader, &series, batches.iter())?)?;
        }
        Ok(())
    }

    fn batches_by_series(&self, reader: &Reader, kind: &str) -> Result<BTreeMap<Series, Vec<BatchRow>>, RecordError> {
        let mut series: BTreeMap<Series, Vec<BatchRow>> = BTreeMap::new();
        for row in reader.prefix(BATCH, &Key::of(&self.live.id))? {
            let row: BatchRow = row::read(&row?.1)?;
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
        reader: &Reader,
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
}
