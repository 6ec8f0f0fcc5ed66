//! What published rules recommend, from the command line: a child, a woman, a man, and somebody of whom little is known.

use carnet_crypto::{
    digest::hash,
    id::RecordId,
    sign::{Domain, SigningKey},
};
use carnet_record::prevention::BUNDLED;
use carnet_tests::process::{Carnet, Home, Relay, text};
use serde_json::{Value, json};

use crate::{
    cli_record::{id, listed},
    cli_sync::{owner, pair, sync},
};

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

#[test]
fn what_was_recommended_is_marked_and_the_mark_changes_what_comes_next() {
    let home = Home::new();
    let carnet = record(&home, "Louise", &["--birth", "1975-03-04", "--sex", "female"]);
    let mark = |code: &str, words: &[&str]| {
        carnet.run(&[&["agenda", "due", code, "--on", "2026-06-12", "--mark"], words].concat())
    };
    let planned = mark("screen-breast/2025", &["to-plan", "--at", "2026-07-01"]).data();
    assert_eq!((&planned["state"], &planned["type"]), (&"TO_PLAN".into(), &Value::Null));
    assert_eq!((&planned["sort"], &planned["requirement"]), (&"DEPISTAGE".into(), &"RECOMMANDE".into()));
    let item = |code: &str| item(&carnet, code, "2026-06-12");
    let still = item("screen-breast/2025");
    assert_eq!((&still["state"], &still["mark"]["status"]), (&"due".into(), &"TO_PLAN".into()));

    // It is the same entry that is done afterwards; two years later it is due again.
    let done = mark("screen-breast/2025", &["done", "--at", "2026-06-02"]).data();
    assert_eq!((id(&done), &done["at"]), (id(&planned), &"2026-06-02".into()));
    let next = item("screen-breast/2028");
    assert_eq!((&next["state"], &next["done_on"]), (&"upcoming".into(), &"2026-06-02".into()));
    assert_eq!(next["window"]["from"], "2028-06-02");
    assert_eq!(listed(&carnet, &["agenda", "list"]).len(), 1);

    // A mark that is taken back asks again, and one can be brought back.
    carnet.run(&["agenda", "remove", &id(&done)]).data();
    assert_eq!(item("screen-breast/2025")["state"], "due");
    carnet.run(&["agenda", "edit", &id(&done), "--restore"]).data();
    assert_eq!(item("screen-breast/2028")["state"], "upcoming");

    // A vaccine that is marked as done leads to the booklet; done without a day is done on the day that is asked for.
    let booster = ["agenda", "due", "vac-dtp/45y", "--on", "2026-06-12", "--mark", "done"];
    let page = carnet.talk(&[&["--lang", "fr"], &booster[..]].concat()).out;
    assert!(page.contains("carnet profile add vaccine --name") && page.contains("2026-06-12"), "{page}");
    assert_eq!(
        (&item("vac-dtp/45y")["state"], &item("vac-dtp/45y")["done_on"]),
        (&"done".into(), &"2026-06-12".into())
    );
    mark("screen-colon/2025", &["not-done"]).data();
    assert_eq!(
        (&item("screen-colon/2025")["state"], &item("screen-colon/2025")["mark"]["status"]),
        (&"due".into(), &"NOT_DONE".into())
    );

    assert_eq!(mark("screen-colon", &["done"]).refused(2), "usage", "a rule is not one thing");
    assert_eq!(mark("screen-colon/2025", &["perhaps"]).refused(2), "usage");
    let nobody = record(&home, "Sans", &[]);
    assert_eq!(nobody.run(&["agenda", "due", "vac-mmr", "--mark", "done"]).refused(2), "usage");
}

#[test]
fn an_exam_of_ones_own_is_planned_done_and_comes_back_from_a_bundle_and_an_archive() {
    let (home, other) = (Home::new(), Home::new());
    let carnet = record(&home, "Louise", &["--birth", "1975-03-04", "--sex", "female"]);
    let exam = carnet.run(&["agenda", "add", "exam", "--title", "Fond d'oeil", "--at", "2099-05-04"]).data();
    assert_eq!(exam["state"], "TO_PLAN");
    carnet.run(&["agenda", "edit", &id(&exam), "--status", "done", "--at", "2026-05-04", "--comment", "rien"]).data();
    carnet.run(&["agenda", "due", "screen-breast/2025", "--on", "2026-06-12", "--mark", "done"]).data();
    let page = carnet.talk(&["--lang", "fr", "agenda", "show", &id(&exam)]).out;
    assert!(page.contains("fait") && page.contains("Fond d'oeil") && !page.contains("DONE"), "{page}");
    let add = |words: &[&str]| carnet.run(&[&["agenda", "add", "exam"], words].concat()).refused(2);
    assert_eq!(add(&["--at", "2026"]), "rules");
    assert_eq!(add(&["--title", "Fond d'oeil", "--status", "done"]), "rules");
    assert_eq!(add(&["--title", "Fond d'oeil", "--status", "booked"]), "usage");
    assert_eq!(add(&["--title", "Fond d'oeil", "--place", "Lyon"]), "usage");

    let (archive, bundle) = (home.path("all.carnet"), home.path("all.json"));
    carnet.run(&["export", "--yes", "--out", text(&archive)]).data();
    carnet.run(&["export", "--yes", "--format", "fhir", "--out", text(&bundle)]).data();
    let said = |carnet: &Carnet| {
        let mut all = listed(carnet, &["agenda", "list"]);
        for one in &mut all {
            one.as_object_mut().expect("an entry").retain(|field, _| field != "id" && field != "provenance");
        }
        all
    };
    for (name, file) in [("archive", &archive), ("bundle", &bundle)] {
        let reader = other.vault(name, "Louise");
        reader.run(&["import", text(file), "--accept-other-person"]).data();
        assert_eq!(said(&reader), said(&carnet), "{name}");
    }
}

#[test]
fn two_devices_that_mark_one_thing_apart_have_one_mark_between_them() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    sync(&second);
    let mark = |carnet: &Carnet, said: &str| {
        carnet.run(&["agenda", "due", "vac-dtp/25y", "--on", "2026-06-12", "--mark", said]).data()
    };
    assert_eq!(id(&mark(&first, "done")), id(&mark(&second, "to-plan")));
    for carnet in [&first, &second, &first] {
        sync(carnet);
    }
    assert_eq!(first.digest(), second.digest());
    assert_eq!(listed(&first, &["agenda", "list"]).len(), 1);
    assert_eq!(item(&first, "vac-dtp/25y", "2026-06-12")["mark"], item(&second, "vac-dtp/25y", "2026-06-12")["mark"]);
}

/// The rules that come with Carnet, changed: of another day, and with another age for the second dose of a vaccine.
fn changed_rules(date: &str) -> String {
    let mut rules: Value = serde_json::from_str(BUNDLED).expect("JSON");
    rules["date"] = date.into();
    rules["review_by"] = "2999-12-31".into();
    let all = rules["rules"].as_array_mut().expect("rules");
    let mmr = all.iter_mut().find(|rule| rule["code"] == "vac-mmr").expect("a rule");
    mmr["schedule"]["series"]["plans"][0]["doses"][1] = json!({"from": "6y", "to": "7y", "after": "1m"});
    rules.to_string()
}

/// `rules` signed by the publisher that this byte makes, as `docs/format.md` says.
fn signed(rules: &str, publisher: u8) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let key = SigningKey::from_seed(&[publisher; 32]);
    let signature = key.sign(Domain::Rules, &RecordId([0; 32]), &hash("rules", &[rules.as_bytes()]));
    format!("carnet.rules.signed/1\npublisher {}\nsignature {}\n{rules}", hex(&key.public().0), hex(&signature.0))
}

#[test]
fn rules_that_a_publisher_signed_take_the_place_of_the_bundled_ones_and_others_are_refused_by_name() {
    let home = Home::new();
    let carnet = record(&home, "Louise", &["--birth", "2024-06-10", "--sex", "female"]);
    vaccine(&carnet, "ROR", "2025-07-01");
    let due = || item(&carnet, "vac-mmr/2", "2026-01-08")["window"]["from"].clone();
    let take = |name: &str, file: &str, words: &[&str]| {
        let path = home.file(name, file);
        carnet.run(&[&["agenda", "rules", "--from", text(&path)], words].concat())
    };
    assert_eq!(due(), "2025-10-10");
    let own = carnet.run(&["agenda", "rules"]).data();
    assert!(own["publisher"].is_null() && own["left_out"].as_array().is_some_and(|left| !left.is_empty()), "{own}");

    // The key of a publisher is accepted by the person first.
    let first = signed(&changed_rules("2026-01-05"), 1);
    assert_eq!(take("first", &first, &[]).refused(2), "confirmation_needed");
    assert_eq!(due(), "2025-10-10");
    let taken = take("first", &first, &["--yes"]).data();
    assert_eq!((&taken["date"], taken["publisher"].as_str().map(str::len)), (&"2026-01-05".into(), Some(79)));
    assert_eq!(due(), "2030-06-10", "another file of rules gives another answer");
    assert_eq!(take("again", &first, &[]).data()["date"], "2026-01-05");

    // A newer one of the same key needs no asking; everything else is refused by name, and changes nothing.
    take("newer", &signed(&changed_rules("2026-01-06"), 1), &[]).data();
    for (name, file, exit, code) in [
        ("older", first.clone(), 1, "rules_not_newer"),
        ("same-day", signed(&format!("{} ", changed_rules("2026-01-06")), 1), 1, "rules_not_newer"),
        ("altered", signed(&changed_rules("2026-01-07"), 1).replace("\"6y\"", "\"5y\""), 5, "rules_signature"),
        ("ahead", signed(&changed_rules("2999-01-07"), 1), 1, "rules_ahead"),
        ("unsigned", changed_rules("2026-01-07"), 1, "rules_form"),
        ("empty", signed("{}", 1), 1, "rules_form"),
        ("stranger", signed(&changed_rules("2026-01-07"), 2), 2, "confirmation_needed"),
    ] {
        assert_eq!(take(name, &file, &[]).refused(exit), code, "{name}");
        assert_eq!(carnet.run(&["agenda", "rules"]).data()["date"], "2026-01-06", "{name}");
    }
    let page = carnet.talk(&["--lang", "fr", "agenda", "rules"]).out;
    assert!(page.contains("Signées par la clé") && page.contains("Ce qu'elles laissent de côté"), "{page}");

    carnet.run(&["agenda", "rules", "--bundled"]).data();
    assert_eq!(due(), "2025-10-10");
    assert_eq!(take("forgotten", &signed(&changed_rules("2026-01-07"), 1), &[]).refused(2), "confirmation_needed");
}

#[test]
fn the_rules_that_one_device_took_are_those_of_the_other() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let file = home.file("rules", signed(&changed_rules("2026-01-05"), 1));
    let taken = first.run(&["agenda", "rules", "--from", text(&file), "--yes"]).data();
    sync(&first);
    sync(&second);
    assert_eq!(second.run(&["agenda", "rules"]).data(), taken);
}
