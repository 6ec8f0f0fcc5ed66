//! The command and the relay as people run them: processes, with their streams and their exit status.
//!
//! Nothing of the machine reaches them: the environment is empty but for a home of the test, and every file is in a
//! folder that goes with the test.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{Ipv4Addr, UdpSocket},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use carnet_interop::intake::archive::Archive;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::terminal::Terminal;

/// How long a process may stay silent before the test gives up, in seconds. Far above what a loaded machine needs.
const PATIENCE_SECONDS: u64 = 120;
/// The passphrase of every vault that a [`Home`] makes.
pub const PASSPHRASE: &str = "trois chevaux bleus devant la gare";

/// A program of this workspace, built beside the running test.
///
/// # Panics
/// If it was not built: `tests/run` builds the workspace before it runs a test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("a test lies in deps/");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first, as tests/run does", path.display());
    path
}

/// One person's account: a folder with a passphrase file, and a place for vaults.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty home.
    #[expect(clippy::new_without_default, reason = "making a folder is more than a default")]
    pub fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().expect("a folder for the test") };
        home.secret("passphrase", PASSPHRASE);
        home
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the home.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.write(name, bytes.as_ref(), 0o644)
    }

    /// A file that only its owner can read.
    pub fn secret(&self, name: &str, text: &str) -> PathBuf {
        self.write(name, format!("{text}\n").as_bytes(), 0o600)
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&path).expect("a file");
        file.write_all(bytes).expect("a file can be written");
        path
    }

    /// The command on the vault `name` of this home.
    pub fn carnet(&self, name: &str) -> Carnet {
        let (home, passphrase) = (self.folder.path().to_owned(), self.path("passphrase"));
        Carnet { home, vault: self.path(name), passphrase, record: None, bus: None }
    }

    /// The command on a new vault with one record.
    pub fn vault(&self, name: &str, record: &str) -> Carnet {
        let carnet = self.carnet(name);
        carnet.run(&["init", "--name", record, "--no-relay", "--no-kit"]).data();
        carnet
    }

    /// A process of this home, with an empty environment.
    pub fn command(&self, name: &str) -> Command {
        command(&program(name), self.folder.path())
    }
}

fn command(program: &Path, home: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "these tests are about processes")]
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("CARNET_LANG", "en").env("TZ", "Europe/Paris").current_dir(home);
    command
}

/// The command on one vault.
#[derive(Clone)]
pub struct Carnet {
    home: PathBuf,
    /// The folder of the vault.
    pub vault: PathBuf,
    passphrase: PathBuf,
    record: Option<String>,
    bus: Option<String>,
}

impl Carnet {
    /// The same vault, opened with the passphrase in another file.
    #[must_use]
    pub fn with_passphrase(&self, path: PathBuf) -> Self {
        Self { passphrase: path, ..self.clone() }
    }

    /// The same vault; commands are about the record of this name.
    #[must_use]
    pub fn of(&self, record: &str) -> Self {
        Self { record: Some(record.to_owned()), ..self.clone() }
    }

    /// The same vault, in the session of the bus with this address.
    #[must_use]
    pub fn on_bus(&self, address: &str) -> Self {
        Self { bus: Some(address.to_owned()), ..self.clone() }
    }

    /// The same vault, in no session.
    #[must_use]
    pub fn without_bus(&self) -> Self {
        Self { bus: None, ..self.clone() }
    }

    /// Runs one command to its end, with `--json`.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "")
    }

    /// The same, with `input` on standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Ran {
        let mut command = self.command(words);
        command.arg("--json");
        finish(&mut command, input, words)
    }

    /// Runs one command to its end as a person would: text, no JSON.
    pub fn talk(&self, words: &[&str]) -> Ran {
        finish(&mut self.command(words), "", words)
    }

    /// Runs one command without saying where the passphrase is.
    pub fn run_locked(&self, words: &[&str]) -> Ran {
        let mut command = self.bare();
        command.args(words).arg("--json");
        finish(&mut command, "", words)
    }

    /// Exports the whole record and gives the file.
    pub fn export(&self, name: &str) -> PathBuf {
        let path = self.home.join(name);
        self.run(&["export", "--yes", "--out", text(&path)]).data();
        path
    }

    /// The digest of the record's canonical export.
    pub fn digest(&self) -> String {
        let shown = self.run(&["record", "show"]).data();
        shown["digest"].as_str().unwrap_or_else(|| panic!("no digest in {shown}")).to_owned()
    }

    /// What the record holds, line by line, sorted: entries but for the reports of imports, which say when, and samples.
    pub fn content(&self) -> Vec<String> {
        let path = self.export("content.zip");
        let mut lines = Vec::new();
        for name in members(&path).iter().filter(|name| name.ends_with(".ndjson") && *name != "access-log.ndjson") {
            let text = String::from_utf8(member(&path, name)).expect("lines of JSON");
            // Each sample goes with its series, which is the first line.
            let series = if name == "entries.ndjson" { "" } else { text.lines().next().unwrap_or_default() };
            lines.extend(text.lines().map(|line| format!("{series}{line}")));
        }
        fs::remove_file(&path).expect("the export can be removed");
        lines.retain(|line| !line.contains(r#""kind":"import-report""#));
        lines.sort();
        lines
    }

    /// Starts a command at a terminal, in front of a person: text, no JSON.
    pub fn at_terminal(&self, words: &[&str]) -> Terminal {
        Terminal::start(&mut self.command(words))
    }

    /// The same without saying where the passphrase is.
    pub fn at_terminal_locked(&self, words: &[&str]) -> Terminal {
        Terminal::start(self.bare().args(words))
    }

    /// Starts a command that lasts, with `--json`.
    pub fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        command.arg("--json");
        Running::start(&mut command)
    }

    fn bare(&self) -> Command {
        let mut command = command(&program("carnet"), &self.home);
        command.arg("--vault").arg(&self.vault);
        if let Some(bus) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.bare();
        command.arg("--passphrase-file").arg(&self.passphrase);
        if let Some(record) = &self.record {
            command.args(["--record", record]);
        }
        command.args(words);
        command
    }
}

/// Runs `command` to its end with `input` on its standard input.
pub fn finish(command: &mut Command, input: &str, words: &[&str]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that does not read its input may end before it was written.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    Ran {
        words: words.join(" "),
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("the output is text"),
        err: String::from_utf8(output.stderr).expect("the talk is text"),
    }
}

/// A command that has ended.
pub struct Ran {
    words: String,
    /// Its exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// A command that another process ran.
    pub fn of(words: &str, code: Option<i32>, out: String, err: String) -> Self {
        Self { words: words.to_owned(), code, out, err }
    }

    /// The JSON object on standard output.
    pub fn json(&self) -> Value {
        let shown = || format!("`{}` ended with {:?}: {}{}", self.words, self.code, self.out, self.err);
        let value: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", shown()));
        assert_eq!(value["schema"], "carnet.cli/1", "{}", shown());
        value
    }

    /// The data of a command that did what was asked.
    pub fn data(&self) -> Value {
        let mut value = self.json();
        assert!(self.code == Some(0) && value["ok"] == true, "`{}`: {:?} {value}", self.words, self.code);
        value["data"].take()
    }

    /// The codes of the warnings.
    pub fn warnings(&self) -> Vec<String> {
        let value = self.json();
        let warnings = value["warnings"].as_array().expect("a list").iter();
        warnings.map(|warning| warning["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// The code of the failure, once the exit status is found to be `exit` in both places.
    pub fn refused(&self, exit: i32) -> String {
        let value = self.json();
        assert_eq!(self.code, Some(exit), "`{}`: {value}", self.words);
        assert_eq!((value["ok"].clone(), value["error"]["exit"].clone()), (false.into(), exit.into()), "{value}");
        for part in ["message", "hint"] {
            assert!(value["error"][part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {value}");
        }
        value["error"]["code"].as_str().expect("a failure has a code").to_owned()
    }
}

/// A process that is still running. It is killed when it is dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Receiver<String>,
    err: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdin = child.stdin.take();
        let out = lines(child.stdout.take().expect("a pipe"));
        let err = lines(child.stderr.take().expect("a pipe"));
        Self { child, stdin, out, err, seen: Vec::new() }
    }

    /// Writes a line to the standard input.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush()).expect("the program listens");
    }

    /// The next event with this name on standard output, past others.
    pub fn event(&mut self, name: &str) -> Value {
        loop {
            let value = self.line();
            if value["event"] == name {
                return value;
            }
            assert_ne!(value["ok"], false, "instead of {name}: {value}");
        }
    }

    /// The next JSON line on standard output.
    fn line(&mut self) -> Value {
        let Ok(line) = self.out.recv_timeout(Duration::from_secs(PATIENCE_SECONDS)) else {
            let talk: Vec<String> = self.err.try_iter().collect();
            panic!("the program said no more after {:#?} and {talk:#?}", self.seen);
        };
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.seen.push(line);
        value
    }

    /// The next line on standard error; none when the process has ended.
    pub fn talk(&mut self) -> Option<String> {
        self.err.recv_timeout(Duration::from_secs(PATIENCE_SECONDS)).ok()
    }

    /// Closes the standard input and waits for the end. Gives what it said, line by line.
    pub fn finish(mut self) -> (Option<i32>, Vec<Value>) {
        drop(self.stdin.take());
        let mut said = Vec::new();
        while let Ok(line) = self.out.recv_timeout(Duration::from_secs(PATIENCE_SECONDS)) {
            said.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        (self.child.wait().expect("the program ends").code(), said)
    }

    /// Asks the process to end, as Ctrl-C does, and waits for that. Its standard input stays open. Gives what it said.
    pub fn interrupt(mut self) -> (Option<i32>, Vec<Value>) {
        interrupt(&self.child);
        let input = self.stdin.take();
        let ended = self.finish();
        drop(input);
        ended
    }

    /// Ends the process at once, as `kill -9` does, and says how it ended: by this, or by itself before.
    pub fn kill(mut self) -> ExitStatus {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().expect("the program has ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a process to end, as Ctrl-C does.
pub fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("the process is there");
}

/// The lines of a pipe, read aside so that the process is never held up by a full one.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Seconds since the machine started, from the kernel: how long something took is what some tests measure.
pub fn uptime() -> f64 {
    let text = fs::read_to_string("/proc/uptime").expect("the kernel's clock");
    text.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

/// Lets `time` pass: another process needs it, and a kill needs its moment.
pub fn wait(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "processes have no clock that a test could own")]
    std::thread::sleep(time);
}

/// A path as the command line takes it.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the tests is text")
}

/// The names of the members of an archive.
pub fn members(archive: &Path) -> Vec<String> {
    let archive = Archive::open(File::open(archive).expect("the archive is there")).expect("an archive");
    archive.members().iter().map(|member| member.name.clone()).collect()
}

/// One member of an archive.
pub fn member(archive: &Path, name: &str) -> Vec<u8> {
    let mut archive = Archive::open(File::open(archive).expect("the archive is there")).expect("an archive");
    let index = archive.members().iter().find(|member| member.name == name).expect("the member is there").index;
    let mut bytes = Vec::new();
    archive.member(index).expect("a member opens").read_to_end(&mut bytes).expect("a member can be read");
    bytes
}

/// A relay as its operator runs it, on this machine only.
pub struct Relay {
    home: PathBuf,
    /// Where it keeps what it holds.
    pub folder: PathBuf,
    port: u16,
    /// What `--relay` takes.
    pub address: String,
    running: Option<Running>,
}

impl Relay {
    /// A new relay, running.
    pub fn new(home: &Home) -> Self {
        let folder = home.path("relay");
        let mut init = home.command("carnet-relay");
        let ran = finish(init.arg("init").arg("--data").arg(&folder), "", &["carnet-relay init"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        // A port that is free now, so that the relay can come back under the same address.
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut relay = Self { home: home.path(""), folder, port, address: String::new(), running: None };
        relay.start();
        relay
    }

    /// Starts it again under its address.
    pub fn start(&mut self) {
        let mut command = command(&program("carnet-relay"), &self.home);
        command.args(["serve", "--json", "--listen", &format!("127.0.0.1:{}", self.port), "--data"]).arg(&self.folder);
        let mut running = Running::start(&mut command);
        let address = running.event("listening")["address"].as_str().expect("an address").to_owned();
        assert!(self.address.is_empty() || self.address == address, "the relay comes back where it was");
        self.address = address;
        self.running = Some(running);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.running.take().expect("the relay runs").kill();
    }

    /// Deletes what confirmed snapshots stand for, at once. It must not be running.
    pub fn collect(&self) -> Value {
        let mut command = command(&program("carnet-relay"), &self.home);
        command.args(["gc", "--grace-days", "0", "--json", "--data"]).arg(&self.folder);
        let ran = finish(&mut command, "", &["carnet-relay gc"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).expect("one event")
    }

    /// What it holds, as an outsider with its disk sees it.
    pub fn audit(&self) -> Value {
        let mut command = command(&program("carnet-relay"), &self.home);
        let ran =
            finish(command.args(["audit", "--out", "-", "--data"]).arg(&self.folder), "", &["carnet-relay audit"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).expect("the audit is JSON")
    }
}

/// Every file below `folder`, with its bytes, in the order of the names.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let entry = entry.expect("an entry can be read");
            if entry.file_type().expect("an entry has a type").is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), fs::read(entry.path()).expect("a file can be read")));
            }
        }
    }
    found.sort();
    found
}

/// Where `needle` is among the names and bytes of the files below `folder`.
pub fn search(folder: &Path, needle: &[u8]) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let mut found = Vec::new();
    for (path, bytes) in files(folder) {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        if holds(name.as_bytes()) {
            found.push(format!("the name {name}"));
        }
        if holds(&bytes) {
            found.push(format!("the bytes of {name}"));
        }
    }
    found
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        fs::create_dir_all(target.parent().expect("in a folder")).expect("a folder can be made");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(target).expect("a file");
        file.write_all(&bytes).expect("a file can be written");
    }
}
