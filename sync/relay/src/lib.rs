//! The blind store-and-forward node of Carnet.
//!
//! A relay keeps what devices push, in the order in which it came, and hands it to those who may have it. It checks
//! signatures, the order of feeds, rights, expiry and quotas; it holds no key of a record and links no code that could
//! open an envelope, which is read off its dependency list. Nothing that passes here is logged but pseudonyms, numbers
//! and times.
//!
//! - [`init`] makes a data folder, [`serve`] runs a relay on it until told to stop; [`Relay`] is the same without
//!   sockets, for whoever brings the streams: a simulation;
//! - [`audit`] says what an outsider with the disk sees, [`status`] the same in short;
//! - [`backup`] and [`restore`] keep the data when the machine is lost; a restored relay begins a new store epoch, so
//!   that devices offer again what it lacks;
//! - [`collect`] deletes envelopes that confirmed snapshots cover.
//!
//! The frames are those of `carnet_protocol::frame`; who may do what is decided by `carnet_protocol::membership`, the
//! same code that devices run. `docs/relay.md` is the operator's guide.

mod admit;
mod audit;
mod backup;
mod collect;
mod config;
mod key;
mod mailbox;
mod net;
mod object;
mod operate;
mod quota;
mod relay;
mod session;
mod slot;
mod store;
mod stream;

pub use self::{
    audit::{Audit, ObjectsAudit, RecordAudit, SectionAudit, Status, audit, status},
    backup::{BackupError, backup, restore},
    collect::{CollectError, Collected, collect},
    config::{Config, ConfigError, Limits, Policy},
    key::SecretFileError,
    net::BindError,
    operate::{InitError, Relay, ServeError, ServeOptions, init, serve},
    store::{StoreError, writer::Desk},
    stream::{BUSY, DONE, Ends, Incoming},
};
