//! Published FHIR R4: national examples, the IPS, Synthea, a health card's Bundle.
//!
//! A person who imports such a file must find in the record what it says, and nothing that it does not say. Each leaf of
//! what the examples are said to hold is compared with what the reader hands on, or listed with the reason why not.

mod papers;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use carnet_interop::intake::{self, Options};
use carnet_record::code::normal_system;
use carnet_record::item::{Item, Tally};
use carnet_record::kind::result::ResultValue;
use carnet_record::kind::{Fact, ImportReport};
use carnet_record::person::{HumanName, Identifier, SubjectClaim, Telecom, normal_identifier_system};
use carnet_record::{Coding, Concept, Decimal, Draft, Quantity, SourceKey, When, ZoneHistory};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use self::{
    papers::{document_member, list_resource},
    whole::{card_payloads, standard, stories},
};

/// Compares every published FHIR file with what it is said to hold.
pub(crate) fn check(fixtures: &Path) -> Leaves {
    let mut leaves = Leaves::default();
    for (file, entry) in expectations(&fixtures.join("national/expected.json")) {
        if Path::new(&file).extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let bytes = read(&fixtures.join("national").join(&file));
        let mut own = Leaves::of(&file, &entry["expect"]);
        let imported = Imported::of(&bytes, &file);
        own.require(
            &file,
            imported.sha256().is_none_or(|own| Some(own) == entry["source"]["sha256"].as_str()),
            "fixture changed",
        );
        holds_always(&mut own, &file, &bytes, &imported);
        root(&mut own, &file, &entry["expect"], &imported);
        stories(&mut own, &file, &imported);
        leaves.absorb(own);
    }
    for (file, entry) in expectations(&fixtures.join("standards/expected.json")) {
        if entry["kind"] != "fhir-bundle" {
            continue;
        }
        let bytes = read(&fixtures.join(&file));
        let mut own = Leaves::of(&file, &entry);
        let imported = Imported::of(&bytes, &file);
        holds_always(&mut own, &file, &bytes, &imported);
        standard(&mut own, &file, &entry, &bytes, &imported);
        leaves.absorb(own);
    }
    card_payloads(&mut leaves, fixtures);
    leaves
}

fn expectations(path: &Path) -> BTreeMap<String, Value> {
    serde_json::from_slice(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One draft, with its bytes when it is a paper.
struct Given {
    draft: Draft,
    bytes: Option<Vec<u8>>,
}

impl Given {
    fn original(&self, name: &str) -> Option<&str> {
        self.draft.provenance.original.get(name).map(String::as_str)
    }

    fn place(&self) -> &str {
        self.draft.provenance.source.as_ref().and_then(|source| source.place.as_deref()).unwrap_or_default()
    }

    /// The resource that a paper keeps whole.
    fn resource(&self) -> Value {
        self.bytes.as_ref().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null)
    }
}

/// Everything the reader handed on for one file.
struct Imported {
    subject: Option<SubjectClaim>,
    given: Vec<Given>,
    tally: Tally,
}

impl Imported {
    fn of(bytes: &[u8], file: &str) -> Self {
        let options = Options {
            source_name: file.rsplit('/').next().unwrap_or(file).to_owned(),
            home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
            with_positions: false,
            now_ms: 1_800_000_000_000,
        };
        let (mut subject, mut given) = (None, Vec::<Given>::new());
        let tally = intake::read(Cursor::new(bytes), &options, &mut |item| {
            match item {
                Item::Subject(claim) => {
                    assert!(subject.replace(*claim).is_none() && given.is_empty(), "one, and first");
                }
                Item::Draft(draft) => given.push(Given { draft: *draft, bytes: None }),
                Item::DocumentStart { draft } => given.push(Given { draft: *draft, bytes: Some(Vec::new()) }),
                Item::DocumentBytes(piece) => given.last_mut().unwrap().bytes.as_mut().unwrap().extend(piece),
                _ => {}
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { subject, given, tally }
    }

    fn sha256(&self) -> Option<&str> {
        let source = self.given.first().and_then(|given| given.draft.provenance.source.as_ref());
        source.map(|source| source.sha256.as_str())
    }

    /// What came of the resource at `entry[at]` (or of the lone one), by the place that each draft names.
    fn at<'a>(&'a self, at: Option<usize>, kind: &'a str) -> impl Iterator<Item = &'a Given> {
        self.given.iter().filter(move |given| match at {
            Some(at) => given.place().starts_with(&format!("entry[{at}] ")),
            None => given.place().starts_with(kind),
        })
    }

    fn warns(&self, reason: &str) -> bool {
        self.tally.warnings.iter().any(|group| group.reason == reason)
    }
}

/// Sums, keys, provenance, the same twice, and no crash on damaged bytes.
fn holds_always(leaves: &mut Leaves, file: &str, bytes: &[u8], imported: &Imported) {
    let mut report = ImportReport::from_tally(&imported.tally);
    for given in &imported.given {
        report.counts.entry(given.draft.fact.kind().to_owned()).or_default().added += 1;
    }
    leaves.require(file, report.sums_hold(), &format!("sums: {:?}", report.counts));
    leaves.require(file, imported.tally.refused.is_empty(), &format!("refused: {:?}", imported.tally.refused));
    let keys: BTreeSet<_> = imported.given.iter().map(|given| given.draft.source_key.clone()).collect();
    leaves.require(file, keys.len() == imported.given.len() && !keys.contains(&None), "each entry has its own key");
    let again = Imported::of(bytes, file);
    let keys_again: BTreeSet<_> = again.given.iter().map(|given| given.draft.source_key.clone()).collect();
    leaves.require(file, keys == keys_again, "a second import gives the same keys");
    let linked: BTreeSet<&SourceKey> =
        imported.given.iter().flat_map(|given| &given.draft.links).map(|(to, _)| to).collect();
    leaves.require(file, linked.iter().all(|to| keys.contains(&Some((*to).clone()))), "every link leads to an entry");
    for given in &imported.given {
        let provenance = &given.draft.provenance;
        let is_placed =
            provenance.source.as_ref().is_some_and(|source| source.sha256.len() == 64 && source.importer.is_some());
        leaves.require(file, is_placed, "every entry has its provenance");
    }
    for tenth in 0..10 {
        let at = bytes.len() * tenth / 10;
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x20;
        for damaged in [&bytes[..at], &flipped] {
            let options = Options {
                source_name: "damaged.json".into(),
                home_zone: ZoneHistory::utc(),
                with_positions: false,
                now_ms: 0,
            };
            let _ = intake::read(Cursor::new(damaged), &options, &mut |_| Ok(()));
        }
    }
}

/// A lone resource, or a Bundle with its entries.
fn root(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    if expected["resourceType"] != "Bundle" {
        resource(leaves, file, "", expected, None, imported);
        return;
    }
    leaves.check(file, "/resourceType", true, "");
    for envelope in ["/id", "/profile", "/bundleType", "/requests"] {
        leaves.skip(file, envelope, "of the envelope, which is not kept");
    }
    for (at, entry) in list(&expected["entries"]).iter().enumerate() {
        let path = format!("/entries/{at}");
        if entry.get("response").is_some() {
            let answers = imported.tally.read.get("answer").copied().unwrap_or_default();
            let is_counted =
                imported.given.is_empty() && usize::try_from(answers).unwrap() == list(&expected["entries"]).len();
            leaves.require(file, is_counted, "the answers of a server are counted and make no entry");
            leaves.skip(file, &path, "answers of a server are counted, not kept");
        } else {
            resource(leaves, file, &path, entry, Some(at), imported);
        }
    }
}

/// One expected resource against what came of it.
fn resource(leaves: &mut Leaves, file: &str, path: &str, expected: &Value, at: Option<usize>, imported: &Imported) {
    let kind = expected["resourceType"].as_str().unwrap();
    if kind == "Patient" {
        patient(leaves, file, path, expected, imported);
        return;
    }
    let Some(given) = imported.at(at, kind).next() else {
        let is_merged = imported.tally.merged.get(kind).is_some_and(|rows| *rows > 0);
        leaves.check(file, &format!("{path}/resourceType"), is_merged, "nothing");
        part_of_another(leaves, file, path, expected, imported);
        return;
    };
    let found = given.draft.fact.kind();
    leaves.check(file, &format!("{path}/resourceType"), kinds_of(kind).contains(&found), found);
    for (name, value) in expected.as_object().unwrap() {
        if name != "resourceType" {
            member(leaves, file, &format!("{path}/{name}"), name, value, given, imported);
        }
    }
}

fn kinds_of(resource: &str) -> &'static [&'static str] {
    match resource {
        "AllergyIntolerance" => &["allergy", "absence"],
        "Appointment" | "Slot" => &["appointment"],
        "CareTeam" | "Organization" | "Practitioner" | "PractitionerRole" | "RelatedPerson" => &["contact"],
        "Condition" => &["disease"],
        "DiagnosticReport" => &["result"],
        "Immunization" => &["vaccination"],
        "MedicationRequest" | "MedicationStatement" => &["treatment"],
        "Observation" => &["measure", "result", "blood-group"],
        _ => &["document"],
    }
}

fn patient(leaves: &mut Leaves, file: &str, path: &str, expected: &Value, imported: &Imported) {
    let subject = imported.subject.as_ref();
    leaves.check(file, &format!("{path}/resourceType"), subject.is_some(), "no subject");
    leaves.skip(file, &format!("{path}/id"), "the file's own number of the person is not kept");
    leaves.skip(file, &format!("{path}/profile"), "profiles of the person are not kept");
    let Some(subject) = subject else { return };
    let birth = subject.birth_date.map(|date| date.to_string());
    let mut same = |name: &str, found: Option<&str>| {
        if let Some(value) = expected.get(name) {
            leaves.check(file, &format!("{path}/{name}"), value.as_str() == found, &format!("{found:?}"));
        }
    };
    same("birthDate", birth.as_deref());
    same("gender", subject.sex.as_ref().map(carnet_record::person::Sex::as_str));
    identifiers(leaves, file, &format!("{path}/identifiers"), &expected["identifiers"], &subject.identifiers);
    for (at, name) in list(&expected["name"]).iter().enumerate() {
        // [use, family, [given…]]: the published examples sometimes swap family and given names; so do we not.
        let found = subject.names.get(at);
        let family = found.and_then(|own| own.family.as_deref());
        let use_fits = match name[0].as_str() {
            Some("official") => found
                .and_then(|own| own.used_as.as_ref())
                .is_some_and(|own| matches!(own.as_str(), "birth" | "official")),
            _ => true,
        };
        leaves.check(file, &format!("{path}/name/{at}/0"), use_fits, &format!("{found:?}"));
        leaves.check(file, &format!("{path}/name/{at}/1"), name[1].as_str() == family, &format!("{family:?}"));
        for (place, given) in list(&name[2]).iter().enumerate() {
            let own = found.and_then(|own| own.given.get(place)).map(String::as_str);
            leaves.check(file, &format!("{path}/name/{at}/2/{place}"), given.as_str() == own, &format!("{own:?}"));
        }
    }
    let is_wrong = subject.identifiers.iter().any(|own| own.check_digits_hold() == Some(false));
    leaves.require(
        file,
        imported.warns("ins-key-wrong") == is_wrong,
        "a wrong key of an INS is a warning, a right one is not",
    );
}

/// A resource that another holds: the drug of a prescription, the scales of a weight, the Binary of a document.
fn part_of_another(leaves: &mut Leaves, file: &str, path: &str, expected: &Value, imported: &Imported) {
    let kind = expected["resourceType"].as_str().unwrap_or_default();
    for (name, value) in expected.as_object().unwrap().iter().filter(|(name, _)| *name != "resourceType") {
        let path = format!("{path}/{name}");
        let papers = || imported.given.iter().filter(|given| given.bytes.is_some());
        match (kind, name.as_str()) {
            ("Medication", "code") => {
                let holds = |given: &&Given| match &given.draft.fact {
                    Fact::Treatment(treatment) => all_codings(value, &treatment.code),
                    _ => false,
                };
                leaves.check_all(file, &path, imported.given.iter().any(|given| holds(&given)), "no treatment with it");
            }
            ("Binary", "bytes") => {
                let size = |given: &Given| given.bytes.as_ref().map(|bytes| bytes.len() as u64);
                leaves.check_all(
                    file,
                    &path,
                    papers().any(|given| size(given) == value.as_u64()),
                    "no paper of the size",
                );
            }
            ("Binary", "sha256") => {
                leaves.check_all(
                    file,
                    &path,
                    papers().any(|given| paper(given).sha256.as_deref() == value.as_str()),
                    "no such paper",
                );
            }
            ("Binary", "contentType") => {
                leaves.check_all(
                    file,
                    &path,
                    papers().any(|given| paper(given).media_type.as_deref() == value.as_str()),
                    "no such paper",
                );
            }
            ("Binary", "starts") => {
                let start = value.as_str().unwrap_or_default().as_bytes();
                leaves.check_all(
                    file,
                    &path,
                    papers().any(|given| given.bytes.as_ref().unwrap().starts_with(start)),
                    "no such paper",
                );
            }
            _ => leaves.skip(file, &path, "of a part that lies within another entry"),
        }
    }
}

fn paper(given: &Given) -> &carnet_record::kind::Document {
    match &given.draft.fact {
        Fact::Document(document) => document,
        other => panic!("no document: {}", other.kind()),
    }
}

/// One member of an expected resource.
#[expect(clippy::too_many_lines, reason = "one arm for each name that an expectation uses")]
fn member(leaves: &mut Leaves, file: &str, path: &str, name: &str, value: &Value, given: &Given, imported: &Imported) {
    let found = format!("{}", serde_json::to_value(&given.draft.fact).unwrap());
    let mut all = |holds: bool| leaves.check_all(file, path, holds, &found);
    match (name, &given.draft.fact) {
        ("id", _) => all(value.as_str().is_some_and(|id| given.place().ends_with(&format!("/{id}")))),
        ("profile", _) => {
            let profiles: Vec<&str> = list(value).iter().filter_map(Value::as_str).collect();
            all(given.original("profile") == Some(profiles.join(" ").as_str()));
        }
        (_, Fact::Document(document)) if document.document_type.text.as_deref() == Some("List") => {
            list_resource(leaves, file, path, name, value, given);
        }
        ("subject" | "patient", _) => subject(leaves, file, path, value, given, imported),
        (_, Fact::Document(_)) => document_member(leaves, file, path, name, value, given),
        ("identifiers", fact) => {
            let own = match fact {
                Fact::Contact(contact) => &contact.identifiers,
                _ => &given.draft.provenance.identifiers,
            };
            identifiers(leaves, file, path, value, own);
        }
        ("code" | "medication", fact) if value.is_array() => match fact {
            Fact::BloodGroup(_) => leaves.skip(file, path, "said by the kind of the entry"),
            _ => all(code_of(fact).is_some_and(|code| all_codings(value, code))),
        },
        ("medication", Fact::Treatment(treatment)) => {
            all(!treatment.code.is_empty() && treatment.name.as_deref().is_some_and(|own| !own.starts_with('#')));
        }
        ("effective" | "start", fact) => {
            all(fact.when().map(|when| when.to_string()).as_deref() == value.as_str().map(normal_time).as_deref());
        }
        ("end", Fact::Appointment(own)) => all(own.end.map(|when| when.to_string()).as_deref() == value.as_str()),
        ("date", fact) => all(date_of(fact, given).iter().any(|own| Some(own.as_str()) == value.as_str())),
        ("authoredOn", Fact::Treatment(own)) => {
            all(own.stated_at.map(|when| when.to_string()).as_deref() == value.as_str());
        }
        ("status", fact) => all(state_of(fact).as_deref() == value.as_str()),
        ("intent", Fact::Treatment(own)) => all(own.intent.as_deref() == value.as_str()),
        ("dosageText", Fact::Treatment(own)) => {
            all(list(value).len() == own.dosage_lines.len() || own.dosage_lines.is_empty());
        }
        ("value", fact) => observed(leaves, file, path, value, fact),
        ("components", Fact::Measure(own)) => {
            for (at, part) in list(value).iter().enumerate() {
                let found = &own.components[at];
                leaves.check_all(file, &format!("{path}/{at}/0"), all_codings(&part[0], &found.code), "other codes");
                quantity(leaves, file, &format!("{path}/{at}/1"), &part[1], found.value.as_ref());
            }
        }
        ("extensions", Fact::Measure(own)) => {
            all(list(value).iter().all(|name| name.as_str().unwrap().contains("eason") && own.reason.is_some()));
        }
        ("device", Fact::Measure(_)) => all(given.draft.provenance.device.is_some()),
        ("name", Fact::Contact(own)) if value.is_string() => all(own.organisation.as_deref() == value.as_str()),
        ("name", Fact::Contact(own)) => all(list(value).first().is_some_and(|name| same_name(name, &own.name))),
        ("active", Fact::Contact(own)) => all(own.active == value.as_bool()),
        ("telecom", Fact::Contact(own)) => all(list(value).iter().all(|way| has_telecom(way, &own.telecoms))),
        ("period", Fact::Contact(own)) => {
            all(value["start"].as_str() == own.start.map(|when| when.to_string()).as_deref());
        }
        ("participants", Fact::Contact(own)) => {
            for (at, participant) in list(value).iter().enumerate() {
                let found = &own.members[at];
                leaves.check(
                    file,
                    &format!("{path}/{at}/0"),
                    found.reference.as_deref() == participant[0].as_str(),
                    &format!("{found:?}"),
                );
                leaves.skip(file, &format!("{path}/{at}/1"), "no role is said");
                let since = found.at.map(|when| when.to_string());
                leaves.check(
                    file,
                    &format!("{path}/{at}/2/start"),
                    since.as_deref() == participant[2]["start"].as_str(),
                    &format!("{found:?}"),
                );
                let until = participant[0].as_str().and_then(|who| given.original(&format!("participant {who} until")));
                leaves.check_all(
                    file,
                    &format!("{path}/{at}/2/end"),
                    until == participant[2]["end"].as_str(),
                    &format!("{until:?}"),
                );
            }
        }
        ("participants", Fact::Appointment(own)) => {
            for (at, participant) in list(value).iter().enumerate() {
                let found = &own.participants[at];
                leaves.check(
                    file,
                    &format!("{path}/{at}/0"),
                    found.actor.reference.as_deref() == participant[0].as_str(),
                    &format!("{found:?}"),
                );
                leaves.check(
                    file,
                    &format!("{path}/{at}/1"),
                    found.answer.as_deref() == participant[1].as_str(),
                    &format!("{found:?}"),
                );
            }
        }
        ("schedule", _) => all(given.original("schedule") == value["reference"].as_str()),
        (other, fact) => panic!("{file}{path}: no check for {other} of {}", fact.kind()),
    }
}

fn subject(leaves: &mut Leaves, file: &str, path: &str, value: &Value, given: &Given, imported: &Imported) {
    let words = given.original("subject").unwrap_or_default();
    let identifier = &value["identifier"];
    let is_kept = |text: &Value| text.as_str().is_some_and(|text| words.contains(text));
    for (name, part) in value.as_object().unwrap() {
        let path = format!("{path}/{name}");
        match name.as_str() {
            "reference" => {
                leaves.check(file, &path, is_kept(part) || (imported.subject.is_some() && words.is_empty()), words);
            }
            "display" => leaves.check(file, &path, is_kept(part), words),
            "identifier" => {
                let own =
                    format!("{}|{}", identifier["system"].as_str().unwrap(), identifier["value"].as_str().unwrap());
                leaves.check_all(file, &path, words == own, words);
            }
            _ => leaves.skip(file, &path, "the type of the person named is not kept"),
        }
    }
}

fn list_contains(wanted: &Value, own: &Value) -> bool {
    wanted.as_object().unwrap().iter().all(|(name, value)| &own[name] == value)
}

fn observed(leaves: &mut Leaves, file: &str, path: &str, value: &Value, fact: &Fact) {
    if let Some(expected) = value.get("valueQuantity") {
        let own = match fact {
            Fact::Measure(own) => own.value.as_ref(),
            Fact::Result(own) => match &own.value {
                Some(ResultValue::Quantity(quantity)) => Some(quantity),
                _ => None,
            },
            _ => None,
        };
        quantity(leaves, file, &format!("{path}/valueQuantity"), expected, own);
        return;
    }
    if let Some(expected) = value.get("valueCodeableConcept") {
        let holds = match fact {
            Fact::BloodGroup(own) => {
                own.group.is_known() && expected["coding"][0]["code"] == "278149003" && own.group.sign() == "A+"
            }
            Fact::Result(own) => match &own.value {
                Some(ResultValue::Concept(own)) => {
                    let codings = list(&expected["coding"]).iter();
                    codings.into_iter().all(|coding| {
                        own.has(
                            coding["system"].as_str().unwrap_or_default(),
                            coding["code"].as_str().unwrap_or_default(),
                        )
                    }) && expected["text"].as_str().is_none_or(|text| own.text.as_deref() == Some(text))
                }
                _ => false,
            },
            _ => false,
        };
        leaves.check_all(file, path, holds, "another value");
        return;
    }
    panic!("{file}{path}: no check for {value}");
}

fn quantity(leaves: &mut Leaves, file: &str, path: &str, expected: &Value, own: Option<&Quantity>) {
    let found = format!("{own:?}");
    for (name, part) in expected.as_object().unwrap() {
        let holds = own.is_some_and(|own| match name.as_str() {
            "value" => part.to_string().parse::<Decimal>().is_ok_and(|value| value.compare(own.value).is_eq()),
            "unit" => own.unit_text.as_deref().unwrap_or(&own.unit) == part.as_str().unwrap_or_default(),
            "code" => own.unit == part.as_str().unwrap_or_default(),
            _ => part == "http://unitsofmeasure.org",
        });
        leaves.check(file, &format!("{path}/{name}"), holds, &found);
    }
}

fn identifiers(leaves: &mut Leaves, file: &str, path: &str, value: &Value, own: &[Identifier]) {
    for (at, identifier) in list(value).iter().enumerate() {
        leaves.check_all(file, &format!("{path}/{at}"), has_identifier(identifier, own), &format!("{own:?}"));
    }
}

fn has_identifier(expected: &Value, own: &[Identifier]) -> bool {
    let system = expected[0].as_str().map(normal_identifier_system).unwrap_or_default();
    own.iter().any(|own| own.system == system && Some(own.value.as_str()) == expected[1].as_str())
}

fn has_telecom(expected: &Value, own: &[Telecom]) -> bool {
    own.iter()
        .any(|own| Some(own.kind.as_str()) == expected[0].as_str() && Some(own.value.as_str()) == expected[1].as_str())
}

fn same_name(expected: &Value, own: &HumanName) -> bool {
    let texts = |name: &str| list(&expected[name]).iter().filter_map(Value::as_str).collect::<Vec<_>>();
    expected["family"].as_str() == own.family.as_deref() && texts("given") == own.given && texts("prefix") == own.prefix
}

fn code_of(fact: &Fact) -> Option<&Concept> {
    match fact {
        Fact::Absence(own) => Some(&own.code),
        Fact::Allergy(own) => Some(&own.code),
        Fact::Disease(own) => Some(&own.code),
        Fact::Measure(own) => Some(&own.code),
        Fact::Result(own) => Some(&own.code),
        Fact::Treatment(own) => Some(&own.code),
        Fact::Vaccination(own) => Some(&own.code),
        _ => None,
    }
}

/// The dates that an example may mean by "date": of the fact, or of its record.
fn date_of(fact: &Fact, given: &Given) -> Vec<String> {
    let recorded = given.draft.provenance.recorded_at.map(|at| at.to_string());
    let words = given.original("recorded").map(str::to_owned);
    fact.when().map(|when| when.to_string()).into_iter().chain(recorded).chain(words).collect()
}

fn state_of(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Appointment(own) => own.state.as_ref().map(ToString::to_string),
        Fact::Contact(own) => own.active.map(|active| if active { "active" } else { "inactive" }.to_owned()),
        Fact::Treatment(own) => own.state.clone(),
        _ => None,
    }
}

/// Every [system, code, display] of the expectation is a coding, with its words.
fn all_codings(expected: &Value, own: &Concept) -> bool {
    let found = |wanted: &Value| {
        let system = normal_system(wanted[0].as_str().unwrap_or_default()).to_owned();
        let is = |coding: &&Coding| coding.system == system && Some(coding.code.as_str()) == wanted[1].as_str();
        own.codings.iter().find(is).is_some_and(|coding| coding.display.as_deref() == wanted[2].as_str())
    };
    list(expected).iter().all(found)
}

/// The same moment as the model prints it: seconds are always there.
fn normal_time(text: &str) -> String {
    text.parse::<When>().map_or_else(|_| text.to_owned(), |when| when.to_string())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
