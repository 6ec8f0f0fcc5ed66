//! Acts, procedures and encounters.

use carnet_record::code::system;
use carnet_record::kind::absence::{Absence, AbsenceMeaning, AbsenceOf};
use carnet_record::kind::{Encounter, Procedure};
use carnet_record::person::Actor;
use carnet_record::{Coding, Concept, Status};

use crate::cda::collect::{Around, Collector, Made, inner_statements, kept_relations};
use crate::cda::header::{concept, entity};
use crate::cda::section::{Domain, statement};
use crate::cda::tree::Element;
use crate::cda::value::{self, code_text};

/// HL7 `ActCode`, which has the classes of encounters.
const ACT_CODE: &str = "urn:oid:2.16.840.1.113883.5.4";
/// Codes of acts that only carry a remark: comment and instructions (LOINC, IHE).
const REMARKS: [&str; 3] = ["48767-8", "FINSTRUCT", "PINSTRUCT"];
/// Most people, reasons or sites kept of one act.
const PARTS_MAX: usize = 32;

/// An `act`: most often a frame around other statements (a concern, a laboratory chapter), sometimes something done.
pub(crate) fn act(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let frames = |inner: &Element| {
        let code = inner.child("code").and_then(|code| code.attribute("code")).unwrap_or_default();
        !(inner.name == "act" && REMARKS.contains(&code))
    };
    let inner: Vec<&Element> =
        inner_statements(element).map(|(_, inner)| inner).filter(|inner| frames(inner)).collect();
    let code = concept(element.child("code"), collector.words);
    if around.domain == Domain::Procedures && !code.codings.is_empty() {
        return procedure(element, around, collector);
    }
    for statement_inside in &inner {
        statement(statement_inside, around, collector);
    }
    if inner.is_empty() && !code.is_empty() && !REMARKS.iter().any(|remark| code_text(&code).ends_with(remark)) {
        collector.set_aside("procedure", "said-in-words", around);
    }
}

/// A `procedure`.
pub(crate) fn procedure(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let code = concept(element.child("code"), collector.words);
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    if let Some(meaning) = no_known(&code, AbsenceOf::Procedures) {
        return state_absence(element, around, collector, meaning);
    }
    let name = label_of(&code).or_else(|| text.clone());
    if name.is_none() {
        return collector.set_aside("procedure", "without-a-name", around);
    }
    let start = collector.when(around.span.start.as_deref(), "procedure", around);
    let end = collector.when(around.span.end.as_deref(), "procedure", around);
    let devices = participants(element, "DEV").chain(participants(element, "PRD"));
    let device = |part: &Element| {
        part.at(&["participantRole", "playingDevice", "code"]).map(|code| concept(Some(code), collector.words))
    };
    let devices = devices.filter_map(device).filter(|code| !code.is_empty()).take(PARTS_MAX).collect();
    let mut made = Made::new(
        Procedure {
            name,
            start,
            end,
            state: state(around).map(str::to_owned),
            performers: performers(element, around, collector),
            reasons: reasons(element, collector),
            body_sites: value::concepts(element, "targetSiteCode", collector.words),
            place: place_name(element),
            devices,
            category: around.is_reimbursed.then(|| Concept::from_text("remboursement")),
            code: code.clone(),
            ..Procedure::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = status(around);
    finish(element, around, collector, made);
}

/// An `encounter`.
pub(crate) fn encounter(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let code = concept(element.child("code"), collector.words);
    let start = collector.when(around.span.start.as_deref(), "encounter", around);
    let end = collector.when(around.span.end.as_deref(), "encounter", around);
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    if code.is_empty() && start.is_none() && text.is_none() {
        return collector.set_aside("encounter", "without-a-name", around);
    }
    let discharge = concept(element.elements().find(|part| part.name == "dischargeDispositionCode"), collector.words);
    let mut made = Made::new(
        Encounter {
            name: label_of(&code).or(text),
            class: code.codings.iter().find(|coding| coding.system == ACT_CODE).cloned(),
            start,
            end,
            state: state(around).map(str::to_owned),
            establishment: place_name(element),
            participants: performers(element, around, collector),
            reasons: reasons(element, collector),
            discharge: (!discharge.is_empty()).then_some(discharge),
            code: code.clone(),
            ..Encounter::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = status(around);
    finish(element, around, collector, made);
}

/// Adds a fact, keeping what relates to its statement word for word.
pub(crate) fn finish(element: &Element, around: &Around, collector: &mut Collector<'_>, mut made: Made) -> usize {
    let relations = element.elements().filter(|part| part.name == "entryRelationship" && !is_media(part));
    let (kept, lost) = kept_relations(relations);
    made.kept.extend(kept);
    let comment = comment(element, collector);
    made.comment = made.comment.or(comment);
    if lost > 0 {
        let place = collector.place(&around.place);
        collector.tally.warn(made.fact.kind(), "details-stay-in-the-document", place);
    }
    collector.add(element, around, made)
}

fn is_media(relation: &Element) -> bool {
    relation.child("observationMedia").is_some()
}

/// An explicit statement that something is not there.
pub(crate) fn state_absence(
    element: &Element,
    around: &Around,
    collector: &mut Collector<'_>,
    (of, meaning, code): (AbsenceOf, AbsenceMeaning, Concept),
) {
    let start = collector.when(around.span.start.as_deref(), "absence", around);
    let stated_at = around.author.as_ref().and_then(|author| author.at).or(start);
    let absence = Absence { of, meaning, code: code.clone(), stated_at, author: around.author.clone() };
    let made = Made::new(absence, code);
    finish(element, around, collector, made);
}

/// Statements that nothing is known, or that nothing can be said: SNOMED CT, and the codes of IPS and IHE PCC.
pub(crate) fn no_known(code: &Concept, of: AbsenceOf) -> Option<(AbsenceOf, AbsenceMeaning, Concept)> {
    let is_of = |coding: &Coding| coding.system == system::SNOMED || coding.code.starts_with("no-");
    let known =
        |codes: &[&str]| code.codings.iter().any(|coding| is_of(coding) && codes.contains(&coding.code.as_str()));
    let meaning = if known(&NONE_KNOWN) {
        AbsenceMeaning::NoneKnown
    } else if known(&UNAVAILABLE) {
        AbsenceMeaning::Unavailable
    } else {
        return None;
    };
    Some((of, meaning, code.clone()))
}

/// Codes that say "none".
const NONE_KNOWN: [&str; 20] = [
    "160244002",
    "160245001",
    "182849000",
    "408350003",
    "409137002",
    "416128008",
    "428197003",
    "428607008",
    "429625007",
    "716184000",
    "716185004",
    "716186003",
    "716220001",
    "787481004",
    "no-known-allergies",
    "no-known-devices",
    "no-known-immunizations",
    "no-known-medications",
    "no-known-problems",
    "no-known-procedures",
];
/// Codes that say "nobody can tell".
const UNAVAILABLE: [&str; 8] = [
    "182904002",
    "396782006",
    "no-allergy-info",
    "no-device-info",
    "no-immunization-info",
    "no-medication-info",
    "no-problem-info",
    "no-procedure-info",
];

/// What to call something: the words beside its code, unless the source's own words say something else.
pub(crate) fn label_of(code: &Concept) -> Option<String> {
    let display = code.codings.iter().find_map(|coding| coding.display.clone());
    let is_within = |text: &str, display: &str| {
        let (text, display) = (text.to_lowercase(), display.to_lowercase());
        text.contains(&display) || display.contains(&text)
    };
    match (&code.text, display) {
        (Some(text), Some(display)) if !is_within(text, &display) => Some(text.clone()),
        (_, Some(display)) => Some(display),
        (Some(text), None) => Some(text.clone()),
        (None, None) => code.codings.first().map(|coding| coding.code.clone()),
    }
}

/// Whether the statement counts.
pub(crate) fn status(around: &Around) -> Status {
    match around.status.as_deref() {
        Some("nullified") => Status::EnteredInError,
        _ if around.negated => Status::NotDone,
        Some("aborted" | "cancelled") => Status::Cancelled,
        _ => Status::Active,
    }
}

/// FHIR event-status of a `statusCode`; `None` for one that is not known.
fn state(around: &Around) -> Option<&'static str> {
    Some(match around.status.as_deref()? {
        _ if around.negated => "not-done",
        "aborted" => "stopped",
        "active" => "in-progress",
        "cancelled" => "not-done",
        "completed" => "completed",
        "nullified" => "entered-in-error",
        "held" | "suspended" => "on-hold",
        _ => return None,
    })
}

/// The remark beside a statement (LOINC 48767-8).
pub(crate) fn comment(element: &Element, collector: &Collector<'_>) -> Option<String> {
    let remarks = inner_statements(element).map(|(_, inner)| inner).filter(|inner| {
        let code = inner.child("code").and_then(|code| code.attribute("code"));
        inner.name == "act" && code == Some("48767-8")
    });
    let texts: Vec<String> =
        remarks.filter_map(|remark| remark.child("text")).filter_map(|text| collector.words.said_by(text)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Why something was done (`typeCode` RSON): the code or value of the related statement.
pub(crate) fn reasons(element: &Element, collector: &Collector<'_>) -> Vec<Concept> {
    let because = inner_statements(element).filter(|(relation, _)| relation.attribute("typeCode") == Some("RSON"));
    let said = because.map(|(_, inner)| {
        let value = concept(inner.child("value"), collector.words);
        if value.is_empty() { concept(inner.child("code"), collector.words) } else { value }
    });
    said.filter(|code| !code.is_empty()).take(PARTS_MAX).collect()
}

fn performers(element: &Element, around: &Around, collector: &Collector<'_>) -> Vec<Actor> {
    let zones = &collector.context.home_zone;
    let own: Vec<Actor> = element.all("performer").take(PARTS_MAX).filter_map(|part| entity(part, zones)).collect();
    if own.is_empty() { around.performer.iter().cloned().collect() } else { own }
}

fn participants<'e>(element: &'e Element, sort: &'e str) -> impl Iterator<Item = &'e Element> {
    element.all("participant").filter(move |part| part.attribute("typeCode") == Some(sort))
}

fn place_name(element: &Element) -> Option<String> {
    let place = participants(element, "LOC").find_map(|part| part.at(&["participantRole", "playingEntity", "name"]));
    let organisation = || element.at(&["performer", "assignedEntity", "representedOrganization", "name"]);
    place.or_else(organisation).and_then(Element::line_of_text)
}
