//! Exchange between the devices of a person: through a relay, from device to device, and by file.

mod engine;
mod error;
mod event;
mod net;
mod pair;
mod relay;
mod shared;

pub use self::{
    error::{Alarm, FailureKind, SyncError},
    event::{Event, Synced},
    net::Node,
    pair::{Invited, Meeting, Met, wait_for_admission},
    relay::{sync_with_relay, trust_relay_again},
    shared::{SharedVault, share},
};
