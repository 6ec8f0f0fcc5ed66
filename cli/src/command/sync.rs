//! `sync`: an exchange of a record: with its relay, with another device, or by a file that is carried to one. `--watch`
//! stays connected to the relay and answers the record's other devices until it is ended. `--local` finds them on the
//! local network; without it nothing is sent there and nothing heard.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use carnet_sync::{
    Alarm, Event, FailureKind, SyncError, export_exchange, import_exchange, meet_nearby, serve_peers, sync_nearby,
    sync_with_peer, sync_with_relay, trust_relay_again, watch,
};
use carnet_vault::{Record, RecordId, RecordSummary, RelayAddress, Vault};
use serde_json::{Map, Value, json};

use super::files;
use crate::{
    error::Failure,
    i18n::Message,
    msg,
    network::{self, Teller, contradicted, synced_json, synced_page, synced_report, synced_warnings},
    session::Session,
    ui::{Block, Report, Ui},
};

/// How long the local network is listened to: a device that stays connected calls every two seconds.
const LISTENING: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each option of the command line")]
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
    #[arg(long, conflicts_with_all = ["peer", "trust_again", "file"])]
    local: bool,
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
        return stay(vault, &meant, named.is_some(), options.local, session);
    }
    if options.local {
        return meet_near(vault, &meant.id, session);
    }
    if options.trust_again {
        session.ui.confirm(&msg!("ask-trust-again", name = &meant.label))?;
    }
    let exchanged = network::run(vault, session.ui, async |node, shared| {
        if options.trust_again {
            trust_relay_again(shared, meant.id).await?;
        }
        let mut teller = Teller::new(session.ui);
        Ok(sync_with_relay(node, shared, meant.id, &mut |event| teller.tell(event)).await?)
    })?;
    Ok(synced_report(&meant.id, &exchanged))
}

/// One exchange with another device of the record, which answers at `peer` (`sync --watch` there). No relay is asked.
fn meet(peer: &RelayAddress, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let meant = session.meant(&vault)?;
    let exchanged = network::run(vault, session.ui, async |node, shared| {
        let mut teller = Teller::new(session.ui);
        Ok(sync_with_peer(node, shared, meant.id, peer, &mut |event| teller.tell(event)).await?)
    })?;
    Ok(synced_report(&meant.id, &exchanged))
}

/// One exchange with each device of the record that is heard on the local network. No relay is asked.
fn meet_near(vault: Vault, id: &RecordId, session: &Session<'_>) -> Result<Report, Failure> {
    let (exchanged, failed) = network::run(vault, session.ui, async |node, shared| {
        session.ui.talk(&msg!("sync-listens", seconds = LISTENING.as_secs()));
        let mut teller = Teller::new(session.ui);
        Ok(sync_nearby(node, shared, *id, LISTENING, &mut |event| teller.tell(event)).await?)
    })?;
    let report = synced_report(id, &exchanged);
    Ok(Report { failure: failed.map(Failure::from).or(report.failure), ..report })
}

/// Answers the other devices of the record and, where it has a relay, stays connected to that, until the command is
/// interrupted. Dropping an exchange at any moment loses nothing: what was taken in or acknowledged is in the vault.
///
/// A relay that does not act as an honest one is told of and called no more, and so is a device on the local network; the
/// other devices are answered on, and the command ends with that failure. Where only another device's words speak against the
/// relay, it may be the device that lies: that is told, and everything goes on. A local network that cannot be used ends nothing.
fn stay(
    vault: Vault,
    meant: &RecordSummary,
    is_named: bool,
    is_local: bool,
    session: &Session<'_>,
) -> Result<Report, Failure> {
    let has_relay = is_named || meant.relay.is_some();
    let staying = Mutex::new(Staying::new(session.ui));
    let ended = network::run(vault, session.ui, async |node, shared| {
        let interrupted = network::interrupted();
        let address = node.address().to_string();
        session.ui.talk(&msg!("sync-listening", address = &address));
        session.ui.event("listening", Map::from_iter([("address".to_owned(), Value::String(address))]));
        let mut tell_of_relay = |event| lock(&staying).tell_of_relay(event);
        let mut tell_of_devices = |event| lock(&staying).tell_of_device(event);
        let mut tell_of_near = |told: Result<Event, SyncError>| {
            lock(&staying).tell_of_near(told);
        };
        let raise = |alarm| {
            lock(&staying).raise(alarm, &msg!("sync-without-relay"));
        };
        let connected = async {
            if !has_relay {
                return std::future::pending().await;
            }
            match watch(node, shared, meant.id, &mut tell_of_relay, std::future::pending()).await {
                Err(error) if error.kind() == FailureKind::Integrity => {
                    raise(error.into());
                    std::future::pending().await
                }
                ended => ended,
            }
        };
        let near = async {
            if is_local {
                meet_nearby(node, shared, meant.id, &mut tell_of_near, std::future::pending()).await
            } else {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = connected => Ok(ended),
            ended = near => Ok(ended),
            () = serve_peers(node, shared, meant.id, &mut tell_of_devices, std::future::pending()) => Ok(Ok(())),
            () = interrupted => Ok(Ok(())),
        }
    })?;
    let staying = staying.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = staying.report(&meant.id);
    report.failure = ended.err().map(Failure::from).or(staying.alarm);
    Ok(report)
}

fn lock<'a, 'b>(staying: &'b Mutex<Staying<'a>>) -> MutexGuard<'b, Staying<'a>> {
    staying.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is told, and counted, while a device stays connected.
struct Staying<'a> {
    ui: &'a Ui,
    teller: Teller<'a>,
    is_connected: Option<bool>,
    operations: usize,
    received: usize,
    sent: usize,
    /// Exchanges that other devices had with this one.
    served: usize,
    /// The first thing that the relay, or a device, did that an honest one does not do.
    alarm: Option<Failure>,
    /// What the last exchange with the relay said of another device's words.
    contradiction: Option<Alarm>,
}

impl<'a> Staying<'a> {
    fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            teller: Teller::new(ui),
            is_connected: None,
            operations: 0,
            received: 0,
            sent: 0,
            served: 0,
            alarm: None,
            contradiction: None,
        }
    }

    /// Says what the relay or a device did, and what follows: it is called no more.
    fn raise(&mut self, alarm: Failure, what_follows: &Message) {
        self.ui.raise(&alarm);
        self.ui.talk(what_follows);
        self.alarm.get_or_insert(alarm);
    }

    /// Every exchange with the relay tells again what another device's words say of it, until that is settled: a person is told
    /// once. Any other alarm ends the exchange with it.
    fn tell_of_relay(&mut self, event: Event) {
        match event {
            Event::Alarm(what) if what.rests_on_a_device() => {
                if self.contradiction.replace(what) != Some(what) {
                    self.tell_of_device(event);
                }
            }
            Event::UpToDate => {
                self.contradiction = None;
                self.tell(event);
            }
            other => self.tell(other),
        }
    }

    /// An exchange with a device may bring to light what the relay does.
    fn tell_of_device(&mut self, event: Event) {
        match event {
            Event::Alarm(what) => self.raise(SyncError::RelayAlarm { what }.into(), &msg!("sync-goes-on")),
            other => self.tell(other),
        }
    }

    fn tell_of_near(&mut self, told: Result<Event, SyncError>) {
        match told {
            Ok(event) => self.tell_of_device(event),
            Err(error) if error.kind() == FailureKind::Integrity => {
                self.raise(error.into(), &msg!("sync-without-device"));
            }
            Err(_) => {
                self.ui.event("local_unavailable", Map::new());
                self.ui.talk(&msg!("sync-local-unavailable"));
            }
        }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Connected => self.say("connected", Some(true)),
            Event::Reconnecting => self.say("reconnecting", Some(false)),
            Event::UpToDate => self.say("up_to_date", None),
            Event::Received { operations, envelopes } => self.count("received", [operations, envelopes, 0]),
            Event::Sent { items } => self.count("sent", [0, 0, items]),
            Event::Served { operations, envelopes, sent } => {
                self.served += 1;
                self.count("served", [operations, envelopes, sent]);
            }
            other => self.teller.tell(other),
        }
    }

    /// An event that a script may wait for. A person is told when the connection comes or goes, not each time it is tried.
    fn say(&mut self, name: &str, is_connected: Option<bool>) {
        self.ui.event(name, Map::new());
        if is_connected.is_some() && is_connected != self.is_connected {
            self.is_connected = is_connected;
            let is_there = is_connected == Some(true);
            self.ui.talk(&if is_there { msg!("sync-connected") } else { msg!("sync-reconnecting") });
        }
    }

    fn count(&mut self, name: &str, [operations, received, sent]: [usize; 3]) {
        self.operations += operations;
        self.received += received;
        self.sent += sent;
        self.ui.event(name, counts(operations, received, sent));
        if received > 0 {
            self.ui.talk(&msg!("sync-came", count = received));
        }
    }

    fn report(&self, record: &RecordId) -> Report {
        let mut data = counts(self.operations, self.received, self.sent);
        data.insert("served".to_owned(), self.served.into());
        data.insert("record".to_owned(), Value::String(record.to_string()));
        let pairs = [
            (msg!("sync-received"), self.received),
            (msg!("sync-sent"), self.sent),
            (msg!("sync-operations"), self.operations),
            (msg!("sync-served"), self.served),
        ];
        let page =
            vec![Block::Pairs(pairs.into_iter().map(|(name, count)| (name, count.to_string().into())).collect())];
        Report { data: Value::Object(data), page, ..Report::default() }
    }
}

fn counts(operations: usize, received: usize, sent: usize) -> Map<String, Value> {
    let counts = [("operations", operations), ("received", received), ("sent", sent)];
    counts.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// Takes in what another device of the record wrote for the others. Only they can read it.
fn take_in(path: &Path, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let mut file = files::open(path)?;
    let exchanged = network::run(vault, session.ui, async |_, shared| {
        let mut teller = Teller::new(session.ui);
        Ok(import_exchange(shared, &mut file, &mut |event| teller.tell(event))?)
    })?;
    let (page, warnings) = (synced_page(&exchanged), synced_warnings(&exchanged));
    Ok(Report { data: synced_json(&exchanged), page, warnings, failure: contradicted(&exchanged) })
}

/// Writes all that this device has of the record into a new file, for its other devices.
fn hand_out(path: &Path, session: &Session<'_>) -> Result<Report, Failure> {
    let vault = session.open()?;
    let meant = session.meant(&vault)?;
    network::run(vault, session.ui, async |_, shared| {
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
