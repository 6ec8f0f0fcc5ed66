//! Conditions, allergies, drugs, vaccinations, acts, visits, and statements of absence, written.

use carnet_record::{
    Concept, Entry, LinkKind, Status,
    code::system,
    kind::{
        Absence, Allergy, Disability, Disease, Encounter, FamilyHistory, Procedure, Treatment, Vaccination,
        absence::{AbsenceMeaning, AbsenceOf},
        allergy::Reaction,
        encounter::DurationUnit,
        treatment::{DosageLine, TreatmentRole},
    },
    person::Actor,
};

use super::{
    LossReason, Writer,
    element::{
        Fields, actor, anyone, code, coding, concept, concepts, maybe_concept, maybe_quantity, named, notes, number,
        period, person, words,
    },
    state::{ENDED, one_of, state},
};
use crate::fhir::{
    condition::{DISABILITY, IPS_ABSENT},
    family::{ROLE_CODE, role_of},
    json::Json,
};

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const ALLERGY_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";

/// A disease.
pub(super) fn disease(writer: &mut Writer, own: &Disease, entry: &Entry, fields: &mut Fields) {
    let verification = verification(entry, own.verification.as_deref());
    // FHIR con-4 and con-5: what has ended is not active, what was said by mistake has no clinical status.
    let mut clinical = own.clinical.as_deref().filter(|_| verification != Some("entered-in-error"));
    if own.end.is_some() && clinical.is_some_and(|own| one_of(own, ENDED).is_none()) {
        writer.lose(entry, "clinical", LossReason::EndBeside);
        clinical = Some("resolved");
    } else if own.end.is_some() && verification != Some("entered-in-error") {
        clinical = clinical.or(Some("resolved"));
    }
    fields.put("clinicalStatus", clinical.map(|own| code(CLINICAL, own)));
    fields.put("verificationStatus", verification.map(|own| code(VERIFICATION, own)));
    fields.put_list("category", concepts(&own.categories));
    fields.put("severity", maybe_concept(own.severity.as_ref()));
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    fields.put("code", Some(named(own.name.as_deref(), &own.code)));
    fields.put_list("bodySite", own.body_site.iter().map(concept).collect());
    fields.put("subject", Some(writer.subject()));
    fields.put("encounter", encounter_of(writer, entry));
    match (own.start, &own.onset_text) {
        (Some(start), _) => fields.put_when("onsetDateTime", Some(start)),
        (None, text) => fields.put_text("onsetString", text.as_deref()),
    }
    fields.put_when("abatementDateTime", own.end);
    recorded(entry, fields, "recordedDate");
    fields.put("asserter", entry.provenance.author.as_ref().map(person));
    fields.put_list("note", notes(entry.comment.as_deref()));
    if own.start.is_some() && own.onset_text.is_some() {
        writer.lose(entry, "onset_text", LossReason::WordsBesideDate);
    }
}

/// A disability.
pub(super) fn disability(writer: &mut Writer, own: &Disability, entry: &Entry, fields: &mut Fields) {
    let verification = verification(entry, None);
    fields.put("verificationStatus", verification.map(|own| code(VERIFICATION, own)));
    fields.put_list("category", vec![code(system::SNOMED, DISABILITY)]);
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    fields.put("code", Some(named(own.name.as_deref(), &own.code)));
    fields.put("subject", Some(writer.subject()));
    recorded(entry, fields, "recordedDate");
    fields.put("asserter", entry.provenance.author.as_ref().map(person));
    fields.put_list("note", notes(entry.comment.as_deref()));
}

/// A disease of a relative.
pub(super) fn family_history(writer: &mut Writer, own: &FamilyHistory, entry: &Entry, fields: &mut Fields) {
    let status = if entry.status == Status::EnteredInError { "entered-in-error" } else { "completed" };
    fields.put_text("status", Some(status));
    fields.put("patient", Some(writer.subject()));
    recorded(entry, fields, "date");
    let role = own.relative.as_ref().and_then(role_of).map(|role| code(ROLE_CODE, role));
    let unknown = || code(ROLE_CODE, "FAMMEMB");
    let said = (!own.relationship.is_empty()).then(|| concept(&own.relationship));
    fields.put("relationship", Some(said.or(role).unwrap_or_else(unknown)));
    fields.put_list("note", notes(entry.comment.as_deref()));
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    let disease = Fields::new().with("code", named(own.name.as_deref(), &own.code));
    fields.put_list("condition", vec![disease.object()]);
}

fn verification<'a>(entry: &Entry, read: Option<&'a str>) -> Option<&'a str> {
    match entry.status {
        Status::EnteredInError => Some("entered-in-error"),
        Status::Refuted => Some("refuted"),
        _ => read,
    }
}

/// An allergy.
pub(super) fn allergy(writer: &mut Writer, own: &Allergy, entry: &Entry, fields: &mut Fields) {
    let verification = verification(entry, own.verification.as_deref());
    // FHIR ait-1: what was not said by mistake has a clinical status.
    let otherwise = if own.end.is_some() { "resolved" } else { "active" };
    let clinical = (verification != Some("entered-in-error")).then(|| own.clinical.as_deref().unwrap_or(otherwise));
    fields.put("clinicalStatus", clinical.map(|own| code(ALLERGY_CLINICAL, own)));
    fields.put("verificationStatus", verification.map(|own| code(ALLERGY_VERIFICATION, own)));
    fields.put_text("type", listed(writer, entry, "mechanism", own.mechanism.as_deref(), "allergy intolerance"));
    let categories = own.categories.iter().filter_map(|own| one_of(own, "food medication environment biologic"));
    fields.put_list("category", categories.map(Json::from).collect());
    let criticality = listed(writer, entry, "criticality", own.criticality.as_deref(), "low high unable-to-assess");
    fields.put_text("criticality", criticality);
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    fields.put("code", Some(named(own.name.as_deref(), &own.code)));
    fields.put("patient", Some(writer.subject()));
    fields.put("encounter", encounter_of(writer, entry));
    match (own.end, own.onset) {
        (Some(end), onset) => fields.put("onsetPeriod", period(onset, Some(end))),
        (None, Some(onset)) => fields.put_when("onsetDateTime", Some(onset)),
        (None, None) => fields.put_text("onsetString", own.onset_text.as_deref()),
    }
    recorded(entry, fields, "recordedDate");
    fields.put("asserter", entry.provenance.author.as_ref().map(person));
    fields.put_when("lastOccurrence", own.last_occurrence);
    fields.put_list("note", notes(entry.comment.as_deref()));
    let reactions = own.reactions.iter().map(|own| reaction(writer, own, entry)).collect();
    fields.put_list("reaction", reactions);
}

/// A code of a closed list, or nothing and a loss.
fn listed(
    writer: &mut Writer,
    entry: &Entry,
    field: &str,
    own: Option<&str>,
    allowed: &'static str,
) -> Option<&'static str> {
    let found = own.and_then(|own| one_of(own, allowed));
    if own.is_some() && found.is_none() {
        writer.lose(entry, field, LossReason::CodeNotAllowed);
    }
    found
}

/// The words of the whole are the name; other words of the code have no place beside it.
fn lose_text(writer: &mut Writer, name: Option<&str>, code: &Concept, entry: &Entry) {
    if code.text.is_some() && name.is_some() && code.text.as_deref() != name {
        writer.lose(entry, "code.text", LossReason::NameInPlace);
    }
}

fn reaction(writer: &mut Writer, own: &Reaction, entry: &Entry) -> Json {
    let severity = listed(writer, entry, "reactions.severity", own.severity.as_deref(), "mild moderate severe");
    // A reaction without a sign is not allowed.
    let unknown = || concept(&Concept::from_text(own.text.as_deref().unwrap_or("unknown")));
    let signs = if own.manifestations.is_empty() { vec![unknown()] } else { concepts(&own.manifestations) };
    Fields::new()
        .maybe("substance", maybe_concept(own.substance.as_ref()))
        .list("manifestation", signs)
        .maybe("description", own.text.as_deref().map(Json::from))
        .maybe("onset", own.at.map(|at| Json::from(at.to_string())))
        .maybe("severity", severity.map(Json::from))
        .maybe("exposureRoute", maybe_concept(own.route.as_ref()))
        .object()
}

/// The resource that a treatment becomes; none for reimbursements, which are an insurer's.
pub(super) fn treatment_resource(own: &Treatment) -> Option<&'static str> {
    match own.role {
        TreatmentRole::Administration => Some("MedicationAdministration"),
        TreatmentRole::Dispensation => Some("MedicationDispense"),
        TreatmentRole::Prescription => Some("MedicationRequest"),
        TreatmentRole::Reimbursement => None,
        _ => Some("MedicationStatement"),
    }
}

/// A treatment, prescription, dispensation or administration.
pub(super) fn treatment(writer: &mut Writer, own: &Treatment, entry: &Entry, fields: &mut Fields) {
    let resource = treatment_resource(own).unwrap_or_default();
    let group = own.group.as_deref().map(|group| Fields::new().text("value", group).object());
    let otherwise = if own.end.is_some() || resource == "MedicationDispense" || resource == "MedicationAdministration" {
        "completed"
    } else {
        "active"
    };
    if own.form.is_some() || !own.ingredients.is_empty() || own.lot.is_some() {
        fields.put_list("contained", vec![medication(own)]);
    }
    fields.put_text("status", Some(state(writer, entry, resource, own.state.as_deref(), otherwise)));
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    if fields.get("contained").is_some() {
        fields.put("medicationReference", Some(Fields::new().text("reference", "#medication").object()));
    } else {
        fields.put("medicationCodeableConcept", Some(named(own.name.as_deref(), &own.code)));
    }
    fields.put("subject", Some(writer.subject()));
    let context = if resource == "MedicationRequest" { "encounter" } else { "context" };
    fields.put(context, encounter_of(writer, entry));
    fields.put_list("reasonCode", concepts(&own.reasons));
    fields.put_list("reasonReference", writer.links(entry, &LinkKind::Because, &["Condition", "Observation"]));
    fields.put_list("note", notes(entry.comment.as_deref()));
    let lines = dosage_lines(own);
    match resource {
        "MedicationRequest" => {
            fields.put_text("intent", Some(own.intent.as_deref().unwrap_or("order")));
            fields.put("groupIdentifier", group);
            fields.put_when("authoredOn", own.stated_at);
            fields.put("requester", own.performer.as_ref().map(anyone));
            fields.put_list("dosageInstruction", lines);
            let dispense = Fields::new()
                .maybe("numberOfRepeatsAllowed", own.repeats.map(number))
                .maybe("quantity", maybe_quantity(own.quantity.as_ref()));
            fields.put("dispenseRequest", Some(dispense.object()));
        }
        "MedicationDispense" => {
            fields.put_list("performer", performer(own.performer.as_ref(), "actor"));
            fields.put("quantity", maybe_quantity(own.quantity.as_ref()));
            fields.put_when("whenHandedOver", own.stated_at);
            fields.put_list("dosageInstruction", lines);
        }
        "MedicationAdministration" => {
            fields.put("effectivePeriod", period(own.start, own.end));
            fields.put_list("performer", performer(own.performer.as_ref(), "actor"));
            fields.put("dosage", own.dosage_lines.first().map(given_dose));
        }
        _ => {
            fields.put("effectivePeriod", period(own.start, own.end));
            fields.put_when("dateAsserted", own.stated_at);
            fields.put("informationSource", own.performer.as_ref().map(actor));
            fields.put_list("dosage", lines);
        }
    }
    let lost = [
        ("quantity", own.quantity.is_some() && !matches!(resource, "MedicationRequest" | "MedicationDispense")),
        ("repeats", own.repeats.is_some() && resource != "MedicationRequest"),
        ("intent", own.intent.is_some() && resource != "MedicationRequest"),
        ("group", own.group.is_some() && resource != "MedicationRequest"),
        ("stated_at", own.stated_at.is_some() && resource == "MedicationAdministration"),
        ("dosage_lines", own.dosage_lines.len() > 1 && resource == "MedicationAdministration"),
    ];
    for (field, _) in lost.into_iter().filter(|(_, is_lost)| *is_lost) {
        writer.lose(entry, field, LossReason::NoPlaceInResource);
    }
    let has_period = matches!(resource, "MedicationStatement" | "MedicationAdministration");
    if !has_period && (own.start.is_some() || own.end.is_some()) {
        writer.lose(entry, "start", LossReason::NoPlaceInResource);
    }
}

fn medication(own: &Treatment) -> Json {
    let ingredient = |own: &Concept| Fields::new().with("itemCodeableConcept", concept(own)).object();
    let batch = own.lot.as_deref().map(|lot| Fields::new().text("lotNumber", lot).object());
    Fields::of("Medication")
        .text("id", "medication")
        .with("code", named(own.name.as_deref(), &own.code))
        .maybe("form", maybe_concept(own.form.as_ref()))
        .list("ingredient", own.ingredients.iter().map(ingredient).collect())
        .maybe("batch", batch)
        .object()
}

fn performer(own: Option<&Actor>, member: &str) -> Vec<Json> {
    own.into_iter().map(|own| Fields::new().with(member, actor(own)).object()).collect()
}

fn given_dose(own: &DosageLine) -> Json {
    Fields::new()
        .maybe("text", own.text.as_deref().map(Json::from))
        .maybe("site", maybe_concept(own.site.as_ref()))
        .maybe("route", maybe_concept(own.route.as_ref()))
        .maybe("dose", maybe_quantity(own.dose.as_ref()))
        .object()
}

fn dosage_lines(own: &Treatment) -> Vec<Json> {
    if own.dosage_lines.is_empty() {
        return own.dosage.iter().map(|text| Fields::new().text("text", text).object()).collect();
    }
    own.dosage_lines.iter().map(dosage_line).collect()
}

fn dosage_line(own: &DosageLine) -> Json {
    let texts = |items: &[&String]| items.iter().map(|text| Json::from(text.as_str())).collect::<Vec<_>>();
    let is_day = |text: &&String| matches!(text.as_str(), "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun");
    let (days, moments): (Vec<&String>, Vec<&String>) = own.moments.iter().partition(is_day);
    let measured = |quantity: Option<&carnet_record::Quantity>| {
        quantity.map(|own| (number(own.value), Json::from(own.unit.as_str())))
    };
    let (period_value, period_unit) = measured(own.period.as_ref()).unzip();
    let (duration, duration_unit) = measured(own.duration.as_ref()).unzip();
    let repeat = Fields::new()
        .maybe("boundsPeriod", period(own.start, own.end))
        .maybe("duration", duration)
        .maybe("durationUnit", duration_unit)
        .maybe("frequency", own.frequency.map(number))
        .maybe("period", period_value)
        .maybe("periodUnit", period_unit)
        .list("dayOfWeek", texts(&days))
        .list("timeOfDay", own.times.iter().map(|time| Json::from(time.as_str())).collect())
        .list("when", texts(&moments));
    let dose = match (&own.dose, &own.dose_high) {
        (low, Some(high)) => {
            let range =
                Fields::new().maybe("low", maybe_quantity(low.as_ref())).with("high", super::element::quantity(high));
            Fields::new().with("doseRange", range.object())
        }
        (dose, None) => Fields::new().maybe("doseQuantity", maybe_quantity(dose.as_ref())),
    };
    let fields = Fields::new()
        .maybe("sequence", own.sequence.map(number))
        .maybe("text", own.text.as_deref().map(Json::from))
        .maybe("patientInstruction", own.instruction.as_deref().map(Json::from))
        .with("timing", Fields::new().with("repeat", repeat.object()).object());
    let fields = match &own.as_needed_for {
        Some(reason) => fields.with("asNeededCodeableConcept", concept(reason)),
        None => fields.maybe("asNeededBoolean", own.as_needed.map(Json::Bool)),
    };
    fields
        .maybe("site", maybe_concept(own.site.as_ref()))
        .maybe("route", maybe_concept(own.route.as_ref()))
        .list("doseAndRate", vec![dose.object()])
        .object()
}

/// A vaccination.
pub(super) fn vaccination(writer: &mut Writer, own: &Vaccination, entry: &Entry, fields: &mut Fields) {
    let otherwise = if entry.status == Status::NotDone { "not-done" } else { "completed" };
    fields.put_text("status", Some(state(writer, entry, "Immunization", own.state.as_deref(), otherwise)));
    fields.put("statusReason", maybe_concept(own.not_given_reason.as_ref()));
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    fields.put("vaccineCode", Some(named(own.name.as_deref(), &own.code)));
    fields.put("patient", Some(writer.subject()));
    fields.put("encounter", encounter_of(writer, entry));
    match own.at {
        Some(at) => fields.put_when("occurrenceDateTime", Some(at)),
        None => fields.put_text("occurrenceString", Some("unknown")),
    }
    recorded(entry, fields, "recorded");
    fields.put("location", words(own.place.as_deref()));
    fields.put("manufacturer", words(own.manufacturer.as_deref()));
    fields.put_text("lotNumber", own.lot.as_deref());
    fields.put("expirationDate", own.expires.map(|date| Json::from(date.to_string())));
    fields.put("site", maybe_concept(own.site.as_ref()));
    fields.put("route", maybe_concept(own.route.as_ref()));
    fields.put("doseQuantity", maybe_quantity(own.dose.as_ref()));
    fields.put_list("performer", performer(own.performer.as_ref(), "actor"));
    fields.put_list("note", notes(entry.comment.as_deref()));
    // The number of the dose is mandatory in the protocol.
    if let Some(dose) = &own.dose_number {
        let counted = |name: &str, text: &str| match text.parse::<u32>() {
            Ok(digits) => (format!("{name}PositiveInt"), number(digits)),
            Err(_) => (format!("{name}String"), Json::from(text)),
        };
        let (dose_name, dose) = counted("doseNumber", dose);
        let mut protocol = Fields::new().list("targetDisease", concepts(&own.pathologies)).with(&dose_name, dose);
        if let Some(series) = &own.doses_in_series {
            let (series_name, series) = counted("seriesDoses", series);
            protocol.put(&series_name, Some(series));
        }
        fields.put_list("protocolApplied", vec![protocol.object()]);
    } else if !own.pathologies.is_empty() || own.doses_in_series.is_some() {
        writer.lose(entry, "pathologies", LossReason::DoseNumberMissing);
    }
}

/// An act.
pub(super) fn procedure(writer: &mut Writer, own: &Procedure, entry: &Entry, fields: &mut Fields) {
    fields.put_text("status", Some(state(writer, entry, "Procedure", own.state.as_deref(), "completed")));
    fields.put("category", maybe_concept(own.category.as_ref()));
    lose_text(writer, own.name.as_deref(), &own.code, entry);
    fields.put("code", Some(named(own.name.as_deref(), &own.code)));
    fields.put("subject", Some(writer.subject()));
    fields.put("encounter", encounter_of(writer, entry));
    match (own.start, own.end) {
        (Some(start), None) => fields.put_when("performedDateTime", Some(start)),
        (None, None) => fields.put_text("performedString", own.when_text.as_deref()),
        (start, end) => fields.put("performedPeriod", period(start, end)),
    }
    fields.put(
        "asserter",
        entry.provenance.author.as_ref().filter(|author| own.performers.first() != Some(author)).map(actor),
    );
    let with_role = |own: &Actor| {
        let role = own.role.as_deref().map(|role| concept(&Concept::from_text(role)));
        let own = Actor { role: None, ..own.clone() };
        Fields::new().maybe("function", role).with("actor", anyone(&own)).object()
    };
    fields.put_list("performer", own.performers.iter().map(with_role).collect());
    fields.put("location", words(own.place.as_deref()));
    fields.put_list("reasonCode", concepts(&own.reasons));
    fields.put_list(
        "reasonReference",
        writer.links(entry, &LinkKind::Because, &["Condition", "Observation", "Procedure"]),
    );
    fields.put_list("bodySite", concepts(&own.body_sites));
    fields.put("outcome", maybe_concept(own.outcome.as_ref()));
    fields.put_list("note", notes(entry.comment.as_deref()));
    fields.put_list("usedCode", concepts(&own.devices));
}

/// A visit or a stay.
pub(super) fn encounter(writer: &mut Writer, own: &Encounter, entry: &Entry, fields: &mut Fields) {
    const CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    let otherwise = if own.end.is_some() { "finished" } else { "unknown" };
    fields.put_text("status", Some(state(writer, entry, "Encounter", own.state.as_deref(), otherwise)));
    let class = own.class.clone().unwrap_or_else(|| carnet_record::Coding::new(CLASS, "IMP"));
    fields.put("class", Some(coding(&class)));
    fields.put_list("type", vec![concept(&own.code)]);
    fields.put("subject", Some(writer.subject()));
    let participant = |own: &Actor| {
        let role = own.role.as_deref().map(|role| concept(&Concept::from_text(role)));
        let own = Actor { role: None, ..own.clone() };
        Fields::new().list("type", role.into_iter().collect()).with("individual", person(&own)).object()
    };
    fields.put_list("participant", own.participants.iter().map(participant).collect());
    fields.put("period", period(own.start, own.end));
    fields.put("length", length(own));
    let mut reasons = concepts(&own.reasons);
    if reasons.is_empty() && own.name.as_deref() != own.code.label() {
        reasons.extend(own.name.as_deref().map(|name| concept(&Concept::from_text(name))));
    }
    fields.put_list("reasonCode", reasons);
    fields.put_list(
        "reasonReference",
        writer.links(entry, &LinkKind::Because, &["Condition", "Procedure", "Observation"]),
    );
    let stay = Fields::new().maybe("dischargeDisposition", maybe_concept(own.discharge.as_ref()));
    fields.put("hospitalization", Some(stay.object()));
    fields.put("serviceProvider", words(own.establishment.as_deref()));
}

fn length(own: &Encounter) -> Option<Json> {
    let unit = match own.duration_unit.as_ref()? {
        DurationUnit::Day => "d",
        DurationUnit::Week => "wk",
        DurationUnit::Month => "mo",
        DurationUnit::Year => "a",
        _ => return None,
    };
    let value = carnet_record::Decimal::from_i32(i32::from(own.duration?));
    Some(super::element::quantity(&carnet_record::Quantity::new(value, unit)))
}

/// The resource in which an absence is said.
pub(super) fn absence_resource(own: &Absence) -> &'static str {
    match own.of {
        AbsenceOf::Allergies => "AllergyIntolerance",
        AbsenceOf::Diseases => "Condition",
        AbsenceOf::Treatments => "MedicationStatement",
        AbsenceOf::Vaccinations => "Immunization",
        AbsenceOf::Procedures => "Procedure",
        _ => "List",
    }
}

/// A statement of absence, with the codes of the IPS unless the source had its own.
pub(super) fn absence(writer: &mut Writer, own: &Absence, entry: &Entry, fields: &mut Fields) {
    if own.meaning != AbsenceMeaning::NoneKnown && own.meaning != AbsenceMeaning::Unavailable {
        writer.lose(entry, "meaning", LossReason::AbsenceMeaning);
    }
    let said = if own.code.is_empty() { ips_code(own) } else { concept(&own.code) };
    let by = own.author.as_ref().map(person);
    let verification = verification(entry, Some("confirmed"));
    match absence_resource(own) {
        resource @ ("AllergyIntolerance" | "Condition") => {
            let is_allergy = resource == "AllergyIntolerance";
            let (clinical, verified) =
                if is_allergy { (ALLERGY_CLINICAL, ALLERGY_VERIFICATION) } else { (CLINICAL, VERIFICATION) };
            fields.put("clinicalStatus", (verification != Some("entered-in-error")).then(|| code(clinical, "active")));
            fields.put("verificationStatus", verification.map(|own| code(verified, own)));
            fields.put("code", Some(said));
            fields.put(if is_allergy { "patient" } else { "subject" }, Some(writer.subject()));
            fields.put_when("recordedDate", own.stated_at);
            fields.put("asserter", by);
            fields.put_list("note", notes(entry.comment.as_deref()));
        }
        "MedicationStatement" => {
            fields.put_text("status", Some(state(writer, entry, "", None, "unknown")));
            fields.put("medicationCodeableConcept", Some(said));
            fields.put("subject", Some(writer.subject()));
            fields.put_when("dateAsserted", own.stated_at);
            fields.put("informationSource", by);
            fields.put_list("note", notes(entry.comment.as_deref()));
        }
        "Immunization" => {
            fields.put_text("status", Some(state(writer, entry, "", None, "not-done")));
            fields.put("vaccineCode", Some(said));
            fields.put("patient", Some(writer.subject()));
            fields.put_text("occurrenceString", Some("unknown"));
            fields.put_when("recorded", own.stated_at);
            fields.put_list("performer", performer(own.author.as_ref(), "actor"));
            fields.put_list("note", notes(entry.comment.as_deref()));
        }
        "Procedure" => {
            fields.put_text("status", Some(state(writer, entry, "", None, "not-done")));
            fields.put("code", Some(said));
            fields.put("subject", Some(writer.subject()));
            fields.put_when("performedDateTime", own.stated_at);
            fields.put("asserter", by);
            fields.put_list("note", notes(entry.comment.as_deref()));
        }
        _ => empty_list(writer, own, entry, fields),
    }
}

/// A list that says why it is empty: what has no resource of its own to be absent in.
fn empty_list(writer: &mut Writer, own: &Absence, entry: &Entry, fields: &mut Fields) {
    const EMPTY: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
    let reason = if own.meaning == AbsenceMeaning::Unavailable { "unavailable" } else { "nilknown" };
    let about = crate::ips::section_of(&own.of).map(|loinc| code(system::LOINC, loinc));
    fields.put_text("status", Some(state(writer, entry, "", None, "current")));
    fields.put_text("mode", Some("snapshot"));
    fields.put("code", Some(about.unwrap_or_else(|| concept(&Concept::from_text(own.of.as_str())))));
    fields.put("subject", Some(writer.subject()));
    fields.put_when("date", own.stated_at);
    fields.put("source", own.author.as_ref().map(actor));
    fields.put_list("note", notes(entry.comment.as_deref()));
    fields.put("emptyReason", Some(if own.code.is_empty() { code(EMPTY, reason) } else { concept(&own.code) }));
}

fn ips_code(own: &Absence) -> Json {
    let thing = match own.of {
        AbsenceOf::Allergies => "allerg",
        AbsenceOf::Treatments => "medication",
        AbsenceOf::Vaccinations => "immunization",
        AbsenceOf::Procedures => "procedure",
        _ => "problem",
    };
    let code_of = match (own.meaning == AbsenceMeaning::Unavailable, thing) {
        (true, "allerg") => "no-allergy-info".to_owned(),
        (false, "allerg") => "no-known-allergies".to_owned(),
        (true, thing) => format!("no-{thing}-info"),
        (false, thing) => format!("no-known-{thing}s"),
    };
    code(IPS_ABSENT, &code_of)
}

fn encounter_of(writer: &Writer, entry: &Entry) -> Option<Json> {
    writer.links(entry, &LinkKind::Encounter, &["Encounter"]).into_iter().next()
}

/// When it was recorded: the moment, or the words that were read.
fn recorded(entry: &Entry, fields: &mut Fields, member: &str) {
    let words = entry.provenance.original.get("recorded").map(|words| Json::from(words.as_str()));
    let at = entry.provenance.recorded_at.map(|at| Json::from(at.to_string()));
    fields.put(member, at.or(words));
}
