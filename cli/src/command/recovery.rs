//! `recovery`: what opens a record again when every device is lost.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use carnet_sync::{
    Node, Restoration, SharedVault, is_opened_by, replace_kit, restore_from_file, restore_from_relay, sync_with_relay,
};
use carnet_vault::{
    LocalChange, RecordSummary, RelayAddress, VaultError,
    recovery::{Kit, LostDevices, RecoveryError},
};
use serde_json::{Map, Value, json};

use super::{
    files, init,
    record::{checked_name, free_name},
    sheet::{self, Sheet},
};
use crate::{
    error::Failure,
    keyring::Source,
    msg,
    network::{self, Teller, add_synced, synced_json, synced_page, synced_warnings},
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
    Kit(KitOptions),
    Rehearse {
        #[arg(long, value_name = "N")]
        words_fd: Option<i32>,
    },
    Restore(RestoreOptions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct KitOptions {
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[arg(long, value_name = "N")]
    words_fd: Option<i32>,
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
    #[arg(long, value_name = "WHICH", num_args = 1.., default_values_t = [ALL.to_owned()])]
    remove_devices: Vec<String>,
}

/// Removes every device that there was.
const ALL: &str = "all";
/// Removes no device.
const NONE: &str = "none";

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kit(_) => "recovery kit",
            Self::Rehearse { .. } => "recovery rehearse",
            Self::Restore(_) => "recovery restore",
        }
    }
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::Kit(options) => replace(options, session),
        Action::Rehearse { words_fd } => rehearse(*words_fd, session),
        Action::Restore(options) => restore(options, session),
    }
}

/// Brings a record back onto this device from its relay or from a file of exchange. Unless told otherwise, every device
/// that there was loses its place: whoever has one of them learns nothing new.
fn restore(options: &RestoreOptions, session: &Session<'_>) -> Result<Report, Failure> {
    let record = options.id.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRecordId)?;
    let relay: Option<RelayAddress> =
        options.relay.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRelay)?;
    let name = checked_name(options.name.as_deref().unwrap_or(NAME_DEFAULT))?;
    let device = checked_name(options.label.as_deref().unwrap_or(std::env::consts::OS))?;
    let vault = init::open_or_create(session)?;
    // A file of exchange says itself of which record it is: the vault then judges the name.
    if record.is_some() {
        free_name(&vault, &name, record.as_ref())?;
    }
    let typed = Source::of(None, options.words_fd).line(session.ui, &msg!("ask-kit-words"))?;
    let words = std::str::from_utf8(&typed).map_err(|_| Failure::KitWords)?;
    let lost = lost(&options.remove_devices)?;
    session.ui.confirm(&match &lost {
        LostDevices::Named(names) if names.is_empty() => msg!("ask-restore-beside", name = &name),
        LostDevices::Named(names) => msg!("ask-restore-without", name = &name, devices = names.join(", ")),
        LostDevices::All => msg!("ask-restore", name = &name),
    })?;
    let what = Restoration { words, record, label: &name, device_label: &device, lost: &lost };
    let (id, synced) = network::run(vault, session.ui, async |node, shared| {
        let mut teller = Teller::new(session.ui);
        let mut tell = |event| teller.tell(event);
        match (&options.from, &relay) {
            (Some(path), _) => Ok(restore_from_file(shared, &what, &mut files::open(path)?, &mut tell)?),
            (None, Some(relay)) => Ok(restore_from_relay(node, shared, &what, relay, &mut tell).await?),
            (None, None) => Err(Failure::NoRelay),
        }
    })?;
    let mut page = vec![Block::Say(match lost {
        LostDevices::All => msg!("record-restored", name = &name),
        LostDevices::Named(_) => msg!("record-restored-beside", name = &name),
    })];
    page.extend(synced_page(&synced));
    let data = json!({ "record": id.to_string(), "name": name, "sync": synced_json(&synced) });
    Ok(Report { data, page, warnings: synced_warnings(&synced), ..Report::default() })
}

/// The devices that a restoration removes.
fn lost(named: &[String]) -> Result<LostDevices, Failure> {
    match named {
        [one] if one == ALL => Ok(LostDevices::All),
        [one] if one == NONE => Ok(LostDevices::Named(Vec::new())),
        names if names.iter().any(|name| name == ALL || name == NONE) => {
            Err(Failure::Usage(msg!("usage-value", option = "--remove-devices")))
        }
        names => Ok(LostDevices::Named(names.to_vec())),
    }
}

/// Draws a new kit, hands it over, and lets it open the record in place of the present one, whose words are asked for:
/// only who has a kit may replace it. Nothing is signed before the new sheet is known to be in the person's hands, where
/// somebody can be asked. A sheet that opens nothing does not stay.
fn replace(options: &KitOptions, session: &Session<'_>) -> Result<Report, Failure> {
    sheet::check_place(options.out.as_deref(), session)?;
    let mut vault = session.open()?;
    let meant = session.meant(&vault)?;
    let typed = Source::of(None, options.words_fd).line(session.ui, &msg!("ask-old-kit-words"))?;
    let words = std::str::from_utf8(&typed).map_err(|_| Failure::KitWords)?;
    let old = Arc::new(Kit::from_words(words)?);
    if !vault.record(&meant.id)?.is_opened_by(&old) {
        return Err(Failure::KitOfOther);
    }
    session.ui.confirm(&msg!("ask-new-kit", name = &meant.label))?;
    let replacing = Replacing { old, meant: &meant, out: options.out.as_deref(), session };
    let mut is_uncertain = false;
    match network::run(vault, session.ui, async |node, shared| replacing.run(node, shared, &mut is_uncertain).await) {
        // The disk alone knows whether the new kit is in force: neither sheet may go.
        Err(failure) if is_uncertain => Ok(Report {
            data: json!({ "record": meant.id.to_string(), "kit": kit_json(options.out.as_deref()) }),
            warnings: vec![msg!("warning-kit-uncertain", name = &meant.label)],
            failure: Some(failure),
            ..Report::default()
        }),
        other => other,
    }
}

/// One kit that is to take the place of another.
struct Replacing<'a> {
    old: Arc<Kit>,
    meant: &'a RecordSummary,
    out: Option<&'a Path>,
    session: &'a Session<'a>,
}

impl Replacing<'_> {
    async fn run(&self, node: &Node, shared: &SharedVault, is_uncertain: &mut bool) -> Result<Report, Failure> {
        let (id, has_relay) = (self.meant.id, self.meant.relay.is_some());
        let mut teller = Teller::new(self.session.ui);
        let mut tell = |event| teller.tell(event);
        if has_relay {
            // The new kit is made on what the record is now, and a relay that is away is found out before words are.
            sync_with_relay(node, shared, id, &mut tell).await?;
            if !is_opened_by(shared, id, &self.old).await? {
                return Err(Failure::KitOfOther);
            }
        }
        let new = Arc::new(Kit::generate(&mut Session::chance()));
        let is_confirmed = give(&new, self.meant, self.out, self.session)?;
        if let Err(error) = replace_kit(shared, id, &self.old, &new, is_confirmed).await {
            match is_opened_by(shared, id, &new).await {
                Ok(false) => take_away(self.out)?,
                Ok(true) | Err(_) => *is_uncertain = true,
            }
            return Err(error.into());
        }
        let mut report = self.told(is_confirmed);
        if has_relay {
            let exchanged = sync_with_relay(node, shared, id, &mut tell).await;
            // Of two kits that are made at once the relay's first counts.
            if exchanged.is_ok() && !is_opened_by(shared, id, &new).await? {
                take_away(self.out)?;
                return Err(Failure::KitForestalled);
            }
            let mut data = Map::new();
            report.failure = add_synced(exchanged, &mut data, &mut report.page, &mut report.warnings);
            if let Some(told) = report.data.as_object_mut() {
                told.extend(data);
            }
            if report.failure.is_some() {
                report.warnings.push(msg!("warning-old-kit", name = &self.meant.label));
            }
        }
        Ok(report)
    }

    /// What is said of a kit that was replaced.
    fn told(&self, is_confirmed: bool) -> Report {
        let name = &self.meant.label;
        let kit = kit_json(self.out);
        Report {
            data: json!({ "record": self.meant.id.to_string(), "kit": kit, "kit_confirmed": is_confirmed }),
            page: vec![Block::Say(msg!("kit-replaced", name = name))],
            warnings: (!is_confirmed).then(|| msg!("warning-kit", name = name)).into_iter().collect(),
            ..Report::default()
        }
    }
}

/// Gives the words of a new kit to the person. True when one group of them was typed back; where that was wrong, the
/// sheet is taken away again, because it will open nothing.
fn give(new: &Kit, record: &RecordSummary, out: Option<&Path>, session: &Session<'_>) -> Result<bool, Failure> {
    let words = new.expose_words();
    let sheet = Sheet { words: &words, record: record.id, relay: record.relay.as_deref(), label: &record.label };
    sheet.give(out, session)?;
    if !sheet::can_be_read_back(session) {
        return Ok(false);
    }
    let read_back = sheet.read_back(session);
    if matches!(read_back, Ok(true)) {
        return Ok(true);
    }
    take_away(out)?;
    read_back.and(Err(Failure::KitNotReadBack))
}

/// Where a sheet is, as data.
fn kit_json(out: Option<&Path>) -> Value {
    out.map_or(Value::Null, |path| path.display().to_string().into())
}

/// Removes a sheet that opens nothing.
fn take_away(out: Option<&Path>) -> Result<(), Failure> {
    out.map_or(Ok(()), |path| std::fs::remove_file(path).map_err(|error| Failure::unwritable(path, &error)))
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
            RecoveryError::NoSuchDevice => Self::DeviceUnknown,
            RecoveryError::OtherRecord => Self::KitOfOther,
            RecoveryError::Vault(error) => error.into(),
            other => Self::Ours(other.to_string()),
        }
    }
}
