//! `FamilyMemberHistory`: one entry for each disease that it names, of the relative that it is about.

use carnet_record::{
    Concept, Status,
    kind::{FamilyHistory, family_history::Relative},
};

use super::{
    bundle::Resource,
    element::{concept, named, notes_at},
    found::Found,
    json::Json,
};

/// The diseases of one relative, in the order of the resource. One alone is all of its resource.
pub(super) fn family_member_history(resource: &Resource<'_>) -> Vec<Found> {
    let json = resource.reads("identifier status patient relationship condition note date");
    let conditions = json.list("condition");
    if !conditions.iter().all(is_taken_whole) {
        resource.keeps("condition");
    }
    let of = |condition| of_condition(json, condition, conditions.len() == 1);
    conditions.iter().map(of).collect()
}

fn of_condition(json: &Json, condition: &Json, is_whole: bool) -> Found {
    let (name, code) = named(condition.get("code"));
    let mut relationship = json.get("relationship").map(concept).unwrap_or_default();
    let relative = relative(&relationship);
    if relative.as_ref().and_then(role_of).is_some_and(|role| relationship == Concept::from_code(ROLE_CODE, role)) {
        relationship = Concept::default();
    }
    let mut found = Found::new(FamilyHistory { name, code, relative, relationship });
    found.is_whole = is_whole;
    if json.text("status") == Some("entered-in-error") {
        found.status = Status::EnteredInError;
    }
    found.comment = notes_at(json, "note");
    found.recorded(json, "date");
    found
}

/// Whether a condition holds nothing beside what becomes the entry.
fn is_taken_whole(condition: &Json) -> bool {
    condition.members().iter().all(|(name, _)| name == "code")
}

/// The relative that a code of HL7's `RoleCode` names; a side of the family, or half of a kinship, is left out.
fn relative(relationship: &Concept) -> Option<Relative> {
    let code = relationship.code_in(ROLE_CODE);
    let known = code.and_then(|code| RELATIVES.iter().find(|(_, codes)| codes.split(' ').any(|own| own == code)));
    let said = || (!relationship.is_empty()).then_some(Relative::OtherRelative);
    known.map(|(relative, _)| Relative::from(*relative)).or_else(said)
}

/// The code that says who it is, as we write it.
pub(super) fn role_of(relative: &Relative) -> Option<&'static str> {
    let (_, codes) = RELATIVES.iter().find(|(known, _)| *known == relative.as_str())?;
    codes.split(' ').next()
}

/// HL7 v3 `RoleCode`.
pub(super) const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

/// Our terms, and the codes that mean them; the first one is written.
const RELATIVES: [(&str, &str); 11] = [
    ("AUNT", "AUNT MAUNT PAUNT"),
    ("BROTHER", "BRO HBRO NBRO TWINBRO FTWINBRO ITWINBRO"),
    ("FATHER", "FTH NFTH"),
    ("GRANDFATHER", "GRFTH MGRFTH PGRFTH"),
    ("GRANDMOTHER", "GRMTH MGRMTH PGRMTH"),
    ("GREAT_GRANDFATHER", "GGRFTH MGGRFTH PGGRFTH"),
    ("GREAT_GRANDMOTHER", "GGRMTH MGGRMTH PGGRMTH"),
    ("MOTHER", "MTH NMTH"),
    ("OTHER", "FAMMEMB EXT"),
    ("SISTER", "SIS HSIS NSIS TWINSIS FTWINSIS ITWINSIS"),
    ("UNCLE", "UNCLE MUNCLE PUNCLE"),
];
