//! The words of the command, in French and English, through Fluent.
//!
//! Every sentence a person reads has a key in `i18n/fr/carnet.ftl` and `i18n/en/carnet.ftl`. Tests hold the two files
//! to the same keys and arguments, and to exactly the keys that the sources use. This module never prints: `ui` does.

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::ui::{escape, figure};

const FRENCH: &str = include_str!("../i18n/fr/carnet.ftl");
const ENGLISH: &str = include_str!("../i18n/en/carnet.ftl");

/// A language the command speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// French, the first language.
    #[default]
    #[value(name = "fr")]
    #[serde(rename = "fr")]
    French,
    /// English.
    #[value(name = "en")]
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// The language of a POSIX locale name (`fr_FR.UTF-8`), when it is one of ours.
    pub(crate) fn of_locale(locale: &str) -> Option<Self> {
        match locale.split(['_', '.', '-', '@']).next()? {
            "en" => Some(Self::English),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::English => ENGLISH,
            Self::French => FRENCH,
        }
    }

    /// For Fluent, which chooses plurals by it.
    fn identifier(self) -> LanguageIdentifier {
        let code = match self {
            Self::English => "en",
            Self::French => "fr",
        };
        code.parse().unwrap_or_default()
    }
}

/// A sentence to be said: its key and its arguments. Made by [`msg!`](crate::msg), which the tests can read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    key: String,
    arguments: Vec<(&'static str, Argument)>,
}

impl Message {
    /// The sentence under `key`, without arguments yet.
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), arguments: Vec::new() }
    }

    /// The same sentence with `name` filled in.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Argument>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// The key, which is the same in every language.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// What fills a place in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// A count: it chooses the plural.
    Number(u64),
    /// Text, from data or from the person; made harmless for a terminal when it is said.
    Text(String),
    /// A word that a table of the record gives in both languages.
    Label {
        /// In French.
        french: &'static str,
        /// In English.
        english: &'static str,
    },
    /// A number with its unit, or a unit alone (UCUM), written as people write them.
    Figure(String),
    /// Another sentence, said in the same language.
    Sentence(Box<Message>),
    /// Several sentences, one after the other.
    Sentences(Vec<Message>),
}

impl From<u64> for Argument {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Argument {
    fn from(value: usize) -> Self {
        Self::Number(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Argument {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Vec<Message>> for Argument {
    fn from(value: Vec<Message>) -> Self {
        Self::Sentences(value)
    }
}

impl From<Message> for Argument {
    fn from(value: Message) -> Self {
        Self::Sentence(Box::new(value))
    }
}

/// `msg!("key", name = value, …)`: a [`Message`]. Keys and names stand in the source as they stand in the texts, so
/// that a test can compare them.
#[macro_export]
macro_rules! msg {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::Message::new($key)$(.with(stringify!($name), $value))*
    };
}

/// The texts of one language.
pub(crate) struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    /// The texts of `language`.
    pub(crate) fn new(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
        // Values are made harmless by `ui::escape`; the marks that Fluent would add are marks of direction themselves.
        bundle.set_use_isolating(false);
        // A test parses both files and fails on any error; what could be read is used in any case.
        let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(partial, _)| partial);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The language they are in.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// `message` in this language, each argument made harmless for a terminal.
    pub(crate) fn say(&self, message: &Message) -> String {
        self.find(message).unwrap_or_else(|| message.key.clone())
    }

    /// The text of `message`, if its key has one.
    pub(crate) fn find(&self, message: &Message) -> Option<String> {
        let pattern = self.bundle.get_message(&message.key)?.value()?;
        let arguments = self.arguments(message);
        Some(self.bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned())
    }

    /// The text that stands beside `message` under `name`, with the same arguments.
    pub(crate) fn attribute(&self, message: &Message, name: &str) -> Option<String> {
        let pattern = self.bundle.get_message(&message.key)?.get_attribute(name)?.value();
        let arguments = self.arguments(message);
        Some(self.bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned())
    }

    fn arguments(&self, message: &Message) -> FluentArgs<'static> {
        let mut arguments = FluentArgs::new();
        for (name, value) in &message.arguments {
            let value = match value {
                Argument::Number(number) => FluentValue::from(*number),
                Argument::Text(text) => FluentValue::from(escape(text).into_owned()),
                Argument::Label { french, english } => FluentValue::from(match self.language {
                    Language::French => *french,
                    Language::English => *english,
                }),
                Argument::Figure(text) => FluentValue::from(escape(&figure(text, self.language)).into_owned()),
                Argument::Sentence(inner) => FluentValue::from(self.say(inner)),
                Argument::Sentences(all) => {
                    FluentValue::from(all.iter().map(|inner| self.say(inner)).collect::<Vec<_>>().join(" "))
                }
            };
            arguments.set(*name, value);
        }
        arguments
    }
}

#[cfg(test)]
mod tests;
