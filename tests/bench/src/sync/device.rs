//! Devices with vaults and network endpoints of their own, in this process; their relay is another process.

use std::{net::SocketAddr, path::Path, sync::PoisonError};

use carnet_sync::{Event, Node, SharedVault, Synced, share, sync_with_relay};
use carnet_vault::{Record, RecordId, RelayAddress, pairing::Delivery};
use tempfile::TempDir;

use crate::{people, report::Failure};

/// One device.
pub(crate) struct Device {
    /// Its vault.
    pub(crate) vault: SharedVault,
    /// Its endpoint.
    pub(crate) node: Node,
    folder: TempDir,
}

impl Device {
    /// A device with an empty vault.
    pub(crate) async fn new(folder: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(folder)?;
        let vault = people::new_vault(folder.path())?;
        let node = Node::bind(&vault.transport(), &["127.0.0.1:0".parse::<SocketAddr>()?]).await?;
        Ok(Self { vault: share(vault), node, folder })
    }

    /// Where its vault lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a record on it.
    pub(crate) fn begin(&self, relay: Option<&RelayAddress>) -> Result<RecordId, Failure> {
        people::new_record(&mut self.vault.lock().unwrap_or_else(PoisonError::into_inner), relay)
    }

    /// Uses a record.
    pub(crate) fn with<T>(
        &self,
        id: &RecordId,
        work: impl FnOnce(&mut Record<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut vault.record(id)?)
    }

    /// Exchanges with the relay over a new connection.
    pub(crate) async fn sync(&self, id: &RecordId) -> Result<Synced, Failure> {
        let synced = sync_with_relay(&self.node, &self.vault, *id, &mut |_: Event| {}).await?;
        if synced.refused.is_empty() { Ok(synced) } else { Err("the relay refused something".into()) }
    }

    /// Adds `other` as a device of the same person, as face to face.
    pub(crate) fn admit(&self, other: &Self, id: &RecordId) -> Result<(), Failure> {
        let mut vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut joining = other.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = vault.record(id)?;
        let inviter = record.invite(Delivery::AtOnce, false)?.inviter;
        let offer = record.offer(&inviter);
        let (joiner, commitment) = joining.commit_to(inviter.ticket(None), &offer, "Appareil")?;
        let (challenger, challenge) = record.challenge(inviter, &commitment)?;
        let (joined, reveal) = joining.reveal_to(joiner, &challenge)?;
        record.admit(challenger.reveal(&reveal)?)?;
        joining.join(joined, "Camille")?;
        Ok(())
    }
}
