//! The header of a CDA document: what it is, about whom, by whom, in which version.
//!
//! The header is a claim of its file. An INS found here is never "qualified", and a name becomes the record's only
//! when a person confirms it. Codes nobody knows are kept as they came.

use carnet_record::person::{
    Actor, ActorKind, Address, HumanName, Identifier, NameUse, Sex, Telecom, TelecomKind, normal_identifier_system,
};
use carnet_record::{Coding, Concept, PartialDate, When, ZoneHistory};

use crate::cda::narrative::Words;
use crate::cda::time::{self, Span};
use crate::cda::tree::{Element, Vocabulary};

/// Most parts of one sort read of a header: authors, identifiers, acts, names.
const PARTS_MAX: usize = 64;

/// The unique identifier of something: `root`, and `extension` when there is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct InstanceId {
    pub(crate) root: String,
    pub(crate) extension: Option<String>,
}

impl InstanceId {
    /// The identifier of an `id`, `setId` or `templateId`; `None` for a `nullFlavor`.
    pub(crate) fn of(id: &Element) -> Option<Self> {
        let root = id.attribute("root")?.to_owned();
        Some(Self { root, extension: id.attribute("extension").map(str::to_owned) })
    }

    /// `root`, or `root^extension`.
    pub(crate) fn text(&self) -> String {
        match &self.extension {
            Some(extension) => format!("{}^{extension}", self.root),
            None => self.root.clone(),
        }
    }

    /// The same as the model writes it.
    pub(crate) fn identifier(&self) -> Identifier {
        match &self.extension {
            Some(extension) => Identifier::new(&self.root, extension),
            None => Identifier::new("", &self.root),
        }
    }
}

/// One act that the document documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceEvent {
    pub(crate) code: Concept,
    pub(crate) span: Span,
}

/// What the header says.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) id: Option<InstanceId>,
    pub(crate) set_id: Option<InstanceId>,
    pub(crate) version: Option<String>,
    /// Documents that this one takes the place of (`relatedDocument` with `typeCode` RPLC).
    pub(crate) replaces: Vec<InstanceId>,
    pub(crate) templates: Vec<InstanceId>,
    /// Type of the document.
    pub(crate) code: Concept,
    pub(crate) title: Option<String>,
    pub(crate) created: Option<String>,
    /// All confidentiality codes, the document's own first.
    pub(crate) confidentiality: Vec<Coding>,
    pub(crate) language: Option<String>,
    pub(crate) patient: Patient,
    pub(crate) authors: Vec<Actor>,
    pub(crate) legal_authenticator: Option<Actor>,
    pub(crate) custodian: Option<Actor>,
    pub(crate) events: Vec<ServiceEvent>,
    /// Stay or visit during which it was written: identifier and stretch of time.
    pub(crate) encounter: Option<(Option<InstanceId>, Span)>,
    /// Sort of establishment (value set J02).
    pub(crate) facility: Concept,
    /// Setting of the practice (value set J04).
    pub(crate) setting: Concept,
}

/// The person a document says it is about.
#[derive(Debug, Default)]
pub(crate) struct Patient {
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) names: Vec<HumanName>,
    pub(crate) birth_date: Option<PartialDate>,
    /// Text of a birth date that is none.
    pub(crate) birth_refused: Option<String>,
    pub(crate) sex: Option<Sex>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) telecoms: Vec<Telecom>,
    /// Place of birth.
    pub(crate) birth_place: Option<Address>,
    /// How many `recordTarget` the document has.
    pub(crate) targets: usize,
}

impl Header {
    /// Reads the header of a `ClinicalDocument`.
    pub(crate) fn of(document: &Element, words: &Words<'_>, zones: &ZoneHistory) -> Self {
        let events = || document.all("documentationOf").filter_map(|part| part.child("serviceEvent"));
        let stay = document.at(&["componentOf", "encompassingEncounter"]);
        let replaced = document.all("relatedDocument").filter(|part| part.attribute("typeCode") == Some("RPLC"));
        let confidential = document.elements().filter(|part| part.name == "confidentialityCode");
        let ids = |name| document.all(name).take(PARTS_MAX).filter_map(InstanceId::of);
        Self {
            id: ids("id").next(),
            set_id: ids("setId").next(),
            version: document.child("versionNumber").and_then(|part| part.attribute("value")).map(str::to_owned),
            replaces: replaced
                .filter_map(|part| part.at(&["parentDocument", "id"]).and_then(InstanceId::of))
                .take(PARTS_MAX)
                .collect(),
            templates: ids("templateId").collect(),
            code: concept(document.child("code"), words),
            title: document.child("title").and_then(Element::line_of_text),
            created: document.child("effectiveTime").and_then(|part| Span::of_time(part).start),
            confidentiality: confidential.take(PARTS_MAX).filter_map(coding).collect(),
            language: document.child("languageCode").and_then(|part| part.attribute("code")).map(str::to_owned),
            patient: Patient::of(document, zones),
            authors: document.all("author").take(PARTS_MAX).filter_map(|part| author(part, zones)).collect(),
            legal_authenticator: document.child("legalAuthenticator").and_then(|part| entity(part, zones)),
            custodian: document
                .at(&["custodian", "assignedCustodian", "representedCustodianOrganization"])
                .map(organisation)
                .filter(|actor| !actor.is_empty()),
            events: events()
                .take(PARTS_MAX)
                .map(|event| ServiceEvent { code: concept(event.child("code"), words), span: Span::of(event) })
                .collect(),
            encounter: stay.map(|stay| (stay.child("id").and_then(InstanceId::of), Span::of(stay))),
            facility: concept(stay.and_then(|stay| stay.at(&["location", "healthCareFacility", "code"])), words),
            setting: concept(events().find_map(practice_setting), words),
        }
    }

    /// The start of the first act that tells one.
    pub(crate) fn act_start(&self) -> Option<&str> {
        self.events.iter().find_map(|event| event.span.start.as_deref())
    }
}

fn practice_setting(event: &Element) -> Option<&Element> {
    event.at(&["performer", "assignedEntity", "representedOrganization", "standardIndustryClassCode"])
}

impl Patient {
    fn of(document: &Element, zones: &ZoneHistory) -> Self {
        let targets = document.all("recordTarget").count();
        let Some(role) = document.at(&["recordTarget", "patientRole"]) else {
            return Self { targets, ..Self::default() };
        };
        let mut patient = Self {
            identifiers: role.all("id").take(PARTS_MAX).filter_map(InstanceId::of).map(|id| id.identifier()).collect(),
            addresses: role.all("addr").take(PARTS_MAX).filter_map(address).collect(),
            telecoms: role.all("telecom").take(PARTS_MAX).filter_map(telecom).collect(),
            targets,
            ..Self::default()
        };
        let Some(person) = role.child("patient") else { return patient };
        patient.names = person.all("name").take(PARTS_MAX).flat_map(names).collect();
        patient.sex = person.child("administrativeGenderCode").and_then(|code| code.attribute("code")).map(sex);
        patient.birth_place = person.at(&["birthplace", "place", "addr"]).and_then(address);
        if let Some(text) = person.child("birthTime").and_then(|time| time.attribute("value")) {
            match time::read(text, zones) {
                Ok((when, _)) => patient.birth_date = Some(when.date()),
                Err(time::NotATime) => patient.birth_refused = Some(text.to_owned()),
            }
        }
        patient
    }
}

/// HL7 administrative gender: F, M, UN. Codes nobody knows are kept.
fn sex(code: &str) -> Sex {
    match code {
        "F" => Sex::Female,
        "M" => Sex::Male,
        "UN" => Sex::Unclassified,
        "UNK" | "U" => Sex::Unknown,
        other => Sex::from(other),
    }
}

/// The names of one `name` element, which in France holds several by qualifier: BR at birth, CL and SP in use.
///
/// Parts without a qualifier belong to the birth name when there is one, because the list of given names of the birth
/// certificate is written without; else they are the name in use.
pub(crate) fn names(name: &Element) -> Vec<HumanName> {
    let mut birth = HumanName { used_as: Some(NameUse::Birth), ..HumanName::default() };
    let mut used = HumanName { used_as: Some(NameUse::Used), ..HumanName::default() };
    let mut spouse = HumanName { used_as: Some(NameUse::Used), ..HumanName::default() };
    let mut bare = HumanName::default();
    for part in name.elements().take(PARTS_MAX) {
        let Some(text) = part.line_of_text() else { continue };
        let qualifier = part.attribute("qualifier").unwrap_or_default();
        let target = match qualifier.split_whitespace().next() {
            Some("BR") => &mut birth,
            Some("CL") => &mut used,
            Some("SP" | "AD") => &mut spouse,
            _ => &mut bare,
        };
        match part.name.as_str() {
            "family" if target.family.is_none() => target.family = Some(text),
            "family" => target.family = target.family.take().map(|before| format!("{before} {text}")),
            "given" => target.given.push(text),
            "prefix" => target.prefix.push(text),
            "suffix" => target.suffix.push(text),
            _ => {}
        }
    }
    if !birth.is_empty() {
        // «DOMINIQUE MARIE-LOUISE» then «DOMINIQUE»: the whole list first, then the first given name.
        bare.given.append(&mut birth.given);
        birth.given = std::mem::take(&mut bare.given);
        birth.family = birth.family.or(bare.family.take());
        birth.prefix.append(&mut bare.prefix);
        birth.suffix.append(&mut bare.suffix);
    } else if !used.is_empty() || !spouse.is_empty() {
        used.given.append(&mut bare.given);
        used.family = used.family.or(bare.family.take());
    } else {
        bare.used_as = None;
    }
    if birth.is_empty() && used.is_empty() && spouse.is_empty() && bare.is_empty() {
        bare.text = name.line_of_text();
    }
    if spouse.given.is_empty() && spouse.family == used.family {
        spouse = HumanName { used_as: None, ..HumanName::default() };
    }
    [birth, used, spouse, bare].into_iter().filter(|found| !found.is_empty()).collect()
}

/// An `author`: a person, or software (`assignedAuthoringDevice`).
pub(crate) fn author(part: &Element, zones: &ZoneHistory) -> Option<Actor> {
    let assigned = part.child("assignedAuthor")?;
    let mut actor = person_or_device(assigned);
    actor.at = part.child("time").and_then(|at| moment(at, zones));
    Some(actor).filter(|actor| !actor.is_empty())
}

/// A `legalAuthenticator`, `performer` or `informant`: whoever its assigned or related entity is.
pub(crate) fn entity(part: &Element, zones: &ZoneHistory) -> Option<Actor> {
    let assigned = ["assignedEntity", "assignedAuthor", "relatedEntity", "associatedEntity"]
        .into_iter()
        .find_map(|name| part.child(name))?;
    let mut actor = person_or_device(assigned);
    actor.at = part.child("time").and_then(|at| moment(at, zones));
    Some(actor).filter(|actor| !actor.is_empty())
}

fn moment(time: &Element, zones: &ZoneHistory) -> Option<When> {
    let span = Span::of_time(time);
    let text = span.start.or(span.end)?;
    time::read(&text, zones).ok().map(|(when, _)| when)
}

fn person_or_device(assigned: &Element) -> Actor {
    let organisation = assigned.child("representedOrganization").or_else(|| assigned.child("scopingOrganization"));
    let person = ["assignedPerson", "associatedPerson", "relatedPerson", "informationRecipient"]
        .into_iter()
        .find_map(|name| assigned.child(name));
    let device = assigned.child("assignedAuthoringDevice");
    let device_name = device.and_then(|device| {
        let names = ["softwareName", "manufacturerModelName"].into_iter().find_map(|name| device.child(name));
        names.and_then(Element::line_of_text)
    });
    let name = person.and_then(|person| person.child("name")).and_then(spaced).or(device_name);
    let organisation_name = organisation.and_then(|part| part.child("name")).and_then(Element::line_of_text);
    let kind = match (person.is_some(), device.is_some(), name.is_some()) {
        (_, true, _) => ActorKind::Software,
        (true, false, true) => ActorKind::Practitioner,
        _ => ActorKind::Organisation,
    };
    let role = assigned.child("code").and_then(|code| code.attribute("displayName").or_else(|| code.attribute("code")));
    Actor {
        kind: Some(kind),
        name: name.or_else(|| organisation_name.clone()),
        identifiers: assigned.all("id").take(PARTS_MAX).filter_map(InstanceId::of).map(|id| id.identifier()).collect(),
        role: role.map(str::to_owned),
        organisation: organisation_name,
        ..Actor::default()
    }
}

fn organisation(part: &Element) -> Actor {
    Actor {
        kind: Some(ActorKind::Organisation),
        name: part.child("name").and_then(Element::line_of_text),
        identifiers: part.all("id").take(PARTS_MAX).filter_map(InstanceId::of).map(|id| id.identifier()).collect(),
        ..Actor::default()
    }
}

/// The parts of a name in the order of the document, one space between.
fn spaced(name: &Element) -> Option<String> {
    let parts: Vec<String> = name.elements().filter_map(Element::line_of_text).collect();
    if parts.is_empty() { name.line_of_text() } else { Some(parts.join(" ")) }
}

fn address(addr: &Element) -> Option<Address> {
    let mut out = Address { used_as: addr.attribute("use").map(str::to_owned), ..Address::default() };
    let mut street: Vec<String> = Vec::new();
    for part in addr.elements().take(PARTS_MAX) {
        let Some(text) = part.line_of_text() else { continue };
        match part.name.as_str() {
            "streetAddressLine" | "additionalLocator" | "unitID" | "deliveryAddressLine" | "postBox" => {
                out.lines.push(text);
            }
            "houseNumber" | "houseNumberNumeric" | "streetNameType" | "streetNameBase" | "streetName" => {
                street.push(text);
            }
            "postalCode" => out.postal_code = Some(text),
            "city" => out.city = Some(text),
            "state" => out.region = Some(text),
            "county" | "precinct" => out.insee = Some(text),
            "country" => out.country = Some(text),
            _ => {}
        }
    }
    if !street.is_empty() {
        out.lines.insert(0, street.join(" "));
    }
    if out == (Address { used_as: out.used_as.clone(), ..Address::default() }) {
        out.text = addr.line_of_text();
        out.text.as_ref()?;
    }
    Some(out)
}

fn telecom(part: &Element) -> Option<Telecom> {
    let address = part.attribute("value")?;
    let (kind, value) = match address.split_once(':') {
        Some(("tel", value)) => (TelecomKind::Phone, value),
        Some(("fax", value)) => (TelecomKind::Fax, value),
        Some(("mailto", value)) => (TelecomKind::Email, value),
        Some(("sms", value)) => (TelecomKind::Sms, value),
        Some(("http" | "https", _)) => (TelecomKind::Url, address),
        _ => (TelecomKind::Phone, address),
    };
    let used_as = match part.attribute("use") {
        Some("H" | "HP" | "HV") => Some("home".to_owned()),
        Some("WP" | "DIR" | "PUB") => Some("work".to_owned()),
        Some("MC") => Some("mobile".to_owned()),
        other => other.map(str::to_owned),
    };
    Some(Telecom { kind, value: value.to_owned(), used_as })
}

/// The code of an element, without its translations; `None` when it names none.
pub(crate) fn coding(code: &Element) -> Option<Coding> {
    let value = code.attribute("code")?;
    Some(Coding { display: code.attribute("displayName").map(str::to_owned), ..Coding::new(&system(code), value) })
}

/// The system of a code: its OID as an address; a system that is only named keeps its name.
fn system(code: &Element) -> String {
    let oid = code.attribute("codeSystem").map(normal_identifier_system);
    oid.or_else(|| code.attribute("codeSystemName").map(str::to_owned)).unwrap_or_default()
}

/// A code with its translations and its words.
pub(crate) fn concept(code: Option<&Element>, words: &Words<'_>) -> Concept {
    let Some(code) = code else { return Concept::default() };
    let translations =
        code.elements().filter(|part| part.name == "translation" && part.vocabulary != Vocabulary::Foreign);
    let codings = std::iter::once(code).chain(translations).take(PARTS_MAX).filter_map(coding).collect();
    let text = code.child("originalText").and_then(|text| words.said_by(text));
    let codings: Vec<Coding> = codings;
    let says_more = |text: &String| codings.is_empty() || !is_answer(text);
    Concept { text: text.filter(says_more), codings }
}

/// Whether the words of a table cell only answer a question that the code asks.
fn is_answer(text: &str) -> bool {
    const ANSWERS: [&str; 10] = ["oui", "non", "yes", "no", "-", "\u{2013}", "x", "o", "n", "/"];
    ANSWERS.contains(&text.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cda::tree::tests::tree;

    fn names_of(inner: &str) -> Vec<HumanName> {
        let text = format!("<name xmlns='urn:hl7-org:v3'>{inner}</name>");
        names(&tree(&text))
    }

    #[test]
    fn french_names_are_told_apart_by_their_qualifier() {
        let found = names_of(
            "<family qualifier='BR'>DUFRESNE</family><given>CAMILLE JEANNE</given><given qualifier='BR'>CAMILLE</given>
             <family qualifier='CL'>EXEMPLE</family><given qualifier='CL'>Cam</given>",
        );
        let [birth, used] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((birth.used_as.as_ref(), birth.family.as_deref()), (Some(&NameUse::Birth), Some("DUFRESNE")));
        assert_eq!(birth.given, ["CAMILLE JEANNE", "CAMILLE"]);
        assert_eq!((used.used_as.as_ref(), used.family.as_deref()), (Some(&NameUse::Used), Some("EXEMPLE")));
        assert_eq!(used.given, ["Cam"]);
    }

    #[test]
    fn words_that_only_answer_do_not_name_a_code() {
        let text = "<a xmlns='urn:hl7-org:v3'><code code='G96.9' displayName='Affection'><originalText>Non</originalText></code><value><originalText>Non</originalText></value></a>";
        let root = tree(text);
        let words = Words::of(&root);
        assert_eq!(concept(root.child("code"), &words).label(), Some("Affection"));
        assert_eq!(concept(root.child("value"), &words).label(), Some("Non"));
    }

    #[test]
    fn names_without_qualifier_and_names_as_text_are_read() {
        let found = names_of("<given>Eve</given><given>Ada</given><family>Betterhalf</family>");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].given, ["Eve", "Ada"]);
        assert_eq!(names_of(" Eve  Betterhalf ")[0].text.as_deref(), Some("Eve Betterhalf"));
        assert_eq!(names_of(""), []);
    }
}
