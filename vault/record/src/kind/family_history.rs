//! A disease of a relative. That there is none is an [`super::absence::Absence`].

use serde::{Deserialize, Serialize};

use crate::code::Concept;

crate::code_enum! {
    /// Who had the disease, with the terms of Mon espace santé.
    pub enum Relative {
        /// A sister of a parent.
        Aunt = "AUNT",
        /// A brother.
        Brother = "BROTHER",
        /// The father.
        Father = "FATHER",
        /// A grandfather.
        Grandfather = "GRANDFATHER",
        /// A grandmother.
        Grandmother = "GRANDMOTHER",
        /// A great-grandfather.
        GreatGrandfather = "GREAT_GRANDFATHER",
        /// A great-grandmother.
        GreatGrandmother = "GREAT_GRANDMOTHER",
        /// The mother.
        Mother = "MOTHER",
        /// Somebody else of the family.
        OtherRelative = "OTHER",
        /// A sister.
        Sister = "SISTER",
        /// A brother of a parent.
        Uncle = "UNCLE",
    }
}

/// A disease of a relative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FamilyHistory {
    /// The disease as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// The same in code systems.
    pub code: Concept,
    /// Who had it.
    pub relative: Option<Relative>,
    /// The same as the source says it, which may be narrower ("maternal grandmother").
    pub relationship: Concept,
}
