//! A process that is killed at any moment: the kernel keeps what was written, the last write perhaps in part.
//!
//! Source: M3 of `docs/assumptions.md`. `fault_a10` in `tests/it` kills the real programs; here every moment is tried.
//! The control is a store that says a commit is done when it begins it: under it the same kills must lose.

use std::sync::OnceLock;

use carnet_tests::crash::{Content, CrashDisk, Event, Kept, Kind, Run, Walk, open, survives, workload};
use carnet_vault::store::Stride;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::{grouped, power::Tally, scale, seed};

/// Moments at which the process is killed.
const POINTS: usize = 6_000;
/// Moments at which the one that opens the vault after that is killed too.
const DOUBLE_POINTS: usize = 1_000;

/// What the kills came to.
#[derive(Default)]
struct Kills {
    single: Tally,
    double: Tally,
    /// Of the single ones, those that a store would have lost which acknowledges first and commits then.
    lost_by_control: usize,
}

fn runs(seed: u64) -> impl Iterator<Item = (u64, Run)> {
    (0..).map(move |number: u64| {
        let seed = seed.wrapping_add(10_000 + number);
        let kind = [Kind::Mixed, Kind::Acknowledged, Kind::Import][usize::try_from(number % 3).unwrap()];
        (seed, Run::of(&workload(kind, seed, 12), Stride::Packed, seed))
    })
}

/// The file as the kernel has it: every event, of the last one the first bytes only when it is cut.
fn left_by(walk: &Walk<'_>, cut: Option<usize>) -> Vec<u8> {
    let last = walk.pending().len();
    let mut number = 0;
    walk.image(|_| {
        number += 1;
        match cut {
            Some(bytes) if number == last => Kept::UpTo(bytes),
            _ => Kept::All,
        }
    })
}

fn kills() -> &'static Kills {
    static KILLS: OnceLock<Kills> = OnceLock::new();
    KILLS.get_or_init(|| {
        let mut kills = Kills::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 0xa10);
        for (seed, run) in runs(seed()) {
            let mut walk = Walk::new(Vec::new(), &run.events);
            while walk.step() {
                if walk.position() < run.created {
                    continue;
                }
                let allowed = run.allowed(walk.position());
                let cuts: &[bool] =
                    if matches!(walk.pending().last(), Some(Event::Write(..))) { &[false, true] } else { &[false] };
                for is_cut in cuts {
                    let cut = is_cut.then(|| rng.random_range(0..6_000));
                    let image = left_by(&walk, cut);
                    let place = format!("run {seed:#x}, event {}, cut {cut:?}", walk.position());
                    kills.single.note(&place, survives(image.clone(), &allowed, &mut rng));
                    kills.lost_by_control += usize::from(is_lost_by_control(&run, walk.position(), &image, &mut rng));
                    if rng.random_range(0..40) == 0 {
                        again(image, &allowed, &place, &mut kills.double, &mut rng);
                    }
                }
            }
            if kills.single.points >= POINTS * scale() && kills.double.points >= DOUBLE_POINTS * scale() {
                return kills;
            }
        }
        kills
    })
}

/// Opens what the first kill left and kills that, at every one of its events.
fn again(image: Vec<u8>, allowed: &[&Content], place: &str, tally: &mut Tally, rng: &mut ChaCha20Rng) {
    let disk = CrashDisk::holding(image.clone());
    match open(disk.clone(), rng) {
        Ok(store) => drop(store),
        Err(error) => return tally.note(place, Err(error.to_string())),
    }
    let events = disk.events();
    let mut walk = Walk::new(image, &events);
    while walk.step() {
        let cut = rng.random::<bool>().then(|| rng.random_range(0..6_000));
        let again = format!("{place}, then {}", walk.position());
        tally.note(&again, survives(left_by(&walk, cut), allowed, rng));
    }
}

/// Whether what a commit writes is missing though the commit had begun: who acknowledged it then has lost it.
fn is_lost_by_control(run: &Run, position: usize, image: &[u8], rng: &mut ChaCha20Rng) -> bool {
    let begun = run.commits.iter().rev().find(|(began, done, _)| *began < position && position < *done);
    let Some((.., content)) = begun else { return false };
    let found =
        open(CrashDisk::holding(image.to_vec()), rng).ok().and_then(|store| carnet_tests::crash::content(&store).ok());
    found.as_ref() != Some(content)
}

#[test]
fn fault_a10_a_kill_at_any_event_loses_nothing_that_was_acknowledged() {
    kills().single.assert_none_lost(POINTS);
}

#[test]
fn fault_a10_a_kill_of_the_one_that_repairs_loses_nothing_either() {
    kills().double.assert_none_lost(DOUBLE_POINTS);
}

#[test]
fn fault_a10_who_acknowledges_before_the_commit_loses() {
    let kills = kills();
    println!(
        "kills {} · lost {} · control lost {} · double {} · lost {} · seed {:#018x}",
        grouped(kills.single.points),
        kills.single.lost.len(),
        grouped(kills.lost_by_control),
        grouped(kills.double.points),
        kills.double.lost.len(),
        seed()
    );
    assert!(kills.lost_by_control > 100, "a harness that finds no loss here sees nothing");
}
