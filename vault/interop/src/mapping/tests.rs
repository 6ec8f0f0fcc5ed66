//! The table against the model, against what is written, and against its page.

mod samples;

use std::collections::BTreeSet;

use carnet_record::{
    Concept, Decimal, Entry, EntryId, Fact, LinkKind, Quantity, Status, ZoneHistory,
    code::system,
    item::Item,
    kind::{
        Allergy, Appointment, Disease, Document, Encounter, LabResult, Measure, Procedure, Treatment, Vaccination,
        appointment::AppointmentState, measure::Moment, result::ResultValue, treatment::TreatmentRole,
    },
    measure::{KINDS, MeasureKind, Presence},
    person::{Actor, Identifier, SubjectClaim},
};

use self::samples::*;
use super::*;
use crate::{
    fhir::{
        json::Json,
        write::{BundleTooLarge, WriteOptions, Written, bundle},
    },
    intake::{self, Options},
};

fn written(entries: &[Entry]) -> Written {
    let now = "2026-03-01T10:00:00+01:00".parse().unwrap();
    bundle(entries, &mut WriteOptions { now, content: &mut |_| None })
}

fn read(json: &Json) -> (Option<SubjectClaim>, Vec<carnet_record::Draft>) {
    let options = Options {
        source_name: "bundle.json".into(),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_800_000_000_000,
    };
    let (mut subject, mut drafts) = (None, Vec::new());
    let bytes = json.to_text().into_bytes();
    let tally = intake::read(std::io::Cursor::new(bytes), &options, &mut |item| {
        match item {
            Item::Subject(claim) => subject = Some(*claim),
            Item::Draft(draft) | Item::DocumentStart { draft } => drafts.push(*draft),
            _ => {}
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(tally.refused, []);
    (subject, drafts)
}

#[test]
fn every_field_of_the_model_has_its_row_and_every_row_its_field() {
    for kind in Fact::KINDS.iter().filter(|kind| **kind != "import-report") {
        let (fact, _) = Fact::from_fields(serde_json::Map::from_iter([("kind".to_owned(), (*kind).into())]));
        let fields = all_fields(&fact);
        let rows: Vec<&str> = rows_of(kind).map(|row| row.field).collect();
        let unique: BTreeSet<&str> = rows.iter().copied().collect();
        assert_eq!(unique.len(), rows.len(), "{kind}: a field has two rows");
        assert_eq!(unique, fields.iter().map(String::as_str).collect(), "{kind}");
    }
}

/// Every field of a fact, the absent ones too.
fn all_fields(fact: &Fact) -> BTreeSet<String> {
    let value = match fact {
        Fact::Absence(own) => serde_json::to_value(own),
        Fact::Allergy(own) => serde_json::to_value(own),
        Fact::Appointment(own) => serde_json::to_value(own),
        Fact::BloodGroup(own) => serde_json::to_value(own),
        Fact::Contact(own) => serde_json::to_value(own),
        Fact::Directive(own) => serde_json::to_value(own),
        Fact::Disability(own) => serde_json::to_value(own),
        Fact::Disease(own) => serde_json::to_value(own),
        Fact::Document(own) => serde_json::to_value(Document { pinned: Some(true), ..(**own).clone() }),
        Fact::Donation(own) => serde_json::to_value(own),
        Fact::Encounter(own) => serde_json::to_value(own),
        Fact::FamilyHistory(own) => serde_json::to_value(own),
        Fact::Identity(own) => serde_json::to_value(own),
        Fact::Lifestyle(own) => serde_json::to_value(own),
        Fact::Measure(own) => serde_json::to_value(own),
        Fact::Prevention(own) => serde_json::to_value(own),
        Fact::Procedure(own) => serde_json::to_value(own),
        Fact::Reminder(own) => serde_json::to_value(own),
        Fact::Result(own) => serde_json::to_value(LabResult { panel: true, ..(**own).clone() }),
        Fact::Target(own) => serde_json::to_value(own),
        Fact::Treatment(own) => serde_json::to_value(own),
        Fact::Vaccination(own) => serde_json::to_value(own),
        other => panic!("{}", other.kind()),
    };
    value.unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn what_is_written_comes_back_as_it_was() {
    let entries = samples();
    let made = written(&entries);
    let (subject, drafts) = read(&made.bundle);
    assert_eq!(subject.unwrap().identity, identity());
    let back = |entry: &Entry| {
        let key = format!("fhir-uuid:{}", &crate::fhir::write::urn(entry.id)["urn:uuid:".len()..]);
        let ends = |draft: &&carnet_record::Draft| {
            draft.provenance.source.as_ref().unwrap().place.as_deref().is_some_and(|place| {
                place.starts_with(&format!("entry[{}] ", entries.iter().position(|own| own.id == entry.id).unwrap()))
            })
        };
        drafts.iter().find(ends).unwrap_or_else(|| panic!("{key}"))
    };
    for entry in entries.iter().skip(1) {
        assert_eq!(back(entry).fact, entry.fact, "{}", entry.fact.kind());
    }
}

#[test]
fn the_samples_set_every_field_that_comes_back() {
    let mut set: BTreeSet<(String, String)> = BTreeSet::new();
    for entry in samples() {
        let kind = entry.fact.kind().to_owned();
        set.extend(entry.fact.to_fields().into_iter().map(|(field, _)| (kind.clone(), field)));
    }
    let elsewhere = [
        ("allergy", "end"),
        ("allergy", "onset_text"),
        ("disease", "onset_text"),
        ("document", "sha256"),
        ("document", "attachment"),
        ("document", "text"),
        ("document", "care_end"),
        ("encounter", "end"),
        ("contact", "end"),
        ("identity", "deceased"),
        ("measure", "end"),
        ("measure", "absent_reason"),
        ("procedure", "when_text"),
        ("result", "absent_reason"),
        ("result", "body_site"),
        ("result", "end"),
        ("result", "missing_members"),
        ("vaccination", "not_given_reason"),
    ];
    for row in TABLE.iter().filter(|row| row.loss.is_none()) {
        let is_set = set.contains(&(row.kind.to_owned(), row.field.to_owned()));
        assert!(is_set != elsewhere.contains(&(row.kind, row.field)), "{} {}", row.kind, row.field);
    }
}

/// FHIR app-2 and app-3: an appointment has both ends; one that is not known is said not to be, and is not made up.
#[test]
fn an_appointment_with_one_end_or_a_day_alone_comes_back_so() {
    let ends = [
        ("2026-03-02T10:00:00+01:00", None, AppointmentState::Booked),
        ("2026-03-02", None, AppointmentState::Booked),
        ("2026-03-02", Some("2026-03-02T10:30:00+01:00"), AppointmentState::Fulfilled),
        ("2026-03-02", None, AppointmentState::Cancelled),
    ];
    for (start, end, state) in ends {
        let own = Appointment {
            title: text("Visite"),
            start: when(start),
            end: end.and_then(when),
            state: Some(state.clone()),
            read_only: Some(true),
            ..Appointment::default()
        };
        let made = written(&[entry(1, identity()), entry(2, own.clone())]);
        let resource = made.bundle.list("entry")[1].get("resource").unwrap();
        let has = |name: &str| resource.get(name).is_some() || resource.get(&format!("_{name}")).is_some();
        assert_eq!(has("start"), has("end"), "{start}");
        assert!(has("end") || state == AppointmentState::Cancelled, "{start}");
        let (_, drafts) = read(&made.bundle);
        assert_eq!(drafts[0].fact, own.into());
        assert!(drafts[0].provenance.verbatim.is_empty(), "{:?}", drafts[0].provenance.verbatim);
    }
}

/// The fields that exclude another one of the first samples.
#[test]
fn fields_that_exclude_others_come_back_too() {
    let absent = Some(Concept::from_code("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown"));
    let facts: Vec<Fact> = vec![
        Allergy {
            name: text("Pollen"),
            onset: when("2001"),
            end: when("2005"),
            clinical: text("resolved"),
            ..Allergy::default()
        }
        .into(),
        Allergy {
            name: text("Pollen"),
            onset_text: text("dans l'enfance"),
            clinical: text("active"),
            ..Allergy::default()
        }
        .into(),
        Disease { name: text("Otite"), onset_text: text("dans l'enfance"), ..Disease::default() }.into(),
        Procedure {
            name: text("Plâtre"),
            when_text: text("dans l'enfance"),
            state: text("completed"),
            ..Procedure::default()
        }
        .into(),
        Measure {
            measure: "weight".into(),
            code: Concept::from_code(system::LOINC, "29463-7"),
            at: when("2026-01-01T00:00:00Z"),
            end: when("2026-01-02T00:00:00Z"),
            absent_reason: absent.clone(),
            ..Measure::default()
        }
        .into(),
        LabResult {
            code: Concept::from_code(system::LOINC, "600-7"),
            at: when("2026-01-01"),
            end: when("2026-01-03"),
            body_site: Some(snomed("6", "arm")),
            absent_reason: absent,
            state: text("final"),
            panel: true,
            missing_members: vec!["Observation/404".into()],
            ..LabResult::default()
        }
        .into(),
    ];
    let entries: Vec<Entry> = facts.into_iter().zip(1..).map(|(fact, number)| entry(number, fact)).collect();
    let (_, drafts) = read(&written(&entries).bundle);
    let back: Vec<&Fact> = drafts.iter().map(|draft| &draft.fact).collect();
    assert_eq!(back, entries.iter().map(|entry| &entry.fact).collect::<Vec<_>>());
}

#[test]
fn every_value_of_a_result_comes_back() {
    let values = [
        ResultValue::Flag(true),
        ResultValue::Concept(snomed("260415000", "Not detected")),
        ResultValue::Interval { low: Some(quantity("1.10", "g/L")), high: None },
        ResultValue::Quantity(Quantity { comparator: Some("<".into()), ..quantity("0.10", "m[IU]/L") }),
        ResultValue::Ratio { numerator: quantity("1", ""), denominator: quantity("128", "") },
        ResultValue::Text("Présence de \"cristaux\"\nrares".into()),
        ResultValue::When("2021-02".parse().unwrap()),
    ];
    let result = |value: &ResultValue| LabResult {
        code: Concept::from_text("analyse"),
        value: Some(value.clone()),
        state: text("final"),
        ..LabResult::default()
    };
    let entries: Vec<Entry> = values.iter().zip(1..).map(|(value, number)| entry(number, result(value))).collect();
    let (_, drafts) = read(&written(&entries).bundle);
    for (draft, entry) in drafts.iter().zip(&entries) {
        assert_eq!(draft.fact, entry.fact);
    }
    assert_eq!(drafts.len(), values.len());
}

#[test]
fn an_actor_with_a_role_comes_back_with_it() {
    let performer = Actor {
        role: text("Pharmacien"),
        organisation: text("Pharmacie du Port"),
        identifiers: vec![
            Identifier::new("https://rpps.esante.gouv.fr", "10003456781"),
            Identifier::new("urn:oid:1.2", "3"),
        ],
        ..doctor()
    };
    let treatment = Treatment {
        name: text("Paracétamol"),
        role: TreatmentRole::Dispensation,
        state: text("completed"),
        performer: Some(performer.clone()),
        ..Treatment::default()
    };
    let made = written(&[entry(1, treatment.clone())]);
    assert_eq!(made.losses, []);
    assert_eq!(read(&made.bundle).1[0].fact, Fact::from(treatment));
    let timed = Actor { at: when("2026-01-01"), ..performer };
    let lost =
        written(&[entry(1, Procedure { name: text("a"), performers: vec![timed], ..Procedure::default() })]).losses;
    assert_eq!(lost.len(), 1, "{lost:?}");
}

#[test]
fn a_code_outside_a_closed_list_is_left_out_and_told() {
    let entries = [
        entry(1, LabResult { code: Concept::from_text("a"), state: text("validated"), ..LabResult::default() }),
        entry(2, Allergy { name: text("a"), criticality: text("grave"), ..Allergy::default() }),
        entry(3, Disease { name: text("a"), clinical: text("active"), end: when("2020"), ..Disease::default() }),
    ];
    let made = written(&entries);
    let fields: Vec<&str> = made.losses.iter().map(|loss| loss.field.as_str()).collect();
    assert_eq!(fields, ["state", "criticality", "clinical"]);
    let resource = |at: usize| made.bundle.list("entry")[at].get("resource").unwrap();
    assert_eq!(resource(1).text("status"), Some("final"));
    assert_eq!(resource(2).get("criticality"), None);
}

#[test]
fn status_comment_links_and_leftovers_come_back() {
    let mut disease = entry(1, Disease { name: text("Asthme"), ..Disease::default() });
    disease.status = Status::Refuted;
    disease.comment = text("à vérifier");
    disease.provenance.verbatim.insert("stage".into(), r#"[{"summary":{"text":"II"}}]"#.into());
    disease
        .provenance
        .verbatim
        .insert("extension".into(), r#"[{"url":"https://example.org/x","valueString":"y"}]"#.into());
    disease.links.insert(EntryId([2; 16]), LinkKind::Encounter);
    let visit = entry(
        2,
        Encounter { name: text("Visite"), reasons: vec![Concept::from_text("Visite")], ..Encounter::default() },
    );
    let mut removed = entry(3, Disease { name: text("Autre"), ..Disease::default() });
    removed.removed = Some(carnet_record::Removal { at: "2026-01-01T00:00:00Z".parse().unwrap(), by: "p".into() });
    let (_, drafts) = read(&written(&[disease.clone(), visit, removed]).bundle);
    assert_eq!(drafts.len(), 2);
    let back = &drafts[0];
    assert_eq!((&back.status, &back.comment), (&Status::Refuted, &disease.comment));
    assert_eq!(back.provenance.verbatim, disease.provenance.verbatim);
    let target = drafts[1].source_key.clone().unwrap();
    assert_eq!(back.links, [(target, LinkKind::Encounter)]);
}

#[test]
fn losses_are_told_field_by_field() {
    let entries = [
        entry(
            1,
            Vaccination { name: text("ROR"), serial: text("S1"), mandatory: Some(true), ..Vaccination::default() },
        ),
        entry(2, carnet_record::kind::ImportReport::default()),
        entry(3, Document { title: text("a"), folder: text("b"), ..Document::default() }),
        entry(4, Treatment { role: TreatmentRole::Reimbursement, ..Treatment::default() }),
    ];
    let told: BTreeSet<(String, String)> =
        written(&entries).losses.into_iter().map(|loss| (loss.kind, loss.field)).collect();
    let wanted = [
        ("document", "attachment"),
        ("document", "folder"),
        ("import-report", "*"),
        ("treatment", "*"),
        ("vaccination", "mandatory"),
        ("vaccination", "serial"),
    ];
    assert_eq!(told, wanted.map(|(kind, field)| (kind.to_owned(), field.to_owned())).into_iter().collect());
    assert_eq!(written(&samples()[..12]).losses, []);
}

#[test]
fn advance_directives_lead_to_their_paper_and_keep_their_note() {
    let mut directive = samples().into_iter().find(|entry| entry.fact.kind() == "directive").unwrap();
    directive.comment = text("Copie chez ma sœur");
    directive.provenance.author = Some(doctor());
    let linked =
        Document { title: text("Directives"), address: text("https://example.org/d.pdf"), ..Document::default() };
    let words = Document { title: text("Directives"), text: text("Je, soussignee"), ..Document::default() };
    let named = Document { unique_id: text("1.2.250.1.99999.7"), ..linked.clone() };
    for paper in [linked, words, named] {
        let paper = entry(90, paper);
        directive.links = [(paper.id, LinkKind::Document)].into();
        let told = told(&[directive.clone(), paper]);
        assert!(told.iter().all(|(id, _, _)| *id != directive.id), "{told:?}");
    }
    assert_eq!(told(&[directive]), [(EntryId([33; 16]), "links".to_owned(), "link-left-out")]);
}

/// All that is told of entries, once the Bundle was read again.
fn told(entries: &[Entry]) -> Vec<(EntryId, String, &'static str)> {
    let losses = written(entries).into_text(entries).unwrap().1.into_iter();
    losses.map(|loss| (loss.entry, loss.field, loss.reason.as_str())).collect()
}

#[test]
fn a_link_or_an_author_that_has_no_place_is_told() {
    let told = |entries: &[Entry]| -> Vec<(String, &str)> {
        told(entries).into_iter().map(|(_, field, reason)| (field, reason)).collect()
    };
    let mut treatment = entry(1, Treatment { name: text("Salbutamol"), ..Treatment::default() });
    treatment.links.insert(EntryId([2; 16]), LinkKind::Because);
    let disease = entry(2, Disease { name: text("Asthme"), ..Disease::default() });
    assert_eq!(told(&[treatment.clone(), disease.clone()]), [], "a reason has its place");
    assert_eq!(told(&[treatment.clone()]), [("links".to_owned(), "link-left-out")], "what it leads to is not there");
    treatment.links.insert(EntryId([2; 16]), LinkKind::Document);
    assert_eq!(told(&[treatment.clone(), disease.clone()]), [("links".to_owned(), "link-left-out")]);
    // One tie that is written is not the other, even where the same words or the same address stand elsewhere.
    treatment.comment = Some("urn:uuid:02020202-0202-0202-0202-020202020202".to_owned());
    assert_eq!(told(&[treatment, disease]), [("links".to_owned(), "link-left-out")]);
    let mut result = entry(3, LabResult { code: Concept::from_text("Dr A. Martin"), ..LabResult::default() });
    result.provenance.author = Some(Actor { name: text("Dr A. Martin"), ..Actor::default() });
    assert_eq!(told(&[result]), [("provenance.author".to_owned(), "no-place-in-resource")]);
    let mut measure = entry(4, Measure { measure: "weight".into(), ..Measure::default() });
    measure.provenance.author = Some(doctor());
    assert_eq!(told(&[measure]), [], "a measure has a performer");
}

#[test]
fn where_an_entry_comes_from_is_told_where_it_is_lost() {
    let mut allergy = entry(1, Allergy { name: text("Pollen"), clinical: text("active"), ..Allergy::default() });
    allergy.provenance.application = text("Suivi 3.1");
    allergy.provenance.device = text("Montre");
    allergy.provenance.signature = text("verified");
    allergy.provenance.recorded_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    allergy.provenance.modified_at = Some("2026-01-02T00:00:00Z".parse().unwrap());
    allergy.provenance.original.insert("value".into(), "pollens".into());
    allergy.provenance.source =
        Some(carnet_record::provenance::SourcePlace { place: text("Patient/1"), ..Default::default() });
    allergy.provenance.verbatim.insert("stage".into(), "\"II\"".into());
    allergy.also_from.insert("ab".repeat(32), carnet_record::Provenance::default());
    allergy.extra.insert("mood".into(), "good".into());
    let fields = [
        ("also_from", "vault-only"),
        ("mood", "later-version"),
        ("provenance.modified_at", "vault-only"),
        ("provenance.application", "vault-only"),
        ("provenance.device", "no-place-in-resource"),
        ("provenance.source", "vault-only"),
        ("provenance.original", "vault-only"),
        ("provenance.verbatim", "other-source"),
        ("provenance.signature", "vault-only"),
    ];
    let wanted: Vec<_> = fields.map(|(field, reason)| (EntryId([1; 16]), field.to_owned(), reason)).into();
    assert_eq!(told(&[allergy]), wanted);
}

#[test]
fn the_bytes_of_a_document_that_also_has_an_address_are_told_when_they_are_not_given() {
    let linked = Document { title: text("a"), address: text("https://example.org/a.pdf"), ..Document::default() };
    let kept = Document { sha256: Some("ab".repeat(32)), media_type: text("application/pdf"), ..linked.clone() };
    let attachments = |document: Document| {
        let told = told(&[entry(1, document)]).into_iter();
        told.filter(|(_, field, _)| field == "attachment").map(|(_, _, reason)| reason).collect::<Vec<_>>()
    };
    assert!(attachments(linked).is_empty(), "the address is all that there was");
    assert_eq!(attachments(kept.clone()), ["file-not-given"]);
    assert_eq!(attachments(Document { address: None, text: text("b"), media_type: None, ..kept }), ["file-not-given"]);
}

#[test]
fn a_status_that_the_resource_cannot_say_is_told() {
    let states = [Status::Cancelled, Status::EnteredInError, Status::NotDone, Status::Refuted, Status::Superseded];
    let mut silent = 0;
    for status in states {
        let mut entries = samples();
        for entry in &mut entries {
            entry.status = status.clone();
        }
        let made = written(&entries);
        let (_, drafts) = read(&made.bundle);
        let told = told(&entries);
        for (entry, at) in entries.iter().zip(0..) {
            let place = format!("entry[{at}] ");
            let is_it = |draft: &&carnet_record::Draft| {
                draft.provenance.source.as_ref().unwrap().place.as_deref().unwrap().starts_with(&place)
            };
            let is_back = drafts.iter().find(is_it).is_some_and(|draft| draft.status == status);
            let is_told = told.iter().any(|(id, field, _)| *id == entry.id && (field == "status" || field == "*"));
            assert!(is_back != is_told, "{} {status}: back {is_back}, told {is_told}", entry.fact.kind());
            silent += u32::from(is_told);
        }
    }
    assert!(silent > 0, "some resources have no such state");
}

#[test]
fn of_several_identity_sheets_the_leading_one_is_the_person_of_everything() {
    let sheet = |number: u8, birth: &str| {
        entry(number, carnet_record::kind::Identity { birth_date: birth.parse().ok(), ..identity() })
    };
    let disease = entry(9, Disease { name: text("Asthme"), ..Disease::default() });
    let entries = [sheet(1, "1984-02-29"), sheet(3, "1984-03-01"), sheet(2, "1984-02-28"), disease];
    let facts = entries.iter().map(|entry| (entry.id, &entry.fact));
    let (leading, identity) = carnet_record::person::leading_sheet(facts).unwrap();
    let made = written(&entries);
    let (subject, drafts) = read(&made.bundle);
    assert_eq!(&subject.unwrap().identity, identity);
    assert_eq!(drafts.len(), 1, "nothing is taken for another person's");
    let others: Vec<_> = told(&entries).into_iter().filter(|(id, ..)| *id != EntryId([9; 16])).collect();
    let wanted = entries[..3].iter().filter(|entry| entry.id != leading);
    let wanted: Vec<_> = wanted.map(|entry| (entry.id, "*".to_owned(), "other-sheet")).collect();
    assert_eq!(others.iter().filter(|(_, field, _)| field == "*").cloned().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_bundle_beyond_what_is_read_is_refused() {
    let long = |characters: usize| {
        let document = Document { title: text("a"), text: Some("x".repeat(characters)), ..Document::default() };
        let entries = [entry(1, document)];
        written(&entries).into_text(&entries)
    };
    let (kept, losses) = long(100).unwrap();
    let fields: Vec<&str> = losses.iter().map(|loss| loss.field.as_str()).collect();
    assert_eq!(fields, ["text"], "words alone come back as a file of words");
    assert!(crate::fhir::json::parse(kept.as_bytes()).is_ok());
    let most = usize::try_from(intake::bounds::JSON_BYTES_MAX).unwrap();
    assert_eq!(long(most), Err(BundleTooLarge), "its base64 alone is larger");
}

#[test]
fn a_national_profile_is_named_only_when_it_is_kept() {
    let profile = |measure: Measure| {
        let bundle = written(&[entry(1, measure)]).bundle;
        let resource = bundle.list("entry")[1].get("resource").unwrap();
        resource.get("meta").map(|meta| meta.list("profile")[0].as_text().unwrap().to_owned())
    };
    for kind in KINDS.iter().filter(|kind| kind.components.is_empty()) {
        let measure = Measure {
            measure: kind.slug.into(),
            at: when("2026-01-01"),
            value: Some(Quantity::new(Decimal::from_i32(5), kind.unit)),
            moment: (kind.moment == Presence::Mandatory).then_some(Moment::Fasting),
            days: (kind.days == Presence::Mandatory).then_some(7),
            ..Measure::default()
        };
        let told = profile(measure.clone());
        assert_eq!(told.as_deref().and_then(|url| url.rsplit('/').next()), kind.profile, "{}", kind.slug);
        assert_eq!(profile(Measure { at: None, ..measure.clone() }), None);
        let other_unit = Some(Quantity::new(Decimal::from_i32(5), "[lb_av]"));
        assert_eq!(profile(Measure { value: other_unit, ..measure }), None);
    }
    let weight = MeasureKind::from_slug("weight").unwrap();
    assert_eq!(weight.code, "29463-7");
}

#[test]
fn nothing_empty_is_written_and_every_reference_leads_somewhere() {
    let made = written(&samples());
    let urls: BTreeSet<&str> = made.bundle.list("entry").iter().map(|entry| entry.text("fullUrl").unwrap()).collect();
    assert_eq!(urls.len(), samples().len());
    check(&made.bundle, &urls);
}

fn check(json: &Json, urls: &BTreeSet<&str>) {
    match json {
        Json::Null => panic!("null"),
        Json::Text(text) => assert!(!text.is_empty()),
        Json::List(items) => {
            assert!(!items.is_empty());
            for item in items {
                check(item, urls);
            }
        }
        Json::Object(members) => {
            assert!(!members.is_empty());
            for (name, value) in members {
                if let (true, Json::Text(reference)) = (name == "reference", value) {
                    assert!(urls.contains(reference.as_str()) || reference.starts_with('#'), "{reference}");
                }
                check(value, urls);
            }
        }
        _ => {}
    }
}

/// When this fails, write what it prints between the marks into `docs/fhir-mapping.md`.
#[test]
fn the_page_is_made_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fhir-mapping.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page(), "docs/fhir-mapping.md is stale\n-----\n{}-----", page());
}
