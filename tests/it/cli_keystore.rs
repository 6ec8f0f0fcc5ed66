//! The keyring of the account as a lock of the vault, with a real keyring: GNOME Keyring on a bus of its own.

use carnet_tests::{
    keyring::{Bus, Keyring},
    process::{Carnet, Home, text},
};
use serde_json::json;

const INIT: [&str; 5] = ["init", "--name", "Ana", "--no-relay", "--no-kit"];

/// A vault that the keyring opens.
fn with_keystore(home: &Home, keyring: &Keyring) -> Carnet {
    let carnet = home.carnet("vault").on_bus(&keyring.bus.address);
    carnet.run(&[&INIT[..], &["--keystore"]].concat()).data();
    carnet
}

#[test]
fn a_keyring_opens_the_vault_without_a_passphrase_until_it_is_taken_back() {
    let test = "cli_keystore::a_keyring_opens_the_vault_without_a_passphrase_until_it_is_taken_back";
    let Some(keyring) = Keyring::start(test) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    carnet.run_locked(&["measure", "add", "weight", "72"]).data();
    assert_eq!(carnet.run_locked(&["measure", "list"]).data().as_array().map(Vec::len), Some(1));
    assert_eq!(carnet.run_locked(&["doctor", "--deep"]).data()["locks"], json!(["passphrase", "keystore"]));
    assert_eq!(carnet.run_locked(&["status"]).data()["keystore"], "ready");
    let locked = carnet.run_locked(&["lock"]);
    assert_eq!(locked.warnings(), ["warning_keyring_opens"], "what stays true after `lock` is said");
    assert_eq!(locked.data()["keystore"], "ready");
    assert_eq!(carnet.run_locked(&["status"]).code, Some(0), "and is true");

    assert_eq!(carnet.run_locked(&["unlock", "--keystore"]).data()["keystore"], true);
    assert_eq!(keyring.entries().len(), 1, "the key before is taken out");
    let taken = carnet.run_locked(&["unlock", "--no-keystore"]);
    assert_eq!(taken.data()["was_there"], true);
    assert!(taken.warnings().is_empty() && keyring.entries().is_empty(), "{:?}", keyring.entries());
    assert_eq!(carnet.run_locked(&["status"]).refused(3), "no_terminal");
    let status = carnet.run(&["status"]).data();
    assert_eq!(status["keystore"], json!(null));
    assert_eq!(carnet.run(&["lock"]).warnings(), [""; 0]);
    assert_eq!(carnet.run(&["unlock", "--no-keystore"]).data()["was_there"], false);
}

#[test]
fn a_vault_whose_key_left_the_keyring_asks_for_its_passphrase_and_says_why() {
    let test = "cli_keystore::a_vault_whose_key_left_the_keyring_asks_for_its_passphrase_and_says_why";
    let Some(keyring) = Keyring::start(test) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    keyring.clear();
    let refused = carnet.run_locked(&["status"]);
    assert_eq!(refused.refused(3), "keyring_passed_over");
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("it has no key for this vault"));
    assert_eq!(carnet.run_locked(&["lock"]).warnings(), ["warning_keyring_may_open"]);
    assert_eq!(carnet.run(&["status"]).data()["keystore"], "no_entry", "a passphrase that is given opens as ever");

    let mut screen = carnet.at_terminal_locked(&["status"]);
    screen.until("The keyring of your account did not open the vault: it has no key for this vault");
    screen.until("Passphrase: ");
    drop(screen);
    let said = carnet.talk(&["status"]);
    assert!(said.out.contains("but not now: it has no key for this vault"), "{}", said.out);
    carnet.run(&["unlock", "--keystore"]).data();
    assert_eq!(carnet.run_locked(&["status"]).data()["keystore"], "ready");
}

/// A thief of the machine, a copy on another one, a desk that was left: only who is signed in is let in.
#[test]
fn atk_20_a_locked_keyring_another_account_and_a_copy_elsewhere_open_nothing() {
    let test = "cli_keystore::atk_20_a_locked_keyring_another_account_and_a_copy_elsewhere_open_nothing";
    let (Some(keyring), Some(other)) = (Keyring::start(test), Keyring::start(test)) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    assert_eq!(carnet.run_locked(&["status"]).code, Some(0), "the control");
    let elsewhere = carnet.clone().on_bus(&other.bus.address);
    assert_eq!(elsewhere.run_locked(&["status"]).refused(3), "keyring_passed_over");
    assert_eq!(elsewhere.run(&["status"]).data()["keystore"], "no_entry");
    let nowhere = carnet.without_bus();
    assert_eq!(nowhere.run_locked(&["status"]).refused(3), "keyring_passed_over");
    assert_eq!(nowhere.run(&["status"]).data()["keystore"], "absent");

    keyring.lock();
    let refused = carnet.run_locked(&["status"]);
    assert_eq!(refused.refused(3), "keyring_passed_over");
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("it is locked"));
    assert_eq!(carnet.run(&["status"]).data()["keystore"], "locked");
    assert_eq!(carnet.run(&["unlock", "--keystore"]).refused(3), "keyring_locked");
    let new = home.carnet("new").on_bus(&keyring.bus.address);
    assert_eq!(new.run(&[&INIT[..], &["--keystore"]].concat()).refused(3), "keyring_locked");
    assert!(!new.vault.exists(), "nothing is made");
    let stays = carnet.run(&["unlock", "--no-keystore"]);
    assert_eq!(stays.warnings(), ["warning_keyring_key_stays"], "its key could not be taken out");
    assert_eq!(carnet.run(&["doctor"]).data()["locks"], json!(["passphrase"]), "and opens nothing any more");
}

#[test]
fn a_changed_passphrase_leaves_the_keyring_as_it_was() {
    let test = "cli_keystore::a_changed_passphrase_leaves_the_keyring_as_it_was";
    let Some(keyring) = Keyring::start(test) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    let name = keyring.entries();
    let new = home.secret("new", "quatre tulipes sous la pluie");
    let changed = carnet.run(&["unlock", "--new-passphrase-file", text(&new)]);
    assert_eq!((changed.warnings().len(), changed.data()["rekeyed"].clone()), (0, json!(true)));
    assert_eq!(carnet.run_locked(&["status"]).data()["keystore"], "ready");
    assert_eq!(keyring.entries().len(), 1);
    assert_ne!(keyring.entries(), name, "the vault has a new key, so the keyring has one too");
    let carnet = carnet.with_passphrase(new);
    let habit = home.secret("habit", "cinq renards dans la neige");
    carnet.run(&["unlock", "--new-passphrase-file", text(&habit), "--reason", "habit"]).data();
    assert_eq!(carnet.run_locked(&["status"]).data()["keystore"], "ready");
    let carnet = carnet.with_passphrase(habit);
    keyring.clear();
    let last = home.secret("last", "six hiboux sur le grenier");
    let changed = carnet.run(&["unlock", "--new-passphrase-file", text(&last)]);
    assert_eq!(changed.warnings(), ["warning_keyring_not_carried_over"]);
    assert_eq!(carnet.with_passphrase(last).run(&["doctor"]).data()["locks"], json!(["passphrase"]));
    assert!(keyring.entries().is_empty(), "no key is made for a keyring that had none");
}

#[test]
fn fault_j_the_keyring_learns_nothing_of_the_person_or_the_vault() {
    let test = "cli_keystore::fault_j_the_keyring_learns_nothing_of_the_person_or_the_vault";
    let Some(keyring) = Keyring::start(test) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    let record = carnet.run(&["status"]).data()["records"][0]["id"].as_str().expect("an id").to_owned();
    let entries = keyring.entries();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let words: Vec<&str> = entry.split('"').skip(1).step_by(2).collect();
    let told = words.iter().filter(|word| !["application", "carnet", "vault-key", "Carnet"].contains(word));
    let told: Vec<&&str> =
        told.filter(|word| !word.starts_with("xdg:") && **word != "org.freedesktop.Secret.Generic").collect();
    let [name] = told.as_slice() else { panic!("more than a name: {told:?}") };
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert!(!record.contains(**name), "{name} and {record}");
}

#[test]
fn fault_e7_a_keyring_that_does_not_answer_keeps_nobody_out() {
    let test = "cli_keystore::fault_e7_a_keyring_that_does_not_answer_keeps_nobody_out";
    let Some(keyring) = Keyring::start(test) else { return };
    let home = Home::new();
    let carnet = with_keystore(&home, &keyring);
    keyring.silence();
    assert_eq!(carnet.run_locked(&["profile", "list"]).refused(3), "keyring_passed_over");
    assert_eq!(carnet.run(&["profile", "list"]).code, Some(0));
    let new = home.carnet("new").on_bus(&keyring.bus.address);
    assert_eq!(new.run(&[&INIT[..], &["--keystore"]].concat()).refused(1), "keyring");
    assert!(!new.vault.exists(), "nothing is made");
}

/// A machine without a desktop, and a desktop without a keyring.
#[test]
fn without_a_keyring_it_is_said_and_nothing_is_made() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    let words = [&INIT[..], &["--keystore"]].concat();
    let refused = carnet.run(&words);
    assert_eq!(refused.refused(1), "no_keyring");
    assert!(refused.json()["error"]["hint"].as_str().unwrap().contains("without --keystore"));
    assert!(!carnet.vault.exists(), "nothing is made");
    carnet.run(&INIT).data();
    assert_eq!(carnet.run(&["unlock", "--keystore"]).refused(1), "no_keyring");
    assert_eq!(carnet.run(&["doctor"]).data()["locks"], json!(["passphrase"]));
}

#[test]
fn on_a_bus_without_a_keyring_it_is_said_and_nothing_is_made() {
    let test = "cli_keystore::on_a_bus_without_a_keyring_it_is_said_and_nothing_is_made";
    let Some(bus) = Bus::start(test) else { return };
    let home = Home::new();
    let carnet = home.carnet("vault").on_bus(&bus.address);
    assert_eq!(carnet.run(&[&INIT[..], &["--keystore"]].concat()).refused(1), "no_keyring");
    assert!(!carnet.vault.exists(), "nothing is made");
}
