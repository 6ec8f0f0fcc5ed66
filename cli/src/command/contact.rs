//! `contact`: relatives, professionals, establishments.

use carnet_record::{EntryId, Fact, kind::contact::ContactType};
use carnet_vault::{Record, entries::Filter};

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
        let drafts = entries::from_json(path, Noun::Contact, now)?;
        one_trusted(record, None, drafts.iter().map(|draft| &draft.fact))?;
        return entries::add(record, &drafts);
    }
    let kind = options.kind.ok_or(Failure::NoAnswer)?;
    let fact = Fact::from(options.fields.new_contact(kind)?);
    let draft = entries::draft(record, fact, &options.common, now, &mut Session::chance())?;
    one_trusted(record, None, [&draft.fact])?;
    entries::add(record, &[draft])
}

fn edit(options: &EditOptions, record: &mut Record<'_>) -> Result<Report, Failure> {
    let mut entry = entries::find_for(options.restore, record, Noun::Contact, &options.id)?;
    match &mut entry.fact {
        Fact::Contact(contact) => options.fields.apply(contact)?,
        other => return Err(Failure::Usage(msg!("usage-kind-not-editable", kind = other.kind()))),
    }
    one_trusted(record, Some(entry.id), [&entry.fact])?;
    entries::amend(record, entry, &options.common)
}

/// A person names one trusted person (article L1111-6 of the French public health code): `saved` brings no second one in. `own` is the
/// entry that they replace.
fn one_trusted<'f>(
    record: &Record<'_>,
    own: Option<EntryId>,
    saved: impl IntoIterator<Item = &'f Fact>,
) -> Result<(), Failure> {
    let is_trusted =
        |fact: &Fact| matches!(fact, Fact::Contact(contact) if contact.types.contains(&ContactType::Trusted));
    let new = saved.into_iter().filter(|fact| is_trusted(fact)).count();
    if new == 0 {
        return Ok(());
    }
    let filter = Filter { kinds: vec!["contact".to_owned()], ..Filter::default() };
    let others = record.list(&filter)?.into_iter().map(|found| found.entry);
    let others = others.filter(|entry| Some(entry.id) != own && entry.counts() && is_trusted(&entry.fact)).count();
    if new + others > 1 { Err(Failure::Rules(vec![msg!("rule-one-trusted")])) } else { Ok(()) }
}
