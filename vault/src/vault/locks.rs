//! What opens a vault beside its passphrase, and the change of it. The locks themselves are the store's.

use carnet_seal::{
    passphrase::{Argon2Params, Passphrase},
    secret::VaultKey,
};

use super::Vault;
use crate::store::{KeyStoreName, Lock, RelockError};

/// Why an unlocked vault is being locked anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relock {
    /// For convenience: the old front area and its passphrase still open present data, if someone kept both.
    Habit,
    /// Someone may know the old passphrase: the whole vault gets a new key.
    Known,
}

impl Vault {
    /// Draws a key that opens the vault too, to be handed to a keeper for a time.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn key_for_keeper(&mut self) -> Result<VaultKey, RelockError> {
        self.store.key_for_keeper()
    }

    /// Lets no such key open the vault any more, only the passphrase.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn withdraw_keys(&mut self) -> Result<(), RelockError> {
        self.store.withdraw_keys()
    }

    /// Lets the key that a key store keeps under `name` open the vault too; see [`Store::admit_key_store`].
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn admit_key_store(&mut self, name: &KeyStoreName, key: &VaultKey) -> Result<(), RelockError> {
        self.store.admit_key_store(name, key)
    }

    /// Lets no key store open the vault any more.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn withdraw_key_store(&mut self) -> Result<(), RelockError> {
        self.store.withdraw_key_store()
    }

    /// Gives the vault another passphrase. A full change of keys leaves that passphrase alone to open it.
    ///
    /// # Errors
    /// [`RelockError`]: the old passphrase stays.
    pub fn relock(&mut self, passphrase: &Passphrase, cost: Argon2Params, why: Relock) -> Result<(), RelockError> {
        match why {
            Relock::Habit => self.store.change_passphrase(passphrase, cost),
            Relock::Known => {
                self.live.clear();
                self.store.rekey(Lock::Passphrase(passphrase, cost), self.door.another_chance())
            }
        }
    }
}
