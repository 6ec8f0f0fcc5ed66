//! The encrypted store: one file that holds everything but large documents, as ordered tables of bytes.
//!
//! Below is redb, above are transactions, between them every page is sealed ([`block`]). Layout and rules are
//! `docs/format.md`, "The vault file"; what is assumed of the disk is `docs/assumptions.md`. The rest of this crate uses
//! [`Store`], [`Reader`] and [`Writer`] and never sees redb, which is named in this module and below only.
//!
//! The store never writes a byte of content in clear, never acknowledges what is not durable, and takes no more writes
//! after any failure of the disk until it is opened again. It waits for nobody: a vault that is in use is
//! [`OpenError::Busy`], and whoever wants to wait asks again.
//!
//! ```
//! use carnet_vault::store::{Durability, Lock, Options, Store, Table, Unlock};
//! # use carnet_seal::secret::VaultKey;
//! # use rand::{SeedableRng as _, rngs::StdRng};
//! const NOTES: Table = Table::new("notes");
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let rng = || StdRng::from_seed([7; 32]);
//! let key = VaultKey::generate(&mut rng());
//! let store = Store::create(folder, Lock::Key(&key), Options::default(), rng())?;
//! let mut writer = store.write(Durability::Acknowledged)?;
//! writer.put(NOTES, b"2026-11-22", b"slept well")?;
//! writer.commit()?;
//! store.close()?;
//!
//! let store = Store::open(folder, Unlock::Key(&key), Options::default(), rng())?;
//! assert_eq!(store.read()?.get(NOTES, b"2026-11-22")?.as_deref(), Some(&b"slept well"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod boundary;
mod chance;
mod copy;
mod error;
mod front;
mod keys;
mod place;
mod transaction;

use std::{fmt, fs::File, io::Read as _, path::Path, sync::Arc};

use carnet_seal::{
    passphrase::{Argon2Params, Passphrase},
    secret::VaultKey,
};
use rand::TryCryptoRng;
pub use redb::StorageBackend;

pub(crate) use self::place::{options as file_options, sync_folder};
pub use self::{
    block::Survey,
    error::{CreateError, OpenError, RelockError, StoreError},
    front::{KeyStoreName, SlotKind, Stride},
    transaction::{Durability, Reader, Row, Rows, Writer},
};
use self::{
    block::{Backend, SealedDisk},
    boundary::{Contained, attempt, guarded},
    chance::Chance,
    front::{FRONT_BYTES, Front},
    place::{Place, PlaceError, VAULT_FILE, make_folder},
};

/// Longest key of a row, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Longest value of a row, in bytes. Longer things are cut by their owner, or are documents.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// What the database may keep in memory, in bytes, unless [`Options`] says otherwise.
pub const CACHE_BYTES: usize = 64 << 20;

/// A table, by its name. A table exists as soon as something is put in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(&'static str);

impl Table {
    /// The table called `name`. Names are part of the format: `docs/format.md` lists them.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    fn definition(self) -> redb::TableDefinition<'static, &'static [u8], &'static [u8]> {
        redb::TableDefinition::new(self.0)
    }
}

/// What a vault is closed with. The master key of the file is random and under every lock; none is derived from it.
#[derive(Clone, Copy, Debug)]
pub enum Lock<'a> {
    /// A random key that someone of the same strength keeps for a time: the kernel, for `unlock --for`.
    Key(&'a VaultKey),
    /// A random key that the key store of the person's account keeps under this name.
    KeyStore(&'a KeyStoreName, &'a VaultKey),
    /// What the person types, and what each try shall cost. The caller has judged its strength.
    Passphrase(&'a Passphrase, Argon2Params),
}

/// What opens a vault.
#[derive(Clone, Copy, Debug)]
pub enum Unlock<'a> {
    /// The key of a [`Lock::Key`].
    Key(&'a VaultKey),
    /// The key of a [`Lock::KeyStore`].
    KeyStore(&'a VaultKey),
    /// What the person typed.
    Passphrase(&'a Passphrase),
}

/// How a store is held open. The file's format has no options but its stride.
pub struct Options {
    /// What the database may keep in memory, in bytes.
    pub cache_bytes: usize,
    /// Called with the share that is done, from 0 to 1, while a vault that was not closed is repaired.
    pub on_repair: Option<Box<dyn Fn(f64)>>,
    /// The stride of a new file. An existing one keeps its own.
    pub stride: Stride,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES, on_repair: None, stride: Stride::default() }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cache_bytes", &self.cache_bytes)
            .field("stride", &self.stride)
            .finish_non_exhaustive()
    }
}

/// Where a vault file stands, to be remembered outside of it: a later opening that finds less was given an older copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The 16 random bytes that name this file; they change with a full change of keys.
    pub file_id: [u8; 16],
    /// Grows with every durable write.
    pub counter: u64,
    /// Bytes of the file on disk.
    pub file_bytes: u64,
    /// Bytes of its plaintext, pages that are not in use included.
    pub page_bytes: u64,
}

/// What a full verification found, when it found the vault whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether the database had to repair itself. The vault is consistent now, but its last commits may be gone: compare
    /// with another device.
    pub is_repaired: bool,
    /// Every block of the file, in use or not.
    pub survey: Survey,
}

/// An open vault file.
pub struct Store {
    // Declared in the order in which they must go: the database before the disk, which holds the lock of the folder.
    database: Contained<redb::Database>,
    disk: Arc<SealedDisk>,
    front: Front,
    cache_bytes: usize,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.disk)
    }
}

impl Store {
    /// Whether there is a vault in `folder`, open or not.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(VAULT_FILE).is_file()
    }

    /// Makes a vault in `folder`, which is made too if there is none. The vault is there when this returns, and not at
    /// all after an error or a crash.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn create<R: TryCryptoRng + Send + 'static>(
        folder: &Path,
        lock: Lock<'_>,
        options: Options,
        rng: R,
    ) -> Result<Self, CreateError> {
        make_folder(folder).map_err(|error| StoreError::from_io(&error))?;
        let place = Place::lock(folder)?;
        if place.has_vault()? {
            return Err(CreateError::AlreadyExists);
        }
        let store = Self::create_on_boxed(place.start_new()?, lock, options, Chance::new(rng))?;
        place.finish_new().map_err(|error| store.disk.fail(error))?;
        store.disk.hold(Arc::new(place));
        Ok(store)
    }

    /// Makes a vault on any disk that is empty.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn create_on<R: TryCryptoRng + Send + 'static>(
        disk: impl StorageBackend,
        lock: Lock<'_>,
        options: Options,
        rng: R,
    ) -> Result<Self, CreateError> {
        Self::create_on_boxed(Box::new(disk), lock, options, Chance::new(rng))
    }

    fn create_on_boxed(
        disk: Box<dyn StorageBackend>,
        lock: Lock<'_>,
        options: Options,
        mut chance: Chance,
    ) -> Result<Self, CreateError> {
        let (front, keys) = Front::create(&*disk, lock, options.stride, &mut chance)?;
        let disk = Arc::new(SealedDisk::create(disk, keys, options.stride, chance));
        Ok(Self::start(disk, front, options)?)
    }

    /// Opens the vault in `folder`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open<R: TryCryptoRng + Send + 'static>(
        folder: &Path,
        unlock: Unlock<'_>,
        options: Options,
        rng: R,
    ) -> Result<Self, OpenError> {
        if !folder.is_dir() {
            return Err(OpenError::Missing);
        }
        let place = Place::lock(folder)?;
        if !place.has_vault()? {
            return Err(OpenError::Missing);
        }
        let store = Self::open_on_boxed(place.open()?, unlock, options, Chance::new(rng))?;
        store.disk.hold(Arc::new(place));
        Ok(store)
    }

    /// Opens the vault on any disk.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_on<R: TryCryptoRng + Send + 'static>(
        disk: impl StorageBackend,
        unlock: Unlock<'_>,
        options: Options,
        rng: R,
    ) -> Result<Self, OpenError> {
        Self::open_on_boxed(Box::new(disk), unlock, options, Chance::new(rng))
    }

    fn open_on_boxed(
        disk: Box<dyn StorageBackend>,
        unlock: Unlock<'_>,
        options: Options,
        chance: Chance,
    ) -> Result<Self, OpenError> {
        let (mut front, keys) = Front::open(&*disk, unlock)?;
        let disk = Arc::new(SealedDisk::open(disk, keys, front.stride(), chance)?);
        front.heal(&disk)?;
        Ok(Self::start(disk, front, options)?)
    }

    /// Hands the disk to redb, which recovers from a crash in this call and in no other.
    fn start(disk: Arc<SealedDisk>, front: Front, options: Options) -> Result<Self, StoreError> {
        let database = guarded(&disk, || {
            let mut builder = redb::Builder::new();
            builder.set_cache_size(options.cache_bytes);
            if let Some(on_repair) = options.on_repair {
                builder.set_repair_callback(move |session| on_repair(session.progress()));
            }
            builder.create_with_backend(Backend(Arc::clone(&disk)))
        });
        disk.be_strict();
        let database = Contained::new(database.map_err(|error| disk.fail(error))?);
        Ok(Self { database, disk, front, cache_bytes: options.cache_bytes })
    }

    /// A consistent view of the last commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(&self) -> Result<Reader, StoreError> {
        Reader::begin(&self.disk, self.database()?)
    }

    /// The writer. If there is one already, this waits until it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, durability: Durability) -> Result<Writer, StoreError> {
        Writer::begin(&self.disk, self.database()?, durability)
    }

    /// Where the file stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let (counter, page_bytes) = self.disk.position();
        let file_bytes = self.disk.file_bytes()?;
        Ok(Stats { file_id: *self.disk.keys().file_id(), counter, file_bytes, page_bytes })
    }

    /// Whether an earlier failure stopped this store: it must be opened again.
    pub fn is_poisoned(&self) -> bool {
        self.disk.trouble().is_some()
    }

    /// Reads and checks everything: each page that is in use authenticates and belongs to the same state as the others,
    /// which also finds a block replayed from an older copy of this file. No reader or writer may be alive.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when something does not fit; [`StoreError::Misuse`] when a transaction is alive.
    pub fn verify(&mut self) -> Result<Verified, StoreError> {
        let database = self.database.as_mut().ok_or(StoreError::Poisoned)?;
        let is_clean = guarded(&self.disk, || database.check_integrity())?;
        Ok(Verified { is_repaired: !is_clean, survey: self.disk.survey()? })
    }

    /// Gives space that is not in use back to the disk. No reader or writer may be alive. Returns whether there was any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn compact(&mut self) -> Result<bool, StoreError> {
        let database = self.database.as_mut().ok_or(StoreError::Poisoned)?;
        guarded(&self.disk, || database.compact())
    }

    /// Puts a new passphrase in the place of the old one, for convenience: the master key stays. Whoever has an older
    /// copy of the file and its passphrase can read what is written now too. When someone may know the old passphrase,
    /// use [`Store::rekey`].
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn change_passphrase(&mut self, passphrase: &Passphrase, cost: Argon2Params) -> Result<(), RelockError> {
        self.front.replace(&self.disk, Lock::Passphrase(passphrase, cost))
    }

    /// Lets `key` open the vault too, in the place of any other [`Lock::Key`].
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn keep_key(&mut self, key: &VaultKey) -> Result<(), RelockError> {
        self.front.replace(&self.disk, Lock::Key(key))
    }

    /// Lets no key of [`Lock::Key`] open the vault any more.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn withdraw_keys(&mut self) -> Result<(), RelockError> {
        self.front.withdraw(&self.disk, |kind| kind == SlotKind::Key)
    }

    /// Lets the key that a key store keeps under `name` open the vault too, in the place of any other key store's. The
    /// caller has put it there.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn admit_key_store(&mut self, name: &KeyStoreName, key: &VaultKey) -> Result<(), RelockError> {
        self.front.replace(&self.disk, Lock::KeyStore(name, key))
    }

    /// Lets no key store open the vault any more.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn withdraw_key_store(&mut self) -> Result<(), RelockError> {
        self.front.withdraw(&self.disk, |kind| matches!(kind, SlotKind::KeyStore(_)))
    }

    /// What opens this vault.
    pub fn slots(&self) -> Vec<SlotKind> {
        self.front.slot_kinds()
    }

    /// Under which names a key store is to be asked for a key of the vault in `folder`. Read without a key, so without
    /// proof; none where nothing can be read, which opening the vault then says.
    pub fn key_store_names(folder: &Path) -> Vec<KeyStoreName> {
        let mut area = vec![0; FRONT_BYTES];
        match File::open(folder.join(VAULT_FILE)).and_then(|mut file| file.read_exact(&mut area)) {
            Ok(()) => front::key_store_names(&area),
            Err(_) => Vec::new(),
        }
    }

    /// Draws a key that opens the vault too, in the place of any other [`Lock::Key`], to be handed to a keeper for a
    /// time. It is not the master key: [`Store::withdraw_keys`] makes it worthless.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn key_for_keeper(&mut self) -> Result<VaultKey, RelockError> {
        let key = self.disk.chance(|chance| chance.with_rng(|rng| VaultKey::generate(rng)))?;
        self.keep_key(&key)?;
        Ok(key)
    }

    /// Copies everything to a new file with a new master key, under `lock` alone, and gives it the place of this one:
    /// whoever knew an old passphrase, with whatever old copies, opens nothing that is written from now on. The folder
    /// stays locked throughout. After a crash the vault is the old file or the new one, whole; after an error this
    /// store goes on with the old one. No reader or writer may be alive.
    ///
    /// # Errors
    /// [`RelockError`].
    pub fn rekey<R: TryCryptoRng + Send + 'static>(&mut self, lock: Lock<'_>, rng: R) -> Result<(), RelockError> {
        let place = self.disk.place().ok_or(RelockError::NoFolder)?;
        // Nothing can be committed to the old file any more while it is copied.
        let database = self.database()?;
        let stop = Contained::new(guarded(&self.disk, || database.try_begin_write())?);
        let options = Options { cache_bytes: self.cache_bytes, stride: self.disk.stride(), on_repair: None };
        let new = Self::create_on_boxed(place.start_new()?, lock, options, Chance::new(rng));
        let new = new.map_err(|error| match error {
            CreateError::NoMemory => RelockError::NoMemory,
            CreateError::Store(error) => RelockError::Store(error),
            CreateError::AlreadyExists | CreateError::Busy | CreateError::NoLocks => {
                RelockError::Store(StoreError::Misuse)
            }
        })?;
        copy::all(self, &new)?;
        place.finish_new()?;
        new.disk.hold(place);
        drop(stop);
        let old = std::mem::replace(self, new);
        // The old file has no name any more; whatever it answers changes nothing.
        old.close().ok();
        Ok(())
    }

    /// Ends the use of the store and reports what a mere drop would not. A [`Writer`] that is alive keeps the file
    /// open until it ends.
    ///
    /// # Errors
    /// [`StoreError`]: what was acknowledged is safe all the same; the next opening repairs.
    pub fn close(mut self) -> Result<(), StoreError> {
        match self.database.take() {
            Some(database) => attempt(&self.disk, || database.close()),
            None => Err(StoreError::Poisoned),
        }
    }

    fn database(&self) -> Result<&redb::Database, StoreError> {
        self.database.as_ref().ok_or(StoreError::Poisoned)
    }
}

impl From<PlaceError> for CreateError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Busy => Self::Busy,
            PlaceError::NoLocks => Self::NoLocks,
            PlaceError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PlaceError> for OpenError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Busy => Self::Busy,
            PlaceError::NoLocks => Self::NoLocks,
            PlaceError::Store(error) => Self::Store(error),
        }
    }
}

const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    fn is_moved<T: Send>() {}
    is_shared::<Store>();
    is_shared::<Reader>();
    is_moved::<Writer>();
};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
