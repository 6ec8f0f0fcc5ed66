//! What was accepted and falls: it leaves its volume, and nothing of it is lost.

use carnet_protocol::limits::QUARANTINE_BYTES_PER_FEED_MAX;
use rand::RngExt as _;

use super::{
    forks::{add_all, assert_heals, forked},
    hostile::{hostile, note, place, publish},
    *,
};
use crate::{
    devices::RemovalReason,
    receive::{Signing, StoredEnvelope},
    row::Standing,
    tables::{Key, QUARANTINE},
};

/// The envelopes that a device has in quarantine as a whole: how many, and their bytes.
fn kept_whole(device: &mut Device, id: &RecordId) -> (usize, usize) {
    let record = device.record(id);
    let rows = record.store.read().unwrap().prefix(QUARANTINE, &Key::of(id)).unwrap();
    let kept: Vec<usize> =
        rows.map(|row| StoredEnvelope::read(&row.unwrap().1).unwrap().bytes.len()).filter(|bytes| *bytes > 0).collect();
    (kept.len(), kept.iter().sum())
}

/// Text that does not compress to much less.
fn long_text(seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..700_000).map(|_| char::from(rng.random_range(b'0'..b'z'))).collect()
}

#[test]
fn atk_7_what_was_accepted_and_falls_is_kept_whole_however_much_it_is() {
    const WRITTEN: usize = 10;
    let (mut one, mut two, mut three) = (Device::new(570), Device::new(571), Device::new(572));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    let (_, _, own) = place(&mut two, &id);
    let mut doc = hostile(&own);
    for n in 0..WRITTEN {
        let change = note(&mut doc, n as u128, &long_text(n as u64));
        publish(&mut two, &id, &[change]);
    }
    let received = exchange(&mut two, &mut three, &id);
    assert_eq!(received.accepted, WRITTEN, "{received:?}");
    let removed = two.record(&id).device();
    one.record(&id).remove_device(&removed, RemovalReason::Lost).unwrap();
    exchange(&mut one, &mut three, &id);
    let (count, bytes) = kept_whole(&mut three, &id);
    assert_eq!(count, WRITTEN);
    assert!(bytes > QUARANTINE_BYTES_PER_FEED_MAX, "{bytes}");
    // It is judged again, and comes again: nothing of it goes for that.
    exchange(&mut one, &mut three, &id);
    exchange(&mut two, &mut three, &id);
    assert_eq!(kept_whole(&mut three, &id), (count, bytes));
    // What was never accepted fills nobody's disk.
    exchange(&mut two, &mut one, &id);
    let (arrived, bytes) = kept_whole(&mut one, &id);
    assert!(arrived > 0 && bytes <= QUARANTINE_BYTES_PER_FEED_MAX, "{arrived}, {bytes}");
    assert_eq!(one.record(&id).pending().unwrap().quarantined, WRITTEN as u64);
}

#[test]
fn atk_18_the_branch_that_falls_stays_in_quarantine_when_the_other_takes_its_places() {
    let (mut devices, id) = forked(580);
    let [one, two, three, copy] = &mut devices;
    add_all(two, &id, &["premier 1", "premier 2"]);
    add_all(copy, &id, &["copie 1", "copie 2"]);
    exchange(two, one, &id);
    exchange(copy, three, &id);
    assert_eq!(exchange(copy, one, &id).forks.len(), 1);
    exchange(one, three, &id);
    let mut shown = labels(&three.record(&id));
    shown.sort();
    assert_eq!(shown, ["avant", "premier 1", "premier 2"]);
    assert_eq!(kept_whole(three, &id).0, 2, "both of the copy's");
}

/// What a device has of a proof and of the branch that stands, as long as it may sign nothing.
fn learn_without_signing(from: &mut Device, to: &mut Device, id: &RecordId) {
    let ops = from.record(id).ops_since(&[], None).unwrap();
    let section = from.record(id).section_of(allergy("x").fact.section()).unwrap();
    let envelopes: Vec<Vec<u8>> = {
        let record = from.record(id);
        let ends = record.feed_ends(&section).unwrap();
        ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect()
    };
    let mut record = to.record(id);
    record
        .commit(|record, writer| {
            for carried in &ops {
                drop(record.live.members.insert(writer, carried)?);
            }
            let now = record.now();
            record.live.members.evaluate(now);
            record.judge_again(writer, Signing::Postponed)
        })
        .unwrap();
    // Nothing is judged again where somebody has no part in the record any more.
    record.live.row.standing = Standing::Removed;
    record.receive(section, &envelopes).unwrap();
    record.live.row.standing = Standing::Member;
    record.commit(|record, writer| record.judge_again(writer, Signing::Postponed)).unwrap();
}

#[test]
fn atk_18_what_was_built_on_a_branch_that_falls_stays_until_it_can_be_issued_again() {
    for (seed, stands) in [(590, ["premier 1"].as_slice()), (600, &["premier 1", "premier 2", "premier 3"])] {
        let (mut devices, id) = forked(seed);
        let [one, two, three, copy] = &mut devices;
        add_all(two, &id, stands);
        add_all(copy, &id, &["de la copie"]);
        exchange(two, one, &id);
        exchange(copy, three, &id);
        add_all(three, &id, &["bâti sur la copie"]);
        assert_eq!(exchange(copy, one, &id).forks.len(), 1);
        // A step that may sign nothing takes nothing away that is to be issued again.
        for _ in 0..2 {
            learn_without_signing(one, three, &id);
            let mut shown = labels(&three.record(&id));
            shown.sort();
            assert_eq!(shown, ["avant", "bâti sur la copie", "de la copie"]);
        }
        // The next one that may does.
        three.record(&id).retry_waiting().unwrap();
        let mut shown = labels(&three.record(&id));
        shown.sort();
        let healed: Vec<&str> = ["avant", "bâti sur la copie"].iter().chain(stands).copied().collect();
        assert_eq!(shown, healed);
        let all: Vec<&str> = healed.into_iter().chain(["de la copie"]).collect();
        assert_heals(&mut devices, &id, &all);
    }
}

#[test]
fn atk_18_what_falls_in_parts_is_issued_again_as_it_was_last() {
    let mut one = Device::new(610);
    let id = one.begin().record;
    let mut record = one.record(&id);
    let mut entry = record.add(&allergy("nom d'abord")).unwrap().entry;
    entry.fact = allergy("nom ensuite").fact;
    record.amend(&entry).unwrap();
    let section = record.section_of(entry.fact.section()).unwrap();
    let [feed] = record.feed_ends(&section).unwrap()[..] else { panic!("one feed") };
    assert_eq!(feed.seq, 2);
    record
        .commit(|record, writer| {
            let fallen = record.give_way(writer, &[(feed.feed, 1), (feed.feed, 0)])?;
            record.issue_fallen(writer, fallen)
        })
        .unwrap();
    assert_eq!(labels(&record), ["nom ensuite"]);
}
