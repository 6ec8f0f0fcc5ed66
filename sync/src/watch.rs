//! Staying connected to the relay: news are taken in when they come, and what is written here leaves at once.

use std::time::Duration;

use carnet_vault::RecordId;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::{
    error::{FailureKind, SyncError},
    event::{Event, Tell},
    net::Node,
    relay::Session,
    shared::{SharedVault, with_record},
};

/// How often it is looked whether something waits to be sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what the relay did not take is offered again. New writing does not wait for it.
const OFFER_AGAIN_EVERY: Duration = Duration::from_mins(1);
/// First wait before a lost connection is tried again; it doubles.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// Longest wait before a lost connection is tried again.
const RETRY_MAX: Duration = Duration::from_mins(1);

/// Exchanges with the record's relay until `cancelled` is ready, and connects again whenever the connection is lost.
///
/// An alarm that rests on what another device says is told at each exchange and ends nothing: it may be the device that
/// lies, and what others write has to come all the same.
///
/// # Errors
/// What trying again cannot mend: any other alarm, a device that is not admitted, a failing disk.
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
    exchange(&mut session, tell).await?;
    *is_connected = true;
    let mut left = Left::after(vault, record).await?;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        session.arm().await?;
        tokio::select! {
            biased;
            news = session.news() => session.take_news(news?, tell).await?,
            _ = looks.tick() => {
                let newest = with_record(vault, record, |record| record.newest_outgoing()).await?;
                if !left.is_due(newest, left.since.elapsed()) {
                    continue;
                }
            }
        }
        exchange(&mut session, tell).await?;
        left = Left::after(vault, record).await?;
    }
}

/// One exchange. What is found of another device's words comes last in it: all was exchanged.
async fn exchange(session: &mut Session, tell: Tell<'_>) -> Result<(), SyncError> {
    match session.exchange(tell).await {
        Err(SyncError::RelayAlarm { what }) if what.rests_on_a_device() => Ok(()),
        ended => ended.map(drop),
    }
}

/// What an exchange left in the outbox: the relay did not take it.
struct Left {
    newest: Option<u64>,
    since: Instant,
}

impl Left {
    async fn after(vault: &SharedVault, record: RecordId) -> Result<Self, SyncError> {
        let newest = with_record(vault, record, |record| record.newest_outgoing()).await?;
        Ok(Self { newest, since: Instant::now() })
    }

    /// Whether to exchange again, now that the outbox ends with `newest` and this much time has passed.
    fn is_due(&self, newest: Option<u64>, waited: Duration) -> bool {
        newest > self.newest || newest.is_some() && waited >= OFFER_AGAIN_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_relay_does_not_take_is_not_offered_every_second() {
        let left = Left { newest: Some(7), since: Instant::now() };
        assert!(!left.is_due(Some(7), LOOK_EVERY), "it was just refused");
        assert!(left.is_due(Some(8), LOOK_EVERY), "something was written since");
        assert!(left.is_due(Some(7), OFFER_AGAIN_EVERY), "it may be taken by now");
        assert!(!left.is_due(None, OFFER_AGAIN_EVERY), "nothing waits");
    }
}
