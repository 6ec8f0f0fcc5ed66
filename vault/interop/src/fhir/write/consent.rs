//! Consent, written: advance directives and organ donation. What was answered is a contained form, as FHIR has the source of a
//! consent; the paper is one of its answers.

use carnet_record::{
    Concept, Entry, LinkKind, Status,
    code::system,
    form::{Answers, Form, Question},
};

use super::{
    Writer,
    element::{Fields, actor, code, concept},
};
use crate::fhir::{
    consent::{ADVANCE_CARE, COMMENT_ITEM, DIRECTIVES, DONATION, FORM_ID, PAPER_ITEM, SCOPES},
    json::Json,
};

/// Articles of the French public health code under which the wishes stand.
const DIRECTIVES_LAW: &str = "Code de la sant\u{e9} publique, article L1111-11";
const DONATION_LAW: &str = "Code de la sant\u{e9} publique, article L1232-1";

/// Advance directives.
pub(super) fn directive(writer: &mut Writer, own: &dyn Form, entry: &Entry, fields: &mut Fields) {
    consent(writer, own, entry, fields, (code(system::LOINC, DIRECTIVES), DIRECTIVES_LAW));
}

/// Organ donation.
pub(super) fn donation(writer: &mut Writer, own: &dyn Form, entry: &Entry, fields: &mut Fields) {
    consent(writer, own, entry, fields, (concept(&Concept::from_text(DONATION)), DONATION_LAW));
}

fn consent(writer: &Writer, own: &dyn Form, entry: &Entry, fields: &mut Fields, (about, law): (Json, &str)) {
    fields.put_list("contained", vec![answers(writer, own, entry)]);
    let status = match entry.status {
        Status::EnteredInError => "entered-in-error",
        Status::Superseded => "inactive",
        _ => "active",
    };
    fields.put_text("status", Some(status));
    fields.put("scope", Some(code(SCOPES, ADVANCE_CARE)));
    fields.put_list("category", vec![about]);
    fields.put("patient", Some(writer.subject()));
    fields.put_when("dateTime", own.at());
    fields.put_list("performer", entry.provenance.author.iter().map(actor).collect());
    fields.put("sourceReference", Some(Fields::new().text("reference", &format!("#{FORM_ID}")).object()));
    fields.put("policyRule", Some(concept(&Concept::from_text(law))));
}

fn answers(writer: &Writer, own: &dyn Form, entry: &Entry) -> Json {
    let answered = |question: &Question| {
        let answer = own.kept(question.field)?;
        let value = match question.answers {
            Answers::YesNo => ("valueBoolean", Json::Bool(answer == "true")),
            _ => ("valueString", Json::from(answer)),
        };
        Some(item(question.code, value))
    };
    let papers = writer.links(entry, &LinkKind::Document, &["DocumentReference"]);
    let paper = |reference: Json| item(PAPER_ITEM, ("valueReference", reference));
    let comment = entry.comment.as_deref().map(|text| item(COMMENT_ITEM, ("valueString", Json::from(text))));
    let items = own.questions().iter().filter_map(answered).chain(papers.into_iter().map(paper)).chain(comment);
    Fields::of("QuestionnaireResponse")
        .text("id", FORM_ID)
        .text("status", "completed")
        .maybe("authored", entry.provenance.recorded_at.map(|at| Json::from(at.to_string())))
        .list("item", items.collect())
        .object()
}

fn item(name: &str, (sort, value): (&str, Json)) -> Json {
    let answer = Fields::new().with(sort, value).object();
    Fields::new().text("linkId", name).list("answer", vec![answer]).object()
}
