//! What can go wrong in the command, in three parts: what happened, what it means for the data, what to do next.
//!
//! The parts are the message `error-…` and its attributes `.meaning` and `.hint` in the texts. A failure never repeats
//! health data; it may name a file, an option or an identifier that the person gave.

use std::path::Path;

use crate::{i18n::Message, msg};

/// Exit statuses. Scripts rely on them; they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Failed, or an import refused part of a file.
    Failed = 1,
    /// The command was not understood.
    Usage = 2,
    /// The vault is locked, or the passphrase is wrong.
    Locked = 3,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Locked => 3,
        }
    }
}

/// A command that did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// A blood group that is none of the eight.
    BadBloodGroup,
    /// A code without its system, or in a wrong form.
    BadCode(&'static str),
    /// A date that is none of the accepted forms. Names the option, never the value.
    BadDate(&'static str),
    /// A duration that is none of the accepted forms.
    BadDuration(&'static str),
    /// A number with neither comma nor point form.
    BadNumber(&'static str),
    /// A length of stay without its unit.
    BadStayLength,
    /// The codes on the two sides were not said to be the same.
    CodesDiffer,
    /// The configuration file holds something else than what is documented.
    ConfigInvalid {
        /// The file.
        path: String,
        /// Where in the file, and what.
        reason: String,
    },
    /// A confirmation is needed, and nobody can be asked.
    ConfirmationNeeded,
    /// A file could not be read.
    FileUnreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file of secrets that other accounts of the machine can read.
    FileShared {
        /// The file.
        path: String,
    },
    /// The end of input came instead of an answer.
    NoAnswer,
    /// The home folder is unknown, and no vault was named.
    NoHome,
    /// A passphrase is needed, and nobody can be asked.
    NoTerminal,
    /// The person said no.
    NotConfirmed,
    /// The passphrase is empty or too long.
    PassphraseLength,
    /// The two entries of a new passphrase are not the same.
    PassphrasesDiffer,
    /// What was typed breaks rules of the record, one sentence each.
    Rules(Vec<Message>),
    /// The words of the command line were not understood. The sentence says which.
    Usage(Message),
}

impl Failure {
    /// A file that could not be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::FileUnreadable { path: path.display().to_string(), reason: error.to_string() }
    }

    /// What happened. The same key has the attributes `meaning` and `hint`.
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::BadBloodGroup => msg!("error-bad-blood-group"),
            Self::BadCode(option) => msg!("error-bad-code", option = *option),
            Self::BadDate(option) => msg!("error-bad-date", option = *option),
            Self::BadDuration(option) => msg!("error-bad-duration", option = *option),
            Self::BadNumber(option) => msg!("error-bad-number", option = *option),
            Self::BadStayLength => msg!("error-bad-stay-length"),
            Self::CodesDiffer => msg!("error-codes-differ"),
            Self::ConfigInvalid { path, reason } => msg!("error-config-invalid", path = path, reason = reason),
            Self::ConfirmationNeeded => msg!("error-confirmation-needed"),
            Self::FileShared { path } => msg!("error-file-shared", path = path),
            Self::FileUnreadable { path, reason } => msg!("error-file-unreadable", path = path, reason = reason),
            Self::NoAnswer => msg!("error-no-answer"),
            Self::NoHome => msg!("error-no-home"),
            Self::NoTerminal => msg!("error-no-terminal"),
            Self::NotConfirmed => msg!("error-not-confirmed"),
            Self::PassphraseLength => msg!("error-passphrase-length"),
            Self::PassphrasesDiffer => msg!("error-passphrases-differ"),
            Self::Rules(rules) => msg!("error-rules", rules = rules.clone()),
            Self::Usage(what) => msg!("error-usage", what = what.clone()),
        }
    }

    /// The name of the failure in `--json`: the key of its message without `error-`, with underscores.
    pub(crate) fn code(&self) -> String {
        let message = self.message();
        message.key().trim_start_matches("error-").replace('-', "_")
    }

    /// The exit status that the failure ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::BadBloodGroup
            | Self::BadCode(_)
            | Self::BadDate(_)
            | Self::BadDuration(_)
            | Self::BadNumber(_)
            | Self::BadStayLength
            | Self::ConfigInvalid { .. }
            | Self::ConfirmationNeeded
            | Self::NoHome
            | Self::Rules(_)
            | Self::Usage(_) => Exit::Usage,
            Self::CodesDiffer | Self::FileUnreadable { .. } | Self::NoAnswer | Self::NotConfirmed => Exit::Failed,
            Self::FileShared { .. } | Self::NoTerminal | Self::PassphraseLength | Self::PassphrasesDiffer => {
                Exit::Locked
            }
        }
    }
}
