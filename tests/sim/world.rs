//! A world: devices, a relay, the network and the clock, all from one seed, in one thread.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use carnet_crypto::{id::SectionId, sign::SigningKey};
use carnet_sync::SyncError;
use carnet_vault::{DeviceId, NewRecord, RecordId, RelayAddress, pairing::Delivery, replica::Pending};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{Duration, sleep};

use crate::{
    device::{Device, Exchanged},
    disk::Death,
    executor::{Executor, NodeId, WORLD},
    lying::Lying,
    model::Model,
    network::{Net, Weather},
    relay::RelayNode,
    trace::Trace,
};

/// The node of the relay. Devices are counted from 0.
pub(crate) const RELAY: NodeId = 100;
/// The node of another relay, where there is one.
pub(crate) const RIVAL: NodeId = 101;

/// Longest time from healing until all devices show the same, in simulated milliseconds.
const HEALING_MS_MAX: u64 = 60_000;

/// A world.
pub(crate) struct World {
    pub(crate) executor: Executor,
    pub(crate) net: Net,
    pub(crate) rng: RefCell<StdRng>,
    pub(crate) devices: RefCell<Vec<Device>>,
    pub(crate) relay: RefCell<RelayNode>,
    /// Where streams to a relay end instead, by its node.
    pub(crate) liars: RefCell<BTreeMap<NodeId, Lying>>,
    pub(crate) model: RefCell<Model>,
    pub(crate) record: Cell<Option<RecordId>>,
    pub(crate) folder: tempfile::TempDir,
}

/// How a world ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The hash of its trace, and the events in it.
    pub(crate) trace: ([u8; 32], u64),
    /// Polls of tasks.
    pub(crate) polls: u64,
    /// Chunks that arrived.
    pub(crate) chunks: u64,
    /// Connections that ended.
    pub(crate) breaks: u64,
    /// Simulated milliseconds.
    pub(crate) millis: u64,
}

/// Runs one world to the end of its story.
///
/// # Panics
/// Where the story does; the last events and the seed are printed first.
pub(crate) fn run<T: 'static>(seed: u64, story: impl AsyncFnOnce(Rc<World>) -> T + 'static) -> (T, Summary) {
    try_to_run(seed, story).unwrap_or_else(|(panic, trace)| {
        println!("{}the world of seed {seed:#x} failed; CARNET_SIM_SEED={seed:#x} replays it", trace.tail());
        std::panic::resume_unwind(panic)
    })
}

/// Why a world failed, and what happened in it.
type Failure = (Box<dyn std::any::Any + Send>, Trace);

/// As [`run`], but gives back why it failed.
pub(crate) fn try_to_run<T: 'static>(
    seed: u64,
    story: impl AsyncFnOnce(Rc<World>) -> T + 'static,
) -> Result<(T, Summary), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let trace = Trace::new();
    let shown = trace.clone();
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            let world = World::new(seed, trace);
            let told = world.run(story).await;
            (told, world.summary())
        })
    }));
    ran.map_err(|panic| (panic, shown))
}

impl World {
    fn new(seed: u64, trace: Trace) -> Rc<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let executor = Executor::new(rng.next_u64());
        let net = Net::new(rng.next_u64(), trace);
        let folder = memory_folder();
        let relay = RelayNode::new(RELAY, folder.path(), &mut rng, &net, &executor);
        drop(executor.spawn(WORLD, net.clone().run()));
        Rc::new(Self {
            executor,
            net,
            rng: RefCell::new(rng),
            devices: RefCell::default(),
            relay: RefCell::new(relay),
            liars: RefCell::default(),
            model: RefCell::default(),
            record: Cell::new(None),
            folder,
        })
    }

    async fn run<T: 'static>(self: &Rc<Self>, story: impl AsyncFnOnce(Rc<Self>) -> T + 'static) -> T {
        let (world, watched) = (Rc::clone(self), Rc::clone(self));
        self.executor.run(async move { story(world).await }, move || watched.look_after()).await
    }

    fn summary(&self) -> Summary {
        let (chunks, breaks) = self.net.counts();
        let trace = self.net.trace().hash();
        Summary { trace, polls: self.executor.polls(), chunks, breaks, millis: self.net.now() }
    }

    /// Between any two steps: who lost its power is off, and new streams reach those whom they are for.
    fn look_after(&self) {
        for device in self.devices.borrow_mut().iter_mut().filter(|device| device.is_dead()) {
            self.note(format_args!("{}: the power goes", device.id));
            device.die(Death::PowerCut, &mut self.rng.borrow_mut());
        }
        for opened in self.net.take_opened() {
            let liar = self.liars.borrow().get(&opened.to).cloned();
            if let Some(liar) = liar {
                drop(self.executor.spawn(opened.to, liar.answer(opened)));
            } else if opened.to == RELAY {
                self.relay.borrow().answer(opened);
            } else if let Some(device) = self.devices.borrow().get(opened.to).filter(|device| device.is_up()) {
                let ends =
                    carnet_sync::Ends { incoming: Box::new(opened.incoming), outgoing: Box::new(opened.outgoing) };
                drop(self.executor.spawn(device.id, device.node().answer(ends, opened.exporter)));
            }
        }
    }

    pub(crate) fn note(&self, event: std::fmt::Arguments<'_>) {
        self.net.trace().note(self.net.now(), event);
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.rng.borrow_mut().random_range(0..end)
    }

    /// The record, once there is one.
    pub(crate) fn record(&self) -> RecordId {
        self.record.get().expect("somebody began it")
    }

    /// One more device, with an empty vault.
    pub(crate) fn new_device(&self) -> NodeId {
        let mut devices = self.devices.borrow_mut();
        let (id, seed) = (devices.len(), self.rng.borrow_mut().next_u64());
        devices.push(Device::new(id, seed, self.folder.path(), &self.net, &self.executor));
        id
    }

    /// The first device begins a record at the relay; its 24 words.
    pub(crate) fn begin(&self) -> String {
        let relay = self.relay.borrow().address.clone();
        self.begin_at(Some(relay))
    }

    /// As [`World::begin`], at this relay, or at none.
    pub(crate) fn begin_at(&self, relay: Option<RelayAddress>) -> String {
        let (record, words) = self.new_record(0, "Camille", relay);
        self.with_device(0, |it| it.serve(record));
        self.record.set(Some(record));
        words
    }

    /// A record of one more person on a device.
    pub(crate) fn new_record(&self, device: NodeId, name: &str, relay: Option<RelayAddress>) -> (RecordId, String) {
        let new = NewRecord { label: name.to_owned(), device_label: "Premier".to_owned(), year: 2026, relay };
        let vault = self.with_device(device, |it| it.vault());
        let kit = vault.lock().unwrap().create_record(&new).unwrap();
        (kit.record, kit.words.to_string())
    }

    /// Adds `other` as a device face to face: no message goes over the network. Gives its id in the record.
    pub(crate) fn pair_by_hand(&self, owner: NodeId, other: NodeId) -> DeviceId {
        let (inviting, waiting) = (self.with_device(owner, |it| it.vault()), self.with_device(other, |it| it.vault()));
        let (mut vault, mut joining) = (inviting.lock().unwrap(), waiting.lock().unwrap());
        let mut record = vault.record(&self.record()).unwrap();
        let inviter = record.invite(Delivery::AtOnce, false).unwrap().inviter;
        let offer = record.offer(&inviter);
        let (joiner, commitment) = joining.commit_to(inviter.ticket(None), &offer, "Autre").unwrap();
        let (challenger, challenge) = record.challenge(inviter, &commitment).unwrap();
        let (done, reveal) = joining.reveal_to(joiner, &challenge).unwrap();
        let device = record.admit(challenger.reveal(&reveal).unwrap()).unwrap();
        assert_eq!(joining.join(done, "Camille").unwrap(), self.record());
        drop(joining);
        self.with_device(other, |it| it.serve(self.record()));
        device
    }

    /// A relay that may lie, with the key of the true one. It stands in its place once it is said to.
    pub(crate) fn liar(self: &Rc<Self>) -> Lying {
        self.lying(self.relay.borrow().seed())
    }

    fn lying(self: &Rc<Self>, key: [u8; 32]) -> Lying {
        let world = Rc::downgrade(self);
        let identify = move |record: &RecordId, section: &SectionId, bytes: &[u8]| {
            let world = world.upgrade()?;
            let devices = world.devices.borrow();
            devices.iter().filter(|device| device.is_up()).find_map(|device| device.identify(record, section, bytes))
        };
        Lying::new(&self.net, key, Box::new(identify))
    }

    /// From now on this one stands in the place of the relay.
    pub(crate) fn take_in(&self, liar: &Lying) {
        self.liars.borrow_mut().insert(RELAY, liar.clone());
    }

    /// Another relay, with a key and an address of its own.
    pub(crate) fn rival(self: &Rc<Self>) -> (Lying, RelayAddress) {
        let mut seed = [0; 32];
        self.rng.borrow_mut().fill_bytes(&mut seed);
        let key = SigningKey::from_seed(&seed).public();
        let address = RelayAddress::new(key, vec![([127, 0, 0, 1], 2_000).into()], None);
        self.net.join(RIVAL, key, None);
        let rival = self.lying(seed);
        self.liars.borrow_mut().insert(RIVAL, rival.clone());
        (rival, address)
    }

    /// Exchanges with the relay, to the end.
    pub(crate) async fn exchange(&self, device: NodeId) -> Exchanged {
        self.exchange_of(device, self.record()).await
    }

    /// Exchanges one of the device's records with its relay, to the end.
    pub(crate) async fn exchange_of(&self, device: NodeId, record: RecordId) -> Exchanged {
        let ending = self.with_device(device, |it| {
            it.begin_exchange(record);
            it.take_exchange()
        });
        ended(ending).await
    }

    /// Exchanges with another device, to the end.
    pub(crate) async fn meet(&self, device: NodeId, other: NodeId) -> Exchanged {
        let peer: RelayAddress = self.with_device(other, |it| it.address());
        let ending = self.with_device(device, |it| {
            it.begin_meeting(self.record(), peer);
            it.take_exchange()
        });
        ended(ending).await
    }

    pub(crate) fn with_device<T>(&self, device: NodeId, work: impl FnOnce(&mut Device) -> T) -> T {
        work(&mut self.devices.borrow_mut()[device])
    }

    /// A device ends here and now.
    pub(crate) fn kill(&self, device: NodeId, death: Death) {
        self.devices.borrow_mut()[device].die(death, &mut self.rng.borrow_mut());
    }

    /// Every link is open, everybody is there.
    pub(crate) fn heal(&self) {
        self.note(format_args!("healed"));
        self.net.release_all();
        self.net.set_weather(Weather::FAIR);
        if !self.relay.borrow().is_up() {
            self.relay.borrow_mut().start();
        }
        for device in self.devices.borrow_mut().iter_mut() {
            device.clock.set_skew(0);
            device.spare();
            if !device.is_up() {
                device.start().expect("a vault opens after whatever the power did");
            }
        }
    }

    /// Exchanges until nobody has anything new, and checks that `devices` show the same, and all of what was said to be
    /// saved. Milliseconds that it took.
    pub(crate) async fn converge(&self, devices: &[NodeId]) -> u64 {
        let took = self.calm(devices).await;
        self.check(devices);
        took
    }

    /// Exchanges with the relay until nobody has anything new. Milliseconds that it took.
    pub(crate) async fn calm(&self, devices: &[NodeId]) -> u64 {
        let since = self.net.now();
        for device in devices {
            self.wait_for(*device).await;
        }
        loop {
            let mut is_quiet = true;
            for device in devices {
                match self.exchange(*device).await {
                    Ok(synced) => is_quiet &= synced.is_quiet() && synced.refused.is_empty(),
                    Err(SyncError::Unreachable | SyncError::NotAdmitted) => is_quiet = false,
                    Err(error) => panic!("{device}: {error}"),
                }
            }
            let took = self.net.now() - since;
            if is_quiet {
                return took;
            }
            assert!(took <= HEALING_MS_MAX, "{took} ms after healing somebody still has news");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the exchange that a device has begun, if any.
    async fn wait_for(&self, device: NodeId) {
        while self.with_device(device, Device::is_busy) {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// All these devices show the same, all of it was written by somebody, and nothing that was said to be saved lacks.
    /// Nothing waits, neither to be sent nor to be judged; and nothing is in quarantine, but what a device that went on
    /// from a backup wrote on the branch that does not stand.
    pub(crate) fn check(&self, devices: &[NodeId]) {
        self.compare(devices);
        for device in devices {
            let pending = self.pending(*device);
            let quarantined = if self.model.borrow().has_fork() { 0 } else { pending.quarantined };
            assert_eq!((pending.to_send, pending.waiting, quarantined), (0, 0, 0), "{device}: {pending:?}");
        }
    }

    /// What waits on a device.
    pub(crate) fn pending(&self, device: NodeId) -> Pending {
        self.with_device(device, |it| it.with(&self.record(), |record| record.pending())).unwrap().unwrap()
    }

    /// All these devices show the same, all of it was written by somebody, and nothing that was said to be saved lacks.
    pub(crate) fn compare(&self, devices: &[NodeId]) {
        let mut digests = Vec::new();
        for device in devices {
            let model = self.model.borrow();
            let (digest, compared, missing) = self.with_device(*device, |it| {
                it.with(&self.record(), |record| (record.digest(), model.compare(record), record.missing_files()))
                    .unwrap()
            });
            compared.unwrap_or_else(|error| panic!("{device}: {error}"));
            assert!(missing.unwrap().is_empty(), "{device} lacks files");
            digests.push(digest.unwrap());
        }
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "diverged: {digests:02x?}");
    }
}

async fn ended(ending: Option<crate::executor::Ending<Exchanged>>) -> Exchanged {
    match ending {
        Some(ending) => ending.await.unwrap_or(Err(SyncError::Unreachable)),
        None => Err(SyncError::Unreachable),
    }
}

/// A folder in memory where the system has one: files beside the store are not what is tried here.
fn memory_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}
