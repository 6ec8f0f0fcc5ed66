//! The log itself: operations in, in any order; a [`Membership`] out.

use std::{collections::BTreeMap, sync::Arc};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, OpId, RecordId, SectionId},
    sign::Signature,
};

use super::{
    body::Body,
    evaluate::{Evaluator, Receipts},
    graph::Graph,
    op::{HeadsDigest, Op, OpDraft, OpRefused},
    readers::Recipient,
    state::Membership,
};
use crate::limits::{HEADS_MAX, OPS_WAITING_MAX};

/// What became of an operation that was offered to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Insert {
    /// It is part of the log, and so are those that had waited for it. All are listed, parents first; keep their bytes.
    Inserted(Vec<OpId>),
    /// It was part of the log already.
    Known,
    /// Its parents are missing. It is kept until they come, if there was room; the missing ones are listed.
    Waiting(Vec<OpId>),
    /// It can never be part of this log.
    Refused(OpRefused),
}

/// All operations of one record. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct MembershipLog {
    graph: Arc<Graph>,
    waiting: BTreeMap<OpId, Op>,
    /// The sets of heads that digests in headers stand for.
    views: BTreeMap<HeadsDigest, Vec<OpId>>,
}

impl MembershipLog {
    /// The empty log of `record`. The first operation that it accepts is the genesis.
    pub fn new(record: RecordId) -> Self {
        Self { graph: Arc::new(Graph::new(record)), waiting: BTreeMap::new(), views: BTreeMap::new() }
    }

    /// The record.
    pub fn record(&self) -> RecordId {
        self.graph.record
    }

    /// Offers the bytes of an operation. Its signature is verified here.
    pub fn insert(&mut self, bytes: &[u8]) -> Insert {
        match Op::decode(bytes) {
            Ok(op) => self.insert_op(op),
            Err(error) => Insert::Refused(error.into()),
        }
    }

    /// Offers an operation that was read already.
    pub fn insert_op(&mut self, op: Op) -> Insert {
        if self.graph.index.contains_key(&op.id()) {
            return Insert::Known;
        }
        let missing = self.graph.missing(&op);
        if !missing.is_empty() {
            if self.waiting.len() < OPS_WAITING_MAX {
                self.waiting.insert(op.id(), op);
            }
            return Insert::Waiting(missing);
        }
        let id = op.id();
        if let Err(error) = Arc::make_mut(&mut self.graph).insert(op) {
            return Insert::Refused(error);
        }
        let mut inserted = vec![id];
        self.admit_waiting(&mut inserted);
        Insert::Inserted(inserted)
    }

    fn admit_waiting(&mut self, inserted: &mut Vec<OpId>) {
        loop {
            let ready = self.waiting.values().find(|op| self.graph.missing(op).is_empty()).map(Op::id);
            let Some(op) = ready.and_then(|id| self.waiting.remove(&id)) else { return };
            let id = op.id();
            // One that had to wait and is then refused is as if it had never come.
            if !self.graph.index.contains_key(&id) && Arc::make_mut(&mut self.graph).insert(op).is_ok() {
                inserted.push(id);
            }
        }
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.graph.nodes.len()
    }

    /// Whether not even the genesis is held.
    pub fn is_empty(&self) -> bool {
        self.graph.nodes.is_empty()
    }

    /// The operations that no other has in its past, ascending.
    pub fn heads(&self) -> Vec<OpId> {
        self.graph.heads.iter().copied().collect()
    }

    /// One operation.
    pub fn op(&self, id: &OpId) -> Option<&Op> {
        self.graph.node(*self.graph.index.get(id)?).map(|node| &node.op)
    }

    /// All operations, parents before children, in the order in which they came.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.graph.nodes.iter().map(|node| &node.op)
    }

    /// What waiting operations still need.
    pub fn missing(&self) -> Vec<OpId> {
        let mut missing: Vec<OpId> = self.waiting.values().flat_map(|op| self.graph.missing(op)).collect();
        missing.retain(|id| !self.waiting.contains_key(id));
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// What `heads` and their past hold that `known` and their past do not, parents first: what to send to one who
    /// has `known`. Heads that are not held here are passed over.
    pub fn since(&self, known: &[OpId]) -> Vec<OpId> {
        let held: Vec<OpId> = known.iter().filter(|id| self.graph.index.contains_key(*id)).copied().collect();
        let known = self.graph.closure(&held).unwrap_or_default();
        let nodes = self.graph.nodes.iter().enumerate();
        nodes.filter(|(index, _)| !known.has(*index)).map(|(_, node)| node.op.id()).collect()
    }

    /// Remembers what a digest in headers stands for, and returns it. At most 8 heads stand behind one digest.
    ///
    /// # Errors
    /// The heads that are not held, and so cannot be a view yet.
    pub fn learn_view(&mut self, heads: &[OpId]) -> Result<HeadsDigest, Vec<OpId>> {
        let missing: Vec<OpId> = heads.iter().filter(|id| !self.graph.index.contains_key(*id)).copied().collect();
        if !missing.is_empty() || heads.len() > HEADS_MAX {
            return Err(missing);
        }
        let mut heads = heads.to_vec();
        heads.sort_unstable();
        heads.dedup();
        let digest = HeadsDigest::of(&heads);
        self.views.insert(digest, heads);
        Ok(digest)
    }

    /// The heads behind a digest, if they were learned.
    pub fn view(&self, digest: &HeadsDigest) -> Option<&[OpId]> {
        self.views.get(digest).map(Vec::as_slice)
    }

    /// The learned digests that begin with the 8 bytes of a header: where there are several, each is tried.
    pub fn views_hinted(&self, hint: [u8; 8]) -> impl Iterator<Item = &HeadsDigest> {
        let mut first = [0; 32];
        let mut last = [0xff; 32];
        for ((low, high), byte) in first.iter_mut().zip(last.iter_mut()).zip(hint) {
            (*low, *high) = (byte, byte);
        }
        self.views.range(HeadsDigest(first)..=HeadsDigest(last)).map(|(digest, _)| digest)
    }

    /// The next operation of `author`: after all heads, with its next counter. Where there are more than 8 heads, a
    /// `Join` over 8 of them must come first: see [`MembershipLog::needs_join`].
    pub fn draft(&self, author: DeviceId, time: UnixMillis, body: Body) -> OpDraft {
        let counter = self.graph.nodes.iter().filter(|node| node.op.author() == author);
        let counter = counter.map(|node| node.op.counter().saturating_add(1)).max().unwrap_or(0);
        OpDraft { parents: self.graph.heads.iter().take(HEADS_MAX).copied().collect(), author, counter, time, body }
    }

    /// Whether there are more heads than an operation or a view may name.
    pub fn needs_join(&self) -> bool {
        self.graph.heads.len() > HEADS_MAX
    }

    /// What the operations amount to, given the receipts that are held. With `now`, rights that have expired are gone.
    /// The same operations and receipts give the same result, in whatever order they came.
    pub fn evaluate(&self, receipts: &Receipts, now: Option<UnixMillis>) -> Membership {
        Membership::new(Evaluator::new(Arc::clone(&self.graph), receipts), now)
    }

    /// The readers that each section would have after `draft`: what a recovery wraps its keys to. Nothing if the past
    /// of `draft` is not held or does not introduce its author.
    pub fn readers_after(
        &self,
        draft: OpDraft,
        receipts: &Receipts,
        sections: &[SectionId],
    ) -> Option<Vec<(SectionId, Vec<Recipient>)>> {
        let time = draft.time;
        let op = Op::unsigned(draft, Signature([0; 64]));
        let mut view = self.graph.closure(op.parents())?;
        let mut graph = Arc::clone(&self.graph);
        view.set(Arc::make_mut(&mut graph).imagine(op)?);
        let evaluator = Evaluator::new(graph, receipts);
        let view = evaluator.view(&view);
        let mut sections = sections.to_vec();
        sections.sort_unstable();
        sections.dedup();
        Some(sections.into_iter().map(|section| (section, view.readers(&evaluator, &section, Some(time)))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atk_36_views_whose_digests_begin_alike_are_all_tried() {
        let mut log = MembershipLog::new(RecordId([1; 32]));
        let digest = |first: u8, last: u8| {
            let mut digest = [7; 32];
            (digest[7], digest[31]) = (first, last);
            HeadsDigest(digest)
        };
        for digest in [digest(1, 1), digest(1, 2), digest(0, 0xff), digest(2, 0)] {
            log.views.insert(digest, Vec::new());
        }
        let found: Vec<_> = log.views_hinted([7, 7, 7, 7, 7, 7, 7, 1]).copied().collect();
        assert_eq!(found, [digest(1, 1), digest(1, 2)]);
    }
}
