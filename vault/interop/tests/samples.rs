//! The samples that ship with the project: invented people, true shapes.
//!
//! Whoever tries Carnet for the first time imports these; a sample that is refused, or whose archive is not what its
//! sources say, would be the first thing they see.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use carnet_interop::{
    intake::{self, Options, WHOLE_FILE, archive::Archive},
    report::{Kept, Summary, complete, counted_as},
};
use carnet_record::{
    Day, Fact, ZoneHistory,
    batch::SampleValue,
    item::{Item, Tally},
    kind::import_report::ImportedFile,
};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cli/samples")
}

fn bytes_of(name: &str) -> Vec<u8> {
    let path = samples().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn options(name: &str) -> Options {
    Options {
        source_name: name.to_owned(),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_790_000_000_000,
    }
}

fn read(name: &str) -> (Vec<Item>, Tally) {
    let mut items = Vec::new();
    let tally = intake::read(Cursor::new(bytes_of(name)), &options(name), &mut |item| {
        items.push(item);
        Ok(())
    });
    (items, tally.unwrap_or_else(|error| panic!("{name}: {error}")))
}

#[test]
fn the_archive_is_made_of_its_sources_and_of_nothing_else() {
    let folder = samples().join("export");
    let mut archive = Archive::open(Cursor::new(bytes_of("export.zip"))).unwrap();
    let mut packed = BTreeMap::new();
    for member in archive.members().to_vec() {
        let mut content = Vec::new();
        archive.member(member.index).unwrap().read_to_end(&mut content).unwrap();
        packed.insert(folder.join(&member.name), content);
    }
    let mut sources = BTreeMap::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    assert_eq!(packed.keys().collect::<Vec<_>>(), sources.keys().collect::<Vec<_>>());
    for (path, content) in &sources {
        assert!(packed[path] == *content, "{} differs from the archive", path.display());
    }
}

#[test]
fn the_export_of_a_telephone_reads_whole() {
    let (items, tally) = read("export.zip");
    assert_eq!(tally.members[WHOLE_FILE], "apple-health-export 14");
    assert_eq!(tally.refused, []);
    let given: BTreeMap<&str, u64> = tally.read.keys().map(|kind| (kind.as_str(), tally.given_out(kind))).collect();
    let expected = [
        ("activity", 1),
        ("activity-summary", 0),
        ("document", 1),
        ("file", 0),
        ("heart-rate", 210),
        ("height", 1),
        ("measure", 5),
        ("metadata", 0),
        ("result", 1),
        ("route", 0),
        ("route-point", 0),
        ("sleep-stage", 60),
        ("spo2", 11),
        ("steps", 126),
        ("weight", 7),
    ];
    assert_eq!(given, BTreeMap::from(expected));
    assert_eq!(
        (tally.merged["heart-rate"], tally.merged["measure"]),
        (1, 20),
        "one repeat, and the rows of five pressures"
    );
    let mut kept = Kept::default();
    for (kind, rows) in items.iter().filter_map(counted_as) {
        kept.add(kind, rows);
    }
    let report = complete(&tally, &kept, ImportedFile::default(), None, None).unwrap();
    let summary = Summary::of(&report, "export.zip");
    assert_eq!((summary.read, summary.added, summary.merged, summary.refused), (691, 423, 21, 0));
    assert_eq!(summary.first.as_deref(), Some("2026-02-24T07:10:00Z"), "the analysis of the clinical record");
}

#[test]
fn steps_of_two_devices_are_not_added_up() {
    let (items, _) = read("export.zip");
    let zones = ZoneHistory::single("Europe/Paris").unwrap();
    let mut totals: BTreeMap<Day, BTreeMap<String, i64>> = BTreeMap::new();
    for item in &items {
        let Item::Samples { series, samples } = item else { continue };
        for sample in samples.iter().filter(|_| series.kind == "steps") {
            let SampleValue::Number(count) = &sample.value else { panic!("steps are numbers") };
            let day = zones.day_of(sample.start_ms, sample.offset_minutes).unwrap();
            *totals.entry(day).or_default().entry(series.source.application.clone()).or_default() += count.mantissa();
        }
    }
    assert_eq!(totals.len(), 21);
    let largest: i64 = totals.values().filter_map(|sources| sources.values().max()).sum();
    let all: i64 = totals.values().flat_map(BTreeMap::values).sum();
    assert!(totals.values().all(|sources| sources.len() == 2) && largest < all, "{largest} steps made, {all} counted");
}

#[test]
fn the_bundle_of_a_second_person_reads_whole() {
    let (items, tally) = read("bundle.json");
    assert_eq!(tally.members[WHOLE_FILE], "fhir-json");
    assert_eq!((tally.refused.as_slice(), tally.warnings.as_slice()), (&[][..], &[][..]));
    let given: BTreeMap<&str, u64> = tally.read.keys().map(|kind| (kind.as_str(), tally.given_out(kind))).collect();
    let expected = [
        ("allergy", 1),
        ("contact", 2),
        ("disease", 2),
        ("document", 1),
        ("encounter", 1),
        ("measure", 4),
        ("result", 8),
        ("treatment", 2),
        ("vaccination", 2),
    ];
    assert_eq!(given, BTreeMap::from(expected));
    let person = items.iter().find_map(|item| match item {
        Item::Subject(claim) => Some(claim),
        _ => None,
    });
    assert_eq!(person.unwrap().birth_date, Some("1951-07-09".parse().unwrap()));
}

#[test]
fn papers_and_pictures_are_what_they_seem() {
    for (name, media_type) in [("scan.png", "image/png"), ("radiographie.pdf", "application/pdf")] {
        let (items, tally) = read(name);
        let kept = items.iter().find_map(|item| match item {
            Item::DocumentStart { draft } => Some(&draft.fact),
            _ => None,
        });
        let Some(Fact::Document(document)) = kept else { panic!("{name}: a document") };
        assert_eq!((document.media_type.as_deref(), document.file_name.as_deref()), (Some(media_type), Some(name)));
        assert_eq!((tally.given_out("document"), tally.warnings.len()), (1, 0));
    }
}
