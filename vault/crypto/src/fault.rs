//! Who must act on an error. Every error enum of the project answers `fault()` with one of these.

/// Whose move it is when something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Wrong use: locked, not granted, bad argument. Say what to do instead.
    Caller,
    /// Storage failed. No more writes until the store is reopened.
    Disk,
    /// A file or a value we were given. Refuse it, keep the rest, count it in the report.
    Input,
    /// A bug of ours. Stop this task and print the report line.
    Ours,
    /// An attack or a bug at the other end. Drop and score.
    Peer,
    /// Honest, but newer or older than we know. Ask to upgrade, change nothing.
    Unsupported,
}
