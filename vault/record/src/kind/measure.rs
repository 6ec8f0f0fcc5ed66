//! A measure that was typed, or filed one by one. Dense samples of phones and sensors travel in [`crate::batch`].

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, quantity::Quantity};

crate::code_enum! {
    /// The circumstance of a glucose measure, with the codes of the national value set J157
    /// (1.2.250.1.213.1.1.5.612).
    pub enum Moment {
        /// After effort ("Après exercice").
        AfterEffort = "LA11865-5",
        /// After a meal ("Glucose post prandial").
        AfterMeal = "16915-1",
        /// Before a meal.
        BeforeMeal = "88365-2",
        /// Fasting ("Glucose à jeun").
        Fasting = "53049-3",
        /// During a malaise (CISP-2 A05).
        Malaise = "A05",
        /// Another moment ("Autre").
        OtherMoment = "LA46-8",
    }
}

impl Moment {
    /// The word in the command line.
    pub fn slug(&self) -> &str {
        match self {
            Self::AfterEffort => "after-effort",
            Self::AfterMeal => "after-meal",
            Self::BeforeMeal => "before-meal",
            Self::Fasting => "fasting",
            Self::Malaise => "malaise",
            Self::OtherMoment => "other",
            Self::Other(code) => code,
        }
    }

    /// Reads the word of the command line, or the code.
    pub fn from_slug(text: &str) -> Option<Self> {
        let known = Self::KNOWN.iter().map(|code| Self::from(*code));
        known.into_iter().find(|moment| moment.slug() == text || moment.as_str() == text)
    }
}

/// A measure. Its kind is a row of [`crate::measure::KINDS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measure {
    /// Slug of the kind (`weight`, `blood-pressure`), or the code of the source for a kind that the table lacks.
    pub measure: String,
    /// The codes of the source.
    pub code: Concept,
    /// When it was taken.
    pub at: Option<When>,
    /// End, for a measure over a time.
    pub end: Option<When>,
    /// The value; none for a kind that has only components.
    pub value: Option<Quantity>,
    /// Components: systolic and diastolic.
    pub components: Vec<Component>,
    /// Circumstance, for glucose.
    pub moment: Option<Moment>,
    /// Days that the value is about, for interstitial glucose and GMI.
    pub days: Option<u16>,
    /// Reason of the measure.
    pub reason: Option<String>,
    /// Where on the body.
    pub body_site: Option<Concept>,
    /// How it was taken.
    pub method: Option<Concept>,
    /// What the value says, in the words of the source (high, low).
    pub interpretation: Vec<Concept>,
    /// Why there is no value.
    pub absent_reason: Option<Concept>,
}

impl Measure {
    /// The value of the component with `slug`.
    pub fn component(&self, slug: &str) -> Option<&Quantity> {
        self.components.iter().find(|part| part.measure == slug).and_then(|part| part.value.as_ref())
    }
}

/// One component of a measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Component {
    /// Slug of the component (`systolic`, `diastolic`), or the code of the source.
    pub measure: String,
    /// The codes of the source.
    pub code: Concept,
    /// The value.
    pub value: Option<Quantity>,
    /// Why there is no value.
    pub absent_reason: Option<Concept>,
}
