use carnet_crypto::door::UnixMillis;

use super::world::*;
use crate::membership::{
    NotAdmitted, OpStatus, Role, Scope,
    body::{Body, DeviceAdd, Grant, Target},
};

#[test]
fn the_owner_may_everything_and_the_root_reads() {
    let world = World::with_relay();
    let membership = world.membership();
    assert!(membership.is_owner(&world.owner.id));
    assert!(membership.may(&world.owner.id, &NOTES, Scope::ALL));
    assert_eq!(membership.scope(&world.root.id, &NOTES), Scope::READ);
    assert!(!membership.is_owner(&world.root.id));
    let readers: Vec<_> = membership.readers(&NOTES).iter().map(|reader| reader.device).collect();
    assert_eq!(readers.len(), 2);
    assert!(readers.contains(&world.owner.id) && readers.contains(&world.root.id));
    assert_eq!(membership.genesis_year(), 2026);
    assert_eq!(membership.relay().unwrap().signing, relay_keys(200).signing);
}

#[test]
fn a_delegate_has_exactly_what_was_granted() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let writer = world.delegate(&owner, 10, Role::Writer, &[(NOTES, Scope::WRITE)]);
    let dropper = world.delegate(&owner, 11, Role::Writer, &[(NOTES, Scope::DROP), (LETTERS, Scope::READ)]);
    let membership = world.membership();
    assert!(membership.may(&writer.id, &NOTES, Scope::WRITE));
    assert!(!membership.may(&writer.id, &NOTES, Scope::MANAGE));
    assert!(!membership.may(&writer.id, &LETTERS, Scope::READ));
    assert_eq!(membership.scope(&dropper.id, &NOTES), Scope::DROP);
    let readers = |section| membership.readers(&section).iter().any(|reader| reader.device == dropper.id);
    assert!(!readers(NOTES));
    assert!(readers(LETTERS));
    assert_eq!(membership.principal(&writer.principal).unwrap().role, Role::Writer);
}

#[test]
fn fault_e5_no_delegate_raises_itself_or_another() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let manager = world.delegate(&owner, 10, Role::Manager, &[(NOTES, Scope::MANAGE)]);
    let reader = world.delegate(&owner, 11, Role::Reader, &[(NOTES, Scope::READ)]);
    let stranger = Who::new(12);
    for (who, role, scopes) in [
        (&manager, Role::Owner, &[][..]),
        (&manager, Role::Manager, &[(NOTES, Scope::MANAGE)][..]),
        (&manager, Role::Writer, &[(LETTERS, Scope::WRITE)][..]),
        (&manager, Role::Writer, &[(NOTES, Scope::MANAGE)][..]),
        (&manager, Role::Reader, &[(NOTES, Scope::WRITE)][..]),
        (&reader, Role::Reader, &[(NOTES, Scope::READ)][..]),
        (&reader, Role::Owner, &[][..]),
        (&world.root.clone(), Role::Owner, &[][..]),
    ] {
        let op = world.say(who, grant(&stranger, role, scopes));
        assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted), "{role:?} {scopes:?}");
    }
    let allowed = world.say(&manager, grant(&stranger, Role::Writer, &[(NOTES, Scope::WRITE.and(Scope::DROP))]));
    assert_eq!(world.membership().status(&allowed), Some(OpStatus::Counts));
    // A device of its own, for another's principal, is nobody's to add.
    let own = Who::beside(13, &owner);
    let op = world.say(&manager, own.add());
    assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    assert_eq!(world.membership().device(&own.id), None);
}

#[test]
fn fault_e3_rights_end_at_their_time_to_the_millisecond_and_none_outlives_its_giver() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let end = UnixMillis(START + 1_000_000);
    let manager = Who::new(10);
    let limited = Grant { not_after: Some(end), ..grant_body(&manager, Role::Manager, &[(NOTES, Scope::MANAGE)]) };
    world.say(&owner, Body::Grant(limited));
    world.say(&owner, manager.add());
    let before = world.log.evaluate(&world.receipts, Some(UnixMillis(end.0 - 1)));
    let after = world.log.evaluate(&world.receipts, Some(end));
    assert!(before.may(&manager.id, &NOTES, Scope::MANAGE));
    assert!(!after.may(&manager.id, &NOTES, Scope::READ));
    assert!(!after.readers(&NOTES).iter().any(|reader| reader.device == manager.id));

    let patient = Who::new(11);
    let longer = [None, Some(UnixMillis(end.0 + 1))];
    for not_after in longer {
        let body = Grant { not_after, ..grant_body(&patient, Role::Reader, &[(NOTES, Scope::READ)]) };
        let op = world.say(&manager, Body::Grant(body));
        assert_eq!(world.membership().status(&op), Some(OpStatus::NeverCounted));
    }
    let body = Grant { not_after: Some(end), ..grant_body(&patient, Role::Reader, &[(NOTES, Scope::READ)]) };
    let op = world.say(&manager, Body::Grant(body));
    assert_eq!(world.membership().status(&op), Some(OpStatus::Counts));
}

#[test]
fn the_first_device_of_a_principal_is_added_by_whoever_granted_and_the_rest_by_itself() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let tablet = world.second(2);
    let doctor = Who::new(10);
    world.say(&owner, grant(&doctor, Role::Reader, &[(NOTES, Scope::READ)]));
    let wrong = world.say(&tablet, doctor.add());
    assert_eq!(world.membership().status(&wrong), Some(OpStatus::NeverCounted));
    assert_eq!(world.membership().device(&doctor.id), None);
    world.say(&owner, doctor.add());
    assert!(world.membership().may(&doctor.id, &NOTES, Scope::READ));
    let second = Who::beside(11, &doctor);
    let by_owner = world.say(&owner, second.add());
    assert_eq!(world.membership().status(&by_owner), Some(OpStatus::NeverCounted));
    world.say(&doctor, second.add());
    let membership = world.membership();
    assert!(membership.may(&second.id, &NOTES, Scope::READ));
    assert_eq!(membership.principal(&doctor.principal).unwrap().devices.len(), 2);
}

#[test]
fn a_device_announces_a_new_incarnation_and_a_new_key_itself() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let mut keys = owner.keys();
    keys.incarnation = carnet_crypto::id::Incarnation([77; 8]);
    keys.generation = 1;
    keys.kem = crate::membership::detached::kem_hash(b"next year");
    world.say(&owner, Body::DeviceAdd(DeviceAdd { principal: owner.principal, keys }));
    let membership = world.membership();
    let device = membership.device(&owner.id).unwrap();
    assert_eq!(device.incarnations.len(), 2);
    assert_eq!((device.generation, device.kem), (1, Some(keys.kem)));
    let reader = membership.readers(&NOTES).into_iter().find(|reader| reader.device == owner.id).unwrap();
    assert_eq!(reader.kem, keys.kem);
}

#[test]
fn devices_beyond_their_places_are_not_admitted_and_a_new_incarnation_takes_no_place() {
    let mut world = World::without_relay();
    let (owner, now) = (world.owner, UnixMillis(START));
    let admit = |world: &World, op| world.membership().admit(world.log.op(&op).unwrap(), now);
    let doctor = world.delegate(&owner, 600, Role::Reader, &[(NOTES, Scope::READ)]);
    for seed in 601..=603 {
        let op = world.say(&doctor, Who::beside(seed, &doctor).add());
        assert_eq!(admit(&world, op), Ok(()));
    }
    let fifth = world.say(&doctor, Who::beside(604, &doctor).add());
    assert_eq!(admit(&world, fifth), Err(NotAdmitted::Devices));
    for seed in 2..=46 {
        let op = world.say(&owner, Who::beside(seed, &owner).add());
        let expected = if seed <= 45 { Ok(()) } else { Err(NotAdmitted::Devices) };
        assert_eq!(admit(&world, op), expected, "{seed}");
        assert_eq!(world.membership().status(&op), Some(OpStatus::Counts), "evaluation knows no limit");
    }
    let mut keys = owner.keys();
    keys.incarnation = carnet_crypto::id::Incarnation([77; 8]);
    let renewed = world.say(&owner, Body::DeviceAdd(DeviceAdd { principal: owner.principal, keys }));
    assert_eq!(admit(&world, renewed), Ok(()));
}

#[test]
fn a_scope_on_one_section_can_be_taken_alone_and_given_again() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let doctor = world.delegate(&owner, 10, Role::Writer, &[(NOTES, Scope::WRITE), (LETTERS, Scope::READ)]);
    world.say(&owner, remove(&[Target::Section(doctor.principal, NOTES)]));
    let membership = world.membership();
    assert_eq!(membership.scope(&doctor.id, &NOTES), Scope::NONE);
    assert!(membership.may(&doctor.id, &LETTERS, Scope::READ));
    let grants = &membership.principal(&doctor.principal).unwrap().grants;
    assert_eq!(grants.iter().map(|grant| grant.scopes.len()).sum::<usize>(), 1);
    world.say(&owner, grant(&doctor, Role::Reader, &[(NOTES, Scope::READ)]));
    assert_eq!(world.membership().scope(&doctor.id, &NOTES), Scope::READ);
}

#[test]
fn two_operations_with_one_counter_both_stand_and_are_shown() {
    let mut world = World::without_relay();
    let owner = world.owner;
    let heads = world.log.heads();
    let first = world.say_after(&owner, &heads, Body::Join);
    let mut clone = world.clone();
    let tablet = Who::beside(2, &owner);
    let second = world.say_after(&owner, &heads, tablet.add());
    assert_eq!(world.membership().duplicated().count(), 0);
    let other = clone.say_after(&owner, &heads, Who::beside(3, &owner).add());
    assert!(matches!(world.log.insert(clone.log.op(&other).unwrap().bytes()), crate::membership::Insert::Inserted(_)));
    let membership = world.membership();
    for op in [first, second, other] {
        assert_eq!(membership.status(&op), Some(OpStatus::Counts));
    }
    assert_eq!(membership.duplicated().collect::<Vec<_>>(), [owner.id]);
}
