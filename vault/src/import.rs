//! Taking in what an intake streams out: staged, then visible all at once.
//!
//! While a file is read, everything is put aside in the store in steps that are cheap and durable. Nothing of it is
//! seen before [`Import::finish`], which publishes it, removes the staging and adds the report in **one** step. An
//! import that is cut, by Ctrl-C or a power failure, goes on where it was: the same file gives the same items, and those
//! already staged are passed over. Importing a file twice adds nothing the second time.

mod publish;
mod staged;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map},
    io,
};

use carnet_crypto::{digest, id::ObjectId};
use carnet_record::{
    Draft, EntryId, Fact, ZoneHistory,
    batch::{Columns, Sample, Series},
    item::{Item, Tally},
    kind::document::Attachment,
    person::SubjectClaim,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::{publish::Publishing, staged::Staged};
use crate::{
    blob::Sealed,
    documents::named_file,
    entries::{entry_of, id_in},
    ledger::LedgerKind,
    measures,
    record::{Record, RecordError},
    row,
    store::{Durability, StoreError},
    tables::{IMPORT, Key, STAGING},
};

/// Why an import stopped. Nothing of it is visible; what was staged stays for a later try unless said otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// What the intake sent does not follow the order of items.
    #[error("the intake sent its items out of order")]
    Intake,
    /// A file's bytes do not have the hash that the intake announced.
    #[error("the bytes of a document changed on the way")]
    Changed,
    /// The record or its store failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl ImportError {
    /// Whose move it is.
    pub fn fault(&self) -> carnet_crypto::fault::Fault {
        match self {
            Self::Intake => carnet_crypto::fault::Fault::Ours,
            Self::Changed => carnet_crypto::fault::Fault::Input,
            Self::Record(error) => error.fault(),
        }
    }
}

/// What is known of a file before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSource {
    /// SHA-256 of the whole file.
    pub sha256: [u8; 32],
    /// Name and version of the importer: another version reads the file anew.
    pub importer: String,
}

/// What became of the rows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New in the record.
    pub added: u64,
    /// Known already, and the same.
    pub already_there: u64,
    /// Repeats inside the file, or known already and now with more fields or one more source.
    pub merged: u64,
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// By kind.
    pub by_kind: BTreeMap<String, Counts>,
    /// What the intake met.
    pub tally: Tally,
}

/// An import under way.
pub struct Import<'r, 'v> {
    record: &'r mut Record<'v>,
    key: Key,
    state: ImportRow,
    /// Items still to pass over: they were staged before an interruption.
    passing: u64,
    rows: Vec<Vec<u8>>,
    /// Files that these rows name.
    sealed: Vec<Sealed>,
    /// Bytes of both in memory.
    step_bytes: usize,
    subject: Option<SubjectClaim>,
    tally: Option<Tally>,
    /// The files that the record has here, by the hash of their bytes; read when the first document comes.
    files: Option<HashMap<String, Attachment>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ImportRow {
    /// Items staged.
    items: u64,
    /// Rows staged.
    rows: u64,
    /// Their bytes.
    #[serde(default)]
    bytes: u64,
    /// Samples that repeat others of the same item, by kind.
    #[serde(default)]
    repeated: BTreeMap<String, usize>,
}

impl<'v> Record<'v> {
    /// Begins an import, or goes on with one of the same file that was interrupted.
    ///
    /// # Errors
    /// The store's.
    pub fn begin_import<'r>(&'r mut self, source: &ImportSource) -> Result<Import<'r, 'v>, ImportError> {
        let name = digest::hash16("import", &[&source.sha256, source.importer.as_bytes()]);
        let key = Key::of(&self.live.id).bytes(&name);
        let state: ImportRow = match self.store.read()?.get(IMPORT, &key)? {
            Some(row) => row::read(&row)?,
            None => ImportRow::default(),
        };
        Ok(Import {
            record: self,
            key,
            passing: state.items,
            state,
            rows: Vec::new(),
            sealed: Vec::new(),
            step_bytes: 0,
            subject: None,
            tally: None,
            files: None,
        })
    }

    /// The person's zones: where days begin and end.
    ///
    /// # Errors
    /// The store's.
    pub fn zones(&self) -> Result<ZoneHistory, RecordError> {
        match self.setting(ZONES_SETTING)? {
            // Any device of the record may write any value here: what is no zone leaves the default.
            Some(zones) => Ok(serde_json::from_value(zones).unwrap_or_else(|_| default_zone())),
            None => Ok(default_zone()),
        }
    }

    /// Says in which zones the person lives, to all devices of the record: days are counted in them.
    ///
    /// # Errors
    /// The store's.
    pub fn set_zones(&mut self, zones: &ZoneHistory) -> Result<(), RecordError> {
        let zones = serde_json::to_value(zones).map_err(|_| RecordError::Ours("zones are no JSON"))?;
        self.set_setting(ZONES_SETTING, zones)
    }
}

impl Import<'_, '_> {
    /// How many items were staged before an interruption; 0 for a new import.
    pub fn resumed_items(&self) -> u64 {
        self.passing
    }

    /// The person that the file says it is about, once it was met.
    pub fn subject(&self) -> Option<&SubjectClaim> {
        self.subject.as_ref()
    }

    /// Takes in everything that `next` gives, until it gives nothing more.
    ///
    /// # Errors
    /// What `next` answers, or [`ImportError`]; after one, drop the import: what was staged before stays.
    pub fn read<E: From<ImportError>>(&mut self, mut next: impl FnMut() -> Result<Option<Item>, E>) -> Result<(), E> {
        while let Some(item) = next()? {
            match item {
                Item::Subject(claim) => self.subject = Some(*claim),
                Item::Tally(tally) => self.tally = Some(*tally),
                Item::Draft(draft) => self.take_draft(draft)?,
                Item::Samples { series, samples } => self.take_samples(&series, samples)?,
                Item::DocumentStart { draft } => self.take_document(draft, &mut next)?,
                Item::DocumentBytes(_) | Item::DocumentEnd { .. } => return Err(ImportError::Intake.into()),
            }
        }
        Ok(())
    }

    fn take_draft(&mut self, draft: Box<Draft>) -> Result<(), ImportError> {
        if self.pass() {
            return Ok(());
        }
        self.stage(&Staged::Draft(draft));
        self.settle()
    }

    fn take_samples(&mut self, series: &Series, samples: Vec<Sample>) -> Result<(), ImportError> {
        if self.pass() {
            return Ok(());
        }
        let cut = Columns::cut(series, samples);
        for columns in cut.columns {
            self.stage(&Staged::Batch(measures::encode(&columns)));
        }
        self.state
            .repeated
            .entry(series.kind.clone())
            .and_modify(|count| *count += cut.repeated)
            .or_insert(cut.repeated);
        self.settle()
    }

    fn take_document<E: From<ImportError>>(
        &mut self,
        mut draft: Box<Draft>,
        next: &mut impl FnMut() -> Result<Option<Item>, E>,
    ) -> Result<(), E> {
        let is_passed = self.pass();
        let hasher = Sha256::new();
        let mut bytes = DocumentBytes { next, part: Vec::new(), at: 0, hasher, size: 0, end: None, failed: None };
        if !is_passed && self.files.is_none() {
            self.note_start()?;
        }
        let attached = if is_passed {
            io::copy(&mut bytes, &mut io::sink()).map(|_| None).map_err(|_| ImportError::Intake)
        } else {
            self.record.attach(&mut bytes).map(Some).map_err(ImportError::from)
        };
        if let Some(error) = bytes.failed {
            return Err(error);
        }
        // A full disk stops the reading: it is told before the end that was not reached.
        let attached = attached?;
        let (sha256, size) = bytes.end.ok_or(ImportError::Intake)?;
        // What the intake says of the bytes is not believed: by this hash another document's file may stand for them.
        if bytes.size != size || <[u8; 32]>::from(bytes.hasher.finalize()) != sha256 {
            return Err(ImportError::Changed.into());
        }
        let Some(attached) = attached else { return Ok(()) };
        let Fact::Document(document) = &mut draft.fact else { return Err(ImportError::Intake.into()) };
        document.sha256 = Some(hex(&sha256));
        document.size = Some(size);
        document.attachment = Some(self.known_file(&sha256, attached)?);
        self.stage(&Staged::Draft(draft));
        Ok(self.settle()?)
    }

    /// The file with these bytes that the record has already, else the one that was just sealed: the same bytes are
    /// kept once, and what was sealed in vain is swept when the import ends.
    fn known_file(&mut self, sha256: &[u8; 32], new: (Attachment, Sealed)) -> Result<Attachment, ImportError> {
        let files = match self.files.take() {
            Some(files) => files,
            None => self.record.files_by_hash()?,
        };
        Ok(match self.files.insert(files).entry(hex(sha256)) {
            hash_map::Entry::Occupied(known) => known.get().clone(),
            hash_map::Entry::Vacant(place) => {
                let (attachment, sealed) = new;
                self.step_bytes += sealed.memory_bytes();
                self.sealed.push(sealed);
                place.insert(attachment).clone()
            }
        })
    }

    /// Notes that there is an import, before the first file is sealed: should it be cut, the next opening sweeps.
    fn note_start(&self) -> Result<(), ImportError> {
        let mut writer = self.record.store.write(Durability::Step)?;
        if writer.get(IMPORT, &self.key)?.is_some() {
            return Ok(());
        }
        writer.put(IMPORT, &self.key, &row::write(&ImportRow::default()))?;
        Ok(writer.commit()?)
    }

    /// Whether the item was staged before an interruption.
    fn pass(&mut self) -> bool {
        let is_passed = self.passing > 0;
        if is_passed {
            self.passing -= 1;
        } else {
            self.state.items += 1;
        }
        is_passed
    }

    fn stage(&mut self, staged: &Staged) {
        let row = staged.write();
        self.step_bytes += row.len();
        self.state.bytes += u64::try_from(row.len()).unwrap_or(u64::MAX);
        self.rows.push(row);
    }

    /// Makes what was staged durable once there is enough of it. Called between items only.
    fn settle(&mut self) -> Result<(), ImportError> {
        if self.rows.len() < STEP_ROWS && self.step_bytes < STEP_BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let mut writer = self.record.store.write(Durability::Step)?;
        for row in self.rows.drain(..) {
            writer.put(STAGING, &self.key.clone().number(self.state.rows), &row)?;
            self.state.rows += 1;
        }
        for sealed in self.sealed.drain(..) {
            self.record.blobs.keep(&mut writer, &sealed)?;
        }
        writer.put(IMPORT, &self.key, &row::write(&self.state))?;
        writer.commit()?;
        self.step_bytes = 0;
        Ok(())
    }

    /// Publishes everything and adds the report, in one step. `report` turns the outcome into the report's entry.
    ///
    /// # Errors
    /// [`ImportError`], or what `report` answers; then nothing is visible and the staging stays.
    pub fn finish<E: From<ImportError>>(
        mut self,
        report: impl FnOnce(&Outcome) -> Result<Option<Draft>, E>,
    ) -> Result<Outcome, E> {
        if self.passing > 0 {
            return Err(ImportError::Intake.into());
        }
        self.flush()?;
        let tally = self.tally.take().unwrap_or_default();
        let (key, record, repeated) = (self.key, self.record, self.state.repeated);
        let staged_bytes = self.state.bytes;
        let mut refused = None;
        let published = record.commit(|record, writer| {
            let mut publishing = Publishing { record, by_kind: BTreeMap::new(), files: BTreeSet::new() };
            publishing.drafts(writer, &key)?;
            publishing.samples(writer, &key)?;
            for (kind, repeated) in repeated {
                publishing.count(&kind).merged += u64::try_from(repeated).unwrap_or(0);
            }
            let files = publishing.files;
            let outcome = Outcome { by_kind: publishing.by_kind, tally };
            let draft = report(&outcome).map_err(|error| {
                refused = Some(error);
                RecordError::Ours("the report of an import does not hold")
            })?;
            if let Some(draft) = draft {
                let id = id_in(&draft).unwrap_or_else(|| EntryId(record.door.bytes()));
                let entry = entry_of(id, &draft);
                let before = record.row_in(writer, &entry.id)?.map(|(row, _)| row);
                let writes = record.writes_for(&[(&entry, before)])?;
                record.write_entries(writer, &writes)?;
            }
            let added: u64 = outcome.by_kind.values().map(|counts| counts.added).sum();
            let detail = BTreeMap::from([("added".to_owned(), added.to_string())]);
            record.write_line(writer, LedgerKind::Import, detail)?;
            writer.remove_prefix(STAGING, &key)?;
            writer.remove(IMPORT, &key)?;
            record.let_go(writer, files)?;
            Ok(outcome)
        });
        let outcome = published.map_err(|error| refused.take().unwrap_or_else(|| ImportError::from(error).into()))?;
        record.live.slack_bytes += staged_bytes;
        if self.files.is_some() {
            record.sweep_files().map_err(ImportError::from)?;
        }
        Ok(outcome)
    }

    /// Forgets what was staged, with the attached files that nothing else names.
    ///
    /// # Errors
    /// The store's.
    pub fn abandon(self) -> Result<(), ImportError> {
        let mut writer = self.record.store.write(Durability::Acknowledged)?;
        let mut files = BTreeSet::new();
        for row in writer.prefix(STAGING, &self.key)? {
            files.extend(staged_file(&row?.1)?);
        }
        writer.remove_prefix(STAGING, &self.key)?;
        writer.remove(IMPORT, &self.key)?;
        self.record.let_go(&mut writer, files)?;
        writer.commit()?;
        self.record.live.slack_bytes += self.state.bytes;
        Ok(self.record.sweep_files()?)
    }
}

/// The bytes of one document, pulled from the stream of items.
struct DocumentBytes<'n, N, E> {
    next: &'n mut N,
    part: Vec<u8>,
    at: usize,
    hasher: Sha256,
    size: u64,
    end: Option<([u8; 32], u64)>,
    failed: Option<E>,
}

impl<N: FnMut() -> Result<Option<Item>, E>, E> io::Read for DocumentBytes<'_, N, E> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() && self.end.is_none() {
            match (self.next)() {
                Ok(Some(Item::DocumentBytes(part))) => {
                    self.hasher.update(&part);
                    self.size = self.size.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
                    (self.part, self.at) = (part, 0);
                }
                Ok(Some(Item::DocumentEnd { sha256, size })) => self.end = Some((sha256, size)),
                Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
                Err(error) => {
                    self.failed = Some(error);
                    return Err(io::ErrorKind::Other.into());
                }
            }
        }
        let rest = self.part.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(out.len());
        for (to, from) in out.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += taken;
        Ok(taken)
    }
}

fn default_zone() -> ZoneHistory {
    ZoneHistory::single(DEFAULT_ZONE).unwrap_or_else(|_| ZoneHistory::utc())
}

/// The sealed file that a staged row names.
pub(crate) fn staged_file(row: &[u8]) -> Result<Option<ObjectId>, StoreError> {
    Ok(match Staged::read(row)? {
        Staged::Draft(draft) => named_file(&draft.fact.to_fields()),
        Staged::Batch(_) => None,
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Rows after which the staging is made durable.
const STEP_ROWS: usize = 512;
/// Bytes after which the staging is made durable.
const STEP_BYTES: usize = 4 << 20;
/// The setting that holds the person's zones.
const ZONES_SETTING: &str = "zones";
/// The zone of a record that names none.
const DEFAULT_ZONE: &str = "Europe/Paris";
