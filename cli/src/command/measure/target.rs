//! `measure target`: the range that a measure is meant to stay in. There is one for each kind, or for each of its parts,
//! and it is the person's: nothing here says what it ought to be.

use carnet_record::{
    Fact, Provenance, Quantity, SourceKey,
    kind::{
        Measure, Target,
        target::{Standing, unit_of},
    },
    measure::KINDS,
};
use carnet_vault::{Record, entries::Filter};
use serde_json::{Value, json};

use super::entries::{self, Found};
use crate::{
    error::Failure,
    form::{self, measure::slug_of},
    input, msg,
    session::Session,
    ui::{Block, Cell, Report},
    words,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "KIND", value_parser = slug_of)]
    kind: Option<String>,
    #[arg(long, value_name = "N", requires = "kind", allow_hyphen_values = true)]
    low: Option<String>,
    #[arg(long, value_name = "N", requires = "kind", allow_hyphen_values = true)]
    high: Option<String>,
    #[arg(long, value_name = "UNIT", requires = "kind")]
    unit: Option<String>,
    #[arg(long, requires = "kind", conflicts_with_all = ["low", "high", "unit"])]
    remove: bool,
}

/// Shows, sets or takes away targets.
pub(super) fn run(options: &Options, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let Some(kind) = &options.kind else { return list(record, None) };
    let unit = unit(kind)?;
    if options.remove {
        return remove(record, kind);
    }
    if options.low.is_none() && options.high.is_none() {
        return list(record, Some(kind));
    }
    let unit = options.unit.as_deref().unwrap_or(unit);
    let end = |option: &'static str, text: &Option<String>| -> Result<Option<Quantity>, Failure> {
        let Some(text) = text.as_ref().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        Ok(Some(Quantity::new(input::decimal(option, text)?, unit)))
    };
    let today = session.zones.day_of(session.now().millis(), None);
    let target = Target {
        measure: kind.clone(),
        low: end("--low", &options.low)?,
        high: end("--high", &options.high)?,
        since: today.and_then(|today| today.to_string().parse().ok()),
    };
    set(record, target, session)
}

/// The target of each kind of measure that has one.
pub(super) fn of_record(record: &Record<'_>) -> Result<Vec<Target>, Failure> {
    let found = record.list(&Filter { kinds: vec![KIND.to_owned()], ..Filter::default() })?;
    Ok(found.into_iter().filter(|found| found.entry.counts()).filter_map(|found| target_of(found.entry.fact)).collect())
}

/// How a measure stands to the targets: beyond one of them, or within all that speak of it; none when none does.
pub(super) fn standing(targets: &[Target], measure: &Measure) -> Option<Standing> {
    let mut standings = targets.iter().filter_map(|target| target.standing(measure)).peekable();
    standings.peek()?;
    Some(standings.find(|standing| *standing != Standing::Within).unwrap_or(Standing::Within))
}

const KIND: &str = "target";

fn target_of(fact: Fact) -> Option<Target> {
    if let Fact::Target(target) = fact { Some(*target) } else { None }
}

/// The unit of a kind or of a part of one.
fn unit(slug: &str) -> Result<&'static str, Failure> {
    let kinds = KINDS.iter().flat_map(|kind| {
        let parts = kind.components.iter().map(|part| part.slug);
        kind.components.is_empty().then_some(kind.slug).into_iter().chain(parts)
    });
    let known =
        || Failure::Usage(msg!("usage-value-among", option = "KIND", values = kinds.collect::<Vec<_>>().join(", ")));
    unit_of(slug).map(|(unit, _)| unit).ok_or_else(known)
}

/// The targets that there are, or that of one kind.
fn list(record: &Record<'_>, kind: Option<&String>) -> Result<Report, Failure> {
    let mut found = record.list(&Filter { kinds: vec![KIND.to_owned()], ..Filter::default() })?;
    found.retain(|found| kind.is_none_or(|kind| found.entry.fact.label() == *kind));
    let row = |found: &Found| {
        vec![
            words::kind(&found.entry.fact.label()).into(),
            words::summary(&found.entry.fact),
            Cell::Id(found.entry.id.to_string()),
        ]
    };
    let page = if found.is_empty() {
        Block::Say(msg!("list-empty"))
    } else {
        let head = vec![msg!("column-kind"), msg!("column-value"), msg!("column-id")];
        Block::Rows(head, found.iter().map(row).collect())
    };
    Ok(Report {
        data: Value::Array(found.iter().map(entries::found_json).collect()),
        page: vec![page],
        ..Report::default()
    })
}

/// The entry of the target of `kind`, removed or not. Its id follows from the kind, so that two devices that set one
/// apart have one between them.
fn entry_of(record: &Record<'_>, kind: &str) -> Result<Option<Found>, Failure> {
    let filter = Filter { kinds: vec![KIND.to_owned()], with_removed: true, ..Filter::default() };
    Ok(record.list(&filter)?.into_iter().find(|found| found.entry.fact.label() == kind))
}

fn set(record: &mut Record<'_>, target: Target, session: &Session<'_>) -> Result<Report, Failure> {
    let mut draft = carnet_record::Draft::new(target, Provenance::typed(session.now()));
    form::check(&draft)?;
    if let Some(Found { mut entry, .. }) = entry_of(record, &draft.fact.label())? {
        entry.fact = draft.fact;
        entry.removed = None;
        return entries::amend(record, entry, &entries::Common::default());
    }
    draft.source_key = Some(SourceKey::new(KIND, [draft.fact.label().as_str()]));
    entries::add(record, &[draft])
}

fn remove(record: &mut Record<'_>, kind: &str) -> Result<Report, Failure> {
    let found = entry_of(record, kind)?.filter(|found| found.entry.removed.is_none()).ok_or(Failure::EntryUnknown)?;
    let removed = vec![record.remove(&found.entry.id)?.id.to_string()];
    Ok(Report {
        page: vec![Block::Say(msg!("target-removed", kind = words::kind(kind)))],
        data: json!({ "removed": removed }),
        ..Report::default()
    })
}
