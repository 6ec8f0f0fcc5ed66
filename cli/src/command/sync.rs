//! `sync`: an exchange of a record: with its relay, with another device, or by a file that is carried to one. `--watch`
//! stays connected to the relay and answers the record's other devices until it is ended.

use std::path::{Path, PathBuf};

use carnet_sync::{
    Event, export_exchange, import_exchange, serve_peers, sync_with_peer, sync_with_relay, trust_relay_again, watch,
};
use carnet_vault::{Record, RecordSummary, RelayAddress, Vault};
use serde_json::{Map, Value, json};

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
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["relay", "trust_again", "file"])]
    peer: Option<String>,
    #[arg(long, conflicts_with_all = ["once", "peer", "trust_again", "file"])]
    watch: bool,
    #[arg(long)]
    trust_again: bool,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    if let Some(path) = &options.file {
        return if path.exists() { take_in(path, session) } else { hand_out(path, session) };
    }
    if let Some(text) = &options.peer {
        let peer = text.parse().map_err(|_| Failure::Usage(msg!("usage-value", option = "--peer")))?;
        return meet(&peer, session);
    }
    let named: Option<RelayAddress> =
        options.relay.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRelay)?;
    let mut vault = session.open()?;
    let meant = session.meant(&vault)?;
    if let Some(relay) = &named {
        name_relay(&mut vault.record(&meant.id)?, relay)?;
    }
    if options.watch {
        return stay(vault, &meant, named.is_some(), session);
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

/// One exchange with another device of the record, which answers at `peer` (`sync --watch` there). No relay is asked.
fn meet(peer: &RelayAddress, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let meant = session.meant(&vault)?;
    let exchanged = network::run(vault, async |node, shared| {
        let mut teller = Teller::new(session.ui);
        Ok(sync_with_peer(node, shared, meant.id, peer, &mut |event| teller.tell(event)).await?)
    })?;
    let mut data = synced_json(&exchanged);
    if let Some(fields) = data.as_object_mut() {
        fields.insert("record".to_owned(), Value::String(meant.id.to_string()));
    }
    let (page, warnings) = (synced_page(&exchanged), synced_warnings(&exchanged));
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// Answers the other devices and, where the record has a relay, stays connected to it, until the command is interrupted.
/// Dropping an exchange at any moment loses nothing: what was taken in or acknowledged is in the vault.
fn stay(vault: Vault, meant: &RecordSummary, is_named: bool, session: &Session<'_>) -> Result<Report, Failure> {
    let has_relay = is_named || meant.relay.is_some();
    network::run(vault, async |node, shared| {
        let address = node.address().to_string();
        session.ui.talk(&msg!("sync-listening", address = &address));
        session.ui.event("listening", Map::from_iter([("address".to_owned(), Value::String(address))]));
        let mut teller = Teller::new(session.ui);
        let mut tell = |event| {
            if let Some(name) = event_name(&event) {
                session.ui.event(name, Map::new());
            }
            teller.tell(event);
        };
        let connected = async {
            if has_relay {
                watch(node, shared, meant.id, &mut tell, std::future::pending()).await
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = connected => ended.map_err(Failure::from),
            () = serve_peers(node, shared, std::future::pending()) => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })?;
    Ok(Report { data: json!({ "record": meant.id.to_string() }), ..Report::default() })
}

/// The name of an event that a script may wait for.
fn event_name(event: &Event) -> Option<&'static str> {
    match event {
        Event::Connected => Some("connected"),
        Event::Reconnecting => Some("reconnecting"),
        Event::UpToDate => Some("up_to_date"),
        _ => None,
    }
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
