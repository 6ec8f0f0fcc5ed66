//! Measures Carnet beside what others use, in one run, and prints a line of JSON for each figure.
//!
//! Started by `tests/figures`; what each figure means is `docs/figures.md`. It asserts nothing about time: a missed goal
//! is printed as missed, and only a measurement that could not be made ends with status 1.

mod goals;
mod measures;
mod people;
mod process;
mod relay;
mod report;
mod settings;
mod store;
mod sync;

use std::{collections::BTreeSet, io::Write as _, process::ExitCode};

use carnet_interop::intake::worker::{ARGUMENT, serve};

use self::{
    goals::FIGURES,
    report::{Count, Failure, Measured},
    settings::Settings,
};

/// A measurement gives one or more figures.
struct Measurement {
    figures: &'static [&'static str],
    run: fn(&Settings) -> Result<Vec<Measured>, Failure>,
}

const MEASUREMENTS: &[&[Measurement]] =
    &[store::MEASUREMENTS, measures::MEASUREMENTS, relay::MEASUREMENTS, sync::MEASUREMENTS];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(worker) if worker == ARGUMENT => ExitCode::from(serve()),
        Some(child) if child == settings::CHILD => settings::child(&arguments.collect::<Vec<_>>()),
        first => match Settings::parse(first.into_iter().chain(arguments)) {
            Ok(settings) => run(&settings),
            Err(refused) => {
                eprintln!("{refused}");
                ExitCode::from(2)
            }
        },
    }
}

fn run(settings: &Settings) -> ExitCode {
    let mut count = Count::default();
    let mut failed = 0;
    for measurement in MEASUREMENTS.iter().copied().flatten() {
        if !measurement.figures.iter().any(|name| settings.wants(name)) {
            continue;
        }
        eprintln!("measuring {}", measurement.figures.join(", "));
        let printed = (measurement.run)(settings).and_then(|measured| print(settings, &measured, &mut count));
        if let Err(failure) = printed {
            failed += 1;
            eprintln!("could not measure {}: {failure}", measurement.figures.join(", "));
        }
    }
    eprintln!("{count}");
    if failed > 0 {
        eprintln!("{failed} measurements could not be made");
    }
    ExitCode::from(u8::from(failed > 0))
}

fn print(settings: &Settings, measured: &[Measured], count: &mut Count) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for figure in measured.iter().filter(|figure| settings.wants(figure.name)) {
        writeln!(out, "{}", figure.line(count)?)?;
    }
    Ok(())
}

/// The names of all figures, each once.
fn names() -> BTreeSet<&'static str> {
    FIGURES.iter().map(|figure| figure.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_the_table_has_one_measurement_and_the_other_way_round() {
        let measured: Vec<_> =
            MEASUREMENTS.iter().copied().flatten().flat_map(|measurement| measurement.figures).copied().collect();
        let once: BTreeSet<_> = measured.iter().copied().collect();
        assert_eq!(once.len(), measured.len());
        assert_eq!(once, names());
    }
}
