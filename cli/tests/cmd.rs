//! The command as a process: its streams, its exit statuses, and what people and scripts may do to it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the helpers of tests are not test functions, and the command is started as a process"
)]

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "quatre mots sans lien 7";

/// A person's account: a home of its own, a passphrase in a file, nothing of the environment of whoever runs the tests.
struct Account {
    home: TempDir,
}

impl Account {
    fn new() -> Self {
        let account = Self { home: tempfile::tempdir().unwrap() };
        account.secret_file("phrase", PASSPHRASE);
        account
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn secret_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        writeln!(options.open(&path).unwrap(), "{content}").unwrap();
        path
    }

    /// The command without passphrase, without terminal, in French.
    fn bare(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
        command.env_clear().env("HOME", self.home.path()).stdin(Stdio::null()).args(words);
        command
    }

    /// The command with the passphrase of the account.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.bare(words);
        command.arg("--passphrase-file").arg(self.path("phrase"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The object of `--json`, whose exit status must be `exit`.
    fn json(&self, exit: i32, words: &[&str]) -> Value {
        let output = self.command(words).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {}", text(&output));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        assert_eq!(said["schema"], "carnet.cli/1");
        assert_eq!(said["ok"], exit == 0);
        said
    }

    fn with_record() -> Self {
        let account = Self::new();
        account.json(0, &["init", "--name", "Camille", "--no-kit"]);
        account
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn samples() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/samples/export.zip").to_owned()
}

#[test]
fn what_is_added_is_listed_shown_edited_removed_and_brought_back() {
    let account = Account::with_record();
    let added = account.json(0, &["measure", "add", "weight", "72,4", "--at", "2026-03-01"]);
    let id = added["data"]["id"].as_str().unwrap().to_owned();
    let listed = account.json(0, &["measure", "list", "weight"]);
    assert_eq!(listed["data"][0]["value"]["value"], "72.4");
    assert_eq!(account.json(0, &["measure", "show", &id[..8]])["data"]["id"], id.as_str());
    account.json(0, &["measure", "edit", &id, "--value", "72,5", "--comment", "corrigé"]);
    let shown = account.json(0, &["measure", "show", &id, "--history"]);
    assert_eq!(shown["data"]["value"]["value"], "72.5");
    assert_eq!(shown["data"]["history"].as_array().unwrap().len(), 2);
    account.json(0, &["measure", "remove", &id]);
    assert_eq!(account.json(0, &["measure", "list"])["data"], Value::Array(Vec::new()));
    account.json(0, &["measure", "edit", &id, "--restore"]);
    assert_eq!(account.json(0, &["measure", "list"])["data"].as_array().unwrap().len(), 1);
}

#[test]
fn every_noun_takes_an_entry() {
    let account = Account::with_record();
    for words in [
        &["profile", "add", "disease", "--name", "Asthme", "--start", "2015-03", "--code", "cim10|J45"][..],
        &["profile", "add", "treatment", "--name", "Salbutamol", "--dosage", "2 bouffées"],
        &["profile", "add", "allergy", "--name", "Pollen", "--criticality", "low"],
        &["profile", "add", "blood-group", "--group", "AB-"],
        &["profile", "add", "vaccine", "--name", "Tétanos", "--at", "2020-05"],
        &["profile", "add", "stay", "--name", "Appendicite", "--start", "2001", "--duration", "3j"],
        &["profile", "add", "identity", "--family", "Martin", "--given", "Camille", "--birth", "1984"],
        &["profile", "none", "treatment"],
        &["measure", "add", "blood-pressure", "120/80"],
        &["agenda", "add", "appointment", "--title", "Contrôle", "--at", "2027-01-05T09:00:00+01:00"],
        &["contact", "add", "relative", "--family", "Martin", "--given", "Paul", "--types", "emergency,trusted"],
    ] {
        account.json(0, words);
    }
    assert_eq!(account.json(0, &["profile", "list"])["data"].as_array().unwrap().len(), 8);
    assert_eq!(account.json(0, &["agenda", "list"])["data"].as_array().unwrap().len(), 1);
    assert_eq!(account.json(0, &["contact", "list"])["data"][0]["types"][0], "EMERGENCY_CONTACT");
    account.json(0, &["profile", "none", "treatment", "--undo"]);
    assert_eq!(account.json(0, &["profile", "list"])["data"].as_array().unwrap().len(), 7);
}

#[test]
fn a_broken_rule_saves_nothing_and_says_the_rule() {
    let account = Account::with_record();
    let refused = account.json(2, &["measure", "add", "weight", "7000"]);
    assert_eq!(refused["error"]["code"], "rules");
    assert!(refused["error"]["message"].as_str().unwrap().contains("600"), "{refused}");
    for part in ["meaning", "hint"] {
        assert!(refused["error"][part].is_string(), "{part}");
    }
    assert_eq!(account.json(0, &["measure", "list"])["data"], Value::Array(Vec::new()));
}

#[test]
fn an_import_adds_once_and_says_what_became_of_every_row() {
    let account = Account::with_record();
    let samples = samples();
    let first = account.json(0, &["import", &samples]);
    let total = &first["data"]["total"];
    assert!(total["added"].as_u64().unwrap() > 0);
    let parts = ["added", "already_there", "merged", "set_aside", "refused"];
    let sum: u64 = parts.iter().map(|part| total[part].as_u64().unwrap()).sum();
    assert_eq!(total["read"].as_u64().unwrap(), sum);
    let again = account.json(0, &["import", &samples]);
    assert_eq!(again["data"]["total"]["added"], 0);
    assert_eq!(account.json(0, &["import", &samples, "--dry-run"])["data"]["dry_run"], true);
    let days = account.json(0, &["measure", "list", "heart-rate", "--daily"]);
    assert!(!days["data"].as_array().unwrap().is_empty());
}

#[test]
fn a_file_about_someone_else_leaves_nothing() {
    let account = Account::with_record();
    account.json(0, &["profile", "add", "identity", "--name", "Autre", "--birth", "1950-01-01"]);
    let refused = account.json(1, &["import", &samples()]);
    assert_eq!(refused["error"]["code"], "other_person");
    assert_eq!(account.json(0, &["measure", "list", "--sources"])["data"], Value::Array(Vec::new()));
    account.json(0, &["import", &samples(), "--accept-other-person"]);
}

#[test]
fn a_document_comes_out_as_it_went_in() {
    let account = Account::with_record();
    let file = account.path("Compte rendu (IRM).pdf");
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .unwrap()
        .write_all(b"%PDF-1.4\n%%EOF\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let added = account.json(0, &["document", "add", file, "--category", "CPT_REND"]);
    let id = added["data"][0]["id"].as_str().unwrap().to_owned();
    assert!(!added.to_string().contains("attachment"), "the key of a file stays in the vault");
    let out = account.path("out.pdf");
    account.json(0, &["document", "show", &id, "--out", out.to_str().unwrap()]);
    assert_eq!(std::fs::read(&out).unwrap(), b"%PDF-1.4\n%%EOF\n");
    let again = account.json(1, &["document", "show", &id, "--out", out.to_str().unwrap()]);
    assert_eq!(again["error"]["code"], "file_exists");
}

#[test]
fn the_access_log_holds_and_an_altered_one_does_not() {
    let account = Account::with_record();
    account.json(0, &["import", &samples()]);
    let file = account.path("log.ndjson");
    let name = file.to_str().unwrap();
    account.json(0, &["log", "list", "--out", name]);
    assert_eq!(account.json(0, &["log", "verify"])["data"]["holds"], true);
    assert_eq!(account.json(0, &["log", "verify", name])["data"]["holds"], true);
    let log = std::fs::read_to_string(&file).unwrap();
    let cut: Vec<&str> = log.lines().skip(1).collect();
    let altered = account.secret_file("altered.ndjson", &cut.join("\n"));
    let broken = account.json(5, &["log", "verify", altered.to_str().unwrap()]);
    assert_eq!(broken["error"]["code"], "log_broken");
}

#[test]
fn a_wrong_passphrase_and_a_missing_one_end_with_3() {
    let account = Account::with_record();
    let wrong = account.secret_file("wrong", "une autre phrase de passe");
    let output = account.bare(["status", "--json", "--passphrase-file"]).arg(&wrong).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let output = account.bare(["status", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("no_terminal"), "{}", text(&output));
}

#[test]
fn fault_j_a_shared_passphrase_file_is_refused() {
    let account = Account::with_record();
    #[cfg(unix)]
    {
        let shared = account.secret_file("shared", PASSPHRASE);
        std::fs::set_permissions(&shared, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let output = account.bare(["status", "--json", "--passphrase-file"]).arg(&shared).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output).contains("file_shared"), "{}", text(&output));
    }
}

#[test]
fn a_passphrase_comes_from_an_open_descriptor() {
    let account = Account::with_record();
    let mut child = account
        .bare(["status", "--json", "--passphrase-fd", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn fault_j_a_weak_new_passphrase_makes_no_vault() {
    let account = Account::new();
    account.secret_file("phrase", "azertyuiop");
    let refused = account.json(2, &["init", "--name", "Camille", "--no-kit"]);
    assert_eq!(refused["error"]["code"], "passphrase_weak");
    assert_eq!(account.json(1, &["status"])["error"]["code"], "no_vault");
}

#[test]
fn a_record_is_not_made_when_nobody_would_see_its_kit() {
    let account = Account::new();
    let refused = account.json(2, &["init", "--name", "Camille"]);
    assert_eq!(refused["error"]["code"], "kit_needs_place");
    let sheet = account.path("kit.pdf");
    account.json(0, &["init", "--name", "Camille", "--kit-out", sheet.to_str().unwrap()]);
    assert!(std::fs::read(&sheet).unwrap().starts_with(b"%PDF-"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&sheet).unwrap()) & 0o777, 0o600);
}

/// The 24 words of a printed sheet, group by group.
fn words_of(sheet: &Path) -> Vec<String> {
    let bytes = std::fs::read(sheet).unwrap();
    let page = String::from_utf8_lossy(&bytes);
    let group = |number: usize| {
        let start = page.find(&format!("({number}.  ")).unwrap();
        let line = page[start..].split(')').next().unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    (1..=6).flat_map(group).collect()
}

#[test]
fn a_rehearsal_says_whether_the_sheet_opens_the_record() {
    let account = Account::new();
    let sheet = account.path("kit.pdf");
    account.json(0, &["init", "--name", "Camille", "--kit-out", sheet.to_str().unwrap()]);
    account.json(0, &["init", "--name", "Enfant", "--no-kit"]);
    let words = words_of(&sheet);
    assert_eq!(words.len(), 24);
    let rehearse = |record: &str, words: &[String]| {
        let mut child = account
            .command(&["recovery", "rehearse", "--words-fd", "0", "--json", "--record", record])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{}", words.join(" ")).unwrap();
        let output = child.wait_with_output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        said["error"]["code"].as_str().unwrap_or("opens").to_owned()
    };
    assert_eq!(account.json(0, &["record", "show"])["data"]["kit_confirmed"], false);
    assert_eq!(rehearse("Enfant", &words), "kit_of_other");
    let mut wrong = words.clone();
    wrong[7] = "carnet".to_owned();
    assert_eq!(rehearse("Camille", &wrong), "kit_words", "the word is in no list");
    assert_eq!(rehearse("Camille", &words), "opens");
    assert_eq!(account.json(0, &["record", "show"])["data"]["kit_confirmed"], true);
}

#[test]
fn fault_j_the_wrong_record_is_never_guessed() {
    let account = Account::with_record();
    account.json(0, &["init", "--name", "Enfant", "--no-kit"]);
    account.json(0, &["measure", "add", "weight", "12", "--record", "Enfant"]);
    assert_eq!(account.json(0, &["measure", "list"])["data"], Value::Array(Vec::new()), "the first is the default");
    assert_eq!(account.json(2, &["measure", "list", "--record", "Enf"])["error"]["code"], "record_unknown");
    assert_eq!(account.json(2, &["init", "--name", "Enfant", "--no-kit"])["error"]["code"], "record_exists");
}

#[test]
fn fault_j_text_from_data_cannot_command_a_terminal() {
    let account = Account::with_record();
    let comment = "avant\u{1b}[2Japrès\u{202e}fin";
    account.json(0, &["measure", "add", "weight", "72", "--comment", comment]);
    for columns in ["20", "200"] {
        let mut command = account.command(&["measure", "list"]);
        let output = command.env("COLUMNS", columns).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(r"\u{1b}[2J") && said.contains(r"\u{202e}"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
    }
    let json = account.run(&["measure", "list", "--json"]).stdout;
    assert!(!String::from_utf8(json).unwrap().contains('\u{202e}'));
}

#[test]
fn fault_j_a_closed_pipe_ends_quietly() {
    let account = Account::with_record();
    let mut child =
        account.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 8]).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output), "");
}

#[cfg(unix)]
#[test]
fn fault_j_a_folder_with_a_name_that_is_no_text() {
    let account = Account::new();
    let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"coffre-\xff");
    let folder = account.home.path().join(name);
    for words in [&["init", "--name", "Camille", "--no-kit"][..], &["status"]] {
        let output = account.command(words).arg("--vault").arg(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}

#[cfg(unix)]
#[test]
fn fault_j_a_vault_behind_a_link_and_an_open_umask() {
    let account = Account::new();
    std::fs::create_dir(account.path("real")).unwrap();
    std::os::unix::fs::symlink(account.path("real"), account.path("link")).unwrap();
    let link = account.path("link");
    let line = format!(
        "umask 000; exec '{}' init --name Camille --no-kit --vault '{}' --passphrase-file '{}'",
        env!("CARGO_BIN_EXE_carnet"),
        link.display(),
        account.path("phrase").display()
    );
    let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = account.command(&["status"]).arg("--vault").arg(&link).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for file in files_under(&account.path("real")) {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[test]
fn the_command_speaks_french_unless_asked_otherwise() {
    let account = Account::new();
    let help = |words: &[&str], lang: Option<&str>| {
        let mut command = account.bare(words);
        lang.map(|lang| command.env("LANG", lang));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(help(&["--help"], None).contains("Utilisation :"));
    assert!(help(&["--help"], Some("de_DE.UTF-8")).contains("Utilisation :"));
    assert!(help(&["--help"], Some("en_GB.UTF-8")).contains("Usage:"));
    assert!(help(&["--lang", "en", "profile", "add", "--help"], Some("fr_FR.UTF-8")).contains("Options:"));
}

#[test]
fn a_wrong_word_ends_with_2_on_both_forms_of_output() {
    let account = Account::with_record();
    let plain = account.run(&["mesure"]);
    assert_eq!(plain.status.code(), Some(2));
    assert!(plain.stdout.is_empty());
    assert_eq!(account.json(2, &["mesure"])["error"]["code"], "usage");
    assert_eq!(account.json(2, &["measure", "add", "wieght", "7"])["error"]["code"], "usage");
}

#[test]
fn an_unlocked_vault_opens_without_a_passphrase_until_it_is_locked() {
    let account = Account::with_record();
    let unlocked = account.command(&["unlock", "--for", "5m", "--json"]).output().unwrap();
    if unlocked.status.code() != Some(0) {
        let said: Value = serde_json::from_slice(&unlocked.stdout).unwrap();
        assert!(["key_store", "no_key_store"].contains(&said["error"]["code"].as_str().unwrap()), "{said}");
        println!(
            "SKIPPED an_unlocked_vault_opens_without_a_passphrase_until_it_is_locked: {}",
            said["error"]["message"].as_str().unwrap()
        );
        return;
    }
    assert_eq!(account.bare(["status"]).output().unwrap().status.code(), Some(0));
    assert_eq!(account.bare(["lock"]).output().unwrap().status.code(), Some(0));
    assert_eq!(account.bare(["status"]).output().unwrap().status.code(), Some(3));
}

#[test]
fn a_changed_passphrase_opens_and_the_old_one_does_not() {
    let account = Account::with_record();
    account.json(0, &["measure", "add", "weight", "72"]);
    let new = account.secret_file("new", "cinq autres mots choisis 8");
    account.json(0, &["unlock", "--new-passphrase-file", new.to_str().unwrap()]);
    assert_eq!(account.json(3, &["status"])["error"]["code"], "wrong_passphrase");
    account.secret_file("phrase", "cinq autres mots choisis 8");
    assert_eq!(account.json(0, &["measure", "list"])["data"].as_array().unwrap().len(), 1);
}

#[test]
fn the_doctor_reads_the_whole_vault_and_its_bundle_names_nobody() {
    let account = Account::with_record();
    account.json(0, &["profile", "add", "disease", "--name", "Asthme"]);
    let bundle = account.path("bundle.json");
    let said = account.json(0, &["doctor", "--deep", "--bundle", bundle.to_str().unwrap()]);
    assert_eq!(said["data"]["verified"], true);
    let bundle = std::fs::read_to_string(&bundle).unwrap();
    assert!(!bundle.contains("Camille") && !bundle.contains("Asthme"), "{bundle}");
}
