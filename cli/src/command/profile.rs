//! `profile`: identity, diseases, disabilities, family history, lifestyle, treatments, stays, blood group, allergies,
//! vaccinations, advance directives, organ donation, and statements of absence.

mod form;

use carnet_record::{Entry, Fact, When};
use carnet_vault::{Record, entries::Filter};

use super::entries::{self, Common, JsonSource, ListOptions, Noun};
use crate::{
    error::Failure,
    form::profile::{FormKind, IMPORT_REPORT, ListedKind, NoneKind, ProfileFields, ProfileKind},
    msg,
    session::Session,
    ui::Report,
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
    List {
        #[arg(value_name = "KIND")]
        kind: Option<ListedKind>,
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
    Form {
        #[arg(value_name = "KIND")]
        kind: FormKind,
    },
    None {
        #[arg(value_name = "KIND")]
        kind: NoneKind,
        #[arg(long)]
        undo: bool,
    },
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "profile add",
            Self::Edit(_) => "profile edit",
            Self::Form { .. } => "profile form",
            Self::List { .. } => "profile list",
            Self::None { .. } => "profile none",
            Self::Remove { .. } => "profile remove",
            Self::Show { .. } => "profile show",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddOptions {
    #[arg(value_name = "KIND", required_unless_present = "from_json")]
    kind: Option<ProfileKind>,
    #[command(flatten)]
    fields: ProfileFields,
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
    fields: ProfileFields,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| match &options.action {
        Action::Add(options) => add(options, record, session),
        Action::List { kind, options } => {
            let is_meant = |slug: &&str| kind.map_or(*slug != IMPORT_REPORT, |kind| *slug == kind.slug());
            let kinds: Vec<&str> = Noun::Profile.kinds().iter().copied().filter(is_meant).collect();
            entries::list(record, &kinds, options)
        }
        Action::Show { id, history } => entries::show(record, Noun::Profile, id, *history),
        Action::Edit(options) => edit(options, record, session),
        Action::Form { kind } => form::questions(ProfileKind::from(*kind).empty(), record),
        Action::Remove { id } => entries::remove(record, Noun::Profile, id),
        Action::None { kind, undo } => state_absence(*kind, *undo, record, session),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let now = session.now();
    if let Some(path) = &options.source.from_json {
        let mut drafts = entries::from_json(path, Noun::Profile, now)?;
        form::one_of_each(record, &mut drafts, session)?;
        return entries::add(record, &drafts);
    }
    let mut fact = options.kind.map(ProfileKind::empty).ok_or(Failure::NoAnswer)?;
    if fact.form().is_some() {
        return form::save(&options.fields, fact, &options.common, record, session);
    }
    options.fields.apply(&mut fact, &session.zones)?;
    let draft = entries::draft(record, fact, &options.common, now, &mut Session::chance())?;
    let said = contradictions(&draft.fact, record)?;
    let mut report = entries::add(record, &[draft])?;
    report.warnings.extend(said.iter().map(|said| msg!("warning-said-absent", statement = words::name(&said.fact))));
    Ok(report)
}

/// The entries that say the contrary of `fact`: where one says that there is none, those that there are, and the other way round.
fn contradictions(fact: &Fact, record: &Record<'_>) -> Result<Vec<Entry>, Failure> {
    let are_contrary = |one: &Fact, other: &Fact| match one {
        Fact::Absence(absence) => absence.is_contradicted_by(other),
        _ => false,
    };
    let kinds = Noun::Profile.kinds().iter().map(|kind| (*kind).to_owned()).collect();
    let mut found = record.list(&Filter { kinds, ..Filter::default() })?;
    found.retain(|found| {
        let own = &found.entry.fact;
        found.entry.counts() && (are_contrary(fact, own) || are_contrary(own, fact))
    });
    Ok(found.into_iter().map(|found| found.entry).collect())
}

fn edit(options: &EditOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut entry = entries::find_for(options.restore, record, Noun::Profile, &options.id)?;
    if !options.fields.is_empty() {
        form::fill(&options.fields, &mut entry.fact, session)?;
    }
    entries::amend(record, entry, &options.common)
}

/// Says, dated, that there is none of a kind; or takes that statement back.
fn state_absence(
    kind: NoneKind,
    undo: bool,
    record: &mut Record<'_>,
    session: &Session<'_>,
) -> Result<Report, Failure> {
    if !undo {
        let now = session.now();
        let fact = kind.statement(When::Instant(now));
        let draft = entries::draft(record, fact, &Common::default(), now, &mut Session::chance())?;
        let there = contradictions(&draft.fact, record)?.len();
        let mut report = entries::add(record, &[draft])?;
        report.warnings.extend((there > 0).then(|| msg!("warning-not-absent", count = there)));
        return Ok(report);
    }
    let stated = record.list(&Filter { kinds: vec!["absence".to_owned()], ..Filter::default() })?;
    let mut removed = Vec::new();
    for found in stated {
        if matches!(&found.entry.fact, Fact::Absence(absence) if absence.of == kind.of()) {
            removed.push(record.remove(&found.entry.id)?.id);
        }
    }
    Ok(entries::removed(&removed))
}
