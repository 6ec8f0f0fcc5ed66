//! One local day of a batch: what a chart shows without opening a single batch.

use std::collections::BTreeMap;

use carnet_record::{
    Day, Decimal, ZoneHistory,
    batch::{Sample, SampleValue, Series, Source},
};
use serde::{Deserialize, Serialize};

use crate::{
    record::{Record, RecordError},
    row,
    store::StoreError,
    tables::DAY,
};

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

impl Record<'_> {
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
            let row: DayRow = row::read(&row)?;
            let sources = days.entry(day).or_default();
            match sources.get_mut(&(row.source.clone(), row.unit.clone())) {
                Some(same) => same.absorb(row),
                None => drop(sources.insert((row.source.clone(), row.unit.clone()), row)),
            }
        }
        Ok(days.into_iter().map(|(day, sources)| DayOfSamples { day, sources: ranked(sources) }).collect())
    }
}

/// One local day of one batch, as the index keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayRow {
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

pub(super) fn days_of(samples: &[Sample], series: &Series, zones: &ZoneHistory) -> BTreeMap<Day, DayRow> {
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
pub(super) fn day_bytes(day: Day) -> [u8; 4] {
    day.epoch_days().cast_unsigned().wrapping_add(1 << 31).to_be_bytes()
}

fn read_day(rest: &[u8]) -> Result<Day, StoreError> {
    let (day, _) = rest.split_first_chunk::<4>().ok_or(StoreError::Damaged)?;
    let days = u32::from_be_bytes(*day).wrapping_sub(1 << 31).cast_signed();
    Day::from_epoch_days(days).ok_or(StoreError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::{
        super::codec::tests::{beats, series},
        *,
    };

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
