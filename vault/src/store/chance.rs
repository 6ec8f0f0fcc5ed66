//! Where the store's nonces and fillers come from. It draws from the source that the caller handed over, never from a
//! generator of its own: a generator in memory repeats itself after a virtual machine is restored, the system's does not.

use std::convert::Infallible;

use rand::{CryptoRng, TryCryptoRng, TryRng};

use super::error::StoreError;

type Draw = Box<dyn FnMut(&mut [u8]) -> bool + Send>;

/// A source of random bytes that refuses to go on when it is plainly broken.
pub(super) struct Chance {
    draw: Draw,
    last: [u8; 24],
}

impl Chance {
    pub(super) fn new<R: TryCryptoRng + Send + 'static>(mut rng: R) -> Self {
        Self { draw: Box::new(move |out| rng.try_fill_bytes(out).is_ok()), last: [0; 24] }
    }

    /// Fills `out`.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<(), StoreError> {
        if (self.draw)(out) { Ok(()) } else { Err(StoreError::Chance) }
    }

    /// Fills `out` with nonces of 24 bytes, none of which is zero or equal to the one before it.
    pub(super) fn nonces(&mut self, out: &mut [[u8; 24]]) -> Result<(), StoreError> {
        self.fill(out.as_flattened_mut())?;
        for nonce in out {
            if *nonce == self.last || *nonce == [0; 24] {
                return Err(StoreError::Chance);
            }
            self.last = *nonce;
        }
        Ok(())
    }

    /// Runs `work` with a generator that cannot report failure; what it made is given out only if there was none.
    pub(super) fn with_rng<T>(&mut self, work: impl FnOnce(&mut Infallibly<'_>) -> T) -> Result<T, StoreError> {
        let mut rng = Infallibly { chance: self, has_failed: false };
        let made = work(&mut rng);
        if rng.has_failed { Err(StoreError::Chance) } else { Ok(made) }
    }
}

/// A [`Chance`] as carnet-seal takes it.
pub(super) struct Infallibly<'a> {
    chance: &'a mut Chance,
    has_failed: bool,
}

impl TryRng for Infallibly<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.has_failed |= self.chance.fill(out).is_err();
        Ok(())
    }
}

impl TryCryptoRng for Infallibly<'_> {}

const _: fn() = || {
    fn serves<R: CryptoRng>() {}
    serves::<Infallibly<'_>>();
};

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use rand::{TryCryptoRng, TryRng};

    use super::*;

    struct Constant;

    impl TryRng for Constant {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(7)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(7)
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.fill(7);
            Ok(())
        }
    }

    impl TryCryptoRng for Constant {}

    struct Failing;

    impl TryRng for Failing {
        type Error = io::Error;

        fn try_next_u32(&mut self) -> io::Result<u32> {
            Err(io::ErrorKind::Other.into())
        }

        fn try_next_u64(&mut self) -> io::Result<u64> {
            Err(io::ErrorKind::Other.into())
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> io::Result<()> {
            Err(io::ErrorKind::Other.into())
        }
    }

    impl TryCryptoRng for Failing {}

    #[test]
    fn fault_e9_a_constant_or_failing_source_is_refused() {
        let mut constant = Chance::new(Constant);
        assert_eq!(constant.nonces(&mut [[0; 24]; 2]), Err(StoreError::Chance));
        let mut constant = Chance::new(Constant);
        assert_eq!(constant.nonces(&mut [[0; 24]; 1]), Ok(()));
        assert_eq!(constant.nonces(&mut [[0; 24]; 1]), Err(StoreError::Chance));
        assert_eq!(Chance::new(Failing).nonces(&mut [[0; 24]; 1]), Err(StoreError::Chance));
    }
}
