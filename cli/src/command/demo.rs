//! `demo`: the main job from end to end, on invented people, with every command shown as a person would type it.
//!
//! For each of two people it makes a record, takes in the samples that ship with the command, pairs a second device, syncs
//! both, and compares what they hold; then it searches what their relay, a process of its own, stores for what it must not
//! know. It drives the command itself, so that what is shown is what runs; nothing of it is prepared.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use rand::RngExt as _;
use serde_json::{Value, json};

use super::files;
use crate::{
    error::Failure,
    i18n::Message,
    msg,
    session::Session,
    ui::{Block, Cell, Report},
};

/// The first word of the hidden command that runs the demonstration's relay.
const RELAY: &str = "demo-relay";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// A person of the demonstration: invented, with samples written for this purpose.
struct Person {
    name: &'static str,
    birth: &'static str,
    samples: &'static [(&'static str, &'static [u8])],
    /// What the first device writes on its own, and what the second one.
    writes: [&'static [&'static str]; 2],
}

const CAMILLE: Person = Person {
    name: "Camille Dufresne-Exemple",
    birth: "1984-02-29",
    samples: &[
        ("export.zip", include_bytes!("../../samples/export.zip")),
        ("laboratoire.xml", include_bytes!("../../samples/laboratoire.xml")),
        ("scan.png", include_bytes!("../../samples/scan.png")),
        ("radiographie.pdf", include_bytes!("../../samples/radiographie.pdf")),
    ],
    writes: [&["measure", "add", "weight", "61,5"], &["profile", "add", "allergy", "--name", "Pollen"]],
};

const ELEANOR: Person = Person {
    name: "Eleanor Whitcombe-Sample",
    birth: "1951-07-09",
    samples: &[("bundle.json", include_bytes!("../../samples/bundle.json"))],
    writes: [&["measure", "add", "blood-pressure", "131/76"], &["measure", "add", "weight", "74.2"]],
};

/// What stands in the samples, and so in the vaults, and must not stand at the relay.
const KNOWN_TEXT: [&str; 9] = [
    "DUFRESNE-EXEMPLE",
    "Laboratoire",
    "LOINC",
    "IHDR",
    "Radiographie",
    "Whitcombe-Sample",
    "Metformin",
    "Penicillin",
    "Eye screening",
];

/// The folder of a demonstration, where none is named.
const FOLDER_DEFAULT: &str = "carnet-demo";
const PHRASE_FILE: &str = "phrase.txt";
const SAMPLES_FOLDER: &str = "exemples";
/// All that the relay could tell.
const AUDIT_FILE: &str = "relais.json";
/// Characters of an identifier that the table shows; the file has it whole.
const ID_CHARS: usize = 16;

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let begun = session.clock.now();
    let stage = Stage::prepare(options, session)?;
    let mut relay = Relay::start(&stage)?;
    let played = play(&stage, &relay);
    relay.stop();
    let records = played?;
    let audit = stage.relay_audit()?;
    let search = stage.search()?;
    let equal = records.iter().all(|record| record.get("equal") == Some(&Value::Bool(true)));
    let is_well = search.is_blind() && equal;
    let millis = session.clock.now().0.saturating_sub(begun.0);
    let mut page = stage.audit_page(&audit)?;
    page.extend(search.page());
    if is_well {
        page.push(Block::Say(msg!("demo-done", seconds = format!("{}.{}", millis / 1000, millis % 1000 / 100))));
        page.extend(stage.next_steps());
    }
    let data = json!({
        "folder": stage.folder.display().to_string(),
        "records": records,
        "equal": equal,
        "relay": audit,
        "search": search.data(),
        "milliseconds": millis,
    });
    let failure = (!is_well).then_some(Failure::DemoDiffers);
    Ok(Report { data, page, failure, ..Report::default() })
}

/// The scenes between the relay's start and its end: one person's, told step by step, then another's in the same vaults.
fn play(stage: &Stage<'_>, relay: &Relay) -> Result<[Value; 2], Failure> {
    let say = |scene: &Message| stage.say(scene);
    let first = follow(stage, relay, &CAMILLE, None, say)?;
    stage.say(&msg!("demo-scene-second"));
    let second = follow(stage, relay, &ELEANOR, Some(ELEANOR.name), |_| ())?;
    Ok([first, second])
}

/// One person's record, from its first day to a second device that holds the same. `record` is the name to say with each
/// command, once there are several.
fn follow(
    stage: &Stage<'_>,
    relay: &Relay,
    person: &Person,
    record: Option<&'static str>,
    say: impl Fn(&Message),
) -> Result<Value, Failure> {
    let [first, second] = ["ordinateur", "telephone"].map(|name| stage.device(name, record));
    say(&msg!("demo-scene-vault"));
    let known = ["--birth", person.birth, "--sex", "female"];
    let mut words =
        vec!["init", "--name", person.name, "--relay", &relay.address, "--no-kit", "--device", "Ordinateur"];
    words.extend(known);
    first.run(&words)?;
    say(&msg!("demo-scene-import"));
    let samples: Vec<String> = person.samples.iter().map(|(name, _)| stage.sample(name)).collect();
    let mut words = vec!["import"];
    words.extend(samples.iter().map(String::as_str));
    let imported = first.run(&words)?;
    stage.show(&[import_report(&imported)]);
    say(&msg!("demo-scene-pair"));
    let code = pair(stage, &first, &second, person)?;
    say(&msg!("demo-scene-sync"));
    first.run(person.writes[0])?;
    second.run(person.writes[1])?;
    let exchanged = [second.run(&["sync"])?, first.run(&["sync"])?, second.run(&["sync"])?];
    say(&msg!("demo-scene-compare"));
    let (one, two) = (first.digest()?, second.digest()?);
    let equal = one == two && one.is_string();
    let digests = vec![(msg!("demo-digest-first"), text(&one).into()), (msg!("demo-digest-second"), text(&two).into())];
    stage.show(&[Block::Pairs(digests)]);
    Ok(json!({
        "name": person.name,
        "import": imported.get("total").cloned().unwrap_or_default(),
        "code": code,
        "sync": exchanged,
        "digests": [one, two],
        "equal": equal,
    }))
}

/// What became of the rows of each file.
fn import_report(imported: &Value) -> Block {
    let head = vec![
        msg!("demo-column-file"),
        msg!("import-read"),
        msg!("import-added"),
        msg!("import-merged"),
        msg!("import-set-aside"),
        msg!("import-refused"),
    ];
    let row = |file: &Value| {
        let path = text(&file["path"]);
        let name = Path::new(&path).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let counts = ["read", "added", "merged", "set_aside", "refused"].map(|count| text(&file[count]));
        std::iter::once(name).chain(counts).map(Cell::from).collect()
    };
    let files = imported["files"].as_array();
    Block::Rows(head, files.into_iter().flatten().map(row).collect())
}

/// Both sides at once: each shows its code; the codes are compared here as two people would, by eye.
fn pair(
    stage: &Stage<'_>,
    first: &Device<'_, '_>,
    second: &Device<'_, '_>,
    person: &Person,
) -> Result<String, Failure> {
    let ticket = stage.folder.join("invitation.txt").display().to_string();
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", &ticket])?;
    inviting.until("ticket")?;
    let mut joining = second.start(&["pair", "join", &ticket, "--label", "Telephone", "--name", person.name])?;
    let theirs = text(joining.until("code")?.get("code").unwrap_or(&Value::Null));
    let ours = text(inviting.until("code")?.get("code").unwrap_or(&Value::Null));
    let codes = vec![(msg!("demo-code-first"), ours.clone().into()), (msg!("demo-code-second"), theirs.clone().into())];
    stage.show(&[Block::Pairs(codes)]);
    let word = if ours == theirs { "same" } else { "different" };
    inviting.answer(word)?;
    joining.answer(word)?;
    inviting.end()?;
    joining.end()?;
    fs::remove_file(&ticket).map_err(|error| Failure::unreadable(Path::new(&ticket), &error))?;
    Ok(ours)
}

/// The folder of the demonstration, and how it is told.
struct Stage<'a> {
    folder: PathBuf,
    program: PathBuf,
    session: &'a Session<'a>,
}

impl<'a> Stage<'a> {
    fn prepare(options: &Options, session: &'a Session<'a>) -> Result<Self, Failure> {
        let folder = match &options.dir {
            Some(folder) => folder.clone(),
            None => PathBuf::from(FOLDER_DEFAULT),
        };
        if folder.exists() && fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::FileExists { path: folder.display().to_string() });
        }
        let made = |error: io::Error| Failure::unreadable(&folder, &error);
        fs::create_dir_all(folder.join(SAMPLES_FOLDER)).map_err(made)?;
        for (name, bytes) in [CAMILLE, ELEANOR].iter().flat_map(|person| person.samples) {
            files::write_own(&folder.join(SAMPLES_FOLDER).join(name), bytes)?;
        }
        let phrase = format!("demonstration {:016x}", Session::chance().random::<u64>());
        files::write_own(&folder.join(PHRASE_FILE), phrase.as_bytes())?;
        let program = std::env::current_exe().map_err(|error| Failure::unreadable(Path::new("carnet"), &error))?;
        let stage = Self { folder, program, session };
        stage.show(&[Block::Pairs(vec![
            (msg!("demo-folder"), stage.folder.display().to_string().into()),
            (msg!("demo-phrase"), phrase.into()),
        ])]);
        Ok(stage)
    }

    fn device(&self, name: &str, record: Option<&'static str>) -> Device<'_, 'a> {
        Device { stage: self, vault: self.folder.join(name), record }
    }

    fn sample(&self, name: &str) -> String {
        self.folder.join(SAMPLES_FOLDER).join(name).display().to_string()
    }

    fn say(&self, scene: &Message) {
        self.session.ui.talk(scene);
    }

    fn show(&self, page: &[Block]) {
        if !self.session.ui.manner().quiet {
            self.session.ui.show(page);
        }
    }

    fn relay_folder(&self) -> PathBuf {
        self.folder.join("relais")
    }

    /// What the relay stores, as someone with its disk sees it.
    fn relay_audit(&self) -> Result<Value, Failure> {
        let mut command = self.command();
        command.args([RELAY, "audit", "--json"]).arg(self.relay_folder()).stdin(Stdio::null()).stderr(Stdio::null());
        data(&command.output().map_err(|error| Failure::unreadable(&self.program, &error))?.stdout, RELAY)
    }

    /// What the relay stores, a line a record; all that it could tell goes to a file.
    fn audit_page(&self, audit: &Value) -> Result<Vec<Block>, Failure> {
        let path = self.folder.join(AUDIT_FILE);
        files::write_own(&path, serde_json::to_string_pretty(audit).unwrap_or_default().as_bytes())?;
        let head = vec![
            msg!("demo-column-record"),
            msg!("demo-column-sections"),
            msg!("demo-column-envelopes"),
            msg!("demo-column-files"),
            msg!("demo-column-bytes"),
        ];
        let of = |record: &Value, name: &str| record.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let sum = |parts: &[Value], name: &str| parts.iter().filter_map(|part| part.get(name)?.as_u64()).sum::<u64>();
        let row = |record: &Value| {
            let (sections, objects) = (of(record, "sections"), of(record, "objects"));
            let bytes = sum(&sections, "bytes") + sum(&objects, "bytes");
            let id: String = text(record.get("record").unwrap_or(&Value::Null)).chars().take(ID_CHARS).collect();
            let counts =
                [sections.len().to_string(), sum(&sections, "envelopes").to_string(), objects.len().to_string()];
            let cells = [format!("{id}\u{2026}")].into_iter().chain(counts).chain([bytes.to_string()]);
            cells.map(Cell::from).collect()
        };
        let rows = of(audit, "records").iter().map(row).collect();
        let whole = Block::Say(msg!("demo-audit-file", path = path.display().to_string()));
        Ok(vec![Block::Say(msg!("demo-relay-holds")), Block::Rows(head, rows), whole])
    }

    /// Looks for known text in every file of the relay, and in the samples as the control that can find it.
    fn search(&self) -> Result<Search, Failure> {
        let mut search = Search::default();
        for text in KNOWN_TEXT {
            let at_relay = count(&self.relay_folder(), text.as_bytes())?;
            let in_samples = count(&self.folder.join(SAMPLES_FOLDER), text.as_bytes())?;
            search.rows.push((text, at_relay, in_samples));
        }
        Ok(search)
    }

    fn next_steps(&self) -> Vec<Block> {
        let vault = self.folder.join("ordinateur").display().to_string();
        let phrase = self.folder.join(PHRASE_FILE).display().to_string();
        let line = |words: &str| format!("  carnet --vault {vault} --passphrase-file {phrase} {words}\n");
        let other = format!("--record '{}' profile list", ELEANOR.name);
        let lines = ["measure list heart-rate --daily", "document list", "log list", "device list", &other];
        let lines = lines.map(line).concat();
        vec![Block::Say(msg!("demo-next")), Block::Lines(lines)]
    }

    #[expect(clippy::disallowed_methods, reason = "the demonstration runs the command itself, and the relay beside it")]
    fn command(&self) -> Command {
        Command::new(&self.program)
    }
}

/// One of the two devices: a vault of its own, and the record that is meant, where it must be said.
struct Device<'s, 'a> {
    stage: &'s Stage<'a>,
    vault: PathBuf,
    record: Option<&'static str>,
}

impl Device<'_, '_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.stage.command();
        command.arg("--vault").arg(&self.vault).arg("--json");
        command.arg("--passphrase-file").arg(self.stage.folder.join(PHRASE_FILE));
        let record: Vec<&str> = self.record.into_iter().flat_map(|name| ["--record", name]).collect();
        let words = [&record, words].concat();
        command.args(&words);
        self.stage.show(&[Block::Lines(shown(&self.vault, &words))]);
        command
    }

    /// The digest of the record.
    fn digest(&self) -> Result<Value, Failure> {
        let shown = self.run(&["record", "show"])?;
        Ok(shown.get("digest").cloned().unwrap_or_default())
    }

    /// Runs a command to its end; its data.
    fn run(&self, words: &[&str]) -> Result<Value, Failure> {
        let output = self.command(words).stdin(Stdio::null()).stderr(Stdio::null()).output();
        let output = output.map_err(|error| Failure::unreadable(&self.stage.program, &error))?;
        data(&output.stdout, &words.join(" "))
    }

    /// Starts a command that lasts and asks.
    fn start(&self, words: &[&str]) -> Result<Running, Failure> {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::unreadable(&self.stage.program, &error))?;
        let lines = BufReader::new(child.stdout.take().ok_or(Failure::WorkerFailed)?);
        Ok(Running { child, lines, step: words.join(" ") })
    }
}

/// A command that lasts.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    step: String,
}

impl Running {
    /// Reads on to an event of this name.
    fn until(&mut self, name: &str) -> Result<Value, Failure> {
        loop {
            let Some(said) = self.next()? else { return Err(self.stopped(String::new())) };
            if said.get("event").and_then(Value::as_str) == Some(name) {
                return Ok(said);
            }
        }
    }

    /// The next line, or none at the end. A line that tells of a failure is one here.
    fn next(&mut self) -> Result<Option<Value>, Failure> {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap_or(0) == 0 {
            return Ok(None);
        }
        let said: Value = serde_json::from_str(&line).map_err(|_| self.stopped(String::new()))?;
        match said.get("ok") {
            Some(Value::Bool(false)) => Err(self.stopped(said.pointer("/error/message").map(text).unwrap_or_default())),
            _ => Ok(Some(said)),
        }
    }

    fn answer(&mut self, word: &str) -> Result<(), Failure> {
        let written = self.child.stdin.as_mut().is_some_and(|stdin| writeln!(stdin, "{word}").is_ok());
        if written { Ok(()) } else { Err(self.stopped(String::new())) }
    }

    /// Waits until the command has ended well.
    fn end(mut self) -> Result<(), Failure> {
        while self.next()?.is_some() {}
        let is_well = self.child.wait().is_ok_and(|ended| ended.success());
        if is_well { Ok(()) } else { Err(self.stopped(String::new())) }
    }

    fn stopped(&self, message: String) -> Failure {
        Failure::DemoStep { step: self.step.clone(), message }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is left running when a scene fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The relay, as a process of its own.
struct Relay {
    running: Running,
    address: String,
}

impl Relay {
    fn start(stage: &Stage<'_>) -> Result<Self, Failure> {
        stage.say(&msg!("demo-scene-relay"));
        let mut child = stage
            .command()
            .args([RELAY, "serve", "--json"])
            .arg(stage.relay_folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::unreadable(&stage.program, &error))?;
        let lines = BufReader::new(child.stdout.take().ok_or(Failure::WorkerFailed)?);
        let mut running = Running { child, lines, step: RELAY.to_owned() };
        let address = text(running.until("listening")?.get("address").unwrap_or(&Value::Null));
        Ok(Self { running, address })
    }

    /// Ends the relay: it serves for as long as its standard input is open.
    fn stop(&mut self) {
        drop(self.running.child.stdin.take());
        let _ = self.running.child.wait();
    }
}

/// What a search for known text found.
#[derive(Default)]
struct Search {
    rows: Vec<(&'static str, usize, usize)>,
}

impl Search {
    /// Nothing at the relay, everything in the control: a search that finds nothing anywhere proves nothing.
    fn is_blind(&self) -> bool {
        self.rows.iter().all(|(_, at_relay, in_samples)| *at_relay == 0 && *in_samples > 0)
    }

    fn data(&self) -> Value {
        let rows = self.rows.iter();
        let row = |(text, at_relay, in_samples): &(&str, usize, usize)| json!({ "text": text, "at_relay": at_relay, "in_samples": in_samples });
        rows.map(row).collect()
    }

    fn page(&self) -> Vec<Block> {
        let head = vec![msg!("demo-column-text"), msg!("demo-column-samples"), msg!("demo-column-relay")];
        let row = |(text, at_relay, in_samples): &(&str, usize, usize)| {
            vec![(*text).into(), in_samples.to_string().into(), at_relay.to_string().into()]
        };
        vec![Block::Say(msg!("demo-search")), Block::Rows(head, self.rows.iter().map(row).collect())]
    }
}

/// How often `needle` stands in the files below `folder`.
fn count(folder: &Path, needle: &[u8]) -> Result<usize, Failure> {
    let mut found = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| Failure::unreadable(&folder, &error))? {
            let path = entry.map_err(|error| Failure::unreadable(&folder, &error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).map_err(|error| Failure::unreadable(&path, &error))?;
                found += bytes.windows(needle.len()).filter(|window| *window == needle).count();
            }
        }
    }
    Ok(found)
}

/// A command as a person would type it.
fn shown(vault: &Path, words: &[&str]) -> String {
    let words = words.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
    let name = vault.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("$ carnet --vault {name} {}\n", words.collect::<Vec<_>>().join(" "))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The data of a command that ended, from its last line.
fn data(stdout: &[u8], step: &str) -> Result<Value, Failure> {
    let stopped = |message| Failure::DemoStep { step: step.to_owned(), message };
    let last = stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap_or_default();
    let mut said: Value = serde_json::from_slice(last).map_err(|_| stopped(String::new()))?;
    if said.get("ok") != Some(&Value::Bool(true)) {
        return Err(stopped(said.pointer("/error/message").map(text).unwrap_or_default()));
    }
    Ok(said.get_mut("data").map(Value::take).unwrap_or_default())
}
