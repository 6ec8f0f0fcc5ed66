//! The front area of a vault file: what must be readable before any key is, and the wrapped master key.
//!
//! Two copies of 32 KiB, each whole in itself, written one after the other with a sync between: a torn write leaves the
//! other. It must never run a derivation that the bounds of carnet-seal do not allow, and must never believe a copy
//! whose tag does not verify under the master key that it yields. The bytes are in `docs/format.md`, "The vault file".

use std::fmt;

use carnet_seal::{
    block::{BLOCK_OVERHEAD_BYTES, BlockCipher, BlockKind},
    passphrase::{Argon2Error, PassphraseSlot, SLOT_BYTES as PASSPHRASE_SLOT_BYTES, UnlockError},
    secret::VaultKey,
};
use redb::StorageBackend;
use zeroize::Zeroizing;

use super::{
    Lock, Unlock,
    block::SealedDisk,
    chance::Chance,
    error::{CreateError, OpenError, RelockError, StoreError},
    keys::Keys,
};

/// Bytes of the front area.
pub(super) const FRONT_BYTES: usize = 2 * COPY_BYTES;
/// Bytes of one copy.
const COPY_BYTES: usize = 32 * 1024;
/// Key slots of a vault file.
const SLOTS: usize = 8;
/// The version of the layout of the whole file.
const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 16] = b"carnet vault\r\n\x1a\n";
const TAG_AT: usize = 48;
const SLOTS_AT: usize = 80;
const SLOT_BYTES: usize = 128;
/// A slot begins with its kind, the rest of these bytes is zero.
const SLOT_KIND_BYTES: usize = 4;
const KEY_SLOT_BYTES: usize = 32 + BLOCK_OVERHEAD_BYTES;
const NAME_BYTES: usize = 16;

const KIND_EMPTY: u8 = 0;
const KIND_PASSPHRASE: u8 = 1;
const KIND_KEY: u8 = 2;
const KIND_KEY_STORE: u8 = 3;

const _: () = assert!(SLOTS_AT + SLOTS * SLOT_BYTES <= COPY_BYTES);
const _: () = assert!(SLOT_KIND_BYTES + PASSPHRASE_SLOT_BYTES <= SLOT_BYTES);
const _: () = assert!(SLOT_KIND_BYTES + NAME_BYTES + KEY_SLOT_BYTES <= SLOT_BYTES);

/// How far apart the data blocks lie. Fixed when the file is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stride {
    /// 4136 bytes, one block after the other: 1 % more than the plaintext. A write may share a 512-byte sector with a
    /// neighbour, which assumes that a power cut garbles no byte that was not being written (`docs/assumptions.md`).
    #[default]
    Packed,
    /// 4608 bytes, whole sectors: 12.7 % more, for media that may garble the sector they were writing.
    Padded,
}

impl Stride {
    /// Bytes from one block to the next.
    pub fn bytes(self) -> usize {
        match self {
            Self::Packed => 4136,
            Self::Padded => 4608,
        }
    }

    fn code(self) -> u32 {
        match self {
            Self::Packed => 4136,
            Self::Padded => 4608,
        }
    }

    fn from_code(code: u32) -> Option<Self> {
        match code {
            4136 => Some(Self::Packed),
            4608 => Some(Self::Padded),
            _ => None,
        }
    }
}

/// Under which name the key store of an account keeps the key of a slot: 16 random bytes, in hexadecimal where they are
/// shown. They say nothing of the person or of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStoreName(pub [u8; NAME_BYTES]);

impl fmt::Display for KeyStoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What one of the eight places for locks holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A passphrase opens the vault.
    Passphrase,
    /// A key opens it that was handed out for a time.
    Key,
    /// A key opens it that the key store of an account keeps under this name.
    KeyStore(KeyStoreName),
}

/// The master key under one lock.
#[derive(Clone, PartialEq, Eq)]
enum Slot {
    Key([u8; KEY_SLOT_BYTES]),
    KeyStore(KeyStoreName, [u8; KEY_SLOT_BYTES]),
    Passphrase(PassphraseSlot),
}

/// What both copies of the front area say.
pub(super) struct Front {
    file_id: [u8; 16],
    stride: Stride,
    /// The counter of the newer copy.
    counter: u64,
    /// Which copy is written next: the one that is older, or damaged.
    next_copy: usize,
    slots: [Option<Slot>; SLOTS],
    /// Whether the other copy says something else, or nothing: a change was cut short, or the disk has lost something.
    is_torn: bool,
}

/// One copy as it was read.
struct FrontCopy {
    place: usize,
    counter: u64,
    file_id: [u8; 16],
    stride: Stride,
    tag: [u8; 32],
    slots: [Option<Slot>; SLOTS],
    /// The copy with the tag left out: what the tag is over.
    tagged: Vec<u8>,
}

/// Why 32 KiB are not a copy of a front area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyRefused {
    Malformed,
    NoMagic,
    Version(u32),
}

impl Front {
    /// Draws the keys of a new file and writes its front area, both copies, durable. The header slots behind it are
    /// filled with random bytes.
    pub(super) fn create(
        disk: &dyn StorageBackend,
        lock: Lock<'_>,
        stride: Stride,
        chance: &mut Chance,
    ) -> Result<(Self, Keys), CreateError> {
        let mut file_id = [0; 16];
        chance.fill(&mut file_id)?;
        let master = chance.with_rng(|rng| VaultKey::generate(rng))?;
        let keys = Keys::new(master, file_id);
        let slot = make_slot(lock, &keys, chance)?;
        let slots = [Some(slot), None, None, None, None, None, None, None];
        let front = Self { file_id, stride, counter: 2, next_copy: 0, slots, is_torn: false };
        let mut area = front.encode(1, &keys, chance)?;
        area.extend(front.encode(2, &keys, chance)?);
        let mut header_slots = vec![0; 2 * super::keys::HEADER_SLOT_BYTES];
        chance.fill(&mut header_slots)?;
        area.extend(header_slots);
        disk.set_len(area.len() as u64)
            .and_then(|()| disk.write(0, &area))
            .and_then(|()| disk.sync_data())
            .map_err(|error| StoreError::from_io(&error))?;
        Ok((front, keys))
    }

    /// Reads the front area and opens the newest copy that this lock opens and that is authentic.
    pub(super) fn open(disk: &dyn StorageBackend, unlock: Unlock<'_>) -> Result<(Self, Keys), OpenError> {
        let mut copies = read_copies(disk)?;
        copies.sort_by_key(|copy| std::cmp::Reverse(copy.counter));
        let mut tried: Vec<&Slot> = Vec::new();
        let mut is_damaged = false;
        for copy in &copies {
            for slot in copy.slots.iter().flatten() {
                if tried.contains(&slot) {
                    continue;
                }
                tried.push(slot);
                let Some(master) = open_slot(slot, unlock, &copy.file_id)? else { continue };
                let keys = Keys::new(master, copy.file_id);
                // The slot opened: its twin in the other copy would yield the same key, so all copies are judged now.
                let is_authentic = |copy: &&FrontCopy| {
                    copy.file_id == *keys.file_id() && keys.front().is_valid(&copy.tagged, &copy.tag)
                };
                let holds_slot = |copy: &&FrontCopy| copy.slots.iter().flatten().any(|other| other == slot);
                let authentic: Vec<&FrontCopy> = copies.iter().filter(is_authentic).collect();
                if let Some(chosen) = authentic.iter().copied().find(holds_slot) {
                    let front = chosen.front(&authentic);
                    return Ok((front, keys));
                }
                is_damaged = true;
            }
        }
        Err(match unlock {
            _ if is_damaged => OpenError::Store(StoreError::Damaged),
            Unlock::Key(_) | Unlock::KeyStore(_) => OpenError::Foreign,
            Unlock::Passphrase(_) => OpenError::WrongPassphrase,
        })
    }

    pub(super) fn stride(&self) -> Stride {
        self.stride
    }

    /// What the slots in use hold, in their order.
    pub(super) fn slot_kinds(&self) -> Vec<SlotKind> {
        self.slots.iter().flatten().map(Slot::kind).collect()
    }

    /// Makes both copies say the same again, if they do not: what the person opened the vault with is what stays.
    pub(super) fn heal(&mut self, disk: &SealedDisk) -> Result<(), StoreError> {
        if self.is_torn { self.write_copy(disk) } else { Ok(()) }
    }

    /// Puts `lock` in the place of every slot of its kind.
    pub(super) fn replace(&mut self, disk: &SealedDisk, lock: Lock<'_>) -> Result<(), RelockError> {
        let slot = disk.chance(|chance| Ok(make_slot(lock, disk.keys(), chance)))??;
        let mut slots = self.slots.clone();
        for old in &mut slots {
            if old.as_ref().is_some_and(|old| old.is_like(&slot)) {
                *old = None;
            }
        }
        let free = slots.iter_mut().find(|slot| slot.is_none()).ok_or(RelockError::SlotsFull)?;
        *free = Some(slot);
        self.write_both(disk, slots)
    }

    /// Takes away every slot of a kind that `is_meant` names.
    pub(super) fn withdraw(&mut self, disk: &SealedDisk, is_meant: fn(SlotKind) -> bool) -> Result<(), RelockError> {
        let mut slots = self.slots.clone();
        for slot in &mut slots {
            if slot.as_ref().is_some_and(|slot| is_meant(slot.kind())) {
                *slot = None;
            }
        }
        if slots.iter().all(Option::is_none) {
            return Err(RelockError::LastSlot);
        }
        self.write_both(disk, slots)
    }

    fn write_both(&mut self, disk: &SealedDisk, slots: [Option<Slot>; SLOTS]) -> Result<(), RelockError> {
        self.slots = slots;
        self.write_copy(disk)?;
        self.write_copy(disk)?;
        Ok(())
    }

    fn write_copy(&mut self, disk: &SealedDisk) -> Result<(), StoreError> {
        let counter = self.counter.checked_add(1).ok_or(StoreError::Damaged)?;
        let bytes = disk.chance(|chance| self.encode(counter, disk.keys(), chance))?;
        disk.write_front((self.next_copy * COPY_BYTES) as u64, &bytes)?;
        self.counter = counter;
        self.next_copy = 1 - self.next_copy;
        self.is_torn = false;
        Ok(())
    }

    /// A copy with this counter. What is not used is random, so that it looks like the rest of the file.
    fn encode(&self, counter: u64, keys: &Keys, chance: &mut Chance) -> Result<Vec<u8>, StoreError> {
        let mut copy = vec![0; COPY_BYTES];
        chance.fill(&mut copy)?;
        put(&mut copy, 0, MAGIC);
        put(&mut copy, 16, &FORMAT_VERSION.to_le_bytes());
        put(&mut copy, 20, &self.stride.code().to_le_bytes());
        put(&mut copy, 24, &counter.to_le_bytes());
        put(&mut copy, 32, &self.file_id);
        for (index, slot) in self.slots.iter().enumerate() {
            let at = SLOTS_AT + index * SLOT_BYTES;
            let (kind, body) = match slot {
                None => (KIND_EMPTY, Vec::new()),
                Some(Slot::Passphrase(slot)) => (KIND_PASSPHRASE, slot.to_bytes().to_vec()),
                Some(Slot::Key(wrapped)) => (KIND_KEY, wrapped.to_vec()),
                Some(Slot::KeyStore(name, wrapped)) => (KIND_KEY_STORE, [name.0.as_slice(), wrapped].concat()),
            };
            put(&mut copy, at, &[kind, 0, 0, 0]);
            put(&mut copy, at + SLOT_KIND_BYTES, &body);
        }
        let tag = keys.front().tag(&without_tag(&copy));
        put(&mut copy, TAG_AT, &tag);
        Ok(copy)
    }
}

impl FrontCopy {
    fn parse(place: usize, bytes: &[u8]) -> Result<Self, CopyRefused> {
        if bytes.get(..16) != Some(MAGIC) {
            return Err(CopyRefused::NoMagic);
        }
        let version = number(bytes, 16)?;
        if version != FORMAT_VERSION {
            return Err(CopyRefused::Version(version));
        }
        let stride = Stride::from_code(number(bytes, 20)?).ok_or(CopyRefused::Malformed)?;
        let counter = u64::from_le_bytes(array(bytes, 24)?);
        let mut slots = [const { None }; SLOTS];
        let areas = bytes.get(SLOTS_AT..).unwrap_or_default().chunks_exact(SLOT_BYTES);
        for (slot, area) in slots.iter_mut().zip(areas) {
            *slot = Slot::parse(area)?;
        }
        let (file_id, tag) = (array(bytes, 32)?, array(bytes, TAG_AT)?);
        Ok(Self { place, counter, file_id, stride, tag, slots, tagged: without_tag(bytes) })
    }

    /// The front area when this copy is the one that counts.
    fn front(&self, authentic: &[&Self]) -> Front {
        let newest = authentic.iter().map(|copy| copy.counter).max().unwrap_or(self.counter);
        let other = authentic.iter().find(|copy| copy.place != self.place);
        let is_torn = other.is_none_or(|other| other.slots != self.slots || other.stride != self.stride);
        let is_older = other.is_some_and(|other| other.counter > self.counter);
        Front {
            file_id: self.file_id,
            stride: self.stride,
            counter: newest,
            next_copy: if is_older && !is_torn { self.place } else { 1 - self.place },
            slots: self.slots.clone(),
            is_torn,
        }
    }
}

impl Slot {
    fn parse(area: &[u8]) -> Result<Option<Self>, CopyRefused> {
        let ([kind, 0, 0, 0], rest) = area.split_first_chunk::<SLOT_KIND_BYTES>().ok_or(CopyRefused::Malformed)? else {
            return Err(CopyRefused::Malformed);
        };
        match *kind {
            KIND_EMPTY => Ok(None),
            KIND_PASSPHRASE => {
                let body = rest.get(..PASSPHRASE_SLOT_BYTES).ok_or(CopyRefused::Malformed)?;
                let slot = PassphraseSlot::from_bytes(body).map_err(|_| CopyRefused::Malformed)?;
                Ok(Some(Self::Passphrase(slot)))
            }
            KIND_KEY => Ok(Some(Self::Key(array(rest, 0)?))),
            KIND_KEY_STORE => Ok(Some(Self::KeyStore(KeyStoreName(array(rest, 0)?), array(rest, NAME_BYTES)?))),
            _ => Err(CopyRefused::Malformed),
        }
    }

    fn kind(&self) -> SlotKind {
        match self {
            Self::Key(_) => SlotKind::Key,
            Self::KeyStore(name, _) => SlotKind::KeyStore(*name),
            Self::Passphrase(_) => SlotKind::Passphrase,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The names that the slots of this front area state, the newer copy first. Nothing of it is authenticated: they say
/// whom to ask for a key, and a name that was altered finds none.
pub(super) fn key_store_names(area: &[u8]) -> Vec<KeyStoreName> {
    let parsed = area.chunks_exact(COPY_BYTES).enumerate().map(|(place, bytes)| FrontCopy::parse(place, bytes));
    let mut copies: Vec<FrontCopy> = parsed.filter_map(Result::ok).collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.counter));
    let mut names = Vec::new();
    for slot in copies.iter().flat_map(|copy| copy.slots.iter().flatten()) {
        if let SlotKind::KeyStore(name) = slot.kind()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The copies that have the form of one. An error when there is none.
fn read_copies(disk: &dyn StorageBackend) -> Result<Vec<FrontCopy>, OpenError> {
    let length = disk.len().map_err(|error| StoreError::from_io(&error))?;
    if length < FRONT_BYTES as u64 {
        return Err(OpenError::NotAVault);
    }
    let mut area = vec![0; FRONT_BYTES];
    disk.read(0, &mut area).map_err(|error| StoreError::from_io(&error))?;
    let parsed: Vec<_> =
        area.chunks_exact(COPY_BYTES).enumerate().map(|(place, bytes)| FrontCopy::parse(place, bytes)).collect();
    let mut copies = Vec::new();
    let mut refused = OpenError::NotAVault;
    for copy in parsed {
        match copy {
            Ok(copy) => copies.push(copy),
            Err(CopyRefused::Version(version)) => refused = OpenError::Unsupported { version },
            Err(CopyRefused::Malformed) if refused == OpenError::NotAVault => {
                refused = OpenError::Store(StoreError::Damaged);
            }
            Err(CopyRefused::Malformed | CopyRefused::NoMagic) => {}
        }
    }
    if copies.is_empty() { Err(refused) } else { Ok(copies) }
}

/// What a slot is bound to: the format, the file, the kind of slot.
fn context(kind: u8, file_id: &[u8; 16]) -> [u8; 21] {
    let mut context = [0; 21];
    put(&mut context, 0, &FORMAT_VERSION.to_le_bytes());
    put(&mut context, 4, file_id);
    put(&mut context, 20, &[kind]);
    context
}

fn make_slot(lock: Lock<'_>, keys: &Keys, chance: &mut Chance) -> Result<Slot, SlotError> {
    match lock {
        Lock::Passphrase(passphrase, cost) => {
            let context = context(KIND_PASSPHRASE, keys.file_id());
            let sealed = chance.with_rng(|rng| PassphraseSlot::seal(keys.master(), passphrase, cost, &context, rng))?;
            sealed.map(Slot::Passphrase).map_err(SlotError::from)
        }
        Lock::Key(key) => Ok(Slot::Key(wrap(key, KIND_KEY, keys, chance)?)),
        Lock::KeyStore(name, key) => Ok(Slot::KeyStore(*name, wrap(key, KIND_KEY_STORE, keys, chance)?)),
    }
}

/// The master key under another key, bound to the file and to the kind of slot.
fn wrap(key: &VaultKey, kind: u8, keys: &Keys, chance: &mut Chance) -> Result<[u8; KEY_SLOT_BYTES], StoreError> {
    let mut nonce = [[0; 24]];
    chance.nonces(&mut nonce)?;
    let mut wrapped = [0; KEY_SLOT_BYTES];
    // The key of the slot has its own cipher for this file, apart from that of the master key inside.
    let cipher = BlockCipher::new(key, keys.file_id());
    let master = keys.master().expose_for_store();
    cipher
        .seal_block(BlockKind::Header, u64::from(kind), master, &nonce[0], &mut wrapped)
        .map_err(|_| StoreError::Misuse)?;
    Ok(wrapped)
}

fn unwrap_key(key: &VaultKey, kind: u8, file_id: &[u8; 16], wrapped: &[u8; KEY_SLOT_BYTES]) -> Option<VaultKey> {
    let mut master = Zeroizing::new([0; 32]);
    let cipher = BlockCipher::new(key, file_id);
    cipher.open_block(BlockKind::Header, u64::from(kind), wrapped, master.as_mut_slice()).ok()?;
    VaultKey::from_store(master.as_slice())
}

fn open_slot(slot: &Slot, unlock: Unlock<'_>, file_id: &[u8; 16]) -> Result<Option<VaultKey>, OpenError> {
    match (slot, unlock) {
        (Slot::Passphrase(slot), Unlock::Passphrase(passphrase)) => {
            match slot.open(passphrase, &context(KIND_PASSPHRASE, file_id)) {
                Ok(master) => Ok(Some(master)),
                Err(UnlockError::Argon2(Argon2Error::NoMemory(_))) => Err(OpenError::NoMemory),
                Err(_) => Ok(None),
            }
        }
        (Slot::Key(wrapped), Unlock::Key(key)) => Ok(unwrap_key(key, KIND_KEY, file_id, wrapped)),
        (Slot::KeyStore(_, wrapped), Unlock::KeyStore(key)) => Ok(unwrap_key(key, KIND_KEY_STORE, file_id, wrapped)),
        _ => Ok(None),
    }
}

/// Why a slot could not be made.
pub(super) enum SlotError {
    NoMemory,
    Store(StoreError),
}

impl From<StoreError> for SlotError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Argon2Error> for SlotError {
    fn from(error: Argon2Error) -> Self {
        match error {
            Argon2Error::NoMemory(_) => Self::NoMemory,
            _ => Self::Store(StoreError::Misuse),
        }
    }
}

impl From<SlotError> for CreateError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::NoMemory => Self::NoMemory,
            SlotError::Store(error) => Self::Store(error),
        }
    }
}

impl From<SlotError> for RelockError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::NoMemory => Self::NoMemory,
            SlotError::Store(error) => Self::Store(error),
        }
    }
}

fn without_tag(copy: &[u8]) -> Vec<u8> {
    let (before, rest) = copy.split_at(TAG_AT.min(copy.len()));
    [before, rest.get(SLOTS_AT - TAG_AT..).unwrap_or_default()].concat()
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(field) {
        *to = *from;
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u32, CopyRefused> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], CopyRefused> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(CopyRefused::Malformed)
}

#[cfg(test)]
mod tests;
