//! What a person wants a measure to be: a range, agreed with whoever treats them. It is never an advice of ours.

use serde::{Deserialize, Serialize};

use super::Measure;
use crate::{
    date::PartialDate,
    measure::{KINDS, MeasureKind, convert},
    quantity::{Decimal, Quantity},
};

/// A target. There is one for each kind of measure, or for each component of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Slug of the kind (`hba1c`), or of the component (`systolic`).
    pub measure: String,
    /// Lowest value that is meant; none when there is no lower end.
    pub low: Option<Quantity>,
    /// Highest value that is meant; none when there is no upper end.
    pub high: Option<Quantity>,
    /// Since when.
    pub since: Option<PartialDate>,
}

/// How a measure stands to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Above the upper end.
    Above,
    /// Below the lower end.
    Below,
    /// Neither.
    Within,
}

impl Standing {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
            Self::Within => "within",
        }
    }
}

/// The code system and the code of the kind or component with `slug`.
pub fn coding_of(slug: &str) -> Option<(&'static str, &'static str)> {
    let own = MeasureKind::from_slug(slug).filter(|kind| kind.components.is_empty());
    let part = || KINDS.iter().find_map(|kind| Some((kind.system, kind.component(slug)?.code)));
    own.map(|kind| (kind.system, kind.code)).or_else(part)
}

/// The kind or component that a code means.
pub fn slug_of(system: &str, code: &str) -> Option<&'static str> {
    let parts = KINDS.iter().filter(|kind| kind.system == system).flat_map(|kind| kind.components);
    let own = MeasureKind::from_code(system, code).filter(|kind| kind.components.is_empty()).map(|kind| kind.slug);
    own.or_else(|| parts.into_iter().find(|part| part.code == code).map(|part| part.slug))
}

/// The unit of the kind or component with `slug`, and its digits after the point; none for a kind that has no value
/// of its own.
pub fn unit_of(slug: &str) -> Option<(&'static str, u8)> {
    let own = MeasureKind::from_slug(slug).filter(|kind| kind.components.is_empty());
    let part = || KINDS.iter().find_map(|kind| Some((kind.component(slug)?.unit, kind.decimals)));
    own.map(|kind| (kind.unit, kind.decimals)).or_else(part)
}

impl Target {
    /// How `measure` stands to this target; none when it is about something else, or has no value that compares.
    pub fn standing(&self, measure: &Measure) -> Option<Standing> {
        let value =
            if measure.measure == self.measure { measure.value.as_ref()? } else { measure.component(&self.measure)? };
        let (unit, _) = unit_of(&self.measure)?;
        let of = |quantity: &Quantity| convert(quantity.value, &quantity.unit, unit, DIGITS_COMPARED);
        let value = of(value)?;
        let is_beyond = |end: &Option<Quantity>, beyond: fn(Decimal, Decimal) -> bool| {
            end.as_ref().and_then(of).is_some_and(|end| beyond(value, end))
        };
        if is_beyond(&self.low, |value, low| value.compare(low).is_lt()) {
            return Some(Standing::Below);
        }
        let is_above = is_beyond(&self.high, |value, high| value.compare(high).is_gt());
        Some(if is_above { Standing::Above } else { Standing::Within })
    }
}

/// Digits after the point that two values are compared to, after conversion to one unit.
const DIGITS_COMPARED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::measure::Component;

    fn quantity(value: &str, unit: &str) -> Quantity {
        Quantity::new(value.parse().unwrap(), unit)
    }

    #[test]
    fn a_measure_stands_below_within_or_above_in_whatever_unit() {
        let target = Target {
            measure: "glucose".into(),
            low: Some(quantity("70", "mg/dL")),
            high: Some(quantity("1.10", "g/L")),
            since: None,
        };
        let measured = |value, unit| Measure {
            measure: "glucose".into(),
            value: Some(quantity(value, unit)),
            ..Measure::default()
        };
        for (value, unit, standing) in [
            ("69", "mg/dL", Standing::Below),
            ("70", "mg/dL", Standing::Within),
            ("110", "mg/dL", Standing::Within),
            ("1.11", "g/L", Standing::Above),
        ] {
            assert_eq!(target.standing(&measured(value, unit)), Some(standing), "{value} {unit}");
        }
        assert_eq!(target.standing(&measured("5", "kg")), None);
        assert_eq!(Target { measure: "weight".into(), ..target }.standing(&measured("5", "g/L")), None);
    }

    #[test]
    fn a_component_has_a_target_of_its_own() {
        let systolic =
            Component { measure: "systolic".into(), value: Some(quantity("140", "mm[Hg]")), ..Component::default() };
        let pressure = Measure { measure: "blood-pressure".into(), components: vec![systolic], ..Measure::default() };
        let target = Target { measure: "systolic".into(), high: Some(quantity("135", "mm[Hg]")), ..Target::default() };
        assert_eq!(target.standing(&pressure), Some(Standing::Above));
        assert_eq!(unit_of("blood-pressure"), None);
        assert_eq!(unit_of("systolic").map(|(unit, _)| unit), Some("mm[Hg]"));
    }
}
