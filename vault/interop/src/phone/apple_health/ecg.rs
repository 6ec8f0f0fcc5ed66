//! Electrocardiograms as the watch exports them: about a dozen lines of header in the language of the interface, then
//! one value in microvolts per line, with a decimal comma in French.
//!
//! The file is kept whole as a document. What is read of it is its classification and its date; values are not read.

/// What the header of an electrocardiogram tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ecg {
    /// The classification, in the words of the file.
    pub(crate) classification: Option<String>,
    /// When it was recorded, milliseconds UTC.
    pub(crate) recorded_ms: Option<i64>,
}

/// Lines of the header that are looked at.
const HEADER_LINES_MAX: usize = 24;
/// Values that must follow the header.
const VALUES_MIN: usize = 8;
/// Characters of a classification that are kept.
const CLASSIFICATION_CHARS_MAX: usize = 80;

/// Reads the header, if these bytes are the beginning of an electrocardiogram: a unit of microvolts, a rate in hertz,
/// and then numbers, one a line.
pub(crate) fn recognise(head: &[u8]) -> Option<Ecg> {
    let text = String::from_utf8_lossy(head);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut ecg, mut has_unit, mut has_rate, mut values) = (Ecg::default(), false, false, 0_usize);
    for (number, line) in text.lines().enumerate() {
        if is_value(line) {
            values = values.saturating_add(1);
            if values >= VALUES_MIN {
                return (has_unit && has_rate).then_some(ecg);
            }
            continue;
        }
        if values > 0 || number > HEADER_LINES_MAX {
            return None;
        }
        let (name, value) = line.split_once([',', ';', '\t']).unwrap_or((line, ""));
        let value = value.trim().trim_matches('"');
        // Both signs of "micro" occur: U+00B5 and U+03BC.
        has_unit |= matches!(value, "\u{b5}V" | "\u{3bc}V");
        has_rate |= value.to_lowercase().contains("hertz") || value.ends_with("Hz");
        if name.trim() == "Classification" && !value.is_empty() {
            ecg.classification = Some(value.chars().take(CLASSIFICATION_CHARS_MAX).collect());
        }
        ecg.recorded_ms = ecg.recorded_ms.or_else(|| super::date::parse_date(value));
    }
    None
}

/// One number, with a point or a comma.
fn is_value(line: &str) -> bool {
    let digits = line.trim().trim_start_matches('-');
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
    is_number && digits.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_and_both_micros_are_recognised() {
        let values = "-105,000\n-68,001\n".repeat(10);
        let french = format!(
            "Nom,Camille\nDate d\u{2019}enregistrement,2026-03-05 21:14:10 +0100\nClassification,Rythme sinusal\n\
             Fr\u{e9}quence d\u{2019}\u{e9}chantillonnage,512 hertz\n\nUnit\u{e9},\u{b5}V\n\n{values}"
        );
        let found = recognise(french.as_bytes()).unwrap();
        assert_eq!(found.classification.as_deref(), Some("Rythme sinusal"));
        assert_eq!(found.recorded_ms, super::super::date::parse_date("2026-03-05 21:14:10 +0100"));
        let values = "-105.000\n-68.001\n".repeat(10);
        let english = format!("Classification,Sinus Rhythm\nSample Rate,511.9 Hz\nUnit,\u{3bc}V\n\n{values}");
        assert_eq!(recognise(english.as_bytes()).unwrap().classification.as_deref(), Some("Sinus Rhythm"));
    }

    #[test]
    fn other_tables_are_not_electrocardiograms() {
        for text in ["", "a,b\n1,2\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "Unit,\u{b5}V\n512 hertz\nbonjour\n"] {
            assert_eq!(recognise(text.as_bytes()), None, "{text}");
        }
    }
}
