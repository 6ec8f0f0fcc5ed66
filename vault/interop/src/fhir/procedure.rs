//! Acts and visits: Procedure, Encounter.

use carnet_record::{
    LinkKind,
    kind::{Encounter, Procedure, absence::AbsenceOf},
    person::Actor,
};

use super::{
    bundle::{Index, Resource},
    condition::absence,
    element::{coding, concept, concept_at, concepts_at, notes_at, period_at, when_at},
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
    let performers = actors(resource, index, json, "performer", "actor");
    let by = |name: &str| json.get(name).and_then(|own| index.actor(resource, own));
    let author = by("asserter").or_else(|| by("recorder")).or_else(|| performers.first().cloned());
    let (start, end) = period_at(json, "performedPeriod");
    let start = when_at(json, "performedDateTime").or(start);
    if let Some(absence) = absence(&code, AbsenceOf::Procedures, start, author.clone()) {
        return Found { author, ..Found::new(absence) };
    }
    let mut found = Found::new(Procedure {
        name: code.label().map(str::to_owned),
        code,
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
        "identifier status class type subject participant period reasonCode reasonReference hospitalization \
         serviceProvider",
    );
    let kinds = concepts_at(json, "type");
    let reasons = concepts_at(json, "reasonCode");
    let (start, end) = period_at(json, "period");
    let code = kinds.first().cloned().unwrap_or_default();
    let stay = json.get("hospitalization");
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
        discharge: stay.and_then(|own| concept_at(own, "dischargeDisposition")),
        ..Encounter::default()
    })
    .with_state(json.text("status"));
    found.link_all(json, "reasonReference", &LinkKind::Because);
    found
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
