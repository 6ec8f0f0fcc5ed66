//! Small files of our own: what becomes a fact, what stays a document, what is set aside, and what never crashes.

use std::io::Cursor;

use carnet_record::{
    Draft, Fact, LinkKind, Status, ZoneHistory,
    item::{Item, Tally},
    kind::{absence::AbsenceMeaning, family_history::Relative},
    person::SubjectClaim,
};
use proptest::prelude::*;

use crate::intake::{self, ContainerError, Options};

struct Read {
    subject: Option<SubjectClaim>,
    drafts: Vec<Draft>,
    bytes: usize,
    tally: Tally,
}

fn try_read(bytes: &[u8]) -> Result<Read, ContainerError> {
    let options = Options {
        source_name: "fichier.json".into(),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_767_225_600_000,
    };
    let mut read = Read { subject: None, drafts: Vec::new(), bytes: 0, tally: Tally::default() };
    read.tally = intake::read(Cursor::new(bytes), &options, &mut |item| {
        match item {
            Item::Subject(claim) => read.subject = Some(*claim),
            Item::Draft(draft) | Item::DocumentStart { draft } => read.drafts.push(*draft),
            Item::DocumentBytes(piece) => read.bytes += piece.len(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(read)
}

fn read(text: &str) -> Read {
    try_read(text.as_bytes()).unwrap()
}

fn bundle(entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| format!(r#"{{"resource":{entry}}}"#)).collect();
    format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","))
}

fn kinds(read: &Read) -> Vec<&str> {
    read.drafts.iter().map(|draft| draft.fact.kind()).collect()
}

fn reasons(groups: &[carnet_record::item::Grouped]) -> Vec<(&str, &str, u64)> {
    groups.iter().map(|group| (group.kind.as_str(), group.reason.as_str(), group.count)).collect()
}

const PENICILLIN: &str = r#""code":{"text":"Pénicilline"},"patient":{"reference":"Patient/1"}"#;

#[test]
fn a_modifier_that_is_not_known_is_refused_as_an_entry_and_kept_as_a_document() {
    let modifier = r#""modifierExtension":[{"url":"https://example.org/not","valueBoolean":true}]"#;
    for allergy in [
        format!(r#"{{"resourceType":"AllergyIntolerance",{PENICILLIN},{modifier}}}"#),
        format!(
            r#"{{"resourceType":"AllergyIntolerance",{PENICILLIN},"reaction":[{{"manifestation":[{{"text":"x"}}],{modifier}}}]}}"#
        ),
        format!(r#"{{"resourceType":"AllergyIntolerance",{PENICILLIN},"implicitRules":"https://example.org/rules"}}"#),
    ] {
        let read = read(&allergy);
        assert_eq!(kinds(&read), ["document"]);
        assert_eq!(reasons(&read.tally.refused), [("allergy", "modifier-not-known", 1)]);
        assert!(read.bytes > 100, "the resource is kept whole");
    }
}

#[test]
fn fault_g10_a_person_who_is_named_by_number_alone_is_a_claim_too() {
    let number = "279035121518989";
    for subject in [
        format!(r#""subject":{{"reference":"Patient?identifier=urn:oid:1.2.250.1.213.1.4.8|{number}"}}"#),
        format!(r#""subject":{{"identifier":{{"system":"urn:oid:1.2.250.1.213.1.4.8","value":"{number}"}}}}"#),
        format!(
            r##""subject":{{"reference":"#p"}},"contained":[{{"resourceType":"Patient","id":"p",
            "identifier":[{{"system":"urn:oid:1.2.250.1.213.1.4.8","value":"{number}"}}]}}]"##
        ),
    ] {
        let condition = format!(r#"{{"resourceType":"Condition","code":{{"text":"Asthme"}},{subject}}}"#);
        for text in [condition.clone(), bundle(&[&condition])] {
            let claim = read(&text).subject.unwrap_or_else(|| panic!("nobody is named in {text}"));
            assert!(claim.identifiers[0].is_ins() && claim.identifiers[0].value == number, "{claim:?}");
        }
    }
    for nobody in [r#"{"reference":"Patient/1"}"#, r#"{"reference":"Patient?identifier=urn:oid:1.2.250.1.213.1.4.8"}"#]
    {
        let condition = format!(r#"{{"resourceType":"Condition","code":{{"text":"Asthme"}},"subject":{nobody}}}"#);
        assert!(read(&condition).subject.is_none(), "{nobody}");
    }
}

#[test]
fn other_versions_are_kept_as_one_document() {
    let stu3 = r#"{"resourceType":"Condition","clinicalStatus":"active","code":{"text":"Asthme"},"subject":{"reference":"Patient/1"}}"#;
    let patient = r#"{"resourceType":"Patient","id":"1","birthDate":"1980"}"#;
    let text = bundle(&[patient, stu3]);
    let read = read(&text);
    assert_eq!((kinds(&read), read.bytes, read.subject.is_none()), (vec!["document"], text.len(), true));
    assert_eq!(reasons(&read.tally.warnings), [("document", "fhir-version-stu3", 1)]);
}

#[test]
fn absence_is_said_and_never_an_allergy() {
    let none = |code: &str| {
        read(&format!(
            r#"{{"resourceType":"AllergyIntolerance","code":{{"coding":[{code}]}},"recordedDate":"2020-03"}}"#
        ))
    };
    let snomed = none(r#"{"system":"http://snomed.info/sct","code":"716186003"}"#);
    let Fact::Absence(absence) = &snomed.drafts[0].fact else { panic!("{:?}", kinds(&snomed)) };
    assert_eq!(absence.stated_at.map(|at| at.to_string()).as_deref(), Some("2020-03"));
    let ips =
        none(r#"{"system":"http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips","code":"no-allergy-info"}"#);
    assert!(matches!(&ips.drafts[0].fact, Fact::Absence(own) if own.meaning == AbsenceMeaning::Unavailable));
    let other = none(r#"{"system":"https://example.org/codes","code":"716186003"}"#);
    assert_eq!(kinds(&other), ["allergy"], "a code of another system says something else");
}

#[test]
fn what_does_not_count_is_kept_and_marked() {
    let status = |resource: &str| read(resource).drafts[0].status.clone();
    let refuted =
        r#"{"resourceType":"Condition","verificationStatus":{"coding":[{"code":"refuted"}]},"code":{"text":"x"}}"#;
    assert_eq!(status(refuted), Status::Refuted);
    let wrong = r#"{"resourceType":"Observation","status":"entered-in-error","code":{"text":"x"},"valueString":"y"}"#;
    assert_eq!(status(wrong), Status::EnteredInError);
    let not_given = r#"{"resourceType":"Immunization","status":"not-done","vaccineCode":{"text":"ROR"},"occurrenceDateTime":"2020"}"#;
    assert_eq!(status(not_given), Status::NotDone);
    let cancelled = r#"{"resourceType":"Appointment","status":"cancelled","participant":[]}"#;
    assert_eq!(status(cancelled), Status::Cancelled);
}

#[test]
fn of_several_persons_one_is_chosen_and_the_rest_set_aside() {
    let observation = |subject: &str, value: &str| {
        format!(
            r#"{{"resourceType":"Observation","status":"final","code":{{"text":"a"}},"subject":{{"reference":"Patient/{subject}"}},"valueString":"{value}"}}"#
        )
    };
    let text = bundle(&[
        r#"{"resourceType":"Patient","id":"1","birthDate":"1980"}"#,
        r#"{"resourceType":"Patient","id":"2","birthDate":"1990"}"#,
        &observation("1", "a"),
        &observation("2", "b"),
        &observation("2", "c"),
    ]);
    let read = read(&text);
    assert_eq!(read.subject.unwrap().birth_date, Some("1990".parse().unwrap()));
    assert_eq!(read.drafts.len(), 2);
    assert_eq!(reasons(&read.tally.set_aside), [("Patient", "other-person", 1), ("Observation", "other-person", 1)]);
}

#[test]
fn two_hospitals_both_have_observation_1() {
    let at = |base: &str, value: &str| {
        let observation = format!(
            r#"{{"resourceType":"Observation","id":"1","status":"final","code":{{"text":"a"}},"valueString":"{value}"}}"#
        );
        let entry = format!(r#"{{"fullUrl":"{base}/Observation/1","resource":{observation}}}"#);
        let text = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{entry}]}}"#);
        read(&text).drafts[0].source_key.clone().unwrap()
    };
    assert_ne!(at("https://a.example/fhir", "x"), at("https://b.example/fhir", "x"));
    assert_eq!(at("https://a.example/fhir", "x"), at("https://a.example/fhir", "y"), "a new version of one fact");
    let bare = |value: &str| {
        let text = format!(
            r#"{{"resourceType":"Observation","id":"1","status":"final","code":{{"text":"a"}},"valueString":"{value}"}}"#
        );
        read(&text).drafts[0].source_key.clone().unwrap()
    };
    assert_ne!(bare("x"), bare("y"), "without a source the number 1 says nothing");
    assert_eq!(bare("x"), bare("x"));
}

#[test]
fn the_same_identifiers_with_new_ids_are_the_same_facts() {
    let with_id = |id: &str| {
        let condition = format!(
            r#"{{"resourceType":"Condition","id":"{id}","identifier":[{{"system":"urn:oid:1.2.3","value":"7"}}],"code":{{"text":"x"}}}}"#
        );
        read(&bundle(&[&condition])).drafts[0].source_key.clone()
    };
    assert_eq!(with_id("a"), with_id("b"));
    // An identifier that two resources of one file share identifies neither.
    let twice = |id: &str| {
        format!(
            r#"{{"resourceType":"Condition","id":"{id}","identifier":[{{"system":"urn:oid:1.2.3","value":"7"}}],"code":{{"text":"{id}"}}}}"#
        )
    };
    let both = read(&bundle(&[&twice("a"), &twice("b")]));
    assert_ne!(both.drafts[0].source_key, both.drafts[1].source_key);
}

#[test]
fn each_disease_of_a_relative_is_an_entry_and_nothing_of_several_is_lost() {
    let relative = |conditions: &str| {
        format!(
            r#"{{"resourceType":"FamilyMemberHistory","id":"f","status":"completed","name":"Tante Rose",
            "relationship":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MAUNT"}}]}},
            "condition":[{conditions}]}}"#
        )
    };
    let one = read(&bundle(&[&relative(r#"{"code":{"text":"Diabète"},"onsetAge":{"value":50,"unit":"a"}}"#)]));
    assert_eq!(kinds(&one), ["family-history"]);
    let Fact::FamilyHistory(history) = &one.drafts[0].fact else { panic!() };
    assert_eq!((history.name.as_deref(), history.relative.clone()), (Some("Diabète"), Some(Relative::Aunt)));
    let verbatim = &one.drafts[0].provenance.verbatim;
    assert!(verbatim["name"].contains("Tante Rose") && verbatim["condition"].contains("50"), "{verbatim:?}");
    let two = read(&bundle(&[&relative(r#"{"code":{"text":"Diabète"}},{"code":{"text":"Asthme"}}"#)]));
    assert_eq!(kinds(&two), ["family-history", "family-history", "document"]);
    assert_ne!(two.drafts[0].source_key, two.drafts[1].source_key);
    assert_eq!(kinds(&read(&bundle(&[&relative("")]))), ["document"]);
}

#[test]
fn a_condition_of_the_category_disability_is_one_and_keeps_its_dates() {
    let text = r#"{"resourceType":"Condition","code":{"text":"Surdité"},"onsetDateTime":"2015",
        "category":[{"coding":[{"system":"http://snomed.info/sct","code":"21134002"}]}]}"#;
    let read = read(text);
    assert_eq!(kinds(&read), ["disability"]);
    assert!(read.drafts[0].provenance.verbatim["onsetDateTime"].contains("2015"));
}

#[test]
fn references_lead_to_entries_or_stay_as_text() {
    let text = r##"{"resourceType":"Bundle","type":"transaction","entry":[
        {"fullUrl":"urn:uuid:0b2a8bb4-0000-4000-8000-000000000001","resource":{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"}}},
        {"resource":{"resourceType":"Condition","code":{"text":"a"},"encounter":{"reference":"urn:uuid:0b2a8bb4-0000-4000-8000-000000000001"}}},
        {"resource":{"resourceType":"Condition","code":{"text":"b"},"encounter":{"reference":"Encounter/404"},"asserter":{"reference":"#me"},
            "contained":[{"resourceType":"Practitioner","id":"me","name":[{"family":"Petit"}]}]}}]}"##;
    let read = read(text);
    let encounter = read.drafts[0].source_key.clone().unwrap();
    assert_eq!(read.drafts[1].links, [(encounter, LinkKind::Encounter)]);
    let dangling = &read.drafts[2];
    assert_eq!(dangling.provenance.original.get("reference encounter").map(String::as_str), Some("Encounter/404"));
    assert_eq!(dangling.provenance.author.as_ref().and_then(|own| own.name.as_deref()), Some("Petit"));
}

#[test]
fn the_drug_of_a_prescription_is_found_and_is_no_entry_of_its_own() {
    let text = r#"{"resourceType":"Bundle","type":"searchset","entry":[
        {"resource":{"resourceType":"Medication","id":"m","code":{"text":"Pantoprazole"},"form":{"text":"comprimé"}}},
        {"resource":{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationReference":{"reference":"Medication/m"},
            "dosageInstruction":[{"text":"le soir","doseAndRate":[{"doseQuantity":{"value":40.0,"unit":"mg"}}]}]}}]}"#;
    let read = read(text);
    let Fact::Treatment(treatment) = &read.drafts[0].fact else { panic!("{:?}", kinds(&read)) };
    assert_eq!((treatment.name.as_deref(), treatment.dosage.as_deref()), (Some("Pantoprazole"), Some("le soir")));
    assert_eq!(treatment.dosage_lines[0].dose.as_ref().unwrap().value.to_string(), "40.0");
    assert!(!treatment.is_ongoing(), "a prescription is no running treatment");
    assert_eq!((read.drafts.len(), read.tally.merged.get("Medication")), (1, Some(&1)));
}

#[test]
fn vital_signs_are_measures_and_laboratories_give_results() {
    let observation = |category: &str, code: &str| {
        let text = format!(
            r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"code":"{category}"}}]}}],
                "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"valueQuantity":{{"value":6.50,"unit":"%"}}}}"#
        );
        read(&text).drafts[0].fact.clone()
    };
    assert_eq!(observation("laboratory", "4548-4").kind(), "result");
    assert_eq!(observation("vital-signs", "8867-4").kind(), "measure");
    let Fact::Measure(unknown) = observation("vital-signs", "99999-9") else { panic!("no measure") };
    assert_eq!(unknown.measure, "99999-9", "a vital sign that the table lacks goes by its code");
    let Fact::Measure(own) = observation("vital-signs", "2708-6") else { panic!("no measure") };
    assert_eq!(own.value.unwrap().value.to_string(), "6.50", "digits stay as written");
}

#[test]
fn implausible_and_future_values_are_kept_with_a_warning() {
    let text = r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"vital-signs"}]}],
        "code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"2031-01-01",
        "valueQuantity":{"value":6000,"unit":"kg","code":"kg","system":"http://unitsofmeasure.org"}}"#;
    let read = read(text);
    assert_eq!(kinds(&read), ["measure"]);
    assert_eq!(reasons(&read.tally.warnings), [("measure", "out-of-bounds", 1), ("measure", "in-the-future", 1)]);
}

#[test]
fn what_has_no_field_is_kept_word_for_word() {
    let text = r#"{"resourceType":"Condition","code":{"text":"x"},"onsetDateTime":"vers 2010","stage":[{"summary":{"text":"II"}}],
        "extension":[{"url":"https://example.org/e","valueDecimal":1.50}],"subject":{"display":"Zoé"}}"#;
    let read = read(text);
    let provenance = &read.drafts[0].provenance;
    let kept: Vec<(&str, &str)> =
        provenance.verbatim.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        kept,
        [
            ("extension", r#"[{"url":"https://example.org/e","valueDecimal":1.50}]"#),
            ("onsetDateTime", r#""vers 2010""#),
            ("stage", r#"[{"summary":{"text":"II"}}]"#),
        ]
    );
    assert_eq!(provenance.original.get("subject").map(String::as_str), Some("(Zoé)"));
}

#[test]
fn billing_is_set_aside_and_what_has_no_kind_is_kept_as_a_document() {
    let read = read(&bundle(&[
        r#"{"resourceType":"Claim","status":"active"}"#,
        r#"{"resourceType":"CarePlan","status":"active","title":"Suivi","text":{"div":"<div>Marcher <b>un peu</b></div>"}}"#,
    ]));
    assert_eq!(reasons(&read.tally.set_aside), [("Claim", "billing", 1)]);
    let Fact::Document(document) = &read.drafts[0].fact else { panic!("{:?}", kinds(&read)) };
    assert_eq!(
        (document.title.as_deref(), document.text.as_deref()),
        (Some("CarePlan: Suivi"), Some("Marcher un peu"))
    );
}

#[test]
fn papers_have_their_bytes_and_an_identity_that_is_the_same_by_every_route() {
    let text = |id: &str| {
        format!(
            r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","masterIdentifier":{{"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2.3.4"}},
                "content":[{{"attachment":{{"contentType":"text/plain","data":"Ym9uam91cg==","size":99,"title":"Mot"}}}}]}}"#
        )
    };
    let first = read(&text("a"));
    assert_eq!((first.bytes, first.drafts[0].source_key.as_ref().unwrap().as_str()), (7, "document:7:1.2.3.4"));
    assert_eq!(first.drafts[0].source_key, read(&text("b")).drafts[0].source_key);
    assert_eq!(reasons(&first.tally.warnings), [("document", "size-differs", 1)]);
    let missing = read(
        r#"{"resourceType":"DocumentReference","status":"current","content":[{"attachment":{"url":"https://x.example/1"}}]}"#,
    );
    assert_eq!(reasons(&missing.tally.warnings), [("document", "content-missing", 1)]);
    let damaged = read(r#"{"resourceType":"Binary","contentType":"text/plain","data":"*"}"#);
    assert_eq!(reasons(&damaged.tally.warnings), [("document", "base64-damaged", 1)]);
}

#[test]
fn a_composition_keeps_its_words_and_says_what_is_empty() {
    let read = read(&bundle(&[
        r#"{"resourceType":"Composition","status":"final","title":"Résumé","date":"2020-01-01T10:00:00+01:00",
        "type":{"coding":[{"system":"http://loinc.org","code":"60591-5"}]},"section":[
        {"title":"Problèmes","code":{"coding":[{"system":"http://loinc.org","code":"11450-4"}]},"text":{"div":"<div><p>Asthme</p></div>"}},
        {"title":"Allergies","code":{"coding":[{"system":"http://loinc.org","code":"48765-2"}]},"emptyReason":{"coding":[{"code":"nilknown"}]}},
        {"title":"Traitements","code":{"coding":[{"system":"http://loinc.org","code":"10160-0"}]},"emptyReason":{"coding":[{"code":"notasked"}]}}]}"#,
    ]));
    assert_eq!(kinds(&read), ["document", "absence"], "not asked is not none");
    let Fact::Document(document) = &read.drafts[0].fact else { panic!() };
    assert_eq!(document.text.as_deref(), Some("Problèmes\nAsthme\n\nAllergies\n\nTraitements"));
}

#[test]
fn xml_and_lines_give_the_same_as_json() {
    let xml = r#"<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><type value="collection"/>
        <entry><resource><Condition><id value="c"/><extension url="https://example.org/e"><valueString value="v"/></extension>
        <code><coding><system value="http://snomed.info/sct"/><code value="195967001"/></coding><text value="Asthme"/></code>
        <subject><display value="Zoé"/></subject><onsetDateTime value="2015-03"/></Condition></resource></entry></Bundle>"#;
    let json = r#"{"resourceType":"Condition","id":"c","extension":[{"url":"https://example.org/e","valueString":"v"}],
        "code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}],"text":"Asthme"},"subject":{"display":"Zoé"},"onsetDateTime":"2015-03"}"#;
    let (of_xml, of_json) = (read(xml), read(&bundle(&[json])));
    assert_eq!(of_xml.drafts[0].fact, of_json.drafts[0].fact);
    let line = json.replace('\n', " ");
    let lines = read(&format!("{line}\n{line}\n{}\n", line.replace("2015-03", "2016-03")));
    assert_eq!((lines.drafts.len(), lines.tally.merged.get("disease")), (2, Some(&1)));
    assert_eq!(lines.drafts[0].fact, of_json.drafts[0].fact);
}

#[test]
fn what_is_no_fhir_is_refused_whole() {
    assert_eq!(try_read(b"").err(), Some(ContainerError::Empty));
    for wrong in [r#"{"resourceType":"Patient""#, r#"{"resourceType":"Patient"}}"#] {
        assert_eq!(try_read(wrong.as_bytes()).err(), Some(ContainerError::Json), "{wrong}");
    }
    let deep = format!(r#"{{"resourceType":"Patient","x":{}"#, "[".repeat(200_000));
    assert_eq!(try_read(deep.as_bytes()).err(), Some(ContainerError::Json));
}

proptest! {
    /// A hostile file may hold anything anywhere: any member of any shape in any type of resource.
    #[test]
    fn no_shape_makes_the_reader_fail_loudly(
        kind in prop_oneof![
            Just("AllergyIntolerance"), Just("Appointment"), Just("Binary"), Just("Bundle"), Just("CareTeam"), Just("Composition"),
            Just("Condition"), Just("DiagnosticReport"), Just("DocumentReference"), Just("Encounter"), Just("Immunization"),
            Just("List"), Just("MedicationAdministration"), Just("MedicationRequest"), Just("Observation"), Just("Patient"),
            Just("PractitionerRole"), Just("Procedure"), Just("RequestGroup"), Just("Slot"),
        ],
        members in proptest::collection::vec((member(), any_json()), 0..8),
    ) {
        let members = members.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect::<Vec<_>>().concat();
        let resource = format!(r#"{{"resourceType":"{kind}"{members}}}"#);
        let _ = try_read(resource.as_bytes());
        let _ = try_read(bundle(&[&resource, &resource]).as_bytes());
    }
}

fn member() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "action",
        "code",
        "component",
        "contact",
        "contained",
        "content",
        "data",
        "dosageInstruction",
        "effectiveDateTime",
        "emptyReason",
        "entry",
        "extension",
        "groupIdentifier",
        "hasMember",
        "id",
        "identifier",
        "masterIdentifier",
        "medicationReference",
        "meta",
        "name",
        "participant",
        "performer",
        "practitioner",
        "reaction",
        "result",
        "section",
        "subject",
        "text",
        "valueQuantity",
        "valueRatio",
    ])
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,20}(\\.[0-9]{1,20})?(e[0-9]{1,3})?"
            .prop_filter("a number", |text| !text.trim_start_matches('-').starts_with('0')),
        prop_oneof![
            "[#a-zA-Z/:.0-9|^-]{0,20}",
            Just("#".to_owned()),
            Just("Patient/1".to_owned()),
            Just("2020-02-30".to_owned())
        ]
        .prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((inner_member(), inner), 0..4).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn inner_member() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "actor",
        "attachment",
        "code",
        "coding",
        "data",
        "display",
        "doseAndRate",
        "entry",
        "extension",
        "id",
        "item",
        "member",
        "numerator",
        "profile",
        "reference",
        "repeat",
        "resource",
        "start",
        "system",
        "text",
        "timing",
        "url",
        "value",
        "div",
    ])
}
