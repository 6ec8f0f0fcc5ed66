//! The encrypting disk under the database: every page of redb is sealed on its way out and authenticated on its way in.
//!
//! It must never return a byte that does not authenticate, except zeros while redb recovers from a crash; must never
//! overwrite the last durable header; and must never record a length that is not durable. The layout and these rules
//! are `docs/format.md`, "The vault file"; why each is needed is shown by the naive control in `tests/crash`.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use carnet_seal::block::SEALED_BLOCK_BYTES;
use redb::StorageBackend;

use super::{
    chance::Chance,
    error::StoreError,
    front::{FRONT_BYTES, Stride},
    keys::{HEADER_SLOT_BYTES, HEADER_SLOT_PLAIN_BYTES, Keys},
    place::Place,
};

/// Bytes of one page of redb, and of plaintext in one block.
pub(super) const PAGE_BYTES: usize = 4096;
const PAGE: u64 = PAGE_BYTES as u64;
/// Where the two header slots begin.
const HEADER_SLOTS_AT: u64 = FRONT_BYTES as u64;
/// Where the data blocks begin: block 1 is the first, block 0 is the header.
pub(super) const DATA_AT: u64 = HEADER_SLOTS_AT + 2 * HEADER_SLOT_BYTES as u64;
/// Bytes of redb's header that are kept; redb 4.5 uses 320.
const HEADER_BYTES: usize = 512;
/// Blocks that are sealed or opened through one buffer: 256 KiB of plaintext.
const BLOCKS_AT_ONCE: usize = 64;
/// Where redb keeps its flags.
const GOD_BYTE: usize = 9;
/// The last commit was in two phases: all that it names was durable before it was. A closed file always says so.
const TWO_PHASE_COMMIT: u8 = 4;

const _: () = assert!(16 + HEADER_BYTES <= HEADER_SLOT_PLAIN_BYTES);

/// What redb's header was when the file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// An unauthentic block reads as zeros: redb is recovering and its own checksums decide.
    Lenient,
    /// An unauthentic block is an error, and the end of this store.
    Strict,
}

/// The disk as redb sees it, shared with the store that owns the database.
pub(super) struct SealedDisk {
    disk: Box<dyn StorageBackend>,
    keys: Keys,
    stride: Stride,
    chance: Mutex<Chance>,
    lenient: AtomicBool,
    /// Logical length: what redb believes the file to be, a multiple of 4096.
    length: AtomicU64,
    trouble: Mutex<Option<StoreError>>,
    head: Mutex<Head>,
    /// The lock of the folder: held for as long as anything can still write to this disk.
    place: Mutex<Option<Arc<Place>>>,
}

struct Head {
    /// Counter of the last durable header slot; 0 when there is none yet.
    counter: u64,
    /// The slot that the next sync writes: never the last durable one.
    next_slot: u64,
    redb: [u8; HEADER_BYTES],
    is_written: bool,
    is_changed: bool,
    synced_length: u64,
    recorded_length: u64,
    /// Reused by every write.
    sealed: Vec<u8>,
}

impl fmt::Debug for SealedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedDisk({} bytes)", self.length.load(Ordering::Acquire))
    }
}

impl SealedDisk {
    /// A disk without a header: redb will initialise it.
    pub(super) fn create(disk: Box<dyn StorageBackend>, keys: Keys, stride: Stride, chance: Chance) -> Self {
        let head = Head {
            counter: 0,
            next_slot: 0,
            redb: [0; HEADER_BYTES],
            is_written: false,
            is_changed: false,
            synced_length: 0,
            recorded_length: 0,
            sealed: Vec::new(),
        };
        Self::with_head(disk, keys, stride, chance, head, 0, Reading::Strict)
    }

    /// A disk that was left by a clean or unclean end. Whatever the kernel still held is made durable first: what we
    /// are about to treat as the last durable header may have survived a killed process in the page cache only.
    pub(super) fn open(
        disk: Box<dyn StorageBackend>,
        keys: Keys,
        stride: Stride,
        chance: Chance,
    ) -> Result<Self, StoreError> {
        disk.sync_data().map_err(|error| StoreError::from_io(&error))?;
        let mut newest: Option<(u64, Box<[u8; HEADER_SLOT_PLAIN_BYTES]>)> = None;
        for slot in 0..2 {
            let mut sealed = [0; HEADER_SLOT_BYTES];
            disk.read(slot_at(slot), &mut sealed).map_err(|error| StoreError::from_io(&error))?;
            let mut plain = Box::new([0; HEADER_SLOT_PLAIN_BYTES]);
            if keys.open_header(slot, &sealed, &mut plain)
                && newest.as_ref().is_none_or(|(_, other)| number_at(other, 0) < number_at(&plain, 0))
            {
                newest = Some((slot, plain));
            }
        }
        let (slot, plain) = newest.ok_or(StoreError::Damaged)?;
        let (counter, length) = (number_at(&plain, 0), number_at(&plain, 8));
        let mut redb = [0; HEADER_BYTES];
        redb.copy_from_slice(plain.get(16..16 + HEADER_BYTES).ok_or(StoreError::Damaged)?);
        let physical = disk.len().map_err(|error| StoreError::from_io(&error))?;
        let needed = physical_length(length, stride).ok_or(StoreError::Damaged)?;
        if length == 0 || !length.is_multiple_of(PAGE) || needed > physical || counter == 0 {
            return Err(StoreError::Damaged);
        }
        // Not only while redb's flag "recovery required" is set: its repair clears that flag, durably, before it writes
        // the repaired state in two phases. A second power cut between the two leaves a header that no longer asks for
        // recovery and still names the torn commit, which redb must be able to find torn once more.
        let may_be_torn = redb[GOD_BYTE] & TWO_PHASE_COMMIT == 0;
        let head = Head {
            counter,
            next_slot: 1 - slot,
            redb,
            is_written: true,
            is_changed: false,
            synced_length: length,
            recorded_length: length,
            sealed: Vec::new(),
        };
        let reading = if may_be_torn { Reading::Lenient } else { Reading::Strict };
        Ok(Self::with_head(disk, keys, stride, chance, head, length, reading))
    }

    fn with_head(
        disk: Box<dyn StorageBackend>,
        keys: Keys,
        stride: Stride,
        chance: Chance,
        head: Head,
        length: u64,
        reading: Reading,
    ) -> Self {
        Self {
            disk,
            keys,
            stride,
            chance: Mutex::new(chance),
            lenient: AtomicBool::new(reading == Reading::Lenient),
            length: AtomicU64::new(length),
            trouble: Mutex::new(None),
            head: Mutex::new(head),
            place: Mutex::new(None),
        }
    }

    /// Holds the lock of the folder until the last user of this disk is gone.
    pub(super) fn hold(&self, place: Arc<Place>) {
        *lock(&self.place) = Some(place);
    }

    /// The folder this disk is in, if it is in one.
    pub(super) fn place(&self) -> Option<Arc<Place>> {
        lock(&self.place).clone()
    }

    /// Ends recovery: from here on an unauthentic block is an error. The opener calls this as soon as redb has opened.
    pub(super) fn be_strict(&self) {
        self.lenient.store(false, Ordering::Release);
    }

    /// The first failure, which every later use repeats as [`StoreError::Poisoned`].
    pub(super) fn trouble(&self) -> Option<StoreError> {
        *lock(&self.trouble)
    }

    /// Records a failure, unless there was one before, and gives back the first.
    pub(super) fn fail(&self, error: StoreError) -> StoreError {
        *lock(&self.trouble).get_or_insert(error)
    }

    /// Counter of the last durable header, and logical length in bytes.
    pub(super) fn position(&self) -> (u64, u64) {
        (lock(&self.head).counter, self.length.load(Ordering::Acquire))
    }

    /// Bytes of the file.
    pub(super) fn file_bytes(&self) -> Result<u64, StoreError> {
        self.disk.len().map_err(|error| self.fail(StoreError::from_io(&error)))
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn stride(&self) -> Stride {
        self.stride
    }

    /// Draws from the source of chance.
    pub(super) fn chance<T>(&self, draw: impl FnOnce(&mut Chance) -> Result<T, StoreError>) -> Result<T, StoreError> {
        draw(&mut lock(&self.chance))
    }

    /// Writes into the front area and makes it durable.
    pub(super) fn write_front(&self, at: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if self.trouble().is_some() {
            return Err(StoreError::Poisoned);
        }
        self.disk
            .write(at, bytes)
            .and_then(|()| self.disk.sync_data())
            .map_err(|error| self.fail(StoreError::from_io(&error)))
    }

    /// Reads every block of the file, whether the database uses it or not.
    pub(super) fn survey(&self) -> Result<Survey, StoreError> {
        let blocks = (self.length.load(Ordering::Acquire) / PAGE).saturating_sub(1);
        let mut survey = Survey { blocks, ..Survey::default() };
        let (mut sealed, blank) = (vec![0; self.stride.bytes()], vec![0; self.stride.bytes()]);
        let mut plain = [0; PAGE_BYTES];
        for index in 1..=blocks {
            let at = self.block_at(index).map_err(|error| StoreError::from_io(&error))?;
            self.disk.read(at, &mut sealed).map_err(|error| self.fail(StoreError::from_io(&error)))?;
            if sealed == blank {
                survey.blank += 1;
            } else if self.open_block(index, &sealed, &mut plain) {
                survey.authentic += 1;
            } else {
                survey.unreadable += 1;
            }
        }
        Ok(survey)
    }

    fn open_block(&self, index: u64, sealed: &[u8], out: &mut [u8]) -> bool {
        sealed.get(..SEALED_BLOCK_BYTES).is_some_and(|sealed| self.keys.open_block(index, sealed, out))
    }

    fn block_at(&self, index: u64) -> io::Result<u64> {
        index
            .checked_sub(1)
            .and_then(|blocks| blocks.checked_mul(self.stride.bytes() as u64))
            .and_then(|bytes| bytes.checked_add(DATA_AT))
            .ok_or_else(out_of_range)
    }

    fn check(&self) -> io::Result<()> {
        match self.trouble() {
            None => Ok(()),
            Some(_) => Err(io::Error::other(StoreError::Poisoned)),
        }
    }

    fn failed(&self, error: io::Error) -> io::Error {
        self.fail(StoreError::from_io(&error));
        error
    }

    fn refused(&self, error: StoreError) -> io::Error {
        io::Error::other(self.fail(error))
    }

    fn damaged(&self) -> io::Error {
        self.fail(StoreError::Damaged);
        io::Error::new(io::ErrorKind::InvalidData, StoreError::Damaged)
    }

    /// The first block of a request for whole pages, which must lie within the logical length.
    fn first_block(&self, offset: u64, bytes: usize) -> io::Result<u64> {
        let end = offset.checked_add(bytes as u64).ok_or_else(out_of_range)?;
        let is_whole = offset >= PAGE && offset.is_multiple_of(PAGE) && bytes.is_multiple_of(PAGE_BYTES);
        if !is_whole || end > self.length.load(Ordering::Acquire) {
            return Err(out_of_range());
        }
        Ok(offset / PAGE)
    }

    /// Reads whole pages. `false` when one of their blocks does not authenticate: then nothing in `out` counts.
    fn read_pages(&self, offset: u64, out: &mut [u8]) -> io::Result<bool> {
        let first = self.first_block(offset, out.len()).map_err(|error| self.failed(error))?;
        let stride = self.stride.bytes();
        let mut sealed = vec![0; stride * BLOCKS_AT_ONCE.min(out.len() / PAGE_BYTES)];
        let mut index = first;
        for part in out.chunks_mut(BLOCKS_AT_ONCE * PAGE_BYTES) {
            let sealed = sealed.get_mut(..stride * (part.len() / PAGE_BYTES)).ok_or_else(out_of_range)?;
            self.disk.read(self.block_at(index)?, sealed).map_err(|error| self.failed(error))?;
            for (plain, sealed) in part.chunks_exact_mut(PAGE_BYTES).zip(sealed.chunks_exact(stride)) {
                if !self.open_block(index, sealed, plain) {
                    return Ok(false);
                }
                index += 1;
            }
        }
        Ok(true)
    }

    fn write_pages(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut index = self.first_block(offset, data.len()).map_err(|error| self.failed(error))?;
        let stride = self.stride.bytes();
        let mut head = lock(&self.head);
        for part in data.chunks(BLOCKS_AT_ONCE * PAGE_BYTES) {
            let blocks = part.len() / PAGE_BYTES;
            head.sealed.resize(blocks * stride, 0);
            let mut nonces = [[0; 24]; BLOCKS_AT_ONCE];
            let nonces = nonces.get_mut(..blocks).ok_or_else(out_of_range)?;
            {
                let mut chance = lock(&self.chance);
                chance.nonces(nonces).map_err(|error| self.refused(error))?;
                if self.stride == Stride::Padded {
                    for sealed in head.sealed.chunks_exact_mut(stride) {
                        let filler = sealed.get_mut(SEALED_BLOCK_BYTES..).ok_or_else(out_of_range)?;
                        chance.fill(filler).map_err(|error| self.refused(error))?;
                    }
                }
            }
            let at = self.block_at(index)?;
            let pages = part.chunks_exact(PAGE_BYTES).zip(nonces.iter());
            for ((plain, nonce), sealed) in pages.zip(head.sealed.chunks_exact_mut(stride)) {
                let sealed = sealed.get_mut(..SEALED_BLOCK_BYTES).ok_or_else(out_of_range)?;
                if !self.keys.seal_block(index, nonce, plain, sealed) {
                    return Err(self.refused(StoreError::Misuse));
                }
                index += 1;
            }
            self.disk.write(at, &head.sealed).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Writes the header slot that is not the last durable one, then syncs. The slot records the length that was
    /// durable before this sync, if that is the shorter: a longer one may not outlive a crash.
    fn sync(&self, head: &mut Head) -> io::Result<()> {
        let length = self.length.load(Ordering::Acquire);
        let recorded = length.min(head.synced_length);
        let writes_slot = head.is_written && (head.is_changed || recorded != head.recorded_length);
        let counter = head.counter.checked_add(1).ok_or_else(out_of_range)?;
        if writes_slot {
            let mut plain = [0; HEADER_SLOT_PLAIN_BYTES];
            for (to, from) in plain
                .iter_mut()
                .zip(counter.to_le_bytes().into_iter().chain(recorded.to_le_bytes()).chain(head.redb.iter().copied()))
            {
                *to = from;
            }
            let mut nonce = [[0; 24]];
            lock(&self.chance).nonces(&mut nonce).map_err(|error| self.refused(error))?;
            let mut sealed = [0; HEADER_SLOT_BYTES];
            if !self.keys.seal_header(head.next_slot, &nonce[0], &plain, &mut sealed) {
                return Err(self.refused(StoreError::Misuse));
            }
            self.disk.write(slot_at(head.next_slot), &sealed).map_err(|error| self.failed(error))?;
        }
        self.disk.sync_data().map_err(|error| self.failed(error))?;
        if writes_slot {
            head.counter = counter;
            head.next_slot = 1 - head.next_slot;
            head.recorded_length = recorded;
            head.is_changed = false;
        }
        head.synced_length = length;
        Ok(())
    }
}

/// What redb is given: the same disk, by reference.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Arc<SealedDisk>);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.check()?;
        Ok(self.0.length.load(Ordering::Acquire))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.check()?;
        if offset == 0 {
            let head = lock(&self.0.head);
            let header = head.redb.get(..out.len()).ok_or_else(|| self.0.failed(out_of_range()))?;
            out.copy_from_slice(header);
            return Ok(());
        }
        if self.0.read_pages(offset, out)? {
            return Ok(());
        }
        // The whole read becomes zeros, not only the block that failed: redb's checksum covers only the used part of a
        // page, so a torn tail that is not used would be accepted now and fail to authenticate for ever after.
        out.fill(0);
        if self.0.lenient.load(Ordering::Acquire) { Ok(()) } else { Err(self.0.damaged()) }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.check()?;
        let physical = physical_length(length, self.0.stride).filter(|_| length.is_multiple_of(PAGE));
        let physical = physical.ok_or_else(|| self.0.failed(out_of_range()))?;
        let mut head = lock(&self.0.head);
        if length < self.0.length.swap(length, Ordering::AcqRel) {
            self.0.sync(&mut head)?;
        }
        self.0.disk.set_len(physical).map_err(|error| self.0.failed(error))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.check()?;
        self.0.sync(&mut lock(&self.0.head))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.check()?;
        if offset == 0 {
            let mut head = lock(&self.0.head);
            let kept = head.redb.get_mut(..data.len()).ok_or_else(|| self.0.failed(out_of_range()))?;
            kept.copy_from_slice(data);
            head.is_written = true;
            head.is_changed = true;
            return Ok(());
        }
        self.0.write_pages(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.disk.close()
    }
}

/// What reading every block of a file showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Data blocks within the logical length.
    pub blocks: u64,
    /// Blocks that authenticate.
    pub authentic: u64,
    /// Blocks that were never written.
    pub blank: u64,
    /// Blocks that do not authenticate. A crash leaves such blocks in space that the database does not use; in space
    /// that it uses, they are damage, and verification has failed.
    pub unreadable: u64,
}

/// Bytes of the file for a logical length.
pub(super) fn physical_length(length: u64, stride: Stride) -> Option<u64> {
    let blocks = (length / PAGE).saturating_sub(1);
    blocks.checked_mul(stride.bytes() as u64)?.checked_add(DATA_AT)
}

fn slot_at(slot: u64) -> u64 {
    HEADER_SLOTS_AT + slot * HEADER_SLOT_BYTES as u64
}

fn number_at(plain: &[u8; HEADER_SLOT_PLAIN_BYTES], at: usize) -> u64 {
    let bytes = plain.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    u64::from_le_bytes(bytes.unwrap_or_default())
}

fn out_of_range() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "outside of the file")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
