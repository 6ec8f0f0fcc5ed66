//! A device of a world: a real vault on a disk in memory, and the real engine over the world's network.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use carnet_crypto::id::{EnvelopeId, SectionId};
use carnet_sync::{Alarm, Event, Node, SharedVault, SyncError, Synced, share, sync_with_peer, sync_with_relay};
use carnet_tests::crash::test_key;
use carnet_vault::{
    Clock, Door, Record, RecordId, RelayAddress, UnixMillis, Vault, VaultError,
    store::{Lock, Options, Unlock},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    disk::{Death, Disk},
    executor::{Ending, Executor, NodeId},
    lying::place_of,
    network::{Net, SimCarrier},
};

/// Where every world begins.
pub(crate) const START: u64 = 1_790_000_000_000;

/// What one exchange came to.
pub(crate) type Exchanged = Result<Synced, SyncError>;

/// The clock of one node: the world's time, off by a skew.
pub(crate) struct NodeClock {
    net: Net,
    skew: AtomicI64,
}

impl NodeClock {
    pub(crate) fn new(net: &Net) -> Arc<Self> {
        Arc::new(Self { net: net.clone(), skew: AtomicI64::new(0) })
    }

    /// From now on this clock is off by so many milliseconds.
    pub(crate) fn set_skew(&self, millis: i64) {
        self.skew.store(millis, Ordering::Relaxed);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> UnixMillis {
        let now = START + self.net.now();
        UnixMillis(now.saturating_add_signed(self.skew.load(Ordering::Relaxed)))
    }
}

/// A device.
pub(crate) struct Device {
    pub(crate) id: NodeId,
    pub(crate) clock: Arc<NodeClock>,
    disk: Disk,
    folder: PathBuf,
    seeds: Arc<AtomicU64>,
    net: Net,
    executor: Executor,
    running: Option<Running>,
    served: Option<RecordId>,
    /// The exchange that is going on, and with whom.
    exchange: Option<Ending<Exchanged>>,
    /// What it was told of its relay.
    pub(crate) alarms: Arc<Mutex<Vec<(u64, Alarm)>>>,
    /// Exchanges that ended well since it was last asked.
    pub(crate) settled: u64,
}

/// What lives in memory only.
struct Running {
    vault: SharedVault,
    node: Arc<Node>,
}

impl Device {
    /// A new device with an empty vault.
    pub(crate) fn new(id: NodeId, seed: u64, folder: &Path, net: &Net, executor: &Executor) -> Self {
        let mut device = Self {
            id,
            clock: NodeClock::new(net),
            disk: Disk::default(),
            folder: folder.join(format!("device-{id}")),
            seeds: Arc::new(AtomicU64::new(seed)),
            net: net.clone(),
            executor: executor.clone(),
            running: None,
            served: None,
            exchange: None,
            alarms: Arc::default(),
            settled: 0,
        };
        std::fs::create_dir_all(&device.folder).unwrap();
        let vault =
            Vault::create_on(device.disk.clone(), &device.folder, Lock::Key(&test_key()), small(), device.door());
        device.run(vault.unwrap());
        device
    }

    fn door(&self) -> Door {
        let seeds = Arc::clone(&self.seeds);
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Door::new(clock, move || Box::new(StdRng::seed_from_u64(seeds.fetch_add(1, Ordering::Relaxed))))
    }

    fn run(&mut self, vault: Vault) {
        let key = carnet_crypto::sign::SigningKey::from_seed(vault.transport().expose_for_store()).public();
        let port = u16::try_from(self.id).unwrap() + 1_000;
        let address = RelayAddress::new(key, vec![([127, 0, 0, 1], port).into()], None);
        self.net.join(self.id, key, Some(self.disk.clone()));
        let node = Arc::new(Node::over(SimCarrier { net: self.net.clone(), node: self.id, address }));
        self.running = Some(Running { vault: share(vault), node });
        if let Some(record) = self.served {
            self.serve(record);
        }
    }

    /// Serves a record to its other devices, now and whenever it runs.
    pub(crate) fn serve(&mut self, record: RecordId) {
        self.served = Some(record);
        let (node, vault, mut tell) = (self.node(), self.vault(), self.teller());
        drop(self.executor.spawn(self.id, async move {
            carnet_sync::serve_peers(&node, &vault, record, &mut tell, std::future::pending()).await;
        }));
    }

    /// Whether it runs.
    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The power does not go after all.
    pub(crate) fn spare(&self) {
        self.disk.spare();
    }

    /// Whether its power went in the midst of something.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_up() && self.disk.is_dead()
    }

    /// The power goes before so many more events of the disk.
    pub(crate) fn burn(&self, events: u64) {
        self.disk.burn(events);
    }

    /// Ends here and now. What it had in memory is gone.
    pub(crate) fn die(&mut self, death: Death, rng: &mut StdRng) {
        let disk = self.disk.die(death, rng);
        self.net.vanish(self.id);
        self.running = None;
        self.exchange = None;
        self.executor.kill(self.id);
        self.disk = disk;
    }

    /// Starts again on what is on its disk.
    ///
    /// # Errors
    /// The vault does not open: whatever the power did, that must not be.
    pub(crate) fn start(&mut self) -> Result<(), VaultError> {
        let vault = Vault::open_on(self.disk.clone(), &self.folder, Unlock::Key(&test_key()), small(), self.door())?;
        self.run(vault);
        Ok(())
    }

    /// What is on its disk, as a backup that is made while it does not run.
    pub(crate) fn backup(&self) -> Disk {
        self.disk.copy()
    }

    /// Puts a backup in the place of its disk, while it does not run.
    pub(crate) fn put_back(&mut self, backup: &Disk) {
        self.disk = backup.copy();
    }

    pub(crate) fn address(&self) -> RelayAddress {
        self.node().address()
    }

    pub(crate) fn node(&self) -> Arc<Node> {
        Arc::clone(&self.running.as_ref().expect("it runs").node)
    }

    pub(crate) fn vault(&self) -> SharedVault {
        SharedVault::clone(&self.running.as_ref().expect("it runs").vault)
    }

    /// Works on a record as its user does.
    pub(crate) fn with<T>(&self, id: &RecordId, work: impl FnOnce(&mut Record<'_>) -> T) -> Result<T, VaultError> {
        let vault = self.vault();
        let mut vault = vault.lock().unwrap();
        Ok(work(&mut vault.record(id)?))
    }

    /// The id of an envelope that this device holds.
    pub(crate) fn identify(&self, record: &RecordId, section: &SectionId, bytes: &[u8]) -> Option<EnvelopeId> {
        let (feed, seq) = place_of(bytes)?;
        let seq = u32::try_from(seq).ok()?;
        self.with(record, |record| {
            let ends = record.feed_ends(section).ok()?;
            let feed = ends.iter().find(|end| end.feed.0.starts_with(&feed))?.feed;
            let held = record.envelopes_after(&feed, seq - 1, 1).ok()?.into_iter().next()?;
            if held == bytes { record.envelope_at(&feed, seq).ok()? } else { None }
        })
        .ok()?
    }

    /// Begins an exchange with the relay, unless one is going on.
    pub(crate) fn begin_exchange(&mut self, record: RecordId) {
        let (node, vault, mut tell) = (self.node(), self.vault(), self.teller());
        self.begin(async move { sync_with_relay(&node, &vault, record, &mut tell).await });
    }

    /// Begins an exchange with another device, unless one is going on.
    pub(crate) fn begin_meeting(&mut self, record: RecordId, peer: RelayAddress) {
        let (node, vault, mut tell) = (self.node(), self.vault(), self.teller());
        self.begin(async move { sync_with_peer(&node, &vault, record, &peer, &mut tell).await });
    }

    fn begin(&mut self, exchange: impl Future<Output = Exchanged> + 'static) {
        if !self.is_busy() {
            self.exchange = Some(self.executor.spawn(self.id, exchange));
        }
    }

    /// Whether an exchange is going on. One that has ended is taken note of.
    pub(crate) fn is_busy(&mut self) -> bool {
        let Some(exchange) = &mut self.exchange else { return false };
        match exchange.try_recv() {
            Err(tokio::sync::oneshot::error::TryRecvError::Empty) => return true,
            Ok(Ok(_)) => self.settled += 1,
            Ok(Err(error)) => {
                let now = self.net.now();
                self.net.trace().note(now, format_args!("{}: {error}", self.id));
            }
            Err(_) => {}
        }
        self.exchange = None;
        false
    }

    /// Waits for the exchange that is going on.
    pub(crate) fn take_exchange(&mut self) -> Option<Ending<Exchanged>> {
        self.exchange.take()
    }

    fn teller(&self) -> impl FnMut(Event) + Send + use<> {
        let (id, net, alarms) = (self.id, self.net.clone(), Arc::clone(&self.alarms));
        move |event| {
            let now = net.now();
            net.trace().note(now, format_args!("{id}: {event:?}"));
            if let Event::Alarm(alarm) = event {
                alarms.lock().unwrap().push((now, alarm));
            }
        }
    }
}

/// A device with little memory.
fn small() -> Options {
    Options { cache_bytes: 1 << 20, ..Options::default() }
}
