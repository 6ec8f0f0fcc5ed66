//! Sockets and streams: the only file that names iroh.
//!
//! The endpoint speaks to no outside relay, no lookup service and no DNS. A stream is drained by a task of its own into a
//! bounded queue; what does not fit ends that stream with `Busy`, never the connection, and nothing that was not
//! acknowledged is lost by it. `stream_receive_window` is left alone: above its default the QUIC library ends whole
//! connections (`docs/frames.md`, "Streams").

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use carnet_crypto::{fault::Fault, sign::PublicKey};
use carnet_protocol::frame::{
    Frame, FrameHeader, Kind, RELAY_ALPN, RelayAddress, Side, Stage, Step, hello::EXPORTER_LABEL,
};
use iroh::{
    Endpoint, RelayMode, SecretKey,
    endpoint::{
        Connection, Incoming, IncomingAddr, PortmapperConfig, QuicTransportConfig, RecvStream, SendStream, VarInt,
        presets,
    },
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{
    relay::Shared,
    session::{Flow, Session},
};

/// Streams that one connection may have open.
const STREAMS_MAX: u32 = 32;
/// Bodies of frames that one connection may have waiting, in bytes.
const CONNECTION_BYTES_MAX: usize = 8 << 20;
/// Frames of one stream that may wait to be answered: what a device may have unacknowledged.
const QUEUE_MAX: usize = carnet_protocol::frame::UNACKNOWLEDGED_MAX;
/// Time for the first frame of a stream, from its first byte to its last.
const OPENING_TIME: Duration = Duration::from_secs(10);
/// Time for the body of any other frame.
const BODY_TIME: Duration = Duration::from_mins(1);
/// A frame that its receiver does not take for so long ends the stream.
const SEND_TIME: Duration = Duration::from_mins(1);
/// A connection without any sign of life ends.
const IDLE_TIME: Duration = Duration::from_mins(1);
/// Error code with which a stream is stopped when its reader has no room.
const BUSY: u32 = 1;
/// Error code with which a stream or connection ends in order.
const DONE: u32 = 0;

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

/// The other end of a stream is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

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
    let room = Arc::new(Semaphore::new(CONNECTION_BYTES_MAX));
    let peer = Peer { shared, address, exporter, room };
    streams(&connection, &peer).await;
    connection.close(VarInt::from_u32(DONE), b"");
}

#[derive(Clone)]
struct Peer {
    shared: Arc<Shared>,
    address: IpAddr,
    exporter: [u8; 32],
    room: Arc<Semaphore>,
}

async fn streams(connection: &Connection, peer: &Peer) {
    // A stranger that says nothing does not stay.
    let Ok(mut next) = timeout(OPENING_TIME, connection.accept_bi()).await else { return };
    while let Ok((send, receive)) = next {
        if peer.shared.may_open_stream(peer.address) {
            tokio::spawn(stream(peer.clone(), send, receive));
        } else {
            // Dropping both halves resets the stream: no answer, no work.
            drop((send, receive));
        }
        next = connection.accept_bi().await;
    }
}

/// A frame that was read, with the room that its body takes.
struct Received {
    frame: Frame,
    _room: Option<[OwnedSemaphorePermit; 2]>,
}

/// Why no further frame comes.
enum Ended {
    /// The device has said everything, or is gone.
    Gone,
    /// What it sends is no frame.
    Malformed,
    /// There is no room for it.
    Busy,
}

async fn stream(peer: Peer, send: SendStream, mut receive: RecvStream) {
    let mut out = Sender(send);
    let mut session = Session::new(Arc::clone(&peer.shared), peer.exporter, peer.address);
    let opened = open(&mut session, &mut receive, &mut out).await;
    if opened == Some(Flow::On) {
        let (queue, frames) = mpsc::channel(QUEUE_MAX);
        let stage = session.stage();
        let reading = tokio::spawn(drain(peer, receive, queue, stage));
        let _ = converse(&mut session, frames, &mut out).await;
        reading.abort();
    } else {
        let _ = receive.stop(VarInt::from_u32(DONE));
    }
    out.finish().await;
}

/// Reads and answers the first frame. Whatever it is, a stranger gets one constant answer.
async fn open(session: &mut Session, receive: &mut RecvStream, out: &mut Sender) -> Option<Flow> {
    let first = timeout(OPENING_TIME, async {
        let header = read_header(receive).await?;
        if !matches!(Stage::Opening.next(header.kind), Step::Judge(_)) {
            return Err(Ended::Malformed);
        }
        let mut body = vec![0; header.body_bytes];
        receive.read_exact(&mut body).await.map_err(|_| Ended::Gone)?;
        Frame::decode(header, &body).map_err(|_| Ended::Malformed)
    });
    let answered = match first.await {
        Ok(Ok(frame)) => session.answer(frame, out).await,
        Ok(Err(Ended::Gone)) => Err(Gone),
        Ok(Err(Ended::Malformed | Ended::Busy)) | Err(_) => session.refuse(out).await,
    };
    answered.ok()
}

/// Answers frames in the order in which they came, and tells news in between.
async fn converse(
    session: &mut Session,
    mut frames: mpsc::Receiver<Result<Received, Ended>>,
    out: &mut Sender,
) -> Result<(), Gone> {
    loop {
        let flow = tokio::select! {
            biased;
            received = frames.recv() => match received {
                Some(Ok(received)) => session.answer(received.frame, out).await?,
                Some(Err(Ended::Malformed)) => {
                    let denied = carnet_protocol::frame::Denial::OutOfPlace;
                    return out.send(&Frame::Denied(denied)).await;
                }
                Some(Err(Ended::Busy)) => return out.send(&Frame::Busy).await,
                Some(Err(Ended::Gone)) | None => return Ok(()),
            },
            () = session.news() => session.tell(out).await?,
        };
        if flow == Flow::End {
            return Ok(());
        }
    }
}

/// Reads frames as they come, whether or not they are answered yet, as long as there is room for them.
async fn drain(peer: Peer, mut receive: RecvStream, queue: mpsc::Sender<Result<Received, Ended>>, stage: Stage) {
    let ended = loop {
        match read_frame(&peer, &mut receive, stage).await {
            // The last place is kept for the reason why nothing more comes.
            Ok(received) if queue.capacity() > 1 => {
                if queue.try_send(Ok(received)).is_err() {
                    return;
                }
            }
            Ok(_) => break Ended::Busy,
            Err(ended) => break ended,
        }
    };
    let code = if matches!(ended, Ended::Busy) { BUSY } else { DONE };
    let _ = queue.try_send(Err(ended));
    let _ = receive.stop(VarInt::from_u32(code));
}

async fn read_header(receive: &mut RecvStream) -> Result<FrameHeader, Ended> {
    let mut header = [0; FrameHeader::BYTES];
    receive.read_exact(&mut header).await.map_err(|_| Ended::Gone)?;
    FrameHeader::parse(header).map_err(|_| Ended::Malformed)
}

async fn read_frame(peer: &Peer, receive: &mut RecvStream, stage: Stage) -> Result<Received, Ended> {
    let header = read_header(receive).await?;
    // What may not stand here is not read: its kind alone is answered.
    if header.kind.side() != Side::Asker || matches!(stage.next(header.kind), Step::OutOfPlace | Step::Ignore) {
        return Err(Ended::Malformed);
    }
    let room = take_room(peer, header)?;
    let mut body = vec![0; header.body_bytes];
    match timeout(BODY_TIME, receive.read_exact(&mut body)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => return Err(Ended::Gone),
    }
    let frame = Frame::decode(header, &body).map_err(|_| Ended::Malformed)?;
    Ok(Received { frame, _room: room })
}

fn take_room(peer: &Peer, header: FrameHeader) -> Result<Option<[OwnedSemaphorePermit; 2]>, Ended> {
    let Ok(bytes) = u32::try_from(header.body_bytes) else { return Err(Ended::Malformed) };
    if header.kind == Kind::Subscribe || bytes == 0 {
        return Ok(None);
    }
    let own = Arc::clone(&peer.room).try_acquire_many_owned(bytes).map_err(|_| Ended::Busy)?;
    let all = Arc::clone(&peer.shared.bodies).try_acquire_many_owned(bytes).map_err(|_| Ended::Busy)?;
    Ok(Some([own, all]))
}

/// The sending half of a stream.
pub(crate) struct Sender(SendStream);

impl Sender {
    /// Sends one frame. It waits for a slow receiver, but not for ever.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        match timeout(SEND_TIME, self.0.write_all(&frame.encode())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn finish(mut self) {
        if self.0.finish().is_ok() {
            // Until the last bytes have arrived, or the other end does not want them.
            let _ = timeout(SEND_TIME, self.0.stopped()).await;
        }
    }
}
