//! Histories that never contradict themselves, told by what the devices say of them: ATK-2, ATK-3.

use std::rc::Rc;

use carnet_sync::Alarm;

use super::{Judge, begun, hours, logs::withhold, say};
use crate::{
    executor::NodeId,
    lying::Lying,
    seeds,
    world::{World, run},
};

/// Worlds of each behaviour in an ordinary run.
const WORLDS: u64 = 20;

/// What came of the worlds of one behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cited {
    /// Devices that came to know words of another one which cite another history than their own.
    devices: u64,
    /// Of those, how many were told at once, and by the next exchange at the latest.
    at_once: u64,
    told: u64,
}

fn behave(name: &str, number: u16, story: impl AsyncFn(Rc<World>) -> Cited + Copy + 'static) {
    let seeds = seeds(0xe00 + number, WORLDS);
    let mut all = Cited::default();
    for seed in &seeds {
        let (found, _) = run(*seed, story);
        assert_eq!(found.devices, found.told, "{found:?}");
        all.devices += found.devices;
        all.at_once += found.at_once;
        all.told += found.told;
    }
    assert!(all.devices >= WORLDS, "{all:?}");
    println!(
        "{name} · worlds {} · cited {} · told at once {} · told {} · undetected 0",
        seeds.len(),
        all.devices,
        all.at_once,
        all.told
    );
}

/// What a device was told that rests on another device's words.
fn told(world: &World, device: NodeId) -> bool {
    let alarms = world.with_device(device, |it| it.alarms.lock().unwrap().clone());
    alarms.iter().any(|(_, alarm)| alarm.rests_on_a_device())
}

fn stands(world: &World, device: NodeId) -> bool {
    let found = world.with_device(device, |it| it.with(&world.record(), |record| record.contradiction()));
    found.unwrap().unwrap().is_some()
}

/// The device writes, exchanges, and writes again: its last words say what it saw at the relay.
async fn say_what_it_saw(world: &World, judge: &mut Judge, liar: &Lying, device: NodeId) {
    say(world, judge, liar, device).await;
    world.add(device);
}

/// Devices meet, and then each exchanges with the relay once.
async fn meet_and_look(world: &World, one: NodeId, other: NodeId) -> Cited {
    world.meet(one, other).await.expect("honest devices meet");
    world.compare(&[one, other]);
    let both = [one, other];
    let at_once = both.iter().filter(|device| told(world, **device)).count();
    for device in both {
        let told = match world.exchange(device).await {
            Err(carnet_sync::SyncError::RelayAlarm { what }) => what,
            other => panic!("{device}: {other:?}"),
        };
        assert!(told.rests_on_a_device(), "{told:?}");
    }
    let told = both.iter().filter(|device| told(world, **device) && stands(world, **device)).count();
    Cited { devices: 2, at_once: u64::try_from(at_once).unwrap(), told: u64::try_from(told).unwrap() }
}

async fn keeps_two_apart(world: Rc<World>) -> Cited {
    let (liar, mut judge, all) = begun(&world, 2).await;
    liar.books(&world.record(), |books| books.shows = Box::new(|to, logged| to == logged.by()));
    for _ in 0..=world.below(3) {
        for device in &all {
            say(&world, &mut judge, &liar, *device).await;
            hours(1).await;
        }
    }
    for device in &all {
        say_what_it_saw(&world, &mut judge, &liar, *device).await;
        assert!(!told(&world, *device), "each history agrees with itself");
    }
    meet_and_look(&world, 0, 1).await
}

#[test]
fn atk_2_two_histories_that_a_relay_never_joins_are_told_when_the_devices_meet() {
    behave("ATK-2, met", 1, keeps_two_apart);
}

/// A relay that kept two devices apart lets each see the rest, after what it has: one order for each.
async fn joins_in_two_orders(world: Rc<World>) -> Cited {
    let (liar, mut judge, all) = begun(&world, 2).await;
    liar.books(&world.record(), |books| books.shows = Box::new(|to, logged| to == logged.by()));
    for device in &all {
        say(&world, &mut judge, &liar, *device).await;
    }
    liar.books(&world.record(), |books| {
        books.shows = Box::new(|_, _| true);
        for device in &all {
            let mut shown = books.shown.get(device).cloned().unwrap_or_default();
            books.truth.iter().for_each(|logged| shown.append(logged));
            books.show_as(*device, shown);
        }
    });
    judge.settle(&world, &liar, &all).await;
    world.compare(&all);
    let author = world.below(2);
    say(&world, &mut judge, &liar, author).await;
    world.exchange(1 - author).await.expect_err("the words of the other cite its history");
    assert!(told(&world, 1 - author) && stands(&world, 1 - author));
    Cited { devices: 1, at_once: 1, told: 1 }
}

#[test]
fn atk_2_the_first_envelope_that_cites_the_other_history_is_told_without_any_meeting() {
    behave("ATK-2, cited", 2, joins_in_two_orders);
}

async fn withholds_one_author(world: Rc<World>) -> Cited {
    let (liar, mut judge, _) = begun(&world, 3).await;
    let author = world.below(3);
    let (other, victim) = ((author + 1) % 3, (author + 2) % 3);
    withhold(&world, &liar, author, victim);
    for _ in 0..=world.below(3) {
        say(&world, &mut judge, &liar, author).await;
        assert_eq!(judge.exchange(&world, &liar, victim).await, None, "it agrees with itself");
        hours(8).await;
    }
    // Whoever was not withheld anything says so without knowing it, through the relay itself.
    assert_eq!(judge.exchange(&world, &liar, other).await, None);
    say(&world, &mut judge, &liar, other).await;
    let found = judge.exchange(&world, &liar, victim).await;
    let by_words = found.is_some_and(Alarm::rests_on_a_device);
    // Where what was said builds on an operation that was withheld too, the relay's own logs show it first.
    assert!(by_words && stands(&world, victim) || found == Some(Alarm::Withheld), "{found:?}");
    world.meet(victim, author).await.expect("honest devices meet");
    world.meet(victim, other).await.expect("honest devices meet");
    world.compare(&[victim, author, other]);
    Cited { devices: 1, at_once: u64::from(by_words), told: 1 }
}

#[test]
fn atk_3_one_author_that_is_withheld_from_one_device_shows_in_what_another_saw() {
    behave("ATK-3, cited", 3, withholds_one_author);
}

#[test]
fn atk_3_what_is_withheld_shows_when_the_devices_meet_and_heals() {
    behave("ATK-3, met", 4, async |world: Rc<World>| {
        let (liar, mut judge, _) = begun(&world, 2).await;
        let author = world.below(2);
        withhold(&world, &liar, author, 1 - author);
        for _ in 0..=world.below(3) {
            say(&world, &mut judge, &liar, author).await;
            assert_eq!(judge.exchange(&world, &liar, 1 - author).await, None, "it agrees with itself");
        }
        world.add(author);
        world.meet(1 - author, author).await.expect("honest devices meet");
        world.compare(&[0, 1]);
        world.exchange(1 - author).await.expect_err("the relay does not show what the other device saw");
        assert!(told(&world, 1 - author) && stands(&world, 1 - author));
        Cited { devices: 1, at_once: 0, told: 1 }
    });
}
