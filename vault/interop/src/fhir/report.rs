//! `DiagnosticReport`: a panel that holds results together, with its conclusion and its papers.

use carnet_record::{LinkKind, kind::LabResult};

use super::{
    bundle::{Index, Resource},
    element::{concept, concepts_at, instant_at, period_at, when_at},
    found::Found,
    json::Json,
    observation::specimen,
};

/// One report. Members that the file does not hold are kept as references in text.
pub(super) fn report<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status category code subject encounter effectiveDateTime effectivePeriod issued performer \
         resultsInterpreter specimen result conclusion conclusionCode",
    );
    let (start, end) = period_at(json, "effectivePeriod");
    let missing =
        |own: &&Json| own.text("reference").is_some_and(|reference| index.follow(resource, reference).is_none());
    let name = |own: &Json| {
        let reference = own.text("reference").unwrap_or_default();
        own.text("display").map_or_else(|| reference.to_owned(), |display| format!("{reference} ({display})"))
    };
    let mut performers = index.actors_at(resource, json, "performer");
    performers.extend(index.actors_at(resource, json, "resultsInterpreter"));
    let mut found = Found::new(LabResult {
        code: json.get("code").map(concept).unwrap_or_default(),
        categories: concepts_at(json, "category"),
        at: when_at(json, "effectiveDateTime").or(start),
        end,
        issued_at: when_at(json, "issued"),
        state: json.text("status").map(str::to_owned),
        specimen: json.list("specimen").first().and_then(|own| specimen(resource, index, own)),
        conclusion: json.text("conclusion").map(str::to_owned),
        conclusion_codes: concepts_at(json, "conclusionCode"),
        performers: performers.clone(),
        panel: true,
        missing_members: json.list("result").iter().filter(missing).map(name).collect(),
        ..LabResult::default()
    })
    .with_state(json.text("status"));
    if json.list("result").iter().any(|own| missing(&own)) {
        found.remarks.push("member-not-in-file");
    }
    found.author = performers.into_iter().next();
    found.recorded_at = instant_at(json, "issued");
    found.link_all(json, "result", &LinkKind::HasPart);
    found.link_all(json, "encounter", &LinkKind::Encounter);
    found
}
