//! Devices with vaults of their own, and a relay in this process.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carnet_record::{
    Draft, Instant, Provenance,
    kind::{Allergy, Document},
};
use carnet_relay::{Policy, ServeOptions, init, serve};
use carnet_sync::{Event, Node, SharedVault, SyncError, Synced, share, sync_with_relay};
use carnet_vault::{
    Argon2Params, Clock, Door, NewRecord, Passphrase, Record, RecordId, RecoveryKit, RelayAddress, UnixMillis, Vault,
    entries::Filter,
    import::{ImportError, ImportSource},
    store::Options,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

pub(crate) const START: u64 = 1_790_000_000_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that a story moves; every look at it takes a millisecond.
pub(crate) struct StoryClock(AtomicU64);

impl StoryClock {
    pub(crate) fn new(now: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(now)))
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// A relay that runs in this process.
pub(crate) struct RunningRelay {
    pub(crate) address: RelayAddress,
    pub(crate) clock: Arc<StoryClock>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), carnet_relay::ServeError>>,
}

impl RunningRelay {
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0".parse().unwrap()).await
    }

    /// Starts where an earlier one listened.
    pub(crate) async fn start_at(data: &Path, listen: std::net::SocketAddr) -> Self {
        let clock = StoryClock::new(START);
        let (stop, stopped) = oneshot::channel();
        let (said, heard) = oneshot::channel();
        let options = ServeOptions { data: data.to_owned(), listen: vec![listen] };
        let own_clock = Arc::clone(&clock);
        let task =
            tokio::spawn(serve(options, own_clock, move |address| said.send(address.clone()).unwrap(), async move {
                let _ = stopped.await;
            }));
        let Ok(address) = heard.await else { panic!("{:?}", task.await) };
        Self { address, clock, stop: Some(stop), task }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(PATIENCE, self.task).await.expect("the relay stops").unwrap().unwrap();
    }
}

/// A folder with a relay that takes records from everybody.
pub(crate) fn relay_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    init(&folder.path().join("relay"), Policy::Open, &mut rand::rng()).unwrap();
    folder
}

pub(crate) async fn relay() -> (tempfile::TempDir, RunningRelay) {
    let folder = relay_folder();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    (folder, relay)
}

/// A device: a vault in a folder of its own, and a network endpoint.
pub(crate) struct Device {
    pub(crate) vault: SharedVault,
    pub(crate) node: Node,
    pub(crate) clock: Arc<StoryClock>,
    pub(crate) folder: tempfile::TempDir,
    seed: u64,
    pub(crate) events: Vec<Event>,
}

impl Device {
    pub(crate) async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = StoryClock::new(START);
        let vault = Vault::create(folder.path(), &passphrase(), Argon2Params::MINIMUM, door(&clock, seed)).unwrap();
        let node = Node::bind(&vault.transport(), &["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        Self { vault: share(vault), node, clock, folder, seed, events: Vec::new() }
    }

    /// Closes the vault and opens what is in its folder now, which `between` may change.
    pub(crate) async fn reopen(self, between: impl FnOnce(&Path)) -> Self {
        let Self { vault, node, clock, folder, seed, events } = self;
        node.close().await;
        Arc::into_inner(vault).expect("nobody else uses the vault").into_inner().unwrap().close().unwrap();
        between(folder.path());
        let seed = seed + 1_000;
        let vault = Vault::open(folder.path(), &passphrase(), Options::default(), door(&clock, seed)).unwrap();
        let node = Node::bind(&vault.transport(), &["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        Self { vault: share(vault), node, clock, folder, seed, events }
    }

    pub(crate) fn begin(&self, relay: Option<&RelayAddress>) -> RecoveryKit {
        let mut vault = self.vault.lock().unwrap();
        let label = match vault.records().unwrap().len() {
            0 => "Camille".to_owned(),
            others => format!("Camille {others}"),
        };
        let device_label = format!("Appareil {}", self.seed);
        vault.create_record(&NewRecord { label, device_label, year: 2026, relay: relay.cloned() }).unwrap()
    }

    pub(crate) fn with<T>(&self, id: &RecordId, work: impl FnOnce(&mut Record<'_>) -> T) -> T {
        work(&mut self.vault.lock().unwrap().record(id).unwrap())
    }

    pub(crate) fn add(&self, id: &RecordId, name: &str) {
        self.with(id, |record| record.add(&allergy(name)).map(drop)).unwrap();
    }

    pub(crate) fn labels(&self, id: &RecordId) -> Vec<String> {
        let found = self.with(id, |record| record.list(&Filter::default())).unwrap();
        let mut labels: Vec<String> = found.iter().map(|found| found.entry.fact.label()).collect();
        labels.sort();
        labels
    }

    pub(crate) fn digest(&self, id: &RecordId) -> [u8; 32] {
        self.with(id, |record| record.digest()).unwrap()
    }

    pub(crate) fn pending(&self, id: &RecordId) -> carnet_vault::replica::Pending {
        self.with(id, |record| record.pending()).unwrap()
    }

    pub(crate) async fn try_sync(&mut self, id: &RecordId) -> Result<Synced, SyncError> {
        let events = &mut self.events;
        sync_with_relay(&self.node, &self.vault, *id, &mut |event| events.push(event)).await
    }

    pub(crate) async fn sync(&mut self, id: &RecordId) -> Synced {
        self.try_sync(id).await.expect("they exchange")
    }

    /// Takes in measures that do not compress well.
    pub(crate) fn measure(&self, id: &RecordId, count: i32) {
        self.measure_from(id, 1_767_225_600_000, count);
    }

    /// The same, from an instant on that is given in milliseconds. What lies in another month comes in another envelope.
    pub(crate) fn measure_from(&self, id: &RecordId, start_ms: i64, count: i32) {
        use carnet_record::{
            Decimal,
            batch::{Sample, Series, Source},
            item::{Item, Tally},
        };
        let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut value = || Decimal::from_i32(i32::try_from(random.next_u32() >> 8).unwrap());
        let sample = |n: i32| Sample::at(start_ms + i64::from(n) * 7_000, value());
        let items =
            [Item::Samples { series, samples: (0..count).map(sample).collect() }, Item::Tally(Box::<Tally>::default())];
        self.with(id, |record| {
            let source = ImportSource { sha256: [8; 32], importer: "tests 1".to_owned() };
            let mut import = record.begin_import(&source).unwrap();
            let mut items = items.into_iter();
            import.read::<ImportError>(|| Ok(items.next())).unwrap();
            import.finish::<ImportError>(|_| Ok(None)).unwrap();
        });
    }

    /// Attaches a document of these bytes.
    pub(crate) fn attach(&self, id: &RecordId, name: &str, bytes: &[u8]) {
        use carnet_record::item::{Item, Tally};
        self.with(id, |record| {
            let fact = Document { title: Some(name.to_owned()), ..Document::default() };
            let mut draft = Draft::new(fact, Provenance::default());
            draft.source_key = Some(carnet_record::SourceKey::new("test", [name]));
            let mut items = vec![Item::DocumentStart { draft: Box::new(draft) }];
            items.extend(bytes.chunks(60_000).map(|part| Item::DocumentBytes(part.to_vec())));
            let sha256 = <sha2::Sha256 as sha2::Digest>::digest(bytes).into();
            items.push(Item::DocumentEnd { sha256, size: u64::try_from(bytes.len()).unwrap() });
            items.push(Item::Tally(Box::<Tally>::default()));
            let source = ImportSource { sha256, importer: "tests 1".to_owned() };
            let mut import = record.begin_import(&source).unwrap();
            let mut items = items.into_iter();
            import.read::<ImportError>(|| Ok(items.next())).unwrap();
            import.finish::<ImportError>(|_| Ok(None)).unwrap();
        });
    }
}

/// Adds `other` as a device without any network, as face to face; it has nothing of the record yet.
pub(crate) fn pair_by_hand(owner: &Device, other: &Device, id: &RecordId) {
    use carnet_vault::pairing::Delivery;
    let mut vault = owner.vault.lock().unwrap();
    let mut joining = other.vault.lock().unwrap();
    let mut record = vault.record(id).unwrap();
    let inviter = record.invite(Delivery::AtOnce, false).unwrap().inviter;
    let offer = record.offer(&inviter);
    let (joiner, commitment) = joining.commit_to(inviter.ticket(None), &offer, "Téléphone").unwrap();
    let (challenger, challenge) = record.challenge(inviter, &commitment).unwrap();
    let (joined, reveal) = joining.reveal_to(joiner, &challenge).unwrap();
    let candidate = challenger.reveal(&reveal).unwrap();
    record.admit(candidate).unwrap();
    assert_eq!(joining.join(joined, "Camille").unwrap(), *id);
}

/// Two devices of one record with a relay between them, both up to date.
pub(crate) async fn two_devices(seed: u64, relay: &RelayAddress) -> (Device, Device, RecordId) {
    let (mut one, mut two) = (Device::new(seed).await, Device::new(seed + 1).await);
    let id = one.begin(Some(relay)).record;
    pair_by_hand(&one, &two, &id);
    one.sync(&id).await;
    two.sync(&id).await;
    (one, two, id)
}

pub(crate) fn allergy(name: &str) -> Draft {
    let fact = Allergy { name: Some(name.to_owned()), ..Allergy::default() };
    Draft::new(fact, Provenance::typed(Instant::at_most(1_790_000_000_000)))
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new("un coffre pour les tests".as_bytes()).unwrap()
}

fn door(clock: &Arc<StoryClock>, seed: u64) -> Door {
    let next = AtomicU64::new(seed << 32);
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Door::new(clock, move || Box::new(StdRng::seed_from_u64(next.fetch_add(1, Ordering::Relaxed))))
}
