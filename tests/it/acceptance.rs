//! `docs/acceptance.md` names every feature that the product is held to, and says of each whether it is shown.
//!
//! Here: the table is complete, and what it names exists. That the named tests ran and passed is checked by
//! `tests/run`, which sees them run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The groups of rows and how many each has.
const GROUPS: &[(&str, usize)] = &[
    ("A", 11),
    ("D", 10),
    ("M", 3),
    ("P", 16),
    ("E", 5),
    ("C", 6),
    ("G", 6),
    ("S", 4),
    ("N", 3),
    ("X", 6),
    ("DMP", 6),
    ("MSS", 4),
    ("APP", 7),
    ("FIT", 12),
    ("SRC", 9),
    ("WEA", 5),
];

/// One row of the table.
struct Row {
    id: String,
    feature: String,
    state: String,
    proofs: Vec<String>,
    sentence: String,
}

#[test]
fn the_table_has_every_row_once_and_says_something_of_each() {
    let rows = rows();
    let listed: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let expected: Vec<String> =
        GROUPS.iter().flat_map(|(group, count)| (1..=*count).map(move |number| format!("{group}{number}"))).collect();
    assert_eq!(listed, expected, "every row once, in order");
    for row in &rows {
        assert!(row.feature.len() > 3 && row.sentence.ends_with('.'), "{} is not explained", row.id);
    }
}

#[test]
fn a_row_is_shown_or_partly_shown_by_tests_that_exist() {
    let tests = tests();
    assert!(tests.len() > 500, "the tests were found: {}", tests.len());
    let mut counts = BTreeMap::new();
    for row in rows() {
        *counts.entry(row.state.clone()).or_insert(0) += 1;
        match row.state.as_str() {
            "shown" | "partly" => assert!(!row.proofs.is_empty(), "{} is {} by nothing", row.id, row.state),
            "not yet" => assert!(row.proofs.is_empty(), "{} is not there, and yet proved", row.id),
            other => panic!("{}: `{other}` is no state", row.id),
        }
        for proof in &row.proofs {
            assert!(tests.contains(proof), "{} names `{proof}`, which is no test", row.id);
        }
    }
    println!("rows: {counts:?}");
}

#[test]
fn every_number_in_a_test_name_is_of_a_list_that_can_be_read() {
    let tests = tests();
    let read = |name: &str| fs::read_to_string(root().join(name)).expect("a page of docs/");
    let (faults, attacks) = (read("docs/testing.md"), read("docs/threat-model.md"));
    let mut unknown = BTreeSet::new();
    let mut used = BTreeSet::new();
    for test in &tests {
        if let Some(rest) = test.strip_prefix("fault_") {
            let id = rest.split('_').next().unwrap_or_default().to_uppercase();
            let is_family = id.len() == 1 && faults.contains(&format!("### {id}. "));
            if !is_family && !faults.contains(&format!("| {id} | ")) {
                unknown.insert(test.clone());
            }
            used.insert(id);
        }
        let numbers = test.split("atk_").skip(1);
        for number in numbers.filter_map(|rest| rest.split('_').next()).filter(|text| is_number(text)) {
            if !attacks.contains(&format!("| ATK-{number} | ")) {
                unknown.insert(test.clone());
            }
            used.insert(format!("ATK-{number}"));
        }
    }
    assert!(unknown.is_empty(), "neither in docs/testing.md nor in docs/threat-model.md: {unknown:#?}");
    let is_claimed = |line: &&str| line.starts_with("| ") && line.ends_with("| yes |");
    let claimed = faults.lines().filter(is_claimed).filter_map(|line| line.split('|').nth(1)).map(str::trim);
    let empty: Vec<&str> = claimed.filter(|id| !used.contains(*id)).collect();
    assert!(empty.is_empty(), "docs/testing.md says that there are tests of {empty:?}");
    let untested = faults.split("### Attacks without a test").nth(1).and_then(|rest| rest.split("\n## ").next());
    let untested = untested.expect("the attacks without a test are listed");
    for number in 1..=40 {
        let id = format!("ATK-{number}");
        assert!(
            used.contains(&id) || untested.contains(&format!("{id} (")),
            "{id} has no test, and docs/testing.md does not say so"
        );
    }
}

#[test]
fn every_attack_names_tests_that_exist_and_bear_its_number() {
    let (tests, text) = (tests(), fs::read_to_string(root().join("docs/threat-model.md")).expect("the threat model"));
    let mut numbers = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ATK-")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, _, proofs] = cells.as_slice() else { panic!("not four cells: {line}") };
        let number = id.trim_start_matches("ATK-");
        let named: Vec<&str> = proofs.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{id} is shown by nothing");
        for name in named {
            assert!(tests.contains(name), "{id} names `{name}`, which is no test");
            assert!(name.contains(&format!("atk_{number}_")), "{id} names `{name}`, which is of another attack");
        }
        numbers.push(number.parse::<u32>().expect("a number"));
    }
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>(), "every attack once, in order");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// The rows of the tables: five cells, the first an identifier.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/acceptance.md")).expect("docs/acceptance.md is there");
    let is_id = |cell: &str| GROUPS.iter().any(|(group, _)| cell.strip_prefix(group).is_some_and(is_number));
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !cells.first().is_some_and(|cell| is_id(cell)) {
            continue;
        }
        let [id, feature, state, proofs, sentence] = cells.as_slice() else { panic!("not five cells: {line}") };
        rows.push(Row {
            id: (*id).to_owned(),
            feature: (*feature).to_owned(),
            state: (*state).to_owned(),
            proofs: proofs.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            sentence: (*sentence).to_owned(),
        });
    }
    rows
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of all functions that stand right below `#[test]` or `#[tokio::test]`.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in crate::architecture::sources() {
        let text = fs::read_to_string(&file).expect("a source file is text");
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test && !line.starts_with('#')) {
                names.extend(rest.split(['(', '<']).next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}
