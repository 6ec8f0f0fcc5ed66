//! What the keys and values of the tables mean. Values are canonical; a value that does not read is damage.

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, FeedId, ObjectId, OpId, PrincipalId, SectionId},
};
use carnet_protocol::{
    checkpoint::{Head, SignedReceipt},
    codec::{DecodeError, Reader, Writer},
    membership::HeadsDigest,
};

use super::StoreError;

/// The number of a record in this store.
pub(crate) type RecordNumber = u64;

/// The key of a table: fixed-size parts, numbers big-endian so that they sort.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// Begins with a record.
    pub(crate) fn of(record: RecordNumber) -> Self {
        Self(record.to_be_bytes().to_vec())
    }

    /// Goes on with bytes of a fixed length.
    pub(crate) fn then(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// Goes on with a number.
    pub(crate) fn number(self, number: u64) -> Self {
        self.then(&number.to_be_bytes())
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The number in the last 8 bytes of a key.
pub(crate) fn last_number(key: &[u8]) -> Result<u64, StoreError> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(StoreError::Damaged("key"))
}

/// A value of a table.
pub(crate) trait Row: Sized {
    /// What it is called when it is damaged.
    const WHAT: &'static str;

    fn write(&self, to: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// The bytes of the value.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.finish()
    }

    /// The value in these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new(bytes);
        let row = Self::read(&mut reader).map_err(|_| StoreError::Damaged(Self::WHAT))?;
        reader.finish(Self::WHAT).map_err(|_| StoreError::Damaged(Self::WHAT))?;
        Ok(row)
    }
}

/// A record: by which number the tables know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordRow {
    pub(crate) number: RecordNumber,
    pub(crate) created: UnixMillis,
    /// Whether an `End` counts: nothing is served or taken any more.
    pub(crate) ended: bool,
}

impl Row for RecordRow {
    const WHAT: &'static str = "record";

    fn write(&self, to: &mut Writer) {
        to.u64(self.number).u48(self.created.0).presence(self.ended);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            number: from.u64("number")?,
            created: UnixMillis(from.u48("created")?),
            ended: from.presence("ended")?,
        })
    }
}

/// An operation in the membership log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperationRow {
    pub(crate) id: OpId,
    /// The running hash after it.
    pub(crate) chain: [u8; 32],
    pub(crate) receipt: SignedReceipt,
    /// Receipts of earlier relays, as they were handed over.
    pub(crate) foreign: Vec<SignedReceipt>,
    pub(crate) bytes: Vec<u8>,
}

impl Row for OperationRow {
    const WHAT: &'static str = "operation";

    fn write(&self, to: &mut Writer) {
        to.raw(&self.id.0).raw(&self.chain);
        self.receipt.write(to);
        to.count(self.foreign.len());
        for receipt in &self.foreign {
            receipt.write(to);
        }
        to.bytes(&self.bytes);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: OpId(from.array("id")?),
            chain: from.array("chain")?,
            receipt: SignedReceipt::read(from)?,
            foreign: from.list(16, SignedReceipt::BYTES_MIN, "receipts", SignedReceipt::read)?,
            bytes: from.bytes(usize::MAX, "operation")?.to_vec(),
        })
    }
}

/// Where the log of a section stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadRow {
    pub(crate) head: Head,
    /// Bytes of all its envelopes that are still stored.
    pub(crate) bytes: u64,
    /// The last position whose envelope was deleted under a confirmed snapshot or merge; 0 for none.
    pub(crate) gone: u64,
}

impl Row for HeadRow {
    const WHAT: &'static str = "head";

    fn write(&self, to: &mut Writer) {
        self.head.write(to);
        to.varint(self.bytes).varint(self.gone);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            head: Head::read(from)?,
            bytes: from.varint(u64::MAX, "bytes")?,
            gone: from.varint(u64::MAX, "gone")?,
        })
    }
}

/// An envelope in the log of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvelopeRow {
    pub(crate) id: EnvelopeId,
    /// The running hash after it.
    pub(crate) chain: [u8; 32],
    pub(crate) time: UnixMillis,
    pub(crate) feed: FeedId,
    pub(crate) seq: u32,
    /// The membership heads in force.
    pub(crate) heads: HeadsDigest,
    pub(crate) length: u64,
    pub(crate) place: Place,
}

/// Where the bytes of an envelope are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Deleted, after a confirmed snapshot or merge covered it.
    Gone,
    /// In the row.
    Inline(Vec<u8>),
    /// In a file of its own.
    File,
}

impl Row for EnvelopeRow {
    const WHAT: &'static str = "envelope";

    fn write(&self, to: &mut Writer) {
        to.raw(&self.id.0).raw(&self.chain).u48(self.time.0).raw(&self.feed.0).varint(self.seq.into());
        to.raw(&self.heads.0).varint(self.length);
        match &self.place {
            Place::Gone => to.u8(0),
            Place::Inline(bytes) => to.u8(1).bytes(bytes),
            Place::File => to.u8(2),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: EnvelopeId(from.array("id")?),
            chain: from.array("chain")?,
            time: UnixMillis(from.u48("time")?),
            feed: FeedId(from.array("feed")?),
            seq: u32::try_from(from.varint(u32::MAX.into(), "seq")?).unwrap_or(0),
            heads: HeadsDigest(from.array("heads")?),
            length: from.varint(u64::MAX, "length")?,
            place: match from.u8("place")? {
                0 => Place::Gone,
                1 => Place::Inline(from.bytes(usize::MAX, "envelope")?.to_vec()),
                2 => Place::File,
                other => return Err(DecodeError::Unsupported { what: "place", value: other.into() }),
            },
        })
    }
}

/// The end of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeedRow {
    pub(crate) seq: u32,
    pub(crate) last: EnvelopeId,
    /// The device that writes it.
    pub(crate) device: DeviceId,
}

impl Row for FeedRow {
    const WHAT: &'static str = "feed";

    fn write(&self, to: &mut Writer) {
        to.varint(self.seq.into()).raw(&self.last.0).raw(&self.device.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            seq: u32::try_from(from.varint(u32::MAX.into(), "seq")?).unwrap_or(0),
            last: EnvelopeId(from.array("last")?),
            device: DeviceId(from.array("device")?),
        })
    }
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectRow {
    pub(crate) total: u64,
    pub(crate) time: UnixMillis,
    pub(crate) principal: PrincipalId,
    /// Whether all bytes are stored and checked. Before that the length of the file says how many there are.
    pub(crate) complete: bool,
}

impl Row for ObjectRow {
    const WHAT: &'static str = "object";

    fn write(&self, to: &mut Writer) {
        to.varint(self.total).u48(self.time.0).raw(&self.principal.0).presence(self.complete);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            total: from.varint(u64::MAX, "total")?,
            time: UnixMillis(from.u48("time")?),
            principal: PrincipalId(from.array("principal")?),
            complete: from.presence("complete")?,
        })
    }
}

/// A rendezvous slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotRow {
    pub(crate) record: RecordNumber,
    pub(crate) opener: DeviceId,
    pub(crate) expires: UnixMillis,
    /// Whether a second message came for one place: the slot stays closed.
    pub(crate) burnt: bool,
    /// Messages of the inviter, then of the stranger.
    pub(crate) messages: [Vec<Vec<u8>>; 2],
}

impl Row for SlotRow {
    const WHAT: &'static str = "slot";

    fn write(&self, to: &mut Writer) {
        to.u64(self.record).raw(&self.opener.0).u48(self.expires.0).presence(self.burnt);
        for side in &self.messages {
            to.count(side.len());
            for message in side {
                to.bytes(message);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let side =
            |from: &mut Reader<'_>| from.list(2, 1, "messages", |from| Ok(from.bytes(8_192, "message")?.to_vec()));
        Ok(Self {
            record: from.u64("record")?,
            opener: DeviceId(from.array("opener")?),
            expires: UnixMillis(from.u48("expires")?),
            burnt: from.presence("burnt")?,
            messages: [side(from)?, side(from)?],
        })
    }
}

/// Which membership positions a device was served, and when first: ascending, at most [`ServedRow::MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServedRow {
    pub(crate) until: Vec<(u64, UnixMillis)>,
}

impl ServedRow {
    /// Entries kept; older ones are folded into the oldest, which only forgets how long ago it was.
    pub(crate) const MAX: usize = 32;

    /// Notes that everything up to `position` was served at `now`. False when that was known.
    pub(crate) fn note(&mut self, position: u64, now: UnixMillis) -> bool {
        if self.until.last().is_some_and(|(last, _)| *last >= position) {
            return false;
        }
        if self.until.len() >= Self::MAX {
            self.until.remove(0);
        }
        self.until.push((position, now));
        true
    }

    /// The highest position that was served before `instant`.
    pub(crate) fn before(&self, instant: UnixMillis) -> u64 {
        self.until.iter().rev().find(|(_, time)| *time <= instant).map_or(0, |(position, _)| *position)
    }
}

impl Row for ServedRow {
    const WHAT: &'static str = "served";

    fn write(&self, to: &mut Writer) {
        to.count(self.until.len());
        for (position, time) in &self.until {
            to.varint(*position).u48(time.0);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let entry = |from: &mut Reader<'_>| Ok((from.varint(u64::MAX, "position")?, UnixMillis(from.u48("time")?)));
        Ok(Self { until: from.list(Self::MAX, 7, "served", entry)? })
    }
}

/// A view that does not follow from the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewRow {
    pub(crate) heads: Vec<OpId>,
}

impl Row for ViewRow {
    const WHAT: &'static str = "view";

    fn write(&self, to: &mut Writer) {
        to.count(self.heads.len());
        for head in &self.heads {
            to.raw(&head.0);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { heads: from.list(8, 32, "heads", |from| from.array("head").map(OpId))? })
    }
}

/// Keys that several files build.
pub(crate) mod keys {
    use super::{FeedId, Key, ObjectId, OpId, RecordNumber, SectionId};

    pub(crate) fn operation(record: RecordNumber, position: u64) -> Key {
        Key::of(record).number(position)
    }

    pub(crate) fn operation_index(record: RecordNumber, id: &OpId) -> Key {
        Key::of(record).then(&id.0)
    }

    pub(crate) fn head(record: RecordNumber, section: &SectionId) -> Key {
        Key::of(record).then(&section.0)
    }

    pub(crate) fn envelope(record: RecordNumber, section: &SectionId, position: u64) -> Key {
        head(record, section).number(position)
    }

    pub(crate) fn feed_index(record: RecordNumber, section: &SectionId, feed: &FeedId, seq: u32) -> Key {
        head(record, section).then(&feed.0).then(&seq.to_be_bytes())
    }

    pub(crate) fn feed(record: RecordNumber, section: &SectionId, feed: &FeedId) -> Key {
        head(record, section).then(&feed.0)
    }

    pub(crate) fn object(record: RecordNumber, object: &ObjectId) -> Key {
        Key::of(record).then(&object.0)
    }
}

/// A signature that was never made, for rows in tests.
#[cfg(test)]
pub(crate) const NO_SIGNATURE: carnet_crypto::sign::Signature = carnet_crypto::sign::Signature([0; 64]);

#[cfg(test)]
mod tests {
    use super::*;

    fn back<R: Row + PartialEq + std::fmt::Debug>(row: R) {
        let bytes = row.encode();
        assert_eq!(R::decode(&bytes).unwrap(), row);
        assert!(R::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        assert!(R::decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn every_row_reads_back_and_damage_is_told() {
        let receipt = SignedReceipt { store_epoch: 1, position: 300, time: UnixMillis(5), signature: NO_SIGNATURE };
        back(RecordRow { number: 7, created: UnixMillis(9), ended: true });
        back(OperationRow { id: OpId([1; 32]), chain: [2; 32], receipt, foreign: vec![receipt], bytes: vec![1; 200] });
        back(HeadRow { head: Head::START.append(&[1; 32]), bytes: 12, gone: 1 });
        for place in [Place::Gone, Place::Inline(vec![1; 300]), Place::File] {
            back(EnvelopeRow {
                id: EnvelopeId([1; 32]),
                chain: [2; 32],
                time: UnixMillis(3),
                feed: FeedId([4; 16]),
                seq: 5,
                heads: HeadsDigest([6; 32]),
                length: 300,
                place,
            });
        }
        back(FeedRow { seq: 1, last: EnvelopeId([1; 32]), device: DeviceId([2; 16]) });
        back(ObjectRow { total: 9, time: UnixMillis(1), principal: PrincipalId([1; 16]), complete: true });
        back(SlotRow {
            record: 1,
            opener: DeviceId([1; 16]),
            expires: UnixMillis(1),
            burnt: false,
            messages: [vec![vec![1, 2]], vec![]],
        });
        back(ViewRow { heads: vec![OpId([1; 32]), OpId([2; 32])] });
        back(ServedRow { until: vec![(1, UnixMillis(2)), (9, UnixMillis(10))] });
    }

    #[test]
    fn what_was_served_before_an_instant() {
        let mut served = ServedRow::default();
        assert!(served.note(3, UnixMillis(100)));
        assert!(!served.note(3, UnixMillis(200)));
        assert!(served.note(8, UnixMillis(300)));
        let at = |time| served.before(UnixMillis(time));
        assert_eq!([at(99), at(100), at(299), at(300), at(900)], [0, 3, 3, 8, 8]);
        for n in 0..100 {
            served.note(n, UnixMillis(n));
        }
        assert!(served.until.len() <= ServedRow::MAX);
    }
}
