//! Appointments, reminders, and exams of prevention.

use carnet_record::{
    Fact, ZoneHistory,
    kind::{
        Appointment, Prevention, Reminder,
        appointment::{AppointmentState, Participant},
        prevention::PreventionState,
    },
    person::{Actor, ActorKind},
};

use super::{fill, fill_when, only};
use crate::{error::Failure, input, msg};

/// What `agenda add` can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AgendaKind {
    Appointment,
    Exam,
    Reminder,
}

impl AgendaKind {
    /// A new entry of the kind; unless `--status` says otherwise, an appointment is booked and an exam is to be planned.
    pub(crate) fn empty(self) -> Fact {
        match self {
            Self::Appointment => Appointment { state: Some(AppointmentState::Booked), ..Appointment::default() }.into(),
            Self::Exam => Prevention {
                sort: Some(EXAM_SORT.to_owned()),
                state: Some(PreventionState::ToPlan),
                ..Prevention::default()
            }
            .into(),
            Self::Reminder => Reminder::default().into(),
        }
    }
}

/// What the national service calls an exam that no rule of ours asks for.
const EXAM_SORT: &str = "EXAMEN_DEPISTAGE";

/// How an appointment or an exam stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StateOption {
    Booked,
    Cancelled,
    Done,
    Fulfilled,
    Noshow,
    NotDone,
    ToPlan,
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
    #[arg(long, value_name = "LENGTH")]
    pub(crate) repeat: Option<String>,
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Vec<String>,
}

impl AgendaFields {
    /// Changes `fact` to what was given.
    pub(crate) fn apply(&self, fact: &mut Fact, zones: &ZoneHistory) -> Result<(), Failure> {
        match fact {
            Fact::Appointment(appointment) => {
                only("appointment", &self.given(), &["--title", "--at", "--end", "--with", "--place", "--status"])?;
                self.appointment(appointment, zones)
            }
            Fact::Reminder(reminder) => {
                only("reminder", &self.given(), &["--title", "--at", "--repeat", "--until", "--time"])?;
                self.reminder(reminder, zones)
            }
            Fact::Prevention(exam) => {
                only("exam", &self.given(), &["--title", "--at", "--status"])?;
                self.exam(exam, zones)
            }
            other => Err(Failure::Usage(msg!("usage-kind-not-editable", kind = other.kind()))),
        }
    }

    /// Every option, with whether it was given.
    fn given(&self) -> [(&'static str, bool); 9] {
        [
            ("--title", self.title.is_some()),
            ("--at", self.at.is_some()),
            ("--end", self.end.is_some()),
            ("--with", self.with.is_some()),
            ("--place", self.place.is_some()),
            ("--status", self.status.is_some()),
            ("--repeat", self.repeat.is_some()),
            ("--until", self.until.is_some()),
            ("--time", !self.time.is_empty()),
        ]
    }

    fn reminder(&self, reminder: &mut Reminder, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut reminder.title, self.title.as_ref());
        fill_when(&mut reminder.start, "--at", self.at.as_ref(), zones)?;
        if let Some(text) = &self.repeat {
            let length = if text.trim().is_empty() { None } else { Some(input::length("--repeat", text)?) };
            (reminder.period, reminder.period_unit) = length.unzip();
        }
        if let Some(text) = &self.until {
            reminder.until = if text.trim().is_empty() { None } else { Some(input::partial_date("--until", text)?) };
        }
        if !self.time.is_empty() {
            let given = self.time.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
            let times: Result<Vec<_>, _> = given.map(str::parse).collect();
            reminder.times = times.map_err(|_| Failure::BadTime("--time"))?;
        }
        Ok(())
    }

    fn exam(&self, exam: &mut Prevention, zones: &ZoneHistory) -> Result<(), Failure> {
        fill(&mut exam.title, self.title.as_ref());
        fill_when(&mut exam.at, "--at", self.at.as_ref(), zones)?;
        exam.state = Some(match self.status {
            None => return Ok(()),
            Some(StateOption::Done) => PreventionState::Done,
            Some(StateOption::NotDone) => PreventionState::NotDone,
            Some(StateOption::ToPlan) => PreventionState::ToPlan,
            Some(_) => return Err(among("done, not-done, to-plan")),
        });
        Ok(())
    }

    fn appointment(&self, appointment: &mut Appointment, zones: &ZoneHistory) -> Result<(), Failure> {
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
                StateOption::Done | StateOption::NotDone | StateOption::ToPlan => {
                    return Err(among("booked, cancelled, fulfilled, noshow"));
                }
            });
        }
        Ok(())
    }
}

fn among(values: &str) -> Failure {
    Failure::Usage(msg!("usage-value-among", option = "--status", values = values))
}

#[cfg(test)]
mod tests {
    use carnet_record::{Draft, Provenance};

    use super::*;
    use crate::form;

    fn made(kind: AgendaKind, fields: &AgendaFields) -> Result<Fact, Failure> {
        let mut fact = kind.empty();
        fields.apply(&mut fact, &ZoneHistory::utc())?;
        Ok(fact)
    }

    #[test]
    fn an_appointment_is_booked_until_said_otherwise() {
        let fields = AgendaFields {
            title: Some("Contrôle".into()),
            at: Some("2026-06-01T09:30:00+02:00".into()),
            with: Some("Dr Durand".into()),
            ..AgendaFields::default()
        };
        let mut fact = made(AgendaKind::Appointment, &fields).unwrap();
        assert_eq!(fact.to_fields()["state"], "booked");
        assert!(form::check(&Draft::new(fact.clone(), Provenance::default())).is_ok());
        let cancelled = AgendaFields { status: Some(StateOption::Cancelled), ..AgendaFields::default() };
        cancelled.apply(&mut fact, &ZoneHistory::utc()).unwrap();
        assert_eq!(fact.to_fields()["state"], "cancelled");
        assert_eq!(fact.to_fields()["participants"][0]["actor"]["name"], "Dr Durand");
    }

    #[test]
    fn what_has_no_time_breaks_a_rule() {
        let fields = AgendaFields { title: Some("Contrôle".into()), ..AgendaFields::default() };
        for kind in [AgendaKind::Appointment, AgendaKind::Reminder] {
            let draft = Draft::new(made(kind, &fields).unwrap(), Provenance::default());
            assert!(matches!(form::check(&draft), Err(Failure::Rules(_))), "{kind:?}");
        }
    }

    #[test]
    fn what_means_nothing_for_the_kind_is_refused() {
        let repeated = AgendaFields { repeat: Some("1d".into()), ..AgendaFields::default() };
        assert!(matches!(made(AgendaKind::Appointment, &repeated), Err(Failure::Usage(_))));
        let placed = AgendaFields { place: Some("Lyon".into()), ..AgendaFields::default() };
        assert!(matches!(made(AgendaKind::Reminder, &placed), Err(Failure::Usage(_))));
    }

    #[test]
    fn an_exam_is_to_be_planned_until_said_otherwise_and_has_states_of_its_own() {
        let titled = AgendaFields { title: Some("Mammographie".into()), ..AgendaFields::default() };
        let planned = made(AgendaKind::Exam, &titled).unwrap();
        assert_eq!(planned.to_fields()["state"], "TO_PLAN");
        assert!(form::check(&Draft::new(planned, Provenance::default())).is_ok());
        let done = AgendaFields { status: Some(StateOption::Done), ..titled.clone() };
        let undated = Draft::new(made(AgendaKind::Exam, &done).unwrap(), Provenance::default());
        assert!(matches!(form::check(&undated), Err(Failure::Rules(_))), "what was done was done some day");
        let dated = AgendaFields { at: Some("2025".into()), ..done.clone() };
        assert!(form::check(&Draft::new(made(AgendaKind::Exam, &dated).unwrap(), Provenance::default())).is_ok());
        assert!(made(AgendaKind::Appointment, &done).is_err());
        assert!(made(AgendaKind::Exam, &AgendaFields { status: Some(StateOption::Booked), ..titled }).is_err());
    }

    #[test]
    fn a_repetition_is_taken_away_with_its_unit() {
        let daily = AgendaFields { repeat: Some("2j".into()), time: vec!["08:00".into()], ..AgendaFields::default() };
        let mut fact = made(AgendaKind::Reminder, &daily).unwrap();
        assert_eq!((fact.to_fields()["period"].as_u64(), &fact.to_fields()["period_unit"]), (Some(2), &"DAY".into()));
        let once = AgendaFields { repeat: Some(String::new()), time: vec![String::new()], ..AgendaFields::default() };
        once.apply(&mut fact, &ZoneHistory::utc()).unwrap();
        assert_eq!(fact, Reminder::default().into());
        let wrong = AgendaFields { time: vec!["8h".into()], ..AgendaFields::default() };
        assert_eq!(made(AgendaKind::Reminder, &wrong), Err(Failure::BadTime("--time")));
    }
}
