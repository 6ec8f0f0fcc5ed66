//! What others do for the same: Automerge's own exchange, and reconciliation of sets by negentropy.

use automerge::{
    AutoCommit,
    sync::{State, SyncDoc as _},
};
use carnet_crypto::digest;
use negentropy::{Id, Negentropy, NegentropyStorageVector};

use crate::report::Failure;

/// Bytes and messages until two documents are equal, and the states that each end keeps.
#[derive(Debug)]
pub(crate) struct Exchanged {
    /// Bytes both ways.
    pub(crate) bytes: usize,
    /// Messages both ways.
    pub(crate) messages: usize,
}

/// Lets two documents exchange until neither has anything to say.
pub(crate) fn exchange(
    one: &mut AutoCommit,
    other: &mut AutoCommit,
    states: &mut (State, State),
) -> Result<Exchanged, Failure> {
    let mut exchanged = Exchanged { bytes: 0, messages: 0 };
    loop {
        let mut is_quiet = true;
        if let Some(message) = one.sync().generate_sync_message(&mut states.0) {
            is_quiet = false;
            exchanged.bytes += message.clone().encode().len();
            exchanged.messages += 1;
            other.sync().receive_sync_message(&mut states.1, message)?;
        }
        if let Some(message) = other.sync().generate_sync_message(&mut states.1) {
            is_quiet = false;
            exchanged.bytes += message.clone().encode().len();
            exchanged.messages += 1;
            one.sync().receive_sync_message(&mut states.0, message)?;
        }
        if is_quiet {
            return Ok(exchanged);
        }
    }
}

/// Bytes both ways until two equal sets of so many items know that they are equal.
pub(crate) fn reconcile_equal_sets(items: usize) -> Result<usize, Failure> {
    let set = || {
        let mut storage = NegentropyStorageVector::with_capacity(items);
        for number in 0..items as u64 {
            storage.insert(number, Id::from_byte_array(digest::hash("figures", &[&number.to_le_bytes()])))?;
        }
        storage.seal()?;
        Ok::<_, negentropy::Error>(storage)
    };
    let mut one = Negentropy::owned(set()?, 0)?;
    let mut other = Negentropy::owned(set()?, 0)?;
    let mut bytes = 0;
    let mut said = one.initiate()?;
    loop {
        bytes += said.len();
        let answer = other.reconcile(&said)?;
        bytes += answer.len();
        match one.reconcile_with_ids(&answer, &mut Vec::new(), &mut Vec::new())? {
            Some(more) => said = more,
            None => return Ok(bytes),
        }
    }
}
