//! Restoring a record from its recovery kit and what the relay keeps: no other device is needed.
//!
//! ```text
//! as the root    ── RootHello ──▶ the genesis, checked against the record's id and the kit
//! as the kit     ── Pull ──▶ operations, then envelopes, opened with the keys that were wrapped to the kit
//!                ── Push ──▶ the recovery: lost devices out, this one in, new keys
//! as this device ── as any other day
//! ```
//!
//! Source: `docs/membership.md`, "Root keys".

use std::sync::Arc;

use carnet_crypto::id::{DeviceId, KeySalt};
use carnet_protocol::{
    frame::{Batch, Frame, RELAY_ALPN, RelayAddress, RootHello, StreamRole},
    membership::{Body, Op},
};
use carnet_vault::{
    CarriedOp, LocalChange, RecordId, Vault, VaultError,
    recovery::{Kit, RecoveryError},
    store::StoreError,
};

use crate::{
    engine::batch,
    error::SyncError,
    event::{Event, Synced},
    file::Restoration,
    net::Node,
    relay::{Identity, Session, refusal, sync_with_relay},
    shared::{SharedVault, with_vault},
};

/// Restores a record into this vault from a relay, and exchanges it there as this device. Broken off, it can be begun
/// again. The restoration must name the record, as its kit does.
///
/// # Errors
/// [`SyncError::Recovery`]: the relay does not know the record or the kit, or a device to remove is not there. Then
/// nothing of the attempt stays.
pub async fn restore_from_relay(
    node: &Node,
    vault: &SharedVault,
    restore: &Restoration<'_>,
    relay: &RelayAddress,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<(RecordId, Synced), SyncError> {
    let kit = Arc::new(Kit::from_words(restore.words)?);
    let record = restore.record.ok_or(SyncError::NotThisRecord)?;
    let genesis = genesis(node, &kit, record, relay).await?;
    let device = device_of(&kit, &genesis)?;
    let (label, own_relay) = (restore.label.to_owned(), relay.clone());
    let begin = move |vault: &mut Vault| vault.begin_recovery(&record, genesis, &label, Some(&own_relay));
    with_vault(vault, begin).await?;
    let own_kit = Arc::clone(&kit);
    let prove = Box::new(move |exporter: &[u8; 32]| own_kit.prove(StreamRole::Device, &record, exporter));
    let mut session = Session::open_as(node, vault, record, relay, Identity { device, prove }).await?;
    tell(Event::Connected);
    let recovered = recover(&mut session, &kit, restore, tell).await;
    session.end();
    if let Err(error @ SyncError::Recovery(_)) = recovered {
        with_vault(vault, move |vault| vault.give_up_recovery(&record)).await?;
        return Err(error);
    }
    recovered?;
    Ok((record, sync_with_relay(node, vault, record, tell).await?))
}

/// Lets a new kit open a record in place of the present one, which signs that. Nothing is sent yet. With `is_confirmed`
/// the new one is known to be in the person's hands.
///
/// # Errors
/// [`SyncError::Recovery`] when `old` does not open the record now; the vault's.
pub async fn replace_kit(
    vault: &SharedVault,
    record: RecordId,
    old: &Arc<Kit>,
    new: &Arc<Kit>,
    is_confirmed: bool,
) -> Result<(), SyncError> {
    let (old, new) = (Arc::clone(old), Arc::clone(new));
    let replace = move |vault: &mut Vault| -> Result<(), RecoveryError> {
        vault.record(&record)?.replace_kit(&old, &new)?;
        if is_confirmed {
            vault.set_local(&record, LocalChange::KitConfirmed)?;
        }
        Ok(())
    };
    with_vault(vault, replace).await
}

/// Whether the kit opens the record now, by what is durable here.
///
/// # Errors
/// The vault's; [`StoreError::Poisoned`] when a failed write leaves it open until the vault is opened again.
pub async fn is_opened_by(vault: &SharedVault, record: RecordId, kit: &Arc<Kit>) -> Result<bool, SyncError> {
    let kit = Arc::clone(kit);
    let ask = move |vault: &mut Vault| -> Result<bool, VaultError> {
        if vault.store().is_poisoned() {
            return Err(StoreError::Poisoned.into());
        }
        Ok(vault.record(&record)?.is_opened_by(&kit))
    };
    with_vault(vault, ask).await
}

/// The genesis, from a relay to which the kit proves that it is a root of the record.
async fn genesis(node: &Node, kit: &Kit, record: RecordId, relay: &RelayAddress) -> Result<CarriedOp, SyncError> {
    let link = node.connect(relay, RELAY_ALPN).await?;
    let proof = kit.prove(StreamRole::Root, &record, &link.exporter);
    let mut line = link.open().await?;
    let answer = line.ask(&Frame::RootHello(RootHello { record, proof })).await?;
    link.close();
    let sent = match answer {
        Frame::Genesis(sent) => sent,
        // It knows no such record, or another kit for it.
        Frame::Refused => return Err(RecoveryError::OtherRecord.into()),
        other => return Err(refusal(&other)),
    };
    let genesis = batch::carried(&record, Batch { operations: vec![sent], views: Vec::new() }, &[], &[relay.key]).pop();
    genesis.ok_or(SyncError::Malformed)
}

/// The kit's place among the devices of the record with this genesis.
fn device_of(kit: &Kit, genesis: &CarriedOp) -> Result<DeviceId, SyncError> {
    let op = Op::decode(&genesis.op)?;
    let Body::Genesis(body) = op.body() else { return Err(SyncError::Malformed) };
    Ok(kit.device(&KeySalt(body.key_salt)))
}

/// Takes in the record with the kit's keys, and hands over the operation that ends the lost devices.
async fn recover(
    session: &mut Session,
    kit: &Arc<Kit>,
    restore: &Restoration<'_>,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<(), SyncError> {
    session.use_kit(Arc::clone(kit));
    session.pull(tell).await?;
    session.fetch(tell).await?;
    // The recovery cites where the relay stood.
    session.remember().await?;
    let (own_kit, lost, label) = (Arc::clone(kit), restore.lost.clone(), restore.device_label.to_owned());
    let record = session.record;
    let recover = move |vault: &mut Vault| -> Result<(), SyncError> {
        vault.record(&record)?.recover(&own_kit, &lost, &label)?;
        Ok(())
    };
    with_vault(&SharedVault::clone(&session.vault), recover).await?;
    session.push(tell).await.map(drop)
}
