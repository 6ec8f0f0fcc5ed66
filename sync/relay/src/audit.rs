//! What is stored, as somebody with the disk and without any key sees it: pseudonyms, counts, padded sizes, times.

use std::{collections::BTreeMap, path::Path};

use carnet_crypto::{
    door::UnixMillis,
    id::{ObjectId, RecordId, SectionId},
};
use carnet_protocol::{codec::Reader, envelope::Header, membership::Op};
use serde::Serialize;

use crate::{
    admit,
    store::{
        Rows, Snapshot, Store, StoreError, Table, file,
        rows::{EnvelopeRow, HeadRow, Key, ObjectRow, OperationRow, Place, RecordNumber, RecordRow, Row as _, SlotRow},
    },
};

/// The schema of an audit.
const SCHEMA: &str = "carnet.relay-audit/1";

/// How much is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The life of the store: raised by each restoration.
    pub store_epoch: u64,
    /// Records, ended ones included.
    pub records: u64,
    /// Membership operations.
    pub operations: u64,
    /// Envelopes ever taken.
    pub envelopes: u64,
    /// Objects, unfinished uploads included.
    pub objects: u64,
    /// Bytes of envelopes still stored, and of objects.
    pub bytes: u64,
}

/// Everything an outsider with the disk sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// `carnet.relay-audit/1`.
    pub schema: &'static str,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// How much is stored.
    pub status: Status,
    /// Rendezvous slots whose time is not over.
    pub open_slots: u64,
    /// The records.
    pub records: Vec<RecordAudit>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordAudit {
    /// The pseudonym of the record.
    pub record: String,
    /// When it came, in milliseconds since 1970.
    pub created_ms: u64,
    /// Whether it was erased by its members.
    pub ended: bool,
    /// Membership operations by kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// Bytes of the operations, their large parts included.
    pub operations_bytes: u64,
    /// Pseudonyms of the devices that signed an operation.
    pub authors: Vec<String>,
    /// The sections.
    pub sections: Vec<SectionAudit>,
    /// The objects.
    pub objects: Vec<ObjectsAudit>,
}

/// One section of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SectionAudit {
    /// The pseudonym of the section.
    pub section: String,
    /// Envelopes ever taken.
    pub envelopes: u64,
    /// Envelopes deleted since, under a confirmed snapshot.
    pub deleted: u64,
    /// Bytes still stored.
    pub bytes: u64,
    /// Envelopes still stored by kind: changes, batch, drop.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Envelopes still stored by size in bytes.
    pub sizes: BTreeMap<u64, u64>,
    /// Envelopes by pseudonym of their feed.
    pub feeds: BTreeMap<String, u64>,
    /// When the first came, in milliseconds since 1970.
    pub first_ms: u64,
    /// When the last came, in milliseconds since 1970.
    pub last_ms: u64,
}

/// One object of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObjectsAudit {
    /// The hash of its ciphertext.
    pub object: String,
    /// Its padded size in bytes.
    pub bytes: u64,
    /// Whether it is stored whole.
    pub complete: bool,
    /// When it came, in milliseconds since 1970.
    pub time_ms: u64,
}

/// How much the relay in `data` stores. It may be running.
///
/// # Errors
/// [`StoreError`].
pub fn status(data: &Path) -> Result<Status, StoreError> {
    Ok(audit(data, UnixMillis(0))?.status)
}

/// What the relay in `data` stores, as an outsider with the disk sees it. It may be running.
///
/// # Errors
/// [`StoreError`].
pub fn audit(data: &Path, now: UnixMillis) -> Result<Audit, StoreError> {
    let store = Store::open_to_read(data)?;
    let snapshot = store.snapshot()?;
    let mut records = Vec::new();
    for (record, row) in all_records(&snapshot)? {
        records.push(record_audit(&snapshot, data, record, row)?);
    }
    let mut open_slots = 0_u64;
    snapshot.scan(Table::Slots, &[], &[0xff; 17], &mut |_, value| {
        open_slots = open_slots.saturating_add(u64::from(SlotRow::decode(value)?.expires > now));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    let status = sum(store.epoch()?, &records);
    Ok(Audit { schema: SCHEMA, time_ms: now.0, status, open_slots, records })
}

fn sum(store_epoch: u64, records: &[RecordAudit]) -> Status {
    let mut status = Status { store_epoch, ..Status::default() };
    for record in records {
        status.records = status.records.saturating_add(1);
        status.operations = status.operations.saturating_add(record.operations.values().sum());
        status.bytes = status.bytes.saturating_add(record.operations_bytes);
        for section in &record.sections {
            status.envelopes = status.envelopes.saturating_add(section.envelopes);
            status.bytes = status.bytes.saturating_add(section.bytes);
        }
        for object in &record.objects {
            status.objects = status.objects.saturating_add(1);
            status.bytes = status.bytes.saturating_add(object.bytes);
        }
    }
    status
}

/// Every record, by its pseudonym.
pub(crate) fn all_records(rows: &impl Rows) -> Result<Vec<(RecordId, RecordRow)>, StoreError> {
    let mut records = Vec::new();
    rows.scan(Table::Records, &[], &[0xff; 33], &mut |key, value| {
        let record = RecordId::from_slice(key).ok_or(StoreError::Damaged("record"))?;
        records.push((record, RecordRow::decode(value)?));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(records)
}

fn record_audit(snapshot: &Snapshot, data: &Path, record: RecordId, row: RecordRow) -> Result<RecordAudit, StoreError> {
    let mut audit = RecordAudit {
        record: record.to_string(),
        created_ms: row.created.0,
        ended: row.ended,
        operations: BTreeMap::new(),
        operations_bytes: 0,
        authors: Vec::new(),
        sections: Vec::new(),
        objects: Vec::new(),
    };
    let prefix = Key::of(row.number);
    snapshot.under(Table::Operations, prefix.bytes(), &mut |_, value| {
        let operation = OperationRow::decode(value)?;
        let op = Op::decode(&operation.bytes).map_err(|_| StoreError::Damaged("operation"))?;
        let count = audit.operations.entry(admit::kind_name(op.body())).or_default();
        *count = count.saturating_add(1);
        audit.operations_bytes = audit.operations_bytes.saturating_add(length(&operation.bytes));
        audit.authors.push(op.author().to_string());
        Ok(())
    })?;
    audit.authors.sort_unstable();
    audit.authors.dedup();
    snapshot.under(Table::Parts, prefix.bytes(), &mut |_, value| {
        audit.operations_bytes = audit.operations_bytes.saturating_add(length(value));
        Ok(())
    })?;
    let mut heads = Vec::new();
    snapshot.under(Table::Heads, prefix.bytes(), &mut |key, value| {
        let section = key.last_chunk().map(|bytes| SectionId(*bytes)).ok_or(StoreError::Damaged("head"))?;
        heads.push((section, HeadRow::decode(value)?));
        Ok(())
    })?;
    for (section, head) in heads {
        audit.sections.push(section_audit(snapshot, data, row.number, section, head)?);
    }
    snapshot.under(Table::Objects, prefix.bytes(), &mut |key, value| {
        let object = key.last_chunk().map(|bytes| ObjectId(*bytes)).ok_or(StoreError::Damaged("object"))?;
        let row = ObjectRow::decode(value)?;
        audit.objects.push(ObjectsAudit {
            object: object.to_string(),
            bytes: row.total,
            complete: row.complete,
            time_ms: row.time.0,
        });
        Ok(())
    })?;
    Ok(audit)
}

fn section_audit(
    snapshot: &Snapshot,
    data: &Path,
    record: RecordNumber,
    section: SectionId,
    head: HeadRow,
) -> Result<SectionAudit, StoreError> {
    let mut audit = SectionAudit {
        section: section.to_string(),
        envelopes: head.head.position,
        deleted: 0,
        bytes: head.bytes,
        kinds: BTreeMap::new(),
        sizes: BTreeMap::new(),
        feeds: BTreeMap::new(),
        first_ms: u64::MAX,
        last_ms: 0,
    };
    let prefix = Key::of(record).then(&section.0);
    snapshot.under(Table::Envelopes, prefix.bytes(), &mut |_, value| {
        let row = EnvelopeRow::decode(value)?;
        audit.first_ms = audit.first_ms.min(row.time.0);
        audit.last_ms = audit.last_ms.max(row.time.0);
        let feed = audit.feeds.entry(row.feed.to_string()).or_default();
        *feed = feed.saturating_add(1);
        let kind = match &row.place {
            Place::Gone => {
                audit.deleted = audit.deleted.saturating_add(1);
                return Ok(());
            }
            Place::Inline(bytes) => kind(bytes),
            Place::File => kind(&file::read_range(data, record, &row.id.0, 0, row.length.min(64))?),
        };
        let kinds = audit.kinds.entry(kind).or_default();
        *kinds = kinds.saturating_add(1);
        let sizes = audit.sizes.entry(row.length).or_default();
        *sizes = sizes.saturating_add(1);
        Ok(())
    })?;
    audit.first_ms = audit.first_ms.min(audit.last_ms);
    Ok(audit)
}

/// The kind that stands in the header of an envelope.
fn kind(envelope: &[u8]) -> &'static str {
    match Header::read(&mut Reader::new(envelope)).map(|header| header.kind.number()) {
        Ok(1) => "changes",
        Ok(2) => "batch",
        Ok(3) => "drop",
        _ => "unknown",
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
