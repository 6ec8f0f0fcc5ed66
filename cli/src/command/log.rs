//! `log`: the access log, and whether its chains hold.

use std::path::PathBuf;

use carnet_vault::ledger::{self, BrokenLine, LedgerLine};
use serde_json::{Value, json};

use super::{entries::read_bounded, files};
use crate::{
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Report},
};

/// Largest exported log that is read, in bytes.
const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    List(ListOptions),
    Verify {
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "log list",
            Self::Verify { .. } => "log verify",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListOptions {
    #[arg(long, value_name = "DEVICE")]
    actor: Option<String>,
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[arg(long, value_name = "STRENGTH")]
    strength: Option<StrengthOption>,
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What a line proves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StrengthOption {
    Declared,
    Proved,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::List(options) => list(options, session),
        Action::Verify { file } => verify(file.as_ref(), session),
    }
}

fn list(options: &ListOptions, session: &Session<'_>) -> Result<Report, Failure> {
    let (mut lines, names) = session.with_record(|record| Ok((record.ledger()?, record.devices()?)))?;
    if let Some(path) = &options.out {
        // All lines: a chain with holes cannot be verified by someone else.
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line).unwrap_or_default());
            text.push('\n');
        }
        files::write_own(path, text.as_bytes())?;
    }
    lines.retain(|line| is_asked_for(line, options));
    lines.drain(..lines.len().saturating_sub(options.limit.unwrap_or(usize::MAX)));
    let name = |id: &str| {
        let device = names.iter().find(|device| device.id.to_string() == id);
        device.and_then(|device| device.label.clone()).unwrap_or_else(|| id.to_owned())
    };
    let rows = lines
        .iter()
        .map(|line| {
            let detail = line.detail.iter().map(|(name, value)| msg!("log-detail", name = name, value = value));
            let detail = msg!("sentences", all = detail.collect::<Vec<_>>());
            vec![
                line.at.to_string().into(),
                name(&line.device).into(),
                msg!("log-kind", kind = word(&line.kind)).into(),
                msg!("log-strength", strength = word(&line.strength)).into(),
                line.number.to_string().into(),
                detail.into(),
            ]
        })
        .collect();
    let head = vec![
        msg!("column-date"),
        msg!("column-device"),
        msg!("column-kind"),
        msg!("column-strength"),
        msg!("column-number"),
        msg!("column-value"),
    ];
    let data = serde_json::to_value(&lines).unwrap_or_default();
    Ok(Report { data, page: vec![Block::Rows(head, rows)], ..Report::default() })
}

fn is_asked_for(line: &LedgerLine, options: &ListOptions) -> bool {
    let is_actor = options.actor.as_ref().is_none_or(|prefix| line.device.starts_with(prefix.as_str()));
    let is_kind = options.kind.as_ref().is_none_or(|kind| word(&line.kind) == *kind);
    let is_strength = options.strength.is_none_or(|strength| {
        word(&line.strength)
            == match strength {
                StrengthOption::Declared => "declared",
                StrengthOption::Proved => "proved",
            }
    });
    is_actor && is_kind && is_strength
}

/// The word that a value has in data.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Checks the chains of the record, or of an exported log.
fn verify(file: Option<&PathBuf>, session: &Session<'_>) -> Result<Report, Failure> {
    let (count, broken) = match file {
        Some(path) => {
            let lines = read_lines(&read_bounded(path, LOG_BYTES_MAX)?)?;
            (lines.len(), ledger::verify(&lines))
        }
        None => session.with_record(|record| Ok((record.ledger()?.len(), record.verify_ledger()?)))?,
    };
    let said = match &broken {
        None => msg!("log-holds", count = count),
        Some(BrokenLine { device, number }) => msg!("log-breaks", device = device, number = *number),
    };
    let data = json!({ "lines": count, "holds": broken.is_none(), "first_bad": broken });
    let failure = broken.map(|broken| Failure::LogBroken { line: broken.number });
    Ok(Report { data, page: vec![Block::Say(said)], failure, ..Report::default() })
}

fn read_lines(bytes: &[u8]) -> Result<Vec<LedgerLine>, Failure> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|_| Failure::BadJson)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_no_log_is_refused() {
        assert_eq!(read_lines(b"").unwrap(), Vec::new());
        assert_eq!(read_lines(b"{\"kind\":\"import\"}\n"), Err(Failure::BadJson));
        assert_eq!(read_lines(b"not json"), Err(Failure::BadJson));
    }
}
