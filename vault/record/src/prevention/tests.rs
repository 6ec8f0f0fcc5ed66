mod schedules;

use serde_json::{Value, json};

use super::*;
use crate::{
    Provenance,
    kind::{Prevention, Vaccination},
};

/// A vaccination on a day, a month or a year; its id is its place.
fn given(doses: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(place, (at, name)): (usize, &(&str, &str))| {
        let fact =
            Vaccination { name: Some((*name).to_owned()), at: Some(at.parse().unwrap()), ..Vaccination::default() };
        Entry::new(EntryId([u8::try_from(place).unwrap(); 16]), fact.into(), Provenance::default())
    };
    doses.iter().enumerate().map(entry).collect()
}

fn day(text: &str) -> Day {
    text.parse::<PartialDate>().unwrap().whole().unwrap()
}

fn person(birth: &str, sex: Option<Sex>) -> Person {
    Person { birth: Some(birth.parse().unwrap()), sex, is_deceased: false }
}

fn done(code: &str, at: &str) -> Mark {
    Mark {
        code: code.to_owned(),
        said: PreventionState::Done,
        at: Some(at.parse().unwrap()),
        entry: EntryId([0xee; 16]),
    }
}

/// Vaccinations, and what the person said.
fn noted(doses: &[(&str, &str)], marks: &[Mark]) -> Vec<Entry> {
    let mark = |mark: &Mark| {
        let fact = Prevention {
            code: Some(mark.code.clone()),
            state: Some(mark.said.clone()),
            at: mark.at.map(crate::When::Date),
            ..Prevention::default()
        };
        Entry::new(mark.entry, fact.into(), Provenance::default())
    };
    given(doses).into_iter().chain(marks.iter().map(mark)).collect()
}

/// An item as a line: code, state, and the days of its window.
fn line(item: &Item<'_>) -> String {
    let state = serde_json::to_value(item.state).unwrap();
    let window = item.window.map(|window| format!(" {}..{}", window.from, window.to)).unwrap_or_default();
    format!("{} {}{window}", item.code, state.as_str().unwrap())
}

fn lines(rules: &Rules, person: &Person, doses: &[(&str, &str)], marks: &[Mark], today: &str) -> Vec<String> {
    answer(rules, person, &noted(doses, marks), day(today)).items.iter().map(line).collect()
}

/// The lines of one rule.
fn of_rule(rule: &str, person: &Person, doses: &[(&str, &str)], marks: &[Mark], today: &str) -> Vec<String> {
    let rules = Rules::bundled().unwrap();
    let answer = answer(&rules, person, &noted(doses, marks), day(today));
    answer.items.iter().filter(|item| item.rule == rule).map(line).collect()
}

fn bundled_with(change: impl FnOnce(&mut Value)) -> Result<Rules, RulesRefused> {
    let mut value: Value = serde_json::from_str(BUNDLED).unwrap();
    change(&mut value);
    Rules::read(value.to_string().as_bytes())
}

#[test]
fn the_rules_that_come_with_carnet_are_right_in_every_part() {
    let rules = Rules::bundled().unwrap();
    assert_eq!(rules.country, "FR");
    assert!(rules.codes().count() >= 20 && rules.review_by > rules.date);
    let used: BTreeSet<_> = rules.all.iter().map(|rule| rule.source.as_str()).collect();
    let named: BTreeSet<_> = rules.sources.keys().map(String::as_str).collect();
    assert_eq!(used, named, "every source is one of a rule");
}

#[test]
fn a_changed_file_of_rules_changes_the_answer() {
    let boy = person("2024-06-10", Some(Sex::Male));
    let ask = |rules: &Rules| {
        let lines = lines(rules, &boy, &[("2025-07-01", "ROR")], &[], "2026-01-02");
        lines.into_iter().find(|line| line.starts_with("vac-mmr")).unwrap()
    };
    assert_eq!(ask(&Rules::bundled().unwrap()), "vac-mmr/2 due 2025-10-10..2026-01-09");
    let changed = bundled_with(|file| {
        let rules = file["rules"].as_array_mut().unwrap();
        let mmr = rules.iter_mut().find(|rule| rule["code"] == "vac-mmr").unwrap();
        mmr["schedule"]["series"]["plans"][0]["doses"][1] = json!({"from": "6y", "to": "7y", "after": "1m"});
    });
    assert_eq!(ask(&changed.unwrap()), "vac-mmr/2 upcoming 2030-06-10..2031-06-09");
}

type Change = Box<dyn Fn(&mut Value)>;

#[test]
fn a_file_that_is_wrong_anywhere_is_refused_with_the_place() {
    let refused = |change: &dyn Fn(&mut Value)| match bundled_with(change).unwrap_err() {
        RulesRefused::Value { path, problem } => (path, problem),
        other => panic!("{other}"),
    };
    let cases: Vec<(Change, &str, Problem)> = vec![
        (Box::new(|file| file["format"] = json!("carnet.rules/2")), "format", Problem::Format),
        (Box::new(|file| file["review_by"] = json!("2024-01-01")), "review_by", Problem::Order),
        (Box::new(|file| file["rules"] = json!([])), "rules", Problem::Empty),
        (Box::new(|file| file["rules"][0]["code"] = json!("Vac Hexa")), "rules[0].code", Problem::NotACode),
        (Box::new(|file| file["rules"][1]["code"] = json!("vac-hexa")), "rules[1].code", Problem::Repeated),
        (Box::new(|file| file["rules"][0]["source"] = json!("hearsay")), "rules[0].source", Problem::Unknown),
        (Box::new(|file| file["rules"][0]["title"]["fr"] = json!("a\u{202e}b")), "rules[0].title", Problem::Text),
        (Box::new(|file| file["rules"][0]["title"]["fr"] = json!("x".repeat(401))), "rules[0].title", Problem::Text),
        (Box::new(|file| file["rules"][0]["protects"] = json!(["plague"])), "rules[0].protects", Problem::Unknown),
        (
            Box::new(|file| file["rules"][0]["schedule"]["series"]["plans"][0]["doses"][0]["to"] = json!("1m")),
            "rules[0].schedule.plans[0].doses[0].to",
            Problem::Order,
        ),
        (
            Box::new(|file| file["vaccines"][0]["names"][0] = json!("Infanrix\u{ae}")),
            "vaccines[0].names[0]",
            Problem::NotACode,
        ),
        (Box::new(|file| file["rules"] = json!(vec![file["rules"][0].clone(); 201])), "rules", Problem::TooMany),
    ];
    for (change, path, problem) in cases {
        assert_eq!(refused(&*change), (path.to_owned(), problem));
    }
    let form = |text: &str| Rules::read(text.as_bytes()).unwrap_err();
    assert!(matches!(form("{}"), RulesRefused::Form { line: 1, .. }));
    for (member, value) in
        [("date", json!("2025")), ("date", json!("2025-02-30")), ("extra", json!(1)), ("sources", json!(7))]
    {
        let refused = bundled_with(|file| file[member] = value).unwrap_err();
        assert!(matches!(refused, RulesRefused::Form { .. }), "{member}: {refused}");
    }
    let age = bundled_with(|file| file["rules"][0]["schedule"]["series"]["until"] = json!("500y")).unwrap_err();
    assert!(matches!(age, RulesRefused::Form { .. }));
    assert_eq!(form(&" ".repeat(RULES_BYTES_MAX + 1)), RulesRefused::TooLarge);
}

#[test]
fn without_a_birth_date_nothing_is_told_and_the_item_says_what_is_missing() {
    let rules = Rules::bundled().unwrap();
    let answer = answer(&rules, &Person::default(), &[], day("2026-06-01"));
    assert_eq!(answer.items.len(), rules.codes().count());
    for item in &answer.items {
        assert_eq!(
            (item.state, &item.missing),
            (State::Unknown, &BTreeSet::from([Missing::BirthDate])),
            "{}",
            item.code
        );
        assert!(item.window.is_none());
    }
}

#[test]
fn a_birth_date_that_is_not_whole_is_never_filled_up() {
    // Whatever the day of 1958, the booster of 65 years is late and breast screening goes on: both can be told.
    let year = person("1958", Some(Sex::Female));
    let boosters = of_rule("vac-dtp", &year, &[], &[], "2026-06-01");
    for line in ["vac-dtp/65y overdue 2023-01-01..2024-12-30", "vac-dtp/75y upcoming 2033-01-01..2034-12-30"] {
        assert!(boosters.contains(&line.to_owned()), "{boosters:?}");
    }
    assert!(of_rule("screen-breast", &year, &[], &[], "2026-06-01")[0].contains(" due 2024-12-31..2027-12-31"));
    // For a child of 2025, the day decides.
    let child = person("2025", None);
    let rules = Rules::bundled().unwrap();
    let told = answer(&rules, &child, &[], day("2026-06-01"));
    let mmr = told.items.iter().find(|item| item.rule == "vac-mmr").unwrap();
    assert_eq!((mmr.state, &mmr.missing), (State::Unknown, &BTreeSet::from([Missing::DayOfBirth])));
    // A month is enough where no day of it makes a difference.
    let month = person("2025-03", None);
    assert_eq!(of_rule("vac-mmr", &month, &[], &[], "2026-06-01"), ["vac-mmr/1 overdue 2026-03-01..2026-04-29"]);
}

#[test]
fn a_date_of_a_vaccination_that_is_not_whole_is_never_filled_up() {
    let child = person("2020-01-10", None);
    // A dose counts for the booster of 6 years from the fifth birthday on: one of February 2025 was given after it, of one
    // of 2025 that is not known.
    let month = of_rule("vac-dtp", &child, &[("2025-02", "Tetravac")], &[], "2026-06-01");
    assert!(month.contains(&"vac-dtp/6y done 2026-01-10..2027-01-09".to_owned()), "{month:?}");
    let told = of_rule("vac-dtp", &child, &[("2025", "Tetravac")], &[], "2026-06-01");
    assert_eq!(told, ["vac-dtp unknown"]);
    let rules = Rules::bundled().unwrap();
    let answer = answer(&rules, &child, &given(&[("2025", "Tetravac")]), day("2026-06-01"));
    let item = answer.items.iter().find(|item| item.rule == "vac-dtp").unwrap();
    assert_eq!(item.missing, BTreeSet::from([Missing::DayDone]));
}

#[test]
fn an_unknown_sex_is_asked_for_only_where_it_decides() {
    for sex in [None, Some(Sex::Unknown), Some(Sex::Unclassified)] {
        let rules = Rules::bundled().unwrap();
        let answer = answer(&rules, &person("1974-05-05", sex), &[], day("2026-06-01"));
        let breast = answer.items.iter().find(|item| item.rule == "screen-breast").unwrap();
        assert_eq!((breast.state, &breast.missing), (State::Unknown, &BTreeSet::from([Missing::Sex])));
        let colon = answer.items.iter().find(|item| item.rule == "screen-colon").unwrap();
        assert_ne!(colon.state, State::Unknown);
    }
    assert!(of_rule("screen-breast", &person("2015-05-05", None), &[], &[], "2026-06-01")[0].contains("unknown"));
    assert!(of_rule("screen-breast", &person("1940-05-05", None), &[], &[], "2026-06-01").is_empty());
    assert!(of_rule("screen-breast", &person("1974-05-05", Some(Sex::Male)), &[], &[], "2026-06-01").is_empty());
}

#[test]
fn a_clock_that_cannot_be_right_gives_no_answer() {
    let rules = Rules::bundled().unwrap();
    for (birth, today) in [
        ("1974-05-05", "1970-01-01"),
        ("1974-05-05", "2020-01-01"),
        ("2026-07-01", "2026-06-01"),
        ("1974-05-05", "2204-05-05"),
        ("2027", "2026-06-01"),
    ] {
        let answer = answer(&rules, &person(birth, None), &[], day(today));
        let is_told = |item: &Item<'_>| item.missing != BTreeSet::from([Missing::Today]);
        assert!(!answer.items.iter().any(is_told), "{birth} {today}");
    }
}

#[test]
fn what_does_not_count_is_listed_with_the_reason() {
    let rules = Rules::bundled().unwrap();
    let mut entries = given(&[
        ("2031-01-01", "ROR"),
        ("2025-01-01", "Stamaril"),
        ("2024-12-01", "ROR"),
        ("2025-02-01", "ROR"),
        ("2025-02-01", "ROR"),
        ("2025-03-01", "Hexyon"),
    ]);
    entries[5].status = crate::Status::EnteredInError;
    let mut undated = given(&[("2025-01-01", "Bexsero")]).remove(0);
    undated.id = EntryId([0x77; 16]);
    if let Fact::Vaccination(own) = &mut undated.fact {
        own.at = None;
    }
    entries.push(undated);
    let answer = answer(&rules, &person("2024-01-10", None), &entries, day("2026-06-01"));
    let id = |byte: u8| EntryId([byte; 16]);
    assert_eq!(
        answer.not_counted,
        [
            (id(0), Uncounted::Future),
            (id(1), Uncounted::NotRecognised),
            (id(2), Uncounted::NotAsked),
            (id(4), Uncounted::NotAsked),
            (id(0x77), Uncounted::Undated),
        ]
    );
    let mmr = answer.items.iter().find(|item| item.rule == "vac-mmr").unwrap();
    assert_eq!((mmr.code.as_str(), mmr.used.as_slice()), ("vac-mmr/2", &[id(3)][..]));
}

#[test]
fn an_entry_that_is_removed_counts_no_more() {
    let rules = Rules::bundled().unwrap();
    let boy = person("2025-01-10", Some(Sex::Male));
    let mut entries = given(&[("2026-01-20", "Priorix")]);
    let code = |entries: &[Entry]| {
        let answer = answer(&rules, &boy, entries, day("2026-02-01"));
        answer.items.iter().find(|item| item.rule == "vac-mmr").unwrap().code.clone()
    };
    assert_eq!(code(&entries), "vac-mmr/2");
    entries[0].removed = Some(crate::Removal { at: "2026-01-21T00:00:00Z".parse().unwrap(), by: String::new() });
    assert_eq!(code(&entries), "vac-mmr/1");
}

#[test]
fn nothing_is_asked_of_somebody_who_died() {
    let rules = Rules::bundled().unwrap();
    let person = Person { is_deceased: true, ..person("1950-01-01", Some(Sex::Female)) };
    assert!(answer(&rules, &person, &[], day("2026-06-01")).items.is_empty());
}

#[test]
fn exams_and_screenings_follow_the_texts_that_set_them() {
    let girl = |today: &str| person(today, Some(Sex::Female));
    // Order of 26 February 2019 as amended: second month, 16 to 18 months, 24th or 25th month, 8 or 9 years.
    for (birth, today, expected) in [
        ("2026-01-10", "2026-02-20", "exam-child/3 due 2026-02-10..2026-03-09"),
        ("2026-01-10", "2026-03-09", "exam-child/3 due 2026-02-10..2026-03-09"),
        ("2025-01-10", "2026-05-10", "exam-child/11 due 2026-05-10..2026-08-09"),
        ("2024-05-20", "2026-06-01", "exam-child/12 due 2026-04-20..2026-06-19"),
        ("2018-01-10", "2026-06-01", "exam-child/18 due 2026-01-10..2028-01-09"),
        ("2019-01-10", "2026-06-01", "exam-child/17 overdue 2025-01-10..2026-01-09"),
        ("2010-01-10", "2026-06-01", "exam-child/20 due 2025-01-10..2027-01-09"),
    ] {
        let told = of_rule("exam-child", &girl(birth), &[], &[], today);
        assert!(told.iter().any(|line| line == expected), "{birth} {today}: {told:#?}");
    }
    // Order of 16 January 2024: breast and bowel from 50 to 74 every two years, cervix from 25 to 65.
    for (rule, birth, marks, today, expected) in [
        ("screen-breast", "1976-07-01", vec![], "2026-06-01", "screen-breast/2026 upcoming 2026-07-01..2028-06-30"),
        ("screen-breast", "1975-05-01", vec![], "2026-06-01", "screen-breast/2025 due 2025-05-01..2027-04-30"),
        (
            "screen-breast",
            "1975-05-01",
            vec![done("screen-breast/2025", "2025-06-11")],
            "2026-06-01",
            "screen-breast/2027 upcoming 2027-06-11..2029-06-10",
        ),
        (
            "screen-colon",
            "1960-05-01",
            vec![done("screen-colon/2020", "2020-06-11")],
            "2026-06-01",
            "screen-colon/2022 overdue 2022-06-11..2024-06-10",
        ),
        (
            "screen-cervix",
            "2000-05-01",
            vec![done("screen-cervix/2025", "2025-05-20")],
            "2026-06-01",
            "screen-cervix/2026 due 2026-05-20..2029-05-19",
        ),
        (
            "screen-cervix",
            "1997-05-01",
            vec![done("screen-cervix/2022", "2022-05-20"), done("screen-cervix/2023", "2023-05-20")],
            "2026-06-01",
            "screen-cervix/2026 due 2026-05-20..2029-05-19",
        ),
        (
            "screen-cervix",
            "1985-05-01",
            vec![done("screen-cervix/2023", "2023-05-20")],
            "2026-06-01",
            "screen-cervix/2028 upcoming 2028-05-20..2033-05-19",
        ),
        ("exam-review", "1979-05-01", vec![], "2026-06-01", "exam-review/45y due 2024-05-01..2030-04-30"),
        ("exam-teeth", "2020-05-01", vec![], "2026-06-01", "exam-teeth/2026 due 2026-05-01..2027-04-30"),
    ] {
        let told = of_rule(rule, &girl(birth), &[], &marks, today);
        assert!(told.iter().any(|line| line == expected), "{rule} {birth}: {told:#?}");
    }
    // Of whom nothing is noted, the present round is asked for.
    for (rule, birth, expected) in [
        ("screen-colon", "1959-05-01", "screen-colon/2025 due 2025-05-01..2027-04-30"),
        ("screen-cervix", "1975-05-01", "screen-cervix/2025 due 2025-05-01..2030-04-30"),
    ] {
        assert_eq!(of_rule(rule, &girl(birth), &[], &[], "2026-06-01"), [expected]);
    }
    assert!(of_rule("screen-colon", &girl("1951-05-01"), &[], &[], "2026-06-01").is_empty());
}

#[test]
fn what_the_person_said_to_be_done_is_done_and_says_so() {
    let rules = Rules::bundled().unwrap();
    let child = person("2026-01-10", None);
    let marks = [done("vac-hexa/1", "2026-03-12"), done("exam-child/3", "2026-02-11")];
    let told = answer(&rules, &child, &noted(&[], &marks), day("2026-03-20"));
    let of = |code: &str| told.items.iter().find(|item| item.code == code).unwrap();
    assert_eq!(of("vac-hexa/2").window.unwrap().from, day("2026-05-12"));
    assert_eq!((of("exam-child/3").state, of("exam-child/3").mark.as_ref()), (State::Done, Some(&marks[1])));
    // A dose that stands in the booklet too is not counted twice.
    let both = answer(&rules, &child, &noted(&[("2026-03-12", "Vaxelis")], &marks), day("2026-03-20"));
    assert!(both.items.iter().any(|item| item.code == "vac-hexa/2"));
    // To be planned, or not done: the thing stays asked for.
    for said in [PreventionState::ToPlan, PreventionState::NotDone, PreventionState::NotSpecified] {
        let mark = Mark { said, ..done("vac-hexa/1", "2026-03-12") };
        let told = answer(&rules, &child, &noted(&[], std::slice::from_ref(&mark)), day("2026-03-20"));
        let item = told.items.iter().find(|item| item.rule == "vac-hexa").unwrap();
        assert_eq!((item.state, item.mark.as_ref()), (State::Due, Some(&mark)));
    }
}

#[test]
fn a_vaccine_that_covers_a_part_says_what_is_lacking() {
    let rules = Rules::bundled().unwrap();
    let child = person("2025-06-10", None);
    let doses = [("2025-08-12", "Hexyon"), ("2025-10-12", "Pentavac")];
    let told = answer(&rules, &child, &given(&doses), day("2026-01-10"));
    let item = told.items.iter().find(|item| item.rule == "vac-hexa").unwrap();
    assert_eq!((item.code.as_str(), item.lacking.as_slice()), ("vac-hexa/2", &["hepatitis-b"][..]));
}

/// The same, of a girl or a woman born on a day.
fn of_birth(code: &str, birth: &str, doses: &[(&str, &str)], marks: &[Mark], today: &str) -> Vec<String> {
    of_rule(code, &person(birth, Some(Sex::Female)), doses, marks, today)
}

#[test]
fn a_dose_that_was_said_and_those_of_the_booklet_count_together_and_each_once() {
    let marks = [done("vac-hexa/1", "2026-03-12")];
    let of = |doses: &[(&str, &str)]| of_birth("vac-hexa", "2026-01-10", doses, &marks, "2026-06-01");
    assert!(of(&[])[0].starts_with("vac-hexa/2 "), "{:?}", of(&[]));
    let second = [("2026-05-12", "Hexyon")];
    assert!(of(&second)[0].starts_with("vac-hexa/3 upcoming"), "{:?}", of(&second));
    let same = [("2026-03-13", "Hexyon")];
    assert!(of(&same)[0].starts_with("vac-hexa/2 "), "the same dose, told twice: {:?}", of(&same));
    // Two sources that tell of one dose, a day apart.
    let doubled = [("2026-03-12", "Hexyon"), ("2026-03-13", "Infanrix Hexa")];
    assert!(of_birth("vac-hexa", "2026-01-10", &doubled, &[], "2026-06-01")[0].starts_with("vac-hexa/2 "));
}

#[test]
fn doses_too_close_do_not_end_a_series_and_those_of_one_year_are_not_taken_for_one() {
    let hpv = |doses: &[(&str, &str)]| of_birth("vac-hpv", "2012-01-10", doses, &[], "2026-06-01");
    assert!(hpv(&[("2024-03-01", "Gardasil 9"), ("2024-09-01", "Gardasil 9")])[0].starts_with("vac-hpv/2 done"));
    assert!(hpv(&[("2024-03-01", "Gardasil 9"), ("2024-04-01", "Gardasil 9")])[0].starts_with("vac-hpv/2 due"));
    assert_eq!(hpv(&[("2025", "Gardasil 9"), ("2025", "Gardasil 9")]), ["vac-hpv unknown"]);
}

#[test]
fn a_series_that_began_late_is_asked_for_until_its_last_dose_and_a_product_has_its_own() {
    let late = [("2026-08-10", "Prevenar 13"), ("2026-10-10", "Prevenar 13")];
    let pneumo = of_birth("vac-pneumo", "2025-09-10", &late, &[], "2027-09-20");
    assert!(pneumo[0].starts_with("vac-pneumo/3 upcoming 2027-10-10"), "{pneumo:?}");
    assert!(of_birth("vac-pneumo", "2025-09-10", &[], &[], "2027-09-20")[0].starts_with("vac-pneumo/1 past"));
    let rotateq = [("2026-03-12", "RotaTeq"), ("2026-04-12", "RotaTeq")];
    let rotavirus = of_birth("vac-rotavirus", "2026-01-10", &rotateq, &[], "2026-04-20");
    assert!(!rotavirus[0].contains("done"), "{rotavirus:?}");
}

#[test]
fn an_autumn_counts_before_its_campaign_and_a_birthday_in_a_leap_year_stays() {
    let flu = of_birth("vac-flu", "1950-01-10", &[("2026-10-05", "Vaxigrip")], &[], "2026-11-22");
    assert!(flu[0].starts_with("vac-flu/2026 done"), "{flu:?}");
    let before = of_birth("vac-flu", "1950-01-10", &[("2026-08-30", "Vaxigrip")], &[], "2026-11-22");
    assert!(before[0].starts_with("vac-flu/2026 due"), "{before:?}");
    let teeth = of_birth("exam-teeth", "2020-02-29", &[], &[], "2028-03-01");
    assert!(teeth.iter().any(|line| line.contains("2028-02-29..2029-02-27")), "{teeth:?}");
}

#[test]
fn a_day_that_was_never_said_is_not_told() {
    let rules = Rules::bundled().unwrap();
    let doses = [("2015", "ROR"), ("2016", "ROR")];
    let answer = answer(&rules, &person("2012-01-10", None), &given(&doses), day("2026-06-01"));
    let found = answer.items.iter().find(|item| item.rule == "vac-mmr").unwrap();
    assert_eq!((found.state, found.done_on), (State::Done, None));
    let newborn = super::answer(&rules, &person("2026", None), &[], day("2026-06-01"));
    assert!(newborn.items.iter().any(|item| item.missing == BTreeSet::from([Missing::DayOfBirth])));
    assert!(!newborn.items.iter().any(|item| item.missing.contains(&Missing::Today)));
}
