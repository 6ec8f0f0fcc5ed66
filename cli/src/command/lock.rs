//! `lock`: takes the key of the vault out of the system's key store.

use serde_json::json;

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
    let said = if was_unlocked { msg!("locked") } else { msg!("was-locked") };
    Ok(Report { data: json!({ "was_unlocked": was_unlocked }), page: vec![Block::Say(said)], ..Report::default() })
}
