//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): `HChaCha20`, then the ChaCha20-Poly1305 of RFC 8439.
//!
//! The fast path takes `HChaCha20` from the crate `chacha20` and the rest from ring, which is about 2.4 times as fast as
//! the portable crate on blocks of 4 KiB. The portable path gives the same bytes; it is used where ring has no
//! assembly and is the oracle of the tests. Only the other modules of this crate call either. ring keeps its copy of a
//! key on the stack while it works and does not clear it; that key serves one nonce prefix only.

use chacha20::{R20, cipher::array::Array, hchacha};
use zeroize::{Zeroize as _, Zeroizing};

/// Length of a nonce of XChaCha20-Poly1305 in bytes.
pub(crate) const NONCE_BYTES: usize = 24;
/// Length of the tag in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// Length of the key in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Length of the part of the nonce that `HChaCha20` takes.
pub(crate) const PREFIX_BYTES: usize = 16;
/// Length of the rest of the nonce.
const REST_BYTES: usize = NONCE_BYTES - PREFIX_BYTES;

/// The tag does not belong to key, nonce, associated data and ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// The key that `HChaCha20` makes of a key and the first 16 bytes of a nonce. Cleared on drop.
pub(crate) struct NonceKey(Zeroizing<[u8; KEY_BYTES]>);

impl NonceKey {
    /// `HChaCha20` (draft-irtf-cfrg-xchacha-03, 2.2).
    pub(crate) fn new(key: &[u8; KEY_BYTES], prefix: &[u8; PREFIX_BYTES]) -> Self {
        let mut out = hchacha::<R20>(&Array(*key), &Array(*prefix));
        let subkey = Self(Zeroizing::new(out.0));
        out.0.zeroize();
        subkey
    }

    /// Encrypts `in_out` where it is and returns the tag. `rest` is the rest of the nonce.
    pub(crate) fn seal(&self, rest: [u8; REST_BYTES], associated: &[u8], in_out: &mut [u8]) -> [u8; TAG_BYTES] {
        path::seal(&self.0, short_nonce(rest), associated, in_out)
    }

    /// Decrypts `in_out` where it is. When it is refused, `in_out` is all zeros.
    pub(crate) fn open(
        &self,
        rest: [u8; REST_BYTES],
        associated: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        let opened = path::open(&self.0, short_nonce(rest), associated, in_out, tag);
        if opened.is_err() {
            in_out.zeroize();
        }
        opened
    }
}

/// Encrypts `in_out` where it is and returns the tag.
pub(crate) fn seal(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    in_out: &mut [u8],
) -> [u8; TAG_BYTES] {
    let (prefix, rest) = split(nonce);
    NonceKey::new(key, &prefix).seal(rest, associated, in_out)
}

/// Decrypts `in_out` where it is. When it is refused, `in_out` is all zeros.
pub(crate) fn open(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    in_out: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), NotAuthentic> {
    let (prefix, rest) = split(nonce);
    NonceKey::new(key, &prefix).open(rest, associated, in_out, tag)
}

/// `plaintext` encrypted, then the tag.
pub(crate) fn seal_vec(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    // Room for the tag from the start: the vector never moves, so no copy of the plaintext is left behind.
    let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
    sealed.extend_from_slice(plaintext);
    let tag = seal(key, nonce, associated, &mut sealed);
    sealed.extend_from_slice(&tag);
    sealed
}

/// What [`seal_vec`] was given, from what it returned.
pub(crate) fn open_vec(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, NotAuthentic> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;
    let mut plaintext = ciphertext.to_vec();
    open(key, nonce, associated, &mut plaintext, tag)?;
    Ok(plaintext)
}

fn split(nonce: &[u8; NONCE_BYTES]) -> ([u8; PREFIX_BYTES], [u8; REST_BYTES]) {
    let (mut prefix, mut rest) = ([0; PREFIX_BYTES], [0; REST_BYTES]);
    for (to, from) in prefix.iter_mut().chain(rest.iter_mut()).zip(nonce) {
        *to = *from;
    }
    (prefix, rest)
}

/// The nonce of the inner ChaCha20-Poly1305: four zero bytes, then the rest of the long one.
fn short_nonce(rest: [u8; REST_BYTES]) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(rest) {
        *to = from;
    }
    nonce
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64", target_arch = "arm"))]
use fast as path;
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64", target_arch = "arm")))]
use portable as path;

/// ChaCha20-Poly1305 by ring.
#[cfg(any(test, target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64", target_arch = "arm"))]
pub(crate) mod fast {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    use super::{KEY_BYTES, NotAuthentic, TAG_BYTES};

    #[expect(clippy::expect_used, reason = "ring refuses only a key of another length and more than 256 GiB")]
    pub(crate) fn seal(
        key: &[u8; KEY_BYTES],
        nonce: [u8; 12],
        associated: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("the key has 32 bytes"));
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), in_out)
            .expect("a message in memory is shorter than 256 GiB");
        let mut bytes = [0; TAG_BYTES];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    pub(crate) fn open(
        key: &[u8; KEY_BYTES],
        nonce: [u8; 12],
        associated: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| NotAuthentic)?);
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.open_in_place_separate_tag(nonce, Aad::from(associated), (*tag).into(), in_out, 0..)
            .map(|_| ())
            .map_err(|_| NotAuthentic)
    }
}

/// ChaCha20-Poly1305 by the crate `chacha20poly1305`.
#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64", target_arch = "arm"))))]
pub(crate) mod portable {
    use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _};

    use super::{KEY_BYTES, NotAuthentic, TAG_BYTES};

    #[expect(clippy::expect_used, reason = "the cipher refuses only more than 256 GiB")]
    pub(crate) fn seal(
        key: &[u8; KEY_BYTES],
        nonce: [u8; 12],
        associated: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        ChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(&nonce.into(), associated, in_out.into())
            .expect("a message in memory is shorter than 256 GiB")
            .into()
    }

    pub(crate) fn open(
        key: &[u8; KEY_BYTES],
        nonce: [u8; 12],
        associated: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), NotAuthentic> {
        ChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(&nonce.into(), associated, in_out.into(), tag.into())
            .map_err(|_| NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, aead::Aead as _, aead::Payload};
    use proptest::prelude::*;

    use super::*;

    /// Lengths around the block of `ChaCha20` (64), of Poly1305 (16), and of what is computed at once.
    const EDGES: [usize; 22] =
        [0, 1, 15, 16, 17, 31, 32, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 4095, 4096, 65_537];

    fn both_paths_agree(key: [u8; 32], nonce: [u8; 12], associated: &[u8], plaintext: &[u8]) {
        let (mut by_fast, mut by_portable) = (plaintext.to_vec(), plaintext.to_vec());
        let tag = fast::seal(&key, nonce, associated, &mut by_fast);
        assert_eq!(tag, portable::seal(&key, nonce, associated, &mut by_portable));
        assert_eq!(by_fast, by_portable);
        assert_eq!(portable::open(&key, nonce, associated, &mut by_fast, &tag), Ok(()));
        assert_eq!(fast::open(&key, nonce, associated, &mut by_portable, &tag), Ok(()));
        assert!(by_fast == plaintext && by_portable == plaintext);
        let mut wrong = tag;
        wrong[15] ^= 1;
        assert_eq!(portable::open(&key, nonce, associated, &mut by_fast, &wrong), Err(NotAuthentic));
        assert_eq!(fast::open(&key, nonce, associated, &mut by_portable, &wrong), Err(NotAuthentic));
    }

    #[test]
    fn both_paths_give_the_same_bytes_at_every_edge() {
        for length in EDGES {
            for associated in [0, 1, 16, 300] {
                both_paths_agree([7; 32], [9; 12], &vec![3; associated], &vec![5; length]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_paths_give_the_same_bytes(
            key: [u8; 32],
            nonce: [u8; 12],
            associated in proptest::collection::vec(any::<u8>(), 0..200),
            plaintext in proptest::collection::vec(any::<u8>(), 0..9_000),
        ) {
            both_paths_agree(key, nonce, &associated, &plaintext);
        }

        #[test]
        fn the_whole_is_the_xchacha20_poly1305_of_others(
            key: [u8; 32],
            nonce: [u8; 24],
            associated in proptest::collection::vec(any::<u8>(), 0..200),
            plaintext in proptest::collection::vec(any::<u8>(), 0..5_000),
        ) {
            let oracle = XChaCha20Poly1305::new(&key.into());
            let sealed = seal_vec(&key, &nonce, &associated, &plaintext);
            let theirs = oracle.encrypt(&nonce.into(), Payload { msg: &plaintext, aad: &associated });
            prop_assert_eq!(theirs.as_ref().ok(), Some(&sealed));
            let opened = oracle.decrypt(&nonce.into(), Payload { msg: &sealed, aad: &associated });
            prop_assert_eq!(opened.ok(), Some(plaintext.clone()));
            prop_assert_eq!(open_vec(&key, &nonce, &associated, &sealed), Ok(plaintext));
        }
    }

    #[test]
    fn fault_b1_every_flipped_bit_is_refused() {
        let sealed = seal_vec(&[1; 32], &[2; 24], b"place", b"tension 12/8");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_vec(&[1; 32], &[2; 24], b"place", &altered), Err(NotAuthentic), "bit {bit}");
        }
    }

    #[test]
    fn what_is_refused_leaves_no_plaintext_behind() {
        let mut buffer = *b"secret content of a refused message";
        let mut tag = seal(&[1; 32], &[2; 24], b"", &mut buffer);
        tag[0] ^= 1;
        assert_eq!(open(&[1; 32], &[2; 24], b"", &mut buffer, &tag), Err(NotAuthentic));
        assert!(buffer.iter().all(|byte| *byte == 0));
    }
}
