//! The frames that open a stream: who asks, about which record, with which proof.
//!
//! A proof is a signature over the TLS exporter of the connection, so it is worth nothing on another connection, and
//! over the role of the one who signs, so it is worth nothing in another role.

use carnet_crypto::{
    digest,
    id::{DeviceId, RecordId},
    sign::{BadSignature, Domain, PublicKey, Signature, SigningKey},
};

use crate::{
    codec::{DecodeError, Reader, Writer},
    frame::{AdmissionToken, Body, FRAME_VERSION, SentOperation},
};

/// The label under which both ends export keying material of the TLS session (RFC 9266 in spirit, RFC 8446, 7.5); the
/// context is empty and the length 32 bytes.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-carnet-stream";

/// In which role the opener of a stream proves its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRole {
    /// A device at a relay.
    Device,
    /// The device that opened a stream to another device.
    PeerAsking,
    /// The device that answers it.
    PeerAnswering,
    /// The holder of the recovery kit at a relay.
    Root,
}

impl StreamRole {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Device => b"device",
            Self::PeerAsking => b"peer asking",
            Self::PeerAnswering => b"peer answering",
            Self::Root => b"root",
        }
    }

    /// The proof of `key` for a stream of `record` on the connection with this `exporter` (32 bytes).
    pub fn prove(self, key: &SigningKey, record: &RecordId, exporter: &[u8; 32]) -> Signature {
        key.sign(Domain::Stream, record, &self.hash(exporter))
    }

    /// Checks a proof.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn check(
        self,
        key: &PublicKey,
        record: &RecordId,
        exporter: &[u8; 32],
        proof: &Signature,
    ) -> Result<(), BadSignature> {
        key.verify(Domain::Stream, record, self.hash(exporter), proof).map(|_| ())
    }

    fn hash(self, exporter: &[u8; 32]) -> [u8; 32] {
        digest::hash("stream", &[self.label(), exporter])
    }
}

/// A device names a record and proves its key: 113 bytes. The same bytes between device and relay and between devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The record.
    pub record: RecordId,
    /// The device in that record.
    pub device: DeviceId,
    /// [`StreamRole::prove`].
    pub proof: Signature,
}

impl Body for Hello {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_version(from)?;
        Ok(Self {
            record: RecordId(from.array("record")?),
            device: DeviceId(from.array("device")?),
            proof: Signature(from.array("proof")?),
        })
    }

    fn write(&self, to: &mut Writer) {
        to.u8(FRAME_VERSION).raw(self.record.as_bytes()).raw(self.device.as_bytes()).raw(&self.proof.0);
    }
}

/// The first device of a record hands over its genesis. Sending it again opens the stream like a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Admission to a relay that does not take records from everybody.
    pub token: Option<AdmissionToken>,
    /// [`StreamRole::prove`] as [`StreamRole::Device`], by the device that signed the genesis.
    pub proof: Signature,
    /// The genesis, without receipts.
    pub genesis: SentOperation,
}

impl Body for Create {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_version(from)?;
        let token = if from.presence("token")? { Some(AdmissionToken(from.array("token")?)) } else { None };
        Ok(Self { token, proof: Signature(from.array("proof")?), genesis: SentOperation::read(from)? })
    }

    fn write(&self, to: &mut Writer) {
        to.u8(FRAME_VERSION).presence(self.token.is_some());
        if let Some(token) = &self.token {
            to.raw(&token.0);
        }
        to.raw(&self.proof.0);
        self.genesis.write(to);
    }
}

/// The holder of a recovery kit proves a root key of the record: 97 bytes. The reply is the genesis; the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootHello {
    /// The record, printed on the kit.
    pub record: RecordId,
    /// [`StreamRole::prove`] as [`StreamRole::Root`].
    pub proof: Signature,
}

impl Body for RootHello {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_version(from)?;
        Ok(Self { record: RecordId(from.array("record")?), proof: Signature(from.array("proof")?) })
    }

    fn write(&self, to: &mut Writer) {
        to.u8(FRAME_VERSION).raw(self.record.as_bytes()).raw(&self.proof.0);
    }
}

/// A stranger names an open slot: 17 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotEnter {
    /// The slot, derived from the secret of a ticket.
    pub name: [u8; 16],
}

impl Body for SlotEnter {
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_version(from)?;
        Ok(Self { name: from.array("slot")? })
    }

    fn write(&self, to: &mut Writer) {
        to.u8(FRAME_VERSION).raw(&self.name);
    }
}

fn read_version(from: &mut Reader<'_>) -> Result<(), DecodeError> {
    match from.u8("version")? {
        FRAME_VERSION => Ok(()),
        other => Err(DecodeError::Unsupported { what: "frame version", value: u64::from(other) }),
    }
}
