//! The agenda from the command line: reminders that come back, and what comes next.

use carnet_tests::process::{Carnet, Home};
use serde_json::{Value, json};

use crate::cli_record::{camille, id, listed};

fn next(carnet: &Carnet, days: &str) -> Vec<(String, String)> {
    let words = |one: &Value, field: &str| one[field].as_str().expect("a text").to_owned();
    let list = listed(carnet, &["agenda", "next", "--days", days]);
    list.iter().map(|one| (words(one, "at"), words(one, "title"))).collect()
}

#[test]
fn reminders_come_back_and_what_comes_next_is_listed_with_the_appointments() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let treatment = carnet.run(&["profile", "add", "treatment", "--name", "Metformine"]).data();
    let words = ["agenda", "add", "reminder", "--title", "Metformine", "--at", "2020-01-01T08:00"];
    let again = ["--repeat", "1d", "--time", "20:00", "--link", &id(&treatment), "--comment", "au repas"];
    let daily = carnet.run(&[&words[..], &again].concat()).data();
    assert_eq!(
        (&daily["period"], &daily["period_unit"], &daily["times"]),
        (&json!(1), &"DAY".into(), &json!(["20:00"]))
    );
    assert_eq!(daily["links"][id(&treatment)], "treatment");

    // Twice a day for a week; the hours are those on the clock, whatever the season was when it began.
    let week = next(&carnet, "7");
    assert_eq!(week.len(), 14, "{week:?}");
    let hours = |(at, _): &(String, String)| at[11..16].to_owned();
    assert!(week.iter().step_by(2).all(|one| hours(one) == "08:00"), "{week:?}");
    assert!(week.iter().skip(1).step_by(2).all(|one| hours(one) == "20:00"), "{week:?}");

    // An appointment lies in between, until it is called off.
    let third = week[4].0[..10].to_owned();
    let visit = ["agenda", "add", "appointment", "--title", "Contrôle", "--at", &format!("{third}T09:30")];
    let visit = carnet.run(&visit).data();
    let whole_day = ["agenda", "add", "reminder", "--title", "Ordonnance", "--at", &third];
    let whole_day = carnet.run(&whole_day).data();
    let titles: Vec<String> = next(&carnet, "7")[4..8].iter().map(|(_, title)| title.clone()).collect();
    assert_eq!(titles, ["Ordonnance", "Metformine", "Contrôle", "Metformine"]);
    carnet.run(&["agenda", "edit", &id(&visit), "--status", "cancelled"]).data();
    carnet.run(&["agenda", "remove", &id(&whole_day)]).data();
    assert_eq!(next(&carnet, "7"), week);

    // It ends, it falls once, and it says no more than it was told.
    let until = week[3].0[..10].to_owned();
    carnet.run(&["agenda", "edit", &id(&daily), "--until", &until]).data();
    assert_eq!(next(&carnet, "366"), week[..4]);
    let page = carnet.talk(&["--lang", "fr", "agenda", "list"]).out;
    assert!(page.contains("tous les jours, aussi à 20:00, jusqu'au"), "{page}");
    let page = carnet.talk(&["--lang", "en", "agenda", "show", &id(&daily)]).out;
    assert!(page.contains("every day, also at 20:00, until") && page.contains("au repas"), "{page}");
    assert_eq!(carnet.run(&["agenda", "edit", &id(&daily), "--repeat", ""]).refused(2), "rules");
    carnet.run(&["agenda", "edit", &id(&daily), "--repeat", "", "--until", ""]).data();
    assert!(next(&carnet, "366").is_empty());
    let page = carnet.talk(&["--lang", "fr", "agenda", "next"]).out;
    assert!(page.contains("Rien de prévu."), "{page}");
}

#[test]
fn a_reminder_that_is_not_understood_is_refused_by_the_name_of_its_option() {
    let home = Home::new();
    let carnet = home.vault("vault", "Camille");
    let refused = |words: &[&str]| {
        carnet
            .run(&[&["agenda", "add", "reminder", "--title", "Tension", "--at", "2026-12-01"], words].concat())
            .refused(2)
    };
    assert_eq!(refused(&["--repeat", "often"]), "bad_length");
    assert_eq!(refused(&["--repeat", "1d", "--time", "8h"]), "bad_time");
    assert_eq!(refused(&["--repeat", "1d", "--until", "bientôt"]), "bad_date");
    assert_eq!(refused(&["--repeat", "1d", "--until", "2026-11-30"]), "rules");
    assert_eq!(refused(&["--until", "2026-12-30"]), "rules");
    assert_eq!(refused(&["--place", "Lyon"]), "usage");
    let words = ["agenda", "add", "reminder", "--title", "Tension"];
    assert_eq!(carnet.run(&words).refused(2), "rules");
    assert_eq!(carnet.run(&[&words[..], &["--at", "2026-12"]].concat()).refused(2), "rules");
    assert_eq!(carnet.run(&["agenda", "next", "--days", "0"]).refused(2), "usage");
    assert!(listed(&carnet, &["agenda", "list"]).is_empty());
}
