//! The snapshots that were refused: remembered, so that none is fetched twice, and nothing of them is kept.
//!
//! A refusal stands for ever where the snapshot itself shows that it lies. Where more knowledge of the record may let
//! its anchors count, it stands until something more is known. It never takes a file away that anything else names.

use carnet_crypto::id::ObjectId;

use super::SnapshotRejected;
use crate::{
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{Key, Look, REJECTED},
};

impl Record<'_> {
    /// Remembers a refusal, and lets the bytes of the snapshot go. Durable when this returns.
    pub(super) fn reject_snapshot(&mut self, object: &ObjectId, why: SnapshotRejected) -> Result<(), RecordError> {
        let until = match why {
            // Nobody's fault: the operation may come yet.
            SnapshotRejected::Unpublished => return Ok(()),
            SnapshotRejected::Branch | SnapshotRejected::Unjudged => self.known(),
            SnapshotRejected::Actors
            | SnapshotRejected::Anchor
            | SnapshotRejected::Document
            | SnapshotRejected::Sealed => FOR_EVER,
        };
        let has_gone = self.commit(|record, writer| {
            writer.put(REJECTED, &Key::of(&record.live.id).object(object), &until.to_be_bytes())?;
            record.let_go_rejected(writer, object)
        })?;
        if has_gone { self.sweep_files() } else { Ok(()) }
    }

    /// Forgets a refusal: the snapshot holds after all.
    pub(super) fn forget_rejection(&self, writer: &mut Writer, object: &ObjectId) -> Result<(), StoreError> {
        writer.remove(REJECTED, &Key::of(&self.live.id).object(object)).map(drop)
    }

    /// Whether a snapshot was refused and nothing is known since that could change it.
    pub(crate) fn is_rejected(&self, look: &impl Look, object: &ObjectId) -> Result<bool, StoreError> {
        let Some(row) = look.look(REJECTED, &Key::of(&self.live.id).object(object))? else { return Ok(false) };
        let until = row.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Damaged)?;
        Ok(self.known() <= until)
    }

    /// How much this device knows of who may do what: operations and keys. It only grows.
    fn known(&self) -> u64 {
        u64::try_from(self.live.members.ops().count().saturating_add(self.live.keys.count())).unwrap_or(FOR_EVER)
    }
}

/// No device ever knows more than this.
const FOR_EVER: u64 = u64::MAX;
