//! `record`: the records of the vault, their names, and which one is meant by default.

use carnet_vault::{LocalChange, RecordId, RecordSummary, Vault};
use serde_json::Value;

use super::{intake::hex, status::record_json};
use crate::{
    error::Failure,
    msg,
    session::Session,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    List,
    Show,
    Rename {
        #[arg(value_name = "NAME")]
        name: String,
    },
    Default,
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Default => "record default",
            Self::List => "record list",
            Self::Rename { .. } => "record rename",
            Self::Show => "record show",
        }
    }
}

/// Longest name of a record, in characters.
const NAME_CHARACTERS_MAX: usize = 50;

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let change = match &options.action {
        Action::List | Action::Show => None,
        Action::Rename { name } => Some(LocalChange::Label(checked_name(name)?)),
        Action::Default => Some(LocalChange::Default),
    };
    let mut shown =
        if matches!(options.action, Action::List) { vault.records()? } else { vec![session.meant(&vault)?] };
    if let (Some(change), Some(record)) = (change, shown.first()) {
        let id = record.id;
        if let LocalChange::Label(name) = &change
            && vault.records()?.iter().any(|other| other.id != id && other.label == *name)
        {
            return Err(Failure::RecordExists);
        }
        vault.set_local(&id, change)?;
        shown = vault.records()?.into_iter().filter(|record| record.id == id).collect();
    }
    let digest = match (&options.action, shown.first()) {
        (Action::Show, Some(record)) => Some(hex(&vault.record(&record.id)?.digest()?)),
        _ => None,
    };
    vault.close().map_err(carnet_vault::VaultError::from)?;
    let rows = shown.iter().map(|record| vec![record.label.clone().into(), record.id.to_string().into()]).collect();
    let mut data: Vec<Value> = shown.iter().map(|record| record_json(record, session)).collect();
    let mut page = vec![Block::Rows(vec![msg!("column-name"), msg!("column-id")], rows)];
    if let (Some(digest), Some(Value::Object(fields))) = (digest, data.last_mut()) {
        page.push(Block::Pairs(vec![(msg!("record-digest"), digest.clone().into())]));
        fields.insert("digest".to_owned(), Value::String(digest));
    }
    let data = match options.action {
        Action::List => Value::Array(data),
        _ => data.pop().unwrap_or_default(),
    };
    Ok(Report { data, page, ..Report::default() })
}

/// A name that can stand in a list and be typed again.
pub(crate) fn checked_name(name: &str) -> Result<String, Failure> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX && !name.contains(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(Failure::BadName) }
}

/// Refuses a name that a record of this vault has, one that waits to be admitted among them, but for the record `meant`
/// itself: a new attempt takes its place. The vault refuses it too; this is said before anybody is asked anything.
pub(crate) fn free_name(vault: &Vault, name: &str, meant: Option<&RecordId>) -> Result<(), Failure> {
    let is_taken = |known: &RecordSummary| known.label == name && Some(&known.id) != meant;
    if vault.records()?.iter().any(is_taken) { Err(Failure::RecordExists) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_in_a_line() {
        assert_eq!(checked_name("  Ana\u{ef}s ").unwrap(), "Ana\u{ef}s");
        for wrong in ["", "  ", "a\nb", &"x".repeat(51)] {
            assert_eq!(checked_name(wrong), Err(Failure::BadName), "{wrong:?}");
        }
    }
}
