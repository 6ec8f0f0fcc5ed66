//! The table against the model, against what is written, and against its page.

use std::collections::BTreeSet;

use carnet_record::{
    Coding, Concept, Decimal, Entry, EntryId, Fact, LinkKind, Origin, Provenance, Quantity, Status, ZoneHistory,
    code::system,
    item::Item,
    kind::{
        Absence, Allergy, Appointment, BloodGroup, Contact, Disease, Document, Encounter, Identity, LabResult, Measure,
        Procedure, Treatment, Vaccination,
        absence::{AbsenceMeaning, AbsenceOf},
        allergy::Reaction,
        appointment::{AppointmentState, Participant},
        blood_group::Group,
        contact::{ContactSort, ContactType},
        document::{Category, Confidentiality},
        encounter::DurationUnit,
        measure::{Component, Moment},
        result::{ReferenceRange, ResultComponent, ResultValue},
        treatment::{DosageLine, TreatmentRole},
    },
    measure::{KINDS, MeasureKind, Presence},
    person::{
        Actor, ActorKind, Address, HumanName, INS_NIR_SYSTEM, Identifier, NameUse, Sex, SubjectClaim, Telecom,
        TelecomKind,
    },
};

use super::*;
use crate::{
    fhir::{
        json::Json,
        write::{WriteOptions, Written, bundle},
    },
    intake::{self, Options},
};

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
fn when(text: &str) -> Option<carnet_record::When> {
    Some(text.parse().unwrap())
}

fn snomed(code: &str, words: &str) -> Concept {
    Concept { codings: vec![Coding::new(system::SNOMED, code).with_display(words)], text: None }
}

fn quantity(value: &str, unit: &str) -> Quantity {
    Quantity::new(value.parse().unwrap(), unit)
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
fn text(own: &str) -> Option<String> {
    Some(own.to_owned())
}

fn doctor() -> Actor {
    let identifiers = vec![Identifier::new("https://rpps.esante.gouv.fr", "10003456781")];
    Actor { identifiers, ..Actor::named(ActorKind::Practitioner, "Dr Anne Petit") }
}

fn entry(number: u8, fact: impl Into<Fact>) -> Entry {
    let provenance = Provenance { origin: Origin::Typed, ..Provenance::default() };
    Entry::new(EntryId([number; 16]), fact.into(), provenance)
}

fn identity() -> Identity {
    Identity {
        names: vec![HumanName {
            used_as: Some(NameUse::Birth),
            family: text("Martin"),
            given: vec!["Zoé".into(), "Anne".into()],
            ..HumanName::default()
        }],
        birth_date: Some("1984-10-02".parse().unwrap()),
        sex: Some(Sex::Female),
        birth_place_insee: text("75056"),
        birth_place: text("Paris"),
        identifiers: vec![Identifier::new(INS_NIR_SYSTEM, "279035121518989")],
        telecoms: vec![Telecom { kind: TelecomKind::Phone, value: "0102030405".into(), used_as: text("home") }],
        addresses: vec![Address {
            lines: vec!["1 rue X".into()],
            city: text("Lyon"),
            insee: text("69123"),
            ..Address::default()
        }],
        languages: vec!["fr".into()],
        ..Identity::default()
    }
}

/// One entry of every kind that comes back whole, with every field that FHIR can carry.
#[expect(clippy::too_many_lines, reason = "a list of samples")]
fn samples() -> Vec<Entry> {
    let dosage = DosageLine {
        sequence: Some(1),
        text: text("1 comprimé matin et soir"),
        dose: Some(quantity("1.0", "{tablet}")),
        frequency: Some(2),
        period: Some(quantity("1", "d")),
        moments: vec!["MORN".into(), "EVE".into()],
        times: vec!["08:00:00".into()],
        duration: Some(quantity("10", "d")),
        start: when("2026-01-01"),
        as_needed: Some(true),
        route: Some(snomed("26643006", "Oral")),
        ..DosageLine::default()
    };
    let contact = Contact {
        name: HumanName { family: text("Lamine"), given: vec!["Ali".into()], ..HumanName::default() },
        telecoms: vec![Telecom { kind: TelecomKind::Phone, value: "0600000000".into(), used_as: text("mobile") }],
        identifiers: vec![Identifier::new("https://example.org/id", "7")],
        ..Contact::default()
    };
    vec![
        entry(1, identity()),
        entry(
            2,
            Disease {
                name: text("Asthme de l'enfant"),
                code: snomed("195967001", "Asthma"),
                start: when("2015-03"),
                end: when("2020"),
                clinical: text("resolved"),
                verification: text("confirmed"),
                categories: vec![Concept::from_code(
                    "http://terminology.hl7.org/CodeSystem/condition-category",
                    "problem-list-item",
                )],
                severity: Some(snomed("6736007", "Moderate")),
                body_site: Some(snomed("39607008", "Lung")),
                ..Disease::default()
            },
        ),
        entry(
            3,
            Allergy {
                name: text("Pénicilline"),
                code: snomed("764146007", "Penicillin"),
                mechanism: text("allergy"),
                categories: vec!["medication".into()],
                criticality: text("high"),
                onset: when("2010"),
                last_occurrence: when("2012-05-01"),
                clinical: text("active"),
                verification: text("confirmed"),
                reactions: vec![Reaction {
                    manifestations: vec![snomed("247472004", "Hives")],
                    severity: text("moderate"),
                    at: when("2010"),
                    text: text("rougeurs"),
                    ..Reaction::default()
                }],
                ..Allergy::default()
            },
        ),
        entry(
            4,
            Treatment {
                name: text("Paracétamol"),
                code: Concept {
                    codings: vec![Coding::new(system::CIP, "3400936403116"), Coding::new(system::ATC, "N02BE01")],
                    text: None,
                },
                dosage: text("1 comprimé matin et soir"),
                dosage_lines: vec![dosage.clone()],
                start: when("2026-01-01"),
                end: when("2026-01-10"),
                stated_at: when("2026-01-02"),
                state: text("completed"),
                reasons: vec![snomed("22253000", "Pain")],
                performer: Some(doctor()),
                ..Treatment::default()
            },
        ),
        entry(
            5,
            Treatment {
                name: text("Amoxicilline 1 g"),
                code: snomed("27658006", "Amoxicillin"),
                role: TreatmentRole::Prescription,
                form: Some(snomed("385055001", "Tablet")),
                ingredients: vec![snomed("372687004", "Amoxicillin")],
                dosage: text("3 fois par jour"),
                stated_at: when("2026-01-02T10:00:00+01:00"),
                state: text("active"),
                intent: text("order"),
                group: text("P-1"),
                performer: Some(doctor()),
                quantity: Some(quantity("2", "{box}")),
                repeats: Some(1),
                lot: text("L1"),
                ..Treatment::default()
            },
        ),
        entry(6, BloodGroup { group: Group::ONegative, determined_at: when("2012-09-17") }),
        entry(
            7,
            Vaccination {
                name: text("Boostrixtetra"),
                code: snomed("871878002", "DTPa-IPV"),
                at: when("1998-06-04T00:00:00+02:00"),
                lot: text("AHAVB946A"),
                expires: Some("2018-05".parse().unwrap()),
                manufacturer: text("GSK"),
                dose_number: text("2"),
                doses_in_series: text("3"),
                dose: Some(quantity("0.5", "mL")),
                route: Some(snomed("78421000", "Intramuscular")),
                site: Some(snomed("368208006", "Left upper arm")),
                performer: Some(doctor()),
                place: text("PMI"),
                pathologies: vec![snomed("76902006", "Tetanus")],
                state: text("completed"),
                ..Vaccination::default()
            },
        ),
        entry(
            8,
            Measure {
                measure: "blood-pressure".into(),
                code: Concept::from_code(system::LOINC, "85354-9"),
                at: when("2012-09-17"),
                components: [("systolic", "8480-6", "107"), ("diastolic", "8462-4", "60")]
                    .map(|(slug, code, value)| Component {
                        measure: slug.into(),
                        code: Concept::from_code(system::LOINC, code),
                        value: Some(quantity(value, "mm[Hg]")),
                        absent_reason: None,
                    })
                    .to_vec(),
                body_site: Some(snomed("368209003", "Right arm")),
                method: Some(snomed("37931006", "Auscultation")),
                interpretation: vec![snomed("281302008", "Above range")],
                ..Measure::default()
            },
        ),
        entry(
            9,
            Measure {
                measure: "glucose".into(),
                code: Concept::from_code(system::LOINC, "2345-7"),
                at: when("2026-01-10T07:30:00+01:00"),
                value: Some(quantity("92", "mg/dL")),
                moment: Some(Moment::Fasting),
                reason: text("suivi"),
                ..Measure::default()
            },
        ),
        entry(
            10,
            Measure {
                measure: "gmi".into(),
                code: Concept::from_code(system::TRE_R308, "MED-972"),
                at: when("2026-01-10"),
                value: Some(quantity("6.50", "%")),
                days: Some(14),
                ..Measure::default()
            },
        ),
        entry(
            11,
            LabResult {
                code: Concept { codings: vec![Coding::new(system::LOINC, "17856-6")], text: text("HbA1c") },
                categories: vec![Concept::from_code(
                    "http://terminology.hl7.org/CodeSystem/observation-category",
                    "laboratory",
                )],
                at: when("2017-11-10T08:20:00+01:00"),
                issued_at: when("2017-11-10T12:00:00+01:00"),
                value: Some(ResultValue::Quantity(quantity("7.5", "%"))),
                interpretation: vec![Concept::from_code(
                    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                    "H",
                )],
                reference: vec![ReferenceRange {
                    high: Some(quantity("7.5", "%")),
                    text: text("selon l'âge"),
                    ..ReferenceRange::default()
                }],
                state: text("final"),
                specimen: text("sang"),
                method: Some(snomed("1", "HPLC")),
                performers: vec![doctor()],
                components: vec![ResultComponent {
                    code: snomed("2", "part"),
                    value: Some(ResultValue::Interval {
                        low: Some(quantity("1", "g/L")),
                        high: Some(quantity("2.0", "g/L")),
                    }),
                    ..ResultComponent::default()
                }],
                ..LabResult::default()
            },
        ),
        entry(
            12,
            LabResult {
                code: Concept::from_code(system::LOINC, "11502-2"),
                at: when("2017-11-10"),
                state: text("final"),
                specimen: text("sang"),
                conclusion: text("rien à signaler"),
                conclusion_codes: vec![snomed("17621005", "Normal")],
                performers: vec![doctor()],
                panel: true,
                ..LabResult::default()
            },
        ),
        entry(
            13,
            Document {
                title: text("Compte rendu"),
                date: when("2026-06-12T10:00:00+02:00"),
                category: Some(Category::CompteRendu),
                document_type: Concept::from_code(system::LOINC, "11488-4"),
                class: Some(Concept::from_code("https://example.org/class", "10")),
                format: text("urn:ihe:iti:xds-sd:pdf:2008"),
                confidentiality: vec![Confidentiality::Normal, Confidentiality::HiddenFromGuardians],
                authors: vec![doctor()],
                custodian: Some(Actor::named(ActorKind::Organisation, "Hôpital")),
                unique_id: text("1.2.250.1.99999.2"),
                replaces: text("1.2.250.1.99999.1"),
                state: text("current"),
                language: text("fr-FR"),
                description: text("consultation"),
                care_start: when("2026-06-12"),
                facility: Some(snomed("22232009", "Hospital")),
                setting: Some(snomed("394802001", "General medicine")),
                events: vec![snomed("3", "act")],
                media_type: text("application/pdf"),
                address: text("https://example.org/Binary/1"),
                size: Some(45_678),
                ..Document::default()
            },
        ),
        entry(
            14,
            Appointment {
                title: text("Consultation"),
                start: when("2026-03-02T10:00:00+01:00"),
                end: when("2026-03-02T10:30:00+01:00"),
                minutes: Some(30),
                state: Some(AppointmentState::Booked),
                service: vec![snomed("11429006", "Consultation")],
                speciality: vec![snomed("394802001", "General medicine")],
                reasons: vec![snomed("4", "reason")],
                participants: vec![Participant {
                    actor: doctor(),
                    answer: text("accepted"),
                    required: text("required"),
                    ..Participant::default()
                }],
                place: text("Cabinet, 2e étage"),
                instructions: text("à jeun"),
                created_at: Some("2026-02-01T09:00:00Z".parse().unwrap()),
                read_only: Some(true),
                ..Appointment::default()
            },
        ),
        entry(
            15,
            Contact {
                types: vec![ContactType::Emergency],
                relation: text("MOTHER"),
                relation_codes: vec![Concept::from_code("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH")],
                addresses: identity().addresses,
                active: Some(true),
                sex: Some(Sex::Female),
                birth_date: Some("1950".parse().unwrap()),
                start: when("2013-01-12"),
                ..contact.clone()
            },
        ),
        entry(
            16,
            Contact {
                sort: ContactSort::Professional,
                professions: vec![snomed("309343006", "Physician")],
                ..contact.clone()
            },
        ),
        entry(
            17,
            Contact {
                sort: ContactSort::Professional,
                organisation: text("Cabinet du Port"),
                professions: vec![snomed("309343006", "Physician")],
                specialities: vec![snomed("394579002", "Cardiology")],
                start: when("2019-06-30"),
                ..contact.clone()
            },
        ),
        entry(
            18,
            Contact {
                sort: ContactSort::Establishment,
                name: HumanName::default(),
                organisation: text("CH Eure-Seine"),
                categories: vec![snomed("22232009", "Hospital")],
                ..contact.clone()
            },
        ),
        entry(
            19,
            Contact {
                sort: ContactSort::Team,
                name: HumanName::default(),
                telecoms: Vec::new(),
                organisation: text("Cercle de soins"),
                active: Some(true),
                members: vec![Actor { at: when("2013-01-12"), role: text("référent"), ..doctor() }],
                ..contact
            },
        ),
        entry(
            20,
            Procedure {
                name: text("Appendicectomie"),
                code: snomed("80146002", "Appendectomy"),
                category: Some(snomed("387713003", "Surgical")),
                start: when("1995"),
                end: when("1995"),
                state: text("completed"),
                performers: vec![Actor { role: text("chirurgien"), ..doctor() }],
                reasons: vec![snomed("74400008", "Appendicitis")],
                body_sites: vec![snomed("66754008", "Appendix")],
                outcome: Some(snomed("385669000", "Successful")),
                place: text("CHU"),
                devices: vec![snomed("5", "clip")],
                ..Procedure::default()
            },
        ),
        entry(
            21,
            Encounter {
                name: text("Appendicite"),
                code: snomed("32485007", "Hospital admission"),
                class: Some(Coding::new("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP")),
                start: when("1995-02"),
                duration: Some(3),
                duration_unit: Some(DurationUnit::Day),
                state: text("finished"),
                establishment: text("CHU"),
                participants: vec![doctor()],
                reasons: vec![Concept::from_text("Appendicite")],
                discharge: Some(Concept::from_code(
                    "http://terminology.hl7.org/CodeSystem/discharge-disposition",
                    "home",
                )),
                ..Encounter::default()
            },
        ),
        absence(22, AbsenceOf::Allergies, "no-known-allergies"),
        absence(23, AbsenceOf::Diseases, "no-known-problems"),
        absence(24, AbsenceOf::Treatments, "no-known-medications"),
        absence(25, AbsenceOf::Vaccinations, "no-known-immunizations"),
        absence(26, AbsenceOf::Procedures, "no-known-procedures"),
        entry(
            27,
            Absence {
                of: AbsenceOf::FamilyHistories,
                meaning: AbsenceMeaning::NoneKnown,
                code: Concept::from_code("http://terminology.hl7.org/CodeSystem/list-empty-reason", "nilknown"),
                stated_at: when("2026-01-01"),
                author: Some(doctor()),
            },
        ),
    ]
}

fn absence(number: u8, of: AbsenceOf, code: &str) -> Entry {
    let code = Concept::from_code("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", code);
    let stated_at = when("2026-01-01T09:00:00+01:00");
    entry(number, Absence { of, meaning: AbsenceMeaning::NoneKnown, code, stated_at, author: Some(doctor()) })
}

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
        Fact::Disease(own) => serde_json::to_value(own),
        Fact::Document(own) => serde_json::to_value(Document { pinned: Some(true), ..(**own).clone() }),
        Fact::Encounter(own) => serde_json::to_value(own),
        Fact::Identity(own) => serde_json::to_value(own),
        Fact::Measure(own) => serde_json::to_value(own),
        Fact::Procedure(own) => serde_json::to_value(own),
        Fact::Result(own) => serde_json::to_value(LabResult { panel: true, ..(**own).clone() }),
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
