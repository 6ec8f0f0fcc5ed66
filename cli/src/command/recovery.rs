//! `recovery`: what opens a record again when every device is lost.

use carnet_vault::{
    LocalChange, VaultError,
    recovery::{Kit, RecoveryError},
};
use serde_json::json;

use crate::{
    error::Failure,
    keyring::Source,
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
    Rehearse {
        #[arg(long, value_name = "N")]
        words_fd: Option<i32>,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rehearse { .. } => "recovery rehearse",
        }
    }
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match options.action {
        Action::Rehearse { words_fd } => rehearse(words_fd, session),
    }
}

/// Checks that the 24 words open the record. Nothing of the record changes; that they were checked is noted here.
fn rehearse(words_fd: Option<i32>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut vault = session.open()?;
    let summary = session.meant(&vault)?;
    let typed = Source::of(None, words_fd).line(session.ui, &msg!("ask-kit-words"))?;
    let words = std::str::from_utf8(&typed).map_err(|_| Failure::KitWords)?;
    let kit = Kit::from_words(words)?;
    if !vault.record(&summary.id)?.is_opened_by(&kit) {
        return Err(Failure::KitOfOther);
    }
    vault.set_local(&summary.id, LocalChange::KitConfirmed)?;
    vault.close().map_err(VaultError::from)?;
    Ok(Report {
        data: json!({ "record": summary.id.to_string(), "opens": true }),
        page: vec![Block::Say(msg!("kit-opens", name = &summary.label))],
        ..Report::default()
    })
}

impl From<RecoveryError> for Failure {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Words(_) => Self::KitWords,
            RecoveryError::OtherRecord => Self::KitOfOther,
            RecoveryError::Vault(error) => error.into(),
            other => Self::Ours(other.to_string()),
        }
    }
}
