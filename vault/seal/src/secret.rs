//! The secrets, one type for each purpose, and the only ways in and out of them.
//!
//! Each holds 32 bytes in memory of its own, overwritten when it is dropped. None can be copied, compared, hashed or
//! serialized by accident: they derive nothing, their `Debug` shows no byte, and a compile-time assertion below keeps
//! it so:
//!
//! ```compile_fail,E0599
//! # let key: carnet_seal::secret::VaultKey = panic!();
//! let copy = key.clone();
//! ```
//!
//! What leaves does so through `expose_for_store`, which names the one permitted use: the encrypted store of
//! the vault, the operating system's key store, a ticket shown on the screen.

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Length in bytes of every secret.
pub const SECRET_BYTES: usize = 32;

macro_rules! secrets {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        pub struct $name(Box<Zeroizing<[u8; SECRET_BYTES]>>);

        impl $name {
            /// A new secret from `rng`, written straight into the memory that keeps it.
            pub fn generate(rng: &mut impl CryptoRng) -> Self {
                Self::fill(|bytes| rng.fill_bytes(bytes))
            }

            /// The secret that was saved as `bytes`, if there are 32 of them. The caller clears its own copy.
            pub fn from_store(bytes: &[u8]) -> Option<Self> {
                let bytes: &[u8; SECRET_BYTES] = bytes.try_into().ok()?;
                Some(Self::fill(|to| to.copy_from_slice(bytes)))
            }

            /// The bytes, to be saved inside the encrypted store or handed to a keeper of the same strength.
            pub fn expose_for_store(&self) -> &[u8; SECRET_BYTES] {
                self.bytes()
            }

            /// Whether both are the same secret, in a time that does not depend on where they differ.
            pub fn matches(&self, other: &Self) -> bool {
                self.0.as_slice().ct_eq(other.0.as_slice()).into()
            }

            /// A secret that `write` puts in its place.
            pub(crate) fn fill(write: impl FnOnce(&mut [u8; SECRET_BYTES])) -> Self {
                let mut bytes = Box::new(Zeroizing::new([0; SECRET_BYTES]));
                write(&mut bytes);
                Self(bytes)
            }

            /// The bytes, for the derivations and ciphers of this crate.
            pub(crate) fn bytes(&self) -> &[u8; SECRET_BYTES] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        never_implements!($name);
    )+};
}

/// Fails to compile when the type implements one of the traits by which a secret would leave or multiply.
///
/// For each trait, a blanket implementation gives the type a second meaning of `check`; the call is then ambiguous.
macro_rules! never_implements {
    ($name:ident) => {
        never_implements!($name: Clone, Copy, PartialEq, PartialOrd, Eq, Ord, std::hash::Hash, Default);
        never_implements!($name: AsRef<[u8]>, std::ops::Deref, std::borrow::Borrow<[u8]>, std::fmt::Display);
        never_implements!($name: std::fmt::LowerHex, std::fmt::UpperHex, Into<Vec<u8>>, Into<[u8; 32]>);
    };
    ($name:ident: $($bound:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<Marker> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Implemented;
            impl<T: ?Sized + $bound> Ambiguous<Implemented> for T {}
            let _ = <$name as Ambiguous<_>>::check;
        };
    )+};
}
pub(crate) use never_implements;

secrets! {
    /// What lets its bearer in: a session of the local page, a token of an operator.
    BearerToken;
    /// What every key of one device grows from. It never leaves the vault it was drawn in.
    DeviceSeed;
    /// The key of one attached file; it lies in the record, beside the file's name.
    FileKey;
    /// What the keys of a recovery kit grow from: the 24 words.
    RootSeed;
    /// The key of one epoch of a section. It seals nothing itself: see `docs/format.md`, "Derivations".
    SectionKey;
    /// What an invitation's slot and its two keys are derived from.
    TicketSecret;
    /// The 32 secret bytes of a network endpoint. They carry no right.
    TransportSeed;
    /// The master key of a vault file.
    VaultKey;
}

#[cfg(test)]
mod tests {
    use carnet_crypto::id::KeySalt;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::{
        code::TicketCode,
        passphrase::Passphrase,
        sas::{PairingNonce, ShortCode},
        stream::{ChunkOpener, Layout, Opener, Padding, Sealer},
    };

    #[test]
    fn no_secret_prints_itself() {
        let rng = &mut StdRng::seed_from_u64(1);
        let key = FileKey::generate(rng);
        let layout = Layout::new(0, Padding::Exact).unwrap();
        let sealer = Sealer::new(&key, b"", rng).unwrap();
        let chunk_opener = ChunkOpener::new(&key, b"", layout, &[0; 16]).unwrap();
        let opener = Opener::new(&key, b"", layout).unwrap();
        let seed = DeviceSeed::generate(rng);
        let salt = KeySalt([0; 32]);
        let printed = [
            format!("{:?}", BearerToken::generate(rng)),
            format!("{seed:?}"),
            format!("{key:?}"),
            format!("{:?}", RootSeed::generate(rng)),
            format!("{:?}", SectionKey::generate(rng)),
            format!("{:?}", TicketSecret::generate(rng)),
            format!("{:?}", seed.transport()),
            format!("{:?}", VaultKey::generate(rng)),
            format!("{:?}", seed.signing_key(&salt)),
            format!("{:?}", seed.kem(&salt, 0)),
            format!("{:?}", Passphrase::new(b"un secret").unwrap()),
            format!("{:?}", TicketCode::generate(rng)),
            format!("{:?}", PairingNonce::generate(rng)),
            format!("{:?}", ShortCode::of(&[])),
            format!("{sealer:?} {chunk_opener:?} {opener:?}"),
        ];
        let expected = [
            "BearerToken(..)",
            "DeviceSeed(..)",
            "FileKey(..)",
            "RootSeed(..)",
            "SectionKey(..)",
            "TicketSecret(..)",
            "TransportSeed(..)",
            "VaultKey(..)",
            "SigningKey(..)",
            "KemKeyPair(..)",
            "Passphrase(..)",
            "TicketCode(..)",
            "PairingNonce(..)",
            "ShortCode(..)",
            "Sealer(..) ChunkOpener(..) Opener(..)",
        ];
        assert_eq!(printed, expected);
    }

    #[test]
    fn a_secret_is_read_back_from_32_bytes_and_nothing_else() {
        let key = SectionKey::generate(&mut StdRng::seed_from_u64(2));
        let saved = *key.expose_for_store();
        assert!(SectionKey::from_store(&saved).unwrap().matches(&key));
        for length in [0, 1, 31, 33, 64] {
            assert!(SectionKey::from_store(&vec![0; length]).is_none(), "{length} bytes");
        }
        for bit in 0..256 {
            let mut other = saved;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!SectionKey::from_store(&other).unwrap().matches(&key), "bit {bit}");
        }
    }

    #[test]
    fn two_secrets_of_one_generator_differ() {
        let rng = &mut StdRng::seed_from_u64(3);
        assert!(!VaultKey::generate(rng).matches(&VaultKey::generate(rng)));
    }
}
