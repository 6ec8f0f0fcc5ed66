//! Reading a whole vault again: the vault file, and each attached file against its name.
//!
//! An attached file that is lost or altered is no damage of the store: it is named, with the documents that it belongs
//! to, and the reading goes on over all the others. Nothing is removed here: what is set aside stays on the disk as long
//! as something in the vault names the file and it has not come again.

use carnet_crypto::id::{ObjectId, RecordId};
use carnet_record::EntryId;

use crate::{
    blob::ReadError,
    store::{Durability, Reader, StoreError, Verified},
    vault::{DeviceStanding, Vault, VaultError},
};

/// What a full verification found, when it found the vault file whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The vault file.
    pub store: Verified,
    /// Attached files that were read.
    pub files: usize,
    /// Those among them that are not what they were.
    pub damaged: Vec<DamagedFile>,
}

/// An attached file that this device should have and does not have whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    /// The sealed file.
    pub object: ObjectId,
    /// What became of it.
    pub damage: FileDamage,
    /// The documents whose content it is, in which record; none for what compacts the history of a record.
    pub documents: Vec<(RecordId, EntryId)>,
}

/// What became of an attached file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDamage {
    /// It is not on the disk.
    Absent,
    /// Its bytes are not those that it is named for.
    Altered,
    /// The disk does not give its bytes.
    Unreadable,
}

impl Vault {
    /// Reads and checks everything: the vault file, and each attached file against its name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for the vault file; the disk's.
    pub fn verify(&mut self) -> Result<Verification, VaultError> {
        let store = self.store.verify()?;
        let reader = self.store.read()?;
        let mut found = Verification { store, files: 0, damaged: Vec::new() };
        for object in self.blobs.all(&reader)? {
            let object = object?;
            found.files += 1;
            if let Some(damage) = self.damage(&reader, &object)? {
                found.damaged.push(DamagedFile { object, damage, documents: Vec::new() });
            }
        }
        drop(reader);
        if !found.damaged.is_empty() {
            self.name_documents(&mut found.damaged)?;
        }
        Ok(found)
    }

    /// Lets files that are lost or altered count as not on this device, so that the next exchange asks for them. Their
    /// bytes, if there are any, stay on the disk until the file is here again. Unreadable ones are left where they are.
    ///
    /// # Errors
    /// The store's.
    pub fn set_aside(&mut self, damaged: &[DamagedFile]) -> Result<(), StoreError> {
        // What the disk did not give once it may give the next time.
        let lost: Vec<&DamagedFile> = damaged.iter().filter(|file| file.damage != FileDamage::Unreadable).collect();
        // A crash in between leaves the mention of a file that is not there: the next verification finds it.
        for file in &lost {
            self.blobs.move_aside(&file.object)?;
        }
        let mut writer = self.store.write(Durability::Acknowledged)?;
        for file in &lost {
            self.blobs.forget(&mut writer, &file.object)?;
        }
        writer.commit()
    }

    /// What is wrong with one attached file.
    fn damage(&self, reader: &Reader, object: &ObjectId) -> Result<Option<FileDamage>, StoreError> {
        match self.blobs.verify(reader, object) {
            Ok(()) => Ok(None),
            Err(ReadError::Absent) => Ok(Some(FileDamage::Absent)),
            Err(ReadError::NotAuthentic) => Ok(Some(FileDamage::Altered)),
            // A bad sector under one file says nothing of the others. The store itself notes its own failures.
            Err(ReadError::Store(StoreError::Io(_))) if !self.store.is_poisoned() => Ok(Some(FileDamage::Unreadable)),
            Err(ReadError::Store(error)) => Err(error),
        }
    }

    fn name_documents(&mut self, damaged: &mut [DamagedFile]) -> Result<(), VaultError> {
        for summary in self.records()? {
            if summary.standing == DeviceStanding::Waiting {
                continue;
            }
            for (entry, object) in self.record(&summary.id)?.attached_files()? {
                for file in damaged.iter_mut().filter(|file| file.object == object) {
                    file.documents.push((summary.id, entry));
                }
            }
        }
        Ok(())
    }
}
