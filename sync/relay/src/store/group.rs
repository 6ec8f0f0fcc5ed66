//! Writes that become durable together. They wait in memory and go into the database at the commit, each table opened
//! once and each row written once, however often it changed meanwhile: the heads of a log change with every envelope.
//!
//! Whoever reads inside a group sees its own writes over what the last commit left. Nothing here reaches the disk before
//! [`Group::commit`].

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
};

use redb::WriteTransaction;

use super::{EachRow, Rows, Snapshot, StoreError, Table, guarded};

/// New values of some keys of one table; none for a key that is taken out.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Writes that become durable together.
pub(crate) struct Group {
    before: Snapshot,
    transaction: WriteTransaction,
    changes: RefCell<BTreeMap<Table, Changes>>,
}

impl Group {
    /// A group that changes nothing yet. `before` shows what `transaction` begins with.
    pub(super) fn new(transaction: WriteTransaction, before: Snapshot) -> Self {
        Self { before, transaction, changes: RefCell::default() }
    }

    /// Makes `table`, if there is none.
    pub(super) fn touch(&self, table: Table) {
        self.changes.borrow_mut().entry(table).or_default();
    }

    /// Sets the value of `key`.
    pub(crate) fn put(&self, table: Table, key: &[u8], value: &[u8]) {
        self.set(table, key, Some(value.to_vec()));
    }

    /// Takes `key` out.
    pub(crate) fn remove(&self, table: Table, key: &[u8]) {
        self.set(table, key, None);
    }

    fn set(&self, table: Table, key: &[u8], value: Option<Vec<u8>>) {
        self.changes.borrow_mut().entry(table).or_default().insert(key.to_vec(), value);
    }

    /// Makes all of it durable: an immediate two-phase commit. A group that changed nothing costs nothing.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        let Self { before, transaction, changes } = self;
        drop(before);
        let changes = changes.into_inner();
        if changes.is_empty() {
            return guarded(|| Ok(transaction.abort().map_err(redb::Error::from)?));
        }
        guarded(|| {
            for (table, rows) in changes {
                let mut table = transaction.open_table(table.definition()).map_err(redb::Error::from)?;
                for (key, value) in rows {
                    match value {
                        Some(value) => drop(table.insert(key.as_slice(), value.as_slice()).map_err(redb::Error::from)?),
                        None => drop(table.remove(key.as_slice()).map_err(redb::Error::from)?),
                    }
                }
            }
            Ok(transaction.commit().map_err(redb::Error::from)?)
        })
    }
}

impl Rows for Group {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(changed) = self.changes.borrow().get(&table).and_then(|rows| rows.get(key)) {
            return Ok(changed.clone());
        }
        self.before.get(table, key)
    }

    /// The rows of before, with the changes in between, over or in place of them.
    fn scan(&self, table: Table, from: &[u8], to: &[u8], each: EachRow<'_>) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let changes = self.changes.borrow();
        let range = (Bound::Included(from), Bound::Excluded(to));
        let mut changed = changes.get(&table).into_iter().flat_map(|rows| rows.range::<[u8], _>(range)).peekable();
        let mut is_over = false;
        self.before.scan(table, from, to, &mut |key, value| {
            while let Some((new, now)) = changed.next_if(|(new, _)| new.as_slice() < key) {
                if show(new, now.as_deref(), each)?.is_break() {
                    is_over = true;
                    return Ok(ControlFlow::Break(()));
                }
            }
            let flow = match changed.next_if(|(new, _)| new.as_slice() == key) {
                Some((new, now)) => show(new, now.as_deref(), each)?,
                None => each(key, value)?,
            };
            is_over = flow.is_break();
            Ok(flow)
        })?;
        if is_over {
            return Ok(());
        }
        for (new, now) in changed {
            if show(new, now.as_deref(), each)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A changed row, unless it was taken out.
fn show(key: &[u8], value: Option<&[u8]>, each: EachRow<'_>) -> Result<ControlFlow<()>, StoreError> {
    value.map_or(Ok(ControlFlow::Continue(())), |value| each(key, value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::Store, *};

    const TABLE: Table = Table::Feeds;

    fn seen(rows: &impl Rows, from: &[u8], to: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut seen = Vec::new();
        rows.scan(TABLE, from, to, &mut |key, value| {
            seen.push((key.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
        seen
    }

    /// Whatever is put and taken out, in one group or several, a group reads what a plain map would, before its commit
    /// and after it.
    #[test]
    fn a_group_reads_its_own_writes_as_a_map_does() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 1).unwrap();
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut number = 1_u32;
        for step in 0..40_u8 {
            let group = store.group().unwrap();
            for _ in 0..12 {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let key = vec![7, u8::try_from(number >> 27).unwrap()];
                if number & 0x3000 == 0 {
                    group.remove(TABLE, &key);
                    model.remove(&key);
                } else {
                    group.put(TABLE, &key, &[step]);
                    model.insert(key.clone(), vec![step]);
                }
                assert_eq!(group.get(TABLE, &key).unwrap(), model.get(&key).cloned());
            }
            let (from, to) = ([7, step / 2], [7, 20 + step / 4]);
            let within = |key: &[u8]| key >= from.as_slice() && key < to.as_slice();
            let expected: Vec<_> = model.clone().into_iter().filter(|(key, _)| within(key)).collect();
            assert_eq!(seen(&group, &from, &to), expected);
            let whole: Vec<_> = model.clone().into_iter().collect();
            assert_eq!(seen(&group, &[7], &[8]), whole);
            group.commit().unwrap();
            assert_eq!(seen(&store.snapshot().unwrap(), &[7], &[8]), whole);
        }
        assert!(model.len() > 10);
    }

    #[test]
    fn whoever_has_seen_enough_sees_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 1).unwrap();
        let group = store.group().unwrap();
        for key in [2_u8, 4, 6] {
            group.put(TABLE, &[key], b"before");
        }
        group.commit().unwrap();
        let group = store.group().unwrap();
        for key in [1_u8, 3, 4, 7] {
            group.put(TABLE, &[key], b"now");
        }
        for enough in 1..=6 {
            let mut keys = Vec::new();
            group
                .scan(TABLE, &[0], &[9], &mut |key, _| {
                    keys.push(key[0]);
                    Ok(if keys.len() == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })
                .unwrap();
            assert_eq!(keys, [1, 2, 3, 4, 6, 7][..enough]);
        }
        assert_eq!(seen(&group, &[9], &[0]), []);
    }

    #[test]
    fn a_group_that_is_dropped_leaves_nothing_and_one_without_changes_costs_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 1).unwrap();
        let group = store.group().unwrap();
        group.put(TABLE, b"a", b"b");
        drop(group);
        let group = store.group().unwrap();
        assert_eq!(group.get(TABLE, b"a").unwrap(), None);
        group.commit().unwrap();
        assert_eq!(seen(&store.snapshot().unwrap(), &[], &[0xff]), []);
    }
}
