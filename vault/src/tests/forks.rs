//! A device that writes on in two places: whichever branch stands, every device ends with it, and nothing that a person
//! wrote on the other is lost.

use super::*;
use crate::{devices::RemovalReason, row::Standing};

/// Two devices of one person and a copy of the second, all of which hold one entry of it.
pub(super) fn forked(seed: u64) -> ([Device; 4], RecordId) {
    let (mut one, mut two, mut three) = (Device::new(seed), Device::new(seed + 1), Device::new(seed + 2));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    two.record(&id).add(&allergy("avant")).unwrap();
    exchange(&mut two, &mut one, &id);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    let (two, copy) = two.copied();
    ([one, two, three, copy], id)
}

pub(super) fn add_all(device: &mut Device, id: &RecordId, names: &[&str]) {
    for name in names {
        device.record(id).add(&allergy(name)).unwrap();
    }
}

/// Everybody meets the first device a few times; afterwards all show the same, and nothing waits anywhere.
pub(super) fn assert_heals(devices: &mut [Device; 4], id: &RecordId, expected: &[&str]) {
    let [one, others @ ..] = devices;
    for _ in 0..4 {
        for other in &mut *others {
            exchange(one, other, id);
            exchange(other, one, id);
        }
    }
    let digest = one.record(id).digest().unwrap();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    for (number, device) in devices.iter_mut().enumerate() {
        let mut labels = labels(&device.record(id));
        labels.sort();
        assert_eq!(labels, expected, "device {number}");
        assert_eq!(device.record(id).digest().unwrap(), digest, "device {number}");
        let pending = device.record(id).pending().unwrap();
        assert_eq!(pending.waiting, 0, "device {number}: {pending:?}");
    }
}

#[test]
fn atk_18_a_branch_that_goes_on_beyond_the_fork_replaces_the_other_everywhere() {
    let (mut devices, id) = forked(500);
    let [one, two, three, copy] = &mut devices;
    add_all(two, &id, &["premier 1", "premier 2", "premier 3"]);
    add_all(copy, &id, &["copie 1"]);
    exchange(two, one, &id);
    exchange(copy, three, &id);
    add_all(three, &id, &["bâti sur la copie"]);
    assert_eq!(exchange(copy, one, &id).forks.len(), 1);
    assert_heals(&mut devices, &id, &["avant", "premier 1", "premier 2", "premier 3", "copie 1", "bâti sur la copie"]);
}

/// Both branches go on: neither shows by its end where they part, and what comes is not in its order.
#[test]
fn atk_18_branches_that_both_go_on_end_as_one_whichever_is_longer() {
    for (seed, first, second) in [(510, 2, 4), (520, 4, 2), (530, 3, 3)] {
        let (mut devices, id) = forked(seed);
        let [one, two, three, copy] = &mut devices;
        let names = |of: &str, count: usize| (1..=count).map(|n| format!("{of} {n}")).collect::<Vec<_>>();
        let (of_two, of_copy) = (names("premier", first), names("copie", second));
        for name in &of_two {
            add_all(two, &id, &[name]);
        }
        for name in &of_copy {
            add_all(copy, &id, &[name]);
        }
        exchange(two, one, &id);
        exchange(copy, three, &id);
        add_all(three, &id, &["bâti sur la copie"]);
        exchange(three, one, &id);
        let all: Vec<&str> = ["avant", "bâti sur la copie"]
            .into_iter()
            .chain(of_two.iter().chain(&of_copy).map(String::as_str))
            .collect();
        assert_heals(&mut devices, &id, &all);
    }
}

#[test]
fn atk_18_samples_of_the_branch_that_falls_are_issued_again() {
    let (mut devices, id) = forked(540);
    let [one, two, three, copy] = &mut devices;
    let beats = |value: i32, count: i32| {
        let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
        let sample = |n: i32| Sample::at(1_767_225_600_000 + i64::from(n) * 7_000, Decimal::from_i32(value));
        Item::Samples { series, samples: (0..count).map(sample).collect() }
    };
    for (file, value) in [(1, 61), (2, 62), (3, 63)] {
        import(&mut two.record(&id), file, vec![beats(value, 50), Item::Tally(Box::default())]);
    }
    import(&mut copy.record(&id), 4, vec![beats(90, 50), Item::Tally(Box::default())]);
    exchange(two, one, &id);
    exchange(copy, three, &id);
    exchange(copy, one, &id);
    assert_heals(&mut devices, &id, &["avant"]);
    for device in &mut devices {
        assert_eq!(device.record(&id).samples("heart-rate", 0, i64::MAX, usize::MAX).unwrap().len(), 200);
    }
}

/// A device whose right has ended, and that has not heard of it: whatever it signs would be refused.
fn without_right(device: &mut Device, owner: &mut Device, id: &RecordId) {
    let removed = device.record(id).device();
    owner.record(id).remove_device(&removed, RemovalReason::Lost).unwrap();
    exchange(owner, device, id);
    let mut record = device.record(id);
    record
        .commit(|record, _| {
            record.live.row.standing = Standing::Member;
            Ok(())
        })
        .unwrap();
}

#[test]
fn atk_18_a_proof_that_may_not_be_signed_waits_and_what_came_with_it_is_kept() {
    let (mut devices, id) = forked(550);
    let [one, two, three, copy] = &mut devices;
    add_all(two, &id, &["du premier"]);
    exchange(two, three, &id);
    add_all(copy, &id, &["de la copie"]);
    add_all(one, &id, &["bon"]);
    without_right(three, one, &id);
    // What is good comes in one batch with the other branch.
    let section = one.record(&id).section_of(allergy("x").fact.section()).unwrap();
    let mut batch = Vec::new();
    for device in [copy, one] {
        let record = device.record(&id);
        for end in record.feed_ends(&section).unwrap() {
            batch.extend(record.envelopes_after(&end.feed, 0, usize::MAX).unwrap());
        }
    }
    let heads = three.record(&id).op_heads();
    let received = three.record(&id).receive(section, &batch).unwrap();
    assert_eq!((received.accepted, received.waiting, received.forks.len()), (1, 1, 0), "{received:?}");
    assert_eq!(three.record(&id).op_heads(), heads, "nothing was signed");
    let mut shown = labels(&three.record(&id));
    shown.sort();
    assert_eq!(shown, ["avant", "bon", "du premier"]);
}

#[test]
fn atk_18_a_new_incarnation_that_may_not_be_signed_waits_and_what_came_is_kept() {
    let (mut devices, id) = forked(560);
    let [one, two, _, copy] = &mut devices;
    add_all(one, &id, &["bon"]);
    add_all(two, &id, &["du premier"]);
    exchange(two, one, &id);
    add_all(copy, &id, &["de la copie"]);
    exchange(copy, one, &id);
    // The copy learns of the proof against it where it can sign nothing any more.
    without_right(copy, one, &id);
    let (section, good) = {
        let record = one.record(&id);
        let section = record.section_of(allergy("x").fact.section()).unwrap();
        let ends = record.feed_ends(&section).unwrap();
        (
            section,
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect::<Vec<_>>(),
        )
    };
    let received = copy.record(&id).receive(section, &good).unwrap();
    assert!(received.accepted > 0, "{received:?}");
    let shown = labels(&copy.record(&id));
    assert!(shown.contains(&"bon".to_owned()) && shown.contains(&"de la copie".to_owned()), "{shown:?}");
}
