//! Forms: kinds of facts that are questions with their answers, such as lifestyle. Whoever fills in, shows or writes one
//! asks the table of its questions, which is the one account of what may be answered.
//!
//! An answer that is not asked, because another answer does not call for it, is kept when it comes from elsewhere, and is
//! never shown as an answer. Nothing here judges what a person answers.

use crate::date::When;

/// What a question takes for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// One of these codes.
    Among(&'static [&'static str]),
    /// A whole number within these bounds.
    Number {
        /// Least number.
        low: u16,
        /// Greatest number.
        high: u16,
    },
    /// Words of the person: at most [`crate::validate::COMMENT_CHARS_MAX`] characters, no markup.
    Words,
    /// Yes or no, kept as `true` or `false`.
    YesNo,
}

impl Answers {
    /// Whether `answer` is one, but for what [`crate::validate`] says of words.
    pub fn take(&self, answer: &str) -> bool {
        match self {
            Self::Among(codes) => codes.contains(&answer),
            Self::Number { low, high } => answer.parse().is_ok_and(|number: u16| (*low..=*high).contains(&number)),
            Self::Words => !answer.trim().is_empty(),
            Self::YesNo => answer.parse::<bool>().is_ok(),
        }
    }
}

/// One question of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name of the field that holds the answer.
    pub field: &'static str,
    /// Name of the question in the national form, which other formats carry.
    pub code: &'static str,
    /// What it takes.
    pub answers: Answers,
    /// The field and the answer without which it is not asked.
    pub only_if: Option<(&'static str, &'static str)>,
    /// Whether a typed form needs an answer, where the question is asked.
    pub is_needed: bool,
}

impl Question {
    pub(crate) const fn new(code: &'static str, answers: Answers) -> Self {
        Self { field: "", code, answers, only_if: None, is_needed: false }
    }

    pub(crate) const fn only_if(self, field: &'static str, answer: &'static str) -> Self {
        Self { only_if: Some((field, answer)), ..self }
    }

    pub(crate) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    pub(crate) const fn of(self, field: &'static str) -> Self {
        Self { field, ..self }
    }
}

/// A fact that is a form.
pub trait Form {
    /// Its questions, in the order in which they are asked.
    fn questions(&self) -> &'static [Question];

    /// Since when the answers hold.
    fn at(&self) -> Option<When>;

    /// Says since when the answers hold.
    fn set_at(&mut self, at: Option<When>);

    /// The answer kept in `field`, asked or not.
    fn kept(&self, field: &str) -> Option<String>;

    /// Keeps an answer, or none; whether there is such a field, of a shape that holds it. [`Answers::take`] is not asked.
    fn keep(&mut self, field: &str, answer: Option<&str>) -> bool;

    /// Whether what was answered calls for the question.
    fn asks(&self, question: &Question) -> bool {
        question.only_if.is_none_or(|(field, answer)| self.kept(field).as_deref() == Some(answer))
    }

    /// The questions that are asked and their answers.
    fn answers(&self) -> Vec<(&'static Question, String)> {
        let asked = self.questions().iter().filter(|question| self.asks(question));
        asked.filter_map(|question| Some((question, self.kept(question.field)?))).collect()
    }
}

/// Takes away the answers to questions that are not asked, but for those in `given`.
pub fn settle(form: &mut dyn Form, given: &[&str]) {
    for question in form.questions() {
        if !form.asks(question) && !given.contains(&question.field) {
            form.keep(question.field, None);
        }
    }
}

/// Makes a form of its fields: the type, with `at` first, and what [`Form`] asks of it.
macro_rules! form {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident: $answer:ty = $question:expr,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// Since when the answers hold.
            pub at: Option<$crate::When>,
            $($(#[$doc])* pub $field: Option<$answer>,)+
        }

        impl $name {
            /// The questions, in the order in which they are asked.
            pub const QUESTIONS: &'static [$crate::form::Question] = &[$($question.of(stringify!($field))),+];
        }

        impl $crate::form::Form for $name {
            fn questions(&self) -> &'static [$crate::form::Question] {
                Self::QUESTIONS
            }

            fn at(&self) -> Option<$crate::When> {
                self.at
            }

            fn set_at(&mut self, at: Option<$crate::When>) {
                self.at = at;
            }

            fn kept(&self, field: &str) -> Option<String> {
                match field {
                    $(stringify!($field) => self.$field.as_ref().map(ToString::to_string),)+
                    _ => None,
                }
            }

            fn keep(&mut self, field: &str, answer: Option<&str>) -> bool {
                match field {
                    $(stringify!($field) => {
                        let read: Option<$answer> = answer.and_then(|answer| answer.parse().ok());
                        if read.is_none() && answer.is_some() {
                            return false;
                        }
                        self.$field = read;
                        true
                    })+
                    _ => false,
                }
            }
        }
    };
}

pub(crate) use form;
