//! The rules as data: one JSON file, read whole, bounded, and refused with the place of what is wrong.
//!
//! Nothing is taken from a file that is not right in every part. No error carries text of the file.
//! The form is in `docs/format.md`, "Rules of prevention".

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    age::Age,
    check::{self, Problem},
};
use crate::date::{Day, PartialDate};

/// Why a file of rules was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesRefused {
    /// More than [`RULES_BYTES_MAX`].
    #[error("the rules are larger than {RULES_BYTES_MAX} bytes")]
    TooLarge,
    /// Not JSON of the form: a member is missing, unknown, or of the wrong sort.
    #[error("the rules do not have the form expected, at line {line}, column {column}")]
    Form {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A value that cannot be.
    #[error("the rules are refused at {path}: {problem}")]
    Value {
        /// Where, for instance `rules[3].schedule.steps[2].from`.
        path: String,
        /// What is wrong.
        problem: Problem,
    },
}

/// A text in the two languages of Carnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

/// A file of rules, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub(super) format: String,
    /// What the rules are about.
    pub title: Text,
    /// The country whose rules they are (ISO 3166-1, two letters).
    pub country: String,
    /// The day of the newest source: of two files, the later one is newer.
    pub date: Day,
    /// The day from which a newer file is to be expected.
    pub review_by: Day,
    /// The published documents, by the name that rules give them.
    pub sources: BTreeMap<String, Source>,
    /// What vaccines protect from, by name.
    pub diseases: BTreeMap<String, Text>,
    pub(super) vaccines: Vec<Vaccine>,
    #[serde(rename = "rules")]
    pub(super) all: Vec<Rule>,
    /// What the file says nothing of, on purpose.
    pub left_out: Vec<Text>,
}

/// A published document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its title.
    pub title: String,
    /// Who published it.
    pub publisher: String,
    /// When.
    pub date: PartialDate,
    /// Where it can be read.
    pub address: String,
    /// Its name in one line.
    pub short: Text,
}

/// Names and codes of vaccines that protect from the same diseases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vaccine {
    pub(super) protects: BTreeSet<String>,
    pub(super) names: Vec<String>,
    pub(super) atc: Vec<String>,
    /// Whether the names are words for what it protects from, which count only where no product is named.
    #[serde(default)]
    pub(super) generic: bool,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// A vaccination.
    Vaccine,
    /// A screening.
    Screening,
    /// An exam.
    Exam,
}

/// Whether the law asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Recommended.
    #[default]
    Recommended,
    /// Mandatory.
    Mandatory,
}

/// For whom a rule is, where it is not for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RuleSex {
    Female,
    Male,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) code: String,
    pub(super) kind: Sort,
    pub(super) sort: String,
    pub(super) title: Text,
    pub(super) source: String,
    #[serde(default)]
    pub(super) requirement: Requirement,
    pub(super) mandatory_born_from: Option<Day>,
    pub(super) sex: Option<RuleSex>,
    pub(super) born_from: Option<Day>,
    pub(super) born_before: Option<Day>,
    pub(super) condition: Option<Text>,
    pub(super) note: Option<Text>,
    #[serde(default)]
    pub(super) protects: BTreeSet<String>,
    pub(super) schedule: Schedule,
}

/// When something is to be done.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Schedule {
    /// Each year of age anew.
    Birthdays(Birthdays),
    /// Again and again after the last time.
    Every(Every),
    /// Doses, one after the other.
    Series(Series),
    /// At fixed ages, each for itself.
    Steps(Steps),
}

/// Doses that are counted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    /// Nothing is said before this age.
    pub(super) from: Option<Age>,
    /// Doses before this age do not count.
    pub(super) counts_from: Option<Age>,
    /// Doses closer than this count as one.
    pub(super) apart: Option<Age>,
    /// A series without a dose is not begun from this age on.
    pub(super) begin_before: Option<Age>,
    /// Nothing is said from this age on.
    pub(super) until: Option<Age>,
    pub(super) plans: Vec<Plan>,
}

/// The doses of a series that begins before an age.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) started_before: Option<Age>,
    /// In place of that of the series.
    pub(super) apart: Option<Age>,
    pub(super) doses: Vec<DoseRule>,
}

/// One dose: from an age until before another, and so long after the dose before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DoseRule {
    pub(super) from: Age,
    pub(super) to: Age,
    pub(super) after: Option<Age>,
}

/// Steps at fixed ages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
}

/// One step: from an age until before another; it is still asked for until the next one begins, or `until`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) from: Age,
    pub(super) to: Age,
    pub(super) until: Option<Age>,
    pub(super) counts_from: Option<Age>,
    pub(super) protects: Option<BTreeSet<String>>,
}

/// A step for each year of age.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Birthdays {
    pub(super) from: Age,
    pub(super) to: Age,
    pub(super) every: Age,
}

/// Something that comes back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Every {
    pub(super) season: Option<Season>,
    pub(super) phases: Vec<Phase>,
}

/// The months and days of a campaign, which may pass the end of the year.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Season {
    pub(super) from: MonthDay,
    pub(super) to: MonthDay,
    /// A dose counts from here on, where that is earlier.
    pub(super) counts_from: Option<MonthDay>,
}

/// Ages in which something comes back after the same time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) from: Age,
    pub(super) to: Age,
    pub(super) every: Age,
    /// How long after the first time, where that is another time.
    pub(super) second_after: Option<Age>,
}

/// A day of any year: `10-14`. 29 February is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct MonthDay {
    month: u8,
    day: u8,
}

impl MonthDay {
    /// This day in `year`, if that is a year of our reckoning.
    pub(super) fn in_year(self, year: u16) -> Option<Day> {
        PartialDate::from_day(year, self.month, self.day).map(PartialDate::earliest)
    }
}

impl TryFrom<String> for MonthDay {
    type Error = crate::date::NotADate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // A year that is no leap year.
        let date: PartialDate = format!("2001-{text}").parse()?;
        let (Some(month), Some(day)) = (date.month(), date.day()) else { return Err(crate::date::NotADate) };
        Ok(Self { month, day })
    }
}

impl Rules {
    /// The rules that Carnet brings with it.
    ///
    /// # Errors
    /// None: a test reads them.
    pub fn bundled() -> Result<Self, RulesRefused> {
        Self::read(BUNDLED.as_bytes())
    }

    /// Reads a file of rules.
    ///
    /// # Errors
    /// [`RulesRefused`], with the place.
    pub fn read(bytes: &[u8]) -> Result<Self, RulesRefused> {
        if bytes.len() > RULES_BYTES_MAX {
            return Err(RulesRefused::TooLarge);
        }
        let form = |error: serde_json::Error| RulesRefused::Form { line: error.line(), column: error.column() };
        let rules: Self = serde_json::from_slice(bytes).map_err(form)?;
        check::rules(&rules).map_err(|(path, problem)| RulesRefused::Value { path, problem })?;
        Ok(rules)
    }

    /// The codes of the rules, in their order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|rule| rule.code.as_str())
    }
}

/// The rules that Carnet brings with it, as they stand in the repository.
pub const BUNDLED: &str = include_str!("france.json");
/// Bytes of a file of rules.
pub const RULES_BYTES_MAX: usize = 256 * 1024;
/// The name of the form.
pub(super) const FORMAT: &str = "carnet.rules/1";
