//! The commands that reach other devices or a relay: the runtime, the endpoint, and the vault that both use.
//!
//! Nothing here keeps state: the vault commits as an exchange goes on, so that an end at any moment, Ctrl-C included,
//! loses nothing but time.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use carnet_sync::{Event, Node, SharedVault, SyncError, Synced, share};
use carnet_vault::{RecordId, Vault, VaultError};
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    i18n::Message,
    msg,
    ui::{Block, Progress, Report, Ui},
};

/// Threads of the runtime beside the one of the command, which may wait for an answer of a person.
const THREADS: usize = 2;
/// How long work on the vault that was under way may take to end, once the command has its outcome.
const ENDING: Duration = Duration::from_secs(5);
/// How long somebody may be called in vain before the person is told that it goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs `work` with an endpoint of this installation, and closes the vault behind it.
pub(crate) fn run<T>(
    vault: Vault,
    ui: &Ui,
    work: impl AsyncFnOnce(&Node, &SharedVault) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = runtime()?;
    let seed = vault.transport();
    let shared = share(vault);
    let outcome = runtime.block_on(async {
        let node = Node::bind(&seed, &[]).await?;
        let outcome = {
            let told = async {
                node.calls_in_vain(PATIENCE).await;
                ui.talk(&msg!("network-waiting"));
                std::future::pending().await
            };
            tokio::select! {
                outcome = work(&node, &shared) => outcome,
                never = told => never,
            }
        };
        node.close().await;
        outcome
    });
    runtime.shutdown_timeout(ENDING);
    // What was acknowledged is safe whatever closing says; a failure of the work comes first.
    let closed =
        Arc::into_inner(shared).map(|vault| vault.into_inner().unwrap_or_else(PoisonError::into_inner).close());
    let outcome = outcome?;
    closed.transpose().map_err(VaultError::from)?;
    Ok(outcome)
}

/// Is ready when the person, or the system, asks the command to end, from this call on. Called in a runtime.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        async fn heard(signal: std::io::Result<Signal>) {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                // Where signals cannot be heard they end the program as ever.
                Err(_) => std::future::pending().await,
            }
        }
        let (asked, told) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        async {
            tokio::select! {
                () = heard(asked) => {}
                () = heard(told) => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// The runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    built.map_err(|error| Failure::NoNetwork { reason: error.to_string() })
}

/// Tells a person what goes on in an exchange.
pub(crate) struct Teller<'a> {
    ui: &'a Ui,
    progress: Option<(bool, u64, Progress)>,
}

impl<'a> Teller<'a> {
    pub(crate) fn new(ui: &'a Ui) -> Self {
        Self { ui, progress: None }
    }

    /// Takes in an event.
    pub(crate) fn tell(&mut self, event: Event) {
        match event {
            Event::NewIncarnation => self.ui.talk(&msg!("sync-new-incarnation")),
            Event::RelayRestored => self.ui.talk(&msg!("sync-relay-restored")),
            Event::ObjectReceiving { bytes, total } => self.advance(false, bytes, total),
            Event::ObjectSending { bytes, total } => self.advance(true, bytes, total),
            _ => {}
        }
    }

    fn advance(&mut self, is_sending: bool, bytes: u64, total: u64) {
        let is_other = |(sending, done, _): &(bool, u64, Progress)| *sending != is_sending || *done > bytes;
        if self.progress.as_ref().is_none_or(is_other) {
            let stage = if is_sending { msg!("stage-send") } else { msg!("stage-receive") };
            self.progress = Some((is_sending, 0, self.ui.progress(&stage, total)));
        }
        if let Some((_, done, progress)) = &mut self.progress {
            progress.advance(bytes.saturating_sub(*done));
            *done = bytes;
        }
    }
}

/// What an exchange came to, as data.
pub(crate) fn synced_json(synced: &Synced) -> Value {
    json!({
        "operations": synced.operations,
        "received": synced.received.accepted,
        "known": synced.received.known,
        "waiting": synced.received.waiting,
        "quarantined": synced.received.quarantined,
        "refused": synced.received.refused,
        "sent": synced.sent,
        "objects_received": synced.objects_received,
        "objects_sent": synced.objects_sent,
        "objects_missing": synced.objects_missing,
        "snapshots_rejected": synced.snapshots_rejected,
        "not_taken": synced.refused.len(),
        "held_up": synced.is_held_up(),
        "adopted": synced.has_adopted,
        "bytes_sent": synced.traffic.bytes_sent,
        "bytes_received": synced.traffic.bytes_received,
        "round_trips": synced.traffic.round_trips,
    })
}

/// A report of one exchange of a record.
pub(crate) fn synced_report(record: &RecordId, synced: &Synced) -> Report {
    let mut data = synced_json(synced);
    if let Some(fields) = data.as_object_mut() {
        fields.insert("record".to_owned(), Value::String(record.to_string()));
    }
    Report { data, page: synced_page(synced), warnings: synced_warnings(synced), failure: contradicted(synced) }
}

/// What an exchange with a device, or a file, brought to light of the relay. All of it was taken in.
pub(crate) fn contradicted(synced: &Synced) -> Option<Failure> {
    synced.contradiction.map(|what| SyncError::RelayAlarm { what }.into())
}

/// What an exchange came to, to be read.
pub(crate) fn synced_page(synced: &Synced) -> Vec<Block> {
    if synced.is_quiet() {
        return vec![Block::Say(msg!("sync-quiet"))];
    }
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let counts = [
        (msg!("sync-received"), count(synced.received.accepted)),
        (msg!("sync-sent"), count(synced.sent)),
        (msg!("sync-operations"), count(synced.operations)),
        (msg!("sync-objects-received"), count(synced.objects_received)),
        (msg!("sync-objects-sent"), count(synced.objects_sent)),
        (msg!("sync-bytes-received"), synced.traffic.bytes_received),
        (msg!("sync-bytes-sent"), synced.traffic.bytes_sent),
    ];
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    vec![Block::Pairs(told.map(|(name, count)| (name, count.to_string().into())).collect())]
}

/// What an exchange leaves to be known beside its counts.
pub(crate) fn synced_warnings(synced: &Synced) -> Vec<Message> {
    let mut warnings = Vec::new();
    if synced.is_held_up() {
        warnings.push(msg!("warning-held-up"));
    }
    if synced.has_adopted {
        warnings.push(msg!("warning-adopted"));
    }
    if !synced.refused.is_empty() {
        warnings.push(msg!("warning-not-taken", count = synced.refused.len()));
    }
    if synced.received.quarantined > 0 {
        warnings.push(msg!("warning-quarantined", count = synced.received.quarantined));
    }
    if synced.received.waiting > 0 {
        warnings.push(msg!("warning-envelopes-waiting", count = synced.received.waiting));
    }
    if synced.objects_missing > 0 {
        warnings.push(msg!("warning-objects-missing", count = synced.objects_missing));
    }
    if synced.snapshots_rejected > 0 {
        warnings.push(msg!("warning-snapshot-rejected", count = synced.snapshots_rejected));
    }
    warnings
}

/// Adds what an exchange came to under `name`; a failed one is no failure of what came before it.
pub(crate) fn add_synced(
    exchanged: Result<Synced, SyncError>,
    data: &mut Map<String, Value>,
    page: &mut Vec<Block>,
    warnings: &mut Vec<Message>,
) -> Option<Failure> {
    match exchanged {
        Ok(synced) => {
            data.insert("sync".to_owned(), synced_json(&synced));
            page.extend(synced_page(&synced));
            warnings.extend(synced_warnings(&synced));
            None
        }
        Err(SyncError::NoRelay) => {
            warnings.push(msg!("warning-no-relay"));
            None
        }
        Err(error) => Some(error.into()),
    }
}
