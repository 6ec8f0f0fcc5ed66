//! One stream of frames.

use std::time::Duration;

use carnet_protocol::frame::{Frame, FrameHeader};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::Ends;
use crate::{error::SyncError, event::Traffic};

/// A frame that its receiver does not take for so long ends the stream.
const SEND_TIME: Duration = Duration::from_mins(1);
/// Time for an answer, and for the rest of a frame that has begun.
const HEAR_TIME: Duration = Duration::from_secs(90);
/// Bytes that are read at once, at most.
const READ_BYTES: usize = 64 << 10;

/// One stream: frames out, frames in. What is read is bounded by its kind before anything is allocated.
pub(crate) struct Line {
    ends: Ends,
    /// What has come of the next frame.
    begun: Vec<u8>,
    traffic: Traffic,
    /// Whether something was said that was not answered yet.
    is_asking: bool,
}

impl Line {
    pub(super) fn new(ends: Ends) -> Self {
        Self { ends, begun: Vec::new(), traffic: Traffic::default(), is_asking: false }
    }

    /// What went over this stream since it was opened, or since this was last asked.
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// Sends one frame. It waits for a slow receiver, but not for ever.
    pub(crate) async fn say(&mut self, frame: &Frame) -> Result<(), SyncError> {
        let bytes = frame.encode();
        self.traffic.bytes_sent = self.traffic.bytes_sent.saturating_add(count(&bytes));
        self.is_asking = true;
        match timeout(SEND_TIME, self.ends.outgoing.write_all(&bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(SyncError::Unreachable),
        }
    }

    /// The next frame, which must come soon.
    pub(crate) async fn hear(&mut self) -> Result<Frame, SyncError> {
        timeout(HEAR_TIME, self.hear_some_time()).await.map_err(|_| SyncError::Unreachable)?
    }

    /// The next frame, whenever it comes. Dropping this future loses nothing: what has come of a frame is kept.
    pub(crate) async fn hear_some_time(&mut self) -> Result<Frame, SyncError> {
        loop {
            let wanted = match self.begun.first_chunk::<{ FrameHeader::BYTES }>() {
                None => FrameHeader::BYTES,
                Some(header) => {
                    let header = FrameHeader::parse(*header)?;
                    let whole = header.body_bytes.saturating_add(FrameHeader::BYTES);
                    if self.begun.len() == whole {
                        self.note_heard();
                        let frame = Frame::decode(header, self.begun.get(FrameHeader::BYTES..).unwrap_or_default());
                        self.begun.clear();
                        return Ok(frame?);
                    }
                    whole
                }
            };
            let mut buffer = vec![0; wanted.saturating_sub(self.begun.len()).min(READ_BYTES)];
            match self.ends.incoming.read(&mut buffer).await {
                Ok(read) if read > 0 => self.begun.extend_from_slice(buffer.get(..read).unwrap_or_default()),
                Ok(_) | Err(_) => return Err(SyncError::Unreachable),
            }
        }
    }

    fn note_heard(&mut self) {
        self.traffic.bytes_received = self.traffic.bytes_received.saturating_add(count(&self.begun));
        if std::mem::take(&mut self.is_asking) {
            self.traffic.round_trips = self.traffic.round_trips.saturating_add(1);
        }
    }

    /// Sends one frame and hears the answer.
    pub(crate) async fn ask(&mut self, frame: &Frame) -> Result<Frame, SyncError> {
        self.say(frame).await?;
        self.hear().await
    }

    /// Says that nothing more comes, and waits until everything has arrived.
    pub(crate) async fn finish(mut self) {
        let _ = timeout(SEND_TIME, self.ends.outgoing.shutdown()).await;
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
