//! What the rules say of somebody whose day of birth and days of doses are given. A person of whom less is known is
//! several of these at once ([`super::answer`]).

use std::collections::BTreeSet;

use super::{
    Dose, State, Text, Window,
    age::Age,
    rules::{Birthdays, DoseRule, Every, Phase, Plan, Requirement, Rule, Schedule, Season, Series, Step, Steps},
};
use crate::date::Day;

/// One thing that a rule asks for, for one day of birth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) code: String,
    pub(super) step: Option<Text>,
    pub(super) dose: Option<Dose>,
    pub(super) requirement: Requirement,
    pub(super) state: State,
    pub(super) window: Option<Window>,
    pub(super) done_on: Option<Day>,
    /// Places of the doses that counted.
    pub(super) used: BTreeSet<usize>,
    /// Diseases for which a dose is still missing, where others have theirs.
    pub(super) lacking: BTreeSet<String>,
}

/// A dose on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) day: Day,
    pub(super) protects: &'a BTreeSet<&'a str>,
    /// Its place among what was handed over.
    pub(super) place: usize,
}

/// That the person said that something was done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) code: &'a str,
    pub(super) day: Option<Day>,
}

/// A person of whom everything is known to the day.
pub(super) struct Exact<'a> {
    pub(super) birth: Day,
    pub(super) today: Day,
    /// In the order of their days, none after today.
    pub(super) doses: Vec<Given<'a>>,
    pub(super) said: Vec<Said<'a>>,
}

impl Exact<'_> {
    /// What `rule` asks for.
    pub(super) fn find(&self, rule: &Rule) -> Vec<Found> {
        let is_born = rule.born_from.is_none_or(|from| self.birth >= from)
            && rule.born_before.is_none_or(|before| self.birth < before);
        if !is_born {
            return Vec::new();
        }
        match &rule.schedule {
            Schedule::Series(series) => self.series(rule, series).into_iter().collect(),
            Schedule::Steps(steps) => self.steps(rule, steps),
            Schedule::Birthdays(own) => self.birthdays(rule, own),
            Schedule::Every(every) => self.every(rule, every).into_iter().collect(),
        }
    }

    fn on(&self, age: Age) -> Day {
        age.after(self.birth)
    }

    fn has_reached(&self, age: Option<Age>) -> bool {
        age.is_some_and(|age| self.today >= self.on(age))
    }

    fn found(&self, rule: &Rule, code: String, state: State, window: Option<Window>) -> Found {
        let is_mandatory = rule.requirement == Requirement::Mandatory
            || rule.mandatory_born_from.is_some_and(|from| self.birth >= from);
        Found {
            code,
            step: None,
            dose: None,
            requirement: if is_mandatory { Requirement::Mandatory } else { Requirement::Recommended },
            state,
            window,
            done_on: None,
            used: BTreeSet::new(),
            lacking: BTreeSet::new(),
        }
    }

    /// Upcoming before the window, due within it, overdue until `until`, past from then on.
    fn state_in(&self, window: Window, until: Option<Day>) -> State {
        if until.is_some_and(|until| self.today >= until) {
            State::Past
        } else if self.today < window.from {
            State::Upcoming
        } else if self.today <= window.to {
            State::Due
        } else {
            State::Overdue
        }
    }

    fn said_done(&self, code: &str) -> Option<&Said<'_>> {
        self.said.iter().find(|said| said.code == code)
    }

    // Doses, one after the other.

    fn series(&self, rule: &Rule, series: &Series) -> Option<Found> {
        if series.from.is_some_and(|from| self.today < self.on(from)) {
            return None;
        }
        let plan = self.plan(series, self.begun(rule, series))?;
        let apart = plan.apart.or(series.apart);
        let counted: Vec<(&String, Vec<Given<'_>>)> =
            rule.protects.iter().map(|disease| (disease, self.doses_against(disease, series, apart))).collect();
        let shortest = counted.iter().map(|(_, doses)| doses.len()).min().unwrap_or_default();
        // A dose is whole on the day on which the last of its diseases is covered.
        let whole = |at: usize| counted.iter().filter_map(|(_, doses)| doses.get(at)).map(|dose| dose.day).max();
        let mut days: Vec<Day> = (0..shortest).filter_map(whole).collect();
        self.add_said(rule, plan, &mut days);
        let number = days.len().min(plan.doses.len());
        let used = counted.iter().flat_map(|(_, doses)| doses.iter().map(|dose| dose.place)).collect();
        let of = u8::try_from(plan.doses.len()).unwrap_or(u8::MAX);
        let dose = |number: usize| Some(Dose { number: u8::try_from(number).unwrap_or(u8::MAX), of });
        let Some(next) = plan.doses.get(number) else {
            let code = format!("{}/{number}", rule.code);
            let done = self.found(rule, code, State::Done, None);
            return Some(Found {
                dose: dose(number),
                done_on: days.get(number.wrapping_sub(1)).copied(),
                used,
                ..done
            });
        };
        let window = self.window_of(next, days.last().copied());
        let mut state = self.state_in(window, series.until.map(|until| self.on(until)));
        if days.is_empty() && self.has_reached(series.begin_before) {
            state = State::Past;
        }
        let lacking = counted.iter().filter(|(_, doses)| doses.len() <= number);
        let lacking: BTreeSet<String> = lacking.map(|(disease, _)| (*disease).clone()).collect();
        let lacking = if lacking.len() == counted.len() { BTreeSet::new() } else { lacking };
        let code = format!("{}/{}", rule.code, number + 1);
        let found = self.found(rule, code, state, Some(window));
        Some(Found { dose: dose(number + 1), done_on: days.last().copied(), used, lacking, ..found })
    }

    /// What the person said to be done counts beside the doses of the booklet, but for one that is there about the same day.
    fn add_said(&self, rule: &Rule, plan: &Plan, days: &mut Vec<Day>) {
        for number in 1..=plan.doses.len() {
            let Some(said) = self.said_done(&format!("{}/{number}", rule.code)) else { continue };
            let is_near = |day: &Day, own: Day| (day.epoch_days() - own.epoch_days()).abs() < SAME_DOSE_DAYS;
            match said.day {
                Some(own) if days.iter().any(|day| is_near(day, own)) => {}
                Some(own) => days.push(own),
                None if number > days.len() => days.push(days.last().copied().unwrap_or(self.today)),
                None => {}
            }
        }
        days.sort_unstable();
    }

    /// The day of the first dose that counts.
    fn begun(&self, rule: &Rule, series: &Series) -> Option<Day> {
        let is_early = |day: Day| series.counts_from.is_some_and(|from| day < self.on(from));
        let own = |dose: &&Given<'_>| rule.protects.iter().any(|disease| dose.protects.contains(disease.as_str()));
        self.doses.iter().filter(own).map(|dose| dose.day).find(|day| !is_early(*day))
    }

    /// The doses that count against `disease`: old enough, and far enough apart.
    fn doses_against(&self, disease: &str, series: &Series, apart: Option<Age>) -> Vec<Given<'_>> {
        let mut kept: Vec<Given<'_>> = Vec::new();
        for dose in self.doses.iter().filter(|dose| dose.protects.contains(disease)) {
            let is_early = series.counts_from.is_some_and(|from| dose.day < self.on(from));
            let free_from = kept
                .last()
                .map(|last| apart.map_or(last.day.epoch_days() + 1, |apart| apart.after(last.day).epoch_days()));
            if !is_early && free_from.is_none_or(|free| dose.day.epoch_days() >= free) {
                kept.push(*dose);
            }
        }
        kept
    }

    /// The plan for a series that began on `start`, or would begin today.
    fn plan<'s>(&self, series: &'s Series, start: Option<Day>) -> Option<&'s Plan> {
        let start = start.unwrap_or(self.today);
        series.plans.iter().find(|plan| plan.started_before.is_none_or(|age| start < self.on(age)))
    }

    fn window_of(&self, dose: &DoseRule, before: Option<Day>) -> Window {
        let window = Window::until(self.on(dose.from), self.on(dose.to));
        let later = before.zip(dose.after).map(|(before, after)| after.after(before));
        match later.filter(|later| *later > window.from) {
            None => window,
            // A window that begins later is as long as it was.
            Some(later) => {
                let length = window.to.epoch_days() - window.from.epoch_days();
                let to = Day::at_most(later.epoch_days().saturating_add(length.min(MOVED_DAYS_MAX)));
                Window { from: later, to: to.max(window.to) }
            }
        }
    }

    // Fixed ages.

    fn steps(&self, rule: &Rule, steps: &Steps) -> Vec<Found> {
        let ends = steps.steps.iter().skip(1).map(|next| Some(next.from)).chain([None]);
        let all = steps.steps.iter().zip(ends).map(|(step, next)| self.step(rule, step, next)).collect();
        shown(all)
    }

    fn step(&self, rule: &Rule, step: &Step, next: Option<Age>) -> Found {
        let window = Window::until(self.on(step.from), self.on(step.to));
        let after = Day::at_most(window.to.epoch_days().saturating_add(1));
        let until = step.until.or(next).map_or(after, |until| self.on(until)).max(after);
        let code = format!("{}/{}", rule.code, step.id);
        let said = self.said_done(&code);
        let mut found = self.found(rule, code.clone(), self.state_in(window, Some(until)), Some(window));
        found.step = Some(step.title.clone());
        let wanted = step.protects.as_ref().unwrap_or(&rule.protects);
        let from = self.on(step.counts_from.unwrap_or(step.from));
        let counted = |disease: &str| {
            self.doses.iter().rfind(|dose| dose.day >= from && dose.protects.contains(disease)).copied()
        };
        let doses: Vec<_> = wanted.iter().map(|disease| (disease, counted(disease))).collect();
        found.used = doses.iter().filter_map(|(_, dose)| dose.map(|dose| dose.place)).collect();
        let lacking: BTreeSet<String> =
            doses.iter().filter(|(_, dose)| dose.is_none()).map(|(disease, _)| (*disease).clone()).collect();
        if let Some(said) = said {
            found.state = State::Done;
            found.done_on = said.day;
        } else if !wanted.is_empty() && lacking.is_empty() {
            found.state = State::Done;
            found.done_on = doses.iter().filter_map(|(_, dose)| dose.map(|dose| dose.day)).min();
        } else if lacking.len() < wanted.len() {
            found.lacking = lacking;
        }
        found
    }

    fn birthdays(&self, rule: &Rule, own: &Birthdays) -> Vec<Found> {
        let mut all = Vec::new();
        let mut from = self.on(own.from);
        let end = self.on(own.to);
        while from < end && all.len() < BIRTHDAYS_MAX {
            // Counted from the birth, so that a birthday of a leap year stays where it is.
            let next = self.on(own.from.and(own.every, all.len() + 1)).min(end);
            let window = Window::until(from, next);
            let code = format!("{}/{}", rule.code, from.date().year());
            let said = self.said_done(&code);
            let state = if said.is_some() { State::Done } else { self.state_in(window, Some(next)) };
            all.push(Found { done_on: said.and_then(|said| said.day), ..self.found(rule, code, state, Some(window)) });
            from = next;
        }
        shown(all)
    }

    // Again and again.

    fn every(&self, rule: &Rule, every: &Every) -> Option<Found> {
        let (first, last) = (every.phases.first()?, every.phases.last()?);
        let (begin, end) = (self.on(first.from), self.on(last.to));
        if self.today >= end {
            return None;
        }
        if let Some(season) = &every.season {
            return self.in_season(rule, season, begin, end);
        }
        let times = self.times(rule);
        let (next, used) = match times.last() {
            None => (self.round(&every.phases).unwrap_or(begin), BTreeSet::new()),
            Some((last, place)) => {
                let phase = every.phases.iter().rfind(|phase| self.on(phase.from) <= *last).unwrap_or(first);
                let interval = self.interval(phase, &times);
                (interval.after(*last).max(begin), place.iter().copied().collect())
            }
        };
        let phase = every.phases.iter().rfind(|phase| self.on(phase.from) <= next).unwrap_or(first);
        let window = Window::until(next, phase.every.after(next).min(end));
        let code = format!("{}/{}", rule.code, next.date().year());
        let done_on = times.last().map(|(day, _)| *day);
        let state = if next >= end { State::Done } else { self.state_in(window, None) };
        Some(Found { done_on, used, ..self.found(rule, code, state, Some(window)) })
    }

    /// The day on which the present round began, for somebody of whom no time is noted; none before the first.
    fn round(&self, phases: &[Phase]) -> Option<Day> {
        let phase = phases.iter().rfind(|phase| self.on(phase.from) <= self.today)?;
        let rounds = (0..ROUNDS_MAX).map(|round| self.on(phase.from.and(phase.every, round)));
        rounds.take_while(|round| *round <= self.today).last()
    }

    fn interval(&self, phase: &Phase, times: &[(Day, Option<usize>)]) -> Age {
        let in_phase = times.iter().filter(|(day, _)| *day >= self.on(phase.from)).count();
        phase.second_after.filter(|_| in_phase == 1).unwrap_or(phase.every)
    }

    fn in_season(&self, rule: &Rule, season: &Season, begin: Day, end: Day) -> Option<Found> {
        // A dose of the same autumn counts before the campaign begins.
        let counts_from = |from: Day| {
            let own = season.counts_from.and_then(|own| own.in_year(from.date().year()));
            own.filter(|own| *own < from).unwrap_or(from)
        };
        let year = self.today.date().year();
        let years = [year.saturating_sub(1), year, year.saturating_add(1)];
        let season = years.into_iter().filter_map(|year| {
            let from = season.from.in_year(year)?;
            let to = season
                .to
                .in_year(year)
                .filter(|to| *to >= from)
                .or_else(|| season.to.in_year(year.saturating_add(1)))?;
            Some(Window { from, to })
        });
        // The one that runs or comes, in which the person has the age on some day.
        let season =
            season.into_iter().find(|season| season.to >= self.today && season.to >= begin && season.from < end)?;
        let window = Window { from: season.from.max(begin), to: season.to };
        let time = self.times(rule).into_iter().rfind(|(day, _)| *day >= counts_from(season.from));
        let state = if time.is_some() { State::Done } else { self.state_in(window, None) };
        let code = format!("{}/{}", rule.code, season.from.date().year());
        let found = self.found(rule, code, state, Some(window));
        let used = time.and_then(|(_, place)| place).into_iter().collect();
        Some(Found { done_on: time.map(|(day, _)| day), used, ..found })
    }

    /// The days on which what comes back was done: as the person said, and by the booklet.
    fn times(&self, rule: &Rule) -> Vec<(Day, Option<usize>)> {
        let is_own = |said: &&Said<'_>| said.code.split_once('/').is_some_and(|(code, _)| code == rule.code);
        let said = self.said.iter().filter(is_own).filter_map(|said| Some((said.day?, None)));
        let is_counted = |dose: &&Given<'_>| {
            !rule.protects.is_empty() && rule.protects.iter().all(|disease| dose.protects.contains(disease.as_str()))
        };
        let given = self.doses.iter().filter(is_counted).map(|dose| (dose.day, Some(dose.place)));
        let mut times: Vec<_> = said.chain(given).filter(|(day, _)| *day <= self.today).collect();
        times.sort_unstable();
        times
    }
}

/// Of steps in their order: all that are asked for, the last one done, the next to come, and what is past.
fn shown(steps: Vec<Found>) -> Vec<Found> {
    let done = steps.iter().rposition(|step| step.state == State::Done);
    let next = steps.iter().position(|step| step.state == State::Upcoming);
    let is_shown = |place: usize, step: &Found| match step.state {
        State::Done => Some(place) == done,
        State::Upcoming => Some(place) == next,
        _ => true,
    };
    steps.into_iter().enumerate().filter(|(place, step)| is_shown(*place, step)).map(|(_, step)| step).collect()
}

/// A dose that was said and one of the booklet are the same within fewer days.
const SAME_DOSE_DAYS: i32 = 21;
/// A window that had to move is no longer than this, in days.
const MOVED_DAYS_MAX: i32 = 31;
/// Rounds of one phase that are counted: one a day of the longest life would be more.
const ROUNDS_MAX: usize = 50_000;
/// Birthdays of one rule.
const BIRTHDAYS_MAX: usize = 130;
