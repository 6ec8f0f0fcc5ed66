//! A visit, a consultation, a hospital stay.

use serde::{Deserialize, Serialize};

use crate::{
    code::{Coding, Concept},
    date::When,
    person::Actor,
};

crate::code_enum! {
    /// Unit of the length of a stay, with the codes of Mon espace santé.
    pub enum DurationUnit {
        /// Days.
        Day = "DAY",
        /// Months.
        Month = "MONTH",
        /// Weeks.
        Week = "WEEK",
        /// Years.
        Year = "YEAR",
    }
}

/// A visit or a stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Encounter {
    /// Reason as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// Kind of encounter in code systems.
    pub code: Concept,
    /// `AMB`, `IMP`, `EMER`… (HL7 v3 `ActCode`).
    pub class: Option<Coding>,
    /// Begin, admission.
    pub start: Option<When>,
    /// End, release.
    pub end: Option<When>,
    /// Length, with its unit, when no end was said.
    pub duration: Option<u16>,
    /// Unit of the length.
    pub duration_unit: Option<DurationUnit>,
    /// `planned`, `in-progress`, `finished`, `cancelled`… (FHIR encounter-status).
    pub state: Option<String>,
    /// Establishment, in words.
    pub establishment: Option<String>,
    /// Who took part.
    pub participants: Vec<Actor>,
    /// Why.
    pub reasons: Vec<Concept>,
    /// Where the person went afterwards.
    pub discharge: Option<Concept>,
}
