//! What the options of the profile may say, and what that means in the record.

use carnet_record::{
    kind::{disability::DisabilityType, family_history::Relative, vaccination::Administration},
    person::Sex,
};

use super::ProfileKind;
use crate::{error::Failure, msg};

/// The sex of a person, as the command line writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SexOption {
    Female,
    Male,
    Other,
    Unknown,
}

impl From<SexOption> for Sex {
    fn from(option: SexOption) -> Self {
        match option {
            SexOption::Female => Self::Female,
            SexOption::Male => Self::Male,
            SexOption::Other => Self::Unclassified,
            SexOption::Unknown => Self::Unknown,
        }
    }
}

/// How a vaccination stands in its series, or what a disability is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TypeOption {
    Booster,
    First,
    Unknown,
    DisablingDisease,
    Motor,
    Multiple,
    NeuroDevelopmental,
    Other,
    Psychic,
    Sensory,
}

impl TypeOption {
    pub(super) fn of_vaccination(self) -> Result<Administration, Failure> {
        Ok(match self {
            Self::Booster => Administration::Booster,
            Self::First => Administration::Initial,
            Self::Unknown => Administration::NotKnown,
            _ => return Err(Failure::Usage(msg!("usage-value-among", option = "--type", values = VACCINE_TYPES))),
        })
    }

    pub(super) fn of_disability(self) -> Result<DisabilityType, Failure> {
        Ok(match self {
            Self::DisablingDisease => DisabilityType::DisablingDisease,
            Self::Motor => DisabilityType::Motor,
            Self::Multiple => DisabilityType::Multiple,
            Self::NeuroDevelopmental => DisabilityType::NeuroDevelopmental,
            Self::Other => DisabilityType::Others,
            Self::Psychic => DisabilityType::Psychic,
            Self::Sensory => DisabilityType::Sensory,
            Self::Booster | Self::First | Self::Unknown => {
                return Err(Failure::Usage(msg!("usage-value-among", option = "--type", values = DISABILITY_TYPES)));
            }
        })
    }
}

pub(super) const VACCINE_TYPES: &str = "booster, first, unknown";
const DISABILITY_TYPES: &str = "disabling-disease, motor, multiple, neuro-developmental, other, psychic, sensory";

/// The rate of a disability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RateOption {
    #[value(name = "under-50")]
    Under50,
    #[value(name = "50-79")]
    From50To79,
    #[value(name = "80-or-more")]
    From80,
    Unknown,
}

/// Whether somebody helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HelpOption {
    No,
    NotSaid,
    Yes,
}

/// Who of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RelationOption {
    Mother,
    Father,
    Sister,
    Brother,
    Grandmother,
    Grandfather,
    GreatGrandmother,
    GreatGrandfather,
    Aunt,
    Uncle,
    Other,
}

impl From<RelationOption> for Relative {
    fn from(option: RelationOption) -> Self {
        match option {
            RelationOption::Mother => Self::Mother,
            RelationOption::Father => Self::Father,
            RelationOption::Sister => Self::Sister,
            RelationOption::Brother => Self::Brother,
            RelationOption::Grandmother => Self::Grandmother,
            RelationOption::Grandfather => Self::Grandfather,
            RelationOption::GreatGrandmother => Self::GreatGrandmother,
            RelationOption::GreatGrandfather => Self::GreatGrandfather,
            RelationOption::Aunt => Self::Aunt,
            RelationOption::Uncle => Self::Uncle,
            RelationOption::Other => Self::OtherRelative,
        }
    }
}

/// What `profile form` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FormKind {
    Directive,
    Donation,
    Lifestyle,
}

impl From<FormKind> for ProfileKind {
    fn from(option: FormKind) -> Self {
        match option {
            FormKind::Directive => Self::Directive,
            FormKind::Donation => Self::Donation,
            FormKind::Lifestyle => Self::Lifestyle,
        }
    }
}

/// How much harm an allergy may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Criticality {
    High,
    Low,
}
