//! Snapshots that hold another branch of a feed than this device: what it does before it takes one in.
//!
//! A document cannot hold both branches, since both claim the same numbers of one author. Nothing is given up here that
//! nothing says to fall. Source: `docs/protocol.md`, "Equivocation".

use std::collections::HashSet;

use carnet_crypto::id::FeedId;
use carnet_protocol::{envelope::EnvelopeKind, membership::PublishedObject};

use super::Checked;
use crate::{
    crdt::Incoming,
    record::{Record, RecordError},
};

impl Record<'_> {
    /// Makes room for a snapshot: a copy that meets its former self in it takes a new incarnation. The feeds of which it
    /// holds another branch than this device, each with the last place that both share; none when nothing says that the
    /// one in the snapshot stands.
    pub(super) fn step_aside(
        &mut self,
        published: &PublishedObject,
        checked: &Checked,
    ) -> Result<Option<Vec<(FeedId, u32)>>, RecordError> {
        if self.live.members.current().is_overruled(published) {
            return Ok(None);
        }
        if self.is_copied_by(published)? {
            // What this installation has written since is taken back first: it would claim the places that are covered.
            self.start_anew()?;
        }
        let covered: HashSet<[u8; 32]> = checked.doc.changes()?.iter().map(Incoming::hash).collect();
        let mut parted = Vec::new();
        for (feed, row, _) in &checked.feeds {
            let Some(shared) = self.shared_with(feed, row.change_seq, &covered)? else { continue };
            let membership = self.live.members.current();
            // What two devices have confirmed does not roll back; but of a fork that is proved, the proof says what stands.
            let is_confirmed = published.is_confirmed && membership.fork_of(feed).is_none();
            if !is_confirmed && !self.gives_way(feed, &published.section)? {
                return Ok(None);
            }
            parted.push((*feed, shared));
        }
        Ok(Some(parted))
    }

    /// Whether a snapshot covers what this installation did not write, in the feed that it writes to.
    fn is_copied_by(&self, published: &PublishedObject) -> Result<bool, RecordError> {
        let own = self.own_feed(&published.section, published.volume, EnvelopeKind::Changes);
        let Some(position) = published.cover.iter().find(|position| position.feed == own) else { return Ok(false) };
        let reader = self.store.read()?;
        let held = self.stored(&reader, &own, position.seq)?;
        let last = self.last_seq(&reader, &own)?;
        Ok(held.map_or(last < position.seq, |held| held.id != position.id))
    }
}
