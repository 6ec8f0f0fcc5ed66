//! Two devices and their relay.

use carnet_sync::SyncError;

use crate::world::{Device, pair_by_hand, relay, two_devices};

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_meet_at_the_relay_with_the_same_record() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(1, &relay.address).await;
    assert_eq!(two.digest(&id), one.digest(&id));
    one.add(&id, "pollen");
    two.add(&id, "latex");
    one.sync(&id).await;
    two.sync(&id).await;
    one.sync(&id).await;
    assert_eq!(one.labels(&id), ["latex", "pollen"]);
    assert_eq!(two.digest(&id), one.digest(&id));
    for device in [&mut one, &mut two] {
        assert_eq!(device.pending(&id).to_send, 0);
        let quiet = device.sync(&id).await;
        assert!(quiet.is_quiet(), "{quiet:?}");
        assert_eq!((quiet.refused.len(), quiet.received.refused), (0, 0));
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_nothing_new_costs_one_round_trip_and_the_same_bytes_whatever_the_history() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(7, &relay.address).await;
    one.add(&id, "pollen");
    one.sync(&id).await;
    let brought = two.sync(&id).await.traffic;
    let short = two.sync(&id).await.traffic;
    for number in 0..40 {
        one.add(&id, &format!("entry {number}"));
    }
    let handed = one.sync(&id).await.traffic;
    two.sync(&id).await;
    let long = two.sync(&id).await.traffic;
    assert_eq!(short.round_trips, 1);
    assert_eq!(long, short);
    assert!(brought.bytes_received > short.bytes_received, "{brought:?} {short:?}");
    assert!(handed.bytes_sent > 40 * 300, "forty sealed entries are in it: {handed:?}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_waits_is_told_so_and_gets_everything_once_it_is_admitted() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two) = (Device::new(10).await, Device::new(11).await);
    let id = one.begin(Some(&relay.address)).record;
    one.sync(&id).await;
    one.add(&id, "pollen");
    pair_by_hand(&one, &two, &id);
    assert!(matches!(two.try_sync(&id).await, Err(SyncError::NotAdmitted)));
    one.sync(&id).await;
    let synced = two.sync(&id).await;
    assert!(synced.operations > 3 && synced.received.accepted > 0, "{synced:?}");
    assert_eq!(two.digest(&id), one.digest(&id));
    two.add(&id, "latex");
    two.sync(&id).await;
    one.sync(&id).await;
    assert_eq!(one.labels(&id), ["latex", "pollen"]);
    relay.stop().await;
}
