//! Published examples: every leaf of what they are said to hold is asserted, or listed as not asserted with its reason.
//!
//! A leaf is a value of `expected.json` that is no object and no list (an empty one is a leaf). [`Leaves`] starts with
//! all of them unseen; one that stays unseen fails the test as a wrong one does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What became of the leaves of one or more expectations.
#[derive(Debug, Default)]
pub struct Leaves {
    unseen: BTreeSet<String>,
    asserted: usize,
    not_asserted: Vec<(String, String)>,
    wrong: Vec<String>,
}

impl Leaves {
    /// All leaves of what one file is expected to hold, named `file#/path`.
    pub fn of(file: &str, expected: &Value) -> Self {
        let mut leaves = Self::default();
        collect(&format!("{file}#"), expected, &mut leaves.unseen);
        leaves
    }

    /// Asserts the leaf `path` of `file`.
    pub fn check(&mut self, file: &str, path: &str, holds: bool, found: &str) {
        let name = format!("{file}#{path}");
        if !self.unseen.remove(&name) {
            self.wrong.push(format!("{name}: no such leaf, or asserted twice"));
        } else if holds {
            self.asserted += 1;
        } else {
            self.wrong.push(format!("{name}: found {found}"));
        }
    }

    /// Asserts every leaf below `path` by one and the same check.
    pub fn check_all(&mut self, file: &str, path: &str, holds: bool, found: &str) {
        for leaf in self.below(file, path) {
            self.check(file, &leaf, holds, found);
        }
    }

    /// Lists every leaf below `path` as not asserted.
    pub fn skip(&mut self, file: &str, path: &str, reason: &str) {
        for leaf in self.below(file, path) {
            let name = format!("{file}#{leaf}");
            self.unseen.remove(&name);
            self.not_asserted.push((name, reason.to_owned()));
        }
    }

    /// Something beside the leaves that must hold of `file`.
    pub fn require(&mut self, file: &str, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(format!("{file}: {what}"));
        }
    }

    /// Adds the leaves of another file.
    pub fn absorb(&mut self, other: Self) {
        self.unseen.extend(other.unseen);
        self.asserted += other.asserted;
        self.not_asserted.extend(other.not_asserted);
        self.wrong.extend(other.wrong);
    }

    /// Leaves asserted and found right.
    pub fn asserted(&self) -> usize {
        self.asserted
    }

    /// Leaves not asserted, with their reasons.
    pub fn not_asserted(&self) -> &[(String, String)] {
        &self.not_asserted
    }

    /// How many leaves were not asserted for each reason.
    pub fn reasons(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (_, reason) in &self.not_asserted {
            *counts.entry(reason.as_str()).or_default() += 1;
        }
        counts
    }

    /// What is wrong: false leaves, leaves nobody looked at, broken requirements.
    pub fn wrong(&self) -> Vec<String> {
        let unseen = self.unseen.iter().map(|leaf| format!("{leaf}: neither asserted nor listed"));
        self.wrong.iter().cloned().chain(unseen).collect()
    }

    /// One line for the report of a test run.
    pub fn summary(&self) -> String {
        let reasons: Vec<String> = self.reasons().iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let not = self.not_asserted.len();
        format!("{} leaves asserted, {not} not asserted ({})", self.asserted, reasons.join("; "))
    }

    fn below(&self, file: &str, path: &str) -> Vec<String> {
        let name = format!("{file}#{path}");
        let within = |leaf: &&String| **leaf == name || leaf.starts_with(&format!("{name}/"));
        let prefix = file.len() + 1;
        self.unseen.iter().filter(within).filter_map(|leaf| leaf.get(prefix..)).map(str::to_owned).collect()
    }
}

fn collect(path: &str, value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect(&format!("{path}/{index}"), item, out);
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                collect(&format!("{path}/{name}"), field, out);
            }
        }
        _ => {
            out.insert(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_leaf_is_asserted_listed_or_missing() {
        let expected = json!({"a": 1, "b": [{"c": null}, {"c": "x"}], "d": []});
        let mut leaves = Leaves::of("f", &expected);
        leaves.check("f", "/a", true, "1");
        leaves.check("f", "/b/0/c", false, "7");
        leaves.skip("f", "/b", "too far");
        assert_eq!((leaves.asserted(), leaves.not_asserted().len()), (1, 1));
        assert_eq!(leaves.wrong(), ["f#/b/0/c: found 7", "f#/d: neither asserted nor listed"]);
        leaves.check_all("f", "/d", true, "[]");
        assert_eq!(leaves.wrong().len(), 1);
        assert!(leaves.summary().starts_with("2 leaves asserted, 1 not asserted"));
    }
}
