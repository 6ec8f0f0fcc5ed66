//! A record of a few people, signed for real, sealed with nothing: a relay cannot tell.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, EpochId, Incarnation, ObjectId, OpId, PrincipalId, RecordId, SectionId, VolumeId},
    sign::{PublicKey, SigningKey},
};
use carnet_protocol::{
    checkpoint::{Head, SignedReceipt},
    envelope::{Envelope, EnvelopeContext, EnvelopeKind, Header, NO_PREDECESSOR},
    feed::{ForkProof, Position, SignedHeader},
    frame::{Item, SectionRef, SentOperation, SentView},
    membership::{
        HeadsDigest, Insert, Membership, MembershipLog, Op, OpDraft, Receipts, Role, Scope,
        body::{
            Body, CitedCheckpoint, DeviceAdd, DeviceKeys, Genesis, Grant, ObjectKind, Reason, Rekey, RelayKeys,
            Removal, RootClass, RootKey, Seal, SectionRekey, Target,
        },
        detached::{Detached, KemHash, ProvedWrap, SealedKeys, kem_hash},
        device_id, principal_id,
    },
};

pub(crate) const NOTES: SectionId = SectionId([1; 16]);
pub(crate) const LETTERS: SectionId = SectionId([2; 16]);
pub(crate) const START: u64 = 1_800_000_000_000;

/// A key holder in one record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) seed: [u8; 32],
    pub(crate) id: DeviceId,
    pub(crate) principal: PrincipalId,
    pub(crate) incarnation: Incarnation,
}

impl Who {
    pub(crate) fn new(salt: &[u8; 32], seed: u8) -> Self {
        let seed = [seed; 32];
        let key = SigningKey::from_seed(&seed).public();
        let (id, principal) = (device_id(salt, &key), principal_id(salt, &key));
        Self { seed, id, principal, incarnation: Incarnation([seed[0]; 8]) }
    }

    pub(crate) fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }

    fn kem_part(&self) -> Detached {
        Detached::Kem(Box::new([self.seed[0]; 1216]))
    }

    fn keys(&self) -> DeviceKeys {
        DeviceKeys {
            signing: self.key().public(),
            kem: KemHash(self.kem_part().hash()),
            generation: 0,
            transport: self.seed,
            incarnation: self.incarnation,
        }
    }
}

/// A record and everything said in it, as the person who writes the story knows it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) log: MembershipLog,
    pub(crate) receipts: Receipts,
    pub(crate) owner: Who,
    pub(crate) root: Who,
    pub(crate) salt: [u8; 32],
    /// Everything in the order in which it was said.
    pub(crate) said: Vec<SentOperation>,
    pub(crate) clock: u64,
    pub(crate) epochs: BTreeMap<SectionId, EpochId>,
    counters: BTreeMap<DeviceId, u32>,
    relay: PublicKey,
}

impl World {
    /// A record whose home is the relay with this key: an owner, and keys for two sections.
    pub(crate) fn new(relay: &PublicKey, salt: u8) -> Self {
        Self::begin(relay, salt, START)
    }

    pub(crate) fn begin(relay: &PublicKey, salt: u8, start: u64) -> Self {
        let salt = [salt; 32];
        let (owner, root) = (Who::new(&salt, 1), Who::new(&salt, 100));
        let genesis = Genesis {
            key_salt: salt,
            roots: vec![RootKey {
                class: RootClass::Paper,
                signing: root.key().public(),
                kem: KemHash(root.kem_part().hash()),
            }],
            device: owner.keys(),
            year: 2026,
            relay: Some(RelayKeys {
                signing: *relay,
                kem: kem_hash(b"none"),
                transport: relay.0,
                addresses: vec!["127.0.0.1:1".to_owned()],
            }),
        };
        let (record, op) = OpDraft::genesis(genesis, UnixMillis(start), &owner.key()).unwrap();
        let mut log = MembershipLog::new(record);
        assert!(matches!(log.insert(op.bytes()), Insert::Inserted(_)));
        let parts = vec![owner.kem_part().encode(), root.kem_part().encode()];
        let said = vec![SentOperation { op: op.bytes().to_vec(), parts, receipts: Vec::new() }];
        let mut world = Self {
            log,
            receipts: Receipts::new(),
            owner,
            root,
            salt,
            said,
            clock: start,
            epochs: BTreeMap::new(),
            counters: BTreeMap::from([(owner.id, 1)]),
            relay: *relay,
        };
        world.rekey(&owner, &[NOTES, LETTERS]);
        world
    }

    pub(crate) fn record(&self) -> RecordId {
        self.log.record()
    }

    pub(crate) fn genesis(&self) -> SentOperation {
        self.said[0].clone()
    }

    /// Everything said after the genesis, to be pushed.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.said[1..].iter().cloned().map(Item::Operation).collect()
    }

    pub(crate) fn membership(&self) -> Membership {
        self.log.evaluate(&self.receipts, None)
    }

    pub(crate) fn learn_receipt(&mut self, op: &OpId, receipt: &SignedReceipt) {
        let receipt = receipt.verify(&self.relay, &self.record(), op).unwrap();
        self.receipts.add(&self.relay.clone(), &receipt);
    }

    pub(crate) fn sign_after(&mut self, who: &Who, parents: &[OpId], body: Body) -> Op {
        self.clock += 1_000;
        let counter = self.counters.entry(who.id).or_default();
        *counter += 1;
        let mut parents = parents.to_vec();
        parents.sort_unstable();
        let draft = OpDraft { parents, author: who.id, counter: *counter - 1, time: UnixMillis(self.clock), body };
        draft.sign(&self.log.record(), &who.key()).unwrap()
    }

    /// `who` says `body` after having seen `parents`.
    pub(crate) fn say_after(&mut self, who: &Who, parents: &[OpId], body: Body, parts: Vec<Vec<u8>>) -> OpId {
        let op = self.sign_after(who, parents, body);
        let inserted = self.log.insert(op.bytes());
        assert!(matches!(inserted, Insert::Inserted(_)), "{inserted:?}");
        self.said.push(SentOperation { op: op.bytes().to_vec(), parts, receipts: Vec::new() });
        op.id()
    }

    pub(crate) fn say(&mut self, who: &Who, body: Body, parts: Vec<Vec<u8>>) -> OpId {
        self.say_after(who, &self.log.heads(), body, parts)
    }

    /// The last thing said, to be pushed.
    pub(crate) fn last(&self) -> Item {
        Item::Operation(self.said.last().unwrap().clone())
    }

    pub(crate) fn rekey(&mut self, who: &Who, sections: &[SectionId]) -> OpId {
        let (body, parts) = self.rekey_body(sections);
        self.say(who, body, parts)
    }

    pub(crate) fn rekey_body(&mut self, sections: &[SectionId]) -> (Body, Vec<Vec<u8>>) {
        let plan = self.membership().rekey_plan(sections, UnixMillis(self.clock + 1_000), |_, _| true);
        let mut rekeys = Vec::new();
        for (section, parents) in &plan.parents {
            let epoch = EpochId(digest::hash("test", &[&section.0, &self.clock.to_le_bytes()]));
            self.epochs.insert(*section, epoch);
            rekeys.push(SectionRekey {
                section: *section,
                parents: parents.clone(),
                epoch,
                ladder: (!parents.is_empty()).then(|| vec![[0; 48]; parents.len()]),
                inbox: None,
            });
        }
        let readers = plan.readers.iter().flat_map(|(_, readers)| readers.iter().map(|reader| reader.device));
        let readers: BTreeSet<DeviceId> = readers.collect();
        let wraps: Vec<_> =
            readers.into_iter().map(|recipient| SealedKeys { recipient, sealed: vec![7; 1_200] }).collect();
        let (root, _) = ProvedWrap::tree(wraps.clone());
        let parts = wraps.into_iter().map(|keys| Detached::Wrap(keys).encode()).collect();
        (Body::Rekey(Rekey { sections: rekeys, recipients: plan.digest, wraps: root }), parts)
    }

    /// A second device of the owner.
    pub(crate) fn second(&mut self, seed: u8) -> Who {
        let owner = self.owner;
        let who = Who { principal: owner.principal, ..Who::new(&self.salt, seed) };
        self.admit(&owner, &who);
        who
    }

    fn admit(&mut self, by: &Who, who: &Who) {
        let body = Body::DeviceAdd(DeviceAdd { principal: who.principal, keys: who.keys() });
        self.say(by, body, vec![who.kem_part().encode()]);
    }

    /// A new person with one device.
    pub(crate) fn delegate(
        &mut self,
        seed: u8,
        role: Role,
        scopes: &[(SectionId, Scope)],
        not_after: Option<UnixMillis>,
    ) -> Who {
        let (owner, who) = (self.owner, Who::new(&self.salt, seed));
        let scopes = scopes.to_vec();
        let grant = Grant { principal: who.principal, role, scopes, not_after, dormant: false, lease_s: None };
        self.say(&owner, Body::Grant(grant), Vec::new());
        self.admit(&owner, &who);
        who
    }

    pub(crate) fn removal(target: Target, frontier: &[Position], cited: Option<CitedCheckpoint>) -> Body {
        let mut frontier = frontier.to_vec();
        frontier.sort_unstable();
        Body::Remove(Removal { targets: vec![target], frontier, cited, hidden: 0, reason: Reason::Lost })
    }

    pub(crate) fn seal(section: SectionId, cover: &[Position], object: ObjectId) -> Body {
        let mut cover = cover.to_vec();
        cover.sort_unstable();
        let position = Some(Head::START);
        Body::Seal(Seal { section, volume: VolumeId(0), cover, kind: ObjectKind::Snapshot, object, position })
    }
}

/// A feed being written.
#[derive(Clone)]
pub(crate) struct Pen {
    pub(crate) who: Who,
    pub(crate) section: SectionId,
    pub(crate) written: Vec<(EnvelopeId, Vec<u8>)>,
    heads: Option<HeadsDigest>,
}

impl Pen {
    pub(crate) fn new(who: &Who, section: SectionId) -> Self {
        Self { who: *who, section, written: Vec::new(), heads: None }
    }

    /// The next envelope, seeing everything, under the newest epoch.
    pub(crate) fn write(&mut self, world: &World, size: usize) -> Item {
        let heads = world.log.heads();
        self.write_seeing(world, &heads, world.epochs[&self.section], size)
    }

    pub(crate) fn write_seeing(&mut self, world: &World, heads: &[OpId], epoch: EpochId, size: usize) -> Item {
        let bytes = self.sign(world, heads, epoch, size, 0);
        Item::Envelope(SectionRef::Named(self.section), bytes)
    }

    /// The envelope that would come next; it does.
    pub(crate) fn sign(&mut self, world: &World, heads: &[OpId], epoch: EpochId, size: usize, content: u8) -> Vec<u8> {
        let digest = HeadsDigest::of(heads);
        let previous = self.written.last().map_or(NO_PREDECESSOR, |(id, _)| *id);
        let context = EnvelopeContext {
            record: world.record(),
            section: self.section,
            volume: VolumeId(0),
            kind: EnvelopeKind::Changes,
            device: self.who.id,
            key: self.who.key().public(),
            incarnation: self.who.incarnation,
            previous,
            heads: digest,
            epoch,
        };
        let seq = u32::try_from(self.written.len()).unwrap() + 1;
        let header = Header::new(&context, seq, self.heads != Some(digest), u32::try_from(size).unwrap());
        let ciphertext = vec![content; size + 16];
        let envelope = Envelope::sign(&context, header, [content; 24], ciphertext, &self.who.key()).unwrap();
        let id = envelope.id(&context).unwrap();
        self.heads = Some(digest);
        self.written.push((id, envelope.encode()));
        crate::client::IDS.with_borrow_mut(|ids| ids.insert((self.section, envelope.encode()), id));
        envelope.encode()
    }

    /// The proof that this pen and another that wrote the same beginning parted at number `at`, counted from 1.
    pub(crate) fn forked_from(&self, other: &Self, world: &World, at: usize) -> ForkProof {
        let (heads, epoch) = (HeadsDigest::of(&world.log.heads()), world.epochs[&self.section]);
        let context = EnvelopeContext {
            record: world.record(),
            section: self.section,
            volume: VolumeId(0),
            kind: EnvelopeKind::Changes,
            device: self.who.id,
            key: self.who.key().public(),
            incarnation: self.who.incarnation,
            previous: self.written[at - 2].0,
            heads,
            epoch,
        };
        let header = |pen: &Self| SignedHeader::of(&Envelope::decode(&pen.written[at - 1].1).unwrap(), &context);
        ForkProof::of(&world.record(), &context.key, &context, [header(self), header(other)]).unwrap()
    }

    /// What was written from number `from` on, counted from 0, to be pushed.
    pub(crate) fn items_from(&self, from: usize) -> Vec<Item> {
        let written = self.written[from..].iter();
        written.map(|(_, bytes)| Item::Envelope(SectionRef::Named(self.section), bytes.clone())).collect()
    }

    /// The place of number `count`, counted from 1.
    pub(crate) fn place(&self, count: usize) -> Position {
        let feed = carnet_protocol::feed::id(
            &self.who.id,
            &self.who.incarnation,
            &self.section,
            VolumeId(0),
            EnvelopeKind::Changes,
        );
        Position { feed, seq: u32::try_from(count).unwrap(), id: self.written[count - 1].0 }
    }
}

/// A view as it is pushed.
pub(crate) fn view(heads: &[OpId]) -> Item {
    let mut heads = heads.to_vec();
    heads.sort_unstable();
    Item::View(SentView { heads })
}
