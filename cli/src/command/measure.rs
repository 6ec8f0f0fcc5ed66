//! `measure`: weight, blood pressure, glucose and the others; and the days of what phones and watches counted.

mod bmi;
mod target;

use carnet_record::{
    Fact, When,
    batch::SampleValue,
    kind::{measure::Moment, target::Standing},
};
use carnet_vault::{Record, measures::DayOfSamples};
use serde_json::{Value, json};

use super::entries::{self, Common, Found, JsonSource, ListOptions, Noun};
use crate::{
    error::Failure,
    form::measure::{MeasureFields, known, slug_of, value_text},
    i18n::Message,
    input, msg,
    session::Session,
    ui::{Block, Cell, Report},
    words,
};

/// Samples shown by `--raw` when no limit is given.
const SAMPLES_DEFAULT: usize = 10_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    Add(AddOptions),
    List(MeasureList),
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
    Target(target::Options),
}

impl Action {
    /// The words of the command.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "measure add",
            Self::Edit(_) => "measure edit",
            Self::List(_) => "measure list",
            Self::Remove { .. } => "measure remove",
            Self::Show { .. } => "measure show",
            Self::Target(_) => "measure target",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddOptions {
    #[arg(value_name = "KIND", value_parser = slug_of, required_unless_present = "from_json")]
    kind: Option<String>,
    #[arg(value_name = "VALUE", required_unless_present = "from_json", allow_hyphen_values = true)]
    value: Option<String>,
    #[command(flatten)]
    fields: MeasureFields,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    source: JsonSource,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EditOptions {
    #[arg(value_name = "ID")]
    id: String,
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    fields: MeasureFields,
    #[command(flatten)]
    common: Common,
}

/// Which measures are listed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct MeasureList {
    #[arg(value_name = "KIND", value_parser = slug_of)]
    kind: Option<String>,
    #[command(flatten)]
    options: ListOptions,
    #[arg(long, conflicts_with_all = ["daily", "sources"], requires = "kind")]
    raw: bool,
    #[arg(long, conflicts_with = "sources", requires = "kind")]
    daily: bool,
    #[arg(long)]
    sources: bool,
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Csv,
    Json,
    Table,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    session.with_record(|record| match &options.action {
        Action::Add(options) => add(options, record, session),
        Action::List(options) => list(options, record),
        Action::Show { id, history } => entries::show(record, Noun::Measure, id, *history),
        Action::Edit(options) => edit(options, record, session),
        Action::Remove { id } => entries::remove(record, Noun::Measure, id),
        Action::Target(options) => target::run(options, record, session),
    })
}

fn add(options: &AddOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let now = session.now();
    if let Some(path) = &options.source.from_json {
        return entries::add(record, &entries::from_json(path, Noun::Measure, now)?);
    }
    let (kind, value) = (options.kind.as_deref().unwrap_or_default(), options.value.as_deref().unwrap_or_default());
    let fact = options.fields.new_measure(kind, value, When::Instant(now), &session.zones)?;
    let draft = entries::draft(record, fact, &options.common, now, &mut Session::chance())?;
    entries::add(record, &[draft])
}

fn edit(options: &EditOptions, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let mut entry = entries::find_for(options.restore, record, Noun::Measure, &options.id)?;
    match &mut entry.fact {
        Fact::Measure(measure) => options.fields.apply(measure, options.value.as_deref(), &session.zones)?,
        _ if options.restore => return entries::restore(record, Noun::Measure, &options.id),
        other => return Err(Failure::Usage(msg!("usage-kind-not-editable", kind = other.kind()))),
    }
    entries::amend(record, entry, &options.common)
}

/// A list as columns: names of columns, rows, and the same as data.
struct Columns {
    names: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    data: Value,
}

fn list(options: &MeasureList, record: &mut Record<'_>) -> Result<Report, Failure> {
    let columns = if options.sources {
        sources(options, record)?
    } else if let (Some(kind), true) = (&options.kind, options.daily) {
        daily(kind, &options.options, record)?
    } else if let (Some(kind), true) = (&options.kind, options.raw) {
        raw(kind, &options.options, record)?
    } else if options.kind.as_deref() == Some("bmi") {
        bmi::list(options, record)?
    } else {
        typed(options, record)?
    };
    let is_typed = !(options.sources || options.daily || options.raw);
    let mut page = match options.format {
        Format::Csv => vec![Block::Lines(csv(&columns))],
        Format::Json => vec![Block::Json(columns.data.clone())],
        Format::Table if columns.rows.is_empty() => vec![Block::Say(msg!("list-empty"))],
        Format::Table => {
            let head = columns.names.iter().map(|name| head(name)).collect();
            let row = |row: Vec<String>| columns.names.iter().zip(row).map(|(name, text)| cell(name, text)).collect();
            vec![Block::Rows(head, columns.rows.into_iter().map(row).collect())]
        }
    };
    if is_typed && options.format == Format::Table {
        page.extend(beside(options.kind.as_deref(), record)?.map(Block::Say));
    }
    Ok(Report { data: columns.data, page, ..Report::default() })
}

/// What devices measured stands beside what was typed, in numbers that no list of lines shows.
fn beside(kind: Option<&str>, record: &Record<'_>) -> Result<Option<Message>, Failure> {
    let mut series = record.series()?;
    series.retain(|series| kind.is_none_or(|kind| series.series.kind == kind));
    let count = series.iter().map(|series| series.count).sum::<u64>();
    Ok((count > 0).then(|| match kind {
        Some(kind) => msg!("measure-samples-of", count = count, slug = kind),
        None => msg!("measure-samples", count = count),
    }))
}

/// The name of a column for people. In CSV the short names stand.
fn head(name: &str) -> Message {
    match name {
        "at" => msg!("column-date"),
        "comment" => msg!("column-comment"),
        "id" => msg!("column-id"),
        "measure" => msg!("column-kind"),
        "standing" => msg!("column-standing"),
        "value" => msg!("column-value"),
        other => msg!("measure-column", name = other),
    }
}

/// A value for people. In CSV it stands as it is.
fn cell(name: &str, text: String) -> Cell {
    match name {
        "at" | "start" | "end" | "first" | "last" => Cell::Moment(text),
        "id" => Cell::Id(text),
        "measure" => words::kind(&text).into(),
        "moment" if !text.is_empty() => words::moment(&text).into(),
        "standing" if !text.is_empty() => words::state_word(&text).into(),
        "target" if !text.is_empty() => msg!("target-standing", standing = text).into(),
        "height" | "max" | "min" | "sum" | "value" | "weight" => Cell::Figure(text),
        _ => Cell::Text(text),
    }
}

/// Measures that were typed or filed one by one.
fn typed(options: &MeasureList, record: &Record<'_>) -> Result<Columns, Failure> {
    let mut found = record.list(&options.options.filter(Noun::Measure.kinds())?)?;
    if let Some(slug) = &options.kind {
        let slug = known(slug)?.slug;
        found.retain(|found| matches!(&found.entry.fact, Fact::Measure(measure) if measure.measure == slug));
    }
    options.options.arrange(&mut found);
    let targets = target::of_record(record)?;
    let mut names = vec!["at", "measure", "value", "comment", "id"];
    let (mut rows, mut data) = (Vec::new(), Vec::new());
    let mut optional: [(&'static str, Vec<String>); 3] =
        ["target", "moment", "standing"].map(|name| (name, Vec::new()));
    for found in &found {
        let Fact::Measure(measure) = &found.entry.fact else { continue };
        let standing = target::standing(&targets, measure).map(Standing::as_str);
        let mut told = entries::found_json(found);
        if let (Some(fields), Some(standing)) = (told.as_object_mut(), standing) {
            fields.insert("target".to_owned(), standing.into());
        }
        data.push(told);
        rows.push(vec![
            measure.at.map(|at| at.to_string()).unwrap_or_default(),
            measure.measure.clone(),
            value_text(measure),
            found.entry.comment.clone().unwrap_or_default(),
            found.entry.id.to_string(),
        ]);
        let moment = measure.moment.as_ref().map(Moment::slug);
        let values = [standing, moment, words::standing(&found.entry)];
        for ((_, column), value) in optional.iter_mut().zip(values) {
            column.push(value.unwrap_or_default().to_owned());
        }
    }
    // What is said of none of these measures has no column.
    for (name, column) in optional.into_iter().filter(|(_, column)| column.iter().any(|value| !value.is_empty())) {
        names.push(name);
        rows.iter_mut().zip(column).for_each(|(row, value): (&mut Vec<String>, String)| row.push(value));
    }
    Ok(Columns { names, rows, data: Value::Array(data) })
}

/// One line a day: the source that counts, and how many others there are.
fn daily(kind: &str, options: &ListOptions, record: &Record<'_>) -> Result<Columns, Failure> {
    let from = options.from.as_ref().map(|text| input::partial_date("--from", text)).transpose()?;
    let to = options.to.as_ref().map(|text| input::partial_date("--to", text)).transpose()?;
    let mut days = record.sample_days(
        kind,
        from.map(carnet_record::PartialDate::earliest),
        to.map(carnet_record::PartialDate::latest),
    )?;
    if let Some(limit) = options.limit {
        days.drain(..days.len().saturating_sub(limit));
    }
    let rows = days.iter().filter_map(day_row).collect();
    let data = serde_json::to_value(&days).unwrap_or_default();
    Ok(Columns { names: vec!["day", "count", "min", "max", "sum", "unit", "source", "sources"], rows, data })
}

fn day_row(day: &DayOfSamples) -> Option<Vec<String>> {
    let first = day.sources.first()?;
    let number = |value: Option<carnet_record::Decimal>| value.map(|value| value.to_string()).unwrap_or_default();
    Some(vec![
        day.day.to_string(),
        first.count.to_string(),
        number(first.min),
        number(first.max),
        number(first.sum),
        first.unit.clone(),
        first.source.application.clone(),
        day.sources.len().to_string(),
    ])
}

/// Single samples.
fn raw(kind: &str, options: &ListOptions, record: &Record<'_>) -> Result<Columns, Failure> {
    let filter = options.filter(&[])?;
    let from_ms = filter.from.map_or(i64::MIN, |day| i64::from(day.epoch_days()) * DAY_MS);
    let until_ms = filter.until.map_or(i64::MAX, |day| (i64::from(day.epoch_days()) + 1) * DAY_MS);
    let samples = record.samples(kind, from_ms, until_ms, options.limit.unwrap_or(SAMPLES_DEFAULT))?;
    let mut rows = Vec::new();
    let mut data = Vec::new();
    for (series, sample) in &samples {
        let at =
            |ms| carnet_record::Instant::new(ms, sample.offset_minutes).map(|at| at.to_string()).unwrap_or_default();
        let value = match &sample.value {
            SampleValue::Number(number) => number.to_string(),
            SampleValue::Code(code) => code.clone(),
        };
        let (start, end) = (at(sample.start_ms), at(sample.end_ms));
        data.push(json!({
            "start": start, "end": end, "value": value, "unit": series.unit,
            "application": series.source.application, "device": series.source.device,
        }));
        rows.push(vec![start, end, value, series.unit.clone(), series.source.application.clone()]);
    }
    Ok(Columns { names: vec!["start", "end", "value", "unit", "source"], rows, data: Value::Array(data) })
}

/// Which series there are, and how many samples each holds.
fn sources(options: &MeasureList, record: &Record<'_>) -> Result<Columns, Failure> {
    let mut series = record.series()?;
    if let Some(kind) = &options.kind {
        series.retain(|series| series.series.kind == *kind);
    }
    let at = |ms| carnet_record::Instant::utc(ms).map(|at| at.to_string()).unwrap_or_default();
    let rows = series
        .iter()
        .map(|one| {
            vec![
                one.series.kind.clone(),
                one.series.source.application.clone(),
                one.series.source.device.clone(),
                one.series.unit.clone(),
                one.count.to_string(),
                at(one.first_ms),
                at(one.last_ms),
            ]
        })
        .collect();
    let data = serde_json::to_value(&series).unwrap_or_default();
    Ok(Columns { names: vec!["kind", "application", "device", "unit", "count", "first", "last"], rows, data })
}

/// Rows as CSV (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe in front.
fn csv(columns: &Columns) -> String {
    let cell = |text: &str| {
        let is_number = text.parse::<carnet_record::Decimal>().is_ok();
        let guarded = if !is_number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        if guarded.contains([',', '"', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
    };
    let line = |cells: Vec<String>| cells.join(",");
    let mut lines = vec![line(columns.names.iter().map(|name| (*name).to_owned()).collect())];
    lines.extend(columns.rows.iter().map(|row| line(row.iter().map(|text| cell(text)).collect())));
    lines.join("\n")
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_g9_a_formula_in_a_cell_does_not_run() {
        let row = |text: &str| vec![text.to_owned()];
        let columns = Columns {
            names: vec!["comment"],
            rows: vec![row("=1+1"), row("@SUM(A1)"), row("-3.5"), row("a,\"b\""), row("-cmd")],
            data: Value::Null,
        };
        assert_eq!(csv(&columns), "comment\n'=1+1\n'@SUM(A1)\n-3.5\n\"a,\"\"b\"\"\"\n'-cmd");
    }
}
