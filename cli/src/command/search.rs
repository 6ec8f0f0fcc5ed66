//! Finding an entry by what it says: name, comment, author, place, codes. What lies in an attached file is not read.

use carnet_record::Entry;
use serde_json::Value;

use crate::input::folded;

/// Whether every word of `query` stands somewhere in what `entry` says, whatever the case and the accents.
pub(crate) fn says(entry: &Entry, query: &str) -> bool {
    let mut texts = String::new();
    gather(&Value::Object(entry.fact.to_fields()), &mut texts);
    texts.push_str(&folded(entry.comment.as_deref().unwrap_or_default()));
    folded(query).split_whitespace().all(|word| texts.contains(word))
}

/// Every text of `value`, one a line. Hashes and keys of files are no texts.
fn gather(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(&folded(text));
            into.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, into)),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "attachment" | "kind" | "sha256"))
            .for_each(|(_, value)| gather(value, into)),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use carnet_record::{EntryId, Fact, kind::Document};

    use super::*;

    #[test]
    fn words_are_found_whatever_their_case_accents_and_order() {
        let document = Document {
            title: Some("Compte rendu d'\u{c9}chographie".to_owned()),
            folder: Some("C\u{153}ur".to_owned()),
            sha256: Some("abcdef".to_owned()),
            ..Document::default()
        };
        let mut entry = Entry::from_fields(EntryId([1; 16]), Fact::from(document).to_fields());
        entry.comment = Some("chez le Dr No\u{eb}l".to_owned());
        for query in ["echographie", "\u{c9}CHOGRAPHIE compte", "coeur", "e\u{301}chographie", "dr noel", ""] {
            assert!(says(&entry, query), "{query}");
        }
        for query in ["radio", "echographie radio", "abcdef", "document"] {
            assert!(!says(&entry, query), "{query}");
        }
    }
}
