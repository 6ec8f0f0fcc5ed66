//! What is kept of the relay's logs and of other devices' claims, in bounded rows.

use std::collections::BTreeMap;

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, RecordId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads},
    codec::{Reader as Bytes, Writer as BytesOut},
    payload::{LogLife, Seen},
};
use serde::{Deserialize, Serialize};

use super::{Claim, Contradiction, Log, short};
use crate::{
    record::{Record, RecordError},
    row,
    store::{StoreError, Writer},
    tables::{CLAIM, Key, LOG_POINT, Look, RELAY},
};

/// Positions of each log, up to its end, of which the running hash is kept (local). A claim of an earlier one says nothing
/// here; a later one of the same author does, because a running hash holds all before it.
pub(super) const POINTS_MAX: u64 = 1_024;

/// Least time between two lines of the access log that say the same of one device (local): a device that lies and takes
/// it back makes others write no more than that. One day.
const LINE_EVERY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What this device goes by when it compares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WitnessRow {
    /// The first 8 bytes of the relay's key; none before it was seen.
    relay: Option<[u8; 8]>,
    store_epoch: u64,
    pub(super) trusted_again: u32,
    /// By section: the positions of the membership log and of its own that this installation last said.
    said: BTreeMap<String, [u32; 2]>,
    pub(crate) contradiction: Option<Contradiction>,
    /// The count of the person's words was taken over from another device, and the relay not seen since: where its logs are
    /// remembered to stand may be what was lost.
    #[serde(default)]
    is_only_heard: bool,
    /// By device: when a line of the access log last said that the relay and it contradict each other, in milliseconds
    /// since 1970.
    #[serde(default)]
    lines: BTreeMap<String, u64>,
}

impl WitnessRow {
    /// What is kept of a record.
    pub(crate) fn of(look: &impl Look, record: &RecordId) -> Result<Self, StoreError> {
        let row = look.look(RELAY, &witness_key(record))?;
        row.map_or_else(|| Ok(Self::default()), |row| row::read(&row))
    }

    pub(super) fn put(&self, writer: &mut Writer, record: &RecordId) -> Result<(), StoreError> {
        writer.put(RELAY, &witness_key(record), &row::write(self))
    }

    pub(super) fn life(&self) -> Option<LogLife> {
        let relay = self.relay?;
        Some(LogLife { relay, store_epoch: self.store_epoch, trusted_again: self.trusted_again })
    }

    /// The relay was seen in this life. True when it is another one than before: then nothing that was seen counts.
    pub(super) fn enter(&mut self, relay: &PublicKey, store_epoch: u64) -> bool {
        let relay = relay.0.first_chunk().copied();
        if (self.relay, self.store_epoch) == (relay, store_epoch) {
            return false;
        }
        *self = Self { relay, store_epoch, lines: std::mem::take(&mut self.lines), ..Self::default() };
        true
    }

    /// Nothing that was seen before counts in this life any more.
    pub(super) fn begin_again(&mut self, trusted_again: u32) {
        self.trusted_again = trusted_again;
        self.said.clear();
    }

    /// A person said so on another device.
    pub(super) fn hears_of(&mut self, trusted_again: u32) {
        self.begin_again(trusted_again);
        self.is_only_heard = true;
    }

    /// Where the relay's logs stand was seen in the life that this device goes by.
    pub(super) fn sees(&mut self) {
        self.is_only_heard = false;
    }

    /// What this device has seen itself, and may speak of.
    pub(super) fn life_seen(&self) -> Option<LogLife> {
        self.life().filter(|_| !self.is_only_heard)
    }

    /// Whether what is found of a device is worth a line of the access log now.
    pub(super) fn takes_a_line(&mut self, device: &DeviceId, now: UnixMillis) -> bool {
        let before = self.lines.get(&device.to_string());
        let is_due = before.is_none_or(|before| now.0.abs_diff(*before) >= LINE_EVERY_MS);
        if is_due {
            self.lines.insert(device.to_string(), now.0);
        }
        is_due
    }

    /// Whether an envelope of a section has said the same already.
    pub(super) fn has_said(&self, section: &SectionId, seen: &Seen) -> bool {
        self.said.get(&section.to_string()) == Some(&positions(seen))
    }

    pub(super) fn says(&mut self, section: &SectionId, seen: &Seen) {
        self.said.insert(section.to_string(), positions(seen));
    }

    pub(super) fn says_again(&mut self) {
        self.said.clear();
    }
}

impl Record<'_> {
    /// Keeps points of the logs that end at `heads`, and lets go of those that are too far behind.
    pub(super) fn keep_points(
        &self,
        writer: &mut Writer,
        heads: &KnownHeads,
        points: &[(Log, Head)],
    ) -> Result<(), RecordError> {
        // A section that no operation names is nobody's to speak of, and a relay can make up any number of them.
        let named = self.live.members.current().sections();
        let sections = heads.sections.iter().filter(|(id, _)| named.contains(id));
        let mut ends: BTreeMap<Log, Head> = sections.map(|(id, head)| (Some(*id), *head)).collect();
        ends.extend(heads.membership.map(|head| (None, head)));
        let reached = ends.iter().map(|(log, head)| (*log, *head));
        for (log, head) in points.iter().copied().chain(reached) {
            let is_near = ends.get(&log).is_some_and(|end| is_kept(head.position, end.position));
            if is_near && head.position > 0 {
                writer.put(LOG_POINT, &self.log_key(&log).number(head.position), &short(&head))?;
            }
        }
        for (log, end) in &ends {
            self.let_points_go(writer, log, end.position)?;
        }
        Ok(())
    }

    fn let_points_go(&self, writer: &mut Writer, log: &Log, end: u64) -> Result<(), RecordError> {
        let of_log = self.log_key(log);
        let first_kept = of_log.clone().number(end.saturating_sub(POINTS_MAX).saturating_add(1));
        let mut gone = Vec::new();
        for row in writer.range(LOG_POINT, &of_log[..]..&first_kept[..])? {
            gone.push(row?.0);
        }
        for key in gone {
            writer.remove(LOG_POINT, &key)?;
        }
        Ok(())
    }

    /// The running hash at a position, if it is kept.
    pub(super) fn point(&self, look: &impl Look, log: &Log, position: u64) -> Result<Option<[u8; 16]>, StoreError> {
        let row = look.look(LOG_POINT, &self.log_key(log).number(position))?;
        row.map(|row| row.try_into().map_err(|_| StoreError::Damaged)).transpose()
    }

    pub(super) fn kept_claims(&self, look: &impl Look) -> Result<Vec<Claim>, StoreError> {
        let rows = look.look_all(CLAIM, &Key::of(&self.live.id))?;
        rows.iter().map(|(key, row)| read_claim(key, row).ok_or(StoreError::Damaged)).collect()
    }

    /// Keeps a claim, unless one of the same device and log says as much.
    pub(super) fn keep_claim(&self, writer: &mut Writer, claim: &Claim) -> Result<(), StoreError> {
        let key = self.claim_key(claim);
        let before = writer.get(CLAIM, &key)?.and_then(|row| read_claim(&key, &row));
        if before.is_some_and(|before| !claim.outdoes(&before)) {
            return Ok(());
        }
        let mut row = BytesOut::new();
        claim.seen.write(&mut row);
        writer.put(CLAIM, &key, &row.finish())
    }

    pub(super) fn claim_key(&self, claim: &Claim) -> Key {
        Key::of(&self.live.id).bytes(&claim.device.0).bytes(&log_name(&claim.log))
    }

    fn log_key(&self, log: &Log) -> Key {
        Key::of(&self.live.id).bytes(&log_name(log))
    }
}

/// It stands beside the memory of the relay.
fn witness_key(record: &RecordId) -> Key {
    Key::of(record).bytes(b"witness")
}

fn positions(seen: &Seen) -> [u32; 2] {
    [seen.membership.position, seen.section.position]
}

fn is_kept(position: u64, end: u64) -> bool {
    position <= end && position.saturating_add(POINTS_MAX) > end
}

/// 17 bytes: whether it is a section's, and which.
fn log_name(log: &Log) -> Vec<u8> {
    let section = log.map_or([0; SectionId::BYTES], |section| section.0);
    [&[u8::from(log.is_some())], &section[..]].concat()
}

fn read_claim(key: &[u8], row: &[u8]) -> Option<Claim> {
    let (before, section) = key.split_last_chunk::<{ SectionId::BYTES }>()?;
    let (is_section, before) = before.split_last()?;
    let device = DeviceId(*before.last_chunk()?);
    let mut reader = Bytes::new(row);
    let seen = Seen::read(&mut reader).ok()?;
    reader.finish("claim").ok()?;
    Some(Claim { device, log: (*is_section == 1).then_some(SectionId(*section)), seen })
}
