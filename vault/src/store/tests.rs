//! The store on real files and in memory. Crashes, faults of the disk and tampering are in `tests/crash`.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

const A: Table = Table::new("a");
const B: Table = Table::new("b");

fn rng() -> StdRng {
    static SEED: AtomicU64 = AtomicU64::new(1);
    StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed))
}

fn key(byte: u8) -> VaultKey {
    VaultKey::from_store(&[byte; 32]).unwrap()
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn create(folder: &Path) -> Store {
    Store::create(folder, Lock::Key(&key(1)), Options::default(), rng()).unwrap()
}

fn open(folder: &Path) -> Result<Store, OpenError> {
    Store::open(folder, Unlock::Key(&key(1)), Options::default(), rng())
}

fn put(store: &Store, table: Table, key: &[u8], value: &[u8]) {
    let mut writer = store.write(Durability::Acknowledged).unwrap();
    writer.put(table, key, value).unwrap();
    writer.commit().unwrap();
}

fn get(store: &Store, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.read().unwrap().get(table, key).unwrap()
}

#[test]
fn what_was_committed_is_there_after_reopening_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    put(&store, A, b"k", b"v");
    let mut dropped = store.write(Durability::Acknowledged).unwrap();
    dropped.put(A, b"lost", b"v").unwrap();
    drop(dropped);
    store.close().unwrap();
    let mut store = open(folder.path()).unwrap();
    assert_eq!(get(&store, A, b"k").as_deref(), Some(&b"v"[..]));
    assert_eq!(get(&store, A, b"lost"), None);
    assert_eq!(get(&store, B, b"k"), None, "a table that was never written is empty");
    let verified = store.verify().unwrap();
    assert!(!verified.is_repaired);
    assert_eq!(verified.survey.unreadable, 0);
    assert!(verified.survey.authentic > 0);
}

#[test]
fn fault_a9_a_vault_in_use_is_busy_and_a_stale_lock_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Busy);
    let again = Store::create(folder.path(), Lock::Key(&key(1)), Options::default(), rng());
    assert_eq!(again.unwrap_err(), CreateError::Busy);
    // A writer that outlives its store still holds the lock: it can still write.
    let writer = store.write(Durability::Acknowledged).unwrap();
    drop(store);
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Busy);
    drop(writer);
    assert!(folder.path().join("vault.lock").exists());
    open(folder.path()).unwrap();
    let again = Store::create(folder.path(), Lock::Key(&key(1)), Options::default(), rng());
    assert_eq!(again.unwrap_err(), CreateError::AlreadyExists);
}

#[test]
fn a_folder_without_a_vault_and_a_file_that_is_none_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Missing);
    assert_eq!(open(&folder.path().join("nowhere")).unwrap_err(), OpenError::Missing);
    let file = folder.path().join(VAULT_FILE);
    for bytes in [vec![], vec![7; 100], vec![0; 200_000]] {
        fs::OpenOptions::new().create(true).write(true).truncate(true).open(&file).unwrap();
        overwrite(&file, 0, &bytes);
        assert_eq!(open(folder.path()).unwrap_err(), OpenError::NotAVault);
    }
}

#[test]
fn fault_b5_an_unknown_version_is_unsupported_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path()).close().unwrap();
    let file = folder.path().join(VAULT_FILE);
    for version in [0, 2, u32::MAX] {
        for copy in [0, 32 * 1024] {
            overwrite(&file, copy + 16, &version.to_le_bytes());
        }
        assert_eq!(open(folder.path()).unwrap_err(), OpenError::Unsupported { version });
    }
}

#[test]
fn fault_b7_lowered_and_absurd_costs_are_refused_before_they_run() {
    let folder = tempfile::tempdir().unwrap();
    let right = passphrase("correct horse");
    let lock = Lock::Passphrase(&right, Argon2Params::MINIMUM);
    Store::create(folder.path(), lock, Options::default(), rng()).unwrap().close().unwrap();
    let file = folder.path().join(VAULT_FILE);
    let honest = fs::read(&file).unwrap();
    let costs = [
        (0, 2, 1),
        (1, 2, 1),
        (8, 2, 1),
        (19 * 1024 - 1, 2, 1),
        (19 * 1024, 0, 1),
        (19 * 1024, 1, 1),
        (19 * 1024, 2, 0),
        (u32::MAX, 2, 1),
        (1024 * 1024 + 1, 2, 1),
        (19 * 1024, u32::MAX, 1),
        (19 * 1024, 17, 1),
        (19 * 1024, 2, 5),
        (19 * 1024, 2, u32::MAX),
        (0, 0, 0),
        (u32::MAX, u32::MAX, u32::MAX),
    ];
    for (memory, passes, lanes) in costs {
        let cost: Vec<u8> = [memory, passes, lanes].into_iter().flat_map(u32::to_le_bytes).collect();
        for copy in [0, 32 * 1024] {
            overwrite(&file, copy + 84, &cost);
        }
        let refused = Store::open(folder.path(), Unlock::Passphrase(&right), Options::default(), rng());
        assert_eq!(refused.unwrap_err(), OpenError::Store(StoreError::Damaged), "{memory} {passes} {lanes}");
    }
    // One copy alone lowered: the other opens, and the lowered one is written anew.
    fs::remove_file(&file).unwrap();
    fs::OpenOptions::new().create_new(true).write(true).open(&file).unwrap();
    overwrite(&file, 0, &honest);
    overwrite(&file, 84, &8_u32.to_le_bytes());
    let opened = Store::open(folder.path(), Unlock::Passphrase(&right), Options::default(), rng()).unwrap();
    opened.close().unwrap();
    assert_eq!(fs::read(&file).unwrap()[84..88], (19_u32 * 1024).to_le_bytes());
}

#[test]
fn a_passphrase_opens_what_it_closed_and_its_change_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (passphrase("old passphrase"), passphrase("new passphrase"));
    let lock = Lock::Passphrase(&old, Argon2Params::MINIMUM);
    let mut store = Store::create(folder.path(), lock, Options::default(), rng()).unwrap();
    put(&store, A, b"k", b"v");
    store.change_passphrase(&new, Argon2Params::MINIMUM).unwrap();
    store.close().unwrap();
    let try_open = |passphrase| Store::open(folder.path(), Unlock::Passphrase(passphrase), Options::default(), rng());
    assert_eq!(try_open(&old).unwrap_err(), OpenError::WrongPassphrase);
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Foreign);
    let mut store = try_open(&new).unwrap();
    assert_eq!(get(&store, A, b"k").as_deref(), Some(&b"v"[..]));
    let key = store.key_for_keeper().unwrap();
    store.close().unwrap();
    let with_key = || Store::open(folder.path(), Unlock::Key(&key), Options::default(), rng());
    let mut store = with_key().unwrap();
    assert_eq!(get(&store, A, b"k").as_deref(), Some(&b"v"[..]));
    store.withdraw_keys().unwrap();
    store.close().unwrap();
    assert_eq!(with_key().unwrap_err(), OpenError::Foreign);
    try_open(&new).unwrap();
}

/// A process that died while it made a vault, or a new file for one, leaves a file that nobody opens.
#[test]
fn fault_a4_what_an_interrupted_creation_left_is_no_vault_and_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let leftover = folder.path().join("vault.carnet.new");
    let leave = |length: usize| {
        fs::OpenOptions::new().create(true).write(true).truncate(true).open(&leftover).unwrap();
        overwrite(&leftover, 0, &vec![7; length]);
    };
    for length in [0, 1, 65_536, 100_000] {
        leave(length);
        assert!(!Store::is_in(folder.path()));
        assert_eq!(open(folder.path()).unwrap_err(), OpenError::Missing);
    }
    let store = create(folder.path());
    put(&store, A, b"k", b"v");
    store.close().unwrap();
    assert!(Store::is_in(folder.path()) && !leftover.exists());
    leave(100_000);
    let mut store = open(folder.path()).unwrap();
    assert_eq!(get(&store, A, b"k").as_deref(), Some(&b"v"[..]));
    store.rekey(Lock::Key(&key(2)), rng()).unwrap();
    assert_eq!(get(&store, A, b"k").as_deref(), Some(&b"v"[..]));
    assert!(!leftover.exists());
}

/// The new file cannot be made: the old one goes on as if nothing had been asked.
#[test]
fn fault_a12_a_change_of_keys_that_fails_leaves_the_old_file_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    put(&store, A, b"k", b"v");
    fs::create_dir(folder.path().join("vault.carnet.new")).unwrap();
    assert!(matches!(store.rekey(Lock::Key(&key(2)), rng()), Err(RelockError::Store(_))));
    assert!(!store.is_poisoned());
    put(&store, A, b"k2", b"v2");
    store.close().unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.read().unwrap().count(A).unwrap(), 2);
}

#[test]
fn the_last_lock_cannot_be_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    assert_eq!(store.withdraw_keys().unwrap_err(), RelockError::LastSlot);
    store.close().unwrap();
    open(folder.path()).unwrap();
}

#[test]
fn an_old_front_area_with_its_passphrase_opens_nothing_after_a_full_change_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    for number in 0..2_000_u32 {
        put_many(&store, number);
    }
    let file = folder.path().join(VAULT_FILE);
    let old_front = fs::read(&file).unwrap()[..64 * 1024].to_vec();
    let old = store.stats().unwrap();
    let writer = store.write(Durability::Step).unwrap();
    assert_eq!(
        store.rekey(Lock::Key(&key(2)), rng()),
        Err(RelockError::Store(StoreError::Misuse)),
        "a writer is alive"
    );
    drop(writer);
    store.rekey(Lock::Key(&key(2)), rng()).unwrap();
    assert_ne!(store.stats().unwrap().file_id, old.file_id);
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Busy, "the folder stays locked");
    assert_eq!(store.read().unwrap().count(A).unwrap(), 2_000);
    store.close().unwrap();
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Foreign);
    overwrite(&file, 0, &old_front);
    assert_eq!(open(folder.path()).unwrap_err(), OpenError::Store(StoreError::Damaged));
}

fn put_many(store: &Store, number: u32) {
    if number.is_multiple_of(500) {
        let mut writer = store.write(Durability::Step).unwrap();
        writer.put_all(A, (number..number + 500).map(|n| (n.to_be_bytes(), [7; 100]))).unwrap();
        writer.commit().unwrap();
    }
}

#[test]
fn rows_come_in_order_from_either_end_and_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    let mut writer = store.write(Durability::Acknowledged).unwrap();
    writer.put_all(A, (0..300_u16).map(|n| (n.to_be_bytes(), [0]))).unwrap();
    assert_eq!(writer.range(A, ..).unwrap().count(), 300, "a writer sees its own rows, page by page");
    assert_eq!(writer.prefix(A, &[0]).unwrap().count(), 256);
    assert_eq!(writer.remove_prefix(A, &[1]).unwrap(), 44);
    assert!(writer.remove(A, &[0, 7]).unwrap());
    assert!(!writer.remove(A, &[0, 7]).unwrap());
    writer.commit().unwrap();
    let reader = store.read().unwrap();
    let keys = |rows: Rows<'_>| rows.map(|row| row.unwrap().0).collect::<Vec<_>>();
    assert_eq!(keys(reader.range(A, &[0, 5][..]..&[0, 9][..]).unwrap()), [[0, 5], [0, 6], [0, 8]]);
    assert_eq!(reader.range(A, ..).unwrap().next_back().unwrap().unwrap().0, [0, 255]);
    assert_eq!(reader.count(A).unwrap(), 255);
    assert!(keys(reader.range(A, &[0, 9][..]..&[0, 5][..]).unwrap()).is_empty());
    assert!(keys(reader.prefix(A, &[9]).unwrap()).is_empty());
    assert_eq!(reader.prefix(A, &[]).unwrap().count(), 255);
}

#[test]
fn a_prefix_of_high_bytes_has_the_right_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    for key in [&[0xfe, 0xff][..], &[0xff], &[0xff, 0], &[0xff, 0xff], &[0xff, 0xff, 1]] {
        put(&store, A, key, &[]);
    }
    let reader = store.read().unwrap();
    assert_eq!(reader.prefix(A, &[0xff]).unwrap().count(), 4);
    assert_eq!(reader.prefix(A, &[0xff, 0xff]).unwrap().count(), 2);
    assert_eq!(reader.prefix(A, &[0xfe]).unwrap().count(), 1);
}

#[test]
fn what_is_too_long_is_refused_and_poisons_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    let mut writer = store.write(Durability::Acknowledged).unwrap();
    assert_eq!(writer.put(A, &[0; KEY_BYTES_MAX + 1], &[]), Err(StoreError::TooLarge));
    assert_eq!(writer.put(A, &[0], &vec![0; VALUE_BYTES_MAX + 1]), Err(StoreError::TooLarge));
    writer.put(A, &[0; KEY_BYTES_MAX], &vec![7; 1 << 20]).unwrap();
    writer.commit().unwrap();
    assert!(!store.is_poisoned());
    assert_eq!(get(&store, A, &[0; KEY_BYTES_MAX]).unwrap().len(), 1 << 20);
}

#[test]
fn the_padded_stride_holds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { stride: Stride::Padded, ..Options::default() };
    let store = Store::create(folder.path(), Lock::Key(&key(1)), options, rng()).unwrap();
    put(&store, A, b"k", &vec![9; 300_000]);
    store.close().unwrap();
    let mut store = open(folder.path()).unwrap();
    assert_eq!(get(&store, A, b"k").unwrap(), vec![9; 300_000]);
    let stats = store.stats().unwrap();
    assert_eq!((stats.file_bytes - 73_728) % 4608, 0);
    store.verify().unwrap();
}

/// Whoever holds the file learns its size, and nothing of what is inside: every block that was written looks random.
#[test]
fn a_vault_file_is_indistinguishable_from_random_but_for_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path());
    let canary = b"XQ-CANARY-glucose-7.1-mmol";
    for number in 0..200_u32 {
        let mut writer = store.write(Durability::Step).unwrap();
        writer.put(A, &[canary, &number.to_be_bytes()[..]].concat(), &canary.repeat(90)).unwrap();
        writer.commit().unwrap();
    }
    store.close().unwrap();
    let bytes = fs::read(folder.path().join(VAULT_FILE)).unwrap();
    assert!(!bytes.windows(10).any(|window| window == &canary[..10]));
    assert!(!bytes.windows(4).any(|window| window == b"redb"));
    let written = bytes[73_728..].chunks_exact(4136).filter(|block| block.iter().any(|byte| *byte != 0));
    let fillers = bytes[1104..32 * 1024].iter().chain(&bytes[65_536..73_728]);
    let (total, chi) = chi_square(written.flatten().chain(fillers));
    assert!(total > 500_000, "{total} bytes are enough to tell");
    // 255 degrees of freedom: mean 255, standard deviation 22.6; six of them are one in a thousand million.
    assert!((120..390).contains(&chi), "chi-square {chi}");
    let (_, control) = chi_square(&canary.repeat(20_000));
    assert!(control > 10_000, "the test can tell text from noise");
}

/// How many bytes there are, and how unevenly their values are spread: about 255 for random bytes.
fn chi_square<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> (u64, u64) {
    let mut counts = [0_u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total: u64 = counts.iter().sum();
    let expected = total / 256;
    (total, counts.iter().map(|count| count.abs_diff(expected).pow(2)).sum::<u64>() / expected)
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[derive(Clone, Debug)]
enum Op {
    Commit(bool),
    Get(u8),
    Put(u8, u16),
    Remove(u8),
    RemovePrefix(u8),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => any::<bool>().prop_map(Op::Commit),
        3 => any::<u8>().prop_map(Op::Get),
        8 => (any::<u8>(), 0..20_000_u16).prop_map(|(key, length)| Op::Put(key, length)),
        3 => any::<u8>().prop_map(Op::Remove),
        1 => any::<u8>().prop_map(Op::RemovePrefix),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_behaves_as_a_map(ops in proptest::collection::vec(op(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = create(folder.path());
        let mut committed = std::collections::BTreeMap::new();
        let mut current = committed.clone();
        let mut writer = None;
        for op in ops {
            let durability = if matches!(op, Op::Commit(true)) { Durability::Acknowledged } else { Durability::Step };
            if writer.is_none() {
                writer = Some(store.write(durability).unwrap());
            }
            let open_writer = writer.as_mut().unwrap();
            match op {
                Op::Put(key, length) => {
                    open_writer.put(A, &[key], &vec![key; usize::from(length)]).unwrap();
                    current.insert(vec![key], vec![key; usize::from(length)]);
                }
                Op::Remove(key) => {
                    let was_there = open_writer.remove(A, &[key]).unwrap();
                    prop_assert_eq!(was_there, current.remove(&vec![key]).is_some());
                }
                Op::RemovePrefix(key) => {
                    open_writer.remove_prefix(A, &[key]).unwrap();
                    current.remove(&vec![key]);
                }
                Op::Get(key) => prop_assert_eq!(&open_writer.get(A, &[key]).unwrap(), &current.get(&vec![key]).cloned()),
                Op::Commit(_) => {
                    writer.take().unwrap().commit().unwrap();
                    committed = current.clone();
                }
                Op::Reopen => {
                    drop(writer.take());
                    store.close().unwrap();
                    store = open(folder.path()).unwrap();
                    current = committed.clone();
                }
            }
            let rows: Vec<Row> = store.read().unwrap().range(A, ..).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(rows, committed.clone().into_iter().collect::<Vec<_>>());
        }
    }
}
