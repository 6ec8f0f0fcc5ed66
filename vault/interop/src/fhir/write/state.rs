//! Codes that FHIR binds to a closed list: what is written is in the list, or is left out and told.

use carnet_record::{Entry, Status};

use super::{LossReason, Writer};

/// The status of a resource: what was read when it is in the list of that resource, unless the entry was marked since.
pub(crate) fn state(
    writer: &mut Writer,
    entry: &Entry,
    resource: &str,
    read: Option<&str>,
    otherwise: &'static str,
) -> &'static str {
    let allowed = STATES.iter().find(|(kind, _)| *kind == resource).map(|(_, codes)| *codes).unwrap_or_default();
    if entry.status == Status::EnteredInError {
        return "entered-in-error";
    }
    if entry.status == Status::Superseded && resource == "DocumentReference" {
        return "superseded";
    }
    let Some(read) = read else { return otherwise };
    let same =
        if read == "completed" && matches!(resource, "Observation" | "DiagnosticReport") { "final" } else { read };
    one_of(same, allowed).unwrap_or_else(|| {
        writer.lose(entry, "state", LossReason::CodeNotAllowed);
        otherwise
    })
}

/// The code, if the blank-separated list has it.
pub(crate) fn one_of(code: &str, allowed: &'static str) -> Option<&'static str> {
    allowed.split(' ').find(|known| *known == code)
}

/// What FHIR R4 allows as `status`.
const STATES: [(&str, &str); 12] = [
    ("Appointment", APPOINTMENT_STATES),
    ("CareTeam", "proposed active suspended inactive entered-in-error"),
    (
        "DiagnosticReport",
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown",
    ),
    ("DocumentReference", "current superseded entered-in-error"),
    ("Encounter", "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"),
    ("Immunization", "completed entered-in-error not-done"),
    ("MedicationAdministration", "in-progress not-done on-hold completed entered-in-error stopped unknown"),
    (
        "MedicationDispense",
        "preparation in-progress cancelled on-hold completed entered-in-error stopped declined unknown",
    ),
    ("MedicationRequest", "active on-hold cancelled completed entered-in-error stopped draft unknown"),
    ("MedicationStatement", "active completed entered-in-error intended stopped on-hold unknown not-taken"),
    ("Observation", "registered preliminary final amended corrected cancelled entered-in-error unknown"),
    ("Procedure", "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"),
];

/// States of an appointment; a free slot has none of them.
pub(crate) const APPOINTMENT_STATES: &str =
    "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist";
/// Clinical states of what has ended (FHIR con-4).
pub(crate) const ENDED: &str = "inactive remission resolved";
