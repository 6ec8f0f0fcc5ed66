//! Accepted changes on their way into their volume: step 11 of the acceptance.
//!
//! A change whose dependencies are not all here waits outside; the others go in together, in as few calls as the limits
//! allow, so that Automerge's own queue is empty after each. Nothing is judged here. Source: `docs/protocol.md`,
//! "Acceptance".

use std::collections::BTreeSet;

use carnet_crypto::id::{SectionId, VolumeId};
use carnet_protocol::limits::CHANGE_OPS_PER_CALL_MAX;

use super::Pending;
use crate::{
    crdt::{Ahead, Fit, Incoming, in_order},
    record::{Record, RecordError},
    store::{StoreError, Writer},
    tables::{CHANGE_WAITING, Key},
    volumes::update_view,
};

impl Record<'_> {
    /// Step 11: changes whose dependencies are all here go to their volume, in as few calls as the limits allow; the
    /// others wait outside. Returns the volumes in which something waits.
    pub(super) fn apply_pending(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        pending: Pending,
    ) -> Result<BTreeSet<VolumeId>, RecordError> {
        let mut waits = BTreeSet::new();
        for (volume, mut changes) in pending.changes {
            let prefix = Key::of(&self.live.id).section(&section).volume(volume);
            for row in writer.prefix(CHANGE_WAITING, &prefix)?.collect::<Result<Vec<_>, _>>()? {
                changes.push(Incoming::read(&row.1).map_err(|_| StoreError::Damaged)?);
            }
            writer.remove_prefix(CHANGE_WAITING, &prefix)?;
            let left = self.apply_ready(writer, section, volume, changes)?;
            if !left.is_empty() {
                waits.insert(volume);
            }
            for change in left {
                writer.put(CHANGE_WAITING, &prefix.clone().bytes(&change.hash()), change.bytes())?;
            }
        }
        Ok(waits)
    }

    /// Changes of a volume that wait outside, tried again because what they wait for may have come with a snapshot.
    pub(crate) fn apply_waiting(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
    ) -> Result<(), RecordError> {
        let pending = Pending { changes: [(volume, Vec::new())].into(), ..Pending::default() };
        self.apply_pending(writer, section, pending).map(drop)
    }

    fn apply_ready(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        changes: Vec<Incoming>,
    ) -> Result<Vec<Incoming>, RecordError> {
        // Each after what it follows, so that what two authors wrote in turns goes in at once.
        let mut left = in_order(changes);
        loop {
            let doc = self.live.volumes.doc(self.store, &self.live.id, &section, volume)?;
            let mut ready: Vec<Incoming> = Vec::new();
            let mut ahead = Ahead::default();
            let mut rest = Vec::new();
            let mut ops = 0;
            for change in left {
                match doc.fit(&change, &ahead) {
                    Fit::Ready if ops + change.ops() <= CHANGE_OPS_PER_CALL_MAX => {
                        ops += change.ops();
                        ahead.add(&change);
                        ready.push(change);
                    }
                    Fit::Ready | Fit::Waits => rest.push(change),
                    // It stays in its feed and never counts; what builds on it waits for ever.
                    Fit::Never => {}
                }
            }
            if ready.is_empty() {
                return Ok(rest);
            }
            if !self.apply_to_volume(writer, section, volume, &ready)? {
                // A hostile change is left out alone; the good ones among them go in one by one.
                for change in &ready {
                    let doc = self.live.volumes.doc(self.store, &self.live.id, &section, volume)?;
                    if doc.fit(change, &Ahead::default()) == Fit::Ready {
                        self.apply_to_volume(writer, section, volume, std::slice::from_ref(change))?;
                    }
                }
            }
            left = rest;
        }
    }

    /// Applies changes that fit. False when Automerge refuses: then the volume is as it was.
    fn apply_to_volume(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        volume: VolumeId,
        changes: &[Incoming],
    ) -> Result<bool, RecordError> {
        let record = self.live.id;
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let Ok(touched) = doc.apply(changes.to_vec()) else {
            self.live.volumes.read_again(writer, &record, &section, volume)?;
            return Ok(false);
        };
        for change in changes {
            self.live.volumes.store_change(writer, &record, &section, volume, change.bytes())?;
        }
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        update_view(writer, &record, &section, volume, doc, touched)?;
        Ok(true)
    }
}
