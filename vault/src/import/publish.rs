//! The closing step of an import: what was staged becomes part of the record, some hundred entries to a change.
//!
//! What the record knows already is not written again; what says more is merged; nothing that is there is lost.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{digest, id::ObjectId};
use carnet_record::{
    Draft, Entry, EntryId, Fact, SourceKey,
    batch::{Columns, Month, Sample, Series},
};

use super::{Counts, Staged};
use crate::{
    crdt::ops_of,
    documents::attachment,
    entries::{entry_of, id_in},
    measures,
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{Key, OBJECT, STAGING},
    volumes::ViewRow,
};

/// The closing step of an import.
pub(super) struct Publishing<'p, 'v> {
    pub(super) record: &'p mut Record<'v>,
    pub(super) by_kind: BTreeMap<String, Counts>,
    /// The files that drafts named, and those that entries name no more.
    pub(super) files: BTreeSet<ObjectId>,
}

impl Publishing<'_, '_> {
    pub(super) fn count(&mut self, kind: &str) -> &mut Counts {
        self.by_kind.entry(kind.to_owned()).or_default()
    }

    /// Publishes the drafts, some hundred to a change.
    pub(super) fn drafts(&mut self, writer: &mut Writer, key: &Key) -> Result<(), RecordError> {
        let reader = self.record.store.read()?;
        let mut group: BTreeMap<EntryId, (Entry, Option<ViewRow>)> = BTreeMap::new();
        let (mut group_bytes, mut group_ops) = (0, 0);
        for row in reader.prefix(STAGING, key)? {
            let (_, row) = row?;
            let Staged::Draft(draft) = Staged::read(&row)? else { continue };
            let ops = ops_of(&entry_of(EntryId([0; 16]), &draft).to_fields());
            let is_full = group_bytes + row.len() > GROUP_BYTES || group_ops + ops > GROUP_OPS;
            if is_full || group.len() >= GROUP_ENTRIES {
                self.publish(writer, &mut group)?;
                (group_bytes, group_ops) = (0, 0);
            }
            group_bytes += row.len();
            group_ops += ops;
            self.draft(writer, &draft, &mut group)?;
        }
        self.publish(writer, &mut group)
    }

    fn draft(
        &mut self,
        writer: &mut Writer,
        draft: &Draft,
        group: &mut BTreeMap<EntryId, (Entry, Option<ViewRow>)>,
    ) -> Result<(), RecordError> {
        let mut id = id_in(draft).unwrap_or_else(|| EntryId(self.record.door.bytes()));
        let mut entry = entry_of(id, draft);
        let exported = self.exported(writer, draft)?;
        if let Some(own) = exported {
            id = own;
            entry.id = own;
        }
        self.files.extend(attachment(&entry).map(|(object, _)| object));
        let kind = entry.fact.kind().to_owned();
        let known = match group.get(&id) {
            Some((known, _)) => Some(known.clone()),
            None => self.record.row_in(writer, &id)?.map(|(row, _)| Entry::from_fields(id, row.fields)),
        };
        // One identifier over other bytes: both documents stay and the person sees both.
        if let Some(version) = known.and_then(|known| other_bytes(&known, &entry)) {
            id = version;
            entry.id = version;
        }
        if let Some((earlier, _)) = group.get_mut(&id) {
            absorb(earlier, entry);
            self.count(&kind).merged += 1;
            return Ok(());
        }
        let Some((row, _)) = self.record.row_in(writer, &id)? else {
            self.count(&kind).added += 1;
            group.insert(id, (entry, None));
            return Ok(());
        };
        let mut known = Entry::from_fields(id, row.fields.clone());
        let is_new_source = exported.is_none() && known.provenance.source != entry.provenance.source;
        let changed = self.bring_back(writer, &mut known, &entry)? | (exported.is_none() && absorb(&mut known, entry));
        if known.removed.is_some() || !(changed || is_new_source && known.to_fields() != row.fields) {
            self.count(&kind).already_there += 1;
        } else {
            self.count(&kind).merged += 1;
            group.insert(id, (known, Some(row)));
        }
        Ok(())
    }

    /// The entry that this record once gave to others as FHIR, and that a draft is. The record knows all of it.
    fn exported(&self, writer: &Writer, draft: &Draft) -> Result<Option<EntryId>, RecordError> {
        let Some(id) = draft.source_key.as_ref().and_then(SourceKey::exported_entry) else { return Ok(None) };
        let row = self.record.row_in(writer, &id)?;
        let own = row.map(|(row, _)| Entry::from_fields(id, row.fields));
        Ok(own.filter(|own| own.fact.kind() == draft.fact.kind()).map(|own| own.id))
    }

    /// Where the file of `known` is lost and `later` has the same bytes, the document names those; returns whether it
    /// does. Sealed anew they have another name, so no device takes them for the lost ones.
    fn bring_back(&mut self, writer: &mut Writer, known: &mut Entry, later: &Entry) -> Result<bool, RecordError> {
        let Some((object, _)) = attachment(known) else { return Ok(false) };
        let (Fact::Document(lost), Fact::Document(found)) = (&mut known.fact, &later.fact) else { return Ok(false) };
        let is_here = || self.record.blobs.sealed_bytes(&self.record.store.read()?, &object);
        let are_same_bytes = lost.sha256.is_some() && lost.sha256 == found.sha256;
        if !are_same_bytes || found.attachment.is_none() || lost.attachment == found.attachment || is_here()?.is_some()
        {
            return Ok(false);
        }
        lost.attachment.clone_from(&found.attachment);
        writer.remove(OBJECT, &Key::of(&self.record.live.id).object(&object))?;
        self.files.insert(object);
        Ok(true)
    }

    fn publish(
        &mut self,
        writer: &mut Writer,
        group: &mut BTreeMap<EntryId, (Entry, Option<ViewRow>)>,
    ) -> Result<(), RecordError> {
        let entries: Vec<_> = group.values().map(|(entry, before)| (entry, before.clone())).collect();
        self.record.enqueue_files(writer, entries.iter().map(|(entry, _)| *entry))?;
        let writes = self.record.writes_for(&entries)?;
        self.record.write_entries(writer, &writes)?;
        group.clear();
        Ok(())
    }

    /// Publishes the samples, one series and month at a time, so that memory holds no more.
    pub(super) fn samples(&mut self, writer: &mut Writer, key: &Key) -> Result<(), RecordError> {
        let zones = self.record.zones()?;
        let reader = self.record.store.read()?;
        let mut places: BTreeMap<(Series, Month), Vec<Vec<u8>>> = BTreeMap::new();
        for row in reader.prefix(STAGING, key)? {
            let (place, row) = row?;
            if let Staged::Batch(payload) = Staged::read(&row)? {
                let columns = decode(&payload)?;
                places.entry((columns.series().clone(), columns.month())).or_default().push(place);
            }
        }
        for ((series, _), rows) in places {
            let mut samples: Vec<Sample> = Vec::new();
            for place in rows {
                let row = reader.get(STAGING, &place)?.ok_or(StoreError::Damaged)?;
                if let Staged::Batch(payload) = Staged::read(&row)? {
                    samples.extend(decode(&payload)?.into_samples());
                }
            }
            let read = u64::try_from(samples.len()).unwrap_or(u64::MAX);
            let cut = Columns::cut(&series, samples);
            let repeated = u64::try_from(cut.repeated).unwrap_or(0);
            let added = self.record.write_columns(writer, cut.columns, &zones)?;
            let counts = self.count(&series.kind);
            counts.added += added;
            counts.merged += repeated;
            counts.already_there += read.saturating_sub(repeated).saturating_sub(added);
        }
        Ok(())
    }
}

/// Takes over what `later` says and `earlier` does not; returns whether anything changed. A later version by the
/// source's own clock wins field by field; otherwise nothing that is there is overwritten.
fn absorb(earlier: &mut Entry, later: Entry) -> bool {
    let before = earlier.to_fields();
    let wins = is_newer(earlier, &later);
    let later_fields = later.to_fields();
    let mut fields = before.clone();
    for (name, value) in later_fields {
        if name == "provenance" {
            continue;
        }
        if wins || !fields.contains_key(&name) {
            fields.insert(name, value);
        }
    }
    let removed = earlier.removed.clone();
    let is_changed = fields != before;
    let mut merged = Entry::from_fields(earlier.id, fields);
    merged.removed = removed;
    if wins {
        merged.provenance = later.provenance;
    } else if let Some(source) = &later.provenance.source {
        let same = earlier.provenance.source.as_ref().is_some_and(|own| own.sha256 == source.sha256);
        if !same && !source.sha256.is_empty() {
            merged.also_from.entry(source.sha256.clone()).or_insert(later.provenance);
        }
    }
    *earlier = merged;
    is_changed
}

/// The id of a document that has the identifier of `known` and other bytes, where its source does not say that it is
/// the newer one: the same on every device that meets the two.
fn other_bytes(known: &Entry, later: &Entry) -> Option<EntryId> {
    let (Fact::Document(one), Fact::Document(two)) = (&known.fact, &later.fact) else { return None };
    let (one, two) = (one.sha256.as_ref()?, two.sha256.as_ref()?);
    let version = || EntryId(digest::hash16("entry version", &[&later.id.0, two.as_bytes()]));
    (one != two && !is_newer(known, later)).then(version)
}

fn is_newer(earlier: &Entry, later: &Entry) -> bool {
    match (earlier.provenance.modified_at, later.provenance.modified_at) {
        (Some(one), Some(two)) => two.millis() > one.millis(),
        _ => false,
    }
}

fn decode(payload: &[u8]) -> Result<Columns, RecordError> {
    measures::decode(payload).map_err(|_| RecordError::Damaged("a staged batch does not decode"))
}

/// Entries written as one change.
const GROUP_ENTRIES: usize = 400;
/// Operations of one change, as they are estimated: well below what one envelope may hold.
const GROUP_OPS: usize = 40_000;
/// Bytes of drafts after which a change is written.
const GROUP_BYTES: usize = 512 << 10;
