//! Reading an attached file: from its beginning, or any part of it, each chunk authenticated before it is given out.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
};

use carnet_seal::{
    secret::FileKey,
    stream::{CHUNK_BYTES, ChunkOpener, Layout, SEALED_CHUNK_BYTES, STREAM_PREFIX_BYTES},
};
use zeroize::Zeroizing;

use super::{Bytes, ReadError, disk};

/// An attached file that is being read. It holds one chunk of content in memory, cleared when it goes.
pub struct Document {
    bytes: Bytes,
    opener: ChunkOpener,
    position: u64,
    /// Which chunk `content` holds.
    chunk: Option<u64>,
    /// Its content. The buffer is reused, and cleared once, when the reading ends.
    content: Zeroizing<Vec<u8>>,
    /// A chunk as it is on disk.
    sealed: Vec<u8>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes)", self.content_bytes())
    }
}

impl Document {
    pub(super) fn open(bytes: Bytes, key: &FileKey, context: &[u8], layout: Layout) -> Result<Self, ReadError> {
        if bytes.length() != layout.sealed_len() {
            return Err(ReadError::NotAuthentic);
        }
        let mut prefix = [0; STREAM_PREFIX_BYTES];
        bytes.read_at(0, &mut prefix)?;
        let opener = ChunkOpener::new(key, context, layout, &prefix).map_err(|_| ReadError::NotAuthentic)?;
        // Room for a whole chunk from the start: the vector never moves, so no copy of the content is left behind.
        let content = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        Ok(Self { bytes, opener, position: 0, chunk: None, content, sealed: Vec::new() })
    }

    /// Bytes of content.
    pub fn content_bytes(&self) -> u64 {
        self.opener.layout().content_len()
    }

    /// Fills as much of `out` as there is content from `offset` on, and says how much that was.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_at(&mut self, mut offset: u64, out: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < out.len() && offset < self.content_bytes() {
            let chunk = self.chunk(offset / CHUNK_BYTES as u64)?;
            let within = usize::try_from(offset % CHUNK_BYTES as u64).unwrap_or(CHUNK_BYTES);
            let from = chunk.get(within..).unwrap_or_default();
            let to = out.get_mut(filled..).unwrap_or_default();
            let length = from.len().min(to.len());
            if length == 0 {
                break;
            }
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            filled += length;
            offset += length as u64;
        }
        Ok(filled)
    }

    fn chunk(&mut self, index: u64) -> Result<&[u8], ReadError> {
        if self.chunk != Some(index) {
            let (at, length) = self.opener.layout().chunk_place(index).ok_or(ReadError::NotAuthentic)?;
            self.chunk = None;
            self.content.clear();
            self.sealed.resize(length, 0);
            self.bytes.read_at(at, &mut self.sealed)?;
            let opened = self.opener.open_chunk_into(index, &self.sealed, &mut self.content);
            opened.map_err(|_| ReadError::NotAuthentic)?;
            self.chunk = Some(index);
        }
        Ok(&self.content)
    }
}

impl Read for Document {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read =
            self.read_at(self.position, out).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Bytes {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `out` from the place `at` on.
    pub(super) fn read_at(&self, at: u64, out: &mut [u8]) -> Result<(), ReadError> {
        let mut read = || match self {
            Self::File(file, _) => {
                let mut file: &File = file;
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(out)
            }
            Self::Memory(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                io::Cursor::new(rest).read_exact(out)
            }
        };
        read().map_err(|error: io::Error| ReadError::Store(disk(&error)))
    }
}
