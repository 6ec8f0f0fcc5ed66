use carnet_crypto::{door::UnixMillis, id::EpochId};

use super::world::*;
use crate::membership::{
    OpStatus, Recipient, Role, Scope,
    body::{Body, Rekey, SectionRekey, Target, Wrap, WrapTarget},
    detached::kem_hash,
    recipients_digest,
};

#[test]
fn a_section_begins_and_rotates_and_the_highest_epoch_is_written_under() {
    let mut world = World::without_relay();
    let owner = world.owner;
    assert!(world.membership().writable_epoch(&NOTES, |_| true).is_none());
    let (_, first) = world.rekey(&owner, &[NOTES, LETTERS]);
    let (_, second) = world.rekey(&owner, &[NOTES]);
    let membership = world.membership();
    let epoch = membership.writable_epoch(&NOTES, |_| true).unwrap();
    assert_eq!((epoch.id, epoch.height, epoch.has_ladder), (second, 2, true));
    assert_eq!(epoch.parents, [first]);
    let held = membership.writable_epoch(&NOTES, |id| *id == first).unwrap();
    assert_eq!(held.id, first, "an epoch whose key is not held is skipped");
    assert_eq!(membership.epochs(&LETTERS).len(), 1);
    assert_eq!(membership.epochs_hinted(&NOTES, crate::envelope::hint(&second.0)).count(), 1);
}

#[test]
fn after_a_removal_nothing_is_written_until_somebody_rotates() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let writer = world.delegate(&owner, 10, Role::Writer, &[(NOTES, Scope::WRITE)]);
    let phone = world.second(2);
    world.rekey(&owner, &[NOTES]);
    assert!(world.membership().writable_epoch(&NOTES, |_| true).is_some());
    world.say(&owner, remove(&[Target::Device(phone.id)]));
    assert!(world.membership().writable_epoch(&NOTES, |_| true).is_none());
    let (op, epoch) = world.rekey(&writer, &[NOTES]);
    let membership = world.membership();
    assert_eq!(membership.status(&op), Some(OpStatus::Counts), "any writer may");
    let writable = membership.writable_epoch(&NOTES, |_| true).unwrap();
    assert_eq!(writable.id, epoch);
    assert!(!writable.recipients.contains(&phone.id) && writable.recipients.contains(&world.root.id));
}

#[test]
fn atk_14_a_rekey_for_others_than_the_readers_or_their_keys_does_not_count() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let honest = world.membership().readers(&NOTES);
    let outsider = Recipient { device: Who::new(66).id, kem: kem_hash(b"outsider") };
    let mut false_key = honest.clone();
    false_key.iter_mut().filter(|one| one.device == phone.id).for_each(|one| one.kem = kem_hash(b"of the relay"));
    let mut one_more = honest.clone();
    one_more.push(outsider);
    one_more.sort();
    let one_less: Vec<_> = honest.iter().filter(|one| one.device != phone.id).copied().collect();
    for (recipients, expected) in [
        (false_key, OpStatus::NeverCounted),
        (one_more, OpStatus::NeverCounted),
        (one_less, OpStatus::NeverCounted),
        (honest, OpStatus::Counts),
    ] {
        let rekey = Rekey {
            sections: vec![SectionRekey {
                section: NOTES,
                parents: Vec::new(),
                epoch: EpochId(recipients_digest(&[(NOTES, recipients.clone())])),
                ladder: None,
                inbox: None,
            }],
            recipients: recipients_digest(&[(NOTES, recipients)]),
            wraps: [0; 32],
        };
        let op = world.say(&owner, Body::Rekey(rekey));
        let membership = world.membership();
        assert_eq!(membership.status(&op), Some(expected));
        assert_eq!(membership.writable_epoch(&NOTES, |_| true).is_some(), expected == OpStatus::Counts);
    }
}

#[test]
fn a_rekey_needs_the_right_on_every_section_and_parents_that_exist() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let writer = world.delegate(&owner, 10, Role::Writer, &[(NOTES, Scope::WRITE), (LETTERS, Scope::READ)]);
    let (begins, _) = world.rekey_body(&[NOTES], 5);
    let op = world.say(&writer, begins);
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted), "only an owner begins a section");
    world.rekey(&owner, &[NOTES, LETTERS]);
    let (both, _) = world.rekey_body(&[NOTES, LETTERS], 6);
    let op = world.say(&writer, both);
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    let (mut orphan, _) = world.rekey_body(&[NOTES], 7);
    if let Body::Rekey(rekey) = &mut orphan {
        rekey.sections[0].parents = vec![EpochId([0xee; 32])];
    }
    let op = world.say(&owner, orphan);
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
}

#[test]
fn concurrent_rekeys_both_count_and_everybody_chooses_the_same() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    world.rekey(&owner, &[NOTES]);
    let heads = world.log.heads();
    let ((one, first), (other, second)) = (world.rekey_body(&[NOTES], 8), world.rekey_body(&[NOTES], 9));
    world.say_after(&owner, &heads, one);
    world.say_after(&phone, &heads, other);
    let membership = world.membership();
    assert_eq!(membership.writable_epoch(&NOTES, |_| true).unwrap().id, first.max(second));
    let plan = membership.rekey_plan(&[NOTES], world.now(), |_, _| true);
    assert_eq!(plan.parents[0].1.len(), 2, "the next one follows both");
}

#[test]
fn a_wrap_makes_a_recipient_and_a_stranger_gets_none() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let (_, epoch) = world.rekey(&owner, &[NOTES]);
    let phone = world.second(2);
    let wrap =
        |who: &Who, part| Body::Wrap(Wrap { target: WrapTarget::Device(who.id), epochs: vec![(NOTES, epoch)], part });
    let request = world.say(&phone, wrap(&phone, None));
    assert_eq!(world.membership().status(&request), Some(OpStatus::Counts));
    assert!(!world.membership().epoch(&NOTES, &epoch).unwrap().recipients.contains(&phone.id));
    let forged = world.say(&owner, wrap(&phone, None));
    assert_eq!(world.membership().status(&forged), Some(OpStatus::NeverCounted), "a request is its sender's own");
    world.say(&owner, wrap(&phone, Some([7; 32])));
    assert!(world.membership().epoch(&NOTES, &epoch).unwrap().recipients.contains(&phone.id));
    let reader = world.delegate(&owner, 10, Role::Reader, &[(LETTERS, Scope::READ)]);
    let op = world.say(&owner, wrap(&reader, Some([8; 32])));
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    // Whoever got a key later and is removed makes the epoch unfit to write under.
    world.say(&owner, remove(&[Target::Device(phone.id)]));
    assert!(world.membership().writable_epoch(&NOTES, |_| true).is_none());
}

#[test]
fn a_cut_leaves_the_epochs_beside_it_behind() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    world.rekey(&owner, &[NOTES]);
    let heads = world.log.heads();
    let ((mut cut, cut_epoch), (beside, beside_epoch)) = (world.rekey_body(&[NOTES], 8), world.rekey_body(&[NOTES], 9));
    if let Body::Rekey(rekey) = &mut cut {
        rekey.sections[0].ladder = None;
    }
    world.say_after(&owner, &heads, cut);
    world.say_after(&phone, &heads, beside);
    let membership = world.membership();
    assert_eq!(membership.writable_epoch(&NOTES, |_| true).unwrap().id, cut_epoch);
    assert!(membership.epoch(&NOTES, &beside_epoch).unwrap().counts);
    assert!(!membership.epoch(&NOTES, &beside_epoch).unwrap().is_current);
}

#[test]
fn an_expired_reader_is_left_out_of_the_next_epoch() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let end = UnixMillis(START + 5_000);
    let doctor = Who::new(10);
    let body = crate::membership::body::Grant {
        not_after: Some(end),
        ..grant_body(&doctor, Role::Reader, &[(NOTES, Scope::READ)])
    };
    world.say(&owner, Body::Grant(body));
    world.say(&owner, doctor.add());
    let (_, early) = world.rekey(&owner, &[NOTES]);
    for _ in 0..3 {
        world.say(&owner, Body::Join);
    }
    let (op, late) = world.rekey(&owner, &[NOTES]);
    let membership = world.log.evaluate(&world.receipts, Some(world.now()));
    assert_eq!(membership.status(&op), Some(OpStatus::Counts));
    let has = |epoch| membership.epoch(&NOTES, epoch).unwrap().recipients.contains(&doctor.id);
    assert!(has(&early) && !has(&late));
    assert_eq!(membership.writable_epoch(&NOTES, |_| true).unwrap().id, late);
}

#[test]
fn a_recovery_wraps_to_the_readers_it_leaves() {
    let mut world = World::without_relay();
    let (owner, root) = (world.owner, world.root);
    let phone = world.second(2);
    let (_, first) = world.rekey(&owner, &[NOTES]);
    let fresh = Who::beside(3, &owner);
    let mut body = recover(removal(&[Target::Device(phone.id)]), &fresh, Vec::new(), Vec::new());
    let draft = world.log.draft(root.id, UnixMillis(START + 60_000), body.clone());
    let readers = world.log.readers_after(draft, &world.receipts, &[NOTES]).unwrap();
    let devices: Vec<_> = readers[0].1.iter().map(|reader| reader.device).collect();
    assert!(devices.contains(&fresh.id) && devices.contains(&owner.id) && !devices.contains(&phone.id));
    if let Body::Recover(recover) = &mut body {
        recover.rekey = Rekey {
            sections: vec![SectionRekey {
                section: NOTES,
                parents: vec![first],
                epoch: EpochId([0xaa; 32]),
                ladder: Some(vec![[0; 48]]),
                inbox: None,
            }],
            recipients: recipients_digest(&readers),
            wraps: [0; 32],
        };
    }
    world.say(&root, body);
    let membership = world.membership();
    assert_eq!(membership.writable_epoch(&NOTES, |_| true).unwrap().id, EpochId([0xaa; 32]));
}
