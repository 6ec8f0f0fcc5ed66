//! What operations say. `docs/membership.md`, "Bodies" gives the bytes of each.

use std::collections::BTreeMap;

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EpochId, FeedId, Incarnation, ObjectId, OpId, PrincipalId, RecordId, SectionId, VolumeId},
    sign::PublicKey,
};

use super::detached::{InboxHash, KemHash};
use crate::{
    checkpoint::{self, Head, SignedCheckpoint},
    codec::{DecodeError, Reader, Writer, Wrong},
    feed::{ForkProof, Position},
    limits::{
        ADOPTED_PER_OP_MAX, COVER_ENTRIES_MAX, EPOCHS_PER_WRAP_MAX, HEADS_MAX, LADDER_STEP_BYTES, LEASE_S,
        RELAY_ADDRESS_BYTES_MAX, RELAY_ADDRESSES_MAX, REMOVAL_TARGETS_MAX, SECTIONS_PER_OP_MAX,
    },
};

/// What an operation says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// The record begins.
    Genesis(Genesis),
    /// A principal gets rights.
    Grant(Grant),
    /// A device joins a principal, or announces a new incarnation or KEM key of its own.
    DeviceAdd(DeviceAdd),
    /// Rights end.
    Remove(Removal),
    /// Envelopes or operations are taken out of quarantine.
    Adopt(Vec<Adopted>),
    /// Sections get new keys.
    Rekey(Rekey),
    /// Keys for one device outside a rotation, a repaired ladder step, or the request for one.
    Wrap(Wrap),
    /// A snapshot or merged batch is published or confirmed.
    Seal(Seal),
    /// A volume is replaced.
    Rebase(Rebase),
    /// The record's relay.
    SetRelay(RelayKeys),
    /// The root takes over.
    Recover(Box<Recover>),
    /// A device signed two envelopes for one position.
    ForkProof(Box<Accusation>),
    /// Only the parents matter.
    Join,
    /// The record is erased.
    End,
}

impl Body {
    /// The number in the format.
    pub fn number(&self) -> u8 {
        match self {
            Self::Genesis(_) => 1,
            Self::Grant(_) => 2,
            Self::DeviceAdd(_) => 3,
            Self::Remove(_) => 4,
            Self::Adopt(_) => 5,
            Self::Rekey(_) => 6,
            Self::Wrap(_) => 7,
            Self::Seal(_) => 8,
            Self::Rebase(_) => 9,
            Self::SetRelay(_) => 10,
            Self::Recover(_) => 11,
            Self::ForkProof(_) => 12,
            Self::Join => 13,
            Self::End => 14,
        }
    }

    /// The rekey that the operation is or holds.
    pub fn rekey(&self) -> Option<&Rekey> {
        match self {
            Self::Rekey(rekey) => Some(rekey),
            Self::Recover(recover) => Some(&recover.rekey),
            _ => None,
        }
    }

    /// The removal that the operation is or holds.
    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Remove(removal) => Some(removal),
            Self::Recover(recover) => Some(&recover.removal),
            _ => None,
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u8(self.number());
        match self {
            Self::Genesis(genesis) => genesis.write(writer),
            Self::Grant(grant) => grant.write(writer),
            Self::DeviceAdd(add) => add.write(writer),
            Self::Remove(removal) => removal.write(writer),
            Self::Adopt(adopted) => write_list(writer, adopted, Adopted::write),
            Self::Rekey(rekey) => rekey.write(writer),
            Self::Wrap(wrap) => wrap.write(writer),
            Self::Seal(seal) => seal.write(writer),
            Self::Rebase(rebase) => rebase.write(writer),
            Self::SetRelay(relay) => relay.write(writer),
            Self::Recover(recover) => recover.write(writer),
            Self::ForkProof(accusation) => accusation.write(writer),
            Self::Join | Self::End => {}
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u8("operation")?;
        Ok(match number {
            1 => Self::Genesis(Genesis::read(reader)?),
            2 => Self::Grant(Grant::read(reader)?),
            3 => Self::DeviceAdd(DeviceAdd::read(reader)?),
            4 => {
                let removal = Removal::read(reader)?;
                if removal.targets.is_empty() {
                    return Err(reader.malformed("targets", Wrong::TooSmall));
                }
                Self::Remove(removal)
            }
            5 => {
                let adopted = reader.sorted(ADOPTED_PER_OP_MAX, 33, "adopted", Adopted::read, |a| *a)?;
                if adopted.is_empty() {
                    return Err(reader.malformed("adopted", Wrong::TooSmall));
                }
                Self::Adopt(adopted)
            }
            6 => {
                let rekey = Rekey::read(reader)?;
                if rekey.sections.is_empty() {
                    return Err(reader.malformed("sections", Wrong::TooSmall));
                }
                Self::Rekey(rekey)
            }
            7 => Self::Wrap(Wrap::read(reader)?),
            8 => Self::Seal(Seal::read(reader)?),
            9 => Self::Rebase(Rebase::read(reader)?),
            10 => Self::SetRelay(RelayKeys::read(reader)?),
            11 => Self::Recover(Box::new(Recover::read(reader)?)),
            12 => Self::ForkProof(Box::new(Accusation::read(reader)?)),
            13 => Self::Join,
            14 => Self::End,
            _ => return Err(DecodeError::Unsupported { what: "operation", value: number.into() }),
        })
    }
}

/// Who holds a root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootClass {
    /// The recovery kit on paper. It outranks the quorum.
    Paper,
    /// The family quorum.
    Quorum,
}

/// The public keys of one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootKey {
    /// Who holds it.
    pub class: RootClass,
    /// The signing key, of generation 0 and without salt.
    pub signing: PublicKey,
    /// The KEM key, a detached part.
    pub kem: KemHash,
}

impl RootKey {
    fn write(&self, writer: &mut Writer) {
        writer.u8(match self.class {
            RootClass::Paper => 0,
            RootClass::Quorum => 1,
        });
        writer.raw(&self.signing.0).raw(&self.kem.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let class = match reader.u8("root class")? {
            0 => RootClass::Paper,
            1 => RootClass::Quorum,
            _ => return Err(reader.malformed("root class", Wrong::Value)),
        };
        Ok(Self { class, signing: PublicKey(reader.array("signing key")?), kem: KemHash(reader.array("KEM key")?) })
    }
}

/// The public keys of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceKeys {
    /// The signing key; the device id follows from it.
    pub signing: PublicKey,
    /// The KEM key, a detached part.
    pub kem: KemHash,
    /// The generation of the KEM key.
    pub generation: u32,
    /// The transport key of its iroh endpoint. It carries no right.
    pub transport: [u8; 32],
    /// The incarnation that it writes as.
    pub incarnation: Incarnation,
}

impl DeviceKeys {
    fn write(&self, writer: &mut Writer) {
        writer
            .raw(&self.signing.0)
            .raw(&self.kem.0)
            .varint(self.generation.into())
            .raw(&self.transport)
            .raw(&self.incarnation.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            signing: PublicKey(reader.array("signing key")?),
            kem: KemHash(reader.array("KEM key")?),
            generation: u32::try_from(reader.varint(u32::MAX.into(), "generation")?).unwrap_or(u32::MAX),
            transport: reader.array("transport key")?,
            incarnation: Incarnation(reader.array("incarnation")?),
        })
    }
}

/// The record begins. Its id is the id of this operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Random; keeps the keys of one person in two records apart.
    pub key_salt: [u8; 32],
    /// The roots: paper, quorum or both, in that order.
    pub roots: Vec<RootKey>,
    /// The first device of the first owner. It signs.
    pub device: DeviceKeys,
    /// The calendar year, from which volumes are numbered.
    pub year: i16,
    /// The home relay, if there is one.
    pub relay: Option<RelayKeys>,
}

impl Genesis {
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.key_salt);
        write_list(writer, &self.roots, RootKey::write);
        self.device.write(writer);
        writer.raw(&self.year.to_le_bytes()).presence(self.relay.is_some());
        if let Some(relay) = &self.relay {
            relay.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let key_salt = reader.array("key salt")?;
        let roots = read_roots(reader)?;
        if roots.is_empty() {
            return Err(reader.malformed("roots", Wrong::TooSmall));
        }
        let device = DeviceKeys::read(reader)?;
        let year = i16::from_le_bytes(reader.array("year")?);
        let relay = if reader.presence("relay")? { Some(RelayKeys::read(reader)?) } else { None };
        Ok(Self { key_salt, roots, device, year, relay })
    }
}

/// What a member of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May everything in the whole record, except what is the root's.
    Owner,
    /// May grant and revoke within its own sections.
    Manager,
    /// May write in named sections, or drop into them.
    Writer,
    /// May read named sections.
    Reader,
}

/// What is allowed on one section. The four are bits; write includes read, manage includes write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(u8);

impl Scope {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Read.
    pub const READ: Self = Self(0b0001);
    /// Write, and read.
    pub const WRITE: Self = Self(0b0011);
    /// Manage, write and read.
    pub const MANAGE: Self = Self(0b0111);
    /// Write without reading.
    pub const DROP: Self = Self(0b1000);
    /// Everything.
    pub const ALL: Self = Self(0b1111);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is allowed.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits: 1 read, 2 write, 4 manage, 8 drop.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The scope with these bits, if write comes with read and manage with write.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b0111 {
            0b000 | 0b001 | 0b011 | 0b111 if bits < 16 => Some(Self(bits)),
            _ => None,
        }
    }
}

/// A principal gets rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who gets them: `H("principal", key salt, signing key of its first device)`, first 16 bytes.
    pub principal: PrincipalId,
    /// As what.
    pub role: Role,
    /// On which sections, ascending; empty for an owner, who has all.
    pub scopes: Vec<(SectionId, Scope)>,
    /// Until when.
    pub not_after: Option<UnixMillis>,
    /// Whether the principal sleeps until a delayed access wakes it.
    pub dormant: bool,
    /// The length of the lease that its keys come with, in seconds.
    pub lease_s: Option<u32>,
}

impl Grant {
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.principal.0).u8(match self.role {
            Role::Owner => 0,
            Role::Manager => 1,
            Role::Writer => 2,
            Role::Reader => 3,
        });
        writer.count(self.scopes.len());
        for (section, scope) in &self.scopes {
            writer.raw(&section.0).u8(scope.bits());
        }
        writer.presence(self.not_after.is_some());
        if let Some(time) = self.not_after {
            writer.u48(time.0);
        }
        writer.presence(self.dormant).presence(self.lease_s.is_some());
        if let Some(seconds) = self.lease_s {
            writer.u32(seconds);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let principal = PrincipalId(reader.array("principal")?);
        let role = match reader.u8("role")? {
            0 => Role::Owner,
            1 => Role::Manager,
            2 => Role::Writer,
            3 => Role::Reader,
            _ => return Err(reader.malformed("role", Wrong::Value)),
        };
        let scopes = reader.sorted(SECTIONS_PER_OP_MAX, 17, "scopes", read_scope, |(section, _)| *section)?;
        if scopes.is_empty() != (role == Role::Owner) {
            return Err(reader.malformed("scopes", Wrong::Value));
        }
        let not_after = if reader.presence("expiry")? { Some(UnixMillis(reader.u48("expiry")?)) } else { None };
        let dormant = reader.presence("dormant")?;
        let lease_s = if reader.presence("lease")? { Some(reader.u32("lease")?) } else { None };
        let leased = lease_s.is_none_or(|seconds| (LEASE_S.0..=LEASE_S.1).contains(&seconds.into()));
        if !leased || role == Role::Owner && (not_after.is_some() || dormant || lease_s.is_some()) {
            return Err(reader.malformed("lease", Wrong::Value));
        }
        Ok(Self { principal, role, scopes, not_after, dormant, lease_s })
    }
}

/// A device joins a principal, or announces a new incarnation or KEM key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceAdd {
    /// Whose device it is.
    pub principal: PrincipalId,
    /// Its keys.
    pub keys: DeviceKeys,
}

impl DeviceAdd {
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.principal.0);
        self.keys.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { principal: PrincipalId(reader.array("principal")?), keys: DeviceKeys::read(reader)? })
    }
}

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
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Principal(principal) => writer.u8(0).raw(&principal.0),
            Self::Device(device) => writer.u8(1).raw(&device.0),
            Self::Section(principal, section) => writer.u8(2).raw(&principal.0).raw(&section.0),
        };
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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

    fn write(&self, writer: &mut Writer) {
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

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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

    fn write(&self, writer: &mut Writer) {
        write_list(writer, &self.targets, Target::write);
        write_list(writer, &self.frontier, Position::write);
        write_cited(writer, self.cited.as_ref());
        writer.u32(self.hidden);
        let reason = REASONS.iter().position(|reason| *reason == self.reason).unwrap_or_default();
        writer.u8(u8::try_from(reason).unwrap_or_default());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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

/// Something taken out of quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Adopted {
    /// An envelope; of a feed of changes, with all its predecessors.
    Envelope(SectionId, Position),
    /// An operation.
    Op(OpId),
}

impl Adopted {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Envelope(section, position) => {
                writer.u8(0).raw(&section.0);
                position.write(writer);
            }
            Self::Op(op) => {
                writer.u8(1).raw(&op.0);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("adopted")? {
            0 => Self::Envelope(SectionId(reader.array("section")?), Position::read(reader)?),
            1 => Self::Op(OpId(reader.array("operation")?)),
            _ => return Err(reader.malformed("adopted", Wrong::Value)),
        })
    }
}

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

    fn write(&self, writer: &mut Writer) {
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

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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
    /// [`super::recipients_digest`].
    pub recipients: [u8; 32],
    /// The Merkle root over the wraps, detached parts. See [`super::Detached`].
    pub wraps: [u8; 32],
}

impl Rekey {
    fn write(&self, writer: &mut Writer) {
        write_list(writer, &self.sections, SectionRekey::write);
        writer.raw(&self.recipients).raw(&self.wraps);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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

    fn write(&self, writer: &mut Writer) {
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

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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
    fn write(&self, writer: &mut Writer) {
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

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.section.0).u32(self.volume.0);
        write_list(writer, &self.cover, Position::write);
        writer.presence(self.object.is_some());
        if let Some(object) = &self.object {
            writer.raw(&object.0);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            section: SectionId(reader.array("section")?),
            volume: VolumeId(reader.u32("volume")?),
            cover: read_frontier(reader)?,
            object: if reader.presence("object")? { Some(ObjectId(reader.array("object")?)) } else { None },
        })
    }
}

/// A relay of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayKeys {
    /// The key that signs checkpoints and receipts.
    pub signing: PublicKey,
    /// The KEM key, a detached part.
    pub kem: KemHash,
    /// The transport key.
    pub transport: [u8; 32],
    /// Where it is reached, ascending; texts of at most 512 bytes.
    pub addresses: Vec<String>,
}

impl RelayKeys {
    fn write(&self, writer: &mut Writer) {
        writer.raw(&self.signing.0).raw(&self.kem.0).raw(&self.transport);
        write_list(writer, &self.addresses, |address, writer| {
            writer.bytes(address.as_bytes());
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let address = |reader: &mut Reader<'_>| {
            let bytes = reader.bytes(RELAY_ADDRESS_BYTES_MAX, "address")?;
            let text = str::from_utf8(bytes).map_err(|_| reader.malformed("address", Wrong::Value))?;
            Ok(text.to_owned())
        };
        Ok(Self {
            signing: PublicKey(reader.array("signing key")?),
            kem: KemHash(reader.array("KEM key")?),
            transport: reader.array("transport key")?,
            addresses: reader.sorted(RELAY_ADDRESSES_MAX, 1, "addresses", address, Clone::clone)?,
        })
    }
}

/// The root takes over: it ends what it names, admits a new device of an owner, and gives every section a new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recover {
    /// What ends; possibly nothing.
    pub removal: Removal,
    /// The new device, of an owner that exists or of a new one.
    pub device: DeviceAdd,
    /// The new keys, wrapped to the readers there are after this very operation; possibly none.
    pub rekey: Rekey,
    /// New root keys, in the order of their classes; each replaces the one of its class.
    pub roots: Vec<RootKey>,
    /// Operations that never counted, ascending.
    pub voided: Vec<OpId>,
}

impl Recover {
    fn write(&self, writer: &mut Writer) {
        self.removal.write(writer);
        self.device.write(writer);
        self.rekey.write(writer);
        write_list(writer, &self.roots, RootKey::write);
        write_list(writer, &self.voided, |op, writer| {
            writer.raw(&op.0);
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            removal: Removal::read(reader)?,
            device: DeviceAdd::read(reader)?,
            rekey: Rekey::read(reader)?,
            roots: read_roots(reader)?,
            voided: reader.sorted(ADOPTED_PER_OP_MAX, 32, "voided", |r| r.array("operation").map(OpId), |op| *op)?,
        })
    }
}

/// A fork, published: the proof, and where the feed ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    /// The two headers.
    pub proof: ForkProof,
    /// The end of the branch that stands; none if nothing of the feed was accepted.
    pub frontier: Option<Position>,
    /// The newest checkpoint that the author holds; none without a relay.
    pub cited: Option<CitedCheckpoint>,
}

impl Accusation {
    fn write(&self, writer: &mut Writer) {
        self.proof.write(writer);
        writer.presence(self.frontier.is_some());
        if let Some(frontier) = &self.frontier {
            frontier.write(writer);
        }
        write_cited(writer, self.cited.as_ref());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let proof = ForkProof::read(reader)?;
        let frontier = if reader.presence("frontier")? { Some(Position::read(reader)?) } else { None };
        if frontier.is_some_and(|position| position.feed != proof.feed()) {
            return Err(reader.malformed("frontier", Wrong::Value));
        }
        Ok(Self { proof, frontier, cited: read_cited(reader)? })
    }
}

/// The place where `feed` ends in a frontier or cover, if it is listed.
pub fn end_of<'a>(cover: &'a [Position], feed: &FeedId) -> Option<&'a Position> {
    let index = cover.binary_search_by_key(feed, |position| position.feed).ok()?;
    cover.get(index)
}

fn read_frontier(reader: &mut Reader<'_>) -> Result<Vec<Position>, DecodeError> {
    reader.sorted(COVER_ENTRIES_MAX, Position::BYTES_MIN, "frontier", Position::read, |position| position.feed)
}

fn write_list<T>(writer: &mut Writer, list: &[T], element: impl Fn(&T, &mut Writer)) {
    writer.count(list.len());
    for one in list {
        element(one, writer);
    }
}

fn write_cited(writer: &mut Writer, cited: Option<&CitedCheckpoint>) {
    writer.presence(cited.is_some());
    if let Some(cited) = cited {
        cited.write(writer);
    }
}

fn read_cited(reader: &mut Reader<'_>) -> Result<Option<CitedCheckpoint>, DecodeError> {
    if reader.presence("checkpoint")? { Ok(Some(CitedCheckpoint::read(reader)?)) } else { Ok(None) }
}

fn read_roots(reader: &mut Reader<'_>) -> Result<Vec<RootKey>, DecodeError> {
    reader.sorted(2, 65, "roots", RootKey::read, |root| root.class)
}

fn read_scope(reader: &mut Reader<'_>) -> Result<(SectionId, Scope), DecodeError> {
    let section = SectionId(reader.array("section")?);
    let bits = reader.u8("scope")?;
    match Scope::from_bits(bits) {
        Some(scope) if scope != Scope::NONE => Ok((section, scope)),
        _ => Err(reader.malformed("scope", Wrong::Value)),
    }
}
