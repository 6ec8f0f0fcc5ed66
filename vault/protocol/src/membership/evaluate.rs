//! The pure function: operations and receipts in, who may do what out. `docs/membership.md`, "Evaluation".
//!
//! Two questions are asked of every operation. **Did its author have the right in the view it names**, that is in the
//! evaluation of its own causal past? That is asked once, parents first. **Does it stand in a given view**, or has a
//! removal that counts there taken its author's right away? That is asked of each view that matters: of the whole log,
//! of the past of each operation, of the heads that an envelope names. Views that agree on the operations that decide what
//! stands share one [`Core`].
//!
//! Nothing here depends on the order in which operations arrived.

mod core;
mod walk;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use carnet_crypto::{
    id::{EpochId, OpId, SectionId},
    sign::{PublicKey, Verified},
};

pub(super) use self::core::{Chain, Core, View};
use super::{
    body::{Body, RootClass, SectionRekey},
    graph::{Bits, Graph, Index},
    readers::{Recipient, recipients_digest},
};
use crate::checkpoint::Receipt;

/// Where a receipt places an operation among all that are receipted. Smaller is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptOrder {
    /// Index of the relay among the relays that the record has had.
    pub relay_index: usize,
    /// The life of the relay's store.
    pub store_epoch: u64,
    /// Position in the membership log there.
    pub position: u64,
}

/// The receipts that are held, of any relay. Those of a relay that the record never had change nothing.
#[derive(Clone, Debug, Default)]
pub struct Receipts(BTreeMap<OpId, Vec<(PublicKey, u64, u64)>>);

impl Receipts {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receipt that `relay` was proved to have signed.
    pub fn add(&mut self, relay: &PublicKey, receipt: &Verified<Receipt>) {
        self.vouch(relay, receipt.get());
    }

    /// Adds a receipt whose signature the caller vouches for: a relay its own, a device what it verified and stored.
    pub fn vouch(&mut self, relay: &PublicKey, receipt: &Receipt) {
        let fact = (*relay, receipt.store_epoch, receipt.position);
        let facts = self.0.entry(receipt.op).or_default();
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }

    /// Whether some receipt of `op` is held.
    pub fn has(&self, op: &OpId) -> bool {
        self.0.contains_key(op)
    }

    /// Whether a receipt of `op` by this relay is held.
    pub fn is_of(&self, op: &OpId, relay: &PublicKey) -> bool {
        self.0.get(op).is_some_and(|facts| facts.iter().any(|(key, ..)| key == relay))
    }

    /// Number of operations with a receipt.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// In what quality an author acts. The order is that in which removals are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The root on paper.
    Paper,
    /// The family quorum.
    Quorum,
    /// A device of an owner.
    Owner,
    /// A device of a manager, over what it granted.
    Manager,
    /// Any device, over its own principal.
    Own,
}

impl Class {
    fn of_root(root: RootClass) -> Self {
        match root {
            RootClass::Paper => Self::Paper,
            RootClass::Quorum => Self::Quorum,
        }
    }

    fn is_root(self) -> bool {
        self <= Self::Quorum
    }
}

/// The total order of removals, and of everything of which the first counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    class: Class,
    is_unreceipted: bool,
    receipt: Option<ReceiptOrder>,
    seniority: Vec<(u32, OpId)>,
    id: OpId,
}

/// What an operation is in its own past.
#[derive(Clone, Debug, Default)]
struct Own {
    class: Option<Class>,
    /// From the genesis to the author: depth and id of each introduction.
    seniority: Vec<(u32, OpId)>,
    /// The readers that a rekey was made for, if it was made for exactly those.
    recipients: Option<Vec<(SectionId, Vec<Recipient>)>>,
    /// Whether the author was the only live writer of the section that a `Seal` or `Rebase` names.
    is_only_writer: bool,
}

/// The evaluation of one log under one set of receipts.
#[derive(Debug)]
pub(super) struct Evaluator {
    pub(super) graph: Arc<Graph>,
    receipts: Vec<Vec<(PublicKey, u64, u64)>>,
    own: Vec<Own>,
    cores: Mutex<BTreeMap<Bits, Arc<Core>>>,
    chains: Mutex<BTreeMap<Bits, Arc<Chain>>>,
    writers: Mutex<BTreeMap<(Bits, SectionId), usize>>,
}

impl Evaluator {
    /// Asks the first question of every operation.
    pub(super) fn new(graph: Arc<Graph>, receipts: &Receipts) -> Self {
        let receipts = graph.nodes.iter().map(|node| receipts.0.get(&node.op.id()).cloned().unwrap_or_default());
        let mut this = Self {
            receipts: receipts.collect(),
            own: Vec::with_capacity(graph.nodes.len()),
            cores: Mutex::default(),
            chains: Mutex::default(),
            writers: Mutex::default(),
            graph,
        };
        for index in 0..this.graph.nodes.len() {
            let own = this.judge_own(index);
            this.own.push(own);
            let recipients = this.recipients(index);
            if let Some(own) = this.own.get_mut(index) {
                own.recipients = recipients;
            }
        }
        this
    }

    /// The rights in the view that consists of `set`, which holds the past of each of its members.
    pub(super) fn view(&self, set: &Bits) -> View {
        View { core: self.core(set), at: set.masked(&self.graph.authority) }
    }

    fn core(&self, set: &Bits) -> Arc<Core> {
        let at = set.masked(&self.graph.decisive);
        if let Some(core) = lock(&self.cores).get(&at) {
            return Arc::clone(core);
        }
        let core = Arc::new(Core::new(self, at.clone()));
        lock(&self.cores).insert(at, Arc::clone(&core));
        core
    }

    /// The relays of the view, in order.
    fn chain(&self, set: &Bits) -> Arc<Chain> {
        let at = set.masked(&self.graph.relay_ops);
        if let Some(chain) = lock(&self.chains).get(&at) {
            return Arc::clone(chain);
        }
        let chain = Arc::new(Chain::settle(self, &at));
        lock(&self.chains).insert(at, Arc::clone(&chain));
        chain
    }

    /// In what quality the author had the right, if it had it.
    pub(super) fn class(&self, index: Index) -> Option<Class> {
        self.own.get(index)?.class
    }

    pub(super) fn made_for(&self, index: Index) -> Option<&[(SectionId, Vec<Recipient>)]> {
        self.own.get(index)?.recipients.as_deref()
    }

    pub(super) fn is_only_writer(&self, index: Index) -> bool {
        self.own.get(index).is_some_and(|own| own.is_only_writer)
    }

    pub(super) fn id(&self, index: Index) -> OpId {
        self.graph.node(index).map_or(OpId([0; 32]), |node| node.op.id())
    }

    /// Whether `later` has `earlier` in its past.
    pub(super) fn is_before(&self, earlier: Index, later: Index) -> bool {
        self.graph.node(later).is_some_and(|node| node.past.has(earlier))
    }

    /// The place of an operation in the total order.
    pub(super) fn rank(&self, chain: &Chain, index: Index) -> Rank {
        let receipt = chain.receipt(self, index);
        let own = self.own.get(index);
        Rank {
            class: own.and_then(|own| own.class).unwrap_or(Class::Own),
            is_unreceipted: receipt.is_none(),
            receipt,
            seniority: own.map(|own| own.seniority.clone()).unwrap_or_default(),
            id: self.id(index),
        }
    }

    fn judge_own(&self, index: Index) -> Own {
        let Some(node) = self.graph.node(index) else { return Own::default() };
        let view = self.view(&node.past);
        let class = view.class_of(self, index);
        let ordered = matches!(
            node.op.body(),
            Body::Remove(_) | Body::Recover(_) | Body::SetRelay(_) | Body::ForkProof(_) | Body::Rebase(_)
        );
        let seniority = if ordered { self.seniority(node.author, &node.past) } else { Vec::new() };
        let is_only_writer = match node.op.body() {
            Body::Seal(seal) => self.writers(&view, &seal.section) == 1,
            Body::Rebase(rebase) => self.writers(&view, &rebase.section) == 1,
            _ => false,
        };
        Own { class, seniority, recipients: None, is_only_writer }
    }

    /// From the genesis to the introduction of `device`, each step the first of its kind.
    fn seniority(&self, device: Index, at: &Bits) -> Vec<(u32, OpId)> {
        let mut path = Vec::new();
        let (mut device, mut at) = (device, at);
        loop {
            let introductions = self.graph.devices.get(device).map(|entry| entry.introductions.iter());
            let held = introductions.into_iter().flatten().map(|introduction| introduction.node);
            let held = held.filter(|node| at.has(*node) && self.class(*node).is_some());
            let first = held.filter_map(|node| self.graph.node(node)).min_by_key(|node| (node.depth, node.op.id()));
            match first {
                Some(node) if node.depth > 0 => {
                    path.push((node.depth, node.op.id()));
                    (device, at) = (node.author, &node.past);
                }
                _ => break,
            }
        }
        path.reverse();
        path
    }

    /// The readers of each section of a rekey, if the operation was made for exactly them.
    fn recipients(&self, index: Index) -> Option<Vec<(SectionId, Vec<Recipient>)>> {
        let node = self.graph.node(index)?;
        let rekey = node.op.body().rekey().filter(|rekey| !rekey.sections.is_empty())?;
        self.class(index)?;
        if !rekey.sections.iter().all(|section| self.knows_parents(section, &node.past)) {
            return None;
        }
        let mut view = node.past.clone();
        if matches!(node.op.body(), Body::Recover(_)) {
            // A recovery is made for the readers that it leaves and adds.
            view.set(index);
        }
        let view = self.view(&view);
        let readers =
            |section: &SectionRekey| (section.section, view.readers(self, &section.section, Some(node.op.time())));
        let readers: Vec<_> = rekey.sections.iter().map(readers).collect();
        (recipients_digest(&readers) == rekey.recipients).then_some(readers)
    }

    fn knows_parents(&self, section: &SectionRekey, past: &Bits) -> bool {
        let is_named = |parent: &EpochId| {
            let named = self.graph.epochs.get(&(section.section, *parent));
            named.is_some_and(|nodes| nodes.iter().any(|node| past.has(*node)))
        };
        section.parents.iter().all(is_named)
    }

    /// Number of live devices, the root apart, that may write in a section.
    fn writers(&self, view: &View, section: &SectionId) -> usize {
        let key = (view.at.clone(), *section);
        if let Some(writers) = lock(&self.writers).get(&key) {
            return *writers;
        }
        let writers = view.walk(self, |walk| walk.writers(section));
        lock(&self.writers).insert(key, writers);
        writers
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is behind these locks is a cache of pure results: a panic elsewhere cannot have made it wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
