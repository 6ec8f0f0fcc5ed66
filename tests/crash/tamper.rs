//! Somebody alters the file while it is closed: what is shown is genuine, or nothing is shown.
//!
//! "Genuine" is the whole content as it was, read through the store. A flip in space that is not in use, or in one of
//! two copies, may go unnoticed; a flip that changes what is read, or that brings the process down, may not.

use std::cell::Cell;

use carnet_tests::crash::{Content, CrashDisk, HEADER_SLOTS, ROWS, commit, content, fork, open, small, test_key};
use carnet_vault::store::{Durability, Lock, OpenError, Options, StorageBackend as _, Store, StoreError, Unlock};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::{grouped, scale, seed};

const STRIDE: usize = 4136;

/// The reference vault: some rows, some removed, compacted and closed.
struct Reference {
    bytes: Vec<u8>,
    content: Content,
}

impl Reference {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let disk = CrashDisk::default();
        let mut store = Store::create_on(disk.clone(), Lock::Key(&test_key()), small(), fork(rng)).unwrap();
        for number in 0..6_u8 {
            let rows: Vec<_> = (0..20)
                .map(|row| {
                    let mut value = vec![0; rng.random_range(0..900)];
                    rng.fill_bytes(&mut value);
                    (vec![number, row], (row % 7 != 0 || number > 2).then_some(value))
                })
                .collect();
            commit(&store, Durability::Acknowledged, &rows).unwrap();
        }
        while store.compact().unwrap() {}
        let content = content(&store).unwrap();
        store.close().unwrap();
        Self { bytes: disk.bytes(), content }
    }

    /// Opens and reads an altered copy.
    fn judge(&self, bytes: Vec<u8>, rng: &mut ChaCha20Rng) -> Verdict {
        let store = match quietly(|| open(CrashDisk::holding(bytes), rng)) {
            Ok(store) => store,
            Err(error) => return Verdict::Refused(error),
        };
        match quietly(|| content(&store)) {
            Err(error) => Verdict::Refused(OpenError::Store(error)),
            Ok(found) if found == self.content => Verdict::Genuine,
            Ok(_) => Verdict::Accepted,
        }
    }

    fn blocks(&self) -> usize {
        (self.bytes.len() - usize::try_from(HEADER_SLOTS.end).unwrap()) / STRIDE
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// What was altered is shown.
    Accepted,
    /// What is shown is what was there.
    Genuine,
    /// Nothing is shown.
    Refused(OpenError),
}

#[derive(Default)]
struct Count {
    accepted: usize,
    genuine: usize,
    refused: usize,
}

impl Count {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Genuine => self.genuine += 1,
            Verdict::Refused(_) => self.refused += 1,
        }
    }

    fn report(&self, what: &str) {
        println!(
            "{what} {} · refused {} · without effect {} · accepted {} · panics caught {} · seed {:#018x}",
            grouped(self.accepted + self.genuine + self.refused),
            grouped(self.refused),
            grouped(self.genuine),
            self.accepted,
            PANICS.get(),
            seed()
        );
        assert_eq!(self.accepted, 0);
    }
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Runs work in which the database may panic inside the store's boundary, and counts instead of printing.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IS_QUIET.get() {
                PANICS.set(PANICS.get() + 1);
            } else {
                usual(info);
            }
        }));
    });
    IS_QUIET.set(true);
    let result = work();
    IS_QUIET.set(false);
    result
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn fault_b1_no_flipped_bit_is_accepted() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb1);
    let reference = Reference::new(&mut rng);
    println!("reference vault: {} bytes, {} rows", grouped(reference.bytes.len()), reference.content.len());
    assert!(reference.bytes.len() <= 256 * 1024);
    let mut count = Count::default();
    for number in 0..20_000 * scale() {
        // Every other flip is beyond the front area, which is half of this small file.
        let from = if number % 2 == 0 { 0 } else { usize::try_from(HEADER_SLOTS.start).unwrap() };
        let mut bytes = reference.bytes.clone();
        let bit = rng.random_range(from * 8..bytes.len() * 8);
        flip(&mut bytes, bit);
        count.add(reference.judge(bytes, &mut rng));
    }
    count.report("flipped bits");
    assert!(count.refused > 4_000);
}

#[test]
fn fault_b1_the_two_copies_of_the_front_and_of_the_header_stand_in_for_each_other() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb11);
    let reference = Reference::new(&mut rng);
    for (one, other) in [(0, 32 * 1024), (65_536, 69_632)] {
        let length = other - one;
        for at in [one, other] {
            let mut bytes = reference.bytes.clone();
            rng.fill_bytes(&mut bytes[at..at + length]);
            let verdict = reference.judge(bytes, &mut rng);
            // The older header slot names an older state, whose pages may be gone: refused, never mixed.
            assert!(verdict == Verdict::Genuine || one == 65_536 && matches!(verdict, Verdict::Refused(_)), "{at}");
        }
        let mut bytes = reference.bytes.clone();
        rng.fill_bytes(&mut bytes[one..one + 2 * length]);
        assert!(matches!(reference.judge(bytes, &mut rng), Verdict::Refused(_)), "both gone at {one}");
    }
}

#[test]
fn fault_b2_every_cut_is_refused_and_whatever_follows_is_ignored() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb2);
    let reference = Reference::new(&mut rng);
    let (mut cut, mut longer) = (Count::default(), Count::default());
    for length in (0..reference.bytes.len()).step_by(64).chain([1, 15, reference.bytes.len() - 1]) {
        cut.add(reference.judge(reference.bytes[..length].to_vec(), &mut rng));
    }
    cut.report("truncations");
    assert_eq!(cut.genuine, 0, "no cut goes unnoticed");
    for more in (64..=64 * 1024).step_by(256).chain([1, 63]) {
        for is_garbage in [false, true] {
            let mut bytes = reference.bytes.clone();
            bytes.extend((0..more).map(|_| if is_garbage { rng.random() } else { 0_u8 }));
            longer.add(reference.judge(bytes, &mut rng));
        }
    }
    longer.report("extensions");
    assert_eq!(longer.refused, 0);
}

#[test]
fn fault_b3_no_block_opens_in_another_place_or_another_file() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb3);
    let (reference, stranger) = (Reference::new(&mut rng), Reference::new(&mut rng));
    let data = usize::try_from(HEADER_SLOTS.end).unwrap();
    let place = |block: usize| data + block * STRIDE..data + (block + 1) * STRIDE;
    let mut count = Count::default();
    for number in 0..600 * scale() {
        let (one, other) = (rng.random_range(0..reference.blocks()), rng.random_range(0..reference.blocks()));
        let mut bytes = reference.bytes.clone();
        match number % 3 {
            0 => bytes.copy_within(place(one), place(other).start),
            1 => {
                let kept = bytes[place(one)].to_vec();
                bytes.copy_within(place(other), place(one).start);
                bytes[place(other)].copy_from_slice(&kept);
            }
            _ => {
                let one = one.min(stranger.blocks() - 1);
                bytes[place(one)].copy_from_slice(&stranger.bytes[place(one)]);
            }
        }
        count.add(reference.judge(bytes, &mut rng));
    }
    count.report("moved blocks");
    assert!(count.refused > 200);
    for (from, to, length) in [(65_536, 69_632, 4096), (69_632, 65_536, 4096), (0, 0, 65_536)] {
        let mut bytes = reference.bytes.clone();
        let source = if from == to { &stranger.bytes } else { &reference.bytes };
        bytes[to..to + length].copy_from_slice(&source[from..from + length]);
        assert_ne!(reference.judge(bytes, &mut rng), Verdict::Accepted, "from {from} to {to}");
    }
}

/// The known limit: one block put back from an older copy of the same file authenticates at its place. Full
/// verification finds it wherever it matters, and nothing brings the process down.
#[test]
fn fault_b3_a_block_from_an_older_copy_is_found_by_verification() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb31);
    let disk = CrashDisk::default();
    let store = Store::create_on(disk.clone(), Lock::Key(&test_key()), small(), fork(&mut rng)).unwrap();
    let rows = |value: u8| (0..200_u8).map(|row| (vec![row], Some(vec![value; 200]))).collect::<Vec<_>>();
    commit(&store, Durability::Acknowledged, &rows(1)).unwrap();
    store.close().unwrap();
    let old = disk.bytes();
    let store = open(disk.clone(), &mut rng).unwrap();
    for value in 2..7 {
        commit(&store, Durability::Acknowledged, &rows(value)).unwrap();
    }
    let reference = Reference {
        content: content(&store).unwrap(),
        bytes: {
            store.close().unwrap();
            disk.bytes()
        },
    };
    let data = usize::try_from(HEADER_SLOTS.end).unwrap();
    let (mut found, mut unused, mut shown) = (0, 0, 0);
    for block in 0..reference.blocks().min((old.len() - data) / STRIDE) {
        let place = data + block * STRIDE..data + (block + 1) * STRIDE;
        if old[place.clone()] == reference.bytes[place.clone()] {
            continue;
        }
        let mut bytes = reference.bytes.clone();
        bytes[place.clone()].copy_from_slice(&old[place]);
        shown += usize::from(reference.judge(bytes.clone(), &mut rng) == Verdict::Accepted);
        let verified = quietly(|| {
            let mut store = open(CrashDisk::holding(bytes), &mut rng).map_err(drop)?;
            let verified = store.verify().map_err(drop)?;
            let is_same = content(&store).map_err(drop)? == reference.content;
            Ok::<_, ()>((verified.is_repaired, is_same))
        });
        match verified {
            Err(()) | Ok((true, _)) => found += 1,
            Ok((false, true)) => unused += 1,
            Ok((false, false)) => panic!("block {block} is old, changes what is read, and verification is content"),
        }
    }
    println!(
        "replayed blocks {} · found by verification {found} · in unused space {unused} · shown before it {shown} · panics caught {}",
        found + unused,
        PANICS.get()
    );
    assert!(found > 5);
}

/// An older copy of the whole file is a legitimate backup. It opens, and says how old it is.
#[test]
fn fault_b4_an_older_copy_of_the_whole_file_has_a_lower_counter() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb4);
    let disk = CrashDisk::default();
    let mut store = Store::create_on(disk.clone(), Lock::Key(&test_key()), small(), fork(&mut rng)).unwrap();
    let file_id = store.stats().unwrap().file_id;
    let mut copies = Vec::new();
    for number in 0..20_u8 {
        commit(&store, Durability::Acknowledged, &[(vec![number], Some(vec![number]))]).unwrap();
        store.close().unwrap();
        store = open(disk.clone(), &mut rng).unwrap();
        copies.push((disk.bytes(), store.stats().unwrap().counter, usize::from(number) + 1));
    }
    let last = store.stats().unwrap().counter;
    for (bytes, counter, rows) in copies.into_iter().take(19) {
        let store = open(CrashDisk::holding(bytes), &mut rng).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!(stats.file_id, file_id);
        assert!(stats.counter < last && counter < last);
        assert_eq!(store.read().unwrap().count(ROWS).unwrap(), rows as u64);
    }
}

/// A page goes bad under an open vault: the read is an error, and the store stops.
#[test]
fn fault_b1_a_damaged_page_is_an_error_and_stops_the_store() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xb12);
    let reference = Reference::new(&mut rng);
    let disk = CrashDisk::holding(reference.bytes.clone());
    let options = Options { cache_bytes: 0, ..Options::default() };
    let store = Store::open_on(disk.clone(), Unlock::Key(&test_key()), options, fork(&mut rng)).unwrap();
    assert_eq!(content(&store), Ok(reference.content.clone()));
    for block in 0..reference.blocks() {
        disk.write(HEADER_SLOTS.end + (block * STRIDE) as u64 + 100, &[0; 100]).unwrap();
    }
    assert_eq!(content(&store), Err(StoreError::Damaged));
    assert!(store.is_poisoned());
    assert_eq!(content(&store), Err(StoreError::Poisoned));
    assert_eq!(store.write(Durability::Acknowledged).err(), Some(StoreError::Poisoned));
}
