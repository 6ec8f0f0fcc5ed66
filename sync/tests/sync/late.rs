//! What was signed in time and came too late to the relay: it is taken all the same, and hides nothing that had lain there.

use carnet_sync::SyncError;
use carnet_vault::{RecordId, devices::RemovalReason};

use crate::{
    peers::carry,
    world::{Device, RunningRelay, pair_by_hand, relay, two_devices},
};

/// Longer than a removal may be on its way after the relay was seen, in milliseconds: a week and an hour.
const TOO_LATE_MS: u64 = 7 * 24 * 3_600_000 + 3_600_000;

/// Two devices and one that is lost, all up to date. The first removed it while it could not reach the relay, and wrote on.
struct Story {
    folder: tempfile::TempDir,
    relay: RunningRelay,
    id: RecordId,
    one: Device,
    two: Device,
    lost: Device,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let (folder, relay) = relay().await;
        let (mut one, mut two, id) = two_devices(seed, &relay.address).await;
        let mut lost = Device::new(seed + 2).await;
        pair_by_hand(&one, &lost, &id);
        one.sync(&id).await;
        lost.sync(&id).await;
        lost.add(&id, "avant");
        lost.measure(&id, 4);
        for device in [&mut lost, &mut one, &mut two] {
            device.sync(&id).await;
        }
        let removed = lost.with(&id, |record| record.device());
        one.with(&id, |record| record.remove_device(&removed, RemovalReason::Lost)).unwrap();
        one.add(&id, "après le retrait");
        Self { folder, relay, id, one, two, lost }
    }

    /// More than a week passes for everybody.
    fn pass(&self) {
        for clock in [&self.one.clock, &self.two.clock, &self.lost.clock, &self.relay.clock] {
            clock.advance(TOO_LATE_MS);
        }
    }

    /// The devices that stay have sent everything, agree, know of the removal, and show this.
    fn agree(&self, labels: &[&str]) {
        let removed = self.lost.with(&self.id, |record| record.device());
        for device in [&self.one, &self.two] {
            let devices = device.with(&self.id, |record| record.devices()).unwrap();
            assert!(!devices.iter().any(|device| device.id == removed && device.is_live));
            assert_eq!(device.labels(&self.id), labels);
            assert_eq!((device.pending(&self.id).to_send, device.pending(&self.id).waiting), (0, 0));
        }
        assert_eq!(self.one.digest(&self.id), self.two.digest(&self.id));
    }

    async fn end(mut self) {
        // It shows what it had; it gets nothing more.
        let refused = self.lost.try_sync(&self.id).await;
        assert!(matches!(refused, Err(SyncError::NotAdmitted)), "{refused:?}");
        self.relay.stop().await;
        drop(self.folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_31_a_late_removal_of_a_silent_device_is_taken_and_what_was_written_upon_it_arrives() {
    let mut story = Story::begin(420).await;
    story.pass();
    let synced = story.one.sync(&story.id).await;
    assert_eq!((synced.refused.len(), synced.is_held_up(), synced.has_adopted), (0, false, false), "{synced:?}");
    story.two.sync(&story.id).await;
    story.agree(&["après le retrait", "avant"]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_31_what_had_lain_at_the_relay_stays_and_then_the_late_removal_is_taken() {
    let mut story = Story::begin(430).await;
    for name in ["pendant", "pendant encore"] {
        story.lost.add(&story.id, name);
    }
    for month in 1..=3 {
        story.lost.measure_from(&story.id, 1_767_225_600_000 + month * 31 * 24 * 3_600_000, 7);
    }
    story.lost.sync(&story.id).await;
    story.pass();
    let synced = story.one.sync(&story.id).await;
    assert_eq!((synced.refused.len(), synced.is_held_up(), synced.has_adopted), (0, false, true), "{synced:?}");
    assert_eq!((synced.received.quarantined, story.one.pending(&story.id).quarantined), (0, 0));
    story.two.sync(&story.id).await;
    story.agree(&["après le retrait", "avant", "pendant", "pendant encore"]);
    let again = story.one.sync(&story.id).await;
    assert_eq!((again.has_adopted, again.sent), (false, 0), "it is said once");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_31_a_late_removal_hides_what_came_to_the_relay_in_the_last_seven_days_as_any_other_does() {
    let mut story = Story::begin(440).await;
    story.pass();
    story.lost.add(&story.id, "tout récent");
    story.lost.sync(&story.id).await;
    story.two.sync(&story.id).await;
    assert_eq!(story.two.labels(&story.id), ["avant", "tout récent"]);
    let synced = story.one.sync(&story.id).await;
    assert_eq!((synced.refused.len(), synced.has_adopted), (0, false), "{synced:?}");
    story.two.sync(&story.id).await;
    story.agree(&["après le retrait", "avant"]);
    assert_eq!(story.two.pending(&story.id).quarantined, 1, "it is kept, and shown apart");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atk_31_whoever_got_the_late_removal_by_file_brings_it_to_the_relay_and_all_agree() {
    let mut story = Story::begin(450).await;
    story.lost.add(&story.id, "pendant");
    story.lost.sync(&story.id).await;
    story.pass();
    carry(&story.one, &story.two, &story.id).unwrap();
    let synced = story.two.sync(&story.id).await;
    assert_eq!((synced.refused.len(), synced.has_adopted), (0, true), "{synced:?}");
    let synced = story.one.sync(&story.id).await;
    assert_eq!((synced.refused.len(), synced.has_adopted), (0, false), "{synced:?}");
    story.two.sync(&story.id).await;
    story.one.sync(&story.id).await;
    story.agree(&["après le retrait", "avant", "pendant"]);
    story.end().await;
}
