//! Changes from outside on their way into a document: read, counted, and whether they fit what is there.

use std::{
    cmp::Ordering,
    collections::{HashMap, VecDeque},
};

use automerge::Change;
use carnet_protocol::limits::CHANGE_OPS_PER_ENVELOPE_MAX;

use super::{
    CrdtError, Doc,
    bounded::{self, Limits, ScanError},
    malformed, unwinding,
};

/// One change that was counted and is not yet applied.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(super) change: Change,
    ops: u64,
}

impl Incoming {
    /// Reads and counts one change, which must be all of `bytes`.
    ///
    /// # Errors
    /// See [`bounded::scan_change`].
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CrdtError> {
        let (scanned, rest) = bounded::scan_change(bytes, ENVELOPE_LIMITS)?;
        if !rest.is_empty() {
            return Err(ScanError::TrailingBytes.into());
        }
        let change = unwinding(|| Change::from_bytes(scanned.chunk.to_vec()).map_err(malformed))?;
        Ok(Self { change, ops: scanned.ops })
    }

    /// Reads and counts the changes of one envelope, in order.
    ///
    /// # Errors
    /// As [`Incoming::read`]; besides, more operations in all than an envelope may hold.
    pub(crate) fn read_all(changes: &[&[u8]]) -> Result<Vec<Self>, CrdtError> {
        let incoming = changes.iter().map(|change| Self::read(change)).collect::<Result<Vec<_>, _>>()?;
        let ops: u64 = incoming.iter().map(|change| change.ops).sum();
        if ops > ENVELOPE_LIMITS.ops_max { Err(ScanError::TooManyOps.into()) } else { Ok(incoming) }
    }

    /// Number of its operations, or more.
    pub(crate) fn ops(&self) -> u64 {
        self.ops
    }

    /// The actor that the change bears; a feed's own when it is honest.
    pub(crate) fn actor(&self) -> &[u8] {
        self.change.actor_id().to_bytes()
    }

    /// Position in the actor's sequence, from 1.
    pub(crate) fn seq(&self) -> u64 {
        self.change.seq()
    }

    /// The change's own hash.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.change.hash().0
    }

    /// The changes it follows.
    pub(crate) fn dependencies(&self) -> Vec<[u8; 32]> {
        self.change.deps().iter().map(|hash| hash.0).collect()
    }

    /// The greatest counter of its operations.
    fn max_op(&self) -> u64 {
        let operations = u64::try_from(self.change.len()).unwrap_or(u64::MAX);
        self.change.start_op().get().saturating_add(operations).saturating_sub(1)
    }

    /// The chunk, as it travels.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.change.raw_bytes()
    }
}

/// Changes that are about to be applied together with one that is being looked at.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Greatest operation counter of each.
    max_ops: HashMap<[u8; 32], u64>,
    /// The newest sequence number of each actor.
    seqs: HashMap<Vec<u8>, u64>,
}

impl Ahead {
    /// Adds one more.
    pub(crate) fn add(&mut self, change: &Incoming) {
        self.max_ops.insert(change.hash(), change.max_op());
        self.seqs.insert(change.actor().to_vec(), change.seq());
    }
}

/// Orders changes so that each comes after those among them that it follows: what it builds on, and its author's one
/// before. What follows itself in a circle, as no honest change does, comes last.
pub(crate) fn in_order(changes: Vec<Incoming>) -> Vec<Incoming> {
    let mut by_hash = HashMap::new();
    let mut by_place = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        by_hash.insert(change.hash(), index);
        by_place.insert((change.actor(), change.seq()), index);
    }
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); changes.len()];
    let mut open = vec![0_usize; changes.len()];
    for (index, (change, open)) in changes.iter().zip(&mut open).enumerate() {
        let before = change.seq().checked_sub(1).and_then(|seq| by_place.get(&(change.actor(), seq)));
        let needed = change.change.deps().iter().filter_map(|hash| by_hash.get(&hash.0));
        for earlier in needed.chain(before).filter(|earlier| **earlier != index) {
            if let Some(followers) = followers.get_mut(*earlier) {
                followers.push(index);
                *open += 1;
            }
        }
    }
    let mut ready: VecDeque<usize> = (0..changes.len()).filter(|index| open.get(*index) == Some(&0)).collect();
    let mut place = vec![usize::MAX; changes.len()];
    let mut next = 0;
    while let Some(index) = ready.pop_front() {
        if let Some(place) = place.get_mut(index) {
            *place = next;
            next += 1;
        }
        for follower in followers.get(index).into_iter().flatten() {
            let Some(open) = open.get_mut(*follower) else { continue };
            *open -= 1;
            if *open == 0 {
                ready.push_back(*follower);
            }
        }
    }
    let mut placed: Vec<(usize, Incoming)> = place.into_iter().zip(changes).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, change)| change).collect()
}

/// How a change stands to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It can be applied now.
    Ready,
    /// Something it follows is not here.
    Waits,
    /// It was never made on what it names: its counter or its sequence number does not follow from that.
    Never,
}

impl Doc {
    /// How `change` stands to this document, with `ahead` applied first.
    ///
    /// Automerge numbers the operations of a change from one past the greatest counter among all it follows, and its
    /// author's changes one by one. Both are checked here, because Automerge itself panics on a gap, and a counter near
    /// the end of its range would leave nobody a counter to go on with.
    pub(crate) fn fit(&self, change: &Incoming, ahead: &Ahead) -> Fit {
        let mut max_op = 0;
        for dependency in change.change.deps() {
            let held = || self.automerge.get_change_meta_by_hash(dependency).map(|change| change.max_op);
            let Some(counter) = ahead.max_ops.get(&dependency.0).copied().or_else(held) else { return Fit::Waits };
            max_op = counter.max(max_op);
        }
        let newest = ahead.seqs.get(change.actor()).or_else(|| self.seqs.get(change.actor())).copied().unwrap_or(0);
        match change.seq().cmp(&newest.saturating_add(1)) {
            Ordering::Greater => return Fit::Waits,
            Ordering::Less => return Fit::Never,
            Ordering::Equal => {}
        }
        if change.change.start_op().get() == max_op.saturating_add(1) { Fit::Ready } else { Fit::Never }
    }
}

/// Limits of one envelope's changes, in all.
const ENVELOPE_LIMITS: Limits =
    Limits { inflated_bytes_max: 8 << 20, ops_max: CHANGE_OPS_PER_ENVELOPE_MAX, text_bytes_max: 32 << 20 };
