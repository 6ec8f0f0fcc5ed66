//! Problems and allergies.
//!
//! What is said not to be so is never a fact: "no known allergy" is a statement of absence, a problem or allergy with
//! `negationInd` is kept and marked as refuted.

use carnet_record::code::system;
use carnet_record::kind::absence::{AbsenceMeaning, AbsenceOf};
use carnet_record::kind::allergy::Reaction;
use carnet_record::kind::result::ResultValue;
use carnet_record::kind::{Allergy, Disease};
use carnet_record::{Coding, Concept, Status};

use crate::cda::act::{finish, label_of, no_known, state_absence};
use crate::cda::collect::{Around, Collector, Made, inner_statements};
use crate::cda::header::concept;
use crate::cda::product::product_code;
use crate::cda::section::Domain;
use crate::cda::tree::Element;
use crate::cda::value::{self, code_text};

/// Templates of a problem observation: CCD, IHE PCC, C-CDA.
const PROBLEM_TEMPLATES: [&str; 3] =
    ["2.16.840.1.113883.10.20.1.28", "1.3.6.1.4.1.19376.1.5.3.1.4.5", "2.16.840.1.113883.10.20.22.4.4"];
/// Templates of an allergy observation: CCD, IHE PCC, C-CDA (two).
const ALLERGY_TEMPLATES: [&str; 4] = [
    "2.16.840.1.113883.10.20.1.18",
    "1.3.6.1.4.1.19376.1.5.3.1.4.6",
    "2.16.840.1.113883.10.20.22.4.7",
    "2.16.840.1.113883.10.20.24.3.90",
];
/// Types of problem: SNOMED CT, then LOINC.
const PROBLEM_TYPES: [&str; 13] = [
    "282291009",
    "55607006",
    "404684003",
    "409586006",
    "418799008",
    "64572001",
    "248536006",
    "373930000",
    "29308-4",
    "75321-0",
    "75322-8",
    "75323-6",
    "75326-9",
];
/// Types of allergy or intolerance: (SNOMED CT, mechanism, category).
const ALLERGY_TYPES: [(&str, &str, &str); 14] = [
    ("414285001", "allergy", "food"),
    ("416098002", "allergy", "medication"),
    ("419199007", "allergy", ""),
    ("426232007", "allergy", "environment"),
    ("235719002", "intolerance", "food"),
    ("59037007", "intolerance", "medication"),
    ("79899007", "intolerance", "medication"),
    ("418471000", "", "food"),
    ("419511003", "", "medication"),
    ("418038007", "", ""),
    ("420134006", "", ""),
    ("609328004", "allergy", ""),
    ("609398007", "intolerance", "medication"),
    ("609433001", "intolerance", ""),
];
/// Most reactions kept of one allergy.
const REACTIONS_MAX: usize = 64;

fn has_template(element: &Element, templates: &[&str]) -> bool {
    element.all("templateId").any(|id| id.attribute("root").is_some_and(|root| templates.contains(&root)))
}

fn own_code(element: &Element) -> &str {
    element.child("code").and_then(|code| code.attribute("code")).unwrap_or_default()
}

/// Whether an observation states an allergy or intolerance.
pub(crate) fn is_allergy(element: &Element, around: &Around) -> bool {
    let code = own_code(element);
    let is_typed = ALLERGY_TYPES.iter().any(|(known, _, _)| *known == code);
    is_typed || has_template(element, &ALLERGY_TEMPLATES) || (around.domain == Domain::Allergies && has_agent(element))
}

fn has_agent(element: &Element) -> bool {
    element.all("participant").any(|part| part.attribute("typeCode") == Some("CSM"))
}

/// Whether an observation states a problem: a diagnosis, a symptom, a finding.
pub(crate) fn is_problem(element: &Element, around: &Around) -> bool {
    let is_typed = PROBLEM_TYPES.contains(&own_code(element));
    let value = element.child("value");
    // A value that is itself the name of a section or a question is no diagnosis.
    let names_a_question = value.is_some_and(|value| value.attribute("codeSystem") == Some("2.16.840.1.113883.6.1"));
    let is_asserted = around.domain == Domain::Problems && own_code(element) == "ASSERTION";
    let is_coded = value.is_some_and(|value| value.attribute("code").is_some());
    let is_said = value.is_some_and(|value| matches!(value.kind.as_deref(), Some("CD" | "CE" | "CV" | "ST" | "ED")));
    let has_value = is_coded || (is_said && around.domain == Domain::Problems);
    (is_typed || is_asserted || has_template(element, &PROBLEM_TEMPLATES)) && has_value && !names_a_question
}

/// A problem.
pub(crate) fn problem(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let (made_of, sort) =
        (value::read(element, collector.words, &collector.context.home_zone), own(element, collector));
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    let code = match made_of.said {
        Some(ResultValue::Concept(code)) => code,
        Some(ResultValue::Text(words)) => Concept::from_text(&words),
        _ => Concept::default(),
    };
    let is_general = code.codings.iter().all(|coding| PROBLEM_TYPES.contains(&coding.code.as_str()));
    if let Some(absence) = no_known(&code, AbsenceOf::Diseases) {
        return state_absence(element, around, collector, absence);
    }
    if around.negated && is_general && code.text.is_none() {
        return state_absence(element, around, collector, (AbsenceOf::Diseases, AbsenceMeaning::NoneKnown, code));
    }
    let Some(name) = label_of(&code).or(text) else { return collector.set_aside("disease", "without-a-name", around) };
    // The time of a frame is when the concern was noted, not when the disease began.
    let own_span = crate::cda::time::Span::of(element);
    let start = collector.when(own_span.start.as_deref(), "disease", around);
    let end = collector.when(own_span.end.as_deref(), "disease", around);
    let severity = qualifier(element, "SEV", collector);
    let mut made = Made::new(
        Disease {
            name: Some(name),
            start,
            end,
            clinical: qualifier(element, "33999-4", collector).map(|code| clinical_status(&code)),
            verification: qualifier(element, "66455-7", collector).map(|code| plain_code(&code)),
            categories: (!sort.is_empty()).then_some(sort).into_iter().collect(),
            severity,
            body_site: value::concepts(element, "targetSiteCode", collector.words).into_iter().next(),
            code: code.clone(),
            ..Disease::default()
        },
        code,
    );
    made.status = clinical_entry_status(around);
    made.original = named(made_of.original);
    finish(element, around, collector, made);
}

/// An allergy or intolerance.
pub(crate) fn allergy(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let made_of = value::read(element, collector.words, &collector.context.home_zone);
    let own = own(element, collector);
    let value = match &made_of.said {
        Some(ResultValue::Concept(code)) => code.clone(),
        Some(ResultValue::Text(words)) => Concept::from_text(words),
        _ => Concept::default(),
    };
    let agent = agent(element, collector);
    let absence = no_known(&value, AbsenceOf::Allergies).or_else(|| no_known(&own, AbsenceOf::Allergies));
    if let Some(absence) = absence {
        return state_absence(element, around, collector, absence);
    }
    if around.negated && agent.is_empty() {
        let code = if value.is_empty() { own } else { value };
        return state_absence(element, around, collector, (AbsenceOf::Allergies, AbsenceMeaning::NoneKnown, code));
    }
    let sort = allergy_type(&own).or_else(|| allergy_type(&value));
    let is_type = |code: &Concept| allergy_type(code).is_some();
    let mut shown = reactions(element, around, collector);
    if !agent.is_empty() && !value.codings.is_empty() && !is_type(&value) {
        // With the substance named apart, the value is what it did.
        shown.insert(0, Reaction { manifestations: vec![value.clone()], ..Reaction::default() });
    }
    let code = if !agent.is_empty() {
        agent
    } else if is_type(&value) || value.is_empty() {
        Concept::default()
    } else {
        value.clone()
    };
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    // Documents that mean "none" fill in the frame without a substance: its type alone is no allergy.
    let Some(name) = label_of(&code).or_else(|| value.text.clone()).or(text) else {
        return collector.set_aside("allergy", "without-a-substance", around);
    };
    let own_span = crate::cda::time::Span::of(element);
    let onset = collector.when(own_span.start.as_deref(), "allergy", around);
    let end = collector.when(own_span.end.as_deref(), "allergy", around);
    let (mechanism, category) = sort.unwrap_or_default();
    let mut made = Made::new(
        Allergy {
            name: Some(name),
            code: code.clone(),
            mechanism: (!mechanism.is_empty()).then(|| mechanism.to_owned()),
            categories: (!category.is_empty()).then(|| category.to_owned()).into_iter().collect(),
            criticality: qualifier(element, "82606-5", collector).map(|code| criticality(&code)),
            onset,
            end,
            clinical: qualifier(element, "33999-4", collector).map(|code| clinical_status(&code)),
            verification: qualifier(element, "66455-7", collector).map(|code| plain_code(&code)),
            reactions: shown,
            ..Allergy::default()
        },
        if code.is_empty() { Concept::from_text("") } else { code },
    );
    made.status = clinical_entry_status(around);
    made.original = named(made_of.original);
    made.original.push(("code".to_owned(), code_text(&own)));
    if let Some(display) = own.codings.first().and_then(|coding| coding.display.clone()) {
        made.original.push(("code_display".to_owned(), display));
    }
    finish(element, around, collector, made);
}

/// Said not to be so is refuted; everything else by its status.
fn clinical_entry_status(around: &Around) -> Status {
    match around.status.as_deref() {
        Some("nullified") => Status::EnteredInError,
        _ if around.negated => Status::Refuted,
        Some("aborted" | "cancelled") => Status::Cancelled,
        _ => Status::Active,
    }
}

fn own(element: &Element, collector: &Collector<'_>) -> Concept {
    let code = concept(element.child("code"), collector.words);
    if code.codings.iter().any(|coding| coding.code == "ASSERTION") { Concept::default() } else { code }
}

/// The substance: a participant, or the product of a related administration.
fn agent(element: &Element, collector: &Collector<'_>) -> Concept {
    let entities = element.all("participant").filter(|part| part.attribute("typeCode") == Some("CSM"));
    for entity in entities.filter_map(|part| part.at(&["participantRole", "playingEntity"])) {
        let mut code = concept(entity.child("code"), collector.words);
        if let Some(name) = entity.child("name").and_then(Element::line_of_text) {
            code.text = Some(name);
        }
        if !code.is_empty() {
            return code;
        }
    }
    let administrations = inner_statements(element).map(|(_, inner)| inner);
    let mut products = administrations.filter(|inner| inner.name == "substanceAdministration");
    products.find_map(|inner| product_code(inner, collector.words)).map(|product| product.code).unwrap_or_default()
}

fn allergy_type(code: &Concept) -> Option<(&'static str, &'static str)> {
    let known = |coding: &Coding| {
        ALLERGY_TYPES.iter().find(|(known, _, _)| coding.system == system::SNOMED && *known == coding.code)
    };
    code.codings.iter().find_map(known).map(|(_, mechanism, category)| (*mechanism, *category))
}

fn reactions(element: &Element, around: &Around, collector: &mut Collector<'_>) -> Vec<Reaction> {
    let mut out = Vec::new();
    let shown = inner_statements(element)
        .filter(|(relation, inner)| relation.attribute("typeCode") == Some("MFST") && inner.name == "observation");
    for (_, inner) in shown.take(REACTIONS_MAX) {
        let value = concept(inner.child("value"), collector.words);
        let text = inner.child("text").and_then(|text| collector.words.said_by(text));
        let span = crate::cda::time::Span::of(inner);
        let at = collector.when(span.start.as_deref(), "allergy", around);
        let severity = qualifier(inner, "SEV", collector).map(|code| severity(&code));
        let manifestations = if value.is_empty() { Vec::new() } else { vec![value] };
        let reaction = Reaction { manifestations, severity, at, text, ..Reaction::default() };
        if !reaction.manifestations.is_empty() || reaction.text.is_some() {
            out.push(reaction);
        }
    }
    out
}

/// The value of the observation beside a statement whose code is `code`.
pub(crate) fn qualifier(element: &Element, code: &str, collector: &Collector<'_>) -> Option<Concept> {
    let mut beside = inner_statements(element).map(|(_, inner)| inner);
    let found = beside.find(|inner| inner.name == "observation" && own_code(inner) == code)?;
    let value = concept(found.child("value"), collector.words);
    (!value.is_empty()).then_some(value)
}

/// FHIR code of a clinical status; a code nobody knows stays as it is.
fn clinical_status(code: &Concept) -> String {
    let text = plain_code(code);
    match text.as_str() {
        "55561003" => "active".to_owned(),
        "73425007" => "inactive".to_owned(),
        "413322009" => "resolved".to_owned(),
        "246455001" | "255227004" => "recurrence".to_owned(),
        "277022003" => "remission".to_owned(),
        _ => text,
    }
}

/// FHIR code of a severity of a reaction, by SNOMED CT.
fn severity(code: &Concept) -> String {
    match plain_code(code).as_str() {
        "255604002" => "mild".to_owned(),
        "6736007" => "moderate".to_owned(),
        "24484000" => "severe".to_owned(),
        // In between, or a code nobody knows: the words as they are.
        _ => code.label().unwrap_or_default().to_owned(),
    }
}

/// FHIR code of a criticality.
fn criticality(code: &Concept) -> String {
    let text = plain_code(code);
    match text.as_str() {
        "CRITL" => "low".to_owned(),
        "CRITH" => "high".to_owned(),
        "CRITU" => "unable-to-assess".to_owned(),
        _ => text,
    }
}

fn plain_code(code: &Concept) -> String {
    let first = code.codings.first().map(|coding| coding.code.clone());
    first.or_else(|| code.text.clone()).unwrap_or_default()
}

/// Provenance names are text.
pub(crate) fn named(original: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    original.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}
