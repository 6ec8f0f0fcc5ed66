//! Power cuts, failing disks and tampering, against the vault file.
//!
//! Identifiers are those of the fault catalogue in `docs/testing.md`. Each test prints its seed; the line that replays
//! it, or makes it longer, is
//!
//! ```text
//! CARNET_CRASH_SEED=0x… CARNET_CRASH_SCALE=20 cargo test -p carnet-tests --test crash -- --nocapture
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests are test code, and the run ends with its figures"
)]

mod disk;
mod golden;
mod kill;
mod lies;
mod naive;
mod power;
mod tamper;

/// The seed of this run: `CARNET_CRASH_SEED`, else always the same.
#[expect(clippy::disallowed_methods, reason = "tests may be replayed from another seed")]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("CARNET_CRASH_SEED").ok();
    let given = given.and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    given.unwrap_or(0x00c0_ffee_2026_1122)
}

/// How many times the usual number of cases: `CARNET_CRASH_SCALE`, else 1.
#[expect(clippy::disallowed_methods, reason = "nightly and release runs are longer")]
pub(crate) fn scale() -> usize {
    let given = std::env::var("CARNET_CRASH_SCALE").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
