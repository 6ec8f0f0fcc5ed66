//! What other devices wrote on a branch that fell, and that this device had accepted.
//!
//! Whoever forked a feed may not remember what it wrote on one of its branches: its disk died, and it went on from a copy.
//! What others accepted of that branch was said to be saved, and is not lost with it: each of them notes what the branch
//! changed in the record, and issues it again as its own once the device that forked has admitted that it goes on from another. Only what is as it was before is issued; what somebody has changed since stays as it is.
//!
//! Nothing of a device that has lost its right comes back this way, and nothing that was never accepted. Source:
//! `docs/protocol.md`, "Equivocation".

use std::collections::BTreeMap;

use carnet_crypto::{
    digest,
    id::{FeedId, SectionId, VolumeId},
};
use carnet_protocol::membership::{Body, FeedCandidate, Scope, body::Accusation};
use carnet_record::batch::Columns;
use serde_json::Value as Json;

use super::rejudge::{Falling, Feed};
use crate::{
    crdt::{Doc, Fields, Incoming},
    measures,
    record::{EntryWrite, Record, RecordError, VolumeWrites},
    replica::Unsent,
    row::{self, FallenRow, FeedRow, Standing},
    store::{StoreError, Writer},
    tables::{FALLEN, Key},
};

impl Record<'_> {
    /// Whether what falls of a feed of another device is to be issued again: its author might write it still, and it falls
    /// with a fork alone.
    pub(super) fn falls_with_fork(&self, feed: &Feed) -> bool {
        feed.is_forked && feed.row.device != self.live.row.device && self.may_come_back(&feed.row)
    }

    fn may_come_back(&self, row: &FeedRow) -> bool {
        let membership = self.live.members.current();
        membership.device(&row.device).is_some_and(|device| device.is_live)
            && membership.may(&row.device, &row.section, Scope::WRITE)
            && !membership.is_erased(&row.section, row.volume)
    }

    /// Notes the entries that branches had changed: `dropped` leaves the volume, and `doc` is what it will be.
    pub(super) fn note_fallen_entries(
        &mut self,
        writer: &mut Writer,
        falling: &Falling<'_>,
        dropped: &[Incoming],
        doc: &Doc,
    ) -> Result<(), RecordError> {
        for feed in falling.feeds {
            if !self.falls_with_fork(feed) {
                continue;
            }
            let theirs: Vec<Incoming> = dropped.iter().filter(|change| change.actor() == feed.id.0).cloned().collect();
            let old = self.live.volumes.doc(self.store, &self.live.id, &falling.section, falling.volume)?;
            let mut fallen = Vec::new();
            // A line of the ledger is its author's word alone.
            for place in old.touched(&theirs).into_iter().filter(|place| place.container != "ledger") {
                let (after, before) = (old.fields(&place), doc.fields(&place));
                let after = after.filter(|after| before.as_ref() != Some(after));
                fallen.extend(after.map(|after| FallenRow::Entry { place, before, after }));
            }
            for row in fallen {
                self.note_fallen(writer, &feed.id, &row)?;
            }
        }
        Ok(())
    }

    /// Notes a batch of samples that a branch had brought.
    pub(super) fn note_fallen_batch(
        &self,
        writer: &mut Writer,
        feed: &FeedId,
        columns: &Columns,
    ) -> Result<(), StoreError> {
        self.note_fallen(writer, feed, &FallenRow::Batch { payload: measures::encode(columns) })
    }

    /// Of what fell of an entry in several parts, the last first, one note is made.
    fn note_fallen(&self, writer: &mut Writer, feed: &FeedId, fallen: &FallenRow) -> Result<(), StoreError> {
        let name = match fallen {
            FallenRow::Entry { place, .. } => row::write(place),
            FallenRow::Batch { payload } => payload.clone(),
            FallenRow::Own => Vec::new(),
        };
        let key = Key::of(&self.live.id).feed(feed).bytes(&digest::content_hash(&name));
        let noted = writer.get(FALLEN, &key)?.map(|noted| row::read(&noted)).transpose()?;
        let row = match (noted, fallen) {
            (Some(FallenRow::Entry { before: until, after: last, .. }), FallenRow::Entry { place, before, after }) => {
                let after = merged(until.as_ref(), &last, Some(after));
                &FallenRow::Entry { place: place.clone(), before: before.clone(), after }
            }
            _ => fallen,
        };
        writer.put(FALLEN, &key, &row::write(row))
    }

    /// Notes of feeds of this device that it remembers what fell of them.
    pub(super) fn note_own_fallen(&self, writer: &mut Writer, feeds: &[&Feed]) -> Result<(), StoreError> {
        for feed in feeds.iter().filter(|feed| feed.is_forked && feed.row.device == self.live.row.device) {
            writer.put(FALLEN, &Key::of(&self.live.id).feed(&feed.id), &row::write(&FallenRow::Own))?;
        }
        Ok(())
    }

    /// Proves forks of this device itself of which it holds the branch that stands, and held no other: what it wrote there it
    /// does not remember, and those who had accepted it may issue it again. Of what it remembers it says nothing.
    pub(super) fn admit_forks(&mut self, writer: &mut Writer) -> Result<(), RecordError> {
        if self.live.row.standing != Standing::Member {
            return Ok(());
        }
        let membership = self.live.members.current();
        let mut to_say = Vec::new();
        for feed in membership.forked_feeds() {
            let Some(fork) = membership.fork_of(feed) else { continue };
            let proof = &fork.proof;
            let is_own = proof.device == self.live.row.device && !membership.is_fork_admitted(feed);
            if !is_own || writer.get(FALLEN, &Key::of(&self.live.id).feed(feed))?.is_some() {
                continue;
            }
            let key = self.live.signing.public();
            let author = FeedCandidate { device: proof.device, key, incarnation: proof.incarnation, feed: *feed };
            let end = membership.branch_end(&author, &proof.section);
            // In the same words: nothing is decided anew.
            let frontier = fork.frontier;
            if end.is_some() && self.missing_end(writer, &author, &proof.section)?.is_none() {
                to_say.push((proof.clone(), frontier));
            }
        }
        let (at, cited) = (self.now(), self.cited_checkpoint()?);
        if to_say.is_empty() || self.live.members.current().admit_cited(cited.as_ref(), at).is_err() {
            return Ok(());
        }
        for (proof, frontier) in to_say {
            let body = Body::ForkProof(Box::new(Accusation { proof, frontier, cited: cited.clone() }));
            self.sign_op(writer, at, body, &[])?;
        }
        Ok(())
    }

    /// Issues again what fell and nobody else will issue: of forks that the device which forked admits, and of branches that
    /// a confirmed snapshot replaced while nothing proves the fork.
    pub(super) fn issue_for_others(&mut self, writer: &mut Writer) -> Result<(), RecordError> {
        let rows: Vec<_> = writer.prefix(FALLEN, &Key::of(&self.live.id))?.collect::<Result<_, _>>()?;
        if rows.is_empty() || self.live.row.standing != Standing::Member {
            return Ok(());
        }
        let mut to_issue = Unsent::default();
        let mut volumes: BTreeMap<(SectionId, VolumeId), Vec<EntryWrite>> = BTreeMap::new();
        for (key, bytes) in rows {
            let feed = key.get(32..48).and_then(FeedId::from_slice).ok_or(StoreError::Damaged)?;
            let state = self.held_feed(writer, &feed)?;
            if !self.is_to_issue(&feed, &state)? {
                continue;
            }
            match row::read(&bytes)? {
                FallenRow::Own => continue,
                FallenRow::Batch { payload } => {
                    to_issue.batches.push(measures::decode(&payload).map_err(|_| StoreError::Damaged)?);
                }
                FallenRow::Entry { place, before, after } => {
                    let doc = self.live.volumes.doc(self.store, &self.live.id, &state.section, state.volume)?;
                    let now = doc.fields(&place);
                    let after = merged(before.as_ref(), &after, now.as_ref());
                    if now.as_ref() != Some(&after) {
                        let entry = EntryWrite { place, before: now, after };
                        volumes.entry((state.section, state.volume)).or_default().push(entry);
                    }
                }
            }
            writer.remove(FALLEN, &key)?;
        }
        let volumes = volumes.into_iter().map(|((section, volume), entries)| VolumeWrites { section, volume, entries });
        to_issue.volumes.extend(volumes);
        self.issue_again(writer, to_issue)
    }

    fn is_to_issue(&self, feed: &FeedId, state: &FeedRow) -> Result<bool, RecordError> {
        let membership = self.live.members.current();
        let is_admitted = membership.fork_of(feed).is_none() || membership.is_fork_admitted(feed);
        Ok(is_admitted
            && self.may_come_back(state)
            && membership.may(&self.live.row.device, &state.section, Scope::WRITE)
            && !self.gives_way(feed, &state.section)?)
    }
}

/// What a map is with the changes from `before` to `after` made to what is there `now`, where that is as it was before.
fn merged(before: Option<&Fields>, after: &Fields, now: Option<&Fields>) -> Fields {
    let (none, now) = (Fields::new(), now.cloned().unwrap_or_default());
    let before = before.unwrap_or(&none);
    let mut merged = now.clone();
    for (key, value) in after {
        match (before.get(key), value, now.get(key)) {
            (was, is, _) if was == Some(is) => {}
            (was, Json::Object(is), Some(Json::Object(now))) => {
                let was = was.and_then(Json::as_object);
                merged.insert(key.clone(), Json::Object(self::merged(was, is, Some(now))));
            }
            (was, is, now) if was == now => {
                merged.insert(key.clone(), is.clone());
            }
            _ => {}
        }
    }
    let gone = before.iter().filter(|(key, was)| !after.contains_key(*key) && now.get(*key) == Some(*was));
    for (key, _) in gone {
        merged.remove(key);
    }
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Json) -> Fields {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_somebody_has_changed_since_stays_as_it_is() {
        let before = fields(json!({ "name": "a", "note": "x", "links": { "one": 1 }, "old": true }));
        let after = fields(json!({ "name": "b", "note": "y", "links": { "one": 1, "two": 2 }, "new": 5 }));
        let now = fields(json!({ "name": "c", "note": "x", "links": { "one": 1, "three": 3 }, "old": true }));
        let expected =
            fields(json!({ "name": "c", "note": "y", "links": { "one": 1, "two": 2, "three": 3 }, "new": 5 }));
        assert_eq!(merged(Some(&before), &after, Some(&now)), expected);
        assert_eq!(merged(None, &after, None), after);
        assert_eq!(merged(Some(&before), &after, Some(&after)), after);
    }
}
