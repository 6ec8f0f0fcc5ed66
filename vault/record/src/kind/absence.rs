//! An explicit statement that something is not there: by whom and when. It is never an empty list, and never a fact
//! of presence; "nothing recorded" makes no such entry.

use serde::{Deserialize, Serialize};

use super::Fact;
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

    /// Whether `fact` is one of what is said not to be there. Of treatments only those that go on are, of visits only stays.
    pub fn is_contradicted_by(&self, fact: &Fact) -> bool {
        match (&self.of, fact) {
            (AbsenceOf::Treatments, Fact::Treatment(treatment)) => treatment.is_ongoing(),
            (AbsenceOf::Hospitalizations, Fact::Encounter(own)) => {
                own.class.as_ref().is_some_and(|class| class.code == "IMP")
            }
            (AbsenceOf::Allergies, Fact::Allergy(_))
            | (AbsenceOf::Disabilities, Fact::Disability(_))
            | (AbsenceOf::Diseases, Fact::Disease(_))
            | (AbsenceOf::FamilyHistories, Fact::FamilyHistory(_))
            | (AbsenceOf::Procedures, Fact::Procedure(_))
            | (AbsenceOf::Results, Fact::Result(_))
            | (AbsenceOf::Vaccinations, Fact::Vaccination(_)) => true,
            _ => false,
        }
    }
}
