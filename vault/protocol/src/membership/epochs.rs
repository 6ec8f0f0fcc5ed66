//! The epochs of each section: which count, for whom each is, and which may still be written under.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::id::{DeviceId, EpochId, OpId, SectionId};

use super::{
    body::{Body, SectionRekey, WrapTarget},
    detached::InboxHash,
    evaluate::{Evaluator, View},
    graph::{Bits, Index},
};

/// One key of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its name: the commitment to its key.
    pub id: EpochId,
    /// The operation that made it.
    pub op: OpId,
    /// The device that signed that operation.
    pub author: DeviceId,
    /// The epochs it follows.
    pub parents: Vec<EpochId>,
    /// Length of the longest path from the first epoch of the section, from 1.
    pub height: u64,
    /// Whether its key opens those of its parents.
    pub has_ladder: bool,
    /// The section's inbox key, where someone may drop.
    pub inbox: Option<InboxHash>,
    /// The devices that have its key: those it was made for, and those that got it later. Empty if it was made for
    /// others than the readers, and so never counted.
    pub recipients: BTreeSet<DeviceId>,
    /// Whether its operation counts.
    pub counts: bool,
    /// Whether it counts and no cut left it behind.
    pub is_current: bool,
}

/// The epochs of all sections.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    sections: BTreeMap<SectionId, Vec<Epoch>>,
    /// For each section, the operations that cut it, with whether they count.
    cuts: BTreeMap<SectionId, Vec<Index>>,
}

impl Epochs {
    pub(super) fn new(evaluator: &Evaluator, view: &View) -> Self {
        let graph = &evaluator.graph;
        let heights = heights(evaluator);
        let mut this = Self { sections: BTreeMap::new(), cuts: cuts(evaluator, view) };
        for ((section, epoch), nodes) in &graph.epochs {
            // Whoever names an epoch again makes it no higher, and can only add to those it is for.
            let first = nodes
                .iter()
                .copied()
                .min_by_key(|node| (!is_made(evaluator, view, *node), evaluator.rank(view.chain(), *node)));
            let Some((index, node)) = first.and_then(|index| Some((index, graph.node(index)?))) else { continue };
            let rekey = node.op.body().rekey();
            let own = rekey.and_then(|rekey| rekey.sections.iter().find(|own| own.section == *section));
            let Some(own) = own else { continue };
            let counts = is_made(evaluator, view, index);
            let cuts = this.cuts.get(section).into_iter().flatten();
            let is_cut_off = !own.is_cut() && cuts.into_iter().any(|cut| !evaluator.is_before(*cut, index));
            let height = nodes.iter().filter_map(|node| heights.get(&(*node, *section))).min().copied();
            this.sections.entry(*section).or_default().push(Epoch {
                id: *epoch,
                op: node.op.id(),
                author: node.op.author(),
                parents: own.parents.clone(),
                height: height.unwrap_or(1),
                has_ladder: own.ladder.is_some(),
                inbox: own.inbox,
                recipients: nodes.iter().flat_map(|node| made_for(evaluator, *node, section)).collect(),
                counts,
                is_current: counts && !is_cut_off,
            });
        }
        add_wrapped(evaluator, view, &mut this.sections);
        for epochs in this.sections.values_mut() {
            epochs.sort_by_key(|epoch| (epoch.height, epoch.id));
        }
        this
    }

    pub(super) fn of(&self, section: &SectionId) -> &[Epoch] {
        self.sections.get(section).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = SectionId> {
        self.sections.keys().copied()
    }

    /// The cuts of a section that count.
    pub(super) fn cuts(&self, section: &SectionId) -> &[Index] {
        self.cuts.get(section).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Whether an epoch is for readers only, and its operation counts, in the view of `at`; and if so, for whom.
pub(super) fn recipients_in_view(
    evaluator: &Evaluator,
    view: &View,
    at: &Bits,
    section: &SectionId,
    epoch: &EpochId,
) -> Option<BTreeSet<DeviceId>> {
    let graph = &evaluator.graph;
    let nodes = graph.epochs.get(&(*section, *epoch))?;
    let mut made = nodes.iter().filter(|node| at.has(**node) && is_made(evaluator, view, **node)).peekable();
    made.peek()?;
    let mut devices: BTreeSet<DeviceId> = BTreeSet::new();
    for node in made {
        devices.extend(made_for(evaluator, *node, section));
    }
    for index in graph.wraps.iter().copied().filter(|index| at.has(*index)) {
        if let Some((device, epochs)) = given(evaluator, index)
            && epochs.contains(&(*section, *epoch))
            && view.stands(evaluator, index)
        {
            devices.insert(device);
        }
    }
    Some(devices)
}

/// Whether the operation stands and was made for exactly the readers.
fn is_made(evaluator: &Evaluator, view: &View, index: Index) -> bool {
    evaluator.made_for(index).is_some() && view.stands(evaluator, index)
}

fn made_for(evaluator: &Evaluator, index: Index, section: &SectionId) -> Vec<DeviceId> {
    let readers = evaluator.made_for(index).into_iter().flatten().filter(|(of, _)| of == section);
    readers.flat_map(|(_, readers)| readers.iter().map(|reader| reader.device)).collect()
}

fn given(evaluator: &Evaluator, index: Index) -> Option<(DeviceId, &[(SectionId, EpochId)])> {
    match evaluator.graph.node(index)?.op.body() {
        Body::Wrap(wrap) if wrap.part.is_some() => match &wrap.target {
            WrapTarget::Device(device) => Some((*device, &wrap.epochs)),
            WrapTarget::Step { .. } => None,
        },
        _ => None,
    }
}

fn add_wrapped(evaluator: &Evaluator, view: &View, sections: &mut BTreeMap<SectionId, Vec<Epoch>>) {
    for index in evaluator.graph.wraps.iter().copied() {
        let Some((device, epochs)) = given(evaluator, index) else { continue };
        if !view.stands(evaluator, index) {
            continue;
        }
        for (section, epoch) in epochs {
            let known = sections.get_mut(section).into_iter().flatten();
            for epoch in known.filter(|known| known.id == *epoch) {
                epoch.recipients.insert(device);
            }
        }
    }
}

fn cuts(evaluator: &Evaluator, view: &View) -> BTreeMap<SectionId, Vec<Index>> {
    let mut cuts: BTreeMap<SectionId, Vec<Index>> = BTreeMap::new();
    for (index, node) in evaluator.graph.nodes.iter().enumerate() {
        let sections = node.op.body().rekey().into_iter().flat_map(|rekey| &rekey.sections);
        for section in sections.filter(|section| section.is_cut()) {
            if is_made(evaluator, view, index) {
                cuts.entry(section.section).or_default().push(index);
            }
        }
    }
    cuts
}

/// The height that each operation gives its epoch of each section, from its own past alone.
fn heights(evaluator: &Evaluator) -> BTreeMap<(Index, SectionId), u64> {
    let graph = &evaluator.graph;
    let mut heights: BTreeMap<(Index, SectionId), u64> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let sections = node.op.body().rekey().into_iter().flat_map(|rekey| &rekey.sections);
        for SectionRekey { section, parents, .. } in sections {
            let of_parent = |parent: &EpochId| {
                let named = graph.epochs.get(&(*section, *parent)).into_iter().flatten();
                named.filter(|named| node.past.has(**named)).filter_map(|named| heights.get(&(*named, *section))).min()
            };
            let highest = parents.iter().filter_map(of_parent).max().copied().unwrap_or(0);
            heights.insert((index, *section), highest.saturating_add(1));
        }
    }
    heights
}
