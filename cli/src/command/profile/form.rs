//! Forms of the profile: a record has one of each kind. Filled in again it is the same one, and what was answered before is
//! in its history.

use carnet_record::{
    Day, Draft, Fact, PartialDate, Provenance, SourceKey, When,
    form::{Answers, Form, Question},
    person::leading_sheet,
};
use carnet_vault::{Record, entries::Filter};
use serde_json::{Value, json};

use crate::{
    command::entries::{self, Common, Found},
    error::Failure,
    form::{
        items::{choices, typed},
        profile::ProfileFields,
    },
    msg,
    session::Session,
    ui::{Block, Cell, Report},
    words,
};

/// Fills in the form whose kind `empty` is of.
pub(super) fn save(
    fields: &ProfileFields,
    empty: Fact,
    common: &Common,
    record: &mut Record<'_>,
    session: &Session<'_>,
) -> Result<Report, Failure> {
    only_of_adults(record, &empty, session)?;
    if let Some(Found { mut entry, .. }) = entry_of(record, empty.kind())? {
        if entry.removed.take().is_some() {
            (entry.fact, entry.comment) = (empty, None);
            entry.links.clear();
        }
        fill(fields, &mut entry.fact, session)?;
        return entries::amend(record, entry, common);
    }
    let mut draft = Draft::new(empty, Provenance::typed(session.now()));
    fill(fields, &mut draft.fact, session)?;
    draft.comment = common.comment.clone().filter(|text| !text.trim().is_empty());
    draft.source_key = Some(key(draft.fact.kind()));
    let report = entries::add(record, std::slice::from_ref(&draft))?;
    match entry_of(record, draft.fact.kind())? {
        Some(found) if !common.link.is_empty() => entries::amend(record, found.entry, common),
        _ => Ok(report),
    }
}

/// Fills `fact` with what was given. Answers without a date hold since today.
pub(super) fn fill(fields: &ProfileFields, fact: &mut Fact, session: &Session<'_>) -> Result<(), Failure> {
    fields.apply(fact, &session.zones)?;
    if let Some(form) = fact.form_mut()
        && !fields.item.is_empty()
        && fields.at.is_none()
    {
        form.set_at(session.zones.day_of(session.now().millis(), None).map(|today| When::Date(today.date())));
    }
    Ok(())
}

/// Gives the drafts of forms the id of their kind, and refuses a second form of one kind.
pub(super) fn one_of_each(record: &Record<'_>, drafts: &mut [Draft], session: &Session<'_>) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for draft in drafts.iter_mut().filter(|draft| draft.fact.form().is_some()) {
        only_of_adults(record, &draft.fact, session)?;
        let kind = draft.fact.kind().to_owned();
        if entry_of(record, &kind)?.is_some() || seen.contains(&kind) {
            return Err(Failure::Rules(vec![msg!("rule-one-form", kind = words::kind(&kind))]));
        }
        draft.source_key = Some(key(&kind));
        seen.push(kind);
    }
    Ok(())
}

/// Advance directives are written by adults (article L1111-11 of the French public health code). Who may be one, as nothing
/// or only a year is known of their birth, is not held back.
fn only_of_adults(record: &Record<'_>, fact: &Fact, session: &Session<'_>) -> Result<(), Failure> {
    let Fact::Directive(_) = fact else { return Ok(()) };
    let sheets = record.list(&Filter { kinds: vec!["identity".to_owned()], ..Filter::default() })?;
    let sheet = leading_sheet(sheets.iter().map(|found| (found.entry.id, &found.entry.fact)));
    let birth = sheet.and_then(|(_, identity)| identity.birth_date).map(|birth| birth.earliest().date());
    let today = session.zones.day_of(session.now().millis(), None).map(Day::date);
    let (Some(birth), Some(today)) = (birth, today) else { return Ok(()) };
    let day = |date: PartialDate| (date.month(), date.day());
    let had_birthday = day(today) >= day(birth);
    let years = today.year().saturating_sub(birth.year()).saturating_sub(u16::from(!had_birthday));
    if years < ADULT_YEARS { Err(Failure::Rules(vec![msg!("rule-adult")])) } else { Ok(()) }
}

/// Age of an adult, in years (article 414 of the French civil code).
const ADULT_YEARS: u16 = 18;

/// The questions of a form that are asked now, with what may be answered and what was.
pub(super) fn questions(empty: Fact, record: &Record<'_>) -> Result<Report, Failure> {
    let kept = entry_of(record, empty.kind())?.filter(|found| found.entry.removed.is_none());
    let fact = kept.map_or(empty, |found| found.entry.fact);
    let Some(form) = fact.form() else { return Err(Failure::NoAnswer) };
    let asked: Vec<&Question> = form.questions().iter().filter(|question| form.asks(question)).collect();
    let head = vec![msg!("column-item"), msg!("column-question"), msg!("column-choices"), msg!("column-answer")];
    let rows = Block::Rows(head, asked.iter().map(|question| row(form, question)).collect());
    let register = words::register(&fact).map(Block::Say);
    Ok(Report {
        data: asked.iter().map(|question| question_json(form, question)).collect(),
        page: std::iter::once(rows).chain(register).collect(),
        ..Report::default()
    })
}

fn row(form: &dyn Form, question: &Question) -> Vec<Cell> {
    let choice = |typed: &str, code: &str| msg!("form-choice", typed = typed, word = words::answer(question, code));
    let choices = match question.answers {
        Answers::Among(codes) => {
            msg!("sentences", all = codes.iter().map(|code| choice(&typed(code), code)).collect::<Vec<_>>())
        }
        Answers::YesNo => msg!("sentences", all = vec![choice("yes", "true"), choice("no", "false")]),
        Answers::Number { low, high } => msg!("form-number", low = usize::from(low), high = usize::from(high)),
        Answers::Words => msg!("form-words"),
    };
    let answer = form.kept(question.field);
    vec![
        typed(question.field).into(),
        words::field(question.field).into(),
        choices.into(),
        answer.map_or_else(|| "".into(), |answer| words::answer(question, &answer).into()),
    ]
}

fn question_json(form: &dyn Form, question: &Question) -> Value {
    json!({
        "item": typed(question.field),
        "code": question.code,
        "choices": choices(question),
        "needed": question.is_needed,
        "answer": form.kept(question.field),
    })
}

/// The entry of a form, removed or not. Its id follows from its kind, so that two devices that fill it in apart have one
/// between them.
fn entry_of(record: &Record<'_>, kind: &str) -> Result<Option<Found>, Failure> {
    let filter = Filter { kinds: vec![kind.to_owned()], with_removed: true, ..Filter::default() };
    let mut found = record.list(&filter)?;
    // One that was imported may lie beside; what stands goes before what was removed.
    found.sort_by_key(|found| found.entry.removed.is_some());
    Ok(found.into_iter().next())
}

fn key(kind: &str) -> SourceKey {
    SourceKey::new("form", [kind])
}
