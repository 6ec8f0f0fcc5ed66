//! FHIR R4, read leniently and written strictly.
//!
//! Read: a lone resource, a Bundle of any type, one resource a line (NDJSON), in JSON or XML. Every resource becomes a
//! fact, or is kept as a document, or is set aside with a rule; nothing is dropped in silence. Never read as facts:
//! a resource with a modifier extension or implicit rules that we do not know (it may mean the contrary), and any
//! version but R4.
//!
//! Written: a Bundle of type `collection` ([`write`]). The table behind both is [`crate::mapping`].

pub(crate) mod bundle;
pub(crate) mod document;
pub(crate) mod element;
pub(crate) mod found;
pub mod json;

mod allergy;
mod appointment;
mod condition;
mod consent;
mod family;
mod goal;
mod immunization;
mod medication;
mod observation;
mod patient;
mod prevention;
mod procedure;
mod read;
mod reminder;
mod report;
mod version;
pub mod write;
mod xml;

use std::io::{BufRead, Read as _};

use carnet_record::item::Tally;

use self::json::Json;
use crate::intake::{ContainerError, ReadContext, Sink, UnsupportedFormat, bounds::JSON_BYTES_MAX};

/// Reads FHIR in JSON and hands on what it holds; gives the tally.
///
/// # Errors
/// [`ContainerError`] when the bytes are no JSON within bounds or no FHIR; then nothing was handed on.
pub(crate) fn read(
    input: &mut dyn BufRead,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let bytes = all_bytes(input)?;
    let parsed = json::parse(&bytes).map_err(|_| ContainerError::Json)?;
    let root = one_root(parsed.values)?;
    let source = read::Source { bytes: &bytes, media_type: "application/fhir+json", doubled_keys: parsed.doubled_keys };
    read::whole(&root, &source, context, out)
}

/// Reads FHIR in XML and hands on what it holds; gives the tally.
///
/// # Errors
/// [`ContainerError`] when the bytes are no XML within bounds; then nothing was handed on.
pub(crate) fn read_xml(
    input: &mut dyn BufRead,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let bytes = all_bytes(input)?;
    let root = xml::resource(&bytes)?;
    let source = read::Source { bytes: &bytes, media_type: "application/fhir+xml", doubled_keys: 0 };
    read::whole(&root, &source, context, out)
}

fn all_bytes(input: &mut dyn BufRead) -> Result<Vec<u8>, ContainerError> {
    let mut bytes = Vec::new();
    input.take(JSON_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > JSON_BYTES_MAX) {
        return Err(ContainerError::TooLarge);
    }
    Ok(bytes)
}

/// The resource to read: the value itself, the Bundle inside the payload of a health card, or a Bundle around several.
fn one_root(mut values: Vec<Json>) -> Result<Json, ContainerError> {
    let is_resource = |json: &Json| json.text("resourceType").is_some();
    if values.len() > 1 && values.iter().all(is_resource) {
        let entry = |resource| Json::Object(vec![("resource".to_owned(), resource)]);
        let entries = values.into_iter().map(entry).collect();
        return Ok(Json::Object(vec![
            ("resourceType".to_owned(), Json::from("Bundle")),
            ("type".to_owned(), Json::from("collection")),
            ("entry".to_owned(), Json::List(entries)),
        ]));
    }
    let value = if values.len() == 1 { values.remove(0) } else { Json::Null };
    if is_resource(&value) {
        return Ok(value);
    }
    let inner = value.get("vc").and_then(|own| own.get("credentialSubject")).and_then(|own| own.get("fhirBundle"));
    inner.filter(|inner| is_resource(inner)).cloned().ok_or(ContainerError::Unsupported(UnsupportedFormat::Json))
}

#[cfg(test)]
mod tests;
