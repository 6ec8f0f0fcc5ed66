//! What a log amounts to: devices, principals, rights, epochs, removals, forks, published objects.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EpochId, FeedId, Incarnation, OpId, PrincipalId, RecordId, SectionId, VolumeId},
    sign::PublicKey,
};

use super::{
    body::{Body, RelayKeys, Removal, Role, RootClass, Scope},
    detached::KemHash,
    epochs::{Epoch, Epochs},
    evaluate::{Class, Evaluator, ReceiptOrder, View},
    graph::{Graph, Index},
    objects::{Objects, PublishedObject},
    readers::{Recipient, recipients_digest},
};
use crate::{
    envelope::{EnvelopeKind, hint},
    feed,
    limits::HEADS_MAX,
};

/// A device, live or not. The keys of one that was removed still verify what it signed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its signing key.
    pub key: PublicKey,
    /// Whose it is; of a root, the root's own principal.
    pub principal: PrincipalId,
    /// Its class, if it is a root now.
    pub root: Option<RootClass>,
    /// Whether it may act now: it is a root's, or it is admitted, not removed, and its principal has rights.
    pub is_live: bool,
    /// The KEM key in force, if it is live.
    pub kem: Option<KemHash>,
    /// The generation of that key.
    pub generation: u32,
    /// Its transport key, if it is live and not a root's.
    pub transport: Option<[u8; 32]>,
    /// Every incarnation that it ever published, ascending.
    pub incarnations: Vec<Incarnation>,
    /// Those that a fork proof ended, ascending.
    pub dead: Vec<Incarnation>,
    /// Whether it signed two operations with one counter that do not know of each other: a clone, or worse.
    pub is_duplicated: bool,
}

/// One grant in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantState {
    /// The operation that gave it.
    pub op: OpId,
    /// As what.
    pub role: Role,
    /// On which sections, removals taken into account; empty for an owner.
    pub scopes: Vec<(SectionId, Scope)>,
    /// Until when.
    pub not_after: Option<UnixMillis>,
    /// Whether the principal sleeps until a delayed access wakes it.
    pub dormant: bool,
    /// The length of the lease that its keys come with, in seconds.
    pub lease_s: Option<u32>,
}

/// A principal with rights in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its id.
    pub id: PrincipalId,
    /// The highest role of its grants.
    pub role: Role,
    /// Its grants, ascending by operation.
    pub grants: Vec<GrantState>,
    /// Its live devices, ascending.
    pub devices: Vec<DeviceId>,
}

/// A removal that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedRemoval {
    /// The operation.
    pub op: OpId,
    /// In what quality its author made it.
    pub class: Class,
    /// Whose rights end, and where their feeds end.
    pub removal: Removal,
    /// Its place among all receipted operations, if it is receipted.
    pub receipt: Option<ReceiptOrder>,
    /// Whether another receipt can no longer undo it: it has one, or the record has no relay.
    pub is_settled: bool,
}

/// What became of an operation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpStatus {
    /// It counts.
    Counts,
    /// Its author did not have the right in the view it names, or a rekey was made for others than the readers.
    NeverCounted,
    /// A removal that counts took its author's right away, or a recovery voided it.
    Voided,
}

/// What a rekey of some sections has to be made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RekeyPlan {
    /// For each section, ascending, the epochs that the new one follows.
    pub parents: Vec<(SectionId, Vec<EpochId>)>,
    /// For each section, ascending, who gets its key.
    pub readers: Vec<(SectionId, Vec<Recipient>)>,
    /// The digest of the readers, for the operation.
    pub digest: [u8; 32],
}

/// A device whose feed a header may hint at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedCandidate {
    /// The device.
    pub device: DeviceId,
    /// Its signing key.
    pub key: PublicKey,
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The feed.
    pub feed: FeedId,
}

/// What a log amounts to under a set of receipts.
#[derive(Debug)]
pub struct Membership {
    pub(super) evaluator: Evaluator,
    pub(super) view: View,
    pub(super) epochs: Epochs,
    pub(super) objects: Objects,
    now: Option<UnixMillis>,
    devices: BTreeMap<DeviceId, Device>,
    principals: BTreeMap<PrincipalId, Principal>,
    removals: Vec<CountedRemoval>,
    relay: Option<RelayKeys>,
    is_ended: bool,
}

impl Membership {
    pub(super) fn new(evaluator: Evaluator, now: Option<UnixMillis>) -> Self {
        let view = evaluator.view(&evaluator.graph.all());
        let epochs = Epochs::new(&evaluator, &view);
        let objects = Objects::new(&evaluator, &view);
        let forks = objects.dead_incarnations();
        let mut this = Self {
            devices: devices(&evaluator, &view, &forks),
            principals: BTreeMap::new(),
            removals: removals(&evaluator, &view),
            relay: relay(&evaluator, &view),
            is_ended: is_ended(&evaluator, &view),
            evaluator,
            view,
            epochs,
            objects,
            now,
        };
        this.principals = this.principals_in_force();
        let in_force = &this.principals;
        for device in this.devices.values_mut().filter(|device| device.is_live && device.root.is_none()) {
            if !in_force.contains_key(&device.principal) {
                // Expired, or every section was taken: nothing is left that it may do.
                (device.is_live, device.kem, device.transport) = (false, None, None);
            }
        }
        this
    }

    fn graph(&self) -> &Graph {
        &self.evaluator.graph
    }

    /// The record.
    pub fn record(&self) -> RecordId {
        self.graph().record
    }

    /// The random salt from which ids and keys of this record are made; zeros in an empty log.
    pub fn key_salt(&self) -> [u8; 32] {
        self.graph().key_salt()
    }

    /// The calendar year of the genesis, from which volumes are numbered; 0 in an empty log.
    pub fn genesis_year(&self) -> i16 {
        self.graph().genesis().map_or(0, |genesis| genesis.year)
    }

    /// The relay in force.
    pub fn relay(&self) -> Option<&RelayKeys> {
        self.relay.as_ref()
    }

    /// Whether the record is erased.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The heads of the log, ascending: the view of whoever holds this log.
    pub fn heads(&self) -> Vec<OpId> {
        self.graph().heads.iter().copied().collect()
    }

    /// One device, live or not.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.get(id)
    }

    /// All devices that were ever admitted by someone who had the right in its own view, ascending, the roots among
    /// them. Those whose admission was voided since are not live.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// One principal with rights in force.
    pub fn principal(&self, id: &PrincipalId) -> Option<&Principal> {
        self.principals.get(id)
    }

    /// All principals with rights in force, ascending, the roots not among them.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.principals.values()
    }

    /// Whether a device belongs to an owner and is live.
    pub fn is_owner(&self, device: &DeviceId) -> bool {
        let device = self.devices.get(device).filter(|device| device.is_live && device.root.is_none());
        let principal = device.and_then(|device| self.principals.get(&device.principal));
        principal.is_some_and(|principal| principal.role == Role::Owner)
    }

    /// What a device may do on a section now. A root may read.
    pub fn scope(&self, device: &DeviceId, section: &SectionId) -> Scope {
        let Some(device) = self.devices.get(device).filter(|device| device.is_live) else { return Scope::NONE };
        if device.root.is_some() {
            return Scope::READ;
        }
        let Some(index) = self.graph().principal_index.get(&device.principal) else { return Scope::NONE };
        self.view.walk(&self.evaluator, |walk| walk.scope_in_view(*index, section, self.now))
    }

    /// Whether a device may do all of `scope` on a section now.
    pub fn may(&self, device: &DeviceId, section: &SectionId, scope: Scope) -> bool {
        self.scope(device, section).includes(scope)
    }

    /// The devices that are to have the key of a section now, ascending, roots and sleepers included.
    pub fn readers(&self, section: &SectionId) -> Vec<Recipient> {
        self.view.readers(&self.evaluator, section, self.now)
    }

    /// The sections that ever had a key or were granted, ascending.
    pub fn sections(&self) -> Vec<SectionId> {
        let granted = self.principals.values().flat_map(|principal| &principal.grants);
        let granted = granted.flat_map(|grant| grant.scopes.iter().map(|(section, _)| *section));
        let sections: BTreeSet<SectionId> = self.epochs.sections().chain(granted).collect();
        sections.into_iter().collect()
    }

    /// The epochs of a section, ascending by height and name.
    pub fn epochs(&self, section: &SectionId) -> &[Epoch] {
        self.epochs.of(section)
    }

    /// One epoch of a section.
    pub fn epoch(&self, section: &SectionId, id: &EpochId) -> Option<&Epoch> {
        self.epochs.of(section).iter().find(|epoch| epoch.id == *id)
    }

    /// The epochs of a section whose names begin with the 4 bytes of a header: where there are several, each is tried.
    pub fn epochs_hinted(&self, section: &SectionId, epoch: [u8; 4]) -> impl Iterator<Item = &Epoch> {
        self.epochs.of(section).iter().filter(move |known| hint::<4, 32>(&known.id.0) == epoch)
    }

    /// The epoch to seal under: of those that count, that no cut left behind, whose recipients are all readers now and
    /// whose key is held and checked, the highest. None: rotate first.
    pub fn writable_epoch(&self, section: &SectionId, has_key: impl Fn(&EpochId) -> bool) -> Option<&Epoch> {
        let readers: BTreeSet<DeviceId> = self.readers(section).iter().map(|reader| reader.device).collect();
        self.epochs
            .of(section)
            .iter()
            .rev()
            .find(|epoch| epoch.is_current && epoch.recipients.is_subset(&readers) && has_key(&epoch.id))
    }

    /// What a rekey of `sections`, signed at `time` after all heads, has to be made for. The new epochs follow all whose
    /// key is held and that no other such epoch follows yet.
    pub fn rekey_plan(
        &self,
        sections: &[SectionId],
        time: UnixMillis,
        has_key: impl Fn(&SectionId, &EpochId) -> bool,
    ) -> RekeyPlan {
        let sections: BTreeSet<SectionId> = sections.iter().copied().collect();
        let tops = |section: &SectionId| {
            let epochs = self.epochs.of(section);
            // An epoch whose key is not held follows nothing here: its author may have wrapped garbage.
            let held = |epoch: &&Epoch| epoch.counts && has_key(section, &epoch.id);
            let is_followed = |id: &EpochId| epochs.iter().filter(held).any(|epoch| epoch.parents.contains(id));
            let made = epochs.iter().rev().filter(|epoch| !epoch.recipients.is_empty());
            let open = made.filter(|epoch| !is_followed(&epoch.id) && has_key(section, &epoch.id));
            let mut tops: Vec<EpochId> = open.map(|epoch| epoch.id).take(HEADS_MAX).collect();
            tops.sort_unstable();
            tops
        };
        let readers: Vec<_> = sections
            .iter()
            .map(|section| (*section, self.view.readers(&self.evaluator, section, Some(time))))
            .collect();
        RekeyPlan {
            parents: sections.iter().map(|section| (*section, tops(section))).collect(),
            digest: recipients_digest(&readers),
            readers,
        }
    }

    /// The removals that count, in the order in which they were decided.
    pub fn removals(&self) -> &[CountedRemoval] {
        &self.removals
    }

    /// The published objects of a section: snapshots and merged batches, confirmed or not.
    pub fn objects(&self, section: &SectionId) -> impl Iterator<Item = &PublishedObject> {
        self.objects.of(section)
    }

    /// What became of an operation.
    pub fn status(&self, op: &OpId) -> Option<OpStatus> {
        let index = *self.graph().index.get(op)?;
        let node = self.graph().node(index)?;
        let is_rekey = matches!(node.op.body(), Body::Rekey(_));
        let counted = self.evaluator.class(index).is_some() && !(is_rekey && self.evaluator.made_for(index).is_none());
        Some(match (counted, self.view.stands(&self.evaluator, index)) {
            (false, _) => OpStatus::NeverCounted,
            (true, true) => OpStatus::Counts,
            (true, false) => OpStatus::Voided,
        })
    }

    /// The place of an operation among all receipted ones.
    pub fn receipt(&self, op: &OpId) -> Option<ReceiptOrder> {
        self.view.chain().receipt(&self.evaluator, *self.graph().index.get(op)?)
    }

    /// Whether `op` is among `heads` or in their past. None if a head or the operation is not held.
    pub fn contains_in_view(&self, heads: &[OpId], op: &OpId) -> Option<bool> {
        Some(self.graph().closure(heads)?.has(*self.graph().index.get(op)?))
    }

    /// Whether the view of `heads` holds the view of `earlier`. None if a head is not held.
    pub fn view_includes(&self, heads: &[OpId], earlier: &[OpId]) -> Option<bool> {
        Some(self.graph().closure(earlier)?.is_within(&self.graph().closure(heads)?))
    }

    /// Whose feed a header in `section` may be of: where there are several, each is tried.
    pub fn feed_candidates(
        &self,
        section: &SectionId,
        volume: VolumeId,
        kind: EnvelopeKind,
        feed_hint: [u8; 8],
    ) -> Vec<FeedCandidate> {
        let feeds = self.devices.values().flat_map(|device| {
            device.incarnations.iter().map(move |incarnation| FeedCandidate {
                device: device.id,
                key: device.key,
                incarnation: *incarnation,
                feed: feed::id(&device.id, incarnation, section, volume, kind),
            })
        });
        feeds.filter(|candidate| hint::<8, 16>(&candidate.feed.0) == feed_hint).collect()
    }

    fn principals_in_force(&self) -> BTreeMap<PrincipalId, Principal> {
        let mut principals = BTreeMap::new();
        for (index, entry) in self.graph().principals.iter().enumerate() {
            let mut grants = self.grants_in_force(index);
            grants.sort_by_key(|grant| grant.op);
            let Some(role) = grants.iter().map(|grant| grant.role).min() else { continue };
            let own = self.devices.values();
            let own = own.filter(|device| device.principal == entry.id && device.is_live && device.root.is_none());
            let devices = own.map(|device| device.id).collect();
            principals.insert(entry.id, Principal { id: entry.id, role, grants, devices });
        }
        principals
    }

    fn grants_in_force(&self, principal: Index) -> Vec<GrantState> {
        let nodes = self.view.walk(&self.evaluator, |walk| walk.grants_in_view(principal));
        let states = nodes.into_iter().filter_map(|index| {
            let op = self.graph().node(index).map(|node| &node.op)?;
            let Body::Grant(grant) = op.body() else {
                let role = Role::Owner;
                let scopes = Vec::new();
                return Some(GrantState { op: op.id(), role, scopes, not_after: None, dormant: false, lease_s: None });
            };
            let kept = |section: &SectionId| {
                self.view.walk(&self.evaluator, |walk| walk.keeps_section(principal, section, index))
            };
            Some(GrantState {
                op: op.id(),
                role: grant.role,
                scopes: grant.scopes.iter().filter(|(section, _)| kept(section)).copied().collect(),
                not_after: grant.not_after,
                dormant: grant.dormant,
                lease_s: grant.lease_s,
            })
        });
        let is_over = |grant: &GrantState| grant.not_after.zip(self.now).is_some_and(|(end, now)| end <= now);
        states.filter(|grant| !is_over(grant) && (grant.role == Role::Owner || !grant.scopes.is_empty())).collect()
    }
}

fn devices(
    evaluator: &Evaluator,
    view: &View,
    forks: &BTreeSet<(DeviceId, Incarnation)>,
) -> BTreeMap<DeviceId, Device> {
    let graph = &evaluator.graph;
    let duplicated = duplicated(graph);
    let mut devices = BTreeMap::new();
    for (index, entry) in graph.devices.iter().enumerate() {
        let held = || entry.introductions.iter().filter(|one| evaluator.class(one.node).is_some());
        let mut incarnations: Vec<Incarnation> = held().filter_map(|one| Some(one.keys?.incarnation)).collect();
        incarnations.sort_unstable();
        incarnations.dedup();
        let (root, live, current) =
            view.walk(evaluator, |walk| (walk.root_in_view(index), walk.live_principal(index), walk.current(index)));
        let owner = live.or_else(|| view.walk(evaluator, |walk| walk.principal_of(index)));
        let owner = owner.or_else(|| held().map(|one| one.principal).next());
        let Some(principal) = owner.and_then(|owner| graph.principals.get(owner)).map(|entry| entry.id) else {
            continue;
        };
        if held().next().is_none() {
            continue;
        }
        let is_live = root.is_some() || live.is_some();
        let current = current.filter(|_| is_live);
        let keys = current.and_then(|introduction| introduction.keys);
        let device = Device {
            id: entry.id,
            key: entry.key,
            principal,
            root,
            is_live,
            kem: current.map(|introduction| introduction.kem),
            generation: keys.map_or(0, |keys| keys.generation),
            transport: keys.map(|keys| keys.transport),
            dead: incarnations.iter().filter(|one| forks.contains(&(entry.id, **one))).copied().collect(),
            incarnations,
            is_duplicated: duplicated.contains(&index),
        };
        // Of two keys that hash to one id, the first in order keeps it.
        devices.entry(entry.id).or_insert(device);
    }
    devices
}

/// The devices that signed two operations with one counter.
fn duplicated(graph: &Graph) -> BTreeSet<Index> {
    let mut counters = BTreeSet::new();
    let again = graph.nodes.iter().filter(|node| !counters.insert((node.author, node.op.counter())));
    again.map(|node| node.author).collect()
}

fn removals(evaluator: &Evaluator, view: &View) -> Vec<CountedRemoval> {
    let chain = view.chain();
    let counted = view.counted().iter().filter_map(|index| {
        let op = &evaluator.graph.node(*index)?.op;
        let receipt = chain.receipt(evaluator, *index);
        Some(CountedRemoval {
            op: op.id(),
            class: evaluator.class(*index)?,
            removal: op.body().removal()?.clone(),
            receipt,
            is_settled: receipt.is_some() || chain.is_empty(),
        })
    });
    counted.collect()
}

fn relay(evaluator: &Evaluator, view: &View) -> Option<RelayKeys> {
    match evaluator.graph.node(view.chain().last()?)?.op.body() {
        Body::Genesis(genesis) => genesis.relay.clone(),
        Body::SetRelay(keys) => Some(keys.clone()),
        _ => None,
    }
}

fn is_ended(evaluator: &Evaluator, view: &View) -> bool {
    let nodes = evaluator.graph.nodes.iter().enumerate();
    let mut ends = nodes.filter(|(_, node)| matches!(node.op.body(), Body::End));
    ends.any(|(index, _)| view.stands(evaluator, index))
}
