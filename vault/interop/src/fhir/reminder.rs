//! `CarePlan`: a reminder, where it is one activity with its days and times. Any other plan has no kind of entry.

use carnet_record::{
    LinkKind,
    kind::{
        Reminder,
        encounter::DurationUnit,
        reminder::{ClockTime, TIMES_MAX},
    },
};

use super::{
    bundle::Resource,
    element::{notes_at, period_at},
    found::Found,
    json::Json,
};

/// The reminder that a plan is, if it is no more than that.
pub(super) fn care_plan(resource: &Resource<'_>) -> Option<Found> {
    const MEMBERS: &str =
        "resourceType id meta text identifier status intent title subject supportingInfo activity note";
    let json = resource.json;
    let [activity] = json.list("activity") else { return None };
    let detail = activity.get("detail")?;
    let timing = detail.get("scheduledTiming")?;
    let [start] = timing.list("event") else { return None };
    let repeat = timing.get("repeat");
    let (from, until) = repeat.map(|own| period_at(own, "boundsPeriod")).unwrap_or_default();
    let status = json.text("status").unwrap_or_default();
    let is_no_more = has_only(json, MEMBERS)
        && matches!(status, "active" | "revoked" | "entered-in-error")
        && json.text("intent") == Some("plan")
        && detail.text("status") == Some("scheduled")
        && from.is_none()
        && has_only(activity, "detail")
        && has_only(detail, "status scheduledTiming description")
        && has_only(timing, "event repeat")
        && repeat.is_none_or(|own| has_only(own, "boundsPeriod frequency period periodUnit timeOfDay"))
        && repeat.and_then(|own| own.text("frequency")).is_none_or(|own| own == "1");
    if !is_no_more {
        return None;
    }
    let times = repeat.map(|own| own.list("timeOfDay")).unwrap_or_default();
    if times.len() > TIMES_MAX {
        return None;
    }
    let times: Option<Vec<ClockTime>> = times.iter().map(|time| clock_time(time.as_text()?)).collect();
    let period = repeat.and_then(|own| own.text("period")).map(str::parse);
    let unit = repeat.and_then(|own| own.text("periodUnit"));
    let unit = if let Some(code) = unit { Some(unit_of(code)?) } else { None };
    let reminder = Reminder {
        title: json.text("title").or_else(|| detail.text("description")).map(str::to_owned),
        start: Some(start.as_text()?.parse().ok()?),
        period: period.transpose().ok()?,
        period_unit: unit,
        times: times?,
        until: until.map(|until| until.date()),
    };
    resource.reads("identifier status intent title subject supportingInfo activity note");
    let mut found = Found::new(reminder).with_state(json.text("status"));
    found.comment = notes_at(json, "note");
    found.link_all(json, "supportingInfo", &LinkKind::Treatment);
    Some(found)
}

/// The code of a unit of time (`units-of-time`); none for one that we do not know.
pub(super) fn unit_code(unit: &DurationUnit) -> Option<&'static str> {
    UNITS.iter().find(|(_, own)| own == unit).map(|(code, _)| *code)
}

fn unit_of(code: &str) -> Option<DurationUnit> {
    UNITS.iter().find(|(own, _)| *own == code).map(|(_, unit)| unit.clone())
}

const UNITS: [(&str, DurationUnit); 4] =
    [("d", DurationUnit::Day), ("wk", DurationUnit::Week), ("mo", DurationUnit::Month), ("a", DurationUnit::Year)];

/// A time of the day of FHIR, `08:30:00`; none where its seconds say something.
fn clock_time(text: &str) -> Option<ClockTime> {
    text.strip_suffix(":00")?.parse().ok()
}

fn has_only(json: &Json, known: &str) -> bool {
    json.members().iter().all(|(name, _)| known.split_whitespace().any(|own| own == name))
}
