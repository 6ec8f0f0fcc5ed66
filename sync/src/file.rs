//! Exchange by file: the frames of two devices that meet, in a file that travels by hand.
//!
//! The file holds everything that its writer may read, sealed as ever: whoever finds it learns what a relay learns. It
//! is written and read from front to back in bounded memory. These functions block; call them where that is allowed.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    sync::PoisonError,
};

use carnet_protocol::{
    codec::DecodeError,
    frame::{COALESCED_BYTES, FRAME_VERSION, Frame, FrameHeader, ObjectPart, PeerEnvelopes, PeerFile},
};
use carnet_vault::{
    CarriedOp, Record, RecordId,
    blob::Download,
    recovery::{Kit, LostDevices},
    replica::Wanted,
};

use crate::{
    engine::batch,
    error::SyncError,
    event::{Event, Synced, Tell},
    peer::{Ends, contradicted, ends, keep_for_all, pass_on, state},
    relay::object::{Kept, fits, part_of},
    shared::SharedVault,
};

/// What a file of exchange holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Operations of the membership log.
    pub operations: usize,
    /// Envelopes.
    pub envelopes: usize,
    /// Sealed objects.
    pub objects: usize,
}

/// Writes everything that this device may hand to the record's other devices.
///
/// # Errors
/// [`SyncError::File`]; the vault's.
pub fn export_exchange(vault: &SharedVault, record: RecordId, out: &mut dyn Write) -> Result<Exported, SyncError> {
    let mut exported = Exported::default();
    let (head, state, sections) = with(vault, record, |record| {
        let nonce = record.fresh_nonce();
        let own = record.device();
        let state = state(record, Some(own), &nonce)?;
        Ok((PeerFile { record: record.id(), nonce }, state, record.sections_for(&own)))
    })?;
    put(out, &head.encode())?;
    put(out, &Frame::PeerState(state).encode())?;
    for batch in with(vault, record, |record| Ok(batch::batches(record.ops_since(&[], None)?)))? {
        exported.operations += batch.operations.len();
        put(out, &Frame::PeerOperations(batch).encode())?;
    }
    for section in sections {
        for end in with(vault, record, |record| Ok(record.feed_ends(&section)?))? {
            let mut seq = 0;
            loop {
                let suffix = with(vault, record, |record| Ok(record.feed_after(&end.feed, seq, COALESCED_BYTES)?))?;
                if suffix.envelopes.is_empty() {
                    break;
                }
                seq = suffix.last;
                exported.envelopes += suffix.envelopes.len();
                let envelopes = suffix.envelopes;
                put(out, &Frame::PeerEnvelopes(PeerEnvelopes { section, envelopes }).encode())?;
            }
        }
    }
    for object in with(vault, record, |record| Ok(record.held_objects()?))? {
        exported.objects += 1;
        let mut start = 0;
        while let Some(part) = with(vault, record, |record| part_of(record, object, start))? {
            start = part.start.saturating_add(u64::try_from(part.bytes.len()).unwrap_or(0));
            let is_last = start >= part.total;
            put(out, &Frame::PeerObjectPart(part).encode())?;
            if is_last {
                break;
            }
        }
    }
    put(out, &Frame::PeerDone.encode())?;
    out.flush().map_err(|error| SyncError::File(error.kind()))?;
    Ok(exported)
}

/// Takes in what a file of exchange holds. What was taken before an error stays.
///
/// # Errors
/// [`SyncError::NotThisRecord`] when this vault does not have the record; [`SyncError::LaterFile`];
/// [`SyncError::File`] for a file that is cut; [`SyncError::Malformed`].
pub fn import_exchange(
    vault: &SharedVault,
    input: &mut dyn Read,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<Synced, SyncError> {
    let head = read_head(input)?;
    let mut reading = Reading::new(vault, head.record)?;
    reading.read(input, tell, &mut |_| Ok(()))?;
    if std::mem::take(&mut reading.synced.received.is_copied) {
        with(vault, head.record, |record| Ok(record.start_anew()?))?;
        tell(Event::NewIncarnation);
    }
    reading.synced.contradiction = with(vault, head.record, contradicted)?;
    if let Some(alarm) = reading.synced.contradiction {
        tell(Event::Alarm(alarm));
    }
    Ok(reading.synced)
}

/// Restores a record from its kit and a file of exchange, when no relay has it. Which devices are removed is `lost`.
///
/// # Errors
/// [`SyncError::Recovery`]; as [`import_exchange`].
pub fn restore_from_file(
    vault: &SharedVault,
    restore: &Restoration<'_>,
    input: &mut dyn Read,
    tell: &mut (dyn FnMut(Event) + Send),
) -> Result<(RecordId, Synced), SyncError> {
    let kit = Kit::from_words(restore.words)?;
    let head = read_head(input)?;
    if restore.record.is_some_and(|record| record != head.record) {
        return Err(SyncError::NotThisRecord);
    }
    let Frame::PeerState(_) = next(input)? else { return Err(SyncError::Malformed) };
    let Frame::PeerOperations(first) = next(input)? else { return Err(SyncError::Malformed) };
    let mut ops = batch::carried(&head.record, first, &[], &[]).into_iter();
    let genesis = ops.next().ok_or(SyncError::Malformed)?;
    let begun = {
        let mut vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
        vault.begin_recovery(&head.record, genesis, restore.label, None)
    };
    begun?;
    let restored = recover_from(vault, restore, &kit, head.record, &ops.collect::<Vec<_>>(), input, tell);
    if let Err(SyncError::Recovery(_)) = restored {
        let mut vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
        vault.give_up_recovery(&head.record)?;
    }
    Ok((head.record, restored?))
}

fn recover_from(
    vault: &SharedVault,
    restore: &Restoration<'_>,
    kit: &Kit,
    record: RecordId,
    first: &[CarriedOp],
    input: &mut dyn Read,
    tell: Tell<'_>,
) -> Result<Synced, SyncError> {
    let mut reading = Reading::new(vault, record)?;
    reading.synced.operations += with(vault, record, |record| {
        let added = record.receive_ops(first)?.added;
        record.open_with_kit(kit)?;
        Ok(added)
    })?;
    reading.read(input, tell, &mut |record| Ok(record.open_with_kit(kit).map(drop)?))?;
    with(vault, record, |record| Ok(record.recover(kit, restore.lost, restore.device_label)?))?;
    Ok(reading.synced)
}

/// What a restoration needs besides a place where the record is.
#[derive(Clone, Copy)]
pub struct Restoration<'r> {
    /// The 24 words of the kit.
    pub words: &'r str,
    /// The record, as the kit prints it; a file says it too.
    pub record: Option<RecordId>,
    /// The name by which the person calls the record here.
    pub label: &'r str,
    /// How this device is to be called.
    pub device_label: &'r str,
    /// Which devices are removed.
    pub lost: &'r LostDevices,
}

/// A file that is being read.
struct Reading<'v> {
    vault: &'v SharedVault,
    record: RecordId,
    synced: Synced,
    before: Ends,
    wanted: Option<BTreeSet<Wanted>>,
    download: Option<(Wanted, Download)>,
}

impl<'v> Reading<'v> {
    fn new(vault: &'v SharedVault, record: RecordId) -> Result<Self, SyncError> {
        let is_here = {
            let vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
            vault.records()?.iter().any(|known| known.id == record)
        };
        if !is_here {
            return Err(SyncError::NotThisRecord);
        }
        let before = with(vault, record, ends)?;
        Ok(Self { vault, record, synced: Synced::default(), before, wanted: None, download: None })
    }

    /// Reads the frames until the file says that it is done.
    fn read(
        &mut self,
        input: &mut dyn Read,
        tell: Tell<'_>,
        after_ops: &mut dyn FnMut(&mut Record<'_>) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        loop {
            match next(input)? {
                Frame::PeerState(_) => {}
                Frame::PeerOperations(batch) => {
                    self.synced.operations += with(self.vault, self.record, |record| {
                        let ops = batch::carried(&record.id(), batch, &record.relay_keys(), &[]);
                        let added = record.receive_ops(&ops)?.added;
                        after_ops(record)?;
                        Ok(added)
                    })?;
                }
                Frame::PeerEnvelopes(PeerEnvelopes { section, envelopes }) => {
                    let received = with(self.vault, self.record, |record| Ok(record.receive(section, &envelopes)?))?;
                    self.synced.received.absorb(received);
                }
                Frame::PeerObjectPart(part) => self.take_part(part, tell)?,
                Frame::PeerDone => break,
                _ => return Err(SyncError::Malformed),
            }
        }
        let mut rest = [0];
        match input.read(&mut rest) {
            Ok(0) => {}
            Ok(_) => return Err(SyncError::Malformed),
            Err(error) => return Err(SyncError::File(error.kind())),
        }
        self.retry()?;
        let wanted = with(self.vault, self.record, |record| Ok(record.wanted_objects()?))?;
        self.synced.objects_missing = wanted.iter().filter(|wanted| matches!(wanted, Wanted::File(_))).count();
        let before = std::mem::take(&mut self.before);
        with(self.vault, self.record, |record| pass_on(record, &before))
    }

    fn take_part(&mut self, part: ObjectPart, tell: Tell<'_>) -> Result<(), SyncError> {
        if part.start == 0 {
            self.begin(&part)?;
        }
        let Some((wanted, mut download)) = self.download.take() else { return Ok(()) };
        // What an earlier file brought of it is passed over.
        let skipped = usize::try_from(download.have().saturating_sub(part.start)).unwrap_or(usize::MAX);
        let part = ObjectPart {
            start: part.start.max(download.have()),
            bytes: part.bytes.get(skipped..).unwrap_or_default().to_vec(),
            ..part
        };
        if part.bytes.is_empty() {
            self.download = Some((wanted, download));
            return Ok(());
        }
        if !fits(&part, &download, wanted.object(), part.total) {
            return Ok(());
        }
        download.append(part.start, &part.bytes)?;
        tell(Event::ObjectReceiving { bytes: download.have(), total: part.total });
        if !download.is_complete() {
            self.download = Some((wanted, download));
            return Ok(());
        }
        match with(self.vault, self.record, |record| keep_for_all(record, wanted, download))? {
            Kept::Altered => {}
            Kept::Rejected => self.synced.snapshots_rejected += 1,
            Kept::Whole => self.synced.objects_received += 1,
        }
        if matches!(wanted, Wanted::Snapshot(_)) {
            self.retry()?;
            self.wanted = None;
        }
        Ok(())
    }

    /// The first part of an object: is it one that this device lacks?
    fn begin(&mut self, part: &ObjectPart) -> Result<(), SyncError> {
        if self.wanted.is_none() {
            self.retry()?;
            let wanted = with(self.vault, self.record, |record| Ok(record.wanted_objects()?))?;
            self.wanted = Some(wanted.into_iter().collect());
        }
        let wanted = self.wanted.iter().flatten().find(|wanted| wanted.object() == part.object).copied();
        let Some(wanted) = wanted.filter(|wanted| part.total > 0 && part.total <= wanted.bytes_max()) else {
            self.download = None;
            return Ok(());
        };
        let download = with(self.vault, self.record, |record| Ok(record.download(&part.object, part.total)?))?;
        self.download = Some((wanted, download));
        Ok(())
    }

    fn retry(&mut self) -> Result<(), SyncError> {
        let retried = with(self.vault, self.record, |record| Ok(record.retry_waiting()?))?;
        self.synced.received.absorb(retried);
        Ok(())
    }
}

fn with<T>(
    vault: &SharedVault,
    record: RecordId,
    work: impl FnOnce(&mut Record<'_>) -> Result<T, SyncError>,
) -> Result<T, SyncError> {
    let mut vault = vault.lock().unwrap_or_else(PoisonError::into_inner);
    work(&mut vault.record(&record)?)
}

fn put(out: &mut dyn Write, bytes: &[u8]) -> Result<(), SyncError> {
    out.write_all(bytes).map_err(|error| SyncError::File(error.kind()))
}

fn read_head(input: &mut dyn Read) -> Result<PeerFile, SyncError> {
    let mut head = [0; PeerFile::BYTES];
    match input.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(SyncError::NotThisRecord),
        Err(error) => return Err(SyncError::File(error.kind())),
    }
    match PeerFile::decode_first(&head) {
        Ok((head, _)) => Ok(head),
        Err(DecodeError::Unsupported { value, .. }) if value > u64::from(FRAME_VERSION) => Err(SyncError::LaterFile),
        Err(_) => Err(SyncError::NotThisRecord),
    }
}

/// The next frame of a file. Its length is bounded by its kind before anything is allocated.
fn next(input: &mut dyn Read) -> Result<Frame, SyncError> {
    let cut = |error: std::io::Error| SyncError::File(error.kind());
    let mut header = [0; FrameHeader::BYTES];
    input.read_exact(&mut header).map_err(cut)?;
    let header = FrameHeader::parse(header)?;
    let mut body = vec![0; header.body_bytes];
    input.read_exact(&mut body).map_err(cut)?;
    Ok(Frame::decode(header, &body)?)
}
