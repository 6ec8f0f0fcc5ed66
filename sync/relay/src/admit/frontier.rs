//! What the frontier of a removal, or of the proof that a feed forked, hides of what this relay holds. `docs/membership.md`,
//! "Admission".
//!
//! It counts, and never judges rights. What it protects is what had lain here for more than 7 days: nobody hides that without
//! saying so, however long ago he signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::Path,
};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, FeedId, SectionId},
};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeKind},
    feed::Position,
    limits::CITED_CHECKPOINT_AGE_MS_MAX,
    membership::{
        Membership,
        body::{CitedCheckpoint, ObjectKind, Removal, Target},
    },
};

use super::envelope::held;
use crate::{
    mailbox::{View, serve::read_envelope},
    store::{
        Rows, StoreError, Table,
        rows::{EnvelopeRow, FeedRow, Place, Row as _, keys},
    },
};

/// What this relay holds of one record.
pub(crate) struct Holdings<'a, R> {
    pub(crate) rows: &'a R,
    /// Where the files of large envelopes are.
    pub(crate) data: &'a Path,
    pub(crate) view: &'a View,
}

/// What the checkpoint that an operation cites is worth here.
#[derive(Clone, Copy)]
pub(super) enum Citation<'a> {
    /// There was no relay to cite, as far as the author knew.
    NoRelay,
    /// It is of this store, and in time.
    InTime(&'a CitedCheckpoint),
    /// It is of this store, and more than 7 days old.
    Late(&'a CitedCheckpoint),
    /// It shows nothing of this store: it is another relay's, of a store that is no more, or there is none.
    Foreign,
}

/// The feeds that an operation ends, and where.
pub(super) struct Ends<'a> {
    /// Each with its section.
    pub(super) feeds: BTreeMap<FeedId, SectionId>,
    pub(super) frontier: &'a [Position],
}

/// What stays of a feed whatever a frontier says.
#[derive(Default)]
struct Kept {
    /// All up to this place.
    to: u32,
    /// These beside.
    ids: BTreeSet<EnvelopeId>,
}

impl<R: Rows> Holdings<'_, R> {
    /// The feeds here that a removal ends.
    pub(super) fn ended_by(
        &self,
        membership: &Membership,
        removal: &Removal,
    ) -> Result<BTreeMap<FeedId, SectionId>, StoreError> {
        let mut feeds = BTreeMap::new();
        for section in self.view.sections.keys() {
            let hits = |device: &DeviceId, target: &Target| match target {
                Target::Device(id) => id == device,
                Target::Principal(id) => membership.device(device).is_some_and(|device| device.principal == *id),
                Target::Section(id, of) => {
                    of == section && membership.device(device).is_some_and(|device| device.principal == *id)
                }
            };
            self.rows.under(Table::Feeds, keys::head(self.view.number, section).bytes(), &mut |key, value| {
                let row = FeedRow::decode(value)?;
                if removal.targets.iter().any(|target| hits(&row.device, target)) {
                    let feed = key.last_chunk().map(|feed| FeedId(*feed)).ok_or(StoreError::Damaged("feed"))?;
                    feeds.insert(feed, *section);
                }
                Ok(())
            })?;
        }
        Ok(feeds)
    }

    /// How many envelopes that its author had to count an operation hides. None when it hides what its author could not
    /// count, and may not hide.
    pub(super) fn hidden(
        &self,
        membership: &Membership,
        ends: &Ends<'_>,
        citation: Citation<'_>,
        now: UnixMillis,
    ) -> Result<Option<u64>, StoreError> {
        match citation {
            Citation::NoRelay => Ok(Some(0)),
            Citation::InTime(cited) => self.covered(membership, ends, cited),
            Citation::Late(cited) => {
                let hides_more = self.hides_any(membership, ends, &|section, position, row| {
                    position > covered_in(cited, section) && now.since(row.time) > CITED_CHECKPOINT_AGE_MS_MAX
                });
                if hides_more? { Ok(None) } else { self.covered(membership, ends, cited) }
            }
            Citation::Foreign => Ok((!self.hides_any(membership, ends, &|_, _, _| true)?).then_some(0)),
        }
    }

    /// How many envelopes the cited checkpoint covers and the frontier leaves out. None when it does not show a section in
    /// which there were some.
    fn covered(
        &self,
        membership: &Membership,
        ends: &Ends<'_>,
        cited: &CitedCheckpoint,
    ) -> Result<Option<u64>, StoreError> {
        let kept = self.kept(membership, ends)?;
        let mut hidden = 0_u64;
        for section in self.view.sections.keys() {
            if !cited.leaves.iter().any(|(_, of, _)| of == section) {
                let first = self.first_of(ends, section)?;
                if first.is_some_and(|time| time <= cited.checkpoint.checkpoint.time) {
                    return Ok(None);
                }
                continue;
            }
            let from = keys::envelope(self.view.number, section, 0);
            let to = keys::envelope(self.view.number, section, covered_in(cited, section).saturating_add(1));
            self.rows.scan(Table::Envelopes, from.bytes(), to.bytes(), &mut |_, value| {
                let row = EnvelopeRow::decode(value)?;
                if ends.leaves_out(&row) && !stays(&kept, &row) {
                    hidden = hidden.saturating_add(1);
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(Some(hidden))
    }

    /// Whether the frontier hides one of the envelopes that `counts` lets pass, given with their section and place there.
    /// What somebody adopted, and what lies under a confirmed snapshot, is not hidden.
    fn hides_any(
        &self,
        membership: &Membership,
        ends: &Ends<'_>,
        counts: &dyn Fn(&SectionId, u64, &EnvelopeRow) -> bool,
    ) -> Result<bool, StoreError> {
        let kept = self.kept(membership, ends)?;
        let mut hides = false;
        for (section, head) in self.view.sections.iter() {
            let from = keys::envelope(self.view.number, section, 0);
            let to = keys::envelope(self.view.number, section, head.head.position.saturating_add(1));
            self.rows.scan(Table::Envelopes, from.bytes(), to.bytes(), &mut |key, value| {
                let row = EnvelopeRow::decode(value)?;
                let position = key.last_chunk().map(|last| u64::from_be_bytes(*last));
                let position = position.ok_or(StoreError::Damaged("envelope"))?;
                let is_held = row.place != Place::Gone;
                hides = is_held && ends.leaves_out(&row) && !stays(&kept, &row) && counts(section, position, &row);
                Ok(if hides { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if hides {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What stays of each feed by adoption, and under confirmed snapshots: of changes with all that comes before.
    fn kept(&self, membership: &Membership, ends: &Ends<'_>) -> Result<BTreeMap<FeedId, Kept>, StoreError> {
        let mut kept: BTreeMap<FeedId, Kept> = BTreeMap::new();
        for (feed, section) in &ends.feeds {
            let of = kept.entry(*feed).or_default();
            for (_, place) in membership.adopted(feed).filter(|(within, _)| within == section) {
                of.ids.insert(place.id);
                if self.ends_changes(section, &place)? {
                    of.to = of.to.max(place.seq);
                }
            }
            let snapshots =
                membership.objects(section).filter(|object| object.kind == ObjectKind::Snapshot && object.is_confirmed);
            for place in snapshots.flat_map(|object| &object.cover).filter(|place| place.feed == *feed) {
                if held(self.rows, self.view.number, section, feed, place.seq)?.is_some_and(|row| row.id == place.id) {
                    of.to = of.to.max(place.seq);
                }
            }
        }
        Ok(kept)
    }

    /// Whether a place is held, in the chain of a feed of changes.
    fn ends_changes(&self, section: &SectionId, place: &Position) -> Result<bool, StoreError> {
        let row = held(self.rows, self.view.number, section, &place.feed, place.seq)?;
        let Some(row) = row.filter(|row| row.id == place.id && row.place != Place::Gone) else { return Ok(false) };
        let bytes = read_envelope(self.data, self.view.number, row)?;
        let envelope = Envelope::decode(&bytes).map_err(|_| StoreError::Damaged("envelope"))?;
        Ok(envelope.header.kind == EnvelopeKind::Changes)
    }

    /// When the first envelope in `section` of one of the feeds was stored.
    fn first_of(&self, ends: &Ends<'_>, section: &SectionId) -> Result<Option<UnixMillis>, StoreError> {
        let mut first = None;
        for feed in ends.feeds.keys() {
            let time = held(self.rows, self.view.number, section, feed, 1)?.map(|row| row.time);
            first = [first, time].into_iter().flatten().min();
        }
        Ok(first)
    }
}

impl Ends<'_> {
    /// Whether an envelope lies beyond the end of its feed.
    fn leaves_out(&self, row: &EnvelopeRow) -> bool {
        let end = self.frontier.iter().find(|end| end.feed == row.feed).map_or(0, |end| end.seq);
        self.feeds.contains_key(&row.feed) && row.seq > end
    }
}

/// Whether an envelope stays, whatever a frontier says.
fn stays(kept: &BTreeMap<FeedId, Kept>, row: &EnvelopeRow) -> bool {
    kept.get(&row.feed).is_some_and(|kept| row.seq <= kept.to || kept.ids.contains(&row.id))
}

/// The last place in the log of a section that a cited checkpoint covers; 0 where it shows none.
fn covered_in(cited: &CitedCheckpoint, section: &SectionId) -> u64 {
    cited.leaves.iter().find(|(_, of, _)| of == section).map_or(0, |(.., head)| head.position)
}
