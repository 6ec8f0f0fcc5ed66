//! The documents of a record's volumes: loaded when needed, saved in the store as one document and the changes since.
//!
//! A volume is kept in memory once loaded. Everything that changes one goes through a [`Writer`] of the store in the
//! same step as the envelope that carries it; when that step fails, the whole record is read again from the store.

use std::collections::{HashMap, hash_map::Entry};

use carnet_crypto::id::{RecordId, SectionId, VolumeId};

use crate::{
    crdt::{CONTAINERS, CrdtError, Doc, Fields, Incoming, Place},
    store::{Store, StoreError, Writer},
    tables::{CHANGE, ENTRY, Key, Look, VOLUME},
};

/// Why a volume could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VolumeError {
    #[error(transparent)]
    Crdt(#[from] CrdtError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The volumes of one record that are in memory.
#[derive(Default)]
pub(crate) struct Volumes(HashMap<(SectionId, VolumeId), Loaded>);

struct Loaded {
    doc: Doc,
    /// Number of the next change row.
    next: u64,
    /// Bytes of the change rows.
    tail_bytes: usize,
    /// Bytes of the saved document.
    saved_bytes: usize,
}

impl Volumes {
    /// Whether none was loaded.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The document of a volume; an empty one for a volume that holds nothing yet.
    pub(crate) fn doc(
        &mut self,
        store: &Store,
        record: &RecordId,
        section: &SectionId,
        volume: VolumeId,
    ) -> Result<&mut Doc, VolumeError> {
        match self.0.entry((*section, volume)) {
            Entry::Occupied(loaded) => Ok(&mut loaded.into_mut().doc),
            Entry::Vacant(place) => Ok(&mut place.insert(load(&store.read()?, record, section, volume)?).doc),
        }
    }

    /// Reads a volume again as it stands in this step, after Automerge refused something and left it in doubt.
    pub(crate) fn read_again(
        &mut self,
        writer: &Writer,
        record: &RecordId,
        section: &SectionId,
        volume: VolumeId,
    ) -> Result<(), VolumeError> {
        self.0.insert((*section, volume), load(writer, record, section, volume)?);
        Ok(())
    }

    /// Puts a change that the document already holds in the store. Now and then the whole document is saved instead.
    pub(crate) fn store_change(
        &mut self,
        writer: &mut Writer,
        record: &RecordId,
        section: &SectionId,
        volume: VolumeId,
        change: &[u8],
    ) -> Result<(), VolumeError> {
        // A change is made or applied in a volume that is in memory; one that is not would be lost here in silence.
        let Some(loaded) = self.0.get_mut(&(*section, volume)) else { return Err(StoreError::Misuse.into()) };
        let key = volume_key(record, section, volume);
        if loaded.tail_bytes + change.len() > TAIL_BYTES_MIN.max(loaded.saved_bytes / 4) {
            return loaded.save(writer, &key);
        }
        writer.put(CHANGE, &key.number(loaded.next), change)?;
        loaded.next += 1;
        loaded.tail_bytes += change.len();
        Ok(())
    }

    /// Puts a document in the store whole, in place of what was there: a snapshot that was verified.
    pub(crate) fn replace(
        &mut self,
        writer: &mut Writer,
        record: &RecordId,
        section: &SectionId,
        volume: VolumeId,
        doc: Doc,
    ) -> Result<(), VolumeError> {
        let mut loaded = Loaded::new(doc);
        loaded.save(writer, &volume_key(record, section, volume))?;
        self.0.insert((*section, volume), loaded);
        Ok(())
    }
}

impl Loaded {
    fn new(doc: Doc) -> Self {
        Self { doc, next: 0, tail_bytes: 0, saved_bytes: 0 }
    }

    fn save(&mut self, writer: &mut Writer, key: &Key) -> Result<(), VolumeError> {
        let saved = self.doc.save();
        writer.put(VOLUME, key, &saved)?;
        writer.remove_prefix(CHANGE, key)?;
        (self.next, self.tail_bytes, self.saved_bytes) = (0, 0, saved.len());
        Ok(())
    }
}

/// Writes the rows that lists are read from, for entries that changed.
pub(crate) fn update_view(
    writer: &mut Writer,
    record: &RecordId,
    section: &SectionId,
    volume: VolumeId,
    doc: &Doc,
    places: impl IntoIterator<Item = Place>,
) -> Result<(), StoreError> {
    for place in places {
        // Whoever may write can make other containers and keys; nothing reads them.
        let Some(entry) = parse_entry(&place.key).filter(|_| CONTAINERS.contains(&place.container.as_str())) else {
            continue;
        };
        let key = Key::of(record).container(&place.container).bytes(&entry);
        // One id may lie in two volumes: imported here as of one year and there as of another. One of them is shown,
        // the same on every device, whichever came first.
        let here = [section.0.as_slice(), &volume.0.to_be_bytes()].concat();
        let shown = writer.get(ENTRY, &key)?;
        let there = shown.as_ref().and_then(|row| row.first_chunk::<20>());
        if there.is_some_and(|there| there.as_slice() < here.as_slice()) {
            continue;
        }
        match doc.fields(&place) {
            Some(fields) => {
                let mut row = here;
                row.extend(serde_json::to_vec(&fields).map_err(|_| StoreError::Misuse)?);
                if shown.as_ref() != Some(&row) {
                    writer.put(ENTRY, &key, &row)?;
                }
            }
            None if there.is_some_and(|there| there.as_slice() == here.as_slice()) => {
                writer.remove(ENTRY, &key)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// A row of the view: where the entry lies and its fields.
#[derive(Clone)]
pub(crate) struct ViewRow {
    pub(crate) section: SectionId,
    pub(crate) volume: VolumeId,
    pub(crate) fields: Fields,
}

impl ViewRow {
    /// Reads a row.
    ///
    /// # Errors
    /// Damage: the row was written by this program.
    pub(crate) fn read(row: &[u8]) -> Result<Self, StoreError> {
        let (section, rest) = row.split_first_chunk::<16>().ok_or(StoreError::Damaged)?;
        let (volume, json) = rest.split_first_chunk::<4>().ok_or(StoreError::Damaged)?;
        let fields = serde_json::from_slice(json).map_err(|_| StoreError::Damaged)?;
        Ok(Self { section: SectionId(*section), volume: VolumeId(u32::from_be_bytes(*volume)), fields })
    }
}

/// The 16 bytes of an entry's key in a document.
pub(crate) fn parse_entry(key: &str) -> Option<[u8; 16]> {
    key.parse::<carnet_record::EntryId>().ok().map(|id| id.0)
}

fn load(look: &impl Look, record: &RecordId, section: &SectionId, volume: VolumeId) -> Result<Loaded, VolumeError> {
    let key = volume_key(record, section, volume);
    let saved = look.look(VOLUME, &key)?;
    let mut loaded = match &saved {
        Some(saved) => Loaded { saved_bytes: saved.len(), ..Loaded::new(Doc::load_own(saved)?) },
        None => Loaded::new(Doc::empty()?),
    };
    let mut incoming = Vec::new();
    for (_, change) in look.look_all(CHANGE, &key)? {
        loaded.tail_bytes += change.len();
        loaded.next += 1;
        incoming.push(Incoming::read(&change)?);
    }
    if !incoming.is_empty() {
        loaded.doc.apply(incoming)?;
    }
    Ok(loaded)
}

fn volume_key(record: &RecordId, section: &SectionId, volume: VolumeId) -> Key {
    Key::of(record).section(section).volume(volume)
}

/// Below this many bytes, changes are kept beside the saved document rather than folded into it.
const TAIL_BYTES_MIN: usize = 64 << 10;
