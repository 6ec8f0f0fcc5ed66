//! What a removal leaves out of its frontier and is to stay: it is adopted, in an operation that comes **before** the removal.
//!
//! A removal may not hide what had lain at the relay for more than 7 days. Signed in time and sent late, it may be about to:
//! its target wrote on, and who signed it had not seen that. It cannot be signed anew, because everything that this device
//! wrote since names it. So an owner's device says of what the removal hides that it stays: just what a removal signed today
//! would say. The same is said of what a frontier has no room for. Source: `docs/membership.md`, "Admission".

use std::collections::BTreeMap;

use carnet_crypto::{
    door::UnixMillis,
    id::{EnvelopeId, FeedId, OpId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    envelope::EnvelopeKind,
    feed::Position,
    limits::{ADOPTED_PER_OP_MAX, COVER_ENTRIES_MAX, FRONTIER_ENTRIES_PER_SECTION_MAX},
    membership::{
        Body, Op,
        body::{Adopted, Removal, Target},
    },
};

use crate::{
    record::{Record, RecordError},
    row::{FeedRow, Standing},
    store::{StoreError, Writer},
    tables::Look,
};

impl Record<'_> {
    /// Adopts what the removals among `refused`, which `relay` does not take because of what they hide, leave out of what this
    /// device holds. How many envelopes left quarantine for it; none where nothing was signed: there is nothing more to adopt,
    /// or this device is no owner's.
    ///
    /// # Errors
    /// The store's.
    pub fn adopt_hidden(&mut self, refused: &[OpId], relay: &PublicKey) -> Result<Option<u64>, RecordError> {
        let me = self.live.row.device;
        if self.live.row.standing != Standing::Member || !self.live.members.current().is_owner(&me) {
            return Ok(None);
        }
        let hidden = self.hidden_by(refused)?;
        let parents = self.live.members.heads_at(relay);
        if hidden.is_empty() || parents.is_empty() {
            return Ok(None);
        }
        let before = self.pending()?.quarantined;
        let adopted = self.commit_or_wait(|record, writer, signing| {
            let at = record.now();
            for part in hidden.chunks(ADOPTED_PER_OP_MAX) {
                record.sign_op_after(writer, at, Body::Adopt(part.to_vec()), parents.clone())?;
            }
            record.judge_again(writer, signing)
        });
        match adopted {
            // By what the relay has, this device has not the right: somebody else must.
            Err(error) if error.must_wait() => Ok(None),
            Err(error) => Err(error),
            Ok(_) => Ok(Some(before.saturating_sub(self.pending()?.quarantined))),
        }
    }

    /// A frontier that one removal may name. A hostile device may have begun more feeds than that: of those that are left out, what
    /// is held is adopted, in operations before the removal, and counts like the rest.
    pub(crate) fn shorten_frontier(
        &mut self,
        writer: &mut Writer,
        at: UnixMillis,
        frontier: Vec<Position>,
    ) -> Result<Vec<Position>, RecordError> {
        let rows = frontier.into_iter().map(|place| Ok((self.held_feed(writer, &place.feed)?, place)));
        let mut rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        // Of changes one place stands for all before it; of others each would have to be named.
        rows.sort_by_key(|(row, place)| (row.kind == EnvelopeKind::Changes.number(), place.feed));
        let mut named: BTreeMap<SectionId, usize> = BTreeMap::new();
        let (mut kept, mut beside) = (Vec::new(), Vec::new());
        for (row, place) in rows {
            let count = named.entry(row.section).or_default();
            if *count < FRONTIER_ENTRIES_PER_SECTION_MAX && kept.len() < COVER_ENTRIES_MAX {
                *count += 1;
                kept.push(place);
            } else if row.kind == EnvelopeKind::Changes.number() {
                beside.push(Adopted::Envelope(row.section, place));
            } else {
                for seq in 1..=place.seq {
                    let id = self.stored(writer, &place.feed, seq)?.map(|held| held.id);
                    beside.extend(id.map(|id| Adopted::Envelope(row.section, Position { seq, id, ..place })));
                }
            }
        }
        beside.sort_unstable();
        for part in beside.chunks(ADOPTED_PER_OP_MAX) {
            self.sign_op(writer, at, Body::Adopt(part.to_vec()), &[])?;
        }
        kept.sort_unstable();
        Ok(kept)
    }

    /// What removals leave out of what is held, and nobody has adopted yet.
    fn hidden_by(&self, removals: &[OpId]) -> Result<Vec<Adopted>, RecordError> {
        let (reader, log) = (self.store.read()?, self.live.members.log());
        let mut hidden = Vec::new();
        for op in removals {
            let Some(Body::Remove(removal)) = log.op(op).map(Op::body) else { continue };
            for (feed, row) in self.feeds(&reader)? {
                // Which branch of a forked feed stands is not for a removal to decide.
                if self.ends(removal, &row) && self.live.members.current().fork_of(&feed).is_none() {
                    self.hidden_in(&reader, &feed, &row, removal, &mut hidden)?;
                }
            }
        }
        hidden.sort_unstable();
        hidden.dedup();
        Ok(hidden)
    }

    /// Whether a removal ends a feed.
    fn ends(&self, removal: &Removal, row: &FeedRow) -> bool {
        let principal = self.live.members.current().device(&row.device).map(|device| device.principal);
        removal.targets.iter().any(|target| match target {
            Target::Device(device) => *device == row.device,
            Target::Principal(id) => Some(*id) == principal,
            Target::Section(id, section) => Some(*id) == principal && *section == row.section,
        })
    }

    /// What a removal leaves out of one feed: of changes the last place, which stands for all before it; else each.
    fn hidden_in(
        &self,
        look: &impl Look,
        feed: &FeedId,
        row: &FeedRow,
        removal: &Removal,
        hidden: &mut Vec<Adopted>,
    ) -> Result<(), StoreError> {
        let from = removal.end_of(feed).map_or(0, |end| end.seq).saturating_add(1);
        let mut places = Vec::new();
        for seq in from..=row.seq {
            let id = if seq == row.seq { Some(row.last) } else { self.stored(look, feed, seq)?.map(|held| held.id) };
            places.extend(id.map(|id| Position { feed: *feed, seq, id }));
        }
        places.extend(self.aside_after(look, feed, row.seq, row.last)?.into_iter().filter(|place| place.seq >= from));
        let is_chain = row.kind == EnvelopeKind::Changes.number();
        if is_chain {
            places.drain(..places.len().saturating_sub(1));
        }
        let membership = self.live.members.current();
        let is_adopted = |place: &Position| {
            let mut adopted = membership.adopted(feed).filter(|(section, _)| *section == row.section);
            adopted.any(|(_, other)| other.id == place.id || is_chain && other.seq > place.seq)
        };
        let new = places.into_iter().filter(|place| !is_adopted(place));
        hidden.extend(new.map(|place| Adopted::Envelope(row.section, place)));
        Ok(())
    }

    /// The places in quarantine that follow `last`, number `seq` of a feed, without a gap.
    fn aside_after(
        &self,
        look: &impl Look,
        feed: &FeedId,
        seq: u32,
        mut last: EnvelopeId,
    ) -> Result<Vec<Position>, StoreError> {
        let mut places = Vec::new();
        for seq in seq.saturating_add(1).. {
            let Some(aside) = self.aside(look, feed, seq)?.filter(|aside| aside.previous == last) else { break };
            last = aside.id;
            places.push(Position { feed: *feed, seq, id: last });
        }
        Ok(places)
    }
}
