//! A relay that lies, in every way of the catalogue but one: D14 needs a gateway, and there is none. It has the relay's true
//! key, signs whatever it likes, and shows each device what it likes; the devices are honest and their people go on writing.
//! Identifiers are those of the fault catalogue.
//!
//! Whatever it does: no entry that nobody wrote is shown, nothing that was said to be saved is lost, two histories never
//! become one unnoticed, and devices that meet each other end with the same record.

mod bytes;
mod logs;
mod members;
mod receipts;
mod slots;
mod stores;
mod witness;

use std::{collections::BTreeMap, rc::Rc};

use carnet_sync::{Alarm, SyncError, trust_relay_again};
use tokio::time::{Duration, sleep};

use crate::{
    executor::NodeId,
    lying::{Logged, LoggedEnvelope, Lying, Shown},
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
    /// Which of its ways the relay went, one bit each.
    ways: u32,
}

/// As [`behave`], of a behaviour that has so many ways: in an ordinary run the relay goes each of them.
fn behave_all(number: u16, ways: u32, story: impl AsyncFn(Rc<World>) -> Found + Copy + 'static) -> Found {
    let found = behave(number, story);
    assert!(crate::seed().is_some() || found.ways == (1 << ways) - 1, "ways {:b} of {ways}", found.ways);
    found
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
        all.ways |= found.ways;
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

    /// A device exchanges at a relay that gives it something false, and is to be told of it.
    async fn expose(&mut self, world: &World, liar: &Lying, device: NodeId) -> Option<Alarm> {
        world.take_in(liar);
        let (is_told, alarm) = match world.exchange(device).await {
            Ok(_) => (false, None),
            Err(SyncError::RelayAlarm { what }) => (true, Some(what)),
            Err(SyncError::Malformed) => (true, None),
            Err(error) => panic!("{device}: {error}"),
        };
        self.found.lies += 1;
        self.found.told += u64::from(is_told);
        self.found.undetected += u64::from(!is_told);
        alarm
    }

    /// One of so many ways, drawn.
    fn way(&mut self, world: &World, count: usize) -> usize {
        let way = world.below(count);
        self.found.ways |= 1 << way;
        world.note(format_args!("the relay goes way {way}"));
        way
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

/// The envelopes that were pushed, from the first to the last.
fn envelopes(world: &World, liar: &Lying) -> Vec<Rc<LoggedEnvelope>> {
    liar.books(&world.record(), |books| books.truth.iter().filter_map(Logged::envelope).cloned().collect())
}

/// Puts an envelope at the end of what a device is shown of a section, under a name of the relay's choice. The relay signs
/// that it is there.
fn plant(world: &World, liar: &Lying, victim: NodeId, envelope: LoggedEnvelope) {
    liar.books(&world.record(), |books| {
        let shown = books.shown.entry(victim).or_default();
        shown.sections.entry(envelope.section).or_default().push(Rc::new(envelope));
    });
}

/// What a device shows: its names, and the digest of everything.
fn page(world: &World, device: NodeId) -> (Vec<String>, [u8; 32]) {
    let digest = world.with_device(device, |it| it.with(&world.record(), |record| record.digest()));
    (world.names(device), digest.unwrap().unwrap())
}

/// Adds an entry on a device and brings it to the relay, which is friendly to its author.
async fn say(world: &World, judge: &mut Judge, liar: &Lying, device: NodeId) -> String {
    let name = world.add(device);
    assert_eq!(judge.exchange(world, liar, device).await, None, "{device}: to its author the relay is friendly");
    name
}

/// From now on the relay is honest, and people who were told of it say that it is to be trusted again. In the end all show
/// the same, and nothing waits to be sent. What the relay had made up may still wait: whoever it is said to be of may come.
async fn repent(world: &World, liar: &Lying, devices: &[NodeId]) {
    liar.books(&world.record(), |books| {
        books.repent();
        for device in devices {
            books.show_the_truth(*device);
        }
    });
    for device in devices {
        let vault = world.with_device(*device, |it| it.vault());
        trust_relay_again(&vault, world.record()).await.expect("the vault takes it");
    }
    world.calm(devices).await;
    world.compare(devices);
    for device in devices {
        assert_eq!(world.pending(*device).to_send, 0, "{device} has handed over everything");
    }
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
