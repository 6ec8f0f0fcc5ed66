//! The recovery kit in use: restoring beside devices that are kept, and a new kit in place of one that was seen.

use carnet_tests::process::{Carnet, Home, Relay, text};
use serde_json::{Value, json};

use crate::cli_sync::{live_devices, owner, pair, restored, sync, words_of};

/// The words on the sheet that lies at `name`.
fn sheet(home: &Home, name: &str) -> String {
    words_of(&std::fs::read(home.path(name)).expect("the sheet"))
}

fn id(carnet: &Carnet) -> String {
    carnet.run(&["record", "show"]).data()["id"].as_str().expect("an id").to_owned()
}

/// Two devices of one record and the relay between them, as long as this lives.
struct Paired {
    home: Home,
    other: Home,
    first: Carnet,
    second: Carnet,
    relay: Relay,
    operator: Home,
}

fn paired() -> Paired {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    Paired { home, other, first, second, relay, operator }
}

#[test]
fn a_restoration_keeps_the_devices_that_are_named_and_removes_the_others() {
    let Paired { operator: _operator, home, other: _other, first, second, relay } = paired();
    first.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    sync(&first);
    let (id, words) = (id(&first), sheet(&home, "kit.pdf"));
    let from = ["--id", id.as_str(), "--relay", &relay.address, "--remove-devices"];

    // One that is not there: nothing is done, and nothing of the attempt stays.
    let (nothing, ran) = restored(&home, "nothing", &words, &[&from[..], &["Ordinateur", "Tablette"]].concat());
    assert_eq!(ran.refused(1), "device_unknown");
    assert_eq!(nothing.run(&["record", "list"]).data(), json!([]));
    let (_, ran) = restored(&home, "odd", &words, &[&from[..], &["none", "Ordinateur"]].concat());
    assert_eq!(ran.refused(2), "usage");

    // Beside both: all three go on.
    let (third, ran) = restored(&home, "beside", &words, &[&from[..], &["none"]].concat());
    ran.data();
    assert_eq!(live_devices(&third).len(), 3);
    third.run(&["profile", "add", "disease", "--name", "Du-troisieme"]).data();
    for carnet in [&third, &first, &second] {
        sync(carnet);
    }
    assert_eq!(first.digest(), third.digest());
    assert_eq!(second.digest(), third.digest());

    // Without one, which is named as the list of devices names it.
    let (fourth, ran) = restored(&home, "without", &words, &[&from[..], &["Ordinateur"]].concat());
    ran.data();
    assert_eq!(live_devices(&fourth).len(), 3);
    fourth.run(&["profile", "add", "disease", "--name", "Du-quatrieme"]).data();
    sync(&fourth);
    assert_eq!(first.run(&["sync"]).refused(4), "not_admitted");
    for carnet in [&second, &third] {
        sync(carnet);
        assert!(carnet.run(&["profile", "list"]).out.contains("Du-quatrieme"));
    }
    second.run(&["measure", "add", "weight", "64.5"]).data();
    sync(&second);
    sync(&fourth);
    assert_eq!(second.digest(), fourth.digest());
}

#[test]
fn a_new_kit_is_made_with_the_old_words_and_the_old_sheet_opens_nothing_more() {
    let Paired { operator: _operator, home, other: _other, first, second, relay } = paired();
    first.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    let (id, old) = (id(&first), sheet(&home, "kit.pdf"));
    let new = home.path("new.pdf");
    let words = ["recovery", "kit", "--out", text(&new), "--words-fd", "0"];

    // Only who has a kit makes another: the vault keeps no words.
    let elsewhere = Home::new();
    elsewhere.carnet("vault").run(&["init", "--name", "Autre", "--no-relay", "--kit-out", text(&elsewhere.path("k"))]);
    let foreign = sheet(&elsewhere, "k");
    assert_eq!(first.run_with(&[&words[..], &["--yes"]].concat(), &format!("{foreign}\n")).refused(1), "kit_of_other");
    assert_eq!(first.run_with(&words, &format!("{old}\n")).refused(2), "confirmation_needed");
    assert!(!new.exists());

    let made = first.run_with(&[&words[..], &["--yes"]].concat(), &format!("{old}\n"));
    let data = made.data();
    assert_eq!((&data["kit_confirmed"], &data["sync"]["not_taken"]), (&json!(false), &json!(0)), "{data}");
    assert_eq!(made.warnings(), ["warning_kit"], "`--yes` is no proof that somebody holds the sheet");
    assert!(!format!("{}{}", made.out, made.err).contains(old.split(' ').next().expect("a word")), "{}", made.out);
    let fresh = sheet(&home, "new.pdf");
    assert_ne!(fresh, old);
    let rehearse = |words: &str| first.run_with(&["recovery", "rehearse", "--words-fd", "0"], &format!("{words}\n"));
    assert_eq!(rehearse(&old).refused(1), "kit_of_other");
    rehearse(&fresh).data();
    let is_confirmed = |carnet: &Carnet| carnet.run(&["status"]).data()["records"][0]["kit_confirmed"].clone();
    assert_eq!(
        (is_confirmed(&first), is_confirmed(&second)),
        (json!(true), json!(false)),
        "the second has not heard of it"
    );

    // The devices go on; who found the old sheet gets nothing, from the relay or from a file.
    second.run(&["profile", "add", "disease", "--name", "Ecrit-apres"]).data();
    for carnet in [&second, &first, &second] {
        sync(carnet);
    }
    assert_eq!(first.digest(), second.digest());
    assert_eq!(is_confirmed(&second), json!(true));
    let stick = home.path("stick");
    first.run(&["sync", "--file", text(&stick)]).data();
    let digest = first.digest();
    let at_relay = ["--id", id.as_str(), "--relay", &relay.address];
    for (name, from) in [("thief", &at_relay[..]), ("thief-by-file", &["--from", text(&stick)])] {
        let (thief, ran) = restored(&home, name, &old, from);
        assert_eq!(ran.refused(1), "kit_of_other", "{name}");
        assert_eq!(thief.run(&["record", "list"]).data(), json!([]));
    }
    for (name, from) in [("by-file", &["--from", text(&stick)][..]), ("by-relay", &at_relay)] {
        let (carnet, ran) = restored(&home, name, &fresh, from);
        ran.data();
        assert_eq!(carnet.digest(), digest, "restored {name}");
    }
}

#[test]
fn a_new_kit_counts_only_once_its_words_were_typed_back() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    carnet.run(&["init", "--name", "Camille", "--no-relay", "--kit-out", text(&home.path("kit.pdf"))]).data();
    let (old, new) = (sheet(&home, "kit.pdf"), home.path("new.pdf"));
    let words = ["recovery", "kit", "--out", text(&new), "--words-fd", "0", "--yes"];
    let asked = |answer: &dyn Fn(&[String]) -> String| {
        let mut screen = carnet.at_terminal(&words);
        screen.say(&old);
        screen.until("four words of group ");
        let group: usize = screen.until(",").trim_end_matches(',').parse().expect("a number");
        let fresh: Vec<String> = sheet(&home, "new.pdf").split(' ').map(str::to_owned).collect();
        screen.say(&answer(&fresh[(group - 1) * 4..group * 4]));
        screen.finish()
    };
    let (code, shown) = asked(&|group| group[..3].join(" "));
    assert_eq!(code, Some(1), "{shown}");
    assert!(!new.exists(), "the sheet that opens nothing is taken away");
    let rehearse = |words: &str| carnet.run_with(&["recovery", "rehearse", "--words-fd", "0"], &format!("{words}\n"));
    rehearse(&old).data();

    let (code, shown) = asked(&|group| group.join(" ").to_uppercase());
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(rehearse(&old).refused(1), "kit_of_other");
    let status = carnet.run(&["status"]).data();
    assert_eq!(status["records"][0]["kit_confirmed"], Value::Bool(true), "{status}");
    rehearse(&sheet(&home, "new.pdf")).data();
}

#[test]
fn a_new_kit_that_another_device_forestalled_leaves_no_sheet_that_opens_nothing() {
    let Paired { operator: _operator, home, other, first, second, relay: _relay } = paired();
    let old = sheet(&home, "kit.pdf");
    let (ours, theirs) = (home.path("ours.pdf"), other.path("theirs.pdf"));
    let kit = |out| ["recovery", "kit", "--out", text(out), "--words-fd", "0", "--yes"];
    let rehearse = |carnet: &Carnet, words: &str| {
        carnet.run_with(&["recovery", "rehearse", "--words-fd", "0"], &format!("{words}\n"))
    };

    // While one device has its sheet read back, the other makes a kit and the relay has it.
    let mut screen = first.at_terminal(&kit(&ours));
    screen.say(&old);
    screen.until("four words of group ");
    let group: usize = screen.until(",").trim_end_matches(',').parse().expect("a number");
    let fresh = sheet(&home, "ours.pdf");
    second.run_with(&kit(&theirs), &format!("{old}\n")).data();
    let words: Vec<&str> = fresh.split(' ').collect();
    screen.say(&words[(group - 1) * 4..group * 4].join(" "));
    let (code, shown) = screen.finish();
    assert_eq!(code, Some(1), "{shown}");
    assert!(!ours.exists(), "no sheet is left whose words open nothing");
    assert!(!shown.contains("destroy the old one"), "{shown}");
    assert_eq!(rehearse(&first, &fresh).refused(1), "kit_of_other");
    for carnet in [&first, &second] {
        sync(carnet);
        rehearse(carnet, &sheet(&other, "theirs.pdf")).data();
    }
    assert_eq!(first.digest(), second.digest());
}

#[test]
fn a_new_kit_is_not_even_drawn_where_another_device_has_made_one() {
    let Paired { operator: _operator, home, other, first, second, relay: _relay } = paired();
    let old = sheet(&home, "kit.pdf");
    let (ours, theirs) = (home.path("ours.pdf"), other.path("theirs.pdf"));
    let kit = |carnet: &Carnet, out| {
        let words = ["recovery", "kit", "--out", text(out), "--words-fd", "0", "--yes"];
        carnet.run_with(&words, &format!("{old}\n"))
    };
    kit(&second, &theirs).data();
    // The first device hears of it from the relay, once the words of the old kit were taken for right.
    assert_eq!(kit(&first, &ours).refused(1), "kit_of_other");
    assert!(!ours.exists(), "no sheet is left whose words open nothing");
    let words = sheet(&other, "theirs.pdf");
    first.run_with(&["recovery", "rehearse", "--words-fd", "0"], &format!("{words}\n")).data();
}
