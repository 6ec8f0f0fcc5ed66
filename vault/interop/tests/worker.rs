//! The intake worker as a live process: what it may use, how it dies, and what a hostile one can make us believe.
//!
//! Someone's export once took all memory of a telephone; someone's scanner wrote a paper that never ended. Here the
//! process that reads is the one that dies, and the record is untouched.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "helpers of tests; a worker is a process")]

use std::{
    fs::File,
    io::{Seek, Write},
    path::Path,
    process::{Command, Stdio},
};

use carnet_interop::intake::{
    ContainerError, Options,
    worker::{
        Worker, WorkerError,
        frame::{self, Answer},
        limits,
    },
};
use carnet_record::{
    Draft, Provenance, ZoneHistory,
    item::{Item, Tally},
    kind::{Disease, Document},
    person::SubjectClaim,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

const WORKER: &str = env!("CARGO_BIN_EXE_carnet-intake");
const HOSTILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile-worker.sh");

fn options() -> Options {
    Options {
        source_name: "canari-export.xml".to_owned(),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_780_000_000_000,
    }
}

/// A file that exists as a read-only descriptor only.
fn file(content: &[u8]) -> File {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(content).unwrap();
    File::open(written.path()).unwrap()
}

fn export(rows: usize) -> Vec<u8> {
    let mut text = String::from("<?xml version=\"1.0\"?><HealthData locale=\"fr_FR\">");
    let row_of = |row: usize| {
        let (month, hour, minute, second) = (row / 86_400 + 1, row / 3_600 % 24, row / 60 % 60, row % 60);
        format!(
            "<Record type=\"HKQuantityTypeIdentifierHeartRate\" sourceName=\"Montre\" unit=\"count/min\" \
             startDate=\"2026-{month:02}-10 {hour:02}:{minute:02}:{second:02} +0100\" value=\"{}\"/>\n",
            50 + row % 100
        )
    };
    text.extend((0..rows).map(row_of));
    (text + "</HealthData>").into_bytes()
}

fn start(content: &[u8]) -> Worker {
    Worker::start(Path::new(WORKER), file(content), &options()).unwrap()
}

#[test]
fn a_worker_hands_on_exactly_what_reading_in_place_does() {
    let content = export(20_000);
    let mut expected = Vec::new();
    let tally = carnet_interop::intake::read(std::io::Cursor::new(&content), &options(), &mut |item| {
        expected.push(item);
        Ok(())
    })
    .unwrap();
    expected.push(Item::Tally(Box::new(tally)));
    let items: Vec<Item> = start(&content).map(Result::unwrap).collect();
    assert_eq!(items, expected);
}

#[test]
fn the_limits_are_in_force_in_the_live_process_and_it_knows_no_name() {
    let content = export(200_000);
    let worker = start(&content);
    let process = format!("/proc/{}", worker.process_id());
    let read = |name: &str| std::fs::read_to_string(format!("{process}/{name}")).unwrap();
    let table = read("limits");
    let limit = |name: &str| -> Vec<String> {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect()
    };
    let bytes = limits::ADDRESS_SPACE_BYTES.to_string();
    assert_eq!(limit("Max address space"), [bytes.as_str(), bytes.as_str()]);
    assert_eq!(limit("Max file size"), ["0", "0"]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    assert_eq!(limit("Max processes"), ["0", "0"]);
    assert_eq!(limit("Max open files"), ["3", "3"]);
    let seconds: u64 = limit("Max cpu time")[1].parse().unwrap();
    assert!((limits::CPU_SECONDS..300).contains(&seconds), "{seconds}");
    let descriptors = std::fs::read_dir(format!("{process}/fd")).unwrap().count();
    assert_eq!(descriptors, 3 + inherited(), "standard input, output and error, and nothing of ours");
    assert_eq!(read("environ"), "");
    assert!(!read("cmdline").contains("canari"), "the name of a file is not in the arguments");
    drop(worker);
    assert!(!Path::new(&process).exists(), "a worker that is dropped has ended");
}

/// Descriptors that whoever started this test left open for every process below it (a shell, a build tool). They are
/// not ours to close, and no code of the worker can name them.
fn inherited() -> usize {
    let flags = |number: &std::ffi::OsStr| {
        let text = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number)).ok()?;
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    };
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    let above = open
        .filter(|number| number.to_str().and_then(|number| number.parse().ok()).is_some_and(|number: u32| number > 2));
    above.filter(|number| flags(number).is_some_and(|flags| flags & 0o2_000_000 == 0)).count()
}

fn squeezed(content: &[u8], resource: Resource, value: u64) -> WorkerError {
    let worker = start(content);
    let process = Pid::from_raw(i32::try_from(worker.process_id()).unwrap()).unwrap();
    prlimit(Some(process), resource, Rlimit { current: Some(value), maximum: Some(value + 1) }).unwrap();
    worker.last().unwrap().unwrap_err()
}

#[test]
fn fault_g1_a_file_that_takes_too_long_ends_the_worker_and_not_us() {
    assert_eq!(squeezed(&export(2_000_000), Resource::Cpu, 1), WorkerError::CpuLimit);
}

#[test]
fn fault_g1_a_file_that_takes_too_much_memory_ends_the_worker_and_not_us() {
    let mut document = String::from("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">");
    document.push_str(&"<id root=\"1.2.3\" extension=\"4\"/>".repeat(300_000));
    document.push_str("</ClinicalDocument>");
    let ended = squeezed(document.as_bytes(), Resource::As, 24 << 20);
    assert!(matches!(ended, WorkerError::MemoryLimit | WorkerError::Container(ContainerError::TooLarge)), "{ended}");
}

#[test]
fn a_refused_file_is_told_with_its_reason() {
    let refused = |content: &[u8]| start(content).last().unwrap().unwrap_err();
    assert_eq!(refused(b""), WorkerError::Container(ContainerError::Empty));
    assert!(matches!(refused(b"PK\x03\x04 not an archive"), WorkerError::Container(ContainerError::Archive(_))));
    assert!(matches!(refused(b"\0\x01\x02"), WorkerError::Container(ContainerError::Unsupported(_))));
}

#[test]
fn a_worker_on_a_file_that_could_be_written_does_not_start() {
    let mut writable = tempfile::tempfile().unwrap();
    writable.write_all(b"bonjour").unwrap();
    writable.rewind().unwrap();
    let refused = Worker::start(Path::new(WORKER), writable, &options());
    assert!(matches!(refused, Err(WorkerError::Start)));
    let absent = Worker::start(Path::new("/nowhere/carnet"), file(b"x"), &options());
    assert!(matches!(absent, Err(WorkerError::Start)));
}

#[test]
fn a_worker_that_nobody_listens_to_reads_nothing() {
    for arguments in [&["intake-worker"][..], &[], &["--help"]] {
        let ended = Command::new(WORKER).args(arguments).stdin(Stdio::from(file(b"bonjour"))).output().unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(2), &b""[..]), "{arguments:?}");
    }
}

fn hostile(answers: &[Answer]) -> (Vec<Item>, Option<WorkerError>) {
    let mut bytes = Vec::new();
    frame::write(&Answer::Ready, &mut bytes).unwrap();
    for answer in answers {
        frame::write(answer, &mut bytes).unwrap();
    }
    hostile_bytes(&bytes)
}

fn hostile_bytes(bytes: &[u8]) -> (Vec<Item>, Option<WorkerError>) {
    let mut items = Vec::new();
    match Worker::start(Path::new(HOSTILE), file(bytes), &options()) {
        Err(error) => return (items, Some(error)),
        Ok(worker) => {
            for answer in worker {
                match answer {
                    Ok(item) => items.push(item),
                    Err(error) => return (items, Some(error)),
                }
            }
        }
    }
    (items, None)
}

fn start_of_document() -> Answer {
    Answer::Item(Item::DocumentStart { draft: Box::new(Draft::new(Document::default(), Provenance::default())) })
}

#[test]
fn fault_g8_a_hostile_worker_is_believed_nothing_that_does_not_add_up() {
    let bytes = || Answer::Item(Item::DocumentBytes(b"bonjour".to_vec()));
    let end = |size| Answer::Item(Item::DocumentEnd { sha256: [0; 32], size });
    let fact = || Answer::Item(Item::Draft(Box::new(Draft::new(Disease::default(), Provenance::default()))));
    let person = || Answer::Item(Item::Subject(Box::<SubjectClaim>::default()));
    let tally = || Answer::Tally(Box::<Tally>::default());
    let no_document =
        Answer::Item(Item::DocumentStart { draft: Box::new(Draft::new(Disease::default(), Provenance::default())) });
    let cases: [(&str, Vec<Answer>); 9] = [
        ("bytes outside of a document", vec![bytes()]),
        ("an end without a start", vec![end(0)]),
        ("a document inside a document", vec![start_of_document(), start_of_document()]),
        ("a fact inside a document", vec![start_of_document(), fact()]),
        ("a wrong digest", vec![start_of_document(), bytes(), end(7)]),
        ("a document without end", vec![start_of_document(), bytes(), tally()]),
        ("a document that is a disease", vec![no_document]),
        ("two persons", vec![person(), person()]),
        ("a second greeting", vec![fact(), Answer::Ready]),
    ];
    for (what, answers) in cases {
        assert_eq!(hostile(&answers).1, Some(WorkerError::BadAnswer), "{what}");
    }
    let (items, error) = hostile(&[fact(), tally(), fact()]);
    assert!(error.is_some() && !items.iter().any(|item| matches!(item, Item::Tally(_))), "words after the tally");
    assert!(hostile(&[fact()]).1.is_some(), "an answer without a tally");
}

#[test]
fn fault_g8_noise_from_a_worker_is_refused() {
    assert_eq!(hostile_bytes(b"").1, Some(WorkerError::Start));
    assert_eq!(hostile_bytes(b"Usage: carnet [OPTIONS]\n").1, Some(WorkerError::Start));
    let greeting = [1_u8, 0, 0, 0, 0];
    for noise in [&[2, 255, 255, 255, 255][..], &[3, 0, 0, 0, 8], &[9, 1, 0, 0, 0, 0], &[2, 2, 0, 0, 0, b'{', b'}']] {
        assert!(hostile_bytes(&[&greeting, noise].concat()).1.is_some(), "{noise:?}");
    }
}
