//! Which version of FHIR a resource is written in, by what it says and by its shape.
//!
//! Only R4 is read as entries. The same member means other things in other versions, so the others are recognised and
//! kept as documents.

use super::json::Json;

/// A version that is recognised and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherVersion {
    Dstu2,
    R5,
    Stu3,
}

impl OtherVersion {
    /// The reason in the report.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Dstu2 => "fhir-version-dstu2",
            Self::R5 => "fhir-version-r5",
            Self::Stu3 => "fhir-version-stu3",
        }
    }
}

/// The other version that a resource is written in; none for R4 and for what fits several.
pub(super) fn other_version(resource: &Json) -> Option<OtherVersion> {
    match said(resource) {
        Some(Said::Other(version)) => Some(version),
        Some(Said::R4) => None,
        None => shaped(resource),
    }
}

/// What a resource says of its own version.
enum Said {
    Other(OtherVersion),
    R4,
}

/// What the resource says itself: `fhirVersion`, or the version in the address of a base profile.
fn said(resource: &Json) -> Option<Said> {
    let of_text = |text: &str| match text.get(..2)? {
        "0." | "1." => Some(Said::Other(OtherVersion::Dstu2)),
        "3." => Some(Said::Other(OtherVersion::Stu3)),
        "4." => Some(Said::R4),
        "5." | "6." => Some(Said::Other(OtherVersion::R5)),
        _ => None,
    };
    if let Some(found) = resource.text("fhirVersion").and_then(of_text) {
        return Some(found);
    }
    let profiles = resource.get("meta").map(|meta| meta.list("profile")).unwrap_or_default();
    profiles.iter().filter_map(Json::as_text).find_map(|profile| {
        let path = profile.strip_prefix("http://hl7.org/fhir/")?;
        match path.split('/').next()? {
            "DSTU2" => Some(Said::Other(OtherVersion::Dstu2)),
            "STU3" => Some(Said::Other(OtherVersion::Stu3)),
            "R4" => Some(Said::R4),
            "R5" => Some(Said::Other(OtherVersion::R5)),
            number => of_text(number),
        }
    })
}

/// Members and types that exist in one version only.
fn shaped(resource: &Json) -> Option<OtherVersion> {
    let kind = resource.text("resourceType")?;
    let has = |name: &str| resource.get(name).is_some();
    let is_text = |name: &str| matches!(resource.get(name), Some(Json::Text(_)));
    let is_object = |name: &str| matches!(resource.get(name), Some(Json::Object(_)));
    let is_list = |name: &str| matches!(resource.get(name), Some(Json::List(_)));
    match kind {
        "MedicationOrder" | "DiagnosticOrder" | "DeviceUseRequest" | "ProcessRequest" | "Conformance" => {
            Some(OtherVersion::Dstu2)
        }
        "ProcedureRequest" | "ReferralRequest" | "BodySite" if !has("intent") => Some(OtherVersion::Dstu2),
        "ProcedureRequest" | "ReferralRequest" | "Sequence" | "EligibilityRequest" => Some(OtherVersion::Stu3),
        "Condition" if has("dateRecorded") || is_text("verificationStatus") && has("patient") => {
            Some(OtherVersion::Dstu2)
        }
        "Condition" if is_text("clinicalStatus") || is_text("verificationStatus") => Some(OtherVersion::Stu3),
        "Condition" if is_list("participant") => Some(OtherVersion::R5),
        "AllergyIntolerance" if has("substance") => Some(OtherVersion::Dstu2),
        "AllergyIntolerance" if is_text("clinicalStatus") || is_text("verificationStatus") => Some(OtherVersion::Stu3),
        "AllergyIntolerance" if is_object("type") || is_list("participant") => Some(OtherVersion::R5),
        "MedicationStatement" if has("patient") || has("wasNotTaken") => Some(OtherVersion::Dstu2),
        "MedicationStatement" if has("taken") => Some(OtherVersion::Stu3),
        "MedicationStatement" | "MedicationRequest" | "MedicationDispense" | "MedicationAdministration"
            if is_object("medication") =>
        {
            Some(OtherVersion::R5)
        }
        "MedicationRequest"
            if is_object("requester") && resource.get("requester").is_some_and(|own| own.get("agent").is_some()) =>
        {
            Some(OtherVersion::Stu3)
        }
        "Immunization" if has("wasNotGiven") || has("reported") => Some(OtherVersion::Dstu2),
        "Immunization" if has("notGiven") || has("date") => Some(OtherVersion::Stu3),
        "Immunization" if is_list("informationSource") || has("administeredProduct") => Some(OtherVersion::R5),
        "Observation" if has("comments") => Some(OtherVersion::Dstu2),
        "Observation" if has("related") || has("comment") || has("context") => Some(OtherVersion::Stu3),
        "Observation" if has("triggeredBy") || has("bodyStructure") => Some(OtherVersion::R5),
        "Procedure" if has("notPerformed") => Some(OtherVersion::Dstu2),
        "Procedure" if has("notDone") || has("context") => Some(OtherVersion::Stu3),
        "Procedure" if has("occurrenceDateTime") || has("occurrencePeriod") => Some(OtherVersion::R5),
        "Encounter" if is_text("class") => Some(OtherVersion::Dstu2),
        "Encounter" if is_list("class") || has("actualPeriod") || has("admission") => Some(OtherVersion::R5),
        "DocumentReference" if has("created") => Some(OtherVersion::Dstu2),
        "DocumentReference" if has("indexed") || is_object("class") => Some(OtherVersion::Stu3),
        "DocumentReference" if is_list("context") || has("attester") || has("version") => Some(OtherVersion::R5),
        "DiagnosticReport" if has("codedDiagnosis") && !has("code") => Some(OtherVersion::Stu3),
        "Composition" if is_text("url") || is_list("subject") => Some(OtherVersion::R5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::parse;

    fn version(text: &str) -> Option<OtherVersion> {
        other_version(&parse(text.as_bytes()).unwrap().values[0])
    }

    #[test]
    fn other_versions_are_known_by_their_shape_or_by_what_they_say() {
        let cases = [
            (r#"{"resourceType":"Condition","clinicalStatus":"active","subject":{}}"#, Some(OtherVersion::Stu3)),
            (
                r#"{"resourceType":"Condition","verificationStatus":"confirmed","patient":{"reference":"Patient/1"}}"#,
                Some(OtherVersion::Dstu2),
            ),
            (r#"{"resourceType":"MedicationOrder"}"#, Some(OtherVersion::Dstu2)),
            (r#"{"resourceType":"MedicationRequest","medication":{"concept":{}}}"#, Some(OtherVersion::R5)),
            (r#"{"resourceType":"Immunization","date":"2013-01-10","wasNotGiven":false}"#, Some(OtherVersion::Dstu2)),
            (r#"{"resourceType":"Encounter","class":[{"coding":[]}]}"#, Some(OtherVersion::R5)),
            (
                r#"{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/3.0/StructureDefinition/bmi"]}}"#,
                Some(OtherVersion::Stu3),
            ),
            (
                r#"{"resourceType":"Observation","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bmi"]}}"#,
                None,
            ),
            (r#"{"resourceType":"Bundle","fhirVersion":"4.0.1"}"#, None),
            (r#"{"resourceType":"Condition","clinicalStatus":{"coding":[]}}"#, None),
        ];
        for (text, expected) in cases {
            assert_eq!(version(text), expected, "{text}");
        }
    }
}
