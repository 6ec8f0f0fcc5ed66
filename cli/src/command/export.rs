//! `export`: gives everything, or a part, in clear text and in forms that others read. Always to a new file that only
//! this account can read, whole or not at all; never to a stream, where it could stay on a screen or in a log.

mod fhir;

use std::path::{Path, PathBuf};

use carnet_interop::own::{ArchiveWriter, Mark};
use carnet_record::SectionKind;
use carnet_vault::{
    Record, RecordError,
    entries::Filter,
    export::{Exported, Selection},
    ledger::LedgerKind,
};
use serde_json::json;

use super::{files::NewFile, intake::hex};
use crate::{
    error::Failure,
    input, msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[arg(long, value_name = "FORMAT", default_value = "archive")]
    format: Format,
    #[arg(long, value_name = "SECTIONS", value_delimiter = ',')]
    section: Vec<String>,
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Archive,
    Fhir,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    if options.out == Path::new("-") {
        return Err(Failure::Usage(msg!("usage-export-file")));
    }
    let part = part(options)?;
    let file = NewFile::create(&options.out)?;
    session.ui.confirm(&msg!("ask-export"))?;
    session.with_record(|record| match options.format {
        Format::Archive => archive(file, &part, record, session),
        Format::Fhir => fhir::write(file, &part, record, session),
    })
}

/// The line of the access log, durable before a byte leaves.
fn log(record: &mut Record<'_>, part: &Part, format: &str) -> Result<(), Failure> {
    let detail = [("format", format), ("part", if part.is_whole { "whole" } else { "part" })];
    let detail = detail.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(record.log(LedgerKind::Export, detail)?)
}

/// What is said of an export to `path` that is done.
fn told(path: &str, part: &Part, format: &str, exported: Exported) -> Report {
    let Exported { entries, files, missing_files, samples } = exported;
    let mut warnings = vec![msg!("warning-clear-text")];
    if !missing_files.is_empty() {
        warnings.push(msg!("warning-files-left-out", count = missing_files.len()));
    }
    let missing_files: Vec<String> = missing_files.iter().map(ToString::to_string).collect();
    Report {
        data: json!({
            "file": path,
            "format": format,
            "whole": part.is_whole,
            "entries": entries,
            "files": files,
            "missing_files": missing_files,
            "samples": samples,
        }),
        page: vec![Block::Say(msg!("exported", path = path, entries = entries, files = files, samples = samples))],
        warnings,
        ..Report::default()
    }
}

/// What the options ask for.
struct Part {
    selection: Selection,
    is_whole: bool,
}

fn part(options: &Options) -> Result<Part, Failure> {
    let from = options.from.as_ref().map(|text| input::partial_date("--from", text)).transpose()?;
    let to = options.to.as_ref().map(|text| input::partial_date("--to", text)).transpose()?;
    let sections = sections(&options.section)?;
    let is_whole = from.is_none() && to.is_none() && sections.is_empty();
    let entries = Filter {
        from: from.map(carnet_record::PartialDate::earliest),
        until: to.map(carnet_record::PartialDate::latest),
        with_removed: is_whole,
        ..Filter::default()
    };
    let with_samples = is_whole || (from.is_none() && to.is_none() && sections.contains(&SectionKind::Measures));
    Ok(Part { selection: Selection { entries, sections, with_files: true, with_samples }, is_whole })
}

/// The sections that are named; none for `all`.
pub(crate) fn sections(names: &[String]) -> Result<Vec<SectionKind>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(Vec::new());
    }
    let read = |name: &String| name.parse::<SectionKind>().ok().filter(|section| section.is_nameable());
    names.iter().map(|name| read(name).ok_or_else(section_refused)).collect()
}

fn section_refused() -> Failure {
    let names: Vec<&str> = SectionKind::NAMEABLE.iter().map(|section| section.as_str()).collect();
    Failure::Usage(msg!("usage-value-among", option = "--section", values = names.join(", ")))
}

/// Why an export ended: the record, or the file it goes to.
enum Stopped {
    File(std::io::Error),
    Record(RecordError),
}

impl From<RecordError> for Stopped {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

fn archive(file: NewFile, part: &Part, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    log(record, part, "archive")?;
    let path = file.path().to_owned();
    let mut writer = ArchiveWriter::new(file);
    let mut progress = session.ui.progress(&msg!("stage-export"), 0);
    let exported = record.export(&part.selection, |item| {
        progress.advance(1);
        writer.take(item).map_err(Stopped::File)
    });
    drop(progress);
    let exported = exported.map_err(|stopped| match stopped {
        Stopped::File(error) => Failure::unwritable(&path, &error),
        Stopped::Record(error) => error.into(),
    })?;
    let digest = if part.is_whole { Some(hex(&record.digest()?)) } else { None };
    let mark = Mark::new(session.now().to_string(), digest);
    let lines = if part.is_whole { record.ledger()? } else { Vec::new() };
    let file = writer.finish(&mark, &lines, None).map_err(|error| Failure::unwritable(&path, &error))?;
    file.finish()?;
    Ok(told(&path.display().to_string(), part, "archive", exported))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn technical_sections_cannot_be_named() {
        let named = |text: &str| sections(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(named("all"), Ok(Vec::new()));
        assert_eq!(named("vaccines,measures"), Ok(vec![SectionKind::Vaccines, SectionKind::Measures]));
        for wrong in ["roster", "access", "vaccins", ""] {
            assert!(matches!(named(wrong), Err(Failure::Usage(_))), "{wrong}");
        }
    }
}
