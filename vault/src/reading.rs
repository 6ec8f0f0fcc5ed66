//! The sealed formats read without a vault: pure functions of bytes and of the keys that are handed over.
//!
//! Receiving does the same steps, in the same order, and also asks who may write and what came before. Here is only what
//! bytes alone decide, one [`ReadRefused`] for each step, so that an implementation in another language can be compared
//! with this one step by step, and hostile bytes can be tried without a store. Nothing here is kept or believed.
//!
//! Source: `docs/protocol.md`, "Acceptance"; `docs/format.md`.

use carnet_protocol::{
    codec::DecodeError,
    envelope::{Envelope, EnvelopeContext, EnvelopeKind, EnvelopeRefused},
    payload::{Seen, decode_changes},
};
use carnet_record::batch::{BatchRefused, Columns};
use carnet_seal::secret::SectionKey;

use crate::{
    crdt::{Doc, Incoming},
    measures::{self, BatchError},
    payload::{PayloadError, open_payload},
    snapshot::Opened,
};

/// The step at which bytes were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadRefused {
    /// The envelope is not canonical, of another version, or beyond a limit.
    #[error("header: {0}")]
    Header(DecodeError),
    /// A hint of the header does not fit the context.
    #[error("context: {0}")]
    Context(EnvelopeRefused),
    /// The signature is not that of the context's key over these bytes.
    #[error("signature")]
    Signature,
    /// The cipher refuses: another key or context, or altered bytes under a valid signature.
    #[error("seal")]
    Seal,
    /// What was opened is not padded as it must be.
    #[error("padding")]
    Padding,
    /// The parts of the plaintext do not fit it.
    #[error("plaintext: {0}")]
    Plaintext(DecodeError),
    /// The payload does not inflate, or beyond the limit, or is not one whole stream.
    #[error("inflate")]
    Inflate,
    /// The payload is not a list of changes.
    #[error("changes: {0}")]
    Changes(DecodeError),
    /// A change is not an Automerge change within the limits.
    #[error("change: {0}")]
    Change(String),
    /// The parts of a batch do not fit it.
    #[error("batch: {0}")]
    Batch(DecodeError),
    /// A column does not decompress to the number of samples.
    #[error("column")]
    Column,
    /// The columns break a rule of the format.
    #[error("columns: {0}")]
    Columns(BatchRefused),
    /// A drop is sealed to the inbox of its section and opens elsewhere.
    #[error("drop")]
    Drop,
    /// The parts of a snapshot do not fit it.
    #[error("snapshot: {0}")]
    Snapshot(DecodeError),
    /// The document of a snapshot does not load within the limits.
    #[error("document")]
    Document,
}

impl ReadRefused {
    /// The name of the step, as vectors write it.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Context(_) => "context",
            Self::Signature => "signature",
            Self::Seal => "seal",
            Self::Padding => "padding",
            Self::Plaintext(_) => "plaintext",
            Self::Inflate => "inflate",
            Self::Changes(_) => "changes",
            Self::Change(_) => "change",
            Self::Batch(_) => "batch",
            Self::Column => "column",
            Self::Columns(_) => "columns",
            Self::Drop => "drop",
            Self::Snapshot(_) => "snapshot",
            Self::Document => "document",
        }
    }
}

/// What an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Raw Automerge changes, in order, not looked into: see [`count_changes`].
    Changes(Vec<Vec<u8>>),
    /// A batch of samples.
    Batch(Columns),
}

/// An envelope that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its id, 32 bytes.
    pub id: [u8; 32],
    /// What it holds.
    pub content: Content,
    /// What its author had seen of a relay.
    pub seen: Option<Seen>,
}

/// Reads, verifies and opens one envelope in its context.
///
/// # Errors
/// [`ReadRefused`], the first step that fails.
pub fn open_envelope(context: &EnvelopeContext, bytes: &[u8], key: &SectionKey) -> Result<Read, ReadRefused> {
    let envelope = Envelope::decode(bytes).map_err(ReadRefused::Header)?;
    let verified = envelope.verify(context).map_err(|refused| match refused {
        EnvelopeRefused::Signature(_) => ReadRefused::Signature,
        other => ReadRefused::Context(other),
    })?;
    if context.kind == EnvelopeKind::Drop {
        return Err(ReadRefused::Drop);
    }
    let (payload, seen) = open_payload(context, &envelope, key).map_err(|refused| match refused {
        PayloadError::Decode(error) => ReadRefused::Plaintext(error),
        PayloadError::Padding(_) => ReadRefused::Padding,
        PayloadError::Inflate | PayloadError::TooLarge => ReadRefused::Inflate,
        PayloadError::Open(_) | PayloadError::Sign(_) => ReadRefused::Seal,
    })?;
    let content = if context.kind == EnvelopeKind::Batch {
        Content::Batch(read_batch(&payload)?)
    } else {
        let changes = decode_changes(&payload).map_err(ReadRefused::Changes)?;
        Content::Changes(changes.into_iter().map(<[u8]>::to_vec).collect())
    };
    Ok(Read { id: verified.get().id.0, content, seen })
}

/// The columns in the payload of a batch.
///
/// # Errors
/// [`ReadRefused::Batch`], [`ReadRefused::Column`], [`ReadRefused::Columns`].
pub fn read_batch(payload: &[u8]) -> Result<Columns, ReadRefused> {
    measures::decode(payload).map_err(|refused| match refused {
        BatchError::Decode(error) => ReadRefused::Batch(error),
        BatchError::Column(_) => ReadRefused::Column,
        BatchError::Columns(error) => ReadRefused::Columns(error),
    })
}

/// The payload of a batch of these columns.
pub fn write_batch(columns: &Columns) -> Vec<u8> {
    measures::encode(columns)
}

/// The name of a batch, 32 bytes: the hash of its canonical columns.
pub fn batch_id(columns: &Columns) -> [u8; 32] {
    measures::batch_id(columns)
}

/// Counts the operations of an envelope's changes, run lengths summed and never expanded, and reads each change.
///
/// # Errors
/// [`ReadRefused::Change`].
pub fn count_changes<C: AsRef<[u8]>>(changes: &[C]) -> Result<u64, ReadRefused> {
    let changes: Vec<&[u8]> = changes.iter().map(AsRef::as_ref).collect();
    let read = Incoming::read_all(&changes).map_err(|error| ReadRefused::Change(error.to_string()))?;
    Ok(read.iter().map(Incoming::ops).sum())
}

/// The document and the anchors of a snapshot, each anchor an envelope, from its content without padding. The document
/// is counted, loaded, and made again change by change.
///
/// # Errors
/// [`ReadRefused::Snapshot`], [`ReadRefused::Document`].
pub fn read_snapshot(content: &[u8]) -> Result<(Vec<u8>, Vec<Vec<u8>>), ReadRefused> {
    let Opened { document, anchors } = Opened::decode(content).map_err(ReadRefused::Snapshot)?;
    Doc::load(&document).map_err(|_| ReadRefused::Document)?;
    Ok((document, anchors.into_iter().map(|anchor| anchor.envelope).collect()))
}
