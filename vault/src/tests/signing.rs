//! What others would refuse is not signed: an operation that a relay never takes would stay in the way of all that
//! follows it, for good.

use carnet_crypto::{
    id::{Incarnation, KeySalt, VolumeId},
    sign::SigningKey,
};
use carnet_protocol::{
    checkpoint::{Checkpoint, Head, KnownHeads, root},
    limits::{
        CITED_CHECKPOINT_AGE_MS_MAX, COVER_ENTRIES_MAX, DEVICES_PER_RECORD_MAX, FRONTIER_ENTRIES_PER_SECTION_MAX,
    },
};
use carnet_record::SectionKind;
use carnet_seal::{sas::ShortCode, secret::DeviceSeed};
use serde_json::json;

use super::*;
use crate::{
    NotAdmitted, RelayAddress,
    devices::{RemovalReason, entry_write},
    pairing::{Candidate, JoinerKeys},
    record::VolumeWrites,
    replica::RelayMemory,
    witness::Followed,
};

const RELAY_SEED: [u8; 32] = [42; 32];

fn with_relay(seed: u64) -> (Device, RecordId) {
    let mut device = Device::new(seed);
    let key = SigningKey::from_seed(&RELAY_SEED).public();
    let relay = RelayAddress { key, addresses: vec!["127.0.0.1:4000".parse().unwrap()], token: None };
    let new = NewRecord { label: "Camille".into(), device_label: "Premier".into(), year: 2026, relay: Some(relay) };
    let id = device.vault.create_record(&new).unwrap().record;
    (device, id)
}

/// The device has just seen the relay's state.
fn see_relay(device: &mut Device, id: &RecordId) {
    let time = device.vault.now();
    let checkpoint = Checkpoint {
        record: *id,
        store_epoch: 1,
        time,
        membership: Head::START,
        root: root(&std::collections::BTreeMap::new()),
    };
    let checkpoint = Some(checkpoint.sign(&SigningKey::from_seed(&RELAY_SEED)));
    let memory = RelayMemory { store_epoch: 1, heads: KnownHeads::default(), checkpoint };
    let relay = SigningKey::from_seed(&RELAY_SEED).public();
    let followed = Followed { relay, memory, points: Vec::new(), awaited: Vec::new() };
    device.record(id).remember_relay(&followed).unwrap();
}

fn candidate(record: &Record<'_>, seed: u8) -> Candidate {
    let own = DeviceSeed::from_store(&[seed; 32]).unwrap();
    let salt: KeySalt = record.live.row.salt;
    let keys = JoinerKeys {
        signing: own.signing_key(&salt).public(),
        kem: Box::new(*own.kem(&salt, 0).public().as_bytes()),
        transport: [seed; 32],
        incarnation: Incarnation([seed; 8]),
    };
    Candidate {
        code: ShortCode::of(&[]),
        label: format!("Appareil {seed}"),
        keys,
        principal: record.live.row.principal,
    }
}

#[test]
fn a_device_more_than_a_record_may_have_is_not_signed() {
    let mut one = Device::new(300);
    let id = one.begin().record;
    let mut record = one.record(&id);
    for seed in 2..=u8::try_from(DEVICES_PER_RECORD_MAX).unwrap() {
        let candidate = candidate(&record, seed);
        record.admit(candidate).unwrap();
    }
    let (heads, to_send) = (record.op_heads(), record.pending().unwrap().to_send);
    let refused = record.admit(candidate(&record, 200));
    assert!(matches!(refused, Err(RecordError::NotAdmitted(NotAdmitted::Devices))), "{refused:?}");
    assert_eq!((record.op_heads(), record.pending().unwrap().to_send), (heads, to_send), "nothing of it stays");
    record.add(&allergy("suite")).unwrap();
    // A place becomes free.
    let first = record.devices().unwrap().into_iter().find(|device| !device.is_this && !device.is_kit).unwrap();
    record.remove_device(&first.id, RemovalReason::Replaced).unwrap();
    record.admit(candidate(&record, 200)).unwrap();
}

#[test]
fn atk_31_a_removal_is_not_signed_without_a_fresh_checkpoint_of_the_relay() {
    let (mut one, id) = with_relay(301);
    let mut two = Device::new(302);
    pair(&mut one, &mut two, &id);
    let removed = two.record(&id).device();
    let remove = |one: &mut Device| one.record(&id).remove_device(&removed, RemovalReason::Lost).map(drop);
    let stale = |result| matches!(result, Err(RecordError::NotAdmitted(NotAdmitted::StaleCheckpoint)));
    assert!(stale(remove(&mut one)), "the relay was never seen");
    see_relay(&mut one, &id);
    one.clock.0.fetch_add(CITED_CHECKPOINT_AGE_MS_MAX + 1_000, Ordering::Relaxed);
    let heads = one.record(&id).op_heads();
    assert!(stale(remove(&mut one)), "the relay was seen more than seven days ago");
    assert_eq!(one.record(&id).op_heads(), heads, "nothing of it stays");
    one.record(&id).add(&allergy("suite")).unwrap();
    see_relay(&mut one, &id);
    remove(&mut one).unwrap();
}

#[test]
fn a_fork_is_proved_once_the_relay_was_seen_and_holds_nothing_up_before() {
    let (mut one, id) = with_relay(310);
    let mut two = Device::new(311);
    pair(&mut one, &mut two, &id);
    let (mut two, mut copy) = two.copied();
    two.record(&id).add(&allergy("du premier")).unwrap();
    copy.record(&id).add(&allergy("de la copie")).unwrap();
    exchange(&mut two, &mut one, &id);
    let heads = one.record(&id).op_heads();
    let received = exchange(&mut copy, &mut one, &id);
    assert_eq!((received.forks.len(), received.waiting), (0, 1), "{received:?}");
    assert_eq!(one.record(&id).op_heads(), heads, "a proof that the relay would refuse is not signed");
    one.record(&id).add(&allergy("suite")).unwrap();
    see_relay(&mut one, &id);
    let received = one.record(&id).retry_waiting().unwrap();
    assert_eq!(received.forks.len(), 1, "{received:?}");
    assert_ne!(one.record(&id).op_heads(), heads, "the proof");
    assert_eq!(labels(&one.record(&id)), ["du premier", "suite"]);
}

/// A stolen device writes into more volumes than a frontier has room for. It is removed like any other, and what had been
/// written stays on all devices.
#[test]
fn atk_21_a_device_that_began_very_many_feeds_is_removed_and_what_it_wrote_stays() {
    let (mut one, mut two, mut three) = (Device::new(320), Device::new(321), Device::new(322));
    let id = one.begin().record;
    pair(&mut one, &mut two, &id);
    pair(&mut one, &mut three, &id);
    exchange(&mut one, &mut two, &id);
    let section = two.record(&id).section_of(SectionKind::Treatments).unwrap();
    let volumes = u32::try_from(COVER_ENTRIES_MAX).unwrap() + 2;
    let step = |record: &mut Record<'_>, writer: &mut crate::store::Writer| {
        for number in 0..volumes {
            let entries = vec![entry_write("label", &"cd".repeat(16), json!({"label": number.to_string()}))];
            let write = VolumeWrites { section, volume: VolumeId(number + 5), entries };
            record.write_entries(writer, &[write])?;
        }
        Ok(())
    };
    two.record(&id).commit(step).unwrap();
    exchange(&mut two, &mut one, &id);
    let before = one.record(&id).digest().unwrap();
    let removed = two.record(&id).device();
    let op = one.record(&id).remove_device(&removed, RemovalReason::Stolen).unwrap();
    let record = one.record(&id);
    let removal = record.live.members.log().op(&op).unwrap().body().removal().unwrap().clone();
    assert_eq!((removal.frontier.len() < 2 * FRONTIER_ENTRIES_PER_SECTION_MAX, removal.hidden), (true, 0));
    assert_eq!((record.digest().unwrap(), record.pending().unwrap().quarantined), (before, 0));
    two.record(&id).add(&allergy("trop tard")).unwrap();
    exchange(&mut one, &mut three, &id);
    exchange(&mut two, &mut three, &id);
    assert_eq!(
        three.record(&id).digest().unwrap(),
        before,
        "what it wrote before stays, what it wrote after does not count"
    );
}
