//! Receiving a sealed file as plain parts from its first byte on: from a relay, which cannot prove parts, or a file.
//!
//! What came is on disk and counts on the next attempt. Nothing of it is believed before the whole was compared with the
//! name that was asked for; if it differs, all of it is dropped.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use carnet_crypto::{fault::Fault, id::ObjectId, logsafe::LogSafe};

use super::{Blobs, INLINE_BYTES_MAX, SEALED_BYTES_MAX, disk, put_beside, put_inline};
use crate::store::{StoreError, Writer, file_options};

/// A file, or a part of it, could not be received. What had been verified before is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Bytes that do not belong to the name that was asked for.
    #[error("the peer sent bytes of another file")]
    NotAuthentic,
    /// Bytes are still missing.
    #[error("the file is not complete")]
    NotComplete,
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Larger than [`SEALED_BYTES_MAX`], or no sealed file at all.
    #[error("no sealed file has {0} bytes")]
    WrongSize(u64),
}

impl ReceiveError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NotAuthentic | Self::WrongSize(_) => Fault::Peer,
            Self::NotComplete => Fault::Caller,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for ReceiveError {}

/// A sealed file on its way, kept on disk from one attempt to the next.
pub struct Download {
    id: ObjectId,
    file: File,
    path: PathBuf,
    have: u64,
    total: u64,
}

impl Blobs {
    /// Begins or resumes receiving the sealed file `id` of `total` bytes, a number that whoever sends it states.
    ///
    /// # Errors
    /// [`ReceiveError::WrongSize`]; the disk's.
    pub fn download(&self, id: &ObjectId, total: u64) -> Result<Download, ReceiveError> {
        if total == 0 || total > SEALED_BYTES_MAX {
            return Err(ReceiveError::WrongSize(total));
        }
        let path = self.incoming_folder().join(id.to_string()).with_extension("down");
        let mut file = file_options().create(true).truncate(false).open(&path).map_err(|error| disk(&error))?;
        let mut have = file.metadata().map_err(|error| disk(&error))?.len();
        if have > total {
            file.set_len(0).map_err(|error| disk(&error))?;
            have = 0;
        }
        file.seek(SeekFrom::Start(have)).map_err(|error| disk(&error))?;
        Ok(Download { id: *id, file, path, have, total })
    }
}

impl Download {
    /// How many bytes are here: where the next part begins.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Whether everything is here.
    pub fn is_complete(&self) -> bool {
        self.have == self.total
    }

    /// Takes the next part. One that begins elsewhere changes nothing.
    ///
    /// # Errors
    /// [`ReceiveError::NotAuthentic`] for more bytes than the file has; the disk's.
    pub fn append(&mut self, start: u64, bytes: &[u8]) -> Result<(), ReceiveError> {
        if start != self.have {
            return Ok(());
        }
        let after = self.have.saturating_add(bytes.len() as u64);
        if after > self.total {
            return Err(ReceiveError::NotAuthentic);
        }
        self.file.write_all(bytes).map_err(|error| disk(&error))?;
        self.have = after;
        Ok(())
    }

    /// Compares the whole with its name and gives it its place among the others; it counts when `writer` has committed.
    ///
    /// # Errors
    /// [`ReceiveError::NotAuthentic`]: nothing of it is left; [`ReceiveError::NotComplete`]; the disk's.
    pub(crate) fn finish(self, blobs: &Blobs, writer: &mut Writer) -> Result<ObjectId, ReceiveError> {
        if !self.is_complete() {
            return Err(ReceiveError::NotComplete);
        }
        if self.total <= INLINE_BYTES_MAX {
            let bytes = fs::read(&self.path).map_err(|error| disk(&error))?;
            drop(fs::remove_file(&self.path));
            if carnet_crypto::digest::content_hash(&bytes) != self.id.0 {
                return Err(ReceiveError::NotAuthentic);
            }
            put_inline(writer, &self.id, &bytes)?;
            return Ok(self.id);
        }
        match blobs.adopt_foreign(&self.path, &self.id) {
            Ok(()) => {
                put_beside(writer, &self.id, self.total)?;
                Ok(self.id)
            }
            Err(StoreError::Damaged) => {
                drop(fs::remove_file(&self.path));
                Err(ReceiveError::NotAuthentic)
            }
            Err(error) => Err(error.into()),
        }
    }
}
