//! Handing operations and envelopes to a relay, and what became of each.

use carnet_crypto::id::SectionId;

use crate::{
    checkpoint::{ShortCheckpoint, SignedReceipt},
    codec::{DecodeError, Reader, Writer, Wrong},
    frame::{Body, SentOperation, SentView, pull::SLOTS_MAX},
    limits::ENVELOPE_BYTES_MAX,
};

/// Most operations and envelopes in one push.
pub const ITEMS_MAX: usize = 8_192;

/// Operations and envelopes, in the order in which their author signed them. Sending them again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// What is handed over.
    pub items: Vec<Item>,
}

/// One thing that is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An operation, with all its detached parts.
    Operation(SentOperation),
    /// A view that envelopes after it name by digest, unless the relay learns it from the operations.
    View(SentView),
    /// An envelope, canonical, with its section.
    Envelope(SectionRef, Vec<u8>),
}

/// Which section an envelope belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionRef {
    /// By its id.
    Named(SectionId),
    /// By its slot in the last pull on this stream, from 0.
    Slot(u16),
}

impl Body for Push {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut items = Vec::new();
        while from.remaining() > 0 {
            if items.len() >= ITEMS_MAX {
                return Err(from.malformed("items", Wrong::TooLarge { limit: 8_192 }));
            }
            items.push(read_item(from)?);
        }
        Ok(Self { items })
    }

    fn write(&self, to: &mut Writer) {
        for item in &self.items {
            match item {
                Item::Operation(operation) => {
                    to.u8(0);
                    operation.write(to);
                }
                Item::View(view) => {
                    to.u8(1);
                    view.write(to);
                }
                Item::Envelope(SectionRef::Named(section), envelope) => {
                    to.u8(2).raw(section.as_bytes()).bytes(envelope);
                }
                Item::Envelope(SectionRef::Slot(slot), envelope) => {
                    to.varint(u64::from(*slot).saturating_add(3)).bytes(envelope);
                }
            }
        }
    }
}

fn read_item(from: &mut Reader<'_>) -> Result<Item, DecodeError> {
    let slots = u64::try_from(SLOTS_MAX).unwrap_or(u64::MAX);
    let section = match from.varint(slots.saturating_add(2), "item")? {
        0 => return SentOperation::read(from).map(Item::Operation),
        1 => return SentView::read(from).map(Item::View),
        2 => SectionRef::Named(SectionId(from.array("section")?)),
        code => SectionRef::Slot(u16::try_from(code.saturating_sub(3)).unwrap_or(u16::MAX)),
    };
    Ok(Item::Envelope(section, from.bytes(ENVELOPE_BYTES_MAX, "envelope")?.to_vec()))
}

/// What became of a push. An item without a refusal is stored durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Receipts of the operations that are stored, by ascending index of the item.
    pub receipts: Vec<(u16, SignedReceipt)>,
    /// Items that were not taken, by ascending index.
    pub refusals: Vec<(u16, Refusal)>,
    /// Where all logs stand now.
    pub checkpoint: ShortCheckpoint,
}

impl Body for Pushed {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            receipts: from.sorted(
                ITEMS_MAX,
                SignedReceipt::BYTES_MIN,
                "receipts",
                |from| Ok((read_index(from)?, SignedReceipt::read(from)?)),
                |(index, _)| *index,
            )?,
            refusals: from.sorted(
                ITEMS_MAX,
                2,
                "refusals",
                |from| Ok((read_index(from)?, Refusal::read(from)?)),
                |(index, _)| *index,
            )?,
            checkpoint: ShortCheckpoint::read(from)?,
        })
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.receipts.len());
        for (index, receipt) in &self.receipts {
            to.varint(u64::from(*index));
            receipt.write(to);
        }
        to.count(self.refusals.len());
        for (index, refusal) in &self.refusals {
            to.varint(u64::from(*index)).u8(refusal.byte());
        }
        self.checkpoint.write(to);
    }
}

fn read_index(from: &mut Reader<'_>) -> Result<u16, DecodeError> {
    let most = u64::try_from(ITEMS_MAX.saturating_sub(1)).unwrap_or(u64::MAX);
    Ok(u16::try_from(from.varint(most, "index")?).unwrap_or(u16::MAX))
}

macro_rules! refusals {
    ($($(#[$doc:meta])+ $name:ident = $byte:literal;)+) => {
        /// Why a relay did not take an item.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal { $($(#[$doc])+ $name,)+ }

        impl Refusal {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The byte on the wire.
            pub fn byte(self) -> u8 {
                match self { $(Self::$name => $byte,)+ }
            }
        }
    };
}

refusals! {
    /// Not canonical, too large, or of a version or kind that this relay does not know.
    Malformed = 1;
    /// The signature fits no device that may write there.
    Signature = 2;
    /// Operations that it builds on are missing here.
    ViewMissing = 3;
    /// The author has no right to this, or it has expired.
    NotGranted = 4;
    /// Not the next of its feed: push what comes before.
    Gap = 5;
    /// The relay holds another envelope at this position of the feed.
    Fork = 6;
    /// Its own view contains a removal that its epoch ignores.
    Stale = 7;
    /// Its view lacks a removal that was served to this device more than 7 days ago.
    Ignorant = 8;
    /// A removal whose frontier lies below its checkpoint, or whose checkpoint is too old: sign again.
    Frontier = 9;
    /// The author's clock is more than 10 minutes ahead.
    Clock = 10;
    /// Storage for this principal or record is used up.
    Quota = 11;
    /// Too many rekeys; wait.
    Rate = 12;
    /// It names an object or part that is not stored here.
    ObjectMissing = 13;
    /// It names a section by a slot that the last pull does not have.
    UnknownSection = 14;
}

impl Refusal {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let byte = from.u8("refusal")?;
        Self::ALL.iter().copied().find(|it| it.byte() == byte).ok_or(from.malformed("refusal", Wrong::Value))
    }
}
