//! Forms of the profile: a record has one of each kind. Filled in again it is the same one, and what was answered before is
//! in its history.

use carnet_record::{
    Draft, Fact, Provenance, SourceKey, When,
    form::{Answers, Form, Question},
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
pub(super) fn one_of_each(record: &Record<'_>, drafts: &mut [Draft]) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for draft in drafts.iter_mut().filter(|draft| draft.fact.form().is_some()) {
        let kind = draft.fact.kind().to_owned();
        if entry_of(record, &kind)?.is_some() || seen.contains(&kind) {
            return Err(Failure::Rules(vec![msg!("rule-one-form", kind = words::kind(&kind))]));
        }
        draft.source_key = Some(key(&kind));
        seen.push(kind);
    }
    Ok(())
}

/// The questions of a form that are asked now, with what may be answered and what was.
pub(super) fn questions(empty: Fact, record: &Record<'_>) -> Result<Report, Failure> {
    let kept = entry_of(record, empty.kind())?.filter(|found| found.entry.removed.is_none());
    let fact = kept.map_or(empty, |found| found.entry.fact);
    let Some(form) = fact.form() else { return Err(Failure::NoAnswer) };
    let asked: Vec<&Question> = form.questions().iter().filter(|question| form.asks(question)).collect();
    let head = vec![msg!("column-item"), msg!("column-question"), msg!("column-choices"), msg!("column-answer")];
    Ok(Report {
        data: asked.iter().map(|question| question_json(form, question)).collect(),
        page: vec![Block::Rows(head, asked.iter().map(|question| row(form, question)).collect())],
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
