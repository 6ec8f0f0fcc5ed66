//! `contact`: relatives, professionals, establishments.

use carnet_record::Fact;
use carnet_vault::Record;

use super::entries::{self, Common, JsonSource, ListOptions, Noun};
use crate::{
    error::Failure,
    form::contact::{ContactFields, ContactKind},
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
            Self::Add(_) => "contact add",
            Self::Edit(_) => "contact edit",
            Self::List { .. } => "contact list",
            Self::Remove { .. } => "contact remove",
            Self::Show { .. } => "contact show",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddOptions {
    #[arg(value_name = "KIND", required_unless_present = "from_json")]
    kind: Option<ContactKind>,
    #[command(flatten)]
    fields: ContactFields,
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
    fields: ContactFields,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| match &options.action {
        Action::Add(options) => add(options, record, session),
        Action::List { options } => entries::list(record, Noun::Contact.kinds(), options),
        Action::Show { id, history } => entries::show(record, Noun::Contact, id, *history),
        Action::Edit(options) => edit(options, record),
        Action::Remove { id } => entries::remove(record, Noun::Contact, id),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let now = session.now();
    if let Some(path) = &options.source.from_json {
        return entries::add(record, &entries::from_json(path, Noun::Contact, now)?);
    }
    let kind = options.kind.ok_or(Failure::NoAnswer)?;
    let fact = Fact::from(options.fields.new_contact(kind)?);
    let draft = entries::draft(record, fact, &options.common, now, &mut Session::chance())?;
    entries::add(record, &[draft])
}

fn edit(options: &EditOptions, record: &mut Record<'_>) -> Result<Report, Failure> {
    if options.restore {
        return entries::restore(record, Noun::Contact, &options.id);
    }
    let mut entry = entries::find(record, Noun::Contact, &options.id)?.entry;
    match &mut entry.fact {
        Fact::Contact(contact) => options.fields.apply(contact)?,
        other => return Err(Failure::Usage(msg!("usage-kind-not-editable", kind = other.kind()))),
    }
    entries::amend(record, entry, &options.common)
}
