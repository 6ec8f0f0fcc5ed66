//! What was accepted and falls: it leaves its volume, and nothing of it is lost.

use carnet_protocol::limits::QUARANTINE_BYTES_PER_FEED_MAX;
use rand::RngExt as _;

use super::{
    forks::{add_all, forked},
    hostile::{hostile, note, place, publish},
    *,
};
use crate::{
    devices::RemovalReason,
    receive::StoredEnvelope,
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
