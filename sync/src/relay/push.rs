//! Handing over what waits to be sent, in the order in which it was signed.

use std::collections::BTreeMap;

use carnet_crypto::{
    id::{EnvelopeId, ObjectId, OpId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::SignedReceipt,
    frame::{Frame, Item, Push, Pushed, Refusal, SectionRef},
};
use carnet_vault::{
    CarriedOp, RecordId,
    replica::{Outgoing, OutgoingItem},
};

use super::{Session, raise, refusal};
use crate::{
    engine::{batch, relay::Pushed as Stored},
    error::{Alarm, SyncError},
    event::{Event, Tell},
    shared::with_record,
};

/// Bytes of operations and envelopes in one push, about.
const PUSH_BYTES: usize = 256 << 10;
/// Operations and envelopes in one push, at most.
const PUSH_ITEMS_MAX: usize = 1_024;

/// What handing over came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handed {
    /// Whether others wrote meanwhile, so that a pull is due.
    pub(crate) has_moved: bool,
    /// The operations that hide too much of what lies at the relay.
    late: Vec<OpId>,
    taken: usize,
    refused: usize,
}

impl Handed {
    /// Whether what was refused may be taken now that more is there.
    pub(crate) fn is_worth_another_turn(&self) -> bool {
        self.taken > 0 && self.refused > 0
    }
}

/// One thing on its way, with its place in the outbox if it has one.
struct Sending {
    number: Option<u64>,
    item: Item,
    name: Name,
}

#[derive(Clone, Copy)]
enum Name {
    Envelope(SectionId, EnvelopeId),
    Op(OpId),
}

impl Session {
    /// Hands over everything that waits, and operations that the relay may lack.
    pub(crate) async fn push(&mut self, tell: Tell<'_>) -> Result<Handed, SyncError> {
        let mut handed = Handed::default();
        self.synced.refused.clear();
        self.push_unreceipted(&mut handed, tell).await?;
        let mut from = 0;
        loop {
            let batch =
                with_record(&self.vault, self.record, move |record| record.outbox_from(from, PUSH_BYTES)).await?;
            let Some(last) = batch.last() else { return Ok(handed) };
            from = last.number.saturating_add(1);
            self.push_batch(batch, &mut handed, tell).await?;
        }
    }

    /// Adopts what removals hide that the relay does not take because of it. Whether they may be taken now.
    pub(crate) async fn adopt_hidden(&mut self, handed: Handed) -> Result<bool, SyncError> {
        let (late, relay) = (handed.late, self.relay);
        if late.is_empty() {
            return Ok(false);
        }
        let adopted = with_record(&self.vault, self.record, move |record| record.adopt_hidden(&late, &relay)).await?;
        let Some(envelopes) = adopted else { return Ok(false) };
        let count = usize::try_from(envelopes).unwrap_or(usize::MAX);
        self.synced.has_adopted = true;
        self.synced.received.quarantined = self.synced.received.quarantined.saturating_sub(count);
        self.synced.received.accepted += count;
        Ok(true)
    }

    /// Hands over the operations that no receipt shows to be at the relay, and nothing else.
    pub(crate) async fn say_operations(&mut self, tell: Tell<'_>) -> Result<(), SyncError> {
        let mut handed = Handed::default();
        let relay = self.relay;
        let ops = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            Ok(record.ops(&record.ops_without_receipt(&relay), None)?)
        });
        self.push_ops(ops.await?, &mut handed, tell).await
    }

    /// Operations that came from a peer or a file, and that no receipt shows to be at the relay. Those of this device
    /// stand in the outbox, with the objects that belong before them.
    async fn push_unreceipted(&mut self, handed: &mut Handed, tell: Tell<'_>) -> Result<(), SyncError> {
        let relay = self.relay;
        let ops = with_record(&self.vault, self.record, move |record| -> Result<_, SyncError> {
            let queued = record.queued_ops()?;
            let ids: Vec<OpId> =
                record.ops_without_receipt(&relay).into_iter().filter(|id| !queued.contains(id)).collect();
            Ok(record.ops(&ids, None)?)
        });
        self.push_ops(ops.await?, handed, tell).await
    }

    async fn push_ops(&mut self, ops: Vec<CarriedOp>, handed: &mut Handed, tell: Tell<'_>) -> Result<(), SyncError> {
        let mut sending = Vec::new();
        let mut bytes = 0;
        for carried in ops {
            bytes += batch::op_bytes(&carried);
            sending.extend(of_op(None, carried));
            if bytes > PUSH_BYTES || sending.len() >= PUSH_ITEMS_MAX {
                self.push_items(std::mem::take(&mut sending), handed, tell).await?;
                bytes = 0;
            }
        }
        self.push_items(sending, handed, tell).await
    }

    /// One part of the outbox: objects go before what names them.
    async fn push_batch(&mut self, batch: Vec<Outgoing>, handed: &mut Handed, tell: Tell<'_>) -> Result<(), SyncError> {
        let mut sending = Vec::new();
        for Outgoing { number, item } in batch {
            match item {
                OutgoingItem::Object(object) => {
                    self.push_items(std::mem::take(&mut sending), handed, tell).await?;
                    self.push_object(number, object, handed, tell).await?;
                }
                OutgoingItem::Op(carried) => sending.extend(of_op(Some(number), carried)),
                OutgoingItem::Envelope { section, id, bytes } => sending.push(Sending {
                    number: Some(number),
                    item: Item::Envelope(SectionRef::Named(section), bytes),
                    name: Name::Envelope(section, id),
                }),
            }
            if sending.len() >= PUSH_ITEMS_MAX {
                self.push_items(std::mem::take(&mut sending), handed, tell).await?;
            }
        }
        self.push_items(sending, handed, tell).await
    }

    async fn push_object(
        &mut self,
        number: u64,
        object: ObjectId,
        handed: &mut Handed,
        tell: Tell<'_>,
    ) -> Result<(), SyncError> {
        if let Some(refused) = self.upload(object, tell).await? {
            handed.refused += 1;
            self.note_refusal(refused, tell);
            return Ok(());
        }
        handed.taken += 1;
        with_record(&self.vault, self.record, move |record| record.acknowledge(&[number], &[])).await?;
        Ok(())
    }

    async fn push_items(
        &mut self,
        sending: Vec<Sending>,
        handed: &mut Handed,
        tell: Tell<'_>,
    ) -> Result<(), SyncError> {
        if sending.is_empty() {
            return Ok(());
        }
        let (items, names): (Vec<_>, Vec<_>) =
            sending.into_iter().map(|sending| (sending.item, (sending.number, sending.name))).unzip();
        let pushed = match self.ask(&Frame::Push(Push { items })).await? {
            Frame::Pushed(pushed) => pushed,
            other => return Err(refusal(&other)),
        };
        let outcome = judge(&self.relay, &self.record, &pushed, &names);
        let has_settled = match self.follow.pushed(&outcome.taken, &pushed.checkpoint) {
            Ok(settled) => settled,
            Err(alarm) => return Err(raise(alarm, tell)),
        };
        handed.has_moved |= !has_settled;
        handed.taken += outcome.taken.len();
        handed.refused += outcome.refused.len();
        handed.late.extend(outcome.late);
        self.synced.sent += outcome.taken.len();
        for refused in outcome.refused {
            self.note_refusal(refused, tell);
        }
        let Outcome { numbers, receipts, .. } = outcome;
        if !outcome.taken.is_empty() {
            tell(Event::Sent { items: outcome.taken.len() });
        }
        with_record(&self.vault, self.record, move |record| record.acknowledge(&numbers, &receipts)).await?;
        if outcome.is_unproved { Err(raise(Alarm::Receipt, tell)) } else { Ok(()) }
    }

    fn note_refusal(&mut self, refused: Refusal, tell: Tell<'_>) {
        self.synced.refused.push(refused);
        tell(Event::Refused(refused));
    }
}

#[derive(Default)]
struct Outcome {
    taken: Vec<Stored>,
    refused: Vec<Refusal>,
    /// Operations that hide too much of what lies at the relay.
    late: Vec<OpId>,
    numbers: Vec<u64>,
    receipts: Vec<(OpId, PublicKey, SignedReceipt)>,
    is_unproved: bool,
}

/// What became of each item: nothing leaves the outbox that is refused, or whose receipt is not the relay's.
fn judge(relay: &PublicKey, record: &RecordId, pushed: &Pushed, names: &[(Option<u64>, Name)]) -> Outcome {
    let refusals: BTreeMap<u16, Refusal> = pushed.refusals.iter().copied().collect();
    let receipts: BTreeMap<u16, SignedReceipt> = pushed.receipts.iter().copied().collect();
    let mut outcome = Outcome::default();
    for (index, (number, name)) in (0_u16..).zip(names) {
        if let Some(refused) = refusals.get(&index) {
            outcome.refused.push(*refused);
            if let (Refusal::Frontier, Name::Op(id)) = (refused, name) {
                outcome.late.push(*id);
            }
            continue;
        }
        match name {
            Name::Envelope(section, id) => outcome.taken.push(Stored::Envelope(*section, *id)),
            Name::Op(id) => {
                outcome.taken.push(Stored::Operation(*id));
                let receipt = receipts.get(&index);
                let proved = receipt.filter(|it| it.verify(relay, record, id).is_ok());
                let Some(receipt) = proved else {
                    outcome.is_unproved = true;
                    continue;
                };
                outcome.receipts.push((*id, *relay, *receipt));
            }
        }
        outcome.numbers.extend(number);
    }
    outcome
}

fn of_op(number: Option<u64>, carried: CarriedOp) -> Option<Sending> {
    let id = batch::op_id(&carried.op)?;
    Some(Sending { number, item: Item::Operation(batch::sent(carried)), name: Name::Op(id) })
}

#[cfg(test)]
mod tests {
    use carnet_crypto::{door::UnixMillis, sign::SigningKey};
    use carnet_protocol::checkpoint::{Leaves, Receipt, ShortCheckpoint};

    use super::*;

    const RECORD: RecordId = RecordId([1; 32]);
    const OP: OpId = OpId([2; 32]);

    fn receipt(key: &SigningKey, op: OpId) -> SignedReceipt {
        Receipt { record: RECORD, store_epoch: 1, position: 4, time: UnixMillis(9), op }.sign(key)
    }

    fn answer(receipts: Vec<(u16, SignedReceipt)>, refusals: Vec<(u16, Refusal)>) -> Pushed {
        let signature = carnet_crypto::sign::Signature([0; 64]);
        let checkpoint = ShortCheckpoint { store_epoch: 1, time: UnixMillis(9), leaves: Leaves::AllKnown, signature };
        Pushed { receipts, refusals, checkpoint }
    }

    fn names() -> Vec<(Option<u64>, Name)> {
        let envelope = |n| Name::Envelope(SectionId([3; 16]), EnvelopeId([n; 32]));
        vec![(Some(10), Name::Op(OP)), (Some(11), envelope(1)), (Some(12), envelope(2)), (None, Name::Op(OP))]
    }

    #[test]
    fn fault_d9_an_operation_leaves_the_outbox_only_for_a_receipt_of_the_relay_for_it() {
        let (relay, other) = (SigningKey::from_seed(&[5; 32]), SigningKey::from_seed(&[6; 32]));
        let good = receipt(&relay, OP);
        let outcome = judge(&relay.public(), &RECORD, &answer(vec![(0, good), (3, good)], Vec::new()), &names());
        assert_eq!(
            (outcome.numbers.clone(), outcome.receipts.len(), outcome.is_unproved),
            (vec![10, 11, 12], 2, false)
        );
        for bad in
            [vec![], vec![(0, receipt(&other, OP)), (3, good)], vec![(0, receipt(&relay, OpId([9; 32]))), (3, good)]]
        {
            let outcome = judge(&relay.public(), &RECORD, &answer(bad, Vec::new()), &names());
            assert_eq!(outcome.numbers, [11, 12]);
            assert!(outcome.is_unproved);
        }
    }

    #[test]
    fn what_is_refused_stays_and_the_rest_goes() {
        let relay = SigningKey::from_seed(&[5; 32]);
        let good = receipt(&relay, OP);
        let refused = vec![(1, Refusal::Gap), (3, Refusal::Clock)];
        let outcome = judge(&relay.public(), &RECORD, &answer(vec![(0, good)], refused), &names());
        assert_eq!((outcome.numbers, outcome.refused), (vec![10, 12], vec![Refusal::Gap, Refusal::Clock]));
        assert_eq!((outcome.taken.len(), outcome.is_unproved), (2, false));
    }
}
