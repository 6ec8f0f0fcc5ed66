//! Appointments.

use carnet_record::{
    ZoneHistory,
    kind::{
        Appointment,
        appointment::{AppointmentState, Participant},
    },
    person::{Actor, ActorKind},
};

use super::{fill, fill_when};
use crate::error::Failure;

/// What `agenda add` can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AgendaKind {
    Appointment,
}

/// How an appointment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StateOption {
    Booked,
    Cancelled,
    Fulfilled,
    Noshow,
}

/// The options of `agenda add` and `agenda edit`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AgendaFields {
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) with: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) place: Option<String>,
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<StateOption>,
}

impl AgendaFields {
    /// A new appointment, booked unless `--status` says otherwise.
    pub(crate) fn new_appointment(&self, zones: &ZoneHistory) -> Result<Appointment, Failure> {
        let mut appointment = Appointment { state: Some(AppointmentState::Booked), ..Appointment::default() };
        self.apply(&mut appointment, zones)?;
        Ok(appointment)
    }

    /// Changes `appointment` to what was given.
    pub(crate) fn apply(&self, appointment: &mut Appointment, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut appointment.title, self.title.as_ref());
        fill_when(&mut appointment.start, "--at", self.at.as_ref(), zones)?;
        fill_when(&mut appointment.end, "--end", self.end.as_ref(), zones)?;
        fill(&mut appointment.place, self.place.as_ref());
        if let Some(name) = &self.with {
            appointment.participants.clear();
            if !name.trim().is_empty() {
                let actor = Actor::named(ActorKind::Practitioner, name.trim());
                appointment.participants.push(Participant { actor, ..Participant::default() });
            }
        }
        if let Some(state) = self.status {
            appointment.state = Some(match state {
                StateOption::Booked => AppointmentState::Booked,
                StateOption::Cancelled => AppointmentState::Cancelled,
                StateOption::Fulfilled => AppointmentState::Fulfilled,
                StateOption::Noshow => AppointmentState::NoShow,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use carnet_record::{Draft, Fact, Provenance};

    use super::*;
    use crate::form;

    #[test]
    fn an_appointment_is_booked_until_said_otherwise() {
        let fields = AgendaFields {
            title: Some("Contrôle".into()),
            at: Some("2026-06-01T09:30:00+02:00".into()),
            with: Some("Dr Durand".into()),
            ..AgendaFields::default()
        };
        let mut appointment = fields.new_appointment(&ZoneHistory::utc()).unwrap();
        assert_eq!(appointment.state, Some(AppointmentState::Booked));
        assert!(form::check(&Draft::new(Fact::from(appointment.clone()), Provenance::default())).is_ok());
        let cancelled = AgendaFields { status: Some(StateOption::Cancelled), ..AgendaFields::default() };
        cancelled.apply(&mut appointment, &ZoneHistory::utc()).unwrap();
        assert_eq!(appointment.state, Some(AppointmentState::Cancelled));
        assert_eq!(appointment.participants[0].actor.name.as_deref(), Some("Dr Durand"));
    }

    #[test]
    fn an_appointment_without_a_time_breaks_a_rule() {
        let fields = AgendaFields { title: Some("Contrôle".into()), ..AgendaFields::default() };
        let draft = Draft::new(Fact::from(fields.new_appointment(&ZoneHistory::utc()).unwrap()), Provenance::default());
        assert!(matches!(form::check(&draft), Err(Failure::Rules(_))));
    }
}
