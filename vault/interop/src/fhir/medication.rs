//! Drugs: `MedicationStatement`, `MedicationRequest`, `MedicationDispense`, `MedicationAdministration`.

mod dosage;

use carnet_record::{
    Concept, LinkKind,
    kind::{
        Treatment,
        absence::AbsenceOf,
        treatment::{DosageLine, TreatmentRole},
    },
    person::Actor,
};

use super::{
    bundle::{Index, Resource},
    condition::absence,
    element::{concept_at, concepts_at, notes_at, period_at, quantity_at, when_at},
    found::Found,
    json::Json,
};

/// One statement about a drug, of whichever of the four kinds.
pub(super) fn medication<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Found {
    let json = resource.reads(
        "identifier status intent medicationCodeableConcept medicationReference subject encounter \
         context effectiveDateTime effectivePeriod dateAsserted informationSource authoredOn requester \
         performer reasonCode reasonReference note dosage dosageInstruction groupIdentifier quantity \
         whenHandedOver whenPrepared dispenseRequest",
    );
    resource.keeps_lists("performer");
    let of_dispense = json.get("dispenseRequest").map(Json::members).unwrap_or_default();
    if of_dispense.iter().any(|(name, _)| !matches!(name.as_str(), "quantity" | "numberOfRepeatsAllowed")) {
        resource.keeps("dispenseRequest");
    }
    for member in ["dosage", "dosageInstruction"] {
        if !json.list(member).iter().all(dosage::is_held) {
            resource.keeps("dosage dosageInstruction");
        }
    }
    let drug = drug(resource, index, json);
    let role = match resource.kind {
        "MedicationRequest" => TreatmentRole::Prescription,
        "MedicationDispense" => TreatmentRole::Dispensation,
        "MedicationAdministration" => TreatmentRole::Administration,
        _ => TreatmentRole::Statement,
    };
    let performer = performer(resource, index, json);
    let stated_at =
        ["authoredOn", "whenHandedOver", "dateAsserted", "whenPrepared"].iter().find_map(|name| when_at(json, name));
    if let Some(absence) = absence(
        &drug.code,
        AbsenceOf::Treatments,
        stated_at.or_else(|| when_at(json, "effectiveDateTime")),
        performer.clone(),
    ) {
        return Found { author: performer, ..Found::new(absence) };
    }
    let (start, end) = period_at(json, "effectivePeriod");
    let mut lines = dosage_lines(json);
    let texts: Vec<String> = lines.iter().filter_map(|line| line.text.clone()).collect();
    lines.retain(|line| *line != DosageLine { text: line.text.clone(), ..DosageLine::default() });
    let dispense = json.get("dispenseRequest");
    let mut found = Found::new(Treatment {
        name: drug.code.label().map(str::to_owned),
        code: Concept { text: None, ..drug.code },
        role,
        form: drug.form,
        ingredients: drug.ingredients,
        dosage: (!texts.is_empty()).then(|| texts.join("\n")),
        dosage_lines: lines,
        start: when_at(json, "effectiveDateTime").or(start),
        end,
        stated_at,
        state: json.text("status").map(str::to_owned),
        intent: json.text("intent").map(str::to_owned),
        group: json.get("groupIdentifier").and_then(|own| own.text("value")).map(str::to_owned),
        performer: performer.clone(),
        reasons: concepts_at(json, "reasonCode"),
        quantity: quantity_at(json, "quantity").or_else(|| dispense.and_then(|own| quantity_at(own, "quantity"))),
        repeats: dispense.and_then(|own| own.text("numberOfRepeatsAllowed")).and_then(|number| number.parse().ok()),
        lot: drug.lot,
    })
    .with_state(json.text("status"));
    found.comment = notes_at(json, "note");
    found.author = performer;
    found.recorded(json, "dateAsserted");
    found.recorded(json, "authoredOn");
    for member in ["encounter", "context"] {
        found.link_all(json, member, &LinkKind::Encounter);
    }
    found.link_all(json, "reasonReference", &LinkKind::Because);
    found
}

struct Drug {
    code: Concept,
    form: Option<Concept>,
    ingredients: Vec<Concept>,
    lot: Option<String>,
}

/// The drug itself, or what the reference to a Medication leads to. A reference that leads nowhere is its own text.
fn drug<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json) -> Drug {
    let own = concept_at(json, "medicationCodeableConcept");
    let reference = json.get("medicationReference");
    let target = reference.and_then(|own| own.text("reference")).and_then(|own| index.follow(resource, own));
    let words = reference.and_then(|own| own.text("display").or_else(|| own.text("reference")));
    let code = own.or_else(|| target.and_then(|own| concept_at(own, "code"))).or_else(|| words.map(Concept::from_text));
    let ingredient = |own: &Json| {
        let mut substance = concept_at(own, "itemCodeableConcept")?;
        let strength = own.get("strength").and_then(strength);
        if let (Some(strength), None) = (&strength, &substance.text) {
            substance.text = substance.label().map(|label| format!("{label} {strength}"));
        }
        Some(substance)
    };
    Drug {
        code: code.unwrap_or_default(),
        form: target.and_then(|own| concept_at(own, "form")),
        ingredients: target
            .map(|own| own.list("ingredient").iter().filter_map(ingredient).collect())
            .unwrap_or_default(),
        lot: target.and_then(|own| own.get("batch")).and_then(|own| own.text("lotNumber")).map(str::to_owned),
    }
}

fn strength(json: &Json) -> Option<String> {
    let top = quantity_at(json, "numerator")?;
    let bottom = quantity_at(json, "denominator").filter(|bottom| !bottom.unit.is_empty());
    Some(bottom.map_or_else(|| top.to_string(), |bottom| format!("{top} / {bottom}")))
}

fn performer<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json) -> Option<Actor> {
    let by = |name: &str| json.get(name).and_then(|own| index.actor(resource, own));
    let listed =
        json.list("performer").iter().find_map(|own| own.get("actor").and_then(|own| index.actor(resource, own)));
    by("requester").or_else(|| by("informationSource")).or(listed)
}

fn dosage_lines(json: &Json) -> Vec<DosageLine> {
    if let Some(given) =
        json.get("dosage").filter(|own| matches!(own, Json::Object(_)) && own.get("doseAndRate").is_none())
    {
        // MedicationAdministration has one dosage of its own shape.
        return vec![DosageLine {
            text: given.text("text").map(str::to_owned),
            dose: quantity_at(given, "dose"),
            route: concept_at(given, "route"),
            site: concept_at(given, "site"),
            ..DosageLine::default()
        }];
    }
    let lines = json.list("dosageInstruction").iter().chain(json.list("dosage"));
    lines.map(dosage::line).filter(|line| *line != DosageLine::default()).collect()
}
