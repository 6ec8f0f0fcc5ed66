//! Measures from the command line: their bounds, their targets, and the days that they are counted in.

use carnet_tests::process::{Home, Relay, text};
use serde_json::{Value, json};

use crate::{
    cli_record::{camille, id, import_samples, listed},
    cli_sync::{owner, pair, sync},
};

#[test]
fn days_are_counted_in_the_zone_of_whoever_began_the_record() {
    let days = |zone: &str| {
        let home = Home::new();
        std::fs::create_dir_all(home.path(".config/carnet")).expect("a folder");
        let settings = home.file(".config/carnet/carnet.toml", format!("zone = '{zone}'\n"));
        let carnet = camille(&home, "vault");
        // Whoever travels, or uses another machine, counts the same days.
        std::fs::remove_file(settings).expect("the settings");
        home.file(".config/carnet/carnet.toml", "zone = 'Asia/Tokyo'\n");
        import_samples(&carnet);
        listed(&carnet, &["measure", "list", "heart-rate", "--daily"])
    };
    let (paris, auckland) = (days("Europe/Paris"), days("Pacific/Auckland"));
    assert!(!paris.is_empty() && paris != auckland, "{paris:?}");
    assert_eq!(days("Europe/Paris"), paris);
    assert_ne!(days("Asia/Tokyo"), paris, "a zone does make a difference");
}

#[test]
fn a_measure_is_held_against_the_target_that_the_person_set() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let target = |words: &[&str]| carnet.run(&[&["measure", "target"], words].concat());
    carnet.run(&["measure", "add", "hba1c", "7.4"]).data();
    carnet.run(&["measure", "add", "blood-pressure", "128/79"]).data();
    let standings = || {
        let list = listed(&carnet, &["measure", "list"]);
        let of = |kind: &str| list.iter().find(|one| one["measure"] == kind).expect("it is listed")["target"].clone();
        (of("hba1c"), of("blood-pressure"))
    };
    assert_eq!(standings(), (Value::Null, Value::Null));
    let set = target(&["hba1c", "--low", "5", "--high", "7"]).data();
    assert_eq!((&set["low"]["value"], &set["high"]["unit"]), (&json!("5"), &json!("%")), "{set}");
    target(&["systolic", "--high", "135"]).data();
    assert_eq!(standings(), (json!("above"), json!("within")));
    // Set again it is the same one, and what it was stays in its history.
    let again = target(&["hba1c", "--high", "8"]).data();
    assert_eq!((&again["id"], &again["low"]), (&set["id"], &Value::Null));
    assert_eq!(standings(), (json!("within"), json!("within")));
    assert_eq!(target(&[]).data().as_array().expect("a list").len(), 2);
    let french = carnet.talk(&["--lang", "fr", "measure", "list"]).out;
    assert!(french.contains("Cible") && french.contains("atteinte"), "{french}");
    assert!(carnet.talk(&["--lang", "fr", "measure", "target"]).out.contains("≤ 8 %"));
    assert_eq!(target(&["hba1c", "--low", "9", "--high", "8"]).refused(2), "rules");
    assert_eq!(target(&["hba1c", "--high", "8", "--unit", "kg"]).refused(2), "rules");
    assert_eq!(target(&["blood-pressure", "--high", "135"]).refused(2), "usage");
    target(&["hba1c", "--remove"]).data();
    assert_eq!(standings(), (Value::Null, json!("within")));
    assert_eq!(target(&["hba1c", "--high", "7"]).data()["id"], set["id"]);
}

#[test]
fn two_devices_that_set_one_target_apart_have_one_between_them() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    first.run(&["measure", "target", "hba1c", "--high", "7"]).data();
    second.run(&["measure", "target", "hba1c", "--high", "6.5"]).data();
    for carnet in [&first, &second, &first] {
        sync(carnet);
    }
    assert_eq!(first.digest(), second.digest());
    let targets = first.run(&["measure", "target"]).data();
    assert_eq!(targets.as_array().expect("a list").len(), 1, "{targets}");
}

#[test]
fn measures_are_held_to_their_bounds_and_their_company() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let add = |words: &[&str]| carnet.run(&[&["measure", "add"], words].concat());
    let weight = add(&["weight", "72,40", "--at", "2026-03-01T08:00:00+01:00", "--comment", "à jeun"]).data();
    assert_eq!(weight["value"]["value"], json!("72.40"), "the digits as typed: {weight}");
    assert_eq!(weight["at"], "2026-03-01T08:00:00+01:00");
    add(&["blood-pressure", "120/80"]).data();
    for (words, code) in [
        (&["blood-pressure", "80/120"][..], "rules"),
        (&["weight", "7000"], "rules"),
        (&["bmi", "22"], "rules"),
        (&["glucose", "0.9"], "rules"),
        (&["interstitial-glucose", "0.9"], "rules"),
        (&["wieght", "72"], "usage"),
        (&["weight", "a lot"], "bad_number"),
    ] {
        let ran = add(words);
        assert_eq!(ran.refused(2), code, "{words:?}");
        assert!(!ran.out.contains("a lot") && !ran.out.contains("7000"), "no refusal repeats a value: {}", ran.out);
    }
    add(&["glucose", "90", "--moment", "fasting"]).data();
    assert_eq!(listed(&carnet, &["measure", "list"]).len(), 3);
    assert_eq!(listed(&carnet, &["measure", "list", "weight", "--from", "2026-03", "--to", "2026-03"]).len(), 1);
    assert!(listed(&carnet, &["measure", "list", "weight", "--from", "2026-04"]).is_empty());
    let corrected = carnet.run(&["measure", "edit", &id(&weight), "--value", "71.9"]).data();
    assert_eq!(corrected["value"]["value"], json!("71.9"));
    let csv = carnet.talk(&["measure", "list", "weight", "--format", "csv"]);
    assert_eq!(csv.code, Some(0), "{}", csv.err);
    assert!(csv.out.lines().count() == 2 && csv.out.contains("71.9 kg"), "{}", csv.out);
}

#[test]
fn every_kind_of_the_national_list_of_measures_can_be_typed() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let kinds: [(&str, &str, &[&str]); 13] = [
        ("weight", "72.4", &[]),
        ("height", "171", &[]),
        ("waist", "80", &[]),
        ("head", "54", &[]),
        ("temperature", "37.2", &[]),
        ("heart-rate", "62", &[]),
        ("blood-pressure", "118/76", &[]),
        ("pain", "3", &[]),
        ("steps", "8500", &[]),
        ("glucose", "92", &["--moment", "fasting"]),
        ("interstitial-glucose", "105", &["--days", "14"]),
        ("hba1c", "6.1", &[]),
        ("gmi", "6.4", &["--days", "14"]),
    ];
    for (kind, value, more) in kinds {
        let ran = carnet.run(&[&["measure", "add", kind, value], more].concat());
        assert_eq!(ran.data()["measure"], kind);
    }
    assert_eq!(listed(&carnet, &["measure", "list"]).len(), kinds.len());
}
