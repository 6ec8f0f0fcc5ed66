//! The data types of FHIR, written.

use carnet_record::{
    Coding, Concept, Quantity, When,
    code::system,
    person::{Actor, ActorKind, Address, HumanName, Identifier, NameUse, Telecom},
};

use super::state::one_of;
use crate::fhir::{element::DATA_ABSENT, json::Json};

/// An object in the making. Nothing empty is ever put into it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, Json)>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A resource of a type.
    pub(crate) fn of(kind: &str) -> Self {
        Self::new().text("resourceType", kind)
    }

    pub(crate) fn put(&mut self, name: &str, value: Option<Json>) {
        if let Some(value) = value.filter(|value| !is_empty(value)) {
            self.0.push((name.to_owned(), value));
        }
    }

    pub(crate) fn put_text(&mut self, name: &str, text: Option<&str>) {
        self.put(name, text.map(Json::from));
    }

    pub(crate) fn put_list(&mut self, name: &str, items: Vec<Json>) {
        let items: Vec<Json> = items.into_iter().filter(|item| !is_empty(item)).collect();
        self.put(name, Some(Json::List(items)));
    }

    pub(crate) fn put_when(&mut self, name: &str, when: Option<When>) {
        self.put(name, when.map(|when| Json::from(when.to_string())));
    }

    pub(crate) fn text(mut self, name: &str, text: &str) -> Self {
        self.put_text(name, Some(text));
        self
    }

    pub(crate) fn with(mut self, name: &str, value: Json) -> Self {
        self.put(name, Some(value));
        self
    }

    pub(crate) fn maybe(mut self, name: &str, value: Option<Json>) -> Self {
        self.put(name, value);
        self
    }

    pub(crate) fn list(mut self, name: &str, items: Vec<Json>) -> Self {
        self.put_list(name, items);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn replace(&mut self, name: &str, value: Json) {
        if let Some((_, own)) = self.0.iter_mut().find(|(known, _)| known == name) {
            *own = value;
        }
    }

    pub(crate) fn object(self) -> Json {
        Json::Object(self.0)
    }

    /// Moves the resources that references stand for into `contained`, each once.
    pub(crate) fn hoist(&mut self) {
        let mut contained: Vec<Json> = Vec::new();
        for (name, value) in &mut self.0 {
            if name != "contained" {
                hoist_in(value, &mut contained);
            }
        }
        if contained.is_empty() {
            return;
        }
        let with_id = |(at, json): (usize, Json)| {
            let Json::Object(mut members) = json else { return Json::Null };
            members.insert(1.min(members.len()), ("id".to_owned(), Json::from(format!("actor-{at}"))));
            Json::Object(members)
        };
        let mut all: Vec<Json> = contained.into_iter().enumerate().map(with_id).collect();
        match self.0.iter_mut().find(|(name, _)| name == "contained") {
            Some((_, Json::List(own))) => own.append(&mut all),
            _ => self.0.insert(1.min(self.0.len()), ("contained".to_owned(), Json::List(all))),
        }
    }
}

/// What stands beside an element whose value is not known (`data-absent-reason`).
pub(crate) fn unknown() -> Json {
    let reason = Fields::new().text("url", DATA_ABSENT).text("valueCode", "unknown").object();
    Fields::new().list("extension", vec![reason]).object()
}

/// Name of the member in which a reference carries what it stands for, until [`Fields::hoist`].
const HOISTED: &str = "\u{0}hoisted";

fn hoist_in(json: &mut Json, contained: &mut Vec<Json>) {
    match json {
        Json::List(items) => items.iter_mut().for_each(|item| hoist_in(item, contained)),
        Json::Object(members) => {
            let place = members.iter().position(|(name, _)| name == HOISTED);
            if let Some(place) = place {
                let (_, own) = members.swap_remove(place);
                let known = contained.iter().position(|other| *other == own);
                let at = known.unwrap_or(contained.len());
                if known.is_none() {
                    contained.push(own);
                }
                members.push(("reference".to_owned(), Json::from(format!("#actor-{at}"))));
            } else {
                for (_, value) in members {
                    hoist_in(value, contained);
                }
            }
        }
        _ => {}
    }
}

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Text(text) => text.is_empty(),
        Json::List(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => false,
    }
}

pub(crate) fn coding(coding: &Coding) -> Json {
    Fields::new()
        .text("system", &coding.system)
        .text("code", &coding.code)
        .maybe("display", coding.display.as_deref().map(Json::from))
        .object()
}

pub(crate) fn concept(concept: &Concept) -> Json {
    Fields::new()
        .list("coding", concept.codings.iter().map(coding).collect())
        .maybe("text", concept.text.as_deref().map(Json::from))
        .object()
}

pub(crate) fn maybe_concept(own: Option<&Concept>) -> Option<Json> {
    own.map(concept)
}

pub(crate) fn concepts(own: &[Concept]) -> Vec<Json> {
    own.iter().map(concept).collect()
}

/// A code of one system, without words.
pub(crate) fn code(system: &str, code: &str) -> Json {
    concept(&Concept::from_code(system, code))
}

/// A name with codes: the name stands as text unless it is what the codes say.
pub(crate) fn named(name: Option<&str>, own: &Concept) -> Json {
    let mut own = own.clone();
    if name.is_some() && name != own.label() {
        own.text = name.map(str::to_owned);
    }
    concept(&own)
}

/// A quantity; its unit is written as a UCUM code when it can be one.
pub(crate) fn quantity(own: &Quantity) -> Json {
    let is_ucum = !own.unit.is_empty() && own.unit.bytes().all(|byte| byte.is_ascii_graphic());
    let words = own.unit_text.as_deref().unwrap_or(&own.unit);
    Fields::new()
        .with("value", Json::Number(own.value.to_string()))
        .maybe("comparator", own.comparator.as_ref().map(|own| Json::from(own.as_str())))
        .text("unit", words)
        .text("system", if is_ucum { system::UCUM } else { "" })
        .text("code", if is_ucum { &own.unit } else { "" })
        .object()
}

pub(crate) fn maybe_quantity(own: Option<&Quantity>) -> Option<Json> {
    own.map(quantity)
}

pub(crate) fn period(start: Option<When>, end: Option<When>) -> Option<Json> {
    let text = |when: Option<When>| when.map(|when| Json::from(when.to_string()));
    (start.is_some() || end.is_some())
        .then(|| Fields::new().maybe("start", text(start)).maybe("end", text(end)).object())
}

pub(crate) fn identifier(own: &Identifier) -> Json {
    let sort = own.sort.as_deref().map(|sort| {
        let coding = Fields::new().text("code", sort).object();
        Fields::new().list("coding", vec![coding]).object()
    });
    Fields::new().maybe("type", sort).text("system", &own.system).text("value", &own.value).object()
}

pub(crate) fn human_name(own: &HumanName) -> Json {
    let texts = |own: &[String]| own.iter().map(|text| Json::from(text.as_str())).collect();
    let used_as = own.used_as.as_ref().map(|used| match used {
        NameUse::Birth => "maiden",
        NameUse::Used => "usual",
        NameUse::Former => "old",
        other => one_of(other.as_str(), "official temp nickname anonymous").unwrap_or(""),
    });
    Fields::new()
        .maybe("use", used_as.map(Json::from))
        .maybe("text", own.text.as_deref().map(Json::from))
        .maybe("family", own.family.as_deref().map(Json::from))
        .list("given", texts(&own.given))
        .list("prefix", texts(&own.prefix))
        .list("suffix", texts(&own.suffix))
        .object()
}

/// The use of an address or telephone; CDA has codes of its own for some (HL7 v3 `AddressUse`).
fn use_of(own: &str) -> Option<&'static str> {
    match own {
        "H" | "HP" | "HV" => Some("home"),
        "WP" | "DIR" | "PUB" => Some("work"),
        "TMP" => Some("temp"),
        "MC" => Some("mobile"),
        other => one_of(other, "home work temp old mobile"),
    }
}

pub(crate) fn telecom(own: &Telecom) -> Json {
    Fields::new()
        .text("system", one_of(own.kind.as_str(), "phone fax email pager url sms").unwrap_or("other"))
        .text("value", &own.value)
        .maybe("use", own.used_as.as_deref().and_then(use_of).map(Json::from))
        .object()
}

pub(crate) fn address(own: &Address) -> Json {
    const INSEE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code";
    let insee = own.insee.as_deref().map(|insee| insee_extension(INSEE, insee));
    Fields::new()
        .list("extension", insee.into_iter().collect())
        .maybe("use", own.used_as.as_deref().and_then(use_of).map(Json::from))
        .maybe("text", own.text.as_deref().map(Json::from))
        .list("line", own.lines.iter().map(|line| Json::from(line.as_str())).collect())
        .maybe("city", own.city.as_deref().map(Json::from))
        .maybe("state", own.region.as_deref().map(Json::from))
        .maybe("postalCode", own.postal_code.as_deref().map(Json::from))
        .maybe("country", own.country.as_deref().map(Json::from))
        .object()
}

/// The extension of the French profile for an INSEE code.
pub(crate) fn insee_extension(url: &str, insee: &str) -> Json {
    const COMMUNES: &str = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM";
    let own = coding(&Coding::new(COMMUNES, insee));
    Fields::new().text("url", url).with("valueCoding", own).object()
}

/// Whoever is named, as a reference in words; a reference that was read stays. With a role, an organisation or several
/// identifiers it is a contained resource ([`Fields::hoist`]). `allowed` are the types that the place takes.
pub(crate) fn actor_as(own: &Actor, allowed: &str) -> Json {
    let kind = own.kind.as_ref().and_then(|kind| match kind {
        ActorKind::Device | ActorKind::Software => Some("Device"),
        ActorKind::Organisation => Some("Organization"),
        ActorKind::Patient => Some("Patient"),
        ActorKind::Practitioner => Some("Practitioner"),
        ActorKind::Relative => Some("RelatedPerson"),
        _ => None,
    });
    let is_person = matches!(own.kind, None | Some(ActorKind::Practitioner));
    let has_more = own.role.is_some() || own.organisation.is_some() || own.identifiers.len() > 1;
    if is_person && has_more && own.reference.is_none() && allowed.contains("PractitionerRole") {
        let role = own.role.as_deref().map(|role| concept(&Concept::from_text(role)));
        let person = Fields::new().text("type", "Practitioner").maybe("display", own.name.as_deref().map(Json::from));
        let contained = Fields::of("PractitionerRole")
            .list("identifier", own.identifiers.iter().map(identifier).collect())
            .with("practitioner", person.object())
            .maybe("organization", words(own.organisation.as_deref()))
            .list("code", role.into_iter().collect());
        return Fields::new().with(HOISTED, contained.object()).object();
    }
    Fields::new()
        .maybe("reference", own.reference.as_deref().filter(|own| !own.starts_with('#')).map(Json::from))
        .maybe("type", kind.filter(|kind| allowed.split(' ').any(|own| own == *kind)).map(Json::from))
        .maybe("identifier", own.identifiers.first().map(identifier))
        .maybe("display", own.name.as_deref().map(Json::from))
        .object()
}

/// Whoever is named, where people and organisations are allowed.
pub(crate) fn actor(own: &Actor) -> Json {
    actor_as(own, "Patient Practitioner PractitionerRole RelatedPerson Organization")
}

/// Whoever is named, where only people are allowed.
pub(crate) fn person(own: &Actor) -> Json {
    actor_as(own, "Patient Practitioner PractitionerRole RelatedPerson")
}

/// Whoever is named, where programs and apparatus are allowed as well.
pub(crate) fn anyone(own: &Actor) -> Json {
    actor_as(own, "Patient Practitioner PractitionerRole RelatedPerson Organization Device")
}

/// A reference that is only words.
pub(crate) fn words(text: Option<&str>) -> Option<Json> {
    text.map(|text| Fields::new().text("display", text).object())
}

/// Notes of an entry.
pub(crate) fn notes(comment: Option<&str>) -> Vec<Json> {
    comment.into_iter().map(|text| Fields::new().text("text", text).object()).collect()
}

/// A whole number as JSON.
pub(crate) fn number(own: impl ToString) -> Json {
    Json::Number(own.to_string())
}
