//! The relay's store: ordered tables in one redb file, and files for what is large. The only code that names redb.
//!
//! One process writes, in groups, each an immediate two-phase commit; others may read beside it (`status`, `audit`,
//! `backup`). A file is durable before the transaction that names it. After any failure to write the store is poisoned:
//! nothing more is written or acknowledged until the process starts again. What the rows mean is in [`rows`]; this file
//! knows bytes only.

use std::{
    fs, io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use carnet_crypto::fault::Fault;
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, Durability, ReadOnlyDatabase, ReadTransaction,
    ReadableDatabase as _, TableDefinition, TableError,
};

pub(crate) use self::group::Group;

pub(crate) mod file;
mod group;
pub(crate) mod rows;
pub(crate) mod writer;

/// Pages that redb keeps in memory, in bytes. Its own default is 1 GiB.
const CACHE_BYTES: usize = 32 << 20;
/// Name of the database in the data folder.
const DATABASE_FILE: &str = "relay.redb";
/// What this code reads and writes; another number is refused.
pub(crate) const FORMAT: u64 = 1;

macro_rules! tables {
    ($($(#[$doc:meta])+ $table:ident = $name:literal;)+) => {
        /// The tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Table { $($(#[$doc])+ $table,)+ }

        impl Table {
            /// Every table, in the order of a backup.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$table,)+];

            /// Its name in the file and in a backup.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$table => $name,)+ }
            }

            /// Its place in [`Table::ALL`].
            fn index(self) -> usize {
                Self::ALL.iter().position(|table| *table == self).unwrap_or(usize::MAX)
            }
        }
    };
}

tables! {
    /// Format and store epoch.
    Meta = "meta";
    /// Record id to the number that the other tables know it by.
    Records = "records";
    /// (record, position): operations with their receipts.
    Operations = "operations";
    /// (record, operation id): position.
    OperationIndex = "operation-index";
    /// (record, position, number): detached parts of operations.
    Parts = "parts";
    /// (record, section): where the log of the section stands.
    Heads = "heads";
    /// (record, section, position): envelopes.
    Envelopes = "envelopes";
    /// (record, section, feed, seq): position.
    FeedIndex = "feed-index";
    /// (record, number): views that do not follow from the operations.
    Views = "views";
    /// (record, section, feed): the end of the feed.
    Feeds = "feeds";
    /// (record, object id): what is known of an object.
    Objects = "objects";
    /// Slot name: a rendezvous slot.
    Slots = "slots";
    /// (record, principal): bytes it brought.
    Usage = "usage";
    /// (record, device): which membership positions it was served when.
    Served = "served";
}

impl Table {
    fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.name())
    }
}

/// The store failed or holds what it should not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes to this store.
    #[error("another process uses the store")]
    Busy,
    /// Content that this code did not write, or the medium altered.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// The disk or its rights.
    #[error("the store failed: {0}")]
    Disk(String),
    /// Written by another version.
    #[error("the store has format {found}, not {FORMAT}")]
    Format {
        /// The format found.
        found: u64,
    },
    /// There is no store in the folder.
    #[error("{0} holds no relay")]
    Missing(PathBuf),
    /// An earlier failure; nothing is written any more.
    #[error("an earlier write failed; start the relay again")]
    Poisoned,
    /// The last process did not end in order, and only one that writes can put that right: start `serve` once.
    #[error("the store must be recovered first")]
    Unrecovered,
}

impl StoreError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Busy | Self::Missing(_) | Self::Unrecovered => Fault::Caller,
            Self::Damaged(_) | Self::Disk(_) | Self::Poisoned => Fault::Disk,
            Self::Format { .. } => Fault::Unsupported,
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::RepairAborted => Self::Unrecovered,
            redb::Error::Corrupted(_) => Self::Damaged("the database says so"),
            other => Self::Disk(other.to_string()),
        }
    }
}

enum Handle {
    Writing(Database),
    Reading(ReadOnlyDatabase),
}

/// An open store.
pub(crate) struct Store {
    handle: Handle,
    data: PathBuf,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Creates an empty store with this store epoch in `data`, which must hold none.
    pub(crate) fn create(data: &Path, store_epoch: u64) -> Result<Self, StoreError> {
        let path = data.join(DATABASE_FILE);
        if path.exists() {
            return Err(StoreError::Disk(format!("{} exists already", path.display())));
        }
        let database = guarded(|| builder().create(&path).map_err(opening))?;
        let store = Self { handle: Handle::Writing(database), data: data.to_owned() };
        let group = store.group()?;
        group.put(Table::Meta, b"format", &FORMAT.to_be_bytes());
        group.put(Table::Meta, b"epoch", &store_epoch.to_be_bytes());
        for table in Table::ALL {
            group.touch(*table);
        }
        group.commit()?;
        crate::key::sync_folder_of(&path)?;
        Ok(store)
    }

    /// Opens the store in `data` to write.
    pub(crate) fn open(data: &Path) -> Result<Self, StoreError> {
        let path = existing(data)?;
        let database = guarded(|| builder().open(&path).map_err(opening))?;
        Self { handle: Handle::Writing(database), data: data.to_owned() }.checked()
    }

    /// Opens the store in `data` to read, also while another process writes.
    pub(crate) fn open_to_read(data: &Path) -> Result<Self, StoreError> {
        let path = existing(data)?;
        let database = guarded(|| builder().open_read_only(&path).map_err(opening))?;
        Self { handle: Handle::Reading(database), data: data.to_owned() }.checked()
    }

    fn checked(self) -> Result<Self, StoreError> {
        match self.number(b"format")? {
            FORMAT => Ok(self),
            found => Err(StoreError::Format { found }),
        }
    }

    /// The life of this store: raised by each restoration.
    pub(crate) fn epoch(&self) -> Result<u64, StoreError> {
        self.number(b"epoch")
    }

    fn number(&self, key: &[u8]) -> Result<u64, StoreError> {
        let bytes = self.snapshot()?.get(Table::Meta, key)?.ok_or(StoreError::Damaged("meta"))?;
        Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| StoreError::Damaged("meta"))?))
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// All tables as the last commit left them.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let begin = |error: redb::TransactionError| StoreError::from(redb::Error::from(error));
        guarded(|| {
            Ok(Snapshot::new(match &self.handle {
                Handle::Writing(database) => database.begin_read().map_err(begin)?,
                Handle::Reading(database) => database.begin_read().map_err(begin)?,
            }))
        })
    }

    /// A group of writes, durable when [`Group::commit`] returns.
    pub(crate) fn group(&self) -> Result<Group, StoreError> {
        let Handle::Writing(database) = &self.handle else { return Err(StoreError::Poisoned) };
        let transaction = guarded(|| {
            let mut transaction = database.begin_write().map_err(redb::Error::from)?;
            transaction.set_durability(Durability::Immediate).map_err(redb::Error::from)?;
            transaction.set_two_phase_commit(true);
            Ok(transaction)
        })?;
        // Nobody else writes now: what a snapshot shows is what the group begins with.
        Ok(Group::new(transaction, self.snapshot()?))
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_concurrency_mode(ConcurrencyMode::SingleWriter);
    builder
}

fn existing(data: &Path) -> Result<PathBuf, StoreError> {
    let path = data.join(DATABASE_FILE);
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing(data.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn opening(error: DatabaseError) -> StoreError {
    redb::Error::from(error).into()
}

/// redb may panic on altered content: that is damage, not a bug of ours.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(StoreError::Damaged("the database stopped")))
}

/// Looks at one row: its key, its value. Says whether to go on. It must not write to the group that it looks at, whose
/// changes are being read: what is to be written is gathered, and put after the scan.
pub(crate) type EachRow<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>;

/// Looks at every row: its key, its value. As [`EachRow`], it must not write to the group that it looks at.
pub(crate) type EveryRow<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// What can be read, of a snapshot or inside a group.
pub(crate) trait Rows {
    /// The value of `key`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the rows from `from` (included) to `to` (excluded) in the order of their keys, until `each` breaks.
    fn scan(&self, table: Table, from: &[u8], to: &[u8], each: EachRow<'_>) -> Result<(), StoreError>;

    /// Shows every row whose key begins with `prefix`, in order.
    fn under(&self, table: Table, prefix: &[u8], each: EveryRow<'_>) -> Result<(), StoreError> {
        self.scan(table, prefix, &after(prefix), &mut |key, value| {
            each(key, value)?;
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// The first key after all those that begin with `prefix`; a prefix of 0xff bytes alone never occurs.
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0xff; 96]
}

type Bytes = &'static [u8];
type OpenTable = redb::ReadOnlyTable<Bytes, Bytes>;

/// All tables as one commit left them. Each is opened once: opening costs as much as reading a row.
pub(crate) struct Snapshot {
    // Declared before the transaction that they belong to. Nothing stands for a table that does not exist.
    tables: [OnceLock<Option<OpenTable>>; Table::ALL.len()],
    transaction: ReadTransaction,
}

impl Snapshot {
    fn new(transaction: ReadTransaction) -> Self {
        Self { tables: [const { OnceLock::new() }; Table::ALL.len()], transaction }
    }

    fn table(&self, table: Table) -> Result<Option<&OpenTable>, StoreError> {
        let place = self.tables.get(table.index()).ok_or(StoreError::Damaged("table"))?;
        if let Some(open) = place.get() {
            return Ok(open.as_ref());
        }
        let open = guarded(|| match self.transaction.open_table(table.definition()) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(redb::Error::from(error).into()),
        })?;
        Ok(place.get_or_init(|| open).as_ref())
    }
}

impl Rows for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.table(table)? else { return Ok(None) };
        guarded(|| Ok(table.get(key).map_err(redb::Error::from)?.map(|value| value.value().to_vec())))
    }

    fn scan(&self, table: Table, from: &[u8], to: &[u8], each: EachRow<'_>) -> Result<(), StoreError> {
        let Some(table) = self.table(table)? else { return Ok(()) };
        guarded(|| {
            for row in table.range(from..to).map_err(redb::Error::from)? {
                let (key, value) = row.map_err(redb::Error::from)?;
                if each(key.value(), value.value())?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_there_after_the_commit_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 5).unwrap();
        let group = store.group().unwrap();
        for n in [1_u8, 2, 3, 0xff] {
            group.put(Table::Feeds, &[7, n], &[n]);
        }
        assert_eq!(group.get(Table::Feeds, &[7, 2]).unwrap(), Some(vec![2]));
        assert_eq!(store.snapshot().unwrap().get(Table::Feeds, &[7, 2]).unwrap(), None);
        group.commit().unwrap();
        let snapshot = store.snapshot().unwrap();
        let mut seen = Vec::new();
        snapshot
            .under(Table::Feeds, &[7], &mut |key, _| {
                seen.push(key[1]);
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [1, 2, 3, 0xff]);
        assert_eq!(store.epoch().unwrap(), 5);
    }

    #[test]
    fn fault_a9_one_process_writes_and_others_read_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 1).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Busy)));
        let beside = Store::open_to_read(folder.path()).unwrap();
        let group = store.group().unwrap();
        group.put(Table::Slots, b"a", b"b");
        group.commit().unwrap();
        assert_eq!(beside.snapshot().unwrap().get(Table::Slots, b"a").unwrap(), Some(b"b".to_vec()));
        assert!(matches!(beside.group(), Err(StoreError::Poisoned)));
        drop(store);
        assert!(Store::open(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_without_a_store_and_another_format_are_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Missing(_))));
        let store = Store::create(folder.path(), 1).unwrap();
        let group = store.group().unwrap();
        group.put(Table::Meta, b"format", &2_u64.to_be_bytes());
        group.commit().unwrap();
        drop(store);
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Format { found: 2 })));
        assert!(Store::create(folder.path(), 1).is_err(), "an existing store is never replaced");
    }

    #[test]
    fn fault_b1_a_destroyed_file_is_damage_not_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::create(folder.path(), 1).unwrap());
        let path = folder.path().join(DATABASE_FILE);
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len() / 23) {
            let mut broken = bytes.clone();
            for byte in broken.iter_mut().skip(at).take(600) {
                *byte ^= 0xa5;
            }
            fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
            io::Write::write_all(&mut fs::OpenOptions::new().write(true).open(&path).unwrap(), &broken).unwrap();
            // Whatever it answers, it answers.
            let _ = Store::open(folder.path()).and_then(|store| store.epoch());
        }
    }
}
