//! Envelopes that cannot be judged or opened yet: kept within limits, and tried again when something came.
//!
//! What waits is not trusted and not counted. Where there is no room for all of it, whoever takes most of it loses some,
//! and no other; what finds no room comes again with the next exchange.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    digest,
    id::{DeviceId, SectionId},
};
use carnet_protocol::envelope::Envelope;

use super::{Pending, Received, Signing};
use crate::{
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{CROWDED, Key, Look, WAITING},
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
    /// fill the disk, nor push out what others sent. Returns the first 8 bytes of the feeds of what found no room; their
    /// places stay open, and the next exchange asks for them again.
    ///
    /// A section that no operation names takes no signature to make up: all of them share the room of one, and what finds
    /// none there is not owed to anybody.
    pub(super) fn keep_waiting(
        &self,
        writer: &mut Writer,
        section: SectionId,
        key: &Key,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<Vec<[u8; 8]>, RecordError> {
        if writer.get(WAITING, key)?.is_some() {
            return Ok(Vec::new());
        }
        let is_named = self.live.members.current().sections().contains(&section);
        let (count, total) = match pending.waiting {
            Some(waiting) => waiting,
            None if is_named => writer
                .prefix(WAITING, &Key::of(&self.live.id).section(&section))?
                .try_fold((0, 0), |(count, total), row| Ok::<_, StoreError>((count + 1, total + row?.1.len())))?,
            None => self.waiting_unnamed(writer)?,
        };
        let has_room = count < WAITING_PER_SECTION_MAX && total + bytes.len() <= WAITING_BYTES_PER_SECTION_MAX;
        if !is_named && !has_room {
            return Ok(Vec::new());
        }
        writer.put(WAITING, key, bytes)?;
        // What leaves in between only makes more room.
        pending.waiting = Some((count + 1, total + bytes.len()));
        if has_room {
            return Ok(Vec::new());
        }
        let mut crowd = match pending.crowd.take() {
            Some(mut crowd) => {
                self.join(&mut crowd, &section, bytes);
                crowd
            }
            None => self.crowd(writer, &section)?,
        };
        let mut without_room = Vec::new();
        while let Some(line) = crowd.leave() {
            writer.remove(WAITING, &Key::of(&self.live.id).section(&section).bytes(&line.hash))?;
            without_room.push(line.feed);
        }
        pending.waiting = Some((crowd.count, crowd.bytes));
        pending.crowd = Some(crowd);
        if !without_room.is_empty() {
            writer.put(CROWDED, &Key::of(&self.live.id).section(&section), &[])?;
        }
        Ok(without_room)
    }

    /// What waits in sections that no operation names: how many, and their bytes.
    fn waiting_unnamed(&self, writer: &Writer) -> Result<(usize, usize), StoreError> {
        let named = self.live.members.current().sections();
        let of_record = Key::of(&self.live.id);
        let (mut count, mut bytes) = (0, 0);
        for row in writer.prefix(WAITING, &of_record)? {
            let (key, envelope) = row?;
            let section = key.get(of_record.len()..).and_then(|rest| rest.first_chunk()).ok_or(StoreError::Damaged)?;
            if !named.contains(&SectionId(*section)) {
                count += 1;
                bytes += envelope.len();
            }
        }
        Ok((count, bytes))
    }

    /// The sections in which something that waited found no room since they were last compared feed by feed, ascending.
    pub(super) fn crowded_sections(&self, look: &impl Look) -> Result<BTreeSet<SectionId>, StoreError> {
        let mut sections = BTreeSet::new();
        for (key, _) in look.look_all(CROWDED, &Key::of(&self.live.id))? {
            sections.insert(key.last_chunk::<16>().map(|id| SectionId(*id)).ok_or(StoreError::Damaged)?);
        }
        Ok(sections)
    }

    /// Notes that a section was compared feed by feed, and that everything found room.
    ///
    /// # Errors
    /// The store's.
    pub fn note_roomy(&mut self, section: &SectionId) -> Result<(), RecordError> {
        let key = Key::of(&self.live.id).section(section);
        if self.store.read()?.get(CROWDED, &key)?.is_none() {
            return Ok(());
        }
        self.commit(|_, writer| Ok(writer.remove(CROWDED, &key).map(drop)?))
    }

    /// What waits in a section, by author.
    fn crowd(&self, writer: &Writer, section: &SectionId) -> Result<Crowd, RecordError> {
        let mut crowd = Crowd::default();
        for row in writer.prefix(WAITING, &Key::of(&self.live.id).section(section))? {
            self.join(&mut crowd, section, &row?.1);
        }
        Ok(crowd)
    }

    fn join(&self, crowd: &mut Crowd, section: &SectionId, bytes: &[u8]) {
        let Ok(Envelope { header, .. }) = Envelope::decode(bytes) else { return };
        let membership = self.live.members.current();
        let named = membership.feed_candidates(section, header.volume, header.kind, header.feed);
        let author = named.first().map(|candidate| candidate.device);
        crowd.join(author, header.seq, Line { hash: digest::content_hash(bytes), feed: header.feed }, bytes.len());
    }
}

/// What waits in one section, by the device whose feed it claims to be of; what names nobody who is known is one author's.
#[derive(Default)]
pub(super) struct Crowd {
    count: usize,
    bytes: usize,
    authors: BTreeMap<Option<DeviceId>, Share>,
}

/// What waits of one author: the bytes of each line, by its position.
#[derive(Default)]
struct Share {
    bytes: usize,
    lines: BTreeMap<(u32, Line), usize>,
}

/// One envelope that waits: the hash that it is kept under, and the first 8 bytes of its feed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    hash: [u8; 32],
    feed: [u8; 8],
}

impl Crowd {
    fn join(&mut self, author: Option<DeviceId>, seq: u32, line: Line, bytes: usize) {
        let share = self.authors.entry(author).or_default();
        if share.lines.insert((seq, line), bytes).is_none() {
            share.bytes += bytes;
            self.bytes += bytes;
            self.count += 1;
        }
    }

    /// Of whoever takes most of the room that is short, what is furthest from its turn: the beginning of a chain is what lets
    /// the rest of it in. None once everything fits.
    fn leave(&mut self) -> Option<Line> {
        let is_many = self.count > WAITING_PER_SECTION_MAX;
        if !is_many && self.bytes <= WAITING_BYTES_PER_SECTION_MAX {
            return None;
        }
        let taken = |share: &Share| if is_many { share.lines.len() } else { share.bytes };
        let greediest = self.authors.values_mut().max_by_key(|share| taken(share))?;
        let ((_, line), bytes) = greediest.lines.pop_last()?;
        greediest.bytes -= bytes;
        self.bytes -= bytes;
        self.count -= 1;
        Some(line)
    }
}

/// Envelopes of one section that are kept while they cannot be judged (local).
pub(crate) const WAITING_PER_SECTION_MAX: usize = 4_096;
/// Bytes of them (local).
const WAITING_BYTES_PER_SECTION_MAX: usize = 64 << 20;
