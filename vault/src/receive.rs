//! Envelopes that come from outside: every check, in its order, and then into the volumes.
//!
//! The order is that of `docs/protocol.md`, "Acceptance": size, canonical header, view, author, signature, place in the
//! feed, membership, key, AEAD, bounded pre-scan, actor and sequence, dependencies. The first failure decides what
//! becomes of the envelope, and never of another. What cannot be judged or opened yet is kept and tried again.

mod rejudge;

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    digest,
    id::{EnvelopeId, EpochId, FeedId, OpId, SectionId, VolumeId},
    sign::Verified,
};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, EnvelopeKind, NO_PREDECESSOR},
    feed::{FeedState, Order, Position, SignedHeader},
    limits::{CHANGE_OPS_PER_CALL_MAX, CHANGE_OPS_PER_FEED_MAX, ENVELOPE_BYTES_MAX, QUARANTINE_BYTES_PER_FEED_MAX},
    membership::{HeadsDigest, Judgement, Missing},
    payload::decode_changes,
};

use crate::{
    crdt::{Ahead, Fit, Incoming},
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
    /// Bytes of a row before the envelope itself.
    const CONTEXT_BYTES: usize = 128;

    /// An envelope with its context.
    fn of(context: &EnvelopeContext, id: &EnvelopeId, bytes: &[u8]) -> Self {
        let EnvelopeContext { previous, heads, epoch, .. } = *context;
        Self { id: *id, previous, heads, epoch, bytes: bytes.to_vec() }
    }

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
                record.note(writer, section, bytes, verdict, &mut received, &mut pending)?;
            }
            received.is_copied |= pending.is_copied;
            let waits = record.apply_pending(writer, section, pending)?;
            received.absorb(record.retry(writer, section)?);
            record.settle_waiting(writer, section, waits)?;
            if !received.forks.is_empty() {
                record.judge_again(writer)?;
            }
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
        pending: &mut Pending,
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
            self.keep_waiting(writer, section, &key, bytes, pending)?;
        } else {
            writer.remove(WAITING, &key)?;
        }
        Ok(())
    }

    /// Keeps an envelope that cannot be judged yet, as far as there is room: whoever sends what nobody can check must not
    /// fill the disk. What finds no room comes again with the next exchange, since its place in its feed stays open.
    fn keep_waiting(
        &self,
        writer: &mut Writer,
        section: SectionId,
        key: &Key,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<(), RecordError> {
        if writer.get(WAITING, key)?.is_some() {
            return Ok(());
        }
        let (count, total) = match pending.waiting {
            Some(waiting) => waiting,
            None => writer
                .prefix(WAITING, &Key::of(&self.live.id).section(&section))?
                .try_fold((0, 0), |(count, total), row| Ok::<_, StoreError>((count + 1, total + row?.1.len())))?,
        };
        let has_room = count < WAITING_PER_SECTION_MAX && total + bytes.len() <= WAITING_BYTES_PER_SECTION_MAX;
        // What leaves in between only makes more room.
        pending.waiting = Some(if has_room { (count + 1, total + bytes.len()) } else { (count, total) });
        if has_room {
            writer.put(WAITING, key, bytes)?;
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
                self.note(writer, section, bytes, verdict, &mut received, &mut pending)?;
            }
            received.is_copied |= pending.is_copied;
            let waits = self.apply_pending(writer, section, pending)?;
            self.settle_waiting(writer, section, waits)?;
            let is_moving = received.accepted > 0;
            received.waiting = 0;
            received.gaps.clear();
            all.absorb(received);
            if !is_moving {
                return Ok(all);
            }
        }
    }

    /// Steps 1 to 7 for one envelope, then the others.
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
        let (signed, state) = match self.verify(writer, section, envelope)? {
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
            // What follows an envelope that is in quarantine is judged like it, and never counts before it.
            Order::Gap { missing_from } => match self.aside(writer, &facts.feed, facts.seq.saturating_sub(1))? {
                Some(before) if before.id == facts.context.previous => {}
                _ => return Ok(Verdict::Gap(facts.feed, missing_from)),
            },
            Order::Equivocation { held } => {
                self.accuse(writer, &signed, &held)?;
                return Ok(Verdict::Fork(facts.feed));
            }
            Order::OtherBranch => return Ok(Verdict::Fork(facts.feed)),
            Order::Next => pending.is_copied |= is_own,
        }
        if !self.continues_view(writer, &state, &signed)? {
            return Ok(Verdict::Refused);
        }
        let is_next = facts.seq == state.seq.saturating_add(1);
        match self.judged(writer, &facts, signed.head) {
            Judgement::Accepted if is_next => {}
            Judgement::Quarantine(_) if is_next && pending.alive.contains(&facts.id) => {}
            Judgement::Accepted | Judgement::Pending(_) => return Ok(Verdict::Waiting),
            Judgement::Quarantine(_) => {
                let stored = StoredEnvelope::of(&facts.context, &facts.id, bytes);
                self.put_aside(writer, &facts.feed, facts.seq, &stored)?;
                if state.seq == 0 {
                    writer.put(FEED, &Key::of(&self.live.id).feed(&facts.feed), &row::write(&state))?;
                }
                return Ok(Verdict::Quarantined);
            }
            Judgement::Refused(_) => return Ok(Verdict::Refused),
        }
        self.take_in(writer, &signed, state, bytes, pending)
    }

    /// Steps 8 to 10 for an envelope that counts and is the next of its feed.
    fn take_in(
        &mut self,
        writer: &mut Writer,
        signed: &Signed,
        mut state: FeedRow,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<Verdict, RecordError> {
        let facts = *signed.verified.get();
        let Some(key) = self.live.keys.of(&facts.context.epoch) else { return Ok(Verdict::Waiting) };
        let payload = open_payload(&facts.context, &signed.envelope, key);
        let content = payload.ok().and_then(|(payload, _)| self.read_content(&facts, &mut state, &payload));
        writer.remove(QUARANTINE, &Key::of(&self.live.id).feed(&facts.feed).seq(facts.seq))?;
        let stored = StoredEnvelope::of(&facts.context, &facts.id, bytes);
        let mut batch = None;
        match content {
            Some(_) if state.is_poisoned => self.put_aside(writer, &facts.feed, facts.seq, &stored)?,
            Some(Content::Changes(changes)) => {
                if !self.has_room_to_wait(writer, &facts, &changes, pending)? {
                    return Ok(Verdict::Waiting);
                }
                pending.changes.entry(facts.context.volume).or_default().extend(changes);
            }
            Some(Content::Batch(columns)) => batch = Some(columns),
            None => {
                // The chain goes on, since header and signature are valid; what follows of a malformed actor does not.
                state.is_poisoned |= facts.context.kind == EnvelopeKind::Changes;
                self.put_aside(writer, &facts.feed, facts.seq, &stored)?;
            }
        }
        state.seq = facts.seq;
        state.last = facts.id;
        state.heads = facts.context.heads.0;
        writer.put(FEED, &Key::of(&self.live.id).feed(&facts.feed), &row::write(&state))?;
        writer.put(ENVELOPE, &Key::of(&self.live.id).feed(&facts.feed).seq(state.seq), &stored.encode())?;
        if let Some(columns) = batch {
            let zones = self.zones()?;
            self.index_received(writer, &facts.id, &facts.feed, facts.seq, &columns, &zones)?;
        }
        Ok(Verdict::Accepted)
    }

    /// What membership says of an envelope. Whether it lies in the chain that a removal or a proof lets stand shows only
    /// once that chain is held; until then it counts, or no chain could ever be taken in from its beginning. Should it
    /// turn out to lie beside it, it is judged again.
    fn judged(&self, writer: &Writer, facts: &EnvelopeFacts, head: OpId) -> Judgement {
        let one_chain = |position: &Position| self.is_one_chain(writer, facts, position);
        match self.live.members.current().judge(facts, &[head], &one_chain) {
            Judgement::Pending(Missing::Chain(end)) if end.feed == facts.feed && end.seq > facts.seq => {
                Judgement::Accepted
            }
            other => other,
        }
    }

    /// Step 3: the view contains that of the envelope before, or its author would unlearn what it has shown to know.
    fn continues_view(&self, writer: &Writer, state: &FeedRow, signed: &Signed) -> Result<bool, RecordError> {
        let facts = signed.verified.get();
        if facts.seq == 1 {
            return Ok(true);
        }
        let before = if facts.seq == state.seq.saturating_add(1) {
            Some(HeadsDigest(state.heads))
        } else {
            self.aside(writer, &facts.feed, facts.seq.saturating_sub(1))?.map(|before| before.heads)
        };
        let Some(earlier) = before.and_then(|heads| self.live.members.view(&heads)) else { return Ok(true) };
        Ok(self.live.members.current().view_includes(&[signed.head], &[earlier]) != Some(false))
    }

    /// Whether changes whose dependencies are missing may wait: of one author only so many do.
    fn has_room_to_wait(
        &mut self,
        writer: &Writer,
        facts: &EnvelopeFacts,
        changes: &[Incoming],
        pending: &Pending,
    ) -> Result<bool, RecordError> {
        let (record, context) = (self.live.id, &facts.context);
        let coming = pending.changes.get(&context.volume).map(Vec::as_slice).unwrap_or_default();
        let here: BTreeSet<[u8; 32]> = coming.iter().chain(changes).map(Incoming::hash).collect();
        let doc = self.live.volumes.doc(self.store, &record, &context.section, context.volume)?;
        let needed: Vec<[u8; 32]> = changes.iter().flat_map(Incoming::dependencies).collect();
        if doc.missing(needed.iter().filter(|hash| !here.contains(*hash))).is_empty() {
            return Ok(true);
        }
        let prefix = Key::of(&record).section(&context.section).volume(context.volume);
        let (mut count, mut bytes) = (0, 0);
        for row in writer.prefix(CHANGE_WAITING, &prefix)? {
            let (_, row) = row?;
            let change = Incoming::read(&row).map_err(|_| StoreError::Damaged)?;
            if change.actor() == facts.feed.0 {
                count += 1;
                bytes += row.len();
            }
        }
        Ok(count < CHANGES_WAITING_PER_FEED_MAX && bytes < CHANGES_WAITING_BYTES_PER_FEED_MAX)
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
                seq => {
                    let held = self.stored(writer, &candidate.feed, seq - 1)?;
                    let held = if held.is_none() { self.aside(writer, &candidate.feed, seq - 1)? } else { held };
                    held.map(|stored| (stored.id, Some(stored.heads)))
                }
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

    /// Puts an envelope in quarantine: kept, not applied. Beyond a limit for each feed, only what it is called is kept.
    fn put_aside(
        &self,
        writer: &mut Writer,
        feed: &FeedId,
        seq: u32,
        stored: &StoredEnvelope,
    ) -> Result<(), RecordError> {
        let prefix = Key::of(&self.live.id).feed(feed);
        let mut total = stored.bytes.len();
        for row in writer.prefix(QUARANTINE, &prefix)? {
            total += row?.1.len();
        }
        let mut row = stored.encode();
        if total > QUARANTINE_BYTES_PER_FEED_MAX {
            row.truncate(StoredEnvelope::CONTEXT_BYTES);
        }
        Ok(writer.put(QUARANTINE, &prefix.seq(seq), &row)?)
    }

    /// An envelope that is in quarantine and has no place in its feed.
    fn aside(&self, look: &impl Look, feed: &FeedId, seq: u32) -> Result<Option<StoredEnvelope>, StoreError> {
        let row = look.look(QUARANTINE, &Key::of(&self.live.id).feed(feed).seq(seq))?;
        row.map(|row| StoredEnvelope::read(&row)).transpose()
    }

    /// Step 11: changes whose dependencies are all here go to their volume, in as few calls as the limits allow; the
    /// others wait outside. Returns the volumes in which something waits.
    fn apply_pending(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        pending: Pending,
    ) -> Result<BTreeSet<VolumeId>, RecordError> {
        let mut waits = BTreeSet::new();
        for (volume, mut changes) in pending.changes {
            let prefix = Key::of(&self.live.id).section(&section).volume(volume);
            for row in writer.prefix(CHANGE_WAITING, &prefix)?.collect::<Result<Vec<_>, _>>()? {
                changes.push(Incoming::read(&row.1).map_err(|_| StoreError::Damaged)?);
            }
            writer.remove_prefix(CHANGE_WAITING, &prefix)?;
            let left = self.apply_ready(writer, section, volume, changes)?;
            if !left.is_empty() {
                waits.insert(volume);
            }
            for change in left {
                writer.put(CHANGE_WAITING, &prefix.clone().bytes(&change.hash()), change.bytes())?;
            }
        }
        Ok(waits)
    }

    fn apply_ready(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        changes: Vec<Incoming>,
    ) -> Result<Vec<Incoming>, RecordError> {
        let mut left = changes;
        // Each author's in their order, so that a chain goes in at once.
        left.sort_by_cached_key(|change| (change.actor().to_vec(), change.seq()));
        loop {
            let doc = self.live.volumes.doc(self.store, &self.live.id, &section, volume)?;
            let mut ready: Vec<Incoming> = Vec::new();
            let mut ahead = Ahead::default();
            let mut rest = Vec::new();
            let mut ops = 0;
            for change in left {
                match doc.fit(&change, &ahead) {
                    Fit::Ready if ops + change.ops() <= CHANGE_OPS_PER_CALL_MAX => {
                        ops += change.ops();
                        ahead.add(&change);
                        ready.push(change);
                    }
                    Fit::Ready | Fit::Waits => rest.push(change),
                    // It stays in its feed and never counts; what builds on it waits for ever.
                    Fit::Never => {}
                }
            }
            if ready.is_empty() {
                return Ok(rest);
            }
            if !self.apply_to_volume(writer, section, volume, &ready)? {
                // A hostile change is left out alone; the good ones among them go in one by one.
                for change in &ready {
                    let doc = self.live.volumes.doc(self.store, &self.live.id, &section, volume)?;
                    if doc.fit(change, &Ahead::default()) == Fit::Ready {
                        self.apply_to_volume(writer, section, volume, std::slice::from_ref(change))?;
                    }
                }
            }
            left = rest;
        }
    }

    /// Applies changes that fit. False when Automerge refuses: then the volume is as it was.
    fn apply_to_volume(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        changes: &[Incoming],
    ) -> Result<bool, RecordError> {
        let record = self.live.id;
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let Ok(touched) = doc.apply(changes.to_vec()) else {
            self.live.volumes.read_again(writer, &record, &section, volume)?;
            return Ok(false);
        };
        for change in changes {
            self.live.volumes.store_change(writer, &record, &section, volume, change.bytes())?;
        }
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        update_view(writer, &record, &section, volume, doc, touched)?;
        Ok(true)
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

    /// The context of an envelope that is held, from what was kept beside it.
    fn context_of(&self, row: &FeedRow, stored: &StoredEnvelope, kind: EnvelopeKind) -> Option<EnvelopeContext> {
        let device = self.live.members.current().device(&row.device)?;
        Some(EnvelopeContext {
            record: self.live.id,
            section: row.section,
            volume: row.volume,
            kind,
            device: row.device,
            key: device.key,
            incarnation: row.incarnation,
            previous: stored.previous,
            heads: stored.heads,
            epoch: stored.epoch,
        })
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
        self.open_kept(&row, &stored)
    }

    /// The payload of an envelope that is kept, accepted or not.
    fn open_kept(&self, row: &FeedRow, stored: &StoredEnvelope) -> Result<Vec<u8>, RecordError> {
        let envelope = Envelope::decode(&stored.bytes).map_err(|_| StoreError::Damaged)?;
        let context = self.context_of(row, stored, envelope.header.kind).ok_or(StoreError::Damaged)?;
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
    /// Envelopes in quarantine that count, because something that counts depends on them.
    alive: BTreeSet<EnvelopeId>,
    /// How many envelopes wait in the section, and their bytes, once they were counted.
    waiting: Option<(usize, usize)>,
}

/// Envelopes of one section that are kept while they cannot be judged (local).
const WAITING_PER_SECTION_MAX: usize = 4_096;
/// Bytes of them (local).
const WAITING_BYTES_PER_SECTION_MAX: usize = 64 << 20;
/// Accepted changes of one feed that wait for others (local).
const CHANGES_WAITING_PER_FEED_MAX: usize = 4_096;
/// Bytes of them (local).
const CHANGES_WAITING_BYTES_PER_FEED_MAX: usize = 16 << 20;
