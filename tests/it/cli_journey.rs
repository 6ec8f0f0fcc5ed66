//! The whole way on official example files, on the command line alone: each is brought into a record of its person,
//! carried to a second device, taken out, wiped, and brought in again.
//!
//! There are three ways to the second device: through the relay, and, with the relay stopped, from one device to the
//! other or by a file that is carried.

use std::collections::BTreeMap;

use carnet_tests::process::{Carnet, Home, Relay, member, text, uptime};
use serde_json::Value;

use self::persons::{NOBODY, Person};
use crate::{
    cli_record::assert_adds_up,
    cli_sync::{pair_as, sync},
    fixtures,
};

mod persons;

/// How the second device gets what the first one took in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Direct,
    File,
    Relay,
}

#[test]
fn every_published_file_goes_the_whole_way_through_the_relay() {
    journey("cli_journey::every_published_file_goes_the_whole_way_through_the_relay", Route::Relay);
}

#[test]
fn every_published_file_goes_the_whole_way_directly_with_the_relay_stopped() {
    journey("cli_journey::every_published_file_goes_the_whole_way_directly_with_the_relay_stopped", Route::Direct);
}

#[test]
fn every_published_file_goes_the_whole_way_by_file_with_the_relay_stopped() {
    journey("cli_journey::every_published_file_goes_the_whole_way_by_file_with_the_relay_stopped", Route::File);
}

fn journey(test: &str, route: Route) {
    let Some(folder) = fixtures::folder(test) else { return };
    let begun = uptime();
    let persons = persons::of(&folder);
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let (first, second) = (home.carnet("vault"), other.carnet("vault"));
    for person in &persons {
        make(&first, person, &["--relay", &relay.address]);
    }
    let pair_all = || {
        for (number, person) in persons.iter().enumerate() {
            let ticket = home.path(&format!("ticket-{number}"));
            pair_as(&first.of(&person.label), &second, text(&ticket), &person.label);
        }
    };
    let mut formats = BTreeMap::new();
    if route == Route::Relay {
        import_all(&first, &persons, &mut formats);
        // What is known already is not taken in again.
        for person in &persons {
            let again = import(&first, person);
            assert_eq!(again["total"]["added"], 0, "{}: {}", person.label, again["total"]);
        }
        pair_all();
    } else {
        // Only the meeting of the devices is through the relay: there is nothing in the records yet.
        pair_all();
        relay.kill();
        import_all(&first, &persons, &mut formats);
    }
    let paired = uptime() - begun;
    exchange(route, &persons, &first, &second, &home);
    for person in &persons {
        let [here, there] = [&first, &second].map(|carnet| carnet.of(&person.label));
        for words in lists(person, &formats) {
            let shown = there.run(words).data();
            assert!(shown.as_array().is_some_and(|list| !list.is_empty()), "{}: {words:?} is empty", person.label);
            if route == Route::Relay {
                assert!(shown == here.run(words).data(), "{}: {words:?} differ", person.label);
            }
        }
    }
    out_and_back(&persons, &first, &second, &other);
    let count: usize = persons.iter().map(|person| person.files.len()).sum();
    println!(
        "{count} files in {} records: {:?}; {:.0} s, of which {paired:.0} s to make, fill and pair them",
        persons.len(),
        formats.values().flatten().fold(BTreeMap::<_, u64>::new(), |mut sum, (format, _)| {
            *sum.entry(format.as_str()).or_default() += 1;
            sum
        }),
        uptime() - begun,
    );
}

/// A record of `person`, with its identity sheet where there is something to write on it.
fn make(carnet: &Carnet, person: &Person, relay: &[&str]) {
    carnet.run(&[&["init", "--name", &person.label, "--no-kit"], relay].concat()).data();
    let sheet = person.said.sheet();
    if !sheet.is_empty() {
        carnet.of(&person.label).run(&[&["profile", "add", "identity"], &sheet[..]].concat()).data();
    }
}

/// Brings the files of a person in. Whoever they name is the record's person: nothing else is warned of than files that
/// name nobody themselves.
fn import(carnet: &Carnet, person: &Person) -> Value {
    let mut words = vec!["import"];
    words.extend(person.files.iter().map(|path| text(path)));
    let ran = carnet.of(&person.label).run(&words);
    let data = ran.data();
    let expected: &[&str] = match (person.said.sheet().is_empty(), person.naming.len() == person.files.len()) {
        (true, _) => &["warning_nobody_to_compare"],
        (false, true) => &[],
        (false, false) => &["warning_person_not_said"],
    };
    assert_eq!(ran.warnings(), expected, "{}", person.label);
    data
}

/// Formats of the files of a person, and the kinds that came in, by the label of the record.
type Formats = BTreeMap<String, Vec<(String, Vec<String>)>>;

/// Brings the files of everybody in; each must be taken in whole.
fn import_all(carnet: &Carnet, persons: &[Person], formats: &mut Formats) {
    for person in persons {
        let report = import(carnet, person);
        let summaries = report["files"].as_array().expect("one summary a file");
        assert_eq!((summaries.len(), &report["failed"]), (person.files.len(), &Value::Array(Vec::new())));
        for summary in summaries {
            assert_adds_up(summary);
            assert_eq!(summary["refused"], 0, "{summary}");
            let format = summary["format"].as_str().expect("a format").to_owned();
            let kinds = summary["by_kind"].as_object().expect("counts by kind").keys().cloned().collect();
            formats.entry(person.label.clone()).or_default().push((format, kinds));
        }
    }
}

/// The second device writes a line into each record, and both learn of each other's.
fn exchange(route: Route, persons: &[Person], first: &Carnet, second: &Carnet, home: &Home) {
    let write = |person: &Person| {
        let words = ["profile", "add", "allergy", "--name", "Arachide", "--comment", "sur l'autre appareil"];
        second.of(&person.label).run(&words).data();
    };
    match route {
        Route::Relay => {
            for person in persons {
                write(person);
                sync(&second.of(&person.label));
                sync(&first.of(&person.label));
            }
        }
        Route::Direct => {
            for person in persons {
                write(person);
                // A device answers for the one record that it was told to stay connected for.
                let mut staying = first.of(&person.label).start(&["sync", "--watch"]);
                let address = staying.event("listening")["address"].as_str().expect("an address").to_owned();
                let met = second.of(&person.label).run(&["sync", "--peer", &address]).data();
                assert!(met["sent"].as_u64().is_some_and(|sent| sent > 0), "{}: {met}", person.label);
                staying.kill();
            }
        }
        Route::File => {
            for (number, person) in persons.iter().enumerate() {
                write(person);
                let path = |name: &str| home.path(&format!("{name}-{number}"));
                for (from, to, path) in [(first, second, path("there")), (second, first, path("back"))] {
                    from.of(&person.label).run(&["sync", "--file", text(&path)]).data();
                    to.run(&["sync", "--file", text(&path)]).data();
                    std::fs::remove_file(&path).expect("the stick is emptied");
                }
            }
        }
    }
}

/// The lists that cannot be empty after what was taken in.
fn lists(person: &Person, formats: &Formats) -> Vec<&'static [&'static str]> {
    let files = formats.get(&person.label).expect("every person has files");
    let has = |wanted: &str| files.iter().any(|(_, kinds)| kinds.iter().any(|kind| kind == wanted));
    let mut lists: Vec<&[&str]> = vec![&["profile", "list", "--all"]];
    for (kind, words) in [
        ("document", &["document", "list"][..]),
        ("measure", &["measure", "list"]),
        ("steps", &["measure", "list", "--sources"]),
        ("appointment", &["agenda", "list"]),
        ("contact", &["contact", "list"]),
    ] {
        if has(kind) {
            lists.push(words);
        }
    }
    lists
}

/// Every record is what it is on `first`, is taken out of `second`, whose vault is wiped, and comes back into a new
/// record as it was.
fn out_and_back(persons: &[Person], first: &Carnet, second: &Carnet, home: &Home) {
    let mut archives = Vec::new();
    for (number, person) in persons.iter().enumerate() {
        let archive = second.of(&person.label).export(&format!("all-{number}.zip"));
        let mark: Value = serde_json::from_slice(&member(&archive, "carnet.json")).expect("the mark is JSON");
        let digest = first.of(&person.label).digest();
        assert_eq!(mark["digest"], digest, "{} on the second device", person.label);
        archives.push((person, digest, archive));
    }
    std::fs::remove_dir_all(&second.vault).expect("the vault is wiped");
    let back = home.carnet("back");
    for (person, digest, archive) in archives {
        back.run(&["init", "--name", &person.label, "--no-relay", "--no-kit"]).data();
        let back = back.of(&person.label);
        back.run(&["import", text(&archive)]).data();
        assert_eq!(back.digest(), digest, "{} after the wipe", person.label);
        std::fs::remove_file(archive).expect("the archive");
    }
}

/// The vault compares the person of a file with the person of the record. Every person's record is offered a file of
/// every other person.
#[test]
fn fault_g10_no_published_file_of_one_person_enters_the_record_of_another() {
    let test = "cli_journey::fault_g10_no_published_file_of_one_person_enters_the_record_of_another";
    let Some(folder) = fixtures::folder(test) else { return };
    let home = Home::new();
    let carnet = home.carnet("vault");
    let persons = persons::of(&folder);
    let named: Vec<&Person> = persons.iter().filter(|person| !person.said.sheet().is_empty()).collect();
    let (mut refused, mut told) = (0, 0);
    for person in &named {
        make(&carnet, person, &["--no-relay"]);
        let record = carnet.of(&person.label);
        let before = record.digest();
        let other = |differs: bool| -> Vec<&str> {
            let is_meant = |other: &&&Person| {
                if differs { person.said.differs(&other.said) } else { person.said.is_apart(&other.said) }
            };
            let others = named.iter().filter(is_meant);
            others.map(|other| text(smallest(other))).collect()
        };
        let files = other(true);
        let ran = record.run(&[&["import"], &files[..]].concat());
        assert_eq!(ran.refused(1), if files.len() == 1 { "other_person" } else { "files_refused" }, "{}", person.label);
        let said = ran.json();
        let codes = said["data"]["failed"].as_array().into_iter().flatten().filter(|one| one["code"] == "other_person");
        assert_eq!(codes.count(), if files.len() == 1 { 0 } else { files.len() }, "{}: {said}", person.label);
        assert_eq!(record.digest(), before, "{}: nothing of another person was written", person.label);
        refused += files.len();
        // Nothing that both say: it comes in, and that is said.
        for file in other(false) {
            let ran = record.run(&["import", "--dry-run", file]);
            assert_eq!(ran.warnings(), ["warning_person_not_said"], "{}: {file}", person.label);
            told += 1;
        }
    }
    let nobody = persons.iter().find(|person| person.label == NOBODY).expect("some files name nobody");
    make(&carnet, nobody, &["--no-relay"]);
    let file = text(smallest(named[0]));
    let ran = carnet.of(NOBODY).run(&["import", "--dry-run", file]);
    assert_eq!(ran.warnings(), ["warning_nobody_to_compare"], "a record that says nothing of its person: {}", ran.out);
    println!("{} persons: {refused} files of others refused, {told} that say nothing comparable told", named.len());
    assert!(refused > 200, "{refused}");
}

/// The smallest file that names a person.
fn smallest(person: &Person) -> &std::path::Path {
    let size = |path: &&std::path::PathBuf| std::fs::metadata(path).map_or(u64::MAX, |about| about.len());
    person.naming.iter().min_by_key(size).expect("a person who is named is named by a file")
}
