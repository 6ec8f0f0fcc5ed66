//! The control: redb over an encrypting disk that follows none of our rules.
//!
//! One header block, overwritten in place; a block that does not authenticate is an error, always; the length is
//! whatever the file has. It encrypts with the same cipher, so the only difference is the discipline.

use std::io;

use carnet_seal::block::{BlockCipher, BlockKind, SEALED_BLOCK_BYTES};
use carnet_tests::crash::{Content, CrashDisk, Run, Step, fork, test_key};
use carnet_vault::store::Durability;
use rand::Rng as _;
use rand_chacha::ChaCha20Rng;
use redb::{ReadableDatabase as _, ReadableTable as _, StorageBackend, TableDefinition};

const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
const PAGE: usize = 4096;
const STRIDE: usize = SEALED_BLOCK_BYTES;

struct NaiveDisk {
    disk: CrashDisk,
    cipher: BlockCipher,
    chance: std::sync::Mutex<ChaCha20Rng>,
}

impl std::fmt::Debug for NaiveDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NaiveDisk")
    }
}

impl NaiveDisk {
    fn new(disk: CrashDisk, rng: &mut ChaCha20Rng) -> Self {
        Self { disk, cipher: BlockCipher::new(&test_key(), &[7; 16]), chance: std::sync::Mutex::new(fork(rng)) }
    }

    fn read_block(&self, index: u64, page: &mut [u8]) -> io::Result<()> {
        let mut sealed = [0; STRIDE];
        self.disk.read(index * STRIDE as u64, &mut sealed)?;
        self.cipher
            .open_block(BlockKind::Data, index, &sealed, page)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    fn write_block(&self, index: u64, page: &[u8]) -> io::Result<()> {
        let (mut nonce, mut sealed) = ([0; 24], [0; STRIDE]);
        self.chance.lock().expect("one thread").fill_bytes(&mut nonce);
        self.cipher
            .seal_block(BlockKind::Data, index, page, &nonce, &mut sealed)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.disk.write(index * STRIDE as u64, &sealed)
    }
}

impl StorageBackend for NaiveDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.len()? / STRIDE as u64 * PAGE as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset == 0 {
            let mut page = [0; PAGE];
            self.read_block(0, &mut page)?;
            out.copy_from_slice(&page[..out.len()]);
            return Ok(());
        }
        for (index, page) in (offset / PAGE as u64..).zip(out.chunks_mut(PAGE)) {
            self.read_block(index, page)?;
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.set_len(length / PAGE as u64 * STRIDE as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 {
            let mut page = [0; PAGE];
            page[..data.len()].copy_from_slice(data);
            return self.write_block(0, &page);
        }
        for (index, page) in (offset / PAGE as u64..).zip(data.chunks(PAGE)) {
            self.write_block(index, page)?;
        }
        Ok(())
    }
}

fn open(disk: CrashDisk, rng: &mut ChaCha20Rng) -> Result<redb::Database, redb::DatabaseError> {
    redb::Builder::new().set_cache_size(256 * 1024).create_with_backend(NaiveDisk::new(disk, rng))
}

/// Runs the commits of a workload.
pub(crate) fn run(steps: &[Step], rng: &mut ChaCha20Rng) -> Run {
    let disk = CrashDisk::default();
    let database = open(disk.clone(), rng).expect("a healthy disk takes a new database");
    let created = disk.position();
    let mut content = Content::new();
    let mut commits = vec![(created, created, content.clone())];
    for step in steps {
        let Step::Commit(durability, changes) = step else { continue };
        let began = disk.position();
        let mut writer = database.begin_write().expect("a healthy disk");
        writer.set_two_phase_commit(*durability == Durability::Acknowledged);
        let mut table = writer.open_table(ROWS).expect("a healthy disk");
        for (key, value) in changes {
            if let Some(value) = value {
                table.insert(key.as_slice(), value.as_slice()).expect("a healthy disk");
                content.insert(key.clone(), value.clone());
            } else {
                table.remove(key.as_slice()).expect("a healthy disk");
                content.remove(key);
            }
        }
        drop(table);
        writer.commit().expect("a healthy disk");
        commits.push((began, disk.position(), content.clone()));
    }
    drop(database);
    Run { events: disk.events(), created, commits }
}

/// Whether the database opens and holds one of `allowed`. Less is asked of it than of the vault.
pub(crate) fn survives(image: Vec<u8>, allowed: &[&Content], rng: &mut ChaCha20Rng) -> Result<(), String> {
    let database = open(CrashDisk::holding(image), rng).map_err(|error| format!("does not open: {error}"))?;
    let found = content(&database).map_err(|error| format!("cannot be read: {error}"))?;
    if allowed.contains(&&found) { Ok(()) } else { Err("holds something else".to_owned()) }
}

fn content(database: &redb::Database) -> Result<Content, redb::Error> {
    let reader = database.begin_read()?;
    let table = match reader.open_table(ROWS) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Content::new()),
        table => table?,
    };
    let mut content = Content::new();
    for row in table.iter()? {
        let (key, value) = row?;
        content.insert(key.value().to_vec(), value.value().to_vec());
    }
    Ok(content)
}
