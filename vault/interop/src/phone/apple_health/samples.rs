//! Rows on their way to becoming samples: sources made plain, rows gathered by series, repeats taken out.
//!
//! **Memory.** Rows wait until their series has [`SAMPLES_MAX`] of them; at most [`SAMPLES_HELD_MAX`] wait in all, and
//! at most [`SERIES_OPEN_MAX`] series are open. One waiting row takes about 80 bytes, so a file of any size and shape
//! holds at most about 12 MiB here.
//!
//! **Repeats.** Equal rows of one series that wait together are found exactly, by sorting: no fingerprint can take two
//! rows for one. Equal rows that lie further apart (exports are grouped by type and nearly in order of time, so this is
//! rare) both go out, and the vault, which knows every sample by its identity, counts the second as merged.

use std::collections::HashMap;

use carnet_record::{
    batch::{Sample, Series, Source},
    item::{Item, Place, SourceRows, Tally},
};

use crate::intake::{
    Sink, Stop,
    bounds::{LABEL_BYTES_MAX, SAMPLES_HELD_MAX, SAMPLES_MAX, SERIES_OPEN_MAX, TEXTS_HELD_MAX},
    xml::unescaped,
};

/// Sources that the report lists; the rows of later ones are counted together with a remark.
const SOURCES_MAX: usize = 1_000;

/// Series that are being gathered.
#[derive(Default)]
pub(crate) struct Gathered {
    open: Vec<Open>,
    by_series: HashMap<Series, usize>,
    /// The four texts of a row as written, joined, and the series that they mean.
    by_texts: HashMap<String, usize>,
    last_texts: String,
    last: Option<usize>,
    held: usize,
    sources: HashMap<Source, u64>,
    rows_of_other_sources: u64,
}

/// One series, the rows that wait, and how many it had.
struct Open {
    series: Series,
    waiting: Vec<Sample>,
    rows: u64,
}

/// The texts of a row as they stand in the file, references unresolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts<'a> {
    pub(crate) kind: &'a str,
    pub(crate) application: &'a str,
    pub(crate) device: &'a str,
    pub(crate) unit: &'a str,
}

impl Gathered {
    /// Adds a row to its series and hands on what is full.
    pub(crate) fn push(
        &mut self,
        texts: Texts<'_>,
        sample: Sample,
        tally: &mut Tally,
        out: &mut Sink<'_>,
    ) -> Result<(), Stop> {
        let at = self.series_at(texts, tally, out)?;
        let Some(open) = self.open.get_mut(at) else { return Ok(()) };
        open.waiting.push(sample);
        open.rows = open.rows.saturating_add(1);
        self.held = self.held.saturating_add(1);
        if open.waiting.len() >= SAMPLES_MAX {
            self.hand_on(at, tally, out)?;
        }
        if self.held >= SAMPLES_HELD_MAX { self.hand_on_all(tally, out) } else { Ok(()) }
    }

    /// Hands on everything, in the order in which the series were met.
    pub(crate) fn finish(&mut self, tally: &mut Tally, out: &mut Sink<'_>) -> Result<(), Stop> {
        self.hand_on_all(tally, out)?;
        self.close_all();
        let mut sources: Vec<(Source, u64)> = self.sources.drain().collect();
        sources.sort();
        for (source, rows) in sources {
            let Source { application, device } = source;
            tally.sources.push(SourceRows { application, device, rows });
        }
        if self.rows_of_other_sources > 0 {
            tally.warn("source", "more-sources-than-listed", Place::at(format!("{} rows", self.rows_of_other_sources)));
        }
        Ok(())
    }

    /// Counts rows of a source.
    pub(crate) fn count_source(&mut self, source: Source, rows: u64) {
        if let Some(known) = self.sources.get_mut(&source) {
            *known = known.saturating_add(rows);
        } else if self.sources.len() < SOURCES_MAX {
            self.sources.insert(source, rows);
        } else {
            self.rows_of_other_sources = self.rows_of_other_sources.saturating_add(rows);
        }
    }

    /// Forgets every open series, its rows counted to its source. Nothing may be waiting.
    fn close_all(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.count_source(open.series.source, open.rows);
        }
        self.by_series.clear();
        self.by_texts.clear();
        self.last = None;
    }

    fn series_at(&mut self, texts: Texts<'_>, tally: &mut Tally, out: &mut Sink<'_>) -> Result<usize, Stop> {
        if let Some(last) = self.last.filter(|_| is_joined(&self.last_texts, texts)) {
            return Ok(last);
        }
        let joined = join(texts);
        let known = self.by_texts.get(&joined).copied();
        let at = match known {
            Some(at) => at,
            None => self.open_series(&joined, texts, tally, out)?,
        };
        self.last_texts = joined;
        self.last = Some(at);
        Ok(at)
    }

    fn open_series(
        &mut self,
        joined: &str,
        texts: Texts<'_>,
        tally: &mut Tally,
        out: &mut Sink<'_>,
    ) -> Result<usize, Stop> {
        let series = series_of(texts);
        if self.by_texts.len() >= TEXTS_HELD_MAX {
            self.by_texts.clear();
        }
        if self.open.len() >= SERIES_OPEN_MAX && !self.by_series.contains_key(&series) {
            self.hand_on_all(tally, out)?;
            self.close_all();
        }
        let next = self.open.len();
        let at = *self.by_series.entry(series.clone()).or_insert(next);
        if at == next {
            self.open.push(Open { series, waiting: Vec::new(), rows: 0 });
        }
        self.by_texts.insert(joined.to_owned(), at);
        Ok(at)
    }

    fn hand_on_all(&mut self, tally: &mut Tally, out: &mut Sink<'_>) -> Result<(), Stop> {
        for at in 0..self.open.len() {
            self.hand_on(at, tally, out)?;
        }
        Ok(())
    }

    fn hand_on(&mut self, at: usize, tally: &mut Tally, out: &mut Sink<'_>) -> Result<(), Stop> {
        let Some(open) = self.open.get_mut(at).filter(|open| !open.waiting.is_empty()) else { return Ok(()) };
        let (series, mut samples) = (&open.series, std::mem::take(&mut open.waiting));
        self.held = self.held.saturating_sub(samples.len());
        let before = samples.len();
        tally.read(&series.kind, u64::try_from(before).unwrap_or(0));
        samples.sort_unstable();
        samples.dedup_by(|later, earlier| {
            (later.start_ms, later.end_ms) == (earlier.start_ms, earlier.end_ms)
                && later.value.clone().normalised() == earlier.value.clone().normalised()
        });
        let repeats = u64::try_from(before.saturating_sub(samples.len())).unwrap_or(0);
        if repeats > 0 {
            tally.merge(&series.kind, repeats);
        }
        out(Item::Samples { series: series.clone(), samples })
    }
}

/// The series that the texts of a row mean.
pub(crate) fn series_of(texts: Texts<'_>) -> Series {
    Series {
        kind: label_of(super::kinds::kind_of(texts.kind)),
        source: source_of(texts.application, texts.device),
        unit: label_of(texts.unit),
    }
}

/// Application and device as kept.
pub(crate) fn source_of(application: &str, device: &str) -> Source {
    Source::new(&label_of(application), &plain_device(&label_of(device)))
}

/// A text with its references resolved, cut to what is kept.
pub(crate) fn label_of(raw: &str) -> String {
    let text = unescaped(raw).unwrap_or(std::borrow::Cow::Borrowed(raw));
    let mut end = text.trim().len().min(LABEL_BYTES_MAX);
    let text = text.trim();
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// What a device is: name, maker, model and hardware. Addresses, serial numbers, versions and memory addresses of the
/// exporting process are left out; they identify an object of a person or change from one export to the next.
fn plain_device(text: &str) -> String {
    const KEPT: [&str; 4] = ["name", "manufacturer", "model", "hardware"];
    const KNOWN: [&str; 12] = [
        "name",
        "manufacturer",
        "model",
        "hardware",
        "firmware",
        "software",
        "localIdentifier",
        "UDIDeviceIdentifier",
        "creation date",
        "serial",
        "serialNumber",
        "identifier",
    ];
    let inside = text.trim_start_matches('<').trim_end_matches('>');
    let mut kept: Vec<String> = Vec::new();
    let mut is_kept = true;
    for piece in inside.split(", ") {
        let (key, value) = piece.split_once(':').unwrap_or(("", piece));
        if piece.starts_with("HKDevice") {
            continue;
        }
        if KNOWN.contains(&key) {
            is_kept = KEPT.contains(&key);
            if is_kept {
                kept.push(without_addresses(value));
            }
        } else if is_kept {
            kept.push(without_addresses(piece));
        }
    }
    kept.retain(|piece| !piece.is_empty());
    kept.join(", ")
}

fn without_addresses(text: &str) -> String {
    text.split_whitespace().filter(|word| !is_address(word)).collect::<Vec<_>>().join(" ")
}

/// A hardware address, a UUID or an address in memory.
fn is_address(word: &str) -> bool {
    let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs =
        |mark: char| word.split(mark).count() == 6 && word.split(mark).all(|part| part.len() == 2 && is_hex(part));
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && word.split('-').all(is_hex);
    pairs(':') || pairs('-') || is_uuid || word.strip_prefix("0x").is_some_and(is_hex)
}

/// Between texts that are joined: a character that the cleaner drops from every file.
const JOIN: char = '\u{1f}';

fn join(texts: Texts<'_>) -> String {
    [texts.kind, texts.application, texts.device, texts.unit].join(JOIN.encode_utf8(&mut [0; 4]))
}

fn is_joined(joined: &str, texts: Texts<'_>) -> bool {
    let rest = joined.strip_prefix(texts.kind).and_then(|rest| rest.strip_prefix(JOIN));
    let rest = rest.and_then(|rest| rest.strip_prefix(texts.application)).and_then(|rest| rest.strip_prefix(JOIN));
    let rest = rest.and_then(|rest| rest.strip_prefix(texts.device)).and_then(|rest| rest.strip_prefix(JOIN));
    rest == Some(texts.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_loses_what_identifies_the_object() {
        let watch = "<<HKDevice: 0x3012>, name:Apple Watch, manufacturer:Apple Inc., model:Watch, \
                     hardware:Watch6,7, software:10.2>";
        assert_eq!(plain_device(watch), "Apple Watch, Apple Inc., Watch, Watch6,7");
        let scale = "<<HKDevice: 0x28>, name:Scale 00:24:e4:12:34:56, manufacturer:Withings, \
                     localIdentifier:6B29FC40-CA47-1067-B31D-00DD010662DA, firmware:1.2>";
        assert_eq!(plain_device(scale), "Scale, Withings");
        assert_eq!(plain_device("<Watch6,4>"), "Watch6,4");
        assert_eq!(plain_device("Tensiometer, left arm, serialNumber:AB12, more"), "Tensiometer, left arm");
        assert_eq!(plain_device(""), "");
    }

    #[test]
    fn a_label_is_cut_at_a_character() {
        let long = "\u{e9}".repeat(LABEL_BYTES_MAX);
        assert_eq!(label_of(&long).len(), LABEL_BYTES_MAX);
        assert_eq!(label_of(" iPhone d&#8217;\u{c9}lodie "), "iPhone d\u{2019}\u{c9}lodie");
    }

    fn push_all(rows: &[(&str, i64)]) -> (Vec<Item>, Tally) {
        let (mut items, mut tally, mut gathered) = (Vec::new(), Tally::default(), Gathered::default());
        let mut out = |item| {
            items.push(item);
            Ok(())
        };
        for (application, at) in rows {
            let texts = Texts { kind: "HKQuantityTypeIdentifierHeartRate", application, device: "", unit: "count/min" };
            let sample = Sample::at(*at, carnet_record::Decimal::from_i32(60));
            gathered.push(texts, sample, &mut tally, &mut out).unwrap();
        }
        gathered.finish(&mut tally, &mut out).unwrap();
        (items, tally)
    }

    #[test]
    fn equal_rows_are_merged_and_counted() {
        let (items, tally) = push_all(&[("a", 5), ("b", 5), ("a", 1), ("a", 5), ("a", 5)]);
        let counts: Vec<usize> = items
            .iter()
            .map(|item| match item {
                Item::Samples { samples, .. } => samples.len(),
                other => panic!("not samples: {other:?}"),
            })
            .collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!((tally.read["heart-rate"], tally.merged["heart-rate"]), (5, 2));
        assert_eq!(tally.given_out("heart-rate"), 3);
        assert_eq!(tally.sources.iter().map(|source| source.rows).collect::<Vec<_>>(), [4, 1]);
    }

    #[test]
    fn fault_g1_a_file_of_many_sources_holds_no_more_than_the_bound() {
        let names: Vec<String> = (0..5_000).map(|at| format!("source {at}")).collect();
        let rows: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let (items, tally) = push_all(&rows);
        assert_eq!((items.len(), tally.read["heart-rate"]), (5_000, 5_000));
        assert_eq!(tally.sources.len(), SOURCES_MAX);
        assert_eq!(tally.warnings[0].reason, "more-sources-than-listed");
    }
}
