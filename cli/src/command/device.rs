//! `device`: the devices of a record, and the removal of one.

use std::sync::PoisonError;

use carnet_sync::{SharedVault, sync_with_relay};
use carnet_vault::{
    Record, RecordId,
    devices::{DeviceSummary, RemovalReason},
};
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    msg,
    network::{self, Teller, add_synced},
    session::Session,
    ui::{Block, Cell, Report},
};

/// Fewest characters of a device's id that name it.
const PREFIX_CHARACTERS_MIN: usize = 6;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    List,
    Remove {
        #[arg(value_name = "ID")]
        id: String,
        #[arg(long, value_name = "REASON", default_value = "lost")]
        reason: Reason,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List => "device list",
            Self::Remove { .. } => "device remove",
        }
    }
}

/// Why a device is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reason {
    Lost,
    Replaced,
    Stolen,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::List => list(session),
        Action::Remove { id, reason } => remove(id, *reason, session),
    }
}

fn list(session: &Session<'_>) -> Result<Report, Failure> {
    let devices = session.with_record(|record| Ok(record.devices()?))?;
    let rows = devices.iter().map(row).collect();
    let data = devices.iter().map(device_json).collect();
    let head = vec![msg!("column-name"), msg!("column-standing"), msg!("column-id")];
    Ok(Report { data, page: vec![Block::Rows(head, rows)], ..Report::default() })
}

fn row(device: &DeviceSummary) -> Vec<Cell> {
    let standing = match device {
        DeviceSummary { is_kit: true, .. } => msg!("device-kit"),
        DeviceSummary { is_live: false, .. } => msg!("device-removed"),
        DeviceSummary { is_this: true, .. } => msg!("device-this"),
        _ => msg!("device-live"),
    };
    vec![device.label.clone().unwrap_or_default().into(), standing.into(), device.id.to_string().into()]
}

fn device_json(device: &DeviceSummary) -> Value {
    json!({
        "id": device.id.to_string(),
        "name": device.label,
        "this": device.is_this,
        "kit": device.is_kit,
        "live": device.is_live,
    })
}

/// Removes a device. Where the record has a relay it is reached before, so that the removal names what the relay stands at
/// now, and after: it takes nothing more of the removed device from then on. Without it nothing is signed: what the relay
/// does not take in time would stay in the way of everything that follows.
fn remove(prefix: &str, reason: Reason, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let meant = session.meant(&vault)?;
    let (id, has_relay) = (meant.id, meant.relay.is_some());
    network::run(vault, session.ui, async |node, shared| {
        let mut teller = Teller::new(session.ui);
        let mut tell = |event| teller.tell(event);
        if has_relay {
            sync_with_relay(node, shared, id, &mut tell).await?;
        }
        let device = chosen(shared, id, prefix)?;
        let name = device.label.clone().unwrap_or_else(|| device.id.to_string());
        session.ui.confirm(&msg!("ask-remove-device", name = &name))?;
        let operation = with_record(shared, id, |record| Ok(record.remove_device(&device.id, removal(reason))?))?;
        let mut report =
            Report { page: vec![Block::Say(msg!("device-was-removed", name = &name))], ..Report::default() };
        let mut data = Map::from_iter([
            ("device".to_owned(), Value::String(device.id.to_string())),
            ("operation".to_owned(), Value::String(operation.to_string())),
        ]);
        if has_relay {
            let exchanged = sync_with_relay(node, shared, id, &mut tell).await;
            report.failure = add_synced(exchanged, &mut data, &mut report.page, &mut report.warnings);
            if report.failure.is_some() {
                report.warnings.push(msg!("warning-removal-not-sent", name = &name));
            }
        }
        let pending = with_record(shared, id, |record| Ok(record.pending()?))?;
        data.insert("to_send".to_owned(), pending.to_send.into());
        report.data = Value::Object(data);
        Ok(report)
    })
}

fn removal(reason: Reason) -> RemovalReason {
    match reason {
        Reason::Lost => RemovalReason::Lost,
        Reason::Replaced => RemovalReason::Replaced,
        Reason::Stolen => RemovalReason::Stolen,
    }
}

/// The other device that is meant.
fn chosen(shared: &SharedVault, id: RecordId, prefix: &str) -> Result<DeviceSummary, Failure> {
    let device = find(with_record(shared, id, |record| Ok(record.devices()?))?, prefix)?;
    if device.is_this { Err(Failure::OwnDevice) } else { Ok(device) }
}

/// Works on the record while nothing else of this command does.
fn with_record<T>(
    shared: &SharedVault,
    id: RecordId,
    work: impl FnOnce(&mut Record<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut vault = shared.lock().unwrap_or_else(PoisonError::into_inner);
    work(&mut vault.record(&id)?)
}

fn find(devices: Vec<DeviceSummary>, prefix: &str) -> Result<DeviceSummary, Failure> {
    let prefix = prefix.to_ascii_lowercase();
    if prefix.len() < PREFIX_CHARACTERS_MIN {
        return Err(Failure::DeviceUnknown);
    }
    let mut found: Vec<_> = devices.into_iter().filter(|device| device.id.to_string().starts_with(&prefix)).collect();
    match (found.pop(), found.is_empty()) {
        (Some(device), true) => Ok(device),
        _ => Err(Failure::DeviceUnknown),
    }
}
