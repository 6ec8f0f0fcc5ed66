//! Vault files written by every released version of the format, kept for ever: an old vault opens.
//!
//! `tests/golden/v1/vault.carnet` was written once and is never written again. It is under the passphrase "carnet golden
//! v1" and under the key 2a 2a … 2a, and holds fifty rows: key `n`, value `n` times ten bytes of `n`.

use carnet_seal::passphrase::Passphrase;
use carnet_tests::crash::{Content, CrashDisk, content, fork, small, test_key};
use carnet_vault::store::{Store, Unlock};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;

use crate::seed;

const V1: &[u8] = include_bytes!("../golden/v1/vault.carnet");

fn rows() -> Content {
    (0..50_u8).map(|n| (vec![n], vec![n; usize::from(n) * 10])).collect()
}

#[test]
fn a_vault_of_format_version_1_opens_with_its_passphrase_and_with_its_key() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed());
    let (key, passphrase) = (test_key(), Passphrase::new(b"carnet golden v1").unwrap());
    for unlock in [Unlock::Key(&key), Unlock::Passphrase(&passphrase)] {
        let disk = CrashDisk::holding(V1.to_vec());
        let mut store = Store::open_on(disk, unlock, small(), fork(&mut rng)).unwrap();
        assert_eq!(content(&store).unwrap(), rows());
        assert!(!store.verify().unwrap().is_repaired);
    }
}
