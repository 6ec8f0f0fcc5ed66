//! Adding a device face to face: the messages of [`carnet_vault::pairing`], carried through a slot.
//!
//! The slot is at the record's relay, or on the inviting device itself where there is no relay or it cannot be reached.
//! Either way it sees sealed messages only. Both sides end with the same six digits, which a person compares; nothing
//! is admitted before. Source: `docs/format.md`, "Pairing".

mod slot;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use carnet_protocol::frame::RelayAddress;
use carnet_vault::{
    DeviceId, RecordId, Vault,
    devices::Invitation,
    pairing::{Candidate, Delivery, Inviter, Joined, Ticket},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use zeroize::Zeroizing;

use self::slot::{End, Slot, is_away};
use crate::{
    error::SyncError,
    event::{Event, Synced},
    net::Node,
    peer::sync_with_peer,
    relay::sync_with_relay,
    shared::{SharedVault, with_record, with_vault},
};

/// Between two looks whether this device was admitted.
const ADMISSION_PAUSE: Duration = Duration::from_secs(1);
/// Time to find the offer of a ticket, wherever its slot is.
const ENTER_TIME: Duration = Duration::from_mins(1);
/// Time for the inviting side, which asks nobody, to answer a joiner's commitment.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// An invitation that waits for another device.
pub struct Invited {
    vault: SharedVault,
    record: RecordId,
    slot: Slot,
    inviter: Inviter,
    ticket: Ticket,
    code: Option<Zeroizing<String>>,
    until: Instant,
}

impl Invited {
    /// Opens an invitation to a record. With `with_code` its secret is a code that a person can type.
    ///
    /// # Errors
    /// This device is no member; too many invitations are open; see [`SyncError`].
    pub async fn open(
        node: &Node,
        vault: &SharedVault,
        record: RecordId,
        delivery: Delivery,
        with_code: bool,
    ) -> Result<Self, SyncError> {
        let invite = move |record: &mut carnet_vault::Record<'_>| -> Result<_, SyncError> {
            let Invitation { inviter, code } = record.invite(delivery, with_code)?;
            let offer = record.offer(&inviter);
            Ok((inviter, code, offer))
        };
        let until = Instant::now() + Duration::from_millis(delivery.lifetime_ms());
        let (inviter, code, offer) = with_record(vault, record, invite).await?;
        let mut slot = Slot::open(node, vault, record, inviter.slot(), delivery.lifetime_ms()).await?;
        slot.offer(offer).await?;
        let ticket = inviter.ticket(Some(node.address()));
        Ok(Self { vault: SharedVault::clone(vault), record, slot, inviter, ticket, code, until })
    }

    /// What to hand over. It holds the secret of the invitation.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// What to read out, where a code was asked for.
    pub fn code(&self) -> Option<&str> {
        self.code.as_ref().map(|code| code.as_str())
    }

    /// Waits for the other device and lets it prove that it holds the ticket, until the ticket's time is over or
    /// `cancelled` is ready. Whatever ends it without a device ends the invitation too, so that the other side learns it.
    ///
    /// # Errors
    /// [`SyncError::TicketClosed`]; [`SyncError::Interrupted`]; [`SyncError::Pairing`] when a message was altered.
    pub async fn meet(self, node: &Node, cancelled: impl Future<Output = ()>) -> Result<Met, SyncError> {
        let Self { vault, record, mut slot, inviter, until, .. } = self;
        let proved = {
            let proving = timeout_at(until, prove(node, &vault, record, &mut slot, inviter));
            tokio::select! {
                biased;
                proved = proving => proved.unwrap_or(Err(SyncError::TicketClosed)),
                () = cancelled => Err(SyncError::Interrupted),
            }
        };
        match proved {
            Ok(candidate) => Ok(Met { vault, record, candidate, slot }),
            Err(error) => {
                slot.burn(node).await;
                slot.end().await;
                Err(error)
            }
        }
    }
}

async fn prove(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    slot: &mut Slot,
    inviter: Inviter,
) -> Result<Candidate, SyncError> {
    let commitment = slot.message(node, 0).await?;
    let challenge = move |record: &mut carnet_vault::Record<'_>| record.challenge(inviter, &commitment);
    let (challenger, challenge) = with_record(vault, record, challenge).await?;
    slot.post(node, 1, challenge).await?;
    Ok(challenger.reveal(&slot.message(node, 1).await?)?)
}

/// A device that proved to hold the ticket. It waits for one of [`Met::admit`] and [`Met::refuse`].
pub struct Met {
    vault: SharedVault,
    record: RecordId,
    candidate: Candidate,
    slot: Slot,
}

impl Met {
    /// The six digits to compare.
    pub fn code(&self) -> String {
        self.candidate.code.to_string()
    }

    /// How the device calls itself.
    pub fn label(&self) -> &str {
        &self.candidate.label
    }

    /// Adds the device: a person has compared the digits. It learns of it with the next exchange.
    ///
    /// # Errors
    /// [`SyncError::InvitationEnded`] when the other side has said no meanwhile, or somebody else used the ticket too;
    /// the vault's.
    pub async fn admit(self, node: &Node) -> Result<Admitted, SyncError> {
        let Self { vault, record, candidate, mut slot } = self;
        // Only a clear answer counts: a host that is away now has nothing to say against a device that a person admits.
        if slot.is_closed().await {
            slot.burn(node).await;
            slot.end().await;
            return Err(SyncError::InvitationEnded);
        }
        let device = with_record(&vault, record, move |record| record.admit(candidate)).await?;
        Ok(Admitted { vault, record, device, slot })
    }

    /// Ends the invitation without adding the device, which learns of it.
    pub async fn refuse(self, node: &Node) {
        let mut slot = self.slot;
        slot.burn(node).await;
        slot.end().await;
    }
}

/// A device that was added and does not have the record yet.
pub struct Admitted {
    vault: SharedVault,
    record: RecordId,
    device: DeviceId,
    slot: Slot,
}

impl Admitted {
    /// The device.
    pub fn device(&self) -> DeviceId {
        self.device
    }
}

/// The joining side, once both sides have proved what they hold.
pub struct Meeting {
    vault: SharedVault,
    joined: Joined,
    inviter: Option<RelayAddress>,
    slot: Slot,
}

impl Meeting {
    /// Answers an invitation: binds this device's keys to it and reveals them.
    ///
    /// # Errors
    /// [`SyncError::TicketClosed`]; [`SyncError::Unreachable`]; [`SyncError::NobodyAnswered`] when the inviting side was
    /// ended meanwhile; [`SyncError::Pairing`].
    pub async fn enter(node: &Node, vault: &SharedVault, ticket: Ticket, label: &str) -> Result<Self, SyncError> {
        let entered = timeout(ENTER_TIME, Slot::enter(node, &ticket)).await;
        let (mut slot, offer) = entered.map_err(|_| SyncError::Unreachable)??;
        let label = label.to_owned();
        let inviter = ticket.meeting.inviter.clone();
        let commit = move |vault: &mut Vault| vault.commit_to(ticket, &offer, &label);
        let (joiner, commitment) = with_vault(vault, commit).await?;
        slot.post(node, 0, commitment).await?;
        // The inviting side answers by itself: without an answer nobody is there any more.
        let answered = timeout(ANSWER_TIME, slot.message(node, 1)).await;
        let challenge = answered.map_err(|_| SyncError::NobodyAnswered)??;
        let (joined, reveal) = with_vault(vault, move |vault| vault.reveal_to(joiner, &challenge)).await?;
        slot.post(node, 1, reveal).await?;
        Ok(Self { vault: SharedVault::clone(vault), joined, inviter, slot })
    }

    /// The six digits to compare.
    pub fn code(&self) -> String {
        self.joined.code.to_string()
    }

    /// Keeps the record, under the name that this device's owner gives it: a person has compared the digits. It is empty
    /// until the inviting side has admitted this device.
    ///
    /// # Errors
    /// The vault's.
    pub async fn accept(self, label: &str) -> Result<Joining, SyncError> {
        let Self { vault, joined, inviter, slot } = self;
        let label = label.to_owned();
        let join = move |vault: &mut Vault| -> Result<_, SyncError> {
            let id = vault.join(joined, &label)?;
            if let Some(inviter) = &inviter {
                vault.record(&id)?.note_peer(inviter)?;
            }
            Ok(id)
        };
        let record = with_vault(&vault, join).await?;
        Ok(Joining { vault, record, slot })
    }

    /// Ends the invitation: a person said that the digits differ. The inviting side admits nobody by it any more.
    pub async fn refuse(self, node: &Node) {
        let mut slot = self.slot;
        slot.burn(node).await;
        slot.end().await;
    }
}

/// A device that waits to be admitted.
pub struct Joining {
    vault: SharedVault,
    record: RecordId,
    slot: Slot,
}

impl Joining {
    /// The record.
    pub fn record(&self) -> RecordId {
        self.record
    }

    /// Exchanges as soon as the inviting side has admitted this device, for at most `patience`: with the relay, or where
    /// there is none or it does not answer, with the inviting device itself. When the other side has ended the
    /// invitation and nothing was admitted, the empty record is taken off this device again. A record that has begun to
    /// come by then is waited for.
    ///
    /// That it ended is nothing but the end of a wait: whoever hosts the slot could claim it, as it could stay silent.
    ///
    /// # Errors
    /// [`SyncError::InvitationEnded`]; [`SyncError::NobodyAnswered`] when nothing was said in time, or whoever hosts the
    /// slot has gone: a device that was killed tells nobody, and its relay cannot know; what went wrong otherwise.
    pub async fn wait(
        self,
        node: &Node,
        patience: Duration,
        tell: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Synced, SyncError> {
        let Self { vault, record, mut slot } = self;
        let is_with_inviter = slot.is_with_inviter();
        let over = sleep(patience);
        let ended = slot.ended(node);
        tokio::pin!(over, ended);
        let mut last = None;
        let mut is_heard = false;
        let has_begun = AtomicBool::new(false);
        loop {
            let mut note = |event| {
                if event == Event::Connected {
                    has_begun.store(true, Ordering::Relaxed);
                }
                tell(event);
            };
            let exchanging = exchange_anywhere(node, &vault, record, &mut note);
            tokio::pin!(exchanging);
            let exchanged = tokio::select! {
                biased;
                exchanged = &mut exchanging => exchanged,
                // Whoever is called may hang far longer than a person waits.
                () = &mut over => if has_begun.load(Ordering::Relaxed) {
                    exchanging.await
                } else {
                    return Err(SyncError::NobodyAnswered);
                },
            };
            match exchanged {
                Err(SyncError::NotAdmitted) => {}
                Err(error) if is_away(&error) => {}
                exchanged => return exchanged,
            }
            match last {
                None => {}
                Some(End::Said) => {
                    with_vault(&vault, move |vault| vault.give_up_joining(&record)).await?;
                    return Err(SyncError::InvitationEnded);
                }
                Some(End::HostGone) => return Err(SyncError::NobodyAnswered),
            }
            tokio::select! {
                biased;
                () = &mut over => return Err(SyncError::NobodyAnswered),
                end = &mut ended, if !is_heard => {
                    is_heard = true;
                    // A relay that went away may come back, and the device that invites reaches it or not.
                    last = Some(end).filter(|end| *end == End::Said || is_with_inviter);
                }
                () = sleep(ADMISSION_PAUSE) => {}
            }
        }
    }
}

/// Lets a device that was just admitted have the record: through the relay, or where there is none or it does not
/// answer, from this device, which serves it until it has everything, for at most `patience`.
///
/// # Errors
/// [`SyncError::Unreachable`] when it did not come; see [`SyncError`].
pub async fn hand_on(
    node: &Node,
    admitted: Admitted,
    patience: Duration,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let Admitted { vault, record, device, mut slot } = admitted;
    let handed = match sync_with_relay(node, &vault, record, tell).await {
        Err(error) if is_away(&error) => serve_until_served(node, &vault, record, device, patience).await,
        ended => ended,
    };
    // Only now: whoever waits in the slot looks once more when it closes, and must find itself admitted then.
    slot.burn(node).await;
    slot.end().await;
    handed
}

async fn serve_until_served(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    device: DeviceId,
    patience: Duration,
) -> Result<Synced, SyncError> {
    let _serving = node.services().serve(vault, record);
    let mut served = node.services().served.subscribe();
    let has_come = async { served.wait_for(|served| served.contains_key(&(record, device))).await.is_ok() };
    match timeout(patience, has_come).await {
        Ok(true) => Ok(Synced::default()),
        Ok(false) | Err(_) => Err(SyncError::Unreachable),
    }
}

async fn exchange_anywhere(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let refused = match sync_with_relay(node, vault, record, tell).await {
        Err(error) if is_away(&error) => error,
        ended => return ended,
    };
    let peers = with_record(vault, record, |record| -> Result<_, SyncError> { Ok(record.peers()) }).await?;
    let mut ended = Err(refused);
    for peer in peers {
        ended = sync_with_peer(node, vault, record, &peer, tell).await;
        if ended.is_ok() {
            break;
        }
    }
    ended
}
