//! Attached files on a real disk, and on the way between two.

use std::{cell::Cell, collections::BTreeSet, io::Write as _};

use carnet_seal::secret::VaultKey;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::store::{Durability, Lock, Options, Store};

const PLACE: &[u8] = b"record, section, document";
const SIZES: [usize; 9] = [0, 1, 1000, 60_000, 65_535, 65_536, 65_537, 300_000, 3_000_001];

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    blobs: Blobs,
    rng: StdRng,
    key: FileKey,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let lock = VaultKey::generate(&mut rng);
        let own = StdRng::seed_from_u64(seed + 1);
        let store = Store::create(folder.path(), Lock::Key(&lock), Options::default(), own).unwrap();
        let blobs = Blobs::beside(folder.path()).unwrap();
        let key = FileKey::generate(&mut rng);
        Self { folder, store, blobs, rng, key }
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn seal(&mut self, mut content: &[u8]) -> Sealed {
        self.blobs.seal(&mut content, &self.key, PLACE, &mut self.rng).unwrap()
    }

    fn keep(&mut self, content: &[u8]) -> Sealed {
        let sealed = self.seal(content);
        let mut writer = self.store.write(Durability::Acknowledged).unwrap();
        self.blobs.keep(&mut writer, &sealed).unwrap();
        writer.commit().unwrap();
        sealed
    }

    fn open(&self, sealed: &Sealed) -> Result<Document, ReadError> {
        self.blobs.open(&self.store.read().unwrap(), &sealed.id, &self.key, PLACE, sealed.content_bytes)
    }

    fn read(&self, sealed: &Sealed) -> Vec<u8> {
        let mut content = Vec::new();
        self.open(sealed).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    fn offer(&self, sealed: &Sealed) -> Offer {
        self.blobs.offer(&self.store.read().unwrap(), &sealed.id).unwrap()
    }

    fn download(&self, sealed: &Sealed) -> Download {
        self.blobs.download(&sealed.id, sealed.sealed_bytes).unwrap()
    }

    fn finish(&self, download: Download) -> Result<ObjectId, ReceiveError> {
        let mut writer = self.store.write(Durability::Acknowledged).unwrap();
        let id = download.finish(&self.blobs, &mut writer)?;
        writer.commit().unwrap();
        Ok(id)
    }

    /// Every file under the folder of the vault.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in list(&folder).unwrap() {
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

#[test]
fn a_file_reads_back_whole_and_in_part_whatever_its_size() {
    let mut bench = Bench::new(1);
    for size in SIZES {
        let content = bench.noise(size);
        let sealed = bench.keep(&content);
        assert_eq!(sealed.content_bytes, size as u64);
        assert_eq!(sealed.inline.is_some(), sealed.sealed_bytes <= INLINE_BYTES_MAX);
        assert_eq!(bench.read(&sealed), content);
        let mut document = bench.open(&sealed).unwrap();
        for (offset, length) in [(0, 10), (65_530, 20), (size.saturating_sub(5), 10), (size, 1), (size + 9, 1)] {
            let mut part = vec![0; length];
            let read = document.read_at(offset as u64, &mut part).unwrap();
            let expected = content.get(offset..(offset + length).min(size)).unwrap_or_default();
            assert_eq!(part[..read], *expected, "{length} bytes at {offset} of {size}");
        }
    }
}

#[test]
fn the_name_is_the_hash_of_the_sealed_bytes() {
    let mut bench = Bench::new(2);
    for size in SIZES {
        let content = bench.noise(size);
        let sealed = bench.keep(&content);
        let bytes = match &sealed.inline {
            Some(bytes) => bytes.clone(),
            None => fs::read(bench.blobs.path(&sealed.id)).unwrap(),
        };
        assert_eq!(bytes.len() as u64, sealed.sealed_bytes);
        assert_eq!(sealed.id.0, carnet_crypto::digest::content_hash(&bytes));
        bench.blobs.verify(&bench.store.read().unwrap(), &sealed.id).unwrap();
    }
    let all: BTreeSet<_> = bench.blobs.all(&bench.store.read().unwrap()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), SIZES.len());
}

#[test]
fn two_files_of_similar_sizes_cannot_be_told_apart_by_their_lengths() {
    let mut bench = Bench::new(3);
    let lengths: BTreeSet<_> =
        [100_000, 100_001, 100_300].map(|size| bench.seal(&vec![0; size]).sealed_bytes).into_iter().collect();
    assert_eq!(lengths.len(), 1);
}

#[test]
fn nothing_beside_the_store_holds_a_word_of_the_content() {
    let mut bench = Bench::new(4);
    let canary = b"XQ-CANARY-allergie-penicilline ";
    let sealed = bench.keep(&canary.repeat(20_000));
    let small = bench.keep(&canary.repeat(10));
    let mut source = Failing { left: 900_000, canary };
    let failed = bench.blobs.seal(&mut source, &bench.key, PLACE, &mut bench.rng);
    assert_eq!(failed.err(), Some(SealError::Source(io::ErrorKind::BrokenPipe)));
    let files = bench.files();
    assert!(files.len() > 2, "the store, its lock, the file");
    for path in files {
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(9).any(|window| window == &canary[..9]), "{}", path.display());
        assert!(!path.to_string_lossy().contains("CANARY"));
    }
    assert_eq!(bench.read(&sealed), canary.repeat(20_000), "the search would have found it in here");
    assert!(canary.repeat(20_000).windows(9).any(|window| window == &canary[..9]));
    assert_eq!(bench.read(&small).len(), canary.len() * 10);
}

/// Gives the canary, then breaks.
struct Failing {
    left: usize,
    canary: &'static [u8],
}

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let length = out.len().min(self.left).min(self.canary.len());
        out[..length].copy_from_slice(&self.canary[..length]);
        self.left -= length;
        Ok(length)
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_and_leaves_nothing() {
    let mut bench = Bench::new(5);
    bench.blobs.content_bytes_max = 200_000;
    let before = bench.files();
    let failed = bench.blobs.seal(&mut io::repeat(7), &bench.key, PLACE, &mut bench.rng);
    assert_eq!(failed.err(), Some(SealError::TooLarge));
    assert_eq!(bench.files(), before);
}

#[test]
fn fault_b8_an_altered_file_another_key_and_another_place_show_nothing() {
    let mut bench = Bench::new(6);
    let content = bench.noise(300_000);
    let sealed = bench.keep(&content);
    let path = bench.blobs.path(&sealed.id);
    let honest = fs::read(&path).unwrap();
    let reader = bench.store.read().unwrap();
    let other = FileKey::generate(&mut bench.rng);
    let read = |key: &FileKey, place: &[u8], size: u64| {
        let mut document = bench.blobs.open(&reader, &sealed.id, key, place, size)?;
        let mut all = vec![0; 300_000];
        document.read_at(0, &mut all).map(|_| ())
    };
    assert_eq!(read(&bench.key, PLACE, 300_000), Ok(()));
    assert_eq!(read(&other, PLACE, 300_000), Err(ReadError::NotAuthentic));
    assert_eq!(read(&bench.key, b"elsewhere", 300_000), Err(ReadError::NotAuthentic));
    assert_eq!(read(&bench.key, PLACE, 299_999), Err(ReadError::NotAuthentic));
    assert_eq!(read(&bench.key, PLACE, u64::MAX), Err(ReadError::NotAuthentic));
    let write = |bytes: &[u8]| {
        file_options().create(true).truncate(true).open(&path).unwrap().write_all(bytes).unwrap();
    };
    for at in (0..honest.len()).step_by(30_011) {
        let mut bytes = honest.clone();
        bytes[at] ^= 1;
        write(&bytes);
        assert_eq!(read(&bench.key, PLACE, 300_000), Err(ReadError::NotAuthentic), "flip at {at}");
        assert_eq!(bench.blobs.verify(&reader, &sealed.id), Err(ReadError::NotAuthentic));
    }
    for length in [0, 15, 16, 65_552, honest.len() - 1] {
        write(&honest[..length]);
        assert_eq!(read(&bench.key, PLACE, 300_000), Err(ReadError::NotAuthentic), "cut at {length}");
    }
    let mut swapped = honest.clone();
    let (first, second) = (16..16 + 65_552, 16 + 65_552..16 + 2 * 65_552);
    swapped[first.clone()].copy_from_slice(&honest[second.clone()]);
    swapped[second].copy_from_slice(&honest[first]);
    write(&swapped);
    assert_eq!(read(&bench.key, PLACE, 300_000), Err(ReadError::NotAuthentic), "swapped chunks");
    fs::remove_file(&path).unwrap();
    assert_eq!(read(&bench.key, PLACE, 300_000), Err(ReadError::Absent));
}

#[test]
fn a_file_travels_whole_and_is_verified_on_arrival() {
    let mut from = Bench::new(7);
    let to = Bench::new(8);
    for size in SIZES {
        let content = from.noise(size);
        let sealed = from.keep(&content);
        let (offer, mut download) = (from.offer(&sealed), to.download(&sealed));
        while !download.is_complete() {
            let part = offer.part(download.have(), 100_000).unwrap();
            download.append(download.have(), &part).unwrap();
        }
        assert_eq!(to.finish(download).unwrap(), sealed.id);
        let mut content_there = Vec::new();
        let reader = to.store.read().unwrap();
        let mut document = to.blobs.open(&reader, &sealed.id, &from.key, PLACE, size as u64).unwrap();
        document.read_to_end(&mut content_there).unwrap();
        assert_eq!(content_there, content);
        // What was received can be passed on.
        assert_eq!(to.offer(&sealed).part(0, usize::MAX).unwrap(), offer.part(0, usize::MAX).unwrap());
    }
    let left = list(&to.blobs.incoming_folder()).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_transfer_goes_on_where_it_ended() {
    let mut from = Bench::new(9);
    let to = Bench::new(10);
    let content = from.noise(2_000_000);
    let sealed = from.keep(&content);
    let (offer, mut download) = (from.offer(&sealed), to.download(&sealed));
    download.append(0, &offer.part(0, 800_000).unwrap()).unwrap();
    // One that begins elsewhere changes nothing.
    download.append(0, &offer.part(0, 800_000).unwrap()).unwrap();
    download.append(900_000, &offer.part(900_000, 10).unwrap()).unwrap();
    drop(download);
    assert_eq!(to.store.read().unwrap().count(BLOBS).unwrap(), 0);
    let mut download = to.download(&sealed);
    assert_eq!(download.have(), 800_000);
    download.append(800_000, &offer.part(800_000, usize::MAX).unwrap()).unwrap();
    to.finish(download).unwrap();
    to.blobs.verify(&to.store.read().unwrap(), &sealed.id).unwrap();
}

#[test]
fn no_peer_can_pass_off_other_bytes() {
    let mut from = Bench::new(11);
    let to = Bench::new(12);
    for size in [400_000, 1_000] {
        let content = from.noise(size);
        let sealed = from.keep(&content);
        let honest = from.offer(&sealed).part(0, usize::MAX).unwrap();
        for at in (0..honest.len()).step_by(honest.len() / 7) {
            let mut altered = honest.clone();
            altered[at] ^= 0x80;
            let mut download = to.download(&sealed);
            assert_eq!(download.have(), 0, "nothing is left of what was refused");
            download.append(0, &altered).unwrap();
            assert_eq!(to.finish(download), Err(ReceiveError::NotAuthentic), "at {at}");
        }
        let mut download = to.download(&sealed);
        let longer = [honest.as_slice(), &[0]].concat();
        assert_eq!(download.append(0, &longer), Err(ReceiveError::NotAuthentic));
        assert!(matches!(to.finish(download), Err(ReceiveError::NotComplete)));
        for size in [0, SEALED_BYTES_MAX + 1, u64::MAX] {
            assert_eq!(to.blobs.download(&sealed.id, size).err(), Some(ReceiveError::WrongSize(size)));
        }
    }
}

#[test]
fn what_was_altered_between_two_attempts_is_dropped_and_fetched_again() {
    let mut from = Bench::new(13);
    let to = Bench::new(14);
    let content = from.noise(500_000);
    let sealed = from.keep(&content);
    let offer = from.offer(&sealed);
    let begin = || to.download(&sealed).append(0, &offer.part(0, 250_000).unwrap()).unwrap();
    let finish = || {
        let mut download = to.download(&sealed);
        download.append(download.have(), &offer.part(download.have(), usize::MAX).unwrap()).unwrap();
        to.finish(download)
    };
    begin();
    let [path] = &list(&to.blobs.incoming_folder()).unwrap()[..] else { panic!("one file") };
    let mut bytes = fs::read(path).unwrap();
    bytes[100_000] ^= 0xff;
    file_options().truncate(true).open(path).unwrap().write_all(&bytes).unwrap();
    assert_eq!(finish(), Err(ReceiveError::NotAuthentic));
    begin();
    assert_eq!(finish(), Ok(sealed.id));
}

#[test]
fn fault_a4_what_no_commit_names_is_collected_and_nothing_else() {
    let mut bench = Bench::new(16);
    let kept: Vec<_> = SIZES
        .iter()
        .map(|size| {
            let content = bench.noise(*size);
            bench.keep(&content)
        })
        .collect();
    let orphan = bench.seal(&vec![1; 200_000]);
    file_options().create_new(true).open(bench.blobs.new_folder().join("cut-short")).unwrap();
    let wanted = ObjectId([5; 32]);
    drop(bench.blobs.download(&wanted, 100_000).unwrap());
    bench.blobs.download(&ObjectId([6; 32]), 100_000).unwrap().append(0, &[6; 500]).unwrap();
    let reader = bench.store.read().unwrap();
    let asked = Cell::new(0);
    let is_wanted = |id: &ObjectId| {
        asked.set(asked.get() + 1);
        *id == wanted
    };
    let collected = bench.blobs.collect(&reader, is_wanted).unwrap();
    assert!(asked.get() > 0);
    assert_eq!(collected.files, 3, "the orphan, the file cut short, the denied transfer");
    assert_eq!(collected.bytes, orphan.sealed_bytes + 500);
    for sealed in &kept {
        bench.blobs.verify(&reader, &sealed.id).unwrap();
    }
    assert_eq!(bench.blobs.collect(&reader, is_wanted).unwrap(), Collected::default());
    drop(reader);
    let mut writer = bench.store.write(Durability::Acknowledged).unwrap();
    assert!(bench.blobs.forget(&mut writer, &kept[8].id).unwrap());
    assert!(!bench.blobs.forget(&mut writer, &orphan.id).unwrap());
    writer.commit().unwrap();
    let reader = bench.store.read().unwrap();
    assert_eq!(bench.blobs.verify(&reader, &kept[8].id), Err(ReadError::Absent));
    assert_eq!(bench.blobs.collect(&reader, is_wanted).unwrap().files, 1);
}
