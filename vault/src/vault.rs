//! The vault of one device: its lock, its device seed, and the records it holds.
//!
//! Opening a vault is the only moment at which a passphrase is needed; afterwards everything is reached through
//! [`Vault::record`]. The vault knows no network and speaks to nobody.

mod locks;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use carnet_crypto::{
    digest,
    door::UnixMillis,
    fault::Fault,
    id::{Incarnation, KeySalt, RecordId, SectionId},
    sign::SigningKey,
};
use carnet_protocol::{
    frame::RelayAddress,
    membership::{
        Op, OpDraft,
        body::{DeviceKeys, Genesis, RelayKeys, RootClass, RootKey},
        detached::KemHash,
        device_id, principal_id,
    },
};
use carnet_record::SectionKind;
use carnet_seal::{
    passphrase::{Argon2Params, Passphrase},
    secret::{DeviceSeed, RootSeed, VaultKey},
};
use zeroize::Zeroizing;

pub use self::locks::Relock;
use crate::{
    blob::Blobs,
    devices::setting_in,
    door::Door,
    keys::{KeyRing, kem_part},
    ledger::LedgerKind,
    members::Members,
    record::{Live, Record, RecordError},
    row::{self, RecordRow, Standing},
    store::{
        CreateError, Durability, KeyStoreName, Lock, OpenError, Options, StorageBackend, Store, StoreError, Unlock,
    },
    tables::{ENTRY, Key, Look, RECORD, VAULT},
    volumes::{ViewRow, Volumes},
    witness::{Contradiction, WitnessRow},
};

/// An open vault.
pub struct Vault {
    folder: PathBuf,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) seed: DeviceSeed,
    pub(crate) door: Door,
    pub(crate) live: BTreeMap<RecordId, Live>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// A record as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSummary {
    /// Its id.
    pub id: RecordId,
    /// The name by which the person calls it here.
    pub label: String,
    /// When it was created or joined on this device.
    pub since: UnixMillis,
    /// Whether commands mean it when none is named.
    pub is_default: bool,
    /// Where its relay is.
    pub relay: Option<String>,
    /// What this device is in it.
    pub standing: DeviceStanding,
    /// Whether the person showed that the recovery kit is in their hands.
    pub kit_confirmed: bool,
    /// When this device last exchanged with the relay or a peer.
    pub synced_at: Option<UnixMillis>,
    /// How its relay and a device contradict each other, until that is settled.
    pub contradiction: Option<Contradiction>,
}

/// What a device is in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStanding {
    /// It holds keys and may write.
    Member,
    /// It was removed. It keeps what it has and gets nothing new.
    Removed,
    /// Its relay served it once and does so no more: another device has most likely removed it. The relay alone says so.
    TurnedAway,
    /// It waits to be admitted, or for its first sync.
    Waiting,
}

/// What a new record is to be.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// The name by which the person calls it here.
    pub label: String,
    /// How this device is to be called in the list of devices.
    pub device_label: String,
    /// The calendar year.
    pub year: i16,
    /// The relay, if there is to be one.
    pub relay: Option<RelayAddress>,
}

/// What opens a record again when all devices are lost. It exists on paper only: the vault keeps no copy.
pub struct RecoveryKit {
    /// The 24 words.
    pub words: Zeroizing<String>,
    /// The record.
    pub record: RecordId,
    /// Where its relay is.
    pub relay: Option<RelayAddress>,
}

impl fmt::Debug for RecoveryKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKit(..)")
    }
}

/// Why a vault could not be opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// It could not be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another record of this vault has the name.
    #[error("another record of this vault has that name")]
    NameTaken,
    /// Its store failed afterwards.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl VaultError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Create(error) => error.fault(),
            Self::NameTaken => Fault::Caller,
            Self::Open(error) => error.fault(),
            Self::Record(error) => error.fault(),
        }
    }
}

impl Vault {
    /// Whether there is a vault in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        Store::is_in(folder)
    }

    /// Makes a vault in `folder`, without any record.
    ///
    /// # Errors
    /// [`VaultError`]; then there is none.
    pub fn create(folder: &Path, passphrase: &Passphrase, cost: Argon2Params, door: Door) -> Result<Self, VaultError> {
        let lock = Lock::Passphrase(passphrase, cost);
        let store = Store::create(folder, lock, Options::default(), door.another_chance())?;
        Self::begin(folder, store, door)
    }

    /// Makes a vault on any disk that is empty. Attached files that are too large for the store lie in `folder`.
    ///
    /// # Errors
    /// [`VaultError`]; then there is none.
    pub fn create_on(
        disk: impl StorageBackend,
        folder: &Path,
        lock: Lock<'_>,
        options: Options,
        door: Door,
    ) -> Result<Self, VaultError> {
        let store = Store::create_on(disk, lock, options, door.another_chance())?;
        Self::begin(folder, store, door)
    }

    fn begin(folder: &Path, store: Store, mut door: Door) -> Result<Self, VaultError> {
        let seed = DeviceSeed::generate(&mut door.rng);
        let mut writer = store.write(Durability::Acknowledged)?;
        writer.put(VAULT, SEED_ROW, seed.expose_for_store())?;
        writer.commit()?;
        Self::start(folder, store, door)
    }

    /// Opens the vault in `folder` with its passphrase.
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub fn open(folder: &Path, passphrase: &Passphrase, options: Options, door: Door) -> Result<Self, VaultError> {
        let store = Store::open(folder, Unlock::Passphrase(passphrase), options, door.another_chance())?;
        Self::start(folder, store, door)
    }

    /// Opens the vault in `folder` with the key of [`Vault::key_for_keeper`].
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub fn open_with_key(folder: &Path, key: &VaultKey, options: Options, door: Door) -> Result<Self, VaultError> {
        let store = Store::open(folder, Unlock::Key(key), options, door.another_chance())?;
        Self::start(folder, store, door)
    }

    /// Opens the vault in `folder` with the key that a key store kept under one of [`Vault::key_store_names`].
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub fn open_with_key_store(
        folder: &Path,
        key: &VaultKey,
        options: Options,
        door: Door,
    ) -> Result<Self, VaultError> {
        let store = Store::open(folder, Unlock::KeyStore(key), options, door.another_chance())?;
        Self::start(folder, store, door)
    }

    /// Under which names a key store is to be asked for a key of the vault in `folder`; see [`Store::key_store_names`].
    pub fn key_store_names(folder: &Path) -> Vec<KeyStoreName> {
        Store::key_store_names(folder)
    }

    /// Opens the vault on any disk. Attached files that are too large for the store lie in `folder`.
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub fn open_on(
        disk: impl StorageBackend,
        folder: &Path,
        unlock: Unlock<'_>,
        options: Options,
        door: Door,
    ) -> Result<Self, VaultError> {
        let store = Store::open_on(disk, unlock, options, door.another_chance())?;
        Self::start(folder, store, door)
    }

    fn start(folder: &Path, store: Store, door: Door) -> Result<Self, VaultError> {
        let seed = store.read()?.get(VAULT, SEED_ROW)?.map(Zeroizing::new);
        let seed = seed.and_then(|seed| DeviceSeed::from_store(&seed)).ok_or(StoreError::Damaged)?;
        let blobs = Blobs::beside(folder)?;
        let vault = Self { folder: folder.to_path_buf(), store, blobs, seed, door, live: BTreeMap::new() };
        // A disk that does not let go of a file is no reason not to open; the next opening tries again.
        vault.sweep_after_crash().ok();
        Ok(vault)
    }

    /// Where the vault lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store beneath, for its statistics.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends the use of the vault. Keys are cleared from memory. Room that a large import took for its staging goes back
    /// to the disk.
    ///
    /// # Errors
    /// The store's; what was acknowledged is safe all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        let slack_bytes: u64 = self.live.values().map(|live| live.slack_bytes).sum();
        drop(self.live);
        let is_worth = slack_bytes >= SLACK_BYTES_MIN && slack_bytes >= self.store.stats()?.file_bytes / SLACK_SHARE;
        if is_worth && self.store.compact().is_err() {
            // Everything was durable before: a file that stays larger than it need be is no failure of what was done.
            // The store takes no more writes; the next opening repairs.
            return Ok(());
        }
        self.store.close()
    }

    /// The public key of this installation's network endpoint seed, and the seed itself.
    pub fn transport(&self) -> carnet_seal::secret::TransportSeed {
        self.seed.transport()
    }

    /// The present instant, by the clock that was handed over.
    pub fn now(&self) -> UnixMillis {
        self.door.now()
    }

    /// The records, in the order of their labels.
    ///
    /// # Errors
    /// The store's.
    pub fn records(&self) -> Result<Vec<RecordSummary>, VaultError> {
        let mut records = Vec::new();
        let reader = self.store.read()?;
        for row in reader.prefix(RECORD, &[])? {
            let (key, row) = row?;
            let id = RecordId::from_slice(&key).ok_or(StoreError::Damaged)?;
            let row: RecordRow = row::read(&row)?;
            let contradiction = WitnessRow::of(&reader, &id)?.contradiction;
            let is_shown_elsewhere = setting_in(&reader, &id, KIT_SETTING)? == Some(true.into());
            let kit_confirmed = row.kit_confirmed || is_shown_elsewhere;
            records.push(RecordSummary { kit_confirmed, ..summary(id, row, contradiction) });
        }
        records.sort_by(|one, two| (&one.label, one.id).cmp(&(&two.label, two.id)));
        Ok(records)
    }

    /// The record with this id.
    ///
    /// # Errors
    /// [`RecordError::NotFound`]; the store's.
    pub fn record(&mut self, id: &RecordId) -> Result<Record<'_>, VaultError> {
        if !self.live.contains_key(id) {
            let live = Live::load(&self.store, &self.seed, id, self.door.now())?;
            self.live.insert(*id, live);
        }
        let live = self.live.get_mut(id).ok_or(RecordError::NotFound)?;
        Ok(Record { store: &self.store, blobs: &self.blobs, door: &mut self.door, seed: &self.seed, live })
    }

    /// Begins a record whose first owner is this device. The kit is shown once: the vault keeps no copy of it.
    ///
    /// # Errors
    /// [`VaultError::NameTaken`]; the store's.
    pub fn create_record(&mut self, new: &NewRecord) -> Result<RecoveryKit, VaultError> {
        self.check_name(&new.label, None)?;
        let root = RootSeed::generate(&mut self.door.rng);
        let now = self.door.now();
        let salt = KeySalt(self.door.bytes());
        let incarnation = Incarnation(self.door.bytes());
        let (genesis, parts) = self.genesis(new, &root, salt, incarnation);
        let signing = self.seed.signing_key(&salt);
        let (id, op) = OpDraft::genesis(genesis, now, &signing).map_err(RecordError::from)?;
        let row = RecordRow {
            label: new.label.clone(),
            since_ms: now.0,
            salt,
            genesis_year: new.year,
            device: device_id(&salt.0, &signing.public()),
            principal: principal_id(&salt.0, &signing.public()),
            incarnation,
            kem_generation: 0,
            relay: new.relay.as_ref().map(RelayAddress::to_string),
            peers: Vec::new(),
            standing: Standing::Member,
            kit_confirmed: false,
            is_default: self.records()?.is_empty(),
            synced_at_ms: None,
            turned_away: false,
        };
        self.live.insert(id, Live::begin(id, row, signing));
        let begun = self.record(&id)?.begin(&op, parts, &new.device_label);
        if let Err(error) = begun {
            self.live.remove(&id);
            return Err(error.into());
        }
        Ok(RecoveryKit { words: root.expose_words(), record: id, relay: new.relay.clone() })
    }

    fn genesis(
        &self,
        new: &NewRecord,
        root: &RootSeed,
        salt: KeySalt,
        incarnation: Incarnation,
    ) -> (Genesis, Vec<Vec<u8>>) {
        let (root_kem, root_part) = kem_part(root.kem().public().as_bytes());
        let (device_kem, device_part) = kem_part(self.seed.kem(&salt, 0).public().as_bytes());
        let device = DeviceKeys {
            signing: self.seed.signing_key(&salt).public(),
            kem: device_kem,
            generation: 0,
            transport: transport_key(&self.seed),
            incarnation,
        };
        let genesis = Genesis {
            key_salt: salt.0,
            roots: vec![RootKey { class: RootClass::Paper, signing: root.signing_key().public(), kem: root_kem }],
            device,
            year: new.year,
            relay: new.relay.as_ref().map(relay_keys),
        };
        (genesis, vec![root_part, device_part])
    }

    /// Changes what this device keeps about a record: its label, whether it is the default one, whether the kit is in
    /// the person's hands, where its relay is.
    ///
    /// # Errors
    /// The store's.
    pub fn set_local(&mut self, id: &RecordId, change: LocalChange) -> Result<(), VaultError> {
        let mut writer = self.store.write(Durability::Acknowledged)?;
        let rows: Vec<_> = writer.prefix(RECORD, &[])?.collect::<Result<_, _>>()?;
        for (key, row) in rows {
            let mut row: RecordRow = row::read(&row)?;
            let is_it = key == id.0;
            match &change {
                LocalChange::Default => row.is_default = is_it,
                _ if !is_it => continue,
                LocalChange::Label(label) => row.label.clone_from(label),
                LocalChange::KitConfirmed => row.kit_confirmed = true,
                LocalChange::Relay(relay) => row.relay = relay.as_ref().map(RelayAddress::to_string),
            }
            writer.put(RECORD, &key, &row::write(&row))?;
        }
        writer.commit()?;
        self.live.clear();
        if change == LocalChange::KitConfirmed {
            let mut record = self.record(id)?;
            if record.live.row.standing == Standing::Member {
                record.set_setting(KIT_SETTING, true.into())?;
            }
        }
        Ok(())
    }
}

/// A change of what this device keeps about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalChange {
    /// Commands mean this record when none is named.
    Default,
    /// The recovery kit is in the person's hands.
    KitConfirmed,
    /// The name by which the person calls it here.
    Label(String),
    /// Where its relay is reached.
    Relay(Option<RelayAddress>),
}

impl Live {
    /// A record that begins on this device.
    pub(crate) fn begin(id: RecordId, row: RecordRow, signing: SigningKey) -> Self {
        Self {
            id,
            row,
            signing,
            members: Members::begin(id),
            keys: KeyRing::default(),
            sections: BTreeMap::new(),
            volumes: Volumes::default(),
            named_files: RefCell::default(),
            slack_bytes: 0,
        }
    }

    /// Reads a record from the store.
    pub(crate) fn load(store: &Store, seed: &DeviceSeed, id: &RecordId, now: UnixMillis) -> Result<Self, RecordError> {
        let reader = store.read()?;
        let row = reader.get(RECORD, &Key::of(id))?.ok_or(RecordError::NotFound)?;
        let row: RecordRow = row::read(&row)?;
        let signing = seed.signing_key(&row.salt);
        let mut live = Self::begin(*id, row, signing);
        live.members = Members::load(&reader, id, now)?;
        live.keys = KeyRing::load(&reader, id)?;
        live.sections = read_sections(&reader, id, &live.row.salt)?;
        Ok(live)
    }
}

impl Record<'_> {
    /// The first operations and changes of a record: genesis, the first keys, the roster.
    fn begin(&mut self, genesis: &Op, parts: Vec<Vec<u8>>, device_label: &str) -> Result<(), RecordError> {
        self.commit(|record, writer| {
            record.accept_own(writer, genesis, parts)?;
            for kind in SectionKind::ALL {
                let section = match kind {
                    SectionKind::Roster => roster_of(&record.live.row.salt),
                    _ => SectionId(record.door.bytes()),
                };
                record.live.sections.insert(section, kind);
            }
            let sections: Vec<SectionId> = record.live.sections.keys().copied().collect();
            record.rotate(writer, &sections)?;
            record.write_roster(writer, device_label)?;
            record.write_line(writer, LedgerKind::RecordCreated, BTreeMap::new())
        })
    }
}

/// The section that holds the labels of a record and the kinds of its sections: the one that is found without them.
pub(crate) fn roster_of(salt: &KeySalt) -> SectionId {
    SectionId(digest::hash16("roster", &[&salt.0]))
}

/// The kinds of the sections, as the roster gives them.
pub(crate) fn read_sections(
    look: &impl Look,
    record: &RecordId,
    salt: &KeySalt,
) -> Result<BTreeMap<SectionId, SectionKind>, StoreError> {
    let mut sections = BTreeMap::from([(roster_of(salt), SectionKind::Roster)]);
    for (key, row) in look.look_all(ENTRY, &Key::of(record).container("section"))? {
        let section = key.last_chunk::<16>().map(|id| SectionId(*id)).ok_or(StoreError::Damaged)?;
        let fields = ViewRow::read(&row)?.fields;
        let kind = fields.get("section_kind").and_then(|kind| kind.as_str()).and_then(|kind| kind.parse().ok());
        if let Some(kind) = kind {
            sections.insert(section, kind);
        }
    }
    Ok(sections)
}

/// The public key of this installation's network endpoint: an Ed25519 key whose seed is the transport seed.
pub(crate) fn transport_key(seed: &DeviceSeed) -> [u8; 32] {
    SigningKey::from_seed(seed.transport().expose_for_store()).public().0
}

/// A relay as operations name it. It has no KEM key: nothing is sealed to a relay in this version.
pub(crate) fn relay_keys(relay: &RelayAddress) -> RelayKeys {
    let address = RelayAddress { token: None, ..relay.clone() };
    RelayKeys {
        signing: relay.key,
        kem: KemHash([0; 32]),
        transport: relay.key.0,
        addresses: vec![address.to_string()],
    }
}

fn summary(id: RecordId, row: RecordRow, contradiction: Option<Contradiction>) -> RecordSummary {
    RecordSummary {
        id,
        label: row.label,
        since: UnixMillis(row.since_ms),
        is_default: row.is_default,
        // Without the token that a relay may ask of whoever creates a record: it is shown to nobody.
        relay: row.relay.map(|relay| match relay.parse::<RelayAddress>() {
            Ok(address) => RelayAddress { token: None, ..address }.to_string(),
            Err(_) => relay,
        }),
        standing: match row.standing {
            Standing::Member if row.turned_away => DeviceStanding::TurnedAway,
            Standing::Member => DeviceStanding::Member,
            Standing::Removed => DeviceStanding::Removed,
            Standing::Waiting => DeviceStanding::Waiting,
        },
        kit_confirmed: row.kit_confirmed,
        synced_at: row.synced_at_ms.map(UnixMillis),
        contradiction,
    }
}

/// The setting that says whether a person has shown, on any device, that the kit in force is in their hands.
pub(crate) const KIT_SETTING: &str = "kit-confirmed";
/// The row of the device seed.
const SEED_ROW: &[u8] = b"device-seed";
/// Unused bytes below which the file is left as it is.
const SLACK_BYTES_MIN: u64 = 1 << 20;
/// The share of the file, one in this many, that has to be unused before it is moved together.
const SLACK_SHARE: u64 = 8;
