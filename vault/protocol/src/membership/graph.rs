//! The operations of one record as a graph, with what the evaluator looks up.
//!
//! Nodes stand in an order of arrival in which parents come before children. Nothing that is decided may depend on that
//! order: it only numbers the bits.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use carnet_crypto::{
    id::{DeviceId, EpochId, OpId, PrincipalId, RecordId, SectionId},
    sign::{BadSignature, PublicKey},
};

use super::{
    body::{Adopted, Body, DeviceKeys, Genesis, RootClass, RootKey},
    detached::KemHash,
    op::{Op, OpRefused, device_id, principal_id},
};
use crate::{feed::ForkProof, limits::OPS_PER_RECORD_MAX};

/// The number of a node, of a device or of a principal in its graph.
pub(super) type Index = usize;

/// A set of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn has(&self, index: Index) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, index: Index) {
        let word = index / 64;
        if word >= self.0.len() {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (index % 64);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            *to |= from;
        }
    }

    /// The members that are also in `other`, in the shortest form, so that equal sets are equal values.
    pub(super) fn masked(&self, other: &Self) -> Self {
        let mut words: Vec<u64> = self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        Self(words)
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().enumerate().all(|(index, word)| word & !other.0.get(index).copied().unwrap_or(0) == 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Index> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let first = at.saturating_mul(64);
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| first.saturating_add(bit))
        })
    }
}

/// One operation with what follows from its past alone.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) op: Op,
    /// All operations that its author had seen, the operation itself not among them.
    pub(super) past: Bits,
    /// Length of the longest path from the genesis.
    pub(super) depth: u32,
    /// The device that signed.
    pub(super) author: Index,
}

/// That an operation introduces a device or a root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Introduction {
    pub(super) node: Index,
    pub(super) principal: Index,
    /// The class, where the device is a root's.
    pub(super) root: Option<RootClass>,
    /// The keys, where it is not.
    pub(super) keys: Option<DeviceKeys>,
    pub(super) kem: KemHash,
}

/// One signing key.
#[derive(Clone, Debug)]
pub(super) struct DeviceEntry {
    pub(super) id: DeviceId,
    pub(super) key: PublicKey,
    pub(super) introductions: Vec<Introduction>,
}

/// One principal, and the operations that give it rights.
#[derive(Clone, Debug)]
pub(super) struct PrincipalEntry {
    pub(super) id: PrincipalId,
    pub(super) grants: Vec<Index>,
}

/// The graph.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) record: RecordId,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) index: BTreeMap<OpId, Index>,
    pub(super) heads: BTreeSet<OpId>,
    pub(super) devices: Vec<DeviceEntry>,
    pub(super) device_index: BTreeMap<(DeviceId, PublicKey), Index>,
    pub(super) principals: Vec<PrincipalEntry>,
    pub(super) principal_index: BTreeMap<PrincipalId, Index>,
    /// `Remove` and `Recover`.
    pub(super) removals: Vec<Index>,
    pub(super) set_relays: Vec<Index>,
    pub(super) wraps: Vec<Index>,
    /// The operations that adopt each operation.
    pub(super) adopters: BTreeMap<OpId, Vec<Index>>,
    /// The operations that name each epoch of each section.
    pub(super) epochs: BTreeMap<(SectionId, EpochId), Vec<Index>>,
    /// The operations that rights depend on: views that agree on them agree on rights.
    pub(super) authority: Bits,
    /// Those among them that decide what stands: views that agree on them agree on that.
    pub(super) decisive: Bits,
    /// `Genesis` and `SetRelay`.
    pub(super) relay_ops: Bits,
}

impl Graph {
    pub(super) fn new(record: RecordId) -> Self {
        Self {
            record,
            nodes: Vec::new(),
            index: BTreeMap::new(),
            heads: BTreeSet::new(),
            devices: Vec::new(),
            device_index: BTreeMap::new(),
            principals: Vec::new(),
            principal_index: BTreeMap::new(),
            removals: Vec::new(),
            set_relays: Vec::new(),
            wraps: Vec::new(),
            adopters: BTreeMap::new(),
            epochs: BTreeMap::new(),
            authority: Bits::default(),
            decisive: Bits::default(),
            relay_ops: Bits::default(),
        }
    }

    pub(super) fn node(&self, index: Index) -> Option<&Node> {
        self.nodes.get(index).map(Arc::as_ref)
    }

    pub(super) fn genesis(&self) -> Option<&Genesis> {
        match self.nodes.first()?.op.body() {
            Body::Genesis(genesis) => Some(genesis),
            _ => None,
        }
    }

    pub(super) fn key_salt(&self) -> [u8; 32] {
        self.genesis().map(|genesis| genesis.key_salt).unwrap_or_default()
    }

    /// The parents that are not held.
    pub(super) fn missing(&self, op: &Op) -> Vec<OpId> {
        op.parents().iter().filter(|parent| !self.index.contains_key(*parent)).copied().collect()
    }

    /// The nodes at or before `heads`; nothing if one of them is not held.
    pub(super) fn closure(&self, heads: &[OpId]) -> Option<Bits> {
        let mut bits = Bits::default();
        for head in heads {
            let index = *self.index.get(head)?;
            bits.merge(&self.node(index)?.past);
            bits.set(index);
        }
        Some(bits)
    }

    /// All nodes.
    pub(super) fn all(&self) -> Bits {
        let mut bits = Bits::default();
        (0..self.nodes.len()).for_each(|index| bits.set(index));
        bits
    }

    /// The devices with this id: one, unless someone found two keys that hash alike.
    pub(super) fn devices_named(&self, id: DeviceId) -> impl Iterator<Item = Index> + use<'_> {
        let (first, last) = ((id, PublicKey([0; 32])), (id, PublicKey([0xff; 32])));
        self.device_index.range(first..=last).map(|(_, index)| *index)
    }

    /// Whether something in `past` introduces the device.
    pub(super) fn is_introduced(&self, device: Index, past: &Bits) -> bool {
        self.devices.get(device).is_some_and(|entry| entry.introductions.iter().any(|new| past.has(new.node)))
    }

    /// Adds an operation whose parents are all held, if it bears the signature of an author that its past introduces.
    pub(super) fn insert(&mut self, op: Op) -> Result<Index, OpRefused> {
        if self.nodes.len() >= OPS_PER_RECORD_MAX {
            return Err(OpRefused::Full);
        }
        if let Body::Genesis(genesis) = op.body() {
            let key = genesis.device.signing;
            let own = op.id().0 == self.record.0 && self.nodes.is_empty();
            if !own || op.author() != device_id(&genesis.key_salt, &key) {
                return Err(OpRefused::OtherRecord);
            }
            op.verify(&self.record, &key)?;
            return Ok(self.add(op, Bits::default(), None));
        }
        let past = self.closure(op.parents()).unwrap_or_default();
        let candidates = || self.devices_named(op.author()).filter(|device| self.is_introduced(*device, &past));
        let signed =
            |device: &Index| self.devices.get(*device).is_some_and(|entry| op.verify(&self.record, &entry.key).is_ok());
        let Some(author) = candidates().find(signed) else {
            let known = candidates().next().is_some();
            return Err(if known { OpRefused::Signature(BadSignature) } else { OpRefused::UnknownAuthor });
        };
        if let Body::ForkProof(accusation) = op.body() {
            self.check_fork(&accusation.proof, &past)?;
        }
        Ok(self.add(op, past, Some(author)))
    }

    /// Adds an operation that is only imagined: its signature is not verified. Nothing if its past does not introduce
    /// its author.
    pub(super) fn imagine(&mut self, op: Op) -> Option<Index> {
        let past = self.closure(op.parents())?;
        let author = self.devices_named(op.author()).find(|device| self.is_introduced(*device, &past))?;
        Some(self.add(op, past, Some(author)))
    }

    fn check_fork(&self, proof: &ForkProof, past: &Bits) -> Result<(), OpRefused> {
        let mut refused = OpRefused::UnknownDevice;
        for device in self.devices_named(proof.device).filter(|device| self.is_introduced(*device, past)) {
            let Some(entry) = self.devices.get(device) else { continue };
            match proof.check(&self.record, &entry.key) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error.into(),
            }
        }
        Err(refused)
    }

    fn add(&mut self, op: Op, past: Bits, author: Option<Index>) -> Index {
        let new = self.nodes.len();
        let parents = op.parents().iter().filter_map(|parent| self.node(*self.index.get(parent)?));
        let depth = parents.map(|node| node.depth.saturating_add(1)).max().unwrap_or(0);
        self.index_body(new, &op);
        let author = author.or_else(|| self.devices_named(op.author()).next()).unwrap_or(0);
        self.index.insert(op.id(), new);
        for parent in op.parents() {
            self.heads.remove(parent);
        }
        self.heads.insert(op.id());
        self.nodes.push(Arc::new(Node { op, past, depth, author }));
        new
    }

    fn index_body(&mut self, new: Index, op: &Op) {
        let salt = self.key_salt();
        let mut is_authority = true;
        match op.body() {
            Body::Genesis(genesis) => {
                let principal = self.principal(principal_id(&genesis.key_salt, &genesis.device.signing));
                self.grant(principal, new);
                self.introduce(new, &genesis.key_salt, principal, &genesis.device);
                genesis.roots.iter().for_each(|root| self.introduce_root(new, &genesis.key_salt, root));
                self.relay_ops.set(new);
            }
            Body::Grant(grant) => {
                let principal = self.principal(grant.principal);
                self.grant(principal, new);
            }
            Body::DeviceAdd(add) => {
                let principal = self.principal(add.principal);
                self.introduce(new, &salt, principal, &add.keys);
            }
            Body::Recover(recover) => {
                let principal = self.principal(recover.device.principal);
                self.grant(principal, new);
                self.introduce(new, &salt, principal, &recover.device.keys);
                recover.roots.iter().for_each(|root| self.introduce_root(new, &salt, root));
                self.removals.push(new);
            }
            Body::Remove(_) => self.removals.push(new),
            Body::Adopt(adopted) => {
                for one in adopted {
                    if let Adopted::Op(named) = one {
                        self.adopters.entry(*named).or_default().push(new);
                    }
                }
            }
            Body::SetRelay(_) => {
                self.set_relays.push(new);
                self.relay_ops.set(new);
            }
            Body::Wrap(_) => {
                self.wraps.push(new);
                is_authority = false;
            }
            _ => is_authority = false,
        }
        for section in op.body().rekey().into_iter().flat_map(|rekey| &rekey.sections) {
            self.epochs.entry((section.section, section.epoch)).or_default().push(new);
        }
        if is_authority {
            self.authority.set(new);
        }
        if is_authority && !matches!(op.body(), Body::Grant(_) | Body::DeviceAdd(_)) {
            self.decisive.set(new);
        }
    }

    fn principal(&mut self, id: PrincipalId) -> Index {
        let next = self.principals.len();
        let index = *self.principal_index.entry(id).or_insert(next);
        if index == next {
            self.principals.push(PrincipalEntry { id, grants: Vec::new() });
        }
        index
    }

    fn grant(&mut self, principal: Index, new: Index) {
        if let Some(entry) = self.principals.get_mut(principal) {
            entry.grants.push(new);
        }
    }

    fn introduce(&mut self, node: Index, salt: &[u8; 32], principal: Index, keys: &DeviceKeys) {
        let introduction = Introduction { node, principal, root: None, keys: Some(*keys), kem: keys.kem };
        self.device(salt, keys.signing, introduction);
    }

    fn introduce_root(&mut self, node: Index, salt: &[u8; 32], root: &RootKey) {
        let principal = self.principal(principal_id(salt, &root.signing));
        let introduction = Introduction { node, principal, root: Some(root.class), keys: None, kem: root.kem };
        self.device(salt, root.signing, introduction);
    }

    fn device(&mut self, salt: &[u8; 32], key: PublicKey, introduction: Introduction) {
        let id = device_id(salt, &key);
        let next = self.devices.len();
        let index = *self.device_index.entry((id, key)).or_insert(next);
        if index == next {
            self.devices.push(DeviceEntry { id, key, introductions: Vec::new() });
        }
        let Some(entry) = self.devices.get_mut(index) else { return };
        entry.introductions.push(introduction);
        // Two principals claim one device: which of them has it depends on who is in the view.
        let claims = entry.introductions.iter().filter(|one| one.root.is_none());
        if claims.clone().any(|one| one.principal != introduction.principal) {
            claims.for_each(|one| self.decisive.set(one.node));
        }
    }
}
