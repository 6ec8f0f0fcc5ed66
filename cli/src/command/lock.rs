//! `lock`: takes the key of `unlock --for` out of the system's key store. A lock for the keyring of the account stays,
//! and the command says so: it is of the person's making, and `unlock --no-keystore` takes it away.

use serde_json::json;

use super::keystore;
use crate::{
    error::Failure,
    keyring::StoreRefused,
    msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(session: &Session<'_>) -> Result<Report, Failure> {
    let was_unlocked = match session.keeper().forget() {
        Ok(was_unlocked) => was_unlocked,
        // Where there is no key store, nothing was kept in it.
        Err(StoreRefused::Absent) => false,
        Err(StoreRefused::Refused(reason)) => return Err(Failure::KeyStore { reason }),
    };
    let keyring = session.keyring();
    let said = match (was_unlocked, keyring.as_ref()) {
        // A vault that a keyring opens is not locked, whatever ends here.
        (true, Some(Ok(()))) => msg!("unlocking-ended"),
        (false, Some(Ok(()))) => msg!("was-not-unlocked"),
        (true, _) => msg!("locked"),
        (false, _) => msg!("was-locked"),
    };
    Ok(Report {
        data: json!({ "was_unlocked": was_unlocked, "keystore": keystore::standing(keyring.as_ref()) }),
        page: vec![Block::Say(said)],
        warnings: keystore::after_lock(keyring.as_ref()).into_iter().collect(),
        ..Report::default()
    })
}
