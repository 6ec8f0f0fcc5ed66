//! The network endpoint of a process, and what carries its streams.
//!
//! A process has one [`Node`]. It looks nobody up: whoever is to reach it is given its address. Sockets are in `quic`,
//! behind [`Carrier`], so that a simulation can carry the same streams in memory; nothing else of an exchange differs.

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
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::{engine::slot::Slots, error::SyncError, shared::SharedVault};

mod line;
mod quic;

pub(crate) use self::line::Line;

/// Time for a connection to come about.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// Connections from others at one time.
const CONNECTIONS_MAX: usize = 32;

/// What will be there later.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

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
    fn connect<'a>(&'a self, address: &'a RelayAddress, protocol: &'a [u8]) -> Soon<'a, Option<Box<dyn Connection>>>;

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
    /// The vault whose records are served to peers; none when nobody is.
    pub(crate) vault: Mutex<Option<SharedVault>>,
    /// Open invitations that live here, not at a relay.
    pub(crate) slots: Slots,
    /// How often each device has finished an exchange with this one.
    pub(crate) served: watch::Sender<BTreeMap<(RecordId, DeviceId), u64>>,
    connections: Semaphore,
}

impl Services {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            vault: Mutex::new(None),
            slots: Slots::default(),
            served: watch::Sender::new(BTreeMap::new()),
            connections: Semaphore::new(CONNECTIONS_MAX),
        })
    }

    /// Serves the records of a vault to peers for as long as what this returns lives.
    pub(crate) fn serve(self: &Arc<Self>, vault: &SharedVault) -> Serving {
        *self.vault.lock().unwrap_or_else(PoisonError::into_inner) = Some(SharedVault::clone(vault));
        Serving(Arc::clone(self))
    }

    /// Notes that a device has finished an exchange with this one.
    pub(crate) fn note_served(&self, record: RecordId, device: DeviceId) {
        self.served.send_modify(|served| {
            let count = served.entry((record, device)).or_default();
            *count = count.saturating_add(1);
        });
    }

    /// The vault whose records are served now.
    pub(crate) fn served_vault(&self) -> Option<SharedVault> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers a stream that another process opened.
    fn answer(self: &Arc<Self>, ends: Ends, exporter: [u8; 32]) -> Soon<'static, ()> {
        Box::pin(crate::peer::answer(Arc::clone(self), Line::new(ends), exporter))
    }
}

/// Peers are served as long as this lives.
pub(crate) struct Serving(Arc<Services>);

impl Drop for Serving {
    fn drop(&mut self) {
        *self.0.vault.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        self.services.answer(ends, exporter)
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
        let connected = timeout(CONNECT_TIME, self.carrier.connect(address, protocol)).await;
        let connection = connected.ok().flatten().ok_or(SyncError::Unreachable)?;
        let exporter = connection.exporter().ok_or(SyncError::Unreachable)?;
        Ok(Link { connection, exporter })
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
