//! Words for what the data names by slugs: kinds, origins, lines of the log, reasons of an import.
//!
//! Only pages use them. Programs get the slugs, which are the same in every language and stay what they are. A slug
//! that has no word here, such as the type that a telephone gives to a series, is shown as it stands.

use carnet_record::{
    Entry, Fact, Provenance, SectionKind,
    code::system,
    form::{Answers, Form, Question},
    kind::{
        Reminder, appointment::AppointmentState, donation::REFUSAL_REGISTER, measure::Moment,
        prevention::PreventionState, result::ResultValue, treatment::TreatmentRole,
    },
    measure::{KINDS, MeasureKind},
};

use crate::{
    form,
    i18n::{Argument, Message},
    msg,
    ui::Cell,
};

/// The kind of an entry, of a measure or of a series.
pub(crate) fn kind(slug: &str) -> Message {
    let labels = MeasureKind::from_slug(slug).map(|kind| (kind.label_fr, kind.label_en)).or_else(|| {
        let part = KINDS.iter().find_map(|kind| kind.component(slug))?;
        Some((part.label_fr, part.label_en))
    });
    match labels {
        Some((french, english)) => msg!("label", text = Argument::Label { french, english }),
        None => msg!("kind-name", kind = slug),
    }
}

/// What a fact is called in a list: its own name, or that of its measure.
pub(crate) fn name(fact: &Fact) -> Message {
    match fact {
        Fact::Absence(absence) => {
            msg!("absence-name", kind = absence.of.as_str(), meaning = absence.meaning.as_str())
        }
        Fact::Measure(measure) => kind(&measure.measure),
        Fact::Target(target) => kind(&target.measure),
        Fact::Directive(_) | Fact::Donation(_) | Fact::Lifestyle(_) => kind(fact.kind()),
        _ => msg!("label", text = fact.label()),
    }
}

/// What a list shows beside the name of a fact.
pub(crate) fn summary(fact: &Fact) -> Cell {
    let text = form::summary(fact);
    match fact {
        Fact::Directive(directive) => {
            let situation = directive.situation.as_ref().map(|situation| answer_code(situation.as_str()));
            situation.map_or_else(|| Cell::Text(text), Cell::Word)
        }
        Fact::Donation(_) => state(None, fact),
        Fact::Disability(disability) => {
            let rate = disability.rate.as_ref().map(|rate| msg!("disability-rate", rate = rate.as_str()));
            rate.map_or_else(|| Cell::Text(text), Cell::Word)
        }
        Fact::FamilyHistory(history) => {
            let relative = history.relative.as_ref().map(|relative| msg!("relative", who = relative.as_str()));
            relative.map_or_else(|| Cell::Text(text), Cell::Word)
        }
        Fact::Lifestyle(lifestyle) => Cell::Word(msg!("form-answers", count = lifestyle.answers().len())),
        Fact::Measure(_) | Fact::Target(_) => Cell::Figure(text),
        Fact::Reminder(reminder) => reminder_summary(reminder),
        Fact::Result(result) if matches!(result.value, Some(ResultValue::Quantity(_))) => Cell::Figure(text),
        _ => Cell::Text(text),
    }
}

fn reminder_summary(reminder: &Reminder) -> Cell {
    let times: Vec<String> = reminder.times.iter().map(ToString::to_string).collect();
    let (Some(period), Some(unit)) = (reminder.period, &reminder.period_unit) else { return times.join(", ").into() };
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    Cell::Word(msg!(
        "reminder-every",
        count = usize::from(period),
        unit = unit.as_str(),
        times = or_none(times.join(", ")),
        until = or_none(reminder.until.map(|until| until.to_string()).unwrap_or_default())
    ))
}

/// What a state of an entry says beside its name: of a form the answers that `before` did not have.
pub(crate) fn state(before: Option<&Fact>, fact: &Fact) -> Cell {
    let Some(form) = fact.form() else { return summary(fact) };
    let before = before.and_then(Fact::form);
    let said = |question: &Question, form: &dyn Form| {
        if form.asks(question) { form.kept(question.field) } else { None }
    };
    let changed = form.questions().iter().filter_map(|question| {
        let now = said(question, form);
        let is_new = before.map_or(now.is_some(), |before| said(question, before) != now);
        let answer = now.map_or_else(|| msg!("form-no-answer"), |now| answer(question, &now));
        is_new.then(|| msg!("form-answer", question = field(question.field), answer = answer))
    });
    Cell::Word(msg!("sentences", all = changed.collect::<Vec<_>>()))
}

/// What makes an entry other than current, where something does: that it was removed, that a treatment was stopped, that an
/// appointment was called off. The word of its source, which [`state_word`] says.
pub(crate) fn standing(entry: &Entry) -> Option<&str> {
    if entry.removed.is_some() {
        return Some("removed");
    }
    let state = match &entry.fact {
        Fact::Allergy(allergy) => allergy.clinical.as_deref(),
        Fact::Appointment(appointment) => appointment.state.as_ref().map(AppointmentState::as_str),
        Fact::Disease(disease) => disease.clinical.as_deref(),
        Fact::Document(document) => document.state.as_deref(),
        Fact::Prevention(prevention) => prevention.state.as_ref().map(PreventionState::as_str),
        Fact::Treatment(treatment) => match treatment.role {
            TreatmentRole::Dispensation | TreatmentRole::Reimbursement => Some(treatment.role.as_str()),
            _ => treatment.state.as_deref(),
        },
        // One that was given is whole.
        Fact::Vaccination(vaccination) => vaccination.state.as_deref().filter(|state| *state != "completed"),
        _ => None,
    };
    state.filter(|state| !CURRENT.contains(state))
}

/// States that go without saying in a list.
const CURRENT: [&str; 5] = ["NOT_SPECIFIED", "active", "booked", "current", "unknown"];

/// A state of an entry as a word.
pub(crate) fn state_word(state: &str) -> Message {
    msg!("state-name", state = state)
}

/// Where a refusal of organ donation is entered, beside what a person says of it.
pub(crate) fn register(fact: &Fact) -> Option<Message> {
    matches!(fact, Fact::Donation(_)).then(|| msg!("donation-register", address = REFUSAL_REGISTER))
}

/// An answer to a question of a form.
pub(crate) fn answer(question: &Question, answer: &str) -> Message {
    match (question.answers, answer) {
        (Answers::Among(_), code) => answer_code(code),
        (Answers::YesNo, "true") => answer_code("YES"),
        (Answers::YesNo, "false") => answer_code("NO"),
        _ => msg!("label", text = answer),
    }
}

/// A code of a form.
pub(crate) fn answer_code(code: &str) -> Message {
    msg!("answer-name", code = code)
}

/// A field of an entry by its path, each part of it in words: `codings.2.code` is the code of the second one.
pub(crate) fn field(path: &str) -> Message {
    let mut parts = path.split('.').map(|name| msg!("field-word", name = name));
    let first = parts.next().unwrap_or_else(|| msg!("field-word", name = path));
    parts.fold(first, |outer, inner| msg!("field-of", outer = outer, inner = inner))
}

/// The value of a field of an entry: in words where it is a code of the national form, else as it stands.
pub(crate) fn value(kind: &str, path: &str, text: String) -> Cell {
    let name = path.split('.').next().unwrap_or_default();
    let part = path.rsplit('.').next().unwrap_or_default();
    match (kind, name) {
        ("contact", "relation") => msg!("contact-relation", who = text).into(),
        ("contact", "sort") => msg!("contact-sort", sort = text).into(),
        ("contact", "types") => msg!("contact-type", part = text).into(),
        ("disability", "human_help") => answer_code(&text).into(),
        ("disability", "rate") => msg!("disability-rate", rate = text).into(),
        ("encounter", "duration_unit") | ("reminder", "period_unit") => msg!("calendar-unit", unit = text).into(),
        ("disability", "types") => msg!("disability-type", about = text).into(),
        ("appointment" | "document" | "prevention" | "treatment" | "vaccination", "state")
        | ("treatment", "role")
        | ("allergy" | "disease", "clinical") => state_word(&text).into(),
        ("identity" | "contact", "sex") => msg!("sex-name", sex = text).into(),
        ("vaccination", "administration") => msg!("administration-name", sort = text).into(),
        ("allergy", "criticality") => msg!("level-name", level = text).into(),
        ("encounter", "class") if part == "code" => msg!("encounter-class", class = text).into(),
        ("measure", "moment") => moment(&text).into(),
        ("prevention", "requirement") => msg!("due-need", need = text).into(),
        ("family-history", "relative") => msg!("relative", who = text).into(),
        _ if part == "system" => code_system(text),
        _ if text == "true" => answer_code("YES").into(),
        _ if text == "false" => answer_code("NO").into(),
        _ => text.into(),
    }
}

/// A code system by the name that people know it by, or its address.
fn code_system(address: String) -> Cell {
    let known = [
        (system::ATC, "ATC"),
        (system::CIP, "CIP"),
        (system::CIS, "CIS"),
        (system::CVX, "CVX"),
        (system::ICD10, "CIM-10 (ICD-10)"),
        (system::LOINC, "LOINC"),
        (system::RXNORM, "RxNorm"),
        (system::SNOMED, "SNOMED CT"),
        (system::UCD, "UCD"),
        (system::UCUM, "UCUM"),
    ];
    let name = known.into_iter().find(|(own, _)| *own == address).map(|(_, name)| name.to_owned());
    name.unwrap_or(address).into()
}

/// The circumstance of a glucose, by its word in the command line or its code.
pub(crate) fn moment(text: &str) -> Message {
    let known = Moment::from_slug(text);
    msg!("moment-name", moment = known.as_ref().map_or(text, Moment::slug))
}

/// A section of the record.
pub(crate) fn section(section: SectionKind) -> Message {
    msg!("section-name", section = section.as_str())
}

/// How an entry came into the record, and who says it.
pub(crate) fn origin(provenance: &Provenance) -> Message {
    let source = provenance.source.as_ref().map(|source| source.name.clone());
    let author = provenance.author.as_ref().and_then(|author| author.name.clone());
    let parts = [source, provenance.application.clone(), author].into_iter().flatten();
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let origin = msg!("origin-name", origin = provenance.origin.as_str());
    if parts.is_empty() { origin } else { msg!("origin-of", origin = origin, names = parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use carnet_record::{
        kind::{
            Absence, Measure,
            absence::{AbsenceMeaning, AbsenceOf},
            contact::{ContactSort, ContactType},
            disability::{DisabilityRate, DisabilityType, HumanHelp},
            family_history::Relative,
        },
        provenance::Origin,
    };

    use super::*;
    use crate::i18n::{Language, Texts};

    fn said(message: &Message) -> [String; 2] {
        [Language::French, Language::English].map(|language| Texts::new(language).say(message))
    }

    /// Neither language shows the slug: a word was found.
    fn assert_has_words(slug: &str, message: &Message) {
        for text in said(message) {
            assert!(!text.is_empty() && text != slug && !text.contains('{'), "{slug}: {text}");
        }
    }

    #[test]
    fn everything_that_the_record_names_has_words() {
        let measures =
            KINDS.iter().flat_map(|kind| [kind.slug].into_iter().chain(kind.components.iter().map(|part| part.slug)));
        for slug in Fact::KINDS.iter().copied().chain(measures) {
            assert_has_words(slug, &kind(slug));
        }
        for of in SectionKind::ALL {
            let text = &said(&section(of))[0];
            assert!(
                matches!(
                    of,
                    SectionKind::Agenda | SectionKind::Contacts | SectionKind::Documents | SectionKind::Messages
                ) || text != of.as_str(),
                "{text}"
            );
        }
        for slug in Origin::KNOWN {
            let provenance = Provenance { origin: Origin::from(*slug), ..Provenance::default() };
            assert_ne!(said(&origin(&provenance))[0], *slug);
        }
    }

    #[test]
    fn every_field_of_every_kind_has_words() {
        for row in Fact::KINDS.iter().flat_map(|kind| carnet_interop::mapping::rows_of(kind)) {
            let [french, english] = said(&field(row.field));
            assert_ne!((french.as_str(), english.as_str()), (row.field, row.field), "{}", row.kind);
            assert!(!french.contains('_') && !english.contains('_'), "{french}, {english}");
        }
        assert_eq!(said(&field("names.2.given")), ["Noms › 2 › Prénoms", "Names › 2 › Given names"]);
    }

    #[test]
    fn the_codes_of_contacts_disabilities_and_relatives_have_words() {
        let relations = ["MOTHER", "FATHER", "CHILD", "SPOUSE", "TUTEUR", "OTHER"];
        for (kind, field, codes) in [
            ("contact", "relation", &relations[..]),
            ("contact", "sort", ContactSort::KNOWN),
            ("contact", "types", ContactType::KNOWN),
            ("disability", "human_help", HumanHelp::KNOWN),
            ("disability", "rate", DisabilityRate::KNOWN),
            ("disability", "types", DisabilityType::KNOWN),
            ("family-history", "relative", Relative::KNOWN),
        ] {
            for code in codes {
                let Cell::Word(message) = value(kind, field, (*code).to_owned()) else { panic!("{field} {code}") };
                assert_has_words(code, &message);
            }
        }
        assert_eq!(value("contact", "role", "MOTHER".to_owned()), Cell::Text("MOTHER".to_owned()));
    }

    #[test]
    fn every_answer_of_every_form_has_words() {
        for kind in Fact::KINDS {
            let fact = Fact::from_fields(serde_json::Map::from_iter([("kind".to_owned(), (*kind).into())])).0;
            for question in fact.form().map(Form::questions).unwrap_or_default() {
                let codes: &[&str] = match question.answers {
                    Answers::Among(codes) => codes,
                    Answers::YesNo => &["true", "false"],
                    _ => &[],
                };
                for code in codes {
                    assert_has_words(code, &answer(question, code));
                }
                assert_has_words(question.field, &field(question.field));
            }
        }
    }

    #[test]
    fn an_absence_says_what_is_meant() {
        for of in AbsenceOf::KNOWN {
            for meaning in AbsenceMeaning::KNOWN {
                let absence =
                    Absence { of: AbsenceOf::from(*of), meaning: AbsenceMeaning::from(*meaning), ..Absence::default() };
                for text in said(&name(&Fact::from(absence))) {
                    assert!(!text.contains(of) && !text.contains(meaning), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_another_program_named_is_shown_as_it_stands() {
        let measure = Measure { measure: "HKQuantityTypeIdentifierBloodGlucose".to_owned(), ..Measure::default() };
        assert_eq!(said(&name(&Fact::from(measure)))[0], "HKQuantityTypeIdentifierBloodGlucose");
        assert_eq!(said(&kind("blood-pressure")), ["Tension artérielle", "Blood pressure"]);
    }
}
