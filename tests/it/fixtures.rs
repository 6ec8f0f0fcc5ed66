//! Official example files: each family is read by its reader and compared, leaf by leaf, with what it is said to hold.
//!
//! The files are not ours and never lie in this repository. `CARNET_FIXTURES` names the folder they are in; without it
//! each of these tests says `SKIPPED`, and `tests/run` counts it so, by name.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use carnet_interop::intake;
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use crate::{fixtures_apple, fixtures_cda, fixtures_fhir};

/// Who reads a published file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reader {
    Apple,
    Cda,
    Fhir,
    /// A format that this version does not read.
    None,
}

/// One file that a list of expectations names.
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    sha256: Option<String>,
    pub(crate) reader: Reader,
}

#[test]
fn apple_health_exports_hold_what_they_are_said_to_hold() {
    family("fixtures::apple_health_exports_hold_what_they_are_said_to_hold", Reader::Apple, fixtures_apple::check);
}

#[test]
fn clinical_documents_hold_what_they_are_said_to_hold() {
    family("fixtures::clinical_documents_hold_what_they_are_said_to_hold", Reader::Cda, fixtures_cda::check);
}

#[test]
fn fhir_files_hold_what_they_are_said_to_hold() {
    family("fixtures::fhir_files_hold_what_they_are_said_to_hold", Reader::Fhir, fixtures_fhir::check);
}

#[test]
fn every_published_file_has_its_reader_or_is_named_as_not_read() {
    let test = "fixtures::every_published_file_has_its_reader_or_is_named_as_not_read";
    let Some(folder) = folder(test) else { return };
    let files = published(&folder);
    let mut counts = BTreeMap::new();
    for file in &files {
        *counts.entry(file.reader).or_insert(0) += 1;
        if file.reader == Reader::None {
            println!("not read in this version: {}", file.name);
        }
    }
    println!("{} published files: {counts:?}", files.len());
    for reader in [Reader::Apple, Reader::Cda, Reader::Fhir] {
        assert!(counts.contains_key(&reader), "no file for {reader:?}");
    }
    let known = ["phone/googlefit/", "phone/healthconnect/", "standards/shl/"];
    for file in files.iter().filter(|file| file.reader == Reader::None) {
        assert!(known.iter().any(|start| file.name.starts_with(start)), "{} is new here", file.name);
    }
}

/// Compares the files of one reader with their expectations and prints both counts.
fn family(test: &str, reader: Reader, check: fn(&Path) -> Leaves) {
    let Some(folder) = folder(test) else { return };
    let files: Vec<Published> = published(&folder).into_iter().filter(|file| file.reader == reader).collect();
    let changed: Vec<&str> = files.iter().filter(|file| has_changed(file)).map(|file| file.name.as_str()).collect();
    assert!(changed.is_empty(), "fixture changed: {changed:?}; what follows would blame the import for it");
    let leaves = check(&folder);
    println!("{test}: {} files, {}", files.len(), leaves.summary());
    for (leaf, reason) in leaves.not_asserted() {
        println!("  not asserted: {leaf} ({reason})");
    }
    let wrong = leaves.wrong();
    assert!(wrong.is_empty(), "{} leaves are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(leaves.asserted() > files.len(), "every file has more than its own hash asserted");
}

/// The folder that `CARNET_FIXTURES` names. Without it the test is skipped, and says so.
pub(crate) fn folder(test: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the one variable that the tests know")]
    let named = std::env::var_os("CARNET_FIXTURES");
    let Some(named) = named.filter(|named| !named.is_empty()) else {
        println!("SKIPPED {test}: no official example files; set CARNET_FIXTURES to their folder");
        return None;
    };
    let folder = PathBuf::from(named);
    assert!(folder.is_dir(), "CARNET_FIXTURES names {}, which is no folder", folder.display());
    Some(folder)
}

/// Every file of the three lists of expectations.
pub(crate) fn published(folder: &Path) -> Vec<Published> {
    let mut files = Vec::new();
    for (list, below) in [("national", "national"), ("phone", ""), ("standards", "")] {
        let path = folder.join(list).join("expected.json");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expectations: BTreeMap<String, Value> = serde_json::from_slice(&bytes).expect("a list of expectations");
        for (name, entry) in expectations {
            let sha256 = [&entry["sha256"], &entry["source"]["sha256"]].into_iter().find_map(Value::as_str);
            let sha256 = sha256.map(str::to_owned);
            let reader = reader(&name, &entry);
            files.push(Published { path: folder.join(below).join(&name), name, sha256, reader });
        }
    }
    files
}

fn reader(name: &str, entry: &Value) -> Reader {
    let is_json = Path::new(name).extension().is_some_and(|extension| extension == "json");
    if name.starts_with("phone/apple/") {
        Reader::Apple
    } else if entry["kind"] == "cda" || entry["expect"]["kind"] == "CDA R2" {
        Reader::Cda
    } else if entry["kind"] == "fhir-bundle"
        || name.starts_with("standards/shc/")
        || entry.get("expect").is_some() && is_json
    {
        Reader::Fhir
    } else {
        Reader::None
    }
}

fn has_changed(file: &Published) -> bool {
    let digest = File::open(&file.path).ok().and_then(|open| intake::digest(open).ok()).unwrap_or_default();
    let byte =
        |at: usize| file.sha256.as_ref().and_then(|text| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok());
    digest.iter().enumerate().any(|(at, own)| byte(at) != Some(*own))
}
