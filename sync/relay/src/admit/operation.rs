//! Whether an operation is taken.

use std::collections::BTreeSet;

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, FeedId, ObjectId, OpId, PrincipalId, SectionId},
};
use carnet_protocol::{
    checkpoint::Receipt,
    feed::Position,
    frame::{Refusal, SentOperation},
    membership::{
        Body, Insert, Membership, NotAdmitted, Op, OpRefused,
        body::{CitedCheckpoint, Rekey, Removal, Target, WrapTarget},
    },
};

use super::{Members, Pusher, part};
use crate::{
    mailbox::View,
    object,
    store::{
        Rows, StoreError, Table,
        rows::{EnvelopeRow, FeedRow, OperationRow, RecordNumber, Row as _, keys, last_number},
    },
};

/// A principal rekeys a section for the same readers at most this often, in milliseconds: an hour.
const REKEY_MS_MIN: u64 = 60 * 60 * 1_000;

/// An operation that is taken.
pub(crate) struct OperationJudged {
    pub(crate) op: Op,
    /// Its parts as they are stored.
    pub(crate) parts: Vec<(part::PartName, Vec<u8>)>,
    /// Whose storage it takes.
    pub(crate) payer: PrincipalId,
}

impl Members {
    /// Whether an operation is taken. One that is here already is; then only its parts may be new.
    ///
    /// The operation is judged as the next of the log: after it is inserted, with the receipt that it would get.
    pub(crate) fn judge_operation(
        &self,
        rows: &impl Rows,
        view: &View,
        sent: &SentOperation,
        pusher: &Pusher,
    ) -> Result<Result<OperationJudged, Refusal>, StoreError> {
        let Ok(op) = Op::decode(&sent.op) else { return Ok(Err(Refusal::Malformed)) };
        let parts = match part::check(&op, &sent.parts) {
            Ok(parts) => parts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(payer) = self.payer(&op, pusher) else { return Ok(Err(Refusal::NotGranted)) };
        if self.stored.contains_key(&op.id()) {
            return Ok(Ok(OperationJudged { op, parts, payer }));
        }
        let mut log = self.log.clone();
        match log.insert_op(op.clone()) {
            Insert::Inserted(_) => {}
            Insert::Known => return Err(StoreError::Damaged("operation")),
            Insert::Waiting(_) => return Ok(Err(Refusal::ViewMissing)),
            Insert::Refused(refused) => return Ok(Err(refusal_of(&refused))),
        }
        if self.was_taken_before(sent, &op) {
            return Ok(Ok(OperationJudged { op, parts, payer }));
        }
        let mut receipts = self.receipts.clone();
        let receipt = Receipt {
            record: view.record,
            store_epoch: view.store_epoch,
            position: view.membership.position.saturating_add(1),
            time: pusher.now,
            op: op.id(),
        };
        receipts.vouch(&self.relay, &receipt);
        let membership = log.evaluate(&receipts, None);
        if let Err(refusal) = self.admit(&membership, &op, pusher) {
            return Ok(Err(refusal));
        }
        if pusher.device == Some(op.author()) && !part::is_whole(&op, &parts) {
            return Ok(Err(Refusal::ObjectMissing));
        }
        let checked = self.check_body(rows, view, &membership, &op, pusher)?;
        Ok(checked.map(|()| OperationJudged { op, parts, payer }))
    }

    /// Adds an operation that was judged and is stored as `row`.
    pub(crate) fn insert(&mut self, op: Op, row: &OperationRow) -> Result<(), StoreError> {
        if !matches!(self.log.insert_op(op.clone()), Insert::Inserted(_)) {
            return Err(StoreError::Damaged("operation"));
        }
        self.note(&op, row);
        self.settle();
        Ok(())
    }

    /// Whose quota an operation counts against: that of whoever brings it.
    fn payer(&self, op: &Op, pusher: &Pusher) -> Option<PrincipalId> {
        match (pusher.device, op.body()) {
            (Some(device), _) => self.membership.device(&device).map(|device| device.principal),
            (None, Body::Genesis(genesis)) => {
                let key = &genesis.device.signing;
                Some(carnet_protocol::membership::principal_id(&genesis.key_salt, key))
            }
            (None, _) => None,
        }
    }

    /// Whether this relay, before it was restored, or an earlier relay of the record took the operation.
    fn was_taken_before(&self, sent: &SentOperation, op: &Op) -> bool {
        sent.receipts.iter().any(|receipt| self.verify_receipt(receipt, &op.id()).is_some())
    }

    fn admit(&self, membership: &Membership, op: &Op, pusher: &Pusher) -> Result<(), Refusal> {
        let by_author = pusher.device.is_none_or(|device| device == op.author());
        match membership.admit(op, pusher.now) {
            Ok(()) => Ok(()),
            Err(NotAdmitted::Ahead) => Err(Refusal::Clock),
            Err(NotAdmitted::StaleCheckpoint) if self.knew_no_relay(op) => Ok(()),
            Err(NotAdmitted::StaleCheckpoint) => Err(Refusal::Frontier),
            // What does not count may still lie in the past of what does: a member in force may hand it over.
            Err(_) if !by_author => Ok(()),
            Err(NotAdmitted::Devices | NotAdmitted::Removals) => Err(Refusal::Quota),
            Err(_) => Err(Refusal::NotGranted),
        }
    }

    /// Whether the operation was made when the record had no relay, as far as its author knew.
    fn knew_no_relay(&self, op: &Op) -> bool {
        let has_seen = |relay: &OpId| self.membership.contains_in_view(op.parents(), relay) == Some(true);
        !self.relays.iter().any(|(relay, _)| has_seen(relay))
    }

    fn check_body(
        &self,
        rows: &impl Rows,
        view: &View,
        membership: &Membership,
        op: &Op,
        pusher: &Pusher,
    ) -> Result<Result<(), Refusal>, StoreError> {
        if let Some(removal) = op.body().removal() {
            let cited = removal.cited.as_ref();
            let feeds = target_feeds(rows, view, membership, removal)?;
            let hidden = match hidden(rows, view, cited, &removal.frontier, &feeds)? {
                Ok(hidden) => hidden,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let may_hide = membership.is_owner(&op.author())
                || membership.device(&op.author()).is_some_and(|device| device.root.is_some());
            if hidden != u64::from(removal.hidden) || hidden > 0 && !may_hide {
                return Ok(Err(Refusal::Frontier));
            }
        }
        let refusal = match op.body() {
            Body::ForkProof(accusation) => {
                // Whoever proves once more what is proved here, in the same words, hides nothing.
                let feed = accusation.proof.feed();
                let known = self.membership.fork_of(&feed);
                let is_said = known.is_some_and(|known| known.frontier == accusation.frontier);
                let frontier: Vec<Position> = accusation.frontier.iter().copied().collect();
                match hidden(rows, view, accusation.cited.as_ref(), &frontier, &[feed].into())? {
                    Ok(hidden) if hidden == 0 || is_said => None,
                    Ok(_) => Some(Refusal::Frontier),
                    Err(refusal) => Some(refusal),
                }
            }
            Body::Rekey(rekey) => self.is_too_soon(membership, op, rekey, pusher).then_some(Refusal::Rate),
            Body::Wrap(wrap) => match &wrap.target {
                WrapTarget::Device(device) => {
                    self.standing(device, pusher.now).is_none().then_some(Refusal::NotGranted)
                }
                WrapTarget::Step { .. } => None,
            },
            Body::Seal(seal) => missing_object(rows, view, Some(&seal.object))?,
            Body::Rebase(rebase) => missing_object(rows, view, rebase.object.as_ref())?,
            _ => None,
        };
        Ok(refusal.map_or(Ok(()), Err))
    }

    /// Whether the same principal gave one of the sections a key for the same readers less than an hour ago.
    fn is_too_soon(&self, membership: &Membership, op: &Op, rekey: &Rekey, pusher: &Pusher) -> bool {
        let principal = |device: &DeviceId| membership.device(device).map(|device| device.principal);
        let author = principal(&op.author());
        rekey.sections.iter().filter(|section| !section.is_cut()).any(|section| {
            let epochs = membership.epochs(&section.section);
            let new = epochs.iter().find(|epoch| epoch.id == section.epoch).map(|epoch| &epoch.recipients);
            epochs.iter().filter(|epoch| epoch.id != section.epoch && principal(&epoch.author) == author).any(|epoch| {
                let stored = self.stored.get(&epoch.op);
                let is_recent = stored.is_some_and(|(_, time)| pusher.now.since(*time) < REKEY_MS_MIN);
                is_recent && Some(&epoch.recipients) == new
            })
        })
    }
}

fn missing_object(rows: &impl Rows, view: &View, object: Option<&ObjectId>) -> Result<Option<Refusal>, StoreError> {
    let Some(object) = object else { return Ok(None) };
    Ok((!object::is_complete(rows, view.number, object)?).then_some(Refusal::ObjectMissing))
}

fn refusal_of(refused: &OpRefused) -> Refusal {
    match refused {
        OpRefused::Full => Refusal::Quota,
        OpRefused::Signature(_) | OpRefused::UnknownAuthor | OpRefused::UnknownDevice => Refusal::Signature,
        _ => Refusal::Malformed,
    }
}

/// The feeds in the store that a removal ends.
fn target_feeds(
    rows: &impl Rows,
    view: &View,
    membership: &Membership,
    removal: &Removal,
) -> Result<BTreeSet<FeedId>, StoreError> {
    let mut feeds = BTreeSet::new();
    for section in view.sections.keys() {
        let hits = |device: &DeviceId, target: &Target| match target {
            Target::Device(id) => id == device,
            Target::Principal(id) => membership.device(device).is_some_and(|device| device.principal == *id),
            Target::Section(id, of) => {
                of == section && membership.device(device).is_some_and(|device| device.principal == *id)
            }
        };
        rows.under(Table::Feeds, keys::head(view.number, section).bytes(), &mut |key, value| {
            let row = FeedRow::decode(value)?;
            if removal.targets.iter().any(|target| hits(&row.device, target)) {
                feeds.insert(key.last_chunk().map(|feed| FeedId(*feed)).ok_or(StoreError::Damaged("feed"))?);
            }
            Ok(())
        })?;
    }
    Ok(feeds)
}

/// How many envelopes of `feeds` the cited checkpoint covers and the frontier leaves out.
fn hidden(
    rows: &impl Rows,
    view: &View,
    cited: Option<&CitedCheckpoint>,
    frontier: &[Position],
    feeds: &BTreeSet<FeedId>,
) -> Result<Result<u64, Refusal>, StoreError> {
    let Some(cited) = cited else { return Ok(Ok(0)) };
    if cited.checkpoint.checkpoint.store_epoch != view.store_epoch {
        return Ok(Err(Refusal::Frontier));
    }
    let mut hidden = 0_u64;
    for section in view.sections.keys() {
        let covered = cited.leaves.iter().find(|(_, of, _)| of == section).map(|(.., head)| *head);
        let Some(head) = covered else {
            // A section that it does not show must have held nothing of the targets.
            let first = first_of(rows, view.number, section, feeds)?;
            if first.is_some_and(|time| time <= cited.checkpoint.checkpoint.time) {
                return Ok(Err(Refusal::Frontier));
            }
            continue;
        };
        let from = keys::envelope(view.number, section, 0);
        let to = keys::envelope(view.number, section, head.position.saturating_add(1));
        rows.scan(Table::Envelopes, from.bytes(), to.bytes(), &mut |_, value| {
            let row = EnvelopeRow::decode(value)?;
            let end = frontier.iter().find(|end| end.feed == row.feed).map_or(0, |end| end.seq);
            if feeds.contains(&row.feed) && row.seq > end {
                hidden = hidden.saturating_add(1);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
    }
    Ok(Ok(hidden))
}

/// When the first envelope of one of `feeds` was stored.
fn first_of(
    rows: &impl Rows,
    record: RecordNumber,
    section: &SectionId,
    feeds: &BTreeSet<FeedId>,
) -> Result<Option<UnixMillis>, StoreError> {
    let mut first = None;
    for feed in feeds {
        let key = keys::feed_index(record, section, feed, 1);
        let Some(position) = rows.get(Table::FeedIndex, key.bytes())? else { continue };
        let key = keys::envelope(record, section, last_number(&position)?);
        let row = rows.get(Table::Envelopes, key.bytes())?;
        let time = row.map(|row| EnvelopeRow::decode(&row)).transpose()?.map(|row| row.time);
        first = [first, time].into_iter().flatten().min();
    }
    Ok(first)
}
