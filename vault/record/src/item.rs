//! What an intake streams out: the person a file speaks of, drafts, samples, the bytes of documents, and the tally.
//!
//! The tally is the half of the import report that a reader of a format can know. Places are kept apart from quoted
//! text, so that what is printed can leave the text out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    batch::{Sample, Series},
    date::{Day, INSTANT_MS_MAX, INSTANT_MS_MIN},
    draft::Draft,
    person::SubjectClaim,
};

/// Most samples of one [`Item::Samples`].
pub const SAMPLES_PER_ITEM_MAX: usize = 8192;
/// Most bytes of one [`Item::DocumentBytes`].
pub const DOCUMENT_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// One thing read from a file, in the order of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The person the file says it is about. At most one, before any draft.
    Subject(Box<SubjectClaim>),
    /// A fact.
    Draft(Box<Draft>),
    /// Dense samples of one series, at most [`SAMPLES_PER_ITEM_MAX`], in any order.
    Samples {
        /// What they are samples of.
        series: Series,
        /// The samples.
        samples: Vec<Sample>,
    },
    /// A document begins; its fact is a [`crate::kind::Document`]. Documents do not nest.
    DocumentStart {
        /// What is known of it.
        draft: Box<Draft>,
    },
    /// The next bytes of the document, at most [`DOCUMENT_CHUNK_BYTES_MAX`].
    DocumentBytes(Vec<u8>),
    /// The document ends.
    DocumentEnd {
        /// SHA-256 of its bytes.
        sha256: [u8; 32],
        /// Their number.
        size: u64,
    },
    /// The tally, last.
    Tally(Box<Tally>),
}

/// Where in a file something stands. Its quoted text may be shown only in the report kept in the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Member of an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Line, row or path.
    pub at: String,
    /// The offending text, at most [`QUOTE_CHARS_MAX`] characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<String>,
}

impl Place {
    /// A place without a quote.
    pub fn at(at: impl Into<String>) -> Self {
        Self { member: None, at: at.into(), quoted: None }
    }

    /// The same place in a member of an archive.
    #[must_use]
    pub fn in_member(mut self, member: &str) -> Self {
        self.member = Some(member.to_owned());
        self
    }

    /// The same place with the text that stands there, cut to [`QUOTE_CHARS_MAX`] characters.
    #[must_use]
    pub fn quoting(mut self, text: &str) -> Self {
        self.quoted = Some(text.chars().take(QUOTE_CHARS_MAX).collect());
        self
    }
}

/// Rows of one kind with one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grouped {
    /// Kind of entry, or type of the source for what is no entry.
    pub kind: String,
    /// Reason, as a slug: stable, without any text of the file.
    pub reason: String,
    /// Rows.
    pub count: u64,
    /// The first places, at most [`PLACES_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// First and last moment and local day of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First moment, milliseconds UTC.
    pub first_ms: i64,
    /// Last moment, milliseconds UTC.
    pub last_ms: i64,
    /// First local day, when days were computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    /// Last local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
}

/// A zone that was used, and how it was known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneUse {
    /// Zone name, or an offset.
    pub zone: String,
    /// `record`, `named`, `history` or `default`.
    pub known_from: String,
    /// Rows.
    pub rows: u64,
}

/// Rows of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceRows {
    /// Application.
    pub application: String,
    /// Device.
    pub device: String,
    /// Rows.
    pub rows: u64,
}

/// What was met in a file, by kind. For every kind: rows read = rows given out + merged + set aside + refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Rows met, by kind.
    pub read: BTreeMap<String, u64>,
    /// Rows that repeat another row of the file or joined another into one entry, by kind.
    pub merged: BTreeMap<String, u64>,
    /// Left out on purpose.
    pub set_aside: Vec<Grouped>,
    /// Not kept.
    pub refused: Vec<Grouped>,
    /// Kept, with a remark.
    pub warnings: Vec<Grouped>,
    /// First and last moment.
    pub span: Option<Span>,
    /// Zones used.
    pub zones: Vec<ZoneUse>,
    /// Sources met.
    pub sources: Vec<SourceRows>,
    /// Members of an archive, with what each was taken for.
    pub members: BTreeMap<String, String>,
    /// The digest of its content that an export of Carnet states, in hexadecimal.
    pub stated_digest: Option<String>,
}

impl Tally {
    /// Counts `rows` rows of `kind` as read.
    pub fn read(&mut self, kind: &str, rows: u64) {
        add(&mut self.read, kind, rows);
    }

    /// Counts `rows` rows of `kind` as repeats of others.
    pub fn merge(&mut self, kind: &str, rows: u64) {
        add(&mut self.merged, kind, rows);
    }

    /// Counts a row as left out on purpose.
    pub fn set_aside(&mut self, kind: &str, reason: &str, place: Place) {
        group(&mut self.set_aside, kind, reason, 1, Some(place));
    }

    /// Counts many rows as left out on purpose.
    pub fn set_aside_many(&mut self, kind: &str, reason: &str, rows: u64) {
        group(&mut self.set_aside, kind, reason, rows, None);
    }

    /// Counts a row as refused.
    pub fn refuse(&mut self, kind: &str, reason: &str, place: Place) {
        group(&mut self.refused, kind, reason, 1, Some(place));
    }

    /// Remarks on a row that is kept.
    pub fn warn(&mut self, kind: &str, reason: &str, place: Place) {
        group(&mut self.warnings, kind, reason, 1, Some(place));
    }

    /// Widens the span by a moment, and by its local day if that is known.
    pub fn see(&mut self, millis: i64, day: Option<Day>) {
        let at = millis.clamp(INSTANT_MS_MIN, INSTANT_MS_MAX);
        let span = self.span.get_or_insert(Span { first_ms: at, last_ms: at, first_day: day, last_day: day });
        span.first_ms = span.first_ms.min(at);
        span.last_ms = span.last_ms.max(at);
        if let Some(day) = day {
            span.first_day = Some(span.first_day.map_or(day, |first| first.min(day)));
            span.last_day = Some(span.last_day.map_or(day, |last| last.max(day)));
        }
    }

    /// Adds what another part of the same import met.
    pub fn absorb(&mut self, other: Self) {
        for (kind, rows) in &other.read {
            add(&mut self.read, kind, *rows);
        }
        for (kind, rows) in &other.merged {
            add(&mut self.merged, kind, *rows);
        }
        absorb_groups(&mut self.set_aside, other.set_aside);
        absorb_groups(&mut self.refused, other.refused);
        absorb_groups(&mut self.warnings, other.warnings);
        if let Some(span) = other.span {
            self.see(span.first_ms, span.first_day);
            self.see(span.last_ms, span.last_day);
        }
        for zone in other.zones {
            let same = self.zones.iter_mut().find(|own| own.zone == zone.zone && own.known_from == zone.known_from);
            match same {
                Some(own) => own.rows = own.rows.saturating_add(zone.rows),
                None => self.zones.push(zone),
            }
        }
        for source in other.sources {
            let same = self
                .sources
                .iter_mut()
                .find(|own| own.application == source.application && own.device == source.device);
            match same {
                Some(own) => own.rows = own.rows.saturating_add(source.rows),
                None => self.sources.push(source),
            }
        }
        self.members.extend(other.members);
    }

    /// Rows of `kind` that were given out as drafts or samples.
    pub fn given_out(&self, kind: &str) -> u64 {
        let of = |groups: &[Grouped]| groups.iter().filter(|group| group.kind == kind).map(|group| group.count).sum();
        let read = self.read.get(kind).copied().unwrap_or_default();
        let merged = self.merged.get(kind).copied().unwrap_or_default();
        let (set_aside, refused): (u64, u64) = (of(&self.set_aside), of(&self.refused));
        read.saturating_sub(merged).saturating_sub(set_aside).saturating_sub(refused)
    }
}

fn add(counts: &mut BTreeMap<String, u64>, kind: &str, rows: u64) {
    let count = counts.entry(kind.to_owned()).or_default();
    *count = count.saturating_add(rows);
}

fn group(groups: &mut Vec<Grouped>, kind: &str, reason: &str, rows: u64, place: Option<Place>) {
    if let Some(group) = groups.iter_mut().find(|group| group.kind == kind && group.reason == reason) {
        group.count = group.count.saturating_add(rows);
        if group.places.len() < PLACES_MAX {
            group.places.extend(place);
        }
    } else if groups.len() < GROUPS_MAX {
        let places = place.into_iter().collect();
        groups.push(Grouped { kind: kind.to_owned(), reason: reason.to_owned(), count: rows, places });
    } else if let Some(last) = groups.last_mut() {
        // Reasons are slugs of our own, so this is reached only by a file with thousands of made-up kinds.
        last.count = last.count.saturating_add(rows);
    }
}

fn absorb_groups(own: &mut Vec<Grouped>, other: Vec<Grouped>) {
    for other in other {
        let mut places = other.places.into_iter();
        group(own, &other.kind, &other.reason, other.count, places.next());
        if let Some(same) = own.iter_mut().find(|group| group.kind == other.kind && group.reason == other.reason) {
            let room = PLACES_MAX.saturating_sub(same.places.len());
            same.places.extend(places.take(room));
        }
    }
}

/// Characters of a quoted text.
pub const QUOTE_CHARS_MAX: usize = 80;
/// Places kept for one reason.
pub const PLACES_MAX: usize = 5;
/// Reasons kept apart.
const GROUPS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_holds_after_parts_are_put_together() {
        let mut whole = Tally::default();
        whole.read("measure", 10);
        whole.merge("measure", 2);
        let mut part = Tally::default();
        part.read("measure", 5);
        for row in 0..7 {
            part.refuse("measure", "no-value", Place::at(format!("row {row}")).quoting(&"é".repeat(100)));
        }
        part.set_aside_many("measure", "totals", 1);
        part.see(5_000, None);
        whole.absorb(part);
        assert_eq!(whole.given_out("measure"), 15 - 2 - 7 - 1);
        assert_eq!(whole.refused[0].places.len(), PLACES_MAX);
        assert_eq!(whole.refused[0].places[0].quoted.as_ref().unwrap().chars().count(), QUOTE_CHARS_MAX);
        assert_eq!(whole.span.map(|span| span.first_ms), Some(5_000));
    }

    #[test]
    fn an_item_reads_back() {
        let item = Item::DocumentEnd { sha256: [9; 32], size: 7 };
        let text = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), item);
    }
}
