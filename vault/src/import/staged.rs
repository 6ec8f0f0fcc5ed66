//! A row of the staging: a draft, or a batch as it will be sealed.
//!
//! The first byte says which. A draft is JSON, so that a later version can add a field; a batch is its payload as it is,
//! because a large import consists of little else.

use carnet_record::Draft;

use crate::{row, store::StoreError};

/// A staged row.
pub(super) enum Staged {
    Draft(Box<Draft>),
    Batch(Vec<u8>),
}

const DRAFT: u8 = 0;
const BATCH: u8 = 1;

impl Staged {
    /// The row.
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Draft(draft) => [&[DRAFT][..], &row::write(draft)].concat(),
            Self::Batch(payload) => [&[BATCH][..], payload].concat(),
        }
    }

    /// What a row holds.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub(super) fn read(row: &[u8]) -> Result<Self, StoreError> {
        match row.split_first() {
            Some((&DRAFT, draft)) => Ok(Self::Draft(row::read(draft)?)),
            Some((&BATCH, payload)) => Ok(Self::Batch(payload.to_vec())),
            _ => Err(StoreError::Damaged),
        }
    }
}
