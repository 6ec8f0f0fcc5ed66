//! The bounded pre-scan: what is counted before Automerge sees a byte.
//!
//! Automerge 0.12 inflates compressed chunks and columns without a limit, and expands run lengths: one change of a few
//! kilobytes can stand for millions of operations and cost gigabytes. So every change and every snapshot is first read
//! here, where sizes are compared before anything is allocated and run lengths are **summed, never expanded**.
//!
//! The layout read is that of the Automerge storage format, version 1 (chunk header, change chunk, document chunk,
//! column specifications). This module never builds a document.

use std::io::Read;

use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};

/// What a scan found in a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScannedChange<'a> {
    /// The whole chunk, header included.
    pub(crate) chunk: &'a [u8],
    /// The actor id that the change bears.
    pub(crate) actor: &'a [u8],
    /// Position of the change in its actor's sequence, from 1.
    pub(crate) seq: u64,
    /// Number of operations, or more: an upper bound.
    pub(crate) ops: u64,
}

/// Limits of a scan.
#[expect(clippy::struct_field_names, reason = "each is the most of something")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of columns once inflated.
    pub(crate) inflated_bytes_max: u64,
    /// Operations, run lengths summed.
    pub(crate) ops_max: u64,
    /// Bytes of keys and other texts once their run lengths are expanded, column by column.
    pub(crate) text_bytes_max: u64,
}

/// Why a change or a document is not handed to Automerge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ScanError {
    #[error("the chunk is of a type that is not allowed here")]
    ChunkType,
    #[error("a column of a change is compressed")]
    CompressedColumn,
    #[error("the columns inflate beyond the limit")]
    Inflates,
    #[error("the chunk is malformed")]
    Malformed,
    #[error("the changes hold more operations than the limit")]
    TooManyOps,
    #[error("bytes follow the last chunk")]
    TrailingBytes,
}

/// Reads one change chunk from the front of `bytes` and returns it with what follows.
///
/// # Errors
/// A chunk that is not an uncompressed change, is malformed, or holds more than `limits` allow.
pub(crate) fn scan_change(bytes: &[u8], limits: Limits) -> Result<(ScannedChange<'_>, &[u8]), ScanError> {
    let (chunk, mut body, rest) = split_chunk(bytes, CHUNK_CHANGE)?;
    check_sum(chunk)?;
    let dependencies = body.count()?;
    body.skip_each(dependencies, |body| body.take(HASH_BYTES).map(|_| ()))?;
    let actor = body.prefixed()?;
    let seq = body.unsigned()?;
    let _start_op = body.unsigned()?;
    let _time = body.signed()?;
    body.prefixed()?;
    let other_actors = body.count()?;
    body.skip_each(other_actors, |body| body.prefixed().map(|_| ()))?;
    let columns = body.columns()?;
    if columns.iter().any(Column::is_deflated) {
        return Err(ScanError::CompressedColumn);
    }
    let mut ops = 0;
    for column in &columns {
        ops = ops.max(count_items(column.kind(), body.take(column.bytes)?, limits)?);
    }
    Ok((ScannedChange { chunk, actor, seq, ops }, rest))
}

/// Checks one document chunk, which must be all of `bytes`, and returns the number of its operations.
///
/// # Errors
/// As [`scan_change`]; compressed columns are inflated here, within the limit.
pub(crate) fn scan_document(bytes: &[u8], limits: Limits) -> Result<u64, ScanError> {
    let (_, mut body, rest) = split_chunk(bytes, CHUNK_DOCUMENT)?;
    if !rest.is_empty() {
        return Err(ScanError::TrailingBytes);
    }
    let actors = body.count()?;
    body.skip_each(actors, |body| body.prefixed().map(|_| ()))?;
    let heads = body.count()?;
    body.skip_each(heads, |body| body.take(HASH_BYTES).map(|_| ()))?;
    let change_columns = body.columns()?;
    let op_columns = body.columns()?;
    let mut inflated = 0_u64;
    let mut ops = 0;
    for column in change_columns.iter().chain(&op_columns) {
        let data = body.take(column.bytes)?;
        let counted = if column.is_deflated() {
            let data = inflate(data, limits.inflated_bytes_max.saturating_sub(inflated))?;
            inflated = inflated.saturating_add(length(&data));
            count_items(column.kind(), &data, limits)?
        } else {
            inflated = inflated.saturating_add(length(data));
            count_items(column.kind(), data, limits)?
        };
        if inflated > limits.inflated_bytes_max {
            return Err(ScanError::Inflates);
        }
        ops = ops.max(counted);
    }
    Ok(ops)
}

/// Splits the first chunk off, which must be of `chunk_type`: (chunk, its body, what follows).
fn split_chunk(bytes: &[u8], chunk_type: u8) -> Result<(&[u8], Cursor<'_>, &[u8]), ScanError> {
    let mut cursor = Cursor(bytes);
    if cursor.take(MAGIC.len())? != MAGIC {
        return Err(ScanError::Malformed);
    }
    cursor.take(CHECKSUM_BYTES)?;
    if cursor.take(1)? != [chunk_type] {
        return Err(ScanError::ChunkType);
    }
    let body = cursor.prefixed()?;
    let rest = cursor.0;
    let (chunk, _) = bytes.split_at_checked(bytes.len().saturating_sub(rest.len())).ok_or(ScanError::Malformed)?;
    Ok((chunk, Cursor(body), rest))
}

/// A chunk states the first bytes of the SHA-256 of what follows them. Automerge compares that when it loads a document
/// and not when it reads a change.
fn check_sum(chunk: &[u8]) -> Result<(), ScanError> {
    let (stated, hashed) =
        chunk.get(MAGIC.len()..).and_then(|rest| rest.split_at_checked(CHECKSUM_BYTES)).ok_or(ScanError::Malformed)?;
    if Sha256::digest(hashed).starts_with(stated) { Ok(()) } else { Err(ScanError::Malformed) }
}

fn inflate(data: &[u8], bytes_max: u64) -> Result<Vec<u8>, ScanError> {
    let mut inflated = Vec::new();
    DeflateDecoder::new(data)
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut inflated)
        .map_err(|_| ScanError::Malformed)?;
    if length(&inflated) > bytes_max { Err(ScanError::Inflates) } else { Ok(inflated) }
}

/// Number of rows of a column, from its run lengths; 0 for raw values, whose rows their metadata column counts. A text
/// that a run repeats is counted as often as it stands there: Automerge makes one of each.
fn count_items(kind: ColumnKind, data: &[u8], limits: Limits) -> Result<u64, ScanError> {
    let mut cursor = Cursor(data);
    let mut items = 0_u64;
    let mut text_bytes = 0_u64;
    while !cursor.0.is_empty() && kind != ColumnKind::RawValue {
        let before = length(cursor.0);
        let (run, is_repeat) = match kind {
            ColumnKind::Boolean => (cursor.unsigned()?, false),
            _ => cursor.run(kind)?,
        };
        items = items.checked_add(run).ok_or(ScanError::TooManyOps)?;
        if items > limits.ops_max {
            return Err(ScanError::TooManyOps);
        }
        if kind == ColumnKind::Text {
            let times = if is_repeat { run } else { 1 };
            let read = before.saturating_sub(length(cursor.0));
            text_bytes = text_bytes.saturating_add(read.saturating_mul(times));
            if text_bytes > limits.text_bytes_max {
                return Err(ScanError::Inflates);
            }
        }
    }
    Ok(items)
}

/// The column types of the storage format, as far as their encodings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Boolean,
    Delta,
    RawValue,
    Text,
    Unsigned,
}

struct Column {
    spec: u64,
    bytes: usize,
}

impl Column {
    fn kind(&self) -> ColumnKind {
        match self.spec & 0b111 {
            3 => ColumnKind::Delta,
            4 => ColumnKind::Boolean,
            5 => ColumnKind::Text,
            7 => ColumnKind::RawValue,
            _ => ColumnKind::Unsigned,
        }
    }

    fn is_deflated(&self) -> bool {
        self.spec & 0b1000 != 0
    }
}

/// Bytes not yet read. Every step checks before it moves.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ScanError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(ScanError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ScanError> {
        self.take(1)?.first().copied().ok_or(ScanError::Malformed)
    }

    fn unsigned(&mut self) -> Result<u64, ScanError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return Err(ScanError::Malformed);
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    fn signed(&mut self) -> Result<i64, ScanError> {
        let mut value = 0_i64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let sign_shift: u32 = shift + 7;
                return Ok(if byte & 0x40 != 0 && sign_shift < 64 { value | (-1_i64 << sign_shift) } else { value });
            }
        }
        Err(ScanError::Malformed)
    }

    /// A count of things that take at least a byte each, so it cannot exceed what is left.
    fn count(&mut self) -> Result<usize, ScanError> {
        let count = usize::try_from(self.unsigned()?).map_err(|_| ScanError::Malformed)?;
        if count > self.0.len() { Err(ScanError::Malformed) } else { Ok(count) }
    }

    fn prefixed(&mut self) -> Result<&'a [u8], ScanError> {
        let bytes = self.count()?;
        self.take(bytes)
    }

    fn skip_each(
        &mut self,
        count: usize,
        mut skip: impl FnMut(&mut Self) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        (0..count).try_for_each(|_| skip(self))
    }

    fn columns(&mut self) -> Result<Vec<Column>, ScanError> {
        let count = self.count()?;
        if count > COLUMNS_MAX {
            return Err(ScanError::Malformed);
        }
        let column = |cursor: &mut Self| {
            let spec = cursor.unsigned()?;
            let bytes = usize::try_from(cursor.unsigned()?).map_err(|_| ScanError::Malformed)?;
            Ok(Column { spec, bytes })
        };
        (0..count).map(|_| column(self)).collect()
    }

    /// One run of a run-length column: its number of rows, and whether one value stands for all of them. Literal values
    /// are stepped over one by one.
    fn run(&mut self, kind: ColumnKind) -> Result<(u64, bool), ScanError> {
        match self.signed()? {
            0 => Ok((self.unsigned()?, false)),
            repeats @ 1.. => {
                self.skip_value(kind)?;
                Ok((repeats.unsigned_abs(), true))
            }
            literals => {
                let literals = literals.unsigned_abs();
                if literals > length(self.0) {
                    return Err(ScanError::Malformed);
                }
                for _ in 0..literals {
                    self.skip_value(kind)?;
                }
                Ok((literals, false))
            }
        }
    }

    fn skip_value(&mut self, kind: ColumnKind) -> Result<(), ScanError> {
        match kind {
            ColumnKind::Delta => self.signed().map(|_| ()),
            ColumnKind::Text => self.prefixed().map(|_| ()),
            _ => self.unsigned().map(|_| ()),
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHECKSUM_BYTES: usize = 4;
const HASH_BYTES: usize = 32;
const CHUNK_DOCUMENT: u8 = 0;
const CHUNK_CHANGE: u8 = 1;
/// Columns of one chunk; the format defines fewer than twenty.
const COLUMNS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use automerge::{ActorId, Automerge, ObjType, ROOT, ReadDoc as _, transaction::Transactable as _};

    use super::*;

    const LIMITS: Limits = Limits { inflated_bytes_max: 8 << 20, ops_max: 100_000, text_bytes_max: 32 << 20 };

    fn document_of(inserts: u64) -> Automerge {
        let mut doc = Automerge::new().with_actor(ActorId::from([7_u8; 16]));
        let mut tx = doc.transaction();
        let list = tx.put_object(ROOT, "list", ObjType::List).unwrap();
        tx.splice(&list, 0, 0, (0..inserts).map(|_| automerge::ScalarValue::Boolean(true))).unwrap();
        tx.commit();
        doc
    }

    #[test]
    fn a_change_is_counted_as_automerge_counts_it() {
        let doc = document_of(40);
        let change = doc.get_changes(&[]).remove(0);
        let (scanned, rest) = scan_change(change.raw_bytes(), LIMITS).unwrap();
        assert_eq!(scanned.ops, 41);
        assert_eq!(scanned.seq, 1);
        assert_eq!(scanned.actor, [7; 16]);
        assert_eq!(scanned.chunk, change.raw_bytes());
        assert!(rest.is_empty());
    }

    #[test]
    fn a_document_is_counted_through_its_compressed_columns() {
        let doc = document_of(5_000);
        assert_eq!(doc.length(doc.get(ROOT, "list").unwrap().unwrap().1), 5_000);
        assert_eq!(scan_document(&doc.save(), LIMITS), Ok(5_001));
        assert_eq!(scan_document(&doc.save_nocompress(), LIMITS), Ok(5_001));
        let mut trailing = doc.save();
        trailing.push(0);
        assert_eq!(scan_document(&trailing, LIMITS), Err(ScanError::TrailingBytes));
    }

    #[test]
    fn atk_34_run_lengths_are_summed_and_never_expanded() {
        let doc = document_of(200_000);
        let change = doc.get_changes(&[]).remove(0);
        assert!(change.raw_bytes().len() < 400, "the change is tiny: {}", change.raw_bytes().len());
        assert_eq!(scan_change(change.raw_bytes(), LIMITS), Err(ScanError::TooManyOps));
        assert_eq!(scan_document(&doc.save(), LIMITS), Err(ScanError::TooManyOps));
    }

    #[test]
    fn atk_19_a_column_that_inflates_beyond_the_limit_is_refused() {
        let mut doc = Automerge::new();
        let mut tx = doc.transaction();
        tx.put(ROOT, "text", "a".repeat(1 << 20)).unwrap();
        tx.commit();
        let saved = doc.save();
        assert!(saved.len() < 4_000);
        let small = Limits { inflated_bytes_max: 64 << 10, ..LIMITS };
        assert_eq!(scan_document(&saved, small), Err(ScanError::Inflates));
    }

    #[test]
    fn atk_34_a_long_key_that_a_run_repeats_is_counted_as_often_as_it_stands() {
        let mut doc = Automerge::new().with_actor(ActorId::from([7_u8; 16]));
        let mut tx = doc.transaction();
        let key = "k".repeat(1 << 20);
        for _ in 0..40 {
            tx.put_object(ROOT, key.as_str(), ObjType::Map).unwrap();
        }
        tx.commit();
        let change = doc.get_changes(&[]).remove(0);
        assert!(change.raw_bytes().len() < 2 << 20, "one key stands for forty");
        assert_eq!(scan_change(change.raw_bytes(), LIMITS), Err(ScanError::Inflates));
    }

    #[test]
    fn a_compressed_change_chunk_is_refused_by_its_type() {
        let doc = document_of(3);
        let mut chunk = doc.get_changes(&[]).remove(0).raw_bytes().to_vec();
        chunk[8] = 2;
        assert_eq!(scan_change(&chunk, LIMITS), Err(ScanError::ChunkType));
    }

    #[test]
    fn fault_b6_a_change_has_one_check_sum_and_no_other() {
        let doc = document_of(3);
        let change = doc.get_changes(&[]).remove(0);
        for at in 4..8 {
            let mut chunk = change.raw_bytes().to_vec();
            chunk[at] ^= 1;
            assert!(automerge::Change::from_bytes(chunk.clone()).is_ok(), "Automerge does not look");
            assert_eq!(scan_change(&chunk, LIMITS), Err(ScanError::Malformed));
        }
    }

    #[test]
    fn every_truncation_is_an_error_and_never_a_panic() {
        let doc = document_of(40);
        let change = doc.get_changes(&[]).remove(0);
        for end in 0..change.raw_bytes().len() {
            assert!(scan_change(&change.raw_bytes()[..end], LIMITS).is_err());
        }
        let saved = doc.save();
        for end in 0..saved.len() {
            assert!(scan_document(&saved[..end], LIMITS).is_err());
        }
    }
}
