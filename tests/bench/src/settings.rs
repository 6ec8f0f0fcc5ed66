//! What to measure, how large, where. The settings never change a goal.

use std::{path::PathBuf, process::ExitCode};

use crate::{measures, names, relay, store};

/// The first argument of a process that a measurement starts: to be killed, or to be weighed alone.
pub(crate) const CHILD: &str = "child";

const USAGE: &str = "usage: tests/figures [--quick] [--rounds N] [NAME...]
       tests/figures --list

Measures every figure whose name begins with one of the NAMEs, or all of them.
  --quick     about a tenth of the size; the size is in each line
  --rounds N  instead of the number that each measurement has
  --list      shows the names";

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    names: Vec<String>,
    rounds: Option<usize>,
    is_quick: bool,
    /// The program healthkit-to-sqlite, if it could be installed.
    pub(crate) healthkit: Option<PathBuf>,
    /// Where the stores that are measured lie: a real disk, not memory.
    pub(crate) folder: PathBuf,
}

impl Settings {
    /// From the command line.
    ///
    /// # Errors
    /// What to say to whoever typed it.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let folder = std::env::temp_dir();
        let mut settings = Self { names: Vec::new(), rounds: None, is_quick: false, healthkit: None, folder };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => settings.is_quick = true,
                "--rounds" => {
                    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                    settings.rounds = Some(rounds.filter(|rounds| *rounds > 0).ok_or(USAGE)?);
                }
                "--folder" => settings.folder = arguments.next().ok_or(USAGE)?.into(),
                "--healthkit" => settings.healthkit = arguments.next().map(PathBuf::from),
                _ if argument.starts_with('-') => return Err(USAGE.to_owned()),
                _ if names().iter().any(|name| name.starts_with(&argument)) => settings.names.push(argument),
                _ => return Err(format!("no figure's name begins with {argument}; --list shows them")),
            }
        }
        Ok(settings)
    }

    /// Whether the figure called `name` was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.starts_with(wanted))
    }

    /// How often to measure, where a measurement says `usual`.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.is_quick { usual.div_ceil(2) } else { usual })
    }

    /// How many, where a full run takes `full`.
    pub(crate) fn scaled(&self, full: usize) -> usize {
        if self.is_quick { full.div_ceil(10) } else { full }
    }
}

/// What a process does that a measurement started.
pub(crate) fn child(arguments: &[String]) -> ExitCode {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *arguments.as_slice() {
        ["store-writer", engine, folder] => store::write_until_killed(engine, folder.as_ref()),
        ["relay", data] => relay::relay_alone(data.as_ref()),
        ["import", file, folder] => measures::import_alone(file, folder.as_ref()),
        _ => Err("a process of the figures was started with arguments it does not know".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
