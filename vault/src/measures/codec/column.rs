//! One numeric column of a batch, compressed: the only door to pco.
//!
//! pco has several modes and will decode a file that asks for hundreds of megabytes in a few bytes: a dictionary of 2^25
//! numbers, a window of 2^24. So the first bytes are read here, and what this version does not write itself is refused
//! before pco sees it: another version or type, another mode, a window larger than a batch, a second chunk, bytes after
//! the end. Source: `docs/format.md`, "Batches".

use pco::{
    ChunkConfig,
    standalone::{DecompressorItem, FileDecompressor, simple_compress},
};

/// The bytes are not a column of the number of samples that the batch states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a column does not decompress to the number of samples")]
pub(crate) struct ColumnRefused;

/// Compresses a column.
#[expect(
    clippy::expect_used,
    reason = "only another level or paging than ours is refused; no bytes would be lost samples"
)]
pub(super) fn compress(column: &[i64]) -> Vec<u8> {
    simple_compress(column, &ChunkConfig::default().with_compression_level(LEVEL)).expect("integers always compress")
}

/// The `count` numbers of a column, at most 65 536.
///
/// # Errors
/// [`ColumnRefused`].
pub(super) fn decompress(bytes: &[u8], count: usize) -> Result<Vec<i64>, ColumnRefused> {
    check_start(bytes, count).ok_or(ColumnRefused)?;
    let (file, rest) = FileDecompressor::new(bytes).map_err(|_| ColumnRefused)?;
    let item = file.chunk_decompressor::<i64, _>(rest).map_err(|_| ColumnRefused)?;
    let DecompressorItem::Chunk(mut chunk) = item else { return Err(ColumnRefused) };
    let mut column = vec![0; count];
    let progress = chunk.read(&mut column).map_err(|_| ColumnRefused)?;
    let is_whole = progress.n_processed == count && progress.finished;
    if is_whole && chunk.into_src() == END { Ok(column) } else { Err(ColumnRefused) }
}

/// Reads as far as the first bytes say how much memory pco will take: `Some` when they are of the form that
/// [`compress`] writes.
fn check_start(bytes: &[u8], count: usize) -> Option<()> {
    let mut bits = Bits { bytes: bytes.strip_prefix(START)?, at: 0 };
    let hint_bits = bits.take(6)?.checked_add(1)?;
    let hint = bits.take(hint_bits)?;
    bits.at = bits.at.next_multiple_of(8);
    let version = bits.take(16)?;
    let number_type = bits.take(8)?;
    let numbers = bits.take(24)?.checked_add(1)?;
    let count = u64::try_from(count).ok()?;
    if hint != count || numbers != count || version != VERSION || number_type != SIGNED_64 {
        return None;
    }
    match bits.take(4)? {
        MODE_CLASSIC => {}
        MODE_MULTIPLE => drop(bits.take(64)?),
        _ => return None,
    }
    match bits.take(4)? {
        DELTA_NONE | DELTA_CONSECUTIVE => Some(()),
        DELTA_LOOKBACK => (bits.take(5)?.checked_add(1)? <= WINDOW_LOG_MAX).then_some(()),
        _ => None,
    }
}

/// Bits from the lowest of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits as a number, at most 64.
    fn take(&mut self, count: u64) -> Option<u64> {
        let mut value = 0;
        for place in 0..count {
            let byte = u64::from(*self.bytes.get(self.at / 8)?);
            let shift = u32::try_from(place).ok()?;
            value |= (byte >> (self.at % 8) & 1).checked_shl(shift)?;
            self.at += 1;
        }
        Some(value)
    }
}

/// The compression level for batches that an import makes.
const LEVEL: usize = 8;
/// `pco!`, version 3 of the standalone form, no type for the whole file.
const START: &[u8] = b"pco!\x03\x00";
/// What follows the only chunk.
const END: &[u8] = &[0];
/// Format 4.1, low byte first.
const VERSION: u64 = 0x0104;
/// The number type of signed integers of 64 bits.
const SIGNED_64: u64 = 4;
const MODE_CLASSIC: u64 = 0;
const MODE_MULTIPLE: u64 = 1;
const DELTA_NONE: u64 = 0;
const DELTA_CONSECUTIVE: u64 = 1;
const DELTA_LOOKBACK: u64 = 2;
/// A window never holds more than a batch: 2^16 samples.
const WINDOW_LOG_MAX: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Vec<i64>> {
        let noise = |n: i64| (n.wrapping_mul(6_364_136_223_846_793_005) >> 33) % 1_000;
        vec![
            vec![0],
            vec![i64::MIN, i64::MAX, 0],
            (0..5_000).map(|n| 1_767_225_600_000 + n * 1_000).collect(),
            (0..5_000).map(|n| noise(n) * 1_000).collect(),
            (0..5_000).map(|n| [3, 700_000, -5, 12_345_678_901][usize::try_from(n % 4).unwrap()]).collect(),
            (0..5_000).map(noise).collect(),
            vec![7; 65_536],
        ]
    }

    /// Where mode and delta stand: after start, hint, version (2), type (1), count (3).
    fn mode_at(bytes: &[u8]) -> usize {
        let hint_bits = 6 + usize::from(bytes[START.len()] & 0x3f) + 1;
        START.len() + hint_bits.div_ceil(8) + 6
    }

    #[test]
    fn what_is_written_is_what_the_door_lets_in() {
        let mut modes = std::collections::BTreeSet::new();
        for column in columns() {
            let bytes = compress(&column);
            assert_eq!(decompress(&bytes, column.len()), Ok(column.clone()));
            assert_eq!(decompress(&bytes, column.len() + 1), Err(ColumnRefused));
            modes.insert(bytes[mode_at(&bytes)]);
        }
        assert!(modes.len() > 2, "several modes were met: {modes:?}");
    }

    #[test]
    fn atk_29_what_would_take_memory_before_it_is_checked_is_refused() {
        let bytes = compress(&[5, 6, 7]);
        let mode = mode_at(&bytes);
        let with = |at: usize, byte: u8| {
            let mut altered = bytes.clone();
            altered[at] = byte;
            altered
        };
        assert_eq!(bytes[mode] & 0x0f, 0, "classic");
        for refused in [2, 3, 4, 5, 15, 0x30, 0x40, 0xf0] {
            assert_eq!(decompress(&with(mode, refused), 3), Err(ColumnRefused), "{refused:02x}");
        }
        // A window of 2^24: mode classic, delta lookback, five bits of logarithm.
        let window = [bytes[..mode].to_vec(), vec![0x20, 23], vec![0; 64]].concat();
        assert!(check_start(&window, 3).is_none());
        let window = [bytes[..mode].to_vec(), vec![0x20, 15], vec![0; 64]].concat();
        assert!(check_start(&window, 3).is_some());
        for (at, byte) in bytes.iter().enumerate().take(mode) {
            assert_eq!(decompress(&with(at, byte ^ 0x55), 3), Err(ColumnRefused), "byte {at}");
        }
    }

    #[test]
    fn fault_b6_a_second_chunk_and_bytes_after_the_end_are_refused() {
        let bytes = compress(&[5, 6, 7]);
        let (chunk, _) = bytes[9..].split_at(bytes.len() - 10);
        let twice = [&bytes[..bytes.len() - 1], chunk, END].concat();
        assert_eq!(decompress(&twice, 3), Err(ColumnRefused));
        assert_eq!(decompress(&[bytes.as_slice(), END].concat(), 3), Err(ColumnRefused));
        for end in 0..bytes.len() {
            assert_eq!(decompress(&bytes[..end], 3), Err(ColumnRefused), "cut at {end}");
        }
    }
}
