//! Acts and visits: Procedure, Encounter.

use carnet_record::{
    LinkKind,
    kind::{Encounter, Procedure, absence::AbsenceOf, encounter::DurationUnit},
    person::Actor,
};

use super::{
    bundle::{Index, Resource},
    condition::absence,
    element::{coding, concept, concept_at, concepts_at, named, notes_at, period_at, quantity, when_at},
    found::Found,
    json::Json,
};

/// One act, or the statement that none is known.
pub(super) fn procedure<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status category code subject encounter performedDateTime performedPeriod performedString \
         recorder asserter performer location reasonCode reasonReference bodySite outcome note usedCode",
    );
    let code = json.get("code").map(concept).unwrap_or_default();
    let (name, plain) = named(json.get("code"));
    let performers = actors(resource, index, json, "performer", "actor");
    let by = |name: &str| json.get(name).and_then(|own| index.actor(resource, own));
    let author = by("asserter").or_else(|| by("recorder")).or_else(|| performers.first().cloned());
    let (start, end) = period_at(json, "performedPeriod");
    let start = when_at(json, "performedDateTime").or(start);
    if let Some(absence) = absence(&code, AbsenceOf::Procedures, start, author.clone()) {
        return Found { author, ..Found::new(absence) };
    }
    let mut found = Found::new(Procedure {
        name,
        code: plain,
        category: concept_at(json, "category"),
        start,
        end,
        when_text: json.text("performedString").map(str::to_owned),
        state: json.text("status").map(str::to_owned),
        performers,
        reasons: reasons(json),
        body_sites: concepts_at(json, "bodySite"),
        outcome: concept_at(json, "outcome"),
        place: json.get("location").and_then(|own| index.label(resource, own)),
        devices: concepts_at(json, "usedCode"),
    })
    .with_state(json.text("status"));
    found.comment = notes_at(json, "note");
    found.author = author;
    found.link_all(json, "encounter", &LinkKind::Encounter);
    found.link_all(json, "reasonReference", &LinkKind::Because);
    found
}

/// One visit or stay.
pub(super) fn encounter<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status class type subject participant period reasonCode reasonReference hospitalization length \
         serviceProvider",
    );
    resource.keeps_lists("type");
    if json
        .get("hospitalization")
        .is_some_and(|own| own.members().iter().any(|(name, _)| name != "dischargeDisposition"))
    {
        resource.keeps("hospitalization");
    }
    let kinds = concepts_at(json, "type");
    let reasons = concepts_at(json, "reasonCode");
    let (start, end) = period_at(json, "period");
    let code = kinds.first().cloned().unwrap_or_default();
    let stay = json.get("hospitalization");
    let length = json.get("length").and_then(length_of);
    if length.is_none() {
        resource.keeps("length");
    }
    let name = reasons.first().and_then(|own| own.label()).or_else(|| code.label()).map(str::to_owned);
    let mut found = Found::new(Encounter {
        name,
        code,
        class: json.get("class").and_then(coding),
        start,
        end,
        state: json.text("status").map(str::to_owned),
        establishment: json.get("serviceProvider").and_then(|own| index.label(resource, own)),
        participants: actors(resource, index, json, "participant", "individual"),
        reasons,
        duration: length.as_ref().map(|(value, _)| *value),
        duration_unit: length.map(|(_, unit)| unit),
        discharge: stay.and_then(|own| concept_at(own, "dischargeDisposition")),
    })
    .with_state(json.text("status"));
    found.link_all(json, "reasonReference", &LinkKind::Because);
    found
}

/// A length in whole days, weeks, months or years; any other stays as it was read.
fn length_of(json: &Json) -> Option<(u16, DurationUnit)> {
    let length = quantity(json)?;
    let unit = match length.unit.as_str() {
        "d" => DurationUnit::Day,
        "wk" => DurationUnit::Week,
        "mo" => DurationUnit::Month,
        "a" => DurationUnit::Year,
        _ => return None,
    };
    Some((length.value.to_string().parse().ok()?, unit))
}

fn actors<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json, list: &str, member: &str) -> Vec<Actor> {
    let actor = |own: &'a Json| {
        let mut actor = own.get(member).and_then(|reference| index.actor(resource, reference))?;
        let role = concept_at(own, "function").or_else(|| concepts_at(own, "type").into_iter().next());
        actor.role = role.and_then(|role| role.label().map(str::to_owned)).or(actor.role);
        Some(actor)
    };
    json.list(list).iter().filter_map(actor).collect()
}

fn reasons(json: &Json) -> Vec<carnet_record::Concept> {
    let words = json
        .list("reasonReference")
        .iter()
        .filter_map(|own| own.text("display"))
        .map(carnet_record::Concept::from_text);
    concepts_at(json, "reasonCode").into_iter().chain(words).collect()
}
