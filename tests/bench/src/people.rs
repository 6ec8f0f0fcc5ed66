//! Vaults, doors and a clock, as the command has them: the operating system's chance, the time of day.

use std::{
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use carnet_vault::{Argon2Params, Clock, Door, NewRecord, Passphrase, RecordId, RelayAddress, UnixMillis, Vault};
use rand::{rand_core::UnwrapErr, rngs::SysRng};

use crate::report::Failure;

/// The time of day.
#[derive(Debug)]
pub(crate) struct Now;

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(0))
    }
}

/// What a vault needs from outside.
pub(crate) fn door() -> Door {
    Door::new(Arc::new(Now), || Box::new(UnwrapErr(SysRng)))
}

/// What opens the vaults of the figures.
pub(crate) fn passphrase() -> Result<Passphrase, Failure> {
    Ok(Passphrase::new(b"sept chats dorment au soleil")?)
}

/// A new vault that is cheap to open: what opening costs has a figure of its own.
pub(crate) fn new_vault(folder: &Path) -> Result<Vault, Failure> {
    Ok(Vault::create(folder, &passphrase()?, Argon2Params::MINIMUM, door())?)
}

/// A record of one person in a vault.
pub(crate) fn new_record(vault: &mut Vault, relay: Option<&RelayAddress>) -> Result<RecordId, Failure> {
    let new = NewRecord {
        label: "Camille".to_owned(),
        device_label: "Ordinateur".to_owned(),
        year: 2026,
        relay: relay.cloned(),
    };
    Ok(vault.create_record(&new)?.record)
}
