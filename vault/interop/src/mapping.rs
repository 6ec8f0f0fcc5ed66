//! The mapping between entries and FHIR R4, as a table: field, place, and what is lost.
//!
//! The table is the one account of it: the writer tells losses from it, a test compares it with the fields of the
//! model and with what is really written, and `docs/fhir-mapping.md` is made from it ([`page`]).

use std::fmt::Write as _;

use crate::fhir::write::LossReason::{
    self, CalendarOnly, NationalOnly, NoPlace, NoPlaceInResource, ServerOnly, VaultOnly,
};

/// One field of one kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Kind of entry.
    pub kind: &'static str,
    /// Field of the model.
    pub field: &'static str,
    /// Where it stands in FHIR: resource type and path; empty when it has no place.
    pub path: &'static str,
    /// Why it is lost; none when the field comes back as it was.
    pub loss: Option<LossReason>,
}

/// The rows of one kind.
pub fn rows_of(kind: &str) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.kind == kind)
}

/// Whether a resource has a place for the note of an entry.
pub(crate) fn has_note(resource: Option<&str>) -> bool {
    !matches!(
        resource,
        Some(
            "DiagnosticReport"
                | "DocumentReference"
                | "Encounter"
                | "Organization"
                | "Patient"
                | "Practitioner"
                | "PractitionerRole"
                | "RelatedPerson"
        )
    )
}

const fn row(kind: &'static str, field: &'static str, path: &'static str) -> Row {
    Row { kind, field, path, loss: None }
}

const fn lost(kind: &'static str, field: &'static str, loss: LossReason) -> Row {
    Row { kind, field, path: "", loss: Some(loss) }
}

/// Every field of every kind that is written.
pub const TABLE: &[Row] = &[
    row("absence", "of", "type of resource (List.code for what has none)"),
    row("absence", "meaning", "code (IPS absent-unknown), List.emptyReason"),
    row("absence", "code", "code, medicationCodeableConcept, vaccineCode, List.emptyReason"),
    row("absence", "stated_at", "recordedDate, dateAsserted, recorded, performedDateTime, List.date"),
    row("absence", "author", "asserter, informationSource, performer.actor, List.source"),
    row("allergy", "name", "AllergyIntolerance.code.text"),
    row("allergy", "code", "AllergyIntolerance.code.coding"),
    row("allergy", "mechanism", "AllergyIntolerance.type"),
    row("allergy", "categories", "AllergyIntolerance.category"),
    row("allergy", "criticality", "AllergyIntolerance.criticality"),
    row("allergy", "onset", "AllergyIntolerance.onsetDateTime, onsetPeriod.start"),
    row("allergy", "onset_text", "AllergyIntolerance.onsetString"),
    row("allergy", "last_occurrence", "AllergyIntolerance.lastOccurrence"),
    row("allergy", "end", "AllergyIntolerance.onsetPeriod.end"),
    row("allergy", "clinical", "AllergyIntolerance.clinicalStatus"),
    row("allergy", "verification", "AllergyIntolerance.verificationStatus"),
    row("allergy", "reactions", "AllergyIntolerance.reaction"),
    row("appointment", "title", "Appointment.description"),
    row("appointment", "start", "Appointment.start"),
    row("appointment", "end", "Appointment.end"),
    row("appointment", "minutes", "Appointment.minutesDuration"),
    row("appointment", "state", "Appointment.status"),
    row("appointment", "service", "Appointment.serviceType"),
    row("appointment", "speciality", "Appointment.specialty"),
    row("appointment", "reasons", "Appointment.reasonCode"),
    row("appointment", "participants", "Appointment.participant"),
    row("appointment", "place", "Appointment.participant.actor (Location)"),
    row("appointment", "instructions", "Appointment.patientInstruction"),
    row("appointment", "created_at", "Appointment.created"),
    row("appointment", "read_only", "(said by the origin)"),
    lost("appointment", "description", NoPlaceInResource),
    lost("appointment", "uid", CalendarOnly),
    lost("appointment", "sequence", CalendarOnly),
    lost("appointment", "recurrence", CalendarOnly),
    row("blood-group", "group", "Observation.valueCodeableConcept (SNOMED CT), code LOINC 882-1"),
    row("blood-group", "determined_at", "Observation.effectiveDateTime"),
    row("contact", "sort", "type of resource"),
    row("contact", "name", "RelatedPerson.name, Practitioner.name"),
    row("contact", "organisation", "Organization.name, CareTeam.name, PractitionerRole.organization.display"),
    row("contact", "types", "RelatedPerson.relationship (HELP_CONTACT has no code)"),
    row("contact", "relation", "RelatedPerson.relationship"),
    row("contact", "relation_codes", "RelatedPerson.relationship"),
    row("contact", "telecoms", "telecom"),
    row("contact", "addresses", "address"),
    row("contact", "identifiers", "identifier"),
    row("contact", "professions", "Practitioner.qualification.code, PractitionerRole.code"),
    row("contact", "specialities", "PractitionerRole.specialty"),
    lost("contact", "role", NoPlace),
    row("contact", "categories", "Organization.type"),
    row("contact", "active", "active, CareTeam.status"),
    row("contact", "start", "period.start"),
    row("contact", "end", "period.end"),
    row("contact", "sex", "gender"),
    row("contact", "birth_date", "birthDate"),
    row("contact", "members", "CareTeam.participant"),
    lost("contact", "partial", ServerOnly),
    row("directive", "at", "Consent.dateTime, category LOINC 42348-3"),
    row("directive", "situation", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "context", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "life_support", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "sedation", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "acts", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "started_resuscitation", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "started_machine", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "started_surgery", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "started_other", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "stopped_resuscitation", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "stopped_machine", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "stopped_surgery", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "stopped_other", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "specific_resuscitation", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "specific_machine", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "specific_surgery", "Consent.source (QuestionnaireResponse.item)"),
    row("directive", "specific_other", "Consent.source (QuestionnaireResponse.item)"),
    row("disability", "name", "Condition.code.text, category SNOMED CT 21134002"),
    row("disability", "code", "Condition.code.coding"),
    lost("disability", "types", NationalOnly),
    lost("disability", "rate", NationalOnly),
    lost("disability", "technical_help", NoPlaceInResource),
    lost("disability", "human_help", NationalOnly),
    row("disease", "name", "Condition.code.text"),
    row("disease", "code", "Condition.code.coding"),
    row("disease", "start", "Condition.onsetDateTime"),
    row("disease", "end", "Condition.abatementDateTime"),
    row("disease", "onset_text", "Condition.onsetString"),
    row("disease", "clinical", "Condition.clinicalStatus"),
    row("disease", "verification", "Condition.verificationStatus"),
    row("disease", "categories", "Condition.category"),
    row("disease", "severity", "Condition.severity"),
    row("disease", "body_site", "Condition.bodySite"),
    row("document", "title", "DocumentReference.content.attachment.title"),
    row("document", "date", "DocumentReference.date"),
    row("document", "category", "(found again from the type and class)"),
    row("document", "document_type", "DocumentReference.type"),
    row("document", "class", "DocumentReference.category"),
    row("document", "format", "DocumentReference.content.format.code"),
    row("document", "confidentiality", "DocumentReference.securityLabel"),
    row("document", "authors", "DocumentReference.author"),
    row("document", "custodian", "DocumentReference.custodian"),
    row("document", "unique_id", "DocumentReference.masterIdentifier"),
    lost("document", "set_id", NoPlace),
    lost("document", "version", NoPlace),
    row("document", "replaces", "DocumentReference.relatesTo (replaces)"),
    row("document", "state", "DocumentReference.status"),
    row("document", "language", "DocumentReference.content.attachment.language"),
    row("document", "description", "DocumentReference.description"),
    row("document", "care_start", "DocumentReference.context.period.start"),
    row("document", "care_end", "DocumentReference.context.period.end"),
    row("document", "facility", "DocumentReference.context.facilityType"),
    row("document", "setting", "DocumentReference.context.practiceSetting"),
    row("document", "events", "DocumentReference.context.event"),
    lost("document", "file_name", NoPlace),
    row("document", "media_type", "DocumentReference.content.attachment.contentType"),
    row("document", "size", "DocumentReference.content.attachment.size"),
    row("document", "sha256", "(computed again from the bytes)"),
    lost("document", "pages", NoPlace),
    row("document", "attachment", "DocumentReference.content.attachment.data, when the bytes are given"),
    row("document", "address", "DocumentReference.content.attachment.url"),
    row("document", "text", "DocumentReference.content.attachment.data (text/plain), when it has no bytes"),
    lost("document", "folder", VaultOnly),
    lost("document", "tags", VaultOnly),
    lost("document", "pinned", VaultOnly),
    lost("document", "dispute", VaultOnly),
    row("donation", "at", "Consent.dateTime, category in words"),
    row("donation", "informed", "Consent.source (QuestionnaireResponse.item)"),
    row("donation", "wish", "Consent.source (QuestionnaireResponse.item)"),
    row("encounter", "name", "Encounter.reasonCode.text"),
    row("encounter", "code", "Encounter.type"),
    row("encounter", "class", "Encounter.class"),
    row("encounter", "start", "Encounter.period.start"),
    row("encounter", "end", "Encounter.period.end"),
    row("encounter", "duration", "Encounter.length"),
    row("encounter", "duration_unit", "Encounter.length"),
    row("encounter", "state", "Encounter.status"),
    row("encounter", "establishment", "Encounter.serviceProvider.display"),
    row("encounter", "participants", "Encounter.participant"),
    row("encounter", "reasons", "Encounter.reasonCode"),
    row("encounter", "discharge", "Encounter.hospitalization.dischargeDisposition"),
    row("family-history", "name", "FamilyMemberHistory.condition.code.text"),
    row("family-history", "code", "FamilyMemberHistory.condition.code.coding"),
    row("family-history", "relative", "FamilyMemberHistory.relationship"),
    row("family-history", "relationship", "FamilyMemberHistory.relationship"),
    row("identity", "names", "Patient.name"),
    row("identity", "birth_date", "Patient.birthDate"),
    row("identity", "sex", "Patient.gender"),
    row("identity", "birth_place_insee", "Patient.extension (patient-birthPlace, INSEE code)"),
    row("identity", "birth_place", "Patient.extension (patient-birthPlace)"),
    row("identity", "identifiers", "Patient.identifier"),
    row("identity", "telecoms", "Patient.telecom"),
    row("identity", "addresses", "Patient.address"),
    row("identity", "languages", "Patient.communication"),
    row("identity", "deceased", "Patient.deceasedDateTime"),
    lost("identity", "home_zones", VaultOnly),
    lost("identity", "picture", VaultOnly),
    row("lifestyle", "at", "Observation.effectiveDateTime, code LOINC 29762-2"),
    row("lifestyle", "fruit", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "fat", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "sugar", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "salt", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "exercise", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "exercise_days", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "sitting", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "smoking", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "cigarettes", "Observation.component.valueInteger"),
    row("lifestyle", "smoking_stopped", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "vaping", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "sleep", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "screens", "Observation.component.valueCodeableConcept.text"),
    row("lifestyle", "alcohol_days", "Observation.component.valueInteger"),
    row("lifestyle", "alcohol_glasses", "Observation.component.valueInteger"),
    row("lifestyle", "alcohol_binge", "Observation.component.valueCodeableConcept.text"),
    row("measure", "measure", "Observation.code"),
    row("measure", "code", "Observation.code"),
    row("measure", "at", "Observation.effectiveDateTime"),
    row("measure", "end", "Observation.effectivePeriod.end"),
    row("measure", "value", "Observation.valueQuantity"),
    row("measure", "components", "Observation.component"),
    row("measure", "moment", "Observation.extension (mesures-moment-of-measurement)"),
    row("measure", "days", "Observation.extension (mesures-number-of-days)"),
    row("measure", "reason", "Observation.extension (mesures-reason-for-measurement)"),
    row("measure", "body_site", "Observation.bodySite"),
    row("measure", "method", "Observation.method"),
    row("measure", "interpretation", "Observation.interpretation"),
    row("measure", "absent_reason", "Observation.dataAbsentReason"),
    row("prevention", "code", "Task.code.coding (urn:x-carnet:prevention)"),
    row("prevention", "sort", "Task.code.coding (urn:x-carnet:prevention-type)"),
    row("prevention", "title", "Task.description"),
    row("prevention", "state", "Task.status"),
    row("prevention", "at", "Task.executionPeriod.end"),
    row("prevention", "start", "Task.restriction.period.start"),
    row("prevention", "end", "Task.restriction.period.end"),
    row("prevention", "requirement", "Task.reasonCode (urn:x-carnet:prevention-level)"),
    row("procedure", "name", "Procedure.code.text"),
    row("procedure", "code", "Procedure.code.coding"),
    row("procedure", "category", "Procedure.category"),
    row("procedure", "start", "Procedure.performedDateTime, performedPeriod.start"),
    row("procedure", "end", "Procedure.performedPeriod.end"),
    row("procedure", "when_text", "Procedure.performedString"),
    row("procedure", "state", "Procedure.status"),
    row("procedure", "performers", "Procedure.performer"),
    row("procedure", "reasons", "Procedure.reasonCode"),
    row("procedure", "body_sites", "Procedure.bodySite"),
    row("procedure", "outcome", "Procedure.outcome"),
    row("procedure", "place", "Procedure.location.display"),
    row("procedure", "devices", "Procedure.usedCode"),
    row("reminder", "title", "CarePlan.title, activity.detail.description"),
    row("reminder", "start", "CarePlan.activity.detail.scheduledTiming.event"),
    row("reminder", "period", "CarePlan.activity.detail.scheduledTiming.repeat.period"),
    row("reminder", "period_unit", "CarePlan.activity.detail.scheduledTiming.repeat.periodUnit"),
    row("reminder", "times", "CarePlan.activity.detail.scheduledTiming.repeat.timeOfDay"),
    row("reminder", "until", "CarePlan.activity.detail.scheduledTiming.repeat.boundsPeriod.end"),
    row("result", "code", "Observation.code, DiagnosticReport.code"),
    row("result", "categories", "category"),
    row("result", "at", "effectiveDateTime"),
    row("result", "end", "effectivePeriod.end"),
    row("result", "issued_at", "issued"),
    row("result", "value", "Observation.value[x]"),
    row("result", "absent_reason", "Observation.dataAbsentReason"),
    row("result", "components", "Observation.component"),
    row("result", "interpretation", "Observation.interpretation"),
    row("result", "reference", "Observation.referenceRange"),
    row("result", "state", "status"),
    row("result", "specimen", "specimen.display"),
    row("result", "method", "Observation.method"),
    row("result", "body_site", "Observation.bodySite"),
    row("result", "conclusion", "DiagnosticReport.conclusion"),
    row("result", "conclusion_codes", "DiagnosticReport.conclusionCode"),
    row("result", "performers", "performer"),
    row("result", "panel", "type of resource, hasMember"),
    row("result", "missing_members", "DiagnosticReport.result, Observation.hasMember"),
    row("target", "measure", "Goal.target.measure"),
    row("target", "low", "Goal.target.detailRange.low"),
    row("target", "high", "Goal.target.detailRange.high"),
    row("target", "since", "Goal.startDate"),
    row("treatment", "name", "medicationCodeableConcept.text, contained Medication.code"),
    row("treatment", "code", "medicationCodeableConcept.coding, contained Medication.code"),
    row("treatment", "role", "type of resource"),
    row("treatment", "form", "contained Medication.form"),
    row("treatment", "ingredients", "contained Medication.ingredient"),
    row("treatment", "dosage", "dosage.text"),
    row("treatment", "dosage_lines", "dosage, dosageInstruction"),
    row("treatment", "start", "effectivePeriod.start"),
    row("treatment", "end", "effectivePeriod.end"),
    row("treatment", "stated_at", "authoredOn, whenHandedOver, dateAsserted"),
    row("treatment", "state", "status"),
    row("treatment", "intent", "MedicationRequest.intent"),
    row("treatment", "group", "MedicationRequest.groupIdentifier"),
    row("treatment", "performer", "requester, performer.actor, informationSource"),
    row("treatment", "reasons", "reasonCode"),
    row("treatment", "quantity", "MedicationDispense.quantity, dispenseRequest.quantity"),
    row("treatment", "repeats", "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed"),
    row("treatment", "lot", "contained Medication.batch.lotNumber"),
    row("vaccination", "name", "Immunization.vaccineCode.text"),
    row("vaccination", "code", "Immunization.vaccineCode.coding"),
    row("vaccination", "at", "Immunization.occurrenceDateTime"),
    row("vaccination", "lot", "Immunization.lotNumber"),
    row("vaccination", "expires", "Immunization.expirationDate"),
    lost("vaccination", "serial", NoPlace),
    row("vaccination", "manufacturer", "Immunization.manufacturer.display"),
    lost("vaccination", "administration", NationalOnly),
    row("vaccination", "dose_number", "Immunization.protocolApplied.doseNumber[x]"),
    row("vaccination", "doses_in_series", "Immunization.protocolApplied.seriesDoses[x]"),
    row("vaccination", "dose", "Immunization.doseQuantity"),
    row("vaccination", "route", "Immunization.route"),
    row("vaccination", "site", "Immunization.site"),
    row("vaccination", "performer", "Immunization.performer.actor"),
    row("vaccination", "place", "Immunization.location.display"),
    row("vaccination", "pathologies", "Immunization.protocolApplied.targetDisease"),
    lost("vaccination", "mandatory", NoPlace),
    lost("vaccination", "reference", VaultOnly),
    lost("vaccination", "validated_by_professional", NoPlace),
    row("vaccination", "not_given_reason", "Immunization.statusReason"),
    row("vaccination", "state", "Immunization.status"),
];

/// `docs/fhir-mapping.md`, made from the table.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    let mut kind = "";
    for row in TABLE {
        if row.kind != kind {
            kind = row.kind;
            let _infallible = write!(page, "\n### {kind}\n\n| field | FHIR R4 | lost |\n|---|---|---|\n");
        }
        let path = if row.path.is_empty() { "-" } else { row.path };
        let _infallible = writeln!(page, "| `{}` | {path} | {} |", row.field, row.loss.map_or("", LossReason::words));
    }
    page.push_str("\n## Measures\n\n| slug | code | unit | national profile | also read |\n|---|---|---|---|---|\n");
    for kind in &carnet_record::measure::KINDS {
        let also: Vec<&str> = kind.accepted.iter().map(|(_, code)| *code).collect();
        let unit = if kind.unit.is_empty() { "-" } else { kind.unit };
        let profile = kind.profile.unwrap_or("-");
        let _infallible =
            writeln!(page, "| `{}` | {} | `{unit}` | {profile} | {} |", kind.slug, kind.code, also.join(", "));
    }
    page
}

const HEAD: &str = "# Entries and FHIR R4

<!-- Made from vault/interop/src/mapping.rs; a test fails when this page is stale. -->

Carnet reads FHIR R4 leniently and writes a Bundle of type `collection`, with the person first. This page says, for each
field of each kind of entry, where it stands and what is lost. What is lost when writing is also told, field by field, by
the export itself.

## Reading

- A lone resource, a Bundle of any type, one resource a line (NDJSON); JSON or XML; UTF-8 or UTF-16.
- Every resource becomes a fact, or a document, or is set aside with a rule. Billing (Claim, ExplanationOfBenefit,
  Coverage and the like) and resources about systems are set aside. A type without a kind of entry
  (ImagingStudy and the like) is kept as a document, word for word; so is a CarePlan that is more than one thing to be done on its days. A FamilyMemberHistory of several diseases becomes an
  entry for each, and a document of the whole.
- A resource with `implicitRules` or any `modifierExtension` is refused as an entry and kept as a document: it may mean
  the contrary of what it seems. A file in DSTU2, STU3 or R5 is kept as one document.
- Observation: a known code of a vital sign, or a national profile, gives a measure; a laboratory's gives a result;
  LOINC 882-1 with one of the eight groups gives the blood group. 55284-4 is read as a blood pressure. LOINC 29762-2 (social
  history) whose components are named as the questions of the national form, and answered with its codes, gives lifestyle.
- Task: one of the intent `plan` whose codes are the names of recommendations in our rules says how such a thing stands; any other
  is set aside.
- Consent: one of the scope `adr` whose source is a contained form with the questions of ours gives advance directives or
  organ donation; any other is kept as a document.
- Codes that say that there is nothing (716186003 and the like, IPS absent-unknown, `emptyReason` = nilknown) give a
  statement of absence, with its author and date. No code gives one by being missing.
- Identity of a fact across files: its `identifier`, else its id at its server or its UUID, else its content.
- References that lead nowhere in the file, and members that the model has no field for, extensions among them, are kept
  word for word with the entry and given back when it is written again.
- Numbers keep the digits they were written with. Dates keep their precision and their offset.

## Writing

`carnet export --format fhir` writes the Bundle, documents with their bytes, and lists what it lost. It is for other programs:
the archive alone gives back an equal record. Removed entries, former states and the access log are not in it. Dense samples
are not either, each series is listed as lost: a day or an hour made of them would be a fact that no source said. A Bundle
beyond what Carnet reads itself (64 MiB) is refused, and not cut. Brought back into the record that it came from, it adds
nothing: each resource has the id of its entry.

The Bundle is read again before it is given, and each entry is compared with what comes back: a field that does not come back
as it was is listed too, where an entry comes from among them (`provenance.`), but for the two marks that every reader sets
anew, `origin` and `source_key`. Of several identity sheets the last one is written, as the person to whom all resources refer.

Import reports, reimbursements and entries of unknown kind have no resource and are listed as lost. A national profile is
named in `meta.profile` of a measure only when all that it asks for is there. The note of an entry is written where the
resource has one, and listed as lost elsewhere.
";

#[cfg(test)]
mod tests;
