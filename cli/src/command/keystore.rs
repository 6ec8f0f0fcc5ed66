//! The lock of a vault that the keyring of the account opens: made, taken away, carried over a change of keys, and said.
//!
//! The key is in the keyring before the vault has a lock for it, and is taken out after the lock is gone: whatever
//! happens in between, the passphrase opens the vault, and a key that is left over opens nothing.

use carnet_vault::{
    Vault, VaultError,
    store::{KeyStoreName, SlotKind},
};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    i18n::Message,
    keyring::account::{self, Kept, Unkept},
    msg,
    session::Session,
    ui::{Block, Report},
};

/// `unlock --keystore`.
pub(super) fn add(session: &Session<'_>) -> Result<Report, Failure> {
    admit(session, Session::open)?.close().map_err(VaultError::from)?;
    Ok(Report {
        data: json!({ "keystore": true }),
        page: vec![Block::Say(msg!("keyring-admitted"))],
        ..Report::default()
    })
}

/// `unlock --no-keystore`.
pub(super) fn remove(session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let names = names(&vault);
    if !names.is_empty() {
        vault.withdraw_key_store()?;
    }
    vault.close().map_err(VaultError::from)?;
    let said = if names.is_empty() { msg!("keyring-was-withdrawn") } else { msg!("keyring-withdrawn") };
    Ok(Report {
        data: json!({ "keystore": false, "was_there": !names.is_empty() }),
        page: vec![Block::Say(said)],
        warnings: forget(&names),
        ..Report::default()
    })
}

/// The vault that `open` gives, with a lock for the keyring of the account. Where there is no keyring nothing is opened,
/// and nothing made.
pub(super) fn admit<'a>(
    session: &Session<'a>,
    open: impl FnOnce(&Session<'a>) -> Result<Vault, Failure>,
) -> Result<Vault, Failure> {
    let kept = Kept::make(&mut Session::chance())?;
    let mut vault = open(session).inspect_err(|_| drop(account::forget(&kept.name)))?;
    let before = names(&vault);
    give(&mut vault, &kept)?;
    forget(&before);
    Ok(vault)
}

/// Runs `rekey`, which leaves the passphrase alone to open the vault, and lets the keyring open it again if it did
/// before. Gives what the person must know.
pub(super) fn carry_over(
    vault: &mut Vault,
    rekey: impl FnOnce(&mut Vault) -> Result<(), Failure>,
) -> Result<Vec<Message>, Failure> {
    let before = names(vault);
    // A lock for the keyring of another account or machine is not one for this account.
    let is_ours = before.iter().any(|name| account::key(name).is_ok());
    rekey(vault)?;
    if before.is_empty() {
        return Ok(Vec::new());
    }
    let mut warnings = if is_ours { forget(&before) } else { Vec::new() };
    // The keys are changed: whatever the keyring says now, that is done.
    if !is_ours
        || Kept::make(&mut Session::chance()).map_err(Failure::from).and_then(|kept| give(vault, &kept)).is_err()
    {
        warnings.push(msg!("warning-keyring-not-carried-over"));
    }
    Ok(warnings)
}

/// Makes the lock for a key that the keyring has. Without the lock the key does not stay there.
fn give(vault: &mut Vault, kept: &Kept) -> Result<(), Failure> {
    vault.admit_key_store(&kept.name, &kept.key).map_err(|error| {
        // It opens nothing; a keyring that fails now keeps a key that is of no use.
        let _ = account::forget(&kept.name);
        error.into()
    })
}

/// What is to be said of the keyring when the vault was locked.
pub(super) fn after_lock(keyring: Option<&Result<(), Unkept>>) -> Option<Message> {
    match keyring? {
        Ok(()) => Some(msg!("warning-keyring-opens")),
        Err(unkept) => Some(msg!("warning-keyring-may-open", why = unkept.why())),
    }
}

/// The same, as one of the things that open the vault.
pub(super) fn said(keyring: Option<&Result<(), Unkept>>) -> Option<Message> {
    match keyring? {
        Ok(()) => Some(msg!("opens-with-keyring")),
        Err(unkept) => Some(msg!("opens-with-keyring-not-now", why = unkept.why())),
    }
}

/// The locks of a vault, for the doctor: each with its name for programs and for people.
pub(super) fn locks(vault: &Vault) -> Vec<(&'static str, Message)> {
    let named = |kind| match kind {
        SlotKind::Passphrase => ("passphrase", msg!("lock-passphrase")),
        SlotKind::Key => ("unlocking", msg!("lock-unlocking")),
        SlotKind::KeyStore(_) => ("keystore", msg!("lock-keyring")),
    };
    vault.store().slots().into_iter().map(named).collect()
}

/// Whether the keyring of the account opens the vault, for programs: nothing without a lock for it, `ready`, or why not.
pub(super) fn standing(keyring: Option<&Result<(), Unkept>>) -> Value {
    match keyring {
        None => Value::Null,
        Some(Ok(())) => "ready".into(),
        Some(Err(unkept)) => unkept.code().into(),
    }
}

fn names(vault: &Vault) -> Vec<KeyStoreName> {
    let names = vault.store().slots().into_iter().filter_map(|kind| match kind {
        SlotKind::KeyStore(name) => Some(name),
        SlotKind::Key | SlotKind::Passphrase => None,
    });
    names.collect()
}

/// Takes keys out of the keyring that open nothing any more. A warning where one may have stayed.
fn forget(names: &[KeyStoreName]) -> Vec<Message> {
    let stayed = names.iter().filter_map(|name| account::forget(name).err());
    stayed
        .filter(|unkept| *unkept != Unkept::NoEntry)
        .map(|unkept| msg!("warning-keyring-key-stays", why = unkept.why()))
        .collect()
}
