//! How two devices' writes meet in one volume.

use automerge::{ReadDoc as _, transaction::Transactable as _};
use carnet_crypto::{door::UnixMillis, id::FeedId};
use serde_json::json;

use super::*;

const A: FeedId = FeedId([0xa; 16]);
const B: FeedId = FeedId([0xb; 16]);
const NOON: UnixMillis = UnixMillis(1_700_000_000_000);

fn fields(value: Json) -> Fields {
    value.as_object().unwrap().clone()
}

fn at(container: &str, key: &str) -> Place {
    Place { container: container.to_owned(), key: key.to_owned() }
}

fn write(doc: &mut Doc, feed: FeedId, place: &Place, after: Json) -> Vec<u8> {
    let before = doc.fields(place);
    let after = fields(after);
    doc.write(feed, &[Write { place: place.clone(), before: before.as_ref(), after: &after }], NOON).unwrap().unwrap()
}

fn receive(doc: &mut Doc, changes: &[Vec<u8>]) -> BTreeSet<Place> {
    let incoming = changes.iter().map(|bytes| Incoming::read(bytes).unwrap()).collect();
    doc.apply(incoming).unwrap()
}

#[test]
fn the_constant_first_change_never_moves() {
    let first = Doc::empty().unwrap();
    let second = Doc::empty().unwrap();
    assert_eq!(first.heads(), second.heads());
    assert_eq!(crate::import::hex(&first.heads()[0]), CONSTANT_HASH);
    assert!(first.places().is_empty());
}

/// Every vault ever written depends on this value: a different one means that the format changed.
const CONSTANT_HASH: &str = "593e9f86480d1b23e5ddffaaa6fd4cc773a8569ec6bf2c2aa724b37e3997010a";

#[test]
fn atk_39_two_devices_that_open_a_volume_offline_see_both_entries() {
    let (mut a, mut b) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let from_a = write(&mut a, A, &at("allergy", "01"), json!({"name": "pollen"}));
    let from_b = write(&mut b, B, &at("allergy", "02"), json!({"name": "latex"}));
    assert_eq!(receive(&mut a, &[from_b]), BTreeSet::from([at("allergy", "02")]));
    receive(&mut b, &[from_a]);
    assert_eq!(a.heads(), b.heads());
    assert_eq!(a.places(), b.places());
    assert_eq!(a.places().len(), 2);
}

#[test]
fn one_file_imported_on_two_devices_offline_meets_in_one_entry_and_loses_no_field() {
    let (mut a, mut b) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let place = at("result", "0f");
    let from_a = write(&mut a, A, &place, json!({"name": "HbA1c", "value": "5.6", "unit": "%"}));
    let from_b = write(&mut b, B, &place, json!({"name": "HbA1c", "value": "5.6", "laboratory": "Les Ormes"}));
    receive(&mut a, &[from_b]);
    receive(&mut b, &[from_a]);
    let merged = fields(json!({"name": "HbA1c", "value": "5.6", "unit": "%", "laboratory": "Les Ormes"}));
    assert_eq!(a.fields(&place).unwrap(), merged);
    assert_eq!(b.fields(&place).unwrap(), merged);

    let removal = write(&mut a, A, &place, json!({"name": "HbA1c", "value": "5.6", "laboratory": "Les Ormes"}));
    receive(&mut b, &[removal]);
    assert!(!a.fields(&place).unwrap().contains_key("unit"), "a field that was taken out stays out");
    assert!(!b.fields(&place).unwrap().contains_key("unit"));
}

#[test]
fn two_edits_of_one_note_both_stay() {
    let (mut a, mut b) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let place = at("treatment", "07");
    let first = write(&mut a, A, &place, json!({"name": "amoxicilline", "comment": "le soir"}));
    receive(&mut b, &[first]);
    let from_a = write(&mut a, A, &place, json!({"name": "amoxicilline", "comment": "avant le repas, le soir"}));
    let from_b = write(&mut b, B, &place, json!({"name": "amoxicilline", "comment": "le soir, pendant 7 jours"}));
    receive(&mut a, &[from_b]);
    receive(&mut b, &[from_a]);
    let comment = a.fields(&place).unwrap()["comment"].clone();
    assert_eq!(comment, json!("avant le repas, le soir, pendant 7 jours"));
    assert_eq!(b.fields(&place).unwrap()["comment"], comment);
}

#[test]
fn two_devices_each_add_a_link_and_both_stay() {
    let (mut a, mut b) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let place = at("disease", "05");
    let first = write(&mut a, A, &place, json!({"name": "asthme", "links": {"01": "document"}}));
    receive(&mut b, &[first]);
    let from_a = write(&mut a, A, &place, json!({"name": "asthme", "links": {"01": "document", "02": "treatment"}}));
    let from_b = write(&mut b, B, &place, json!({"name": "asthme", "links": {"03": "treatment"}}));
    receive(&mut a, &[from_b]);
    receive(&mut b, &[from_a]);
    assert_eq!(a.fields(&place).unwrap()["links"], json!({"02": "treatment", "03": "treatment"}));
    assert_eq!(a.fields(&place), b.fields(&place));
}

#[test]
fn what_this_version_does_not_know_survives_an_edit() {
    let mut doc = Doc::empty().unwrap();
    let place = at("measure", "11");
    write(&mut doc, A, &place, json!({"kind": "weight", "value": "61.5", "posture": {"code": "standing", "since": 3}}));
    let mut known = doc.fields(&place).unwrap();
    known.insert("value".into(), json!("61.4"));
    write(&mut doc, A, &place, Json::Object(known));
    assert_eq!(doc.fields(&place).unwrap()["posture"], json!({"code": "standing", "since": 3}));
}

#[test]
fn nested_values_lists_and_numbers_come_back_as_they_went() {
    let mut doc = Doc::empty().unwrap();
    let place = at("result", "22");
    let value = json!({"concept": {"codings": [{"system": "http://loinc.org", "code": "4548-4"}, {"code": "x"}]},
        "count": 12, "below": -3, "big": 18_446_744_073_709_551_615_u64, "final": true});
    write(&mut doc, A, &place, value.clone());
    assert_eq!(Json::Object(doc.fields(&place).unwrap()), value);
    assert_eq!(Json::Object(Doc::load(&doc.save()).unwrap().fields(&place).unwrap()), value);
}

#[test]
fn writing_what_is_already_there_makes_no_change() {
    let mut doc = Doc::empty().unwrap();
    let place = at("allergy", "01");
    write(&mut doc, A, &place, json!({"name": "pollen"}));
    let same = fields(json!({"name": "pollen"}));
    let again = doc.write(A, &[Write { place, before: Some(&same), after: &same }], NOON).unwrap();
    assert_eq!(again, None);
}

#[test]
fn history_tells_each_state_and_whose_it_was() {
    let (mut a, mut b) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let place = at("disease", "09");
    let first = write(&mut a, A, &place, json!({"name": "asthme"}));
    write(&mut a, A, &at("disease", "10"), json!({"name": "autre"}));
    receive(&mut b, &[first]);
    let second = write(&mut b, B, &place, json!({"name": "asthme", "codes": ["J45"]}));
    receive(&mut a, &[second]);
    let history = a.history(&place);
    assert_eq!(history.iter().map(|version| version.feed).collect::<Vec<_>>(), [Some(A), Some(B)]);
    assert_eq!(history[0].fields, fields(json!({"name": "asthme"})));
    assert_eq!(history[1].fields["codes"], json!(["J45"]));
    assert_eq!(history[1].at, NOON);
}

#[test]
fn fault_c7_nesting_beyond_the_limit_is_refused_before_it_is_applied() {
    let mut hostile = Doc::empty().unwrap().automerge.with_actor(ActorId::from(B.0));
    let before = hostile.get_heads();
    let mut tx = hostile.transaction();
    let mut object = tx.get(ROOT, "measure").unwrap().unwrap().1;
    for _ in 0..100 {
        object = tx.put_object(&object, "k", ObjType::Map).unwrap();
    }
    tx.commit();
    let change = hostile.get_changes(&before).remove(0).raw_bytes().to_vec();
    let mut doc = Doc::empty().unwrap();
    let heads = doc.heads();
    assert!(matches!(doc.apply(vec![Incoming::read(&change).unwrap()]), Err(CrdtError::TooDeep)));
    assert_eq!(doc.heads(), heads);
}

#[test]
fn an_unknown_container_is_refused_and_nothing_is_written() {
    let mut doc = Doc::empty().unwrap();
    let heads = doc.heads();
    let after = fields(json!({"name": "x"}));
    let result = doc.write(A, &[Write { place: at("surprise", "01"), before: None, after: &after }], NOON);
    assert!(matches!(result, Err(CrdtError::UnknownContainer)));
    assert_eq!(doc.heads(), heads);
}

#[test]
fn what_two_authors_wrote_in_turns_fits_in_one_pass_however_it_came() {
    let (mut one, mut two) = (Doc::empty().unwrap(), Doc::empty().unwrap());
    let mut changes = Vec::new();
    for turn in 0..40 {
        let (writer, other, feed) = if turn % 2 == 0 { (&mut one, &mut two, A) } else { (&mut two, &mut one, B) };
        let change = write(writer, feed, &at("allergy", &format!("{turn:032x}")), json!({"name": turn.to_string()}));
        receive(other, std::slice::from_ref(&change));
        changes.push(Incoming::read(&change).unwrap());
    }
    let by_author = {
        let mut sorted = changes.clone();
        sorted.sort_by_key(|change| (change.actor().to_vec(), change.seq()));
        sorted
    };
    let backwards: Vec<Incoming> = changes.iter().rev().cloned().collect();
    for came in [by_author, backwards] {
        let (doc, mut ahead) = (Doc::empty().unwrap(), Ahead::default());
        for change in in_order(came) {
            assert_eq!(doc.fit(&change, &ahead), Fit::Ready, "{}", change.seq());
            ahead.add(&change);
        }
    }
}
