//! Slots of invitations that live on the inviting device itself, when there is no relay.
//!
//! They behave as a relay's: two messages each way, named by a secret that only the ticket holds, closed for good by a
//! second message at a place that is taken.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use carnet_protocol::frame::{Frame, SlotContent, SlotEnter, SlotPost, slot::SLOT_MESSAGES_MAX};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::net::{Line, Services};

/// Open invitations of one process, at most.
const SLOTS_MAX: usize = 16;
/// Longest silence of a stranger in a slot.
const SILENCE_MAX: Duration = Duration::from_mins(2);

/// The side of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Inviter,
    Joiner,
}

/// The open invitations of this process.
#[derive(Default)]
pub(crate) struct Slots {
    open: Mutex<HashMap<[u8; 16], Slot>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Slot {
    inviter: Vec<Vec<u8>>,
    joiner: Vec<Vec<u8>>,
    is_burnt: bool,
}

impl Slots {
    /// Opens a slot; false when there are too many.
    pub(crate) fn open(&self, name: [u8; 16]) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = open.len() < SLOTS_MAX;
        if has_room {
            open.entry(name).or_default();
        }
        has_room
    }

    /// Closes a slot: from now on it was never there.
    pub(crate) fn close(&self, name: &[u8; 16]) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.changed.notify_waiters();
    }

    /// Leaves a message. The same one again changes nothing; another one at a place that is taken burns the slot.
    pub(crate) fn post(&self, side: Side, posted: &SlotPost) -> SlotContent {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = open.get_mut(&posted.name) else { return closed() };
        let place = usize::from(posted.index);
        let messages = match side {
            Side::Inviter => &mut slot.inviter,
            Side::Joiner => &mut slot.joiner,
        };
        match messages.get(place) {
            Some(there) if *there == posted.message => {}
            Some(_) => slot.is_burnt = true,
            None if place == messages.len() && place < SLOT_MESSAGES_MAX => messages.push(posted.message.clone()),
            None => {}
        }
        self.changed.notify_waiters();
        slot.content(side)
    }

    /// What `side` sees.
    pub(crate) fn read(&self, side: Side, name: &[u8; 16]) -> SlotContent {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(name).map_or_else(closed, |slot| slot.content(side))
    }

    /// What `side` sees once it holds more than `seen` messages or is closed, or after `wait`.
    pub(crate) async fn wait(&self, side: Side, name: &[u8; 16], seen: u8, wait: Duration) -> SlotContent {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let content = self.read(side, name);
            if !content.open || content.theirs.len() > usize::from(seen) {
                return content;
            }
            tokio::select! {
                biased;
                () = &mut changed => {}
                () = &mut over => return content,
            }
        }
    }
}

impl Slot {
    fn content(&self, side: Side) -> SlotContent {
        if self.is_burnt {
            return closed();
        }
        let (own, theirs) = match side {
            Side::Inviter => (&self.inviter, &self.joiner),
            Side::Joiner => (&self.joiner, &self.inviter),
        };
        SlotContent { open: true, own: u8::try_from(own.len()).unwrap_or(u8::MAX), theirs: theirs.clone() }
    }
}

/// What a closed slot, or one that never was, looks like.
fn closed() -> SlotContent {
    SlotContent { open: false, own: 0, theirs: Vec::new() }
}

/// Serves a stranger who names an open slot, and nobody else. False when it named none.
pub(crate) async fn host(services: Arc<Services>, mut line: Line, enter: SlotEnter, welcome: impl Fn() + Send) -> bool {
    let content = services.slots.read(Side::Joiner, &enter.name);
    if !content.open {
        let _ = line.say(&Frame::Refused).await;
        line.finish().await;
        return false;
    }
    welcome();
    let mut answer = content;
    while line.say(&Frame::SlotContent(answer)).await.is_ok() {
        answer = match timeout(SILENCE_MAX, line.hear()).await {
            Ok(Ok(Frame::SlotPost(posted))) if posted.name == enter.name => services.slots.post(Side::Joiner, &posted),
            Ok(Ok(Frame::SlotRead(asked))) if asked.name == enter.name => {
                let wait = Duration::from_millis(asked.wait_ms);
                services.slots.wait(Side::Joiner, &enter.name, asked.seen, wait).await
            }
            _ => break,
        };
    }
    line.finish().await;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(index: u8, byte: u8) -> SlotPost {
        SlotPost { name: [1; 16], index, message: vec![byte; 8] }
    }

    #[test]
    fn two_messages_each_way_and_the_same_again_changes_nothing() {
        let slots = Slots::default();
        assert!(slots.open([1; 16]));
        for _ in 0..2 {
            slots.post(Side::Inviter, &post(0, 1));
            slots.post(Side::Joiner, &post(0, 2));
        }
        let seen = slots.read(Side::Joiner, &[1; 16]);
        assert_eq!(seen, SlotContent { open: true, own: 1, theirs: vec![vec![1; 8]] });
        assert_eq!(slots.post(Side::Joiner, &post(2, 3)).own, 1, "no place but the next");
    }

    #[test]
    fn atk_13_a_second_message_at_one_place_closes_the_slot_for_good() {
        let slots = Slots::default();
        slots.open([1; 16]);
        slots.post(Side::Joiner, &post(0, 2));
        assert!(!slots.post(Side::Joiner, &post(0, 3)).open);
        assert!(!slots.read(Side::Inviter, &[1; 16]).open);
        assert!(slots.open([1; 16]), "there is room");
        assert!(!slots.read(Side::Inviter, &[1; 16]).open, "and it stays burnt");
    }

    #[test]
    fn the_number_of_open_slots_is_bounded() {
        let slots = Slots::default();
        let opened = (0..64_u8).filter(|name| slots.open([*name; 16])).count();
        assert_eq!(opened, SLOTS_MAX);
        slots.close(&[0; 16]);
        assert!(slots.open([99; 16]));
    }
}
