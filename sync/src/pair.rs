//! Adding a device face to face: the messages of [`carnet_vault::pairing`], carried through a slot.
//!
//! The slot is at the record's relay, or on the inviting device itself where there is no relay or it cannot be reached.
//! Either way it sees sealed messages only. Both sides end with the same six digits, which a person compares; nothing
//! is admitted before. Source: `docs/protocol.md`, "Pairing".

use std::{sync::Arc, time::Duration};

use carnet_protocol::frame::{
    Frame, PEER_ALPN, RELAY_ALPN, RelayAddress, SlotContent, SlotEnter, SlotOpen, SlotPost, SlotRead,
    slot::SLOT_WAIT_MS_MAX,
};
use carnet_vault::{
    DeviceId, RecordId, Vault,
    devices::Invitation,
    pairing::{Candidate, Delivery, Inviter, Joined, PairingError, Ticket},
};
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::{
    engine::slot::Side,
    error::SyncError,
    event::{Event, Synced},
    net::{Line, Link, Node, Services},
    peer::sync_with_peer,
    relay::{Session, refusal, sync_with_relay},
    shared::{SharedVault, with_record, with_vault},
};

/// What stands in place of the offer once a ticket was used: no message that anybody sealed.
const BURNT: &[u8] = &[0];
/// Between two looks whether this device was admitted.
const ADMISSION_PAUSE: Duration = Duration::from_secs(1);

/// An invitation that waits for another device.
pub struct Invited {
    vault: SharedVault,
    record: RecordId,
    slot: Slot,
    inviter: Inviter,
    ticket: Ticket,
    code: Option<Zeroizing<String>>,
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
        let (inviter, code, offer) = with_record(vault, record, invite).await?;
        let mut slot = Slot::open(node, vault, record, inviter.slot(), delivery.lifetime_ms()).await?;
        slot.post(0, offer).await?;
        let ticket = inviter.ticket(Some(node.address()));
        Ok(Self { vault: SharedVault::clone(vault), record, slot, inviter, ticket, code })
    }

    /// What to hand over. It holds the secret of the invitation.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// What to read out, where a code was asked for.
    pub fn code(&self) -> Option<&str> {
        self.code.as_ref().map(|code| code.as_str())
    }

    /// Waits for the other device and lets it prove that it holds the ticket.
    ///
    /// # Errors
    /// [`SyncError::TicketClosed`]; [`SyncError::Pairing`] when a message was altered.
    pub async fn meet(self) -> Result<Met, SyncError> {
        let Self { vault, record, mut slot, inviter, .. } = self;
        let commitment = slot.message(0).await?;
        let challenge = move |record: &mut carnet_vault::Record<'_>| record.challenge(inviter, &commitment);
        let (challenger, challenge) = with_record(&vault, record, challenge).await?;
        slot.post(1, challenge).await?;
        let candidate = challenger.reveal(&slot.message(1).await?)?;
        slot.burn().await;
        slot.end().await;
        Ok(Met { vault, record, candidate })
    }
}

/// A device that proved to hold the ticket. Dropping this refuses it.
pub struct Met {
    vault: SharedVault,
    record: RecordId,
    candidate: Candidate,
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
    /// The vault's.
    pub async fn admit(self) -> Result<DeviceId, SyncError> {
        let Self { vault, record, candidate } = self;
        with_record(&vault, record, move |record| record.admit(candidate)).await
    }
}

/// The joining side, once both sides have proved what they hold.
pub struct Meeting {
    vault: SharedVault,
    joined: Joined,
    inviter: Option<RelayAddress>,
}

impl Meeting {
    /// Answers an invitation: binds this device's keys to it and reveals them.
    ///
    /// # Errors
    /// [`SyncError::TicketClosed`]; [`SyncError::Unreachable`]; [`SyncError::Pairing`].
    pub async fn enter(node: &Node, vault: &SharedVault, ticket: Ticket, label: &str) -> Result<Self, SyncError> {
        let (mut slot, offer) = Slot::enter(node, &ticket).await?;
        let label = label.to_owned();
        let inviter = ticket.meeting.inviter.clone();
        let commit = move |vault: &mut Vault| vault.commit_to(ticket, &offer, &label);
        let (joiner, commitment) = with_vault(vault, commit).await?;
        slot.post(0, commitment).await?;
        let challenge = slot.message(1).await?;
        let (joined, reveal) = with_vault(vault, move |vault| vault.reveal_to(joiner, &challenge)).await?;
        slot.post(1, reveal).await?;
        slot.end().await;
        Ok(Self { vault: SharedVault::clone(vault), joined, inviter })
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
    pub async fn accept(self, label: &str) -> Result<RecordId, SyncError> {
        let (joined, inviter, label) = (self.joined, self.inviter, label.to_owned());
        let join = move |vault: &mut Vault| -> Result<_, SyncError> {
            let id = vault.join(joined, &label)?;
            if let Some(inviter) = &inviter {
                vault.record(&id)?.note_peer(inviter)?;
            }
            Ok(id)
        };
        with_vault(&self.vault, join).await
    }
}

/// Exchanges as soon as the inviting side has admitted this device, for at most `patience`: with the relay, or where
/// there is none or it does not answer, with the inviting device itself.
///
/// # Errors
/// [`SyncError::NotAdmitted`] when it was not; what went wrong otherwise.
pub async fn wait_for_admission(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    patience: Duration,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let over = sleep(patience);
    tokio::pin!(over);
    loop {
        let refused = match exchange_anywhere(node, vault, record, tell).await {
            Err(error @ (SyncError::NotAdmitted | SyncError::Unreachable)) => error,
            ended => return ended,
        };
        tokio::select! {
            biased;
            () = &mut over => return Err(refused),
            () = sleep(ADMISSION_PAUSE) => {}
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
    vault: &SharedVault,
    record: RecordId,
    device: DeviceId,
    patience: Duration,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    match sync_with_relay(node, vault, record, tell).await {
        Err(SyncError::NoRelay | SyncError::Unreachable) => {}
        ended => return ended,
    }
    let _serving = node.services().serve(vault);
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
        Err(error @ (SyncError::NoRelay | SyncError::Unreachable)) => error,
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

/// One side's end of a slot.
struct Slot {
    name: [u8; 16],
    at: At,
}

/// Where a slot is, and so how it is reached.
enum At {
    /// At the relay, over the inviting device's own stream.
    Relay(Box<Session>),
    /// On this device, which invites.
    Here(OpenSlot),
    /// Over a stream of a stranger, who joins. The connection lasts as long as this.
    There(Line, Link),
}

impl Slot {
    /// Opens a slot for an invitation: at the relay if it answers, else here.
    async fn open(
        node: &Node,
        vault: &SharedVault,
        record: RecordId,
        name: [u8; 16],
        lifetime_ms: u64,
    ) -> Result<Self, SyncError> {
        match Session::open(node, vault, record).await {
            Ok(mut session) => {
                // What came meanwhile is taken in first: the invitation names the heads that are known.
                session.pull(&mut |_: Event| {}).await?;
                let content = content(session.ask(&Frame::SlotOpen(SlotOpen { name, lifetime_ms })).await?)?;
                still_open(content)?;
                Ok(Self { name, at: At::Relay(Box::new(session)) })
            }
            Err(SyncError::NoRelay | SyncError::Unreachable) => {
                let slot = OpenSlot::new(node, name).ok_or(SyncError::TicketClosed)?;
                Ok(Self { name, at: At::Here(slot) })
            }
            Err(error) => Err(error),
        }
    }

    /// Enters the slot of a ticket, wherever it is, and reads the offer in it.
    async fn enter(node: &Node, ticket: &Ticket) -> Result<(Self, Vec<u8>), SyncError> {
        let places = [(&ticket.meeting.relay, RELAY_ALPN), (&ticket.meeting.inviter, PEER_ALPN)];
        let mut ended = SyncError::Pairing(PairingError::NotATicket);
        for (address, alpn) in places {
            let Some(address) = address else { continue };
            match Self::enter_at(node, address, alpn, ticket.slot()).await {
                Ok(entered) => return Ok(entered),
                // That the ticket is used up says more than that the inviter has gone.
                Err(_) if matches!(ended, SyncError::TicketClosed) => {}
                Err(error) => ended = error,
            }
        }
        Err(ended)
    }

    async fn enter_at(
        node: &Node,
        address: &RelayAddress,
        alpn: &[u8],
        name: [u8; 16],
    ) -> Result<(Self, Vec<u8>), SyncError> {
        let link = node.connect(address, alpn).await?;
        let mut line = link.open().await?;
        let first = match line.ask(&Frame::SlotEnter(SlotEnter { name })).await? {
            Frame::Refused => return Err(SyncError::TicketClosed),
            frame => content(frame)?,
        };
        still_open(first)?;
        let mut slot = Self { name, at: At::There(line, link) };
        let offer = slot.message(0).await?;
        Ok((slot, offer))
    }

    /// Leaves this side's message number `index`.
    async fn post(&mut self, index: u8, message: Vec<u8>) -> Result<(), SyncError> {
        let posted = SlotPost { name: self.name, index, message };
        let content = match &mut self.at {
            At::Relay(session) => content(session.ask(&Frame::SlotPost(posted)).await?)?,
            At::There(line, _) => content(line.ask(&Frame::SlotPost(posted)).await?)?,
            At::Here(slot) => slot.services.slots.post(Side::Inviter, &posted),
        };
        still_open(content).map(drop)
    }

    /// The other side's message number `index`, once it is there.
    async fn message(&mut self, index: u8) -> Result<Vec<u8>, SyncError> {
        let asked = SlotRead { name: self.name, seen: index, wait_ms: SLOT_WAIT_MS_MAX };
        loop {
            let content = match &mut self.at {
                At::Relay(session) => content(session.ask(&Frame::SlotRead(asked)).await?)?,
                At::There(line, _) => content(line.ask(&Frame::SlotRead(asked)).await?)?,
                At::Here(slot) => {
                    let wait = Duration::from_millis(asked.wait_ms);
                    slot.services.slots.wait(Side::Inviter, &self.name, asked.seen, wait).await
                }
            };
            let mut theirs = still_open(content)?.theirs;
            if theirs.len() > usize::from(index) {
                return Ok(theirs.swap_remove(usize::from(index)));
            }
        }
    }

    /// Closes the slot for good: a ticket works once. Where that fails, the ticket's time still ends it.
    async fn burn(&mut self) {
        if let At::Relay(session) = &mut self.at {
            let posted = SlotPost { name: self.name, index: 0, message: BURNT.to_vec() };
            drop(session.ask(&Frame::SlotPost(posted)).await);
        }
    }

    async fn end(self) {
        match self.at {
            At::Relay(session) => session.end(),
            At::Here(_) => {}
            At::There(line, link) => {
                line.finish().await;
                link.close();
            }
        }
    }
}

/// A slot on this device, open as long as this.
struct OpenSlot {
    name: [u8; 16],
    services: Arc<Services>,
}

impl OpenSlot {
    fn new(node: &Node, name: [u8; 16]) -> Option<Self> {
        let services = Arc::clone(node.services());
        services.slots.open(name).then_some(Self { name, services })
    }
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        self.services.slots.close(&self.name);
    }
}

fn content(frame: Frame) -> Result<SlotContent, SyncError> {
    match frame {
        Frame::SlotContent(content) => Ok(content),
        other => Err(refusal(&other)),
    }
}

fn still_open(content: SlotContent) -> Result<SlotContent, SyncError> {
    if content.open { Ok(content) } else { Err(SyncError::TicketClosed) }
}
