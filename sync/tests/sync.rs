//! Whole vaults that exchange over real connections on 127.0.0.1, with a real relay or without one.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests, whose helpers are not test functions"
)]

#[path = "sync/attacks.rs"]
mod attacks;
#[path = "sync/copies.rs"]
mod copies;
#[path = "sync/late.rs"]
mod late;
#[path = "sync/near.rs"]
mod near;
#[path = "sync/pair.rs"]
mod pair;
#[path = "sync/peers.rs"]
mod peers;
#[path = "sync/recovery.rs"]
mod recovery;
#[path = "sync/relay.rs"]
mod relay;
#[path = "sync/transfers.rs"]
mod transfers;
#[path = "sync/world.rs"]
mod world;
