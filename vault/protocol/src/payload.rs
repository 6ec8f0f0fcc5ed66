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

/// Length of [`Seen`] in the format, in bytes.
pub const SEEN_BYTES: usize = 40;

/// A position that a relay's checkpoint gave for one log: enough to expose a split view, without a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeenPosition {
    /// The position, from 1; 0 where nothing was seen.
    pub position: u32,
    /// The first 16 bytes of the chain hash there.
    pub chain: [u8; 16],
}

/// What the author last saw of the relay's logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Of the membership log.
    pub membership: SeenPosition,
    /// Of the log of the envelope's own section.
    pub section: SeenPosition,
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
        let mut writer = Writer::with_capacity(self.payload.len().saturating_add(SEEN_BYTES).saturating_add(5));
        writer.bytes(self.payload);
        if let Some(seen) = &self.seen {
            for position in [seen.membership, seen.section] {
                writer.u32(position.position).raw(&position.chain);
            }
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
        let seen = if with_checkpoint { Some(read_seen(&mut reader)?) } else { None };
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

fn read_seen(reader: &mut Reader<'_>) -> Result<Seen, DecodeError> {
    let mut position = || -> Result<SeenPosition, DecodeError> {
        Ok(SeenPosition { position: reader.u32("checkpoint")?, chain: reader.array("checkpoint")? })
    };
    Ok(Seen { membership: position()?, section: position()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plaintext_reads_back_with_and_without_its_checkpoint() {
        let seen = Seen {
            membership: SeenPosition { position: 7, chain: [1; 16] },
            section: SeenPosition { position: 9, chain: [2; 16] },
        };
        for seen in [None, Some(seen)] {
            let plaintext = Plaintext { payload: b"payload", seen };
            let bytes = plaintext.encode();
            assert_eq!(bytes.len(), 8 + if seen.is_some() { SEEN_BYTES } else { 0 });
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
