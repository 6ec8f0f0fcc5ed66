//! Reading and writing: consistent snapshots, and one writer at a time whose changes appear together or not at all.

use std::{
    collections::VecDeque,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, PoisonError},
};

use redb::{
    Range, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableError, WriteTransaction,
};

use super::{
    KEY_BYTES_MAX, Table, VALUE_BYTES_MAX,
    block::SealedDisk,
    boundary::{Contained, guarded},
    error::StoreError,
};

/// A row: its key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

type Bytes = &'static [u8];

/// Rows that a writer takes from its table at once while it walks through it.
const PAGE_ROWS: usize = 64;
/// Bytes after which a writer's page of rows ends early.
const PAGE_BYTES: usize = 1 << 20;

/// How a [`Writer`] commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In two phases, with the state of the allocator: what a person or a peer is told is saved. After a crash the vault
    /// opens at once.
    Acknowledged,
    /// In one phase: a step of a bulk import. Durable all the same, but after a crash the whole vault is read once.
    /// Acknowledge nothing before a closing [`Durability::Acknowledged`] commit.
    Step,
}

/// A consistent view of the whole store, as of the last commit before it was made.
pub struct Reader {
    disk: Arc<SealedDisk>,
    // Opening a table costs as much as reading a row: each is opened once. They go before their transaction.
    tables: Mutex<Vec<OpenTable>>,
    transaction: Contained<ReadTransaction>,
}

/// A table of a snapshot; none when nothing was ever put in it.
#[derive(Clone)]
struct OpenTable {
    table: Table,
    open: Opened,
}

type Opened = Option<Arc<Contained<ReadOnlyTable<Bytes, Bytes>>>>;

impl Reader {
    pub(super) fn begin(disk: &Arc<SealedDisk>, database: &redb::Database) -> Result<Self, StoreError> {
        let transaction = guarded(disk, || database.begin_read())?;
        let tables = Mutex::new(Vec::new());
        Ok(Self { disk: Arc::clone(disk), tables, transaction: Contained::new(transaction) })
    }

    /// The value under `key`, if there is one. A table that was never written is empty.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(table, |table| Ok(table.get(key)?.map(|value| value.value().to_vec()))).map(Option::flatten)
    }

    /// Number of rows of a table.
    pub fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.with(table, |table| Ok(table.len()?))?.unwrap_or_default())
    }

    /// The rows whose keys lie in `range`, in the order of their keys as bytes, from either end. They are read one by
    /// one as they are asked for.
    pub fn range<'a>(&self, table: Table, range: impl RangeBounds<&'a [u8]>) -> Result<Rows<'static>, StoreError> {
        let Some(bounds) = Bounds::of(&range) else { return Ok(Rows(Source::Empty)) };
        let rows = self.with(table, |table| Ok(Contained::new(table.range::<&[u8]>(bounds.borrowed())?)))?;
        Ok(Rows(rows.map_or(Source::Empty, |rows| Source::Snapshot(Arc::clone(&self.disk), rows))))
    }

    /// The rows whose keys begin with `prefix`.
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Rows<'static>, StoreError> {
        let end = after_prefix(prefix);
        self.range(table, (Bound::Included(prefix), end.as_deref().map_or(Bound::Unbounded, Bound::Excluded)))
    }

    fn with<T>(
        &self,
        table: Table,
        work: impl FnOnce(&ReadOnlyTable<Bytes, Bytes>) -> Result<T, redb::Error>,
    ) -> Result<Option<T>, StoreError> {
        let open = self.open(table)?;
        guarded(&self.disk, || match open.as_deref().and_then(|open| open.as_ref()) {
            Some(table) => work(table).map(Some),
            None => Ok(None),
        })
    }

    /// A table of this snapshot, opened at its first use.
    fn open(&self, table: Table) -> Result<Opened, StoreError> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tables.iter().find(|known| known.table == table) {
            return Ok(known.open.clone());
        }
        let open = guarded(&self.disk, || {
            let Some(transaction) = self.transaction.as_ref() else { return Ok(None) };
            match transaction.open_table(table.definition()) {
                Ok(table) => Ok(Some(Arc::new(Contained::new(table)))),
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(redb::Error::from(error)),
            }
        })?;
        tables.push(OpenTable { table, open: open.clone() });
        Ok(open)
    }

    /// The names of all tables, for a copy of the whole store.
    pub(super) fn tables(&self) -> Result<Vec<String>, StoreError> {
        use redb::TableHandle as _;
        guarded(&self.disk, || {
            let Some(transaction) = self.transaction.as_ref() else { return Ok(Vec::new()) };
            let tables = transaction.list_tables()?;
            Ok::<_, redb::Error>(tables.map(|table| table.name().to_owned()).collect())
        })
    }

    /// Every row of the table called `name`.
    pub(super) fn rows_of(&self, name: &str) -> Result<Rows<'static>, StoreError> {
        let rows = guarded(&self.disk, || {
            let Some(transaction) = self.transaction.as_ref() else { return Ok(None) };
            let table = transaction.open_table(redb::TableDefinition::<Bytes, Bytes>::new(name))?;
            Ok::<_, redb::Error>(Some(Contained::new(table.range::<&[u8]>(..)?)))
        })?;
        Ok(Rows(rows.map_or(Source::Empty, |rows| Source::Snapshot(Arc::clone(&self.disk), rows))))
    }
}

/// Changes that become visible and durable together when [`Writer::commit`] returns, and not at all if it is dropped.
///
/// There is one writer at a time: a second [`Store::write`](super::Store::write) waits for the first to end, for ever
/// if the same thread holds both.
pub struct Writer {
    disk: Arc<SealedDisk>,
    transaction: Contained<WriteTransaction>,
}

impl Writer {
    pub(super) fn begin(
        disk: &Arc<SealedDisk>,
        database: &redb::Database,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let transaction = guarded(disk, || {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(durability == Durability::Acknowledged);
            transaction.set_two_phase_commit(durability == Durability::Acknowledged);
            Ok::<_, redb::Error>(transaction)
        })?;
        Ok(Self { disk: Arc::clone(disk), transaction: Contained::new(transaction) })
    }

    /// Stores `value` under `key`, in place of what was there.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_size(key, value)?;
        self.with(table, |table| table.insert(key, value).map(|_| ()).map_err(redb::Error::from))
    }

    /// Stores many rows in one table: as [`Writer::put`] for each, with less work.
    pub fn put_all<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        table: Table,
        rows: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), StoreError> {
        let mut too_large = false;
        self.with(table, |table| {
            for (key, value) in rows {
                too_large = check_size(key.as_ref(), value.as_ref()).is_err();
                if too_large {
                    break;
                }
                table.insert(key.as_ref(), value.as_ref())?;
            }
            Ok(())
        })?;
        if too_large { Err(StoreError::TooLarge) } else { Ok(()) }
    }

    /// Takes `key` away. Returns whether it was there.
    pub fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.with(table, |table| Ok(table.remove(key)?.is_some()))
    }

    /// Takes away every row whose key begins with `prefix`. Returns how many there were.
    pub fn remove_prefix(&mut self, table: Table, prefix: &[u8]) -> Result<u64, StoreError> {
        let end = after_prefix(prefix);
        let bounds = (Bound::Included(prefix), end.as_deref().map_or(Bound::Unbounded, Bound::Excluded));
        self.with(table, |table| {
            let mut removed = 0;
            table.retain_in::<&[u8], _>(bounds, |_, _| {
                removed += 1;
                false
            })?;
            Ok(removed)
        })
    }

    /// The value under `key`, with the changes of this writer.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(table, |table| Ok(table.get(key)?.map(|value| value.value().to_vec())))
    }

    /// The rows whose keys lie in `range`, with the changes of this writer, in the order of their keys, from the front.
    pub fn range<'a>(&self, table: Table, range: impl RangeBounds<&'a [u8]>) -> Result<Rows<'_>, StoreError> {
        let source = match Bounds::of(&range) {
            Some(bounds) => Source::Paged { writer: self, table, bounds, page: VecDeque::new(), is_last: false },
            None => Source::Empty,
        };
        Ok(Rows(source))
    }

    /// The rows whose keys begin with `prefix`, with the changes of this writer.
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Rows<'_>, StoreError> {
        let end = after_prefix(prefix);
        self.range(table, (Bound::Included(prefix), end.as_deref().map_or(Bound::Unbounded, Bound::Excluded)))
    }

    /// Makes the changes visible and durable. After an error the store is poisoned, and the changes are either all
    /// there or all absent when it is opened again.
    pub fn commit(mut self) -> Result<(), StoreError> {
        let transaction = self.transaction.take();
        guarded(&self.disk, || match transaction {
            Some(transaction) => transaction.commit(),
            None => Ok(()),
        })
        .map_err(|error| self.disk.fail(error))
    }

    /// Moves `rows` into the table called `name`, for a copy of a whole store.
    pub(super) fn put_rows(&mut self, name: &str, rows: &mut Vec<Row>) -> Result<(), StoreError> {
        guarded(&self.disk, || {
            let Some(transaction) = self.transaction.as_ref() else { return Err(redb::Error::DatabaseClosed) };
            let mut table = transaction.open_table(redb::TableDefinition::<Bytes, Bytes>::new(name))?;
            for (key, value) in rows.drain(..) {
                table.insert(key.as_slice(), value.as_slice())?;
            }
            Ok(())
        })
    }

    fn with<T>(
        &self,
        table: Table,
        work: impl FnOnce(&mut redb::Table<'_, Bytes, Bytes>) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        guarded(&self.disk, || match self.transaction.as_ref() {
            Some(transaction) => work(&mut transaction.open_table(table.definition())?),
            None => Err(redb::Error::DatabaseClosed),
        })
    }

    /// The next rows from the front of `bounds`, and whether there are no more after them.
    fn page(&self, table: Table, bounds: &Bounds) -> Result<(VecDeque<Row>, bool), StoreError> {
        self.with(table, |table| {
            let mut page = VecDeque::new();
            let mut bytes = 0;
            for row in table.range::<&[u8]>(bounds.borrowed())? {
                if page.len() == PAGE_ROWS || bytes > PAGE_BYTES {
                    return Ok((page, false));
                }
                let (key, value) = row?;
                let row = (key.value().to_vec(), value.value().to_vec());
                bytes += row.0.len() + row.1.len();
                page.push_back(row);
            }
            Ok((page, true))
        })
    }
}

/// Rows on their way out, in the order of their keys. The memory they take does not grow with their number.
pub struct Rows<'a>(Source<'a>);

enum Source<'a> {
    Empty,
    Paged { writer: &'a Writer, table: Table, bounds: Bounds, page: VecDeque<Row>, is_last: bool },
    Snapshot(Arc<SealedDisk>, Contained<Range<'static, Bytes, Bytes>>),
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.0 {
            Source::Empty => None,
            Source::Paged { writer, table, bounds, page, is_last } => {
                if page.is_empty() && !*is_last {
                    match writer.page(*table, bounds) {
                        Ok((rows, last)) => (*page, *is_last) = (rows, last),
                        Err(error) => {
                            self.0 = Source::Empty;
                            return Some(Err(error));
                        }
                    }
                    if let Some((key, _)) = page.back() {
                        bounds.start = Bound::Excluded(key.clone());
                    }
                }
                page.pop_front().map(Ok)
            }
            Source::Snapshot(disk, rows) => pull(disk, rows, Iterator::next),
        };
        if !matches!(next, Some(Ok(_))) {
            self.0 = Source::Empty;
        }
        next
    }
}

impl Rows<'static> {
    /// The last row that was not yet taken from either end.
    pub fn next_back(&mut self) -> Option<Result<Row, StoreError>> {
        let last = match &mut self.0 {
            Source::Snapshot(disk, rows) => pull(disk, rows, DoubleEndedIterator::next_back),
            Source::Empty | Source::Paged { .. } => None,
        };
        if !matches!(last, Some(Ok(_))) {
            self.0 = Source::Empty;
        }
        last
    }
}

type Guards = (redb::AccessGuard<'static, Bytes>, redb::AccessGuard<'static, Bytes>);

fn pull(
    disk: &SealedDisk,
    rows: &mut Contained<Range<'static, Bytes, Bytes>>,
    step: impl FnOnce(&mut Range<'static, Bytes, Bytes>) -> Option<Result<Guards, redb::StorageError>>,
) -> Option<Result<Row, StoreError>> {
    let row = guarded(disk, || match rows.as_mut().and_then(step) {
        Some(row) => {
            let (key, value) = row?;
            Ok(Some((key.value().to_vec(), value.value().to_vec())))
        }
        None => Ok::<_, redb::StorageError>(None),
    });
    row.transpose()
}

/// A range of keys that has at least room for one.
struct Bounds {
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
}

impl Bounds {
    /// `None` for a range that can hold nothing: redb, like the standard library, objects to one that runs backwards.
    fn of<'a>(range: &impl RangeBounds<&'a [u8]>) -> Option<Self> {
        let (start, end) = (range.start_bound(), range.end_bound());
        let is_possible = match (start, end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
            (Bound::Included(start), Bound::Included(end)) => start <= end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
                start < end
            }
        };
        is_possible.then(|| Self { start: start.map(|key| key.to_vec()), end: end.map(|key| key.to_vec()) })
    }

    fn borrowed(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.start.as_ref().map(Vec::as_slice), self.end.as_ref().map(Vec::as_slice))
    }
}

/// The first key that is greater than every key with this prefix, if there is one.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end)
}

fn check_size(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX { Err(StoreError::TooLarge) } else { Ok(()) }
}
