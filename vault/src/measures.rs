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
mod points;

use std::{collections::BTreeMap, sync::Arc};

use carnet_record::batch::{Month, Sample, Series};
use serde::Serialize;

pub(crate) use self::codec::{BatchError, batch_id, decode, encode};
use self::index::BatchRow;
pub use self::{
    day::{DayOfSamples, SourceDay},
    points::Points,
};
use crate::{
    record::{Record, RecordError},
    row,
    store::{Reader, StoreError},
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

    /// The samples of a kind that begin in `from_ms..until_ms`, oldest first; of more than `limit` the last. Memory holds one
    /// month beside what is given back.
    ///
    /// # Errors
    /// The store's; [`RecordError::Damaged`] when a stored batch does not open.
    pub fn samples(
        &self,
        kind: &str,
        from_ms: i64,
        until_ms: i64,
        limit: usize,
    ) -> Result<Vec<(Arc<Series>, Sample)>, RecordError> {
        let reader = self.store.read()?;
        let (mut months, mut count) = (Vec::new(), 0);
        for all in self.months_of(&reader, kind, from_ms, until_ms)?.into_values().rev() {
            let mut found = Vec::new();
            for (series, batches) in all {
                let series = Arc::new(series);
                let samples = self.union(&reader, &batches)?.into_iter();
                let within = samples.filter(|sample| (from_ms..until_ms).contains(&sample.start_ms));
                found.extend(within.map(|sample| (Arc::clone(&series), sample)));
            }
            let by_time = |(one, left): &(Arc<Series>, Sample), (two, right): &(Arc<Series>, Sample)| {
                left.cmp(right).then_with(|| one.cmp(two))
            };
            found.sort_by(by_time);
            count += found.len();
            months.push(found);
            if count >= limit {
                break;
            }
        }
        Ok(months.into_iter().rev().flatten().skip(count.saturating_sub(limit)).collect())
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
            visit(&series, self.union(&reader, &batches)?)?;
        }
        Ok(())
    }

    /// The batches of a kind that may hold a start in `from_ms..until_ms`, by month and series.
    fn months_of(
        &self,
        reader: &Reader,
        kind: &str,
        from_ms: i64,
        until_ms: i64,
    ) -> Result<BTreeMap<Month, BTreeMap<Series, Vec<BatchRow>>>, RecordError> {
        let mut months: BTreeMap<Month, BTreeMap<Series, Vec<BatchRow>>> = BTreeMap::new();
        for row in reader.prefix(BATCH, &Key::of(&self.live.id))? {
            let row: BatchRow = row::read(&row?.1)?;
            if row.series.kind == kind && row.first_ms < until_ms && row.last_ms >= from_ms {
                let month = Month::of_millis(row.first_ms).ok_or(StoreError::Damaged)?;
                months.entry(month).or_default().entry(row.series.clone()).or_default().push(row);
            }
        }
        Ok(months)
    }

    /// The samples of the batches of one series and month, in order, each once: two devices that imported one file
    /// offline each published it, and a sample is one whatever carries it.
    fn union(&self, reader: &Reader, batches: &[BatchRow]) -> Result<Vec<Sample>, RecordError> {
        let mut samples: Vec<Sample> = Vec::new();
        for row in batches {
            samples.extend(self.columns_of(reader, row)?.into_samples());
        }
        if batches.len() > 1 {
            samples.sort_unstable();
            samples.dedup_by(|later, earlier| later.is_same(earlier));
        }
        Ok(samples)
    }
}

/// What is wrong when a batch that was let in does not decode.
const UNDECODED: &str = "a stored batch does not decode";
