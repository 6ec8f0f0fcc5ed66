//! Vectors of the formats: `tests/vectors/formats`, whose README tells their form. Each is read by what a vault uses, and
//! refused at the step it names; what `docs/second_reader.py` reads too, it reads alike.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
};

use carnet_crypto::{
    digest::Hasher,
    id::{EnvelopeId, Incarnation, RecordId, SectionId, VolumeId},
    sign::PublicKey,
};
use carnet_interop::intake::{self, ContainerError, Options};
use carnet_protocol::{
    envelope::{EnvelopeContext, EnvelopeKind},
    membership::{HeadsDigest, device_id},
};
use carnet_record::{
    Draft, Entry, ZoneHistory,
    batch::{Columns, Month, Sample, Series},
    item::Item,
};
use carnet_seal::secret::SectionKey;
use carnet_tests::process::Home;
use carnet_vault::{
    export::canonical,
    reading::{self, Content, ReadRefused},
};
use serde_json::{Map, Value as Json, json};

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

fn refused(refused: ReadRefused) -> (&'static str, String) {
    (refused.step(), inner(refused))
}

fn columns(columns: &Columns) -> Json {
    json!({"batch": hex(&reading::batch_id(columns)), "kind": columns.series().kind, "samples": columns.samples().len()})
}

#[test]
fn fault_b5_fault_b6_atk_4_atk_5_vectors_of_sealed_envelopes() {
    replay("envelope", |vector| {
        let key = SectionKey::from_store(&vector.bytes("section-key")).unwrap();
        let public = PublicKey(vector.array("key"));
        let context = EnvelopeContext {
            record: RecordId(vector.array("record")),
            section: SectionId(vector.array("section")),
            volume: VolumeId(vector.number("volume")),
            kind: EnvelopeKind::from_number(vector.number("kind")).unwrap(),
            device: device_id(&vector.array("salt"), &public),
            key: public,
            incarnation: Incarnation(vector.array("incarnation")),
            previous: EnvelopeId(vector.array("previous")),
            heads: HeadsDigest(vector.array("heads")),
            epoch: key.commitment(),
        };
        let read = reading::open_envelope(&context, &vector.bytes("bytes"), &key).map_err(refused)?;
        let mut said = match &read.content {
            Content::Changes(changes) => json!({"changes": changes.iter().map(|one| hex(one)).collect::<Vec<_>>()}),
            Content::Batch(batch) => columns(batch),
        };
        said["id"] = hex(&read.id).into();
        Ok(said)
    });
}

#[test]
fn fault_b5_fault_b6_atk_29_vectors_of_batches() {
    replay("batch", |vector| {
        let batch = reading::read_batch(&vector.bytes("bytes")).map_err(refused)?;
        let again = reading::read_batch(&reading::write_batch(&batch)).map_err(refused)?;
        assert_eq!(again, batch, "{}", vector.name());
        Ok(columns(&batch))
    });
}

#[test]
fn fault_b6_fault_g2_vectors_of_exports() {
    replay("export", |vector| {
        let options = Options {
            source_name: "export.zip".to_owned(),
            home_zone: ZoneHistory::utc(),
            with_positions: false,
            now_ms: 1_800_000_000_000,
        };
        let (mut entries, mut files, mut samples) = (BTreeMap::new(), 0, Vec::new());
        let tally = intake::read(Cursor::new(vector.bytes("bytes")), &options, &mut |item| {
            match item {
                Item::Draft(draft) | Item::DocumentStart { draft } => {
                    let entry = restored(&draft);
                    entries.insert(entry.id, entry);
                }
                Item::DocumentEnd { .. } => files += 1,
                Item::Samples { series, samples: some } => {
                    samples.extend(some.into_iter().map(|one| (series.clone(), one)));
                }
                Item::DocumentBytes(_) | Item::Subject(_) | Item::Tally(_) => {}
            }
            Ok(())
        });
        tally.map_err(|error| (step_of(vector, error), format!("{error:?}")))?;
        let digest = hex(&digest(entries.values(), &samples));
        Ok(json!({"entries": entries.len(), "files": files, "samples": samples.len(), "digest": digest}))
    });
}

/// An export is refused as a whole, with a reason for the archive and one for each kind of content: where one reason
/// stands for several steps, the vector says which.
fn step_of(vector: &Vector, error: ContainerError) -> &'static str {
    let written = vector.0.get("refused").and_then(Json::as_str).unwrap_or_default();
    let candidates: &[&'static str] = match error {
        ContainerError::Archive(_) => &["archive"],
        ContainerError::CarnetArchive => &["mark", "files"],
        ContainerError::Json => &["entries", "samples"],
        _ => &[],
    };
    candidates.iter().find(|step| **step == written).copied().unwrap_or("another step")
}

fn restored(draft: &Draft) -> Entry {
    let restored = draft.restored.as_ref().expect("an export gives back entries");
    let mut entry = Entry::new(restored.id, draft.fact.clone(), draft.provenance.clone());
    entry.comment.clone_from(&draft.comment);
    entry.status = draft.status.clone();
    entry.links.clone_from(&restored.links);
    entry.also_from.clone_from(&restored.also_from);
    entry.removed.clone_from(&restored.removed);
    entry.extra.clone_from(&restored.extra);
    entry
}

/// The digest of the canonical export, as `docs/format.md` tells it.
fn digest<'e>(entries: impl Iterator<Item = &'e Entry>, samples: &[(Series, Sample)]) -> [u8; 32] {
    let mut hasher = Hasher::new("canonical export");
    for entry in entries {
        hasher.part(canonical(&serde_json::to_value(entry).unwrap()).as_bytes());
    }
    let mut open = None;
    for (series, sample) in samples {
        let place = Some((series, Month::of_millis(sample.start_ms)));
        if open != place {
            hasher.part(canonical(&serde_json::to_value(series).unwrap()).as_bytes());
            open = place;
        }
        hasher.part(canonical(&serde_json::to_value(sample).unwrap()).as_bytes());
    }
    hasher.finish()
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
