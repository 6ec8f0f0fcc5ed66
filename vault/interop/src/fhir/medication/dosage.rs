//! One line of a dosage (FHIR R4 Dosage and Timing).

use carnet_record::{Quantity, kind::treatment::DosageLine};

use crate::fhir::{
    element::{concept_at, concepts_at, period_at, quantity_at},
    json::Json,
};

/// The line as structure; what the structure cannot hold stays in its words.
pub(super) fn line(json: &Json) -> DosageLine {
    let timing = json.get("timing");
    let repeat = timing.and_then(|own| own.get("repeat"));
    let text_of = |name: &str| repeat.and_then(|own| own.text(name));
    let number = |name: &str| text_of(name).and_then(|own| own.parse().ok());
    let (start, end) = repeat.map(|own| period_at(own, "boundsPeriod")).unwrap_or_default();
    let dose = json.list("doseAndRate").first();
    let range = dose.and_then(|own| own.get("doseRange"));
    let instructions = concepts_at(json, "additionalInstruction");
    let instruction = instructions.iter().filter_map(|own| own.label()).collect::<Vec<_>>().join("\n");
    let instruction =
        json.text("patientInstruction").map(str::to_owned).or_else(|| (!instruction.is_empty()).then_some(instruction));
    let moments = |name: &str| {
        let own = repeat.map(|own| own.list(name)).unwrap_or_default();
        own.iter().filter_map(Json::as_text).map(str::to_owned).collect::<Vec<_>>()
    };
    DosageLine {
        sequence: json.text("sequence").and_then(|own| own.parse().ok()),
        text: json.text("text").map(str::to_owned).or_else(|| timing_words(timing)),
        instruction,
        dose: dose
            .and_then(|own| quantity_at(own, "doseQuantity"))
            .or_else(|| range.and_then(|own| quantity_at(own, "low"))),
        dose_high: range.and_then(|own| quantity_at(own, "high")),
        frequency: number("frequency"),
        period: measured(repeat, "period", "periodUnit"),
        moments: [moments("when"), moments("dayOfWeek")].concat(),
        times: moments("timeOfDay"),
        duration: measured(repeat, "duration", "durationUnit").or_else(|| {
            repeat.and_then(|own| quantity_at(own, "boundsDuration")).map(|own| Quantity::new(own.value, &own.unit))
        }),
        start,
        end,
        as_needed: json.flag("asNeededBoolean").or_else(|| json.get("asNeededCodeableConcept").map(|_| true)),
        as_needed_for: concept_at(json, "asNeededCodeableConcept"),
        route: concept_at(json, "route"),
        site: concept_at(json, "site"),
        maximum: maximum(json),
    }
}

/// Whether the structure holds all of a line, so that it need not be kept word for word.
pub(super) fn is_held(json: &Json) -> bool {
    let only = |json: Option<&Json>, known: &str| {
        json.is_none_or(|json| json.members().iter().all(|(name, _)| known.split_whitespace().any(|own| own == name)))
    };
    let timing = json.get("timing");
    let dose = json.list("doseAndRate");
    let line =
        "sequence text patientInstruction timing asNeededBoolean asNeededCodeableConcept site route doseAndRate dose";
    only(Some(json), line)
        && only(timing, "repeat")
        && only(
            timing.and_then(|own| own.get("repeat")),
            "boundsPeriod duration durationUnit frequency period periodUnit dayOfWeek timeOfDay when",
        )
        && dose.len() <= 1
        && only(dose.first(), "doseQuantity doseRange")
}

fn measured(repeat: Option<&Json>, value: &str, unit: &str) -> Option<Quantity> {
    let repeat = repeat?;
    let number = repeat.text(value)?.parse().ok()?;
    Some(Quantity::new(number, repeat.text(unit).unwrap_or_default()))
}

fn timing_words(timing: Option<&Json>) -> Option<String> {
    concept_at(timing?, "code").and_then(|code| code.label().map(str::to_owned))
}

fn maximum(json: &Json) -> Option<String> {
    let per_period = json.get("maxDosePerPeriod").and_then(|own| {
        let (top, bottom) = (quantity_at(own, "numerator")?, quantity_at(own, "denominator")?);
        Some(format!("{top} / {bottom}"))
    });
    let at_once = quantity_at(json, "maxDosePerAdministration").map(|own| own.to_string());
    let parts: Vec<String> = per_period.into_iter().chain(at_once).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
