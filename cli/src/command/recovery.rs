//! `recovery`: what opens a record again when every device is lost.

use std::path::PathBuf;

use carnet_sync::{Restoration, restore_from_file, restore_from_relay};
use carnet_vault::{
    LocalChange, RelayAddress, VaultError,
    recovery::{Kit, LostDevices, RecoveryError},
};
use serde_json::json;

use super::{
    files, init,
    record::{checked_name, free_name},
};
use crate::{
    error::Failure,
    keyring::Source,
    msg,
    network::{self, Teller, synced_json, synced_page, synced_warnings},
    session::Session,
    ui::{Block, Report},
};

/// The name of a record that comes back, if none is given.
const NAME_DEFAULT: &str = "Carnet";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Rehearse {
        #[arg(long, value_name = "N")]
        words_fd: Option<i32>,
    },
    Restore(RestoreOptions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreOptions {
    #[arg(long, value_name = "RECORD", required_unless_present = "from")]
    id: Option<String>,
    #[arg(long, value_name = "ADDR", required_unless_present = "from", conflicts_with = "from")]
    relay: Option<String>,
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[arg(long, value_name = "N")]
    words_fd: Option<i32>,
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rehearse { .. } => "recovery rehearse",
            Self::Restore(_) => "recovery restore",
        }
    }
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::Rehearse { words_fd } => rehearse(*words_fd, session),
        Action::Restore(options) => restore(options, session),
    }
}

/// Brings a record back onto this device from its relay or from a file of exchange. Every device that there was loses
/// its place: whoever has one of them learns nothing new.
fn restore(options: &RestoreOptions, session: &Session<'_>) -> Result<Report, Failure> {
    let record = options.id.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRecordId)?;
    let relay: Option<RelayAddress> =
        options.relay.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRelay)?;
    let name = checked_name(options.name.as_deref().unwrap_or(NAME_DEFAULT))?;
    let device = checked_name(options.label.as_deref().unwrap_or(std::env::consts::OS))?;
    let vault = init::open_or_create(session)?;
    free_name(&vault, &name, record.as_ref())?;
    let typed = Source::of(None, options.words_fd).line(session.ui, &msg!("ask-kit-words"))?;
    let words = std::str::from_utf8(&typed).map_err(|_| Failure::KitWords)?;
    session.ui.confirm(&msg!("ask-restore", name = &name))?;
    let what = Restoration { words, record, label: &name, device_label: &device, lost: &LostDevices::All };
    let (id, synced) = network::run(vault, session.ui, async |node, shared| {
        let mut teller = Teller::new(session.ui);
        let mut tell = |event| teller.tell(event);
        match (&options.from, &relay) {
            (Some(path), _) => Ok(restore_from_file(shared, &what, &mut files::open(path)?, &mut tell)?),
            (None, Some(relay)) => Ok(restore_from_relay(node, shared, &what, relay, &mut tell).await?),
            (None, None) => Err(Failure::NoRelay),
        }
    })?;
    let mut page = vec![Block::Say(msg!("record-restored", name = &name))];
    page.extend(synced_page(&synced));
    let data = json!({ "record": id.to_string(), "name": name, "sync": synced_json(&synced) });
    Ok(Report { data, page, warnings: synced_warnings(&synced), ..Report::default() })
}

/// Checks that the 24 words open the record. Nothing of the record changes; that they were checked is noted here.
fn rehearse(words_fd: Option<i32>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let summary = session.meant(&vault)?;
    let typed = Source::of(None, words_fd).line(session.ui, &msg!("ask-kit-words"))?;
    let words = std::str::from_utf8(&typed).map_err(|_| Failure::KitWords)?;
    let kit = Kit::from_words(words)?;
    if !vault.record(&summary.id)?.is_opened_by(&kit) {
        return Err(Failure::KitOfOther);
    }
    vault.set_local(&summary.id, LocalChange::KitConfirmed)?;
    vault.close().map_err(VaultError::from)?;
    Ok(Report {
        data: json!({ "record": summary.id.to_string(), "opens": true }),
        page: vec![Block::Say(msg!("kit-opens", name = &summary.label))],
        ..Report::default()
    })
}

impl From<RecoveryError> for Failure {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Words(_) => Self::KitWords,
            RecoveryError::AlreadyHere => Self::AlreadyHere,
            RecoveryError::OtherRecord => Self::KitOfOther,
            RecoveryError::Vault(error) => error.into(),
            other => Self::Ours(other.to_string()),
        }
    }
}
