//! Blood pressures: a correlation and its rows become one entry with two components.
//!
//! An export repeats the two rows of a pressure outside of the correlation, before it as a rule. So the rows outside
//! are held back until the end of the file: those that a correlation has are merged into its entry, the others go out
//! as samples. At most [`ROWS_HELD_MAX`] rows are held (a row takes about 250 bytes, so 15 MiB, and 8 years of ten
//! measures a day); beyond that they go out as samples at once, with a remark.

use std::collections::HashSet;

use carnet_record::{
    Concept, Decimal, Draft, Instant, Quantity, SourceKey, When,
    batch::{Sample, SampleValue},
    code::system,
    item::{Item, Place, Tally},
    kind::{Measure, measure::Component},
};

use super::{
    FORMAT,
    date::parse_date,
    kinds::{DIASTOLIC_TYPE, SYSTOLIC_TYPE},
    samples::{Gathered, Texts, label_of, source_of},
};
use crate::intake::{
    ContainerError, ReadContext, Sink, Stop,
    bounds::ROWS_HELD_MAX,
    xml::{Tag, XmlError},
};

/// Pressures met so far, and the correlation that is open.
#[derive(Default)]
pub(super) struct Pressures {
    group: Option<Group>,
    held: Vec<Held>,
    claimed: HashSet<Identity>,
    overflowed: u64,
}

/// A correlation that is open.
#[derive(Default)]
struct Group {
    is_pressure: bool,
    kind: String,
    application: String,
    device: String,
    start_ms: Option<i64>,
    systolic: Option<Part>,
    diastolic: Option<Part>,
    /// Rows of it that became one of its parts.
    parts: u64,
}

struct Part {
    value: Decimal,
    unit: String,
    identity: Identity,
}

/// A row outside of every correlation, with its texts as written.
struct Held {
    kind: &'static str,
    application: String,
    device: String,
    unit: String,
    sample: Sample,
    identity: Identity,
}

/// What makes two rows of a pressure one. The device is not part of it: only one of the two may name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    is_systolic: bool,
    application: String,
    span_ms: (i64, i64),
    value: Decimal,
}

impl Pressures {
    /// Whether a row is a half of a blood pressure.
    pub(super) fn takes(texts: &Texts<'_>) -> bool {
        texts.kind == SYSTOLIC_TYPE || texts.kind == DIASTOLIC_TYPE
    }

    /// A correlation opens.
    pub(super) fn open_group(&mut self, tag: &Tag<'_>) -> Result<(), XmlError> {
        let mut group = Group::default();
        tag.visit_readable_attributes(|name, raw| match name {
            "type" => group.kind = label_of(raw),
            "sourceName" => raw.clone_into(&mut group.application),
            "device" => raw.clone_into(&mut group.device),
            "startDate" => group.start_ms = parse_date(raw),
            _ => {}
        })?;
        group.is_pressure = group.kind == "HKCorrelationTypeIdentifierBloodPressure";
        self.group = Some(group);
        Ok(())
    }

    /// When the open correlation began.
    pub(super) fn group_start(&self) -> Option<i64> {
        self.group.as_ref().and_then(|group| group.start_ms)
    }

    /// Apple's type of the open correlation.
    pub(super) fn group_kind(&self) -> &str {
        self.group.as_ref().map_or("", |group| &group.kind)
    }

    /// Forgets the open correlation, which was counted by the caller.
    pub(super) fn drop_group(&mut self) {
        self.group = None;
    }

    /// Takes a row: as a part of the open correlation, or to be held until the end.
    pub(super) fn hold(
        &mut self,
        texts: Texts<'_>,
        sample: Sample,
        gathered: &mut Gathered,
        tally: &mut Tally,
        out: &mut Sink<'_>,
    ) -> Result<(), Stop> {
        let SampleValue::Number(value) = sample.value else { return gathered.push(texts, sample, tally, out) };
        let is_systolic = texts.kind == SYSTOLIC_TYPE;
        let identity = Identity {
            is_systolic,
            application: label_of(texts.application),
            span_ms: (sample.start_ms, sample.end_ms),
            value: value.normalised(),
        };
        if let Some(group) = self.group.as_mut().filter(|group| group.is_pressure) {
            let slot = if is_systolic { &mut group.systolic } else { &mut group.diastolic };
            if slot.is_none() {
                group.start_ms = group.start_ms.or(Some(sample.start_ms));
                *slot = Some(Part { value, unit: label_of(texts.unit), identity });
                group.parts = group.parts.saturating_add(1);
                return Ok(());
            }
        }
        if self.held.len() >= ROWS_HELD_MAX {
            self.overflowed = self.overflowed.saturating_add(1);
            return gathered.push(texts, sample, tally, out);
        }
        self.held.push(Held {
            kind: if is_systolic { SYSTOLIC_TYPE } else { DIASTOLIC_TYPE },
            application: texts.application.to_owned(),
            device: texts.device.to_owned(),
            unit: texts.unit.to_owned(),
            sample,
            identity,
        });
        Ok(())
    }

    /// The open correlation closes: a blood pressure goes out as an entry, another one is set aside, its rows kept.
    pub(super) fn close_group(
        &mut self,
        context: &ReadContext,
        place: &Place,
        offset_minutes: Option<i16>,
        tally: &mut Tally,
        out: &mut Sink<'_>,
    ) -> Result<(), ContainerError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        if !group.is_pressure {
            let kind = if group.kind.is_empty() { "correlation" } else { &group.kind };
            tally.read(kind, 1);
            tally.set_aside(kind, "grouping-of-rows-that-are-kept", place.clone());
            return Ok(());
        }
        tally.read(KIND, group.parts.saturating_add(1));
        tally.merge(KIND, group.parts);
        let at = group.start_ms.and_then(|start| Instant::new(start, offset_minutes));
        let (Some(at), true) = (at, group.parts > 0) else {
            tally.refuse(KIND, "pressure-without-value-or-date", place.clone());
            return Ok(());
        };
        let parts: Vec<&Part> = group.systolic.iter().chain(&group.diastolic).collect();
        let is_repeat = parts.iter().all(|part| self.claimed.contains(&part.identity));
        if self.claimed.len() < CLAIMED_MAX {
            self.claimed.extend(parts.iter().map(|part| part.identity.clone()));
        } else {
            self.overflowed = self.overflowed.saturating_add(group.parts);
        }
        if is_repeat {
            tally.merge(KIND, 1);
            return Ok(());
        }
        Ok(out(Item::Draft(Box::new(draft(&group, at, context, &place.at))))?)
    }

    /// Hands on the rows that no correlation has.
    pub(super) fn finish(
        &mut self,
        gathered: &mut Gathered,
        tally: &mut Tally,
        out: &mut Sink<'_>,
    ) -> Result<(), Stop> {
        for held in std::mem::take(&mut self.held) {
            if self.claimed.contains(&held.identity) {
                tally.read(KIND, 1);
                tally.merge(KIND, 1);
                gathered.count_source(source_of(&held.application, &held.device), 1);
                continue;
            }
            let texts =
                Texts { kind: held.kind, application: &held.application, device: &held.device, unit: &held.unit };
            gathered.push(texts, held.sample, tally, out)?;
        }
        if self.overflowed > 0 {
            tally.warn(KIND, "more-pressures-than-are-joined", Place::at(format!("{} rows", self.overflowed)));
        }
        Ok(())
    }
}

fn draft(group: &Group, at: Instant, context: &ReadContext, place: &str) -> Draft {
    let component = |slug: &str, code: &str, part: &Option<Part>| {
        part.as_ref().map(|part| Component {
            measure: slug.to_owned(),
            code: Concept::from_code(system::LOINC, code),
            value: Some(quantity(part.value, &part.unit)),
            absent_reason: None,
        })
    };
    let components: Vec<Component> =
        [component("systolic", "8480-6", &group.systolic), component("diastolic", "8462-4", &group.diastolic)]
            .into_iter()
            .flatten()
            .collect();
    let source = source_of(&group.application, &group.device);
    let mut provenance = context.provenance(FORMAT, place);
    provenance.application = Some(source.application.clone()).filter(|name| !name.is_empty());
    provenance.device = Some(source.device.clone()).filter(|name| !name.is_empty());
    for (name, part) in [("systolic", &group.systolic), ("diastolic", &group.diastolic)] {
        if let Some(part) = part {
            provenance.original.insert(name.to_owned(), format!("{} {}", part.value, part.unit));
        }
    }
    let said = |part: &Option<Part>| part.as_ref().map(|part| part.value.normalised().to_string()).unwrap_or_default();
    let (start, systolic, diastolic) = (at.millis().to_string(), said(&group.systolic), said(&group.diastolic));
    let key = ["blood-pressure", &source.application, &source.device, &start, &systolic, &diastolic];
    let measure = Measure {
        measure: "blood-pressure".to_owned(),
        code: Concept::from_code(system::LOINC, "85354-9"),
        at: Some(When::Instant(at)),
        components,
        ..Measure::default()
    };
    let mut draft = Draft::new(measure, provenance);
    draft.source_key = Some(SourceKey::new(FORMAT, key));
    draft
}

/// A pressure in UCUM's spelling of its unit, with the unit as read beside it.
fn quantity(value: Decimal, unit: &str) -> Quantity {
    match unit {
        "mmHg" => Quantity { unit_text: Some(unit.to_owned()), ..Quantity::new(value, "mm[Hg]") },
        other => Quantity::new(value, other),
    }
}

/// Rows of correlations that are remembered, to be found again outside of them.
const CLAIMED_MAX: usize = 2 * ROWS_HELD_MAX;
/// Kind of the entries, in counts.
const KIND: &str = "measure";
