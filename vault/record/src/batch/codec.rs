//! The bytes of columns: encoding, and a decoder that refuses everything that the encoder does not write.
//!
//! ```text
//! version  u8 = 1
//! kind, application, device, unit   varint length + UTF-8, each at most 256 bytes
//! month    varint: year * 12 + month - 1
//! part     varint
//! count    varint, 1 to 65 536
//! form     u8: 0 numbers, 1 codes
//! numbers: scale u8 (0 to 9), then exceptions: varint count, each varint index (ascending) + text of the number
//! codes:   varint count, each varint length + UTF-8, ascending, every one used
//! offsets  varint count of runs, each varint length + varint zigzag(minutes) + 1, or 0 for none
//! own ids  u8: 0 none; 1: for each sample u8 0, or u8 1 + 16 bytes
//! lengths  u8: 0 when every length is zero, else 1
//! starts   count * i64, then lengths (if 1) count * i64, then values count * i64, little-endian
//! ```
//!
//! The scale is the greatest number of decimals of the normalised values, at most 9. A value that does not fit keeps its
//! text among the exceptions, and 0 in its column. Varints are minimal LEB128.

use super::{
    BATCH_SCALE_MAX, CODE_BYTES_MAX, CODES_PER_BATCH_MAX, Columns, Month, NAME_BYTES_MAX, Numbers, PARTS_PER_MONTH_MAX,
    SAMPLES_PER_BATCH_MAX, Sample, SampleValue, Series, Source,
};
use crate::quantity::Decimal;

/// Why bytes are no columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchRefused {
    /// A start outside the month that the header names.
    #[error("a sample lies outside the month of its batch")]
    OutsideMonth,
    /// More of something than is allowed.
    #[error("the batch exceeds a limit: {0}")]
    OverLimit(&'static str),
    /// Bytes after the end.
    #[error("bytes after the end of the batch")]
    TrailingBytes,
    /// The bytes end too early.
    #[error("the batch ends too early")]
    Truncated,
    /// A form that the encoder never writes.
    #[error("the batch is not in canonical form: {0}")]
    NotCanonical(&'static str),
    /// Samples not in ascending order, or doubled.
    #[error("the samples are not sorted or not unique")]
    Unsorted,
    /// A version that this program does not know.
    #[error("unknown version of measure columns")]
    UnknownVersion,
    /// A sample that cannot be: end before start, time or offset out of range.
    #[error("a sample is not sound")]
    Unsound,
}

pub(super) fn encode(columns: &Columns) -> Vec<u8> {
    let (mut bytes, numbers) = split(columns);
    bytes.reserve(columns.samples.len() * 24);
    for column in [&numbers.starts, &numbers.lengths, &numbers.values] {
        bytes.extend(column.iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<Columns, BatchRefused> {
    let mut reader = Reader { rest: bytes };
    let header = Header::read(&mut reader)?;
    let numbers = Numbers {
        starts: reader.i64s(header.count)?,
        lengths: if header.has_lengths { reader.i64s(header.count)? } else { Vec::new() },
        values: reader.i64s(header.count)?,
    };
    reader.finish()?;
    assemble(header, &numbers)
}

pub(super) fn split(columns: &Columns) -> (Vec<u8>, Numbers) {
    let samples = &columns.samples;
    let mut bytes = vec![VERSION];
    let series = &columns.series;
    for name in [&series.kind, &series.source.application, &series.source.device, &series.unit] {
        put_text(&mut bytes, name);
    }
    put_varint(&mut bytes, month_number(columns.month));
    put_varint(&mut bytes, u64::from(columns.part));
    put_count(&mut bytes, samples.len());
    let values = put_values(&mut bytes, samples);
    put_offsets(&mut bytes, samples);
    put_own_ids(&mut bytes, samples);
    let has_lengths = samples.iter().any(|sample| sample.end_ms != sample.start_ms);
    bytes.push(u8::from(has_lengths));
    let lengths = samples.iter().filter(|_| has_lengths).map(|sample| sample.end_ms - sample.start_ms).collect();
    let starts = samples.iter().map(|sample| sample.start_ms).collect();
    (bytes, Numbers { starts, lengths, values })
}

pub(super) fn join(rest: &[u8], numbers: &Numbers) -> Result<Columns, BatchRefused> {
    let mut reader = Reader { rest };
    let header = Header::read(&mut reader)?;
    reader.finish()?;
    let lengths = if header.has_lengths { header.count } else { 0 };
    let found = (numbers.starts.len(), numbers.lengths.len(), numbers.values.len());
    if found != (header.count, lengths, header.count) {
        return Err(BatchRefused::NotCanonical("columns of different length"));
    }
    assemble(header, numbers)
}

pub(super) fn scale_of(rest: &[u8]) -> Result<Option<u8>, BatchRefused> {
    match Header::read(&mut Reader { rest })?.form {
        Form::Numbers { scale, exceptions } if exceptions.is_empty() => Ok(Some(scale)),
        Form::Numbers { .. } | Form::Codes(_) => Ok(None),
    }
}

/// Everything but the three numeric columns.
struct Header {
    series: Series,
    month: Month,
    part: u32,
    count: usize,
    form: Form,
    offsets: Vec<(usize, Option<i16>)>,
    own_ids: Option<Vec<Option<[u8; 16]>>>,
    has_lengths: bool,
}

enum Form {
    Codes(Vec<String>),
    Numbers { scale: u8, exceptions: Vec<(usize, Decimal)> },
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, BatchRefused> {
        if reader.byte()? != VERSION {
            return Err(BatchRefused::UnknownVersion);
        }
        let kind = reader.text(NAME_BYTES_MAX, "name")?;
        let application = reader.text(NAME_BYTES_MAX, "name")?;
        let device = reader.text(NAME_BYTES_MAX, "name")?;
        let unit = reader.text(NAME_BYTES_MAX, "name")?;
        let month = reader.month()?;
        let part = u32::try_from(reader.varint()?).ok().filter(|part| *part < PARTS_PER_MONTH_MAX);
        let part = part.ok_or(BatchRefused::OverLimit("parts"))?;
        let count = reader.count(SAMPLES_PER_BATCH_MAX, "samples")?;
        if count == 0 {
            return Err(BatchRefused::NotCanonical("empty"));
        }
        let form = match reader.byte()? {
            0 => Form::Numbers { scale: reader.scale()?, exceptions: reader.exceptions(count)? },
            1 => Form::Codes(reader.codes()?),
            _ => return Err(BatchRefused::NotCanonical("form")),
        };
        let offsets = reader.offsets(count)?;
        let own_ids = reader.flag()?.then(|| reader.own_ids(count)).transpose()?;
        let has_lengths = reader.flag()?;
        let series = Series { kind, source: Source { application, device }, unit };
        Ok(Self { series, month, part, count, form, offsets, own_ids, has_lengths })
    }
}

fn assemble(header: Header, numbers: &Numbers) -> Result<Columns, BatchRefused> {
    if header.has_lengths && numbers.lengths.iter().all(|length| *length == 0) {
        return Err(BatchRefused::NotCanonical("lengths"));
    }
    let (first, next) = header.month.bounds_ms();
    if numbers.starts.iter().any(|start| !(first..next).contains(start)) {
        return Err(BatchRefused::OutsideMonth);
    }
    let values = read_values(&header.form, &numbers.values)?;
    let offsets = header.offsets.iter().flat_map(|(run, offset)| std::iter::repeat_n(*offset, *run));
    let lengths = numbers.lengths.iter().copied().chain(std::iter::repeat(0));
    let ids = header.own_ids.into_iter().flatten().chain(std::iter::repeat(None));
    let mut samples: Vec<Sample> = Vec::with_capacity(header.count);
    let rows = numbers.starts.iter().zip(lengths).zip(values).zip(offsets).zip(ids);
    for ((((start, length), value), offset_minutes), own_id) in rows {
        let end_ms = start.checked_add(length).ok_or(BatchRefused::Unsound)?;
        let sample = Sample { start_ms: *start, end_ms, value, offset_minutes, own_id };
        if !sample.is_sound() {
            return Err(BatchRefused::Unsound);
        }
        if samples.last().is_some_and(|before| before.identity() >= sample.identity()) {
            return Err(BatchRefused::Unsorted);
        }
        samples.push(sample);
    }
    Ok(Columns { series: header.series, month: header.month, part: header.part, samples })
}

fn read_values(form: &Form, column: &[i64]) -> Result<Vec<SampleValue>, BatchRefused> {
    match form {
        Form::Codes(codes) => read_codes(codes, column),
        Form::Numbers { scale, exceptions } => read_numbers(*scale, exceptions, column),
    }
}

fn read_codes(codes: &[String], column: &[i64]) -> Result<Vec<SampleValue>, BatchRefused> {
    let mut used = vec![false; codes.len()];
    let mut values = Vec::with_capacity(column.len());
    for place in column {
        let place = usize::try_from(*place).ok();
        let found = place.and_then(|place| Some((codes.get(place)?, used.get_mut(place)?)));
        let (code, used) = found.ok_or(BatchRefused::NotCanonical("code"))?;
        *used = true;
        values.push(SampleValue::Code(code.clone()));
    }
    if used.contains(&false) { Err(BatchRefused::NotCanonical("unused code")) } else { Ok(values) }
}

fn read_numbers(scale: u8, exceptions: &[(usize, Decimal)], column: &[i64]) -> Result<Vec<SampleValue>, BatchRefused> {
    let mut exceptions = exceptions.iter().peekable();
    let mut widest = 0;
    let mut values = Vec::with_capacity(column.len());
    for (place, mantissa) in column.iter().enumerate() {
        let number = if let Some((_, number)) = exceptions.next_if(|(at, _)| *at == place) {
            if *mantissa != 0 || fits(*number, scale).is_some() {
                return Err(BatchRefused::NotCanonical("exception"));
            }
            *number
        } else {
            Decimal::new(*mantissa, scale).ok_or(BatchRefused::OverLimit("digits"))?.normalised()
        };
        widest = widest.max(number.scale().min(BATCH_SCALE_MAX));
        values.push(SampleValue::Number(number));
    }
    if widest == scale { Ok(values) } else { Err(BatchRefused::NotCanonical("scale")) }
}

/// The mantissa of a normalised number at the scale of the batch, if it is a number of at most 18 digits there.
fn fits(number: Decimal, scale: u8) -> Option<i64> {
    number.mantissa_at(scale).filter(|mantissa| Decimal::new(*mantissa, scale).is_some())
}

fn put_values(bytes: &mut Vec<u8>, samples: &[Sample]) -> Vec<i64> {
    let numbers: Option<Vec<Decimal>> = samples
        .iter()
        .map(|sample| match &sample.value {
            SampleValue::Number(number) => Some(*number),
            SampleValue::Code(_) => None,
        })
        .collect();
    match numbers {
        Some(numbers) => put_numbers(bytes, &numbers),
        None => put_codes(bytes, samples),
    }
}

fn put_numbers(bytes: &mut Vec<u8>, numbers: &[Decimal]) -> Vec<i64> {
    let scale = numbers.iter().map(|number| number.scale().min(BATCH_SCALE_MAX)).max().unwrap_or(0);
    bytes.extend_from_slice(&[0, scale]);
    let fitted: Vec<Option<i64>> = numbers.iter().map(|number| fits(*number, scale)).collect();
    let exceptions = fitted.iter().zip(numbers).enumerate().filter(|(_, (fitted, _))| fitted.is_none());
    put_count(bytes, exceptions.clone().count());
    for (place, (_, number)) in exceptions {
        put_count(bytes, place);
        put_text(bytes, &number.to_string());
    }
    fitted.into_iter().map(Option::unwrap_or_default).collect()
}

fn put_codes(bytes: &mut Vec<u8>, samples: &[Sample]) -> Vec<i64> {
    let code_of = |sample: &Sample| match &sample.value {
        SampleValue::Code(code) => code.clone(),
        // `Columns::cut` never mixes the two forms.
        SampleValue::Number(number) => number.to_string(),
    };
    let codes: std::collections::BTreeSet<String> = samples.iter().map(code_of).collect();
    bytes.push(1);
    put_count(bytes, codes.len());
    for code in &codes {
        put_text(bytes, code);
    }
    let places: std::collections::BTreeMap<&str, i64> = codes.iter().map(String::as_str).zip(0..).collect();
    samples.iter().map(|sample| places.get(code_of(sample).as_str()).copied().unwrap_or_default()).collect()
}

fn put_offsets(bytes: &mut Vec<u8>, samples: &[Sample]) {
    let runs: Vec<&[Sample]> = samples.chunk_by(|a, b| a.offset_minutes == b.offset_minutes).collect();
    put_count(bytes, runs.len());
    for run in runs {
        put_count(bytes, run.len());
        let offset = run.first().and_then(|sample| sample.offset_minutes);
        put_varint(bytes, offset.map_or(0, |minutes| zigzag(minutes) + 1));
    }
}

fn put_own_ids(bytes: &mut Vec<u8>, samples: &[Sample]) {
    let any = samples.iter().any(|sample| sample.own_id.is_some());
    bytes.push(u8::from(any));
    for sample in samples.iter().filter(|_| any) {
        match sample.own_id {
            None => bytes.push(0),
            Some(id) => {
                bytes.push(1);
                bytes.extend_from_slice(&id);
            }
        }
    }
}

fn zigzag(minutes: i16) -> u64 {
    let wide = u64::from(minutes.unsigned_abs()) * 2;
    if minutes < 0 { wide - 1 } else { wide }
}

fn unzigzag(wide: u64) -> Option<i16> {
    let half = i16::try_from(wide / 2).ok()?;
    if wide.is_multiple_of(2) { Some(half) } else { half.checked_neg()?.checked_sub(1) }
}

fn month_number(month: Month) -> u64 {
    u64::from(month.year()) * 12 + u64::from(month.month()) - 1
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    put_varint(bytes, u64::try_from(count).unwrap_or(u64::MAX));
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// A cursor over bytes from outside. Every count is compared with a limit and with what is left before it is used.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], BatchRefused> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(BatchRefused::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, BatchRefused> {
        self.take(1)?.first().copied().ok_or(BatchRefused::Truncated)
    }

    fn flag(&mut self) -> Result<bool, BatchRefused> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BatchRefused::NotCanonical("flag")),
        }
    }

    fn varint(&mut self) -> Result<u64, BatchRefused> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return Err(BatchRefused::NotCanonical("varint"));
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                let is_minimal = byte != 0 || shift == 0;
                return if is_minimal { Ok(value) } else { Err(BatchRefused::NotCanonical("varint")) };
            }
        }
        Err(BatchRefused::NotCanonical("varint"))
    }

    fn count(&mut self, max: usize, what: &'static str) -> Result<usize, BatchRefused> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > max { Err(BatchRefused::OverLimit(what)) } else { Ok(count) }
    }

    fn text(&mut self, max: usize, what: &'static str) -> Result<String, BatchRefused> {
        let length = self.count(max, what)?;
        let text = str::from_utf8(self.take(length)?).map_err(|_| BatchRefused::NotCanonical("text"))?;
        Ok(text.to_owned())
    }

    fn month(&mut self) -> Result<Month, BatchRefused> {
        let number = self.varint()?;
        let year = u16::try_from(number / 12).ok();
        let month = u8::try_from(number % 12 + 1).ok();
        year.zip(month).and_then(|(year, month)| Month::new(year, month)).ok_or(BatchRefused::NotCanonical("month"))
    }

    fn scale(&mut self) -> Result<u8, BatchRefused> {
        let scale = self.byte()?;
        if scale > BATCH_SCALE_MAX { Err(BatchRefused::OverLimit("scale")) } else { Ok(scale) }
    }

    fn exceptions(&mut self, samples: usize) -> Result<Vec<(usize, Decimal)>, BatchRefused> {
        let count = self.count(samples, "exceptions")?;
        let mut exceptions: Vec<(usize, Decimal)> = Vec::new();
        for _ in 0..count {
            let place = self.count(samples - 1, "exception")?;
            let text = self.text(NUMBER_BYTES_MAX, "number")?;
            let number: Decimal = text.parse().map_err(|_| BatchRefused::NotCanonical("number"))?;
            let is_normal = number.normalised() == number && number.to_string() == text;
            let is_after = exceptions.last().is_none_or(|(before, _)| *before < place);
            if !is_normal || !is_after {
                return Err(BatchRefused::NotCanonical("exception"));
            }
            exceptions.push((place, number));
        }
        Ok(exceptions)
    }

    fn codes(&mut self) -> Result<Vec<String>, BatchRefused> {
        let count = self.count(CODES_PER_BATCH_MAX, "codes")?;
        let mut codes: Vec<String> = Vec::new();
        for _ in 0..count {
            let code = self.text(CODE_BYTES_MAX, "code")?;
            if code.is_empty() || codes.last().is_some_and(|before| *before >= code) {
                return Err(BatchRefused::NotCanonical("codes"));
            }
            codes.push(code);
        }
        Ok(codes)
    }

    fn offsets(&mut self, samples: usize) -> Result<Vec<(usize, Option<i16>)>, BatchRefused> {
        let count = self.count(samples, "runs")?;
        let mut runs: Vec<(usize, Option<i16>)> = Vec::new();
        let mut covered = 0;
        for _ in 0..count {
            let length = self.count(samples - covered, "run")?;
            let offset = match self.varint()?.checked_sub(1) {
                None => None,
                Some(wide) => Some(unzigzag(wide).ok_or(BatchRefused::Unsound)?),
            };
            if length == 0 || runs.last().is_some_and(|(_, before)| *before == offset) {
                return Err(BatchRefused::NotCanonical("runs"));
            }
            covered += length;
            runs.push((length, offset));
        }
        if covered == samples { Ok(runs) } else { Err(BatchRefused::NotCanonical("runs")) }
    }

    fn own_ids(&mut self, samples: usize) -> Result<Vec<Option<[u8; 16]>>, BatchRefused> {
        let mut ids = Vec::new();
        for _ in 0..samples {
            let id = if self.flag()? { self.take(16)?.try_into().ok() } else { None };
            ids.push(id);
        }
        if ids.iter().all(Option::is_none) { Err(BatchRefused::NotCanonical("own ids")) } else { Ok(ids) }
    }

    fn i64s(&mut self, count: usize) -> Result<Vec<i64>, BatchRefused> {
        let bytes = self.take(count * 8)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect())
    }

    fn finish(&self) -> Result<(), BatchRefused> {
        if self.rest.is_empty() { Ok(()) } else { Err(BatchRefused::TrailingBytes) }
    }
}

const VERSION: u8 = 1;
/// Characters of a number among the exceptions: sign, 18 digits, point.
const NUMBER_BYTES_MAX: usize = 21;
