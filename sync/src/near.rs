//! Exchanges with the record's devices that are found on the local network, where the person asked for that.
//!
//! Whoever stays connected calls and listens; whoever exchanges once only listens. Anybody can send a call again, so an
//! address that was heard gets little time, one after the other, beside the calling and the listening, and is left alone
//! once it was in vain. Source: `docs/frames.md`, "On the local network".

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use carnet_vault::{DeviceId, Record, RecordId, RelayAddress};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    error::{FailureKind, SyncError},
    event::{Event, Synced},
    net::{Neighbourhood, Node},
    peer::sync_within,
    shared::{SharedVault, with_record},
};

/// Between two calls of a device that stays connected.
const CALL_EVERY: Duration = Duration::from_secs(2);
/// Time for a connection to an address that was heard: it is near.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a device is left alone after an exchange, and an address that was tried in vain.
const REST: Duration = Duration::from_mins(1);
/// Addresses tried in vain that are remembered, at most.
const VAIN_MAX: usize = 64;
/// Calls that were heard and not followed yet, at most. What is beyond it comes again.
const HEARD_MAX: usize = 16;

/// A device that called, and where it answers; or why nothing is heard.
type Heard = Result<(DeviceId, RelayAddress), SyncError>;

/// Exchanges with each device of the record that calls on the local network, until all were met or `patience` is over. This
/// device sends no call. What went well comes with the failure that somebody has to know of all the same, if there is one.
///
/// # Errors
/// Where nothing went well: [`SyncError::NoOtherDevice`] when there is nobody to be met; [`SyncError::NobodyNear`] when
/// no device of the record called; [`SyncError::Bind`]; see [`SyncError`].
pub async fn sync_nearby(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    patience: Duration,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<(Synced, Option<SyncError>), SyncError> {
    let known = with_record(vault, record, |record| -> Result<_, SyncError> { Ok(record.peer_transports()) }).await?;
    if known.is_empty() {
        return Err(SyncError::NoOtherDevice);
    }
    let mut near = Neighbourhood::enter(&node.address())?;
    let (found, mut finds) = mpsc::channel(HEARD_MAX);
    let mut once = Once { missing: known.iter().map(|(device, _)| *device).collect(), ..Once::default() };
    let hearing = async move {
        let hear = async {
            loop {
                let heard = near.heard(&known).await;
                let is_over = heard.is_err();
                // What has no room comes again.
                drop(found.try_send(heard));
                if is_over {
                    return;
                }
            }
        };
        drop(timeout(patience, hear).await);
        drop(found);
        std::future::pending::<()>().await;
    };
    let meeting = async {
        while let Some(heard) = finds.recv().await {
            let ended = match heard {
                Ok((device, address)) if once.wants(device, &address) => {
                    let met = sync_within(CONNECT_TIME, node, vault, record, &address, tell).await;
                    once.note(device, &address, met)
                }
                Ok(_) => false,
                Err(error) => once.fail(error),
            };
            if ended {
                return;
            }
        }
    };
    tokio::select! {
        () = meeting => {}
        () = hearing => {}
    }
    once.outcome()
}

/// What one round of exchanges came to by now.
#[derive(Default)]
struct Once {
    /// Devices that were not met yet.
    missing: BTreeSet<DeviceId>,
    left_alone: LeftAlone,
    synced: Option<Synced>,
    failure: Option<SyncError>,
}

impl Once {
    fn wants(&mut self, device: DeviceId, address: &RelayAddress) -> bool {
        self.missing.contains(&device) && !self.left_alone.has(device, address, Instant::now())
    }

    /// Takes in how it went with one. True when it is over.
    fn note(&mut self, device: DeviceId, address: &RelayAddress, met: Result<Synced, SyncError>) -> bool {
        match met {
            Ok(synced) => {
                self.missing.remove(&device);
                self.synced.get_or_insert_default().absorb(synced);
                self.missing.is_empty()
            }
            Err(error) => {
                self.left_alone.note(device, address, error.kind());
                if error.kind() == FailureKind::Integrity {
                    self.missing.remove(&device);
                }
                self.fail(error) || self.missing.is_empty()
            }
        }
    }

    /// Keeps the failure that weighs most. True when it is one that the others would have too.
    fn fail(&mut self, error: SyncError) -> bool {
        let kind = error.kind();
        if self.failure.as_ref().is_none_or(|failure| weight(failure.kind()) <= weight(kind)) {
            self.failure = Some(error);
        }
        matches!(kind, FailureKind::Local | FailureKind::Usage)
    }

    fn outcome(self) -> Result<(Synced, Option<SyncError>), SyncError> {
        let Some(synced) = self.synced else { return Err(self.failure.unwrap_or(SyncError::NobodyNear)) };
        // That one device was not there, or another's, is nothing beside one that was.
        Ok((synced, self.failure.filter(|failure| weight(failure.kind()) > weight(FailureKind::Denied))))
    }
}

/// Which of two failures has to be known.
fn weight(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Network => 0,
        FailureKind::Denied => 1,
        FailureKind::Usage | FailureKind::Local => 2,
        FailureKind::Integrity => 3,
    }
}

/// Calls on the local network, and exchanges with the devices of the record that call there, until `cancelled` is ready. Of
/// two devices that both do this the one with the smaller transport key connects to the other.
///
/// What is wrong there is told and ends nothing: a network that cannot be used, which is tried again, or a device that does
/// not act as an honest one, which is connected to no more.
///
/// # Errors
/// What neither the network nor the other device is to blame for.
pub async fn meet_nearby(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Result<Event, SyncError>) + Send),
    cancelled: impl Future<Output = ()>,
) -> Result<(), SyncError> {
    let (found, mut finds) = mpsc::channel::<Heard>(HEARD_MAX);
    let meeting = async {
        let mut left_alone = LeftAlone::default();
        while let Some(heard) = finds.recv().await {
            let (device, address) = match heard {
                Ok(heard) => heard,
                Err(error) => {
                    tell(Err(error));
                    continue;
                }
            };
            if node.address().key.0 > address.key.0 || left_alone.has(device, &address, Instant::now()) {
                continue;
            }
            match sync_within(CONNECT_TIME, node, vault, record, &address, &mut |_| {}).await {
                Ok(synced) => {
                    left_alone.met(device);
                    let (operations, envelopes) = (synced.operations, synced.received.accepted);
                    tell(Ok(Event::Served { operations, envelopes, sent: synced.sent }));
                }
                Err(error) => match error.kind() {
                    FailureKind::Local | FailureKind::Usage => return Err(error),
                    kind => {
                        left_alone.note(device, &address, kind);
                        if kind == FailureKind::Integrity {
                            tell(Err(error));
                        }
                    }
                },
            }
        }
        Ok(())
    };
    tokio::select! {
        biased;
        () = cancelled => Ok(()),
        ended = call_and_hear(node, vault, record, &found) => ended,
        ended = meeting => ended,
    }
}

/// Calls every few seconds and hands on what is heard between. It ends with what is wrong with the vault.
async fn call_and_hear(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    found: &mpsc::Sender<Heard>,
) -> Result<(), SyncError> {
    let mut calls = interval(CALL_EVERY);
    calls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut near, mut known, mut is_told) = (None::<Neighbourhood>, Vec::new(), false);
    loop {
        let entered = tokio::select! {
            biased;
            _ = calls.tick() => {
                // What lasted from one call to the next is well: what goes wrong from here on is news.
                is_told &= near.is_none();
                near.take().map_or_else(|| Neighbourhood::enter(&node.address()), Ok)
            }
            heard = hear(near.as_mut(), &known) => match heard {
                Ok(heard) => {
                    // What has no room comes again.
                    drop(found.try_send(Ok(heard)));
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match entered {
            Ok(mut entered) => {
                let own = node.address();
                let networks = own.addresses.len();
                let ask = move |record: &mut Record<'_>| -> Result<_, SyncError> {
                    let nonces: Vec<_> = (0..networks).map(|_| record.fresh_nonce()).collect();
                    Ok((record.peer_transports(), nonces))
                };
                let nonces;
                (known, nonces) = with_record(vault, record, ask).await?;
                entered.call(&own, &nonces).await;
                near = Some(entered);
            }
            Err(error) => {
                near = None;
                is_told = is_told || found.try_send(Err(error)).is_ok();
            }
        }
    }
}

/// The next call of one of `known`; never where there is no network to hear it on.
async fn hear(near: Option<&mut Neighbourhood>, known: &[(DeviceId, [u8; 32])]) -> Heard {
    match near {
        Some(near) => near.heard(known).await,
        None => std::future::pending().await,
    }
}

/// Whom not to connect to for a while, or at all.
#[derive(Default)]
struct LeftAlone {
    resting: Vec<(DeviceId, Instant)>,
    /// Where a device was not to be had: what a stranger sent again keeps it from nobody who is elsewhere.
    vain: VecDeque<(RelayAddress, Instant)>,
    dishonest: BTreeSet<DeviceId>,
}

impl LeftAlone {
    fn has(&mut self, device: DeviceId, address: &RelayAddress, now: Instant) -> bool {
        self.resting.retain(|(_, since)| now.saturating_duration_since(*since) < REST);
        self.vain.retain(|(_, since)| now.saturating_duration_since(*since) < REST);
        self.dishonest.contains(&device)
            || self.resting.iter().any(|(other, _)| *other == device)
            || self.vain.iter().any(|(other, _)| other == address)
    }

    fn met(&mut self, device: DeviceId) {
        self.resting.push((device, Instant::now()));
    }

    /// Notes a failure with a device. Only one of the network says nothing about the device: anybody can name an address.
    fn note(&mut self, device: DeviceId, address: &RelayAddress, kind: FailureKind) {
        match kind {
            FailureKind::Network => {
                if self.vain.len() == VAIN_MAX {
                    self.vain.pop_front();
                }
                self.vain.push_back((address.clone(), Instant::now()));
            }
            FailureKind::Integrity => {
                self.dishonest.insert(device);
            }
            _ => self.met(device),
        }
    }
}

#[cfg(test)]
mod tests {
    use carnet_crypto::sign::PublicKey;

    use super::*;

    const ONE: DeviceId = DeviceId([1; 16]);
    const TWO: DeviceId = DeviceId([2; 16]);

    fn at(port: u16) -> RelayAddress {
        RelayAddress::new(PublicKey([7; 32]), vec![([192, 168, 1, 7], port).into()], None)
    }

    #[test]
    fn an_address_in_vain_is_left_alone_for_a_minute_and_its_device_is_not() {
        let (mut left_alone, now) = (LeftAlone::default(), Instant::now() + REST / 2);
        left_alone.note(ONE, &at(1), FailureKind::Network);
        assert!(left_alone.has(ONE, &at(1), now));
        assert!(!left_alone.has(ONE, &at(2), now), "it may answer elsewhere");
        let now = now + REST;
        assert!(!left_alone.has(ONE, &at(1), now), "it may answer by now");
        for port in 1..1_000 {
            left_alone.note(ONE, &at(port), FailureKind::Network);
        }
        let now = Instant::now();
        assert_eq!(left_alone.vain.len(), VAIN_MAX, "strangers fill no memory");
        assert!(left_alone.has(ONE, &at(999), now));
    }

    #[test]
    fn a_device_that_was_met_rests_and_a_dishonest_one_is_met_no_more() {
        let (mut left_alone, now) = (LeftAlone::default(), Instant::now() + REST / 2);
        left_alone.met(ONE);
        left_alone.note(TWO, &at(2), FailureKind::Integrity);
        assert!(left_alone.has(ONE, &at(1), now) && left_alone.has(TWO, &at(3), now));
        let now = now + REST;
        assert!(!left_alone.has(ONE, &at(1), now));
        assert!(left_alone.has(TWO, &at(3), now));
    }

    #[test]
    fn what_went_well_stays_and_what_must_be_known_comes_with_it() {
        let all = || Once { missing: BTreeSet::from([ONE, TWO]), ..Once::default() };
        let mut once = all();
        assert!(!once.note(ONE, &at(1), Ok(Synced { sent: 3, ..Synced::default() })));
        assert!(once.note(TWO, &at(2), Err(SyncError::Malformed)), "nobody is left");
        let (synced, failure) = once.outcome().unwrap();
        assert_eq!(synced.sent, 3);
        assert!(matches!(failure, Some(SyncError::Malformed)), "{failure:?}");

        let mut once = all();
        assert!(!once.note(ONE, &at(1), Err(SyncError::Malformed)));
        assert!(!once.note(TWO, &at(2), Err(SyncError::Unreachable)));
        assert!(matches!(once.outcome(), Err(SyncError::Malformed)), "the later failure hides it not");

        let mut once = all();
        assert!(!once.note(ONE, &at(1), Ok(Synced::default())));
        assert!(once.note(TWO, &at(2), Err(SyncError::Ours)), "no device would fare better");
        assert!(matches!(once.outcome(), Ok((_, Some(SyncError::Ours)))), "what was exchanged is told all the same");

        let mut once = all();
        assert!(!once.note(ONE, &at(1), Err(SyncError::NotAdmitted)));
        assert!(!once.note(TWO, &at(2), Ok(Synced::default())));
        assert!(matches!(once.outcome(), Ok((_, None))));
        assert!(matches!(all().outcome(), Err(SyncError::NobodyNear)));
    }
}
