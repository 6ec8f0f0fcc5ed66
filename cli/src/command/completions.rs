//! `completions`: the script with which a shell completes the words of the command.
//!
//! It knows commands, options and fixed values, never anything from a vault: no health word can reach a shell's
//! history through it.

use clap_complete::{Shell, generate};

use crate::{
    args,
    i18n::Texts,
    ui::{Block, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(options: &Options, texts: &Texts) -> Report {
    let mut script = Vec::new();
    generate(options.shell, &mut args::grammar(texts), "carnet", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Report {
        data: serde_json::json!({ "shell": options.shell.to_string(), "script": script }),
        page: vec![Block::Lines(script)],
        ..Report::default()
    }
}
