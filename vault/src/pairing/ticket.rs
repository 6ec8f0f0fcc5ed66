//! The ticket of an invitation: what whoever holds it may try, once, until when, and where the two sides meet.
//!
//! Its text holds a secret. It is never logged and never printed but where a person asked for it. Source:
//! `docs/format.md`, "Pairing".

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use carnet_crypto::{
    door::UnixMillis,
    id::{KeySalt, RecordId},
    sign::PublicKey,
};
use carnet_protocol::{
    codec::{DecodeError, Reader, Writer},
    frame::RelayAddress,
    limits::{TICKET_LETTER_S, TICKET_QR_S},
};
use carnet_seal::{code::TicketCode, secret::TicketSecret};
use zeroize::Zeroizing;

use super::PairingError;

/// An invitation, as it is scanned or read from a file. Whoever holds it may try to join once.
pub struct Ticket {
    /// Where the two sides meet.
    pub meeting: Meeting,
    /// When it ends, by the inviter's clock.
    pub expires: UnixMillis,
    pub(super) offer: Option<Offer>,
    pub(super) secret: Arc<TicketSecret>,
}

/// Where the messages of a pairing are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The relay that hosts the slot.
    pub relay: Option<RelayAddress>,
    /// The inviter itself, when it can be reached directly: key and addresses in the form of a relay's.
    pub inviter: Option<RelayAddress>,
}

/// What the inviter says of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) record: RecordId,
    pub(crate) salt: KeySalt,
    pub(crate) relay: Option<RelayAddress>,
    pub(crate) inviter: PublicKey,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

impl Ticket {
    /// The ticket behind a typed code: it names nothing, the slot tells the rest.
    ///
    /// # Errors
    /// A code with a wrong letter. Deriving its secret takes half a second and 64 MiB.
    pub fn from_code(code: &str, meeting: Meeting, expires: UnixMillis) -> Result<Self, PairingError> {
        Ok(Self { meeting, expires, offer: None, secret: Arc::new(TicketCode::parse(code)?.secret()?) })
    }

    /// One line of text for a file or a QR code. It holds the secret of the invitation, and is cleared when it goes.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let (mut expiry, mut rest) = (Writer::new(), Writer::new());
        expiry.u48(self.expires.0);
        write_address(&mut rest, self.meeting.relay.as_ref());
        write_address(&mut rest, self.meeting.inviter.as_ref());
        rest.presence(self.offer.is_some());
        if let Some(offer) = &self.offer {
            offer.write(&mut rest);
        }
        // Both get their size at once: memory that grows leaves what it held behind.
        let bytes = [expiry.as_slice(), self.secret.expose_for_store(), rest.as_slice()];
        let bytes = Zeroizing::new(bytes.concat());
        let mut text = Zeroizing::new(String::with_capacity(TICKET_PREFIX.len() + bytes.len().div_ceil(3) * 4));
        text.push_str(TICKET_PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
        text
    }

    /// The ticket in a line of text.
    ///
    /// # Errors
    /// [`PairingError::NotATicket`]; [`PairingError::Expired`] at `now`.
    pub fn parse(text: &str, now: UnixMillis) -> Result<Self, PairingError> {
        let encoded = text.trim().strip_prefix(TICKET_PREFIX).ok_or(PairingError::NotATicket)?;
        if encoded.len() > TICKET_CHARS_MAX {
            return Err(PairingError::NotATicket);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map(Zeroizing::new).map_err(|_| PairingError::NotATicket)?;
        let ticket = Self::read(&bytes).map_err(|_| PairingError::NotATicket)?;
        if ticket.expires < now { Err(PairingError::Expired) } else { Ok(ticket) }
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let expires = UnixMillis(reader.u48("expiry")?);
        let secret = TicketSecret::from_store(reader.take(32, "secret")?);
        let meeting = Meeting { relay: read_address(&mut reader)?, inviter: read_address(&mut reader)? };
        let offer = if reader.presence("offer")? { Some(Offer::read(&mut reader)?) } else { None };
        reader.finish("ticket")?;
        match secret {
            Some(secret) => Ok(Self { meeting, expires, offer, secret: Arc::new(secret) }),
            None => Err(Reader::new(bytes).malformed("secret", carnet_protocol::codec::Wrong::Truncated)),
        }
    }

    /// The name of the slot where the messages are left.
    pub fn slot(&self) -> [u8; 16] {
        self.secret.slot()
    }

    /// The record, where the ticket names it: a typed code does not.
    pub fn record(&self) -> Option<RecordId> {
        self.offer.as_ref().map(|offer| offer.record)
    }
}

impl Offer {
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.record.0).raw(&self.salt.0);
        write_address(writer, self.relay.as_ref());
        writer.raw(&self.inviter.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            record: RecordId(reader.array("record")?),
            salt: KeySalt(reader.array("key salt")?),
            relay: read_address(reader)?,
            inviter: PublicKey(reader.array("inviter")?),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.finish()
    }
}

/// How an invitation reaches the other device, and so how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Shown or handed over now: 15 minutes.
    AtOnce,
    /// By letter: 48 hours.
    Letter,
}

impl Delivery {
    /// The lifetime in milliseconds.
    pub fn lifetime_ms(self) -> u64 {
        let seconds = match self {
            Self::AtOnce => TICKET_QR_S,
            Self::Letter => TICKET_LETTER_S,
        };
        seconds.saturating_mul(1_000)
    }
}

fn write_address(writer: &mut Writer, address: Option<&RelayAddress>) {
    let text = address.map(RelayAddress::to_string).unwrap_or_default();
    writer.bytes(text.as_bytes());
}

fn read_address(reader: &mut Reader<'_>) -> Result<Option<RelayAddress>, DecodeError> {
    let wrong = reader.malformed("address", carnet_protocol::codec::Wrong::Value);
    let bytes = reader.bytes(carnet_protocol::frame::address::RELAY_ADDRESS_BYTES_MAX, "address")?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = str::from_utf8(bytes).map_err(|_| wrong)?;
    text.parse().map(Some).map_err(|_| wrong)
}

/// What every ticket begins with: a name and the version of the form.
const TICKET_PREFIX: &str = "carnet1:";
/// Longest text of a ticket after its prefix, in characters.
const TICKET_CHARS_MAX: usize = 4_096;
