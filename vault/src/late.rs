//! A removal that reached the relay too late: what lay there meanwhile is adopted, and then the relay takes it as it is.
//!
//! A removal may not hide what had lain at the relay for more than 7 days. Signed in time and sent late, it may be about to:
//! its target wrote on, and who signed it had not seen that. It cannot be signed anew, because everything that this device
//! wrote since names it. So an owner's device says of what the removal hides that it stays, in an operation that comes
//! **before** the removal in the log: just what a removal signed today would say. Source: `docs/membership.md`, "Admission".

use carnet_crypto::{
    id::{EnvelopeId, FeedId, OpId},
    sign::PublicKey,
};
use carnet_protocol::{
    envelope::EnvelopeKind,
    feed::Position,
    limits::ADOPTED_PER_OP_MAX,
    membership::{
        Body, Op,
        body::{Adopted, Removal, Target},
    },
};

use crate::{
    record::{Record, RecordError},
    row::{FeedRow, Standing},
    store::StoreError,
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
