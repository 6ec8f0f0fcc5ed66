//! Archives and files of exchange between versions, and what an archive says of itself.

use std::{fs, io::Cursor};

use carnet_interop::{
    intake::{self, Options},
    own::{ArchiveWriter, Mark},
};
use carnet_record::{Fact, ZoneHistory, item::Item};
use carnet_tests::process::{Carnet, Home, member, text};
use serde_json::{Value, json};

use crate::cli_record::{camille, import_samples};
use crate::cli_sync::words_of;

/// The same archive once `alter` has seen its mark and every item.
fn altered(archive: &[u8], mark: &mut Mark, mut alter: impl FnMut(&mut Item)) -> Vec<u8> {
    let options = Options {
        source_name: "all.zip".to_owned(),
        home_zone: ZoneHistory::utc(),
        with_positions: true,
        now_ms: 1_800_000_000_000,
    };
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()));
    let read = intake::read(Cursor::new(archive), &options, &mut |mut item| {
        alter(&mut item);
        writer.take(item).expect("items come in order");
        Ok(())
    });
    read.expect("an archive of ours");
    writer.finish::<u8>(mark, &[], None).expect("an archive").into_inner()
}

fn mark_of(archive: &std::path::Path) -> Mark {
    serde_json::from_slice(&member(archive, "carnet.json")).expect("the mark")
}

#[test]
fn fault_b5_files_of_a_newer_version_are_said_to_be_and_change_nothing() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    let kit = home.path("kit.pdf");
    carnet.run(&["init", "--name", "Ana", "--no-relay", "--kit-out", text(&kit)]).data();
    carnet.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    let digest = carnet.digest();

    let path = carnet.export("all.zip");
    let mut mark = mark_of(&path);
    "carnet.archive/2".clone_into(&mut mark.format);
    let archive = home.file("later.zip", altered(&fs::read(&path).expect("the archive"), &mut mark, |_| ()));
    let empty = home.vault("empty", "Ana");
    let before = empty.digest();
    for words in [&["import", text(&archive)][..], &["import", "--dry-run", text(&archive)]] {
        let ran = empty.run(words);
        assert_eq!(ran.refused(1), "archive_version");
        assert!(ran.json()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("newer version")), "{}", ran.out);
    }
    assert_eq!(empty.digest(), before);
    // Beside others it is left out, and they come in.
    let both = empty.run(&["import", text(&archive), text(&path)]);
    assert_eq!(both.refused(1), "files_refused");
    assert_eq!(both.json()["data"]["failed"][0]["code"], "archive_version");
    assert_eq!(empty.digest(), digest);

    let stick = home.path("stick");
    carnet.run(&["sync", "--file", text(&stick)]).data();
    let mut bytes = fs::read(&stick).expect("the file of exchange");
    let version = b"carnet share\n".len();
    assert_eq!(bytes[version], 1);
    bytes[version] = 2;
    let later = home.file("later", bytes);
    let ran = carnet.run(&["sync", "--file", text(&later)]);
    assert_eq!(ran.refused(1), "exchange_version");
    assert!(ran.json()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("newer version")), "{}", ran.out);
    assert_eq!(carnet.digest(), digest);
    let words = format!("{}\n", words_of(&fs::read(&kit).expect("the sheet")));
    let restore = ["recovery", "restore", "--yes", "--words-fd", "0", "--name", "Ana", "--from", text(&later)];
    let new = home.carnet("new");
    assert_eq!(new.run_with(&restore, &words).refused(1), "exchange_version");
    assert_eq!(new.run(&["record", "list"]).data(), json!([]));
}

/// What an import says of the digest that its archive states.
fn said(carnet: &Carnet, words: &[&str]) -> (Value, Vec<String>) {
    let ran = carnet.run(words);
    (ran.data()["files"][0]["archive_digest"].clone(), ran.warnings())
}

#[test]
fn an_import_says_whether_an_archive_is_what_it_says_of_itself() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    import_samples(&carnet);
    let name = carnet.run(&["profile", "add", "disease", "--name", "Asthme"]).data()["id"].clone();
    carnet.run(&["profile", "add", "disease", "--name", "Otite"]).data();
    carnet.run(&["profile", "remove", name.as_str().expect("an id")]).data();
    let path = carnet.export("all.zip");
    // Into an empty record, into one that has more, and into itself: it is the archive that is judged.
    let more = camille(&home, "more");
    more.run(&["profile", "add", "allergy", "--name", "Pollen"]).data();
    for (into, words) in [
        (&home.vault("empty", "Camille"), &["import", text(&path)][..]),
        (&more, &["import", "--dry-run", text(&path)]),
        (&more, &["import", text(&path)]),
        (&carnet, &["import", text(&path)]),
    ] {
        let (digest, warnings) = said(into, words);
        assert_eq!(digest, "same", "{words:?}");
        assert!(!warnings.contains(&"warning_archive_differs".to_owned()), "{warnings:?}");
    }

    // One word of one entry, or one sample fewer: somebody has changed it since.
    let whole = fs::read(&path).expect("the archive");
    let mut is_done = false;
    let reworded = altered(&whole, &mut mark_of(&path), |item| {
        if let Item::Draft(draft) = item
            && let Fact::Disease(disease) = &mut draft.fact
        {
            disease.name = Some("Otites".to_owned());
        }
    });
    let shortened = altered(&whole, &mut mark_of(&path), |item| {
        if let Item::Samples { samples, .. } = item
            && !std::mem::replace(&mut is_done, true)
        {
            samples.pop();
        }
    });
    assert!(is_done, "there are samples");
    for (name, bytes) in [("reworded.zip", reworded), ("shortened.zip", shortened)] {
        let (digest, warnings) =
            said(&home.vault(&format!("of-{name}"), "Camille"), &["import", text(&home.file(name, bytes))]);
        assert_eq!(digest, "differs", "{name}");
        assert!(warnings.contains(&"warning_archive_differs".to_owned()), "{warnings:?}");
    }
    // A part states none, and other files are no archives.
    let part = home.path("part.zip");
    carnet.run(&["export", "--yes", "--section", "history", "--out", text(&part)]).data();
    assert_eq!(said(&home.vault("part", "Camille"), &["import", text(&part)]).0, "none");
    let note = home.file("note.txt", "mot");
    assert_eq!(said(&home.vault("note", "Camille"), &["import", text(&note)]).0, Value::Null);
}

/// Where a paper comes from is often known only to whoever scanned it.
#[test]
fn an_import_names_its_source_where_the_file_does_not() {
    let home = Home::new();
    let carnet = home.vault("vault", "Camille");
    let note = home.file("note.txt", "Bilan du 3 mai.\n");
    let observation = |id: &str, meta: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Observation","id":"{id}",{meta}"status":"final","effectiveDateTime":"2026-05-03",
            "code":{{"text":"Créatinine"}},"valueQuantity":{{"value":72,"unit":"umol/L"}}}}}}"#
        )
    };
    let named = observation("a", r#""meta":{"source":"urn:logiciel"},"#);
    let bundle =
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{named},{}]}}"#, observation("b", ""));
    let bundle = home.file("bilan.json", bundle);
    let import = |source: &str| carnet.run(&["import", "--source", source, text(&note), text(&bundle)]);
    assert_eq!(import("deux\nlignes").refused(2), "bad_name");
    assert_eq!(import(" Laboratoire du Parc ").data()["total"]["added"], 3);
    let again = import("Autre nom").data();
    assert_eq!((&again["total"]["added"], &again["total"]["already_there"]), (&json!(0), &json!(3)), "{again}");
    let archive = carnet.export("record.zip");
    let entries = String::from_utf8(member(&archive, "entries.ndjson")).expect("text");
    let entries = entries.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let entries: Vec<Value> = entries.filter(|entry| entry["kind"] != "import-report").collect();
    let mut sources: Vec<_> =
        entries.iter().map(|entry| entry["provenance"]["application"].as_str().unwrap_or("none")).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["Laboratoire du Parc", "Laboratoire du Parc", "urn:logiciel"]);

    let unnamed = home.vault("unnamed", "Camille");
    unnamed.run(&["import", text(&note)]).data();
    let archive = unnamed.export("unnamed.zip");
    let back = home.vault("back", "Camille");
    back.run(&["import", "--source", "Laboratoire du Parc", text(&archive)]).data();
    assert_eq!(back.digest(), unnamed.digest(), "what Carnet exported stays as it was");
}
