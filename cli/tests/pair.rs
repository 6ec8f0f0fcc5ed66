//! Two accounts and a relay as processes: a device is added, both exchange, and both end with the same record.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the helpers of tests are not test functions, and the command is started as a process"
)]
#![cfg(feature = "demo")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "quatre mots sans lien 7";

/// A person's account, with nothing of the environment of whoever runs the tests.
struct Account(TempDir);

impl Account {
    fn new() -> Self {
        let account = Self(tempfile::tempdir().unwrap());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        writeln!(options.open(account.path("phrase")).unwrap(), "{PASSPHRASE}").unwrap();
        account
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
        command.env_clear().env("HOME", self.0.path()).args(words).arg("--json");
        command.arg("--passphrase-file").arg(self.path("phrase")).stdin(Stdio::null());
        command
    }

    /// The object that the command ends with; its exit status must be `exit`.
    fn run(&self, exit: i32, words: &[&str]) -> Value {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }

    fn start(&self, words: &[&str]) -> Running {
        Running::of(self.command(words))
    }

    fn digest(&self) -> String {
        self.run(0, &["record", "show"])["data"]["digest"].as_str().unwrap().to_owned()
    }
}

/// A command that lasts; ended with the test.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    said: String,
}

impl Running {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, said: String::new() }
    }

    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        self.said.push_str(&line);
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    fn event(&mut self, name: &str) -> Value {
        loop {
            let said = self.next().unwrap_or_else(|| panic!("no {name} in {}", self.said));
            if said["event"] == name {
                return said;
            }
        }
    }

    fn answer(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    /// The object that it ends with, and all that it said.
    fn end(mut self, exit: i32) -> (Value, String) {
        let mut last = Value::Null;
        while let Some(said) = self.next() {
            last = said;
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(exit), "{}", self.said);
        (last, std::mem::take(&mut self.said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A relay as a process of its own, and its address.
fn relay(account: &Account) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
    command
        .env_clear()
        .env("HOME", account.0.path())
        .args(["demo-relay", "serve", "--json"])
        .arg(account.path("relay"));
    let mut relay = Running::of(command);
    let address = relay.event("listening")["address"].as_str().unwrap().to_owned();
    (relay, address)
}

/// Both sides up to the code that each shows.
fn meet(owner: &Account, other: &Account) -> (Running, Running) {
    let ticket = owner.path("ticket");
    let ticket = ticket.to_str().unwrap();
    let mut inviting = owner.start(&["pair", "invite", "--ticket-out", ticket]);
    inviting.event("ticket");
    let mut joining = other.start(&["pair", "join", ticket, "--label", "Portable", "--name", "Camille"]);
    let code = joining.event("code")["code"].clone();
    assert_eq!(code.as_str().unwrap().len(), "123 456".len());
    assert_eq!(inviting.event("code")["code"], code);
    (inviting, joining)
}

#[test]
fn a_second_device_joins_and_both_end_with_the_same_record() {
    let (owner, other) = (Account::new(), Account::new());
    let (relay, address) = relay(&owner);
    owner.run(0, &["init", "--name", "Camille", "--no-kit", "--relay", &address]);
    owner.run(0, &["import", concat!(env!("CARGO_MANIFEST_DIR"), "/samples/export.zip")]);
    let (mut inviting, mut joining) = meet(&owner, &other);
    inviting.answer("same");
    joining.answer("identique");
    let (invited, said) = inviting.end(0);
    assert_eq!(invited["data"]["label"], "Portable");
    let (joined, _) = joining.end(0);
    assert!(joined["data"]["sync"]["received"].as_u64().unwrap() > 0, "{joined}");

    let ticket = std::fs::read_to_string(owner.path("ticket")).unwrap();
    assert!(!said.contains(ticket.trim()), "the invitation stays out of standard output");
    #[cfg(unix)]
    {
        let metadata = std::fs::metadata(owner.path("ticket")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777, 0o600);
    }
    let again = other.run(4, &["pair", "join", owner.path("ticket").to_str().unwrap(), "--name", "Autre"]);
    assert_eq!(again["error"]["code"], "ticket_closed");

    assert_eq!(owner.digest(), other.digest());
    owner.run(0, &["measure", "add", "weight", "61,5"]);
    other.run(0, &["profile", "add", "allergy", "--name", "Pollen"]);
    assert_ne!(owner.digest(), other.digest());
    assert!(other.run(0, &["sync"])["data"]["sent"].as_u64().unwrap() > 0);
    assert!(owner.run(0, &["sync", "--once"])["data"]["received"].as_u64().unwrap() > 0);
    other.run(0, &["sync"]);
    assert_eq!(owner.digest(), other.digest());

    drop(relay);
    let alone = owner.run(6, &["sync"]);
    assert_eq!(alone["error"]["code"], "unreachable");
}

#[test]
fn a_device_whose_code_was_not_said_to_be_the_same_gets_nothing() {
    let (owner, other) = (Account::new(), Account::new());
    let (_relay, address) = relay(&owner);
    owner.run(0, &["init", "--name", "Camille", "--no-kit", "--relay", &address]);
    let (mut inviting, mut joining) = meet(&owner, &other);
    inviting.answer("different");
    joining.answer("different");
    assert_eq!(inviting.end(4).0["error"]["code"], "codes_differ");
    assert_eq!(joining.end(4).0["error"]["code"], "codes_differ");
    let devices = owner.run(0, &["device", "list"]);
    let names: Vec<&Value> = devices["data"].as_array().unwrap().iter().map(|device| &device["name"]).collect();
    assert!(!names.contains(&&Value::String("Portable".to_owned())), "{devices}");
    assert_eq!(other.run(0, &["record", "list"])["data"], Value::Array(Vec::new()));
}

#[test]
fn a_record_without_a_relay_is_given_one_once() {
    let owner = Account::new();
    let (_one, address) = relay(&owner);
    owner.run(0, &["init", "--name", "Camille", "--no-kit", "--no-relay"]);
    assert_eq!(owner.run(2, &["sync"])["error"]["code"], "no_relay");
    assert_eq!(owner.run(2, &["sync", "--relay", "ailleurs"])["error"]["code"], "bad_relay");
    assert!(owner.run(0, &["sync", "--relay", &address])["data"]["sent"].is_u64());
    owner.run(0, &["sync"]);
    let elsewhere = Account::new();
    let (_two, other) = relay(&elsewhere);
    assert_eq!(owner.run(2, &["sync", "--relay", &other])["error"]["code"], "other_relay");
}

#[test]
fn an_invitation_is_never_shown_where_nobody_reads_it() {
    let owner = Account::new();
    owner.run(0, &["init", "--name", "Camille", "--no-kit", "--no-relay"]);
    for words in [&["pair", "invite"][..], &["pair", "invite", "--code"]] {
        assert_eq!(owner.run(2, words)["error"]["code"], "ticket_needs_place");
    }
    let taken = owner.path("phrase");
    let refused = owner.run(1, &["pair", "invite", "--ticket-out", taken.to_str().unwrap()]);
    assert_eq!(refused["error"]["code"], "file_exists");
    assert_eq!(owner.run(2, &["pair", "join", taken.to_str().unwrap()])["error"]["code"], "not_a_ticket");
}

#[test]
fn the_demonstration_holds() {
    let account = Account::new();
    let folder = account.path("demo");
    let shown = account.run(0, &["demo", folder.to_str().unwrap()]);
    assert_eq!(shown["data"]["equal"], true);
    let records = shown["data"]["records"].as_array().unwrap();
    let names: Vec<&str> = records.iter().map(|record| record["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Camille Dufresne-Exemple", "Eleanor Whitcombe-Sample"]);
    for record in records {
        assert_eq!(record["digests"][0], record["digests"][1], "{record}");
        assert!(record["import"]["added"].as_u64().unwrap() > 20 && record["import"]["refused"] == 0, "{record}");
    }
    assert_ne!(records[0]["digests"][0], records[1]["digests"][0], "two records, not one");
    assert_eq!(shown["data"]["relay"]["records"].as_array().unwrap().len(), 2);
    let audit = std::fs::read(folder.join("relais.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&audit).unwrap(), shown["data"]["relay"]);
    for row in shown["data"]["search"].as_array().unwrap() {
        assert_eq!(row["at_relay"], 0, "{row}");
        assert!(row["in_samples"].as_u64().unwrap() > 0, "{row}");
    }
    let again = account.run(1, &["demo", folder.to_str().unwrap()]);
    assert_eq!(again["error"]["code"], "file_exists");
}

/// The 24 words of a printed sheet, group by group.
fn words_of(sheet: &std::path::Path) -> String {
    let bytes = std::fs::read(sheet).unwrap();
    let page = String::from_utf8_lossy(&bytes);
    let group = |number: usize| {
        let start = page.find(&format!("({number}.  ")).unwrap();
        let line = page[start..].split(')').next().unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    (1..=6).flat_map(group).collect::<Vec<_>>().join(" ")
}

fn restored(account: &Account, words: &str, exit: i32, from: &[&str]) -> Value {
    let mut command = vec!["recovery", "restore", "--words-fd", "0", "--yes", "--name", "Camille"];
    command.extend(from);
    let mut restoring = account.start(&command);
    restoring.answer(words);
    restoring.end(exit).0
}

#[test]
fn atk_22_with_every_device_lost_the_sheet_brings_the_record_back_from_the_relay_or_from_a_file() {
    let (lost, new, far) = (Account::new(), Account::new(), Account::new());
    let (_relay, address) = relay(&lost);
    let sheet = lost.path("kit.pdf");
    let begun = lost.run(0, &["init", "--name", "Camille", "--kit-out", sheet.to_str().unwrap(), "--relay", &address]);
    lost.run(0, &["import", concat!(env!("CARGO_MANIFEST_DIR"), "/samples/scan.png")]);
    lost.run(0, &["sync"]);
    let stick = lost.path("stick");
    lost.run(0, &["sync", "--file", stick.to_str().unwrap()]);
    let (id, digest, words) = (begun["data"]["record"].as_str().unwrap(), lost.digest(), words_of(&sheet));

    let mut wrong: Vec<&str> = words.split(' ').collect();
    wrong[3] = "carnet";
    let place = ["--id", id, "--relay", &address];
    assert_eq!(restored(&new, &wrong.join(" "), 1, &place)["error"]["code"], "kit_words");
    let back = restored(&new, &words, 0, &place);
    assert_eq!(back["data"]["record"], id, "{back}");
    assert_eq!(new.digest(), digest);
    let refused = lost.run(4, &["sync"]);
    assert_eq!(refused["error"]["code"], "not_admitted", "whoever found the old device learns nothing more");

    let back = restored(&far, &words, 0, &["--from", stick.to_str().unwrap()]);
    assert_eq!(back["data"]["record"], id, "{back}");
    assert_eq!(far.digest(), digest);
}
