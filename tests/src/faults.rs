//! A disk that fails at a chosen call, in a chosen way.
#![expect(clippy::expect_used, reason = "a harness that is broken must stop the run")]

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::StorageBackend;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EDQUOT.
    Quota,
    /// EROFS.
    ReadOnly,
    /// EINTR.
    Interrupted,
    /// Half of the bytes are read or written, then nothing more.
    Short,
    /// A sync that fails and drops what it should have made durable, so that the next one succeeds over nothing.
    LostSync,
}

impl Failure {
    /// Every failure of a single call.
    pub const ALL: [Self; 6] = [Self::Io, Self::NoSpace, Self::Quota, Self::ReadOnly, Self::Interrupted, Self::Short];

    fn error(self) -> io::Error {
        io::Error::from(match self {
            Self::Io | Self::LostSync => io::ErrorKind::Other,
            Self::NoSpace => io::ErrorKind::StorageFull,
            Self::Quota => io::ErrorKind::QuotaExceeded,
            Self::ReadOnly => io::ErrorKind::ReadOnlyFilesystem,
            Self::Interrupted => io::ErrorKind::Interrupted,
            Self::Short => io::ErrorKind::WriteZero,
        })
    }
}

/// When a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The call that fails, counted from 1; a sync of that number for [`Failure::LostSync`].
    pub call: u64,
    /// How.
    pub failure: Failure,
    /// Whether every call after it fails too.
    pub is_sticky: bool,
}

/// A disk in memory that follows a plan.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
    plan: Option<Plan>,
    calls: Arc<AtomicU64>,
    changes: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} bytes)", self.bytes.len())
    }
}

impl FaultyDisk {
    /// An empty disk that follows `plan`.
    pub fn new(plan: Option<Plan>) -> Self {
        Self { state: Arc::default(), plan, calls: Arc::default(), changes: Arc::default(), syncs: Arc::default() }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// How many writes and changes of length were asked for.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// How many syncs there were.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::SeqCst)
    }

    /// What a process would read.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// What a power cut would leave at the least.
    pub fn durable(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the disk")
    }

    /// The failure of this call, if it is its turn.
    fn turn(&self) -> Option<Failure> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let plan = self.plan.filter(|plan| plan.failure != Failure::LostSync)?;
        (call == plan.call || plan.is_sticky && call > plan.call).then_some(plan.failure)
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        match self.turn() {
            Some(failure) => Err(failure.error()),
            None => Ok(self.state().bytes.len() as u64),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let failure = self.turn();
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let state = self.state();
        let bytes = state.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        match failure {
            None => out.copy_from_slice(bytes),
            Some(Failure::Short) => {
                let half = out.len() / 2;
                out[..half].copy_from_slice(&bytes[..half]);
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Some(failure) => return Err(failure.error()),
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = self.turn() {
            return Err(failure.error());
        }
        self.state().bytes.resize(usize::try_from(length).map_err(|_| io::ErrorKind::StorageFull)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let failure = self.turn();
        let sync = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        let mut state = self.state();
        if self.plan.is_some_and(|plan| plan.failure == Failure::LostSync && plan.call == sync) {
            let State { bytes, durable } = &mut *state;
            bytes.clone_from(durable);
            return Err(Failure::LostSync.error());
        }
        if let Some(failure) = failure {
            return Err(failure.error());
        }
        let State { bytes, durable } = &mut *state;
        durable.clone_from(bytes);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let failure = self.turn();
        let kept = match failure {
            None => data.len(),
            Some(Failure::Short) => data.len() / 2,
            Some(failure) => return Err(failure.error()),
        };
        let at = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let mut state = self.state();
        if state.bytes.len() < at + kept {
            state.bytes.resize(at + kept, 0);
        }
        state.bytes[at..at + kept].copy_from_slice(&data[..kept]);
        match failure {
            Some(failure) => Err(failure.error()),
            None => Ok(()),
        }
    }
}
