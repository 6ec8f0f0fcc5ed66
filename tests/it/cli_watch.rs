//! A device that stays connected: what it hears, whom it answers, and how it ends.

use carnet_tests::process::{Carnet, Home, Relay, Running, copy, text};
use serde_json::{Value, json};

use crate::cli_sync::{live_devices, owner, pair, sync};

/// A device that stays connected, and where the others reach it.
pub(crate) fn staying(carnet: &Carnet) -> (Running, String) {
    let mut staying = carnet.start(&["sync", "--watch"]);
    let address = staying.event("listening")["address"].as_str().expect("an address").to_owned();
    (staying, address)
}

/// A record on two devices, with a relay that runs.
fn two(operator: &Home, home: &Home, other: &Home) -> (Relay, Carnet, Carnet) {
    let relay = Relay::new(operator);
    let (first, second) = (owner(home, &relay), other.carnet("vault"));
    pair(&first, &second, text(&home.path("ticket")));
    (relay, first, second)
}

fn write(carnet: &Carnet, name: &str) {
    carnet.run(&["profile", "add", "disease", "--name", name]).data();
}

/// The last object of a command that lasted.
fn ended((code, said): (Option<i32>, Vec<Value>)) -> (Option<i32>, Value) {
    (code, said.last().cloned().unwrap_or_default())
}

#[test]
fn a_device_that_stays_connected_learns_from_the_relay_and_serves_the_others_when_it_is_gone() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let (mut relay, first, second) = two(&operator, &home, &other);
    let (mut staying, address) = staying(&first);
    staying.event("up_to_date");
    write(&second, "Par-le-relais");
    sync(&second);
    assert!(staying.event("received")["received"].as_u64() > Some(0));
    relay.kill();
    staying.event("reconnecting");
    // The relay is gone: the two meet directly, and both learn.
    write(&second, "De-face-a-face");
    let met = second.run(&["sync", "--peer", &address]).data();
    assert!(met["sent"].as_u64() > Some(0), "{met}");
    assert!(staying.event("served")["received"].as_u64() > Some(0));
    // It comes back where it was: what the other device brought goes on to it by itself.
    relay.start();
    staying.event("connected");
    assert!(staying.event("sent")["sent"].as_u64() > Some(0));
    staying.event("up_to_date");
    assert_eq!(first.run(&["status"]).refused(75), "busy", "whoever stays connected holds the vault");
    let (code, last) = ended(staying.interrupt());
    let data = &last["data"];
    assert_eq!((code, &last["ok"], &data["served"]), (Some(0), &json!(true), &json!(1)), "{last}");
    assert!(data["received"].as_u64() > Some(1) && data["sent"].as_u64() > Some(0), "{last}");
    let listed = first.run(&["profile", "list"]).out;
    assert!(listed.contains("Par-le-relais") && listed.contains("De-face-a-face"), "{listed}");
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.run(&["doctor"]).data()["to_send"], 0);
    assert_eq!(second.run(&["sync", "--peer", "nowhere"]).refused(2), "usage");
}

#[test]
fn a_device_that_stays_connected_waits_for_a_relay_that_is_away_at_first() {
    let (operator, home) = (Home::new(), Home::new());
    let mut relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    relay.kill();
    let (mut staying, _) = staying(&first);
    staying.event("reconnecting");
    relay.start();
    staying.event("connected");
    staying.event("up_to_date");
    assert_eq!(ended(staying.interrupt()).0, Some(0));
    assert_eq!(first.run(&["doctor"]).data()["to_send"], 0, "the record was brought to the relay");
}

#[test]
fn a_device_that_is_removed_while_it_stays_connected_ends_and_says_why() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let (_relay, first, second) = two(&operator, &home, &other);
    let (mut staying, _) = staying(&second);
    staying.event("up_to_date");
    let devices = live_devices(&first);
    let id = devices.iter().find(|device| device["this"] == false).expect("the other device")["id"].clone();
    first.run(&["device", "remove", id.as_str().expect("an id"), "--yes"]).data();
    sync(&first);
    let (code, last) = ended(staying.finish());
    assert_eq!((code, &last["error"]["code"]), (Some(4), &json!("not_admitted")), "{last}");
    assert!(last["data"]["received"].is_u64(), "what came before is counted: {last}");
}

#[test]
fn atk_1_an_alarm_of_the_relay_is_told_at_once_and_at_the_end_and_the_other_devices_are_served_on() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let (mut relay, first, second) = two(&operator, &home, &other);
    let old = operator.path("old");
    relay.kill();
    copy(&relay.folder, &old);
    relay.start();
    write(&first, "Plus-tard");
    sync(&first);
    // Its operator puts an old copy of the folder back.
    relay.kill();
    std::fs::remove_dir_all(&relay.folder).expect("the store");
    copy(&old, &relay.folder);
    relay.start();
    let (mut staying, address) = staying(&first);
    assert_eq!(staying.event("alarm")["error"]["code"], "relay_alarm");
    write(&second, "De-face-a-face");
    assert!(second.run(&["sync", "--peer", &address]).data()["sent"].as_u64() > Some(0));
    assert!(staying.event("served")["received"].as_u64() > Some(0));
    let (code, last) = ended(staying.interrupt());
    assert_eq!((code, &last["error"]["code"], &last["data"]["served"]), (Some(5), &json!("relay_alarm"), &json!(1)));
    assert_eq!(first.digest(), second.digest());
}

#[test]
fn a_stranger_is_served_nothing_and_keeps_no_device_out() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let (_relay, first, second) = two(&operator, &home, &other);
    // Another record in the same vault: who stays connected for one record shows nothing of the others.
    first.run(&["init", "--name", "Autre", "--no-relay", "--no-kit"]).data();
    let second_record = Home::new();
    let joined = second_record.carnet("vault");
    let mut inviting = first.start(&["pair", "invite", "--record", "Autre", "--ticket-out", text(&home.path("autre"))]);
    inviting.event("ticket");
    let mut joining = joined.start(&["pair", "join", text(&home.path("autre")), "--name", "Autre"]);
    joining.event("code");
    inviting.event("code");
    inviting.say("same");
    joining.say("same");
    assert_eq!((ended(inviting.finish()).0, ended(joining.finish()).0), (Some(0), Some(0)));

    let elsewhere = Home::new();
    let stranger = elsewhere.vault("vault", "Quelqu'un");
    let (mut staying, address) = staying(&first);
    staying.event("up_to_date");
    for _ in 0..3 {
        assert_eq!(stranger.run(&["sync", "--peer", &address]).refused(4), "not_admitted");
        assert_eq!(joined.run(&["sync", "--peer", &address]).refused(4), "not_admitted");
    }
    write(&second, "De-face-a-face");
    assert!(second.run(&["sync", "--peer", &address]).data()["sent"].as_u64() > Some(0));
    staying.event("served");
    assert_eq!(ended(staying.interrupt()).1["data"]["served"], 1, "only one exchange took place");
}

#[test]
fn fault_a10_a_device_that_stays_connected_may_be_interrupted_or_killed_at_any_moment() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let (_relay, first, second) = two(&operator, &home, &other);
    crate::cli_record::import_samples(&first);
    sync(&first);
    // Not even the first exchange is waited for: what is in the middle is broken off.
    for turn in 0..4 {
        let (mut staying, _) = staying(&second);
        if turn % 2 == 1 {
            staying.event("connected");
        }
        if turn < 2 {
            assert_eq!(ended(staying.interrupt()).0, Some(0));
        } else {
            staying.kill();
        }
        let verified = second.run(&["doctor", "--deep"]).data();
        assert_eq!(verified["verified"], true, "{verified}");
    }
    sync(&second);
    assert_eq!(second.digest(), first.digest());
}
