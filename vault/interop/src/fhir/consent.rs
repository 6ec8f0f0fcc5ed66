//! Consent: advance directives and organ donation, where the source is a contained form with the questions of ours. A
//! consent of another sort has no kind of entry.

use carnet_record::{
    Concept, Fact, LinkKind, Status,
    code::system,
    form::{Answers, Form, Question},
    kind::{Directive, Donation},
};

use super::{
    bundle::{Index, Resource},
    element::{concept, concepts_at, instant_at, when_at},
    found::Found,
    json::Json,
};

/// What a Consent wishes, if it is one of ours.
pub(super) fn consent<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Option<Found> {
    let json = resource.reads("");
    if !concept(json.get("scope")?).has(SCOPES, ADVANCE_CARE) {
        return None;
    }
    let source = json.get("sourceReference")?.text("reference").filter(|own| own.starts_with('#'))?;
    let form =
        index.follow(resource, source).filter(|own| own.text("resourceType") == Some("QuestionnaireResponse"))?;
    let about = concepts_at(json, "category");
    let fact = match about.as_slice() {
        [own] if *own == Concept::from_code(system::LOINC, DIRECTIVES) => Directive::default().into(),
        [own] if *own == Concept::from_text(DONATION) => Donation::default().into(),
        _ => return None,
    };
    let mut found = answered(fact, form)?;
    if let Some(own) = found.fact.form_mut() {
        own.set_at(when_at(json, "dateTime"));
    }
    resource.reads("identifier status scope category patient dateTime performer sourceReference");
    resource.keeps_lists("performer");
    if !matches!(json.text("status"), Some("active" | "entered-in-error" | "inactive")) {
        resource.keeps("status");
    }
    found.status = match json.text("status") {
        Some("entered-in-error" | "rejected") => Status::EnteredInError,
        Some("inactive") => Status::Superseded,
        _ => Status::Active,
    };
    found.author = index.actors_at(resource, json, "performer").into_iter().next();
    found.recorded_at = instant_at(form, "authored");
    Some(found)
}

/// The answers of a form, if each is one that `fact` has a place for.
fn answered(fact: Fact, form: &Json) -> Option<Found> {
    let mut found = Found::new(fact);
    for item in form.list("item") {
        let [answer] = item.list("answer") else { return None };
        if item.members().len() != 2 || answer.members().len() != 1 {
            return None;
        }
        match item.text("linkId")? {
            PAPER_ITEM => {
                let paper = answer.get("valueReference")?.text("reference")?;
                found.links.push((paper.to_owned(), LinkKind::Document));
            }
            COMMENT_ITEM if found.comment.is_none() => found.comment = Some(answer.text("valueString")?.to_owned()),
            name => keep(found.fact.form_mut()?, name, answer)?,
        }
    }
    Some(found)
}

fn keep(form: &mut dyn Form, name: &str, answer: &Json) -> Option<()> {
    let is_it = |question: &&Question| question.code == name && form.kept(question.field).is_none();
    let question = form.questions().iter().find(is_it)?;
    let text = match question.answers {
        Answers::YesNo => answer.flag("valueBoolean")?.to_string(),
        _ => answer.text("valueString")?.to_owned(),
    };
    form.keep(question.field, Some(&text)).then_some(())
}

/// Scopes of a consent (HL7), and that of advance care.
pub(super) const SCOPES: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
pub(super) const ADVANCE_CARE: &str = "adr";
/// Advance directives (LOINC), as the section of a patient summary has it.
pub(super) const DIRECTIVES: &str = "42348-3";
/// The same of organ donation, for which we know no code.
pub(super) const DONATION: &str = "organ donation";
/// Id of the contained form, and the names of those of its items that are no question.
pub(super) const FORM_ID: &str = "form";
pub(super) const PAPER_ITEM: &str = "document";
pub(super) const COMMENT_ITEM: &str = "comment";
