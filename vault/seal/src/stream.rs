//! Sealing attached files: chunks of 64 KiB, each of which opens alone, and none of which can be left out, moved,
//! repeated or added.
//!
//! ```text
//! sealed file = prefix (16 random bytes), chunk 0, chunk 1, …, last chunk
//! chunk       = ciphertext of 65536 bytes (the last: 0 to 65536), tag (16)
//! nonce       = prefix, index (7 bytes, little-endian), 1 for the last chunk else 0
//! associated  = the caller's context; for the last chunk followed by the size of the content (8 bytes)
//! ```
//!
//! This is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, 2015) over XChaCha20-Poly1305. Only an empty file has an empty
//! last chunk. A padded file is followed by zeros inside ([`crate::pad`]); the size of the content, which the record
//! keeps, says where they begin, and opening checks all of them. There is no input or output here: bytes go in, sealed
//! bytes come out.

use std::fmt;

use carnet_crypto::fault::Fault;
use rand::CryptoRng;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    aead::{NonceKey, PREFIX_BYTES, TAG_BYTES},
    kdf::{Label, derive},
    pad::padded_len,
    secret::FileKey,
};

/// Content of a full chunk in bytes.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Length of a full chunk as sealed.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Length of what stands before the first chunk.
pub const STREAM_PREFIX_BYTES: usize = PREFIX_BYTES;
/// Largest content of one file in bytes (1 TiB).
pub const STREAM_BYTES_MAX: u64 = 1 << 40;
/// Longest context in bytes.
pub const STREAM_CONTEXT_BYTES_MAX: usize = 1024;

const CHUNK: u64 = 64 * 1024;
const TAG: u64 = 16;
const PREFIX: u64 = 16;
const _: () = assert!(CHUNK_BYTES == 65_536 && TAG_BYTES == 16 && PREFIX_BYTES == 16);
// The index has seven bytes in the nonce.
const _: () = assert!(padded_bound(STREAM_BYTES_MAX) / CHUNK < 1 << 56);

const fn padded_bound(size: u64) -> u64 {
    size.saturating_mul(2)
}

/// Why a file was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The context is longer than [`STREAM_CONTEXT_BYTES_MAX`].
    #[error("a context of {0} bytes is too long")]
    Context(usize),
    /// More content than [`STREAM_BYTES_MAX`].
    #[error("the file is larger than {STREAM_BYTES_MAX} bytes")]
    TooLarge,
}

impl StreamError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Context(_) => Fault::Ours,
            Self::TooLarge => Fault::Input,
        }
    }
}

/// Why a sealed file, or a chunk of it, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamRefused {
    /// The file has no chunk with this index.
    #[error("the file has {chunks} chunks, none has index {index}")]
    Index {
        /// Index asked for.
        index: u64,
        /// Chunks of the file.
        chunks: u64,
    },
    /// The chunk, or the file, has another length than its size says: cut short or prolonged.
    #[error("{found} bytes where {expected} were expected")]
    Length {
        /// Bytes that the size of the content gives.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Altered, moved, of another file or another place, or another key.
    #[error("chunk {index} of the file is not authentic")]
    NotAuthentic {
        /// Index of the chunk.
        index: u64,
    },
    /// What follows the content is not all zeros.
    #[error("the padding of the file is not valid")]
    Padding,
    /// The size or the context is beyond what a file can have.
    #[error("a file of this size or place cannot exist")]
    Shape,
}

impl StreamRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Index { .. } => Fault::Caller,
            _ => Fault::Peer,
        }
    }
}

/// Whether zeros follow the content up to the padded size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// The sealed length tells the size of the content.
    Exact,
    /// Zeros up to [`padded_len`].
    Padded,
}

/// Where everything is in a sealed file, from the size of its content alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Bytes of content.
    content: u64,
    /// Bytes of content and padding.
    filled: u64,
}

impl Layout {
    /// The layout of a file with `content` bytes.
    ///
    /// # Errors
    /// [`StreamRefused::Shape`] above [`STREAM_BYTES_MAX`].
    pub fn new(content: u64, padding: Padding) -> Result<Self, StreamRefused> {
        if content > STREAM_BYTES_MAX {
            return Err(StreamRefused::Shape);
        }
        let filled = match padding {
            Padding::Exact => content,
            Padding::Padded => padded_len(content),
        };
        Ok(Self { content, filled })
    }

    /// The layout of a file without padding, from its sealed length.
    ///
    /// # Errors
    /// [`StreamRefused::Shape`] when no content has this sealed length.
    pub fn from_sealed_len(sealed: u64) -> Result<Self, StreamRefused> {
        let chunks = sealed.checked_sub(PREFIX).ok_or(StreamRefused::Shape)?.div_ceil(CHUNK + TAG);
        let overhead = chunks.saturating_mul(TAG).saturating_add(PREFIX);
        let content = sealed.checked_sub(overhead).ok_or(StreamRefused::Shape)?;
        let layout = Self::new(content, Padding::Exact)?;
        if layout.sealed_len() == sealed { Ok(layout) } else { Err(StreamRefused::Shape) }
    }

    /// Bytes of content.
    pub fn content_len(&self) -> u64 {
        self.content
    }

    /// Number of chunks, at least 1.
    pub fn chunks(&self) -> u64 {
        self.filled.div_ceil(CHUNK).max(1)
    }

    /// Length of the sealed file in bytes.
    pub fn sealed_len(&self) -> u64 {
        self.chunks().saturating_mul(TAG).saturating_add(self.filled).saturating_add(PREFIX)
    }

    /// Where the sealed chunk with this index begins in the file, and its length; nothing beyond the last.
    pub fn chunk_place(&self, index: u64) -> Option<(u64, usize)> {
        let before = self.chunks().checked_sub(1)?.checked_sub(index)?;
        let start = index.checked_mul(CHUNK + TAG)?.checked_add(PREFIX)?;
        if before > 0 {
            return Some((start, SEALED_CHUNK_BYTES));
        }
        let rest = self.filled.checked_sub(index.checked_mul(CHUNK)?)?;
        Some((start, usize::try_from(rest.checked_add(TAG)?).ok()?))
    }

    /// How many of the bytes of this chunk are content; the others are padding.
    fn content_in(&self, index: u64) -> usize {
        let rest = self.content.saturating_sub(index.saturating_mul(CHUNK)).min(CHUNK);
        usize::try_from(rest).unwrap_or(CHUNK_BYTES)
    }
}

/// The cipher of one file: key, prefix and context.
struct ChunkCipher {
    key: NonceKey,
    context: Vec<u8>,
}

impl ChunkCipher {
    fn new(key: &FileKey, prefix: &[u8; PREFIX_BYTES], context: &[u8]) -> Self {
        let file = derive(Label::FileChunks, key.bytes(), &[]);
        Self { key: NonceKey::new(&file, prefix), context: context.to_vec() }
    }

    /// Encrypts `chunk`; `last` is the size of the content, for the last chunk only.
    fn seal(&self, index: u64, last: Option<u64>, chunk: &mut [u8]) -> [u8; TAG_BYTES] {
        self.key.seal(counter(index, last.is_some()), &self.associated(last), chunk)
    }

    fn open(
        &self,
        index: u64,
        last: Option<u64>,
        chunk: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), StreamRefused> {
        self.key
            .open(counter(index, last.is_some()), &self.associated(last), chunk, tag)
            .map_err(|_| StreamRefused::NotAuthentic { index })
    }

    fn associated(&self, last: Option<u64>) -> Vec<u8> {
        let mut associated = self.context.clone();
        if let Some(size) = last {
            associated.extend_from_slice(&size.to_le_bytes());
        }
        associated
    }
}

/// The rest of the nonce: seven bytes of index, then whether it is the last.
fn counter(index: u64, last: bool) -> [u8; 8] {
    let mut counter = index.to_le_bytes();
    if let Some(top) = counter.last_mut() {
        *top = u8::from(last);
    }
    counter
}

/// Seals one file: push the content in pieces of any size, then finish.
///
/// Holds at most one chunk. The bytes are appended to the `out` of each call, in the order of the file.
pub struct Sealer {
    cipher: ChunkCipher,
    prefix: [u8; PREFIX_BYTES],
    buffer: Zeroizing<Vec<u8>>,
    index: u64,
    content: u64,
}

impl Sealer {
    /// A sealer for one file. The same key may seal several: a random prefix keeps them apart.
    ///
    /// # Errors
    /// [`StreamError::Context`].
    pub fn new(key: &FileKey, context: &[u8], rng: &mut impl CryptoRng) -> Result<Self, StreamError> {
        if context.len() > STREAM_CONTEXT_BYTES_MAX {
            return Err(StreamError::Context(context.len()));
        }
        let mut prefix = [0; PREFIX_BYTES];
        rng.fill_bytes(&mut prefix);
        let cipher = ChunkCipher::new(key, &prefix, context);
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Ok(Self { cipher, prefix, buffer, index: 0, content: 0 })
    }

    /// Takes the next bytes of content.
    ///
    /// # Errors
    /// [`StreamError::TooLarge`].
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), StreamError> {
        let more = u64::try_from(bytes.len()).map_err(|_| StreamError::TooLarge)?;
        let content = self.content.checked_add(more).filter(|total| *total <= STREAM_BYTES_MAX);
        self.content = content.ok_or(StreamError::TooLarge)?;
        self.fill(bytes, out);
        Ok(())
    }

    /// Seals what is left, without padding. Returns the layout of the file.
    pub fn finish(self, out: &mut Vec<u8>) -> Layout {
        let layout = Layout { content: self.content, filled: self.content };
        self.finish_as(layout, out)
    }

    /// Seals what is left and the padding. Returns the layout of the file; the record keeps the content's size.
    ///
    /// The padding, up to 12 % of the file, is appended to `out` in one go.
    pub fn finish_padded(mut self, out: &mut Vec<u8>) -> Layout {
        let layout = Layout { content: self.content, filled: padded_len(self.content) };
        let zeros = [0; 4096];
        let mut missing = layout.filled.saturating_sub(self.content);
        while missing > 0 {
            let step = usize::try_from(missing).unwrap_or(usize::MAX).min(zeros.len());
            self.fill(zeros.get(..step).unwrap_or_default(), out);
            missing = missing.saturating_sub(u64::try_from(step).unwrap_or(u64::MAX));
        }
        self.finish_as(layout, out)
    }

    /// Buffers bytes; seals a full chunk once more follows it, because the last one is sealed otherwise.
    fn fill(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.buffer.len() >= CHUNK_BYTES {
                self.seal_chunk(None, out);
            }
            let room = CHUNK_BYTES.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
    }

    fn finish_as(mut self, layout: Layout, out: &mut Vec<u8>) -> Layout {
        self.seal_chunk(Some(layout.content), out);
        layout
    }

    fn seal_chunk(&mut self, last: Option<u64>, out: &mut Vec<u8>) {
        if self.index == 0 {
            out.extend_from_slice(&self.prefix);
        }
        let tag = self.cipher.seal(self.index, last, &mut self.buffer);
        out.extend_from_slice(&self.buffer);
        out.extend_from_slice(&tag);
        // What the buffer holds now is ciphertext.
        self.buffer.clear();
        self.index = self.index.saturating_add(1);
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Opens any chunk of a sealed file, alone and in any order.
pub struct ChunkOpener {
    cipher: ChunkCipher,
    layout: Layout,
}

impl ChunkOpener {
    /// An opener for the file that begins with `prefix`, in the place named by `context`.
    ///
    /// # Errors
    /// [`StreamRefused::Shape`] when the context is longer than any that was sealed.
    pub fn new(
        key: &FileKey,
        context: &[u8],
        layout: Layout,
        prefix: &[u8; STREAM_PREFIX_BYTES],
    ) -> Result<Self, StreamRefused> {
        if context.len() > STREAM_CONTEXT_BYTES_MAX {
            return Err(StreamRefused::Shape);
        }
        Ok(Self { cipher: ChunkCipher::new(key, prefix, context), layout })
    }

    /// The layout it was made with.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The content in the sealed chunk with this index, without its padding.
    ///
    /// # Errors
    /// [`StreamRefused`].
    pub fn open_chunk(&self, index: u64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StreamRefused> {
        let mut content = Zeroizing::new(Vec::with_capacity(sealed.len()));
        self.open_chunk_into(index, sealed, &mut content)?;
        Ok(content)
    }

    /// The same, appended to `out`, which is unchanged when the chunk is refused.
    ///
    /// # Errors
    /// [`StreamRefused`].
    pub fn open_chunk_into(&self, index: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), StreamRefused> {
        let chunks = self.layout.chunks();
        let (_, expected) = self.layout.chunk_place(index).ok_or(StreamRefused::Index { index, chunks })?;
        let (ciphertext, tag) = sealed
            .split_last_chunk::<TAG_BYTES>()
            .filter(|_| sealed.len() == expected)
            .ok_or_else(|| StreamRefused::Length { expected: wide(expected), found: wide(sealed.len()) })?;
        let before = out.len();
        out.extend_from_slice(ciphertext);
        let plaintext = out.get_mut(before..).unwrap_or_default();
        let last = (index.checked_add(1) == Some(chunks)).then_some(self.layout.content);
        let content = self.layout.content_in(index);
        let opened = self.cipher.open(index, last, plaintext, tag).and_then(|()| {
            let is_padded = plaintext.iter().skip(content).all(|byte| *byte == 0);
            if is_padded { Ok(content) } else { Err(StreamRefused::Padding) }
        });
        if opened.is_err() {
            plaintext.zeroize();
        }
        out.truncate(before.saturating_add(opened.unwrap_or(0)));
        opened.map(|_| ())
    }
}

impl fmt::Debug for ChunkOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkOpener(..)")
    }
}

/// Opens a sealed file from its beginning: push its bytes in pieces of any size, then finish.
///
/// Content of a chunk is handed out once the chunk is known to be authentic. That the file is whole is only known when
/// [`Opener::finish`] says so; until then the caller keeps what it received apart.
pub struct Opener {
    key: FileKey,
    context: Vec<u8>,
    layout: Layout,
    chunks: Option<ChunkOpener>,
    buffer: Vec<u8>,
    index: u64,
    received: u64,
}

impl Opener {
    /// An opener for the file of this layout, in the place named by `context`.
    ///
    /// # Errors
    /// [`StreamRefused::Shape`].
    pub fn new(key: &FileKey, context: &[u8], layout: Layout) -> Result<Self, StreamRefused> {
        if context.len() > STREAM_CONTEXT_BYTES_MAX {
            return Err(StreamRefused::Shape);
        }
        let key = FileKey::fill(|to| to.copy_from_slice(key.bytes()));
        let context = context.to_vec();
        Ok(Self { key, context, layout, chunks: None, buffer: Vec::new(), index: 0, received: 0 })
    }

    /// Takes the next bytes of the sealed file and appends to `out` the content of the chunks that are now complete.
    ///
    /// # Errors
    /// [`StreamRefused`]; nothing more can then be pushed.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), StreamRefused> {
        self.received = self.received.saturating_add(wide(bytes.len()));
        if self.received > self.layout.sealed_len() {
            return Err(StreamRefused::Length { expected: self.layout.sealed_len(), found: self.received });
        }
        while !bytes.is_empty() {
            let wanted = self.wanted();
            let (now, later) = bytes.split_at(wanted.saturating_sub(self.buffer.len()).min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() >= wanted {
                self.take(out)?;
            }
        }
        Ok(())
    }

    /// Says that the file ended here.
    ///
    /// # Errors
    /// [`StreamRefused::Length`] when bytes are missing.
    pub fn finish(self) -> Result<Layout, StreamRefused> {
        let expected = self.layout.sealed_len();
        if self.received == expected && self.index == self.layout.chunks() {
            Ok(self.layout)
        } else {
            Err(StreamRefused::Length { expected, found: self.received })
        }
    }

    /// How many bytes the part that is being received has: the prefix, then each chunk.
    fn wanted(&self) -> usize {
        match &self.chunks {
            None => STREAM_PREFIX_BYTES,
            Some(_) => self.layout.chunk_place(self.index).map_or(usize::MAX, |(_, length)| length),
        }
    }

    fn take(&mut self, out: &mut Vec<u8>) -> Result<(), StreamRefused> {
        if let Some(chunks) = &self.chunks {
            chunks.open_chunk_into(self.index, &self.buffer, out)?;
            self.index = self.index.saturating_add(1);
        } else {
            let prefix = self.buffer.first_chunk().ok_or(StreamRefused::Shape)?;
            self.chunks = Some(ChunkOpener::new(&self.key, &self.context, self.layout, prefix)?);
        }
        self.buffer.clear();
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
