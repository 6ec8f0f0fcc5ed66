//! The import report: what a reader met, joined with what the vault made of it.
//!
//! Never called a receipt: a receipt is what a relay signs. Two forms: [`complete`] makes the report that is kept in
//! the record, which may quote a refused value; [`Summary`] is what is printed, which tells places only.
//!
//! **Kinds in counts.** An entry counts under the kind of its fact (`measure`, `document`, `activity`…), a sample under
//! the kind of its series (`heart-rate`, `steps`…); what is neither has a name of its own (`route`, `file`…).

use std::collections::BTreeMap;

use carnet_record::{
    Instant,
    item::{Grouped, Item, Tally},
    kind::{
        ImportReport,
        import_report::{Counts, ImportedFile},
    },
};
use serde::Serialize;

use crate::intake::{IMPORTER, WHOLE_FILE};

/// The kind under which an item is counted, and how many rows it is. None for what is not counted by itself.
pub fn counted_as(item: &Item) -> Option<(&str, u64)> {
    match item {
        Item::Draft(draft) | Item::DocumentStart { draft } => Some((draft.fact.kind(), 1)),
        Item::Samples { series, samples } => Some((&series.kind, u64::try_from(samples.len()).unwrap_or(u64::MAX))),
        _ => None,
    }
}

/// What the vault did with the items it was given, by kind ([`counted_as`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// New entries and samples.
    pub added: BTreeMap<String, u64>,
    /// Those that the record had.
    pub already_there: BTreeMap<String, u64>,
    /// Those that repeat another of the same import.
    pub merged: BTreeMap<String, u64>,
}

impl Kept {
    /// Counts `rows` new ones.
    pub fn add(&mut self, kind: &str, rows: u64) {
        count(&mut self.added, kind, rows);
    }

    /// Counts `rows` that the record had.
    pub fn find(&mut self, kind: &str, rows: u64) {
        count(&mut self.already_there, kind, rows);
    }

    /// Counts `rows` that repeat others of the same import.
    pub fn merge(&mut self, kind: &str, rows: u64) {
        count(&mut self.merged, kind, rows);
    }
}

/// The counts of a kind do not add up: a row was lost or counted twice. The import must not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counts of an import do not add up for the kind {kind}")]
pub struct SumBroken {
    /// The kind.
    pub kind: String,
}

/// The whole report, its sums checked: for every kind, read = added + already there + merged + set aside + refused.
///
/// # Errors
/// [`SumBroken`].
pub fn complete(
    tally: &Tally,
    kept: &Kept,
    mut source: ImportedFile,
    at: Option<Instant>,
    by: Option<String>,
) -> Result<ImportReport, SumBroken> {
    let mut report = ImportReport::from_tally(tally);
    let put =
        |counts: &mut BTreeMap<String, Counts>, rows: &BTreeMap<String, u64>, field: fn(&mut Counts) -> &mut u64| {
            for (kind, rows) in rows {
                let slot = field(counts.entry(kind.clone()).or_default());
                *slot = slot.saturating_add(*rows);
            }
        };
    put(&mut report.counts, &kept.added, |counts| &mut counts.added);
    put(&mut report.counts, &kept.already_there, |counts| &mut counts.already_there);
    put(&mut report.counts, &kept.merged, |counts| &mut counts.merged);
    if let Some((kind, _)) = report.counts.iter().find(|(_, counts)| !counts.sum_holds()) {
        return Err(SumBroken { kind: kind.clone() });
    }
    if let Some(format) = report.members.remove(WHOLE_FILE) {
        source.format = format;
    }
    IMPORTER.clone_into(&mut report.importer);
    Ok(ImportReport { source, at, by, ..report })
}

/// What is printed of a report: counts, reasons and places, no text of the file beyond names of its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The file as the person named it.
    pub path: String,
    /// Format found, with its version when it has one.
    pub format: String,
    /// Rows met.
    pub read: u64,
    /// New entries and samples.
    pub added: u64,
    /// Those that the record had.
    pub already_there: u64,
    /// Rows that repeat others or were joined into one entry.
    pub merged: u64,
    /// Rows left out on purpose.
    pub set_aside: u64,
    /// Rows that could not be kept.
    pub refused: u64,
    /// Why rows were set aside, refused, or kept with a remark.
    pub reasons: Vec<Reason>,
    /// Rows met, by kind.
    pub by_kind: BTreeMap<String, u64>,
    /// First moment met, RFC 3339 in UTC.
    pub first: Option<String>,
    /// Last moment met.
    pub last: Option<String>,
}

/// One reason, with its first places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `set-aside`, `refused` or `warning`.
    pub outcome: &'static str,
    /// Kind of the rows.
    pub kind: String,
    /// Slug of the reason.
    pub reason: String,
    /// Rows.
    pub count: u64,
    /// Where the first ones stand.
    pub places: Vec<String>,
}

impl Summary {
    /// The printed form of a report on the file that the person named `path`.
    pub fn of(report: &ImportReport, path: &str) -> Self {
        let total = report.total();
        let groups = [("refused", &report.refused), ("set-aside", &report.set_aside), ("warning", &report.warnings)];
        let reasons = groups.iter().flat_map(|(outcome, groups)| groups.iter().map(|group| Reason::of(outcome, group)));
        let moment = |millis: i64| Instant::utc(millis).map(|at| at.to_string());
        Self {
            path: path.to_owned(),
            format: report.source.format.clone(),
            read: total.read,
            added: total.added,
            already_there: total.already_there,
            merged: total.merged,
            set_aside: total.set_aside,
            refused: total.refused,
            reasons: reasons.collect(),
            by_kind: report.counts.iter().map(|(kind, counts)| (kind.clone(), counts.read)).collect(),
            first: report.span.and_then(|span| moment(span.first_ms)),
            last: report.span.and_then(|span| moment(span.last_ms)),
        }
    }
}

impl Reason {
    fn of(outcome: &'static str, group: &Grouped) -> Self {
        let place = |place: &carnet_record::item::Place| match &place.member {
            Some(member) => format!("{member}: {}", place.at),
            None => place.at.clone(),
        };
        Self {
            outcome,
            kind: group.kind.clone(),
            reason: group.reason.clone(),
            count: group.count,
            places: group.places.iter().map(place).collect(),
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, kind: &str, rows: u64) {
    let slot = counts.entry(kind.to_owned()).or_default();
    *slot = slot.saturating_add(rows);
}

#[cfg(test)]
mod tests {
    use carnet_record::item::Place;

    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        tally.read("weight", 10);
        tally.merge("weight", 1);
        tally.refuse("weight", "not-a-number", Place::at("element 4").in_member("export.xml").quoting("lourd"));
        tally.read("route", 2);
        tally.set_aside_many("route", "positions-not-asked-for", 2);
        tally.see(0, None);
        tally.members.insert(WHOLE_FILE.to_owned(), "apple-health-export 12".to_owned());
        tally
    }

    fn kept(added: u64, already_there: u64, merged: u64) -> Kept {
        let mut kept = Kept::default();
        kept.add("weight", added);
        kept.find("weight", already_there);
        kept.merge("weight", merged);
        kept
    }

    #[test]
    fn a_report_whose_sums_hold_is_complete() {
        let report = complete(&tally(), &kept(5, 2, 1), ImportedFile::default(), None, None).unwrap();
        assert!(report.sums_hold());
        assert_eq!((report.source.format.as_str(), report.members.len()), ("apple-health-export 12", 0));
        let summary = Summary::of(&report, "~/export.zip");
        assert_eq!(
            (summary.read, summary.added, summary.already_there, summary.merged, summary.set_aside, summary.refused),
            (12, 5, 2, 2, 2, 1)
        );
        assert_eq!(summary.first.as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn a_lost_row_breaks_the_sum_and_the_kind_is_named() {
        for wrong in [kept(5, 2, 0), kept(5, 3, 1), kept(0, 0, 0)] {
            let broken = complete(&tally(), &wrong, ImportedFile::default(), None, None).unwrap_err();
            assert_eq!(broken.kind, "weight");
        }
        let mut stranger = kept(5, 2, 1);
        stranger.add("steps", 1);
        assert_eq!(complete(&tally(), &stranger, ImportedFile::default(), None, None).unwrap_err().kind, "steps");
    }

    #[test]
    fn what_is_printed_tells_the_place_and_not_the_text() {
        let report = complete(&tally(), &kept(8, 0, 0), ImportedFile::default(), None, None).unwrap();
        assert!(serde_json::to_string(&report).unwrap().contains("lourd"), "the report kept in the record may quote");
        let printed = serde_json::to_value(Summary::of(&report, "export.zip")).unwrap();
        assert!(!printed.to_string().contains("lourd"));
        assert_eq!(printed["reasons"][0]["places"][0], "export.xml: element 4");
        let names: Vec<&str> = printed.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "path",
            "format",
            "read",
            "added",
            "already_there",
            "merged",
            "set_aside",
            "refused",
            "reasons",
            "by_kind",
            "first",
            "last",
        ];
        assert_eq!(names, expected);
    }
}
