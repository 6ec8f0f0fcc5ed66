//! Sealed objects (snapshots, attached files) in parts, so that either direction resumes where it broke off.
//!
//! An object is named by the BLAKE3 hash of its bytes. Parts are not verified one by one: the one who receives checks
//! the whole against the name, and asks again from the start when it does not fit.

pub use carnet_crypto::id::ObjectId;

use crate::{
    checkpoint::U48_MAX,
    codec::{DecodeError, Reader, Writer, Wrong},
    frame::Body,
};

/// Largest object, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 4 << 30;
/// Largest part of an object in one frame, in bytes.
pub const OBJECT_PART_BYTES_MAX: usize = 1 << 20;

/// How much of this object is there? 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectAsked {
    /// The object.
    pub object: ObjectId,
}

impl Body for ObjectAsked {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { object: ObjectId(from.array("object")?) })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.object.as_bytes());
    }
}

/// Give a part of this object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectWanted {
    /// The object.
    pub object: ObjectId,
    /// First byte wanted, from 0.
    pub start: u64,
    /// Number of bytes wanted, 1 to [`OBJECT_PART_BYTES_MAX`]; fewer come when the object ends before.
    pub bytes: u64,
}

impl Body for ObjectWanted {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let object = ObjectId(from.array("object")?);
        let start = from.varint(OBJECT_BYTES_MAX, "start")?;
        let most = u64::try_from(OBJECT_PART_BYTES_MAX).unwrap_or(u64::MAX);
        let bytes = from.varint(most, "bytes")?;
        if bytes == 0 { Err(from.malformed("bytes", Wrong::TooSmall)) } else { Ok(Self { object, start, bytes }) }
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.object.as_bytes()).varint(self.start).varint(self.bytes);
    }
}

/// How much of an object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectState {
    /// The object.
    pub object: ObjectId,
    /// Its size in bytes, 0 while nobody has announced it.
    pub total: u64,
    /// How many bytes from the start are stored; the next part begins here.
    pub stored: u64,
    /// Whether all bytes are stored and have the hash that names the object.
    pub complete: bool,
}

impl Body for ObjectState {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let object = ObjectId(from.array("object")?);
        let total = from.varint(OBJECT_BYTES_MAX, "total")?;
        Ok(Self { object, total, stored: from.varint(total, "stored")?, complete: from.presence("complete")? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.object.as_bytes()).varint(self.total).varint(self.stored).presence(self.complete);
    }
}

/// A part of an object. As `ObjectPut` it is answered by `ObjectState`; a part that does not begin where the stored
/// bytes end changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPart {
    /// The object.
    pub object: ObjectId,
    /// Its size in bytes, 1 to [`OBJECT_BYTES_MAX`].
    pub total: u64,
    /// First byte, from 0.
    pub start: u64,
    /// The bytes, at most [`OBJECT_PART_BYTES_MAX`], within `total`.
    pub bytes: Vec<u8>,
}

impl Body for ObjectPart {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let object = ObjectId(from.array("object")?);
        let total = from.varint(OBJECT_BYTES_MAX.min(U48_MAX), "total")?;
        let start = from.varint(total, "start")?;
        let bytes = from.bytes(OBJECT_PART_BYTES_MAX, "part")?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > total.saturating_sub(start) {
            return Err(from.malformed("part", Wrong::TooLarge { limit: total.saturating_sub(start) }));
        }
        Ok(Self { object, total, start, bytes: bytes.to_vec() })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.object.as_bytes()).varint(self.total).varint(self.start).bytes(&self.bytes);
    }
}
