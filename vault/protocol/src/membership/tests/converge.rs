//! The same operations and receipts give the same membership, in whatever order they come, and partitions that heal
//! agree.

use std::collections::BTreeSet;

use carnet_crypto::id::OpId;
use proptest::prelude::*;

use super::world::*;
use crate::membership::{
    Judgement, Membership, MembershipLog, OpStatus, Role, Scope,
    body::{Adopted, Body, Target},
};

/// Everything that can be asked of a membership, as text.
fn digest(membership: &Membership, ops: &BTreeSet<OpId>) -> String {
    let status: Vec<_> = ops.iter().map(|op| membership.status(op)).collect();
    let devices: Vec<_> = membership.devices().collect();
    let principals: Vec<_> = membership.principals().collect();
    let sections: Vec<_> = [NOTES, LETTERS]
        .iter()
        .map(|section| {
            let objects: Vec<_> = membership.objects(section).collect();
            (membership.epochs(section), membership.readers(section), objects)
        })
        .collect();
    format!("{status:?} {devices:?} {principals:?} {sections:?} {:?} {:?}", membership.removals(), membership.relay())
}

/// One step of a random story: who, what, about whom, after which heads, and whether the relay stores it.
#[derive(Clone, Debug)]
struct Step {
    who: usize,
    what: u8,
    whom: usize,
    behind: usize,
    receipted: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0..6_usize, 0..12_u8, 0..6_usize, 0..4_usize, any::<bool>())
        .prop_map(|(who, what, whom, behind, receipted)| Step { who, what, whom, behind, receipted })
}

fn cast(world: &World) -> [Who; 6] {
    let owner = world.owner;
    [owner, Who::beside(2, &owner), Who::new(10), Who::new(11), world.root, Who::beside(3, &owner)]
}

fn body(world: &World, step: &Step, by: &Who, whom: &Who, earlier: &[OpId]) -> Body {
    match step.what {
        0 => whom.add(),
        1 => Who::beside(12, by).add(),
        2 => remove(&[Target::Device(whom.id)]),
        3 => remove(&[Target::Principal(whom.principal)]),
        4 => remove(&[Target::Section(whom.principal, NOTES)]),
        5 => grant(whom, Role::Manager, &[(NOTES, Scope::MANAGE)]),
        6 => grant(whom, Role::Writer, &[(NOTES, Scope::WRITE)]),
        7 => grant(whom, Role::Owner, &[]),
        8 => world.rekey_body(&[NOTES], u16::try_from(earlier.len()).unwrap()).0,
        9 => Body::Adopt(vec![Adopted::Op(earlier[step.whom % earlier.len()])]),
        10 => recover(removal(&[Target::Device(whom.id)]), &Who::beside(13, by), Vec::new(), Vec::new()),
        _ => seal(NOTES, &[]),
    }
}

/// Plays the steps, each after what its author may have seen.
fn play(steps: &[Step]) -> World {
    let mut world = World::with_relay();
    let cast = cast(&world);
    // A second device and a manager are there from the start, so that there is something to quarrel about.
    world.say(&cast[0], cast[1].add());
    world.say(&cast[0], grant(&cast[2], Role::Manager, &[(NOTES, Scope::MANAGE)]));
    world.say(&cast[0], cast[2].add());
    let mut heads: Vec<Vec<OpId>> = vec![world.log.heads()];
    let mut said: Vec<OpId> = world.log.ops().map(crate::membership::Op::id).collect();
    for step in steps {
        let (by, whom) = (cast[step.who], cast[step.whom]);
        let seen = heads[heads.len().saturating_sub(1 + step.behind)].clone();
        let body = body(&world, step, &by, &whom, &said);
        let op = world.sign(&by, &seen, body);
        // An author that nothing introduces yet says nothing.
        if let crate::membership::Insert::Inserted(_) = world.log.insert(op.bytes()) {
            said.push(op.id());
            heads.push(if step.behind == 0 { vec![op.id()] } else { world.log.heads().into_iter().take(8).collect() });
            if step.receipted {
                world.receive(op.id());
            }
        }
    }
    world
}

fn rebuilt(world: &World, order: &[usize]) -> MembershipLog {
    let ops: Vec<&[u8]> = world.log.ops().map(crate::membership::Op::bytes).collect();
    let mut log = MembershipLog::new(world.record());
    for index in order {
        let _ = log.insert(ops[index % ops.len()]);
    }
    for bytes in ops {
        let _ = log.insert(bytes);
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fault_e5_atk_7_any_order_of_arrival_gives_the_same_membership(
        steps in prop::collection::vec(step(), 1..24),
        orders in prop::collection::vec(prop::collection::vec(0..64_usize, 0..48), 3),
    ) {
        let world = play(&steps);
        let ops: BTreeSet<OpId> = world.log.ops().map(crate::membership::Op::id).collect();
        let expected = digest(&world.membership(), &ops);
        for order in orders {
            let log = rebuilt(&world, &order);
            prop_assert_eq!(log.len(), world.log.len());
            prop_assert_eq!(digest(&log.evaluate(&world.receipts, None), &ops), expected.clone());
        }
    }

    #[test]
    fn fault_e1_what_counts_was_allowed_and_somebody_can_always_act(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let world = play(&steps);
        let membership = world.membership();
        // The root is always there, and whoever is live has a counted operation that admits it.
        prop_assert!(membership.device(&world.root.id).is_some_and(|root| root.is_live));
        for removal in membership.removals() {
            prop_assert_eq!(membership.status(&removal.op), Some(OpStatus::Counts));
        }
        for device in membership.devices().filter(|device| device.is_live && device.root.is_none()) {
            prop_assert!(membership.principal(&device.principal).is_some());
        }
        for epoch in membership.epochs(&NOTES).iter().filter(|epoch| epoch.is_current) {
            prop_assert!(epoch.counts && epoch.recipients.contains(&world.root.id));
        }
    }

    #[test]
    fn i15_a_receipt_makes_an_operation_safe_from_every_later_removal(
        steps in prop::collection::vec(step(), 1..20),
    ) {
        // Recoveries are left out: the root alone may void what is receipted.
        let steps: Vec<Step> = steps.into_iter().filter(|step| step.what != 10 && step.who != 4).collect();
        let mut world = play(&steps);
        for step in &steps {
            let cast = cast(&world);
            let before: Vec<OpId> = world.membership().counted_ops().into_iter()
                .filter(|op| world.receipts.has(op))
                .collect();
            let heads: Vec<OpId> = world.log.heads().into_iter().take(8).collect();
            let op = world.sign(&cast[step.who], &heads, remove(&[Target::Device(cast[step.whom].id)]));
            if let crate::membership::Insert::Inserted(_) = world.log.insert(op.bytes()) {
                world.receive(op.id());
            }
            let membership = world.membership();
            for op in before {
                prop_assert_eq!(membership.status(&op), Some(OpStatus::Counts));
            }
        }
    }

    #[test]
    fn atk_7_partitions_that_heal_accept_the_same_envelopes(
        steps in prop::collection::vec(step(), 1..16),
        cut in 0..16_usize,
    ) {
        let world = play(&steps);
        let owner = world.owner;
        // One side has only the first operations, the other all; each is then given the rest.
        let half: Vec<usize> = (0..cut.min(world.log.len())).collect();
        let mut one = rebuilt(&world, &half);
        for op in world.log.ops() {
            let _ = one.insert(op.bytes());
        }
        let mut candidates = Vec::new();
        let epochs: Vec<_> = world.membership().epochs(&NOTES).iter().map(|epoch| epoch.id).collect();
        for (number, who) in cast(&world).iter().enumerate() {
            let mut pen = Pen::new(who, NOTES);
            for op in world.log.ops().step_by(3) {
                let epoch = epochs.get(number % epochs.len().max(1)).copied();
                let epoch = epoch.unwrap_or(carnet_crypto::id::EpochId([0; 32]));
                let depends: Vec<_> = candidates.iter().rev().take(1)
                    .map(|last: &crate::membership::Candidate| last.facts.id)
                    .collect();
                candidates.push(pen.write_on(&world, &[op.id()], epoch, &depends, 0));
            }
        }
        let here = world.membership().settle(&candidates);
        candidates.reverse();
        let there = one.evaluate(&world.receipts, None).settle(&candidates);
        prop_assert_eq!(&here, &there);
        let owned = candidates.iter().filter(|one| one.facts.context.device == owner.id);
        prop_assert!(owned.count() > 0);
        prop_assert!(here.values().all(|judgement| !matches!(judgement, Judgement::Pending(_))) || epochs.is_empty());
    }
}

/// A record of some years: forty devices, a removal now and then, a thousand operations.
pub(super) fn long_story() -> World {
    let mut world = World::with_relay();
    let owner = world.owner;
    let mut devices = vec![owner];
    for seed in 2..40 {
        devices.push(if seed % 3 == 0 {
            world.second(seed)
        } else {
            world.delegate(&owner, seed, Role::Writer, &[(NOTES, Scope::WRITE)])
        });
    }
    while world.log.len() < 1000 {
        let who = devices[world.log.len() % devices.len()];
        let op = match world.log.len() % 25 {
            0 if devices.len() > 12 => {
                let gone = devices.pop().unwrap();
                world.say(&owner, remove(&[Target::Device(gone.id)]))
            }
            1 => world.rekey(&owner, &[NOTES]).0,
            _ => world.say(&who, seal(NOTES, &[])),
        };
        world.receive(op);
    }
    world
}

#[test]
fn goal_13_a_thousand_operations_of_some_years_all_count() {
    let world = long_story();
    let membership = world.membership();
    assert_eq!(membership.counted_ops().len(), 1000);
    assert_eq!(membership.devices().filter(|device| device.is_live).count(), 12 + 1);
    assert!(membership.writable_epoch(&NOTES, |_| true).is_some());
}

#[test]
fn a_long_chain_of_devices_exhausts_nothing() {
    let mut world = World::without_relay();
    let phone = world.second(2);
    let mut last = world.owner;
    for seed in 300..1300 {
        let next = Who::beside(seed, &last);
        world.say(&last, next.add());
        last = next;
    }
    // A removal makes every answer be asked again, from the newest device down.
    let removal = world.say(&last, remove(&[Target::Device(phone.id)]));
    let membership = world.membership();
    assert_eq!(membership.status(&removal), Some(OpStatus::Counts));
    assert!(membership.is_owner(&last.id) && !membership.is_owner(&phone.id));
}
