//! Exchange between the devices of a person: through a relay, from device to device, and by file.
//!
//! A process has one [`Node`], its network endpoint, and shares its vault with [`share`]. Then:
//!
//! | to | use |
//! |---|---|
//! | exchange with the record's relay, once | [`sync_with_relay`] |
//! | stay connected, and hear of news as they come | [`watch()`] |
//! | exchange with one other device | [`sync_with_peer`]; the other end runs [`serve_peers`] |
//! | exchange by file | [`export_exchange`], [`import_exchange`] |
//! | add a device | [`Invited`], [`Met`] and [`hand_on`] on one side, [`Meeting`] and [`Joining`] on the other |
//! | open a record again with its kit | [`restore_from_relay`], [`restore_from_file`] |
//! | give a record another kit | [`replace_kit`] |
//! | go on with a relay that honestly lost its store | [`trust_relay_again`] |
//!
//! ```text
//!   outbox ──▶ Hello, Pull ──▶ Operations, Tail, Pulled ──▶ objects ──▶ Push ──▶ Pushed ──▶ what was taken leaves the
//!              │                    │                                              │         outbox; memory is kept
//!              │ Refused            │ the checkpoint contradicts what came         │ a receipt is not the relay's
//!              ▼                    ▼                                              ▼
//!        NotAdmitted, or      RelayAlarm: this device's state stays,         RelayAlarm: it stays to be sent
//!        Create by the        nothing is remembered, feeds are compared
//!        first device
//! ```
//!
//! Every step ends in a commit of the vault before the next begins, so that a connection may break, a future be dropped
//! or the power fail anywhere: the next exchange goes on, and sending again changes nothing. What decides is in
//! `engine`, without sockets; the sockets are in `net`, which alone names the network library and lets a simulation carry
//! the same streams in memory ([`Node::over`]); the vault is used on threads that may block, with no guard held across an
//! await, or on a runtime of one thread in its place.
//!
//! Nobody is looked up and nothing is announced: whom to reach is said by address. The exception is asked for by a person:
//! [`sync_nearby`] and [`meet_nearby`] find the record's devices on the local network. Source: `docs/protocol.md`,
//! "Exchange"; `docs/frames.md`.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of a type with a lifetime is no function for every lifetime"
)]

mod engine;
mod error;
mod event;
mod file;
mod near;
mod net;
mod pair;
mod peer;
mod relay;
mod restore;
mod shared;
mod watch;

pub use self::{
    error::{Alarm, FailureKind, SyncError},
    event::{Event, Synced, Traffic},
    file::{Exported, Restoration, export_exchange, import_exchange, restore_from_file},
    near::{meet_nearby, sync_nearby},
    net::{Carrier, Connected, Connection, Ends, Node, Soon},
    pair::{Admitted, Invited, Joining, Meeting, Met, hand_on},
    peer::{serve_peers, sync_with_peer},
    relay::{sync_with_relay, trust_relay_again},
    restore::{is_opened_by, replace_kit, restore_from_relay},
    shared::{SharedVault, share},
    watch::watch,
};
