//! What Apple's names of types mean here.
//!
//! A type whose meaning is exactly that of a national or LOINC code becomes the slug of that kind. Every other type
//! keeps Apple's name as its kind, and still draws. Blood glucose is among these: Apple does not say whether it was
//! measured in blood or under the skin, and the two have different codes.

use carnet_record::{Decimal, batch::SampleValue};

/// Slug of the sleep stages, which are codes and no durations.
pub(crate) const SLEEP_STAGE: &str = "sleep-stage";

/// Apple's type, and the slug of `carnet_record::measure::KINDS` that means the same.
const SLUGS: [(&str, &str); 12] = [
    ("HKQuantityTypeIdentifierBodyMass", "weight"),
    ("HKQuantityTypeIdentifierBodyMassIndex", "bmi"),
    ("HKQuantityTypeIdentifierBodyTemperature", "temperature"),
    ("HKQuantityTypeIdentifierHeartRate", "heart-rate"),
    ("HKQuantityTypeIdentifierHeight", "height"),
    ("HKQuantityTypeIdentifierOxygenSaturation", "spo2"),
    ("HKQuantityTypeIdentifierPeakExpiratoryFlowRate", "peak-flow"),
    ("HKQuantityTypeIdentifierRespiratoryRate", "respiratory-rate"),
    ("HKQuantityTypeIdentifierStepCount", "steps"),
    ("HKQuantityTypeIdentifierWaistCircumference", "waist"),
    (SYSTOLIC_TYPE, "systolic"),
    (DIASTOLIC_TYPE, "diastolic"),
];

/// Apple's type of the upper blood pressure.
pub(crate) const SYSTOLIC_TYPE: &str = "HKQuantityTypeIdentifierBloodPressureSystolic";
/// Apple's type of the lower blood pressure.
pub(crate) const DIASTOLIC_TYPE: &str = "HKQuantityTypeIdentifierBloodPressureDiastolic";

/// The kind under which rows of a type are kept.
pub(crate) fn kind_of(apple_type: &str) -> &str {
    if apple_type == "HKCategoryTypeIdentifierSleepAnalysis" {
        return SLEEP_STAGE;
    }
    SLUGS.iter().find(|(name, _)| *name == apple_type).map_or(apple_type, |(_, slug)| slug)
}

/// Why rows of a type are left aside, when they are no measures.
pub(crate) fn set_aside_reason(apple_type: &str) -> Option<&'static str> {
    // The one name without "TypeIdentifier" in it.
    (apple_type == "HKDataTypeSleepDurationGoal").then_some("a-goal-not-a-measure")
}

/// Whether rows of a kind belong to what a person shares with no one by default: cycle, sexuality, mental health.
pub(crate) fn is_intimate(kind: &str) -> bool {
    const MARKS: [&str; 16] = [
        "Menstrual",
        "Ovulation",
        "CervicalMucus",
        "IntermenstrualBleeding",
        "BleedingAfterPregnancy",
        "BleedingDuringPregnancy",
        "Contraceptive",
        "Pregnancy",
        "ProgesteroneTest",
        "Lactation",
        "SexualActivity",
        "StateOfMind",
        "MoodChanges",
        "MindfulSession",
        "GAD7",
        "PHQ9",
    ];
    kind.starts_with("HK") && MARKS.iter().any(|mark| kind.contains(mark))
}

/// Why a value cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueRefused {
    /// A quantity without a number.
    NotANumber,
    /// A code longer than what is kept.
    TooLong,
}

/// The value of a row as it is kept: a number for quantities, a code for categories.
///
/// HealthKit writes a percentage as a fraction: `0.97` with the unit `%` is 97 %. The point is moved, no digit changes.
pub(crate) fn value_of(apple_type: &str, unit: &str, text: &str) -> Result<SampleValue, ValueRefused> {
    let is_quantity = apple_type.starts_with("HKQuantityType") || !unit.is_empty();
    if !is_quantity {
        let code = if text.is_empty() { NO_VALUE } else { text };
        let fits = code.len() <= carnet_record::batch::CODE_BYTES_MAX;
        return if fits { Ok(SampleValue::Code(code.to_owned())) } else { Err(ValueRefused::TooLong) };
    }
    let number = decimal_of(text).ok_or(ValueRefused::NotANumber)?;
    let number = if unit == "%" { percent(number).ok_or(ValueRefused::NotANumber)? } else { number };
    Ok(SampleValue::Number(number))
}

/// A number as printed. Apple prints doubles with up to 17 significant digits after leading zeros: what goes beyond
/// 18 digits is noise of the last place and is cut.
pub(crate) fn decimal_of(text: &str) -> Option<Decimal> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (whole, fraction) = text.split_once('.')?;
    let significant = whole.trim_start_matches(['-', '0']).len();
    let room = DIGITS_MAX.checked_sub(significant)?;
    let cut = fraction.get(..room.min(fraction.len()))?;
    fraction.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{whole}.{cut}").parse().ok())?
}

fn percent(fraction: Decimal) -> Option<Decimal> {
    let hundred = Decimal::from_i32(100);
    fraction.times_ratio(hundred, Decimal::from_i32(1), fraction.scale().saturating_sub(2))
}

/// The code that HealthKit itself uses for a category without values.
const NO_VALUE: &str = "HKCategoryValueNotApplicable";
/// Digits of a number that is kept.
const DIGITS_MAX: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> SampleValue {
        SampleValue::Number(text.parse().unwrap())
    }

    #[test]
    fn slugs_are_kinds_of_the_record() {
        for (_, slug) in SLUGS.iter().filter(|(_, slug)| !slug.ends_with("stolic")) {
            assert!(carnet_record::measure::MeasureKind::from_slug(slug).is_some(), "{slug}");
        }
        let glucose = "HKQuantityTypeIdentifierBloodGlucose";
        assert_eq!(kind_of(glucose), glucose, "blood or under the skin is not said");
    }

    #[test]
    fn values_keep_their_digits() {
        assert_eq!(value_of("HKQuantityTypeIdentifierBodyMass", "kg", "64.850"), Ok(number("64.850")));
        assert_eq!(value_of("HKQuantityTypeIdentifierOxygenSaturation", "%", "0.97"), Ok(number("97")));
        assert_eq!(value_of("HKQuantityTypeIdentifierOxygenSaturation", "%", "0.965"), Ok(number("96.5")));
        assert_eq!(value_of("HKQuantityTypeIdentifierOxygenSaturation", "%", "1"), Ok(number("100")));
        assert_eq!(value_of("HKQuantityTypeIdentifierBodyMass", "kg", "soixante"), Err(ValueRefused::NotANumber));
        assert_eq!(value_of("HKQuantityTypeIdentifierBodyMass", "kg", ""), Err(ValueRefused::NotANumber));
        assert_eq!(decimal_of("0.0004971749504535062123"), "0.000497174950453506".parse().ok());
        assert_eq!(decimal_of("12345678901234567890"), None);
        let asleep = "HKCategoryValueSleepAnalysisAsleepCore";
        let kept = value_of("HKCategoryTypeIdentifierSleepAnalysis", "", asleep);
        assert_eq!(kept, Ok(SampleValue::Code(asleep.to_owned())));
        assert_eq!(value_of("HKCategoryTypeIdentifierX", "", &"x".repeat(1 << 20)), Err(ValueRefused::TooLong));
    }

    #[test]
    fn intimate_types_are_known() {
        for kind in ["HKCategoryTypeIdentifierMenstrualFlow", "HKCategoryTypeIdentifierSexualActivity", "HKStateOfMind"]
        {
            assert!(is_intimate(kind), "{kind}");
        }
        assert!(!is_intimate("heart-rate") && !is_intimate("HKQuantityTypeIdentifierDistanceCycling"));
    }
}
