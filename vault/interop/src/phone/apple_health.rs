//! Apple Health: the main file of an export, streamed. The archive around it is [`export`].
//!
//! What a correct reading needs, and what this does about it:
//!
//! - the main file is known by its root `HealthData`; its document type, malformed in version 12, is stepped over;
//! - moments are right, printed hours and days are those of the export: no offset is kept, unless the row names its
//!   zone (`HKTimeZone`);
//! - the rows inside a correlation repeat rows outside of it: a blood pressure becomes one entry with two components
//!   ([`pressure`]), every other correlation only groups rows that are kept;
//! - totals of a workout in its statistics win over its attributes ([`workout`]);
//! - daily totals repeat the samples and are set aside.
//!
//! Never: a row changes because of another file, a date is taken from its first ten characters, a goal becomes a
//! measure.

pub(crate) mod date;
pub(crate) mod ecg;
pub(crate) mod export;
pub(crate) mod kinds;
mod pressure;
mod rows;
pub(crate) mod samples;
mod workout;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::BufRead,
};

use carnet_record::{
    Draft, SourceKey, ZoneHistory,
    batch::Sample,
    item::{Item, Place, Tally, ZoneUse},
    kind::{BloodGroup, blood_group::Group},
    person::{Sex, SubjectClaim},
};

use self::{date::parse_date, pressure::Pressures, rows::Row, samples::Gathered, workout::Workout};
use crate::intake::{
    ContainerError, ReadContext, Sink,
    bounds::XML_TAG_BYTES_MAX,
    xml::{Cleaner, Step, Tag, XmlError, XmlReader},
};

/// Name of the format in provenance and reports.
pub(crate) const FORMAT: &str = "apple-health";

/// What the main file tells beside its items.
pub(crate) struct Main {
    /// Counts of the main file.
    pub(crate) tally: Tally,
    /// Version of the export, when the file says it.
    pub(crate) version: Option<String>,
    /// Paths of clinical resources as printed, with the version of FHIR that each is in.
    pub(crate) clinical: BTreeMap<String, String>,
}

/// Reads a main file and hands on what it holds.
///
/// # Errors
/// [`ContainerError::Xml`] when the file cannot be trusted as a whole, [`ContainerError::Stopped`].
pub(crate) fn read(source: impl BufRead, context: &ReadContext, out: &mut Sink<'_>) -> Result<Main, ContainerError> {
    let mut cleaner = Cleaner::new(source)?;
    let prolog = cleaner.skip_to(b"<HealthData")?;
    let mut reader = Reader::new(context, out);
    reader.version = version_in(&prolog);
    if prolog.windows(9).any(|window| window == b"<!DOCTYPE") {
        reader.tally.warn("file", "document-type-stepped-over", Place::at("prolog"));
    }
    let mut xml = XmlReader::new(cleaner, XML_TAG_BYTES_MAX);
    reader.walk(&mut xml)?;
    let dropped = xml.dropped_characters();
    if dropped > 0 {
        reader.tally.warn("file", "forbidden-characters-dropped", Place::at(format!("{dropped} characters")));
    }
    reader.finish()
}

/// An element directly under the root.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    ActivitySummary,
    ClinicalRecord,
    Correlation,
    ExportDate,
    Me,
    Other(String),
    Record,
    Workout,
}

impl Element {
    fn of(name: &str) -> Self {
        match name {
            "ActivitySummary" => Self::ActivitySummary,
            "ClinicalRecord" => Self::ClinicalRecord,
            "Correlation" => Self::Correlation,
            "ExportDate" => Self::ExportDate,
            "Me" => Self::Me,
            "Record" => Self::Record,
            "Workout" => Self::Workout,
            other => Self::Other(samples::label_of(other)),
        }
    }
}

/// The state of one reading.
struct Reader<'a, 'b> {
    context: &'a ReadContext,
    out: &'a mut Sink<'b>,
    tally: Tally,
    gathered: Gathered,
    pressures: Pressures,
    workout: Option<Workout>,
    me: BTreeMap<String, String>,
    clinical: BTreeMap<String, String>,
    version: Option<String>,
    /// When the export was made: rows after it are marked. Now, when the file does not say.
    exported_ms: i64,
    /// Elements directly under the root, counted from 1: the place of a row.
    element: u64,
    row: Row,
    /// Whether `row` holds a row that is not finished, because its own elements are still to come.
    is_pending: bool,
    /// The zone that the open element names.
    zone: Option<String>,
    zones: HashMap<String, Option<ZoneHistory>>,
    rows_by_zone: BTreeMap<(String, &'static str), u64>,
    span: Option<(i64, i64)>,
    kinds: HashSet<String>,
    /// Details of rows that are not kept: metadata, single heart beats.
    metadata: u64,
    beats: u64,
}

/// Zones named by rows that are remembered; a person has few, a hostile file may have many.
const ZONES_MAX: usize = 256;
/// Clinical resources that are remembered.
const CLINICAL_MAX: usize = 100_000;
/// Types of rows that are kept apart in one file; real exports have about a hundred.
const KINDS_MAX: usize = 1_000;
/// Characteristics of the person that are looked at.
const CHARACTERISTICS_MAX: usize = 64;

impl<'a, 'b> Reader<'a, 'b> {
    fn new(context: &'a ReadContext, out: &'a mut Sink<'b>) -> Self {
        Self {
            context,
            out,
            tally: Tally::default(),
            gathered: Gathered::default(),
            pressures: Pressures::default(),
            workout: None,
            me: BTreeMap::new(),
            clinical: BTreeMap::new(),
            version: None,
            exported_ms: context.now_ms,
            element: 0,
            row: Row::default(),
            is_pending: false,
            zone: None,
            zones: HashMap::new(),
            rows_by_zone: BTreeMap::new(),
            span: None,
            kinds: HashSet::new(),
            metadata: 0,
            beats: 0,
        }
    }

    fn walk<R: BufRead>(&mut self, xml: &mut XmlReader<R>) -> Result<(), ContainerError> {
        loop {
            let depth = xml.depth();
            match xml.step()? {
                Step::Open { tag, is_empty } if depth == 1 => {
                    self.element = self.element.saturating_add(1);
                    self.zone = None;
                    let element = Element::of(tag.name());
                    self.open(&element, &tag)?;
                    if !is_empty {
                        self.inside(xml, &element)?;
                    }
                    self.close(element)?;
                }
                Step::End => return Ok(()),
                _ => {}
            }
        }
    }

    /// The elements and texts inside an element that is directly under the root.
    fn inside<R: BufRead>(&mut self, xml: &mut XmlReader<R>, element: &Element) -> Result<(), ContainerError> {
        let mut field = String::new();
        loop {
            match xml.step()? {
                Step::Open { tag, .. } => {
                    field = samples::label_of(tag.name());
                    self.child(element, &tag)?;
                }
                Step::Text(text) if *element == Element::Me => self.characteristic(&field, text.trim()),
                Step::Close | Step::Text(_) | Step::Other => {}
                Step::End => return Err(XmlError::Cut.into()),
            }
            if xml.depth() <= 1 {
                return Ok(());
            }
        }
    }

    fn open(&mut self, element: &Element, tag: &Tag<'_>) -> Result<(), ContainerError> {
        match element {
            Element::Record => {
                self.row.fill(tag)?;
                self.is_pending = true;
            }
            Element::Correlation => self.pressures.open_group(tag)?,
            Element::Workout => self.workout = Some(Workout::open(tag)?),
            Element::ExportDate => self.export_date(tag)?,
            Element::ClinicalRecord => self.clinical_record(tag)?,
            Element::Me => {
                let mut found = Vec::new();
                tag.visit_attributes(|name, value| found.push((name.to_owned(), value.into_owned())))?;
                for (name, value) in found {
                    self.characteristic(&name, &value);
                }
            }
            Element::ActivitySummary | Element::Other(_) => {}
        }
        Ok(())
    }

    fn child(&mut self, element: &Element, tag: &Tag<'_>) -> Result<(), ContainerError> {
        match (element, tag.name()) {
            (_, "MetadataEntry") => self.metadata_entry(tag)?,
            (_, "InstantaneousBeatsPerMinute") => self.beats = self.beats.saturating_add(1),
            (Element::Correlation, "Record") => {
                self.finish_row()?;
                self.row.fill(tag)?;
                self.is_pending = true;
            }
            (Element::Workout, name) => {
                let name = name.to_owned();
                if let Some(workout) = &mut self.workout {
                    workout.child(&name, tag)?;
                }
            }
            (Element::Me, name) => {
                let name = name.to_owned();
                let mut value = String::new();
                tag.visit_readable_attributes(|key, raw| {
                    if key == "value" {
                        value = samples::label_of(raw);
                    }
                })?;
                self.characteristic(&name, &value);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, element: Element) -> Result<(), ContainerError> {
        match element {
            Element::Record => self.finish_row()?,
            Element::Correlation => {
                self.finish_row()?;
                let place = self.place();
                let kind = self.pressures.group_kind().to_owned();
                if !self.is_kept_apart(&kind) {
                    self.pressures.drop_group();
                }
                let offset = self.pressures.group_start().and_then(|start| self.offset_at(start));
                self.pressures.close_group(self.context, &place, offset, &mut self.tally, self.out)?;
            }
            Element::Workout => self.close_workout()?,
            Element::Me => self.close_me()?,
            Element::ActivitySummary => {
                self.tally.read("activity-summary", 1);
                self.tally.set_aside_many("activity-summary", "daily-totals-repeat-the-samples", 1);
            }
            Element::Other(name) => {
                if self.is_kept_apart(&name) {
                    self.tally.read(&name, 1);
                    let place = self.place();
                    self.tally.set_aside(&name, "not-read", place);
                }
            }
            Element::ClinicalRecord | Element::ExportDate => {}
        }
        Ok(())
    }

    /// Finishes the row that waits for its own elements, if one does.
    fn finish_row(&mut self) -> Result<(), ContainerError> {
        if !std::mem::take(&mut self.is_pending) {
            return Ok(());
        }
        let kind = samples::label_of(kinds::kind_of(&self.row.kind));
        if !self.is_kept_apart(&kind) {
            return Ok(());
        }
        if let Some(reason) = kinds::set_aside_reason(&self.row.kind) {
            self.tally.read(&kind, 1);
            let place = self.place();
            self.tally.set_aside(&kind, reason, place);
            let texts = self.row.texts();
            self.gathered.count_source(samples::source_of(texts.application, texts.device), 1);
            return Ok(());
        }
        let mut sample = match self.row.sample() {
            Ok(sample) => sample,
            Err(refused) => {
                let kind = if kind.is_empty() { "record" } else { &kind };
                self.tally.read(kind, 1);
                let place = self.place().quoting(&self.row.offending(refused.what));
                self.tally.refuse(kind, refused.reason, place);
                return Ok(());
            }
        };
        if self.row.unreadable > 0 {
            let place = self.place();
            self.tally.warn(&kind, "attribute-unreadable", place);
        }
        sample.offset_minutes = self.offset_at(sample.start_ms);
        self.remark(&kind, &sample);
        let texts = self.row.texts();
        if Pressures::takes(&texts) {
            return Ok(self.pressures.hold(texts, sample, &mut self.gathered, &mut self.tally, self.out)?);
        }
        Ok(self.gathered.push(texts, sample, &mut self.tally, self.out)?)
    }

    /// Whether a kind may have counts of its own. A row of a kind too many is counted as refused.
    fn is_kept_apart(&mut self, kind: &str) -> bool {
        if self.kinds.contains(kind) {
            return true;
        }
        if self.kinds.len() >= KINDS_MAX {
            self.tally.read("record", 1);
            let place = self.place().quoting(kind);
            self.tally.refuse("record", "more-types-than-are-kept", place);
            return false;
        }
        self.kinds.insert(kind.to_owned())
    }

    /// Widens the span, and marks rows of the future and of intimate kinds.
    fn remark(&mut self, kind: &str, sample: &Sample) {
        self.see(sample.start_ms, sample.end_ms);
        if sample.start_ms > self.exported_ms {
            let place = self.place();
            self.tally.warn(kind, "after-the-export", place);
        }
        if kinds::is_intimate(kind) {
            let place = self.place();
            self.tally.warn(kind, "intimate", place);
        }
    }

    fn see(&mut self, start_ms: i64, end_ms: i64) {
        let (first, last) = self.span.unwrap_or((start_ms, end_ms));
        self.span = Some((first.min(start_ms), last.max(end_ms)));
    }

    /// Minutes east of UTC by the zone that the row names, if it names one; else none, and the person's zones count.
    fn offset_at(&mut self, millis: i64) -> Option<i16> {
        let Some(name) = self.zone.clone() else {
            self.count_zone(self.context.home_zone.zone_at(millis).to_owned(), "history");
            return None;
        };
        if self.zones.len() >= ZONES_MAX {
            self.zones.clear();
        }
        let zone = self.zones.entry(name.clone()).or_insert_with(|| ZoneHistory::single(&name).ok());
        let Some(zone) = zone else {
            let place = self.place().quoting(&name);
            self.tally.warn("zone", "unknown-zone", place);
            return None;
        };
        let minutes = zone.offset_seconds_at(millis).div_euclid(60);
        self.count_zone(name, "record");
        i16::try_from(minutes).ok()
    }

    fn count_zone(&mut self, zone: String, known_from: &'static str) {
        if self.rows_by_zone.len() < ZONES_MAX {
            let rows = self.rows_by_zone.entry((zone, known_from)).or_default();
            *rows = rows.saturating_add(1);
        } else if let Some(rows) = self.rows_by_zone.get_mut(&(zone, known_from)) {
            *rows = rows.saturating_add(1);
        }
    }

    fn metadata_entry(&mut self, tag: &Tag<'_>) -> Result<(), ContainerError> {
        self.metadata = self.metadata.saturating_add(1);
        let (mut is_zone, mut value) = (false, String::new());
        tag.visit_readable_attributes(|name, raw| match name {
            "key" => is_zone = raw == "HKTimeZone",
            "value" => {
                value.clear();
                value.push_str(raw);
            }
            _ => {}
        })?;
        if is_zone && !value.is_empty() {
            self.zone = Some(samples::label_of(&value));
        }
        Ok(())
    }

    fn export_date(&mut self, tag: &Tag<'_>) -> Result<(), ContainerError> {
        let mut found = None;
        tag.visit_readable_attributes(|name, raw| {
            if name == "value" {
                found = parse_date(raw);
            }
        })?;
        self.exported_ms = found.unwrap_or(self.exported_ms);
        Ok(())
    }

    fn clinical_record(&mut self, tag: &Tag<'_>) -> Result<(), ContainerError> {
        let (mut path, mut version) = (String::new(), String::new());
        tag.visit_readable_attributes(|name, raw| match name {
            "resourceFilePath" => path = samples::label_of(raw),
            "fhirVersion" => version = samples::label_of(raw),
            _ => {}
        })?;
        if self.clinical.len() < CLINICAL_MAX && !path.is_empty() {
            self.clinical.insert(path.trim_start_matches('/').to_owned(), version);
        }
        Ok(())
    }

    fn characteristic(&mut self, name: &str, value: &str) {
        let says_nothing = value.is_empty() || value.ends_with("NotSet") || value == "None";
        if !says_nothing && self.me.len() < CHARACTERISTICS_MAX {
            self.me.insert(name.rsplit("Identifier").next().unwrap_or(name).to_owned(), value.to_owned());
        }
    }

    /// The person: a claim of birth date and sex, and the blood group as an entry.
    fn close_me(&mut self) -> Result<(), ContainerError> {
        let me = std::mem::take(&mut self.me);
        let birth_date = me.get("DateOfBirth").and_then(|text| text.parse().ok());
        let sex = me.get("BiologicalSex").and_then(|text| match text.trim_start_matches("HKBiologicalSex") {
            "Female" => Some(Sex::Female),
            "Male" => Some(Sex::Male),
            "Other" => Some(Sex::Unclassified),
            _ => None,
        });
        if birth_date.is_some() || sex.is_some() {
            let identity = carnet_record::kind::Identity { birth_date, sex, ..Default::default() };
            (self.out)(Item::Subject(Box::new(SubjectClaim::from_identity(identity))))?;
        }
        let Some(text) = me.get("BloodType") else { return Ok(()) };
        let sign = text.trim_start_matches("HKBloodType").replace("Positive", "+").replace("Negative", "-");
        self.tally.read("blood-group", 1);
        let Some(group) = Group::from_sign(&sign) else {
            let place = self.place().quoting(text);
            self.tally.refuse("blood-group", "unknown-code", place);
            return Ok(());
        };
        let mut provenance = self.context.provenance(FORMAT, "Me");
        provenance.original.insert("code".to_owned(), text.clone());
        let mut draft = Draft::new(BloodGroup { group, determined_at: None }, provenance);
        draft.source_key = Some(SourceKey::new(FORMAT, ["blood-group", text.as_str()]));
        Ok((self.out)(Item::Draft(Box::new(draft)))?)
    }

    fn close_workout(&mut self) -> Result<(), ContainerError> {
        let Some(workout) = self.workout.take() else { return Ok(()) };
        self.tally.read(workout::KIND, 1);
        let place = self.place();
        let (start_ms, end_ms) = match workout.span() {
            Ok(span) => span,
            Err(text) => {
                self.tally.refuse(workout::KIND, "no-date", place.quoting(text));
                return Ok(());
            }
        };
        self.see(start_ms, end_ms);
        let offset = self.offset_at(start_ms);
        self.gathered.count_source(workout.source(), 1);
        if workout.totals_differ() {
            self.tally.warn(workout::KIND, "statistics-win-over-attributes", place.clone());
        }
        if start_ms > self.exported_ms {
            self.tally.warn(workout::KIND, "after-the-export", place.clone());
        }
        let provenance = self.context.provenance(FORMAT, &place.at);
        let draft = workout.draft((start_ms, end_ms), offset, self.zone.as_deref(), provenance);
        Ok((self.out)(Item::Draft(Box::new(draft)))?)
    }

    fn finish(mut self) -> Result<Main, ContainerError> {
        self.pressures.finish(&mut self.gathered, &mut self.tally, self.out)?;
        self.gathered.finish(&mut self.tally, self.out)?;
        for (kind, rows) in [("metadata", self.metadata), ("heart-beat", self.beats)] {
            if rows > 0 {
                self.tally.read(kind, rows);
                self.tally.set_aside_many(kind, "detail-of-a-row", rows);
            }
        }
        for ((zone, known_from), rows) in self.rows_by_zone {
            self.tally.zones.push(ZoneUse { zone, known_from: known_from.to_owned(), rows });
        }
        if let Some((first, last)) = self.span {
            let zones = &self.context.home_zone;
            self.tally.see(first, zones.day_of(first, None));
            self.tally.see(last, zones.day_of(last, None));
        }
        Ok(Main { tally: self.tally, version: self.version, clinical: self.clinical })
    }

    fn place(&self) -> Place {
        let place = Place::at(format!("element {}", self.element));
        self.context.member.as_deref().map_or(place.clone(), |member| place.in_member(member))
    }
}

/// The version in the comment `HealthKit Export Version: 12`, which stands before the root or in the document type.
fn version_in(prolog: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(prolog);
    let after = text.split_once("HealthKit Export Version:")?.1;
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).take(6).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests;
