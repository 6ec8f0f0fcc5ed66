//! The envelope: signed header in clear, sealed payload. `docs/protocol.md`, "Envelope".
//!
//! A header carries short hints; what is signed, and what the AEAD binds, holds every value in full. So an envelope can
//! only be checked together with its [`EnvelopeContext`], which the receiver knows and never takes from the sender:
//! moved to another record, section, volume, epoch, feed or position, its signature fails. Nothing here opens anything.

use carnet_crypto::{
    digest,
    fault::Fault,
    id::{DeviceId, EnvelopeId, EpochId, FeedId, Incarnation, RecordId, SectionId, VolumeId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey, Verified},
};

use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    feed,
    limits::{CIPHERTEXT_BYTES_MAX, CIPHERTEXT_BYTES_MIN, ENVELOPE_BYTES_MAX, FEED_SEQ_MAX, NONCE_BYTES, TAG_BYTES},
    membership::HeadsDigest,
    version::VERSION,
};

const FLAG_HEADS: u8 = 1;
const FLAG_DEFLATED: u8 = 1 << 1;
const FLAG_CHECKPOINT: u8 = 1 << 2;
const VOLUME_SHIFT: u32 = 3;
const VOLUME_FOLLOWS: u8 = 31;

/// The predecessor that the first envelope of a feed names.
pub const NO_PREDECESSOR: EnvelopeId = EnvelopeId([0; 32]);

/// What an envelope carries. The number is that of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EnvelopeKind {
    /// Automerge changes of one volume.
    Changes = 1,
    /// One batch of dense measures.
    Batch = 2,
    /// One item for a section that its author cannot read.
    Drop = 3,
}

impl EnvelopeKind {
    /// The number in the format: 1 to 3.
    pub fn number(self) -> u8 {
        match self {
            Self::Changes => 1,
            Self::Batch => 2,
            Self::Drop => 3,
        }
    }

    /// The kind with this number.
    ///
    /// # Errors
    /// [`DecodeError::Unsupported`] for a number without a kind.
    pub fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::Changes),
            2 => Ok(Self::Batch),
            3 => Ok(Self::Drop),
            _ => Err(DecodeError::Unsupported { what: "envelope kind", value: number.into() }),
        }
    }
}

/// The header of an envelope, as it stands before the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// What the envelope carries.
    pub kind: EnvelopeKind,
    /// The first 8 bytes of the feed id: a hint.
    pub feed: [u8; 8],
    /// Position in the feed, from 1 to [`FEED_SEQ_MAX`].
    pub seq: u32,
    /// The first 4 bytes of the epoch's name: a hint.
    pub epoch: [u8; 4],
    /// Whether the payload is deflated.
    pub deflated: bool,
    /// Whether the checkpoint last seen follows the payload inside the ciphertext.
    pub with_checkpoint: bool,
    /// The volume of the section.
    pub volume: VolumeId,
    /// The first 8 bytes of the digest of the author's membership heads: a hint, present where it differs from the
    /// feed's previous envelope, so always in the first.
    pub heads: Option<[u8; 8]>,
    /// Length of the ciphertext without its tag, in bytes.
    pub ciphertext_bytes: u32,
}

impl Header {
    /// The header of an envelope in `context`. `heads_changed` says whether the digest of the membership heads differs
    /// from that of the feed's previous envelope; a first envelope always names it.
    pub fn new(context: &EnvelopeContext, seq: u32, heads_changed: bool, ciphertext_bytes: u32) -> Self {
        Self {
            kind: context.kind,
            feed: hint(&context.feed().0),
            seq,
            epoch: hint(&context.epoch.0),
            deflated: false,
            with_checkpoint: false,
            volume: context.volume,
            heads: (heads_changed || seq == 1).then(|| hint(&context.heads.0)),
            ciphertext_bytes,
        }
    }

    /// The bytes of the header, from the version to the length of the ciphertext.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(32);
        writer.u8((VERSION << 4) | self.kind.number()).raw(&self.feed).varint(self.seq.into()).raw(&self.epoch);
        let small = u8::try_from(self.volume.0).ok().filter(|number| *number < VOLUME_FOLLOWS);
        let mut flags = small.unwrap_or(VOLUME_FOLLOWS) << VOLUME_SHIFT;
        for (flag, set) in [
            (FLAG_HEADS, self.heads.is_some()),
            (FLAG_DEFLATED, self.deflated),
            (FLAG_CHECKPOINT, self.with_checkpoint),
        ] {
            flags |= if set { flag } else { 0 };
        }
        writer.u8(flags);
        if small.is_none() {
            writer.varint(self.volume.0.into());
        }
        if let Some(heads) = &self.heads {
            writer.raw(heads);
        }
        writer.varint(self.ciphertext_bytes.into());
        writer.finish()
    }

    /// Reads a header and leaves the reader before the nonce.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field: anything that [`Header::encode`] would not have written.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let first = reader.u8("version and kind")?;
        if first >> 4 != VERSION {
            return Err(DecodeError::Unsupported { what: "version", value: (first >> 4).into() });
        }
        let kind = EnvelopeKind::from_number(first & 0x0f)?;
        let feed = reader.array("feed")?;
        let seq = read_u32(reader, FEED_SEQ_MAX, "seq")?;
        if seq == 0 {
            return Err(reader.malformed("seq", Wrong::TooSmall));
        }
        let epoch = reader.array("epoch")?;
        let flags = reader.u8("flags")?;
        let volume = read_volume(reader, flags >> VOLUME_SHIFT)?;
        let heads = if flags & FLAG_HEADS == 0 { None } else { Some(reader.array("membership heads")?) };
        if seq == 1 && heads.is_none() {
            return Err(reader.malformed("membership heads", Wrong::Value));
        }
        if kind == EnvelopeKind::Drop && (volume.0 != 0 || flags & FLAG_DEFLATED != 0) {
            return Err(reader.malformed("flags", Wrong::Value));
        }
        let limit = u32::try_from(CIPHERTEXT_BYTES_MAX).unwrap_or(0);
        let ciphertext_bytes = read_u32(reader, limit, "length of the ciphertext")?;
        if usize::try_from(ciphertext_bytes).unwrap_or(0) < CIPHERTEXT_BYTES_MIN {
            return Err(reader.malformed("length of the ciphertext", Wrong::TooSmall));
        }
        Ok(Self {
            kind,
            feed,
            seq,
            epoch,
            deflated: flags & FLAG_DEFLATED != 0,
            with_checkpoint: flags & FLAG_CHECKPOINT != 0,
            volume,
            heads,
            ciphertext_bytes,
        })
    }
}

/// Everything that an envelope's signature covers and its header does not hold in full. The receiver knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeContext {
    /// The record.
    pub record: RecordId,
    /// The section.
    pub section: SectionId,
    /// The volume of the section; 0 for a drop.
    pub volume: VolumeId,
    /// What the envelope carries.
    pub kind: EnvelopeKind,
    /// The device that signs; it follows from the record's key salt and `key`.
    pub device: DeviceId,
    /// The signing key of that device.
    pub key: PublicKey,
    /// The incarnation of that device.
    pub incarnation: Incarnation,
    /// The envelope before this one in the feed; [`NO_PREDECESSOR`] for the first.
    pub previous: EnvelopeId,
    /// The digest of the membership heads that the author knew.
    pub heads: HeadsDigest,
    /// The full name of the epoch that the payload is sealed under.
    pub epoch: EpochId,
}

impl EnvelopeContext {
    /// The feed that an envelope in this context belongs to.
    pub fn feed(&self) -> FeedId {
        feed::id(&self.device, &self.incarnation, &self.section, self.volume, self.kind)
    }

    /// The bytes that the AEAD binds: this context in full, and the header.
    pub fn aead_context(&self, header: &Header) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer
            .raw(&self.record.0)
            .raw(&self.section.0)
            .u32(self.volume.0)
            .u8(self.kind.number())
            .raw(&self.key.0)
            .raw(&self.incarnation.0)
            .raw(&self.previous.0)
            .raw(&self.heads.0)
            .raw(&self.epoch.0)
            .raw(&header.encode());
        writer.finish()
    }

    /// `H("env", …)` over this context in full, the header, and the hash of what is sealed.
    pub fn envelope_id(&self, header: &Header, sealed_hash: &[u8; 32]) -> EnvelopeId {
        EnvelopeId(digest::hash(
            "env",
            &[
                &self.record.0,
                &self.section.0,
                &self.volume.0.to_le_bytes(),
                &[self.kind.number()],
                &self.key.0,
                &self.incarnation.0,
                &self.previous.0,
                &self.heads.0,
                &self.epoch.0,
                &header.encode(),
                sealed_hash,
            ],
        ))
    }

    /// The first field of `header` that this context contradicts.
    fn contradiction(&self, header: &Header) -> Option<&'static str> {
        let heads = header.heads.is_none_or(|heads| heads == hint(&self.heads.0));
        [
            (self.kind == header.kind, "kind"),
            (self.volume == header.volume, "volume"),
            (hint(&self.feed().0) == header.feed, "feed"),
            (hint(&self.epoch.0) == header.epoch, "epoch"),
            (heads, "membership heads"),
            ((self.previous == NO_PREDECESSOR) == (header.seq == 1), "predecessor"),
        ]
        .into_iter()
        .find_map(|(agrees, what)| (!agrees).then_some(what))
    }
}

/// What a verified envelope is, without its bytes: all that order and membership are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeFacts {
    /// Its name.
    pub id: EnvelopeId,
    /// Its feed, in full.
    pub feed: FeedId,
    /// Its position in the feed.
    pub seq: u32,
    /// What it was signed with, in full.
    pub context: EnvelopeContext,
}

/// An envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The header.
    pub header: Header,
    /// The nonce of the AEAD.
    pub nonce: [u8; NONCE_BYTES],
    /// The sealed payload, its tag included.
    pub ciphertext: Vec<u8>,
    /// The signature over the envelope id.
    pub signature: Signature,
}

impl Envelope {
    /// Signs a sealed payload. `ciphertext` includes its tag; `header` and `context` are those it was sealed with.
    ///
    /// # Errors
    /// [`EnvelopeRefused::Contradicts`] if they do not agree, so that nothing is signed that nobody could verify.
    pub fn sign(
        context: &EnvelopeContext,
        header: Header,
        nonce: [u8; NONCE_BYTES],
        ciphertext: Vec<u8>,
        key: &SigningKey,
    ) -> Result<Self, EnvelopeRefused> {
        let unsigned = Self { header, nonce, ciphertext, signature: Signature([0; 64]) };
        let length = u32::try_from(unsigned.ciphertext.len().saturating_sub(TAG_BYTES)).ok();
        if length != Some(header.ciphertext_bytes) {
            return Err(EnvelopeRefused::Contradicts("length of the ciphertext"));
        }
        if key.public() != context.key {
            return Err(EnvelopeRefused::Contradicts("signing key"));
        }
        // What a peer could not read back is never signed.
        Header::read(&mut Reader::new(&header.encode())).map_err(EnvelopeRefused::Decode)?;
        let id = unsigned.id(context)?;
        Ok(Self { signature: key.sign(Domain::Envelope, &context.record, &id.0), ..unsigned })
    }

    /// The bytes that travel and are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.ciphertext.len().saturating_add(256));
        writer.raw(&self.header.encode()).raw(&self.nonce).raw(&self.ciphertext).raw(&self.signature.0);
        writer.finish()
    }

    /// Reads one whole envelope.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field and the place; bytes left over are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > ENVELOPE_BYTES_MAX {
            let limit = u64::try_from(ENVELOPE_BYTES_MAX).unwrap_or(0);
            return Err(reader.malformed("envelope", Wrong::TooLarge { limit }));
        }
        let header = Header::read(&mut reader)?;
        let nonce = reader.array("nonce")?;
        let length = usize::try_from(header.ciphertext_bytes).unwrap_or(usize::MAX).saturating_add(TAG_BYTES);
        let ciphertext = reader.take(length, "ciphertext")?.to_vec();
        let signature = Signature(reader.array("signature")?);
        reader.finish("envelope")?;
        Ok(Self { header, nonce, ciphertext, signature })
    }

    /// BLAKE3 of nonce and ciphertext, tag included: what stands for the payload in the envelope id, in anchors and in
    /// fork proofs.
    pub fn sealed_hash(&self) -> [u8; 32] {
        let mut sealed = Vec::with_capacity(self.ciphertext.len().saturating_add(NONCE_BYTES));
        sealed.extend_from_slice(&self.nonce);
        sealed.extend_from_slice(&self.ciphertext);
        digest::content_hash(&sealed)
    }

    /// The name that this envelope has in `context`.
    ///
    /// # Errors
    /// [`EnvelopeRefused::Contradicts`] if a hint in the header does not fit the context: it is the wrong candidate.
    pub fn id(&self, context: &EnvelopeContext) -> Result<EnvelopeId, EnvelopeRefused> {
        if let Some(what) = context.contradiction(&self.header) {
            return Err(EnvelopeRefused::Contradicts(what));
        }
        Ok(context.envelope_id(&self.header, &self.sealed_hash()))
    }

    /// Proof that the device of `context` signed this envelope in that context.
    ///
    /// # Errors
    /// [`EnvelopeRefused`]: where several contexts fit the hints, each is tried.
    pub fn verify(&self, context: &EnvelopeContext) -> Result<Verified<EnvelopeFacts>, EnvelopeRefused> {
        let id = self.id(context)?;
        let verified = context.key.verify(Domain::Envelope, &context.record, id.0, &self.signature)?;
        let facts = EnvelopeFacts { id, feed: context.feed(), seq: self.header.seq, context: *context };
        Ok(verified.stands_for(facts))
    }
}

/// An envelope is not what its context says, or was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeRefused {
    /// A field of the header does not fit the context.
    #[error("the {0} does not fit the context")]
    Contradicts(&'static str),
    /// The header cannot be encoded so that it reads back.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature is not valid.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl EnvelopeRefused {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Contradicts(_) | Self::Signature(_) => Fault::Peer,
            Self::Decode(error) => error.fault(),
        }
    }
}

/// The first `N` bytes of a full id.
pub fn hint<const N: usize, const FULL: usize>(full: &[u8; FULL]) -> [u8; N] {
    const { assert!(N <= FULL, "a hint is no longer than what it hints at") };
    let mut short = [0; N];
    for (to, from) in short.iter_mut().zip(full) {
        *to = *from;
    }
    short
}

fn read_u32(reader: &mut Reader<'_>, limit: u32, what: &'static str) -> Result<u32, DecodeError> {
    Ok(u32::try_from(reader.varint(limit.into(), what)?).unwrap_or(limit))
}

fn read_volume(reader: &mut Reader<'_>, small: u8) -> Result<VolumeId, DecodeError> {
    if small < VOLUME_FOLLOWS {
        return Ok(VolumeId(small.into()));
    }
    let volume = read_u32(reader, u32::MAX, "volume")?;
    if volume < VOLUME_FOLLOWS.into() {
        return Err(reader.malformed("volume", Wrong::NotMinimal));
    }
    Ok(VolumeId(volume))
}
