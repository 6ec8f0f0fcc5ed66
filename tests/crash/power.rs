//! A power cut at any moment, then a second one while the first is repaired.
//!
//! What someone would have lost: the entry that the command said was saved. The control is the same database over an
//! encrypting disk written without the rules of `docs/format.md`; it must lose, or the harness sees nothing.

use std::{collections::BTreeSet, sync::OnceLock};

use carnet_tests::crash::{CrashDisk, Event, Kept, Kind, Run, Walk, open, survives, workload};
use carnet_vault::store::Stride;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use crate::{grouped, naive, scale, seed};

/// Crash points of whole or absent writes, in each run.
const A1_POINTS: usize = 20_000;
/// Crash points with torn writes.
const A2_POINTS: usize = 4_000;
/// Second crashes while the first is repaired.
const A3_POINTS: usize = 2_000;
/// Crash points at which the sector that was being written is left full of garbage.
const GARBLED_POINTS: usize = 1_500;
/// Crash points of the control.
const CONTROL_POINTS: usize = 1_500;

/// Cases tried, and what was lost in them, in words.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) points: usize,
    pub(crate) lost: Vec<String>,
}

impl Tally {
    pub(crate) fn note(&mut self, place: &str, verdict: Result<(), String>) {
        self.points += 1;
        if let Err(error) = verdict {
            self.lost.push(format!("{place}: {error}"));
        }
    }

    pub(crate) fn assert_none_lost(&self, at_least: usize) {
        assert!(self.points >= at_least, "{} points", self.points);
        assert!(
            self.lost.is_empty(),
            "{} lost, the first: {:#?}",
            self.lost.len(),
            &self.lost[..self.lost.len().min(5)]
        );
    }
}

/// Which of the pending events a cut keeps.
type Choice = Vec<bool>;

/// {all, header only, data only, random subset} of the events that are not durable, each choice once; {none} is the
/// image after the sync before.
fn choices(pending: &[Event], rng: &mut ChaCha20Rng) -> BTreeSet<Choice> {
    let mut choices = BTreeSet::new();
    choices.insert(vec![true; pending.len()]);
    choices.insert(pending.iter().map(Event::is_header).collect());
    choices.insert(pending.iter().map(|event| !event.is_header()).collect());
    choices.insert(pending.iter().map(|_| rng.random()).collect());
    if !pending.is_empty() {
        choices.remove(&vec![false; pending.len()]);
    }
    choices
}

fn runs(seed: u64) -> impl Iterator<Item = (u64, Run)> {
    (0..).map(move |number: u64| {
        let seed = seed.wrapping_add(number);
        let kind = [Kind::Mixed, Kind::Acknowledged, Kind::Import][usize::try_from(number % 3).unwrap()];
        let stride = if number % 4 == 3 { Stride::Padded } else { Stride::Packed };
        (seed, Run::of(&workload(kind, seed, 12), stride, seed))
    })
}

fn a1() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| {
        let mut tally = Tally::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed());
        for (seed, run) in runs(seed()) {
            let mut walk = Walk::new(Vec::new(), &run.events);
            while walk.step() {
                if walk.position() < run.created {
                    continue;
                }
                let allowed = run.allowed(walk.position());
                for choice in choices(walk.pending(), &mut rng) {
                    let mut kept = choice.iter();
                    let image = walk.image(|_| if *kept.next().unwrap() { Kept::All } else { Kept::None });
                    let place = format!("run {seed:#x}, event {}, {choice:?}", walk.position());
                    tally.note(&place, survives(image, &allowed, &mut rng));
                }
            }
            if tally.points >= A1_POINTS * scale() {
                return tally;
            }
        }
        tally
    })
}

fn a2() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| {
        let mut tally = Tally::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 2);
        for (seed, run) in runs(seed().wrapping_add(1_000)) {
            let mut walk = Walk::new(Vec::new(), &run.events);
            while walk.step() {
                if walk.position() < run.created || walk.pending().is_empty() {
                    continue;
                }
                let allowed = run.allowed(walk.position());
                // One write is torn among whole ones (the page that the header already names), or each in its own way.
                let is_alone: bool = rng.random();
                let victim = rng.random_range(0..walk.pending().len());
                let mut index = 0;
                let image = walk.image(|_| {
                    index += 1;
                    match rng.random_range(0..3_u8) {
                        _ if index - 1 == victim => Kept::torn(&mut rng),
                        _ if is_alone => Kept::All,
                        0 => Kept::None,
                        1 => Kept::All,
                        _ => Kept::torn(&mut rng),
                    }
                });
                let place = format!("run {seed:#x}, event {}", walk.position());
                tally.note(&place, survives(image, &allowed, &mut rng));
            }
            if tally.points >= A2_POINTS * scale() {
                return tally;
            }
        }
        tally
    })
}

/// A first cut (or a killed process, whose writes the kernel still has), then the opening that repairs, cut again at
/// every one of its events.
fn a3() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| {
        let mut tally = Tally::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 3);
        for (seed, run) in runs(seed().wrapping_add(2_000)) {
            let mut walk = Walk::new(Vec::new(), &run.events);
            while walk.step() {
                // A few first cuts of each run: the second ones are what is counted.
                if walk.position() < run.created || rng.random_range(0..12) != 0 {
                    continue;
                }
                let allowed = run.allowed(walk.position());
                let (base, before) = if rng.random() {
                    (walk.durable().to_vec(), walk.pending())
                } else {
                    (walk.image(|_| if rng.random() { Kept::All } else { Kept::torn(&mut rng) }), &[][..])
                };
                let disk = CrashDisk::killed(&base, before);
                match open(disk.clone(), &mut rng) {
                    Ok(store) => drop(store),
                    Err(error) => tally.note("the first opening", Err(error.to_string())),
                }
                let events = disk.events();
                let mut second = Walk::new(base, &events);
                while second.step() {
                    if second.position() < before.len() {
                        continue;
                    }
                    let modes: &[u8] = if second.pending().is_empty() { &[0] } else { &[1, 2] };
                    for mode in modes {
                        let image = second.image(|_| match mode {
                            1 => Kept::All,
                            2 if rng.random() => Kept::torn(&mut rng),
                            _ => Kept::None,
                        });
                        let place = format!("run {seed:#x}, event {}, then {}", walk.position(), second.position());
                        tally.note(&place, survives(image, &allowed, &mut rng));
                    }
                }
            }
            if tally.points >= A3_POINTS * scale() {
                return tally;
            }
        }
        tally
    })
}

/// The last write is cut off and the sector where it ended holds neither old nor new bytes.
fn garbled(stride: Stride, points: usize) -> Tally {
    let mut tally = Tally::default();
    let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 6);
    for number in 0.. {
        let seed = seed().wrapping_add(4_000 + number);
        let run = Run::of(&workload(Kind::Mixed, seed, 12), stride, seed);
        let mut walk = Walk::new(Vec::new(), &run.events);
        while walk.step() {
            let Some(Event::Write(at, data)) = walk.pending().last() else { continue };
            if walk.position() < run.created {
                continue;
            }
            let mut image = walk.image(|_| if rng.random_range(0..4) == 0 { Kept::torn(&mut rng) } else { Kept::All });
            let (at, length) = (usize::try_from(*at).expect("a small file"), data.len());
            let sector = (at + rng.random_range(0..length)) / 512 * 512;
            let end = image.len().min(sector + 512);
            if sector < end {
                rng.fill_bytes(&mut image[sector..end]);
            }
            let place = format!("run {seed:#x}, event {}, sector at {sector}", walk.position());
            tally.note(&place, survives(image, &run.allowed(walk.position()), &mut rng));
        }
        if tally.points >= points {
            break;
        }
    }
    tally
}

fn control() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| {
        let mut tally = Tally::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed() ^ 4);
        for number in 0.. {
            let kind = if number % 2 == 0 { Kind::Acknowledged } else { Kind::Import };
            let run = naive::run(&workload(kind, seed().wrapping_add(3_000 + number), 12), &mut rng);
            let mut walk = Walk::new(Vec::new(), &run.events);
            while walk.step() {
                if walk.position() < run.created || walk.pending().is_empty() {
                    continue;
                }
                let allowed = run.allowed(walk.position());
                let image = walk.image(|_| if rng.random() { Kept::All } else { Kept::torn(&mut rng) });
                tally.note("control", naive::survives(image, &allowed, &mut rng));
            }
            if tally.points >= CONTROL_POINTS {
                return tally;
            }
        }
        tally
    })
}

#[test]
fn fault_a1_no_cut_loses_what_was_acknowledged() {
    a1().assert_none_lost(5_000);
}

#[test]
fn fault_a2_no_torn_write_loses_what_was_acknowledged() {
    a2().assert_none_lost(1_000);
}

/// What `docs/assumptions.md`, D3, says of the two strides: one needs no "power-safe overwrite", the other does.
#[test]
fn fault_a2_a_garbled_sector_loses_nothing_with_the_padded_stride() {
    let padded = garbled(Stride::Padded, GARBLED_POINTS * scale());
    padded.assert_none_lost(1_000);
    let packed = garbled(Stride::Packed, 300);
    println!(
        "garbled sectors {} · lost {} · with the packed stride {} of {} · seed {:#018x}",
        grouped(padded.points),
        padded.lost.len(),
        packed.lost.len(),
        packed.points,
        seed()
    );
    assert!(!packed.lost.is_empty(), "a harness that garbles nothing shows nothing");
}

#[test]
fn fault_a3_no_second_cut_during_repair_loses_what_was_acknowledged() {
    a3().assert_none_lost(500);
}

#[test]
fn fault_a1_the_naive_control_loses() {
    let control = control();
    println!(
        "control: {} of {} points lost, the first: {:?}",
        control.lost.len(),
        control.points,
        control.lost.first()
    );
    assert!(control.points >= 1_000);
    assert!(!control.lost.is_empty(), "a harness under which the naive disk loses nothing sees nothing");
}

/// The closing line of the run.
#[test]
fn fault_a_closing_line() {
    let (single, double) = (a1().points + a2().points, a3().points);
    println!(
        "crash points {} · lost {} · control lost {} of {} · double {} · lost {} · seed {:#018x}",
        grouped(single),
        a1().lost.len() + a2().lost.len(),
        grouped(control().lost.len()),
        grouped(control().points),
        grouped(double),
        a3().lost.len(),
        seed()
    );
    assert!(single >= 6_000 && double >= 500);
}
