//! What a person says of an exam, a screening or a vaccine that published rules recommend ([`crate::prevention`]), or of an exam
//! that no rule asks for. It says how that stands, and never what ought to be done.

use serde::{Deserialize, Serialize};

use crate::date::{PartialDate, When};

crate::code_enum! {
    /// How it stands, in the words of the national service.
    pub enum PreventionState {
        /// Done.
        Done = "DONE",
        /// Not done.
        NotDone = "NOT_DONE",
        /// Not said.
        NotSpecified = "NOT_SPECIFIED",
        /// To be planned.
        ToPlan = "TO_PLAN",
    }
}

crate::code_enum! {
    /// Whether the law asks for it, in the words of the national service.
    pub enum RequirementLevel {
        /// The law asks for it.
        Mandatory = "OBLIGATOIRE",
        /// It is recommended.
        Recommended = "RECOMMANDE",
    }
}

/// What was said of one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prevention {
    /// Its name in the rules ([`crate::prevention::Item::code`]); none for an exam that no rule asks for.
    pub code: Option<String>,
    /// What the national service calls it: `EXAMEN_CARNET_SANTE`, `VAC_ROR`, `DEPISTAGE`.
    pub sort: Option<String>,
    /// What it is; at most 200 characters when typed.
    pub title: Option<String>,
    /// How it stands.
    pub state: Option<PreventionState>,
    /// When it was done, or is to be done.
    pub at: Option<When>,
    /// The first day in which it is meant to be done.
    pub start: Option<PartialDate>,
    /// The last one.
    pub end: Option<PartialDate>,
    /// Whether the law asks for it.
    pub requirement: Option<RequirementLevel>,
}
