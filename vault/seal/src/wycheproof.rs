//! Every vector of Project Wycheproof for the primitives that this crate calls, through the functions that call them.
//!
//! What is out of reach from here is not tried: ML-KEM and X25519 work inside HPKE's X-Wing, which takes no keys of one
//! half alone, and HKDF and HMAC inside its schedule. Of those two halves the check of public keys and encapsulations
//! is ours, and is tried with all vectors that hold such a key.

use ::wycheproof::{TestResult, aead as aead_vectors, mlkem, xdh};

use crate::{
    aead::{self, NONCE_BYTES, TAG_BYTES},
    wrap::{ENCAPSULATION_BYTES, KEM_PUBLIC_BYTES, KemPublicKey, UnwrapRefused, unwrap_keys, wrapped_bytes},
};

/// Counts of one set of vectors.
#[derive(Default)]
struct Count {
    valid: usize,
    refused: usize,
    /// Of a length that our types cannot hold.
    other_length: usize,
}

impl Count {
    fn print(&self, name: &str, all: usize) {
        let Self { valid, refused, other_length } = self;
        println!("wycheproof {name}: {valid} valid, {refused} refused, {other_length} of another length");
        assert_eq!(valid + refused + other_length, all, "{name}");
        assert!(*valid > 0 && *refused > 0, "{name}");
    }
}

/// Runs an AEAD with nonces of `N` bytes: `seal` gives ciphertext and tag, `open` the plaintext.
fn run_aead<const N: usize>(
    set: aead_vectors::TestName,
    name: &str,
    seal: impl Fn(&[u8; 32], &[u8; N], &[u8], &[u8]) -> Vec<u8>,
    open: impl Fn(&[u8; 32], &[u8; N], &[u8], &[u8]) -> Option<Vec<u8>>,
) {
    let set = aead_vectors::TestSet::load(set).unwrap();
    let mut count = Count::default();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let name = format!("{name} {}: {}", test.tc_id, test.comment);
        let key: [u8; 32] = test.key.as_slice().try_into().unwrap();
        let Ok(nonce) = <[u8; N]>::try_from(test.nonce.as_slice()) else {
            assert_eq!(test.result, TestResult::Invalid, "{name}");
            count.other_length += 1;
            continue;
        };
        let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = open(&key, &nonce, &test.aad, &sealed);
        if test.result == TestResult::Valid {
            assert_eq!(opened.as_deref(), Some(test.pt.as_slice()), "{name}");
            assert_eq!(seal(&key, &nonce, &test.aad, &test.pt), sealed, "{name}");
            count.valid += 1;
        } else {
            assert_eq!(opened, None, "{name}");
            count.refused += 1;
        }
    }
    count.print(name, set.number_of_tests);
}

#[test]
fn fault_c6_wycheproof_xchacha20_poly1305() {
    run_aead::<NONCE_BYTES>(
        aead_vectors::TestName::XChaCha20Poly1305,
        "XChaCha20-Poly1305",
        aead::seal_vec,
        |k, n, a, c| aead::open_vec(k, n, a, c).ok(),
    );
}

#[test]
fn fault_c6_wycheproof_chacha20_poly1305_on_both_paths() {
    type Seal = fn(&[u8; 32], [u8; 12], &[u8], &mut [u8]) -> [u8; TAG_BYTES];
    type Open = fn(&[u8; 32], [u8; 12], &[u8], &mut [u8], &[u8; TAG_BYTES]) -> Result<(), aead::NotAuthentic>;
    let paths: [(&str, Seal, Open); 2] = [
        ("ChaCha20-Poly1305 by ring", aead::fast::seal, aead::fast::open),
        ("ChaCha20-Poly1305, portable", aead::portable::seal, aead::portable::open),
    ];
    for (name, seal, open) in paths {
        run_aead::<12>(
            aead_vectors::TestName::ChaCha20Poly1305,
            name,
            |key, nonce, associated, plaintext| {
                let mut sealed = plaintext.to_vec();
                let tag = seal(key, *nonce, associated, &mut sealed);
                [sealed.as_slice(), &tag].concat()
            },
            |key, nonce, associated, sealed| {
                let (text, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
                let mut plaintext = text.to_vec();
                open(key, *nonce, associated, &mut plaintext, tag).ok().map(|()| plaintext)
            },
        );
    }
}

/// The base point of X25519: a public key that nothing is wrong with.
const NINE: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 9;
    point
};

/// An encapsulation key of ML-KEM-768 that nothing is wrong with.
fn sound_key() -> Vec<u8> {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768KeyGenSeed).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests.filter_map(|test| test.encaps_key).map(|key| key.as_slice().to_vec()).next().unwrap()
}

#[test]
fn fault_c6_wycheproof_ml_kem_768_public_keys() {
    let mut count = Count::default();
    let mut all = 0;
    for set in [mlkem::TestName::MlKem768Encaps, mlkem::TestName::MlKem768KeyGenSeed, mlkem::TestName::MlKem768] {
        let is_about_keys = set == mlkem::TestName::MlKem768Encaps;
        let tests = mlkem::TestSet::load(set).unwrap().test_groups.into_iter().flat_map(|group| group.tests);
        for test in tests {
            let Some(key) = &test.encaps_key else { continue };
            all += 1;
            let is_refused = KemPublicKey::from_slice(&[key.as_slice(), &NINE].concat()).is_err();
            // Elsewhere an invalid test is about its ciphertext or its secret key.
            let is_wrong = test.result == TestResult::Invalid && is_about_keys;
            assert_eq!(is_refused, is_wrong, "{}: {}", test.tc_id, test.comment);
            match (is_refused, key.len() + NINE.len() == KEM_PUBLIC_BYTES) {
                (true, false) => count.other_length += 1,
                (true, true) => count.refused += 1,
                (false, _) => count.valid += 1,
            }
        }
    }
    count.print("ML-KEM-768 public keys", all);
}

#[test]
fn fault_c6_wycheproof_x25519_points_of_low_order() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let sound = sound_key();
    let pair = crate::secret::SectionKey::from_store(&[7; 32]).unwrap().inbox();
    let mut count = Count::default();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let name = format!("{}: {}", test.tc_id, test.comment);
        let Ok(point) = <[u8; 32]>::try_from(test.public_key.as_slice()) else {
            count.other_length += 1;
            continue;
        };
        // The exchange contributes nothing exactly where its result is zero.
        let is_low = test.shared_secret.iter().all(|byte| *byte == 0);
        let key = KemPublicKey::from_slice(&[sound.as_slice(), &point].concat());
        assert_eq!(key.is_err(), is_low, "{name}");
        let mut wrapped = vec![0; wrapped_bytes(1)];
        wrapped[ENCAPSULATION_BYTES - 32..ENCAPSULATION_BYTES].copy_from_slice(&point);
        let unwrapped = unwrap_keys(&pair, b"info", &wrapped, 1).map(|_| ());
        let expected = if is_low { UnwrapRefused::LowOrder } else { UnwrapRefused::NotAuthentic };
        assert_eq!(unwrapped, Err(expected), "{name}");
        if is_low { count.refused += 1 } else { count.valid += 1 }
    }
    count.print("X25519 points", set.number_of_tests);
}
