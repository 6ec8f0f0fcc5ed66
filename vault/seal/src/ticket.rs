//! What the secret of an invitation is for: the name of its slot at a relay, and the messages left there.
//!
//! A message is sealed and authenticated under two keys of their own. The second, a keyed BLAKE3, ties the message to
//! one ticket secret: a message that opens under two secrets, which XChaCha20-Poly1305 alone would allow, would let a
//! relay test many typed codes at once.
//!
//! ```text
//! message = nonce (24), ciphertext, tag (16), H("ticket", mac key, context, nonce, ciphertext and tag) (32)
//! ```

use carnet_crypto::{digest::Hasher, fault::Fault};
use rand::CryptoRng;
use subtle::ConstantTimeEq as _;

use crate::{
    aead::{self, NONCE_BYTES, TAG_BYTES},
    kdf::{Label, derive},
    secret::TicketSecret,
};

/// By how much a message is longer than what it says, in bytes.
pub const MESSAGE_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES + MAC_BYTES;

const MAC_BYTES: usize = 32;

/// The message is not of this ticket, not for this place, or altered: which of them is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message does not belong to this invitation")]
pub struct MessageRefused;

impl MessageRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

impl TicketSecret {
    /// The name of the rendezvous slot. It tells nothing of the two keys.
    pub fn slot(&self) -> [u8; 16] {
        let derived = derive(Label::TicketSlot, self.bytes(), &[]);
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(derived.iter()) {
            *to = *from;
        }
        name
    }

    /// Seals a message. `context` says who writes, which message it is, and what went before.
    pub fn seal_message(&self, context: &[u8], plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let sealed = aead::seal_vec(&derive(Label::TicketSeal, self.bytes(), &[]), &nonce, context, plaintext);
        let mac = self.mac(context, &nonce, &sealed);
        [nonce.as_slice(), &sealed, &mac].concat()
    }

    /// Opens a message.
    ///
    /// # Errors
    /// [`MessageRefused`].
    pub fn open_message(&self, context: &[u8], message: &[u8]) -> Result<Vec<u8>, MessageRefused> {
        let (nonce, rest) = message.split_first_chunk::<NONCE_BYTES>().ok_or(MessageRefused)?;
        let (sealed, mac) = rest.split_last_chunk::<MAC_BYTES>().ok_or(MessageRefused)?;
        if !bool::from(self.mac(context, nonce, sealed).ct_eq(mac)) {
            return Err(MessageRefused);
        }
        aead::open_vec(&derive(Label::TicketSeal, self.bytes(), &[]), nonce, context, sealed)
            .map_err(|_| MessageRefused)
    }

    fn mac(&self, context: &[u8], nonce: &[u8; NONCE_BYTES], sealed: &[u8]) -> [u8; MAC_BYTES] {
        let mut hasher = Hasher::new("ticket");
        hasher.part(derive(Label::TicketMac, self.bytes(), &[]).as_slice());
        let mac = hasher.part(context).part(nonce).part(sealed).finish();
        hasher.clear();
        mac
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn secret(byte: u8) -> TicketSecret {
        TicketSecret::from_store(&[byte; 32]).unwrap()
    }

    #[test]
    fn atk_12_a_message_opens_for_its_ticket_in_its_place_only() {
        let rng = &mut StdRng::seed_from_u64(1);
        let message = secret(1).seal_message(b"inviter 1", b"bonjour", rng);
        assert_eq!(message.len(), 7 + MESSAGE_OVERHEAD_BYTES);
        assert_eq!(secret(1).open_message(b"inviter 1", &message).unwrap(), b"bonjour");
        assert_eq!(secret(2).open_message(b"inviter 1", &message), Err(MessageRefused));
        assert_eq!(secret(1).open_message(b"inviter 2", &message), Err(MessageRefused));
        assert_eq!(secret(1).open_message(b"joiner 1", &message), Err(MessageRefused));
        for bit in 0..message.len() * 8 {
            let mut altered = message.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(secret(1).open_message(b"inviter 1", &altered), Err(MessageRefused), "bit {bit}");
        }
        for length in 0..message.len() {
            assert_eq!(secret(1).open_message(b"inviter 1", &message[..length]), Err(MessageRefused));
        }
    }

    #[test]
    fn the_slot_is_one_for_both_sides_and_of_this_ticket_only() {
        assert_eq!(secret(1).slot(), secret(1).slot());
        assert_ne!(secret(1).slot(), secret(2).slot());
        assert_eq!(MessageRefused.fault(), Fault::Peer);
    }
}
