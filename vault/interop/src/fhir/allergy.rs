//! `AllergyIntolerance`.

use carnet_record::{
    LinkKind,
    kind::{Allergy, absence::AbsenceOf, allergy::Reaction},
};

use super::{
    bundle::{Index, Resource},
    condition::{absence, verified},
    element::{code_at, concept, concept_at, concepts_at, named, notes_at, period_at, when_at},
    found::Found,
    json::Json,
};

/// One allergy, or the statement that none is known.
pub(super) fn allergy<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier clinicalStatus verificationStatus type category criticality code patient encounter \
         onsetDateTime onsetPeriod onsetString recordedDate recorder asserter lastOccurrence note reaction",
    );
    let code = json.get("code").map(concept).unwrap_or_default();
    let (name, plain) = named(json.get("code"));
    let by = |name: &str| json.get(name).and_then(|own| index.actor(resource, own));
    let author = by("asserter").or_else(|| by("recorder"));
    let stated_at = when_at(json, "recordedDate").or_else(|| when_at(json, "lastOccurrence"));
    let fact = match absence(&code, AbsenceOf::Allergies, stated_at, author.clone()) {
        Some(absence) => Found::new(absence),
        None => Found::new(Allergy {
            name,
            code: plain,
            mechanism: code_at(json, "type"),
            categories: json.list("category").iter().filter_map(Json::as_text).map(str::to_owned).collect(),
            criticality: json.text("criticality").map(str::to_owned),
            onset: when_at(json, "onsetDateTime").or_else(|| period_at(json, "onsetPeriod").0),
            onset_text: json.text("onsetString").map(str::to_owned),
            last_occurrence: when_at(json, "lastOccurrence"),
            end: period_at(json, "onsetPeriod").1,
            clinical: code_at(json, "clinicalStatus"),
            verification: code_at(json, "verificationStatus"),
            reactions: json.list("reaction").iter().map(reaction).collect(),
        }),
    };
    let mut found = fact;
    found.status = verified(json);
    found.comment = notes_at(json, "note");
    found.author = author;
    found.recorded(json, "recordedDate");
    found.link_all(json, "encounter", &LinkKind::Encounter);
    found
}

fn reaction(json: &Json) -> Reaction {
    Reaction {
        substance: concept_at(json, "substance"),
        manifestations: concepts_at(json, "manifestation"),
        severity: json.text("severity").map(str::to_owned),
        at: when_at(json, "onset"),
        route: concept_at(json, "exposureRoute"),
        text: json.text("description").map(str::to_owned).or_else(|| notes_at(json, "note")),
    }
}
