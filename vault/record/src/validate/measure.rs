//! What a measure and a target must keep: bounds, units, and what goes with a kind.

use super::{Violation, order};
use crate::{
    kind::{Measure, Target, target::unit_of},
    measure::{Bounds, ComponentKind, MeasureKind, Presence, convert},
    quantity::Quantity,
};

pub(super) fn measure(found: &mut Vec<Violation>, measure: &Measure) {
    let Some(kind) = MeasureKind::from_slug(&measure.measure) else {
        found.push(Violation::Missing { field: "measure" });
        return;
    };
    if kind.computed {
        found.push(Violation::Computed { kind: kind.slug });
    }
    if measure.at.is_none() {
        found.push(Violation::Missing { field: "at" });
    }
    order(found, measure.at, measure.end);
    extras(found, measure, kind);
    match (&measure.value, kind.bounds) {
        (Some(value), Some(bounds)) => within(found, kind.slug, value, kind.unit, bounds),
        (None, Some(_)) => found.push(Violation::Missing { field: "value" }),
        (Some(_), None) => found.push(Violation::ValueForbidden { kind: kind.slug }),
        (None, None) => {}
    }
    if kind.slug == "pain" && measure.value.as_ref().is_some_and(|value| value.value.normalised().scale() > 0) {
        found.push(Violation::NotWhole { kind: kind.slug });
    }
    for part in kind.components {
        component(found, measure, kind, part);
    }
    if let (Some(systolic), Some(diastolic)) = (measure.component("systolic"), measure.component("diastolic"))
        && systolic.unit == diastolic.unit
        && systolic.value.compare(diastolic.value).is_le()
    {
        found.push(Violation::DiastolicNotBelowSystolic);
    }
}

fn component(found: &mut Vec<Violation>, measure: &Measure, kind: &MeasureKind, part: &'static ComponentKind) {
    match measure.component(part.slug) {
        Some(value) => within(found, part.slug, value, part.unit, part.bounds),
        None => found.push(Violation::ComponentMissing { kind: kind.slug, component: part.slug }),
    }
}

fn extras(found: &mut Vec<Violation>, measure: &Measure, kind: &MeasureKind) {
    match (kind.moment, &measure.moment) {
        (Presence::Mandatory, None) => found.push(Violation::MomentMissing { kind: kind.slug }),
        (Presence::Forbidden, Some(_)) => found.push(Violation::MomentForbidden { kind: kind.slug }),
        _ => {}
    }
    match (kind.days, measure.days) {
        (Presence::Mandatory, None) => found.push(Violation::DaysMissing { kind: kind.slug }),
        (Presence::Forbidden, Some(_)) => found.push(Violation::DaysForbidden { kind: kind.slug }),
        (_, Some(0)) => found.push(Violation::DaysZero),
        _ => {}
    }
}

fn within(found: &mut Vec<Violation>, kind: &'static str, value: &Quantity, unit: &'static str, bounds: Bounds) {
    match convert(value.value, &value.unit, unit, 6) {
        None => found.push(Violation::UnitUnknown { kind, unit }),
        Some(number) => {
            if number.compare(bounds.low).is_lt() || number.compare(bounds.high).is_gt() {
                found.push(Violation::OutOfBounds { kind, low: bounds.low, high: bounds.high, unit });
            }
        }
    }
}

pub(super) fn target(found: &mut Vec<Violation>, target: &Target) {
    let Some((unit, decimals)) = unit_of(&target.measure) else {
        found.push(Violation::Missing { field: "measure" });
        return;
    };
    if target.low.is_none() && target.high.is_none() {
        found.push(Violation::Missing { field: "range" });
    }
    let kind = MeasureKind::from_slug(&target.measure).map_or("target", |kind| kind.slug);
    let of = |end: &Quantity| convert(end.value, &end.unit, unit, decimals.saturating_add(2));
    let ends: Vec<_> = target.low.iter().chain(&target.high).map(of).collect();
    if ends.iter().any(Option::is_none) {
        found.push(Violation::UnitUnknown { kind, unit });
    }
    if let [Some(low), Some(high)] = ends.as_slice()
        && low.compare(*high).is_gt()
    {
        found.push(Violation::EndBeforeStart);
    }
}
