//! The command line: every command, option and value (`carnet --help`). Texts of help are in the Fluent files.
//!
//! No option takes a passphrase, a seed, a share, a ticket or a token: secrets come from a prompt, a file that only its
//! owner can read, or an open descriptor.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint};

use crate::{
    command,
    error::Failure,
    help,
    i18n::{Language, Texts},
};

/// All that was said on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "carnet",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    infer_long_args = false
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that stand before or after the command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, display_order = 1000)]
    pub(crate) vault: Option<PathBuf>,
    #[arg(long, global = true, value_name = "NAME", display_order = 1001)]
    pub(crate) record: Option<String>,
    #[arg(long, global = true, display_order = 1002)]
    pub(crate) json: bool,
    #[arg(long, global = true, display_order = 1003)]
    pub(crate) yes: bool,
    #[arg(long, global = true, display_order = 1004)]
    pub(crate) quiet: bool,
    #[arg(long, global = true, value_name = "LANG", display_order = 1005)]
    pub(crate) lang: Option<Language>,
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, display_order = 1006)]
    #[arg(conflicts_with = "passphrase_fd")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[arg(long, global = true, value_name = "N", display_order = 1007)]
    pub(crate) passphrase_fd: Option<i32>,
    #[arg(short = 'h', long, global = true, action = ArgAction::Help, display_order = 1008)]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version, display_order = 1009)]
    version: Option<bool>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(command::init::Options),
    Unlock(command::unlock::Options),
    Lock(command::lock::Options),
    Status(command::status::Options),
    Doctor(command::doctor::Options),
    Record(command::record::Options),
    Profile(Box<command::profile::Options>),
    Measure(command::measure::Options),
    Document(command::document::Options),
    Agenda(command::agenda::Options),
    Contact(Box<command::contact::Options>),
    Timeline(command::timeline::Options),
    Import(command::import::Options),
    Export(command::export::Options),
    Log(command::log::Options),
    Device(command::device::Options),
    Pair(command::pair::Options),
    Sync(command::sync::Options),
    Recovery(command::recovery::Options),
    #[cfg(feature = "demo")]
    Demo(command::demo::Options),
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    DemoRelay(command::demo_relay::Options),
    Completions(command::completions::Options),
    #[command(hide = true)]
    IntakeWorker,
}

impl Command {
    /// The words of the command, as `--json` names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Agenda(options) => options.action.name(),
            Self::Completions(_) => "completions",
            Self::Contact(options) => options.action.name(),
            #[cfg(feature = "demo")]
            Self::Demo(_) => "demo",
            #[cfg(feature = "demo")]
            Self::DemoRelay(_) => "demo-relay",
            Self::Device(options) => options.action.name(),
            Self::Doctor(_) => "doctor",
            Self::Document(options) => options.action.name(),
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Init(_) => "init",
            Self::IntakeWorker => "intake-worker",
            Self::Lock(_) => "lock",
            Self::Log(options) => options.action.name(),
            Self::Measure(options) => options.action.name(),
            Self::Pair(options) => options.action.name(),
            Self::Profile(options) => options.action.name(),
            Self::Record(options) => options.action.name(),
            Self::Recovery(options) => options.action.name(),
            Self::Status(_) => "status",
            Self::Sync(_) => "sync",
            Self::Timeline(_) => "timeline",
            Self::Unlock(_) => "unlock",
        }
    }
}

/// The command line in the language of `texts`, ready to parse or to describe.
pub(crate) fn grammar(texts: &Texts) -> clap::Command {
    help::localise(Arguments::command(), texts)
}

/// Why no command is to be run.
pub(crate) enum Stop {
    /// Help or the version was asked for: print it and end well.
    Show(String),
    /// Nothing was asked for: print the help as talk and end as a wrong use.
    ShowAndFail(String, Failure),
    /// The words were not understood.
    Refuse(Failure),
}

/// Reads `words` (the program's name first).
pub(crate) fn parse(words: Vec<std::ffi::OsString>, texts: &Texts) -> Result<Arguments, Stop> {
    let mut grammar = grammar(texts);
    let matches = grammar.try_get_matches_from_mut(words).map_err(|error| help::explain(&error, &mut grammar))?;
    Arguments::from_arg_matches(&matches).map_err(|error| help::explain(&error, &mut grammar))
}

/// What decides how to speak, read before the words are parsed: even a refusal must come in the right form.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Glance {
    /// `--json` is there.
    pub(crate) json: bool,
    /// `--quiet` is there.
    pub(crate) quiet: bool,
    /// The value of `--lang`, if it is one of ours.
    pub(crate) language: Option<Language>,
}

impl Glance {
    /// Looks through `words`, up to a lone `--`.
    pub(crate) fn over(words: &[std::ffi::OsString]) -> Self {
        let mut seen = Self::default();
        let mut words = words.iter().skip(1).map(|word| word.to_string_lossy()).take_while(|word| word != "--");
        while let Some(word) = words.next() {
            match word.as_ref() {
                "--json" => seen.json = true,
                "--quiet" => seen.quiet = true,
                "--lang" => seen.language = words.next().and_then(|name| Language::of_locale(&name)),
                other => {
                    if let Some(name) = other.strip_prefix("--lang=") {
                        seen.language = Language::of_locale(name);
                    }
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<std::ffi::OsString> {
        std::iter::once("carnet").chain(line.split_whitespace()).map(Into::into).collect()
    }

    fn refused(line: &str) -> Failure {
        match parse(words(line), &Texts::new(Language::French)) {
            Err(Stop::Refuse(failure) | Stop::ShowAndFail(_, failure)) => failure,
            Err(Stop::Show(text)) => panic!("{text}"),
            Ok(arguments) => panic!("{arguments:?}"),
        }
    }

    #[test]
    fn the_grammar_has_no_contradiction() {
        for language in [Language::French, Language::English] {
            grammar(&Texts::new(language)).debug_assert();
        }
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["--json --vault /v completions bash", "completions bash --vault /v --json"] {
            let Ok(arguments) = parse(words(line), &Texts::new(Language::French)) else { panic!("{line}") };
            assert!(arguments.global.json);
            assert_eq!(arguments.global.vault.as_deref(), Some(std::path::Path::new("/v")));
        }
    }

    #[test]
    fn a_glance_tells_how_to_speak_before_the_words_are_understood() {
        let seen = Glance::over(&words("--lang en frobnicate --json"));
        assert_eq!(seen, Glance { json: true, quiet: false, language: Some(Language::English) });
        assert!(!Glance::over(&words("--lang=fr -- --json")).json);
    }

    #[test]
    fn fault_j_a_secret_on_the_command_line_is_refused_and_not_repeated() {
        let ui = crate::ui::Ui::new(crate::ui::Manner::default(), None);
        for line in ["completions bash --passphrase=hunter2", "--passphrase hunter2 completions bash"] {
            let text = ui.text(&refused(line).message());
            assert!(text.contains("--passphrase") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_ends_as_a_wrong_use() {
        for line in ["", "frobnicate", "completions", "completions csh", "--lang de completions bash", "--frob"] {
            assert_eq!(refused(line).exit().code(), 2, "{line}");
        }
    }
}
