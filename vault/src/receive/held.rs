//! The envelopes that this device holds: in their feed, or in quarantine, each beside what its header does not say.
//!
//! A header leaves out what its receiver knows; once it was verified, that is kept in front of the envelope, so that it
//! can be opened again without asking anybody. Nothing here judges an envelope: see [`super::verify`] and
//! [`super::rejudge`].

use carnet_crypto::id::{EnvelopeId, EpochId, FeedId};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeKind},
    limits::QUARANTINE_BYTES_PER_FEED_MAX,
    membership::HeadsDigest,
};

use crate::{
    payload::open_payload,
    record::{Record, RecordError},
    row::FeedRow,
    store::{StoreError, Writer},
    tables::{ENVELOPE, Key, Look, QUARANTINE},
};

/// A stored envelope with everything that its header does not hold.
pub(crate) struct StoredEnvelope {
    pub(crate) id: EnvelopeId,
    pub(crate) previous: EnvelopeId,
    pub(crate) heads: HeadsDigest,
    pub(crate) epoch: EpochId,
    pub(crate) bytes: Vec<u8>,
}

impl StoredEnvelope {
    /// Bytes of a row before the envelope itself.
    const CONTEXT_BYTES: usize = 128;

    /// An envelope with its context.
    pub(super) fn of(context: &EnvelopeContext, id: &EnvelopeId, bytes: &[u8]) -> Self {
        let EnvelopeContext { previous, heads, epoch, .. } = *context;
        Self { id: *id, previous, heads, epoch, bytes: bytes.to_vec() }
    }

    /// The row of an envelope in its context.
    pub(crate) fn row(context: &EnvelopeContext, id: &EnvelopeId, bytes: &[u8]) -> Vec<u8> {
        [id.0.as_slice(), &context.previous.0, &context.heads.0, &context.epoch.0, bytes].concat()
    }

    /// The row that this was read from.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [self.id.0.as_slice(), &self.previous.0, &self.heads.0, &self.epoch.0, &self.bytes].concat()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Damage.
    pub(crate) fn read(row: &[u8]) -> Result<Self, StoreError> {
        let mut rest = row;
        let mut next = || -> Result<[u8; 32], StoreError> {
            let (id, after) = rest.split_first_chunk::<32>().ok_or(StoreError::Damaged)?;
            rest = after;
            Ok(*id)
        };
        let (id, previous, heads, epoch) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            id: EnvelopeId(id),
            previous: EnvelopeId(previous),
            heads: HeadsDigest(heads),
            epoch: EpochId(epoch),
            bytes: rest.to_vec(),
        })
    }
}

impl Record<'_> {
    /// An envelope that is held.
    pub(crate) fn stored(
        &self,
        look: &impl Look,
        feed: &FeedId,
        seq: u32,
    ) -> Result<Option<StoredEnvelope>, StoreError> {
        let row = look.look(ENVELOPE, &Key::of(&self.live.id).feed(feed).seq(seq))?;
        row.map(|row| StoredEnvelope::read(&row)).transpose()
    }

    /// The payload of an envelope that is held, opened again.
    pub(crate) fn open_stored(&self, look: &impl Look, feed: &FeedId, seq: u32) -> Result<Vec<u8>, RecordError> {
        let stored = self.stored(look, feed, seq)?.ok_or(RecordError::Damaged("a named envelope is not held"))?;
        self.open_kept(&self.held_feed(look, feed)?, &stored)
    }

    /// The payload of an envelope that is kept, accepted or not.
    pub(super) fn open_kept(&self, row: &FeedRow, stored: &StoredEnvelope) -> Result<Vec<u8>, RecordError> {
        let envelope = Envelope::decode(&stored.bytes).map_err(|_| StoreError::Damaged)?;
        let context = self.context_of(row, stored, envelope.header.kind).ok_or(StoreError::Damaged)?;
        let key = self.live.keys.of(&stored.epoch).ok_or(RecordError::Damaged("a key is missing"))?;
        let opened = open_payload(&context, &envelope, key);
        opened.map(|(payload, _)| payload).map_err(|_| RecordError::Damaged("a stored envelope does not open"))
    }

    /// The context of an envelope that is held, from what was kept beside it.
    pub(super) fn context_of(
        &self,
        row: &FeedRow,
        stored: &StoredEnvelope,
        kind: EnvelopeKind,
    ) -> Option<EnvelopeContext> {
        let device = self.live.members.current().device(&row.device)?;
        Some(EnvelopeContext {
            record: self.live.id,
            section: row.section,
            volume: row.volume,
            kind,
            device: row.device,
            key: device.key,
            incarnation: row.incarnation,
            previous: stored.previous,
            heads: stored.heads,
            epoch: stored.epoch,
        })
    }

    /// Puts an envelope in quarantine that was never accepted: kept, not applied. Beyond a limit for each feed, only what
    /// it is called is kept of what comes; what is kept whole already stays so.
    pub(super) fn put_aside(
        &self,
        writer: &mut Writer,
        feed: &FeedId,
        seq: u32,
        stored: &StoredEnvelope,
    ) -> Result<(), RecordError> {
        let prefix = Key::of(&self.live.id).feed(feed);
        let is_whole = |held: StoredEnvelope| held.id == stored.id && !held.bytes.is_empty();
        if self.aside(writer, feed, seq)?.is_some_and(is_whole) {
            return Ok(());
        }
        if writer.get(QUARANTINE, &prefix.clone().seq(seq).envelope(&stored.id))?.is_some() {
            return self.put_fallen_aside(writer, feed, seq, stored);
        }
        let mut total = stored.bytes.len();
        for row in writer.prefix(QUARANTINE, &prefix)? {
            total += row?.1.len();
        }
        let mut row = stored.encode();
        if total > QUARANTINE_BYTES_PER_FEED_MAX {
            row.truncate(StoredEnvelope::CONTEXT_BYTES);
        }
        self.clear_place(writer, feed, seq, &stored.id)?;
        Ok(writer.put(QUARANTINE, &prefix.seq(seq), &row)?)
    }

    /// Puts an envelope in quarantine that was accepted before: whole, since nobody else may hold it.
    pub(super) fn put_fallen_aside(
        &self,
        writer: &mut Writer,
        feed: &FeedId,
        seq: u32,
        stored: &StoredEnvelope,
    ) -> Result<(), RecordError> {
        self.clear_place(writer, feed, seq, &stored.id)?;
        Ok(writer.put(QUARANTINE, &Key::of(&self.live.id).feed(feed).seq(seq), &stored.encode())?)
    }

    /// Makes a place in quarantine free for `id`, or for none once that is accepted. Another envelope that lies there goes
    /// beside it, under its own id: kept, and never judged again.
    pub(super) fn clear_place(
        &self,
        writer: &mut Writer,
        feed: &FeedId,
        seq: u32,
        id: &EnvelopeId,
    ) -> Result<(), StoreError> {
        let place = Key::of(&self.live.id).feed(feed).seq(seq);
        let other = self.aside(writer, feed, seq)?.filter(|held| held.id != *id && !held.bytes.is_empty());
        if let Some(other) = other {
            writer.put(QUARANTINE, &place.clone().envelope(&other.id), &other.encode())?;
        }
        writer.remove(QUARANTINE, &place.clone().envelope(id))?;
        writer.remove(QUARANTINE, &place)?;
        Ok(())
    }

    /// An envelope that is in quarantine and has no place in its feed.
    pub(crate) fn aside(
        &self,
        look: &impl Look,
        feed: &FeedId,
        seq: u32,
    ) -> Result<Option<StoredEnvelope>, StoreError> {
        let row = look.look(QUARANTINE, &Key::of(&self.live.id).feed(feed).seq(seq))?;
        row.map(|row| StoredEnvelope::read(&row)).transpose()
    }
}
