//! Long transfers: interrupted, slow, watched.

use std::time::Duration;

use carnet_sync::{Event, sync_with_peer, sync_with_relay, watch};
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};

use crate::{
    peers::meet,
    world::{Device, pair_by_hand, relay, two_devices},
};

const PATIENCE: Duration = Duration::from_mins(3);
const PART: u64 = 512 << 10;

/// Exchanges with the relay until the first event that `stops` chooses, then drops the connection.
async fn sync_until(device: &Device, id: &carnet_vault::RecordId, stops: impl Fn(&Event) -> bool + Send + Sync) {
    let reached = Notify::new();
    let mut tell = |event: Event| {
        if stops(&event) {
            reached.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = reached.notified() => {}
        ended = sync_with_relay(&device.node, &device.vault, *id, &mut tell) => panic!("it ended before: {ended:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_file_goes_on_where_it_was_in_both_directions() {
    let (_folder, relay) = relay().await;
    let (mut one, mut two, id) = two_devices(500, &relay.address).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    one.attach(&id, "irm.zip", &bytes);
    sync_until(&one, &id, |event| matches!(event, Event::ObjectSending { bytes, .. } if *bytes >= 2 * PART)).await;
    one.events.clear();
    one.sync(&id).await;
    let sent = one.events.iter().find_map(|event| match event {
        Event::ObjectSending { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert!(sent.unwrap() >= 3 * PART, "it did not begin again: {sent:?}");
    sync_until(&two, &id, |event| matches!(event, Event::ObjectReceiving { bytes, .. } if *bytes >= 2 * PART)).await;
    two.events.clear();
    let synced = two.sync(&id).await;
    let received = two.events.iter().find_map(|event| match event {
        Event::ObjectReceiving { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert!(received.unwrap() >= 3 * PART, "it did not begin again: {received:?}");
    assert_eq!((synced.objects_received, synced.objects_missing), (1, 0));
    assert_eq!(one.digest(&id), two.digest(&id));
    assert!(two.with(&id, |record| record.missing_files()).unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_sleeps_ends_no_connection() {
    // Above a thousand buffered chunks the QUIC library ends a whole connection: small messages are coalesced, so that
    // flow control stops their sender first. The receiver here sleeps while its vault is in use.
    let (one, two) = (Device::new(510).await, Device::new(511).await);
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    meet(&two, &one, &id).await.unwrap();
    for n in 0..1_200 {
        one.add(&id, &format!("allergène {n}"));
    }
    one.attach(&id, "irm.zip", &vec![6; 3_000_000]);
    let (stop, stopped) = oneshot::channel::<()>();
    let mut hush = |_: Event| {};
    let serving = carnet_sync::serve_peers(&one.node, &one.vault, id, &mut hush, async {
        let _ = stopped.await;
    });
    let address = one.node.address();
    let (vault, begun) = (two.vault.clone(), std::sync::Arc::new(Notify::new()));
    let signal = std::sync::Arc::clone(&begun);
    let sleeper = async {
        begun.notified().await;
        tokio::task::spawn_blocking(move || {
            let _held = vault.lock().unwrap();
            std::thread::sleep(Duration::from_secs(4));
        })
        .await
        .unwrap();
    };
    let asking = async {
        let mut tell = |event: Event| {
            if event == Event::Connected {
                signal.notify_one();
            }
        };
        let synced = timeout(PATIENCE, sync_with_peer(&two.node, &two.vault, id, &address, &mut tell)).await;
        let _ = stop.send(());
        synced.expect("it ends").expect("the connection lived")
    };
    let (synced, (), ()) = tokio::join!(asking, sleeper, serving);
    assert!(synced.received.accepted >= 1_200, "{synced:?}");
    assert_eq!(two.digest(&id), one.digest(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_record_hears_of_news_and_sends_what_is_written_until_it_is_stopped() {
    let (_folder, relay) = relay().await;
    let (one, two, id) = two_devices(520, &relay.address).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let (stop_too, stopped_too) = oneshot::channel::<()>();
    let (mut hush, mut hush_too) = (|_: Event| {}, |_: Event| {});
    let watching = watch(&one.node, &one.vault, id, &mut hush, async {
        let _ = stopped.await;
    });
    let watching_too = watch(&two.node, &two.vault, id, &mut hush_too, async {
        let _ = stopped_too.await;
    });
    let story = async {
        for n in 0..4 {
            let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
            writer.add(&id, &format!("entrée {n}"));
            let heard = async {
                while reader.labels(&id).len() <= n {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, heard).await.expect("it is heard of");
        }
        stop.send(()).unwrap();
        stop_too.send(()).unwrap();
    };
    let (first, second, ()) = tokio::join!(watching, watching_too, story);
    first.unwrap();
    second.unwrap();
    assert_eq!(one.digest(&id), two.digest(&id));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_record_is_connected_again_after_the_relay_was_away() {
    let (folder, relay) = relay().await;
    let (one, mut two, id) = two_devices(530, &relay.address).await;
    let port = relay.address.addresses[0];
    let (stop, stopped) = oneshot::channel::<()>();
    let lost = Notify::new();
    let mut tell = |event: Event| {
        if event == Event::Reconnecting {
            lost.notify_one();
        }
    };
    let watching = watch(&one.node, &one.vault, id, &mut tell, async {
        let _ = stopped.await;
    });
    let story = async {
        sleep(Duration::from_millis(300)).await;
        relay.stop().await;
        timeout(PATIENCE, lost.notified()).await.expect("the loss is told");
        let relay = crate::world::RunningRelay::start_at(&folder.path().join("relay"), port).await;
        two.add(&id, "entre-temps");
        two.sync(&id).await;
        let heard = async {
            while one.labels(&id).is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, heard).await.expect("it is heard of");
        stop.send(()).unwrap();
        relay
    };
    let (watched, relay) = tokio::join!(watching, story);
    watched.unwrap();
    relay.stop().await;
}
