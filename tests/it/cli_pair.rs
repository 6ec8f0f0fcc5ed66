//! Adding a device as people do it: on a screen, with a code that is read out, with a code that a camera reads.

use carnet_tests::{
    process::{Carnet, Home, Relay, interrupt, text},
    terminal::{Terminal, read_qr},
};
use serde_json::{Value, json};

use crate::cli_sync::{live_devices, owner, words_of};

/// The digits that a screen shows, at the question whether they are the same.
fn digits(screen: &mut Terminal) -> String {
    screen.until("Code shown here: ");
    let shown = screen.until(".");
    shown.trim_end_matches('.').to_owned()
}

/// Both people say that the digits are the same, and the second device has the record.
fn agree(mut inviting: Terminal, mut joining: Terminal, [first, second]: [&Carnet; 2]) {
    let shown = digits(&mut joining);
    assert_eq!(digits(&mut inviting), shown, "both screens show the same");
    inviting.say("same");
    joining.say("identique");
    for screen in [inviting, joining] {
        let (code, shown) = screen.finish();
        assert_eq!(code, Some(0), "{shown}");
    }
    assert_eq!(second.digest(), first.digest());
}

/// The ticket, as one line on the screen, and what a camera reads there.
fn invitation(screen: &mut Terminal) -> (String, String) {
    let shown = screen.until("Waiting for the other device");
    let is_drawn = |line: &&str| line.contains(['\u{2588}', '\u{2580}', '\u{2584}']);
    let drawn: Vec<&str> = shown.lines().filter(is_drawn).collect();
    let line = shown.lines().find(|line| line.starts_with("carnet1:")).expect("the ticket as text");
    (line.to_owned(), read_qr(&drawn))
}

#[test]
fn a_ticket_is_read_from_a_screen_and_given_on_standard_input() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let (first, second) = (owner(&home, &relay), other.carnet("vault"));
    let mut inviting = first.at_terminal(&["pair", "invite"]);
    let (ticket, seen) = invitation(&mut inviting);
    assert_eq!(seen, ticket, "a camera reads what stands below");
    // As a person pastes it, and as a program hands it over.
    let mut joining = second.at_terminal(&["pair", "join", "-", "--name", "Camille"]);
    joining.until("Paste the invitation:");
    joining.say(&ticket);
    agree(inviting, joining, [&first, &second]);

    let third = other.carnet("third");
    let mut inviting = first.at_terminal(&["pair", "invite"]);
    let (ticket, _) = invitation(&mut inviting);
    let mut joining = third.start(&["pair", "join", "-", "--name", "Camille"]);
    joining.say(&ticket);
    let shown = joining.event("code")["code"].clone();
    assert_eq!(Value::String(digits(&mut inviting)), shown);
    joining.say("same");
    inviting.say("same");
    assert_eq!(joining.finish().0, Some(0));
    assert_eq!(inviting.finish().0, Some(0));
    assert_eq!(third.digest(), first.digest());
}

#[test]
fn a_code_of_sixteen_characters_is_read_out_and_typed() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let (first, second) = (owner(&home, &relay), other.carnet("vault"));
    let mut inviting = first.at_terminal(&["pair", "invite", "--code"]);
    let shown = inviting.until("Waiting for the other device");
    let code = shown.lines().find_map(|line| line.strip_prefix("Code to read out: ")).expect("the code").trim();
    let characters = code.chars().filter(char::is_ascii_alphanumeric).count();
    assert_eq!((characters, code.split('-').map(str::len).collect::<Vec<_>>()), (16, vec![4; 4]), "{code}");
    assert!(shown.contains(&relay.address), "the relay to name is on the screen: {shown}");

    // A slip of the finger is found before anything is asked of anybody.
    let wrong: String = code.chars().rev().collect();
    let mut joining = second.at_terminal(&["pair", "join", "--relay", &relay.address]);
    joining.until("Type the code of the invitation:");
    joining.say(&wrong[..9]);
    let (code_of, said) = joining.finish();
    assert_eq!(code_of, Some(2), "{said}");

    let mut joining = second.at_terminal(&["pair", "join", "--relay", &relay.address, "--name", "Camille"]);
    joining.until("Type the code of the invitation:");
    // As it is heard on a telephone: in lower case, with a space for the hyphen.
    joining.say(&code.to_lowercase().replace('-', " "));
    agree(inviting, joining, [&first, &second]);
}

#[test]
fn an_invitation_by_letter_lives_for_two_days() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let (first, second) = (owner(&home, &relay), other.carnet("vault"));
    let ticket = home.path("letter");
    let mut inviting = first.start(&["pair", "invite", "--letter", "--ticket-out", text(&ticket)]);
    let told = inviting.event("ticket")["expires"].as_str().expect("a time").to_owned();
    let soon = first_expiry(&home, &relay);
    assert!(told > soon, "{told} is later than {soon}");
    assert_ne!(told[..10], soon[..10], "by days");
    let mut joining = second.start(&["pair", "join", text(&ticket), "--name", "Camille"]);
    let shown = joining.event("code")["code"].clone();
    assert_eq!(inviting.event("code")["code"], shown);
    inviting.say("same");
    joining.say("same");
    assert_eq!((inviting.finish().0, joining.finish().0), (Some(0), Some(0)));
    assert_eq!(second.digest(), first.digest());
}

/// When an invitation that is shown at once ends.
fn first_expiry(home: &Home, relay: &Relay) -> String {
    let other = home.carnet("other");
    other.run(&["init", "--name", "Autre", "--relay", &relay.address, "--no-kit"]).data();
    let mut inviting = other.start(&["pair", "invite", "--ticket-out", text(&home.path("at-once"))]);
    inviting.event("ticket")["expires"].as_str().expect("a time").to_owned()
}

#[test]
fn whoever_breaks_off_a_pairing_the_other_side_learns_it() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let (first, second) = (owner(&home, &relay), other.carnet("vault"));
    for inviter_leaves in [true, false] {
        let ticket = home.path(if inviter_leaves { "one" } else { "two" });
        let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&ticket)]);
        inviting.event("ticket");
        let mut joining = second.start(&["pair", "join", text(&ticket), "--name", "Camille"]);
        joining.event("code");
        inviting.event("code");
        // One presses Ctrl-C at the question, the other says that the digits are the same.
        let (leaves, mut stays) = if inviter_leaves { (inviting, joining) } else { (joining, inviting) };
        let (code, said) = leaves.interrupt();
        let last = said.last().cloned().unwrap_or_default();
        assert_eq!((code, &last["error"]["code"]), (Some(1), &json!("interrupted")), "{said:#?}");
        stays.say("same");
        let (code, said) = stays.finish();
        let last = said.last().cloned().unwrap_or_default();
        assert_eq!((code, &last["error"]["code"]), (Some(4), &json!("invitation_ended")), "{said:#?}");
        assert_eq!(live_devices(&first).len(), 1);
        assert_eq!(second.run(&["record", "list"]).data(), json!([]));
    }

    // Broken off before anybody came: whoever comes later is told at once.
    let ticket = home.path("three");
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&ticket)]);
    inviting.event("ticket");
    assert_eq!(inviting.interrupt().0, Some(1));
    assert_eq!(second.run(&["pair", "join", text(&ticket)]).refused(4), "ticket_closed");
    // On a screen too.
    let mut inviting = first.at_terminal(&["pair", "invite"]);
    inviting.until("Waiting for the other device");
    interrupt(inviting.process());
    let (code, shown) = inviting.finish();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("interrupted"), "{shown}");
}

#[test]
fn a_record_that_is_here_is_not_joined_again() {
    let (operator, home) = (Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let before = first.digest();
    let copy = home.carnet("copy");
    carnet_tests::process::copy(&first.vault, &copy.vault);
    let ticket = home.path("ticket");
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&ticket)]);
    inviting.event("ticket");
    assert_eq!(copy.run(&["pair", "join", text(&ticket), "--name", "Camille"]).refused(2), "already_here");
    assert_eq!(copy.digest(), before);
    assert_eq!(live_devices(&copy).len(), 1);
}

#[test]
fn a_record_that_waits_keeps_its_place_and_its_name_when_another_one_comes() {
    let (operator, home, elsewhere, other) = (Home::new(), Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let (first, theirs, second) = (owner(&home, &relay), owner(&elsewhere, &relay), other.carnet("vault"));
    first.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    let ticket = home.path("ticket");
    let mut inviting = first.start(&["pair", "invite", "--ticket-out", text(&ticket)]);
    inviting.event("ticket");
    let mut joining = second.start(&["pair", "join", text(&ticket)]);
    assert_eq!(inviting.event("code")["code"], joining.event("code")["code"]);
    joining.say("same");
    let waits = joining.event("joined")["record"].clone();
    // It ends before the other person has answered: the record waits here, under the name that nobody chose.
    joining.kill();

    let late = elsewhere.path("ticket");
    let mut also = theirs.start(&["pair", "invite", "--ticket-out", text(&late)]);
    also.event("ticket");
    assert_eq!(second.run(&["pair", "join", text(&late)]).refused(2), "record_exists");
    also.kill();
    let kit = format!("{}\n", words_of(&std::fs::read(elsewhere.path("kit.pdf")).expect("the sheet")));
    let stick = elsewhere.path("stick");
    theirs.run(&["sync", "--file", text(&stick)]).data();
    let restore = ["recovery", "restore", "--yes", "--words-fd", "0", "--from", text(&stick)];
    assert_eq!(second.run_with(&restore, &kit).refused(2), "record_exists");
    second.run_with(&[&restore[..], &["--name", "Autre"]].concat(), &kit).data();
    let listed = second.run(&["record", "list"]).data();
    let here: Vec<&Value> = listed.as_array().expect("records").iter().map(|one| &one["id"]).collect();
    assert!(here.len() == 2 && here.contains(&&waits), "{listed}");

    // The other person answers after all: what was begun is not lost.
    inviting.say("same");
    assert_eq!(inviting.finish().0, Some(0));
    second.of("Carnet").run(&["sync", "--once"]).data();
    assert_eq!(second.of("Carnet").digest(), first.digest());
}
