//! What a file of rules must hold to beyond its form: counts, lengths, ages in their order, names that exist.

use std::{collections::BTreeSet, fmt};

use super::{
    age::Age,
    recognise::normal,
    rules::{FORMAT, Phase, Plan, Rule, Rules, Schedule, Series, Sort, Step, Text},
};

/// What is wrong with a value of a file of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A list or a map is empty.
    Empty,
    /// Another form than this version reads.
    Format,
    /// Not made of lower-case letters, digits and hyphens, or longer than [`CODE_CHARS_MAX`].
    NotACode,
    /// Ages or days that do not follow each other.
    Order,
    /// The same name twice.
    Repeated,
    /// A text that is empty, too long, or holds a control character.
    Text,
    /// Too many members.
    TooMany,
    /// A name that nothing else in the file has.
    Unknown,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing is there",
            Self::Format => "another form than this version reads",
            Self::NotACode => "not a code of lower-case letters, digits and hyphens",
            Self::Order => "ages or days do not follow each other",
            Self::Repeated => "the same name stands twice",
            Self::Text => "a text is empty, too long or holds a control character",
            Self::TooMany => "there are too many",
            Self::Unknown => "the name is not known in the file",
        })
    }
}

type Checked = Result<(), (String, Problem)>;

/// Checks everything that the form leaves open.
pub(super) fn rules(file: &Rules) -> Checked {
    hold(file.format == FORMAT, "format", Problem::Format)?;
    text(&file.title, "title")?;
    let is_country = file.country.len() == 2 && file.country.bytes().all(|byte| byte.is_ascii_uppercase());
    hold(is_country, "country", Problem::NotACode)?;
    hold(file.review_by >= file.date, "review_by", Problem::Order)?;
    count(file.sources.len(), SOURCES_MAX, "sources")?;
    for (name, source) in &file.sources {
        let at = format!("sources.{name}");
        code(name, &at)?;
        for (part, name) in [(&source.title, "title"), (&source.publisher, "publisher"), (&source.address, "address")] {
            plain(part, &format!("{at}.{name}"))?;
        }
        text(&source.short, &format!("{at}.short"))?;
    }
    count(file.diseases.len(), DISEASES_MAX, "diseases")?;
    for (name, words) in &file.diseases {
        code(name, &format!("diseases.{name}"))?;
        text(words, &format!("diseases.{name}"))?;
    }
    vaccines(file)?;
    count(file.all.len(), RULES_MAX, "rules")?;
    let mut codes = BTreeSet::new();
    for (place, own) in file.all.iter().enumerate() {
        let at = format!("rules[{place}]");
        hold(codes.insert(own.code.as_str()), &format!("{at}.code"), Problem::Repeated)?;
        rule(own, file, &at)?;
    }
    hold(file.left_out.len() <= RULES_MAX, "left_out", Problem::TooMany)?;
    file.left_out.iter().enumerate().try_for_each(|(place, own)| text(own, &format!("left_out[{place}]")))
}

fn vaccines(file: &Rules) -> Checked {
    count(file.vaccines.len(), VACCINES_MAX, "vaccines")?;
    for (place, vaccine) in file.vaccines.iter().enumerate() {
        let at = format!("vaccines[{place}]");
        diseases(&vaccine.protects, file, &format!("{at}.protects"))?;
        let both = vaccine.names.len() + vaccine.atc.len();
        count(both, NAMES_MAX, &format!("{at}.names"))?;
        for (place, name) in vaccine.names.iter().enumerate() {
            let at = format!("{at}.names[{place}]");
            plain(name, &at)?;
            // Names are compared in this form only.
            hold(normal(name) == *name, &at, Problem::NotACode)?;
        }
        for (place, atc) in vaccine.atc.iter().enumerate() {
            let is_atc =
                atc.starts_with("J07") && atc.len() <= 7 && atc.bytes().all(|byte| byte.is_ascii_alphanumeric());
            hold(is_atc, &format!("{at}.atc[{place}]"), Problem::NotACode)?;
        }
    }
    Ok(())
}

fn rule(own: &Rule, file: &Rules, at: &str) -> Checked {
    code(&own.code, &format!("{at}.code"))?;
    let is_sort = own.sort.len() <= CODE_CHARS_MAX
        && !own.sort.is_empty()
        && own.sort.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    hold(is_sort, &format!("{at}.sort"), Problem::NotACode)?;
    text(&own.title, &format!("{at}.title"))?;
    for (words, name) in [(&own.condition, "condition"), (&own.note, "note")] {
        words.iter().try_for_each(|words| text(words, &format!("{at}.{name}")))?;
    }
    hold(file.sources.contains_key(&own.source), &format!("{at}.source"), Problem::Unknown)?;
    if let (Some(from), Some(before)) = (own.born_from, own.born_before) {
        hold(from < before, &format!("{at}.born_before"), Problem::Order)?;
    }
    if own.kind == Sort::Vaccine {
        diseases(&own.protects, file, &format!("{at}.protects"))?;
    } else {
        hold(own.protects.is_empty(), &format!("{at}.protects"), Problem::TooMany)?;
    }
    let at = format!("{at}.schedule");
    match &own.schedule {
        Schedule::Series(series) => {
            hold(own.kind == Sort::Vaccine, &at, Problem::Unknown)?;
            plans(series, &at)
        }
        Schedule::Steps(own) => steps(&own.steps, file, &at),
        Schedule::Every(every) => phases(&every.phases, &at),
        Schedule::Birthdays(own) => {
            hold(own.every.rank() > 0, &format!("{at}.every"), Problem::Order)?;
            let steps = own.to.rank().saturating_sub(own.from.rank()) / own.every.rank().max(1);
            hold((1..=STEPS_MAX).contains(&(steps as usize)), &format!("{at}.to"), Problem::Order)
        }
    }
}

fn plans(series: &Series, at: &str) -> Checked {
    ascending([series.from, series.until], &format!("{at}.until"))?;
    ascending([series.begin_before, series.until], &format!("{at}.until"))?;
    count(series.plans.len(), PLANS_MAX, &format!("{at}.plans"))?;
    let last = series.plans.len() - 1;
    let mut before: Option<&Plan> = None;
    for (place, plan) in series.plans.iter().enumerate() {
        let at = format!("{at}.plans[{place}]");
        // The last plan is for all who begin later.
        hold(plan.started_before.is_none() == (place == last), &format!("{at}.started_before"), Problem::Order)?;
        ascending([before.and_then(|plan| plan.started_before), plan.started_before], &format!("{at}.started_before"))?;
        count(plan.doses.len(), DOSES_MAX, &format!("{at}.doses"))?;
        let mut from = None;
        for (place, dose) in plan.doses.iter().enumerate() {
            let at = format!("{at}.doses[{place}]");
            hold(dose.from.rank() < dose.to.rank(), &format!("{at}.to"), Problem::Order)?;
            hold(dose.after.is_some() == (place > 0), &format!("{at}.after"), Problem::Order)?;
            hold(from.is_none_or(|from| from <= dose.from.rank()), &format!("{at}.from"), Problem::Order)?;
            from = Some(dose.from.rank());
        }
        before = Some(plan);
    }
    Ok(())
}

fn steps(steps: &[Step], file: &Rules, at: &str) -> Checked {
    count(steps.len(), STEPS_MAX, &format!("{at}.steps"))?;
    let mut ids = BTreeSet::new();
    let mut from = None;
    for (place, step) in steps.iter().enumerate() {
        let at = format!("{at}.steps[{place}]");
        code(&step.id, &format!("{at}.id"))?;
        hold(ids.insert(step.id.as_str()), &format!("{at}.id"), Problem::Repeated)?;
        text(&step.title, &format!("{at}.title"))?;
        hold(step.from.rank() < step.to.rank(), &format!("{at}.to"), Problem::Order)?;
        hold(from.is_none_or(|from| from < step.from.rank()), &format!("{at}.from"), Problem::Order)?;
        let ends = step.until.is_none_or(|until| until.rank() >= step.to.rank());
        hold(ends, &format!("{at}.until"), Problem::Order)?;
        step.protects.iter().try_for_each(|own| diseases(own, file, &format!("{at}.protects")))?;
        from = Some(step.from.rank());
    }
    Ok(())
}

fn phases(phases: &[Phase], at: &str) -> Checked {
    count(phases.len(), PLANS_MAX, &format!("{at}.phases"))?;
    let mut end = 0;
    for (place, phase) in phases.iter().enumerate() {
        let at = format!("{at}.phases[{place}]");
        hold(phase.every.rank() > 0, &format!("{at}.every"), Problem::Order)?;
        hold(phase.second_after.is_none_or(|after| after.rank() > 0), &format!("{at}.second_after"), Problem::Order)?;
        let follows = phase.from.rank() < phase.to.rank() && (place == 0 || phase.from.rank() == end);
        hold(follows, &format!("{at}.from"), Problem::Order)?;
        end = phase.to.rank();
    }
    Ok(())
}

fn diseases(names: &BTreeSet<String>, file: &Rules, at: &str) -> Checked {
    count(names.len(), DISEASES_MAX, at)?;
    hold(names.iter().all(|name| file.diseases.contains_key(name)), at, Problem::Unknown)
}

fn ascending(ages: [Option<Age>; 2], at: &str) -> Checked {
    let [Some(first), Some(second)] = ages else { return Ok(()) };
    hold(first.rank() < second.rank(), at, Problem::Order)
}

fn text(words: &Text, at: &str) -> Checked {
    plain(&words.fr, at).and_then(|()| plain(&words.en, at))
}

fn plain(words: &str, at: &str) -> Checked {
    let is_plain = !words.trim().is_empty()
        && words.chars().nth(TEXT_CHARS_MAX).is_none()
        && !words.contains(|c: char| c.is_control() || UNSEEN.contains(&c));
    hold(is_plain, at, Problem::Text)
}

fn code(name: &str, at: &str) -> Checked {
    let is_code = (1..=CODE_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    hold(is_code, at, Problem::NotACode)
}

fn count(members: usize, max: usize, at: &str) -> Checked {
    hold(members > 0, at, Problem::Empty)?;
    hold(members <= max, at, Problem::TooMany)
}

/// The path is ours but for the names of a map, which are cut to what a code may be.
fn hold(is_so: bool, at: &str, problem: Problem) -> Checked {
    if is_so {
        return Ok(());
    }
    let path = at.chars().filter(char::is_ascii_graphic).take(PATH_CHARS_MAX).collect();
    Err((path, problem))
}

/// Characters of a code.
const CODE_CHARS_MAX: usize = 40;
/// Characters of a text.
const TEXT_CHARS_MAX: usize = 400;
const SOURCES_MAX: usize = 50;
const DISEASES_MAX: usize = 100;
const VACCINES_MAX: usize = 500;
/// Names and codes of one line of vaccines.
const NAMES_MAX: usize = 60;
const RULES_MAX: usize = 200;
const PLANS_MAX: usize = 8;
const DOSES_MAX: usize = 10;
const STEPS_MAX: usize = 130;
const PATH_CHARS_MAX: usize = 100;
/// Characters that turn or hide text.
const UNSEEN: [char; 12] = [
    '\u{200b}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}',
];
