//! Whether an operation is taken.

use carnet_crypto::id::{DeviceId, ObjectId, OpId, PrincipalId};
use carnet_protocol::{
    checkpoint::Receipt,
    feed::Position,
    frame::{Refusal, SentOperation},
    membership::{
        Body, Insert, Membership, NotAdmitted, Op, OpRefused,
        body::{Accusation, CitedCheckpoint, Rekey, RelayKeys, Removal, WrapTarget},
    },
};

use super::{
    Members, Pusher,
    frontier::{Citation, Ends, Holdings},
    part,
};
use crate::{
    mailbox::View,
    object,
    store::{Rows, StoreError, rows::OperationRow},
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

/// An operation in the log that it would be part of.
struct Judged<'a, R> {
    op: &'a Op,
    /// The evaluation with it.
    membership: &'a Membership,
    holdings: &'a Holdings<'a, R>,
    pusher: &'a Pusher,
    /// Whether the checkpoint that it has to cite is missing, another relay's, or more than 7 days old.
    is_late: bool,
}

impl Members {
    /// Whether an operation is taken. One that is here already is; then only its parts may be new.
    ///
    /// The operation is judged as the next of the log: after it is inserted, with the receipt that it would get.
    pub(crate) fn judge_operation(
        &self,
        holdings: &Holdings<'_, impl Rows>,
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
        let view = holdings.view;
        let receipt = Receipt {
            record: view.record,
            store_epoch: view.store_epoch,
            position: view.membership.position.saturating_add(1),
            time: pusher.now,
            op: op.id(),
        };
        receipts.vouch(&self.relay, &receipt);
        let membership = log.evaluate(&receipts, None);
        let is_late = match self.admit(&membership, &op, pusher) {
            Ok(is_late) => is_late,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if pusher.device == Some(op.author()) && !part::is_whole(&op, &parts) {
            return Ok(Err(Refusal::ObjectMissing));
        }
        let checked = self.check_body(&Judged { op: &op, membership: &membership, holdings, pusher, is_late })?;
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

    /// Whether the operation is late: then what it hides is looked at more closely.
    fn admit(&self, membership: &Membership, op: &Op, pusher: &Pusher) -> Result<bool, Refusal> {
        let by_author = pusher.device.is_none_or(|device| device == op.author());
        match membership.admit(op, pusher.now) {
            Ok(()) => Ok(false),
            Err(NotAdmitted::Ahead) => Err(Refusal::Clock),
            Err(NotAdmitted::StaleCheckpoint) => Ok(!self.knew_no_relay(op)),
            // What does not count may still lie in the past of what does: a member in force may hand it over.
            Err(_) if !by_author => Ok(false),
            Err(NotAdmitted::Devices | NotAdmitted::Removals) => Err(Refusal::Quota),
            Err(_) => Err(Refusal::NotGranted),
        }
    }

    /// Whether the operation was made when the record had no relay, as far as its author knew.
    fn knew_no_relay(&self, op: &Op) -> bool {
        let has_seen = |relay: &OpId| self.membership.contains_in_view(op.parents(), relay) == Some(true);
        !self.relays.iter().any(|(relay, _)| has_seen(relay))
    }

    fn check_body(&self, judged: &Judged<'_, impl Rows>) -> Result<Result<(), Refusal>, StoreError> {
        let Judged { op, membership, holdings, pusher, .. } = *judged;
        if let Some(removal) = op.body().removal()
            && !judged.is_fair_removal(removal)?
        {
            return Ok(Err(Refusal::Frontier));
        }
        let refusal = match op.body() {
            Body::ForkProof(accusation) => (!self.is_fair_proof(judged, accusation)?).then_some(Refusal::Frontier),
            Body::Rekey(rekey) => self.is_too_soon(membership, op, rekey, pusher).then_some(Refusal::Rate),
            Body::Wrap(wrap) => match &wrap.target {
                WrapTarget::Device(device) => {
                    self.standing(device, pusher.now).is_none().then_some(Refusal::NotGranted)
                }
                WrapTarget::Step { .. } => None,
            },
            Body::Seal(seal) => missing_object(holdings.rows, holdings.view, Some(&seal.object))?,
            Body::Rebase(rebase) => missing_object(holdings.rows, holdings.view, rebase.object.as_ref())?,
            _ => None,
        };
        Ok(refusal.map_or(Ok(()), Err))
    }

    /// Whether a proof hides nothing. Whoever proves once more what is proved here, in the same words, hides nothing more.
    fn is_fair_proof(&self, judged: &Judged<'_, impl Rows>, accusation: &Accusation) -> Result<bool, StoreError> {
        let feed = accusation.proof.feed();
        if self.membership.fork_of(&feed).is_some_and(|known| known.frontier == accusation.frontier) {
            return Ok(true);
        }
        let frontier: Vec<Position> = accusation.frontier.iter().copied().collect();
        let feeds = [(feed, accusation.proof.section)].into();
        Ok(judged.hidden(&Ends { feeds, frontier: &frontier }, accusation.cited.as_ref())? == Some(0))
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

impl<R: Rows> Judged<'_, R> {
    /// Whether a removal hides as many envelopes as it says, and none if its author may not.
    fn is_fair_removal(&self, removal: &Removal) -> Result<bool, StoreError> {
        let (membership, author) = (self.membership, self.op.author());
        let feeds = self.holdings.ended_by(membership, removal)?;
        let hidden = self.hidden(&Ends { feeds, frontier: &removal.frontier }, removal.cited.as_ref())?;
        let may_hide =
            membership.is_owner(&author) || membership.device(&author).is_some_and(|device| device.root.is_some());
        Ok(hidden == Some(removal.hidden.into()) && (removal.hidden == 0 || may_hide))
    }

    fn hidden(&self, ends: &Ends<'_>, cited: Option<&CitedCheckpoint>) -> Result<Option<u64>, StoreError> {
        self.holdings.hidden(self.membership, ends, self.citation(cited), self.pusher.now)
    }

    /// What the cited checkpoint is worth here.
    fn citation<'c>(&self, cited: Option<&'c CitedCheckpoint>) -> Citation<'c> {
        let Some(cited) = cited else {
            return if self.is_late { Citation::Foreign } else { Citation::NoRelay };
        };
        let is_shown = |relay: &RelayKeys| cited.proves(&self.holdings.view.record, &relay.signing);
        if cited.checkpoint.checkpoint.store_epoch != self.holdings.view.store_epoch {
            Citation::Foreign
        } else if !self.is_late {
            Citation::InTime(cited)
        } else if self.membership.relay().is_some_and(is_shown) {
            Citation::Late(cited)
        } else {
            Citation::Foreign
        }
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
