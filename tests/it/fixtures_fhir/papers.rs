//! Members of what describes documents: `DocumentReference`, `List`, and the contents attached to them.

use carnet_record::When;
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use super::{Given, all_codings, has_identifier, identifiers, list, list_contains, paper};

#[expect(clippy::too_many_lines, reason = "one arm for each name that an expectation uses")]
pub(super) fn document_member(leaves: &mut Leaves, file: &str, path: &str, name: &str, value: &Value, given: &Given) {
    let own = paper(given);
    let found = format!("{}", serde_json::to_value(&given.draft.fact).unwrap());
    let mut all = |holds: bool| leaves.check_all(file, path, holds, &found);
    match name {
        "master" => {
            let wanted = value.as_str().unwrap_or_default();
            let plain = wanted.trim_start_matches("urn:oid:").trim_start_matches("urn:uuid:");
            all(own.unique_id.as_deref() == Some(plain));
        }
        "status" => all(own.state.as_deref() == value.as_str()),
        "type" | "code" => all(all_codings(value, &own.document_type)),
        "category" => all(own.class.as_ref().is_some_and(|class| all_codings(&value[0], class))),
        "date" => all(own.date.map(|when| when.to_string()).as_deref() == value.as_str()),
        "title" => all(own.title.as_deref() == value.as_str()),
        "author" => {
            for (at, author) in list(value).iter().enumerate() {
                let reference = author["reference"].as_str().unwrap_or_default();
                let actor = own.authors.get(at);
                let kept = actor.is_some_and(|actor| {
                    actor.reference.as_deref() == Some(reference)
                        || (reference.starts_with('#') && !actor.identifiers.is_empty())
                });
                leaves.check_all(file, &format!("{path}/{at}"), kept, &found);
            }
        }
        "custodian" => {
            all(own.custodian.as_ref().is_some_and(|actor| actor.reference.as_deref() == value["reference"].as_str()));
        }
        "format" => all(list(value)
            .iter()
            .all(|format| format.is_null() && own.format.is_none() || format.as_str() == own.format.as_deref())),
        "securityLabel" => all(list(value)
            .iter()
            .all(|label| own.confidentiality.iter().any(|mark| Some(mark.as_str()) == label[0][1].as_str()))),
        "period" => {
            let told = |when: Option<When>| when.map(|when| when.to_string());
            let holds = told(own.care_start).as_deref() == value["start"].as_str()
                && told(own.care_end).as_deref() == value["end"].as_str();
            all(holds);
        }
        "contained" => {
            for (at, contained) in list(value).iter().enumerate() {
                let path = format!("{path}/{at}");
                let is_author = list(&contained[2])
                    .iter()
                    .any(|id| own.authors.iter().any(|actor| has_identifier(id, &actor.identifiers)));
                if is_author {
                    leaves.check_all(file, &format!("{path}/2"), true, "");
                    leaves.skip(file, &path, "the local name of a contained resource is not kept");
                } else {
                    leaves.skip(file, &path, "the contained Patient repeats the subject");
                }
            }
        }
        "attachments" => attachments(leaves, file, path, value, given),
        "contentType" => all(own.media_type.as_deref() == value.as_str()),
        "bytes" => all(given.bytes.as_ref().map(|bytes| bytes.len() as u64) == value.as_u64()),
        "sha256" => all(own.sha256.as_deref() == value.as_str()),
        "starts" => {
            all(given.bytes.as_ref().is_some_and(|bytes| bytes.starts_with(value.as_str().unwrap().as_bytes())));
        }
        "sections" => {
            let text = own.text.as_deref().unwrap_or_default();
            for (at, section) in list(value).iter().enumerate() {
                leaves.check_all(
                    file,
                    &format!("{path}/{at}/1"),
                    section[1].as_str().is_some_and(|title| text.contains(title)),
                    "no such section",
                );
                leaves.skip(file, &format!("{path}/{at}/0"), "the code of a section of narrative is not kept");
            }
            let entries: u64 = list(value).iter().filter_map(|section| section[2].as_u64()).sum();
            let links = given.draft.links.len() as u64;
            for at in 0..list(value).len() {
                leaves.check_all(
                    file,
                    &format!("{path}/{at}/2"),
                    links == entries,
                    &format!("{links} links of {entries}"),
                );
            }
        }
        "identifiers" => identifiers(leaves, file, path, value, &given.draft.provenance.identifiers),
        other => panic!("{file}{path}: no check for {other} of a document"),
    }
}

fn attachments(leaves: &mut Leaves, file: &str, path: &str, value: &Value, given: &Given) {
    let own = paper(given);
    let attachment = &value[0];
    leaves.require(file, list(value).len() == 1, "one attachment");
    for (name, part) in attachment.as_object().unwrap() {
        let path = format!("{path}/0/{name}");
        let text = part.as_str();
        let (holds, found) = match name.as_str() {
            "contentType" => (own.media_type.as_deref() == text, format!("{:?}", own.media_type)),
            "title" => (own.title.as_deref() == text, format!("{:?}", own.title)),
            "language" => (own.language.as_deref() == text, format!("{:?}", own.language)),
            "hash" => (given.original("sha1-base64") == text, format!("{:?}", given.original("sha1-base64"))),
            "creation" => (given.original("created") == text, format!("{:?}", given.original("created"))),
            "data_sha256" => (own.sha256.as_deref() == text, format!("{:?}", own.sha256)),
            "url" if given.bytes.is_some() => (true, String::new()),
            "url" => (own.address.as_deref() == text, format!("{:?}", own.address)),
            "size" if given.bytes.is_some() => {
                // The size said is not the size found: the found one is kept, and told.
                (
                    own.size == part.as_u64()
                        || given.bytes.as_ref().is_some_and(|bytes| own.size == Some(bytes.len() as u64)),
                    format!("{:?}", own.size),
                )
            }
            "data_bytes" | "size" => (own.size == part.as_u64(), format!("{:?}", own.size)),
            _ => {
                leaves.skip(file, &path, "SHA-1 is not computed");
                continue;
            }
        };
        leaves.check(file, &path, holds, &found);
    }
}

pub(super) fn list_resource(leaves: &mut Leaves, file: &str, path: &str, name: &str, value: &Value, given: &Given) {
    let resource = given.resource();
    let holds = match name {
        "status" | "mode" | "title" | "date" => &resource[name] == value,
        "subject" | "source" => list_contains(value, &resource[name]),
        "code" => list(value)
            .iter()
            .all(|code| resource["code"]["coding"].as_array().unwrap().iter().any(|own| own["code"] == code[1])),
        "identifiers" => {
            list(value).iter().all(|id| list(&resource["identifier"]).iter().any(|own| own["value"] == id[1]))
        }
        "items" => list(value).iter().enumerate().all(|(at, item)| resource["entry"][at]["item"]["reference"] == *item),
        other => panic!("{file}{path}: no check for {other} of a List"),
    };
    leaves.check_all(file, path, holds, "another");
}
