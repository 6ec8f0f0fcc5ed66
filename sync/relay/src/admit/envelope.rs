//! Whether an envelope is taken.

use carnet_crypto::id::{EnvelopeId, FeedId, OpId, PrincipalId, SectionId};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, EnvelopeKind, NO_PREDECESSOR},
    feed::Position,
    frame::Refusal,
    membership::{FeedCandidate, HeadsDigest, Judgement, Missing, NotCounted, Quarantined, Scope},
};

use super::{IGNORANCE_MS_MAX, Members, Pusher};
use crate::{
    mailbox::served_before,
    store::{
        Rows, StoreError, Table,
        rows::{EnvelopeRow, Place, RecordNumber, Row as _, keys, last_number},
    },
};

/// An envelope that is taken.
pub(crate) enum Admitted {
    /// It is the next of its feed.
    New {
        /// What it is.
        facts: Box<EnvelopeFacts>,
        /// Whose storage it takes.
        payer: PrincipalId,
        /// Whether another envelope has its place, which it takes, and those that follow it go.
        replaces: bool,
    },
    /// It is here already.
    Known(EnvelopeId),
}

/// What is held of a feed before an envelope.
struct Before {
    id: EnvelopeId,
    heads: Option<HeadsDigest>,
}

impl Members {
    /// Whether an envelope of `section` is taken.
    pub(crate) fn judge_envelope(
        &self,
        rows: &impl Rows,
        record: RecordNumber,
        section: SectionId,
        bytes: &[u8],
        pusher: &Pusher,
    ) -> Result<Result<Admitted, Refusal>, StoreError> {
        let Ok(envelope) = Envelope::decode(bytes) else { return Ok(Err(Refusal::Malformed)) };
        let header = &envelope.header;
        let candidates = self.membership.feed_candidates(&section, header.volume, header.kind, header.feed);
        let mut refusal = Refusal::Signature;
        for candidate in candidates {
            let held = held(rows, record, &section, &candidate.feed, header.seq)?;
            if let Some(held) = &held
                && held.place == Place::Inline(bytes.to_vec())
            {
                return Ok(Ok(Admitted::Known(held.id)));
            }
            let Some(before) = before(rows, record, &section, &candidate.feed, header.seq)? else {
                refusal = Refusal::Gap;
                continue;
            };
            let facts = match self.verify(&envelope, section, &candidate, &before) {
                Ok(facts) => facts,
                Err(other) => {
                    refusal = other;
                    continue;
                }
            };
            return match held {
                Some(held) if held.id == facts.id => Ok(Ok(Admitted::Known(facts.id))),
                // The place is taken: there is one chain here, and never a second header for a position, but that of the
                // branch which a proof lets stand, in the place of another.
                Some(_) if !self.stands_instead(rows, record, &candidate, &facts)? => Ok(Err(Refusal::Fork)),
                // What gave way once does not come back: whoever offers it again learns that it is here, in the log.
                Some(_) if is_in_log(rows, record, &section, &facts.id)? => Ok(Ok(Admitted::Known(facts.id))),
                other => {
                    let judged = self.judge_next(rows, record, &facts, &before, pusher)?;
                    Ok(judged.map(|payer| Admitted::New { facts: Box::new(facts), payer, replaces: other.is_some() }))
                }
            };
        }
        Ok(Err(refusal))
    }

    /// Tries every view and epoch that the hints in the header may stand for.
    fn verify(
        &self,
        envelope: &Envelope,
        section: SectionId,
        candidate: &FeedCandidate,
        before: &Before,
    ) -> Result<EnvelopeFacts, Refusal> {
        let header = &envelope.header;
        let views: Vec<HeadsDigest> = match header.heads {
            Some(hint) => self.log.views_hinted(hint).copied().collect(),
            None => before.heads.into_iter().collect(),
        };
        let epochs: Vec<_> = self.membership.epochs_hinted(&section, header.epoch).map(|epoch| epoch.id).collect();
        if views.is_empty() || epochs.is_empty() {
            return Err(Refusal::ViewMissing);
        }
        let contexts = views.iter().flat_map(|heads| epochs.iter().map(move |epoch| (heads, epoch)));
        for (heads, epoch) in contexts {
            let context = EnvelopeContext {
                record: self.log.record(),
                section,
                volume: header.volume,
                kind: header.kind,
                device: candidate.device,
                key: candidate.key,
                incarnation: candidate.incarnation,
                previous: before.id,
                heads: *heads,
                epoch: *epoch,
            };
            if let Ok(verified) = envelope.verify(&context) {
                return Ok(verified.into_inner());
            }
        }
        Err(Refusal::Signature)
    }

    /// Whether the feed of an envelope is proved to be forked and ends on a branch that is not the one here, so that the
    /// envelope may be of that branch.
    fn stands_instead(
        &self,
        rows: &impl Rows,
        record: RecordNumber,
        author: &FeedCandidate,
        facts: &EnvelopeFacts,
    ) -> Result<bool, StoreError> {
        let section = &facts.context.section;
        let fork = self.membership.fork_of(&author.feed);
        let Some(end) = fork.and_then(|_| self.membership.branch_end(author, section)) else { return Ok(false) };
        let may_lead_there = facts.seq < end.seq || facts.seq == end.seq && facts.id == end.id;
        let is_here = held(rows, record, section, &author.feed, end.seq)?.is_some_and(|held| held.id == end.id);
        Ok(may_lead_there && !is_here)
    }

    fn judge_next(
        &self,
        rows: &impl Rows,
        record: RecordNumber,
        facts: &EnvelopeFacts,
        before: &Before,
        pusher: &Pusher,
    ) -> Result<Result<PrincipalId, Refusal>, StoreError> {
        let Some(heads) = self.log.view(&facts.context.heads) else { return Ok(Err(Refusal::ViewMissing)) };
        let earlier = before.heads.and_then(|digest| self.log.view(&digest)).unwrap_or_default();
        if !earlier.is_empty() && self.membership.view_includes(heads, earlier) != Some(true) {
            return Ok(Err(Refusal::NotGranted));
        }
        let mut failed = None;
        let mut held_id = |position: &Position| {
            let found = held(rows, record, &facts.context.section, &facts.feed, position.seq);
            found.unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        };
        let one_chain = std::cell::RefCell::new(&mut held_id);
        let judgement = self.membership.judge(facts, heads, &|position: &Position| {
            // What is held is the chain that this envelope goes on; further on nothing is known.
            if position.seq >= facts.seq {
                return None;
            }
            let mut held = one_chain.borrow_mut();
            Some(held(position).is_some_and(|row| row.id == position.id))
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if let Err(refusal) = refusal_of(judgement) {
            return Ok(Err(refusal));
        }
        if !self.may_bring(facts, pusher) {
            return Ok(Err(Refusal::NotGranted));
        }
        if self.is_ignorant(rows, record, facts, heads, pusher)? {
            return Ok(Err(Refusal::Ignorant));
        }
        let payer = pusher.device.and_then(|device| self.membership.device(&device)).map(|device| device.principal);
        Ok(payer.ok_or(Refusal::NotGranted))
    }

    /// The right of the author has not run out, or an owner hands over what was written before it did.
    fn may_bring(&self, facts: &EnvelopeFacts, pusher: &Pusher) -> bool {
        let needed = match facts.context.kind {
            EnvelopeKind::Drop => Scope::DROP,
            _ => Scope::WRITE,
        };
        let author = self.standing(&facts.context.device, pusher.now);
        author.is_some_and(|author| author.writes(&facts.context.section, needed))
            || pusher.device.is_some_and(|device| device != facts.context.device && self.membership.is_owner(&device))
    }

    /// Whether the author's view lacks a removal or fork proof that its device was served more than 7 days ago.
    fn is_ignorant(
        &self,
        rows: &impl Rows,
        record: RecordNumber,
        facts: &EnvelopeFacts,
        heads: &[OpId],
        pusher: &Pusher,
    ) -> Result<bool, StoreError> {
        if self.ends.is_empty() {
            return Ok(false);
        }
        let served = served_before(rows, record, &facts.context.device, pusher.now, IGNORANCE_MS_MAX)?;
        let old = self.ends.iter().filter(|(position, _)| *position <= served);
        Ok(old.into_iter().any(|(_, op)| self.membership.contains_in_view(heads, op) != Some(true)))
    }
}

fn refusal_of(judgement: Judgement) -> Result<(), Refusal> {
    match judgement {
        // Where the chain goes on beyond what is held, this envelope is part of what is missing.
        Judgement::Accepted | Judgement::Pending(Missing::Chain(_)) => Ok(()),
        Judgement::Pending(Missing::Epoch | Missing::View) | Judgement::Refused(NotCounted::View) => {
            Err(Refusal::ViewMissing)
        }
        Judgement::Refused(NotCounted::DeadIncarnation) | Judgement::Quarantine(Quarantined::Forked(_)) => {
            Err(Refusal::Fork)
        }
        Judgement::Refused(NotCounted::Epoch | NotCounted::Stale)
        | Judgement::Quarantine(Quarantined::Cut(_) | Quarantined::Rebased) => Err(Refusal::Stale),
        Judgement::Refused(_) | Judgement::Quarantine(_) => Err(Refusal::NotGranted),
    }
}

/// The row at a place of a feed.
pub(super) fn held(
    rows: &impl Rows,
    record: RecordNumber,
    section: &SectionId,
    feed: &FeedId,
    seq: u32,
) -> Result<Option<EnvelopeRow>, StoreError> {
    let Some(position) = rows.get(Table::FeedIndex, keys::feed_index(record, section, feed, seq).bytes())? else {
        return Ok(None);
    };
    let key = keys::envelope(record, section, last_number(&position)?);
    let row = rows.get(Table::Envelopes, key.bytes())?.ok_or(StoreError::Damaged("envelope"))?;
    EnvelopeRow::decode(&row).map(Some)
}

/// Whether an envelope is in the log of its section, in the chain of its feed or not.
fn is_in_log(rows: &impl Rows, record: RecordNumber, section: &SectionId, id: &EnvelopeId) -> Result<bool, StoreError> {
    let mut is_there = false;
    rows.under(Table::Envelopes, keys::head(record, section).bytes(), &mut |_, value| {
        is_there |= EnvelopeRow::decode(value)?.id == *id;
        Ok(())
    })?;
    Ok(is_there)
}

/// What stands before `seq` in a feed; nothing when that is not held.
fn before(
    rows: &impl Rows,
    record: RecordNumber,
    section: &SectionId,
    feed: &FeedId,
    seq: u32,
) -> Result<Option<Before>, StoreError> {
    let Some(previous) = seq.checked_sub(1).filter(|previous| *previous > 0) else {
        return Ok(Some(Before { id: NO_PREDECESSOR, heads: None }));
    };
    let row = held(rows, record, section, feed, previous)?;
    Ok(row.map(|row| Before { id: row.id, heads: Some(row.heads) }))
}
