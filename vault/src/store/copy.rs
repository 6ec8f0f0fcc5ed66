//! Copying a whole store into another: for a change of keys.

use super::{
    Store,
    error::StoreError,
    transaction::{Durability, Writer},
};

/// Bytes of rows after which a step is committed.
const STEP_BYTES: usize = 16 << 20;

/// Copies every row of `from` into `to`, which is new, and ends with an acknowledged commit.
pub(super) fn all(from: &Store, to: &Store) -> Result<(), StoreError> {
    let reader = from.read()?;
    let mut writer = to.write(Durability::Step)?;
    let mut bytes = 0;
    for table in reader.tables()? {
        let mut batch = Vec::new();
        for row in reader.rows_of(&table)? {
            let (key, value) = row?;
            bytes += key.len() + value.len();
            batch.push((key, value));
            if bytes > STEP_BYTES {
                writer = step(writer, to, &table, &mut batch)?;
                bytes = 0;
            }
        }
        writer.put_rows(&table, &mut batch)?;
    }
    writer.commit()?;
    to.write(Durability::Acknowledged)?.commit()
}

fn step(
    mut writer: Writer,
    to: &Store,
    table: &str,
    batch: &mut Vec<(Vec<u8>, Vec<u8>)>,
) -> Result<Writer, StoreError> {
    writer.put_rows(table, batch)?;
    writer.commit()?;
    to.write(Durability::Step)
}
