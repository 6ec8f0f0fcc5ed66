//! Appointment, and a reminder as the `CarePlan` of one activity, written.

use carnet_record::{
    Entry, LinkKind, Status,
    kind::{
        Appointment, Reminder,
        appointment::{AppointmentState, Participant},
    },
};

use super::{
    Writer,
    element::{Fields, anyone, concepts, notes, number, period, unknown},
    state::state,
};
use crate::fhir::{json::Json, reminder};

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
