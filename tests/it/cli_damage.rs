//! A vault of which a part is lost or altered: which part is said, the rest goes on, and what others have comes back.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use carnet_tests::process::{Carnet, Home, Relay, files, text};
use serde_json::{Value, json};

use crate::cli_sync::{owner, pair, sync};

/// Bytes of a document that lies beside the store.
const LARGE: usize = 300_000;

/// Adds a document of `fill` under `title`, and gives its entry and the sealed file that came with it.
fn document(home: &Home, carnet: &Carnet, title: &str, fill: &str) -> (String, PathBuf) {
    let before: Vec<PathBuf> = sealed(carnet);
    let note = home.file(&format!("{title}.txt"), fill.repeat(LARGE));
    let added = carnet.run(&["document", "add", text(&note), "--title", title]).data();
    let new = sealed(carnet).into_iter().find(|path| !before.contains(path)).expect("a sealed file");
    (added[0]["id"].as_str().expect("an id").to_owned(), new)
}

/// The sealed files beside the store.
fn sealed(carnet: &Carnet) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.extension().is_none() && !path.starts_with(carnet.vault.join("blobs/damaged"));
    files(&carnet.vault.join("blobs")).into_iter().map(|(path, _)| path).filter(named).collect()
}

fn alter(path: &Path) {
    let mut bytes = fs::read(path).expect("the sealed file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut file = fs::OpenOptions::new().write(true).open(path).expect("the sealed file");
    file.write_all(&bytes).expect("it can be written");
}

/// What the doctor says of damaged files, by entry.
fn damaged(data: &Value) -> Vec<(String, String)> {
    let told = data["damaged_documents"].as_array().unwrap_or_else(|| panic!("no list in {data}")).iter();
    let told = told.map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_else(|| panic!("no {name} in {one}")).to_owned();
        (text("entry"), text("damage"))
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

fn content(home: &Home, carnet: &Carnet, id: &str) -> Vec<u8> {
    let out = home.path("content");
    carnet.run(&["document", "show", id, "--out", text(&out)]).data();
    let bytes = fs::read(&out).expect("the content");
    fs::remove_file(&out).expect("it can be removed");
    bytes
}

#[test]
fn fault_b1_attached_files_that_are_lost_or_altered_are_named_and_come_back_from_another_device() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let (lost, lost_file) = document(&home, &first, "perdu", "a");
    let (altered, altered_file) = document(&home, &first, "change", "b");
    let (whole, _) = document(&home, &first, "entier", "c");
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let digest = first.digest();

    fs::remove_file(&lost_file).expect("the sealed file");
    alter(&altered_file);
    let bundle = home.path("bundle.json");
    let ran = first.run(&["doctor", "--deep", "--bundle", text(&bundle)]);
    assert_eq!(ran.refused(5), "files_damaged");
    let data = ran.json()["data"].clone();
    let mut expected = vec![(lost.clone(), "absent".to_owned()), (altered.clone(), "altered".to_owned())];
    expected.sort();
    assert_eq!(damaged(&data), expected, "{data}");
    assert_eq!(
        (&data["verified"], &data["damaged_files"], &data["missing_files"]),
        (&json!(false), &json!(2), &json!(2))
    );
    let bundle = fs::read_to_string(&bundle).expect("the bundle");
    assert!(bundle.contains(r#""damaged_files":2"#), "{bundle}");
    assert!(![&lost, &altered].iter().any(|id| bundle.contains(id.as_str())), "the bundle names no entry: {bundle}");

    // The rest is there, and nothing was thrown away: the altered bytes lie aside.
    assert_eq!(first.digest(), digest);
    assert_eq!(content(&home, &first, &whole), b"c".repeat(LARGE));
    for id in [&lost, &altered] {
        let out = home.path("none");
        assert_eq!(first.run(&["document", "show", id, "--out", text(&out)]).refused(1), "file_not_here");
        assert!(!out.exists());
    }
    let aside = first.vault.join("blobs/damaged");
    assert_eq!(files(&aside).len(), 1);
    first.run(&["doctor"]).data();
    assert_eq!(files(&aside).len(), 1, "nor does a later look throw it away");

    // An exchange brings both back, and then nothing is left of the damage.
    assert_eq!(sync(&first)["objects_received"], 2);
    for (id, fill) in [(&lost, b"a"), (&altered, b"b")] {
        assert_eq!(content(&home, &first, id), fill.repeat(LARGE));
    }
    let data = first.run(&["doctor", "--deep"]).data();
    assert_eq!(
        (&data["verified"], &data["damaged_files"], &data["missing_files"]),
        (&json!(true), &json!(0), &json!(0))
    );
    assert_eq!(files(&aside).len(), 0);
    assert_eq!(second.digest(), first.digest());
}

#[test]
fn a_file_that_is_gone_is_asked_for_again_without_a_doctor() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let (id, _) = document(&home, &first, "perdu", "a");
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    for path in sealed(&second) {
        fs::remove_file(path).expect("the sealed file");
    }
    assert_eq!(second.run(&["doctor"]).data()["missing_files"], 1);
    assert_eq!(sync(&second)["objects_received"], 1);
    assert_eq!(content(&other, &second, &id), b"a".repeat(LARGE));
}

#[test]
fn fault_b1_a_lost_file_is_back_once_the_same_file_is_imported_again() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    let scan = home.file("compte rendu.txt", "a".repeat(LARGE));
    let import = || first.run(&["import", text(&scan)]).data()["files"][0].clone();
    assert_eq!(import()["added"], 1);
    let id = first.run(&["document", "list"]).data()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!((&import()["already_there"], &import()["merged"]), (&json!(1), &json!(0)), "while it is here");
    for path in sealed(&first) {
        fs::remove_file(path).expect("the sealed file");
    }
    assert_eq!(first.run(&["doctor"]).data()["missing_files"], 1);
    let again = import();
    assert_eq!((&again["added"], &again["merged"]), (&json!(0), &json!(1)), "{again}");
    assert_eq!(content(&home, &first, &id), b"a".repeat(LARGE));
    assert_eq!(first.run(&["doctor", "--deep"]).data()["missing_files"], 0);
    sync(&first);
    sync(&second);
    assert_eq!(content(&other, &second, &id), b"a".repeat(LARGE));
    assert_eq!(second.digest(), first.digest());
}

#[test]
fn an_archive_of_a_record_whose_files_are_not_all_here_says_which_are_not_in_it() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let (lost, file) = document(&home, &carnet, "perdu", "a");
    document(&home, &carnet, "entier", "c");
    fs::remove_file(file).expect("the sealed file");
    let out = home.path("all.zip");
    let ran = carnet.run(&["export", "--yes", "--out", text(&out)]);
    let data = ran.data();
    assert_eq!((&data["entries"], &data["files"]), (&json!(2), &json!(1)));
    assert_eq!(data["missing_files"], json!([lost]));
    assert!(ran.warnings().contains(&"warning_files_left_out".to_owned()), "{:?}", ran.warnings());
    // Whoever takes it in learns it too, and the record is the same.
    let again = home.vault("again", "Ana");
    again.run(&["import", text(&out)]).data();
    assert_eq!(again.digest(), carnet.digest());
}
