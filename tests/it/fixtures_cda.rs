//! Published clinical documents: the 25 French examples (CI-SIS, IPS-FR, VSM) and four C-CDA.
//!
//! A person who imports a document must find in the record what a reader finds in the document, and nothing that is
//! not the person's. Each leaf of what the examples are said to hold is compared with what the reader hands on; an
//! observation that is on purpose no entry of its own must be counted as set aside.

mod observations;
mod products;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use carnet_interop::cda::{AttachmentRole, attachments};
use carnet_interop::intake::{self, Options, WHOLE_FILE};
use carnet_record::item::{Item, Tally};
use carnet_record::kind::document::Confidentiality;
use carnet_record::kind::result::{LabResult, ResultValue};
use carnet_record::kind::{Document, Fact, ImportReport};
use carnet_record::person::{Actor, NameUse, Sex, SubjectClaim, normal_identifier_system};
use carnet_record::{Concept, Draft, ZoneHistory, code::normal_system};
use carnet_tests::fixtures::Leaves;
use serde_json::Value;

use self::{observations::observations, products::products};

/// Compares every published clinical document with what it is said to hold.
pub(crate) fn check(fixtures: &Path) -> Leaves {
    let mut leaves = Leaves::default();
    let national = expectations(&fixtures.join("national/expected.json"));
    for (file, entry) in national.iter().filter(|(file, entry)| is_cda(file, entry)) {
        let sha256 = text(&entry["source"]["sha256"]).unwrap_or_default();
        leaves.absorb(national_file(&fixtures.join("national"), file, sha256, &entry["expect"]));
    }
    let standards = expectations(&fixtures.join("standards/expected.json"));
    for (file, entry) in standards.iter().filter(|(_, entry)| entry["kind"] == "cda") {
        leaves.absorb(standard_file(fixtures, file, entry));
    }
    leaves
}

fn expectations(path: &Path) -> BTreeMap<String, Value> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_cda(file: &str, entry: &Value) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "xml") && entry["expect"]["kind"] == "CDA R2"
}

/// Everything the reader handed on for one file.
struct Imported {
    subject: Option<SubjectClaim>,
    document: Draft,
    bytes: Vec<u8>,
    drafts: Vec<Draft>,
    tally: Tally,
}

impl Imported {
    fn of(bytes: &[u8]) -> Self {
        let options = Options {
            source_name: "document.xml".to_owned(),
            home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
            with_positions: false,
            now_ms: 1_790_000_000_000,
        };
        let (mut subject, mut document, mut kept, mut drafts) = (None, None, Vec::new(), Vec::new());
        let tally = intake::read(Cursor::new(bytes), &options, &mut |item| {
            match item {
                Item::Subject(claim) => subject = Some(*claim),
                Item::DocumentStart { draft } => {
                    assert!(document.replace(*draft).is_none(), "more than one document");
                }
                Item::DocumentBytes(piece) => kept.extend(piece),
                Item::Draft(draft) => drafts.push(*draft),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
        Self { subject, document: document.unwrap(), bytes: kept, drafts, tally }
    }

    fn document(&self) -> &Document {
        let Fact::Document(document) = &self.document.fact else { panic!("no document") };
        document
    }

    fn original(&self, name: &str) -> Option<&str> {
        self.document.provenance.original.get(name).map(String::as_str)
    }

    /// Parts of the originals named `name[00]`, `name[01]`…
    fn originals(&self, name: &str) -> Vec<Vec<&str>> {
        let prefix = format!("{name}[");
        let originals = self.document.provenance.original.iter();
        originals.filter(|(key, _)| key.starts_with(&prefix)).map(|(_, value)| value.split('|').collect()).collect()
    }
}

/// What must hold of every document: whole, one, provenance everywhere, sums that hold, nothing new the second time,
/// and no crash on damaged bytes.
fn holds_always(leaves: &mut Leaves, file: &str, bytes: &[u8], imported: &Imported) {
    leaves.require(file, imported.bytes == bytes, "the document is kept byte for byte");
    let document = imported.document();
    leaves.require(file, document.size == Some(bytes.len() as u64), "the size is the document's");
    let mut report = ImportReport::from_tally(&imported.tally);
    for draft in std::iter::once(&imported.document).chain(&imported.drafts) {
        report.counts.entry(draft.fact.kind().to_owned()).or_default().added += 1;
    }
    leaves.require(file, report.sums_hold(), &format!("sums: {:?}", report.counts));
    let keys: BTreeSet<_> = imported.drafts.iter().map(|draft| draft.source_key.clone()).collect();
    leaves.require(file, keys.len() == imported.drafts.len() && !keys.contains(&None), "each entry has its own key");
    let again = Imported::of(bytes);
    leaves.require(file, again.drafts == imported.drafts && again.document == imported.document, "twice the same");
    let with_place = |draft: &Draft| draft.provenance.source.as_ref().is_some_and(|source| source.sha256.len() == 64);
    leaves.require(file, imported.drafts.iter().all(with_place), "every entry has its provenance");
    let document_key = imported.document.source_key.clone().unwrap();
    let is_linked = |draft: &Draft| draft.links.iter().any(|(to, _)| *to == document_key);
    leaves.require(file, imported.drafts.iter().all(is_linked), "every entry links to the document");
    let is_shown_as_result = |draft: &Draft| matches!(&draft.fact, Fact::Result(result) if result.code.codings.iter().any(|coding| coding.code == "69764-9"));
    leaves.require(file, !imported.drafts.iter().any(is_shown_as_result), "the type of a paper is no result");
    damaged(bytes);
}

/// Cut at every tenth of its length, one byte flipped at every tenth: an error or an import, never a panic.
fn damaged(bytes: &[u8]) {
    let options = Options {
        source_name: "damaged.xml".to_owned(),
        home_zone: ZoneHistory::utc(),
        with_positions: false,
        now_ms: 0,
    };
    for tenth in 0..10 {
        let at = bytes.len() * tenth / 10;
        let _ = intake::read(Cursor::new(&bytes[..at]), &options, &mut |_| Ok(()));
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x20;
        let _ = intake::read(Cursor::new(&flipped), &options, &mut |_| Ok(()));
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// White space as one space, as the readers of both sides may differ in it.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn same_words(expected: &Value, found: Option<&str>) -> bool {
    text(expected).map(plain).filter(|text| !text.is_empty()) == found.map(plain).filter(|text| !text.is_empty())
}

fn national_file(folder: &Path, file: &str, sha256: &str, expected: &Value) -> Leaves {
    let mut leaves = Leaves::of(file, expected);
    let bytes = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let imported = Imported::of(&bytes);
    let document = imported.document();
    leaves.require(file, document.sha256.as_deref() == Some(sha256), "fixture changed");
    holds_always(&mut leaves, file, &bytes, &imported);
    let kind = imported.tally.members.get(WHOLE_FILE).map(String::as_str);
    leaves.check(file, "/kind", kind == Some("cda"), &format!("{kind:?}"));
    if expected.get("root_is_not_ClinicalDocument").is_some() {
        let media_type = document.media_type.as_deref();
        let holds = media_type == Some("application/xslt+xml");
        leaves.check_all(file, "/root_is_not_ClinicalDocument", holds, &format!("{media_type:?}"));
    }
    header(&mut leaves, file, expected, &imported);
    people(&mut leaves, file, expected, &imported);
    sections(&mut leaves, file, &expected["sections"], &imported, true);
    papers(&mut leaves, file, expected, &bytes, &imported);
    observations(&mut leaves, file, expected, &imported);
    products(&mut leaves, file, expected, &imported);
    leaves
}

fn header(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let document = imported.document();
    let mut words = |path: &str, found: Option<&str>| {
        let expected = expected.pointer(path).unwrap_or(&Value::Null);
        leaves.check(file, path, same_words(expected, found), &format!("{found:?}"));
    };
    words("/title", document.title.as_deref());
    words("/uniqueId", document.unique_id.as_deref());
    words("/setId", document.set_id.as_deref());
    words("/version", document.version.as_deref());
    words("/creationTime", imported.original("time"));
    words("/language", document.language.as_deref());
    words("/confidentiality", document.confidentiality.first().map(Confidentiality::as_str));
    words("/legalAuthenticator", imported.original("legal_authenticator"));
    words("/custodian", document.custodian.as_ref().and_then(|actor| actor.name.as_deref()));
    words("/healthcareFacilityTypeCode", first_code(document.facility.as_ref()));
    words("/practiceSettingCode", first_code(document.setting.as_ref()));
    let coding = document.document_type.codings.first();
    words("/typeCode/code", coding.map(|coding| coding.code.as_str()));
    words("/typeCode/display", coding.and_then(|coding| coding.display.as_deref()));
    let system = text(&expected["typeCode"]["system"]).map(system_of);
    let holds = system.as_deref() == coding.map(|coding| coding.system.as_str());
    leaves.check(file, "/typeCode/system", holds, &format!("{coding:?}"));
    let templates: Vec<&str> = imported.original("templates").unwrap_or_default().split(' ').collect();
    let wanted = list(&expected["templateIds"]);
    for (index, template) in wanted.iter().enumerate() {
        let found = templates.get(index).copied();
        leaves.check(file, &format!("/templateIds/{index}"), text(template) == found, &format!("{found:?}"));
    }
    leaves.require(file, templates.len() == wanted.len(), "no other template");
    if list(&expected["replaces"]).is_empty() {
        leaves.check(file, "/replaces", document.replaces.is_none(), &format!("{:?}", document.replaces));
    }
    for (index, replaced) in list(&expected["replaces"]).iter().enumerate() {
        let holds = text(replaced) == document.replaces.as_deref();
        leaves.check(file, &format!("/replaces/{index}"), holds, &format!("{:?}", document.replaces));
    }
    service_events(leaves, file, expected, imported);
}

fn service_events(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let mut codes = imported.document().events.iter();
    for (index, event) in list(&expected["serviceEvents"]).iter().enumerate() {
        let path = |name: &str| format!("/serviceEvents/{index}/{name}");
        let code = if event["code"].is_null() { None } else { codes.next() };
        let found = first_code(code);
        leaves.check(file, &path("code"), text(&event["code"]) == found, &format!("{found:?}"));
        for (name, end) in [("low", "start"), ("high", "end")] {
            let found = imported.original(&format!("event[{index:02}].{end}"));
            leaves.check(file, &path(name), text(&event[name]) == found, &format!("{found:?}"));
        }
    }
    leaves.require(file, codes.next().is_none(), "no other act");
}

fn people(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported) {
    let subject = imported.subject.as_ref().unwrap();
    for (index, id) in list(&expected["patientIds"]).iter().enumerate() {
        let found = subject.identifiers.get(index);
        let root = text(&id["root"]).map(normal_identifier_system);
        let holds = found.is_some_and(|found| {
            Some(found.system.as_str()) == root.as_deref() && Some(found.value.as_str()) == text(&id["ext"])
        });
        leaves.check_all(file, &format!("/patientIds/{index}"), holds, &format!("{found:?}"));
    }
    for (index, part) in list(&expected["patientName"]).iter().enumerate() {
        let value = plain(text(&part["value"]).unwrap_or_default());
        let used_as = match text(&part["qualifier"]) {
            Some("CL" | "SP") => Some(NameUse::Used),
            Some("BR") => Some(NameUse::Birth),
            _ => subject.names.first().and_then(|name| name.used_as.clone()),
        };
        let holds = subject.names.iter().filter(|name| name.used_as == used_as).any(|name| match text(&part["part"]) {
            Some("family") => name.family.as_deref() == Some(&value),
            Some("given") => name.given.contains(&value),
            Some("prefix") => name.prefix.contains(&value),
            Some("suffix") => name.suffix.contains(&value),
            _ => false,
        });
        leaves.check_all(file, &format!("/patientName/{index}"), holds, &format!("{:?}", subject.names));
    }
    let birth = subject.birth_date.map(|date| date.to_string().replace('-', ""));
    leaves.check(file, "/birthTime", text(&expected["birthTime"]) == birth.as_deref(), &format!("{birth:?}"));
    let sex = match text(&expected["gender"]) {
        Some("F") => "female",
        Some("M") => "male",
        other => other.unwrap_or_default(),
    };
    let found = subject.sex.as_ref().map(Sex::as_str);
    leaves.check(file, "/gender", found == Some(sex), &format!("{found:?}"));
    let authors = &imported.document().authors;
    for (index, author) in list(&expected["authors"]).iter().enumerate() {
        one_author(leaves, file, index, author, authors.get(index));
    }
    leaves.require(file, authors.len() == list(&expected["authors"]).len(), "no other author");
}

fn one_author(leaves: &mut Leaves, file: &str, index: usize, expected: &Value, found: Option<&Actor>) {
    let path = |name: &str| format!("/authors/{index}/{name}");
    let name = found.and_then(|actor| actor.name.as_deref());
    leaves.check(file, &path("name"), same_words(&expected["name"], name), &format!("{name:?}"));
    let organisation = found.and_then(|actor| actor.organisation.as_deref());
    leaves.check(file, &path("org"), same_words(&expected["org"], organisation), &format!("{organisation:?}"));
    for (number, id) in list(&expected["ids"]).iter().enumerate() {
        let (root, extension) = text(id).and_then(|id| id.split_once('^')).unwrap();
        let id = found.and_then(|actor| actor.identifiers.get(number));
        let holds = id.is_some_and(|id| id.system == normal_identifier_system(root) && id.value == extension);
        leaves.check(file, &path(&format!("ids/{number}")), holds, &format!("{id:?}"));
    }
    let at = found.and_then(|actor| actor.at).map(|at| at.to_string());
    let wanted = text(&expected["time"]).and_then(instant_text);
    leaves.check(file, &path("time"), wanted == at, &format!("{at:?}"));
}

/// A time with offset, and with or without seconds, as the model writes it.
fn instant_text(time: &str) -> Option<String> {
    let (clock, offset) = time.split_at_checked(time.find(['+', '-'])?)?;
    let part = |from: usize| clock.get(from..from + 2).unwrap_or("00");
    let (year, hours, minutes) = (clock.get(..4)?, offset.get(..3)?, offset.get(3..)?);
    Some(format!("{year}-{}-{}T{}:{}:{}{hours}:{minutes}", part(4), part(6), part(8), part(10), part(12)))
}

/// Sections of the body in order; those inside others are read too and are not in the expectation.
fn sections(leaves: &mut Leaves, file: &str, expected: &Value, imported: &Imported, with_words: bool) {
    let found: Vec<Vec<&str>> = imported.originals("section").into_iter().filter(|parts| parts[0] == "0").collect();
    if list(expected).is_empty() {
        leaves.check(file, "/sections", found.is_empty(), &format!("{found:?}"));
    }
    leaves.require(file, found.len() == list(expected).len(), "no other section");
    for (index, section) in list(expected).iter().enumerate() {
        let path = |name: &str| format!("/sections/{index}/{name}");
        let Some(parts) = found.get(index) else { continue };
        leaves.check(file, &path("code"), text(&section["code"]) == Some(parts[1]), parts[1]);
        let entries = section["entries"].to_string();
        leaves.check(file, &path("entries"), entries == parts[2], parts[2]);
        let title = parts[4..].join("|");
        leaves.check(file, &path("title"), same_words(&section["title"], Some(&title)), &title);
        if with_words {
            // The readable text is laid out anew, so that its length differs; that there is one does not.
            let characters = section["narrative_chars"].as_u64().unwrap_or_default();
            let holds = (characters == 0) == (parts[3] == "0");
            leaves.check(file, &path("narrative_chars"), holds, parts[3]);
        }
    }
}

/// Papers and pictures inside, by size and digest, taken out of the bytes that are kept.
fn papers(leaves: &mut Leaves, file: &str, expected: &Value, bytes: &[u8], imported: &Imported) {
    let found = attachments(bytes).unwrap();
    let noted = imported.originals("attachment");
    leaves.require(file, noted.len() == found.len(), "every paper is noted");
    let of_body: Vec<_> = found.iter().filter(|paper| paper.role == AttachmentRole::Body).collect();
    let inside: Vec<_> = found.iter().filter(|paper| paper.role != AttachmentRole::Body).collect();
    if let Some(body) = expected.get("nonXMLBody") {
        let paper = of_body.first().unwrap();
        let holds = body["bytes"].as_u64() == Some(paper.bytes.len() as u64)
            && text(&body["sha256"]) == Some(&hex(&paper.sha256))
            && text(&body["mediaType"]) == paper.declared.as_deref()
            && text(&body["magic"]).is_some_and(|magic| paper.bytes.starts_with(magic.as_bytes()));
        leaves.check_all(file, "/nonXMLBody", holds, &format!("{:?}", paper.declared));
    }
    if list(&expected["embedded"]).is_empty() {
        leaves.check(file, "/embedded", inside.is_empty(), &format!("{}", inside.len()));
    }
    leaves.require(file, inside.len() == list(&expected["embedded"]).len(), "no other paper");
    for (index, wanted) in list(&expected["embedded"]).iter().enumerate() {
        let path = |name: &str| format!("/embedded/{index}/{name}");
        let Some(paper) = inside.get(index) else { continue };
        let digest = hex(&paper.sha256);
        leaves.check(file, &path("sha256"), text(&wanted["sha256"]) == Some(&digest), &digest);
        let size = paper.bytes.len() as u64;
        leaves.check(file, &path("bytes"), wanted["bytes"].as_u64() == Some(size), &size.to_string());
        let declared = paper.declared.as_deref();
        leaves.check(file, &path("mediaType"), text(&wanted["mediaType"]) == declared, &format!("{declared:?}"));
        let is_noted = noted.iter().any(|parts| parts.get(2) == Some(&digest.as_str()));
        leaves.require(file, is_noted, "the digest of each paper is in the report");
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

fn standard_file(fixtures: &Path, file: &str, expected: &Value) -> Leaves {
    let mut leaves = Leaves::of(file, expected);
    let bytes = std::fs::read(fixtures.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let imported = Imported::of(&bytes);
    let document = imported.document();
    holds_always(&mut leaves, file, &bytes, &imported);
    let sha256 = document.sha256.as_deref();
    leaves.check(file, "/sha256", text(&expected["sha256"]) == sha256, "fixture changed");
    leaves.check(file, "/bytes", expected["bytes"].as_u64() == document.size, &format!("{:?}", document.size));
    let kind = imported.tally.members.get(WHOLE_FILE).map(String::as_str);
    leaves.check(file, "/kind", kind == Some("cda"), &format!("{kind:?}"));
    let media_type = document.media_type.as_deref();
    leaves.check(file, "/root", media_type == Some("application/hl7-cda+xml"), &format!("{media_type:?}"));
    leaves.check(file, "/title", same_words(&expected["title"], document.title.as_deref()), "title");
    let time = imported.original("time");
    leaves.check(file, "/effectiveTime", text(&expected["effectiveTime"]) == time, &format!("{time:?}"));
    let birth = imported.subject.as_ref().and_then(|subject| subject.birth_date);
    let birth = birth.map(|date| date.to_string().replace('-', ""));
    leaves.check(file, "/birthTime", text(&expected["birthTime"]) == birth.as_deref(), &format!("{birth:?}"));
    let language = document.language.as_deref();
    leaves.check(file, "/languageCode", text(&expected["languageCode"]) == language, &format!("{language:?}"));
    let templates: Vec<&str> = imported.original("templates").unwrap_or_default().split(' ').collect();
    for (index, template) in list(&expected["templateIds"]).iter().enumerate() {
        let wanted = text(template).unwrap_or_default().replace(':', "^");
        let holds = templates.contains(&wanted.as_str());
        leaves.check(file, &format!("/templateIds/{index}"), holds, &format!("{templates:?}"));
    }
    let is_missing = imported.tally.warnings.iter().any(|group| group.reason == "content-missing");
    let holds = expected["nonXMLBody"].as_bool() == Some(is_missing);
    leaves.check(file, "/nonXMLBody", holds, &format!("{:?}", imported.tally.warnings));
    sections(&mut leaves, file, &expected["sections"], &imported, false);
    leaves
}

fn first_code(concept: Option<&Concept>) -> Option<&str> {
    concept.and_then(|concept| concept.codings.first()).map(|coding| coding.code.as_str())
}

/// The address of a code system that the expectation names by its OID.
fn system_of(oid: &str) -> String {
    normal_system(&normal_identifier_system(oid)).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The report that ships with the command is of this project, and reads without a remark.
#[test]
fn the_sample_report_gives_eleven_results_and_one_copy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/samples/laboratoire.xml");
    let bytes = std::fs::read(&path).unwrap();
    let imported = Imported::of(&bytes);
    let mut leaves = Leaves::default();
    holds_always(&mut leaves, "laboratoire.xml", &bytes, &imported);
    assert_eq!(leaves.wrong(), Vec::<String>::new());
    let results: Vec<&LabResult> = imported
        .drafts
        .iter()
        .map(|draft| match &draft.fact {
            Fact::Result(result) => &**result,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results.len(), 11, "ten values and one panel");
    let units = |code: &str| {
        let of_code = results.iter().filter(|result| result.code.codings.iter().any(|coding| coding.code == code));
        let value = of_code.clone().find_map(|result| result.value.clone());
        let Some(ResultValue::Quantity(quantity)) = value else { panic!("{code}: {value:?}") };
        quantity.to_string()
    };
    assert_eq!((units("40193-5"), units("53049-3")), ("5.10 mmol/L".to_owned(), "0.92 g/L".to_owned()));
    assert_eq!(units("5048-4"), "80", "a titre has no unit");
    assert!(imported.tally.warnings.is_empty() && imported.tally.refused.is_empty(), "{:?}", imported.tally);
    let papers = attachments(&bytes).unwrap();
    assert_eq!((papers.len(), papers[0].role), (1, AttachmentRole::Copy));
    assert!(papers[0].bytes.starts_with(b"%PDF-") && papers[0].media_type == "application/pdf");
    let subject = imported.subject.unwrap();
    assert_eq!(subject.identifiers[0].check_digits_hold(), Some(true));
}
