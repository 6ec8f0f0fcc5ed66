//! Whole vaults against each other, in one process: what two devices of a person do, without any network.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    id::RecordId,
};
use carnet_record::{
    Decimal, Draft, Fact, Instant, Provenance, Quantity,
    batch::{Sample, Series, Source},
    item::Item,
    kind::{Allergy, Document, Measure},
};
use carnet_seal::passphrase::{Argon2Params, Passphrase};
use rand::{SeedableRng as _, rngs::StdRng};
use sha2::Digest as _;

use crate::{
    CarriedOp, Door, NewRecord, Received, Record, RecordError, RecoveryKit, Vault,
    entries::Filter,
    import::{ImportError, ImportSource},
    pairing::Delivery,
    recovery::{Kit, LostDevices, RecoveryError},
    replica::OutgoingItem,
};

mod attacks;
mod compaction;
mod concurrent;
mod convergence;
mod fallen;
mod forks;
mod hostile;
mod life;
mod rejudge;
mod signing;
mod sweep;
mod waiting;
mod witness;

/// A clock that a test moves.
pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A device: a vault in a folder of its own.
pub(crate) struct Device {
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<TestClock>,
    folder: tempfile::TempDir,
    seed: u64,
}

impl Device {
    pub(crate) fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicU64::new(1_790_000_000_000)));
        let vault = Vault::create(folder.path(), &passphrase(), Argon2Params::MINIMUM, door(&clock, seed)).unwrap();
        Self { vault, clock, folder, seed }
    }

    /// Closes the vault and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { vault, clock, folder, seed } = self;
        vault.close().unwrap();
        let door = door(&clock, seed + 1_000);
        let vault = Vault::open(folder.path(), &passphrase(), crate::store::Options::default(), door).unwrap();
        Self { vault, clock, folder, seed: seed + 1_000 }
    }

    /// The device and a copy of it, as a backup or a cloned disk makes one.
    pub(crate) fn copied(self) -> (Self, Self) {
        let Self { vault, clock, folder, seed } = self;
        vault.close().unwrap();
        let other = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), other.path());
        let open = |folder: tempfile::TempDir, seed: u64| {
            let door = door(&clock, seed);
            let vault = Vault::open(folder.path(), &passphrase(), crate::store::Options::default(), door).unwrap();
            Self { vault, clock: Arc::clone(&clock), folder, seed }
        };
        (open(folder, seed + 1_000), open(other, seed + 2_000))
    }

    pub(crate) fn begin(&mut self) -> RecoveryKit {
        let label = match self.vault.records().unwrap().len() {
            0 => "Camille".to_owned(),
            others => format!("Camille {others}"),
        };
        let new = NewRecord { label, device_label: format!("Appareil {}", self.seed), year: 2026, relay: None };
        self.vault.create_record(&new).unwrap()
    }

    pub(crate) fn record(&mut self, id: &RecordId) -> Record<'_> {
        self.vault.record(id).unwrap()
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_folder(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), &to).unwrap();
        }
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("un coffre pour les tests".as_bytes()).unwrap()
}

fn door(clock: &Arc<TestClock>, seed: u64) -> Door {
    let next = AtomicU64::new(seed << 32);
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Door::new(clock, move || Box::new(StdRng::seed_from_u64(next.fetch_add(1, Ordering::Relaxed))))
}

/// Everything that `from` holds goes to `to`, as it would over a stream.
pub(crate) fn exchange(from: &mut Device, to: &mut Device, id: &RecordId) -> Received {
    let recipient = to.record(id).device();
    let (ops, sections) = {
        let record = from.record(id);
        (record.ops_since(&[], Some(&recipient)).unwrap(), record.sections_for(&recipient))
    };
    to.record(id).receive_ops(&ops).unwrap();
    let mut received = Received::default();
    for section in sections {
        let envelopes: Vec<Vec<u8>> = {
            let record = from.record(id);
            let ends = record.feed_ends(&section).unwrap();
            ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect()
        };
        received.absorb(to.record(id).receive(section, &envelopes).unwrap());
    }
    received.absorb(to.record(id).retry_waiting().unwrap());
    copy_files(from, to, id);
    received
}

/// The attached files that `to` lacks and `from` has.
fn copy_files(from: &mut Device, to: &mut Device, id: &RecordId) {
    for missing in to.record(id).missing_files().unwrap() {
        let Ok(offer) = from.record(id).offer_file(&missing.object) else { continue };
        let mut download = to.record(id).download(&missing.object, offer.sealed_bytes()).unwrap();
        download.append(download.have(), &offer.part(download.have(), usize::MAX).unwrap()).unwrap();
        to.record(id).keep_download(download).unwrap();
    }
}

/// Pairs `other` as a device of the same person and brings it everything.
pub(crate) fn pair(owner: &mut Device, other: &mut Device, id: &RecordId) {
    let mut record = owner.record(id);
    let inviter = record.invite(Delivery::AtOnce, false).unwrap().inviter;
    let offer = record.offer(&inviter);
    let ticket = inviter.ticket(None);
    let (joiner, commitment) = other.vault.commit_to(ticket, &offer, "Téléphone").unwrap();
    let (challenger, challenge) = record.challenge(inviter, &commitment).unwrap();
    let (joined, reveal) = other.vault.reveal_to(joiner, &challenge).unwrap();
    let candidate = challenger.reveal(&reveal).unwrap();
    assert_eq!(candidate.code.to_string(), joined.code.to_string());
    record.admit(candidate).unwrap();
    assert_eq!(other.vault.join(joined, "Camille").unwrap(), *id);
    exchange(owner, other, id);
}

pub(crate) fn allergy(name: &str) -> Draft {
    let fact = Allergy { name: Some(name.to_owned()), ..Allergy::default() };
    Draft::new(fact, Provenance::typed(Instant::at_most(1_790_000_000_000)))
}

pub(crate) fn weight(value: &str) -> Draft {
    let fact = Measure {
        measure: "weight".to_owned(),
        value: Some(Quantity::new(value.parse().unwrap(), "kg")),
        at: Some("2026-03-14T08:30:00+01:00".parse().unwrap()),
        ..Measure::default()
    };
    Draft::new(fact, Provenance::typed(Instant::at_most(1_790_000_000_000)))
}

/// An import of `items`, published.
pub(crate) fn import(record: &mut Record<'_>, file: u8, items: Vec<Item>) -> crate::import::Outcome {
    let source = ImportSource { sha256: [file; 32], importer: "tests 1".to_owned() };
    let mut import = record.begin_import(&source).unwrap();
    let mut items = items.into_iter();
    import.read::<ImportError>(|| Ok(items.next())).unwrap();
    import.finish::<ImportError>(|_| Ok(None)).unwrap()
}

pub(crate) fn beats(count: i32) -> Item {
    let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
    let sample = |n: i32| Sample::at(1_767_225_600_000 + i64::from(n) * 7_000, Decimal::from_i32(60 + n % 40));
    Item::Samples { series, samples: (0..count).map(sample).collect() }
}

pub(crate) fn document(name: &str, bytes: &[u8]) -> Vec<Item> {
    let fact = Document { title: Some(name.to_owned()), ..Document::default() };
    let mut draft = Draft::new(fact, Provenance::default());
    draft.source_key = Some(carnet_record::SourceKey::new("test", [name]));
    let mut items = vec![Item::DocumentStart { draft: Box::new(draft) }];
    items.extend(bytes.chunks(60_000).map(|part| Item::DocumentBytes(part.to_vec())));
    let sha256 = sha2::Sha256::digest(bytes).into();
    items.push(Item::DocumentEnd { sha256, size: u64::try_from(bytes.len()).unwrap() });
    items
}

pub(crate) fn labels(record: &Record<'_>) -> Vec<String> {
    record.list(&Filter::default()).unwrap().iter().map(|found| found.entry.fact.label()).collect()
}
