//! Deleting what confirmed snapshots stand for, once they have stood for long enough.
//!
//! A place stays in its log, with its running hash, when its envelope goes; only the bytes go. What no confirmed and
//! stored snapshot covers is never touched.

use std::{path::Path, sync::Arc};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    fault::Fault,
    id::RecordId,
};
use serde::Serialize;

use crate::{
    audit::all_records,
    config::{Config, ConfigError},
    key::{NodeKey, SecretFileError},
    mailbox::{Books, Covered, Shelf},
    store::{
        Group, Rows, Store, StoreError, Table, file,
        rows::{EnvelopeRow, Place, RecordNumber, Row as _, keys, last_number},
    },
};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// Envelopes.
    pub envelopes: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Nothing could be deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// `relay.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The relay's key.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store; it is busy while the relay runs.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CollectError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Config(error) => error.fault(),
            Self::Secret(error) => error.fault(),
            Self::Store(error) => error.fault(),
        }
    }
}

/// Deletes the envelopes under snapshots that were confirmed at least `grace_ms` before `now`. The relay must not run.
///
/// # Errors
/// [`CollectError`].
pub fn collect(data: &Path, now: UnixMillis, grace_ms: u64) -> Result<Collected, CollectError> {
    let config = Config::read(data)?;
    let key = Arc::new(NodeKey::read(data)?);
    let store = Store::open(data)?;
    let clock = Arc::new(Fixed(now));
    let mut books = Books::new(&store, Arc::new(Shelf::default()), key, clock, config.limits)?;
    let records = all_records(&store.snapshot()?)?;
    let mut collected = Collected::default();
    for (record, row) in records {
        if row.ended {
            continue;
        }
        let group = store.group()?;
        let files = collect_record(&mut books, &group, record, grace_ms, &mut collected)?;
        group.commit().map_err(CollectError::from)?;
        // Files go after the rows that named them.
        for (number, id) in files {
            file::remove(store.data(), number, &id).map_err(StoreError::from)?;
        }
    }
    Ok(collected)
}

struct Fixed(UnixMillis);

impl Clock for Fixed {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

fn collect_record(
    books: &mut Books,
    group: &Group,
    record: RecordId,
    grace_ms: u64,
    collected: &mut Collected,
) -> Result<Vec<(RecordNumber, [u8; 32])>, StoreError> {
    let now = books.now();
    let mut files = Vec::new();
    for covered in books.covered(group, record, |sealed| now.since(sealed) >= grace_ms)? {
        let (number, section) = (covered.record, covered.section);
        let mut gone = Vec::new();
        find_covered(group, &covered, &mut gone)?;
        for (position, row) in gone {
            collected.envelopes = collected.envelopes.saturating_add(1);
            collected.bytes = collected.bytes.saturating_add(row.length);
            if row.place == Place::File {
                files.push((number, row.id.0));
            }
            books.delete_envelope(group, record, section, position, row)?;
        }
    }
    Ok(files)
}

fn find_covered(rows: &impl Rows, covered: &Covered, gone: &mut Vec<(u64, EnvelopeRow)>) -> Result<(), StoreError> {
    rows.under(Table::Envelopes, keys::head(covered.record, &covered.section).bytes(), &mut |key, value| {
        let row = EnvelopeRow::decode(value)?;
        let is_covered = covered.ends.get(&row.feed).is_some_and(|base| u64::from(row.seq) <= base.seq);
        if is_covered && row.place != Place::Gone {
            gone.push((last_number(key)?, row));
        }
        Ok(())
    })
}
