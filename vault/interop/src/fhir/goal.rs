//! Goal: the range that a measure is meant to stay in. A goal of another sort has no kind of entry.

use carnet_record::{
    Concept, Status,
    kind::{Target, target::slug_of},
};

use super::{
    bundle::Resource,
    element::{concept, date_at, notes_at, quantity_at},
    found::Found,
    json::Json,
};

/// The target that a Goal states, if it is one range of one measure that we know.
pub(super) fn goal(resource: &Resource<'_>) -> Option<Found> {
    let json = resource.reads("");
    let [target] = json.list("target") else { return None };
    let about = target.get("measure").map(concept)?;
    let measure = about.codings.iter().find_map(|coding| slug_of(&coding.system, &coding.code))?.to_owned();
    let range = target.get("detailRange")?;
    let (low, high) = (quantity_at(range, "low"), quantity_at(range, "high"));
    resource.reads("identifier lifecycleStatus description subject startDate target note");
    if !says_no_more(target) || about != own_measure(&measure) {
        resource.keeps("target");
    }
    if json.text("lifecycleStatus") != Some("active") {
        resource.keeps("lifecycleStatus");
    }
    if json.get("description").map(concept) != Some(description(&measure)) {
        resource.keeps("description");
    }
    let mut found = Found::new(Target { measure, low, high, since: date_at(json, "startDate") });
    found.comment = notes_at(json, "note");
    found.status = match json.text("lifecycleStatus") {
        Some("entered-in-error" | "rejected") => Status::EnteredInError,
        Some("cancelled" | "completed") => Status::Superseded,
        _ => Status::Active,
    };
    Some(found)
}

fn says_no_more(target: &Json) -> bool {
    target.members().iter().all(|(name, _)| name == "measure" || name == "detailRange")
}

/// What a target is about, as we write it.
pub(super) fn own_measure(slug: &str) -> Concept {
    carnet_record::kind::target::coding_of(slug)
        .map_or_else(|| Concept::from_text(slug), |(system, code)| Concept::from_code(system, code))
}

/// The words of a goal, which FHIR asks for.
pub(super) fn description(slug: &str) -> Concept {
    Concept::from_text(slug)
}
