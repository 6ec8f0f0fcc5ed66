//! A measure typed by a person: its kind, its value and what goes with it.

use carnet_record::{
    Concept, Decimal, Fact, Quantity, When, ZoneHistory,
    kind::{
        LabResult, Measure, Target,
        measure::{Component, Moment},
        result::ResultValue,
    },
    measure::{KINDS, MeasureKind},
};

use super::{fill, fill_when};
use crate::{error::Failure, input, msg};

/// The options of `measure add` and `measure edit` beside the kind and the value.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct MeasureFields {
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
    #[arg(long, value_name = "MOMENT")]
    pub(crate) moment: Option<String>,
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u16>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl MeasureFields {
    /// A new measure of the kind `slug`, taken at `now` unless `--at` says otherwise.
    pub(crate) fn new_measure(&self, slug: &str, value: &str, now: When, zones: &ZoneHistory) -> Result<Fact, Failure> {
        let kind = known(slug)?;
        let mut measure = Measure { measure: kind.slug.to_owned(), at: Some(now), ..Measure::default() };
        measure.code = Concept::from_code(kind.system, kind.code);
        self.apply(&mut measure, Some(value), zones)?;
        Ok(measure.into())
    }

    /// Changes `measure` to what was given.
    pub(crate) fn apply(&self, measure: &mut Measure, value: Option<&str>, zones: &ZoneHistory) -> Result<(), Failure> {
        let kind = known(&measure.measure)?;
        if let Some(value) = value {
            self.set_value(measure, kind, value)?;
        }
        fill_when(&mut measure.at, "--at", self.at.as_ref(), zones)?;
        fill(&mut measure.reason, self.reason.as_ref());
        if let Some(slug) = &self.moment {
            measure.moment = Some(Moment::from_slug(slug).ok_or_else(moment_refused)?);
        }
        if self.days.is_some() {
            measure.days = self.days;
        }
        Ok(())
    }

    fn set_value(&self, measure: &mut Measure, kind: &MeasureKind, value: &str) -> Result<(), Failure> {
        if kind.components.is_empty() {
            let unit = self.unit.as_deref().unwrap_or(kind.unit);
            measure.value = Some(Quantity::new(input::decimal("VALUE", value)?, unit));
            return Ok(());
        }
        let parts: Vec<&str> = value.split('/').collect();
        if parts.len() != kind.components.len() {
            return Err(Failure::Usage(msg!("usage-components", kind = kind.slug)));
        }
        measure.components.clear();
        for (part, text) in kind.components.iter().zip(parts) {
            let unit = self.unit.as_deref().unwrap_or(part.unit);
            measure.components.push(Component {
                measure: part.slug.to_owned(),
                code: Concept::from_code(kind.system, part.code),
                value: Some(Quantity::new(input::decimal("VALUE", text)?, unit)),
                absent_reason: None,
            });
        }
        Ok(())
    }
}

/// The kind that a person names: by its slug, or by its name in either language or how that begins. What is none of these
/// stays as it is: a phone may have measured what has no name here.
#[expect(clippy::unnecessary_wraps, reason = "that is how the grammar asks for it")]
pub(crate) fn slug_of(typed: &str) -> Result<String, std::convert::Infallible> {
    if MeasureKind::from_slug(typed).is_some() {
        return Ok(typed.to_owned());
    }
    let typed_name = input::folded(typed.trim());
    let names = |kind: &MeasureKind| [kind.label_fr, kind.label_en].map(input::folded);
    let whole = KINDS.iter().find(|kind| names(kind).contains(&typed_name));
    let mut begun = KINDS.iter().filter(|kind| names(kind).iter().any(|name| name.starts_with(&typed_name)));
    let only = if typed_name.is_empty() { None } else { begun.next().filter(|_| begun.next().is_none()) };
    Ok(whole.or(only).map_or_else(|| typed.to_owned(), |kind| kind.slug.to_owned()))
}

/// The kind with this slug.
pub(crate) fn known(slug: &str) -> Result<&'static MeasureKind, Failure> {
    MeasureKind::from_slug(slug).ok_or_else(|| {
        let slugs: Vec<&str> = KINDS.iter().map(|kind| kind.slug).collect();
        Failure::Usage(msg!("usage-value-among", option = "KIND", values = slugs.join(", ")))
    })
}

fn moment_refused() -> Failure {
    let slugs: Vec<String> = Moment::KNOWN.iter().map(|code| Moment::from(*code).slug().to_owned()).collect();
    Failure::Usage(msg!("usage-value-among", option = "--moment", values = slugs.join(", ")))
}

/// The value with its unit, or the components: `72.4 kg`, `120/80 mm[Hg]`.
pub(crate) fn value_text(measure: &Measure) -> String {
    if let Some(value) = &measure.value {
        return quantity_text(value);
    }
    let values: Vec<&Quantity> = measure.components.iter().filter_map(|part| part.value.as_ref()).collect();
    let numbers: Vec<String> = values.iter().map(|value| number_text(value)).collect();
    let unit = values.first().map(|value| value.unit.as_str()).unwrap_or_default();
    format!("{} {unit}", numbers.join("/")).trim().to_owned()
}

/// The ends of a target with their unit, for people: `4 - 7 %`, or one end after its sign.
pub(crate) fn range_text(target: &Target) -> String {
    match (&target.low, &target.high) {
        (Some(low), Some(high)) if low.unit == high.unit => format!("{} - {}", low.value, quantity_text(high)),
        (Some(low), Some(high)) => format!("{} - {}", quantity_text(low), quantity_text(high)),
        (Some(low), None) => format!("\u{2265} {}", quantity_text(low)),
        (None, Some(high)) => format!("\u{2264} {}", quantity_text(high)),
        (None, None) => String::new(),
    }
}

/// The value of a laboratory result.
pub(crate) fn result_text(result: &LabResult) -> String {
    let side = |quantity: &Option<Quantity>| quantity.as_ref().map(quantity_text).unwrap_or_default();
    match &result.value {
        Some(ResultValue::Concept(concept)) => concept.label().unwrap_or_default().to_owned(),
        Some(ResultValue::Interval { low, high }) => format!("{} - {}", side(low), side(high)),
        Some(ResultValue::Quantity(quantity)) => quantity_text(quantity),
        Some(ResultValue::Ratio { numerator, denominator }) => {
            format!("{}:{}", number_text(numerator), number_text(denominator))
        }
        Some(ResultValue::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn quantity_text(quantity: &Quantity) -> String {
    format!("{} {}", number_text(quantity), quantity.unit).trim().to_owned()
}

fn number_text(quantity: &Quantity) -> String {
    let sign = quantity.comparator.as_ref().map(|comparator| comparator.as_str().to_owned()).unwrap_or_default();
    let value: Decimal = quantity.value;
    format!("{sign}{value}")
}

#[cfg(test)]
mod tests {
    use carnet_record::{Draft, Provenance};

    use super::*;
    use crate::form;

    fn made(slug: &str, value: &str, fields: &MeasureFields) -> Result<Fact, Failure> {
        let fact = fields.new_measure(
            slug,
            value,
            input::when("--at", "2026-03-01T08:00:00+01:00", &ZoneHistory::utc()).unwrap(),
            &ZoneHistory::utc(),
        )?;
        form::check(&Draft::new(fact.clone(), Provenance::default()))?;
        Ok(fact)
    }

    #[test]
    fn a_weight_keeps_its_digits() {
        let Ok(Fact::Measure(weight)) = made("weight", "72,40", &MeasureFields::default()) else { panic!() };
        assert_eq!(value_text(&weight), "72.40 kg");
        assert_eq!(weight.at.unwrap().to_string(), "2026-03-01T08:00:00+01:00");
    }

    #[test]
    fn a_blood_pressure_has_two_components() {
        let Ok(Fact::Measure(pressure)) = made("blood-pressure", "120/80", &MeasureFields::default()) else { panic!() };
        assert_eq!(value_text(&pressure), "120/80 mm[Hg]");
        assert!(matches!(made("blood-pressure", "120", &MeasureFields::default()), Err(Failure::Usage(_))));
        assert!(matches!(made("blood-pressure", "80/120", &MeasureFields::default()), Err(Failure::Rules(_))));
    }

    #[test]
    fn what_the_rules_refuse_is_refused_with_the_bound() {
        for (slug, value) in [("bmi", "22"), ("weight", "7000"), ("glucose", "90"), ("pain", "3,5")] {
            assert!(matches!(made(slug, value, &MeasureFields::default()), Err(Failure::Rules(_))), "{slug}");
        }
        let fasting = MeasureFields { moment: Some("fasting".into()), ..MeasureFields::default() };
        assert!(made("glucose", "90", &fasting).is_ok());
    }

    #[test]
    fn a_kind_is_named_by_its_slug_or_in_either_language() {
        for (typed, slug) in [
            ("weight", "weight"),
            ("Poids", "weight"),
            ("tension", "blood-pressure"),
            ("BLOOD PRESSURE", "blood-pressure"),
            ("glyc\u{e9}mie", "glucose"),
            ("glycemie", "glucose"),
            ("taille", "height"),
            // Three begin like this, and a phone has names of its own.
            ("cholesterol", "cholesterol"),
            ("HKQuantityTypeIdentifierBloodGlucose", "HKQuantityTypeIdentifierBloodGlucose"),
            ("systolic", "systolic"),
            ("", ""),
        ] {
            assert_eq!(slug_of(typed).as_deref(), Ok(slug), "{typed}");
        }
    }

    #[test]
    fn an_unknown_kind_or_moment_names_the_known_ones() {
        assert_eq!(made("wieght", "72", &MeasureFields::default()).unwrap_err().exit().code(), 2);
        let wrong = MeasureFields { moment: Some("midi".into()), ..MeasureFields::default() };
        assert_eq!(made("glucose", "90", &wrong).unwrap_err().exit().code(), 2);
    }

    #[test]
    fn an_edit_changes_only_what_is_given() {
        let Ok(Fact::Measure(mut weight)) = made("weight", "72,4", &MeasureFields::default()) else { panic!() };
        let later = MeasureFields { at: Some("2026-02".into()), ..MeasureFields::default() };
        later.apply(&mut weight, None, &ZoneHistory::utc()).unwrap();
        assert_eq!((value_text(&weight).as_str(), weight.at.unwrap().to_string().as_str()), ("72.4 kg", "2026-02"));
    }
}
