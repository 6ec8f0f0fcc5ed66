//! Envelopes that were accepted, or put in quarantine, before an operation or a receipt came that says otherwise.
//!
//! A removal may arrive before or after what its target wrote beyond the frontier, and a proof of a fork before or after
//! either branch. Every device must end with the same accepted set, so after membership changed each feed in question
//! is judged again: what no longer counts is taken out of its volume and put in quarantine, what counts now comes back.
//! An envelope in quarantine counts after all when one that counts depends on it and its author did not know of the
//! removal. What **this** device wrote and that falls with a fork is issued again, under a new incarnation: nothing
//! that was said to be saved is lost to somebody else's fork.
//!
//! Nothing is deleted here. Source: `docs/membership.md`, "Envelopes"; `docs/protocol.md`, "Equivocation".

use std::collections::{BTreeMap, BTreeSet, HashMap};

use carnet_crypto::id::{EnvelopeId, FeedId, OpId, SectionId, VolumeId};
use carnet_protocol::{
    envelope::{EnvelopeFacts, EnvelopeKind, NO_PREDECESSOR},
    limits::CHANGE_OPS_PER_CALL_MAX,
    membership::Judgement,
    payload::decode_changes,
};

use super::{Pending, Received, Signing, StoredEnvelope};
use crate::{
    crdt::{Ahead, Doc, Fit, Incoming, in_order},
    ledger::LedgerLine,
    measures,
    record::{EntryWrite, Record, RecordError, VolumeWrites},
    replica::Unsent,
    row::{FeedRow, OutboxRow, Standing},
    store::{StoreError, Writer},
    tables::{CHANGE_WAITING, ENVELOPE, Key, QUARANTINE},
    volumes::update_view,
};

/// A feed of a volume that is being judged again.
pub(super) struct Feed {
    pub(super) id: FeedId,
    pub(super) row: FeedRow,
    /// The last position that counts.
    pub(super) kept: u32,
    /// Whether another branch of it stands than the one that is held.
    pub(super) is_forked: bool,
}

/// What is taken out of a volume: what feeds hold beyond the last positions that count, as changes that are gone.
pub(super) struct Falling<'f> {
    pub(super) section: SectionId,
    pub(super) volume: VolumeId,
    pub(super) feeds: &'f [&'f Feed],
    gone: BTreeSet<[u8; 32]>,
}

/// An envelope that does not count by itself.
struct Doubtful {
    facts: EnvelopeFacts,
    judgement: Judgement,
    changes: Vec<Incoming>,
}

impl Record<'_> {
    /// Judges again what membership may see differently now, and takes branches in that stand. A device that was removed
    /// itself keeps what it has. Where nothing may be signed, this device's own feeds are left for another time, and so is
    /// what it built on: what it wrote and that falls could not be issued again.
    ///
    /// # Errors
    /// [`RecordError::must_wait`] where something that was to be signed would be refused; the store's.
    pub(crate) fn judge_again(&mut self, writer: &mut Writer, signing: Signing) -> Result<Received, RecordError> {
        if self.live.row.standing == Standing::Removed {
            return Ok(Received::default());
        }
        let may_sign = signing == Signing::Allowed;
        let mut volumes: BTreeMap<(SectionId, VolumeId), Vec<Feed>> = BTreeMap::new();
        for feed in self.feeds_in_question(writer)? {
            if may_sign || feed.row.device != self.live.row.device {
                volumes.entry((feed.row.section, feed.row.volume)).or_default().push(feed);
            }
        }
        let mut to_issue = Unsent::default();
        for ((section, volume), feeds) in volumes {
            self.settle(writer, section, volume, feeds, signing, &mut to_issue)?;
        }
        let received = self.take_branches(writer, signing, &mut to_issue)?;
        if may_sign {
            self.issue_fallen(writer, to_issue)?;
            self.admit_forks(writer)?;
        }
        Ok(received)
    }

    /// Issues again, under a new incarnation, what this device wrote and that fell; one that is dead it leaves anyway.
    pub(crate) fn issue_fallen(&mut self, writer: &mut Writer, to_issue: Unsent) -> Result<(), RecordError> {
        let me = self.live.members.current().device(&self.live.row.device);
        let is_dead = me.is_some_and(|me| me.dead.contains(&self.live.row.incarnation));
        if self.live.row.standing == Standing::Member && (is_dead || !to_issue.is_empty()) {
            self.renew(writer)?;
            self.issue_again(writer, to_issue)?;
        }
        Ok(())
    }

    /// Judges volumes again in which accepted changes wait for others: what they wait for may lie in quarantine.
    pub(super) fn settle_waiting(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volumes: BTreeSet<VolumeId>,
    ) -> Result<(), RecordError> {
        if volumes.is_empty() || writer.prefix(QUARANTINE, &Key::of(&self.live.id))?.next().is_none() {
            return Ok(());
        }
        let feeds = self.feeds_in_question(writer)?;
        // What this device wrote itself, or built on, falls only where it can be issued again: see `judge_again`.
        let own = self.live.row.device;
        for volume in volumes {
            let is_here =
                |feed: &&Feed| feed.row.section == section && feed.row.volume == volume && feed.row.device != own;
            let feeds: Vec<Feed> =
                feeds.iter().filter(is_here).map(|feed| Feed { row: feed.row.clone(), ..*feed }).collect();
            self.settle(writer, section, volume, feeds, Signing::Postponed, &mut Unsent::default())?;
        }
        Ok(())
    }

    /// The feeds that a removal, a fork or a voided right may cut, and those with something in quarantine.
    fn feeds_in_question(&self, writer: &Writer) -> Result<Vec<Feed>, RecordError> {
        let membership = self.live.members.current();
        let mut feeds = Vec::new();
        for (id, row) in self.feeds(writer)? {
            let stands = membership
                .device(&row.device)
                .is_some_and(|device| device.is_live && !device.dead.contains(&row.incarnation));
            if !stands || self.aside(writer, &id, row.seq.saturating_add(1))?.is_some() {
                let is_forked = self.is_beside(writer, &id, &row)?;
                feeds.push(Feed { id, kept: row.seq, row, is_forked });
            }
        }
        Ok(feeds)
    }

    fn settle(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        mut feeds: Vec<Feed>,
        signing: Signing,
        to_issue: &mut Unsent,
    ) -> Result<(), RecordError> {
        let mut doubtful = Vec::new();
        for feed in &mut feeds {
            self.doubt(writer, feed, &mut doubtful)?;
        }
        let alive = self.kept_alive(writer, section, volume, &doubtful)?;
        for feed in &mut feeds {
            let next = |seq: u32| doubtful.iter().find(|one| one.facts.feed == feed.id && one.facts.seq == seq + 1);
            while next(feed.kept).is_some_and(|one| feed.kept < feed.row.seq && alive.contains(&one.facts.id)) {
                feed.kept += 1;
            }
        }
        let cut: Vec<&Feed> = feeds.iter().filter(|feed| feed.kept < feed.row.seq).collect();
        if !cut.is_empty() {
            if signing == Signing::Postponed && self.carries_own(writer, section, volume, &cut)? {
                return Ok(());
            }
            self.cut(writer, section, volume, &cut, to_issue)?;
        }
        for feed in &feeds {
            self.take_back(writer, feed, &alive)?;
        }
        Ok(())
    }

    /// Finds where a feed ends by itself, and what lies beyond.
    fn doubt(&self, writer: &Writer, feed: &mut Feed, doubtful: &mut Vec<Doubtful>) -> Result<(), RecordError> {
        while feed.kept > 0 {
            // Under a snapshot the raw envelopes are not held: what it covers stays.
            let Some(stored) = self.stored(writer, &feed.id, feed.kept)? else { break };
            let Some(one) = self.look_again(writer, feed, feed.kept, &stored) else { break };
            doubtful.push(one);
            feed.kept -= 1;
        }
        for seq in feed.row.seq.saturating_add(1).. {
            let Some(stored) = self.aside(writer, &feed.id, seq)? else { break };
            let Some(one) = self.look_again(writer, feed, seq, &stored) else { break };
            doubtful.push(one);
        }
        Ok(())
    }

    /// An envelope, if it does not count by itself now.
    fn look_again(&self, writer: &Writer, feed: &Feed, seq: u32, stored: &StoredEnvelope) -> Option<Doubtful> {
        let kind = EnvelopeKind::from_number(feed.row.kind).ok()?;
        let context = self.context_of(&feed.row, stored, kind)?;
        let head = self.live.members.view(&stored.heads)?;
        let facts = EnvelopeFacts { id: stored.id, feed: feed.id, seq, context };
        let judgement = self.judged(writer, &facts, head);
        if !matches!(judgement, Judgement::Quarantine(_) | Judgement::Refused(_)) {
            return None;
        }
        let changes = if kind == EnvelopeKind::Changes { self.changes_in(&feed.row, stored) } else { Vec::new() };
        Some(Doubtful { facts, judgement, changes })
    }

    /// The changes of an envelope; none when it does not open or is malformed.
    pub(super) fn changes_in(&self, row: &FeedRow, stored: &StoredEnvelope) -> Vec<Incoming> {
        let Ok(payload) = self.open_kept(row, stored) else { return Vec::new() };
        let changes = decode_changes(&payload).ok().and_then(|changes| Incoming::read_all(&changes).ok());
        changes.unwrap_or_default()
    }

    /// The envelopes among `doubtful` that count because one that counts depends on them.
    fn kept_alive(
        &mut self,
        writer: &Writer,
        section: SectionId,
        volume: VolumeId,
        doubtful: &[Doubtful],
    ) -> Result<BTreeSet<EnvelopeId>, RecordError> {
        let mut alive = BTreeSet::new();
        let mut made_by: HashMap<[u8; 32], usize> = HashMap::new();
        let mut at: HashMap<(FeedId, u32), usize> = HashMap::new();
        for (index, one) in doubtful.iter().enumerate() {
            made_by.extend(one.changes.iter().map(|change| (change.hash(), index)));
            at.insert((one.facts.feed, one.facts.seq), index);
        }
        if made_by.is_empty() {
            return Ok(alive);
        }
        let changes = self.accepted_changes(writer, section, volume)?;
        for change in changes.iter().filter(|change| !made_by.contains_key(&change.hash())) {
            let mut open: Vec<usize> =
                change.dependencies().iter().filter_map(|hash| made_by.get(hash).copied()).collect();
            if open.is_empty() {
                continue;
            }
            let Some(head) = self.view_of_change(writer, change)? else { continue };
            let mut seen = BTreeSet::new();
            while let Some(index) = open.pop() {
                let Some(needed) = doubtful.get(index).filter(|_| seen.insert(index)) else { continue };
                if self.live.members.current().is_kept_alive(&needed.facts, needed.judgement, &[head]) {
                    alive.insert(needed.facts.id);
                }
                let before = needed.facts.seq.checked_sub(1).and_then(|seq| at.get(&(needed.facts.feed, seq)));
                open.extend(before);
                let dependencies = needed.changes.iter().flat_map(Incoming::dependencies);
                open.extend(dependencies.filter_map(|hash| made_by.get(&hash).copied()));
            }
        }
        Ok(alive)
    }

    /// The changes of a volume that were accepted: those in its document, oldest first, then those that wait.
    fn accepted_changes(
        &mut self,
        writer: &Writer,
        section: SectionId,
        volume: VolumeId,
    ) -> Result<Vec<Incoming>, RecordError> {
        let record = self.live.id;
        let mut changes = self.live.volumes.doc(self.store, &record, &section, volume)?.changes()?;
        for row in writer.prefix(CHANGE_WAITING, &Key::of(&record).section(&section).volume(volume))? {
            changes.push(Incoming::read(&row?.1).map_err(|_| StoreError::Damaged)?);
        }
        Ok(changes)
    }

    /// The head of the view of the envelope that carries an accepted change, where it is held.
    fn view_of_change(&self, writer: &Writer, change: &Incoming) -> Result<Option<OpId>, RecordError> {
        let Some(feed) = FeedId::from_slice(change.actor()) else { return Ok(None) };
        let Some(row) = self.feed(writer, &feed)? else { return Ok(None) };
        // An envelope holds at least one change.
        let last = u32::try_from(change.seq()).unwrap_or(u32::MAX).min(row.seq);
        for seq in (1..=last).rev() {
            let Some(stored) = self.stored(writer, &feed, seq)? else { return Ok(None) };
            let changes = self.changes_in(&row, &stored);
            if changes.iter().any(|other| other.hash() == change.hash()) {
                return Ok(self.live.members.view(&stored.heads));
            }
            if changes.last().is_some_and(|last| last.seq() < change.seq()) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether something that this device wrote builds on what lies beyond the ends of feeds.
    pub(super) fn carries_own(
        &mut self,
        writer: &Writer,
        section: SectionId,
        volume: VolumeId,
        feeds: &[&Feed],
    ) -> Result<bool, RecordError> {
        let mut falls: BTreeSet<[u8; 32]> = BTreeSet::new();
        for feed in feeds.iter().filter(|feed| feed.row.kind == EnvelopeKind::Changes.number()) {
            for seq in feed.kept.saturating_add(1)..=feed.row.seq {
                let Some(stored) = self.stored(writer, &feed.id, seq)? else { continue };
                falls.extend(self.changes_in(&feed.row, &stored).iter().map(Incoming::hash));
            }
        }
        if falls.is_empty() {
            return Ok(false);
        }
        let mut built = Vec::new();
        for change in in_order(self.accepted_changes(writer, section, volume)?) {
            if change.dependencies().iter().any(|hash| falls.contains(hash)) {
                falls.insert(change.hash());
                built.push(change);
            }
        }
        Ok(!self.own_changes(writer, built.iter())?.is_empty())
    }

    /// Takes what lies beyond the ends of feeds out of their volume and puts it in quarantine.
    pub(super) fn cut(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        feeds: &[&Feed],
        to_issue: &mut Unsent,
    ) -> Result<(), RecordError> {
        let mut gone: BTreeSet<[u8; 32]> = BTreeSet::new();
        for feed in feeds {
            let key = Key::of(&self.live.id).feed(&feed.id);
            for seq in feed.kept.saturating_add(1)..=feed.row.seq {
                let Some(stored) = self.stored(writer, &feed.id, seq)? else { continue };
                if feed.row.kind == EnvelopeKind::Batch.number() {
                    self.take_out_batch(writer, feed, &stored, to_issue)?;
                } else {
                    gone.extend(self.changes_in(&feed.row, &stored).iter().map(Incoming::hash));
                }
                self.put_fallen_aside(writer, &feed.id, seq, &stored)?;
                writer.remove(ENVELOPE, &key.clone().seq(seq))?;
            }
        }
        self.forget_to_send(writer, feeds)?;
        self.note_own_fallen(writer, feeds)?;
        let changes = self.accepted_changes(writer, section, volume)?;
        for feed in feeds {
            self.shorten(writer, feed, &changes, &gone)?;
        }
        if !gone.is_empty() {
            self.make_anew(writer, &Falling { section, volume, feeds, gone }, changes, to_issue)?;
        }
        Ok(())
    }

    fn take_out_batch(
        &self,
        writer: &mut Writer,
        feed: &Feed,
        stored: &StoredEnvelope,
        to_issue: &mut Unsent,
    ) -> Result<(), RecordError> {
        // A batch that was malformed from the start is in no table.
        let Ok(columns) = measures::decode(&self.open_kept(&feed.row, stored)?) else { return Ok(()) };
        self.unindex_batch(writer, &stored.id, &columns)?;
        if feed.row.device == self.live.row.device {
            to_issue.batches.push(columns);
        } else if self.falls_with_fork(feed) {
            self.note_fallen_batch(writer, &feed.id, &columns)?;
        }
        Ok(())
    }

    /// What is no longer part of a feed is not handed on.
    fn forget_to_send(&self, writer: &mut Writer, feeds: &[&Feed]) -> Result<(), RecordError> {
        for (number, row) in self.outbox_lines(writer)? {
            let OutboxRow::Envelope { feed, seq } = row else { continue };
            if feeds.iter().any(|cut| cut.id == feed && seq > cut.kept) {
                self.take_out(writer, number)?;
            }
        }
        Ok(())
    }

    /// Writes the state of a feed as of the last position that is kept.
    fn shorten(
        &self,
        writer: &mut Writer,
        feed: &Feed,
        changes: &[Incoming],
        gone: &BTreeSet<[u8; 32]>,
    ) -> Result<(), RecordError> {
        let stored = self.stored(writer, &feed.id, feed.kept)?;
        let own = changes.iter().filter(|change| change.actor() == feed.id.0 && !gone.contains(&change.hash()));
        let (change_seq, ops) = own.fold((0, 0), |(seq, ops), change| (change.seq().max(seq), ops + change.ops()));
        let is_poisoned = feed.row.is_poisoned && self.has_malformed(writer, feed)?;
        let row = FeedRow {
            seq: feed.kept,
            last: stored.as_ref().map_or(NO_PREDECESSOR, |stored| stored.id),
            heads: stored.as_ref().map_or([0; 32], |stored| stored.heads.0),
            change_seq,
            ops,
            is_poisoned,
            ..feed.row.clone()
        };
        Ok(self.put_feed(writer, &feed.id, &row)?)
    }

    /// Whether something lies in quarantine that is part of a feed up to the last position that is kept.
    fn has_malformed(&self, writer: &Writer, feed: &Feed) -> Result<bool, RecordError> {
        for seq in 1..=feed.kept {
            let Some(aside) = self.aside(writer, &feed.id, seq)? else { continue };
            if self.stored(writer, &feed.id, seq)?.is_none_or(|stored| stored.id == aside.id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a volume anew from `changes` without those that are gone. What built on them waits outside.
    fn make_anew(
        &mut self,
        writer: &mut Writer,
        falling: &Falling<'_>,
        changes: Vec<Incoming>,
        to_issue: &mut Unsent,
    ) -> Result<(), RecordError> {
        let record = self.live.id;
        let Falling { section, volume, ref gone, .. } = *falling;
        let (dropped, stay): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| gone.contains(&change.hash()));
        let (doc, waiting) = rebuilt(stay)?;
        let mine = self.own_changes(writer, dropped.iter().chain(&waiting))?;
        let old = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let mut entries = Vec::new();
        for place in old.touched(&mine) {
            let (after, before) = (old.fields(&place), doc.fields(&place));
            let Some(after) = after.filter(|after| before.as_ref() != Some(after)) else { continue };
            if place.container == "ledger" {
                // A line of one's own chain; whatever else lies there is no line.
                to_issue.lines.extend(serde_json::from_value::<LedgerLine>(serde_json::Value::Object(after)));
            } else {
                entries.push(EntryWrite { place, before, after });
            }
        }
        if !entries.is_empty() {
            to_issue.put_older(VolumeWrites { section, volume, entries });
        }
        self.note_fallen_entries(writer, falling, &dropped, &doc)?;
        let old = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let touched = old.touched(&dropped).into_iter().chain(old.touched(&waiting));
        let touched: BTreeSet<_> = touched.collect();
        update_view(writer, &record, &section, volume, &doc, touched)?;
        self.live.volumes.replace(writer, &record, &section, volume, doc)?;
        let prefix = Key::of(&record).section(&section).volume(volume);
        writer.remove_prefix(CHANGE_WAITING, &prefix)?;
        for change in waiting {
            writer.put(CHANGE_WAITING, &prefix.clone().bytes(&change.hash()), change.bytes())?;
        }
        Ok(())
    }

    /// Those of `changes` that this device made.
    fn own_changes<'c>(
        &self,
        writer: &Writer,
        changes: impl Iterator<Item = &'c Incoming>,
    ) -> Result<Vec<Incoming>, RecordError> {
        let mut own = Vec::new();
        for change in changes {
            let feed = FeedId::from_slice(change.actor()).map(|feed| self.feed(writer, &feed)).transpose()?.flatten();
            if feed.is_some_and(|feed| feed.device == self.live.row.device) {
                own.push(change.clone());
            }
        }
        Ok(own)
    }

    /// Takes envelopes of a feed out of quarantine that count now.
    fn take_back(&mut self, writer: &mut Writer, feed: &Feed, alive: &BTreeSet<EnvelopeId>) -> Result<(), RecordError> {
        let mut pending = Pending { alive: alive.clone(), ..Pending::default() };
        for seq in feed.kept.saturating_add(1).. {
            let Some(stored) = self.aside(writer, &feed.id, seq)?.filter(|stored| !stored.bytes.is_empty()) else {
                break;
            };
            let before = self.last_seq(writer, &feed.id)?;
            self.receive_one(writer, feed.row.section, &stored.bytes, &mut pending)?;
            if self.last_seq(writer, &feed.id)? == before {
                break;
            }
        }
        self.apply_pending(writer, feed.row.section, pending).map(drop)
    }
}

/// A document of `changes`, oldest first, and those of them that it cannot hold.
fn rebuilt(changes: Vec<Incoming>) -> Result<(Doc, Vec<Incoming>), RecordError> {
    let mut doc = Doc::empty()?;
    let mut waiting = Vec::new();
    let mut part = Vec::new();
    let mut ahead = Ahead::default();
    let mut ops = 0;
    for change in changes {
        if ops + change.ops() > CHANGE_OPS_PER_CALL_MAX {
            doc.apply(std::mem::take(&mut part))?;
            (ops, ahead) = (0, Ahead::default());
        }
        if doc.fit(&change, &ahead) == Fit::Ready {
            ops += change.ops();
            ahead.add(&change);
            part.push(change);
        } else {
            waiting.push(change);
        }
    }
    doc.apply(part)?;
    Ok((doc, waiting))
}
