//! How fast one address or one device may ask. Buckets in memory, one per key, of a bounded number.
//!
//! A bucket fills evenly and holds one period's allowance. When there are too many buckets the full ones are forgotten
//! first, which changes nothing for their owners. Stored bytes are counted in the store's transactions, not here.

use std::{collections::HashMap, hash::Hash};

use carnet_crypto::door::UnixMillis;

/// Buckets of one kind kept at one time.
const BUCKETS_MAX: usize = 65_536;

/// Token buckets with one allowance.
#[derive(Debug)]
pub(crate) struct Rate<K> {
    allowance: u64,
    period_ms: u64,
    buckets: HashMap<K, Bucket>,
}

/// What is left, in 1/period of a request, and since when.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u64,
    since: UnixMillis,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// `allowance` requests in each `period_ms`.
    pub(crate) fn new(allowance: u32, period_ms: u64) -> Self {
        Self { allowance: u64::from(allowance), period_ms: period_ms.max(1), buckets: HashMap::new() }
    }

    /// Takes one request of `key`; false when its allowance is used up, or when no bucket can be had for it.
    pub(crate) fn take(&mut self, key: &K, now: UnixMillis) -> bool {
        let full = self.allowance.saturating_mul(self.period_ms);
        if !self.buckets.contains_key(key) && self.buckets.len() >= BUCKETS_MAX {
            let (allowance, period) = (self.allowance, self.period_ms);
            self.buckets.retain(|_, bucket| bucket.filled(allowance, full, now) < full || period == 0);
            if self.buckets.len() >= BUCKETS_MAX {
                return false;
            }
        }
        let bucket = self.buckets.entry(key.clone()).or_insert(Bucket { left: full, since: now });
        bucket.left = bucket.filled(self.allowance, full, now);
        bucket.since = now;
        match bucket.left.checked_sub(self.period_ms) {
            Some(left) => {
                bucket.left = left;
                true
            }
            None => false,
        }
    }
}

impl Bucket {
    fn filled(&self, allowance: u64, full: u64, now: UnixMillis) -> u64 {
        self.left.saturating_add(now.since(self.since).saturating_mul(allowance)).min(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_used_up_and_fills_evenly() {
        let mut rate = Rate::new(3, 60_000);
        let start = UnixMillis(1_000_000);
        assert_eq!([(); 4].map(|()| rate.take(&1, start)), [true, true, true, false]);
        assert!(rate.take(&2, start), "another key has its own");
        assert!(!rate.take(&1, start.plus(19_999)));
        assert!(rate.take(&1, start.plus(20_000)));
        assert!(!rate.take(&1, start.plus(20_001)));
        assert_eq!([(); 4].map(|()| rate.take(&1, start.plus(10_000_000))), [true, true, true, false]);
    }

    #[test]
    fn a_clock_that_jumps_back_gives_nothing() {
        let mut rate = Rate::new(1, 1_000);
        assert!(rate.take(&1, UnixMillis(5_000)));
        assert!(!rate.take(&1, UnixMillis(4_000)));
        assert!(!rate.take(&1, UnixMillis(4_500)));
    }

    #[test]
    fn fault_c8_the_number_of_buckets_is_bounded() {
        let mut rate = Rate::new(1, 1_000);
        for key in 0..BUCKETS_MAX {
            assert!(rate.take(&key, UnixMillis(0)));
        }
        assert!(!rate.take(&BUCKETS_MAX, UnixMillis(0)), "all are in use");
        assert!(rate.take(&BUCKETS_MAX, UnixMillis(1_000)), "full ones are forgotten");
        assert!(rate.buckets.len() <= BUCKETS_MAX);
    }
}
