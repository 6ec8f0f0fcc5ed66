//! Adding a device face to face: the messages, what they prove, and the six digits.
//!
//! ```text
//! inviter                              slot                              joiner
//!   offer     ── record, key salt, relay, own key ──▶
//!                                   ◀── commitment to (nonce, keys, incarnation, label) ──
//!   challenge ── nonce, membership heads, principal ──▶
//!                                   ◀── reveal: nonce, keys, incarnation, label ──
//!   both show the same six digits; a person compares them; the inviter signs
//! ```
//!
//! Every message is sealed and authenticated under the secret of the ticket, with what went before as context, so that
//! a relay that hosts the slot can neither read nor replace one. A second commitment ends the invitation. Joining never
//! makes a key of the record: a device that waits holds nothing.
//!
//! This module holds the states; it opens no connection and waits for nobody. Source: `docs/format.md`, "Pairing".

mod ticket;

use std::sync::Arc;

use carnet_crypto::{
    door::UnixMillis,
    fault::Fault,
    id::{Incarnation, OpId, PrincipalId},
    sign::{PublicKey, SUITE},
};
use carnet_protocol::{
    codec::{DecodeError, Reader, Writer},
    frame::{RelayAddress, slot::SLOT_MESSAGE_BYTES_MAX},
    limits::KEM_KEY_BYTES,
};
use carnet_seal::{
    code::{CodeRefused, TicketCode},
    passphrase::Argon2Error,
    sas::{Commitment, PairingNonce, ShortCode},
    secret::TicketSecret,
};
use rand::CryptoRng;

pub(crate) use self::ticket::Offer;
pub use self::ticket::{Delivery, Meeting, Ticket};

/// Why a pairing ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// The record is on this device already, and works.
    #[error("this record is on this device already")]
    AlreadyHere,
    /// The ticket is too old.
    #[error("the invitation has expired")]
    Expired,
    /// The text is not a ticket, or of another version.
    #[error("this is not an invitation of this version of Carnet")]
    NotATicket,
    /// The typed code has a wrong letter.
    #[error("the typed code is not valid: {0}")]
    Code(#[from] CodeRefused),
    /// Memory for the derivation could not be had.
    #[error("the typed code could not be checked: {0}")]
    Derivation(#[from] Argon2Error),
    /// A message does not belong to this invitation, was altered, or comes out of order.
    #[error("a message of the pairing was altered or belongs to another invitation")]
    Refused,
    /// The vault could not be read.
    #[error("the vault could not be read")]
    Store,
    /// What was revealed is not what was committed to, or the offer is not that of the ticket.
    #[error("the other side is not the one that was invited")]
    NotTheSame,
}

impl PairingError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::AlreadyHere | Self::Expired | Self::NotATicket | Self::Code(_) | Self::Derivation(_) => Fault::Caller,
            Self::Store => Fault::Disk,
            Self::NotTheSame | Self::Refused => Fault::Peer,
        }
    }
}

impl From<carnet_seal::ticket::MessageRefused> for PairingError {
    fn from(_: carnet_seal::ticket::MessageRefused) -> Self {
        Self::Refused
    }
}

impl From<carnet_seal::sas::RevealRefused> for PairingError {
    fn from(_: carnet_seal::sas::RevealRefused) -> Self {
        Self::NotTheSame
    }
}

impl From<DecodeError> for PairingError {
    fn from(_: DecodeError) -> Self {
        Self::Refused
    }
}

/// The inviting side, before anyone came.
pub struct Inviter {
    secret: Arc<TicketSecret>,
    offer: Offer,
    heads: Vec<OpId>,
    principal: PrincipalId,
    expires: UnixMillis,
}

/// The inviting side, once a joiner has bound itself.
pub struct Challenger {
    inviter: Inviter,
    commitment: Commitment,
    challenge: Vec<u8>,
}

/// A device that proved to hold the ticket. It gets nothing before a person has compared the code.
pub struct Candidate {
    /// The six digits.
    pub code: ShortCode,
    /// How the device calls itself.
    pub label: String,
    pub(crate) keys: JoinerKeys,
    pub(crate) principal: PrincipalId,
}

/// The public keys that a joiner reveals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinerKeys {
    pub(crate) signing: PublicKey,
    pub(crate) kem: Box<[u8; KEM_KEY_BYTES]>,
    pub(crate) transport: [u8; 32],
    pub(crate) incarnation: Incarnation,
}

impl Inviter {
    /// A new invitation for one more device of `principal`. With `code`, the secret is what a person types.
    ///
    /// # Errors
    /// Memory for the derivation of a typed code.
    pub(crate) fn new(
        offer: Offer,
        heads: Vec<OpId>,
        principal: PrincipalId,
        expires: UnixMillis,
        code: Option<&TicketCode>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, PairingError> {
        let secret = match code {
            Some(code) => code.secret()?,
            None => TicketSecret::generate(rng),
        };
        Ok(Self { secret: Arc::new(secret), offer, heads, principal, expires })
    }

    /// The ticket to hand over; `inviter` is where this device can be reached directly.
    pub fn ticket(&self, inviter: Option<RelayAddress>) -> Ticket {
        let meeting = Meeting { relay: self.offer.relay.clone(), inviter };
        let secret = Arc::clone(&self.secret);
        Ticket { meeting, expires: self.expires, offer: Some(self.offer.clone()), secret }
    }

    /// The name of the slot.
    pub fn slot(&self) -> [u8; 16] {
        self.secret.slot()
    }

    /// When the invitation ends.
    pub fn expires(&self) -> UnixMillis {
        self.expires
    }

    /// The first message of the inviter.
    pub fn offer(&self, rng: &mut impl CryptoRng) -> Vec<u8> {
        self.secret.seal_message(OFFER, &self.offer.encode(), rng)
    }

    /// Reads the joiner's commitment and answers with the challenge.
    ///
    /// # Errors
    /// The message is refused, or the invitation has expired at `now`.
    pub fn challenge(
        self,
        commitment: &[u8],
        now: UnixMillis,
        rng: &mut impl CryptoRng,
    ) -> Result<(Challenger, Vec<u8>), PairingError> {
        if self.expires < now {
            return Err(PairingError::Expired);
        }
        let opened = open(&self.secret, COMMITMENT, commitment)?;
        let commitment = Commitment(opened.as_slice().try_into().map_err(|_| PairingError::Refused)?);
        let nonce = PairingNonce::generate(rng);
        let mut writer = Writer::new();
        writer.raw(&nonce.0).raw(&self.principal.0).count(self.heads.len());
        for head in &self.heads {
            writer.raw(&head.0);
        }
        let challenge = writer.finish();
        let context = [CHALLENGE, &commitment.0].concat();
        let message = self.secret.seal_message(&context, &challenge, rng);
        Ok((Challenger { inviter: self, commitment, challenge }, message))
    }
}

impl Challenger {
    /// Reads what the joiner reveals.
    ///
    /// # Errors
    /// The message is refused, or does not reveal what was committed to.
    pub fn reveal(self, message: &[u8]) -> Result<Candidate, PairingError> {
        let context = [REVEAL, &self.commitment.0, self.challenge.as_slice()].concat();
        let opened = open(&self.inviter.secret, &context, message)?;
        let mut reader = Reader::new(&opened);
        let nonce = PairingNonce(reader.array("nonce")?);
        let said = reader.rest().to_vec();
        self.commitment.check(&nonce, &[&said])?;
        let (keys, label) = read_joiner(&said)?;
        let code = short_code(&self.inviter.offer, &self.challenge, &said, &nonce);
        Ok(Candidate { code, label, keys, principal: self.inviter.principal })
    }
}

/// The joining side, once it has read the offer.
pub struct Joiner {
    secret: Arc<TicketSecret>,
    offer: Offer,
    incarnation: Incarnation,
    nonce: PairingNonce,
    said: Vec<u8>,
    commitment: Commitment,
}

/// What the joining side knows once it has revealed itself. It waits for the inviter's signature.
pub struct Joined {
    /// The six digits.
    pub code: ShortCode,
    pub(crate) offer: Offer,
    pub(crate) principal: PrincipalId,
    pub(crate) incarnation: Incarnation,
}

impl Joiner {
    /// Reads the offer and compares it with the ticket.
    ///
    /// # Errors
    /// The message is refused, or offers another record than the ticket.
    pub(crate) fn read_offer(ticket: &Ticket, message: &[u8]) -> Result<Offer, PairingError> {
        let opened = open(&ticket.secret, OFFER, message)?;
        let mut reader = Reader::new(&opened);
        let offer = Offer::read(&mut reader)?;
        reader.finish("offer")?;
        if ticket.offer.as_ref().is_some_and(|expected| *expected != offer) {
            return Err(PairingError::NotTheSame);
        }
        Ok(offer)
    }

    /// Binds this device's keys and label and returns the commitment to leave in the slot.
    pub(crate) fn commit(
        ticket: Ticket,
        offer: Offer,
        keys: JoinerKeys,
        label: &str,
        rng: &mut impl CryptoRng,
    ) -> (Self, Vec<u8>) {
        let mut writer = Writer::new();
        writer.raw(&keys.signing.0).raw(keys.kem.as_slice()).raw(&keys.transport).raw(&keys.incarnation.0);
        writer.bytes(label.as_bytes());
        let said = writer.finish();
        let nonce = PairingNonce::generate(rng);
        let commitment = Commitment::to(&nonce, &[&said]);
        let message = ticket.secret.seal_message(COMMITMENT, &commitment.0, rng);
        (Self { secret: ticket.secret, offer, incarnation: keys.incarnation, nonce, said, commitment }, message)
    }

    /// Reads the challenge, and returns what to reveal and the code to compare.
    ///
    /// # Errors
    /// The message is refused.
    pub fn answer(self, challenge: &[u8], rng: &mut impl CryptoRng) -> Result<(Joined, Vec<u8>), PairingError> {
        let context = [CHALLENGE, &self.commitment.0].concat();
        let opened = open(&self.secret, &context, challenge)?;
        let mut reader = Reader::new(&opened);
        let _nonce: [u8; 32] = reader.array("nonce")?;
        let principal = PrincipalId(reader.array("principal")?);
        let heads = reader.list(HEADS_MAX, 32, "heads", |reader| reader.array::<32>("head"))?;
        reader.finish("challenge")?;
        if heads.is_empty() {
            return Err(PairingError::Refused);
        }
        let context = [REVEAL, &self.commitment.0, opened.as_slice()].concat();
        let reveal = [self.nonce.0.as_slice(), &self.said].concat();
        let message = self.secret.seal_message(&context, &reveal, rng);
        let code = short_code(&self.offer, &opened, &self.said, &self.nonce);
        Ok((Joined { code, offer: self.offer, principal, incarnation: self.incarnation }, message))
    }
}

/// The six digits over everything that both sides have said. The inviter's nonce is part of the challenge.
fn short_code(offer: &Offer, challenge: &[u8], said: &[u8], nonce: &PairingNonce) -> ShortCode {
    ShortCode::of(&[&[SUITE], &offer.encode(), said, challenge, &nonce.0])
}

fn read_joiner(said: &[u8]) -> Result<(JoinerKeys, String), PairingError> {
    let mut reader = Reader::new(said);
    let keys = JoinerKeys {
        signing: PublicKey(reader.array("signing key")?),
        kem: Box::new(reader.array("KEM key")?),
        transport: reader.array("transport key")?,
        incarnation: Incarnation(reader.array("incarnation")?),
    };
    let label = reader.bytes(LABEL_BYTES_MAX, "label")?;
    let label = str::from_utf8(label).map_err(|_| PairingError::Refused)?.to_owned();
    reader.finish("joiner")?;
    Ok((keys, label))
}

fn open(secret: &TicketSecret, context: &[u8], message: &[u8]) -> Result<Vec<u8>, PairingError> {
    if message.len() > SLOT_MESSAGE_BYTES_MAX {
        return Err(PairingError::Refused);
    }
    Ok(secret.open_message(context, message)?)
}

/// Longest label of a device, in bytes.
pub const LABEL_BYTES_MAX: usize = 200;
/// Most membership heads in a challenge.
const HEADS_MAX: usize = 64;

const OFFER: &[u8] = b"carnet/1 pairing offer";
const COMMITMENT: &[u8] = b"carnet/1 pairing commitment";
const CHALLENGE: &[u8] = b"carnet/1 pairing challenge";
const REVEAL: &[u8] = b"carnet/1 pairing reveal";

#[cfg(test)]
mod tests {
    use carnet_crypto::id::{KeySalt, RecordId};
    use carnet_crypto::sign::SigningKey;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn rng(seed: u8) -> StdRng {
        StdRng::from_seed([seed; 32])
    }

    fn inviter(seed: u8) -> Inviter {
        let offer = Offer {
            record: RecordId([1; 32]),
            salt: KeySalt([2; 32]),
            relay: Some(format!("{}@127.0.0.1:4000", "ab".repeat(32)).parse().unwrap()),
            inviter: SigningKey::from_seed(&[3; 32]).public(),
        };
        let expires = NOW.plus(Delivery::AtOnce.lifetime_ms());
        Inviter::new(offer, vec![OpId([4; 32])], PrincipalId([5; 16]), expires, None, &mut rng(seed)).unwrap()
    }

    fn keys(fill: u8) -> JoinerKeys {
        JoinerKeys {
            signing: PublicKey([fill; 32]),
            kem: Box::new([fill; KEM_KEY_BYTES]),
            transport: [fill; 32],
            incarnation: Incarnation([fill; 8]),
        }
    }

    fn join(ticket: Ticket, offer: &[u8], fill: u8) -> (Joiner, Vec<u8>) {
        let read = Joiner::read_offer(&ticket, offer).unwrap();
        Joiner::commit(ticket, read, keys(fill), "Téléphone", &mut rng(fill))
    }

    #[test]
    fn both_sides_show_the_same_six_digits() {
        let inviter = inviter(1);
        let ticket = Ticket::parse(&inviter.ticket(None).expose_text(), NOW).unwrap();
        assert_eq!(ticket.slot(), inviter.slot());
        let (joiner, commitment) = join(ticket, &inviter.offer(&mut rng(7)), 9);
        let (challenger, challenge) = inviter.challenge(&commitment, NOW, &mut rng(8)).unwrap();
        let (joined, reveal) = joiner.answer(&challenge, &mut rng(10)).unwrap();
        let candidate = challenger.reveal(&reveal).unwrap();
        assert_eq!(candidate.code, joined.code);
        assert_eq!(candidate.label, "Téléphone");
        assert_eq!(candidate.keys, keys(9));
        assert_eq!(joined.principal, candidate.principal);
    }

    #[test]
    fn atk_12_keys_replaced_on_the_way_are_refused() {
        let inviter = inviter(1);
        let ticket = inviter.ticket(None);
        let (_, commitment) = join(inviter.ticket(None), &inviter.offer(&mut rng(7)), 9);
        let (thief, _) = join(ticket, &inviter.offer(&mut rng(7)), 66);
        let (challenger, challenge) = inviter.challenge(&commitment, NOW, &mut rng(8)).unwrap();
        // The thief knows the ticket but is not bound by the commitment that the inviter holds.
        assert!(matches!(thief.answer(&challenge, &mut rng(10)), Err(PairingError::Refused)));
        let (honest, commitment) = join(challenger.inviter.ticket(None), &challenger.inviter.offer(&mut rng(7)), 9);
        let (challenger, challenge) = challenger.inviter.challenge(&commitment, NOW, &mut rng(8)).unwrap();
        let (_, mut reveal) = honest.answer(&challenge, &mut rng(10)).unwrap();
        let middle = reveal.len() / 2;
        reveal[middle] ^= 1;
        assert!(matches!(challenger.reveal(&reveal), Err(PairingError::Refused)));
    }

    #[test]
    fn atk_12_keys_that_were_not_committed_to_are_refused() {
        for at in [0, 32, 32 + KEM_KEY_BYTES, 32 + KEM_KEY_BYTES + 32] {
            let inviter = inviter(1);
            let (mut joiner, commitment) = join(inviter.ticket(None), &inviter.offer(&mut rng(7)), 9);
            let (challenger, challenge) = inviter.challenge(&commitment, NOW, &mut rng(8)).unwrap();
            // Whoever knows the ticket waits for the challenge before it says which keys it has.
            joiner.said[at] ^= 1;
            let (_, reveal) = joiner.answer(&challenge, &mut rng(10)).unwrap();
            assert!(matches!(challenger.reveal(&reveal), Err(PairingError::NotTheSame)), "{at}");
        }
    }

    #[test]
    fn atk_12_an_offer_of_another_record_than_the_tickets_is_refused() {
        let mut inviter = inviter(1);
        let ticket = inviter.ticket(None);
        inviter.offer.record = RecordId([9; 32]);
        assert!(matches!(Joiner::read_offer(&ticket, &inviter.offer(&mut rng(7))), Err(PairingError::NotTheSame)));
    }

    #[test]
    fn atk_12_a_relay_that_does_not_know_the_ticket_can_forge_nothing() {
        let inviter = inviter(1);
        let stranger = self::inviter(2);
        let ticket = inviter.ticket(None);
        let forged = stranger.offer(&mut rng(3));
        assert!(matches!(Joiner::read_offer(&ticket, &forged), Err(PairingError::Refused)));
        let (_, commitment) = join(stranger.ticket(None), &forged, 9);
        assert!(matches!(inviter.challenge(&commitment, NOW, &mut rng(8)), Err(PairingError::Refused)));
    }

    #[test]
    fn atk_13_an_expired_or_altered_ticket_is_refused() {
        let inviter = inviter(1);
        let text = inviter.ticket(None).expose_text();
        let later = NOW.plus(Delivery::AtOnce.lifetime_ms() + 1);
        assert!(matches!(Ticket::parse(&text, later), Err(PairingError::Expired)));
        for wrong in ["", "carnet1:", "carnet2:AAAA", &text[..text.len() - 4], &format!("{}AAAA", *text)] {
            assert!(matches!(Ticket::parse(wrong, NOW), Err(PairingError::NotATicket)), "{wrong}");
        }
        let (_, commitment) = join(inviter.ticket(None), &inviter.offer(&mut rng(7)), 9);
        assert!(matches!(inviter.challenge(&commitment, later, &mut rng(8)), Err(PairingError::Expired)));
    }

    #[test]
    fn the_digits_depend_on_every_key_that_was_revealed() {
        let code = |flipped: Option<usize>| {
            let inviter = inviter(1);
            let (mut joiner, commitment) = join(inviter.ticket(None), &inviter.offer(&mut rng(7)), 9);
            let (_, challenge) = inviter.challenge(&commitment, NOW, &mut rng(8)).unwrap();
            if let Some(at) = flipped {
                joiner.said[at] ^= 1;
            }
            joiner.answer(&challenge, &mut rng(10)).unwrap().0.code.to_string()
        };
        assert_eq!(code(None), code(None));
        // The signing key, the key for epochs, the address, the incarnation.
        for at in [0, 32, 32 + KEM_KEY_BYTES, 32 + KEM_KEY_BYTES + 32] {
            assert_ne!(code(Some(at)), code(None), "{at}");
        }
    }

    #[test]
    fn a_ticket_never_prints_itself() {
        assert_eq!(format!("{:?}", inviter(1).ticket(None)), "Ticket(..)");
    }
}
