//! Histories that are withheld, forked, rolled back: D1 to D4.

use std::rc::Rc;

use carnet_protocol::frame::Frame;
use carnet_sync::{Alarm, trust_relay_again};
use carnet_vault::Record;

use super::{Found, Judge, begun, behave, hours, meet, say};
use crate::{
    executor::NodeId,
    lying::{Logged, Lying},
    world::{World, run},
};

/// From now on nothing that `author` says reaches `victim`, in a history that agrees with itself.
pub(super) fn withhold(world: &World, liar: &Lying, author: NodeId, victim: NodeId) {
    liar.books(&world.record(), |books| {
        books.shows = Box::new(move |to, logged| to != victim || logged.by() != author);
    });
}

/// From now on what `author` pushes is cut out of what `victim` gets, under the true checkpoint.
fn cut_out(world: &World, liar: &Lying, author: NodeId, victim: NodeId) {
    liar.books(&world.record(), |books| {
        let before = books.truth.len();
        books.alters = Box::new(move |to, frame, truth| {
            let Frame::Tail(mut tail) = frame else { return vec![frame] };
            if to == victim {
                let is_of_author = |bytes: &Vec<u8>, logged: &Logged| {
                    logged.by() == author && logged.envelope().is_some_and(|envelope| envelope.bytes == *bytes)
                };
                tail.envelopes.retain(|bytes| !truth[before..].iter().any(|logged| is_of_author(bytes, logged)));
            }
            if tail.envelopes.is_empty() { Vec::new() } else { vec![Frame::Tail(tail)] }
        });
    });
}

/// For a day, nothing of the author reaches the victim, in one of two ways.
async fn withheld(world: &World, liar: &Lying, judge: &mut Judge, author: NodeId, victim: NodeId) {
    let is_clumsy = world.below(2) == 0;
    if is_clumsy {
        cut_out(world, liar, author, victim);
    } else {
        withhold(world, liar, author, victim);
    }
    for _ in 0..3 {
        let name = say(world, judge, liar, author).await;
        let told = judge.exchange(world, liar, victim).await;
        assert!(!world.names(victim).contains(&name), "it was withheld");
        if is_clumsy {
            // What it signed says that there is more.
            assert_eq!(told, Some(Alarm::Withheld));
            judge.found.lies += 1;
            judge.found.told += 1;
        }
        hours(8).await;
    }
}

async fn withholds_for_ever(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let author = world.below(2);
    withheld(&world, &liar, &mut judge, author, 1 - author).await;
    meet(&world, &all).await;
    judge.found
}

#[test]
fn fault_d1_what_a_relay_withholds_for_ever_shows_in_what_it_signs_or_comes_another_way() {
    let found = behave(1, withholds_for_ever);
    assert!(found.told > 0);
}

async fn withholds_from_one(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 3).await;
    let author = world.below(3);
    let (other, victim) = ((author + 1) % 3, (author + 2) % 3);
    withheld(&world, &liar, &mut judge, author, victim).await;
    assert_eq!(judge.exchange(&world, &liar, other).await, None);
    // Whoever was not withheld anything hands it on.
    world.meet(victim, other).await.expect("honest devices meet");
    world.compare(&all);
    judge.found
}

#[test]
fn fault_d2_what_a_relay_withholds_from_one_device_comes_through_another() {
    let found = behave(2, withholds_from_one);
    assert!(found.told > 0);
}

async fn shows_two_histories(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    liar.books(&world.record(), |books| books.shows = Box::new(|to, logged| to == logged.by()));
    for _ in 0..=world.below(3) {
        for device in &all {
            say(&world, &mut judge, &liar, *device).await;
            hours(1).await;
        }
    }
    // It joins them: everybody sees what one saw, or all of it in the order in which it came.
    let one = world.below(3);
    liar.books(&world.record(), |books| {
        books.shows = Box::new(|_, _| true);
        for device in &all {
            match books.shown.get(&one).cloned() {
                Some(shown) => books.show_as(*device, shown),
                None => books.show_the_truth(*device),
            }
        }
    });
    for _ in 0..2 {
        for device in &all {
            judge.exchange(&world, &liar, *device).await;
        }
    }
    meet(&world, &all).await;
    judge.found
}

#[test]
fn fault_d3_two_histories_that_a_relay_joins_are_told() {
    let found = behave(3, shows_two_histories);
    assert!(found.lies >= 20, "it joined them everywhere");
}

async fn rolls_back(world: Rc<World>) -> Found {
    let (liar, mut judge, all) = begun(&world, 2).await;
    let earlier = liar.books(&world.record(), |books| books.shown.clone());
    for _ in 0..=world.below(4) {
        let device = world.below(2);
        say(&world, &mut judge, &liar, device).await;
    }
    judge.settle(&world, &liar, &all).await;
    liar.books(&world.record(), |books| {
        for device in &all {
            books.show_as(*device, earlier.get(device).cloned().unwrap_or_default());
        }
    });
    for _ in 0..2 {
        for device in &all {
            assert!(judge.exchange(&world, &liar, *device).await.is_some(), "it is told every time");
        }
        hours(8).await;
    }
    world.compare(&all);
    // A person who knows that the relay has honestly lost its store says so; then it gets everything again.
    for device in &all {
        let vault = world.with_device(*device, |it| it.vault());
        trust_relay_again(&vault, world.record()).await.expect("the vault takes it");
    }
    world.converge(&all).await;
    judge.found
}

#[test]
fn control_a_device_that_remembers_nothing_of_its_relay_is_reported() {
    let found = run(0xc04, async |world| {
        let (liar, mut judge, all) = begun(&world, 2).await;
        let earlier = liar.books(&world.record(), |books| books.shown.clone());
        say(&world, &mut judge, &liar, 0).await;
        judge.settle(&world, &liar, &all).await;
        for device in &all {
            liar.books(&world.record(), |books| books.show_as(*device, earlier[device].clone()));
            let forget = |record: &mut Record<'_>| record.forget_relay();
            world.with_device(*device, |it| it.with(&world.record(), forget)).unwrap().unwrap();
            judge.exchange(&world, &liar, *device).await;
        }
        judge.found
    });
    assert_eq!((found.0.lies, found.0.undetected), (2, 2), "the judge sees what such a device does not");
}

#[test]
fn fault_d4_a_relay_that_goes_back_is_told_and_takes_nothing_away() {
    let found = behave(4, rolls_back);
    assert_eq!(found.lies, found.told);
}
