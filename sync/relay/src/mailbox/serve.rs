//! Answering what a device asks of the logs. Reads a snapshot of the store; never writes.
//!
//! What comes back is cut into frames of about [`COALESCED_BYTES`], so that neither end holds a whole log.

use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

use carnet_crypto::id::{DeviceId, FeedId, OpId, SectionId};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads},
    frame::{
        Batch, COALESCED_BYTES, Cursor, FeedBase, Frame, Mismatch, Pull, Reconcile, SentOperation, SentView, Tail,
        Vector, VectorEntry,
    },
    membership::PublishedObject,
};

use super::View;
use crate::{
    admit::{self, Standing},
    object,
    store::{
        Rows, StoreError, Table, file,
        rows::{EnvelopeRow, FeedRow, OperationRow, Place, RecordNumber, Row as _, keys, last_number},
    },
};

/// Bytes of operations or envelopes after which a frame is closed.
const FRAME_BYTES: u64 = 64 << 10;
/// Views in one frame.
const VIEWS_PER_FRAME: usize = 256;

/// What remains to be sent: a part of the membership log, and of the logs of some sections. Cheap to hold; each step
/// reads one frame's worth from the store.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Next and last position of the membership log.
    operations: Option<(u64, u64)>,
    /// Number of the next view, while there are more.
    views: Option<u64>,
    tails: Vec<TailPlan>,
}

/// What remains to be sent of one section.
#[derive(Debug)]
struct TailPlan {
    section: SectionId,
    next: u64,
    last: u64,
    /// Feeds with something left out, and what is left out of each: everything up to this sequence number.
    covered: Option<BTreeMap<FeedId, FeedBase>>,
    /// What the asking device holds already, by feed hint: the last sequence number.
    held: BTreeMap<[u8; 8], u64>,
    is_begun: bool,
}

/// What a pull amounts to.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) mismatches: Vec<Mismatch>,
    /// The section of each slot, for pushes that name one.
    pub(crate) slots: Vec<Option<SectionId>>,
}

/// Compares the cursors of a pull with the logs. What both ends know afterwards is in `known`.
pub(crate) fn plan_pull(
    rows: &impl Rows,
    view: &View,
    standing: &Standing,
    pull: &Pull,
    known: &mut KnownHeads,
) -> Result<Planned, StoreError> {
    let mut mismatches = Vec::new();
    let mut plan = Plan::default();
    let membership = operation_head(rows, view.number, &pull.membership)?;
    match membership {
        Some(head) => plan.operations = range(head.position, view.membership.position),
        None => mismatches.push(Mismatch::Membership),
    }
    plan.views = Some(pull.views).filter(|views| *views < view.members.view_count());
    let visible: Vec<SectionId> = view.sections.keys().copied().filter(|section| standing.may_pull(section)).collect();
    let mut heads = BTreeMap::new();
    let mut slots = Vec::with_capacity(pull.sections.len());
    let mut asked = Vec::new();
    for (slot, (hint, cursor)) in (0_u16..).zip(&pull.sections) {
        let section = standing.sections().find(|section| section.0.starts_with(hint));
        slots.push(section);
        let Some(section) = section.filter(|section| standing.may_pull(section)) else { continue };
        asked.push(section);
        match envelope_head(rows, view.number, &section, cursor)? {
            Some(head) => {
                heads.insert(section, head);
                plan.tails.extend(plan_tail(rows, view, section, head.position, pull.take_snapshots)?);
            }
            None => mismatches.push(Mismatch::Section(slot)),
        }
    }
    // Sections that the device did not know of.
    for section in visible.into_iter().filter(|section| !asked.contains(section)) {
        plan.tails.extend(plan_tail(rows, view, section, 0, pull.take_snapshots)?);
    }
    heads.retain(|_, head| head.position > 0);
    known.restart(membership, heads);
    Ok(Planned { plan, mismatches, slots })
}

/// What is new on a stream since both ends last knew the same.
pub(crate) fn plan_live(
    rows: &impl Rows,
    view: &View,
    standing: &Standing,
    known: &KnownHeads,
    views: u64,
) -> Result<Plan, StoreError> {
    let from = known.membership.map_or(0, |head| head.position);
    let mut plan = Plan {
        operations: range(from, view.membership.position),
        views: Some(views).filter(|views| *views < view.members.view_count()),
        tails: Vec::new(),
    };
    for (section, row) in view.sections.iter().filter(|(section, _)| standing.may_pull(section)) {
        let from = known.sections.get(section).map_or(0, |head| head.position);
        if from < row.head.position {
            plan.tails.extend(plan_tail(rows, view, *section, from, false)?);
        }
    }
    Ok(plan)
}

impl Plan {
    /// Whether nothing remains.
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_none() && self.views.is_none() && self.tails.is_empty()
    }

    /// The next frame, or none at the end.
    pub(crate) fn step(
        &mut self,
        rows: &impl Rows,
        data: &Path,
        view: &View,
        device: &DeviceId,
        known: &mut KnownHeads,
    ) -> Result<Option<Frame>, StoreError> {
        if let Some((next, last)) = self.operations.take() {
            let (batch, reached) = read_operations(rows, view.number, next, last, device, known)?;
            self.operations = range(reached, last);
            return Ok(Some(Frame::Operations(batch)));
        }
        if let Some(next) = self.views.take() {
            let sent: Vec<SentView> = view
                .members
                .views_from(next)
                .take(VIEWS_PER_FRAME)
                .map(|heads| SentView { heads: heads.clone() })
                .collect();
            let after = next.saturating_add(u64::try_from(sent.len()).unwrap_or(0));
            self.views = Some(after).filter(|after| *after < view.members.view_count());
            return Ok(Some(Frame::Operations(Batch { operations: Vec::new(), views: sent })));
        }
        while let Some(tail) = self.tails.first_mut() {
            let frame = tail.step(rows, data, view.number, known)?;
            if tail.next > tail.last {
                self.tails.remove(0);
            }
            if frame.is_some() {
                return Ok(frame.map(Frame::Tail));
            }
        }
        Ok(None)
    }
}

/// Positions after `held` up to `last`, if there are any.
fn range(held: u64, last: u64) -> Option<(u64, u64)> {
    (held < last).then_some((held.saturating_add(1), last))
}

fn plan_tail(
    rows: &impl Rows,
    view: &View,
    section: SectionId,
    held: u64,
    take_snapshots: bool,
) -> Result<Option<TailPlan>, StoreError> {
    let Some(row) = view.sections.get(&section) else { return Ok(None) };
    let Some((next, last)) = range(held, row.head.position) else { return Ok(None) };
    let is_gone = held < row.gone;
    let mut covered = None;
    if is_gone || (take_snapshots && held == 0) {
        let is_stored = |published: &PublishedObject| object::is_complete(rows, view.number, &published.object);
        covered = Some(view.members.covered(&section, is_stored)?).filter(|covered| is_gone || !covered.is_empty());
    }
    Ok(Some(TailPlan { section, next, last, covered, held: BTreeMap::new(), is_begun: false }))
}

impl TailPlan {
    fn step(
        &mut self,
        rows: &impl Rows,
        data: &Path,
        record: RecordNumber,
        known: &mut KnownHeads,
    ) -> Result<Option<Tail>, StoreError> {
        let found = self.find(rows, record)?;
        // Whoever gets a log with gaps cannot follow its running hash.
        let has_gaps = self.covered.is_some() || !self.held.is_empty();
        let bases = has_gaps.then(|| if self.is_begun { Vec::new() } else { self.bases() });
        let mut envelopes = Vec::with_capacity(found.len());
        for row in found {
            if !has_gaps {
                known.expect_envelope(&self.section, &row.id);
            }
            envelopes.push(read_envelope(data, record, row)?);
        }
        if has_gaps {
            known.forget(&self.section);
        }
        let is_empty = envelopes.is_empty() && bases.as_ref().is_none_or(Vec::is_empty);
        self.is_begun = true;
        Ok((!is_empty).then_some(Tail { section: self.section, bases, envelopes }))
    }

    /// The next rows that fit one frame: some small ones, or one large one.
    fn find(&mut self, rows: &impl Rows, record: RecordNumber) -> Result<Vec<EnvelopeRow>, StoreError> {
        let from = keys::envelope(record, &self.section, self.next);
        let to = keys::envelope(record, &self.section, self.last.saturating_add(1));
        let (mut found, mut size) = (Vec::new(), 0_u64);
        let mut next = self.last.saturating_add(1);
        rows.scan(Table::Envelopes, from.bytes(), to.bytes(), &mut |key, value| {
            let row = EnvelopeRow::decode(value)?;
            if self.leaves_out(&row) {
                return Ok(ControlFlow::Continue(()));
            }
            size = size.saturating_add(row.length);
            if !found.is_empty() && size > FRAME_BYTES {
                next = last_number(key)?;
                return Ok(ControlFlow::Break(()));
            }
            found.push(row);
            Ok(ControlFlow::Continue(()))
        })?;
        self.next = next;
        Ok(found)
    }

    fn leaves_out(&self, row: &EnvelopeRow) -> bool {
        let covered = self.covered.as_ref().and_then(|covered| covered.get(&row.feed));
        let hint = row.feed.0.first_chunk().copied().unwrap_or_default();
        row.place == Place::Gone
            || covered.is_some_and(|base| u64::from(row.seq) <= base.seq)
            || self.held.get(&hint).is_some_and(|seq| u64::from(row.seq) <= *seq)
    }

    fn bases(&self) -> Vec<FeedBase> {
        self.covered.as_ref().map(|covered| covered.values().copied().collect()).unwrap_or_default()
    }
}

/// The bytes of an envelope that is still here.
pub(crate) fn read_envelope(data: &Path, record: RecordNumber, row: EnvelopeRow) -> Result<Vec<u8>, StoreError> {
    match row.place {
        Place::Inline(bytes) => Ok(bytes),
        Place::File => Ok(file::read(data, record, &row.id.0, row.length)?),
        Place::Gone => Err(StoreError::Damaged("envelope")),
    }
}

/// Operations from `next` on that fit one frame, and the last position that was read.
fn read_operations(
    rows: &impl Rows,
    record: RecordNumber,
    next: u64,
    last: u64,
    device: &DeviceId,
    known: &mut KnownHeads,
) -> Result<(Batch, u64), StoreError> {
    let (mut found, mut size) = (Vec::new(), 0_u64);
    let from = keys::operation(record, next);
    let to = keys::operation(record, last.saturating_add(1));
    rows.scan(Table::Operations, from.bytes(), to.bytes(), &mut |key, value| {
        let row = OperationRow::decode(value)?;
        size = size.saturating_add(u64::try_from(row.bytes.len()).unwrap_or(u64::MAX));
        found.push((last_number(key)?, row));
        Ok(if size > FRAME_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let (mut operations, mut size, mut reached) = (Vec::new(), 0_usize, last);
    for (position, row) in found {
        let own = keys::operation(record, position).then(&admit::wrap_name(device));
        let parts: Vec<_> = rows.get(Table::Parts, own.bytes())?.into_iter().collect();
        known.expect_operation(&row.id);
        size = size.saturating_add(row.bytes.len()).saturating_add(parts.iter().map(Vec::len).sum());
        operations.push(sent(row, parts));
        reached = position;
        if size > COALESCED_BYTES {
            break;
        }
    }
    Ok((Batch { operations, views: Vec::new() }, reached))
}

fn sent(row: OperationRow, parts: Vec<Vec<u8>>) -> SentOperation {
    let receipts = std::iter::once(row.receipt).chain(row.foreign).take(16).collect();
    SentOperation { op: row.bytes, parts, receipts }
}

/// Operations with the public keys that they name by hash: those of `ids` that are here and fit one frame.
pub(crate) fn parts(rows: &impl Rows, record: RecordNumber, ids: &[OpId]) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    let mut size = 0_usize;
    for id in ids {
        let Some(position) = rows.get(Table::OperationIndex, keys::operation_index(record, id).bytes())? else {
            continue;
        };
        let key = keys::operation(record, last_number(&position)?);
        let row = rows.get(Table::Operations, key.bytes())?.ok_or(StoreError::Damaged("operation"))?;
        let mut parts = Vec::new();
        rows.under(Table::Parts, key.then(&admit::PUBLIC_PART).bytes(), &mut |_, part| {
            parts.push(part.to_vec());
            Ok(())
        })?;
        let one = sent(OperationRow::decode(&row)?, parts);
        size = size.saturating_add(one.op.len()).saturating_add(one.parts.iter().map(Vec::len).sum());
        if size > 1 << 20 {
            break;
        }
        batch.operations.push(one);
    }
    Ok(batch)
}

/// The first operation of the log, with its public keys.
pub(crate) fn genesis(rows: &impl Rows, record: RecordNumber) -> Result<SentOperation, StoreError> {
    let bytes = rows.get(Table::Operations, keys::operation(record, 1).bytes())?;
    let row = OperationRow::decode(&bytes.ok_or(StoreError::Damaged("genesis"))?)?;
    parts(rows, record, &[row.id])?.operations.pop().ok_or(StoreError::Damaged("genesis"))
}

/// What the relay holds of a section, and what the device lacks of it.
pub(crate) fn plan_reconcile(
    rows: &impl Rows,
    view: &View,
    asked: &Reconcile,
    exporter: &[u8; 32],
) -> Result<(Vector, Plan), StoreError> {
    let record = view.number;
    let mut entries = Vec::new();
    let mut held = BTreeMap::new();
    rows.under(Table::Feeds, keys::head(record, &asked.section).bytes(), &mut |key, value| {
        let row = FeedRow::decode(value)?;
        let feed = key.last_chunk::<16>().and_then(|feed| feed.first_chunk::<8>()).copied().unwrap_or_default();
        entries.push(VectorEntry { feed, seq: row.seq.into(), hash: VectorEntry::hash(exporter, &row.last) });
        Ok(())
    })?;
    entries.sort_by_key(|entry| entry.feed);
    entries.dedup_by_key(|entry| entry.feed);
    for entry in &asked.entries {
        // A device that is on another branch, or further on, gets what follows its place here, and sees the difference.
        held.insert(entry.feed, entry.seq);
    }
    let tail = plan_tail(rows, view, asked.section, 0, false)?.map(|tail| TailPlan { held, ..tail });
    Ok((
        Vector { section: asked.section, entries },
        Plan { operations: None, views: None, tails: tail.into_iter().collect() },
    ))
}

fn operation_head(rows: &impl Rows, record: RecordNumber, cursor: &Cursor) -> Result<Option<Head>, StoreError> {
    let row = rows.get(Table::Operations, keys::operation(record, cursor.position).bytes())?;
    let chain = row.map(|row| OperationRow::decode(&row)).transpose()?.map(|row| row.chain);
    Ok(head_at(cursor, chain))
}

fn envelope_head(
    rows: &impl Rows,
    record: RecordNumber,
    section: &SectionId,
    cursor: &Cursor,
) -> Result<Option<Head>, StoreError> {
    let row = rows.get(Table::Envelopes, keys::envelope(record, section, cursor.position).bytes())?;
    let chain = row.map(|row| EnvelopeRow::decode(&row)).transpose()?.map(|row| row.chain);
    Ok(head_at(cursor, chain))
}

fn head_at(cursor: &Cursor, chain: Option<[u8; 32]>) -> Option<Head> {
    let head = match chain {
        Some(chain) => Head { position: cursor.position, chain },
        None if cursor.position == 0 => Head::START,
        None => return None,
    };
    cursor.is_at(&head).then_some(head)
}
