//! An allergy or intolerance. "No known allergy" is an [`super::absence::Absence`], never one of these.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When};

/// An allergy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allergy {
    /// The allergen as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// The same in code systems.
    pub code: Concept,
    /// `allergy` or `intolerance` (FHIR); named so because `kind` is taken.
    pub mechanism: Option<String>,
    /// `food`, `medication`, `environment`, `biologic` (FHIR).
    pub categories: Vec<String>,
    /// `low`, `high`, `unable-to-assess` (FHIR).
    pub criticality: Option<String>,
    /// Beginning.
    pub onset: Option<When>,
    /// Beginning in words.
    pub onset_text: Option<String>,
    /// Last time it showed.
    pub last_occurrence: Option<When>,
    /// End; none while it stands.
    pub end: Option<When>,
    /// `active`, `inactive`, `resolved` (FHIR allergyintolerance-clinical).
    pub clinical: Option<String>,
    /// `unconfirmed`, `presumed`, `confirmed` (FHIR allergyintolerance-verification).
    pub verification: Option<String>,
    /// What happened.
    pub reactions: Vec<Reaction>,
}

/// One reaction, or one sort of reaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reaction {
    /// Substance that caused this one.
    pub substance: Option<Concept>,
    /// Signs.
    pub manifestations: Vec<Concept>,
    /// `mild`, `moderate`, `severe` (FHIR).
    pub severity: Option<String>,
    /// When.
    pub at: Option<When>,
    /// Way of exposure.
    pub route: Option<Concept>,
    /// In words.
    pub text: Option<String>,
}
