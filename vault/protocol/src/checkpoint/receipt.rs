//! A relay's signed statement that it stored an operation durably: what orders removals.
//!
//! Source: `docs/frames.md`, "Logs, cursors, checkpoints"; `docs/membership.md`.

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{OpId, RecordId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey, Verified},
};

use super::U48_MAX;
use crate::codec::{DecodeError, Reader, Writer};

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
