//! Sockets and connections: the only file that names iroh.
//!
//! The endpoint speaks to no outside relay, no lookup service and no DNS. `stream_receive_window` is left alone: above its
//! default the QUIC library ends whole connections (`docs/frames.md`, "Connections and streams").

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use carnet_crypto::{fault::Fault, sign::PublicKey};
use carnet_protocol::frame::{RELAY_ALPN, RelayAddress, hello::EXPORTER_LABEL};
use iroh::{
    Endpoint, RelayMode, SecretKey,
    endpoint::{
        Connection, Incoming, IncomingAddr, PortmapperConfig, QuicTransportConfig, RecvStream, SendStream, VarInt,
        presets,
    },
};
use tokio::{io::AsyncWrite, time::timeout};

use crate::{
    relay::Shared,
    stream::{self, DONE, Ends, OPENING_TIME, Peer},
};

/// Streams that one connection may have open.
const STREAMS_MAX: u32 = 32;
/// A connection without any sign of life ends.
const IDLE_TIME: Duration = Duration::from_mins(1);

/// The endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen: {0}")]
pub struct BindError(String);

impl BindError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// An open endpoint.
pub(crate) struct Listener {
    endpoint: Endpoint,
}

impl Listener {
    /// Opens the endpoint with the relay's key.
    pub(crate) async fn bind(seed: &[u8; 32], listen: &[SocketAddr]) -> Result<Self, BindError> {
        let failed = |error: &dyn std::fmt::Display| BindError(error.to_string());
        let idle = IDLE_TIME.try_into().map_err(|error| failed(&format!("{error:?}")))?;
        let transport = QuicTransportConfig::builder()
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .max_idle_timeout(Some(idle))
            .build();
        let mut builder = Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(seed))
            .alpns(vec![RELAY_ALPN.to_vec()])
            .relay_mode(RelayMode::Disabled)
            .portmapper_config(PortmapperConfig::Disabled)
            .transport_config(transport)
            .clear_address_lookup()
            .clear_relay_transports()
            .clear_ip_transports();
        for address in listen {
            builder = builder.bind_addr(*address).map_err(|error| failed(&error))?;
        }
        Ok(Self { endpoint: builder.bind().await.map_err(|error| failed(&error))? })
    }

    /// Key and socket addresses. An unspecified address is given as what this machine is reached by, where that is known.
    pub(crate) fn address(&self) -> RelayAddress {
        let key = PublicKey(*self.endpoint.id().as_bytes());
        let reached: Vec<SocketAddr> = self.endpoint.addr().ip_addrs().copied().collect();
        let bound = self.endpoint.bound_sockets();
        let named = bound.iter().filter(|socket| !socket.ip().is_unspecified()).copied();
        let mut addresses: Vec<SocketAddr> = named.chain(reached).filter(|it| !it.ip().is_unspecified()).collect();
        if addresses.is_empty() {
            addresses.extend(bound.iter().map(|socket| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), socket.port())));
        }
        RelayAddress::new(key, addresses, None)
    }

    /// Serves connections until `shutdown`, then closes them in order.
    pub(crate) async fn serve(self, shared: Arc<Shared>, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                incoming = self.endpoint.accept() => match incoming {
                    Some(incoming) => { tokio::spawn(connection(Arc::clone(&shared), incoming)); }
                    None => break,
                },
                () = &mut shutdown => break,
            }
        }
        self.endpoint.close().await;
    }
}

async fn connection(shared: Arc<Shared>, incoming: Incoming) {
    let IncomingAddr::Ip(socket) = incoming.remote_addr() else { return incoming.ignore() };
    let address = socket.ip();
    let Some(_counted) = shared.connect(address) else { return incoming.refuse() };
    let Ok(accepting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = timeout(OPENING_TIME, accepting).await else { return };
    let mut exporter = [0; 32];
    if connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").is_err() {
        return;
    }
    streams(&connection, &Peer::new(shared, address, exporter)).await;
    connection.close(VarInt::from_u32(DONE), b"");
}

async fn streams(connection: &Connection, peer: &Peer) {
    // A stranger that says nothing does not stay.
    let Ok(mut next) = timeout(OPENING_TIME, connection.accept_bi()).await else { return };
    while let Ok((send, receive)) = next {
        if peer.shared.may_open_stream(peer.address) {
            let ends = Ends { incoming: Box::new(receive), outgoing: Box::new(Outgoing::new(send)) };
            tokio::spawn(stream::serve(peer.clone(), ends));
        } else {
            // Dropping both halves resets the stream: no answer, no work.
            drop((send, receive));
        }
        next = connection.accept_bi().await;
    }
}

impl stream::Incoming for RecvStream {
    fn stop(&mut self, code: u32) {
        // An error means that it has ended already.
        let _ = Self::stop(self, VarInt::from_u32(code));
    }
}

/// The sending half of a stream. It is shut down once everything has arrived, or the other end does not want it.
struct Outgoing {
    stream: SendStream,
    arriving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Outgoing {
    fn new(stream: SendStream) -> Self {
        Self { stream, arriving: None }
    }
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
