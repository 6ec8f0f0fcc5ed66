//! The lock for a key store: what opens it, what does not, and what is left when it goes.

use std::{fs, path::Path};

use carnet_seal::passphrase::{Argon2Params, Passphrase};
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::store::{Options, Store, place::VAULT_FILE};

const NAME: KeyStoreName = KeyStoreName([0x60; NAME_BYTES]);
const OTHER_NAME: KeyStoreName = KeyStoreName([0x61; NAME_BYTES]);

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn key(byte: u8) -> VaultKey {
    VaultKey::from_store(&[byte; 32]).unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new(b"trois mots choisis").unwrap()
}

fn create(folder: &Path) -> Store {
    let lock = Lock::Passphrase(&passphrase(), Argon2Params::MINIMUM);
    Store::create(folder, lock, Options::default(), rng()).unwrap()
}

/// A vault with a lock for a key store, closed.
fn with_key_store(folder: &Path) {
    let mut store = create(folder);
    store.admit_key_store(&NAME, &key(1)).unwrap();
    store.close().unwrap();
}

fn open(folder: &Path, unlock: Unlock<'_>) -> Result<Vec<SlotKind>, OpenError> {
    let store = Store::open(folder, unlock, Options::default(), rng())?;
    let slots = store.slots();
    store.close().unwrap();
    Ok(slots)
}

/// Puts `bytes` in the place of the file.
fn write(path: &Path, bytes: &[u8]) {
    let mut file = crate::store::file_options().truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

/// The wrapped key of the only lock for a key store.
fn wrapped_of(store: &Store) -> ([u8; 16], [u8; KEY_SLOT_BYTES]) {
    let wrapped = store.front.slots.iter().flatten().find_map(|slot| match slot {
        Slot::KeyStore(_, wrapped) => Some(*wrapped),
        Slot::Key(_) | Slot::Passphrase(_) => None,
    });
    (store.front.file_id, wrapped.unwrap())
}

#[test]
fn a_key_store_opens_the_vault_beside_the_passphrase_until_it_is_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, passphrase) = (folder.path(), passphrase());
    assert_eq!(Store::key_store_names(folder), [], "there is no vault");
    with_key_store(folder);
    assert_eq!(Store::key_store_names(folder), [NAME]);
    let both = [SlotKind::Passphrase, SlotKind::KeyStore(NAME)];
    assert_eq!(open(folder, Unlock::KeyStore(&key(1))).unwrap(), both);
    assert_eq!(open(folder, Unlock::Passphrase(&passphrase)).unwrap(), both, "the passphrase opens as before");
    assert_eq!(open(folder, Unlock::KeyStore(&key(2))).unwrap_err(), OpenError::Foreign);
    let mut store = Store::open(folder, Unlock::KeyStore(&key(1)), Options::default(), rng()).unwrap();
    assert_eq!(Store::key_store_names(folder), [NAME], "the name is read while the vault is open");
    store.withdraw_key_store().unwrap();
    store.close().unwrap();
    assert_eq!(Store::key_store_names(folder), []);
    assert_eq!(open(folder, Unlock::KeyStore(&key(1))).unwrap_err(), OpenError::Foreign);
    assert_eq!(open(folder, Unlock::Passphrase(&passphrase)).unwrap(), [SlotKind::Passphrase]);
}

#[test]
fn a_key_for_a_time_and_a_key_store_leave_each_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.admit_key_store(&NAME, &key(1)).unwrap();
    let kept = store.key_for_keeper().unwrap();
    store.admit_key_store(&OTHER_NAME, &key(2)).unwrap();
    assert_eq!(store.slots().len(), 3, "a key store takes the place of the one before");
    store.close().unwrap();
    assert_eq!(Store::key_store_names(folder.path()), [OTHER_NAME]);
    assert_eq!(open(folder.path(), Unlock::KeyStore(&key(1))).unwrap_err(), OpenError::Foreign);
    open(folder.path(), Unlock::Key(&kept)).unwrap();
    let mut store = Store::open(folder.path(), Unlock::KeyStore(&key(2)), Options::default(), rng()).unwrap();
    store.withdraw_keys().unwrap();
    store.close().unwrap();
    assert_eq!(open(folder.path(), Unlock::Key(&kept)).unwrap_err(), OpenError::Foreign);
    open(folder.path(), Unlock::KeyStore(&key(2))).unwrap();
}

#[test]
fn a_full_change_of_keys_leaves_no_key_store_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.admit_key_store(&NAME, &key(1)).unwrap();
    store.rekey(Lock::Passphrase(&passphrase(), Argon2Params::MINIMUM), StdRng::seed_from_u64(8)).unwrap();
    assert_eq!(store.slots(), [SlotKind::Passphrase]);
    store.close().unwrap();
    assert_eq!(open(folder.path(), Unlock::KeyStore(&key(1))).unwrap_err(), OpenError::Foreign);
}

#[test]
fn fault_c6_the_key_of_a_key_store_opens_its_lock_in_its_file_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.admit_key_store(&NAME, &key(1)).unwrap();
    let (file_id, wrapped) = wrapped_of(&store);
    let opens = |key: &VaultKey, kind, file_id: &[u8; 16], wrapped| unwrap_key(key, kind, file_id, wrapped).is_some();
    assert!(opens(&key(1), KIND_KEY_STORE, &file_id, &wrapped), "the control");
    assert!(!opens(&key(1), KIND_KEY_STORE, &[0; 16], &wrapped), "another file");
    assert!(!opens(&key(1), KIND_KEY, &file_id, &wrapped), "another kind");
    assert!(!opens(store.disk.keys().master(), KIND_KEY_STORE, &file_id, &wrapped), "another key");
    store.keep_key(&key(1)).unwrap();
    let as_key = store.front.slots.iter().flatten().find_map(|slot| match slot {
        Slot::Key(wrapped) => Some(*wrapped),
        Slot::KeyStore(..) | Slot::Passphrase(_) => None,
    });
    assert!(!opens(&key(1), KIND_KEY_STORE, &file_id, &as_key.unwrap()), "the same key under the other kind");
}

#[test]
fn fault_b1_no_flipped_bit_of_the_lock_for_a_key_store_opens() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    store.admit_key_store(&NAME, &key(1)).unwrap();
    let (file_id, wrapped) = wrapped_of(&store);
    for bit in 0..KEY_SLOT_BYTES * 8 {
        let mut altered = wrapped;
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(unwrap_key(&key(1), KIND_KEY_STORE, &file_id, &altered).is_none(), "bit {bit}");
    }
}

/// Whoever can write the file moves the lock of a vault that they open into the vault of someone else.
#[test]
fn fault_b3_the_lock_of_another_vault_opens_nothing() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [theirs, ours] = folders.each_ref().map(|folder| folder.path().join(VAULT_FILE));
    with_key_store(folders[0].path());
    let lock = Lock::Passphrase(&passphrase(), Argon2Params::MINIMUM);
    Store::create(folders[1].path(), lock, Options::default(), StdRng::seed_from_u64(9)).unwrap().close().unwrap();
    let slot = SLOTS_AT + SLOT_BYTES..SLOTS_AT + 2 * SLOT_BYTES;
    let moved = fs::read(theirs).unwrap()[slot.clone()].to_vec();
    let mut file = fs::read(&ours).unwrap();
    for copy in [0, COPY_BYTES] {
        file[copy + slot.start..copy + slot.end].copy_from_slice(&moved);
    }
    write(&ours, &file);
    assert_eq!(Store::key_store_names(folders[1].path()), [NAME], "the moved lock is there");
    assert_eq!(open(folders[1].path(), Unlock::KeyStore(&key(1))).unwrap_err(), OpenError::Foreign);
    let opened = open(folders[1].path(), Unlock::Passphrase(&passphrase()));
    assert_eq!(opened.unwrap_err(), OpenError::Store(StoreError::Damaged), "and that it is new does not go unnoticed");
}

/// An altered name finds another key or none; the other copy still has the right one.
#[test]
fn fault_b1_an_altered_name_is_asked_for_after_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    with_key_store(folder.path());
    let path = folder.path().join(VAULT_FILE);
    let mut file = fs::read(&path).unwrap();
    let newer = if file[24] > file[COPY_BYTES + 24] { 0 } else { COPY_BYTES };
    file[newer + SLOTS_AT + SLOT_BYTES + SLOT_KIND_BYTES] ^= 1;
    write(&path, &file);
    let mut altered = NAME;
    altered.0[0] ^= 1;
    assert_eq!(Store::key_store_names(folder.path()), [altered, NAME]);
    open(folder.path(), Unlock::KeyStore(&key(1))).unwrap();
    assert_eq!(Store::key_store_names(folder.path()), [NAME], "the altered copy was written anew");
    write(&path, &file[..FRONT_BYTES - 1]);
    assert_eq!(Store::key_store_names(folder.path()), [], "too short for a vault");
}

#[test]
fn the_last_lock_is_not_withdrawn_even_if_it_is_that_of_a_key_store() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::KeyStore(&NAME, &key(1));
    let mut store = Store::create(folder.path(), lock, Options::default(), rng()).unwrap();
    assert_eq!(store.withdraw_key_store().unwrap_err(), RelockError::LastSlot);
    store.close().unwrap();
    open(folder.path(), Unlock::KeyStore(&key(1))).unwrap();
}

#[test]
fn no_lock_is_added_where_all_places_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path());
    let slot = store.front.slots[0].clone();
    store.front.slots = std::array::from_fn(|_| slot.clone());
    assert_eq!(store.admit_key_store(&NAME, &key(1)).unwrap_err(), RelockError::SlotsFull);
    assert_eq!(store.slots(), [SlotKind::Passphrase; SLOTS]);
    store.close().unwrap();
    assert_eq!(Store::key_store_names(folder.path()), [], "and nothing was written");
    open(folder.path(), Unlock::Passphrase(&passphrase())).unwrap();
}
