//! Two devices that change one entry without knowing of each other: every kind, and what `docs/record.md` says of it.

use std::collections::BTreeSet;

use carnet_record::{Entry, EntryId, Origin};
use serde_json::{Map, Value, json};

use super::*;

/// Of each kind a field that both change, and one that only the second does. All of them are kept as text.
const FIELDS: [(&str, &str, &str); 23] = [
    ("absence", "stated_at", "meaning"),
    ("allergy", "name", "criticality"),
    ("appointment", "title", "place"),
    ("blood-group", "group", "determined_at"),
    ("contact", "organisation", "role"),
    ("directive", "context", "sedation"),
    ("disability", "name", "technical_help"),
    ("disease", "name", "clinical"),
    ("document", "title", "folder"),
    ("donation", "wish", "at"),
    ("encounter", "name", "establishment"),
    ("family-history", "name", "relative"),
    ("identity", "birth_place", "birth_place_insee"),
    ("import-report", "importer", "by"),
    ("lifestyle", "fruit", "sugar"),
    ("measure", "reason", "at"),
    ("prevention", "title", "state"),
    ("procedure", "name", "place"),
    ("reminder", "title", "until"),
    ("result", "conclusion", "specimen"),
    ("target", "measure", "since"),
    ("treatment", "name", "dosage"),
    ("vaccination", "name", "lot"),
];

/// Texts that every field takes: where a date is asked for, each is a year.
const BEFORE: &str = "2001";
const FIRST: &str = "2002";
const SECOND: &str = "2003";

fn fact(kind: &str, fields: &[(&str, &str)]) -> Fact {
    let own = fields.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
    let all: Map<String, Value> = [("kind".to_owned(), json!(kind))].into_iter().chain(own).collect();
    let (fact, unknown) = Fact::from_fields(all);
    assert!(!matches!(fact, Fact::Unknown(_)) && unknown.is_empty(), "{kind} has these fields");
    fact
}

/// Two devices with one entry of every kind, which a file brought: what is typed has rules of its own.
fn world(seed: u64) -> (Device, Device, RecordId, Vec<EntryId>) {
    let (mut one, mut two) = (Device::new(seed), Device::new(seed + 1));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    let provenance = Provenance { origin: Origin::Import, ..Provenance::default() };
    let drafts: Vec<Draft> =
        FIELDS.iter().map(|(kind, both, _)| Draft::new(fact(kind, &[(both, BEFORE)]), provenance.clone())).collect();
    let entries = one.record(&id).add_all(&drafts).unwrap().into_iter().map(|added| added.entry.id).collect();
    exchange(&mut one, &mut two, &id);
    (one, two, id, entries)
}

fn meet(one: &mut Device, two: &mut Device, id: &RecordId) {
    exchange(one, two, id);
    exchange(two, one, id);
    assert_eq!(one.record(id).digest().unwrap(), two.record(id).digest().unwrap());
}

fn amend(device: &mut Device, id: &RecordId, entry: &EntryId, kind: &str, fields: &[(&str, &str)]) {
    let mut entry = device.record(id).entry(entry).unwrap().entry;
    entry.fact = fact(kind, fields);
    device.record(id).amend(&entry).unwrap();
}

fn text(entry: &Entry, field: &str) -> String {
    entry.fact.to_fields().get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn two_changes_of_one_entry_of_any_kind_both_stay() {
    let kinds: BTreeSet<&str> = FIELDS.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, Fact::KINDS.iter().copied().collect(), "every kind is here");
    let (mut one, mut two, id, entries) = world(301);
    for (entry, (kind, both, other)) in entries.iter().zip(FIELDS) {
        amend(&mut one, &id, entry, kind, &[(both, FIRST)]);
        amend(&mut two, &id, entry, kind, &[(both, SECOND), (other, SECOND)]);
    }
    meet(&mut one, &mut two, &id);
    for (entry, (kind, both, other)) in entries.iter().zip(FIELDS) {
        let mut record = one.record(&id);
        let found = record.entry(entry).unwrap().entry;
        assert_eq!(text(&found, other), SECOND, "{kind}: what one device changed stands");
        let stands = text(&found, both);
        assert!([FIRST, SECOND].contains(&stands.as_str()), "{kind}: one of the two stands, not {stands:?}");
        let history = record.history(entry).unwrap();
        let told: BTreeSet<String> = history.iter().map(|version| text(&version.entry, both)).collect();
        let all = [BEFORE, FIRST, SECOND].map(str::to_owned);
        assert!(all.iter().all(|value| told.contains(value)), "{kind}: each is in the history: {told:?}");
    }
}

#[test]
fn a_removal_and_a_change_of_one_entry_of_any_kind_both_stay() {
    let (mut one, mut two, id, entries) = world(311);
    for (entry, (kind, both, other)) in entries.iter().zip(FIELDS) {
        one.record(&id).remove(entry).unwrap();
        amend(&mut two, &id, entry, kind, &[(both, SECOND), (other, SECOND)]);
    }
    meet(&mut one, &mut two, &id);
    for (entry, (kind, both, other)) in entries.iter().zip(FIELDS) {
        let removed = two.record(&id).entry(entry).unwrap().entry;
        assert!(removed.removed.is_some(), "{kind}: it stays removed");
        let back = two.record(&id).restore(entry).unwrap();
        assert_eq!([both, other].map(|field| text(&back, field)), [SECOND, SECOND], "{kind}: and has what was changed");
    }
    meet(&mut one, &mut two, &id);
    assert_eq!(labels(&one.record(&id)).len(), labels(&two.record(&id)).len());
}
