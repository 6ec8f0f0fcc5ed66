//! One stream of frames, whatever carries it: reading with limits, answering in order, telling news in between.
//!
//! A stream is drained while it is answered, into a bounded queue; what does not fit ends that stream with `Busy`, never the
//! connection, and nothing that was not acknowledged is lost by it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use carnet_protocol::frame::{Denial, Frame, FrameHeader, Kind, Side, Stage, Step};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{
    relay::Shared,
    session::{Flow, Session},
};

/// Bodies of frames that one connection may have waiting, in bytes.
const CONNECTION_BYTES_MAX: usize = 8 << 20;
/// Frames of one stream that may wait to be answered: what a device may have unacknowledged.
const QUEUE_MAX: usize = carnet_protocol::frame::UNACKNOWLEDGED_MAX;
/// Time for the first frame of a stream, from its first byte to its last.
pub(crate) const OPENING_TIME: Duration = Duration::from_secs(10);
/// Time for the body of any other frame.
const BODY_TIME: Duration = Duration::from_mins(1);
/// A frame that its receiver does not take for so long ends the stream.
const SEND_TIME: Duration = Duration::from_mins(1);

/// The other end of a stream is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Both ends of one stream of bytes, as the relay holds them.
pub struct Ends {
    /// What the device says.
    pub incoming: Box<dyn Incoming>,
    /// What the relay says. To shut it down is to say everything and wait until it has arrived.
    pub outgoing: Box<dyn AsyncWrite + Send + Unpin>,
}

/// What a device says.
pub trait Incoming: AsyncRead + Send + Unpin {
    /// Tells the device that nothing more is read, and why: [`DONE`] or [`BUSY`].
    fn stop(&mut self, code: u32);
}

/// A stream was stopped because it has ended.
pub const DONE: u32 = 0;
/// A stream was stopped because there is no room for what it brings.
pub const BUSY: u32 = 1;

/// The other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: IpAddr,
    exporter: [u8; 32],
    room: Arc<Semaphore>,
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>, address: IpAddr, exporter: [u8; 32]) -> Self {
        Self { shared, address, exporter, room: Arc::new(Semaphore::new(CONNECTION_BYTES_MAX)) }
    }
}

/// Serves one stream to its end.
pub(crate) async fn serve(peer: Peer, ends: Ends) {
    let Ends { mut incoming, outgoing } = ends;
    let mut out = Sender(outgoing);
    let mut session = Session::new(Arc::clone(&peer.shared), peer.exporter, peer.address);
    let opened = open(&mut session, &mut *incoming, &mut out).await;
    if opened == Some(Flow::On) {
        let (queue, frames) = mpsc::channel(QUEUE_MAX);
        let stage = session.stage();
        let reading = async {
            drain(peer, incoming, queue, stage).await;
            std::future::pending::<()>().await;
        };
        // Whatever is being read ends with the conversation.
        tokio::select! {
            biased;
            _ = converse(&mut session, frames, &mut out) => {}
            () = reading => {}
        }
    } else {
        incoming.stop(DONE);
    }
    out.finish().await;
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

/// Reads and answers the first frame. Whatever it is, a stranger gets one constant answer.
async fn open(session: &mut Session, incoming: &mut dyn Incoming, out: &mut Sender) -> Option<Flow> {
    let first = timeout(OPENING_TIME, async {
        let header = read_header(incoming).await?;
        if !matches!(Stage::Opening.next(header.kind), Step::Judge(_)) {
            return Err(Ended::Malformed);
        }
        let mut body = vec![0; header.body_bytes];
        incoming.read_exact(&mut body).await.map_err(|_| Ended::Gone)?;
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
                    return out.send(&Frame::Denied(Denial::OutOfPlace)).await;
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
async fn drain(
    peer: Peer,
    mut incoming: Box<dyn Incoming>,
    queue: mpsc::Sender<Result<Received, Ended>>,
    stage: Stage,
) {
    let ended = loop {
        match read_frame(&peer, &mut *incoming, stage).await {
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
    incoming.stop(code);
}

async fn read_header(incoming: &mut dyn Incoming) -> Result<FrameHeader, Ended> {
    let mut header = [0; FrameHeader::BYTES];
    incoming.read_exact(&mut header).await.map_err(|_| Ended::Gone)?;
    FrameHeader::parse(header).map_err(|_| Ended::Malformed)
}

async fn read_frame(peer: &Peer, incoming: &mut dyn Incoming, stage: Stage) -> Result<Received, Ended> {
    let header = read_header(incoming).await?;
    // What may not stand here is not read: its kind alone is answered.
    if header.kind.side() != Side::Asker || matches!(stage.next(header.kind), Step::OutOfPlace | Step::Ignore) {
        return Err(Ended::Malformed);
    }
    let room = take_room(peer, header)?;
    let mut body = vec![0; header.body_bytes];
    match timeout(BODY_TIME, incoming.read_exact(&mut body)).await {
        Ok(Ok(_)) => {}
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
pub(crate) struct Sender(Box<dyn AsyncWrite + Send + Unpin>);

impl Sender {
    /// Sends one frame. It waits for a slow receiver, but not for ever.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), Gone> {
        match timeout(SEND_TIME, self.0.write_all(&frame.encode())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn finish(mut self) {
        // Until the last bytes have arrived, or the other end does not want them.
        let _ = timeout(SEND_TIME, self.0.shutdown()).await;
    }
}
