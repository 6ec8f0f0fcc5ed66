//! The payload of a batch: the columns, each numeric one compressed (pco), the rest as it is; and the names of both.
//!
//! Whatever is read is bounded before anything is allocated, and checked as columns of the record model. Source:
//! `docs/format.md`, "Batches".

mod column;

use carnet_crypto::digest;
use carnet_protocol::{
    codec::{DecodeError, Reader, Writer},
    limits::SAMPLES_PER_BATCH_MAX,
};
use carnet_record::batch::{BatchRefused, Columns, Numbers};

use self::column::{ColumnRefused, compress, decompress};

/// Why a payload is not a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BatchError {
    #[error(transparent)]
    Columns(#[from] BatchRefused),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Column(#[from] ColumnRefused),
}

/// The payload of a batch.
pub(crate) fn encode(columns: &Columns) -> Vec<u8> {
    let (rest, numbers) = columns.numbers();
    let mut writer = Writer::new();
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
    let parts = Parts::read(payload)?;
    let starts = decompress(parts.starts, parts.count)?;
    let lengths = if parts.lengths.is_empty() { Vec::new() } else { decompress(parts.lengths, parts.count)? };
    let values = decompress(parts.values, parts.count)?;
    Ok(Columns::join(parts.rest, &Numbers { starts, lengths, values })?)
}

/// Starts and values as they lie in their columns, for a graph.
pub(crate) struct Drawn {
    /// Decimals of the values.
    pub(crate) scale: u8,
    /// Milliseconds UTC.
    pub(crate) starts: Vec<i64>,
    /// Mantissas.
    pub(crate) values: Vec<i64>,
}

/// The columns of a payload that [`decode`] let in before. None when the values do not all lie in theirs (codes,
/// exceptional numbers).
///
/// # Errors
/// The bytes are no columns. The checks of what is in them are those of [`decode`] and are not made again.
pub(crate) fn decode_drawn(payload: &[u8]) -> Result<Option<Drawn>, BatchError> {
    let parts = Parts::read(payload)?;
    let Some(scale) = Columns::scale_of(parts.rest)? else { return Ok(None) };
    let (starts, values) = (decompress(parts.starts, parts.count)?, decompress(parts.values, parts.count)?);
    Ok(Some(Drawn { scale, starts, values }))
}

/// A payload, cut into its columns; the number of samples is compared with the limit.
struct Parts<'p> {
    count: usize,
    rest: &'p [u8],
    starts: &'p [u8],
    lengths: &'p [u8],
    values: &'p [u8],
}

impl<'p> Parts<'p> {
    fn read(payload: &'p [u8]) -> Result<Self, BatchError> {
        let mut reader = Reader::new(payload);
        let limit = u64::try_from(SAMPLES_PER_BATCH_MAX).unwrap_or(u64::MAX);
        let count = usize::try_from(reader.varint(limit, "samples")?).map_err(|_| ColumnRefused)?;
        let mut column = |name| reader.bytes(payload.len(), name);
        let (rest, starts) = (column("header")?, column("starts")?);
        let (lengths, values) = (column("lengths")?, column("values")?);
        reader.finish("batch")?;
        Ok(Self { count, rest, starts, lengths, values })
    }
}

/// The name of a batch: the hash of its canonical columns, so that the codec may improve without changing names.
pub(crate) fn batch_id(columns: &Columns) -> [u8; 32] {
    digest::hash("batch", &[&columns.encode()])
}

#[cfg(test)]
pub(super) mod tests {
    use carnet_record::{
        Decimal,
        batch::{Sample, Series, Source},
    };

    use super::*;

    pub(in super::super) fn series() -> Series {
        Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min")
    }

    pub(in super::super) fn beats(count: i64) -> Vec<Sample> {
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
}
