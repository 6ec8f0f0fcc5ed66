//! An entry: one health fact with its provenance, as the vault keeps it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use crate::{date::Instant, kind::Fact, provenance::Provenance};

/// A text that is not 32 lower-case hexadecimal characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry id: expected 32 hexadecimal characters")]
pub struct NotAnEntryId;

/// The name of an entry: 16 bytes, random for what is typed, derived from the source identity for what is imported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub [u8; 16]);

impl EntryId {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id in `bytes`, if there are 16.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl FromStr for EntryId {
    type Err = NotAnEntryId;

    fn from_str(text: &str) -> Result<Self, NotAnEntryId> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or(NotAnEntryId)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

crate::code_enum! {
    /// Whether an entry counts. What does not count is kept and marked, and left out of every summary and card.
    #[derive(Default)]
    pub enum Status {
        /// Said and standing.
        #[default]
        Active = "active",
        /// Called off before it happened.
        Cancelled = "cancelled",
        /// Said by mistake.
        EnteredInError = "entered-in-error",
        /// Said not to have happened.
        NotDone = "not-done",
        /// Held to be untrue.
        Refuted = "refuted",
        /// Replaced by a later entry.
        Superseded = "superseded",
    }
}

impl Status {
    /// Whether the entry takes part in summaries, alerts and cards. A status that is not known does not.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Active)
    }
}

crate::code_enum! {
    /// What a link to another entry means, read from the entry that holds it.
    pub enum LinkKind {
        /// Is about that allergy.
        Allergy = "allergy",
        /// Was done because of it.
        Because = "because",
        /// Was derived from it: a measure from a document.
        DerivedFrom = "derived-from",
        /// Is about that disease.
        Disease = "disease",
        /// Has that document beside it.
        Document = "document",
        /// Happened during that encounter or stay.
        Encounter = "encounter",
        /// Lies in that folder.
        Folder = "folder",
        /// Has it as a part: a panel and its results, a team and its people.
        HasPart = "has-part",
        /// Is about that measure.
        Measure = "measure",
        /// Is a part of it.
        PartOf = "part-of",
        /// Was done by that contact.
        Performer = "performer",
        /// Takes its place.
        Replaces = "replaces",
        /// Is about that treatment.
        Treatment = "treatment",
    }
}

/// That an entry was removed; undo takes this away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// When.
    pub at: Instant,
    /// The principal who removed it, as the vault names it.
    pub by: String,
}

/// One health fact with its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub id: EntryId,
    /// The fact.
    pub fact: Fact,
    /// A note of the person: at most [`crate::validate::COMMENT_CHARS_MAX`] characters, no markup.
    pub comment: Option<String>,
    /// Links to other entries of the record.
    pub links: BTreeMap<EntryId, LinkKind>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Further sources of the same fact, by a name of the source (the SHA-256 of its file, as a rule).
    pub also_from: BTreeMap<String, Provenance>,
    /// Whether it counts.
    pub status: Status,
    /// Set when it was removed.
    pub removed: Option<Removal>,
    /// Fields that this version does not know; they survive.
    pub extra: Map<String, Value>,
}

impl Entry {
    /// A new entry of one source.
    pub fn new(id: EntryId, fact: Fact, provenance: Provenance) -> Self {
        Self {
            id,
            fact,
            comment: None,
            links: BTreeMap::new(),
            provenance,
            also_from: BTreeMap::new(),
            status: Status::Active,
            removed: None,
            extra: Map::new(),
        }
    }

    /// Whether the entry takes part in summaries: it stands and was not removed.
    pub fn counts(&self) -> bool {
        self.status.counts() && self.removed.is_none()
    }

    /// The entry as one flat object: `kind`, the fields of the fact, then the common ones. Absent fields are left out,
    /// so are empty lists. Dates and decimals are text.
    pub fn to_fields(&self) -> Map<String, Value> {
        let mut fields = self.fact.to_fields();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value.filter(|value| !is_nothing(value)) {
                fields.insert(name.to_owned(), value);
            }
        };
        put("comment", self.comment.clone().map(Value::String));
        put("links", as_value(&self.links));
        put("provenance", Some(&self.provenance).filter(|own| **own != Provenance::default()).and_then(as_value));
        put("also_from", as_value(&self.also_from));
        put("status", (self.status != Status::Active).then(|| Value::String(self.status.to_string())));
        put("removed", self.removed.as_ref().and_then(as_value));
        for (name, value) in &self.extra {
            fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        fields
    }

    /// Reads what [`Entry::to_fields`] wrote, and what a later version wrote: an unknown kind becomes
    /// [`Fact::Unknown`], an unknown field goes to `extra`, a common field of the wrong shape counts as absent there
    /// and stays in `extra`.
    pub fn from_fields(id: EntryId, mut fields: Map<String, Value>) -> Self {
        let mut extra = Map::new();
        let comment = take(&mut fields, &mut extra, "comment");
        let links = take(&mut fields, &mut extra, "links").unwrap_or_default();
        let provenance = take(&mut fields, &mut extra, "provenance").unwrap_or_default();
        let also_from = take(&mut fields, &mut extra, "also_from").unwrap_or_default();
        let status = take(&mut fields, &mut extra, "status").unwrap_or_default();
        let removed = take(&mut fields, &mut extra, "removed");
        let (fact, unknown) = Fact::from_fields(fields);
        extra.extend(unknown);
        Self { id, fact, comment, links, provenance, also_from, status, removed, extra }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), Value::String(self.id.to_string()));
        fields.extend(self.to_fields());
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let id = fields.remove("id").ok_or_else(|| D::Error::missing_field("id"))?;
        let id = EntryId::deserialize(id).map_err(D::Error::custom)?;
        Ok(Self::from_fields(id, fields))
    }
}

fn take<T: for<'de> Deserialize<'de>>(
    fields: &mut Map<String, Value>,
    extra: &mut Map<String, Value>,
    name: &str,
) -> Option<T> {
    let value = fields.shift_remove(name)?;
    if let Ok(read) = T::deserialize(&value) {
        Some(read)
    } else {
        extra.insert(name.to_owned(), value);
        None
    }
}

fn as_value<T: Serialize>(part: &T) -> Option<Value> {
    serde_json::to_value(part).ok().map(without_nothing)
}

/// The value without absent members and empty lists, at every depth.
pub(crate) fn without_nothing(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(without_nothing).collect()),
        Value::Object(fields) => {
            let kept = fields.into_iter().map(|(name, value)| (name, without_nothing(value)));
            Value::Object(kept.filter(|(_, value)| !is_nothing(value)).collect())
        }
        other => other,
    }
}

pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        Concept, Decimal, PartialDate, Quantity, When,
        kind::{Disease, LabResult, Measure, Treatment, result::ResultValue},
    };

    #[test]
    fn an_entry_is_one_flat_object_without_absent_fields() {
        let mut entry = Entry::new(
            EntryId([0xab; 16]),
            Disease { name: Some("Asthme".into()), start: Some("2015-03".parse().unwrap()), ..Disease::default() }
                .into(),
            Provenance::default(),
        );
        entry.links.insert(EntryId([1; 16]), LinkKind::Treatment);
        let told = json!({
            "id": "ab".repeat(16), "kind": "disease", "name": "Asthme", "start": "2015-03",
            "links": {"01".repeat(16): "treatment"},
        });
        assert_eq!(serde_json::to_value(&entry).unwrap(), told);
        assert_eq!(serde_json::from_value::<Entry>(told).unwrap(), entry);
    }

    #[test]
    fn a_common_field_of_another_shape_survives() {
        let Value::Object(fields) = json!({"kind": "disease", "removed": "yes", "status": 3}) else { panic!() };
        let entry = Entry::from_fields(EntryId([2; 16]), fields.clone());
        assert!(entry.counts());
        assert_eq!(Value::Object(entry.to_fields()), Value::Object(fields));
    }

    fn any_concept() -> impl Strategy<Value = Concept> {
        proptest::option::of("\\PC{1,12}").prop_map(|text| Concept {
            codings: text.iter().map(|text| crate::Coding::new("http://loinc.org", text)).collect(),
            text,
        })
    }

    fn any_quantity() -> impl Strategy<Value = Quantity> {
        (any::<i32>(), 0_u8..6, "[a-z/%]{0,5}")
            .prop_map(|(mantissa, scale, unit)| Quantity::new(Decimal::new(i64::from(mantissa), scale).unwrap(), &unit))
    }

    fn any_fact() -> impl Strategy<Value = Fact> {
        let when =
            proptest::option::of((1_u16..9999).prop_map(|year| When::Date(PartialDate::from_year(year).unwrap())));
        let name = proptest::option::of("\\PC{0,20}");
        let disease = (name.clone(), any_concept(), when.clone())
            .prop_map(|(name, code, start)| Disease { name, code, start, ..Disease::default() }.into());
        let treatment = (name, any_concept(), proptest::option::of(any_quantity()))
            .prop_map(|(name, code, quantity)| Treatment { name, code, quantity, ..Treatment::default() }.into());
        let measure = (any_quantity(), when.clone()).prop_map(|(value, at)| {
            Measure { measure: "weight".into(), value: Some(value), at, ..Measure::default() }.into()
        });
        let result = (any_concept(), any_quantity(), any_quantity()).prop_map(|(code, low, high)| {
            let value = Some(ResultValue::Interval { low: Some(low), high: Some(high) });
            LabResult { code, value, ..LabResult::default() }.into()
        });
        prop_oneof![disease, treatment, measure, result]
    }

    proptest! {
        #[test]
        fn every_entry_reads_back(
            fact in any_fact(),
            comment in proptest::option::of("\\PC{0,30}"),
            target in any::<[u8; 16]>(),
            link in prop_oneof![Just(LinkKind::Because), "[a-z]{1,8}".prop_map(|text| LinkKind::from(text.as_str()))],
        ) {
            let mut entry = Entry::new(EntryId(target), fact, Provenance::typed("2026-01-01T00:00:00Z".parse().unwrap()));
            entry.comment = comment;
            entry.links.insert(EntryId(target), link);
            prop_assert_eq!(&Entry::from_fields(entry.id, entry.to_fields()), &entry);
            let json = serde_json::to_string(&entry).unwrap();
            prop_assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
        }
    }
}
