//! `docs/record.md` lists every kind of entry with the section that it lies in.

use std::{collections::BTreeMap, fs};

use carnet_record::Fact;
use carnet_tests::workspace;
use serde_json::{Map, json};

/// The section of a kind is that of its bare entry; a statement of absence has that of what is absent.
#[test]
fn the_page_about_the_record_has_every_kind_in_its_section() {
    let page = fs::read_to_string(workspace::root().join("docs/record.md")).expect("the page");
    let (_, after) = page.split_once("## The kinds").expect("the heading");
    let (table, _) = after.split_once("\n## ").expect("another heading");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let told: BTreeMap<&str, &str> =
        rows.filter_map(|(kind, rest)| Some((kind, rest.split(" | ").next()?.trim_matches('`')))).collect();
    let section = |kind: &&'static str| {
        let (fact, _) = Fact::from_fields(Map::from_iter([("kind".to_owned(), json!(kind))]));
        (*kind, if *kind == "absence" { "that of what is absent" } else { fact.section().as_str() })
    };
    assert_eq!(told, Fact::KINDS.iter().map(section).collect());
}
