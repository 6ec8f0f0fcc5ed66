//! Every device lost: the kit brings the record back, from the relay or from a file.

use carnet_sync::{FailureKind, Restoration, SyncError, export_exchange, restore_from_file, restore_from_relay};
use carnet_vault::recovery::LostDevices;

use crate::world::{Device, relay, two_devices};

#[tokio::test(flavor = "multi_thread")]
async fn atk_22_all_devices_lost_the_kit_and_the_relay_bring_the_record_back() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two) = (Device::new(200).await, Device::new(201).await);
    let kit = one.begin(Some(&relay.address));
    let id = kit.record;
    crate::world::pair_by_hand(&one, &two, &id);
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
