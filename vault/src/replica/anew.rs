//! A new incarnation: what a device does that finds out that its vault is a copy.
//!
//! A feed has one writer. A vault that was restored from a backup, or cloned, and a device that went on writing, would
//! both continue the same feeds, and every other device would see a fork. So the copy cuts its feeds back to what it
//! had handed out, publishes a new incarnation, and issues again, as fresh changes, what a person wrote here since.
//! Source: `docs/protocol.md`, "Feeds".

use std::collections::BTreeMap;

use carnet_crypto::id::{FeedId, Incarnation};
use carnet_protocol::{
    envelope::EnvelopeKind,
    membership::body::{Body, DeviceAdd, DeviceKeys},
    payload::decode_changes,
};
use carnet_record::batch::Columns;

use crate::{
    crdt::{Doc, Fields, Incoming, Place},
    keys::kem_part,
    ledger::LedgerLine,
    measures,
    record::{EntryWrite, Record, RecordError, VolumeWrites},
    row::{FeedRow, OutboxRow, Standing},
    store::{StoreError, Writer},
    tables::{ENVELOPE, Key},
    vault::transport_key,
    volumes::update_view,
};

/// What a person wrote here and that is to be issued again: as fresh changes, under a new incarnation.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) volumes: Vec<VolumeWrites>,
    pub(crate) batches: Vec<Columns>,
    pub(crate) lines: Vec<LedgerLine>,
}

impl Unsent {
    pub(crate) fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.batches.is_empty() && self.lines.is_empty()
    }

    /// Adds what falls after the rest. A feed is cut from its end, so that it is older than the rest and is issued first.
    pub(crate) fn put_older(&mut self, writes: VolumeWrites) {
        self.volumes.insert(0, writes);
    }
}

impl Record<'_> {
    /// Makes this installation a new incarnation of its device. What it had not handed out is taken back and issued
    /// again under the new one; what others hold of the old feeds can be received afterwards like any other's.
    ///
    /// # Errors
    /// The store's.
    pub fn start_anew(&mut self) -> Result<(), RecordError> {
        if self.live.row.standing != Standing::Member {
            return Ok(());
        }
        self.commit(|record, writer| {
            let unsent = record.take_back_unsent(writer)?;
            record.renew(writer)?;
            record.issue_again(writer, unsent)
        })
    }

    /// Publishes a new incarnation of this device, under which it writes from now on.
    pub(crate) fn renew(&mut self, writer: &mut Writer) -> Result<(), RecordError> {
        self.live.row.incarnation = Incarnation(self.door.bytes());
        self.say_seen_again(writer)?;
        let pair = self.seed.kem(&self.live.row.salt, self.live.row.kem_generation);
        let (kem, part) = kem_part(pair.public().as_bytes());
        let keys = DeviceKeys {
            signing: self.live.signing.public(),
            kem,
            generation: self.live.row.kem_generation,
            transport: transport_key(self.seed),
            incarnation: self.live.row.incarnation,
        };
        let body = Body::DeviceAdd(DeviceAdd { principal: self.live.row.principal, keys });
        let at = self.now();
        self.sign_op(writer, at, body, &[part]).map(drop)
    }

    pub(crate) fn issue_again(&mut self, writer: &mut Writer, mut unsent: Unsent) -> Result<(), RecordError> {
        self.write_entries(writer, &unsent.volumes)?;
        let zones = self.zones()?;
        self.write_columns(writer, unsent.batches, &zones)?;
        unsent.lines.sort_by_key(|line| line.number);
        for line in unsent.lines {
            self.write_line(writer, line.kind, line.detail)?;
        }
        Ok(())
    }

    fn take_back_unsent(&mut self, writer: &mut Writer) -> Result<Unsent, RecordError> {
        let mut unsent = Unsent::default();
        for (feed, kept) in self.unsent_feeds(writer)? {
            let key = Key::of(&self.live.id).feed(&feed);
            let state = self.held_feed(writer, &feed)?;
            let mut changes = 0;
            for seq in kept.saturating_add(1)..=state.seq {
                let payload = self.open_stored(writer, &feed, seq)?;
                if state.kind == EnvelopeKind::Batch.number() {
                    let columns = measures::decode(&payload).map_err(|_| StoreError::Damaged)?;
                    let id = self.stored(writer, &feed, seq)?.ok_or(StoreError::Damaged)?.id;
                    self.unindex_batch(writer, &id, &columns)?;
                    unsent.batches.push(columns);
                } else {
                    let read = decode_changes(&payload).map_err(|_| StoreError::Damaged)?;
                    changes += u64::try_from(read.len()).unwrap_or(0);
                }
                writer.remove(ENVELOPE, &key.clone().seq(seq))?;
            }
            let before = self.stored(writer, &feed, kept)?;
            let cut = FeedRow {
                seq: kept,
                last: before.as_ref().map_or(carnet_protocol::envelope::NO_PREDECESSOR, |before| before.id),
                heads: before.map_or([0; 32], |before| before.heads.0),
                change_seq: state.change_seq.saturating_sub(changes),
                ..state
            };
            self.put_feed(writer, &feed, &cut)?;
            if changes > 0 {
                self.rewrite_volume(writer, &feed, &cut, &mut unsent)?;
            }
        }
        Ok(unsent)
    }

    /// The feeds of this incarnation with something that was never handed out, and where what was handed out ends. Its
    /// lines leave the outbox.
    fn unsent_feeds(&self, writer: &mut Writer) -> Result<BTreeMap<FeedId, u32>, RecordError> {
        let mut feeds: BTreeMap<FeedId, u32> = BTreeMap::new();
        for (number, row) in self.outbox_lines(writer)? {
            let OutboxRow::Envelope { feed, seq } = row else { continue };
            let state = self.held_feed(writer, &feed)?;
            if state.device != self.live.row.device || state.incarnation != self.live.row.incarnation {
                continue;
            }
            let kept = feeds.entry(feed).or_insert(seq.saturating_sub(1));
            *kept = (*kept).min(seq.saturating_sub(1));
            self.take_out(writer, number)?;
        }
        Ok(feeds)
    }

    /// Makes a volume anew without the changes of `feed` after those that `cut` keeps, and notes how its entries
    /// differed with them.
    fn rewrite_volume(
        &mut self,
        writer: &mut Writer,
        feed: &FeedId,
        cut: &FeedRow,
        unsent: &mut Unsent,
    ) -> Result<(), RecordError> {
        let (record, section, volume) = (self.live.id, cut.section, cut.volume);
        let doc = self.live.volumes.doc(self.store, &record, &section, volume)?;
        let with: BTreeMap<Place, Fields> =
            doc.places().into_iter().filter_map(|place| Some((place.clone(), doc.fields(&place)?))).collect();
        let is_kept = |change: &Incoming| change.actor() != feed.0 || change.seq() <= cut.change_seq;
        let kept: Vec<Incoming> = doc.changes()?.into_iter().filter(is_kept).collect();
        let mut without = Doc::empty()?;
        without.apply(kept)?;
        let mut entries = Vec::new();
        let mut places = Vec::new();
        for (place, after) in with {
            let before = without.fields(&place);
            if before.as_ref() == Some(&after) {
                continue;
            }
            places.push(place.clone());
            if place.container == "ledger" {
                let line = serde_json::from_value(serde_json::Value::Object(after)).map_err(|_| StoreError::Damaged)?;
                unsent.lines.push(line);
            } else {
                entries.push(EntryWrite { place, before, after });
            }
        }
        update_view(writer, &record, &section, volume, &without, places)?;
        self.live.volumes.replace(writer, &record, &section, volume, without)?;
        unsent.volumes.push(VolumeWrites { section, volume, entries });
        Ok(())
    }
}
