//! Every table of the vault, and how its keys are made.
//!
//! A key begins with the record it belongs to, so that a record can be walked and erased alone. Every part of a key has
//! a fixed length and numbers are big-endian, so that keys sort by record, then by the parts in the order given here.
//! `docs/format.md`, "Tables of the vault", has the same list.

use carnet_crypto::id::{EnvelopeId, EpochId, FeedId, ObjectId, OpId, RecordId, SectionId, VolumeId};
use carnet_record::EntryId;

use crate::{
    crdt::CONTAINERS,
    store::{Reader, Row, StoreError, Table, Writer},
};

/// What is not a record's: the device seed and the settings of the vault.
pub(crate) const VAULT: Table = Table::new("vault");
/// record: label, device, relay and settings of a record on this device ([`crate::row::RecordRow`]).
pub(crate) const RECORD: Table = Table::new("record");
/// record, section, epoch: a section key.
pub(crate) const KEY: Table = Table::new("key");
/// record, operation: the signed operation.
pub(crate) const OP: Table = Table::new("op");
/// record, number: operations in the order in which they came, parents first.
pub(crate) const OP_ORDER: Table = Table::new("op-order");
/// record, operation: the relay's receipt.
pub(crate) const RECEIPT: Table = Table::new("receipt");
/// record, hash: a detached part of an operation.
pub(crate) const PART: Table = Table::new("part");
/// record, feed: the state of a feed ([`crate::row::FeedRow`]).
pub(crate) const FEED: Table = Table::new("feed");
/// record, feed, seq: the id of an accepted envelope, then the envelope.
pub(crate) const ENVELOPE: Table = Table::new("envelope");
/// record, section, content hash: an envelope that cannot be judged or opened yet.
pub(crate) const WAITING: Table = Table::new("waiting");
/// record, section: something that was to wait there found no room since it was last compared feed by feed.
pub(crate) const CROWDED: Table = Table::new("crowded");
/// record, feed, seq: the reason, then the envelope.
pub(crate) const QUARANTINE: Table = Table::new("quarantine");
/// record, feed, hash: what was accepted of another device, fell with a fork, and nobody has issued again yet.
pub(crate) const FALLEN: Table = Table::new("fallen");
/// record, number: what has no receipt of the relay yet.
pub(crate) const OUTBOX: Table = Table::new("outbox");
/// record, section, volume: the volume's document as last saved.
pub(crate) const VOLUME: Table = Table::new("volume");
/// record, section, volume, number: changes since.
pub(crate) const CHANGE: Table = Table::new("change");
/// record, container, entry: section, volume and fields: the view that lists are read from.
pub(crate) const ENTRY: Table = Table::new("entry");
/// record, month, envelope: the section and the feed position of a batch of samples.
pub(crate) const BATCH: Table = Table::new("batch");
/// record, section, volume, hash: an accepted change that waits for others it builds on.
pub(crate) const CHANGE_WAITING: Table = Table::new("change-waiting");
/// record, kind, local day, envelope: what a chart of months reads.
pub(crate) const DAY: Table = Table::new("day");
/// record, import, number: what an unfinished import has read so far.
pub(crate) const STAGING: Table = Table::new("staging");
/// record, import: the state of an unfinished import.
pub(crate) const IMPORT: Table = Table::new("import");
/// record, what: what this device remembers of its relay.
pub(crate) const RELAY: Table = Table::new("relay");
/// record, object: a snapshot or attached file this record names, and whether it is here.
pub(crate) const OBJECT: Table = Table::new("object");
/// record, object, digest of what it is published as: a snapshot that was refused, and how much was known then.
pub(crate) const REJECTED: Table = Table::new("rejected");

/// record, log, position: the running hash of a log of the relay there, as far as envelopes carry it.
pub(crate) const LOG_POINT: Table = Table::new("log-point");
/// record, device, log: what a device says it saw of that log, ahead of what this one saw.
pub(crate) const CLAIM: Table = Table::new("claim");

/// Every table that holds rows of records, for erasing one.
pub(crate) const OF_RECORDS: [Table; 26] = [
    RECORD,
    KEY,
    OP,
    OP_ORDER,
    RECEIPT,
    PART,
    FEED,
    ENVELOPE,
    WAITING,
    CROWDED,
    QUARANTINE,
    FALLEN,
    OUTBOX,
    VOLUME,
    CHANGE,
    CHANGE_WAITING,
    ENTRY,
    BATCH,
    DAY,
    STAGING,
    IMPORT,
    RELAY,
    OBJECT,
    REJECTED,
    LOG_POINT,
    CLAIM,
];

/// A key in the making: fixed-length parts, one after the other.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// The key of the record itself, and the prefix of all its other keys.
    pub(crate) fn of(record: &RecordId) -> Self {
        Self(record.0.to_vec())
    }

    pub(crate) fn section(self, section: &SectionId) -> Self {
        self.bytes(&section.0)
    }

    pub(crate) fn volume(self, volume: VolumeId) -> Self {
        self.bytes(&volume.0.to_be_bytes())
    }

    pub(crate) fn epoch(self, epoch: &EpochId) -> Self {
        self.bytes(&epoch.0)
    }

    pub(crate) fn op(self, op: &OpId) -> Self {
        self.bytes(&op.0)
    }

    pub(crate) fn feed(self, feed: &FeedId) -> Self {
        self.bytes(&feed.0)
    }

    pub(crate) fn seq(self, seq: u32) -> Self {
        self.bytes(&seq.to_be_bytes())
    }

    pub(crate) fn envelope(self, envelope: &EnvelopeId) -> Self {
        self.bytes(&envelope.0)
    }

    pub(crate) fn object(self, object: &ObjectId) -> Self {
        self.bytes(&object.0)
    }

    pub(crate) fn entry(self, entry: &EntryId) -> Self {
        self.bytes(&entry.0)
    }

    /// The container's place in the constant list; one past its end for a name that is not in it.
    pub(crate) fn container(self, container: &str) -> Self {
        let place = CONTAINERS.iter().position(|name| *name == container).unwrap_or(CONTAINERS.len());
        self.bytes(&[u8::try_from(place).unwrap_or(u8::MAX)])
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Reading one row: from a consistent view, or with the changes of a step under way.
pub(crate) trait Look {
    /// The value under `key`.
    fn look(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The rows whose keys begin with `prefix`.
    fn look_all(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError>;
}

impl Look for Reader {
    fn look(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(table, key)
    }

    fn look_all(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        self.prefix(table, prefix)?.collect()
    }
}

impl Look for Writer {
    fn look(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(table, key)
    }

    fn look_all(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        self.prefix(table, prefix)?.collect()
    }
}
