//! What an import read, kept, knew already, left aside and refused, and why. Not a receipt: that is a relay's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    date::Instant,
    item::{Grouped, SourceRows, Span, Tally, ZoneUse},
};

/// The file of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportedFile {
    /// Name as given.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Format and version found.
    pub format: String,
}

/// What became of the rows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows met.
    pub read: u64,
    /// Entries or samples that are new.
    pub added: u64,
    /// Those the record had.
    pub already_there: u64,
    /// Rows that say the same as another row of the file, or were joined into one entry.
    pub merged: u64,
    /// Rows left out on purpose.
    pub set_aside: u64,
    /// Rows that could not be kept.
    pub refused: u64,
}

impl Counts {
    /// read = added + already there + merged + set aside + refused.
    pub fn sum_holds(&self) -> bool {
        let parts = [self.added, self.already_there, self.merged, self.set_aside, self.refused];
        parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part)) == Some(self.read)
    }
}

/// The report of an import, kept in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportReport {
    /// When it ended.
    pub at: Option<Instant>,
    /// The file.
    pub source: ImportedFile,
    /// Members of an archive, with what each was taken for.
    pub members: BTreeMap<String, String>,
    /// What became of the rows, by kind.
    pub counts: BTreeMap<String, Counts>,
    /// Left out on purpose, by rule.
    pub set_aside: Vec<Grouped>,
    /// Refused, by reason.
    pub refused: Vec<Grouped>,
    /// Warnings, by reason.
    pub warnings: Vec<Grouped>,
    /// First and last moment met.
    pub span: Option<Span>,
    /// Zones used and how each was known.
    pub zones: Vec<ZoneUse>,
    /// Each source with its rows.
    pub sources: Vec<SourceRows>,
    /// Name and version of the importer.
    pub importer: String,
    /// Whoever ran it, as the vault names them.
    pub by: Option<String>,
}

impl ImportReport {
    /// The report of what interop read; `added` and `already_there` are the vault's to fill.
    pub fn from_tally(tally: &Tally) -> Self {
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        for (kind, rows) in &tally.read {
            counts.entry(kind.clone()).or_default().read = *rows;
        }
        for (kind, rows) in &tally.merged {
            counts.entry(kind.clone()).or_default().merged = *rows;
        }
        for group in &tally.set_aside {
            let counts = counts.entry(group.kind.clone()).or_default();
            counts.set_aside = counts.set_aside.saturating_add(group.count);
        }
        for group in &tally.refused {
            let counts = counts.entry(group.kind.clone()).or_default();
            counts.refused = counts.refused.saturating_add(group.count);
        }
        Self {
            counts,
            members: tally.members.clone(),
            set_aside: tally.set_aside.clone(),
            refused: tally.refused.clone(),
            warnings: tally.warnings.clone(),
            span: tally.span,
            zones: tally.zones.clone(),
            sources: tally.sources.clone(),
            ..Self::default()
        }
    }

    /// Whether the rule of the sum holds for every kind.
    pub fn sums_hold(&self) -> bool {
        self.counts.values().all(Counts::sum_holds)
    }

    /// The counts of all kinds together.
    pub fn total(&self) -> Counts {
        self.counts.values().fold(Counts::default(), |sum, part| Counts {
            read: sum.read.saturating_add(part.read),
            added: sum.added.saturating_add(part.added),
            already_there: sum.already_there.saturating_add(part.already_there),
            merged: sum.merged.saturating_add(part.merged),
            set_aside: sum.set_aside.saturating_add(part.set_aside),
            refused: sum.refused.saturating_add(part.refused),
        })
    }
}
