//! One open record: what is in memory of it, and the one way in which anything new is written.
//!
//! Everything that a person does to a record ends in [`Record::commit`]: the change in its volume, the envelope in this
//! device's feed, the rows of the view and the line of the outbox are one step of the store, and the step is durable
//! when the call returns. Before sealing, the **write rule** is applied: every recipient of the epoch is still a
//! reader, else the section gets a new key first.
//!
//! What is in memory is a copy: when a step fails, it is dropped and read again from the store.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
};

use carnet_crypto::{
    door::UnixMillis,
    fault::Fault,
    id::{EnvelopeId, FeedId, ObjectId, RecordId, SectionId, VolumeId},
    sign::SigningKey,
};
use carnet_protocol::{
    codec::DecodeError,
    envelope::{EnvelopeContext, EnvelopeKind, EnvelopeRefused},
    limits::{CHANGE_OPS_PER_ENVELOPE_MAX, CHANGE_OPS_PER_FEED_MAX},
    membership::NotAdmitted,
    payload::encode_changes,
    volume,
};
use carnet_record::SectionKind;
use carnet_seal::{secret::DeviceSeed, wrap::WrapError};

use crate::{
    blob::Blobs,
    crdt::{CrdtError, Fields, Incoming, Place, Write, bounded::ScanError},
    door::Door,
    keys::KeyRing,
    members::Members,
    payload::{PayloadError, Sealing, seal_payload},
    receive::StoredEnvelope,
    row::{self, FeedRow, OutboxRow, RecordRow, Standing},
    store::{Durability, Store, StoreError, Writer},
    tables::{ENVELOPE, Key, RECORD},
    volumes::{VolumeError, Volumes, update_view},
};

/// Why something could not be read from a record or written to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Several entries have an id that begins so, or may: it is too short.
    #[error("more than one entry has an id that begins with what was given")]
    Ambiguous,
    /// What is stored does not agree with itself.
    #[error("the record is damaged: {0}")]
    Damaged(&'static str),
    /// A rule of the record model refuses the values.
    #[error("the values are refused: {}", list(.0))]
    Invalid(Vec<carnet_record::validate::Violation>),
    /// The public key of a device of the record has not come, or not the one that was signed: nothing can be sealed to it.
    #[error("the public key of a device of the record is missing here")]
    KeyMissing,
    /// The operation is allowed and useless: a relay would never take it. Nothing was signed.
    #[error(transparent)]
    NotAdmitted(NotAdmitted),
    /// This device may not do that in this record.
    #[error("this device may not do that in this record")]
    NotGranted,
    /// No such thing in the record.
    #[error("there is no such thing in this record")]
    NotFound,
    /// The device waits to be admitted or has not synced since.
    #[error("this device waits to be admitted to the record")]
    Waiting,
    /// A bug of ours, with the place.
    #[error("an internal rule was broken: {0}")]
    Ours(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A single value is too large for one envelope.
    #[error("one entry is too large: at most about 900 kB of text")]
    TooLarge,
    /// An attached file could not be taken in.
    #[error(transparent)]
    Seal(#[from] crate::blob::SealError),
    /// An attached file could not be read.
    #[error(transparent)]
    File(#[from] crate::blob::ReadError),
}

impl RecordError {
    /// Whether something that this device was about to sign would be refused now, and may be taken another time.
    pub(crate) fn must_wait(&self) -> bool {
        matches!(self, Self::KeyMissing | Self::NotAdmitted(_) | Self::NotGranted)
    }

    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ambiguous | Self::NotFound | Self::NotGranted | Self::Waiting => Fault::Caller,
            Self::Damaged(_) => Fault::Disk,
            Self::KeyMissing => Fault::Peer,
            Self::NotAdmitted(why) => why.fault(),
            Self::Invalid(_) | Self::TooLarge => Fault::Input,
            Self::Ours(_) => Fault::Ours,
            Self::Store(error) => error.fault(),
            Self::Seal(error) => error.fault(),
            Self::File(error) => error.fault(),
        }
    }
}

fn list(violations: &[carnet_record::validate::Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<VolumeError> for RecordError {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Crdt(_) => Self::Damaged("a volume does not load"),
            VolumeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<CrdtError> for RecordError {
    fn from(error: CrdtError) -> Self {
        match error {
            CrdtError::Scan(ScanError::TooManyOps | ScanError::Inflates) => Self::TooLarge,
            _ => Self::Ours("a change could not be written to its volume"),
        }
    }
}

impl From<NotAdmitted> for RecordError {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::DoesNotCount => Self::NotGranted,
            why => Self::NotAdmitted(why),
        }
    }
}

impl From<PayloadError> for RecordError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::TooLarge => Self::TooLarge,
            _ => Self::Ours("a payload could not be sealed"),
        }
    }
}

impl From<DecodeError> for RecordError {
    fn from(_: DecodeError) -> Self {
        Self::Ours("an operation could not be encoded")
    }
}

impl From<EnvelopeRefused> for RecordError {
    fn from(_: EnvelopeRefused) -> Self {
        Self::Ours("an envelope contradicts its context")
    }
}

impl From<WrapError> for RecordError {
    fn from(_: WrapError) -> Self {
        Self::Ours("keys could not be wrapped")
    }
}

/// What is in memory of a record.
pub(crate) struct Live {
    pub(crate) id: RecordId,
    pub(crate) row: RecordRow,
    pub(crate) signing: SigningKey,
    pub(crate) members: Members,
    pub(crate) keys: KeyRing,
    pub(crate) sections: BTreeMap<SectionId, SectionKind>,
    pub(crate) volumes: Volumes,
    /// Attached files that entries were seen to name.
    pub(crate) named_files: RefCell<HashSet<ObjectId>>,
    /// Bytes of the file that nothing uses any more: stagings that were cleared.
    pub(crate) slack_bytes: u64,
}

/// An open record. It borrows the vault, so that one thing is done at a time.
pub struct Record<'v> {
    pub(crate) store: &'v Store,
    pub(crate) blobs: &'v Blobs,
    pub(crate) door: &'v mut Door,
    pub(crate) seed: &'v DeviceSeed,
    pub(crate) live: &'v mut Live,
}

/// Entries to write in one volume, as one change.
pub(crate) struct VolumeWrites {
    pub(crate) section: SectionId,
    pub(crate) volume: VolumeId,
    pub(crate) entries: Vec<EntryWrite>,
}

/// One entry to write.
pub(crate) struct EntryWrite {
    pub(crate) place: Place,
    pub(crate) before: Option<Fields>,
    pub(crate) after: Fields,
}

impl Record<'_> {
    /// The record's id: what a relay knows it by.
    pub fn id(&self) -> RecordId {
        self.live.id
    }

    /// The name by which the person calls the record on this device.
    pub fn label(&self) -> &str {
        &self.live.row.label
    }

    /// Runs `work` as one step of the store that is durable when this returns. If it fails, nothing of it stays, in the
    /// store or in memory.
    pub(crate) fn commit<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut Writer) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        let mut writer = self.store.write(Durability::Acknowledged)?;
        let result = work(self, &mut writer).and_then(|value| {
            writer.put(RECORD, &Key::of(&self.live.id), &row::write(&self.live.row))?;
            writer.commit()?;
            Ok(value)
        });
        if result.is_err() {
            // Should reading fail too, the store is poisoned and takes nothing more; the first error is the one to tell.
            drop(self.reload());
        }
        result
    }

    /// Reads again from the store what is kept in memory.
    pub(crate) fn reload(&mut self) -> Result<(), RecordError> {
        *self.live = Live::load(self.store, self.seed, &self.live.id, self.door.now())?;
        Ok(())
    }

    /// The present instant, by this device's clock.
    pub(crate) fn now(&self) -> UnixMillis {
        self.door.now()
    }

    /// The section of this kind that this device writes to.
    pub(crate) fn section_of(&self, kind: SectionKind) -> Result<SectionId, RecordError> {
        let section = self.live.sections.iter().find(|(_, other)| **other == kind);
        section.map(|(section, _)| *section).ok_or(RecordError::Waiting)
    }

    /// The volume of a section for something that happened in `year`.
    pub(crate) fn volume_of(&self, kind: SectionKind, year: i16) -> VolumeId {
        if kind.rolls_by_year() { volume::of_year(year, self.live.row.genesis_year) } else { volume::SINGLE }
    }

    /// Writes entries as one change of each volume, in this step.
    pub(crate) fn write_entries(&mut self, writer: &mut Writer, writes: &[VolumeWrites]) -> Result<(), RecordError> {
        for write in writes {
            self.write_volume(writer, write)?;
        }
        Ok(())
    }

    fn write_volume(&mut self, writer: &mut Writer, write: &VolumeWrites) -> Result<(), RecordError> {
        let (record, section, volume) = (self.live.id, write.section, write.volume);
        let now = self.now();
        let feed = self.feed_with_room(writer, &section, volume)?;
        let entries: Vec<Write<'_>> = write
            .entries
            .iter()
            .map(|entry| Write { place: entry.place.clone(), before: entry.before.as_ref(), after: &entry.after })
            .collect();
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let Some(change) = doc.write(feed, &entries, now)? else { return Ok(()) };
        self.live.volumes.store_change(writer, &record, &section, volume, &change)?;
        let payload = encode_changes(&[&change]);
        self.append(writer, section, volume, EnvelopeKind::Changes, &payload)?;
        self.count_ops(writer, &feed, Incoming::read(&change)?.ops())?;
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let places = write.entries.iter().map(|entry| entry.place.clone());
        Ok(update_view(writer, &record, &section, volume, doc, places)?)
    }

    /// The feed that this device writes changes to. One that holds nearly as many operations as others accept of a feed
    /// is left, and a new incarnation goes on.
    fn feed_with_room(
        &mut self,
        writer: &mut Writer,
        section: &SectionId,
        volume: VolumeId,
    ) -> Result<FeedId, RecordError> {
        let feed = self.own_feed(section, volume, EnvelopeKind::Changes);
        if self.feed(writer, &feed)?.is_some_and(|row| row.ops > CHANGE_OPS_PER_FEED_MAX - CHANGE_OPS_PER_ENVELOPE_MAX)
        {
            self.renew(writer)?;
        }
        Ok(self.own_feed(section, volume, EnvelopeKind::Changes))
    }

    fn count_ops(&self, writer: &mut Writer, feed: &FeedId, ops: u64) -> Result<(), RecordError> {
        let row = self.held_feed(writer, feed)?;
        Ok(self.put_feed(writer, feed, &FeedRow { ops: row.ops.saturating_add(ops), ..row })?)
    }

    /// Seals, signs and stores `payload` as the next envelope of this device's feed, and notes that it is to be sent.
    pub(crate) fn append(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        kind: EnvelopeKind,
        payload: &[u8],
    ) -> Result<EnvelopeId, RecordError> {
        if self.live.row.standing != Standing::Member {
            return Err(RecordError::Waiting);
        }
        let epoch = self.epoch_to_write(writer, &section)?;
        let heads = self.heads_to_cite(writer)?;
        let feed = self.own_feed(&section, volume, kind);
        let mut state = self.feed(writer, &feed)?.unwrap_or_else(|| {
            FeedRow::empty(self.live.row.device, self.live.row.incarnation, section, volume, kind.number())
        });
        let seen = self.seen_to_say(writer, &section)?;
        let context = EnvelopeContext {
            record: self.live.id,
            section,
            volume,
            kind,
            device: self.live.row.device,
            key: self.live.signing.public(),
            incarnation: self.live.row.incarnation,
            previous: state.last,
            heads,
            epoch,
        };
        let sealing = Sealing {
            key: self.live.keys.of(&epoch).ok_or(RecordError::Ours("an epoch without its key"))?,
            signing: &self.live.signing,
            seq: state.seq + 1,
            heads_changed: state.heads != heads.0,
            seen,
        };
        let envelope = seal_payload(&context, &sealing, payload, &mut self.door.rng)?;
        if let Some(seen) = seen.filter(|_| envelope.header.with_checkpoint) {
            self.note_said(writer, &section, &seen)?;
        }
        let id = envelope.id(&context)?;
        state.seq += 1;
        state.last = id;
        state.heads = heads.0;
        if kind == EnvelopeKind::Changes {
            state.change_seq += 1;
        }
        self.put_feed(writer, &feed, &state)?;
        let stored = StoredEnvelope::row(&context, &id, &envelope.encode());
        writer.put(ENVELOPE, &Key::of(&self.live.id).feed(&feed).seq(state.seq), &stored)?;
        self.enqueue(writer, &OutboxRow::Envelope { feed, seq: state.seq })?;
        Ok(id)
    }
}
