//! Both languages say the same things, and exactly the things that the sources say.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::*;

/// Keys (`name` or `name.attribute`) and the arguments that each uses.
type Keys = BTreeMap<String, BTreeSet<String>>;

fn keys(source: &str) -> Keys {
    let resource = FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| errors).unwrap();
    let mut keys = Keys::new();
    for entry in resource.entries() {
        let Entry::Message(message) = entry else { continue };
        let mut put = |key: String, pattern: &Pattern<&str>| {
            let mut arguments = BTreeSet::new();
            pattern_arguments(pattern, &mut arguments);
            assert!(keys.insert(key.clone(), arguments).is_none(), "{key} stands twice");
        };
        put(message.id.name.to_owned(), message.value.as_ref().unwrap());
        for attribute in &message.attributes {
            put(format!("{}.{}", message.id.name, attribute.id.name), &attribute.value);
        }
    }
    keys
}

fn pattern_arguments(pattern: &Pattern<&str>, into: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        match expression {
            Expression::Inline(inline) => inline_arguments(inline, into),
            Expression::Select { selector, variants } => {
                inline_arguments(selector, into);
                for variant in variants {
                    pattern_arguments(&variant.value, into);
                }
            }
        }
    }
}

fn inline_arguments(inline: &InlineExpression<&str>, into: &mut BTreeSet<String>) {
    if let InlineExpression::VariableReference { id } = inline {
        into.insert(id.name.to_owned());
    }
}

/// Every `msg!("key", name = …)` of the sources: the key and the names.
fn uses() -> Vec<(String, BTreeSet<String>)> {
    let mut uses = Vec::new();
    for file in sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (position, _) in text.match_indices("msg!(") {
            let call = text[position + "msg!(".len()..].trim_start();
            let Some((key, rest)) = call.strip_prefix('"').and_then(|call| call.split_once('"')) else { continue };
            uses.push((key.to_owned(), names(rest)));
        }
    }
    uses
}

fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.file_name().is_some_and(|name| name != "tests.rs" && name != "i18n.rs") {
            files.push(path);
        }
    }
    files
}

/// The names before `=` at the outermost level, up to the parenthesis that closes the call.
fn names(rest: &str) -> BTreeSet<String> {
    let (mut depth, mut start, mut names) = (0_i32, 0, BTreeSet::new());
    for (position, character) in rest.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => start = position + 1,
            '=' if depth == 0 => {
                let name = rest[start..position].trim();
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    names.insert(name.to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

#[test]
fn both_languages_have_the_same_keys_and_arguments() {
    assert_eq!(keys(FRENCH), keys(ENGLISH));
}

#[test]
fn every_key_of_the_sources_has_a_text_with_the_same_arguments() {
    let keys = keys(FRENCH);
    for (key, names) in uses() {
        let mut told: BTreeSet<String> = keys.get(&key).unwrap_or_else(|| panic!("no text for {key}")).clone();
        let attributes = keys.iter().filter(|(other, _)| other.starts_with(&format!("{key}.")));
        attributes.for_each(|(_, arguments)| told.extend(arguments.iter().cloned()));
        assert_eq!(told, names, "arguments of {key}: the text has the first, the source the second");
    }
}

#[test]
fn every_command_and_option_has_a_text_and_no_text_is_left_over() {
    let keys = keys(FRENCH);
    let grammar = <crate::args::Arguments as clap::CommandFactory>::command();
    let helped = crate::help::keys_used(&grammar, "", &|key| keys.contains_key(key));
    let missing: Vec<_> = helped.iter().filter(|key| !keys.contains_key(*key)).collect();
    assert_eq!(missing, Vec::<&String>::new(), "commands or options without a text");

    let used: BTreeSet<String> = uses().into_iter().map(|(key, _)| key).chain(helped).collect();
    let idle: Vec<_> = keys.keys().filter(|key| !used.contains(key.split('.').next().unwrap())).collect();
    assert_eq!(idle, Vec::<&String>::new(), "texts that nothing says");
}

#[test]
fn every_failure_says_what_happened_what_it_means_and_what_to_do() {
    for source in [FRENCH, ENGLISH] {
        let keys = keys(source);
        for key in keys.keys().filter(|key| key.starts_with("error-") && !key.contains('.')) {
            for part in ["meaning", "hint"] {
                assert!(keys.contains_key(&format!("{key}.{part}")), "{key} has no {part}");
            }
        }
    }
}

#[test]
fn texts_keep_to_the_words_of_the_glossary() {
    // Words that mean something else in the glossary, or that belong to code.
    let banned = ["dossier médical", "mot de passe", "utilisateur", "chiffrement à clé", "serveur", "blob", "payload"];
    for word in banned {
        assert!(!FRENCH.contains(word), "{word}");
    }
    assert!(!FRENCH.contains("’"), "apostrophes are typed the same way everywhere");
}

#[test]
fn a_count_chooses_its_plural_and_an_argument_is_harmless() {
    let texts = Texts::new(Language::French);
    let said = texts.say(&Message::new("usage-missing").with("option", "\u{1b}[31m"));
    assert!(said.contains("\\u{1b}"), "{said}");
    assert_eq!(texts.say(&Message::new("no-such-key")), "no-such-key");
}

#[test]
fn a_locale_names_a_language() {
    assert_eq!(Language::of_locale("en_GB.UTF-8"), Some(Language::English));
    assert_eq!(Language::of_locale("fr"), Some(Language::French));
    assert_eq!(Language::of_locale("C.UTF-8"), None);
    assert_eq!(Language::of_locale(""), None);
}
