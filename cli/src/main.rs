//! `carnet`, the command: reads the words, runs one command on the vault, says how it ended.
//!
//! It holds no cryptography and parses no outside format: the vault and the import do. Only `ui` speaks, only
//! `config` reads the environment, only `keyring` touches a passphrase.

mod args;
mod command;
mod config;
mod error;
mod form;
mod help;
mod i18n;
mod input;
mod keyring;
mod kit;
mod network;
mod qr;
mod session;
mod ui;
mod words;

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use carnet_interop::intake::worker;
use carnet_record::ZoneHistory;

use crate::{
    args::{Arguments, Command, Glance, Stop},
    config::{Config, Environment, Stated},
    error::Failure,
    keyring::Source,
    session::{Session, SystemClock},
    ui::{Block, Manner, Report, Ui},
};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if words.len() == 2 && words.get(1).is_some_and(|word| word == worker::ARGUMENT) {
        return ExitCode::from(worker::serve());
    }
    let environment = Environment::of_process();
    let glance = Glance::over(&words);
    let language = glance.language.or_else(|| environment.language()).unwrap_or_default();
    let manner = Manner { language, json: glance.json, quiet: glance.quiet, yes: false };
    let ui = Ui::new(manner, environment.columns());
    let exit = match args::parse(words, ui.texts()) {
        Ok(arguments) => start(&arguments, &environment, &ui),
        Err(Stop::Show(text)) => ui.close("help", Ok(lines(text))),
        Err(Stop::ShowAndFail(text, failure)) => {
            ui.show(&[Block::Lines(text)]);
            ui.close("help", Err(failure))
        }
        Err(Stop::Refuse(failure)) => ui.close("help", Err(failure)),
    };
    ExitCode::from(exit)
}

fn lines(text: String) -> Report {
    Report { data: serde_json::json!({ "text": text }), page: vec![Block::Lines(text)], ..Report::default() }
}

/// Settles the configuration, which may change the language, and runs the command.
fn start(arguments: &Arguments, environment: &Environment, plain: &Ui) -> u8 {
    let global = &arguments.global;
    let stated = Stated { vault: global.vault.clone(), record: global.record.clone(), language: global.lang };
    let config = match Config::settle(stated, environment) {
        Ok(config) => config,
        Err(failure) => return plain.close(arguments.command.name(), Err(failure)),
    };
    let manner = Manner { language: config.language, json: global.json, quiet: global.quiet, yes: global.yes };
    let ui = Ui::new(manner, environment.columns());
    let source = Source::of(global.passphrase_file.as_deref(), global.passphrase_fd);
    let zones = config.zone.clone().unwrap_or_else(ZoneHistory::utc);
    let session = Session { ui: &ui, config: &config, source, clock: Arc::new(SystemClock), zones };
    ui.close(arguments.command.name(), run(&arguments.command, &session))
}

fn run(command: &Command, session: &Session<'_>) -> Result<Report, Failure> {
    match command {
        Command::Agenda(options) => command::agenda::run(options, session),
        Command::Completions(options) => Ok(command::completions::run(options, session.ui.texts())),
        Command::Timeline(options) => command::timeline::run(options, session),
        Command::Contact(options) => command::contact::run(options, session),
        #[cfg(feature = "demo")]
        Command::Demo(options) => command::demo::run(options, session),
        #[cfg(feature = "demo")]
        Command::DemoRelay(options) => command::demo_relay::run(options, session),
        Command::Device(options) => command::device::run(options, session),
        Command::Doctor(options) => command::doctor::run(options, session),
        Command::Document(options) => command::document::run(options, session),
        Command::Export(options) => command::export::run(options, session),
        Command::Import(options) => command::import::run(options, session),
        Command::Init(options) => command::init::run(options, session),
        // Taken up in `main`, before anything else is looked at.
        Command::IntakeWorker => Err(Failure::WorkerFailed),
        Command::Lock(_) => command::lock::run(session),
        Command::Log(options) => command::log::run(options, session),
        Command::Measure(options) => command::measure::run(options, session),
        Command::Pair(options) => command::pair::run(options, session),
        Command::Profile(options) => command::profile::run(options, session),
        Command::Record(options) => command::record::run(options, session),
        Command::Recovery(options) => command::recovery::run(options, session),
        Command::Status(_) => command::status::run(session),
        Command::Sync(options) => command::sync::run(options, session),
        Command::Unlock(options) => command::unlock::run(options, session),
    }
}
