//! Every device lost: the kit brings the record back, from the relay or from a file.

use std::sync::Arc;

use carnet_sync::{
    Event, FailureKind, Restoration, SyncError, export_exchange, replace_kit, restore_from_file, restore_from_relay,
};
use carnet_vault::{
    DeviceStanding, RecordId,
    recovery::{Kit, LostDevices, RecoveryError},
};

use crate::world::{Device, pair_by_hand, relay, two_devices};

#[tokio::test(flavor = "multi_thread")]
async fn atk_22_all_devices_lost_the_kit_and_the_relay_bring_the_record_back() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two) = (Device::new(200).await, Device::new(201).await);
    let kit = one.begin(Some(&relay.address));
    let id = kit.record;
    pair_by_hand(&one, &two, &id);
    one.add(&id, "pollen");
    one.attach(&id, "scan.png", &vec![9; 400_000]);
    one.sync(&id).await;
    two.sync(&id).await;
    two.add(&id, "latex");
    two.sync(&id).await;
    one.sync(&id).await;
    let digest = one.digest(&id);
    let new = Device::new(202).await;
    let lost = LostDevices::All;
    let restore = Restoration {
        words: &kit.words,
        record: Some(id),
        label: "Camille",
        device_label: "Nouvel ordinateur",
        lost: &lost,
    };
    let (restored, _) = restore_from_relay(&new.node, &new.vault, &restore, &relay.address, &mut |_| {}).await.unwrap();
    assert_eq!(restored, id);
    assert_eq!(new.digest(&id), digest);
    assert!(new.with(&id, |record| record.missing_files()).unwrap().is_empty());
    assert_eq!(new.pending(&id).to_send, 0, "the relay has the recovery");
    // Whoever found a lost device gets nothing more of it.
    assert!(matches!(one.try_sync(&id).await, Err(SyncError::NotAdmitted)));
    let mut new = new;
    new.add(&id, "après");
    assert!(new.sync(&id).await.refused.is_empty());
    let live = new.with(&id, |record| record.devices()).unwrap().into_iter().filter(|device| device.is_live).count();
    assert_eq!(live, 2, "the new device and the kit");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_kit_and_a_wrong_record_are_refused_and_leave_nothing() {
    let (_folder, relay) = relay().await;
    let (mut one, other) = (Device::new(210).await, Device::new(211).await);
    let kit = one.begin(Some(&relay.address));
    one.sync(&kit.record).await;
    let wrong = other.begin(None);
    let new = Device::new(212).await;
    let lost = LostDevices::All;
    for (words, record) in [(&wrong.words, kit.record), (&kit.words, wrong.record)] {
        let restore = Restoration { words, record: Some(record), label: "x", device_label: "y", lost: &lost };
        let refused = restore_from_relay(&new.node, &new.vault, &restore, &relay.address, &mut |_| {}).await;
        assert_eq!(refused.unwrap_err().kind(), FailureKind::Denied);
    }
    assert!(new.vault.lock().unwrap().records().unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kit_and_a_file_of_exchange_bring_the_record_back_without_any_relay() {
    let one = Device::new(220).await;
    let kit = one.begin(None);
    let id = kit.record;
    one.add(&id, "pollen");
    one.attach(&id, "scan.png", &vec![9; 100_000]);
    let mut file = Vec::new();
    export_exchange(&one.vault, id, &mut file).unwrap();
    let digest = one.digest(&id);
    let new = Device::new(221).await;
    let lost = LostDevices::All;
    let restore =
        Restoration { words: &kit.words, record: None, label: "Camille", device_label: "Nouveau", lost: &lost };
    let (restored, synced) = restore_from_file(&new.vault, &restore, &mut file.as_slice(), &mut |_| {}).unwrap();
    assert_eq!((restored, synced.objects_received), (id, 1));
    assert_eq!(new.digest(&id), digest);
    new.add(&id, "après");
    assert_eq!(new.labels(&id).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_21_a_removed_device_gets_nothing_new_and_opens_nothing_new() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(230, &relay.address).await;
    one.add(&id, "avant");
    one.sync(&id).await;
    two.sync(&id).await;
    let thief = two.with(&id, |record| record.device());
    one.with(&id, |record| record.remove_device(&thief, carnet_vault::devices::RemovalReason::Stolen)).unwrap();
    one.add(&id, "secret");
    let synced = one.sync(&id).await;
    assert!(synced.refused.is_empty(), "{synced:?}");
    assert!(matches!(two.try_sync(&id).await, Err(SyncError::NotAdmitted)));
    // Even if somebody hands the thief everything there is, it opens nothing that was sealed afterwards.
    let mut file = Vec::new();
    export_exchange(&one.vault, id, &mut file).unwrap();
    let taken = carnet_sync::import_exchange(&two.vault, &mut file.as_slice(), &mut |_| {});
    assert!(taken.is_ok());
    assert_eq!(two.labels(&id), ["avant"]);
    // Whoever has the right reads both in what the thief was handed.
    let three = Device::new(232).await;
    pair_by_hand(&one, &three, &id);
    let mut file = Vec::new();
    export_exchange(&one.vault, id, &mut file).unwrap();
    let taken = carnet_sync::import_exchange(&three.vault, &mut file.as_slice(), &mut |_| {});
    assert!(taken.is_ok());
    assert_eq!(three.labels(&id), ["avant", "secret"]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_device_sent_just_before_its_removal_came_is_quarantined_without_an_alarm() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(240, &relay.address).await;
    one.add(&id, "avant");
    one.sync(&id).await;
    two.sync(&id).await;
    let removed = two.with(&id, |record| record.device());
    one.with(&id, |record| record.remove_device(&removed, carnet_vault::devices::RemovalReason::Lost)).unwrap();
    for n in 0..3 {
        two.add(&id, &format!("croisé {n}"));
    }
    two.sync(&id).await;
    let crossed = one.sync(&id).await;
    assert!(crossed.refused.is_empty(), "{crossed:?}");
    assert_eq!(one.labels(&id), ["avant"]);
    assert!(one.pending(&id).quarantined > 0);
    for _ in 0..2 {
        let quiet = one.sync(&id).await;
        assert!(quiet.is_quiet(), "{quiet:?}");
    }
    assert!(matches!(two.try_sync(&id).await, Err(SyncError::NotAdmitted)));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_kept_in_a_restoration_goes_on_and_the_others_are_refused() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, mut three) = (Device::new(250).await, Device::new(251).await, Device::new(252).await);
    let kit = one.begin(Some(&relay.address));
    let id = kit.record;
    for other in [&two, &three] {
        pair_by_hand(&one, other, &id);
    }
    one.add(&id, "pollen");
    for device in [&mut one, &mut two, &mut three] {
        device.sync(&id).await;
    }
    let of_three = three.with(&id, |record| record.device()).to_string();
    let removed = ["Appareil 250".to_owned(), of_three[..6].to_owned()];
    for (names, device) in [(&removed[..], 253), (&["Nobody".to_owned()][..], 254), (&[], 255)] {
        let new = Device::new(device).await;
        let lost = LostDevices::Named(names.to_vec());
        let restore =
            Restoration { words: &kit.words, record: Some(id), label: "Camille", device_label: "Neuf", lost: &lost };
        let restored = restore_from_relay(&new.node, &new.vault, &restore, &relay.address, &mut |_| {}).await;
        if names == ["Nobody"] {
            assert!(matches!(restored, Err(SyncError::Recovery(RecoveryError::NoSuchDevice))), "{restored:?}");
            assert!(new.vault.lock().unwrap().records().unwrap().is_empty());
            continue;
        }
        restored.unwrap();
        let mut new = new;
        new.add(&id, &format!("écrit par {device}"));
        new.sync(&id).await;
        // The kept device reads what was written under the new keys, and what it writes is read.
        two.sync(&id).await;
        assert!(two.labels(&id).contains(&format!("écrit par {device}")), "{:?}", two.labels(&id));
        two.add(&id, &format!("gardé {device}"));
        assert!(two.sync(&id).await.refused.is_empty());
        new.sync(&id).await;
        assert_eq!(new.digest(&id), two.digest(&id));
        for lost in [&mut one, &mut three] {
            assert!(matches!(lost.try_sync(&id).await, Err(SyncError::NotAdmitted)));
        }
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_that_was_broken_off_is_begun_again() {
    let (_folder, running) = relay().await;
    let mut one = Device::new(260).await;
    let kit = one.begin(Some(&running.address));
    let id = kit.record;
    one.add(&id, "pollen");
    one.attach(&id, "scan.png", &vec![9; 400_000]);
    one.sync(&id).await;
    let new = Device::new(261).await;
    let lost = LostDevices::All;
    let restore =
        Restoration { words: &kit.words, record: Some(id), label: "Camille", device_label: "Neuf", lost: &lost };
    // It ends in the middle of a file that comes: the operations are here, the recovery is not signed.
    let address = running.address.clone();
    let (part, came) = tokio::sync::oneshot::channel();
    let mut part = Some(part);
    let mut tell = |event| {
        if matches!(event, Event::ObjectReceiving { .. })
            && let Some(part) = part.take()
        {
            part.send(()).unwrap();
        }
    };
    tokio::select! {
        restored = restore_from_relay(&new.node, &new.vault, &restore, &address, &mut tell) => panic!("{restored:?}"),
        came = came => came.unwrap(),
    }
    assert_eq!(new.vault.lock().unwrap().records().unwrap()[0].standing, DeviceStanding::Waiting);
    restore_from_relay(&new.node, &new.vault, &restore, &address, &mut |_| {}).await.unwrap();
    let new = new.reopen(|_| {}).await;
    assert_eq!(new.labels(&id), ["pollen", "scan.png"]);
    assert!(new.with(&id, |record| record.missing_files()).unwrap().is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_that_was_replaced_opens_nothing_and_the_new_one_everything() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id, kit) = {
        let (mut one, mut two) = (Device::new(270).await, Device::new(271).await);
        let kit = one.begin(Some(&relay.address));
        pair_by_hand(&one, &two, &kit.record);
        one.sync(&kit.record).await;
        two.sync(&kit.record).await;
        (one, two, kit.record, kit)
    };
    one.add(&id, "avant");
    let old = Arc::new(Kit::from_words(&kit.words).unwrap());
    let new = Arc::new(Kit::generate(&mut rand::rng()));
    replace_kit(&one.vault, id, &old, &new, true).await.unwrap();
    one.add(&id, "après");
    assert!(one.sync(&id).await.refused.is_empty());
    two.sync(&id).await;
    two.add(&id, "l'autre");
    assert!(two.sync(&id).await.refused.is_empty());
    one.sync(&id).await;
    assert_eq!(one.digest(&id), two.digest(&id));
    let is_opened = |device: &Device, kit: &Kit| device.with(&id, |record| record.is_opened_by(kit));
    assert!(!is_opened(&one, &old) && !is_opened(&two, &old) && is_opened(&two, &new));
    // Neither does it make another kit.
    let again = replace_kit(&two.vault, id, &old, &old, true).await;
    assert!(matches!(again, Err(SyncError::Recovery(RecoveryError::OtherRecord))), "{again:?}");

    let mut file = Vec::new();
    export_exchange(&one.vault, id, &mut file).unwrap();
    let digest = one.digest(&id);
    let lost = LostDevices::All;
    let of = |words| Restoration { words, record: Some(id), label: "Camille", device_label: "Neuf", lost: &lost };
    let refused = |ended: Result<_, SyncError>, device: &Device| {
        let ended: Result<(RecordId, carnet_sync::Synced), _> = ended;
        assert!(matches!(ended, Err(SyncError::Recovery(RecoveryError::OtherRecord))), "{ended:?}");
        assert!(device.vault.lock().unwrap().records().unwrap().is_empty(), "nothing of the attempt stays");
    };
    let thief = Device::new(272).await;
    let (old_words, new_words) = (kit.words.to_string(), new.expose_words());
    let ended = restore_from_relay(&thief.node, &thief.vault, &of(&old_words), &relay.address, &mut |_| {}).await;
    refused(ended, &thief);
    refused(restore_from_file(&thief.vault, &of(&old_words), &mut file.as_slice(), &mut |_| {}), &thief);
    let by_file = Device::new(273).await;
    restore_from_file(&by_file.vault, &of(&new_words), &mut file.as_slice(), &mut |_| {}).unwrap();
    assert_eq!(by_file.digest(&id), digest);
    let by_relay = Device::new(274).await;
    restore_from_relay(&by_relay.node, &by_relay.vault, &of(&new_words), &relay.address, &mut |_| {}).await.unwrap();
    assert_eq!(by_relay.digest(&id), digest);
    relay.stop().await;
}
