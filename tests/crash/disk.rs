//! A disk that fails, says it has kept what it has not, or has another length than it was given.

use carnet_tests::{
    crash::{
        Content, CrashDisk, Event, Kept, Kind, ROWS, Run, Step, Walk, commit, content, fork, small, survives, test_key,
        workload,
    },
    faults::{Failure, FaultyDisk, Plan},
};
use carnet_vault::store::{Durability, Lock, Store, StoreError, Stride, Unlock};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::{scale, seed};

/// What a workload on a failing disk came to.
struct Outcome {
    /// Whether the vault had been created.
    is_created: bool,
    /// What was acknowledged, and what was being committed when the disk failed.
    allowed: Vec<Content>,
    /// Whether anything failed.
    has_failed: bool,
}

/// Runs `steps` until something fails, then makes sure that the store refuses to go on and that nothing more reaches
/// the disk.
fn run(disk: &FaultyDisk, steps: &[Step], rng: &mut ChaCha20Rng) -> Outcome {
    let mut outcome = Outcome { is_created: false, allowed: vec![Content::new()], has_failed: true };
    let Ok(mut store) = Store::create_on(disk.clone(), Lock::Key(&test_key()), small(), fork(rng)) else {
        return outcome;
    };
    outcome.is_created = true;
    let mut acknowledged = Content::new();
    for step in steps {
        let result = match step {
            Step::Commit(durability, changes) => {
                let mut next = acknowledged.clone();
                for (key, value) in changes {
                    match value {
                        Some(value) => next.insert(key.clone(), value.clone()),
                        None => next.remove(key),
                    };
                }
                let result = commit(&store, *durability, changes);
                if result.is_ok() {
                    acknowledged = next;
                    outcome.allowed = vec![acknowledged.clone()];
                } else {
                    outcome.allowed.push(next);
                }
                result
            }
            Step::Compact => store.compact().map(drop),
            Step::Relock => store.keep_key(&test_key()).map_err(|_| StoreError::Poisoned),
            Step::Reopen => {
                let closed = store.close();
                match Store::open_on(disk.clone(), Unlock::Key(&test_key()), small(), fork(rng)) {
                    Ok(opened) => store = opened,
                    Err(_) => return outcome,
                }
                closed
            }
        };
        if result.is_err() && !matches!(step, Step::Reopen) {
            let changes = disk.changes();
            assert!(store.is_poisoned(), "{step:?} failed and the store goes on");
            assert!(store.write(Durability::Acknowledged).is_err());
            assert!(store.read().is_err());
            drop(store);
            assert_eq!(disk.changes(), changes, "something was written after the failure");
            return outcome;
        }
    }
    outcome.has_failed = store.close().is_err();
    outcome
}

/// Opens a healthy disk with these bytes and compares.
fn check(bytes: Vec<u8>, outcome: &Outcome, rng: &mut ChaCha20Rng) -> Result<(), String> {
    let allowed: Vec<_> = outcome.allowed.iter().collect();
    if outcome.is_created { survives(bytes, &allowed, rng) } else { Ok(()) }
}

#[test]
fn fault_a5_a_failing_disk_poisons_and_loses_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 5);
    let (mut cases, mut failed) = (0, 0);
    for number in 0..20 * u64::try_from(scale()).unwrap() {
        let kind = if number % 2 == 0 { Kind::Mixed } else { Kind::Acknowledged };
        let steps = workload(kind, seed().wrapping_add(5_000 + number), 5);
        let healthy = FaultyDisk::new(None);
        assert!(!run(&healthy, &steps, &mut rng).has_failed);
        for call in 1..=healthy.calls() {
            let failure = Failure::ALL[rng.random_range(0..Failure::ALL.len())];
            let plan = Plan { call, failure, is_sticky: rng.random() };
            let disk = FaultyDisk::new(Some(plan));
            let outcome = run(&disk, &steps, &mut rng);
            cases += 1;
            failed += usize::from(outcome.has_failed);
            let place = format!("workload {number}, {plan:?}");
            check(disk.bytes(), &outcome, &mut rng).unwrap_or_else(|error| panic!("{place}: {error}"));
            check(disk.durable(), &outcome, &mut rng).unwrap_or_else(|error| panic!("{place}, power cut: {error}"));
        }
    }
    println!("failing calls {cases} · seen by the caller {failed} · lost 0 · seed {:#018x}", seed());
    assert!(cases > 1_000);
    assert!(failed > cases / 2, "{failed} of {cases} failures reached the caller");
}

#[test]
fn fault_a5_the_caller_learns_what_kind_of_failure_it_was() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 6);
    let steps = workload(Kind::Acknowledged, seed(), 3);
    let healthy = FaultyDisk::new(None);
    let mut store = Store::create_on(healthy.clone(), Lock::Key(&test_key()), small(), fork(&mut rng)).unwrap();
    let created = healthy.calls();
    store.keep_key(&test_key()).unwrap();
    for (failure, expected) in [
        (Failure::NoSpace, StoreError::DiskFull),
        (Failure::Quota, StoreError::DiskFull),
        (Failure::ReadOnly, StoreError::ReadOnly),
        (Failure::Io, StoreError::Io(std::io::ErrorKind::Other)),
    ] {
        let disk = FaultyDisk::new(Some(Plan { call: created + 1, failure, is_sticky: true }));
        let store = Store::create_on(disk, Lock::Key(&test_key()), small(), fork(&mut rng)).unwrap();
        let Step::Commit(durability, changes) = &steps[0] else { panic!("a workload begins with a commit") };
        assert_eq!(commit(&store, *durability, changes), Err(expected));
        assert_eq!(commit(&store, *durability, changes), Err(StoreError::Poisoned));
    }
}

/// The sync failed, the kernel dropped the pages and says yes the next time: believing it would lose the entry.
#[test]
fn fault_a6_a_sync_that_failed_once_is_never_believed_again() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 7);
    let mut cases = 0;
    for number in 0.. {
        let steps = workload(Kind::Mixed, seed().wrapping_add(6_000 + number), 6);
        let healthy = FaultyDisk::new(None);
        run(&healthy, &steps, &mut rng);
        for call in 1..=healthy.syncs() {
            let disk = FaultyDisk::new(Some(Plan { call, failure: Failure::LostSync, is_sticky: false }));
            let outcome = run(&disk, &steps, &mut rng);
            cases += 1;
            check(disk.durable(), &outcome, &mut rng)
                .unwrap_or_else(|error| panic!("workload {number}, sync {call}: {error}"));
        }
        if cases >= 150 * scale() {
            break;
        }
    }
    println!("lost syncs {cases} · lost 0 · seed {:#018x}", seed());
}

#[test]
fn fault_a8_a_length_that_was_not_kept_or_is_too_long_loses_nothing() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 8);
    let (mut unkept, mut longer) = (0, 0);
    for number in 0.. {
        let run = Run::of(&workload(Kind::Mixed, seed().wrapping_add(8_000 + number), 12), Stride::Packed, number);
        let mut walk = Walk::new(Vec::new(), &run.events);
        while walk.step() {
            if walk.position() < run.created {
                continue;
            }
            let allowed = run.allowed(walk.position());
            if walk.pending().iter().any(|event| matches!(event, Event::SetLen(_))) {
                for others_are_kept in [true, false] {
                    let image = walk.image(|event| match event {
                        Event::SetLen(_) => Kept::None,
                        _ if others_are_kept => Kept::All,
                        _ => Kept::torn(&mut rng),
                    });
                    survives(image, &allowed, &mut rng)
                        .unwrap_or_else(|error| panic!("event {}: {error}", walk.position()));
                    unkept += 1;
                }
            }
            if walk.pending().is_empty() && rng.random_range(0..3) == 0 {
                let mut image = walk.durable().to_vec();
                let more = rng.random_range(1..20_000);
                let is_garbage: bool = rng.random();
                image.extend((0..more).map(|_| if is_garbage { rng.random() } else { 0_u8 }));
                survives(image, &allowed, &mut rng)
                    .unwrap_or_else(|error| panic!("{more} bytes longer at {}: {error}", walk.position()));
                longer += 1;
            }
        }
        if unkept >= 60 * scale() && longer >= 100 * scale() {
            break;
        }
    }
    println!("lengths not kept {unkept} · files too long {longer} · lost 0 · seed {:#018x}", seed());
}

/// A new key slot, cut at every event: afterwards the old lock or the new one opens, and everything is there.
#[test]
fn fault_a4_a_cut_change_of_locks_leaves_one_that_opens() {
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 9);
    let disk = CrashDisk::default();
    let old = test_key();
    let mut store = Store::create_on(disk.clone(), Lock::Key(&old), small(), fork(&mut rng)).unwrap();
    commit(&store, Durability::Acknowledged, &[(b"k".to_vec(), Some(b"v".to_vec()))]).unwrap();
    let before = disk.position();
    let new = carnet_seal::secret::VaultKey::from_store(&[43; 32]).unwrap();
    store.keep_key(&new).unwrap();
    let after = disk.position();
    drop(store);
    let events = disk.events();
    let mut walk = Walk::new(Vec::new(), &events[..after]);
    let mut points = 0;
    while walk.step() {
        if walk.position() < before {
            continue;
        }
        for mode in 0..10 {
            let image = walk.image(|_| match mode {
                0 => Kept::None,
                1 => Kept::All,
                _ => Kept::torn(&mut rng),
            });
            let opened = [&old, &new].map(|key| {
                let disk = CrashDisk::holding(image.clone());
                let opened = Store::open_on(disk, Unlock::Key(key), small(), fork(&mut rng));
                opened.map(|store| store.read().unwrap().get(ROWS, b"k").unwrap())
            });
            points += 1;
            assert!(opened.iter().any(|found| *found == Ok(Some(b"v".to_vec()))), "at {}: {opened:?}", walk.position());
        }
    }
    assert_eq!(after - before, 4, "two copies, each written and synced");
    println!("cut changes of locks {points} · locked out 0");
    // When it was acknowledged, the new one opens and the old one does not.
    let last = walk.image(|_| Kept::None);
    assert!(Store::open_on(CrashDisk::holding(last.clone()), Unlock::Key(&old), small(), fork(&mut rng)).is_err());
    let store = Store::open_on(CrashDisk::holding(last), Unlock::Key(&new), small(), fork(&mut rng)).unwrap();
    assert_eq!(content(&store).unwrap().len(), 1);
}
