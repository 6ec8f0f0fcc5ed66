//! XML from outside (W3C XML 1.0), hardened: the one reader that every XML format here uses.
//!
//! Never: a document type is processed (it is refused; a telephone's export steps over its own, see
//! [`Cleaner::skip_to`]), an entity beyond the five predefined and the numeric ones is resolved, anything is fetched.
//! Depth, attributes, names, tags and text are bounded ([`super::bounds`]). Characters that XML forbids are dropped
//! and counted. UTF-8, UTF-16, ISO-8859-1, ISO-8859-15 and Windows-1252 are read; another encoding is refused.
//!
//! Two ways to read: [`XmlReader`] streams, [`read_tree`] gives a bounded tree with resolved namespaces.

use std::{
    borrow::Cow,
    io::{self, BufRead},
};

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    archive::{ArchiveRefused, refused_in},
    bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NAME_BYTES_MAX, XML_TAG_BYTES_MAX, XML_TEXT_BYTES_MAX},
};

pub mod clean;
pub mod tree;

pub use self::{
    clean::{Cleaner, Encoding},
    tree::{Content, Element, read_tree},
};

/// Why a piece of XML is not read on. Carries no text of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum XmlError {
    /// The archive that holds it is damaged or refused.
    #[error("{0}")]
    Archive(ArchiveRefused),
    /// Not well formed.
    #[error("the XML is not well formed")]
    Broken,
    /// It ends before its root element does.
    #[error("the XML is cut off")]
    Cut,
    /// Elements nested deeper than what is accepted.
    #[error("the XML is nested too deeply")]
    Depth,
    /// It declares a document type.
    #[error("the XML declares a document type, which is not read")]
    DocumentType,
    /// An encoding that is not read.
    #[error("the XML is in an encoding that is not read")]
    Encoding,
    /// A reference to an entity other than the five predefined ones.
    #[error("the XML refers to an entity that is not predefined")]
    Entity,
    /// The bytes could not be read.
    #[error("the file could not be read")]
    Io,
    /// More than one root element, or text outside of the root.
    #[error("the XML has more than one root")]
    Roots,
    /// A tag, a text, or the whole is larger than what is accepted.
    #[error("the XML is larger than what is accepted")]
    Size,
    /// More attributes in one tag than what is accepted.
    #[error("a tag of the XML has too many attributes")]
    TooManyAttributes,
    /// More elements than what is accepted.
    #[error("the XML has too many elements")]
    TooManyElements,
}

/// One step through a document.
#[derive(Debug)]
pub enum Step<'a> {
    /// An element opens; when `is_empty`, it has closed too and no [`Step::Close`] follows.
    Open {
        /// Its name and attributes.
        tag: Tag<'a>,
        /// Whether it was written `<a/>`.
        is_empty: bool,
    },
    /// The innermost open element closes.
    Close,
    /// Text, with references resolved. One text may come in several steps.
    Text(Cow<'a, str>),
    /// A comment, a declaration or an instruction: nothing to read.
    Other,
    /// The document is over, and every element was closed.
    End,
}

/// The opening tag of an element.
#[derive(Debug)]
pub struct Tag<'a> {
    start: BytesStart<'a>,
}

impl Tag<'_> {
    /// Name as written, with its prefix.
    pub fn qualified_name(&self) -> &str {
        self.start.name().into_inner()
    }

    /// Name without its prefix.
    pub fn name(&self) -> &str {
        let name = self.qualified_name();
        name.split_once(':').map_or(name, |(_, local)| local)
    }

    /// Hands every attribute to `visit`: its name as written, and its value with references resolved.
    ///
    /// # Errors
    /// [`XmlError::Broken`] for a malformed or doubled attribute, [`XmlError::TooManyAttributes`], and
    /// [`XmlError::Entity`].
    pub fn visit_attributes(&self, mut visit: impl FnMut(&str, Cow<'_, str>)) -> Result<(), XmlError> {
        let mut broken = None;
        let unreadable = self.visit_readable_attributes(|name, raw| match unescaped(raw) {
            Ok(value) => visit(name, value),
            Err(error) => broken = Some(error),
        })?;
        match broken {
            Some(error) => Err(error),
            None if unreadable > 0 => Err(XmlError::Broken),
            None => Ok(()),
        }
    }

    /// Hands every attribute that can be read to `visit`, with its value as written: [`unescaped`] resolves the
    /// references of those that are kept. Gives the number of those that cannot be read; a telephone's export of 2015
    /// has attribute names with blanks in them.
    ///
    /// # Errors
    /// [`XmlError::TooManyAttributes`], and [`XmlError::Size`] for a name.
    pub fn visit_readable_attributes(&self, mut visit: impl FnMut(&str, &str)) -> Result<usize, XmlError> {
        let mut unreadable = 0_usize;
        for (count, attribute) in self.start.attributes().enumerate() {
            if count >= XML_ATTRIBUTES_MAX {
                return Err(XmlError::TooManyAttributes);
            }
            let Ok(attribute) = attribute else {
                unreadable = unreadable.saturating_add(1);
                continue;
            };
            let name = attribute.key.into_inner();
            if name.len() > XML_NAME_BYTES_MAX {
                return Err(XmlError::Size);
            }
            visit(name, &attribute.value);
        }
        Ok(unreadable)
    }
}

/// A value with its references resolved, its line ends made blanks (XML 1.0 section 3.3.3).
pub fn unescaped(raw: &str) -> Result<Cow<'_, str>, XmlError> {
    let text = quick_xml::escape::unescape(raw).map_err(|_| XmlError::Entity)?;
    if text.contains(['\n', '\r', '\t']) {
        return Ok(Cow::Owned(text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ")));
    }
    Ok(text)
}

/// Streams a document step by step, within the limits.
pub struct XmlReader<R> {
    reader: Reader<Cleaner<R>>,
    buffer: Vec<u8>,
    depth: usize,
    roots: usize,
}

impl<R: BufRead> XmlReader<R> {
    /// Reads what `source` cleans. `step_bytes_max` bounds what one step may hold in memory; it is at most
    /// [`XML_TEXT_BYTES_MAX`].
    pub fn new(mut source: Cleaner<R>, step_bytes_max: usize) -> Self {
        source.bound_steps(step_bytes_max.min(XML_TEXT_BYTES_MAX));
        Self { reader: Reader::from_reader(source), buffer: Vec::new(), depth: 0, roots: 0 }
    }

    /// The next step.
    ///
    /// # Errors
    /// Any [`XmlError`]; after one, the reader is not used again.
    pub fn step(&mut self) -> Result<Step<'_>, XmlError> {
        self.buffer.clear();
        self.reader.get_mut().begin_step();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| error_of(&error))?;
        match event {
            Event::Start(start) => {
                check_tag(&start)?;
                self.roots = self.roots.saturating_add(usize::from(self.depth == 0));
                self.depth = self.depth.saturating_add(1);
                if self.depth > XML_DEPTH_MAX {
                    return Err(XmlError::Depth);
                }
                if self.roots > 1 {
                    Err(XmlError::Roots)
                } else {
                    Ok(Step::Open { tag: Tag { start }, is_empty: false })
                }
            }
            Event::Empty(start) => {
                check_tag(&start)?;
                self.roots = self.roots.saturating_add(usize::from(self.depth == 0));
                if self.roots > 1 {
                    Err(XmlError::Roots)
                } else {
                    Ok(Step::Open { tag: Tag { start }, is_empty: true })
                }
            }
            Event::End(_) => {
                self.depth = self.depth.checked_sub(1).ok_or(XmlError::Broken)?;
                Ok(Step::Close)
            }
            Event::Text(text) => {
                let text = text.into_inner();
                let is_stray = self.depth == 0 && !text.trim_start_matches('\u{feff}').trim().is_empty();
                if is_stray { Err(XmlError::Roots) } else { Ok(Step::Text(text)) }
            }
            Event::CData(text) if self.depth > 0 => Ok(Step::Text(text.into_inner())),
            Event::GeneralRef(reference) if self.depth > 0 => Ok(Step::Text(resolved(&reference)?)),
            Event::CData(_) | Event::GeneralRef(_) => Err(XmlError::Roots),
            Event::DocType(_) => Err(XmlError::DocumentType),
            Event::Eof if self.depth > 0 || self.roots == 0 => Err(XmlError::Cut),
            Event::Eof => Ok(Step::End),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Ok(Step::Other),
        }
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Forbidden characters that were dropped so far.
    pub fn dropped_characters(&self) -> u64 {
        self.reader.get_ref().dropped_characters()
    }
}

fn check_tag(start: &BytesStart<'_>) -> Result<(), XmlError> {
    let too_large = start.len() > XML_TAG_BYTES_MAX || start.name().into_inner().len() > XML_NAME_BYTES_MAX;
    if too_large { Err(XmlError::Size) } else { Ok(()) }
}

/// One of the five predefined entities, or a character by its number (XML 1.0 section 4.1 and 4.6).
fn resolved(reference: &BytesRef<'_>) -> Result<Cow<'static, str>, XmlError> {
    if reference.is_char_ref() {
        let character = reference.resolve_char_ref().ok().flatten().ok_or(XmlError::Entity)?;
        return Ok(Cow::Owned(character.to_string()));
    }
    let name: &str = reference;
    quick_xml::escape::resolve_xml_entity(name).map(Cow::Borrowed).ok_or(XmlError::Entity)
}

fn error_of(error: &quick_xml::Error) -> XmlError {
    match error {
        quick_xml::Error::Io(error) => io_error_of(error),
        quick_xml::Error::Syntax(_) => XmlError::Cut,
        quick_xml::Error::Escape(_) => XmlError::Entity,
        quick_xml::Error::Encoding(_) => XmlError::Encoding,
        _ => XmlError::Broken,
    }
}

/// The reason that an error of a [`Cleaner`] or of an archive's member carries.
pub fn io_error_of(error: &io::Error) -> XmlError {
    if let Some(refused) = refused_in(error) {
        return XmlError::Archive(refused);
    }
    error.get_ref().and_then(|inner| inner.downcast_ref::<XmlError>()).copied().unwrap_or(XmlError::Io)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(text: &[u8]) -> Result<String, XmlError> {
        let mut reader = XmlReader::new(Cleaner::new(text)?, XML_TEXT_BYTES_MAX);
        let mut seen = String::new();
        loop {
            match reader.step()? {
                Step::Open { tag, is_empty } => {
                    seen.extend(["<", tag.name()]);
                    tag.visit_attributes(|name, value| seen.extend([" ", name, "=", &value]))?;
                    seen.push_str(if is_empty { "/>" } else { ">" });
                }
                Step::Close => seen.push_str("</>"),
                Step::Text(text) => seen.push_str(&text),
                Step::Other => {}
                Step::End => return Ok(seen),
            }
        }
    }

    #[test]
    fn elements_attributes_text_and_references_are_read() {
        let text =
            "<?xml version='1.0'?><!-- c --><a:b x='1 &amp; 2' y=\"&#233;\">t&lt;&#x41;<![CDATA[<c>]]><d/></a:b>";
        assert_eq!(walk(text.as_bytes()).unwrap(), "<b x=1 & 2 y=\u{e9}>t<A<c><d/></>");
    }

    #[test]
    fn encodings_of_real_files_are_read() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>H\xf4pital</a>";
        assert_eq!(walk(latin).unwrap(), "<a>H\u{f4}pital</>");
        let latin9 = b"<?xml version=\"1.0\" encoding='iso-8859-15'?><a>\xa4 \xbd</a>";
        assert_eq!(walk(latin9).unwrap(), "<a>\u{20ac} \u{153}</>");
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>\u{e9}\u{1f48a}</a>";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let expected = "<a>\u{e9}\u{1f48a}</>";
        assert_eq!(walk(&[b"\xff\xfe".as_slice(), &little].concat()).unwrap(), expected);
        assert_eq!(walk(&[b"\xfe\xff".as_slice(), &big].concat()).unwrap(), expected);
        assert_eq!(walk(&little).unwrap(), expected);
        assert_eq!(walk(&[b"\xef\xbb\xbf".as_slice(), b"<a>1</a>"].concat()).unwrap(), "<a>1</>");
    }

    #[test]
    fn fault_g1_lying_encodings_are_refused() {
        for encoding in ["UTF-7", "UTF-32", "EBCDIC-CP-FR", "Shift_JIS", "made-up"] {
            let text = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><a/>");
            assert_eq!(walk(text.as_bytes()), Err(XmlError::Encoding), "{encoding}");
        }
        let utf8_that_is_not = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>H\xf4pital</a>";
        assert!(walk(utf8_that_is_not).is_err());
        let late = format!("<?xml version=\"1.0\" {}encoding=\"ISO-8859-1\"?><a>{}</a>", " ".repeat(300), "x");
        assert_eq!(walk(late.as_bytes()).unwrap(), "<a>x</>", "a declaration longer than most is still read");
    }

    #[test]
    fn fault_g1_document_types_and_entities_are_refused() {
        let bombs = [
            "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://127.0.0.1/x\"> %p;]><a/>",
            "<!DOCTYPE a PUBLIC \"-//X//Y\" \"http://127.0.0.1/x.dtd\"><a/>",
        ];
        for bomb in bombs {
            assert_eq!(walk(bomb.as_bytes()), Err(XmlError::DocumentType), "{bomb}");
        }
        for reference in ["<a>&b;</a>", "<a x='&b;'/>", "<a>&#x110000;</a>", "<a>&#xd800;</a>"] {
            assert_eq!(walk(reference.as_bytes()), Err(XmlError::Entity), "{reference}");
        }
    }

    #[test]
    fn fault_g1_depth_attributes_and_names_are_bounded() {
        let deep = "<a>".repeat(1_000_000);
        assert_eq!(walk(deep.as_bytes()), Err(XmlError::Depth));
        let joined = |part: fn(usize) -> String, count: usize| (0..count).map(part).collect::<Vec<_>>().concat();
        let many = joined(|at| format!(" a{at}=''"), 25_000);
        assert_eq!(walk(format!("<a{many}/>").as_bytes()), Err(XmlError::TooManyAttributes));
        let spaces = joined(|at| format!(" xmlns:n{at}='urn:{at}'"), XML_ATTRIBUTES_MAX + 1);
        assert_eq!(walk(format!("<a{spaces}/>").as_bytes()), Err(XmlError::TooManyAttributes));
        let long = "n".repeat(XML_NAME_BYTES_MAX + 1);
        assert_eq!(walk(format!("<{long}/>").as_bytes()), Err(XmlError::Size));
        assert_eq!(walk(format!("<a {long}=''/>").as_bytes()), Err(XmlError::Size));
        let tag = format!("<a x='{}'/>", "v".repeat(XML_TAG_BYTES_MAX));
        assert_eq!(walk(tag.as_bytes()), Err(XmlError::Size));
    }

    #[test]
    fn fault_g1_a_text_without_end_is_refused_before_it_fills_the_memory() {
        let mut reader = XmlReader::new(Cleaner::new(&b"<a>"[..]).unwrap(), 16);
        assert!(matches!(reader.step(), Ok(Step::Open { .. })));
        let endless = io::Read::chain(&b"<a>"[..], io::repeat(b'x'));
        let mut reader = XmlReader::new(Cleaner::new(io::BufReader::new(endless)).unwrap(), 1 << 20);
        assert!(matches!(reader.step(), Ok(Step::Open { .. })));
        assert!(matches!(reader.step(), Err(XmlError::Size)));
    }

    #[test]
    fn fault_g1_what_is_not_well_formed_is_refused() {
        let cases: [(&str, XmlError); 9] = [
            ("<a>", XmlError::Cut),
            ("", XmlError::Cut),
            ("   ", XmlError::Cut),
            ("<a></b>", XmlError::Broken),
            ("<a/></a>", XmlError::Broken),
            ("<a x='1' x='2'/>", XmlError::Broken),
            ("<a/><b/>", XmlError::Roots),
            ("<a/>text", XmlError::Roots),
            ("<a><![CDATA[x</a>", XmlError::Cut),
        ];
        for (text, expected) in cases {
            assert_eq!(walk(text.as_bytes()), Err(expected), "{text}");
        }
    }

    #[test]
    fn forbidden_characters_are_dropped_and_counted() {
        let mut reader = XmlReader::new(Cleaner::new(&b"<a x='1\x0b2\0'>\x01t</a>"[..]).unwrap(), 1 << 20);
        let Step::Open { tag, .. } = reader.step().unwrap() else { panic!("an element opens") };
        let mut value = String::new();
        tag.visit_attributes(|_, text| value = text.into_owned()).unwrap();
        assert_eq!(value, "12");
        while !matches!(reader.step().unwrap(), Step::End) {}
        assert_eq!(reader.dropped_characters(), 3);
    }

    #[test]
    fn fault_g1_cut_and_flipped_documents_never_panic() {
        let whole = "<?xml version=\"1.0\"?><a x='1'><b>caf\u{e9} &amp; lait</b><![CDATA[c]]><d/></a>".as_bytes();
        for end in 0..whole.len() {
            assert!(walk(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut altered = whole.to_vec();
                altered[at] ^= 1 << bit;
                drop(walk(&altered));
            }
        }
    }
}
