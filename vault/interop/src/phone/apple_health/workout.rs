//! Workouts: kept as entries of the kind `activity`.
//!
//! Since iOS 16 totals live in statistics, before that in attributes. When both exist and differ, the statistics win.
//! The duration is the one that the source says, pauses left out; it is never computed from the two dates. Routes are
//! positions: the entry does not name them.

use carnet_record::{
    Decimal, Draft, Instant, Provenance, SourceKey,
    batch::Source,
    kind::{Fact, UnknownFact},
};
use serde_json::{Map, Value, json};

use super::{FORMAT, date::parse_date, kinds::decimal_of, samples::label_of, samples::source_of};
use crate::intake::xml::{Tag, XmlError};

/// Kind of the entries, in counts and in the record.
pub(super) const KIND: &str = "activity";

/// Statistics of one workout that are kept.
const STATISTICS_MAX: usize = 64;
/// Apple's types of distance, the first one that occurs is the workout's.
const DISTANCES: [&str; 8] = [
    "HKQuantityTypeIdentifierDistanceWalkingRunning",
    "HKQuantityTypeIdentifierDistanceCycling",
    "HKQuantityTypeIdentifierDistanceSwimming",
    "HKQuantityTypeIdentifierDistanceWheelchair",
    "HKQuantityTypeIdentifierDistanceDownhillSnowSports",
    "HKQuantityTypeIdentifierDistanceCrossCountrySkiing",
    "HKQuantityTypeIdentifierDistanceRowing",
    "HKQuantityTypeIdentifierDistancePaddleSports",
];
const ENERGY: &str = "HKQuantityTypeIdentifierActiveEnergyBurned";
const HEART_RATE: &str = "HKQuantityTypeIdentifierHeartRate";

/// A workout that is open.
#[derive(Debug, Default)]
pub(super) struct Workout {
    kind: String,
    application: String,
    device: String,
    start: String,
    end: String,
    duration: Amount,
    distance: Amount,
    energy: Amount,
    statistics: Vec<Statistic>,
    pauses: u64,
}

/// A number with its unit, as printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Amount {
    value: String,
    unit: String,
}

/// One `WorkoutStatistics`.
#[derive(Debug, Default)]
struct Statistic {
    kind: String,
    sum: String,
    average: String,
    minimum: String,
    maximum: String,
    unit: String,
}

impl Workout {
    pub(super) fn open(tag: &Tag<'_>) -> Result<Self, XmlError> {
        let mut workout = Self::default();
        tag.visit_readable_attributes(|name, raw| {
            let field = match name {
                "workoutActivityType" => &mut workout.kind,
                "sourceName" => &mut workout.application,
                "device" => &mut workout.device,
                "startDate" => &mut workout.start,
                "endDate" => &mut workout.end,
                "duration" => &mut workout.duration.value,
                "durationUnit" => &mut workout.duration.unit,
                "totalDistance" => &mut workout.distance.value,
                "totalDistanceUnit" => &mut workout.distance.unit,
                "totalEnergyBurned" => &mut workout.energy.value,
                "totalEnergyBurnedUnit" => &mut workout.energy.unit,
                _ => return,
            };
            // The device keeps its brackets for the reader of sources.
            *field = if name == "device" || name == "sourceName" { raw.to_owned() } else { label_of(raw) };
        })?;
        Ok(workout)
    }

    pub(super) fn child(&mut self, name: &str, tag: &Tag<'_>) -> Result<(), XmlError> {
        match name {
            "WorkoutStatistics" if self.statistics.len() < STATISTICS_MAX => {
                let mut statistic = Statistic::default();
                tag.visit_readable_attributes(|name, raw| {
                    let field = match name {
                        "type" => &mut statistic.kind,
                        "sum" => &mut statistic.sum,
                        "average" => &mut statistic.average,
                        "minimum" => &mut statistic.minimum,
                        "maximum" => &mut statistic.maximum,
                        "unit" => &mut statistic.unit,
                        _ => return,
                    };
                    *field = label_of(raw);
                })?;
                self.statistics.push(statistic);
            }
            "WorkoutEvent" => {
                tag.visit_readable_attributes(|name, raw| {
                    if name == "type" && raw == "HKWorkoutEventTypePause" {
                        self.pauses = self.pauses.saturating_add(1);
                    }
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// First and last moment; the text that is no date otherwise.
    pub(super) fn span(&self) -> Result<(i64, i64), &str> {
        let start = parse_date(&self.start).ok_or(self.start.as_str())?;
        let end = if self.end.is_empty() { Some(start) } else { parse_date(&self.end) };
        end.filter(|end| *end >= start).map(|end| (start, end)).ok_or(self.end.as_str())
    }

    pub(super) fn source(&self) -> Source {
        source_of(&self.application, &self.device)
    }

    /// Whether a total in the attributes says something else than the statistics.
    pub(super) fn totals_differ(&self) -> bool {
        let differs = |printed: &Amount, found: Option<Amount>| match (printed.decimal(), found) {
            (Some(printed_value), Some(found)) if found.unit == printed.unit => {
                found.decimal().is_some_and(|value| value.compare(printed_value).is_ne())
            }
            _ => false,
        };
        differs(&self.distance, self.distance_in_statistics()) || differs(&self.energy, self.sum_of(ENERGY))
    }

    /// The entry.
    pub(super) fn draft(
        &self,
        (start_ms, end_ms): (i64, i64),
        offset_minutes: Option<i16>,
        zone: Option<&str>,
        mut provenance: Provenance,
    ) -> Draft {
        let source = self.source();
        provenance.application = Some(source.application.clone()).filter(|name| !name.is_empty());
        provenance.device = Some(source.device.clone()).filter(|name| !name.is_empty());
        for (name, amount) in [("duration", &self.duration), ("distance", &self.distance), ("energy", &self.energy)] {
            if !amount.value.is_empty() {
                provenance.original.insert(name.to_owned(), format!("{} {}", amount.value, amount.unit));
            }
        }
        let moment = |millis| Instant::new(millis, offset_minutes).map(|at| Value::String(at.to_string()));
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("activity", Some(Value::String(self.kind.clone())));
        put("start", moment(start_ms));
        put("end", moment(end_ms));
        put("duration_min", self.duration.minutes().map(|minutes| Value::String(minutes.to_string())));
        put("distance", self.distance_in_statistics().or_else(|| self.distance.said()).map(Amount::into_value));
        put("energy", self.sum_of(ENERGY).or_else(|| self.energy.said()).map(Amount::into_value));
        put("heart_rate", self.statistics.iter().find(|found| found.kind == HEART_RATE).map(Statistic::to_value));
        let named = |found: &&Statistic| {
            found.kind != HEART_RATE && found.kind != ENERGY && !DISTANCES.contains(&found.kind.as_str())
        };
        let others: Vec<Value> = self.statistics.iter().filter(named).map(Statistic::to_value).collect();
        put("statistics", (!others.is_empty()).then_some(Value::Array(others)));
        put("pauses", (self.pauses > 0).then(|| json!(self.pauses)));
        put("zone", zone.map(|zone| Value::String(zone.to_owned())));
        let (start, end) = (start_ms.to_string(), end_ms.to_string());
        let key = [KIND, &self.kind, &source.application, &source.device, &start, &end];
        let mut draft = Draft::new(Fact::Unknown(UnknownFact { kind: KIND.to_owned(), fields }), provenance);
        draft.source_key = Some(SourceKey::new(FORMAT, key));
        draft
    }

    fn distance_in_statistics(&self) -> Option<Amount> {
        DISTANCES.iter().find_map(|kind| self.sum_of(kind))
    }

    fn sum_of(&self, kind: &str) -> Option<Amount> {
        let found = self.statistics.iter().find(|found| found.kind == kind)?;
        Amount { value: found.sum.clone(), unit: found.unit.clone() }.said()
    }
}

impl Amount {
    fn decimal(&self) -> Option<Decimal> {
        decimal_of(&self.value)
    }

    /// The amount, if its value is a number.
    fn said(&self) -> Option<Self> {
        self.decimal().map(|value| Self { value: value.to_string(), unit: self.unit.clone() })
    }

    /// A duration in minutes; exact for seconds and hours up to nine decimals.
    fn minutes(&self) -> Option<Decimal> {
        let value = self.decimal()?;
        let (one, sixty) = (Decimal::from_i32(1), Decimal::from_i32(60));
        match self.unit.as_str() {
            "min" => Some(value),
            "s" | "sec" => value.times_ratio(one, sixty, 9).map(Decimal::normalised),
            "hr" | "h" => value.times_ratio(sixty, one, value.scale()),
            _ => None,
        }
    }

    fn into_value(self) -> Value {
        json!({"value": self.value, "unit": self.unit})
    }
}

impl Statistic {
    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let numbers =
            [("sum", &self.sum), ("average", &self.average), ("minimum", &self.minimum), ("maximum", &self.maximum)];
        fields.insert("type".to_owned(), Value::String(self.kind.clone()));
        for (name, text) in numbers {
            if let Some(number) = decimal_of(text) {
                fields.insert(name.to_owned(), Value::String(number.to_string()));
            }
        }
        fields.insert("unit".to_owned(), Value::String(self.unit.clone()));
        Value::Object(fields)
    }
}
