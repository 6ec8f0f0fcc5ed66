//! Two devices that meet without their relay: directly, or by file.

use std::time::Duration;

use carnet_sync::{Event, FailureKind, SyncError, export_exchange, import_exchange, serve_peers, sync_with_peer};
use carnet_vault::{RecordId, RelayAddress};
use tokio::sync::oneshot;

use crate::world::{Device, pair_by_hand, relay, two_devices};

/// `one` asks, `two` answers, over a connection of their own.
pub(crate) async fn meet(one: &Device, two: &Device, id: &RecordId) -> Result<carnet_sync::Synced, SyncError> {
    let (stop, stopped) = oneshot::channel::<()>();
    let mut hush = |_: Event| {};
    let serving = serve_peers(&two.node, &two.vault, *id, &mut hush, async {
        let _ = stopped.await;
    });
    let address = two.node.address();
    let asking = async {
        let synced = sync_with_peer(&one.node, &one.vault, *id, &address, &mut |_| {}).await;
        let _ = stop.send(());
        synced
    };
    tokio::join!(serving, asking).1
}

/// A file of exchange from `one` to `two`.
pub(crate) fn carry(one: &Device, two: &Device, id: &RecordId) -> Result<carnet_sync::Synced, SyncError> {
    let mut file = Vec::new();
    export_exchange(&one.vault, *id, &mut file).unwrap();
    import_exchange(&two.vault, &mut file.as_slice(), &mut |_| {})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_meet_directly_while_the_relay_is_stopped() {
    let (_folder, relay) = relay().await;
    let (mut one, two, id) = two_devices(100, &relay.address).await;
    relay.stop().await;
    one.add(&id, "pollen");
    two.add(&id, "latex");
    one.attach(&id, "scan.png", &vec![3; 300_000]);
    assert_eq!(one.try_sync(&id).await.unwrap_err().kind(), FailureKind::Network);
    let synced = meet(&one, &two, &id).await.unwrap();
    assert!(synced.received.accepted > 0 && synced.sent > 0, "{synced:?}");
    assert_eq!(one.labels(&id), ["latex", "pollen", "scan.png"]);
    assert_eq!(two.digest(&id), one.digest(&id));
    let missing = two.with(&id, |record| record.missing_files()).unwrap();
    assert!(missing.is_empty(), "the file came too");
    let again = meet(&two, &one, &id).await.unwrap();
    assert!(again.is_quiet(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_a_peer_reaches_the_relay_through_whoever_got_it() {
    let (_folder, relay) = relay().await;
    let (mut one, two, id) = two_devices(110, &relay.address).await;
    let third = Device::new(112).await;
    two.add(&id, "latex");
    two.attach(&id, "scan.png", &vec![4; 200_000]);
    meet(&one, &two, &id).await.unwrap();
    // The author is lost before it met the relay again.
    drop(two);
    let synced = one.sync(&id).await;
    assert!(synced.refused.is_empty() && synced.sent > 0, "{synced:?}");
    pair_by_hand(&one, &third, &id);
    one.sync(&id).await;
    let mut third = third;
    third.sync(&id).await;
    assert_eq!(third.digest(&id), one.digest(&id));
    assert_eq!(third.labels(&id), ["latex", "scan.png"]);
    assert!(third.with(&id, |record| record.missing_files()).unwrap().is_empty(), "and so does the file");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_any_relay_lives_between_two_devices() {
    let (one, two) = (Device::new(120).await, Device::new(121).await);
    let id = one.begin(None).record;
    one.add(&id, "pollen");
    pair_by_hand(&one, &two, &id);
    let synced = meet(&two, &one, &id).await.unwrap();
    assert!(synced.operations > 0, "{synced:?}");
    assert_eq!(two.labels(&id), ["pollen"]);
    two.add(&id, "latex");
    meet(&one, &two, &id).await.unwrap();
    assert_eq!(two.digest(&id), one.digest(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_and_a_removed_device_are_not_served() {
    let (one, two, other) = (Device::new(130).await, Device::new(131).await, Device::new(132).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    meet(&two, &one, &id).await.unwrap();
    let foreign = other.begin(None).record;
    assert!(matches!(meet(&other, &one, &foreign).await, Err(SyncError::NotAdmitted)));
    let removed = two.with(&id, |record| record.device());
    one.with(&id, |record| record.remove_device(&removed, carnet_vault::devices::RemovalReason::Lost)).unwrap();
    one.add(&id, "après");
    assert!(matches!(meet(&two, &one, &id).await, Err(SyncError::NotAdmitted)));
    assert!(two.labels(&id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_meet_by_file() {
    let (one, two) = (Device::new(140).await, Device::new(141).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    one.add(&id, "pollen");
    one.attach(&id, "scan.png", &vec![7; 1_300_000]);
    let synced = carry(&one, &two, &id).unwrap();
    assert_eq!((synced.objects_received, synced.objects_missing), (1, 0), "{synced:?}");
    two.add(&id, "latex");
    carry(&two, &one, &id).unwrap();
    assert_eq!(two.digest(&id), one.digest(&id));
    assert_eq!(one.labels(&id), ["latex", "pollen", "scan.png"]);
    let again = carry(&one, &two, &id).unwrap();
    assert_eq!((again.received.accepted, again.received.refused, again.objects_received), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exchange_that_is_cut_altered_or_foreign_does_no_harm() {
    let (one, two, other) = (Device::new(150).await, Device::new(151).await, Device::new(152).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    carry(&one, &two, &id).unwrap();
    one.add(&id, "pollen");
    let mut file = Vec::new();
    export_exchange(&one.vault, id, &mut file).unwrap();
    assert!(matches!(import_exchange(&other.vault, &mut file.as_slice(), &mut |_| {}), Err(SyncError::NotThisRecord)));
    assert!(matches!(import_exchange(&two.vault, &mut &b"x"[..], &mut |_| {}), Err(SyncError::NotThisRecord)));
    for length in [62, 63, 70, file.len() / 2, file.len() - 1] {
        let cut = import_exchange(&two.vault, &mut &file[..length], &mut |_| {});
        assert!(matches!(cut, Err(SyncError::File(_) | SyncError::Malformed)), "{length}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(matches!(import_exchange(&two.vault, &mut longer.as_slice(), &mut |_| {}), Err(SyncError::Malformed)));
    import_exchange(&two.vault, &mut file.as_slice(), &mut |_| {}).unwrap();
    assert_eq!(two.digest(&id), one.digest(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_holds_nobody_up() {
    let (one, two) = (Device::new(160).await, Device::new(161).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    // Nobody serves: the constant answer comes at once.
    let (address, mut tell) = (one.node.address(), |_| {});
    let asked = sync_with_peer(&two.node, &two.vault, id, &address, &mut tell);
    let answered = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("no waiting");
    assert!(matches!(answered, Err(SyncError::NotAdmitted)));
}

#[tokio::test]
async fn what_this_machine_itself_cannot_do_is_said() {
    let (one, two) = (Device::new(170).await, Device::new(171).await);
    let id = one.begin(None).record;
    // To everybody at once: no socket of ours may send there.
    let nowhere = RelayAddress::new(two.node.address().key, vec!["255.255.255.255:9".parse().unwrap()], None);
    let met = sync_with_peer(&one.node, &one.vault, id, &nowhere, &mut |_| {}).await;
    assert!(matches!(&met, Err(SyncError::Bind(_))), "{met:?}");
}
