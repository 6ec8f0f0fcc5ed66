//! Sockets and streams: with `net/`, the only place that names iroh.
//!
//! A process has one [`Node`]. Its endpoint speaks to no outside relay, no lookup service and no DNS, asks no router to
//! open a port, and announces itself to nobody: whoever is to reach it is given its address. `stream_receive_window` is
//! left alone, because above its default the QUIC library ends whole connections.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use carnet_crypto::{
    id::{DeviceId, RecordId},
    sign::PublicKey,
};
use carnet_protocol::frame::{PEER_ALPN, RELAY_ALPN, RelayAddress, hello::EXPORTER_LABEL};
use carnet_vault::TransportSeed;
use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Connection, Incoming, PortmapperConfig, QuicTransportConfig, VarInt, presets},
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{engine::slot::Slots, error::SyncError, shared::SharedVault};

mod line;

pub(crate) use self::line::Line;

/// Time for a connection to come about.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// Time for a stranger's handshake and for the first stream after it.
const OPENING_TIME: Duration = Duration::from_secs(10);
/// Streams that one peer may have open.
const STREAMS_MAX: u32 = 8;
/// Connections from others at one time.
const CONNECTIONS_MAX: usize = 32;

/// The network endpoint of this process.
pub struct Node {
    endpoint: Endpoint,
    services: Arc<Services>,
    accepting: JoinHandle<()>,
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
        let failed = |error: &dyn std::fmt::Display| SyncError::Bind(error.to_string());
        let transport = QuicTransportConfig::builder()
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .build();
        let mut builder = Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(seed.expose_for_store()))
            .alpns(vec![PEER_ALPN.to_vec(), RELAY_ALPN.to_vec()])
            .relay_mode(RelayMode::Disabled)
            .portmapper_config(PortmapperConfig::Disabled)
            .transport_config(transport)
            .clear_address_lookup()
            .clear_relay_transports();
        if !listen.is_empty() {
            builder = builder.clear_ip_transports();
        }
        for address in listen {
            builder = builder.bind_addr(*address).map_err(|error| failed(&error))?;
        }
        let endpoint = builder.bind().await.map_err(|error| failed(&error))?;
        let services = Arc::new(Services {
            vault: Mutex::new(None),
            slots: Slots::default(),
            served: watch::Sender::new(BTreeMap::new()),
            connections: Semaphore::new(CONNECTIONS_MAX),
        });
        let accepting = tokio::spawn(accept(endpoint.clone(), Arc::clone(&services)));
        Ok(Self { endpoint, services, accepting })
    }

    /// Where this device is reached: its transport key and sockets, in the form of a relay's address.
    pub fn address(&self) -> RelayAddress {
        let key = PublicKey(*self.endpoint.id().as_bytes());
        let bound = self.endpoint.bound_sockets();
        let reached: Vec<SocketAddr> = self.endpoint.addr().ip_addrs().copied().collect();
        let all = bound.iter().chain(&reached).copied();
        let mut addresses: Vec<SocketAddr> = all.filter(|it| !it.ip().is_unspecified()).collect();
        if addresses.is_empty() {
            addresses.extend(bound.iter().map(|socket| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), socket.port())));
        }
        RelayAddress::new(key, addresses, None)
    }

    /// Closes every connection in order.
    pub async fn close(self) {
        self.accepting.abort();
        self.endpoint.close().await;
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// A connection to whoever holds the key of `address`.
    pub(crate) async fn connect(&self, address: &RelayAddress, alpn: &[u8]) -> Result<Link, SyncError> {
        let id = iroh::PublicKey::from_bytes(&address.key.0).map_err(|_| SyncError::Unreachable)?;
        let sockets = address.addresses.iter().copied().map(TransportAddr::Ip);
        let connecting = self.endpoint.connect(EndpointAddr::from_parts(id, sockets), alpn);
        match timeout(CONNECT_TIME, connecting).await {
            Ok(Ok(connection)) => Link::new(connection),
            Ok(Err(_)) | Err(_) => Err(SyncError::Unreachable),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A connection, and what both ends of it can compute and nobody else.
pub(crate) struct Link {
    connection: Connection,
    /// Keying material of the TLS session: what proofs are bound to.
    pub(crate) exporter: [u8; 32],
}

impl Link {
    fn new(connection: Connection) -> Result<Self, SyncError> {
        let mut exporter = [0; 32];
        let exported = connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"");
        exported.map_err(|_| SyncError::Unreachable)?;
        Ok(Self { connection, exporter })
    }

    /// A stream of its own.
    pub(crate) async fn open(&self) -> Result<Line, SyncError> {
        let opened = timeout(CONNECT_TIME, self.connection.open_bi()).await;
        let (send, receive) = opened.map_err(|_| SyncError::Unreachable)?.map_err(|_| SyncError::Unreachable)?;
        Ok(Line::new(send, receive))
    }

    /// The next stream that the other end opens.
    async fn accept(&self) -> Option<Line> {
        let (send, receive) = self.connection.accept_bi().await.ok()?;
        Some(Line::new(send, receive))
    }

    /// Ends the connection in order.
    pub(crate) fn close(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
    }
}

async fn accept(endpoint: Endpoint, services: Arc<Services>) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(serve(Arc::clone(&services), incoming));
    }
}

/// Serves one connection, if there is room for it.
async fn serve(services: Arc<Services>, incoming: Incoming) {
    let Ok(_room) = services.connections.try_acquire() else { return incoming.refuse() };
    let Ok(accepting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = timeout(OPENING_TIME, accepting).await else { return };
    let Ok(link) = Link::new(connection) else { return };
    let Ok(mut next) = timeout(OPENING_TIME, link.accept()).await else { return link.close() };
    while let Some(line) = next {
        tokio::spawn(crate::peer::answer(Arc::clone(&services), line, link.exporter));
        next = link.accept().await;
    }
}
