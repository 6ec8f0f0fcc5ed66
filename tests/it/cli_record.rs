//! The record from the command line, as a person keeps it: written, read, corrected, taken back, brought in, taken out.

use carnet_tests::process::{Carnet, Home, member, search, text};
use serde_json::{Value, json};

/// The samples that ship with the command. They are about one invented person.
pub(crate) fn samples() -> String {
    format!("{}/../cli/samples", env!("CARGO_MANIFEST_DIR"))
}

/// The files of the samples, as a person would name them on the command line.
pub(crate) const SAMPLES: [&str; 4] = ["export.zip", "laboratoire.xml", "radiographie.pdf", "scan.png"];

/// A vault with a record of the person whom the samples are about.
pub(crate) fn camille(home: &Home, name: &str) -> Carnet {
    let carnet = home.carnet(name);
    let made = carnet.run(&["init", "--name", "Camille", "--birth", "1984-02-29", "--no-relay", "--no-kit"]);
    assert_eq!(made.data()["name"], "Camille");
    assert_eq!(made.warnings(), ["warning_no_kit"], "a record without a recovery kit is not passed over in silence");
    carnet
}

/// Imports every sample and gives the summary of each file.
pub(crate) fn import_samples(carnet: &Carnet) -> Vec<Value> {
    let paths: Vec<String> = SAMPLES.iter().map(|name| format!("{}/{name}", samples())).collect();
    let mut words = vec!["import"];
    words.extend(paths.iter().map(String::as_str));
    let ran = carnet.run(&words);
    ran.data()["files"].as_array().expect("one summary a file").clone()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

pub(crate) fn listed(carnet: &Carnet, words: &[&str]) -> Vec<Value> {
    carnet.run(words).data().as_array().expect("a list").clone()
}

#[test]
fn what_is_brought_back_takes_what_is_said_of_it_at_once() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    for (noun, add, change, field, value) in [
        ("profile", ["treatment", "--name", "Doliprane", "--dosage", "1/j"], "--dosage", "dosage", "2/j"),
        ("contact", ["relative", "--family", "EXEMPLE", "--given", "Jean"], "--given", "name", "Paul"),
        ("measure", ["weight", "72", "--reason", "suivi", "--comment"], "--reason", "reason", "visite"),
        (
            "agenda",
            ["appointment", "--title", "Bilan", "--at", "2027-01-04T09:00:00+01:00"],
            "--title",
            "title",
            "Suivi",
        ),
    ] {
        let tail = if noun == "measure" { &["x"][..] } else { &[] };
        let made = id(&carnet.run(&[&[noun, "add"][..], &add[..], tail].concat()).data());
        carnet.run(&[noun, "remove", &made]).data();
        let back = carnet.run(&[noun, "edit", &made, "--restore", change, value]).data();
        assert!(back[field].to_string().contains(value) && back.get("removed").is_none(), "{back}");
        assert!(carnet.run(&[noun, "list"]).data().to_string().contains(value), "{noun}");
    }
}

#[test]
fn a_document_that_is_added_again_takes_what_is_said_of_it_now() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let scan = format!("{}/scan.png", samples());
    let first = carnet.run(&["document", "add", &scan, "--folder", "Papiers"]).data()[0].clone();
    assert_eq!(first["title"], "scan");
    carnet.run(&["document", "remove", &id(&first)]).data();
    let words = ["document", "add", &scan, "--title", "Ordonnance du Dr Martin", "--tag", "urgent"];
    let second = carnet.run(&words).data()[0].clone();
    assert_eq!((id(&second), &second["title"]), (id(&first), &json!("Ordonnance du Dr Martin")));
    let shown = listed(&carnet, &["document", "list"]);
    assert_eq!((shown.len(), &shown[0]["title"]), (1, &json!("Ordonnance du Dr Martin")));
    assert_eq!((&shown[0]["folder"], &shown[0]["tags"]), (&json!("Papiers"), &json!(["urgent"])));
}

#[test]
fn a_disease_is_written_linked_corrected_removed_and_brought_back() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let treatment = id(&carnet.run(&["profile", "add", "treatment", "--name", "Salbutamol"]).data());
    let words = ["profile", "add", "disease", "--name", "Asthme", "--start", "2015-03", "--code", "cim10|J45"];
    let added = carnet.run(&[&words[..], &["--link", &treatment, "--comment", "depuis le collège"]].concat()).data();
    let disease = id(&added);
    assert_eq!((&added["start"], &added["comment"]), (&json!("2015-03"), &json!("depuis le collège")));
    assert_eq!(added["links"][&treatment], "treatment");

    // Any unambiguous prefix of six characters names it; a year is as good a date as a day.
    let edited = carnet.run(&["profile", "edit", &disease[..6], "--start", "2014", "--end", "2026-02-03"]).data();
    assert_eq!((&edited["start"], &edited["end"]), (&json!("2014"), &json!("2026-02-03")));
    assert_eq!(edited["name"], "Asthme", "an edit changes only what is given");

    carnet.run(&["profile", "remove", &disease]).data();
    assert!(listed(&carnet, &["profile", "list", "disease"]).is_empty());
    let all = listed(&carnet, &["profile", "list", "disease", "--all"]);
    assert!(all.len() == 1 && all[0]["removed"].is_object(), "a removal is a mark: {all:?}");
    carnet.run(&["profile", "edit", &disease, "--restore"]).data();
    let shown = carnet.run(&["profile", "show", &disease, "--history"]).data();
    assert!(shown["removed"].is_null());
    let history = shown["history"].as_array().expect("former states");
    let starts: Vec<&Value> = history.iter().map(|version| &version["entry"]["start"]).collect();
    assert!(starts.contains(&&json!("2015-03")) && starts.contains(&&json!("2014")), "{history:#?}");

    let none = carnet.run(&["profile", "none", "disability"]).data();
    assert!(none["stated_at"].as_str().is_some(), "a statement of absence is dated: {none}");
    assert_eq!(listed(&carnet, &["profile", "list"]).len(), 3);
    let taken_back = carnet.run(&["profile", "none", "disability", "--undo"]).data();
    assert_eq!(taken_back["removed"], json!([id(&none)]));
}

#[test]
fn all_six_statements_of_absence_are_dated_and_can_be_taken_back() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let kinds = ["allergy", "disability", "disease", "family", "stay", "treatment"];
    for kind in kinds {
        let stated = carnet.run(&["profile", "none", kind]).data();
        assert_eq!(stated["kind"], "absence", "{stated}");
        assert!(stated["stated_at"].as_str().is_some_and(|at| at.starts_with("20")), "{stated}");
    }
    assert_eq!(listed(&carnet, &["profile", "list"]).len(), 6);
    for kind in kinds {
        assert_eq!(
            carnet.run(&["profile", "none", kind, "--undo"]).data()["removed"].as_array().map(Vec::len),
            Some(1)
        );
    }
    assert!(listed(&carnet, &["profile", "list"]).is_empty());
}

#[test]
fn what_is_there_beside_a_statement_that_it_is_not_is_kept_and_said() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let said = |words: &[&str]| {
        let ran = carnet.run(words);
        ran.data();
        !ran.warnings().is_empty()
    };
    assert!(!said(&["profile", "none", "allergy"]));
    assert!(!said(&["profile", "add", "disease", "--name", "Asthme"]), "that is about something else");
    assert!(said(&["profile", "add", "allergy", "--name", "Latex"]));
    assert!(said(&["profile", "none", "disease"]));
    // A treatment that is over is none that goes on.
    assert!(!said(&["profile", "add", "treatment", "--name", "Amoxicilline", "--start", "2020", "--end", "2020"]));
    assert!(!said(&["profile", "none", "treatment"]));
    assert!(said(&["profile", "add", "treatment", "--name", "Metformine"]));
    carnet.run(&["profile", "none", "allergy", "--undo"]).data();
    assert!(!said(&["profile", "add", "allergy", "--name", "Pollen"]));
    assert_eq!(listed(&carnet, &["profile", "list", "allergy"]).len(), 2, "everything is kept");
}

#[test]
fn allergies_stays_vaccines_and_a_blood_group_are_kept_with_their_fields() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |words: &[&str]| carnet.run(&[&["profile", "add"], words].concat()).data();
    let treatment = id(&add(&["treatment", "--name", "Amoxicilline", "--dosage", "1 g matin et soir"]));
    let allergy = add(&[
        "allergy",
        "--name",
        "Pénicilline",
        "--criticality",
        "high",
        "--link",
        &treatment,
        "--comment",
        "urticaire",
    ]);
    assert_eq!((&allergy["name"], &allergy["comment"]), (&json!("Pénicilline"), &json!("urticaire")));
    assert_eq!(allergy["links"][&treatment], "treatment");
    let stay = add(&["stay", "--name", "Appendicectomie", "--start", "2019-05", "--duration", "3j"]);
    assert_eq!((&stay["duration"], &stay["kind"]), (&json!(3), &json!("encounter")));
    let vaccine = add(&["vaccine", "--name", "DTPolio", "--at", "2021", "--type", "booster", "--lot", "X12"]);
    assert_eq!((&vaccine["lot"], &vaccine["at"]), (&json!("X12"), &json!("2021")));
    for sign in ["A+", "A-", "B+", "B-", "AB+", "AB-", "O+", "O-"] {
        let group = add(&["blood-group", "--group", sign]);
        assert_eq!(group["kind"], "blood-group", "{group}");
    }
    assert_eq!(carnet.run(&["profile", "add", "blood-group", "--group", "C+"]).refused(2), "bad_blood_group");
    assert_eq!(listed(&carnet, &["profile", "list", "allergy"]).len(), 1);
}

#[test]
fn a_disability_and_the_family_history_are_kept_with_the_terms_of_the_national_form() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |words: &[&str]| carnet.run(&[&["profile", "add"], words].concat());
    let deaf = ["disability", "--name", "Surdité", "--type", "sensory,other", "--rate", "50-79", "--human-help", "no"];
    let disability =
        add(&[&deaf[..], &["--technical-help", "appareil auditif", "--comment", "depuis l'enfance"]].concat()).data();
    assert_eq!(disability["types"], json!(["SENSORY", "OTHERS"]));
    assert_eq!((&disability["rate"], &disability["human_help"]), (&json!("BETWEEN_50_AND_79"), &json!("NO")));
    assert_eq!(disability["technical_help"], "appareil auditif");
    // The national form asks for a type and for human help; a vaccination has other types.
    assert_eq!(add(&["disability", "--name", "Surdité", "--human-help", "no"]).refused(2), "rules");
    assert_eq!(add(&["disability", "--name", "Surdité", "--type", "sensory"]).refused(2), "rules");
    assert_eq!(add(&["disability", "--name", "X", "--type", "booster", "--human-help", "no"]).refused(2), "usage");
    assert_eq!(add(&["vaccine", "--name", "X", "--at", "2021", "--type", "sensory"]).refused(2), "usage");
    let edited = carnet.run(&["profile", "edit", &id(&disability), "--rate", "80-or-more"]).data();
    assert_eq!((&edited["rate"], &edited["types"]), (&json!("BIGGER_THAN_80_OR_EQUAL"), &disability["types"]));

    let relatives =
        "mother father sister brother grandmother grandfather great-grandmother great-grandfather aunt uncle other";
    for relative in relatives.split(' ') {
        let history = add(&["family", "--name", "Diabète", "--relation", relative]).data();
        assert_eq!(history["relative"], relative.to_uppercase().replace('-', "_"), "{history}");
    }
    assert_eq!(add(&["family", "--name", "Diabète"]).refused(2), "rules");
    assert_eq!(listed(&carnet, &["profile", "list", "family"]).len(), 11);
    let french = carnet.talk(&["--lang", "fr", "profile", "list"]).out;
    for words in ["Handicap", "80 % ou plus", "Antécédent familial", "arrière-grand-mère"] {
        assert!(french.contains(words), "{words}: {french}");
    }
    let digest = carnet.digest();
    let history = id(&listed(&carnet, &["profile", "list", "family"])[0]);
    carnet.run(&["profile", "remove", &history]).data();
    assert_eq!(listed(&carnet, &["profile", "list", "family"]).len(), 10);
    carnet.run(&["profile", "edit", &history, "--restore"]).data();
    assert_eq!(carnet.digest(), digest);
    assert_eq!(listed(&carnet, &["profile", "list", "family"]).len(), 11);
}

#[test]
fn an_identity_with_a_wrong_key_is_kept_with_a_warning() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let words = ["profile", "add", "identity", "--family", "EXEMPLE", "--given", "Ana", "--birth", "1990-05-01"];
    let place = ["--sex", "female", "--birth-place", "75056"];
    let wrong = carnet.run(&[&words[..], &place, &["--ins", "290057505600000"]].concat());
    assert_eq!(wrong.warnings(), ["remark_ins_key"], "a wrong key is said, and not refused");
    let kept = wrong.data();
    assert_eq!((&kept["birth_date"], &kept["birth_place"]), (&json!("1990-05-01"), &json!("75056")));
    assert_eq!(kept["names"][0]["family"], "EXEMPLE");
    let right = carnet.run(&["profile", "edit", &id(&kept), "--ins", "290057505600036"]).data();
    assert_eq!(right["identifiers"].as_array().map(Vec::len), Some(1), "one number, replaced: {right}");
}

#[test]
fn documents_are_kept_sorted_in_folders_pinned_removed_together_and_brought_back() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let note = home.file("bilan.txt", "Bilan du 3 mai.\n");
    let pdf = format!("{}/radiographie.pdf", samples());
    let words =
        ["document", "add", text(&note), &pdf, "--category", "CPT_REND", "--date", "2026-05-03", "--folder", "Genou"];
    let added = carnet.run(&words).data();
    let ids: Vec<String> = added.as_array().expect("two documents").iter().map(id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(listed(&carnet, &["document", "list", "--category", "cpt_rend"]).len(), 2);
    assert_eq!(carnet.run(&["document", "edit", &ids[0], "--category", "XYZ"]).refused(2), "usage");

    let moved = carnet.run(&["document", "edit", &ids[0], "--folder", "Divers", "--pin", "--title", "Bilan"]).data();
    assert_eq!(
        (&moved["folder"], &moved["pinned"], &moved["title"]),
        (&json!("Divers"), &json!(true), &json!("Bilan"))
    );
    assert_eq!(listed(&carnet, &["document", "list", "--folder", "Genou"]).len(), 1);
    assert_eq!(listed(&carnet, &["document", "list", "--pinned"]).len(), 1);

    // A wrong id among right ones leaves everything as it was.
    assert_eq!(carnet.run(&["document", "remove", &ids[0], "ffffffffffff"]).refused(1), "entry_unknown");
    assert_eq!(listed(&carnet, &["document", "list"]).len(), 2);
    carnet.run(&["document", "remove", &ids[0], &ids[1]]).data();
    assert!(listed(&carnet, &["document", "list"]).is_empty());
    for one in &ids {
        carnet.run(&["document", "edit", one, "--restore"]).data();
    }
    assert_eq!(listed(&carnet, &["document", "list"]).len(), 2);

    let out = home.path("out.txt");
    carnet.run(&["document", "show", &ids[0], "--out", text(&out)]).data();
    assert_eq!(std::fs::read_to_string(&out).expect("the content"), "Bilan du 3 mai.\n");
    assert_eq!(carnet.run(&["document", "show", &ids[0], "--out", text(&out)]).refused(1), "file_exists");
    // The same bytes again are the same document.
    carnet.run(&["document", "add", text(&note)]).data();
    assert_eq!(listed(&carnet, &["document", "list"]).len(), 2);
}

#[test]
fn appointments_and_contacts_are_kept_and_corrected() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let words = ["agenda", "add", "appointment", "--title", "Contrôle", "--at", "2026-12-01T09:30:00+01:00"];
    let booked = carnet.run(&[&words[..], &["--with", "Dr Exemple", "--place", "Lyon"]].concat()).data();
    let cancelled = carnet.run(&["agenda", "edit", &id(&booked), "--status", "cancelled"]).data();
    assert_eq!((&cancelled["state"], &cancelled["title"]), (&json!("cancelled"), &json!("Contrôle")));
    assert_eq!(listed(&carnet, &["agenda", "list", "--from", "2026-12"]).len(), 1);
    let words =
        ["contact", "add", "relative", "--family", "EXEMPLE", "--given", "Jean", "--types", "emergency,trusted"];
    let relative = carnet.run(&[&words[..], &["--phone", "+33 6 39 98 00 00", "--relation", "frère"]].concat()).data();
    assert_eq!(relative["types"].as_array().map(Vec::len), Some(2));
    let wrong = carnet.run(&["contact", "add", "professional", "--family", "EXEMPLE", "--rpps", "10000000001"]);
    assert_eq!(wrong.warnings(), ["remark_rpps_key"]);
    assert_eq!(listed(&carnet, &["contact", "list"]).len(), 2);
    carnet.run(&["contact", "remove", &id(&relative)]).data();
    assert_eq!(listed(&carnet, &["contact", "list"]).len(), 1);
}

#[test]
fn there_is_one_trusted_person_and_the_part_can_be_handed_on() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |given: &str, types: &str| {
        carnet.run(&["contact", "add", "relative", "--family", "EXEMPLE", "--given", given, "--types", types])
    };
    let jean = id(&add("Jean", "trusted").data());
    assert_eq!(add("Zoé", "emergency,trusted").refused(2), "rules");
    let zoe = id(&add("Zoé", "emergency").data());
    let edit = |id: &str, types: &str| carnet.run(&["contact", "edit", id, "--types", types]);
    assert_eq!(edit(&zoe, "trusted").refused(2), "rules");
    edit(&jean, "emergency,trusted").data();
    edit(&jean, "emergency").data();
    edit(&zoe, "trusted").data();
    // One who was removed has the part no more, and does not come back with it.
    carnet.run(&["contact", "remove", &zoe]).data();
    edit(&jean, "trusted").data();
    assert_eq!(carnet.run(&["contact", "edit", &zoe, "--restore"]).refused(2), "rules");
    let two = home.file("two.json", r#"[{"kind":"contact","name":{"family":"A"},"types":["TRUSTED_CONTACT"]}]"#);
    assert_eq!(carnet.run(&["contact", "add", "--from-json", text(&two)]).refused(2), "rules");
    assert!(carnet.talk(&["--lang", "fr", "contact", "edit", &zoe, "--restore"]).err.contains("personne de confiance"));
}

#[test]
fn the_samples_come_in_once_and_their_reports_add_up() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let first = import_samples(&carnet);
    assert_eq!(first.len(), SAMPLES.len());
    for (file, name) in first.iter().zip(SAMPLES) {
        println!("{name}: {}", json!({"format": file["format"], "read": file["read"], "added": file["added"]}));
        assert!(file["path"].as_str().is_some_and(|path| path.ends_with(name)), "{file}");
        assert!(number(&file["read"]) > 0 && number(&file["added"]) > 0, "{file}");
        assert_eq!(number(&file["refused"]), 0, "{file}");
        assert_adds_up(file);
    }
    let digest = carnet.digest();
    let entries = listed(&carnet, &["profile", "list"]).len();
    for file in import_samples(&carnet) {
        assert_eq!(number(&file["added"]), 0, "a second import adds nothing: {file}");
        assert!(number(&file["already_there"]) > 0, "{file}");
        assert_adds_up(&file);
    }
    // Nothing more, but for the reports, which are listed apart.
    assert_eq!(listed(&carnet, &["profile", "list"]).len(), entries);
    let reports = listed(&carnet, &["profile", "list", "import"]).len();
    assert!((SAMPLES.len()..=2 * SAMPLES.len()).contains(&reports), "{reports} reports");
    assert_eq!(
        listed(&carnet, &["measure", "list", "--sources"]).len(),
        listed(&carnet, &["measure", "list", "--sources"]).len()
    );
    assert_ne!(digest, "", "the record has a digest");
}

pub(crate) fn assert_adds_up(file: &Value) {
    let parts = ["added", "already_there", "merged", "set_aside", "refused"];
    let sum: u64 = parts.iter().map(|part| number(&file[*part])).sum();
    assert_eq!(number(&file["read"]), sum, "read is the sum of what became of the rows: {file}");
    let by_kind: u64 = file["by_kind"].as_object().expect("counts by kind").values().map(number).sum();
    assert_eq!(number(&file["read"]), by_kind, "{file}");
}

#[test]
fn the_sample_of_a_second_person_fills_a_record_of_her_own_and_no_other() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let bundle = format!("{}/bundle.json", samples());
    assert_eq!(carnet.run(&["import", &bundle]).refused(1), "other_person", "Camille is not Eleanor");
    carnet.run(&["init", "--name", "Eleanor", "--birth", "1951-07-09", "--no-relay", "--no-kit"]).data();
    let before = carnet.digest();
    let hers = |words: &[&str]| carnet.run(&[&["--record", "Eleanor"], words].concat()).data();
    let report = hers(&["import", &bundle]);
    assert_adds_up(&report["files"][0]);
    assert_eq!((&report["total"]["added"], &report["total"]["refused"]), (&json!(23), &json!(0)), "{report}");
    assert_eq!(hers(&["import", &bundle])["total"]["added"], 0);
    let names = |words: &[&str]| -> Vec<String> {
        let list = hers(words).as_array().expect("a list").clone();
        list.iter().map(|entry| entry["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&["profile", "list", "allergy"]), ["Penicillin"]);
    assert_eq!(names(&["profile", "list", "disease"]), ["Type 2 diabetes", "Sprained left knee"]);
    assert_eq!(names(&["profile", "list", "treatment"]).len(), 2);
    assert_eq!(names(&["profile", "list", "vaccine"]).len(), 2);
    let letter = hers(&["document", "list"])[0].clone();
    let out = home.path("letter.pdf");
    hers(&["document", "show", &id(&letter), "--out", text(&out)]);
    let letter = std::fs::read(&out).expect("the letter");
    assert!(letter.starts_with(b"%PDF-1.4") && letter.ends_with(b"%%EOF\n"), "{} bytes", letter.len());
    assert_eq!(carnet.digest(), before, "the other record is as it was");
}

#[test]
fn a_dry_run_says_what_a_file_holds_and_keeps_nothing() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let before = carnet.digest();
    let ran = carnet.run(&["import", "--dry-run", &format!("{}/laboratoire.xml", samples())]).data();
    assert_eq!(ran["dry_run"], true);
    assert!(number(&ran["files"][0]["read"]) > 0, "{ran}");
    assert_eq!(carnet.digest(), before);
}

#[test]
fn a_record_that_is_exported_wiped_and_imported_is_the_same_record() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    import_samples(&carnet);
    let disease = id(&carnet.run(&["profile", "add", "disease", "--name", "Asthme", "--start", "2015-03"]).data());
    carnet.run(&["profile", "add", "treatment", "--name", "Salbutamol", "--link", &disease]).data();
    carnet.run(&["profile", "remove", &disease]).data();
    let digest = carnet.digest();
    let archive = carnet.export("record.zip");
    let mark: Value = serde_json::from_slice(&member(&archive, "carnet.json")).expect("the mark is JSON");
    assert_eq!(mark["digest"], digest, "an export states what it is an export of");
    let readme = member(&archive, "README.txt");
    assert!(String::from_utf8(readme).expect("text").contains("carnet import"), "an archive explains itself");

    std::fs::remove_dir_all(&carnet.vault).expect("the vault is wiped");
    assert_eq!(carnet.run(&["status"]).refused(1), "no_vault");
    let again = home.vault("vault", "Camille");
    let report = again.run(&["import", text(&archive)]).data();
    assert_eq!(number(&report["files"][0]["refused"]), 0, "{report}");
    assert_eq!(again.digest(), digest);
    let removed = listed(&again, &["profile", "list", "disease", "--all"]);
    assert!(removed.len() == 1 && removed[0]["removed"].is_object(), "what was removed stays removed: {removed:?}");
    let verified = again.run(&["doctor", "--deep"]).data();
    assert_eq!((&verified["verified"], &verified["missing_files"]), (&json!(true), &json!(0)));
    assert!(search(&again.vault, b"Salbutamol").is_empty());
}

#[test]
fn a_passphrase_is_changed_and_the_old_one_opens_nothing_more() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    for weak in ["court", "12345678", "motdepasse1", "azertyuiop"] {
        let file = home.secret("new", weak);
        let ran = carnet.run(&["unlock", "--new-passphrase-file", text(&file)]);
        assert_eq!(ran.refused(2), "passphrase_weak", "{weak}");
    }
    let new = home.secret("new", "quatre tulipes sous la pluie");
    let changed = carnet.run(&["unlock", "--new-passphrase-file", text(&new)]).data();
    assert_eq!(changed["rekeyed"], true, "someone may know the old one unless it is said that nobody does");
    assert_eq!(carnet.run(&["status"]).refused(3), "wrong_passphrase");
    let reopened = carnet.with_passphrase(new);
    assert_eq!(reopened.run(&["status"]).data()["records"][0]["name"], "Ana");
    let habit = home.secret("habit", "cinq renards dans la neige");
    let changed = reopened.run(&["unlock", "--new-passphrase-file", text(&habit), "--reason", "habit"]).data();
    assert_eq!(changed["rekeyed"], false);
    assert_eq!(reopened.run(&["status"]).refused(3), "wrong_passphrase");
    assert_eq!(reopened.with_passphrase(habit).run(&["status"]).code, Some(0));
}

#[test]
fn a_vault_is_unlocked_for_a_time_and_locked_again() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    assert_eq!(carnet.run_locked(&["status"]).refused(3), "no_terminal");
    let unlocked = carnet.run(&["unlock", "--for", "5m"]);
    if unlocked.code != Some(0) {
        let code = unlocked.refused(1);
        assert!(code == "no_key_store" || code == "key_store", "{code}");
        println!(
            "SKIPPED cli_record::a_vault_is_unlocked_for_a_time_and_locked_again: this machine has no session key store"
        );
        return;
    }
    assert_eq!(carnet.run_locked(&["status"]).data()["records"][0]["name"], "Ana");
    assert_eq!(carnet.run_locked(&["lock"]).data()["was_unlocked"], true);
    assert_eq!(carnet.run_locked(&["status"]).refused(3), "no_terminal");
    assert_eq!(carnet.run_locked(&["lock"]).data()["was_unlocked"], false);
}

#[test]
fn one_vault_holds_several_records_and_none_is_guessed() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    carnet.run(&["init", "--name", "Léo", "--birth", "2019-06-01", "--no-relay", "--no-kit"]).data();
    assert_eq!(carnet.run(&["init", "--name", "Léo", "--no-relay", "--no-kit"]).refused(2), "record_exists");
    carnet.run(&["--record", "Léo", "profile", "add", "allergy", "--name", "Arachide"]).data();
    assert_eq!(listed(&carnet, &["--record", "Léo", "profile", "list", "allergy"]).len(), 1);
    assert!(listed(&carnet, &["--record", "Ana", "profile", "list", "allergy"]).is_empty());
    assert_eq!(carnet.run(&["--record", "Zoé", "profile", "list"]).refused(2), "record_unknown");
    carnet.run(&["--record", "Léo", "record", "rename", "Léo E."]).data();
    let names: Vec<Value> = listed(&carnet, &["record", "list"]).iter().map(|record| record["name"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&json!("Léo E.")), "{names:?}");
}

#[test]
fn the_access_log_has_its_lines_and_a_cut_one_is_found() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    import_samples(&carnet);
    carnet.export("record.zip");
    let lines = listed(&carnet, &["log", "list"]);
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    for kind in ["record-created", "import", "export"] {
        assert!(kinds.contains(&kind), "no line for {kind}: {kinds:?}");
    }
    assert_eq!(carnet.run(&["log", "verify"]).data()["holds"], true);
    let out = home.path("log.ndjson");
    carnet.run(&["log", "list", "--out", text(&out)]).data();
    assert_eq!(carnet.run(&["log", "verify", text(&out)]).data()["holds"], true);
    let text_of_log = std::fs::read_to_string(&out).expect("the log");
    let kept: Vec<&str> = text_of_log.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    let cut = home.file("cut.ndjson", kept.join("\n"));
    assert_eq!(carnet.run(&["log", "verify", text(&cut)]).code, Some(5), "a line is missing and that shows");
}
