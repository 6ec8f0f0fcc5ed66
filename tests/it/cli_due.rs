//! What published rules recommend, from the command line: a child, a woman, a man, and somebody of whom little is known.

use carnet_tests::process::{Carnet, Home};
use serde_json::Value;

use crate::cli_record::id;

fn record(home: &Home, name: &str, words: &[&str]) -> Carnet {
    let carnet = home.carnet(name);
    carnet.run(&[&["init", "--name", name, "--no-relay", "--no-kit"], words].concat()).data();
    carnet
}

/// The item with this code, as it stands on a day.
fn item(carnet: &Carnet, code: &str, on: &str) -> Value {
    let data = carnet.run(&["agenda", "due", "--all", "--on", on]).data();
    let items = data["items"].as_array().expect("items").clone();
    let codes: Vec<_> = items.iter().map(|item| item["code"].clone()).collect();
    items.into_iter().find(|item| item["code"] == code).unwrap_or_else(|| panic!("no {code} among {codes:?}"))
}

fn vaccine(carnet: &Carnet, name: &str, at: &str) -> Value {
    carnet.run(&["profile", "add", "vaccine", "--name", name, "--at", at]).data()
}

#[test]
fn a_child_has_its_exams_and_vaccines_with_the_rule_and_the_doses_that_counted() {
    let home = Home::new();
    let carnet = record(&home, "Louise", &["--birth", "2026-01-10", "--sex", "female"]);
    let first = vaccine(&carnet, "Hexyon", "2026-03-12");
    vaccine(&carnet, "Prevenar 13", "2026-03-12");
    vaccine(&carnet, "Stamaril", "2026-03-12");

    let hexa = item(&carnet, "vac-hexa/2", "2026-06-12");
    assert_eq!((&hexa["state"], &hexa["requirement"]), (&"overdue".into(), &"mandatory".into()));
    assert_eq!((&hexa["dose"]["number"], &hexa["dose"]["of"]), (&2.into(), &3.into()));
    assert_eq!((&hexa["window"]["from"], &hexa["window"]["to"]), (&"2026-05-12".into(), &"2026-06-11".into()));
    assert_eq!(hexa["counted"][0]["id"], id(&first));
    for text in ["title", "publisher", "date", "address"] {
        assert!(hexa["rule"]["source"][text].as_str().is_some_and(|text| text.len() >= 4), "{text}: {hexa}");
    }
    let exam = item(&carnet, "exam-child/7", "2026-06-12");
    assert_eq!((&exam["state"], &exam["type"]), (&"due".into(), &"EXAMEN_CARNET_SANTE".into()));

    // A further dose in the booklet changes what comes next; one that is taken back changes it back.
    let second = vaccine(&carnet, "Vaxelis", "2026-06-12");
    assert_eq!(item(&carnet, "vac-hexa/3", "2026-06-13")["window"]["from"], "2026-12-12");
    carnet.run(&["profile", "remove", &id(&second)]).data();
    assert_eq!(item(&carnet, "vac-hexa/2", "2026-06-13")["state"], "overdue");

    let data = carnet.run(&["agenda", "due", "--on", "2026-06-12"]).data();
    let uncounted = data["not_counted"].as_array().expect("a list");
    assert_eq!(
        (uncounted.len(), &uncounted[0]["name"], &uncounted[0]["reason"]),
        (1, &"Stamaril".into(), &"not-recognised".into())
    );
    assert_eq!(
        (&data["rules"]["country"], data["rules"]["left_out"].as_array().map(Vec::is_empty)),
        (&"FR".into(), Some(false))
    );

    for (language, words) in [
        (
            "fr",
            ["En retard d'après ce qui est noté", "dose 2 sur 3", "Règle vac-hexa/2 (obligatoire)", "votre médecin"],
        ),
        ("en", ["Late, by what is noted", "dose 2 of 3", "Rule vac-hexa/2 (mandatory)", "your doctor"]),
    ] {
        let page = carnet.talk(&["--lang", language, "agenda", "due", "--on", "2026-06-12"]).out;
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in words {
            assert!(flat.contains(words), "{words}: {page}");
        }
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }
    let detail = carnet.talk(&["--lang", "fr", "agenda", "due", "vac-hexa", "--on", "2026-06-12"]).out;
    assert!(detail.contains("Compté : Hexyon, 2026-03-12.") && detail.contains("https://"), "{detail}");
}

#[test]
fn screenings_follow_age_and_sex_and_what_is_missing_is_said() {
    let home = Home::new();
    let anne = record(&home, "Anne", &["--birth", "1975-03-04", "--sex", "female"]);
    let breast = item(&anne, "screen-breast/2025", "2026-06-12");
    assert_eq!(
        (&breast["state"], &breast["kind"], &breast["requirement"]),
        (&"due".into(), &"screening".into(), &"recommended".into())
    );

    let paul = record(&home, "Paul", &["--birth", "1959-03", "--sex", "male"]);
    assert_eq!(item(&paul, "vac-flu/2026", "2026-11-12")["state"], "due");
    assert_eq!(item(&paul, "vac-dtp/65y", "2026-11-12")["state"], "overdue");
    assert!(!paul.run(&["agenda", "due", "--all", "--on", "2026-11-12"]).data().to_string().contains("screen-breast"));
    // In the month of a birthday, it depends on the day.
    let review = item(&record(&home, "Zoe", &["--birth", "2001-03"]), "vac-dtp", "2026-03-15");
    assert_eq!((&review["state"], &review["missing"][0]), (&"unknown".into(), &"day-of-birth".into()));

    let nobody = record(&home, "Sans", &[]);
    let nothing = item(&nobody, "vac-mmr", "2026-06-12");
    assert_eq!((&nothing["state"], &nothing["missing"][0]), (&"unknown".into(), &"birth-date".into()));
    let page = nobody.talk(&["--lang", "fr", "agenda", "due"]).out;
    assert!(page.contains("Il manque la date de naissance") && !page.contains("vac-"), "{page}");

    let sexless = item(&record(&home, "Camille", &["--birth", "1975-03-04"]), "screen-breast", "2026-06-12");
    assert_eq!((&sexless["state"], &sexless["missing"][0]), (&"unknown".into(), &"sex".into()));
    assert_eq!(item(&anne, "screen-breast", "2020-01-01")["missing"][0], "today");
    assert_eq!(anne.run(&["agenda", "due", "vac-unknown"]).refused(2), "usage");
    assert_eq!(anne.run(&["agenda", "due", "--on", "2026-06"]).refused(2), "bad_date");
}
