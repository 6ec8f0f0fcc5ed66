//! The outbox: what waits to be sent, in the order in which it was signed, until the relay has acknowledged it.
//!
//! Nothing leaves it before a receipt. Receiving puts in it what others must hear of, and takes out of it what no longer
//! counts; nobody else does.

use std::collections::BTreeSet;

use carnet_crypto::{
    id::{EnvelopeId, ObjectId, OpId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::checkpoint::SignedReceipt;

use crate::{
    members::CarriedOp,
    record::{Record, RecordError},
    row::{self, OutboxRow},
    store::{StoreError, Writer},
    tables::{Key, Look, OUTBOX, QUARANTINE, WAITING},
};

/// One thing that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place in the outbox: what to acknowledge.
    pub number: u64,
    /// What it is.
    pub item: OutgoingItem,
}

/// What waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutgoingItem {
    /// An envelope, with its section.
    Envelope {
        /// The section.
        section: SectionId,
        /// The envelope.
        id: EnvelopeId,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A sealed file.
    Object(ObjectId),
    /// An operation, with all its parts.
    Op(CarriedOp),
}

/// Numbers for a status page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Things that wait to be sent.
    pub to_send: u64,
    /// Envelopes that wait for something that is missing.
    pub waiting: u64,
    /// Envelopes in quarantine.
    pub quarantined: u64,
}

impl Record<'_> {
    /// Notes something as to be sent to the relay, after all that waits already.
    pub(crate) fn enqueue(&self, writer: &mut Writer, row: &OutboxRow) -> Result<(), RecordError> {
        let of_record = Key::of(&self.live.id);
        let next = self.lines_ever(writer)?;
        writer.put(OUTBOX, &of_record.clone().number(next), &row::write(row))?;
        Ok(writer.put(OUTBOX, &of_record.number(COUNTER), &(next + 1).to_be_bytes())?)
    }

    /// What waits to be sent, oldest first, at most about `bytes_max` bytes of it.
    ///
    /// # Errors
    /// The store's.
    pub fn outbox(&self, bytes_max: usize) -> Result<Vec<Outgoing>, RecordError> {
        self.outbox_from(0, bytes_max)
    }

    /// As [`Record::outbox`], from this number on.
    ///
    /// # Errors
    /// The store's.
    pub fn outbox_from(&self, number: u64, bytes_max: usize) -> Result<Vec<Outgoing>, RecordError> {
        let reader = self.store.read()?;
        let mut outgoing = Vec::new();
        let mut bytes = 0;
        let from = Key::of(&self.live.id).number(number);
        let to = Key::of(&self.live.id).number(COUNTER);
        for row in reader.range(OUTBOX, &from[..]..&to[..])? {
            let (key, row) = row?;
            let number = number_in(&key)?;
            let item = match row::read(&row)? {
                OutboxRow::Envelope { feed, seq } => {
                    let stored = self.stored(&reader, &feed, seq)?.ok_or(StoreError::Damaged)?;
                    let section = self.held_feed(&reader, &feed)?.section;
                    bytes += stored.bytes.len();
                    OutgoingItem::Envelope { section, id: stored.id, bytes: stored.bytes }
                }
                OutboxRow::Object { object } => OutgoingItem::Object(object),
                OutboxRow::Op { op } => {
                    let carried = self.live.members.carry(&reader, &op, None)?.ok_or(StoreError::Damaged)?;
                    bytes += carried.op.len() + carried.parts.iter().map(Vec::len).sum::<usize>();
                    OutgoingItem::Op(carried)
                }
            };
            if bytes > bytes_max && !outgoing.is_empty() {
                break;
            }
            outgoing.push(Outgoing { number, item });
        }
        Ok(outgoing)
    }

    /// The number of what was last put in the outbox; none when nothing waits there.
    ///
    /// # Errors
    /// The store's.
    pub fn newest_outgoing(&self) -> Result<Option<u64>, RecordError> {
        let reader = self.store.read()?;
        let (from, to) = (Key::of(&self.live.id).number(0), Key::of(&self.live.id).number(COUNTER));
        if reader.range(OUTBOX, &from[..]..&to[..])?.next().transpose()?.is_none() {
            return Ok(None);
        }
        Ok(self.lines_ever(&reader)?.checked_sub(1))
    }

    /// How many lines there ever were: the number of the next.
    fn lines_ever(&self, look: &impl Look) -> Result<u64, StoreError> {
        match look.look(OUTBOX, &Key::of(&self.live.id).number(COUNTER))? {
            Some(count) => Ok(u64::from_be_bytes(count.try_into().map_err(|_| StoreError::Damaged)?)),
            None => Ok(0),
        }
    }

    /// Takes acknowledged things out of the outbox, and keeps the receipts of operations.
    ///
    /// # Errors
    /// The store's.
    pub fn acknowledge(
        &mut self,
        numbers: &[u64],
        receipts: &[(OpId, PublicKey, SignedReceipt)],
    ) -> Result<(), RecordError> {
        self.commit_or_wait(|record, writer, signing| {
            for number in numbers {
                record.take_out(writer, *number)?;
            }
            for (op, relay, receipt) in receipts {
                record.live.members.insert_receipts(writer, op, &[(*relay, *receipt)])?;
            }
            let now = record.now();
            record.live.members.evaluate(now);
            if !receipts.is_empty() {
                record.judge_again(writer, signing)?;
            }
            Ok(())
        })
    }

    /// What is pending, in numbers.
    ///
    /// # Errors
    /// The store's.
    pub fn pending(&self) -> Result<Pending, RecordError> {
        let reader = self.store.read()?;
        let count = |table| -> Result<u64, RecordError> {
            let rows = reader.prefix(table, &Key::of(&self.live.id))?;
            let mut count = 0;
            for row in rows {
                row?;
                count += 1;
            }
            Ok(count)
        };
        // One row of the outbox is its counter.
        let to_send = count(OUTBOX)?.saturating_sub(1);
        Ok(Pending { to_send, waiting: count(WAITING)?, quarantined: count(QUARANTINE)? })
    }

    /// The operations that stand in the outbox.
    ///
    /// # Errors
    /// The store's.
    pub fn queued_ops(&self) -> Result<BTreeSet<OpId>, RecordError> {
        let lines = self.outbox_lines(&self.store.read()?)?.into_iter();
        let op = |(_, row)| match row {
            OutboxRow::Op { op } => Some(op),
            OutboxRow::Envelope { .. } | OutboxRow::Object { .. } => None,
        };
        Ok(lines.filter_map(op).collect())
    }

    /// Every line of the outbox with its number, oldest first.
    pub(crate) fn outbox_lines(&self, look: &impl Look) -> Result<Vec<(u64, OutboxRow)>, StoreError> {
        let mut lines = Vec::new();
        for (key, row) in look.look_all(OUTBOX, &Key::of(&self.live.id))? {
            let number = number_in(&key)?;
            if number != COUNTER {
                lines.push((number, row::read(&row)?));
            }
        }
        Ok(lines)
    }

    /// Takes one line out of the outbox.
    pub(crate) fn take_out(&self, writer: &mut Writer, number: u64) -> Result<(), StoreError> {
        writer.remove(OUTBOX, &Key::of(&self.live.id).number(number)).map(drop)
    }
}

fn number_in(key: &[u8]) -> Result<u64, StoreError> {
    key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number)).ok_or(StoreError::Damaged)
}

/// The number of the row that is no line: it counts the lines that there ever were.
const COUNTER: u64 = u64::MAX;
