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
use carnet_record::batch::{BatchRefused, Columns, Numbers, Sample, SampleValue, Series};

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
    let mut reader = Reader::new(payload);
    let limit = u64::try_from(SAMPLES_PER_BATCH_MAX).unwrap_or(u64::MAX);
    let count = usize::try_from(reader.varint(limit, "samples")?).map_err(|_| ColumnRefused)?;
    let rest = reader.bytes(payload.len(), "header")?;
    let starts = decompress(reader.bytes(payload.len(), "starts")?, count)?;
    let lengths = reader.bytes(payload.len(), "lengths")?;
    let lengths = if lengths.is_empty() { Vec::new() } else { decompress(lengths, count)? };
    let values = decompress(reader.bytes(payload.len(), "values")?, count)?;
    reader.finish("batch")?;
    Ok(Columns::join(rest, &Numbers { starts, lengths, values })?)
}

/// The name of a batch: the hash of its canonical columns, so that the codec may improve without changing names.
pub(crate) fn batch_id(columns: &Columns) -> [u8; 32] {
    digest::hash("batch", &[&columns.encode()])
}

/// The name of a sample: what two imports of one file, or two devices, agree on.
pub(crate) fn sample_id(series: &Series, sample: &Sample) -> [u8; 16] {
    let mut value = Writer::new();
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

#[cfg(test)]
pub(super) mod tests {
    use carnet_record::{Decimal, batch::Source};

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

    #[test]
    fn equal_samples_have_equal_names_and_trailing_zeros_do_not_count() {
        let one = Sample::at(5, "72.0".parse().unwrap());
        let two = Sample::at(5, Decimal::from_i32(72));
        assert_eq!(sample_id(&series(), &one), sample_id(&series(), &two));
        let later = Sample::at(6, Decimal::from_i32(72));
        assert_ne!(sample_id(&series(), &one), sample_id(&series(), &later));
    }
}
