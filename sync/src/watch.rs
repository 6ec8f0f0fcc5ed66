//! Staying connected to the relay: news are taken in when they come, and what is written here leaves at once.

use std::time::Duration;

use carnet_vault::RecordId;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    error::{FailureKind, SyncError},
    event::{Event, Tell},
    net::Node,
    relay::Session,
    shared::{SharedVault, with_record},
};

/// How often it is looked whether something waits to be sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// First wait before a lost connection is tried again; it doubles.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// Longest wait before a lost connection is tried again.
const RETRY_MAX: Duration = Duration::from_mins(1);

/// Exchanges with the record's relay until `cancelled` is ready, and connects again whenever the connection is lost.
///
/// # Errors
/// What trying again cannot mend: an alarm, a device that is not admitted, a failing disk.
pub async fn watch(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Event) + Send),
    cancelled: impl Future<Output = ()>,
) -> Result<(), SyncError> {
    tokio::pin!(cancelled);
    let mut wait = RETRY_MIN;
    loop {
        let mut is_connected = false;
        let ended = tokio::select! {
            biased;
            () = &mut cancelled => return Ok(()),
            ended = stay(node, vault, record, tell, &mut is_connected) => ended,
        };
        match ended {
            Err(error) if error.kind() != FailureKind::Network => return Err(error),
            _ => tell(Event::Reconnecting),
        }
        wait = if is_connected { RETRY_MIN } else { wait.saturating_mul(2).min(RETRY_MAX) };
        tokio::select! {
            biased;
            () = &mut cancelled => return Ok(()),
            () = sleep(wait) => {}
        }
    }
}

/// One connection, for as long as it lasts.
async fn stay(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: Tell<'_>,
    is_connected: &mut bool,
) -> Result<(), SyncError> {
    let mut session = Session::open(node, vault, record).await?;
    tell(Event::Connected);
    session.exchange(tell).await?;
    *is_connected = true;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        session.arm().await?;
        tokio::select! {
            biased;
            news = session.news() => {
                session.take_news(news?).await?;
                session.exchange(tell).await?;
            }
            _ = looks.tick() => {
                let waits = with_record(vault, record, |record| record.outbox(1)).await?;
                if !waits.is_empty() {
                    session.exchange(tell).await?;
                }
            }
        }
    }
}
