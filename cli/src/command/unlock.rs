//! `unlock`: leaves the vault open for a stated time, lets the keyring of the account open it or no longer, or gives it
//! another passphrase.

use std::path::PathBuf;

use carnet_vault::{Argon2Params, Passphrase, Relock, Vault, VaultError};
use serde_json::json;

use super::keystore;
use crate::{
    error::Failure,
    input,
    keyring::{SECONDS_MAX, Source, StoreRefused},
    msg,
    session::{Session, new_passphrase},
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub(crate) struct Options {
    #[arg(long = "for", value_name = "DURATION", group = "what")]
    duration: Option<String>,
    #[arg(long, group = "what")]
    new_passphrase: bool,
    #[arg(long, value_name = "FILE", group = "what")]
    new_passphrase_file: Option<PathBuf>,
    #[arg(long, group = "what")]
    keystore: bool,
    #[arg(long, group = "what")]
    no_keystore: bool,
    #[arg(long, value_name = "REASON", default_value = "known", conflicts_with_all = ["duration", "keystore", "no_keystore"])]
    reason: Reason,
}

/// Why a passphrase is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reason {
    Habit,
    Known,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.duration {
        Some(duration) => keep_open(input::seconds("--for", duration)?, session),
        None if options.keystore => keystore::add(session),
        None if options.no_keystore => keystore::remove(session),
        None => change_passphrase(options, session),
    }
}

fn keep_open(seconds: u64, session: &Session<'_>) -> Result<Report, Failure> {
    if seconds > SECONDS_MAX {
        return Err(Failure::UnlockTooLong);
    }
    let mut vault = session.open()?;
    let key = vault.key_for_keeper()?;
    let kept = session.keeper().keep(key.expose_for_store(), seconds);
    vault.close().map_err(VaultError::from)?;
    match kept {
        Ok(()) => Ok(Report {
            data: json!({ "seconds": seconds }),
            page: vec![Block::Say(msg!("unlocked", minutes = seconds.div_ceil(60)))],
            ..Report::default()
        }),
        Err(StoreRefused::Absent) => Err(Failure::NoKeyStore),
        Err(StoreRefused::Refused(reason)) => Err(Failure::KeyStore { reason }),
    }
}

fn change_passphrase(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let source = Source::of(options.new_passphrase_file.as_deref(), None);
    let passphrase = new_passphrase(&source.new_one(session.ui)?)?;
    let why = match options.reason {
        Reason::Habit => Relock::Habit,
        Reason::Known => Relock::Known,
    };
    let mut warnings = match why {
        Relock::Habit => relock(&mut vault, &passphrase, why).map(|()| Vec::new())?,
        Relock::Known => keystore::carry_over(&mut vault, |vault| relock(vault, &passphrase, why))?,
    };
    vault.close().map_err(VaultError::from)?;
    // A key that was kept before opens nothing any more after a full change; after the other it must not either.
    if let (Relock::Habit, Err(StoreRefused::Refused(reason))) = (why, session.keeper().forget()) {
        warnings.push(msg!("warning-still-unlocked", reason = reason));
    }
    let said = match options.reason {
        Reason::Habit => msg!("passphrase-changed-habit"),
        Reason::Known => msg!("passphrase-changed"),
    };
    Ok(Report {
        data: json!({ "rekeyed": options.reason == Reason::Known }),
        page: vec![Block::Say(said)],
        warnings,
        ..Report::default()
    })
}

fn relock(vault: &mut Vault, passphrase: &Passphrase, why: Relock) -> Result<(), Failure> {
    Ok(vault.relock(passphrase, Argon2Params::DEFAULT, why)?)
}
