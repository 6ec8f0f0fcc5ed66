//! What a reminder, and what is said of a recommendation, must keep.

use super::{NAME_CHARS_MAX, Violation, characters, length, needed, order};
use crate::{
    date::{PartialDate, When},
    kind::{Prevention, Reminder, encounter::DurationUnit, prevention::PreventionState, reminder::TIMES_MAX},
};

pub(super) fn reminder(found: &mut Vec<Violation>, reminder: &Reminder) {
    needed(found, "title", reminder.title.as_deref());
    length(found, "title", reminder.title.as_deref(), NAME_CHARS_MAX);
    characters(found, "title", reminder.title.as_deref());
    let start = reminder.start.map(|start| start.date());
    if start.and_then(PartialDate::whole).is_none() {
        found.push(Violation::Missing { field: "day" });
    }
    let is_once = reminder.period.is_none_or(|period| period == 0)
        || !reminder.period_unit.as_ref().is_some_and(DurationUnit::is_known);
    if is_once && (reminder.until.is_some() || reminder.period.is_some() || reminder.period_unit.is_some()) {
        found.push(Violation::Missing { field: "period" });
    }
    if reminder.times.len() > TIMES_MAX {
        found.push(Violation::TooMany { field: "times", max: TIMES_MAX });
    }
    if start.zip(reminder.until).is_some_and(|(start, until)| until.is_surely_before(start)) {
        found.push(Violation::EndBeforeStart);
    }
}

pub(super) fn prevention(found: &mut Vec<Violation>, own: &Prevention) {
    needed(found, "title", own.title.as_deref());
    length(found, "title", own.title.as_deref(), NAME_CHARS_MAX);
    characters(found, "title", own.title.as_deref());
    for (text, field) in [(&own.code, "code"), (&own.sort, "sort")] {
        length(found, field, text.as_deref(), PREVENTION_CODE_CHARS_MAX);
        characters(found, field, text.as_deref());
    }
    let Some(state) = own.state.as_ref().filter(|state| state.is_known()) else {
        found.push(Violation::Missing { field: "state" });
        return;
    };
    // What was done was done some day; a year is enough.
    if *state == PreventionState::Done && own.at.is_none() {
        found.push(Violation::Missing { field: "at" });
    }
    order(found, own.start.map(When::Date), own.end.map(When::Date));
}

/// Characters of the code of a recommendation: a rule and its step.
const PREVENTION_CODE_CHARS_MAX: usize = 100;
