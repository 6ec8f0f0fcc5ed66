//! Prevention: which vaccinations, screenings and exams published rules recommend for somebody of an age and a sex, what
//! of it the record says was done, and which rule says so.
//!
//! Rules are data ([`Rules`]): dated, with their sources, replaceable. This module only counts days. It gives no diagnosis and
//! no advice, reads no clock, and fills nothing up: where a birth date is known to the year, every day of that year is
//! thought of, and where that makes a difference the answer is that the date is missing. What the person has that
//! matches no name in the rules is listed as not counted.

mod age;
mod check;
mod exact;
mod recognise;
mod rules;

use std::collections::BTreeSet;

use serde::Serialize;

pub use self::{
    check::Problem,
    rules::{BUNDLED, RULES_BYTES_MAX, Requirement, Rules, RulesRefused, Sort, Source, Text},
};
use self::{
    exact::{Exact, Found, Given, Said},
    rules::{Rule, RuleSex, Schedule},
};
use crate::{
    date::{Day, PartialDate},
    entry::{Entry, EntryId},
    kind::{Fact, Identity, prevention::PreventionState},
    person::Sex,
};

/// Of whom the rules are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Birth date, as far as it is known.
    pub birth: Option<PartialDate>,
    /// Administrative sex, if it is known.
    pub sex: Option<Sex>,
    /// Whether the record says that the person died: then nothing is asked for.
    pub is_deceased: bool,
}

impl From<&Identity> for Person {
    fn from(identity: &Identity) -> Self {
        Self { birth: identity.birth_date, sex: identity.sex.clone(), is_deceased: identity.deceased.is_some() }
    }
}

/// What the person said of one thing that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The code of the thing ([`Item::code`]).
    pub code: String,
    /// How it stands, in the words of the national service.
    pub said: PreventionState,
    /// When it was done.
    pub at: Option<PartialDate>,
    /// The entry that says so.
    pub entry: EntryId,
}

impl Mark {
    /// What an entry says of something that a rule asks for.
    fn of(entry: &Entry) -> Option<Self> {
        let Fact::Prevention(own) = &entry.fact else { return None };
        let at = own.at.map(|at| at.date());
        Some(Self { code: own.code.clone()?, said: own.state.clone()?, at, entry: entry.id })
    }
}

/// Where somebody stands to what a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its time has passed, and nothing in the record says that it was done.
    Overdue,
    /// Its time is now.
    Due,
    /// Its time comes.
    Upcoming,
    /// The record says that it was done.
    Done,
    /// Its time is over: the rules do not ask for it any more.
    Past,
    /// It cannot be told: something is missing.
    Unknown,
}

/// What would have to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The birth date.
    BirthDate,
    /// The day of birth: only a month or a year is known.
    DayOfBirth,
    /// A day of today that can be: after birth, not before the rules, within a life.
    Today,
    /// The sex.
    Sex,
    /// The day of a vaccination or of what was done: only a month or a year is known.
    DayDone,
}

/// One dose of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dose {
    /// Which one, from 1.
    pub number: u8,
    /// Of how many.
    pub of: u8,
}

/// The days in which something is to be done, first and last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
}

impl Window {
    /// From a day to the one before `end`.
    fn until(from: Day, end: Day) -> Self {
        Self { from, to: Day::at_most(end.epoch_days() - 1).max(from) }
    }
}

/// Something that a rule asks for, how it stands, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'r> {
    /// Its name: the code of the rule, and of which of its steps, doses or years.
    pub code: String,
    /// The code of the rule.
    pub rule: &'r str,
    /// Vaccine, screening or exam.
    pub kind: Sort,
    /// What the national service calls it.
    pub sort: &'r str,
    /// What it is.
    pub title: &'r Text,
    /// Which step of the rule.
    pub step: Option<Text>,
    /// Which dose.
    pub dose: Option<Dose>,
    /// Whether the law asks for it.
    pub requirement: Requirement,
    /// For whom alone the rule is, where the record cannot tell.
    pub condition: Option<&'r Text>,
    /// A remark of the rule.
    pub note: Option<&'r Text>,
    /// How it stands.
    pub state: State,
    /// When. With a birth date that is not whole: from the earliest to the latest day that may be.
    pub window: Option<Window>,
    /// When it was done, or the dose or time before.
    pub done_on: Option<Day>,
    /// What is missing to tell.
    pub missing: BTreeSet<Missing>,
    /// What the person said of it.
    pub mark: Option<Mark>,
    /// The vaccinations that counted.
    pub used: Vec<EntryId>,
    /// Diseases for which a dose is missing while others of the same vaccine have theirs.
    pub lacking: Vec<&'r str>,
    /// The published document.
    pub source: &'r Source,
}

/// Why a vaccination did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uncounted {
    /// It lies after today.
    Future,
    /// Its name and codes are in no list of the rules.
    NotRecognised,
    /// No rule that is asked of this person counts it: too early, too soon after another, or of an age that is over.
    NotAsked,
    /// It has no date.
    Undated,
}

/// What the rules say of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'r> {
    /// Everything that they ask for, the overdue first.
    pub items: Vec<Item<'r>>,
    /// Vaccinations that did not count, with the reason.
    pub not_counted: Vec<(EntryId, Uncounted)>,
}

/// A vaccination of the record.
struct Noted<'r> {
    entry: EntryId,
    at: Option<PartialDate>,
    protects: BTreeSet<&'r str>,
}

/// What `rules` say of `person` on the day `today`, with the vaccinations and the marks among `entries`. Removed entries
/// and those that do not count are left out.
pub fn answer<'r>(rules: &'r Rules, person: &Person, entries: &[Entry], today: Day) -> Answer<'r> {
    let noted = noted(rules, entries);
    let marks: Vec<Mark> = entries.iter().filter(|entry| entry.counts()).filter_map(Mark::of).collect();
    if person.is_deceased {
        return Answer { items: Vec::new(), not_counted: Vec::new() };
    }
    let asked = Asked { rules, person, noted: &noted, marks: &marks, today };
    let mut items: Vec<Item<'r>> = rules.all.iter().flat_map(|rule| asked.items(rule)).collect();
    items.sort_by_key(|item| (item.state, item.condition.is_some(), item.window.map(|window| window.from)));
    let used: BTreeSet<EntryId> = items.iter().flat_map(|item| item.used.iter().copied()).collect();
    let reason = |noted: &Noted<'_>| match noted.at {
        None => Some(Uncounted::Undated),
        Some(at) if at.earliest() > today => Some(Uncounted::Future),
        _ if noted.protects.is_empty() => Some(Uncounted::NotRecognised),
        _ => (!used.contains(&noted.entry)).then_some(Uncounted::NotAsked),
    };
    let not_counted = noted.iter().filter_map(|noted| Some((noted.entry, reason(noted)?))).collect();
    Answer { items, not_counted }
}

fn noted<'r>(rules: &'r Rules, entries: &[Entry]) -> Vec<Noted<'r>> {
    let given = entries.iter().filter(|entry| entry.counts()).filter_map(|entry| match &entry.fact {
        Fact::Vaccination(own) if own.state.as_deref() != Some("not-done") => Some((entry.id, own)),
        _ => None,
    });
    let noted = given.map(|(entry, own)| Noted {
        entry,
        at: own.at.map(|at| at.date()),
        protects: recognise::protects(rules, own),
    });
    noted.collect()
}

/// Everything that an answer follows from.
struct Asked<'a, 'r> {
    rules: &'r Rules,
    person: &'a Person,
    noted: &'a [Noted<'r>],
    marks: &'a [Mark],
    today: Day,
}

/// Which end of what a partial date may mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Earliest,
    Latest,
    /// Of several things with one partial date: the first at its beginning, the last at its end.
    Spread,
}

impl End {
    fn of(self, date: PartialDate) -> Day {
        match self {
            Self::Earliest | Self::Spread => date.earliest(),
            Self::Latest => date.latest(),
        }
    }
}

impl<'r> Asked<'_, 'r> {
    fn items(&self, rule: &'r Rule) -> Vec<Item<'r>> {
        let Some(birth) = self.person.birth else { return vec![self.unknown(rule, [Missing::BirthDate])] };
        let is_in_life = self.today >= birth.earliest() && self.today < years_after(birth.earliest(), age::YEARS_MAX);
        if !is_in_life || self.today < self.rules.date {
            return vec![self.unknown(rule, [Missing::Today])];
        }
        if self.today < birth.latest() {
            return vec![self.unknown(rule, [Missing::DayOfBirth])];
        }
        let told = self.told(rule, birth);
        let is_asked = |told: &[Item<'r>]| told.iter().any(|item| item.state != State::Past);
        match (rule.sex, self.person.sex.as_ref()) {
            (None, _) | (Some(RuleSex::Female), Some(Sex::Female)) | (Some(RuleSex::Male), Some(Sex::Male)) => told,
            (Some(_), Some(Sex::Female | Sex::Male)) => Vec::new(),
            (Some(_), _) if is_asked(&told) => vec![self.unknown(rule, [Missing::Sex])],
            (Some(_), _) => Vec::new(),
        }
    }

    /// What the rule asks for when every day is thought of that a partial date may mean: the same for all, or not known.
    fn told(&self, rule: &'r Rule, birth: PartialDate) -> Vec<Item<'r>> {
        let ends = [End::Earliest, End::Latest];
        let ask = |birth_end: End, done_end: End| self.exact(birth_end.of(birth), done_end).find(rule);
        let first = ask(End::Earliest, End::Earliest);
        let differs = |other: &[Found]| {
            // The year in the name of what comes back is that of its window, which is told as wide as it is.
            let comes_back = matches!(rule.schedule, Schedule::Every(_));
            let essence = |found: &Found| {
                let code = if comes_back { String::new() } else { found.code.clone() };
                (code, found.state, found.requirement, found.lacking.clone())
            };
            !first.iter().map(essence).eq(other.iter().map(essence))
        };
        let mut missing = BTreeSet::new();
        let last = ask(End::Latest, End::Latest);
        for end in ends {
            if differs(&ask(End::Latest, end)) {
                missing.insert(Missing::DayOfBirth);
            }
        }
        if differs(&ask(End::Earliest, End::Spread)) {
            missing.insert(Missing::DayDone);
        }
        if differs(&ask(End::Earliest, End::Latest)) {
            missing.insert(Missing::DayDone);
            // The day of birth is missing only if it makes a difference by itself.
            if !differs(&ask(End::Latest, End::Earliest)) {
                missing.remove(&Missing::DayOfBirth);
            }
        }
        if !missing.is_empty() {
            return vec![self.unknown(rule, missing)];
        }
        first.into_iter().zip(last).map(|(first, last)| self.item(rule, first, &last)).collect()
    }

    fn exact(&self, birth: Day, done: End) -> Exact<'_> {
        let given = self.noted.iter().enumerate().filter_map(|(place, noted)| {
            let at = noted.at.filter(|at| at.earliest() <= self.today)?;
            let day = if done == End::Spread { self.spread(place, at) } else { done.of(at) };
            Some(Given { day: day.min(self.today), protects: &noted.protects, place })
        });
        let mut doses: Vec<Given<'_>> = given.collect();
        doses.sort_by_key(|dose| (dose.day, dose.place));
        let done_marks = self.marks.iter().filter(|mark| mark.said == PreventionState::Done);
        let said = done_marks
            .filter(|mark| mark.at.is_none_or(|at| at.earliest() <= self.today))
            .map(|mark| Said { code: &mark.code, day: mark.at.map(|at| done.of(at).min(self.today)) });
        Exact { birth, today: self.today, doses, said: said.collect() }
    }

    /// A day for one of several vaccinations of which the same partial date was said, each on a day of its own.
    fn spread(&self, place: usize, at: PartialDate) -> Day {
        let is_same = |noted: &&Noted<'_>| noted.at == Some(at);
        let all = self.noted.iter().filter(is_same).count();
        let before = self.noted.iter().take(place).filter(is_same).count();
        let span = at.latest().epoch_days() - at.earliest().epoch_days();
        let (all, before) = (i32::try_from(all).unwrap_or(i32::MAX), i32::try_from(before).unwrap_or(i32::MAX));
        Day::at_most(at.earliest().epoch_days() + span.saturating_mul(before) / (all - 1).max(1))
    }

    fn item(&self, rule: &'r Rule, first: Found, last: &Found) -> Item<'r> {
        let used = first.used.iter().filter_map(|place| self.noted.get(*place)).map(|noted| noted.entry).collect();
        let window = first
            .window
            .zip(last.window)
            .map(|(first, last)| Window { from: first.from.min(last.from), to: first.to.max(last.to) });
        Item {
            mark: self.mark_of(&first.code),
            code: first.code,
            step: first.step,
            dose: first.dose,
            requirement: first.requirement,
            state: first.state,
            window,
            // A day that was never said is not told.
            done_on: first.done_on.filter(|day| last.done_on == Some(*day)),
            used,
            lacking: rule
                .protects
                .iter()
                .chain(steps_of(rule))
                .map(String::as_str)
                .filter(|name| first.lacking.contains(*name))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            ..self.bare(rule)
        }
    }

    fn unknown(&self, rule: &'r Rule, missing: impl IntoIterator<Item = Missing>) -> Item<'r> {
        Item { missing: missing.into_iter().collect(), ..self.bare(rule) }
    }

    fn bare(&self, rule: &'r Rule) -> Item<'r> {
        Item {
            code: rule.code.clone(),
            rule: &rule.code,
            kind: rule.kind,
            sort: &rule.sort,
            title: &rule.title,
            step: None,
            dose: None,
            requirement: rule.requirement,
            condition: rule.condition.as_ref(),
            note: rule.note.as_ref(),
            state: State::Unknown,
            window: None,
            done_on: None,
            missing: BTreeSet::new(),
            mark: None,
            used: Vec::new(),
            lacking: Vec::new(),
            source: self.source(rule),
        }
    }

    fn source(&self, rule: &Rule) -> &'r Source {
        #[expect(clippy::expect_used, reason = "`Rules::read` refuses a rule without its source")]
        self.rules.sources.get(&rule.source).expect("the source of a rule that was checked")
    }

    /// What the person said of this very thing, if it was said last.
    fn mark_of(&self, code: &str) -> Option<Mark> {
        self.marks.iter().rfind(|mark| mark.code == code).cloned()
    }
}

fn steps_of(rule: &Rule) -> impl Iterator<Item = &String> {
    let steps: &[rules::Step] = if let Schedule::Steps(own) = &rule.schedule { &own.steps } else { &[] };
    steps.iter().filter_map(|step| step.protects.as_ref()).flatten()
}

fn years_after(day: Day, years: u16) -> Day {
    format!("{years}y").parse::<age::Age>().map_or(day, |age| age.after(day))
}

#[cfg(test)]
mod tests;
