//! What a graph draws: the starts and values of a series as columns, without making a sample of each.
//!
//! Ten years of a heart are millions of values; a list of samples would take seconds and hundreds of megabytes. Where
//! batches of one month overlap, the samples are made after all, so that each is drawn once.

use std::collections::BTreeMap;

use carnet_crypto::id::FeedId;
use carnet_record::batch::{SampleValue, Series};

use super::{
    BatchRow, UNDECODED,
    codec::{Drawn, decode_drawn},
};
use crate::{
    record::{Record, RecordError},
    store::Reader,
};

/// The numbers of one series, oldest first. Codes are not drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// What they are points of.
    pub series: Series,
    /// Starts, milliseconds UTC.
    pub starts: Vec<i64>,
    /// As many values, in the unit of the series, near enough to be drawn.
    pub values: Vec<f64>,
}

impl Record<'_> {
    /// The points of a kind that begin in `from_ms..until_ms`, a list for each series that has numbers.
    ///
    /// # Errors
    /// The store's; [`RecordError::Damaged`] when a stored batch does not open.
    pub fn points(&self, kind: &str, from_ms: i64, until_ms: i64) -> Result<Vec<Points>, RecordError> {
        let reader = self.store.read()?;
        let mut curves: BTreeMap<Series, Points> = BTreeMap::new();
        for all in self.months_of(&reader, kind, from_ms, until_ms)?.into_values() {
            for (series, mut batches) in all {
                batches.sort_unstable_by_key(|row| (row.first_ms, row.last_ms));
                let points = curves.entry(series.clone()).or_insert_with(|| Points::none(series));
                let is_disjoint =
                    batches.iter().zip(batches.iter().skip(1)).all(|(row, next)| row.last_ms < next.first_ms);
                if !(is_disjoint && self.add_columns(&reader, &batches, points)?) {
                    self.add_samples(&reader, &batches, points)?;
                }
            }
        }
        let mut curves: Vec<Points> = curves.into_values().collect();
        for points in &mut curves {
            points.keep(from_ms, until_ms);
        }
        curves.retain(|points| !points.starts.is_empty());
        Ok(curves)
    }

    /// Adds batches column by column. False when one of them has to be read sample by sample; nothing is added then.
    fn add_columns(&self, reader: &Reader, batches: &[BatchRow], points: &mut Points) -> Result<bool, RecordError> {
        let mut columns = Vec::with_capacity(batches.len());
        for row in batches {
            let payload = self.open_stored(reader, &FeedId(row.feed), row.seq)?;
            let Some(column) = decode_drawn(&payload).map_err(|_| RecordError::Damaged(UNDECODED))? else {
                return Ok(false);
            };
            columns.push(column);
        }
        for Drawn { scale, starts, values } in columns {
            points.starts.extend(starts);
            points.values.extend(values.into_iter().map(|mantissa| drawn(mantissa, scale)));
        }
        Ok(true)
    }

    fn add_samples(&self, reader: &Reader, batches: &[BatchRow], points: &mut Points) -> Result<(), RecordError> {
        for sample in self.union(reader, batches)? {
            if let SampleValue::Number(number) = sample.value {
                points.starts.push(sample.start_ms);
                points.values.push(drawn(number.mantissa(), number.scale()));
            }
        }
        Ok(())
    }
}

impl Points {
    fn none(series: Series) -> Self {
        Self { series, starts: Vec::new(), values: Vec::new() }
    }

    fn keep(&mut self, from_ms: i64, until_ms: i64) {
        let end = self.starts.partition_point(|start| *start < until_ms);
        let begin = self.starts.partition_point(|start| *start < from_ms).min(end);
        self.starts.truncate(end);
        self.values.truncate(end);
        self.starts.drain(..begin);
        self.values.drain(..begin);
    }
}

/// A number as it is drawn: nearest, which no eye can tell from the number itself.
#[expect(clippy::cast_precision_loss, reason = "a graph needs a few digits of the eighteen")]
fn drawn(mantissa: i64, scale: u8) -> f64 {
    mantissa as f64 / 10_f64.powi(i32::from(scale))
}

#[cfg(test)]
mod tests {
    use carnet_record::{
        Decimal,
        batch::{Sample, Source},
        item::Item,
    };

    use super::*;
    use crate::tests::{Device, beats, exchange, import, pair};

    fn of(application: &str, samples: Vec<Sample>) -> Item {
        Item::Samples { series: Series::new("heart-rate", &Source::new(application, "Montre"), "count/min"), samples }
    }

    /// The same points, made of the samples.
    fn slowly(record: &Record<'_>, from_ms: i64, until_ms: i64) -> Vec<(Series, Vec<i64>, Vec<f64>)> {
        let mut curves: BTreeMap<Series, (Vec<i64>, Vec<f64>)> = BTreeMap::new();
        for (series, sample) in record.samples("heart-rate", from_ms, until_ms, usize::MAX).unwrap() {
            let SampleValue::Number(number) = sample.value else { continue };
            let (starts, values) = curves.entry((*series).clone()).or_default();
            starts.push(sample.start_ms);
            values.push(number.to_string().parse().unwrap());
        }
        curves.into_iter().map(|(series, (starts, values))| (series, starts, values)).collect()
    }

    fn quickly(record: &Record<'_>, from_ms: i64, until_ms: i64) -> Vec<(Series, Vec<i64>, Vec<f64>)> {
        let points = record.points("heart-rate", from_ms, until_ms).unwrap();
        points.into_iter().map(|points| (points.series, points.starts, points.values)).collect()
    }

    #[test]
    fn points_are_those_of_the_samples_over_months_sources_scales_and_codes() {
        let mut device = Device::new(180);
        let id = device.begin().record;
        let mut record = device.record(&id);
        let at = |ms: i64, text: &str| Sample::at(1_767_225_600_000 + ms, text.parse().unwrap());
        let code = Sample { value: SampleValue::Code("asleep".to_owned()), ..at(9_000, "1") };
        let odd = of("Autre", vec![at(5_000, "61.5"), at(7_000, "0.000000000000001"), at(8_000, "-3"), code]);
        // 600 000 times seven seconds: two months.
        import(&mut record, 1, vec![beats(600_000), odd, Item::Tally(Box::default())]);
        let whole = quickly(&record, i64::MIN, i64::MAX);
        assert_eq!(whole, slowly(&record, i64::MIN, i64::MAX));
        assert_eq!(whole.iter().map(|(_, starts, _)| starts.len()).collect::<Vec<_>>(), [3, 600_000]);
        let (from, until) = (1_767_225_600_000 + 7_001, 1_767_225_600_000 + 3_000_000_000);
        assert_eq!(quickly(&record, from, until), slowly(&record, from, until));
        assert!(record.points("steps", i64::MIN, i64::MAX).unwrap().is_empty());
    }

    #[test]
    fn what_two_devices_took_in_apart_is_drawn_once() {
        let (mut one, mut two) = (Device::new(181), Device::new(182));
        let id = one.begin().record;
        pair(&mut one, &mut two, &id);
        import(&mut one.record(&id), 1, vec![beats(300), Item::Tally(Box::default())]);
        import(&mut two.record(&id), 2, vec![beats(400), Item::Tally(Box::default())]);
        exchange(&mut one, &mut two, &id);
        let record = two.record(&id);
        assert_eq!(quickly(&record, 0, i64::MAX)[0].1.len(), 400);
        assert_eq!(quickly(&record, 0, i64::MAX), slowly(&record, 0, i64::MAX));
    }

    #[test]
    fn of_too_many_samples_the_last_are_given_in_order_of_time_over_all_sources() {
        let mut device = Device::new(183);
        let id = device.begin().record;
        let mut record = device.record(&id);
        let other =
            of("Autre", (0..10).map(|n| Sample::at(1_767_225_600_000 + n * 10_000, Decimal::from_i32(70))).collect());
        import(&mut record, 1, vec![beats(600_000), other, Item::Tally(Box::default())]);
        let all = record.samples("heart-rate", 0, i64::MAX, usize::MAX).unwrap();
        assert!(all.is_sorted_by_key(|(_, sample)| sample.start_ms));
        let others = all[..15].iter().filter(|(series, _)| series.source.application == "Autre");
        assert_eq!((all.len(), others.count()), (600_010, 6));
        // Of one month, of several, of all.
        for limit in [0, 15, 400_000, 600_010, 700_000] {
            let last = record.samples("heart-rate", 0, i64::MAX, limit).unwrap();
            assert!(last == all[all.len().saturating_sub(limit)..], "{limit}");
        }
    }
}
