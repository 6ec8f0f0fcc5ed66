//! All that the command says and asks. Nothing else in this crate writes to a standard stream or reads an answer.
//!
//! Data goes to standard output, talk and progress to standard error. With `--json` standard output carries one object
//! of the schema `carnet.cli/1`, after a line for each event of a command that lasts; progress is JSON Lines on standard
//! error. Text from data is made harmless on its way out (see [`escape`]).

mod ask;
mod cell;
mod escape;
mod progress;
mod table;

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};

pub(crate) use self::{
    cell::{Cell, figure},
    escape::escape,
    progress::Progress,
};
use self::{
    escape::{escape_json, escape_lines},
    table::Table,
};
use crate::{
    error::Failure,
    i18n::{Language, Message, Texts},
    msg,
};

/// Name of the JSON form; within it fields are only added.
pub(crate) const SCHEMA: &str = "carnet.cli/1";

/// Columns assumed where the width of the terminal is not known.
const COLUMNS_DEFAULT: usize = 80;

/// How the command speaks in this run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The language of the talk.
    pub(crate) language: Language,
    /// One JSON object instead of text.
    pub(crate) json: bool,
    /// No talk, no progress.
    pub(crate) quiet: bool,
    /// Confirmations are answered yes.
    pub(crate) yes: bool,
}

/// What a command hands back: the same facts as data and as a page to read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The facts, for `--json`.
    pub(crate) data: Value,
    /// The facts, to be read.
    pub(crate) page: Vec<Block>,
    /// What the person should know beside the result.
    pub(crate) warnings: Vec<Message>,
    /// Set when there are facts to show and the command failed all the same (a verification, a partial import).
    pub(crate) failure: Option<Failure>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Block {
    /// A sentence of ours.
    Say(Message),
    /// A sentence of ours, broken between words to the width there is, each line this far to the right.
    Wrapped(usize, Message),
    /// Names and their values, one a line.
    Pairs(Vec<(Message, Cell)>),
    /// Columns and rows.
    Rows(Vec<Message>, Vec<Vec<Cell>>),
    /// Lines laid out beforehand, such as a QR code or a table in CSV.
    Lines(String),
    /// A value for a program.
    Json(Value),
}

/// The one way to the person: standard streams, language and form of output.
pub(crate) struct Ui {
    manner: Manner,
    texts: Texts,
    columns: usize,
    /// Whether somebody can be asked: standard input and standard error are a terminal.
    has_person: bool,
}

impl Ui {
    /// Speaks in `manner`. `columns` is a stated width of the terminal, if the person gave one.
    pub(crate) fn new(manner: Manner, columns: Option<usize>) -> Self {
        let columns = columns.or_else(terminal_columns).unwrap_or(COLUMNS_DEFAULT);
        let has_person = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { manner, texts: Texts::new(manner.language), columns, has_person }
    }

    /// How the command speaks in this run.
    pub(crate) fn manner(&self) -> Manner {
        self.manner
    }

    /// `message` in the language of this run.
    pub(crate) fn text(&self, message: &Message) -> String {
        self.texts.say(message)
    }

    /// The words of this run.
    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Talk: a sentence on standard error, left out by `--quiet` and by `--json`.
    pub(crate) fn talk(&self, message: &Message) {
        if !self.manner.quiet && !self.manner.json {
            write_error(&self.text(message));
        }
    }

    /// A page shown before the command ends, on standard error: what a person must see to answer a question.
    /// Nothing with `--json`.
    pub(crate) fn show(&self, page: &[Block]) {
        if !self.manner.json {
            write_error(self.lay_out(page).trim_end());
        }
    }

    /// An event of a command that lasts: one JSON object on a line of standard output. Nothing without `--json`.
    pub(crate) fn event(&self, name: &str, fields: Map<String, Value>) {
        if self.manner.json {
            let mut object = Map::new();
            object.insert("schema".into(), SCHEMA.into());
            object.insert("event".into(), name.into());
            object.extend(fields);
            let _ = write_out(&escape_json(&Value::Object(object).to_string()));
        }
    }

    /// A failure that does not end the command: said at once, in full. With `--json` it is an event.
    pub(crate) fn raise(&self, failure: &Failure) {
        if self.manner.json {
            self.event("alarm", Map::from_iter([("error".to_owned(), self.failure_object(failure))]));
        } else {
            self.show_failure(failure);
        }
    }

    /// Shows long work: a bar on a terminal, JSON Lines on standard error with `--json`, nothing elsewhere.
    pub(crate) fn progress(&self, stage: &Message, total: u64) -> Progress {
        if self.manner.quiet {
            Progress::silent()
        } else if self.manner.json {
            Progress::lines(stage.key(), total)
        } else if io::stderr().is_terminal() {
            Progress::bar(&self.text(stage), total)
        } else {
            Progress::silent()
        }
    }

    /// Says how `command` ended, in the form of this run, and gives the exit status.
    pub(crate) fn close(&self, command: &str, outcome: Result<Report, Failure>) -> u8 {
        let (report, failure) = match outcome {
            Ok(mut report) => {
                let failure = report.failure.take();
                (Some(report), failure)
            }
            Err(failure) => (None, Some(failure)),
        };
        let said =
            if self.manner.json { self.close_json(command, report, failure.as_ref()) } else { self.close_text(report) };
        if let (Some(failure), false) = (&failure, self.manner.json) {
            self.show_failure(failure);
        }
        let exit = failure.map_or(0, |failure| failure.exit().code());
        match said {
            // A reader that has seen enough is no failure: what the command did is done.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                write_error(&self.text(&msg!("output-failed", reason = error.to_string())));
                exit.max(1)
            }
            _ => exit,
        }
    }

    fn close_json(&self, command: &str, report: Option<Report>, failure: Option<&Failure>) -> io::Result<()> {
        let (data, warnings) = report.map(|report| (report.data, report.warnings)).unwrap_or_default();
        let warnings: Vec<Value> = warnings
            .iter()
            .map(|warning| json!({ "code": warning.key().replace('-', "_"), "message": self.text(warning) }))
            .collect();
        let mut object = json!({
            "schema": SCHEMA,
            "command": command,
            "ok": failure.is_none(),
            "data": data,
            "warnings": warnings,
        });
        if let (Some(failure), Some(fields)) = (failure, object.as_object_mut()) {
            fields.insert("error".into(), self.failure_object(failure));
        }
        write_out(&escape_json(&object.to_string()))
    }

    fn close_text(&self, report: Option<Report>) -> io::Result<()> {
        let Some(report) = report else { return Ok(()) };
        let text = self.lay_out(&report.page);
        let said = if text.is_empty() { Ok(()) } else { write_out(text.trim_end_matches('\n')) };
        for warning in &report.warnings {
            write_error(&self.text(&msg!("warning", text = warning.clone())));
        }
        said
    }

    /// The three parts of a failure on standard error: what happened, what it means for the data, what to do.
    fn show_failure(&self, failure: &Failure) {
        let message = failure.message();
        write_error(&self.text(&msg!("failure", text = message.clone())));
        for part in ["meaning", "hint"] {
            if let Some(text) = self.texts.attribute(&message, part) {
                write_error(&text);
            }
        }
    }

    fn failure_object(&self, failure: &Failure) -> Value {
        let message = failure.message();
        json!({
            "code": failure.code(),
            "exit": failure.exit().code(),
            "message": self.text(&message),
            "meaning": self.texts.attribute(&message, "meaning"),
            "hint": self.texts.attribute(&message, "hint"),
        })
    }

    fn lay_out(&self, page: &[Block]) -> String {
        let mut text = String::new();
        for block in page {
            for line in self.block_lines(block) {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// A name and its value, both harmless already.
    fn pair(&self, name: &str, value: &str) -> String {
        self.text(&msg!("pair", name = name, value = value))
    }

    fn block_lines(&self, block: &Block) -> Vec<String> {
        match block {
            Block::Say(message) => vec![self.text(message)],
            Block::Wrapped(indent, message) => table::wrapped(&self.text(message), *indent, self.columns),
            Block::Pairs(pairs) => {
                pairs.iter().map(|(name, value)| self.pair(&self.text(name), &value.said(&self.texts))).collect()
            }
            Block::Rows(head, rows) => {
                let head = head.iter().map(|name| self.text(name)).collect();
                let rows = rows.iter().map(|row| row.iter().map(|cell| cell.said(&self.texts)).collect()).collect();
                Table { head, rows }.lines(self.columns, |name, value| self.pair(name, value))
            }
            Block::Lines(lines) => escape_lines(lines).lines().map(str::to_owned).collect(),
            Block::Json(value) => vec![escape_json(&value.to_string())],
        }
    }
}

fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Talk is best effort: a closed standard error must not stop work on the vault.
fn write_error(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui(language: Language) -> Ui {
        Ui::new(Manner { language, ..Manner::default() }, Some(80))
    }

    #[test]
    fn a_page_reads_as_lines_and_data_in_it_is_harmless() {
        let page = [
            Block::Pairs(vec![(msg!("kit-title"), "1\u{1b}[2J".to_owned().into())]),
            Block::Rows(vec![msg!("kit-title")], vec![vec!["x\u{202e}y".to_owned().into()]]),
            Block::Lines("a,b\n\u{9b}c".into()),
        ];
        for language in [Language::French, Language::English] {
            let text = ui(language).lay_out(&page);
            assert!(text.lines().count() >= 5, "{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text}");
        }
    }

    #[test]
    fn a_failure_has_its_three_parts() {
        let object = ui(Language::French).failure_object(&Failure::NoTerminal);
        assert_eq!(object["code"], "no_terminal");
        assert_eq!(object["exit"], 3);
        for part in ["message", "meaning", "hint"] {
            assert!(object[part].as_str().is_some_and(|text| text.ends_with(['.', '!'])), "{part}: {object}");
        }
    }
}
