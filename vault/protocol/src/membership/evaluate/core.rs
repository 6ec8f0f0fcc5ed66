//! One view: which removals count in it, and the rights that are left.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use carnet_crypto::{door::UnixMillis, id::SectionId, sign::PublicKey};

use super::{
    Class, Evaluator, ReceiptOrder, lock,
    walk::{Memo, Walk},
};
use crate::membership::{
    body::{Body, RelayKeys, RootClass, Target},
    graph::{Bits, Index},
    readers::Recipient,
};

/// The relays that a record has had in one view, in order.
#[derive(Debug, Default)]
pub(in crate::membership) struct Chain {
    /// The operation that named each, and its signing key.
    relays: Vec<(Index, PublicKey)>,
}

impl Chain {
    /// Settles who follows whom, before any removal is decided.
    pub(super) fn settle(evaluator: &Evaluator, at: &Bits) -> Self {
        let graph = &evaluator.graph;
        let mut chain = Self::default();
        if let Some(relay) = graph.genesis().and_then(|genesis| genesis.relay.as_ref()) {
            chain.relays.push((0, relay.signing));
        }
        loop {
            let successors = graph.set_relays.iter().copied().filter(|index| at.has(*index));
            let successors = successors.filter(|index| chain.may_follow(evaluator, *index));
            let Some(next) = successors.min_by_key(|index| evaluator.rank(&chain, *index)) else { return chain };
            let Some(keys) = relay_keys(evaluator, next) else { return chain };
            chain.relays.push((next, keys.signing));
        }
    }

    /// Where the receipts of `index` place it: the first place of several.
    pub(in crate::membership) fn receipt(&self, evaluator: &Evaluator, index: Index) -> Option<ReceiptOrder> {
        let receipts = evaluator.receipts.get(index)?;
        let places = self.relays.iter().enumerate().filter(|(_, (named_by, _))| {
            // A relay's receipts count only for what comes after the operation that named it, and for the genesis.
            evaluator.is_before(*named_by, index) || *named_by == index && index == 0
        });
        places
            .flat_map(|(relay_index, (_, key))| {
                let own = receipts.iter().filter(move |(relay, ..)| relay == key);
                own.map(move |(_, store_epoch, position)| ReceiptOrder {
                    relay_index,
                    store_epoch: *store_epoch,
                    position: *position,
                })
            })
            .min()
    }

    /// The operation that named the present relay.
    pub(in crate::membership) fn last(&self) -> Option<Index> {
        self.relays.last().map(|(index, _)| *index)
    }

    pub(in crate::membership) fn is_empty(&self) -> bool {
        self.relays.is_empty()
    }

    fn may_follow(&self, evaluator: &Evaluator, index: Index) -> bool {
        let Some(class) = evaluator.class(index) else { return false };
        let Some(keys) = relay_keys(evaluator, index) else { return false };
        if self.relays.iter().any(|(_, key)| *key == keys.signing) {
            // A relay that comes back comes back with another key: else its old receipts would move in time.
            return false;
        }
        let Some((named_by, key)) = self.relays.last() else { return true };
        let receipted = || evaluator.receipts.get(index).is_some_and(|facts| facts.iter().any(|(by, ..)| by == key));
        evaluator.is_before(*named_by, index) && (class.is_root() || receipted())
    }
}

fn relay_keys(evaluator: &Evaluator, index: Index) -> Option<&RelayKeys> {
    match evaluator.graph.node(index)?.op.body() {
        Body::Genesis(genesis) => genesis.relay.as_ref(),
        Body::SetRelay(keys) => Some(keys),
        _ => None,
    }
}

/// One view: the operations that it holds, and what stands among them.
#[derive(Clone, Debug)]
pub(in crate::membership) struct View {
    pub(super) core: Arc<Core>,
    /// The operations of the view that rights depend on.
    pub(super) at: Bits,
}

impl View {
    /// Whether an operation of the view stands in it.
    pub(in crate::membership) fn stands(&self, evaluator: &Evaluator, index: Index) -> bool {
        self.walk(evaluator, |walk| walk.stands(index))
    }

    /// In what quality the author of an operation, whose past this view is, may make it.
    pub(super) fn class_of(&self, evaluator: &Evaluator, index: Index) -> Option<Class> {
        self.walk(evaluator, |walk| walk.authority(index))
    }

    /// The readers of a section, ascending; at `time`, those whose right has not expired.
    pub(in crate::membership) fn readers(
        &self,
        evaluator: &Evaluator,
        section: &SectionId,
        time: Option<UnixMillis>,
    ) -> Vec<Recipient> {
        self.walk(evaluator, |walk| walk.readers(section, time))
    }

    pub(in crate::membership) fn walk<T>(&self, evaluator: &Evaluator, ask: impl FnOnce(&mut Walk<'_>) -> T) -> T {
        let mut memo = lock(&self.core.memo);
        ask(&mut Walk { evaluator, core: &self.core, at: &self.at, memo: &mut memo, depth: 0 })
    }

    /// This view as it looks from an earlier set: what was not there yet gives and ends nothing, but what stands is
    /// decided by all that is there now.
    pub(in crate::membership) fn narrowed(&self, set: &Bits) -> Self {
        Self { core: Arc::clone(&self.core), at: set.masked(&self.at) }
    }

    pub(in crate::membership) fn chain(&self) -> &Chain {
        &self.core.chain
    }

    /// The removals that count, in the order in which they were decided.
    pub(in crate::membership) fn counted(&self) -> &[Index] {
        &self.core.counted
    }
}

/// What stands, in all views that agree on the operations that decide it.
#[derive(Debug)]
pub(in crate::membership) struct Core {
    /// The operations that decide it.
    pub(super) at: Bits,
    pub(super) chain: Arc<Chain>,
    /// The removals that count, in the order in which they were decided.
    pub(super) counted: Vec<Index>,
    /// For each removal that was decided, whether it counts. What was decided stays so: what is later in the order does
    /// not reach back.
    pub(super) decided: BTreeMap<Index, bool>,
    pub(super) on_device: BTreeMap<Index, Vec<Index>>,
    pub(super) on_principal: BTreeMap<Index, Vec<Index>>,
    pub(super) on_section: BTreeMap<(Index, SectionId), Vec<Index>>,
    /// The recoveries that changed a root key.
    pub(super) root_changes: Vec<(RootClass, Index)>,
    /// What a recovery voided by name.
    pub(super) voided: BTreeSet<Index>,
    memo: Mutex<Memo>,
}

impl Core {
    /// Decides the removals of the view, one after the other.
    pub(super) fn new(evaluator: &Evaluator, at: Bits) -> Self {
        let chain = evaluator.chain(&at);
        let removals = evaluator.graph.removals.iter().copied();
        let mut removals: Vec<_> = removals
            .filter(|index| at.has(*index) && evaluator.class(*index).is_some())
            .map(|index| (evaluator.rank(&chain, index), index))
            .collect();
        removals.sort();
        let mut memo = Memo::default();
        let mut core = Self {
            at,
            chain,
            counted: Vec::new(),
            decided: BTreeMap::new(),
            on_device: BTreeMap::new(),
            on_principal: BTreeMap::new(),
            on_section: BTreeMap::new(),
            root_changes: Vec::new(),
            voided: BTreeSet::new(),
            memo: Mutex::default(),
        };
        for (_, index) in removals {
            let mut walk = Walk { evaluator, core: &core, at: &core.at, memo: &mut memo, depth: 0 };
            let counts = walk.stands(index);
            core.decided.insert(index, counts);
            if counts {
                core.count(evaluator, index);
                memo = Memo::default();
            }
        }
        *lock(&core.memo) = memo;
        core
    }

    fn count(&mut self, evaluator: &Evaluator, index: Index) {
        let graph = &evaluator.graph;
        let Some(node) = graph.node(index) else { return };
        for target in node.op.body().removal().into_iter().flat_map(|removal| &removal.targets) {
            match target {
                Target::Device(device) => {
                    for device in graph.devices_named(*device) {
                        self.on_device.entry(device).or_default().push(index);
                    }
                }
                Target::Principal(principal) => {
                    if let Some(principal) = graph.principal_index.get(principal) {
                        self.on_principal.entry(*principal).or_default().push(index);
                    }
                }
                Target::Section(principal, section) => {
                    if let Some(principal) = graph.principal_index.get(principal) {
                        self.on_section.entry((*principal, *section)).or_default().push(index);
                    }
                }
            }
        }
        if let Body::Recover(recover) = node.op.body() {
            for root in &recover.roots {
                // Of two changes of one class that do not know of each other, the first counts.
                let follows = |(class, change): &(RootClass, Index)| *class != root.class || node.past.has(*change);
                if self.root_changes.iter().all(follows) {
                    self.root_changes.push((root.class, index));
                }
            }
            for named in recover.voided.iter().filter_map(|named| graph.index.get(named)) {
                // No root voids what a root of its own class, or of a higher one, signed; nor the genesis.
                let is_higher = evaluator.class(*named).is_some_and(Class::is_root)
                    && evaluator.class(*named) <= evaluator.class(index);
                if *named != 0 && !is_higher {
                    self.voided.insert(*named);
                }
            }
        }
        self.counted.push(index);
    }
}
