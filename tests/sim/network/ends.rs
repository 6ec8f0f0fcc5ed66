//! The two ends of a stream, as the engine and the relay use them: bytes wait, arrive, or the connection is over.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rand::RngExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Net, Piece, WINDOW_BYTES};

/// The receiving half of a stream.
pub(crate) struct Incoming {
    pub(super) net: Net,
    pub(super) pipe: u64,
}

impl AsyncRead for Incoming {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.net.state();
        if state.is_broken(self.pipe) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Some(pipe) = state.pipes.get_mut(&self.pipe) else { return Poll::Ready(Ok(())) };
        if pipe.arrived.is_empty() && !pipe.has_ended {
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        while out.remaining() > 0 && !pipe.arrived.is_empty() {
            let (first, _) = pipe.arrived.as_slices();
            let count = first.len().min(out.remaining());
            out.put_slice(&first[..count]);
            pipe.arrived.drain(..count);
        }
        pipe.wake();
        Poll::Ready(Ok(()))
    }
}

impl carnet_relay::Incoming for Incoming {
    fn stop(&mut self, _code: u32) {
        self.refuse();
    }
}

impl Incoming {
    fn refuse(&self) {
        if let Some(pipe) = self.net.state().pipes.get_mut(&self.pipe) {
            pipe.is_unwanted = true;
            pipe.arrived.clear();
            pipe.wake();
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.refuse();
    }
}

/// The sending half of a stream.
pub(crate) struct Outgoing {
    pub(super) net: Net,
    pub(super) pipe: u64,
}

impl AsyncWrite for Outgoing {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.net.state();
        let Some(from) = state.pipes.get(&self.pipe).map(|pipe| pipe.from) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if state.is_broken(self.pipe) || !state.speaks(from) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let whole = state.rng.random_range(0..4_u8) > 0;
        let part = state.rng.random_range(1..=bytes.len().max(1));
        let Some(pipe) = state.pipes.get_mut(&self.pipe) else { return Poll::Pending };
        if pipe.is_unwanted {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW_BYTES - (pipe.in_flight + pipe.arrived.len()).min(WINDOW_BYTES);
        if room == 0 {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = if whole { bytes.len() } else { part }.min(room);
        pipe.in_flight += count;
        state.send_piece(self.pipe, Piece::Bytes(bytes[..count].to_vec()));
        drop(state);
        self.net.1.notify_one();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        let mut state = self.net.state();
        if state.is_broken(self.pipe) {
            return Poll::Ready(Ok(()));
        }
        let Some(pipe) = state.pipes.get_mut(&self.pipe) else { return Poll::Ready(Ok(())) };
        if pipe.has_ended || pipe.is_unwanted {
            return Poll::Ready(Ok(()));
        }
        pipe.writer = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Outgoing {
    fn finish(&self) {
        let mut state = self.net.state();
        let from = state.pipes.get(&self.pipe).map(|pipe| pipe.from);
        let is_silent = state.is_broken(self.pipe) || from.is_none_or(|from| !state.speaks(from));
        let Some(pipe) = state.pipes.get_mut(&self.pipe) else { return };
        if !is_silent && !std::mem::replace(&mut pipe.is_finished, true) {
            state.send_piece(self.pipe, Piece::End);
            drop(state);
            self.net.1.notify_one();
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.finish();
    }
}
