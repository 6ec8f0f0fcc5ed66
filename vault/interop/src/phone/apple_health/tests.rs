//! Readings of small main files written here, in the shapes that real exports have.

use carnet_record::{Fact, When, batch::SampleValue, kind::Measure};

use super::*;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n\
    <!-- HealthKit Export Version: 12 -->\n<!ATTLIST VisionPrescription\n  brand CDATA #IMPLIED\n<!ELEMENT RightEye EMPTY>\n>\n]>\n";

fn context() -> ReadContext {
    ReadContext {
        source_name: "export.zip".to_owned(),
        sha256: "00".repeat(32),
        member: Some("apple_health_export/exportation.xml".to_owned()),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: parse_date("2026-05-01 00:00:00 +0000").unwrap(),
    }
}

fn read_text(text: &str) -> Result<(Vec<Item>, Main), ContainerError> {
    let mut items = Vec::new();
    let main = read(text.as_bytes(), &context(), &mut |item| {
        items.push(item);
        Ok(())
    })?;
    Ok((items, main))
}

fn read_rows(rows: &str) -> (Vec<Item>, Tally) {
    let (items, main) = read_text(&format!("{HEAD}<HealthData locale=\"fr_FR\">{rows}</HealthData>")).unwrap();
    (items, main.tally)
}

fn samples(items: &[Item]) -> Vec<(&str, &Sample)> {
    let all = items.iter().filter_map(|item| match item {
        Item::Samples { series, samples } => Some(samples.iter().map(|sample| (series.kind.as_str(), sample))),
        _ => None,
    });
    all.flatten().collect()
}

fn drafts(items: &[Item]) -> Vec<&Draft> {
    items.iter().filter_map(|item| if let Item::Draft(draft) = item { Some(&**draft) } else { None }).collect()
}

fn record(kind: &str, unit: &str, start: &str, value: &str) -> String {
    format!(
        "<Record type=\"{kind}\" sourceName=\"Montre de Camille\" sourceVersion=\"10\" unit=\"{unit}\" \
         creationDate=\"{start}\" startDate=\"{start}\" endDate=\"{start}\" value=\"{value}\"/>"
    )
}

const WEIGHT: &str = "HKQuantityTypeIdentifierBodyMass";
const WINTER: &str = "2026-01-10 00:30:00 +0200";

#[test]
fn the_malformed_document_type_is_stepped_over_and_its_version_is_read() {
    let (items, main) =
        read_text(&format!("{HEAD}<HealthData>{}</HealthData>", record(WEIGHT, "kg", WINTER, "61.5"))).unwrap();
    assert_eq!(main.version.as_deref(), Some("12"));
    assert_eq!(main.tally.warnings[0].reason, "document-type-stepped-over");
    let [(kind, sample)] = samples(&items)[..] else { panic!("one sample") };
    assert_eq!((kind, &sample.value), ("weight", &SampleValue::Number("61.5".parse().unwrap())));
    // Printed in summer: 00:30 at +0200 is 23:30 of the day before in Paris in January.
    let day = context().home_zone.day_of(sample.start_ms, sample.offset_minutes).unwrap();
    assert_eq!((day.to_string().as_str(), sample.offset_minutes), ("2026-01-09", None));
}

#[test]
fn a_zone_that_the_row_names_is_kept_with_the_row() {
    let row = record(WEIGHT, "kg", WINTER, "61.5");
    let with_zone = row.replace("/>", "><MetadataEntry key=\"HKTimeZone\" value=\"Asia/Kathmandu\"/></Record>");
    let (items, tally) = read_rows(&(with_zone + &record(WEIGHT, "kg", WINTER, "62")));
    let offsets: Vec<Option<i16>> = samples(&items).iter().map(|(_, sample)| sample.offset_minutes).collect();
    assert_eq!(offsets, [Some(345), None]);
    let zones: Vec<_> =
        tally.zones.iter().map(|zone| (zone.zone.as_str(), zone.known_from.as_str(), zone.rows)).collect();
    assert_eq!(zones, [("Asia/Kathmandu", "record", 1), ("Europe/Paris", "history", 1)]);
}

const PRESSURE: &str = r#"<Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="Montre de Camille" startDate="2026-01-10 00:30:00 +0200" endDate="2026-01-10 00:30:00 +0200">"#;

fn pressure_rows() -> String {
    record("HKQuantityTypeIdentifierBloodPressureSystolic", "mmHg", WINTER, "123")
        + &record("HKQuantityTypeIdentifierBloodPressureDiastolic", "mmHg", WINTER, "82")
}

#[test]
fn a_blood_pressure_is_one_entry_and_its_rows_are_merged_into_it() {
    let rows = pressure_rows();
    let alone = record("HKQuantityTypeIdentifierBloodPressureSystolic", "mmHg", "2026-01-11 09:00:00 +0200", "119");
    let (items, tally) =
        read_rows(&format!("{rows}{alone}{PRESSURE}{rows}</Correlation>{PRESSURE}{rows}</Correlation>"));
    let [draft] = drafts(&items)[..] else { panic!("one entry") };
    let Fact::Measure(measure) = &draft.fact else { panic!("a measure") };
    let Measure { measure: slug, at, components, .. } = &**measure;
    assert_eq!(slug, "blood-pressure");
    assert!(matches!(at, Some(When::Instant(at)) if at.millis() == parse_date(WINTER).unwrap()));
    let said: Vec<String> = components.iter().filter_map(|part| part.value.as_ref().map(ToString::to_string)).collect();
    assert_eq!(said, ["123 mm[Hg]", "82 mm[Hg]"]);
    assert!(draft.source_key.is_some() && draft.provenance.source.is_some());
    // Two rows outside, two correlations with two rows each; the second correlation repeats the first.
    assert_eq!((tally.read["measure"], tally.merged["measure"], tally.given_out("measure")), (8, 7, 1));
    let [(kind, sample)] = samples(&items)[..] else { panic!("the row that no correlation has") };
    assert_eq!((kind, &sample.value), ("systolic", &SampleValue::Number("119".parse().unwrap())));
}

#[test]
fn statistics_of_a_workout_win_and_pauses_are_not_in_its_duration() {
    let (items, tally) = read_rows(
        r#"<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="35.5" durationUnit="min" totalDistance="2.0" totalDistanceUnit="km" sourceName="M" startDate="2026-03-18 17:00:00 +0200" endDate="2026-03-18 17:40:00 +0200">
        <MetadataEntry key="HKTimeZone" value="Europe/Paris"/><WorkoutEvent type="HKWorkoutEventTypePause" date="x"/>
        <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="2.5" unit="km"/>
        <WorkoutStatistics type="HKQuantityTypeIdentifierActiveEnergyBurned" sum="410" unit="kcal"/>
        <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="148" minimum="110" maximum="172" unit="count/min"/>
        <WorkoutRoute><FileReference path="/workout-routes/route.gpx"/></WorkoutRoute></Workout>"#,
    );
    let [draft] = drafts(&items)[..] else { panic!("one entry") };
    assert_eq!(
        serde_json::Value::Object(draft.fact.to_fields()),
        serde_json::json!({
            "kind": "activity", "activity": "HKWorkoutActivityTypeRunning",
            "start": "2026-03-18T16:00:00+01:00", "end": "2026-03-18T16:40:00+01:00",
            "duration_min": "35.5", "distance": {"value": "2.5", "unit": "km"},
            "energy": {"value": "410", "unit": "kcal"},
            "heart_rate": {"type": "HKQuantityTypeIdentifierHeartRate", "average": "148", "minimum": "110", "maximum": "172", "unit": "count/min"},
            "pauses": 1, "zone": "Europe/Paris",
        })
    );
    assert!(tally.warnings.iter().any(|group| group.reason == "statistics-win-over-attributes" && group.count == 1));
}

#[test]
fn the_person_is_a_claim_and_what_is_not_set_is_absent() {
    let attributes = r#"<Me HKCharacteristicTypeIdentifierDateOfBirth="1984-02-29" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale" HKCharacteristicTypeIdentifierBloodType="HKBloodTypeOPositive" HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"/>"#;
    let children = r#"<Me><HKCharacteristicTypeIdentifierDateOfBirth value="1984-02-29"/><HKCharacteristicTypeIdentifierBiologicalSex>HKBiologicalSexFemale</HKCharacteristicTypeIdentifierBiologicalSex><HKCharacteristicTypeIdentifierBloodType value="HKBloodTypeOPositive"/></Me>"#;
    for me in [attributes, children] {
        let (items, tally) = read_rows(me);
        let [Item::Subject(claim), Item::Draft(group)] = &items[..] else {
            panic!("a person and a blood group: {items:?}")
        };
        assert_eq!((claim.birth_date.unwrap().to_string().as_str(), &claim.sex), ("1984-02-29", &Some(Sex::Female)));
        assert!(matches!(&group.fact, Fact::BloodGroup(group) if group.group == Group::OPositive));
        assert_eq!(tally.given_out("blood-group"), 1);
    }
    let (items, _) = read_rows(
        r#"<Me HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet" HKCharacteristicTypeIdentifierBloodType=""/>"#,
    );
    assert_eq!(items, []);
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place_and_the_rest_is_read() {
    let rows = [
        record(WEIGHT, "kg", WINTER, "61.5"),
        record(WEIGHT, "kg", "hier", "61.5"),
        record(WEIGHT, "kg", WINTER, "lourd"),
        record(WEIGHT, "kg", WINTER, "61.5").replace("endDate=\"2026", "endDate=\"2025"),
        "<Record/>".to_owned(),
        "<Record type=\"HKDataTypeSleepDurationGoal\" unit=\"min\" value=\"480\"/>".to_owned(),
        "<ActivitySummary dateComponents=\"2026-01-10\"/><Audiogram type=\"x\"><SensitivityPoint/></Audiogram>"
            .to_owned(),
        record(WEIGHT, "kg", WINTER, "61.50"),
        record(WEIGHT, "kg", WINTER, "62.5").replace("sourceVersion", "source version"),
    ];
    let (items, tally) = read_rows(&rows.concat());
    assert_eq!(samples(&items).len(), 2);
    let refused: Vec<_> =
        tally.refused.iter().map(|group| (group.kind.as_str(), group.reason.as_str(), group.count)).collect();
    assert_eq!(
        refused,
        [
            ("weight", "no-date", 1),
            ("weight", "not-a-number", 1),
            ("weight", "end-before-start", 1),
            ("record", "no-type", 1)
        ]
    );
    assert_eq!(tally.refused[0].places[0].quoted.as_deref(), Some("hier"));
    assert_eq!(tally.refused[0].places[0].at, "element 2");
    let aside: Vec<_> = tally.set_aside.iter().map(|group| (group.kind.as_str(), group.reason.as_str())).collect();
    assert_eq!(
        aside,
        [
            ("HKDataTypeSleepDurationGoal", "a-goal-not-a-measure"),
            ("activity-summary", "daily-totals-repeat-the-samples"),
            ("Audiogram", "not-read"),
        ]
    );
    assert_eq!((tally.read["weight"], tally.merged["weight"], tally.given_out("weight")), (6, 1, 2));
    assert!(tally.warnings.iter().any(|group| group.reason == "attribute-unreadable"));
}

#[test]
fn rows_after_the_export_and_intimate_rows_are_kept_and_marked() {
    let rows = "<ExportDate value=\"2026-01-01 00:00:00 +0100\"/>".to_owned()
        + &record(WEIGHT, "kg", WINTER, "61.5")
        + &record(
            "HKCategoryTypeIdentifierMenstrualFlow",
            "",
            "2025-12-01 08:00:00 +0100",
            "HKCategoryValueMenstrualFlowLight",
        );
    let (items, tally) = read_rows(&rows);
    assert_eq!(samples(&items).len(), 2);
    let warned: Vec<_> = tally.warnings[1..].iter().map(|group| (group.kind.as_str(), group.reason.as_str())).collect();
    assert_eq!(warned, [("weight", "after-the-export"), ("HKCategoryTypeIdentifierMenstrualFlow", "intimate")]);
}

#[test]
fn control_characters_are_dropped_and_counted() {
    let (items, tally) = read_rows(&record(WEIGHT, "kg", WINTER, "61.5").replace("Montre", "Mon\u{b}tre"));
    let [Item::Samples { series, .. }] = &items[..] else { panic!("one series") };
    assert_eq!(series.source.application, "Montre de Camille");
    assert!(tally.warnings.iter().any(|group| group.reason == "forbidden-characters-dropped"));
}

#[test]
fn fault_g1_made_up_types_without_end_hold_no_more_than_the_bound() {
    let rows: String =
        (0..4_000).map(|at| record(&format!("HKQuantityTypeIdentifierX{at}"), "kg", WINTER, "1")).collect();
    let (_, tally) = read_rows(&rows);
    assert_eq!(tally.read.len(), KINDS_MAX + 1);
    assert_eq!((tally.refused[0].reason.as_str(), tally.refused[0].count), ("more-types-than-are-kept", 3_000));
    assert_eq!(tally.read.values().sum::<u64>(), 4_000);
}

#[test]
fn fault_g1_a_cut_or_altered_main_file_never_panics_and_a_cut_one_is_refused() {
    let rows = pressure_rows() + PRESSURE + &pressure_rows() + "</Correlation>" + &record(WEIGHT, "kg", WINTER, "61.5");
    let whole = format!("{HEAD}<HealthData>{rows}</HealthData>");
    for tenth in 1..10 {
        let cut = &whole[..whole.len() * tenth / 10];
        assert!(read_text(cut).is_err(), "cut at {tenth} tenths");
    }
    for at in 0..whole.len() {
        let mut altered = whole.clone().into_bytes();
        altered[at] ^= 0x08;
        let Ok(text) = String::from_utf8(altered) else { continue };
        let Ok((items, main)) = read_text(&text) else { continue };
        let given: u64 = main.tally.read.keys().map(|kind| main.tally.given_out(kind)).sum();
        let out = samples(&items).len() + drafts(&items).len();
        assert_eq!(given, u64::try_from(out).unwrap(), "byte {at}: the sum does not hold");
    }
    assert!(matches!(read_text(""), Err(ContainerError::Xml(XmlError::Cut))));
    assert!(matches!(read_text("<ClinicalDocument/>"), Err(ContainerError::Xml(XmlError::Cut))));
}
