//! Whether an envelope counts. `docs/membership.md`, "Envelopes"; the answer is the same on every replica that holds the
//! same operations, receipts and envelopes.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    id::{DeviceId, EnvelopeId, FeedId, OpId, SectionId, VolumeId},
    sign::PublicKey,
};

use super::{
    PublishedObject,
    body::{Accusation, Body, Scope, Target},
    epochs::recipients_in_view,
    evaluate::View,
    graph::{Bits, Index},
    op::HeadsDigest,
    state::{FeedCandidate, Membership},
};
use crate::{
    envelope::{EnvelopeFacts, EnvelopeKind},
    feed::{ForkProof, Position},
};

/// What membership says of a verified envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It counts.
    Accepted,
    /// Something is missing to tell. Ask for it and judge again.
    Pending(Missing),
    /// It is kept, shown to an owner and not applied, unless something that counts depends on it.
    Quarantine(Quarantined),
    /// It never counts. Its author, if honest, issues it again.
    Refused(NotCounted),
}

/// What is missing to judge an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The envelopes of its feed up to this place.
    Chain(Position),
    /// The operation that made its epoch.
    Epoch,
    /// Operations of the view that it names.
    View,
}

/// Why an envelope is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarantined {
    /// The operation that gave its author the right stands no longer.
    AuthorVoided,
    /// It lies beyond what was confirmed when its section was cut, by this operation.
    Cut(OpId),
    /// It lies beyond where its forked feed ends, by this proof.
    Forked(OpId),
    /// Its volume was replaced, and it lies beyond what survived.
    Rebased,
    /// It lies beyond where its feed ends, by this removal.
    Removed {
        /// The removal.
        removal: OpId,
        /// Whether no further receipt can undo that removal.
        is_settled: bool,
    },
}

/// Why an envelope never counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCounted {
    /// A fork proof that its author had seen ended its incarnation.
    #[error("the author knew that this incarnation is dead")]
    DeadIncarnation,
    /// Its epoch does not count in the view that it names.
    #[error("the epoch does not count in the author's view")]
    Epoch,
    /// Its author had no right to write in the view that it names, or had not published its incarnation.
    #[error("the author had no right to write in its own view")]
    NotAWriter,
    /// Someone whose right had ended, as its author knew, has the key of its epoch.
    #[error("the author knew that a recipient of the epoch is no reader any more")]
    Stale,
    /// The heads given are not those that its header names.
    #[error("the heads are not those of the envelope")]
    View,
}

/// An envelope among others that are judged together.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The envelope.
    pub facts: EnvelopeFacts,
    /// The heads behind the digest that it names.
    pub heads: Vec<OpId>,
    /// The envelopes that its content depends on, its predecessor not among them.
    pub depends_on: Vec<EnvelopeId>,
}

/// Whether the envelope in question and `position` lie on one chain: one is the other, or comes before it. None if
/// what is held of the feed does not reach so far.
pub type OneChain<'a> = &'a dyn Fn(&Position) -> Option<bool>;

impl Membership {
    /// Judges one verified envelope whose view is `heads`.
    ///
    /// Order in the feed, the payload, and whether the view holds that of the predecessor
    /// ([`Membership::view_includes`]) are judged elsewhere. One thing cannot be seen from a single envelope: that
    /// something which counts depends on it. [`Membership::settle`] sees it.
    pub fn judge(&self, envelope: &EnvelopeFacts, heads: &[OpId], one_chain: OneChain<'_>) -> Judgement {
        if HeadsDigest::of(heads) != envelope.context.heads {
            return Judgement::Refused(NotCounted::View);
        }
        let Some(at) = self.evaluator.graph.closure(heads) else { return Judgement::Pending(Missing::View) };
        let view = self.evaluator.view(&at);
        if let Some(refused) = self.refused(envelope, &at, &view) {
            return refused;
        }
        let checks = [
            self.by_fork(envelope, one_chain),
            self.by_removal(envelope, &at, one_chain),
            self.by_authority(envelope, &at, one_chain),
            self.by_erasure(envelope, one_chain),
        ];
        let worst = checks.into_iter().flatten().reduce(|first, other| match (first, other) {
            (Judgement::Pending(_), Judgement::Quarantine(_)) => other,
            _ => first,
        });
        worst.unwrap_or(Judgement::Accepted)
    }

    /// Judges envelopes together, each signed and in order in its feed, and finds those that count only because
    /// something that counts depends on them (`docs/membership.md`, rule (d)).
    pub fn settle(&self, candidates: &[Candidate]) -> BTreeMap<EnvelopeId, Judgement> {
        let by_id: BTreeMap<EnvelopeId, &Candidate> =
            candidates.iter().map(|candidate| (candidate.facts.id, candidate)).collect();
        let mut judgements: BTreeMap<EnvelopeId, Judgement> = BTreeMap::new();
        for candidate in candidates {
            let one_chain = |position: &Position| one_chain(&by_id, &candidate.facts, position);
            let judgement = self.judge(&candidate.facts, &candidate.heads, &one_chain);
            judgements.insert(candidate.facts.id, judgement);
        }
        let supporters: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| judgements.get(&candidate.facts.id) == Some(&Judgement::Accepted))
            .collect();
        for supporter in supporters {
            let mut seen = BTreeSet::new();
            let mut open = supporter.depends_on.clone();
            while let Some(id) = open.pop() {
                let Some(needed) = by_id.get(&id).filter(|_| seen.insert(id)) else { continue };
                if let Some(judgement) = judgements.get_mut(&id)
                    && self.is_kept_alive(&needed.facts, *judgement, &supporter.heads)
                {
                    *judgement = Judgement::Accepted;
                }
                open.extend(&needed.depends_on);
                open.push(needed.facts.context.previous);
            }
        }
        judgements
    }

    /// Whether an envelope in quarantine counts because one that counts depends on it, whose view is `heads`.
    pub fn is_kept_alive(&self, envelope: &EnvelopeFacts, judgement: Judgement, heads: &[OpId]) -> bool {
        if !matches!(judgement, Judgement::Quarantine(Quarantined::Removed { .. }))
            || envelope.context.kind != EnvelopeKind::Changes
            || self.objects.fork(&envelope.feed).is_some()
        {
            return false;
        }
        let Some(at) = self.evaluator.graph.closure(heads) else { return false };
        let context = &envelope.context;
        let removals = self.removals_of(context.device, context.key, &context.section);
        removals.into_iter().all(|removal| !at.has(removal))
    }

    /// The feeds that a proof shows to be forked, ascending.
    pub fn forked_feeds(&self) -> impl Iterator<Item = &FeedId> {
        self.objects.forked_feeds()
    }

    /// The proof that decides where a forked feed ends.
    pub fn fork_of(&self, feed: &FeedId) -> Option<&Accusation> {
        match self.evaluator.graph.node(self.objects.fork(feed)?)?.op.body() {
            Body::ForkProof(accusation) => Some(accusation),
            _ => None,
        }
    }

    /// The place that says which branch of a feed in `section` stands: the first that is sealed beyond the fork; else where
    /// its fork proof ends it, or the first adoption that reaches the fork when that lies further on; without a proof,
    /// where the first removal of its author ends it. None where nothing says so.
    pub fn branch_end(&self, author: &FeedCandidate, section: &SectionId) -> Option<Position> {
        let Some(fork) = self.fork_of(&author.feed) else {
            let removals = self.removals_of(author.device, author.key, section);
            let mut bodies =
                removals.into_iter().filter_map(|removal| self.evaluator.graph.node(removal)?.op.body().removal());
            return bodies.find_map(|removal| removal.end_of(&author.feed)).copied();
        };
        self.fork_end_of(fork, &author.feed, section)
    }

    /// The same of a feed that is forked.
    fn fork_end(&self, feed: &FeedId, section: &SectionId) -> Option<Position> {
        self.fork_end_of(self.fork_of(feed)?, feed, section)
    }

    fn fork_end_of(&self, fork: &Accusation, feed: &FeedId, section: &SectionId) -> Option<Position> {
        if let Some(sealed) = self.sealed_branch(feed) {
            return Some(sealed);
        }
        if fork.frontier.is_some_and(|end| end.seq >= fork.proof.seq()) {
            return fork.frontier;
        }
        let adoptions = self.objects.adoptions(feed).iter();
        let mut reach = adoptions.filter(|(_, of, place)| of == section && place.seq >= fork.proof.seq());
        reach.next().map(|(.., place)| *place).or(fork.frontier)
    }

    /// The first place at or beyond the fork of a feed that confirmed objects cover, of those that were confirmed before the
    /// proof or are without the accused device: its branch is the one that stands, whatever the proof says.
    fn sealed_branch(&self, feed: &FeedId) -> Option<Position> {
        let (end, fork) = (self.objects.fork(feed)?, &self.fork_of(feed)?.proof);
        let before = self.sealed_before(end);
        let by_others =
            |seal: Index| self.evaluator.graph.node(seal).is_some_and(|node| node.op.author() != fork.device);
        let place = |counts: &dyn Fn(Index) -> bool| {
            self.objects.first_covered(&self.evaluator, self.view.chain(), fork, counts)
        };
        let found = [place(&before), place(&by_others)];
        found.into_iter().flatten().min_by(|(one, _), (two, _)| one.cmp(two)).map(|(_, place)| place)
    }

    /// The first place that confirmed objects cover at or beyond a fork that is about to be proved: whoever proves it says
    /// nothing against that.
    pub fn sealed_from(&self, proof: &ForkProof) -> Option<Position> {
        self.objects.first_covered(&self.evaluator, self.view.chain(), proof, &|_| true).map(|(_, place)| place)
    }

    /// Whether an object stands for a branch that fell: it covers a place of a forked feed where another one stands, or one
    /// beyond all that counts; or the accused device confirmed it beyond the fork and did not know of the proof. What
    /// two devices confirm that knew it lies on the branch that stands.
    pub fn is_overruled(&self, object: &PublishedObject) -> bool {
        object.cover.iter().any(|position| {
            let (Some(end), Some(fork)) = (self.objects.fork(&position.feed), self.fork_of(&position.feed)) else {
                return false;
            };
            if position.seq < fork.proof.seq() {
                return false;
            }
            let stands = self.fork_end(&position.feed, &object.section);
            let is_beside = stands.is_some_and(|stands| stands.seq == position.seq && stands.id != position.id);
            let is_beyond = self.fork_reach(&position.feed).is_some_and(|reach| reach < position.seq);
            let before = self.sealed_before(end);
            let counts = |seal: Index| {
                let author = self.evaluator.graph.node(seal).map(|node| node.op.author());
                before(seal) || author != Some(fork.proof.device) || self.evaluator.is_before(end, seal)
            };
            let is_unheard = object.is_confirmed && !self.objects.is_confirmed_by(&self.evaluator, object, &counts);
            is_beside || is_beyond || is_unheard
        })
    }

    /// Whether the device that forked a feed proves it itself: it goes on from the branch that stands, and does not remember
    /// what it wrote on any other.
    pub fn is_fork_admitted(&self, feed: &FeedId) -> bool {
        let Some(forked) = self.fork_of(feed).map(|fork| fork.proof.device) else { return false };
        let mut proofs = self.evaluator.graph.nodes.iter().filter(|node| node.op.author() == forked);
        proofs.any(|node| matches!(node.op.body(), Body::ForkProof(one) if one.proof.feed() == *feed))
    }

    /// Whether something of a volume was erased: what is not in it then is not to come back.
    pub fn is_erased(&self, section: &SectionId, volume: VolumeId) -> bool {
        self.objects.rebased(section, volume).is_some() || !self.epochs.cuts(section).is_empty()
    }

    /// The last position of a forked feed that may count: by the proof, by adoption, or under a confirmed object. None
    /// for a feed that is not forked.
    pub fn fork_reach(&self, feed: &FeedId) -> Option<u32> {
        let frontier = self.fork_of(feed)?.frontier.map(|end| end.seq);
        let adopted = self.objects.adoptions(feed).iter().map(|(.., place)| place.seq);
        let covered = self.objects.covered(&self.evaluator, feed, &|_| true).map(|(_, place)| place.seq);
        Some(frontier.into_iter().chain(adopted).chain(covered).max().unwrap_or(0))
    }

    fn refused(&self, envelope: &EnvelopeFacts, at: &Bits, view: &View) -> Option<Judgement> {
        let context = &envelope.context;
        if !self.may_write(envelope, view) {
            return Some(Judgement::Refused(NotCounted::NotAWriter));
        }
        let mut proofs = self.objects.proofs_against(context.device, context.incarnation);
        if proofs.any(|proof| at.has(proof)) {
            return Some(Judgement::Refused(NotCounted::DeadIncarnation));
        }
        let evaluator = &self.evaluator;
        if !evaluator.graph.epochs.contains_key(&(context.section, context.epoch)) {
            return Some(Judgement::Pending(Missing::Epoch));
        }
        let Some(recipients) = recipients_in_view(evaluator, view, at, &context.section, &context.epoch) else {
            return Some(Judgement::Refused(NotCounted::Epoch));
        };
        let readers: BTreeSet<_> = view.readers(evaluator, &context.section, None).into_iter().collect();
        let is_reader = |device| readers.iter().any(|reader| reader.device == device);
        (!recipients.into_iter().all(is_reader)).then_some(Judgement::Refused(NotCounted::Stale))
    }

    /// Whether the author may write in a view, as the incarnation that it signs as.
    fn may_write(&self, envelope: &EnvelopeFacts, view: &View) -> bool {
        let context = &envelope.context;
        let Some(device) = self.evaluator.graph.device_index.get(&(context.device, context.key)) else { return false };
        let needed = match context.kind {
            EnvelopeKind::Changes | EnvelopeKind::Batch => Scope::WRITE,
            EnvelopeKind::Drop => Scope::DROP,
        };
        view.walk(&self.evaluator, |walk| {
            let Some(principal) = walk.live_principal(*device) else { return false };
            let published = walk.introductions_in_view(*device);
            let is_published = |keys: &super::body::DeviceKeys| keys.incarnation == context.incarnation;
            published.iter().filter_map(|one| one.keys.as_ref()).any(is_published)
                && walk.scope_in_view(principal, &context.section, None).includes(needed)
        })
    }

    /// The removals that count against a device that writes in a section, in the order in which they were decided.
    fn removals_of(&self, author: DeviceId, key: PublicKey, of: &SectionId) -> Vec<Index> {
        let graph = &self.evaluator.graph;
        let Some(device) = graph.device_index.get(&(author, key)) else { return Vec::new() };
        let principal = self.view.walk(&self.evaluator, |walk| walk.principal_of(*device));
        let principal = principal.and_then(|principal| graph.principals.get(principal)).map(|entry| entry.id);
        let hits = |target: &Target| match target {
            Target::Device(id) => *id == author,
            Target::Principal(id) => Some(*id) == principal,
            Target::Section(id, section) => Some(*id) == principal && section == of,
        };
        let counted = self.view.counted().iter().copied();
        counted
            .filter(|index| {
                let removal = graph.node(*index).and_then(|node| node.op.body().removal());
                removal.is_some_and(|removal| removal.targets.iter().any(hits))
            })
            .collect()
    }

    fn by_removal(&self, envelope: &EnvelopeFacts, at: &Bits, one_chain: OneChain<'_>) -> Option<Judgement> {
        let evaluator = &self.evaluator;
        let context = &envelope.context;
        let removals = self.removals_of(context.device, context.key, &context.section);
        let mut found = None;
        for removal in removals.into_iter().filter(|removal| !at.has(*removal)) {
            let Some(body) = evaluator.graph.node(removal).and_then(|node| node.op.body().removal()) else { continue };
            let frontier = body.end_of(&envelope.feed).map(|end| within(envelope, end, one_chain));
            let kept = [
                frontier.unwrap_or(Kept::No),
                self.by_seal(envelope, removal, one_chain),
                self.by_adoption(envelope, one_chain),
            ];
            let is_settled = self.view.chain().is_empty() || self.view.chain().receipt(evaluator, removal).is_some();
            let quarantined = Quarantined::Removed { removal: evaluator.id(removal), is_settled };
            match Kept::any(kept) {
                Kept::Yes => {}
                Kept::No => return Some(Judgement::Quarantine(quarantined)),
                Kept::Unknown(position) => found = Some(Judgement::Pending(Missing::Chain(position))),
            }
        }
        found
    }

    fn by_fork(&self, envelope: &EnvelopeFacts, one_chain: OneChain<'_>) -> Option<Judgement> {
        let evaluator = &self.evaluator;
        let proof = self.objects.fork(&envelope.feed)?;
        let accusation = self.fork_of(&envelope.feed)?;
        let frontier = accusation.frontier.as_ref();
        let by_any = || {
            let on_branch = frontier.map_or(Kept::No, |end| within(envelope, end, one_chain));
            let adopted = self.by_adoption_of_fork(envelope, accusation, one_chain);
            Kept::any([on_branch, self.by_seal(envelope, proof, one_chain), adopted])
        };
        // What was sealed beyond the fork never rolls back, so nothing beside it can stand.
        let kept = match self.sealed_branch(&envelope.feed) {
            None => by_any(),
            Some(sealed) if envelope.seq <= sealed.seq => within(envelope, &sealed, one_chain),
            Some(sealed) => match one_chain(&sealed) {
                Some(true) => by_any(),
                Some(false) => Kept::No,
                None => Kept::Unknown(sealed),
            },
        };
        match kept {
            Kept::Yes => None,
            Kept::No => Some(Judgement::Quarantine(Quarantined::Forked(evaluator.id(proof)))),
            Kept::Unknown(position) => Some(Judgement::Pending(Missing::Chain(position))),
        }
    }

    /// Whoever adopts of a forked feed may only go on where the frontier stops. Where the frontier lies below the fork,
    /// the first adoption that reaches the fork chooses the branch.
    fn by_adoption_of_fork(&self, envelope: &EnvelopeFacts, fork: &Accusation, one_chain: OneChain<'_>) -> Kept {
        let fork_seq = fork.proof.seq();
        let mut branch = None;
        if let Some(end) = &fork.frontier {
            if envelope.seq <= end.seq {
                return Kept::No;
            }
            match one_chain(end) {
                Some(true) if end.seq >= fork_seq => branch = Some(*end),
                Some(true) => {}
                Some(false) => return Kept::No,
                None => return Kept::Unknown(*end),
            }
        }
        let adoptions = self.objects.adoptions(&envelope.feed);
        let adoptions = adoptions.iter().filter(|(_, section, _)| *section == envelope.context.section);
        if branch.is_none() && envelope.seq >= fork_seq {
            let Some((_, _, first)) = adoptions.clone().find(|(_, _, place)| place.seq >= fork_seq) else {
                return Kept::No;
            };
            match one_chain(first) {
                Some(true) => {}
                Some(false) => return Kept::No,
                None => return Kept::Unknown(*first),
            }
        }
        let adopts = |kept, (_, _, place): &(Index, SectionId, Position)| {
            Kept::any([kept, within(envelope, place, one_chain), Kept::No])
        };
        adoptions.fold(Kept::No, adopts)
    }

    /// Whether what gave the author its right, in its own view, still stands.
    fn by_authority(&self, envelope: &EnvelopeFacts, at: &Bits, one_chain: OneChain<'_>) -> Option<Judgement> {
        let view = self.view.narrowed(at);
        if self.may_write(envelope, &view) {
            return None;
        }
        let evaluator = &self.evaluator;
        let device = evaluator.graph.device_index.get(&(envelope.context.device, envelope.context.key)).copied();
        let by_others = |seal: Index| evaluator.graph.node(seal).is_some_and(|node| Some(node.author) != device);
        let sealed = self.in_covers(envelope, &by_others, one_chain);
        match Kept::any([sealed, self.by_adoption(envelope, one_chain), Kept::No]) {
            Kept::Yes => None,
            Kept::No => Some(Judgement::Quarantine(Quarantined::AuthorVoided)),
            Kept::Unknown(position) => Some(Judgement::Pending(Missing::Chain(position))),
        }
    }

    fn by_erasure(&self, envelope: &EnvelopeFacts, one_chain: OneChain<'_>) -> Option<Judgement> {
        let evaluator = &self.evaluator;
        let context = &envelope.context;
        if let Some(cover) = self.objects.rebased(&context.section, context.volume) {
            let end = super::body::end_of(cover, &envelope.feed);
            match end.map_or(Kept::No, |end| within(envelope, end, one_chain)) {
                Kept::Yes => {}
                Kept::No => return Some(Judgement::Quarantine(Quarantined::Rebased)),
                Kept::Unknown(position) => return Some(Judgement::Pending(Missing::Chain(position))),
            }
        }
        let epochs = evaluator.graph.epochs.get(&(context.section, context.epoch))?;
        for cut in self.epochs.cuts(&context.section) {
            if epochs.iter().any(|epoch| epoch == cut || evaluator.is_before(*cut, *epoch)) {
                continue;
            }
            let before = |seal: Index| evaluator.is_before(seal, *cut);
            match self.in_covers(envelope, &before, one_chain) {
                Kept::Yes => {}
                Kept::No => return Some(Judgement::Quarantine(Quarantined::Cut(evaluator.id(*cut)))),
                Kept::Unknown(position) => return Some(Judgement::Pending(Missing::Chain(position))),
            }
        }
        None
    }

    /// Whether the envelope lies under a seal that was confirmed before `end`, or that is confirmed without the
    /// principal of its author.
    fn by_seal(&self, envelope: &EnvelopeFacts, end: Index, one_chain: OneChain<'_>) -> Kept {
        let (before, by_others) =
            (self.sealed_before(end), self.sealed_by_others(end, envelope.context.device, envelope.context.key));
        Kept::any([
            self.in_covers(envelope, &before, one_chain),
            self.in_covers(envelope, &by_others, one_chain),
            Kept::No,
        ])
    }

    /// Whether a seal was made before `end`: by what its author knew, or by receipts.
    fn sealed_before(&self, end: Index) -> impl Fn(Index) -> bool {
        let (evaluator, chain) = (&self.evaluator, self.view.chain());
        let ended_at = chain.receipt(evaluator, end);
        move |seal| {
            let sealed_at = chain.receipt(evaluator, seal);
            evaluator.is_before(seal, end) || sealed_at.is_some() && (ended_at.is_none() || sealed_at < ended_at)
        }
    }

    /// Whether a seal is by another than this author, whom `end` is about.
    fn sealed_by_others(&self, end: Index, author: DeviceId, key: PublicKey) -> impl Fn(Index) -> bool {
        let evaluator = &self.evaluator;
        let principal = |device| self.view.walk(evaluator, |walk| walk.principal_of(device));
        let own = evaluator.graph.device_index.get(&(author, key)).copied();
        let own_principal = own.and_then(principal);
        // A removal of one device of a person leaves the others their word.
        let whole = evaluator
            .graph
            .node(end)
            .and_then(|node| node.op.body().removal())
            .is_some_and(|removal| removal.targets.iter().any(|target| !matches!(target, Target::Device(_))));
        move |seal| {
            let Some(author) = evaluator.graph.node(seal).map(|node| node.author) else { return false };
            Some(author) != own && !(whole && principal(author) == own_principal)
        }
    }

    fn in_covers(&self, envelope: &EnvelopeFacts, counts: &dyn Fn(Index) -> bool, one_chain: OneChain<'_>) -> Kept {
        let mut kept = Kept::No;
        for (object, position) in self.objects.covered(&self.evaluator, &envelope.feed, counts) {
            let context = &envelope.context;
            if object.section != context.section || object.volume != context.volume {
                continue;
            }
            let covers = match context.kind {
                EnvelopeKind::Changes => within(envelope, &position, one_chain),
                EnvelopeKind::Batch | EnvelopeKind::Drop => Kept::exactly(envelope, &position),
            };
            kept = Kept::any([kept, covers, Kept::No]);
        }
        kept
    }

    fn by_adoption(&self, envelope: &EnvelopeFacts, one_chain: OneChain<'_>) -> Kept {
        let mut kept = Kept::No;
        for (_, section, position) in self.objects.adoptions(&envelope.feed) {
            if *section != envelope.context.section {
                continue;
            }
            let adopts = match envelope.context.kind {
                EnvelopeKind::Changes => within(envelope, position, one_chain),
                EnvelopeKind::Batch | EnvelopeKind::Drop => Kept::exactly(envelope, position),
            };
            kept = Kept::any([kept, adopts, Kept::No]);
        }
        kept
    }
}

/// Whether something keeps an envelope.
#[derive(Clone, Copy)]
enum Kept {
    Yes,
    No,
    Unknown(Position),
}

impl Kept {
    fn any(reasons: [Self; 3]) -> Self {
        reasons.into_iter().fold(Self::No, |kept, reason| match (kept, reason) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown(position), _) | (_, Self::Unknown(position)) => Self::Unknown(position),
            (Self::No, Self::No) => Self::No,
        })
    }

    fn exactly(envelope: &EnvelopeFacts, position: &Position) -> Self {
        if position.id == envelope.id { Self::Yes } else { Self::No }
    }
}

/// Whether an envelope lies in the chain that ends in `end`.
fn within(envelope: &EnvelopeFacts, end: &Position, one_chain: OneChain<'_>) -> Kept {
    if end.feed != envelope.feed || envelope.seq > end.seq {
        return Kept::No;
    }
    if envelope.seq == end.seq {
        return Kept::exactly(envelope, end);
    }
    match one_chain(end) {
        Some(true) => Kept::Yes,
        Some(false) => Kept::No,
        None => Kept::Unknown(*end),
    }
}

/// Whether two envelopes of one feed lie on one chain, as far as `held` shows.
fn one_chain(held: &BTreeMap<EnvelopeId, &Candidate>, envelope: &EnvelopeFacts, position: &Position) -> Option<bool> {
    let (mut from, to) = if position.seq >= envelope.seq {
        (held.get(&position.id)?.facts, (envelope.seq, envelope.id))
    } else {
        (*envelope, (position.seq, position.id))
    };
    while from.seq > to.0 {
        if from.seq == to.0.saturating_add(1) {
            return Some(from.context.previous == to.1);
        }
        from = held.get(&from.context.previous)?.facts;
    }
    Some(from.id == to.1)
}
