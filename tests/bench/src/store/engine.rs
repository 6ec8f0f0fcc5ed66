//! The stores that are measured, behind one set of operations. Each does them as its own users would: one table opened
//! once where that is possible, one transaction for what is written together.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use carnet_seal::secret::VaultKey;
use carnet_vault::store::{Durability, Lock, Options, Store, Table, Unlock};
use rand::rngs::SysRng;
use redb::{Database, ReadableDatabase as _, TableDefinition};
use rusqlite::Connection;

use super::rows::Row;
use crate::{goals, report::Failure};

const ROWS: Table = Table::new("rows");
const PLAIN_ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
const KEY: [u8; 32] = [0x5a; 32];
/// What every store may keep in memory, but SQLCipher with its defaults, in bytes.
const CACHE_BYTES: usize = 64 << 20;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Ours: redb over the encrypting disk.
    Ours,
    /// redb on a plain file, committing as ours does.
    Redb,
    /// redb on a plain file, committing as it does by itself.
    RedbOnePhase,
    /// SQLCipher with its defaults and a raw key.
    SqlCipher,
    /// SQLCipher with a write-ahead log and our cache.
    SqlCipherTuned,
}

impl Engine {
    /// The name in the table of goals.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Self::Ours => "",
            Self::Redb => goals::REDB,
            Self::RedbOnePhase => goals::REDB_ONE_PHASE,
            Self::SqlCipher => goals::SQLCIPHER,
            Self::SqlCipherTuned => goals::SQLCIPHER_TUNED,
        }
    }

    /// Makes a store in `folder`.
    pub(crate) fn create(self, folder: &Path) -> Result<Open, Failure> {
        match self {
            Self::Ours => {
                let store = Store::create(folder, Lock::Key(&key()?), options(), SysRng)?;
                Ok(Open::Ours(store))
            }
            _ => self.open(folder),
        }
    }

    /// Opens the store in `folder`.
    pub(crate) fn open(self, folder: &Path) -> Result<Open, Failure> {
        Ok(match self {
            Self::Ours => Open::Ours(Store::open(folder, Unlock::Key(&key()?), options(), SysRng)?),
            Self::Redb | Self::RedbOnePhase => {
                let mut builder = Database::builder();
                builder.set_cache_size(CACHE_BYTES);
                let database = builder.create(self.file(folder))?;
                Open::Redb { database, is_two_phase: self == Self::Redb }
            }
            Self::SqlCipher | Self::SqlCipherTuned => Open::Sql(self.connect(folder)?),
        })
    }

    fn connect(self, folder: &Path) -> Result<Connection, Failure> {
        let connection = Connection::open(self.file(folder))?;
        let key: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        connection.execute_batch(&format!("PRAGMA key = \"x'{key}'\";"))?;
        let version: String = connection.query_row("PRAGMA cipher_version", [], |row| row.get(0))?;
        if !version.starts_with("4.19") {
            return Err(format!("SQLCipher {version} is not the one that the goals name").into());
        }
        if self == Self::SqlCipherTuned {
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.execute_batch(&format!("PRAGMA cache_size = -{};", CACHE_BYTES >> 10))?;
        }
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS files (number INTEGER PRIMARY KEY, content BLOB NOT NULL);",
        )?;
        Ok(connection)
    }

    /// The main file of the store in `folder`.
    pub(crate) fn file(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Ours => "vault.carnet",
            Self::Redb | Self::RedbOnePhase => "plain.redb",
            Self::SqlCipher | Self::SqlCipherTuned => "cipher.db",
        })
    }

    /// Bytes of the main file.
    pub(crate) fn file_bytes(self, folder: &Path) -> Result<f64, Failure> {
        Ok(File::open(self.file(folder))?.metadata()?.len() as f64)
    }

    /// Takes the main file out of the memory of the kernel.
    pub(crate) fn evict(self, folder: &Path) -> Result<(), Failure> {
        evict(&self.file(folder))
    }
}

/// Takes a file out of the memory of the kernel.
pub(crate) fn evict(file: &Path) -> Result<(), Failure> {
    let file = File::open(file)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

/// An open store.
pub(crate) enum Open {
    /// Ours.
    Ours(Store),
    /// redb.
    Redb {
        /// The database.
        database: Database,
        /// Whether it commits in two phases with the state of its allocator, as ours does.
        is_two_phase: bool,
    },
    /// SQLCipher.
    Sql(Connection),
}

impl Open {
    /// Writes all rows in one transaction that is one step of a larger work.
    pub(crate) fn put_all(&mut self, rows: &[Row]) -> Result<(), Failure> {
        match self {
            Self::Ours(store) => {
                let mut writer = store.write(Durability::Step)?;
                writer.put_all(ROWS, rows.iter().map(|row| (&row.key, &row.value)))?;
                writer.commit()?;
            }
            Self::Redb { database, .. } => {
                let transaction = database.begin_write()?;
                {
                    let mut table = transaction.open_table(PLAIN_ROWS)?;
                    for row in rows {
                        table.insert(row.key.as_slice(), row.value.as_slice())?;
                    }
                }
                transaction.commit()?;
            }
            Self::Sql(connection) => {
                let transaction = connection.transaction()?;
                {
                    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2)")?;
                    for row in rows {
                        insert.execute((&row.key, &row.value))?;
                    }
                }
                transaction.commit()?;
            }
        }
        Ok(())
    }

    /// Writes one row so that a person can be told that it is saved.
    pub(crate) fn put_durably(&mut self, row: &Row) -> Result<(), Failure> {
        match self {
            Self::Ours(store) => {
                let mut writer = store.write(Durability::Acknowledged)?;
                writer.put(ROWS, &row.key, &row.value)?;
                writer.commit()?;
            }
            Self::Redb { database, is_two_phase } => {
                let mut transaction = database.begin_write()?;
                transaction.set_quick_repair(*is_two_phase);
                transaction.set_two_phase_commit(*is_two_phase);
                transaction.open_table(PLAIN_ROWS)?.insert(row.key.as_slice(), row.value.as_slice())?;
                transaction.commit()?;
            }
            Self::Sql(connection) => {
                let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2)")?;
                insert.execute((&row.key, &row.value))?;
            }
        }
        Ok(())
    }

    /// Reads every row in `order` in one transaction; the sum of the first bytes shows that it did.
    pub(crate) fn get_all(&self, order: &[Row]) -> Result<u64, Failure> {
        let mut sum = 0;
        match self {
            Self::Ours(store) => {
                let reader = store.read()?;
                for row in order {
                    sum += first_byte(reader.get(ROWS, &row.key)?.as_deref())?;
                }
            }
            Self::Redb { database, .. } => {
                let transaction = database.begin_read()?;
                let table = transaction.open_table(PLAIN_ROWS)?;
                for row in order {
                    sum += first_byte(table.get(row.key.as_slice())?.as_ref().map(redb::AccessGuard::value))?;
                }
            }
            Self::Sql(connection) => {
                connection.execute_batch("BEGIN")?;
                {
                    let mut select = connection.prepare_cached("SELECT value FROM rows WHERE key = ?1")?;
                    for row in order {
                        sum += select.query_row([&row.key], |found| {
                            Ok(found.get_ref(0)?.as_blob().ok().and_then(<[u8]>::first).copied().map_or(0, u64::from))
                        })?;
                    }
                }
                connection.execute_batch("COMMIT")?;
            }
        }
        Ok(sum)
    }

    /// Ends its use in good order.
    pub(crate) fn close(self) -> Result<(), Failure> {
        match self {
            Self::Ours(store) => Ok(store.close()?),
            Self::Redb { database, .. } => Ok(database.close()?),
            Self::Sql(connection) => connection.close().map_err(|(_, error)| error.into()),
        }
    }
}

fn first_byte(value: Option<&[u8]>) -> Result<u64, Failure> {
    value.and_then(<[u8]>::first).copied().map(u64::from).ok_or_else(|| "a row that was written is not there".into())
}

fn key() -> Result<VaultKey, Failure> {
    VaultKey::from_store(&KEY).ok_or_else(|| "32 bytes are a key".into())
}

fn options() -> Options {
    Options { cache_bytes: CACHE_BYTES, ..Options::default() }
}
