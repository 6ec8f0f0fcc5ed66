//! The membership log of a record as this device holds it: operations, their parts, receipts, and their evaluation.
//!
//! Evaluation is carnet-protocol's pure function; this module only keeps its inputs in the store and its answer in
//! memory. An operation that merely does not count is kept, because others may name it.

use std::collections::{BTreeSet, HashMap, HashSet};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EpochId, OpId, RecordId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{Receipt, SignedReceipt},
    codec::{Reader as Bytes, Writer as BytesOut},
    limits::{HEADS_MAX, OPS_WAITING_MAX},
    membership::{
        Body, HeadsDigest, Insert, Membership, MembershipLog, Op, OpDraft, Receipts,
        body::Rekey,
        detached::{Detached, KemHash, ProvedWrap},
    },
};
use carnet_seal::wrap::KemPublicKey;

use crate::{
    record::{Record, RecordError},
    replica::named_kems,
    row::{OutboxRow, Standing},
    store::{Reader, StoreError, Writer},
    tables::{Key, OP, OP_ORDER, PART, RECEIPT},
};

/// The log, its parts and what it amounts to.
pub(crate) struct Members {
    log: MembershipLog,
    receipts: Receipts,
    current: Membership,
    kems: HashMap<KemHash, KemPublicKey>,
    /// The wraps of rekeys, by operation and recipient.
    proved: HashMap<(OpId, DeviceId), Vec<u8>>,
    /// Wraps outside rotations, by hash.
    wraps: HashMap<[u8; 32], Vec<u8>>,
    /// What came with operations that wait for their parents.
    parked: HashMap<OpId, CarriedOp>,
    /// Wraps to this device, with the number of their keys, that do not open: not tried again.
    unopened: HashSet<(OpId, usize)>,
}

/// An operation with everything that travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedOp {
    /// The signed bytes.
    pub op: Vec<u8>,
    /// Its large parts.
    pub parts: Vec<Vec<u8>>,
    /// Receipts of relays, with the key of each.
    pub receipts: Vec<(PublicKey, SignedReceipt)>,
}

/// What became of operations that came from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpsReceived {
    /// How many are new.
    pub added: usize,
    /// How many can never be part of this record.
    pub refused: usize,
    /// Operations that others build on and that are not here.
    pub missing: Vec<OpId>,
}

impl Members {
    /// The log that begins with `genesis`, which was checked to be this record's.
    pub(crate) fn begin(record: RecordId) -> Self {
        let log = MembershipLog::new(record);
        let receipts = Receipts::new();
        let current = log.evaluate(&receipts, None);
        Self {
            log,
            receipts,
            current,
            kems: HashMap::new(),
            proved: HashMap::new(),
            wraps: HashMap::new(),
            parked: HashMap::new(),
            unopened: HashSet::new(),
        }
    }

    /// Reads the log of a record.
    ///
    /// # Errors
    /// The store's; damage when a stored operation is refused.
    pub(crate) fn load(reader: &Reader, record: &RecordId, now: UnixMillis) -> Result<Self, RecordError> {
        let mut members = Self::begin(*record);
        let prefix = Key::of(record);
        for row in reader.prefix(OP_ORDER, &prefix)? {
            let id = OpId::from_slice(&row?.1).ok_or(StoreError::Damaged)?;
            let op = reader.get(OP, &prefix.clone().op(&id))?.ok_or(StoreError::Damaged)?;
            if !matches!(members.log.insert(&op), Insert::Inserted(_)) {
                return Err(RecordError::Damaged("a stored operation is refused"));
            }
            members.learn(&[id]);
        }
        for row in reader.prefix(PART, &prefix)? {
            let (key, part) = row?;
            let op = key.get(32..64).and_then(OpId::from_slice).ok_or(StoreError::Damaged)?;
            members.take_part(&op, &part);
        }
        for row in reader.prefix(RECEIPT, &prefix)? {
            let (key, receipt) = row?;
            let op = key.get(32..64).and_then(OpId::from_slice).ok_or(StoreError::Damaged)?;
            let (relay, receipt) = read_receipt(&receipt).ok_or(StoreError::Damaged)?;
            members.receipts.vouch(&relay, &unsigned(record, &op, &receipt));
        }
        members.evaluate(now);
        Ok(members)
    }

    /// What the log amounts to now.
    pub(crate) fn current(&self) -> &Membership {
        &self.current
    }

    /// The log itself.
    pub(crate) fn log(&self) -> &MembershipLog {
        &self.log
    }

    /// The receipts that are held.
    pub(crate) fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// The heads of what receipts show to be at a relay, as many as an operation may name.
    pub(crate) fn heads_at(&self, relay: &PublicKey) -> Vec<OpId> {
        let mut heads = BTreeSet::new();
        for op in self.log.ops().filter(|op| self.receipts.is_of(&op.id(), relay)) {
            for parent in op.parents() {
                heads.remove(parent);
            }
            heads.insert(op.id());
        }
        heads.into_iter().take(HEADS_MAX).collect()
    }

    /// All operations, parents first.
    pub(crate) fn ops(&self) -> impl Iterator<Item = &Op> {
        self.log.ops()
    }

    /// A public key that an operation binds by this hash.
    pub(crate) fn kem(&self, hash: &KemHash) -> Option<&KemPublicKey> {
        self.kems.get(hash)
    }

    /// Keeps a public key that an operation about to be signed binds.
    pub(crate) fn learn_kem(&mut self, part: &[u8]) {
        if let Ok(Detached::Kem(key)) = Detached::decode(part)
            && let Ok(public) = KemPublicKey::from_slice(key.as_slice())
        {
            self.kems.insert(KemHash(Detached::Kem(key).hash()), public);
        }
    }

    /// The wrap of a rekey for `device`.
    pub(crate) fn proved_wrap(&self, op: &OpId, device: &DeviceId) -> Option<Vec<u8>> {
        self.proved.get(&(*op, *device)).cloned()
    }

    /// Notes wraps to this device that do not open.
    pub(crate) fn note_unopened(&mut self, failed: HashSet<(OpId, usize)>) {
        self.unopened.extend(failed);
    }

    /// Whether a wrap of so many keys was tried in vain.
    pub(crate) fn is_unopened(&self, op: &OpId, keys: usize) -> bool {
        self.unopened.contains(&(*op, keys))
    }

    /// A wrap outside a rotation.
    pub(crate) fn wrap_part(&self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        self.wraps.get(hash).cloned()
    }

    /// The epochs of a rekey whose keys are wrapped to `device`, in the order of the operation.
    pub(crate) fn epochs_wrapped_to(&self, rekey: &Rekey, device: &DeviceId) -> Vec<(SectionId, EpochId)> {
        let named = rekey.sections.iter().map(|section| (section.section, section.epoch));
        let is_recipient = |(section, epoch): &(SectionId, EpochId)| {
            self.current.epoch(section, epoch).is_some_and(|epoch| epoch.recipients.contains(device))
        };
        named.filter(is_recipient).collect()
    }

    /// The view that a header hints at: the digests of single heads that begin so, with the head of each.
    pub(crate) fn views_hinted(&self, hint: [u8; 8]) -> Vec<(HeadsDigest, OpId)> {
        let digests = self.log.views_hinted(hint);
        digests.filter_map(|digest| Some((*digest, *self.log.view(digest)?.first()?))).collect()
    }

    /// The head behind a digest.
    pub(crate) fn view(&self, digest: &HeadsDigest) -> Option<OpId> {
        self.log.view(digest)?.first().copied()
    }

    /// Evaluates again, after operations or receipts came or time has passed.
    pub(crate) fn evaluate(&mut self, now: UnixMillis) {
        self.current = self.log.evaluate(&self.receipts, Some(now));
    }

    /// Puts an operation in the log and the store. The caller evaluates when it has put all it has.
    pub(crate) fn insert(&mut self, writer: &mut Writer, carried: &CarriedOp) -> Result<Insert, StoreError> {
        let record = self.log.record();
        let Ok(op) = Op::decode(&carried.op) else { return Ok(self.log.insert(&carried.op)) };
        let id = op.id();
        let outcome = self.log.insert_op(op);
        if let Insert::Inserted(ids) = &outcome {
            self.learn(ids);
            for id in ids {
                let Some(op) = self.log.op(id) else { continue };
                writer.put(OP, &Key::of(&record).op(id), op.bytes())?;
                let number = u64::try_from(self.log.len()).unwrap_or(u64::MAX) - u64::try_from(ids.len()).unwrap_or(0);
                let place = ids.iter().position(|other| other == id).unwrap_or(0);
                let key = Key::of(&record).number(number + u64::try_from(place).unwrap_or(0));
                writer.put(OP_ORDER, &key, &id.0)?;
            }
        }
        match &outcome {
            Insert::Inserted(ids) => {
                self.insert_beside(writer, &id, carried)?;
                for id in ids {
                    if let Some(carried) = self.parked.remove(id) {
                        self.insert_beside(writer, id, &carried)?;
                    }
                }
            }
            Insert::Known => self.insert_beside(writer, &id, carried)?,
            Insert::Waiting(_) => self.park(id, carried),
            Insert::Refused(_) => {}
        }
        Ok(outcome)
    }

    fn insert_beside(&mut self, writer: &mut Writer, id: &OpId, carried: &CarriedOp) -> Result<(), StoreError> {
        self.insert_parts(writer, id, &carried.parts)?;
        self.insert_receipts(writer, id, &carried.receipts)
    }

    /// Keeps what came with an operation that waits for its parents, until it can be compared with it.
    fn park(&mut self, id: OpId, carried: &CarriedOp) {
        let bytes = |carried: &CarriedOp| carried.parts.iter().map(Vec::len).sum::<usize>();
        let held: usize = self.parked.values().map(bytes).sum();
        if self.parked.len() < OPS_WAITING_MAX && held.saturating_add(bytes(carried)) <= PARKED_BYTES_MAX {
            self.parked.insert(id, carried.clone());
        }
    }

    /// Learns the views of single heads.
    fn learn(&mut self, heads: &[OpId]) {
        for head in heads {
            // A head that was just inserted is held: it can always be learned.
            let _ = self.log.learn_view(&[*head]);
        }
    }

    fn insert_parts(&mut self, writer: &mut Writer, op: &OpId, parts: &[Vec<u8>]) -> Result<(), StoreError> {
        let record = self.log.record();
        for part in parts {
            if self.take_part(op, part) {
                let hash = carnet_crypto::digest::content_hash(part);
                writer.put(PART, &Key::of(&record).op(op).bytes(&hash), part)?;
            }
        }
        Ok(())
    }

    /// Keeps a part in memory if its operation names it, by its hash or by its Merkle root. What it does not name is
    /// nothing that anyone signed.
    fn take_part(&mut self, op: &OpId, part: &[u8]) -> bool {
        let Some(body) = self.log.op(op).map(Op::body) else { return false };
        if let Ok(proved) = ProvedWrap::decode(part) {
            let is_named = body.rekey().is_some_and(|rekey| proved.proves(&rekey.wraps));
            if is_named {
                self.proved.insert((*op, proved.keys.recipient), proved.keys.sealed);
            }
            return is_named;
        }
        match Detached::decode(part) {
            Ok(Detached::Kem(key)) => {
                let hash = KemHash(Detached::Kem(key.clone()).hash());
                let is_named = named_kems(body).contains(&hash);
                KemPublicKey::from_slice(key.as_slice()).is_ok_and(|key| {
                    if is_named {
                        self.kems.insert(hash, key);
                    }
                    is_named
                })
            }
            Ok(Detached::Wrap(keys)) => {
                let is_named = matches!(body, Body::Wrap(wrap) if wrap.part == Some(keys.hash()));
                if is_named {
                    self.wraps.insert(keys.hash(), keys.sealed);
                }
                is_named
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Keeps receipts whose signature holds.
    pub(crate) fn insert_receipts(
        &mut self,
        writer: &mut Writer,
        op: &OpId,
        receipts: &[(PublicKey, SignedReceipt)],
    ) -> Result<(), StoreError> {
        let record = self.log.record();
        for (relay, receipt) in receipts {
            let Ok(verified) = receipt.verify(relay, &record, op) else { continue };
            self.receipts.add(relay, &verified);
            let mut row = BytesOut::new();
            row.raw(&relay.0);
            receipt.write(&mut row);
            let key = Key::of(&record).op(op).bytes(relay.0.first_chunk::<8>().map_or(&[], |hint| hint.as_slice()));
            writer.put(RECEIPT, &key, row.as_slice())?;
        }
        Ok(())
    }

    /// An operation as it is handed on: with its public keys, with the wrap for `recipient` (all wraps when none is
    /// named), and with its receipts.
    pub(crate) fn carry(
        &self,
        reader: &Reader,
        id: &OpId,
        recipient: Option<&DeviceId>,
    ) -> Result<Option<CarriedOp>, StoreError> {
        let record = self.log.record();
        let Some(op) = self.log.op(id) else { return Ok(None) };
        let mut parts = Vec::new();
        for row in reader.prefix(PART, &Key::of(&record).op(id))? {
            let (_, part) = row?;
            let is_for_another = ProvedWrap::decode(&part)
                .is_ok_and(|proved| recipient.is_some_and(|recipient| *recipient != proved.keys.recipient));
            if !is_for_another {
                parts.push(part);
            }
        }
        let mut receipts = Vec::new();
        for row in reader.prefix(RECEIPT, &Key::of(&record).op(id))? {
            receipts.push(read_receipt(&row?.1).ok_or(StoreError::Damaged)?);
        }
        Ok(Some(CarriedOp { op: op.bytes().to_vec(), parts, receipts }))
    }
}

impl Record<'_> {
    /// Signs an operation as this device, puts it in the log and notes it as to be sent.
    pub(crate) fn sign_op(
        &mut self,
        writer: &mut Writer,
        at: UnixMillis,
        body: Body,
        parts: &[Vec<u8>],
    ) -> Result<OpId, RecordError> {
        self.join_heads(writer, at)?;
        let draft = self.live.members.log.draft(self.live.row.device, at, body);
        self.sign_draft(writer, draft, parts)
    }

    /// Signs an operation as this device that comes after `parents` and not after all that is held.
    pub(crate) fn sign_op_after(
        &mut self,
        writer: &mut Writer,
        at: UnixMillis,
        body: Body,
        parents: Vec<OpId>,
    ) -> Result<OpId, RecordError> {
        let draft = self.live.members.log.draft(self.live.row.device, at, body);
        self.sign_draft(writer, OpDraft { parents, ..draft }, &[])
    }

    fn sign_draft(&mut self, writer: &mut Writer, draft: OpDraft, parts: &[Vec<u8>]) -> Result<OpId, RecordError> {
        let op = draft.sign(&self.live.id, &self.live.signing)?;
        self.accept_own(writer, &op, parts.to_vec())
    }

    /// Puts an operation that was signed here in the log and notes it as to be sent. What others would refuse is not
    /// kept: neither it nor what follows it would ever reach them.
    ///
    /// # Errors
    /// [`RecordError::NotGranted`], [`RecordError::NotAdmitted`]; the store's. The step must not be committed then.
    pub(crate) fn accept_own(
        &mut self,
        writer: &mut Writer,
        op: &Op,
        parts: Vec<Vec<u8>>,
    ) -> Result<OpId, RecordError> {
        let id = op.id();
        let carried = CarriedOp { op: op.bytes().to_vec(), parts, receipts: Vec::new() };
        let members = &mut self.live.members;
        if !matches!(members.insert(writer, &carried)?, Insert::Inserted(_)) {
            return Err(RecordError::Ours("an operation of our own was refused"));
        }
        members.evaluate(op.time());
        members.current.admit(op, op.time())?;
        self.enqueue(writer, &OutboxRow::Op { op: id })?;
        Ok(id)
    }

    /// Publishes `Join` operations until the log has one head.
    ///
    /// The format lets a view name up to 8 heads, whose list would have to travel. A view of one head needs no list:
    /// whoever holds the operation knows the digest. So this device cites one head, always.
    pub(crate) fn join_heads(&mut self, writer: &mut Writer, at: UnixMillis) -> Result<(), RecordError> {
        while self.live.members.log.heads().len() > 1 {
            let draft = self.live.members.log.draft(self.live.row.device, at, Body::Join);
            self.sign_draft(writer, draft, &[])?;
        }
        Ok(())
    }

    /// The digest of the one membership head that the next envelope cites.
    pub(crate) fn heads_to_cite(&mut self, writer: &mut Writer) -> Result<HeadsDigest, RecordError> {
        let now = self.now();
        self.join_heads(writer, now)?;
        Ok(HeadsDigest::of(&self.live.members.log.heads()))
    }

    /// Takes operations in that came from a relay, a peer or a file, and opens the keys that they bring.
    ///
    /// # Errors
    /// The store's. What is refused or misses its parents is no error: see [`OpsReceived`].
    pub fn receive_ops(&mut self, ops: &[CarriedOp]) -> Result<OpsReceived, RecordError> {
        self.commit_or_wait(|record, writer, signing| {
            let mut received = OpsReceived::default();
            for carried in ops {
                match record.live.members.insert(writer, carried)? {
                    Insert::Inserted(ids) => received.added += ids.len(),
                    Insert::Refused(_) => received.refused += 1,
                    Insert::Known | Insert::Waiting(_) => {}
                }
            }
            let now = record.now();
            record.live.members.evaluate(now);
            received.missing = record.live.members.log.missing();
            record.note_standing();
            record.collect_keys(writer)?;
            record.judge_again(writer, signing)?;
            Ok(received)
        })
    }

    /// Notes what this device has become: admitted, or removed.
    fn note_standing(&mut self) {
        let membership = self.live.members.current();
        let device = membership.device(&self.live.row.device);
        self.live.row.standing = match (device, self.live.row.standing) {
            (Some(device), _) if device.is_live => Standing::Member,
            (Some(_), Standing::Member | Standing::Removed) => Standing::Removed,
            (_, standing) => standing,
        };
        if let Some(device) = device {
            self.live.row.principal = device.principal;
            self.live.row.genesis_year = membership.genesis_year();
        }
    }

    /// The heads of the membership log.
    pub fn op_heads(&self) -> Vec<OpId> {
        self.live.members.log.heads()
    }

    /// The operations that one who has `known` lacks, parents first, with what `recipient` needs of their parts (all
    /// of them when none is named).
    ///
    /// # Errors
    /// The store's.
    pub fn ops_since(&self, known: &[OpId], recipient: Option<&DeviceId>) -> Result<Vec<CarriedOp>, RecordError> {
        self.ops(&self.live.members.log.since(known), recipient)
    }

    /// These operations, as far as they are held, with their parts.
    ///
    /// # Errors
    /// The store's.
    pub fn ops(&self, ids: &[OpId], recipient: Option<&DeviceId>) -> Result<Vec<CarriedOp>, RecordError> {
        let reader = self.store.read()?;
        let carried = ids.iter().map(|id| self.live.members.carry(&reader, id, recipient));
        Ok(carried.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }
}

fn read_receipt(row: &[u8]) -> Option<(PublicKey, SignedReceipt)> {
    let mut reader = Bytes::new(row);
    let relay = PublicKey(reader.array("relay").ok()?);
    let receipt = SignedReceipt::read(&mut reader).ok()?;
    Some((relay, receipt))
}

fn unsigned(record: &RecordId, op: &OpId, receipt: &SignedReceipt) -> Receipt {
    Receipt {
        record: *record,
        store_epoch: receipt.store_epoch,
        position: receipt.position,
        time: receipt.time,
        op: *op,
    }
}

/// Bytes of parts that are kept for operations that wait for their parents (local).
const PARKED_BYTES_MAX: usize = 16 << 20;
