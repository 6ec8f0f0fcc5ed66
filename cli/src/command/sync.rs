//! `sync`: one exchange of a record, with its relay or by a file that is carried to another device.

use std::path::{Path, PathBuf};

use carnet_sync::{export_exchange, import_exchange, sync_with_relay, trust_relay_again};
use carnet_vault::{Record, RelayAddress};
use serde_json::{Value, json};

use super::files;
use crate::{
    error::Failure,
    msg,
    network::{self, Teller, synced_json, synced_page, synced_warnings},
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    once: bool,
    #[arg(long, value_name = "ADDR")]
    relay: Option<String>,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["relay", "trust_again", "once"])]
    file: Option<PathBuf>,
    #[arg(long)]
    trust_again: bool,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    if let Some(path) = &options.file {
        return if path.exists() { take_in(path, session) } else { hand_out(path, session) };
    }
    let named: Option<RelayAddress> =
        options.relay.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRelay)?;
    let mut vault = session.open()?;
    let meant = session.meant(&vault)?;
    if let Some(relay) = &named {
        name_relay(&mut vault.record(&meant.id)?, relay)?;
    }
    if options.trust_again {
        session.ui.confirm(&msg!("ask-trust-again", name = &meant.label))?;
    }
    let exchanged = network::run(vault, async |node, shared| {
        if options.trust_again {
            trust_relay_again(shared, meant.id).await?;
        }
        let mut teller = Teller::new(session.ui);
        Ok(sync_with_relay(node, shared, meant.id, &mut |event| teller.tell(event)).await?)
    })?;
    let mut data = synced_json(&exchanged);
    if let Some(fields) = data.as_object_mut() {
        fields.insert("record".to_owned(), Value::String(meant.id.to_string()));
    }
    let (page, warnings) = (synced_page(&exchanged), synced_warnings(&exchanged));
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// Takes in what another device of the record wrote for the others. Only they can read it.
fn take_in(path: &Path, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let mut file = files::open(path)?;
    let exchanged = network::run(vault, async |_, shared| {
        let mut teller = Teller::new(session.ui);
        Ok(import_exchange(shared, &mut file, &mut |event| teller.tell(event))?)
    })?;
    let (page, warnings) = (synced_page(&exchanged), synced_warnings(&exchanged));
    Ok(Report { data: synced_json(&exchanged), page, warnings, ..Report::default() })
}

/// Writes all that this device has of the record into a new file, for its other devices.
fn hand_out(path: &Path, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let meant = session.meant(&vault)?;
    network::run(vault, async |_, shared| {
        let mut file = files::NewFile::create(path)?;
        export_exchange(shared, meant.id, &mut file)?;
        file.finish()
    })?;
    let place = path.display().to_string();
    Ok(Report {
        data: json!({ "record": meant.id.to_string(), "file": place }),
        page: vec![Block::Say(msg!("exchange-written", path = place.clone()))],
        ..Report::default()
    })
}

/// Gives the record a relay, for all its devices. Another one than it has takes the recovery kit.
fn name_relay(record: &mut Record<'_>, relay: &RelayAddress) -> Result<(), Failure> {
    if record.relay_key().is_some_and(|key| key != relay.key) {
        return Err(Failure::OtherRelay);
    }
    Ok(record.name_relay(relay)?)
}
