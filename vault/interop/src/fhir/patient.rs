//! People and organisations: Patient, Practitioner, `PractitionerRole`, Organization, `RelatedPerson`, `CareTeam`.
//!
//! Description only: nothing read here creates a grant, and a Patient is a claim until a person confirms it.

use carnet_record::{
    Concept, When,
    kind::{
        Contact, Identity,
        contact::{ContactSort, ContactType},
    },
    person::{Actor, HumanName, Identifier, NameUse, SubjectClaim},
};

use super::{
    bundle::{Index, Resource},
    element::{
        addresses_at, concept, concepts_at, date_at, extension, human_name, identifier, identifiers_at, names_at,
        period_at, sex_at, telecoms_at, when_at,
    },
    found::Found,
    json::Json,
    write::type_of_coding,
};

/// The person that a Patient resource describes.
pub(super) fn subject(resource: &Resource<'_>) -> SubjectClaim {
    let json =
        resource.reads("identifier name telecom gender birthDate address contact communication deceasedDateTime");
    SubjectClaim { verbatim: resource.left_over(), ..claim(json) }
}

/// The person that a resource says it is about where no Patient comes with it: one that it contains, or whoever has the
/// number in its reference, logical (`identifier`, FHIR R4 section 2.3.0.2) or conditional (`Patient?identifier=`,
/// section 3.1.0.11.1).
pub(super) fn named_by(json: &Json) -> Option<SubjectClaim> {
    let is_patient = |own: &&Json| own.text("resourceType") == Some("Patient");
    if let Some(contained) = json.list("contained").iter().find(is_patient) {
        return Some(claim(contained));
    }
    let reference = ["subject", "patient"].iter().find_map(|name| json.get(name))?;
    let logical = reference.get("identifier").and_then(identifier);
    let conditional = reference.text("reference").and_then(|text| text.strip_prefix("Patient?identifier="));
    let conditional =
        conditional.and_then(|text| text.split_once('|')).map(|(system, value)| Identifier::new(system, value));
    let named = logical.or(conditional).filter(|own| !own.value.is_empty())?;
    Some(SubjectClaim::from_identity(Identity { identifiers: vec![named], ..Identity::default() }))
}

fn claim(json: &Json) -> SubjectClaim {
    let place = extension(json, "patient-birthPlace").and_then(|own| own.get("valueAddress"));
    let insee = place.and_then(|place| extension(place, "insee-code"));
    let insee =
        insee.and_then(|own| own.get("valueCoding").and_then(|c| c.text("code")).or_else(|| own.text("valueString")));
    let place_words = place.and_then(|place| {
        let parts: Vec<&str> =
            ["text", "city", "state", "country"].iter().filter_map(|part| place.text(part)).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    });
    let languages = json.list("communication").iter().filter_map(|own| {
        let language = own.get("language").map(concept)?;
        language.codings.first().map(|coding| coding.code.clone()).or(language.text)
    });
    SubjectClaim::from_identity(Identity {
        names: names_of_patient(json),
        birth_date: date_at(json, "birthDate"),
        sex: sex_at(json, "gender"),
        birth_place_insee: insee.map(str::to_owned),
        birth_place: place_words,
        identifiers: identifiers_at(json, "identifier").into_iter().filter(|own| !own.value.is_empty()).collect(),
        telecoms: telecoms_at(json, "telecom"),
        addresses: addresses_at(json, "address"),
        languages: languages.collect(),
        deceased: when_at(json, "deceasedDateTime"),
        ..Identity::default()
    })
}

/// In the French profile the official name is the birth name.
fn names_of_patient(json: &Json) -> Vec<HumanName> {
    let profiles = json.get("meta").map(|meta| meta.list("profile")).unwrap_or_default();
    let has_profile = profiles.iter().filter_map(Json::as_text).any(|own| own.contains("fr-core-patient"));
    let is_french = has_profile || identifiers_at(json, "identifier").iter().any(Identifier::is_ins);
    let mut names = names_at(json, "name");
    for name in names.iter_mut().filter(|_| is_french) {
        if name.used_as == Some(NameUse::from("official")) {
            name.used_as = Some(NameUse::Birth);
        }
    }
    names
}

/// The contacts that a Patient resource names.
pub(super) fn contacts_of_patient(json: &Json) -> Vec<Found> {
    json.list("contact").iter().map(contact_of_patient).collect()
}

fn contact_of_patient(json: &Json) -> Found {
    let relations = concepts_at(json, "relationship");
    let (start, end) = period_at(json, "period");
    let contact = Contact {
        sort: ContactSort::Relative,
        name: json.get("name").map(human_name).unwrap_or_default(),
        types: contact_types(&relations),
        relation: relation(&relations),
        relation_codes: without_types(relations),
        telecoms: telecoms_at(json, "telecom"),
        addresses: addresses_at(json, "address"),
        sex: sex_at(json, "gender"),
        start,
        end,
        ..Contact::default()
    };
    Found { is_whole: false, ..Found::new(contact) }
}

/// A Practitioner.
pub(super) fn practitioner(resource: &Resource<'_>) -> Found {
    let json = resource.reads("identifier active name telecom address gender birthDate qualification");
    resource.keeps_lists("name");
    Found::new(Contact {
        sort: ContactSort::Professional,
        name: json.list("name").first().map(human_name).unwrap_or_default(),
        identifiers: identifiers_at(json, "identifier"),
        telecoms: telecoms_at(json, "telecom"),
        addresses: addresses_at(json, "address"),
        professions: json.list("qualification").iter().filter_map(|own| own.get("code").map(concept)).collect(),
        active: json.flag("active"),
        sex: sex_at(json, "gender"),
        birth_date: date_at(json, "birthDate"),
        partial: is_partial(json).then_some(true),
        ..Contact::default()
    })
}

/// A `PractitionerRole`: what a professional does in a place.
pub(super) fn practitioner_role<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads("identifier active practitioner organization code specialty telecom period");
    let person = json.get("practitioner").and_then(|own| index.actor(resource, own));
    let (start, end) = period_at(json, "period");
    let mut identifiers = identifiers_at(json, "identifier");
    let known = person.as_ref().map(|person| person.identifiers.clone()).unwrap_or_default();
    identifiers.extend(known.into_iter().filter(|own| !own.value.is_empty()));
    identifiers.dedup();
    let inside = json.get("practitioner").and_then(|own| own.text("reference")).filter(|own| own.starts_with('#'));
    let inside = inside.and_then(|own| index.follow(resource, own));
    let full_name = inside.and_then(|own| own.list("name").first()).map(human_name);
    let plain_name = HumanName { text: person.and_then(|person| person.name), ..HumanName::default() };
    Found::new(Contact {
        sort: ContactSort::Professional,
        name: full_name.unwrap_or(plain_name),
        addresses: inside.map(|own| addresses_at(own, "address")).unwrap_or_default(),
        sex: inside.and_then(|own| sex_at(own, "gender")),
        birth_date: inside.and_then(|own| date_at(own, "birthDate")),
        organisation: json.get("organization").and_then(|own| index.label(resource, own)),
        identifiers,
        telecoms: telecoms_at(json, "telecom"),
        professions: concepts_at(json, "code"),
        specialities: concepts_at(json, "specialty"),
        active: json.flag("active"),
        start,
        end,
        partial: is_partial(json).then_some(true),
        ..Contact::default()
    })
}

/// An Organization.
pub(super) fn organization(resource: &Resource<'_>) -> Found {
    let json = resource.reads("identifier active type name telecom address");
    Found::new(Contact {
        sort: ContactSort::Establishment,
        organisation: json.text("name").map(str::to_owned),
        identifiers: identifiers_at(json, "identifier"),
        telecoms: telecoms_at(json, "telecom"),
        addresses: addresses_at(json, "address"),
        categories: concepts_at(json, "type"),
        active: json.flag("active"),
        partial: is_partial(json).then_some(true),
        ..Contact::default()
    })
}

/// A `RelatedPerson`.
pub(super) fn related_person(resource: &Resource<'_>) -> Found {
    let json = resource.reads("identifier active patient relationship name telecom gender birthDate address period");
    resource.keeps_lists("name");
    let relations = concepts_at(json, "relationship");
    let (start, end) = period_at(json, "period");
    Found::new(Contact {
        sort: ContactSort::Relative,
        name: json.list("name").first().map(human_name).unwrap_or_default(),
        types: contact_types(&relations),
        relation: relation(&relations),
        relation_codes: without_types(relations),
        identifiers: identifiers_at(json, "identifier"),
        telecoms: telecoms_at(json, "telecom"),
        addresses: addresses_at(json, "address"),
        active: json.flag("active"),
        sex: sex_at(json, "gender"),
        birth_date: date_at(json, "birthDate"),
        start,
        end,
        ..Contact::default()
    })
}

/// A `CareTeam`: who belongs to it, since when, and in what part.
pub(super) fn care_team<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads("identifier status name subject period participant note");
    let (start, end) = period_at(json, "period");
    let participant = |own: &'a Json| {
        let mut member = own.get("member").and_then(|reference| index.actor(resource, reference))?;
        let (since, _) = period_at(own, "period");
        member.at = since;
        member.role = concepts_at(own, "role").first().and_then(|role| role.label().map(str::to_owned)).or(member.role);
        Some(member)
    };
    let members: Vec<Actor> = json.list("participant").iter().filter_map(participant).collect();
    let mut found = Found::new(Contact {
        sort: ContactSort::Team,
        organisation: json.text("name").map(str::to_owned),
        identifiers: identifiers_at(json, "identifier"),
        active: json.text("status").map(|status| status == "active"),
        start,
        end,
        members,
        ..Contact::default()
    })
    .with_state(json.text("status"));
    for own in json.list("participant") {
        found.link_all(own, "member", &carnet_record::LinkKind::HasPart);
        keep_end(&mut found, own);
    }
    found.comment = super::element::notes_at(json, "note");
    found
}

/// The model has one date for a member of a team; the end stays as it was read.
fn keep_end(found: &mut Found, participant: &Json) {
    let end = period_at(participant, "period").1.as_ref().map(When::to_string);
    let who = participant.get("member").and_then(|member| member.text("reference"));
    if let (Some(end), Some(who)) = (end, who) {
        found.original.insert(format!("participant {who} until"), end);
    }
}

/// Mon espace santé and HL7 v2-0131: what a relative is there for.
fn contact_types(relations: &[Concept]) -> Vec<ContactType> {
    const HL7: &str = "http://terminology.hl7.org/CodeSystem/v2-0131";
    const ROLES: [(&str, ContactType); 6] = [
        ("C", ContactType::Emergency),
        ("ECON", ContactType::Emergency),
        ("CAREGIVER", ContactType::Caregiver),
        ("CGIVER", ContactType::Caregiver),
        ("K", ContactType::Trusted),
        ("PERSCONF", ContactType::Trusted),
    ];
    let mut types = Vec::new();
    for coding in relations.iter().flat_map(|relation| &relation.codings) {
        let is_of_list = coding.system == HL7 || coding.code.len() > 1;
        let known = ROLES.iter().find(|(code, _)| *code == coding.code && is_of_list);
        types.extend(known.map(|(_, sort)| sort.clone()));
    }
    types.sort();
    types.dedup();
    types
}

/// The relations without those that only say, in our own form, what the contact is there for.
fn without_types(mut relations: Vec<Concept>) -> Vec<Concept> {
    relations.retain(|relation| match relation.codings.as_slice() {
        [only] => relation.text.is_some() || only.display.is_some() || type_of_coding(only).is_none(),
        _ => true,
    });
    relations
}

/// The relation with the codes of Mon espace santé where HL7 v3 `RoleCode` says one of them, else in words.
fn relation(relations: &[Concept]) -> Option<String> {
    const ROLES: [(&str, &str); 12] = [
        ("MTH", "MOTHER"),
        ("NMTH", "MOTHER"),
        ("FTH", "FATHER"),
        ("NFTH", "FATHER"),
        ("CHILD", "CHILD"),
        ("SON", "CHILD"),
        ("DAU", "CHILD"),
        ("SPS", "SPOUSE"),
        ("HUSB", "SPOUSE"),
        ("WIFE", "SPOUSE"),
        ("DOMPART", "SPOUSE"),
        ("GUARD", "TUTEUR"),
    ];
    let codes = relations.iter().flat_map(|relation| &relation.codings);
    let known =
        codes.filter_map(|coding| ROLES.iter().find(|(code, _)| *code == coding.code)).map(|(_, own)| *own).next();
    let said =
        relations.iter().filter(|relation| !relation.codings.iter().any(|coding| type_of_coding(coding).is_some()));
    known.or_else(|| said.into_iter().find_map(Concept::label)).map(str::to_owned)
}

/// Whether the server gave only a part of the resource (`_elements`, `_summary`).
fn is_partial(json: &Json) -> bool {
    let tags = json.get("meta").map(|meta| meta.list("tag")).unwrap_or_default();
    tags.iter().any(|tag| tag.text("code") == Some("SUBSETTED"))
}
