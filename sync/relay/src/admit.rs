//! What is let in, and who may ask: the membership of one record, as a relay needs it.
//!
//! Everything that counts is decided by `carnet_protocol::membership`, the code that devices run. What is added here is
//! admission: what a relay need not store because it is plainly not granted, stale, out of order or forked. It is never
//! more than that; devices decide again for themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, FeedId, OpId, PrincipalId, RecordId, SectionId, VolumeId},
    sign::{PublicKey, Verified},
};
use carnet_protocol::{
    checkpoint::{Receipt, SignedReceipt},
    frame::FeedBase,
    membership::{
        Body, HeadsDigest, Insert, Membership, MembershipLog, Op, PublishedObject, Receipts, Role, Scope,
        body::ObjectKind, device_id,
    },
};

use crate::store::{StoreError, rows::OperationRow};

mod envelope;
mod frontier;
mod operation;
mod part;

pub(crate) use self::{
    envelope::Admitted,
    frontier::Holdings,
    operation::OperationJudged,
    part::{PUBLIC_PART, wrap_name},
};

/// How long after a device was served a removal or fork proof its envelopes may ignore it: 7 days.
pub(crate) const IGNORANCE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Views that are kept of one record, apart from those that follow from its operations.
const VIEWS_MAX: usize = 16_384;

/// Who pushes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pusher {
    /// The device of the stream; none for the genesis of a new record.
    pub(crate) device: Option<DeviceId>,
    /// The relay's clock.
    pub(crate) now: UnixMillis,
}

/// What a device may do now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) principal: PrincipalId,
    pub(crate) key: PublicKey,
    /// Whether it may open a slot for someone new.
    pub(crate) may_invite: bool,
    is_owner: bool,
    is_asleep: bool,
    scopes: BTreeMap<SectionId, Scope>,
}

impl Standing {
    /// The sections that it has any right in.
    pub(crate) fn sections(&self) -> impl Iterator<Item = SectionId> {
        self.scopes.keys().copied()
    }

    /// Whether a checkpoint may show it this section.
    pub(crate) fn sees(&self, section: &SectionId) -> bool {
        self.scopes.contains_key(section)
    }

    /// Whether it gets the envelopes of this section.
    pub(crate) fn may_pull(&self, section: &SectionId) -> bool {
        !self.is_asleep && self.scopes.get(section).is_some_and(|scope| scope.includes(Scope::READ))
    }

    /// Whether it reads any section, and so may fetch objects.
    pub(crate) fn reads_something(&self) -> bool {
        !self.is_asleep && self.scopes.values().any(|scope| scope.includes(Scope::READ))
    }

    /// Whether it writes or drops into any section, and so may store objects.
    pub(crate) fn writes_something(&self) -> bool {
        self.scopes.values().any(|scope| scope.includes(Scope::WRITE) || scope.includes(Scope::DROP))
    }

    /// Whether it may ask about objects.
    pub(crate) fn uses_objects(&self) -> bool {
        self.reads_something() || self.writes_something()
    }

    fn writes(&self, section: &SectionId, scope: Scope) -> bool {
        self.scopes.get(section).is_some_and(|own| own.includes(scope))
    }
}

/// The operations of one record and what they amount to.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    relay: PublicKey,
    log: MembershipLog,
    receipts: Receipts,
    membership: Arc<Membership>,
    /// Position and the relay's clock of each operation here.
    stored: BTreeMap<OpId, (u64, UnixMillis)>,
    /// Removals, recoveries and fork proofs, by position.
    ends: Vec<(u64, OpId)>,
    /// Operations that name a relay, with its key.
    relays: Vec<(OpId, PublicKey)>,
    /// Views that do not follow from the operations, in the order in which they came.
    views: Vec<Vec<OpId>>,
}

impl Members {
    /// A record of which nothing is known, at the relay with this key.
    pub(crate) fn new(record: RecordId, relay: PublicKey) -> Self {
        let log = MembershipLog::new(record);
        let membership = Arc::new(log.evaluate(&Receipts::new(), None));
        Self {
            relay,
            log,
            receipts: Receipts::new(),
            membership,
            stored: BTreeMap::new(),
            ends: Vec::new(),
            relays: Vec::new(),
            views: Vec::new(),
        }
    }

    /// The record that these bytes of a genesis begin, with its first device and that device's key.
    pub(crate) fn first_device(genesis: &[u8]) -> Option<(RecordId, DeviceId, PublicKey)> {
        let op = Op::decode(genesis).ok()?;
        let Body::Genesis(genesis) = op.body() else { return None };
        let key = genesis.device.signing;
        Some((RecordId(op.id().0), device_id(&genesis.key_salt, &key), key))
    }

    /// Takes an operation from the store, parents first. [`Members::settle`] comes after the last.
    pub(crate) fn restore(&mut self, row: &OperationRow) -> Result<(), StoreError> {
        let op = Op::decode(&row.bytes).map_err(|_| StoreError::Damaged("operation"))?;
        if !matches!(self.log.insert_op(op.clone()), Insert::Inserted(_)) {
            return Err(StoreError::Damaged("operation"));
        }
        self.note(&op, row);
        Ok(())
    }

    /// Takes a view from the store.
    pub(crate) fn restore_view(&mut self, heads: Vec<OpId>) -> Result<(), StoreError> {
        self.log.learn_view(&heads).map_err(|_| StoreError::Damaged("view"))?;
        self.views.push(heads);
        Ok(())
    }

    /// Evaluates what was restored.
    pub(crate) fn settle(&mut self) {
        self.membership = Arc::new(self.log.evaluate(&self.receipts, None));
    }

    /// What follows from an operation that is stored as `row` and is in the log.
    fn note(&mut self, op: &Op, row: &OperationRow) {
        let id = op.id();
        self.stored.insert(id, (row.receipt.position, row.receipt.time));
        match op.body() {
            Body::Remove(_) | Body::Recover(_) | Body::ForkProof(_) => self.ends.push((row.receipt.position, id)),
            Body::Genesis(genesis) => self.relays.extend(genesis.relay.iter().map(|relay| (id, relay.signing))),
            Body::SetRelay(relay) => self.relays.push((id, relay.signing)),
            _ => {}
        }
        let own = Receipt {
            record: self.log.record(),
            store_epoch: row.receipt.store_epoch,
            position: row.receipt.position,
            time: row.receipt.time,
            op: id,
        };
        self.receipts.vouch(&self.relay, &own);
        for receipt in &row.foreign {
            if let Some((relay, receipt)) = self.verify_receipt(receipt, &id) {
                self.receipts.add(&relay, &receipt);
            }
        }
        // Whoever holds an operation knows these two views of it.
        let learned = [vec![id], op.parents().to_vec()];
        for heads in learned.iter().filter(|heads| !heads.is_empty()) {
            let _ = self.log.learn_view(heads);
        }
    }

    /// A receipt of this relay, in whatever life, or of another relay that the record names.
    fn verify_receipt(&self, receipt: &SignedReceipt, op: &OpId) -> Option<(PublicKey, Verified<Receipt>)> {
        let relays: BTreeSet<PublicKey> = self.relays.iter().map(|(_, key)| *key).chain([self.relay]).collect();
        let record = self.log.record();
        relays.into_iter().find_map(|relay| Some((relay, receipt.verify(&relay, &record, op).ok()?)))
    }

    /// Whether the record was erased by its members.
    pub(crate) fn is_ended(&self) -> bool {
        self.membership.is_ended()
    }

    /// The keys of the roots in force.
    pub(crate) fn root_keys(&self) -> Vec<PublicKey> {
        self.membership.devices().filter(|device| device.root.is_some()).map(|device| device.key).collect()
    }

    /// What a device may do at `now`; nothing when it has no place in the record, or none any more.
    pub(crate) fn standing(&self, device: &DeviceId, now: UnixMillis) -> Option<Standing> {
        let known = self.membership.device(device).filter(|device| device.is_live)?;
        let sections = self.membership.sections();
        let mut standing = Standing {
            principal: known.principal,
            key: known.key,
            may_invite: false,
            is_owner: false,
            is_asleep: false,
            scopes: BTreeMap::new(),
        };
        if known.root.is_some() {
            standing.scopes.extend(sections.into_iter().map(|section| (section, Scope::READ)));
            return Some(standing);
        }
        let principal = self.membership.principal(&known.principal)?;
        let in_force = |end: Option<UnixMillis>| end.is_none_or(|end| now < end);
        let grants: Vec<_> = principal.grants.iter().filter(|grant| in_force(grant.not_after)).collect();
        if grants.is_empty() {
            return None;
        }
        standing.is_asleep = grants.iter().all(|grant| grant.dormant);
        standing.is_owner = grants.iter().any(|grant| grant.role == Role::Owner);
        if standing.is_owner {
            standing.scopes.extend(sections.into_iter().map(|section| (section, Scope::ALL)));
        }
        for (section, scope) in grants.iter().flat_map(|grant| &grant.scopes) {
            let own = standing.scopes.entry(*section).or_default();
            *own = own.and(*scope);
        }
        let manages = |scope: &Scope| scope.includes(Scope::MANAGE);
        standing.may_invite = standing.is_owner || standing.scopes.values().any(manages);
        Some(standing)
    }

    /// For each volume of `section` the confirmed snapshot that covers most, of those that `is_stored` lets pass.
    fn snapshots(
        &self,
        section: &SectionId,
        mut is_stored: impl FnMut(&PublishedObject) -> Result<bool, StoreError>,
    ) -> Result<BTreeMap<VolumeId, &PublishedObject>, StoreError> {
        let mut best: BTreeMap<VolumeId, &PublishedObject> = BTreeMap::new();
        for object in self.membership.objects(section) {
            if object.kind != ObjectKind::Snapshot || !object.is_confirmed || !is_stored(object)? {
                continue;
            }
            let breadth = |object: &PublishedObject| object.cover.iter().map(|end| u64::from(end.seq)).sum::<u64>();
            let is_better = best
                .get(&object.volume)
                .is_none_or(|other| (breadth(object), other.object) > (breadth(other), object.object));
            if is_better {
                best.insert(object.volume, object);
            }
        }
        Ok(best)
    }

    /// Where each feed of `section` ends that confirmed and stored snapshots stand for.
    pub(crate) fn covered(
        &self,
        section: &SectionId,
        is_stored: impl FnMut(&PublishedObject) -> Result<bool, StoreError>,
    ) -> Result<BTreeMap<FeedId, FeedBase>, StoreError> {
        let snapshots = self.snapshots(section, is_stored)?;
        let ends = snapshots.values().flat_map(|object| &object.cover);
        Ok(ends.map(|end| (end.feed, FeedBase { feed: end.feed, seq: end.seq.into(), envelope: end.id })).collect())
    }

    /// When the last of the operations that publish or confirm an object was stored here.
    pub(crate) fn sealed_at(&self, object: &PublishedObject) -> Option<UnixMillis> {
        object.seals.iter().map(|seal| self.stored.get(seal).map(|(_, time)| *time)).max().flatten()
    }

    /// How many views are kept.
    pub(crate) fn view_count(&self) -> u64 {
        u64::try_from(self.views.len()).unwrap_or(u64::MAX)
    }

    /// The views from number `from`, counted from 0.
    pub(crate) fn views_from(&self, from: u64) -> impl Iterator<Item = &Vec<OpId>> {
        self.views.iter().skip(usize::try_from(from).unwrap_or(usize::MAX))
    }

    /// What becomes of a view that is pushed.
    pub(crate) fn judge_view(&self, heads: &[OpId]) -> ViewJudged {
        let mut sorted = heads.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if self.log.view(&HeadsDigest::of(&sorted)).is_some() {
            return ViewJudged::Known;
        }
        if !sorted.iter().all(|head| self.stored.contains_key(head)) {
            return ViewJudged::Missing;
        }
        if self.views.len() >= VIEWS_MAX { ViewJudged::TooMany } else { ViewJudged::New(sorted) }
    }
}

/// What becomes of a view that is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ViewJudged {
    Known,
    Missing,
    New(Vec<OpId>),
    TooMany,
}

/// What an operation is called in an audit.
pub(crate) fn kind_name(body: &Body) -> &'static str {
    match body {
        Body::Genesis(_) => "genesis",
        Body::Grant(_) => "grant",
        Body::DeviceAdd(_) => "device-add",
        Body::Remove(_) => "remove",
        Body::Adopt(_) => "adopt",
        Body::Rekey(_) => "rekey",
        Body::Wrap(_) => "wrap",
        Body::Seal(_) => "seal",
        Body::Rebase(_) => "rebase",
        Body::SetRelay(_) => "set-relay",
        Body::Recover(_) => "recover",
        Body::ForkProof(_) => "fork-proof",
        Body::Join => "join",
        Body::End => "end",
        _ => "unknown",
    }
}
