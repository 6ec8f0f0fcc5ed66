//! What comes late: removals and proofs after the envelopes that they are about, and before.

use super::*;
use crate::devices::RemovalReason;

/// Three devices of one person that all hold one entry of the second.
fn three(seed: u64) -> (Device, Device, Device, RecordId) {
    let (mut one, mut two, mut three) = (Device::new(seed), Device::new(seed + 1), Device::new(seed + 2));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    two.record(&id).add(&allergy("avant")).unwrap();
    exchange(&mut two, &mut one, &id);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    (one, two, three, id)
}

fn assert_same(devices: &mut [&mut Device], id: &RecordId, expected: &[&str]) {
    let digest = devices[0].record(id).digest().unwrap();
    for device in devices {
        let mut labels = labels(&device.record(id));
        labels.sort();
        assert_eq!(labels, expected);
        assert_eq!(device.record(id).digest().unwrap(), digest);
    }
}

#[test]
fn atk_7_a_removal_that_comes_after_what_it_cuts_ends_as_one_that_came_before() {
    let (mut one, mut two, mut three, id) = three(60);
    two.record(&id).add(&allergy("après")).unwrap();
    let ids = import(&mut two.record(&id), 9, vec![beats(50), Item::Tally(Box::default())]);
    assert_eq!(ids.by_kind["heart-rate"].added, 50);
    exchange(&mut two, &mut three, &id);
    assert_eq!(labels(&three.record(&id)).len(), 2, "it is accepted at first");
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Stolen).unwrap();
    exchange(&mut one, &mut three, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["avant"]);
    assert!(three.record(&id).samples("heart-rate", 0, i64::MAX, 10).unwrap().is_empty());
    assert!(three.record(&id).sample_days("heart-rate", None, None).unwrap().is_empty());
    // The other order: quarantined on arrival.
    exchange(&mut two, &mut one, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["avant"]);
    // What is written from now on builds on nothing that was cut.
    three.record(&id).add(&allergy("de trois")).unwrap();
    exchange(&mut three, &mut one, &id);
    let mut three = three.reopen();
    assert_same(&mut [&mut one, &mut three], &id, &["avant", "de trois"]);
}

#[test]
fn fault_e2_what_an_honest_device_built_on_before_it_knew_stays_on_every_device() {
    let (mut one, mut two, mut three, id) = three(64);
    two.record(&id).add(&allergy("après")).unwrap();
    exchange(&mut two, &mut three, &id);
    three.record(&id).add(&allergy("bâti dessus")).unwrap();
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Lost).unwrap();
    // One sees the removed device's entry first, and puts it aside; then what builds on it.
    exchange(&mut two, &mut one, &id);
    assert_eq!(labels(&one.record(&id)), ["avant"]);
    exchange(&mut three, &mut one, &id);
    exchange(&mut one, &mut three, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["après", "avant", "bâti dessus"]);
    assert_eq!(one.record(&id).pending().unwrap().quarantined, 0);
}

#[test]
fn atk_8_who_knows_of_the_removal_keeps_nothing_alive() {
    let (mut one, mut two, mut three, id) = three(68);
    two.record(&id).add(&allergy("après")).unwrap();
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Lost).unwrap();
    exchange(&mut one, &mut three, &id);
    exchange(&mut two, &mut three, &id);
    three.record(&id).add(&allergy("ensuite")).unwrap();
    exchange(&mut three, &mut one, &id);
    exchange(&mut one, &mut three, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["avant", "ensuite"]);
}

#[test]
fn a_device_that_joins_after_a_removal_gets_what_the_removed_one_had_filed() {
    let (mut one, mut two) = (Device::new(72), Device::new(73));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    for n in 0..5 {
        two.record(&id).add(&allergy(&format!("entrée {n}"))).unwrap();
    }
    import(&mut two.record(&id), 9, vec![beats(50), Item::Tally(Box::default())]);
    exchange(&mut two, &mut one, &id);
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Replaced).unwrap();
    let mut three = Device::new(74);
    pair(&mut one, &mut three, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["entrée 0", "entrée 1", "entrée 2", "entrée 3", "entrée 4"]);
    assert_eq!(three.record(&id).pending().unwrap().waiting, 0);
}

#[test]
fn atk_6_an_old_number_signed_again_after_the_removal_changes_nothing() {
    let (mut one, two, mut three, id) = three(76);
    let (mut two, mut thief) = two.copied();
    two.record(&id).add(&allergy("accepté")).unwrap();
    exchange(&mut two, &mut one, &id);
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Stolen).unwrap();
    thief.record(&id).add(&allergy("antidaté")).unwrap();
    let received = exchange(&mut thief, &mut one, &id);
    assert_eq!(received.forks.len(), 1, "{received:?}");
    assert_eq!(received.accepted, 0);
    // Another member meets the forged branch first, and the removal afterwards.
    exchange(&mut thief, &mut three, &id);
    exchange(&mut one, &mut three, &id);
    exchange(&mut three, &mut one, &id);
    exchange(&mut one, &mut three, &id);
    assert_same(&mut [&mut one, &mut three], &id, &["accepté", "avant"]);
}

#[test]
fn atk_18_a_copied_device_loses_its_branch_and_none_of_what_it_wrote() {
    let (mut one, two, mut three, id) = three(80);
    let (mut two, mut copy) = two.copied();
    two.record(&id).add(&allergy("du premier")).unwrap();
    copy.record(&id).add(&allergy("de la copie")).unwrap();
    exchange(&mut two, &mut one, &id);
    // A member builds on the branch that will not stand.
    exchange(&mut copy, &mut three, &id);
    three.record(&id).add(&allergy("bâti sur la copie")).unwrap();
    assert_eq!(exchange(&mut copy, &mut one, &id).forks.len(), 1);
    for _ in 0..3 {
        exchange(&mut one, &mut three, &id);
        exchange(&mut three, &mut one, &id);
        exchange(&mut one, &mut copy, &id);
        exchange(&mut copy, &mut one, &id);
        exchange(&mut one, &mut two, &id);
        exchange(&mut two, &mut one, &id);
    }
    let all = ["avant", "bâti sur la copie", "de la copie", "du premier"];
    assert_same(&mut [&mut one, &mut two, &mut three, &mut copy], &id, &all);
    // Both copies write on, under incarnations of their own.
    two.record(&id).add(&allergy("suite")).unwrap();
    copy.record(&id).add(&allergy("suite de la copie")).unwrap();
    for _ in 0..2 {
        exchange(&mut two, &mut one, &id);
        exchange(&mut copy, &mut one, &id);
        exchange(&mut one, &mut two, &id);
        exchange(&mut one, &mut copy, &id);
    }
    let all = ["avant", "bâti sur la copie", "de la copie", "du premier", "suite", "suite de la copie"];
    assert_same(&mut [&mut one, &mut two, &mut copy], &id, &all);
}
