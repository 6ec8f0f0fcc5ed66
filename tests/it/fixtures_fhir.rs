//! Published FHIR R4: national examples, the IPS, Synthea, a health card's Bundle.
//!
//! A person who imports such a file must find in the record what it says, and nothing that it does not say. Each leaf of
//! what the examples are said to hold is compared with what the reader hands on, or listed with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use carnet_interop::intake::{self, Options};
use carnet_record::code::normal_system;
use carnet_record::item::{Item, Tally};
use carnet_record::kind::result::ResultValue;
use carnet_record::kind::{Fact, ImportReport};
use carnet_record::person::{HumanName, Identifier, SubjectClaim, Telecom, normal_identifier_system};
use carnet_record::{Coding, Concept, Decimal, Draft, Quantity, SourceKey, Status, When, ZoneHistory};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

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

#[expect(clippy::too_many_lines, reason = "one arm for each name that an expectation uses")]
fn document_member(leaves: &mut Leaves, file: &str, path: &str, name: &str, value: &Value, given: &Given) {
    let own = paper(given);
    let found = format!("{}", serde_json::to_value(&given.draft.fact).unwrap());
    let mut all = |holds: bool| leaves.check_all(file, path, holds, &found);
    match name {
        "master" => {
            let wanted = value.as_str().unwrap_or_default();
            let plain = wanted.trim_start_matches("urn:oid:").trim_start_matches("urn:uuid:");
            all(own.unique_id.as_deref() == Some(plain));
        }
        "status" => all(own.state.as_deref() == value.as_str()),
        "type" | "code" => all(all_codings(value, &own.document_type)),
        "category" => all(own.class.as_ref().is_some_and(|class| all_codings(&value[0], class))),
        "date" => all(own.date.map(|when| when.to_string()).as_deref() == value.as_str()),
        "title" => all(own.title.as_deref() == value.as_str()),
        "author" => {
            for (at, author) in list(value).iter().enumerate() {
                let reference = author["reference"].as_str().unwrap_or_default();
                let actor = own.authors.get(at);
                let kept = actor.is_some_and(|actor| {
                    actor.reference.as_deref() == Some(reference)
                        || (reference.starts_with('#') && !actor.identifiers.is_empty())
                });
                leaves.check_all(file, &format!("{path}/{at}"), kept, &found);
            }
        }
        "custodian" => {
            all(own.custodian.as_ref().is_some_and(|actor| actor.reference.as_deref() == value["reference"].as_str()));
        }
        "format" => all(list(value)
            .iter()
            .all(|format| format.is_null() && own.format.is_none() || format.as_str() == own.format.as_deref())),
        "securityLabel" => all(list(value)
            .iter()
            .all(|label| own.confidentiality.iter().any(|mark| Some(mark.as_str()) == label[0][1].as_str()))),
        "period" => {
            let told = |when: Option<When>| when.map(|when| when.to_string());
            let holds = told(own.care_start).as_deref() == value["start"].as_str()
                && told(own.care_end).as_deref() == value["end"].as_str();
            all(holds);
        }
        "contained" => {
            for (at, contained) in list(value).iter().enumerate() {
                let path = format!("{path}/{at}");
                let is_author = list(&contained[2])
                    .iter()
                    .any(|id| own.authors.iter().any(|actor| has_identifier(id, &actor.identifiers)));
                if is_author {
                    leaves.check_all(file, &format!("{path}/2"), true, "");
                    leaves.skip(file, &path, "the local name of a contained resource is not kept");
                } else {
                    leaves.skip(file, &path, "the contained Patient repeats the subject");
                }
            }
        }
        "attachments" => attachments(leaves, file, path, value, given),
        "contentType" => all(own.media_type.as_deref() == value.as_str()),
        "bytes" => all(given.bytes.as_ref().map(|bytes| bytes.len() as u64) == value.as_u64()),
        "sha256" => all(own.sha256.as_deref() == value.as_str()),
        "starts" => {
            all(given.bytes.as_ref().is_some_and(|bytes| bytes.starts_with(value.as_str().unwrap().as_bytes())));
        }
        "sections" => {
            let text = own.text.as_deref().unwrap_or_default();
            for (at, section) in list(value).iter().enumerate() {
                leaves.check_all(
                    file,
                    &format!("{path}/{at}/1"),
                    section[1].as_str().is_some_and(|title| text.contains(title)),
                    "no such section",
                );
                leaves.skip(file, &format!("{path}/{at}/0"), "the code of a section of narrative is not kept");
            }
            let entries: u64 = list(value).iter().filter_map(|section| section[2].as_u64()).sum();
            let links = given.draft.links.len() as u64;
            for at in 0..list(value).len() {
                leaves.check_all(
                    file,
                    &format!("{path}/{at}/2"),
                    links == entries,
                    &format!("{links} links of {entries}"),
                );
            }
        }
        "identifiers" => identifiers(leaves, file, path, value, &given.draft.provenance.identifiers),
        other => panic!("{file}{path}: no check for {other} of a document"),
    }
}

fn attachments(leaves: &mut Leaves, file: &str, path: &str, value: &Value, given: &Given) {
    let own = paper(given);
    let attachment = &value[0];
    leaves.require(file, list(value).len() == 1, "one attachment");
    for (name, part) in attachment.as_object().unwrap() {
        let path = format!("{path}/0/{name}");
        let text = part.as_str();
        let (holds, found) = match name.as_str() {
            "contentType" => (own.media_type.as_deref() == text, format!("{:?}", own.media_type)),
            "title" => (own.title.as_deref() == text, format!("{:?}", own.title)),
            "language" => (own.language.as_deref() == text, format!("{:?}", own.language)),
            "hash" => (given.original("sha1-base64") == text, format!("{:?}", given.original("sha1-base64"))),
            "creation" => (given.original("created") == text, format!("{:?}", given.original("created"))),
            "data_sha256" => (own.sha256.as_deref() == text, format!("{:?}", own.sha256)),
            "url" if given.bytes.is_some() => (true, String::new()),
            "url" => (own.address.as_deref() == text, format!("{:?}", own.address)),
            "size" if given.bytes.is_some() => {
                // The size said is not the size found: the found one is kept, and told.
                (
                    own.size == part.as_u64()
                        || given.bytes.as_ref().is_some_and(|bytes| own.size == Some(bytes.len() as u64)),
                    format!("{:?}", own.size),
                )
            }
            "data_bytes" | "size" => (own.size == part.as_u64(), format!("{:?}", own.size)),
            _ => {
                leaves.skip(file, &path, "SHA-1 is not computed");
                continue;
            }
        };
        leaves.check(file, &path, holds, &found);
    }
}

fn list_resource(leaves: &mut Leaves, file: &str, path: &str, name: &str, value: &Value, given: &Given) {
    let resource = given.resource();
    let holds = match name {
        "status" | "mode" | "title" | "date" => &resource[name] == value,
        "subject" | "source" => list_contains(value, &resource[name]),
        "code" => list(value)
            .iter()
            .all(|code| resource["code"]["coding"].as_array().unwrap().iter().any(|own| own["code"] == code[1])),
        "identifiers" => {
            list(value).iter().all(|id| list(&resource["identifier"]).iter().any(|own| own["value"] == id[1]))
        }
        "items" => list(value).iter().enumerate().all(|(at, item)| resource["entry"][at]["item"]["reference"] == *item),
        other => panic!("{file}{path}: no check for {other} of a List"),
    };
    leaves.check_all(file, path, holds, "another");
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

/// What the folder's guide says of single files, beyond the leaves.
fn stories(leaves: &mut Leaves, file: &str, imported: &Imported) {
    let facts = || imported.given.iter().map(|given| &given.draft.fact);
    let count = |kind: &str| facts().filter(|fact| fact.kind() == kind).count();
    let zones = ZoneHistory::single("Europe/Paris").unwrap();
    let name = file.rsplit('/').next().unwrap_or(file);
    match name {
        "AllergyIntolerance-eumfh-39-07-1.json" => {
            leaves.require(file, count("absence") == 1 && count("allergy") == 0, "an absence, never an allergy");
        }
        "Bundle-IPS-examples-Bundle-01.json" => {
            leaves.require(file, count("absence") == 1 && count("allergy") == 1, "one allergy and one absence");
        }
        "DiagnosticReport-hemoglobin.json" => {
            let kept =
                facts().any(|fact| matches!(fact, Fact::Result(own) if own.panel && !own.missing_members.is_empty()));
            leaves.require(file, kept && imported.warns("member-not-in-file"), "the missing result is kept as text");
        }
        "Immunization-75680.json" => {
            let fact = facts().next().unwrap();
            let day = fact.when().and_then(|when| when.local_day(&zones)).map(|day| day.to_string());
            leaves.require(file, day.as_deref() == Some("1998-06-04"), "the local day is that of the offset");
            let Fact::Vaccination(own) = fact else { panic!("no vaccination") };
            leaves.require(file, own.lot.is_some() && own.code.codings.len() == 3, "lot number and three codings");
            let verbatim = &imported.given[0].draft.provenance.verbatim;
            leaves.require(
                file,
                verbatim.values().any(|text| text.contains("translation")),
                "the French labels survive",
            );
        }
        "CareTeam-cds-careteam-example.json" => {
            let verbatim = &imported.given[0].draft.provenance.verbatim;
            leaves.require(file, verbatim.contains_key("_name"), "an extension inside the name survives");
        }
        "Slot-example.json" => {
            let given = &imported.given[0];
            let is_free = given.draft.status == Status::from("slot") && !given.draft.status.counts();
            leaves.require(file, is_free, "a free slot is no appointment");
        }
        "Observation-example-mes-fr-observation-bp-001.json" => {
            leaves.require(file, imported.given.len() == 1, "components only, one entry");
        }
        "Bundle-mss-bundle-bal-per-elements.json" => {
            let partial = facts().all(|fact| matches!(fact, Fact::Contact(own) if own.partial == Some(true)));
            leaves.require(file, partial, "partial resources are marked");
        }
        "Bundle-MultiLine-Presc-METFORMINE-GLICLAZIDE.json" => {
            let groups: BTreeSet<_> = facts()
                .filter_map(|fact| match fact {
                    Fact::Treatment(own) => Some((own.group.clone(), own.is_ongoing())),
                    _ => None,
                })
                .collect();
            let one = groups.len() == 1 && groups.iter().all(|(group, ongoing)| group.is_some() && !ongoing);
            leaves.require(file, count("treatment") == 2 && one, "one prescription of two lines, no running treatment");
        }
        "Observation-example-mes-fr-observation-body-weight-001.json" => {
            let day = facts().next().and_then(Fact::when).and_then(|when| when.local_day(&zones));
            leaves.require(file, day.is_some_and(|day| day.to_string() == "2022-11-06"), "a day, not an instant");
        }
        _ => {}
    }
}

/// One of the standard Bundles: counts by resource, noise set aside, dates, the person.
fn standard(leaves: &mut Leaves, file: &str, expected: &Value, bytes: &[u8], imported: &Imported) {
    for of_file in ["/sha256", "/bytes", "/kind"] {
        let holds = match of_file {
            "/bytes" => expected["bytes"].as_u64() == Some(bytes.len() as u64),
            "/sha256" => imported.sha256() == expected["sha256"].as_str(),
            _ => true,
        };
        leaves.check(file, of_file, holds, "fixture changed");
    }
    leaves.skip(file, "/bundle_type", "of the envelope, which is not kept");
    let met: usize = expected["entries"].as_u64().unwrap_or_default().try_into().unwrap();
    let seen = usize::from(imported.subject.is_some()) + places(imported).len() + not_given(imported);
    leaves.check(file, "/entries", seen == met, &format!("{seen}"));
    for (kind, count) in expected["resources"].as_object().unwrap() {
        let own = resources(imported, kind);
        leaves.check(file, &format!("/resources/{kind}"), Some(own as u64) == count.as_u64(), &format!("{own}"));
    }
    for noise in ["Claim", "ExplanationOfBenefit"] {
        let aside = imported.tally.set_aside.iter().find(|group| group.kind == noise).map_or(0, |group| group.count);
        let wanted = expected["resources"][noise].as_u64().unwrap_or_default();
        leaves.require(file, aside == wanted, "billing is set aside");
    }
    let subject = imported.subject.as_ref();
    let patient = &expected["patients"][0];
    leaves.skip(file, "/patients/0/id", "the file's own number of the person is not kept");
    let birth = subject.and_then(|own| own.birth_date).map(|date| date.to_string());
    leaves.check(
        file,
        "/patients/0/birthDate",
        birth.as_deref() == patient["birthDate"].as_str(),
        &format!("{birth:?}"),
    );
    let sex = subject.and_then(|own| own.sex.as_ref()).map(ToString::to_string);
    leaves.check(file, "/patients/0/gender", sex.as_deref() == patient["gender"].as_str(), &format!("{sex:?}"));
    dates(leaves, file, expected, imported);
    codes(leaves, file, expected, imported);
    if let Some(sections) = expected.get("composition_sections") {
        let text = imported.given.iter().find_map(|given| match &given.draft.fact {
            Fact::Document(own) => own.text.as_deref().filter(|_| given.place().contains("Composition")),
            _ => None,
        });
        let holds = list(sections).iter().all(|title| text.is_some_and(|text| text.contains(title.as_str().unwrap())));
        leaves.check_all(file, "/composition_sections", holds, "a section is missing");
    }
    let own_keys: BTreeSet<_> = imported.given.iter().map(|given| given.draft.source_key.as_ref()).collect();
    leaves.check(file, "/duplicate_ids", own_keys.len() == imported.given.len(), "two entries of one key");
}

/// Places of the Bundle from which something came.
fn places(imported: &Imported) -> BTreeSet<&str> {
    imported
        .given
        .iter()
        .filter(|given| !given.place().contains(" Patient"))
        .filter_map(|given| given.place().split(' ').next())
        .collect()
}

/// Resources that were set aside, or that lie within another entry.
fn not_given(imported: &Imported) -> usize {
    let aside: u64 = imported.tally.set_aside.iter().map(|group| group.count).sum();
    let merged: u64 = imported.tally.merged.values().sum();
    usize::try_from(aside + merged).unwrap()
}

fn resources(imported: &Imported, kind: &str) -> usize {
    if kind == "Patient" {
        return usize::from(imported.subject.is_some());
    }
    let named = |place: &&str| place.split(' ').nth(1).and_then(|name| name.split('/').next()) == Some(kind);
    let given: BTreeSet<&str> = imported.given.iter().map(Given::place).filter(named).collect();
    let aside: u64 = imported.tally.set_aside.iter().filter(|group| group.kind == kind).map(|group| group.count).sum();
    let merged = imported.tally.merged.get(kind).copied().unwrap_or_default();
    given.len() + usize::try_from(aside + merged).unwrap()
}

/// The first and the last date of the file are dates of entries, and stay partial where they are.
fn dates(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let texts: BTreeSet<String> =
        imported.given.iter().map(|given| serde_json::to_string(&given.draft).unwrap()).collect();
    for end in ["first_date", "last_date"] {
        let wanted = expected[end].as_str().unwrap_or_default();
        let printed = normal_time(wanted);
        let holds = texts.iter().any(|text| text.contains(&format!("\"{printed}\"")));
        leaves.check(file, &format!("/{end}"), holds, "no entry has it");
    }
}

fn codes(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let of_observation = imported.given.iter().filter(|given| given.place().contains("Observation"));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for given in of_observation {
        let code = match &given.draft.fact {
            Fact::BloodGroup(_) => "882-1".to_owned(),
            fact => code_of(fact)
                .and_then(|code| code.codings.first())
                .map_or_else(|| "null".to_owned(), |coding| coding.code.clone()),
        };
        *counts.entry(code).or_default() += 1;
    }
    if let Some(distinct) = expected.get("observation_codes_distinct") {
        leaves.check(
            file,
            "/observation_codes_distinct",
            distinct.as_u64() == Some(counts.len() as u64),
            &format!("{}", counts.len()),
        );
        for (code, count) in expected["observation_top_codes"].as_object().unwrap() {
            let own = counts.get(code).copied().unwrap_or_default();
            leaves.check(
                file,
                &format!("/observation_top_codes/{code}"),
                count.as_u64() == Some(own),
                &format!("{own}"),
            );
        }
    }
    let pressures = imported.given.iter().filter_map(|given| match &given.draft.fact {
        Fact::Measure(own) if own.code.has("http://loinc.org", "55284-4") => Some(own),
        _ => None,
    });
    let whole = pressures.clone().all(|own| {
        own.measure == "blood-pressure" && own.component("systolic").is_some() && own.component("diastolic").is_some()
    });
    let wanted = expected["observation_top_codes"]["55284-4"].as_u64().unwrap_or_default();
    leaves.require(file, whole && pressures.count() as u64 == wanted, "the older panel code is a blood pressure");
}

/// The payload of a health card is read as its Bundle; both forms of it are the same content.
fn card_payloads(leaves: &mut Leaves, fixtures: &Path) {
    let folder = fixtures.join("standards/shc");
    let of = |name: &str| Imported::of(&read(&folder.join(name)), name);
    let keys =
        |imported: &Imported| imported.given.iter().map(|given| given.draft.source_key.clone()).collect::<Vec<_>>();
    let bundle = of("example-00-a-fhirBundle.json");
    for name in ["example-00-b-jws-payload-expanded.json", "example-00-c-jws-payload-minified.json"] {
        let payload = of(name);
        leaves.require(
            name,
            payload.given.len() == bundle.given.len() && keys(&payload) == keys(&bundle),
            "the card's Bundle, once",
        );
    }
}
