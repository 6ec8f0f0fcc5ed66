//! CDA R2 documents (HL7, ISO 27932): French CI-SIS models, IPS-FR, the older VSM, and C-CDA 2.1, by one reader.
//!
//! What comes out of one file:
//!
//! - the person it says it is about ([`Item::Subject`]), a claim;
//! - **the document itself**, byte for byte, with its header and its words as plain text;
//! - one draft for each coded statement about the patient that is a fact, linked to the document;
//! - a tally that says what else was there and why it is no entry.
//!
//! Papers and pictures inside (the PDF copy of a report, the body of a level-1 document) are parts of the document,
//! taken out again for display by [`attachments`]. A document that displays itself with its own stylesheet is read
//! for its data; **nothing of it ever runs**, no address in it is followed.

mod act;
mod clinical;
mod collect;
mod document;
mod header;
mod narrative;
mod observation;
mod product;
mod section;
mod time;
mod tree;
mod value;

use std::io::{BufRead, Read as _};

use carnet_record::item::{Item, Tally};

use self::collect::{Around, Collector};
use self::document::Parts;
pub use self::document::{Attachment, AttachmentRole};
use self::header::Header;
use self::narrative::Words;
use self::tree::{Element, Node, Vocabulary};
use crate::document::{Measured, hand_on, hex};
use crate::intake::bounds::XML_TREE_BYTES_MAX;
use crate::intake::xml::{XmlError, read_tree};
use crate::intake::{ContainerError, ReadContext, Sink, UnsupportedFormat};

/// Reads a CDA document and hands on what it holds; gives the tally.
///
/// # Errors
/// [`ContainerError`] when the file is no well-formed CDA within bounds; then nothing was handed on. A statement that
/// cannot be kept is no error: it is counted.
pub(crate) fn read(
    input: &mut dyn BufRead,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let mut bytes = Vec::new();
    std::io::Read::take(input, XML_TREE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    let (document, displays_itself, dropped) = find_document(&bytes)?;
    let words = Words::of(&document);
    let header = Header::of(&document, &words, &context.home_zone);
    let sections = section::sections(&document, &words);
    let (attachments, missing) = document::attachments_of(&document, &sections, &words);
    let measured = Measured::of(&bytes[..])?;
    let digest = measured.hex();
    let parts = Parts {
        header: &header,
        sections: &sections,
        attachments: &attachments,
        missing: &missing,
        sha256: &digest,
        size: measured.size,
        displays_itself,
    };
    let mut collector = Collector::new(context, &header, &words);
    let draft = document::draft(&parts, context, &mut collector);
    let key = document::document_key(header.id.as_ref(), &digest);
    remark(&parts, dropped, &mut collector);
    if header.patient.targets > 1 {
        let around = Around { place: "header".to_owned(), ..Around::default() };
        collector.set_aside("person", "several-persons", &around);
    } else {
        section::walk(&sections, &header, &mut collector);
    }
    let (drafts, tally) = collector.finish(&key);
    if header.patient.targets > 0 {
        out(Item::Subject(Box::new(document::subject(&header))))?;
    }
    hand_on(draft, measured, &bytes[..], out)?;
    for draft in drafts {
        out(Item::Draft(Box::new(draft)))?;
    }
    Ok(tally)
}

/// The papers and pictures inside a CDA document, bytes exact, in the order of the document.
///
/// A page that shows the document shows the first [`AttachmentRole::Body`] or [`AttachmentRole::Copy`] in its place.
///
/// # Errors
/// [`ContainerError`] when the bytes are no well-formed CDA within bounds.
pub fn attachments(bytes: &[u8]) -> Result<Vec<Attachment>, ContainerError> {
    let (document, _, _) = find_document(bytes)?;
    let words = Words::of(&document);
    let sections = section::sections(&document, &words);
    Ok(document::attachments_of(&document, &sections, &words).0)
}

/// The `ClinicalDocument`, whether it lies in a stylesheet of its own, and how many forbidden characters were dropped.
fn find_document(bytes: &[u8]) -> Result<(Element, bool, u64), ContainerError> {
    if bytes.is_empty() {
        return Err(ContainerError::Empty);
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > XML_TREE_BYTES_MAX {
        return Err(XmlError::Size.into());
    }
    let read = read_tree(bytes)?;
    let root = tree::adopt(read.root);
    let displays_itself = !is_document(&root);
    let found = take_document(root).ok_or(ContainerError::Unsupported(UnsupportedFormat::Xml))?;
    Ok((found, displays_itself, read.dropped_characters))
}

fn is_document(element: &Element) -> bool {
    element.name == "ClinicalDocument" && element.vocabulary == Vocabulary::Hl7
}

/// The first `ClinicalDocument` in the order of the file.
fn take_document(element: Element) -> Option<Element> {
    if is_document(&element) {
        return Some(element);
    }
    element.children.into_iter().find_map(|node| match node {
        Node::Element(inner) => take_document(inner),
        Node::Text(_) => None,
    })
}

/// Counts the document and its attachments, and tells what is odd about them.
fn remark(parts: &Parts<'_>, dropped: u64, collector: &mut Collector<'_>) {
    let header = parts.header;
    collector.tally.read("document", 1);
    let mut warn = |kind: &str, reason: &str, at: &str, quote: Option<&str>| {
        let place = collector.place(at);
        let place = quote.map_or(place.clone(), |quote| place.quoting(quote));
        collector.tally.warn(kind, reason, place);
    };
    if dropped > 0 {
        warn("document", "forbidden-characters-dropped", "", None);
    }
    if header.id.is_none() {
        warn("document", "without-an-identifier", "header", None);
    }
    if parts.displays_itself {
        warn("document", "stylesheet-not-run", "", None);
    }
    if document::is_text_cut(parts.sections) {
        warn("document", "text-cut", "", None);
    }
    if let Some(text) = &header.patient.birth_refused {
        warn("person", "not-a-time", "header", Some(text));
    }
    for id in &header.patient.identifiers {
        if id.is_ins() && id.check_digits_hold() == Some(false) {
            warn("person", "ins-key-wrong", "header", Some(&id.value));
        }
    }
    if header.patient.targets == 0 {
        warn("person", "no-person", "header", None);
    }
    for missing in parts.missing.iter().filter(|missing| missing.reason == document::CONTENT_MISSING) {
        let kind = if missing.is_body { "document" } else { "attachment" };
        warn(kind, missing.reason, &missing.place, missing.reference.as_deref());
    }
    for attachment in parts.attachments {
        let is_other = attachment.declared.as_deref().is_some_and(|declared| declared != attachment.media_type);
        if is_other {
            warn("attachment", "not-the-declared-type", &attachment.place, attachment.declared.as_deref());
        }
    }
    for damaged in parts.missing.iter().filter(|missing| missing.reason != document::CONTENT_MISSING) {
        let place = collector.place(&damaged.place);
        collector.tally.read("attachment", 1);
        collector.tally.refuse("attachment", damaged.reason, place);
    }
    for attachment in parts.attachments {
        let place = collector.place(&attachment.place).quoting(&hex(&attachment.sha256));
        collector.tally.read("attachment", 1);
        collector.tally.set_aside("attachment", "part-of-the-document", place);
    }
}

#[cfg(test)]
mod tests;
