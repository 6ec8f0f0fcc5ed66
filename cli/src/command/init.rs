//! `init`: makes the vault if there is none, then a record, and hands over its recovery kit.
//!
//! The 24 words exist at this moment only: the vault keeps no copy. So the command does not begin before it knows where
//! they go: to a file, or to the terminal in front of the person.

use std::path::PathBuf;

use carnet_record::{
    Draft, PartialDate, Provenance,
    kind::Identity,
    person::{HumanName, Sex},
};
use carnet_vault::{Argon2Params, LocalChange, NewRecord, RecoveryKit, RelayAddress, Vault, VaultError};
use serde_json::{Value, json};

use super::{
    keystore,
    record::checked_name,
    sheet::{self, Sheet},
};
use crate::{
    error::Failure,
    form::{self, profile::SexOption},
    input, msg,
    session::{Session, new_passphrase},
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_name = "LABEL")]
    name: Option<String>,
    #[arg(long, value_name = "DATE")]
    birth: Option<String>,
    #[arg(long, value_name = "SEX")]
    sex: Option<SexOption>,
    #[arg(long, value_name = "ADDR", conflicts_with = "no_relay")]
    relay: Option<String>,
    #[arg(long)]
    no_relay: bool,
    #[arg(long, value_name = "LABEL")]
    device: Option<String>,
    #[arg(long, value_name = "FILE", conflicts_with = "no_kit")]
    kit_out: Option<PathBuf>,
    #[arg(long)]
    no_kit: bool,
    #[arg(long)]
    keystore: bool,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let plan = Plan::of(options, session)?;
    let mut vault = if options.keystore { keystore::admit(session, open_or_create)? } else { open_or_create(session)? };
    let made = make(&plan, &mut vault, session);
    let closed = vault.close();
    let report = made?;
    closed.map_err(VaultError::from)?;
    Ok(report)
}

/// All that is asked, checked before anything is made.
struct Plan<'a> {
    label: String,
    device: String,
    birth: Option<PartialDate>,
    sex: Option<Sex>,
    relay: Option<RelayAddress>,
    kit_out: Option<&'a PathBuf>,
    no_kit: bool,
}

impl<'a> Plan<'a> {
    fn of(options: &'a Options, session: &Session<'_>) -> Result<Self, Failure> {
        let named = options.name.as_deref().or(session.config.record.as_deref());
        let label = checked_name(named.ok_or(Failure::NameNeeded)?)?;
        let relay = match (options.no_relay, options.relay.as_ref().or(session.config.relay.as_ref())) {
            (false, Some(text)) => Some(text.parse().map_err(|_| Failure::BadRelay)?),
            _ => None,
        };
        if !options.no_kit {
            sheet::check_place(options.kit_out.as_deref(), session)?;
        }
        Ok(Self {
            label,
            device: checked_name(options.device.as_deref().unwrap_or(std::env::consts::OS))?,
            birth: options.birth.as_ref().map(|text| input::partial_date("--birth", text)).transpose()?,
            sex: options.sex.map(Sex::from),
            relay,
            kit_out: options.kit_out.as_ref(),
            no_kit: options.no_kit,
        })
    }

    /// The identity sheet, if anything but the name was said.
    fn identity(&self, session: &Session<'_>) -> Option<Draft> {
        if self.birth.is_none() && self.sex.is_none() {
            return None;
        }
        let identity = Identity {
            names: vec![HumanName { text: Some(self.label.clone()), ..HumanName::default() }],
            birth_date: self.birth,
            sex: self.sex.clone(),
            ..Identity::default()
        };
        Some(Draft::new(identity, Provenance::typed(session.now())))
    }
}

/// The vault of this run; a new one, with a new passphrase, where there is none.
pub(crate) fn open_or_create(session: &Session<'_>) -> Result<Vault, Failure> {
    let folder = &session.config.vault;
    if Vault::is_in(folder) {
        return session.open();
    }
    let passphrase = new_passphrase(&session.source.new_one(session.ui)?)?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| Failure::FileUnwritable { path: folder.display().to_string(), reason: error.to_string() })?;
    Ok(Vault::create(folder, &passphrase, Argon2Params::DEFAULT, session.door())?)
}

fn make(plan: &Plan<'_>, vault: &mut Vault, session: &Session<'_>) -> Result<Report, Failure> {
    if vault.records()?.iter().any(|record| record.label == plan.label) {
        return Err(Failure::RecordExists);
    }
    let identity = plan.identity(session);
    if let Some(draft) = &identity {
        form::check(draft)?;
    }
    let now = session.now();
    let year = i16::try_from(carnet_record::When::Instant(now).date().year()).unwrap_or(i16::MAX);
    let kit = vault.create_record(&NewRecord {
        label: plan.label.clone(),
        device_label: plan.device.clone(),
        year,
        relay: plan.relay.clone(),
    })?;
    let mut record = vault.record(&kit.record)?;
    if session.config.zone.is_some() && record.zones()? != session.zones {
        record.set_zones(&session.zones)?;
    }
    if let Some(draft) = &identity {
        record.add(draft)?;
    }
    let is_confirmed = hand_over(plan, &kit, session)?;
    if is_confirmed {
        vault.set_local(&kit.record, LocalChange::KitConfirmed)?;
    }
    let mut warnings = Vec::new();
    match (is_confirmed, plan.no_kit) {
        (false, true) => warnings.push(msg!("warning-no-kit", name = &plan.label)),
        (false, false) => warnings.push(msg!("warning-kit", name = &plan.label)),
        (true, _) => {}
    }
    Ok(Report {
        data: json!({
            "record": kit.record.to_string(),
            "name": plan.label,
            "vault": session.config.vault.display().to_string(),
            "relay": plan.relay.as_ref().map(ToString::to_string),
            "kit": plan.kit_out.map_or(Value::Null, |path| path.display().to_string().into()),
            "kit_confirmed": is_confirmed,
        }),
        page: vec![Block::Say(msg!("record-made", name = &plan.label, id = kit.record.to_string()))],
        warnings,
        ..Report::default()
    })
}

/// Gives the words to the person. True when one group of them was typed back.
fn hand_over(plan: &Plan<'_>, kit: &RecoveryKit, session: &Session<'_>) -> Result<bool, Failure> {
    if plan.no_kit {
        return Ok(false);
    }
    let relay = kit.relay.as_ref().map(ToString::to_string);
    let sheet = Sheet { words: &kit.words, record: kit.record, relay: relay.as_deref(), label: &plan.label };
    sheet.give(plan.kit_out.map(PathBuf::as_path), session)?;
    if !sheet::can_be_read_back(session) {
        return Ok(false);
    }
    sheet.read_back(session)
}
