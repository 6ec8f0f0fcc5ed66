//! What lies inside an envelope once opened and unpadded. `docs/protocol.md`, "Plaintext".
//!
//! Plaintext = payload as a byte string, then the checkpoint last seen where the header says so. The payload of an
//! envelope of changes is a list of raw Automerge changes; of a batch, its columns; of a drop, an item sealed to the
//! section's inbox. Deflating, padding and reading the changes themselves are done elsewhere: this module knows only
//! where one part ends.

use crate::{
    codec::{DecodeError, Reader, Writer, Wrong},
    limits::{CHANGES_PER_ENVELOPE_MAX, PAYLOAD_BYTES_MAX},
};

/// Longest encoding of [`Seen`], in bytes.
pub const SEEN_BYTES_MAX: usize = 8 + 10 + 5 + 2 * (5 + 16);

/// What the positions of a relay's logs belong to. Positions of two lives say nothing of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogLife {
    /// The first 8 bytes of the key that signs the relay's checkpoints.
    pub relay: [u8; 8],
    /// The life of its store.
    pub store_epoch: u64,
    /// How often a person said, in this life, that the relay honestly lost its store.
    pub trusted_again: u32,
}

impl LogLife {
    /// Whether this is a later life at the same relay.
    pub fn is_after(&self, other: &Self) -> bool {
        let age = |life: &Self| (life.store_epoch, life.trusted_again);
        self.relay == other.relay && age(self) > age(other)
    }
}

/// A position that a relay's checkpoint gave for one log: enough to expose a split view, without a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeenPosition {
    /// The position, from 1; 0 where nothing was seen.
    pub position: u32,
    /// The first 16 bytes of the chain hash there; zeros at position 0.
    pub chain: [u8; 16],
}

/// What the author last saw of the relay's logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// What the positions belong to.
    pub life: LogLife,
    /// Of the membership log.
    pub membership: SeenPosition,
    /// Of the log of the envelope's own section.
    pub section: SeenPosition,
}

impl Seen {
    /// Appends the relay (8), the life and the count (variable), then twice a position (variable) and its hash (16).
    pub fn write(&self, to: &mut Writer) {
        to.raw(&self.life.relay).varint(self.life.store_epoch).varint(u64::from(self.life.trusted_again));
        for SeenPosition { position, chain } in [&self.membership, &self.section] {
            to.varint(u64::from(*position)).raw(chain);
        }
    }

    /// Reads what [`Seen::write`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`]; position 0 with a hash is refused.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let relay = from.array("checkpoint")?;
        let store_epoch = from.varint(u64::MAX, "checkpoint")?;
        let trusted_again = read_u32(from)?;
        let mut position = || -> Result<SeenPosition, DecodeError> {
            let read = SeenPosition { position: read_u32(from)?, chain: from.array("checkpoint")? };
            let is_nothing = read.position == 0 && read.chain != [0; 16];
            if is_nothing { Err(from.malformed("checkpoint", Wrong::Value)) } else { Ok(read) }
        };
        let (membership, section) = (position()?, position()?);
        Ok(Self { life: LogLife { relay, store_epoch, trusted_again }, membership, section })
    }
}

fn read_u32(from: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let number = from.varint(u64::from(u32::MAX), "checkpoint")?;
    u32::try_from(number).map_err(|_| from.malformed("checkpoint", Wrong::Value))
}

/// The unpadded plaintext of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plaintext<'a> {
    /// The payload, deflated where the header says so.
    pub payload: &'a [u8],
    /// The checkpoint last seen, present where the header says so.
    pub seen: Option<Seen>,
}

impl<'a> Plaintext<'a> {
    /// The bytes to pad and seal.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.payload.len().saturating_add(SEEN_BYTES_MAX).saturating_add(5));
        writer.bytes(self.payload);
        if let Some(seen) = &self.seen {
            seen.write(&mut writer);
        }
        writer.finish()
    }

    /// Reads the plaintext of an envelope whose header says `with_checkpoint`.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field; bytes left over are refused, so padding must be taken off first.
    pub fn decode(bytes: &'a [u8], with_checkpoint: bool) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let payload = reader.bytes(PAYLOAD_BYTES_MAX, "payload")?;
        let seen = if with_checkpoint { Some(Seen::read(&mut reader)?) } else { None };
        reader.finish("plaintext")?;
        Ok(Self { payload, seen })
    }
}

/// The payload of an envelope of changes: raw Automerge changes of one volume, in order, before deflating.
pub fn encode_changes<C: AsRef<[u8]>>(changes: &[C]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.count(changes.len());
    for change in changes {
        writer.bytes(change.as_ref());
    }
    writer.finish()
}

/// Splits the payload of an envelope of changes, inflated, into its changes. There is at least one, none is empty.
///
/// # Errors
/// [`DecodeError`] naming the field.
pub fn decode_changes(payload: &[u8]) -> Result<Vec<&[u8]>, DecodeError> {
    let mut reader = Reader::new(payload);
    if payload.len() > PAYLOAD_BYTES_MAX {
        let limit = u64::try_from(PAYLOAD_BYTES_MAX).unwrap_or(0);
        return Err(reader.malformed("changes", Wrong::TooLarge { limit }));
    }
    let changes = reader.list(CHANGES_PER_ENVELOPE_MAX, 2, "changes", |reader| {
        let change = reader.bytes(PAYLOAD_BYTES_MAX, "change")?;
        if change.is_empty() { Err(reader.malformed("change", Wrong::TooSmall)) } else { Ok(change) }
    })?;
    if changes.is_empty() {
        return Err(reader.malformed("changes", Wrong::TooSmall));
    }
    reader.finish("changes")?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            life: LogLife { relay: [5; 8], store_epoch: 1_790_000_000, trusted_again: 0 },
            membership: SeenPosition { position: 7, chain: [1; 16] },
            section: SeenPosition { position: 9, chain: [2; 16] },
        }
    }

    fn written(seen: &Seen) -> Vec<u8> {
        let mut writer = Writer::new();
        seen.write(&mut writer);
        writer.finish()
    }

    #[test]
    fn what_was_seen_reads_back_within_its_bound() {
        let most = SeenPosition { position: u32::MAX, chain: [255; 16] };
        let life = LogLife { relay: [255; 8], store_epoch: u64::MAX, trusted_again: u32::MAX };
        let nothing = Seen { section: SeenPosition::default(), ..seen() };
        for seen in [seen(), nothing, Seen { life, membership: most, section: most }] {
            let bytes = written(&seen);
            assert!(bytes.len() <= SEEN_BYTES_MAX, "{}", bytes.len());
            assert_eq!(Seen::read(&mut Reader::new(&bytes)), Ok(seen));
        }
        let section = SeenPosition { position: 0, chain: [1; 16] };
        assert!(Seen::read(&mut Reader::new(&written(&Seen { section, ..seen() }))).is_err(), "no place has a hash");
    }

    #[test]
    fn only_lives_of_one_relay_follow_each_other() {
        let life = seen().life;
        let later = LogLife { store_epoch: life.store_epoch + 1, ..life };
        let again = LogLife { trusted_again: 1, ..life };
        assert!(later.is_after(&life) && again.is_after(&life) && later.is_after(&again));
        assert!(!life.is_after(&life) && !life.is_after(&again));
        assert!(!LogLife { relay: [6; 8], ..later }.is_after(&life), "of another relay");
    }

    #[test]
    fn a_plaintext_reads_back_with_and_without_its_checkpoint() {
        let seen = seen();
        for seen in [None, Some(seen)] {
            let plaintext = Plaintext { payload: b"payload", seen };
            let bytes = plaintext.encode();
            assert_eq!(bytes.len(), 8 + if seen.is_some() { 8 + 5 + 1 + 17 + 17 } else { 0 });
            assert_eq!(Plaintext::decode(&bytes, seen.is_some()), Ok(plaintext));
            assert!(Plaintext::decode(&bytes, seen.is_none()).is_err());
        }
    }

    #[test]
    fn changes_read_back_and_none_may_be_missing_or_empty() {
        let changes = [&b"one"[..], b"two", b"three"];
        let bytes = encode_changes(&changes);
        assert_eq!(decode_changes(&bytes), Ok(changes.to_vec()));
        assert!(decode_changes(&encode_changes::<&[u8]>(&[])).is_err());
        assert!(decode_changes(&encode_changes(&[&b"one"[..], b""])).is_err());
        assert!(decode_changes(&bytes[..bytes.len() - 1]).is_err());
        let mut longer = bytes;
        longer.push(0);
        assert!(decode_changes(&longer).is_err());
    }

    #[test]
    fn fault_b6_more_changes_than_allowed_are_refused_before_they_are_read() {
        let mut writer = Writer::new();
        writer.count(CHANGES_PER_ENVELOPE_MAX + 1).raw(&[0; 4096]);
        let error = decode_changes(writer.as_slice()).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { wrong: Wrong::TooLarge { limit: 1024 }, .. }), "{error}");
    }
}
