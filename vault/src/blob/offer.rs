//! Giving a sealed file to a peer, a relay or a file of exchange: plain parts of it, in whatever order they are asked for.
//!
//! Whoever receives it compares the whole with its name ([`super::download`]). Nothing is opened here.

use carnet_crypto::id::ObjectId;

use super::{Blobs, Bytes, ReadError};
use crate::store::Reader;

/// A sealed file that can be given to a peer, in parts. Whether the peer may have it was decided before.
pub struct Offer {
    bytes: Bytes,
}

impl Offer {
    /// Bytes of the sealed file.
    pub fn sealed_bytes(&self) -> u64 {
        self.bytes.length()
    }

    /// The bytes from `start` on, `bytes` of them or fewer at the end of the file.
    ///
    /// # Errors
    /// The disk's.
    pub fn part(&self, start: u64, bytes: usize) -> Result<Vec<u8>, ReadError> {
        let left = usize::try_from(self.sealed_bytes().saturating_sub(start)).unwrap_or(usize::MAX);
        let mut part = vec![0; bytes.min(left)];
        self.bytes.read_at(start, &mut part)?;
        Ok(part)
    }
}

impl Blobs {
    /// A sealed file of this device, to be given to a peer.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn offer(&self, reader: &Reader, id: &ObjectId) -> Result<Offer, ReadError> {
        Ok(Offer { bytes: self.bytes(reader, id)? })
    }
}
