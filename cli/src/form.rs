//! From the options of `add` and `edit` to a fact of the record.
//!
//! A form only fills in; the rules of the record decide (`carnet_record::validate`), and this module says them in the
//! person's language. An empty value takes a field away. No refusal repeats a value.

pub(crate) mod agenda;
pub(crate) mod contact;
pub(crate) mod document;
pub(crate) mod items;
pub(crate) mod measure;
pub(crate) mod profile;

use carnet_record::{
    Coding, Concept, Draft, Fact, When, ZoneHistory,
    code::system,
    kind::{Directive, Donation, Lifestyle},
    validate::{Violation, Warning},
};

use crate::{
    error::Failure,
    i18n::{Argument, Message},
    input, msg, words,
};

/// Fills `slot` with a text that was given; an empty one clears it.
fn fill(slot: &mut Option<String>, given: Option<&String>) {
    if let Some(text) = given {
        let text = text.trim();
        *slot = (!text.is_empty()).then(|| text.to_owned());
    }
}

/// Fills `slot` with a time that was given; an empty one clears it.
fn fill_when(
    slot: &mut Option<When>,
    option: &'static str,
    given: Option<&String>,
    zones: &ZoneHistory,
) -> Result<(), Failure> {
    if let Some(text) = given {
        *slot = if text.trim().is_empty() { None } else { Some(input::when(option, text, zones)?) };
    }
    Ok(())
}

/// Refuses the first option that was given and means nothing for the kind.
fn only(kind: &str, given: &[(&'static str, bool)], meant: &[&str]) -> Result<(), Failure> {
    match given.iter().find(|(option, is_given)| *is_given && !meant.contains(option)) {
        Some((option, _)) => Err(Failure::Usage(msg!("usage-not-for-kind", option = *option, kind = kind))),
        None => Ok(()),
    }
}

/// Adds the codes written `SYSTEM|CODE` to `concept`.
fn add_codes(concept: &mut Concept, option: &'static str, given: &[String]) -> Result<(), Failure> {
    for text in given {
        let (name, code) = text.split_once('|').unwrap_or(("", text));
        let system = known_system(name.trim()).ok_or(Failure::BadCode(option))?;
        if code.trim().is_empty() {
            return Err(Failure::BadCode(option));
        }
        concept.codings.push(Coding::new(system, code.trim()));
    }
    Ok(())
}

/// The address of a code system, by its short name or as it is.
fn known_system(name: &str) -> Option<&str> {
    let known = match name.to_ascii_lowercase().as_str() {
        "atc" => system::ATC,
        "cim10" | "cim-10" | "icd10" | "icd-10" => system::ICD10,
        "cip" => system::CIP,
        "cis" => system::CIS,
        "loinc" => system::LOINC,
        "snomed" => system::SNOMED,
        "ucd" => system::UCD,
        _ if name.contains(':') => name,
        _ => return None,
    };
    Some(known)
}

/// Holds `draft` to the rules. Gives what the person should know although it is kept.
pub(crate) fn check(draft: &Draft) -> Result<Vec<Message>, Failure> {
    match draft.validate() {
        Ok(warnings) => Ok(warnings.iter().map(remark).collect()),
        Err(violations) => Err(Failure::Rules(violations.iter().map(rule).collect())),
    }
}

/// A broken rule, as a sentence.
pub(crate) fn rule(violation: &Violation) -> Message {
    match violation {
        Violation::AnswerOutOfBounds { field, low, high } => {
            msg!("rule-answer-bounds", field = field_name(field), low = usize::from(*low), high = usize::from(*high))
        }
        Violation::AnswerUnknown { field } => msg!("rule-answer", field = field_name(field)),
        Violation::BeforeBirth => msg!("rule-before-birth"),
        Violation::CharacterRefused { field } => msg!("rule-character", field = field_name(field)),
        Violation::ComponentMissing { kind, component } => {
            msg!("rule-component", kind = words::kind(kind), component = words::kind(component))
        }
        Violation::Computed { kind } => msg!("rule-computed", kind = words::kind(kind)),
        Violation::DaysForbidden { kind } => msg!("rule-days-forbidden", kind = words::kind(kind)),
        Violation::DaysMissing { kind } => msg!("rule-days-missing", kind = words::kind(kind)),
        Violation::DaysZero => msg!("rule-days-zero"),
        Violation::DiastolicNotBelowSystolic => msg!("rule-diastolic"),
        Violation::EndBeforeStart => msg!("rule-end-before-start"),
        Violation::Markup { field } => msg!("rule-markup", field = field_name(field)),
        Violation::Missing { field } => msg!("rule-missing", field = field_name(field)),
        Violation::MomentForbidden { kind } => msg!("rule-moment-forbidden", kind = words::kind(kind)),
        Violation::MomentMissing { kind } => msg!("rule-moment-missing", kind = words::kind(kind)),
        Violation::NotAsked { field, other, answer } => msg!(
            "rule-not-asked",
            field = field_name(field),
            other = field_name(other),
            answer = words::answer_code(answer)
        ),
        Violation::NotWhole { kind } => msg!("rule-not-whole", kind = words::kind(kind)),
        Violation::OutOfBounds { kind, low, high, unit } => {
            let figure = |value: &dyn std::fmt::Display| Argument::Figure(format!("{value} {unit}"));
            msg!("rule-bounds", kind = words::kind(kind), low = figure(low), high = figure(high))
        }
        Violation::PostalCode => msg!("rule-postal-code"),
        Violation::TooLong { field, max } => msg!("rule-too-long", field = field_name(field), max = *max),
        Violation::TooMany { field, max } => msg!("rule-too-many", field = field_name(field), max = *max),
        Violation::UnitUnknown { kind, unit } => {
            msg!("rule-unit", kind = words::kind(kind), unit = Argument::Figure(format!(" {unit}")))
        }
        Violation::ValueForbidden { kind } => msg!("rule-value-forbidden", kind = words::kind(kind)),
        other => msg!("rule-other", rule = other.reason()),
    }
}

/// A field of an entry, in words; that of a form is its question.
fn field_name(field: &str) -> Message {
    let questions = [Directive::QUESTIONS, Donation::QUESTIONS, Lifestyle::QUESTIONS];
    let is_question = questions.into_iter().flatten().any(|question| question.field == field);
    if is_question { words::field(field) } else { msg!("field-name", field = field) }
}

fn remark(warning: &Warning) -> Message {
    match warning {
        Warning::FinessKeyWrong => msg!("remark-finess-key"),
        Warning::InsKeyWrong => msg!("remark-ins-key"),
        Warning::RppsKeyWrong => msg!("remark-rpps-key"),
        Warning::Unusual(violation) => rule(violation),
        other => msg!("rule-other", rule = other.reason()),
    }
}

/// What a list shows beside the name of a fact: the value of a measure, the dosage of a treatment.
pub(crate) fn summary(fact: &Fact) -> String {
    match fact {
        Fact::Allergy(allergy) => allergy.criticality.clone().unwrap_or_default(),
        Fact::Appointment(appointment) => appointment.place.clone().unwrap_or_default(),
        Fact::BloodGroup(group) => group.group.sign(),
        Fact::Contact(contact) => contact.telecoms.first().map(|telecom| telecom.value.clone()).unwrap_or_default(),
        Fact::Disease(disease) => disease.end.map(|end| format!("- {end}")).unwrap_or_default(),
        Fact::Document(document) => document.category.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        Fact::Measure(measure) => measure::value_text(measure),
        Fact::Result(result) => measure::result_text(result),
        Fact::Target(target) => measure::range_text(target),
        Fact::Treatment(treatment) => treatment.dosage.clone().unwrap_or_default(),
        Fact::Vaccination(vaccination) => vaccination.lot.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_system() {
        let mut concept = Concept::default();
        let given = ["cim10|E11.9".to_owned(), "http://loinc.org|4548-4".to_owned()];
        add_codes(&mut concept, "--code", &given).unwrap();
        assert!(concept.has(system::ICD10, "E11.9") && concept.has(system::LOINC, "4548-4"));
        for wrong in ["E11.9", "cim10|", "inconnu|X", "|X"] {
            let refused = add_codes(&mut Concept::default(), "--code", &[wrong.to_owned()]);
            assert_eq!(refused, Err(Failure::BadCode("--code")), "{wrong}");
        }
    }

    #[test]
    fn an_empty_value_takes_a_field_away() {
        let mut slot = Some("x".to_owned());
        fill(&mut slot, None);
        assert_eq!(slot.as_deref(), Some("x"));
        fill(&mut slot, Some(&"  ".to_owned()));
        assert_eq!(slot, None);
        let mut when = Some(input::when("--end", "2020", &ZoneHistory::utc()).unwrap());
        fill_when(&mut when, "--end", Some(&String::new()), &ZoneHistory::utc()).unwrap();
        assert_eq!(when, None);
    }

    #[test]
    fn an_option_that_means_nothing_is_refused_by_its_name() {
        let refused = only("allergy", &[("--name", true), ("--dosage", true)], &["--name"]).unwrap_err();
        assert_eq!(refused.exit().code(), 2);
    }
}
