//! Every rule that a draft must keep, with one error for each.
//!
//! A rule binds what a person types. What a file says is kept, and the broken rule becomes a warning
//! ([`crate::Draft::validate`]). No error carries text of the draft.

mod agenda;
mod measure;

use self::{
    agenda::{prevention, reminder},
    measure::{measure, target},
};
use crate::{
    date::{Day, PartialDate, When},
    draft::Draft,
    entry::Status,
    form::{Answers, Form, Question},
    kind::{Contact, Disability, Encounter, Fact, Identity, family_history::Relative},
    person::Identifier,
    quantity::Decimal,
};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The body-mass index is computed from weight and height, never typed.
    #[error("{kind} is computed and cannot be typed")]
    Computed {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// A control character in a name or title: a line end, a tabulator, an escape.
    #[error("the field {field} holds a control character")]
    CharacterRefused {
        /// Name of the field.
        field: &'static str,
    },
    /// A component of the kind is missing.
    #[error("{kind} needs its component {component}")]
    ComponentMissing {
        /// Slug of the kind.
        kind: &'static str,
        /// Slug of the component.
        component: &'static str,
    },
    /// A number of days does not go with the kind.
    #[error("a number of days does not go with {kind}")]
    DaysForbidden {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// The kind needs a number of days.
    #[error("{kind} needs the number of days it is about")]
    DaysMissing {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// A number of days must be above zero.
    #[error("a number of days must be above zero")]
    DaysZero,
    /// No answer that the question takes.
    #[error("the field {field} holds no answer to its question")]
    AnswerUnknown {
        /// Name of the field.
        field: &'static str,
    },
    /// A number that the question does not take.
    #[error("{field} must be a whole number from {low} to {high}")]
    AnswerOutOfBounds {
        /// Name of the field.
        field: &'static str,
        /// Least number.
        low: u16,
        /// Greatest number.
        high: u16,
    },
    /// An answer to a question that another answer does not call for.
    #[error("{field} is asked only when {other} is {answer}")]
    NotAsked {
        /// Name of the field.
        field: &'static str,
        /// Name of the field that decides.
        other: &'static str,
        /// The answer that calls for the question.
        answer: &'static str,
    },
    /// The diastolic pressure is not below the systolic one.
    #[error("the systolic pressure must be above the diastolic one")]
    DiastolicNotBelowSystolic,
    /// The end lies before the start.
    #[error("the end lies before the start")]
    EndBeforeStart,
    /// A field that is needed is empty.
    #[error("the field {field} is needed")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A circumstance does not go with the kind.
    #[error("a moment does not go with {kind}")]
    MomentForbidden {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// The kind needs its circumstance.
    #[error("{kind} needs its moment (fasting, after a meal…)")]
    MomentMissing {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// The value must be a whole number.
    #[error("{kind} must be a whole number")]
    NotWhole {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// The value lies outside the plausible bounds.
    #[error("{kind} must lie between {low} and {high} {unit}")]
    OutOfBounds {
        /// Slug of the kind or component.
        kind: &'static str,
        /// Least value.
        low: Decimal,
        /// Greatest value.
        high: Decimal,
        /// Unit of both.
        unit: &'static str,
    },
    /// A French postal code that has not five digits.
    #[error("a French postal code has five digits")]
    PostalCode,
    /// More of something than an entry may have.
    #[error("the field {field} has more than {max}")]
    TooMany {
        /// Name of the field.
        field: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// The text is longer than allowed.
    #[error("the field {field} has more than {max} characters")]
    TooLong {
        /// Name of the field.
        field: &'static str,
        /// Most characters.
        max: usize,
    },
    /// The unit does not belong to the kind.
    #[error("the unit does not go with {kind}, which takes {unit}")]
    UnitUnknown {
        /// Slug of the kind or component.
        kind: &'static str,
        /// Its unit.
        unit: &'static str,
    },
    /// A value of its own does not go with a kind that has components.
    #[error("{kind} has components and no value of its own")]
    ValueForbidden {
        /// Slug of the kind.
        kind: &'static str,
    },
    /// Markup in a text.
    #[error("the field {field} holds markup")]
    Markup {
        /// Name of the field.
        field: &'static str,
    },
    /// Something dated before the birth of the person.
    #[error("the date lies before the birth date")]
    BeforeBirth,
}

/// A remark on a draft that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The check digits of a claimed INS are wrong. Never a refusal.
    InsKeyWrong,
    /// The check digit of an RPPS number is wrong.
    RppsKeyWrong,
    /// The check digit of a FINESS number is wrong.
    FinessKeyWrong,
    /// What a file says breaks a rule that binds what is typed.
    Unusual(Violation),
}

impl Warning {
    /// The reason as a slug for the import report.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InsKeyWrong => "ins-key-wrong",
            Self::RppsKeyWrong => "rpps-key-wrong",
            Self::FinessKeyWrong => "finess-key-wrong",
            Self::Unusual(violation) => violation.reason(),
        }
    }
}

impl Violation {
    /// The rule as a slug.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Computed { .. } => "computed",
            Self::CharacterRefused { .. } => "character-refused",
            Self::ComponentMissing { .. } => "component-missing",
            Self::AnswerUnknown { .. } => "answer-unknown",
            Self::NotAsked { .. } => "not-asked",
            Self::DaysForbidden { .. } => "days-forbidden",
            Self::DaysMissing { .. } => "days-missing",
            Self::DaysZero => "days-zero",
            Self::DiastolicNotBelowSystolic => "diastolic-not-below-systolic",
            Self::EndBeforeStart => "end-before-start",
            Self::Missing { .. } => "missing",
            Self::MomentForbidden { .. } => "moment-forbidden",
            Self::MomentMissing { .. } => "moment-missing",
            Self::NotWhole { .. } => "not-whole",
            Self::OutOfBounds { .. } | Self::AnswerOutOfBounds { .. } => "out-of-bounds",
            Self::PostalCode => "postal-code",
            Self::TooLong { .. } => "too-long",
            Self::TooMany { .. } => "too-many",
            Self::UnitUnknown { .. } => "unit-unknown",
            Self::ValueForbidden { .. } => "value-forbidden",
            Self::Markup { .. } => "markup",
            Self::BeforeBirth => "before-birth",
        }
    }
}

/// Whether the fact is dated before `birth`: every day it may mean lies before every day of birth. The vault asks this,
/// because only it knows the identity sheet.
pub fn check_birth(fact: &Fact, birth: PartialDate) -> Result<(), Violation> {
    let before = fact.when().is_some_and(|when| when.date().is_surely_before(birth));
    if before && !matches!(fact, Fact::Identity(_)) { Err(Violation::BeforeBirth) } else { Ok(()) }
}

/// Whether the fact lies after `today`. Future instants happen in real exports: a flag, never a refusal.
pub fn is_future(fact: &Fact, today: Day) -> bool {
    let may_lie_ahead =
        matches!(fact, Fact::Appointment(_) | Fact::Prevention(_) | Fact::Reminder(_) | Fact::Treatment(_));
    !may_lie_ahead && fact.when().is_some_and(|when| when.date().earliest() > today)
}

/// Every rule that the draft breaks.
pub(crate) fn violations(draft: &Draft) -> Vec<Violation> {
    let mut found = Vec::new();
    let comment_max = match draft.fact {
        Fact::Measure(_) => MEASURE_COMMENT_CHARS_MAX,
        Fact::Appointment(_) | Fact::Prevention(_) | Fact::Reminder(_) => APPOINTMENT_COMMENT_CHARS_MAX,
        _ => COMMENT_CHARS_MAX,
    };
    free_text(&mut found, "comment", draft.comment.as_deref(), comment_max);
    match &draft.fact {
        Fact::Disability(value) => disability(&mut found, value),
        Fact::Disease(disease) => {
            name(&mut found, disease.name.as_deref());
            order(&mut found, disease.start, disease.end);
        }
        Fact::Treatment(treatment) => {
            name(&mut found, treatment.name.as_deref());
            free_text(&mut found, "dosage", treatment.dosage.as_deref(), DOSAGE_CHARS_MAX);
            order(&mut found, treatment.start, treatment.end);
        }
        Fact::Allergy(allergy) => name(&mut found, allergy.name.as_deref()),
        Fact::BloodGroup(group) if !group.group.is_known() => found.push(Violation::Missing { field: "group" }),
        Fact::Vaccination(vaccination) => {
            needed(&mut found, "name", vaccination.name.as_deref());
            length(&mut found, "lot", vaccination.lot.as_deref(), LOT_CHARS_MAX);
            if vaccination.at.is_none() && draft.status != Status::NotDone {
                found.push(Violation::Missing { field: "at" });
            }
        }
        Fact::Measure(value) => measure(&mut found, value),
        Fact::Document(document) => {
            needed(&mut found, "title", document.title.as_deref());
            length(&mut found, "title", document.title.as_deref(), NAME_CHARS_MAX);
            characters(&mut found, "title", document.title.as_deref());
        }
        Fact::Appointment(appointment) => {
            needed(&mut found, "title", appointment.title.as_deref());
            length(&mut found, "title", appointment.title.as_deref(), NAME_CHARS_MAX);
            characters(&mut found, "title", appointment.title.as_deref());
            order(&mut found, appointment.start, appointment.end);
            if appointment.start.is_none() {
                found.push(Violation::Missing { field: "start" });
            }
        }
        Fact::Contact(value) => contact(&mut found, value),
        Fact::Procedure(procedure) => {
            name(&mut found, procedure.name.as_deref());
            order(&mut found, procedure.start, procedure.end);
        }
        Fact::Encounter(value) => encounter(&mut found, value),
        Fact::Target(value) => target(&mut found, value),
        Fact::Prevention(value) => prevention(&mut found, value),
        Fact::Reminder(value) => reminder(&mut found, value),
        Fact::FamilyHistory(history) => {
            name(&mut found, history.name.as_deref());
            if !history.relative.as_ref().is_some_and(Relative::is_known) {
                found.push(Violation::Missing { field: "relative" });
            }
        }
        Fact::Identity(value) => identity(&mut found, value),
        _ => {}
    }
    if let Some(own) = draft.fact.form() {
        form(&mut found, own);
    }
    found
}

/// Warnings about check digits, wherever the fact holds identifiers.
pub(crate) fn doubtful_identifiers(fact: &Fact) -> Vec<Warning> {
    let identifiers: &[Identifier] = match fact {
        Fact::Identity(identity) => &identity.identifiers,
        Fact::Contact(contact) => &contact.identifiers,
        _ => &[],
    };
    identifiers.iter().filter(|identifier| identifier.check_digits_hold() == Some(false)).map(doubt).collect()
}

fn doubt(identifier: &Identifier) -> Warning {
    match identifier.system.as_str() {
        _ if identifier.is_ins() => Warning::InsKeyWrong,
        crate::person::FINESS_SYSTEM => Warning::FinessKeyWrong,
        _ => Warning::RppsKeyWrong,
    }
}

fn contact(found: &mut Vec<Violation>, contact: &Contact) {
    if contact.label().is_empty() {
        found.push(Violation::Missing { field: "name" });
    }
    for part in contact.name.family.iter().chain(&contact.name.given).chain(&contact.organisation) {
        length(found, "name", Some(part), NAME_CHARS_MAX);
        characters(found, "name", Some(part));
    }
    for address in &contact.addresses {
        for line in &address.lines {
            length(found, "street", Some(line), STREET_CHARS_MAX);
        }
        length(found, "city", address.city.as_deref(), NAME_CHARS_MAX);
        length(found, "country", address.country.as_deref(), NAME_CHARS_MAX);
        length(found, "postal-code", address.postal_code.as_deref(), NAME_CHARS_MAX);
        let parts = address.lines.iter().chain(&address.city).chain(&address.country).chain(&address.postal_code);
        for part in parts {
            characters(found, "street", Some(part));
        }
        let is_french = address
            .country
            .as_deref()
            .is_none_or(|country| ["france", "fr", "fra"].iter().any(|name| country.trim().eq_ignore_ascii_case(name)));
        let is_code = |code: &str| code.len() == POSTAL_CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
        if is_french && address.postal_code.as_deref().is_some_and(|code| !is_code(code)) {
            found.push(Violation::PostalCode);
        }
    }
    order(found, contact.start, contact.end);
}

fn encounter(found: &mut Vec<Violation>, encounter: &Encounter) {
    name(found, encounter.name.as_deref());
    order(found, encounter.start, encounter.end);
    match encounter.duration {
        Some(0) => found.push(Violation::DaysZero),
        Some(length) if length > STAY_DURATION_MAX => {
            found.push(Violation::TooLong { field: "duration", max: STAY_DURATION_DIGITS_MAX });
        }
        _ => {}
    }
}

/// A form has one answer at least, and each is one that its question takes.
fn form(found: &mut Vec<Violation>, form: &dyn Form) {
    if form.questions().iter().all(|question| form.kept(question.field).is_none()) {
        found.push(Violation::Missing { field: "item" });
    }
    for question in form.questions() {
        match (form.kept(question.field), question.only_if) {
            (Some(answer), _) if form.asks(question) => answered(found, question, &answer),
            (Some(_), Some((other, answer))) => {
                found.push(Violation::NotAsked { field: question.field, other, answer });
            }
            (None, _) if question.is_needed && form.asks(question) => {
                found.push(Violation::Missing { field: question.field });
            }
            _ => {}
        }
    }
}

fn answered(found: &mut Vec<Violation>, question: &Question, answer: &str) {
    let field = question.field;
    match question.answers {
        answers if answers.take(answer) => {}
        Answers::Number { low, high } => found.push(Violation::AnswerOutOfBounds { field, low, high }),
        _ => found.push(Violation::AnswerUnknown { field }),
    }
    if question.answers == Answers::Words {
        free_text(found, field, Some(answer), COMMENT_CHARS_MAX);
    }
}

/// Mon espace santé asks for what a disability is about and whether somebody helps.
fn disability(found: &mut Vec<Violation>, disability: &Disability) {
    name(found, disability.name.as_deref());
    if disability.types.is_empty() {
        found.push(Violation::Missing { field: "types" });
    }
    if disability.human_help.is_none() {
        found.push(Violation::Missing { field: "human-help" });
    }
    length(found, "technical-help", disability.technical_help.as_deref(), NAME_CHARS_MAX);
    characters(found, "technical-help", disability.technical_help.as_deref());
}

fn identity(found: &mut Vec<Violation>, identity: &Identity) {
    if identity.names.iter().all(crate::person::HumanName::is_empty) {
        found.push(Violation::Missing { field: "names" });
    }
    let parts = identity.names.iter().flat_map(|name| name.family.iter().chain(&name.given));
    for part in parts {
        length(found, "names", Some(part), NAME_CHARS_MAX);
        characters(found, "names", Some(part));
    }
}

fn name(found: &mut Vec<Violation>, text: Option<&str>) {
    needed(found, "name", text);
    length(found, "name", text, NAME_CHARS_MAX);
    characters(found, "name", text);
}

fn needed(found: &mut Vec<Violation>, field: &'static str, text: Option<&str>) {
    if text.is_none_or(|text| text.trim().is_empty()) {
        found.push(Violation::Missing { field });
    }
}

fn length(found: &mut Vec<Violation>, field: &'static str, text: Option<&str>, max: usize) {
    if text.is_some_and(|text| text.chars().nth(max).is_some()) {
        found.push(Violation::TooLong { field, max });
    }
}

fn characters(found: &mut Vec<Violation>, field: &'static str, text: Option<&str>) {
    if text.is_some_and(|text| text.contains(char::is_control)) {
        found.push(Violation::CharacterRefused { field });
    }
}

fn free_text(found: &mut Vec<Violation>, field: &'static str, text: Option<&str>, max: usize) {
    length(found, field, text, max);
    let is_markup = |text: &str| {
        text.match_indices('<').any(|(at, _)| {
            let next = text.get(at + 1..).and_then(|rest| rest.chars().next());
            next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
        })
    };
    if text.is_some_and(is_markup) {
        found.push(Violation::Markup { field });
    }
}

fn order(found: &mut Vec<Violation>, start: Option<When>, end: Option<When>) {
    let reversed = match (start, end) {
        (Some(When::Instant(start)), Some(When::Instant(end))) => end.millis() < start.millis(),
        (Some(start), Some(end)) => end.date().is_surely_before(start.date()),
        _ => false,
    };
    if reversed {
        found.push(Violation::EndBeforeStart);
    }
}

/// Characters of a name or title. The national service takes 50, and not all characters: that is for whoever hands an
/// entry to it (`docs/decisions/0013-names-as-they-are-written.md`).
pub const NAME_CHARS_MAX: usize = 200;
/// Characters of a comment.
pub const COMMENT_CHARS_MAX: usize = 3000;
/// Characters of a comment on a measure.
pub const MEASURE_COMMENT_CHARS_MAX: usize = 150;
/// Characters of a dosage in words.
pub const DOSAGE_CHARS_MAX: usize = 1000;
/// Characters of a batch number.
pub const LOT_CHARS_MAX: usize = 100;
/// Characters of the note of an appointment or a reminder.
pub const APPOINTMENT_COMMENT_CHARS_MAX: usize = 1000;
/// Characters of a street line.
pub const STREET_CHARS_MAX: usize = 100;
/// Digits of a French postal code.
const POSTAL_CODE_DIGITS: usize = 5;
/// Length of a stay, in its unit: three digits.
const STAY_DURATION_MAX: u16 = 999;
const STAY_DURATION_DIGITS_MAX: usize = 3;

#[cfg(test)]
mod tests;
