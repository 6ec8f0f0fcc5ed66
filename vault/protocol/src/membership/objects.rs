//! Published objects and whether they are confirmed, rebased volumes, and forks.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::id::{DeviceId, FeedId, Incarnation, ObjectId, OpId, SectionId, VolumeId};

use super::{
    body::{Accusation, Adopted, Body, ObjectKind},
    evaluate::{Chain, Class, Evaluator, ReceiptOrder, View},
    graph::Index,
    state::Membership,
};
use crate::{
    envelope::EnvelopeKind,
    feed::{ForkProof, Position},
};

/// An object that one or more `Seal` operations name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedObject {
    /// The section.
    pub section: SectionId,
    /// The volume.
    pub volume: VolumeId,
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub object: ObjectId,
    /// What it stands for.
    pub cover: Vec<Position>,
    /// The operations that publish or confirm it and count, ascending.
    pub seals: Vec<OpId>,
    /// The devices that signed those, ascending.
    pub devices: Vec<DeviceId>,
    /// Whether it is confirmed: by two devices, one of them an owner's, or by the only one that could write.
    pub is_confirmed: bool,
}

/// What makes two seals the same.
type Identity = (SectionId, VolumeId, ObjectKind, ObjectId, Vec<Position>);

/// For each volume, what the operations that replace it say, and which say it.
type Rebases = BTreeMap<(SectionId, VolumeId), BTreeMap<(Vec<Position>, Option<ObjectId>), Vec<Index>>>;

/// Published objects, forks and adoptions.
#[derive(Debug, Default)]
pub(super) struct Objects {
    published: Vec<PublishedObject>,
    /// For each published object, the operations behind it that stand.
    seals: Vec<Vec<Index>>,
    /// For each feed, the objects whose cover names it, with the place.
    covers: BTreeMap<FeedId, Vec<(usize, Position)>>,
    /// For each forked feed, the proof that counts.
    forks: BTreeMap<FeedId, Index>,
    /// Every proof that stands.
    proofs: Vec<(Index, DeviceId, Incarnation)>,
    /// For each feed, the adoptions that stand, in order.
    adopted: BTreeMap<FeedId, Vec<(Index, SectionId, Position)>>,
    /// For each rebased volume, the cover of the confirmed operation that counts.
    rebased: BTreeMap<(SectionId, VolumeId), Vec<Position>>,
}

impl Objects {
    pub(super) fn new(evaluator: &Evaluator, view: &View) -> Self {
        let mut this = Self::default();
        let mut groups: BTreeMap<Identity, Vec<Index>> = BTreeMap::new();
        let mut rebases: Rebases = BTreeMap::new();
        let mut proofs = Vec::new();
        let mut adoptions = Vec::new();
        for (index, node) in evaluator.graph.nodes.iter().enumerate() {
            match node.op.body() {
                Body::Seal(seal) if view.stands(evaluator, index) => {
                    let identity = (seal.section, seal.volume, seal.kind, seal.object, seal.cover.clone());
                    groups.entry(identity).or_default().push(index);
                }
                Body::Rebase(rebase) if view.stands(evaluator, index) => {
                    let volume = rebases.entry((rebase.section, rebase.volume)).or_default();
                    volume.entry((rebase.cover.clone(), rebase.object)).or_default().push(index);
                }
                Body::ForkProof(accusation) if view.stands(evaluator, index) => {
                    proofs.push((evaluator.rank(view.chain(), index), index, accusation.as_ref()));
                }
                Body::Adopt(adopted) if view.stands(evaluator, index) => {
                    adoptions.push((evaluator.rank(view.chain(), index), index, adopted.as_slice()));
                }
                _ => {}
            }
        }
        this.index_seals(evaluator, groups);
        this.index_rebases(evaluator, view, rebases);
        proofs.sort_by(|(first, ..), (second, ..)| first.cmp(second));
        for (_, index, Accusation { proof, .. }) in proofs {
            this.forks.entry(proof.feed()).or_insert(index);
            this.proofs.push((index, proof.device, proof.incarnation));
        }
        adoptions.sort_by(|(first, ..), (second, ..)| first.cmp(second));
        for (_, index, adopted) in adoptions {
            for one in adopted {
                if let Adopted::Envelope(section, position) = one {
                    this.adopted.entry(position.feed).or_default().push((index, *section, *position));
                }
            }
        }
        this
    }

    fn index_seals(&mut self, evaluator: &Evaluator, groups: BTreeMap<Identity, Vec<Index>>) {
        for ((section, volume, kind, object, cover), seals) in groups {
            let at = self.published.len();
            for position in &cover {
                self.covers.entry(position.feed).or_default().push((at, *position));
            }
            let mut ids: Vec<OpId> = seals.iter().map(|seal| evaluator.id(*seal)).collect();
            ids.sort_unstable();
            let authors = seals.iter().filter_map(|seal| Some(evaluator.graph.node(*seal)?.op.author()));
            let devices: BTreeSet<DeviceId> = authors.collect();
            self.published.push(PublishedObject {
                section,
                volume,
                kind,
                object,
                cover,
                seals: ids,
                devices: devices.into_iter().collect(),
                is_confirmed: is_confirmed(evaluator, &seals),
            });
            self.seals.push(seals);
        }
    }

    fn index_rebases(&mut self, evaluator: &Evaluator, view: &View, rebases: Rebases) {
        for (volume, candidates) in rebases {
            let first = candidates
                .into_iter()
                .min_by_key(|(_, ops)| ops.iter().map(|index| evaluator.rank(view.chain(), *index)).min());
            if let Some(((cover, _), ops)) = first
                && is_confirmed(evaluator, &ops)
            {
                self.rebased.insert(volume, cover);
            }
        }
    }

    pub(super) fn of(&self, section: &SectionId) -> impl Iterator<Item = &PublishedObject> {
        self.published.iter().filter(move |object| object.section == *section)
    }

    pub(super) fn dead_incarnations(&self) -> BTreeSet<(DeviceId, Incarnation)> {
        self.proofs.iter().map(|(_, device, incarnation)| (*device, *incarnation)).collect()
    }

    /// The proofs that stand against an incarnation.
    pub(super) fn proofs_against(&self, device: DeviceId, incarnation: Incarnation) -> impl Iterator<Item = Index> {
        let against = self.proofs.iter().filter(move |(_, by, one)| *by == device && *one == incarnation);
        against.map(|(index, ..)| *index)
    }

    pub(super) fn forked_feeds(&self) -> impl Iterator<Item = &FeedId> {
        self.forks.keys()
    }

    pub(super) fn fork(&self, feed: &FeedId) -> Option<Index> {
        self.forks.get(feed).copied()
    }

    pub(super) fn adoptions(&self, feed: &FeedId) -> &[(Index, SectionId, Position)] {
        self.adopted.get(feed).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn rebased(&self, section: &SectionId, volume: VolumeId) -> Option<&[Position]> {
        self.rebased.get(&(*section, volume)).map(Vec::as_slice)
    }

    /// The places in `feed` that objects cover, confirmed by those of their seals that `counts` lets pass.
    pub(super) fn covered<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        feed: &FeedId,
        counts: &'a dyn Fn(Index) -> bool,
    ) -> impl Iterator<Item = (&'a PublishedObject, Position)> + 'a {
        let places = self.covers.get(feed).into_iter().flatten();
        places.filter_map(move |(at, position)| {
            let seals: Vec<Index> = self.seals.get(*at)?.iter().copied().filter(|seal| counts(*seal)).collect();
            is_confirmed(evaluator, &seals).then_some((self.published.get(*at)?, *position))
        })
    }

    /// The first place at or beyond a fork that objects cover, confirmed by those of their seals that `counts` lets pass;
    /// with what places it among others: the seal that confirmed it, receipted ones first.
    pub(super) fn first_covered(
        &self,
        evaluator: &Evaluator,
        chain: &Chain,
        fork: &ForkProof,
        counts: &dyn Fn(Index) -> bool,
    ) -> Option<(Confirmed, Position)> {
        let places = self.covers.get(&fork.feed()).into_iter().flatten();
        let beyond = places.filter(|(_, position)| position.seq >= fork.seq());
        let found = beyond.filter_map(|(at, position)| {
            let object = self.published.get(*at)?;
            if (object.section, object.volume, fork.kind) != (fork.section, fork.volume, EnvelopeKind::Changes) {
                return None;
            }
            let seals = self.seals.get(*at)?.iter().copied().filter(|seal| counts(*seal));
            let mut seals: Vec<(Confirmed, Index)> = seals
                .map(|seal| {
                    let receipt = chain.receipt(evaluator, seal);
                    ((receipt.is_none(), receipt, evaluator.id(seal)), seal)
                })
                .collect();
            seals.sort();
            let mut so_far = Vec::new();
            let confirming = seals.into_iter().find(|(_, seal)| {
                so_far.push(*seal);
                is_confirmed(evaluator, &so_far)
            });
            confirming.map(|(place, _)| (place, *position))
        });
        found.min_by_key(|(confirmed, position)| (*confirmed, position.seq))
    }

    /// Whether those of an object's seals that `counts` lets pass confirm it.
    pub(super) fn is_confirmed_by(
        &self,
        evaluator: &Evaluator,
        object: &PublishedObject,
        counts: &dyn Fn(Index) -> bool,
    ) -> bool {
        let found = self.published.iter().zip(&self.seals).find(|(other, _)| identity(other) == identity(object));
        let seals = found.map(|(_, seals)| seals.iter().copied().filter(|seal| counts(*seal)).collect::<Vec<_>>());
        seals.is_some_and(|seals| is_confirmed(evaluator, &seals))
    }
}

impl Membership {
    /// The places in a feed that are adopted, each with the section that was named: of a feed of changes, with all that
    /// comes before them.
    pub fn adopted(&self, feed: &FeedId) -> impl Iterator<Item = (SectionId, Position)> {
        self.objects.adoptions(feed).iter().map(|(_, section, place)| (*section, *place))
    }
}

fn identity(object: &PublishedObject) -> (SectionId, VolumeId, ObjectKind, ObjectId, &[Position]) {
    (object.section, object.volume, object.kind, object.object, &object.cover)
}

/// What places a confirmed object among others: whether the operation that confirmed it has no receipt, that receipt, and
/// its name.
pub(super) type Confirmed = (bool, Option<ReceiptOrder>, OpId);

/// Whether operations that say the same confirm what they say.
fn is_confirmed(evaluator: &Evaluator, ops: &[Index]) -> bool {
    let authors: BTreeSet<Index> = ops.iter().filter_map(|index| Some(evaluator.graph.node(*index)?.author)).collect();
    let by_owner = ops.iter().any(|index| evaluator.class(*index) == Some(Class::Owner));
    let is_first = |index: Index| !ops.iter().any(|other| evaluator.is_before(*other, index));
    authors.len() > 1 && by_owner || ops.iter().any(|index| evaluator.is_only_writer(*index) && is_first(*index))
}
