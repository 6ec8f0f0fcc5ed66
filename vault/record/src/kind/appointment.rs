//! An appointment.

use serde::{Deserialize, Serialize};

use crate::{
    code::Concept,
    date::{Instant, When},
    person::Actor,
};

crate::code_enum! {
    /// The states of FHIR Appointment.
    pub enum AppointmentState {
        /// The person has arrived.
        Arrived = "arrived",
        /// Agreed.
        Booked = "booked",
        /// Called off.
        Cancelled = "cancelled",
        /// The person was checked in.
        CheckedIn = "checked-in",
        /// Said by mistake.
        EnteredInError = "entered-in-error",
        /// Took place.
        Fulfilled = "fulfilled",
        /// The person did not come.
        NoShow = "noshow",
        /// Not every participant has answered.
        Pending = "pending",
        /// Asked for.
        Proposed = "proposed",
        /// On a list for an earlier date.
        Waitlist = "waitlist",
    }
}

/// An appointment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Appointment {
    /// Title; at most 200 characters when typed.
    pub title: Option<String>,
    /// Begin.
    pub start: Option<When>,
    /// End.
    pub end: Option<When>,
    /// Length in minutes, when the source gave it.
    pub minutes: Option<u32>,
    /// State.
    pub state: Option<AppointmentState>,
    /// Kind of visit.
    pub service: Vec<Concept>,
    /// Speciality.
    pub speciality: Vec<Concept>,
    /// Reason.
    pub reasons: Vec<Concept>,
    /// Who takes part.
    pub participants: Vec<Participant>,
    /// Place, in words.
    pub place: Option<String>,
    /// Instructions to the person.
    pub instructions: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// UID of a calendar.
    pub uid: Option<String>,
    /// Version of a calendar entry.
    pub sequence: Option<u32>,
    /// Which one of a series.
    pub recurrence: Option<String>,
    /// When it was made.
    pub created_at: Option<Instant>,
    /// Belongs to another editor: read-only here.
    pub read_only: Option<bool>,
}

/// One who takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Participant {
    /// Who.
    pub actor: Actor,
    /// In what part.
    pub roles: Vec<Concept>,
    /// `accepted`, `declined`, `tentative`, `needs-action` (FHIR).
    pub answer: Option<String>,
    /// `required`, `optional`, `information-only` (FHIR).
    pub required: Option<String>,
}
