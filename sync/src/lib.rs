//! Exchange between the devices of a person: through a relay, from device to device, and by file.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of a type with a lifetime is no function for every lifetime"
)]

mod engine;
mod error;
mod event;
mod file;
mod net;
mod pair;
mod peer;
mod relay;
mod restore;
mod shared;
mod watch;

pub use self::{
    error::{Alarm, FailureKind, SyncError},
    event::{Event, Synced},
    file::{Exported, Restoration, export_exchange, import_exchange, restore_from_file},
    net::Node,
    pair::{Invited, Meeting, Met, hand_on, wait_for_admission},
    peer::{serve_peers, sync_with_peer},
    relay::{sync_with_relay, trust_relay_again},
    restore::restore_from_relay,
    shared::{SharedVault, share},
    watch::watch,
};
