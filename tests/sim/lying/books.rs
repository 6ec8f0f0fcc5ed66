//! What the lying relay keeps of one record, and which part of it it shows to whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, ObjectId, OpId, RecordId, SectionId},
    sign::SigningKey,
};
use carnet_protocol::{
    checkpoint::{Checkpoint, Head, Leaves, Receipt, ShortCheckpoint, SignedReceipt, VisibleLeaf, root},
    frame::{
        Batch, COALESCED_BYTES, Cause, Denial, Frame, Item, Mismatch, ObjectPart, ObjectState, Pull, Pulled, Push,
        Pushed, Reconcile, SectionRef, SentOperation, SentView, Tail, Vector, VectorEntry,
    },
    membership::{Body, Op, device_id},
};

use super::{Identify, Stream};
use crate::executor::NodeId;

/// An operation as it was pushed.
#[derive(Debug)]
pub(crate) struct LoggedOp {
    pub(crate) id: OpId,
    pub(crate) by: NodeId,
    pub(crate) sent: SentOperation,
}

/// An envelope as it was pushed.
#[derive(Debug)]
pub(crate) struct LoggedEnvelope {
    pub(crate) id: EnvelopeId,
    pub(crate) by: NodeId,
    pub(crate) section: SectionId,
    pub(crate) bytes: Vec<u8>,
}

/// One thing that was pushed.
#[derive(Clone, Debug)]
pub(crate) enum Logged {
    Op(Rc<LoggedOp>),
    Envelope(Rc<LoggedEnvelope>),
}

impl Logged {
    /// The envelope, if it is one.
    pub(crate) fn envelope(&self) -> Option<&Rc<LoggedEnvelope>> {
        match self {
            Self::Envelope(envelope) => Some(envelope),
            Self::Op(_) => None,
        }
    }

    /// Who pushed it.
    pub(crate) fn by(&self) -> NodeId {
        match self {
            Self::Op(op) => op.by,
            Self::Envelope(envelope) => envelope.by,
        }
    }
}

/// The history that one device is shown.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    /// How much of the truth was looked at.
    considered: usize,
    pub(crate) ops: Vec<Rc<LoggedOp>>,
    pub(crate) sections: BTreeMap<SectionId, Vec<Rc<LoggedEnvelope>>>,
}

impl Shown {
    /// Goes on with one thing more.
    pub(crate) fn append(&mut self, logged: &Logged) {
        match logged {
            Logged::Op(op) => {
                if !self.ops.iter().any(|held| held.id == op.id) {
                    self.ops.push(Rc::clone(op));
                }
            }
            Logged::Envelope(envelope) => {
                let log = self.sections.entry(envelope.section).or_default();
                if !log.iter().any(|held| held.id == envelope.id) {
                    log.push(Rc::clone(envelope));
                }
            }
        }
    }

    /// Whether whoever followed this history may be shown `later` without being lied to.
    pub(crate) fn goes_on_as(&self, later: &Self) -> bool {
        let goes_on = |before: Vec<Head>, after: Vec<Head>| after.starts_with(&before);
        goes_on(self.membership(), later.membership())
            && self.sections.keys().all(|section| goes_on(self.section(section), later.section(section)))
    }

    fn membership(&self) -> Vec<Head> {
        chain(self.ops.iter().map(|op| op.id.0))
    }

    fn section(&self, section: &SectionId) -> Vec<Head> {
        chain(self.sections.get(section).into_iter().flatten().map(|envelope| envelope.id.0))
    }

    fn heads(&self) -> BTreeMap<SectionId, Head> {
        let sections = self.sections.iter().filter(|(_, log)| !log.is_empty());
        sections.map(|(section, _)| (*section, *self.section(section).last().unwrap_or(&Head::START))).collect()
    }
}

/// Where a log stood after each of its ids, from none on.
fn chain(ids: impl Iterator<Item = [u8; 32]>) -> Vec<Head> {
    let mut heads = vec![Head::START];
    for id in ids {
        let head = heads.last().unwrap_or(&Head::START).append(&id);
        heads.push(head);
    }
    heads
}

/// Whether a device is shown something.
type Shows = Box<dyn FnMut(NodeId, &Logged) -> bool>;
/// What is sent to a device in the place of a frame, by one who knows everything that was pushed.
type Alters = Box<dyn FnMut(NodeId, Frame, &[Logged]) -> Vec<Frame>>;
/// What the relay keeps of one record.
pub(crate) struct Books {
    record: RecordId,
    key: Rc<SigningKey>,
    pub(crate) store_epoch: u64,
    /// By how much the times that it signs are off, in milliseconds.
    pub(crate) skew_ms: i64,
    /// Everything that was pushed, in its order.
    pub(crate) truth: Vec<Logged>,
    known: BTreeSet<[u8; 32]>,
    /// Who was ever a device of the record. It serves these, removed or not, and no stranger.
    pub(super) devices: BTreeSet<DeviceId>,
    views: Vec<SentView>,
    pub(crate) objects: BTreeMap<ObjectId, (u64, Vec<u8>)>,
    pub(crate) shown: BTreeMap<NodeId, Shown>,
    pub(crate) shows: Shows,
    pub(crate) alters: Alters,
}

impl Books {
    pub(super) fn new(record: RecordId, key: Rc<SigningKey>) -> Self {
        Self {
            record,
            key,
            store_epoch: 1,
            skew_ms: 0,
            truth: Vec::new(),
            known: BTreeSet::new(),
            devices: BTreeSet::new(),
            views: Vec::new(),
            objects: BTreeMap::new(),
            shown: BTreeMap::new(),
            shows: Box::new(|_, _| true),
            alters: Box::new(|_, frame, _| vec![frame]),
        }
    }

    /// The same books, kept honestly from here on.
    pub(super) fn copy(&self) -> Self {
        Self {
            store_epoch: self.store_epoch,
            truth: self.truth.clone(),
            known: self.known.clone(),
            devices: self.devices.clone(),
            views: self.views.clone(),
            objects: self.objects.clone(),
            shown: self.shown.clone(),
            ..Self::new(self.record, Rc::clone(&self.key))
        }
    }

    /// Everything is lost, but that there is such a record, and who may ask for it.
    pub(crate) fn lose_everything(&mut self) {
        let (store_epoch, devices) = (self.store_epoch, std::mem::take(&mut self.devices));
        *self = Self { store_epoch, devices, ..Self::new(self.record, Rc::clone(&self.key)) };
    }

    pub(super) fn respond(
        &mut self,
        stream: &Stream,
        frame: Frame,
        now: UnixMillis,
        identify: &Identify,
    ) -> Vec<Frame> {
        self.catch_up(stream.from);
        let now = UnixMillis(now.0.saturating_add_signed(self.skew_ms));
        match frame {
            Frame::Pull(pull) => self.pull(stream.from, &pull, now),
            Frame::Reconcile(asked) => self.reconcile(stream, &asked, now),
            Frame::Push(push) => vec![self.push(stream.from, push, now, identify)],
            Frame::PartsWanted(wanted) => {
                let ops = self.truth.iter().filter_map(|logged| match logged {
                    Logged::Op(op) if wanted.ids.contains(&op.id) => Some(op.sent.clone()),
                    _ => None,
                });
                vec![Frame::Parts(Batch { operations: ops.collect(), views: Vec::new() })]
            }
            Frame::ObjectAsked(asked) => vec![Frame::ObjectState(self.state(asked.object))],
            Frame::ObjectPut(part) => {
                let object = self.objects.entry(part.object).or_insert((part.total, Vec::new()));
                if u64::try_from(object.1.len()).unwrap() == part.start {
                    object.1.extend(&part.bytes);
                }
                vec![Frame::ObjectState(self.state(part.object))]
            }
            Frame::ObjectWanted(wanted) => {
                let Some((total, bytes)) = self.objects.get(&wanted.object) else {
                    return vec![Frame::Denied(Denial::Absent)];
                };
                let start = usize::try_from(wanted.start).unwrap().min(bytes.len());
                let end = bytes.len().min(start + usize::try_from(wanted.bytes).unwrap());
                let part = bytes[start..end].to_vec();
                vec![Frame::ObjectPart(ObjectPart {
                    object: wanted.object,
                    total: *total,
                    start: wanted.start,
                    bytes: part,
                })]
            }
            Frame::Subscribe => Vec::new(),
            _ => vec![Frame::Denied(Denial::OutOfPlace)],
        }
    }

    /// What has come since is shown too, as far as this device is to see it.
    fn catch_up(&mut self, to: NodeId) {
        let shown = self.shown.entry(to).or_default();
        for logged in &self.truth[shown.considered.min(self.truth.len())..] {
            if logged.by() == to || (self.shows)(to, logged) {
                shown.append(logged);
            }
        }
        shown.considered = self.truth.len();
    }

    /// From now on nothing is hidden, altered or dated wrongly.
    pub(crate) fn repent(&mut self) {
        self.shows = Box::new(|_, _| true);
        self.alters = Box::new(|_, frame, _| vec![frame]);
        self.skew_ms = 0;
    }

    /// What a device would be shown now.
    pub(crate) fn shown_to(&mut self, to: NodeId) -> Shown {
        self.catch_up(to);
        self.shown.get(&to).cloned().unwrap_or_default()
    }

    /// From now on `to` is shown this, and what comes after this moment.
    pub(crate) fn show_as(&mut self, to: NodeId, shown: Shown) {
        self.shown.insert(to, Shown { considered: self.truth.len(), ..shown });
    }

    /// From now on `to` sees everything, in the order in which it came.
    pub(crate) fn show_the_truth(&mut self, to: NodeId) {
        let mut shown = Shown { considered: self.truth.len(), ..Shown::default() };
        for logged in &self.truth {
            shown.append(logged);
        }
        self.shown.insert(to, shown);
    }

    pub(super) fn take_op(&mut self, by: NodeId, sent: SentOperation) -> Option<OpId> {
        let op = Op::decode(&sent.op).ok()?;
        let id = op.id();
        self.devices.insert(op.author());
        if let (Body::DeviceAdd(added), Some(salt)) = (op.body(), self.salt()) {
            self.devices.insert(device_id(&salt, &added.keys.signing));
        }
        if self.known.insert(id.0) {
            let sent = SentOperation { receipts: Vec::new(), ..sent };
            self.truth.push(Logged::Op(Rc::new(LoggedOp { id, by, sent })));
        }
        Some(id)
    }

    /// The salt of the record's ids, which its first operation names.
    fn salt(&self) -> Option<[u8; 32]> {
        self.truth.iter().find_map(|logged| match logged {
            Logged::Op(op) => match Op::decode(&op.sent.op).ok()?.body() {
                Body::Genesis(genesis) => Some(genesis.key_salt),
                _ => None,
            },
            Logged::Envelope(_) => None,
        })
    }

    fn receipt(&self, to: NodeId, op: &OpId, now: UnixMillis) -> SignedReceipt {
        let ops = self.shown.get(&to).map(|shown| shown.ops.as_slice()).unwrap_or_default();
        let position = ops.iter().position(|held| held.id == *op).map_or(1, |index| index + 1);
        let position = u64::try_from(position).unwrap();
        Receipt { record: self.record, store_epoch: self.store_epoch, position, time: now, op: *op }.sign(&self.key)
    }

    fn push(&mut self, from: NodeId, push: Push, now: UnixMillis, identify: &Identify) -> Frame {
        let mut receipts = Vec::new();
        let mut own = Vec::new();
        for (index, item) in (0_u16..).zip(push.items) {
            match item {
                Item::Operation(sent) => {
                    if let Some(id) = self.take_op(from, sent) {
                        own.push(id.0);
                        receipts.push((index, id));
                    }
                }
                Item::View(view) => self.views.push(view),
                Item::Envelope(SectionRef::Named(section), bytes) => {
                    let Some(id) = identify(&self.record, &section, &bytes) else { continue };
                    own.push(id.0);
                    if self.known.insert(id.0) {
                        let envelope = LoggedEnvelope { id, by: from, section, bytes };
                        self.truth.push(Logged::Envelope(Rc::new(envelope)));
                    }
                }
                Item::Envelope(SectionRef::Slot(_), _) => {}
            }
        }
        self.catch_up(from);
        // Whoever pushes something has it, and whatever it was kept from before it is shown now.
        let pushed = self.truth.iter().filter(|logged| own.contains(&id_of(logged))).cloned().collect::<Vec<_>>();
        let shown = self.shown.entry(from).or_default();
        for logged in &pushed {
            shown.append(logged);
        }
        let receipts = receipts.into_iter().map(|(index, id)| (index, self.receipt(from, &id, now))).collect();
        Frame::Pushed(Pushed { receipts, refusals: Vec::new(), checkpoint: self.checkpoint(from, now) })
    }

    fn pull(&mut self, to: NodeId, pull: &Pull, now: UnixMillis) -> Vec<Frame> {
        let shown = self.shown.get(&to).cloned().unwrap_or_default();
        let mut mismatches = Vec::new();
        let mut frames = Vec::new();
        let heads = shown.membership();
        match place(&heads, |head| pull.membership.is_at(head), pull.membership.position) {
            Some(from) => frames.extend(self.operations(to, &shown.ops[from..], pull.views, now)),
            None => mismatches.push(Mismatch::Membership),
        }
        let mut asked = BTreeSet::new();
        for (slot, (hint, cursor)) in (0_u16..).zip(&pull.sections) {
            let Some(section) = shown.sections.keys().find(|section| section.0.starts_with(hint)).copied() else {
                mismatches.push(Mismatch::Section(slot));
                continue;
            };
            asked.insert(section);
            match place(&shown.section(&section), |head| cursor.is_at(head), cursor.position) {
                Some(from) => frames.extend(tails(section, &shown.sections[&section][from..], false)),
                None => mismatches.push(Mismatch::Section(slot)),
            }
        }
        for (section, log) in shown.sections.iter().filter(|(section, _)| !asked.contains(*section)) {
            frames.extend(tails(*section, log, false));
        }
        let checkpoint = Some(self.checkpoint(to, now));
        frames.push(Frame::Pulled(Pulled { cause: Cause::Pull, mismatches, checkpoint }));
        frames
    }

    fn operations(&self, to: NodeId, ops: &[Rc<LoggedOp>], views: u64, now: UnixMillis) -> Vec<Frame> {
        let views = self.views.get(usize::try_from(views).unwrap()..).unwrap_or_default().to_vec();
        let mut frames = Vec::new();
        let mut batch = Batch { operations: Vec::new(), views };
        let mut bytes = 0;
        for op in ops {
            bytes += op.sent.op.len() + op.sent.parts.iter().map(Vec::len).sum::<usize>();
            if bytes > COALESCED_BYTES && !batch.operations.is_empty() {
                frames.push(Frame::Operations(std::mem::take(&mut batch)));
                bytes = 0;
            }
            let receipts = vec![self.receipt(to, &op.id, now)];
            batch.operations.push(SentOperation { receipts, ..op.sent.clone() });
        }
        if !batch.operations.is_empty() || !batch.views.is_empty() {
            frames.push(Frame::Operations(batch));
        }
        frames
    }

    fn reconcile(&mut self, stream: &Stream, asked: &Reconcile, now: UnixMillis) -> Vec<Frame> {
        let shown = self.shown.get(&stream.from).cloned().unwrap_or_default();
        let log = shown.sections.get(&asked.section).cloned().unwrap_or_default();
        let mut ends: BTreeMap<[u8; 8], (u64, EnvelopeId)> = BTreeMap::new();
        let mut lacking = Vec::new();
        for envelope in log {
            let Some((feed, seq)) = place_of(&envelope.bytes) else { continue };
            let held = asked.entries.iter().find(|entry| entry.feed == feed).map_or(0, |entry| entry.seq);
            if seq > held {
                lacking.push(Rc::clone(&envelope));
            }
            let end = ends.entry(feed).or_insert((seq, envelope.id));
            if seq >= end.0 {
                *end = (seq, envelope.id);
            }
        }
        let entry = |(feed, (seq, id)): ([u8; 8], (u64, EnvelopeId))| VectorEntry {
            feed,
            seq,
            hash: VectorEntry::hash(&stream.exporter, &id),
        };
        let vector = Vector { section: asked.section, entries: ends.into_iter().map(entry).collect() };
        let mut frames = vec![Frame::Vector(vector)];
        frames.extend(tails(asked.section, &lacking, true));
        let checkpoint = Some(self.checkpoint(stream.from, now));
        frames.push(Frame::Pulled(Pulled { cause: Cause::Reconcile, mismatches: Vec::new(), checkpoint }));
        frames
    }

    fn state(&self, object: ObjectId) -> ObjectState {
        let Some((total, bytes)) = self.objects.get(&object) else {
            return ObjectState { object, total: 0, stored: 0, complete: false };
        };
        let stored = u64::try_from(bytes.len()).unwrap();
        ObjectState { object, total: *total, stored, complete: stored == *total }
    }

    /// A true signature under whatever this device is shown.
    fn checkpoint(&self, to: NodeId, now: UnixMillis) -> ShortCheckpoint {
        let shown = self.shown.get(&to).cloned().unwrap_or_default();
        let (membership, sections) = (*shown.membership().last().unwrap_or(&Head::START), shown.heads());
        let checkpoint = Checkpoint {
            record: self.record,
            store_epoch: self.store_epoch,
            time: now,
            membership,
            root: root(&sections),
        };
        let signature = checkpoint.sign(&self.key).signature;
        let leaf = |(index, (section, head)): (usize, (&SectionId, &Head))| VisibleLeaf {
            index,
            section: *section,
            head: Some(*head),
        };
        let leaves = Leaves::Partial {
            membership: Some(membership),
            total: sections.len(),
            visible: sections.iter().enumerate().map(leaf).collect(),
            siblings: Vec::new(),
        };
        ShortCheckpoint { store_epoch: self.store_epoch, time: now, leaves, signature }
    }
}

/// Feed hint and number of an envelope.
pub(crate) fn place_of(bytes: &[u8]) -> Option<([u8; 8], u64)> {
    let header = carnet_protocol::envelope::Envelope::decode(bytes).ok()?.header;
    Some((header.feed, u64::from(header.seq)))
}

fn id_of(logged: &Logged) -> [u8; 32] {
    match logged {
        Logged::Op(op) => op.id.0,
        Logged::Envelope(envelope) => envelope.id.0,
    }
}

/// How many ids a log held where a cursor stands.
fn place(heads: &[Head], is_at: impl Fn(&Head) -> bool, position: u64) -> Option<usize> {
    let position = usize::try_from(position).ok()?;
    heads.get(position).filter(|head| is_at(head)).map(|_| position)
}

fn tails(section: SectionId, log: &[Rc<LoggedEnvelope>], has_gaps: bool) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut envelopes: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    let close = |envelopes| Frame::Tail(Tail { section, bases: has_gaps.then(Vec::new), envelopes });
    for envelope in log {
        bytes += envelope.bytes.len();
        if bytes > COALESCED_BYTES && !envelopes.is_empty() {
            frames.push(close(std::mem::take(&mut envelopes)));
            bytes = 0;
        }
        envelopes.push(envelope.bytes.clone());
    }
    if !envelopes.is_empty() {
        frames.push(close(envelopes));
    }
    frames
}
