//! Exchanging with the record's relay.
//!
//! Pull first, then push: what came from others decides whether what waits may still be sent as it is. Whatever was
//! acknowledged before a connection broke stays; sending again changes nothing.

use std::{collections::BTreeSet, sync::Arc};

use carnet_crypto::{
    id::{DeviceId, SectionId},
    sign::{PublicKey, Signature},
};
use carnet_protocol::frame::{
    Cause, Create, Denial, Frame, Hello, PartsWanted, Pulled, RELAY_ALPN, Reconcile, RelayAddress, StreamRole, Tail,
    Vector, VectorEntry, pull::PARTS_WANTED_MAX,
};
use carnet_vault::{CarriedOp, DeviceStanding, Record, RecordId, recovery::Kit, replica::FeedEnd, witness::Claim};

use crate::{
    engine::{
        batch,
        relay::{Ended, Following},
    },
    error::{Alarm, SyncError},
    event::{Event, Synced, Tell},
    net::{Line, Link, Node},
    shared::{SharedVault, with_record},
};

pub(crate) mod object;
mod push;
mod witness;

/// Turns of pulling and pushing in one exchange: others may write meanwhile, but not for ever.
const TURNS_MAX: usize = 8;

/// Exchanges with the record's relay until nothing more is to be exchanged.
///
/// # Errors
/// [`SyncError::NotAdmitted`] while a joining device waits; [`SyncError::RelayAlarm`]; see [`SyncError`].
pub async fn sync_with_relay(
    node: &Node,
    vault: &SharedVault,
    record: RecordId,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let mut session = Session::open(node, vault, record).await?;
    tell(Event::Connected);
    let synced = session.exchange(tell).await;
    session.end();
    synced
}

/// Who opens a stream.
pub(crate) struct Identity {
    pub(crate) device: DeviceId,
    pub(crate) prove: Prove,
}

/// Proves a key for a connection with this keying material.
pub(crate) type Prove = Box<dyn FnOnce(&[u8; 32]) -> Signature + Send>;

/// One stream of a device at its relay.
pub(crate) struct Session {
    pub(crate) vault: SharedVault,
    pub(crate) record: RecordId,
    pub(crate) relay: PublicKey,
    pub(crate) line: Line,
    pub(crate) follow: Following,
    link: Link,
    is_armed: bool,
    /// Whether a pull was sent whose answer is still to be heard.
    is_asked: bool,
    pub(crate) synced: Synced,
    is_altered: bool,
    /// Sections that were compared because another branch of a feed stands than the one that is held.
    compared: BTreeSet<SectionId>,
    /// The recovery kit, when its holder opened the stream.
    kit: Option<Arc<Kit>>,
    opener: DeviceId,
    /// What other devices say that they saw here, held when the last pull was sent.
    awaited: Vec<Claim>,
}

impl Session {
    /// Connects to the record's relay as this device. The first device of a record brings the record there.
    pub(crate) async fn open(node: &Node, vault: &SharedVault, record: RecordId) -> Result<Self, SyncError> {
        let address = prepare(vault, record).await?;
        let link = node.connect(&address, RELAY_ALPN).await?;
        let exporter = link.exporter;
        let hello = with_record(vault, record, move |record| -> Result<_, SyncError> {
            let proof = record.prove_stream(StreamRole::Device, &exporter);
            Ok(Hello { record: record.id(), device: record.device(), proof })
        });
        let hello = hello.await?;
        let line = link.open().await?;
        let mut session = Self::on(vault, record, address.key, link, line, hello.device).await?;
        // The first pull goes with the hello: where nothing is new, one round trip is all.
        session.line.say(&Frame::Hello(hello)).await?;
        // Refused, the relay may stop reading before it comes: the answer to the hello says so.
        drop(session.ask_for_news().await);
        match session.line.hear().await? {
            Frame::Welcome => {}
            Frame::Refused => {
                let created = create(vault, &session.link, &address, &hello).await;
                if matches!(created, Err(SyncError::NotAdmitted)) {
                    with_record(vault, record, |record| record.note_turned_away()).await?;
                }
                session.line = created?;
                session.is_asked = false;
            }
            _ => return Err(SyncError::Malformed),
        }
        Ok(session)
    }

    /// Connects as somebody else than this device: the holder of the recovery kit.
    pub(crate) async fn open_as(
        node: &Node,
        vault: &SharedVault,
        record: RecordId,
        address: &RelayAddress,
        identity: Identity,
    ) -> Result<Self, SyncError> {
        let link = node.connect(address, RELAY_ALPN).await?;
        let Identity { device, prove } = identity;
        let proof = prove(&link.exporter);
        let mut line = link.open().await?;
        match line.ask(&Frame::Hello(Hello { record, device, proof })).await? {
            Frame::Welcome => Self::on(vault, record, address.key, link, line, device).await,
            Frame::Refused => Err(SyncError::NotAdmitted),
            _ => Err(SyncError::Malformed),
        }
    }

    async fn on(
        vault: &SharedVault,
        record: RecordId,
        relay: PublicKey,
        link: Link,
        line: Line,
        opener: DeviceId,
    ) -> Result<Self, SyncError> {
        let memory = with_record(vault, record, |record| record.relay_memory()).await?;
        Ok(Self {
            vault: SharedVault::clone(vault),
            record,
            relay,
            line,
            follow: Following::new(record, relay, memory),
            link,
            is_armed: false,
            is_asked: false,
            synced: Synced::default(),
            is_altered: false,
            compared: BTreeSet::new(),
            kit: None,
            opener,
            awaited: Vec::new(),
        })
    }

    /// What is wrapped to this kit is opened as it comes.
    pub(crate) fn use_kit(&mut self, kit: Arc<Kit>) {
        self.kit = Some(kit);
    }

    /// Ends the stream.
    pub(crate) fn end(self) {
        self.link.close();
    }

    /// Pulls and pushes until nothing more is to be exchanged.
    pub(crate) async fn exchange(&mut self, tell: Tell<'_>) -> Result<Synced, SyncError> {
        self.synced = Synced::default();
        for turn in 0..TURNS_MAX {
            self.pull(tell).await?;
            self.fetch(tell).await?;
            if turn == 0 {
                self.compact().await?;
            }
            let handed = self.push(tell).await?;
            let is_done = !handed.has_moved && !handed.is_worth_another_turn();
            if !self.adopt_hidden(handed).await? && is_done {
                break;
            }
        }
        if self.owes_an_answer().await? {
            self.pull(tell).await?;
            self.fetch(tell).await?;
        }
        self.remember().await?;
        self.synced.traffic = self.line.take_traffic();
        if self.is_altered {
            return Err(raise(Alarm::Withheld, tell));
        }
        if let Some(found) = self.contradicted().await? {
            return Err(raise(found, tell));
        }
        tell(Event::UpToDate);
        Ok(self.synced.clone())
    }

    /// Asks to be told of the next news.
    pub(crate) async fn arm(&mut self) -> Result<(), SyncError> {
        if !self.is_armed {
            self.line.say(&Frame::Subscribe).await?;
            self.is_armed = true;
        }
        Ok(())
    }

    /// Waits until the relay tells of news, and takes them in. Dropping this future while it waits loses nothing.
    pub(crate) async fn news(&mut self) -> Result<Frame, SyncError> {
        self.line.hear_some_time().await
    }

    /// Takes in the rest of news whose first frame came.
    pub(crate) async fn take_news(&mut self, first: Frame, tell: Tell<'_>) -> Result<(), SyncError> {
        let before = (self.synced.operations, self.synced.received.accepted);
        let mut frame = first;
        while let Some(other) = self.take(frame).await? {
            if !matches!(other, Frame::Pulled(_)) {
                return Err(refusal(&other));
            }
            if !self.is_armed {
                break;
            }
            frame = self.line.hear().await?;
        }
        self.tell_received(before, tell);
        Ok(())
    }

    /// Tells what came since there were so many operations and envelopes.
    fn tell_received(&self, before: (usize, usize), tell: Tell<'_>) {
        let (operations, envelopes) = (self.synced.operations, self.synced.received.accepted);
        if (operations, envelopes) != before {
            tell(Event::Received { operations: operations - before.0, envelopes: envelopes - before.1 });
        }
    }

    /// Brings what is new, and keeps the checkpoint that it ended with.
    pub(crate) async fn pull(&mut self, tell: Tell<'_>) -> Result<(), SyncError> {
        let cursors = self.follow.cursors();
        for _ in 0..TURNS_MAX {
            let before = (self.synced.operations, self.synced.received.accepted);
            self.ask_for_news().await?;
            self.is_asked = false;
            let pulled = self.take_until(Cause::Pull).await?.0;
            if std::mem::take(&mut self.synced.received.is_copied) {
                // What another copy of this installation wrote cannot be followed before this one has stepped aside.
                with_record(&self.vault, self.record, |record| record.start_anew()).await?;
                tell(Event::NewIncarnation);
                self.follow.rewind(&cursors);
                continue;
            }
            let ended = self.ended(&pulled).await?;
            self.tell_received(before, tell);
            let is_again = match ended {
                Ended::Settled { is_restored } => {
                    self.settled(is_restored, tell).await? || self.compare_parted(tell).await?
                }
                Ended::Live => return Err(SyncError::Malformed),
                Ended::Compare(sections) => self.compare(sections, tell).await?,
                Ended::Alarm(alarm, suspects) => return Err(self.alarmed(alarm, suspects, tell).await),
            };
            self.complete_keys().await?;
            if !is_again {
                return Ok(());
            }
        }
        Err(SyncError::Malformed)
    }

    /// Sends a pull, unless one is under way.
    async fn ask_for_news(&mut self) -> Result<(), SyncError> {
        if self.is_asked {
            return Ok(());
        }
        // Whatever another device saw before now, this pull has to show.
        self.awaited = with_record(&self.vault, self.record, |record| record.claims()).await?;
        let pull = self.follow.pull();
        self.is_asked = true;
        self.line.say(&Frame::Pull(pull)).await
    }

    /// The checkpoint agrees. True when everything is to be pulled again, because the relay's positions mean something
    /// else now.
    async fn settled(&mut self, is_restored: bool, tell: Tell<'_>) -> Result<bool, SyncError> {
        if is_restored {
            tell(Event::RelayRestored);
            with_record(&self.vault, self.record, |record| record.offer_again()).await?;
        }
        Ok(is_restored && self.follow.is_new())
    }

    /// Compares sections feed by feed, because their logs cannot be followed: something in them was altered, or comes
    /// from a device that has no place any more.
    async fn compare(&mut self, sections: BTreeSet<SectionId>, tell: Tell<'_>) -> Result<bool, SyncError> {
        let is_any = !sections.is_empty();
        for section in sections {
            let (pulled, is_whole) = self.reconcile(section).await?;
            self.is_altered |= !is_whole;
            self.follow.compared(section, &pulled);
        }
        if is_any && self.is_altered {
            return Err(self.accused(Alarm::Withheld, tell).await);
        }
        // Other sections may have moved meanwhile, of which nothing came: the next pull brings that, and its checkpoint
        // judges everything.
        Ok(is_any)
    }

    /// Compares the sections in which another branch of a feed may stand than the one that is held: the relay has shown it
    /// before, or has it since, at places that this device does not ask for any more. Once in a session.
    async fn compare_parted(&mut self, tell: Tell<'_>) -> Result<bool, SyncError> {
        let parted = with_record(&self.vault, self.record, |record| record.parted_sections()).await?;
        let new: BTreeSet<SectionId> = parted.difference(&self.compared).copied().collect();
        self.compared.extend(&new);
        self.compare(new, tell).await
    }

    /// Ends with an alarm. One that something is kept back comes after what others must know of membership was said: an
    /// operation stays in the outbox until a receipt shows that it came, whatever else the relay shows.
    async fn accused(&mut self, alarm: Alarm, tell: Tell<'_>) -> SyncError {
        if alarm == Alarm::Withheld {
            let mut silent = |_: Event| {};
            // It failed: the alarm is what is to be told.
            drop(self.say_operations(&mut silent).await);
        }
        raise(alarm, tell)
    }

    /// Takes what can be had of a relay that is not to be believed. Nothing of it is remembered.
    async fn alarmed(&mut self, alarm: Alarm, suspects: BTreeSet<SectionId>, tell: Tell<'_>) -> SyncError {
        for section in suspects {
            if self.reconcile(section).await.is_err() {
                return raise(alarm, tell);
            }
        }
        self.accused(alarm, tell).await
    }

    /// Asks for what this device lacks of a section, by version vector. True when afterwards it lacks nothing of what
    /// the relay says it has.
    async fn reconcile(&mut self, section: SectionId) -> Result<(Pulled, bool), SyncError> {
        let exporter = self.link.exporter;
        let entries = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            Ok(vector(&record.ends_to_go_on_from(&section)?, &exporter))
        });
        let asked = Reconcile { section, entries: entries.await? };
        self.follow.compare(section);
        self.synced.received.crowded.clear();
        self.line.say(&Frame::Reconcile(asked)).await?;
        let (pulled, vector) = self.take_until(Cause::Reconcile).await?;
        if self.synced.received.crowded.is_empty() {
            with_record(&self.vault, self.record, move |record| record.note_roomy(&section)).await?;
        }
        let held = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            Ok((record.feed_ends(&section)?, record.loose_places(&section)?, record.forked_feeds()))
        });
        let (ends, loose, forked) = held.await?;
        let received = &self.synced.received;
        let doubted = received.forks.iter().chain(&received.doubted);
        let doubted: BTreeSet<[u8; 8]> = doubted.filter_map(|feed| feed.0.first_chunk().copied()).collect();
        let is_held = |entry: &VectorEntry| {
            // Of a forked feed the relay honestly has the branch that came to it first.
            if forked.contains(&entry.feed) || doubted.contains(&entry.feed) {
                return true;
            }
            // The relay has shown it, and this device had no room to let it wait.
            if received.crowded.contains(&entry.feed) {
                return true;
            }
            let end = ends.iter().find(|end| hint_of(end) == entry.feed).map_or(0, |end| u64::from(end.seq));
            let places = loose.get(&entry.feed);
            let kept = |seq: u64| u32::try_from(seq).is_ok_and(|seq| places.is_some_and(|it| it.contains(&seq)));
            (end.saturating_add(1)..=entry.seq).all(kept)
        };
        let is_whole = vector.is_some_and(|vector| vector.section == section && vector.entries.iter().all(is_held));
        Ok((pulled, is_whole))
    }

    async fn ended(&mut self, pulled: &Pulled) -> Result<Ended, SyncError> {
        let opener = self.opener;
        let may_read = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            Ok(record.sections_for(&opener).into_iter().collect::<BTreeSet<_>>())
        });
        let may_read = may_read.await?;
        Ok(self.follow.ended(pulled, &may_read))
    }

    /// Takes frames in until what was asked for ends.
    async fn take_until(&mut self, cause: Cause) -> Result<(Pulled, Option<Vector>), SyncError> {
        let mut vector = None;
        loop {
            let frame = self.line.hear().await?;
            match self.take(frame).await? {
                None => {}
                Some(Frame::Pulled(pulled)) if pulled.cause == cause => return Ok((pulled, vector)),
                Some(Frame::Vector(said)) => vector = Some(said),
                // News on a subscribed stream may come before what was asked for.
                Some(Frame::Pulled(pulled)) if pulled.cause == Cause::Live && cause == Cause::Pull => {
                    self.follow.pull_again();
                }
                Some(Frame::Pulled(pulled)) if pulled.cause == Cause::Live => {}
                Some(other) => return Err(refusal(&other)),
            }
        }
    }

    /// Sends a request and hears its one answer; news may come before it.
    pub(crate) async fn ask(&mut self, frame: &Frame) -> Result<Frame, SyncError> {
        self.line.say(frame).await?;
        loop {
            let frame = self.line.hear().await?;
            match self.take(frame).await? {
                None => {}
                Some(Frame::Pulled(pulled)) if pulled.cause == Cause::Live => {}
                Some(answer) => return Ok(answer),
            }
        }
    }

    /// Takes in what brings content; gives back everything else, and the end of news after it was noted.
    async fn take(&mut self, frame: Frame) -> Result<Option<Frame>, SyncError> {
        match frame {
            Frame::Operations(batch) => self.take_operations(batch).await.map(|()| None),
            Frame::Tail(tail) => self.take_tail(tail).await.map(|()| None),
            Frame::Pulled(pulled) if pulled.cause == Cause::Live => {
                self.is_armed = false;
                // Without a checkpoint nothing is remembered: the pull that follows brings one.
                let _ = self.ended(&Pulled { checkpoint: None, ..pulled.clone() }).await?;
                if let Some(short) = &pulled.checkpoint {
                    self.follow.shown(short);
                }
                Ok(Some(Frame::Pulled(pulled)))
            }
            other => Ok(Some(other)),
        }
    }

    async fn take_operations(&mut self, batch: carnet_protocol::frame::Batch) -> Result<(), SyncError> {
        let ids: Option<Vec<_>> = batch.operations.iter().map(|sent| batch::op_id(&sent.op)).collect();
        self.follow.operations(&ids.ok_or(SyncError::Malformed)?);
        self.receive_ops(batch).await
    }

    async fn receive_ops(&mut self, batch: carnet_protocol::frame::Batch) -> Result<(), SyncError> {
        let (relay, kit) = (self.relay, self.kit.clone());
        let added = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            let ops = batch::carried(&record.id(), batch, &record.relay_keys(), &[relay]);
            let added = record.receive_ops(&ops)?.added;
            if let Some(kit) = &kit {
                record.open_with_kit(kit)?;
            }
            Ok(added)
        });
        self.synced.operations += added.await?;
        Ok(())
    }

    async fn take_tail(&mut self, tail: Tail) -> Result<(), SyncError> {
        let (section, has_gaps) = (tail.section, tail.bases.is_some());
        let received =
            with_record(&self.vault, self.record, move |record| record.receive(section, &tail.envelopes)).await?;
        self.follow.envelopes(section, &received.ids, has_gaps);
        self.synced.received.absorb(received);
        Ok(())
    }

    /// Fetches the public keys that operations name by hash: without them no key could be wrapped to their devices.
    async fn complete_keys(&mut self) -> Result<(), SyncError> {
        let lacking = |record: &mut Record<'_>| -> Result<_, SyncError> { Ok(record.ops_lacking_keys()) };
        let mut ids = with_record(&self.vault, self.record, lacking).await?;
        while !ids.is_empty() {
            let before = ids.len();
            ids.truncate(PARTS_WANTED_MAX);
            match self.ask(&Frame::PartsWanted(PartsWanted { ids })).await? {
                Frame::Parts(batch) => self.receive_ops(batch).await?,
                other => return Err(refusal(&other)),
            }
            ids = with_record(&self.vault, self.record, lacking).await?;
            if ids.len() >= before {
                // The relay lacks them too: whoever signed those operations will bring them.
                break;
            }
        }
        let retried = with_record(&self.vault, self.record, |record| record.retry_waiting()).await?;
        self.synced.received.absorb(retried);
        Ok(())
    }

    /// Publishes and confirms snapshots where it is time.
    async fn compact(&mut self) -> Result<(), SyncError> {
        with_record(&self.vault, self.record, |record| -> Result<_, SyncError> {
            if record.standing() == DeviceStanding::Member {
                record.confirm_snapshots()?;
                record.make_snapshots()?;
            }
            Ok(())
        })
        .await
    }

    pub(crate) fn note_altered(&mut self) {
        self.is_altered = true;
    }
}

/// Tells of an alarm, and makes it the error that ends the exchange.
pub(crate) fn raise(alarm: Alarm, tell: Tell<'_>) -> SyncError {
    tell(Event::Alarm(alarm));
    SyncError::RelayAlarm { what: alarm }
}

/// Forgets what was seen of the record's relay, and offers it everything again: what a person decides after an alarm,
/// when the relay has honestly lost its store.
///
/// # Errors
/// The vault's.
pub async fn trust_relay_again(vault: &SharedVault, record: RecordId) -> Result<(), SyncError> {
    with_record(vault, record, |record| -> Result<_, SyncError> {
        record.forget_relay()?;
        Ok(record.offer_again()?)
    })
    .await
}

/// Where the relay is; the record names it for all its devices if it does not yet.
async fn prepare(vault: &SharedVault, record: RecordId) -> Result<RelayAddress, SyncError> {
    with_record(vault, record, |record| -> Result<_, SyncError> {
        let address = record.relay().ok_or(SyncError::NoRelay)?;
        if record.relay_key().is_some_and(|key| key != address.key) {
            return Err(SyncError::OtherRelay);
        }
        if !record.has_named_relay() && record.is_begun() && record.standing() == DeviceStanding::Member {
            record.name_relay(&address)?;
        }
        Ok(address)
    })
    .await
}

/// Brings a record to a relay that does not know it, if this device signed its genesis.
async fn create(vault: &SharedVault, link: &Link, address: &RelayAddress, hello: &Hello) -> Result<Line, SyncError> {
    let genesis = with_record(vault, hello.record, |record| record.own_genesis()).await?;
    let Some(genesis) = genesis else { return Err(SyncError::NotAdmitted) };
    let genesis = batch::sent(CarriedOp { receipts: Vec::new(), ..genesis });
    let mut line = link.open().await?;
    match line.ask(&Frame::Create(Create { token: address.token, proof: hello.proof, genesis })).await? {
        Frame::Welcome => Ok(line),
        Frame::Refused => Err(SyncError::NotAdmitted),
        _ => Err(SyncError::Malformed),
    }
}

/// What an answer that is none means.
pub(crate) fn refusal(frame: &Frame) -> SyncError {
    match frame {
        Frame::Refused => SyncError::NotAdmitted,
        Frame::Denied(denial) => SyncError::Denied(*denial),
        Frame::Busy => SyncError::Denied(Denial::Rate),
        _ => SyncError::Malformed,
    }
}

/// The ends of feeds as a version vector.
pub(crate) fn vector(ends: &[FeedEnd], exporter: &[u8]) -> Vec<VectorEntry> {
    let mut entries: Vec<VectorEntry> = ends
        .iter()
        .map(|end| VectorEntry {
            feed: hint_of(end),
            seq: u64::from(end.seq),
            hash: VectorEntry::hash(exporter, &end.envelope),
        })
        .collect();
    entries.sort_by_key(|entry| entry.feed);
    entries.dedup_by_key(|entry| entry.feed);
    entries.truncate(carnet_protocol::frame::pull::VECTOR_ENTRIES_MAX);
    entries
}

/// The first 8 bytes of a feed's id.
pub(crate) fn hint_of(end: &FeedEnd) -> [u8; 8] {
    end.feed.0.first_chunk().copied().unwrap_or_default()
}
