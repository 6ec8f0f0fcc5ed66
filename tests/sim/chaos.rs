//! What people and the world do to each other: entries, exchanges, bad weather, links that hold back, kills and power cuts,
//! in an order drawn from the seed.

use carnet_crypto::id::OpId;
use carnet_record::{
    Draft, EntryId, Fact, Instant, Provenance, SourceKey,
    item::{Item, Tally},
    kind::{Allergy, Document},
};
use carnet_vault::{
    Record,
    devices::RemovalReason,
    entries::Filter,
    import::{ImportError, ImportSource},
};
use rand::{Rng as _, RngExt as _};
use tokio::time::{Duration, sleep};

use crate::{
    device::START,
    disk::Death,
    executor::NodeId,
    model::Said,
    network::Weather,
    world::{RELAY, World},
};

/// What happened in a world, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) acts: u64,
    pub(crate) exchanges: u64,
    pub(crate) holds: u64,
    pub(crate) kills: u64,
    pub(crate) power_cuts: u64,
    pub(crate) relay_kills: u64,
    pub(crate) collected: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.acts += other.acts;
        self.exchanges += other.exchanges;
        self.holds += other.holds;
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.relay_kills += other.relay_kills;
        self.collected += other.collected;
    }
}

impl World {
    /// So many things happen.
    pub(crate) async fn chaos(&self, steps: usize) -> Counts {
        let mut counts = Counts::default();
        for _ in 0..steps {
            self.happen(&mut counts);
            let pause = match self.below(20) {
                0 => self.below(120_000),
                1..=4 => self.below(5_000),
                _ => self.below(80),
            };
            sleep(Duration::from_millis(u64::try_from(pause).unwrap())).await;
        }
        counts
    }

    fn happen(&self, counts: &mut Counts) {
        let count = self.devices.borrow().len();
        let device = self.below(count);
        let is_up = self.with_device(device, |it| it.is_up());
        match self.below(100) {
            _ if !is_up => {
                if self.below(3) == 0 {
                    self.note(format_args!("{device}: starts"));
                    self.with_device(device, |it| it.start().expect("a vault opens after whatever the power did"));
                }
            }
            0..=34 => {
                counts.acts += 1;
                self.act(device);
            }
            35..=64 => {
                counts.exchanges += 1;
                self.with_device(device, |it| it.begin_exchange(self.record()));
            }
            65..=70 => {
                let other = self.below(count);
                if other != device && self.with_device(other, |it| it.is_up()) {
                    counts.exchanges += 1;
                    let peer = self.with_device(other, |it| it.address());
                    self.with_device(device, |it| it.begin_meeting(self.record(), peer));
                }
            }
            71..=76 => {
                counts.holds += 1;
                let far = if self.below(3) == 0 { self.below(count) } else { RELAY };
                let (from, to) = if self.below(2) == 0 { (device, far) } else { (far, device) };
                self.net.hold(from, to);
            }
            77..=82 => self.net.release_all(),
            83..=87 => self.change_weather(),
            88..=92 => self.end(device, counts),
            93 => self.with_device(device, |it| it.clock.set_skew(self.skew())),
            _ => self.end_or_start_relay(counts),
        }
    }

    fn skew(&self) -> i64 {
        i64::try_from(self.below(1_200_000)).unwrap() - 600_000
    }

    pub(crate) fn change_weather(&self) {
        let mut rng = self.rng.borrow_mut();
        let weather = Weather {
            delay_ms_max: [5, 50, 2_000][rng.random_range(0..3)],
            lost: [0, 50, 300][rng.random_range(0..3)],
            broken: [0, 10, 60][rng.random_range(0..3)],
        };
        drop(rng);
        self.note(format_args!("{weather:?}"));
        self.net.set_weather(weather);
    }

    fn end(&self, device: NodeId, counts: &mut Counts) {
        if self.below(2) == 0 {
            counts.kills += 1;
            self.note(format_args!("{device}: is killed"));
            self.kill(device, Death::Killed);
        } else {
            counts.power_cuts += 1;
            let events = u64::try_from(self.below(60)).unwrap();
            self.note(format_args!("{device}: the power goes in {events} events"));
            self.with_device(device, |it| it.burn(events));
        }
    }

    fn end_or_start_relay(&self, counts: &mut Counts) {
        let mut relay = self.relay.borrow_mut();
        if relay.is_up() {
            counts.relay_kills += 1;
            self.note(format_args!("the relay is killed"));
            relay.die();
        } else {
            if self.below(2) == 0 {
                counts.collected += relay.collect();
            }
            self.note(format_args!("the relay starts"));
            relay.start();
        }
    }

    /// A person does something on a device.
    pub(crate) fn act(&self, device: NodeId) {
        match self.below(10) {
            0..=3 => drop(self.add(device)),
            4 => self.burst(device),
            5 => self.attach(device),
            6 | 7 => self.rename(device),
            8 => self.toggle(device, true),
            _ => self.toggle(device, false),
        }
    }

    /// A person removes a device on another. The operation.
    pub(crate) fn remove(&self, device: NodeId, removed: NodeId) -> OpId {
        let id = self.with_device(removed, |it| it.with(&self.record(), |record| record.device())).unwrap();
        let removal = self.try_on(device, |record| record.remove_device(&id, RemovalReason::Lost).ok());
        self.note(format_args!("{device}: removes {removed}"));
        removal.expect("it has just seen the relay")
    }

    fn fresh_name(&self) -> String {
        format!("fait {:016x}", self.rng.borrow_mut().next_u64())
    }

    /// Does something with the record on a device; nothing when the device died of it.
    fn try_on<T>(&self, device: NodeId, work: impl FnOnce(&mut Record<'_>) -> Option<T>) -> Option<T> {
        self.with_device(device, |it| it.with(&self.record(), work).ok().flatten())
    }

    /// Adds one entry; its name.
    pub(crate) fn add(&self, device: NodeId) -> String {
        let name = self.fresh_name();
        let added = self.try_on(device, |record| record.add(&allergy(&name)).ok());
        match added {
            Some(added) => self.model.borrow_mut().added(added.entry.id, device, &name),
            None => self.model.borrow_mut().tried(&name),
        }
        self.note(format_args!("{device}: adds {name}"));
        name
    }

    /// Adds one entry that may be there in the end, or not: it is for membership to say; its name.
    pub(crate) fn add_in_doubt(&self, device: NodeId) -> String {
        let name = self.add_in_vain(device);
        self.model.borrow_mut().tried(&name);
        name
    }

    /// Adds one entry of which nobody is to see anything; its name.
    pub(crate) fn add_in_vain(&self, device: NodeId) -> String {
        let name = self.fresh_name();
        self.try_on(device, |record| record.add(&allergy(&name)).ok()).expect("its own vault takes it");
        self.note(format_args!("{device}: adds {name} in vain"));
        name
    }

    /// The names that a device shows, of entries that were not removed.
    pub(crate) fn names(&self, device: NodeId) -> Vec<String> {
        let found = self.try_on(device, |record| record.list(&Filter::default()).ok()).expect("a record reads");
        found.into_iter().map(|found| found.entry.fact.label()).collect()
    }

    /// Adds as many entries as make a volume worth compacting.
    fn burst(&self, device: NodeId) {
        for _ in 0..self.below(24) {
            drop(self.add(device));
        }
    }

    /// Attaches a document; one in eight is larger than what one frame carries.
    pub(crate) fn attach(&self, device: NodeId) {
        let name = self.fresh_name();
        let size = match self.below(8) {
            0 => 600_000 + self.below(600_000),
            1 | 2 => 70_000 + self.below(60_000),
            _ => 1 + self.below(30_000),
        };
        let mut bytes = vec![0; size];
        self.rng.borrow_mut().fill_bytes(&mut bytes);
        match self.try_on(device, |record| attach(record, &name, &bytes).ok()) {
            Some(()) => self.model.borrow_mut().attached(&name),
            None => self.model.borrow_mut().tried(&name),
        }
        self.note(format_args!("{device}: attaches {name}"));
    }

    /// An entry that the device shows, removed or not.
    fn any_entry(&self, device: NodeId, is_removed: bool) -> Option<EntryId> {
        let filter = Filter { kinds: vec!["allergy".to_owned()], with_removed: true, ..Filter::default() };
        let found = self.try_on(device, |record| record.list(&filter).ok())?;
        let ids: Vec<_> =
            found.iter().filter(|it| it.entry.removed.is_some() == is_removed).map(|it| it.entry.id).collect();
        if ids.is_empty() { None } else { Some(ids[self.below(ids.len())]) }
    }

    fn rename(&self, device: NodeId) {
        let Some(id) = self.any_entry(device, false) else { return };
        let name = self.fresh_name();
        let said = self.try_on(device, |record| {
            let mut entry = record.entry(&id).ok()?.entry;
            entry.fact = Fact::Allergy(Box::new(Allergy { name: Some(name.clone()), ..Allergy::default() }));
            record.amend(&entry).ok()
        });
        let said = if said.is_some() { Said::Saved } else { Said::Nothing };
        self.model.borrow_mut().renamed(id, device, &name, said);
        self.note(format_args!("{device}: renames {id} to {name}"));
    }

    fn toggle(&self, device: NodeId, is_removed: bool) {
        let Some(id) = self.any_entry(device, !is_removed) else { return };
        let said = self.try_on(device, |record| {
            let done = if is_removed { record.remove(&id) } else { record.restore(&id) };
            done.ok()
        });
        let said = if said.is_some() { Said::Saved } else { Said::Nothing };
        self.model.borrow_mut().removed(id, device, is_removed, said);
        self.note(format_args!("{device}: removes {id}: {is_removed}"));
    }
}

/// An entry of this name.
pub(crate) fn allergy(name: &str) -> Draft {
    let fact = Allergy { name: Some(name.to_owned()), ..Allergy::default() };
    Draft::new(fact, Provenance::typed(Instant::at_most(i64::try_from(START).unwrap())))
}

/// Attaches a document to a record.
pub(crate) fn attach(record: &mut Record<'_>, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
    let fact = Document { title: Some(name.to_owned()), ..Document::default() };
    let mut draft = Draft::new(fact, Provenance::default());
    draft.source_key = Some(SourceKey::new("sim", [name]));
    let sha256 = <sha2::Sha256 as sha2::Digest>::digest(bytes).into();
    let mut items = vec![Item::DocumentStart { draft: Box::new(draft) }];
    items.extend(bytes.chunks(60_000).map(|part| Item::DocumentBytes(part.to_vec())));
    items.push(Item::DocumentEnd { sha256, size: u64::try_from(bytes.len()).unwrap() });
    items.push(Item::Tally(Box::<Tally>::default()));
    let source = ImportSource { sha256, importer: "sim 1".to_owned() };
    let mut import = record.begin_import(&source)?;
    let mut items = items.into_iter();
    import.read::<ImportError>(|| Ok(items.next()))?;
    import.finish::<ImportError>(|_| Ok(None))?;
    Ok(())
}
