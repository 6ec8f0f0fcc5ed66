//! Carnet's own export, both ways: one ZIP archive that another program, or a person, can read without Carnet.
//!
//! ```text
//! README.txt           what this is, in French and English
//! carnet.json          the mark: format, version, when, digest of the record
//! entries.ndjson       one entry a line, sorted by id; the key of an attached file is not in it
//! files/SHA256         the bytes of each attached file
//! samples/N-KIND.ndjson  first line the series, then one sample a line
//! access-log.ndjson    the access log
//! fhir.json            the same entries as a FHIR R4 Bundle, where the caller gives one
//! ```
//!
//! Reading gives back items whose drafts carry the ids, links and removals that they had, so that exporting, wiping and
//! importing leads to an equal record. An export is clear text; whoever writes it says so. Nothing of an archive is
//! trusted: it is bounded and read in the worker like any file from outside.

mod target;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, BufReader, Read, Seek, Write},
};

use carnet_record::{
    Draft, Entry, Fact,
    batch::{Sample, Series},
    item::{DOCUMENT_CHUNK_BYTES_MAX, Item, Place, SAMPLES_PER_ITEM_MAX, Tally},
    person::{SubjectClaim, leading_sheet},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use self::target::Target;
use crate::{
    document::hex,
    intake::{
        CARNET_MARK, ContainerError, Sink,
        archive::{Archive, Member},
    },
};

/// The form of the archive. Another version is refused, not guessed at.
const FORMAT: &str = "carnet.archive/1";
/// What the form of every version begins with, before its number.
const FORMAT_PREFIX: &str = "carnet.archive/";
/// The version that is read and written.
const FORMAT_VERSION: u32 = 1;
/// Longest line of a member, in bytes.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Longest mark, in bytes.
const MARK_BYTES_MAX: u64 = 64 << 10;
const ENTRIES: &str = "entries.ndjson";
const FILES: &str = "files/";
const SAMPLES: &str = "samples/";

/// What the mark of an archive says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The form of the archive.
    pub format: String,
    /// When it was written (RFC 3339).
    pub exported_at: String,
    /// The digest of the canonical export, in hexadecimal, for a full one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The one member of a mark that every version has.
#[derive(Deserialize)]
struct Form {
    format: String,
}

impl Form {
    /// Whether a later version of Carnet wrote it.
    fn is_later(&self) -> bool {
        let version = self.format.strip_prefix(FORMAT_PREFIX).and_then(|version| version.parse::<u32>().ok());
        version.is_some_and(|version| version > FORMAT_VERSION)
    }
}

/// An archive in the making. Items are handed over in the order of the export; entries are kept until the end, because
/// a ZIP is written one member at a time.
pub struct ArchiveWriter<W: Write + Seek> {
    zip: ZipWriter<Target<W>>,
    entries: BTreeMap<String, Vec<u8>>,
    open: Open,
    samples: u32,
    files: BTreeSet<String>,
}

/// The member that is being written.
enum Open {
    File { is_new: bool },
    None,
    Samples(Series),
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// An archive that is written to `to`.
    pub fn new(to: W) -> Self {
        let zip = ZipWriter::new(Target::new(to));
        Self { zip, entries: BTreeMap::new(), open: Open::None, samples: 0, files: BTreeSet::new() }
    }

    /// Takes the next item of the export.
    ///
    /// # Errors
    /// The writer's; [`io::ErrorKind::InvalidData`] for items out of order.
    pub fn take(&mut self, item: Item) -> io::Result<()> {
        match item {
            Item::Draft(draft) => self.keep(&draft),
            Item::DocumentStart { draft } => {
                let Fact::Document(document) = &draft.fact else { return Err(out_of_order()) };
                let sha256 = document.sha256.clone().ok_or_else(out_of_order)?;
                let is_new = self.files.insert(sha256.clone());
                if is_new {
                    self.start(&format!("{FILES}{sha256}"))?;
                }
                self.open = Open::File { is_new };
                self.keep(&draft)
            }
            Item::DocumentBytes(bytes) => match self.open {
                Open::File { is_new: true } => self.zip.write_all(&bytes),
                Open::File { is_new: false } => Ok(()),
                _ => Err(out_of_order()),
            },
            Item::DocumentEnd { .. } => {
                self.open = Open::None;
                Ok(())
            }
            Item::Samples { series, samples } => self.keep_samples(series, &samples),
            Item::Subject(_) | Item::Tally(_) => Ok(()),
        }
    }

    fn keep(&mut self, draft: &Draft) -> io::Result<()> {
        let entry = draft.entry().ok_or_else(out_of_order)?;
        self.entries.insert(entry.id.to_string(), line(&entry)?);
        Ok(())
    }

    fn keep_samples(&mut self, series: Series, samples: &[Sample]) -> io::Result<()> {
        let is_same = matches!(&self.open, Open::Samples(open) if *open == series);
        if !is_same {
            let name: String = series
                .kind
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
                .take(60)
                .collect();
            self.start(&format!("{SAMPLES}{:04}-{name}.ndjson", self.samples))?;
            self.samples = self.samples.saturating_add(1);
            self.zip.write_all(&line(&series)?)?;
            self.open = Open::Samples(series);
        }
        samples.iter().try_for_each(|sample| self.zip.write_all(&line(sample)?))
    }

    /// Writes what was kept, the access log, the FHIR Bundle if there is one, the README and the mark.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish<L: Serialize>(mut self, mark: &Mark, access_log: &[L], fhir: Option<&[u8]>) -> io::Result<W> {
        self.start(ENTRIES)?;
        for line in self.entries.values() {
            self.zip.write_all(line)?;
        }
        self.start("access-log.ndjson")?;
        access_log.iter().try_for_each(|one| self.zip.write_all(&line(one)?))?;
        if let Some(fhir) = fhir {
            self.start("fhir.json")?;
            self.zip.write_all(fhir)?;
        }
        self.start("README.txt")?;
        self.zip.write_all(README.as_bytes())?;
        self.start(CARNET_MARK)?;
        self.zip.write_all(&line(mark)?)?;
        self.zip.finish().map_err(io::Error::from)?.into_whole()
    }

    fn start(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.zip.start_file(name, options).map_err(io::Error::from)
    }
}

impl Mark {
    /// The mark of an archive written at this time.
    pub fn new(exported_at: String, digest: Option<String>) -> Self {
        Self { format: FORMAT.to_owned(), exported_at, digest }
    }
}

/// Reads an archive that has the mark.
///
/// # Errors
/// [`ContainerError`]: an archive of our own is taken in whole or not at all, so a line that does not read, or a file
/// whose bytes do not have the hash that names them, refuses it.
pub(crate) fn read<R: Read + Seek>(archive: &mut Archive<R>, out: &mut Sink<'_>) -> Result<Tally, ContainerError> {
    let members: Vec<(usize, String)> =
        archive.members().iter().map(|Member { index, name, .. }| (*index, name.clone())).collect();
    let find = |name: &str| members.iter().find(|(_, other)| other == name).map(|(index, _)| *index);
    let mark = find(CARNET_MARK).ok_or(ContainerError::CarnetArchive)?;
    let mut text = Vec::new();
    archive.member(mark)?.take(MARK_BYTES_MAX).read_to_end(&mut text)?;
    let form: Form = serde_json::from_slice(&text).map_err(|_| ContainerError::CarnetArchive)?;
    if form.is_later() {
        return Err(ContainerError::LaterArchive);
    }
    let mark: Mark = serde_json::from_slice(&text).map_err(|_| ContainerError::CarnetArchive)?;
    if mark.format != FORMAT {
        return Err(ContainerError::CarnetArchive);
    }
    let mut tally = Tally { stated_digest: mark.digest, ..Tally::default() };
    let entries = find(ENTRIES).ok_or(ContainerError::CarnetArchive)?;
    let mut drafts = Vec::new();
    each_line(archive, entries, |line| {
        let entry: Entry = serde_json::from_slice(line).map_err(|_| ContainerError::Json)?;
        drafts.push(Draft::from(entry));
        Ok(())
    })?;
    if let Some(claim) = subject(&drafts) {
        out(Item::Subject(Box::new(claim)))?;
    }
    for draft in drafts {
        tally.read(draft.fact.kind(), 1);
        if let Some(when) = draft.fact.when() {
            tally.see(when.sort_millis(), None);
        }
        let file = match &draft.fact {
            Fact::Document(document) => document.sha256.as_deref().and_then(|sha256| find(&format!("{FILES}{sha256}"))),
            _ => None,
        };
        if let Some(file) = file {
            read_file(archive, file, draft, out)?;
            continue;
        }
        if matches!(&draft.fact, Fact::Document(document) if document.sha256.is_some()) {
            tally.warn("document", "file-not-in-the-export", Place::at(ENTRIES));
        }
        out(Item::Draft(Box::new(draft)))?;
    }
    for (index, _) in members.iter().filter(|(_, name)| name.starts_with(SAMPLES)) {
        read_samples(archive, *index, &mut tally, out)?;
    }
    if tally.read.is_empty() {
        tally.warn("file", "empty-export", Place::at(ENTRIES));
    }
    Ok(tally)
}

/// The person of the record that was exported, by the sheet that its own vault goes by: the last in the order of lists
/// that was not removed. An archive is compared with the record that it comes into as any other file is.
fn subject(drafts: &[Draft]) -> Option<SubjectClaim> {
    let live = drafts.iter().filter_map(|draft| {
        let restored = draft.restored.as_ref().filter(|restored| restored.removed.is_none())?;
        Some((restored.id, &draft.fact))
    });
    leading_sheet(live).map(|(_, identity)| SubjectClaim::from_identity(identity.clone()))
}

fn read_file<R: Read + Seek>(
    archive: &mut Archive<R>,
    index: usize,
    draft: Draft,
    out: &mut Sink<'_>,
) -> Result<(), ContainerError> {
    let expected = match &draft.fact {
        Fact::Document(document) => document.sha256.clone().unwrap_or_default(),
        _ => String::new(),
    };
    out(Item::DocumentStart { draft: Box::new(draft) })?;
    let mut member = archive.member(index)?;
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    let mut buffer = vec![0; DOCUMENT_CHUNK_BYTES_MAX];
    loop {
        let read = member.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        size = size.saturating_add(u64::try_from(read).unwrap_or(0));
        out(Item::DocumentBytes(part.to_vec()))?;
    }
    let sha256: [u8; 32] = hasher.finalize().into();
    if hex(&sha256) != expected {
        return Err(ContainerError::CarnetArchive);
    }
    Ok(out(Item::DocumentEnd { sha256, size })?)
}

fn read_samples<R: Read + Seek>(
    archive: &mut Archive<R>,
    index: usize,
    tally: &mut Tally,
    out: &mut Sink<'_>,
) -> Result<(), ContainerError> {
    let mut series: Option<Series> = None;
    let mut samples: Vec<Sample> = Vec::new();
    let mut count = 0_u64;
    let hand_on = |series: &Series, samples: &mut Vec<Sample>, out: &mut Sink<'_>| {
        out(Item::Samples { series: series.clone(), samples: std::mem::take(samples) })
    };
    each_line(archive, index, |line| {
        let Some(series) = &series else {
            series = Some(serde_json::from_slice(line).map_err(|_| ContainerError::Json)?);
            return Ok(());
        };
        let sample: Sample = serde_json::from_slice(line).map_err(|_| ContainerError::Json)?;
        tally.see(sample.start_ms, None);
        samples.push(sample);
        count = count.saturating_add(1);
        if samples.len() == SAMPLES_PER_ITEM_MAX {
            hand_on(series, &mut samples, out)?;
        }
        Ok(())
    })?;
    if let Some(series) = series {
        tally.read(&series.kind, count);
        if !samples.is_empty() {
            hand_on(&series, &mut samples, out)?;
        }
    }
    Ok(())
}

fn each_line<R: Read + Seek>(
    archive: &mut Archive<R>,
    index: usize,
    mut take: impl FnMut(&[u8]) -> Result<(), ContainerError>,
) -> Result<(), ContainerError> {
    let mut reader = BufReader::new(archive.member(index)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            return Err(ContainerError::Json);
        }
        take(&line)?;
    }
}

fn line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

fn out_of_order() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

const README: &str = "\
CARNET - EXPORT COMPLET / FULL EXPORT\n\
\n\
Cette archive contient un carnet de santé personnel, EN CLAIR. Gardez-la en lieu sûr.\n\
  entries.ndjson     une entrée par ligne (JSON) : mesures, traitements, documents...\n\
  files/             les documents ; le nom est l'empreinte SHA-256 du contenu\n\
  samples/           les mesures denses : la série, puis une mesure par ligne\n\
  fhir.json          les mêmes entrées au format FHIR R4, quand il est présent\n\
  access-log.ndjson  le journal d'accès\n\
Pour la relire : carnet import ARCHIVE.zip\n\
\n\
This archive holds a personal health record, IN CLEAR. Keep it somewhere safe.\n\
  entries.ndjson     one entry a line (JSON): measures, treatments, documents...\n\
  files/             the documents; each name is the SHA-256 of the content\n\
  samples/           dense measures: the series, then one sample a line\n\
  fhir.json          the same entries as FHIR R4, where it is present\n\
  access-log.ndjson  the access log\n\
To read it back: carnet import ARCHIVE.zip\n";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use carnet_record::{
        Decimal, EntryId, Instant, Provenance, Removal,
        batch::Source,
        kind::{Allergy, Document, Identity},
    };

    use super::*;

    const PDF: &[u8] = b"%PDF-1.4 content";

    fn archive() -> Vec<u8> {
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()));
        let allergy = Allergy { name: Some("pollen".to_owned()), ..Allergy::default() };
        let entry = Entry::new(EntryId([1; 16]), Fact::from(allergy), Provenance::default());
        writer.take(Item::Draft(Box::new(Draft::from(entry)))).unwrap();
        let sha256: [u8; 32] = Sha256::digest(PDF).into();
        let hex = hex(&sha256);
        for id in [2, 3] {
            let document = Document { sha256: Some(hex.clone()), size: Some(16), ..Document::default() };
            let entry = Entry::new(EntryId([id; 16]), Fact::from(document), Provenance::default());
            writer.take(Item::DocumentStart { draft: Box::new(Draft::from(entry)) }).unwrap();
            writer.take(Item::DocumentBytes(PDF.to_vec())).unwrap();
            writer.take(Item::DocumentEnd { sha256, size: 16 }).unwrap();
        }
        let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
        let samples = (0..9_000).map(|n| Sample::at(n * 1_000, Decimal::from_i32(60))).collect::<Vec<_>>();
        for samples in samples.chunks(SAMPLES_PER_ITEM_MAX) {
            writer.take(Item::Samples { series: series.clone(), samples: samples.to_vec() }).unwrap();
        }
        let mark = Mark::new("2026-11-22T10:00:00Z".to_owned(), None);
        writer.finish::<u8>(&mark, &[], None).unwrap().into_inner()
    }

    fn read_back(bytes: &[u8]) -> Result<(Vec<Item>, Tally), ContainerError> {
        let mut archive = Archive::open(Cursor::new(bytes))?;
        let mut items = Vec::new();
        let tally = read(&mut archive, &mut |item| {
            items.push(item);
            Ok(())
        })?;
        Ok((items, tally))
    }

    #[test]
    fn what_was_exported_comes_back_as_it_was() {
        let (items, tally) = read_back(&archive()).unwrap();
        assert_eq!((tally.read["allergy"], tally.read["document"], tally.read["heart-rate"]), (1, 2, 9_000));
        let Item::Draft(draft) = &items[0] else { panic!("an entry comes first") };
        assert_eq!(draft.restored.as_ref().unwrap().id, EntryId([1; 16]));
        let files = items.iter().filter(|item| matches!(item, Item::DocumentBytes(bytes) if bytes == PDF)).count();
        assert_eq!(files, 2, "one stored file serves both documents");
        let samples: usize =
            items.iter().map(|item| if let Item::Samples { samples, .. } = item { samples.len() } else { 0 }).sum();
        assert_eq!(samples, 9_000);
    }

    #[test]
    fn fault_g10_an_archive_says_whom_it_is_about_by_the_last_sheet_that_was_not_removed() {
        let sheet = |id: u8, birth: &str, is_removed: bool| {
            let identity = Identity { birth_date: Some(birth.parse().unwrap()), ..Identity::default() };
            let mut entry = Entry::new(EntryId([id; 16]), Fact::from(identity), Provenance::default());
            entry.removed = is_removed.then(|| Removal { at: Instant::at_most(1_790_000_000_000), by: String::new() });
            Item::Draft(Box::new(Draft::from(entry)))
        };
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()));
        for item in [sheet(1, "1990-05-01", false), sheet(2, "1984-02-29", false), sheet(3, "1999-01-01", true)] {
            writer.take(item).unwrap();
        }
        let mark = Mark::new("2026-11-22T10:00:00Z".to_owned(), None);
        let (items, _) = read_back(&writer.finish::<u8>(&mark, &[], None).unwrap().into_inner()).unwrap();
        let Item::Subject(claim) = &items[0] else { panic!("the person comes first, before any fact") };
        assert_eq!(claim.birth_date, Some("1990-05-01".parse().unwrap()));
        assert_eq!(items.iter().filter(|item| matches!(item, Item::Subject(_))).count(), 1);
        let (nobody, _) = read_back(&archive()).unwrap();
        assert!(!nobody.iter().any(|item| matches!(item, Item::Subject(_))));
    }

    #[test]
    fn an_archive_that_was_cut_or_altered_is_refused_whole() {
        let whole = archive();
        for end in (0..whole.len()).step_by(whole.len() / 10) {
            assert!(read_back(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_file_whose_bytes_do_not_have_the_hash_that_names_them_is_refused() {
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()));
        let document = Document { sha256: Some("ab".repeat(32)), ..Document::default() };
        let entry = Entry::new(EntryId([2; 16]), Fact::from(document), Provenance::default());
        writer.take(Item::DocumentStart { draft: Box::new(Draft::from(entry)) }).unwrap();
        writer.take(Item::DocumentBytes(PDF.to_vec())).unwrap();
        writer.take(Item::DocumentEnd { sha256: [0xab; 32], size: 16 }).unwrap();
        let mark = Mark::new("2026-11-22T10:00:00Z".to_owned(), None);
        let lying = writer.finish::<u8>(&mark, &[], None).unwrap().into_inner();
        assert_eq!(read_back(&lying).err(), Some(ContainerError::CarnetArchive));
    }
}
