//! Ed25519 signatures over 32-byte hashes, each in a domain, and the proof that one was checked.
//!
//! What is signed is always `H("sign", suite, domain, record id, hash)`, so that a signature over an envelope can never
//! be shown as one over an operation, nor one of a record as one of another. Verification is strict: non-canonical
//! encodings and low-order keys are refused (RFC 8032 with the checks of `verify_strict`).

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::{digest, id::RecordId};

/// The suite of algorithms of this version of the protocol.
pub const SUITE: u8 = 0x01;

/// What a signature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// The signed form of an emergency card.
    Card,
    /// A relay's signed positions.
    Checkpoint,
    /// An envelope of a feed.
    Envelope,
    /// An operation of a membership log.
    Operation,
    /// A relay's proof of having stored an operation.
    Receipt,
    /// A published file of rules of prevention. It belongs to no record: its record id is zero.
    Rules,
    /// Proof, at the start of a stream, of the key that will use it.
    Stream,
}

impl Domain {
    fn label(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Checkpoint => "checkpoint",
            Self::Envelope => "env",
            Self::Operation => "op",
            Self::Receipt => "receipt",
            Self::Rules => "rules",
            Self::Stream => "stream",
        }
    }
}

/// The signature does not belong to the key, the domain, the record and the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct BadSignature;

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// An Ed25519 public key, as bytes: whether they are a point of the curve is found out when it verifies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

impl PublicKey {
    /// The same `hash`, now proved to be signed by this key for `record` in `domain`.
    ///
    /// # Errors
    /// [`BadSignature`], without saying which part did not fit.
    pub fn verify(
        &self,
        domain: Domain,
        record: &RecordId,
        hash: [u8; 32],
        signature: &Signature,
    ) -> Result<Verified<[u8; 32]>, BadSignature> {
        self.verify_bytes(&to_be_signed(domain, record, &hash), signature)?;
        Ok(Verified(hash))
    }

    fn verify_bytes(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| BadSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature).map_err(|_| BadSignature)
    }
}

/// Proof that the value inside bears a valid signature. Only [`PublicKey::verify`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value that was signed.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// Carries the proof over to what the signed hash stands for.
    ///
    /// The caller has computed the hash from `value` itself; see `carnet_protocol::envelope` and `membership`.
    pub fn stands_for<U>(self, value: U) -> Verified<U> {
        Verified(value)
    }

    /// The value, the proof dropped.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// A signing key: of a device (derived from its seed), of a relay, of a recovery kit. Cleared from memory on drop.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// The key that grows from these 32 secret bytes (RFC 8032, 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `hash` for `record` in `domain`.
    pub fn sign(&self, domain: Domain, record: &RecordId, hash: &[u8; 32]) -> Signature {
        Signature(self.0.sign(&to_be_signed(domain, record, hash)).to_bytes())
    }
}

fn to_be_signed(domain: Domain, record: &RecordId, hash: &[u8; 32]) -> [u8; 32] {
    digest::hash("sign", &[&[SUITE], domain.label().as_bytes(), record.as_bytes(), hash])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: RecordId = RecordId([3; 32]);

    #[test]
    fn a_signature_holds_only_in_its_domain_record_and_hash() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(Domain::Envelope, &RECORD, &[5; 32]);
        let public = key.public();
        assert_eq!(
            public.verify(Domain::Envelope, &RECORD, [5; 32], &signature).map(Verified::into_inner),
            Ok([5; 32])
        );
        assert!(public.verify(Domain::Operation, &RECORD, [5; 32], &signature).is_err());
        assert!(public.verify(Domain::Envelope, &RecordId([4; 32]), [5; 32], &signature).is_err());
        assert!(public.verify(Domain::Envelope, &RECORD, [6; 32], &signature).is_err());
        let stranger = SigningKey::from_seed(&[2; 32]).public();
        assert!(stranger.verify(Domain::Envelope, &RECORD, [5; 32], &signature).is_err());
    }

    #[test]
    fn a_low_order_key_verifies_nothing() {
        let mut identity = [0_u8; 32];
        identity[0] = 1;
        let mut forged = [0_u8; 64];
        forged[0] = 1;
        assert!(PublicKey(identity).verify(Domain::Envelope, &RECORD, [0; 32], &Signature(forged)).is_err());
    }

    #[test]
    fn a_key_never_prints_itself() {
        assert_eq!(format!("{:?}", SigningKey::from_seed(&[9; 32])), "SigningKey(..)");
    }

    /// Every vector of Project Wycheproof for Ed25519, through the check that every signature of ours passes. Ours is
    /// stricter than the standard asks where a key or a part of a signature is of low order; the vectors hold no such.
    #[test]
    fn fault_c6_wycheproof_ed25519() {
        use wycheproof::{TestResult, eddsa};

        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let (mut accepted, mut refused, mut of_another_length) = (0, 0, 0);
        for group in set.test_groups {
            let key = PublicKey(group.key.pk.as_slice().try_into().unwrap());
            for test in group.tests {
                let name = format!("{}: {}", test.tc_id, test.comment);
                let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_slice()) else {
                    assert_eq!(test.result, TestResult::Invalid, "{name}");
                    of_another_length += 1;
                    continue;
                };
                let is_valid = key.verify_bytes(&test.msg, &Signature(signature)).is_ok();
                assert_eq!(is_valid, test.result == TestResult::Valid, "{name}");
                if is_valid { accepted += 1 } else { refused += 1 }
            }
        }
        println!("wycheproof Ed25519: {accepted} accepted, {refused} refused, {of_another_length} of another length");
        assert_eq!(accepted + refused + of_another_length, set.number_of_tests);
        assert!(accepted > 50 && refused > 50);
    }
}
