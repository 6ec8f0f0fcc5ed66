//! The corpora of the fuzz targets, replayed on every run without libFuzzer. `tests/fuzz/run` looks for more.

use std::{fs, path::Path};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

#[path = "../fuzz/targets.rs"]
#[expect(
    unreachable_pub,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the file is part of the fuzzing workspace too, where these are its interface and its lints"
)]
mod targets;

/// Bytes of one file of a corpus: a seed says one thing.
const SEED_BYTES_MAX: u64 = 16 << 10;
/// Bytes of one corpus.
const CORPUS_BYTES_MAX: u64 = 256 << 10;

/// How often each seed is run with something of it changed.
const ALTERED_PER_SEED: usize = 20;
/// What the changes follow from.
const CHANCE: u64 = 1;

/// One to four places changed, cut out, repeated or cut off: not a search, but a look around each seed on every run.
fn altered(mut bytes: Vec<u8>, chance: &mut ChaCha20Rng) -> Vec<u8> {
    for _ in 0..chance.random_range(1..=4) {
        let at = chance.random_range(0..=bytes.len());
        let end = (at + chance.random_range(0..=16_usize)).min(bytes.len());
        match chance.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => bytes.insert(at, [0, 1, 0x7f, 0x80, 0xff][chance.random_range(0..5)]),
            _ => bytes[at..end].iter_mut().take(1).for_each(|byte| *byte ^= 1 << chance.random_range(0..8)),
        }
    }
    bytes
}

#[test]
fn fault_c1_fault_g_every_corpus_is_replayed() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut executions = 0;
    for (name, target) in targets::TARGETS {
        let listed = fs::read_dir(corpora.join(name)).unwrap_or_else(|_| panic!("{name} has no corpus"));
        let mut seeds: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "the corpus of {name} is empty");
        let sizes: Vec<u64> = seeds.iter().map(|seed| seed.metadata().unwrap().len()).collect();
        assert!(sizes.iter().all(|size| *size <= SEED_BYTES_MAX), "{name} has a seed that is too large");
        assert!(sizes.iter().sum::<u64>() <= CORPUS_BYTES_MAX, "the corpus of {name} is too large");
        let mut chance = ChaCha20Rng::seed_from_u64(CHANCE);
        for seed in &seeds {
            let bytes = fs::read(seed).unwrap();
            target(&bytes);
            for _ in 0..ALTERED_PER_SEED {
                target(&altered(bytes.clone(), &mut chance));
            }
        }
        let executed = seeds.len() * (1 + ALTERED_PER_SEED);
        println!("fuzz {name}: {executed} executions of {} seeds, chance {CHANCE}", seeds.len());
        executions += executed;
    }
    println!("fuzz: {executions} executions of {} targets", targets::TARGETS.len());
}

/// A folder without a target would be replayed by nobody, and a target without its program fuzzed by nobody.
#[test]
fn every_corpus_and_every_program_belongs_to_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let known: Vec<_> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(known.is_sorted(), "the targets are in order");
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&folder.join("corpus")), known);
    assert_eq!(names(&folder.join("fuzz_targets")), known);
}
