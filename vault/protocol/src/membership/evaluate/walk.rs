//! The questions asked within one view. Every answer is a function of the view, so answers are remembered until another
//! removal counts.
//!
//! All recursion goes strictly into the past of the operation in question, so it ends; past a certain depth the answers
//! are computed from the oldest operation on instead, so that a long chain of devices does not exhaust the stack.

use std::collections::BTreeMap;

use carnet_crypto::{door::UnixMillis, id::SectionId};

use super::{Class, Core, Evaluator};
use crate::membership::{
    body::{Adopted, Body, DeviceAdd, Grant, Rekey, Removal, Role, RootClass, Scope, Target, Wrap, WrapTarget},
    graph::{Bits, DeviceEntry, Index, Introduction},
    op::principal_id,
    readers::Recipient,
};

/// Operations deep that recursion goes before it is unrolled.
const DEPTH_MAX: usize = 24;

/// Remembered answers.
#[derive(Debug, Default)]
pub(in crate::membership) struct Memo {
    stands: BTreeMap<(Index, Trust), bool>,
}

/// Whether adoptions are believed. Those who adopt must have their right without any adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    WithAdoptions,
    WithoutAdoptions,
}

/// Asks questions of one view.
pub(in crate::membership) struct Walk<'a> {
    pub(super) evaluator: &'a Evaluator,
    pub(super) core: &'a Core,
    /// The operations of the view that rights depend on.
    pub(super) at: &'a Bits,
    pub(super) memo: &'a mut Memo,
    pub(super) depth: usize,
}

/// What an author is at some point.
struct Actor {
    root: Option<RootClass>,
    principal: Index,
    is_live: bool,
    is_owner: bool,
}

impl Walk<'_> {
    /// Whether an operation stands in the view.
    pub(in crate::membership) fn stands(&mut self, index: Index) -> bool {
        self.stands_with(index, Trust::WithAdoptions)
    }

    /// In what quality the author of an operation may make it, at the point where it stands in the graph.
    pub(super) fn authority(&mut self, index: Index) -> Option<Class> {
        self.authority_with(index, Trust::WithAdoptions)
    }

    /// The readers of a section in the whole view, ascending.
    pub(super) fn readers(&mut self, section: &SectionId, time: Option<UnixMillis>) -> Vec<Recipient> {
        let at = self.at;
        let mut scopes = BTreeMap::new();
        let mut readers = Vec::new();
        for device in 0..self.evaluator.graph.devices.len() {
            let root = self.root(device, at, Trust::WithAdoptions);
            let may_read = root.is_some()
                || self.live_principal(device).is_some_and(|principal| {
                    let known = scopes.get(&principal).copied();
                    let scope = known.unwrap_or_else(|| self.scope_in_view(principal, section, time));
                    scopes.insert(principal, scope);
                    scope.includes(Scope::READ)
                });
            if let (true, Some(introduction)) = (may_read, self.current(device)) {
                let Some(entry) = self.evaluator.graph.devices.get(device) else { continue };
                readers.push(Recipient { device: entry.id, kem: introduction.kem });
            }
        }
        readers.sort();
        readers
    }

    /// Number of live devices, the root apart, that may write in a section.
    pub(super) fn writers(&mut self, section: &SectionId) -> usize {
        let mut writers = 0_usize;
        for device in 0..self.evaluator.graph.devices.len() {
            let Some(principal) = self.live_principal(device) else { continue };
            if self.scope_in_view(principal, section, None).includes(Scope::WRITE) {
                writers = writers.saturating_add(1);
            }
        }
        writers
    }

    /// The principal of a device that is live in the whole view.
    pub(in crate::membership) fn live_principal(&mut self, device: Index) -> Option<Index> {
        let at = self.at;
        let principal = self.principal_of(device)?;
        let live = self.is_live(device, principal, at, Trust::WithAdoptions);
        live.then_some(principal)
    }

    /// The class of a device that is a root in the whole view.
    pub(in crate::membership) fn root_in_view(&mut self, device: Index) -> Option<RootClass> {
        let at = self.at;
        self.root(device, at, Trust::WithAdoptions)
    }

    /// What a principal may do on a section in the whole view.
    pub(in crate::membership) fn scope_in_view(
        &mut self,
        principal: Index,
        section: &SectionId,
        time: Option<UnixMillis>,
    ) -> Scope {
        let at = self.at;
        self.scope(principal, section, at, time, Trust::WithAdoptions)
    }

    /// The grants that a principal holds in the whole view.
    pub(in crate::membership) fn grants_in_view(&mut self, principal: Index) -> Vec<Index> {
        let at = self.at;
        self.grants(principal, at, Trust::WithAdoptions)
    }

    /// Whether a grant still gives its principal a section in the whole view.
    pub(in crate::membership) fn keeps_section(&self, principal: Index, section: &SectionId, grant: Index) -> bool {
        !self.is_section_taken(principal, section, grant, self.at)
    }

    /// The introductions of a device that hold in the whole view.
    pub(in crate::membership) fn introductions_in_view(&mut self, device: Index) -> Vec<Introduction> {
        let at = self.at;
        self.introductions(device, at, Trust::WithAdoptions)
    }

    /// The introduction with the KEM key in force: of the highest generation, the first.
    pub(in crate::membership) fn current(&mut self, device: Index) -> Option<Introduction> {
        let at = self.at;
        let root = self.root(device, at, Trust::WithAdoptions);
        let introductions = self.introductions_in_view(device);
        let generation = |introduction: &Introduction| introduction.keys.map_or(0, |keys| keys.generation);
        introductions.into_iter().filter(|introduction| introduction.root == root).min_by_key(|introduction| {
            (std::cmp::Reverse(generation(introduction)), self.evaluator.rank(&self.core.chain, introduction.node))
        })
    }

    fn stands_with(&mut self, index: Index, trust: Trust) -> bool {
        if let Some(decided) = self.core.decided.get(&index) {
            return *decided;
        }
        // Where nothing was adopted the two answers are one.
        let trust = if self.evaluator.graph.adopters.is_empty() { Trust::WithoutAdoptions } else { trust };
        if let Some(known) = self.memo.stands.get(&(index, trust)) {
            return *known;
        }
        if self.depth >= DEPTH_MAX {
            self.answer_past(index, trust);
        }
        self.depth = self.depth.saturating_add(1);
        let stands = self.evaluator.class(index).is_some()
            && !self.core.voided.contains(&index)
            && !self.is_taken(index, trust)
            && self.authority_with(index, trust).is_some();
        self.depth = self.depth.saturating_sub(1);
        self.memo.stands.insert((index, trust), stands);
        stands
    }

    /// Answers for everything that the answer for `index` may ask, parents first.
    fn answer_past(&mut self, index: Index, trust: Trust) {
        let graph = &self.evaluator.graph;
        let Some(node) = graph.node(index) else { return };
        let depth = std::mem::take(&mut self.depth);
        for earlier in node.past.masked(&graph.authority).iter() {
            if trust == Trust::WithAdoptions {
                self.stands_with(earlier, Trust::WithoutAdoptions);
            }
            self.stands_with(earlier, trust);
        }
        self.depth = depth;
    }

    /// Whether a removal that counts, and that the author did not know of, takes the author's right to make it away.
    fn is_taken(&mut self, index: Index, trust: Trust) -> bool {
        let (evaluator, core) = (self.evaluator, self.core);
        let Some(node) = evaluator.graph.node(index) else { return true };
        let is_concurrent =
            |other: Index| other != index && !node.past.has(other) && !evaluator.is_before(index, other);
        if !core.root_changes.is_empty()
            && let Some(root) = self.root(node.author, &node.past, trust)
            && core.root_changes.iter().any(|(class, change)| *class == root && is_concurrent(*change))
        {
            return true;
        }
        let principal = self.principal_of(node.author);
        let on_device = core.on_device.get(&node.author).into_iter().flatten();
        let on_principal = principal.and_then(|principal| core.on_principal.get(&principal)).into_iter().flatten();
        let sections = if core.on_section.is_empty() { Vec::new() } else { sections_of(node.op.body()) };
        let on_section = sections.iter().filter_map(|section| core.on_section.get(&(principal?, *section))).flatten();
        let takers: Vec<Index> =
            on_device.chain(on_principal).chain(on_section).copied().filter(|other| is_concurrent(*other)).collect();
        if takers.is_empty() {
            return false;
        }
        let receipt = core.chain.receipt(evaluator, index);
        let spares = |taker: &Index| {
            let taken_at = core.chain.receipt(evaluator, *taker);
            receipt.is_some() && (taken_at.is_none() || receipt < taken_at)
        };
        let is_spared = takers.iter().all(spares) || trust == Trust::WithAdoptions && self.is_adopted(index);
        !is_spared
    }

    fn is_adopted(&mut self, index: Index) -> bool {
        let graph = &self.evaluator.graph;
        let adopters = graph.adopters.get(&self.evaluator.id(index)).cloned().unwrap_or_default();
        adopters.into_iter().any(|adopter| {
            self.core.at.has(adopter)
                && self.evaluator.is_before(index, adopter)
                && self.stands_with(adopter, Trust::WithoutAdoptions)
        })
    }

    fn authority_with(&mut self, index: Index, trust: Trust) -> Option<Class> {
        let evaluator = self.evaluator;
        let node = evaluator.graph.node(index)?;
        let (at, body) = (&node.past, node.op.body());
        if matches!(body, Body::Genesis(_)) {
            return Some(Class::Owner);
        }
        let actor = self.actor(node.author, at, trust);
        let class = match actor.root {
            Some(root) => Class::of_root(root),
            None if actor.is_live && actor.is_owner => Class::Owner,
            None if actor.is_live => Class::Own,
            None => return None,
        };
        let over_all = class <= Class::Owner;
        let time = Some(node.op.time());
        let may = match body {
            Body::Genesis(_) => false,
            Body::Grant(grant) => !class.is_root() && self.may_grant(&actor, grant, at, time, trust),
            Body::DeviceAdd(add) => !class.is_root() && self.may_add(node.author, &actor, add, at, trust),
            Body::Remove(removal) => return self.may_remove(class, &actor, removal, at, trust),
            Body::Adopt(adopted) => {
                class == Class::Owner
                    || adopted.iter().all(|one| match one {
                        Adopted::Envelope(section, _) => {
                            self.scope(actor.principal, section, at, time, trust).includes(Scope::MANAGE)
                        }
                        Adopted::Op(_) => false,
                    })
            }
            Body::Rekey(rekey) => over_all || self.may_rekey(&actor, rekey, at, time, trust),
            Body::Seal(seal) => {
                !class.is_root() && self.scope(actor.principal, &seal.section, at, time, trust).includes(Scope::WRITE)
            }
            Body::Rebase(_) | Body::SetRelay(_) => over_all,
            Body::Recover(recover) => {
                class.is_root() && self.may_remove(class, &actor, &recover.removal, at, trust).is_some()
            }
            Body::End => class.is_root(),
            Body::Wrap(wrap) => self.may_wrap(node.author, wrap, at, time, trust),
            Body::ForkProof(_) | Body::Join => true,
        };
        may.then_some(class)
    }

    fn actor(&mut self, device: Index, at: &Bits, trust: Trust) -> Actor {
        let root = self.root(device, at, trust);
        let principal = self.principal_of(device).unwrap_or(Index::MAX);
        let is_live = self.is_live(device, principal, at, trust);
        let is_owner = is_live && self.is_owner(principal, at, trust);
        Actor { root, principal, is_live, is_owner }
    }

    fn may_grant(&mut self, actor: &Actor, grant: &Grant, at: &Bits, time: Option<UnixMillis>, trust: Trust) -> bool {
        let highest = match grant.role {
            Role::Owner | Role::Manager => Scope::ALL,
            Role::Writer => Scope::WRITE.and(Scope::DROP),
            Role::Reader => Scope::READ,
        };
        if !grant.scopes.iter().all(|(_, scope)| highest.includes(*scope)) {
            return false;
        }
        if actor.is_owner {
            return true;
        }
        matches!(grant.role, Role::Writer | Role::Reader)
            && grant.scopes.iter().all(|(section, scope)| {
                let own = self.scope(actor.principal, section, at, time, trust);
                own.includes(Scope::MANAGE)
                    && own.and(Scope::DROP).includes(*scope)
                    && self.may_manage_until(actor.principal, section, at, grant.not_after, trust)
            })
    }

    /// Whether some grant lets the principal manage the section for at least as long as `until`.
    fn may_manage_until(
        &mut self,
        principal: Index,
        section: &SectionId,
        at: &Bits,
        until: Option<UnixMillis>,
        trust: Trust,
    ) -> bool {
        let evaluator = self.evaluator;
        self.grants(principal, at, trust).into_iter().any(|index| {
            let Some(Body::Grant(grant)) = evaluator.graph.node(index).map(|node| node.op.body()) else { return true };
            let manages = grant.scopes.iter().any(|(on, scope)| on == section && scope.includes(Scope::MANAGE));
            let lasts = grant.not_after.is_none_or(|own| until.is_some_and(|until| until <= own));
            manages && lasts && !self.is_section_taken(principal, section, index, at)
        })
    }

    fn may_add(&mut self, author: Index, actor: &Actor, add: &DeviceAdd, at: &Bits, trust: Trust) -> bool {
        let evaluator = self.evaluator;
        let graph = &evaluator.graph;
        let Some(principal) = graph.principal_index.get(&add.principal).copied() else { return false };
        // A device belongs to one principal for ever, and is no root.
        let salt = graph.key_salt();
        let id = crate::membership::op::device_id(&salt, &add.keys.signing);
        if let Some(device) = graph.device_index.get(&(id, add.keys.signing)) {
            let introductions = graph.devices.get(*device).map(|entry| entry.introductions.as_slice());
            let mut known = introductions.unwrap_or_default().iter();
            if known.any(|one| at.has(one.node) && (one.principal != principal || one.root.is_some())) {
                return false;
            }
        }
        if actor.principal == principal {
            return true;
        }
        // The first device of a new principal is added by the device that granted.
        add.principal == principal_id(&salt, &add.keys.signing)
            && self.grants(principal, at, trust).into_iter().any(|grant| {
                graph.node(grant).is_some_and(|node| matches!(node.op.body(), Body::Grant(_)) && node.author == author)
            })
    }

    fn may_remove(&mut self, class: Class, actor: &Actor, removal: &Removal, at: &Bits, trust: Trust) -> Option<Class> {
        if removal.hidden > 0 && class > Class::Owner {
            return None;
        }
        let mut quality = class;
        for target in &removal.targets {
            // The order of removals knows a manager's by what it reaches over: one target that is not its own is enough.
            quality = quality.min(self.removes_as(class, actor, target, at, trust)?);
        }
        Some(quality)
    }

    /// In what quality the actor may remove one target.
    fn removes_as(&mut self, class: Class, actor: &Actor, target: &Target, at: &Bits, trust: Trust) -> Option<Class> {
        let evaluator = self.evaluator;
        let graph = &evaluator.graph;
        let named = match target {
            Target::Principal(principal) | Target::Section(principal, _) => {
                graph.principal_index.get(principal).copied()
            }
            Target::Device(device) => {
                let mut devices = graph.devices_named(*device).filter(|device| graph.is_introduced(*device, at));
                devices.next().and_then(|device| self.principal_of(device))
            }
        };
        if let Some(root) = self.root_targeted(target, named, at, trust) {
            // A root ends by new root keys; paper may also end the quorum outright.
            return (class < Class::of_root(root)).then_some(class);
        }
        if class.is_root() {
            return Some(class);
        }
        let principal = named?;
        if matches!(target, Target::Section(..)) && self.is_owner(principal, at, trust) {
            return None;
        }
        if class == Class::Owner {
            return Some(Class::Owner);
        }
        if principal == actor.principal {
            return Some(Class::Own);
        }
        let grants = self.grants(principal, at, trust);
        let by_actor = |grant: &Index| {
            let author = graph.node(*grant).map(|node| node.author);
            author.and_then(|author| self.principal_of(author)) == Some(actor.principal)
        };
        (!grants.is_empty() && grants.iter().all(by_actor)).then_some(Class::Manager)
    }

    /// The class of the root that a target is or holds. Owners and delegates rank below every root.
    fn root_targeted(
        &mut self,
        target: &Target,
        principal: Option<Index>,
        at: &Bits,
        trust: Trust,
    ) -> Option<RootClass> {
        let graph = &self.evaluator.graph;
        let is_meant = |(_, entry): &(Index, &DeviceEntry)| match target {
            Target::Device(device) => entry.id == *device,
            _ => entry.introductions.iter().any(|one| one.root.is_some() && Some(one.principal) == principal),
        };
        let devices: Vec<Index> = graph.devices.iter().enumerate().filter(is_meant).map(|(device, _)| device).collect();
        devices.into_iter().filter_map(|device| self.root(device, at, trust)).min()
    }

    fn may_rekey(&mut self, actor: &Actor, rekey: &Rekey, at: &Bits, time: Option<UnixMillis>, trust: Trust) -> bool {
        rekey.sections.iter().all(|section| {
            section.ladder.is_some()
                && self.scope(actor.principal, &section.section, at, time, trust).includes(Scope::WRITE)
        })
    }

    fn may_wrap(&mut self, author: Index, wrap: &Wrap, at: &Bits, time: Option<UnixMillis>, trust: Trust) -> bool {
        let WrapTarget::Device(id) = &wrap.target else { return true };
        let graph = &self.evaluator.graph;
        let Some(device) = graph.devices_named(*id).find(|device| graph.is_introduced(*device, at)) else {
            return false;
        };
        if wrap.part.is_none() && device != author {
            return false;
        }
        if self.root(device, at, trust).is_some() {
            return true;
        }
        let Some(principal) = self.principal_of(device) else { return false };
        self.is_live(device, principal, at, trust)
            && wrap
                .epochs
                .iter()
                .all(|(section, _)| self.scope(principal, section, at, time, trust).includes(Scope::READ))
    }

    /// The principal that a device belongs to in the view: the one that the first of its introductions names.
    pub(in crate::membership) fn principal_of(&self, device: Index) -> Option<Index> {
        let (evaluator, core) = (self.evaluator, self.core);
        let claims = || evaluator.graph.devices.get(device).into_iter().flat_map(|entry| &entry.introductions);
        let claims = || claims().filter(|one| one.root.is_none());
        let first = claims().next()?;
        if claims().all(|one| one.principal == first.principal) {
            return Some(first.principal);
        }
        // Where principals disagree, all their claims are among the operations that decide what stands.
        let held = claims().filter(|one| core.at.has(one.node) && evaluator.class(one.node).is_some());
        held.min_by_key(|one| evaluator.rank(&core.chain, one.node)).map(|one| one.principal)
    }

    fn is_live(&mut self, device: Index, principal: Index, at: &Bits, trust: Trust) -> bool {
        let introduced = self.introductions(device, at, trust);
        introduced.iter().any(|one| one.root.is_none() && one.principal == principal)
            && !self.grants(principal, at, trust).is_empty()
    }

    /// The introductions of a device that stand and that no removal at `at` has ended.
    fn introductions(&mut self, device: Index, at: &Bits, trust: Trust) -> Vec<Introduction> {
        let (evaluator, core) = (self.evaluator, self.core);
        let Some(entry) = evaluator.graph.devices.get(device) else { return Vec::new() };
        let mut standing = Vec::new();
        for one in &entry.introductions {
            if !at.has(one.node) {
                continue;
            }
            let on_device = core.on_device.get(&device).into_iter().flatten();
            let on_principal = core.on_principal.get(&one.principal).into_iter().flatten();
            let ends = |removal: &Index| ends(evaluator, *removal, one.node, at);
            if !on_device.chain(on_principal).any(ends) && self.stands_with(one.node, trust) {
                standing.push(*one);
            }
        }
        standing
    }

    /// The grants of a principal that stand and that no removal at `at` has ended.
    fn grants(&mut self, principal: Index, at: &Bits, trust: Trust) -> Vec<Index> {
        let (evaluator, core) = (self.evaluator, self.core);
        let Some(entry) = evaluator.graph.principals.get(principal) else { return Vec::new() };
        let ended = core.on_principal.get(&principal);
        let mut standing = Vec::new();
        for grant in &entry.grants {
            let is_ended = ended.into_iter().flatten().any(|removal| ends(evaluator, *removal, *grant, at));
            if at.has(*grant) && !is_ended && self.stands_with(*grant, trust) {
                standing.push(*grant);
            }
        }
        standing
    }

    fn is_owner(&mut self, principal: Index, at: &Bits, trust: Trust) -> bool {
        let evaluator = self.evaluator;
        self.grants(principal, at, trust).into_iter().any(|grant| {
            evaluator.graph.node(grant).is_some_and(|node| match node.op.body() {
                Body::Grant(grant) => grant.role == Role::Owner,
                _ => true,
            })
        })
    }

    fn scope(
        &mut self,
        principal: Index,
        section: &SectionId,
        at: &Bits,
        time: Option<UnixMillis>,
        trust: Trust,
    ) -> Scope {
        let evaluator = self.evaluator;
        let mut all = Scope::NONE;
        for index in self.grants(principal, at, trust) {
            let Some(node) = evaluator.graph.node(index) else { continue };
            match node.op.body() {
                Body::Grant(grant) if grant.role != Role::Owner => {
                    let is_over = grant.not_after.zip(time).is_some_and(|(end, time)| end <= time);
                    let granted = grant.scopes.iter().find(|(on, _)| on == section).map(|(_, scope)| *scope);
                    if let Some(scope) = granted
                        && !is_over
                        && !self.is_section_taken(principal, section, index, at)
                    {
                        all = all.and(scope);
                    }
                }
                _ => return Scope::ALL,
            }
        }
        all
    }

    fn is_section_taken(&self, principal: Index, section: &SectionId, grant: Index, at: &Bits) -> bool {
        let removals = self.core.on_section.get(&(principal, *section)).into_iter().flatten();
        removals.into_iter().any(|removal| ends(self.evaluator, *removal, grant, at))
    }

    /// The class of a device that is a root at `at`.
    fn root(&mut self, device: Index, at: &Bits, trust: Trust) -> Option<RootClass> {
        let (evaluator, core) = (self.evaluator, self.core);
        let entry = evaluator.graph.devices.get(device)?;
        if entry.introductions.iter().all(|one| one.root.is_none()) {
            return None;
        }
        let introductions = self.introductions(device, at, trust).into_iter();
        let holds = introductions.filter_map(|one| Some((one.root?, one.node))).filter(|(class, node)| {
            let changes = core.root_changes.iter().filter(|(of, change)| of == class && at.has(*change));
            let mut later = changes.filter(|(_, change)| change != node && !evaluator.is_before(*change, *node));
            later.next().is_none() && (*node == 0 || core.root_changes.contains(&(*class, *node)))
        });
        holds.map(|(class, _)| class).min()
    }
}

/// Whether a removal that counts ends what `node` gave: every removal at `at` that `node` did not know of.
fn ends(evaluator: &Evaluator, removal: Index, node: Index, at: &Bits) -> bool {
    at.has(removal) && removal != node && !evaluator.is_before(removal, node)
}

/// The sections that an operation needs a right on.
fn sections_of(body: &Body) -> Vec<SectionId> {
    match body {
        Body::Grant(grant) => grant.scopes.iter().map(|(section, _)| *section).collect(),
        Body::Rekey(rekey) => rekey.sections.iter().map(|section| section.section).collect(),
        Body::Seal(seal) => vec![seal.section],
        Body::Adopt(adopted) => adopted
            .iter()
            .filter_map(|one| match one {
                Adopted::Envelope(section, _) => Some(*section),
                Adopted::Op(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
