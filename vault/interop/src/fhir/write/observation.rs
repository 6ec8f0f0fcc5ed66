//! Observation, `DiagnosticReport` and Goal, written.

use carnet_record::{
    Concept, Entry, LinkKind, Status,
    code::system,
    form::{Answers, Form, Question},
    kind::{
        BloodGroup, LabResult, Measure, Target,
        measure::{Component, Moment},
        result::{ReferenceRange, ResultComponent, ResultValue},
    },
    measure::{ComponentKind, MeasureKind},
};

use super::{
    LossReason, Writer,
    element::{Fields, actor, code, concept, concepts, maybe_concept, maybe_quantity, notes, period, quantity, words},
    state::state,
};
use crate::fhir::{
    goal::{description, own_measure},
    json::Json,
    observation::{BLOOD_GROUPS, SOCIAL_HISTORY},
};

/// The resource that a result becomes: a panel is a report, unless it says what only an Observation can.
pub(super) fn result_resource(own: &LabResult) -> &'static str {
    let is_observation = own.value.is_some()
        || !own.components.is_empty()
        || !own.interpretation.is_empty()
        || !own.reference.is_empty()
        || own.absent_reason.is_some()
        || own.method.is_some()
        || own.body_site.is_some();
    if own.panel && !is_observation { "DiagnosticReport" } else { "Observation" }
}

/// A measure, in the shape of the national profile where there is one.
pub(super) fn measure(writer: &mut Writer, own: &Measure, entry: &Entry, fields: &mut Fields) {
    let kind = MeasureKind::from_slug(&own.measure);
    if let Some(profile) = kind.filter(|kind| fits_profile(own, kind)).and_then(|kind| kind.profile) {
        let profile = Json::List(vec![Json::from(format!("{PROFILES}{profile}"))]);
        fields.put("meta", Some(Fields::new().with("profile", profile).object()));
    }
    fields.put_list("extension", extensions(own));
    around(writer, entry, fields, code(CATEGORY, "vital-signs"));
    let written = own.code.codings.is_empty().then(|| kind.map(|kind| code(kind.system, kind.code))).flatten();
    let plain = || Concept::from_text(&own.measure);
    fields.put(
        "code",
        Some(written.unwrap_or_else(|| if own.code.is_empty() { concept(&plain()) } else { concept(&own.code) })),
    );
    fields.put("subject", Some(writer.subject()));
    effective(own.at, own.end, fields);
    performers(entry, &[], fields);
    fields.put("valueQuantity", maybe_quantity(own.value.as_ref()));
    fields.put("dataAbsentReason", maybe_concept(own.absent_reason.as_ref()));
    fields.put_list("interpretation", concepts(&own.interpretation));
    fields.put_list("note", notes(entry.comment.as_deref()));
    fields.put("bodySite", maybe_concept(own.body_site.as_ref()));
    fields.put("method", maybe_concept(own.method.as_ref()));
    fields.put("device", words(entry.provenance.device.as_deref()));
    let component = |part: &Component| {
        let known = kind.and_then(|kind| kind.component(&part.measure));
        let code_of = |known: &ComponentKind| code(system::LOINC, known.code);
        let own = if part.code.is_empty() { known.map(code_of) } else { Some(concept(&part.code)) };
        Fields::new()
            .maybe("code", own)
            .maybe("valueQuantity", maybe_quantity(part.value.as_ref()))
            .maybe("dataAbsentReason", maybe_concept(part.absent_reason.as_ref()))
            .object()
    };
    fields.put_list("component", own.components.iter().map(component).collect());
}

/// What a measure is meant to be.
pub(super) fn target(writer: &mut Writer, own: &Target, entry: &Entry, fields: &mut Fields) {
    let status = match entry.status {
        Status::EnteredInError => "entered-in-error",
        Status::Superseded => "cancelled",
        _ => "active",
    };
    fields.put_text("lifecycleStatus", Some(status));
    fields.put("description", Some(concept(&description(&own.measure))));
    fields.put("subject", Some(writer.subject()));
    fields.put("startDate", own.since.map(|since| Json::from(since.to_string())));
    let range =
        Fields::new().maybe("low", maybe_quantity(own.low.as_ref())).maybe("high", maybe_quantity(own.high.as_ref()));
    let about = concept(&own_measure(&own.measure));
    fields.put_list("target", vec![Fields::new().with("measure", about).with("detailRange", range.object()).object()]);
    fields.put_list("note", notes(entry.comment.as_deref()));
}

/// Whether a measure has all that its national profile asks for, so that naming the profile is true.
fn fits_profile(own: &Measure, kind: &MeasureKind) -> bool {
    let is_in_unit = own.value.as_ref().is_some_and(|value| value.unit == kind.unit);
    let has_parts =
        kind.components.iter().all(|part| own.component(part.slug).is_some_and(|value| value.unit == part.unit));
    let needs = |presence, is_there: bool| is_there == (presence == carnet_record::measure::Presence::Mandatory);
    own.at.is_some()
        && own.end.is_none()
        && if kind.components.is_empty() { is_in_unit } else { own.value.is_none() && has_parts }
        && needs(kind.moment, own.moment.is_some())
        && needs(kind.days, own.days.is_some())
}

fn extensions(own: &Measure) -> Vec<Json> {
    let url = |name: &str| Fields::new().text("url", &format!("{PROFILES}{name}"));
    let moment = own.moment.as_ref().map(|moment| {
        let system = if *moment == Moment::Malaise { CISP2 } else { system::LOINC };
        url("mesures-moment-of-measurement").with("valueCodeableConcept", code(system, moment.as_str())).object()
    });
    let days = own.days.map(|days| {
        let known = DAYS.iter().find(|(_, own)| *own == days);
        let own = known.map_or_else(
            || concept(&Concept::from_code("", &days.to_string())),
            |(code_of, _)| code(system::TRE_R308, code_of),
        );
        url("mesures-number-of-days").with("valueCodeableConcept", own).object()
    });
    let reason =
        own.reason.as_deref().map(|reason| url("mesures-reason-for-measurement").text("valueString", reason).object());
    moment.into_iter().chain(days).chain(reason).collect()
}

/// The blood group as ABO and Rh group in blood.
pub(super) fn blood_group(writer: &mut Writer, own: &BloodGroup, entry: &Entry, fields: &mut Fields) {
    around(writer, entry, fields, code(CATEGORY, "laboratory"));
    fields.put("code", Some(code(system::LOINC, "882-1")));
    fields.put("subject", Some(writer.subject()));
    effective(own.determined_at, None, fields);
    performers(entry, &[], fields);
    let known = BLOOD_GROUPS.iter().find(|(_, group)| *group == own.group.as_str());
    let value = known
        .map_or_else(|| concept(&Concept::from_text(own.group.as_str())), |(snomed, _)| code(system::SNOMED, snomed));
    fields.put("valueCodeableConcept", Some(value));
    fields.put_list("note", notes(entry.comment.as_deref()));
}

/// How a person lives: each answer a component, named as the national form names its question.
pub(super) fn lifestyle(writer: &mut Writer, own: &dyn Form, entry: &Entry, fields: &mut Fields) {
    around(writer, entry, fields, code(CATEGORY, "social-history"));
    fields.put("code", Some(code(system::LOINC, SOCIAL_HISTORY)));
    fields.put("subject", Some(writer.subject()));
    effective(own.at(), None, fields);
    performers(entry, &[], fields);
    fields.put_list("note", notes(entry.comment.as_deref()));
    let component = |question: &Question| {
        let answer = own.kept(question.field)?;
        let component = Fields::new().with("code", concept(&Concept::from_text(question.code)));
        Some(match question.answers {
            Answers::Number { .. } => component.with("valueInteger", Json::Number(answer)).object(),
            _ => component.with("valueCodeableConcept", concept(&Concept::from_text(&answer))).object(),
        })
    };
    fields.put_list("component", own.questions().iter().filter_map(component).collect());
}

/// A result or a panel.
pub(super) fn result(writer: &mut Writer, own: &LabResult, entry: &Entry, fields: &mut Fields) {
    let resource = result_resource(own);
    let is_report = resource == "DiagnosticReport";
    fields.put_text("status", Some(state(writer, entry, resource, own.state.as_deref(), "final")));
    fields.put_list("category", concepts(&own.categories));
    fields.put("code", Some(concept(&own.code)));
    fields.put("subject", Some(writer.subject()));
    fields.put("encounter", writer.links(entry, &LinkKind::Encounter, &["Encounter"]).into_iter().next());
    effective(own.at, own.end, fields);
    fields.put_when("issued", own.issued_at);
    fields.put_list("performer", own.performers.iter().map(actor).collect());
    let members = writer.links(entry, &LinkKind::HasPart, &["Observation"]);
    let missing = own.missing_members.iter().map(|member| missing_member(member));
    let members: Vec<Json> = members.into_iter().chain(missing).collect();
    if is_report {
        fields.put_list("specimen", words(own.specimen.as_deref()).into_iter().collect());
        fields.put_list("result", members);
        fields.put_text("conclusion", own.conclusion.as_deref());
        fields.put_list("conclusionCode", concepts(&own.conclusion_codes));
        return;
    }
    value(own.value.as_ref(), fields);
    fields.put("dataAbsentReason", maybe_concept(own.absent_reason.as_ref()));
    fields.put_list("interpretation", concepts(&own.interpretation));
    fields.put_list("note", notes(entry.comment.as_deref()));
    fields.put("bodySite", maybe_concept(own.body_site.as_ref()));
    fields.put("method", maybe_concept(own.method.as_ref()));
    fields.put("specimen", words(own.specimen.as_deref()));
    fields.put("device", words(entry.provenance.device.as_deref()));
    fields.put_list("referenceRange", own.reference.iter().map(reference_range).collect());
    fields.put_list("hasMember", members);
    fields.put_list("component", own.components.iter().map(component).collect());
    if own.conclusion.is_some() || !own.conclusion_codes.is_empty() {
        writer.lose(entry, "conclusion", LossReason::NoPlaceInResource);
    }
}

/// `Observation/1 (words)` as a reference with its words.
fn missing_member(text: &str) -> Json {
    let (reference, words) = text.split_once(" (").unwrap_or((text, ""));
    Fields::new().text("reference", reference).text("display", words.strip_suffix(')').unwrap_or(words)).object()
}

fn component(own: &ResultComponent) -> Json {
    let mut fields = Fields::new().with("code", concept(&own.code));
    value(own.value.as_ref(), &mut fields);
    fields.put("dataAbsentReason", maybe_concept(own.absent_reason.as_ref()));
    fields.put_list("interpretation", concepts(&own.interpretation));
    fields.put_list("referenceRange", own.reference.iter().map(reference_range).collect());
    fields.object()
}

fn reference_range(own: &ReferenceRange) -> Json {
    Fields::new()
        .maybe("low", maybe_quantity(own.low.as_ref()))
        .maybe("high", maybe_quantity(own.high.as_ref()))
        .maybe("type", maybe_concept(own.meaning.as_ref()))
        .list("appliesTo", concepts(&own.applies_to))
        .maybe("text", own.text.as_deref().map(Json::from))
        .object()
}

fn value(own: Option<&ResultValue>, fields: &mut Fields) {
    match own {
        Some(ResultValue::Flag(flag)) => fields.put("valueBoolean", Some(Json::Bool(*flag))),
        Some(ResultValue::Concept(own)) => fields.put("valueCodeableConcept", Some(concept(own))),
        Some(ResultValue::Interval { low, high }) => {
            let range =
                Fields::new().maybe("low", maybe_quantity(low.as_ref())).maybe("high", maybe_quantity(high.as_ref()));
            fields.put("valueRange", Some(range.object()));
        }
        Some(ResultValue::Quantity(own)) => fields.put("valueQuantity", Some(quantity(own))),
        Some(ResultValue::Ratio { numerator, denominator }) => {
            let ratio = Fields::new().with("numerator", quantity(numerator)).with("denominator", quantity(denominator));
            fields.put("valueRatio", Some(ratio.object()));
        }
        Some(ResultValue::Text(text)) => fields.put_text("valueString", Some(text)),
        Some(ResultValue::When(when)) => fields.put_when("valueDateTime", Some(*when)),
        _ => {}
    }
}

fn around(writer: &mut Writer, entry: &Entry, fields: &mut Fields, category: Json) {
    let read =
        entry.provenance.original.get("status").map(String::as_str).filter(|_| entry.provenance.source.is_some());
    fields.put_text("status", Some(state(writer, entry, "Observation", read, "final")));
    fields.put_list("category", vec![category]);
    fields.put("encounter", writer.links(entry, &LinkKind::Encounter, &["Encounter"]).into_iter().next());
}

fn performers(entry: &Entry, own: &[carnet_record::person::Actor], fields: &mut Fields) {
    let author = entry.provenance.author.iter().chain(own).map(actor).collect();
    fields.put_list("performer", author);
}

fn effective(at: Option<carnet_record::When>, end: Option<carnet_record::When>, fields: &mut Fields) {
    if end.is_some() {
        fields.put("effectivePeriod", period(at, end));
    } else {
        fields.put_when("effectiveDateTime", at);
    }
}

/// Base of the national profiles and extensions of measures.
const PROFILES: &str = "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const CISP2: &str = "http://hl7.org/fhir/sid/icpc-2";
const DAYS: [(&str, u16); 4] = [("GEN-275", 7), ("GEN-276", 14), ("GEN-277", 30), ("GEN-278", 90)];
