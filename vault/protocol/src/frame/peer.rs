//! Two devices without a relay, over a connection or a file.
//!
//! Both sides send a [`Hello`](super::Hello) (the one who opened the stream first), then a [`PeerState`]; then each sends
//! what the other lacks and `PeerDone`. Operations whose parents are missing are asked for by id. In a file there is no
//! hello and no asking: [`PeerFile`] stands in front, then a `PeerState` and everything the writer wants to hand over,
//! then `PeerDone`; the nonce takes the place of the exporter in the hashes of the version vectors.

use carnet_crypto::id::{OpId, RecordId, SectionId};

use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    frame::{
        Body, FRAME_VERSION, Kind,
        pull::{VectorEntry, read_entries, read_envelopes, write_entries, write_envelopes},
    },
};

/// How far a stream between two devices has come, as one of them sees what the other sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerStage {
    /// Nothing was heard.
    Opening,
    /// The other has proved its key.
    Greeted,
    /// The other has said what it holds; now it gives and asks.
    Stated,
    /// The other gives nothing more of its own accord; it may still ask, and answer what it is asked.
    Done,
    /// A stranger is in an open slot.
    InSlot,
    /// Nothing more may come.
    Ended,
}

impl PeerStage {
    /// Every stage.
    pub const ALL: [Self; 6] = [Self::Opening, Self::Greeted, Self::Stated, Self::Done, Self::InSlot, Self::Ended];

    /// What a frame of `kind`, sent by the other device, means here.
    pub fn next(self, kind: Kind) -> PeerStep {
        match (self, kind) {
            (Self::Ended, _) => PeerStep::Ignore,
            (_, Kind::PeerRefused) => PeerStep::Take(Self::Ended),
            (Self::Opening, Kind::PeerHello) => PeerStep::Judge(Self::Greeted),
            (Self::Opening, Kind::SlotEnter) => PeerStep::Judge(Self::InSlot),
            (Self::Opening, _) => PeerStep::Refuse,
            (Self::Greeted, Kind::PeerState) => PeerStep::Take(Self::Stated),
            (Self::Stated, Kind::PeerDone) => PeerStep::Take(Self::Done),
            (
                Self::Stated | Self::Done,
                Kind::PeerOperationsWanted
                | Kind::PeerOperations
                | Kind::PeerEnvelopes
                | Kind::PeerObjectWanted
                | Kind::PeerObjectPart,
            )
            | (Self::InSlot, Kind::SlotPost | Kind::SlotRead | Kind::SlotContent) => PeerStep::Take(self),
            _ => PeerStep::OutOfPlace,
        }
    }
}

/// What a device does with a frame of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStep {
    /// Decides about the one who asks; granted, the stream comes to this stage, else [`PeerStep::Refuse`].
    Judge(PeerStage),
    /// Takes or answers it; the stream comes to this stage.
    Take(PeerStage),
    /// Gives the constant answer, `PeerRefused`, and ends the stream.
    Refuse,
    /// Ends the stream, and counts it against the other.
    OutOfPlace,
    /// Does nothing.
    Ignore,
}

/// Most membership heads in one state.
pub const HEADS_MAX: usize = 256;
/// Most sections in one state.
pub const STATE_SECTIONS_MAX: usize = 1_024;
/// Most operations asked for in one frame.
pub const OPERATIONS_WANTED_MAX: usize = 1_024;

/// What one device holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerState {
    /// The operations no other operation builds on, ascending.
    pub heads: Vec<OpId>,
    /// The sections the other may see, ascending, with the feeds it holds of each.
    pub sections: Vec<SectionVector>,
}

/// What one device holds of one section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionVector {
    /// The section.
    pub section: SectionId,
    /// By ascending feed; feeds that lie whole under a confirmed `Seal` may be left out.
    pub entries: Vec<VectorEntry>,
}

impl Body for PeerState {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let heads = from.sorted(HEADS_MAX, 32, "heads", |from| from.array("head").map(OpId), |id| *id)?;
        let sections = from.sorted(
            STATE_SECTIONS_MAX,
            17,
            "sections",
            |from| Ok(SectionVector { section: SectionId(from.array("section")?), entries: read_entries(from)? }),
            |vector| vector.section,
        )?;
        Ok(Self { heads, sections })
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.heads.len());
        for head in &self.heads {
            to.raw(head.as_bytes());
        }
        to.count(self.sections.len());
        for vector in &self.sections {
            to.raw(vector.section.as_bytes());
            write_entries(to, &vector.entries);
        }
    }
}

/// Operations that are missing, by id, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationsWanted {
    /// Their ids.
    pub ids: Vec<OpId>,
}

impl Body for OperationsWanted {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ids = from.sorted(OPERATIONS_WANTED_MAX, 32, "ids", |from| from.array("id").map(OpId), |id| *id)?;
        Ok(Self { ids })
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.ids.len());
        for id in &self.ids {
            to.raw(id.as_bytes());
        }
    }
}

/// Envelopes of one section, those of one feed in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerEnvelopes {
    /// The section.
    pub section: SectionId,
    /// The envelopes, canonical.
    pub envelopes: Vec<Vec<u8>>,
}

impl Body for PeerEnvelopes {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { section: SectionId(from.array("section")?), envelopes: read_envelopes(from)? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(self.section.as_bytes());
        write_envelopes(to, &self.envelopes);
    }
}

/// The first bytes of an exchange by file, before its frames: 62 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerFile {
    /// The record.
    pub record: RecordId,
    /// Fresh for each file.
    pub nonce: [u8; 16],
}

impl PeerFile {
    /// What every such file begins with.
    pub const MAGIC: [u8; 13] = *b"carnet share\n";
    /// Length in bytes.
    pub const BYTES: usize = 13 + 1 + 32 + 16;

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.raw(&Self::MAGIC).u8(FRAME_VERSION).raw(self.record.as_bytes()).raw(&self.nonce);
        writer.finish()
    }

    /// The head of the file that begins with `bytes`, and the frames after it.
    ///
    /// # Errors
    /// Not such a file, or of another version.
    pub fn decode_first(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.array("file")? != Self::MAGIC {
            return Err(Reader::new(bytes).malformed("file", Wrong::Value));
        }
        match reader.u8("version")? {
            FRAME_VERSION => {}
            other => return Err(DecodeError::Unsupported { what: "file version", value: u64::from(other) }),
        }
        let head = Self { record: RecordId(reader.array("record")?), nonce: reader.array("nonce")? };
        Ok((head, reader.rest()))
    }
}
