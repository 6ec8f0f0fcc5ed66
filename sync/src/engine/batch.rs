//! Putting together what goes into one frame, and what may be believed of operations that come.

use carnet_crypto::{id::OpId, sign::PublicKey};
use carnet_protocol::{
    checkpoint::SignedReceipt,
    frame::{Batch, COALESCED_BYTES, SentOperation},
    membership::{Body, Op},
};
use carnet_vault::{CarriedOp, RecordId};

/// An operation as it goes to a relay or a peer.
pub(crate) fn sent(carried: CarriedOp) -> SentOperation {
    let receipts = carried.receipts.into_iter().map(|(_, receipt)| receipt).take(RECEIPTS_MAX).collect();
    SentOperation { op: carried.op, parts: carried.parts, receipts }
}

const RECEIPTS_MAX: usize = carnet_protocol::frame::pull::RECEIPTS_MAX;

/// Operations in frames of their own size.
pub(crate) fn batches(ops: Vec<CarriedOp>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut batch = Batch::default();
    let mut bytes = 0;
    for carried in ops {
        let size = op_bytes(&carried);
        if bytes + size > COALESCED_BYTES && !batch.operations.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.operations.push(sent(carried));
    }
    if !batch.operations.is_empty() {
        batches.push(batch);
    }
    batches
}

/// About how many bytes an operation takes in a frame.
pub(crate) fn op_bytes(carried: &CarriedOp) -> usize {
    carried.op.len() + carried.parts.iter().map(|part| part.len() + 4).sum::<usize>() + carried.receipts.len() * 90 + 8
}

/// Operations that came, each receipt with the key of the relay that signed it, of those that the record names or
/// `others`. A receipt of nobody that is known is dropped.
pub(crate) fn carried(record: &RecordId, batch: Batch, named: &[PublicKey], others: &[PublicKey]) -> Vec<CarriedOp> {
    let mut keys: Vec<PublicKey> = named.iter().chain(others).copied().collect();
    keys.extend(batch.operations.iter().filter_map(|sent| relay_of(&Op::decode(&sent.op).ok()?)));
    keys.sort_unstable();
    keys.dedup();
    let with_keys = |sent: SentOperation| {
        let id = op_id(&sent.op);
        let signer = |receipt: &SignedReceipt| {
            let id = id?;
            keys.iter().copied().find(|key| receipt.verify(key, record, &id).is_ok())
        };
        let receipts = sent.receipts.iter().filter_map(|receipt| Some((signer(receipt)?, *receipt))).collect();
        CarriedOp { op: sent.op, parts: sent.parts, receipts }
    };
    batch.operations.into_iter().map(with_keys).collect()
}

/// The id of an operation, if it reads.
pub(crate) fn op_id(bytes: &[u8]) -> Option<OpId> {
    Op::decode(bytes).ok().map(|op| op.id())
}

fn relay_of(op: &Op) -> Option<PublicKey> {
    match op.body() {
        Body::Genesis(genesis) => genesis.relay.as_ref().map(|relay| relay.signing),
        Body::SetRelay(relay) => Some(relay.signing),
        _ => None,
    }
}
