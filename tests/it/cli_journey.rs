//! The whole way on official example files: brought in, carried to a second device, taken out, wiped, brought in again.

use std::collections::BTreeMap;

use carnet_tests::process::{Home, Relay, text};
use serde_json::Value;

use crate::{
    cli_record::assert_adds_up,
    cli_sync::{pair, sync},
    fixtures::{self, Reader},
};

#[test]
fn every_published_file_goes_the_whole_way_and_comes_back_equal() {
    let Some(folder) = fixtures::folder("cli_journey::every_published_file_goes_the_whole_way_and_comes_back_equal")
    else {
        return;
    };
    // The payloads of health cards are read by the command inside their cards only, which this version does not open.
    let is_payload = |name: &str| name.contains("jws-payload");
    let files: Vec<_> = fixtures::published(&folder)
        .into_iter()
        .filter(|file| file.reader != Reader::None && !is_payload(&file.name))
        .collect();
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    // These are the files of many people: the record says of nobody that it is about them, so none is refused.
    let first = home.carnet("vault");
    first.run(&["init", "--name", "Exemples", "--relay", &relay.address, "--no-kit"]).data();
    let mut words = vec!["import"];
    words.extend(files.iter().map(|file| text(&file.path)));
    let report = first.run(&words).data();
    let summaries = report["files"].as_array().expect("one summary a file");
    assert_eq!((summaries.len(), report["failed"].as_array().map(Vec::len)), (files.len(), Some(0)));
    let mut formats: BTreeMap<&str, u64> = BTreeMap::new();
    for summary in summaries {
        assert_adds_up(summary);
        assert_eq!(summary["refused"], 0, "{summary}");
        *formats.entry(summary["format"].as_str().unwrap_or_default()).or_default() += 1;
    }
    println!("{} files: {formats:?}; {}", files.len(), report["total"]);
    let again = first.run(&words).data();
    assert_eq!(again["total"]["added"], 0, "a second import adds nothing: {}", again["total"]);

    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    sync(&first);
    sync(&second);
    let digest = first.digest();
    assert_eq!(second.digest(), digest);
    let list = |words: &[&str]| -> [Value; 2] { [first.run(words).data(), second.run(words).data()] };
    for words in
        [&["profile", "list"][..], &["measure", "list", "--sources"], &["document", "list"], &["agenda", "list"]]
    {
        let [here, there] = list(words);
        assert!(here == there && here.as_array().is_some_and(|list| !list.is_empty()), "{words:?} differ");
    }

    let archive = second.export("all.zip");
    std::fs::remove_dir_all(&second.vault).expect("the vault is wiped");
    let back = other.vault("back", "Exemples");
    back.run(&["import", text(&archive)]).data();
    assert_eq!(back.digest(), digest);
}
