//! Observation: vital signs become measures, everything else results (FHIR R4 Observation; national measures guide).

use carnet_record::{
    Concept, Decimal, LinkKind, Quantity, When,
    code::system,
    form::{Answers, Form as _},
    kind::{
        BloodGroup, LabResult, Lifestyle, Measure,
        blood_group::Group,
        measure::{Component, Moment},
        result::{ReferenceRange, ResultComponent, ResultValue},
    },
    measure::MeasureKind,
};

use super::{
    bundle::{Index, Resource},
    element::{
        concept, concept_at, concepts_at, extension, instant_at, notes_at, period_at, quantity, quantity_at, when_at,
    },
    found::Found,
    json::Json,
};

/// One Observation.
pub(super) fn observation<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "status category code subject effectiveDateTime effectivePeriod effectiveInstant issued performer identifier \
         encounter dataAbsentReason interpretation note bodySite method device hasMember component",
    );
    let code = json.get("code").map(concept).unwrap_or_default();
    let mut found = match (blood_group(json, &code), measure_kind(json, &code)) {
        _ if let Some(lifestyle) = lifestyle(json, &code) => {
            resource.keeps("interpretation bodySite method hasMember dataAbsentReason effectivePeriod");
            Found::new(lifestyle)
        }
        (Some(group), _) => {
            resource.reads("valueCodeableConcept");
            resource.keeps("interpretation bodySite method hasMember component dataAbsentReason");
            Found::new(group)
        }
        (None, Some(kind)) => {
            resource.reads("valueQuantity");
            resource.keeps("hasMember");
            resource.keeps_lists("performer");
            keep_components(resource, json);
            measure(json, kind, &code)
        }
        (None, None) => result(resource, index, json, code),
    }
    .with_state(json.text("status"));
    found.comment = notes_at(json, "note");
    found.author = index.actors_at(resource, json, "performer").into_iter().next();
    found.device = json.get("device").and_then(|own| index.label(resource, own));
    found.recorded_at = instant_at(json, "issued");
    found.link_all(json, "encounter", &LinkKind::Encounter);
    found.link_all(json, "hasMember", &LinkKind::HasPart);
    if let Some(state) = json.text("status") {
        found.original.insert("status".to_owned(), state.to_owned());
    }
    keep_value_text(&mut found, json);
    found
}

/// A kind of measure: a row of the table, or a vital sign that the table lacks, by its code.
#[derive(Clone, Copy)]
struct Kind<'a> {
    slug: &'a str,
    known: Option<&'static MeasureKind>,
}

/// Which kind of measure an Observation is: a known code that is not a laboratory's, a national measure, or any vital
/// sign with a number.
fn measure_kind<'a>(json: &Json, code: &'a Concept) -> Option<Kind<'a>> {
    let known = MeasureKind::from_concept(code);
    let profiles = json.get("meta").map(|meta| meta.list("profile")).unwrap_or_default();
    let is_national = profiles.iter().filter_map(Json::as_text).any(|profile| {
        let profile = profile.to_ascii_lowercase();
        profile.contains("/mesures/")
            || profile.contains("/mes-observation")
            || profile.contains("structuredefinition/mes")
            || profile.contains("structuredefinition/ens_")
            || profile.contains("/ref/mesure/")
    });
    let categories = concepts_at(json, "category");
    let has = |code: &str| categories.iter().any(|own| own.codings.iter().any(|coding| coding.code == code));
    let is_vital = has("vital-signs") || has("survey") || has("activity");
    let is_elsewhere = has("laboratory") || has("imaging") || has("procedure");
    match known {
        Some(kind) if is_national || is_vital || !is_elsewhere => Some(Kind { slug: kind.slug, known }),
        None if has("vital-signs") && json.get("valueQuantity").is_some() => {
            code.codings.first().map(|coding| Kind { slug: &coding.code, known })
        }
        _ => None,
    }
}

fn measure(json: &Json, kind: Kind<'_>, code: &Concept) -> Found {
    let (at, end) = effective(json);
    let component = |own: &Json| {
        let code = own.get("code").map(concept).unwrap_or_default();
        let parts = kind.known.map(|kind| kind.components).unwrap_or_default();
        let known = parts.iter().find(|part| code.has(system::LOINC, part.code));
        let source = code.codings.first().map(|coding| coding.code.clone());
        Component {
            measure: known.map(|part| part.slug.to_owned()).or(source).unwrap_or_default(),
            value: quantity_at(own, "valueQuantity"),
            absent_reason: concept_at(own, "dataAbsentReason"),
            code,
        }
    };
    let components: Vec<Component> = json.list("component").iter().map(component).collect();
    let mut remarks = Vec::new();
    let days = extension(json, "mesures-number-of-days").or_else(|| extension(json, "MesNumberOfDays"));
    let moment = extension(json, "mesures-moment-of-measurement").or_else(|| extension(json, "MesMomentOfMeasurement"));
    let reason =
        extension(json, "mesures-reason-for-measurement").or_else(|| extension(json, "MesReasonForMeasurement"));
    let value = quantity_at(json, "valueQuantity")
        .map(|value| kind.known.map_or(value.clone(), |kind| plain_unit(value, kind)));
    let is_empty = value.is_none() && components.iter().all(|part| part.value.is_none());
    if is_empty && json.get("dataAbsentReason").is_none() {
        remarks.push("no-value");
    }
    let fact = Measure {
        measure: kind.slug.to_owned(),
        code: code.clone(),
        at,
        end,
        value,
        components,
        moment: moment.and_then(extension_code).map(|code| Moment::from(code.as_str())),
        days: days.and_then(number_of_days),
        reason: reason.and_then(|own| own.text("valueString")).map(str::to_owned),
        body_site: concept_at(json, "bodySite"),
        method: concept_at(json, "method"),
        interpretation: concepts_at(json, "interpretation"),
        absent_reason: concept_at(json, "dataAbsentReason"),
    };
    Found { remarks, ..Found::new(fact) }
}

/// Old examples write the unit in words only; where the words are plainly the unit of the kind, its code is taken and
/// the words stay beside it.
fn plain_unit(mut value: Quantity, kind: &MeasureKind) -> Quantity {
    let words = value.unit.to_lowercase();
    let is_kind = match kind.slug {
        "weight" => words == "kg",
        "heart-rate" | "respiratory-rate" => {
            matches!(words.as_str(), "{beats}/min" | "bpm" | "count/min" | "{breaths}/min")
        }
        "temperature" => matches!(words.as_str(), "c" | "\u{b0}c" | "cel"),
        "pain" => matches!(words.as_str(), "level" | "{score}"),
        "steps" => words == "steps/day",
        _ => false,
    };
    if is_kind && value.unit != kind.unit {
        let words = std::mem::replace(&mut value.unit, kind.unit.to_owned());
        value.unit_text = value.unit_text.or(Some(words));
    }
    value
}

fn extension_code(own: &Json) -> Option<String> {
    super::element::code_at(own, "valueCodeableConcept").or_else(|| super::element::code_at(own, "valueCoding"))
}

/// Codes GEN-275 to GEN-278 of the national list are 7, 14, 30 and 90 days; a plain number is itself.
fn number_of_days(own: &Json) -> Option<u16> {
    const DAYS: [(&str, u16); 4] = [("GEN-275", 7), ("GEN-276", 14), ("GEN-277", 30), ("GEN-278", 90)];
    let code = extension_code(own).or_else(|| own.text("valueInteger").map(str::to_owned))?;
    DAYS.iter().find(|(known, _)| *known == code).map(|(_, days)| *days).or_else(|| code.parse().ok())
}

/// The model has the code, the value and the reason of absence of a component; one with more is kept whole as well.
fn keep_components(resource: &Resource<'_>, json: &Json) {
    let known = |own: &Json| {
        own.members().iter().all(|(name, _)| matches!(name.as_str(), "code" | "valueQuantity" | "dataAbsentReason"))
    };
    if !json.list("component").iter().all(known) {
        resource.keeps("component");
    }
}

fn result<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json, code: Concept) -> Found {
    resource.reads(
        "valueQuantity valueCodeableConcept valueString valueBoolean valueInteger valueRange valueRatio valueTime \
         valueDateTime specimen referenceRange",
    );
    let (at, end) = effective(json);
    let specimen = json.get("specimen").and_then(|own| specimen(resource, index, own));
    let component = |own: &Json| ResultComponent {
        code: own.get("code").map(concept).unwrap_or_default(),
        value: value_of(own),
        absent_reason: concept_at(own, "dataAbsentReason"),
        interpretation: concepts_at(own, "interpretation"),
        reference: reference_ranges(own),
    };
    let missing =
        |own: &&Json| own.text("reference").is_some_and(|reference| index.follow(resource, reference).is_none());
    let fact = LabResult {
        code,
        categories: concepts_at(json, "category"),
        at,
        end,
        issued_at: when_at(json, "issued"),
        value: value_of(json),
        absent_reason: concept_at(json, "dataAbsentReason"),
        components: json.list("component").iter().map(component).collect(),
        interpretation: concepts_at(json, "interpretation"),
        reference: reference_ranges(json),
        state: json.text("status").map(str::to_owned),
        specimen,
        method: concept_at(json, "method"),
        body_site: concept_at(json, "bodySite"),
        performers: index.actors_at(resource, json, "performer"),
        panel: json.get("hasMember").is_some(),
        missing_members: json
            .list("hasMember")
            .iter()
            .filter(missing)
            .filter_map(|own| own.text("reference"))
            .map(str::to_owned)
            .collect(),
        ..LabResult::default()
    };
    let says_nothing =
        fact.value.is_none() && fact.components.is_empty() && fact.absent_reason.is_none() && !fact.panel;
    let mut found = Found::new(fact);
    if says_nothing {
        found.remarks.push("no-value");
    }
    found
}

/// What was examined, in words.
pub(super) fn specimen<'a>(resource: &Resource<'a>, index: &Index<'a>, reference: &'a Json) -> Option<String> {
    let target = reference.text("reference").and_then(|own| index.follow(resource, own));
    let sort = target.and_then(|own| concept_at(own, "type")).and_then(|own| own.label().map(str::to_owned));
    sort.or_else(|| reference.text("display").map(str::to_owned))
        .or_else(|| reference.text("reference").map(str::to_owned))
}

/// The value of an Observation or of one of its components.
fn value_of(json: &Json) -> Option<ResultValue> {
    let simple = |name: &str| quantity_at(json, name);
    if let Some(value) = simple("valueQuantity") {
        return Some(ResultValue::Quantity(value));
    }
    if let Some(value) = concept_at(json, "valueCodeableConcept") {
        return Some(ResultValue::Concept(value));
    }
    if let Some(text) = json.text("valueString").or_else(|| json.text("valueTime")) {
        return Some(ResultValue::Text(text.to_owned()));
    }
    if let Some(flag) = json.flag("valueBoolean") {
        return Some(ResultValue::Flag(flag));
    }
    if let Some(number) = json.text("valueInteger").and_then(|digits| digits.parse::<Decimal>().ok()) {
        return Some(ResultValue::Quantity(Quantity::new(number, "")));
    }
    if let Some(range) = json.get("valueRange") {
        return Some(ResultValue::Interval { low: quantity_at(range, "low"), high: quantity_at(range, "high") });
    }
    if let Some(ratio) = json.get("valueRatio") {
        let parts = quantity_at(ratio, "numerator").zip(quantity_at(ratio, "denominator"));
        return parts.map(|(numerator, denominator)| ResultValue::Ratio { numerator, denominator });
    }
    when_at(json, "valueDateTime").map(ResultValue::When)
}

fn reference_ranges(json: &Json) -> Vec<ReferenceRange> {
    let range = |own: &Json| ReferenceRange {
        low: own.get("low").and_then(quantity),
        high: own.get("high").and_then(quantity),
        text: own.text("text").map(str::to_owned),
        meaning: concept_at(own, "type"),
        applies_to: concepts_at(own, "appliesTo"),
    };
    json.list("referenceRange").iter().map(range).collect()
}

fn effective(json: &Json) -> (Option<When>, Option<When>) {
    let at = when_at(json, "effectiveDateTime").or_else(|| when_at(json, "effectiveInstant"));
    if at.is_some() { (at, None) } else { period_at(json, "effectivePeriod") }
}

/// The number as read stays when it had more digits than a decimal keeps.
fn keep_value_text(found: &mut Found, json: &Json) {
    let read = json.get("valueQuantity").and_then(|own| own.text("value"));
    if let Some(text) = read.filter(|text| text.parse::<Decimal>().is_err()) {
        found.original.insert("value".to_owned(), text.chars().take(64).collect());
        found.remarks.push("digits-dropped");
    }
    let time = json.text("effectiveDateTime");
    if let Some(text) = time.filter(|text| text.parse::<When>().is_err()) {
        found.original.insert("time".to_owned(), text.chars().take(64).collect());
        found.remarks.push("time-not-read");
    }
}

/// ABO and Rh group (LOINC 882-1) whose value is one of the eight codes of SNOMED CT.
fn blood_group(json: &Json, code: &Concept) -> Option<BloodGroup> {
    if !code.has(system::LOINC, "882-1") {
        return None;
    }
    let value = concept_at(json, "valueCodeableConcept")?;
    let group = BLOOD_GROUPS
        .iter()
        .find(|(snomed, _)| value.has(system::SNOMED, snomed))
        .map(|(_, code)| Group::from(*code))?;
    Some(BloodGroup { group, determined_at: effective(json).0 })
}

/// The answers of the national form, if the components hold nothing else.
fn lifestyle(json: &Json, code: &Concept) -> Option<Lifestyle> {
    let components = json.list("component");
    if *code != Concept::from_code(system::LOINC, SOCIAL_HISTORY) || components.is_empty() {
        return None;
    }
    let mut lifestyle = Lifestyle { at: effective(json).0, ..Lifestyle::default() };
    for component in components {
        let asked = component.get("code").map(concept)?;
        let question = Lifestyle::QUESTIONS.iter().find(|own| Concept::from_text(own.code) == asked)?;
        let answer = match question.answers {
            Answers::Number { .. } => component.text("valueInteger").map(str::to_owned),
            _ => component.get("valueCodeableConcept").map(concept).filter(|own| own.codings.is_empty())?.text,
        };
        let is_first = lifestyle.kept(question.field).is_none() && component.members().len() == 2;
        if !is_first || !lifestyle.keep(question.field, Some(&answer?)) {
            return None;
        }
    }
    Some(lifestyle)
}

/// Social history (LOINC), as the section of a patient summary has it.
pub(super) const SOCIAL_HISTORY: &str = "29762-2";

/// SNOMED CT codes of the eight groups.
pub(super) const BLOOD_GROUPS: [(&str, &str); 8] = [
    ("278149003", "APOS"),
    ("278152006", "ANEG"),
    ("278150003", "BPOS"),
    ("278153001", "BNEG"),
    ("278151004", "ABPOS"),
    ("278154007", "ABNEG"),
    ("278147001", "OPOS"),
    ("278148006", "ONEG"),
];
