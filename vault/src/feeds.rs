//! The feeds of a record, as far as this device accepted them: one row each, read and written here and nowhere else.
//!
//! What an envelope is worth is judged elsewhere ([`crate::receive`]); here is only where each chain stands.

use carnet_crypto::id::{DeviceId, FeedId, SectionId, VolumeId};
use carnet_protocol::{
    envelope::EnvelopeKind,
    feed::{self, Position},
};

use crate::{
    record::{Record, RecordError},
    row::{self, FeedRow},
    store::{StoreError, Writer},
    tables::{FEED, Key, Look},
};

impl Record<'_> {
    /// The state of a feed; none when nothing is known of it.
    pub(crate) fn feed(&self, look: &impl Look, feed: &FeedId) -> Result<Option<FeedRow>, StoreError> {
        let row = look.look(FEED, &self.feed_key(feed))?;
        row.map(|row| row::read(&row)).transpose()
    }

    /// The state of a feed of which something is held.
    ///
    /// # Errors
    /// The store's; [`StoreError::Damaged`] when nothing is known of it.
    pub(crate) fn held_feed(&self, look: &impl Look, feed: &FeedId) -> Result<FeedRow, StoreError> {
        self.feed(look, feed)?.ok_or(StoreError::Damaged)
    }

    /// Every feed of the record, ascending.
    pub(crate) fn feeds(&self, look: &impl Look) -> Result<Vec<(FeedId, FeedRow)>, StoreError> {
        let rows = look.look_all(FEED, &Key::of(&self.live.id))?.into_iter();
        let feed = |(key, row): (Vec<u8>, Vec<u8>)| {
            let feed = key.last_chunk::<16>().map(|id| FeedId(*id)).ok_or(StoreError::Damaged)?;
            Ok((feed, row::read(&row)?))
        };
        rows.map(feed).collect()
    }

    /// Writes where a feed stands.
    pub(crate) fn put_feed(&self, writer: &mut Writer, feed: &FeedId, row: &FeedRow) -> Result<(), StoreError> {
        writer.put(FEED, &self.feed_key(feed), &row::write(row))
    }

    /// The last position of a feed; 0 for none.
    pub(crate) fn last_seq(&self, look: &impl Look, feed: &FeedId) -> Result<u32, StoreError> {
        Ok(self.feed(look, feed)?.map_or(0, |row| row.seq))
    }

    /// The last accepted place of every feed that `is_of` chooses, ascending.
    pub(crate) fn frontier_of(&self, is_of: impl Fn(&FeedRow) -> bool) -> Result<Vec<Position>, RecordError> {
        let feeds = self.feeds(&self.store.read()?)?.into_iter();
        let chosen = feeds.filter(|(_, row)| row.seq > 0 && is_of(row));
        let mut frontier: Vec<Position> =
            chosen.map(|(feed, row)| Position { feed, seq: row.seq, id: row.last }).collect();
        frontier.sort_unstable();
        Ok(frontier)
    }

    /// The device that writes a feed, if the feed is known.
    pub(crate) fn device_of(&self, look: &impl Look, feed: &FeedId) -> Result<Option<DeviceId>, StoreError> {
        Ok(self.feed(look, feed)?.map(|row| row.device))
    }

    /// The feed that this device writes to in a volume.
    pub(crate) fn own_feed(&self, section: &SectionId, volume: VolumeId, kind: EnvelopeKind) -> FeedId {
        feed::id(&self.live.row.device, &self.live.row.incarnation, section, volume, kind)
    }

    fn feed_key(&self, feed: &FeedId) -> Key {
        Key::of(&self.live.id).feed(feed)
    }
}
