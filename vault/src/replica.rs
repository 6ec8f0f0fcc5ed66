//! What a sync engine may ask of a record and give to it. Bytes in, bytes out; nothing here knows a network.
//!
//! Everything that is to be sent stands in the **outbox** in the order in which it was signed, and leaves it only when
//! the relay has acknowledged it. What the relay was last seen to have is remembered beside it, so that a relay that
//! shows less, or something else, is found out.

mod anew;
mod outbox;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    id::{DeviceId, EnvelopeId, FeedId, ObjectId, SectionId},
    sign::{PublicKey, Signature},
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads, SignedCheckpoint},
    codec::{DecodeError, Reader as Bytes, Writer as BytesOut},
    envelope::EnvelopeFacts,
    feed::{ForkProof, Position, SignedHeader},
    frame::StreamRole,
    membership::{
        Body, Scope,
        body::{Accusation, CitedCheckpoint},
    },
};

use crate::{
    blob::{Offer, ReadError},
    record::{Record, RecordError},
    row::Standing,
    store::{StoreError, Writer},
    tables::{Key, Look, RELAY},
};

pub(crate) use self::{anew::Unsent, reach::named_kems};
pub use self::{
    outbox::{Outgoing, OutgoingItem, Pending},
    reach::{Suffix, Wanted},
};

/// The end of one feed as this device holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedEnd {
    /// The feed.
    pub feed: FeedId,
    /// Its last position.
    pub seq: u32,
    /// The envelope there.
    pub envelope: EnvelopeId,
}

/// What this device remembers of its relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayMemory {
    /// The life of the relay's store that the heads belong to; 0 when it was never seen.
    pub store_epoch: u64,
    /// Where the logs stood.
    pub heads: KnownHeads,
    /// The newest checkpoint that was verified.
    pub checkpoint: Option<SignedCheckpoint>,
}

impl Record<'_> {
    /// This device in the record.
    pub fn device(&self) -> DeviceId {
        self.live.row.device
    }

    /// Proves this device's key for a stream.
    pub fn prove_stream(&self, role: StreamRole, exporter: &[u8; 32]) -> Signature {
        role.prove(&self.live.signing, &self.live.id, exporter)
    }

    /// Whether `device` is live in this record, has this transport key or none on file, and proved its key.
    pub fn admits_stream(&self, role: StreamRole, device: &DeviceId, exporter: &[u8; 32], proof: &Signature) -> bool {
        let known = self.live.members.current().device(device).filter(|device| device.is_live);
        known.is_some_and(|device| role.check(&device.key, &self.live.id, exporter, proof).is_ok())
    }

    /// The sections that `device` may read, ascending.
    pub fn sections_for(&self, device: &DeviceId) -> Vec<SectionId> {
        let membership = self.live.members.current();
        let sections = membership.sections().into_iter();
        sections.filter(|section| membership.may(device, section, Scope::READ)).collect()
    }

    /// The key of the relay in force, by the membership log.
    pub fn relay_key(&self) -> Option<PublicKey> {
        self.live.members.current().relay().map(|relay| relay.signing)
    }

    /// The transport keys of the other live devices.
    pub fn peer_transports(&self) -> Vec<(DeviceId, [u8; 32])> {
        let devices = self.live.members.current().devices().filter(|device| device.id != self.live.row.device);
        devices.filter(|device| device.is_live).filter_map(|device| Some((device.id, device.transport?))).collect()
    }

    /// The ends of the feeds of a section, ascending by feed.
    ///
    /// # Errors
    /// The store's.
    pub fn feed_ends(&self, section: &SectionId) -> Result<Vec<FeedEnd>, RecordError> {
        let feeds = self.feeds(&self.store.read()?)?.into_iter();
        let here = feeds.filter(|(_, row)| row.section == *section && row.seq > 0);
        Ok(here.map(|(feed, row)| FeedEnd { feed, seq: row.seq, envelope: row.last }).collect())
    }

    /// Whether this very installation writes to a feed; not whether it once did, under another incarnation.
    ///
    /// # Errors
    /// The store's.
    pub fn writes_to(&self, feed: &FeedId) -> Result<bool, RecordError> {
        let row = self.feed(&self.store.read()?, feed)?;
        Ok(row.is_some_and(|row| self.is_this_installation(&row.device, row.incarnation)))
    }

    /// The first 8 bytes of every feed that a proof shows to be forked: others may hold another branch of it.
    pub fn forked_feeds(&self) -> BTreeSet<[u8; 8]> {
        self.live.members.current().forked_feeds().filter_map(|feed| feed.0.first_chunk().copied()).collect()
    }

    /// The envelopes of a feed after `seq`, in order, at most about `bytes_max` bytes of them and at least one.
    ///
    /// # Errors
    /// The store's.
    pub fn envelopes_after(&self, feed: &FeedId, seq: u32, bytes_max: usize) -> Result<Vec<Vec<u8>>, RecordError> {
        let reader = self.store.read()?;
        let mut envelopes = Vec::new();
        let mut bytes = 0;
        for seq in seq.saturating_add(1).. {
            let Some(stored) = self.stored(&reader, feed, seq)? else { break };
            bytes += stored.bytes.len();
            if bytes > bytes_max && !envelopes.is_empty() {
                break;
            }
            envelopes.push(stored.bytes);
        }
        Ok(envelopes)
    }

    /// The id of an envelope that is held.
    ///
    /// # Errors
    /// The store's.
    pub fn envelope_at(&self, feed: &FeedId, seq: u32) -> Result<Option<EnvelopeId>, RecordError> {
        Ok(self.stored(&self.store.read()?, feed, seq)?.map(|stored| stored.id))
    }

    /// What this device remembers of its relay.
    ///
    /// # Errors
    /// The store's.
    pub fn relay_memory(&self) -> Result<RelayMemory, RecordError> {
        self.relay_memory_in(&self.store.read()?)
    }

    pub(crate) fn relay_memory_in(&self, look: &impl Look) -> Result<RelayMemory, RecordError> {
        match look.look(RELAY, &Key::of(&self.live.id))? {
            Some(row) => Ok(RelayMemory::read(&row).map_err(|_| StoreError::Damaged)?),
            None => Ok(RelayMemory::default()),
        }
    }

    /// Notes that the relay does not serve this device. It says something only of one that it served before.
    ///
    /// # Errors
    /// The store's.
    pub fn note_turned_away(&mut self) -> Result<(), RecordError> {
        let row = &self.live.row;
        if row.standing != Standing::Member || row.synced_at_ms.is_none() || row.turned_away {
            return Ok(());
        }
        self.commit(|record, _| {
            record.live.row.turned_away = true;
            Ok(())
        })
    }

    /// Notes that this device has just exchanged with another.
    ///
    /// # Errors
    /// The store's.
    pub fn note_exchange(&mut self) -> Result<(), RecordError> {
        self.commit(|record, _| {
            record.live.row.synced_at_ms = Some(record.now().0);
            Ok(())
        })
    }

    /// A sealed file to be given to a peer or a relay, in parts.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn offer_file(&self, object: &ObjectId) -> Result<Offer, ReadError> {
        let reader = self.store.read()?;
        self.blobs.offer(&reader, object)
    }

    /// The checkpoint to cite in a removal: the newest that this device verified; none without a relay.
    pub(crate) fn cited_checkpoint(&self) -> Result<Option<CitedCheckpoint>, RecordError> {
        let memory = self.relay_memory()?;
        let cited =
            memory.checkpoint.map(|checkpoint| CitedCheckpoint::of(checkpoint, &memory.heads.sections, |_| true));
        Ok(cited)
    }

    /// Signs the proof that a feed forked; the branch that is held stands. False when that must wait until the relay
    /// was seen again: others would refuse a proof that cites an old checkpoint.
    pub(crate) fn publish_fork(
        &mut self,
        writer: &mut Writer,
        facts: &EnvelopeFacts,
        headers: [SignedHeader; 2],
    ) -> Result<bool, RecordError> {
        let Ok(proof) = ForkProof::of(&self.live.id, &facts.context.key, &facts.context, headers) else {
            return Ok(true);
        };
        // Another feed of the same incarnation may have been proved to be forked: that says nothing of where this one ends.
        let is_known = self.live.members.current().fork_of(&facts.feed).is_some();
        if is_known || self.live.row.standing != Standing::Member {
            return Ok(true);
        }
        let (at, cited) = (self.now(), self.cited_checkpoint()?);
        if self.live.members.current().admit_cited(cited.as_ref(), at).is_err() {
            return Ok(false);
        }
        // What was sealed beyond the fork never rolls back: that branch stands, whichever this device holds.
        let frontier = match self.live.members.current().sealed_from(&proof) {
            Some(sealed) => Some(sealed),
            None => {
                self.feed(writer, &facts.feed)?.map(|row| Position { feed: facts.feed, seq: row.seq, id: row.last })
            }
        };
        self.sign_op(writer, at, Body::ForkProof(Box::new(Accusation { proof, frontier, cited })), &[])?;
        Ok(true)
    }
}

impl RelayMemory {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = BytesOut::new();
        writer.varint(self.store_epoch).presence(self.heads.membership.is_some());
        if let Some(head) = &self.heads.membership {
            head.write(&mut writer);
        }
        writer.count(self.heads.sections.len());
        for (section, head) in &self.heads.sections {
            writer.raw(&section.0);
            head.write(&mut writer);
        }
        writer.presence(self.checkpoint.is_some());
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.write(&mut writer);
        }
        writer.finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Bytes::new(bytes);
        let store_epoch = reader.varint(u64::MAX, "store epoch")?;
        let membership = if reader.presence("membership")? { Some(Head::read(&mut reader)?) } else { None };
        let sections: BTreeMap<SectionId, Head> = reader
            .list(SECTIONS_MAX, 17, "sections", |reader| {
                Ok((SectionId(reader.array("section")?), Head::read(reader)?))
            })?
            .into_iter()
            .collect();
        let checkpoint = if reader.presence("checkpoint")? { Some(SignedCheckpoint::read(&mut reader)?) } else { None };
        reader.finish("relay memory")?;
        Ok(Self { store_epoch, heads: KnownHeads { membership, sections }, checkpoint })
    }
}

/// Most sections in what is remembered of a relay.
const SECTIONS_MAX: usize = 1_024;
