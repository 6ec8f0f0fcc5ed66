//! The login keychain of macOS and the Credential Manager of Windows. Neither was run: see `docs/testing.md`.

#[cfg(windows)]
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::{CredentialStore, Entry, Error};
#[cfg(windows)]
use windows_native_keyring_store::Store;
use zeroize::Zeroizing;

use super::{LABEL, Unkept};

pub(super) fn keep(name: &str, key: &[u8]) -> Result<(), Unkept> {
    entry(name)?.set_secret(key).map_err(unkept)
}

pub(super) fn key(name: &str) -> Result<Zeroizing<Vec<u8>>, Unkept> {
    entry(name)?.get_secret().map(Zeroizing::new).map_err(unkept)
}

pub(super) fn forget(name: &str) -> Result<(), Unkept> {
    entry(name)?.delete_credential().map_err(unkept)
}

fn entry(name: &str) -> Result<Entry, Unkept> {
    let store: Arc<CredentialStore> = Store::new().map_err(unkept)?;
    // Else Windows would carry the key to every machine of a domain.
    #[cfg(windows)]
    let modifiers = Some(&HashMap::from([("persistence", "local")]));
    #[cfg(not(windows))]
    let modifiers = None;
    store.build(LABEL, name, modifiers).map_err(unkept)
}

fn unkept(error: Error) -> Unkept {
    match error {
        Error::NoEntry => Unkept::NoEntry,
        Error::NoStorageAccess(_) => Unkept::Locked,
        error => Unkept::Refused(error.to_string()),
    }
}
