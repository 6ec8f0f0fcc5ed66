//! A vaccination. One that was not given is an entry whose status is `not-done`.

use serde::{Deserialize, Serialize};

use crate::{
    code::Concept,
    date::{PartialDate, When},
    person::Actor,
    quantity::Quantity,
};

crate::code_enum! {
    /// The place of an injection in its series, with the HL7 codes of Mon espace santé.
    pub enum Administration {
        /// A booster.
        Booster = "BOOSTER",
        /// The first.
        Initial = "INITIMMUNIZ",
        /// Not known.
        NotKnown = "IMMUNIZ",
    }
}

/// A vaccination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vaccination {
    /// Name of the vaccine.
    pub name: Option<String>,
    /// The vaccine in code systems (CIP, CIS, ATC, CVX, SNOMED CT).
    pub code: Concept,
    /// When it was given.
    pub at: Option<When>,
    /// Number of the batch; at most 100 characters.
    pub lot: Option<String>,
    /// Last day of use of the product.
    pub expires: Option<PartialDate>,
    /// Serial number of the box.
    pub serial: Option<String>,
    /// Manufacturer, in words.
    pub manufacturer: Option<String>,
    /// First, booster, or not known.
    pub administration: Option<Administration>,
    /// Number of the dose in its series, in words or digits.
    pub dose_number: Option<String>,
    /// Doses in the series.
    pub doses_in_series: Option<String>,
    /// Volume or count given.
    pub dose: Option<Quantity>,
    /// Way of administration.
    pub route: Option<Concept>,
    /// Place of administration.
    pub site: Option<Concept>,
    /// Who gave it.
    pub performer: Option<Actor>,
    /// Where it was given, in words.
    pub place: Option<String>,
    /// Diseases it protects from.
    pub pathologies: Vec<Concept>,
    /// Whether the law asks for it.
    pub mandatory: Option<bool>,
    /// Entry of the national reference list.
    pub reference: Option<String>,
    /// Confirmed by a professional: read-only.
    pub validated_by_professional: Option<bool>,
    /// Why it was not given.
    pub not_given_reason: Option<Concept>,
    /// `completed`, `not-done` (FHIR).
    pub state: Option<String>,
}
