//! What a relay signs: the state of its logs (checkpoints) and the storage of an operation (receipts).
//!
//! A log is a sequence of ids under a running hash: `h_0` is 32 zero bytes, `h_i = H("chain", h_(i-1), id_i)`. A record
//! has one log of operations and one log of envelopes per section. A checkpoint commits to all of them, so that nobody
//! who sees two checkpoints can be shown two histories unnoticed. This module computes and compares; it never decides
//! what an alarm means, keeps nothing and reads no clock. Source: `docs/protocol.md`, "Relay".

use std::collections::BTreeMap;

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{EnvelopeId, OpId, RecordId, SectionId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey, Verified},
};

use crate::codec::{DecodeError, Reader, Writer, Wrong};

/// Largest position in a log, and largest instant, in the 6 bytes that frames give them.
pub const U48_MAX: u64 = (1 << 48) - 1;
/// Most sections under one checkpoint.
pub const SECTIONS_MAX: usize = 1_024;
/// Most sibling hashes beside a partial set of leaves: one tree of [`SECTIONS_MAX`] leaves has no more hidden subtrees.
pub const SIBLINGS_MAX: usize = SECTIONS_MAX;

/// Where a log stands: how many ids it holds, and its running hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// Number of ids in the log; positions count from 1.
    pub position: u64,
    /// The running hash after that many ids, 32 bytes.
    pub chain: [u8; 32],
}

impl Head {
    /// An empty log.
    pub const START: Self = Self { position: 0, chain: [0; 32] };

    /// This log with one more id.
    #[must_use]
    pub fn append(&self, id: &[u8; 32]) -> Self {
        Self { position: self.position.saturating_add(1), chain: digest::hash("chain", &[&self.chain, id]) }
    }

    /// This log with one more envelope.
    #[must_use]
    pub fn append_envelope(&self, id: &EnvelopeId) -> Self {
        self.append(id.as_bytes())
    }

    /// This log with one more operation.
    #[must_use]
    pub fn append_operation(&self, id: &OpId) -> Self {
        self.append(id.as_bytes())
    }

    /// The first 8 bytes of the running hash, which a cursor shows.
    pub fn hint(&self) -> [u8; 8] {
        self.chain.first_chunk().copied().unwrap_or_default()
    }

    /// Appends position (variable) and running hash (32 bytes).
    pub fn write(&self, to: &mut Writer) {
        to.varint(self.position).raw(&self.chain);
    }

    /// Reads what [`Head::write`] wrote. Position 0 has the running hash of an empty log and no other.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let position = from.varint(U48_MAX, "position")?;
        let chain = from.array("running hash")?;
        if position == 0 && chain != Self::START.chain {
            return Err(from.malformed("running hash", Wrong::Value));
        }
        Ok(Self { position, chain })
    }
}

/// The leaf of a section under a checkpoint: `H("leaf", sid, position as 8 bytes, h)`.
pub fn leaf(section: &SectionId, head: &Head) -> [u8; 32] {
    digest::hash("leaf", &[section.as_bytes(), &head.position.to_le_bytes(), &head.chain])
}

/// The Merkle root over the leaves of all sections, in the order of their ids.
///
/// A tree of `n > 1` leaves has the largest power of two below `n` leaves on its left (the shape of RFC 9162, 2.1.1);
/// a node is `H("node", left, right)`, the tree without leaves is `H("node")`.
pub fn root(sections: &BTreeMap<SectionId, Head>) -> [u8; 32] {
    let leaves: Vec<_> = sections.iter().map(|(section, head)| leaf(section, head)).collect();
    subtree(&leaves)
}

/// The hashes of the largest subtrees that hold no visible leaf, from left to right: what someone who computes the
/// visible leaves needs besides.
pub fn siblings(sections: &BTreeMap<SectionId, Head>, visible: impl Fn(&SectionId) -> bool) -> Vec<[u8; 32]> {
    let leaves: Vec<_> = sections.iter().map(|(section, head)| (visible(section), leaf(section, head))).collect();
    let mut hidden = Vec::new();
    collect_hidden(&leaves, &mut hidden);
    hidden
}

/// The root of a tree of `total` leaves, of which `visible` are known by index (ascending) and the others stand behind
/// the sibling hashes; nothing when the parts do not make one tree exactly.
pub fn root_from_parts(total: usize, visible: &[(usize, [u8; 32])], siblings: &[[u8; 32]]) -> Option<[u8; 32]> {
    if total > SECTIONS_MAX || visible.iter().any(|(index, _)| *index >= total) {
        return None;
    }
    if visible.iter().zip(visible.iter().skip(1)).any(|((a, _), (b, _))| a >= b) {
        return None;
    }
    let mut siblings = siblings.iter();
    let root = if total == 0 { subtree(&[]) } else { rebuild(0, total, visible, &mut siblings)? };
    siblings.next().is_none().then_some(root)
}

fn subtree(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => digest::hash("node", &[]),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(left_size(many.len()));
            digest::hash("node", &[&subtree(left), &subtree(right)])
        }
    }
}

fn collect_hidden(leaves: &[(bool, [u8; 32])], hidden: &mut Vec<[u8; 32]>) {
    if leaves.is_empty() {
        return;
    }
    if leaves.iter().all(|(visible, _)| !visible) {
        let hashes: Vec<_> = leaves.iter().map(|(_, hash)| *hash).collect();
        hidden.push(subtree(&hashes));
    } else if leaves.len() > 1 {
        let (left, right) = leaves.split_at(left_size(leaves.len()));
        collect_hidden(left, hidden);
        collect_hidden(right, hidden);
    }
}

/// `visible` holds the visible leaves of this subtree, which starts at leaf `start`.
fn rebuild<'a>(
    start: usize,
    size: usize,
    visible: &[(usize, [u8; 32])],
    siblings: &mut impl Iterator<Item = &'a [u8; 32]>,
) -> Option<[u8; 32]> {
    match (visible, size) {
        ([], _) => siblings.next().copied(),
        ([(_, hash)], 1) => Some(*hash),
        _ => {
            let left = left_size(size);
            let middle = start.checked_add(left)?;
            let (before, after) = visible.split_at(visible.partition_point(|(index, _)| *index < middle));
            let left_hash = rebuild(start, left, before, siblings)?;
            let right_hash = rebuild(middle, size.checked_sub(left)?, after, siblings)?;
            Some(digest::hash("node", &[&left_hash, &right_hash]))
        }
    }
}

/// The largest power of two below `size`, for `size` above 1.
fn left_size(size: usize) -> usize {
    size.div_ceil(2).checked_next_power_of_two().unwrap_or(1)
}

/// A relay's statement of where all logs of one record stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The record.
    pub record: RecordId,
    /// The life of the relay's store that the positions belong to; a restored store begins a new one.
    pub store_epoch: u64,
    /// The relay's clock when it signed.
    pub time: UnixMillis,
    /// The membership log.
    pub membership: Head,
    /// [`root`] over all sections that hold at least one envelope.
    pub root: [u8; 32],
}

impl Checkpoint {
    /// What is signed: `H("checkpoint", record, store epoch, time, membership position, membership h, root)`, numbers
    /// as 8 bytes.
    pub fn hash(&self) -> [u8; 32] {
        digest::hash(
            "checkpoint",
            &[
                self.record.as_bytes(),
                &self.store_epoch.to_le_bytes(),
                &self.time.0.to_le_bytes(),
                &self.membership.position.to_le_bytes(),
                &self.membership.chain,
                &self.root,
            ],
        )
    }

    /// The checkpoint under the relay's signature.
    pub fn sign(self, key: &SigningKey) -> SignedCheckpoint {
        let signature = key.sign(Domain::Checkpoint, &self.record, &self.hash());
        SignedCheckpoint { checkpoint: self, signature }
    }

    /// How this checkpoint follows `earlier`, as far as the two alone can tell.
    pub fn compare(&self, earlier: &Self) -> Succession {
        if self.record != earlier.record {
            return Succession::Fork;
        }
        if self.store_epoch != earlier.store_epoch {
            return if self.store_epoch > earlier.store_epoch { Succession::Restored } else { Succession::Rollback };
        }
        if self.membership.position < earlier.membership.position {
            return Succession::Rollback;
        }
        if self.membership.position == earlier.membership.position && self.membership.chain != earlier.membership.chain
        {
            return Succession::Fork;
        }
        Succession::Possible
    }
}

/// How one checkpoint of a record follows another. The running hashes decide the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// The same, or further on.
    Possible,
    /// Of a later life of the store: offer again what it lacks.
    Restored,
    /// Behind what was seen: alarm.
    Rollback,
    /// Another history: alarm.
    Fork,
}

/// A checkpoint with the signature that goes with it, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What the relay states.
    pub checkpoint: Checkpoint,
    /// Its signature over [`Checkpoint::hash`].
    pub signature: Signature,
}

impl SignedCheckpoint {
    /// Longest encoding, in bytes.
    pub const BYTES_MAX: usize = 32 + 10 + 6 + 7 + 32 + 32 + 64;

    /// The checkpoint, proved to be signed by `relay`.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, relay: &PublicKey) -> Result<Verified<Checkpoint>, BadSignature> {
        let checkpoint = self.checkpoint;
        let proof = relay.verify(Domain::Checkpoint, &checkpoint.record, checkpoint.hash(), &self.signature)?;
        Ok(proof.stands_for(checkpoint))
    }

    /// Appends the whole checkpoint, as `Remove` and `Recover` cite it.
    pub fn write(&self, to: &mut Writer) {
        let checkpoint = &self.checkpoint;
        to.raw(checkpoint.record.as_bytes()).varint(checkpoint.store_epoch).u48(checkpoint.time.0);
        checkpoint.membership.write(to);
        to.raw(&checkpoint.root).raw(&self.signature.0);
    }

    /// Reads what [`SignedCheckpoint::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let record = RecordId(from.array("record")?);
        let store_epoch = from.varint(u64::MAX, "store epoch")?;
        let time = UnixMillis(from.u48("time")?);
        let membership = Head::read(from)?;
        let root = from.array("root")?;
        let signature = Signature(from.array("signature")?);
        Ok(Self { checkpoint: Checkpoint { record, store_epoch, time, membership, root }, signature })
    }
}

/// A relay's statement that it stored an operation durably, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The record.
    pub record: RecordId,
    /// The life of the relay's store.
    pub store_epoch: u64,
    /// Position of the operation in the membership log, from 1.
    pub position: u64,
    /// The relay's clock when it stored the operation.
    pub time: UnixMillis,
    /// The operation.
    pub op: OpId,
}

impl Receipt {
    /// What is signed: `H("receipt", record, store epoch, position, time, op id)`, numbers as 8 bytes.
    pub fn hash(&self) -> [u8; 32] {
        digest::hash(
            "receipt",
            &[
                self.record.as_bytes(),
                &self.store_epoch.to_le_bytes(),
                &self.position.to_le_bytes(),
                &self.time.0.to_le_bytes(),
                self.op.as_bytes(),
            ],
        )
    }

    /// The receipt under the relay's signature.
    pub fn sign(self, key: &SigningKey) -> SignedReceipt {
        let signature = key.sign(Domain::Receipt, &self.record, &self.hash());
        SignedReceipt { store_epoch: self.store_epoch, position: self.position, time: self.time, signature }
    }
}

/// A receipt as it travels: the record and the operation are known from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    /// See [`Receipt::store_epoch`].
    pub store_epoch: u64,
    /// See [`Receipt::position`].
    pub position: u64,
    /// See [`Receipt::time`].
    pub time: UnixMillis,
    /// The relay's signature over [`Receipt::hash`].
    pub signature: Signature,
}

impl SignedReceipt {
    /// Shortest encoding, in bytes.
    pub const BYTES_MIN: usize = 1 + 1 + 6 + 64;

    /// The receipt for `op` of `record`, proved to be signed by `relay`.
    ///
    /// # Errors
    /// [`BadSignature`], also when it is a receipt for another operation.
    pub fn verify(&self, relay: &PublicKey, record: &RecordId, op: &OpId) -> Result<Verified<Receipt>, BadSignature> {
        let receipt = Receipt {
            record: *record,
            store_epoch: self.store_epoch,
            position: self.position,
            time: self.time,
            op: *op,
        };
        Ok(relay.verify(Domain::Receipt, record, receipt.hash(), &self.signature)?.stands_for(receipt))
    }

    /// Appends store epoch, position (both variable), time (6 bytes) and signature.
    pub fn write(&self, to: &mut Writer) {
        to.varint(self.store_epoch).varint(self.position).u48(self.time.0).raw(&self.signature.0);
    }

    /// Reads what [`SignedReceipt::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            store_epoch: from.varint(u64::MAX, "store epoch")?,
            position: from.varint(U48_MAX, "position")?,
            time: UnixMillis(from.u48("time")?),
            signature: Signature(from.array("signature")?),
        })
    }
}

/// What one stream has shown of the logs of a record, kept alike at both of its ends, so that a checkpoint can leave
/// out what the other end computes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHeads {
    /// The membership log, once a pull has named its place in it.
    pub membership: Option<Head>,
    /// The sections whose place in the log both ends know.
    pub sections: BTreeMap<SectionId, Head>,
}

impl KnownHeads {
    /// Both ends saw this envelope being appended to the log of `section`, or one of them offered it and the other did
    /// not refuse it. Where it was appended elsewhere the next checkpoint says so.
    pub fn expect_envelope(&mut self, section: &SectionId, id: &EnvelopeId) {
        let head = self.sections.entry(*section).or_insert(Head::START);
        *head = head.append_envelope(id);
    }

    /// As [`KnownHeads::expect_envelope`], of the membership log.
    pub fn expect_operation(&mut self, id: &OpId) {
        self.membership = self.membership.map(|head| head.append_operation(id));
    }

    /// The log of `section` went on in a way that its receiver cannot follow by running hash.
    pub fn forget(&mut self, section: &SectionId) {
        self.sections.remove(section);
    }

    /// A pull begins: what both ends know is what it names.
    pub fn restart(&mut self, membership: Option<Head>, sections: BTreeMap<SectionId, Head>) {
        *self = Self { membership, sections };
    }

    /// The checkpoint as the other end of the stream needs it; what it shows becomes known. `visible` says which
    /// sections the other end may see.
    pub fn shorten(
        &mut self,
        signed: &SignedCheckpoint,
        sections: &BTreeMap<SectionId, Head>,
        visible: impl Fn(&SectionId) -> bool,
    ) -> ShortCheckpoint {
        let checkpoint = &signed.checkpoint;
        let membership = (self.membership != Some(checkpoint.membership)).then_some(checkpoint.membership);
        let leaves = if membership.is_none() && self.sections == *sections {
            Leaves::AllKnown
        } else {
            let shown = sections.iter().enumerate().filter(|(_, (section, _))| visible(section));
            let visible_leaves: Vec<_> = shown
                .map(|(index, (section, head))| VisibleLeaf {
                    index,
                    section: *section,
                    head: (self.sections.get(section) != Some(head)).then_some(*head),
                })
                .collect();
            self.learn(&visible_leaves);
            Leaves::Partial {
                membership,
                total: sections.len(),
                visible: visible_leaves,
                siblings: siblings(sections, visible),
            }
        };
        self.membership = Some(checkpoint.membership);
        ShortCheckpoint {
            store_epoch: checkpoint.store_epoch,
            time: checkpoint.time,
            leaves,
            signature: signed.signature,
        }
    }

    /// What is shown is known from now on, and nothing else.
    fn learn(&mut self, shown: &[VisibleLeaf]) {
        let head = |leaf: &VisibleLeaf| leaf.head.or(self.sections.get(&leaf.section).copied());
        self.sections = shown.iter().filter_map(|leaf| Some((leaf.section, head(leaf)?))).collect();
    }

    /// The whole checkpoint that `short` stands for, not yet verified, with the sections it shows. What it shows becomes
    /// known. Nothing when it counts on a head that is not known here or its parts do not make one tree.
    pub fn complete(&mut self, record: RecordId, short: &ShortCheckpoint) -> Option<SignedCheckpoint> {
        let (membership, root) = match &short.leaves {
            Leaves::AllKnown => (self.membership?, root(&self.sections)),
            Leaves::Partial { membership, total, visible, siblings } => {
                let membership = membership.or(self.membership)?;
                let mut leaves = Vec::with_capacity(visible.len());
                for shown in visible {
                    let head = shown.head.or_else(|| self.sections.get(&shown.section).copied())?;
                    leaves.push((shown.index, leaf(&shown.section, &head)));
                }
                let root = root_from_parts(*total, &leaves, siblings)?;
                self.learn(visible);
                (membership, root)
            }
        };
        self.membership = Some(membership);
        let checkpoint = Checkpoint { record, store_epoch: short.store_epoch, time: short.time, membership, root };
        Some(SignedCheckpoint { checkpoint, signature: short.signature })
    }
}

/// A checkpoint without what the other end of the stream knows already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortCheckpoint {
    /// See [`Checkpoint::store_epoch`].
    pub store_epoch: u64,
    /// See [`Checkpoint::time`].
    pub time: UnixMillis,
    /// What is needed to compute the root.
    pub leaves: Leaves,
    /// The relay's signature over the whole checkpoint.
    pub signature: Signature,
}

/// What a short checkpoint says of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Every log stands where this stream knows it to stand, and there is no other.
    AllKnown,
    /// Some logs moved, or some are not shown.
    Partial {
        /// The membership log, unless it stands where the stream knows it to stand.
        membership: Option<Head>,
        /// Number of sections under the root.
        total: usize,
        /// The sections the receiver may see, by ascending index.
        visible: Vec<VisibleLeaf>,
        /// See [`siblings`].
        siblings: Vec<[u8; 32]>,
    },
}

/// A section shown by a short checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibleLeaf {
    /// Its index among all sections, in the order of their ids.
    pub index: usize,
    /// The section.
    pub section: SectionId,
    /// Where its log stands; absent when the stream knows it.
    pub head: Option<Head>,
}

impl ShortCheckpoint {
    /// Appends the short checkpoint.
    pub fn write(&self, to: &mut Writer) {
        to.varint(self.store_epoch).u48(self.time.0).raw(&self.signature.0);
        match &self.leaves {
            Leaves::AllKnown => {
                to.u8(0);
            }
            Leaves::Partial { membership, total, visible, siblings } => {
                to.u8(1);
                write_head(to, membership.as_ref());
                to.count(*total).count(visible.len());
                for shown in visible {
                    to.count(shown.index).raw(shown.section.as_bytes());
                    write_head(to, shown.head.as_ref());
                }
                to.count(siblings.len());
                for sibling in siblings {
                    to.raw(sibling);
                }
            }
        }
    }

    /// Reads what [`ShortCheckpoint::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let store_epoch = from.varint(u64::MAX, "store epoch")?;
        let time = UnixMillis(from.u48("time")?);
        let signature = Signature(from.array("signature")?);
        let leaves = if from.presence("leaves")? {
            let membership = read_head(from)?;
            let total = from.count(SECTIONS_MAX, 0, "sections")?;
            let visible = from.sorted(total, 18, "visible leaves", |from| read_leaf(from, total), |leaf| leaf.index)?;
            let siblings = from.list(SIBLINGS_MAX, 32, "siblings", |from| from.array("sibling"))?;
            Leaves::Partial { membership, total, visible, siblings }
        } else {
            Leaves::AllKnown
        };
        Ok(Self { store_epoch, time, leaves, signature })
    }
}

fn read_leaf(from: &mut Reader<'_>, total: usize) -> Result<VisibleLeaf, DecodeError> {
    Ok(VisibleLeaf {
        index: from.count(total.saturating_sub(1), 0, "index")?,
        section: SectionId(from.array("section")?),
        head: read_head(from)?,
    })
}

fn write_head(to: &mut Writer, head: Option<&Head>) {
    to.presence(head.is_some());
    if let Some(head) = head {
        head.write(to);
    }
}

fn read_head(from: &mut Reader<'_>) -> Result<Option<Head>, DecodeError> {
    if from.presence("head")? { Head::read(from).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: RecordId = RecordId([7; 32]);

    fn sections(count: u8) -> BTreeMap<SectionId, Head> {
        (0..count).map(|n| (SectionId([n; 16]), Head::START.append(&[n; 32]))).collect()
    }

    fn checkpoint(sections: &BTreeMap<SectionId, Head>) -> Checkpoint {
        Checkpoint {
            record: RECORD,
            store_epoch: 3,
            time: UnixMillis(1_700_000_000_000),
            membership: Head::START.append(&[1; 32]),
            root: root(sections),
        }
    }

    #[test]
    fn every_part_of_a_tree_rebuilds_the_same_root() {
        for count in 0..18_u8 {
            let all = sections(count);
            for mask in [0_u32, 1, 0b1010, 0b1100_0110, u32::MAX] {
                let visible = |id: &SectionId| mask & (1 << id.0[0]) != 0;
                let leaves: Vec<_> = all
                    .iter()
                    .enumerate()
                    .filter(|(_, (id, _))| visible(id))
                    .map(|(index, (id, head))| (index, leaf(id, head)))
                    .collect();
                let hidden = siblings(&all, visible);
                let total = usize::from(count);
                assert_eq!(root_from_parts(total, &leaves, &hidden), Some(root(&all)), "{count} {mask:b}");
                let mut more = hidden.clone();
                more.push([0; 32]);
                assert_eq!(root_from_parts(total, &leaves, &more), None);
                if !hidden.is_empty() {
                    assert_eq!(root_from_parts(total, &leaves, &hidden[1..]), None);
                }
            }
        }
    }

    #[test]
    fn atk_35_a_root_commits_to_every_section_and_its_place() {
        let all = sections(5);
        let mut moved = all.clone();
        moved.insert(SectionId([3; 16]), Head::START.append(&[3; 32]).append(&[4; 32]));
        assert_ne!(root(&all), root(&moved));
        let mut fewer = all.clone();
        fewer.remove(&SectionId([3; 16]));
        assert_ne!(root(&all), root(&fewer));
    }

    #[test]
    fn signatures_hold_for_what_was_signed_and_nothing_else() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = checkpoint(&sections(2)).sign(&key);
        assert!(signed.verify(&key.public()).is_ok());
        for changed in [
            Checkpoint { store_epoch: 4, ..signed.checkpoint },
            Checkpoint { time: UnixMillis(1), ..signed.checkpoint },
            Checkpoint { membership: Head::START, ..signed.checkpoint },
            Checkpoint { root: [0; 32], ..signed.checkpoint },
            Checkpoint { record: RecordId([8; 32]), ..signed.checkpoint },
        ] {
            let forged = SignedCheckpoint { checkpoint: changed, signature: signed.signature };
            assert!(forged.verify(&key.public()).is_err());
        }
        let receipt = Receipt { record: RECORD, store_epoch: 1, position: 2, time: UnixMillis(5), op: OpId([9; 32]) };
        let sent = receipt.sign(&key);
        assert_eq!(sent.verify(&key.public(), &RECORD, &receipt.op).map(Verified::into_inner), Ok(receipt));
        assert!(sent.verify(&key.public(), &RECORD, &OpId([8; 32])).is_err());
    }

    #[test]
    fn atk_1_atk_2_a_checkpoint_behind_or_beside_another_is_told() {
        let now = checkpoint(&sections(1));
        let later = Checkpoint { membership: now.membership.append(&[2; 32]), ..now };
        let aside = Checkpoint { membership: Head::START.append(&[5; 32]), ..now };
        assert_eq!(later.compare(&now), Succession::Possible);
        assert_eq!(now.compare(&later), Succession::Rollback);
        assert_eq!(aside.compare(&now), Succession::Fork);
        assert_eq!(Checkpoint { store_epoch: 4, ..now }.compare(&later), Succession::Restored);
        assert_eq!(now.compare(&Checkpoint { store_epoch: 4, ..now }), Succession::Rollback);
    }

    #[test]
    fn a_short_checkpoint_reads_back_and_completes() {
        let key = SigningKey::from_seed(&[1; 32]);
        let all = sections(6);
        let signed = checkpoint(&all).sign(&key);
        let mut knows_all = KnownHeads { membership: Some(signed.checkpoint.membership), sections: all.clone() };
        let mut knows_nothing = KnownHeads::default();
        let mut knows_some = KnownHeads {
            membership: None,
            sections: [(SectionId([0; 16]), all[&SectionId([0; 16])]), (SectionId([1; 16]), Head::START)].into(),
        };
        for (known, seen) in [(&mut knows_all, 6_u8), (&mut knows_nothing, 6), (&mut knows_some, 2)] {
            let mut other_end = known.clone();
            let short = other_end.shorten(&signed, &all, |id| id.0[0] < seen);
            let mut writer = Writer::new();
            short.write(&mut writer);
            let mut reader = Reader::new(writer.as_slice());
            let read = ShortCheckpoint::read(&mut reader).unwrap();
            reader.finish("checkpoint").unwrap();
            assert_eq!(read, short);
            let whole = known.complete(RECORD, &read).unwrap();
            assert_eq!(whole, signed);
            assert_eq!(*known, other_end, "both ends know the same");
            assert_eq!(known.sections.len(), usize::from(seen));
        }
        let mut stranger = KnownHeads::default();
        let short = knows_all.shorten(&signed, &all, |_| true);
        assert_eq!(short.leaves, Leaves::AllKnown);
        assert_eq!(stranger.complete(RECORD, &short), None);
    }

    #[test]
    fn both_ends_of_a_stream_follow_what_is_pushed_and_pulled() {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut truth = sections(2);
        let mut relay = KnownHeads { membership: Some(Head::START), sections: truth.clone() };
        let mut device = relay.clone();
        let first = SectionId([0; 16]);
        for id in [[1; 32], [2; 32]] {
            for known in [&mut relay, &mut device] {
                known.expect_envelope(&first, &EnvelopeId(id));
                known.expect_operation(&OpId(id));
            }
            truth.insert(first, truth[&first].append(&id));
        }
        // Somebody else's envelope came in between, and one that both expected was not new.
        let second = SectionId([1; 16]);
        truth.insert(second, truth[&second].append(&[9; 32]));
        for known in [&mut relay, &mut device] {
            known.expect_envelope(&SectionId([7; 16]), &EnvelopeId([3; 32]));
        }
        let membership = Head::START.append(&[1; 32]).append(&[2; 32]);
        for all_known in [false, true] {
            let signed = Checkpoint { membership, ..checkpoint(&truth) }.sign(&key);
            let short = relay.shorten(&signed, &truth, |_| true);
            assert_eq!(short.leaves == Leaves::AllKnown, all_known);
            assert_eq!(device.complete(RECORD, &short), Some(signed));
            assert_eq!(relay, device);
        }
    }

    #[test]
    fn a_whole_checkpoint_reads_back() {
        let signed = checkpoint(&sections(3)).sign(&SigningKey::from_seed(&[1; 32]));
        let mut writer = Writer::new();
        signed.write(&mut writer);
        assert!(writer.len() <= SignedCheckpoint::BYTES_MAX);
        let mut reader = Reader::new(writer.as_slice());
        assert_eq!(SignedCheckpoint::read(&mut reader), Ok(signed));
        assert_eq!(reader.remaining(), 0);
    }
}
