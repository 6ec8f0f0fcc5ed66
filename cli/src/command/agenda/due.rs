//! `agenda due`: what published rules recommend to the person, how it stands by the record, and which rule says so.
//!
//! It repeats what is published. It judges nobody's health and gives no advice.

mod mark;

use carnet_record::{
    Day, Entry, EntryId, Fact, PartialDate, When, ZoneHistory,
    kind::Identity,
    prevention::{self, Answer, Item, Missing, Person, Rules, Source, State, Text, Uncounted},
};
use carnet_vault::{Record, entries::Filter, prevention::RulesInForce};
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    i18n::{Language, Message},
    input, msg,
    session::Session,
    ui::{Block, Report},
    words,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "CODE")]
    code: Option<String>,
    #[arg(long)]
    all: bool,
    #[arg(long, value_name = "DATE")]
    on: Option<String>,
    #[arg(long, value_name = "STATUS", requires = "code")]
    mark: Option<mark::MarkOption>,
    #[arg(long, value_name = "TIME", requires = "mark")]
    at: Option<String>,
}

/// What the answer is made of, from the record.
struct Known {
    person: Person,
    entries: Vec<Entry>,
    today: Day,
}

pub(super) fn run(options: &Options, record: &mut Record<'_>, session: &Session<'_>) -> Result<Report, Failure> {
    let RulesInForce { rules, publisher, set_aside } = record.rules()?;
    let known = known(options, record, session)?;
    let mut answer = prevention::answer(&rules, &known.person, &known.entries, known.today);
    if let Some(code) = &options.code {
        answer.items.retain(|item| item.code == *code || (item.rule == code && options.mark.is_none()));
        if answer.items.is_empty() {
            return Err(Failure::Usage(msg!("usage-due-code", code = code)));
        }
    } else if !options.all {
        answer.items.retain(|item| is_near(item, known.today));
    }
    let publisher = publisher.as_deref();
    let shown =
        Shown { rules: &rules, publisher, answer: &answer, known: &known, language: session.ui.texts().language() };
    if let (Some(said), Some(item)) = (options.mark, answer.items.first()) {
        let title = session.ui.text(&shown.title(item));
        return mark::mark(record, session, (item, title), said, (options.at.as_ref(), known.today.date()));
    }
    let warnings = set_aside.map(|error| Failure::from(error).message()).into_iter().collect();
    Ok(Report { data: shown.data(), page: shown.page(options.code.is_some()), warnings, ..Report::default() })
}

/// Days ahead of which nothing is listed unless everything is.
const AHEAD_DAYS: i32 = 366;

/// What is late, due, not known, or comes within a year.
fn is_near(item: &Item<'_>, today: Day) -> bool {
    match item.state {
        State::Overdue | State::Due | State::Unknown => true,
        State::Upcoming => {
            item.window.is_some_and(|window| window.from.epoch_days() - today.epoch_days() <= AHEAD_DAYS)
        }
        State::Done | State::Past => false,
    }
}

fn known(options: &Options, record: &Record<'_>, session: &Session<'_>) -> Result<Known, Failure> {
    let entries = standing(record, &["identity", mark::KIND, "vaccination"])?;
    let sheet = sheet(&entries);
    let today = match &options.on {
        Some(text) => input::partial_date("--on", text)?.whole().ok_or(Failure::BadDate("--on"))?,
        None => today_of(sheet, session),
    };
    Ok(Known { person: sheet.map(Person::from).unwrap_or_default(), entries, today })
}

/// The day that it is where the person of the record lives.
pub(super) fn today(record: &Record<'_>, session: &Session<'_>) -> Result<Day, Failure> {
    Ok(today_of(sheet(&standing(record, &["identity"])?), session))
}

/// The entries of these kinds that count.
fn standing(record: &Record<'_>, kinds: &[&str]) -> Result<Vec<Entry>, Failure> {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let found = record.list(&Filter { kinds, ..Filter::default() })?;
    Ok(found.into_iter().map(|found| found.entry).filter(Entry::counts).collect())
}

/// The identity sheet: one with a birth date before one without.
fn sheet(entries: &[Entry]) -> Option<&Identity> {
    let sheets =
        entries.iter().filter_map(|entry| if let Fact::Identity(own) = &entry.fact { Some(&**own) } else { None });
    sheets.max_by_key(|sheet| sheet.birth_date.is_some())
}

fn today_of(sheet: Option<&Identity>, session: &Session<'_>) -> Day {
    let now = session.now();
    let zones = sheet.filter(|sheet| !sheet.home_zones.is_empty());
    let zones = zones.and_then(|sheet| ZoneHistory::new(sheet.home_zones.clone()).ok());
    let offset = zones.map(|zones| zones.offset_seconds_at(now.millis()) / 60);
    let at_home = offset.map_or(now, |minutes| now.with_offset(i16::try_from(minutes).ok()));
    When::Instant(at_home).date().earliest()
}

/// An answer on its way to the person.
struct Shown<'a> {
    rules: &'a Rules,
    publisher: Option<&'a str>,
    answer: &'a Answer<'a>,
    known: &'a Known,
    language: Language,
}

impl Shown<'_> {
    fn words<'t>(&self, text: &'t Text) -> &'t str {
        match self.language {
            Language::French => &text.fr,
            Language::English => &text.en,
        }
    }

    fn name_of(&self, id: &EntryId) -> Option<(String, Option<PartialDate>)> {
        let entry = self.known.entries.iter().find(|entry| entry.id == *id)?;
        Some((entry.fact.label(), entry.fact.when().map(|when| when.date())))
    }

    // For people.

    fn page(&self, with_notes: bool) -> Vec<Block> {
        let mut page = vec![Block::Wrapped(0, self.head())];
        let is_stale = self.known.today >= self.rules.review_by;
        page.extend(is_stale.then(|| Block::Wrapped(0, msg!("due-stale"))));
        let missing: Vec<Missing> = self.answer.items.iter().flat_map(|item| item.missing.iter().copied()).collect();
        // Where nothing can be told of anything, one sentence says why.
        let all = [Missing::BirthDate, Missing::Today].into_iter().find(|one| missing.contains(one));
        if let Some(all) = all {
            page.push(Block::Wrapped(0, missing_words(all)));
            return page;
        }
        let certain = |item: &&Item<'_>| item.condition.is_none();
        for state in [State::Overdue, State::Due, State::Upcoming, State::Done, State::Past, State::Unknown] {
            let items = self.answer.items.iter().filter(certain).filter(|item| item.state == state).collect();
            self.group(&mut page, state_words(state), items, with_notes);
        }
        let conditional = self.answer.items.iter().filter(|item| item.condition.is_some()).collect();
        self.group(&mut page, msg!("due-if"), conditional, with_notes);
        if self.answer.items.is_empty() {
            page.push(Block::Wrapped(0, msg!("due-nothing")));
        }
        self.uncounted(&mut page);
        page.push(Block::Lines(String::from("\n")));
        page.push(Block::Wrapped(0, msg!("due-foot")));
        page
    }

    fn head(&self) -> Message {
        msg!(
            "due-head",
            title = self.words(&self.rules.title),
            rules = self.rules.date.to_string(),
            today = self.known.today.to_string()
        )
    }

    fn group(&self, page: &mut Vec<Block>, head: Message, items: Vec<&Item<'_>>, with_notes: bool) {
        if items.is_empty() {
            return;
        }
        page.push(Block::Lines(String::from("\n")));
        page.push(Block::Wrapped(0, msg!("due-group", head = head, count = items.len())));
        for item in items {
            page.push(Block::Wrapped(0, msg!("due-item", name = self.title(item))));
            for line in self.lines(item, with_notes) {
                page.push(Block::Wrapped(2, line));
            }
        }
    }

    fn title(&self, item: &Item<'_>) -> Message {
        let title = self.words(item.title);
        match (&item.step, item.dose) {
            (Some(step), _) => msg!("due-title-step", title = title, step = self.words(step)),
            (None, Some(dose)) if dose.of > 1 => {
                msg!("due-title-dose", title = title, number = u64::from(dose.number), of = u64::from(dose.of))
            }
            _ => msg!("label", text = title),
        }
    }

    /// When, what the record knows, what is missing, and the rule.
    fn lines(&self, item: &Item<'_>, with_notes: bool) -> Vec<Message> {
        let mut lines = Vec::new();
        if let Some(condition) = item.condition {
            lines.push(msg!("due-condition", condition = self.words(condition)));
        }
        if let Some(window) = item.window.filter(|_| item.state != State::Done) {
            let (from, to) = (window.from.to_string(), window.to.to_string());
            lines.push(match item.state {
                State::Upcoming => msg!("due-from", from = from),
                State::Due => msg!("due-until", to = to),
                _ if self.known.today.epoch_days() - window.to.epoch_days() > AHEAD_DAYS => {
                    msg!("due-since", from = from)
                }
                _ => msg!("due-was", from = from, to = to),
            });
        }
        match (item.done_on, item.state) {
            (Some(day), State::Done) => lines.push(msg!("due-done", day = day.to_string())),
            (Some(day), _) => lines.push(msg!("due-before", day = day.to_string())),
            (None, _) => {}
        }
        if let Some(mark) = &item.mark {
            let day = mark.at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            lines.push(msg!("due-mark", said = words::state_word(mark.said.as_str()), day = day));
        }
        if !item.lacking.is_empty() {
            let names = item.lacking.iter().filter_map(|name| self.rules.diseases.get(*name));
            let names: Vec<&str> = names.map(|text| self.words(text)).collect();
            lines.push(msg!("due-lacking", names = names.join(", ")));
        }
        lines.extend(item.missing.iter().map(|missing| missing_words(*missing)));
        if with_notes {
            lines.extend(item.note.map(|note| msg!("label", text = self.words(note))));
            for (name, at) in item.used.iter().filter_map(|id| self.name_of(id)) {
                let day = at.map(|at| at.to_string()).unwrap_or_default();
                lines.push(msg!("due-counted", name = name, day = day));
            }
        }
        lines.push(self.rule(item, with_notes));
        lines
    }

    fn rule(&self, item: &Item<'_>, in_full: bool) -> Message {
        let need = serde_json::to_value(item.requirement).unwrap_or_default();
        let need = msg!("due-need", need = need.as_str().unwrap_or_default());
        let source = item.source;
        if in_full {
            let date = source.date.to_string();
            let (title, publisher) = (source.title.as_str(), source.publisher.as_str());
            let address = source.address.as_str();
            msg!(
                "due-rule-full",
                need = need,
                code = &item.code,
                title = title,
                publisher = publisher,
                date = date,
                address = address
            )
        } else {
            msg!("due-rule", need = need, code = &item.code, source = self.words(&source.short))
        }
    }

    fn uncounted(&self, page: &mut Vec<Block>) {
        let is_told = |reason: Uncounted| reason != Uncounted::NotAsked;
        let found: Vec<_> = self.answer.not_counted.iter().filter(|(_, reason)| is_told(*reason)).collect();
        if found.is_empty() {
            return;
        }
        page.push(Block::Lines(String::from("\n")));
        page.push(Block::Wrapped(0, msg!("due-uncounted", count = found.len())));
        for (id, reason) in found {
            let (name, at) = self.name_of(id).unwrap_or_default();
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let reason = msg!("due-uncounted-reason", reason = reason.as_str().unwrap_or_default());
            let day = at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            page.push(Block::Wrapped(0, msg!("due-uncounted-item", name = name, day = day, reason = reason)));
        }
    }

    // For programs.

    fn data(&self) -> Value {
        let not_counted = self.answer.not_counted.iter().map(|(id, reason)| {
            let (name, at) = self.name_of(id).unwrap_or_default();
            json!({ "id": id.to_string(), "name": name, "at": at, "reason": reason })
        });
        json!({
            "today": self.known.today,
            "rules": rules_data(self.rules, self.publisher),
            "items": self.answer.items.iter().map(|item| self.item_data(item)).collect::<Vec<_>>(),
            "not_counted": not_counted.collect::<Vec<_>>(),
        })
    }

    fn item_data(&self, item: &Item<'_>) -> Value {
        let used = item.used.iter().map(|id| {
            let (name, at) = self.name_of(id).unwrap_or_default();
            json!({ "id": id.to_string(), "name": name, "at": at })
        });
        let mut data = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                data.insert(name.to_owned(), value);
            }
        };
        put("code", item.code.clone().into());
        put("kind", json!(item.kind));
        put("type", item.sort.into());
        put("title", json!(item.title));
        put("step", json!(item.step));
        put("dose", json!(item.dose));
        put("requirement", json!(item.requirement));
        put("condition", json!(item.condition));
        put("note", json!(item.note));
        put("state", json!(item.state));
        put("window", json!(item.window));
        put("done_on", json!(item.done_on));
        put("missing", json!(item.missing));
        let mark = item.mark.as_ref();
        put(
            "mark",
            json!(mark.map(|mark| json!({ "status": mark.said, "at": mark.at, "id": mark.entry.to_string() }))),
        );
        put("lacking", json!(item.lacking));
        put("counted", used.collect());
        put("rule", json!({ "code": item.rule, "source": source_data(item.source) }));
        Value::Object(data)
    }
}

/// A file of rules in short, for programs.
fn rules_data(rules: &Rules, publisher: Option<&str>) -> Value {
    json!({
        "title": rules.title,
        "country": rules.country,
        "date": rules.date,
        "review_by": rules.review_by,
        "publisher": publisher,
        "left_out": rules.left_out,
    })
}

fn source_data(source: &Source) -> Value {
    json!(source)
}

fn state_words(state: State) -> Message {
    match state {
        State::Done => msg!("due-state-done"),
        State::Due => msg!("due-state-due"),
        State::Overdue => msg!("due-state-overdue"),
        State::Past => msg!("due-state-past"),
        State::Unknown => msg!("due-state-unknown"),
        State::Upcoming => msg!("due-state-upcoming"),
    }
}

fn missing_words(missing: Missing) -> Message {
    match missing {
        Missing::BirthDate => msg!("due-missing-birth"),
        Missing::DayDone => msg!("due-missing-day-done"),
        Missing::DayOfBirth => msg!("due-missing-day-of-birth"),
        Missing::Sex => msg!("due-missing-sex"),
        Missing::Today => msg!("due-missing-today"),
    }
}
