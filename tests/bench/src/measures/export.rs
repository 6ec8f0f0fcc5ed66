//! A telephone's export of any size, made from a seed: records in the order and with the attributes of a real one.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::report::Failure;

/// 1 January 2017, in seconds.
const START_S: i64 = 1_483_228_800;
/// Ten years, in seconds.
const SPAN_S: i64 = 10 * 365 * 86_400;
const WATCH: &str = "&lt;&lt;HKDevice: 0x30a5b6a81&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch7,1, software:26.3&gt;";
const PHONE: &str = "&lt;&lt;HKDevice: 0x3031d85a8&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone17,1, software:26.3&gt;";

/// A kind of record: its type, unit, device, the seconds that it lasts, and what share of all bytes it has, in percent.
struct Kind {
    name: &'static str,
    unit: &'static str,
    device: &'static str,
    source: &'static str,
    lasts_s: i64,
    percent: u64,
    values: std::ops::Range<u32>,
    has_tenths: bool,
    has_context: bool,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "HeartRate",
        unit: "count/min",
        device: WATCH,
        source: "Apple Watch de Camille",
        lasts_s: 0,
        percent: 40,
        values: 48..160,
        has_tenths: false,
        has_context: true,
    },
    Kind {
        name: "ActiveEnergyBurned",
        unit: "kcal",
        device: WATCH,
        source: "Apple Watch de Camille",
        lasts_s: 60,
        percent: 30,
        values: 0..90,
        has_tenths: true,
        has_context: false,
    },
    Kind {
        name: "StepCount",
        unit: "count",
        device: PHONE,
        source: "iPhone de Camille",
        lasts_s: 300,
        percent: 20,
        values: 1..600,
        has_tenths: false,
        has_context: false,
    },
    Kind {
        name: "DistanceWalkingRunning",
        unit: "km",
        device: PHONE,
        source: "iPhone de Camille",
        lasts_s: 300,
        percent: 10,
        values: 1..9,
        has_tenths: true,
        has_context: false,
    },
];

/// Writes an export of about `bytes` bytes and says how many records it has.
pub(crate) fn write(path: &Path, bytes: u64) -> Result<u64, Failure> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(HEAD.as_bytes())?;
    let mut rng = StdRng::seed_from_u64(11);
    let mut records = 0;
    for kind in &KINDS {
        let share = bytes * kind.percent / 100;
        // About what a record takes: enough to spread them over the ten years.
        let step = (SPAN_S * 450 / i64::try_from(share).unwrap_or(i64::MAX).max(450)).max(1);
        let (mut written, mut at) = (0, START_S);
        while written < share {
            at += 1 + rng.random_range(0..step * 2);
            written += record(&mut out, kind, at, &mut rng)?;
            records += 1;
        }
    }
    out.write_all(b"</HealthData>\n")?;
    out.flush()?;
    Ok(records)
}

fn record(out: &mut impl Write, kind: &Kind, at: i64, rng: &mut StdRng) -> Result<u64, Failure> {
    let (start, end) = (date(at), date(at + kind.lasts_s));
    let whole = rng.random_range(kind.values.clone());
    let value = if kind.has_tenths { format!("{whole}.{}", rng.random_range(0..10)) } else { whole.to_string() };
    let tail = if kind.has_context && rng.random_range(0..4) == 0 {
        ">\n  <MetadataEntry key=\"HKMetadataKeyHeartRateMotionContext\" value=\"1\"/>\n </Record>\n"
    } else {
        "/>\n"
    };
    let Kind { name, unit, device, source, .. } = kind;
    let text = format!(
        " <Record type=\"HKQuantityTypeIdentifier{name}\" sourceName=\"{source}\" sourceVersion=\"26.3\" \
         device=\"{device}\" unit=\"{unit}\" creationDate=\"{end}\" startDate=\"{start}\" endDate=\"{end}\" \
         value=\"{value}\"{tail}"
    );
    out.write_all(text.as_bytes())?;
    Ok(text.len() as u64)
}

/// An instant as the export writes it, one hour east of Greenwich (days to a date: Howard Hinnant, `civil_from_days`).
fn date(at: i64) -> String {
    let local = at + 3_600;
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} +0100", second % 60)
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary|ClinicalRecord)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
]>
<HealthData locale="fr_FR">
 <ExportDate value="2026-11-22 09:12:33 +0100"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1984-02-29" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale" HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet" HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"/>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(START_S), "2017-01-01 01:00:00 +0100");
        assert_eq!(date(1_582_934_399), "2020-02-29 00:59:59 +0100");
        assert_eq!(date(1_767_225_599), "2026-01-01 00:59:59 +0100");
    }
}
