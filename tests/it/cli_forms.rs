//! The forms of the profile from the command line: questions, conditions, bounds, words, and what was answered before.

use carnet_tests::process::{Carnet, Home, Relay, text};
use serde_json::{Value, json};

use crate::cli_sync::{owner, pair, sync};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// `profile add KIND` with an `--item` for each of `items`.
fn answered(carnet: &Carnet, kind: &str, items: &[&str]) -> carnet_tests::process::Ran {
    let items = items.iter().flat_map(|item| ["--item", *item]);
    carnet.run(&["profile", "add", kind].into_iter().chain(items).collect::<Vec<_>>())
}

/// The questions that a form asks now, by what is typed for them.
fn asked(carnet: &Carnet, kind: &str) -> Vec<Value> {
    carnet.run(&["profile", "form", kind]).data().as_array().expect("a list of questions").clone()
}

fn names(questions: &[Value]) -> Vec<&str> {
    questions.iter().map(|question| question["item"].as_str().expect("a name")).collect()
}

/// What a page says in both languages, with no code of the form in it.
fn pages(carnet: &Carnet, words: &[&str]) -> [String; 2] {
    ["fr", "en"].map(|language| {
        let page = carnet.talk(&[&["--lang", language], words].concat()).out;
        let is_code = |word: &&str| word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let codes: Vec<&str> = page.split(|c: char| !c.is_ascii_alphabetic() && c != '_').filter(is_code).collect();
        assert!(codes.is_empty(), "{codes:?} stand in {page}");
        page
    })
}

#[test]
fn lifestyle_is_answered_under_its_conditions_and_every_save_stays_as_a_dated_state() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let questions = asked(&carnet, "lifestyle");
    let unconditional = "fruit fat sugar salt exercise sitting smoking vaping sleep screens alcohol-days alcohol-glasses \
                         alcohol-binge";
    assert_eq!(names(&questions).join(" "), unconditional);

    // Every answer of the national form that is typed as it is listed is kept as its code.
    let of = |question: &Value| {
        let choices: Vec<&str> = question["choices"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let last = *choices.last().expect("a choice");
        format!("{}={}", question["item"].as_str().unwrap(), last.rsplit_once('-').map_or(last, |(_, high)| high))
    };
    let numbers = questions.iter().filter(|question| question["item"].as_str().unwrap().starts_with("alcohol-"));
    let items: Vec<String> = numbers.map(of).collect();
    assert_eq!(items, ["alcohol-days=7", "alcohol-glasses=999", "alcohol-binge=no"]);
    let rest = ["fruit=not-everyday", "fat=more-once-a-week", "sugar=never", "salt=yes", "exercise=no", "sitting=both"];
    let more =
        ["smoking=yes-every-day", "cigarettes=12", "vaping=no", "sleep=bad-often", "screens=several-times-month"];
    let all: Vec<&str> = items.iter().map(String::as_str).chain(rest).chain(more).collect();
    let kept = answered(&carnet, "lifestyle", &[&all[..], &["sleep=good"]].concat()).data();
    assert_eq!((&kept["fruit"], &kept["fat"]), (&json!("NOT_EVERYDAY"), &json!("MORE_ONCE_A_WEEK")));
    assert_eq!((&kept["cigarettes"], &kept["alcohol_glasses"]), (&json!(12), &json!(999)));
    assert!(kept["at"].as_str().is_some_and(|at| at.len() == "2026-01-01".len()), "each save is dated: {kept}");

    // A question stands in the form only where another answer calls for it.
    let now = names(&asked(&carnet, "lifestyle")).join(" ");
    assert!(now.contains("cigarettes") && !now.contains("smoking-stopped") && !now.contains("exercise-days"), "{now}");
    for refused in
        ["smoking-stopped=since-more-than-five-years", "exercise-days=never", "cigarettes=0", "cigarettes=100"]
    {
        assert_eq!(answered(&carnet, "lifestyle", &[refused]).refused(2), "rules", "{refused}");
    }
    for (refused, code) in [("fruit=daily", "usage"), ("colour=blue", "usage"), ("cigarettes=many", "bad_number")] {
        assert_eq!(answered(&carnet, "lifestyle", &[refused]).refused(2), code, "{refused}");
    }
    let told = carnet.talk(&["--lang", "fr", "profile", "add", "lifestyle", "--item", "exercise-days=never"]).err;
    assert!(told.contains("« Activité physique régulière » est « oui »"), "{told}");

    // Filled in again it is the same entry; what is no longer asked is gone from it, and not from its history.
    let past = "smoking=no-but-i-have-smoked-in-the-past smoking-stopped=since-less-than-one-year exercise=yes \
                exercise-days=three-to-four-times-a-week";
    let past: Vec<&str> = past.split(' ').flat_map(|item| ["--item", item]).collect();
    let own = id(&kept);
    let words = [&["profile", "edit", &own, "--at", "2026-03-01"][..], &past].concat();
    let edited = carnet.run(&words).data();
    assert_eq!(
        (&edited["id"], &edited["cigarettes"], &edited["at"]),
        (&kept["id"], &Value::Null, &json!("2026-03-01"))
    );
    assert_eq!(edited["fruit"], "NOT_EVERYDAY", "what is not given stays");
    assert_eq!(edited["exercise_days"], "THREE_TO_FOUR_TIMES_A_WEEK");
    assert_eq!(id(&answered(&carnet, "lifestyle", &["fruit="]).data()), id(&kept));
    assert!(names(&asked(&carnet, "lifestyle")).contains(&"smoking-stopped"));
    let shown = carnet.run(&["profile", "show", &id(&kept), "--history"]).data();
    let states = shown["history"].as_array().expect("former states");
    let smoking: Vec<&Value> = states.iter().map(|state| &state["entry"]["smoking"]).collect();
    let in_the_past = json!("NO_BUT_I_HAVE_SMOKED_IN_THE_PAST");
    assert_eq!(smoking, [&json!("YES_EVERY_DAY"), &in_the_past, &in_the_past], "{states:#?}");
    assert_eq!(states[0]["entry"]["cigarettes"], 12);

    let [french, english] = pages(&carnet, &["profile", "show", &id(&kept), "--history"]);
    for words in
        ["Tabac : non, mais j'ai fumé", "Cigarettes par jour : plus de réponse.", "Tabac : oui, tous les jours."]
    {
        assert!(french.contains(words), "{words}: {french}");
    }
    for words in ["Tobacco: no, but I have smoked", "Fat food: more than once a week", "Sleep: good"] {
        assert!(english.contains(words), "{words}: {english}");
    }
    let [french, english] = pages(&carnet, &["profile", "list"]);
    assert!(french.contains("Habitudes de vie") && french.contains("14 réponses"), "{french}");
    assert!(english.contains("Lifestyle") && english.contains("14 answers"), "{english}");
    let [french, english] = pages(&carnet, &["profile", "form", "lifestyle"]);
    assert!(french.contains("several-times-month = plusieurs fois par mois") && french.contains("un nombre de 0 à 7"));
    assert!(english.contains("several-times-month = several times a month"), "{english}");
}

#[test]
fn a_record_has_one_form_of_a_kind() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let file = home.file("form.json", r#"{"kind":"lifestyle","salt":"YES","at":"2026-01-02"}"#);
    let from_json = || carnet.run(&["profile", "add", "--from-json", text(&file)]);
    let kept = from_json().data();
    assert_eq!((&kept["salt"], &kept["at"]), (&json!("YES"), &json!("2026-01-02")));
    assert_eq!(from_json().refused(2), "rules");
    assert_eq!(id(&answered(&carnet, "lifestyle", &["salt=no"]).data()), id(&kept));
    carnet.run(&["profile", "remove", &id(&kept)]).data();
    assert_eq!(answered(&carnet, "lifestyle", &[]).refused(2), "rules", "a form without an answer says nothing");
    let again = answered(&carnet, "lifestyle", &["fruit=no"]).data();
    assert_eq!((&again["id"], &again["salt"], &again["fruit"]), (&kept["id"], &Value::Null, &json!("NO")));
    assert_eq!(answered(&carnet, "disease", &["fruit=no"]).refused(2), "usage");
    let twice = r#"[{"kind":"lifestyle","salt":"YES"},{"kind":"lifestyle","salt":"NO"}]"#;
    let other = home.vault("other", "Zoé");
    assert_eq!(other.run(&["profile", "add", "--from-json", text(&home.file("two.json", twice))]).refused(2), "rules");
}

#[test]
fn a_form_that_two_devices_fill_in_apart_is_one_with_the_answers_of_both() {
    let (operator, home, other) = (Home::new(), Home::new(), Home::new());
    let relay = Relay::new(&operator);
    let first = owner(&home, &relay);
    let second = other.carnet("vault");
    pair(&first, &second, text(&home.path("ticket")));
    answered(&first, "lifestyle", &["smoking=yes-every-day", "cigarettes=20"]).data();
    answered(&second, "lifestyle", &["fruit=everyday"]).data();
    let meet = || {
        for carnet in [&first, &second, &first] {
            sync(carnet);
        }
        assert_eq!(first.digest(), second.digest());
        let list = first.run(&["profile", "list", "lifestyle"]).data();
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
        list[0].clone()
    };
    let one = meet();
    assert_eq!(
        (&one["smoking"], &one["cigarettes"], &one["fruit"]),
        (&json!("YES_EVERY_DAY"), &json!(20), &json!("EVERYDAY"))
    );

    // One says that there is no more tobacco, the other how much there is: what nothing calls for is not shown as said.
    answered(&first, "lifestyle", &["smoking=no"]).data();
    answered(&second, "lifestyle", &["cigarettes=10"]).data();
    assert_eq!(meet()["smoking"], "NO");
    let page = second.talk(&["--lang", "en", "profile", "show", &id(&one)]).out;
    assert!(page.contains("Tobacco: no") && !page.contains("Cigarettes"), "{page}");
}
