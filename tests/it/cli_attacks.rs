//! Attacks that a person with several devices can meet, played out with the real programs: a device that is stolen while
//! locked, a member that publishes a lie, tickets that are not what they were, a relay that has deleted what it may.

use std::collections::BTreeSet;

use carnet_seal::passphrase::Passphrase;
use carnet_tests::process::{Carnet, Home, PASSPHRASE, Relay, copy, search, text};
use carnet_vault::{
    UnixMillis,
    pairing::Ticket,
    store::{Durability, Options, Store, Table, Unlock},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    cli_sync::{live_devices, owner, pair, pair_as, sync},
    cli_watch::staying,
};

/// Entries of which one volume is made that is long enough for a snapshot.
const ENTRIES: u32 = 60;

#[test]
fn atk_20_a_device_that_is_stolen_locked_shows_nothing_and_gets_nothing_after_its_removal() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    second.run(&["profile", "add", "disease", "--name", "Asthme-canari"]).data();
    sync(&second);
    sync(&first);
    // The thief has the disk of the second device, and no passphrase.
    let den = Home::new();
    let stolen = den.carnet("stolen");
    copy(&second.vault, &stolen.vault);
    assert!(first.run(&["profile", "list"]).out.contains("Asthme-canari"), "the control: it is in the record");
    for word in ["Asthme-canari", "Camille", "Portable", "1984-02-29", PASSPHRASE] {
        let found = search(&stolen.vault, word.as_bytes());
        assert!(found.is_empty(), "{word} is in clear on the disk: {found:?}");
    }
    for guess in ["Asthme-canari", "trois chevaux bleus devant la gare ", "0000000000"] {
        let code = stolen.with_passphrase(den.secret("guess", guess)).run(&["profile", "list"]).refused(3);
        assert_eq!(code, "wrong_passphrase", "{guess}");
    }
    // The owner removes it from another device, and goes on.
    let devices = live_devices(&first);
    let portable = devices.iter().find(|device| device["this"] == false).expect("the other device");
    first.run(&["device", "remove", portable["id"].as_str().expect("an id"), "--reason", "stolen", "--yes"]).data();
    first.run(&["profile", "add", "disease", "--name", "Ecrit-apres"]).data();
    sync(&first);
    // Later the thief comes by the passphrase: it opens what was there, and nothing that came afterwards.
    assert_eq!(stolen.run(&["sync", "--once"]).refused(4), "not_admitted");
    let shown = stolen.run(&["profile", "list", "--all"]).out;
    assert!(shown.contains("Asthme-canari") && !shown.contains("Ecrit-apres"), "{shown}");
}

#[test]
fn atk_13_a_ticket_that_is_expired_altered_used_or_of_a_relay_that_is_gone_lets_nobody_in() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let joining = other.vault("vault", "Quelqu'un");
    let (before, ours) = (joining.digest(), first.digest());
    let path = home.path("ticket");
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&path)]);
    inviting.event("ticket");
    let line = std::fs::read_to_string(&path).expect("the ticket");
    let mut expired = Ticket::parse(&line, UnixMillis(0)).expect("a ticket");
    expired.expires = UnixMillis(1_700_000_000_000);
    let expired = other.secret("expired", &expired.expose_text());
    assert_eq!(joining.run(&["pair", "join", text(&expired)]).refused(4), "ticket_closed");
    // One letter of the secret: a slot that nobody opened.
    let at = line.find("carnet").map_or(20, |start| start + 30);
    let letter = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut altered = line.clone();
    altered.replace_range(at..=at, letter);
    assert_ne!(altered, line);
    let altered = other.secret("altered", altered.trim());
    let code = joining.run(&["pair", "join", text(&altered)]).refused(4);
    assert!(["ticket_closed", "relay_refuses"].contains(&code.as_str()), "{code}");
    // It is used once, by whoever comes first; that the digits differ refuses them, and the ticket is gone.
    let stranger = Home::new();
    let mut first_to_come = stranger.carnet("vault").start(&["pair", "join", text(&path)]);
    first_to_come.event("code");
    inviting.event("code");
    inviting.say("no");
    assert_eq!(inviting.finish().0, Some(4));
    drop(first_to_come);
    assert_eq!(joining.run(&["pair", "join", text(&path)]).refused(4), "ticket_closed");
    relay.kill();
    let gone = joining.run(&["pair", "join", text(&path)]);
    assert_eq!(gone.code, Some(6), "no relay is a failure of the network: {}", gone.out);
    relay.start();
    assert_eq!((joining.digest(), first.digest()), (before, ours), "nothing changed on either side");
    assert_eq!(live_devices(&first).len(), 1);
}

#[test]
fn a_new_device_joins_through_a_relay_whose_raw_log_is_gone() {
    let (operator, home, other, third) = (Home::new(), Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let (first, second) = two_with_a_long_volume(&home, &other, &relay);
    // One makes a snapshot, the other fetches it back and confirms it.
    for carnet in [&first, &second, &first] {
        sync(carnet);
    }
    relay.kill();
    let collected = relay.collect();
    assert!(collected["envelopes"].as_u64().is_some_and(|count| count > 0), "{collected}");
    relay.start();
    let deleted = relay.audit();
    let sections = deleted["records"][0]["sections"].as_array().expect("sections").clone();
    let count: u64 = sections.iter().filter_map(|section| section["deleted"].as_u64()).sum();
    assert_eq!(collected["envelopes"], count, "{deleted}");

    first.run(&["profile", "add", "allergy", "--name", "Ecrit-apres"]).data();
    let joined = third.carnet("vault");
    pair_as(&first, &joined, text(&home.path("ticket-3")), "Camille");
    assert_eq!(joined.digest(), first.digest());
    let allergies = joined.run(&["profile", "list", "allergy"]).data();
    assert_eq!(allergies.as_array().map(Vec::len), Some(ENTRIES as usize + 2));
    joined.run(&["profile", "add", "allergy", "--name", "De-la-tablette"]).data();
    for carnet in [&joined, &first, &second] {
        sync(carnet);
    }
    assert_eq!((second.digest(), first.digest()), (joined.digest(), joined.digest()));
}

/// A relay that forks is made of an honest one whose folder is doubled: each device meets its own copy, under one key.
#[test]
fn atk_2_two_devices_that_a_relay_keeps_apart_are_told_when_they_meet_by_file() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    for carnet in [&second, &first, &second] {
        sync(carnet);
    }
    relay.kill();
    let (here, there) = (relay.folder.clone(), operator.path("there"));
    copy(&here, &there);
    for (carnet, folder, names) in [(&first, &here, ["Asthme", "Eczema"]), (&second, &there, ["Rougeole", "Varicelle"])]
    {
        relay.folder.clone_from(folder);
        relay.start();
        for name in names {
            carnet.run(&["profile", "add", "disease", "--name", name]).data();
            sync(carnet);
        }
        relay.kill();
    }
    let path = home.path("exchange");
    first.run(&["sync", "--file", text(&path)]).data();
    let met = second.run(&["sync", "--file", text(&path)]);
    assert_eq!((met.refused(5), &met.json()["data"]["received"]), ("relay_contradicted".to_owned(), &json!(2)));
    let status = second.run(&["status"]);
    assert!(status.warnings().contains(&"warning_relay_contradicted".to_owned()), "{}", status.out);
    let devices = live_devices(&first);
    let author = devices.iter().find(|device| device["this"] == true).expect("the first device");
    let found = &status.data()["records"][0]["relay_contradicted"];
    assert_eq!((&found["kind"], &found["device"]), (&json!("split"), &author["id"]));
    let log = second.run(&["log", "list"]).out;
    assert!(log.contains("relay-contradicted"), "{log}");
    // The devices go on: all of it is shown, what is written is sent, and a person ends the alarm.
    let shown = second.run(&["profile", "list"]).out;
    assert!(["Asthme", "Eczema", "Rougeole", "Varicelle"].iter().all(|name| shown.contains(name)), "{shown}");
    relay.start();
    second.run(&["profile", "add", "disease", "--name", "Ecrit-apres"]).data();
    assert_eq!(second.run(&["sync", "--once"]).refused(5), "relay_contradicted");
    assert_eq!(second.run(&["doctor"]).data()["to_send"], 0, "it was sent all the same");
    // Who stays connected is told once, and goes on: it may be the device that lies.
    let (mut staying, address) = staying(&second);
    assert_eq!(staying.event("alarm")["error"]["code"], "relay_contradicted");
    first.run(&["profile", "add", "disease", "--name", "Ecrit-ensuite"]).data();
    let met = first.run(&["sync", "--peer", &address]);
    assert_eq!(met.refused(5), "relay_contradicted", "it sees the other history now");
    // What the one brought goes on to the relay.
    assert!(staying.event("sent")["sent"].as_u64() > Some(0));
    let (code, said) = staying.interrupt();
    let alarms = said.iter().filter(|said| said["event"] == "alarm").count();
    let last = said.last().expect("how it ended");
    assert_eq!((code, &last["error"]["code"], alarms), (Some(5), &json!("relay_contradicted"), 0));
    second.run(&["sync", "--trust-again", "--yes"]).data();
    sync(&second);
    assert!(second.run(&["status"]).data()["records"][0]["relay_contradicted"].is_null());
}

/// A member that lies is made of an honest device whose stored envelopes are altered behind its back: in one bit of each
/// signature. What it makes its snapshot's anchors of is then no proof any more.
#[test]
fn atk_16_one_altered_anchor_has_the_snapshot_rejected_and_the_raw_log_stays() {
    let (operator, home, other, third) = (Home::new(), Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    second.run(&["profile", "add", "allergy", "--name", "De-l-autre"]).data();
    for carnet in [&second, &first] {
        sync(carnet);
    }
    alter_signatures(&first);
    write_a_long_volume(&first);
    let lied = sync(&first);
    assert!(lied["objects_sent"].as_u64().is_some_and(|count| count > 0), "it published a snapshot: {lied}");
    let ran = second.run(&["sync", "--once"]);
    assert_eq!(ran.data()["snapshots_rejected"], 1, "{}", ran.out);
    assert_eq!(ran.warnings(), ["warning_snapshot_rejected"]);
    assert_eq!(second.digest(), first.digest(), "what it stands for came all the same");
    // Nobody confirmed it, so nothing of the raw log may go, and a new device has everything.
    let joined = third.carnet("vault");
    pair_as(&second, &joined, text(&other.path("ticket-3")), "Camille");
    assert_eq!(joined.digest(), second.digest());
    assert_eq!(joined.run(&["profile", "list", "allergy"]).data().as_array().map(Vec::len), Some(ENTRIES as usize + 1));
}

/// Two devices of a record in which one volume is due for a snapshot.
fn two_with_a_long_volume(home: &Home, other: &Home, relay: &Relay) -> (Carnet, Carnet) {
    let first = owner(home, relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    second.run(&["profile", "add", "allergy", "--name", "De-l-autre"]).data();
    for carnet in [&second, &first] {
        sync(carnet);
    }
    write_a_long_volume(&first);
    (first, second)
}

/// Entries of which no part repeats, so that they stay long when they are compressed.
fn write_a_long_volume(carnet: &Carnet) {
    let mut rng = StdRng::seed_from_u64(7);
    let entries: Vec<Value> = (0..ENTRIES)
        .map(|number| {
            let comment: String = (0..400).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect();
            json!({"kind": "allergy", "name": format!("Allergene {number}"), "comment": comment})
        })
        .collect();
    let ran = carnet.run_with(&["profile", "add", "--from-json", "-"], &Value::Array(entries).to_string());
    ran.data();
}

/// Flips one bit of the signature of every envelope in the closed vault of `carnet`.
fn alter_signatures(carnet: &Carnet) {
    const ENVELOPES: Table = Table::new("envelope");
    let passphrase = Passphrase::new(PASSPHRASE.as_bytes()).expect("a passphrase");
    let unlock = Unlock::Passphrase(&passphrase);
    let store = Store::open(&carnet.vault, unlock, Options::default(), StdRng::seed_from_u64(1)).expect("the vault");
    let rows: Vec<_> = store.read().and_then(|reader| reader.range(ENVELOPES, ..)?.collect()).expect("rows");
    let mut writer = store.write(Durability::Acknowledged).expect("a writer");
    let mut authors = BTreeSet::new();
    for (key, mut row) in rows {
        // The key is record, feed and place; the signature ends the row.
        authors.insert(key[32..48].to_vec());
        *row.last_mut().expect("an envelope") ^= 1;
        writer.put(ENVELOPES, &key, &row).expect("a row");
    }
    writer.commit().expect("a commit");
    store.close().expect("the vault closes");
    assert!(authors.len() >= 2, "envelopes of both devices");
}
