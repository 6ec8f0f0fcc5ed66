//! The forms of the profile from the command line: questions, conditions, bounds, words, and what was answered before.

use carnet_tests::process::{Carnet, Home, Relay, text};
use serde_json::{Value, json};

use crate::cli_sync::{owner, pair, sync};

pub(crate) fn id(value: &Value) -> String {
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
pub(crate) fn pages(carnet: &Carnet, words: &[&str]) -> [String; 2] {
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

/// The form of who is in good health, filled in.
const HEALTHY: [&str; 5] = [
    "situation=good-health",
    "context=Accident grave, coma",
    "life-support=Je refuse d'être maintenue en vie artificiellement",
    "sedation=Oui, jusqu'au décès",
    "acts=Pas d'acharnement",
];

#[test]
fn advance_directives_are_the_form_of_one_situation_dated_and_lead_to_their_paper() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    assert_eq!(names(&asked(&carnet, "directive")), ["situation", "context", "life-support", "sedation"]);
    let paper = home.file("directives.txt", "Je, soussignée, Ana...\n");
    let paper = carnet.run(&["document", "add", text(&paper), "--category", "DIR_ANT", "--title", "Directives"]).data();
    let paper = id(&paper[0]);

    // All of the form is needed, and nothing of the other one is taken.
    for left_out in HEALTHY {
        let part: Vec<&str> = HEALTHY.into_iter().filter(|one| *one != left_out).collect();
        assert_eq!(answered(&carnet, "directive", &part).refused(2), "rules", "{left_out}");
    }
    let other = [&HEALTHY[..], &["stopped-machine=Oui"]].concat();
    assert_eq!(answered(&carnet, "directive", &other).refused(2), "rules");
    let items = HEALTHY.iter().flat_map(|item| ["--item", *item]);
    let words = ["profile", "add", "directive", "--at", "2026-02-01", "--link", &paper].into_iter().chain(items);
    let kept = carnet.run(&words.collect::<Vec<_>>()).data();
    assert_eq!((&kept["situation"], &kept["at"]), (&json!("GOOD_HEALTH"), &json!("2026-02-01")));
    assert_eq!(kept["links"][&paper], "document", "the entry leads to the paper: {kept}");
    assert_eq!(carnet.run(&["profile", "show", &id(&kept)]).data()["section"], "wishes");
    assert!(names(&asked(&carnet, "directive")).ends_with(&["acts"]));

    // The other form takes the place of this one, which stays in the history.
    let acts = ["resuscitation", "machine", "surgery", "other"];
    let acts: Vec<String> = ["started", "stopped", "specific"]
        .iter()
        .flat_map(|sort| acts.map(|act| format!("{sort}-{act}=Mes mots : {sort}, {act}")))
        .collect();
    let late: Vec<&str> = std::iter::once("situation=end-of-life").chain(acts.iter().map(String::as_str)).collect();
    let late = answered(&carnet, "directive", &late).data();
    assert_eq!((&late["id"], &late["acts"], &late["context"]), (&kept["id"], &Value::Null, &kept["context"]));
    assert_eq!(late["stopped_machine"], "Mes mots : stopped, machine");
    assert_eq!(late["links"][&paper], "document");
    assert_eq!(asked(&carnet, "directive").len(), 16);
    let history = carnet.run(&["profile", "show", &id(&kept), "--history"]).data();
    let states = history["history"].as_array().expect("former states");
    assert_eq!(states.first().expect("a state")["entry"]["acts"], "Pas d'acharnement");
    let [french, english] = pages(&carnet, &["profile", "show", &id(&kept), "--history"]);
    for words in
        ["Situation : en fin de vie", "Actes arrêtés – branchement à un appareil : Mes mots", "plus de réponse"]
    {
        assert!(french.contains(words), "{words}: {french}");
    }
    assert!(english.contains("Acts stopped – being connected to an apparatus: Mes mots"), "{english}");
    let [french, english] = pages(&carnet, &["profile", "list"]);
    assert!(french.contains("Directives anticipées") && french.contains("en fin de vie"), "{french}");
    assert!(english.contains("Advance directives") && english.contains("near the end of life"), "{english}");
}

#[test]
fn who_is_not_of_age_writes_no_advance_directives() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let born = |birth: &str| ["profile", "add", "identity", "--family", "EXEMPLE", "--birth", birth].map(str::to_owned);
    let words = born("2025-01-01");
    let sheet = id(&carnet.run(&words.each_ref().map(String::as_str)).data());
    let refused = answered(&carnet, "directive", &HEALTHY);
    assert_eq!(refused.refused(2), "rules");
    let file = home.file(
        "form.json",
        r#"{"kind":"directive","situation":"GOOD_HEALTH","context":"a","life_support":"b","sedation":"c","acts":"d"}"#,
    );
    assert_eq!(carnet.run(&["profile", "add", "--from-json", text(&file)]).refused(2), "rules");
    carnet.run(&["profile", "edit", &sheet, "--birth", "1990"]).data();
    answered(&carnet, "directive", &HEALTHY).data();
}

#[test]
fn organ_donation_is_the_tick_of_the_national_form_with_a_wish_and_the_way_to_the_register() {
    let home = Home::new();
    let carnet = home.vault("vault", "Ana");
    let register = "https://www.registrenationaldesrefus.fr";
    let kept = answered(&carnet, "donation", &["informed=oui"]).data();
    assert_eq!((&kept["informed"], &kept["wish"]), (&json!(true), &Value::Null));
    assert_eq!(answered(&carnet, "donation", &["informed=perhaps"]).refused(2), "usage");
    let wished = answered(&carnet, "donation", &["wish=D'accord, sauf les yeux"]).data();
    assert_eq!((&wished["id"], &wished["informed"]), (&kept["id"], &json!(true)));
    let shown = carnet.run(&["profile", "show", &id(&kept), "--history"]).data();
    assert_eq!((&shown["register"], &shown["section"]), (&json!(register), &json!("wishes")));
    assert_eq!(shown["history"].as_array().map(Vec::len), Some(2));
    let [french, english] = pages(&carnet, &["profile", "show", &id(&kept)]);
    assert!(
        french.contains("Informé du don d'organes : oui") && french.contains("D'accord, sauf les yeux"),
        "{french}"
    );
    assert!(french.contains(register) && english.contains(register), "{french}{english}");
    assert!(english.contains("Informed about organ donation: yes"), "{english}");
    let [french, _] = pages(&carnet, &["profile", "list", "donation"]);
    assert!(french.contains("Don d'organes") && french.contains("sauf les yeux"), "{french}");
    let [french, _] = pages(&carnet, &["profile", "form", "donation"]);
    assert!(french.contains("yes = oui ;") && french.contains(register), "{french}");
    let no = answered(&carnet, "donation", &["informed=no"]).data();
    assert_eq!(no["informed"], json!(false), "no is an answer");
    carnet.run(&["profile", "remove", &id(&kept)]).data();
    assert!(carnet.run(&["profile", "list", "donation"]).data().as_array().expect("a list").is_empty());
}

#[test]
fn the_forms_come_back_from_a_bundle_and_from_an_archive() {
    let (home, other) = (Home::new(), Home::new());
    let carnet = home.vault("vault", "Ana");
    answered(&carnet, "lifestyle", &["smoking=yes-every-day", "cigarettes=3", "alcohol-days=0"]).data();
    answered(&carnet, "donation", &["informed=no", "wish=Tout"]).data();
    let paper = home.file("directives.txt", "Je, soussignée, Ana...\n");
    let paper = id(&carnet.run(&["document", "add", text(&paper), "--category", "DIR_ANT"]).data()[0]);
    let items = HEALTHY.iter().flat_map(|item| ["--item", *item]);
    carnet.run(&["profile", "add", "directive", "--link", &paper].into_iter().chain(items).collect::<Vec<_>>()).data();
    let (archive, bundle) = (home.path("all.carnet"), home.path("all.json"));
    carnet.run(&["export", "--yes", "--out", text(&archive)]).data();
    carnet.run(&["export", "--yes", "--format", "fhir", "--out", text(&bundle)]).data();
    let forms = |carnet: &Carnet| {
        let list = carnet.run(&["profile", "list"]).data();
        let of = |kind: &str| list.as_array().expect("a list").iter().find(|one| one["kind"] == kind).cloned();
        let said = |kind: &str| {
            let mut own = of(kind).unwrap_or_else(|| panic!("no {kind} in {list}"));
            let own = own.as_object_mut().expect("an entry");
            own.retain(|field, _| field != "id" && field != "provenance");
            own.clone()
        };
        ["lifestyle", "donation", "directive"].map(said)
    };
    let told = forms(&carnet);
    for (name, file) in [("archive", &archive), ("bundle", &bundle)] {
        let reader = other.vault(name, "Ana");
        reader.run(&["import", text(file), "--accept-other-person"]).data();
        let papers = reader.run(&["document", "list"]).data();
        let mut told = told.clone();
        told[2].insert("links".to_owned(), json!({ id(&papers[0]): "document" }));
        assert_eq!(forms(&reader), told, "{name}: the paper is there, and led to");
    }
}
