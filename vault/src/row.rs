//! What this device keeps about a record and its feeds beside the synced data: local rows that never travel.
//!
//! They lie in the encrypted store as JSON, so that a later version can add a field; no secret is among them (those
//! stand alone in their tables, as bytes).

use carnet_crypto::id::{DeviceId, EnvelopeId, FeedId, Incarnation, KeySalt, PrincipalId, SectionId, VolumeId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    crdt::{Fields, Place},
    store::StoreError,
};

/// A record on this device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordRow {
    /// The name by which the person calls it here.
    pub(crate) label: String,
    /// Milliseconds since 1970: when it was created or joined on this device.
    pub(crate) since_ms: u64,
    /// The salt of its keys.
    #[serde(with = "hex")]
    pub(crate) salt: KeySalt,
    /// The year that yearly volumes count from.
    pub(crate) genesis_year: i16,
    /// This device in the record.
    #[serde(with = "hex")]
    pub(crate) device: DeviceId,
    /// Whose device it is.
    #[serde(with = "hex")]
    pub(crate) principal: PrincipalId,
    /// This installation.
    #[serde(with = "hex")]
    pub(crate) incarnation: Incarnation,
    /// Generation of this device's KEM key.
    pub(crate) kem_generation: u32,
    /// Where its relay is, with the admission token that this device knows.
    pub(crate) relay: Option<String>,
    /// Addresses at which a device of the record was last reached directly.
    #[serde(default)]
    pub(crate) peers: Vec<String>,
    /// What the device knows itself to be.
    pub(crate) standing: Standing,
    /// Whether the person showed that the recovery kit is in their hands.
    #[serde(default)]
    pub(crate) kit_confirmed: bool,
    /// Whether commands mean this record when none is named.
    #[serde(default)]
    pub(crate) is_default: bool,
    /// When this device last exchanged with the relay or a peer, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) synced_at_ms: Option<u64>,
    /// Whether the relay, which served this device before, does so no more. It is not to be believed without more.
    #[serde(default)]
    pub(crate) turned_away: bool,
}

/// What a device is in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It holds keys and may write.
    Member,
    /// It was removed. It keeps what it has and gets nothing new.
    Removed,
    /// Paired and not yet admitted, or admitted and not yet synced.
    Waiting,
}

/// The state of a feed as far as this device accepted it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FeedRow {
    #[serde(with = "hex")]
    pub(crate) device: DeviceId,
    #[serde(with = "hex")]
    pub(crate) incarnation: Incarnation,
    #[serde(with = "hex")]
    pub(crate) section: SectionId,
    #[serde(with = "volume")]
    pub(crate) volume: VolumeId,
    /// Number of the envelope kind.
    pub(crate) kind: u8,
    /// The last position accepted; 0 for none.
    pub(crate) seq: u32,
    /// The envelope there.
    #[serde(with = "hex")]
    pub(crate) last: EnvelopeId,
    /// The digest of the membership heads that it named, in full.
    #[serde(with = "hex_array")]
    pub(crate) heads: [u8; 32],
    /// The last Automerge sequence number of this actor.
    pub(crate) change_seq: u64,
    /// Automerge operations so far, for the limit of a feed.
    #[serde(default)]
    pub(crate) ops: u64,
    /// Set when a payload of this feed was malformed: what follows of it is quarantined.
    #[serde(default)]
    pub(crate) is_poisoned: bool,
}

impl FeedRow {
    /// The feed with nothing in it.
    pub(crate) fn empty(
        device: DeviceId,
        incarnation: Incarnation,
        section: SectionId,
        volume: VolumeId,
        kind: u8,
    ) -> Self {
        Self {
            device,
            incarnation,
            section,
            volume,
            kind,
            seq: 0,
            last: EnvelopeId([0; 32]),
            heads: [0; 32],
            change_seq: 0,
            ops: 0,
            is_poisoned: false,
        }
    }
}

/// One thing that waits for a receipt of the relay, in the order in which it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutboxRow {
    /// An envelope of a feed of this device.
    Envelope {
        /// The feed.
        #[serde(with = "hex")]
        feed: FeedId,
        /// Its position.
        seq: u32,
    },
    /// A sealed object: snapshot or attached file.
    Object {
        /// Its name.
        #[serde(with = "hex")]
        object: carnet_crypto::id::ObjectId,
    },
    /// An operation.
    Op {
        /// Its name.
        #[serde(with = "hex")]
        op: carnet_crypto::id::OpId,
    },
}

/// What a branch that fell had changed in the record, and nobody has issued again yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FallenRow {
    /// Of a feed of this device: that it remembers what fell.
    Own,
    /// A batch of samples.
    Batch {
        /// The payload of its envelope.
        payload: Vec<u8>,
    },
    /// An entry.
    Entry {
        /// Where it lies in its volume.
        place: Place,
        /// Its fields without the branch; none where the branch had added it.
        before: Option<Fields>,
        /// Its fields with the branch.
        after: Fields,
    },
}

/// Ids as lower-case hexadecimal.
pub(crate) mod hex {
    use std::{fmt::Display, str::FromStr};

    use super::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not an identifier"))
    }
}

/// 32 bytes as lower-case hexadecimal.
mod hex_array {
    use carnet_crypto::id::OpId;

    use super::{Deserializer, Serializer, hex};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        hex::serialize(&OpId(*bytes), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        hex::deserialize::<OpId, D>(deserializer).map(|id| id.0)
    }
}

/// A volume number.
mod volume {
    use super::{Deserialize as _, Deserializer, Serializer, VolumeId};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(volume: &VolumeId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(volume.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VolumeId, D::Error> {
        u32::deserialize(deserializer).map(VolumeId)
    }
}

/// Reads a row.
///
/// # Errors
/// [`StoreError::Damaged`]: a row that does not read is damage, not absence.
pub(crate) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Damaged)
}

/// Writes a row.
pub(crate) fn write<T: Serialize>(row: &T) -> Vec<u8> {
    // Rows hold strings, numbers and lists only: they always have a JSON form.
    serde_json::to_vec(row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_and_tolerate_a_later_field() {
        let row = FeedRow::empty(DeviceId([1; 16]), Incarnation([2; 8]), SectionId([3; 16]), VolumeId(4), 1);
        let mut text = String::from_utf8(write(&row)).unwrap();
        text.insert_str(1, "\"later\":5,");
        let back: FeedRow = read(text.as_bytes()).unwrap();
        assert_eq!(back.section, row.section);
        assert_eq!(back.volume, row.volume);
        let sent = OutboxRow::Envelope { feed: FeedId([9; 16]), seq: 7 };
        assert_eq!(read::<OutboxRow>(&write(&sent)).unwrap(), sent);
        assert!(read::<FeedRow>(b"{").is_err());
    }
}
