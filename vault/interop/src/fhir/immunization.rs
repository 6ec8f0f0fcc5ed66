//! Immunization.

use carnet_record::{
    LinkKind,
    kind::{Vaccination, absence::AbsenceOf},
};

use super::{
    bundle::{Index, Resource},
    condition::absence,
    element::{code_at, concept, concept_at, date_at, named, notes_at, quantity_at, when_at},
    found::Found,
    json::Json,
};

/// One vaccination, given or not, or the statement that none is known.
pub(super) fn immunization<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status statusReason vaccineCode patient encounter occurrenceDateTime occurrenceString \
         recorded location manufacturer lotNumber expirationDate site route doseQuantity performer note \
         protocolApplied",
    );
    resource.keeps_lists("performer protocolApplied");
    let code = json.get("vaccineCode").map(concept).unwrap_or_default();
    let actors =
        json.list("performer").iter().filter_map(|own| own.get("actor").and_then(|own| index.actor(resource, own)));
    let performer = actors.into_iter().next();
    let (name, plain) = named(json.get("vaccineCode"));
    let recorded = when_at(json, "recorded").or_else(|| when_at(json, "occurrenceDateTime"));
    if let Some(absence) = absence(&code, AbsenceOf::Vaccinations, recorded, performer.clone()) {
        return Found { author: performer, ..Found::new(absence) };
    }
    let protocol = json.list("protocolApplied").first();
    let dose =
        |names: [&str; 2]| names.iter().find_map(|name| protocol.and_then(|own| own.text(name))).map(str::to_owned);
    let pathologies = protocol.map(|own| own.list("targetDisease").iter().map(concept).collect()).unwrap_or_default();
    let mut found = Found::new(Vaccination {
        name,
        code: plain,
        at: when_at(json, "occurrenceDateTime"),
        lot: json.text("lotNumber").map(str::to_owned),
        expires: date_at(json, "expirationDate"),
        manufacturer: json.get("manufacturer").and_then(|own| index.label(resource, own)),
        dose_number: dose(["doseNumberPositiveInt", "doseNumberString"]),
        doses_in_series: dose(["seriesDosesPositiveInt", "seriesDosesString"]),
        dose: quantity_at(json, "doseQuantity"),
        route: concept_at(json, "route"),
        site: concept_at(json, "site"),
        performer: performer.clone(),
        place: json.get("location").and_then(|own| index.label(resource, own)),
        pathologies,
        not_given_reason: concept_at(json, "statusReason"),
        state: code_at(json, "status"),
        ..Vaccination::default()
    })
    .with_state(json.text("status"));
    found.comment = notes_at(json, "note");
    found.author = performer;
    found.recorded(json, "recorded");
    found.link_all(json, "encounter", &LinkKind::Encounter);
    if let Some(words) = json.text("occurrenceString") {
        found.original.insert("time".to_owned(), words.to_owned());
        found.remarks.push("time-in-words");
    }
    if json.get("vaccineCode").is_some_and(|own| matches!(own, Json::Text(_))) {
        found.remarks.push("code-in-words");
    }
    found
}
