//! Products: treatments, prescriptions, dispensations, reimbursements and vaccinations.
//!
//! A prescription is not a running treatment, and what an insurer paid for is neither. A vaccination that was not
//! given is kept and marked so.

use carnet_record::kind::absence::AbsenceOf;
use carnet_record::kind::treatment::{DosageLine, TreatmentRole};
use carnet_record::kind::vaccination::Administration;
use carnet_record::kind::{Treatment, Vaccination};
use carnet_record::{Concept, Quantity, Status};

use crate::cda::act::{finish, label_of, no_known, reasons, state_absence};
use crate::cda::collect::{Around, Collector, Made, inner_statements};
use crate::cda::header::{author, coding, concept, entity};
use crate::cda::narrative::Words;
use crate::cda::section::Domain;
use crate::cda::time::Span;
use crate::cda::tree::Element;
use crate::cda::value;

/// Templates of an immunization: IHE PCC, C-CDA.
const IMMUNIZATION_TEMPLATES: [&str; 2] = ["1.3.6.1.4.1.19376.1.5.3.1.4.12", "2.16.840.1.113883.10.20.22.4.52"];
/// HL7 codes of the place of an injection in its series.
const IMMUNIZATION_CODES: [&str; 3] = ["BOOSTER", "IMMUNIZ", "INITIMMUNIZ"];
/// Most lines of one dosage, most ingredients of one product.
const LINES_MAX: usize = 64;

/// A product as a statement names it.
pub(crate) struct Product {
    /// Codes and words.
    pub(crate) code: Concept,
    name: Option<String>,
    lot: Option<String>,
    expires: Option<String>,
    form: Option<Concept>,
    ingredients: Vec<Concept>,
    manufacturer: Option<String>,
}

/// The product of a statement; `None` when it names none.
pub(crate) fn product_code(element: &Element, words: &Words<'_>) -> Option<Product> {
    let made = ["consumable", "product"].into_iter().find_map(|name| element.at(&[name, "manufacturedProduct"]))?;
    let material = made.child("manufacturedMaterial").or_else(|| made.child("manufacturedLabeledDrug"))?;
    let extension = |name: &'static str| material.elements().filter(move |part| part.name == name);
    let mut code = concept(material.child("code"), words);
    let class = extension("asSpecializedKind").flat_map(Element::elements).flat_map(Element::elements);
    for class in class.filter(|part| part.name == "code").filter_map(coding) {
        if !code.codings.contains(&class) {
            code.codings.push(class);
        }
    }
    let name = material.child("name").and_then(Element::line_of_text);
    let text = |name| extension(name).next().and_then(Element::line_of_text);
    let form = concept(extension("formCode").next(), words);
    let product = Product {
        lot: text("lotNumberText"),
        expires: extension("expirationTime").next().and_then(|time| time.attribute("value")).map(str::to_owned),
        form: (!form.is_empty()).then_some(form),
        ingredients: extension("ingredient").filter_map(|part| ingredient(part, words)).take(LINES_MAX).collect(),
        manufacturer: made.at(&["manufacturerOrganization", "name"]).and_then(Element::line_of_text),
        name,
        code,
    };
    (product.name.is_some() || !product.code.is_empty() || product.form.is_some()).then_some(product)
}

/// An active substance with its strength in words.
fn ingredient(part: &Element, words: &Words<'_>) -> Option<Concept> {
    let substance = part.elements().find(|inner| inner.name == "ingredient")?;
    let inner = |name: &str| substance.elements().find(|inner| inner.name == name);
    let mut code = concept(inner("code"), words);
    let name = inner("name").and_then(Element::line_of_text).or_else(|| code.label().map(str::to_owned));
    let quantity = part.elements().find(|inner| inner.name == "quantity");
    let numerator = quantity.and_then(|quantity| quantity.elements().find(|inner| inner.name == "numerator"));
    let strength = numerator.and_then(value::number).map(|number| number.to_string());
    let text: Vec<String> = name.into_iter().chain(strength).collect();
    if !text.is_empty() {
        code.text = Some(text.join(" "));
    }
    (!code.is_empty()).then_some(code)
}

/// A `substanceAdministration` or a `supply`.
pub(crate) fn product(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let own = concept(element.child("code"), collector.words);
    if let Some(absence) = no_known(&own, AbsenceOf::Treatments) {
        return state_absence(element, around, collector, absence);
    }
    let product = product_code(element, collector.words);
    if let Some(absence) = product.as_ref().and_then(|product| no_known(&product.code, AbsenceOf::Treatments)) {
        return state_absence(element, around, collector, absence);
    }
    if is_vaccination(element, &own, around) {
        // What is planned is no vaccination, and what an insurer paid for may lie unopened in a cupboard.
        if element.attribute("moodCode").unwrap_or("EVN") != "EVN" {
            return collector.set_aside("vaccination", "planned", around);
        }
        return vaccination(element, around, own, product.as_ref(), collector);
    }
    treatment(element, around, product.as_ref(), collector);
}

fn is_vaccination(element: &Element, own: &Concept, around: &Around) -> bool {
    let is_coded = own.codings.iter().any(|coding| IMMUNIZATION_CODES.contains(&coding.code.as_str()));
    let has_template = element
        .all("templateId")
        .any(|id| id.attribute("root").is_some_and(|root| IMMUNIZATION_TEMPLATES.contains(&root)));
    !around.is_reimbursed && (is_coded || has_template || around.domain == Domain::Vaccinations)
}

fn vaccination(
    element: &Element,
    around: &Around,
    own: Concept,
    product: Option<&Product>,
    collector: &mut Collector<'_>,
) {
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    let Some(name) = product.and_then(name_of).or(text) else {
        return collector.set_aside("vaccination", "without-a-name", around);
    };
    let at = collector.when(around.span.start.as_deref(), "vaccination", around);
    let expires = product.and_then(|product| product.expires.clone());
    let expires = collector.when(expires.as_deref(), "vaccination", around).map(|when| when.date());
    let code = product.map(|product| product.code.clone()).unwrap_or_default();
    let administration = own.codings.iter().find(|coding| IMMUNIZATION_CODES.contains(&coding.code.as_str()));
    let zones = &collector.context.home_zone;
    let performer = element.child("performer").and_then(|part| entity(part, zones));
    let rank = rank(element, collector);
    let not_given_reason = if around.negated { reasons(element, collector).into_iter().next() } else { None };
    let mut made = Made::new(
        Vaccination {
            name: Some(name),
            at,
            lot: product.and_then(|product| product.lot.clone()),
            expires,
            manufacturer: product.and_then(|product| product.manufacturer.clone()),
            administration: administration.map(|coding| Administration::from(coding.code.as_str())),
            dose_number: rank,
            dose: element.child("doseQuantity").and_then(value::number),
            route: route(element, collector.words),
            site: value::concepts(element, "approachSiteCode", collector.words).into_iter().next(),
            place: performer.as_ref().and_then(|actor| actor.organisation.clone()),
            performer,
            not_given_reason,
            state: Some(if around.negated { "not-done" } else { "completed" }.to_owned()),
            code: code.clone(),
            ..Vaccination::default()
        },
        if code.codings.is_empty() { own } else { code },
    );
    made.is_timed = true;
    made.status = match around.status.as_deref() {
        Some("nullified") => Status::EnteredInError,
        _ if around.negated => Status::NotDone,
        Some("aborted" | "cancelled") => Status::NotDone,
        _ => Status::Active,
    };
    finish(element, around, collector, made);
}

/// Number of the dose in its series (LOINC 30973-2).
fn rank(element: &Element, collector: &Collector<'_>) -> Option<String> {
    let mut beside = inner_statements(element).map(|(_, inner)| inner);
    let found = beside.find(|inner| inner.child("code").and_then(|code| code.attribute("code")) == Some("30973-2"))?;
    let value = found.child("value")?;
    value.attribute("value").map(str::to_owned).or_else(|| collector.words.said_by(value))
}

fn treatment(element: &Element, around: &Around, product: Option<&Product>, collector: &mut Collector<'_>) {
    let text = element.child("text").and_then(|text| collector.words.said_by(text));
    let Some(name) = product.and_then(name_of).or(text) else {
        return collector.set_aside("treatment", "without-a-name", around);
    };
    let start = collector.when(around.span.start.as_deref(), "treatment", around);
    let end = collector.when(around.span.end.as_deref(), "treatment", around);
    let role = role(element, around);
    let zones = &collector.context.home_zone;
    let own_author = element.child("author").and_then(|part| author(part, zones));
    let prescriber = inner_statements(element).find_map(|(_, inner)| inner.child("author"));
    let prescriber = prescriber.and_then(|part| author(part, zones));
    let giver = element.child("performer").and_then(|part| entity(part, zones));
    let stated_at = own_author.as_ref().or(prescriber.as_ref()).and_then(|author| author.at);
    let lines = dosage_lines(element, around, collector);
    let code = product.map(|product| product.code.clone()).unwrap_or_default();
    let supplied = inner_statements(element).map(|(_, inner)| inner).find(|inner| inner.name == "supply");
    let quantity = element.child("quantity").or_else(|| supplied.and_then(|supply| supply.child("quantity")));
    let repeats = element.child("repeatNumber").or_else(|| supplied.and_then(|supply| supply.child("repeatNumber")));
    let mut made = Made::new(
        Treatment {
            name: Some(name),
            intent: (role == TreatmentRole::Prescription).then(|| intent(around).to_owned()),
            state: state(around).map(str::to_owned),
            form: product.and_then(|product| product.form.clone()),
            ingredients: product.map(|product| product.ingredients.clone()).unwrap_or_default(),
            lot: product.and_then(|product| product.lot.clone()),
            dosage: dosage_text(&lines),
            dosage_lines: lines,
            start,
            end,
            stated_at,
            performer: own_author.or(giver).or(prescriber),
            reasons: reasons(element, collector),
            quantity: quantity.and_then(value::number),
            repeats: repeats.and_then(|part| part.attribute("value")).and_then(|text| text.parse().ok()),
            role,
            code: code.clone(),
            ..Treatment::default()
        },
        code,
    );
    made.status = match around.status.as_deref() {
        Some("nullified") => Status::EnteredInError,
        _ if around.negated => Status::NotDone,
        Some("cancelled") => Status::Cancelled,
        _ => Status::Active,
    };
    finish(element, around, collector, made);
}

/// What sort of statement about a product it is.
fn role(element: &Element, around: &Around) -> TreatmentRole {
    let mood = element.attribute("moodCode").unwrap_or("EVN");
    if around.is_reimbursed {
        TreatmentRole::Reimbursement
    } else if mood != "EVN" {
        TreatmentRole::Prescription
    } else if element.name == "supply" {
        TreatmentRole::Dispensation
    } else {
        TreatmentRole::Statement
    }
}

/// FHIR request intent of what is not yet done.
fn intent(around: &Around) -> &'static str {
    if around.domain == Domain::Plan { "plan" } else { "order" }
}

/// FHIR state of a `statusCode` of a treatment: `completed` is the state of the statement, not of the cure, and is
/// left out.
fn state(around: &Around) -> Option<&'static str> {
    Some(match around.status.as_deref()? {
        _ if around.negated => "not-taken",
        "aborted" => "stopped",
        "active" => "active",
        "cancelled" => "cancelled",
        "nullified" => "entered-in-error",
        "held" | "suspended" => "on-hold",
        _ => return None,
    })
}

fn name_of(product: &Product) -> Option<String> {
    // The words beside the code name the very product; those of the table may be another's.
    let coded = product.code.codings.iter().find_map(|coding| coding.display.clone());
    let name = product.name.clone().or(coded).or_else(|| label_of(&product.code));
    name.or_else(|| product.form.as_ref().and_then(label_of))
}

fn route(element: &Element, words: &Words<'_>) -> Option<Concept> {
    value::concepts(element, "routeCode", words).into_iter().next()
}

/// The dosage line by line: the statement's own, and those of related administrations.
fn dosage_lines(element: &Element, around: &Around, collector: &mut Collector<'_>) -> Vec<DosageLine> {
    let mut out: Vec<DosageLine> = Vec::new();
    let inner = inner_statements(element).filter(|(relation, inner)| {
        inner.name == "substanceAdministration" && relation.attribute("typeCode") == Some("COMP")
    });
    let inner: Vec<(Option<u32>, &Element)> = inner
        .map(|(relation, inner)| {
            let sequence = relation.child("sequenceNumber").and_then(|part| part.attribute("value"));
            (sequence.and_then(|text| text.parse().ok()), inner)
        })
        .collect();
    let own = element.name == "substanceAdministration";
    for (sequence, statement) in own.then_some((None, element)).into_iter().chain(inner).take(LINES_MAX) {
        let line = dosage_line(sequence, statement, around, collector);
        let is_empty = DosageLine { sequence: None, start: None, end: None, ..line.clone() } == DosageLine::default();
        if !is_empty {
            out.push(line);
        }
    }
    out
}

fn dosage_line(sequence: Option<u32>, element: &Element, around: &Around, collector: &mut Collector<'_>) -> DosageLine {
    let words = collector.words;
    let span = Span::of(element);
    let times: Vec<&Element> = element.all("effectiveTime").flat_map(with_comps).collect();
    let period = times.iter().find_map(|time| time.child("period"));
    let width = times.iter().find_map(|time| time.child("width"));
    let dose = element.child("doseQuantity");
    let end_of = |name: &str| dose.and_then(|dose| dose.child(name)).and_then(value::number);
    let said = [period, dose.and_then(|dose| dose.child("low")), dose, element.child("rateQuantity")];
    let said: Vec<String> = said.into_iter().flatten().filter_map(|part| words_inside(part, words)).collect();
    let event = times.iter().find_map(|time| time.child("event")).and_then(|event| event.attribute("code"));
    DosageLine {
        sequence,
        text: (!said.is_empty()).then(|| said.join(", ")),
        dose: dose.and_then(value::number).or_else(|| end_of("low")),
        dose_high: end_of("high"),
        period: period.and_then(value::number),
        frequency: period.and_then(value::number).map(|_| 1),
        duration: width.and_then(value::number),
        moments: event.map(str::to_owned).into_iter().collect(),
        start: collector.when(span.start.as_deref(), "treatment", around),
        end: collector.when(span.end.as_deref(), "treatment", around),
        route: route(element, words),
        site: value::concepts(element, "approachSiteCode", words).into_iter().next(),
        maximum: element.child("maxDoseQuantity").and_then(maximum),
        ..DosageLine::default()
    }
}

/// A time and the times that it is composed of.
fn with_comps(time: &Element) -> impl Iterator<Item = &Element> {
    std::iter::once(time).chain(time.all("comp"))
}

/// The words beside a quantity or period, its own or those of its translation.
fn words_inside(part: &Element, words: &Words<'_>) -> Option<String> {
    let texts = part.child("originalText").or_else(|| part.at(&["translation", "originalText"]));
    texts.and_then(|text| words.said_by(text))
}

fn maximum(part: &Element) -> Option<String> {
    let number = |name: &str| part.child(name).and_then(value::number).map(|number: Quantity| number.to_string());
    Some(format!("{} / {}", number("numerator")?, number("denominator")?))
}

fn dosage_text(lines: &[DosageLine]) -> Option<String> {
    let texts: Vec<&str> = lines.iter().filter_map(|line| line.text.as_deref()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}
