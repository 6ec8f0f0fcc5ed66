//! Operations that end rights: whose, where their feeds end, and the checkpoint that makes it fair.

use std::collections::BTreeMap;

use carnet_crypto::{
    id::{DeviceId, FeedId, PrincipalId, RecordId, SectionId},
    sign::PublicKey,
};

use super::{end_of, read_cited, read_frontier, write_cited, write_list};
use crate::{
    checkpoint::{self, Head, SignedCheckpoint},
    codec::{DecodeError, Reader, Writer, Wrong},
    feed::Position,
    limits::{REMOVAL_TARGETS_MAX, SECTIONS_PER_OP_MAX},
};

/// Whose rights end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// All rights of a principal, and all its devices.
    Principal(PrincipalId),
    /// One device.
    Device(DeviceId),
    /// The rights of a principal on one section.
    Section(PrincipalId, SectionId),
}

impl Target {
    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Principal(principal) => writer.u8(0).raw(&principal.0),
            Self::Device(device) => writer.u8(1).raw(&device.0),
            Self::Section(principal, section) => writer.u8(2).raw(&principal.0).raw(&section.0),
        };
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("target")? {
            0 => Self::Principal(PrincipalId(reader.array("principal")?)),
            1 => Self::Device(DeviceId(reader.array("device")?)),
            2 => Self::Section(PrincipalId(reader.array("principal")?), SectionId(reader.array("section")?)),
            _ => return Err(reader.malformed("target", Wrong::Value)),
        })
    }
}

/// A relay's checkpoint that an operation cites, with those of its leaves that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CitedCheckpoint {
    /// The checkpoint, under the relay's signature.
    pub checkpoint: SignedCheckpoint,
    /// Number of sections under its root.
    pub total: u32,
    /// The logs of the sections concerned: index among all sections, section, where its log stands. Ascending by index.
    pub leaves: Vec<(u32, SectionId, Head)>,
    /// The hashes of the subtrees without such a leaf, from left to right.
    pub siblings: Vec<[u8; 32]>,
}

impl CitedCheckpoint {
    /// Cites `checkpoint` with the leaves of `shown`, given where all logs stood.
    pub fn of(
        checkpoint: SignedCheckpoint,
        sections: &BTreeMap<SectionId, Head>,
        shown: impl Fn(&SectionId) -> bool,
    ) -> Self {
        let leaves = sections
            .iter()
            .enumerate()
            .filter(|(_, (section, _))| shown(section))
            .map(|(index, (section, head))| (u32::try_from(index).unwrap_or(u32::MAX), *section, *head))
            .collect();
        Self {
            checkpoint,
            total: u32::try_from(sections.len()).unwrap_or(u32::MAX),
            leaves,
            siblings: checkpoint::siblings(sections, shown),
        }
    }

    /// Whether `relay` signed the checkpoint for `record` and the leaves are under its root.
    pub fn proves(&self, record: &RecordId, relay: &PublicKey) -> bool {
        let index = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        let leaves: Vec<_> =
            self.leaves.iter().map(|(at, section, head)| (index(*at), checkpoint::leaf(section, head))).collect();
        let root = checkpoint::root_from_parts(index(self.total), &leaves, &self.siblings);
        root == Some(self.checkpoint.checkpoint.root)
            && self.checkpoint.checkpoint.record == *record
            && self.checkpoint.verify(relay).is_ok()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        self.checkpoint.write(writer);
        writer.varint(self.total.into()).count(self.leaves.len());
        for (index, section, head) in &self.leaves {
            writer.varint((*index).into()).raw(&section.0);
            head.write(writer);
        }
        write_list(writer, &self.siblings, |sibling, writer| {
            writer.raw(sibling);
        });
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let checkpoint = SignedCheckpoint::read(reader)?;
        let limit = u64::try_from(checkpoint::SECTIONS_MAX).unwrap_or(0);
        let number = |reader: &mut Reader<'_>| {
            reader.varint(limit, "sections").map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        Ok(Self {
            checkpoint,
            total: number(reader)?,
            leaves: reader.sorted(
                SECTIONS_PER_OP_MAX,
                50,
                "leaves",
                |reader| Ok((number(reader)?, SectionId(reader.array("section")?), Head::read(reader)?)),
                |(index, ..)| *index,
            )?,
            siblings: reader.list(checkpoint::SIBLINGS_MAX, 32, "siblings", |reader| reader.array("sibling"))?,
        })
    }
}

/// Why rights end. For people; nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not stated.
    Unstated,
    /// The right expired, and the removal was owed.
    Expired,
    /// The device is lost.
    Lost,
    /// The device is stolen, or someone else has it.
    Stolen,
    /// The member leaves, or the relation ends.
    Left,
    /// The device is replaced by another.
    Replaced,
}

const REASONS: [Reason; 6] =
    [Reason::Unstated, Reason::Expired, Reason::Lost, Reason::Stolen, Reason::Left, Reason::Replaced];

/// Rights end, from a stated frontier on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Whose, ascending. A recovery may have none.
    pub targets: Vec<Target>,
    /// The last position of each feed of the targets that still counts, ascending by feed. A feed that is not listed
    /// has frontier 0.
    pub frontier: Vec<Position>,
    /// The newest checkpoint that the author holds; none without a relay.
    pub cited: Option<CitedCheckpoint>,
    /// Number of envelopes that the cited checkpoint covers and the frontier hides. Only the root and owners may hide.
    pub hidden: u32,
    /// Why.
    pub reason: Reason,
}

impl Removal {
    /// The place where `feed` ends, if it is listed.
    pub fn end_of(&self, feed: &FeedId) -> Option<&Position> {
        end_of(&self.frontier, feed)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        write_list(writer, &self.targets, Target::write);
        write_list(writer, &self.frontier, Position::write);
        write_cited(writer, self.cited.as_ref());
        writer.u32(self.hidden);
        let reason = REASONS.iter().position(|reason| *reason == self.reason).unwrap_or_default();
        writer.u8(u8::try_from(reason).unwrap_or_default());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let targets = reader.sorted(REMOVAL_TARGETS_MAX, 17, "targets", Target::read, |target| *target)?;
        let frontier = read_frontier(reader)?;
        let cited = read_cited(reader)?;
        let hidden = reader.u32("hidden")?;
        let reason = reader.u8("reason")?;
        let Some(reason) = REASONS.get(usize::from(reason)).copied() else {
            return Err(reader.malformed("reason", Wrong::Value));
        };
        Ok(Self { targets, frontier, cited, hidden, reason })
    }
}
