//! What is inside an envelope that counts: opened, counted, and borne by its own feed. Steps 8 to 10 of the acceptance.
//!
//! A payload that is malformed goes to quarantine alone; its feed goes on, and only later changes of that actor stay out
//! with it. Nothing reaches a volume here: changes are handed to [`super::apply`]. Source: `docs/protocol.md`,
//! "Acceptance".

use std::collections::HashSet;

use carnet_protocol::{
    envelope::{EnvelopeFacts, EnvelopeKind},
    limits::CHANGE_OPS_PER_FEED_MAX,
    payload::decode_changes,
};

use super::{Pending, StoredEnvelope, Verdict, verify::Signed};
use crate::{
    crdt::Incoming,
    measures,
    payload::open_payload,
    record::{Record, RecordError},
    row::FeedRow,
    store::{StoreError, Writer},
    tables::{CHANGE_WAITING, ENVELOPE, Key},
};

/// What an envelope carries.
enum Content {
    Batch(carnet_record::batch::Columns),
    Changes(Vec<Incoming>),
}

impl Record<'_> {
    /// Steps 8 to 10 for an envelope that counts and is the next of its feed.
    pub(super) fn take_in(
        &mut self,
        writer: &mut Writer,
        signed: &Signed,
        mut state: FeedRow,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<Verdict, RecordError> {
        let facts = *signed.verified.get();
        let Some(key) = self.live.keys.of(&facts.context.epoch) else { return Ok(Verdict::Waiting) };
        let payload = open_payload(&facts.context, &signed.envelope, key);
        let (payload, seen) = payload.map_or((None, None), |(payload, seen)| (Some(payload), seen));
        let content = payload.and_then(|payload| self.read_content(&facts, &mut state, &payload));
        if let Some(Content::Changes(changes)) = &content
            && !state.is_poisoned
            && !self.has_room_to_wait(writer, &facts, changes, pending)?
        {
            return Ok(Verdict::Waiting);
        }
        self.clear_place(writer, &facts.feed, facts.seq, &facts.id)?;
        let stored = StoredEnvelope::of(&facts.context, &facts.id, bytes);
        let mut batch = None;
        match content {
            Some(_) if state.is_poisoned => self.put_aside(writer, &facts.feed, facts.seq, &stored)?,
            Some(Content::Changes(changes)) => {
                pending.hashes.extend(changes.iter().map(|change| (facts.context.volume, change.hash())));
                pending.changes.entry(facts.context.volume).or_default().extend(changes);
            }
            Some(Content::Batch(columns)) => batch = Some(columns),
            None => {
                // The chain goes on, since header and signature are valid; what follows of a malformed actor does not.
                state.is_poisoned |= facts.context.kind == EnvelopeKind::Changes;
                self.put_aside(writer, &facts.feed, facts.seq, &stored)?;
            }
        }
        if let Some(seen) = &seen {
            self.note_seen(writer, facts.context.device, facts.context.section, seen)?;
        }
        state.seq = facts.seq;
        state.last = facts.id;
        state.heads = facts.context.heads.0;
        self.put_feed(writer, &facts.feed, &state)?;
        writer.put(ENVELOPE, &Key::of(&self.live.id).feed(&facts.feed).seq(state.seq), &stored.encode())?;
        if let Some(columns) = batch {
            let zones = self.zones()?;
            self.index_received(writer, &facts.id, &facts.feed, facts.seq, &columns, &zones)?;
        }
        Ok(Verdict::Accepted)
    }

    /// Steps 9 and 10: the content, counted and borne by its feed; none when it is malformed.
    fn read_content(&self, facts: &EnvelopeFacts, state: &mut FeedRow, payload: &[u8]) -> Option<Content> {
        match facts.context.kind {
            EnvelopeKind::Batch => {
                let columns = measures::decode(payload).ok()?;
                let volume =
                    self.volume_of(carnet_record::SectionKind::Measures, i16::try_from(columns.month().year()).ok()?);
                (volume == facts.context.volume).then_some(Content::Batch(columns))
            }
            EnvelopeKind::Changes => {
                let incoming = Incoming::read_all(&decode_changes(payload).ok()?).ok()?;
                for change in &incoming {
                    state.change_seq += 1;
                    state.ops += change.ops();
                    let is_own = change.actor() == facts.feed.0 && change.seq() == state.change_seq;
                    if !is_own || state.ops > CHANGE_OPS_PER_FEED_MAX {
                        return None;
                    }
                }
                Some(Content::Changes(incoming))
            }
            _ => None,
        }
    }

    /// Whether changes whose dependencies are missing may wait: of one author only so many do.
    fn has_room_to_wait(
        &mut self,
        writer: &Writer,
        facts: &EnvelopeFacts,
        changes: &[Incoming],
        pending: &Pending,
    ) -> Result<bool, RecordError> {
        let (record, context) = (self.live.id, &facts.context);
        let own: HashSet<[u8; 32]> = changes.iter().map(Incoming::hash).collect();
        let doc = self.live.volumes.doc(self.store, &record, &context.section, context.volume)?;
        let needed: Vec<[u8; 32]> = changes.iter().flat_map(Incoming::dependencies).collect();
        let is_coming = |hash: &[u8; 32]| own.contains(hash) || pending.hashes.contains(&(context.volume, *hash));
        if doc.missing(needed.iter().filter(|hash| !is_coming(hash))).is_empty() {
            return Ok(true);
        }
        let prefix = Key::of(&record).section(&context.section).volume(context.volume);
        let (mut count, mut bytes) = (0, 0);
        for row in writer.prefix(CHANGE_WAITING, &prefix)? {
            let (_, row) = row?;
            let change = Incoming::read(&row).map_err(|_| StoreError::Damaged)?;
            if change.actor() == facts.feed.0 {
                count += 1;
                bytes += row.len();
            }
        }
        Ok(count < CHANGES_WAITING_PER_FEED_MAX && bytes < CHANGES_WAITING_BYTES_PER_FEED_MAX)
    }
}

/// Accepted changes of one feed that wait for others (local).
const CHANGES_WAITING_PER_FEED_MAX: usize = 4_096;
/// Bytes of them (local).
const CHANGES_WAITING_BYTES_PER_FEED_MAX: usize = 16 << 20;
