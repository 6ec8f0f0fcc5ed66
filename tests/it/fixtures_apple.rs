//! Exports of Apple Health: two of other projects, one made for these tests with a malformed document type.
//!
//! Someone's steps were counted twice because two devices counted them, and on the wrong day because the export printed
//! winter hours in summer time. Each leaf of what the exports are said to hold is compared with what the reader hands
//! on; what it does not keep is listed with its reason.
#![expect(clippy::cast_precision_loss, reason = "counts of these files, far below 2^52")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use carnet_interop::intake::archive::Archive;
use carnet_interop::intake::{self, Options, WHOLE_FILE};
use carnet_interop::report::{Kept, complete, counted_as};
use carnet_record::batch::{Sample, SampleValue, Series};
use carnet_record::item::{Item, Tally};
use carnet_record::kind::import_report::ImportedFile;
use carnet_record::kind::{Document, Fact};
use carnet_record::person::{Sex, SubjectClaim};
use carnet_record::{Day, Decimal, Draft, Instant, ZoneHistory};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

/// Compares every export with what it is said to hold.
pub(crate) fn check(fixtures: &Path) -> Leaves {
    let path = fixtures.join("phone/expected.json");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expectations: BTreeMap<String, Value> = serde_json::from_slice(&bytes).unwrap();
    let mut leaves = Leaves::default();
    for (file, expected) in expectations.iter().filter(|(file, _)| file.starts_with("phone/apple/")) {
        leaves.absorb(archive(fixtures, file, expected));
    }
    leaves
}

/// Everything the reader handed on for one archive.
#[derive(Default)]
struct Imported {
    subject: Option<SubjectClaim>,
    drafts: Vec<Draft>,
    samples: Vec<(Series, Vec<Sample>)>,
    papers: Vec<(Document, Vec<u8>)>,
    kept: Kept,
    tally: Tally,
}

impl Imported {
    fn of(bytes: &[u8]) -> Self {
        let mut imported = Self::default();
        let tally = intake::read(Cursor::new(bytes), &options(), &mut |item| {
            if let Some((kind, rows)) = counted_as(&item) {
                imported.kept.add(kind, rows);
            }
            match item {
                Item::Subject(claim) => imported.subject = Some(*claim),
                Item::Draft(draft) => imported.drafts.push(*draft),
                Item::Samples { series, samples } => imported.samples.push((series, samples)),
                Item::DocumentStart { draft } => {
                    if let Fact::Document(document) = draft.fact {
                        imported.papers.push((*document, Vec::new()));
                    }
                }
                Item::DocumentBytes(piece) => imported.papers.last_mut().unwrap().1.extend(piece),
                _ => {}
            }
            Ok(())
        });
        imported.tally = tally.unwrap();
        imported
    }

    fn read(&self, kind: &str) -> u64 {
        self.tally.read.get(kind).copied().unwrap_or_default()
    }

    fn warned(&self, reason: &str) -> u64 {
        self.tally.warnings.iter().filter(|group| group.reason == reason).map(|group| group.count).sum()
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Draft> {
        self.drafts.iter().filter(move |draft| draft.fact.kind() == kind)
    }

    /// Blood pressures: when, and how many values.
    fn pressures(&self) -> Vec<(i64, usize)> {
        let all = self.of_kind("measure").filter_map(|draft| match &draft.fact {
            Fact::Measure(measure) if measure.measure == "blood-pressure" => {
                Some((measure.at.unwrap().instant().unwrap().millis(), measure.components.len()))
            }
            _ => None,
        });
        all.collect()
    }

    /// Starts and ends of every row that is a measure, those inside blood pressures included.
    fn moments(&self) -> Vec<(i64, i64)> {
        let rows = self.samples.iter().flat_map(|(_, samples)| samples.iter().map(|row| (row.start_ms, row.end_ms)));
        let parts = self.pressures().into_iter().flat_map(|(at, parts)| std::iter::repeat_n((at, at), parts));
        rows.chain(parts).collect()
    }

    /// Rows set aside because they are goals.
    fn goals(&self) -> u64 {
        let goals = self.tally.set_aside.iter().filter(|group| group.reason == "a-goal-not-a-measure");
        goals.map(|group| group.count).sum()
    }
}

fn options() -> Options {
    Options {
        source_name: "export.zip".to_owned(),
        home_zone: paris(),
        with_positions: false,
        now_ms: 1_790_000_000_000,
    }
}

fn paris() -> ZoneHistory {
    ZoneHistory::single("Europe/Paris").unwrap()
}

fn archive(fixtures: &Path, file: &str, expected: &Value) -> Leaves {
    let mut leaves = Leaves::of(file, expected);
    let bytes = std::fs::read(fixtures.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let imported = Imported::of(&bytes);
    let sha256 = digest_in_provenance(&imported);
    leaves.check(file, "/sha256", expected["sha256"].as_str() == sha256.as_deref(), "fixture changed");
    leaves.check(file, "/bytes", expected["bytes"] == bytes.len(), &bytes.len().to_string());
    let whole = imported.tally.members[WHOLE_FILE].clone();
    leaves.check(file, "/kind", whole.starts_with("apple-health-export"), &whole);
    holds_always(&mut leaves, file, &bytes, &imported);
    let opened = Archive::open(File::open(fixtures.join(file)).unwrap()).unwrap();
    for (name, member) in expected["members"].as_object().unwrap() {
        let at = format!("/members/{name}");
        let kind = imported.tally.members.get(name).cloned().unwrap_or_default();
        let right = match member["kind"].as_str().unwrap() {
            "apple-health-xml" => "apple-health-xml",
            "gpx" => "gpx-set-aside",
            "cda" => "cda-set-aside",
            "csv" => "ecg",
            "fhir-resource" => "fhir-r4",
            other => other,
        };
        leaves.check(file, &format!("{at}/kind"), kind == right, &kind);
        if let Some(size) = member.get("bytes") {
            let found = opened.members().iter().find(|found| found.name == *name).map(|found| found.size);
            leaves.check(file, &format!("{at}/bytes"), found == size.as_u64(), &format!("{found:?}"));
        }
        match right {
            "apple-health-xml" => main_file(&mut leaves, file, &at, member, &imported),
            "gpx-set-aside" => {
                let points = expected["members"].as_object().unwrap().values();
                let points: u64 = points.filter_map(|member| member["trackpoints"].as_u64()).sum();
                let found = imported.read("route-point");
                leaves.check(file, &format!("{at}/trackpoints"), found == points, &format!("{found} of all routes"));
                leaves.skip(file, &at, "positions are not taken in unless asked for");
            }
            "cda-set-aside" => leaves.skip(file, &at, "how another parser fails on it"),
            "ecg" => electrocardiogram(&mut leaves, file, &at, member, &imported),
            _ => clinical(&mut leaves, file, &at, member, &imported),
        }
    }
    leaves
}

/// The digest that the provenance of what was read carries.
fn digest_in_provenance(imported: &Imported) -> Option<String> {
    imported.drafts.first().and_then(|draft| draft.provenance.source.as_ref()).map(|source| source.sha256.clone())
}

/// What must hold of every export: sums, provenance, the same the second time, no crash on damaged bytes.
fn holds_always(leaves: &mut Leaves, file: &str, bytes: &[u8], imported: &Imported) {
    let report = complete(&imported.tally, &imported.kept, ImportedFile::default(), None, None);
    leaves.require(file, report.is_ok(), &format!("{:?}", report.err()));
    let refused: u64 = imported.tally.refused.iter().map(|group| group.count).sum();
    leaves.require(file, refused == 0, &format!("{:?}", imported.tally.refused));
    let with_place = |draft: &Draft| {
        let source = draft.provenance.source.as_ref();
        source.is_some_and(|source| source.sha256.len() == 64 && source.member.is_some()) && draft.source_key.is_some()
    };
    leaves.require(file, imported.drafts.iter().all(with_place), "every entry has its provenance and its key");
    let keys: BTreeSet<_> = imported.drafts.iter().map(|draft| draft.source_key.clone()).collect();
    leaves.require(file, keys.len() == imported.drafts.len(), "each entry has its own key");
    let again = Imported::of(bytes);
    let same = again.drafts == imported.drafts && again.samples == imported.samples && again.papers == imported.papers;
    leaves.require(file, same, "twice the same");
    for tenth in 0..10 {
        let at = bytes.len() * tenth / 10;
        let cut = intake::read(Cursor::new(&bytes[..at]), &options(), &mut |_| Ok(()));
        leaves.require(file, cut.is_err(), "a cut archive is refused");
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x20;
        drop(intake::read(Cursor::new(&flipped), &options(), &mut |_| Ok(())));
    }
}

fn main_file(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let mut number = |leaf: &str, found: u64| {
        if expected.pointer(leaf).is_some() {
            let right = expected.pointer(leaf).and_then(Value::as_f64) == Some(found as f64);
            leaves.check(file, &format!("{at}{leaf}"), right, &found.to_string());
        }
    };
    let pressures = imported.pressures();
    let parts: u64 = pressures.iter().map(|(_, parts)| *parts as u64).sum();
    let measures = imported.of_kind("measure").count() as u64;
    let outside = imported.read("measure") - parts - measures;
    let rows: u64 = sample_kinds(imported).map(|kind| imported.read(kind)).sum::<u64>() + imported.goals();
    let given: u64 = sample_kinds(imported).map(|kind| imported.tally.given_out(kind)).sum::<u64>() + imported.goals();
    let merged: u64 = sample_kinds(imported).map(|kind| imported.tally.merged.get(kind).copied().unwrap_or(0)).sum();
    number("/records_top_level", rows + outside);
    number("/top_level_elements/Record", rows + outside);
    number("/records_in_correlations", parts);
    number("/records_distinct_key", given + parts);
    number("/union_records_distinct", given + parts);
    number("/exact_duplicate_rows", merged);
    number("/correlation_children_also_top_level", outside);
    number("/top_level_elements/Correlation", pressures.len() as u64);
    number("/top_level_elements/Workout", imported.of_kind("activity").count() as u64);
    number("/top_level_elements/ActivitySummary", imported.read("activity-summary"));
    number("/top_level_elements/Me", u64::from(imported.subject.is_some()));
    number(
        "/top_level_elements/ClinicalRecord",
        imported.tally.members.values().filter(|kind| *kind == "fhir-r4").count() as u64,
    );
    number("/metadata_entries", imported.read("metadata"));
    number("/instantaneous_bpm", imported.read("heart-beat"));
    number(
        "/unparseable_dates",
        imported.tally.refused.iter().filter(|group| group.reason == "no-date").count() as u64,
    );
    let dropped = imported.tally.warnings.iter().find(|group| group.reason == "forbidden-characters-dropped");
    let dropped = dropped.map_or("0", |group| group.places[0].at.split(' ').next().unwrap());
    number("/illegal_control_chars", dropped.parse().unwrap());
    for (name, count) in expected["record_types"].as_object().unwrap() {
        let found = rows_of_type(imported, name);
        leaves.check(file, &format!("{at}/record_types/{name}"), count == found, &found.to_string());
    }
    let version = imported.tally.members[WHOLE_FILE].split(' ').nth(1).and_then(|version| version.parse().ok());
    leaves.check(
        file,
        &format!("{at}/export_version"),
        expected["export_version"].as_u64() == version,
        &format!("{version:?}"),
    );
    let stepped = imported.warned("document-type-stepped-over") > 0;
    leaves.check(file, &format!("{at}/parses_as_is"), expected["parses_as_is"] == !stepped, &stepped.to_string());
    leaves.skip(file, &format!("{at}/parse_error"), "how another parser fails on it");
    leaves.skip(file, &format!("{at}/locale"), "the language of the telephone is not kept");
    leaves.skip(file, &format!("{at}/export_date"), "only used to mark rows after it");
    leaves.skip(file, &format!("{at}/top_level_elements/ExportDate"), "only used to mark rows after it");
    leaves.skip(file, &format!("{at}/utc_offsets"), "the printed offset is that of the export and is not kept");
    person(leaves, file, at, expected, imported);
    sources(leaves, file, at, expected, imported);
    times(leaves, file, at, expected, imported);
    workouts(leaves, file, at, expected, imported);
}

/// Kinds of the tally that are kinds of series.
fn sample_kinds(imported: &Imported) -> impl Iterator<Item = &str> {
    let kinds: BTreeSet<&str> = imported.samples.iter().map(|(series, _)| series.kind.as_str()).collect();
    kinds.into_iter()
}

fn rows_of_type(imported: &Imported, apple_type: &str) -> u64 {
    let parts = |slug: &str| {
        let measures = imported.of_kind("measure").filter_map(|draft| match &draft.fact {
            Fact::Measure(measure) => measure.component(slug),
            _ => None,
        });
        measures.count() as u64
    };
    match apple_type.trim_start_matches("HKQuantityTypeIdentifier").trim_start_matches("HKCategoryTypeIdentifier") {
        "BloodPressureSystolic" => parts("systolic"),
        "BloodPressureDiastolic" => parts("diastolic"),
        "BodyMass" => imported.read("weight"),
        "BodyMassIndex" => imported.read("bmi"),
        "BodyTemperature" => imported.read("temperature"),
        "HeartRate" => imported.read("heart-rate"),
        "SleepAnalysis" => imported.read("sleep-stage"),
        "StepCount" => imported.read("steps"),
        _ => imported.read(apple_type),
    }
}

fn person(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let Some(me) = expected["me"].as_object() else {
        leaves.check(file, &format!("{at}/me"), imported.subject.is_none(), "a person");
        return;
    };
    let claim = imported.subject.clone().unwrap_or_default();
    let group = imported.of_kind("blood-group").find_map(|draft| match &draft.fact {
        Fact::BloodGroup(group) => Some(group.group.as_str().to_owned()),
        _ => None,
    });
    for (name, value) in me {
        let (leaf, value) = (format!("{at}/me/{name}"), value.as_str().unwrap());
        match name.rsplit("Identifier").next().unwrap() {
            "DateOfBirth" => {
                let found = claim.birth_date.map(|date| date.to_string());
                leaves.check(file, &leaf, found.as_deref() == Some(value), &format!("{found:?}"));
            }
            "BiologicalSex" => {
                let right = match value {
                    "HKBiologicalSexFemale" => Some(Sex::Female),
                    "HKBiologicalSexMale" => Some(Sex::Male),
                    _ => None,
                };
                leaves.check(file, &leaf, claim.sex == right, &format!("{:?}", claim.sex));
            }
            "BloodType" => {
                let right = (value == "HKBloodTypeOPositive").then_some("OPOS");
                leaves.check(file, &leaf, group.as_deref() == right, &format!("{group:?}"));
            }
            _ => leaves.skip(file, &leaf, "the record has no such field, and it is not set"),
        }
    }
}

fn sources(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    for (name, rows) in expected["sources"].as_object().unwrap() {
        let application = if name == "null" { "" } else { name };
        let all = imported.tally.sources.iter().filter(|source| source.application == application);
        let all: u64 = all.map(|source| source.rows).sum();
        let workouts = imported
            .of_kind("activity")
            .filter(|draft| draft.provenance.application.as_deref().unwrap_or("") == application);
        let found = all - workouts.count() as u64;
        leaves.check(file, &format!("{at}/sources/{name}"), rows == found, &found.to_string());
    }
}

fn times(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let moments = imported.moments();
    let text = |millis: Option<i64>| millis.and_then(|at| Instant::new(at, Some(0))).map(|at| at.to_string());
    let first = text(moments.iter().map(|(start, _)| *start).min());
    leaves.check(
        file,
        &format!("{at}/first_start_utc"),
        expected["first_start_utc"].as_str() == first.as_deref(),
        &format!("{first:?}"),
    );
    let last = text(moments.iter().map(|(_, end)| *end).max());
    leaves.check(
        file,
        &format!("{at}/last_end_utc"),
        expected["last_end_utc"].as_str() == last.as_deref(),
        &format!("{last:?}"),
    );
    leaves.check(file, &format!("{at}/zone"), expected["zone"] == paris().zone_at(0), "the home zone of these tests");
    let printed = printed_offset_minutes(&expected["utc_offsets"]);
    let changed =
        moments.iter().filter(|(start, _)| paris().day_of(*start, None) != paris().day_of(*start, Some(printed)));
    // A goal has a date too, and is no measure: it is set aside, and counted in the expectation.
    let changed = changed.count() as u64 + imported.goals();
    let leaf = format!("{at}/records_whose_calendar_day_changes_in_zone");
    leaves.check(file, &leaf, expected["records_whose_calendar_day_changes_in_zone"] == changed, &changed.to_string());
    if expected.get("steps_naive_sum").is_none() {
        return;
    }
    let naive: i64 = steps(imported).map(|(_, _, count)| count).sum();
    leaves.check(
        file,
        &format!("{at}/steps_naive_sum"),
        expected["steps_naive_sum"] == naive as f64,
        &naive.to_string(),
    );
    let by_print = days(imported, |start| paris().day_of(start, Some(printed)));
    let sum: i64 = by_print.values().sum();
    leaves.check(
        file,
        &format!("{at}/steps_sum_of_daily_max_source"),
        expected["steps_sum_of_daily_max_source"] == sum as f64,
        &sum.to_string(),
    );
    leaves.check(
        file,
        &format!("{at}/steps_local_days"),
        expected["steps_local_days"] == by_print.len(),
        &by_print.len().to_string(),
    );
    let right = days(imported, |start| paris().day_of(start, None));
    let sum: i64 = right.values().sum();
    let zone = &expected["steps_in_zone"];
    let at = format!("{at}/steps_in_zone");
    leaves.check(
        file,
        &format!("{at}/sum_of_daily_max_source"),
        zone["sum_of_daily_max_source"] == sum as f64,
        &sum.to_string(),
    );
    leaves.check(file, &format!("{at}/local_days"), zone["local_days"] == right.len(), &right.len().to_string());
    let (first, last) = (right.keys().next().unwrap().to_string(), right.keys().last().unwrap().to_string());
    leaves.check(file, &format!("{at}/first_day"), zone["first_day"] == first, &first);
    leaves.check(file, &format!("{at}/last_day"), zone["last_day"] == last, &last);
    // Beside the leaves: what the description of the export says.
    leaves.require(file, (naive, sum) == (91_555, 46_422), &format!("{naive} steps said, {sum} made"));
    leaves.require(file, imported.warned("after-the-export") > 0, "rows after the export are marked");
    leaves.require(file, imported.warned("says-less-than-the-main-file") == 1, "the second main file is told");
}

/// Steps: source, start, count.
fn steps(imported: &Imported) -> impl Iterator<Item = (&Series, i64, i64)> {
    let series = imported.samples.iter().filter(|(series, _)| series.kind == "steps");
    series.flat_map(|(series, samples)| {
        samples.iter().map(move |sample| match &sample.value {
            SampleValue::Number(number) => (series, sample.start_ms, number.mantissa_at(0).unwrap()),
            SampleValue::Code(_) => panic!("steps are numbers"),
        })
    })
}

/// Per day, the largest total of one source.
fn days(imported: &Imported, day_of: impl Fn(i64) -> Option<Day>) -> BTreeMap<Day, i64> {
    let mut totals: BTreeMap<(Day, &str), i64> = BTreeMap::new();
    for (series, start, count) in steps(imported) {
        *totals.entry((day_of(start).unwrap(), series.source.application.as_str())).or_default() += count;
    }
    let mut largest: BTreeMap<Day, i64> = BTreeMap::new();
    for ((day, _), total) in totals {
        let slot = largest.entry(day).or_default();
        *slot = (*slot).max(total);
    }
    largest
}

/// The one offset that the export prints everywhere, `+0200`, in minutes.
fn printed_offset_minutes(offsets: &Value) -> i16 {
    let text = offsets.as_object().unwrap().keys().next().unwrap();
    let (hours, minutes): (i16, i16) = (text[1..3].parse().unwrap(), text[3..5].parse().unwrap());
    let sign = if text.starts_with('-') { -1 } else { 1 };
    sign * (hours * 60 + minutes)
}

fn workouts(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let found: Vec<&Draft> = imported.of_kind("activity").collect();
    let expected = expected["workouts"].as_array().unwrap();
    leaves.require(file, found.len() == expected.len(), "as many workouts");
    let differing = expected.iter().filter(|workout| differs(workout)).count() as u64;
    leaves.require(file, imported.warned("statistics-win-over-attributes") == differing, "differing totals are told");
    for (index, (workout, draft)) in expected.iter().zip(found).enumerate() {
        let at = format!("{at}/workouts/{index}");
        let fields = Value::Object(draft.fact.to_fields());
        let original =
            |name: &str| draft.provenance.original.get(name).map(String::as_str).unwrap_or_default().to_owned();
        let mut check = |leaf: &str, found: &str| {
            if let Some(value) = workout.pointer(leaf) {
                let right = value.as_str().unwrap_or_default() == found;
                leaves.check(file, &format!("{at}{leaf}"), right, found);
            }
        };
        check("/type", fields["activity"].as_str().unwrap());
        let part = |text: String, at: usize| text.split(' ').nth(at).unwrap_or_default().to_owned();
        check("/duration", &part(original("duration"), 0));
        check("/duration_unit", &part(original("duration"), 1));
        check("/totalDistance", &part(original("distance"), 0));
        check("/totalDistanceUnit", &part(original("distance"), 1));
        check("/totalEnergyBurned", &part(original("energy"), 0));
        check("/totalEnergyBurnedUnit", &part(original("energy"), 1));
        for (side, printed) in [("start", &workout["start"]), ("end", &workout["end"])] {
            let right = moment(printed.as_str().unwrap())
                == fields[side].as_str().unwrap().parse::<Instant>().unwrap().millis();
            leaves.check(file, &format!("{at}/{side}"), right, &fields[side].to_string());
        }
        statistics(leaves, file, &at, workout, &fields);
        if workout.pointer("/events/HKWorkoutEventTypePause").is_some() {
            let right = workout["events"]["HKWorkoutEventTypePause"] == fields["pauses"];
            leaves.check(file, &format!("{at}/events/HKWorkoutEventTypePause"), right, &fields["pauses"].to_string());
            leaves.require(file, fields["duration_min"] == "35.5", "pauses are not in the duration");
            leaves.require(file, fields["zone"] == "Europe/Paris", "the zone of the workout is kept");
        }
        leaves.skip(file, &format!("{at}/events"), "the end of a pause is not kept");
        leaves.skip(file, &format!("{at}/routes"), "positions are not taken in unless asked for");
    }
}

fn differs(workout: &Value) -> bool {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<Decimal>().ok());
    let sum = number(&workout["statistics"]["HKQuantityTypeIdentifierDistanceWalkingRunning"]["sum"]);
    number(&workout["totalDistance"]).zip(sum).is_some_and(|(printed, sum)| printed.compare(sum).is_ne())
}

fn statistics(leaves: &mut Leaves, file: &str, at: &str, workout: &Value, fields: &Value) {
    let Some(statistics) = workout.get("statistics").and_then(Value::as_object) else { return };
    for (name, values) in statistics {
        let kept = match name.trim_start_matches("HKQuantityTypeIdentifier") {
            "DistanceWalkingRunning" => &fields["distance"],
            "ActiveEnergyBurned" => &fields["energy"],
            _ => &fields["heart_rate"],
        };
        for (part, value) in values.as_object().unwrap() {
            let found = if part == "sum" { &kept["value"] } else { &kept[part] };
            leaves.check(file, &format!("{at}/statistics/{name}/{part}"), value == found, &found.to_string());
        }
    }
}

/// `2026-03-18 17:00:00 +0200` by way of RFC 3339.
fn moment(printed: &str) -> i64 {
    let parts: Vec<&str> = printed.split(' ').collect();
    format!("{}T{}{}", parts[0], parts[1], parts[2]).parse::<Instant>().unwrap().millis()
}

fn electrocardiogram(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let found = imported.papers.iter().find(|(document, _)| document.media_type.as_deref() == Some("text/csv"));
    let (document, bytes) = found.unwrap();
    let lines = String::from_utf8_lossy(bytes).lines().count();
    leaves.check(file, &format!("{at}/lines"), expected["lines"] == lines, &lines.to_string());
    leaves.require(
        file,
        document.description.as_deref() == Some("Classification: Rythme sinusal"),
        "its classification",
    );
    let recorded = document.date.map(|date| date.to_string());
    leaves.require(file, recorded.as_deref() == Some("2026-03-05T20:14:10Z"), &format!("recorded at {recorded:?}"));
}

fn clinical(leaves: &mut Leaves, file: &str, at: &str, expected: &Value, imported: &Imported) {
    let coded = |draft: &&Draft| match &draft.fact {
        Fact::Result(result) => result.code.has("http://loinc.org", "4548-4"),
        Fact::Measure(measure) => measure.code.has("http://loinc.org", "4548-4"),
        _ => false,
    };
    let found = imported.drafts.iter().find(coded);
    let is_observation = found.is_some() && expected["resourceType"] == "Observation";
    leaves.check(file, &format!("{at}/resourceType"), is_observation, "no result 4548-4");
    let fields = found.map(|draft| Value::Object(draft.fact.to_fields()).to_string()).unwrap_or_default();
    leaves.require(file, fields.contains("\"5.6\"") && fields.contains("2026-03-02T08:30:00+01:00"), &fields);
}
