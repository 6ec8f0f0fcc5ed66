//! One operation of a membership log: who says what, after having seen what. `docs/membership.md`, "Operations".

use carnet_crypto::{
    digest,
    door::UnixMillis,
    fault::Fault,
    id::{DeviceId, OpId, PrincipalId, RecordId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey, Verified},
};

use super::body::{Body, Genesis};
use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    limits::{HEADS_MAX, OP_BYTES_MAX},
    version,
};

/// The digest of a set of membership heads: `H("heads", the op ids in ascending order)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadsDigest(pub [u8; 32]);

impl HeadsDigest {
    /// The digest of `heads`, in whatever order they come and however often.
    pub fn of(heads: &[OpId]) -> Self {
        let mut sorted = heads.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut hasher = digest::Hasher::new("heads");
        for head in &sorted {
            hasher.part(&head.0);
        }
        Self(hasher.finish())
    }
}

/// The id of the device that holds `key` in the record with this key salt.
pub fn device_id(key_salt: &[u8; 32], key: &PublicKey) -> DeviceId {
    DeviceId(digest::hash16("device", &[key_salt, &key.0]))
}

/// The id of the principal whose first device holds `key` in the record with this key salt.
pub fn principal_id(key_salt: &[u8; 32], key: &PublicKey) -> PrincipalId {
    PrincipalId(digest::hash16("principal", &[key_salt, &key.0]))
}

/// An operation without its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpDraft {
    /// The heads that the author saw, ascending; empty in a genesis only.
    pub parents: Vec<OpId>,
    /// The device that signs.
    pub author: DeviceId,
    /// Number of operations that the author made before.
    pub counter: u32,
    /// The author's clock.
    pub time: UnixMillis,
    /// What it says.
    pub body: Body,
}

impl OpDraft {
    /// Signs the operation for `record`.
    ///
    /// # Errors
    /// [`DecodeError`] if it breaks a bound or an order of the format, so that nobody could read it back.
    pub fn sign(self, record: &RecordId, key: &SigningKey) -> Result<Op, DecodeError> {
        let bytes = self.encode();
        let id = op_id(&bytes);
        self.seal(bytes, id, &key.sign(Domain::Operation, record, &id.0))
    }

    /// Makes the first operation of a record, and the record with it: its id is that of the operation.
    ///
    /// # Errors
    /// As [`OpDraft::sign`].
    pub fn genesis(genesis: Genesis, time: UnixMillis, key: &SigningKey) -> Result<(RecordId, Op), DecodeError> {
        let author = device_id(&genesis.key_salt, &genesis.device.signing);
        let draft = Self { parents: Vec::new(), author, counter: 0, time, body: Body::Genesis(genesis) };
        let bytes = draft.encode();
        let id = op_id(&bytes);
        let record = RecordId(id.0);
        let signature = key.sign(Domain::Operation, &record, &id.0);
        Ok((record, draft.seal(bytes, id, &signature)?))
    }

    /// The id that the operation will have.
    pub fn id(&self) -> OpId {
        op_id(&self.encode())
    }

    fn seal(self, mut bytes: Vec<u8>, id: OpId, signature: &Signature) -> Result<Op, DecodeError> {
        bytes.extend_from_slice(&signature.0);
        let op = Op { id, draft: self, signature: *signature, bytes };
        // What a peer could not read back is never handed out.
        Op::decode(&op.bytes)?;
        Ok(op)
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.u8(version::VERSION).u8(version::SUITE).count(self.parents.len());
        for parent in &self.parents {
            writer.raw(&parent.0);
        }
        writer.raw(&self.author.0).varint(self.counter.into()).u48(self.time.0);
        self.body.write(&mut writer);
        writer.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        version::read(reader)?;
        let parents = reader.sorted(HEADS_MAX, 32, "parents", |r| r.array("parent").map(OpId), |parent| *parent)?;
        let author = DeviceId(reader.array("author")?);
        let counter = reader.varint(u32::MAX.into(), "counter")?;
        let time = UnixMillis(reader.u48("time")?);
        let body = Body::read(reader)?;
        if parents.is_empty() != matches!(body, Body::Genesis(_)) {
            return Err(reader.malformed("parents", Wrong::Value));
        }
        Ok(Self { parents, author, counter: u32::try_from(counter).unwrap_or(u32::MAX), time, body })
    }
}

/// An operation as it travels, read but not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    id: OpId,
    draft: OpDraft,
    signature: Signature,
    bytes: Vec<u8>,
}

impl Op {
    /// Reads one whole operation.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field and the place; any but the canonical bytes are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > OP_BYTES_MAX {
            let limit = u64::try_from(OP_BYTES_MAX).unwrap_or(0);
            return Err(reader.malformed("operation", Wrong::TooLarge { limit }));
        }
        let draft = OpDraft::read(&mut reader)?;
        let unsigned = bytes.get(..reader.at()).unwrap_or_default();
        let signature = Signature(reader.array("signature")?);
        reader.finish("operation")?;
        Ok(Self { id: op_id(unsigned), draft, signature, bytes: bytes.to_vec() })
    }

    /// An operation that exists only to ask what would follow from it.
    pub(super) fn unsigned(draft: OpDraft, signature: Signature) -> Self {
        Self { id: draft.id(), draft, signature, bytes: Vec::new() }
    }

    /// Its name: `H("op", the operation without its signature)`.
    pub fn id(&self) -> OpId {
        self.id
    }

    /// The bytes that travel and are stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The operation without its signature.
    pub fn draft(&self) -> &OpDraft {
        &self.draft
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.draft.body
    }

    /// The heads that the author saw, ascending.
    pub fn parents(&self) -> &[OpId] {
        &self.draft.parents
    }

    /// The device that signed.
    pub fn author(&self) -> DeviceId {
        self.draft.author
    }

    /// The author's counter.
    pub fn counter(&self) -> u32 {
        self.draft.counter
    }

    /// The author's clock.
    pub fn time(&self) -> UnixMillis {
        self.draft.time
    }

    /// Proof that the holder of `key` signed this operation for `record`.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, record: &RecordId, key: &PublicKey) -> Result<Verified<OpId>, BadSignature> {
        let verified = key.verify(Domain::Operation, record, self.id.0, &self.signature)?;
        Ok(verified.stands_for(self.id))
    }
}

/// Why an operation can never be part of a log. What merely does not count is kept, because others may name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpRefused {
    /// The bytes are not an operation.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The two headers of a fork proof prove nothing.
    #[error(transparent)]
    NoFork(#[from] crate::feed::NoFork),
    /// It belongs to another record, or is a second genesis.
    #[error("the operation belongs to another record")]
    OtherRecord,
    /// The log is full.
    #[error("the log has as many operations as a record may have")]
    Full,
    /// The signature is not that of its author.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// No operation in its causal past introduces its author.
    #[error("nothing before the operation introduces its author")]
    UnknownAuthor,
    /// A fork proof names a device that nothing in its causal past introduces.
    #[error("nothing before the operation introduces the device it accuses")]
    UnknownDevice,
}

impl OpRefused {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Decode(error) => error.fault(),
            _ => Fault::Peer,
        }
    }
}

fn op_id(unsigned: &[u8]) -> OpId {
    OpId(digest::hash("op", &[unsigned]))
}
