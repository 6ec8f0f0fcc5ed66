//! The network endpoint of a process, and what carries its streams.
//!
//! A process has one [`Node`]. It looks nobody up: whoever is to reach it is given its address, or hears it in `local`
//! where a person asked for that. Sockets are in `quic`, behind [`Carrier`], so that a simulation can carry the same
//! streams in memory; nothing else of an exchange differs.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use carnet_crypto::id::{DeviceId, RecordId};
use carnet_protocol::frame::RelayAddress;
use carnet_vault::TransportSeed;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    engine::slot::Slots,
    error::SyncError,
    event::{Event, Synced},
    shared::SharedVault,
};

mod guests;
mod line;
mod local;
mod probe;
mod quic;

use self::guests::Guests;
pub(crate) use self::{line::Line, local::Neighbourhood};

/// Time for a connection to come about.
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(15);
/// Time for a stranger's handshake, for the first stream after it, and for the first frame of a stream.
pub(crate) const OPENING_TIME: Duration = Duration::from_secs(10);
/// What was told of exchanges and not yet heard, at most. What is beyond it is not told.
const TOLD_MAX: usize = 64;

/// What will be there later.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection, or why there is none.
pub type Connected = Result<Box<dyn Connection>, SyncError>;

/// Both ends of one stream of bytes, as this process holds them.
pub struct Ends {
    /// What comes. It ends where the other end has said everything, and fails where the stream broke.
    pub incoming: Box<dyn AsyncRead + Send + Unpin>,
    /// What goes. To shut it down is to say everything and wait until it has arrived.
    pub outgoing: Box<dyn AsyncWrite + Send + Unpin>,
}

/// What carries streams between this process and others: QUIC in a program, memory in a simulation.
pub trait Carrier: Send + Sync {
    /// Where this process is reached: its transport key and sockets.
    fn address(&self) -> RelayAddress;

    /// A connection to whoever holds the key of `address`, and to nobody else.
    ///
    /// # Errors
    /// [`SyncError::Unreachable`]; [`SyncError::Bind`] when this machine itself is why.
    fn connect<'a>(&'a self, address: &'a RelayAddress, protocol: &'a [u8]) -> Soon<'a, Connected>;

    /// Ends every connection in order.
    fn close(&self) -> Soon<'_, ()>;
}

/// A connection between two processes that know each other's transport keys. It lasts as long as this, or a stream.
pub trait Connection: Send + Sync {
    /// 32 bytes that both ends of this connection can compute and nobody else: what proofs are bound to.
    fn exporter(&self) -> Option<[u8; 32]>;

    /// A stream of its own.
    fn open(&self) -> Soon<'_, Option<Ends>>;

    /// Ends the connection in order.
    fn close(&self);
}

/// The network endpoint of this process.
pub struct Node {
    carrier: Box<dyn Carrier>,
    services: Arc<Services>,
}

/// What the endpoint does for those who connect to it.
pub(crate) struct Services {
    /// The record that is served to its devices; none when nobody is served.
    served_record: Mutex<Option<Served>>,
    /// Open invitations that live here, not at a relay.
    pub(crate) slots: Slots,
    /// How often each device has finished an exchange with this one.
    pub(crate) served: watch::Sender<BTreeMap<(RecordId, DeviceId), u64>>,
    /// Calls that wait for an answer.
    calling: watch::Sender<usize>,
    guests: Arc<Guests>,
}

/// A record that is served to its devices, and where is told what came of it.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) vault: SharedVault,
    pub(crate) record: RecordId,
    told: mpsc::Sender<Event>,
}

impl Served {
    /// Tells of an exchange that a device had with this one.
    pub(crate) fn tell(&self, synced: &Synced) {
        let (operations, envelopes) = (synced.operations, synced.received.accepted);
        // Nobody waits for it: the exchange itself is in the vault.
        let _ = self.told.try_send(Event::Served { operations, envelopes, sent: synced.sent });
        if let Some(alarm) = synced.contradiction {
            let _ = self.told.try_send(Event::Alarm(alarm));
        }
    }
}

impl Services {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            served_record: Mutex::new(None),
            slots: Slots::default(),
            served: watch::Sender::new(BTreeMap::new()),
            calling: watch::Sender::new(0),
            guests: Arc::default(),
        })
    }

    /// Serves one record of a vault to its devices for as long as what this returns lives.
    pub(crate) fn serve(self: &Arc<Self>, vault: &SharedVault, record: RecordId) -> Serving {
        let (told, heard) = mpsc::channel(TOLD_MAX);
        let served = Served { vault: SharedVault::clone(vault), record, told };
        *self.served_record.lock().unwrap_or_else(PoisonError::into_inner) = Some(served);
        Serving { services: Arc::clone(self), heard }
    }

    /// Notes that a device has finished an exchange with this one.
    pub(crate) fn note_served(&self, record: RecordId, device: DeviceId) {
        self.served.send_modify(|served| {
            let count = served.entry((record, device)).or_default();
            *count = count.saturating_add(1);
        });
    }

    /// What is served of this record now; nothing for every other, even one that lies in the same vault.
    pub(crate) fn served_of(&self, record: &RecordId) -> Option<Served> {
        let served = self.served_record.lock().unwrap_or_else(PoisonError::into_inner).clone();
        served.filter(|served| served.record == *record)
    }

    /// Answers a stream that another process opened, and calls `welcome` when that showed that it belongs here. False
    /// when it was refused.
    fn answer(
        self: &Arc<Self>,
        ends: Ends,
        exporter: [u8; 32],
        welcome: impl Fn() + Send + 'static,
    ) -> Soon<'static, bool> {
        Box::pin(crate::peer::answer(Arc::clone(self), Line::new(ends), exporter, welcome))
    }
}

/// Devices are served as long as this lives.
pub(crate) struct Serving {
    services: Arc<Services>,
    heard: mpsc::Receiver<Event>,
}

impl Serving {
    /// The next exchange that a device had with this one.
    pub(crate) async fn heard(&mut self) -> Option<Event> {
        self.heard.recv().await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        *self.services.served_record.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Node {
    /// Opens the endpoint with the transport key of this installation. Without `listen` the system chooses the sockets.
    ///
    /// # Errors
    /// [`SyncError::Bind`].
    pub async fn bind(seed: &TransportSeed, listen: &[SocketAddr]) -> Result<Self, SyncError> {
        let services = Services::new();
        let quic = quic::Quic::bind(seed, listen, Arc::clone(&services)).await?;
        Ok(Self { carrier: Box::new(quic), services })
    }

    /// An endpoint without sockets. Streams that others open come in through [`Node::answer`].
    pub fn over(carrier: impl Carrier + 'static) -> Self {
        Self { carrier: Box::new(carrier), services: Services::new() }
    }

    /// Answers one stream that another process opened on a connection with this exporter.
    pub fn answer(&self, ends: Ends, exporter: [u8; 32]) -> Soon<'static, ()> {
        let answered = self.services.answer(ends, exporter, || {});
        Box::pin(async {
            let _ = answered.await;
        })
    }

    /// Is ready once this node has called somebody for `patience` without an answer: time to say that it still tries.
    pub async fn calls_in_vain(&self, patience: Duration) {
        let mut calling = self.services.calling.subscribe();
        loop {
            // The sender lives as long as the node.
            if calling.wait_for(|calls| *calls > 0).await.is_err() {
                return std::future::pending().await;
            }
            if timeout(patience, calling.wait_for(|calls| *calls == 0)).await.is_err() {
                return;
            }
        }
    }

    /// Where this device is reached: its transport key and sockets, in the form of a relay's address.
    pub fn address(&self) -> RelayAddress {
        self.carrier.address()
    }

    /// Closes every connection in order.
    pub async fn close(self) {
        self.carrier.close().await;
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// A connection to whoever holds the key of `address`.
    pub(crate) async fn connect(&self, address: &RelayAddress, protocol: &[u8]) -> Result<Link, SyncError> {
        self.connect_within(CONNECT_TIME, address, protocol).await
    }

    /// The same, where there is less time for it, or more.
    pub(crate) async fn connect_within(
        &self,
        time: Duration,
        address: &RelayAddress,
        protocol: &[u8],
    ) -> Result<Link, SyncError> {
        let _calling = Calling::begin(&self.services.calling);
        let connected = timeout(time, self.carrier.connect(address, protocol)).await;
        let connection = connected.unwrap_or(Err(SyncError::Unreachable))?;
        let exporter = connection.exporter().ok_or(SyncError::Unreachable)?;
        Ok(Link { connection, exporter })
    }
}

/// A call that waits for an answer.
struct Calling<'a>(&'a watch::Sender<usize>);

impl<'a> Calling<'a> {
    fn begin(calls: &'a watch::Sender<usize>) -> Self {
        calls.send_modify(|calls| *calls = calls.saturating_add(1));
        Self(calls)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls = calls.saturating_sub(1));
    }
}

/// A connection that this process opened.
pub(crate) struct Link {
    connection: Box<dyn Connection>,
    /// Keying material of the session: what proofs are bound to.
    pub(crate) exporter: [u8; 32],
}

impl Link {
    /// A stream of its own.
    pub(crate) async fn open(&self) -> Result<Line, SyncError> {
        let opened = timeout(CONNECT_TIME, self.connection.open()).await;
        Ok(Line::new(opened.ok().flatten().ok_or(SyncError::Unreachable)?))
    }

    /// Ends the connection in order.
    pub(crate) fn close(&self) {
        self.connection.close();
    }
}
