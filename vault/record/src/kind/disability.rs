//! A disability, with the terms of Mon espace santé. That there is none is an [`super::absence::Absence`].

use serde::{Deserialize, Serialize};

use crate::code::Concept;

crate::code_enum! {
    /// What a disability is about; several may hold.
    pub enum DisabilityType {
        /// A disease that disables.
        DisablingDisease = "DISABLING_DISEASES",
        /// Of movement.
        Motor = "ENGINE",
        /// Of the development of the nervous system.
        NeuroDevelopmental = "NEURO_DEVELOPMENTAL_DISORDER",
        /// Another one, named so by whoever filled the form.
        Others = "OTHERS",
        /// Several at once, severe.
        Multiple = "POLY_DISABILITY",
        /// Of the mind.
        Psychic = "PSYCHIC",
        /// Of sight, hearing or another sense.
        Sensory = "SENSORY",
    }
}

crate::code_enum! {
    /// The rate that the departmental house for the disabled has stated.
    pub enum DisabilityRate {
        /// From 50 to 79 %.
        From50To79 = "BETWEEN_50_AND_79",
        /// 80 % or more.
        From80 = "BIGGER_THAN_80_OR_EQUAL",
        /// Below 50 %.
        Under50 = "LESS_THAN_50",
        /// Not known.
        Unknown = "UNKNOWN",
    }
}

crate::code_enum! {
    /// Whether somebody helps.
    pub enum HumanHelp {
        /// No.
        No = "NO",
        /// Not said.
        NotSaid = "NONE",
        /// Yes.
        Yes = "YES",
    }
}

/// A disability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disability {
    /// Name as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// The same in code systems.
    pub code: Concept,
    /// What it is about.
    pub types: Vec<DisabilityType>,
    /// The stated rate.
    pub rate: Option<DisabilityRate>,
    /// Wheelchair, hearing aid and the like, in words.
    pub technical_help: Option<String>,
    /// Whether somebody helps.
    pub human_help: Option<HumanHelp>,
}
