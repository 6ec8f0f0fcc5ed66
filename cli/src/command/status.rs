//! `status`: the records, what this device is in them, and what still waits to be done.

use carnet_vault::{DeviceStanding, RecordSummary, Vault, witness::ContradictionKind};
use serde_json::{Value, json};

use super::{entries, keystore};
use crate::{
    error::Failure,
    i18n::Message,
    msg,
    session::Session,
    ui::{Block, Cell, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let records = vault.records()?;
    let mut warnings: Vec<Message> = records.iter().filter_map(warning).collect();
    for record in &records {
        warnings.extend(contradicted(&mut vault, record)?);
    }
    vault.close().map_err(carnet_vault::VaultError::from)?;
    let head = vec![
        msg!("column-name"),
        msg!("column-default"),
        msg!("column-standing"),
        msg!("column-relay"),
        msg!("column-synced"),
        msg!("column-kit"),
        msg!("column-id"),
    ];
    let rows = records.iter().map(|record| row(record, session)).collect();
    let keyring = session.keyring();
    let is_unlocked = session.keeper().key().is_some();
    let mut pairs = vec![
        (msg!("column-vault"), session.config.vault.display().to_string().into()),
        (msg!("column-opens-with"), msg!("opens-with-passphrase").into()),
    ];
    pairs.extend(is_unlocked.then(|| (msg!("column-opens-with"), msg!("opens-with-unlocking").into())));
    pairs.extend(keystore::said(keyring.as_ref()).map(|said| (msg!("column-opens-with"), said.into())));
    let mut page = vec![Block::Pairs(pairs), Block::Rows(head, rows)];
    if records.is_empty() {
        page = vec![Block::Say(msg!("no-records"))];
    }
    let data = json!({
        "vault": session.config.vault.display().to_string(),
        "unlocked": is_unlocked,
        "keystore": keystore::standing(keyring.as_ref()),
        "records": records.iter().map(|record| record_json(record, session)).collect::<Vec<_>>(),
    });
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// What a record still needs of the person.
fn warning(record: &RecordSummary) -> Option<Message> {
    match record.standing {
        DeviceStanding::Removed => Some(msg!("warning-removed", name = &record.label)),
        DeviceStanding::TurnedAway => Some(msg!("warning-turned-away", name = &record.label)),
        DeviceStanding::Waiting => Some(msg!("warning-waiting", name = &record.label)),
        DeviceStanding::Member if !record.kit_confirmed => Some(msg!("warning-kit", name = &record.label)),
        DeviceStanding::Member => None,
    }
}

/// That the relay of a record and one of its devices contradict each other.
fn contradicted(vault: &mut Vault, record: &RecordSummary) -> Result<Option<Message>, Failure> {
    let Some(found) = record.contradiction else { return Ok(None) };
    let devices = vault.record(&record.id)?.devices()?;
    let label = devices.into_iter().find(|device| device.id == found.device).and_then(|device| device.label);
    let device = label.unwrap_or_else(|| found.device.to_string());
    let what = match found.kind {
        ContradictionKind::Split => msg!("alarm-split"),
        _ => msg!("alarm-behind"),
    };
    Ok(Some(msg!("warning-relay-contradicted", name = &record.label, device = device, what = what)))
}

fn row(record: &RecordSummary, session: &Session<'_>) -> Vec<Cell> {
    let yes = |is: bool| if is { msg!("yes").into() } else { Cell::from("") };
    vec![
        record.label.as_str().into(),
        yes(record.is_default),
        standing(record.standing).into(),
        record.relay.clone().unwrap_or_default().into(),
        record.synced_at.map(|at| entries::local(at.0, &session.zones).to_string()).unwrap_or_default().into(),
        yes(record.kit_confirmed),
        record.id.to_string().into(),
    ]
}

fn standing(standing: DeviceStanding) -> Message {
    match standing {
        DeviceStanding::Member => msg!("standing-member"),
        DeviceStanding::Removed => msg!("standing-removed"),
        DeviceStanding::TurnedAway => msg!("standing-turned-away"),
        DeviceStanding::Waiting => msg!("standing-waiting"),
    }
}

/// A record as data, for `status` and `record`.
pub(crate) fn record_json(record: &RecordSummary, session: &Session<'_>) -> Value {
    let standing = match record.standing {
        DeviceStanding::Member => "member",
        DeviceStanding::Removed => "removed",
        DeviceStanding::TurnedAway => "turned_away",
        DeviceStanding::Waiting => "waiting",
    };
    json!({
        "id": record.id.to_string(),
        "name": record.label,
        "default": record.is_default,
        "standing": standing,
        "relay": record.relay,
        "since": entries::local(record.since.0, &session.zones).to_string(),
        "synced_at": record.synced_at.map(|at| entries::local(at.0, &session.zones).to_string()),
        "kit_confirmed": record.kit_confirmed,
        "relay_contradicted": record.contradiction.map(|found| json!({
            "kind": found.kind,
            "device": found.device.to_string(),
            "at": entries::local(found.at().0, &session.zones).to_string(),
        })),
    })
}
