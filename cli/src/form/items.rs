//! Answers to the questions of a form, as `--item NAME=VALUE` gives them.
//!
//! Names and codes are typed as the command line writes everything: small letters and hyphens.

use carnet_record::form::{Answers, Form, Question, settle};

use crate::{error::Failure, msg};

/// Keeps what was given, and takes away the answers to questions that are then no longer asked.
pub(super) fn apply(form: &mut dyn Form, given: &[String]) -> Result<(), Failure> {
    let mut fields = Vec::new();
    for text in given {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let question = question(form, name)?;
        let answer = if value.trim().is_empty() { None } else { Some(answer(question, value.trim())?) };
        if !form.keep(question.field, answer.as_deref()) {
            return Err(Failure::BadNumber("--item"));
        }
        fields.push(question.field);
    }
    settle(form, &fields);
    Ok(())
}

/// What to type for the name of a question, or for one of its codes.
pub(crate) fn typed(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// What may be typed for an answer; nothing for words of one's own.
pub(crate) fn choices(question: &Question) -> Vec<String> {
    match question.answers {
        Answers::Among(codes) => codes.iter().map(|code| typed(code)).collect(),
        Answers::Number { low, high } => vec![format!("{low}-{high}")],
        Answers::YesNo => vec!["yes".to_owned(), "no".to_owned()],
        Answers::Words => Vec::new(),
    }
}

fn question(form: &dyn Form, name: &str) -> Result<&'static Question, Failure> {
    let questions = form.questions();
    let known = questions.iter().find(|question| typed(question.field) == typed(name.trim()));
    let names = || questions.iter().map(|question| typed(question.field)).collect::<Vec<_>>().join(", ");
    known.ok_or_else(|| Failure::Usage(msg!("usage-value-among", option = "--item", values = names())))
}

/// The answer as the record keeps it. Bounds are for the rules of the record to refuse.
fn answer(question: &Question, value: &str) -> Result<String, Failure> {
    let known = match question.answers {
        Answers::Among(codes) => codes.iter().find(|code| typed(code) == typed(value)).map(|code| (*code).to_owned()),
        Answers::YesNo => match typed(value).as_str() {
            "yes" | "oui" => Some("true".to_owned()),
            "no" | "non" => Some("false".to_owned()),
            _ => None,
        },
        Answers::Number { .. } | Answers::Words => Some(value.to_owned()),
    };
    let option = || format!("--item {}", typed(question.field));
    let among = || msg!("usage-value-among", option = option(), values = choices(question).join(", "));
    known.ok_or_else(|| Failure::Usage(among()))
}

#[cfg(test)]
mod tests {
    use carnet_record::kind::{Lifestyle, lifestyle::Smoking};

    use super::*;

    fn given(items: &[&str]) -> Result<Lifestyle, Failure> {
        let mut lifestyle = Lifestyle { cigarettes: Some(3), smoking: Some(Smoking::EveryDay), ..Lifestyle::default() };
        apply(&mut lifestyle, &items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>())?;
        Ok(lifestyle)
    }

    #[test]
    fn an_answer_is_one_of_its_question_and_takes_away_what_is_no_longer_asked() {
        let own = given(&["smoking=no", "exercise-days = NEVER", "alcohol_days=9"]).unwrap();
        assert_eq!((own.smoking, own.cigarettes, own.alcohol_days), (Some(Smoking::No), None, Some(9)));
        assert!(own.exercise_days.is_some(), "what was given is for the rules to refuse");
        assert_eq!(given(&["cigarettes=12"]).unwrap().cigarettes, Some(12));
        assert_eq!(given(&["cigarettes="]).unwrap().cigarettes, None);
        for (wrong, code) in [("colour=blue", "usage"), ("smoking=maybe", "usage"), ("cigarettes=many", "bad_number")] {
            assert_eq!(given(&[wrong]).unwrap_err().code(), code, "{wrong}");
        }
    }
}
