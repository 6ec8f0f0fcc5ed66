//! How time and chance come into the vault. It has no clock and no generator of its own.

use std::{fmt, sync::Arc};

use carnet_crypto::door::{Clock, UnixMillis};
use rand::CryptoRng;

/// A source of random bytes that can be handed on.
pub type Chance = Box<dyn CryptoRng + Send>;

/// The clock and the source of chance of one process.
pub struct Door {
    clock: Arc<dyn Clock>,
    open_chance: Box<dyn Fn() -> Chance + Send + Sync>,
    /// The source that this door draws from.
    pub(crate) rng: Chance,
}

impl Door {
    /// A door to `clock` and to sources made by `open_chance`. In a binary that is the operating system's source, which
    /// never repeats itself after a virtual machine is restored; in the simulator it is seeded.
    pub fn new(clock: Arc<dyn Clock>, open_chance: impl Fn() -> Chance + Send + Sync + 'static) -> Self {
        let rng = open_chance();
        Self { clock, open_chance: Box::new(open_chance), rng }
    }

    /// The present instant.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// One more source, for a part that keeps its own.
    pub(crate) fn another_chance(&self) -> Chance {
        (self.open_chance)()
    }

    /// `N` random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door(..)")
    }
}
