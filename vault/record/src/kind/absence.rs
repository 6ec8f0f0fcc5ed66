//! An explicit statement that something is not there: by whom and when. It is never an empty list, and never a fact
//! of presence; "nothing recorded" makes no such entry.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, person::Actor, section::SectionKind};

crate::code_enum! {
    /// What is not there. The first six are the statements of Mon espace santé.
    #[derive(Default)]
    pub enum AbsenceOf {
        /// Allergies.
        #[default]
        Allergies = "ALLERGIES",
        /// Disabilities.
        Disabilities = "DISABILITIES",
        /// Diseases.
        Diseases = "DISEASES",
        /// Family history.
        FamilyHistories = "FAMILY_HISTORIES",
        /// Hospital stays.
        Hospitalizations = "HOSPITALIZATIONS",
        /// Treatments.
        Treatments = "TREATMENTS",
        /// Implants and devices.
        Devices = "DEVICES",
        /// Acts.
        Procedures = "PROCEDURES",
        /// Results.
        Results = "RESULTS",
        /// Vaccinations.
        Vaccinations = "VACCINATIONS",
    }
}

crate::code_enum! {
    /// How the absence is meant.
    #[derive(Default)]
    pub enum AbsenceMeaning {
        /// None is known.
        #[default]
        NoneKnown = "none-known",
        /// The person is not concerned.
        NotConcerned = "not-concerned",
        /// Was not done.
        NotDone = "not-done",
        /// Nobody could say.
        Unavailable = "unavailable",
    }
}

/// A statement of absence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Absence {
    /// What is not there.
    pub of: AbsenceOf,
    /// How that is meant.
    pub meaning: AbsenceMeaning,
    /// The statement as coded at the source, which may be narrower ("no known food allergy").
    pub code: Concept,
    /// When it was stated.
    pub stated_at: Option<When>,
    /// Who stated it.
    pub author: Option<Actor>,
}

impl Absence {
    /// The section of what is not there.
    pub fn section(&self) -> SectionKind {
        match self.of {
            AbsenceOf::Allergies | AbsenceOf::Treatments => SectionKind::Treatments,
            AbsenceOf::Vaccinations => SectionKind::Vaccines,
            AbsenceOf::Procedures | AbsenceOf::Results => SectionKind::Results,
            _ => SectionKind::History,
        }
    }
}
