//! The main job from end to end, on the command line alone: one record, two devices, a relay that can read nothing.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt as _, time::Duration};

use carnet_tests::process::{Carnet, Home, Ran, Relay, member, members, search, text, uptime, wait};
use serde_json::{Value, json};

use crate::cli_record::{import_samples, samples};

/// Words of the samples and of what is typed, which the relay must not hold. Each stands in clear in an export.
const KNOWN: [&str; 6] = ["DUFRESNE", "24331-1", "Bilan lipidique", "Asthme-canari", "heart-rate", "1984-02-29"];
/// How often a synchronisation is killed.
const KILLS: u32 = 8;

/// A record of the person of the samples, known to a relay, with its recovery kit in `kit.pdf`.
pub(crate) fn owner(home: &Home, relay: &Relay) -> Carnet {
    let carnet = home.carnet("vault");
    let kit = home.path("kit.pdf");
    let words =
        ["init", "--name", "Camille", "--birth", "1984-02-29", "--relay", &relay.address, "--device", "Ordinateur"];
    carnet.run(&[&words[..], &["--kit-out", text(&kit)]].concat()).data();
    carnet
}

/// Adds `second` to the record of `first` with a ticket: both sides must show the same six digits.
pub(crate) fn pair(first: &Carnet, second: &Carnet, ticket: &str) -> (Value, Value) {
    pair_as(first, second, ticket, "Camille")
}

/// The same; on `second` the record is called `name`.
pub(crate) fn pair_as(first: &Carnet, second: &Carnet, ticket: &str, name: &str) -> (Value, Value) {
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", ticket]);
    inviting.event("ticket");
    let mut joining = second.start(&["pair", "join", ticket, "--label", "Portable", "--name", name]);
    let shown = joining.event("code")["code"].clone();
    let digits = shown.as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).count();
    assert_eq!(digits, 6, "{shown}");
    assert_eq!(inviting.event("code")["code"], shown, "both sides show the same digits");
    inviting.say("identique");
    joining.say("same");
    let (invited, joined) = (ended(inviting.finish()), ended(joining.finish()));
    assert_eq!(invited["data"]["label"], "Portable");
    (invited, joined)
}

/// The last object of a command that lasted, which must have done what was asked.
fn ended((code, said): (Option<i32>, Vec<Value>)) -> Value {
    let last = said.last().cloned().unwrap_or_default();
    assert!(code == Some(0) && last["ok"] == true, "{code:?} {said:#?}");
    last
}

pub(crate) fn sync(carnet: &Carnet) -> Value {
    carnet.run(&["sync", "--once"]).data()
}

#[test]
fn a_record_goes_to_a_second_device_through_a_relay_that_can_read_nothing() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    import_samples(&first);
    first.run(&["profile", "add", "disease", "--name", "Asthme-canari"]).data();
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    assert_eq!(second.digest(), first.digest(), "the second device has the record unchanged");
    assert_eq!(listed(&second), listed(&first));
    assert_eq!(contents(&second), contents(&first), "and its papers, byte for byte");

    // Each writes while it does not see the other; both find both.
    second.run(&["measure", "add", "weight", "64.5", "--comment", "sur le portable"]).data();
    first.run(&["profile", "add", "allergy", "--name", "Pollen"]).data();
    assert_ne!(second.digest(), first.digest());
    for carnet in [&first, &second, &first] {
        let synced = sync(carnet);
        for count in ["bytes_sent", "bytes_received", "round_trips"] {
            assert!(synced[count].as_u64() > Some(0), "{synced}");
        }
    }
    assert_eq!(second.digest(), first.digest());
    assert!(listed(&first).contains("sur le portable") && listed(&second).contains("Pollen"));

    blind(&relay, &first);
    let audit = relay.audit();
    println!(
        "the relay holds: {}",
        json!({"status": audit["status"], "records": audit["records"].as_array().map(Vec::len)})
    );
    assert_eq!(audit["records"].as_array().map(Vec::len), Some(1));
    assert_eq!(audit["records"][0]["authors"].as_array().map(Vec::len), Some(1), "{audit}");
}

/// What the record shows in lists, as one text.
fn listed(carnet: &Carnet) -> String {
    let lists: [&[&str]; 5] = [
        &["profile", "list", "--all"],
        &["measure", "list"],
        &["measure", "list", "--sources"],
        &["document", "list"],
        &["log", "verify"],
    ];
    let said = lists.map(|words| {
        let data = carnet.run(words).data();
        if words[0] == "log" { data["holds"].to_string() } else { data.to_string() }
    });
    said.join("\n")
}

/// The names of the papers in an export, which are the hashes of their bytes; reading one checks it.
fn contents(carnet: &Carnet) -> BTreeSet<String> {
    let archive = carnet.export("papers.zip");
    let names: BTreeSet<String> = members(&archive).into_iter().filter(|name| name.starts_with("files/")).collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in &names {
        assert!(!member(&archive, name).is_empty(), "{name}");
    }
    std::fs::remove_file(&archive).expect("the export");
    names
}

/// Nothing that is known of the record stands in clear at the relay; the same search finds it in an export.
fn blind(relay: &Relay, carnet: &Carnet) {
    let archive = carnet.export("control.zip");
    let control = Home::new();
    for (at, name) in members(&archive).iter().enumerate() {
        control.file(&format!("member-{at}"), member(&archive, name));
    }
    std::fs::remove_file(&archive).expect("the export");
    let papers = ["radiographie.pdf", "scan.png"].map(|name| {
        let bytes = std::fs::read(format!("{}/{name}", samples())).expect("a sample");
        bytes[bytes.len() / 2..bytes.len() / 2 + 24].to_vec()
    });
    let needles = KNOWN.iter().map(|word| word.as_bytes().to_vec()).chain(papers);
    for needle in needles {
        let shown = String::from_utf8_lossy(&needle).into_owned();
        assert!(!search(&control.path(""), &needle).is_empty(), "the control does not find {shown}");
        let found = search(&relay.folder, &needle);
        assert!(found.is_empty(), "{shown} is at the relay: {found:?}");
    }
}

#[test]
fn with_no_relay_running_devices_meet_directly_and_by_file() {
    let (home, other) = (Home::new(), Home::new());
    let first = home.carnet("vault");
    let kit = home.path("kit.pdf");
    let words = ["init", "--name", "Camille", "--birth", "1984-02-29", "--no-relay", "--kit-out", text(&kit)];
    first.run(&words).data();
    import_samples(&first);
    let second = other.carnet("vault");
    // Directly: the device that invites hands the whole record over.
    pair(&first, &second, text(&home.path("ticket")));
    assert_eq!(second.digest(), first.digest());
    assert_eq!(contents(&second), contents(&first));

    // By a file, such as a stick carries it: both ways, and nobody else can read it.
    second.run(&["profile", "add", "disease", "--name", "Asthme-canari"]).data();
    first.run(&["measure", "add", "weight", "64.5"]).data();
    let stick = Home::new();
    for (from, to, name) in [(&second, &first, "there"), (&first, &second, "back")] {
        let path = stick.path(name);
        from.run(&["sync", "--file", text(&path)]).data();
        to.run(&["sync", "--file", text(&path)]).data();
    }
    assert_eq!(second.digest(), first.digest());
    assert!(first.run(&["profile", "list"]).out.contains("Asthme-canari"));
    for word in KNOWN {
        let found = search(&stick.path(""), word.as_bytes());
        assert!(found.is_empty(), "{word} is in clear on the stick: {found:?}");
    }
    let elsewhere = Home::new();
    let stranger = elsewhere.vault("vault", "Quelqu'un");
    let before = stranger.digest();
    assert_ne!(stranger.run(&["sync", "--file", text(&stick.path("there"))]).code, Some(0));
    assert_eq!(stranger.digest(), before);
}

#[test]
fn atk_22_both_vaults_are_deleted_and_the_kit_brings_the_record_back() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    import_samples(&first);
    second.run(&["profile", "add", "disease", "--name", "Asthme-canari"]).data();
    let stick = home.path("stick");
    for carnet in [&first, &second, &first] {
        sync(carnet);
    }
    let (digest, papers) = (first.digest(), contents(&first));
    sync(&first);
    first.run(&["sync", "--file", text(&stick)]).data();
    let id = first.run(&["record", "show"]).data()["id"].as_str().expect("an id").to_owned();
    for carnet in [&first, &second] {
        std::fs::remove_dir_all(&carnet.vault).expect("the device is lost");
    }

    let words = words_of(&std::fs::read(home.path("kit.pdf")).expect("the sheet"));
    let wrong = words.replacen(words.split(' ').next().unwrap_or_default(), "zoo", 1);
    let from_relay = ["--id", &id, "--relay", &relay.address];
    assert_ne!(restored(&home, "wrong", &wrong, &from_relay).1.code, Some(0));
    for (name, from) in [("relay", &from_relay[..]), ("file", &["--from", text(&stick)])] {
        let (carnet, ran) = restored(&home, name, &words, from);
        ran.data();
        assert_eq!(carnet.digest(), digest, "restored from a {name}");
        assert_eq!(contents(&carnet), papers);
        let live = live_devices(&carnet);
        assert_eq!(live.len(), 1, "the lost devices have no place any more: {live:?}");
        let verified = carnet.run(&["doctor", "--deep"]).data();
        assert_eq!((&verified["verified"], &verified["missing_files"]), (&json!(true), &json!(0)));
    }
}

/// A new vault in which the record was restored with `words`, and what the command said.
pub(crate) fn restored(home: &Home, name: &str, words: &str, from: &[&str]) -> (Carnet, Ran) {
    let carnet = home.carnet(name);
    let more = ["recovery", "restore", "--words-fd", "0", "--name", "Camille", "--yes"];
    let ran = carnet.run_with(&[&more[..], from].concat(), &format!("{words}\n"));
    (carnet, ran)
}

/// The 24 words of a printed kit.
pub(crate) fn words_of(sheet: &[u8]) -> String {
    let page = String::from_utf8_lossy(sheet);
    let group = |number: usize| {
        let start = page.find(&format!("({number}.  ")).expect("the group is on the sheet");
        let line = page[start..].split(')').next().unwrap_or_default();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let words: Vec<String> = (1..=6).flat_map(group).collect();
    assert_eq!(words.len(), 24);
    words.join(" ")
}

#[test]
fn digits_that_are_not_said_to_be_the_same_let_nobody_in() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let before = first.digest();
    let (ticket, second) = (home.path("ticket"), other.carnet("vault"));
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&ticket), "--yes"]);
    inviting.event("ticket");
    let mut joining = second.start(&["pair", "join", text(&ticket), "--yes"]);
    joining.event("code");
    inviting.event("code");
    // `--yes` is no answer to it, nor is anything but the word.
    inviting.say("yes");
    joining.say("same");
    let (code, said) = inviting.finish();
    let last = said.last().cloned().unwrap_or_default();
    assert_eq!((code, &last["error"]["code"]), (Some(4), &json!("codes_differ")), "{said:#?}");
    // The other side learns it, and keeps nothing of it.
    let (code, said) = joining.finish();
    let last = said.last().cloned().unwrap_or_default();
    assert_eq!((code, &last["error"]["code"]), (Some(4), &json!("invitation_ended")), "{said:#?}");
    assert!(last["error"]["hint"].as_str().is_some_and(|hint| hint.contains("new invitation")), "{last}");
    assert_eq!(second.run(&["record", "list"]).data(), json!([]));
    assert_eq!(first.digest(), before);
    assert_eq!(live_devices(&first).len(), 1);

    // The ticket was used up by that.
    let late = other.carnet("late").run(&["pair", "join", text(&ticket)]);
    assert_ne!(late.code, Some(0), "{}", late.out);
}

#[test]
fn fault_j_a_ticket_that_is_none_is_refused_and_not_repeated() {
    let (operator, home) = (Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let wrong = home.secret("wrong", "carnet-ticket-hunter2hunter2");
    let ran = home.carnet("second").run(&["pair", "join", text(&wrong)]);
    assert_eq!(ran.refused(2), "not_a_ticket");
    assert!(!format!("{}{}", ran.out, ran.err).contains("hunter2"), "{}", ran.out);
    assert_eq!(first.run(&["pair", "invite"]).refused(2), "ticket_needs_place", "a ticket goes to no log");
}

pub(crate) fn live_devices(carnet: &Carnet) -> Vec<Value> {
    let devices = carnet.run(&["device", "list"]).data();
    let is_live = |device: &&Value| device["live"] == true && device["kit"] == false;
    devices.as_array().expect("a list").iter().filter(is_live).cloned().collect()
}

#[test]
fn a_device_that_is_removed_gets_nothing_that_is_written_afterwards() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let devices = live_devices(&first);
    assert_eq!(devices.len(), 2, "{devices:?}");
    let names: Vec<&Value> = devices.iter().map(|device| &device["name"]).collect();
    assert!(names.contains(&&json!("Portable")), "{names:?}");
    let portable = devices.iter().find(|device| device["this"] == false).expect("the other device");
    let id = portable["id"].as_str().expect("an id");
    let removed = first.run(&["device", "remove", id, "--reason", "stolen", "--yes"]).data();
    assert_eq!(
        (&removed["to_send"], &removed["sync"]["not_taken"]),
        (&json!(0), &json!(0)),
        "the relay knows: {removed}"
    );
    first.run(&["profile", "add", "disease", "--name", "Ecrit-apres"]).data();
    sync(&first);
    assert_eq!(live_devices(&first).len(), 1);

    // The removed device is a process with its own old vault, and a copy of it from before.
    assert_eq!(second.run(&["status"]).data()["records"][0]["standing"], "member", "it was told nothing yet");
    let told = second.run(&["sync", "--once"]);
    assert_eq!(told.refused(4), "not_admitted");
    let status = second.run(&["status"]);
    assert_eq!(status.data()["records"][0]["standing"], "turned_away");
    assert!(status.warnings().contains(&"warning_turned_away".to_owned()), "{:?}", status.warnings());
    assert!(!second.run(&["profile", "list", "--all"]).out.contains("Ecrit-apres"));
    second.run(&["profile", "add", "disease", "--name", "Ecrit-par-le-voleur"]);
    second.run(&["sync", "--once"]);
    sync(&first);
    assert!(!first.run(&["profile", "list", "--all"]).out.contains("Ecrit-par-le-voleur"));
}

#[test]
fn a_device_is_removed_only_where_its_relay_can_be_told() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let devices = live_devices(&first);
    let id = devices.iter().find(|device| device["this"] == false).expect("the other device")["id"].clone();
    let remove = ["device", "remove", id.as_str().expect("an id"), "--yes"];
    relay.kill();
    assert_eq!(first.run(&remove).refused(6), "unreachable");
    assert_eq!(live_devices(&first).len(), 2, "nothing was signed");
    relay.start();
    first.run(&remove).data();
    assert_eq!(second.run(&["sync"]).refused(4), "not_admitted");

    // It comes back as any other device does: invited, with its digits compared. What it has is brought up to date.
    first.run(&["profile", "add", "disease", "--name", "Entre-temps"]).data();
    sync(&first);
    pair(&first, &second, text(&home.path("again")));
    assert_eq!(second.run(&["status"]).data()["records"][0]["standing"], "member");
    assert!(second.run(&["profile", "list"]).out.contains("Entre-temps"));
    second.run(&["profile", "add", "disease", "--name", "De-retour"]).data();
    sync(&second);
    sync(&first);
    assert_eq!(second.digest(), first.digest());
}

#[test]
fn atk_1_a_relay_that_went_back_is_told_and_taken_again_only_by_a_persons_word() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let old = operator.path("old");
    relay.kill();
    carnet_tests::process::copy(&relay.folder, &old);
    relay.start();
    first.run(&["profile", "add", "disease", "--name", "Asthme-canari"]).data();
    sync(&first);
    sync(&second);
    let digest = first.digest();
    // Its operator puts an old copy of the folder back.
    relay.kill();
    std::fs::remove_dir_all(&relay.folder).expect("the store");
    carnet_tests::process::copy(&old, &relay.folder);
    relay.start();
    for carnet in [&first, &second] {
        assert_eq!(carnet.run(&["sync"]).refused(5), "relay_alarm");
        assert_eq!(carnet.digest(), digest, "nothing was lost here");
    }
    assert_eq!(first.run(&["sync", "--trust-again"]).refused(2), "confirmation_needed");
    assert_eq!(first.run(&["sync"]).refused(5), "relay_alarm", "it is not forgotten by itself");
    first.run(&["sync", "--trust-again", "--yes"]).data();
    second.run(&["sync", "--trust-again", "--yes"]).data();
    second.run(&["profile", "add", "disease", "--name", "Apres-tout"]).data();
    for carnet in [&second, &first, &second] {
        sync(carnet);
    }
    assert_eq!(first.digest(), second.digest());
    assert!(first.run(&["profile", "list"]).out.contains("Apres-tout"));
    // The relay has everything again: a new device needs nobody else.
    let third = Home::new();
    let late = third.carnet("vault");
    pair(&first, &late, text(&home.path("late")));
    assert_eq!(late.digest(), first.digest());
}

#[test]
fn fault_a10_a_sync_that_is_killed_at_any_moment_loses_nothing_and_goes_on() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    import_samples(&first);
    let begun = uptime();
    sync(&second);
    let took = uptime() - begun;
    let mut at_work = 0;
    for kill in 0..KILLS {
        first.run(&["measure", "add", "weight", &format!("7{kill}.5")]).data();
        let side = if kill % 2 == 0 { &first } else { &second };
        let running = side.start(&["sync", "--once"]);
        wait(Duration::from_secs_f64(took * f64::from(kill + 3) / f64::from(KILLS + 6)));
        at_work += u32::from(running.kill().signal() == Some(9));
        if kill % 4 == 3 {
            relay.kill();
            relay.start();
        }
    }
    println!("{KILLS} kills, {at_work} at work; the relay was killed {} times", KILLS / 4);
    assert!(at_work >= KILLS / 2, "only {at_work} kills hit a running sync");
    for carnet in [&first, &second, &first] {
        sync(carnet);
    }
    assert_eq!(second.digest(), first.digest());
    let typed = second.run(&["measure", "list", "weight"]).data();
    let sevens = typed.as_array().expect("a list").iter().filter(|one| {
        one["value"]["value"].as_str().is_some_and(|value| value.starts_with('7') && value.ends_with(".5"))
    });
    assert_eq!(sevens.count(), KILLS as usize, "every acknowledged measure is there");
    for carnet in [&first, &second] {
        let verified = carnet.run(&["doctor", "--deep"]).data();
        assert_eq!((&verified["verified"], &verified["to_send"]), (&json!(true), &json!(0)));
    }
}

#[test]
fn without_its_relay_a_record_is_kept_and_the_failure_is_said() {
    let (operator, home) = (Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    sync(&first);
    relay.kill();
    first.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    let ran: Ran = first.run(&["sync", "--once"]);
    assert_eq!(ran.code, Some(6), "no relay is a failure of the network: {}", ran.out);
    assert!(first.run(&["profile", "list"]).out.contains("Asthme"));
    relay.start();
    assert!(sync(&first)["sent"].as_u64().is_some_and(|sent| sent > 0), "what waited is sent");
}
