//! How time comes in. Nothing below the binaries reads a clock; tests and the simulator own time.
//!
//! Chance comes in the same way, as `&mut impl rand::CryptoRng`.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This instant plus `millis`, held at the end of the range rather than wrapped.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; 0 when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A source of the present instant. The operating system's is opened once, in each `main.rs`.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> UnixMillis;
}
