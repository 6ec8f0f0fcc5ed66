//! The slot of an invitation, from one side: posting, reading and closing it, wherever it is hosted.
//!
//! A lost connection to the relay is made again here; what the messages say is not known here. Source:
//! `docs/frames.md`, "Rendezvous".

use std::{sync::Arc, time::Duration};

use carnet_protocol::frame::{
    Frame, PEER_ALPN, RELAY_ALPN, RelayAddress, SlotContent, SlotEnter, SlotOpen, SlotPost, SlotRead,
    slot::{SLOT_MESSAGES_MAX, SLOT_WAIT_MS_MAX},
};
use carnet_vault::{
    RecordId,
    pairing::{PairingError, Ticket},
};
use tokio::time::sleep;

use crate::{
    engine::slot::Side,
    error::{FailureKind, SyncError},
    event::Event,
    net::{Line, Link, Node, Services},
    relay::{Session, refusal},
    shared::SharedVault,
};

/// What stands in place of the offer once a ticket was used: no message that anybody sealed.
const BURNT: &[u8] = &[0];
/// Before a lost connection of an open invitation is tried again.
const COMING_BACK_PAUSE: Duration = Duration::from_secs(2);

/// How an invitation ended for the one who waits in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Whoever hosts the slot says that it is closed.
    Said,
    /// Whoever hosts the slot is not there any more.
    HostGone,
}

/// One side's end of a slot.
pub(super) struct Slot {
    name: [u8; 16],
    at: At,
    /// Whether an answer is still to come to what was asked: a wait that was broken off.
    is_asked: bool,
}

/// Where a slot is, and so how it is reached.
enum At {
    /// At the relay, over the inviting device's own stream.
    Relay(Box<Session>),
    /// On this device, which invites.
    Here(OpenSlot),
    /// Over a stream of a stranger, who joins. The connection lasts as long as this.
    There { line: Line, link: Link, is_with_inviter: bool },
}

impl Slot {
    /// Opens a slot for an invitation: at the relay if it answers, else here.
    pub(super) async fn open(
        node: &Node,
        vault: &SharedVault,
        record: RecordId,
        name: [u8; 16],
        lifetime_ms: u64,
    ) -> Result<Self, SyncError> {
        match open_session(node, vault, record).await {
            Ok(mut session) => {
                let content = content(session.ask(&Frame::SlotOpen(SlotOpen { name, lifetime_ms })).await?)?;
                still_open(content)?;
                Ok(Self { name, at: At::Relay(Box::new(session)), is_asked: false })
            }
            Err(error) if is_away(&error) => {
                let slot = OpenSlot::new(node, name).ok_or(SyncError::TicketClosed)?;
                Ok(Self { name, at: At::Here(slot), is_asked: false })
            }
            Err(error) => Err(error),
        }
    }

    /// Enters the slot of a ticket, wherever it is, and reads the offer in it.
    pub(super) async fn enter(node: &Node, ticket: &Ticket) -> Result<(Self, Vec<u8>), SyncError> {
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
        let is_with_inviter = alpn == PEER_ALPN;
        let first = match line.ask(&Frame::SlotEnter(SlotEnter { name })).await? {
            Frame::Refused => return Err(SyncError::TicketClosed),
            frame => content(frame)?,
        };
        still_open(first)?;
        let mut slot = Self { name, at: At::There { line, link, is_with_inviter }, is_asked: false };
        let offer = slot.message(node, 0).await?;
        Ok((slot, offer))
    }

    /// Leaves the first message of the inviting side. A lost connection ends the invitation: nobody has its ticket yet.
    pub(super) async fn offer(&mut self, message: Vec<u8>) -> Result<(), SyncError> {
        let posted = SlotPost { name: self.name, index: 0, message };
        still_open(self.try_post(&posted).await?).map(drop)
    }

    /// Leaves this side's message number `index`.
    pub(super) async fn post(&mut self, node: &Node, index: u8, message: Vec<u8>) -> Result<(), SyncError> {
        let posted = SlotPost { name: self.name, index, message };
        loop {
            match self.try_post(&posted).await {
                Err(error) if is_away(&error) && self.is_with_relay() => self.come_back(node).await?,
                posted => return still_open(posted?).map(drop),
            }
        }
    }

    async fn try_post(&mut self, posted: &SlotPost) -> Result<SlotContent, SyncError> {
        match &mut self.at {
            At::Relay(session) => content(session.ask(&Frame::SlotPost(posted.clone())).await?),
            At::There { line, .. } => content(line.ask(&Frame::SlotPost(posted.clone())).await?),
            At::Here(slot) => Ok(slot.services.slots.post(Side::Inviter, posted)),
        }
    }

    /// The other side's message number `index`, once it is there.
    pub(super) async fn message(&mut self, node: &Node, index: u8) -> Result<Vec<u8>, SyncError> {
        let asked = SlotRead { name: self.name, seen: index, wait_ms: SLOT_WAIT_MS_MAX };
        loop {
            let content = match self.read(asked).await {
                Err(error) if is_away(&error) && self.is_with_relay() => {
                    self.come_back(node).await?;
                    continue;
                }
                content => content?,
            };
            let mut theirs = still_open(content)?.theirs;
            if theirs.len() > usize::from(index) {
                return Ok(theirs.swap_remove(usize::from(index)));
            }
        }
    }

    async fn read(&mut self, asked: SlotRead) -> Result<SlotContent, SyncError> {
        self.is_asked = true;
        let read = match &mut self.at {
            At::Relay(session) => content(session.ask(&Frame::SlotRead(asked)).await?),
            At::There { line, .. } => content(line.ask(&Frame::SlotRead(asked)).await?),
            At::Here(slot) => {
                let wait = Duration::from_millis(asked.wait_ms);
                Ok(slot.services.slots.wait(Side::Inviter, &self.name, asked.seen, wait).await)
            }
        };
        self.is_asked = false;
        read
    }

    /// Whether whoever hosts the slot says that it is closed.
    pub(super) async fn is_closed(&mut self) -> bool {
        let asked = SlotRead { name: self.name, seen: 0, wait_ms: 0 };
        self.read(asked).await.is_ok_and(|content| !content.open)
    }

    /// Waits for the end of the invitation.
    pub(super) async fn ended(&mut self, node: &Node) -> End {
        // There is no such message, so that only an end comes.
        let beyond = u8::try_from(SLOT_MESSAGES_MAX).unwrap_or(u8::MAX);
        match self.message(node, beyond).await {
            Err(SyncError::TicketClosed) => End::Said,
            Ok(_) | Err(_) => End::HostGone,
        }
    }

    /// Closes the slot for good: a ticket works once. Where that fails, the ticket's time still ends it.
    pub(super) async fn burn(&mut self, node: &Node) {
        let posted = SlotPost { name: self.name, index: 0, message: BURNT.to_vec() };
        // What is asked on a stream is answered in turn, and a wait that was broken off may last.
        let is_burnt = !self.is_asked && self.try_post(&posted).await.is_ok();
        if let (false, At::Relay(session)) = (is_burnt, &mut self.at)
            && let Ok(again) = open_session(node, &session.vault, session.record).await
        {
            **session = again;
            drop(self.try_post(&posted).await);
        }
    }

    fn is_with_relay(&self) -> bool {
        matches!(self.at, At::Relay(_))
    }

    pub(super) fn is_with_inviter(&self) -> bool {
        matches!(self.at, At::There { is_with_inviter: true, .. })
    }

    /// Connects to the relay again, however often that takes: an invitation outlives a connection.
    async fn come_back(&mut self, node: &Node) -> Result<(), SyncError> {
        let At::Relay(session) = &mut self.at else { return Err(SyncError::Unreachable) };
        let again = until_reached(COMING_BACK_PAUSE, || open_session(node, &session.vault, session.record)).await?;
        **session = again;
        Ok(())
    }

    pub(super) async fn end(self) {
        match self.at {
            At::Relay(session) => session.end(),
            At::Here(_) => {}
            At::There { line, link, .. } => {
                line.finish().await;
                link.close();
            }
        }
    }
}

/// Tries again and again, with a pause before each time, until it is done or something else than the network is why not.
async fn until_reached<T, Trying>(pause: Duration, mut attempt: impl FnMut() -> Trying) -> Result<T, SyncError>
where
    Trying: Future<Output = Result<T, SyncError>>,
{
    loop {
        sleep(pause).await;
        match attempt().await {
            Err(error) if error.kind() == FailureKind::Network => {}
            ended => return ended,
        }
    }
}

/// Whether there is no relay, or none that can be reached now.
pub(super) fn is_away(error: &SyncError) -> bool {
    matches!(error, SyncError::NoRelay) || error.kind() == FailureKind::Network
}

/// A stream at the relay on which nothing is under way. What came meanwhile is taken in first: an invitation names the
/// heads that are known.
async fn open_session(node: &Node, vault: &SharedVault, record: RecordId) -> Result<Session, SyncError> {
    let mut session = Session::open(node, vault, record).await?;
    session.pull(&mut |_: Event| {}).await?;
    Ok(session)
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

#[cfg(test)]
mod tests {
    use carnet_protocol::frame::Denial;

    use super::*;

    #[tokio::test]
    async fn whatever_the_network_does_an_invitation_is_come_back_to() {
        let mut failures = vec![
            SyncError::Denied(Denial::Rate),
            SyncError::Denied(Denial::Unavailable),
            SyncError::Bind("no way there".to_owned()),
            SyncError::Unreachable,
        ];
        let attempt = || std::future::ready(failures.pop().map_or(Ok(7), Err));
        assert_eq!(until_reached(Duration::ZERO, attempt).await.unwrap(), 7);
        let mut attempts = 0;
        let refused = until_reached(Duration::ZERO, || {
            attempts += 1;
            std::future::ready(Err::<(), _>(SyncError::NotAdmitted))
        });
        assert!(matches!(refused.await, Err(SyncError::NotAdmitted)));
        assert_eq!(attempts, 1, "what the network is not to blame for is not tried again");
    }
}
