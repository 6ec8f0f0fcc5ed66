//! Attacks of the list in `docs/threat-model.md` that one person with several devices can meet, whole vaults against
//! each other: ids that begin alike, merges that nobody makes, removals that a second import meets, sizes that tell.

use std::collections::HashMap;

use carnet_protocol::{
    envelope::EnvelopeKind,
    feed::Position,
    membership::{
        Body,
        body::{ObjectKind, Seal},
    },
    volume,
};
use carnet_record::{SectionKind, SourceKey};
use carnet_seal::secret::SectionKey;
use rand::CryptoRng;

use super::*;

/// Two seeds whose first section keys have names that begin with the same 4 bytes. Whoever makes a key can find such a
/// pair in some 80,000 tries; the name is the only thing that a header says of an epoch.
fn seeds_that_begin_alike() -> [u64; 2] {
    let mut begins: HashMap<[u8; 4], u64> = HashMap::new();
    let again = (0..).find_map(|seed: u64| {
        let name = SectionKey::generate(&mut StdRng::seed_from_u64(seed)).commitment();
        begins.insert(*name.0.first_chunk::<4>().unwrap(), seed).map(|other| [other, seed])
    });
    again.unwrap()
}

#[test]
fn atk_36_epochs_whose_names_begin_alike_are_all_tried() {
    let (mut one, mut two) = (Device::new(160), Device::new(161));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    let section = two.record(&id).section_of(SectionKind::Treatments).unwrap();
    let mut names = Vec::new();
    for (number, seed) in seeds_that_begin_alike().into_iter().enumerate() {
        let record = two.record(&id);
        let usual =
            std::mem::replace(&mut record.door.rng, Box::new(StdRng::seed_from_u64(seed)) as Box<dyn CryptoRng + Send>);
        let mut record = two.record(&id);
        record.commit(|record, writer| record.rotate(writer, &[section])).unwrap();
        record.door.rng = usual;
        names.push(record.live.members.current().writable_epoch(&section, |_| true).unwrap().id);
        record.add(&allergy(&format!("sous la clé {number}"))).unwrap();
    }
    assert_eq!(names[0].0[..4], names[1].0[..4], "the two epochs begin alike");
    assert_ne!(names[0], names[1]);
    let received = exchange(&mut two, &mut one, &id);
    assert_eq!((received.refused, received.waiting, received.quarantined), (0, 0, 0), "{received:?}");
    // Another device gets what was written under the second epoch before what was written under the first.
    let mut three = Device::new(162);
    pair_without_envelopes(&mut one, &mut three, &id);
    let mut envelopes: Vec<Vec<u8>> = {
        let record = two.record(&id);
        let ends = record.feed_ends(&section).unwrap();
        ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect()
    };
    envelopes.reverse();
    for envelope in envelopes {
        three.record(&id).receive(section, &[envelope]).unwrap();
    }
    for device in [&mut one, &mut three] {
        let mut found = labels(&device.record(&id));
        found.sort();
        assert_eq!(found, ["sous la clé 0", "sous la clé 1"]);
    }
}

/// Lets a device in and gives it the operations, and nothing that was written.
fn pair_without_envelopes(owner: &mut Device, other: &mut Device, id: &RecordId) {
    let mut record = owner.record(id);
    let inviter = record.invite(Delivery::AtOnce, false).unwrap().inviter;
    let offer = record.offer(&inviter);
    let (joiner, commitment) = other.vault.commit_to(inviter.ticket(None), &offer, "Tablette").unwrap();
    let (challenger, challenge) = record.challenge(inviter, &commitment).unwrap();
    let (joined, reveal) = other.vault.reveal_to(joiner, &challenge).unwrap();
    record.admit(challenger.reveal(&reveal).unwrap()).unwrap();
    other.vault.join(joined, "Camille").unwrap();
    let ops = record.ops_since(&[], None).unwrap();
    other.record(id).receive_ops(&ops).unwrap();
}

/// Merging batches is not in this version. A member that publishes a merge all the same, with samples left out, changes
/// nothing: nobody fetches or confirms it, and whoever joins later gets the raw batches.
#[test]
fn atk_27_a_merge_that_drops_samples_is_never_confirmed_and_the_raw_batches_stay() {
    let (mut one, mut two) = (Device::new(168), Device::new(169));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    import(&mut one.record(&id), 1, vec![beats(300), Item::Tally(Box::default())]);
    exchange(&mut one, &mut two, &id);
    let section = one.record(&id).section_of(SectionKind::Measures).unwrap();
    let cover: Vec<Position> = {
        let record = one.record(&id);
        let ends = record.feed_ends(&section).unwrap();
        ends.iter().map(|end| Position { feed: end.feed, seq: end.seq, id: end.envelope }).collect()
    };
    assert!(!cover.is_empty());
    let batches = record_volume(&mut one, &id);
    let object = two
        .record(&id)
        .commit(|record, writer| {
            let object = record.blobs.keep_sealed(writer, &[7; 500], &mut record.door.rng)?;
            let kind = ObjectKind::Merged([9; 32]);
            let at = record.now();
            let seal = Seal { section, volume: batches, cover, kind, object, position: None };
            record.sign_op(writer, at, Body::Seal(seal), &[])?;
            Ok(object)
        })
        .unwrap();
    exchange(&mut two, &mut one, &id);
    let count = |device: &mut Device| device.record(&id).samples("heart-rate", 0, i64::MAX, usize::MAX).unwrap().len();
    {
        let mut record = one.record(&id);
        assert!(record.snapshots_wanted().unwrap().is_empty(), "nobody fetches it");
        assert!(record.receive_snapshot(&[7; 500]).is_err());
        assert_eq!(record.confirm_snapshots().unwrap(), 0);
        let membership = record.live.members.current();
        let published = membership.objects(&section).find(|published| published.object == object).unwrap();
        assert!(!published.is_confirmed);
    }
    assert_eq!(count(&mut one), 300);
    let mut three = Device::new(170);
    pair(&mut one, &mut three, &id);
    assert_eq!(count(&mut three), 300);
    assert_eq!(three.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

/// The volume of the samples that the tests import.
fn record_volume(device: &mut Device, id: &RecordId) -> carnet_crypto::id::VolumeId {
    device.record(id).volume_of(SectionKind::Measures, 2026)
}

/// What was removed stays removed: by a second import here, by an import on a device that did not know yet, in every
/// order of arrival. (Single samples cannot be removed in this version.)
#[test]
fn atk_28_what_was_removed_is_not_brought_back_by_a_second_import_anywhere() {
    let file = || {
        let mut draft = allergy("arachide");
        draft.source_key = Some(SourceKey::new("test", ["12"]));
        let mut items = vec![Item::Draft(Box::new(draft))];
        items.extend(document("compte rendu.pdf", &[3; 5_000]));
        items.push(Item::Tally(Box::default()));
        items
    };
    let orders: [[usize; 2]; 6] = [[0, 1], [1, 0], [0, 2], [2, 0], [1, 2], [2, 1]];
    for rotation in 0..orders.len() {
        let seed = 172 + 4 * u64::try_from(rotation).unwrap();
        let mut devices = [Device::new(seed), Device::new(seed + 1), Device::new(seed + 2)];
        let id = {
            let [one, two, three] = &mut devices;
            let id = one.begin().record;
            pair(one, two, &id);
            pair(one, three, &id);
            import(&mut one.record(&id), 1, file());
            exchange(one, two, &id);
            id
        };
        // The first removes; the second, which knows the entries, and the third, which does not, import again.
        for entry in devices[0].record(&id).list(&Filter::default()).unwrap() {
            devices[0].record(&id).remove(&entry.entry.id).unwrap();
        }
        for device in &mut devices[1..] {
            import(&mut device.record(&id), 2, file());
        }
        let again = import(&mut devices[0].record(&id), 2, file());
        assert!(again.by_kind.values().all(|counts| counts.added == 0), "{again:?}");
        for turn in 0..2 * orders.len() {
            let [from, to] = orders[(turn + rotation) % orders.len()];
            let [from, to] = devices.get_disjoint_mut([from, to]).unwrap();
            exchange(from, to, &id);
        }
        let digest = devices[0].record(&id).digest().unwrap();
        for device in &mut devices {
            assert!(labels(&device.record(&id)).is_empty(), "order {rotation}: {:?}", labels(&device.record(&id)));
            assert_eq!(device.record(&id).digest().unwrap(), digest, "order {rotation}");
        }
    }
}

/// Whoever writes a file that a person brings in, and sees sizes at the relay, must not learn by them whether the record
/// says what the file guesses. In this version nobody else writes into a record; a file is the only foreign text.
#[test]
fn atk_38_an_import_has_the_same_sizes_whether_or_not_it_guesses_what_the_record_says() {
    let text = |seed: u64| -> String {
        let mut rng = StdRng::seed_from_u64(seed);
        std::iter::repeat_with(|| char::from(rand::RngExt::random_range(&mut rng, b'a'..=b'z'))).take(1_500).collect()
    };
    let (guess, other) = (text(1), text(2));
    let sizes = |secret: &str, is_together: bool| -> Vec<usize> {
        let mut device = Device::new(200);
        let id = device.begin().record;
        let (mut private, mut foreign) = (allergy("privé"), allergy("étranger"));
        private.comment = Some(secret.to_owned());
        foreign.comment = Some(guess.clone());
        foreign.source_key = Some(SourceKey::new("test", ["fichier"]));
        if is_together {
            device.record(&id).add_all(&[private, foreign]).unwrap();
        } else {
            device.record(&id).add(&private).unwrap();
            let items = vec![Item::Draft(Box::new(foreign)), Item::Tally(Box::default())];
            import(&mut device.record(&id), 1, items);
        }
        let section = device.record(&id).section_of(SectionKind::Treatments).unwrap();
        let record = device.record(&id);
        let feed = record.own_feed(&section, volume::SINGLE, EnvelopeKind::Changes);
        record.envelopes_after(&feed, 0, usize::MAX).unwrap().iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(&guess, false), sizes(&other, false));
    assert_ne!(sizes(&guess, true), sizes(&other, true), "the control: compressed together, a right guess is shorter");
}
