//! `agenda due CODE --mark`: what the person says of one thing that is recommended. Its entry is named for the code, so that
//! two devices that mark it apart have one entry between them.

use carnet_record::{
    Draft, Fact, PartialDate, Provenance, SourceKey, When,
    kind::{
        Prevention,
        prevention::{PreventionState, RequirementLevel},
    },
    prevention::{Item, Requirement, Sort, State},
};
use carnet_vault::{Record, entries::Filter};

use crate::{
    command::entries::{self, Common, Found},
    error::Failure,
    form, input, msg,
    session::Session,
    ui::{Block, Report},
};

/// What can be said of something that is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MarkOption {
    Done,
    NotDone,
    ToPlan,
}

impl MarkOption {
    fn state(self) -> PreventionState {
        match self {
            Self::Done => PreventionState::Done,
            Self::NotDone => PreventionState::NotDone,
            Self::ToPlan => PreventionState::ToPlan,
        }
    }
}

/// The kind of entry that a mark is.
pub(super) const KIND: &str = "prevention";

/// Keeps what is said of `item`, which is called `title`. What was done was done `at`, else `today`.
pub(super) fn mark(
    record: &mut Record<'_>,
    session: &Session<'_>,
    (item, title): (&Item<'_>, String),
    said: MarkOption,
    (at, today): (Option<&String>, PartialDate),
) -> Result<Report, Failure> {
    if item.state == State::Unknown {
        return Err(Failure::Usage(msg!("usage-due-mark-unknown")));
    }
    let at = at.map(|text| input::when("--at", text, &session.zones)).transpose()?;
    let at = at.or_else(|| (said == MarkOption::Done).then_some(When::Date(today)));
    let fact = Fact::from(Prevention {
        code: Some(item.code.clone()),
        sort: Some(item.sort.to_owned()),
        title: Some(title.clone()),
        state: Some(said.state()),
        at,
        start: item.window.map(|window| window.from.date()),
        end: item.window.map(|window| window.to.date()),
        requirement: Some(match item.requirement {
            Requirement::Mandatory => RequirementLevel::Mandatory,
            Requirement::Recommended => RequirementLevel::Recommended,
        }),
    });
    let mut report = keep(record, session, fact, &item.code)?;
    if item.kind == Sort::Vaccine && said == MarkOption::Done {
        let day = at.map(|at| at.date().to_string()).unwrap_or_default();
        // The command stands on a line of its own, to be copied.
        report.page.push(Block::Wrapped(0, msg!("due-booklet")));
        report.page.push(Block::Say(msg!("due-booklet-command", day = day)));
    }
    Ok(report)
}

/// Keeps `fact` in the entry of `code`, whether that is there, was removed, or is new.
fn keep(record: &mut Record<'_>, session: &Session<'_>, fact: Fact, code: &str) -> Result<Report, Failure> {
    let mut draft = Draft::new(fact, Provenance::typed(session.now()));
    form::check(&draft)?;
    let filter = Filter { kinds: vec![KIND.to_owned()], with_removed: true, ..Filter::default() };
    let is_own =
        |found: &Found| matches!(&found.entry.fact, Fact::Prevention(own) if own.code.as_deref() == Some(code));
    if let Some(Found { mut entry, .. }) = record.list(&filter)?.into_iter().find(is_own) {
        entry.fact = draft.fact;
        entry.removed = None;
        return entries::amend(record, entry, &Common::default());
    }
    draft.source_key = Some(SourceKey::new(KIND, [code]));
    entries::add(record, &[draft])
}
