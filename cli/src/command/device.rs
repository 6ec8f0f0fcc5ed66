//! `device`: the devices of a record, and the removal of one.

use carnet_vault::devices::{DeviceSummary, RemovalReason};
use serde_json::{Value, json};

use crate::{
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Report},
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
    let rows = devices.iter().map(|device| row(device, session)).collect();
    let data = devices.iter().map(device_json).collect();
    let head = vec![msg!("column-name"), msg!("column-standing"), msg!("column-id")];
    Ok(Report { data, page: vec![Block::Rows(head, rows)], ..Report::default() })
}

fn row(device: &DeviceSummary, session: &Session<'_>) -> Vec<String> {
    let standing = match device {
        DeviceSummary { is_kit: true, .. } => msg!("device-kit"),
        DeviceSummary { is_live: false, .. } => msg!("device-removed"),
        DeviceSummary { is_this: true, .. } => msg!("device-this"),
        _ => msg!("device-live"),
    };
    vec![device.label.clone().unwrap_or_default(), session.ui.text(&standing), device.id.to_string()]
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

fn remove(prefix: &str, reason: Reason, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| {
        let device = find(record.devices()?, prefix)?;
        if device.is_this {
            return Err(Failure::OwnDevice);
        }
        let name = device.label.clone().unwrap_or_else(|| device.id.to_string());
        session.ui.confirm(&msg!("ask-remove-device", name = &name))?;
        let reason = match reason {
            Reason::Lost => RemovalReason::Lost,
            Reason::Replaced => RemovalReason::Replaced,
            Reason::Stolen => RemovalReason::Stolen,
        };
        let operation = record.remove_device(&device.id, reason)?;
        let pending = record.pending()?;
        Ok(Report {
            data: json!({
                "device": device.id.to_string(),
                "operation": operation.to_string(),
                "to_send": pending.to_send,
            }),
            page: vec![Block::Say(msg!("device-was-removed", name = &name))],
            ..Report::default()
        })
    })
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
