//! `import`: takes in files from outside, and says what became of every row.

use std::path::{Path, PathBuf};

use carnet_interop::{
    intake::{IMPORTER, WHOLE_FILE, worker::Worker},
    report::{Kept, Summary, complete},
};
use carnet_record::{
    Draft, Fact, Provenance, ZoneHistory,
    item::Item,
    kind::{ImportReport, import_report::ImportedFile},
    person::{SubjectClaim, SubjectMatch, leading_sheet},
};
use carnet_vault::{
    Record,
    entries::Filter,
    export::ArchiveDigest,
    import::{Counts, ImportSource, Outcome},
};
use serde_json::{Value, json};

use super::{files, intake, record::checked_name};
use crate::{
    error::Failure,
    i18n::Message,
    msg,
    session::Session,
    ui::{Block, Progress, Report},
    words,
};

/// Most files that one command takes in.
const FILES_MAX: usize = 10_000;
/// The format of an export of Carnet itself, as the import names it.
const OWN_FORMAT: &str = "carnet";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "FILE", required = true)]
    file: Vec<PathBuf>,
    #[arg(long, value_name = "KIND", default_value = "auto")]
    kind: Kind,
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[arg(long)]
    with_positions: bool,
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[arg(long)]
    accept_other_person: bool,
}

/// What the files are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    AppleHealth,
    Auto,
    Carnet,
    Cda,
    Fhir,
    Xdm,
}

impl Kind {
    /// Whether a file that was recognised as `format` is of this kind.
    fn is_kind_of(self, format: &str) -> bool {
        match self {
            Self::AppleHealth => format.starts_with("apple-health"),
            Self::Auto => true,
            Self::Carnet => format == OWN_FORMAT,
            Self::Cda => format.starts_with("cda"),
            Self::Fhir => format.starts_with("fhir"),
            Self::Xdm => format == "xdm",
        }
    }
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let paths = files_of(&options.file)?;
    let source = options.source.as_deref().map(checked_name).transpose()?;
    if let Some(path) = options.report.as_ref().filter(|path| path.exists()) {
        return Err(Failure::FileExists { path: path.display().to_string() });
    }
    session.with_record(|record| {
        let zones = zones(options, record)?;
        let mut summaries = Vec::new();
        let mut reports = Vec::new();
        let mut warnings = Vec::new();
        let mut failed = Vec::new();
        for path in &paths {
            match (Intake { path, options, source: source.as_deref(), zones: &zones, session }).take(record) {
                Ok(one) => {
                    for warning in one.warnings {
                        if !warnings.contains(&warning) {
                            warnings.push(warning);
                        }
                    }
                    summaries.push((Summary::of(&one.report, &path.display().to_string()), one.digest));
                    reports.push(one.report);
                }
                // One file among several that cannot be taken in does not hold up the others.
                Err(failure) if paths.len() > 1 && is_of_the_file(&failure) => failed.push(failure),
                Err(failure) => return Err(failure),
            }
        }
        if let Some(path) = &options.report {
            let text = serde_json::to_vec_pretty(&reports).map_err(|_| Failure::WorkerFailed)?;
            files::write_own(path, &text)?;
        }
        Ok(told(&summaries, warnings, &failed, session, options.dry_run))
    })
}

/// Whether a failure is about the file alone, and not about the vault.
fn is_of_the_file(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::ArchiveVersion { .. }
            | Failure::CarnetArchive { .. }
            | Failure::FileRefused { .. }
            | Failure::FileTooHeavy { .. }
            | Failure::FileUnreadable { .. }
            | Failure::FormatUnknown { .. }
            | Failure::NotAFile { .. }
            | Failure::NotOfKind { .. }
            | Failure::NothingToImport { .. }
            | Failure::OtherPerson { .. }
            | Failure::TooLarge { .. }
    )
}

/// The files that are named, and those in the folders that are named, in the order of their names.
fn files_of(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in named {
        if path.is_dir() {
            walk(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
        if found.len() > FILES_MAX {
            return Err(Failure::TooManyFiles { max: FILES_MAX });
        }
    }
    if found.is_empty() {
        let path = named.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Failure::NothingToImport { path });
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: &std::io::Error| Failure::unreadable(folder, error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(&error))? {
        entries.push(entry.map_err(|error| unreadable(&error))?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // Links are not followed: a folder may not lead out of itself.
        let kind = entry.file_type().map_err(|error| unreadable(&error))?;
        if kind.is_dir() {
            walk(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
        if found.len() > FILES_MAX {
            break;
        }
    }
    Ok(())
}

fn zones(options: &Options, record: &Record<'_>) -> Result<ZoneHistory, Failure> {
    match &options.zone {
        Some(name) => ZoneHistory::single(name).map_err(|_| Failure::BadZone),
        None => Ok(record.zones()?),
    }
}

/// One file on its way in.
struct Intake<'a> {
    path: &'a Path,
    options: &'a Options,
    source: Option<&'a str>,
    zones: &'a ZoneHistory,
    session: &'a Session<'a>,
}

/// What became of one file.
struct Taken {
    report: ImportReport,
    warnings: Vec<Message>,
    digest: Option<StatedDigest>,
}

/// What an archive of our own says of its content, against what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatedDigest {
    /// It holds something else than what it was when it was written.
    Differs,
    /// It says nothing: the export of a part.
    None,
    /// It holds what it says.
    Same,
}

impl StatedDigest {
    /// For a file of this format, if it is an archive of our own.
    fn of(format: &str, stated: Option<&str>, found: ArchiveDigest) -> Option<Self> {
        let judged = match stated {
            None => Self::None,
            Some(stated) if stated == intake::hex(&found.finish()) => Self::Same,
            Some(_) => Self::Differs,
        };
        (format == OWN_FORMAT).then_some(judged)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::None => "none",
            Self::Same => "same",
        }
    }
}

impl Intake<'_> {
    fn take(&self, record: &mut Record<'_>) -> Result<Taken, Failure> {
        let file = intake::open(self.path)?;
        let size = file.metadata().map_or(0, |about| about.len());
        let sha256 = intake::digest(&file, self.path)?;
        let source = ImportedFile {
            name: self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            size,
            sha256: intake::hex(&sha256),
            format: String::new(),
        };
        let known = known_subject(record)?;
        let mut worker = intake::start(file, self.path, self.zones, self.options.with_positions, self.session)?;
        let mut progress = self.session.ui.progress(&msg!("stage-import"), 0);
        let mut subject = SubjectMatch::NothingToCompare;
        if self.options.dry_run {
            return self.look(&mut worker, known.as_ref(), source);
        }
        let mut import = record.begin_import(&ImportSource { sha256, importer: IMPORTER.to_owned() })?;
        let mut digest = ArchiveDigest::default();
        let read = import.read(|| {
            let next = self.next(&mut worker, known.as_ref(), &mut subject, &mut progress)?;
            if let Some(item) = &next {
                digest.take(item);
            }
            Ok(next)
        });
        drop(progress);
        match read {
            // Someone else's file leaves nothing; an interruption leaves what was staged for a later try.
            Err(failure @ (Failure::NotOfKind { .. } | Failure::OtherPerson { .. } | Failure::FileRefused { .. })) => {
                import.abandon()?;
                return Err(failure);
            }
            other => other?,
        }
        let now = self.session.now();
        let mut report = None;
        let outcome = import.finish(|outcome| {
            // A report whose sums do not hold is not kept, nor what it is about.
            let complete = complete(&outcome.tally, &kept(outcome), source, Some(now), None);
            let complete = complete.map_err(|_| Failure::WorkerFailed)?;
            // An export of Carnet gives back the record that it was made of; a line about that would make it another one.
            let is_own = complete.source.format == OWN_FORMAT;
            let draft = Draft::new(Fact::from(complete.clone()), Provenance::typed(now));
            report = Some(complete);
            Ok::<_, Failure>((!is_own).then_some(draft))
        })?;
        let report = report.ok_or(Failure::WorkerFailed)?;
        let stated = outcome.tally.stated_digest.as_deref();
        let digest = StatedDigest::of(&report.source.format, stated, digest);
        Ok(Taken { report, warnings: Self::warnings(known.is_some(), subject, digest), digest })
    }

    /// Reads a file to its end without keeping anything.
    fn look(&self, worker: &mut Worker, known: Option<&SubjectClaim>, source: ImportedFile) -> Result<Taken, Failure> {
        let mut subject = SubjectMatch::NothingToCompare;
        let mut progress = self.session.ui.progress(&msg!("stage-import"), 0);
        let mut tally = None;
        let mut digest = ArchiveDigest::default();
        while let Some(item) = self.next(worker, known, &mut subject, &mut progress)? {
            digest.take(&item);
            if let Item::Tally(last) = item {
                tally = Some(last);
            }
        }
        let tally = tally.unwrap_or_default();
        let format = tally.members.get(WHOLE_FILE).map(String::as_str).unwrap_or_default();
        let digest = StatedDigest::of(format, tally.stated_digest.as_deref(), digest);
        let mut report = ImportReport::from_tally(&tally);
        report.source = source;
        Ok(Taken { report, warnings: Self::warnings(known.is_some(), subject, digest), digest })
    }

    /// The next item, once the person that the file speaks of was compared with the record's.
    fn next(
        &self,
        worker: &mut Worker,
        known: Option<&SubjectClaim>,
        subject: &mut SubjectMatch,
        progress: &mut Progress,
    ) -> Result<Option<Item>, Failure> {
        let Some(item) = worker.next() else { return Ok(None) };
        let item = item.map_err(|error| intake::refused(self.path, error))?;
        if let (Item::Subject(claim), Some(known)) = (&item, known) {
            *subject = claim.compare(known);
            if matches!(subject, SubjectMatch::Different) && !self.options.accept_other_person {
                return Err(Failure::OtherPerson { path: self.path.display().to_string() });
            }
        }
        if let Item::Tally(tally) = &item {
            let format = tally.members.get(WHOLE_FILE).map_or("", String::as_str);
            if !self.options.kind.is_kind_of(format) {
                return Err(Failure::NotOfKind { path: self.path.display().to_string() });
            }
        }
        progress.advance(1);
        Ok(Some(match self.source {
            Some(source) => named(item, source),
            None => item,
        }))
    }

    fn warnings(is_known: bool, subject: SubjectMatch, digest: Option<StatedDigest>) -> Vec<Message> {
        let of_person = match subject {
            SubjectMatch::Different => Some(msg!("warning-other-person")),
            SubjectMatch::NothingToCompare if is_known => Some(msg!("warning-person-not-said")),
            SubjectMatch::NothingToCompare => Some(msg!("warning-nobody-to-compare")),
            SubjectMatch::Same => None,
        };
        let of_digest = (digest == Some(StatedDigest::Differs)).then(|| msg!("warning-archive-differs"));
        of_person.into_iter().chain(of_digest).collect()
    }
}

/// `item` with `source` as where it comes from, if it is a fact of which the file does not say that. What an export of
/// Carnet gives back stays as it was, and so do samples: where they come from is part of what they are.
fn named(mut item: Item, source: &str) -> Item {
    if let Item::Draft(draft) | Item::DocumentStart { draft } = &mut item {
        let said = &mut draft.provenance;
        let is_said = said.author.is_some() || said.application.is_some() || said.device.is_some();
        if draft.restored.is_none() && !is_said {
            said.application = Some(source.to_owned());
        }
    }
    item
}

/// The person that the record says it is about.
fn known_subject(record: &Record<'_>) -> Result<Option<SubjectClaim>, Failure> {
    let found = record.list(&Filter { kinds: vec!["identity".to_owned()], ..Filter::default() })?;
    let sheets = found.iter().map(|found| (found.entry.id, &found.entry.fact));
    Ok(leading_sheet(sheets).map(|(_, identity)| SubjectClaim::from_identity(identity.clone())))
}

fn kept(outcome: &Outcome) -> Kept {
    let mut kept = Kept::default();
    for (kind, Counts { added, already_there, merged }) in &outcome.by_kind {
        kept.add(kind, *added);
        kept.find(kind, *already_there);
        kept.merge(kind, *merged);
    }
    kept
}

/// What is said of all files together. Rows or files that were refused make the command end with a failure.
fn told(
    summaries: &[(Summary, Option<StatedDigest>)],
    warnings: Vec<Message>,
    failed: &[Failure],
    session: &Session<'_>,
    is_dry: bool,
) -> Report {
    let mut page: Vec<Block> =
        summaries.iter().flat_map(|(summary, digest)| told_of(summary, *digest, is_dry)).collect();
    page.extend(failed.iter().map(|failure| Block::Say(failure.message())));
    if is_dry {
        page.push(Block::Say(msg!("import-dry")));
    }
    let sum = |field: fn(&Summary) -> u64| summaries.iter().map(|(summary, _)| field(summary)).sum::<u64>();
    let refused = sum(|summary| summary.refused);
    let failed_json: Vec<Value> = failed
        .iter()
        .map(|failure| json!({ "code": failure.code(), "message": session.ui.text(&failure.message()) }))
        .collect();
    let data = json!({
        "files": summaries.iter().map(summary_json).collect::<Vec<_>>(),
        "failed": failed_json,
        "total": {
            "read": sum(|summary| summary.read),
            "added": sum(|summary| summary.added),
            "already_there": sum(|summary| summary.already_there),
            "merged": sum(|summary| summary.merged),
            "set_aside": sum(|summary| summary.set_aside),
            "refused": refused,
        },
        "dry_run": is_dry,
    });
    let failure = if failed.is_empty() {
        (refused > 0).then_some(Failure::PartlyRefused { count: refused })
    } else {
        Some(Failure::FilesRefused { count: failed.len() })
    };
    Report { data, page, warnings, failure }
}

/// What became of one file, as data; of an archive of our own also whether it is what it says of itself.
fn summary_json((summary, digest): &(Summary, Option<StatedDigest>)) -> Value {
    let mut data = json!(summary);
    if let (Some(digest), Some(fields)) = (digest, data.as_object_mut()) {
        fields.insert("archive_digest".to_owned(), digest.as_str().into());
    }
    data
}

fn told_of(summary: &Summary, digest: Option<StatedDigest>, is_dry: bool) -> Vec<Block> {
    let mut page = vec![Block::Say(msg!("import-file", path = &summary.path, format = &summary.format))];
    let counts = [
        (msg!("import-read"), summary.read),
        (msg!("import-added"), summary.added),
        (msg!("import-already-there"), summary.already_there),
        (msg!("import-merged"), summary.merged),
        (msg!("import-set-aside"), summary.set_aside),
        (msg!("import-refused"), summary.refused),
    ];
    let counts = counts.into_iter().filter(|(_, count)| !is_dry || *count > 0);
    page.push(Block::Pairs(counts.map(|(name, count)| (name, count.to_string().into())).collect()));
    page.extend(summary.reasons.iter().map(|reason| Block::Say(told_why(reason))));
    page.extend(digest.map(|digest| Block::Say(msg!("import-digest", state = digest.as_str()))));
    page
}

/// Why rows were set aside, refused or kept with a remark, in one line.
fn told_why(reason: &carnet_interop::report::Reason) -> Message {
    let why = msg!("import-reason", reason = &reason.reason);
    let (kind, count) = (words::kind(&reason.kind), reason.count);
    let said = match reason.outcome {
        "refused" => msg!("import-why-refused", count = count, kind = kind, why = why),
        "set-aside" => msg!("import-why-set-aside", count = count, kind = kind, why = why),
        _ => msg!("import-why-kept", count = count, kind = kind, why = why),
    };
    if reason.places.is_empty() { said } else { msg!("import-why-at", said = said, places = reason.places.join("; ")) }
}

#[cfg(test)]
mod tests {
    use carnet_record::{Entry, EntryId, kind::Disease, person::Actor};

    use super::*;

    #[test]
    fn a_folder_is_walked_in_order_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", "a.json"] {
            files::write_own(&folder.path().join(name), b"{}").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();
        let found = files_of(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_string_lossy()).collect();
        assert_eq!(names, ["a.json", "b.json"]);
    }

    #[test]
    fn a_source_is_named_where_the_file_names_none() {
        let fact = Disease::default;
        let provenance = Provenance::default;
        let application = |item: Item| match named(item, "Clinique du Parc") {
            Item::Draft(draft) | Item::DocumentStart { draft } => draft.provenance.application.clone(),
            other => panic!("{other:?}"),
        };
        let silent = || Box::new(Draft::new(fact(), provenance()));
        assert_eq!(application(Item::Draft(silent())).as_deref(), Some("Clinique du Parc"));
        assert_eq!(application(Item::DocumentStart { draft: silent() }).as_deref(), Some("Clinique du Parc"));
        let said = [
            Provenance { application: Some("Balance".to_owned()), ..provenance() },
            Provenance { device: Some("Montre".to_owned()), ..provenance() },
            Provenance { author: Some(Actor::default()), ..provenance() },
        ];
        for said in said {
            let before = said.application.clone();
            assert_eq!(application(Item::Draft(Box::new(Draft::new(fact(), said)))), before);
        }
        let entry = Entry::new(EntryId([1; 16]), Fact::from(fact()), provenance());
        assert_eq!(
            application(Item::Draft(Box::new(Draft::from(entry)))),
            None,
            "what Carnet exported stays as it was"
        );
    }

    #[test]
    fn an_empty_folder_holds_nothing_to_import() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(files_of(&[folder.path().to_owned()]), Err(Failure::NothingToImport { .. })));
    }
}
