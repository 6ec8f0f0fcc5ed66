//! Asking for what is new, and what comes back.
//!
//! A pull names a position for each section, in a number of slots that is a multiple of 16. The reply is any number of
//! `Operations` and `Tail` frames, then one `Pulled`. The same three come, with [`Cause::Live`], when a subscribed
//! stream has news. Replies to one request are never interleaved with those to another.

use carnet_crypto::{
    digest,
    id::{EnvelopeId, FeedId, OpId, SectionId},
};

use crate::{
    checkpoint::{Head, ShortCheckpoint, SignedReceipt, U48_MAX},
    codec::{DecodeError, Reader, Writer, Wrong},
    frame::{BODY_BYTES_MAX, Body},
    limits::{
        DETACHED_BYTES_MAX, DEVICES_PER_RECORD_MAX, ENVELOPE_BYTES_MAX, FEED_SEQ_MAX, HEADS_MAX, OP_BYTES_MAX,
        SECTIONS_PER_OP_MAX,
    },
};

/// Slots of a pull come in multiples of this.
pub const SLOT_STEP: usize = 16;
/// Most slots of a pull.
pub const SLOTS_MAX: usize = 512;
/// Longest operation, in bytes.
pub const OPERATION_BYTES_MAX: usize = OP_BYTES_MAX;
/// Longest detached part of an operation, in bytes: with the path that proves it.
pub const PART_BYTES_MAX: usize = DETACHED_BYTES_MAX + 1024;
/// Most detached parts beside one operation.
pub const PARTS_MAX: usize = 256;
/// Most receipts beside one operation: of successive relays.
pub const RECEIPTS_MAX: usize = 16;
/// Most operations in one frame.
pub const OPERATIONS_MAX: usize = 4_096;
/// Most envelopes in one frame.
pub const ENVELOPES_MAX: usize = 8_192;
/// Most entries of a version vector of one section.
pub const VECTOR_ENTRIES_MAX: usize = 512;

/// Where the one who asks stands in one log: 14 bytes, with the section before it 22.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last position it holds; 0 for none.
    pub position: u64,
    /// The first 8 bytes of the running hash there.
    pub hint: [u8; 8],
}

impl Cursor {
    /// The cursor that stands at `head`.
    pub fn at(head: &Head) -> Self {
        Self { position: head.position, hint: head.hint() }
    }

    /// Whether it stands at `head`.
    pub fn is_at(&self, head: &Head) -> bool {
        *self == Self::at(head)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { position: from.u48("position")?, hint: from.array("running hash")? })
    }

    fn write(&self, to: &mut Writer) {
        to.u48(self.position).raw(&self.hint);
    }
}

/// What is new beyond these positions?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The life of the relay's store that the positions belong to; 0 when the device has never seen one.
    pub store_epoch: u64,
    /// Whether the device takes a snapshot in place of the envelopes under it.
    pub take_snapshots: bool,
    /// Place in the membership log.
    pub membership: Cursor,
    /// How many views the device has got from this relay in this store epoch.
    pub views: u64,
    /// Place in each section, by the first 8 bytes of its id, ascending. On the wire they are padded with zero slots.
    pub sections: Vec<([u8; 8], Cursor)>,
}

impl Body for Pull {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let store_epoch = from.varint(u64::MAX, "store epoch")?;
        let take_snapshots = from.presence("snapshots")?;
        let membership = Cursor::read(from)?;
        let views = from.varint(U48_MAX, "views")?;
        let slots = from.remaining().checked_div(22).unwrap_or(0);
        if slots > SLOTS_MAX || slots.checked_rem(SLOT_STEP) != Some(0) {
            return Err(from.malformed("slots", Wrong::TooLarge { limit: 512 }));
        }
        let mut sections: Vec<([u8; 8], Cursor)> = Vec::new();
        let mut padding = false;
        for _ in 0..slots {
            let slot = (from.array("section")?, Cursor::read(from)?);
            if slot == PADDING {
                padding = true;
            } else if padding || sections.last().is_some_and(|(last, _)| *last >= slot.0) {
                return Err(from.malformed("slots", Wrong::Order));
            } else {
                sections.push(slot);
            }
        }
        if sections.len().div_ceil(SLOT_STEP).saturating_mul(SLOT_STEP) != slots {
            return Err(from.malformed("slots", Wrong::Value));
        }
        Ok(Self { store_epoch, take_snapshots, membership, views, sections })
    }

    fn write(&self, to: &mut Writer) {
        to.varint(self.store_epoch).presence(self.take_snapshots);
        self.membership.write(to);
        to.varint(self.views);
        let padded = self.sections.len().div_ceil(SLOT_STEP).saturating_mul(SLOT_STEP);
        let padding = std::iter::repeat(&PADDING);
        for (section, cursor) in self.sections.iter().chain(padding).take(padded) {
            to.raw(section);
            cursor.write(to);
        }
    }
}

const PADDING: ([u8; 8], Cursor) = ([0; 8], Cursor { position: 0, hint: [0; 8] });

/// An operation as it travels: its signed bytes, the large parts it names by hash, and relays' receipts for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentOperation {
    /// The operation, canonical, with its signature.
    pub op: Vec<u8>,
    /// Detached parts, each canonical in itself; only those the receiver needs.
    pub parts: Vec<Vec<u8>>,
    /// Receipts, of this relay first.
    pub receipts: Vec<SignedReceipt>,
}

impl Body for SentOperation {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            op: from.bytes(OPERATION_BYTES_MAX, "operation")?.to_vec(),
            parts: from.list(PARTS_MAX, 1, "parts", |from| Ok(from.bytes(PART_BYTES_MAX, "part")?.to_vec()))?,
            receipts: from.list(RECEIPTS_MAX, SignedReceipt::BYTES_MIN, "receipts", SignedReceipt::read)?,
        })
    }

    fn write(&self, to: &mut Writer) {
        to.bytes(&self.op).count(self.parts.len());
        for part in &self.parts {
            to.bytes(part);
        }
        to.count(self.receipts.len());
        for receipt in &self.receipts {
            receipt.write(to);
        }
    }
}

/// The keys that these operations name by hash are wanted. The reply is `Parts`: those of the operations that are here,
/// with every public key beside them and no wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartsWanted {
    /// The operations, ascending.
    pub ids: Vec<OpId>,
}

/// Most operations whose keys are asked for in one frame.
pub const PARTS_WANTED_MAX: usize = 256;

impl Body for PartsWanted {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ids = from.sorted(PARTS_WANTED_MAX, 32, "ids", |from| from.array("id").map(OpId), |id| *id)?;
        Ok(Self { ids })
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.ids.len());
        for id in &self.ids {
            to.raw(id.as_bytes());
        }
    }
}

/// Operations, each after its parents where the sender knows them, and what digests in headers stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The operations.
    pub operations: Vec<SentOperation>,
    /// Views: sets of membership heads that envelopes name by digest. Not sent, because every receiver learns them from
    /// the operations: the view of one operation alone, and the view of an operation's parents.
    pub views: Vec<SentView>,
}

/// A set of membership heads: 1 to 8 ids, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentView {
    /// The heads.
    pub heads: Vec<OpId>,
}

/// Most views in one frame.
pub const VIEWS_MAX: usize = 1_024;

impl Body for SentView {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let heads = from.sorted(HEADS_MAX, 32, "heads", |from| from.array("head").map(OpId), |id| *id)?;
        if heads.is_empty() { Err(from.malformed("heads", Wrong::TooSmall)) } else { Ok(Self { heads }) }
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.heads.len());
        for head in &self.heads {
            to.raw(head.as_bytes());
        }
    }
}

impl Body for Batch {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            operations: from.list(OPERATIONS_MAX, 3, "operations", SentOperation::read)?,
            views: from.list(VIEWS_MAX, 33, "views", SentView::read)?,
        })
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.operations.len());
        for operation in &self.operations {
            operation.write(to);
        }
        to.count(self.views.len());
        for view in &self.views {
            view.write(to);
        }
    }
}

/// The last envelope of a feed before those that follow: what the next signature of the feed is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedBase {
    /// The feed.
    pub feed: FeedId,
    /// Sequence number of that envelope.
    pub seq: u64,
    /// Its id.
    pub envelope: EnvelopeId,
}

/// Envelopes of one section, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The section.
    pub section: SectionId,
    /// Nothing when the envelopes follow the cursor without a gap. Otherwise confirmed snapshots or merges stand for
    /// what is left out, and each feed with something left out is named, in ascending order.
    pub bases: Option<Vec<FeedBase>>,
    /// The envelopes, canonical.
    pub envelopes: Vec<Vec<u8>>,
}

impl Body for Tail {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let section = SectionId(from.array("section")?);
        let bases = if from.presence("bases")? {
            Some(from.sorted(VECTOR_ENTRIES_MAX, 49, "bases", read_base, |base| base.feed)?)
        } else {
            None
        };
        Ok(Self { section, bases, envelopes: read_envelopes(from)? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.section.as_bytes()).presence(self.bases.is_some());
        if let Some(bases) = &self.bases {
            to.count(bases.len());
            for base in bases {
                to.raw(base.feed.as_bytes()).varint(base.seq).raw(base.envelope.as_bytes());
            }
        }
        write_envelopes(to, &self.envelopes);
    }
}

fn read_base(from: &mut Reader<'_>) -> Result<FeedBase, DecodeError> {
    Ok(FeedBase {
        feed: FeedId(from.array("feed")?),
        seq: from.varint(U48_MAX, "seq")?,
        envelope: EnvelopeId(from.array("envelope")?),
    })
}

/// Envelopes until the end of the body, each after its length.
pub(super) fn read_envelopes(from: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut envelopes = Vec::new();
    while from.remaining() > 0 {
        if envelopes.len() >= ENVELOPES_MAX {
            return Err(from.malformed("envelopes", Wrong::TooLarge { limit: 8_192 }));
        }
        envelopes.push(from.bytes(ENVELOPE_BYTES_MAX, "envelope")?.to_vec());
    }
    Ok(envelopes)
}

pub(super) fn write_envelopes(to: &mut Writer, envelopes: &[Vec<u8>]) {
    for envelope in envelopes {
        to.bytes(envelope);
    }
}

/// What a `Pulled` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A `Pull`.
    Pull,
    /// A `Reconcile`.
    Reconcile,
    /// News on a subscribed stream; the subscription is used up.
    Live,
}

/// A place in a log that the relay does not have: a fork or a rollback, unless the store epoch says that the relay's
/// store was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// In the membership log.
    Membership,
    /// In this slot of the pull.
    Section(u16),
}

/// The end of what a pull, a reconciliation or a live notice brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// What it ends.
    pub cause: Cause,
    /// Cursors that do not stand in the relay's logs; nothing was sent for them. Membership first, then ascending.
    pub mismatches: Vec<Mismatch>,
    /// Where all logs stand; absent in a live notice.
    pub checkpoint: Option<ShortCheckpoint>,
}

impl Body for Pulled {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let cause = match from.u8("cause")? {
            0 => Cause::Pull,
            1 => Cause::Reconcile,
            2 => Cause::Live,
            _ => return Err(from.malformed("cause", Wrong::Value)),
        };
        let mismatches =
            from.sorted(SLOTS_MAX.saturating_add(1), 1, "mismatches", read_mismatch, |it| mismatch_code(*it))?;
        let checkpoint = if from.presence("checkpoint")? { Some(ShortCheckpoint::read(from)?) } else { None };
        Ok(Self { cause, mismatches, checkpoint })
    }

    fn write(&self, to: &mut Writer) {
        to.u8(match self.cause {
            Cause::Pull => 0,
            Cause::Reconcile => 1,
            Cause::Live => 2,
        });
        to.count(self.mismatches.len());
        for mismatch in &self.mismatches {
            to.varint(mismatch_code(*mismatch));
        }
        to.presence(self.checkpoint.is_some());
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.write(to);
        }
    }
}

fn mismatch_code(mismatch: Mismatch) -> u64 {
    match mismatch {
        Mismatch::Membership => 0,
        Mismatch::Section(slot) => u64::from(slot).saturating_add(1),
    }
}

fn read_mismatch(from: &mut Reader<'_>) -> Result<Mismatch, DecodeError> {
    let code = from.varint(512, "mismatch")?;
    match code.checked_sub(1) {
        None => Ok(Mismatch::Membership),
        Some(slot) => Ok(Mismatch::Section(u16::try_from(slot).unwrap_or(u16::MAX))),
    }
}

/// One feed of a version vector: at most 15 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorEntry {
    /// The first 8 bytes of the feed id.
    pub feed: [u8; 8],
    /// The last sequence number held.
    pub seq: u64,
    /// [`VectorEntry::hash`] of that envelope.
    pub hash: [u8; 4],
}

impl VectorEntry {
    /// `H("vv", exporter, envelope id)[..4]`: `exporter` is that of the connection, or the nonce of the file.
    pub fn hash(exporter: &[u8], envelope: &EnvelopeId) -> [u8; 4] {
        digest::hash("vv", &[exporter, envelope.as_bytes()]).first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { feed: from.array("feed")?, seq: from.varint(FEED_SEQ_MAX.into(), "seq")?, hash: from.array("hash")? })
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.raw(&self.feed).varint(self.seq).raw(&self.hash);
    }
}

/// What is new beyond this version vector? For a section whose cursor does not stand in the relay's log, and to find out
/// what a relay has lost. The reply is `Vector`, `Tail` frames and `Pulled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// The section.
    pub section: SectionId,
    /// What the device holds, by ascending feed.
    pub entries: Vec<VectorEntry>,
}

impl Body for Reconcile {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let section = SectionId(from.array("section")?);
        Ok(Self { section, entries: read_entries(from)? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.section.as_bytes());
        write_entries(to, &self.entries);
    }
}

/// What a relay holds of a section, feed by feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// The section.
    pub section: SectionId,
    /// What the relay holds, by ascending feed.
    pub entries: Vec<VectorEntry>,
}

impl Body for Vector {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let section = SectionId(from.array("section")?);
        Ok(Self { section, entries: read_entries(from)? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.section.as_bytes());
        write_entries(to, &self.entries);
    }
}

pub(super) fn read_entries(from: &mut Reader<'_>) -> Result<Vec<VectorEntry>, DecodeError> {
    from.sorted(VECTOR_ENTRIES_MAX, 13, "entries", VectorEntry::read, |entry| entry.feed)
}

pub(super) fn write_entries(to: &mut Writer, entries: &[VectorEntry]) {
    to.count(entries.len());
    for entry in entries {
        entry.write(to);
    }
}

const _: () = assert!(ENVELOPE_BYTES_MAX + 1024 <= BODY_BYTES_MAX, "one envelope fits into one frame");
const _: () = assert!(
    OPERATION_BYTES_MAX + DEVICES_PER_RECORD_MAX * PART_BYTES_MAX + SECTIONS_PER_OP_MAX * 1280 <= BODY_BYTES_MAX,
    "one operation fits into one frame with the largest wraps of all devices and the inbox keys of all sections"
);
