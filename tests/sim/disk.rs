//! The disk of a device: in memory, with a power cut that can come at any of its events.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use carnet_tests::crash::{Event, Kept, apply};
use carnet_vault::store::StorageBackend;
use rand::{RngExt as _, rngs::StdRng};

/// A disk. What was written since the last sync may be lost with the power.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Event>,
    /// The power goes before this many more events.
    fuse: Option<u64>,
    is_dead: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk({} bytes)", self.bytes.len())
    }
}

/// How a device ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Its process is killed: the kernel still has what was written.
    Killed,
    /// The power goes: of what was not synced, anything may be there, or half of it.
    PowerCut,
}

impl Disk {
    fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { durable: bytes.clone(), bytes, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power goes in the midst of one of the next events.
    pub(crate) fn burn(&self, events: u64) {
        self.state().fuse = Some(events);
    }

    /// The power stays.
    pub(crate) fn spare(&self) {
        self.state().fuse = None;
    }

    /// Whether the power has gone.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    /// Ends this disk, which refuses everything from now on, and gives the one that is found afterwards.
    pub(crate) fn die(&self, death: Death, rng: &mut StdRng) -> Self {
        let mut state = self.state();
        state.is_dead = true;
        match death {
            Death::Killed => Self::holding(state.bytes.clone()),
            Death::PowerCut => {
                let mut bytes = state.durable.clone();
                for event in &state.pending {
                    let kept = match rng.random_range(0..4_u8) {
                        0 => Kept::None,
                        1 => Kept::torn(rng),
                        _ => Kept::All,
                    };
                    apply(&mut bytes, event, &kept);
                }
                Self::holding(bytes)
            }
        }
    }

    /// A copy as a backup makes it, of a vault that is closed.
    pub(crate) fn copy(&self) -> Self {
        Self::holding(self.state().bytes.clone())
    }

    fn change(&self, event: Event) -> io::Result<()> {
        let mut state = self.state();
        let was_dead = state.is_dead;
        if let Err(error) = state.tick() {
            // The event in which the power goes may have happened, or half of it.
            if !was_dead && !matches!(event, Event::Sync) {
                state.pending.push(event);
            }
            return Err(error);
        }
        if matches!(event, Event::Sync) {
            let state = &mut *state;
            for event in state.pending.drain(..) {
                apply(&mut state.durable, &event, &Kept::All);
            }
        } else {
            apply(&mut state.bytes, &event, &Kept::All);
            state.pending.push(event);
        }
        Ok(())
    }
}

impl State {
    fn tick(&mut self) -> io::Result<()> {
        if let Some(fuse) = &mut self.fuse {
            self.is_dead |= *fuse == 0;
            *fuse = fuse.saturating_sub(1);
        }
        if self.is_dead { Err(io::Error::other("the power is gone")) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.is_dead {
            return Err(io::Error::other("the power is gone"));
        }
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = state.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Event::SetLen(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Event::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Event::Write(offset, data.to_vec()))
    }
}
