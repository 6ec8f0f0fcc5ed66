//! The rows that all stores are given: the same in every run, of keys in no order.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// 16 bytes.
    pub(crate) key: [u8; 16],
    /// Its value, which does not compress.
    pub(crate) value: Vec<u8>,
}

/// `count` rows with values of `bytes` bytes; another `seed` gives others.
pub(crate) fn rows(count: usize, bytes: usize, seed: u64) -> Vec<Row> {
    let mut rng = StdRng::seed_from_u64(seed);
    let one = |_| {
        let mut row = Row { key: [0; 16], value: vec![0; bytes] };
        rng.fill_bytes(&mut row.key);
        rng.fill_bytes(&mut row.value);
        row
    };
    (0..count).map(one).collect()
}

/// The same rows in another order.
pub(crate) fn shuffled(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.shuffle(&mut StdRng::seed_from_u64(1));
    rows
}
