//! Sealed bytes on their way into the vault, before they have the name that is theirs.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
};

use carnet_crypto::{digest::ContentHasher, id::ObjectId};

use super::{INLINE_BYTES_MAX, disk};
use crate::store::{StoreError, file_options};

/// Sealed bytes on their way: in memory while they are few, then in a file without a name of its own yet. The file is
/// removed unless it was given one.
pub(super) struct Spill {
    pub(super) path: PathBuf,
    pub(super) file: Option<File>,
    pub(super) memory: Vec<u8>,
    /// What has gone into the file.
    hasher: ContentHasher,
}

impl Spill {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, file: None, memory: Vec::new(), hasher: ContentHasher::new() }
    }

    /// The name of everything that was written out.
    pub(super) fn id(&self) -> ObjectId {
        ObjectId(self.hasher.finish())
    }

    pub(super) fn make_room(&mut self) -> Result<(), StoreError> {
        if self.file.is_some() || self.memory.len() as u64 > INLINE_BYTES_MAX { self.write_out() } else { Ok(()) }
    }

    pub(super) fn write_out(&mut self) -> Result<(), StoreError> {
        if self.file.is_none() {
            self.file = Some(file_options().create_new(true).open(&self.path).map_err(|error| disk(&error))?);
        }
        let file = self.file.as_mut().ok_or(StoreError::Misuse)?;
        file.write_all(&self.memory).map_err(|error| disk(&error))?;
        self.hasher.update(&self.memory);
        self.memory.clear();
        Ok(())
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if self.file.is_some() {
            // After a rename there is nothing under these names; after a failure, `collect` removes what stays.
            drop(fs::remove_file(&self.path));
        }
    }
}
