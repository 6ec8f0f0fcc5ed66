//! Patient, `RelatedPerson`, Practitioner, `PractitionerRole`, Organization, `CareTeam`, written.

use carnet_record::{
    Coding, Concept, Entry,
    kind::{
        Contact, Identity,
        contact::{ContactSort, ContactType},
    },
    person::{Actor, Sex},
};

use super::{
    Writer,
    element::{
        Fields, actor, address, coding, concepts, human_name, identifier, insee_extension, notes, period, telecom,
    },
    state::state,
};
use crate::fhir::json::Json;

/// The identity sheet.
pub(super) fn identity(own: &Identity, fields: &mut Fields) {
    const BIRTH_PLACE: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace";
    const INSEE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code";
    let insee = own.birth_place_insee.as_deref().map(|insee| insee_extension(INSEE, insee));
    let place = Fields::new()
        .list("extension", insee.into_iter().collect())
        .maybe("text", own.birth_place.as_deref().map(Json::from))
        .object();
    if own.birth_place_insee.is_some() || own.birth_place.is_some() {
        fields.put_list("extension", vec![Fields::new().text("url", BIRTH_PLACE).with("valueAddress", place).object()]);
    }
    fields.put_list("identifier", own.identifiers.iter().map(identifier).collect());
    fields.put_list("name", own.names.iter().map(human_name).collect());
    fields.put_list("telecom", own.telecoms.iter().map(telecom).collect());
    fields.put_text("gender", own.sex.as_ref().map(Sex::as_str));
    fields.put("birthDate", own.birth_date.map(|date| Json::from(date.to_string())));
    fields.put_when("deceasedDateTime", own.deceased);
    fields.put_list("address", own.addresses.iter().map(address).collect());
    let language = |code: &String| {
        let coding = Fields::new().text("system", "urn:ietf:bcp:47").text("code", code).object();
        Fields::new().with("language", Fields::new().list("coding", vec![coding]).object()).object()
    };
    fields.put_list("communication", own.languages.iter().map(language).collect());
}

/// The resource that a contact becomes.
pub(super) fn contact_resource(own: &Contact) -> &'static str {
    match own.sort {
        ContactSort::Establishment => "Organization",
        ContactSort::Professional if has_place(own) => "PractitionerRole",
        ContactSort::Professional => "Practitioner",
        ContactSort::Team => "CareTeam",
        _ => "RelatedPerson",
    }
}

/// What only a `PractitionerRole` can say.
fn has_place(own: &Contact) -> bool {
    own.organisation.is_some() || !own.specialities.is_empty() || own.start.is_some() || own.end.is_some()
}

/// A contact.
pub(super) fn contact(writer: &mut Writer, own: &Contact, entry: &Entry, fields: &mut Fields) {
    match contact_resource(own) {
        "Organization" => {
            shared(own, fields);
            fields.put_list("type", concepts(&own.categories));
            fields.put_text("name", own.organisation.as_deref());
            addresses(own, fields);
        }
        "Practitioner" => practitioner(own, fields),
        "PractitionerRole" => practitioner_role(own, fields),
        "CareTeam" => care_team(writer, own, entry, fields),
        _ => related_person(writer, own, fields),
    }
}

fn shared(own: &Contact, fields: &mut Fields) {
    fields.put_list("identifier", own.identifiers.iter().map(identifier).collect());
    fields.put("active", own.active.map(Json::Bool));
    fields.put_list("telecom", own.telecoms.iter().map(telecom).collect());
}

fn addresses(own: &Contact, fields: &mut Fields) {
    fields.put_list("address", own.addresses.iter().map(address).collect());
}

fn person(own: &Contact, fields: &mut Fields) {
    fields.put_list("name", vec![human_name(&own.name)]);
    fields.put_text("gender", own.sex.as_ref().map(Sex::as_str));
    fields.put("birthDate", own.birth_date.map(|date| Json::from(date.to_string())));
    addresses(own, fields);
}

fn practitioner(own: &Contact, fields: &mut Fields) {
    shared(own, fields);
    person(own, fields);
    let profession = |own: &Concept| Fields::new().with("code", super::element::concept(own)).object();
    fields.put_list("qualification", own.professions.iter().map(profession).collect());
}

fn practitioner_role(own: &Contact, fields: &mut Fields) {
    let mut inside = Fields::of("Practitioner").text("id", "person");
    inside.put_list("identifier", own.identifiers.iter().map(identifier).collect());
    person(own, &mut inside);
    fields.put_list("contained", vec![inside.object()]);
    fields.put("active", own.active.map(Json::Bool));
    fields.put("period", period(own.start, own.end));
    fields.put("practitioner", Some(Fields::new().text("reference", "#person").object()));
    fields.put("organization", super::element::words(own.organisation.as_deref()));
    fields.put_list("code", concepts(&own.professions));
    fields.put_list("specialty", concepts(&own.specialities));
    fields.put_list("telecom", own.telecoms.iter().map(telecom).collect());
}

fn related_person(writer: &Writer, own: &Contact, fields: &mut Fields) {
    shared(own, fields);
    fields.put("patient", Some(writer.subject()));
    let mut relations = concepts(&own.relation_codes);
    if relations.is_empty() {
        relations.extend(own.relation.as_deref().map(relation));
    }
    relations.extend(own.types.iter().filter_map(contact_type));
    fields.put_list("relationship", relations);
    person(own, fields);
    fields.put("period", period(own.start, own.end));
}

fn care_team(writer: &mut Writer, own: &Contact, entry: &Entry, fields: &mut Fields) {
    let active = own.active.map(|active| if active { "active" } else { "inactive" });
    fields.put_list("identifier", own.identifiers.iter().map(identifier).collect());
    fields.put_text("status", Some(state(writer, entry, "CareTeam", active, "active")));
    fields.put_text("name", own.organisation.as_deref());
    fields.put("subject", Some(writer.subject()));
    fields.put("period", period(own.start, own.end));
    let participant = |member: &Actor| {
        let role = member.role.as_deref().map(|role| super::element::concept(&Concept::from_text(role)));
        Fields::new()
            .list("role", role.into_iter().collect())
            .with("member", actor(&Actor { role: None, ..member.clone() }))
            .maybe("period", period(member.at, None))
            .object()
    };
    fields.put_list("participant", own.members.iter().map(participant).collect());
    fields.put_list("note", notes(entry.comment.as_deref()));
}

/// The relation in HL7 v3 `RoleCode`, else in words.
fn relation(relation: &str) -> Json {
    const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let code = match relation {
        "MOTHER" => "MTH",
        "FATHER" => "FTH",
        "CHILD" => "CHILD",
        "SPOUSE" => "SPS",
        "TUTEUR" => "GUARD",
        other => return super::element::concept(&Concept::from_text(other)),
    };
    super::element::code(SYSTEM, code)
}

/// What a relative is there for, in the code systems that say so.
pub(crate) fn contact_type(own: &ContactType) -> Option<Json> {
    let (system, code) = TYPES.iter().find(|(sort, _)| *sort == own.as_str()).map(|(_, coding)| *coding)?;
    let own = coding(&Coding::new(system, code));
    Some(Fields::new().list("coding", vec![own]).object())
}

const TYPES: [(&str, (&str, &str)); 3] = [
    ("EMERGENCY_CONTACT", ("http://terminology.hl7.org/CodeSystem/v2-0131", "C")),
    ("CAREGIVER_CONTACT", ("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "CAREGIVER")),
    (
        "TRUSTED_CONTACT",
        ("https://mos.esante.gouv.fr/NOS/TRE_R260-HL7RoleClass/FHIR/TRE-R260-HL7RoleClass", "PERSCONF"),
    ),
];

/// The contact type that a coding says in just the form in which it is written.
pub(crate) fn type_of_coding(own: &Coding) -> Option<ContactType> {
    let found = TYPES.iter().find(|(_, (system, code))| own.is(system, code))?;
    Some(ContactType::from(found.0))
}
