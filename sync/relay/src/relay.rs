//! What all streams of a running relay share, and how they reach the store.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    id::{DeviceId, ObjectId, RecordId},
};
use carnet_protocol::frame::AdmissionToken;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Notify, Semaphore},
};

use crate::{
    config::Config,
    key::NodeKey,
    mailbox::{Shelf, View, record_row},
    quota::Rate,
    store::{Snapshot, Store, StoreError, writer::Writer},
};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// Objects that are being uploaded share this many turns.
const OBJECT_TURNS: usize = 64;
/// Bodies of frames in memory at one time, over all streams, in bytes.
const BODIES_BYTES_MAX: usize = 64 << 20;

/// What all streams share.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) writer: Writer,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) key: Arc<NodeKey>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) token: Option<AdmissionToken>,
    /// Rung whenever a slot changed.
    pub(crate) slots: Notify,
    pub(crate) bodies: Arc<Semaphore>,
    rates: Mutex<Rates>,
    object_turns: Vec<tokio::sync::Mutex<()>>,
}

struct Rates {
    records: Rate<IpAddr>,
    streams: Rate<IpAddr>,
    requests: Rate<(RecordId, DeviceId)>,
    connections: HashMap<IpAddr, u32>,
    connections_in_all: u32,
}

impl Shared {
    pub(crate) fn new(
        store: Arc<Store>,
        writer: Writer,
        shelf: Arc<Shelf>,
        key: Arc<NodeKey>,
        clock: Arc<dyn Clock>,
        config: Config,
        token: Option<AdmissionToken>,
    ) -> Self {
        let limits = &config.limits;
        let rates = Rates {
            records: Rate::new(limits.records_per_address_per_day, DAY_MS),
            streams: Rate::new(limits.streams_per_address_per_minute, MINUTE_MS),
            requests: Rate::new(limits.requests_per_device_per_minute, MINUTE_MS),
            connections: HashMap::new(),
            connections_in_all: 0,
        };
        Self {
            store,
            writer,
            shelf,
            key,
            clock,
            config,
            token,
            slots: Notify::new(),
            bodies: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
            rates: Mutex::new(rates),
            object_turns: (0..OBJECT_TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
        }
    }

    /// The present instant.
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this address may open one more stream now.
    pub(crate) fn may_open_stream(&self, address: IpAddr) -> bool {
        self.rates().streams.take(&address, self.now())
    }

    /// Whether this address may create one more record now.
    pub(crate) fn may_create(&self, address: IpAddr) -> bool {
        self.rates().records.take(&address, self.now())
    }

    /// Whether this device may ask once more now.
    pub(crate) fn may_ask(&self, record: RecordId, device: DeviceId) -> bool {
        self.rates().requests.take(&(record, device), self.now())
    }

    /// Counts a connection; nothing when there are too many. It is counted until the answer is dropped.
    pub(crate) fn connect(self: &Arc<Self>, address: IpAddr) -> Option<Connected> {
        let limits = &self.config.limits;
        let mut rates = self.rates();
        let of_address = rates.connections.get(&address).copied().unwrap_or(0);
        if rates.connections_in_all >= limits.connections_max || of_address >= limits.connections_per_address_max {
            return None;
        }
        rates.connections_in_all = rates.connections_in_all.saturating_add(1);
        rates.connections.insert(address, of_address.saturating_add(1));
        drop(rates);
        Some(Connected { shared: Arc::clone(self), address })
    }

    /// Reads the store: on a thread that may wait for the disk, or on a runtime of one thread, as a simulation is, at
    /// once and in its place.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Snapshot, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.store);
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            return work(&store.snapshot()?, store.data());
        }
        let done = tokio::task::spawn_blocking(move || work(&store.snapshot()?, store.data()));
        done.await.unwrap_or(Err(StoreError::Damaged("reading stopped")))
    }

    /// The newest view of a record, or nothing when there is no such record here, or it has ended.
    pub(crate) async fn view(self: &Arc<Self>, record: RecordId) -> Result<Option<Arc<View>>, StoreError> {
        if let Some(view) = self.shelf.view(&record) {
            return Ok(Some(view).filter(|view| !view.members.is_ended()));
        }
        // A stranger's guess never reaches the writing thread.
        let row = self.read(move |snapshot, _| record_row(snapshot, &record)).await?;
        if row.is_none_or(|row| row.ended) {
            return Ok(None);
        }
        self.writer.write(1, move |books, group| books.open(group, record)).await?;
        Ok(self.shelf.view(&record))
    }

    /// Waits until nobody else uploads the same object.
    pub(crate) async fn object_turn(&self, object: &ObjectId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let turn = usize::from(object.0.first().copied().unwrap_or(0)).checked_rem(OBJECT_TURNS)?;
        Some(self.object_turns.get(turn)?.lock().await)
    }
}

/// A connection that is counted.
pub(crate) struct Connected {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut rates = self.shared.rates();
        rates.connections_in_all = rates.connections_in_all.saturating_sub(1);
        if let Some(count) = rates.connections.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                rates.connections.remove(&self.address);
            }
        }
    }
}
