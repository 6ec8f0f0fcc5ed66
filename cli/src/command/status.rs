//! `status`: the records, what this device is in them, and what still waits to be done.

use carnet_vault::{DeviceStanding, RecordSummary, UnixMillis, Vault, witness::ContradictionKind};
use serde_json::{Value, json};

use super::{entries, keystore};
use crate::{
    error::Failure,
    i18n::Message,
    msg,
    session::Session,
    ui::{Block, Cell, Report},
};

/// After so many days without an exchange the person is told.
const SILENT_DAYS_MIN: u64 = 7;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let records = vault.records()?;
    let now = session.clock.now();
    let mut warnings: Vec<Message> = records.iter().filter_map(warning).collect();
    warnings.extend(records.iter().filter_map(|record| silent(record, now)));
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

/// That a record has met neither its relay nor another device for so long that what is shown here may be out of date.
fn silent(record: &RecordSummary, now: UnixMillis) -> Option<Message> {
    if record.standing != DeviceStanding::Member || record.relay.is_none() && record.synced_at.is_none() {
        return None;
    }
    let days = now.since(record.synced_at.unwrap_or(record.since)) / DAY_MS;
    (days >= SILENT_DAYS_MIN).then(|| msg!("warning-silent", name = &record.label, days = days))
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

#[cfg(test)]
mod tests {
    use carnet_vault::RecordId;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn met(relay: Option<&str>, days_ago: Option<u64>) -> RecordSummary {
        let before = |days: u64| UnixMillis(NOW.0 - days * DAY_MS);
        RecordSummary {
            id: RecordId([1; 32]),
            label: "Camille".to_owned(),
            since: before(30),
            is_default: true,
            relay: relay.map(str::to_owned),
            standing: DeviceStanding::Member,
            kit_confirmed: true,
            synced_at: days_ago.map(before),
            contradiction: None,
        }
    }

    #[test]
    fn atk_3_a_record_that_has_met_nobody_for_a_week_says_so() {
        let is_told = |record: &RecordSummary| silent(record, NOW).is_some();
        assert!(!is_told(&met(Some("relay"), Some(6))));
        assert!(is_told(&met(Some("relay"), Some(7))));
        assert!(is_told(&met(Some("relay"), None)), "it never reached its relay");
        assert!(is_told(&met(None, Some(8))), "it met another device once");
        assert!(!is_told(&met(None, None)), "it has nobody to meet");
        assert!(!is_told(&RecordSummary { standing: DeviceStanding::Removed, ..met(Some("relay"), Some(30)) }));
        let ahead = RecordSummary { synced_at: Some(UnixMillis(NOW.0 + DAY_MS)), ..met(Some("relay"), None) };
        assert!(!is_told(&ahead), "a clock that was put back");
    }
}
