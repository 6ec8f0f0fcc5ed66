//! What operations say. `docs/membership.md`, "Bodies" gives the bytes of each.

mod object;
mod rekey;
mod removal;

use carnet_crypto::{
    door::UnixMillis,
    id::{FeedId, Incarnation, OpId, PrincipalId, SectionId},
    sign::PublicKey,
};

use super::detached::KemHash;
use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    feed::{ForkProof, Position},
    limits::{
        ADOPTED_PER_OP_MAX, COVER_ENTRIES_MAX, LEASE_S, RELAY_ADDRESS_BYTES_MAX, RELAY_ADDRESSES_MAX,
        SECTIONS_PER_OP_MAX,
    },
};

pub use object::{ObjectKind, Rebase, Seal};
pub use rekey::{Rekey, SectionRekey, Wrap, WrapTarget};
pub use removal::{CitedCheckpoint, Reason, Removal, Target};

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
