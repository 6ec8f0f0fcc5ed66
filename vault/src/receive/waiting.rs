//! Envelopes that cannot be judged or opened yet: kept within limits, and tried again when something came.
//!
//! What waits is not trusted and not counted; what finds no room comes again with the next exchange.

use carnet_crypto::id::SectionId;
use carnet_protocol::envelope::Envelope;

use super::{Pending, Received, Signing};
use crate::{
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{Key, WAITING},
};

impl Record<'_> {
    /// Tries what waits in a section until nothing more moves.
    pub(super) fn retry(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        signing: Signing,
    ) -> Result<Received, RecordError> {
        let mut all = Received::default();
        loop {
            let prefix = Key::of(&self.live.id).section(&section);
            let rows: Vec<_> = writer.prefix(WAITING, &prefix)?.collect::<Result<_, _>>()?;
            let mut waiting: Vec<Vec<u8>> = rows.into_iter().map(|(_, bytes)| bytes).collect();
            // In the order of their feeds, so that a chain goes in at once.
            waiting.sort_by_cached_key(|bytes| {
                Envelope::decode(bytes).map(|envelope| (envelope.header.feed, envelope.header.seq)).ok()
            });
            let mut received = Received::default();
            let mut pending = Pending::new(signing);
            for bytes in &waiting {
                let verdict = self.receive_one(writer, section, bytes, &mut pending)?;
                self.note(writer, section, bytes, verdict, &mut received, &mut pending)?;
            }
            received.is_copied |= pending.is_copied;
            let waits = self.apply_pending(writer, section, pending)?;
            self.settle_waiting(writer, section, waits)?;
            let is_moving = received.accepted > 0;
            received.waiting = 0;
            received.gaps.clear();
            all.absorb(received);
            if !is_moving {
                return Ok(all);
            }
        }
    }

    /// Keeps an envelope that cannot be judged yet, as far as there is room: whoever sends what nobody can check must not
    /// fill the disk. What finds no room comes again with the next exchange, since its place in its feed stays open.
    pub(super) fn keep_waiting(
        &self,
        writer: &mut Writer,
        section: SectionId,
        key: &Key,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<(), RecordError> {
        if writer.get(WAITING, key)?.is_some() {
            return Ok(());
        }
        let (count, total) = match pending.waiting {
            Some(waiting) => waiting,
            None => writer
                .prefix(WAITING, &Key::of(&self.live.id).section(&section))?
                .try_fold((0, 0), |(count, total), row| Ok::<_, StoreError>((count + 1, total + row?.1.len())))?,
        };
        let has_room = count < WAITING_PER_SECTION_MAX && total + bytes.len() <= WAITING_BYTES_PER_SECTION_MAX;
        // What leaves in between only makes more room.
        pending.waiting = Some(if has_room { (count + 1, total + bytes.len()) } else { (count, total) });
        if has_room {
            writer.put(WAITING, key, bytes)?;
        }
        Ok(())
    }
}

/// Envelopes of one section that are kept while they cannot be judged (local).
const WAITING_PER_SECTION_MAX: usize = 4_096;
/// Bytes of them (local).
const WAITING_BYTES_PER_SECTION_MAX: usize = 64 << 20;
