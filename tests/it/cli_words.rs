//! Pages in the words of the person: nothing that the command names stands there as a slug, in either language.

use std::collections::BTreeSet;

use carnet_tests::process::{Carnet, Home, text};
use serde_json::Value;

use crate::{cli_record::samples, fixtures};

/// The slugs of the reasons that a trial import of `path` gives.
fn reasons(carnet: &Carnet, path: &str) -> BTreeSet<String> {
    let report = carnet.run(&["import", "--dry-run", path]).json();
    let files = report["data"]["files"].as_array().expect("a list of files").clone();
    let reasons = files.iter().flat_map(|file| file["reasons"].as_array().expect("a list of reasons"));
    reasons.map(|one| one["reason"].as_str().expect("a reason").to_owned()).collect()
}

fn page(carnet: &Carnet, language: &str, words: &[&str]) -> String {
    carnet.talk(&[&["--lang", language], words].concat()).out
}

fn assert_in_words(carnet: &Carnet, path: &str) -> usize {
    let slugs = reasons(carnet, path);
    for language in ["fr", "en"] {
        let page = page(carnet, language, &["import", "--dry-run", path]);
        // A slug of one word may be a word of the language.
        let shown: Vec<&String> =
            slugs.iter().filter(|slug| slug.contains('-') && page.contains(slug.as_str())).collect();
        assert!(shown.is_empty(), "{language}: {shown:?} have no words");
    }
    slugs.len()
}

#[test]
fn an_import_says_in_words_why_rows_were_left() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    assert!(assert_in_words(&carnet, &samples()) > 5);
}

#[test]
fn every_reason_that_published_files_meet_has_words() {
    let Some(folder) = fixtures::folder("cli_words::every_reason_that_published_files_meet_has_words") else { return };
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let count: usize =
        ["national", "phone", "standards"].iter().map(|part| assert_in_words(&carnet, text(&folder.join(part)))).sum();
    println!("reasons met: {count}");
    assert!(count > 20, "{count}");
}

#[test]
fn lists_are_in_the_language_of_the_person_and_data_is_not() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    carnet.run(&["measure", "add", "blood-pressure", "117/79", "--at", "2026-03-10"]).data();
    carnet.run(&["measure", "add", "weight", "71.5"]).data();
    carnet.run(&["profile", "add", "allergy", "--name", "Pollen"]).data();
    carnet.run(&["profile", "none", "treatment"]).data();
    let french = page(&carnet, "fr", &["measure", "list"]);
    assert!(french.contains("Tension artérielle") && french.contains("117/79 mmHg") && french.contains("71,5 kg"));
    let english = page(&carnet, "en", &["measure", "list"]);
    assert!(english.contains("Blood pressure") && english.contains("71.5 kg"), "{english}");
    let csv = page(&carnet, "fr", &["measure", "list", "--format", "csv"]);
    assert!(csv.contains("blood-pressure,117/79 mm[Hg]") && csv.contains("71.5 kg"), "{csv}");
    let profile = page(&carnet, "fr", &["profile", "list"]);
    assert!(profile.contains("Allergie") && profile.contains("Traitements : non concerné"), "{profile}");
    let log = page(&carnet, "fr", &["log", "list"]);
    assert!(log.contains("carnet créé") && log.contains("prouvé"), "{log}");
    let data: Value = carnet.run(&["measure", "list"]).data();
    assert_eq!(data[0]["measure"], "blood-pressure");
}

#[test]
fn lists_say_what_is_not_current_and_nothing_where_all_is() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let id = |words: &[&str]| carnet.run(words).data()["id"].as_str().expect("an id").to_owned();
    id(&["profile", "add", "treatment", "--name", "Salbutamol"]);
    id(&["agenda", "add", "appointment", "--title", "Bilan", "--at", "2027-01-04T09:00:00+01:00"]);
    let mistaken = id(&["measure", "add", "weight", "72"]);
    for noun in ["profile", "agenda", "measure"] {
        assert!(!page(&carnet, "en", &[noun, "list"]).contains("State"), "{noun}");
    }
    let treatments = r#"[{"kind": "treatment", "name": "Naproxen", "state": "stopped"},
        {"kind": "treatment", "name": "CRESTOR", "role": "reimbursement"}]"#;
    carnet.run_with(&["profile", "add", "--from-json", "-"], treatments).data();
    let said = page(&carnet, "en", &["profile", "list", "treatment"]);
    assert!(said.contains("State") && said.contains("stopped") && said.contains("reimbursement"), "{said}");
    assert!(page(&carnet, "fr", &["profile", "list"]).contains("arrêté"));
    let appointment = carnet.run(&["agenda", "list"]).data()[0]["id"].as_str().expect("an id").to_owned();
    carnet.run(&["agenda", "edit", &appointment, "--status", "cancelled"]).data();
    assert!(page(&carnet, "fr", &["agenda", "list"]).contains("annulé"));
    assert!(page(&carnet, "fr", &["agenda", "show", &appointment]).contains("annulé"));
    carnet.run(&["measure", "remove", &mistaken]).data();
    assert!(page(&carnet, "fr", &["measure", "list", "--all"]).contains("retiré"));
    // What is gone cannot be removed, nor what was never said.
    for words in [&["measure", "remove", &mistaken][..], &["profile", "none", "allergy", "--undo"]] {
        assert!(page(&carnet, "en", words).contains("Nothing was removed"), "{words:?}");
    }
    let glucose = id(&["measure", "add", "glucose", "95", "--moment", "after-meal"]);
    for words in [&["measure", "list", "glycémie"][..], &["measure", "show", &glucose]] {
        assert!(page(&carnet, "fr", words).contains("après le repas"), "{words:?}");
    }
}

#[test]
fn a_measure_is_repeated_with_the_unit_that_it_was_taken_to_have() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let said = page(&carnet, "fr", &["measure", "add", "glucose", "95,6", "--moment", "fasting"]);
    assert!(said.contains("95,6 mg/dL"), "{said}");
    let said = page(&carnet, "fr", &["measure", "add", "glucose", "5,6", "--unit", "mmol/L", "--moment", "fasting"]);
    assert!(said.contains("5,6 mmol/L"), "{said}");
}

#[test]
fn a_list_of_typed_measures_says_what_devices_measured_beside() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    assert!(!page(&carnet, "en", &["measure", "list"]).contains("samples"));
    carnet.run(&["import", &format!("{}/export.zip", samples())]).data();
    assert!(page(&carnet, "en", &["measure", "list"]).contains("measure list --sources"));
    let hearts = page(&carnet, "fr", &["measure", "list", "heart-rate"]);
    assert!(hearts.contains("« measure list heart-rate --daily »"), "{hearts}");
    let daily = page(&carnet, "fr", &["measure", "list", "heart-rate", "--daily"]);
    assert!(daily.contains("Jour") && !daily.contains("day"), "{daily}");
}
