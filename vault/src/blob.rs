//! Attached files: sealed in chunks, one file each beside the store, named by the BLAKE3 root of what is on disk.
//!
//! The name being the hash of the ciphertext, anyone can check a file against it, and nobody can give other bytes that name: files move between devices, and wait at a relay, without being opened. Small ones live in the store
//! itself. The bytes are in `docs/format.md`, "Attached files"; carnet-seal makes them.
//!
//! | to | use |
//! |---|---|
//! | take a file in | [`Blobs::seal`], then [`Blobs::keep`] in the commit that names it |
//! | show it | [`Blobs::open`]: any part, without the rest |
//! | give it to a peer | [`Blobs::offer`], [`Offer::part`] |
//! | get it from a peer | [`Blobs::download`], [`Download::append`], again after an interruption; then it is kept |
//! | let it go | [`Blobs::forget`] in a commit, then [`Blobs::collect`] |
//!
//! No byte of content is ever written in clear, in a temporary file or anywhere else. A file is durable under its name
//! before a commit can mention it: a crash leaves files that nobody names, which [`Blobs::collect`] removes, and never a
//! name without its file.

mod document;
mod download;
mod offer;
mod spill;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use carnet_crypto::{digest::ContentHasher, fault::Fault, id::ObjectId, logsafe::LogSafe};
use carnet_seal::{
    secret::FileKey,
    stream::{CHUNK_BYTES, Layout, Padding, Sealer, StreamError},
};
use rand::CryptoRng;
use zeroize::Zeroizing;

use self::spill::Spill;
pub use self::{
    document::Document,
    download::{Download, ReceiveError},
    offer::Offer,
};
use crate::{
    import::hex,
    store::{Reader, StoreError, Table, Writer, file_options, sync_folder},
};

/// Object id: `0` and the sealed bytes, or `1` and their number (8 bytes, little-endian).
pub const BLOBS: Table = Table::new("blob");

/// Sealed files up to this many bytes live in the store.
pub const INLINE_BYTES_MAX: u64 = 64 << 10;
/// Largest content of one attached file, in bytes.
pub const CONTENT_BYTES_MAX: u64 = 1 << 30;
/// Largest sealed file, in bytes: the content, at most 12 % of padding, the tags.
pub const SEALED_BYTES_MAX: u64 = CONTENT_BYTES_MAX + CONTENT_BYTES_MAX / 8;

const INLINE: u8 = 0;
const BESIDE: u8 = 1;

/// A file could not be taken in. Nothing of it is left, or only what [`Blobs::collect`] removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The source failed.
    #[error("the file could not be read: {0}")]
    Source(io::ErrorKind),
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More content than [`CONTENT_BYTES_MAX`].
    #[error("the file is larger than {CONTENT_BYTES_MAX} bytes")]
    TooLarge,
}

impl SealError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Source(_) | Self::TooLarge => Fault::Input,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for SealError {}

/// An attached file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not on this device.
    #[error("the attached file is not on this device")]
    Absent,
    /// It does not authenticate under this key, in this place, with this size.
    #[error("the attached file is damaged or its key is another one's")]
    NotAuthentic,
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Absent => Fault::Caller,
            Self::NotAuthentic => Fault::Disk,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for ReadError {}

/// A file that was sealed and is durable, or small enough to become so with the commit that keeps it.
pub struct Sealed {
    /// Its name: the BLAKE3 root of the sealed bytes.
    pub id: ObjectId,
    /// Bytes of content; the record keeps this number, opening needs it.
    pub content_bytes: u64,
    /// Bytes as sealed, padding included.
    pub sealed_bytes: u64,
    /// The sealed bytes, if they go into the store.
    inline: Option<Vec<u8>>,
}

/// What [`Blobs::collect`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The folder of attached files of one vault. Whoever has it holds the lock of the vault.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    /// [`CONTENT_BYTES_MAX`], but in tests.
    content_bytes_max: u64,
}

impl Sealed {
    /// Bytes of it that are in memory until it is kept.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.inline.as_ref().map_or(0, Vec::len)
    }
}

impl Blobs {
    /// The attached files of the vault in `vault`, whose store is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn beside(vault: &Path) -> Result<Self, StoreError> {
        let blobs = Self { folder: vault.join("blobs"), content_bytes_max: CONTENT_BYTES_MAX };
        for folder in [blobs.folder.clone(), blobs.new_folder(), blobs.incoming_folder()] {
            make_folder(&folder)?;
        }
        Ok(blobs)
    }

    /// Seals everything that `source` gives, padded, for the place named by `context`. Takes little memory however long
    /// the file is: its padding at most, 16 MiB for the largest.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        source: &mut dyn Read,
        key: &FileKey,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SealError> {
        let mut name = [0; 16];
        rng.fill_bytes(&mut name);
        let mut sealer = Sealer::new(key, context, rng).map_err(refused)?;
        let mut spill = Spill::at(self.new_folder().join(hex(&name)));
        let mut buffer = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let mut content_bytes = 0;
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SealError::Source(error.kind())),
            };
            content_bytes += read as u64;
            if content_bytes > self.content_bytes_max {
                return Err(SealError::TooLarge);
            }
            let read = buffer.get(..read).ok_or(SealError::Store(StoreError::Misuse))?;
            sealer.push(read, &mut spill.memory).map_err(refused)?;
            spill.make_room()?;
        }
        let layout = sealer.finish_padded(&mut spill.memory);
        self.settle(spill, &layout)
    }

    fn settle(&self, mut spill: Spill, layout: &Layout) -> Result<Sealed, SealError> {
        let (content_bytes, sealed_bytes) = (layout.content_len(), layout.sealed_len());
        if sealed_bytes <= INLINE_BYTES_MAX && spill.file.is_none() {
            let inline = std::mem::take(&mut spill.memory);
            let id = ObjectId(carnet_crypto::digest::content_hash(&inline));
            return Ok(Sealed { id, content_bytes, sealed_bytes, inline: Some(inline) });
        }
        spill.write_out()?;
        let id = spill.id();
        self.adopt(&spill.path, &id)?;
        Ok(Sealed { id, content_bytes, sealed_bytes, inline: None })
    }

    /// Records that a sealed file is here. Nothing mentions it before; it counts when `writer` has committed. A sealed
    /// file that is dropped instead stays on disk until [`Blobs::collect`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep(&self, writer: &mut Writer, sealed: &Sealed) -> Result<(), StoreError> {
        match &sealed.inline {
            Some(bytes) => put_inline(writer, &sealed.id, bytes),
            None => put_beside(writer, &sealed.id, sealed.sealed_bytes),
        }
    }

    /// Keeps bytes that are sealed already, such as a snapshot, under their hash. They count when `writer` has committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_sealed(
        &self,
        writer: &mut Writer,
        sealed: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<ObjectId, StoreError> {
        if sealed.len() as u64 <= INLINE_BYTES_MAX {
            let id = ObjectId(carnet_crypto::digest::content_hash(sealed));
            put_inline(writer, &id, sealed)?;
            return Ok(id);
        }
        let mut name = [0; 16];
        rng.fill_bytes(&mut name);
        let mut spill = Spill::at(self.new_folder().join(hex(&name)));
        spill.memory.extend_from_slice(sealed);
        spill.write_out()?;
        let id = spill.id();
        self.adopt(&spill.path, &id)?;
        put_beside(writer, &id, sealed.len() as u64)?;
        Ok(id)
    }

    /// The sealed bytes of an object, if it is here and has at most `bytes_max` of them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_sealed(&self, reader: &Reader, id: &ObjectId, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
        match self.bytes(reader, id)? {
            Bytes::Memory(bytes) if bytes.len() as u64 <= bytes_max => Ok(bytes),
            Bytes::File(mut file, length) if length <= bytes_max => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(|error| disk(&error))?;
                Ok(bytes)
            }
            Bytes::Memory(_) | Bytes::File(..) => Err(ReadError::NotAuthentic),
        }
    }

    /// How many bytes the sealed file has, if it is on this device: mentioned, and on the disk at that length.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sealed_bytes(&self, reader: &Reader, id: &ObjectId) -> Result<Option<u64>, StoreError> {
        match reader.get(BLOBS, id.as_bytes())? {
            None => Ok(None),
            Some(row) => match Row::parse(&row)? {
                Row::Inline(bytes) => Ok(Some(bytes.len() as u64)),
                Row::Beside(length) => match fs::metadata(self.path(id)) {
                    Ok(found) => Ok((found.len() == length).then_some(length)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(disk(&error)),
                },
            },
        }
    }

    /// Opens an attached file of `content_bytes` bytes, sealed under `key` for the place named by `context`. Every part
    /// is authenticated before it is given out.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(
        &self,
        reader: &Reader,
        id: &ObjectId,
        key: &FileKey,
        context: &[u8],
        content_bytes: u64,
    ) -> Result<Document, ReadError> {
        if content_bytes > CONTENT_BYTES_MAX {
            return Err(ReadError::NotAuthentic);
        }
        let layout = Layout::new(content_bytes, Padding::Padded).map_err(|_| ReadError::NotAuthentic)?;
        Document::open(self.bytes(reader, id)?, key, context, layout)
    }

    /// Removes the mention of a file. The file itself goes with the next [`Blobs::collect`]. Returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget(&self, writer: &mut Writer, id: &ObjectId) -> Result<bool, StoreError> {
        writer.remove(BLOBS, id.as_bytes())
    }

    /// Puts what is on the disk of a file out of the way, so that it can come again. It stays there until
    /// [`Blobs::collect`] finds the file here again, or is told that nobody wants it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn move_aside(&self, id: &ObjectId) -> Result<(), StoreError> {
        let (from, folder) = (self.path(id), self.aside_folder());
        make_folder(&folder)?;
        match fs::rename(&from, folder.join(id.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(&error)),
            _ => sync_folder(&folder).map_err(|error| disk(&error)),
        }
    }

    /// Removes every file that no row mentions: what a crash, a failed import or [`Blobs::forget`] left, and transfers that
    /// `is_wanted` denies. Durable when this returns. No file may be being sealed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn collect(&self, reader: &Reader, is_wanted: impl Fn(&ObjectId) -> bool) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        collected.remove_in(&self.new_folder(), |_| Ok(true))?;
        for folder in [self.incoming_folder(), self.aside_folder()].into_iter().filter(|folder| folder.is_dir()) {
            collected.remove_in(&folder, |path| match named(path).filter(|id| is_wanted(id)) {
                Some(id) => Ok(self.sealed_bytes(reader, &id)?.is_some()),
                None => Ok(true),
            })?;
        }
        for folder in list(&self.folder)?.into_iter().filter(|path| is_bucket(path)) {
            collected.remove_in(&folder, |path| {
                let Some(id) = named(path) else { return Ok(true) };
                let row = reader.get(BLOBS, id.as_bytes())?;
                Ok(row.is_none_or(|row| !matches!(Row::parse(&row), Ok(Row::Beside(_)))))
            })?;
        }
        Ok(collected)
    }

    /// Reads the whole of an attached file and compares it with its name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn verify(&self, reader: &Reader, id: &ObjectId) -> Result<(), ReadError> {
        match self.bytes(reader, id)? {
            Bytes::Memory(bytes) if carnet_crypto::digest::content_hash(&bytes) == id.0 => Ok(()),
            Bytes::Memory(_) => Err(ReadError::NotAuthentic),
            Bytes::File(file, _) => {
                let name = name_of(file).map_err(|error| disk(&error))?;
                if name == *id { Ok(()) } else { Err(ReadError::NotAuthentic) }
            }
        }
    }

    /// The ids of the attached files on this device, one by one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all(
        &self,
        reader: &Reader,
    ) -> Result<impl Iterator<Item = Result<ObjectId, StoreError>> + use<>, StoreError> {
        Ok(reader.range(BLOBS, ..)?.map(|row| ObjectId::from_slice(&row?.0).ok_or(StoreError::Damaged)))
    }

    /// The sealed bytes of a file.
    fn bytes(&self, reader: &Reader, id: &ObjectId) -> Result<Bytes, ReadError> {
        let row = reader.get(BLOBS, id.as_bytes())?.ok_or(ReadError::Absent)?;
        match Row::parse(&row)? {
            Row::Inline(bytes) => Ok(Bytes::Memory(bytes.to_vec())),
            Row::Beside(length) => {
                let file = match File::open(self.path(id)) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReadError::Absent),
                    Err(error) => return Err(disk(&error).into()),
                };
                let found = file.metadata().map_err(|error| disk(&error))?.len();
                if found == length { Ok(Bytes::File(file, length)) } else { Err(ReadError::NotAuthentic) }
            }
        }
    }

    /// Gives the whole file at `path` its name, durable. Whoever calls knows that the name is that of its bytes.
    fn adopt(&self, path: &Path, id: &ObjectId) -> Result<(), StoreError> {
        let file = file_options().open(path).map_err(|error| disk(&error))?;
        file.sync_all().map_err(|error| disk(&error))?;
        let bucket = self.bucket(id);
        make_folder(&bucket)?;
        fs::rename(path, self.path(id)).and_then(|()| sync_folder(&bucket)).map_err(|error| disk(&error))
    }

    /// As [`Blobs::adopt`], for a file that somebody else made: it is read, and compared with the name that it must have.
    fn adopt_foreign(&self, path: &Path, id: &ObjectId) -> Result<(), StoreError> {
        let file = File::open(path).map_err(|error| disk(&error))?;
        if name_of(file).map_err(|error| disk(&error))? == *id {
            self.adopt(path, id)
        } else {
            Err(StoreError::Damaged)
        }
    }

    fn bucket(&self, id: &ObjectId) -> PathBuf {
        self.folder.join(hex(&id.0[..1]))
    }

    fn path(&self, id: &ObjectId) -> PathBuf {
        self.bucket(id).join(id.to_string())
    }

    fn new_folder(&self) -> PathBuf {
        self.folder.join("new")
    }

    fn incoming_folder(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    /// Where what is left of damaged files lies.
    fn aside_folder(&self) -> PathBuf {
        self.folder.join("damaged")
    }
}

/// The sealed bytes of a file, wherever they are.
enum Bytes {
    File(File, u64),
    Memory(Vec<u8>),
}

/// A row of [`BLOBS`].
enum Row<'a> {
    Beside(u64),
    Inline(&'a [u8]),
}

impl<'a> Row<'a> {
    fn parse(row: &'a [u8]) -> Result<Self, StoreError> {
        match row.split_first() {
            Some((&INLINE, bytes)) if bytes.len() as u64 <= INLINE_BYTES_MAX => Ok(Self::Inline(bytes)),
            Some((&BESIDE, length)) => {
                let length = u64::from_le_bytes(length.try_into().map_err(|_| StoreError::Damaged)?);
                if length <= SEALED_BYTES_MAX { Ok(Self::Beside(length)) } else { Err(StoreError::Damaged) }
            }
            _ => Err(StoreError::Damaged),
        }
    }
}

impl Collected {
    /// Removes the files of a folder that are useless.
    fn remove_in(
        &mut self,
        folder: &Path,
        is_useless: impl Fn(&Path) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let before = self.files;
        for path in list(folder)? {
            if is_useless(&path)? {
                let bytes = fs::metadata(&path).map_err(|error| disk(&error))?.len();
                fs::remove_file(&path).map_err(|error| disk(&error))?;
                self.files += 1;
                self.bytes += bytes;
            }
        }
        if self.files == before { Ok(()) } else { sync_folder(folder).map_err(|error| disk(&error)) }
    }
}

/// Reads a sealed file to its end and gives its name.
fn name_of(mut file: File) -> io::Result<ObjectId> {
    let mut hasher = ContentHasher::new();
    let mut part = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(ObjectId(hasher.finish())),
            Ok(read) => hasher.update(part.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn put_inline(writer: &mut Writer, id: &ObjectId, bytes: &[u8]) -> Result<(), StoreError> {
    writer.put(BLOBS, id.as_bytes(), &[&[INLINE], bytes].concat())
}

fn put_beside(writer: &mut Writer, id: &ObjectId, length: u64) -> Result<(), StoreError> {
    writer.put(BLOBS, id.as_bytes(), &[&[BESIDE], &length.to_le_bytes()[..]].concat())
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir(folder).and_then(|()| sync_folder(parent)).map_err(|error| disk(&error))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(folder).map_err(|error| disk(&error))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| disk(&error))).collect()
}

/// The object that a file belongs to, from its name.
fn named(path: &Path) -> Option<ObjectId> {
    path.file_stem()?.to_str()?.parse().ok()
}

fn is_bucket(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.len() == 2)
}

fn refused(error: StreamError) -> SealError {
    match error {
        StreamError::TooLarge => SealError::TooLarge,
        _ => SealError::Store(StoreError::Misuse),
    }
}

fn disk(error: &io::Error) -> StoreError {
    StoreError::from_io(error)
}

#[cfg(test)]
mod tests;
