//! The ways to weaken the sources on purpose still fit them. Trying them out takes a build each: see `docs/testing.md`.

use std::{collections::BTreeSet, fs, path::Path};

use carnet_tests::{weakened::WEAKENINGS, workspace};

#[test]
fn every_weakening_has_its_place_in_the_sources_and_a_test_that_is_there() {
    let root = workspace::root();
    let sources = sources(&root);
    for weakening in &WEAKENINGS {
        let weakened = weakening.weaken(&root).unwrap_or_else(|| panic!("{}: not there once", weakening.name));
        let sound = fs::read_to_string(root.join(weakening.file)).expect("the file is there");
        assert_ne!(sound, weakened, "{}", weakening.name);
        assert!(sources.contains(weakening.notices), "{}: no test {}", weakening.name, weakening.notices);
    }
    let names: BTreeSet<_> = WEAKENINGS.iter().map(|one| one.name).collect();
    assert_eq!(names.len(), WEAKENINGS.len());
}

/// The text of all sources, but of the table itself.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the sources can be listed").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && name != ".git" {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && name != "weakened.rs" {
            text.push_str(&fs::read_to_string(&path).expect("a source can be read"));
        }
    }
    text
}
