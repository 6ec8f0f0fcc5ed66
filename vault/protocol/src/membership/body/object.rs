//! Operations that publish objects: snapshots, merged batches, volumes begun anew.

use carnet_crypto::id::{ObjectId, SectionId, VolumeId};

use super::{read_frontier, write_list};
use crate::{
    checkpoint::Head,
    codec::{DecodeError, Reader, Writer, Wrong},
    feed::Position,
    limits::COVER_ENTRIES_MAX,
};

/// What a published object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A whole volume at its cover.
    Snapshot,
    /// The changes since another cover. Reserved: nothing makes one in this version.
    Pack,
    /// The first state of a rebased volume. Reserved: nothing makes one in this version.
    Base,
    /// Batches merged into one, whose batch id this is. Reserved: nothing makes one in this version.
    Merged([u8; 32]),
}

/// A snapshot or merged batch is published or confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The section.
    pub section: SectionId,
    /// The volume.
    pub volume: VolumeId,
    /// What the object stands for, ascending by feed; of a merged batch, its inputs alone, ascending by feed and seq.
    pub cover: Vec<Position>,
    /// What the object is.
    pub kind: ObjectKind,
    /// The object: BLAKE3 of its ciphertext.
    pub object: ObjectId,
    /// The section's log at the relay at the cover; none without a relay.
    pub position: Option<Head>,
}

impl Seal {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.raw(&self.section.0).u32(self.volume.0);
        write_list(writer, &self.cover, Position::write);
        match &self.kind {
            ObjectKind::Snapshot => writer.u8(0),
            ObjectKind::Pack => writer.u8(1),
            ObjectKind::Base => writer.u8(2),
            ObjectKind::Merged(batch) => writer.u8(3).raw(batch),
        };
        writer.raw(&self.object.0).presence(self.position.is_some());
        if let Some(position) = &self.position {
            position.write(writer);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let section = SectionId(reader.array("section")?);
        let volume = VolumeId(reader.u32("volume")?);
        let at = reader.clone();
        let cover =
            reader.sorted(COVER_ENTRIES_MAX, Position::BYTES_MIN, "cover", Position::read, |p| (p.feed, p.seq))?;
        let kind = match reader.u8("object kind")? {
            0 => ObjectKind::Snapshot,
            1 => ObjectKind::Pack,
            2 => ObjectKind::Base,
            3 => ObjectKind::Merged(reader.array("batch id")?),
            _ => return Err(reader.malformed("object kind", Wrong::Value)),
        };
        let one_per_feed = cover.iter().zip(cover.iter().skip(1)).all(|(a, b)| a.feed < b.feed);
        if !one_per_feed && !matches!(kind, ObjectKind::Merged(_)) {
            return Err(at.malformed("cover", Wrong::Order));
        }
        let object = ObjectId(reader.array("object")?);
        let position = if reader.presence("position")? { Some(Head::read(reader)?) } else { None };
        Ok(Self { section, volume, cover, kind, object, position })
    }
}

/// A volume is replaced, so that what it held can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebase {
    /// The section.
    pub section: SectionId,
    /// The volume that ends.
    pub volume: VolumeId,
    /// What of it survives, ascending by feed.
    pub cover: Vec<Position>,
    /// The object with the state that survives; none if nothing does.
    pub object: Option<ObjectId>,
}

impl Rebase {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.raw(&self.section.0).u32(self.volume.0);
        write_list(writer, &self.cover, Position::write);
        writer.presence(self.object.is_some());
        if let Some(object) = &self.object {
            writer.raw(&object.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            section: SectionId(reader.array("section")?),
            volume: VolumeId(reader.u32("volume")?),
            cover: read_frontier(reader)?,
            object: if reader.presence("object")? { Some(ObjectId(reader.array("object")?)) } else { None },
        })
    }
}
