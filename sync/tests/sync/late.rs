//! What was signed in time and came too late: it is told, and does not count as sent.

use carnet_sync::Event;
use carnet_vault::devices::RemovalReason;

use crate::world::{Device, pair_by_hand, relay, two_devices};

/// Longer than a removal may be on its way after the relay was seen, in milliseconds: a week and an hour.
const TOO_LATE_MS: u64 = 7 * 24 * 3_600_000 + 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn atk_31_a_removal_that_comes_too_late_is_told_and_does_not_count_as_sent() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(420, &relay.address).await;
    let mut lost = Device::new(422).await;
    pair_by_hand(&one, &lost, &id);
    one.sync(&id).await;
    lost.sync(&id).await;
    let removed = lost.with(&id, |record| record.device());
    let remove = |one: &Device| one.with(&id, |record| record.remove_device(&removed, RemovalReason::Lost)).unwrap();
    let is_live = |device: &Device| {
        let devices = device.with(&id, |record| record.devices()).unwrap();
        devices.iter().any(|device| device.id == removed && device.is_live)
    };
    remove(&one);
    one.add(&id, "après le retrait");
    for clock in [&one.clock, &two.clock, &relay.clock] {
        clock.advance(TOO_LATE_MS);
    }
    let synced = one.sync(&id).await;
    assert!(synced.is_held_up(), "{synced:?}");
    assert!(one.events.iter().any(|event| matches!(event, Event::Refused(_))));
    let to_send = one.pending(&id).to_send;
    assert!(to_send >= 2, "{to_send}");
    assert!(!two.sync(&id).await.is_held_up());
    assert!(is_live(&two) && two.labels(&id).is_empty(), "nothing of it came");
    // It is said at every exchange, and what waits goes on waiting.
    assert!(one.sync(&id).await.is_held_up());
    assert_eq!(one.pending(&id).to_send, to_send);
    // The other device may remove it, having just seen the relay.
    assert!(is_live(&two));
    remove(&two);
    assert!(!two.sync(&id).await.is_held_up());
    assert_eq!((is_live(&two), two.pending(&id).to_send), (false, 0));
}
