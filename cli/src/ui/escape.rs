//! Text from data made harmless for a terminal: no escape sequence, no change of writing direction, nothing invisible.
//!
//! A name in a document or in a message of someone else must not be able to move the cursor, hide a line or make a
//! line read in another order. What is taken out stays visible, as `\u{202e}`.

use std::{borrow::Cow, fmt::Write as _};

/// `text` with every control, direction and invisible character spelled out. Spaces, letters and marks stay.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The same for several lines: line feeds and tabs stay, as the layout of a text that we wrote ourselves.
pub(crate) fn escape_lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) && !matches!(character, '\n' | '\t') {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Serialized JSON, with the characters that JSON lets through and a terminal would obey written as escapes (RFC 8259,
/// section 7). They can only stand inside strings, so the value does not change.
pub(crate) fn escape_json(serialized: &str) -> String {
    let mut safe = String::with_capacity(serialized.len());
    let mut units = [0_u16; 2];
    for character in serialized.chars() {
        if is_unsafe(character) {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Controls (C0, DEL, C1), marks that set or isolate direction, separators of lines, invisible joiners and tags.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_j_escape_sequences_of_a_terminal_are_spelled_out() {
        assert_eq!(escape("\u{1b}[2J\u{1b}]0;x\u{7}"), r"\u{1b}[2J\u{1b}]0;x\u{7}");
        assert_eq!(escape("a\rb\u{8}c\u{9b}31m"), r"a\u{d}b\u{8}c\u{9b}31m");
        assert_eq!(escape("two\nlines"), r"two\u{a}lines");
    }

    #[test]
    fn fault_j_direction_and_invisible_marks_are_spelled_out() {
        for mark in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{061c}', '\u{200b}', '\u{feff}', '\u{2028}', '\u{e0041}'] {
            let text = format!("photo{mark}gpj.exe");
            assert!(!escape(&text).contains(mark), "{mark:?}");
            assert!(!escape_json(&text).contains(mark), "{mark:?}");
            assert!(!escape_lines(&text).contains(mark), "{mark:?}");
        }
    }

    #[test]
    fn ordinary_text_is_left_as_it_is() {
        let text = "Hépatite B : 3e dose — « faite », 5 µg, 日本, e\u{301}";
        assert!(matches!(escape(text), Cow::Borrowed(_)));
        assert_eq!(escape_lines("un\n\tdeux"), "un\n\tdeux");
    }

    #[test]
    fn fault_j_json_keeps_its_value_and_loses_its_teeth() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}c\u{e0041}\u{7f}" });
        let safe = escape_json(&value.to_string());
        assert!(safe.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
