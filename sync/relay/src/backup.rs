//! One file with everything a relay is, and a relay from such a file.
//!
//! `carnet relay backup` and a version, then entries: a kind (1 byte), a length (variable) and the bytes; the last entry
//! is `H("relay backup", kind and bytes of every entry)`. Rows come from one snapshot, taken while the relay runs; the
//! files they name never change. A restored relay begins a new store epoch, later than any it ever had: two restorations
//! of one backup are two lives, and no device takes the one for the other.

use std::{
    fs,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use carnet_crypto::{digest::Hasher, door::UnixMillis, fault::Fault};

use crate::{
    config::{Config, ConfigError, Policy},
    key::{self, NodeKey, SecretFileError, sync_folder_of},
    operate::{InitError, create_folder, write_config},
    store::{
        Group, Rows, Snapshot, Store, StoreError, Table, file,
        rows::{EnvelopeRow, Key, ObjectRow, Place, RecordNumber, Row as _},
    },
};

const MAGIC: &[u8; 20] = b"carnet relay backup\n";
const VERSION: u8 = 1;
/// Longest entry, in bytes: the largest row with room to spare.
const ENTRY_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a file in one entry.
const CHUNK_BYTES: usize = 1 << 20;
/// Rows in one commit of a restoration, at most.
const ROWS_PER_COMMIT: usize = 4_096;
/// Bytes of rows in one commit of a restoration, but for the last row: they wait in memory.
const BYTES_PER_COMMIT: usize = 16 << 20;

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Key = 1,
    Token = 2,
    Config = 3,
    Epoch = 4,
    /// Number of the table, length of the key as 2 bytes, key, value.
    Row = 5,
    /// Record number, id, length of a file; its bytes follow in `Chunk` entries.
    File = 6,
    Chunk = 7,
    End = 8,
}

impl Entry {
    const ALL: [Self; 8] =
        [Self::Key, Self::Token, Self::Config, Self::Epoch, Self::Row, Self::File, Self::Chunk, Self::End];

    fn byte(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Token => 2,
            Self::Config => 3,
            Self::Epoch => 4,
            Self::Row => 5,
            Self::File => 6,
            Self::Chunk => 7,
            Self::End => 8,
        }
    }
}

/// A backup could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// `relay.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The backup is cut short, altered, or not one.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// The folder to restore into.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The backup file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key or the token.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Written by another version.
    #[error("the backup has version {0}, not {VERSION}")]
    Version(u8),
}

impl BackupError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Config(error) => error.fault(),
            Self::Damaged(_) => Fault::Input,
            Self::Init(error) => error.fault(),
            Self::Io { .. } => Fault::Disk,
            Self::Secret(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Version(_) => Fault::Unsupported,
        }
    }
}

/// Copies the relay in `data`, which may be running, into `out`, which must not exist. The file is for its owner only:
/// it holds the relay's key.
///
/// # Errors
/// [`BackupError`]; then `out` does not exist.
pub fn backup(data: &Path, out: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io { path: out.to_owned(), source };
    if out.exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let beside = out.with_extension("unfinished");
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&beside).map_err(failed)?;
    let written = write_backup(data, BufWriter::new(file), &failed);
    if written.is_err() {
        let _ = fs::remove_file(&beside);
        return written;
    }
    fs::rename(&beside, out).and_then(|()| sync_folder_of(out)).map_err(failed)
}

fn write_backup(
    data: &Path,
    file: BufWriter<fs::File>,
    failed: &dyn Fn(io::Error) -> BackupError,
) -> Result<(), BackupError> {
    let config = Config::read(data)?;
    let store = Store::open_to_read(data)?;
    let snapshot = store.snapshot()?;
    let mut to = Writing { file, hasher: Hasher::new("relay backup") };
    to.file.write_all(MAGIC).and_then(|()| to.file.write_all(&[VERSION])).map_err(failed)?;
    to.entry(Entry::Key, NodeKey::read(data)?.expose_seed()).map_err(failed)?;
    if config.policy == Policy::Token {
        to.entry(Entry::Token, &key::read_token(data)?.0).map_err(failed)?;
    }
    to.entry(Entry::Config, config.to_text().map_err(failed)?.as_bytes()).map_err(failed)?;
    to.entry(Entry::Epoch, &store.epoch()?.to_be_bytes()).map_err(failed)?;
    for (number, table) in (0_u8..).zip(Table::ALL) {
        to.table(&snapshot, number, *table)?;
    }
    for (record, id, length) in files(&snapshot)? {
        to.large(data, record, &id, length)?;
    }
    let hash = to.hasher.finish();
    to.entry(Entry::End, &hash).map_err(failed)?;
    let file = to.file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

struct Writing {
    file: BufWriter<fs::File>,
    hasher: Hasher,
}

impl Writing {
    fn entry(&mut self, entry: Entry, bytes: &[u8]) -> io::Result<()> {
        self.hasher.part(&[entry.byte()]).part(bytes);
        self.file.write_all(&[entry.byte()])?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_be_bytes())?;
        self.file.write_all(bytes)
    }

    fn table(&mut self, snapshot: &Snapshot, number: u8, table: Table) -> Result<(), StoreError> {
        snapshot.scan(table, &[], &[0xff; 97], &mut |key, value| {
            let length = u16::try_from(key.len()).map_err(|_| StoreError::Damaged("key"))?;
            let row = [&[number], length.to_be_bytes().as_slice(), key, value].concat();
            self.entry(Entry::Row, &row)?;
            Ok(std::ops::ControlFlow::Continue(()))
        })
    }

    fn large(&mut self, data: &Path, record: RecordNumber, id: &[u8; 32], length: u64) -> Result<(), StoreError> {
        let head = [record.to_be_bytes().as_slice(), id, &length.to_be_bytes()].concat();
        self.entry(Entry::File, &head)?;
        let mut start = 0;
        while start < length {
            let bytes = length.saturating_sub(start).min(u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX));
            let chunk = file::read_range(data, record, id, start, bytes)?;
            self.entry(Entry::Chunk, &chunk)?;
            start = start.saturating_add(bytes);
        }
        Ok(())
    }
}

/// The files that rows name.
fn files(snapshot: &Snapshot) -> Result<Vec<(RecordNumber, [u8; 32], u64)>, StoreError> {
    let mut files = Vec::new();
    for (_, record) in crate::audit::all_records(snapshot)? {
        let prefix = Key::of(record.number);
        snapshot.under(Table::Envelopes, prefix.bytes(), &mut |_, value| {
            let row = EnvelopeRow::decode(value)?;
            if row.place == Place::File {
                files.push((record.number, row.id.0, row.length));
            }
            Ok(())
        })?;
        snapshot.under(Table::Objects, prefix.bytes(), &mut |key, value| {
            let row = ObjectRow::decode(value)?;
            if let (true, Some(id)) = (row.complete, key.last_chunk()) {
                files.push((record.number, *id, row.total));
            }
            Ok(())
        })?;
    }
    Ok(files)
}

/// Makes a relay in `data`, which must hold none, from the backup `from`. It has the same key and a new store epoch.
///
/// # Errors
/// [`BackupError`]; then `data` holds no relay, and what was written of it may be removed.
pub fn restore(from: &Path, data: &Path, now: UnixMillis) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io { path: from.to_owned(), source };
    let file = fs::File::open(from).map_err(failed)?;
    let mut reading = Reading { file: BufReader::new(file), hasher: Hasher::new("relay backup") };
    let mut magic = [0; MAGIC.len()];
    let mut version = [0];
    reading.exact(&mut magic)?;
    reading.exact(&mut version)?;
    if magic != *MAGIC {
        return Err(BackupError::Damaged("not a backup of a relay"));
    }
    if version != [VERSION] {
        return Err(BackupError::Version(version.first().copied().unwrap_or(0)));
    }
    create_folder(data)?;
    let mut restoring = Restoring { data, now, store: None, group: None, rows: 0, bytes: 0, config: None, large: None };
    loop {
        let so_far = reading.hasher.finish();
        let (entry, bytes) = reading.entry()?;
        if entry == Entry::End {
            if bytes != so_far {
                return Err(BackupError::Damaged("its hash"));
            }
            break;
        }
        restoring.take(entry, &bytes)?;
    }
    let mut more = [0];
    if reading.file.read(&mut more).map_err(failed)? != 0 {
        return Err(BackupError::Damaged("bytes left over"));
    }
    restoring.finish()
}

struct Reading {
    file: BufReader<fs::File>,
    hasher: Hasher,
}

impl Reading {
    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.file.read_exact(bytes).map_err(|_| BackupError::Damaged("it is cut short"))
    }

    fn entry(&mut self) -> Result<(Entry, Vec<u8>), BackupError> {
        let (mut kind, mut length) = ([0], [0; 4]);
        self.exact(&mut kind)?;
        self.exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length));
        let entry = Entry::ALL.into_iter().find(|entry| [entry.byte()] == kind);
        let entry = entry.ok_or(BackupError::Damaged("an unknown entry"))?;
        if length > ENTRY_BYTES_MAX {
            return Err(BackupError::Damaged("an entry is too long"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.exact(&mut bytes)?;
        if entry != Entry::End {
            self.hasher.part(&[entry.byte()]).part(&bytes);
        }
        Ok((entry, bytes))
    }
}

struct Restoring<'a> {
    data: &'a Path,
    now: UnixMillis,
    store: Option<Store>,
    group: Option<Group>,
    rows: usize,
    bytes: usize,
    config: Option<Config>,
    /// The file whose chunks come: record, id, whole length, length so far.
    large: Option<(RecordNumber, [u8; 32], u64, u64)>,
}

impl Restoring<'_> {
    fn take(&mut self, entry: Entry, bytes: &[u8]) -> Result<(), BackupError> {
        let wrong = || BackupError::Damaged("an entry has the wrong length");
        match entry {
            Entry::Key => {
                NodeKey::install(self.data, bytes.try_into().map_err(|_| wrong())?)?;
            }
            Entry::Token => {
                key::install_token(self.data, bytes.try_into().map_err(|_| wrong())?)?;
            }
            Entry::Config => {
                let text = str::from_utf8(bytes).map_err(|_| BackupError::Damaged("its configuration"))?;
                self.config = Some(Config::parse(text).map_err(|_| BackupError::Damaged("its configuration"))?);
            }
            Entry::Epoch => {
                let old = u64::from_be_bytes(bytes.try_into().map_err(|_| wrong())?);
                let epoch = old.saturating_add(1).max(self.now.0.checked_div(1_000).unwrap_or(0));
                self.store = Some(Store::create(self.data, epoch)?);
            }
            Entry::Row => self.row(bytes)?,
            Entry::File => {
                let (record, rest) = bytes.split_first_chunk().ok_or_else(wrong)?;
                let (id, length) = rest.split_first_chunk().ok_or_else(wrong)?;
                let length = u64::from_be_bytes(length.try_into().map_err(|_| wrong())?);
                self.large = Some((u64::from_be_bytes(*record), *id, length, 0));
            }
            Entry::Chunk => self.chunk(bytes)?,
            Entry::End => {}
        }
        Ok(())
    }

    fn row(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let wrong = || BackupError::Damaged("a row");
        let (table, rest) = bytes.split_first().ok_or_else(wrong)?;
        let (length, rest) = rest.split_first_chunk().ok_or_else(wrong)?;
        let (key, value) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(wrong)?;
        let table = Table::ALL.get(usize::from(*table)).copied().ok_or_else(wrong)?;
        if table == Table::Meta && matches!(key, b"epoch" | b"format") {
            return Ok(());
        }
        let store = self.store.as_ref().ok_or_else(wrong)?;
        let group = match self.group.take() {
            Some(group) => group,
            None => store.group()?,
        };
        group.put(table, key, value);
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.rows >= ROWS_PER_COMMIT || self.bytes >= BYTES_PER_COMMIT {
            (self.rows, self.bytes) = (0, 0);
            group.commit()?;
        } else {
            self.group = Some(group);
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let (record, id, length, start) = self.large.as_mut().ok_or(BackupError::Damaged("a chunk of no file"))?;
        let end = start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if end > *length {
            return Err(BackupError::Damaged("a file is too long"));
        }
        file::append_part(self.data, *record, id, *start, bytes).map_err(StoreError::from)?;
        *start = end;
        if end == *length {
            file::keep_part(self.data, *record, id).map_err(StoreError::from)?;
            self.large = None;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), BackupError> {
        if let Some(group) = self.group.take() {
            group.commit()?;
        }
        if self.store.is_none() || self.large.is_some() {
            return Err(BackupError::Damaged("it is cut short"));
        }
        let config = self.config.ok_or(BackupError::Damaged("its configuration is missing"))?;
        Ok(write_config(self.data, &config)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restoration_keeps_few_bytes_in_memory_however_large_its_rows_are() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let store = Some(Store::create(data, 1).unwrap());
        let now = UnixMillis(1);
        let mut restoring = Restoring { data, now, store, group: None, rows: 0, bytes: 0, config: None, large: None };
        let table = Table::ALL.iter().position(|table| *table == Table::Objects).unwrap();
        let table = u8::try_from(table).unwrap();
        let value = vec![7; usize::try_from(ENTRY_BYTES_MAX).unwrap() - 4];
        let count = BYTES_PER_COMMIT / value.len() + 1;
        for n in 0..count {
            let key = u8::try_from(n).unwrap();
            restoring.take(Entry::Row, &[&[table, 0, 1, key], value.as_slice()].concat()).unwrap();
        }
        let there = restoring.store.as_ref().unwrap().snapshot().unwrap().get(Table::Objects, &[0]).unwrap();
        assert_eq!(there.map(|there| there.len()), Some(value.len()), "the first rows are on the disk by now");
    }
}
