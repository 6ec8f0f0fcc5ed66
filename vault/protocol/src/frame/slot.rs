//! A rendezvous slot: where an inviter and a stranger leave each other two messages.
//!
//! The messages are sealed and authenticated under the secret of the ticket; the relay sees their sizes. A second,
//! different message of the stranger at one place closes the slot: the ticket is burnt.

use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    frame::Body,
};

/// Messages each way.
pub const SLOT_MESSAGES_MAX: usize = 2;
/// Longest message, in bytes.
pub const SLOT_MESSAGE_BYTES_MAX: usize = 8 << 10;
/// Longest life of a slot, in milliseconds: 48 hours, that of a ticket sent by letter.
pub const SLOT_LIFETIME_MS_MAX: u64 = 48 * 60 * 60 * 1_000;
/// Longest wait for a message in one request, in milliseconds.
pub const SLOT_WAIT_MS_MAX: u64 = 30_000;

/// An inviter opens a slot. Opening it again changes nothing. The reply is [`SlotContent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotOpen {
    /// The slot, derived from the secret of the ticket.
    pub name: [u8; 16],
    /// How long it stays open, in milliseconds.
    pub lifetime_ms: u64,
}

impl Body for SlotOpen {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { name: from.array("slot")?, lifetime_ms: from.varint(SLOT_LIFETIME_MS_MAX, "lifetime")? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(&self.name).varint(self.lifetime_ms);
    }
}

/// Leaves a message. The reply is [`SlotContent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPost {
    /// The slot.
    pub name: [u8; 16],
    /// Which of this side's messages it is, from 0.
    pub index: u8,
    /// The message, sealed.
    pub message: Vec<u8>,
}

impl Body for SlotPost {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = from.array("slot")?;
        let index = from.u8("index")?;
        if usize::from(index) >= SLOT_MESSAGES_MAX {
            return Err(from.malformed("index", Wrong::TooLarge { limit: 1 }));
        }
        Ok(Self { name, index, message: from.bytes(SLOT_MESSAGE_BYTES_MAX, "message")?.to_vec() })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(&self.name).u8(self.index).bytes(&self.message);
    }
}

/// What did the other side leave? The reply is [`SlotContent`], at once when it holds more than `seen` messages or the
/// slot is closed, else after at most `wait_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRead {
    /// The slot.
    pub name: [u8; 16],
    /// Number of messages of the other side seen already.
    pub seen: u8,
    /// Longest wait, in milliseconds.
    pub wait_ms: u64,
}

impl Body for SlotRead {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = from.array("slot")?;
        let seen = from.u8("seen")?;
        if usize::from(seen) > SLOT_MESSAGES_MAX {
            return Err(from.malformed("seen", Wrong::TooLarge { limit: 2 }));
        }
        Ok(Self { name, seen, wait_ms: from.varint(SLOT_WAIT_MS_MAX, "wait")? })
    }

    fn write(&self, to: &mut Writer) {
        to.raw(&self.name).u8(self.seen).varint(self.wait_ms);
    }
}

/// What is in the slot, as one side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotContent {
    /// Whether the slot is open; once closed it holds nothing.
    pub open: bool,
    /// How many messages this side has left.
    pub own: u8,
    /// The messages of the other side, in their order.
    pub theirs: Vec<Vec<u8>>,
}

impl Body for SlotContent {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let open = from.presence("open")?;
        let own = from.u8("own")?;
        if usize::from(own) > SLOT_MESSAGES_MAX {
            return Err(from.malformed("own", Wrong::TooLarge { limit: 2 }));
        }
        let theirs = from.list(SLOT_MESSAGES_MAX, 1, "messages", |from| {
            Ok(from.bytes(SLOT_MESSAGE_BYTES_MAX, "message")?.to_vec())
        })?;
        Ok(Self { open, own, theirs })
    }

    fn write(&self, to: &mut Writer) {
        to.presence(self.open).u8(self.own).count(self.theirs.len());
        for message in &self.theirs {
            to.bytes(message);
        }
    }
}
