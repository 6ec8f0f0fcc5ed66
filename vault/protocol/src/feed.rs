//! Feeds: chains of envelopes with one writer, their order, and the proof that a writer forked one.
//!
//! `docs/protocol.md`, "Feeds" and "Equivocation". The signature is checked before anything here is asked: two
//! positions with two names are evidence only when both are signed.

use carnet_crypto::{
    digest,
    fault::Fault,
    id::{DeviceId, EnvelopeId, EpochId, FeedId, Incarnation, RecordId, SectionId, VolumeId},
    sign::{Domain, PublicKey, Signature, Verified},
};

use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, EnvelopeKind, Header, NO_PREDECESSOR},
    membership::HeadsDigest,
};

/// The feed of one incarnation of a device, in one volume and of one kind. For changes it is also the Automerge actor.
pub fn id(
    device: &DeviceId,
    incarnation: &Incarnation,
    section: &SectionId,
    volume: VolumeId,
    kind: EnvelopeKind,
) -> FeedId {
    let volume = if kind == EnvelopeKind::Drop { VolumeId(0) } else { volume };
    FeedId(digest::hash16("feed", &[&device.0, &incarnation.0, &section.0, &volume.0.to_le_bytes(), &[kind.number()]]))
}

/// A place in a chain: everything before it is named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The feed.
    pub feed: FeedId,
    /// The position, from 1.
    pub seq: u32,
    /// The envelope there.
    pub id: EnvelopeId,
}

impl Position {
    /// Length in the format, in bytes, at least.
    pub const BYTES_MIN: usize = 49;

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.raw(&self.feed.0).varint(self.seq.into()).raw(&self.id.0);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let feed = FeedId(reader.array("feed")?);
        let seq = reader.varint(crate::limits::FEED_SEQ_MAX.into(), "seq")?;
        let seq = u32::try_from(seq).unwrap_or(0);
        if seq == 0 {
            return Err(reader.malformed("seq", Wrong::TooSmall));
        }
        Ok(Self { feed, seq, id: EnvelopeId(reader.array("envelope")?) })
    }
}

/// How a verified envelope stands to what is held of its feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Held already, the same bytes.
    Duplicate,
    /// Another envelope is held at this position: evidence for a [`ForkProof`].
    Equivocation {
        /// The one that is held.
        held: EnvelopeId,
    },
    /// Positions are missing before it.
    Gap {
        /// The first missing position.
        missing_from: u32,
    },
    /// The next one.
    Next,
    /// The next position, but on a chain other than the held one: the fork lies further back, and its proof needs the
    /// other branch.
    OtherBranch,
}

/// The end of one feed as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The last position, 0 for an empty feed.
    pub last_seq: u32,
    /// The envelope there; [`NO_PREDECESSOR`] for an empty feed.
    pub last_id: EnvelopeId,
}

impl Default for FeedState {
    fn default() -> Self {
        Self { last_seq: 0, last_id: NO_PREDECESSOR }
    }
}

impl FeedState {
    /// How `envelope` stands to this feed. `held` gives the envelope held at an earlier position, none if it is no
    /// longer known (compacted): then an envelope there cannot be told from its duplicate and counts as one.
    pub fn order(&self, envelope: &Verified<EnvelopeFacts>, held: impl FnOnce(u32) -> Option<EnvelopeId>) -> Order {
        let envelope = envelope.get();
        if envelope.seq <= self.last_seq {
            let there = if envelope.seq == self.last_seq { Some(self.last_id) } else { held(envelope.seq) };
            return match there {
                Some(held) if held != envelope.id => Order::Equivocation { held },
                _ => Order::Duplicate,
            };
        }
        let next = self.last_seq.saturating_add(1);
        if envelope.seq > next {
            Order::Gap { missing_from: next }
        } else if envelope.context.previous == self.last_id {
            Order::Next
        } else {
            Order::OtherBranch
        }
    }

    /// The feed after `envelope`, if it is the next one.
    #[must_use]
    pub fn after(&self, envelope: &EnvelopeFacts) -> Option<Self> {
        let next = self.last_seq.checked_add(1)? == envelope.seq && self.last_id == envelope.context.previous;
        next.then_some(Self { last_seq: envelope.seq, last_id: envelope.id })
    }
}

/// One signed header with what is needed to compute the hash that its signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The envelope before it.
    pub previous: EnvelopeId,
    /// The digest of the author's membership heads.
    pub heads: HeadsDigest,
    /// The full name of its epoch.
    pub epoch: EpochId,
    /// BLAKE3 of nonce and ciphertext.
    pub sealed_hash: [u8; 32],
    /// The signature over the envelope id.
    pub signature: Signature,
}

impl SignedHeader {
    /// The part of `envelope`, in `context`, that proves its signature.
    pub fn of(envelope: &Envelope, context: &EnvelopeContext) -> Self {
        Self {
            header: envelope.header,
            previous: context.previous,
            heads: context.heads,
            epoch: context.epoch,
            sealed_hash: envelope.sealed_hash(),
            signature: envelope.signature,
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer
            .bytes(&self.header.encode())
            .raw(&self.previous.0)
            .raw(&self.heads.0)
            .raw(&self.epoch.0)
            .raw(&self.sealed_hash)
            .raw(&self.signature.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut header_bytes = Reader::new(reader.bytes(64, "header")?);
        let header = Header::read(&mut header_bytes)?;
        header_bytes.finish("header")?;
        Ok(Self {
            header,
            previous: EnvelopeId(reader.array("predecessor")?),
            heads: HeadsDigest(reader.array("membership heads")?),
            epoch: EpochId(reader.array("epoch")?),
            sealed_hash: reader.array("sealed hash")?,
            signature: Signature(reader.array("signature")?),
        })
    }
}

/// Two signed headers for one position of one feed. A cover of the feed and a cited checkpoint stand beside it in the
/// operation that publishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    /// The device that signed both.
    pub device: DeviceId,
    /// The incarnation that forked, and is dead from now on.
    pub incarnation: Incarnation,
    /// The section of the feed.
    pub section: SectionId,
    /// The volume of the feed.
    pub volume: VolumeId,
    /// The kind of the feed.
    pub kind: EnvelopeKind,
    /// The headers, the lower envelope id first.
    pub headers: [SignedHeader; 2],
}

impl ForkProof {
    /// Builds the proof that two envelopes of one feed make, whichever is given first.
    ///
    /// # Errors
    /// [`NoFork`] if they prove nothing.
    pub fn of(
        record: &RecordId,
        key: &PublicKey,
        context: &EnvelopeContext,
        mut headers: [SignedHeader; 2],
    ) -> Result<Self, NoFork> {
        headers.sort_by_key(|signed| id_of(record, key, context, signed));
        let proof = Self {
            device: context.device,
            incarnation: context.incarnation,
            section: context.section,
            volume: context.volume,
            kind: context.kind,
            headers,
        };
        proof.check(record, key)?;
        Ok(proof)
    }

    /// The feed that was forked.
    pub fn feed(&self) -> FeedId {
        id(&self.device, &self.incarnation, &self.section, self.volume, self.kind)
    }

    /// The position at which it forks.
    pub fn seq(&self) -> u32 {
        let [first, _] = &self.headers;
        first.header.seq
    }

    /// Whether the two headers prove a fork by the holder of `key`, the signing key of [`ForkProof::device`].
    ///
    /// # Errors
    /// [`NoFork`] naming what is missing.
    pub fn check(&self, record: &RecordId, key: &PublicKey) -> Result<(), NoFork> {
        let [first, second] = &self.headers;
        if first.header.seq != second.header.seq {
            return Err(NoFork::Positions);
        }
        let context = self.context(record, key, first);
        if id_of(record, key, &context, first) >= id_of(record, key, &context, second) {
            return Err(NoFork::Order);
        }
        for signed in &self.headers {
            let context = self.context(record, key, signed);
            let fits = signed.header.kind == self.kind
                && signed.header.volume == context.volume
                && signed.header.feed == crate::envelope::hint::<8, 16>(&context.feed().0);
            if !fits {
                return Err(NoFork::Feed);
            }
            let id = context.envelope_id(&signed.header, &signed.sealed_hash);
            key.verify(Domain::Envelope, record, id.0, &signed.signature).map_err(|_| NoFork::Signature)?;
        }
        Ok(())
    }

    fn context(&self, record: &RecordId, key: &PublicKey, signed: &SignedHeader) -> EnvelopeContext {
        EnvelopeContext {
            record: *record,
            section: self.section,
            volume: self.volume,
            kind: self.kind,
            device: self.device,
            key: *key,
            incarnation: self.incarnation,
            previous: signed.previous,
            heads: signed.heads,
            epoch: signed.epoch,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .raw(&self.device.0)
            .raw(&self.incarnation.0)
            .raw(&self.section.0)
            .u32(self.volume.0)
            .u8(self.kind.number());
        for signed in &self.headers {
            signed.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            device: DeviceId(reader.array("device")?),
            incarnation: Incarnation(reader.array("incarnation")?),
            section: SectionId(reader.array("section")?),
            volume: VolumeId(reader.u32("volume")?),
            kind: EnvelopeKind::from_number(reader.u8("envelope kind")?)?,
            headers: [SignedHeader::read(reader)?, SignedHeader::read(reader)?],
        })
    }
}

/// Two headers do not prove a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoFork {
    /// A header is of another feed.
    #[error("a header is of another feed")]
    Feed,
    /// The same envelope twice, or not in the canonical order.
    #[error("the headers are the same or out of order")]
    Order,
    /// The positions differ.
    #[error("the headers are for different positions")]
    Positions,
    /// A signature is not valid.
    #[error("a signature is not valid")]
    Signature,
}

impl NoFork {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

fn id_of(record: &RecordId, key: &PublicKey, base: &EnvelopeContext, signed: &SignedHeader) -> EnvelopeId {
    let context = EnvelopeContext {
        record: *record,
        key: *key,
        previous: signed.previous,
        heads: signed.heads,
        epoch: signed.epoch,
        ..*base
    };
    context.envelope_id(&signed.header, &signed.sealed_hash)
}
