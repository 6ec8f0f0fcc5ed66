//! The snapshots that were refused: remembered, so that none is fetched twice, and nothing of them is kept.
//!
//! An object is refused as what it was published as: anybody may publish the object of another once more, as if it stood
//! for something else, and that says nothing of what it is.
//!
//! A refusal stands for ever where the snapshot itself shows that it lies. Where more knowledge of the record may let
//! its anchors count, it stands until something more is known. It never takes a file away that anything else names.

use carnet_crypto::{
    digest,
    id::{ObjectId, RecordId, SectionId, VolumeId},
};
use carnet_protocol::{codec::Writer as BytesOut, feed::Position, membership::PublishedObject};

use super::SnapshotRejected;
use crate::{
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{Key, Look, REJECTED},
};

impl Record<'_> {
    /// Remembers what an object was refused as, and lets its bytes go unless it was taken as something else. Durable when
    /// this returns.
    pub(super) fn reject_published(
        &mut self,
        object: &ObjectId,
        refused: &[(PublishedObject, SnapshotRejected)],
        is_taken: bool,
    ) -> Result<(), RecordError> {
        if refused.is_empty() {
            return Ok(());
        }
        let has_gone = self.commit(|record, writer| {
            for (published, why) in refused {
                let until = match why {
                    // Nobody's fault: the operation may come yet.
                    SnapshotRejected::Unpublished => continue,
                    SnapshotRejected::Branch | SnapshotRejected::Unjudged => record.known(),
                    SnapshotRejected::Actors
                    | SnapshotRejected::Anchor
                    | SnapshotRejected::Document
                    | SnapshotRejected::Sealed => FOR_EVER,
                };
                writer.put(REJECTED, &record.rejection_of(published), &until.to_be_bytes())?;
            }
            if is_taken { Ok(false) } else { record.let_go_rejected(writer, object) }
        })?;
        if has_gone { self.sweep_files() } else { Ok(()) }
    }

    /// Forgets a refusal: the snapshot holds after all.
    pub(super) fn forget_rejection(&self, writer: &mut Writer, published: &PublishedObject) -> Result<(), StoreError> {
        writer.remove(REJECTED, &self.rejection_of(published)).map(drop)
    }

    /// Whether an object was refused as what it is published as, and nothing is known since that could change it.
    pub(crate) fn is_rejected(&self, look: &impl Look, published: &PublishedObject) -> Result<bool, StoreError> {
        let Some(row) = look.look(REJECTED, &self.rejection_of(published))? else { return Ok(false) };
        let until = row.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Damaged)?;
        Ok(self.known() <= until)
    }

    fn rejection_of(&self, published: &PublishedObject) -> Key {
        let PublishedObject { section, volume, object, cover, .. } = published;
        rejection_of(&self.live.id, section, *volume, object, cover)
    }

    /// How much this device knows of who may do what: operations, those with a receipt, and keys. It only grows.
    fn known(&self) -> u64 {
        let members = &self.live.members;
        let known = [members.ops().count(), members.receipts().len(), self.live.keys.count()];
        known.into_iter().fold(0, |all, some| all.saturating_add(u64::try_from(some).unwrap_or(FOR_EVER)))
    }
}

/// No device ever knows more than this.
const FOR_EVER: u64 = u64::MAX;

/// Where a refusal is remembered: of an object, and of what it is published as.
pub(crate) fn rejection_of(
    record: &RecordId,
    section: &SectionId,
    volume: VolumeId,
    object: &ObjectId,
    cover: &[Position],
) -> Key {
    let mut what = BytesOut::new();
    what.raw(&section.0).u32(volume.0).count(cover.len());
    for position in cover {
        what.raw(&position.feed.0).u32(position.seq).raw(&position.id.0);
    }
    Key::of(record).object(object).bytes(&digest::content_hash(&what.finish()))
}
