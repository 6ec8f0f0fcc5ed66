//! A disk that lies: it says what it did not do, or gives what is not there.
#![expect(clippy::expect_used, reason = "a harness that is broken must stop the run")]

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::StorageBackend;

/// What the disk does instead of what it was asked, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// This sync, counted from 1, does nothing and says that it did.
    DroppedSync(u64),
    /// This write, counted from 1, goes to the place of another one that was written before, or nowhere.
    MisdirectedWrite(u64),
    /// This read, counted from 1, gives what was there at an earlier sync.
    StaleRead(u64),
}

/// A disk in memory that lies once.
#[derive(Clone, Debug)]
pub struct LyingDisk(Arc<Mutex<State>>);

struct State {
    bytes: Vec<u8>,
    /// What a power cut leaves at the least.
    durable: Vec<u8>,
    /// What was there at each sync.
    earlier: Vec<Vec<u8>>,
    /// Where was written, and how much.
    places: Vec<(usize, usize)>,
    lie: Option<Lie>,
    reads: u64,
    syncs: u64,
    writes: u64,
    has_lied: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} bytes)", self.bytes.len())
    }
}

impl LyingDisk {
    /// A disk that holds `bytes`, all durable, and tells `lie`, or none.
    pub fn holding(bytes: Vec<u8>, lie: Option<Lie>) -> Self {
        Self(Arc::new(Mutex::new(State {
            durable: bytes.clone(),
            bytes,
            earlier: Vec::new(),
            places: Vec::new(),
            lie,
            reads: 0,
            syncs: 0,
            writes: 0,
            has_lied: false,
        })))
    }

    /// How often it was asked to read, sync and write.
    pub fn calls(&self) -> (u64, u64, u64) {
        let state = self.state();
        (state.reads, state.syncs, state.writes)
    }

    /// Whether the lie made a difference to what was asked.
    pub fn has_lied(&self) -> bool {
        self.state().has_lied
    }

    /// What a process would read.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// What a power cut leaves at the least.
    pub fn durable(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }
}

impl StorageBackend for LyingDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.reads += 1;
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let range = from..from + out.len();
        let now = state.bytes.get(range.clone()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(now);
        if state.lie == Some(Lie::StaleRead(state.reads)) {
            // The newest earlier state that differs: what a cache that missed a write would give.
            let before =
                state.earlier.iter().rev().filter_map(|earlier| earlier.get(range.clone())).find(|old| *old != out);
            if let Some(before) = before.map(<[u8]>::to_vec) {
                out.copy_from_slice(&before);
                state.has_lied = true;
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.state().bytes.resize(usize::try_from(length).map_err(|_| io::ErrorKind::StorageFull)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.syncs += 1;
        if state.lie == Some(Lie::DroppedSync(state.syncs)) {
            state.has_lied = true;
            return Ok(());
        }
        let now = state.bytes.clone();
        state.durable.clone_from(&now);
        state.earlier.push(now);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.writes += 1;
        let mut at = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let length = data.len();
        if state.lie == Some(Lie::MisdirectedWrite(state.writes)) {
            state.has_lied = true;
            let other = state.places.iter().rev().find(|(place, size)| *size == length && *place != at);
            match other {
                Some((place, _)) => at = *place,
                None => return Ok(()),
            }
        } else {
            state.places.push((at, length));
        }
        if state.bytes.len() < at + length {
            state.bytes.resize(at + length, 0);
        }
        state.bytes[at..at + length].copy_from_slice(data);
        Ok(())
    }
}
