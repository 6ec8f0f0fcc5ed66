//! `agenda`: appointments.

use carnet_record::Fact;
use carnet_vault::Record;

use super::entries::{self, Common, JsonSource, ListOptions, Noun};
use crate::{
    error::Failure,
    form::agenda::{AgendaFields, AgendaKind},
    msg,
    session::Session,
    ui::Report,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Add(AddOptions),
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
    Remove {
        #[arg(value_name = "ID", required = true)]
        id: Vec<String>,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "agenda add",
            Self::Edit(_) => "agenda edit",
            Self::List { .. } => "agenda list",
            Self::Remove { .. } => "agenda remove",
            Self::Show { .. } => "agenda show",
        }
    }
}

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
        Action::List { options } => entries::list(record, Noun::Agenda.kinds(), options),
        Action::Show { id, history } => entries::show(record, Noun::Agenda, id, *history),
        Action::Edit(options) => edit(options, record, session),
        Action::Remove { id } => entries::remove(record, Noun::Agenda, id),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let now = session.now();
    if let Some(path) = &options.source.from_json {
        return entries::add(record, &entries::from_json(path, Noun::Agenda, now)?);
    }
    let fact = match options.kind {
        Some(AgendaKind::Appointment) | None => Fact::from(options.fields.new_appointment(&session.zones)?),
    };
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
        Fact::Appointment(appointment) => options.fields.apply(appointment, &session.zones)?,
        other => return Err(Failure::Usage(msg!("usage-kind-not-editable", kind = other.kind()))),
    }
    entries::amend(record, entry, &options.common)
}
