//! `measure list bmi`: the body-mass index, computed from each weight and the height known that day, beside the indices
//! that a file said. A computed one is shown with its two sources and never kept: it would be a fact that nobody said.

use carnet_record::{
    Decimal, Entry, Fact, Quantity, When,
    measure::{body_mass_index, convert},
};
use carnet_vault::{Record, entries::Filter};
use serde_json::{Value, json};

use super::{Columns, Found, MeasureList, entries};
use crate::{error::Failure, form::measure::value_text};

const UNIT: &str = "kg/m2";
/// Decimals kept of a weight or a height in another unit than the one computed with.
const DECIMALS: u8 = 6;

/// A row of the list, with the moment that it is sorted by.
struct Index {
    at: When,
    cells: Vec<String>,
    data: Value,
}

/// The indices of the record within the dates asked for, oldest first.
pub(super) fn list(options: &MeasureList, record: &Record<'_>) -> Result<Columns, Failure> {
    let filter = options.options.filter(&["measure"])?;
    let found = record.list(&filter)?;
    // A height stays true: one from before the dates asked for counts too.
    let before = Filter { from: None, until: None, with_removed: false, ..filter };
    let heights = record.list(&before)?.into_iter().map(|found| found.entry);
    let heights: Vec<Entry> = heights.filter(|entry| is("height")(entry) && entry.counts()).collect();
    let mut indices: Vec<Index> = Vec::new();
    for found in found {
        if is("bmi")(&found.entry) {
            indices.extend(said(&found));
        } else if is("weight")(&found.entry) && found.entry.counts() {
            indices.extend(computed(&found.entry, &heights));
        }
    }
    indices.sort_by_key(|index| index.at.sort_millis());
    if let Some(limit) = options.options.limit {
        indices.drain(..indices.len().saturating_sub(limit));
    }
    let (rows, data): (Vec<_>, Vec<_>) = indices.into_iter().map(|index| (index.cells, index.data)).unzip();
    Ok(Columns { names: vec!["at", "value", "weight", "height", "id"], rows, data: Value::Array(data) })
}

fn is(slug: &'static str) -> impl Fn(&Entry) -> bool {
    move |entry| matches!(&entry.fact, Fact::Measure(measure) if measure.measure == slug)
}

/// An index that a file gave.
fn said(found: &Found) -> Option<Index> {
    let Fact::Measure(measure) = &found.entry.fact else { return None };
    let at = measure.at?;
    let cells = vec![at.to_string(), value_text(measure), String::new(), String::new(), found.entry.id.to_string()];
    Some(Index { at, cells, data: entries::found_json(found) })
}

/// The index of a weight with the last height that was known on its day.
fn computed(weight: &Entry, heights: &[Entry]) -> Option<Index> {
    let at = when(weight)?;
    let is_known = |height: &&Entry| when(height).is_some_and(|own| own.date().earliest() <= at.date().latest());
    let height = heights.iter().filter(is_known).max_by_key(|height| when(height).map(|own| own.sort_millis()))?;
    let value = body_mass_index(number(weight, "kg")?, number(height, "cm")?)?;
    let text = |entry: &Entry| match &entry.fact {
        Fact::Measure(measure) => value_text(measure),
        _ => String::new(),
    };
    let data = json!({
        "measure": "bmi",
        "at": at.to_string(),
        "value": Quantity::new(value, UNIT),
        "computed_from": { "weight": weight.id.to_string(), "height": height.id.to_string() },
    });
    let cells = vec![at.to_string(), format!("{value} {UNIT}"), text(weight), text(height), String::new()];
    Some(Index { at, cells, data })
}

fn when(entry: &Entry) -> Option<When> {
    entry.fact.when()
}

fn number(entry: &Entry, unit: &str) -> Option<Decimal> {
    let Fact::Measure(measure) = &entry.fact else { return None };
    let value = measure.value.as_ref()?;
    convert(value.value, &value.unit, unit, DECIMALS)
}
