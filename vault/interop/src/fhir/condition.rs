//! Condition, and the codes by which a resource says that there is nothing (IPS 2.0.0, SNOMED CT).

use carnet_record::{
    Concept, LinkKind, Status, When,
    code::system,
    kind::{
        Absence, Disability, Disease,
        absence::{AbsenceMeaning, AbsenceOf},
    },
    person::Actor,
};

use super::{
    bundle::{Index, Resource},
    element::{code_at, concept, concept_at, concepts_at, named, notes_at, period_at, when_at},
    found::Found,
    json::Json,
};

/// One Condition.
pub(super) fn condition<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier clinicalStatus verificationStatus category severity code bodySite subject encounter \
         onsetDateTime onsetPeriod onsetString onsetAge abatementDateTime abatementPeriod abatementString \
         recordedDate recorder asserter note",
    );
    resource.keeps_lists("bodySite");
    let code = json.get("code").map(concept).unwrap_or_default();
    let author = authors(resource, index, json);
    if let Some(absence) = absence(&code, AbsenceOf::Diseases, when_at(json, "recordedDate"), author.clone()) {
        return around(Found::new(absence), json, author);
    }
    let (name, code) = named(json.get("code"));
    let categories = concepts_at(json, "category");
    if categories.iter().any(|category| category.has(system::SNOMED, DISABILITY)) {
        resource.keeps("bodySite onsetDateTime onsetPeriod onsetString onsetAge severity");
        resource.keeps("abatementDateTime abatementPeriod abatementString");
        resource.keeps_lists("category");
        return around(Found::new(Disability { name, code, ..Disability::default() }), json, author);
    }
    let (onset_start, _) = period_at(json, "onsetPeriod");
    let (_, abatement_end) = period_at(json, "abatementPeriod");
    let mut found = Found::new(Disease {
        name,
        code,
        start: when_at(json, "onsetDateTime").or(onset_start),
        end: when_at(json, "abatementDateTime").or(abatement_end),
        onset_text: json.text("onsetString").map(str::to_owned).or_else(|| age(json, "onsetAge")),
        clinical: code_at(json, "clinicalStatus"),
        verification: code_at(json, "verificationStatus"),
        categories,
        severity: concept_at(json, "severity"),
        body_site: json.list("bodySite").first().map(concept),
    });
    found.link_all(json, "encounter", &LinkKind::Encounter);
    around(found, json, author)
}

fn around(mut found: Found, json: &Json, author: Option<Actor>) -> Found {
    found.status = verified(json);
    found.comment = notes_at(json, "note");
    found.author = author;
    found.recorded(json, "recordedDate");
    found
}

/// The status that `verificationStatus` means.
pub(super) fn verified(json: &Json) -> Status {
    match code_at(json, "verificationStatus").as_deref() {
        Some("entered-in-error") => Status::EnteredInError,
        Some("refuted") => Status::Refuted,
        _ => Status::Active,
    }
}

fn authors<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json) -> Option<Actor> {
    let by = |name: &str| json.get(name).and_then(|own| index.actor(resource, own));
    by("asserter").or_else(|| by("recorder"))
}

fn age(json: &Json, name: &str) -> Option<String> {
    super::element::quantity_at(json, name).map(|age| age.to_string())
}

/// The statement of absence that a code makes, if it is one.
pub(super) fn absence(
    code: &Concept,
    of: AbsenceOf,
    stated_at: Option<When>,
    author: Option<Actor>,
) -> Option<Absence> {
    let ips = code.code_in(IPS_ABSENT).or_else(|| code.code_in(IPS_ABSENT_OLD));
    let meaning = match ips {
        Some(own) if own.starts_with("no-known-") => Some(AbsenceMeaning::NoneKnown),
        Some(own) if own.ends_with("-info") => Some(AbsenceMeaning::Unavailable),
        _ => None,
    };
    let snomed = code.code_in(system::SNOMED).filter(|own| NONE_KNOWN.iter().any(|(known, _)| known == own));
    let meaning = meaning.or(snomed.map(|_| AbsenceMeaning::NoneKnown))?;
    Some(Absence { of, meaning, code: code.clone(), stated_at, author })
}

/// "Disability" in SNOMED CT: the category of a Condition that is one.
pub(super) const DISABILITY: &str = "21134002";

/// Code system of the IPS for absent and unknown data.
pub(super) const IPS_ABSENT: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";
/// Its address in older editions.
const IPS_ABSENT_OLD: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown";

/// SNOMED CT codes that say "none known", and of what.
pub(super) const NONE_KNOWN: [(&str, &str); 13] = [
    ("716186003", "ALLERGIES"),
    ("160244002", "ALLERGIES"),
    ("409137002", "ALLERGIES"),
    ("429625007", "ALLERGIES"),
    ("428607008", "ALLERGIES"),
    ("716184000", "ALLERGIES"),
    ("716185004", "ALLERGIES"),
    ("716220001", "ALLERGIES"),
    ("160245001", "DISEASES"),
    ("787480003", "PROCEDURES"),
    ("787481004", "TREATMENTS"),
    ("787482006", "VACCINATIONS"),
    ("787483001", "DEVICES"),
];
