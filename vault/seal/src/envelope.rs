//! Sealing what belongs to a section: payloads of envelopes, objects (snapshots, merged batches), steps of the ladder.
//!
//! Everything is bound to a **context**: the canonical bytes, made by carnet-protocol, that say which record, section,
//! volume, epoch, feed and position this is. A ciphertext opens in no other place. The section key itself seals
//! nothing: each use has a key of its own (`docs/format.md`, "Derivations"). Padding is the caller's, before sealing
//! ([`crate::pad`]).

use carnet_crypto::{fault::Fault, id::EpochId};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead,
    kdf::{Label, Subkey, derive},
    secret::{SECRET_BYTES, SectionKey},
};

/// Length of a nonce in bytes.
pub const NONCE_BYTES: usize = aead::NONCE_BYTES;
/// By how much a ciphertext is longer than its plaintext, in bytes: the tag.
pub const TAG_BYTES: usize = aead::TAG_BYTES;
/// By how much an object is longer than its plaintext: the nonce and the tag.
pub const OBJECT_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// Length of a step of the ladder: a key and the tag.
pub const STEP_BYTES: usize = SECRET_BYTES + TAG_BYTES;

/// Why something sealed did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenRefused {
    /// Wrong key, wrong context, or altered: which of them is not said.
    #[error("the content does not open with this key in this place")]
    NotAuthentic,
    /// The step of the ladder opened, and holds another key than the parent's.
    #[error("the step of the ladder does not hold the parent's key")]
    WrongParent,
}

impl OpenRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

impl From<aead::NotAuthentic> for OpenRefused {
    fn from(_: aead::NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

/// Seals the payload of an envelope. Returns its nonce and the ciphertext with its tag.
pub fn seal(
    key: &SectionKey,
    context: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> ([u8; NONCE_BYTES], Vec<u8>) {
    let nonce = fresh_nonce(rng);
    let sealed = aead::seal_vec(&subkey(key, Label::SectionEnvelope), &nonce, context, plaintext);
    (nonce, sealed)
}

/// Opens the payload of an envelope.
///
/// # Errors
/// [`OpenRefused::NotAuthentic`].
pub fn open(
    key: &SectionKey,
    context: &[u8],
    nonce: &[u8; NONCE_BYTES],
    ciphertext: &[u8],
) -> Result<Vec<u8>, OpenRefused> {
    Ok(aead::open_vec(&subkey(key, Label::SectionEnvelope), nonce, context, ciphertext)?)
}

/// Seals an object of its own: the nonce, then the ciphertext with its tag. Its name is the content hash of all of it.
pub fn seal_object(key: &SectionKey, context: &[u8], plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let nonce = fresh_nonce(rng);
    let mut object = Vec::with_capacity(plaintext.len().saturating_add(OBJECT_OVERHEAD_BYTES));
    object.extend_from_slice(&nonce);
    object.extend_from_slice(&aead::seal_vec(&subkey(key, Label::SectionObject), &nonce, context, plaintext));
    object
}

/// Opens an object.
///
/// # Errors
/// [`OpenRefused::NotAuthentic`].
pub fn open_object(key: &SectionKey, context: &[u8], object: &[u8]) -> Result<Vec<u8>, OpenRefused> {
    let (nonce, ciphertext) = object.split_first_chunk::<NONCE_BYTES>().ok_or(OpenRefused::NotAuthentic)?;
    Ok(aead::open_vec(&subkey(key, Label::SectionObject), nonce, context, ciphertext)?)
}

/// The step of the ladder from the epoch of `key` down to that of `parent`: whoever has `key` reads what `parent` sealed.
///
/// Its nonce is the first 24 bytes of the parent's commitment, so the same step always has the same bytes.
pub fn seal_parent(key: &SectionKey, parent: &SectionKey, context: &[u8]) -> [u8; STEP_BYTES] {
    let ladder = subkey(key, Label::SectionLadder);
    let mut step = [0; STEP_BYTES];
    let (secret, tag) = step.split_at_mut(SECRET_BYTES);
    secret.copy_from_slice(parent.bytes());
    tag.copy_from_slice(&aead::seal(&ladder, &step_nonce(&parent.commitment()), context, secret));
    step
}

/// The key of the epoch named `parent`, out of a step that was sealed under `key`.
///
/// # Errors
/// [`OpenRefused::NotAuthentic`]; [`OpenRefused::WrongParent`] when the key inside does not match the commitment.
pub fn open_parent(
    key: &SectionKey,
    parent: &EpochId,
    context: &[u8],
    step: &[u8; STEP_BYTES],
) -> Result<SectionKey, OpenRefused> {
    let opened = aead::open_vec(&subkey(key, Label::SectionLadder), &step_nonce(parent), context, step)?;
    let opened = Zeroizing::new(opened);
    let found = SectionKey::from_store(&opened).ok_or(OpenRefused::NotAuthentic)?;
    if found.commitment() == *parent { Ok(found) } else { Err(OpenRefused::WrongParent) }
}

fn subkey(key: &SectionKey, label: Label) -> Subkey {
    derive(label, key.bytes(), &[])
}

fn fresh_nonce(rng: &mut impl CryptoRng) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    nonce
}

fn step_nonce(parent: &EpochId) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    for (to, from) in nonce.iter_mut().zip(parent.as_bytes()) {
        *to = *from;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const HERE: &[u8] = b"record 1, section 2, position 3";
    const THERE: &[u8] = b"record 1, section 2, position 4";

    fn key(byte: u8) -> SectionKey {
        SectionKey::from_store(&[byte; 32]).unwrap()
    }

    #[test]
    fn fault_b3_pasted_into_another_context_does_not_open() {
        let rng = &mut StdRng::seed_from_u64(1);
        let (nonce, sealed) = seal(&key(1), HERE, b"entry", rng);
        assert_eq!(open(&key(1), HERE, &nonce, &sealed).unwrap(), b"entry");
        assert_eq!(open(&key(1), THERE, &nonce, &sealed), Err(OpenRefused::NotAuthentic));
        assert_eq!(open(&key(2), HERE, &nonce, &sealed), Err(OpenRefused::NotAuthentic));
        let object = seal_object(&key(1), HERE, b"entry", rng);
        assert_eq!(open_object(&key(1), HERE, &object).unwrap(), b"entry");
        assert_eq!(open_object(&key(1), THERE, &object), Err(OpenRefused::NotAuthentic));
        // One kind of thing is never another: the payload as an object.
        let disguised = [nonce.as_slice(), &sealed].concat();
        assert_eq!(open_object(&key(1), HERE, &disguised), Err(OpenRefused::NotAuthentic));
    }

    #[test]
    fn atk_5_every_flipped_bit_of_an_object_is_refused() {
        let object = seal_object(&key(1), HERE, b"snapshot", &mut StdRng::seed_from_u64(2));
        for bit in 0..object.len() * 8 {
            let mut altered = object.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_object(&key(1), HERE, &altered), Err(OpenRefused::NotAuthentic), "bit {bit}");
        }
        for length in 0..object.len() {
            assert!(open_object(&key(1), HERE, &object[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn sealing_twice_never_gives_the_same_bytes() {
        let rng = &mut StdRng::seed_from_u64(3);
        assert_ne!(seal(&key(1), HERE, b"entry", rng), seal(&key(1), HERE, b"entry", rng));
    }

    #[test]
    fn atk_15_a_step_of_the_ladder_holds_the_parent_or_is_refused() {
        let (parent, child) = (key(1), key(2));
        let step = seal_parent(&child, &parent, HERE);
        let opened = open_parent(&child, &parent.commitment(), HERE, &step).unwrap();
        assert!(opened.matches(&parent));
        let refused = |result: Result<SectionKey, OpenRefused>| result.map(|_| ()).unwrap_err();
        assert_eq!(refused(open_parent(&child, &parent.commitment(), THERE, &step)), OpenRefused::NotAuthentic);
        assert_eq!(refused(open_parent(&parent, &parent.commitment(), HERE, &step)), OpenRefused::NotAuthentic);
        // The nonce takes 24 bytes of the name, the comparison all 32.
        let mut almost = parent.commitment();
        almost.0[31] ^= 1;
        assert_eq!(refused(open_parent(&child, &almost, HERE, &step)), OpenRefused::WrongParent);
        assert_eq!(OpenRefused::WrongParent.fault(), Fault::Peer);
    }
}
