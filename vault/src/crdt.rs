//! The CRDT of one volume: with its parts, the only room that names Automerge.
//!
//! A volume's root holds one map per container, made by the **constant first change** (zero actor, sequence 1, time 0)
//! that every replica makes for itself and that never travels; without it, two devices that open a volume offline
//! would each create a container and one would hide the other. An entry is a nested map under its id; scalars are
//! atomic strings, integers and booleans, and only comments are collaborative text ([`write`]).
//!
//! Readers merge **all** conflicting maps under one id, field by field, the greatest operation id first: two devices
//! that import one file offline meet in one entry and neither loses a field ([`read`]).
//!
//! Nothing reaches Automerge here before [`bounded`] has counted it ([`change`]) and its depth was measured ([`place`]).
//! This module knows no keys, no envelopes and no store.

pub(crate) mod bounded;
mod change;
mod place;
mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use automerge::{
    ActorId, Automerge, Change, ChangeHash, ObjType, ROOT, SaveOptions,
    transaction::{CommitOptions, Transactable},
};
use carnet_protocol::limits::{CHANGE_OPS_PER_CALL_MAX, CHANGE_OPS_PER_VOLUME_MAX};
use serde_json::Value as Json;

use self::bounded::{Limits, ScanError};
pub(crate) use self::{
    change::{Ahead, Fit, Incoming, in_order},
    place::Place,
    write::{Write, ops_of},
};

/// The fields of one entry, as they stand in JSON.
pub(crate) type Fields = serde_json::Map<String, Json>;

/// Why changes or a saved document were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CrdtError {
    #[error("the changes do not form a document")]
    Malformed,
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("objects are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("an entry names a container that does not exist")]
    UnknownContainer,
}

/// One volume's document.
pub(crate) struct Doc {
    automerge: Automerge,
    /// The newest sequence number of each actor.
    seqs: HashMap<Vec<u8>, u64>,
}

impl Doc {
    /// An empty volume: the constant first change and nothing else.
    ///
    /// # Errors
    /// None in practice: the constant is checked by a test.
    pub(crate) fn empty() -> Result<Self, CrdtError> {
        let mut doc = Automerge::new().with_actor(ActorId::from([0_u8; 16]));
        let mut tx = doc.transaction();
        for container in CONTAINERS {
            tx.put_object(ROOT, container, ObjType::Map).map_err(malformed)?;
        }
        tx.commit_with(CommitOptions::default().with_time(0));
        Ok(Self::of(doc))
    }

    fn of(doc: Automerge) -> Self {
        let mut seqs: HashMap<Vec<u8>, u64> = HashMap::new();
        for change in doc.get_changes_meta(&[]) {
            let newest = seqs.entry(change.actor.to_bytes().to_vec()).or_default();
            *newest = change.seq.max(*newest);
        }
        Self { automerge: doc, seqs }
    }

    /// A document from outside that [`Doc::save`] wrote elsewhere: counted, then made again change by change under the
    /// checks that every change passes, so that it holds nothing that would not have come in alone.
    ///
    /// # Errors
    /// A document that is not exactly one chunk, exceeds the limits, whose change hashes do not agree, or that holds a
    /// change which is not accepted by itself.
    pub(crate) fn load(saved: &[u8]) -> Result<Self, CrdtError> {
        let loaded = Self::load_within(saved, SNAPSHOT_LIMITS)?;
        let mut doc = Self::empty()?;
        let mut ahead = Ahead::default();
        let mut part: Vec<Incoming> = Vec::new();
        let mut ops = 0;
        for change in loaded.changes()? {
            if ops + change.ops() > CHANGE_OPS_PER_CALL_MAX {
                doc.apply(std::mem::take(&mut part))?;
                (ops, ahead) = (0, Ahead::default());
            }
            if doc.fit(&change, &ahead) != Fit::Ready {
                return Err(CrdtError::Malformed);
            }
            ops += change.ops();
            ahead.add(&change);
            part.push(change);
        }
        doc.apply(part)?;
        Ok(doc)
    }

    /// The volume that this device saved itself. What is in it was checked when it came in; the limits of what others
    /// send do not bind it, so that what was once accepted is never lost to a limit.
    ///
    /// # Errors
    /// Damage.
    pub(crate) fn load_own(saved: &[u8]) -> Result<Self, CrdtError> {
        Self::load_within(saved, OWN_LIMITS)
    }

    /// Whether a saved volume is within what others accept as a snapshot.
    pub(crate) fn is_for_others(saved: &[u8]) -> bool {
        bounded::scan_document(saved, SNAPSHOT_LIMITS).is_ok()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the bounded door: scanned and limited just above")]
    fn load_within(saved: &[u8], limits: Limits) -> Result<Self, CrdtError> {
        bounded::scan_document(saved, limits)?;
        unwinding(|| Automerge::load(saved).map_err(malformed)).map(Self::of)
    }

    /// The whole volume as one document chunk, without changes that wait for others.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.automerge.save_with_options(SaveOptions { deflate: true, retain_orphans: false })
    }

    /// What is inside, for a test that writes what an honest device would not.
    #[cfg(test)]
    pub(crate) fn into_automerge(self) -> Automerge {
        self.automerge
    }

    /// Hashes of the latest changes, sorted.
    #[cfg(test)]
    pub(crate) fn heads(&self) -> Vec<[u8; 32]> {
        let mut heads: Vec<_> = self.automerge.get_heads().into_iter().map(|hash| hash.0).collect();
        heads.sort_unstable();
        heads
    }

    /// The newest change of each actor: (sequence, hash). The constant's zero actor is left out.
    pub(crate) fn newest_by_actor(&self) -> BTreeMap<Vec<u8>, (u64, [u8; 32])> {
        let mut newest = BTreeMap::new();
        for change in self.automerge.get_changes_meta(&[]) {
            let entry = newest.entry(change.actor.to_bytes().to_vec()).or_insert((0, [0; 32]));
            if change.seq > entry.0 {
                *entry = (change.seq, change.hash.0);
            }
        }
        newest.remove([0_u8; 16].as_slice());
        newest
    }

    /// Which of `hashes` this volume does not hold.
    pub(crate) fn missing<'a>(&self, hashes: impl IntoIterator<Item = &'a [u8; 32]>) -> Vec<[u8; 32]> {
        hashes
            .into_iter()
            .filter(|hash| self.automerge.get_change_meta_by_hash(&ChangeHash(**hash)).is_none())
            .copied()
            .collect()
    }

    /// Applies `changes`, whose dependencies are all held or among them, in one call; returns the entries they touch.
    ///
    /// # Errors
    /// Nothing is applied when one of them nests too deep or Automerge refuses.
    pub(crate) fn apply(&mut self, changes: Vec<Incoming>) -> Result<BTreeSet<Place>, CrdtError> {
        let changes: Vec<Change> = changes.into_iter().map(|incoming| incoming.change).collect();
        let touched = self.place(&changes)?;
        let seqs: Vec<_> = changes.iter().map(|change| (change.actor_id().to_bytes().to_vec(), change.seq())).collect();
        unwinding(|| self.automerge.apply_changes(changes).map_err(malformed))?;
        self.seqs.extend(seqs);
        Ok(touched)
    }

    /// Every change but the constant first one, oldest first: to be applied to another replica of the volume.
    pub(crate) fn changes(&self) -> Result<Vec<Incoming>, CrdtError> {
        let changes = self.automerge.get_changes(&[]).into_iter();
        changes
            .filter(|change| change.actor_id().to_bytes() != [0; 16])
            .map(|change| Incoming::read(change.raw_bytes()))
            .collect()
    }
}

/// Runs what calls into Automerge with content from outside: a panic there is a refusal here. What was being changed is
/// not used again: see [`crate::volumes::Volumes::read_again`].
fn unwinding<T>(work: impl FnOnce() -> Result<T, CrdtError>) -> Result<T, CrdtError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Err(CrdtError::Malformed))
}

fn malformed<E>(_: E) -> CrdtError {
    CrdtError::Malformed
}

/// The containers of every volume, in the order of the constant first change. Part of the format: never reordered.
/// `other` holds entries of kinds that this version does not know.
pub(crate) const CONTAINERS: [&str; 22] = [
    "absence",
    "allergy",
    "appointment",
    "blood-group",
    "contact",
    "disease",
    "document",
    "encounter",
    "exclusion",
    "identity",
    "import-report",
    "label",
    "ledger",
    "measure",
    "other",
    "procedure",
    "result",
    "section",
    "setting",
    "tombstone",
    "treatment",
    "vaccination",
];

/// Objects nested in one another, from the root.
const DEPTH_MAX: usize = 16;

/// Limits of one snapshot.
const SNAPSHOT_LIMITS: Limits =
    Limits { inflated_bytes_max: 32 << 20, ops_max: CHANGE_OPS_PER_VOLUME_MAX, text_bytes_max: 256 << 20 };

/// Limits of a volume that this device saved itself: far above what it can grow to.
const OWN_LIMITS: Limits = Limits { inflated_bytes_max: 1 << 31, ops_max: 1 << 30, text_bytes_max: 1 << 34 };

#[cfg(test)]
mod tests;
