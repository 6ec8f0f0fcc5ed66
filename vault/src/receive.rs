//! Envelopes that come from outside: every check, in its order, and then into the volumes.
//!
//! The order is that of `docs/protocol.md`, "Acceptance": size, canonical header, view, author, signature, place in the
//! feed, membership, key, AEAD, bounded pre-scan, actor and sequence, dependencies. The first failure decides what
//! becomes of the envelope, and never of another. What cannot be judged or opened yet is kept and tried again.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    digest,
    id::{EnvelopeId, EpochId, FeedId, OpId, SectionId, VolumeId},
    sign::Verified,
};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, EnvelopeKind, NO_PREDECESSOR},
    feed::{FeedState, Order, Position, SignedHeader},
    limits::{CHANGE_OPS_PER_CALL_MAX, CHANGE_OPS_PER_FEED_MAX, ENVELOPE_BYTES_MAX},
    membership::{HeadsDigest, Judgement, Missing},
    payload::decode_changes,
};

use crate::{
    crdt::Incoming,
    measures,
    payload::open_payload,
    record::{Record, RecordError},
    row::{self, FeedRow},
    store::{StoreError, Writer},
    tables::{CHANGE_WAITING, ENVELOPE, FEED, Key, Look, QUARANTINE, WAITING},
    volumes::update_view,
};

/// What became of envelopes that came from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// New and part of the record now.
    pub accepted: usize,
    /// Held already.
    pub known: usize,
    /// Kept until something that is missing comes.
    pub waiting: usize,
    /// Kept and not applied, shown to an owner.
    pub quarantined: usize,
    /// Never part of this record.
    pub refused: usize,
    /// Feeds of which two signed envelopes claim one place.
    pub forks: Vec<FeedId>,
    /// The first positions that are missing of feeds.
    pub gaps: Vec<(FeedId, u32)>,
    /// The id of each envelope that was given, in its order, where its signature could be checked. Of what was tried
    /// again from among those that wait there is none.
    pub ids: Vec<Option<EnvelopeId>>,
    /// Whether one of them was signed by this very installation and is not known here: the vault was restored from a
    /// copy, or two of the same run. See [`Record::start_anew`].
    pub is_copied: bool,
}

impl Received {
    /// Adds the counts of another.
    pub fn absorb(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.known += other.known;
        self.waiting += other.waiting;
        self.quarantined += other.quarantined;
        self.refused += other.refused;
        self.forks.extend(other.forks);
        self.gaps.extend(other.gaps);
        self.is_copied |= other.is_copied;
    }
}

/// What one envelope came to.
enum Verdict {
    Accepted,
    Fork(FeedId),
    Gap(FeedId, u32),
    Known,
    Quarantined,
    Refused,
    Waiting,
}

/// An envelope whose signature holds, with the heads of its view.
struct Signed {
    envelope: Envelope,
    verified: Verified<EnvelopeFacts>,
    head: OpId,
}

/// A stored envelope with everything that its header does not hold.
pub(crate) struct StoredEnvelope {
    pub(crate) id: EnvelopeId,
    pub(crate) previous: EnvelopeId,
    pub(crate) heads: HeadsDigest,
    pub(crate) epoch: EpochId,
    pub(crate) bytes: Vec<u8>,
}

impl StoredEnvelope {
    /// The row of an envelope in its context.
    pub(crate) fn row(context: &EnvelopeContext, id: &EnvelopeId, bytes: &[u8]) -> Vec<u8> {
        [id.0.as_slice(), &context.previous.0, &context.heads.0, &context.epoch.0, bytes].concat()
    }

    /// The row that this was read from.
    pub(crate) fn encode(&self) -> Vec<u8> {
        [self.id.0.as_slice(), &self.previous.0, &self.heads.0, &self.epoch.0, &self.bytes].concat()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Damage.
    pub(crate) fn read(row: &[u8]) -> Result<Self, StoreError> {
        let mut rest = row;
        let mut next = || -> Result<[u8; 32], StoreError> {
            let (id, after) = rest.split_first_chunk::<32>().ok_or(StoreError::Damaged)?;
            rest = after;
            Ok(*id)
        };
        let (id, previous, heads, epoch) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            id: EnvelopeId(id),
            previous: EnvelopeId(previous),
            heads: HeadsDigest(heads),
            epoch: EpochId(epoch),
            bytes: rest.to_vec(),
        })
    }
}

impl Record<'_> {
    /// Takes envelopes of one section in, those of one feed in their order. Durable when this returns.
    ///
    /// # Errors
    /// The store's. What is refused, waits or is quarantined is counted in [`Received`].
    pub fn receive(&mut self, section: SectionId, envelopes: &[Vec<u8>]) -> Result<Received, RecordError> {
        self.commit(|record, writer| {
            let mut received = Received::default();
            let mut pending = Pending::default();
            for bytes in envelopes {
                let verdict = record.receive_one(writer, section, bytes, &mut pending)?;
                received.ids.push(pending.id.take());
                record.note(writer, section, bytes, verdict, &mut received)?;
            }
            received.is_copied |= pending.is_copied;
            record.apply_pending(writer, section, pending)?;
            received.absorb(record.retry(writer, section)?);
            record.refresh_sections(writer, section)?;
            Ok(received)
        })
    }

    /// Tries again what waits in every section, after operations or keys came.
    ///
    /// # Errors
    /// The store's.
    pub fn retry_waiting(&mut self) -> Result<Received, RecordError> {
        let sections = self.live.members.current().sections();
        self.commit(|record, writer| {
            let mut received = Received::default();
            for section in sections {
                received.absorb(record.retry(writer, section)?);
                record.refresh_sections(writer, section)?;
            }
            Ok(received)
        })
    }

    fn note(
        &self,
        writer: &mut Writer,
        section: SectionId,
        bytes: &[u8],
        verdict: Verdict,
        received: &mut Received,
    ) -> Result<(), RecordError> {
        let key = Key::of(&self.live.id).section(&section).bytes(&digest::content_hash(bytes));
        let waits = matches!(verdict, Verdict::Waiting | Verdict::Gap(..));
        match verdict {
            Verdict::Accepted => received.accepted += 1,
            Verdict::Known => received.known += 1,
            Verdict::Quarantined => received.quarantined += 1,
            Verdict::Refused => received.refused += 1,
            Verdict::Waiting => received.waiting += 1,
            Verdict::Fork(feed) => received.forks.push(feed),
            Verdict::Gap(feed, from) => {
                received.waiting += 1;
                received.gaps.push((feed, from));
            }
        }
        if waits {
            writer.put(WAITING, &key, bytes)?;
        } else {
            writer.remove(WAITING, &key)?;
        }
        Ok(())
    }

    /// Tries what waits in a section until nothing more moves.
    fn retry(&mut self, writer: &mut Writer, section: SectionId) -> Result<Received, RecordError> {
        let mut all = Received::default();
        loop {
            let prefix = Key::of(&self.live.id).section(&section);
            let rows: Vec<_> = writer.prefix(WAITING, &prefix)?.collect::<Result<_, _>>()?;
            let mut waiting: Vec<Vec<u8>> = rows.into_iter().map(|(_, bytes)| bytes).collect();
            // In the order of their feeds, so that a chain goes in at once.
            waiting.sort_by_cached_key(|bytes| {
                Envelope::decode(bytes).map(|envelope| (envelope.header.feed, envelope.header.seq)).ok()
            });
            let mut received = Received::default();
            let mut pending = Pending::default();
            for bytes in &waiting {
                let verdict = self.receive_one(writer, section, bytes, &mut pending)?;
                self.note(writer, section, bytes, verdict, &mut received)?;
            }
            received.is_copied |= pending.is_copied;
            self.apply_pending(writer, section, pending)?;
            let is_moving = received.accepted > 0;
            received.waiting = 0;
            received.gaps.clear();
            all.absorb(received);
            if !is_moving {
                return Ok(all);
            }
        }
    }

    /// Steps 1 to 10 for one envelope.
    fn receive_one(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<Verdict, RecordError> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Ok(Verdict::Refused);
        }
        let Ok(envelope) = Envelope::decode(bytes) else { return Ok(Verdict::Refused) };
        let (signed, mut state) = match self.verify(writer, section, envelope)? {
            Found::Signed(signed, state) => (*signed, state),
            Found::Verdict(verdict) => return Ok(verdict),
        };
        let facts = *signed.verified.get();
        pending.id = Some(facts.id);
        let is_own = self.is_this_installation(&facts.context);
        let held = |seq| self.stored(writer, &facts.feed, seq).ok().flatten().map(|stored| stored.id);
        let order = FeedState { last_seq: state.seq, last_id: state.last }.order(&signed.verified, held);
        match order {
            Order::Duplicate => return Ok(Verdict::Known),
            // Another copy of this installation wrote it. It accuses nobody: this one takes a new incarnation.
            Order::Equivocation { .. } | Order::OtherBranch | Order::Gap { .. } if is_own => {
                pending.is_copied = true;
                return Ok(Verdict::Fork(facts.feed));
            }
            Order::Gap { missing_from } => return Ok(Verdict::Gap(facts.feed, missing_from)),
            Order::Equivocation { held } => {
                self.accuse(writer, &signed, &held)?;
                return Ok(Verdict::Fork(facts.feed));
            }
            Order::OtherBranch => return Ok(Verdict::Fork(facts.feed)),
            Order::Next => pending.is_copied |= is_own,
        }
        let one_chain = |position: &Position| self.is_one_chain(writer, &facts, position);
        match self.live.members.current().judge(&facts, &[signed.head], &one_chain) {
            Judgement::Accepted => {}
            Judgement::Pending(Missing::Chain(_) | Missing::Epoch | Missing::View) => return Ok(Verdict::Waiting),
            Judgement::Quarantine(_) => {
                let key = Key::of(&self.live.id).feed(&facts.feed).seq(facts.seq);
                writer.put(QUARANTINE, &key, bytes)?;
                return Ok(Verdict::Quarantined);
            }
            Judgement::Refused(_) => return Ok(Verdict::Refused),
        }
        let Some(key) = self.live.keys.of(&facts.context.epoch) else { return Ok(Verdict::Waiting) };
        let payload = open_payload(&facts.context, &signed.envelope, key);
        let content = payload.ok().and_then(|(payload, _)| self.read_content(&facts, &mut state, &payload));
        match content {
            Some(_) if state.is_poisoned => self.quarantine(writer, &facts, bytes)?,
            Some(Content::Changes(changes)) => pending.changes.entry(facts.context.volume).or_default().extend(changes),
            Some(Content::Batch(columns)) => {
                let zones = self.zones()?;
                self.index_batch(writer, &facts.id, &facts.feed, facts.seq, &columns, &zones)?;
            }
            None => {
                // The chain goes on, since header and signature are valid; what follows of a malformed actor does not.
                state.is_poisoned |= facts.context.kind == EnvelopeKind::Changes;
                self.quarantine(writer, &facts, bytes)?;
            }
        }
        state.seq = facts.seq;
        state.last = facts.id;
        state.heads = facts.context.heads.0;
        writer.put(FEED, &Key::of(&self.live.id).feed(&facts.feed), &row::write(&state))?;
        let stored = StoredEnvelope::row(&facts.context, &facts.id, bytes);
        writer.put(ENVELOPE, &Key::of(&self.live.id).feed(&facts.feed).seq(facts.seq), &stored)?;
        Ok(Verdict::Accepted)
    }

    /// Finds the context in which the signature of an envelope holds: where several fit its hints, each is tried.
    fn verify(&self, writer: &Writer, section: SectionId, envelope: Envelope) -> Result<Found, RecordError> {
        let header = &envelope.header;
        let membership = self.live.members.current();
        let candidates = membership.feed_candidates(&section, header.volume, header.kind, header.feed);
        if candidates.is_empty() {
            // The operation that introduces the author may still come.
            return Ok(Found::Verdict(Verdict::Waiting));
        }
        let mut waits = false;
        for candidate in candidates {
            let row = writer.get(FEED, &Key::of(&self.live.id).feed(&candidate.feed))?;
            let state: FeedRow = if let Some(row) = row {
                row::read(&row).map_err(|_| StoreError::Damaged)?
            } else {
                let kind = header.kind.number();
                FeedRow::empty(candidate.device, candidate.incarnation, section, header.volume, kind)
            };
            // The context of a position is known only once the one before it is held.
            let before = match header.seq {
                1 => Some((NO_PREDECESSOR, None)),
                seq if seq == state.seq + 1 => Some((state.last, Some(HeadsDigest(state.heads)))),
                seq => self.stored(writer, &candidate.feed, seq - 1)?.map(|stored| (stored.id, Some(stored.heads))),
            };
            let Some((previous, last_heads)) = before else {
                return Ok(Found::Verdict(Verdict::Gap(candidate.feed, state.seq + 1)));
            };
            let views: Vec<(HeadsDigest, OpId)> = match (header.heads, last_heads) {
                (Some(hint), _) => self.live.members.views_hinted(hint),
                (None, Some(last)) => self.live.members.view(&last).into_iter().map(|head| (last, head)).collect(),
                (None, None) => Vec::new(),
            };
            let epochs: Vec<EpochId> = membership.epochs_hinted(&section, header.epoch).map(|epoch| epoch.id).collect();
            waits |= views.is_empty() || epochs.is_empty();
            for ((heads, head), epoch) in views.iter().flat_map(|view| epochs.iter().map(move |epoch| (view, epoch))) {
                let context = EnvelopeContext {
                    record: self.live.id,
                    section,
                    volume: header.volume,
                    kind: header.kind,
                    device: candidate.device,
                    key: candidate.key,
                    incarnation: candidate.incarnation,
                    previous,
                    heads: *heads,
                    epoch: *epoch,
                };
                if let Ok(verified) = envelope.verify(&context) {
                    let signed = Signed { envelope, verified, head: *head };
                    return Ok(Found::Signed(Box::new(signed), state));
                }
            }
        }
        Ok(Found::Verdict(if waits { Verdict::Waiting } else { Verdict::Refused }))
    }

    /// Steps 9 and 10: the content, counted and borne by its feed; none when it is malformed.
    fn read_content(&self, facts: &EnvelopeFacts, state: &mut FeedRow, payload: &[u8]) -> Option<Content> {
        match facts.context.kind {
            EnvelopeKind::Batch => {
                let columns = measures::decode(payload).ok()?;
                let volume =
                    self.volume_of(carnet_record::SectionKind::Measures, i16::try_from(columns.month().year()).ok()?);
                (volume == facts.context.volume).then_some(Content::Batch(columns))
            }
            EnvelopeKind::Changes => {
                let incoming = Incoming::read_all(&decode_changes(payload).ok()?).ok()?;
                for change in &incoming {
                    state.change_seq += 1;
                    state.ops += change.ops();
                    let is_own = change.actor() == facts.feed.0 && change.seq() == state.change_seq;
                    if !is_own || state.ops > CHANGE_OPS_PER_FEED_MAX {
                        return None;
                    }
                }
                Some(Content::Changes(incoming))
            }
            _ => None,
        }
    }

    fn quarantine(&self, writer: &mut Writer, facts: &EnvelopeFacts, bytes: &[u8]) -> Result<(), RecordError> {
        let key = Key::of(&self.live.id).feed(&facts.feed).seq(facts.seq);
        Ok(writer.put(QUARANTINE, &key, bytes)?)
    }

    /// Step 11: changes whose dependencies are all here go to their volume, in as few calls as the limits allow; the
    /// others wait outside.
    fn apply_pending(&mut self, writer: &mut Writer, section: SectionId, pending: Pending) -> Result<(), RecordError> {
        for (volume, mut changes) in pending.changes {
            let prefix = Key::of(&self.live.id).section(&section).volume(volume);
            for row in writer.prefix(CHANGE_WAITING, &prefix)?.collect::<Result<Vec<_>, _>>()? {
                changes.push(Incoming::read(&row.1).map_err(|_| StoreError::Damaged)?);
            }
            writer.remove_prefix(CHANGE_WAITING, &prefix)?;
            let left = self.apply_ready(writer, section, volume, changes)?;
            for change in left {
                writer.put(CHANGE_WAITING, &prefix.clone().bytes(&change.hash()), change.bytes())?;
            }
        }
        Ok(())
    }

    fn apply_ready(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        changes: Vec<Incoming>,
    ) -> Result<Vec<Incoming>, RecordError> {
        let record = self.live.id;
        let mut left = changes;
        loop {
            let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
            let mut ready: Vec<Incoming> = Vec::new();
            let mut here: BTreeSet<[u8; 32]> = BTreeSet::new();
            let mut rest = Vec::new();
            let mut ops = 0;
            for change in left {
                let dependencies = change.dependencies();
                let is_ready = doc.missing(dependencies.iter().filter(|hash| !here.contains(*hash))).is_empty();
                if is_ready && ops + change.ops() <= CHANGE_OPS_PER_CALL_MAX {
                    ops += change.ops();
                    here.insert(change.hash());
                    ready.push(change);
                } else {
                    rest.push(change);
                }
            }
            if ready.is_empty() {
                return Ok(rest);
            }
            let bytes: Vec<Vec<u8>> = ready.iter().map(|change| change.bytes().to_vec()).collect();
            match doc.apply(ready) {
                Ok(touched) => {
                    for change in &bytes {
                        self.live.volumes.store_change(writer, &record, &section, volume, change)?;
                    }
                    let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
                    update_view(writer, &record, &section, volume, doc, touched)?;
                }
                // A hostile change is dropped alone; the good ones among them go in one by one.
                Err(_) if bytes.len() > 1 => {
                    for change in bytes {
                        let change = vec![Incoming::read(&change).map_err(|_| StoreError::Damaged)?];
                        rest.extend(self.apply_ready(writer, section, volume, change)?);
                    }
                }
                Err(_) => return Ok(rest),
            }
            left = rest;
        }
    }

    /// Whether this installation signed it, or a copy of it did.
    fn is_this_installation(&self, context: &EnvelopeContext) -> bool {
        context.device == self.live.row.device && context.incarnation == self.live.row.incarnation
    }

    /// Publishes the proof that a device signed two envelopes for one place.
    fn accuse(&mut self, writer: &mut Writer, signed: &Signed, held: &EnvelopeId) -> Result<(), RecordError> {
        let facts = signed.verified.get();
        let Some(stored) = self.stored(writer, &facts.feed, facts.seq)? else { return Ok(()) };
        let Ok(other) = Envelope::decode(&stored.bytes) else { return Ok(()) };
        let context = EnvelopeContext { heads: stored.heads, epoch: stored.epoch, ..facts.context };
        let (one, two) = (SignedHeader::of(&signed.envelope, &facts.context), SignedHeader::of(&other, &context));
        let headers = if facts.id < *held { [one, two] } else { [two, one] };
        self.publish_fork(writer, facts, headers)
    }

    /// Whether an envelope and a place lie on one chain, as far as the feed is held.
    fn is_one_chain(&self, writer: &Writer, facts: &EnvelopeFacts, position: &Position) -> Option<bool> {
        if position.feed != facts.feed {
            return Some(false);
        }
        if position.seq == facts.seq {
            return Some(position.id == facts.id);
        }
        if position.seq < facts.seq {
            let held = self.stored(writer, &position.feed, position.seq).ok().flatten()?;
            return Some(held.id == position.id);
        }
        let held = self.stored(writer, &position.feed, position.seq).ok().flatten();
        held.map(|held| held.id == position.id)
    }

    /// Reads the sections again when the roster changed.
    fn refresh_sections(&mut self, writer: &Writer, section: SectionId) -> Result<(), RecordError> {
        if section == crate::vault::roster_of(&self.live.row.salt) {
            self.live.sections = crate::vault::read_sections(writer, &self.live.id, &self.live.row.salt)?;
        }
        Ok(())
    }

    /// An envelope that is held.
    pub(crate) fn stored(
        &self,
        look: &impl Look,
        feed: &FeedId,
        seq: u32,
    ) -> Result<Option<StoredEnvelope>, StoreError> {
        let row = look.look(ENVELOPE, &Key::of(&self.live.id).feed(feed).seq(seq))?;
        row.map(|row| StoredEnvelope::read(&row)).transpose()
    }

    /// The payload of an envelope that is held, opened again.
    pub(crate) fn open_stored(&self, look: &impl Look, feed: &FeedId, seq: u32) -> Result<Vec<u8>, RecordError> {
        let stored = self.stored(look, feed, seq)?.ok_or(RecordError::Damaged("a named envelope is not held"))?;
        let row = look.look(FEED, &Key::of(&self.live.id).feed(feed))?.ok_or(StoreError::Damaged)?;
        let row: FeedRow = row::read(&row).map_err(|_| StoreError::Damaged)?;
        let envelope = Envelope::decode(&stored.bytes).map_err(|_| StoreError::Damaged)?;
        let device = self.live.members.current().device(&row.device).ok_or(StoreError::Damaged)?;
        let context = EnvelopeContext {
            record: self.live.id,
            section: row.section,
            volume: row.volume,
            kind: envelope.header.kind,
            device: row.device,
            key: device.key,
            incarnation: row.incarnation,
            previous: stored.previous,
            heads: stored.heads,
            epoch: stored.epoch,
        };
        let key = self.live.keys.of(&stored.epoch).ok_or(RecordError::Damaged("a key is missing"))?;
        let opened = open_payload(&context, &envelope, key);
        opened.map(|(payload, _)| payload).map_err(|_| RecordError::Damaged("a stored envelope does not open"))
    }

    /// The last position of a feed; 0 for none.
    pub(crate) fn last_seq(&self, look: &impl Look, feed: &FeedId) -> Result<u32, RecordError> {
        let row = look.look(FEED, &Key::of(&self.live.id).feed(feed))?;
        let row = row.map(|row| row::read::<FeedRow>(&row).map_err(|_| StoreError::Damaged)).transpose()?;
        Ok(row.map_or(0, |row| row.seq))
    }
}

enum Found {
    Signed(Box<Signed>, FeedRow),
    Verdict(Verdict),
}

enum Content {
    Batch(carnet_record::batch::Columns),
    Changes(Vec<Incoming>),
}

/// Changes that are accepted and not yet in their volume.
#[derive(Default)]
struct Pending {
    changes: BTreeMap<VolumeId, Vec<Incoming>>,
    /// The envelope that was read last, if its signature holds.
    id: Option<EnvelopeId>,
    is_copied: bool,
}
