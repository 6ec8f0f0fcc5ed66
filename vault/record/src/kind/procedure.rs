//! An act: an operation, an examination, care.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, person::Actor};

/// An act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Procedure {
    /// Name as said.
    pub name: Option<String>,
    /// The same in code systems (CCAM, SNOMED CT).
    pub code: Concept,
    /// Class of the act.
    pub category: Option<Concept>,
    /// When, or its begin.
    pub start: Option<When>,
    /// End.
    pub end: Option<When>,
    /// When, in words.
    pub when_text: Option<String>,
    /// `completed`, `in-progress`, `not-done`, `planned`… (FHIR event-status).
    pub state: Option<String>,
    /// Who did it.
    pub performers: Vec<Actor>,
    /// Why.
    pub reasons: Vec<Concept>,
    /// Where on the body.
    pub body_sites: Vec<Concept>,
    /// How it ended.
    pub outcome: Option<Concept>,
    /// Where it was done, in words.
    pub place: Option<String>,
    /// Devices put in or used.
    pub devices: Vec<Concept>,
}
