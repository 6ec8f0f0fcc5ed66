//! The International Patient Summary and other FHIR documents: the Composition and what its sections say in words.
//!
//! Source: HL7 IPS 2.0.0. The coded entries of a section are read like any others; here the narrative is kept as a
//! document, and a section that says it is empty becomes a statement of absence. "Nothing recorded" never becomes "no
//! known allergy".

use carnet_record::{
    Concept, LinkKind,
    kind::{
        Absence, Document,
        absence::{AbsenceMeaning, AbsenceOf},
    },
};

use crate::fhir::{
    bundle::{Index, Resource},
    document::{TEXT_CHARS_MAX, category, unique_text},
    element::{concept, identifiers_at, instant_at, narrative, when_at},
    found::Found,
    json::Json,
};

/// The Composition as a document of words, and the absences its sections state.
pub(crate) fn composition<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Vec<Found> {
    let json = resource.reads(
        "identifier status type subject date author title confidentiality custodian section \
         relatesTo",
    );
    let document_type = json.get("type").map(concept).unwrap_or_default();
    let authors = index.actors_at(resource, json, "author");
    let replaced = json.list("relatesTo").iter().find(|own| own.text("code") == Some("replaces"));
    let replaced = replaced.and_then(|own| own.get("targetIdentifier")).and_then(|own| own.text("value"));
    let text = text_of(json);
    let is_cut = text.chars().nth(TEXT_CHARS_MAX).is_some();
    let mut found = Found::new(Document {
        title: json.text("title").map(str::to_owned),
        date: when_at(json, "date"),
        category: category(&document_type, None),
        document_type,
        confidentiality: json.text("confidentiality").map(Into::into).into_iter().collect(),
        authors: authors.clone(),
        custodian: json.get("custodian").and_then(|own| index.actor(resource, own)),
        unique_id: identifiers_at(json, "identifier").first().map(unique_text),
        replaces: replaced.map(str::to_owned),
        state: json.text("status").map(str::to_owned),
        text: Some(text.chars().take(TEXT_CHARS_MAX).collect()),
        ..Document::default()
    })
    .with_state(json.text("status"));
    found.author = authors.first().cloned();
    found.recorded_at = instant_at(json, "date");
    if is_cut {
        found.remarks.push("text-cut");
    }
    let sections = all_sections(json);
    for section in &sections {
        found.link_all(section, "entry", &LinkKind::HasPart);
    }
    let absences = sections.iter().filter_map(|section| absence(section, json, &found));
    let absences: Vec<Found> = absences.collect();
    std::iter::once(found).chain(absences).collect()
}

/// Sections and the sections inside them, in order.
fn all_sections(json: &Json) -> Vec<&Json> {
    json.list("section").iter().flat_map(|section| std::iter::once(section).chain(all_sections(section))).collect()
}

fn text_of(json: &Json) -> String {
    let mut text = narrative(json).unwrap_or_default();
    for section in all_sections(json) {
        let code = section.get("code").map(concept).unwrap_or_default();
        let title = section.text("title").or_else(|| code.label()).unwrap_or_default();
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(title);
        if let Some(words) = narrative(section) {
            text.push('\n');
            text.push_str(&words);
        }
    }
    text
}

fn absence(section: &Json, json: &Json, composition: &Found) -> Option<Found> {
    let (of, meaning, code) = emptiness(section)?;
    let author = composition.author.clone();
    let absence = Absence { of, meaning, code, stated_at: when_at(json, "date"), author: author.clone() };
    Some(Found { author, recorded_at: composition.recorded_at, is_whole: false, ..Found::new(absence) })
}

/// A list that says why it is empty, as a statement of absence.
pub(crate) fn empty_list<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Option<Found> {
    let (of, meaning, code) = emptiness(resource.json)?;
    let json = resource.reads("identifier status mode code subject date source note emptyReason title");
    let author = json.get("source").and_then(|own| index.actor(resource, own));
    let absence = Absence { of, meaning, code, stated_at: when_at(json, "date"), author: author.clone() };
    let mut found = Found { author, ..Found::new(absence) }.with_state(json.text("status"));
    found.comment = crate::fhir::element::notes_at(json, "note");
    Some(found)
}

/// What a section or a list says is not there, and how that is meant.
fn emptiness(json: &Json) -> Option<(AbsenceOf, AbsenceMeaning, Concept)> {
    let code = json.get("code").map(concept)?;
    let of = SECTIONS.iter().find(|(loinc, _)| code.codings.iter().any(|coding| coding.code == *loinc))?;
    let reason = concept(json.get("emptyReason")?);
    let meaning = match reason.codings.first().map(|coding| coding.code.as_str()) {
        Some("nilknown") => AbsenceMeaning::NoneKnown,
        Some("unavailable") => AbsenceMeaning::Unavailable,
        _ => return None,
    };
    Some((AbsenceOf::from(of.1), meaning, reason))
}

/// LOINC code of the section whose absence is stated.
pub(crate) fn section_of(of: &AbsenceOf) -> Option<&'static str> {
    SECTIONS.iter().find(|(_, own)| *own == of.as_str()).map(|(loinc, _)| *loinc)
}

/// LOINC codes of the sections whose absence can be stated.
const SECTIONS: [(&str, &str); 10] = [
    ("11450-4", "DISEASES"),
    ("48765-2", "ALLERGIES"),
    ("10160-0", "TREATMENTS"),
    ("11369-6", "VACCINATIONS"),
    ("47519-4", "PROCEDURES"),
    ("46264-8", "DEVICES"),
    ("30954-2", "RESULTS"),
    ("10157-6", "FAMILY_HISTORIES"),
    ("46240-8", "HOSPITALIZATIONS"),
    ("47420-5", "DISABILITIES"),
];
