//! A whole document as a bounded tree, with namespaces resolved (Namespaces in XML 1.0).
//!
//! For documents of at most [`XML_TREE_BYTES_MAX`]: clinical documents and FHIR resources, not exports of telephones.

use std::{io::BufRead, rc::Rc};

use super::{Cleaner, Step, Tag, XmlError, XmlReader};
use crate::intake::bounds::{XML_ELEMENTS_MAX, XML_TEXT_BYTES_MAX, XML_TREE_BYTES_MAX};

/// One element with everything inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Name without its prefix.
    pub name: String,
    /// Address of its namespace, empty for none.
    pub namespace: Rc<str>,
    /// Attributes as (name as written, value), declarations of namespaces left out.
    pub attributes: Vec<(String, String)>,
    /// What it holds, in order. Neighbouring texts are one.
    pub children: Vec<Content>,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An element.
    Element(Element),
    /// Text with its references resolved.
    Text(String),
}

impl Element {
    /// Value of an attribute, by its name as written (`value`, `xsi:type`).
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Value of an attribute by its name without prefix: `type` finds `xsi:type`.
    pub fn attribute_local(&self, name: &str) -> Option<&str> {
        let local = |known: &str| known.split_once(':').map_or(known, |(_, local)| local) == name;
        self.attributes.iter().find(|(known, _)| local(known)).map(|(_, value)| value.as_str())
    }

    /// The elements directly inside.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Content::Element(element) => Some(element),
            Content::Text(_) => None,
        })
    }

    /// The elements directly inside that have this name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The first element directly inside that has this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// The element at the end of a path of names, each time the first.
    pub fn path(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All text inside, in order, without the tags.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text
    }

    /// The first element of this name and namespace anywhere inside, itself included, in document order.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&Self> {
        if self.name == name && &*self.namespace == namespace {
            return Some(self);
        }
        self.elements().find_map(|element| element.find(namespace, name))
    }

    fn collect_text(&self, text: &mut String) {
        for child in &self.children {
            match child {
                Content::Element(element) => element.collect_text(text),
                Content::Text(piece) => text.push_str(piece),
            }
        }
    }
}

/// Prefixes of namespaces that are declared at one place of a document.
const PREFIXES_MAX: usize = 128;

/// A document as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its root element.
    pub root: Element,
    /// Forbidden characters that were dropped, to be told in the report.
    pub dropped_characters: u64,
}

/// Reads a whole document. Its depth is bounded, so that walking the tree recursively is safe.
///
/// # Errors
/// Any [`XmlError`].
pub fn read_tree(source: impl BufRead) -> Result<Document, XmlError> {
    let bounded = source.take(XML_TREE_BYTES_MAX.saturating_add(1));
    let mut reader = XmlReader::new(Cleaner::new(bounded)?, XML_TEXT_BYTES_MAX);
    let mut builder = Builder::default();
    loop {
        match reader.step()? {
            Step::Open { tag, is_empty } => {
                builder.open(&tag)?;
                if is_empty {
                    builder.close();
                }
            }
            Step::Close => builder.close(),
            Step::Text(text) => builder.text(&text)?,
            Step::Other => {}
            Step::End => break,
        }
    }
    let dropped_characters = reader.dropped_characters();
    builder.root.map(|root| Document { root, dropped_characters }).ok_or(XmlError::Cut)
}

#[derive(Default)]
struct Builder {
    open: Vec<(Element, usize)>,
    /// Declared prefixes, innermost last; the number in `open` says where an element's own begin.
    prefixes: Vec<(String, Rc<str>)>,
    root: Option<Element>,
    elements: usize,
    bytes: u64,
}

impl Builder {
    fn open(&mut self, tag: &Tag<'_>) -> Result<(), XmlError> {
        self.elements = self.elements.saturating_add(1);
        if self.elements > XML_ELEMENTS_MAX {
            return Err(XmlError::TooManyElements);
        }
        let outside = self.prefixes.len();
        let mut attributes = Vec::new();
        let mut bytes = 0_usize;
        let declared = &mut self.prefixes;
        tag.visit_attributes(|name, value| {
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
            match name.strip_prefix("xmlns") {
                Some("") => declared.push((String::new(), value.into())),
                Some(prefixed) if prefixed.starts_with(':') => {
                    declared.push((prefixed.trim_start_matches(':').to_owned(), value.into()));
                }
                _ => attributes.push((name.to_owned(), value.into_owned())),
            }
        })?;
        self.count(bytes)?;
        if self.prefixes.len() > PREFIXES_MAX {
            return Err(XmlError::TooManyAttributes);
        }
        let prefix = tag.qualified_name().split_once(':').map_or("", |(prefix, _)| prefix);
        let address = self.prefixes.iter().rev().find(|(known, _)| known == prefix).map(|(_, address)| address);
        let namespace = address.cloned().unwrap_or_default();
        let element = Element { name: tag.name().to_owned(), namespace, attributes, children: Vec::new() };
        self.open.push((element, outside));
        Ok(())
    }

    fn close(&mut self) {
        let Some((element, outside)) = self.open.pop() else { return };
        self.prefixes.truncate(outside);
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(Content::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, piece: &str) -> Result<(), XmlError> {
        self.count(piece.len())?;
        if let Some((element, _)) = self.open.last_mut() {
            match element.children.last_mut() {
                Some(Content::Text(text)) => text.push_str(piece),
                _ => element.children.push(Content::Text(piece.to_owned())),
            }
        }
        Ok(())
    }

    /// Counts what the tree keeps: the source may be in an encoding that grows when decoded.
    fn count(&mut self, bytes: usize) -> Result<(), XmlError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.bytes > XML_TREE_BYTES_MAX { Err(XmlError::Size) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_in_their_namespaces() {
        let text = "<n:a xmlns:n='urn:1' xmlns='urn:2'><b x='1' n:y='2'>t<c xmlns=''/>u&amp;v</b><n:b/></n:a>";
        let root = read_tree(text.as_bytes()).unwrap().root;
        assert_eq!((root.name.as_str(), &*root.namespace), ("a", "urn:1"));
        let b = root.child("b").unwrap();
        assert_eq!((&*b.namespace, b.attribute("x"), b.attribute("n:y")), ("urn:2", Some("1"), Some("2")));
        assert_eq!(b.attribute_local("y"), Some("2"));
        assert_eq!((b.text().as_str(), &*b.child("c").unwrap().namespace), ("tu&v", ""));
        assert_eq!(root.children_named("b").map(|b| &*b.namespace).collect::<Vec<_>>(), ["urn:2", "urn:1"]);
        assert!(root.path(&["b", "c"]).is_some() && root.find("urn:1", "b").is_some() && root.find("", "b").is_none());
    }

    #[test]
    fn fault_g1_a_tree_is_bounded_in_elements_and_depth() {
        let wide = format!("<a>{}</a>", "<b/>".repeat(XML_ELEMENTS_MAX));
        assert_eq!(read_tree(wide.as_bytes()).unwrap_err(), XmlError::TooManyElements);
        let deep = "<a>".repeat(1_000) + &"</a>".repeat(1_000);
        assert_eq!(read_tree(deep.as_bytes()).unwrap_err(), XmlError::Depth);
    }
}
