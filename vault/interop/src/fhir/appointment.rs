//! Appointment, and the free Slot that one could be made in.

use carnet_record::{
    Status,
    kind::{
        Appointment,
        appointment::{AppointmentState, Participant},
    },
};

use super::{
    bundle::{Index, Resource},
    element::{concepts_at, instant_at, when_at},
    found::Found,
    json::Json,
};

/// One appointment. References to other servers stay as text.
pub(super) fn appointment<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status serviceType specialty appointmentType reasonCode description start _start end _end \
         minutesDuration created comment patientInstruction participant requestedPeriod",
    );
    let service = concepts_at(json, "serviceType");
    let (asked_start, asked_end) =
        json.list("requestedPeriod").first().map_or((None, None), |own| (when_at(own, "start"), when_at(own, "end")));
    let participant = |own: &'a Json| Participant {
        actor: own.get("actor").and_then(|reference| index.actor(resource, reference)).unwrap_or_default(),
        roles: concepts_at(own, "type"),
        answer: own.text("status").map(str::to_owned),
        required: own.text("required").map(str::to_owned),
    };
    let is_place = |own: &&Json| {
        own.get("actor").is_some_and(|actor| {
            actor.text("type") == Some("Location")
                || actor.text("reference").is_some_and(|own| own.contains("Location/"))
        })
    };
    let others = json.list("participant").iter().filter(|own| !is_only_the_person(own, index));
    let (places, people): (Vec<&'a Json>, Vec<&'a Json>) = others.partition(is_place);
    let participants: Vec<Participant> = people.into_iter().map(participant).collect();
    let place = places.first().and_then(|own| own.get("actor")).and_then(|own| index.label(resource, own));
    let title = json.text("description").or_else(|| service.first().and_then(|own| own.label())).map(str::to_owned);
    let mut found = Found::new(Appointment {
        title,
        start: when_at(json, "start").or(asked_start),
        end: when_at(json, "end").or(asked_end),
        minutes: json.text("minutesDuration").and_then(|own| own.parse().ok()),
        state: json.text("status").map(AppointmentState::from),
        service,
        speciality: concepts_at(json, "specialty"),
        reasons: concepts_at(json, "reasonCode"),
        participants,
        instructions: json.text("patientInstruction").map(str::to_owned),
        place,
        created_at: instant_at(json, "created"),
        read_only: Some(true),
        ..Appointment::default()
    })
    .with_state(json.text("status"));
    found.comment = json.text("comment").map(str::to_owned);
    found
}

/// FHIR asks for a participant: the person alone, of whom nothing more is said, is none that the record should name.
fn is_only_the_person(participant: &Json, index: &Index<'_>) -> bool {
    let reference = participant.get("actor").and_then(|actor| actor.text("reference"));
    let target = reference.and_then(|reference| index.find(reference)).and_then(|place| index.resources.get(place));
    target.is_some_and(|target| target.kind == "Patient")
        && participant.text("status") == Some("accepted")
        && participant.members().iter().all(|(name, _)| matches!(name.as_str(), "actor" | "status"))
}

/// A free slot is no appointment: it is kept, and does not count.
pub(super) fn slot(resource: &Resource<'_>) -> Found {
    let json = resource.reads("identifier serviceType specialty status start end comment schedule");
    let service = concepts_at(json, "serviceType");
    let mut found = Found::new(Appointment {
        title: service.first().and_then(|own| own.label()).map(str::to_owned),
        start: when_at(json, "start"),
        end: when_at(json, "end"),
        state: json.text("status").map(AppointmentState::from),
        speciality: concepts_at(json, "specialty"),
        service,
        read_only: Some(true),
        ..Appointment::default()
    });
    found.status = Status::from("slot");
    found.comment = json.text("comment").map(str::to_owned);
    if let Some(schedule) = json.get("schedule").and_then(|own| own.text("reference")) {
        found.original.insert("schedule".to_owned(), schedule.to_owned());
    }
    found
}
