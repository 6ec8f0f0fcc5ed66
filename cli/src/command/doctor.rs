//! `doctor`: whether the vault is whole, and what waits. Its bundle holds numbers and versions, nothing of a record.

use std::path::PathBuf;

use carnet_vault::{DeviceStanding, Vault, VaultError};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    deep: bool,
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let mut data = facts(&mut vault)?;
    let mut failure = None;
    if options.deep {
        match vault.verify() {
            Ok(verified) => {
                data["verified"] = true.into();
                data["repaired"] = verified.is_repaired.into();
            }
            Err(error) => {
                data["verified"] = false.into();
                failure = Some(Failure::from(error));
            }
        }
    }
    // Nothing is taken away from a vault that is damaged.
    if failure.is_none() {
        data["swept_files"] = vault.sweep()?.files.into();
    }
    vault.close().map_err(VaultError::from)?;
    if let Some(path) = &options.bundle {
        super::files::write_own(path, data.to_string().as_bytes())?;
    }
    let pairs = [
        (msg!("doctor-version"), "version"),
        (msg!("doctor-bytes"), "file_bytes"),
        (msg!("doctor-records"), "records"),
        (msg!("doctor-to-send"), "to_send"),
        (msg!("doctor-waiting"), "waiting"),
        (msg!("doctor-quarantined"), "quarantined"),
        (msg!("doctor-missing-files"), "missing_files"),
        (msg!("doctor-swept-files"), "swept_files"),
    ];
    let pairs = pairs.into_iter().map(|(name, field)| (name, text(&data[field]))).collect();
    let said = match (options.deep, &failure) {
        (true, None) => msg!("doctor-whole"),
        (false, None) => msg!("doctor-shallow"),
        (_, Some(_)) => msg!("doctor-damaged"),
    };
    Ok(Report { data, page: vec![Block::Pairs(pairs), Block::Say(said)], failure, ..Report::default() })
}

/// Numbers about the vault and its records, in sum: no name, no identifier.
fn facts(vault: &mut Vault) -> Result<Value, Failure> {
    let stats = vault.store().stats()?;
    let records = vault.records()?;
    let (mut to_send, mut waiting, mut quarantined, mut missing_files) = (0, 0, 0, 0);
    for summary in &records {
        if summary.standing == DeviceStanding::Waiting {
            continue;
        }
        let record = vault.record(&summary.id)?;
        let pending = record.pending()?;
        to_send += pending.to_send;
        waiting += pending.waiting;
        quarantined += pending.quarantined;
        missing_files += record.missing_files()?.len();
    }
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "file_bytes": stats.file_bytes,
        "page_bytes": stats.page_bytes,
        "records": records.len(),
        "to_send": to_send,
        "waiting": waiting,
        "quarantined": quarantined,
        "missing_files": missing_files,
        "swept_files": 0,
    }))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
