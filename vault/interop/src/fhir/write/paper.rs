//! `DocumentReference`, written.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use carnet_record::{
    Concept, Entry,
    kind::{Document, document::Confidentiality},
};

use super::{
    LossReason, Writer,
    element::{Fields, anyone, concept, concepts, maybe_concept, number, period},
    state::{one_of, state},
};
use crate::fhir::json::Json;

/// A document with its metadata, and its bytes when they are given.
pub(super) fn document(
    writer: &mut Writer,
    own: &Document,
    entry: &Entry,
    bytes: Option<Vec<u8>>,
    fields: &mut Fields,
) {
    let unique = own
        .unique_id
        .as_deref()
        .map(|id| Fields::new().text("system", "urn:ietf:rfc:3986").text("value", &urn(id)).object());
    let unique = own.unique_id.as_deref().and_then(pair).or(unique);
    fields.put("masterIdentifier", unique);
    // `final`, `amended` and the like are states of the content, not of the reference.
    let content_state = own.state.as_deref().and_then(|own| one_of(own, "preliminary final amended"));
    let read = own.state.as_deref().filter(|_| content_state.is_none());
    fields.put_text("status", Some(state(writer, entry, "DocumentReference", read, "current")));
    fields.put_text("docStatus", content_state);
    fields.put("type", Some(concept(&own.document_type)));
    fields.put_list("category", own.class.iter().map(concept).collect());
    fields.put("subject", Some(writer.subject()));
    fields.put_when("date", own.date);
    fields.put_list("author", own.authors.iter().map(anyone).collect());
    fields.put("custodian", own.custodian.as_ref().map(|own| super::element::actor_as(own, "Organization")));
    if let Some(replaced) = &own.replaces {
        let target = Fields::new().with("identifier", Fields::new().text("value", replaced).object()).object();
        fields.put_list("relatesTo", vec![Fields::new().text("code", "replaces").with("target", target).object()]);
    }
    fields.put_text("description", own.description.as_deref());
    fields.put_list("securityLabel", own.confidentiality.iter().map(label).collect());
    let is_given = bytes.is_some();
    let size = bytes.as_ref().and_then(|bytes| u64::try_from(bytes.len()).ok()).or(own.size);
    let original = |name: &str| entry.provenance.original.get(name).map(|text| Json::from(text.as_str()));
    let text = own.text.as_deref().filter(|_| bytes.is_none() && own.media_type.is_none());
    let data = bytes.or_else(|| text.map(|text| text.as_bytes().to_vec()));
    let attachment = Fields::new()
        .maybe("contentType", own.media_type.as_deref().or(text.map(|_| "text/plain")).map(Json::from))
        .maybe("language", own.language.as_deref().map(Json::from))
        .maybe("data", data.as_ref().map(|data| Json::from(STANDARD.encode(data))))
        .maybe("url", own.address.as_deref().map(Json::from))
        .maybe("size", size.map(number))
        .maybe("hash", original("sha1-base64"))
        .maybe("title", own.title.as_deref().map(Json::from))
        .maybe("creation", original("created"));
    let format = own.format.as_deref().map(|format| Fields::new().text("code", format).object());
    fields.put_list(
        "content",
        vec![Fields::new().with("attachment", attachment.object()).maybe("format", format).object()],
    );
    let context = Fields::new()
        .list("event", concepts(&own.events))
        .maybe("period", period(own.care_start, own.care_end))
        .maybe("facilityType", maybe_concept(own.facility.as_ref()))
        .maybe("practiceSetting", maybe_concept(own.setting.as_ref()));
    fields.put("context", Some(context.object()));
    if own.text.is_some() && text.is_none() {
        writer.lose(entry, "text", LossReason::TextInFile);
    }
    if own.category != crate::fhir::document::category(&own.document_type, own.class.as_ref()) {
        writer.lose(entry, "category", LossReason::CategoryFromType);
    }
    // Where the bytes were once taken in, an address or words in their place do not give them.
    if !is_given && (own.sha256.is_some() || data.is_none() && own.address.is_none()) {
        writer.lose(entry, "attachment", LossReason::FileNotGiven);
    }
}

/// A mark of confidentiality; a mark is never dropped.
fn label(own: &Confidentiality) -> Json {
    const HL7: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
    const NATIONAL: &str =
        "https://mos.esante.gouv.fr/NOS/TRE_A07-StatusVisibiliteDocument/FHIR/TRE-A07-StatusVisibiliteDocument";
    let system = if own.as_str().len() == 1 { HL7 } else { NATIONAL };
    concept(&Concept::from_code(system, own.as_str()))
}

/// `root^extension` as an identifier of its own system.
fn pair(id: &str) -> Option<Json> {
    let (root, extension) = id.split_once('^')?;
    let is_oid = root.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let system = if is_oid { format!("urn:oid:{root}") } else { root.to_owned() };
    Some(Fields::new().text("system", &system).text("value", extension).object())
}

/// An OID or UUID as an address; anything else as it is.
fn urn(id: &str) -> String {
    let is_oid = id.contains('.') && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_oid {
        format!("urn:oid:{id}")
    } else if is_uuid {
        format!("urn:uuid:{id}")
    } else {
        id.to_owned()
    }
}
