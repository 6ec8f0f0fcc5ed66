//! Sealed objects of a record: uploaded in parts, checked against their name at the end, given out in parts.
//!
//! An object belongs to one record; equal bytes in two records are two objects, so that nobody learns from one record
//! what another holds. Parts are durable when they are acknowledged; an upload resumes where it broke off.

use std::sync::Arc;

use carnet_crypto::id::{ObjectId, PrincipalId};
use carnet_protocol::frame::{Denial, Frame, ObjectPart, ObjectState, ObjectWanted, object::OBJECT_BYTES_MAX};

use crate::{
    mailbox::Books,
    relay::Shared,
    store::{
        Rows, StoreError, Table, file,
        rows::{ObjectRow, RecordNumber, Row as _, keys},
    },
};

/// Whether an object is stored whole.
pub(crate) fn is_complete(rows: &impl Rows, record: RecordNumber, object: &ObjectId) -> Result<bool, StoreError> {
    Ok(row(rows, record, object)?.is_some_and(|row| row.complete))
}

fn row(rows: &impl Rows, record: RecordNumber, object: &ObjectId) -> Result<Option<ObjectRow>, StoreError> {
    rows.get(Table::Objects, keys::object(record, object).bytes())?.map(|bytes| ObjectRow::decode(&bytes)).transpose()
}

/// How much of an object is there.
pub(crate) async fn state(
    shared: &Arc<Shared>,
    record: RecordNumber,
    object: ObjectId,
) -> Result<ObjectState, StoreError> {
    shared
        .read(move |snapshot, data| {
            let Some(row) = row(snapshot, record, &object)? else {
                return Ok(ObjectState { object, total: 0, stored: 0, complete: false });
            };
            let stored = if row.complete { row.total } else { file::part_length(data, record, &object.0)? };
            Ok(ObjectState { object, total: row.total, stored: stored.min(row.total), complete: row.complete })
        })
        .await
}

/// Gives out a part.
pub(crate) async fn fetch(
    shared: &Arc<Shared>,
    record: RecordNumber,
    wanted: ObjectWanted,
) -> Result<Frame, StoreError> {
    shared
        .read(move |snapshot, data| {
            let object = wanted.object;
            let row = row(snapshot, record, &object)?.filter(|row| row.complete && wanted.start < row.total);
            let Some(row) = row else { return Ok(Frame::Denied(Denial::Absent)) };
            let length = wanted.bytes.min(row.total.saturating_sub(wanted.start));
            let bytes = file::read_range(data, record, &object.0, wanted.start, length)?;
            Ok(Frame::ObjectPart(ObjectPart { object, total: row.total, start: wanted.start, bytes }))
        })
        .await
}

/// Takes a part in. One upload of an object goes on at a time.
pub(crate) async fn store(
    shared: &Arc<Shared>,
    record: RecordNumber,
    principal: PrincipalId,
    part: ObjectPart,
) -> Result<Frame, StoreError> {
    let object = part.object;
    let _turn = shared.object_turn(&object).await;
    if part.total == 0 || part.total > OBJECT_BYTES_MAX {
        return Ok(Frame::Denied(Denial::Mismatch));
    }
    let announced = shared.read(move |snapshot, _| row(snapshot, record, &object)).await?;
    match announced {
        Some(row) if row.complete => return Ok(Frame::ObjectState(whole(object, row.total))),
        Some(row) if row.total == part.total => {}
        other => {
            if !announce(shared, record, principal, object, other, part.total).await? {
                return Ok(Frame::Denied(Denial::Quota));
            }
        }
    }
    let (total, start) = (part.total, part.start);
    let end = start.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(u64::MAX));
    let ended = shared
        .read(move |_, data| {
            let stored = file::part_length(data, record, &object.0)?;
            if stored < total && stored != start {
                return Ok(Progress::At(stored));
            }
            if stored < total {
                file::append_part(data, record, &object.0, start, &part.bytes)?;
                if end < total {
                    return Ok(Progress::At(end));
                }
            }
            // Also when a crash came between the last byte and this check: then any part is the occasion.
            Ok(if file::finish_part(data, record, &object.0)? { Progress::Whole } else { Progress::Wrong })
        })
        .await?;
    match ended {
        Progress::At(stored) => {
            Ok(Frame::ObjectState(ObjectState { object, total, stored: stored.min(total), complete: false }))
        }
        Progress::Whole => {
            let key = keys::object(record, &object);
            shared
                .writer
                .write(1, move |books, group| {
                    let row = ObjectRow { total, time: books.now(), principal, complete: true };
                    group.put(Table::Objects, key.bytes(), &row.encode());
                    Ok(())
                })
                .await?;
            Ok(Frame::ObjectState(whole(object, total)))
        }
        Progress::Wrong => {
            let key = keys::object(record, &object);
            shared
                .writer
                .write(1, move |_, group| {
                    let row = group.get(Table::Objects, key.bytes())?.map(|row| ObjectRow::decode(&row)).transpose()?;
                    if let Some(row) = row {
                        Books::refund(group, record, row.principal, row.total)?;
                    }
                    group.remove(Table::Objects, key.bytes());
                    Ok(())
                })
                .await?;
            Ok(Frame::Denied(Denial::Mismatch))
        }
    }
}

enum Progress {
    At(u64),
    Whole,
    Wrong,
}

fn whole(object: ObjectId, total: u64) -> ObjectState {
    ObjectState { object, total, stored: total, complete: true }
}

/// Counts a new upload, in place of an unfinished one of another size. False when there is no room for it.
async fn announce(
    shared: &Arc<Shared>,
    record: RecordNumber,
    principal: PrincipalId,
    object: ObjectId,
    instead_of: Option<ObjectRow>,
    total: u64,
) -> Result<bool, StoreError> {
    if instead_of.is_some() {
        shared.read(move |_, data| Ok(file::remove(data, record, &object.0)?)).await?;
    }
    let key = keys::object(record, &object);
    shared
        .writer
        .write(1, move |books, group| {
            if let Some(old) = instead_of {
                Books::refund(group, record, old.principal, old.total)?;
                group.remove(Table::Objects, key.bytes());
            }
            if !books.charge(group, record, principal, total)? {
                return Ok(false);
            }
            let row = ObjectRow { total, time: books.now(), principal, complete: false };
            group.put(Table::Objects, key.bytes(), &row.encode());
            Ok(true)
        })
        .await
}
