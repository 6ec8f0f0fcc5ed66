//! What the record says is nowhere but in the record: not in names or bytes of files, not in talk, not in diagnostics.
//!
//! A search that finds nothing proves nothing unless it can find: an export in clear is the control.

use carnet_tests::process::{Home, PASSPHRASE, Ran, member, search, text};

/// Values that stand nowhere else: one in each place where a person can write.
const CANARIES: [&str; 7] = [
    "Canarium-maladie",
    "Canarium-remarque",
    "Canarium-titre",
    "Canarium-contenu",
    "Canarium-personne",
    "Canarium-lieu",
    "512.25",
];

#[cfg(unix)]
#[test]
fn the_folder_of_a_vault_is_for_its_account_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let carnet = home.vault("papiers/vault", "Ana");
    for folder in [carnet.vault.as_path(), carnet.vault.parent().expect("a folder")] {
        let mode = std::fs::metadata(folder).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
}

#[test]
fn fault_j_nothing_of_the_record_is_in_files_talk_or_diagnostics() {
    // What the person types from lies elsewhere: it is in clear by nature.
    let desk = Home::new();
    let note = desk.file("Canarium-fichier.txt", "Canarium-contenu, en clair sur le bureau\n".repeat(2000));
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let mut quiet: Vec<Ran> = Vec::new();
    let words: [&[&str]; 5] = [
        &["profile", "add", "disease", "--name", CANARIES[0], "--comment", CANARIES[1]],
        &["document", "add", text(&note), "--title", CANARIES[2]],
        &["contact", "add", "relative", "--family", CANARIES[4]],
        &["agenda", "add", "appointment", "--title", "Visite", "--place", CANARIES[5], "--at", "2026-12-01"],
        &["measure", "add", "weight", CANARIES[6]],
    ];
    for words in words {
        let mut ran = carnet.run(words);
        ran.data();
        // The data of a command repeats what it kept; its talk does not.
        ran.out.clear();
        quiet.push(ran);
    }
    let found = carnet.run(&["profile", "list"]);
    assert!(found.out.contains(CANARIES[0]), "the control on standard output");

    let bundle = home.path("bundle.json");
    for words in [
        &["status"][..],
        &["doctor", "--deep"],
        &["doctor", "--bundle", text(&bundle)],
        &["log", "list"],
        &["log", "verify"],
        &["device", "list"],
        &["profile", "add", "disease", "--name", "Canarium-maladie", "--start", "Canarium-remarque"],
        &["measure", "add", "weight", "512.25.1"],
        &["profile", "show", "Canarium-maladie"],
        &["import", text(&home.file("faux.json", "{\"resourceType\": \"Bundle\", \"entry\": [\"Canarium-contenu\""))],
    ] {
        quiet.push(carnet.run(words));
        quiet.push(carnet.talk(words));
    }
    std::fs::remove_file(home.path("faux.json")).expect("the refused file");
    for ran in &quiet {
        for canary in CANARIES.iter().chain(&[PASSPHRASE]) {
            assert!(!ran.out.contains(canary), "{canary} in the output {}", ran.out);
            assert!(!ran.err.contains(canary), "{canary} in the talk {}", ran.err);
        }
    }

    assert!(std::fs::read_to_string(&bundle).expect("the bundle").contains("version"), "the bundle holds something");
    let archive = carnet.export("record.zip");
    let entries = member(&archive, "entries.ndjson");
    let entries = String::from_utf8(entries).expect("text");
    std::fs::remove_file(&archive).expect("the export");
    std::fs::remove_file(home.path("passphrase")).expect("the passphrase");
    for canary in CANARIES.iter().filter(|canary| **canary != "Canarium-contenu") {
        assert!(entries.contains(canary), "the control: {canary} is in an export");
    }
    assert_eq!(search(desk.path("").as_path(), b"Canarium-contenu").len(), 1, "the control for the document");
    for needle in CANARIES.iter().copied().chain(["Canarium-fichier", PASSPHRASE, "Canarium"]) {
        let found = search(home.path("").as_path(), needle.as_bytes());
        assert!(found.is_empty(), "{needle} is in {found:?}");
    }
}

#[test]
fn a_recovery_kit_is_for_its_owner_only_and_its_words_are_not_kept() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    let kit = home.path("kit.pdf");
    let words = ["init", "--name", "Ana", "--no-relay"];
    assert_eq!(carnet.run(&words).refused(2), "kit_needs_place", "no record whose kit nobody would see");
    let made = carnet.run(&[&words[..], &["--kit-out", text(&kit)]].concat()).data();
    assert_eq!(made["kit_confirmed"], false, "a kit that nobody read back is not confirmed");
    let access = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&kit).expect("the kit"));
    assert_eq!(access & 0o777, 0o600);
    let sheet = std::fs::read(&kit).expect("the kit");
    assert!(sheet.starts_with(b"%PDF-"));
    assert_eq!(carnet.run(&["status"]).warnings(), ["warning_kit"]);
}
