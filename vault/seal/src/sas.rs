//! The six digits that two people compare when a device is paired, and the commitment that makes six digits enough.
//!
//! The joiner commits to a nonce and its keys before it sees the inviter's nonce; both nonces go into the code. Whoever
//! stands between the two must then guess: one chance in a million, once, because a second commitment ends the
//! invitation (`docs/protocol.md`, "Invitation and pairing").

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
