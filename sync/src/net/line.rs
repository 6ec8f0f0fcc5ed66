//! One stream of frames.

use std::time::Duration;

use carnet_protocol::frame::{Frame, FrameHeader};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::Ends;
use crate::error::SyncError;

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
}

impl Line {
    pub(super) fn new(ends: Ends) -> Self {
        Self { ends, begun: Vec::new() }
    }

    /// Sends one frame. It waits for a slow receiver, but not for ever.
    pub(crate) async fn say(&mut self, frame: &Frame) -> Result<(), SyncError> {
        match timeout(SEND_TIME, self.ends.outgoing.write_all(&frame.encode())).await {
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
