//! Moving a sealed file between devices: any groups of it, verified against its name one by one, resumed at will.
//!
//! What is sent are the groups asked for and the hashes between them and the root (the combined encoding of Bao, groups
//! of 16 KiB). The receiver writes a group only when it has followed the hashes from the name down to it.

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use bao_tree::{
    BaoTree, ChunkNum, ChunkRanges,
    io::{
        BaoContentItem, DecodeError, EncodeError,
        outboard::PreOrderOutboard,
        sync::{DecodeResponseIter, OutboardMut as _, ReadAt, WriteAt as _, encode_ranges_validated, outboard},
    },
};
use carnet_crypto::{fault::Fault, id::ObjectId, logsafe::LogSafe};

use super::{
    Blobs, Bytes, GROUP, GROUP_BYTES, INLINE_BYTES_MAX, ReadError, SEALED_BYTES_MAX, build_tree, disk, put_beside,
    put_inline,
};
use crate::store::{Reader, StoreError, Writer, file_options, sync_folder};

/// BLAKE3 chunks in a group.
const GROUP_CHUNKS: u64 = 16;
/// Bytes received after which progress is made durable.
const SAVE_BYTES: u64 = 8 << 20;
/// Ranges that a saved progress may have; more are forgotten, not refused.
const SAVED_RANGES_MAX: usize = 4096;

/// A file, or a part of it, could not be received. What had been verified before is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The peer stopped sending.
    #[error("the transfer was interrupted: {0}")]
    Interrupted(io::ErrorKind),
    /// Bytes that do not belong to the name that was asked for.
    #[error("the peer sent bytes of another file")]
    NotAuthentic,
    /// Groups are still missing.
    #[error("the file is not complete")]
    NotComplete,
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Larger than [`SEALED_BYTES_MAX`], or no sealed file at all.
    #[error("no sealed file has {0} bytes")]
    WrongSize(u64),
}

impl ReceiveError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Interrupted(_) | Self::NotAuthentic | Self::WrongSize(_) => Fault::Peer,
            Self::NotComplete => Fault::Caller,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for ReceiveError {}

/// A set of groups of a file, by their indices: group `n` is the bytes from `n * 16384` on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(Vec<Range<u64>>);

impl Groups {
    /// Every group of a file of `bytes` bytes.
    #[expect(clippy::single_range_in_vec_init, reason = "a set of one range")]
    pub fn of(bytes: u64) -> Self {
        Self(vec![0..bytes.div_ceil(GROUP_BYTES).max(1)])
    }

    /// Adds the groups in `range`.
    pub fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut merged = range;
        self.0.retain(|other| {
            let touches = other.start <= merged.end && merged.start <= other.end;
            if touches {
                merged = merged.start.min(other.start)..merged.end.max(other.end);
            }
            !touches
        });
        let at = self.0.partition_point(|other| other.start < merged.start);
        self.0.insert(at, merged);
    }

    /// The groups that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for range in &self.0 {
            let mut start = range.start;
            for taken in other.0.iter().filter(|taken| taken.end > range.start && taken.start < range.end) {
                left.insert(start..taken.start.max(start));
                start = start.max(taken.end);
            }
            left.insert(start..range.end.max(start));
        }
        left
    }

    /// The first `count` groups of the set.
    #[must_use]
    pub fn first(&self, mut count: u64) -> Self {
        let mut first = Self::default();
        for range in &self.0 {
            let end = range.end.min(range.start.saturating_add(count));
            first.insert(range.start..end);
            count -= end - range.start;
        }
        first
    }

    /// How many groups there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, in order, apart from each other.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.0
    }

    /// Whether every group lies in a file of `bytes` bytes.
    fn fits(&self, bytes: u64) -> bool {
        self.0.last().is_none_or(|last| last.end <= bytes.div_ceil(GROUP_BYTES).max(1))
    }

    fn chunks(&self) -> ChunkRanges {
        self.0.iter().fold(ChunkRanges::empty(), |chunks, range| {
            let (start, end) = (range.start.saturating_mul(GROUP_CHUNKS), range.end.saturating_mul(GROUP_CHUNKS));
            chunks | ChunkRanges::from(ChunkNum(start)..ChunkNum(end))
        })
    }
}

/// A sealed file that can be given to a peer, in parts. Whether the peer may have it was decided before.
pub struct Offer {
    bytes: Bytes,
    id: ObjectId,
    /// Where the hash tree of a file is, if it was made.
    tree_path: PathBuf,
}

/// The hashes between the root and the groups.
enum Pairs {
    File(File),
    Memory(Vec<u8>),
}

impl ReadAt for Pairs {
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(at, out),
            Self::Memory(bytes) => bytes.read_at(at, out),
        }
    }
}

impl Offer {
    /// Bytes of the sealed file.
    pub fn sealed_bytes(&self) -> u64 {
        self.bytes.length()
    }

    /// The bytes from `start` on, `bytes` of them or fewer at the end of the file, without any proof.
    ///
    /// # Errors
    /// The disk's.
    pub fn part(&self, start: u64, bytes: usize) -> Result<Vec<u8>, ReadError> {
        let left = usize::try_from(self.sealed_bytes().saturating_sub(start)).unwrap_or(usize::MAX);
        let mut part = vec![0; bytes.min(left)];
        match &self.bytes {
            Bytes::File(file, _) => file.read_exact_at(start, &mut part),
            Bytes::Memory(held) => held.as_slice().read_exact_at(start, &mut part),
        }
        .map_err(|error| disk(&error))?;
        Ok(part)
    }

    /// Writes `groups`, with the hashes that prove them, to `to`. Groups beyond the end are refused.
    ///
    /// # Errors
    /// [`ReadError::NotAuthentic`] when the file on this device is not what its name says; [`ReadError::Absent`] for
    /// groups that no file of this size has; [`StoreError::Io`] also when `to` fails.
    pub fn encode(&self, groups: &Groups, to: &mut dyn Write) -> Result<(), ReadError> {
        if !groups.fits(self.sealed_bytes()) {
            return Err(ReadError::Absent);
        }
        let pairs = self.pairs()?;
        let encoded = match &self.bytes {
            Bytes::File(file, _) => encode_ranges_validated(file, &pairs, &groups.chunks(), to),
            Bytes::Memory(bytes) => encode_ranges_validated(bytes.as_slice(), &pairs, &groups.chunks(), to),
        };
        encoded.map_err(|error| match error {
            EncodeError::Io(error) => ReadError::Store(disk(&error)),
            EncodeError::ParentWrite(_) | EncodeError::LeafWrite(_) => {
                ReadError::Store(StoreError::Io(io::ErrorKind::ConnectionReset))
            }
            EncodeError::ParentHashMismatch(_) | EncodeError::LeafHashMismatch(_) | EncodeError::SizeMismatch => {
                ReadError::NotAuthentic
            }
        })
    }
}

impl Offer {
    /// The hashes between the root and the groups: made at the first use, kept beside the file, made again if lost.
    fn pairs(&self) -> Result<PreOrderOutboard<Pairs>, ReadError> {
        let tree = BaoTree::new(self.sealed_bytes(), GROUP);
        let data = match &self.bytes {
            Bytes::Memory(bytes) => {
                let mut pairs = PreOrderOutboard { tree, root: [0; 32].into(), data: Vec::new() };
                outboard(bytes.as_slice(), tree, &mut pairs).map_err(|error| disk(&error))?;
                Pairs::Memory(pairs.data)
            }
            Bytes::File(file, length) => Pairs::File(self.tree_file(file, *length)?),
        };
        Ok(PreOrderOutboard { tree, root: self.id.0.into(), data })
    }

    fn tree_file(&self, file: &File, length: u64) -> Result<File, ReadError> {
        let path = &self.tree_path;
        let expected = BaoTree::new(length, GROUP).outboard_size();
        if !fs::metadata(path).is_ok_and(|metadata| metadata.len() == expected) {
            let mut file = file.try_clone().map_err(|error| disk(&error))?;
            file.seek(SeekFrom::Start(0)).map_err(|error| disk(&error))?;
            // Under another name until it is whole: half a tree would call a good file altered.
            let new = path.with_extension("tree.new");
            if build_tree(file, length, &new)? != self.id {
                remove_quietly(&new);
                return Err(ReadError::NotAuthentic);
            }
            fs::rename(&new, path).map_err(|error| disk(&error))?;
        }
        File::open(path).map_err(|error| disk(&error).into())
    }
}

/// A sealed file that is being received, kept on disk from one attempt to the next.
pub struct Incoming {
    id: ObjectId,
    part: File,
    pairs: PreOrderOutboard<File>,
    have: Groups,
    pub(super) path: PathBuf,
    unsaved_bytes: u64,
}

impl Blobs {
    /// A sealed file of this device, to be given to a peer.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn offer(&self, reader: &Reader, id: &ObjectId) -> Result<Offer, ReadError> {
        let bytes = self.bytes(reader, id)?;
        Ok(Offer { bytes, id: *id, tree_path: self.tree_path(id) })
    }

    /// Begins or resumes receiving the sealed file `id` of `sealed_bytes` bytes, a number that the record states. What
    /// an earlier attempt left is verified against the name before it counts.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn receive(&self, id: &ObjectId, sealed_bytes: u64) -> Result<Incoming, ReceiveError> {
        if sealed_bytes == 0 || sealed_bytes > SEALED_BYTES_MAX {
            return Err(ReceiveError::WrongSize(sealed_bytes));
        }
        let path = self.incoming_folder().join(id.to_string());
        let open = |extension| {
            let file = file_options().create(true).truncate(false).open(path.with_extension(extension));
            file.map_err(|error| disk(&error))
        };
        let (part, data) = (open("part")?, open("tree")?);
        let tree = BaoTree::new(sealed_bytes, GROUP);
        let mut incoming = Incoming {
            id: *id,
            part,
            pairs: PreOrderOutboard { tree, root: id.0.into(), data },
            have: Groups::default(),
            path,
            unsaved_bytes: 0,
        };
        incoming.resume()?;
        Ok(incoming)
    }
}

impl Incoming {
    /// What is still missing.
    pub fn missing(&self) -> Groups {
        Groups::of(self.pairs.tree.size()).without(&self.have)
    }

    /// Whether everything is here.
    pub fn is_complete(&self) -> bool {
        self.missing().is_empty()
    }

    /// Takes in what a peer sent for exactly `groups`. Every group is verified before it is written. After an error
    /// those that were verified count all the same.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn take(&mut self, groups: &Groups, from: &mut dyn Read) -> Result<(), ReceiveError> {
        if !groups.fits(self.pairs.tree.size()) {
            return Err(ReceiveError::NotAuthentic);
        }
        let chunks = groups.chunks();
        let items = DecodeResponseIter::new(self.pairs.root, self.pairs.tree, from, &chunks);
        for item in items {
            match item.map_err(|error| refused(&error))? {
                BaoContentItem::Parent(parent) => {
                    self.pairs.save(parent.node, &parent.pair).map_err(|error| disk(&error))?;
                }
                BaoContentItem::Leaf(leaf) => {
                    self.part.write_all_at(leaf.offset, &leaf.data).map_err(|error| disk(&error))?;
                    let group = leaf.offset / GROUP_BYTES;
                    self.have.insert(group..group + 1);
                    self.unsaved_bytes += leaf.data.len() as u64;
                }
            }
            if self.unsaved_bytes >= SAVE_BYTES {
                self.save()?;
            }
        }
        Ok(())
    }

    /// Makes the progress so far durable. Happens by itself every 8 MiB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn save(&mut self) -> Result<(), StoreError> {
        let sync = || {
            self.part.sync_data()?;
            self.pairs.data.sync_data()?;
            let new = self.path.with_extension("new");
            let mut file = file_options().create(true).truncate(true).open(&new)?;
            let mut bytes = self.pairs.tree.size().to_le_bytes().to_vec();
            for range in self.have.0.iter().take(SAVED_RANGES_MAX) {
                bytes.extend(range.start.to_le_bytes());
                bytes.extend(range.end.to_le_bytes());
            }
            file.write_all(&bytes)?;
            file.sync_data()?;
            fs::rename(new, self.path.with_extension("have"))?;
            self.path.parent().map_or(Ok(()), sync_folder)
        };
        sync().map_err(|error: io::Error| disk(&error))?;
        self.unsaved_bytes = 0;
        Ok(())
    }

    /// Gives the complete file its place among the others and records it in `writer`; it counts when that has
    /// committed. The whole file is read back and compared with its name.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn finish(self, blobs: &Blobs, writer: &mut Writer) -> Result<ObjectId, ReceiveError> {
        if !self.is_complete() {
            return Err(ReceiveError::NotComplete);
        }
        let length = self.pairs.tree.size();
        self.part.set_len(length).map_err(|error| disk(&error))?;
        let part = self.path.with_extension("part");
        if length <= INLINE_BYTES_MAX {
            let bytes = fs::read(&part).map_err(|error| disk(&error))?;
            if carnet_crypto::digest::content_hash(&bytes) != self.id.0 {
                return Err(StoreError::Damaged.into());
            }
            put_inline(writer, &self.id, &bytes)?;
            remove_quietly(&part);
            remove_quietly(&self.path.with_extension("tree"));
        } else {
            blobs.adopt_foreign(&part, &self.id)?;
            put_beside(writer, &self.id, length)?;
            remove_quietly(&self.path.with_extension("tree"));
        }
        remove_quietly(&self.path.with_extension("have"));
        Ok(self.id)
    }

    /// Counts what an earlier attempt saved, if all of it still verifies; begins anew otherwise.
    fn resume(&mut self) -> Result<(), StoreError> {
        let length = self.pairs.tree.size();
        let saved = saved(&self.path.with_extension("have"), length);
        let holds = saved
            .as_ref()
            .is_some_and(|saved| encode_ranges_validated(&self.part, &self.pairs, &saved.chunks(), io::sink()).is_ok());
        if let (Some(saved), true) = (saved, holds) {
            self.have = saved;
            return Ok(());
        }
        for file in [&self.part, &self.pairs.data] {
            file.set_len(0).map_err(|error| disk(&error))?;
        }
        self.part.set_len(length).map_err(|error| disk(&error))
    }
}

/// The progress that an earlier attempt saved for a file of this length, if there is any.
fn saved(path: &Path, length: u64) -> Option<Groups> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(8 + 16 * SAVED_RANGES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    let (numbers, []) = bytes.as_chunks::<8>() else { return None };
    let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
    if numbers.next()? != length {
        return None;
    }
    let mut groups = Groups::default();
    while let Some(start) = numbers.next() {
        let end = numbers.next()?;
        let is_after = groups.0.last().is_none_or(|last| last.end < start);
        if !is_after || end <= start {
            return None;
        }
        groups.insert(start..end);
    }
    groups.fits(length).then_some(groups)
}

/// Removes what is of no use any more; if that fails, the next collection does it.
fn remove_quietly(path: &Path) {
    drop(fs::remove_file(path));
}

fn refused(error: &DecodeError) -> ReceiveError {
    match error {
        DecodeError::Io(error) => ReceiveError::Interrupted(error.kind()),
        DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_) => {
            ReceiveError::Interrupted(io::ErrorKind::UnexpectedEof)
        }
        DecodeError::ParentHashMismatch(_) | DecodeError::LeafHashMismatch(_) => ReceiveError::NotAuthentic,
    }
}
