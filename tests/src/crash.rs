//! A disk that can lose its power, and the workloads and oracle that say what may be lost with it.
//!
//! [`CrashDisk`] has the operations of the storage backend and stands **under** the encryption: it keeps every write,
//! change of length and sync in a journal. A crash image is what was durable, plus any choice of what was written
//! since: each write whole, absent or torn. The oracle knows which commits had been acknowledged at that moment.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a harness that is broken must stop the run")]

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use carnet_seal::secret::VaultKey;
use carnet_vault::store::{Durability, Lock, OpenError, Options, Store, StoreError, Stride, Table, Unlock};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use redb::StorageBackend;

/// The table that workloads fill.
pub const ROWS: Table = Table::new("rows");
/// Where the header slots lie in a vault file.
pub const HEADER_SLOTS: std::ops::Range<u64> = 65_536..73_728;

/// One operation of a disk.
#[derive(Clone, Debug)]
pub enum Event {
    /// The file got this length.
    SetLen(u64),
    /// Everything before is durable.
    Sync,
    /// These bytes were written at this place.
    Write(u64, Vec<u8>),
}

impl Event {
    /// Whether it touches nothing but the front area and the header slots.
    pub fn is_header(&self) -> bool {
        matches!(self, Self::Write(at, _) if *at < HEADER_SLOTS.end)
    }
}

/// A disk in memory that remembers how it came to be.
#[derive(Clone, Debug, Default)]
pub struct CrashDisk(Arc<Mutex<Journal>>);

#[derive(Default)]
struct Journal {
    bytes: Vec<u8>,
    events: Vec<Event>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({} bytes, {} events)", self.bytes.len(), self.events.len())
    }
}

impl CrashDisk {
    /// A disk that holds `bytes`, all durable.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Journal { bytes, events: Vec::new() })))
    }

    /// A disk after its process was killed: `events` happened on top of `durable`, and the kernel still has them.
    pub fn killed(durable: &[u8], events: &[Event]) -> Self {
        let mut bytes = durable.to_vec();
        for event in events {
            apply(&mut bytes, event, &Kept::All);
        }
        Self(Arc::new(Mutex::new(Journal { bytes, events: events.to_vec() })))
    }

    /// How many events there were.
    pub fn position(&self) -> usize {
        self.journal().events.len()
    }

    /// All events.
    pub fn events(&self) -> Vec<Event> {
        self.journal().events.clone()
    }

    /// What the disk holds now.
    pub fn bytes(&self) -> Vec<u8> {
        self.journal().bytes.clone()
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    fn record(&self, event: Event) {
        let mut journal = self.journal();
        apply(&mut journal.bytes, &event, &Kept::All);
        journal.events.push(event);
    }
}

impl StorageBackend for CrashDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.journal().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let journal = self.journal();
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = journal.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.record(Event::SetLen(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.record(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.record(Event::Write(offset, data.to_vec()));
        Ok(())
    }
}

/// What a power cut leaves of one event that was not yet durable.
#[derive(Clone, Debug)]
pub enum Kept {
    /// All of it.
    All,
    /// Nothing.
    None,
    /// Of a write, the pieces between multiples of `edge` (in the file) whose turn in `mask` is true.
    Pieces {
        /// Bytes from one edge to the next.
        edge: u64,
        /// One turn for each piece, again from the start when it runs out.
        mask: Vec<bool>,
    },
    /// Of a write, the bytes before this one.
    UpTo(usize),
    /// Of a write, all but one sector of 512 bytes: the one with this number, counted from its end, again from there when
    /// there are fewer.
    Without(usize),
}

impl Kept {
    /// A tear at a byte, a sector or a page.
    pub fn torn(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..6_u8) {
            0 => Self::UpTo(rng.random_range(0..5_000)),
            1 => Self::UpTo(512 * rng.random_range(0..10)),
            // The unused end of a page that spans blocks is as good a place to tear as any.
            2 => Self::Without(rng.random_range(0..8)),
            3 => Self::Without(rng.random_range(0..1_000)),
            4 => Self::Pieces { edge: 512, mask: (0..37).map(|_| rng.random()).collect() },
            _ => Self::Pieces { edge: 4096, mask: (0..37).map(|_| rng.random()).collect() },
        }
    }
}

/// Applies what was kept of an event.
pub fn apply(bytes: &mut Vec<u8>, event: &Event, kept: &Kept) {
    match (event, kept) {
        (Event::Sync, _) | (_, Kept::None) => {}
        (Event::SetLen(length), _) => bytes.resize(usize::try_from(*length).expect("a test file is small"), 0),
        (Event::Write(at, data), kept) => {
            let at = usize::try_from(*at).expect("a test file is small");
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            let to = &mut bytes[at..at + data.len()];
            match kept {
                Kept::All => to.copy_from_slice(data),
                Kept::None => {}
                Kept::UpTo(length) => {
                    let length = (*length).min(data.len());
                    to[..length].copy_from_slice(&data[..length]);
                }
                Kept::Without(number) => {
                    let hole = data.len().saturating_sub(512 * (number % data.len().div_ceil(512) + 1));
                    to[..hole].copy_from_slice(&data[..hole]);
                    let after = data.len().min(hole + 512);
                    to[after..].copy_from_slice(&data[after..]);
                }
                Kept::Pieces { edge, mask } => {
                    let edge = usize::try_from(*edge).expect("an edge is small");
                    let mut from = 0;
                    while from < data.len() {
                        let piece = (at + from) / edge;
                        let end = data.len().min((piece + 1) * edge - at);
                        if mask[piece % mask.len()] {
                            to[from..end].copy_from_slice(&data[from..end]);
                        }
                        from = end;
                    }
                }
            }
        }
    }
}

/// The content of a store.
pub type Content = BTreeMap<Vec<u8>, Vec<u8>>;

/// One thing a workload does.
#[derive(Clone, Debug)]
pub enum Step {
    /// A commit of these changes; `None` removes.
    Commit(Durability, Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// Gives unused space back.
    Compact,
    /// Another key slot: the front area is written.
    Relock,
    /// Closes and opens again.
    Reopen,
}

/// What a workload is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Acknowledged commits of small rows.
    Acknowledged,
    /// Steps of an import, closed by an acknowledged commit.
    Import,
    /// Both, with values of up to 80 kB, removals, growth, compaction, reopening and new key slots.
    Mixed,
}

/// A workload made from a seed.
pub fn workload(kind: Kind, seed: u64, commits: usize) -> Vec<Step> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut steps = Vec::new();
    for number in 0..commits {
        let is_last = number + 1 == commits;
        let durability = match kind {
            Kind::Import if !is_last => Durability::Step,
            Kind::Mixed if rng.random() => Durability::Step,
            Kind::Acknowledged | Kind::Import | Kind::Mixed => Durability::Acknowledged,
        };
        let changes = (0..rng.random_range(1..8)).map(|_| change(kind, &mut rng)).collect();
        steps.push(Step::Commit(durability, changes));
        if kind == Kind::Mixed {
            match rng.random_range(0..10) {
                0 => steps.push(Step::Compact),
                1 => steps.push(Step::Reopen),
                2 => steps.push(Step::Relock),
                _ => {}
            }
        }
    }
    steps
}

fn change(kind: Kind, rng: &mut impl Rng) -> (Vec<u8>, Option<Vec<u8>>) {
    let key = vec![rng.random_range(0..40)];
    if rng.random_range(0..5) == 0 {
        return (key, None);
    }
    let length = match kind {
        Kind::Mixed if rng.random_range(0..6) == 0 => rng.random_range(0..80_000),
        _ => rng.random_range(0..400),
    };
    let mut value = vec![0; length];
    rng.fill_bytes(&mut value);
    (key, Some(value))
}

/// The key that opens every vault of the harness: the cost of Argon2id would measure Argon2id.
pub fn test_key() -> VaultKey {
    VaultKey::from_store(&[42; 32]).expect("32 bytes")
}

/// How the harness opens stores: with little memory, so that pages leave it before the commit too.
pub fn small() -> Options {
    Options { cache_bytes: 256 * 1024, ..Options::default() }
}

/// A finished run: the journal, and what was acknowledged when.
pub struct Run {
    /// Every event of the disk.
    pub events: Vec<Event>,
    /// The first event after the creation of the vault.
    pub created: usize,
    /// For each commit: the number of events when it began and when it was acknowledged, and the content after it. The
    /// first is the empty vault.
    pub commits: Vec<(usize, usize, Content)>,
}

impl Run {
    /// Runs `steps` on a new vault.
    pub fn of(steps: &[Step], stride: Stride, seed: u64) -> Self {
        let disk = CrashDisk::default();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let options = Options { stride, ..small() };
        let mut store = Store::create_on(disk.clone(), Lock::Key(&test_key()), options, fork(&mut rng))
            .expect("a healthy disk takes a new vault");
        let created = disk.position();
        let mut content = Content::new();
        let mut commits = vec![(created, created, content.clone())];
        for step in steps {
            let began = disk.position();
            match step {
                Step::Commit(durability, changes) => {
                    commit(&store, *durability, changes).expect("a healthy disk takes a commit");
                    for (key, value) in changes {
                        match value {
                            Some(value) => content.insert(key.clone(), value.clone()),
                            None => content.remove(key),
                        };
                    }
                    commits.push((began, disk.position(), content.clone()));
                }
                Step::Compact => drop(store.compact().expect("a healthy disk can be compacted")),
                Step::Relock => store.keep_key(&test_key()).expect("a healthy disk takes a key slot"),
                Step::Reopen => {
                    store.close().expect("a healthy disk closes");
                    store = Store::open_on(disk.clone(), Unlock::Key(&test_key()), small(), fork(&mut rng))
                        .expect("a healthy disk opens");
                }
            }
        }
        store.close().expect("a healthy disk closes");
        Self { events: disk.events(), created, commits }
    }

    /// What may be found after a crash when `position` events had happened: the last acknowledged content, and the one
    /// that was being committed.
    pub fn allowed(&self, position: usize) -> Vec<&Content> {
        let last = self.commits.iter().rposition(|(_, acknowledged, _)| *acknowledged <= position).unwrap_or(0);
        let mut allowed = vec![&self.commits[last].2];
        if let Some((began, _, content)) = self.commits.get(last + 1)
            && *began < position
        {
            allowed.push(content);
        }
        allowed
    }
}

/// Makes the changes and commits them.
///
/// # Errors
/// Those of the store.
pub fn commit(store: &Store, durability: Durability, changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<(), StoreError> {
    let mut writer = store.write(durability)?;
    for (key, value) in changes {
        match value {
            Some(value) => writer.put(ROWS, key, value)?,
            None => drop(writer.remove(ROWS, key)?),
        }
    }
    writer.commit()
}

/// Everything in the table of the workloads.
///
/// # Errors
/// Those of the store.
pub fn content(store: &Store) -> Result<Content, StoreError> {
    store.read()?.range(ROWS, ..)?.collect()
}

/// Opens a vault of the harness.
///
/// # Errors
/// Those of the store.
pub fn open(disk: CrashDisk, rng: &mut ChaCha20Rng) -> Result<Store, OpenError> {
    Store::open_on(disk, Unlock::Key(&test_key()), small(), fork(rng))
}

/// A generator of its own for each store.
pub fn fork(rng: &mut ChaCha20Rng) -> ChaCha20Rng {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    ChaCha20Rng::from_seed(seed)
}

/// What is wrong with a vault after a crash, if anything: it must open, hold one of `allowed`, take a further commit,
/// open again and pass full verification.
///
/// # Errors
/// What was lost, in words.
pub fn survives(image: Vec<u8>, allowed: &[&Content], rng: &mut ChaCha20Rng) -> Result<(), String> {
    let disk = CrashDisk::holding(image);
    let store = open(disk.clone(), rng).map_err(|error| format!("does not open: {error}"))?;
    let mut found = content(&store).map_err(|error| format!("cannot be read: {error}"))?;
    if !allowed.contains(&&found) {
        return Err("holds what was never committed, or less than was acknowledged".to_owned());
    }
    let row = (b"after".to_vec(), vec![9; 700]);
    commit(&store, Durability::Acknowledged, &[(row.0.clone(), Some(row.1.clone()))])
        .map_err(|error| format!("takes no further commit: {error}"))?;
    found.insert(row.0, row.1);
    store.close().map_err(|error| format!("does not close: {error}"))?;
    let mut store = open(disk, rng).map_err(|error| format!("does not open again: {error}"))?;
    let verified = store.verify().map_err(|error| format!("does not verify: {error}"))?;
    if verified.is_repaired {
        return Err("had to be repaired again".to_owned());
    }
    if content(&store).map_err(|error| format!("cannot be read again: {error}"))? != found {
        return Err("lost the further commit".to_owned());
    }
    Ok(())
}

/// Walks through a journal and keeps what is durable apart from what is not.
pub struct Walk<'a> {
    events: &'a [Event],
    durable: Vec<u8>,
    synced: usize,
    position: usize,
}

impl<'a> Walk<'a> {
    /// At the beginning, on top of `base`.
    pub fn new(base: Vec<u8>, events: &'a [Event]) -> Self {
        Self { events, durable: base, synced: 0, position: 0 }
    }

    /// Lets one more event happen. False at the end.
    pub fn step(&mut self) -> bool {
        let Some(event) = self.events.get(self.position) else { return false };
        self.position += 1;
        if matches!(event, Event::Sync) {
            for event in &self.events[self.synced..self.position] {
                apply(&mut self.durable, event, &Kept::All);
            }
            self.synced = self.position;
        }
        true
    }

    /// How many events have happened.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is durable.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// What has happened since the last sync.
    pub fn pending(&self) -> &'a [Event] {
        &self.events[self.synced..self.position]
    }

    /// The disk after a power cut now, with `kept` deciding on each event that is not durable.
    pub fn image(&self, mut kept: impl FnMut(&Event) -> Kept) -> Vec<u8> {
        let mut image = self.durable.clone();
        for event in self.pending() {
            apply(&mut image, event, &kept(event));
        }
        image
    }
}
