//! `kill -9` of the real command in the middle of its work.

use std::{fmt::Write as _, os::unix::process::ExitStatusExt as _, path::PathBuf, time::Duration};

use carnet_tests::process::{Carnet, Home, copy, text, uptime, wait};

/// How often an import is killed.
const KILLS: u32 = 20;
/// Of these, how many must have hit it at work: one that comes too late proves nothing.
const KILLS_AT_WORK_MIN: u32 = 10;
/// Rows of the export that is brought in.
const ROWS: u32 = 60_000;

#[test]
fn fault_a10_an_import_that_is_killed_leaves_all_or_nothing_and_resumes_to_the_same_record() {
    let home = Home::new();
    let export = steps(&home);
    let base = home.vault("base", "Ana");
    base.run(&["profile", "add", "disease", "--name", "Asthme"]).data();

    let whole = copied(&home, &base, "whole");
    let begun = uptime();
    assert_eq!(whole.run(&["import", text(&export)]).data()["files"][0]["added"], ROWS);
    let took = uptime() - begun;
    let content = whole.content();
    assert!(content.len() > ROWS as usize, "the content is read: {} lines", content.len());

    let mut at_work = 0;
    let mut with_all = 0;
    for kill in 0..KILLS {
        let carnet = copied(&home, &base, &format!("killed-{kill}"));
        let running = carnet.start(&["import", text(&export)]);
        wait(Duration::from_secs_f64(took * f64::from(kill + 1) / f64::from(KILLS + 6)));
        if running.kill().signal() == Some(9) {
            at_work += 1;
        }
        let verified = carnet.run(&["doctor", "--deep"]).data();
        assert_eq!(verified["verified"], true, "after kill {kill}");
        let series = carnet.run(&["measure", "list", "--sources"]).data();
        let counted: u64 = series.as_array().expect("series").iter().filter_map(|one| one["count"].as_u64()).sum();
        assert!([0, u64::from(ROWS)].contains(&counted), "kill {kill} left {counted} of {ROWS} samples");
        with_all += u32::from(counted > 0);
        let names = carnet.run(&["profile", "list", "disease"]).out;
        assert!(names.contains("Asthme"), "what was there before kill {kill} is there after it");
        if kill % 5 == 4 {
            let again = carnet.run(&["import", text(&export)]).data();
            assert_eq!(again["files"][0]["read"], ROWS);
            assert!(carnet.content() == content, "resumed after kill {kill}: not the same record");
        }
        std::fs::remove_dir_all(&carnet.vault).expect("the copy can go");
    }
    println!("{KILLS} kills over {took:.1} s: {at_work} at work, {with_all} after the closing commit");
    assert!(at_work >= KILLS_AT_WORK_MIN, "only {at_work} of {KILLS} kills hit a running import");
    assert!(with_all < KILLS, "no kill came before the closing commit");
}

/// A vault like `base`.
fn copied(home: &Home, base: &Carnet, name: &str) -> Carnet {
    let carnet = home.carnet(name);
    copy(&base.vault, &carnet.vault);
    carnet
}

/// The main file of an export of a telephone: steps of one minute each.
fn steps(home: &Home) -> PathBuf {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<HealthData locale=\"fr_FR\">\n");
    xml.push_str(" <ExportDate value=\"2026-04-01 10:00:00 +0200\"/>\n <Me/>\n");
    for row in 0..ROWS {
        let (day, minute) = (row / 1440, row % 1440);
        let (month, day) = (1 + day / 28, 1 + day % 28);
        let at = format!("2025-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60);
        let _ = writeln!(
            xml,
            " <Record type=\"HKQuantityTypeIdentifierStepCount\" sourceName=\"Telephone\" unit=\"count\" \
             creationDate=\"{at}:59 +0100\" startDate=\"{at}:00 +0100\" endDate=\"{at}:59 +0100\" value=\"{}\"/>",
            row % 113
        );
    }
    xml.push_str("</HealthData>\n");
    home.file("export.xml", xml)
}
