//! Dense measures: taking in the export of a telephone, what ten years of a heart take on the disk, and drawing them.

mod export;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use carnet_interop::intake::{
    self, IMPORTER, Options as IntakeOptions,
    worker::{Worker, WorkerError},
};
use carnet_record::{
    Decimal,
    batch::{Sample, Series, Source},
    item::{Item, Tally},
};
use carnet_vault::{
    Clock as _, Record, Vault,
    import::{ImportError, ImportSource},
    store::Options,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    Measurement, goals, people,
    process::{Weight, children_time, weigh},
    report::{Failure, Measured, Rounds, process_time, timed},
    settings::{CHILD, Settings},
    store::{evict, turn},
};

pub(crate) const MEASUREMENTS: &[Measurement] = &[
    Measurement { figures: &["import.cpu", "import.memory"], run: import },
    Measurement { figures: &["measures.bytes", "measures.chart", "measures.days"], run: ten_years },
];

/// A parser and nothing else, as many scripts do it: rows are counted and forgotten.
const ITERPARSE: &str = "
import sys, xml.etree.ElementTree as tree
rows = 0
context = tree.iterparse(sys.argv[1], events=('start', 'end'))
_, root = next(context)
for event, element in context:
    if event == 'end' and element.tag == 'Record':
        rows += 1
        element.attrib['startDate'], element.attrib['value']
        root.clear()
print(rows)
";

/// Taking in an export of 1 GB: processor time until everything is sealed and durable, and memory above what the
/// process takes once it is unlocked.
fn import(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let file = folder.path().join("export.xml");
    let records = export::write(&file, settings.scaled(1_000_000_000) as u64)?;
    let bytes = fs::metadata(&file)?.len();
    let (mut ours, mut memory) = (Rounds::new(), Rounds::new());
    let (mut python, mut sqlite) = (Rounds::new(), Rounds::new());
    let healthkit = settings.healthkit.as_deref();
    for round in 0..settings.rounds(2) {
        for at in turn(3, round) {
            match at {
                0 => {
                    let taken = import_apart(&file, folder.path(), records)?;
                    ours.push(taken.0);
                    memory.push(taken.1);
                }
                1 => python.push(cpu_of(Command::new("python3").args(["-c", ITERPARSE]).arg(&file))?),
                _ => {
                    let Some(program) = healthkit else { continue };
                    let made = folder.path().join("healthkit.db");
                    sqlite.push(cpu_of(Command::new(program).arg(&file).arg(&made).arg("--xml"))?);
                    fs::remove_file(made)?;
                }
            }
        }
    }
    let size = format!("{records} records, {:.0} MB", bytes as f64 / 1e6);
    let line = |name, ours: &Rounds, peer| Measured { name, size: size.clone(), ours: ours.clone(), peer, note: None };
    let mut all = vec![
        line("import.cpu", &ours, None),
        line("import.cpu", &ours, Some((goals::ITERPARSE, python))),
        line("import.cpu", &ours, Some((goals::HEALTHKIT, sqlite))),
        line("import.memory", &memory, None),
    ];
    if healthkit.is_none() {
        all[2].note = Some("healthkit-to-sqlite could not be installed".to_owned());
    }
    Ok(all)
}

/// Takes the file in by a process of its own, as the command does. Gives processor seconds and mebibytes.
fn import_apart(file: &Path, folder: &Path, records: u64) -> Result<(f64, f64), Failure> {
    let vault = tempfile::tempdir_in(folder)?;
    let child = Command::new(std::env::current_exe()?)
        .args([CHILD, "import"])
        .args([file, vault.path()])
        .stderr(Stdio::inherit())
        .output()?;
    if !child.status.success() {
        return Err("the process that imports failed".into());
    }
    let said: Value = serde_json::from_slice(&child.stdout)?;
    let number = |name: &str| said.get(name).and_then(Value::as_f64).ok_or("the process that imports said nothing");
    if number("added")? < records as f64 * 0.99 {
        return Err(format!("of {records} records {} were taken in", number("added")?).into());
    }
    Ok((number("cpu_s")?, number("memory_mib")?))
}

/// The work of that process.
pub(crate) fn import_alone(file: &str, folder: &Path) -> Result<(), Failure> {
    let mut vault = people::new_vault(folder)?;
    let id = people::new_record(&mut vault, None)?;
    let mut record = vault.record(&id)?;
    let source = File::open(file)?;
    let before = Weight::begin()?;
    let cpu = process_time() + children_time()?;
    let sha256 = intake::digest(&source)?;
    let options = IntakeOptions {
        source_name: "export.xml".to_owned(),
        home_zone: record.zones()?,
        with_positions: false,
        now_ms: i64::try_from(people::Now.now().0)?,
    };
    let mut worker = Worker::start(&std::env::current_exe()?, source, &options)?;
    let (mut items, mut worker_peak) = (0_u32, 0);
    let mut import = record.begin_import(&ImportSource { sha256, importer: IMPORTER.to_owned() })?;
    import.read::<Broken>(|| {
        items += 1;
        if items % 16 == 1 {
            worker_peak = worker_peak.max(weigh(worker.process_id()).unwrap_or(0));
        }
        Ok(worker.next().transpose()?)
    })?;
    let outcome = import.finish::<Broken>(|_| Ok(None))?;
    drop(worker);
    let added: u64 = outcome.by_kind.values().map(|counts| counts.added).sum();
    let own_peak = before.peak()?;
    let cpu = process_time() + children_time()? - cpu;
    let memory_mib = (own_peak + worker_peak) as f64 / 1024.0;
    println!("{}", json!({ "added": added, "cpu_s": cpu.as_secs_f64(), "memory_mib": memory_mib }));
    eprintln!("  this process {} MiB above, the worker {} MiB", own_peak >> 10, worker_peak >> 10);
    Ok(())
}

/// What stops an import here.
#[derive(Debug)]
struct Broken(String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl From<ImportError> for Broken {
    fn from(error: ImportError) -> Self {
        Self(error.to_string())
    }
}

impl From<WorkerError> for Broken {
    fn from(error: WorkerError) -> Self {
        Self(error.to_string())
    }
}

/// Processor seconds of another program.
fn cpu_of(command: &mut Command) -> Result<f64, Failure> {
    let before = children_time()?;
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !ended.success() {
        return Err(format!("{} failed", command.get_program().to_string_lossy()).into());
    }
    Ok((children_time()? - before).as_secs_f64())
}

/// Ten years of one heart: bytes a sample, the chart of all samples from a cold store, and that of the days.
fn ten_years(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let count = settings.scaled(5_000_000);
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let mut vault = people::new_vault(folder.path())?;
    let id = people::new_record(&mut vault, None)?;
    take_in(&mut vault.record(&id)?, count)?;
    vault.close()?;
    let file: PathBuf = folder.path().join("vault.carnet");
    let on_disk = fs::metadata(&file)?.len() as f64 / count as f64;
    let (mut chart, mut days) = (Rounds::new(), Rounds::new());
    for _ in 0..settings.rounds(5) {
        for is_chart in [true, false] {
            evict(&file)?;
            let mut vault = Vault::open(folder.path(), &people::passphrase()?, Options::default(), people::door())?;
            let record = vault.record(&id)?;
            if is_chart {
                let (curves, took) = timed(|| Ok(record.points(KIND, i64::MIN, i64::MAX)?))?;
                expect(curves.iter().map(|points| points.starts.len()).sum(), count)?;
                chart.push(took.wall.as_secs_f64() * 1e3);
            } else {
                let (drawn, took) = timed(|| Ok(record.sample_days(KIND, None, None)?))?;
                let counted: u64 = drawn.iter().flat_map(|day| &day.sources).map(|source| source.count).sum();
                expect(usize::try_from(counted)?, count)?;
                days.push(took.wall.as_secs_f64() * 1e3);
            }
            drop(record);
            vault.close()?;
        }
    }
    let size = format!("{count} samples of ten years");
    let line = |name, ours, note| Measured { name, size: size.clone(), ours, peer: None, note };
    Ok(vec![
        line("measures.bytes", [on_disk].into_iter().collect(), Some("the whole file, as it is closed".to_owned())),
        line("measures.chart", chart, None),
        line("measures.days", days, None),
    ])
}

const KIND: &str = "heart-rate";

fn expect(found: usize, count: usize) -> Result<(), Failure> {
    if found == count { Ok(()) } else { Err(format!("{found} samples of {count} came back").into()) }
}

/// Bursts of a few values some seconds apart, minutes between them, a fifth with milliseconds.
fn take_in(record: &mut Record<'_>, count: usize) -> Result<(), Failure> {
    let series = Series::new(KIND, &Source::new("Santé", "Montre"), "count/min");
    let mut rng = StdRng::seed_from_u64(5);
    let (mut at, mut value, mut burst, mut left) = (1_483_228_800_000_i64, 70_i32, 0, count);
    let mut next_sample = || {
        if burst == 0 {
            burst = rng.random_range(1..7);
            at += rng.random_range(60_000..300_000) / 1_000 * 1_000;
        }
        burst -= 1;
        at += rng.random_range(5_000..9_000) / 1_000 * 1_000;
        let odd = if rng.random_range(0..5) == 0 { rng.random_range(0..1_000) } else { 0 };
        value = (value + rng.random_range(-3..4)).clamp(45, 180);
        Sample::at(at + odd, Decimal::from_i32(value))
    };
    let mut import = record.begin_import(&ImportSource { sha256: [5; 32], importer: "figures".to_owned() })?;
    let mut is_told = false;
    import.read::<ImportError>(|| {
        if left == 0 {
            return Ok((!std::mem::replace(&mut is_told, true)).then(|| Item::Tally(Box::<Tally>::default())));
        }
        let some = left.min(8_192);
        left -= some;
        let samples = (0..some).map(|_| next_sample()).collect();
        Ok(Some(Item::Samples { series: series.clone(), samples }))
    })?;
    import.finish::<ImportError>(|_| Ok(None))?;
    Ok(())
}
