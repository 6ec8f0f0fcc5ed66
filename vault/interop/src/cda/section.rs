//! The sections of a body: what each is about, its words, and the walk through its statements.
//!
//! What a section is about is read from its LOINC code, which CI-SIS, IPS-FR, VSM and C-CDA share; a sub-section with a
//! code nobody knows is about what its parent is about. A statement is never shown as a fact when it is planned, said
//! not to be so, or about somebody else.

use carnet_record::Concept;

use crate::cda::collect::{Around, Collector, inner_statements};
use crate::cda::header::{Header, concept};
use crate::cda::narrative::{self, Words};
use crate::cda::tree::Element;
use crate::cda::{act, clinical, observation, product};

/// Sections read of one document, sub-sections included.
const SECTIONS_MAX: usize = 2_000;

/// What a section is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Domain {
    Allergies,
    /// The document itself as a paper.
    Copy,
    Devices,
    Encounters,
    FamilyHistory,
    Insurance,
    Laboratory,
    Medications,
    /// Nothing that has a reading of its own.
    #[default]
    Other,
    Plan,
    Problems,
    Procedures,
    Results,
    SocialHistory,
    Vaccinations,
    VitalSigns,
    Wishes,
}

/// LOINC codes of sections (CI-SIS models of content, HL7 IPS 2.0.0, C-CDA 2.1).
const DOMAINS: [(&str, Domain); 52] = [
    ("10154-3", Domain::Problems),
    ("10157-6", Domain::FamilyHistory),
    ("10160-0", Domain::Medications),
    ("10183-2", Domain::Medications),
    ("11348-0", Domain::Problems),
    ("11369-6", Domain::Vaccinations),
    ("11450-4", Domain::Problems),
    ("11502-2", Domain::Laboratory),
    ("11535-2", Domain::Problems),
    ("18610-6", Domain::Medications),
    ("18717-9", Domain::Laboratory),
    ("18718-7", Domain::Laboratory),
    ("18719-5", Domain::Laboratory),
    ("18720-3", Domain::Laboratory),
    ("18721-1", Domain::Laboratory),
    ("18722-9", Domain::Laboratory),
    ("18723-7", Domain::Laboratory),
    ("18724-5", Domain::Laboratory),
    ("18725-2", Domain::Laboratory),
    ("18726-0", Domain::Laboratory),
    ("18727-8", Domain::Laboratory),
    ("18728-6", Domain::Laboratory),
    ("18729-4", Domain::Laboratory),
    ("18767-4", Domain::Laboratory),
    ("18768-2", Domain::Laboratory),
    ("18769-0", Domain::Laboratory),
    ("18776-5", Domain::Plan),
    ("26436-6", Domain::Laboratory),
    ("26438-2", Domain::Results),
    ("29549-3", Domain::Medications),
    ("29554-3", Domain::Procedures),
    ("29762-2", Domain::SocialHistory),
    ("30954-2", Domain::Results),
    ("42346-7", Domain::Medications),
    ("42347-5", Domain::Problems),
    ("42348-3", Domain::Wishes),
    ("46239-0", Domain::Problems),
    ("46240-8", Domain::Encounters),
    ("46241-6", Domain::Problems),
    ("46264-8", Domain::Devices),
    ("47519-4", Domain::Procedures),
    ("48765-2", Domain::Allergies),
    ("48768-6", Domain::Insurance),
    ("55108-5", Domain::Copy),
    ("56446-8", Domain::Encounters),
    ("57828-6", Domain::Medications),
    ("60590-7", Domain::Medications),
    ("61146-7", Domain::Plan),
    ("62387-6", Domain::Plan),
    ("75311-1", Domain::Medications),
    ("8716-3", Domain::VitalSigns),
    ("87273-9", Domain::Vaccinations),
];

impl Domain {
    /// What a section with this code is about; its parent's subject for a code nobody knows.
    fn of(code: &Concept, parent: Self) -> Self {
        let code = code.codings.first().map(|coding| coding.code.as_str()).unwrap_or_default();
        let known = DOMAINS.iter().find(|(known, _)| *known == code);
        known.map_or(parent, |(_, domain)| *domain)
    }
}

/// One section as it stands in the document.
#[derive(Debug)]
pub(crate) struct Section<'t> {
    pub(crate) element: &'t Element,
    pub(crate) code: Concept,
    pub(crate) title: Option<String>,
    /// Its own words, without those of its sub-sections.
    pub(crate) text: String,
    pub(crate) domain: Domain,
    /// 0 for a section of the body, 1 for its sub-sections.
    pub(crate) depth: usize,
    /// Number among the sections, from 1.
    pub(crate) number: usize,
    /// Whether it is about somebody else than the patient.
    pub(crate) is_about_relative: bool,
}

/// All sections in the order of the document, sub-sections after their parents.
pub(crate) fn sections<'t>(document: &'t Element, words: &Words<'_>) -> Vec<Section<'t>> {
    let mut out = Vec::new();
    if let Some(body) = document.at(&["component", "structuredBody"]) {
        collect(body, words, Domain::Other, 0, false, &mut out);
    }
    out
}

fn collect<'t>(
    parent: &'t Element,
    words: &Words<'_>,
    domain: Domain,
    depth: usize,
    is_about_relative: bool,
    out: &mut Vec<Section<'t>>,
) {
    for element in parent.all("component").filter_map(|component| component.child("section")) {
        if out.len() >= SECTIONS_MAX {
            return;
        }
        let code = concept(element.child("code"), words);
        let domain = Domain::of(&code, domain);
        let relative = element.at(&["subject", "relatedSubject"]).is_some();
        let is_about_relative = is_about_relative || relative;
        out.push(Section {
            element,
            domain,
            title: element.child("title").and_then(Element::line_of_text),
            text: element.child("text").map(narrative::plain).unwrap_or_default(),
            code,
            depth,
            number: out.len().saturating_add(1),
            is_about_relative,
        });
        collect(element, words, domain, depth.saturating_add(1), is_about_relative, out);
    }
}

impl Section<'_> {
    /// First code of the section.
    pub(crate) fn code(&self) -> &str {
        self.code.codings.first().map(|coding| coding.code.as_str()).unwrap_or_default()
    }

    /// Where it is, for the report.
    pub(crate) fn place(&self) -> String {
        format!("section {} ({})", self.number, self.code())
    }

    /// Number of its own entries.
    pub(crate) fn entries(&self) -> usize {
        self.element.all("entry").count()
    }
}

/// Walks the statements of all sections.
pub(crate) fn walk(sections: &[Section<'_>], header: &Header, collector: &mut Collector<'_>) {
    let is_reimbursed = header.code.codings.iter().any(|coding| coding.code == "REMB");
    for section in sections {
        let section_author = section.element.child("author");
        let zones = &collector.context.home_zone;
        let author = section_author.and_then(|part| crate::cda::header::author(part, zones));
        for (index, entry) in section.element.all("entry").enumerate() {
            let around = Around {
                domain: section.domain,
                place: format!("{}, entry {}", section.place(), index.saturating_add(1)),
                is_vital: section.domain == Domain::VitalSigns,
                is_reimbursed,
                is_about_relative: section.is_about_relative,
                author: author.clone().or_else(|| header.authors.first().cloned()),
                ..Around::default()
            };
            for inner in entry.elements() {
                statement(inner, &around, collector);
            }
        }
    }
}

/// Reads one clinical statement.
pub(crate) fn statement(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    let inside = around.inside(element, collector);
    let kind = kind_of(element);
    if kind.is_empty() {
        return;
    }
    if let Some(reason) = reason_to_set_aside(element, &inside) {
        if !is_attachment_only(element) {
            collector.set_aside(kind, reason, &inside);
        }
        return;
    }
    match element.name.as_str() {
        "act" => act::act(element, &inside, collector),
        "encounter" => act::encounter(element, &inside, collector),
        "observation" => observe(element, &inside, collector),
        "organizer" => observation::organizer(element, &inside, collector),
        "procedure" => act::procedure(element, &inside, collector),
        "substanceAdministration" | "supply" => product::product(element, &inside, collector),
        _ => {}
    }
}

/// An observation is a problem, an allergy, a measure or a result.
pub(crate) fn observe(element: &Element, around: &Around, collector: &mut Collector<'_>) {
    if clinical::is_allergy(element, around) {
        clinical::allergy(element, around, collector);
    } else if clinical::is_problem(element, around) {
        clinical::problem(element, around, collector);
    } else {
        observation::observation(element, around, collector);
    }
}

/// Kind of entry that a statement would be; empty for what is never one by itself.
fn kind_of(element: &Element) -> &'static str {
    match element.name.as_str() {
        "act" | "procedure" => "procedure",
        "encounter" => "encounter",
        "observation" | "organizer" => "result",
        "substanceAdministration" | "supply" => "treatment",
        _ => "",
    }
}

/// Why a statement is no fact about the patient, if it is none.
fn reason_to_set_aside(element: &Element, around: &Around) -> Option<&'static str> {
    let is_product = matches!(element.name.as_str(), "substanceAdministration" | "supply");
    let is_act = matches!(element.name.as_str(), "act" | "encounter" | "procedure");
    let mood = element.attribute("moodCode").unwrap_or("EVN");
    match around.domain {
        _ if around.is_about_relative => Some("about-a-relative"),
        Domain::FamilyHistory => Some("about-a-relative"),
        Domain::Insurance => Some("insurance"),
        Domain::Copy => Some("copy-of-the-document"),
        Domain::Wishes => Some("wishes-stay-in-the-document"),
        Domain::Devices if element.name == "supply" => Some("device"),
        _ if mood == "GOL" => Some("goal"),
        // A plan often says EVN of what it plans.
        Domain::Plan if is_act && matches!(around.status.as_deref(), Some("active" | "new")) => Some("planned"),
        _ if !matches!(mood, "EVN" | "DEF") && !is_product => Some("planned"),
        _ => None,
    }
}

/// Whether a statement only holds papers or pictures, which are counted as attachments.
fn is_attachment_only(element: &Element) -> bool {
    let is_media = |inner: &Element| {
        inner.name == "observationMedia"
            || inner.child("code").and_then(|code| code.attribute("code")) == Some(ATTACHMENT_TYPE)
    };
    let mut inner = inner_statements(element).map(|(_, inner)| inner).peekable();
    element.name == "organizer" && inner.peek().is_some() && inner.all(is_media)
}

/// LOINC code of the observation that says what an attached paper is.
pub(crate) const ATTACHMENT_TYPE: &str = "69764-9";
