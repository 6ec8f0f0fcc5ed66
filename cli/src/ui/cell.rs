//! One value of a page: text from data, a moment, an identifier, a figure, or a word of ours.
//!
//! Data for programs never passes here: JSON and CSV keep slugs, identifiers, instants, decimal points and units as the
//! record has them.

use super::escape;
use crate::i18n::{Language, Message, Texts};

/// A value of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Text from data, made harmless and otherwise as it is.
    Text(String),
    /// An identifier of an entry: as much of it as names the entry to every command, save where two begin alike.
    Id(String),
    /// A date as it was said, or an instant: the minute on the clock of its own place.
    Moment(String),
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
            Self::Text(text) | Self::Id(text) | Self::Moment(text) | Self::Figure(text) => text.is_empty(),
            Self::Word(_) => false,
        }
    }

    /// As the page shows it, harmless for a terminal.
    pub(super) fn said(&self, texts: &Texts) -> String {
        match self {
            Self::Text(text) => escape(text).into_owned(),
            Self::Id(id) => escape(id).chars().take(ID_CHARS).collect(),
            Self::Moment(text) => escape(&moment(text)).into_owned(),
            Self::Figure(text) => escape(&figure(text, texts.language())).into_owned(),
            Self::Word(word) => texts.say(word),
        }
    }
}

/// Characters of an identifier on a page.
const ID_CHARS: usize = 8;

/// `2026-12-01T08:30:00+01:00` as `2026-12-01 08:30`; one whose place is not known says that it is in UTC.
fn moment(text: &str) -> String {
    const MINUTE_CHARS: usize = "2026-12-01T08:30".len();
    match text.get(..MINUTE_CHARS) {
        Some(minute) if minute.contains('T') => {
            let zone = if text.ends_with('Z') { " UTC" } else { "" };
            format!("{}{zone}", minute.replacen('T', " ", 1))
        }
        _ => text.to_owned(),
    }
}

/// `117/79 mm[Hg]` as `117/79 mmHg`; in French with a comma for the decimals.
pub(crate) fn figure(text: &str, language: Language) -> String {
    let (number, unit) = text.rsplit_once(' ').unwrap_or((text, ""));
    let number = match language {
        Language::French => number.replace('.', ","),
        Language::English => number.to_owned(),
    };
    format!("{number} {}", unit_in_words(unit, language)).trim().to_owned()
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
    fn a_moment_is_the_minute_on_the_clock_of_its_place_and_a_date_stays_as_it_was_said() {
        for (text, shown) in [
            ("2026-12-01T08:30:00+01:00", "2026-12-01 08:30"),
            ("2026-12-01T08:30:59.999-03:30", "2026-12-01 08:30"),
            ("2026-12-01T08:30:00Z", "2026-12-01 08:30 UTC"),
            ("2026-12-01", "2026-12-01"),
            ("2015", "2015"),
            ("", ""),
            ("un mardi de décembre", "un mardi de décembre"),
        ] {
            assert_eq!(moment(text), shown);
        }
    }

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
        assert_eq!(both(" mm[Hg]"), ["mmHg", "mmHg"], "a unit alone");
    }
}
