//! Values as CDA types them: quantities, codes, flags, words, times, intervals and ratios (HL7 V3 data types).
//!
//! A value is kept as it was written. A number that is none (a decimal comma, a comparison sign) is kept as words:
//! guessing what `1,234` means could be wrong by a thousand.

use carnet_record::kind::result::{ReferenceRange, ResultValue};
use carnet_record::{Coding, Concept, Decimal, Quantity, ZoneHistory};

use crate::cda::header::concept;
use crate::cda::narrative::Words;
use crate::cda::time;
use crate::cda::tree::Element;

/// Code system of `nullFlavor`.
pub(crate) const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
/// Longest text kept of one value, in bytes.
const VALUE_BYTES_MAX: usize = 16 << 10;

/// One value as read.
#[derive(Debug, Default)]
pub(crate) struct Value {
    /// What it says.
    pub(crate) said: Option<ResultValue>,
    /// Why there is none.
    pub(crate) absent: Option<Concept>,
    /// What was written, by the names that provenance uses.
    pub(crate) original: Vec<(&'static str, String)>,
    /// Whether a number was written that is none.
    pub(crate) is_no_number: bool,
}

/// The reason behind a `nullFlavor`, as a concept.
pub(crate) fn null_flavor(element: &Element) -> Option<Concept> {
    element.attribute("nullFlavor").map(|flavor| Concept::from_code(NULL_FLAVOR, flavor))
}

/// Reads the first `value` of an observation.
pub(crate) fn read(observation: &Element, words: &Words<'_>, zones: &ZoneHistory) -> Value {
    let Some(value) = observation.child("value") else { return Value::default() };
    let mut out = Value { absent: null_flavor(value), ..Value::default() };
    let kind = value.kind.as_deref().unwrap_or_default();
    if !kind.is_empty() {
        out.original.push(("type", kind.to_owned()));
    }
    match kind {
        "PQ" | "INT" | "REAL" | "MO" => out.number(value),
        "CD" | "CE" | "CV" | "CO" | "CR" | "CS" | "PQR" => out.code(value, words),
        "BL" => out.flag(value),
        "IVL_PQ" | "IVL_INT" | "IVL_REAL" | "IVL_MO" => out.interval(value),
        "RTO" | "RTO_PQ_PQ" | "RTO_QTY_QTY" | "RTO_MO_PQ" => out.ratio(value),
        "TS" | "IVL_TS" | "EIVL_TS" | "PIVL_TS" | "SXPR_TS" => out.time(value, zones),
        // Without a type, a code is a code and everything else is words.
        "" if value.attribute("code").is_some() => out.code(value, words),
        _ => out.words(value, words),
    }
    out
}

impl Value {
    fn keep(&mut self, name: &'static str, written: Option<&str>) {
        if let Some(written) = written {
            self.original.push((name, shortened(written)));
        }
    }

    fn number(&mut self, value: &Element) {
        self.keep("value", value.attribute("value"));
        self.keep("unit", value.attribute("unit"));
        match quantity(value) {
            Some(Ok(quantity)) => self.said = Some(ResultValue::Quantity(quantity)),
            Some(Err(words)) => {
                self.is_no_number = true;
                self.said = Some(ResultValue::Text(words));
            }
            None => {}
        }
    }

    fn code(&mut self, value: &Element, words: &Words<'_>) {
        self.keep("value", value.attribute("code"));
        self.keep("value_display", value.attribute("displayName"));
        let concept = concept(Some(value), words);
        if !concept.is_empty() {
            self.said = Some(ResultValue::Concept(concept));
        }
    }

    fn flag(&mut self, value: &Element) {
        self.keep("value", value.attribute("value"));
        self.said = match value.attribute("value") {
            Some("true" | "1") => Some(ResultValue::Flag(true)),
            Some("false" | "0") => Some(ResultValue::Flag(false)),
            Some(other) => Some(ResultValue::Text(shortened(other))),
            None => None,
        };
    }

    fn interval(&mut self, value: &Element) {
        let mut end = |name: &'static str, element: &'static str| {
            let part = value.child(element)?;
            self.keep(name, part.attribute("value"));
            quantity(part)
        };
        let (low, high) = (end("value_low", "low"), end("value_high", "high"));
        self.keep("unit", value.child("low").or_else(|| value.child("high")).and_then(|part| part.attribute("unit")));
        if value.attribute("value").is_some() && low.is_none() && high.is_none() {
            return self.number(value);
        }
        self.said = match (low.transpose(), high.transpose()) {
            (Ok(None), Ok(None)) => None,
            (Ok(low), Ok(high)) => Some(ResultValue::Interval { low, high }),
            (low, high) => {
                self.is_no_number = true;
                let text = |end: Result<Option<Quantity>, String>| {
                    end.map_or_else(|words| words, |end| end.map(|end| end.to_string()).unwrap_or_default())
                };
                Some(ResultValue::Text(format!("{} \u{2013} {}", text(low), text(high))))
            }
        };
    }

    fn ratio(&mut self, value: &Element) {
        let part = |name: &str| value.child(name).and_then(quantity);
        self.keep("numerator", value.child("numerator").and_then(|part| part.attribute("value")));
        self.keep("denominator", value.child("denominator").and_then(|part| part.attribute("value")));
        self.said = match (part("numerator"), part("denominator")) {
            (Some(Ok(numerator)), Some(Ok(denominator))) => Some(ResultValue::Ratio { numerator, denominator }),
            (Some(Ok(numerator)), None) => Some(ResultValue::Quantity(numerator)),
            (None, None) => None,
            (numerator, denominator) => {
                self.is_no_number = true;
                let text = |part: Option<Result<Quantity, String>>| {
                    part.map_or_else(String::new, |part| part.map_or_else(|words| words, |number| number.to_string()))
                };
                Some(ResultValue::Text(format!("{}:{}", text(numerator), text(denominator))))
            }
        };
    }

    fn time(&mut self, value: &Element, zones: &ZoneHistory) {
        let span = time::Span::of_time(value);
        self.keep("value", value.attribute("value"));
        if value.attribute("value").is_none() {
            self.keep("value_low", span.start.as_deref());
            self.keep("value_high", span.end.as_deref());
        }
        let read = |text: &str| time::read(text, zones).ok().map(|(when, _)| when);
        self.said = match (&span.start, &span.end) {
            (Some(start), Some(end)) => Some(match (read(start), read(end)) {
                (Some(from), Some(to)) => ResultValue::Text(format!("{from}/{to}")),
                _ => ResultValue::Text(shortened(&format!("{start}/{end}"))),
            }),
            (Some(one), None) | (None, Some(one)) => {
                Some(read(one).map_or_else(|| ResultValue::Text(shortened(one)), ResultValue::When))
            }
            (None, None) => None,
        };
    }

    fn words(&mut self, value: &Element, words: &Words<'_>) {
        // Bytes of a picture or a paper are no words: they are attachments of the document.
        if value.attribute("representation") == Some("B64") {
            return;
        }
        let text = words.said_by(value).or_else(|| value.attribute("value").map(str::to_owned));
        if let Some(text) = text {
            self.original.push(("value", shortened(&text)));
            self.said = Some(ResultValue::Text(shortened(&text)));
        }
    }
}

/// The number of an element with `value` and `unit`; the words instead when it is no number.
pub(crate) fn quantity(element: &Element) -> Option<Result<Quantity, String>> {
    let written = element.attribute("value")?;
    let unit = element.attribute("unit").unwrap_or_default();
    Some(match written.parse::<Decimal>() {
        Ok(number) => Ok(Quantity::new(number, unit)),
        Err(_) => Err(shortened(format!("{written} {unit}").trim())),
    })
}

/// The number of an element, when it is one.
pub(crate) fn number(element: &Element) -> Option<Quantity> {
    quantity(element).and_then(Result::ok)
}

/// The reference ranges of an observation.
pub(crate) fn reference_ranges(observation: &Element, words: &Words<'_>) -> Vec<ReferenceRange> {
    let ranges = observation.all("referenceRange").filter_map(|range| range.child("observationRange"));
    let read = ranges.map(|range| {
        let value = range.child("value");
        let end = |name: &str| value.and_then(|value| value.child(name)).and_then(number);
        let said = range.child("text").and_then(|text| words.said_by(text));
        let written = value.filter(|value| !value.kind.as_deref().unwrap_or_default().starts_with("IVL"));
        let meaning = concept(range.child("interpretationCode"), words);
        ReferenceRange {
            low: end("low"),
            high: end("high"),
            text: said.or_else(|| written.and_then(Element::line_of_text)),
            meaning: (!meaning.is_empty()).then_some(meaning),
            applies_to: range.all("precondition").filter_map(|part| precondition(part, words)).collect(),
        }
    });
    read.filter(|range| *range != ReferenceRange::default()).take(RANGES_MAX).collect()
}

fn precondition(part: &Element, words: &Words<'_>) -> Option<Concept> {
    let criterion = part.child("criterion")?;
    let code = concept(criterion.child("value").or_else(|| criterion.child("code")), words);
    let text = criterion.child("text").and_then(|text| words.said_by(text));
    let said = Concept { text: code.text.or(text), codings: code.codings };
    (!said.is_empty()).then_some(said)
}

/// All codes of the elements with one name.
pub(crate) fn concepts(element: &Element, name: &str, words: &Words<'_>) -> Vec<Concept> {
    let codes = element.all(name).map(|code| concept(Some(code), words));
    codes.filter(|code| !code.is_empty()).take(RANGES_MAX).collect()
}

/// A code as one text, for identities: system and code, else its words.
pub(crate) fn code_text(concept: &Concept) -> String {
    match concept.codings.first() {
        Some(Coding { system, code, .. }) => format!("{system}^{code}"),
        None => concept.text.clone().unwrap_or_default(),
    }
}

fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// Most ranges, interpretations or codes of one sort kept of one observation.
const RANGES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cda::tree::tests::tree;

    fn value_of(inner: &str) -> Value {
        let root = tree(&format!(
            "<observation xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>{inner}</observation>"
        ));
        read(&root, &Words::of(&root), &ZoneHistory::utc())
    }

    fn said(inner: &str) -> ResultValue {
        value_of(inner).said.unwrap()
    }

    fn of(value: &str, unit: &str) -> Quantity {
        Quantity::new(value.parse().unwrap(), unit)
    }

    #[test]
    fn every_type_of_value_is_read() {
        assert_eq!(
            said("<value xsi:type='PQ' value='1.950' unit='m[IU]/L'/>"),
            ResultValue::Quantity(of("1.950", "m[IU]/L"))
        );
        assert_eq!(said("<value xsi:type='PQ' value='12'/>"), ResultValue::Quantity(of("12", "")));
        assert_eq!(said("<value xsi:type='INT' value='2'/>"), ResultValue::Quantity(of("2", "")));
        assert_eq!(said("<value xsi:type='REAL' value='2.50'/>").clone(), ResultValue::Quantity(of("2.50", "")));
        assert_eq!(said("<value xsi:type='BL' value='false'/>"), ResultValue::Flag(false));
        assert_eq!(said("<value xsi:type='ST'>Aucun</value>"), ResultValue::Text("Aucun".into()));
        assert_eq!(said("<value xsi:type='ED'>&lt;1.0 mg/L</value>"), ResultValue::Text("<1.0 mg/L".into()));
        assert_eq!(said("<value xsi:type='TS' value='202101'/>"), ResultValue::When("2021-01".parse().unwrap()));
        assert_eq!(
            said("<value xsi:type='IVL_TS'><low value='2020'/><high value='2021'/></value>"),
            ResultValue::Text("2020/2021".into())
        );
        assert_eq!(
            said("<value xsi:type='RTO'><numerator value='1'/><denominator value='128'/></value>"),
            ResultValue::Ratio { numerator: of("1", ""), denominator: of("128", "") }
        );
        let ResultValue::Concept(code) = said("<value xsi:type='CD' code='E06.3' codeSystem='2.16.840.1.113883.6.3'/>")
        else {
            panic!()
        };
        assert_eq!(code.code_in("http://hl7.org/fhir/sid/icd-10"), Some("E06.3"));
    }

    #[test]
    fn intervals_keep_both_ends_and_open_ones_stay_open() {
        let text = "<value xsi:type='IVL_PQ'><low value='0.512' unit='mg/L'/></value>";
        assert_eq!(said(text), ResultValue::Interval { low: Some(of("0.512", "mg/L")), high: None });
        let text = "<value xsi:type='IVL_PQ'><low value='1' unit='g'/><high value='2' unit='g'/></value>";
        assert_eq!(said(text), ResultValue::Interval { low: Some(of("1", "g")), high: Some(of("2", "g")) });
    }

    #[test]
    fn what_is_not_known_is_neither_zero_nor_no() {
        for kind in ["PQ", "REAL", "CD", "BL", "INT", "TS", "IVL_PQ", "RTO", "ST"] {
            let value = value_of(&format!("<value xsi:type='{kind}' nullFlavor='NA'/>"));
            assert_eq!(value.said, None, "{kind}");
            assert!(value.absent.unwrap().has(NULL_FLAVOR, "NA"), "{kind}");
        }
        assert!(value_of("").absent.is_none());
    }

    #[test]
    fn fault_g10_a_decimal_comma_is_kept_as_words() {
        let value = value_of("<value xsi:type='PQ' value='7,25' unit='mmol/L'/>");
        assert_eq!(value.said, Some(ResultValue::Text("7,25 mmol/L".into())));
        assert!(value.is_no_number);
        assert!(value.original.contains(&("value", "7,25".into())));
        assert!(value_of("<value xsi:type='IVL_PQ'><high value='0,5' unit='g'/></value>").is_no_number);
    }

    #[test]
    fn fault_g10_milligrams_and_micrograms_stay_apart() {
        let milli = said("<value xsi:type='PQ' value='25' unit='mg'/>");
        let micro = said("<value xsi:type='PQ' value='25' unit='ug'/>");
        assert_ne!(milli, micro);
    }
}
