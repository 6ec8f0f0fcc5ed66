//! A relay that lies, fifteen ways. It has the relay's true key, signs whatever it likes, and shows each device what it
//! likes; the devices are honest and their people go on writing. Identifiers are those of the fault catalogue.
//!
//! Whatever it does: no entry that nobody wrote is shown, nothing that was said to be saved is lost, two histories never
//! become one unnoticed, and devices that meet each other end with the same record.

mod logs;
mod witness;

use std::{collections::BTreeMap, rc::Rc};

use carnet_sync::{Alarm, SyncError};
use tokio::time::{Duration, sleep};

use crate::{
    executor::NodeId,
    lying::{Lying, Shown},
    seeds,
    world::{World, run},
};

/// Worlds of each behaviour in an ordinary run.
const WORLDS: u64 = 20;

/// What came of the worlds of one behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Times when the relay contradicted towards a device what it had shown it, or what it signed.
    lies: u64,
    /// Of those, how many the device was told of.
    told: u64,
    /// Of those, how many passed for the truth.
    undetected: u64,
}

/// Runs the worlds of a behaviour, and prints what they came to.
fn behave(number: u16, story: impl AsyncFn(Rc<World>) -> Found + Copy + 'static) -> Found {
    let seeds = seeds(0xd00 + number, WORLDS);
    let (mut all, mut events) = (Found::default(), 0);
    for seed in &seeds {
        let (found, summary) = run(*seed, async move |world| {
            let found = story(world).await;
            assert_eq!(found.undetected, 0, "{found:?}");
            found
        });
        all.lies += found.lies;
        all.told += found.told;
        events += summary.trace.1;
    }
    println!(
        "D{number} · worlds {} · forged 0 · lost 0 · contradictions {} · told {} · undetected 0 · events {events}",
        seeds.len(),
        all.lies,
        all.told
    );
    all
}

/// Follows what each device was shown, and judges whether it is told when the relay contradicts it.
#[derive(Default)]
struct Judge {
    last: BTreeMap<NodeId, Shown>,
    found: Found,
}

impl Judge {
    /// A device exchanges at this relay. What it was told.
    async fn exchange(&mut self, world: &World, liar: &Lying, device: NodeId) -> Option<Alarm> {
        world.take_in(liar);
        let record = world.record();
        let shown = liar.shown_to(&record, device).unwrap_or_default();
        let is_lie = self.last.get(&device).is_some_and(|last| !last.goes_on_as(&shown));
        let told = match world.exchange(device).await {
            Ok(_) => None,
            Err(SyncError::RelayAlarm { what }) => Some(what),
            Err(SyncError::NotAdmitted) => return None,
            Err(error) => panic!("{device}: {error}"),
        };
        self.found.lies += u64::from(is_lie);
        self.found.told += u64::from(is_lie && told.is_some());
        self.found.undetected += u64::from(is_lie && told.is_none());
        if told.is_none() {
            self.last.insert(device, liar.shown_to(&record, device).unwrap_or_default());
        }
        told
    }

    /// As [`Judge::exchange`], of several devices at a relay that has not contradicted anybody yet.
    async fn settle(&mut self, world: &World, liar: &Lying, devices: &[NodeId]) {
        for _ in 0..3 {
            for device in devices {
                let told = self.exchange(world, liar, *device).await;
                assert_eq!(told, None, "{device}: it has not lied yet");
            }
        }
    }
}

/// Devices of one record at a relay that has not lied yet, all up to date, after some days of use.
async fn begun(world: &Rc<World>, devices: usize) -> (Lying, Judge, Vec<NodeId>) {
    let liar = world.liar();
    world.take_in(&liar);
    let all: Vec<NodeId> = (0..devices).map(|_| world.new_device()).collect();
    world.begin();
    world.exchange(0).await.expect("it has not lied yet");
    for device in all.iter().skip(1) {
        world.pair_by_hand(0, *device);
    }
    let mut judge = Judge::default();
    judge.settle(world, &liar, &all).await;
    for _ in 0..6 {
        let device = all[world.below(devices)];
        world.act(device);
        if world.below(3) == 0 {
            judge.exchange(world, &liar, device).await;
        }
    }
    judge.settle(world, &liar, &all).await;
    world.check(&all);
    assert_eq!(judge.found, Found::default(), "an honest relay contradicts nobody");
    (liar, judge, all)
}

/// Adds an entry on a device and brings it to the relay, which is friendly to its author.
async fn say(world: &World, judge: &mut Judge, liar: &Lying, device: NodeId) -> String {
    let name = world.add(device);
    assert_eq!(judge.exchange(world, liar, device).await, None, "{device}: to its author the relay is friendly");
    name
}

/// Time passes.
async fn hours(count: u64) {
    sleep(Duration::from_secs(3_600 * count)).await;
}

/// These devices meet each other until nobody has news, and then show the same.
async fn meet(world: &World, devices: &[NodeId]) {
    for _ in 0..2 {
        for one in devices {
            for other in devices.iter().filter(|other| *other != one) {
                world.meet(*one, *other).await.expect("honest devices meet");
            }
        }
    }
    world.compare(devices);
}
