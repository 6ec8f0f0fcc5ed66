//! The relay as a process of its own, over loopback, beside the bare store that it writes to and beside the figures of
//! another relay for the same purpose.

mod client;
mod story;

use std::{fs, path::Path, time::Duration};

use carnet_protocol::frame::{Frame, Item};
use iroh::Endpoint;
use redb::{Database, TableDefinition};
use tokio::{runtime::Runtime, time::Instant};

pub(crate) use self::client::{RelayProcess, relay_alone};
use self::{
    client::{Client, endpoint},
    story::Story,
};
use crate::{
    Measurement, goals,
    process::{time_of, weight_now},
    report::{Failure, Measured, Rounds},
    settings::Settings,
};

pub(crate) const MEASUREMENTS: &[Measurement] = &[
    Measurement { figures: &["relay.append_one"], run: one_at_a_time },
    Measurement { figures: &["relay.append_batched", "relay.verified"], run: batched },
    Measurement {
        figures: &["relay.append_long", "relay.memory_idle", "relay.memory_long", "relay.file", "relay.catch_up"],
        run: long_logs,
    },
    Measurement { figures: &["relay.push_p99"], run: pushing },
    Measurement { figures: &["relay.connections"], run: idle_connections },
];

/// Bytes of an envelope as it is pushed.
const ENVELOPE_BYTES: usize = 1_000;
/// Envelopes in one push, where they are pushed together.
const TOGETHER: usize = 64;
/// Devices that push at the same time.
const DEVICES: usize = 8;
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Figures of subduction_cli 0.21 for 1 kB appends, each durable: measured once on a machine of two cores when the
/// goals were set, in November 2026, and not again in this run.
const SUBDUCTION_ONE: f64 = 740.0;
const SUBDUCTION_IN_FLIGHT: f64 = 6_700.0;

/// A relay, a record on it, and the device that writes.
struct Scene {
    relay: RelayProcess,
    endpoint: Endpoint,
}

impl Scene {
    async fn start(folder: &Path, number: u64) -> Result<Self, Failure> {
        Ok(Self { relay: RelayProcess::start(&folder.join("relay"))?, endpoint: endpoint(number).await? })
    }

    async fn record(&self, number: u64) -> Result<(Story, Client), Failure> {
        let story = Story::new(&self.relay.address.key, number)?;
        let client = Client::create(&self.endpoint, &self.relay.address, &story).await?;
        Ok((story, client))
    }
}

fn write(story: &mut Story, count: usize) -> Result<Vec<Item>, Failure> {
    (0..count).map(|_| story.write(ENVELOPE_BYTES)).collect()
}

fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// Appends of 1 kB, one after the other: each is verified, written and synced before the next is sent.
fn one_at_a_time(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let count = settings.scaled(600);
    let (mut ours, mut bare) = (Rounds::new(), Rounds::new());
    Runtime::new()?.block_on(async {
        let scene = Scene::start(folder.path(), 1).await?;
        let (mut story, mut client) = scene.record(1).await?;
        let database = Database::create(folder.path().join("bare.redb"))?;
        for round in 0..settings.rounds(5) {
            let items = write(&mut story, count)?;
            if round % 2 == 1 {
                bare.push(bare_appends(&database, count, 1)?);
            }
            let since = Instant::now();
            for item in items {
                client.push(vec![item]).await?;
            }
            ours.push(per_second(count, since));
            if round % 2 == 0 {
                bare.push(bare_appends(&database, count, 1)?);
            }
        }
        scene.relay.stop()
    })?;
    let size = format!("{count} envelopes of {ENVELOPE_BYTES} bytes, one in flight");
    let line = |peer| Measured { name: "relay.append_one", size: size.clone(), ours: ours.clone(), peer, note: None };
    Ok(vec![line(Some((goals::SUBDUCTION, [SUBDUCTION_ONE].into_iter().collect()))), line(Some((goals::REDB, bare)))])
}

/// What the store alone does: the same bytes, the same kind of commit, no network, no signature.
fn bare_appends(database: &Database, count: usize, together: usize) -> Result<f64, Failure> {
    let bytes = vec![9; ENVELOPE_BYTES];
    let since = Instant::now();
    let mut done = 0;
    while done < count {
        let mut transaction = database.begin_write()?;
        transaction.set_two_phase_commit(true);
        {
            let mut log = transaction.open_table(LOG)?;
            let from = redb::ReadableTable::last(&log)?.map_or(0, |(last, _)| last.value() + 1);
            for number in 0..together {
                log.insert(from + number as u64, bytes.as_slice())?;
            }
        }
        transaction.commit()?;
        done += together;
    }
    Ok(per_second(count, since))
}

/// Appends of eight devices at once, 64 to a push: what a relay does when many write.
fn batched(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let count = settings.scaled(3_200).next_multiple_of(TOGETHER);
    let (mut ours, mut bare, mut verified) = (Rounds::new(), Rounds::new(), Rounds::new());
    Runtime::new()?.block_on(async {
        let scene = Scene::start(folder.path(), 2).await?;
        let database = Database::create(folder.path().join("bare.redb"))?;
        let mut writers = Vec::new();
        for number in 0..DEVICES {
            writers.push(scene.record(10 + number as u64).await?);
        }
        for _ in 0..settings.rounds(5) {
            let mut work = Vec::new();
            for (mut story, mut client) in std::mem::take(&mut writers) {
                let items = write(&mut story, count)?;
                work.push(async move {
                    for items in items.chunks(TOGETHER) {
                        client.push(items.to_vec()).await?;
                    }
                    Ok::<_, Failure>((story, client))
                });
            }
            let before = time_of(scene.relay.process())?;
            let since = Instant::now();
            let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
            for task in tasks {
                writers.push(task.await??);
            }
            ours.push(per_second(DEVICES * count, since));
            let computed = time_of(scene.relay.process())?.saturating_sub(before);
            verified.push((DEVICES * count) as f64 / computed.as_secs_f64());
            bare.push(bare_appends(&database, DEVICES * count, DEVICES * TOGETHER)?);
        }
        scene.relay.stop()
    })?;
    let size = format!("{DEVICES} devices, {count} envelopes of {ENVELOPE_BYTES} bytes each, {TOGETHER} to a push");
    let line = |name, ours: &Rounds, peer| Measured { name, size: size.clone(), ours: ours.clone(), peer, note: None };
    Ok(vec![
        line("relay.append_batched", &ours, None),
        line("relay.append_batched", &ours, Some((goals::SUBDUCTION, [SUBDUCTION_IN_FLIGHT].into_iter().collect()))),
        line("relay.append_batched", &ours, Some((goals::REDB, bare))),
        line("relay.verified", &verified, None),
    ])
}

/// A log of 100 000 envelopes beside one of 4 000: speed of writing, memory, file, and reading all of it.
fn long_logs(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let (short, long) = (settings.scaled(4_000), settings.scaled(100_000));
    let (mut at_short, mut at_long, mut catch_up) = (Rounds::new(), Rounds::new(), Rounds::new());
    let (mut idle, mut after) = (Rounds::new(), Rounds::new());
    let mut payload = 0;
    Runtime::new()?.block_on(async {
        let scene = Scene::start(folder.path(), 3).await?;
        idle.push(mebibytes(&scene.relay)?);
        let mut small = scene.record(30).await?;
        let mut large = scene.record(31).await?;
        append(&mut small, short).await?;
        append(&mut large, long).await?;
        let burst = settings.scaled(3_200);
        for _ in 0..settings.rounds(5) {
            at_short.push(append(&mut small, burst).await?);
            at_long.push(append(&mut large, burst).await?);
        }
        after.push(mebibytes(&scene.relay)?);
        for _ in 0..settings.rounds(5) {
            let mut reader = Client::hello(&scene.endpoint, &scene.relay.address, &large.0).await?;
            let since = Instant::now();
            let (envelopes, bytes) = reader.pull_all().await?;
            catch_up.push(bytes as f64 / 1e6 / since.elapsed().as_secs_f64());
            payload = bytes;
            if envelopes < long {
                return Err("the relay did not give everything".into());
            }
        }
        let mut reader = Client::hello(&scene.endpoint, &scene.relay.address, &small.0).await?;
        payload += reader.pull_all().await?.1;
        scene.relay.stop()
    })?;
    let file = fs::metadata(folder.path().join("relay/relay.redb"))?.len() as f64 / payload as f64;
    let line = |name, size: String, ours, peer| Measured { name, size, ours, peer, note: None };
    let lengths = format!("logs of {short} and {long} envelopes of {ENVELOPE_BYTES} bytes");
    Ok(vec![
        line("relay.append_long", lengths.clone(), at_long, Some((goals::SHORT_LOG, at_short))),
        line("relay.memory_idle", "no record".to_owned(), idle, None),
        line("relay.memory_long", lengths.clone(), after, None),
        line("relay.file", lengths, [file].into_iter().collect(), None),
        line("relay.catch_up", format!("{:.0} MB", payload as f64 / 1e6), catch_up, None),
    ])
}

fn mebibytes(relay: &RelayProcess) -> Result<f64, Failure> {
    Ok(weight_now(relay.process())? as f64 / 1024.0)
}

/// Appends so many to a log, 64 to a push; gives their number per second.
async fn append((story, client): &mut (Story, Client), count: usize) -> Result<f64, Failure> {
    let mut took = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let items = write(story, left.min(TOGETHER))?;
        left -= items.len();
        let since = Instant::now();
        client.push(items).await?;
        took += since.elapsed();
    }
    Ok(count as f64 / took.as_secs_f64())
}

/// From one device's push to another device's ear, syncing included: the slowest of a hundred.
fn pushing(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let count = settings.scaled(1_000);
    let mut slowest = Rounds::new();
    Runtime::new()?.block_on(async {
        let scene = Scene::start(folder.path(), 4).await?;
        let (mut story, mut client) = scene.record(40).await?;
        let listening = endpoint(5).await?;
        let mut listener = Client::hello(&listening, &scene.relay.address, &story).await?;
        listener.pull_all().await?;
        for _ in 0..settings.rounds(3) {
            let mut took = Vec::with_capacity(count);
            for item in write(&mut story, count)? {
                listener.say(&Frame::Subscribe).await?;
                let since = Instant::now();
                let (pushed, heard) = tokio::join!(client.push(vec![item]), listener.drain());
                pushed?;
                if heard?.0 != 1 {
                    return Err("the listener did not hear of one envelope".into());
                }
                took.push(since.elapsed().as_secs_f64() * 1e3);
            }
            took.sort_by(f64::total_cmp);
            slowest.push(took.get(took.len() * 99 / 100).copied().unwrap_or_default());
        }
        scene.relay.stop()
    })?;
    let size = format!("p99 of {count} envelopes of {ENVELOPE_BYTES} bytes");
    Ok(vec![Measured { name: "relay.push_p99", size, ours: slowest, peer: None, note: None }])
}

/// Devices that are connected and wait for news.
fn idle_connections(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let count = settings.scaled(1_000);
    let mut per_gigabyte = Rounds::new();
    Runtime::new()?.block_on(async {
        let scene = Scene::start(folder.path(), 6).await?;
        let (story, _client) = scene.record(60).await?;
        let before = weight_now(scene.relay.process())?;
        let mut waiting = Vec::with_capacity(count);
        for number in 0..count {
            let endpoint = endpoint(1_000 + number as u64).await?;
            let mut client = Client::hello(&endpoint, &scene.relay.address, &story).await?;
            client.pull_all().await?;
            client.say(&Frame::Subscribe).await?;
            waiting.push((endpoint, client));
        }
        let kibibytes = weight_now(scene.relay.process())?.saturating_sub(before).max(1);
        per_gigabyte.push(count as f64 * 1e9 / (kibibytes * 1024) as f64);
        scene.relay.stop()
    })?;
    let size = format!("{count} devices of one record, each with a stream that waits for news");
    Ok(vec![Measured { name: "relay.connections", size, ours: per_gigabyte, peer: None, note: None }])
}
