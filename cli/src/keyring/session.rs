//! The session key store of the operating system: it keeps the key of a vault for a stated time, and no longer.
//!
//! On Linux this is the kernel's key retention service (keyrings(7)): the key lies in the kernel's memory, in the
//! keyring of the account, never on disk, and the kernel drops it when its time is over. Any process of the same
//! account can ask for it: that is the price of `unlock --for`, and the help says so. Other systems have none that we
//! use yet, and say so.

use zeroize::Zeroizing;

/// Longest time that a key may stay, in seconds: seven days.
pub(crate) const SECONDS_MAX: u64 = 7 * 24 * 3600;

/// Why a key was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreRefused {
    /// The system has no such store, or not one that we use.
    Absent,
    /// The system has one and refused it: what it said.
    Refused(String),
}

/// The key store, for one vault.
pub(crate) struct SessionStore {
    name: String,
}

impl SessionStore {
    /// The place of the vault with identifier `vault_id`.
    pub(crate) fn of(vault_id: &str) -> Self {
        Self { name: format!("carnet:vault:{vault_id}") }
    }

    /// Keeps `key` for `seconds`. If the time limit cannot be set, the key is taken back out.
    pub(crate) fn keep(&self, key: &[u8], seconds: u64) -> Result<(), StoreRefused> {
        system::keep(&self.name, key, seconds.clamp(1, SECONDS_MAX))
    }

    /// The key, if it is there and its time is not over.
    pub(crate) fn key(&self) -> Option<Zeroizing<Vec<u8>>> {
        system::key(&self.name)
    }

    /// Drops the key. Says whether there was one.
    pub(crate) fn forget(&self) -> Result<bool, StoreRefused> {
        system::forget(&self.name)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use linux_keyutils::{Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
    use zeroize::Zeroizing;

    use super::StoreRefused;

    pub(super) fn keep(name: &str, key: &[u8], seconds: u64) -> Result<(), StoreRefused> {
        let seconds = usize::try_from(seconds).map_err(|_| StoreRefused::Absent)?;
        let kept = ring()?.add_key(name, key).map_err(refused)?;
        limit(kept, seconds).map_err(|error| {
            // Without its limit the key must not stay; if even this fails, the reason is already a refusal.
            let _ = kept.invalidate();
            refused(error)
        })
    }

    fn limit(key: Key, seconds: usize) -> Result<(), KeyError> {
        key.set_timeout(seconds)?;
        let ours = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::SETATTR | Permission::WRITE;
        key.set_perms(KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(ours).build())
    }

    pub(super) fn key(name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let key = ring().ok()?.search(name).ok()?;
        key.read_to_vec().ok().map(Zeroizing::new)
    }

    pub(super) fn forget(name: &str) -> Result<bool, StoreRefused> {
        match ring()?.search(name) {
            Ok(key) => key.invalidate().map(|()| true).map_err(refused),
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }

    /// The keyring of the account, made ours to use through the keyring of this process.
    fn ring() -> Result<KeyRing, StoreRefused> {
        let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(refused)?;
        process.link_keyring_id(KeyRingIdentifier::User).map_err(refused)?;
        KeyRing::from_special_id(KeyRingIdentifier::User, true).map_err(refused)
    }

    fn refused(error: KeyError) -> StoreRefused {
        match error {
            KeyError::OperationNotSupported => StoreRefused::Absent,
            error => StoreRefused::Refused(error.to_string()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use zeroize::Zeroizing;

    use super::StoreRefused;

    pub(super) fn keep(_name: &str, _key: &[u8], _seconds: u64) -> Result<(), StoreRefused> {
        Err(StoreRefused::Absent)
    }

    pub(super) fn key(_name: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    pub(super) fn forget(_name: &str) -> Result<bool, StoreRefused> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_kept_key_is_found_until_it_is_forgotten() {
        let store = SessionStore::of(&format!("test-{}", std::process::id()));
        assert_eq!(store.key(), None);
        match store.keep(&[7; 32], 60) {
            Ok(()) => {
                assert_eq!(store.key().as_deref().map(Vec::as_slice), Some([7; 32].as_slice()));
                assert_eq!(store.forget(), Ok(true));
                assert_eq!(store.key(), None);
                assert_eq!(store.forget(), Ok(false));
            }
            // A container may forbid the system call; then nothing must have stayed.
            Err(refused) => {
                assert_eq!(store.key(), None);
                println!("SKIPPED a_kept_key_is_found_until_it_is_forgotten: the kernel's key store said {refused:?}");
            }
        }
    }
}
