//! Whom each official example file says it is about, read from what its publisher wrote and not by the product.
//!
//! A person is told by the national number and the birth date, else by family name and birth date, else by the
//! reference that the file makes to somebody who is in no file. Files that name nobody go to one record of their own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use carnet_tests::process::{member, members};
use serde_json::Value;

use crate::fixtures::{self, Reader};

/// Where numbers of the national identity begin: production, NIA, test, demonstration.
const INS_ROOT: &str = "1.2.250.1.213.1.4.";
/// The record of the files that name nobody.
pub(super) const NOBODY: &str = "Personne";

/// What a file says of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// National number.
    ins: Option<String>,
    family: Option<String>,
    /// `YYYY-MM-DD`.
    birth: Option<String>,
    /// Who is meant, where the file names nobody itself.
    reference: Option<String>,
}

/// A person with the files about it.
pub(super) struct Person {
    /// The name of the record.
    pub(super) label: String,
    pub(super) said: Said,
    pub(super) files: Vec<PathBuf>,
    /// Those of the files that name the person themselves, and not by a reference into another file.
    pub(super) naming: Vec<PathBuf>,
}

impl Said {
    /// The words that write it on an identity sheet; none when there is nothing to write.
    pub(super) fn sheet(&self) -> Vec<&str> {
        let fields = [("--family", &self.family), ("--birth", &self.birth), ("--ins", &self.ins)];
        let mut words: Vec<&str> =
            fields.into_iter().filter_map(|(option, value)| Some([option, value.as_deref()?])).flatten().collect();
        if self.family.is_none() && !words.is_empty() {
            words.extend(["--name", "Sans nom de famille"]);
        }
        words
    }

    /// Whether a file about `other` must be refused in a record of this person: something that both say differs.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let pairs = [(&self.ins, &other.ins), (&self.birth, &other.birth), (&self.family, &other.family)];
        pairs.into_iter().any(|(one, two)| one.is_some() && two.is_some() && one != two)
    }

    /// Whether nothing could be compared.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        let pairs = [(&self.ins, &other.ins), (&self.birth, &other.birth), (&self.family, &other.family)];
        pairs.into_iter().all(|(one, two)| one.is_none() || two.is_none())
    }

    fn key(&self) -> String {
        let name = self.ins.as_ref().or(self.family.as_ref());
        match (name, &self.birth, &self.reference) {
            (Some(name), Some(birth), _) => format!("{name} {birth}"),
            (Some(name), None, _) | (None, Some(name), _) => name.clone(),
            (None, None, Some(reference)) => reference.clone(),
            (None, None, None) => NOBODY.to_owned(),
        }
    }

    fn label(&self) -> String {
        let parts = [self.family.as_deref(), self.birth.as_deref()];
        let known: Vec<&str> = parts.into_iter().flatten().collect();
        if known.is_empty() { self.key().replace(['?', '|', '/'], " ") } else { known.join(" ") }
    }
}

/// Every official file that this version reads, by person.
pub(super) fn of(folder: &Path) -> Vec<Person> {
    let files: Vec<_> = fixtures::published(folder)
        .into_iter()
        .filter(|file| file.reader != Reader::None)
        .map(|file| file.path)
        .collect();
    // Patients by the name that others call them, within one publisher's folder.
    let mut called: BTreeMap<(PathBuf, String), Said> = BTreeMap::new();
    for path in files.iter().filter(|path| is_json(path)) {
        for patient in patients(&json(path)) {
            let name = format!("Patient/{}", patient["id"].as_str().unwrap_or_default());
            called.insert((beside(path), name), said_of(&patient));
        }
    }
    let mut persons: BTreeMap<String, Person> = BTreeMap::new();
    for path in files {
        let (said, is_named_here) = said(&path, &called);
        let new = || Person { label: said.label(), said: said.clone(), files: Vec::new(), naming: Vec::new() };
        let person = persons.entry(said.key()).or_insert_with(new);
        person.files.push(path.clone());
        if is_named_here {
            person.naming.push(path);
        }
    }
    persons.into_values().collect()
}

/// What a file says of its person, and whether it says so itself.
fn said(path: &Path, called: &BTreeMap<(PathBuf, String), Said>) -> (Said, bool) {
    let here = |said: Said| {
        let is_named = !said.sheet().is_empty();
        (said, is_named)
    };
    if !is_json(path) {
        let is_archive = path.extension().is_some_and(|ending| ending == "zip");
        return here(if is_archive { of_telephone(path) } else { of_document(path) });
    }
    let value = json(path);
    if let Some(patient) = patients(&value).first() {
        return here(said_of(patient));
    }
    let Some(reference) = reference(&value) else { return here(Said::default()) };
    if let Some(known) = called.get(&(beside(path), reference.clone())) {
        return (known.clone(), false);
    }
    here(match reference.split_once('|') {
        Some((_, number)) => Said { ins: Some(number.to_owned()), ..Said::default() },
        None => Said { reference: Some(reference), ..Said::default() },
    })
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

fn beside(path: &Path) -> PathBuf {
    path.parent().expect("a file lies in a folder").to_owned()
}

/// A FHIR file; of the payload of a health card, the Bundle inside.
fn json(path: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON");
    match value.pointer_mut("/vc/credentialSubject/fhirBundle") {
        Some(inner) => inner.take(),
        None => value,
    }
}

/// The resources of a file: itself, those of a Bundle, and what they contain.
fn resources(value: &Value) -> Vec<Value> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut found = vec![value.clone()];
    found.extend(list(value, "entry").into_iter().map(|mut entry| entry["resource"].take()));
    let inside: Vec<Value> = found.iter().flat_map(|resource| list(resource, "contained")).collect();
    found.extend(inside);
    found
}

fn patients(value: &Value) -> Vec<Value> {
    resources(value).into_iter().filter(|resource| resource["resourceType"] == "Patient").collect()
}

fn said_of(patient: &Value) -> Said {
    let identifiers = patient["identifier"].as_array().into_iter().flatten();
    let is_ins = |one: &&Value| one["system"].as_str().is_some_and(|system| system.contains(INS_ROOT));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Said {
        ins: identifiers.filter(is_ins).find_map(|one| text(&one["value"])),
        family: text(&patient["name"][0]["family"]),
        birth: text(&patient["birthDate"]),
        reference: None,
    }
}

/// The first reference to a patient.
fn reference(value: &Value) -> Option<String> {
    let of = |resource: &Value| {
        let named = ["subject", "patient"].iter().find_map(|name| resource[*name]["reference"].as_str());
        named.map(str::to_owned)
    };
    resources(value).iter().find_map(of)
}

/// The head of a clinical document: the first number, name and birth date of its patient.
fn of_document(path: &Path) -> Said {
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("a fixture")).into_owned();
    // The document that is wrapped into its stylesheet writes its names with a prefix.
    let text = text.replace("<c:", "<").replace("</c:", "</");
    let role = between(&text, "<patientRole", "</patientRole>").expect("a clinical document has a patient");
    let tags = role.split("<id ").skip(1).filter_map(|rest| rest.split('>').next());
    let ins = tags.filter(|tag| tag.contains(INS_ROOT)).find_map(|tag| between(tag, "extension=\"", "\""));
    let family = between(role, "<family", "</family>").and_then(|rest| rest.split_once('>')).map(|(_, name)| name);
    let birth = between(role, "<birthTime", ">").and_then(|tag| between(tag, "value=\"", "\""));
    let day = |digits: &str| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]);
    Said { ins: ins.map(str::to_owned), family: family.map(str::to_owned), birth: birth.map(day), reference: None }
}

/// A telephone knows a birth date at most.
fn of_telephone(path: &Path) -> Said {
    let is_main =
        |name: &&String| Path::new(name).extension().is_some_and(|ending| ending == "xml") && !name.contains("cda");
    let main = members(path).iter().find(is_main).map(|name| member(path, name)).expect("the main file of an export");
    let text = String::from_utf8_lossy(&main).into_owned();
    let birth = between(&text, "HKCharacteristicTypeIdentifierDateOfBirth=\"", "\"").filter(|date| !date.is_empty());
    let reference = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Said { birth: birth.map(str::to_owned), reference, ..Said::default() }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inside, _)| inside)
}
