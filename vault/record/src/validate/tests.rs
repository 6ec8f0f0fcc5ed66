use super::*;
use crate::{
    Instant, Provenance, Quantity,
    kind::{
        Appointment, Directive, Disease, Document, Donation, Lifestyle, Measure, directive::Situation,
        measure::Component, measure::Moment,
    },
    measure::Presence,
    person::{Address, HumanName, INS_NIR_SYSTEM, RPPS_SYSTEM},
    provenance::SourcePlace,
};

fn now() -> Instant {
    "2026-03-01T10:00:00+01:00".parse().unwrap()
}

fn quantity(value: &str, unit: &str) -> Quantity {
    Quantity::new(value.parse().unwrap(), unit)
}

fn typed(fact: impl Into<Fact>) -> Draft {
    Draft::new(fact, Provenance::typed(now()))
}

fn of(kind: &str, value: &str, unit: &str) -> Measure {
    Measure {
        measure: kind.to_owned(),
        at: Some(When::Instant(now())),
        value: Some(quantity(value, unit)),
        ..Measure::default()
    }
}

fn pressure(systolic: &str, diastolic: &str) -> Measure {
    let part = |slug: &str, value: &str| Component {
        measure: slug.to_owned(),
        value: Some(quantity(value, "mm[Hg]")),
        ..Component::default()
    };
    Measure {
        measure: "blood-pressure".to_owned(),
        at: Some(When::Instant(now())),
        components: vec![part("systolic", systolic), part("diastolic", diastolic)],
        ..Measure::default()
    }
}

fn broken(fact: impl Into<Fact>) -> Vec<&'static str> {
    match typed(fact).validate() {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(Violation::reason).collect(),
    }
}

#[test]
fn a_typed_value_outside_its_bounds_is_refused_with_the_bound_and_an_imported_one_is_kept() {
    let weight = of("weight", "601", "kg");
    let refused = typed(weight.clone()).validate().unwrap_err();
    assert_eq!(refused[0].to_string(), "weight must lie between 0.2 and 600 kg");
    let imported = Draft::new(weight, Provenance::imported(SourcePlace::default()));
    assert!(matches!(imported.validate().unwrap()[..], [Warning::Unusual(Violation::OutOfBounds { .. })]));
}

#[test]
fn every_kind_accepts_its_bounds_and_refuses_what_lies_beyond() {
    for kind in crate::measure::KINDS.iter().filter(|kind| !kind.computed) {
        let Some(bounds) = kind.bounds else { continue };
        let told = |value: Decimal| {
            let mut measure = of(kind.slug, &value.to_string(), kind.unit);
            measure.moment = (kind.moment == Presence::Mandatory).then_some(Moment::Fasting);
            measure.days = (kind.days == Presence::Mandatory).then_some(14);
            broken(measure)
        };
        let step = Decimal::literal(1, 0);
        assert_eq!(told(bounds.low), [""; 0], "{}", kind.slug);
        assert_eq!(told(bounds.high), [""; 0], "{}", kind.slug);
        assert_eq!(told(bounds.low.checked_sub(step).unwrap()), ["out-of-bounds"], "{}", kind.slug);
        assert_eq!(told(bounds.high.checked_add(step).unwrap()), ["out-of-bounds"], "{}", kind.slug);
    }
}

#[test]
fn units_are_those_of_the_kind_or_convert_to_it() {
    assert_eq!(broken(of("height", "1.85", "m")), [""; 0]);
    assert_eq!(broken(of("height", "185", "m")), ["out-of-bounds"]);
    assert_eq!(broken(of("height", "185", "kg")), ["unit-unknown"]);
}

#[test]
fn the_body_mass_index_is_never_typed() {
    assert_eq!(broken(of("bmi", "22", "kg/m2")), ["computed"]);
}

#[test]
fn the_systolic_pressure_lies_above_the_diastolic_one() {
    assert_eq!(broken(pressure("120", "80")), [""; 0]);
    assert_eq!(broken(pressure("80", "80")), ["diastolic-not-below-systolic"]);
    let mut alone = pressure("120", "80");
    alone.components.pop();
    assert_eq!(broken(alone), ["component-missing"]);
    let mut valued = pressure("120", "80");
    valued.value = Some(quantity("120", "mm[Hg]"));
    assert_eq!(broken(valued), ["value-forbidden"]);
}

#[test]
fn moment_and_days_go_with_the_kinds_that_need_them() {
    assert_eq!(broken(of("glucose", "92", "mg/dL")), ["moment-missing"]);
    let fasting = Measure { moment: Some(Moment::Fasting), ..of("glucose", "92", "mg/dL") };
    assert_eq!(broken(fasting.clone()), [""; 0]);
    assert_eq!(broken(Measure { days: Some(7), ..fasting }), ["days-forbidden"]);
    assert_eq!(broken(of("gmi", "6.5", "%")), ["days-missing"]);
    assert_eq!(broken(Measure { days: Some(0), ..of("gmi", "6.5", "%") }), ["days-zero"]);
    assert_eq!(broken(Measure { moment: Some(Moment::Fasting), ..of("hba1c", "6.5", "%") }), ["moment-forbidden"]);
    assert_eq!(broken(of("pain", "3.5", "1")), ["not-whole"]);
    assert_eq!(broken(of("mood", "3", "1")), ["missing"]);
}

#[test]
fn names_are_kept_as_they_are_written() {
    let named = |name: &str| broken(Disease { name: Some(name.to_owned()), ..Disease::default() });
    let titled = |title: &str| broken(Document { title: Some(title.to_owned()), ..Document::default() });
    for name in
        ["Asthme d'effort", "Vitamine D3 + K2 (100 µg/j)", "TSH < 0,1 : à revoir ?", "C-reactive protein, 5 mg/L"]
    {
        assert_eq!(named(name), [""; 0], "{name}");
        assert_eq!(titled(name), [""; 0], "{name}");
    }
    assert_eq!(named(&"é".repeat(200)), [""; 0]);
    assert_eq!(named(&"é".repeat(201)), ["too-long"]);
    assert_eq!(named(" "), ["missing"]);
    for character in ['\0', '\n', '\t', '\u{1b}', '\u{9b}'] {
        assert_eq!(named(&format!("a{character}b")), ["character-refused"], "{character:?}");
        assert_eq!(titled(&format!("a{character}b")), ["character-refused"], "{character:?}");
    }
}

#[test]
fn a_comment_has_a_length_and_no_markup() {
    let with = |comment: String| Draft {
        comment: Some(comment),
        ..typed(Disease { name: Some("a".into()), ..Disease::default() })
    };
    assert!(with("x < 3 et y > 2".into()).validate().is_ok());
    assert!(with("é".repeat(3000)).validate().is_ok());
    assert!(with("é".repeat(3001)).validate().is_err());
    assert!(with("<b>gras</b>".into()).validate().is_err());
    let weight = of("weight", "70", "kg");
    assert!(Draft { comment: Some("x".repeat(151)), ..typed(weight) }.validate().is_err());
}

#[test]
fn an_end_before_its_start_is_refused_only_when_it_is_sure() {
    let from_to = |start: &str, end: &str| {
        broken(Disease {
            name: Some("a".into()),
            start: Some(start.parse().unwrap()),
            end: Some(end.parse().unwrap()),
            ..Disease::default()
        })
    };
    assert_eq!(from_to("2020", "2020-03"), [""; 0]);
    assert_eq!(from_to("2020-03-02", "2020-03"), [""; 0]);
    assert_eq!(from_to("2020-04", "2020-03"), ["end-before-start"]);
    assert_eq!(from_to("2020-03-02T10:00:00+01:00", "2020-03-02T09:30:00Z"), [""; 0]);
    assert_eq!(from_to("2020-03-02T10:00:00Z", "2020-03-02T10:00:00+01:00"), ["end-before-start"]);
}

#[test]
fn nothing_happens_before_birth_and_a_partial_date_gets_the_benefit_of_the_doubt() {
    let birth = "1975-05-01".parse().unwrap();
    let started = |start: &str| Fact::from(Disease { start: Some(start.parse().unwrap()), ..Disease::default() });
    assert_eq!(check_birth(&started("1975"), birth), Ok(()));
    assert_eq!(check_birth(&started("1975-04"), birth), Err(Violation::BeforeBirth));
    let today = "2026-03-01".parse::<PartialDate>().unwrap().whole().unwrap();
    assert!(is_future(&started("2026-04"), today));
    assert!(!is_future(&started("2026"), today));
    let visit = Appointment { start: Some("2027".parse().unwrap()), ..Appointment::default() };
    assert!(!is_future(&visit.into(), today));
    let reminder = crate::kind::Reminder { start: Some("2026-09-01".parse().unwrap()), ..Default::default() };
    assert!(!is_future(&reminder.into(), today), "what one is to be reminded of lies ahead");
}

#[test]
fn wrong_check_digits_are_warnings_for_typed_values_too() {
    let with_ins = |value: &str| {
        typed(Identity {
            names: vec![HumanName { family: Some("D'ARTAGNAN".into()), ..HumanName::default() }],
            identifiers: vec![Identifier::new(INS_NIR_SYSTEM, value)],
            ..Identity::default()
        })
        .validate()
    };
    for right in ["279035121518989", "277076322082910", "239088815400243"] {
        assert_eq!(with_ins(right), Ok(Vec::new()), "{right}");
    }
    for wrong in ["123456789012345", "123456789012244", "221042545611404", "222127505611201", "2790351215189", "é"] {
        assert_eq!(with_ins(wrong), Ok(vec![Warning::InsKeyWrong]), "{wrong}");
    }
    let doctor = Contact {
        organisation: Some("Cabinet".into()),
        identifiers: vec![Identifier::new(RPPS_SYSTEM, "10101010101")],
        ..Contact::default()
    };
    assert_eq!(typed(doctor).validate(), Ok(vec![Warning::RppsKeyWrong]));
    assert!(crate::person::nir_key_holds("185032A00100112") == crate::person::nir_key_holds("185032a00100112"));
}

#[test]
fn a_form_takes_the_answers_of_its_questions_within_their_bounds_and_only_where_they_are_asked() {
    let lifestyle = |fill: &dyn Fn(&mut Lifestyle)| {
        let mut own = Lifestyle { salt: Some("YES".into()), ..Lifestyle::default() };
        fill(&mut own);
        broken(own)
    };
    assert_eq!(lifestyle(&|_| ()), [""; 0]);
    assert_eq!(broken(Lifestyle::default()), ["missing"], "a form without an answer says nothing");
    assert_eq!(lifestyle(&|own| own.fruit = Some("DAILY".into())), ["answer-unknown"]);
    for (glasses, days, told) in [(999, 7, &[][..]), (0, 0, &[]), (1000, 8, &["out-of-bounds", "out-of-bounds"])] {
        let fill = |own: &mut Lifestyle| (own.alcohol_glasses, own.alcohol_days) = (Some(glasses), Some(days));
        assert_eq!(lifestyle(&fill), told, "{glasses} {days}");
    }
    for (smoking, cigarettes, told) in [
        ("YES_EVERY_DAY", 99, &[][..]),
        ("YES_EVERY_DAY", 0, &["out-of-bounds"]),
        ("YES_EVERY_DAY", 100, &["out-of-bounds"]),
        ("YES_OCCASIONALLY", 5, &["not-asked"]),
    ] {
        let fill = |own: &mut Lifestyle| (own.smoking, own.cigarettes) = (Some(smoking.into()), Some(cigarettes));
        assert_eq!(lifestyle(&fill), told, "{smoking} {cigarettes}");
    }
    let stopped = |own: &mut Lifestyle| own.smoking_stopped = Some("SINCE_MORE_THAN_FIVE_YEARS".into());
    assert_eq!(lifestyle(&stopped), ["not-asked"]);
    assert_eq!(lifestyle(&|own| own.exercise_days = Some("NEVER".into())), ["not-asked"]);
    let imported = Lifestyle { cigarettes: Some(500), ..Lifestyle::default() };
    assert_eq!(
        Draft::new(imported, Provenance::imported(SourcePlace::default())).validate().map(|told| told.len()),
        Ok(1)
    );
}

#[test]
fn advance_directives_need_the_answers_of_their_form_and_take_none_of_the_other() {
    let words = |text: &str| Some(text.to_owned());
    let healthy = Directive {
        situation: Some(Situation::GoodHealth),
        context: words("Accident"),
        life_support: words("Non"),
        sedation: words("Oui"),
        acts: words("Rien de disproportionné"),
        ..Directive::default()
    };
    assert_eq!(broken(healthy.clone()), [""; 0]);
    assert_eq!(broken(Directive { acts: None, ..healthy.clone() }), ["missing"]);
    assert_eq!(broken(Directive { sedation: words(" "), ..healthy.clone() }), ["answer-unknown"]);
    assert_eq!(broken(Directive { context: words("<b>x"), ..healthy.clone() }), ["markup"]);
    assert_eq!(broken(Directive { context: words(&"x".repeat(3001)), ..healthy.clone() }), ["too-long"]);
    assert_eq!(broken(Directive { started_other: words("x"), ..healthy.clone() }), ["not-asked"]);
    let late = Directive { situation: Some(Situation::EndOfLife), ..healthy };
    assert_eq!(broken(late.clone()), ["not-asked"]);
    assert_eq!(broken(Directive { acts: None, stopped_machine: words("Oui"), ..late }), [""; 0]);
    assert_eq!(broken(Directive { context: words("x"), ..Directive::default() }), ["missing"; 3]);
    assert_eq!(broken(Donation::default()), ["missing"]);
    assert_eq!(broken(Donation { informed: Some(false), ..Donation::default() }), [""; 0]);
}

#[test]
fn a_french_postal_code_has_five_digits_and_another_country_has_its_own() {
    let address = |postal_code: &str, country: Option<&str>| {
        let address = Address {
            lines: vec!["12, rue de l'Église".to_owned()],
            postal_code: Some(postal_code.to_owned()),
            country: country.map(str::to_owned),
            ..Address::default()
        };
        let name = HumanName { family: Some("EXEMPLE".to_owned()), ..HumanName::default() };
        broken(Contact { name, addresses: vec![address], ..Contact::default() })
    };
    for (code, country, told) in [
        ("75011", None, &[][..]),
        ("75011", Some("France"), &[]),
        ("1000", Some("Belgique"), &[]),
        ("1000", Some("FRANCE"), &["postal-code"]),
        ("7501", None, &["postal-code"]),
        ("750111", None, &["postal-code"]),
        ("7501A", None, &["postal-code"]),
        ("75\u{7}11", Some("Suisse"), &["character-refused"]),
    ] {
        assert_eq!(address(code, country), told, "{code} {country:?}");
    }
}
