//! Snapshots: a volume as one sealed object, with each author's last envelope as anchor.
//!
//! A change hash commits to its whole causal past, so a snapshot can be checked without trusting whoever made it: the
//! feeds of the cover, the actors of the document and the anchors must be the same set, each anchor must be the signed
//! envelope that the cover names, and each actor's newest change must be the last one inside its anchor. What is
//! dropped, invented or attributed to another shows, and the snapshot is refused; the raw log is still there.
//!
//! What was refused is remembered in [`rejected`].
//!
//! Snapshots are compared by heads, never by bytes. Source: `docs/format.md`, "Snapshots".

mod branch;
pub(crate) mod rejected;

use std::collections::{BTreeMap, HashMap, HashSet};

use carnet_crypto::{
    digest,
    fault::Fault,
    id::{DeviceId, EnvelopeId, EpochId, FeedId, ObjectId, SectionId, VolumeId},
};
use carnet_protocol::{
    codec::{DecodeError, Reader as Bytes, Writer as BytesOut},
    envelope::{Envelope, EnvelopeContext, EnvelopeKind},
    feed::Position,
    limits::{
        CHANGE_OPS_PER_CALL_MAX, COVER_ENTRIES_MAX, ENVELOPE_BYTES_MAX, SNAPSHOT_BYTES_MAX, SNAPSHOT_SEALED_BYTES_MAX,
    },
    membership::{
        Body, HeadsDigest, Judgement, PublishedObject, Scope,
        body::{ObjectKind, Seal},
    },
    payload::decode_changes,
};
use carnet_seal::{
    envelope::{open_object, seal_object},
    pad::{pad, unpad},
};

use crate::{
    crdt::{Doc, Incoming},
    payload::open_payload,
    receive::StoredEnvelope,
    record::{Record, RecordError},
    row::{FeedRow, OutboxRow, Standing},
    store::{StoreError, Writer},
    tables::{ENVELOPE, Key, OBJECT},
    volumes::update_view,
};

/// Why a snapshot is not taken. Nothing of it is; the raw log is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotRejected {
    /// Its document has other actors than its cover has feeds, or an actor's newest change is not that of its anchor.
    #[error("the snapshot holds other changes than its anchors prove")]
    Actors,
    /// An anchor is not the envelope that the cover names, or its author did not sign it.
    #[error("an anchor of the snapshot is not the signed envelope it stands for")]
    Anchor,
    /// The document does not load, or exceeds the limits.
    #[error("the document in the snapshot does not load")]
    Document,
    /// It goes on from another branch of a feed than the one that is held, and nothing says which of them stands.
    #[error("the snapshot holds another branch of a feed than this device, and nothing says which one stands")]
    Branch,
    /// The object does not open, or is not of this form.
    #[error("the snapshot does not open")]
    Sealed,
    /// By what is known here an author might not write there, or a key is missing. With more of the record it may hold.
    #[error("what is known here does not let the anchors of the snapshot count")]
    Unjudged,
    /// No operation publishes it.
    #[error("nobody published this snapshot")]
    Unpublished,
}

/// Why a snapshot could not be taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeSnapshotError {
    /// It was refused.
    #[error(transparent)]
    Rejected(#[from] SnapshotRejected),
    /// The store failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<StoreError> for TakeSnapshotError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl TakeSnapshotError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Rejected(_) => Fault::Peer,
            Self::Record(error) => error.fault(),
        }
    }
}

/// An author's last envelope, and what its signature covers besides.
pub(crate) struct Anchor {
    previous: EnvelopeId,
    pub(crate) heads: HeadsDigest,
    pub(crate) envelope: Vec<u8>,
}

/// A snapshot, opened.
pub(crate) struct Opened {
    pub(crate) document: Vec<u8>,
    pub(crate) anchors: Vec<Anchor>,
}

/// A snapshot that was checked: its document, and the state of each feed that it covers.
struct Checked {
    doc: Doc,
    feeds: Vec<(FeedId, FeedRow, StoredEnvelope)>,
}

impl Record<'_> {
    /// Makes a snapshot of every volume whose tail has grown past the trigger, and publishes it. Returns how many.
    ///
    /// # Errors
    /// The store's.
    pub fn make_snapshots(&mut self) -> Result<usize, RecordError> {
        if self.live.row.standing != Standing::Member {
            return Ok(0);
        }
        let due = self.volumes_due()?;
        let mut made = 0;
        for (section, volume) in due {
            made += usize::from(self.commit(|record, writer| record.make_snapshot(writer, section, volume))?);
        }
        Ok(made)
    }

    /// The volumes this device may write whose tail, over the last published snapshot, is longer than the trigger.
    fn volumes_due(&self) -> Result<Vec<(SectionId, VolumeId)>, RecordError> {
        let reader = self.store.read()?;
        let mut tails: BTreeMap<(SectionId, VolumeId), u64> = BTreeMap::new();
        for (feed, row) in self.feeds(&reader)? {
            let may_write = self.live.members.current().may(&self.live.row.device, &row.section, Scope::WRITE);
            if row.kind != EnvelopeKind::Changes.number() || !may_write {
                continue;
            }
            let covered = self.published(&row.section, row.volume).map_or(0, |published| covered_seq(published, &feed));
            for seq in covered.saturating_add(1)..=row.seq {
                let bytes = self.stored(&reader, &feed, seq)?.map_or(0, |stored| stored.bytes.len());
                *tails.entry((row.section, row.volume)).or_default() += u64::try_from(bytes).unwrap_or(0);
            }
        }
        let mut due = Vec::new();
        for ((section, volume), tail) in tails {
            let last = match self.published(&section, volume) {
                Some(published) => self.blobs.sealed_bytes(&reader, &published.object)?.unwrap_or(0),
                None => 0,
            };
            if tail > TAIL_BYTES_MIN.max(last / 100 * TAIL_PERCENT) {
                due.push((section, volume));
            }
        }
        Ok(due)
    }

    /// The newest published snapshot of a volume: the one whose cover reaches furthest, of those that stand.
    fn published(&self, section: &SectionId, volume: VolumeId) -> Option<&PublishedObject> {
        let membership = self.live.members.current();
        let snapshots = membership.objects(section).filter(|object| {
            object.volume == volume && object.kind == ObjectKind::Snapshot && !membership.is_overruled(object)
        });
        snapshots.max_by_key(|object| reach(object))
    }

    fn make_snapshot(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
    ) -> Result<bool, RecordError> {
        let record = self.live.id;
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let (document, newest) = (doc.save(), doc.newest_by_actor());
        let mut cover = Vec::new();
        let mut anchors = Vec::new();
        for (actor, (_, hash)) in &newest {
            let feed = FeedId::from_slice(actor).ok_or(RecordError::Damaged("an actor that is no feed"))?;
            let Some((seq, stored)) = self.anchor_of(writer, &feed, hash)? else { return Ok(false) };
            cover.push(Position { feed, seq, id: stored.id });
            anchors.push(Anchor { previous: stored.previous, heads: stored.heads, envelope: stored.bytes });
        }
        // What waits outside the document makes a tail that no snapshot shortens.
        let is_new = self.published(&section, volume).is_none_or(|published| published.cover != cover);
        if !is_new || !Doc::is_for_others(&document) {
            return Ok(false);
        }
        let epoch = self.epoch_to_write(writer, &section)?;
        let key = self.live.keys.of(&epoch).ok_or(RecordError::Ours("an epoch without its key"))?;
        let plaintext = pad(Opened { document, anchors }.encode());
        let context = object_context(&record.0, &section, volume, &epoch, &cover);
        let object = seal_object(key, &context, &plaintext, &mut self.door.rng);
        if object.len() > SNAPSHOT_SEALED_BYTES_MAX {
            return Ok(false);
        }
        let id = self.blobs.keep_sealed(writer, &object, &mut self.door.rng)?;
        writer.put(OBJECT, &Key::of(&record).object(&id), &[])?;
        self.enqueue(writer, &OutboxRow::Object { object: id })?;
        self.publish_seal(writer, section, volume, cover, id)?;
        Ok(true)
    }

    /// The envelope of a feed that ends with the change `newest`. It is not always the last one: what is in quarantine,
    /// or waits for others, is in no document.
    fn anchor_of(
        &self,
        writer: &Writer,
        feed: &FeedId,
        newest: &[u8; 32],
    ) -> Result<Option<(u32, StoredEnvelope)>, RecordError> {
        for seq in (1..=self.last_seq(writer, feed)?).rev() {
            let Some(stored) = self.stored(writer, feed, seq)? else { return Ok(None) };
            let payload = self.open_stored(writer, feed, seq)?;
            let last = decode_changes(&payload).ok().and_then(|changes| Incoming::read(changes.last()?).ok());
            if last.is_some_and(|last| last.hash() == *newest) {
                return Ok(Some((seq, stored)));
            }
        }
        Ok(None)
    }

    pub(crate) fn publish_seal(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        cover: Vec<Position>,
        object: ObjectId,
    ) -> Result<(), RecordError> {
        let at = self.now();
        let seal = Seal { section, volume, cover, kind: ObjectKind::Snapshot, object, position: None };
        self.sign_op(writer, at, Body::Seal(seal), &[]).map(drop)
    }

    /// The published snapshots that reach further than what this device holds and were not refused, those that reach
    /// furthest first. Where one does not hold, the next one may: whoever publishes a lie must not hide what is true, and
    /// however many a device publishes, the first of every other comes before its second.
    ///
    /// # Errors
    /// The store's.
    pub fn snapshots_wanted(&self) -> Result<Vec<ObjectId>, RecordError> {
        let reader = self.store.read()?;
        let mut wanted = Vec::new();
        for section in self.live.members.current().sections() {
            let objects = self.live.members.current().objects(&section);
            for published in objects.filter(|object| object.kind == ObjectKind::Snapshot) {
                let mut is_behind = false;
                for position in &published.cover {
                    is_behind |= self.last_seq(&reader, &position.feed)? < position.seq;
                }
                let is_overruled = self.live.members.current().is_overruled(published);
                if is_behind && !is_overruled && !self.is_rejected(&reader, published)? {
                    wanted.push((reach(published), published.object, &published.devices));
                }
            }
        }
        wanted.sort_unstable_by(|one, two| two.cmp(one));
        let mut published_by: HashMap<DeviceId, usize> = HashMap::new();
        let ranked = wanted.into_iter().map(|(_, object, devices)| {
            let counts = devices.iter().map(|device| published_by.get(device).copied().unwrap_or(0));
            let rank = counts.min().unwrap_or(0);
            for device in devices {
                *published_by.entry(*device).or_default() += 1;
            }
            (rank, object)
        });
        let mut ranked: Vec<(usize, ObjectId)> = ranked.collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut seen = HashSet::new();
        ranked.retain(|(_, object)| seen.insert(*object));
        Ok(ranked.into_iter().map(|(_, object)| object).collect())
    }

    /// Takes a snapshot in: checks it against its anchors, then merges it into its volume. Durable when this returns.
    /// Whoever publishes the same object as something else only has that refused, and not the object.
    ///
    /// # Errors
    /// [`SnapshotRejected`]: then nothing of it was taken, and it is not wanted again.
    pub fn receive_snapshot(&mut self, object: &[u8]) -> Result<(), TakeSnapshotError> {
        let id = ObjectId(digest::content_hash(object));
        let mut is_taken = false;
        let mut refused = Vec::new();
        for published in self.published_as(&id) {
            match self.take_published(&published, object) {
                Ok(()) => is_taken = true,
                Err(TakeSnapshotError::Rejected(why)) => refused.push((published, why)),
                Err(error) => return Err(error),
            }
        }
        self.reject_published(&id, &refused, is_taken)?;
        if is_taken {
            return Ok(());
        }
        Err(refused.first().map_or(SnapshotRejected::Unpublished, |(_, why)| *why).into())
    }

    fn take_published(&mut self, published: &PublishedObject, object: &[u8]) -> Result<(), TakeSnapshotError> {
        let checked = self.check_snapshot(published, object)?;
        let parted = self.step_aside(published, &checked)?.ok_or(SnapshotRejected::Branch)?;
        self.commit(|record, writer| {
            record.forget_rejection(writer, published)?;
            record.blobs.keep_sealed(writer, object, &mut record.door.rng)?;
            let to_issue = record.give_way(writer, &parted)?;
            record.merge_snapshot(writer, published, checked)?;
            record.issue_fallen(writer, to_issue)
        })?;
        Ok(())
    }

    /// Confirms the published snapshots whose whole cover this device holds and whose object it has fetched back.
    /// Returns how many.
    ///
    /// # Errors
    /// The store's. A snapshot that does not hold is passed over: it is not confirmed.
    pub fn confirm_snapshots(&mut self) -> Result<usize, RecordError> {
        let me = self.live.row.device;
        if self.live.row.standing != Standing::Member {
            return Ok(0);
        }
        let mut confirmed = 0;
        for section in self.live.members.current().sections() {
            let objects: Vec<PublishedObject> = self.live.members.current().objects(&section).cloned().collect();
            for published in objects {
                let is_mine = published.devices.contains(&me);
                if published.is_confirmed || is_mine || published.kind != ObjectKind::Snapshot {
                    continue;
                }
                let object = {
                    let reader = self.store.read()?;
                    let holds_all = published.cover.iter().all(|position| {
                        let held = self.stored(&reader, &position.feed, position.seq).ok().flatten();
                        held.is_some_and(|held| held.id == position.id)
                    });
                    let limit = u64::try_from(SNAPSHOT_SEALED_BYTES_MAX).unwrap_or(u64::MAX);
                    let object = self.blobs.read_sealed(&reader, &published.object, limit);
                    object.ok().filter(|_| holds_all)
                };
                let Some(object) = object else { continue };
                if self.check_snapshot(&published, &object).is_err() {
                    continue;
                }
                let PublishedObject { volume, cover, object, .. } = published;
                self.commit(|record, writer| record.publish_seal(writer, section, volume, cover, object))?;
                confirmed += 1;
            }
        }
        Ok(confirmed)
    }

    /// Everything that an object is published as a snapshot of: at most one is true of it.
    pub(crate) fn published_as(&self, id: &ObjectId) -> Vec<PublishedObject> {
        let membership = self.live.members.current();
        let sections = membership.sections();
        let objects = sections.iter().flat_map(|section| membership.objects(section));
        objects.filter(|object| object.object == *id && object.kind == ObjectKind::Snapshot).cloned().collect()
    }

    fn check_snapshot(&self, published: &PublishedObject, object: &[u8]) -> Result<Checked, SnapshotRejected> {
        let opened = self.open_snapshot(published, object)?;
        if opened.anchors.len() != published.cover.len() {
            return Err(SnapshotRejected::Anchor);
        }
        let doc = Doc::load(&opened.document).map_err(|_| SnapshotRejected::Document)?;
        let newest = doc.newest_by_actor();
        let mut ops: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        for change in doc.changes().map_err(|_| SnapshotRejected::Document)? {
            *ops.entry(change.actor().to_vec()).or_default() += change.ops();
        }
        let mut feeds = Vec::new();
        for (position, anchor) in published.cover.iter().zip(&opened.anchors) {
            let (row, stored, last) = self.check_anchor(published, position, anchor)?;
            let (seq, hash) = *newest.get(position.feed.0.as_slice()).ok_or(SnapshotRejected::Actors)?;
            if last.hash() != hash || last.seq() != seq {
                return Err(SnapshotRejected::Actors);
            }
            let ops = ops.get(position.feed.0.as_slice()).copied().unwrap_or(0);
            feeds.push((position.feed, FeedRow { change_seq: seq, ops, ..row }, stored));
        }
        if newest.len() != feeds.len() {
            return Err(SnapshotRejected::Actors);
        }
        Ok(Checked { doc, feeds })
    }

    /// Opens the object under any key of its section: the epoch is the one that was current when it was made.
    fn open_snapshot(&self, published: &PublishedObject, object: &[u8]) -> Result<Opened, SnapshotRejected> {
        if object.len() > SNAPSHOT_SEALED_BYTES_MAX {
            return Err(SnapshotRejected::Sealed);
        }
        let PublishedObject { section, volume, cover, .. } = published;
        let epochs = self.live.members.current().epochs(section);
        let mut keys = epochs.iter().rev().filter_map(|epoch| Some((epoch.id, self.live.keys.of(&epoch.id)?)));
        let plaintext = keys.find_map(|(epoch, key)| {
            let context = object_context(&self.live.id.0, section, *volume, &epoch, cover);
            open_object(key, &context, object).ok()
        });
        let has_all_keys = epochs.iter().all(|epoch| self.live.keys.of(&epoch.id).is_some());
        let plaintext =
            plaintext.ok_or(if has_all_keys { SnapshotRejected::Sealed } else { SnapshotRejected::Unjudged })?;
        let plaintext = unpad(&plaintext).map_err(|_| SnapshotRejected::Sealed)?;
        Opened::decode(plaintext).map_err(|_| SnapshotRejected::Sealed)
    }

    /// An anchor is the envelope that the cover names, signed by a device that might write. Returns its last change.
    fn check_anchor(
        &self,
        published: &PublishedObject,
        position: &Position,
        anchor: &Anchor,
    ) -> Result<(FeedRow, StoredEnvelope, Incoming), SnapshotRejected> {
        let (refused, unjudged) = (SnapshotRejected::Anchor, SnapshotRejected::Unjudged);
        let envelope = Envelope::decode(&anchor.envelope).map_err(|_| refused)?;
        let header = &envelope.header;
        let membership = self.live.members.current();
        let candidates =
            membership.feed_candidates(&published.section, published.volume, EnvelopeKind::Changes, header.feed);
        let candidate = candidates.into_iter().find(|candidate| candidate.feed == position.feed).ok_or(unjudged)?;
        let head = self.live.members.view(&anchor.heads).ok_or(unjudged)?;
        let epochs: Vec<EpochId> =
            membership.epochs_hinted(&published.section, header.epoch).map(|epoch| epoch.id).collect();
        for epoch in epochs {
            let context = EnvelopeContext {
                record: self.live.id,
                section: published.section,
                volume: published.volume,
                kind: EnvelopeKind::Changes,
                device: candidate.device,
                key: candidate.key,
                incarnation: candidate.incarnation,
                previous: anchor.previous,
                heads: anchor.heads,
                epoch,
            };
            let Ok(verified) = envelope.verify(&context) else { continue };
            let facts = verified.get();
            let is_it = facts.id == position.id && facts.seq == position.seq && facts.feed == position.feed;
            // The view of the anchor stood behind a right to write: the author was let into the cover by that alone.
            let judged = membership.judge(facts, &[head], &|_| Some(true));
            if !is_it {
                return Err(refused);
            }
            if matches!(judged, Judgement::Refused(_) | Judgement::Quarantine(_)) {
                return Err(unjudged);
            }
            let key = self.live.keys.of(&epoch).ok_or(unjudged)?;
            let (payload, _) = open_payload(&context, &envelope, key).map_err(|_| refused)?;
            let changes = decode_changes(&payload).map_err(|_| refused)?;
            let last = Incoming::read_all(&changes).map_err(|_| refused)?.pop().ok_or(refused)?;
            let kind = EnvelopeKind::Changes.number();
            let empty =
                FeedRow::empty(candidate.device, candidate.incarnation, published.section, published.volume, kind);
            let row = FeedRow { seq: position.seq, last: position.id, heads: anchor.heads.0, ..empty };
            let row_bytes = StoredEnvelope::row(&context, &position.id, &anchor.envelope);
            let stored = StoredEnvelope::read(&row_bytes).map_err(|_| refused)?;
            return Ok((row, stored, last));
        }
        Err(refused)
    }

    /// Puts a checked snapshot into its volume, and the feeds it covers at the places it covers.
    fn merge_snapshot(
        &mut self,
        writer: &mut Writer,
        published: &PublishedObject,
        checked: Checked,
    ) -> Result<(), RecordError> {
        let record = self.live.id;
        let (section, volume) = (published.section, published.volume);
        let own = self.live.volumes.doc(self.store, &record, &section, volume)?;
        if own.newest_by_actor().is_empty() {
            self.live.volumes.replace(writer, &record, &section, volume, checked.doc)?;
        } else {
            let changes = checked.doc.changes()?;
            let hashes: Vec<[u8; 32]> = changes.iter().map(Incoming::hash).collect();
            let missing: HashSet<[u8; 32]> = own.missing(&hashes).into_iter().collect();
            let new: Vec<Incoming> = changes.into_iter().filter(|change| missing.contains(&change.hash())).collect();
            let mut part = Vec::new();
            let mut ops = 0;
            for change in &new {
                if ops + change.ops() > CHANGE_OPS_PER_CALL_MAX {
                    own.apply(std::mem::take(&mut part))?;
                    ops = 0;
                }
                ops += change.ops();
                part.push(change.clone());
            }
            own.apply(part)?;
            for change in &new {
                self.live.volumes.store_change(writer, &record, &section, volume, change.bytes())?;
            }
        }
        for (feed, row, stored) in checked.feeds {
            if self.last_seq(writer, &feed)? < row.seq {
                self.put_feed(writer, &feed, &row)?;
                let key = Key::of(&record).feed(&feed).seq(row.seq);
                writer.put(ENVELOPE, &key, &stored.encode())?;
            }
        }
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let places = doc.places();
        update_view(writer, &record, &section, volume, doc, places)?;
        self.apply_waiting(writer, section, volume)?;
        if section == crate::vault::roster_of(&self.live.row.salt) {
            self.live.sections = crate::vault::read_sections(writer, &record, &self.live.row.salt)?;
        }
        Ok(())
    }
}

impl Opened {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = BytesOut::new();
        writer.bytes(&self.document).count(self.anchors.len());
        for anchor in &self.anchors {
            writer.raw(&anchor.previous.0).raw(&anchor.heads.0).bytes(&anchor.envelope);
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Bytes::new(bytes);
        let document = reader.bytes(SNAPSHOT_BYTES_MAX, "document")?.to_vec();
        let anchors = reader.list(COVER_ENTRIES_MAX, 66, "anchors", |reader| {
            Ok(Anchor {
                previous: EnvelopeId(reader.array("predecessor")?),
                heads: HeadsDigest(reader.array("membership heads")?),
                envelope: reader.bytes(ENVELOPE_BYTES_MAX, "envelope")?.to_vec(),
            })
        })?;
        reader.finish("snapshot")?;
        Ok(Self { document, anchors })
    }
}

/// What the AEAD of a snapshot binds.
pub(crate) fn object_context(
    record: &[u8; 32],
    section: &SectionId,
    volume: VolumeId,
    epoch: &EpochId,
    cover: &[Position],
) -> Vec<u8> {
    let mut writer = BytesOut::new();
    writer.raw(b"carnet/1 snapshot\0").raw(record).raw(&section.0).u32(volume.0).raw(&epoch.0).count(cover.len());
    for position in cover {
        writer.raw(&position.feed.0).u32(position.seq).raw(&position.id.0);
    }
    writer.finish()
}

/// How far a snapshot reaches: the positions of its cover, summed.
fn reach(published: &PublishedObject) -> u64 {
    published.cover.iter().map(|position| u64::from(position.seq)).sum()
}

fn covered_seq(published: &PublishedObject, feed: &FeedId) -> u32 {
    published.cover.iter().find(|position| position.feed == *feed).map_or(0, |position| position.seq)
}

/// A tail is at least this long, in bytes, before a snapshot is made.
const TAIL_BYTES_MIN: u64 = 8 << 10;
/// And at least this part of the last snapshot, in percent.
const TAIL_PERCENT: u64 = 12;
