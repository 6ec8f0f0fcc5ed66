//! One `Record` element: its attributes, and what they make of it.

use carnet_record::batch::{Sample, SampleValue};

use super::{date::parse_date, kinds, samples::Texts};
use crate::intake::xml::{Tag, XmlError, unescaped};

/// The attributes of a `Record`, as written. One row is reused for millions.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) application: String,
    pub(super) device: String,
    pub(super) unit: String,
    start: String,
    end: String,
    value: String,
    /// Attributes that could not be read: exports of 2015 have names with blanks.
    pub(super) unreadable: usize,
}

/// Why a row is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowRefused {
    /// Slug of the reason.
    pub(super) reason: &'static str,
    pub(super) what: Offending,
}

/// Which attribute offends; its text goes into the report kept in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offending {
    End,
    Kind,
    Start,
    Value,
}

impl Row {
    /// Takes the attributes of a tag.
    pub(super) fn fill(&mut self, tag: &Tag<'_>) -> Result<(), XmlError> {
        for text in [
            &mut self.kind,
            &mut self.application,
            &mut self.device,
            &mut self.unit,
            &mut self.start,
            &mut self.end,
            &mut self.value,
        ] {
            text.clear();
        }
        let (kind, application, device) = (&mut self.kind, &mut self.application, &mut self.device);
        let (unit, start, end, value) = (&mut self.unit, &mut self.start, &mut self.end, &mut self.value);
        self.unreadable = tag.visit_readable_attributes(|name, raw| {
            let field = match name {
                "type" => &mut *kind,
                "sourceName" => &mut *application,
                "device" => &mut *device,
                "unit" => &mut *unit,
                "startDate" => &mut *start,
                "endDate" => &mut *end,
                "value" => &mut *value,
                _ => return,
            };
            field.push_str(raw);
        })?;
        Ok(())
    }

    /// The texts that name the series.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { kind: &self.kind, application: &self.application, device: &self.device, unit: &self.unit }
    }

    /// The sample that the row is, without an offset: the printed one is that of the export.
    pub(super) fn sample(&self) -> Result<Sample, RowRefused> {
        let refused = |reason, what| RowRefused { reason, what };
        if self.kind.is_empty() {
            return Err(refused("no-type", Offending::Kind));
        }
        let start_ms = parse_date(&self.start).ok_or(refused("no-date", Offending::Start))?;
        let end_ms = if self.end.is_empty() { Some(start_ms) } else { parse_date(&self.end) };
        let end_ms = end_ms.ok_or(refused("no-date", Offending::End))?;
        if end_ms < start_ms {
            return Err(refused("end-before-start", Offending::End));
        }
        let value = self.value_kept().map_err(|why| match why {
            kinds::ValueRefused::NotANumber => refused("not-a-number", Offending::Value),
            kinds::ValueRefused::TooLong => refused("code-too-long", Offending::Value),
        })?;
        Ok(Sample { start_ms, end_ms, value, offset_minutes: None, own_id: None })
    }

    /// The offending text, with its references resolved.
    pub(super) fn offending(&self, what: Offending) -> String {
        let raw = match what {
            Offending::End => &self.end,
            Offending::Kind => &self.kind,
            Offending::Start => &self.start,
            Offending::Value => &self.value,
        };
        unescaped(raw).map_or_else(|_| raw.clone(), std::borrow::Cow::into_owned)
    }

    fn value_kept(&self) -> Result<SampleValue, kinds::ValueRefused> {
        let text = unescaped(&self.value).map_err(|_| kinds::ValueRefused::NotANumber)?;
        kinds::value_of(&self.kind, &self.unit, &text)
    }
}
