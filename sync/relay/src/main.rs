//! `carnet-relay`: the relay's own command. Data goes to standard output, talk to standard error.

mod help;
mod talk;

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use carnet_crypto::door::{Clock, UnixMillis};
use carnet_relay::{
    BackupError, CollectError, ConfigError, InitError, Policy, ServeError, ServeOptions, StoreError, audit, backup,
    collect, init, restore, serve, status,
};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, error::ErrorKind};
use serde::Serialize;
use talk::{Lang, Talk};

/// The schema of everything that `--json` prints.
const SCHEMA: &str = "carnet.cli/1";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A blind relay for Carnet: stores and forwards what it cannot read.
#[derive(Debug, Parser)]
#[command(name = "carnet-relay", version, propagate_version = true)]
struct Arguments {
    /// Prints events and results as JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    /// Says nothing but errors.
    #[arg(long, global = true)]
    quiet: bool,
    /// The language of what is said. By default that of the locale, or French.
    #[arg(long, global = true, value_enum)]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a relay in an empty folder.
    Init {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// Who may create a record.
        #[arg(long, value_enum, default_value_t = PolicyName::Open)]
        policy: PolicyName,
    },
    /// Runs the relay until it is told to stop.
    Serve {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// Address and port to listen on; repeat it for more. Port 0 lets the system choose.
        #[arg(long, required = true)]
        listen: Vec<SocketAddr>,
    },
    /// Says how much is stored.
    Status {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
    },
    /// Writes what is stored as an outsider with the disk sees it, as JSON.
    Audit {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// The file to write, or - for standard output.
        #[arg(long)]
        out: PathBuf,
    },
    /// Deletes envelopes that confirmed snapshots have covered for long enough. The relay must not be running.
    Gc {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// Days that a snapshot must have been confirmed.
        #[arg(long, default_value_t = 30)]
        grace_days: u32,
    },
    /// Copies everything, the relay's key included, into one file. The relay may be running.
    Backup {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// The file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// Makes a relay in an empty folder from a backup. Devices will offer again what the backup lacks.
    Restore {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        /// The folder.
        #[arg(long)]
        data: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PolicyName {
    /// Everybody who knows the relay's address.
    Open,
    /// Who shows the token that is part of the relay's address.
    Token,
}

/// What went wrong, and how the command ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Collect(#[from] CollectError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        let store = match self {
            Self::Serve(ServeError::Bind(_)) => return 6,
            Self::Backup(BackupError::Damaged(_)) => return 5,
            Self::Backup(BackupError::Store(store))
            | Self::Collect(CollectError::Store(store))
            | Self::Init(InitError::Store(store))
            | Self::Serve(ServeError::Store(store))
            | Self::Store(store) => store,
            _ => return 1,
        };
        match store {
            StoreError::Damaged(_) => 5,
            StoreError::Busy => 75,
            _ => 1,
        }
    }
}

/// The operating system's clock, opened here and nowhere else.
#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where this binary reads the clock")]
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[derive(Serialize)]
struct Event<'a, T: Serialize> {
    schema: &'static str,
    #[serde(rename = "event")]
    name: &'a str,
    #[serde(flatten)]
    more: T,
}

#[derive(Serialize)]
struct Listening {
    address: String,
}

#[derive(Serialize)]
struct Nothing {}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let lang = lang_of(&words);
    let arguments = match parse(words, lang) {
        Ok(arguments) => arguments,
        Err(error) => return stopped(&error, lang),
    };
    let talk = Talk::new(lang, arguments.quiet);
    match run(&arguments, &talk) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            talk.failed(&failure, code);
            ExitCode::from(code)
        }
    }
}

fn parse(words: Vec<OsString>, lang: Lang) -> Result<Arguments, clap::Error> {
    let matches = help::grammar(Arguments::command(), lang).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

/// Help was asked for, or the words are not understood.
fn stopped(error: &clap::Error, lang: Lang) -> ExitCode {
    if lang == Lang::Fr && error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        Talk::misunderstood(&help::refused(error));
    } else {
        // There is nobody to tell that standard output is closed.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The language that is asked for, before the words are understood: their own refusal is said in it.
fn lang_of(words: &[OsString]) -> Lang {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let asked = words.iter().find_map(|word| word.strip_prefix("--lang="));
    let asked = asked
        .or_else(|| words.iter().zip(words.iter().skip(1)).find(|(word, _)| **word == "--lang").map(|(_, name)| *name));
    #[expect(clippy::disallowed_methods, reason = "the one place where this binary reads the environment")]
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let of_locale = || ["CARNET_LANG", "LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    match asked.map(str::to_owned).or_else(of_locale) {
        Some(name) if name.starts_with("en") => Lang::En,
        _ => Lang::Fr,
    }
}

fn run(arguments: &Arguments, talk: &Talk) -> Result<(), Failure> {
    let json = arguments.json;
    match &arguments.command {
        Command::Init { data, policy } => {
            let policy = match policy {
                PolicyName::Open => Policy::Open,
                PolicyName::Token => Policy::Token,
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where this binary opens the source of chance"
            )]
            init(data, policy, &mut rand::rng())?;
            talk.made(data);
            if json {
                event("initialised", Nothing {})?;
            }
        }
        Command::Serve { data, listen } => run_serve(data, listen, json, talk)?,
        Command::Status { data } => {
            let status = status(data)?;
            if json { event("status", &status)? } else { line(&talk.status(&status))? }
        }
        Command::Audit { data, out } => {
            let audit = audit(data, SystemClock.now())?;
            let mut text = serde_json::to_vec_pretty(&audit).map_err(io::Error::other)?;
            text.push(b'\n');
            if out.as_os_str() == "-" {
                io::stdout().lock().write_all(&text)?;
            } else {
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", out.display()));
                options.open(out).map_err(named)?.write_all(&text).map_err(named)?;
                talk.written(out);
            }
        }
        Command::Gc { data, grace_days } => {
            let collected = collect(data, SystemClock.now(), u64::from(*grace_days).saturating_mul(DAY_MS))?;
            talk.collected(&collected);
            if json {
                event("collected", collected)?;
            }
        }
        Command::Backup { data, out } => {
            backup(data, out)?;
            talk.backed_up(out);
            if json {
                event("backup", Nothing {})?;
            }
        }
        Command::Restore { from, data } => {
            restore(from, data, SystemClock.now())?;
            talk.restored(data);
            if json {
                event("restored", Nothing {})?;
            }
        }
    }
    Ok(())
}

fn run_serve(data: &std::path::Path, listen: &[SocketAddr], json: bool, talk: &Talk) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = ServeOptions { data: data.to_owned(), listen: listen.to_vec() };
    let mut unheard = Ok(());
    runtime.block_on(serve(
        options,
        Arc::new(SystemClock),
        |address| {
            talk.listening();
            let address = address.to_string();
            unheard = if json { event("listening", Listening { address }) } else { line(&address) };
        },
        stop(),
    ))?;
    unheard?;
    talk.stopped();
    if json { Ok(event("stopped", Nothing {})?) } else { Ok(()) }
}

/// Waits until the operator, or the system, says stop.
async fn stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}

fn event(name: &str, more: impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(&Event { schema: SCHEMA, name, more }).map_err(io::Error::other)?;
    line(&text)
}

fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
