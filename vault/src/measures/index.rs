//! The tables that say where samples lie: the live batches of each month, and the local days of each batch.
//!
//! A sample counts once in its day, whatever carries it: two devices that took one file in each publish it. Everything
//! here can be made anew from the envelopes.

use std::collections::HashSet;

use carnet_crypto::{
    digest,
    id::{EnvelopeId, FeedId},
};
use carnet_protocol::envelope::EnvelopeKind;
use carnet_record::{
    Day, SectionKind, ZoneHistory,
    batch::{Columns, Month, Series},
};
use serde::{Deserialize, Serialize};

use super::{
    UNDECODED,
    codec::{decode, encode},
    day::{day_bytes, days_of},
};
use crate::{
    record::{Record, RecordError},
    row,
    store::{StoreError, Writer},
    tables::{BATCH, DAY, Key, Look},
};

/// What the store keeps of a live batch, beside its envelope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) feed: [u8; 16],
    pub(crate) seq: u32,
    pub(crate) series: Series,
    pub(crate) count: usize,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
}

impl Record<'_> {
    /// Publishes the samples that are not live yet, as batches, in this step. Returns how many were new.
    pub(crate) fn write_columns(
        &mut self,
        writer: &mut Writer,
        columns: Vec<Columns>,
        zones: &ZoneHistory,
    ) -> Result<u64, RecordError> {
        let section = self.section_of(SectionKind::Measures)?;
        let mut added = 0;
        for columns in columns {
            for fresh in self.without_live(writer, columns)? {
                let year = i16::try_from(fresh.month().year()).unwrap_or(i16::MAX);
                let volume = self.volume_of(SectionKind::Measures, year);
                let id = self.append(writer, section, volume, EnvelopeKind::Batch, &encode(&fresh))?;
                let feed = self.own_feed(&section, volume, EnvelopeKind::Batch);
                let seq = self.last_seq(writer, &feed)?;
                self.index_batch(writer, &id, &feed, seq, &fresh, zones)?;
                added += u64::try_from(fresh.samples().len()).unwrap_or(0);
            }
        }
        Ok(added)
    }

    /// The columns without the samples that are live: as they are where the month has none.
    fn without_live(&self, writer: &Writer, columns: Columns) -> Result<Vec<Columns>, RecordError> {
        let batches = self.batches_of(writer, columns.series(), columns.month())?;
        if batches.is_empty() {
            return Ok(vec![columns]);
        }
        let mut live = HashSet::new();
        for (_, row) in batches {
            let samples = self.columns_of(writer, &row)?.into_samples();
            live.extend(samples.into_iter().map(|sample| (sample.start_ms, sample.end_ms, sample.value)));
        }
        let series = columns.series().clone();
        let mut fresh = columns.into_samples();
        fresh.retain(|sample| !live.contains(&(sample.start_ms, sample.end_ms, sample.value.clone())));
        Ok(Columns::cut(&series, fresh).columns)
    }

    /// The columns of a batch that is held.
    pub(super) fn columns_of(&self, look: &impl Look, row: &BatchRow) -> Result<Columns, RecordError> {
        let payload = self.open_stored(look, &FeedId(row.feed), row.seq)?;
        decode(&payload).map_err(|_| RecordError::Damaged(UNDECODED))
    }

    /// Enters a batch that came from outside. What other batches carry already is not counted again in its days: two
    /// devices that took one file in each publish it.
    pub(crate) fn index_received(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        feed: &FeedId,
        seq: u32,
        columns: &Columns,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let is_alone = self.batches_of(writer, columns.series(), columns.month())?.is_empty();
        self.index_batch(writer, id, feed, seq, columns, zones)?;
        if is_alone { Ok(()) } else { self.count_days(writer, columns.series(), columns.month(), zones) }
    }

    /// Takes a batch out of those tables again: its envelope was taken back.
    pub(crate) fn unindex_batch(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        columns: &Columns,
    ) -> Result<(), RecordError> {
        writer.remove(BATCH, &self.month_key(columns.month()).envelope(id))?;
        let zones = self.zones()?;
        for day in days_of(columns.samples(), columns.series(), &zones).into_keys() {
            writer.remove(DAY, &self.day_key(columns.series(), day, id))?;
        }
        self.count_days(writer, columns.series(), columns.month(), &zones)
    }

    /// Enters a batch in the tables that samples and days are read from.
    pub(crate) fn index_batch(
        &self,
        writer: &mut Writer,
        id: &EnvelopeId,
        feed: &FeedId,
        seq: u32,
        columns: &Columns,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let summary = columns.summary();
        let row = BatchRow {
            feed: feed.0,
            seq,
            series: columns.series().clone(),
            count: summary.count,
            first_ms: summary.first_ms,
            last_ms: summary.last_ms,
        };
        writer.put(BATCH, &self.month_key(columns.month()).envelope(id), &row::write(&row))?;
        for (day, row) in days_of(columns.samples(), columns.series(), zones) {
            writer.put(DAY, &self.day_key(columns.series(), day, id), &row::write(&row))?;
        }
        Ok(())
    }

    /// Counts the days of a series in a month anew, each sample once, whatever carries it.
    fn count_days(
        &self,
        writer: &mut Writer,
        series: &Series,
        month: Month,
        zones: &ZoneHistory,
    ) -> Result<(), RecordError> {
        let mut counted = HashSet::new();
        for (id, row) in self.batches_of(writer, series, month)? {
            let columns = self.columns_of(writer, &row)?;
            for day in days_of(columns.samples(), series, zones).into_keys() {
                writer.remove(DAY, &self.day_key(series, day, &id))?;
            }
            let mut fresh = columns.into_samples();
            fresh.retain(|sample| counted.insert((sample.start_ms, sample.end_ms, sample.value.clone())));
            for (day, row) in days_of(&fresh, series, zones) {
                writer.put(DAY, &self.day_key(series, day, &id), &row::write(&row))?;
            }
        }
        Ok(())
    }

    /// The live batches of a series in a month, in the order of their names.
    fn batches_of(
        &self,
        writer: &Writer,
        series: &Series,
        month: Month,
    ) -> Result<Vec<(EnvelopeId, BatchRow)>, RecordError> {
        let mut batches = Vec::new();
        for row in writer.prefix(BATCH, &self.month_key(month))? {
            let (key, row) = row?;
            let id = key.last_chunk::<32>().map(|id| EnvelopeId(*id)).ok_or(StoreError::Damaged)?;
            let row: BatchRow = row::read(&row)?;
            if row.series == *series {
                batches.push((id, row));
            }
        }
        Ok(batches)
    }

    fn day_key(&self, series: &Series, day: Day, id: &EnvelopeId) -> Key {
        self.kind_key(&series.kind).bytes(&day_bytes(day)).envelope(id)
    }

    fn month_key(&self, month: Month) -> Key {
        Key::of(&self.live.id).bytes(&month.year().to_be_bytes()).bytes(&[month.month()])
    }

    pub(super) fn kind_key(&self, kind: &str) -> Key {
        Key::of(&self.live.id).bytes(&digest::hash16("day index", &[kind.as_bytes()]))
    }
}
