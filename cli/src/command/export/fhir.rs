//! `export --format fhir`: one Bundle that other programs read, with the contents of the documents, and a list of what
//! it could not carry. It never carries dense samples, and is never cut: it is whole or refused before a byte is written.

use std::collections::{BTreeMap, BTreeSet};

use carnet_interop::{
    fhir::write::{Loss, WriteOptions, bundle},
    intake::bounds::JSON_BYTES_MAX,
};
use carnet_record::{Entry, EntryId, Fact};
use carnet_vault::{
    Record, RecordError,
    blob::ReadError,
    entries::Filter,
    export::{Exported, Selected, Selection},
};
use serde_json::{Value, json};

use super::{Part, log, told};
use crate::{
    command::files::NewFile,
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Cell, Report},
    words,
};

/// Why the samples of a series are not in a Bundle, beside the reasons of single fields.
const DENSE: &str = "dense-samples";

/// Writes the Bundle of `part` to `file`.
pub(super) fn write(
    mut file: NewFile,
    part: &Part,
    record: &mut Record<'_>,
    session: &Session<'_>,
) -> Result<Report, Failure> {
    // What was removed is no fact any more for other programs.
    let of = |with_removed| {
        let entries = Filter { with_removed, ..part.selection.entries.clone() };
        Selection { entries, ..part.selection.clone() }
    };
    let selected = record.select(&of(false))?;
    let left_out = LeftOut {
        removed: record.select(&of(true))?.len().saturating_sub(selected.len()),
        log_lines: record.ledger()?.len(),
    };
    let mut contents = Contents::of(record, &selected);
    let entries: Vec<Entry> = selected.into_iter().map(|selected| selected.entry).collect();
    let mut options = WriteOptions { now: session.now(), content: &mut |entry| contents.read(entry) };
    let written = bundle(&entries, &mut options);
    if let Some(failure) = contents.stopped {
        return Err(failure);
    }
    let files = contents.files;
    let (text, losses) = written.into_text(&entries).map_err(|_| Failure::BundleTooLarge)?;
    let mut lost = Lost::of(&losses);
    if part.selection.with_samples {
        lost.add_series(record)?;
    }
    log(record, part, "fhir")?;
    file.add(text.as_bytes())?;
    let path = file.path().display().to_string();
    file.finish()?;
    let without_resource = losses.iter().filter(|loss| loss.field == "*").count();
    let kept = u64::try_from(entries.len().saturating_sub(without_resource)).unwrap_or(u64::MAX);
    let report = left_out.tell(told(&path, part, "fhir", Exported { entries: kept, files, ..Exported::default() }));
    Ok(lost.tell(report))
}

/// What a Bundle is no place for at all, beside the losses of single entries.
struct LeftOut {
    removed: usize,
    log_lines: usize,
}

impl LeftOut {
    fn tell(&self, mut report: Report) -> Report {
        if let Some(data) = report.data.as_object_mut() {
            let left_out = json!({ "removed": self.removed, "log_lines": self.log_lines, "former_states": "all" });
            data.insert("left_out".to_owned(), left_out);
        }
        report.page.push(Block::Say(msg!("export-left-out", removed = self.removed, lines = self.log_lines)));
        report
    }
}

/// The bytes of documents, as long as the Bundle stays within what is read.
struct Contents<'a, 'r> {
    record: &'a Record<'r>,
    with_file: BTreeSet<EntryId>,
    /// Bytes of text that the contents may still take.
    room: u64,
    files: u64,
    stopped: Option<Failure>,
}

impl<'a, 'r> Contents<'a, 'r> {
    fn of(record: &'a Record<'r>, selected: &[Selected]) -> Self {
        let with_file = selected.iter().filter(|selected| selected.has_file).map(|selected| selected.entry.id);
        Self { record, with_file: with_file.collect(), room: JSON_BYTES_MAX, files: 0, stopped: None }
    }

    fn read(&mut self, entry: &Entry) -> Option<Vec<u8>> {
        let Fact::Document(document) = &entry.fact else { return None };
        if self.stopped.is_some() || !self.with_file.contains(&entry.id) {
            return None;
        }
        // What a document says of its size saves the reading; it is not relied upon.
        let mut gathered = Gathered { bytes: Vec::new(), most: self.room / 4 * 3, is_too_large: false };
        gathered.is_too_large = document.size.is_some_and(|size| size > gathered.most);
        let read = if gathered.is_too_large {
            Err(TOO_LARGE)
        } else {
            self.record.read_document(&entry.id, |part| gathered.add(part))
        };
        match read {
            Ok(_) => {
                let in_base64 = u64::try_from(gathered.bytes.len()).unwrap_or(u64::MAX).div_ceil(3).saturating_mul(4);
                self.room = self.room.saturating_sub(in_base64);
                self.files = self.files.saturating_add(1);
                Some(gathered.bytes)
            }
            Err(_) if gathered.is_too_large => {
                self.stopped = Some(Failure::BundleTooLarge);
                None
            }
            // The writer tells it as a loss.
            Err(RecordError::File(ReadError::Absent)) => None,
            Err(error) => {
                self.stopped = Some(error.into());
                None
            }
        }
    }
}

/// How the reading of a document is ended; [`Gathered`] knows why.
const TOO_LARGE: RecordError = RecordError::TooLarge;

/// The bytes of a document, as long as there are no more than there is room for.
struct Gathered {
    bytes: Vec<u8>,
    /// Most bytes that are kept.
    most: u64,
    is_too_large: bool,
}

impl Gathered {
    fn add(&mut self, part: &[u8]) -> Result<(), RecordError> {
        let after = self.bytes.len().saturating_add(part.len());
        self.is_too_large = u64::try_from(after).map_or(true, |after| after > self.most);
        if self.is_too_large {
            return Err(TOO_LARGE);
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }
}

/// What the Bundle does not carry, by kind, field and reason.
#[derive(Default)]
struct Lost {
    entries: BTreeMap<(String, String, &'static str), Vec<EntryId>>,
    series: BTreeMap<String, u64>,
}

impl Lost {
    fn of(losses: &[Loss]) -> Self {
        let mut lost = Self::default();
        for loss in losses {
            // Where an entry comes from is the same of all kinds: one row for all.
            let kind = if loss.field.starts_with("provenance.") { "*" } else { loss.kind.as_str() };
            let key = (kind.to_owned(), loss.field.clone(), loss.reason.as_str());
            lost.entries.entry(key).or_default().push(loss.entry);
        }
        lost
    }

    fn add_series(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        for series in record.series()? {
            let count = self.series.entry(series.series.kind).or_default();
            *count = count.saturating_add(series.count);
        }
        Ok(())
    }

    /// Adds the list to what is said of the export.
    fn tell(&self, mut report: Report) -> Report {
        if let Some(data) = report.data.as_object_mut() {
            data.insert("losses".to_owned(), self.data());
        }
        if self.entries.is_empty() && self.series.is_empty() {
            return report;
        }
        let head = vec![msg!("column-kind"), msg!("column-field"), msg!("column-count"), msg!("column-reason")];
        let row = |kind: &str, field: &str, count: String, code: &str| -> Vec<Cell> {
            vec![words::kind(kind).into(), field.into(), count.into(), msg!("loss-reason", reason = code).into()]
        };
        let entries =
            self.entries.iter().map(|((kind, field, code), entries)| row(kind, field, entries.len().to_string(), code));
        let series = self.series.iter().map(|(kind, count)| row(kind, "*", count.to_string(), DENSE));
        report.page.push(Block::Say(msg!("export-losses")));
        report.page.push(Block::Rows(head, entries.chain(series).collect()));
        report.warnings.push(msg!("warning-losses"));
        report
    }

    fn data(&self) -> Value {
        let entries = self.entries.iter().map(|((kind, field, reason), entries)| {
            let ids: Vec<String> = entries.iter().map(ToString::to_string).collect();
            json!({ "kind": kind, "field": field, "reason": reason, "count": ids.len(), "entries": ids })
        });
        let series = self.series.iter();
        let series = series.map(|(kind, count)| json!({ "kind": kind, "field": "*", "reason": DENSE, "count": count }));
        entries.chain(series).collect()
    }
}

#[cfg(test)]
mod tests {
    use carnet_interop::fhir::write::LossReason;

    use super::Gathered;
    use crate::i18n::{Language, Message, Texts};

    #[test]
    fn a_document_is_never_read_beyond_what_there_is_room_for() {
        let mut gathered = Gathered { bytes: Vec::new(), most: 8, is_too_large: false };
        gathered.add(&[1; 5]).unwrap();
        gathered.add(&[2; 3]).unwrap();
        assert!(gathered.add(&[3]).is_err() && gathered.is_too_large);
        assert_eq!(gathered.bytes.len(), 8, "what is too much is not kept");
    }

    #[test]
    fn every_reason_has_words_in_both_languages() {
        for language in [Language::French, Language::English] {
            let texts = Texts::new(language);
            for code in LossReason::ALL.map(LossReason::as_str).into_iter().chain([super::DENSE]) {
                let said = texts.say(&Message::new("loss-reason").with("reason", code));
                assert!(said != code && said.contains(' ') && said.chars().count() <= 48, "{code}: {said}");
            }
        }
    }
}
