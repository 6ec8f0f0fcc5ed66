//! `DocumentReference` and `Binary`: papers with their metadata (FHIR R4; IHE MHD; `PDSm` 3.1.1, read leniently).

use base64::{Engine as _, engine::general_purpose::GeneralPurpose};
use carnet_record::{
    Concept, SourceKey,
    code::system,
    kind::{
        Document,
        document::{Category, Confidentiality},
    },
    person::Identifier,
};

use super::{
    bundle::{Index, Resource},
    element::{concept, concept_at, concepts_at, instant_at, period_at, when_at},
    found::Found,
    json::Json,
};
use crate::document::{hex, named};

/// A paper of a resource: what is known of it, and its bytes when the file holds them.
pub(crate) struct Paper {
    pub(crate) found: Found,
    pub(crate) bytes: Option<Vec<u8>>,
    /// What distinguishes it from the other papers of the same resource.
    pub(crate) part: usize,
}

/// The papers of a `DocumentReference`: one for each of its contents.
pub(crate) fn document_reference<'a>(resource: &Resource<'a>, index: &Index<'a>) -> Vec<Paper> {
    let json = resource.reads(
        "masterIdentifier identifier status docStatus type category subject date author \
         custodian relatesTo description securityLabel content context",
    );
    let context = json.get("context");
    if context
        .is_some_and(|own| ["related", "sourcePatientInfo", "encounter"].iter().any(|name| own.get(name).is_some()))
    {
        resource.keeps("context");
    }
    if json.list("relatesTo").iter().any(|own| own.text("code") != Some("replaces")) {
        resource.keeps("relatesTo");
    }
    resource.keeps_lists("category relatesTo");
    let contents = json.list("content");
    let parts = contents.iter().enumerate().map(|(part, content)| paper(resource, index, json, Some(content), part));
    if contents.is_empty() { vec![paper(resource, index, json, None, 0)] } else { parts.collect() }
}

fn paper<'a>(
    resource: &Resource<'a>,
    index: &Index<'a>,
    json: &'a Json,
    content: Option<&'a Json>,
    part: usize,
) -> Paper {
    let attachment = content.and_then(|own| own.get("attachment"));
    let text = |name: &str| attachment.and_then(|own| own.text(name)).map(str::to_owned);
    let mut document = described(resource, index, json);
    document.title = text("title")
        .or_else(|| json.text("description").map(str::to_owned))
        .or_else(|| document.document_type.label().map(str::to_owned));
    document.media_type = text("contentType");
    document.language = text("language");
    let address = text("url");
    document.size = attachment.and_then(|own| own.text("size")).and_then(|size| size.parse().ok());
    document.format = content
        .and_then(|own| own.get("format"))
        .and_then(|own| own.text("code").or_else(|| own.as_text()))
        .map(str::to_owned);
    let mut remarks = Vec::new();
    let (bytes, media_type) = bytes_of(resource, index, attachment, &mut remarks);
    document.media_type = document.media_type.or(media_type);
    if let (Some(bytes), Some(said)) = (&bytes, document.size)
        && u64::try_from(bytes.len()).is_ok_and(|size| size != said)
    {
        remarks.push("size-differs");
    }
    if bytes.is_none() && remarks.is_empty() {
        remarks.push("content-missing");
    }
    document.address = address.filter(|_| bytes.is_none());
    let mut found = Found::new(document).with_state(json.text("status"));
    found.author = index.actors_at(resource, json, "author").into_iter().next();
    found.recorded_at = instant_at(json, "date");
    found.remarks = remarks;
    for (name, value) in [("sha1-base64", text("hash")), ("created", text("creation"))] {
        if let Some(value) = value {
            found.original.insert(name.to_owned(), value);
        }
    }
    Paper { found, bytes, part }
}

fn described<'a>(resource: &Resource<'a>, index: &Index<'a>, json: &'a Json) -> Document {
    let context = json.get("context");
    let (care_start, care_end) = context.map(|own| period_at(own, "period")).unwrap_or_default();
    let document_type = json.get("type").map(concept).unwrap_or_default();
    let class = json.list("category").first().map(concept);
    let labels = json.list("securityLabel").iter().map(concept);
    let confidentiality =
        labels.flat_map(|label| label.codings).map(|coding| Confidentiality::from(coding.code.as_str()));
    let relation = json.list("relatesTo").iter().find(|own| own.text("code") == Some("replaces"));
    let replaced = relation.and_then(|own| own.get("target"));
    let unique = super::element::identifiers_at(json, "masterIdentifier").into_iter().next();
    Document {
        date: when_at(json, "date"),
        category: category(&document_type, class.as_ref()),
        class,
        confidentiality: confidentiality.collect(),
        authors: index.actors_at(resource, json, "author"),
        custodian: json.get("custodian").and_then(|own| index.actor(resource, own)),
        unique_id: unique.as_ref().map(unique_text),
        replaces: replaced.and_then(|own| {
            own.text("reference")
                .map(str::to_owned)
                .or_else(|| super::element::identifiers_at(own, "identifier").first().map(unique_text))
        }),
        state: json.text("docStatus").or_else(|| json.text("status")).map(str::to_owned),
        description: json.text("description").map(str::to_owned),
        care_start,
        care_end,
        facility: context.and_then(|own| concept_at(own, "facilityType")),
        setting: context.and_then(|own| concept_at(own, "practiceSetting")),
        events: context.map(|own| concepts_at(own, "event")).unwrap_or_default(),
        document_type,
        ..Document::default()
    }
}

/// The bytes beside the reference, or in the Binary that its address leads to.
fn bytes_of<'a>(
    resource: &Resource<'a>,
    index: &Index<'a>,
    attachment: Option<&'a Json>,
    remarks: &mut Vec<&'static str>,
) -> (Option<Vec<u8>>, Option<String>) {
    let Some(attachment) = attachment else { return (None, None) };
    let target = attachment.text("url").and_then(|url| index.follow(resource, url));
    let binary = target.filter(|target| target.text("resourceType") == Some("Binary"));
    let data = attachment.text("data").or_else(|| binary.and_then(|own| own.text("data")));
    let bytes = data.and_then(decoded);
    if data.is_some() && bytes.is_none() {
        remarks.push("base64-damaged");
    }
    (bytes, binary.and_then(|own| own.text("contentType")).map(str::to_owned))
}

/// A Binary that no document of the file leads to.
pub(crate) fn binary(resource: &Resource<'_>, name: &str) -> Paper {
    let json = resource.reads("contentType data securityContext");
    let media_type = json.text("contentType").unwrap_or("application/octet-stream");
    let bytes = json.text("data").and_then(decoded);
    let mut found = Found::new(named(resource.id().unwrap_or(name), media_type));
    if bytes.is_none() {
        found.remarks.push(if json.get("data").is_some() { "base64-damaged" } else { "content-missing" });
    }
    Paper { found, bytes, part: 0 }
}

/// The papers inside a `DiagnosticReport`.
pub(crate) fn presented_forms(resource: &Resource<'_>) -> Vec<Paper> {
    let json = resource.reads("presentedForm");
    let code = json.get("code").map(concept).unwrap_or_default();
    let paper = |(part, own): (usize, &Json)| {
        let bytes = own.text("data").and_then(decoded);
        let document = Document {
            title: own.text("title").or_else(|| code.label()).map(str::to_owned),
            date: when_at(own, "creation").or_else(|| when_at(json, "issued")),
            category: category(&code, None),
            document_type: code.clone(),
            media_type: own.text("contentType").map(str::to_owned),
            address: own.text("url").map(str::to_owned),
            ..Document::default()
        };
        let mut found = Found::new(document).with_state(json.text("status"));
        if bytes.is_none() {
            found.remarks.push("content-missing");
        }
        Paper { found, bytes, part }
    };
    json.list("presentedForm").iter().enumerate().map(paper).collect()
}

/// Any resource as a document: what has no kind of its own, and what may mean the contrary of what it seems.
pub(crate) fn resource_as_document(resource: &Resource<'_>) -> Paper {
    let json = resource.json;
    let label = ["code", "category", "type"]
        .iter()
        .find_map(|name| json.list(name).first().map(concept)?.label().map(str::to_owned));
    let said = json.text("title").or_else(|| json.text("description")).map(str::to_owned).or(label);
    let title = said.map_or_else(|| resource.kind.to_owned(), |said| format!("{}: {said}", resource.kind));
    let (start, _) = period_at(json, "period");
    let dates = ["date", "created", "started", "authoredOn", "recordedDate", "effectiveDateTime", "issued"];
    let document = Document {
        title: Some(title.chars().take(crate::intake::bounds::TITLE_CHARS_MAX).collect()),
        date: dates.iter().find_map(|name| when_at(json, name)).or(start),
        document_type: Concept::from_text(resource.kind),
        category: Some(Category::Autre),
        media_type: Some("application/fhir+json".to_owned()),
        file_name: Some(format!("{}.json", resource.kind)),
        text: super::element::narrative(json).map(|text| text.chars().take(TEXT_CHARS_MAX).collect()),
        ..Document::default()
    };
    let found = Found { is_whole: false, ..Found::new(document) };
    Paper { found, bytes: Some(json.to_text().into_bytes()), part: 0 }
}

/// The identity of a paper, the same by every route: the producer's unique identifier, else the bytes.
pub(crate) fn document_key(document: &Document, bytes: Option<&[u8]>, part: usize, otherwise: SourceKey) -> SourceKey {
    let part = part.to_string();
    match (&document.unique_id, bytes) {
        (Some(id), _) if part == "0" => SourceKey::new("document", [id.as_str()]),
        (Some(id), _) => SourceKey::new("document", [id.as_str(), &part]),
        (None, Some(bytes)) => SourceKey::new("document", [sha256_hex(bytes).as_str()]),
        (None, None) if part == "0" => otherwise,
        (None, None) => SourceKey::new("document-part", [otherwise.as_str(), &part]),
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;

    hex(&sha2::Sha256::digest(bytes))
}

/// A unique identifier as CDA headers write it: an OID bare, `root^extension` for a pair.
pub(crate) fn unique_text(identifier: &Identifier) -> String {
    let value = identifier
        .value
        .strip_prefix("urn:oid:")
        .or_else(|| identifier.value.strip_prefix("urn:uuid:"))
        .unwrap_or(&identifier.value);
    let system = identifier.system.strip_prefix("urn:oid:").unwrap_or(&identifier.system);
    if system.is_empty() || system == "urn:ietf:rfc:3986" { value.to_owned() } else { format!("{system}^{value}") }
}

/// The category of Mon espace santé that a type or class of document belongs to.
pub(crate) fn category(document_type: &Concept, class: Option<&Concept>) -> Option<Category> {
    let by_type = document_type.codings.iter().find_map(|coding| {
        Some(match coding.code.as_str() {
            "11502-2" | "96173-0" | "DOCPAT05" => Category::Biologie,
            "18748-4" | "55115-0" | "DOCPAT04" => Category::Radiologie,
            "57833-6" | "60593-1" | "57828-6" | "DOCPAT02" => Category::OrdonnancesSoins,
            "87273-9" | "11369-6" => Category::CarnetVaccination,
            "60591-5" | "SYNTH" | "34133-9" | "74207-2" | "DOCPAT01" => Category::Synthese,
            "CERT_DECL" | "DOCPAT07" => Category::Certificat,
            "REMB" => Category::Remboursement,
            "EXPPAT_3" | "42348-3" => Category::DirectivesAnticipees,
            "EXPPAT_1" => Category::Volontes,
            "DOCPAT03" | "11488-4" | "11490-0" | "34112-3" | "18761-7" | "34749-2" | "85208-7" | "15507-7" => {
                Category::CompteRendu
            }
            "DOCPAT06" => Category::Depistage,
            "DOCPAT08" => Category::SyntheseProfil,
            "DOCPAT09" => Category::Administratif,
            _ => return None,
        })
    });
    let classes = class.map(|own| own.codings.as_slice()).unwrap_or_default();
    by_type.or_else(|| {
        classes.iter().filter(|coding| coding.system != system::LOINC).find_map(|coding| {
            Some(match coding.code.as_str() {
                "10" => Category::CompteRendu,
                "11" => Category::Synthese,
                "31" => Category::Radiologie,
                "42" | "43" | "45" => Category::OrdonnancesSoins,
                "52" => Category::Certificat,
                "60" => Category::Remboursement,
                "90" => Category::Autre,
                _ => return None,
            })
        })
    })
}

/// Base64 with or without padding and blanks.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let plain: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(plain).ok()
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Characters of a narrative that is kept beside its document.
pub(crate) const TEXT_CHARS_MAX: usize = 100_000;
