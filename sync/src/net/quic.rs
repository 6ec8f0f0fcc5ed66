//! QUIC through iroh, the [`Carrier`] of programs: the only file that names it.
//!
//! The endpoint speaks to no outside relay, no lookup service and no DNS, asks no router to open a port, and announces
//! itself to nobody. `stream_receive_window` is left alone, because above its default the QUIC library ends whole
//! connections.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use carnet_crypto::sign::PublicKey;
use carnet_protocol::frame::{PEER_ALPN, RELAY_ALPN, RelayAddress, hello::EXPORTER_LABEL};
use carnet_vault::TransportSeed;
use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Incoming, PortmapperConfig, QuicTransportConfig, SendStream, VarInt, presets},
};
use tokio::{io::AsyncWrite, sync::Semaphore, task::JoinHandle, time::timeout};

use super::{Carrier, Connected, Connection, Ends, OPENING_TIME, Services, Soon, probe};
use crate::error::SyncError;

/// Time for the other ends to learn that this one closes.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// Handshakes of others under way at one time.
const HANDSHAKES_MAX: usize = 32;
/// Streams that one peer may have open.
const STREAMS_MAX: u32 = 8;

/// The endpoint of this process, and the task that takes connections in.
pub(super) struct Quic {
    endpoint: Endpoint,
    accepting: JoinHandle<()>,
}

impl Quic {
    /// Opens the endpoint. Without `listen` the system chooses the sockets.
    pub(super) async fn bind(
        seed: &TransportSeed,
        listen: &[SocketAddr],
        services: Arc<Services>,
    ) -> Result<Self, SyncError> {
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
        let accepting = tokio::spawn(accept(endpoint.clone(), services));
        Ok(Self { endpoint, accepting })
    }
}

impl Carrier for Quic {
    fn address(&self) -> RelayAddress {
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

    fn connect<'a>(&'a self, address: &'a RelayAddress, protocol: &'a [u8]) -> Soon<'a, Connected> {
        Box::pin(async move {
            let id = iroh::PublicKey::from_bytes(&address.key.0).map_err(|_| SyncError::Unreachable)?;
            let sockets = address.addresses.iter().copied().map(TransportAddr::Ip);
            let connecting = self.endpoint.connect(EndpointAddr::from_parts(id, sockets), protocol);
            tokio::select! {
                biased;
                connected = connecting => match connected {
                    Ok(connection) => Ok(Box::new(connection) as Box<dyn Connection>),
                    Err(_) => Err(SyncError::Unreachable),
                },
                own = probe::all_refuse(&address.addresses) => {
                    Err(own.map_or(SyncError::Unreachable, |error| SyncError::Bind(error.to_string())))
                }
            }
        })
    }

    fn close(&self) -> Soon<'_, ()> {
        self.accepting.abort();
        // Who does not hear that this end closes notices it by the silence.
        Box::pin(async { drop(timeout(CLOSE_TIME, self.endpoint.close()).await) })
    }
}

impl Drop for Quic {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connection for iroh::endpoint::Connection {
    fn exporter(&self) -> Option<[u8; 32]> {
        let mut exporter = [0; 32];
        self.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").ok()?;
        Some(exporter)
    }

    fn open(&self) -> Soon<'_, Option<Ends>> {
        Box::pin(async { Some(ends(self.open_bi().await.ok()?)) })
    }

    fn close(&self) {
        self.close(VarInt::from_u32(0), b"");
    }
}

/// Both ends of a stream as lines use them.
fn ends((send, receive): (SendStream, iroh::endpoint::RecvStream)) -> Ends {
    Ends { outgoing: Box::new(Outgoing { stream: send, arriving: None }), incoming: Box::new(receive) }
}

/// The sending half of a stream. It is shut down once everything has arrived, or the other end does not want it.
struct Outgoing {
    stream: SendStream,
    arriving: Option<Soon<'static, ()>>,
}

impl AsyncWrite for Outgoing {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.stream), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.stream), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, arriving } = &mut *self;
        if arriving.is_none() && stream.finish().is_err() {
            return Poll::Ready(Ok(()));
        }
        let arriving = arriving.get_or_insert_with(|| {
            let stopped = stream.stopped();
            Box::pin(async { drop(stopped.await) })
        });
        arriving.as_mut().poll(context).map(Ok)
    }
}

async fn accept(endpoint: Endpoint, services: Arc<Services>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(serve(Arc::clone(&services), Arc::clone(&handshakes), incoming));
    }
}

/// Serves one connection. Whoever is refused loses it, so that strangers take no lasting room.
async fn serve(services: Arc<Services>, handshakes: Arc<Semaphore>, incoming: Incoming) {
    let Some(connection) = shake_hands(&handshakes, incoming).await else { return };
    let Some(exporter) = connection.exporter() else { return };
    let guest = services.guests.receive(Box::new(connection.clone()));
    // A stranger that says nothing does not stay.
    let Ok(mut next) = timeout(OPENING_TIME, connection.accept_bi()).await else {
        return Connection::close(&connection);
    };
    while let Ok(streams) = next {
        let own = Arc::clone(&guest);
        let answered = services.answer(ends(streams), exporter, move || own.welcome());
        let answering = connection.clone();
        tokio::spawn(async move {
            if !answered.await {
                Connection::close(&answering);
            }
        });
        next = connection.accept_bi().await;
    }
}

async fn shake_hands(handshakes: &Semaphore, incoming: Incoming) -> Option<iroh::endpoint::Connection> {
    let Ok(_shaking) = handshakes.try_acquire() else {
        incoming.refuse();
        return None;
    };
    timeout(OPENING_TIME, incoming.accept().ok()?).await.ok()?.ok()
}
