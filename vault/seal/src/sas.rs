//! The six digits that two people compare when a device is paired, and the commitment that makes six digits enough.
//!
//! The joiner commits to a nonce and its keys before it sees the inviter's nonce; both nonces go into the code. Whoever
//! stands between the two must then guess: one chance in a million, once, because a second commitment ends the
//! invitation (`docs/format.md`, "Pairing").

use std::fmt;

use carnet_crypto::{digest, fault::Fault};
use rand::CryptoRng;
use subtle::ConstantTimeEq as _;

/// Number of codes: six digits.
const CODES: u32 = 1_000_000;

/// What two people read to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShortCode(u32);

impl ShortCode {
    /// `H("sas", parts…)`, read as a little-endian number, modulo 10^6.
    ///
    /// The parts are those of `docs/protocol.md`, in its order, the two nonces last.
    pub fn of(parts: &[&[u8]]) -> Self {
        let number = digest::hash("sas", parts)
            .iter()
            .rev()
            .fold(0_u32, |rest, byte| rest.wrapping_mul(256).wrapping_add(u32::from(*byte)) % CODES);
        Self(number)
    }
}

impl fmt::Display for ShortCode {
    /// Six digits, without a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortCode(..)")
    }
}

/// The 32 random bytes that one side adds to the code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PairingNonce(pub [u8; 32]);

impl PairingNonce {
    /// A fresh nonce. It is shown to nobody before the other side is bound.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for PairingNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingNonce(..)")
    }
}

/// The parts that were revealed are not those committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was revealed is not what was committed to")]
pub struct RevealRefused;

impl RevealRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// What binds its author to a nonce and to `parts` before they are shown: `H("sas commit", nonce, parts…)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment(pub [u8; 32]);

impl Commitment {
    /// The commitment to `nonce` and `parts`.
    pub fn to(nonce: &PairingNonce, parts: &[&[u8]]) -> Self {
        let mut hasher = digest::Hasher::new("sas commit");
        hasher.part(&nonce.0);
        for part in parts {
            hasher.part(part);
        }
        Self(hasher.finish())
    }

    /// Checks what its author revealed.
    ///
    /// # Errors
    /// [`RevealRefused`].
    pub fn check(&self, nonce: &PairingNonce, parts: &[&[u8]]) -> Result<(), RevealRefused> {
        if bool::from(self.0.ct_eq(&Self::to(nonce, parts).0)) { Ok(()) } else { Err(RevealRefused) }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn the_code_has_six_digits_and_depends_on_every_part() {
        let code = ShortCode::of(&[b"inviter", b"joiner"]);
        assert_eq!(code, ShortCode::of(&[b"inviter", b"joiner"]));
        assert_ne!(code, ShortCode::of(&[b"inviter", b"joines"]));
        assert_ne!(code, ShortCode::of(&[b"inviterj", b"oiner"]));
        for part in 0..200_u8 {
            let shown = ShortCode::of(&[&[part]]).to_string();
            assert!(shown.len() == 6 && shown.bytes().all(|digit| digit.is_ascii_digit()), "{shown}");
        }
    }

    #[test]
    fn the_code_is_the_whole_hash_modulo_a_million() {
        // By hand, with the schoolbook division of 32 bytes, most significant first.
        let hash = digest::hash("sas", &[b"x"]);
        let mut rest = 0_u64;
        for byte in hash.iter().rev() {
            rest = (rest << 8 | u64::from(*byte)) % 1_000_000;
        }
        assert_eq!(ShortCode::of(&[b"x"]).to_string(), format!("{rest:06}"));
    }

    #[test]
    fn atk_12_what_was_committed_to_cannot_be_changed_afterwards() {
        let nonce = PairingNonce::generate(&mut StdRng::seed_from_u64(1));
        let commitment = Commitment::to(&nonce, &[b"keys", b"label"]);
        assert_eq!(commitment.check(&nonce, &[b"keys", b"label"]), Ok(()));
        assert_eq!(commitment.check(&nonce, &[b"keyt", b"label"]), Err(RevealRefused));
        assert_eq!(commitment.check(&nonce, &[b"key", b"slabel"]), Err(RevealRefused));
        assert_eq!(commitment.check(&nonce, &[b"keys"]), Err(RevealRefused));
        assert_eq!(commitment.check(&PairingNonce([0; 32]), &[b"keys", b"label"]), Err(RevealRefused));
        assert_eq!(RevealRefused.fault(), Fault::Peer);
    }
}
