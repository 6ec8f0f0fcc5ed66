//! Snapshots: a fresh device joins without the raw log, and what a compactor alters is found.

use carnet_crypto::{
    id::{ObjectId, SectionId},
    sign::SigningKey,
};
use carnet_protocol::{checkpoint::Receipt, envelope::EnvelopeKind, membership::PublishedObject, volume};
use carnet_seal::{
    envelope::{open_object, seal_object},
    pad::{pad, unpad},
};

use super::*;
use crate::{
    replica::Wanted,
    snapshot::{SnapshotRejected, TakeSnapshotError},
    tests::sweep::{LARGE, add_document, content, kept},
};

/// A record with enough edits that its volumes are due, on a paired pair of devices.
fn busy(seed: u64) -> (Device, Device, RecordId) {
    let (mut one, mut two) = (Device::new(seed), Device::new(seed + 1));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    for n in 0..40 {
        one.record(&id).add(&allergy(&format!("allergène numéro {n}"))).unwrap();
    }
    two.record(&id).add(&allergy("écrit par l'autre")).unwrap();
    exchange(&mut two, &mut one, &id);
    (one, two, id)
}

/// The sealed bytes of the snapshots that `one` has published.
fn snapshots(one: &mut Device, id: &RecordId) -> Vec<(ObjectId, Vec<u8>)> {
    let record = one.record(id);
    let reader = record.store.read().unwrap();
    let membership = record.live.members.current();
    let sections = membership.sections();
    let objects = sections.iter().flat_map(|section| membership.objects(section));
    objects
        .filter_map(|object| Some((object.object, record.blobs.read_sealed(&reader, &object.object, 1 << 30).ok()?)))
        .collect()
}

/// A third device that is let in, with the operations and none of the envelopes.
fn join_without_log(one: &mut Device, seed: u64, id: &RecordId) -> Device {
    let mut three = Device::new(seed);
    let mut record = one.record(id);
    let inviter = record.invite(Delivery::AtOnce, false).unwrap().inviter;
    let offer = record.offer(&inviter);
    let (joiner, commitment) = three.vault.commit_to(inviter.ticket(None), &offer, "Tablette").unwrap();
    let (challenger, challenge) = record.challenge(inviter, &commitment).unwrap();
    let (joined, reveal) = three.vault.reveal_to(joiner, &challenge).unwrap();
    record.admit(challenger.reveal(&reveal).unwrap()).unwrap();
    three.vault.join(joined, "Camille").unwrap();
    let ops = record.ops_since(&[], None).unwrap();
    three.record(id).receive_ops(&ops).unwrap();
    three
}

#[test]
fn a_new_device_joins_without_the_raw_log() {
    let (mut one, mut two, id) = busy(41);
    assert!(one.record(&id).make_snapshots().unwrap() >= 1);
    let taken = snapshots(&mut one, &id);
    let mut three = join_without_log(&mut one, 43, &id);
    let wanted = three.record(&id).snapshots_wanted().unwrap();
    assert_eq!(wanted.len(), taken.len());
    for (_, object) in &taken {
        three.record(&id).receive_snapshot(object).unwrap();
    }
    assert!(three.record(&id).snapshots_wanted().unwrap().is_empty());
    assert_eq!(labels(&three.record(&id)).len(), 41, "everything that the snapshot covers is here");
    // The tail follows, and what the new device writes is understood by the others.
    one.record(&id).add(&allergy("après")).unwrap();
    exchange(&mut one, &mut three, &id);
    three.record(&id).add(&allergy("de la tablette")).unwrap();
    exchange(&mut three, &mut one, &id);
    exchange(&mut one, &mut two, &id);
    assert_eq!(three.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
    assert_eq!(two.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

/// Every envelope that a device holds of the section that the tests write in.
fn envelopes(device: &mut Device, id: &RecordId) -> (SectionId, Vec<Vec<u8>>) {
    let record = device.record(id);
    let section = record.section_of(allergy("x").fact.section()).unwrap();
    let ends = record.feed_ends(&section).unwrap();
    let envelopes = ends.iter().flat_map(|end| record.envelopes_after(&end.feed, 0, usize::MAX).unwrap()).collect();
    (section, envelopes)
}

/// What somebody built on what is here only once a snapshot brings it.
#[test]
fn a_change_that_waits_is_taken_in_with_the_snapshot_that_brings_what_it_waits_for() {
    let (mut one, _, id) = busy(93);
    one.record(&id).make_snapshots().unwrap();
    let mut four = Device::new(95);
    pair(&mut one, &mut four, &id);
    exchange(&mut one, &mut four, &id);
    for n in 0..40 {
        four.record(&id).add(&allergy(&format!("bâti dessus {n}"))).unwrap();
    }
    exchange(&mut four, &mut one, &id);
    let mut three = join_without_log(&mut one, 96, &id);
    let (section, built) = {
        let record = four.record(&id);
        let section = record.section_of(allergy("x").fact.section()).unwrap();
        let feed = record.own_feed(&section, volume::SINGLE, EnvelopeKind::Changes);
        (section, record.envelopes_after(&feed, 0, usize::MAX).unwrap())
    };
    assert_eq!(three.record(&id).receive(section, &built).unwrap().accepted, 40);
    assert_eq!(labels(&three.record(&id)), [""; 0]);
    for (_, object) in snapshots(&mut one, &id) {
        drop(three.record(&id).receive_snapshot(&object));
    }
    assert_eq!(labels(&three.record(&id)).len(), 81);
    exchange(&mut three, &mut one, &id);
    assert_eq!(three.record(&id).digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn what_lies_below_an_anchor_is_known_and_waits_for_nothing() {
    let (mut one, _, id) = busy(60);
    one.record(&id).make_snapshots().unwrap();
    let mut three = join_without_log(&mut one, 62, &id);
    for (_, object) in snapshots(&mut one, &id) {
        three.record(&id).receive_snapshot(&object).unwrap();
    }
    let (section, envelopes) = envelopes(&mut one, &id);
    let received = three.record(&id).receive(section, &envelopes).unwrap();
    assert_eq!((received.known, received.accepted), (envelopes.len(), 0), "{received:?}");
    let pending = three.record(&id).pending().unwrap();
    assert_eq!((pending.waiting, pending.quarantined), (0, 0), "{pending:?}");
}

#[test]
fn atk_18_a_second_envelope_behind_an_anchor_is_still_accused() {
    let (mut one, mut two, id) = busy(64);
    exchange(&mut one, &mut two, &id);
    one.record(&id).make_snapshots().unwrap();
    let mut three = join_without_log(&mut one, 66, &id);
    for (_, object) in snapshots(&mut one, &id) {
        three.record(&id).receive_snapshot(&object).unwrap();
    }
    let (mut one, mut copy) = one.copied();
    one.record(&id).add(&allergy("du premier")).unwrap();
    copy.record(&id).add(&allergy("de la copie")).unwrap();
    exchange(&mut one, &mut three, &id);
    let heads = three.record(&id).op_heads();
    let received = exchange(&mut copy, &mut three, &id);
    assert_eq!((received.forks.len(), received.waiting), (1, 0), "{received:?}");
    assert_ne!(three.record(&id).op_heads(), heads, "the proof");
    // And all of them end with what both wrote.
    for _ in 0..3 {
        for other in [&mut two, &mut three, &mut copy] {
            exchange(other, &mut one, &id);
            exchange(&mut one, other, &id);
        }
    }
    for device in [&mut one, &mut two, &mut copy] {
        assert_eq!(device.record(&id).digest().unwrap(), three.record(&id).digest().unwrap());
        assert_eq!(labels(&device.record(&id)).len(), 43);
    }
}

/// The raw log is gone where the copy asks; what it wrote itself, and does not know, comes to it as a snapshot.
#[test]
fn atk_18_a_copy_that_meets_its_former_self_in_a_snapshot_steps_aside_and_keeps_what_it_wrote() {
    let (one, mut two, id) = busy(70);
    let (mut one, mut copy) = one.copied();
    for n in 0..40 {
        one.record(&id).add(&allergy(&format!("perdu {n}"))).unwrap();
    }
    copy.record(&id).add(&allergy("après")).unwrap();
    exchange(&mut one, &mut two, &id);
    assert!(two.record(&id).make_snapshots().unwrap() >= 1);
    let ops = two.record(&id).ops_since(&[], None).unwrap();
    copy.record(&id).receive_ops(&ops).unwrap();
    for (_, object) in snapshots(&mut two, &id) {
        copy.record(&id).receive_snapshot(&object).unwrap();
    }
    assert_eq!(labels(&copy.record(&id)).len(), 82);
    exchange(&mut copy, &mut two, &id);
    assert_eq!(labels(&two.record(&id)).len(), 82);
    assert_eq!(two.record(&id).digest().unwrap(), copy.record(&id).digest().unwrap());
    assert!(two.record(&id).forked_feeds().is_empty(), "nobody saw a fork");
}

/// A device holds a branch that nothing says to stand; a snapshot covers the other one.
#[test]
fn atk_18_a_snapshot_of_another_branch_is_refused_until_it_is_confirmed_and_then_replaces_it() {
    let (mut one, mut two, id) = busy(74);
    let mut three = Device::new(76);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    let (mut two, mut copy) = two.copied();
    two.record(&id).add(&allergy("du premier")).unwrap();
    copy.record(&id).add(&allergy("de la copie")).unwrap();
    exchange(&mut two, &mut three, &id);
    exchange(&mut copy, &mut one, &id);
    one.record(&id).make_snapshots().unwrap();
    let taken = snapshots(&mut one, &id);
    let take = |device: &mut Device| -> Vec<_> {
        taken.iter().map(|(_, object)| device.record(&id).receive_snapshot(object)).collect()
    };
    let ops = one.record(&id).ops_since(&[], None).unwrap();
    three.record(&id).receive_ops(&ops).unwrap();
    let is_refused =
        |result: &Result<(), _>| matches!(result, Err(TakeSnapshotError::Rejected(SnapshotRejected::Branch)));
    let refused = take(&mut three);
    assert!(refused.iter().any(is_refused), "{refused:?}");
    assert!(labels(&three.record(&id)).contains(&"du premier".to_owned()), "nothing of what it holds is given up");
    // The copy, which wrote that branch, confirms.
    exchange(&mut one, &mut copy, &id);
    assert!(take(&mut copy).iter().all(Result::is_ok));
    assert!(copy.record(&id).confirm_snapshots().unwrap() >= 1);
    let ops = copy.record(&id).ops_since(&[], None).unwrap();
    three.record(&id).receive_ops(&ops).unwrap();
    let taken_in = take(&mut three);
    assert!(taken_in.iter().all(Result::is_ok), "{taken_in:?}");
    let shown = labels(&three.record(&id));
    assert!(shown.contains(&"de la copie".to_owned()) && !shown.contains(&"du premier".to_owned()), "{shown:?}");
    assert_eq!(three.record(&id).pending().unwrap().quarantined, 1, "it is kept, and shown to an owner");
    // It had been accepted here, and nobody else may remember it: it is issued again.
    three.record(&id).retry_waiting().unwrap();
    exchange(&mut three, &mut one, &id);
    for device in [&mut three, &mut one] {
        let shown = labels(&device.record(&id));
        assert!(["de la copie", "du premier"].iter().all(|name| shown.contains(&(*name).to_owned())), "{shown:?}");
    }
}

#[test]
fn a_second_device_confirms_what_it_can_check() {
    let (mut one, mut two, id) = busy(44);
    one.record(&id).make_snapshots().unwrap();
    exchange(&mut one, &mut two, &id);
    assert_eq!(two.record(&id).confirm_snapshots().unwrap(), 0, "not before the object was fetched back");
    for (_, object) in snapshots(&mut one, &id) {
        two.record(&id).receive_snapshot(&object).unwrap();
    }
    assert!(two.record(&id).confirm_snapshots().unwrap() >= 1);
    let record = two.record(&id);
    let membership = record.live.members.current();
    let sections = membership.sections();
    assert!(sections.iter().flat_map(|section| membership.objects(section)).all(|object| object.is_confirmed));
    assert_eq!(record.digest().unwrap(), one.record(&id).digest().unwrap());
}

#[test]
fn atk_16_a_snapshot_that_was_altered_is_rejected_and_nothing_of_it_stays() {
    let (mut one, _, id) = busy(46);
    one.record(&id).make_snapshots().unwrap();
    let (_, object) = snapshots(&mut one, &id).remove(0);
    let mut three = join_without_log(&mut one, 48, &id);
    let before = three.record(&id).digest().unwrap();

    let mut flipped = object.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let refused = three.record(&id).receive_snapshot(&flipped);
    assert!(matches!(refused, Err(TakeSnapshotError::Rejected(SnapshotRejected::Unpublished))), "{refused:?}");

    // A member with the key makes snapshots that lie, each in one way, and publishes them.
    for (lie, expected) in [
        (Lie::DropsAnAuthor, SnapshotRejected::Actors),
        (Lie::AltersAnAnchor, SnapshotRejected::Anchor),
        (Lie::OlderDocument, SnapshotRejected::Actors),
        (Lie::NotADocument, SnapshotRejected::Document),
    ] {
        let forged = forge(&mut one, &id, lie);
        let ops = one.record(&id).ops_since(&[], None).unwrap();
        three.record(&id).receive_ops(&ops).unwrap();
        let refused = three.record(&id).receive_snapshot(&forged);
        assert!(matches!(&refused, Err(TakeSnapshotError::Rejected(why)) if *why == expected), "{lie:?}: {refused:?}");
    }
    assert_eq!(three.record(&id).digest().unwrap(), before);
    three.record(&id).receive_snapshot(&object).unwrap();
    assert!(!labels(&three.record(&id)).is_empty(), "the honest one is still taken");
}

#[test]
fn atk_16_a_lie_that_reaches_further_hides_no_honest_snapshot() {
    let (mut one, _, id) = busy(50);
    one.record(&id).make_snapshots().unwrap();
    let honest: Vec<_> = snapshots(&mut one, &id);
    let forged = forge(&mut one, &id, Lie::ReachesFurther);
    let mut three = join_without_log(&mut one, 52, &id);
    let wanted = three.record(&id).snapshots_wanted().unwrap();
    assert_eq!(wanted[0], ObjectId(carnet_crypto::digest::content_hash(&forged)), "the furthest comes first");
    let refused = three.record(&id).receive_snapshot(&forged);
    assert!(matches!(refused, Err(TakeSnapshotError::Rejected(SnapshotRejected::Anchor))), "{refused:?}");
    for (object, sealed) in &honest {
        assert!(wanted.contains(object), "what the lie stands before is asked for too");
        three.record(&id).receive_snapshot(sealed).unwrap();
    }
    assert_eq!(labels(&three.record(&id)).len(), 41);
}

#[test]
fn atk_16_a_lie_is_fetched_once_and_nothing_of_it_is_kept() {
    let (mut one, _, id) = busy(53);
    one.record(&id).make_snapshots().unwrap();
    let honest = snapshots(&mut one, &id);
    let mut three = join_without_log(&mut one, 55, &id);
    let before = kept(&three);
    let lies: Vec<Vec<u8>> =
        [Lie::OlderDocument, Lie::NotADocument].map(|lie| forge(&mut one, &id, lie)).into_iter().collect();
    learn(&mut one, &mut three, &id);
    for lie in &lies {
        assert!(wants(&mut three, &id, lie), "a published one is asked for");
        assert!(matches!(bring(&mut three, &id, lie), Err(TakeSnapshotError::Rejected(_))));
        assert_eq!(kept(&three), before, "neither a row nor a file of it");
    }
    // Whatever else is published, and after a restart too: these two stay what they are.
    forge(&mut one, &id, Lie::ReachesFurther);
    learn(&mut one, &mut three, &id);
    let mut three = three.reopen();
    for lie in &lies {
        assert!(!wants(&mut three, &id, lie), "it is not fetched again");
    }
    // The same author is believed where it says the truth, then and later.
    for n in 0..40 {
        one.record(&id).add(&allergy(&format!("plus tard {n}"))).unwrap();
    }
    assert!(one.record(&id).make_snapshots().unwrap() >= 1);
    learn(&mut one, &mut three, &id);
    for (object, sealed) in honest.iter().chain(&snapshots(&mut one, &id)) {
        if three.record(&id).wanted_objects().unwrap().contains(&Wanted::Snapshot(*object)) {
            bring(&mut three, &id, sealed).unwrap();
        }
    }
    assert_eq!(labels(&three.record(&id)).len(), 81);
}

#[test]
fn a_snapshot_that_could_not_be_judged_is_asked_for_again_once_more_is_known() {
    let (mut one, _, id) = busy(56);
    one.record(&id).make_snapshots().unwrap();
    let lie = forge(&mut one, &id, Lie::UnknownView);
    let mut three = join_without_log(&mut one, 58, &id);
    let refused = bring(&mut three, &id, &lie);
    assert!(matches!(refused, Err(TakeSnapshotError::Rejected(SnapshotRejected::Unjudged))), "{refused:?}");
    assert!(!wants(&mut three, &id, &lie));
    // What an author might do follows from the operations that are known: with more of them it may be judged otherwise.
    forge(&mut one, &id, Lie::NotADocument);
    learn(&mut one, &mut three, &id);
    assert!(wants(&mut three, &id, &lie));
    // So does what was confirmed, which a receipt may decide.
    drop(bring(&mut three, &id, &lie));
    assert!(!wants(&mut three, &id, &lie));
    let (op, relay) = (three.record(&id).op_heads()[0], SigningKey::from_seed(&[42; 32]));
    let receipt = Receipt { record: id, store_epoch: 1, position: 1, time: UnixMillis(1), op }.sign(&relay);
    three.record(&id).acknowledge(&[], &[(op, relay.public(), receipt)]).unwrap();
    assert!(wants(&mut three, &id, &lie));
}

#[test]
fn atk_16_a_lie_that_names_an_attached_file_takes_nobodys_file() {
    let (mut one, mut two, id) = busy(59);
    one.record(&id).make_snapshots().unwrap();
    let entry = add_document(&mut one, &id, 1, "radio", LARGE);
    let other = two.begin().record;
    let elsewhere = add_document(&mut two, &other, 2, "scanner", LARGE);
    exchange(&mut one, &mut two, &id);
    let of_this = one.record(&id).named_files().unwrap();
    for object in &of_this {
        let sealed = sealed_bytes(&mut one, &id, object);
        let mut download = two.record(&id).download(object, sealed.len() as u64).unwrap();
        download.append(0, &sealed).unwrap();
        two.record(&id).keep_download(download).unwrap();
    }
    let of_other = two.record(&other).named_files().unwrap();
    let before = kept(&two);
    for object in of_this.iter().chain(&of_other) {
        let sealed = sealed_bytes(&mut two, &id, object);
        publish_as_snapshot(&mut one, &id, *object);
        learn(&mut one, &mut two, &id);
        let refused = bring(&mut two, &id, &sealed);
        assert!(matches!(refused, Err(TakeSnapshotError::Rejected(SnapshotRejected::Sealed))), "{refused:?}");
        assert!(!wants(&mut two, &id, &sealed));
    }
    assert_eq!(kept(&two), before);
    assert_eq!(content(&mut two, &id, &entry), LARGE);
    assert_eq!(content(&mut two, &other, &elsewhere), LARGE);
}

#[test]
fn atk_16_however_many_lies_a_device_publishes_those_of_others_are_tried_as_soon() {
    let (mut one, mut two, id) = busy(62);
    exchange(&mut one, &mut two, &id);
    two.record(&id).make_snapshots().unwrap();
    let honest: Vec<Wanted> = snapshots(&mut two, &id).iter().map(|(object, _)| Wanted::Snapshot(*object)).collect();
    exchange(&mut two, &mut one, &id);
    let sealed = snapshots(&mut two, &id);
    for (_, object) in &sealed {
        bring(&mut one, &id, object).unwrap();
    }
    for n in 0..20 {
        publish_as_snapshot(&mut one, &id, ObjectId([n; 32]));
    }
    let mut three = join_without_log(&mut one, 64, &id);
    let wanted = three.record(&id).wanted_objects().unwrap();
    assert!(wanted.len() > 20, "{}", wanted.len());
    let first = wanted.iter().position(|wanted| honest.contains(wanted)).unwrap();
    assert!(first <= 1, "it comes after {first} lies");
}

/// A member publishes an honest object once more, as if it stood for something else.
fn publish_otherwise(device: &mut Device, id: &RecordId, honest: &PublishedObject, seq_of: impl Fn(u32) -> u32) {
    let mut cover = honest.cover.clone();
    let furthest = cover.iter_mut().max_by_key(|position| position.seq).unwrap();
    furthest.seq = seq_of(furthest.seq);
    let mut record = device.record(id);
    record
        .commit(|record, writer| record.publish_seal(writer, honest.section, honest.volume, cover, honest.object))
        .unwrap();
}

#[test]
fn atk_16_a_second_seal_for_an_honest_object_does_not_have_it_refused() {
    let (mut one, mut two, id) = busy(90);
    one.record(&id).make_snapshots().unwrap();
    let honest = snapshots(&mut one, &id);
    exchange(&mut one, &mut two, &id);
    let published: Vec<PublishedObject> = {
        let record = two.record(&id);
        let membership = record.live.members.current();
        membership.sections().iter().flat_map(|section| membership.objects(section)).cloned().collect()
    };
    for published in &published {
        publish_otherwise(&mut two, &id, published, |seq| seq / 2);
        publish_otherwise(&mut two, &id, published, |seq| seq + 1_000);
    }
    learn(&mut two, &mut one, &id);
    let mut three = join_without_log(&mut one, 92, &id);
    let wanted = three.record(&id).snapshots_wanted().unwrap();
    assert_eq!(wanted.len(), honest.len(), "each is asked for once");
    for (_, sealed) in &honest {
        bring(&mut three, &id, sealed).unwrap();
        assert!(!wants(&mut three, &id, sealed), "what is not true of it is not asked for again");
    }
    assert_eq!(labels(&three.record(&id)).len(), 41);
    // Whatever is said of it later takes nothing away.
    for published in &published {
        publish_otherwise(&mut two, &id, published, |seq| seq + 2_000);
    }
    learn(&mut two, &mut three, &id);
    for (object, sealed) in &honest {
        bring(&mut three, &id, sealed).unwrap();
        assert!(!wants(&mut three, &id, sealed));
        assert_eq!(sealed_bytes(&mut three, &id, object), *sealed, "it is kept for others");
    }
    assert_eq!(labels(&three.record(&id)).len(), 41);
}

/// `from`'s operations come to `to`, and nothing else.
fn learn(from: &mut Device, to: &mut Device, id: &RecordId) {
    let ops = from.record(id).ops_since(&[], None).unwrap();
    to.record(id).receive_ops(&ops).unwrap();
}

fn wants(device: &mut Device, id: &RecordId, sealed: &[u8]) -> bool {
    let object = ObjectId(carnet_crypto::digest::content_hash(sealed));
    device.record(id).wanted_objects().unwrap().contains(&Wanted::Snapshot(object))
}

/// A snapshot comes in plain parts, as from a relay.
fn bring(device: &mut Device, id: &RecordId, sealed: &[u8]) -> Result<(), TakeSnapshotError> {
    let object = ObjectId(carnet_crypto::digest::content_hash(sealed));
    let mut record = device.record(id);
    let mut download = record.download(&object, sealed.len() as u64).unwrap();
    download.append(0, sealed).unwrap();
    let kept = record.keep_download(download).unwrap();
    record.take_snapshot(&kept)
}

fn sealed_bytes(device: &mut Device, id: &RecordId, object: &ObjectId) -> Vec<u8> {
    let record = device.record(id);
    record.blobs.read_sealed(&record.store.read().unwrap(), object, 1 << 30).unwrap()
}

/// A member publishes what is no snapshot under the name of one, in the place of the first that it published.
fn publish_as_snapshot(one: &mut Device, id: &RecordId, object: ObjectId) {
    let honest = snapshots(one, id).remove(0).0;
    let mut record = one.record(id);
    let published = record.published_as(&honest).remove(0);
    record
        .commit(|record, writer| {
            let mut cover = published.cover.clone();
            cover[0].seq += 1_000;
            record.publish_seal(writer, published.section, published.volume, cover, object)
        })
        .unwrap();
}

#[derive(Clone, Copy, Debug)]
enum Lie {
    AltersAnAnchor,
    DropsAnAuthor,
    NotADocument,
    OlderDocument,
    ReachesFurther,
    UnknownView,
}

/// A snapshot of the first published one's volume, made and published by a member that lies.
fn forge(one: &mut Device, id: &RecordId, lie: Lie) -> Vec<u8> {
    let honest = snapshots(one, id).remove(0).1;
    let mut record = one.record(id);
    record
        .commit(|record, writer| {
            let published = {
                let membership = record.live.members.current();
                let object = ObjectId(carnet_crypto::digest::content_hash(&honest));
                let sections = membership.sections();
                let mut objects = sections.iter().flat_map(|section| membership.objects(section));
                objects.find(|published| published.object == object).unwrap().clone()
            };
            let epoch = record.epoch_to_write(writer, &published.section).unwrap();
            let key = record.live.keys.of(&epoch).unwrap();
            let context = |cover: &[carnet_protocol::feed::Position]| {
                crate::snapshot::object_context(&id.0, &published.section, published.volume, &epoch, cover)
            };
            let opened = open_object(key, &context(&published.cover), &honest).unwrap();
            let mut snapshot = crate::snapshot::Opened::decode(unpad(&opened).unwrap()).unwrap();
            let mut cover = published.cover.clone();
            match lie {
                Lie::AltersAnAnchor => snapshot.anchors[0].envelope[60] ^= 1,
                Lie::DropsAnAuthor => {
                    snapshot.anchors.pop();
                    cover.pop();
                }
                Lie::NotADocument => snapshot.document = vec![7; 100],
                Lie::ReachesFurther => cover[0].seq += 1_000,
                Lie::UnknownView => snapshot.anchors[0].heads.0 = [9; 32],
                Lie::OlderDocument => {
                    let mut doc = crate::crdt::Doc::empty().unwrap();
                    let whole = crate::crdt::Doc::load(&snapshot.document).unwrap();
                    for change in whole.changes().unwrap().into_iter().take(5) {
                        doc.apply(vec![change]).unwrap();
                    }
                    snapshot.document = doc.save();
                }
            }
            let mut rng = StdRng::seed_from_u64(99);
            let forged = seal_object(key, &context(&cover), &pad(snapshot.encode()), &mut rng);
            let object = ObjectId(carnet_crypto::digest::content_hash(&forged));
            record.publish_seal(writer, published.section, published.volume, cover, object).unwrap();
            Ok(forged)
        })
        .unwrap()
}
