//! Measures and results.
//!
//! Vital signs become measures; everything else with a value becomes a result, whatever its code. Units are kept as
//! read, two results in two units stay two, and a result without a value keeps the reason.

use carnet_record::kind::measure::Component;
use carnet_record::kind::result::{LabResult, ResultValue};
use carnet_record::kind::{Fact, Measure};
use carnet_record::measure::MeasureKind;
use carnet_record::{Concept, Quantity, Status, When};

use crate::cda::act::{finish, status};
use crate::cda::clinical::named;
use crate::cda::collect::{Around, Collector, Made, inner_statements};
use crate::cda::header::concept;
use crate::cda::section::{ATTACHMENT_TYPE, Domain, observe, statement};
use crate::cda::tree::Element;
use crate::cda::value::{self, Value};

/// Organizers of vital signs: LOINC, SNOMED CT.
const VITAL_ORGANIZERS: [&str; 4] = ["46680005", "74728-7", "85353-1", "8716-3"];
/// Observations that say something about another one and are kept beside it: severity, status, certainty, criticality,
/// rank of a vaccination.
const QUALIFIERS: [&str; 7] = ["SEV", "11323-3", "33999-4", "66455-7", "82606-5", "30973-2", "GEN-318"];
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";

/// An organizer: a frame around results, or around vital signs.
pub(crate) fn organizer(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let code = concept(element.child("code"), collector.words);
    let own = element.child("code").and_then(|code| code.attribute("code")).unwrap_or_default();
    let around = Around { is_vital: around.is_vital || VITAL_ORGANIZERS.contains(&own), ..around.clone() };
    let inner: Vec<&Element> = inner_statements(element).map(|(_, inner)| inner).collect();
    let first = collector.count();
    let paired = if around.is_vital { blood_pressures(&inner, &around, collector) } else { Vec::new() };
    for (index, statement_inside) in inner.iter().enumerate() {
        if !paired.contains(&index) {
            statement(statement_inside, &around, collector);
        }
    }
    let members: Vec<usize> = (first..collector.count()).filter(|index| collector.is_free_result(*index)).collect();
    if around.is_vital || code.codings.is_empty() || members.is_empty() {
        return;
    }
    let panel = panel(element, &around, code, collector);
    for member in members {
        collector.tie(panel, member);
    }
}

/// A panel: what its results have in common.
fn panel(element: &Element, around: &Around, code: Concept, collector: &mut Collector<'_>) -> usize {
    let at = collector.when(around.span.start.as_deref(), "result", around);
    let mut made = Made::new(
        LabResult {
            code: code.clone(),
            categories: category(around),
            at,
            specimen: around.specimen.clone(),
            state: state(around).map(str::to_owned),
            performers: around.performer.iter().cloned().collect(),
            panel: true,
            ..LabResult::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = status(around);
    collector.add(element, around, made)
}

/// Pairs of systolic and diastolic pressure of one time; gives the numbers of the statements it took.
fn blood_pressures(inner: &[&Element], around: &Around, collector: &mut Collector<'_>) -> Vec<usize> {
    let mut taken = Vec::new();
    let of = |code: &str| {
        let is = move |element: &Element| {
            element.name == "observation"
                && element.child("code").and_then(|own| own.attribute("code")) == Some(code)
                && element.attribute("negationInd") != Some("true")
        };
        inner.iter().enumerate().filter(move |(_, element)| is(element)).map(|(index, _)| index).collect::<Vec<_>>()
    };
    for systolic in of(SYSTOLIC) {
        let Some(upper) = inner.get(systolic) else { continue };
        let upper_around = around.inside(upper, collector);
        let Some(upper_value) = upper.child("value").and_then(value::number) else { continue };
        let lower = of(DIASTOLIC).into_iter().filter(|index| !taken.contains(index)).find_map(|index| {
            let element = inner.get(index)?;
            let same = around.inside(element, collector).span == upper_around.span;
            let number = element.child("value").and_then(value::number)?;
            same.then_some((index, number, element))
        });
        let Some((diastolic, lower_value, lower)) = lower else { continue };
        blood_pressure((upper, upper_value), (lower, lower_value), &upper_around, collector);
        taken.extend([systolic, diastolic]);
    }
    taken
}

fn blood_pressure(
    (upper, upper_value): (&Element, Quantity),
    (lower, lower_value): (&Element, Quantity),
    around: &Around,
    collector: &mut Collector<'_>,
) {
    let part = |slug: &str, element: &Element, value: Quantity, collector: &Collector<'_>| Component {
        measure: slug.to_owned(),
        code: concept(element.child("code"), collector.words),
        value: Some(value),
        absent_reason: None,
    };
    let components =
        vec![part("systolic", upper, upper_value, collector), part("diastolic", lower, lower_value, collector)];
    let at = time_of(around, collector, "measure");
    let code = Concept::from_code(carnet_record::code::system::LOINC, "85354-9");
    let mut interpretation = value::concepts(upper, "interpretationCode", collector.words);
    interpretation.extend(value::concepts(lower, "interpretationCode", collector.words));
    let mut made = Made::new(
        Measure {
            measure: "blood-pressure".to_owned(),
            code: code.clone(),
            at,
            components,
            interpretation,
            ..Measure::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = status(around);
    for (name, element) in [("systolic", upper), ("diastolic", lower)] {
        let read = value::read(element, collector.words, &collector.context.home_zone);
        made.original.extend(read.original.into_iter().map(|(part, text)| (format!("{name}.{part}"), text)));
    }
    made.original.push(("value".to_owned(), pair_text(&made.fact)));
    // Two observations were read and became one entry.
    collector.tally.read("measure", 1);
    collector.tally.merge("measure", 1);
    finish(upper, around, collector, made);
}

fn pair_text(fact: &Fact) -> String {
    let Fact::Measure(measure) = fact else { return String::new() };
    let part = |slug: &str| measure.component(slug).map(|quantity| quantity.value.to_string()).unwrap_or_default();
    format!("{}/{}", part("systolic"), part("diastolic"))
}

/// An observation that is neither a problem nor an allergy.
pub(crate) fn observation(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let code = concept(element.child("code"), collector.words);
    if code.codings.iter().any(|coding| coding.code == ATTACHMENT_TYPE) {
        return;
    }
    if code.codings.iter().any(|coding| QUALIFIERS.contains(&coding.code.as_str())) {
        return collector.set_aside("result", "remark-on-another-statement", around);
    }
    let read = value::read(element, collector.words, &collector.context.home_zone);
    let parts = parts_of(element, &code);
    if read.said.is_none() && read.absent.is_none() && parts.is_empty() {
        return without_value(element, around, code, collector);
    }
    if read.is_no_number {
        let place = collector.place(&around.place).quoting(written(&read));
        collector.tally.warn("result", "not-a-number", place);
    }
    let is_measure = around.is_vital && matches!(&read.said, Some(ResultValue::Quantity(_)));
    if is_measure && !code.codings.is_empty() {
        return measure(element, around, code, read, collector);
    }
    let own = result(element, around, code, read, parts.is_empty(), collector);
    for part in parts {
        let before = collector.count();
        observe(part, &around.inside(part, collector), collector);
        for member in before..collector.count() {
            if collector.is_free_result(member) {
                collector.tie(own, member);
            }
        }
    }
}

/// An observation without a value says nothing, unless it only holds a paper or stands for something done.
fn without_value(element: &Element, around: &Around, code: Concept, collector: &mut Collector<'_>) {
    let holds_media = inner_statements(element).any(|(_, inner)| inner.name == "observationMedia");
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    let reason = match (holds_media, text) {
        (true, _) => "attachment-only",
        (false, Some(words)) => {
            let mut read = Value::default();
            read.original.push(("value", words.clone()));
            read.said = Some(ResultValue::Text(words));
            result(element, around, code, read, true, collector);
            return;
        }
        (false, None) => "without-a-value",
    };
    collector.set_aside("result", reason, around);
}

fn written(read: &Value) -> &str {
    read.original.iter().find(|(name, _)| name.starts_with("value")).map_or("", |(_, text)| text.as_str())
}

/// Observations inside that have a value of their own and are no remark on this one.
fn parts_of<'e>(element: &'e Element, code: &Concept) -> Vec<&'e Element> {
    let own = code.codings.first().map(|coding| coding.code.as_str()).unwrap_or_default();
    let is_part = |relation: &Element, inner: &Element| {
        let inner_code = inner.child("code").and_then(|code| code.attribute("code")).unwrap_or_default();
        let is_reason = matches!(relation.attribute("typeCode"), Some("RSON" | "MFST" | "CAUS"));
        inner.name == "observation"
            && !is_reason
            && !inner_code.is_empty()
            && inner_code != own
            && !QUALIFIERS.contains(&inner_code)
    };
    inner_statements(element).filter(|(relation, inner)| is_part(relation, inner)).map(|(_, inner)| inner).collect()
}

fn measure(element: &Element, around: &Around, code: Concept, read: Value, collector: &mut Collector<'_>) {
    let kind = MeasureKind::from_concept(&code);
    let fallback = code.codings.first().map(|coding| coding.code.clone()).unwrap_or_default();
    let Some(ResultValue::Quantity(quantity)) = read.said else { return };
    let at = time_of(around, collector, "measure");
    let end = collector.when(around.span.end.as_deref(), "measure", around).filter(|end| Some(*end) != at);
    let mut made = Made::new(
        Measure {
            measure: kind.map_or(fallback, |kind| kind.slug.to_owned()),
            code: code.clone(),
            at,
            end,
            value: Some(quantity),
            method: value::concepts(element, "methodCode", collector.words).into_iter().next(),
            body_site: value::concepts(element, "targetSiteCode", collector.words).into_iter().next(),
            interpretation: value::concepts(element, "interpretationCode", collector.words),
            ..Measure::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = status(around);
    made.original = named(read.original);
    finish(element, around, collector, made);
}

fn result(
    element: &Element,
    around: &Around,
    code: Concept,
    read: Value,
    is_leaf: bool,
    collector: &mut Collector<'_>,
) -> usize {
    let at = time_of(around, collector, "result");
    let end = collector.when(around.span.end.as_deref(), "result", around).filter(|end| Some(*end) != at);
    let is_panel = !is_leaf && read.said.is_none();
    let mut made = Made::new(
        LabResult {
            code: code.clone(),
            categories: category(around),
            at,
            end,
            value: read.said,
            absent_reason: read.absent,
            interpretation: value::concepts(element, "interpretationCode", collector.words),
            reference: value::reference_ranges(element, collector.words),
            state: state(around).map(str::to_owned),
            specimen: around.specimen.clone(),
            method: value::concepts(element, "methodCode", collector.words).into_iter().next(),
            body_site: value::concepts(element, "targetSiteCode", collector.words).into_iter().next(),
            performers: around.performer.iter().cloned().collect(),
            panel: is_panel,
            ..LabResult::default()
        },
        code,
    );
    made.is_timed = true;
    made.status = if around.negated { Status::Refuted } else { status(around) };
    made.original = named(read.original);
    finish(element, around, collector, made)
}

/// The time of a statement, else of what is around it, else the start of the act the document is about.
fn time_of(around: &Around, collector: &mut Collector<'_>, kind: &str) -> Option<When> {
    let own = around.span.start.clone().or_else(|| around.span.end.clone());
    let text = own.or_else(|| collector.header.act_start().map(str::to_owned));
    collector.when(text.as_deref(), kind, around)
}

fn category(around: &Around) -> Vec<Concept> {
    let code = match around.domain {
        Domain::Laboratory => "laboratory",
        Domain::SocialHistory => "social-history",
        Domain::VitalSigns => "vital-signs",
        _ => return Vec::new(),
    };
    vec![Concept::from_code("http://terminology.hl7.org/CodeSystem/observation-category", code)]
}

/// FHIR observation-status of a `statusCode`.
fn state(around: &Around) -> Option<&'static str> {
    Some(match around.status.as_deref()? {
        "aborted" | "cancelled" => "cancelled",
        "active" => "preliminary",
        "completed" => "final",
        "nullified" => "entered-in-error",
        _ => return None,
    })
}
