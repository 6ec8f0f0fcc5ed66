//! What the worker answers: frames of a tag (one byte), a length (four bytes, low byte first) and a payload.
//!
//! | tag | payload | most bytes |
//! |---|---|---|
//! | 1 ready | empty: the limits are in force | 0 |
//! | 2 item | an item as JSON | [`ITEM_BYTES_MAX`] |
//! | 3 samples | see [`encode_samples`] | [`SAMPLES_BYTES_MAX`] |
//! | 4 bytes of a document | as they are | 64 KiB |
//! | 5 tally | as JSON; the reading is over | [`TALLY_BYTES_MAX`] |
//! | 6 refused | the [`ContainerError`] as JSON; the reading is over | 1 KiB |
//!
//! Pure functions of bytes: nothing here knows of processes. Decoding is strict; trailing bytes are refused.

use std::io::{self, Read, Write};

use carnet_record::{
    Decimal,
    batch::{Sample, SampleValue, Series, Source},
    item::{DOCUMENT_CHUNK_BYTES_MAX, Item, SAMPLES_PER_ITEM_MAX, Tally},
};

use crate::intake::{ContainerError, bounds::LABEL_BYTES_MAX};

/// Most bytes of an item as JSON (16 MiB: the words of a clinical document are part of its draft).
pub const ITEM_BYTES_MAX: usize = 16 << 20;
/// Most bytes of a tally as JSON (32 MiB).
pub const TALLY_BYTES_MAX: usize = 32 << 20;
/// Most bytes of samples: each takes at most 133, their series four labels.
pub const SAMPLES_BYTES_MAX: usize = SAMPLES_PER_ITEM_MAX * 133 + 4 * (LABEL_BYTES_MAX + 2) + 4;
/// Most bytes of a refusal.
const REFUSED_BYTES_MAX: usize = 1 << 10;
/// Most bytes of the options, which travel the other way.
pub const OPTIONS_BYTES_MAX: usize = 64 << 10;

const READY: u8 = 1;
const ITEM: u8 = 2;
const SAMPLES: u8 = 3;
const BYTES: u8 = 4;
const TALLY: u8 = 5;
const REFUSED: u8 = 6;

/// One answer of the worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The limits are in force.
    Ready,
    /// An item; never a tally.
    Item(Item),
    /// The reading is over.
    Tally(Box<Tally>),
    /// The file is refused as a whole.
    Refused(ContainerError),
}

/// A frame that breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the worker breaks the rules")]
pub struct BadFrame;

/// Writes one answer.
///
/// # Errors
/// Those of the writer, and [`io::ErrorKind::InvalidData`] for an answer larger than its bound.
pub fn write(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    match answer {
        Answer::Ready => write_frame(READY, &[], 0, out),
        Answer::Item(Item::Samples { series, samples }) => {
            write_frame(SAMPLES, &encode_samples(series, samples), SAMPLES_BYTES_MAX, out)
        }
        Answer::Item(Item::DocumentBytes(bytes)) => write_frame(BYTES, bytes, DOCUMENT_CHUNK_BYTES_MAX, out),
        Answer::Item(item) => write_frame(ITEM, &serde_json::to_vec(item)?, ITEM_BYTES_MAX, out),
        Answer::Tally(tally) => write_frame(TALLY, &serde_json::to_vec(tally)?, TALLY_BYTES_MAX, out),
        Answer::Refused(error) => write_frame(REFUSED, &serde_json::to_vec(error)?, REFUSED_BYTES_MAX, out),
    }
}

/// Reads one answer; none at the end of the stream, between two frames.
///
/// # Errors
/// Those of the reader; a [`BadFrame`] as [`io::ErrorKind::InvalidData`].
pub fn read(source: &mut impl Read) -> io::Result<Option<Answer>> {
    let mut tag = [0_u8; 1];
    if source.read(&mut tag)? == 0 {
        return Ok(None);
    }
    let bytes_max = match tag {
        [READY] => 0,
        [ITEM] => ITEM_BYTES_MAX,
        [SAMPLES] => SAMPLES_BYTES_MAX,
        [BYTES] => DOCUMENT_CHUNK_BYTES_MAX,
        [TALLY] => TALLY_BYTES_MAX,
        [REFUSED] => REFUSED_BYTES_MAX,
        _ => return Err(bad()),
    };
    let payload = read_payload(bytes_max, source)?;
    let answer = match tag {
        [READY] => Answer::Ready,
        [ITEM] => match serde_json::from_slice(&payload)? {
            Item::Samples { .. } | Item::DocumentBytes(_) | Item::Tally(_) => return Err(bad()),
            item => Answer::Item(item),
        },
        [SAMPLES] => decode_samples(&payload).map(Answer::Item).map_err(|_| bad())?,
        [BYTES] => Answer::Item(Item::DocumentBytes(payload)),
        [TALLY] => Answer::Tally(serde_json::from_slice(&payload)?),
        _ => Answer::Refused(serde_json::from_slice(&payload)?),
    };
    Ok(Some(answer))
}

/// Writes bytes behind their length, in one call of the writer.
pub(super) fn write_payload(payload: &[u8], bytes_max: usize, out: &mut impl Write) -> io::Result<()> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= bytes_max).ok_or_else(bad)?;
    out.write_all(&[&length.to_le_bytes(), payload].concat())
}

/// Reads bytes behind their length, which is checked before anything is allocated.
pub(super) fn read_payload(bytes_max: usize, source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0_u8; 4];
    source.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if usize::try_from(length).map_or(true, |length| length > bytes_max) {
        return Err(bad());
    }
    let mut payload = Vec::new();
    let read = source.by_ref().take(u64::from(length)).read_to_end(&mut payload)?;
    if u32::try_from(read) == Ok(length) { Ok(payload) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn write_frame(tag: u8, payload: &[u8], bytes_max: usize, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[tag])?;
    write_payload(payload, bytes_max, out)
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BadFrame)
}

const HAS_CODE: u8 = 1;
const HAS_OFFSET: u8 = 2;
const HAS_OWN_ID: u8 = 4;

/// Four labels (kind, application, device, unit), each behind two bytes of length; four bytes with the number of
/// samples; then for each: flags, start and end (eight bytes each, milliseconds UTC), the value (eight bytes of
/// mantissa and one of scale, or one byte of length and a code), two bytes of offset and sixteen of identifier as
/// flagged. All numbers have their low byte first.
pub fn encode_samples(series: &Series, samples: &[Sample]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len().saturating_mul(32).saturating_add(256));
    for label in [&series.kind, &series.source.application, &series.source.device, &series.unit] {
        bytes.extend_from_slice(&u16::try_from(label.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&u32::try_from(samples.len()).unwrap_or(u32::MAX).to_le_bytes());
    for sample in samples {
        let mut flags = 0;
        flags |= if matches!(sample.value, SampleValue::Code(_)) { HAS_CODE } else { 0 };
        flags |= if sample.offset_minutes.is_some() { HAS_OFFSET } else { 0 };
        flags |= if sample.own_id.is_some() { HAS_OWN_ID } else { 0 };
        bytes.push(flags);
        bytes.extend_from_slice(&sample.start_ms.to_le_bytes());
        bytes.extend_from_slice(&sample.end_ms.to_le_bytes());
        match &sample.value {
            SampleValue::Number(number) => {
                bytes.extend_from_slice(&number.mantissa().to_le_bytes());
                bytes.push(number.scale());
            }
            SampleValue::Code(code) => {
                bytes.push(u8::try_from(code.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(code.as_bytes());
            }
        }
        if let Some(offset) = sample.offset_minutes {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        if let Some(own_id) = sample.own_id {
            bytes.extend_from_slice(&own_id);
        }
    }
    bytes
}

/// The inverse of [`encode_samples`], for bytes that nobody vouches for.
///
/// # Errors
/// [`BadFrame`] for a length beyond its bound, a name that is not in its normal form, a sample that cannot stand in a
/// batch, and trailing bytes.
pub fn decode_samples(bytes: &[u8]) -> Result<Item, BadFrame> {
    let mut rest = Bytes(bytes);
    let [kind, application, device, unit] = [rest.label()?, rest.label()?, rest.label()?, rest.label()?];
    let source = Source::new(&application, &device);
    if kind.is_empty() || source.application != application || source.device != device {
        return Err(BadFrame);
    }
    let count = usize::try_from(u32::from_le_bytes(rest.take()?)).map_err(|_| BadFrame)?;
    if count > SAMPLES_PER_ITEM_MAX {
        return Err(BadFrame);
    }
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let sample = rest.sample()?;
        if !sample.is_sound() {
            return Err(BadFrame);
        }
        samples.push(sample);
    }
    if rest.0.is_empty() { Ok(Item::Samples { series: Series { kind, source, unit }, samples }) } else { Err(BadFrame) }
}

/// What is left of the bytes.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadFrame> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(BadFrame)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn text(&mut self, length: usize) -> Result<String, BadFrame> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadFrame)?;
        self.0 = rest;
        String::from_utf8(taken.to_vec()).map_err(|_| BadFrame)
    }

    fn label(&mut self) -> Result<String, BadFrame> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        if length > LABEL_BYTES_MAX { Err(BadFrame) } else { self.text(length) }
    }

    fn sample(&mut self) -> Result<Sample, BadFrame> {
        let [flags] = self.take()?;
        if flags & !(HAS_CODE | HAS_OFFSET | HAS_OWN_ID) != 0 {
            return Err(BadFrame);
        }
        let start_ms = i64::from_le_bytes(self.take()?);
        let end_ms = i64::from_le_bytes(self.take()?);
        let value = if flags & HAS_CODE == 0 {
            let mantissa = i64::from_le_bytes(self.take()?);
            let [scale] = self.take()?;
            SampleValue::Number(Decimal::new(mantissa, scale).ok_or(BadFrame)?)
        } else {
            let [length] = self.take()?;
            SampleValue::Code(self.text(usize::from(length))?)
        };
        let offset_minutes = if flags & HAS_OFFSET == 0 { None } else { Some(i16::from_le_bytes(self.take()?)) };
        let own_id = if flags & HAS_OWN_ID == 0 { None } else { Some(self.take()?) };
        Ok(Sample { start_ms, end_ms, value, offset_minutes, own_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        Series {
            kind: "heart-rate".to_owned(),
            source: Source::new("Montre d\u{2019}\u{c9}lodie", "Watch6,7"),
            unit: "count/min".to_owned(),
        }
    }

    fn samples() -> Vec<Sample> {
        let number = Sample::at(1_773_846_000_000, "64.850".parse().unwrap());
        let code = SampleValue::Code("HKCategoryValueSleepAnalysisAsleepCore".to_owned());
        let coded = Sample { end_ms: 1_773_846_000_001, value: code, offset_minutes: Some(-570), ..number.clone() };
        vec![Sample { own_id: Some([7; 16]), ..number.clone() }, coded, number]
    }

    #[test]
    fn samples_come_back_as_they_went() {
        let item = decode_samples(&encode_samples(&series(), &samples())).unwrap();
        assert_eq!(item, Item::Samples { series: series(), samples: samples() });
        let longest = Sample {
            value: SampleValue::Code("x".repeat(carnet_record::batch::CODE_BYTES_MAX)),
            offset_minutes: Some(1),
            own_id: Some([1; 16]),
            ..Sample::at(0, Decimal::ZERO)
        };
        assert!(encode_samples(&series(), &vec![longest; SAMPLES_PER_ITEM_MAX]).len() <= SAMPLES_BYTES_MAX);
    }

    #[test]
    fn fault_g1_samples_cut_flipped_or_prolonged_never_panic_and_never_overrun() {
        let whole = encode_samples(&series(), &samples());
        for end in 0..whole.len() {
            assert_eq!(decode_samples(&whole[..end]), Err(BadFrame), "cut at {end}");
        }
        assert_eq!(decode_samples(&[whole.as_slice(), &[0]].concat()), Err(BadFrame));
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut altered = whole.clone();
                altered[at] ^= 1 << bit;
                if let Ok(Item::Samples { samples, .. }) = decode_samples(&altered) {
                    assert!(samples.iter().all(Sample::is_sound));
                }
            }
        }
    }

    #[test]
    fn every_answer_comes_back() {
        let answers = [
            Answer::Ready,
            Answer::Item(Item::Samples { series: series(), samples: samples() }),
            Answer::Item(Item::DocumentBytes(vec![1, 2, 3])),
            Answer::Item(Item::DocumentEnd { sha256: [9; 32], size: 3 }),
            Answer::Tally(Box::default()),
            Answer::Refused(ContainerError::Archive(crate::intake::archive::ArchiveRefused::Ratio)),
            Answer::Refused(ContainerError::Unsupported(crate::intake::UnsupportedFormat::Sqlite)),
        ];
        let mut bytes = Vec::new();
        for answer in &answers {
            write(answer, &mut bytes).unwrap();
        }
        let mut source = bytes.as_slice();
        for answer in answers {
            assert_eq!(read(&mut source).unwrap(), Some(answer));
        }
        assert_eq!(read(&mut source).unwrap(), None);
    }

    #[test]
    fn fault_g1_a_length_beyond_its_bound_is_refused_before_it_is_allocated() {
        for tag in 0..=u8::MAX {
            let frame = [&[tag][..], &u32::MAX.to_le_bytes(), b"{}"].concat();
            assert!(read(&mut frame.as_slice()).is_err(), "tag {tag}");
        }
        for (tag, payload) in
            [(ITEM, &b"{\"document_bytes\":[1]}"[..]), (ITEM, b"{\"tally\":{}}"), (REFUSED, b"\"x\""), (READY, b"x")]
        {
            let mut frame = vec![tag];
            frame.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
            frame.extend_from_slice(payload);
            assert!(read(&mut frame.as_slice()).is_err(), "tag {tag}");
        }
        let too_large = Answer::Item(Item::DocumentBytes(vec![0; DOCUMENT_CHUNK_BYTES_MAX + 1]));
        assert!(write(&too_large, &mut Vec::new()).is_err());
    }
}
