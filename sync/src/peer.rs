//! Two devices of one record, without a relay.
//!
//! They take turns, so that neither waits for the other to read while it writes: the one who asked says who it is and
//! what it has; the other answers the same and hands over what the first lacks; then the first asks for what is still
//! missing, hands over in turn, and the other does the same. Where membership agrees, the first has everything after
//! one round trip.
//!
//! ```text
//! asking    PeerHello PeerState                    wants… operations envelopes PeerDone
//! answering                     PeerHello PeerState operations envelopes PeerDone      wants… PeerDone
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use carnet_crypto::id::{DeviceId, FeedId, OpId, SectionId};
use carnet_protocol::frame::{
    COALESCED_BYTES, Frame, Hello, ObjectPart, ObjectWanted, PEER_ALPN, PeerEnvelopes, PeerState, RelayAddress,
    SectionVector, StreamRole, VectorEntry,
    peer::{OPERATIONS_WANTED_MAX, OperationsWanted},
};
use carnet_vault::{
    Record, RecordId,
    blob::Download,
    replica::{FeedEnd, Wanted},
};
use tokio::time::timeout;

use crate::{
    engine::batch,
    error::{Alarm, SyncError},
    event::{Event, Synced, Tell},
    net::{CONNECT_TIME, Line, Node, OPENING_TIME, Services},
    relay::{
        hint_of,
        object::{Kept, append, fits, is_too_much, keep, part_of},
        vector,
    },
    shared::{SharedVault, with_record, with_vault},
};

/// Longest silence of the other end between two frames of its turn.
const SILENCE_MAX: Duration = Duration::from_mins(2);
/// Exchanges in a row with one peer: a second one when this vault turns out to be a copy.
const TURNS_MAX: usize = 2;

/// Exchanges with one device of the record, reached at `peer`.
///
/// # Errors
/// [`SyncError::NotAdmitted`] when it does not serve this device; see [`SyncError`].
pub async fn sync_with_peer(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    peer: &RelayAddress,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    sync_within(CONNECT_TIME, node, vault, record, peer, tell).await
}

/// The same; `time` is what each connection may take to come about.
pub(crate) async fn sync_within(
    time: Duration,
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    peer: &RelayAddress,
    tell: Tell<'_>,
) -> Result<Synced, SyncError> {
    let mut synced = Synced::default();
    for _ in 0..TURNS_MAX {
        let link = node.connect_within(time, peer, PEER_ALPN).await?;
        let line = link.open().await?;
        let mut meeting = Meeting::new(vault, record, line, link.exporter);
        let asked = meeting.ask(peer, tell).await;
        link.close();
        asked?;
        let is_copied = std::mem::take(&mut meeting.synced.received.is_copied);
        let found = synced.contradiction;
        synced = meeting.synced;
        synced.contradiction = found.or(synced.contradiction);
        synced.traffic = meeting.line.take_traffic();
        if !is_copied {
            break;
        }
        with_record(vault, record, |record| record.start_anew()).await?;
        tell(Event::NewIncarnation);
    }
    if let Some(alarm) = synced.contradiction {
        tell(Event::Alarm(alarm));
    }
    tell(Event::UpToDate);
    Ok(synced)
}

/// What came to light of the relay, of which nobody was told yet.
pub(crate) fn contradicted(record: &mut Record<'_>) -> Result<Option<Alarm>, SyncError> {
    Ok(record.contradiction_to_tell()?.map(Alarm::from))
}

/// Serves one record of a vault to its other devices, whichever connects to this node, until `cancelled` is ready.
/// Other records of the vault are served to nobody.
pub async fn serve_peers(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Event) + Send),
    cancelled: impl Future<Output = ()>,
) {
    let mut serving = node.services().serve(vault, record);
    tokio::pin!(cancelled);
    loop {
        tokio::select! {
            biased;
            () = &mut cancelled => return,
            Some(event) = serving.heard() => tell(event),
        }
    }
}

/// Answers a stream that another device opened. The first frame says what it is about. `welcome` is called once the
/// other end has shown that it belongs here; false when it did not.
pub(crate) async fn answer(
    services: Arc<Services>,
    mut line: Line,
    exporter: [u8; 32],
    welcome: impl Fn() + Send,
) -> bool {
    match timeout(OPENING_TIME, line.hear()).await {
        Ok(Ok(Frame::PeerHello(hello))) => {
            let Some(served) = services.served_of(&hello.record) else { return refuse(line).await };
            let mut meeting = Meeting::new(&served.vault, hello.record, line, exporter);
            let ended = meeting.answer(&hello, welcome).await;
            let synced = std::mem::take(&mut meeting.synced);
            // Whoever waits for this may end the process: the last word must have arrived before.
            meeting.line.finish().await;
            if ended.is_ok() {
                services.note_served(hello.record, hello.device);
                served.tell(&synced);
            }
            ended.is_ok()
        }
        Ok(Ok(Frame::SlotEnter(enter))) => crate::engine::slot::host(services, line, enter, welcome).await,
        _ => refuse(line).await,
    }
}

async fn refuse(mut line: Line) -> bool {
    let _ = line.say(&Frame::PeerRefused).await;
    line.finish().await;
    false
}

/// One exchange of two devices.
struct Meeting {
    vault: SharedVault,
    record: RecordId,
    line: Line,
    exporter: [u8; 32],
    synced: Synced,
    missing: Vec<OpId>,
    /// Where feeds ended before anything came.
    before: Ends,
}

impl Meeting {
    fn new(vault: &SharedVault, record: RecordId, line: Line, exporter: [u8; 32]) -> Self {
        Self {
            vault: SharedVault::clone(vault),
            record,
            line,
            exporter,
            synced: Synced::default(),
            missing: Vec::new(),
            before: BTreeMap::new(),
        }
    }

    async fn ask(&mut self, peer: &RelayAddress, tell: Tell<'_>) -> Result<(), SyncError> {
        let (exporter, key) = (self.exporter, peer.key.0);
        let opening = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            let proof = record.prove_stream(StreamRole::PeerAsking, &exporter);
            let hello = Hello { record: record.id(), device: record.device(), proof };
            let known = record.peer_transports().into_iter().find(|(_, transport)| *transport == key);
            Ok((hello, state(record, known.map(|(device, _)| device), &exporter)?))
        });
        let (hello, state) = opening.await?;
        self.line.say(&Frame::PeerHello(hello)).await?;
        self.line.say(&Frame::PeerState(state)).await?;
        let hello = match self.line.hear().await? {
            Frame::PeerHello(hello) if hello.record == self.record => hello,
            Frame::PeerRefused => return Err(SyncError::NotAdmitted),
            _ => return Err(SyncError::Malformed),
        };
        let admitted = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            // A device that waits knows nobody yet, and has nothing that it could give away.
            let is_known = record.admits_stream(StreamRole::PeerAnswering, &hello.device, &exporter, &hello.proof);
            Ok(is_known || !record.is_begun())
        });
        if !admitted.await? {
            return Err(SyncError::NotAdmitted);
        }
        tell(Event::Connected);
        let Frame::PeerState(theirs) = self.line.hear().await? else { return Err(SyncError::Malformed) };
        self.note_before().await?;
        self.listen(tell).await?;
        self.want(tell).await?;
        self.hand_over(hello.device, theirs).await?;
        self.line.say(&Frame::PeerDone).await?;
        self.listen(tell).await?;
        self.settle().await
    }

    async fn answer(&mut self, hello: &Hello, welcome: impl Fn() + Send) -> Result<(), SyncError> {
        let (exporter, hello, id) = (self.exporter, *hello, self.record);
        let opening = with_vault(&self.vault, move |vault| -> Result<_, SyncError> {
            let mut record = vault.record(&id)?;
            if !record.admits_stream(StreamRole::PeerAsking, &hello.device, &exporter, &hello.proof) {
                return Err(SyncError::NotAdmitted);
            }
            let proof = record.prove_stream(StreamRole::PeerAnswering, &exporter);
            let own = Hello { record: id, device: record.device(), proof };
            Ok((own, state(&mut record, Some(hello.device), &exporter)?))
        });
        let (own, state) = match opening.await {
            Ok(opening) => opening,
            Err(error) => {
                self.line.say(&Frame::PeerRefused).await?;
                return Err(error);
            }
        };
        welcome();
        let Frame::PeerState(theirs) = self.line.hear().await? else { return Err(SyncError::Malformed) };
        self.note_before().await?;
        self.line.say(&Frame::PeerHello(own)).await?;
        self.line.say(&Frame::PeerState(state)).await?;
        self.hand_over(hello.device, theirs).await?;
        self.line.say(&Frame::PeerDone).await?;
        let mut silent = |_: Event| {};
        self.listen(&mut silent).await?;
        self.want(&mut silent).await?;
        self.settle().await?;
        self.line.say(&Frame::PeerDone).await?;
        if self.synced.received.is_copied {
            with_record(&self.vault, self.record, |record| record.start_anew()).await?;
        }
        Ok(())
    }

    /// The other's turn: takes what it hands over, and answers what it asks, until it is done.
    async fn listen(&mut self, tell: Tell<'_>) -> Result<(), SyncError> {
        let before = (self.synced.operations, self.synced.received.accepted);
        loop {
            let frame = timeout(SILENCE_MAX, self.line.hear()).await.map_err(|_| SyncError::Unreachable)??;
            match frame {
                Frame::PeerOperations(batch) => self.take_operations(batch).await?,
                Frame::PeerEnvelopes(PeerEnvelopes { section, envelopes }) => {
                    let received =
                        with_record(&self.vault, self.record, move |record| record.receive(section, &envelopes));
                    self.synced.received.absorb(received.await?);
                }
                Frame::PeerOperationsWanted(OperationsWanted { ids }) => {
                    let ops = with_record(&self.vault, self.record, move |record| record.ops(&ids, None)).await?;
                    for batch in batch::batches(ops) {
                        self.line.say(&Frame::PeerOperations(batch)).await?;
                    }
                    self.line.say(&Frame::PeerDone).await?;
                }
                Frame::PeerObjectWanted(wanted) => self.give_part(wanted).await?,
                Frame::PeerDone => break,
                _ => return Err(SyncError::Malformed),
            }
        }
        let (operations, envelopes) = (self.synced.operations - before.0, self.synced.received.accepted - before.1);
        if operations + envelopes > 0 {
            tell(Event::Received { operations, envelopes });
        }
        Ok(())
    }

    async fn take_operations(&mut self, batch: carnet_protocol::frame::Batch) -> Result<(), SyncError> {
        let received = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            let ops = batch::carried(&record.id(), batch, &record.relay_keys(), &[]);
            Ok(record.receive_ops(&ops)?)
        });
        let received = received.await?;
        self.synced.operations += received.added;
        self.missing = received.missing;
        Ok(())
    }

    /// This device's turn: asks for operations that others build on, and for sealed objects.
    async fn want(&mut self, tell: Tell<'_>) -> Result<(), SyncError> {
        while !self.missing.is_empty() {
            let mut ids = std::mem::take(&mut self.missing);
            ids.sort_unstable();
            ids.truncate(OPERATIONS_WANTED_MAX);
            let before = self.synced.operations;
            self.want_operations(ids).await?;
            if self.synced.operations == before {
                break;
            }
        }
        self.want_keys().await?;
        self.retry().await?;
        let mut asked = BTreeSet::new();
        'look: loop {
            let wanted = with_record(&self.vault, self.record, |record| record.wanted_objects()).await?;
            for wanted in wanted {
                if is_too_much(wanted, &self.synced) || !asked.insert(wanted) {
                    continue;
                }
                if self.want_object(wanted, tell).await? {
                    self.synced.objects_received += 1;
                    if matches!(wanted, Wanted::Snapshot(_)) {
                        // It may stand for others, and show files that were not known before.
                        self.retry().await?;
                        continue 'look;
                    }
                } else if matches!(wanted, Wanted::File(_)) {
                    self.synced.objects_missing += 1;
                }
            }
            return Ok(());
        }
    }

    /// Asks for the public keys that operations name by hash and that a relay did not give, or gave others for.
    async fn want_keys(&mut self) -> Result<(), SyncError> {
        let lacking = |record: &mut Record<'_>| -> Result<_, SyncError> { Ok(record.ops_lacking_keys()) };
        let mut ids = with_record(&self.vault, self.record, lacking).await?;
        ids.truncate(OPERATIONS_WANTED_MAX);
        if ids.is_empty() { Ok(()) } else { self.want_operations(ids).await }
    }

    /// Asks for operations with all their parts; ids ascending.
    async fn want_operations(&mut self, ids: Vec<OpId>) -> Result<(), SyncError> {
        self.line.say(&Frame::PeerOperationsWanted(OperationsWanted { ids })).await?;
        loop {
            match self.line.hear().await? {
                Frame::PeerOperations(batch) => self.take_operations(batch).await?,
                Frame::PeerDone => return Ok(()),
                _ => return Err(SyncError::Malformed),
            }
        }
    }

    async fn want_object(&mut self, wanted: Wanted, tell: Tell<'_>) -> Result<bool, SyncError> {
        let object = wanted.object();
        let first = self.want_part(object, 0, 1).await?;
        let total = first.total;
        if total == 0 || total > wanted.bytes_max() {
            return Ok(false);
        }
        let begun = with_record(&self.vault, self.record, move |record| record.download(&object, total));
        let mut download = begun.await?;
        while !download.is_complete() {
            let bytes = u64::try_from(crate::relay::object::PART_BYTES).unwrap_or(u64::MAX);
            let part = self.want_part(object, download.have(), bytes).await?;
            if !fits(&part, &download, object, total) {
                return Err(SyncError::Malformed);
            }
            download = append(download, part).await?;
            tell(Event::ObjectReceiving { bytes: download.have(), total });
        }
        let kept = with_record(&self.vault, self.record, move |record| keep_for_all(record, wanted, download)).await?;
        self.synced.snapshots_rejected += usize::from(kept == Kept::Rejected);
        Ok(kept == Kept::Whole)
    }

    async fn want_part(
        &mut self,
        object: carnet_crypto::id::ObjectId,
        start: u64,
        bytes: u64,
    ) -> Result<ObjectPart, SyncError> {
        self.line.say(&Frame::PeerObjectWanted(ObjectWanted { object, start, bytes })).await?;
        match self.line.hear().await? {
            Frame::PeerObjectPart(part) if part.object == object => Ok(part),
            _ => Err(SyncError::Malformed),
        }
    }

    async fn give_part(&mut self, wanted: ObjectWanted) -> Result<(), SyncError> {
        let ObjectWanted { object, start, bytes } = wanted;
        let part = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            if !record.serves_object(&object)? {
                return Ok(None);
            }
            Ok(part_of(record, object, start)?.map(|mut part| {
                part.bytes.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
                part
            }))
        });
        // What is not here has no bytes.
        let absent = ObjectPart { object, total: 0, start: 0, bytes: Vec::new() };
        let part = part.await?.unwrap_or(absent);
        let end = part.start.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(0));
        if part.total > 0 && end == part.total {
            self.synced.objects_sent += 1;
        }
        self.line.say(&Frame::PeerObjectPart(part)).await
    }

    /// Hands over the operations and envelopes that the other lacks.
    async fn hand_over(&mut self, device: DeviceId, theirs: PeerState) -> Result<(), SyncError> {
        let heads = theirs.heads;
        let ops = with_record(&self.vault, self.record, move |record| record.ops_since(&heads, Some(&device))).await?;
        for batch in batch::batches(ops) {
            self.synced.sent += batch.operations.len();
            self.line.say(&Frame::PeerOperations(batch)).await?;
        }
        let exporter = self.exporter;
        let is_copied = self.synced.received.is_copied;
        let lacking = with_record(&self.vault, self.record, move |record| {
            lacking(record, &device, &theirs.sections, &exporter, is_copied)
        });
        let Lacking { sections, is_copied } = lacking.await?;
        self.synced.received.is_copied |= is_copied;
        for (section, from) in sections {
            self.hand_over_section(section, from).await?;
        }
        Ok(())
    }

    async fn hand_over_section(&mut self, section: SectionId, from: Vec<(FeedId, u32)>) -> Result<(), SyncError> {
        let mut envelopes = Vec::new();
        let mut bytes = 0;
        for (feed, mut seq) in from {
            loop {
                let read = move |record: &mut Record<'_>| record.feed_after(&feed, seq, COALESCED_BYTES);
                let suffix = with_record(&self.vault, self.record, read).await?;
                if suffix.envelopes.is_empty() {
                    break;
                }
                seq = suffix.last;
                for envelope in suffix.envelopes {
                    if bytes + envelope.len() > COALESCED_BYTES && !envelopes.is_empty() {
                        let envelopes = std::mem::take(&mut envelopes);
                        self.line.say(&Frame::PeerEnvelopes(PeerEnvelopes { section, envelopes })).await?;
                        bytes = 0;
                    }
                    bytes += envelope.len();
                    self.synced.sent += 1;
                    envelopes.push(envelope);
                }
            }
        }
        if !envelopes.is_empty() {
            self.line.say(&Frame::PeerEnvelopes(PeerEnvelopes { section, envelopes })).await?;
        }
        Ok(())
    }

    async fn retry(&mut self) -> Result<(), SyncError> {
        let retried = with_record(&self.vault, self.record, |record| record.retry_waiting()).await?;
        self.synced.received.absorb(retried);
        Ok(())
    }

    async fn note_before(&mut self) -> Result<(), SyncError> {
        self.before = with_record(&self.vault, self.record, ends).await?;
        Ok(())
    }

    /// Notes the exchange, and passes on what came to the relay, which may never see its author again.
    async fn settle(&mut self) -> Result<(), SyncError> {
        let before = std::mem::take(&mut self.before);
        self.synced.contradiction = with_record(&self.vault, self.record, move |record| {
            pass_on(record, &before)?;
            contradicted(record)
        })
        .await?;
        Ok(())
    }
}

/// Keeps an object that came from a device or a file; the relay gets it too, since its author may not meet it again.
pub(crate) fn keep_for_all(record: &mut Record<'_>, wanted: Wanted, download: Download) -> Result<Kept, SyncError> {
    let kept = keep(record, wanted, download)?;
    if let (Kept::Whole, Wanted::File(object)) = (&kept, wanted) {
        record.pass_on_file(&object)?;
    }
    Ok(kept)
}

/// Where every feed of a record ends.
pub(crate) type Ends = BTreeMap<FeedId, FeedEnd>;

/// Where every feed of a record ends.
pub(crate) fn ends(record: &mut Record<'_>) -> Result<Ends, SyncError> {
    let mut ends = BTreeMap::new();
    for section in record.sections_for(&record.device()) {
        ends.extend(record.feed_ends(&section)?.into_iter().map(|end| (end.feed, end)));
    }
    Ok(ends)
}

/// What came since `before` is to go to the relay, if the record has one.
pub(crate) fn pass_on(record: &mut Record<'_>, before: &Ends) -> Result<(), SyncError> {
    record.note_exchange()?;
    if record.relay().is_none() {
        return Ok(());
    }
    for (feed, FeedEnd { seq, .. }) in ends(record)? {
        // Where another branch took the place of the one that was held, all of it is new.
        let is_there = |end: &&FeedEnd| {
            record.envelope_at(&feed, end.seq).is_ok_and(|held| held.is_none_or(|held| held == end.envelope))
        };
        let from = before.get(&feed).filter(is_there).map_or(0, |end| end.seq);
        if seq > from {
            record.pass_on(&feed, from.saturating_add(1)..=seq)?;
        }
    }
    Ok(())
}

/// What this device has, as far as `other` may see it; to a device that is not known, the membership alone.
pub(crate) fn state(record: &mut Record<'_>, other: Option<DeviceId>, exporter: &[u8]) -> Result<PeerState, SyncError> {
    let mut heads = record.op_heads();
    heads.sort_unstable();
    heads.truncate(carnet_protocol::frame::peer::HEADS_MAX);
    let mut sections = Vec::new();
    for section in other.map(|other| record.sections_for(&other)).unwrap_or_default() {
        let entries = vector(&record.ends_to_go_on_from(&section)?, exporter);
        sections.push(SectionVector { section, entries });
    }
    sections.truncate(carnet_protocol::frame::peer::STATE_SECTIONS_MAX);
    Ok(PeerState { heads, sections })
}

/// What another device lacks.
#[derive(Default)]
struct Lacking {
    /// From where on it lacks feeds of each section.
    sections: Vec<(SectionId, Vec<(FeedId, u32)>)>,
    /// Whether it holds what this very installation did not write: this vault is a copy, or one was made of it.
    is_copied: bool,
}

/// What `device` lacks, by what it says it has. Where it holds another envelope at a place, it is handed all of the feed,
/// so that the fork shows wherever it lies. But once this vault shows to be a copy, nothing is handed over of the feeds that
/// this installation writes to: what nobody has of them can still be taken back and written elsewhere.
fn lacking(
    record: &mut Record<'_>,
    device: &DeviceId,
    theirs: &[SectionVector],
    exporter: &[u8],
    is_copied: bool,
) -> Result<Lacking, SyncError> {
    let mut lacking = Lacking { is_copied, ..Lacking::default() };
    for section in record.sections_for(device) {
        let entries = theirs.iter().find(|vector| vector.section == section);
        let entries = entries.map(|vector| vector.entries.as_slice()).unwrap_or_default();
        let mut from = Vec::new();
        for end in record.feed_ends(&section)? {
            let entry = entries.iter().find(|entry| entry.feed == hint_of(&end));
            let held = entry.map_or(0, |entry| u32::try_from(entry.seq).unwrap_or(u32::MAX));
            let is_same = match (entry, record.envelope_at(&end.feed, held)?) {
                (Some(entry), Some(own)) => VectorEntry::hash(exporter, &own) == entry.hash,
                _ => true,
            };
            lacking.is_copied |= (!is_same || held > end.seq) && record.writes_to(&end.feed)?;
            let start = if is_same { held } else { 0 };
            if start < end.seq {
                from.push((end.feed, start));
            }
        }
        lacking.sections.push((section, from));
    }
    if lacking.is_copied {
        for (_, from) in &mut lacking.sections {
            from.retain(|(feed, _)| record.writes_to(feed).is_ok_and(|is_own| !is_own));
        }
    }
    Ok(lacking)
}
