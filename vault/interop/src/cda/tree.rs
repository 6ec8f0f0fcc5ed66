//! The element tree a CDA document is read from.
//!
//! A CDA is small and is read more than once (header, sections, words that entries refer to), so it is held whole. It
//! comes from [`crate::intake::xml::read_tree`], which bounds it and resolves no entity; here its elements are told
//! apart by vocabulary and get the look-ups that reading a CDA needs. Nothing here follows an address or runs a
//! stylesheet.

use quick_xml::escape::escape;

use crate::intake::xml::{Content, Element as Read};

const HL7: &str = "urn:hl7-org:v3";
const EXTENSIONS: [&str; 4] =
    ["urn:hl7-org:sdtc", "urn:ihe:pharm", "urn:ihe:pharm:medication", "urn:oid:1.3.6.1.4.1.19376.1.3.2"];

/// Which vocabulary an element belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// `urn:hl7-org:v3`.
    Hl7,
    /// The extensions that documents of HL7 and IHE carry: `urn:hl7-org:sdtc`, `urn:ihe:pharm…`.
    Extension,
    /// Anything else, a stylesheet's own elements for example.
    Foreign,
}

/// One element.
#[derive(Debug)]
pub(crate) struct Element {
    /// Name without prefix.
    pub(crate) name: String,
    /// Its vocabulary.
    pub(crate) vocabulary: Vocabulary,
    /// Local part of `xsi:type`.
    pub(crate) kind: Option<String>,
    /// Attributes without prefix, in order.
    attributes: Vec<(String, String)>,
    /// What it holds.
    pub(crate) children: Vec<Node>,
}

/// What an element contains.
#[derive(Debug)]
pub(crate) enum Node {
    /// An element.
    Element(Element),
    /// Character data.
    Text(String),
}

/// The tree as read, told apart by vocabulary. Its depth was bounded when it was read.
pub(crate) fn adopt(read: Read) -> Element {
    let vocabulary = match &*read.namespace {
        HL7 => Vocabulary::Hl7,
        other if EXTENSIONS.contains(&other) => Vocabulary::Extension,
        _ => Vocabulary::Foreign,
    };
    let mut kind = None;
    let mut attributes = Vec::with_capacity(read.attributes.len());
    for (name, value) in read.attributes {
        match name.split_once(':') {
            None => attributes.push((name, value)),
            // The prefix of `xsi` is free, and no other attribute of that name has a prefix in a CDA.
            Some((_, "type")) => kind = value.rsplit(':').next().map(|local| local.trim().to_owned()),
            Some(_) => {}
        }
    }
    let children = read.children.into_iter().map(|child| match child {
        Content::Element(element) => Node::Element(adopt(element)),
        Content::Text(text) => Node::Text(text),
    });
    Element { name: read.name, vocabulary, kind, attributes, children: children.collect() }
}

impl Element {
    /// An attribute that has no prefix; empty ones count as absent.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Child elements, foreign ones left out.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) if element.vocabulary != Vocabulary::Foreign => Some(element),
            Node::Element(_) | Node::Text(_) => None,
        })
    }

    /// Children of one name, of HL7's own vocabulary.
    pub(crate) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.elements().filter(move |child| child.name == name && child.vocabulary == Vocabulary::Hl7)
    }

    /// First child of one name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|child| child.name == name && child.vocabulary == Vocabulary::Hl7)
    }

    /// First element at the end of a path of names.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All text below, in order, as written.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.push_text(&mut out);
        out
    }

    /// All text below with runs of white space made one space; `None` when nothing is left.
    pub(crate) fn line_of_text(&self) -> Option<String> {
        let joined = self.text().split_whitespace().collect::<Vec<_>>().join(" ");
        (!joined.is_empty()).then_some(joined)
    }

    fn push_text(&self, out: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) => element.push_text(out),
            }
        }
    }

    /// The element and all that is in it as XML, without comments, prefixes and blanks between elements.
    pub(crate) fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        if let Some(kind) = &self.kind {
            write_attribute(out, "xsi:type", kind);
        }
        for (name, value) in &self.attributes {
            write_attribute(out, name, value);
        }
        let is_blank = |node: &Node| matches!(node, Node::Text(text) if text.trim().is_empty());
        if self.children.iter().all(is_blank) {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.children {
            match node {
                Node::Element(element) => element.write(out),
                Node::Text(text) => out.push_str(&escape(text.trim())),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    out.push_str(&escape(value));
    out.push('"');
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::intake::xml::read_tree;

    /// The tree of a text.
    pub(crate) fn tree(text: &str) -> Element {
        adopt(read_tree(text.as_bytes()).unwrap().root)
    }

    #[test]
    fn prefixes_of_any_name_mean_the_same() {
        let text = "<c:a xmlns:c='urn:hl7-org:v3' xmlns:x='http://www.w3.org/2001/XMLSchema-instance'><c:b x:type='c:BL'/></c:a>";
        let root = tree(text);
        assert_eq!(root.vocabulary, Vocabulary::Hl7);
        assert_eq!(root.child("b").unwrap().kind.as_deref(), Some("BL"));
    }

    #[test]
    fn elements_of_others_are_not_found_but_their_words_are() {
        let root =
            tree("<a xmlns='urn:hl7-org:v3'><id xmlns='urn:x' root='1'>w</id><id root=' 2 '/><title root=''/></a>");
        assert_eq!(root.child("id").unwrap().attribute("root"), Some("2"));
        assert_eq!(root.child("title").unwrap().attribute("root"), None);
        assert_eq!(root.text(), "w");
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "<a xmlns='urn:hl7-org:v3' b='&lt;&quot;'>\n <c>x &amp; y</c>\n</a>";
        let mut out = String::new();
        tree(text).write(&mut out);
        assert_eq!(out, "<a b=\"&lt;&quot;\"><c>x &amp; y</c></a>");
    }
}
