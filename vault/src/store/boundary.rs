//! The boundary around redb: its errors become ours, and its panics end there.
//!
//! redb may panic when its pages authenticate but contradict each other (a block replayed from an older copy of the
//! same file). Such a panic is damage to this vault, never the end of the process; after one, nothing more is written.

use std::{
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{block::SealedDisk, error::StoreError};

/// Runs one call of redb. Whatever goes wrong in it is recorded on `disk`, which then refuses everything.
pub(super) fn guarded<T, E: Into<redb::Error>>(
    disk: &SealedDisk,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, StoreError> {
    if disk.trouble().is_some() {
        return Err(StoreError::Poisoned);
    }
    attempt(disk, work)
}

/// As [`guarded`], but also runs on a disk that failed: for closing.
pub(super) fn attempt<T, E: Into<redb::Error>>(
    disk: &SealedDisk,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(translate(disk, &error.into())),
        Err(_) => Err(disk.fail(StoreError::Damaged)),
    }
}

fn translate(disk: &SealedDisk, error: &redb::Error) -> StoreError {
    match error {
        redb::Error::ValueTooLarge(_) => StoreError::TooLarge,
        // The disk knows what happened first, redb only that something did.
        _ if disk.trouble().is_some() => disk.trouble().unwrap_or(StoreError::Poisoned),
        redb::Error::Io(error) => disk.fail(StoreError::from_io(error)),
        redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) | redb::Error::LockPoisoned(_) => {
            disk.fail(StoreError::Damaged)
        }
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => disk.fail(StoreError::Damaged),
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::Poisoned,
        _ => StoreError::Misuse,
    }
}

/// A value of redb whose destructor may panic too.
pub(super) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value. `None` only after [`Contained::take`].
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Deref for Contained<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T> DerefMut for Contained<T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.0
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // A panic here has nothing left to report to: the disk is already marked, or the value was only read.
        drop(catch_unwind(AssertUnwindSafe(|| drop(value))));
    }
}
