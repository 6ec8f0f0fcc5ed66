//! What becomes of sealed files that nothing names any more: an import done twice must not fill the disk, and a record
//! that was taken off a device must leave nothing there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use carnet_record::EntryId;

use super::*;
use crate::{store::Durability, tables::VAULT, verify::FileDamage};

/// Sealed beside the store.
pub(super) const LARGE: usize = 200_000;
/// Sealed into the store.
const SMALL: usize = 1_000;

pub(super) fn add_document(device: &mut Device, id: &RecordId, file: u8, name: &str, bytes: usize) -> EntryId {
    import(&mut device.record(id), file, document(name, &vec![file; bytes]));
    let is_it = |found: &crate::entries::Found| found.entry.fact.label() == name;
    let record = device.record(id);
    record.list(&Filter::default()).unwrap().into_iter().find(is_it).unwrap().entry.id
}

pub(super) fn content(device: &mut Device, id: &RecordId, entry: &EntryId) -> usize {
    let mut bytes = 0;
    let read = device.record(id).read_document(entry, |part| {
        bytes += part.len();
        Ok(())
    });
    read.unwrap();
    bytes
}

/// How many sealed files the store names, and the files beside it.
pub(super) fn kept(device: &Device) -> (usize, BTreeSet<PathBuf>) {
    let reader = device.vault.store().read().unwrap();
    let rows = device.vault.blobs.all(&reader).unwrap().map(Result::unwrap).count();
    let mut files = BTreeSet::new();
    let mut folders = vec![device.vault.folder().join("blobs")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    (rows, files)
}

#[test]
fn a_record_that_is_taken_off_takes_its_files_and_no_others() {
    let mut one = Device::new(400);
    let (mine, other) = (one.begin().record, one.begin().record);
    let stays = add_document(&mut one, &other, 1, "reste", LARGE);
    let (rows, files) = kept(&one);
    add_document(&mut one, &mine, 2, "grand", LARGE);
    add_document(&mut one, &mine, 3, "petit", SMALL);
    let unfinished = ImportSource { sha256: [4; 32], importer: "tests 1".to_owned() };
    let mut items = document("commencé", &vec![4; LARGE]);
    items.extend((0..600).map(|n| Item::Draft(Box::new(allergy(&n.to_string())))));
    let mut items = items.into_iter();
    let mut record = one.record(&mine);
    record.begin_import(&unfinished).unwrap().read::<ImportError>(|| Ok(items.next())).unwrap();
    let missing = carnet_crypto::id::ObjectId([9; 32]);
    drop(one.record(&mine).download(&missing, 100_000).unwrap());
    assert_eq!(kept(&one).0, rows + 3, "two documents and a staged one");
    one.vault.forget_record(&mine).unwrap();
    assert_eq!(kept(&one).0, rows);
    one.vault.sweep().unwrap();
    assert_eq!(kept(&one), (rows, files), "the begun transfer too");
    assert_eq!(content(&mut one, &other, &stays), LARGE);
    let mut one = one.reopen();
    assert_eq!(content(&mut one, &other, &stays), LARGE);
}

#[test]
fn a_file_that_another_record_names_stays_when_one_is_taken_off() {
    let mut one = Device::new(401);
    let (mine, other) = (one.begin().record, one.begin().record);
    let entry = add_document(&mut one, &mine, 1, "partagé", LARGE);
    let entry = one.record(&mine).entry(&entry).unwrap().entry;
    let draft = Draft::new(entry.fact, Provenance::default());
    one.record(&other).add(&draft).unwrap();
    let before = kept(&one);
    one.vault.forget_record(&mine).unwrap();
    assert_eq!(kept(&one), before);
}

#[test]
fn fault_a4_a_cut_between_the_record_and_its_files_is_made_good_at_the_next_opening() {
    let mut one = Device::new(402);
    let mine = one.begin().record;
    let nothing = kept(&one);
    add_document(&mut one, &mine, 1, "grand", LARGE);
    let (_, files) = kept(&one);
    let saved: Vec<(PathBuf, Vec<u8>)> = files.into_iter().map(|path| (path.clone(), read(&path))).collect();
    one.vault.forget_record(&mine).unwrap();
    assert_eq!(kept(&one), nothing);
    // As it lies after the commit and before the files are gone.
    for (path, bytes) in saved {
        overwrite(&path, &bytes);
    }
    let mut writer = one.vault.store().write(Durability::Acknowledged).unwrap();
    writer.put(VAULT, b"sweep", &[]).unwrap();
    writer.commit().unwrap();
    let one = one.reopen();
    assert_eq!(kept(&one), nothing);
    assert_eq!(one.vault.store().read().unwrap().get(VAULT, b"sweep").unwrap(), None);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = crate::store::file_options().create(true).truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

#[test]
fn the_same_bytes_imported_again_take_no_more_room() {
    let mut one = Device::new(403);
    let id = one.begin().record;
    for (name, bytes) in [("grand", LARGE), ("petit", SMALL)] {
        import(&mut one.record(&id), 1, document(name, &vec![1; bytes]));
        let before = kept(&one);
        import(&mut one.record(&id), 2, document(name, &vec![1; bytes]));
        import(&mut one.record(&id), 3, document("autre nom", &vec![1; bytes]));
        assert_eq!(kept(&one), before, "{name}");
    }
}

#[test]
fn an_abandoned_import_leaves_no_file() {
    let mut one = Device::new(404);
    let id = one.begin().record;
    let known = add_document(&mut one, &id, 1, "connu", LARGE);
    let before = kept(&one);
    let source = ImportSource { sha256: [2; 32], importer: "tests 1".to_owned() };
    // The bytes of a known document, then others; enough drafts to put them aside in the store.
    let mut items = document("connu autrement", &vec![1; LARGE]);
    items.extend(document("nouveau", &vec![2; LARGE]));
    items.extend(document("petit", &[3; SMALL]));
    items.extend((0..600).map(|n| Item::Draft(Box::new(allergy(&n.to_string())))));
    let mut items = items.into_iter();
    one.record(&id).begin_import(&source).unwrap().read::<ImportError>(|| Ok(items.next())).unwrap();
    assert_eq!(kept(&one).0, before.0 + 2);
    one.record(&id).begin_import(&source).unwrap().abandon().unwrap();
    assert_eq!(kept(&one), before);
    assert_eq!(content(&mut one, &id, &known), LARGE);
}

#[test]
fn a_file_whose_bytes_are_not_here_gives_way_to_the_one_that_comes_again() {
    let mut one = Device::new(407);
    let id = one.begin().record;
    let entry = add_document(&mut one, &id, 1, "connu", SMALL);
    let object = one.record(&id).named_files().unwrap()[0];
    let (rows, _) = kept(&one);
    let mut writer = one.vault.store().write(Durability::Acknowledged).unwrap();
    assert!(one.vault.blobs.forget(&mut writer, &object).unwrap());
    writer.commit().unwrap();
    import(&mut one.record(&id), 2, document("connu", &[1; SMALL]));
    assert_ne!(one.record(&id).named_files().unwrap(), [object]);
    assert_eq!(content(&mut one, &id, &entry), SMALL);
    assert_eq!(kept(&one).0, rows, "nothing is kept of the one that is gone");
    let here = kept(&one);
    import(&mut one.record(&id), 3, document("connu", &[1; SMALL]));
    assert_eq!(kept(&one), here, "and the next time there is nothing to bring back");
}

#[test]
fn fault_a4_what_a_cut_import_sealed_is_swept_and_the_import_goes_on() {
    let mut one = Device::new(405);
    let id = one.begin().record;
    let before = kept(&one);
    let source = ImportSource { sha256: [2; 32], importer: "tests 1".to_owned() };
    let items = || document("nouveau", &vec![2; LARGE]).into_iter();
    let mut begun = items();
    one.record(&id).begin_import(&source).unwrap().read::<ImportError>(|| Ok(begun.next())).unwrap();
    assert_eq!(kept(&one).1.len(), before.1.len() + 1, "sealed, and in no step yet");
    let mut one = one.reopen();
    assert_eq!(kept(&one), before);
    let mut again = items();
    let mut record = one.record(&id);
    let mut import = record.begin_import(&source).unwrap();
    import.read::<ImportError>(|| Ok(again.next())).unwrap();
    import.finish::<ImportError>(|_| Ok(None)).unwrap();
    let entry = one.record(&id).list(&Filter::default()).unwrap()[0].entry.id;
    assert_eq!(content(&mut one, &id, &entry), LARGE);
}

#[test]
fn fault_b1_a_full_verification_reads_the_attached_files_too() {
    let mut one = Device::new(406);
    let id = one.begin().record;
    let entry = add_document(&mut one, &id, 1, "grand", LARGE);
    add_document(&mut one, &id, 2, "petit", SMALL);
    one.vault.verify().unwrap();
    let file = kept(&one).1.into_iter().find(|path| path.extension().is_none()).unwrap();
    let whole = read(&file);
    let mut altered = whole.clone();
    altered[100_000] ^= 1;
    overwrite(&file, &altered);
    let damaged = |one: &mut Device| {
        let found = one.vault.verify().unwrap();
        assert_eq!(found.files, 2, "the count goes on");
        found.damaged.into_iter().map(|file| (file.damage, file.documents)).collect::<Vec<_>>()
    };
    assert_eq!(damaged(&mut one), [(FileDamage::Altered, vec![(id, entry)])]);
    overwrite(&file, &whole);
    assert_eq!(damaged(&mut one), []);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(damaged(&mut one), [(FileDamage::Absent, vec![(id, entry)])]);
    assert_eq!(one.record(&id).missing_files().unwrap()[0].entry, entry, "it is asked for again");
}

#[cfg(unix)]
#[test]
fn a_file_that_the_disk_does_not_give_is_left_where_it_is() {
    let mut one = Device::new(407);
    let id = one.begin().record;
    add_document(&mut one, &id, 1, "grand", LARGE);
    let file = kept(&one).1.into_iter().find(|path| path.extension().is_none()).unwrap();
    let elsewhere = one.folder.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    // A link to itself does not open, whoever asks.
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let found = one.vault.verify().unwrap().damaged;
    assert_eq!(found.iter().map(|file| file.damage).collect::<Vec<_>>(), [FileDamage::Unreadable]);
    one.vault.set_aside(&found).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(one.vault.verify().unwrap().damaged, []);
    assert_eq!(one.record(&id).missing_files().unwrap(), []);
}
