//! Appointment, a reminder as the `CarePlan` of one activity, and what is said of a recommendation as a Task, written.

use carnet_record::{
    Coding, Concept, Entry, LinkKind, Status, When,
    kind::{
        Appointment, Prevention, Reminder,
        appointment::{AppointmentState, Participant},
    },
};

use super::{
    Writer,
    element::{Fields, anyone, concept, concepts, notes, number, period, unknown},
    state::state,
};
use crate::fhir::{
    json::Json,
    prevention::{IN_ERROR, ITEM_SYSTEM, LEVEL_SYSTEM, SORT_SYSTEM, status_of},
    reminder,
};

/// An appointment.
pub(super) fn appointment(writer: &mut Writer, own: &Appointment, entry: &Entry, fields: &mut Fields) {
    let read = own.state.as_ref().map(AppointmentState::as_str);
    let status = state(writer, entry, "Appointment", read, "booked");
    fields.put_text("status", Some(status));
    fields.put_list("serviceType", concepts(&own.service));
    fields.put_list("specialty", concepts(&own.speciality));
    fields.put_list("reasonCode", concepts(&own.reasons));
    fields.put_text("description", own.title.as_deref());
    ends(own, !matches!(status, "proposed" | "cancelled" | "waitlist"), fields);
    fields.put("minutesDuration", own.minutes.map(number));
    fields.put("created", own.created_at.map(|at| Json::from(at.to_string())));
    fields.put_text("comment", entry.comment.as_deref());
    fields.put_text("patientInstruction", own.instructions.as_deref());
    let mut participants: Vec<Json> = own.participants.iter().map(participant).collect();
    if let Some(place) = &own.place {
        let location = Fields::new().text("type", "Location").text("display", place).object();
        participants.push(Fields::new().with("actor", location).text("status", "accepted").object());
    }
    if participants.is_empty() {
        participants.push(Fields::new().with("actor", writer.subject()).text("status", "accepted").object());
    }
    fields.put_list("participant", participants);
}

/// Both ends, or neither where that is allowed (FHIR app-2, app-3). One that is no instant is said not to be known, and what is
/// known of it stands as the period that was asked for.
fn ends(own: &Appointment, are_needed: bool, fields: &mut Fields) {
    let instants = [own.start, own.end].map(|end| end.filter(|end| end.instant().is_some()));
    if are_needed || instants.iter().any(Option::is_some) {
        for (name, instant) in ["start", "end"].into_iter().zip(instants) {
            match instant {
                Some(_) => fields.put_when(name, instant),
                None => fields.put(&format!("_{name}"), Some(unknown())),
            }
        }
    }
    if [own.start, own.end] != instants {
        fields.put_list("requestedPeriod", period(own.start, own.end).into_iter().collect());
    }
}

fn participant(own: &Participant) -> Json {
    Fields::new()
        .list("type", concepts(&own.roles))
        .with("actor", anyone(&own.actor))
        .maybe("required", own.required.as_deref().map(Json::from))
        .text("status", own.answer.as_deref().unwrap_or("needs-action"))
        .object()
}

/// A reminder.
pub(super) fn reminder(writer: &mut Writer, own: &Reminder, entry: &Entry, fields: &mut Fields) {
    let status = match entry.status {
        Status::EnteredInError => "entered-in-error",
        Status::Cancelled | Status::Superseded => "revoked",
        _ => "active",
    };
    fields.put_text("status", Some(status));
    fields.put_text("intent", Some("plan"));
    fields.put_text("title", own.title.as_deref());
    fields.put("subject", Some(writer.subject()));
    fields.put_list("supportingInfo", writer.links(entry, &LinkKind::Treatment, &[]));
    let first = own.start.map(|start| Json::from(start.to_string()));
    let timing = Fields::new().list("event", first.into_iter().collect()).with("repeat", repeat(own));
    let detail = Fields::new()
        .text("status", "scheduled")
        .with("scheduledTiming", timing.object())
        .maybe("description", own.title.as_deref().map(Json::from));
    fields.put_list("activity", vec![Fields::new().with("detail", detail.object()).object()]);
    fields.put_list("note", notes(entry.comment.as_deref()));
}

/// What the person says of something that is recommended.
pub(super) fn prevention(writer: &mut Writer, own: &Prevention, entry: &Entry, fields: &mut Fields) {
    let is_mistaken = entry.status == Status::EnteredInError;
    fields.put_text("status", Some(if is_mistaken { IN_ERROR } else { status_of(own.state.as_ref()) }));
    fields.put_text("intent", Some("plan"));
    let codings = [(ITEM_SYSTEM, &own.code), (SORT_SYSTEM, &own.sort)];
    let codings = codings.into_iter().filter_map(|(system, code)| Some(Coding::new(system, code.as_ref()?)));
    fields.put("code", Some(concept(&Concept { codings: codings.collect(), text: None })));
    fields.put_text("description", own.title.as_deref());
    fields.put("for", Some(writer.subject()));
    fields.put("executionPeriod", period(None, own.at));
    let days = period(own.start.map(When::Date), own.end.map(When::Date));
    fields.put("restriction", days.map(|days| Fields::new().with("period", days).object()));
    let level = own.requirement.as_ref().map(|level| concept(&Concept::from_code(LEVEL_SYSTEM, level.as_str())));
    fields.put("reasonCode", level);
    fields.put_list("note", notes(entry.comment.as_deref()));
}

fn repeat(own: &Reminder) -> Json {
    let until = own.until.map(|until| Fields::new().text("end", &until.to_string()).object());
    let unit = own.period_unit.as_ref().and_then(reminder::unit_code);
    let has_period = own.period.is_some();
    Fields::new()
        .maybe("boundsPeriod", until)
        .maybe("frequency", has_period.then(|| number(1)))
        .maybe("period", own.period.map(|period| number(u32::from(period))))
        .maybe("periodUnit", unit.map(Json::from))
        .list("timeOfDay", own.times.iter().map(|time| Json::from(format!("{time}:00"))).collect())
        .object()
}
