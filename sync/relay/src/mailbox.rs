//! One record's logs: what is in memory of a record, and how operations and envelopes are appended.
//!
//! [`Books`] belongs to the writing thread. A [`View`] is what a commit left, shared with everybody who reads; it never
//! changes. Nothing here knows a frame or a socket, and nothing is appended that [`crate::admit`] did not let through.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    id::{DeviceId, EnvelopeId, FeedId, OpId, PrincipalId, RecordId, SectionId},
    sign::{PublicKey, SigningKey},
};
use carnet_protocol::{
    checkpoint::{self, Checkpoint, Head, Receipt, SignedCheckpoint, SignedReceipt},
    frame::{FeedBase, Refusal, SentOperation},
};
use tokio::sync::watch;

use crate::{
    admit::{Admitted, Holdings, Members, OperationJudged, Pusher, ViewJudged},
    config::Limits,
    key::NodeKey,
    object,
    store::{
        Group, Rows, Store, StoreError, Table,
        file::{self, INLINE_BYTES_MAX},
        rows::{
            EnvelopeRow, FeedRow, HeadRow, Key, OperationRow, Place, RecordNumber, RecordRow, Row as _, ServedRow,
            ViewRow, keys,
        },
    },
};

pub(crate) mod serve;

/// Records kept in memory, at most; the one that was used longest ago leaves.
const RECORDS_IN_MEMORY_MAX: usize = 1_024;

/// What a commit left of one record.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) record: RecordId,
    pub(crate) number: RecordNumber,
    pub(crate) store_epoch: u64,
    pub(crate) membership: Head,
    pub(crate) members: Arc<Members>,
    pub(crate) sections: Arc<BTreeMap<SectionId, HeadRow>>,
}

impl View {
    /// Where the log of each section stands.
    pub(crate) fn heads(&self) -> BTreeMap<SectionId, Head> {
        self.sections.iter().map(|(section, row)| (*section, row.head)).collect()
    }

    /// The signed statement of where all logs stand.
    pub(crate) fn checkpoint(&self, key: &SigningKey, now: UnixMillis) -> SignedCheckpoint {
        Checkpoint {
            record: self.record,
            store_epoch: self.store_epoch,
            time: now,
            membership: self.membership,
            root: checkpoint::root(&self.heads()),
        }
        .sign(key)
    }

    /// Reads a record from the store.
    fn load(
        rows: &impl Rows,
        record: RecordId,
        row: RecordRow,
        store_epoch: u64,
        relay: PublicKey,
    ) -> Result<Self, StoreError> {
        let mut membership = Head::START;
        let mut members = Members::new(record, relay);
        rows.under(Table::Operations, Key::of(row.number).bytes(), &mut |_, value| {
            let operation = OperationRow::decode(value)?;
            membership = Head { position: membership.position.saturating_add(1), chain: operation.chain };
            members.restore(&operation)
        })?;
        rows.under(Table::Views, Key::of(row.number).bytes(), &mut |_, value| {
            members.restore_view(ViewRow::decode(value)?.heads)
        })?;
        members.settle();
        let mut sections = BTreeMap::new();
        rows.under(Table::Heads, Key::of(row.number).bytes(), &mut |key, value| {
            let section = key.last_chunk().map(|bytes| SectionId(*bytes)).ok_or(StoreError::Damaged("head"))?;
            sections.insert(section, HeadRow::decode(value)?);
            Ok(())
        })?;
        Ok(Self {
            record,
            number: row.number,
            store_epoch,
            membership,
            members: Arc::new(members),
            sections: Arc::new(sections),
        })
    }
}

/// What is shared between the writing thread and everybody who reads: the newest views, and who waits for news.
#[derive(Default)]
pub(crate) struct Shelf {
    views: Mutex<HashMap<RecordId, Arc<View>>>,
    waiting: Mutex<HashMap<RecordId, watch::Sender<()>>>,
}

impl Shelf {
    /// The newest view of a record, if it is in memory.
    pub(crate) fn view(&self, record: &RecordId) -> Option<Arc<View>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).get(record).cloned()
    }

    /// Changes whenever a commit changed the record.
    pub(crate) fn subscribe(&self, record: RecordId) -> watch::Receiver<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        waiting.entry(record).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    fn publish(&self, view: &View, is_news: bool) {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.insert(view.record, Arc::new(view.clone()));
        drop(views);
        if is_news {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sender) = waiting.get(&view.record) {
                sender.send_replace(());
            }
        }
    }

    fn forget(&self, record: &RecordId) {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).remove(record);
    }
}

/// A record in the writing thread.
struct Mailbox {
    view: View,
    used: u64,
    changed: bool,
    fresh: bool,
}

impl Mailbox {
    fn touch(&mut self, turn: u64) -> &mut Self {
        self.used = turn;
        self
    }
}

/// What snapshots stand for in one section: where each feed ends.
pub(crate) struct Covered {
    pub(crate) record: RecordNumber,
    pub(crate) section: SectionId,
    pub(crate) ends: BTreeMap<FeedId, FeedBase>,
}

/// Everything the writing thread knows.
pub(crate) struct Books {
    mailboxes: HashMap<RecordId, Mailbox>,
    shelf: Arc<Shelf>,
    key: Arc<NodeKey>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    store_epoch: u64,
    data: std::path::PathBuf,
    turn: u64,
}

/// Why a record was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotCreated;

/// What became of pushed items.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) receipts: Vec<(u16, SignedReceipt)>,
    pub(crate) refusals: Vec<(u16, Refusal)>,
    /// What was taken or was there already, in order.
    pub(crate) taken: Vec<Taken>,
    pub(crate) view: Arc<View>,
}

/// One item that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Operation(OpId),
    Envelope(SectionId, EnvelopeId),
}

/// An item whose section is known.
#[derive(Clone, Debug)]
pub(crate) enum PushedItem {
    Operation(SentOperation),
    View(Vec<OpId>),
    Envelope(SectionId, Vec<u8>),
    /// Its section is none of the stream's slots.
    Nowhere,
}

impl Books {
    /// The books of `store`.
    pub(crate) fn new(
        store: &Store,
        shelf: Arc<Shelf>,
        key: Arc<NodeKey>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            mailboxes: HashMap::new(),
            shelf,
            key,
            clock,
            limits,
            store_epoch: store.epoch()?,
            data: store.data().to_owned(),
            turn: 0,
        })
    }

    /// The present instant.
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Shows the group just committed to those who read.
    pub(crate) fn publish(&mut self) {
        for mailbox in self.mailboxes.values_mut().filter(|mailbox| mailbox.changed || mailbox.fresh) {
            self.shelf.publish(&mailbox.view, mailbox.changed);
            (mailbox.changed, mailbox.fresh) = (false, false);
        }
        while self.mailboxes.len() > RECORDS_IN_MEMORY_MAX {
            let Some(oldest) = self.mailboxes.iter().min_by_key(|(_, it)| it.used).map(|(record, _)| *record) else {
                return;
            };
            self.mailboxes.remove(&oldest);
            self.shelf.forget(&oldest);
        }
    }

    /// Brings a record into memory; its view is on the shelf once the group is committed.
    pub(crate) fn open(&mut self, rows: &impl Rows, record: RecordId) -> Result<bool, StoreError> {
        Ok(self.mailbox(rows, record)?.is_some())
    }

    fn mailbox(&mut self, rows: &impl Rows, record: RecordId) -> Result<Option<&mut Mailbox>, StoreError> {
        self.turn = self.turn.saturating_add(1);
        if !self.mailboxes.contains_key(&record) {
            let Some(row) = record_row(rows, &record)? else { return Ok(None) };
            let view = View::load(rows, record, row, self.store_epoch, self.key.public())?;
            self.mailboxes.insert(record, Mailbox { view, used: 0, changed: false, fresh: true });
        }
        let turn = self.turn;
        Ok(self.mailboxes.get_mut(&record).map(|mailbox| mailbox.touch(turn)))
    }

    /// Takes the genesis of a new record. Of a record that exists nothing changes, if it has the same genesis.
    pub(crate) fn create(
        &mut self,
        group: &Group,
        genesis: &SentOperation,
    ) -> Result<Result<RecordId, NotCreated>, StoreError> {
        let now = self.now();
        let Some((record, ..)) = Members::first_device(&genesis.op) else { return Ok(Err(NotCreated)) };
        if self.mailbox(group, record)?.is_some() {
            return Ok(Ok(record));
        }
        let last = group.get(Table::Meta, b"records")?;
        let number = last.map(|bytes| bytes.try_into().map_err(|_| StoreError::Damaged("records"))).transpose()?;
        let number = number.map_or(1, u64::from_be_bytes);
        let view = View {
            record,
            number,
            store_epoch: self.store_epoch,
            membership: Head::START,
            members: Arc::new(Members::new(record, self.key.public())),
            sections: Arc::default(),
        };
        let mut mailbox = Mailbox { view, used: self.turn, changed: true, fresh: true };
        let pusher = Pusher { device: None, now };
        if self.append_operation(group, &mut mailbox, genesis, &pusher)?.is_err() {
            return Ok(Err(NotCreated));
        }
        group.put(Table::Meta, b"records", &number.saturating_add(1).to_be_bytes());
        group.put(Table::Records, &record.0, &RecordRow { number, created: now, ended: false }.encode());
        self.mailboxes.insert(record, mailbox);
        Ok(Ok(record))
    }

    /// Appends what is pushed, one after the other; what is refused changes nothing.
    pub(crate) fn push(
        &mut self,
        group: &Group,
        record: RecordId,
        device: DeviceId,
        items: Vec<PushedItem>,
    ) -> Result<Option<Outcome>, StoreError> {
        let now = self.now();
        self.mailbox(group, record)?;
        // Out of the map while it changes: a group that fails ends this thread, so it need not go back.
        let Some(mut mailbox) = self.mailboxes.remove(&record) else { return Ok(None) };
        let pusher = Pusher { device: Some(device), now };
        let (mut receipts, mut refusals, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for (index, item) in (0_u16..).zip(items) {
            let judged = match item {
                PushedItem::Nowhere => Err(Refusal::UnknownSection),
                PushedItem::Operation(operation) => {
                    self.append_operation(group, &mut mailbox, &operation, &pusher)?.map(|(id, receipt)| {
                        receipts.push((index, receipt));
                        Some(Taken::Operation(id))
                    })
                }
                PushedItem::View(heads) => Self::append_view(group, &mut mailbox, &heads)?.map(|()| None),
                PushedItem::Envelope(section, bytes) => self
                    .append_envelope(group, &mut mailbox, section, &bytes, &pusher)?
                    .map(|id| Some(Taken::Envelope(section, id))),
            };
            match judged {
                Ok(one) => taken.extend(one),
                Err(refusal) => refusals.push((index, refusal)),
            }
        }
        let view = Arc::new(mailbox.view.clone());
        self.mailboxes.insert(record, mailbox);
        Ok(Some(Outcome { receipts, refusals, taken, view }))
    }

    /// Appends one operation, with those of its parts that are new here.
    fn append_operation(
        &self,
        group: &Group,
        mailbox: &mut Mailbox,
        sent: &SentOperation,
        pusher: &Pusher,
    ) -> Result<Result<(OpId, SignedReceipt), Refusal>, StoreError> {
        let view = &mut mailbox.view;
        let holdings = Holdings { rows: group, data: &self.data, view };
        let judged = match view.members.judge_operation(&holdings, sent, pusher)? {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let OperationJudged { op, parts, payer } = judged;
        let id = op.id();
        let known = group.get(Table::OperationIndex, keys::operation_index(view.number, &id).bytes())?;
        if let Some(position) = known {
            let position = crate::store::rows::last_number(&position)?;
            store_parts(group, view.number, position, &parts);
            let key = keys::operation(view.number, position);
            let row = group.get(Table::Operations, key.bytes())?.ok_or(StoreError::Damaged("operation"))?;
            return Ok(Ok((id, OperationRow::decode(&row)?.receipt)));
        }
        let size = sent.op.len().saturating_add(parts.iter().map(|(_, bytes)| bytes.len()).sum());
        if !self.charge(group, view.number, payer, u64::try_from(size).unwrap_or(u64::MAX))? {
            return Ok(Err(Refusal::Quota));
        }
        let head = view.membership.append_operation(&id);
        let receipt = Receipt {
            record: view.record,
            store_epoch: view.store_epoch,
            position: head.position,
            time: pusher.now,
            op: id,
        }
        .sign(self.key.signing());
        let row =
            OperationRow { id, chain: head.chain, receipt, foreign: sent.receipts.clone(), bytes: sent.op.clone() };
        group.put(Table::Operations, keys::operation(view.number, head.position).bytes(), &row.encode());
        let index = keys::operation_index(view.number, &id);
        group.put(Table::OperationIndex, index.bytes(), &head.position.to_be_bytes());
        store_parts(group, view.number, head.position, &parts);
        view.membership = head;
        let members = Arc::make_mut(&mut view.members);
        members.insert(op, &row)?;
        if members.is_ended() {
            let created = record_row(group, &view.record)?.map_or(pusher.now, |row| row.created);
            let row = RecordRow { number: view.number, created, ended: true };
            group.put(Table::Records, &view.record.0, &row.encode());
        }
        mailbox.changed = true;
        Ok(Ok((id, receipt)))
    }

    /// Keeps one view, unless it is known.
    fn append_view(group: &Group, mailbox: &mut Mailbox, heads: &[OpId]) -> Result<Result<(), Refusal>, StoreError> {
        let view = &mut mailbox.view;
        let heads = match view.members.judge_view(heads) {
            ViewJudged::Known => return Ok(Ok(())),
            ViewJudged::Missing => return Ok(Err(Refusal::ViewMissing)),
            ViewJudged::TooMany => return Ok(Err(Refusal::Quota)),
            ViewJudged::New(heads) => heads,
        };
        let key = Key::of(view.number).number(view.members.view_count());
        group.put(Table::Views, key.bytes(), &ViewRow { heads: heads.clone() }.encode());
        Arc::make_mut(&mut view.members).restore_view(heads)?;
        mailbox.changed = true;
        Ok(Ok(()))
    }

    /// Appends one envelope.
    fn append_envelope(
        &self,
        group: &Group,
        mailbox: &mut Mailbox,
        section: SectionId,
        bytes: &[u8],
        pusher: &Pusher,
    ) -> Result<Result<EnvelopeId, Refusal>, StoreError> {
        let view = &mut mailbox.view;
        let (facts, payer, replaces) = match view.members.judge_envelope(group, view.number, section, bytes, pusher)? {
            Ok(Admitted::New { facts, payer, replaces }) => (facts, payer, replaces),
            Ok(Admitted::Known(id)) => return Ok(Ok(id)),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (id, feed, seq) = (facts.id, facts.feed, facts.seq);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if !self.charge(group, view.number, payer, length)? {
            return Ok(Err(Refusal::Quota));
        }
        let before = view.sections.get(&section).copied().unwrap_or(HeadRow { head: Head::START, bytes: 0, gone: 0 });
        let head = before.head.append_envelope(&id);
        let place = if bytes.len() > INLINE_BYTES_MAX {
            file::write(&self.data, view.number, &id.0, bytes)?;
            Place::File
        } else {
            Place::Inline(bytes.to_vec())
        };
        let heads = facts.context.heads;
        let row = EnvelopeRow { id, chain: head.chain, time: pusher.now, feed, seq, heads, length, place };
        let position = keys::envelope(view.number, &section, head.position);
        group.put(Table::Envelopes, position.bytes(), &row.encode());
        let index = keys::feed_index(view.number, &section, &feed, seq);
        group.put(Table::FeedIndex, index.bytes(), &head.position.to_be_bytes());
        if replaces {
            // What followed the other branch's envelope does not follow this one: there is one chain of a feed, whole to
            // its end. The log keeps all of it.
            for after in seq.saturating_add(1).. {
                let index = keys::feed_index(view.number, &section, &feed, after);
                if group.get(Table::FeedIndex, index.bytes())?.is_none() {
                    break;
                }
                group.remove(Table::FeedIndex, index.bytes());
            }
        }
        let end = FeedRow { seq, last: id, device: facts.context.device };
        group.put(Table::Feeds, keys::feed(view.number, &section, &feed).bytes(), &end.encode());
        let after = HeadRow { head, bytes: before.bytes.saturating_add(length), ..before };
        group.put(Table::Heads, keys::head(view.number, &section).bytes(), &after.encode());
        Arc::make_mut(&mut view.sections).insert(section, after);
        mailbox.changed = true;
        Ok(Ok(id))
    }

    /// Counts bytes that `principal` brings; false when they are too many for it or for the record.
    pub(crate) fn charge(
        &self,
        group: &Group,
        record: RecordNumber,
        principal: PrincipalId,
        bytes: u64,
    ) -> Result<bool, StoreError> {
        let own_key = Key::of(record).then(&principal.0);
        let all_key = Key::of(record);
        let own = usage(group, &own_key)?.saturating_add(bytes);
        let all = usage(group, &all_key)?.saturating_add(bytes);
        if own > self.limits.principal_bytes_max || all > self.limits.record_bytes_max {
            return Ok(false);
        }
        group.put(Table::Usage, own_key.bytes(), &own.to_be_bytes());
        group.put(Table::Usage, all_key.bytes(), &all.to_be_bytes());
        Ok(true)
    }

    /// Takes back a charge.
    pub(crate) fn refund(
        group: &Group,
        record: RecordNumber,
        principal: PrincipalId,
        bytes: u64,
    ) -> Result<(), StoreError> {
        for key in [Key::of(record).then(&principal.0), Key::of(record)] {
            let left = usage(group, &key)?.saturating_sub(bytes);
            group.put(Table::Usage, key.bytes(), &left.to_be_bytes());
        }
        Ok(())
    }

    /// For each section of a record, what confirmed and stored snapshots stand for whose last seal is old enough.
    pub(crate) fn covered(
        &mut self,
        rows: &impl Rows,
        record: RecordId,
        is_old: impl Fn(UnixMillis) -> bool,
    ) -> Result<Vec<Covered>, StoreError> {
        let Some(mailbox) = self.mailbox(rows, record)? else { return Ok(Vec::new()) };
        let view = &mailbox.view;
        let mut all = Vec::new();
        for section in view.sections.keys() {
            let covered = view.members.covered(section, |published| {
                let is_old = view.members.sealed_at(published).is_some_and(&is_old);
                Ok(is_old && object::is_complete(rows, view.number, &published.object)?)
            })?;
            all.push(Covered { record: view.number, section: *section, ends: covered });
        }
        Ok(all)
    }

    /// Takes the bytes of an envelope out of the store; its place stays. Its file, if it has one, goes after the commit.
    pub(crate) fn delete_envelope(
        &mut self,
        group: &Group,
        record: RecordId,
        section: SectionId,
        position: u64,
        row: EnvelopeRow,
    ) -> Result<(), StoreError> {
        let Some(mailbox) = self.mailbox(group, record)? else { return Ok(()) };
        let number = mailbox.view.number;
        let sections = Arc::make_mut(&mut mailbox.view.sections);
        let Some(head) = sections.get_mut(&section) else { return Ok(()) };
        head.bytes = head.bytes.saturating_sub(row.length);
        head.gone = head.gone.max(position);
        group.put(Table::Heads, keys::head(number, &section).bytes(), &head.encode());
        let row = EnvelopeRow { place: Place::Gone, ..row };
        group.put(Table::Envelopes, keys::envelope(number, &section, position).bytes(), &row.encode());
        Ok(())
    }

    /// Notes that `device` was served the membership log up to `position`.
    pub(crate) fn note_served(
        &self,
        group: &Group,
        record: RecordNumber,
        device: &DeviceId,
        position: u64,
    ) -> Result<(), StoreError> {
        let mut row = served_row(group, record, device)?;
        if row.note(position, self.now()) {
            group.put(Table::Served, Key::of(record).then(&device.0).bytes(), &row.encode());
        }
        Ok(())
    }
}

/// What the store knows a record by.
pub(crate) fn record_row(rows: &impl Rows, record: &RecordId) -> Result<Option<RecordRow>, StoreError> {
    rows.get(Table::Records, &record.0)?.map(|bytes| RecordRow::decode(&bytes)).transpose()
}

fn served_row(rows: &impl Rows, record: RecordNumber, device: &DeviceId) -> Result<ServedRow, StoreError> {
    let bytes = rows.get(Table::Served, Key::of(record).then(&device.0).bytes())?;
    Ok(bytes.map(|bytes| ServedRow::decode(&bytes)).transpose()?.unwrap_or_default())
}

/// Whether it is noted that `device` was served the membership log up to `position`.
pub(crate) fn is_noted(
    rows: &impl Rows,
    record: RecordNumber,
    device: &DeviceId,
    position: u64,
) -> Result<bool, StoreError> {
    Ok(served_row(rows, record, device)?.until.last().is_some_and(|(last, _)| *last >= position))
}

/// The last position of the membership log that `device` was served more than `age_ms` before `now`.
pub(crate) fn served_before(
    rows: &impl Rows,
    record: RecordNumber,
    device: &DeviceId,
    now: UnixMillis,
    age_ms: u64,
) -> Result<u64, StoreError> {
    Ok(served_row(rows, record, device)?.before(UnixMillis(now.0.saturating_sub(age_ms))))
}

fn usage(rows: &impl Rows, key: &Key) -> Result<u64, StoreError> {
    match rows.get(Table::Usage, key.bytes())? {
        None => Ok(0),
        Some(bytes) => crate::store::rows::last_number(&bytes),
    }
}

fn store_parts(group: &Group, record: RecordNumber, position: u64, parts: &[([u8; 33], Vec<u8>)]) {
    for (name, bytes) in parts {
        group.put(Table::Parts, keys::operation(record, position).then(name).bytes(), bytes);
    }
}
