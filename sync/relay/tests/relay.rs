//! A real relay on 127.0.0.1, and devices that talk to it over real connections.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests, whose helpers are not test functions"
)]

#[path = "relay/client.rs"]
mod client;
#[path = "relay/crash.rs"]
mod crash;
#[path = "relay/exchange.rs"]
mod exchange;
#[path = "relay/hostile.rs"]
mod hostile;
#[path = "relay/late.rs"]
mod late;
#[path = "relay/objects.rs"]
mod objects;
#[path = "relay/operator.rs"]
mod operator;
#[path = "relay/rights.rs"]
mod rights;
#[path = "relay/slots.rs"]
mod slots;
#[path = "relay/world.rs"]
mod world;
