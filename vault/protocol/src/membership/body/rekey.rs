//! Operations that give keys: rekeys, and what helps those whom a rekey missed.

use carnet_crypto::id::{DeviceId, EpochId, SectionId};

use super::write_list;
use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    limits::{EPOCHS_PER_WRAP_MAX, HEADS_MAX, LADDER_STEP_BYTES, SECTIONS_PER_OP_MAX},
    membership::detached::InboxHash,
};

/// A new key of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRekey {
    /// The section.
    pub section: SectionId,
    /// The epochs it follows, ascending; none begins the section.
    pub parents: Vec<EpochId>,
    /// The new epoch: the commitment to its key.
    pub epoch: EpochId,
    /// For each parent, in order, its key sealed under the new one. Absent: the section begins, or is cut.
    pub ladder: Option<Vec<[u8; LADDER_STEP_BYTES]>>,
    /// The section's inbox key, a detached part, where someone may drop.
    pub inbox: Option<InboxHash>,
}

impl SectionRekey {
    /// Whether the new key leaves the old ones behind for good.
    pub fn is_cut(&self) -> bool {
        self.ladder.is_none() && !self.parents.is_empty()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.raw(&self.section.0);
        write_list(writer, &self.parents, |parent, writer| {
            writer.raw(&parent.0);
        });
        writer.raw(&self.epoch.0).presence(self.ladder.is_some());
        for step in self.ladder.iter().flatten() {
            writer.raw(step);
        }
        writer.presence(self.inbox.is_some());
        if let Some(inbox) = &self.inbox {
            writer.raw(&inbox.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let section = SectionId(reader.array("section")?);
        let parents = reader.sorted(HEADS_MAX, 32, "parents", |r| r.array("parent").map(EpochId), |epoch| *epoch)?;
        let epoch = EpochId(reader.array("epoch")?);
        let ladder = if reader.presence("ladder")? {
            if parents.is_empty() {
                return Err(reader.malformed("ladder", Wrong::Value));
            }
            let steps: Result<Vec<_>, _> = parents.iter().map(|_| reader.array("ladder")).collect();
            Some(steps?)
        } else {
            None
        };
        let inbox = if reader.presence("inbox")? { Some(InboxHash(reader.array("inbox")?)) } else { None };
        Ok(Self { section, parents, epoch, ladder, inbox })
    }
}

/// Sections get new keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rekey {
    /// The sections, ascending.
    pub sections: Vec<SectionRekey>,
    /// Who gets the keys: `H("recipients", …)` over the readers of each section and their KEM keys. See
    /// [`crate::membership::recipients_digest`].
    pub recipients: [u8; 32],
    /// The Merkle root over the wraps, detached parts. See [`crate::membership::detached::ProvedWrap`].
    pub wraps: [u8; 32],
}

impl Rekey {
    pub(super) fn write(&self, writer: &mut Writer) {
        write_list(writer, &self.sections, SectionRekey::write);
        writer.raw(&self.recipients).raw(&self.wraps);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let key = |section: &SectionRekey| section.section;
        Ok(Self {
            sections: reader.sorted(SECTIONS_PER_OP_MAX, 51, "sections", SectionRekey::read, key)?,
            recipients: reader.array("recipients")?,
            wraps: reader.array("wraps")?,
        })
    }
}

/// Whom a wrap helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WrapTarget {
    /// A device, which gets keys.
    Device(DeviceId),
    /// An epoch, whose ladder step to `parent` is given again.
    Step {
        /// The epoch.
        epoch: EpochId,
        /// Its parent.
        parent: EpochId,
        /// The parent's key sealed under the epoch's.
        step: [u8; LADDER_STEP_BYTES],
    },
}

/// Keys for one device outside a rotation, a repaired ladder step, or the request for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// Whom it helps.
    pub target: WrapTarget,
    /// The epochs whose keys are given or asked for, ascending.
    pub epochs: Vec<(SectionId, EpochId)>,
    /// The hash of the wrap, a detached part. Absent for a device: its own request.
    pub part: Option<[u8; 32]>,
}

impl Wrap {
    /// Whether a device asks for keys rather than getting them.
    pub fn is_request(&self) -> bool {
        matches!(self.target, WrapTarget::Device(_)) && self.part.is_none()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match &self.target {
            WrapTarget::Device(device) => writer.u8(0).raw(&device.0),
            WrapTarget::Step { epoch, parent, step } => writer.u8(1).raw(&epoch.0).raw(&parent.0).raw(step),
        };
        writer.count(self.epochs.len());
        for (section, epoch) in &self.epochs {
            writer.raw(&section.0).raw(&epoch.0);
        }
        writer.presence(self.part.is_some());
        if let Some(part) = &self.part {
            writer.raw(part);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let target = match reader.u8("wrap target")? {
            0 => WrapTarget::Device(DeviceId(reader.array("device")?)),
            1 => WrapTarget::Step {
                epoch: EpochId(reader.array("epoch")?),
                parent: EpochId(reader.array("parent")?),
                step: reader.array("ladder")?,
            },
            _ => return Err(reader.malformed("wrap target", Wrong::Value)),
        };
        let pair = |reader: &mut Reader<'_>| Ok((SectionId(reader.array("section")?), EpochId(reader.array("epoch")?)));
        let epochs = reader.sorted(EPOCHS_PER_WRAP_MAX, 48, "epochs", pair, |pair| *pair)?;
        let part = if reader.presence("wrap")? { Some(reader.array("wrap")?) } else { None };
        let is_step = matches!(target, WrapTarget::Step { .. });
        if epochs.is_empty() || is_step && (part.is_some() || epochs.len() != 1) {
            return Err(reader.malformed("epochs", Wrong::Value));
        }
        Ok(Self { target, epochs, part })
    }
}
