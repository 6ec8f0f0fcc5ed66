//! Sealed files that nothing names any more, and a record that is taken off this device: how they go.
//!
//! A sealed file is named by an entry, by a draft of an unfinished import, or by an operation that publishes it, unless
//! what it publishes was refused. When its last name goes, its row goes in the **same step** of the store, and a mark is left there; the file itself is
//! removed once that step is durable, and the mark after the file. A crash in between leaves a file without a row, never
//! a row without its file: the next opening finds the mark, or an unfinished import, and goes on.
//!
//! Nothing that a record still names is removed here, in whichever record it came.

use std::collections::BTreeSet;

use carnet_crypto::id::{ObjectId, RecordId};
use carnet_protocol::membership::{Body, Op};

use crate::{
    blob::{Blobs, Collected},
    documents::named_file,
    import::staged_file,
    record::{Record, RecordError},
    snapshot::rejected::rejection_of,
    store::{Durability, Store, StoreError, Writer},
    tables::{ENTRY, IMPORT, Key, Look as _, OBJECT, OF_RECORDS, OP, RECORD, REJECTED, STAGING, VAULT},
    vault::{DeviceStanding, Vault, VaultError},
    volumes::ViewRow,
};

impl Vault {
    /// Takes a record off this device, for good: everything of it that lies here, its attached files too. Other devices
    /// keep theirs.
    ///
    /// # Errors
    /// The store's. Once the record is gone it stays gone: files that could not be removed go with the next opening.
    pub fn forget_record(&mut self, id: &RecordId) -> Result<(), VaultError> {
        let mut writer = self.store.write(Durability::Acknowledged)?;
        let mut gone = names_in(&writer, id)?;
        for table in OF_RECORDS {
            writer.remove_prefix(table, &Key::of(id))?;
        }
        retain_unnamed(&writer, &mut gone)?;
        forget_files(&self.blobs, &mut writer, &gone)?;
        writer.commit()?;
        self.live.remove(id);
        remove_files(&self.store, &self.blobs, |object| !gone.contains(object))?;
        Ok(())
    }

    /// Removes the files beside the store that no row mentions, and the parts of transfers that no record waits for.
    ///
    /// # Errors
    /// The store's.
    pub fn sweep(&mut self) -> Result<Collected, VaultError> {
        let mut wanted = BTreeSet::new();
        for summary in self.records()? {
            if summary.standing != DeviceStanding::Waiting {
                let record = self.record(&summary.id)?;
                wanted.extend(record.wanted_objects()?.iter().map(crate::replica::Wanted::object));
            }
        }
        Ok(remove_files(&self.store, &self.blobs, |object| wanted.contains(object))?)
    }

    /// At opening: removes what a crash may have left, if there is a sign that it may have left something.
    pub(crate) fn sweep_after_crash(&self) -> Result<(), StoreError> {
        let reader = self.store.read()?;
        let is_due = reader.get(VAULT, SWEEP_ROW)?.is_some() || reader.prefix(IMPORT, &[])?.next().is_some();
        drop(reader);
        if is_due { remove_files(&self.store, &self.blobs, |_| true).map(drop) } else { Ok(()) }
    }
}

impl Record<'_> {
    /// Lets go, in this step, of those among `files` that nothing in this record names. They were sealed for it, so that
    /// no other record can use them. Call [`Record::sweep_files`] once the step is durable.
    pub(crate) fn let_go(&self, writer: &mut Writer, mut files: BTreeSet<ObjectId>) -> Result<(), RecordError> {
        if files.is_empty() {
            return Ok(());
        }
        let named = names_in(writer, &self.live.id)?;
        files.retain(|object| !named.contains(object));
        Ok(forget_files(self.blobs, writer, &files)?)
    }

    /// Lets go, in this step, of an object that was refused. Whoever published it chose its name, so that it may be that
    /// of any file: it stays where anything else in the vault names it. Whether it went; then call
    /// [`Record::sweep_files`] once the step is durable.
    pub(crate) fn let_go_rejected(&self, writer: &mut Writer, object: &ObjectId) -> Result<bool, RecordError> {
        let mut gone = BTreeSet::from([*object]);
        retain_unnamed(writer, &mut gone)?;
        forget_files(self.blobs, writer, &gone)?;
        Ok(!gone.is_empty())
    }

    /// Removes the files beside the store that no row mentions.
    pub(crate) fn sweep_files(&self) -> Result<(), RecordError> {
        remove_files(self.store, self.blobs, |_| true)?;
        Ok(())
    }
}

/// Keeps of `objects` those that no record of the vault names.
fn retain_unnamed(writer: &Writer, objects: &mut BTreeSet<ObjectId>) -> Result<(), StoreError> {
    for row in writer.prefix(RECORD, &[])? {
        let record = RecordId::from_slice(&row?.0).ok_or(StoreError::Damaged)?;
        let named = names_in(writer, &record)?;
        objects.retain(|object| !named.contains(object));
    }
    Ok(())
}

/// Every sealed file and object that a record names. A row that does not read names nothing: a damaged record can be
/// taken off too.
fn names_in(writer: &Writer, record: &RecordId) -> Result<BTreeSet<ObjectId>, StoreError> {
    let of_record = Key::of(record);
    let mut named = BTreeSet::new();
    for row in writer.prefix(ENTRY, &of_record.clone().container("document"))? {
        named.extend(ViewRow::read(&row?.1).ok().and_then(|row| named_file(&row.fields)));
    }
    for row in writer.prefix(OBJECT, &of_record)? {
        named.extend(row?.0.last_chunk::<32>().map(|object| ObjectId(*object)));
    }
    for row in writer.prefix(STAGING, &of_record)? {
        named.extend(staged_file(&row?.1).ok().flatten());
    }
    for row in writer.prefix(OP, &of_record)? {
        match Op::decode(&row?.1).as_ref().map(Op::body) {
            Ok(Body::Seal(seal)) => {
                let refused = rejection_of(record, &seal.section, seal.volume, &seal.object, &seal.cover);
                if writer.look(REJECTED, &refused)?.is_none() {
                    named.insert(seal.object);
                }
            }
            Ok(Body::Rebase(rebase)) => named.extend(rebase.object),
            _ => {}
        }
    }
    Ok(named)
}

/// Removes the rows of files, and leaves the mark that their files are to go.
fn forget_files(blobs: &Blobs, writer: &mut Writer, files: &BTreeSet<ObjectId>) -> Result<(), StoreError> {
    for object in files {
        blobs.forget(writer, object)?;
    }
    if files.is_empty() { Ok(()) } else { writer.put(VAULT, SWEEP_ROW, &[]) }
}

/// Removes the files that no row mentions, then the mark.
fn remove_files(store: &Store, blobs: &Blobs, is_wanted: impl Fn(&ObjectId) -> bool) -> Result<Collected, StoreError> {
    let reader = store.read()?;
    let collected = blobs.collect(&reader, is_wanted)?;
    if reader.get(VAULT, SWEEP_ROW)?.is_some() {
        let mut writer = store.write(Durability::Acknowledged)?;
        writer.remove(VAULT, SWEEP_ROW)?;
        writer.commit()?;
    }
    Ok(collected)
}

/// Present while files may lie beside the store that no row mentions.
const SWEEP_ROW: &[u8] = b"sweep";
