//! A relay that lies: it goes back, shows two histories, alters what it stores.

use std::{fs, path::Path};

use carnet_sync::{Alarm, Event, FailureKind, SyncError, sync_with_relay, trust_relay_again};
use carnet_vault::{
    RecordId,
    store::{Durability, Options, Store, Table, Unlock},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    copies::{copy_folder, point_to},
    peers::meet,
    world::{Device, RunningRelay, pair_by_hand, passphrase, relay, relay_folder, two_devices},
};

async fn alarm(device: &mut Device, id: &RecordId) -> Alarm {
    match device.try_sync(id).await {
        Err(error @ SyncError::RelayAlarm { what }) => {
            assert_eq!(error.kind(), FailureKind::Integrity);
            assert!(device.events.contains(&Event::Alarm(what)));
            what
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_1_a_relay_that_goes_back_to_an_earlier_state_is_told_and_takes_nothing_away() {
    let (folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(400, &relay.address).await;
    relay.stop().await;
    let old = folder.path().join("old");
    copy_folder(&folder.path().join("relay"), &old);
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    for device in [&one, &two] {
        point_to(device, &id, &relay.address);
    }
    one.add(&id, "pollen");
    one.sync(&id).await;
    two.sync(&id).await;
    relay.stop().await;
    let relay = RunningRelay::start(&old).await;
    for device in [&mut one, &mut two] {
        point_to(device, &id, &relay.address);
        assert_eq!(alarm(device, &id).await, Alarm::Rollback);
        assert_eq!(device.labels(&id), ["pollen"], "its own state stays");
    }
    // A person who knows that the relay's disk was lost says so; then it gets everything again.
    trust_relay_again(&one.vault, id).await.unwrap();
    assert!(one.sync(&id).await.refused.is_empty());
    let mut third = Device::new(402).await;
    pair_by_hand(&one, &third, &id);
    one.sync(&id).await;
    third.sync(&id).await;
    assert_eq!(third.digest(&id), one.digest(&id));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_2_a_relay_that_shows_two_histories_is_told_when_it_joins_them() {
    let (folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(410, &relay.address).await;
    relay.stop().await;
    let (left, right) = (folder.path().join("relay"), folder.path().join("other"));
    copy_folder(&left, &right);
    let relay = RunningRelay::start(&left).await;
    point_to(&one, &id, &relay.address);
    one.add(&id, "à gauche");
    one.sync(&id).await;
    relay.stop().await;
    let relay = RunningRelay::start(&right).await;
    point_to(&two, &id, &relay.address);
    two.add(&id, "à droite");
    two.sync(&id).await;
    // Now it shows the one device what it has shown the other.
    point_to(&one, &id, &relay.address);
    let what = alarm(&mut one, &id).await;
    assert!(matches!(what, Alarm::Fork | Alarm::Rollback), "{what:?}");
    relay.stop().await;
    // Two honest devices that meet heal what the relay kept apart.
    meet(&one, &two, &id).await.unwrap();
    assert_eq!(one.labels(&id), ["à droite", "à gauche"]);
    assert_eq!(one.digest(&id), two.digest(&id));
}

/// Flips one bit in the middle of every file under `folder` that an envelope or object lies in.
fn flip_stored_files(folder: &Path) -> usize {
    let mut flipped = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flipped += flip_stored_files(&path);
        } else if path.file_name().is_some_and(|name| name.len() >= 64) {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 8;
            fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    flipped
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_5_bits_that_the_relay_flips_are_refused_and_the_good_rest_counts() {
    let (folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(420, &relay.address).await;
    // A large batch of measures lies in a file of its own at the relay; a small entry does not.
    one.add(&id, "petite");
    one.measure(&id, 20_000);
    one.attach(&id, "scan.png", &vec![3; 400_000]);
    one.sync(&id).await;
    relay.stop().await;
    let pristine = folder.path().join("pristine");
    copy_folder(&folder.path().join("relay"), &pristine);
    assert!(flip_stored_files(&folder.path().join("relay")) > 0);
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    point_to(&two, &id, &relay.address);
    assert_eq!(alarm(&mut two, &id).await, Alarm::Withheld);
    assert_eq!(alarm(&mut two, &id).await, Alarm::Withheld, "and it is not forgotten");
    assert!(two.labels(&id).contains(&"petite".to_owned()));
    assert_ne!(two.digest(&id), one.digest(&id));
    relay.stop().await;
    // The author, met directly, heals it.
    meet(&two, &one, &id).await.unwrap();
    assert_eq!(two.digest(&id), one.digest(&id));
    assert!(two.with(&id, |record| record.missing_files()).unwrap().is_empty());
    let relay = RunningRelay::start(&pristine).await;
    point_to(&two, &id, &relay.address);
    two.sync(&id).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_40_bytes_that_a_peer_holds_stay_the_same_when_the_relay_refuses_them_first() {
    let (folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(430, &relay.address).await;
    relay.stop().await;
    one.add(&id, "pollen");
    let waiting = |device: &Device| device.with(&id, |record| record.outbox(usize::MAX)).unwrap();
    let before = waiting(&one);
    assert!(!before.is_empty());
    assert!(one.try_sync(&id).await.is_err(), "the relay is silent");
    meet(&two, &one, &id).await.unwrap();
    assert_eq!(waiting(&one), before, "the same bytes at the same places");
    one.add(&id, "latex");
    assert_eq!(waiting(&one)[..before.len()], before[..]);
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    for device in [&mut two, &mut one] {
        point_to(device, &id, &relay.address);
        let synced = device.sync(&id).await;
        assert!(synced.refused.is_empty() && synced.received.forks.is_empty(), "{synced:?}");
    }
    two.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    assert_eq!((one.pending(&id).quarantined, two.pending(&id).quarantined), (0, 0));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_relay_than_the_record_names_is_not_talked_to() {
    let (_folder, relay) = relay().await;
    let mut one = Device::new(440).await;
    let id = one.begin(Some(&relay.address)).record;
    one.sync(&id).await;
    let other_folder = relay_folder();
    let other = RunningRelay::start(&other_folder.path().join("relay")).await;
    point_to(&one, &id, &other.address);
    assert!(matches!(one.try_sync(&id).await, Err(SyncError::OtherRelay)));
    // And whoever listens at the relay's address without its key is not the relay.
    let mut one = one.reopen(|_| {}).await;
    let mut impostor = relay.address.clone();
    impostor.addresses.clone_from(&other.address.addresses);
    point_to(&one, &id, &impostor);
    assert!(matches!(one.try_sync(&id).await, Err(SyncError::Unreachable)));
    other.stop().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_made_without_a_relay_gets_one_later() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two) = (Device::new(450).await, Device::new(451).await);
    let id = one.begin(None).record;
    one.add(&id, "pollen");
    pair_by_hand(&one, &two, &id);
    meet(&two, &one, &id).await.unwrap();
    assert!(matches!(one.try_sync(&id).await, Err(SyncError::NoRelay)));
    point_to(&one, &id, &relay.address);
    assert!(one.sync(&id).await.refused.is_empty());
    point_to(&two, &id, &relay.address);
    two.add(&id, "latex");
    assert!(two.sync(&id).await.refused.is_empty());
    one.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    assert_eq!(one.with(&id, |record| record.relay_key()), Some(relay.address.key));
    let mut silent = |_: Event| {};
    let quiet = sync_with_relay(&two.node, &two.vault, id, &mut silent).await.unwrap();
    assert!(quiet.refused.is_empty());
    relay.stop().await;
}

/// A member that lies is an honest device whose stored envelopes are altered behind its back: what it makes the anchors of
/// its snapshots of is then no proof any more.
#[tokio::test(flavor = "multi_thread")]
async fn atk_16_lies_cost_few_downloads_in_one_exchange_and_each_only_one() {
    const LIES: usize = 10;
    const IN_ONE_EXCHANGE: usize = 8;
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(460, &relay.address).await;
    two.add(&id, "de l'autre");
    two.sync(&id).await;
    one.sync(&id).await;
    let mut one = one.reopen(alter_signatures).await;
    for lie in 0..LIES {
        for n in 0..60 {
            one.add(&id, &format!("allergène {lie} {n}"));
        }
        assert_eq!(one.with(&id, |record| record.make_snapshots().unwrap()), 1, "lie {lie}");
    }
    one.sync(&id).await;
    assert_eq!(two.sync(&id).await.snapshots_rejected, IN_ONE_EXCHANGE);
    assert_eq!(two.sync(&id).await.snapshots_rejected, LIES - IN_ONE_EXCHANGE, "the rest comes next time");
    two.events.clear();
    assert_eq!(two.sync(&id).await.snapshots_rejected, 0);
    let is_object = |event: &Event| matches!(event, Event::ObjectReceiving { .. });
    assert!(!two.events.iter().any(is_object), "nothing is fetched again: {:?}", two.events);
    assert_eq!(two.labels(&id), one.labels(&id), "what they stand for came all the same");
    // The same holds between devices.
    let mut third = Device::new(462).await;
    pair_by_hand(&two, &third, &id);
    two.sync(&id).await;
    one.sync(&id).await;
    for expected in [IN_ONE_EXCHANGE, LIES - IN_ONE_EXCHANGE, 0] {
        assert_eq!(meet(&third, &one, &id).await.unwrap().snapshots_rejected, expected);
    }
    third.sync(&id).await;
    assert_eq!(third.labels(&id), one.labels(&id));
    relay.stop().await;
}

/// Flips one bit of the signature of every envelope in the closed vault in `folder`.
fn alter_signatures(folder: &Path) {
    const ENVELOPES: Table = Table::new("envelope");
    let passphrase = passphrase();
    let unlock = Unlock::Passphrase(&passphrase);
    let store = Store::open(folder, unlock, Options::default(), StdRng::seed_from_u64(1)).unwrap();
    let rows: Vec<_> = store.read().and_then(|reader| reader.range(ENVELOPES, ..)?.collect()).unwrap();
    let mut writer = store.write(Durability::Acknowledged).unwrap();
    for (key, mut row) in rows {
        *row.last_mut().unwrap() ^= 1;
        writer.put(ENVELOPES, &key, &row).unwrap();
    }
    writer.commit().unwrap();
    store.close().unwrap();
}
