//! A draft: a fact that is not yet an entry, from a form or from a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    entry::{Entry, EntryId, LinkKind, Removal, Status},
    kind::Fact,
    provenance::{Origin, Provenance},
    validate::{self, Violation, Warning},
};

/// The stable identity of a fact in its source, as canonical text: the same fact in a later export has the same one.
///
/// The vault hashes it to the entry's id, so that two devices that read one file meet in one entry. It is made of, in
/// this order: the source's own stable identifier; else a fingerprint of the row with instants in UTC. What changes
/// from one export to the next (creation date, order, file name, printed offset) is never part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceKey(pub String);

impl SourceKey {
    /// A key of named parts. Parts are length-prefixed, so that no two lists of parts give one text.
    pub fn new<'a>(format: &str, parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = format.to_owned();
        for part in parts {
            text.extend([":", &part.len().to_string(), ":", part]);
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entry that it may name: an export in FHIR gives each entry's id as the UUID of its resource.
    pub fn exported_entry(&self) -> Option<EntryId> {
        let (kind, uuid) = self.0.rsplit_once(":36:")?;
        let hex = uuid.split('-').collect::<String>();
        kind.starts_with("fhir-uuid:").then(|| hex.parse().ok()).flatten()
    }
}

/// A fact that is not yet an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The fact.
    pub fact: Fact,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Identity in the source; none for what a person types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_key: Option<SourceKey>,
    /// Links to other facts of the same source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<(SourceKey, LinkKind)>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Whether it counts.
    #[serde(default)]
    pub status: Status,
    /// What a draft from an export of our own carries besides, so that it becomes the entry that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Box<Restored>>,
}

/// The parts of an entry that a draft has no place for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// The entry's name.
    pub id: EntryId,
    /// Its links, by name.
    #[serde(default)]
    pub links: BTreeMap<EntryId, LinkKind>,
    /// Further sources.
    #[serde(default)]
    pub also_from: BTreeMap<String, Provenance>,
    /// Set when it was removed.
    #[serde(default)]
    pub removed: Option<Removal>,
    /// Fields that this version does not know.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

impl From<Entry> for Draft {
    fn from(entry: Entry) -> Self {
        let Entry { id, fact, comment, links, provenance, also_from, status, removed, extra } = entry;
        let restored = Some(Box::new(Restored { id, links, also_from, removed, extra }));
        Self { comment, status, restored, ..Self::new(fact, provenance) }
    }
}

impl Draft {
    /// The entry that a draft from an export of our own was; none for any other draft.
    pub fn entry(&self) -> Option<Entry> {
        let restored = self.restored.as_ref()?;
        Some(Entry {
            comment: self.comment.clone(),
            status: self.status.clone(),
            links: restored.links.clone(),
            also_from: restored.also_from.clone(),
            removed: restored.removed.clone(),
            extra: restored.extra.clone(),
            ..Entry::new(restored.id, self.fact.clone(), self.provenance.clone())
        })
    }

    /// A draft that counts, without note, links or source identity.
    pub fn new(fact: impl Into<Fact>, provenance: Provenance) -> Self {
        Self {
            fact: fact.into(),
            comment: None,
            source_key: None,
            links: Vec::new(),
            provenance,
            status: Status::Active,
            restored: None,
        }
    }

    /// Applies every rule of [`crate::validate`]. What a person typed is refused when it breaks one, with all the
    /// reasons; what comes from elsewhere is kept, and the same reasons are warnings.
    pub fn validate(&self) -> Result<Vec<Warning>, Vec<Violation>> {
        let mut warnings = validate::doubtful_identifiers(&self.fact);
        let violations = validate::violations(self);
        if self.provenance.origin == Origin::Typed && !violations.is_empty() {
            return Err(violations);
        }
        warnings.extend(violations.into_iter().map(Warning::Unusual));
        Ok(warnings)
    }
}
