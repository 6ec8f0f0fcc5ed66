//! The keyring of the person's account: it keeps a key of the vault for as long as the account has it, and gives it to
//! the account's programs while the person is signed in.
//!
//! On Linux it is the Secret Service (as of GNOME), on macOS the login keychain, on Windows the
//! Credential Manager. What lies there is a random key and a random name, nothing about the person or the vault. The
//! person is never asked for anything here: a keyring that is locked stays locked, and the passphrase opens the vault.

#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(target_os = "linux")]
mod secret_service;

use carnet_vault::{VaultKey, store::KeyStoreName};
use rand::CryptoRng;
use zeroize::Zeroizing;

#[cfg(any(target_os = "macos", windows))]
use self::native as system;
#[cfg(target_os = "linux")]
use self::secret_service as system;
use crate::{error::Failure, i18n::Message, msg};

/// Under what heading a keyring shows the keys of vaults.
const LABEL: &str = "Carnet";

/// Why the keyring did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unkept {
    /// There is no keyring, or none that Carnet knows.
    Absent,
    /// It is locked.
    Locked,
    /// It has no key under this name.
    NoEntry,
    /// It did not answer in time.
    Silent,
    /// It refused: what it said.
    Refused(String),
}

impl Unkept {
    /// The reason, as the end of a sentence.
    pub(crate) fn why(&self) -> Message {
        match self {
            Self::Absent => msg!("keyring-absent"),
            Self::Locked => msg!("keyring-locked"),
            Self::NoEntry => msg!("keyring-no-entry"),
            Self::Silent => msg!("keyring-silent"),
            Self::Refused(reason) => msg!("keyring-refused", reason = reason),
        }
    }

    /// The reason, for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Locked => "locked",
            Self::NoEntry => "no_entry",
            Self::Silent => "silent",
            Self::Refused(_) => "refused",
        }
    }
}

impl From<Unkept> for Failure {
    fn from(unkept: Unkept) -> Self {
        match unkept {
            Unkept::Absent => Self::NoKeyring,
            Unkept::Locked => Self::KeyringLocked,
            Unkept::NoEntry | Unkept::Silent | Unkept::Refused(_) => Self::Keyring { why: unkept.why() },
        }
    }
}

/// A key that the keyring of the account keeps. It opens nothing until a vault has a lock for it.
pub(crate) struct Kept {
    /// Under which name.
    pub(crate) name: KeyStoreName,
    /// The key.
    pub(crate) key: VaultKey,
}

impl Kept {
    /// Draws a name and a key, puts the key into the keyring and reads it back: a lock is made for a key only that is
    /// there.
    pub(crate) fn make(rng: &mut impl CryptoRng) -> Result<Self, Unkept> {
        let mut name = KeyStoreName([0; 16]);
        rng.fill_bytes(&mut name.0);
        let kept = Self { name, key: VaultKey::generate(rng) };
        system::keep(&name.to_string(), kept.key.expose_for_store())?;
        match key(&name) {
            Ok(key) if key.matches(&kept.key) => Ok(kept),
            Ok(_) => Err(Unkept::NoEntry),
            Err(unkept) => Err(unkept),
        }
    }
}

/// The key that is kept under `name`.
pub(crate) fn key(name: &KeyStoreName) -> Result<VaultKey, Unkept> {
    let bytes: Zeroizing<Vec<u8>> = system::key(&name.to_string())?;
    // Something of another length is not what was put there.
    VaultKey::from_store(&bytes).ok_or(Unkept::NoEntry)
}

/// Takes the key under `name` away.
pub(crate) fn forget(name: &KeyStoreName) -> Result<(), Unkept> {
    system::forget(&name.to_string())
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod system {
    use zeroize::Zeroizing;

    use super::Unkept;

    pub(super) fn keep(_name: &str, _key: &[u8]) -> Result<(), Unkept> {
        Err(Unkept::Absent)
    }

    pub(super) fn key(_name: &str) -> Result<Zeroizing<Vec<u8>>, Unkept> {
        Err(Unkept::Absent)
    }

    pub(super) fn forget(_name: &str) -> Result<(), Unkept> {
        Err(Unkept::Absent)
    }
}
