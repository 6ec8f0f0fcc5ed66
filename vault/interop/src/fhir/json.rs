//! JSON as FHIR needs it: numbers keep their digits, doubled keys are told, everything is bounded.
//!
//! Why not the usual parser: a quantity of `7.50` must stay `7.50`, integers exceed 2^53, and a key that occurs twice
//! is a remark in the report, not a silence. It never interprets anything.

use std::fmt::Write as _;

use crate::intake::bounds::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_NUMBER_BYTES_MAX, JSON_VALUES_MAX};

/// Why bytes are no JSON that we accept. Carries no text of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonRefused {
    /// Not JSON at this byte.
    #[error("not JSON at byte {0}")]
    Malformed(usize),
    /// More of something than is accepted.
    #[error("JSON beyond what is accepted: {0}")]
    OverLimit(&'static str),
    /// Neither UTF-8 nor UTF-16.
    #[error("neither UTF-8 nor UTF-16")]
    Encoding,
}

/// One JSON value. Members of an object keep their order; the last of doubled keys counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, with its digits.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// What was read, with its remarks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The values: one, or one a line (NDJSON).
    pub values: Vec<Json>,
    /// Keys that occurred twice in one object.
    pub doubled_keys: usize,
}

impl Json {
    /// The member `name` of an object; none when it is absent or `null`.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(key, value)| key == name && *value != Self::Null).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of a string, or the digits of a number; empty strings count as absent.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) if !text.is_empty() => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The text of the member `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::as_text)
    }

    /// A truth value, written as one or as text.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        }
    }

    /// The elements of the member `name`; a lone value counts as a list of one.
    pub fn list(&self, name: &str) -> &[Self] {
        self.get(name).map_or(&[], Self::as_list)
    }

    /// The elements of a list; a lone value counts as a list of one.
    pub fn as_list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Null => &[],
            lone => std::slice::from_ref(lone),
        }
    }

    /// The members of an object.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The value as JSON text without blanks.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Reads one value, or several with nothing but blanks between them (NDJSON). A byte-order mark and UTF-16 are
/// accepted. Depth, number of values, digits of a number and size are bounded.
///
/// # Errors
/// [`JsonRefused`].
pub fn parse(bytes: &[u8]) -> Result<Parsed, JsonRefused> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > JSON_BYTES_MAX) {
        return Err(JsonRefused::OverLimit("bytes"));
    }
    let text = decode(bytes)?;
    let mut parser = Parser { text: text.as_bytes(), at: 0, values: 0, doubled_keys: 0 };
    let mut values = Vec::new();
    loop {
        parser.skip_blanks();
        if parser.at >= parser.text.len() {
            break;
        }
        values.push(parser.value(0)?);
    }
    if values.is_empty() {
        return Err(JsonRefused::Malformed(0));
    }
    Ok(Parsed { values, doubled_keys: parser.doubled_keys })
}

fn decode(bytes: &[u8]) -> Result<std::borrow::Cow<'_, str>, JsonRefused> {
    let little = |bytes: &[u8]| utf16(bytes, u16::from_le_bytes);
    let big = |bytes: &[u8]| utf16(bytes, u16::from_be_bytes);
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => str::from_utf8(rest).map(Into::into).map_err(|_| JsonRefused::Encoding),
        [0xff, 0xfe, rest @ ..] => little(rest).map(Into::into),
        [0xfe, 0xff, rest @ ..] => big(rest).map(Into::into),
        // Without a mark: the first character of JSON is ASCII, so a zero byte beside it tells UTF-16.
        [first, 0, ..] if *first != 0 => little(bytes).map(Into::into),
        [0, second, ..] if *second != 0 => big(bytes).map(Into::into),
        _ => str::from_utf8(bytes).map(Into::into).map_err(|_| JsonRefused::Encoding),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, JsonRefused> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(JsonRefused::Encoding);
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<_, _>>()
        .map_err(|_| JsonRefused::Encoding)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    values: usize,
    doubled_keys: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        self.values = self.values.saturating_add(1);
        if self.values > JSON_VALUES_MAX {
            return Err(JsonRefused::OverLimit("values"));
        }
        if depth > JSON_DEPTH_MAX {
            return Err(JsonRefused::OverLimit("depth"));
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word(b"true", Json::Bool(true)),
            Some(b'f') => self.word(b"false", Json::Bool(false)),
            Some(b'n') => self.word(b"null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.malformed()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        self.expect(b'{')?;
        let mut members: Vec<(String, Json)> = Vec::new();
        self.skip_blanks();
        if self.accept(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_blanks();
            let key = self.string()?;
            self.skip_blanks();
            self.expect(b':')?;
            let value = self.value(depth.saturating_add(1))?;
            // Looking through a long object again and again would be quadratic; FHIR has some dozens of members.
            if members.len() < MEMBERS_MAX {
                match members.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => {
                        self.doubled_keys = self.doubled_keys.saturating_add(1);
                        *known = value;
                    }
                    None => members.push((key, value)),
                }
            } else {
                return Err(JsonRefused::OverLimit("members"));
            }
            self.skip_blanks();
            if self.accept(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonRefused> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.accept(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            self.skip_blanks();
            if self.accept(b']') {
                return Ok(Json::List(items));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, JsonRefused> {
        self.expect(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at = self.at.saturating_add(plain);
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let character = self.escape()?;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                // Control characters are not JSON; real files hold tabs and line feeds in narratives.
                Some(byte @ (b'\t' | b'\n' | b'\r')) => bytes.push(byte),
                _ => return Err(self.malformed()),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.malformed())
    }

    fn escape(&mut self) -> Result<char, JsonRefused> {
        let plain = match self.next() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.malformed()),
        };
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, JsonRefused> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            // A lone half of a pair becomes the replacement character: the rest of the file is worth reading.
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        if self.accept(b'\\') && self.accept(b'u') {
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000_u32.wrapping_add((first & 0x3ff) << 10) | (second & 0x3ff);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Result<u32, JsonRefused> {
        let digits = self.text.get(self.at..self.at.saturating_add(4)).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| str::from_utf8(digits).ok()).ok_or_else(|| self.malformed())?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| self.malformed())?;
        self.at = self.at.saturating_add(4);
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, JsonRefused> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length =
            rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        if length > JSON_NUMBER_BYTES_MAX {
            return Err(JsonRefused::OverLimit("digits"));
        }
        let digits = rest.get(..length).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default();
        if !is_number(digits) {
            return Err(self.malformed());
        }
        self.at = self.at.saturating_add(length);
        Ok(Json::Number(digits.to_owned()))
    }

    fn word(&mut self, word: &[u8], value: Json) -> Result<Json, JsonRefused> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at = self.at.saturating_add(word.len());
            Ok(value)
        } else {
            Err(self.malformed())
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn accept(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at = self.at.saturating_add(usize::from(is_there));
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonRefused> {
        if self.accept(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    fn malformed(&self) -> JsonRefused {
        JsonRefused::Malformed(self.at)
    }
}

/// The grammar of RFC 8259 section 6.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Members of one object.
const MEMBERS_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Json {
        let mut parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.values.len(), 1);
        parsed.values.remove(0)
    }

    #[test]
    fn digits_and_order_come_back_as_they_were() {
        let text = r#"{"b":7.50,"a":9007199254740993,"c":[1e3,-0.5,true,null,"é\"\\\n"],"d":{}}"#;
        assert_eq!(one(text).to_text(), text);
        assert_eq!(one(text).text("b"), Some("7.50"));
        assert_eq!(one(text).get("e"), None);
    }

    #[test]
    fn a_doubled_key_is_told_and_the_last_one_counts() {
        let parsed = parse(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!((parsed.doubled_keys, parsed.values[0].text("a")), (1, Some("2")));
    }

    #[test]
    fn byte_order_marks_and_utf_16_are_read() {
        let text = r#"{"é":"😀"}"#;
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(&[0xef, 0xbb, 0xbf], text.as_bytes()),
            little.clone(),
            big.clone(),
            marked(&[0xff, 0xfe], &little),
            marked(&[0xfe, 0xff], &big),
        ] {
            assert_eq!(parse(&bytes).unwrap().values, [one(text)]);
        }
        assert_eq!(parse(b"\"\xff\""), Err(JsonRefused::Encoding));
        assert_eq!(one(r#""\ud83d\ude00 \ud83d""#), Json::from("😀 \u{fffd}"));
    }

    #[test]
    fn several_values_are_read_one_after_the_other() {
        let parsed = parse(b"{\"a\":1}\n{\"a\":2}\r\n").unwrap();
        assert_eq!(parsed.values.len(), 2);
    }

    #[test]
    fn fault_g_what_is_no_json_or_too_much_of_it_is_refused() {
        for wrong in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "[1 2]",
            "NaN",
        ] {
            assert!(matches!(parse(wrong.as_bytes()), Err(JsonRefused::Malformed(_))), "{wrong:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes()), Err(JsonRefused::OverLimit("depth")));
        let long = "1".repeat(JSON_NUMBER_BYTES_MAX + 1);
        assert_eq!(parse(long.as_bytes()), Err(JsonRefused::OverLimit("digits")));
        let many = format!("[{}1]", "1,".repeat(JSON_VALUES_MAX));
        assert_eq!(parse(many.as_bytes()), Err(JsonRefused::OverLimit("values")));
        let wide = (0..=MEMBERS_MAX).map(|at| format!("\"{at}\":1,")).collect::<Vec<_>>().concat();
        assert_eq!(parse(format!("{{{wide}\"z\":1}}").as_bytes()), Err(JsonRefused::OverLimit("members")));
    }
}
