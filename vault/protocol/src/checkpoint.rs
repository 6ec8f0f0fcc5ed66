//! What a relay signs: the state of its logs (checkpoints) and the storage of an operation (receipts).
//!
//! A log is a sequence of ids under a running hash: `h_0` is 32 zero bytes, `h_i = H("chain", h_(i-1), id_i)`. A record
//! has one log of operations and one log of envelopes per section. A checkpoint commits to all of them, so that nobody
//! who sees two checkpoints can be shown two histories unnoticed. This module computes and compares; it never decides
//! what an alarm means, keeps nothing and reads no clock. Source: `docs/frames.md`, "Logs, cursors, checkpoints".

mod receipt;
mod short;
mod tree;

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{EnvelopeId, OpId, RecordId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey, Verified},
};

pub use self::{
    receipt::{Receipt, SignedReceipt},
    short::{KnownHeads, Leaves, ShortCheckpoint, VisibleLeaf},
    tree::{leaf, root, root_from_parts, siblings},
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use carnet_crypto::id::SectionId;

    use super::*;

    pub(super) const RECORD: RecordId = RecordId([7; 32]);

    pub(super) fn sections(count: u8) -> BTreeMap<SectionId, Head> {
        (0..count).map(|n| (SectionId([n; 16]), Head::START.append(&[n; 32]))).collect()
    }

    pub(super) fn checkpoint(sections: &BTreeMap<SectionId, Head>) -> Checkpoint {
        Checkpoint {
            record: RECORD,
            store_epoch: 3,
            time: UnixMillis(1_700_000_000_000),
            membership: Head::START.append(&[1; 32]),
            root: root(sections),
        }
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
