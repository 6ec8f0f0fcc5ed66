//! Rendezvous slots: the one thing a stranger may touch, and only by its name.

use std::ops::ControlFlow;

use carnet_crypto::{door::UnixMillis, id::DeviceId};
use carnet_protocol::frame::{
    SlotContent, SlotOpen, SlotPost,
    slot::{SLOT_LIFETIME_MS_MAX, SLOT_MESSAGES_MAX},
};

use crate::store::{
    Group, Rows, StoreError, Table,
    rows::{RecordNumber, Row as _, SlotRow},
};

/// Open slots of one record, at most.
const SLOTS_PER_RECORD_MAX: usize = 16;

/// On which side of a slot somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotSide {
    /// The device of this record that opened it.
    Inviter(RecordNumber, DeviceId),
    /// Whoever knows its name.
    Stranger,
}

impl SlotSide {
    fn index(self) -> usize {
        match self {
            Self::Inviter(..) => 0,
            Self::Stranger => 1,
        }
    }
}

/// What a closed slot, or one that never was, looks like to everybody.
fn closed() -> SlotContent {
    SlotContent { open: false, own: 0, theirs: Vec::new() }
}

/// Opens a slot. False when the record has too many, or the name is another device's.
pub(crate) fn open(
    group: &Group,
    record: RecordNumber,
    opener: DeviceId,
    asked: &SlotOpen,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    if let Some(row) = row(group, &asked.name, now)? {
        return Ok(row.record == record && row.opener == opener);
    }
    let mut of_record = 0_usize;
    group.under(Table::Slots, &[], &mut |_, value| {
        let row = SlotRow::decode(value)?;
        of_record = of_record.saturating_add(usize::from(row.record == record && row.expires > now));
        Ok(())
    })?;
    if of_record >= SLOTS_PER_RECORD_MAX {
        return Ok(false);
    }
    let expires = now.plus(asked.lifetime_ms.min(SLOT_LIFETIME_MS_MAX));
    let row = SlotRow { record, opener, expires, burnt: false, messages: [Vec::new(), Vec::new()] };
    group.put(Table::Slots, &asked.name, &row.encode());
    Ok(true)
}

/// Leaves a message. The same one again changes nothing; another one at a place that is taken burns the slot.
pub(crate) fn post(
    group: &Group,
    side: SlotSide,
    posted: &SlotPost,
    now: UnixMillis,
) -> Result<SlotContent, StoreError> {
    let Some(mut row) = row(group, &posted.name, now)?.filter(|row| stands(row, side)) else { return Ok(closed()) };
    let place = usize::from(posted.index);
    let Some(messages) = row.messages.get_mut(side.index()) else { return Ok(closed()) };
    match messages.get(place) {
        Some(there) if *there == posted.message => return Ok(content(&row, side)),
        Some(_) => burn(&mut row),
        None if place == messages.len() && place < SLOT_MESSAGES_MAX => messages.push(posted.message.clone()),
        None => return Ok(content(&row, side)),
    }
    group.put(Table::Slots, &posted.name, &row.encode());
    Ok(content(&row, side))
}

/// What `side` sees.
pub(crate) fn read(
    rows: &impl Rows,
    side: SlotSide,
    name: &[u8; 16],
    now: UnixMillis,
) -> Result<SlotContent, StoreError> {
    Ok(row(rows, name, now)?.filter(|row| stands(row, side)).map_or_else(closed, |row| content(&row, side)))
}

/// Whether a stranger may enter.
pub(crate) fn is_open(rows: &impl Rows, name: &[u8; 16], now: UnixMillis) -> Result<bool, StoreError> {
    Ok(row(rows, name, now)?.is_some_and(|row| !row.burnt))
}

/// Forgets slots whose time is over.
pub(crate) fn expire(group: &Group, now: UnixMillis) -> Result<(), StoreError> {
    let mut over = Vec::new();
    group.scan(Table::Slots, &[], &[0xff; 17], &mut |key, value| {
        if SlotRow::decode(value)?.expires <= now {
            over.push(key.to_vec());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for key in over {
        group.remove(Table::Slots, &key);
    }
    Ok(())
}

fn row(rows: &impl Rows, name: &[u8; 16], now: UnixMillis) -> Result<Option<SlotRow>, StoreError> {
    let row = rows.get(Table::Slots, name)?.map(|bytes| SlotRow::decode(&bytes)).transpose()?;
    Ok(row.filter(|row| row.expires > now))
}

fn stands(row: &SlotRow, side: SlotSide) -> bool {
    match side {
        SlotSide::Inviter(record, device) => row.record == record && row.opener == device,
        SlotSide::Stranger => true,
    }
}

fn burn(row: &mut SlotRow) {
    row.burnt = true;
    row.messages = [Vec::new(), Vec::new()];
}

fn content(row: &SlotRow, side: SlotSide) -> SlotContent {
    if row.burnt {
        return closed();
    }
    let [inviter, stranger] = &row.messages;
    let (own, theirs) = match side {
        SlotSide::Inviter(..) => (inviter, stranger),
        SlotSide::Stranger => (stranger, inviter),
    };
    SlotContent { open: true, own: u8::try_from(own.len()).unwrap_or(u8::MAX), theirs: theirs.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const NOW: UnixMillis = UnixMillis(1_000_000);
    const INVITER: SlotSide = SlotSide::Inviter(1, DeviceId([1; 16]));

    fn message(index: u8, byte: u8) -> SlotPost {
        SlotPost { name: [9; 16], index, message: vec![byte; 40] }
    }

    fn opened() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path(), 1).unwrap();
        let group = store.group().unwrap();
        let asked = SlotOpen { name: [9; 16], lifetime_ms: 900_000 };
        assert!(open(&group, 1, DeviceId([1; 16]), &asked, NOW).unwrap());
        assert!(open(&group, 1, DeviceId([1; 16]), &asked, NOW).unwrap(), "again changes nothing");
        assert!(!open(&group, 1, DeviceId([2; 16]), &asked, NOW).unwrap(), "the name is taken");
        group.commit().unwrap();
        (folder, store)
    }

    #[test]
    fn two_messages_each_way() {
        let (_folder, store) = opened();
        let group = store.group().unwrap();
        for index in 0..2 {
            post(&group, INVITER, &message(index, 10 + index), NOW).unwrap();
            post(&group, SlotSide::Stranger, &message(index, 20 + index), NOW).unwrap();
            post(&group, SlotSide::Stranger, &message(index, 20 + index), NOW).unwrap();
        }
        let seen = read(&group, SlotSide::Stranger, &[9; 16], NOW).unwrap();
        assert_eq!(seen, SlotContent { open: true, own: 2, theirs: vec![vec![10; 40], vec![11; 40]] });
        let seen = read(&group, INVITER, &[9; 16], NOW).unwrap();
        assert_eq!(seen.theirs, [[20; 40], [21; 40]]);
        assert_eq!(read(&group, SlotSide::Inviter(1, DeviceId([2; 16])), &[9; 16], NOW).unwrap(), closed());
    }

    #[test]
    fn atk_13_a_second_message_at_one_place_burns_the_slot() {
        let (_folder, store) = opened();
        let group = store.group().unwrap();
        post(&group, SlotSide::Stranger, &message(0, 1), NOW).unwrap();
        assert_eq!(post(&group, SlotSide::Stranger, &message(0, 2), NOW).unwrap(), closed());
        assert_eq!(read(&group, INVITER, &[9; 16], NOW).unwrap(), closed());
        assert!(!is_open(&group, &[9; 16], NOW).unwrap());
        let asked = SlotOpen { name: [9; 16], lifetime_ms: 900_000 };
        assert!(open(&group, 1, DeviceId([1; 16]), &asked, NOW).unwrap());
        assert!(!is_open(&group, &[9; 16], NOW).unwrap(), "a burnt slot stays closed");
    }

    #[test]
    fn a_slot_ends_with_its_ticket() {
        let (_folder, store) = opened();
        let group = store.group().unwrap();
        assert!(is_open(&group, &[9; 16], NOW.plus(899_999)).unwrap());
        assert!(!is_open(&group, &[9; 16], NOW.plus(900_000)).unwrap());
        expire(&group, NOW.plus(900_000)).unwrap();
        assert_eq!(group.get(Table::Slots, &[9; 16]).unwrap(), None);
    }

    #[test]
    fn a_record_has_a_bounded_number_of_slots() {
        let (_folder, store) = opened();
        let group = store.group().unwrap();
        let mut taken = 1;
        for n in 0..32_u8 {
            let asked = SlotOpen { name: [n + 100; 16], lifetime_ms: 1_000 };
            taken += usize::from(open(&group, 1, DeviceId([1; 16]), &asked, NOW).unwrap());
        }
        assert_eq!(taken, SLOTS_PER_RECORD_MAX);
        let asked = SlotOpen { name: [50; 16], lifetime_ms: 1_000 };
        assert!(open(&group, 2, DeviceId([1; 16]), &asked, NOW).unwrap(), "another record has its own");
    }
}
