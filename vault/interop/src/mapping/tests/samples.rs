//! One entry of every kind, with every field that FHIR can carry.

use carnet_record::{
    Coding, Concept, Entry, EntryId, Fact, Origin, Provenance, Quantity,
    code::system,
    kind::{
        Absence, Allergy, Appointment, BloodGroup, Contact, Directive, Disability, Disease, Document, Donation,
        Encounter, FamilyHistory, Identity, LabResult, Lifestyle, Measure, Prevention, Procedure, Reminder, Target,
        Treatment, Vaccination,
        absence::{AbsenceMeaning, AbsenceOf},
        allergy::Reaction,
        appointment::{AppointmentState, Participant},
        blood_group::Group,
        contact::{ContactSort, ContactType},
        document::{Category, Confidentiality},
        encounter::DurationUnit,
        family_history::Relative,
        measure::{Component, Moment},
        prevention::{PreventionState, RequirementLevel},
        result::{ReferenceRange, ResultComponent, ResultValue},
        treatment::{DosageLine, TreatmentRole},
    },
    person::{Actor, ActorKind, Address, HumanName, INS_NIR_SYSTEM, Identifier, NameUse, Sex, Telecom, TelecomKind},
};

/// One entry of every kind that comes back whole, with every field that FHIR can carry.
#[expect(clippy::too_many_lines, reason = "a list of samples")]
pub(super) fn samples() -> Vec<Entry> {
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
        entry(
            28,
            Disability {
                name: text("Surdité"),
                code: snomed("343087000", "Partial deafness"),
                ..Disability::default()
            },
        ),
        entry(
            29,
            FamilyHistory {
                name: text("Diabète de type 2"),
                code: snomed("44054006", "Type 2 diabetes"),
                relative: Some(Relative::Grandmother),
                relationship: Concept::from_code("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MGRMTH"),
            },
        ),
        entry(
            30,
            FamilyHistory { name: text("Asthme"), relative: Some(Relative::Brother), ..FamilyHistory::default() },
        ),
        entry(
            37,
            Prevention {
                code: text("vac-mmr/2"),
                sort: text("VAC_ROR"),
                title: text("Rougeole, oreillons, rubéole, dose 2 sur 2"),
                state: Some(PreventionState::Done),
                at: when("2026-05-12"),
                start: Some("2026-05-10".parse().unwrap()),
                end: Some("2026-08-09".parse().unwrap()),
                requirement: Some(RequirementLevel::Mandatory),
            },
        ),
        entry(
            36,
            Reminder {
                title: text("Tension du soir"),
                start: when("2026-03-02T20:00:00+01:00"),
                period: Some(2),
                period_unit: Some(DurationUnit::Week),
                times: vec!["08:00".parse().unwrap()],
                until: Some("2026-12-31".parse().unwrap()),
            },
        ),
        entry(
            31,
            Target {
                measure: "systolic".into(),
                low: Some(quantity("100", "mm[Hg]")),
                high: Some(quantity("135", "mm[Hg]")),
                since: Some("2026-01-10".parse().unwrap()),
            },
        ),
        entry(
            32,
            Lifestyle {
                at: when("2026-02-01"),
                fruit: Some("NOT_EVERYDAY".into()),
                fat: Some("MORE_ONCE_A_WEEK".into()),
                sugar: Some("NEVER".into()),
                salt: Some("YES".into()),
                exercise: Some("YES".into()),
                exercise_days: Some("ONE_TO_TWO_TIMES_A_WEEK".into()),
                sitting: Some("BOTH".into()),
                smoking: Some("YES_EVERY_DAY".into()),
                cigarettes: Some(12),
                // It is not asked of who smokes every day, and is not lost where it was kept.
                smoking_stopped: Some("SINCE_LESS_THAN_ONE_YEAR".into()),
                vaping: Some("NO_BUT_I_HAVE_VAPED_IN_THE_PAST".into()),
                sleep: Some("BAD_ALL_TIMES".into()),
                screens: Some("EVERY_DAY".into()),
                alcohol_days: Some(0),
                alcohol_glasses: Some(999),
                alcohol_binge: Some("NO".into()),
            },
        ),
        entry(
            33,
            Directive {
                at: when("2026-02-02"),
                situation: Some("END_OF_LIFE".into()),
                context: text("Maladie avancée"),
                life_support: text("Je refuse"),
                sedation: text("Je l'accepte"),
                // It is asked in the other form only, and is not lost where it was kept.
                acts: text("Rien de disproportionné"),
                started_resuscitation: text("started resuscitation"),
                started_machine: text("started machine"),
                started_surgery: text("started surgery"),
                started_other: text("started other"),
                stopped_resuscitation: text("stopped resuscitation"),
                stopped_machine: text("stopped machine"),
                stopped_surgery: text("stopped surgery"),
                stopped_other: text("stopped other"),
                specific_resuscitation: text("specific resuscitation"),
                specific_machine: text("specific machine"),
                specific_surgery: text("specific surgery"),
                specific_other: text("specific other"),
            },
        ),
        entry(34, Donation { at: when("2026-02-03"), informed: Some(false), wish: text("Oui,\nsauf les yeux") }),
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
                types: vec![ContactType::Caregiver, ContactType::Emergency],
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

pub(super) fn identity() -> Identity {
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

pub(super) fn entry(number: u8, fact: impl Into<Fact>) -> Entry {
    let provenance = Provenance { origin: Origin::Typed, ..Provenance::default() };
    Entry::new(EntryId([number; 16]), fact.into(), provenance)
}

pub(super) fn absence(number: u8, of: AbsenceOf, code: &str) -> Entry {
    let code = Concept::from_code("http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", code);
    let stated_at = when("2026-01-01T09:00:00+01:00");
    entry(number, Absence { of, meaning: AbsenceMeaning::NoneKnown, code, stated_at, author: Some(doctor()) })
}

pub(super) fn doctor() -> Actor {
    let identifiers = vec![Identifier::new("https://rpps.esante.gouv.fr", "10003456781")];
    Actor { identifiers, ..Actor::named(ActorKind::Practitioner, "Dr Anne Petit") }
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
pub(super) fn when(text: &str) -> Option<carnet_record::When> {
    Some(text.parse().unwrap())
}

pub(super) fn snomed(code: &str, words: &str) -> Concept {
    Concept { codings: vec![Coding::new(system::SNOMED, code).with_display(words)], text: None }
}

pub(super) fn quantity(value: &str, unit: &str) -> Quantity {
    Quantity::new(value.parse().unwrap(), unit)
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are optional")]
pub(super) fn text(own: &str) -> Option<String> {
    Some(own.to_owned())
}
