//! A member whose signatures hold and whose content does not: what it writes is left out alone, and the others go on.

use automerge::{ActorId, Automerge, Change, ObjType, ROOT, ReadDoc as _, transaction::Transactable as _};
use carnet_crypto::id::{OpId, SectionId, VolumeId};
use carnet_protocol::{
    envelope::{EnvelopeContext, EnvelopeKind},
    membership::{
        Body, Insert, OpStatus,
        body::Rekey,
        detached::{ProvedWrap, SealedKeys},
        recipients_digest,
    },
    payload::encode_changes,
    volume,
};
use carnet_record::SectionKind;
use serde_json::json;

use super::*;
use crate::{
    crdt::Doc,
    devices::entry_write,
    payload::{Sealing, seal_payload},
    tables::{CHANGE_WAITING, Key},
};

/// Two paired devices; the second is the one that lies.
fn pair_of(seed: u64) -> (Device, Device, RecordId) {
    let (mut one, mut two) = (Device::new(seed), Device::new(seed + 1));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    (one, two, id)
}

/// The section and volume of allergies, and the actor that `device` writes as there.
pub(super) fn place(device: &mut Device, id: &RecordId) -> (SectionId, VolumeId, ActorId) {
    let record = device.record(id);
    let section = record.section_of(allergy("x").fact.section()).unwrap();
    let feed = record.own_feed(&section, volume::SINGLE, EnvelopeKind::Changes);
    (section, volume::SINGLE, ActorId::from(feed.0))
}

/// An empty volume in which `actor` writes.
pub(super) fn hostile(actor: &ActorId) -> Automerge {
    Doc::empty().unwrap().into_automerge().with_actor(actor.clone())
}

/// One change that puts `key` under the allergies.
pub(super) fn note(doc: &mut Automerge, key: u128, name: &str) -> Change {
    let before = doc.get_heads();
    let mut tx = doc.transaction();
    let map = tx.get(ROOT, "allergy").unwrap().unwrap().1;
    let entry = tx.put_object(&map, format!("{key:032x}"), ObjType::Map).unwrap();
    tx.put(&entry, "kind", "allergy").unwrap();
    tx.put(&entry, "name", name).unwrap();
    tx.commit();
    doc.get_changes(&before).remove(0)
}

/// Signs and seals `changes` as the next envelope of `device`.
pub(super) fn publish(device: &mut Device, id: &RecordId, changes: &[Change]) {
    let (section, volume, _) = place(device, id);
    let mut record = device.record(id);
    let changes: Vec<&[u8]> = changes.iter().map(Change::raw_bytes).collect();
    let payload = encode_changes(&changes);
    record
        .commit(|record, writer| record.append(writer, section, volume, EnvelopeKind::Changes, &payload).map(drop))
        .unwrap();
}

/// The honest device goes on: it writes, compacts, and lets a third one in that ends with the same record.
fn assert_goes_on(one: &mut Device, id: &RecordId, seed: u64, expected: usize) {
    one.record(id).add(&allergy("la vie continue")).unwrap();
    assert_eq!(labels(&one.record(id)).len(), expected + 1);
    let mut three = Device::new(seed);
    pair(one, &mut three, id);
    assert_eq!(three.record(id).digest().unwrap(), one.record(id).digest().unwrap());
    assert_eq!(labels(&three.record(id)).len(), expected + 1);
}

#[test]
fn atk_17_a_change_that_bears_another_actor_is_quarantined_with_what_follows() {
    let (mut one, mut two, id) = pair_of(100);
    let (_, _, victim) = place(&mut one, &id);
    let mut doc = hostile(&victim);
    publish(&mut two, &id, &[note(&mut doc, 1, "forgé")]);
    let received = exchange(&mut two, &mut one, &id);
    assert_eq!((received.refused, received.waiting), (0, 0), "{received:?}");
    assert_eq!(one.record(&id).pending().unwrap().quarantined, 1);
    // Now an honest-looking one of the same feed.
    let (_, _, own) = place(&mut two, &id);
    publish(&mut two, &id, &[note(&mut hostile(&own), 2, "après la forgerie")]);
    exchange(&mut two, &mut one, &id);
    assert_eq!(one.record(&id).pending().unwrap().quarantined, 2);
    let (section, ..) = place(&mut two, &id);
    let shown: Vec<_> = one.record(&id).loose_places(&section).unwrap().into_values().collect();
    assert_eq!(shown, [[1, 2].into()], "nobody keeps them back");
    assert!(labels(&one.record(&id)).is_empty());
    assert_goes_on(&mut one, &id, 102, 0);
}

#[test]
fn atk_33_a_planted_orphan_waits_outside_and_nothing_waits_for_it() {
    let (mut one, mut two, id) = pair_of(104);
    let (_, _, own) = place(&mut two, &id);
    let mut other = hostile(&ActorId::from([0x77; 16]));
    note(&mut other, 1, "jamais envoyé");
    let mut doc = other.with_actor(own);
    publish(&mut two, &id, &[note(&mut doc, 2, "orphelin")]);
    exchange(&mut two, &mut one, &id);
    assert!(labels(&one.record(&id)).is_empty());
    {
        let record = one.record(&id);
        let outside = record.store.read().unwrap().prefix(CHANGE_WAITING, &Key::of(&id)).unwrap().count();
        assert_eq!((outside, record.pending().unwrap().quarantined), (1, 0));
    }
    for n in 0..30 {
        one.record(&id).add(&allergy(&format!("allergène numéro {n}"))).unwrap();
    }
    assert!(one.record(&id).make_snapshots().unwrap() >= 1);
    assert_goes_on(&mut one, &id, 106, 30);
}

/// An author may not unlearn what it has shown to know: an envelope under an older view than the one before it is no
/// part of its feed, however well it is signed.
#[test]
fn fault_c7_a_view_that_forgets_what_the_envelope_before_it_knew_is_refused() {
    let (mut one, mut two, id) = pair_of(146);
    let (section, volume, own) = place(&mut two, &id);
    let older = two.record(&id).commit(Record::heads_to_cite).unwrap();
    // Something happens that has nothing to do with this section.
    let elsewhere = one.record(&id).section_of(SectionKind::Measures).unwrap();
    one.record(&id).commit(|record, writer| record.rotate(writer, &[elsewhere])).unwrap();
    exchange(&mut one, &mut two, &id);
    let mut doc = hostile(&own);
    publish(&mut two, &id, &[note(&mut doc, 1, "en sachant tout")]);
    exchange(&mut two, &mut one, &id);
    let next = note(&mut doc, 2, "en ayant oublié");
    let forged = |record: &mut Record<'_>, heads| {
        let feed = record.own_feed(&section, volume, EnvelopeKind::Changes);
        let end = record.feed_ends(&section).unwrap().into_iter().find(|end| end.feed == feed).unwrap();
        let epoch = record.live.members.current().writable_epoch(&section, |_| true).unwrap().id;
        let context = EnvelopeContext {
            record: id,
            section,
            volume,
            kind: EnvelopeKind::Changes,
            device: record.live.row.device,
            key: record.live.signing.public(),
            incarnation: record.live.row.incarnation,
            previous: end.envelope,
            heads,
            epoch,
        };
        let key = record.live.keys.of(&epoch).unwrap();
        let signing = &record.live.signing;
        let sealing = Sealing { key, signing, seq: end.seq + 1, heads_changed: true, seen: None };
        let payload = encode_changes(&[next.raw_bytes()]);
        seal_payload(&context, &sealing, &payload, &mut record.door.rng).unwrap().encode()
    };
    let backwards = forged(&mut two.record(&id), older);
    let received = one.record(&id).receive(section, &[backwards]).unwrap();
    assert_eq!((received.accepted, received.refused), (0, 1), "{received:?}");
    assert_eq!(labels(&one.record(&id)), ["en sachant tout"]);
    // The same under the view that it has: nothing else was wrong with it.
    let current = two.record(&id).commit(Record::heads_to_cite).unwrap();
    assert_ne!(current, older);
    let forwards = forged(&mut two.record(&id), current);
    assert_eq!(one.record(&id).receive(section, &[forwards]).unwrap().accepted, 1);
    assert_eq!(labels(&one.record(&id)).len(), 2);
}

#[test]
fn fault_c7_a_counter_near_the_end_of_its_range_stops_nobody() {
    let (mut one, mut two, id) = pair_of(108);
    let (_, _, own) = place(&mut two, &id);
    let mut expanded = note(&mut hostile(&own), 1, "compteur").decode();
    expanded.start_op = (u64::from(u32::MAX) - 1).try_into().unwrap();
    publish(&mut two, &id, &[Change::from(expanded)]);
    exchange(&mut two, &mut one, &id);
    assert!(labels(&one.record(&id)).is_empty());
    assert_goes_on(&mut one, &id, 110, 0);
}

#[test]
fn fault_c7_a_gap_behind_a_change_that_was_left_out_stops_nobody() {
    let (mut one, mut two, id) = pair_of(112);
    let (_, _, own) = place(&mut two, &id);
    let mut doc = hostile(&own);
    let before = doc.get_heads();
    let mut tx = doc.transaction();
    let mut object = tx.get(ROOT, "measure").unwrap().unwrap().1;
    for _ in 0..100 {
        object = tx.put_object(&object, "k", ObjType::Map).unwrap();
    }
    tx.commit();
    let deep = doc.get_changes(&before).remove(0);
    // The second claims the second place of its author and builds on nothing of the first.
    let mut expanded = note(&mut hostile(&own), 1, "sans le premier").decode();
    expanded.seq = 2;
    publish(&mut two, &id, &[deep, Change::from(expanded)]);
    exchange(&mut two, &mut one, &id);
    assert!(labels(&one.record(&id)).is_empty());
    assert_goes_on(&mut one, &id, 114, 0);
}

#[test]
fn fault_c7_values_of_the_wrong_type_are_nobodys_damage() {
    let (mut one, mut two, id) = pair_of(116);
    two.record(&id).set_setting("zones", json!([3, {"x": true}])).unwrap();
    two.record(&id)
        .commit(|record, writer| {
            let line = entry_write("ledger", &"ab".repeat(16), json!({"device": 7, "number": "beaucoup"}));
            record.write_technical(writer, SectionKind::Access, vec![line])?;
            let label = entry_write("label", &"cd".repeat(16), json!({"label": ["liste"]}));
            record.write_technical(writer, SectionKind::Roster, vec![label])
        })
        .unwrap();
    let received = exchange(&mut two, &mut one, &id);
    assert!(received.accepted >= 2, "{received:?}");
    one.record(&id).ledger().unwrap();
    one.record(&id).devices().unwrap();
    import(&mut one.record(&id), 1, vec![beats(10), Item::Tally(Box::default())]);
    exchange(&mut one, &mut two, &id);
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn fault_c7_containers_and_keys_that_are_none_show_nowhere() {
    let (mut one, mut two, id) = pair_of(120);
    let (_, _, own) = place(&mut two, &id);
    let mut doc = hostile(&own);
    let before = doc.get_heads();
    let mut tx = doc.transaction();
    let root = tx.put_object(ROOT, "surprise", ObjType::Map).unwrap();
    tx.put_object(&root, "ab".repeat(16), ObjType::Map).unwrap();
    let allergies = tx.get(ROOT, "allergy").unwrap().unwrap().1;
    tx.put_object(&allergies, "AB".repeat(16), ObjType::Map).unwrap();
    tx.put(&allergies, "cd".repeat(16), 5).unwrap();
    tx.commit();
    publish(&mut two, &id, &[doc.get_changes(&before).remove(0)]);
    exchange(&mut two, &mut one, &id);
    assert!(labels(&one.record(&id)).is_empty());
    assert!(matches!(one.record(&id).find_id("ababab"), Err(RecordError::NotFound)));
    assert_goes_on(&mut one, &id, 122, 0);
}

#[test]
fn atk_24_what_nobody_can_check_fills_no_disk() {
    let (mut one, mut two, id) = pair_of(124);
    let (section, _, _) = place(&mut one, &id);
    two.record(&id).add(&allergy("vrai")).unwrap();
    let honest = {
        let record = two.record(&id);
        let ends = record.feed_ends(&section).unwrap();
        record.envelopes_after(&ends.last().unwrap().feed, 0, usize::MAX).unwrap().remove(0)
    };
    // The hint of a feed that nobody has announced.
    let forged = |n: u32| {
        let mut bytes = honest.clone();
        bytes[1..5].copy_from_slice(&n.to_be_bytes());
        bytes
    };
    let flood: Vec<Vec<u8>> = (0..4_200).map(forged).collect();
    one.record(&id).receive(section, &flood).unwrap();
    assert_eq!(one.record(&id).pending().unwrap().waiting, 4_096);
    exchange(&mut two, &mut one, &id);
    assert_eq!(labels(&one.record(&id)), ["vrai"]);
}

/// A change of keys by `device` in which every wrap is garbage, and under which it writes on.
fn garbage_keys(device: &mut Device, id: &RecordId) -> OpId {
    let (section, _, _) = place(device, id);
    let mut record = device.record(id);
    record
        .commit(|record, writer| {
            let at = record.now();
            record.join_heads(writer, at)?;
            let plan = record.live.members.current().rekey_plan(&[section], at, |_, _| true);
            let author = record.wrap_author(at);
            let planned = record.plan_rekey(&plan, author)?;
            let recipients = plan.readers.iter().flat_map(|(_, readers)| readers);
            let garbage = recipients.map(|reader| SealedKeys { recipient: reader.device, sealed: vec![7; 1_168] });
            let (wraps, proved) = ProvedWrap::tree(garbage.collect());
            let rekey = Rekey { wraps, ..planned.rekey.clone() };
            let parts: Vec<Vec<u8>> = proved.iter().map(ProvedWrap::encode).collect();
            let op = record.sign_op(writer, at, Body::Rekey(rekey), &parts)?;
            record.keep_planned(writer, planned)?;
            Ok(op)
        })
        .unwrap()
}

#[test]
fn atk_15_a_wrap_of_garbage_is_passed_over_and_writing_goes_on() {
    let (mut one, mut two, id) = pair_of(128);
    garbage_keys(&mut two, &id);
    two.record(&id).add(&allergy("illisible")).unwrap();
    exchange(&mut two, &mut one, &id);
    assert_eq!(one.record(&id).pending().unwrap().waiting, 1, "kept until someone wraps the key again");
    one.record(&id).add(&allergy("lisible")).unwrap();
    exchange(&mut one, &mut two, &id);
    assert_eq!(labels(&two.record(&id)).len(), 2);
    assert_goes_on(&mut one, &id, 130, 1);
}

#[test]
fn atk_37_a_storm_of_changes_of_keys_that_do_not_open_stops_nobody() {
    let (mut one, mut two, id) = pair_of(132);
    let storm: Vec<OpId> = (0..40).map(|_| garbage_keys(&mut two, &id)).collect();
    exchange(&mut two, &mut one, &id);
    let is_given_up = |op: &OpId| one.vault.live[&id].members.is_unopened(op, 1);
    assert!(storm.iter().all(is_given_up), "what did not open is not tried again and again");
    assert_goes_on(&mut one, &id, 134, 0);
    exchange(&mut one, &mut two, &id);
    assert_eq!(labels(&two.record(&id)), ["la vie continue"]);
}

#[test]
fn atk_14_a_change_of_keys_for_others_than_the_readers_never_counts() {
    let (mut one, mut two, id) = pair_of(136);
    let (section, _, _) = place(&mut two, &id);
    let (op, epoch) = two
        .record(&id)
        .commit(|record, writer| {
            let at = record.now();
            let mut plan = record.live.members.current().rekey_plan(&[section], at, |_, _| true);
            // Someone is left out, and the digest says so.
            plan.readers[0].1.remove(0);
            plan.digest = recipients_digest(&plan.readers);
            let author = record.wrap_author(at);
            let planned = record.plan_rekey(&plan, author)?;
            let (rekey, parts) = (planned.rekey.clone(), planned.parts.clone());
            let epoch = rekey.sections[0].epoch;
            // A hostile device does not ask itself whether its operation counts.
            let draft = record.live.members.log().draft(record.live.row.device, at, Body::Rekey(rekey));
            let op = draft.sign(&record.live.id, &record.live.signing)?;
            let carried = CarriedOp { op: op.bytes().to_vec(), parts, receipts: Vec::new() };
            assert!(matches!(record.live.members.insert(writer, &carried)?, Insert::Inserted(_)));
            record.live.members.evaluate(at);
            record.keep_planned(writer, planned)?;
            Ok((op.id(), epoch))
        })
        .unwrap();
    exchange(&mut two, &mut one, &id);
    let record = one.record(&id);
    assert_ne!(record.live.members.current().status(&op), Some(OpStatus::Counts));
    assert_ne!(record.live.members.current().writable_epoch(&section, |_| true).unwrap().id, epoch);
    assert_goes_on(&mut one, &id, 138, 0);
}

#[test]
fn fault_e10_a_change_of_keys_that_is_cut_off_leaves_the_old_ones_in_use() {
    let (mut one, mut two, id) = pair_of(140);
    let (section, _, _) = place(&mut one, &id);
    let before = one.record(&id).op_heads();
    let cut = one.record(&id).commit(|record, writer| -> Result<(), RecordError> {
        record.rotate(writer, &[section])?;
        Err(RecordError::NotGranted)
    });
    assert!(cut.is_err());
    assert_eq!(one.record(&id).op_heads(), before);
    one.record(&id).add(&allergy("ensuite")).unwrap();
    exchange(&mut one, &mut two, &id);
    assert_eq!(labels(&two.record(&id)), ["ensuite"]);
    let mut one = one.reopen();
    assert_eq!(labels(&one.record(&id)), ["ensuite"]);
}

#[test]
fn a_part_that_no_operation_names_is_not_kept() {
    let (mut one, mut two, id) = pair_of(144);
    let mut ops = two.record(&id).ops_since(&[], None).unwrap();
    let junk = crate::keys::kem_part(two.vault.seed.kem(&carnet_crypto::id::KeySalt([9; 32]), 0).public().as_bytes()).1;
    let rows = |device: &mut Device| {
        let record = device.record(&id);
        let reader = record.store.read().unwrap();
        reader.prefix(crate::tables::PART, &Key::of(&id)).unwrap().count()
    };
    let before = rows(&mut one);
    for op in &mut ops {
        op.parts.push(junk.clone());
    }
    one.record(&id).receive_ops(&ops).unwrap();
    assert_eq!(rows(&mut one), before);
}
