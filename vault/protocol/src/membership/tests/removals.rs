use super::world::*;
use crate::{
    checkpoint::{Checkpoint, Head},
    limits::CITED_CHECKPOINT_AGE_MS_MAX,
    membership::{
        Class, NotAdmitted, OpStatus, Role, Scope,
        body::{Adopted, Body, CitedCheckpoint, Removal, RootClass, Target},
    },
};

#[test]
fn atk_9_a_stolen_owner_phone_that_is_receipted_later_loses() {
    let mut world = World::with_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let heads = world.log.heads();
    // The thief signs first and back-dates, but the relay sees the owner first.
    let theirs = world.say_after(&phone, &heads, remove(&[Target::Device(owner.id)]));
    let ours = world.say_after(&owner, &heads, remove(&[Target::Device(phone.id)]));
    world.receive(ours);
    world.receive(theirs);
    let membership = world.membership();
    assert_eq!(membership.status(&ours), Some(OpStatus::Counts));
    assert_eq!(membership.status(&theirs), Some(OpStatus::Voided));
    assert!(membership.is_owner(&owner.id));
    assert!(!membership.device(&phone.id).unwrap().is_live);
    assert_eq!(membership.removals().len(), 1);
    assert!(membership.removals()[0].is_settled);
}

#[test]
fn atk_9_the_root_wins_where_the_thief_was_first() {
    let mut world = World::with_relay();
    let (owner, root) = (world.owner, world.root);
    let phone = world.second(2);
    let heads = world.log.heads();
    let theirs = world.say_after(&phone, &heads, remove(&[Target::Device(owner.id)]));
    world.receive(theirs);
    let ours = world.say_after(&owner, &heads, remove(&[Target::Device(phone.id)]));
    world.receive(ours);
    assert!(world.membership().is_owner(&phone.id));
    assert!(!world.membership().is_owner(&owner.id));
    // The owner takes out the sheet: one operation ends the thief, whatever was receipted before.
    let fresh = Who::beside(3, &owner);
    let body = recover(removal(&[Target::Device(phone.id)]), &fresh, Vec::new(), vec![theirs]);
    let recovery = world.say(&root, body);
    let membership = world.membership();
    assert_eq!(membership.status(&recovery), Some(OpStatus::Counts));
    assert_eq!(membership.status(&theirs), Some(OpStatus::Voided));
    assert!(membership.is_owner(&fresh.id));
    assert!(membership.is_owner(&owner.id), "the voided removal never counted");
    assert!(!membership.is_owner(&phone.id));
}

#[test]
fn atk_9_without_a_relay_two_owners_never_lock_each_other_out() {
    for swap in [false, true] {
        let mut world = World::without_relay();
        let owner = world.owner;
        let phone = world.second(2);
        let heads = world.log.heads();
        let (first, second) = if swap { (phone, owner) } else { (owner, phone) };
        world.say_after(&first, &heads, remove(&[Target::Device(second.id)]));
        world.say_after(&second, &heads, remove(&[Target::Device(first.id)]));
        let membership = world.membership();
        let left = [owner, phone].iter().filter(|device| membership.is_owner(&device.id)).count();
        assert_eq!(left, 1);
        assert!(membership.is_owner(&owner.id), "the device of the genesis is senior");
    }
}

#[test]
fn atk_10_an_accomplice_granted_beside_the_removal_is_void() {
    let mut world = World::with_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let heads = world.log.heads();
    let accomplice = Who::new(11);
    let granted = world.say_after(&manager, &heads, grant(&accomplice, Role::Writer, &[(NOTES, Scope::WRITE)]));
    let added = world.say_after(&manager, &[granted], accomplice.add());
    let removal = world.say_after(&owner, &heads, remove(&[Target::Principal(manager.principal)]));
    for receipted in [false, true] {
        if receipted {
            world.receive(removal);
            world.receive(granted);
            world.receive(added);
        }
        let membership = world.membership();
        assert_eq!(membership.status(&granted), Some(OpStatus::Voided));
        assert_eq!(membership.status(&added), Some(OpStatus::Voided));
        assert!(!membership.may(&accomplice.id, &NOTES, Scope::READ));
        assert!(!membership.may(&manager.id, &NOTES, Scope::READ));
    }
    // What the accomplice says itself falls with it.
    let further = Who::beside(12, &accomplice);
    let op = world.say_after(&accomplice, &[added], further.add());
    assert_eq!(world.membership().status(&op), Some(OpStatus::Voided));
}

#[test]
fn no_removal_undoes_what_was_receipted_before_it() {
    let mut world = World::with_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let heads = world.log.heads();
    let patient = Who::new(11);
    let granted = world.say_after(&manager, &heads, grant(&patient, Role::Reader, &[(NOTES, Scope::READ)]));
    let added = world.say_after(&manager, &[granted], patient.add());
    world.receive(granted);
    world.receive(added);
    let removal = world.say_after(&owner, &heads, remove(&[Target::Principal(manager.principal)]));
    assert!(world.membership().may(&patient.id, &NOTES, Scope::READ), "a removal without receipt spares it");
    world.receive(removal);
    assert!(world.membership().may(&patient.id, &NOTES, Scope::READ));
    assert!(!world.membership().may(&manager.id, &NOTES, Scope::READ));
}

#[test]
fn atk_31_a_stale_removal_is_signed_again_and_undoes_nothing_receipted() {
    let mut world = World::with_relay();
    let (owner, relay) = (world.owner, signing_key(200));
    let tablet = world.second(2);
    let old = world.log.heads();
    let later = world.say_after(&tablet, &old, Who::beside(3, &owner).add());
    world.receive(later);
    let now = world.now().plus(CITED_CHECKPOINT_AGE_MS_MAX);
    let cite = |time| {
        let sections = std::collections::BTreeMap::from([(NOTES, Head::START.append(&[1; 32]))]);
        let root = crate::checkpoint::root(&sections);
        let record = world.record();
        let checkpoint = Checkpoint { record, store_epoch: 0, time, membership: Head::START, root }.sign(&relay);
        Some(CitedCheckpoint::of(checkpoint, &sections, |_| true))
    };
    let (stale, fresh) = (cite(carnet_crypto::door::UnixMillis(now.0 - CITED_CHECKPOINT_AGE_MS_MAX - 1)), cite(now));
    for (cited, expected) in
        [(None, Err(NotAdmitted::StaleCheckpoint)), (stale, Err(NotAdmitted::StaleCheckpoint)), (fresh, Ok(()))]
    {
        let mut world = world.clone();
        let body = Body::Remove(Removal { cited, ..removal(&[Target::Device(tablet.id)]) });
        let op = world.say_after(&owner, &old, body);
        world.receive(op);
        let membership = world.membership();
        assert_eq!(membership.admit(world.log.op(&op).unwrap(), now), expected);
        assert_eq!(membership.status(&later), Some(OpStatus::Counts), "receipted before it");
    }
}

#[test]
fn fault_e4_after_the_last_owner_is_removed_only_the_root_brings_one_back() {
    let mut world = World::with_relay();
    let (owner, root) = (world.owner, world.root);
    let op = world.say(&owner, remove(&[Target::Principal(owner.principal)]));
    world.receive(op);
    let membership = world.membership();
    assert_eq!(membership.status(&op), Some(OpStatus::Counts));
    assert_eq!(membership.principals().count(), 0);
    let late = world.say(&owner, Who::beside(2, &owner).add());
    assert_eq!(world.membership().status(&late), Some(OpStatus::NeverCounted));
    let fresh = Who::new(5);
    let body = recover(removal(&[]), &fresh, Vec::new(), Vec::new());
    world.say(&root, body);
    let membership = world.membership();
    assert!(membership.is_owner(&fresh.id));
    assert!(!membership.is_owner(&owner.id));
    assert_eq!(membership.removals()[0].class, Class::Paper);
}

#[test]
fn a_manager_removes_those_it_granted_and_no_others() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let own = world.delegate(&manager, 11, Role::Reader, &[(NOTES, Scope::READ)]);
    let other = world.delegate(&owner, 12, Role::Reader, &[(NOTES, Scope::READ)]);
    let shared = world.delegate(&manager, 13, Role::Reader, &[(NOTES, Scope::READ)]);
    world.say(&owner, grant(&shared, Role::Reader, &[(LETTERS, Scope::READ)]));
    for (target, expected) in [
        (Target::Principal(other.principal), OpStatus::NeverCounted),
        (Target::Device(other.id), OpStatus::NeverCounted),
        (Target::Device(owner.id), OpStatus::NeverCounted),
        (Target::Device(world.root.id), OpStatus::NeverCounted),
        (Target::Principal(shared.principal), OpStatus::NeverCounted),
        (Target::Principal(own.principal), OpStatus::Counts),
    ] {
        let op = world.say(&manager, remove(&[target]));
        assert_eq!(world.membership().status(&op), Some(expected), "{target:?}");
    }
    let hiding = Body::Remove(Removal { hidden: 1, ..removal(&[Target::Device(manager.id)]) });
    let op = world.say(&manager, hiding);
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted), "only owners and the root may hide");
    let op = world.say(&manager, remove(&[Target::Principal(manager.principal)]));
    assert_eq!(world.membership().status(&op), Some(OpStatus::Counts), "anyone may leave");
}

#[test]
fn nobody_but_the_root_removes_a_root() {
    let mut world = World::without_relay();
    let (owner, root) = (world.owner, world.root);
    for target in [Target::Device(root.id), Target::Principal(root.principal)] {
        let op = world.say(&owner, remove(&[target]));
        assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    }
    assert_eq!(world.membership().device(&root.id).unwrap().root, Some(RootClass::Paper));
}

#[test]
fn a_removal_that_was_decided_is_not_reached_by_a_later_one() {
    // The owner removes a manager and, beside it, itself: whichever comes first in order, both count.
    let mut world = World::without_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let heads = world.log.heads();
    let others = world.say_after(&owner, &heads, remove(&[Target::Principal(manager.principal)]));
    let own = world.say_after(&owner, &heads, remove(&[Target::Principal(owner.principal)]));
    let membership = world.membership();
    let counted: Vec<_> = membership.removals().iter().map(|removal| removal.op).collect();
    let statuses = [others, own].map(|op| membership.status(&op));
    assert_eq!(membership.status(&own), Some(OpStatus::Counts));
    assert_eq!(counted.len(), statuses.iter().filter(|status| **status == Some(OpStatus::Counts)).count());
}

#[test]
fn a_root_ends_by_new_keys_only_and_paper_may_end_the_quorum() {
    let mut world = World::without_relay();
    let (owner, root) = (world.owner, world.root);
    let op = world.say(&root, remove(&[Target::Device(root.id)]));
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted), "else nobody could act any more");
    let quorum = Who::new(110);
    let body = recover(removal(&[]), &Who::beside(3, &owner), vec![quorum.root_key(RootClass::Quorum)], vec![]);
    world.say(&root, body);
    let op = world.say(&quorum, remove(&[Target::Principal(root.principal)]));
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    let op = world.say(&root, remove(&[Target::Principal(quorum.principal)]));
    assert_eq!(world.membership().status(&op), Some(OpStatus::Counts));
    assert_eq!(world.membership().device(&quorum.id).unwrap().root, None);
}

#[test]
fn new_root_keys_end_the_old_ones() {
    let mut world = World::with_relay();
    let (owner, root) = (world.owner, world.root);
    let heads = world.log.heads();
    let (sheet, fresh) = (Who::new(101), Who::beside(3, &owner));
    let body = recover(removal(&[]), &fresh, vec![sheet.root_key(RootClass::Paper)], Vec::new());
    let recovery = world.say_after(&root, &heads, body);
    world.receive(recovery);
    // The old sheet was seen by someone, who uses it as if nothing had happened.
    let thief = Who::new(66);
    let body = recover(removal(&[Target::Principal(owner.principal)]), &thief, Vec::new(), vec![recovery]);
    let theft = world.say_after(&root, &heads, body.clone());
    world.receive(theft);
    let after = world.say(&root, body);
    let membership = world.membership();
    assert_eq!(membership.status(&recovery), Some(OpStatus::Counts));
    assert_eq!(membership.status(&theft), Some(OpStatus::Voided));
    assert_eq!(membership.status(&after), Some(OpStatus::NeverCounted));
    assert!(membership.is_owner(&owner.id) && membership.is_owner(&fresh.id));
    assert!(!membership.device(&thief.id).unwrap().is_live);
    let readers: Vec<_> = membership.readers(&NOTES).iter().map(|reader| reader.device).collect();
    assert!(readers.contains(&sheet.id) && !readers.contains(&root.id));
    assert_eq!(membership.device(&root.id).unwrap().root, None);
    let body = recover(removal(&[Target::Device(owner.id)]), &Who::new(7), Vec::new(), Vec::new());
    let op = world.say(&sheet, body);
    assert_eq!(world.membership().status(&op), Some(OpStatus::Counts));
}

#[test]
fn paper_outranks_the_quorum() {
    let mut world = World::without_relay();
    let (owner, root) = (world.owner, world.root);
    let quorum = Who::new(110);
    let body = recover(removal(&[]), &Who::beside(3, &owner), vec![quorum.root_key(RootClass::Quorum)], vec![]);
    world.say(&root, body);
    let heads = world.log.heads();
    let theirs = recover(removal(&[]), &Who::new(66), vec![Who::new(111).root_key(RootClass::Paper)], vec![]);
    let theirs = world.say_after(&quorum, &heads, theirs);
    assert_eq!(world.membership().status(&theirs), Some(OpStatus::Counts), "the family replaces a lost sheet");
    let ours = recover(removal(&[]), &Who::beside(4, &owner), Vec::new(), vec![theirs]);
    let ours = world.say_after(&root, &heads, ours);
    let membership = world.membership();
    assert_eq!(membership.status(&ours), Some(OpStatus::Counts));
    assert_eq!(membership.status(&theirs), Some(OpStatus::Voided), "whoever still has the sheet decides");
    assert_eq!(membership.device(&root.id).unwrap().root, Some(RootClass::Paper));
}

#[test]
fn a_relay_is_changed_by_its_own_receipt_or_by_the_root() {
    let mut world = World::with_relay();
    let (owner, root) = (world.owner, world.root);
    let change = world.say(&owner, Body::SetRelay(relay_keys(201)));
    assert_eq!(world.membership().relay().unwrap().signing, relay_keys(200).signing, "not without a receipt");
    world.receive(change);
    assert_eq!(world.membership().relay().unwrap().signing, relay_keys(201).signing);
    // The second relay has vanished: the root names a third without it.
    world.say(&owner, Body::SetRelay(relay_keys(202)));
    assert_eq!(world.membership().relay().unwrap().signing, relay_keys(201).signing);
    world.say(&root, Body::SetRelay(relay_keys(203)));
    assert_eq!(world.membership().relay().unwrap().signing, relay_keys(203).signing);
    // Nor does the first come back under its old key.
    world.say(&root, Body::SetRelay(relay_keys(200)));
    assert_eq!(world.membership().relay().unwrap().signing, relay_keys(203).signing);
}

#[test]
fn a_void_operation_stands_again_when_an_owner_adopts_it() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let heads = world.log.heads();
    let patient = Who::new(11);
    let granted = world.say_after(&manager, &heads, grant(&patient, Role::Reader, &[(NOTES, Scope::READ)]));
    let added = world.say_after(&manager, &[granted], patient.add());
    world.say_after(&owner, &heads, remove(&[Target::Principal(manager.principal)]));
    assert!(!world.membership().may(&patient.id, &NOTES, Scope::READ));
    // The removed cannot vouch for what it did.
    world.say_after(&manager, &[added], Body::Adopt(vec![Adopted::Op(granted)]));
    assert!(!world.membership().may(&patient.id, &NOTES, Scope::READ));
    let mut both = vec![Adopted::Op(granted), Adopted::Op(added)];
    both.sort_unstable();
    world.say(&owner, Body::Adopt(both));
    assert!(world.membership().may(&patient.id, &NOTES, Scope::READ));
}

#[test]
fn an_accomplice_cannot_adopt_itself_into_the_record() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let heads = world.log.heads();
    let accomplice = Who::beside(3, &owner);
    let added = world.say_after(&phone, &heads, accomplice.add());
    world.say_after(&owner, &heads, remove(&[Target::Device(phone.id)]));
    world.say_after(&accomplice, &[added], Body::Adopt(vec![Adopted::Op(added)]));
    world.say(&accomplice, Body::Adopt(vec![Adopted::Op(added)]));
    assert!(!world.membership().is_owner(&accomplice.id));
}

#[test]
fn a_removed_device_comes_back_only_by_whoever_knows_of_the_removal() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let phone = world.second(2);
    let heads = world.log.heads();
    world.say_after(&owner, &heads, remove(&[Target::Device(phone.id)]));
    let again = Who { incarnation: carnet_crypto::id::Incarnation([50; 8]), ..phone };
    world.say_after(&owner, &heads, again.add());
    assert!(!world.membership().is_owner(&phone.id), "a removal beats an addition that did not see it");
    world.say(&owner, again.add());
    assert!(world.membership().is_owner(&phone.id));
}

#[test]
fn the_record_ends_by_the_root_alone() {
    let mut world = World::without_relay();
    let (owner, root) = (world.owner, world.root);
    world.say(&owner, Body::End);
    assert!(!world.membership().is_ended());
    world.say(&root, Body::End);
    assert!(world.membership().is_ended());
}
