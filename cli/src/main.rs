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
mod qr;
mod ui;

use std::{ffi::OsString, process::ExitCode};

use crate::{
    args::{Arguments, Command, Glance, Stop},
    config::{Config, Environment, Stated},
    error::Failure,
    ui::{Block, Manner, Report, Ui},
};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
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
    let outcome = run(arguments, &ui);
    ui.close(arguments.command.name(), outcome)
}

fn run(arguments: &Arguments, ui: &Ui) -> Result<Report, Failure> {
    match &arguments.command {
        Command::Completions(options) => Ok(command::completions::run(options, ui.texts())),
    }
}
