//! The vault: a person's records on one device, encrypted at rest, merged without a server, ready to be synced.
//!
//! A [`Vault`] is one folder with one encrypted file and the attached files beside it. It holds **records**, one per
//! person; an open [`Record`] is everything that can be asked of one:
//!
//! | to | see |
//! |---|---|
//! | add, correct, remove, find entries | [`entries`] |
//! | read dense measures and their days | [`measures`] |
//! | take in what an intake streams out | [`import`] |
//! | give everything out again, compare two copies | [`export`] |
//! | add and remove devices | [`devices`], [`pairing`] |
//! | see what was done with the record | [`ledger`] |
//! | go by rules of prevention that a publisher signed | [`prevention`] |
//! | recover when all devices are lost | [`recovery`] |
//! | exchange with a relay, a device or a file | [`replica`] |
//! | compact a volume, and check what another compacted | [`snapshot`] |
//! | read all of it again, and name what is lost | [`verify`] |
//! | read what is sealed without a vault, to examine it | [`reading`] |
//!
//! Below lie the store ([`store`]), attached files ([`blob`]), the documents of the CRDT, section keys and the
//! membership log. Nothing here is asynchronous, opens a socket, reads a clock or speaks to a person: time and chance
//! come in through a [`Door`], bytes go out to whoever asks.

pub mod blob;
mod crdt;
pub mod devices;
mod documents;
mod door;
pub mod entries;
pub mod export;
mod feeds;
pub mod import;
mod keys;
mod late;
pub mod ledger;
pub mod measures;
mod members;
pub mod pairing;
mod payload;
pub mod prevention;
pub mod reading;
mod receive;
pub mod record;
pub mod recovery;
pub mod replica;
mod row;
pub mod snapshot;
pub mod store;
mod sweep;
mod tables;
#[cfg(test)]
mod tests;
pub mod vault;
pub mod verify;
mod volumes;
pub mod witness;

pub use self::{
    documents::MissingFile,
    door::{Chance, Door},
    members::{CarriedOp, OpsReceived},
    receive::Received,
    record::{Record, RecordError},
    vault::{DeviceStanding, LocalChange, NewRecord, RecordSummary, RecoveryKit, Relock, Vault, VaultError},
};
pub use carnet_crypto::{
    door::{Clock, UnixMillis},
    id::{DeviceId, RecordId},
};
pub use carnet_protocol::{frame::RelayAddress, membership::NotAdmitted};
pub use carnet_seal::{
    code::CodeRefused,
    passphrase::{Argon2Params, Passphrase, PassphraseRefused, TooWeak},
    secret::{TransportSeed, VaultKey},
    words::WordsRefused,
};
