//! What devices saw of their relay, held against each other: ATK-2 and ATK-3 without any network. A relay's logs are lists of
//! small numbers here, the same in every section.

use carnet_crypto::{
    id::{DeviceId, SectionId},
    sign::SigningKey,
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads},
    payload::{LogLife, Seen, SeenPosition},
};

use super::*;
use crate::{
    ledger::LedgerKind,
    replica::RelayMemory,
    tables::{CLAIM, Key, LOG_POINT},
    witness::{Claim, ContradictionKind, Followed},
};

const MEMBERSHIP: [u8; 3] = [101, 102, 103];

/// A relay, in one life of its store.
#[derive(Clone, Copy)]
struct Life {
    relay: u8,
    store_epoch: u64,
}

const LIFE: Life = Life { relay: 42, store_epoch: 1 };

/// Where a log of these ids stands after each of them.
fn heads(ids: &[u8]) -> Vec<Head> {
    let step = |head: &mut Head, id: &u8| {
        *head = head.append(&[*id; 32]);
        Some(*head)
    };
    ids.iter().scan(Head::START, step).collect()
}

/// The device sees this at the relay, in a pull that began when it knew of the claims `awaited`.
fn see_after(device: &mut Device, id: &RecordId, life: Life, log: &[u8], awaited: Vec<Claim>) {
    let own = device.record(id).device();
    let sections = device.record(id).sections_for(&own);
    let mut points: Vec<_> = heads(&MEMBERSHIP).into_iter().map(|head| (None, head)).collect();
    let mut known = KnownHeads { membership: heads(&MEMBERSHIP).last().copied(), ..KnownHeads::default() };
    for section in sections {
        points.extend(heads(log).into_iter().map(|head| (Some(section), head)));
        known.sections.extend(heads(log).last().map(|head| (section, *head)));
    }
    let memory = RelayMemory { store_epoch: life.store_epoch, heads: known, checkpoint: None };
    let relay = SigningKey::from_seed(&[life.relay; 32]).public();
    device.record(id).remember_relay(&Followed { relay, memory, points, awaited }).unwrap();
}

/// The device sees this at the relay.
fn see(device: &mut Device, id: &RecordId, life: Life, log: &[u8]) {
    let awaited = device.record(id).claims().unwrap();
    see_after(device, id, life, log, awaited);
}

/// The device writes an entry, and the other gets all that it has.
fn say(from: &mut Device, to: &mut Device, id: &RecordId) {
    from.record(id).add(&allergy("Arachide")).unwrap();
    let received = exchange(from, to, id);
    assert_eq!((received.quarantined, received.refused), (0, 0), "what is said of the relay refuses nothing");
}

fn two() -> (Device, Device, RecordId) {
    let (mut one, mut two) = (Device::new(1), Device::new(2));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    (one, two, id)
}

fn told(device: &mut Device, id: &RecordId) -> Option<(ContradictionKind, DeviceId)> {
    device.record(id).contradiction().unwrap().map(|found| (found.kind, found.device))
}

fn split(author: &mut Device, id: &RecordId) -> (ContradictionKind, DeviceId) {
    (ContradictionKind::Split, author.record(id).device())
}

fn withheld(author: &mut Device, id: &RecordId) -> (ContradictionKind, DeviceId) {
    (ContradictionKind::Withheld, author.record(id).device())
}

#[test]
fn atk_2_two_histories_are_told_at_the_first_envelope_that_cites_the_other_one() {
    for (seen_by_one, seen_by_two) in [(vec![1, 2, 3], vec![1, 2, 4]), (vec![1, 2, 3], vec![1, 4, 3, 5, 6])] {
        let (mut one, mut two, id) = two();
        for device in [&mut one, &mut two] {
            see(device, &id, LIFE, &[1, 2]);
        }
        see(&mut one, &id, LIFE, &seen_by_one);
        see(&mut two, &id, LIFE, &seen_by_two);
        assert_eq!((told(&mut one, &id), told(&mut two, &id)), (None, None), "each history agrees with itself");
        say(&mut one, &mut two, &id);
        assert_eq!(told(&mut two, &id), Some(split(&mut one, &id)));
        assert_eq!(labels(&two.record(&id)), ["Arachide"], "what was written is taken in all the same");
        // It is told once, as a line of the log too, and stands until a person says what it is.
        assert!(two.record(&id).contradiction_to_tell().unwrap().is_some());
        assert!(two.record(&id).contradiction_to_tell().unwrap().is_none());
        let lines = two.record(&id).ledger().unwrap();
        assert_eq!(lines.iter().filter(|line| line.kind == LedgerKind::RelayContradicted).count(), 1);
        let mut two = two.reopen();
        see(&mut two, &id, LIFE, &seen_by_two);
        assert_eq!(told(&mut two, &id), Some(split(&mut one, &id)));
        two.record(&id).forget_relay().unwrap();
        assert_eq!(told(&mut two, &id), None);
    }
}

#[test]
fn devices_that_saw_one_history_at_different_times_contradict_nobody() {
    let (mut one, mut two, id) = two();
    let log: Vec<u8> = (1..=40).collect();
    for at in 0..log.len() {
        let (here, there) = if at % 3 == 0 { (at + 1, at) } else { (at, at + 1) };
        see(&mut one, &id, LIFE, &log[..here]);
        see(&mut two, &id, LIFE, &log[..there]);
        say(&mut one, &mut two, &id);
        say(&mut two, &mut one, &id);
    }
    for device in [&mut one, &mut two] {
        see(device, &id, LIFE, &log);
        assert_eq!(told(device, &id), None);
        assert_eq!(device.record(&id).claims().unwrap(), [], "all of it was seen");
    }
}

#[test]
fn atk_2_a_claim_that_lies_ahead_is_held_until_its_place_is_reached() {
    let (mut one, mut two, id) = two();
    see(&mut two, &id, LIFE, &[1]);
    see(&mut one, &id, LIFE, &[1, 2, 3]);
    say(&mut one, &mut two, &id);
    assert_eq!((told(&mut two, &id), two.record(&id).claims().unwrap().len()), (None, 1));
    // The pull was on its way already when the claim came: the relay cannot be held to it yet.
    see_after(&mut two, &id, LIFE, &[1, 2], Vec::new());
    assert_eq!(told(&mut two, &id), None);
    let mut two = two.reopen();
    see(&mut two, &id, LIFE, &[1, 2, 4]);
    assert_eq!(told(&mut two, &id), Some(split(&mut one, &id)));
}

#[test]
fn atk_3_what_the_relay_does_not_show_though_another_device_saw_it_is_told_until_it_does() {
    let (mut one, mut two, id) = two();
    see(&mut two, &id, LIFE, &[1]);
    see(&mut one, &id, LIFE, &[1, 2, 3]);
    say(&mut one, &mut two, &id);
    for _ in 0..2 {
        see(&mut two, &id, LIFE, &[1, 2]);
        assert_eq!(told(&mut two, &id), Some(withheld(&mut one, &id)));
        assert_eq!(labels(&two.record(&id)), ["Arachide"], "the meeting has healed what is missing");
    }
    see(&mut two, &id, LIFE, &[1, 2, 3, 4]);
    assert_eq!(told(&mut two, &id), None, "the relay has shown what was said");
}

#[test]
fn atk_3_a_relay_that_hides_its_later_life_from_one_device_is_told() {
    let (mut one, mut two, id) = two();
    see(&mut two, &id, LIFE, &[1, 2]);
    see(&mut one, &id, Life { store_epoch: 2, ..LIFE }, &[1]);
    say(&mut one, &mut two, &id);
    assert_eq!(told(&mut two, &id), None);
    see(&mut two, &id, LIFE, &[1, 2, 3]);
    assert_eq!(told(&mut two, &id), Some(withheld(&mut one, &id)));
    see(&mut two, &id, Life { store_epoch: 2, ..LIFE }, &[1, 5]);
    assert_eq!(told(&mut two, &id), None);
}

#[test]
fn positions_of_another_relay_or_of_another_life_are_never_compared() {
    let later = Life { store_epoch: 2, ..LIFE };
    let elsewhere = Life { relay: 43, ..LIFE };
    for other in [later, elsewhere] {
        let (mut one, mut two, id) = two();
        see(&mut one, &id, LIFE, &[1, 2, 3]);
        see(&mut two, &id, other, &[4, 5]);
        say(&mut one, &mut two, &id);
        see(&mut two, &id, other, &[4, 5, 6]);
        assert_eq!((told(&mut two, &id), two.record(&id).claims().unwrap().len()), (None, 0));
        // The other one changes too, with what it heard of the other life or place.
        say(&mut two, &mut one, &id);
        see(&mut one, &id, other, &[4, 5, 6]);
        say(&mut one, &mut two, &id);
        assert_eq!((told(&mut one, &id), told(&mut two, &id)), (None, None));
        see(&mut two, &id, other, &[4, 5, 6, 7]);
        see(&mut one, &id, other, &[4, 5, 6, 8]);
        say(&mut one, &mut two, &id);
        assert_eq!(told(&mut two, &id), Some(split(&mut one, &id)), "and from then on they compare again");
    }
}

#[test]
fn a_relay_that_is_trusted_again_is_not_held_to_what_it_lost() {
    let (mut one, mut two, id) = two();
    for device in [&mut one, &mut two] {
        see(device, &id, LIFE, &[1, 2]);
    }
    // What was written before the loss is on its way for long.
    see(&mut two, &id, LIFE, &[1, 2, 3, 4]);
    two.record(&id).add(&allergy("Latex")).unwrap();
    one.record(&id).forget_relay().unwrap();
    see(&mut one, &id, LIFE, &[1, 5, 6, 7, 8]);
    exchange(&mut two, &mut one, &id);
    see(&mut one, &id, LIFE, &[1, 5, 6, 7, 8]);
    assert_eq!(told(&mut one, &id), None, "it was seen before the person said so");
    // The other hears of it with the first envelope, and goes by it.
    say(&mut one, &mut two, &id);
    assert_eq!(told(&mut two, &id), None);
    see(&mut two, &id, LIFE, &[1, 5, 6, 7, 8]);
    assert_eq!(told(&mut two, &id), None);
    see(&mut one, &id, LIFE, &[1, 5, 6, 7, 8, 9]);
    see(&mut two, &id, LIFE, &[1, 5, 6, 7, 8, 10]);
    say(&mut one, &mut two, &id);
    assert_eq!(told(&mut two, &id), Some(split(&mut one, &id)), "and from then on they compare again");
}

#[test]
fn atk_2_a_device_that_says_nonsense_is_told_takes_no_room_and_ends_with_its_removal() {
    let (mut one, mut two, id) = two();
    see(&mut two, &id, LIFE, &[1, 2]);
    let thief = one.record(&id).device();
    for store_epoch in [9, 8, u64::MAX, 1] {
        for length in [1, 2, 19_u8] {
            let nonsense: Vec<u8> = (0..length).map(|n| n.wrapping_add(60)).collect();
            see(&mut one, &id, Life { store_epoch, ..LIFE }, &nonsense);
            say(&mut one, &mut two, &id);
            see(&mut two, &id, LIFE, &[1, 2]);
        }
    }
    assert!(told(&mut two, &id).is_some());
    let claims = two.record(&id).claims().unwrap();
    assert!(claims.len() <= 2, "one of each device and log: {}", claims.len());
    assert_eq!(labels(&two.record(&id)).len(), 12, "nothing of what it wrote is refused");
    two.record(&id).forget_relay().unwrap();
    two.record(&id).remove_device(&thief, crate::devices::RemovalReason::Stolen).unwrap();
    see(&mut two, &id, LIFE, &[1, 2]);
    exchange(&mut one, &mut two, &id);
    see(&mut two, &id, LIFE, &[1, 2, 3]);
    assert_eq!((told(&mut two, &id), two.record(&id).claims().unwrap().len()), (None, 0));
}

#[test]
fn what_was_seen_is_said_once_and_points_are_kept_within_their_bound() {
    let (mut one, mut two, id) = two();
    let said = |device: &mut Device| {
        let record = device.record(&id);
        let reader = record.store.read().unwrap();
        let envelopes = reader.prefix(crate::tables::ENVELOPE, &Key::of(&id)).unwrap();
        let with = envelopes.filter(|row| {
            let bytes = &row.as_ref().unwrap().1[128..];
            carnet_protocol::envelope::Envelope::decode(bytes).unwrap().header.with_checkpoint
        });
        with.count()
    };
    one.record(&id).add(&allergy("Latex")).unwrap();
    assert_eq!(said(&mut one), 0, "no relay was seen");
    see(&mut one, &id, LIFE, &[1]);
    for _ in 0..3 {
        one.record(&id).add(&allergy("Latex")).unwrap();
    }
    assert_eq!(said(&mut one), 1, "once");
    see(&mut one, &id, LIFE, &[1]);
    one.record(&id).add(&allergy("Latex")).unwrap();
    assert_eq!(said(&mut one), 1, "nothing is new");
    let long: Vec<u8> = (0..2_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    see(&mut one, &id, LIFE, &long);
    one.record(&id).add(&allergy("Latex")).unwrap();
    assert_eq!(said(&mut one), 2);
    let rows = |device: &mut Device, table| {
        device.record(&id).store.read().unwrap().prefix(table, &Key::of(&id)).unwrap().count()
    };
    let sections = one.record(&id).live.sections.len();
    let own = one.record(&id).device();
    assert!(one.record(&id).sections_for(&own).len() <= sections + 2);
    let logs = one.record(&id).sections_for(&own).len();
    assert_eq!(rows(&mut one, LOG_POINT), 1_024 * logs + MEMBERSHIP.len());
    see(&mut two, &id, LIFE, &[1]);
    exchange(&mut one, &mut two, &id);
    assert_eq!(rows(&mut two, CLAIM), 1);
    // What lies below what is kept is not known any more, and accuses nobody.
    two.record(&id).add(&allergy("Latex")).unwrap();
    see(&mut two, &id, LIFE, &[9]);
    two.record(&id).add(&allergy("Latex")).unwrap();
    exchange(&mut two, &mut one, &id);
    assert_eq!(told(&mut one, &id), None);
}

#[test]
fn atk_24_of_sections_that_a_relay_makes_up_no_place_is_kept() {
    let mut one = Device::new(3);
    let id = one.begin().record;
    see(&mut one, &id, LIFE, &[1, 2]);
    let rows = |device: &mut Device| {
        device.record(&id).store.read().unwrap().prefix(LOG_POINT, &Key::of(&id)).unwrap().count()
    };
    let kept = rows(&mut one);
    for round in 0..3 {
        let made_up: Vec<_> = (0..50).map(|n| (SectionId([round * 50 + n; 16]), heads(&[7])[0])).collect();
        let known =
            KnownHeads { membership: heads(&MEMBERSHIP).last().copied(), sections: made_up.iter().copied().collect() };
        let memory = RelayMemory { store_epoch: LIFE.store_epoch, heads: known, checkpoint: None };
        let points = made_up.iter().map(|(section, head)| (Some(*section), *head)).collect();
        let relay = SigningKey::from_seed(&[LIFE.relay; 32]).public();
        one.record(&id).remember_relay(&Followed { relay, memory, points, awaited: Vec::new() }).unwrap();
    }
    assert_eq!(rows(&mut one), kept);
}

/// What an envelope of the device would say of its life, if it says anything.
fn life_said(device: &mut Device, id: &RecordId) -> Option<LogLife> {
    let own = device.record(id).device();
    let section = device.record(id).sections_for(&own)[0];
    let said = device.record(id).commit(|record, writer| {
        record.say_seen_again(writer)?;
        record.seen_to_say(writer, &section)
    });
    said.unwrap().map(|seen| seen.life)
}

/// An envelope of another device says that it saw this, in that life.
fn hear(device: &mut Device, id: &RecordId, from: DeviceId, life: LogLife, log: &[u8]) {
    let own = device.record(id).device();
    let section = device.record(id).sections_for(&own)[0];
    let place = |ids: &[u8]| {
        heads(ids).last().map_or_else(SeenPosition::default, |head| {
            let position = u32::try_from(head.position).unwrap();
            SeenPosition { position, chain: *head.chain.first_chunk().unwrap() }
        })
    };
    let seen = Seen { life, membership: place(&MEMBERSHIP), section: place(log) };
    device.record(id).commit(|record, writer| record.note_seen(writer, from, section, &seen)).unwrap();
}

fn log_life(life: Life, trusted_again: u32) -> LogLife {
    let relay = *SigningKey::from_seed(&[life.relay; 32]).public().0.first_chunk().unwrap();
    LogLife { relay, store_epoch: life.store_epoch, trusted_again }
}

#[test]
fn who_hears_that_a_relay_is_trusted_again_says_nothing_of_what_it_saw_before() {
    let (mut one, mut two, id) = two();
    see(&mut one, &id, LIFE, &[1, 2, 3]);
    see(&mut two, &id, LIFE, &[1, 2, 3, 4]);
    one.record(&id).forget_relay().unwrap();
    see(&mut one, &id, LIFE, &[1, 5, 6, 7, 8]);
    say(&mut one, &mut two, &id);
    // It has not asked the relay since: all that it remembers is of the store that was lost.
    let mut two = two.reopen();
    assert_eq!(life_said(&mut two, &id), None);
    say(&mut two, &mut one, &id);
    assert_eq!((told(&mut one, &id), told(&mut two, &id)), (None, None));
    see(&mut two, &id, LIFE, &[1, 5, 6, 7, 8, 9]);
    assert_eq!(life_said(&mut two, &id), Some(log_life(LIFE, 1)));
}

#[test]
fn atk_2_what_a_device_says_cannot_use_up_how_often_a_person_may_trust_a_relay_again() {
    let (mut one, mut two, id) = two();
    let thief = one.record(&id).device();
    see(&mut two, &id, LIFE, &[1, 2]);
    for trusted_again in [u32::MAX, u32::MAX - 1, 1_025] {
        hear(&mut two, &id, thief, log_life(LIFE, trusted_again), &[1, 7, 8]);
        see(&mut two, &id, LIFE, &[1, 2]);
        assert_eq!(
            (told(&mut two, &id), two.record(&id).claims().unwrap().len()),
            (None, 0),
            "it is out of all reason"
        );
        assert_eq!(life_said(&mut two, &id), Some(log_life(LIFE, 0)));
    }
    hear(&mut two, &id, thief, log_life(LIFE, 1_024), &[1]);
    see(&mut two, &id, LIFE, &[1, 2]);
    assert_eq!(life_said(&mut two, &id), Some(log_life(LIFE, 1_024)));
    two.record(&id).forget_relay().unwrap();
    see(&mut two, &id, LIFE, &[1, 2]);
    assert_eq!(life_said(&mut two, &id), Some(log_life(LIFE, 1_025)), "a person's word still counts");
}

#[test]
fn atk_2_what_a_device_said_of_another_history_ends_with_its_removal() {
    let (mut one, mut two, id) = two();
    let thief = one.record(&id).device();
    see(&mut two, &id, LIFE, &[1, 2]);
    hear(&mut two, &id, thief, log_life(LIFE, 0), &[1, 7]);
    see(&mut two, &id, LIFE, &[1, 2, 3]);
    assert_eq!(told(&mut two, &id), Some((ContradictionKind::Split, thief)));
    two.record(&id).remove_device(&thief, crate::devices::RemovalReason::Stolen).unwrap();
    hear(&mut two, &id, thief, log_life(LIFE, 0), &[1, 7]);
    see(&mut two, &id, LIFE, &[1, 2, 3]);
    assert_eq!(told(&mut two, &id), None);
}

#[test]
fn atk_2_a_device_that_lies_again_and_again_makes_others_write_one_line_a_day() {
    let (mut one, mut two, id) = two();
    let thief = one.record(&id).device();
    let lines = |device: &mut Device| {
        let lines = device.record(&id).ledger().unwrap();
        lines.iter().filter(|line| line.kind == LedgerKind::RelayContradicted).count()
    };
    let log: Vec<u8> = (1..=20).collect();
    for at in 1..log.len() {
        hear(&mut two, &id, thief, log_life(LIFE, 0), &log[..=at]);
        see(&mut two, &id, LIFE, &log[..at]);
        assert_eq!(told(&mut two, &id), Some((ContradictionKind::Withheld, thief)));
        assert!(two.record(&id).contradiction_to_tell().unwrap().is_some(), "a person is told each time");
        see(&mut two, &id, LIFE, &log[..=at]);
        assert_eq!(told(&mut two, &id), None);
    }
    assert_eq!(lines(&mut two), 1);
    two.clock.0.fetch_add(24 * 60 * 60 * 1_000, Ordering::Relaxed);
    hear(&mut two, &id, thief, log_life(LIFE, 0), &[1, 7]);
    assert!(two.record(&id).contradiction_to_tell().unwrap().is_some());
    assert_eq!(lines(&mut two), 2);
}
