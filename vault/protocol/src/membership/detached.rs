//! The large parts of operations: public keys and wraps. An operation names them by hash; they travel beside it, are
//! asked for when needed, and can be forgotten. `docs/membership.md`, "Detached parts".

use carnet_crypto::{digest, id::DeviceId};

use crate::{
    codec::{DecodeError, Reader, Writer},
    limits::{DETACHED_BYTES_MAX, KEM_KEY_BYTES, MERKLE_LEAVES_MAX, MERKLE_PATH_MAX},
    merkle, version,
};

/// `H("kem", an X-Wing public key)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KemHash(pub [u8; 32]);

/// `H("inbox", an X-Wing public key)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxHash(pub [u8; 32]);

/// A large part of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detached {
    /// The X-Wing public key of a device, root or relay.
    Kem(Box<[u8; KEM_KEY_BYTES]>),
    /// The X-Wing public key of a section's inbox.
    Inbox(Box<[u8; KEM_KEY_BYTES]>),
    /// Section keys wrapped to one device.
    Wrap(SealedKeys),
}

/// Section keys wrapped to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKeys {
    /// The device that can unwrap them.
    pub recipient: DeviceId,
    /// The HPKE encapsulation and ciphertext.
    pub sealed: Vec<u8>,
}

impl Detached {
    /// The hash that an operation names it by. A wrap inside a rekey is named by the Merkle root over these instead.
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Kem(key) => kem_hash(key.as_slice()).0,
            Self::Inbox(key) => inbox_hash(key.as_slice()).0,
            Self::Wrap(keys) => keys.hash(),
        }
    }

    /// The bytes that travel and are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(KEM_KEY_BYTES.saturating_add(8));
        writer.u8(version::VERSION).u8(version::SUITE);
        match self {
            Self::Kem(key) => writer.u8(1).raw(key.as_slice()),
            Self::Inbox(key) => writer.u8(2).raw(key.as_slice()),
            Self::Wrap(keys) => writer.u8(3).raw(&keys.recipient.0).bytes(&keys.sealed),
        };
        writer.finish()
    }

    /// Reads one whole part.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field and the place.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        version::read(&mut reader)?;
        let number = reader.u8("detached part")?;
        let part = match number {
            1 => Self::Kem(Box::new(reader.array("KEM key")?)),
            2 => Self::Inbox(Box::new(reader.array("inbox")?)),
            3 => Self::Wrap(SealedKeys {
                recipient: DeviceId(reader.array("recipient")?),
                sealed: reader.bytes(DETACHED_BYTES_MAX, "wrap")?.to_vec(),
            }),
            _ => return Err(DecodeError::Unsupported { what: "detached part", value: number.into() }),
        };
        reader.finish("detached part")?;
        Ok(part)
    }
}

impl SealedKeys {
    /// `H("wrap", recipient, sealed)`: the part's name, and its leaf in the Merkle tree of a rekey.
    pub fn hash(&self) -> [u8; 32] {
        digest::hash("wrap", &[&self.recipient.0, &self.sealed])
    }
}

/// The hash of an X-Wing public key of a device, root or relay.
pub fn kem_hash(key: &[u8]) -> KemHash {
    KemHash(digest::hash("kem", &[key]))
}

/// The hash of an X-Wing public key of an inbox.
pub fn inbox_hash(key: &[u8]) -> InboxHash {
    InboxHash(digest::hash("inbox", &[key]))
}

/// One device's wrap in a rekey, with the path that proves it against the root in the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedWrap {
    /// The wrap.
    pub keys: SealedKeys,
    /// Its index among the wraps, which ascend by recipient.
    pub index: u32,
    /// Number of wraps.
    pub count: u32,
    /// The siblings from leaf to root.
    pub siblings: Vec<[u8; 32]>,
}

impl ProvedWrap {
    /// The wraps of a rekey, each with its path, and the root that the operation names. They are sorted here.
    pub fn tree(mut wraps: Vec<SealedKeys>) -> ([u8; 32], Vec<Self>) {
        wraps.sort_by_key(|keys| keys.recipient);
        wraps.dedup_by_key(|keys| keys.recipient);
        let leaves: Vec<[u8; 32]> = wraps.iter().map(SealedKeys::hash).collect();
        let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        let proved = wraps
            .into_iter()
            .enumerate()
            .map(|(index, keys)| Self {
                keys,
                index: u32::try_from(index).unwrap_or(u32::MAX),
                count,
                siblings: merkle::path(&leaves, index).unwrap_or_default(),
            })
            .collect();
        (merkle::root(&leaves), proved)
    }

    /// Whether this wrap belongs to the rekey whose root is `wraps`.
    pub fn proves(&self, wraps: &[u8; 32]) -> bool {
        let (Ok(index), Ok(count)) = (usize::try_from(self.index), usize::try_from(self.count)) else { return false };
        merkle::proves(&self.keys.hash(), index, count, &self.siblings, wraps)
    }

    /// The bytes that travel and are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.keys.sealed.len().saturating_add(256));
        writer.u8(version::VERSION).u8(version::SUITE).u8(4).raw(&self.keys.recipient.0).bytes(&self.keys.sealed);
        writer.varint(self.index.into()).varint(self.count.into()).count(self.siblings.len());
        for sibling in &self.siblings {
            writer.raw(sibling);
        }
        writer.finish()
    }

    /// Reads one whole wrap with its path.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field and the place.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        version::read(&mut reader)?;
        let number = reader.u8("detached part")?;
        if number != 4 {
            return Err(DecodeError::Unsupported { what: "detached part", value: number.into() });
        }
        let recipient = DeviceId(reader.array("recipient")?);
        let sealed = reader.bytes(DETACHED_BYTES_MAX, "wrap")?.to_vec();
        let limit = u64::try_from(MERKLE_LEAVES_MAX).unwrap_or(0);
        let index = u32::try_from(reader.varint(limit, "index")?).unwrap_or(u32::MAX);
        let count = u32::try_from(reader.varint(limit, "count")?).unwrap_or(u32::MAX);
        let siblings = reader.list(MERKLE_PATH_MAX, 32, "path", |reader| reader.array("path"))?;
        reader.finish("detached part")?;
        Ok(Self { keys: SealedKeys { recipient, sealed }, index, count, siblings })
    }
}
