//! Dense measures: samples, and the canonical uncompressed columns of one series and one UTC month.
//!
//! The bytes are specified in `docs/format.md`, "Measure columns". They are canonical: equal samples give equal bytes,
//! and [`Columns::decode`] refuses everything else (ATK-29), so that every replica decides alike. Ids are hashes of
//! these bytes and are computed in carnet-vault; so is compression. Plausibility of values is not checked here.

mod codec;

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

pub use self::codec::BatchRefused;
use crate::{
    date::{DAY_MS, Day, INSTANT_MS_MAX, INSTANT_MS_MIN, OFFSET_MINUTES_MAX},
    quantity::Decimal,
};

/// Application and device of a sample, normalised: trimmed, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Name or package of the application; empty when the source told none.
    pub application: String,
    /// Name of the device; empty when the source told none.
    pub device: String,
}

impl Source {
    /// A source in its normal form.
    pub fn new(application: &str, device: &str) -> Self {
        Self { application: normal_name(application), device: normal_name(device) }
    }
}

/// What samples are samples of. Nothing is converted at import, so the unit is the unit as read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Series {
    /// Slug of [`crate::measure::KINDS`], or the type of the source for a kind that the table lacks.
    pub kind: String,
    /// Application and device.
    pub source: Source,
    /// Unit as read; empty for codes.
    pub unit: String,
}

impl Series {
    /// A series whose names are normalised as those of a source.
    pub fn new(kind: &str, source: &Source, unit: &str) -> Self {
        let source = Source::new(&source.application, &source.device);
        Self { kind: normal_name(kind), source, unit: normal_name(unit) }
    }
}

/// The value of a sample. Ordered by value, numbers before codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleValue {
    /// A number; its trailing zeros take no part in its identity.
    Number(Decimal),
    /// A code of the source, such as a sleep stage; 1 to [`CODE_BYTES_MAX`] bytes.
    Code(String),
}

impl SampleValue {
    /// The form that takes part in an identity.
    #[must_use]
    pub fn normalised(self) -> Self {
        match self {
            Self::Number(number) => Self::Number(number.normalised()),
            Self::Code(code) => Self::Code(code),
        }
    }
}

impl PartialOrd for SampleValue {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SampleValue {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            // Equal values with other digits differ only before normalisation; the tie keeps the order total.
            (Self::Number(a), Self::Number(b)) => a.compare(*b).then(a.scale().cmp(&b.scale())),
            (Self::Number(_), Self::Code(_)) => std::cmp::Ordering::Less,
            (Self::Code(_), Self::Number(_)) => std::cmp::Ordering::Greater,
            (Self::Code(a), Self::Code(b)) => a.cmp(b),
        }
    }
}

impl From<Decimal> for SampleValue {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

/// One sample. Its identity is series, start, end and value; the other two are attributes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sample {
    /// Start, milliseconds UTC.
    pub start_ms: i64,
    /// End, milliseconds UTC; the start for a sample at one instant.
    pub end_ms: i64,
    /// The value.
    pub value: SampleValue,
    /// Minutes east of UTC, when the source keeps a true offset for each record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_minutes: Option<i16>,
    /// The source's own identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_id: Option<[u8; 16]>,
}

impl Sample {
    /// A number at one instant.
    pub fn at(start_ms: i64, value: Decimal) -> Self {
        Self { start_ms, end_ms: start_ms, value: SampleValue::Number(value), offset_minutes: None, own_id: None }
    }

    /// Whether it can stand in a batch: times in order and in the years 1 to 9999, offset and code within bounds.
    pub fn is_sound(&self) -> bool {
        let code_fits = match &self.value {
            SampleValue::Number(_) => true,
            SampleValue::Code(code) => !code.is_empty() && code.len() <= CODE_BYTES_MAX,
        };
        self.start_ms >= INSTANT_MS_MIN
            && self.end_ms <= INSTANT_MS_MAX
            && self.start_ms <= self.end_ms
            && self.offset_minutes.is_none_or(|minutes| minutes.unsigned_abs() <= OFFSET_MINUTES_MAX)
            && code_fits
    }

    /// Whether it is the same sample of one series, whatever its attributes say. Values are compared as they stand:
    /// normalised ones, as columns have them.
    pub fn is_same(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    fn identity(&self) -> (i64, i64, &SampleValue) {
        (self.start_ms, self.end_ms, &self.value)
    }
}

/// A month of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// A month of the years 1 to 9999.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        ((1..=9999).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The month in which `millis` lies.
    pub fn of_millis(millis: i64) -> Option<Self> {
        let date = Day::of_millis(millis, 0)?.date();
        Self::new(date.year(), date.month()?)
    }

    /// The year: the volume of the batch.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month of the year, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// First millisecond, and the first one after.
    pub fn bounds_ms(self) -> (i64, i64) {
        let first = |year, month| {
            crate::PartialDate::from_month(year, month)
                .map_or(INSTANT_MS_MAX + 1, |date| i64::from(date.earliest().epoch_days()) * DAY_MS)
        };
        let next = if self.month == 12 { first(self.year + 1, 1) } else { first(self.year, self.month + 1) };
        (first(self.year, self.month), next)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The columns of one series and one UTC month: sorted by (start, end, value), without doubles, numbers or codes but
/// not both. Only the two checked ways of making one exist: from samples, and from bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    series: Series,
    month: Month,
    part: u32,
    samples: Vec<Sample>,
}

/// The numeric columns, for a codec that compresses each one ([`Columns::numbers`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Starts, milliseconds UTC.
    pub starts: Vec<i64>,
    /// End − start; empty when all are zero.
    pub lengths: Vec<i64>,
    /// Mantissas at the scale of the batch, or places in the list of codes.
    pub values: Vec<i64>,
}

/// What a batch holds, read without its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Samples.
    pub count: usize,
    /// Least and greatest number; none for codes.
    pub range: Option<(Decimal, Decimal)>,
    /// First start, milliseconds UTC.
    pub first_ms: i64,
    /// Last start, milliseconds UTC.
    pub last_ms: i64,
}

/// Columns cut from samples, and what was left over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Columns by month and part.
    pub columns: Vec<Columns>,
    /// Samples that repeat another of the same identity.
    pub repeated: usize,
    /// Samples that cannot stand in a batch ([`Sample::is_sound`]).
    pub unsound: usize,
}

impl Columns {
    /// Cuts samples of one series, in any order, into columns: by UTC month of start, sorted, without doubles, in
    /// numbered parts of at most [`SAMPLES_PER_BATCH_MAX`], numbers before codes. Of two samples of one identity the
    /// one with the lower attributes stays, so that the result does not depend on the order.
    pub fn cut(series: &Series, samples: Vec<Sample>) -> Cut {
        let series = &Series::new(&series.kind, &series.source, &series.unit);
        let before = samples.len();
        let mut sound: Vec<Sample> = samples.into_iter().filter(Sample::is_sound).collect();
        let unsound = before - sound.len();
        for sample in &mut sound {
            if let SampleValue::Number(number) = &mut sample.value {
                *number = number.normalised();
            }
        }
        sound.sort_unstable();
        let kept = sound.len();
        sound.dedup_by(|later, earlier| later.is_same(earlier));
        let repeated = kept - sound.len();
        let months: BTreeSet<Month> = sound.iter().filter_map(|sample| Month::of_millis(sample.start_ms)).collect();
        let mut columns = Vec::new();
        for month in months {
            let (first, next) = month.bounds_ms();
            let from = sound.partition_point(|sample| sample.start_ms < first);
            let to = sound.partition_point(|sample| sample.start_ms < next);
            let of_month = sound.get(from..to).unwrap_or_default();
            columns.extend(parts(series, month, of_month));
        }
        Cut { columns, repeated, unsound }
    }

    /// What the samples are samples of.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Their month.
    pub fn month(&self) -> Month {
        self.month
    }

    /// Which part of the month, from 0.
    pub fn part(&self) -> u32 {
        self.part
    }

    /// The samples in order, never empty, values normalised.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The samples themselves.
    pub fn into_samples(self) -> Vec<Sample> {
        self.samples
    }

    /// Count, range and span.
    pub fn summary(&self) -> Summary {
        let numbers = self.samples.iter().filter_map(|sample| match &sample.value {
            SampleValue::Number(number) => Some(*number),
            SampleValue::Code(_) => None,
        });
        let range = numbers.fold(None, |range: Option<(Decimal, Decimal)>, number| {
            let (low, high) = range.unwrap_or((number, number));
            let low = if number.compare(low).is_lt() { number } else { low };
            let high = if number.compare(high).is_gt() { number } else { high };
            Some((low, high))
        });
        Summary {
            count: self.samples.len(),
            range,
            first_ms: self.samples.first().map_or(0, |sample| sample.start_ms),
            last_ms: self.samples.last().map_or(0, |sample| sample.start_ms),
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads canonical bytes, checking everything before it allocates: sorted, unique, inside the month, bounded,
    /// nothing after the end.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchRefused> {
        codec::decode(bytes)
    }

    /// The numeric columns apart, and the canonical bytes without them. `Columns::join(rest, numbers)` puts them
    /// together again; a vault stores the rest as it is and each numeric column compressed.
    pub fn numbers(&self) -> (Vec<u8>, Numbers) {
        codec::split(self)
    }

    /// The decimals that the numbers of a batch have in their column, read from `rest` of [`Columns::numbers`] alone. None
    /// when the column does not hold every value: codes, and numbers that keep their text beside it.
    pub fn scale_of(rest: &[u8]) -> Result<Option<u8>, BatchRefused> {
        codec::scale_of(rest)
    }

    /// Puts together what [`Columns::numbers`] took apart, with all the checks of [`Columns::decode`].
    pub fn join(rest: &[u8], numbers: &Numbers) -> Result<Self, BatchRefused> {
        codec::join(rest, numbers)
    }
}

fn parts(series: &Series, month: Month, samples: &[Sample]) -> Vec<Columns> {
    let (numbers, codes): (Vec<&Sample>, Vec<&Sample>) =
        samples.iter().partition(|sample| matches!(sample.value, SampleValue::Number(_)));
    let chunks = numbers.chunks(SAMPLES_PER_BATCH_MAX).chain(chunks_by_codes(&codes));
    let numbered = (0_u32..).zip(chunks);
    numbered
        .map(|(part, chunk)| Columns {
            series: series.clone(),
            month,
            part,
            samples: chunk.iter().map(|sample| (*sample).clone()).collect(),
        })
        .collect()
}

/// Chunks of at most [`SAMPLES_PER_BATCH_MAX`] samples with at most [`CODES_PER_BATCH_MAX`] different codes.
fn chunks_by_codes<'a>(mut samples: &'a [&'a Sample]) -> Vec<&'a [&'a Sample]> {
    let mut chunks = Vec::new();
    while !samples.is_empty() {
        let mut codes = BTreeSet::new();
        let mut length = 0;
        for sample in samples.iter().take(SAMPLES_PER_BATCH_MAX) {
            codes.insert(&sample.value);
            if codes.len() > CODES_PER_BATCH_MAX {
                break;
            }
            length += 1;
        }
        let (chunk, rest) = samples.split_at(length);
        chunks.push(chunk);
        samples = rest;
    }
    chunks
}

fn normal_name(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).collect();
    let mut end = plain.len().min(NAME_BYTES_MAX);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain.get(..end).unwrap_or_default().trim().to_owned()
}

/// Samples of one batch.
pub const SAMPLES_PER_BATCH_MAX: usize = 65_536;
/// Bytes of a kind, an application, a device or a unit.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of a code.
pub const CODE_BYTES_MAX: usize = 64;
/// Different codes of one batch.
pub const CODES_PER_BATCH_MAX: usize = 1024;
/// Parts of one month.
pub const PARTS_PER_MONTH_MAX: u32 = 65_536;
/// Decimals of the scale of a batch; a value with more keeps its text.
pub const BATCH_SCALE_MAX: u8 = 9;

#[cfg(test)]
mod tests;
