//! A treatment and what surrounds it: prescription, dispensation, administration, reimbursement.

use serde::{Deserialize, Serialize};

use crate::{code::Concept, date::When, person::Actor, quantity::Quantity};

crate::code_enum! {
    /// What sort of statement about a drug this is. A prescription is not a running treatment.
    #[derive(Default)]
    pub enum TreatmentRole {
        /// The drug was given.
        Administration = "administration",
        /// The drug was handed over.
        Dispensation = "dispensation",
        /// The drug was ordered.
        Prescription = "prescription",
        /// An insurer paid for it: consumption, not prescription.
        Reimbursement = "reimbursement",
        /// The person takes it, or took it.
        #[default]
        Statement = "statement",
    }
}

/// A treatment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Treatment {
    /// Name as said; at most 200 characters when typed.
    pub name: Option<String>,
    /// The drug in code systems (CIP, UCD, CIS, ATC).
    pub code: Concept,
    /// What sort of statement this is.
    pub role: TreatmentRole,
    /// Pharmaceutical form.
    pub form: Option<Concept>,
    /// Active substances with their strength in words.
    pub ingredients: Vec<Concept>,
    /// Dosage in words; at most 1000 characters when typed.
    pub dosage: Option<String>,
    /// Dosage as structure, line by line.
    pub dosage_lines: Vec<DosageLine>,
    /// Beginning.
    pub start: Option<When>,
    /// End; none while it goes on.
    pub end: Option<When>,
    /// When it was ordered, handed over or stated, when that is not the beginning.
    pub stated_at: Option<When>,
    /// `active`, `completed`, `stopped`, `on-hold`, `draft`, `unknown`… as the source says (FHIR).
    pub state: Option<String>,
    /// `order`, `plan`, `option`… of a prescription (FHIR request intent).
    pub intent: Option<String>,
    /// Common identifier of the lines of one prescription.
    pub group: Option<String>,
    /// Prescriber, pharmacist or whoever gave it.
    pub performer: Option<Actor>,
    /// Why.
    pub reasons: Vec<Concept>,
    /// Quantity ordered or handed over.
    pub quantity: Option<Quantity>,
    /// Times it may be handed over again.
    pub repeats: Option<u32>,
    /// Number of the batch.
    pub lot: Option<String>,
}

impl Treatment {
    /// Whether this is consumption reported by an insurer.
    pub fn is_reimbursement(&self) -> bool {
        self.role == TreatmentRole::Reimbursement
    }

    /// Whether the person takes it now, as far as was said: a statement with no end and no state that ends it.
    pub fn is_ongoing(&self) -> bool {
        let ended = matches!(
            self.state.as_deref(),
            Some("completed" | "stopped" | "cancelled" | "entered-in-error" | "not-taken" | "draft" | "intended")
        );
        self.role == TreatmentRole::Statement && self.end.is_none() && !ended
    }
}

/// One line of a dosage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DosageLine {
    /// Order among the lines.
    pub sequence: Option<u32>,
    /// The line in words.
    pub text: Option<String>,
    /// Instruction to the person.
    pub instruction: Option<String>,
    /// Dose at one time.
    pub dose: Option<Quantity>,
    /// Upper end of the dose, when it is a range.
    pub dose_high: Option<Quantity>,
    /// How often in one period.
    pub frequency: Option<u32>,
    /// Length of the period in which `frequency` counts.
    pub period: Option<Quantity>,
    /// Parts of the day (FHIR event-timing codes: `MORN`, `NOON`, `EVE`, `NIGHT`, `PCM`…) and week days.
    pub moments: Vec<String>,
    /// Times of the day, `hh:mm:ss`.
    pub times: Vec<String>,
    /// For how long.
    pub duration: Option<Quantity>,
    /// First day.
    pub start: Option<When>,
    /// Last day.
    pub end: Option<When>,
    /// Only when needed.
    pub as_needed: Option<bool>,
    /// Needed for what.
    pub as_needed_for: Option<Concept>,
    /// Way of administration.
    pub route: Option<Concept>,
    /// Place of administration.
    pub site: Option<Concept>,
    /// Most in a period, in words.
    pub maximum: Option<String>,
}
