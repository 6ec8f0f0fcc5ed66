//! Copies: a folder that was copied and put back, of a vault or of a relay.

use std::{fs, path::Path};

use carnet_sync::Event;
use carnet_vault::{LocalChange, RecordId, RelayAddress};

use crate::{
    peers::meet,
    world::{Device, RunningRelay, pair_by_hand, relay, two_devices},
};

/// Copies a folder, replacing what was there.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// From now on the device looks for the relay there.
pub(crate) fn point_to(device: &Device, id: &RecordId, relay: &RelayAddress) {
    device.vault.lock().unwrap().set_local(id, LocalChange::Relay(Some(relay.clone()))).unwrap();
}

/// The device with its vault copied aside.
async fn backed_up(device: Device, backup: &Path) -> Device {
    device.reopen(|folder| copy_folder(folder, backup)).await
}

async fn put_back(device: Device, backup: &Path) -> Device {
    device.reopen(|folder| copy_folder(backup, folder)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_18_a_restored_backup_takes_a_new_incarnation_and_nothing_is_lost_on_either_branch() {
    let (_folder, relay) = relay().await;
    let (one, mut two, id) = two_devices(300, &relay.address).await;
    one.add(&id, "avant");
    let backup = tempfile::tempdir().unwrap();
    let mut one = backed_up(one, backup.path()).await;
    for n in 0..3 {
        one.add(&id, &format!("perdu {n}"));
    }
    one.sync(&id).await;
    two.sync(&id).await;
    // The disk dies; yesterday's copy goes on, and writes before it meets anybody.
    let mut one = put_back(one, backup.path()).await;
    one.add(&id, "après");
    one.attach(&id, "scan.png", &vec![1; 90_000]);
    one.events.clear();
    let synced = one.sync(&id).await;
    assert!(one.events.contains(&Event::NewIncarnation), "{:?}", one.events);
    assert_eq!((synced.refused.len(), synced.received.quarantined), (0, 0), "{synced:?}");
    two.sync(&id).await;
    one.sync(&id).await;
    let all = ["après", "avant", "perdu 0", "perdu 1", "perdu 2", "scan.png"];
    assert_eq!(one.labels(&id), all);
    assert_eq!(two.labels(&id), all);
    assert_eq!(one.digest(&id), two.digest(&id));
    assert_eq!(one.with(&id, |record| record.verify_ledger()).unwrap(), None);
    assert_eq!(two.pending(&id).quarantined, 0, "no fork anywhere");
    // And it goes on as usual.
    one.add(&id, "demain");
    one.events.clear();
    assert!(one.sync(&id).await.refused.is_empty());
    assert!(!one.events.contains(&Event::NewIncarnation));
    two.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_18_a_restored_backup_finds_out_from_a_peer_too() {
    let (one, two) = (Device::new(310).await, Device::new(311).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    meet(&two, &one, &id).await.unwrap();
    let backup = tempfile::tempdir().unwrap();
    let one = backed_up(one, backup.path()).await;
    one.add(&id, "perdu");
    meet(&two, &one, &id).await.unwrap();
    let one = put_back(one, backup.path()).await;
    one.add(&id, "après");
    meet(&one, &two, &id).await.unwrap();
    meet(&one, &two, &id).await.unwrap();
    assert_eq!(one.labels(&id), ["après", "perdu"]);
    assert_eq!(two.labels(&id), ["après", "perdu"]);
    assert_eq!(two.pending(&id).quarantined, 0);
}

/// Everybody exchanges with the relay until nobody has anything new; nobody is told of an alarm.
async fn settle(devices: &mut [&mut Device], id: &RecordId) {
    for round in 0..8 {
        let mut is_quiet = true;
        for device in &mut *devices {
            let synced = device.sync(id).await;
            is_quiet &= synced.is_quiet() && synced.refused.is_empty();
        }
        if is_quiet {
            return;
        }
        assert!(round < 7, "somebody still has news");
    }
}

/// A device writes, gives it to another one alone, is put back and gives the relay what it writes then: the relay
/// honestly holds one branch, the other device the other. `perdu` and `après` are how many entries each branch has.
async fn one_branch_here_one_there(seed: u64, lost: usize, after: usize) {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(seed, &relay.address).await;
    one.add(&id, "avant");
    one.sync(&id).await;
    two.sync(&id).await;
    let mut three = Device::new(seed + 2).await;
    pair_by_hand(&two, &three, &id);
    two.sync(&id).await;
    point_to(&three, &id, &relay.address);
    three.sync(&id).await;
    one.sync(&id).await;
    let backup = tempfile::tempdir().unwrap();
    let one = backed_up(one, backup.path()).await;
    let mut all = vec!["avant".to_owned()];
    for n in 0..lost {
        all.push(format!("perdu {n}"));
        one.add(&id, &format!("perdu {n}"));
    }
    meet(&two, &one, &id).await.unwrap();
    let mut one = put_back(one, backup.path()).await;
    for n in 0..after {
        all.push(format!("après {n}"));
        one.add(&id, &format!("après {n}"));
    }
    one.sync(&id).await;
    // It has only ever seen what the relay holds.
    three.sync(&id).await;
    two.sync(&id).await;
    settle(&mut [&mut one, &mut two, &mut three], &id).await;
    all.sort();
    for device in [&one, &two, &three] {
        assert_eq!(device.labels(&id), all, "{lost} and {after}");
        assert_eq!(device.digest(&id), two.digest(&id));
        let pending = device.pending(&id);
        assert_eq!((pending.to_send, pending.waiting), (0, 0), "{lost} and {after}: {pending:?}");
        assert!(!device.events.iter().any(|event| matches!(event, Event::Alarm(_))), "the relay is honest");
    }
    // A device that joins now ends with the same.
    let mut four = Device::new(seed + 3).await;
    pair_by_hand(&two, &four, &id);
    two.sync(&id).await;
    point_to(&four, &id, &relay.address);
    settle(&mut [&mut four], &id).await;
    assert_eq!(four.digest(&id), two.digest(&id));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_18_a_relay_that_holds_the_other_branch_is_not_accused_and_all_end_with_one_record() {
    for (seed, lost, after) in [(350, 1, 1), (360, 3, 2), (370, 2, 4)] {
        one_branch_here_one_there(seed, lost, after).await;
    }
}

/// What a device says it has shows a copy of it what happened, before a fork is made of it.
#[tokio::test(flavor = "multi_thread")]
async fn atk_18_a_restored_backup_steps_aside_before_it_hands_anything_to_a_peer() {
    for (seed, asks) in [(380, true), (390, false)] {
        let (one, two) = (Device::new(seed).await, Device::new(seed + 1).await);
        let id = one.begin(None).record;
        pair_by_hand(&one, &two, &id);
        meet(&two, &one, &id).await.unwrap();
        let backup = tempfile::tempdir().unwrap();
        let one = backed_up(one, backup.path()).await;
        for n in 0..3 {
            one.add(&id, &format!("perdu {n}"));
        }
        meet(&two, &one, &id).await.unwrap();
        let one = put_back(one, backup.path()).await;
        for n in 0..5 {
            one.add(&id, &format!("après {n}"));
        }
        let is_proof = |device: &Device| device.with(&id, |record| record.forked_feeds().len());
        for _ in 0..3 {
            if asks {
                meet(&one, &two, &id).await.unwrap();
            } else {
                meet(&two, &one, &id).await.unwrap();
            }
        }
        assert_eq!((is_proof(&one), is_proof(&two)), (0, 0), "nobody saw a fork");
        assert_eq!(one.labels(&id).len(), 8);
        assert_eq!(one.digest(&id), two.digest(&id));
        for device in [&one, &two] {
            let pending = device.pending(&id);
            assert_eq!((pending.waiting, pending.quarantined), (0, 0), "{pending:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_26_what_was_sent_and_not_acknowledged_is_sent_again_and_changes_nothing() {
    let (_folder, relay) = relay().await;
    let (one, mut two, id) = two_devices(320, &relay.address).await;
    one.add(&id, "pollen");
    one.attach(&id, "scan.png", &vec![2; 200_000]);
    let before = tempfile::tempdir().unwrap();
    let mut one = backed_up(one, before.path()).await;
    let first = one.sync(&id).await;
    assert!(first.sent > 0 && one.pending(&id).to_send == 0);
    // The power goes before the acknowledgement is durable: everything still waits to be sent.
    let mut one = put_back(one, before.path()).await;
    assert!(one.pending(&id).to_send > 0);
    one.events.clear();
    let again = one.sync(&id).await;
    assert!(!one.events.contains(&Event::NewIncarnation), "it is no copy that went on");
    assert_eq!((again.refused.len(), again.received.accepted), (0, 0), "{again:?}");
    assert_eq!(one.pending(&id).to_send, 0);
    two.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    assert_eq!(one.labels(&id).len(), 2);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_restored_from_its_backup_is_offered_again_what_it_lost() {
    let (folder, relay) = relay().await;
    let (mut one, two, id) = two_devices(330, &relay.address).await;
    one.add(&id, "avant");
    one.sync(&id).await;
    let backup = folder.path().join("backup");
    relay.stop().await;
    carnet_relay::backup(&folder.path().join("relay"), &backup).unwrap();
    let relay = RunningRelay::start(&folder.path().join("relay")).await;
    point_to(&one, &id, &relay.address);
    one.add(&id, "perdu");
    one.attach(&id, "scan.png", &vec![5; 150_000]);
    one.sync(&id).await;
    relay.stop().await;
    let restored = folder.path().join("restored");
    let now = carnet_vault::UnixMillis(crate::world::START + 10_000);
    carnet_relay::restore(&backup, &restored, now).unwrap();
    let relay = RunningRelay::start(&restored).await;
    point_to(&one, &id, &relay.address);
    one.events.clear();
    let synced = one.sync(&id).await;
    assert!(one.events.contains(&Event::RelayRestored), "{:?}", one.events);
    assert!(synced.refused.is_empty(), "{synced:?}");
    let mut two = two;
    point_to(&two, &id, &relay.address);
    two.sync(&id).await;
    assert_eq!(two.digest(&id), one.digest(&id));
    assert_eq!(two.labels(&id), ["avant", "perdu", "scan.png"]);
    assert!(two.with(&id, |record| record.missing_files()).unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_joins_from_snapshots_when_the_relay_has_deleted_the_raw_log() {
    let (folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(340, &relay.address).await;
    for n in 0..60 {
        one.add(&id, &format!("allergène numéro {n}"));
    }
    two.add(&id, "de l'autre");
    two.sync(&id).await;
    // One makes snapshots, the other fetches them back and confirms them.
    one.sync(&id).await;
    two.sync(&id).await;
    one.sync(&id).await;
    relay.stop().await;
    let data = folder.path().join("relay");
    let collected = carnet_relay::collect(&data, carnet_vault::UnixMillis(crate::world::START + 100_000), 0).unwrap();
    assert!(collected.envelopes > 40, "{collected:?}");
    let relay = RunningRelay::start(&data).await;
    for device in [&one, &two] {
        point_to(device, &id, &relay.address);
    }
    one.add(&id, "après");
    let mut three = Device::new(342).await;
    pair_by_hand(&one, &three, &id);
    point_to(&three, &id, &relay.address);
    one.sync(&id).await;
    let synced = three.sync(&id).await;
    assert!(synced.objects_received > 0, "{synced:?}");
    assert_eq!(three.labels(&id).len(), 62);
    assert_eq!(three.digest(&id), one.digest(&id));
    three.add(&id, "de la tablette");
    for device in [&mut three, &mut one, &mut two] {
        assert!(device.sync(&id).await.refused.is_empty());
    }
    assert_eq!((one.digest(&id), two.digest(&id)), (three.digest(&id), three.digest(&id)));
    // Between devices a snapshot stands for the raw log as well.
    let four = Device::new(343).await;
    pair_by_hand(&three, &four, &id);
    meet(&four, &three, &id).await.unwrap();
    assert_eq!(four.digest(&id), three.digest(&id));
    relay.stop().await;
}
