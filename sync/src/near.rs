//! Exchanges with the record's devices that are found on the local network, where the person asked for that.
//!
//! Whoever stays connected calls and listens; whoever exchanges once only listens. Source: `docs/frames.md`, "On the
//! local network".

use std::{collections::BTreeSet, time::Duration};

use carnet_vault::{DeviceId, RecordId};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::{
    error::{FailureKind, SyncError},
    event::{Event, Synced},
    net::{Neighbourhood, Node},
    peer::sync_with_peer,
    shared::{SharedVault, with_record},
};

/// Between two calls of a device that stays connected.
const CALL_EVERY: Duration = Duration::from_secs(2);
/// How long after an exchange with a device that stays connected too there is none again.
const REST: Duration = Duration::from_mins(1);

/// Exchanges with each device of the record that calls on the local network, until all were met or `patience` is over. This
/// device sends no call.
///
/// # Errors
/// [`SyncError::NobodyNear`] when no device of the record called; [`SyncError::Bind`]; see [`SyncError`].
pub async fn sync_nearby(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    patience: Duration,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let near = Neighbourhood::enter(&node.address())?;
    let known = with_record(vault, record, |record| -> Result<_, SyncError> { Ok(record.peer_transports()) }).await?;
    let over = sleep(patience);
    tokio::pin!(over);
    let (mut met, mut synced, mut failed) = (BTreeSet::new(), None::<Synced>, SyncError::NobodyNear);
    while met.len() < known.len() {
        let (device, address) = tokio::select! {
            biased;
            () = &mut over => break,
            heard = near.heard(&known) => heard?,
        };
        if met.contains(&device) {
            continue;
        }
        match sync_with_peer(node, vault, record, &address, tell).await {
            Ok(one) => {
                met.insert(device);
                synced.get_or_insert_default().absorb(one);
            }
            // It answers for another record now, or somebody said its call again.
            Err(error) if is_its_own_affair(&error) => failed = error,
            Err(error) => return Err(error),
        }
    }
    synced.ok_or(failed)
}

/// Calls on the local network, and exchanges with the devices of the record that call there, until `cancelled` is ready. Of
/// two devices that both do this the one with the smaller transport key connects to the other.
///
/// # Errors
/// [`SyncError::Bind`]; what neither the network nor the other device is to blame for.
pub async fn meet_nearby(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Event) + Send),
    cancelled: impl Future<Output = ()>,
) -> Result<(), SyncError> {
    tokio::pin!(cancelled);
    let mut near = Neighbourhood::enter(&node.address())?;
    let mut calls = interval(CALL_EVERY);
    calls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut met: Vec<(DeviceId, Instant)> = Vec::new();
    loop {
        let ask = |record: &mut carnet_vault::Record<'_>| -> Result<_, SyncError> {
            Ok((record.peer_transports(), record.fresh_nonce()))
        };
        let (known, nonce) = with_record(vault, record, ask).await?;
        let (device, address) = tokio::select! {
            biased;
            () = &mut cancelled => return Ok(()),
            _ = calls.tick() => {
                near.call(&node.address(), nonce).await;
                continue;
            }
            heard = near.heard(&known) => heard?,
        };
        met.retain(|(_, at)| at.elapsed() < REST);
        if node.address().key.0 > address.key.0 || met.iter().any(|(other, _)| *other == device) {
            continue;
        }
        let mut hush = |_: Event| {};
        let exchanged = tokio::select! {
            biased;
            () = &mut cancelled => return Ok(()),
            exchanged = sync_with_peer(node, vault, record, &address, &mut hush) => exchanged,
        };
        match exchanged {
            Ok(synced) => {
                let (operations, envelopes) = (synced.operations, synced.received.accepted);
                tell(Event::Served { operations, envelopes, sent: synced.sent });
            }
            // What a stranger said again from elsewhere keeps nobody away: who calls now may answer.
            Err(error) if error.kind() == FailureKind::Network => continue,
            Err(error) if is_its_own_affair(&error) => {}
            Err(error) => return Err(error),
        }
        met.push((device, Instant::now()));
    }
}

/// Whether a failure with a device that was heard says nothing about this one, or about the others.
fn is_its_own_affair(error: &SyncError) -> bool {
    matches!(error.kind(), FailureKind::Network | FailureKind::Denied | FailureKind::Integrity)
}
