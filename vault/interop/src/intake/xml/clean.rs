//! Bytes of an XML file made ready for the parser: decoded to UTF-8, forbidden characters dropped, every step bounded.
//!
//! UTF-8, nearly every file, passes without a copy. It is not checked here: the parser refuses what is no UTF-8.

use std::io::{self, BufRead, Read};

use super::XmlError;
use crate::intake::bounds::DTD_BYTES_MAX;

/// Bytes that are looked at to find the encoding: a declaration fits into them.
const DECLARATION_BYTES: usize = 1_024;
/// Bytes that are decoded at a time, for other encodings than UTF-8.
const DECODE_BYTES: usize = 16 << 10;

/// How characters are written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ISO-8859-15: ISO-8859-1 with the euro sign and the French ligatures.
    Latin9,
    /// UTF-16 with the high byte first.
    Utf16Big,
    /// UTF-16 with the low byte first.
    Utf16Little,
    /// UTF-8, and ASCII within it.
    Utf8,
    /// Windows-1252, and ISO-8859-1 within it.
    Windows1252,
}

/// Decodes and cleans; see the module.
pub struct Cleaner<R> {
    inner: io::Chain<io::Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    /// Bytes of the inner reader's buffer that were found clean (UTF-8 only).
    clean: usize,
    decoded: Vec<u8>,
    decoded_at: usize,
    dropped: u64,
    step_bytes: usize,
    step_bytes_max: usize,
}

impl<R: BufRead> Cleaner<R> {
    /// Finds the encoding by mark, shape and declaration (XML 1.0, appendix F).
    ///
    /// # Errors
    /// [`XmlError::Encoding`] when the declared encoding is not read, and [`XmlError::Io`].
    pub fn new(mut source: R) -> Result<Self, XmlError> {
        let mut head = Vec::new();
        let most = u64::try_from(DECLARATION_BYTES).unwrap_or(u64::MAX);
        source.by_ref().take(most).read_to_end(&mut head).map_err(|error| super::io_error_of(&error))?;
        let (encoding, mark_bytes) = encoding_of(&head)?;
        head.drain(..mark_bytes.min(head.len()));
        Ok(Self {
            inner: io::Cursor::new(head).chain(source),
            encoding,
            clean: 0,
            decoded: Vec::new(),
            decoded_at: 0,
            dropped: 0,
            step_bytes: 0,
            step_bytes_max: usize::MAX,
        })
    }

    /// Steps over everything before `needle`, which is read next. What was stepped over is given back, for the
    /// comments in it.
    ///
    /// # Errors
    /// [`XmlError::Size`] when `needle` does not come within [`DTD_BYTES_MAX`], [`XmlError::Cut`] when it does not
    /// come at all, and those of the source.
    pub fn skip_to(&mut self, needle: &[u8]) -> Result<Vec<u8>, XmlError> {
        let mut skipped: Vec<u8> = Vec::new();
        let mut searched = 0_usize;
        loop {
            let found = skipped.get(searched..).and_then(|rest| rest.windows(needle.len()).position(|at| at == needle));
            if let Some(at) = found {
                let rest = skipped.split_off(searched.saturating_add(at));
                self.unread(rest);
                return Ok(skipped);
            }
            if skipped.len() > DTD_BYTES_MAX {
                return Err(XmlError::Size);
            }
            searched = skipped.len().saturating_sub(needle.len());
            let chunk = self.fill_buf().map_err(|error| super::io_error_of(&error))?;
            let count = chunk.len();
            if count == 0 {
                return Err(XmlError::Cut);
            }
            skipped.extend_from_slice(chunk);
            self.consume(count);
        }
    }

    /// Forbidden characters that were dropped so far.
    pub fn dropped_characters(&self) -> u64 {
        self.dropped
    }

    /// Sets how many bytes the parser may take between two calls of [`Cleaner::begin_step`].
    pub(super) fn bound_steps(&mut self, bytes_max: usize) {
        self.step_bytes_max = bytes_max;
    }

    /// A new step of the parser begins.
    pub(super) fn begin_step(&mut self) {
        self.step_bytes = 0;
    }

    /// Puts decoded bytes back in front.
    fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(self.decoded.get(self.decoded_at..).unwrap_or_default());
        self.decoded = bytes;
        self.decoded_at = 0;
        self.step_bytes = 0;
    }

    /// Finds how much of the inner buffer is clean, dropping forbidden bytes at its front.
    fn scan(&mut self) -> io::Result<()> {
        while self.clean == 0 {
            let chunk = self.inner.fill_buf()?;
            if chunk.is_empty() {
                return Ok(());
            }
            let forbidden = chunk.iter().position(|byte| is_forbidden(*byte));
            self.clean = forbidden.unwrap_or(chunk.len());
            if self.clean == 0 {
                let run = chunk.iter().take_while(|byte| is_forbidden(**byte)).count();
                self.inner.consume(run);
                self.dropped = self.dropped.saturating_add(u64::try_from(run).unwrap_or(0));
            }
        }
        Ok(())
    }

    /// Decodes the next piece into `decoded`. Leaves it empty at the end of the source.
    fn decode(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.decoded_at = 0;
        let mut raw = Vec::new();
        let most = u64::try_from(DECODE_BYTES).unwrap_or(u64::MAX);
        while self.decoded.is_empty() {
            raw.clear();
            if self.inner.by_ref().take(most).read_to_end(&mut raw)? == 0 {
                return Ok(());
            }
            let text = match self.encoding {
                Encoding::Utf16Big => self.utf16(&mut raw, u16::from_be_bytes)?,
                Encoding::Utf16Little => self.utf16(&mut raw, u16::from_le_bytes)?,
                Encoding::Latin9 => raw.iter().map(|byte| latin9(*byte)).collect(),
                Encoding::Windows1252 | Encoding::Utf8 => raw.iter().map(|byte| windows1252(*byte)).collect::<String>(),
            };
            let before = text.chars().count();
            let kept: String = text.chars().filter(|character| !is_forbidden_character(*character)).collect();
            let gone = before.saturating_sub(kept.chars().count());
            self.dropped = self.dropped.saturating_add(u64::try_from(gone).unwrap_or(0));
            self.decoded = kept.into_bytes();
        }
        Ok(())
    }

    /// UTF-16, with a pair that the piece cuts completed from the source.
    fn utf16(&mut self, raw: &mut Vec<u8>, unit: fn([u8; 2]) -> u16) -> io::Result<String> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, XmlError::Encoding);
        let ends_high = |raw: &[u8]| match raw {
            [.., first, second] => (0xd800..0xdc00).contains(&unit([*first, *second])),
            _ => false,
        };
        while !raw.len().is_multiple_of(2) || ends_high(raw) {
            if self.inner.by_ref().take(1).read_to_end(raw)? == 0 {
                return Err(broken());
            }
        }
        let units = raw.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(unit);
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| broken())
    }
}

impl<R: BufRead> Read for Cleaner<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), chunk.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Cleaner<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.step_bytes > self.step_bytes_max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, XmlError::Size));
        }
        if self.decoded_at >= self.decoded.len() {
            if self.encoding == Encoding::Utf8 {
                self.scan()?;
                return Ok(self.inner.fill_buf()?.get(..self.clean).unwrap_or_default());
            }
            self.decode()?;
        }
        Ok(self.decoded.get(self.decoded_at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.step_bytes = self.step_bytes.saturating_add(count);
        if self.decoded_at < self.decoded.len() {
            self.decoded_at = self.decoded_at.saturating_add(count).min(self.decoded.len());
        } else {
            let count = count.min(self.clean);
            self.inner.consume(count);
            self.clean = self.clean.saturating_sub(count);
        }
    }
}

/// The encoding, and the bytes of its mark.
fn encoding_of(head: &[u8]) -> Result<(Encoding, usize), XmlError> {
    if head.starts_with(b"\xef\xbb\xbf") {
        return Ok((Encoding::Utf8, 3));
    }
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") || head.starts_with(b"\0\0\0<") {
        return Err(XmlError::Encoding);
    }
    if head.starts_with(b"\xff\xfe") {
        return Ok((Encoding::Utf16Little, 2));
    }
    if head.starts_with(b"\xfe\xff") {
        return Ok((Encoding::Utf16Big, 2));
    }
    if head.starts_with(b"<\0") {
        return if head.get(2..4) == Some(b"\0\0") { Err(XmlError::Encoding) } else { Ok((Encoding::Utf16Little, 0)) };
    }
    if head.starts_with(b"\0<") {
        return Ok((Encoding::Utf16Big, 0));
    }
    match declared(head) {
        None => Ok((Encoding::Utf8, 0)),
        Some(name) => match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok((Encoding::Utf8, 0)),
            "iso-8859-1" | "iso8859-1" | "latin1" | "windows-1252" | "cp1252" => Ok((Encoding::Windows1252, 0)),
            "iso-8859-15" | "iso8859-15" | "latin9" => Ok((Encoding::Latin9, 0)),
            _ => Err(XmlError::Encoding),
        },
    }
}

/// The name after `encoding=` in the declaration, if there is one.
fn declared(head: &[u8]) -> Option<&str> {
    let declaration = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|pair| pair == b"?>")?;
    let text = std::str::from_utf8(declaration.get(..end)?).ok()?;
    let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

/// Bytes of UTF-8 that are a forbidden character by themselves (XML 1.0 section 2.2).
fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn is_forbidden_character(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// WHATWG index windows-1252: the C1 range holds characters, and ISO-8859-1 is read so by every browser.
fn windows1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}',
        '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}',
        '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}',
        '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
    ];
    let high = byte.checked_sub(0x80).and_then(|at| HIGH.get(usize::from(at)));
    high.copied().unwrap_or(char::from(byte))
}

/// ISO-8859-15: eight characters differ from ISO-8859-1.
fn latin9(byte: u8) -> char {
    match byte {
        0xa4 => '\u{20ac}',
        0xa6 => '\u{160}',
        0xa8 => '\u{161}',
        0xb4 => '\u{17d}',
        0xb8 => '\u{17e}',
        0xbc => '\u{152}',
        0xbd => '\u{153}',
        0xbe => '\u{178}',
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(bytes: &[u8]) -> String {
        let mut text = String::new();
        Cleaner::new(io::BufReader::with_capacity(7, bytes)).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn pieces_of_any_size_give_the_same_text() {
        let text = "<a>\u{e9}\u{1f48a} \u{b}x\u{0}y</a>".repeat(40);
        let kept = text.replace(['\u{b}', '\u{0}'], "");
        assert_eq!(cleaned(text.as_bytes()), kept);
        let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(cleaned(&wide), kept);
    }

    #[test]
    fn fault_g1_a_cut_utf16_pair_is_an_error() {
        for tail in [&b"\x3d"[..], b"\x3d\xd8", b"\x3d\xd8\x8a"] {
            let bytes = [b"\xff\xfe<\0a\0>\0".as_slice(), tail].concat();
            let mut text = String::new();
            assert!(Cleaner::new(&bytes[..]).unwrap().read_to_string(&mut text).is_err(), "{tail:?}");
        }
    }

    #[test]
    fn a_prolog_is_stepped_over_and_the_rest_is_read() {
        let bytes = [b"<?xml?>".as_slice(), &b"x".repeat(5_000), b"<HealthDat><HealthData a='1'/>"].concat();
        let mut cleaner = Cleaner::new(io::BufReader::with_capacity(11, &bytes[..])).unwrap();
        let skipped = cleaner.skip_to(b"<HealthData").unwrap();
        assert_eq!(skipped.len(), bytes.len() - b"<HealthData a='1'/>".len());
        let mut rest = String::new();
        cleaner.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "<HealthData a='1'/>");
        let endless = vec![b'x'; DTD_BYTES_MAX + (1 << 20)];
        assert_eq!(Cleaner::new(&endless[..]).unwrap().skip_to(b"<HealthData").unwrap_err(), XmlError::Size);
        assert_eq!(Cleaner::new(&b"short"[..]).unwrap().skip_to(b"<HealthData").unwrap_err(), XmlError::Cut);
    }
}
