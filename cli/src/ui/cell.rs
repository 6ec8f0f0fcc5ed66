//! One value of a page: text from data, a figure, or a word of ours.
//!
//! Data for programs never passes here: JSON and CSV keep slugs, decimal points and units as the record has them.

use super::escape;
use crate::i18n::{Language, Message, Texts};

/// A value of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Text from data, made harmless and otherwise as it is.
    Text(String),
    /// A number with its unit (UCUM), written as people write them.
    Figure(String),
    /// Something that each language has a word for.
    Word(Message),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Message> for Cell {
    fn from(word: Message) -> Self {
        Self::Word(word)
    }
}

impl Cell {
    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Figure(text) => text.is_empty(),
            Self::Word(_) => false,
        }
    }

    /// As the page shows it, harmless for a terminal.
    pub(super) fn said(&self, texts: &Texts) -> String {
        match self {
            Self::Text(text) => escape(text).into_owned(),
            Self::Figure(text) => escape(&figure(text, texts.language())).into_owned(),
            Self::Word(word) => texts.say(word),
        }
    }
}

/// `117/79 mm[Hg]` as `117/79 mmHg`; in French with a comma for the decimals.
fn figure(text: &str, language: Language) -> String {
    let (number, unit) = text.rsplit_once(' ').unwrap_or((text, ""));
    let number = match language {
        Language::French => number.replace('.', ","),
        Language::English => number.to_owned(),
    };
    format!("{number} {}", unit_in_words(unit, language)).trim_end().to_owned()
}

/// A unit as people write it: UCUM writes units for programs.
fn unit_in_words(unit: &str, language: Language) -> String {
    let international = match language {
        Language::French => "UI",
        Language::English => "IU",
    };
    let parts = unit.split('/').map(|part| match part {
        "Cel" => "\u{b0}C".to_owned(),
        "ug" | "umol" | "uL" | "um" => part.replacen('u', "\u{b5}", 1),
        "10*3" => "10\u{b3}".to_owned(),
        "10*6" => "10\u{2076}".to_owned(),
        "10*9" => "10\u{2079}".to_owned(),
        "10*12" => "10\u{b9}\u{b2}".to_owned(),
        _ => part.replace("[Hg]", "Hg").replace("[IU]", international).replace(['{', '}'], ""),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_written_as_people_write_it() {
        let both = |text| [Language::French, Language::English].map(|language| figure(text, language));
        assert_eq!(both("71.5 kg"), ["71,5 kg", "71.5 kg"]);
        assert_eq!(both("117/79 mm[Hg]"), ["117/79 mmHg", "117/79 mmHg"]);
        assert_eq!(both("<1.85 m[IU]/L"), ["<1,85 mUI/L", "<1.85 mIU/L"]);
        assert_eq!(both("64 umol/L"), ["64 \u{b5}mol/L", "64 \u{b5}mol/L"]);
        assert_eq!(both("7.2 10*9/L"), ["7,2 10\u{2079}/L", "7.2 10\u{2079}/L"]);
        assert_eq!(both("37.1 Cel"), ["37,1 \u{b0}C", "37.1 \u{b0}C"]);
        assert_eq!(both("80"), ["80", "80"]);
        assert_eq!(both(""), ["", ""]);
    }
}
