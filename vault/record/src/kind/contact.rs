//! Relatives, professionals, establishments, care teams. Description only: nothing here grants a right.

use serde::{Deserialize, Serialize};

use crate::{
    code::Concept,
    date::When,
    person::{Actor, Address, HumanName, Identifier, Sex, Telecom},
};

crate::code_enum! {
    /// What a contact is.
    #[derive(Default)]
    pub enum ContactSort {
        /// A hospital, a practice, a pharmacy.
        Establishment = "establishment",
        /// A health professional.
        Professional = "professional",
        /// A relative or another private person.
        #[default]
        Relative = "relative",
        /// A group of the others.
        Team = "team",
    }
}

crate::code_enum! {
    /// What a relative is there for, with the codes of Mon espace santé.
    pub enum ContactType {
        /// Cares for the person.
        Caregiver = "CAREGIVER_CONTACT",
        /// To be called in an emergency.
        Emergency = "EMERGENCY_CONTACT",
        /// Is helped by the person.
        Helped = "HELP_CONTACT",
        /// Trusted person in the sense of the law: at most one.
        Trusted = "TRUSTED_CONTACT",
    }
}

/// A contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// What it is.
    pub sort: ContactSort,
    /// Name of a person.
    pub name: HumanName,
    /// Name of an establishment or team; the establishment of a professional.
    pub organisation: Option<String>,
    /// What a relative is there for; several allowed.
    pub types: Vec<ContactType>,
    /// Relation of a relative: `MOTHER`, `FATHER`, `CHILD`, `SPOUSE`, `TUTEUR`, `OTHER`, or the words of the source.
    pub relation: Option<String>,
    /// The same in code systems.
    pub relation_codes: Vec<Concept>,
    /// Telephone, mail, secure mailbox.
    pub telecoms: Vec<Telecom>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// RPPS, FINESS and other identifiers.
    pub identifiers: Vec<Identifier>,
    /// Professions.
    pub professions: Vec<Concept>,
    /// Specialities.
    pub specialities: Vec<Concept>,
    /// `MEDECIN_TRAITANT`, `SAGE_FEMME_REFERENTE`, `PHARMACIEN_CORRESPONDANT`.
    pub role: Option<String>,
    /// Kinds of an establishment.
    pub categories: Vec<Concept>,
    /// Whether it is in use, if that was said.
    pub active: Option<bool>,
    /// Begin of the relation.
    pub start: Option<When>,
    /// End of the relation.
    pub end: Option<When>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Birth date.
    pub birth_date: Option<crate::PartialDate>,
    /// People of a team, with what each does there.
    pub members: Vec<Actor>,
    /// Whether the source gave only a part of what it holds: such a copy never overwrites a fuller one.
    pub partial: Option<bool>,
}

impl Contact {
    /// What to show: the person, else the organisation, else an identifier.
    pub fn label(&self) -> String {
        let person = self.name.label();
        if !person.is_empty() {
            return person;
        }
        let identifier = || self.identifiers.first().map(|identifier| identifier.value.clone());
        self.organisation.clone().or_else(identifier).unwrap_or_default()
    }
}
