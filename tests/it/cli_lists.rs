//! Lists as people cut and sort them, links, entries from JSON, and the one measure that is computed.

use carnet_tests::process::{Carnet, Home, text};
use serde_json::{Value, json};

use crate::cli_record::samples;

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

fn listed(carnet: &Carnet, words: &[&str]) -> Vec<Value> {
    carnet.run(words).data().as_array().expect("a list").clone()
}

fn names(carnet: &Carnet, words: &[&str]) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().or(entry["title"].as_str()).unwrap_or_default().to_owned();
    listed(carnet, words).iter().map(name).collect()
}

#[test]
fn a_list_is_sorted_cut_to_dates_and_held_to_a_number() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    for (kind, name, date) in [
        ("treatment", "Salbutamol", "2016-03-02"),
        ("disease", "asthme", "2015-03"),
        ("disease", "Zona", "2024-11-05"),
        ("allergy", "Bouleau", "2019"),
        ("treatment", "Amoxicilline", "2024-11-06"),
    ] {
        carnet.run(&["profile", "add", kind, "--name", name, "--start", date]).data();
    }
    let by = |more: &[&str]| names(&carnet, &[&["profile", "list"], more].concat());
    let oldest_first = ["asthme", "Salbutamol", "Bouleau", "Zona", "Amoxicilline"];
    assert_eq!(by(&[]), oldest_first);
    assert_eq!(by(&["--sort", "date"]), oldest_first);
    assert_eq!(by(&["--sort", "name"]), ["Amoxicilline", "asthme", "Bouleau", "Salbutamol", "Zona"]);
    assert_eq!(by(&["--sort", "kind"]), ["Bouleau", "asthme", "Zona", "Salbutamol", "Amoxicilline"]);
    assert_eq!(by(&["--limit", "2"]), ["Zona", "Amoxicilline"], "the last ones, as they are sorted");
    assert_eq!(by(&["--limit", "2", "--sort", "name"]), ["Salbutamol", "Zona"]);
    assert_eq!(by(&["--limit", "0"]), Vec::<String>::new());
    assert_eq!(by(&["--from", "2019"]), ["Bouleau", "Zona", "Amoxicilline"], "a year may mean each of its days");
    assert_eq!(by(&["--to", "2016-03-01"]), ["asthme"]);
    assert_eq!(by(&["--from", "2024-11-05", "--to", "2024-11-05"]), ["Zona"]);
    assert_eq!(by(&["--from", "2016", "--to", "2019-06"]), ["Salbutamol", "Bouleau"]);
    for (words, code) in [
        (["--from", "hier"], "bad_date"),
        (["--to", "05/11/2024"], "bad_date"),
        (["--sort", "size"], "usage"),
        (["--limit", "many"], "usage"),
    ] {
        assert_eq!(carnet.run(&[&["profile", "list"][..], &words].concat()).refused(2), code, "{words:?}");
    }
}

#[test]
fn the_timeline_holds_every_section_and_finds_things_again() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    carnet.run(&["profile", "add", "disease", "--name", "Diabète de type 2", "--start", "2015-03"]).data();
    carnet
        .run(&["profile", "add", "treatment", "--name", "Metformine", "--start", "2015-04-02", "--reason", "diabète"])
        .data();
    carnet.run(&["measure", "add", "weight", "72", "--at", "2015-04-01T08:00"]).data();
    carnet.run(&["agenda", "add", "appointment", "--title", "Diabétologue", "--at", "2015-05-01T09:00"]).data();
    let before = names(&carnet, &["timeline"]);
    assert_eq!(before, ["Diabète de type 2", "", "Metformine", "Diabétologue"], "the weight has no name of its own");
    carnet.run(&["import", &format!("{}/laboratoire.xml", samples())]).data();
    let by = |more: &[&str]| listed(&carnet, &[&["timeline"], more].concat());
    let kinds = |more: &[&str]| {
        let mut kinds: Vec<String> =
            by(more).iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    // What was typed and what a laboratory wrote are in one list; how they came in is listed when asked for.
    let all = kinds(&[]);
    assert!(all.contains(&"result".to_owned()) && all.contains(&"measure".to_owned()), "{all:?}");
    assert!(!all.contains(&"import-report".to_owned()), "{all:?}");
    assert_eq!(kinds(&["--kind", "import-report"]), ["import-report"]);
    assert_eq!(kinds(&["--section", "results"]), ["result"]);
    assert_eq!(kinds(&["--kind", "measure,treatment"]), ["measure", "treatment"]);
    assert_eq!(names(&carnet, &["timeline", "--text", "DIABETE"]), ["Diabète de type 2", "Metformine"]);
    assert_eq!(names(&carnet, &["timeline", "--text", "diabeto"]), ["Diabétologue"]);
    assert_eq!(by(&["--source", "typed"]).len(), 4);
    assert_eq!(by(&["--source", "laboratoire"]).len(), by(&[]).len() - 4);
    assert_eq!(by(&["--from", "2015-04", "--to", "2015-04"]).len(), 2);
    assert_eq!(carnet.run(&["timeline", "--kind", "prose"]).refused(2), "usage");
    assert_eq!(carnet.run(&["timeline", "--section", "roster"]).refused(2), "usage");
    // A list of results, which nothing but files brings in.
    assert_eq!(kinds(&["--kind", "result"]).len(), 1);
    assert_eq!(listed(&carnet, &["profile", "list", "result"]).len(), by(&["--kind", "result"]).len());
}

#[test]
fn a_link_says_what_it_leads_to() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |words: &[&str]| id(&carnet.run(words).data());
    let disease = add(&["profile", "add", "disease", "--name", "Asthme"]);
    let allergy = add(&["profile", "add", "allergy", "--name", "Bouleau"]);
    let stay = add(&["profile", "add", "stay", "--name", "Bilan", "--start", "2020"]);
    let weight = add(&["measure", "add", "weight", "70"]);
    let pdf = format!("{}/radiographie.pdf", samples());
    let paper = id(&carnet.run(&["document", "add", &pdf]).data()[0]);
    let contact = add(&["contact", "add", "professional", "--family", "DOC"]);
    let links = [&disease, &allergy, &stay, &weight, &paper, &contact];
    let mut words = vec!["agenda", "add", "appointment", "--title", "Contrôle", "--at", "2026-12-01"];
    // A prefix of six characters names an entry as well as all of them.
    words.extend(links.iter().flat_map(|link| ["--link", &link[..8]]));
    let appointment = carnet.run(&words).data();
    let kinds = ["disease", "allergy", "encounter", "measure", "document", "derived-from"];
    for (link, kind) in links.iter().zip(kinds) {
        assert_eq!(appointment["links"][link.as_str()], kind, "{appointment}");
    }
    let shown = carnet.talk(&["agenda", "show", &id(&appointment)]);
    assert!(shown.out.contains(&format!("disease {disease}")), "{}", shown.out);
    // An edit adds a link and keeps the others.
    let other = add(&["profile", "add", "treatment", "--name", "Salbutamol"]);
    let edited = carnet.run(&["agenda", "edit", &id(&appointment), "--link", &other]).data();
    assert_eq!(edited["links"].as_object().map(serde_json::Map::len), Some(7), "{edited}");
    assert_eq!(edited["links"][&other], "treatment");
    for (wrong, code) in [("ffffffffffff", "entry_unknown"), ("abc", "entry_ambiguous")] {
        let ran = carnet.run(&["measure", "add", "weight", "71", "--link", wrong]);
        assert_eq!(ran.refused(1), code, "{wrong}");
    }
    assert_eq!(listed(&carnet, &["measure", "list"]).len(), 1, "nothing is kept with a link that leads nowhere");
}

#[test]
fn the_body_mass_index_is_computed_from_weight_and_height_and_never_typed() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |words: &[&str]| id(&carnet.run(&[&["measure", "add"], words].concat()).data());
    assert_eq!(carnet.run(&["measure", "add", "bmi", "22"]).refused(2), "rules");
    let early = add(&["weight", "70", "--at", "2019-12-31"]);
    let child = add(&["height", "150", "--at", "2020-01-01"]);
    assert!(listed(&carnet, &["measure", "list", "bmi"]).is_empty(), "no height was known yet when {early} was taken");
    let first = add(&["weight", "60", "--at", "2021-06-01T08:00:00+02:00"]);
    let grown = add(&["height", "171", "--at", "2025-03-01T18:00:00+01:00"]);
    // The height of the same day counts, whatever the hour.
    let second = add(&["weight", "72.40", "--at", "2025-03-01T07:00:00+01:00"]);
    let indices = listed(&carnet, &["measure", "list", "bmi"]);
    let told: Vec<_> = indices.iter().map(|one| (&one["value"]["value"], &one["computed_from"])).collect();
    let from = |weight: &String, height: &String| json!({ "weight": weight, "height": height });
    assert_eq!(told, [(&json!("26.7"), &from(&first, &child)), (&json!("24.8"), &from(&second, &grown))]);
    assert!(indices.iter().all(|one| one["value"]["unit"] == "kg/m2" && one["id"].is_null()), "{indices:?}");
    let shown = carnet.talk(&["measure", "list", "bmi", "--format", "csv"]);
    assert!(shown.out.contains("24.8 kg/m2,72.40 kg,171 cm"), "its sources stand beside it: {}", shown.out);

    assert_eq!(listed(&carnet, &["measure", "list", "bmi", "--from", "2022"]).len(), 1, "with a height from before");
    assert_eq!(listed(&carnet, &["measure", "list", "bmi", "--limit", "1"])[0]["computed_from"], from(&second, &grown));
    // A correction changes what is computed from it; nothing computed was kept.
    carnet.run(&["measure", "edit", &grown, "--value", "172"]).data();
    carnet.run(&["measure", "remove", &first]).data();
    let indices = listed(&carnet, &["measure", "list", "bmi"]);
    assert_eq!((indices.len(), &indices[0]["value"]["value"]), (1, &json!("24.5")));
    assert_eq!(listed(&carnet, &["measure", "list"]).len(), 4);

    // The record of a file has both, and an index said by a file is listed as it was said.
    carnet.run(&["init", "--name", "Eleanor", "--birth", "1951-07-09", "--no-relay", "--no-kit"]).data();
    let hers = |words: &[&str]| carnet.run(&[&["--record", "Eleanor"], words].concat()).data();
    hers(&["import", &format!("{}/bundle.json", samples())]);
    let indices = hers(&["measure", "list", "bmi"]);
    assert_eq!(indices.as_array().map(Vec::len), Some(1), "the first weight is older than the height: {indices}");
    assert_eq!(indices[0]["value"]["value"], "28.2");
    let observation = json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [{ "coding": [{ "code": "vital-signs" }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "39156-5" }] },
        "effectiveDateTime": "2026-02-04",
        "valueQuantity": { "value": 28.4, "unit": "kg/m2", "system": "http://unitsofmeasure.org", "code": "kg/m2" },
    });
    let said = home.file("bmi.json", observation.to_string());
    hers(&["import", text(&said)]);
    let indices = hers(&["measure", "list", "bmi"]);
    assert_eq!((&indices[1]["value"]["value"], &indices[1]["computed_from"]), (&json!("28.4"), &Value::Null));
}

#[test]
fn entries_come_from_json_one_or_many_all_of_them_or_none() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let file = |name: &str, value: &Value| home.file(name, value.to_string());
    let one = file("one.json", &json!({ "kind": "allergy", "name": "Bouleau", "comment": "au printemps" }));
    let added = carnet.run(&["profile", "add", "--from-json", text(&one)]).data();
    assert_eq!((&added["name"], &added["comment"]), (&json!("Bouleau"), &json!("au printemps")));
    let weight = |value: &str| json!({ "kind": "measure", "measure": "weight", "at": "2026-03-01", "value": { "value": value, "unit": "kg" } });
    let many = file("many.json", &json!([weight("70.5"), weight("71")]));
    assert_eq!(carnet.run(&["measure", "add", "--from-json", text(&many)]).data().as_array().map(Vec::len), Some(2));
    let input = json!({ "kind": "appointment", "title": "Contrôle", "start": "2026-12-01" }).to_string();
    let typed = carnet.run_with(&["agenda", "add", "--from-json", "-"], &input).data();
    assert_eq!(typed["title"], "Contrôle");

    let before = carnet.digest();
    for (name, value, code) in [
        ("rule.json", json!([weight("72"), weight("7000")]), "rules"),
        ("noun.json", json!([weight("72"), { "kind": "allergy", "name": "Bouleau" }]), "bad_json"),
        ("field.json", json!([weight("72"), { "kind": "measure", "measure": "weight", "colour": 1 }]), "bad_json"),
        ("kind.json", json!({ "kind": "no-such-kind" }), "bad_json"),
        ("text.json", json!("weight"), "bad_json"),
    ] {
        let path = file(name, &value);
        let ran = carnet.run(&["measure", "add", "--from-json", text(&path)]);
        assert_eq!(ran.refused(2), code, "{name}");
    }
    let ran = carnet.run(&["profile", "add", "--from-json", text(&home.path("missing.json"))]);
    assert_eq!(ran.refused(1), "file_unreadable");
    assert_eq!(carnet.digest(), before, "none of a list of which one is refused");
    assert_eq!(carnet.run(&["profile", "add"]).refused(2), "usage", "a kind or a file");
}

#[test]
fn a_list_in_json_stays_json_whatever_its_texts_hold() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let comment = "avant\u{200b}\u{202e}apres";
    carnet.run(&["measure", "add", "weight", "70", "--comment", comment]).data();
    let shown = carnet.talk(&["measure", "list", "weight", "--format", "json"]).out;
    assert!(!shown.contains('\u{202e}'), "a terminal would obey it: {shown}");
    let value: Value = serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(value[0]["comment"], comment);
}

#[test]
fn documents_are_found_by_what_is_said_of_them() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    for (file, title, comment) in
        [("a.txt", "Compte rendu échographie", "chez le Dr Noël"), ("b.txt", "Ordonnance", "après l'échographie")]
    {
        let path = home.file(file, format!("texte de {file}"));
        carnet.run(&["document", "add", text(&path), "--title", title, "--comment", comment]).data();
    }
    let found = |query: &str| names(&carnet, &["document", "list", "--text", query]);
    assert_eq!(found("ECHOGRAPHIE").len(), 2);
    assert_eq!(found("noel compte"), ["Compte rendu échographie"]);
    assert_eq!(found("ordonnance noël"), Vec::<String>::new());
    assert_eq!(found("texte"), Vec::<String>::new(), "what is in a file is not read");
}

#[test]
fn a_file_of_another_kind_than_the_one_that_is_asked_for_leaves_nothing() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let report = format!("{}/laboratoire.xml", samples());
    for kind in ["fhir", "apple-health", "carnet", "xdm"] {
        assert_eq!(carnet.run(&["import", "--kind", kind, &report]).refused(1), "not_of_kind");
        assert_eq!(carnet.run(&["import", "--kind", kind, "--dry-run", &report]).refused(1), "not_of_kind");
    }
    assert_eq!(listed(&carnet, &["profile", "list"]).len() + listed(&carnet, &["document", "list"]).len(), 0);
    assert_eq!(carnet.run(&["import", "--kind", "word", &report]).refused(2), "usage");
    let taken = carnet.run(&["import", "--kind", "cda", &report]).data();
    assert!(taken["total"]["added"].as_u64() > Some(5), "{taken}");
    let export = format!("{}/export.zip", samples());
    carnet.run(&["import", "--kind", "apple-health", "--accept-other-person", &export]).data();
    let bundle = format!("{}/bundle.json", samples());
    carnet.run(&["import", "--kind", "fhir", "--accept-other-person", &bundle]).data();
}
