//! What a record gives to other programs: a FHIR Bundle, as a person asks for it and as another vault reads it.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use carnet_tests::process::{Carnet, Home, files, text};
use serde_json::{Map, Value, json};

use crate::cli_record::{assert_adds_up, camille, import_samples};

/// What each list of a record is asked for with.
const LISTS: [&[&str]; 5] =
    [&["profile", "list"], &["measure", "list"], &["document", "list"], &["agenda", "list"], &["contact", "list"]];
/// What every reader sets anew: how an entry came into the record, and by which identity it is known in its file.
const SET_ANEW: [&str; 2] = ["provenance.origin", "provenance.source_key"];

/// What FHIR asks for where the record said nothing, and so comes back beside: a state, a code, that it is not ours.
const ASKED_FOR: [(&str, &str); 6] = [
    ("absence", "code"),
    ("allergy", "clinical"),
    ("appointment", "read_only"),
    ("document", "state"),
    ("treatment", "state"),
    ("vaccination", "state"),
];

/// A record with something of everything that can be typed or that the samples hold, and one entry that was removed.
fn full(home: &Home) -> Carnet {
    let carnet = camille(home, "vault");
    import_samples(&carnet);
    let add = |words: &[&str]| carnet.run(words).data()["id"].as_str().expect("an id").to_owned();
    let disease = add(&["profile", "add", "disease", "--name", "Asthme", "--start", "2015-03", "--code", "cim10|J45"]);
    add(&["profile", "add", "treatment", "--name", "Salbutamol", "--dosage", "2 bouffées", "--link", &disease]);
    add(&["profile", "add", "allergy", "--name", "Pénicilline", "--criticality", "high", "--comment", "urticaire"]);
    add(&["profile", "add", "vaccine", "--name", "DTPolio", "--at", "2021", "--lot", "X12"]);
    add(&["profile", "add", "blood-group", "--group", "AB-"]);
    add(&["profile", "none", "stay"]);
    add(&["measure", "add", "weight", "72,40", "--at", "2026-03-01T08:00:00+01:00", "--comment", "à jeun"]);
    add(&["measure", "add", "blood-pressure", "120/80", "--at", "2026-03-02T08:00:00+01:00"]);
    add(&["measure", "add", "glucose", "92", "--moment", "fasting", "--at", "2026-03-03T08:00:00+01:00"]);
    add(&["agenda", "add", "appointment", "--title", "Contrôle", "--at", "2026-12-01T09:30:00+01:00"]);
    add(&["contact", "add", "relative", "--family", "EXEMPLE", "--given", "Jean", "--phone", "+33 6 39 98 00 00"]);
    let mistake = add(&["profile", "add", "disease", "--name", "Erreurdesaisie"]);
    carnet.run(&["profile", "remove", &mistake]).data();
    carnet
}

fn export(carnet: &Carnet, out: &Path) -> Value {
    carnet.run(&["export", "--yes", "--format", "fhir", "--out", text(out)]).data()
}

fn bundle(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the export is there")).expect("a Bundle is JSON")
}

/// The entries of a record by id, each with its fields; where it comes from is a field each.
fn entries(carnet: &Carnet) -> BTreeMap<String, Map<String, Value>> {
    let mut entries = BTreeMap::new();
    for words in LISTS {
        for entry in carnet.run(words).data().as_array().expect("a list") {
            let mut fields = entry.as_object().expect("an entry").clone();
            let provenance = fields.remove("provenance").unwrap_or_else(|| json!({}));
            let parts = provenance.as_object().expect("where it comes from").clone().into_iter();
            fields.extend(parts.map(|(name, value)| (format!("provenance.{name}"), value)));
            let id = fields.remove("id").expect("an id").as_str().expect("text").to_owned();
            entries.insert(id, fields);
        }
    }
    entries
}

/// The id of the entry that each resource of a Bundle was made of.
fn sources(bundle: &Value) -> Vec<String> {
    let urls = bundle["entry"].as_array().expect("entries").iter();
    urls.map(|entry| entry["fullUrl"].as_str().expect("an address")["urn:uuid:".len()..].replace('-', "")).collect()
}

/// The entries that came back, by the id of the entry that each was made of, and their own ids.
fn came_back(
    after: &BTreeMap<String, Map<String, Value>>,
    sources: &[String],
) -> (BTreeMap<String, Map<String, Value>>, BTreeMap<String, String>) {
    let (mut entries, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for (id, fields) in after {
        let source = fields.get("provenance.source");
        let Some(place) = source.and_then(|source| source["place"].as_str()) else { continue };
        let number = place.strip_prefix("entry[").and_then(|rest| rest.split(']').next()).expect("a place");
        let source = &sources[number.parse::<usize>().expect("a number")];
        assert!(entries.insert(source.clone(), fields.clone()).is_none(), "{source} came back twice");
        ids.insert(source.clone(), id.clone());
    }
    (entries, ids)
}

/// What is told as lost: of which entry, which field.
fn losses_by_entry(exported: &Value) -> BTreeSet<(String, String)> {
    let mut told = BTreeSet::new();
    for loss in exported["losses"].as_array().expect("a list of losses") {
        // `code.text` is told of the field `code`.
        let field = loss["field"].as_str().expect("a field");
        let whole = if field.starts_with("provenance.") { field } else { field.split('.').next().expect("a name") };
        for id in loss["entries"].as_array().map(Vec::as_slice).unwrap_or_default() {
            told.insert((id.as_str().expect("an id").to_owned(), whole.to_owned()));
        }
    }
    told
}

/// The links of an entry, in the ids that the other vault gave.
fn links_there(links: &Value, ids: &BTreeMap<String, String>) -> Option<Value> {
    let links = links.as_object()?.iter();
    let links = links.map(|(target, kind)| Some((ids.get(target)?.clone(), kind.clone())));
    Some(Value::Object(links.collect::<Option<Map<_, _>>>()?))
}

/// The content of every document, by its title.
fn contents(carnet: &Carnet, home: &Home) -> BTreeMap<String, Vec<u8>> {
    let documents = carnet.run(&["document", "list"]).data().as_array().expect("a list").clone();
    let content = |document: &Value| {
        let out = home.path("content");
        carnet.run(&["document", "show", document["id"].as_str().expect("an id"), "--out", text(&out)]).data();
        let bytes = std::fs::read(&out).expect("the content");
        std::fs::remove_file(&out).expect("it can be removed");
        (document["title"].as_str().unwrap_or_default().to_owned(), bytes)
    };
    documents.iter().map(content).collect()
}

/// What was lost, as `kind.field`, with its reason.
fn losses(exported: &Value) -> BTreeMap<String, String> {
    let losses = exported["losses"].as_array().expect("a list of losses").iter();
    let told = |one: &Value, name: &str| one[name].as_str().expect("a text").to_owned();
    losses.map(|one| (format!("{}.{}", told(one, "kind"), told(one, "field")), told(one, "reason"))).collect()
}

#[test]
fn a_record_as_fhir_is_read_back_by_another_vault_with_its_facts_and_documents() {
    let (home, other) = (Home::new(), Home::new());
    let carnet = full(&home);
    let out = home.path("record.json");
    let exported = export(&carnet, &out);
    assert_eq!(
        (&exported["format"], &exported["whole"], &exported["files"]),
        (&json!("fhir"), &json!(true), &json!(4))
    );
    assert_eq!(std::fs::metadata(&out).expect("the file").permissions().mode() & 0o777, 0o600);
    let written = bundle(&out);
    assert_eq!((&written["resourceType"], &written["type"]), (&json!("Bundle"), &json!("collection")));
    assert_eq!(json!(written["entry"].as_array().map(Vec::len)), exported["entries"], "what is said is what is there");
    assert!(!written.to_string().contains("Erreurdesaisie"), "what was removed is no fact any more");
    let lines = carnet.run(&["log", "list"]).data();
    let line = lines.as_array().expect("the log").iter().rev().find(|line| line["kind"] == "export");
    assert_eq!(line.expect("an export has its line")["detail"]["format"], "fhir");

    // Every series of samples is named with its number, and so is each field that has no place.
    let lost = losses(&exported);
    for series in carnet.run(&["measure", "list", "--sources"]).data().as_array().expect("the series") {
        let kind = series["series"]["kind"].as_str().expect("a kind");
        assert_eq!(lost.get(&format!("{kind}.*")).map(String::as_str), Some("dense-samples"), "{lost:?}");
    }
    assert_eq!(lost.get("import-report.*").map(String::as_str), Some("no-resource"));
    assert_eq!(lost.get("document.file_name").map(String::as_str), Some("no-place"));
    assert_eq!(lost.get("treatment.links").map(String::as_str), Some("link-left-out"));

    let again = other.vault("vault", "Camille");
    let report = again.run(&["import", text(&out)]).data();
    assert_adds_up(&report["files"][0]);
    assert_eq!(report["total"]["refused"], 0, "{report}");
    let told = losses_by_entry(&exported);
    let before = entries(&carnet);
    let (after, ids) = came_back(&entries(&again), &sources(&written));
    let (mut fields_back, mut fields_told) = (0, 0);
    for (id, fields) in before.iter().filter(|(_, fields)| fields["kind"] != "identity") {
        if told.contains(&(id.clone(), "*".to_owned())) {
            assert!(!after.contains_key(id), "{id} is told as lost and came back");
            continue;
        }
        let back = after.get(id).unwrap_or_else(|| panic!("{id} did not come back, and nothing says so: {fields:#?}"));
        let kind = fields["kind"].as_str().expect("a kind");
        for (field, value) in fields.iter().filter(|(field, _)| !SET_ANEW.contains(&field.as_str())) {
            let expected = if field == "links" { links_there(value, &ids) } else { Some(value.clone()) };
            let is_back = match (field.as_str(), expected) {
                // Names and values that other readers may add to.
                ("provenance.original" | "provenance.verbatim", Some(Value::Object(own))) => {
                    own.iter().all(|(name, text)| back.get(field).is_some_and(|back| back[name] == *text))
                }
                (_, expected) => expected.is_some() && back.get(field) == expected.as_ref(),
            };
            let is_told = told.contains(&(id.clone(), field.clone()));
            assert!(
                is_back || is_told,
                "{kind} {id}: {field} is lost in silence: {value} became {:?}",
                back.get(field)
            );
            fields_back += u32::from(is_back);
            fields_told += u32::from(is_told);
        }
        let is_asked_for = |field: &str| ASKED_FOR.contains(&(kind, field)) || field.starts_with("provenance.");
        let added: Vec<&String> = back.keys().filter(|field| !fields.contains_key(*field)).collect();
        assert!(added.iter().all(|field| is_asked_for(field)), "{kind} {id}: {added:?} was not written");
    }
    println!("{} entries, {fields_back} fields came back, {fields_told} were told as lost", before.len());
    assert!(after.keys().all(|id| before.contains_key(id)), "no entry is new");
    assert_eq!((&exported["left_out"]["removed"], &exported["left_out"]["former_states"]), (&json!(1), &json!("all")));
    assert!(exported["left_out"]["log_lines"].as_u64().is_some_and(|lines| lines > 1), "{}", exported["left_out"]);
    let papers = contents(&carnet, &home);
    assert!(papers.len() == 4 && papers.values().all(|bytes| bytes.len() > 500));
    assert_eq!(contents(&again, &other), papers);
    assert_eq!(again.run(&["import", text(&out)]).data()["total"]["added"], 0, "twice adds nothing");
}

#[test]
fn a_record_as_fhir_adds_nothing_to_the_record_that_it_came_from() {
    let home = Home::new();
    let carnet = full(&home);
    let out = home.path("record.json");
    export(&carnet, &out);
    let before = entries(&carnet);
    for _ in 0..2 {
        let total = carnet.run(&["import", text(&out)]).data()["total"].clone();
        assert_eq!((&total["added"], &total["refused"]), (&json!(0), &json!(0)), "{total}");
    }
    let mut after = entries(&carnet);
    after.retain(|id, fields| before.contains_key(id) || fields["kind"] != "import-report");
    assert!(after.keys().eq(before.keys()), "no entry is new");
    for (id, fields) in &before {
        for (name, value) in fields {
            assert_eq!(after.get_mut(id).and_then(|after| after.remove(name)).as_ref(), Some(value), "{id}: {name}");
        }
    }
    // A document is known by its bytes wherever it comes from, and says from where it came as well.
    after.retain(|id, fields| {
        fields.retain(|name, _| before[id]["kind"] != "document" || name != "also_from" && name != "state");
        !fields.is_empty()
    });
    assert!(after.is_empty(), "added to what was there: {after:#?}");
}

/// The resources of a Bundle, sorted, with every own address taken for the same.
fn resources(bundle: &Value) -> Vec<String> {
    let resources = bundle["entry"].as_array().expect("entries").iter();
    let mut resources: Vec<String> = resources.map(|entry| blank(&entry["resource"]).to_string()).collect();
    resources.sort();
    resources
}

fn blank(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("urn:uuid:") => json!("urn:uuid:"),
        Value::Array(items) => items.iter().map(blank).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), blank(value))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn a_bundle_is_written_alike_again_and_from_the_vault_that_read_it() {
    let (home, other) = (Home::new(), Home::new());
    let carnet = full(&home);
    let path = |name: &str| home.path(name);
    export(&carnet, &path("one.json"));
    export(&carnet, &path("two.json"));
    let (mut one, mut two) = (bundle(&path("one.json")), bundle(&path("two.json")));
    for written in [&mut one, &mut two] {
        assert!(written["timestamp"].take().is_string(), "a Bundle says when it was made");
    }
    assert_eq!(one, two);
    let again = other.vault("vault", "Camille");
    again.run(&["import", text(&path("one.json"))]).data();
    export(&again, &path("three.json"));
    let not_the_person = |resource: &String| !resource.contains(r#""resourceType":"Patient""#);
    let kept = |bundle: &Value| resources(bundle).into_iter().filter(not_the_person).collect::<Vec<_>>();
    let (first, second) = (kept(&one), kept(&bundle(&path("three.json"))));
    assert_eq!(first.len(), second.len());
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first, second);
    }
}

#[test]
fn a_bundle_that_nobody_could_read_is_refused_before_a_byte_is_written() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    carnet.run(&["profile", "add", "allergy", "--name", "Pollen"]).data();
    // In base64 it is larger than what is read as one file.
    let large = home.file("large.pdf", [b"%PDF-1.4\n".as_slice(), &vec![b'x'; 49 << 20], b"\n%%EOF\n"].concat());
    carnet.run(&["document", "add", text(&large)]).data();
    let out = home.path("record.json");
    let words = ["export", "--yes", "--format", "fhir", "--out", text(&out)];
    assert_eq!(carnet.run(&words).refused(1), "bundle_too_large");
    let left = std::fs::read_dir(home.path("")).expect("the home").filter_map(Result::ok);
    let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != "vault").collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("record")), "{left:?}");
    let kinds = carnet.run(&["log", "list"]).data();
    assert!(kinds.as_array().expect("the log").iter().all(|line| line["kind"] != "export"), "nothing left: {kinds}");
    // A part of it is not too large.
    let part = carnet.run(&[&words[..], &["--section", "treatments"]].concat()).data();
    assert_eq!((&part["entries"], &part["whole"]), (&json!(1), &json!(false)));
}

#[test]
fn a_document_whose_file_is_not_on_this_device_is_told() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let note = home.file("note.txt", "x".repeat(100_000));
    carnet.run(&["document", "add", text(&note)]).data();
    for (path, _) in files(&carnet.vault.join("blobs")) {
        std::fs::remove_file(path).expect("the sealed file");
    }
    let out = home.path("record.json");
    let exported = export(&carnet, &out);
    assert_eq!((&exported["entries"], &exported["files"]), (&json!(1), &json!(0)));
    assert_eq!(losses(&exported).get("document.attachment").map(String::as_str), Some("file-not-given"));
}

#[test]
fn an_export_goes_to_a_new_file_and_not_to_the_screen() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    for format in ["archive", "fhir"] {
        let ran = carnet.run(&["export", "--yes", "--format", format, "--out", "-"]);
        assert_eq!(ran.refused(2), "usage", "{format}");
        assert!(!home.path("-").exists());
    }
    let taken = home.file("taken.json", "mine");
    let ran = carnet.run(&["export", "--yes", "--format", "fhir", "--out", text(&taken)]);
    assert_eq!(ran.refused(1), "file_exists");
    assert_eq!(std::fs::read_to_string(&taken).expect("the file"), "mine");
    assert_eq!(carnet.run(&["export", "--format", "fhir", "--out", "new.json"]).refused(2), "confirmation_needed");
}
