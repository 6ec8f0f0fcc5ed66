//! A small record to tell stories about: an owner's first device, a root on paper, and whoever joins.

use std::collections::BTreeMap;

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, EpochId, Incarnation, ObjectId, OpId, PrincipalId, RecordId, SectionId, VolumeId},
    sign::SigningKey,
};

use crate::{
    checkpoint::{Head, Receipt},
    envelope::{EnvelopeContext, EnvelopeFacts, EnvelopeKind, NO_PREDECESSOR},
    feed::Position,
    membership::{
        Candidate, HeadsDigest, Insert, Membership, MembershipLog, Op, OpDraft, Receipts, Role, Scope,
        body::{
            Body, DeviceAdd, DeviceKeys, Genesis, Grant, ObjectKind, Reason, Recover, Rekey, RelayKeys, Removal,
            RootClass, RootKey, Seal, SectionRekey, Target,
        },
        detached::{KemHash, kem_hash},
        device_id, principal_id,
    },
};

pub(super) const SALT: [u8; 32] = [9; 32];
pub(super) const NOTES: SectionId = SectionId([1; 16]);
pub(super) const LETTERS: SectionId = SectionId([2; 16]);
pub(super) const START: u64 = 1_800_000_000_000;

/// A key holder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) seed: u16,
    pub(super) id: DeviceId,
    pub(super) principal: PrincipalId,
    pub(super) incarnation: Incarnation,
}

impl Who {
    /// The first device of a principal of its own.
    pub(super) fn new(seed: u16) -> Self {
        let key = signing_key(seed).public();
        let (id, principal) = (device_id(&SALT, &key), principal_id(&SALT, &key));
        let [low, high] = seed.to_le_bytes();
        Self { seed, id, principal, incarnation: Incarnation([low, high, 7, 7, 7, 7, 7, 7]) }
    }

    /// A further device of `of`'s principal.
    pub(super) fn beside(seed: u16, of: &Self) -> Self {
        Self { principal: of.principal, ..Self::new(seed) }
    }

    pub(super) fn key(&self) -> SigningKey {
        signing_key(self.seed)
    }

    pub(super) fn kem(&self) -> KemHash {
        kem_hash(&self.seed.to_le_bytes())
    }

    pub(super) fn keys(&self) -> DeviceKeys {
        DeviceKeys {
            signing: self.key().public(),
            kem: self.kem(),
            generation: 0,
            transport: self.key().public().0,
            incarnation: self.incarnation,
        }
    }

    pub(super) fn add(&self) -> Body {
        Body::DeviceAdd(DeviceAdd { principal: self.principal, keys: self.keys() })
    }

    pub(super) fn root_key(&self, class: RootClass) -> RootKey {
        RootKey { class, signing: self.key().public(), kem: self.kem() }
    }
}

/// A record and everything that was ever said in it.
#[derive(Clone)]
pub(super) struct World {
    pub(super) log: MembershipLog,
    pub(super) receipts: Receipts,
    pub(super) owner: Who,
    pub(super) root: Who,
    relay: u16,
    position: u64,
    clock: u64,
    counters: BTreeMap<DeviceId, u32>,
}

impl World {
    pub(super) fn with_relay() -> Self {
        Self::begin(Some(relay_keys(200)))
    }

    pub(super) fn without_relay() -> Self {
        Self::begin(None)
    }

    /// Another record of the same people.
    pub(super) fn begin_elsewhere() -> Self {
        Self::begin(Some(relay_keys(201)))
    }

    fn begin(relay: Option<RelayKeys>) -> Self {
        let (owner, root) = (Who::new(1), Who::new(100));
        let genesis = Genesis {
            key_salt: SALT,
            roots: vec![root.root_key(RootClass::Paper)],
            device: owner.keys(),
            year: 2026,
            relay,
        };
        let (record, op) = OpDraft::genesis(genesis, UnixMillis(START), &owner.key()).unwrap();
        let mut log = MembershipLog::new(record);
        assert!(matches!(log.insert(op.bytes()), Insert::Inserted(_)));
        let counters = BTreeMap::from([(owner.id, 1)]);
        Self { log, receipts: Receipts::new(), owner, root, relay: 200, position: 0, clock: START, counters }
    }

    pub(super) fn record(&self) -> RecordId {
        self.log.record()
    }

    pub(super) fn now(&self) -> UnixMillis {
        UnixMillis(self.clock)
    }

    /// `who` says `body` after having seen `parents`.
    pub(super) fn say_after(&mut self, who: &Who, parents: &[OpId], body: Body) -> OpId {
        let op = self.sign(who, parents, body);
        let inserted = self.log.insert(op.bytes());
        assert!(matches!(inserted, Insert::Inserted(_)), "{inserted:?}");
        op.id()
    }

    pub(super) fn sign(&mut self, who: &Who, parents: &[OpId], body: Body) -> Op {
        self.clock += 1000;
        let counter = self.counters.entry(who.id).or_default();
        *counter += 1;
        let mut parents = parents.to_vec();
        parents.sort_unstable();
        let draft = OpDraft { parents, author: who.id, counter: *counter - 1, time: UnixMillis(self.clock), body };
        draft.sign(&self.log.record(), &who.key()).unwrap()
    }

    /// `who` says `body` after having seen everything.
    pub(super) fn say(&mut self, who: &Who, body: Body) -> OpId {
        let heads = self.log.heads();
        self.say_after(who, &heads, body)
    }

    /// The relay stores `op` next.
    pub(super) fn receive(&mut self, op: OpId) {
        self.position += 1;
        self.receive_at(op, self.position);
    }

    pub(super) fn receive_at(&mut self, op: OpId, position: u64) {
        let receipt = Receipt { record: self.record(), store_epoch: 0, position, time: self.now(), op };
        self.receipts.vouch(&signing_key(self.relay).public(), &receipt);
    }

    pub(super) fn membership(&self) -> Membership {
        self.log.evaluate(&self.receipts, None)
    }

    /// A second device of the owner, admitted by the first.
    pub(super) fn second(&mut self, seed: u16) -> Who {
        let (owner, who) = (self.owner, Who::beside(seed, &self.owner));
        self.say(&owner, who.add());
        who
    }

    /// A delegate with one device, granted and admitted by `by`.
    pub(super) fn delegate(&mut self, by: &Who, seed: u16, role: Role, scopes: &[(SectionId, Scope)]) -> Who {
        let who = Who::new(seed);
        self.say(by, grant(&who, role, scopes));
        self.say(by, who.add());
        who
    }

    /// `who` gives `sections` new keys, for exactly the readers that its view has.
    pub(super) fn rekey(&mut self, who: &Who, sections: &[SectionId]) -> (OpId, EpochId) {
        let (body, epoch) = self.rekey_body(sections, who.seed);
        (self.say(who, body), epoch)
    }

    pub(super) fn rekey_body(&self, sections: &[SectionId], salt: u16) -> (Body, EpochId) {
        let time = UnixMillis(self.clock + 1000);
        let plan = self.membership().rekey_plan(sections, time, |_, _| true);
        let epoch = |parents: &[EpochId], section: &SectionId| {
            let parents: Vec<u8> = parents.iter().flat_map(|parent| parent.0).collect();
            EpochId(digest::hash("test epoch", &[&salt.to_le_bytes(), &section.0, &parents]))
        };
        let first = plan.parents.first().map(|(section, parents)| epoch(parents, section)).unwrap();
        let sections = plan.parents.iter().map(|(section, parents)| SectionRekey {
            section: *section,
            parents: parents.clone(),
            epoch: epoch(parents, section),
            ladder: (!parents.is_empty()).then(|| vec![[0; 48]; parents.len()]),
            inbox: None,
        });
        let rekey = Rekey { sections: sections.collect(), recipients: plan.digest, wraps: [0; 32] };
        (Body::Rekey(rekey), first)
    }
}

pub(super) fn recover(removal: Removal, device: &Who, roots: Vec<RootKey>, voided: Vec<OpId>) -> Body {
    let device = DeviceAdd { principal: device.principal, keys: device.keys() };
    Body::Recover(Box::new(Recover { removal, device, rekey: Rekey::default(), roots, voided }))
}

pub(super) fn signing_key(seed: u16) -> SigningKey {
    SigningKey::from_seed(&digest::hash("test seed", &[&seed.to_le_bytes()]))
}

pub(super) fn relay_keys(seed: u16) -> RelayKeys {
    RelayKeys {
        signing: signing_key(seed).public(),
        kem: kem_hash(&seed.to_le_bytes()),
        transport: [3; 32],
        addresses: vec!["relay.example:4433".to_owned()],
    }
}

pub(super) fn grant(who: &Who, role: Role, scopes: &[(SectionId, Scope)]) -> Body {
    Body::Grant(grant_body(who, role, scopes))
}

pub(super) fn grant_body(who: &Who, role: Role, scopes: &[(SectionId, Scope)]) -> Grant {
    let scopes = scopes.to_vec();
    Grant { principal: who.principal, role, scopes, not_after: None, dormant: false, lease_s: None }
}

pub(super) fn removal(targets: &[Target]) -> Removal {
    let mut targets = targets.to_vec();
    targets.sort_unstable();
    Removal { targets, frontier: Vec::new(), cited: None, hidden: 0, reason: Reason::Stolen }
}

pub(super) fn remove(targets: &[Target]) -> Body {
    Body::Remove(removal(targets))
}

pub(super) fn remove_with(target: Target, frontier: &[Position]) -> Body {
    let mut frontier = frontier.to_vec();
    frontier.sort_unstable();
    Body::Remove(Removal { frontier, ..removal(&[target]) })
}

pub(super) fn seal(section: SectionId, cover: &[Position]) -> Body {
    let mut cover = cover.to_vec();
    cover.sort_unstable();
    let names: Vec<u8> = cover.iter().flat_map(|position| position.id.0).collect();
    Body::Seal(Seal {
        section,
        volume: VolumeId(0),
        cover,
        kind: ObjectKind::Snapshot,
        object: ObjectId(digest::content_hash(&names)),
        position: Some(Head::START),
    })
}

/// A feed being written.
#[derive(Clone)]
pub(super) struct Pen {
    pub(super) who: Who,
    pub(super) section: SectionId,
    pub(super) kind: EnvelopeKind,
    pub(super) written: Vec<Candidate>,
}

impl Pen {
    pub(super) fn new(who: &Who, section: SectionId) -> Self {
        Self { who: *who, section, kind: EnvelopeKind::Changes, written: Vec::new() }
    }

    /// Writes the next envelope, seeing `heads`, under `epoch`.
    pub(super) fn write(&mut self, world: &World, heads: &[OpId], epoch: EpochId) -> Candidate {
        self.write_on(world, heads, epoch, &[], 0)
    }

    pub(super) fn write_on(
        &mut self,
        world: &World,
        heads: &[OpId],
        epoch: EpochId,
        depends_on: &[EnvelopeId],
        fill: u8,
    ) -> Candidate {
        let previous = self.written.last().map_or(NO_PREDECESSOR, |last| last.facts.id);
        let context = EnvelopeContext {
            record: world.record(),
            section: self.section,
            volume: VolumeId(0),
            kind: self.kind,
            device: self.who.id,
            key: self.who.key().public(),
            incarnation: self.who.incarnation,
            previous,
            heads: HeadsDigest::of(heads),
            epoch,
        };
        let seq = u32::try_from(self.written.len()).unwrap() + 1;
        let id = EnvelopeId(digest::hash("test envelope", &[&context.feed().0, &previous.0, &[fill]]));
        let facts = EnvelopeFacts { id, feed: context.feed(), seq, context };
        let candidate = Candidate { facts, heads: heads.to_vec(), depends_on: depends_on.to_vec() };
        self.written.push(candidate.clone());
        candidate
    }

    /// The place of the last envelope.
    pub(super) fn end(&self) -> Position {
        place(self.written.last().unwrap())
    }
}

pub(super) fn place(candidate: &Candidate) -> Position {
    Position { feed: candidate.facts.feed, seq: candidate.facts.seq, id: candidate.facts.id }
}
