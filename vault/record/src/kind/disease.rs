//! A disease or another problem of health.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When};

/// A disease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disease {
    /// Name as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// The same in code systems (CIM-10, SNOMED CT).
    pub code: Concept,
    /// Beginning.
    pub start: Option<When>,
    /// End; none while it goes on.
    pub end: Option<When>,
    /// Age or period of the beginning or end in words, when no date was said.
    pub onset_text: Option<String>,
    /// `active`, `recurrence`, `relapse`, `inactive`, `remission`, `resolved` (FHIR condition-clinical).
    pub clinical: Option<String>,
    /// `unconfirmed`, `provisional`, `differential`, `confirmed` (FHIR condition-ver-status).
    pub verification: Option<String>,
    /// `problem-list-item`, `encounter-diagnosis`, and others.
    pub categories: Vec<Concept>,
    /// How severe.
    pub severity: Option<Concept>,
    /// Where in the body.
    pub body_site: Option<Concept>,
}
