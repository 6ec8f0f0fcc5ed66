//! Everything a record holds, as the same items that an import takes in, and the digest by which two copies compare.
//!
//! The digest is computed from the canonical export, not from heads or files: two devices with the same record have
//! the same digest, whatever their history, and so has a record that was exported, wiped and imported again. Where the
//! vault keeps an attached file and under which key is left out; the hash of its bytes is in.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::digest::Hasher;
use carnet_record::{
    Draft, Entry, EntryId, Fact,
    batch::{Month, Sample, Series},
    item::{DOCUMENT_CHUNK_BYTES_MAX, Item, SAMPLES_PER_ITEM_MAX},
};
use serde_json::Value as Json;

use crate::{
    entries::Filter,
    record::{Record, RecordError},
};

/// Which part of a record is exported.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Entries of these kinds and days; removed ones are part of a full export.
    pub entries: Filter,
    /// Sections, all when empty.
    pub sections: Vec<carnet_record::SectionKind>,
    /// The bytes of attached files too.
    pub with_files: bool,
    /// Dense samples too.
    pub with_samples: bool,
}

impl Selection {
    /// Everything.
    pub fn everything() -> Self {
        let entries = Filter { with_removed: true, ..Filter::default() };
        Self { entries, sections: Vec::new(), with_files: true, with_samples: true }
    }
}

/// An entry that leaves the vault.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The entry, without the place and the key of its file.
    pub entry: Entry,
    /// Whether it has a file ([`Record::read_document`]).
    pub has_file: bool,
}

/// Numbers of what an export holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Entries.
    pub entries: u64,
    /// Attached files.
    pub files: u64,
    /// Documents whose file is not on this device, and so is left out.
    pub missing_files: Vec<EntryId>,
    /// Samples.
    pub samples: u64,
}

impl Record<'_> {
    /// Gives out a record as items: entries, the bytes of their files, samples. `out` may end it early with an error.
    ///
    /// # Errors
    /// The store's, or what `out` answers.
    pub fn export<E: From<RecordError>>(
        &self,
        selection: &Selection,
        mut out: impl FnMut(Item) -> Result<(), E>,
    ) -> Result<Exported, E> {
        let mut exported = Exported::default();
        let missing: BTreeSet<EntryId> = self.missing_files()?.iter().map(|missing| missing.entry).collect();
        for Selected { entry, has_file } in self.select(selection)? {
            exported.entries += 1;
            let has_file = has_file && selection.with_files;
            if has_file && !missing.contains(&entry.id) {
                exported.files += 1;
                self.export_file(entry, &mut out)?;
            } else {
                exported.missing_files.extend(has_file.then_some(entry.id));
                out(Item::Draft(Box::new(Draft::from(entry))))?;
            }
        }
        if selection.with_samples {
            exported.samples = self.export_samples(&mut out)?;
        }
        Ok(exported)
    }

    /// The entries of a selection, in order of their day, without the place and the key of their files.
    ///
    /// # Errors
    /// The store's.
    pub fn select(&self, selection: &Selection) -> Result<Vec<Selected>, RecordError> {
        let is_chosen = |section| selection.sections.is_empty() || selection.sections.contains(&section);
        let found = self.list(&selection.entries)?.into_iter();
        Ok(found
            .filter(|found| found.section.is_none_or(is_chosen))
            .map(|found| without_attachment(found.entry))
            .collect())
    }

    fn export_file<E: From<RecordError>>(
        &self,
        entry: Entry,
        out: &mut impl FnMut(Item) -> Result<(), E>,
    ) -> Result<(), E> {
        let id = entry.id;
        let (sha256, size) = match &entry.fact {
            Fact::Document(document) => (document.sha256.clone(), document.size.unwrap_or(0)),
            _ => (None, 0),
        };
        out(Item::DocumentStart { draft: Box::new(Draft::from(entry)) })?;
        let mut failed = None;
        self.read_document(&id, |bytes| {
            bytes.chunks(DOCUMENT_CHUNK_BYTES_MAX).try_for_each(|chunk| {
                out(Item::DocumentBytes(chunk.to_vec())).map_err(|error| {
                    failed = Some(error);
                    RecordError::Ours("the export was ended")
                })
            })
        })
        .map_err(|error| failed.take().unwrap_or_else(|| error.into()))?;
        let sha256 = sha256.as_deref().and_then(parse_sha256).ok_or(RecordError::Damaged("a document has no hash"))?;
        out(Item::DocumentEnd { sha256, size })
    }

    fn export_samples<E: From<RecordError>>(&self, out: &mut impl FnMut(Item) -> Result<(), E>) -> Result<u64, E> {
        let mut exported = 0;
        self.each_month(|series, samples| {
            samples.chunks(SAMPLES_PER_ITEM_MAX).try_for_each(|chunk| {
                exported += u64::try_from(chunk.len()).unwrap_or(0);
                out(Item::Samples { series: series.clone(), samples: chunk.to_vec() })
            })
        })?;
        Ok(exported)
    }

    /// The digest of the canonical export: equal for two copies of a record that hold the same. Whoever has the archive
    /// can compute it again: it is over the entries and samples as they stand there (`docs/format.md`, "Export").
    ///
    /// # Errors
    /// The store's.
    pub fn digest(&self) -> Result<[u8; 32], RecordError> {
        let mut hasher = Hasher::new("canonical export");
        let mut entries: Vec<Entry> = self
            .list(&Selection::everything().entries)?
            .into_iter()
            .map(|found| without_attachment(found.entry).entry)
            .collect();
        entries.sort_by_key(|entry| entry.id);
        for entry in &entries {
            hasher.part(canonical(&serde_json::to_value(entry).unwrap_or_default()).as_bytes());
        }
        self.each_month::<RecordError>(|series, samples| {
            hasher.part(canonical(&serde_json::to_value(series).unwrap_or_default()).as_bytes());
            for sample in samples {
                hasher.part(canonical(&serde_json::to_value(&sample).unwrap_or_default()).as_bytes());
            }
            Ok(())
        })?;
        Ok(hasher.finish())
    }
}

/// The digest of an archive's own content, computed while it is read: whatever record it comes into, it is compared with
/// what the archive states. Memory: the entries as text.
#[derive(Default)]
pub struct ArchiveDigest {
    entries: BTreeMap<EntryId, String>,
    hasher: Option<Hasher>,
    open: Option<(Series, Option<Month>)>,
}

impl ArchiveDigest {
    /// Takes the next item of an archive: entries come before samples.
    pub fn take(&mut self, item: &Item) {
        match item {
            Item::Draft(draft) | Item::DocumentStart { draft } => {
                if let Some(entry) = draft.entry() {
                    self.entries.insert(entry.id, canonical(&serde_json::to_value(&entry).unwrap_or_default()));
                }
            }
            // Samples of other files, which have no such entries, are not counted.
            Item::Samples { series, samples } if self.hasher.is_some() || !self.entries.is_empty() => {
                for sample in samples {
                    self.add(series, sample);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, series: &Series, sample: &Sample) {
        let month = Month::of_millis(sample.start_ms);
        let is_new = self.open.as_ref().is_none_or(|(open, at)| (open, *at) != (series, month));
        let hasher = self.hasher.get_or_insert_with(|| begun(&mut self.entries));
        if is_new {
            hasher.part(canonical(&serde_json::to_value(series).unwrap_or_default()).as_bytes());
            self.open = Some((series.clone(), month));
        }
        hasher.part(canonical(&serde_json::to_value(sample).unwrap_or_default()).as_bytes());
    }

    /// The digest of all that was taken.
    pub fn finish(mut self) -> [u8; 32] {
        self.hasher.take().unwrap_or_else(|| begun(&mut self.entries)).finish()
    }
}

fn begun(entries: &mut BTreeMap<EntryId, String>) -> Hasher {
    let mut hasher = Hasher::new("canonical export");
    for entry in std::mem::take(entries).into_values() {
        hasher.part(entry.as_bytes());
    }
    hasher
}

/// The entry without the place where the vault keeps its file, and whether it has one.
fn without_attachment(mut entry: Entry) -> Selected {
    let mut has_file = false;
    if let Fact::Document(document) = &mut entry.fact {
        has_file = document.attachment.take().is_some();
    }
    Selected { entry, has_file }
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    text.parse::<carnet_crypto::id::OpId>().ok().map(|id| id.0)
}

/// JSON with sorted keys and without spaces (RFC 8785 without its numbers: the model has integers only).
pub fn canonical(value: &Json) -> String {
    match value {
        Json::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            let members = keys
                .into_iter()
                .filter_map(|key| Some(format!("{}:{}", Json::String(key.clone()), canonical(fields.get(key)?))));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_fields() {
        let one = json!({"b": [1, {"y": "é", "x": null}], "a": true});
        assert_eq!(canonical(&one), "{\"a\":true,\"b\":[1,{\"x\":null,\"y\":\"é\"}]}");
    }
}
