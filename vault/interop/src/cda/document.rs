//! The document itself as an entry, and the papers and pictures inside it.
//!
//! A CDA is kept whole, byte for byte, as **one** document. The PDF that shows the same content, the body of a
//! level-1 document, the curve of an electrophoresis and other attached papers are parts of it: they are taken out
//! again for display ([`attachments_of`]) and never become documents of their own.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use carnet_record::kind::document::Confidentiality;
use carnet_record::kind::{Document, Identity};
use carnet_record::person::{Actor, SubjectClaim};
use carnet_record::{Draft, LinkKind, SourceKey};
use sha2::{Digest, Sha256};

use crate::cda::collect::{Around, Collector, FORMAT};
use crate::cda::header::{Header, InstanceId, concept};
use crate::cda::narrative::{SECTION_BYTES_MAX, Words};
use crate::cda::section::{ATTACHMENT_TYPE, Domain, Section};
use crate::cda::tree::Element;
use crate::document::{hex, named};
use crate::fhir::document::category;
use crate::intake::ReadContext;
use crate::intake::sniff::{Format, sniff};

/// Reason of what is only referred to: the file named is not inside.
pub(crate) const CONTENT_MISSING: &str = "content-missing";
/// Most papers and pictures read of one document.
const ATTACHMENTS_MAX: usize = 256;
/// Longest text kept of a whole document, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Base64 as documents carry it: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What an attachment is to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentRole {
    /// A paper or picture that belongs to the content: a curve, an attached letter.
    Attached,
    /// The body of a level-1 document: it is what the document has to say.
    Body,
    /// A rendering of the whole document (section 55108-5), to be shown in its place.
    Copy,
}

/// A paper or picture inside a CDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is to the document.
    pub role: AttachmentRole,
    /// Title of the section that holds it, or what the document calls it.
    pub title: Option<String>,
    /// Media type by its first bytes; the declared one when these say nothing.
    pub media_type: String,
    /// Media type as declared.
    pub declared: Option<String>,
    /// The bytes, exact.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// Code that says what it is (LOINC 69764-9), when the document tells it.
    pub sort: Option<String>,
    /// Where it lies.
    pub(crate) place: String,
}

/// Something that should have been inside and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Reason, as a slug.
    pub(crate) reason: &'static str,
    /// Name or address that the document gives instead, if it gives one.
    pub(crate) reference: Option<String>,
    pub(crate) place: String,
    pub(crate) is_body: bool,
}

/// Everything a document holds as bytes, and what of it is missing.
pub(crate) fn attachments_of(
    document: &Element,
    sections: &[Section<'_>],
    words: &Words<'_>,
) -> (Vec<Attachment>, Vec<Missing>) {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    if let Some(text) = document.at(&["component", "nonXMLBody", "text"]) {
        let frame = Frame { role: AttachmentRole::Body, title: None, sort: None, place: "body".to_owned() };
        take(text, frame, &mut found, &mut missing);
    }
    for section in sections {
        let role = if section.domain == Domain::Copy { AttachmentRole::Copy } else { AttachmentRole::Attached };
        for (index, entry) in section.element.all("entry").enumerate() {
            let place = format!("{}, entry {}", section.place(), index.saturating_add(1));
            let frame = Frame { role, title: section.title.clone(), sort: None, place };
            media(entry, words, &frame, &mut found, &mut missing);
        }
    }
    (found, missing)
}

#[derive(Clone)]
struct Frame {
    role: AttachmentRole,
    title: Option<String>,
    sort: Option<String>,
    place: String,
}

/// Walks the statements of an entry for pictures and papers.
fn media(element: &Element, words: &Words<'_>, frame: &Frame, found: &mut Vec<Attachment>, missing: &mut Vec<Missing>) {
    let frame = match sort_of(element, words) {
        Some((sort, title)) => Frame { sort, title: title.or_else(|| frame.title.clone()), ..frame.clone() },
        None => frame.clone(),
    };
    let is_media = element.name == "observationMedia" || element.name == "observation";
    for value in element.all("value").filter(|_| is_media) {
        if element.name == "observationMedia" || value.attribute("representation") == Some("B64") {
            take(value, frame.clone(), found, missing);
        }
    }
    for inner in element.elements().filter(|inner| inner.name != "value") {
        media(inner, words, &frame, found, missing);
    }
}

/// What the observation 69764-9 inside an organizer says the paper beside it is: its code, and its words.
fn sort_of(element: &Element, words: &Words<'_>) -> Option<(Option<String>, Option<String>)> {
    if element.name != "organizer" {
        return None;
    }
    let mut inner = element.all("component").filter_map(|part| part.child("observation"));
    let said =
        inner.find(|inner| inner.child("code").and_then(|code| code.attribute("code")) == Some(ATTACHMENT_TYPE))?;
    let value = concept(said.child("value"), words);
    let code = value.codings.first().map(|coding| coding.code.clone());
    Some((code, value.label().map(str::to_owned)))
}

fn take(value: &Element, frame: Frame, found: &mut Vec<Attachment>, missing: &mut Vec<Missing>) {
    let is_body = frame.role == AttachmentRole::Body;
    let mut miss = |reason, reference| missing.push(Missing { reason, reference, place: frame.place.clone(), is_body });
    if found.len() >= ATTACHMENTS_MAX {
        return miss("too-many-attachments", None);
    }
    let text = value.text();
    if text.trim().is_empty() {
        let reference = value.child("reference").and_then(|part| part.attribute("value")).map(str::to_owned);
        return miss(CONTENT_MISSING, reference);
    }
    let is_base64 = value.attribute("representation") == Some("B64");
    if value.attribute("compression").is_some() {
        return miss("compressed-attachment", None);
    }
    let bytes = if is_base64 {
        let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        match BASE64.decode(&packed) {
            Ok(bytes) => bytes,
            Err(_) => return miss("base64-damaged", None),
        }
    } else {
        text.into_bytes()
    };
    let declared = value.attribute("mediaType").map(str::to_owned);
    found.push(Attachment {
        role: frame.role,
        title: frame.title,
        media_type: media_type(&bytes, declared.as_deref()),
        declared,
        sha256: Sha256::digest(&bytes).into(),
        bytes,
        sort: frame.sort,
        place: frame.place,
    });
}

/// The media type that the first bytes tell; the declared one when they tell nothing. What could run in a page is
/// named as plain bytes.
fn media_type(bytes: &[u8], declared: Option<&str>) -> String {
    const SHOWN: [&str; 6] =
        ["application/pdf", "image/jpeg", "image/png", "image/tiff", "image/gif", "application/rtf"];
    let told = sniff(bytes).media_type();
    if SHOWN.contains(&told) {
        return told.to_owned();
    }
    match declared {
        Some(declared @ ("text/plain" | "text/rtf" | "application/rtf" | "image/tiff" | "image/gif")) => {
            declared.to_owned()
        }
        _ => "application/octet-stream".to_owned(),
    }
}

/// The identity of a document across all routes: its unique identifier, else the hash of its bytes.
pub(crate) fn document_key(id: Option<&InstanceId>, sha256: &str) -> SourceKey {
    match id {
        Some(id) => SourceKey::new("document", [id.text().as_str()]),
        None => SourceKey::new("document", [sha256]),
    }
}

/// The person the document says it is about.
pub(crate) fn subject(header: &Header) -> SubjectClaim {
    let patient = &header.patient;
    let place = patient.birth_place.as_ref();
    SubjectClaim::from_identity(Identity {
        names: patient.names.clone(),
        birth_date: patient.birth_date,
        sex: patient.sex.clone(),
        birth_place_insee: place.and_then(|place| place.insee.clone()),
        birth_place: place.and_then(|place| place.city.clone().or_else(|| place.text.clone())),
        identifiers: patient.identifiers.clone(),
        telecoms: patient.telecoms.clone(),
        addresses: patient.addresses.clone(),
        ..Identity::default()
    })
}

/// What the entry of the document is made from.
pub(crate) struct Parts<'t> {
    pub(crate) header: &'t Header,
    pub(crate) sections: &'t [Section<'t>],
    pub(crate) attachments: &'t [Attachment],
    pub(crate) missing: &'t [Missing],
    pub(crate) sha256: &'t str,
    pub(crate) size: u64,
    /// Whether the document is nested in a stylesheet.
    pub(crate) displays_itself: bool,
}

/// The draft of the document itself.
pub(crate) fn draft(parts: &Parts<'_>, context: &ReadContext, collector: &mut Collector<'_>) -> Draft {
    let header = parts.header;
    let around = Around { place: "header".to_owned(), ..Around::default() };
    let date = collector.when(header.created.as_deref(), "document", &around);
    let first = header.events.first().map(|event| event.span.clone()).unwrap_or_default();
    let care_start = collector.when(first.start.as_deref(), "document", &around);
    let care_end = collector.when(first.end.as_deref(), "document", &around);
    let replaces = header.replaces.first().map(InstanceId::text);
    let body = parts.missing.iter().find(|missing| missing.is_body);
    let some = |concept: &carnet_record::Concept| (!concept.is_empty()).then(|| concept.clone());
    let text = text(parts.sections);
    let document = Document {
        title: header.title.clone(),
        date,
        category: category(&header.code, None),
        document_type: header.code.clone(),
        confidentiality: header.confidentiality.iter().map(|mark| Confidentiality::from(mark.code.as_str())).collect(),
        authors: header.authors.clone(),
        custodian: header.custodian.clone(),
        unique_id: header.id.as_ref().map(InstanceId::text),
        set_id: header.set_id.as_ref().map(InstanceId::text),
        version: header.version.clone(),
        replaces,
        state: Some("current".to_owned()),
        language: header.language.clone(),
        care_start,
        care_end,
        facility: some(&header.facility),
        setting: some(&header.setting),
        events: header.events.iter().map(|event| event.code.clone()).filter(|code| !code.is_empty()).collect(),
        file_name: named(context.document_name(), Format::Cda.media_type()).file_name,
        media_type: Some(
            if parts.displays_itself { "application/xslt+xml" } else { Format::Cda.media_type() }.to_owned(),
        ),
        size: Some(parts.size),
        sha256: Some(parts.sha256.to_owned()),
        address: body.and_then(|body| body.reference.clone()),
        text: (!text.is_empty()).then_some(text),
        ..Document::default()
    };
    let mut provenance = context.provenance(FORMAT, "");
    provenance.author = header.authors.first().cloned();
    provenance.recorded_at = date.and_then(|date| date.instant());
    provenance.identifiers = header.id.iter().map(InstanceId::identifier).collect();
    provenance.original = originals(parts).into_iter().collect();
    let key = document_key(header.id.as_ref(), parts.sha256);
    provenance.source_key = Some(key.as_str().to_owned());
    let mut draft = Draft::new(document, provenance);
    draft.links = header.replaces.iter().map(|id| (document_key(Some(id), ""), LinkKind::Replaces)).collect();
    draft.source_key = Some(key);
    draft
}

/// Short texts of the header and of the make-up of the document that have no field of their own.
fn originals(parts: &Parts<'_>) -> Vec<(String, String)> {
    let header = parts.header;
    let mut out = Vec::new();
    let mut put = |name: String, text: Option<String>| out.extend(text.map(|text| (name, text)));
    put("time".to_owned(), header.created.clone());
    let templates: Vec<String> = header.templates.iter().map(InstanceId::text).collect();
    put("templates".to_owned(), (!templates.is_empty()).then(|| templates.join(" ")));
    put("legal_authenticator".to_owned(), header.legal_authenticator.as_ref().and_then(name_of));
    for (index, event) in header.events.iter().enumerate() {
        put(format!("event[{index:02}].start"), event.span.start.clone());
        put(format!("event[{index:02}].end"), event.span.end.clone());
    }
    if let Some((id, span)) = &header.encounter {
        put("encounter.id".to_owned(), id.as_ref().map(InstanceId::text));
        put("encounter.start".to_owned(), span.start.clone());
        put("encounter.end".to_owned(), span.end.clone());
    }
    for section in parts.sections {
        let title = section.title.as_deref().unwrap_or_default();
        let name = format!("section[{:02}]", section.number);
        let characters = section.text.chars().count();
        put(name, Some(format!("{}|{}|{}|{characters}|{title}", section.depth, section.code(), section.entries())));
    }
    for (index, attachment) in parts.attachments.iter().enumerate() {
        let sort = attachment.sort.as_deref().unwrap_or_default();
        let text = format!(
            "{}|{}|{}|{sort}",
            attachment.declared.as_deref().unwrap_or(&attachment.media_type),
            attachment.bytes.len(),
            hex(&attachment.sha256),
        );
        put(format!("attachment[{index:02}]"), Some(text));
    }
    out
}

fn name_of(actor: &Actor) -> Option<String> {
    actor.name.clone().or_else(|| actor.organisation.clone())
}

/// All sections as one readable text: each title on a line of its own, its words below.
fn text(sections: &[Section<'_>]) -> String {
    let mut out = String::new();
    for section in sections {
        let title = section.title.as_deref().unwrap_or_default();
        if title.is_empty() && section.text.is_empty() {
            continue;
        }
        for part in [title, section.text.as_str()].into_iter().filter(|part| !part.is_empty()) {
            if !out.is_empty() {
                out.push('\n');
            }
            let room = part.floor_char_boundary(TEXT_BYTES_MAX.saturating_sub(out.len()));
            out.push_str(part.get(..room).unwrap_or_default());
        }
        out.push('\n');
        if out.len() >= TEXT_BYTES_MAX {
            break;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether the readable text had to be cut.
pub(crate) fn is_text_cut(sections: &[Section<'_>]) -> bool {
    let total: usize = sections.iter().map(|section| section.text.len()).fold(0, usize::saturating_add);
    total > TEXT_BYTES_MAX || sections.iter().any(|section| section.text.len() >= SECTION_BYTES_MAX)
}
