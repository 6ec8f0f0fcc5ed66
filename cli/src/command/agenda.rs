//! `agenda`: appointments, reminders and exams, what comes next of them, and what published rules recommend.

mod due;
mod rules;

use carnet_record::{
    Day, Entry, Fact, Instant, When, ZoneHistory,
    kind::{appointment::AppointmentState, prevention::PreventionState},
};
use carnet_vault::{Record, entries::Filter};
use serde_json::{Value, json};

use super::entries::{self, Common, JsonSource, ListOptions, Noun};
use crate::{
    error::Failure,
    form::agenda::{AgendaFields, AgendaKind},
    msg,
    session::Session,
    ui::{Block, Cell, Report},
    words,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Add(AddOptions),
    Due(due::Options),
    List {
        #[command(flatten)]
        options: ListOptions,
    },
    Show {
        #[arg(value_name = "ID")]
        id: String,
        #[arg(long)]
        history: bool,
    },
    Edit(EditOptions),
    Next {
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=DAYS_MAX))]
        days: u16,
    },
    Remove {
        #[arg(value_name = "ID", required = true)]
        id: Vec<String>,
    },
    Rules(rules::Options),
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "agenda add",
            Self::Due(_) => "agenda due",
            Self::Edit(_) => "agenda edit",
            Self::List { .. } => "agenda list",
            Self::Next { .. } => "agenda next",
            Self::Remove { .. } => "agenda remove",
            Self::Rules(_) => "agenda rules",
            Self::Show { .. } => "agenda show",
        }
    }
}

/// Days that `next` looks ahead at most.
const DAYS_MAX: i64 = 366;

#[derive(Debug, clap::Args)]
pub(crate) struct AddOptions {
    #[arg(value_name = "KIND", required_unless_present = "from_json")]
    kind: Option<AgendaKind>,
    #[command(flatten)]
    fields: AgendaFields,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    source: JsonSource,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EditOptions {
    #[arg(value_name = "ID")]
    id: String,
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    fields: AgendaFields,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| match &options.action {
        Action::Add(options) => add(options, record, session),
        Action::Due(options) => due::run(options, record, session),
        Action::List { options } => entries::list(record, Noun::Agenda.kinds(), options),
        Action::Show { id, history } => entries::show(record, Noun::Agenda, id, *history),
        Action::Edit(options) => edit(options, record, session),
        Action::Next { days } => next(record, *days, session),
        Action::Remove { id } => entries::remove(record, Noun::Agenda, id),
        Action::Rules(options) => rules::run(options, record, session),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let now = session.now();
    if let Some(path) = &options.source.from_json {
        return entries::add(record, &entries::from_json(path, Noun::Agenda, now)?);
    }
    let mut fact = options.kind.unwrap_or(AgendaKind::Appointment).empty();
    options.fields.apply(&mut fact, &session.zones)?;
    let draft = entries::draft(record, fact, &options.common, now, &mut Session::chance())?;
    entries::add(record, &[draft])
}

fn edit(options: &EditOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut entry = entries::find_for(options.restore, record, Noun::Agenda, &options.id)?;
    match &mut entry.fact {
        Fact::Appointment(appointment) if appointment.read_only == Some(true) => {
            if options.restore {
                return entries::restore(record, Noun::Agenda, &options.id);
            }
            return Err(Failure::Usage(msg!("usage-read-only")));
        }
        fact => options.fields.apply(fact, &session.zones)?,
    }
    entries::amend(record, entry, &options.common)
}

/// What comes from the beginning of today on, for `days` days, in order.
fn next(record: &Record<'_>, days: u16, session: &Session<'_>) -> Result<Report, Failure> {
    let Some(today) = When::Instant(session.now()).local_day(&session.zones) else { return Ok(coming(&[])) };
    let last = Day::from_epoch_days(today.epoch_days() + i32::from(days) - 1).unwrap_or(today);
    let kinds = Noun::Agenda.kinds().iter().map(|kind| (*kind).to_owned()).collect();
    let entries = record.list(&Filter { kinds, ..Filter::default() })?;
    let entries: Vec<Entry> = entries.into_iter().map(|found| found.entry).filter(Entry::counts).collect();
    let mut found: Vec<(When, &Entry)> = Vec::new();
    for entry in &entries {
        let falls = falls(&entry.fact, today, last, &session.zones);
        found.extend(falls.into_iter().map(|when| (when, entry)));
    }
    found.sort_by_key(|(when, _)| order(*when, &session.zones));
    Ok(coming(&found))
}

/// The moments of an entry from `first` to `last`. An appointment that was called off or is over has none.
fn falls(fact: &Fact, first: Day, last: Day, zones: &ZoneHistory) -> Vec<When> {
    match fact {
        Fact::Reminder(reminder) => reminder.between(first, last, zones),
        Fact::Appointment(appointment) => {
            let is_off = appointment.state.as_ref().is_some_and(|state| {
                use AppointmentState::{Cancelled, EnteredInError, Fulfilled, NoShow};
                matches!(state, Cancelled | EnteredInError | Fulfilled | NoShow)
            });
            let start = appointment.start.filter(|_| !is_off);
            let is_within = |when: &When| when.local_day(zones).is_some_and(|day| (first..=last).contains(&day));
            start.into_iter().filter(is_within).collect()
        }
        // An exam that is to be planned, on the day that was thought of.
        Fact::Prevention(own) if own.state == Some(PreventionState::ToPlan) => {
            let is_within = |when: &When| when.local_day(zones).is_some_and(|day| (first..=last).contains(&day));
            own.at.into_iter().filter(is_within).collect()
        }
        _ => Vec::new(),
    }
}

/// By the day where the person lives, what has no hour first.
fn order(when: When, zones: &ZoneHistory) -> (Option<Day>, i64) {
    (when.local_day(zones), when.instant().map_or(i64::MIN, Instant::millis))
}

/// Where an appointment is, in words.
fn where_of(fact: &Fact) -> String {
    if let Fact::Appointment(own) = fact { own.place.clone().unwrap_or_default() } else { String::new() }
}

fn coming(found: &[(When, &Entry)]) -> Report {
    let data = found.iter().map(|(when, entry)| {
        json!({
            "at": when.to_string(),
            "kind": entry.fact.kind(),
            "title": entry.fact.label(),
            "id": entry.id.to_string(),
        })
    });
    let row = |(when, entry): &(When, &Entry)| {
        vec![
            Cell::Moment(when.to_string()),
            words::kind(entry.fact.kind()).into(),
            words::name(&entry.fact).into(),
            where_of(&entry.fact).into(),
        ]
    };
    let head = vec![msg!("column-date"), msg!("column-kind"), msg!("column-name"), msg!("column-place")];
    let page = if found.is_empty() {
        Block::Say(msg!("agenda-nothing-next"))
    } else {
        Block::Rows(head, found.iter().map(row).collect())
    };
    Report { data: Value::Array(data.collect()), page: vec![page], ..Report::default() }
}
