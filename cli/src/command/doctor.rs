//! `doctor`: whether the vault is whole, and what waits. Its bundle holds numbers and versions, nothing of a record.

use std::{collections::BTreeMap, path::PathBuf};

use carnet_record::EntryId;
use carnet_vault::{
    DeviceStanding, RecordId, Vault, VaultError,
    verify::{DamagedFile, FileDamage},
};
use serde_json::{Value, json};

use super::keystore;
use crate::{
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Cell, Report},
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
    let locks = keystore::locks(&vault);
    let mut failure = None;
    let mut damaged = Vec::new();
    if options.deep {
        match vault.verify() {
            Ok(found) => {
                if !found.damaged.is_empty() {
                    vault.set_aside(&found.damaged).map_err(VaultError::from)?;
                    data = facts(&mut vault)?;
                    failure = Some(Failure::FilesDamaged { count: found.damaged.len() });
                }
                data["verified"] = found.damaged.is_empty().into();
                data["repaired"] = found.store.is_repaired.into();
                data["damaged_files"] = found.damaged.len().into();
                damaged = found.damaged;
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
    let names = vault.records()?.into_iter().map(|record| (record.id, record.label)).collect();
    vault.close().map_err(VaultError::from)?;
    if let Some(path) = &options.bundle {
        super::files::write_own(path, data.to_string().as_bytes())?;
    }
    let rows = damaged_rows(&damaged, &names);
    data["damaged_documents"] = damaged_json(&damaged);
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
    let pairs = pairs.into_iter().map(|(name, field)| (name, text(&data[field]).into()));
    let pairs = pairs.chain(locks.into_iter().map(|(_, lock)| (msg!("doctor-lock"), lock.into()))).collect();
    let said = match (options.deep, &failure) {
        (true, None) => msg!("doctor-whole"),
        (false, None) => msg!("doctor-shallow"),
        (_, Some(Failure::FilesDamaged { .. })) => msg!("doctor-files-damaged"),
        (_, Some(_)) => msg!("doctor-damaged"),
    };
    let mut page = vec![Block::Pairs(pairs), Block::Say(said)];
    let summaries = damaged.iter().filter(|file| file.documents.is_empty()).count();
    if summaries > 0 {
        page.push(Block::Say(msg!("doctor-summaries-damaged", count = summaries)));
    }
    if !rows.is_empty() {
        page.push(Block::Rows(vec![msg!("column-record"), msg!("column-id"), msg!("column-damage")], rows));
    }
    Ok(Report { data, page, failure, ..Report::default() })
}

/// The documents whose content is lost or altered. The bundle never has them: it names nothing of a record.
fn damaged_json(damaged: &[DamagedFile]) -> Value {
    let told = damaged.iter().flat_map(|file| {
        file.documents.iter().map(|(record, entry)| {
            json!({ "record": record.to_string(), "entry": entry.to_string(), "damage": damage(file.damage) })
        })
    });
    told.collect()
}

fn damaged_rows(damaged: &[DamagedFile], names: &BTreeMap<RecordId, String>) -> Vec<Vec<Cell>> {
    let row = |file: &DamagedFile, record: &RecordId, entry: &EntryId| {
        let name = names.get(record).cloned().unwrap_or_default();
        vec![name.into(), entry.to_string().into(), msg!("doctor-damage", damage = damage(file.damage)).into()]
    };
    let rows = damaged.iter().flat_map(|file| file.documents.iter().map(|(record, entry)| row(file, record, entry)));
    rows.collect()
}

/// The word of a damage, for programs and in lists.
fn damage(damage: FileDamage) -> &'static str {
    match damage {
        FileDamage::Absent => "absent",
        FileDamage::Altered => "altered",
        FileDamage::Unreadable => "unreadable",
    }
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
        "locks": keystore::locks(vault).into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "file_bytes": stats.file_bytes,
        "page_bytes": stats.page_bytes,
        "records": records.len(),
        "to_send": to_send,
        "waiting": waiting,
        "quarantined": quarantined,
        "missing_files": missing_files,
        "damaged_files": 0,
        "swept_files": 0,
    }))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
