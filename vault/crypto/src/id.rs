//! The names of things. Each is its own type, so that a section cannot be passed for a device.
//!
//! In text an id is lower-case hexadecimal, in full.

use std::{fmt, str::FromStr};

use crate::logsafe::LogSafe;

/// A text that is not the hexadecimal form of the id that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: expected {expected} hexadecimal characters")]
pub struct ParseIdError {
    /// Number of hexadecimal characters that the id has.
    pub expected: usize,
}

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident($bytes:literal);)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Length in bytes.
            pub const BYTES: usize = $bytes;

            /// The bytes, as they stand in the formats.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The id in `bytes`, if the length is right.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self).ok_or(ParseIdError { expected: 2 * $bytes })
            }
        }

        impl LogSafe for $name {}
    )+};
}

ids! {
    /// One record: the op id of its genesis. What a relay knows a record by.
    RecordId(32);
    /// One operation of a membership log: `H("op", the operation without its signature)`.
    OpId(32);
    /// One envelope: the hash that its signature covers (`docs/protocol.md`, "Envelope").
    EnvelopeId(32);
    /// A sealed object of its own, a snapshot or an attached file: BLAKE3 of the ciphertext.
    ObjectId(32);
    /// The full name of an epoch: the commitment to its key.
    EpochId(32);
    /// 32 random bytes of a record's genesis: what keeps the keys of one device or person apart in every record.
    KeySalt(32);
    /// The first 16 bytes of `H("device", key salt, signing key)`.
    DeviceId(16);
    /// The first 16 bytes of `H("principal", key salt, signing key of its first device)`.
    PrincipalId(16);
    /// A section: 16 random bytes.
    SectionId(16);
    /// A feed: the first 16 bytes of `H("feed", device, incarnation, section, volume, kind)`.
    FeedId(16);
    /// One installation or restoration of a device: 8 random bytes, never reused.
    Incarnation(8);
}

/// The number of a volume in its section (`docs/protocol.md`, "Sections and volumes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub u32);

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl LogSafe for VolumeId {}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    if text.len() != N.checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = str::from_utf8(pair).ok()?;
        if pair.starts_with('+') || pair.chars().any(|c| c.is_ascii_uppercase()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_and_nothing_else_does() {
        let id = Incarnation([0, 1, 2, 0xab, 4, 5, 6, 0xff]);
        assert_eq!(id.to_string(), "000102ab040506ff");
        assert_eq!(id.to_string().parse::<Incarnation>(), Ok(id));
        for wrong in ["", "000102ab040506f", "000102AB040506FF", "+00102ab040506ff", "000102ab0405é6f"] {
            assert_eq!(wrong.parse::<Incarnation>(), Err(ParseIdError { expected: 16 }), "{wrong}");
        }
    }
}
