//! Two relays that disagree: two stores under one key, and two relays of which each device names one: D15.
//!
//! A record has one relay in this version, and no way to another: what a record that moved would meet does not exist yet.

use std::rc::Rc;

use carnet_sync::SyncError;

use super::{Found, Judge, begun, behave_all, meet, repent, say};
use crate::{lying::Lying, world::World};

/// Each device says something at a store of its own.
async fn part(world: &World, judge: &mut Judge, stores: &[Lying; 2]) {
    for _ in 0..=world.below(3) {
        for (device, store) in stores.iter().enumerate() {
            say(world, judge, store, device).await;
        }
    }
}

async fn one_key_and_two_stores(world: &Rc<World>, judge: &mut Judge, liar: Lying, is_later: bool) {
    let other = world.liar();
    liar.copy_to(&other);
    if is_later {
        other.books(&world.record(), |books| books.store_epoch += 1);
        judge.last.remove(&1);
    }
    let stores = [liar, other];
    part(world, judge, &stores).await;
    // Each device comes to where the other was. That a store began a later life is no lie, but that it began an earlier one is.
    if is_later {
        judge.last.remove(&0);
    }
    for device in 0..2 {
        judge.exchange(world, &stores[1 - device], device).await;
    }
    meet(world, &[0, 1]).await;
    repent(world, &stores[usize::from(is_later)], &[0, 1]).await;
}

/// The record names no relay yet. Each device is told of one, before either knows what the other was told.
async fn two_relays(world: &Rc<World>, judge: &mut Judge) {
    let (liar, (_, rival)) = (world.liar(), world.rival());
    world.take_in(&liar);
    let addresses = [world.relay.borrow().address.clone(), rival];
    for device in 0..2 {
        world.new_device();
        if device == 0 {
            world.begin_at(None);
        } else {
            world.pair_by_hand(0, 1);
            world.meet(1, 0).await.expect("honest devices meet");
        }
    }
    for (device, address) in addresses.iter().enumerate() {
        let named = world.with_device(device, |it| it.with(&world.record(), |record| record.name_relay(address)));
        named.unwrap().expect("none is named yet");
        world.add(device);
    }
    // Only who began a record can bring it to a relay.
    if world.below(2) == 0 {
        world.exchange(0).await.expect("its relay takes it");
        assert!(matches!(world.exchange(1).await, Err(SyncError::NotAdmitted)));
    }
    meet(world, &[0, 1]).await;
    let named: Vec<_> = (0..2).map(|device| relay_of(world, device)).collect();
    assert_eq!(named[0], named[1], "both hold to the same one");
    let winner = addresses.iter().position(|address| Some(address.key) == named[0]).expect("one that was named");
    let loser = 1 - winner;
    judge.found.lies += 1;
    match world.exchange(loser).await {
        Err(SyncError::OtherRelay) => judge.found.told += 1,
        other => panic!("{loser}: {other:?}"),
    }
    // Its person enters the address of the one that the record names.
    let address = &addresses[winner];
    let named = world.with_device(loser, |it| it.with(&world.record(), |record| record.name_relay(address)));
    named.unwrap().expect("it is the one that is named");
    world.exchange(0).await.expect("the first device brings it");
    world.converge(&[0, 1]).await;
}

fn relay_of(world: &World, device: usize) -> Option<carnet_crypto::sign::PublicKey> {
    world.with_device(device, |it| it.with(&world.record(), |record| record.relay_key())).unwrap()
}

async fn disagree(world: Rc<World>) -> Found {
    let mut judge = Judge::default();
    let way = judge.way(&world, 3);
    if way == 2 {
        two_relays(&world, &mut judge).await;
        return judge.found;
    }
    let (liar, mut judge, _) = begun(&world, 2).await;
    judge.found.ways = 1 << way;
    one_key_and_two_stores(&world, &mut judge, liar, way == 1).await;
    judge.found
}

#[test]
fn fault_d15_two_relays_that_disagree_are_told_or_one_of_them_is_held_to() {
    let found = behave_all(15, 3, disagree);
    assert!(found.told >= 20);
}
