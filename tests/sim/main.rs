//! The simulator: devices, a relay, the network, the disks and the clock of a whole world from one seed, in one thread.
//!
//! What runs is the real vault, the real engine of exchange and the real relay; only sockets, disks, time and chance are
//! replaced, where they come in. The same seed gives the same trace, byte for byte. A world that fails prints its seed; the
//! line that replays it, or runs more worlds, is
//!
//! ```text
//! CARNET_SIM_SEED=0x… CARNET_SIM_SCALE=100 cargo test -p carnet-tests --test sim fault_d3 -- --nocapture
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are test code, and the run ends with its figures"
)]

mod chaos;
mod controls;
mod device;
mod disk;
mod executor;
mod honest;
mod lying;
mod malice;
mod model;
mod network;
mod relay;
mod trace;
mod world;

#[expect(clippy::disallowed_methods, reason = "a world may be replayed, and long runs are asked for")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The seed that is to be replayed: `CARNET_SIM_SEED`.
fn seed() -> Option<u64> {
    u64::from_str_radix(variable("CARNET_SIM_SEED")?.trim_start_matches("0x"), 16).ok()
}

/// How many times the usual number of worlds: `CARNET_SIM_SCALE`, else 1.
fn scale() -> u64 {
    variable("CARNET_SIM_SCALE").and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The seeds of `count` worlds of a kind: always the same ones, or the one that is to be replayed.
pub(crate) fn seeds(kind: u16, count: u64) -> Vec<u64> {
    match seed() {
        Some(seed) => vec![seed],
        None => (0..count * scale()).map(|number| (u64::from(kind) << 40) + number).collect(),
    }
}
