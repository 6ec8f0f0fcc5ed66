//! Devices and an honest relay: whatever the network, the disks and the clocks do, in the end all show the same.

use std::rc::Rc;

use carnet_sync::SyncError;
use tokio::time::{Duration, sleep};

use crate::{
    chaos::Counts,
    disk::{Death, Disk},
    executor::NodeId,
    seeds,
    world::{Summary, World, run},
};

/// What happens between the beginning and the healing of a world.
const STEPS: usize = 40;

/// Longer than a removal may be on its way as it is, in milliseconds: eight days.
const LATE_MS: u64 = 8 * 24 * 3_600_000;

/// Devices of one record at the true relay, all up to date.
pub(crate) async fn begun(world: &World, devices: usize) -> Vec<NodeId> {
    let all: Vec<NodeId> = (0..devices).map(|_| world.new_device()).collect();
    world.begin();
    for device in all.iter().skip(1) {
        world.pair_by_hand(0, *device);
    }
    for device in &all {
        world.exchange(*device).await.expect("fair weather");
    }
    all
}

/// What came of one or many worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcome {
    counts: Counts,
    /// The longest time from healing to the same record everywhere, in simulated milliseconds.
    slowest: u64,
    /// What was said to be saved.
    saved: usize,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.slowest = self.slowest.max(other.slowest);
        self.saved += other.saved;
    }
}

async fn heal(world: &World, all: &[NodeId], counts: Counts) -> Outcome {
    world.heal();
    let slowest = world.converge(all).await;
    for device in world.devices.borrow().iter() {
        assert_eq!(*device.alarms.lock().unwrap(), [], "an honest relay raises no alarm");
        let found = device.with(&world.record(), |record| record.contradiction()).unwrap().unwrap();
        assert_eq!(found, None, "honest devices and an honest relay contradict nobody");
    }
    Outcome { counts, slowest, saved: world.model.borrow().saved() }
}

async fn live(world: Rc<World>, devices: usize) -> Outcome {
    let all = begun(&world, devices).await;
    let counts = world.chaos(STEPS).await;
    heal(&world, &all, counts).await
}

fn simulate(seed: u64, devices: usize) -> (Outcome, Summary) {
    run(seed, async move |world| live(world, devices).await)
}

/// Runs worlds with so many devices, and prints what they came to.
fn simulate_all(name: &str, kind: u16, count: u64, story: impl Fn(u64) -> (Outcome, Summary)) {
    let seeds = seeds(kind, count);
    let (mut all, mut chunks, mut breaks, mut events) = (Outcome::default(), 0, 0, 0);
    for seed in &seeds {
        let (outcome, summary) = story(*seed);
        all.add(outcome);
        chunks += summary.chunks;
        breaks += summary.breaks;
        events += summary.trace.1;
    }
    let Outcome { counts, slowest, saved } = all;
    println!(
        "{name} · worlds {} · diverged 0 · lost 0 of {saved} · slowest healing {slowest} ms · events {events}",
        seeds.len()
    );
    println!(
        "  acts {} · exchanges {} · chunks {chunks} · connections over {breaks} · links held {} · kills {} · power cuts {} \
         · relay kills {} · envelopes collected {}",
        counts.acts,
        counts.exchanges,
        counts.holds,
        counts.kills,
        counts.power_cuts,
        counts.relay_kills,
        counts.collected
    );
}

#[test]
fn fault_c4_whatever_the_network_does_two_devices_show_the_same_in_the_end() {
    simulate_all("C4, two devices", 0xc42, 120, |seed| simulate(seed, 2));
}

#[test]
fn fault_c4_whatever_the_network_does_three_devices_show_the_same_in_the_end() {
    simulate_all("C4, three devices", 0xc43, 80, |seed| simulate(seed, 3));
}

/// Devices that have lived a while, and a copy that was made of one of them at rest.
struct Backed {
    all: Vec<NodeId>,
    counts: Counts,
    unlucky: NodeId,
    backup: Disk,
}

async fn backed_up(world: &World, devices: usize) -> Backed {
    let all = begun(world, devices).await;
    let counts = world.chaos(STEPS / 4).await;
    world.heal();
    world.converge(&all).await;
    let unlucky = world.below(devices);
    world.kill(unlucky, Death::Killed);
    let backup = world.with_device(unlucky, |it| it.backup());
    world.heal();
    Backed { all, counts, unlucky, backup }
}

/// A disk dies, and the device goes on from last week's copy.
async fn restored(world: Rc<World>) -> Outcome {
    let Backed { all, mut counts, unlucky, backup } = backed_up(&world, 2).await;
    counts.add(world.chaos(STEPS / 4).await);
    world.heal();
    // What is at the relay, or on another device, is not lost with the disk.
    world.converge(&all).await;
    world.kill(unlucky, Death::Killed);
    world.with_device(unlucky, |it| it.put_back(&backup));
    world.model.borrow_mut().put_back(unlucky);
    world.heal();
    counts.add(world.chaos(STEPS / 4).await);
    heal(&world, &all, counts).await
}

#[test]
fn fault_c9_a_device_that_goes_on_from_a_backup_loses_nothing_and_forks_nothing() {
    simulate_all("C9", 0xc9, 20, |seed| run(seed, restored));
}

/// As [`restored`], but what the device wrote last is with another device alone: the relay takes the branch that begins
/// at the copy, the other device holds the one that was lost.
async fn restored_early(world: Rc<World>, devices: usize) -> Outcome {
    let Backed { all, mut counts, unlucky, backup } = backed_up(&world, devices).await;
    for _ in 0..=world.below(4) {
        world.act(unlucky);
    }
    let other = (unlucky + 1 + world.below(devices - 1)) % devices;
    world.meet(unlucky, other).await.expect("fair weather");
    world.kill(unlucky, Death::Killed);
    world.with_device(unlucky, |it| it.put_back(&backup));
    world.model.borrow_mut().put_back_forked(unlucky);
    world.heal();
    for _ in 0..=world.below(4) {
        world.act(unlucky);
    }
    world.exchange(unlucky).await.expect("fair weather");
    counts.add(world.chaos(STEPS / 4).await);
    heal(&world, &all, counts).await
}

#[test]
fn fault_c9_a_fork_that_a_backup_makes_is_healed_and_loses_nothing() {
    simulate_all("C9, forked", 0xc92, 20, |seed| run(seed, async |world| restored_early(world, 2).await));
}

#[test]
fn fault_c9_a_fork_that_a_backup_makes_among_three_devices_is_healed_and_loses_nothing() {
    simulate_all("C9, forked, three devices", 0xc93, 20, |seed| {
        run(seed, async |world| restored_early(world, 3).await)
    });
}

/// A device removes another and does not reach the relay for more than a week. Meanwhile the others write, and the relay takes
/// it. Then all that was said to be saved is there, on both devices that stay.
async fn removed_late(world: Rc<World>) -> Outcome {
    let all = begun(&world, 3).await;
    let mut counts = world.chaos(STEPS / 4).await;
    world.heal();
    world.converge(&all).await;
    let remover = world.below(3);
    let lost = (remover + 1 + world.below(2)) % 3;
    let other = 3 - remover - lost;
    world.remove(remover, lost);
    for _ in 0..=world.below(8) {
        counts.acts += 1;
        let author = [remover, lost, lost, other][world.below(4)];
        world.act(author);
        if author != remover {
            counts.exchanges += 1;
            world.exchange(author).await.expect("fair weather");
        }
    }
    world.exchange(lost).await.expect("the relay knows of no removal");
    if world.below(2) == 0 {
        // By a direct meeting the other knows of it before the relay does.
        world.meet(other, remover).await.expect("fair weather");
    }
    sleep(Duration::from_millis(LATE_MS)).await;
    world.change_weather();
    for _ in 0..10 {
        counts.acts += 1;
        world.act([remover, other][world.below(2)]);
        counts.exchanges += 1;
        drop(world.exchange([remover, other][world.below(2)]).await);
    }
    let outcome = heal(&world, &[remover, other], counts).await;
    assert!(matches!(world.exchange(lost).await, Err(SyncError::NotAdmitted)));
    outcome
}

#[test]
fn atk_31_a_removal_that_comes_a_week_late_hides_nothing_and_holds_nothing_up() {
    simulate_all("ATK-31", 0xa31, 40, |seed| run(seed, removed_late));
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let (one, two, other) = (simulate(7, 2), simulate(7, 2), simulate(8, 2));
    assert_eq!(one, two);
    assert_ne!(one.1.trace, other.1.trace);
    println!("events {} · trace {:02x?}", one.1.trace.1, &one.1.trace.0[..8]);
}
