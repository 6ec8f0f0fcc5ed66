//! Reading a file in a process of its own, which limits itself before it looks at a byte.
//!
//! The process is the same program, started as `PROGRAM intake-worker` ([`serve`] is its whole work). The file is its
//! **standard input**, opened read-only by the caller; its standard output is one end of a socket, from which it reads
//! its options (nothing about a person stands in arguments or environment) and into which it writes what it read
//! ([`frame`]). It has no environment, no other descriptor of ours, and the limits of [`limits`].
//!
//! The calling side ([`Worker`]) trusts nothing that it says: every frame is bounded before it is allocated, decoded
//! strictly, and must come in an order that makes sense; documents are hashed again. There is no wall clock: a worker
//! that computes for ever is ended by its limit of CPU time, one that is no longer wanted by [`Drop`].

pub mod frame;
pub mod limits;

use crate::intake::ContainerError;

/// The argument that makes a program the worker.
pub const ARGUMENT: &str = "intake-worker";

/// Why reading in a worker ended without a result. Carries no text of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The worker broke the rules of its answer.
    #[error("the worker that reads the file gave an answer that makes no sense")]
    BadAnswer,
    /// The file is refused as a whole.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It used up its CPU time.
    #[error("the file takes longer to read than what is accepted")]
    CpuLimit,
    /// It ended for another reason, with this exit code or signal.
    #[error("the worker that reads the file ended unexpectedly ({0})")]
    Ended(i32),
    /// It asked for more memory than its limit.
    #[error("the file takes more memory to read than what is accepted")]
    MemoryLimit,
    /// It could not be started.
    #[error("the worker that reads the file could not be started")]
    Start,
    /// This system has no worker.
    #[error("files are not read in a worker on this system")]
    Unsupported,
}

#[cfg(unix)]
mod parent;
#[cfg(unix)]
pub use self::parent::Worker;

#[cfg(unix)]
mod child;
#[cfg(unix)]
pub use self::child::serve;

/// The work of the process: there is none on this system.
#[cfg(not(unix))]
pub fn serve() -> u8 {
    2
}
