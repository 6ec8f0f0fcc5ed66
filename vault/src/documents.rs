//! Attached files of a record: sealed beside the store, named and keyed by the entry of their document.
//!
//! The key of a file lies in its document's entry, so whoever reads the section reads the file, and nobody else. A file
//! is sealed for its record: moved to another one it does not open.

use std::{
    collections::{HashMap, HashSet},
    io::Read,
};

use carnet_crypto::id::{ObjectId, RecordId};
use carnet_record::{Entry, EntryId, Fact, kind::document::Attachment};
use carnet_seal::secret::FileKey;
use zeroize::Zeroizing;

use crate::{
    blob::Sealed,
    crdt::Fields,
    entries::{Filter, Found},
    import::hex,
    record::{Record, RecordError},
    row::OutboxRow,
    store::Writer,
    tables::{Key, OBJECT},
};

/// An attached file that this device lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingFile {
    /// The document.
    pub entry: EntryId,
    /// The sealed file.
    pub object: ObjectId,
}

impl Record<'_> {
    /// Seals what `source` gives. It is to be kept in the step that names it.
    pub(crate) fn attach(&mut self, source: &mut dyn Read) -> Result<(Attachment, Sealed), RecordError> {
        let key = FileKey::generate(&mut self.door.rng);
        let context = file_context(&self.live.id);
        let sealed = self.blobs.seal(source, &key, &context, &mut self.door.rng)?;
        Ok((Attachment { object: sealed.id.to_string(), key: hex(key.expose_for_store()) }, sealed))
    }

    /// Notes the files of entries that are about to be written as to be sent, before the entries themselves.
    pub(crate) fn enqueue_files<'e>(
        &self,
        writer: &mut Writer,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), RecordError> {
        for entry in entries {
            let Some((object, _)) = attachment(entry) else { continue };
            let key = Key::of(&self.live.id).object(&object);
            if writer.get(OBJECT, &key)?.is_none() {
                writer.put(OBJECT, &key, &[])?;
                self.enqueue(writer, &OutboxRow::Object { object })?;
            }
        }
        Ok(())
    }

    /// Gives the bytes of a document to `out`, in parts.
    ///
    /// # Errors
    /// [`RecordError::NotFound`] when the entry has no file; what the file or `out` answers.
    pub fn read_document(
        &self,
        id: &EntryId,
        mut out: impl FnMut(&[u8]) -> Result<(), RecordError>,
    ) -> Result<u64, RecordError> {
        let entry = self.entry(id)?.entry;
        let (object, key) = attachment(&entry).ok_or(RecordError::NotFound)?;
        let Fact::Document(document) = &entry.fact else { return Err(RecordError::NotFound) };
        let size = document.size.ok_or(RecordError::Damaged("a document does not say its size"))?;
        let context = file_context(&self.live.id);
        let reader = self.store.read()?;
        let mut opened = self.blobs.open(&reader, &object, &key, &context, size)?;
        let mut buffer = Zeroizing::new(vec![0; 64 << 10]);
        let mut offset = 0;
        loop {
            let read = opened.read_at(offset, &mut buffer)?;
            if read == 0 {
                return Ok(offset);
            }
            out(buffer.get(..read).unwrap_or_default())?;
            offset += u64::try_from(read).unwrap_or(0);
        }
    }

    /// The attached files that entries name and that are not on this device.
    ///
    /// # Errors
    /// The store's.
    pub fn missing_files(&self) -> Result<Vec<MissingFile>, RecordError> {
        let reader = self.store.read()?;
        let mut missing = Vec::new();
        for Found { entry, .. } in self.documents()? {
            if let Some((object, _)) = attachment(&entry)
                && self.blobs.sealed_bytes(&reader, &object)?.is_none()
            {
                missing.push(MissingFile { entry: entry.id, object });
            }
        }
        Ok(missing)
    }

    /// Whether an entry of this record names this sealed file: what a peer may ask for.
    ///
    /// # Errors
    /// The store's.
    pub fn names_file(&self, object: &ObjectId) -> Result<bool, RecordError> {
        // A file that was named once stays one that a device of the record may have: every document is read for the first
        // that is asked for, not for each.
        if self.live.named_files.borrow().contains(object) {
            return Ok(true);
        }
        let named: HashSet<ObjectId> = self.named_files()?.into_iter().collect();
        let is_named = named.contains(object);
        *self.live.named_files.borrow_mut() = named;
        Ok(is_named)
    }

    /// The sealed files that entries name.
    pub(crate) fn named_files(&self) -> Result<Vec<ObjectId>, RecordError> {
        Ok(self.attached_files()?.into_iter().map(|(_, object)| object).collect())
    }

    /// The documents that have a file, removed ones too, each with the name of its sealed file.
    pub(crate) fn attached_files(&self) -> Result<Vec<(EntryId, ObjectId)>, RecordError> {
        let named = |found: &Found| attachment(&found.entry).map(|(object, _)| (found.entry.id, object));
        Ok(self.documents()?.iter().filter_map(named).collect())
    }

    /// The attached files whose bytes are on this device, by the hash that their documents give.
    pub(crate) fn files_by_hash(&self) -> Result<HashMap<String, Attachment>, RecordError> {
        let reader = self.store.read()?;
        let mut files = HashMap::new();
        for found in self.documents()? {
            let Some((object, _)) = attachment(&found.entry) else { continue };
            let Fact::Document(document) = found.entry.fact else { continue };
            if let (Some(sha256), Some(attachment)) = (document.sha256, document.attachment)
                && self.blobs.sealed_bytes(&reader, &object)?.is_some()
            {
                files.entry(sha256).or_insert(attachment);
            }
        }
        Ok(files)
    }

    fn documents(&self) -> Result<Vec<Found>, RecordError> {
        self.list(&Filter { kinds: vec!["document".to_owned()], with_removed: true, ..Filter::default() })
    }
}

/// The sealed file that the fields of a document name, whatever else they say.
pub(crate) fn named_file(fields: &Fields) -> Option<ObjectId> {
    fields.get("attachment")?.get("object")?.as_str()?.parse().ok()
}

/// The sealed file that an entry names, and its key.
pub(crate) fn attachment(entry: &Entry) -> Option<(ObjectId, FileKey)> {
    let Fact::Document(document) = &entry.fact else { return None };
    let attachment = document.attachment.as_ref()?;
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(attachment.key.parse::<ObjectId>().ok()?.0);
    Some((attachment.object.parse().ok()?, FileKey::from_store(key.as_slice())?))
}

/// What a sealed file is bound to.
fn file_context(record: &RecordId) -> Vec<u8> {
    [b"carnet/1 file\0".as_slice(), &record.0].concat()
}
