//! Task: what the person says of a recommended exam, screening or vaccine, as we write it. Any other task has no kind of entry.

use carnet_record::{
    Concept,
    kind::{
        Prevention,
        prevention::{PreventionState, RequirementLevel},
    },
};

use super::{
    bundle::Resource,
    element::{concept_at, notes_at, period_at},
    found::Found,
    json::Json,
};

/// What is said, if the task is one of ours and no more than that.
pub(super) fn task(resource: &Resource<'_>) -> Option<Found> {
    const MEMBERS: &str = "resourceType id meta text identifier status intent code description for executionPeriod restriction reasonCode note";
    let json = resource.json;
    let code = concept_at(json, "code")?;
    let is_own = |own: &Concept, systems: &[&str]| {
        own.text.is_none()
            && own.codings.iter().all(|coding| coding.display.is_none() && systems.contains(&coding.system.as_str()))
    };
    let status = json.text("status");
    let state = match STATES.iter().find(|(own, _)| Some(*own) == status) {
        Some((_, state)) => state.clone(),
        None if status == Some(IN_ERROR) => PreventionState::NotSpecified,
        None => return None,
    };
    let (before, at) = period_at(json, "executionPeriod");
    let (start, end) = json.get("restriction").map(|own| period_at(own, "period")).unwrap_or_default();
    let reason = concept_at(json, "reasonCode").unwrap_or_default();
    let is_no_more = has_only(json, MEMBERS)
        && json.text("intent") == Some("plan")
        && is_own(&code, &[ITEM_SYSTEM, SORT_SYSTEM])
        && is_own(&reason, &[LEVEL_SYSTEM])
        && before.is_none()
        && json.get("restriction").is_none_or(|own| has_only(own, "period"))
        && [start, end].iter().flatten().all(|end| end.instant().is_none());
    if !is_no_more || code.codings.is_empty() {
        return None;
    }
    resource.reads("identifier status intent code description for executionPeriod restriction reasonCode note");
    let text = |own: Option<&str>| own.map(str::to_owned);
    let mut found = Found::new(Prevention {
        code: text(code.code_in(ITEM_SYSTEM)),
        sort: text(code.code_in(SORT_SYSTEM)),
        title: text(json.text("description")),
        state: Some(state),
        at,
        start: start.map(|start| start.date()),
        end: end.map(|end| end.date()),
        requirement: reason.code_in(LEVEL_SYSTEM).map(RequirementLevel::from),
    })
    .with_state(status.filter(|status| *status == IN_ERROR));
    found.comment = notes_at(json, "note");
    Some(found)
}

/// Whether a resource is a task of ours: other tasks are no facts of health.
pub(super) fn is_own(json: &Json) -> bool {
    let code = concept_at(json, "code").unwrap_or_default();
    json.text("resourceType") == Some("Task")
        && code.codings.iter().any(|coding| [ITEM_SYSTEM, SORT_SYSTEM].contains(&coding.system.as_str()))
}

/// The status of a task for what the person says.
pub(super) fn status_of(state: Option<&PreventionState>) -> &'static str {
    STATES.iter().find(|(_, own)| Some(own) == state).map_or("draft", |(status, _)| status)
}

fn has_only(json: &Json, known: &str) -> bool {
    json.members().iter().all(|(name, _)| known.split_whitespace().any(|own| own == name))
}

const STATES: [(&str, PreventionState); 4] = [
    ("completed", PreventionState::Done),
    ("cancelled", PreventionState::NotDone),
    ("draft", PreventionState::NotSpecified),
    ("requested", PreventionState::ToPlan),
];
/// The status of a task that was said by mistake.
pub(super) const IN_ERROR: &str = "entered-in-error";
/// The names of recommendations in the rules.
pub(super) const ITEM_SYSTEM: &str = "urn:x-carnet:prevention";
/// What the national service calls them.
pub(super) const SORT_SYSTEM: &str = "urn:x-carnet:prevention-type";
/// Whether the law asks for them.
pub(super) const LEVEL_SYSTEM: &str = "urn:x-carnet:prevention-level";
