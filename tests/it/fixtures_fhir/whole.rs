//! What is said of whole files: stories of single examples, counts and dates of Bundles, the payload of a health card.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use carnet_record::kind::Fact;
use carnet_record::{Status, ZoneHistory};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use super::{Given, Imported, code_of, list, normal_time, read};

/// What the folder's guide says of single files, beyond the leaves.
pub(super) fn stories(leaves: &mut Leaves, file: &str, imported: &Imported) {
    let facts = || imported.given.iter().map(|given| &given.draft.fact);
    let count = |kind: &str| facts().filter(|fact| fact.kind() == kind).count();
    let zones = ZoneHistory::single("Europe/Paris").unwrap();
    let name = file.rsplit('/').next().unwrap_or(file);
    match name {
        "AllergyIntolerance-eumfh-39-07-1.json" => {
            leaves.require(file, count("absence") == 1 && count("allergy") == 0, "an absence, never an allergy");
        }
        "Bundle-IPS-examples-Bundle-01.json" => {
            leaves.require(file, count("absence") == 1 && count("allergy") == 1, "one allergy and one absence");
        }
        "DiagnosticReport-hemoglobin.json" => {
            let kept =
                facts().any(|fact| matches!(fact, Fact::Result(own) if own.panel && !own.missing_members.is_empty()));
            leaves.require(file, kept && imported.warns("member-not-in-file"), "the missing result is kept as text");
        }
        "Immunization-75680.json" => {
            let fact = facts().next().unwrap();
            let day = fact.when().and_then(|when| when.local_day(&zones)).map(|day| day.to_string());
            leaves.require(file, day.as_deref() == Some("1998-06-04"), "the local day is that of the offset");
            let Fact::Vaccination(own) = fact else { panic!("no vaccination") };
            leaves.require(file, own.lot.is_some() && own.code.codings.len() == 3, "lot number and three codings");
            let verbatim = &imported.given[0].draft.provenance.verbatim;
            leaves.require(
                file,
                verbatim.values().any(|text| text.contains("translation")),
                "the French labels survive",
            );
        }
        "CareTeam-cds-careteam-example.json" => {
            let verbatim = &imported.given[0].draft.provenance.verbatim;
            leaves.require(file, verbatim.contains_key("_name"), "an extension inside the name survives");
        }
        "Slot-example.json" => {
            let given = &imported.given[0];
            let is_free = given.draft.status == Status::from("slot") && !given.draft.status.counts();
            leaves.require(file, is_free, "a free slot is no appointment");
        }
        "Observation-example-mes-fr-observation-bp-001.json" => {
            leaves.require(file, imported.given.len() == 1, "components only, one entry");
        }
        "Bundle-mss-bundle-bal-per-elements.json" => {
            let partial = facts().all(|fact| matches!(fact, Fact::Contact(own) if own.partial == Some(true)));
            leaves.require(file, partial, "partial resources are marked");
        }
        "Bundle-MultiLine-Presc-METFORMINE-GLICLAZIDE.json" => {
            let groups: BTreeSet<_> = facts()
                .filter_map(|fact| match fact {
                    Fact::Treatment(own) => Some((own.group.clone(), own.is_ongoing())),
                    _ => None,
                })
                .collect();
            let one = groups.len() == 1 && groups.iter().all(|(group, ongoing)| group.is_some() && !ongoing);
            leaves.require(file, count("treatment") == 2 && one, "one prescription of two lines, no running treatment");
        }
        "Observation-example-mes-fr-observation-body-weight-001.json" => {
            let day = facts().next().and_then(Fact::when).and_then(|when| when.local_day(&zones));
            leaves.require(file, day.is_some_and(|day| day.to_string() == "2022-11-06"), "a day, not an instant");
        }
        _ => {}
    }
}

/// One of the standard Bundles: counts by resource, noise set aside, dates, the person.
pub(super) fn standard(leaves: &mut Leaves, file: &str, expected: &Value, bytes: &[u8], imported: &Imported) {
    for of_file in ["/sha256", "/bytes", "/kind"] {
        let holds = match of_file {
            "/bytes" => expected["bytes"].as_u64() == Some(bytes.len() as u64),
            "/sha256" => imported.sha256() == expected["sha256"].as_str(),
            _ => true,
        };
        leaves.check(file, of_file, holds, "fixture changed");
    }
    leaves.skip(file, "/bundle_type", "of the envelope, which is not kept");
    let met: usize = expected["entries"].as_u64().unwrap_or_default().try_into().unwrap();
    let seen = usize::from(imported.subject.is_some()) + places(imported).len() + not_given(imported);
    leaves.check(file, "/entries", seen == met, &format!("{seen}"));
    for (kind, count) in expected["resources"].as_object().unwrap() {
        let own = resources(imported, kind);
        leaves.check(file, &format!("/resources/{kind}"), Some(own as u64) == count.as_u64(), &format!("{own}"));
    }
    for noise in ["Claim", "ExplanationOfBenefit"] {
        let aside = imported.tally.set_aside.iter().find(|group| group.kind == noise).map_or(0, |group| group.count);
        let wanted = expected["resources"][noise].as_u64().unwrap_or_default();
        leaves.require(file, aside == wanted, "billing is set aside");
    }
    let subject = imported.subject.as_ref();
    let patient = &expected["patients"][0];
    leaves.skip(file, "/patients/0/id", "the file's own number of the person is not kept");
    let birth = subject.and_then(|own| own.birth_date).map(|date| date.to_string());
    leaves.check(
        file,
        "/patients/0/birthDate",
        birth.as_deref() == patient["birthDate"].as_str(),
        &format!("{birth:?}"),
    );
    let sex = subject.and_then(|own| own.sex.as_ref()).map(ToString::to_string);
    leaves.check(file, "/patients/0/gender", sex.as_deref() == patient["gender"].as_str(), &format!("{sex:?}"));
    dates(leaves, file, expected, imported);
    codes(leaves, file, expected, imported);
    if let Some(sections) = expected.get("composition_sections") {
        let text = imported.given.iter().find_map(|given| match &given.draft.fact {
            Fact::Document(own) => own.text.as_deref().filter(|_| given.place().contains("Composition")),
            _ => None,
        });
        let holds = list(sections).iter().all(|title| text.is_some_and(|text| text.contains(title.as_str().unwrap())));
        leaves.check_all(file, "/composition_sections", holds, "a section is missing");
    }
    let own_keys: BTreeSet<_> = imported.given.iter().map(|given| given.draft.source_key.as_ref()).collect();
    leaves.check(file, "/duplicate_ids", own_keys.len() == imported.given.len(), "two entries of one key");
}

/// Places of the Bundle from which something came.
fn places(imported: &Imported) -> BTreeSet<&str> {
    imported
        .given
        .iter()
        .filter(|given| !given.place().contains(" Patient"))
        .filter_map(|given| given.place().split(' ').next())
        .collect()
}

/// Resources that were set aside, or that lie within another entry.
fn not_given(imported: &Imported) -> usize {
    let aside: u64 = imported.tally.set_aside.iter().map(|group| group.count).sum();
    let merged: u64 = imported.tally.merged.values().sum();
    usize::try_from(aside + merged).unwrap()
}

fn resources(imported: &Imported, kind: &str) -> usize {
    if kind == "Patient" {
        return usize::from(imported.subject.is_some());
    }
    let named = |place: &&str| place.split(' ').nth(1).and_then(|name| name.split('/').next()) == Some(kind);
    let given: BTreeSet<&str> = imported.given.iter().map(Given::place).filter(named).collect();
    let aside: u64 = imported.tally.set_aside.iter().filter(|group| group.kind == kind).map(|group| group.count).sum();
    let merged = imported.tally.merged.get(kind).copied().unwrap_or_default();
    given.len() + usize::try_from(aside + merged).unwrap()
}

/// The first and the last date of the file are dates of entries, and stay partial where they are.
fn dates(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let texts: BTreeSet<String> =
        imported.given.iter().map(|given| serde_json::to_string(&given.draft).unwrap()).collect();
    for end in ["first_date", "last_date"] {
        let wanted = expected[end].as_str().unwrap_or_default();
        let printed = normal_time(wanted);
        let holds = texts.iter().any(|text| text.contains(&format!("\"{printed}\"")));
        leaves.check(file, &format!("/{end}"), holds, "no entry has it");
    }
}

fn codes(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let of_observation = imported.given.iter().filter(|given| given.place().contains("Observation"));
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for given in of_observation {
        let code = match &given.draft.fact {
            Fact::BloodGroup(_) => "882-1".to_owned(),
            fact => code_of(fact)
                .and_then(|code| code.codings.first())
                .map_or_else(|| "null".to_owned(), |coding| coding.code.clone()),
        };
        *counts.entry(code).or_default() += 1;
    }
    if let Some(distinct) = expected.get("observation_codes_distinct") {
        leaves.check(
            file,
            "/observation_codes_distinct",
            distinct.as_u64() == Some(counts.len() as u64),
            &format!("{}", counts.len()),
        );
        for (code, count) in expected["observation_top_codes"].as_object().unwrap() {
            let own = counts.get(code).copied().unwrap_or_default();
            leaves.check(
                file,
                &format!("/observation_top_codes/{code}"),
                count.as_u64() == Some(own),
                &format!("{own}"),
            );
        }
    }
    let pressures = imported.given.iter().filter_map(|given| match &given.draft.fact {
        Fact::Measure(own) if own.code.has("http://loinc.org", "55284-4") => Some(own),
        _ => None,
    });
    let whole = pressures.clone().all(|own| {
        own.measure == "blood-pressure" && own.component("systolic").is_some() && own.component("diastolic").is_some()
    });
    let wanted = expected["observation_top_codes"]["55284-4"].as_u64().unwrap_or_default();
    leaves.require(file, whole && pressures.count() as u64 == wanted, "the older panel code is a blood pressure");
}

/// The payload of a health card is read as its Bundle; both forms of it are the same content.
pub(super) fn card_payloads(leaves: &mut Leaves, fixtures: &Path) {
    let folder = fixtures.join("standards/shc");
    let of = |name: &str| Imported::of(&read(&folder.join(name)), name);
    let keys =
        |imported: &Imported| imported.given.iter().map(|given| given.draft.source_key.clone()).collect::<Vec<_>>();
    let bundle = of("example-00-a-fhirBundle.json");
    for name in ["example-00-b-jws-payload-expanded.json", "example-00-c-jws-payload-minified.json"] {
        let payload = of(name);
        leaves.require(
            name,
            payload.given.len() == bundle.given.len() && keys(&payload) == keys(&bundle),
            "the card's Bundle, once",
        );
    }
}
