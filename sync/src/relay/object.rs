//! Sealed objects to and from a relay, in parts; either direction goes on where it broke off.

use std::collections::BTreeSet;

use carnet_crypto::id::ObjectId;
use carnet_protocol::frame::{Denial, Frame, ObjectAsked, ObjectPart, ObjectState, ObjectWanted, Refusal};
use carnet_vault::{
    RecordError,
    blob::{Download, ReadError, ReceiveError},
    replica::Wanted,
    snapshot::TakeSnapshotError,
};

use super::{Session, refusal};
use crate::{
    error::SyncError,
    event::{Event, Synced, Tell},
    shared::{blocking, with_record},
};

/// Snapshots that are refused in one exchange before no more of them are asked for: what a member that lies may cost. The
/// rest has its turn in the next one.
const REJECTED_PER_EXCHANGE_MAX: usize = 8;
/// Bytes of an object in one frame.
pub(crate) const PART_BYTES: usize = 512 << 10;

impl Session {
    /// Fetches the sealed objects that this device lacks, as far as the relay has them.
    pub(crate) async fn fetch(&mut self, tell: Tell<'_>) -> Result<(), SyncError> {
        self.synced.objects_missing = 0;
        let mut has_snapshot = false;
        let mut asked = BTreeSet::new();
        'look: loop {
            let wanted = with_record(&self.vault, self.record, |record| record.wanted_objects()).await?;
            for wanted in wanted {
                if is_too_much(wanted, &self.synced) || !asked.insert(wanted) {
                    continue;
                }
                if self.fetch_one(wanted, tell).await? {
                    self.synced.objects_received += 1;
                    if matches!(wanted, Wanted::Snapshot(_)) {
                        // It may stand for others, and show files that were not known before.
                        has_snapshot = true;
                        continue 'look;
                    }
                } else if matches!(wanted, Wanted::File(_)) {
                    self.synced.objects_missing += 1;
                }
            }
            break;
        }
        if has_snapshot {
            let retried = with_record(&self.vault, self.record, |record| record.retry_waiting()).await?;
            self.synced.received.absorb(retried);
        }
        Ok(())
    }

    async fn fetch_one(&mut self, wanted: Wanted, tell: Tell<'_>) -> Result<bool, SyncError> {
        let object = wanted.object();
        let state = self.object_state(object).await?;
        if !state.complete || state.total == 0 || state.total > wanted.bytes_max() {
            return Ok(false);
        }
        let begun = with_record(&self.vault, self.record, move |record| record.download(&object, state.total));
        let mut download = begun.await?;
        while !download.is_complete() {
            let bytes = u64::try_from(PART_BYTES).unwrap_or(u64::MAX);
            let asked = ObjectWanted { object, start: download.have(), bytes };
            let part = match self.ask(&Frame::ObjectWanted(asked)).await? {
                Frame::ObjectPart(part) if fits(&part, &download, object, state.total) => part,
                Frame::ObjectPart(_) => return Err(SyncError::Malformed),
                Frame::Denied(Denial::Absent) => return Ok(false),
                other => return Err(refusal(&other)),
            };
            download = append(download, part).await?;
            tell(Event::ObjectReceiving { bytes: download.have(), total: state.total });
        }
        let kept = with_record(&self.vault, self.record, move |record| keep(record, wanted, download)).await?;
        match kept {
            Kept::Altered => self.note_altered(),
            // What came has the name that was asked for, so the relay altered nothing: a member published a lie.
            Kept::Rejected => self.synced.snapshots_rejected += 1,
            Kept::Whole => {}
        }
        Ok(kept == Kept::Whole)
    }

    /// Hands one object over. Gives back why the relay does not take it, if it does not.
    pub(crate) async fn upload(&mut self, object: ObjectId, tell: Tell<'_>) -> Result<Option<Refusal>, SyncError> {
        let mut state = self.object_state(object).await?;
        while !state.complete {
            let start = state.stored;
            let part = with_record(&self.vault, self.record, move |record| part_of(record, object, start)).await?;
            // What is not here any more is nobody's to wait for.
            let Some(part) = part else { return Ok(None) };
            let end = start.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(0));
            state = match self.ask(&Frame::ObjectPut(part)).await? {
                Frame::ObjectState(state) => state,
                Frame::Denied(Denial::Quota) => return Ok(Some(Refusal::Quota)),
                Frame::Denied(Denial::NotGranted) => return Ok(Some(Refusal::NotGranted)),
                Frame::Denied(Denial::Mismatch) => return Ok(Some(Refusal::Malformed)),
                other => return Err(refusal(&other)),
            };
            if !state.complete && state.stored <= start && end > start {
                return Err(SyncError::Malformed);
            }
            tell(Event::ObjectSending { bytes: state.stored, total: state.total });
        }
        self.synced.objects_sent += 1;
        Ok(None)
    }

    async fn object_state(&mut self, object: ObjectId) -> Result<ObjectState, SyncError> {
        match self.ask(&Frame::ObjectAsked(ObjectAsked { object })).await? {
            Frame::ObjectState(state) if state.object == object => Ok(state),
            Frame::ObjectState(_) => Err(SyncError::Malformed),
            other => Err(refusal(&other)),
        }
    }
}

/// Whether enough of what this exchange brought was refused to leave this object for the next one.
pub(crate) fn is_too_much(wanted: Wanted, synced: &Synced) -> bool {
    matches!(wanted, Wanted::Snapshot(_)) && synced.snapshots_rejected >= REJECTED_PER_EXCHANGE_MAX
}

/// Whether a part is the next one.
pub(crate) fn fits(part: &ObjectPart, download: &Download, object: ObjectId, total: u64) -> bool {
    part.object == object && part.total == total && part.start == download.have() && !part.bytes.is_empty()
}

/// Appends a part, where it may block.
pub(crate) async fn append(mut download: Download, part: ObjectPart) -> Result<Download, SyncError> {
    let appended = blocking(move || {
        download.append(part.start, &part.bytes)?;
        Ok::<_, ReceiveError>(download)
    });
    Ok(appended.await??)
}

/// What became of an object that came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is not what its name says: whoever gave it altered it.
    Altered,
    /// A snapshot that does not agree with its anchors: whoever published it lies. Nothing of it was taken.
    Rejected,
    /// It is in the vault.
    Whole,
}

/// Keeps an object that came whole.
pub(crate) fn keep(
    record: &mut carnet_vault::Record<'_>,
    wanted: Wanted,
    download: Download,
) -> Result<Kept, SyncError> {
    let kept = match record.keep_download(download) {
        Ok(object) => object,
        Err(ReceiveError::NotAuthentic) => return Ok(Kept::Altered),
        Err(error) => return Err(error.into()),
    };
    match wanted {
        Wanted::File(_) => Ok(Kept::Whole),
        Wanted::Snapshot(_) => match record.take_snapshot(&kept) {
            Ok(()) => Ok(Kept::Whole),
            Err(TakeSnapshotError::Rejected(_)) => Ok(Kept::Rejected),
            Err(error) => Err(error.into()),
        },
    }
}

/// A part of an object of this device; nothing when it is not here.
pub(crate) fn part_of(
    record: &mut carnet_vault::Record<'_>,
    object: ObjectId,
    start: u64,
) -> Result<Option<ObjectPart>, SyncError> {
    let offer = match record.offer_file(&object) {
        Ok(offer) => offer,
        Err(ReadError::Absent) => return Ok(None),
        Err(error) => return Err(RecordError::from(error).into()),
    };
    let bytes = offer.part(start, PART_BYTES)?;
    Ok(Some(ObjectPart { object, total: offer.sealed_bytes(), start, bytes }))
}
