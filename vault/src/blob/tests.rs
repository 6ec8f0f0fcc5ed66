//! Attached files on a real disk, and on the way between two.

use std::io::Write as _;

use std::{cell::Cell, collections::BTreeSet};

use bao_tree::blake3;
use carnet_seal::secret::VaultKey;
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{transfer::ReceiveError, *};
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

    fn finish(&self, incoming: Incoming) -> Result<ObjectId, ReceiveError> {
        let mut writer = self.store.write(Durability::Acknowledged).unwrap();
        let id = incoming.finish(&self.blobs, &mut writer)?;
        writer.commit().unwrap();
        Ok(id)
    }

    fn encode(&self, id: &ObjectId, groups: &Groups) -> Vec<u8> {
        let mut encoded = Vec::new();
        self.blobs.offer(&self.store.read().unwrap(), id).unwrap().encode(groups, &mut encoded).unwrap();
        encoded
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

/// The name is the plain BLAKE3 of what is on disk, and the root that transfers are verified against: one hash.
#[test]
fn the_name_is_the_hash_of_the_sealed_bytes_and_the_root_of_the_tree() {
    let mut bench = Bench::new(2);
    for size in SIZES {
        let content = bench.noise(size);
        let sealed = bench.keep(&content);
        let bytes = match &sealed.inline {
            Some(bytes) => bytes.clone(),
            None => fs::read(bench.blobs.path(&sealed.id)).unwrap(),
        };
        assert_eq!(bytes.len() as u64, sealed.sealed_bytes);
        assert_eq!(sealed.id.0, *blake3::hash(&bytes).as_bytes());
        assert_eq!(sealed.id.0, carnet_crypto::digest::content_hash(&bytes));
        let tree = BaoTree::new(sealed.sealed_bytes, GROUP);
        let mut pairs = PreOrderOutboard { tree, root: [0; 32].into(), data: Vec::new() };
        let root = outboard(bytes.as_slice(), tree, &mut pairs).unwrap();
        assert_eq!(sealed.id.0, *root.as_bytes(), "{size}");
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
    bench.encode(&sealed.id, &Groups::of(sealed.sealed_bytes));
    let files = bench.files();
    assert!(files.len() > 3, "the store, its lock, the file and its tree");
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
        let mut incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
        while !incoming.is_complete() {
            let wanted = incoming.missing().first(7);
            incoming.take(&wanted, &mut from.encode(&sealed.id, &wanted).as_slice()).unwrap();
        }
        assert_eq!(to.finish(incoming).unwrap(), sealed.id);
        let mut content_there = Vec::new();
        let reader = to.store.read().unwrap();
        let mut document = to.blobs.open(&reader, &sealed.id, &from.key, PLACE, size as u64).unwrap();
        document.read_to_end(&mut content_there).unwrap();
        assert_eq!(content_there, content);
        // What was received can be passed on, and needs no hash tree that an attacker could have kept back.
        let all = Groups::of(sealed.sealed_bytes);
        assert_eq!(to.encode(&sealed.id, &all), from.encode(&sealed.id, &all));
    }
    let left = list(&to.blobs.incoming_folder()).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_transfer_asks_for_exactly_what_is_missing() {
    let mut from = Bench::new(9);
    let to = Bench::new(10);
    let content = from.noise(2_000_000);
    let sealed = from.keep(&content);
    let all = Groups::of(sealed.sealed_bytes);
    let encoded = from.encode(&sealed.id, &all);
    let mut incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
    let cut = incoming.take(&all, &mut &encoded[..encoded.len() * 2 / 5]);
    assert_eq!(cut, Err(ReceiveError::Interrupted(io::ErrorKind::UnexpectedEof)));
    let missing = incoming.missing();
    assert!(missing.count() < all.count() * 7 / 10 && missing.count() > all.count() / 2);
    assert_eq!(to.store.read().unwrap().count(BLOBS).unwrap(), 0);
    incoming.save().unwrap();
    drop(incoming);
    let mut incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
    assert_eq!(incoming.missing(), missing);
    let rest = from.encode(&sealed.id, &missing);
    assert!(rest.len() < encoded.len() * 2 / 3);
    incoming.take(&missing, &mut rest.as_slice()).unwrap();
    to.finish(incoming).unwrap();
    to.blobs.verify(&to.store.read().unwrap(), &sealed.id).unwrap();
}

#[test]
fn no_peer_can_pass_off_other_bytes() {
    let mut from = Bench::new(11);
    let to = Bench::new(12);
    let content = from.noise(400_000);
    let (sealed, other) = (from.keep(&content), from.keep(&vec![7; 400_000]));
    let all = Groups::of(sealed.sealed_bytes);
    let honest = from.encode(&sealed.id, &all);
    let mut incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
    let foreign = from.encode(&other.id, &all);
    assert_eq!(incoming.take(&all, &mut foreign.as_slice()), Err(ReceiveError::NotAuthentic));
    assert_eq!(incoming.missing(), all);
    for at in (0..honest.len()).step_by(9_973) {
        let mut altered = honest.clone();
        altered[at] ^= 0x80;
        assert_eq!(incoming.take(&all, &mut altered.as_slice()), Err(ReceiveError::NotAuthentic), "at {at}");
    }
    let beyond = Groups::of(sealed.sealed_bytes + GROUP_BYTES);
    assert_eq!(incoming.take(&beyond, &mut honest.as_slice()), Err(ReceiveError::NotAuthentic));
    assert!(matches!(to.finish(incoming), Err(ReceiveError::NotComplete)));
    let offer = from.blobs.offer(&from.store.read().unwrap(), &sealed.id).unwrap();
    assert_eq!(offer.encode(&beyond, &mut io::sink()), Err(ReadError::Absent));
    for size in [0, SEALED_BYTES_MAX + 1, u64::MAX] {
        assert_eq!(to.blobs.receive(&sealed.id, size).err(), Some(ReceiveError::WrongSize(size)));
    }
}

#[test]
fn what_was_altered_between_two_attempts_is_fetched_again() {
    let mut from = Bench::new(13);
    let to = Bench::new(14);
    let content = from.noise(500_000);
    let sealed = from.keep(&content);
    let (all, half) = (Groups::of(sealed.sealed_bytes), Groups::of(sealed.sealed_bytes).first(16));
    let start = || {
        let mut incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
        let missing = half.without(&all.without(&incoming.missing()));
        incoming.take(&missing, &mut from.encode(&sealed.id, &missing).as_slice()).unwrap();
        incoming.save().unwrap();
        incoming.path.clone()
    };
    for (extension, at) in [("part", 100_000), ("tree", 0), ("have", 0), ("have", 8), ("have", 16)] {
        let path = start().with_extension(extension);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 0xff;
        file_options().truncate(true).open(&path).unwrap().write_all(&bytes).unwrap();
        let incoming = to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap();
        assert_eq!(incoming.missing(), all, "{extension} altered at {at}");
    }
    start();
    assert_eq!(to.blobs.receive(&sealed.id, sealed.sealed_bytes).unwrap().missing(), all.without(&half));
}

#[test]
fn a_hash_tree_is_made_when_it_is_asked_for_and_again_when_it_was_lost() {
    let mut bench = Bench::new(15);
    let content = bench.noise(500_000);
    let sealed = bench.keep(&content);
    let tree = bench.blobs.tree_path(&sealed.id);
    assert!(!tree.exists(), "nobody asked for proofs yet");
    let all = Groups::of(sealed.sealed_bytes);
    let before = bench.encode(&sealed.id, &all);
    let made = fs::read(&tree).unwrap();
    fs::remove_file(&tree).unwrap();
    assert_eq!(bench.encode(&sealed.id, &all), before);
    // Half a tree, as a crash may leave it, is no tree; nor is one under the name that it has while it is made.
    file_options().truncate(true).open(&tree).unwrap().write_all(&made[..made.len() / 2]).unwrap();
    file_options().create_new(true).open(tree.with_extension("tree.new")).unwrap().write_all(&made[..64]).unwrap();
    assert_eq!(bench.encode(&sealed.id, &all), before);
    assert_eq!(fs::read(&tree).unwrap(), made);
    file_options().create_new(true).open(tree.with_extension("tree.new")).unwrap();
    let reader = bench.store.read().unwrap();
    assert_eq!(bench.blobs.collect(&reader, |_| false).unwrap().files, 1, "what was never finished");
    assert!(tree.exists());
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
    drop(bench.blobs.receive(&wanted, 100_000).unwrap());
    drop(bench.blobs.receive(&ObjectId([6; 32]), 100_000).unwrap());
    let reader = bench.store.read().unwrap();
    let asked = Cell::new(0);
    let is_wanted = |id: &ObjectId| {
        asked.set(asked.get() + 1);
        *id == wanted
    };
    let collected = bench.blobs.collect(&reader, is_wanted).unwrap();
    assert!(asked.get() > 0);
    assert_eq!(collected.files, 4, "the orphan, the file cut short, the denied transfer and its tree");
    assert!(collected.bytes > orphan.sealed_bytes);
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_a_set(
        one in proptest::collection::vec((0..60_u64, 0..9_u64), 0..12),
        other in proptest::collection::vec((0..60_u64, 0..9_u64), 0..12),
        count in 0..80_u64,
    ) {
        let build = |ranges: &[(u64, u64)]| {
            let (mut groups, mut set) = (Groups::default(), BTreeSet::new());
            for (start, length) in ranges {
                groups.insert(*start..start + length);
                set.extend(*start..start + length);
            }
            (groups, set)
        };
        let members = |groups: &Groups| groups.ranges().iter().cloned().flatten().collect::<BTreeSet<_>>();
        let ((one, one_set), (other, other_set)) = (build(&one), build(&other));
        prop_assert_eq!(members(&one), one_set.clone());
        prop_assert_eq!(one.count(), one_set.len() as u64);
        prop_assert_eq!(one.is_empty(), one_set.is_empty());
        prop_assert!(one.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
        prop_assert_eq!(members(&one.without(&other)), one_set.difference(&other_set).copied().collect());
        let first = one_set.iter().copied().take(usize::try_from(count).unwrap()).collect();
        prop_assert_eq!(members(&one.first(count)), first);
    }
}
