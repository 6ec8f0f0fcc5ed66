//! Exchange between devices: bytes and round trips on three workloads beside Automerge's own exchange, how soon an edit
//! is seen elsewhere, and moving a large file.

mod device;
mod latency;
mod merge;
mod workload;

use std::path::Path;

use automerge::{AutoCommit, sync::State};
use carnet_sync::Traffic;
use carnet_vault::{RecordId, Vault, store::Options};
use tokio::runtime::Runtime;

pub(crate) use self::device::Device;
use self::{
    merge::{exchange, reconcile_equal_sets},
    workload::{Story, Workload},
};
use crate::{
    Measurement, goals, people,
    relay::RelayProcess,
    report::{Failure, Measured, Rounds, timed},
    settings::Settings,
};

pub(crate) const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        figures: &[
            "sync.fresh_measures",
            "sync.fresh_turns",
            "sync.upload",
            "sync.nothing_new",
            "sync.one_change_up",
            "sync.one_change_down",
            "sync.one_change_heard",
            "sync.offline",
            "sync.offline_turns",
            "sync.new_device",
            "sync.open_volumes",
        ],
        run: measures,
    },
    Measurement { figures: &["sync.fresh_treatments"], run: |settings| fresh(settings, Workload::Treatments) },
    Measurement { figures: &["sync.fresh_notes"], run: |settings| fresh(settings, Workload::Messages) },
    Measurement { figures: &["sync.visible_open", "sync.visible_cold"], run: latency::visible },
    Measurement { figures: &["sync.file", "sync.file_cut"], run: latency::large_file },
];

/// Changes between two exchanges of the device that wrote them.
const CHANGES_PER_EXCHANGE: usize = 10;
/// Points of the history at which a new device asks for everything.
const POINTS: usize = 6;

/// A record whose history grows, the devices that write it, and those that will ask for it.
struct World {
    relay: RelayProcess,
    id: RecordId,
    authors: Vec<Device>,
    waiting: Vec<Device>,
    story: Story,
    uploaded: u64,
}

impl World {
    async fn begin(folder: &Path, workload: Workload) -> Result<Self, Failure> {
        let relay = RelayProcess::start(&folder.join("relay"))?;
        let first = Device::new(folder).await?;
        let id = first.begin(Some(&relay.address))?;
        let mut authors = vec![first];
        let mut waiting = Vec::new();
        for number in 1..workload.authors() + POINTS + 1 {
            let device = Device::new(folder).await?;
            authors[0].admit(&device, &id)?;
            if number < workload.authors() { authors.push(device) } else { waiting.push(device) }
        }
        // Twice, so that everybody knows of everybody.
        for _ in 0..2 {
            for author in &authors {
                author.sync(&id).await?;
            }
        }
        Ok(Self { relay, id, authors, waiting, story: Story::new(workload)?, uploaded: 0 })
    }

    /// Writes so many changes, each author in turn some of them, exchanged as they come.
    async fn grow(&mut self, changes: usize) -> Result<(), Failure> {
        let mut left = changes;
        let mut turn = 0;
        while left > 0 {
            let author = turn % self.authors.len();
            turn += 1;
            let some = left.min(CHANGES_PER_EXCHANGE);
            left -= some;
            let story = &mut self.story;
            self.authors[author].with(&self.id, |record| (0..some).try_for_each(|_| story.write(record, author)))?;
            self.uploaded += self.authors[author].sync(&self.id).await?.traffic.bytes_sent;
        }
        Ok(())
    }

    /// Lets one of the waiting devices ask for everything.
    async fn join(&mut self) -> Result<(Device, Traffic), Failure> {
        let device = self.waiting.pop().ok_or("every waiting device has joined")?;
        let traffic = device.sync(&self.id).await?.traffic;
        Ok((device, traffic))
    }

    /// Brings every author up to date.
    async fn settle(&mut self) -> Result<(), Failure> {
        for _ in 0..2 {
            for author in &self.authors {
                self.uploaded += author.sync(&self.id).await?.traffic.bytes_sent;
            }
        }
        Ok(())
    }
}

/// What fresh devices took at points of a history, and what plain documents have.
#[derive(Default)]
struct Fresh {
    ours: Rounds,
    plain: Rounds,
    automerge: Rounds,
    turns: Rounds,
    plain_last: usize,
}

impl Fresh {
    /// Lets the history grow, and at each point a device ask for all of it. What a device takes of an empty record is
    /// taken off: operations and keys have a figure of their own.
    async fn measure(world: &mut World, changes: usize) -> Result<(Self, Device), Failure> {
        let mut fresh = Self::default();
        let (mut device, empty) = world.join().await?;
        for _ in 0..POINTS - 1 {
            world.grow(changes / (POINTS - 1)).await?;
            let (joined, traffic) = world.join().await?;
            device = joined;
            let plain = world.story.plain();
            fresh.plain_last = plain.save().len();
            let mut other = AutoCommit::new();
            let exchanged = exchange(&mut plain.clone(), &mut other, &mut (State::new(), State::new()))?;
            let taken = traffic.bytes_received.saturating_sub(empty.bytes_received) as f64;
            // Ratios, so that the mean over the history weighs each point alike.
            fresh.ours.push(taken / fresh.plain_last as f64);
            fresh.plain.push(1.0);
            fresh.automerge.push(exchanged.bytes as f64 / fresh.plain_last as f64);
            fresh.turns.push(f64::from(traffic.round_trips));
        }
        Ok((fresh, device))
    }

    fn lines(&self, name: &'static str, workload: Workload, changes: usize) -> Vec<Measured> {
        let size = format!(
            "{}, {changes} changes, {} authors; at {} points of the history, the last of {} plain bytes",
            workload.name(),
            workload.authors(),
            POINTS - 1,
            self.plain_last,
        );
        let mean = |rounds: &Rounds| rounds.mean().into_iter().collect::<Rounds>();
        let note = format!("by point: {:.2?}; worst {:.2}", self.ours.values(), self.ours.highest());
        let line = |peer, note| Measured { name, size: size.clone(), ours: mean(&self.ours), peer, note };
        vec![line(None, Some(note)), line(Some((goals::AUTOMERGE, mean(&self.automerge))), None)]
    }
}

fn fresh(settings: &Settings, workload: Workload) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let changes = settings.scaled(workload.changes());
    let name = if workload == Workload::Treatments { "sync.fresh_treatments" } else { "sync.fresh_notes" };
    Runtime::new()?.block_on(async {
        let mut world = World::begin(folder.path(), workload).await?;
        let (fresh, _) = Fresh::measure(&mut world, changes).await?;
        world.relay.stop()?;
        Ok(fresh.lines(name, workload, changes))
    })
}

/// The ten years of measures, and everything that is measured at their end.
fn measures(settings: &Settings) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let workload = Workload::Measures;
    let changes = settings.scaled(workload.changes());
    Runtime::new()?.block_on(async {
        let mut world = World::begin(folder.path(), workload).await?;
        let (fresh, reader) = Fresh::measure(&mut world, changes).await?;
        let mut all = fresh.lines("sync.fresh_measures", workload, changes);
        let size = format!("{changes} changes");
        let one = |name, value: f64, peer: Option<(&'static str, f64)>| Measured {
            name,
            size: size.clone(),
            ours: [value].into_iter().collect(),
            peer: peer.map(|(name, value)| (name, [value].into_iter().collect())),
            note: None,
        };
        all.push(Measured { name: "sync.fresh_turns", size: size.clone(), ours: fresh.turns, peer: None, note: None });
        all.push(one("sync.upload", world.uploaded as f64 / changes as f64, None));
        world.settle().await?;
        reader.sync(&world.id).await?;
        quiet(&mut world, &reader, changes, &one, &mut all).await?;
        one_change(&mut world, &reader, &one, &mut all).await?;
        offline(&mut world, &reader, settings, &one, &mut all).await?;
        another_device(&mut world, folder.path(), &one, &mut all).await?;
        open_volumes(&mut world, settings, &size, &mut all).await?;
        world.relay.stop()?;
        Ok(all)
    })
}

type Line<'l> = &'l dyn Fn(&'static str, f64, Option<(&'static str, f64)>) -> Measured;

/// Connecting again when nothing is new.
async fn quiet(
    world: &mut World,
    reader: &Device,
    changes: usize,
    line: Line<'_>,
    all: &mut Vec<Measured>,
) -> Result<(), Failure> {
    let traffic = reader.sync(&world.id).await?.traffic;
    if traffic.round_trips != 1 {
        return Err(format!("an exchange with nothing new took {} round trips", traffic.round_trips).into());
    }
    let both = (traffic.bytes_sent + traffic.bytes_received) as f64;
    let plain = world.story.plain();
    let (mut one, mut other) = (plain.clone(), plain.clone());
    let forgot = exchange(&mut one, &mut other, &mut (State::new(), State::new()))?;
    let sets = reconcile_equal_sets(changes)? as f64;
    all.push(line("sync.nothing_new", both, None));
    all.push(line("sync.nothing_new", both, Some((goals::AUTOMERGE_FRESH, forgot.bytes as f64))));
    all.push(line("sync.nothing_new", both, Some((goals::NEGENTROPY, sets))));
    Ok(())
}

/// One field of one entry more: what is pushed, what is answered, what another device takes. What an exchange with nothing new takes
/// is taken off, as on a connection that is open already.
async fn one_change(
    world: &mut World,
    reader: &Device,
    line: Line<'_>,
    all: &mut Vec<Measured>,
) -> Result<(), Failure> {
    let writer = &world.authors[0];
    let idle = writer.sync(&world.id).await?.traffic;
    let idle_reader = reader.sync(&world.id).await?.traffic;
    let plain = world.story.plain();
    let mut other = plain.clone();
    let mut states = (State::new(), State::new());
    exchange(plain, &mut other, &mut states)?;
    let story = &mut world.story;
    writer.with(&world.id, |record| story.edit_last(record, 0))?;
    let kept = exchange(world.story.plain(), &mut other, &mut states)?.bytes as f64;
    let pushed = writer.sync(&world.id).await?.traffic;
    let heard = reader.sync(&world.id).await?.traffic;
    let up = (pushed.bytes_sent - idle.bytes_sent) as f64;
    let down = (pushed.bytes_received - idle.bytes_received) as f64;
    let heard = (heard.bytes_received - idle_reader.bytes_received) as f64;
    all.push(line("sync.one_change_up", up, None));
    all.push(line("sync.one_change_up", up + down, Some((goals::AUTOMERGE, kept))));
    all.push(line("sync.one_change_down", down, None));
    all.push(line("sync.one_change_heard", heard, None));
    Ok(())
}

/// Five hundred changes by others while a device was away.
async fn offline(
    world: &mut World,
    reader: &Device,
    settings: &Settings,
    line: Line<'_>,
    all: &mut Vec<Measured>,
) -> Result<(), Failure> {
    let missed = settings.scaled(500);
    let idle = reader.sync(&world.id).await?.traffic;
    let plain = world.story.plain();
    let mut other = plain.clone();
    let mut states = (State::new(), State::new());
    exchange(plain, &mut other, &mut states)?;
    let before = world.uploaded;
    world.grow(missed).await?;
    let written = (world.uploaded - before) as f64;
    let kept = exchange(world.story.plain(), &mut other, &mut states)?.bytes as f64;
    let back = reader.sync(&world.id).await?.traffic;
    let bytes = back.bytes_received.saturating_sub(idle.bytes_received) as f64;
    all.push(line("sync.offline", bytes, Some((goals::WRITTEN, written))));
    all.push(line("sync.offline", bytes, Some((goals::AUTOMERGE, kept))));
    all.push(line("sync.offline_turns", f64::from(back.round_trips), None));
    Ok(())
}

/// What the record's log grows by when a device is added, full history included.
async fn another_device(
    world: &mut World,
    folder: &Path,
    line: Line<'_>,
    all: &mut Vec<Measured>,
) -> Result<(), Failure> {
    world.settle().await?;
    let owner = &world.authors[0];
    let idle = owner.sync(&world.id).await?.traffic;
    let device = Device::new(folder).await?;
    owner.admit(&device, &world.id)?;
    let pushed = owner.sync(&world.id).await?.traffic;
    all.push(line("sync.new_device", pushed.bytes_sent.saturating_sub(idle.bytes_sent) as f64, None));
    Ok(())
}

/// The first change after opening loads the volumes that it touches; a second touches the same.
async fn open_volumes(
    world: &mut World,
    settings: &Settings,
    size: &str,
    all: &mut Vec<Measured>,
) -> Result<(), Failure> {
    let saved = world.story.plain().save();
    let id = world.id;
    let author = world.authors.pop().ok_or("there is an author")?;
    let folder = author.folder().to_owned();
    let ids: Vec<_> = author.with(&id, |record| {
        let found =
            record.list(&carnet_vault::entries::Filter { kinds: vec!["measure".to_owned()], ..Default::default() })?;
        Ok(found.into_iter().step_by(360).map(|found| found.entry).collect())
    })?;
    let Device { vault, node, .. } = &author;
    let _ = node;
    let copy = tempfile::tempdir_in(&settings.folder)?;
    {
        let held = vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::fs::copy(folder.join("vault.carnet"), copy.path().join("vault.carnet"))?;
        drop(held);
    }
    let (mut ours, mut plain) = (Rounds::new(), Rounds::new());
    for _ in 0..settings.rounds(5) {
        let mut vault = Vault::open(copy.path(), &people::passphrase()?, Options::default(), people::door())?;
        let mut record = vault.record(&id)?;
        let mut touch = || timed(|| ids.iter().try_for_each(|entry| Ok(record.amend(entry)?)));
        let (first, second) = (touch()?.1, touch()?.1);
        ours.push((first.cpu.saturating_sub(second.cpu)).as_secs_f64() * 1e3);
        vault.close()?;
        let (_, took) = timed(|| Ok(AutoCommit::load(&saved)?))?;
        plain.push(took.cpu.as_secs_f64() * 1e3);
    }
    all.push(Measured {
        name: "sync.open_volumes",
        size: format!("{size}, {} volumes", ids.len()),
        ours,
        peer: Some((goals::LOAD, plain)),
        note: None,
    });
    world.authors.push(author);
    Ok(())
}
