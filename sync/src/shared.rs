//! The vault as asynchronous code reaches it: where it may block, one step at a time, with no guard across an await.

use std::sync::{Arc, Mutex, PoisonError};

use carnet_vault::{Record, RecordId, Vault};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::SyncError;

/// A vault that several tasks of one process use in turn.
pub type SharedVault = Arc<Mutex<Vault>>;

/// A vault to be shared.
pub fn share(vault: Vault) -> SharedVault {
    Arc::new(Mutex::new(vault))
}

/// Runs work that waits for the disk: on a thread that may block, or on a runtime of one thread, as a simulation is, at
/// once and in its place.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SyncError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| SyncError::Ours)
}

/// Runs `work` on the vault, where it may block.
pub(crate) async fn with_vault<T, E>(
    vault: &SharedVault,
    work: impl FnOnce(&mut Vault) -> Result<T, E> + Send + 'static,
) -> Result<T, SyncError>
where
    T: Send + 'static,
    E: Into<SyncError> + Send + 'static,
{
    let vault = Arc::clone(vault);
    let worked = blocking(move || {
        let mut vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut vault)
    });
    worked.await?.map_err(Into::into)
}

/// Runs `work` on one record, where it may block.
pub(crate) async fn with_record<T, E>(
    vault: &SharedVault,
    record: RecordId,
    work: impl FnOnce(&mut Record<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, SyncError>
where
    T: Send + 'static,
    E: Into<SyncError> + Send + 'static,
{
    with_vault(vault, move |vault| {
        let mut record = vault.record(&record)?;
        work(&mut record).map_err(Into::into)
    })
    .await
}
