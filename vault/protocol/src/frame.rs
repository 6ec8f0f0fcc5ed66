//! What goes over a stream between two nodes.
//!
//! A frame is one byte of kind, three bytes of length (little-endian) and that many bytes of canonical body. The header
//! alone tells whether the rest may be read: each kind has its own limit, compared before anything is allocated. Which
//! frame may stand where is a pure function of the state of the stream ([`Stage::next`]), so every frame in every state
//! is decidable. Nothing here opens a socket, checks a signature or remembers anything.
//! Source: `docs/frames.md`.

use crate::codec::{DecodeError, Reader, Writer, Wrong};

pub mod address;
pub mod hello;
pub mod object;
pub mod peer;
pub mod pull;
pub mod push;
pub mod slot;

pub use self::{
    address::{AdmissionToken, ParseRelayAddressError, RelayAddress},
    hello::{Create, Hello, RootHello, SlotEnter, StreamRole},
    object::{ObjectAsked, ObjectId, ObjectPart, ObjectState, ObjectWanted},
    peer::{PeerEnvelopes, PeerFile, PeerStage, PeerState, PeerStep, SectionVector},
    pull::{
        Batch, Cause, Cursor, FeedBase, Mismatch, PartsWanted, Pull, Pulled, Reconcile, SentOperation, SentView, Tail,
        Vector, VectorEntry,
    },
    push::{Item, Push, Pushed, Refusal, SectionRef},
    slot::{SlotContent, SlotOpen, SlotPost, SlotRead},
};

/// The name of the protocol between device and relay in the TLS handshake (ALPN).
pub const RELAY_ALPN: &[u8] = b"carnet/relay/1";
/// The name of the protocol between two devices in the TLS handshake (ALPN).
pub const PEER_ALPN: &[u8] = b"carnet/peer/1";
/// The version in the first frame of a stream.
pub const FRAME_VERSION: u8 = 1;
/// Longest body of any frame, in bytes: one envelope or object part of 1 MiB with room for what goes around it.
pub const BODY_BYTES_MAX: usize = (1 << 20) + (1 << 16);
/// Longest body of a frame that may open a stream without a record, in bytes.
pub const OPENING_BYTES_MAX: usize = 256;
/// A sender closes a batch of small things once its body holds this many bytes, and starts the next frame.
pub const COALESCED_BYTES: usize = 64 << 10;
/// Most requests on one stream that wait for their reply; a sender that would exceed it waits.
pub const UNACKNOWLEDGED_MAX: usize = 512;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident = $byte:literal, at most $limit:expr, $side:ident;)+) => {
        /// What a frame is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])+ $kind = $byte,)+ }

        impl Kind {
            /// Every kind, in the order of their bytes.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The first byte of the frame.
            pub fn byte(self) -> u8 {
                match self { $(Self::$kind => $byte,)+ }
            }

            /// The kind of this first byte.
            pub fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($byte => Some(Self::$kind),)+ _ => None }
            }

            /// Longest body, in bytes.
            pub fn body_bytes_max(self) -> usize {
                match self { $(Self::$kind => $limit,)+ }
            }

            /// Who may send it.
            pub fn side(self) -> Side {
                match self { $(Self::$kind => Side::$side,)+ }
            }
        }
    };
}

/// Which end of a stream sends a kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The device that opened the stream at a relay.
    Asker,
    /// The relay.
    Answerer,
    /// Either of two devices.
    Peer,
}

kinds! {
    /// A device names a record and proves its key.
    Hello = 0x01, at most OPENING_BYTES_MAX, Asker;
    /// The first device of a record hands over its genesis.
    Create = 0x02, at most 16 << 10, Asker;
    /// A recovery kit proves the root key and asks for the genesis.
    RootHello = 0x03, at most OPENING_BYTES_MAX, Asker;
    /// A stranger names an open slot.
    SlotEnter = 0x04, at most OPENING_BYTES_MAX, Asker;
    /// What is new beyond these positions?
    Pull = 0x10, at most 16 << 10, Asker;
    /// What is new beyond these version vectors?
    Reconcile = 0x11, at most 256 << 10, Asker;
    /// Store these operations and envelopes.
    Push = 0x12, at most BODY_BYTES_MAX, Asker;
    /// Tell once when something is new on this stream.
    Subscribe = 0x13, at most 0, Asker;
    /// How much of this object is there?
    ObjectAsked = 0x14, at most 32, Asker;
    /// A part of an object.
    ObjectPut = 0x15, at most BODY_BYTES_MAX, Asker;
    /// Give a part of this object.
    ObjectWanted = 0x16, at most 64, Asker;
    /// Open a slot for a stranger.
    SlotOpen = 0x17, at most 64, Asker;
    /// Leave a message in the slot.
    SlotPost = 0x18, at most 16 << 10, Asker;
    /// What did the other side leave?
    SlotRead = 0x19, at most 64, Asker;
    /// Give the keys that operations name by hash.
    PartsWanted = 0x1a, at most 16 << 10, Asker;

    /// The constant answer to everyone who may not be served.
    Refused = 0x40, at most 0, Answerer;
    /// The device is served.
    Welcome = 0x41, at most 0, Answerer;
    /// The genesis of the record.
    Genesis = 0x42, at most 16 << 10, Answerer;
    /// Operations with their receipts.
    Operations = 0x50, at most BODY_BYTES_MAX, Answerer;
    /// Envelopes of one section.
    Tail = 0x51, at most BODY_BYTES_MAX, Answerer;
    /// The end of what a pull, a live notice or a reconciliation brings.
    Pulled = 0x52, at most 256 << 10, Answerer;
    /// What the relay holds of a section, feed by feed.
    Vector = 0x53, at most 64 << 10, Answerer;
    /// What became of a push.
    Pushed = 0x54, at most 512 << 10, Answerer;
    /// How much of an object is there.
    ObjectState = 0x55, at most 64, Answerer;
    /// A part of an object.
    ObjectPart = 0x56, at most BODY_BYTES_MAX, Answerer;
    /// What is in the slot.
    SlotContent = 0x57, at most 32 << 10, Answerer;
    /// Operations with the keys that they name by hash.
    Parts = 0x58, at most BODY_BYTES_MAX, Answerer;
    /// A request of a served device that is not granted, with a code.
    Denied = 0x5e, at most 1, Answerer;
    /// Too much at once: this stream ends, what has no reply is to be sent again.
    Busy = 0x5f, at most 0, Answerer;

    /// A device names a record and proves its key to another device.
    PeerHello = 0x80, at most OPENING_BYTES_MAX, Peer;
    /// Membership heads and version vectors.
    PeerState = 0x81, at most 1 << 20, Peer;
    /// Operations that are missing, by id.
    PeerOperationsWanted = 0x82, at most 64 << 10, Peer;
    /// Operations.
    PeerOperations = 0x83, at most BODY_BYTES_MAX, Peer;
    /// Envelopes of one section.
    PeerEnvelopes = 0x84, at most BODY_BYTES_MAX, Peer;
    /// A part of an object is wanted.
    PeerObjectWanted = 0x85, at most 64, Peer;
    /// A part of an object.
    PeerObjectPart = 0x86, at most BODY_BYTES_MAX, Peer;
    /// Nothing more will be sent of its own accord.
    PeerDone = 0x87, at most 0, Peer;
    /// The constant answer to a device that may not be served.
    PeerRefused = 0x88, at most 0, Peer;
}

/// The first four bytes of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What it is.
    pub kind: Kind,
    /// Length of the body in bytes, within the limit of the kind.
    pub body_bytes: usize,
}

impl Kind {
    /// Whether a served device asks with it.
    pub fn is_request(self) -> bool {
        matches!(
            self,
            Self::Pull
                | Self::Reconcile
                | Self::Push
                | Self::Subscribe
                | Self::ObjectAsked
                | Self::ObjectPut
                | Self::ObjectWanted
                | Self::SlotOpen
                | Self::SlotPost
                | Self::SlotRead
                | Self::PartsWanted
        )
    }
}

impl FrameHeader {
    /// Length of a header, in bytes.
    pub const BYTES: usize = 4;

    /// The header in these bytes.
    ///
    /// # Errors
    /// An unknown kind, or a length above the limit of the kind: nothing more may be read from the stream.
    pub fn parse(bytes: [u8; Self::BYTES]) -> Result<Self, DecodeError> {
        let [kind, a, b, c] = bytes;
        let kind = Kind::from_byte(kind).ok_or(DecodeError::Unsupported { what: "frame", value: u64::from(kind) })?;
        let limit = kind.body_bytes_max();
        let length = u32::from_le_bytes([a, b, c, 0]);
        match usize::try_from(length) {
            Ok(body_bytes) if body_bytes <= limit => Ok(Self { kind, body_bytes }),
            _ => Err(DecodeError::Malformed {
                what: "frame",
                wrong: Wrong::TooLarge { limit: u64::try_from(limit).unwrap_or(u64::MAX) },
                at: 1,
            }),
        }
    }
}

macro_rules! frames {
    (empty: $($empty:ident)+; full: $($full:ident($body:ty))+) => {
        /// One frame, its body parsed.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each variant is the body of the kind of the same name, which is documented")]
        pub enum Frame { $($empty,)+ $($full($body),)+ }

        impl Frame {
            /// What it is.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$empty => Kind::$empty,)+ $(Self::$full(_) => Kind::$full,)+ }
            }

            fn write_body(&self, to: &mut Writer) {
                match self { $(Self::$empty => {})+ $(Self::$full(body) => body.write(to),)+ }
            }

            fn read_body(kind: Kind, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match kind {
                    $(Kind::$empty => Ok(Self::$empty),)+
                    $(Kind::$full => Body::read(from).map(Self::$full),)+
                }
            }
        }
    };
}

frames! {
    empty: Busy PeerDone PeerRefused Refused Subscribe Welcome;
    full: Hello(Hello) Create(Create) RootHello(RootHello) SlotEnter(SlotEnter)
        Pull(Pull) Reconcile(Reconcile) Push(Push)
        ObjectAsked(ObjectAsked) ObjectPut(ObjectPart) ObjectWanted(ObjectWanted)
        SlotOpen(SlotOpen) SlotPost(SlotPost) SlotRead(SlotRead) PartsWanted(PartsWanted)
        Genesis(SentOperation) Operations(Batch) Parts(Batch) Tail(Tail) Pulled(Pulled) Vector(Vector) Pushed(Pushed)
        ObjectState(ObjectState) ObjectPart(ObjectPart) SlotContent(SlotContent) Denied(Denial)
        PeerHello(Hello) PeerState(PeerState) PeerOperationsWanted(peer::OperationsWanted) PeerOperations(Batch)
        PeerEnvelopes(PeerEnvelopes) PeerObjectWanted(ObjectWanted) PeerObjectPart(ObjectPart)
}

impl Frame {
    /// Header and body. A body longer than its kind allows is for the receiver to refuse; builders keep within.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        self.write_body(&mut body);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut frame = Writer::with_capacity(body.len().saturating_add(FrameHeader::BYTES));
        frame.u8(self.kind().byte()).raw(length.get(..3).unwrap_or_default()).raw(body.as_slice());
        frame.finish()
    }

    /// The frame whose header was parsed and whose body is `body`, in full.
    ///
    /// # Errors
    /// A body of another length than the header says, not canonical, or beyond a limit.
    pub fn decode(header: FrameHeader, body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        if body.len() != header.body_bytes {
            let wrong = if body.len() < header.body_bytes { Wrong::Truncated } else { Wrong::Trailing };
            return Err(reader.malformed("frame", wrong));
        }
        let frame = Self::read_body(header.kind, &mut reader)?;
        reader.finish("frame")?;
        Ok(frame)
    }

    /// The first frame in `bytes` and what follows it, for files and tests.
    ///
    /// # Errors
    /// As [`FrameHeader::parse`] and [`Frame::decode`].
    pub fn decode_first(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = FrameHeader::parse(reader.array("frame")?)?;
        let body = reader.take(header.body_bytes, "frame")?;
        Ok((Self::decode(header, body)?, reader.rest()))
    }
}

/// The body of a frame: canonical both ways.
pub(crate) trait Body: Sized {
    /// Reads the body; the caller refuses trailing bytes.
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError>;
    /// Appends the body.
    fn write(&self, to: &mut Writer);
}

/// Why a request of a served device is not granted. Strangers never learn a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Denial {
    /// The frame may not stand here; the stream ends.
    OutOfPlace = 1,
    /// The device has no right to this.
    NotGranted = 2,
    /// Storage for this principal, record or address is used up.
    Quota = 3,
    /// Too many requests; wait a minute.
    Rate = 4,
    /// There is no such thing here.
    Absent = 5,
    /// The bytes do not have the announced length or hash; what was stored of them is dropped.
    Mismatch = 6,
    /// Storage failed; nothing was acknowledged.
    Unavailable = 7,
}

impl Denial {
    /// Every reason.
    pub const ALL: [Self; 7] =
        [Self::OutOfPlace, Self::NotGranted, Self::Quota, Self::Rate, Self::Absent, Self::Mismatch, Self::Unavailable];

    fn byte(self) -> u8 {
        match self {
            Self::OutOfPlace => 1,
            Self::NotGranted => 2,
            Self::Quota => 3,
            Self::Rate => 4,
            Self::Absent => 5,
            Self::Mismatch => 6,
            Self::Unavailable => 7,
        }
    }
}

impl Body for Denial {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let byte = from.u8("reason")?;
        Self::ALL.into_iter().find(|reason| reason.byte() == byte).ok_or(from.malformed("reason", Wrong::Value))
    }

    fn write(&self, to: &mut Writer) {
        to.u8(self.byte());
    }
}

/// How far a stream at a relay has come, as far as it decides which frame may stand next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing was said.
    Opening,
    /// The device is served.
    Served,
    /// A stranger is in an open slot.
    InSlot,
    /// Nothing more may come.
    Ended,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Opening, Self::Served, Self::InSlot, Self::Ended];

    /// What a frame of `kind`, sent by the device, means here. `Opening` frames lead on only if they are granted.
    pub fn next(self, kind: Kind) -> Step {
        match (self, kind) {
            (Self::Opening, Kind::Hello | Kind::Create) => Step::Judge(Self::Served),
            (Self::Opening, Kind::SlotEnter) => Step::Judge(Self::InSlot),
            (Self::Opening, Kind::RootHello) => Step::Judge(Self::Ended),
            (Self::Served, kind) if kind.is_request() => Step::Serve,
            (Self::InSlot, Kind::SlotPost | Kind::SlotRead) => Step::Serve,
            (Self::Opening, _) => Step::Refuse,
            (Self::Served | Self::InSlot, _) => Step::OutOfPlace,
            (Self::Ended, _) => Step::Ignore,
        }
    }
}

/// What a relay does with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Decides about the one who asks; granted, the stream comes to this stage, else [`Step::Refuse`].
    Judge(Stage),
    /// Answers it.
    Serve,
    /// Gives the constant answer and ends the stream.
    Refuse,
    /// Says so and ends the stream.
    OutOfPlace,
    /// Does nothing.
    Ignore,
}

#[cfg(test)]
mod tests;
