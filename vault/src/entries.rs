//! Entries: adding, correcting, removing, finding, and what became of one.
//!
//! Lists are read from the view, never from the documents. A removal is a mark that an undo takes away again; nothing
//! is deleted, so that devices converge and a mistake can be mended.

use std::collections::BTreeMap;

use carnet_crypto::digest;
use carnet_record::{
    Day, Draft, Entry, EntryId, Fact, Instant, LinkKind, Origin, Removal, SectionKind, SourceKey, When,
    validate::Warning,
};

use crate::{
    crdt::{CONTAINERS, Place},
    record::{EntryWrite, Record, RecordError, VolumeWrites},
    store::StoreError,
    tables::{ENTRY, Key, Look},
    volumes::ViewRow,
};

/// Which entries a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Kinds, as in [`Fact::kind`]; all when empty.
    pub kinds: Vec<String>,
    /// From this day on.
    pub from: Option<Day>,
    /// Until this day, included.
    pub until: Option<Day>,
    /// Removed ones too.
    pub with_removed: bool,
}

/// An entry and where it lies.
#[derive(Clone, Debug)]
pub struct Found {
    /// The entry.
    pub entry: Entry,
    /// The section that it is shared with.
    pub section: Option<SectionKind>,
}

/// One state of an entry.
#[derive(Clone, Debug)]
pub struct Version {
    /// The label of the device that made it, where it is known.
    pub device: Option<String>,
    /// When, by that device's clock.
    pub at: Instant,
    /// The entry from then on.
    pub entry: Entry,
}

/// What an addition did.
#[derive(Clone, Debug)]
pub struct Added {
    /// The entry.
    pub entry: Entry,
    /// Kept, with these remarks.
    pub warnings: Vec<Warning>,
}

impl Record<'_> {
    /// Adds one entry that a person typed or an application deposited.
    ///
    /// # Errors
    /// [`RecordError::Invalid`] with every rule that a typed value breaks; the store's errors.
    pub fn add(&mut self, draft: &Draft) -> Result<Added, RecordError> {
        let added = self.add_all(std::slice::from_ref(draft))?;
        added.into_iter().next().ok_or(RecordError::Ours("an added entry got lost"))
    }

    /// Adds entries as one action: all of them or none.
    ///
    /// # Errors
    /// As [`Record::add`], for the first draft that is refused.
    pub fn add_all(&mut self, drafts: &[Draft]) -> Result<Vec<Added>, RecordError> {
        let mut added = Vec::new();
        for draft in drafts {
            let warnings = draft.validate().map_err(RecordError::Invalid)?;
            let id = id_in(draft).unwrap_or_else(|| EntryId(self.door.bytes()));
            added.push(Added { entry: entry_of(id, draft), warnings });
        }
        let entries: Vec<Entry> = added.iter().map(|added| added.entry.clone()).collect();
        self.commit(|record, writer| {
            let writes = record.writes_for(&entries.iter().map(|entry| (entry, None)).collect::<Vec<_>>())?;
            record.write_entries(writer, &writes)
        })?;
        Ok(added)
    }

    /// Gives an entry a new state. Fields that this version does not know stay.
    ///
    /// # Errors
    /// [`RecordError::NotFound`]; [`RecordError::Invalid`] when a typed entry breaks a rule.
    pub fn amend(&mut self, entry: &Entry) -> Result<(), RecordError> {
        if entry.provenance.origin == Origin::Typed && entry.removed.is_none() {
            let mut draft = Draft::new(entry.fact.clone(), entry.provenance.clone());
            draft.comment.clone_from(&entry.comment);
            draft.validate().map_err(RecordError::Invalid)?;
        }
        let (row, place) = self.row(&entry.id)?;
        let after = entry.to_fields();
        if container_of(&entry.fact) != place.container {
            return Err(RecordError::Ours("an entry cannot change its kind"));
        }
        let entries = vec![EntryWrite { place, before: Some(row.fields), after }];
        let write = VolumeWrites { section: row.section, volume: row.volume, entries };
        self.commit(|record, writer| record.write_entries(writer, &[write]))
    }

    /// Marks an entry as removed. [`Record::restore`] undoes it.
    ///
    /// # Errors
    /// [`RecordError::NotFound`].
    pub fn remove(&mut self, id: &EntryId) -> Result<Entry, RecordError> {
        let mut entry = self.entry(id)?.entry;
        let at = instant(self.now());
        entry.removed = Some(Removal { at, by: self.live.row.principal.to_string() });
        self.amend(&entry)?;
        Ok(entry)
    }

    /// Takes the mark of a removal away.
    ///
    /// # Errors
    /// [`RecordError::NotFound`].
    pub fn restore(&mut self, id: &EntryId) -> Result<Entry, RecordError> {
        let mut entry = self.entry(id)?.entry;
        entry.removed = None;
        self.amend(&entry)?;
        Ok(entry)
    }

    /// The entry with this id.
    ///
    /// # Errors
    /// [`RecordError::NotFound`].
    pub fn entry(&self, id: &EntryId) -> Result<Found, RecordError> {
        let (row, _) = self.row(id)?;
        Ok(self.found(*id, row))
    }

    /// The id that begins with `prefix`: at least six hexadecimal characters.
    ///
    /// # Errors
    /// [`RecordError::NotFound`] when there is none, [`RecordError::Ambiguous`] when there are several or `prefix` is too short.
    pub fn find_id(&self, prefix: &str) -> Result<EntryId, RecordError> {
        if prefix.len() < ID_PREFIX_CHARS_MIN {
            return Err(RecordError::Ambiguous);
        }
        if let Ok(id) = prefix.parse::<EntryId>() {
            return self.row(&id).map(|_| id);
        }
        // The whole bytes of the prefix are looked up in each container; the half one is compared.
        let whole = prefix.get(..prefix.len() / 2 * 2).unwrap_or_default();
        let whole = whole.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        let whole: Vec<u8> = whole.collect::<Option<_>>().ok_or(RecordError::NotFound)?;
        let reader = self.store.read()?;
        let mut found = None;
        for container in CONTAINERS.into_iter().filter(|container| !TECHNICAL.contains(container)) {
            for row in reader.prefix(ENTRY, &Key::of(&self.live.id).container(container).bytes(&whole))? {
                let id = id_of(&row?.0)?;
                if id.to_string().starts_with(prefix) && found.replace(id).is_some() {
                    return Err(RecordError::Ambiguous);
                }
            }
        }
        found.ok_or(RecordError::NotFound)
    }

    /// The entries of a filter, in order of their day, then id; those without a day come last.
    ///
    /// # Errors
    /// The store's.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Found>, RecordError> {
        let reader = self.store.read()?;
        let mut found = Vec::new();
        for container in CONTAINERS.into_iter().filter(|container| filter.may_hold(container)) {
            for row in reader.prefix(ENTRY, &Key::of(&self.live.id).container(container))? {
                let (key, row) = row?;
                let entry = self.found(id_of(&key)?, ViewRow::read(&row)?);
                if filter.accepts(&entry.entry) {
                    found.push(entry);
                }
            }
        }
        found.sort_by_cached_key(|found| {
            let at = found.entry.fact.when().map(|when| when.sort_millis());
            (at.is_none(), at, found.entry.id)
        });
        Ok(found)
    }

    /// The states of an entry, oldest first, each with the device that made it.
    ///
    /// # Errors
    /// [`RecordError::NotFound`].
    pub fn history(&mut self, id: &EntryId) -> Result<Vec<Version>, RecordError> {
        let (row, place) = self.row(id)?;
        let record = self.live.id;
        let labels = self.device_labels()?;
        let doc = self.live.volumes.doc(self.store, &record, &row.section, row.volume)?;
        let versions = doc.history(&place);
        let reader = self.store.read()?;
        let mut history = Vec::new();
        for version in versions {
            let device = match version.feed {
                Some(feed) => self.device_of(&reader, &feed)?.and_then(|device| labels.get(&device).cloned()),
                None => None,
            };
            let entry = Entry::from_fields(*id, version.fields);
            history.push(Version { device, at: instant(version.at), entry });
        }
        Ok(history)
    }

    /// What to write so that `entries` are as given, grouped by volume. The second of each pair is the entry's state
    /// before, when it is known: an entry stays in the volume where it is, whatever day it is given now.
    pub(crate) fn writes_for(&self, entries: &[(&Entry, Option<ViewRow>)]) -> Result<Vec<VolumeWrites>, RecordError> {
        let mut volumes: BTreeMap<_, Vec<EntryWrite>> = BTreeMap::new();
        for (entry, before) in entries {
            let at = if let Some(row) = before {
                (row.section, row.volume)
            } else {
                let kind = entry.fact.section();
                let year = entry.fact.when().map_or_else(|| self.this_year(), |when| year_of(&when));
                (self.section_of(kind)?, self.volume_of(kind, year))
            };
            let before = before.as_ref().map(|row| row.fields.clone());
            let write = EntryWrite { place: place_of(entry), before, after: entry.to_fields() };
            volumes.entry(at).or_default().push(write);
        }
        let writes = volumes.into_iter();
        Ok(writes.map(|((section, volume), entries)| VolumeWrites { section, volume, entries }).collect())
    }

    /// Where an entry lies and its fields.
    pub(crate) fn row(&self, id: &EntryId) -> Result<(ViewRow, Place), RecordError> {
        let reader = self.store.read()?;
        self.row_in(&reader, id)?.ok_or(RecordError::NotFound)
    }

    pub(crate) fn row_in(&self, look: &impl Look, id: &EntryId) -> Result<Option<(ViewRow, Place)>, RecordError> {
        for container in CONTAINERS.into_iter().filter(|container| !TECHNICAL.contains(container)) {
            let key = Key::of(&self.live.id).container(container).entry(id);
            if let Some(row) = look.look(ENTRY, &key)? {
                let place = Place { container: container.to_owned(), key: id.to_string() };
                return Ok(Some((ViewRow::read(&row)?, place)));
            }
        }
        Ok(None)
    }

    fn found(&self, id: EntryId, row: ViewRow) -> Found {
        let section = self.live.sections.get(&row.section).copied();
        Found { entry: Entry::from_fields(id, row.fields), section }
    }

    pub(crate) fn this_year(&self) -> i16 {
        year_of(&When::Instant(instant(self.now())))
    }
}

impl Filter {
    fn may_hold(&self, container: &str) -> bool {
        if TECHNICAL.contains(&container) {
            return false;
        }
        // A kind without a container of its own lies in `other`.
        let holds = |kind: &String| kind == container || (container == OTHER && !CONTAINERS.contains(&kind.as_str()));
        self.kinds.is_empty() || self.kinds.iter().any(holds)
    }

    fn accepts(&self, entry: &Entry) -> bool {
        let date = entry.fact.when().map(|when| when.date());
        let is_kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.fact.kind());
        let is_after = self.from.is_none_or(|from| date.is_some_and(|date| date.latest() >= from));
        let is_before = self.until.is_none_or(|until| date.is_some_and(|date| date.earliest() <= until));
        is_kind && is_after && is_before && (self.with_removed || entry.removed.is_none())
    }
}

/// The id of what a source calls `key`: the same on every device that reads the source.
pub(crate) fn entry_id(key: &SourceKey) -> EntryId {
    EntryId(digest::hash16("entry", &[key.as_str().as_bytes()]))
}

/// The id that the entry of a draft gets, if the draft decides it.
pub(crate) fn id_in(draft: &Draft) -> Option<EntryId> {
    let restored = draft.restored.as_ref().map(|restored| restored.id);
    restored.or_else(|| draft.source_key.as_ref().map(entry_id))
}

/// The entry that a draft becomes.
pub(crate) fn entry_of(id: EntryId, draft: &Draft) -> Entry {
    let mut entry = Entry::new(id, draft.fact.clone(), draft.provenance.clone());
    entry.comment.clone_from(&draft.comment);
    entry.status = draft.status.clone();
    if let Some(key) = &draft.source_key {
        entry.provenance.source_key = Some(key.as_str().to_owned());
    }
    entry.links = draft.links.iter().map(|(key, kind): &(SourceKey, LinkKind)| (entry_id(key), kind.clone())).collect();
    if let Some(restored) = &draft.restored {
        entry.links.extend(restored.links.clone());
        entry.also_from.clone_from(&restored.also_from);
        entry.removed.clone_from(&restored.removed);
        entry.extra.clone_from(&restored.extra);
    }
    entry
}

/// The place of an entry in its volume.
pub(crate) fn place_of(entry: &Entry) -> Place {
    Place { container: container_of(&entry.fact).to_owned(), key: entry.id.to_string() }
}

fn container_of(fact: &Fact) -> &str {
    let kind = fact.kind();
    if CONTAINERS.contains(&kind) && !TECHNICAL.contains(&kind) { kind } else { OTHER }
}

/// An instant of the vault's clock as the model writes it.
pub(crate) fn instant(at: carnet_crypto::door::UnixMillis) -> Instant {
    Instant::at_most(i64::try_from(at.0).unwrap_or(i64::MAX))
}

/// The year whose volume something belongs to: in UTC, so that every device chooses alike.
pub(crate) fn year_of(when: &When) -> i16 {
    i16::try_from(when.date().year()).unwrap_or(i16::MAX)
}

fn id_of(key: &[u8]) -> Result<EntryId, StoreError> {
    key.last_chunk::<16>().map(|id| EntryId(*id)).ok_or(StoreError::Damaged)
}

/// The container of kinds that have none of their own.
const OTHER: &str = "other";
/// Containers that hold no entries of a person.
const TECHNICAL: [&str; 6] = ["exclusion", "label", "ledger", "section", "setting", "tombstone"];
/// Characters of an id that must be given.
const ID_PREFIX_CHARS_MIN: usize = 6;
