//! Vectors of the formats: `tests/vectors/formats`, whose README tells their form. Each is read by what a vault or a relay
//! uses, and refused at the step it names; what `docs/second_reader.py` reads too, it reads alike.

mod kept;
mod sent;

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use carnet_tests::process::Home;
use serde_json::{Map, Value as Json};

use crate::cli_record::import_samples;

/// What a reader says of the bytes of a vector: what it read, or the step at which it refused and the refusal.
type Said = Result<Json, (&'static str, String)>;

struct Vector(Map<String, Json>);

impl Vector {
    fn name(&self) -> &str {
        self.0["name"].as_str().expect("every vector has a name")
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        parse(self.0[field].as_str().unwrap_or_else(|| panic!("{}: no field {field}", self.name())))
    }

    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|bytes: Vec<u8>| panic!("{}: {field}: {bytes:?}", self.name()))
    }

    fn number<N: TryFrom<u64>>(&self, field: &str) -> N {
        let number = self.0[field].as_u64().and_then(|number| number.try_into().ok());
        number.unwrap_or_else(|| panic!("{}: {field} is not such a number", self.name()))
    }
}

/// Hexadecimal, in tokens that follow each other; `HH*N` is one byte N times.
fn parse(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in text.split_whitespace() {
        let (digits, times) = token.split_once('*').map_or((token, 1), |(digits, n)| (digits, n.parse().unwrap()));
        let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        let once: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        bytes.extend(once.repeat(times));
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn vectors(format: &str) -> Vec<Vector> {
    let text =
        fs::read_to_string(folder().join("formats").join(format!("{format}.json"))).expect("the vectors are there");
    let mut file: Json = serde_json::from_str(&text).expect("vectors are JSON");
    let Json::Array(vectors) = file["vectors"].take() else { panic!("{format}: no vectors") };
    vectors.into_iter().map(|vector| Vector(vector.as_object().expect("a vector is an object").clone())).collect()
}

/// Reads every vector of a format and compares what is said with what is written. Prints the counts.
fn replay(format: &str, read: impl Fn(&Vector) -> Said) {
    let vectors = vectors(format);
    let mut wrong = Vec::new();
    for vector in &vectors {
        let said = read(vector);
        let agrees = match (&said, vector.0.get("read"), vector.0.get("refused").and_then(Json::as_str)) {
            (Ok(said), Some(written), None) => said == written,
            (Err((step, error)), None, Some(written)) => {
                *step == written && vector.0["error"].as_str().is_some_and(|beginning| error.starts_with(beginning))
            }
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{}: {said:?}", vector.name()));
        }
    }
    let refused = vectors.iter().filter(|vector| vector.0.contains_key("refused")).count();
    println!("vectors of {format}: {} read, {refused} refused", vectors.len() - refused);
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), vectors.len());
}

/// The refusal inside a step, as its type prints it.
fn inner(refused: impl Debug) -> String {
    let text = format!("{refused:?}");
    text.split_once('(').map_or(text.clone(), |(_, inner)| inner.to_owned())
}

/// A second reader in another language, written from the documents, agrees with every vector of what it reads.
#[test]
fn the_second_reader_agrees_with_every_vector_of_what_it_reads() {
    let Some(mut reader) = second_reader("vectors::the_second_reader_agrees_with_every_vector_of_what_it_reads") else {
        return;
    };
    let output = reader.arg(folder().join("formats")).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("second reader: {}", said.trim());
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let count = ["envelope", "batch", "export"].iter().map(|format| vectors(format).len()).sum::<usize>();
    assert!(said.contains(&format!("{count} vectors agree, 0 do not")), "{said}");
}

/// It reads a real export too, and computes the digest that the export states; an altered one it refuses.
#[test]
fn the_second_reader_reads_an_export_and_finds_the_digest_that_it_states() {
    let name = "vectors::the_second_reader_reads_an_export_and_finds_the_digest_that_it_states";
    let Some(mut reader) = second_reader(name) else { return };
    let home = Home::new();
    let carnet = home.vault("vault", "Marie");
    import_samples(&carnet);
    let output = reader.arg(carnet.export("record.zip")).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("second reader of an export: {}", said.trim());
    let stated = carnet.digest();
    assert!(said.contains(&format!("'digest': '{stated}'")), "{said}, but the export states {stated}");
    assert!(!said.contains("'samples': 0") && !said.contains("'files': 0"), "{said}");
}

/// Every file that a reference builds is what that reference builds, on a machine that has what it needs.
#[test]
fn the_references_build_the_vectors_that_are_here() {
    let name = "vectors::the_references_build_the_vectors_that_are_here";
    let Some(mut python) = python(name) else { return };
    let needs = "from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey";
    if !python.args(["-c", needs]).output().expect("python3 runs").status.success() {
        println!("SKIPPED {name}: the Python package cryptography, 48 or later, is not on this machine");
        return;
    }
    for reference in ["formats", "protocol", "seal"] {
        let path = folder().join(reference).join("reference.py");
        let output = self::python(name).expect("python3 is here").arg(path).output().expect("python3 runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{reference}: {}", said.trim());
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn second_reader(test: &str) -> Option<Command> {
    let mut python = python(test)?;
    python.arg(folder().join("../../docs/second_reader.py"));
    Some(python)
}

/// A command of Python 3.9 or later; without it the test says so and is counted as skipped.
fn python(test: &str) -> Option<Command> {
    #[expect(clippy::disallowed_methods, reason = "the second reader is a program of another language")]
    let command = || Command::new("python3");
    let version = command().args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).output();
    if version.is_ok_and(|output| output.status.success()) {
        let mut python = command();
        python.env("PYTHONDONTWRITEBYTECODE", "1");
        return Some(python);
    }
    println!("SKIPPED {test}: python3, 3.9 or later, is not on this machine");
    None
}

/// The project's own vectors, in both forms, are mostly of what must be refused.
#[test]
fn three_quarters_of_the_vectors_are_refused() {
    let made_elsewhere = [Some("automerge"), Some("packed")];
    let (mut all, mut refused) = (0, 0);
    for folder in ["formats", "protocol", "seal"].map(|name| folder().join(name)) {
        for entry in fs::read_dir(folder).expect("the vectors are there") {
            let path = entry.unwrap().path();
            let text = || fs::read_to_string(&path).unwrap();
            let (here, here_refused) = match path.extension().and_then(|extension| extension.to_str()) {
                Some("txt") => {
                    let text = text();
                    let is_refusal = |line: &&str| line.starts_with("expect: ") && *line != "expect: ok";
                    (text.lines().filter(|line| line.starts_with('[')).count(), text.lines().filter(is_refusal).count())
                }
                Some("json") if !made_elsewhere.contains(&path.file_stem().and_then(|stem| stem.to_str())) => {
                    let vectors = vectors(path.file_stem().unwrap().to_str().unwrap());
                    (vectors.len(), vectors.iter().filter(|vector| vector.0.contains_key("refused")).count())
                }
                _ => continue,
            };
            (all, refused) = (all + here, refused + here_refused);
        }
    }
    println!("vectors: {all}, of which {refused} are refused ({} %)", refused * 100 / all);
    assert!(all >= 250 && refused * 4 >= all * 3, "{refused} of {all}");
}
