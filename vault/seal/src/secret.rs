//! The secrets, one type for each purpose, and the only ways in and out of them.
//!
//! Each holds 32 bytes in memory of its own, overwritten when it is dropped. None can be copied, compared, hashed or
//! serialized by accident: they derive nothing, their `Debug` shows no byte, and a compile-time assertion below keeps
//! it so. What leaves does so through `expose_for_store`, which names the one permitted use: the encrypted store of
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
