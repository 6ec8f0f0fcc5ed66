//! Who signed an envelope, where it stands in its feed, and whether it counts: steps 3 to 7 of the acceptance.
//!
//! A header names author, view and epoch by hints. Where several fit, each is tried, and the signature decides. Nothing
//! here opens a payload or changes a volume. Source: `docs/protocol.md`, "Acceptance" and "Equivocation".

use carnet_crypto::{
    id::{DeviceId, EnvelopeId, EpochId, Incarnation, OpId, SectionId},
    sign::Verified,
};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, NO_PREDECESSOR},
    feed::{Position, SignedHeader},
    membership::{FeedCandidate, HeadsDigest, Judgement, Missing},
};

use super::Verdict;
use crate::{
    record::{Record, RecordError},
    row::FeedRow,
    store::Writer,
};

/// An envelope whose signature holds, with the heads of its view.
pub(super) struct Signed {
    pub(super) envelope: Envelope,
    pub(super) verified: Verified<EnvelopeFacts>,
    pub(super) head: OpId,
}

impl Signed {
    /// Whose feed it is of.
    pub(super) fn author(&self) -> FeedCandidate {
        let EnvelopeFacts { feed, context, .. } = self.verified.get();
        FeedCandidate { device: context.device, key: context.key, incarnation: context.incarnation, feed: *feed }
    }
}

/// What the search for an author came to.
pub(super) enum Found {
    /// With the state of its feed.
    Signed(Box<Signed>, FeedRow),
    /// There is none, or none can be found yet: it is refused, waits, or comes after a gap.
    Verdict(Verdict),
}

/// What trying an envelope at one place came to.
pub(super) enum Tried {
    /// Its signature holds there, under the view of this head.
    Holds(Box<Verified<EnvelopeFacts>>, OpId),
    /// Its view or its epoch is not known.
    Unknown,
    /// It was not signed for that place.
    Fails,
}

impl Record<'_> {
    /// Finds the context in which the signature of an envelope holds: where several fit its hints, each is tried.
    pub(super) fn verify(&self, writer: &Writer, section: SectionId, envelope: Envelope) -> Result<Found, RecordError> {
        let header = &envelope.header;
        let membership = self.live.members.current();
        let candidates = membership.feed_candidates(&section, header.volume, header.kind, header.feed);
        if candidates.is_empty() {
            // The operation that introduces the author may still come.
            return Ok(Found::Verdict(Verdict::Waiting));
        }
        self.verify_among(writer, section, envelope, candidates)
    }

    /// The same among the feeds that `candidates` name. One that has a gap here does not hold up the others.
    fn verify_among(
        &self,
        writer: &Writer,
        section: SectionId,
        envelope: Envelope,
        candidates: Vec<FeedCandidate>,
    ) -> Result<Found, RecordError> {
        let header = &envelope.header;
        let membership = self.live.members.current();
        let (mut waits, mut covered, mut gap) = (false, false, None);
        for candidate in candidates {
            let state = self.feed(writer, &candidate.feed)?.unwrap_or_else(|| {
                let kind = header.kind.number();
                FeedRow::empty(candidate.device, candidate.incarnation, section, header.volume, kind)
            });
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
            let Some(before) = before else {
                // Below the anchor of a snapshot nothing is missing: what it stands for is in the volume already.
                if header.seq <= state.seq {
                    covered = true;
                } else if membership.fork_reach(&candidate.feed).is_none_or(|reach| header.seq <= reach) {
                    gap = gap.or(Some((candidate.feed, state.seq + 1)));
                }
                continue;
            };
            match self.sign_check(&section, &envelope, &candidate, before) {
                Tried::Holds(verified, head) => {
                    return Ok(Found::Signed(Box::new(Signed { envelope, verified: *verified, head }), state));
                }
                Tried::Unknown => waits = true,
                // It may lie on the branch that stands, of which this device holds another.
                Tried::Fails => {
                    let end = self.missing_end(writer, &candidate, &section)?;
                    waits |= end.is_some_and(|end| header.seq <= end.seq) || self.waits_for_others(&candidate);
                }
            }
        }
        Ok(Found::Verdict(match gap {
            Some((feed, from)) => Verdict::Gap(feed, from),
            None if waits => Verdict::Waiting,
            None if covered => Verdict::Known,
            None => Verdict::Refused,
        }))
    }

    /// Whether the signature of an envelope holds after the one `before` it, given with its digest of heads. Every view
    /// and epoch that its hints leave is tried.
    pub(super) fn sign_check(
        &self,
        section: &SectionId,
        envelope: &Envelope,
        author: &FeedCandidate,
        before: (EnvelopeId, Option<HeadsDigest>),
    ) -> Tried {
        let (header, (previous, last_heads)) = (&envelope.header, before);
        let views: Vec<(HeadsDigest, OpId)> = match (header.heads, last_heads) {
            (Some(hint), _) => self.live.members.views_hinted(hint),
            (None, Some(last)) => self.live.members.view(&last).into_iter().map(|head| (last, head)).collect(),
            (None, None) => Vec::new(),
        };
        let hinted = self.live.members.current().epochs_hinted(section, header.epoch);
        let epochs: Vec<EpochId> = hinted.map(|epoch| epoch.id).collect();
        if views.is_empty() || epochs.is_empty() {
            return Tried::Unknown;
        }
        for ((heads, head), epoch) in views.iter().flat_map(|view| epochs.iter().map(move |epoch| (view, epoch))) {
            let context = EnvelopeContext {
                record: self.live.id,
                section: *section,
                volume: header.volume,
                kind: header.kind,
                device: author.device,
                key: author.key,
                incarnation: author.incarnation,
                previous,
                heads: *heads,
                epoch: *epoch,
            };
            if let Ok(verified) = envelope.verify(&context) {
                return Tried::Holds(Box::new(verified), *head);
            }
        }
        Tried::Fails
    }

    /// Step 3: the view contains that of the envelope before, or its author would unlearn what it has shown to know.
    pub(super) fn continues_view(
        &self,
        writer: &Writer,
        state: &FeedRow,
        signed: &Signed,
    ) -> Result<bool, RecordError> {
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

    /// What membership says of an envelope. Whether it lies in the chain that a removal or a proof lets stand shows only
    /// once that chain is held; until then it counts, or no chain could ever be taken in from its beginning. Should it
    /// turn out to lie beside it, it is judged again.
    pub(super) fn judged(&self, writer: &Writer, facts: &EnvelopeFacts, head: OpId) -> Judgement {
        let one_chain = |position: &Position| self.is_one_chain(writer, facts, position);
        match self.live.members.current().judge(facts, &[head], &one_chain) {
            Judgement::Pending(Missing::Chain(end)) if end.feed == facts.feed && end.seq > facts.seq => {
                Judgement::Accepted
            }
            other => other,
        }
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
        // Where another envelope is held there, the fork lies somewhere between the two: which branch this one is on shows
        // once the one that the place ends is held.
        let held = self.stored(writer, &position.feed, position.seq).ok().flatten();
        held.filter(|held| held.id == position.id).map(|_| true)
    }

    /// Whether this installation signed it, or a copy of it did.
    pub(crate) fn is_this_installation(&self, device: &DeviceId, incarnation: Incarnation) -> bool {
        *device == self.live.row.device && incarnation == self.live.row.incarnation
    }

    /// Whether a feed is of a former self of this device, and nobody has proved it to be forked.
    pub(super) fn waits_for_others(&self, author: &FeedCandidate) -> bool {
        let is_former = author.device == self.live.row.device && author.incarnation != self.live.row.incarnation;
        is_former && self.live.members.current().fork_of(&author.feed).is_none()
    }

    /// Publishes the proof that a device signed two envelopes for one place. False when that must wait.
    pub(super) fn accuse(
        &mut self,
        writer: &mut Writer,
        signed: &Signed,
        held: &EnvelopeId,
    ) -> Result<bool, RecordError> {
        let facts = signed.verified.get();
        let Some(stored) = self.stored(writer, &facts.feed, facts.seq)? else { return Ok(true) };
        let Ok(other) = Envelope::decode(&stored.bytes) else { return Ok(true) };
        let context = EnvelopeContext { heads: stored.heads, epoch: stored.epoch, ..facts.context };
        let (one, two) = (SignedHeader::of(&signed.envelope, &facts.context), SignedHeader::of(&other, &context));
        let headers = if facts.id < *held { [one, two] } else { [two, one] };
        self.publish_fork(writer, facts, headers)
    }
}

#[cfg(test)]
mod tests {
    use carnet_crypto::id::FeedId;
    use carnet_protocol::{envelope::EnvelopeKind, volume};
    use carnet_record::SectionKind;

    use super::*;
    use crate::tests::{Device, allergy, pair};

    /// Two incarnations of a hostile device can be ground until their feeds begin alike. One of the two feeds has a gap
    /// here; what the other one carries is taken in all the same.
    #[test]
    fn atk_36_a_feed_that_begins_alike_and_has_a_gap_holds_up_no_other() {
        let (mut one, mut two) = (Device::new(164), Device::new(165));
        let id = one.begin().record;
        pair(&mut one, &mut two, &id);
        for name in ["premier", "second"] {
            two.record(&id).add(&allergy(name)).unwrap();
        }
        let section = two.record(&id).section_of(SectionKind::Treatments).unwrap();
        let (right, envelopes, ops) = {
            let record = two.record(&id);
            let (key, incarnation) = (record.live.signing.public(), record.live.row.incarnation);
            let feed = record.own_feed(&section, volume::SINGLE, EnvelopeKind::Changes);
            let right = FeedCandidate { device: record.device(), key, incarnation, feed };
            let envelopes = record.envelopes_after(&feed, 0, usize::MAX).unwrap();
            (right, envelopes, record.ops_since(&[], None).unwrap())
        };
        one.record(&id).receive_ops(&ops).unwrap();
        one.record(&id).receive(section, &envelopes[..1]).unwrap();
        let wrong = FeedCandidate { feed: FeedId([0x5a; 16]), ..right };
        let mut record = one.record(&id);
        let mut among = |candidates: Vec<FeedCandidate>| {
            let envelope = Envelope::decode(&envelopes[1]).unwrap();
            record.commit(|record, writer| record.verify_among(writer, section, envelope, candidates)).unwrap()
        };
        for candidates in [vec![wrong, right], vec![right, wrong]] {
            assert!(matches!(among(candidates), Found::Signed(..)));
        }
        let Found::Verdict(Verdict::Gap(feed, 1)) = among(vec![wrong]) else { panic!("a gap alone is still one") };
        assert_eq!(feed, wrong.feed);
    }
}
