//! The encrypted store beside the plain store under it and beside SQLCipher: rows, durable rows, attached files, opening.

mod engine;
mod files;
mod rows;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use carnet_seal::passphrase::{Argon2Params, Passphrase};
use carnet_vault::store::{Lock, Options, Store, Unlock};
use rand::rngs::SysRng;

pub(crate) use self::engine::evict;
use self::{
    engine::{Engine, Open},
    rows::{Row, rows, shuffled},
};
use crate::{
    Measurement,
    report::{Failure, Measured, Rounds, Took, timed},
    settings::{CHILD, Settings},
};

pub(crate) const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        figures: &["store.puts", "store.gets_warm", "store.gets_reopened", "store.gets_cold", "store.size"],
        run: many_rows,
    },
    Measurement { figures: &["store.durable_put"], run: durable_rows },
    Measurement { figures: &["store.file_put", "store.file_get"], run: files::attached },
    Measurement { figures: &["store.open_clean", "store.open_killed"], run: opening },
    Measurement { figures: &["store.unlock"], run: unlocking },
];

/// Bytes of the value of an ordinary row.
const VALUE_BYTES: usize = 200;

/// One round of [`many_rows`] with one store.
struct RowsRound {
    puts: Took,
    warm: Took,
    reopened: Took,
    cold: Took,
    bytes: f64,
}

/// Workloads i, iii and vi: 100 000 rows in one transaction, each read three times, and what they take on the disk.
fn many_rows(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    const ENGINES: [Engine; 4] = [Engine::Ours, Engine::Redb, Engine::SqlCipher, Engine::SqlCipherTuned];
    let written = rows(settings.scaled(100_000), VALUE_BYTES, 7);
    let read = shuffled(&written);
    let mut rounds: [Vec<RowsRound>; 4] = [const { Vec::new() }; 4];
    for round in 0..settings.rounds(5) {
        for at in turn(ENGINES.len(), round) {
            rounds[at].push(rows_round(settings, ENGINES[at], &written, &read)?);
        }
    }
    let size = format!("{} rows of {VALUE_BYTES} bytes", written.len());
    let seconds: [(&'static str, fn(&RowsRound) -> f64); 5] = [
        ("store.puts", |round| round.puts.wall.as_secs_f64()),
        ("store.gets_warm", |round| round.warm.wall.as_secs_f64()),
        ("store.gets_reopened", |round| round.reopened.wall.as_secs_f64()),
        ("store.gets_cold", |round| round.cold.wall.as_secs_f64()),
        ("store.size", |round| round.bytes / 1e6),
    ];
    let mut measured = Vec::new();
    for (name, value) in seconds {
        let of = |at: usize| rounds[at].iter().map(value).collect::<Rounds>();
        for at in 1..ENGINES.len() {
            if name == "store.size" && ENGINES[at] == Engine::SqlCipherTuned {
                continue;
            }
            let cpu = cpu_note(name, &rounds[0], &rounds[at]);
            let peer = Some((ENGINES[at].peer(), of(at)));
            measured.push(Measured { name, size: size.clone(), ours: of(0), peer, note: cpu });
        }
    }
    Ok(measured)
}

fn rows_round(settings: &Settings, engine: Engine, written: &[Row], read: &[Row]) -> Result<RowsRound, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let folder = folder.path();
    let mut store = engine.create(folder)?;
    let ((), puts) = timed(|| store.put_all(written))?;
    let (sum, warm) = timed(|| store.get_all(read))?;
    store.close()?;
    let bytes = engine.file_bytes(folder)?;
    let store = engine.open(folder)?;
    let (again, reopened) = timed(|| store.get_all(read))?;
    store.close()?;
    engine.evict(folder)?;
    let store = engine.open(folder)?;
    let (once_more, cold) = timed(|| store.get_all(read))?;
    store.close()?;
    if (again, once_more) != (sum, sum) {
        return Err(format!("{engine:?} did not read what was written").into());
    }
    Ok(RowsRound { puts, warm, reopened, cold, bytes })
}

/// Processor time beside the time on the wall, where it says something.
fn cpu_note(name: &str, ours: &[RowsRound], peer: &[RowsRound]) -> Option<String> {
    let took: fn(&RowsRound) -> Took = match name {
        "store.puts" => |round| round.puts,
        "store.gets_warm" => |round| round.warm,
        "store.gets_reopened" => |round| round.reopened,
        "store.gets_cold" => |round| round.cold,
        _ => return None,
    };
    let cpu = |rounds: &[RowsRound]| {
        rounds.iter().map(|round| took(round).cpu.as_secs_f64()).collect::<Rounds>().median().unwrap_or_default()
    };
    Some(format!("processor time: {:.3} s, the peer {:.3} s", cpu(ours), cpu(peer)))
}

/// Workload ii: single rows, each durable before the next, in a store of 100 000 rows.
fn durable_rows(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    const ENGINES: [Engine; 5] =
        [Engine::Ours, Engine::Redb, Engine::RedbOnePhase, Engine::SqlCipher, Engine::SqlCipherTuned];
    let held = rows(settings.scaled(100_000), VALUE_BYTES, 7);
    let per_round = 40;
    let folders = ENGINES.map(|_| tempfile::tempdir_in(&settings.folder));
    let mut stores: Vec<Open> = Vec::new();
    for (engine, folder) in ENGINES.into_iter().zip(&folders) {
        let folder = folder.as_ref().map_err(|error| error.kind().to_string())?;
        let mut store = engine.create(folder.path())?;
        store.put_all(&held)?;
        stores.push(store);
    }
    let mut medians: [Rounds; 5] = [const { Rounds::new() }; 5];
    for round in 0..settings.rounds(15) {
        let new = rows(per_round, VALUE_BYTES, 100 + round as u64);
        for at in turn(ENGINES.len(), round) {
            let mut each = Rounds::new();
            for row in &new {
                let ((), took) = timed(|| stores[at].put_durably(row))?;
                each.push(took.wall.as_secs_f64() * 1e3);
            }
            medians[at].push(each.median().unwrap_or_default());
        }
    }
    for store in stores {
        store.close()?;
    }
    let size = format!("medians of {per_round} rows of {VALUE_BYTES} bytes, in a store of {}", held.len());
    let measured = (1..ENGINES.len()).map(|at| Measured {
        name: "store.durable_put",
        size: size.clone(),
        ours: medians[0].clone(),
        peer: Some((ENGINES[at].peer(), medians[at].clone())),
        note: None,
    });
    Ok(measured.collect())
}

/// Workload v: opening a large store that was closed, and one whose process was killed.
fn opening(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    const ENGINES: [Engine; 2] = [Engine::Ours, Engine::Redb];
    let (mut folders, mut sizes) = (Vec::new(), Vec::new());
    for engine in ENGINES {
        let folder = tempfile::tempdir_in(&settings.folder)?;
        let mut store = engine.create(folder.path())?;
        for step in 0..settings.scaled(20) {
            store.put_all(&rows(20_000, 1_000, 50 + step as u64))?;
        }
        store.close()?;
        sizes.push(engine.file_bytes(folder.path())? / 1e6);
        folders.push(folder);
    }
    let (mut clean, mut killed) = ([const { Rounds::new() }; 2], [const { Rounds::new() }; 2]);
    for round in 0..settings.rounds(7) {
        for at in turn(ENGINES.len(), round) {
            let (engine, folder) = (ENGINES[at], folders[at].path());
            engine.evict(folder)?;
            let (store, took) = timed(|| engine.open(folder))?;
            store.close()?;
            clean[at].push(took.wall.as_secs_f64() * 1e3);
            kill_a_writer(engine, folder)?;
            let (store, took) = timed(|| engine.open(folder))?;
            store.close()?;
            killed[at].push(took.wall.as_secs_f64() * 1e3);
        }
    }
    let size = format!("a file of {:.0} MB", sizes[0]);
    let [our_clean, redb_clean] = clean;
    let [our_killed, redb_killed] = killed;
    let line = |name, ours: &Rounds, peer| Measured { name, size: size.clone(), ours: ours.clone(), peer, note: None };
    Ok(vec![
        line("store.open_clean", &our_clean, None),
        line("store.open_clean", &our_clean, Some((Engine::Redb.peer(), redb_clean))),
        line("store.open_killed", &our_killed, Some((Engine::Redb.peer(), redb_killed))),
    ])
}

/// Lets another process write to the store, and kills it while it does.
fn kill_a_writer(engine: Engine, folder: &Path) -> Result<(), Failure> {
    let engine = if engine == Engine::Ours { "ours" } else { "redb" };
    let mut child = Command::new(std::env::current_exe()?)
        .args([CHILD, "store-writer", engine])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut first = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut first)?;
    }
    child.kill()?;
    child.wait()?;
    if first == "writing\n" { Ok(()) } else { Err("the process that was to be killed did not write".into()) }
}

/// What that process does: durable rows without end, as single acts of a person.
pub(crate) fn write_until_killed(engine: &str, folder: &Path) -> Result<(), Failure> {
    let engine = if engine == "ours" { Engine::Ours } else { Engine::Redb };
    let mut store = engine.open(folder)?;
    for step in 0_u64.. {
        for row in rows(10, VALUE_BYTES, 1_000 + step) {
            store.put_durably(&row)?;
        }
        if step == 1 {
            println!("writing");
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}

/// What it costs to open a vault with a passphrase at the default price of a try.
fn unlocking(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let passphrase = Passphrase::new(b"sept chats dorment au soleil")?;
    let lock = Lock::Passphrase(&passphrase, Argon2Params::DEFAULT);
    Store::create(folder.path(), lock, Options::default(), SysRng)?.close()?;
    let mut ours = Rounds::new();
    for _ in 0..settings.rounds(5) {
        let unlock = Unlock::Passphrase(&passphrase);
        let (store, took) = timed(|| Ok(Store::open(folder.path(), unlock, Options::default(), SysRng)?))?;
        store.close()?;
        ours.push(took.cpu.as_secs_f64());
    }
    let cost = Argon2Params::DEFAULT;
    let size = format!("Argon2id, {} MiB, {} passes", cost.memory_kib() >> 10, cost.passes());
    Ok(vec![Measured { name: "store.unlock", size, ours, peer: None, note: None }])
}

/// The order of a round: each store goes first in turn, so that none always meets the same neighbour.
pub(crate) fn turn(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| (at + round) % count)
}
