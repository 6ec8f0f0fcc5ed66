//! What a document becomes, and what it must never become. The samples are ours; their people are invented.

mod hostile;
mod traps;

use carnet_record::code::system;
use carnet_record::item::{Item, Tally};
use carnet_record::kind::absence::{AbsenceMeaning, AbsenceOf};
use carnet_record::kind::document::Category;
use carnet_record::kind::result::ResultValue;
use carnet_record::kind::treatment::TreatmentRole;
use carnet_record::kind::{Document, Fact, ImportReport};
use carnet_record::person::{SubjectClaim, SubjectMatch};
use carnet_record::{Draft, LinkKind, Status, ZoneHistory};

use super::*;

const PATIENT: &str = "<recordTarget><patientRole>
    <id root='1.2.250.1.213.1.4.10' extension='284029999999904'/><id root='1.2.3.4' extension='IPP-7'/>
    <patient><name><family qualifier='BR'>DUFRESNE-EXEMPLE</family><given qualifier='BR'>CAMILLE</given></name>
    <administrativeGenderCode code='F'/><birthTime value='19840229'/></patient></patientRole></recordTarget>";

/// A document with this inside its header and its body.
fn with(header: &str, body: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>
        <ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>
        <templateId root='1.2.250.1.213.1.1.1.1'/><id root='1.2.3.9' extension='D1'/>
        <code code='11502-2' codeSystem='2.16.840.1.113883.6.1'/><title>Compte rendu</title>
        <effectiveTime value='20260105101500+0100'/><confidentialityCode code='N'/><languageCode code='fr-FR'/>
        <setId root='1.2.3.9' extension='S'/><versionNumber value='1'/>{header}
        <documentationOf><serviceEvent><effectiveTime><low value='20260104'/></effectiveTime></serviceEvent></documentationOf>
        <component>{body}</component></ClinicalDocument>"
    )
}

/// A document about the patient with one section.
fn section(code: &str, inner: &str) -> String {
    with(
        PATIENT,
        &format!(
            "<structuredBody><component><section><code code='{code}' codeSystem='2.16.840.1.113883.6.1'/>
            <title>Titre</title>{inner}</section></component></structuredBody>"
        ),
    )
}

/// A document about the patient with one entry in one section.
fn entry(code: &str, statement: &str) -> String {
    section(code, &format!("<entry>{statement}</entry>"))
}

fn observation(attributes: &str, code: &str, inner: &str) -> String {
    format!(
        "<observation classCode='OBS' moodCode='EVN' {attributes}><id root='1.2.3.8' extension='{code}'/>
        <code code='{code}' codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/>{inner}</observation>"
    )
}

#[derive(Debug)]
struct Imported {
    subject: Option<SubjectClaim>,
    document: Draft,
    bytes: Vec<u8>,
    drafts: Vec<Draft>,
    tally: Tally,
}

fn context() -> ReadContext {
    ReadContext {
        source_name: "compte-rendu.xml".to_owned(),
        sha256: "00".repeat(32),
        member: None,
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_790_000_000_000,
    }
}

fn try_import(bytes: &[u8]) -> Result<Imported, ContainerError> {
    let (mut subject, mut document, mut kept, mut drafts) = (None, None, Vec::new(), Vec::new());
    let tally = read(&mut &*bytes, &context(), &mut |item| {
        match item {
            Item::Subject(claim) => subject = Some(*claim),
            Item::DocumentStart { draft } => assert!(document.replace(*draft).is_none(), "a second document"),
            Item::DocumentBytes(piece) => kept.extend(piece),
            Item::Draft(draft) => drafts.push(*draft),
            _ => {}
        }
        Ok(())
    })?;
    let imported = Imported { subject, document: document.unwrap(), bytes: kept, drafts, tally };
    let mut report = ImportReport::from_tally(&imported.tally);
    for draft in std::iter::once(&imported.document).chain(&imported.drafts) {
        report.counts.entry(draft.fact.kind().to_owned()).or_default().added += 1;
    }
    assert!(report.sums_hold(), "{:?}", report.counts);
    Ok(imported)
}

fn import(text: &str) -> Imported {
    try_import(text.as_bytes()).unwrap()
}

impl Imported {
    fn document(&self) -> &Document {
        let Fact::Document(document) = &self.document.fact else { panic!() };
        document
    }

    /// The one draft.
    fn only(&self) -> &Draft {
        let [only] = self.drafts.as_slice() else { panic!("{} drafts: {:#?}", self.drafts.len(), self.drafts) };
        only
    }

    fn set_aside(&self) -> Vec<(&str, &str, u64)> {
        reasons(&self.tally.set_aside)
    }

    fn warnings(&self) -> Vec<(&str, &str, u64)> {
        reasons(&self.tally.warnings)
    }
}

fn reasons(groups: &[carnet_record::item::Grouped]) -> Vec<(&str, &str, u64)> {
    groups.iter().map(|group| (group.kind.as_str(), group.reason.as_str(), group.count)).collect()
}

#[test]
fn the_document_is_kept_whole_with_what_its_header_says() {
    let header = format!(
        "{PATIENT}<author><time value='20260105'/><assignedAuthor><id root='1.2' extension='3'/>
        <assignedPerson><name><prefix>DR</prefix><given>Ana</given><family>FICTIVE</family></name></assignedPerson>
        </assignedAuthor></author><author><assignedAuthor><assignedAuthoringDevice><softwareName>Labo 3</softwareName>
        </assignedAuthoringDevice></assignedAuthor></author>
        <relatedDocument typeCode='RPLC'><parentDocument><id root='1.2.3.9' extension='D0'/></parentDocument></relatedDocument>"
    );
    let text = with(&header, "<structuredBody/>");
    let imported = import(&text);
    assert_eq!(imported.bytes, text.as_bytes());
    let document = imported.document();
    assert_eq!(document.unique_id.as_deref(), Some("1.2.3.9^D1"));
    assert_eq!(document.set_id.as_deref(), Some("1.2.3.9^S"));
    assert_eq!(document.replaces.as_deref(), Some("1.2.3.9^D0"));
    assert_eq!(document.date.unwrap().to_string(), "2026-01-05T10:15:00+01:00");
    assert_eq!(document.category, Some(Category::Biologie));
    let names: Vec<_> = document.authors.iter().filter_map(|author| author.name.as_deref()).collect();
    assert_eq!(names, ["DR Ana FICTIVE", "Labo 3"]);
    assert!(imported.document.links.iter().any(|(_, link)| *link == LinkKind::Replaces));
    let subject = imported.subject.as_ref().unwrap();
    assert_eq!(subject.birth_date.unwrap().to_string(), "1984-02-29");
    assert_eq!(imported.warnings(), [], "the key of the INS is right");
}

#[test]
fn a_wrong_key_is_a_warning_and_nothing_more() {
    let text = section("30954-2", "").replace("284029999999904", "284029999999905");
    assert_eq!(import(&text).warnings(), [("person", "ins-key-wrong", 1)]);
}

#[test]
fn results_keep_value_unit_range_and_the_time_around_them() {
    let text = entry(
        "18719-5",
        "<organizer classCode='BATTERY' moodCode='EVN'><code code='24331-1' codeSystem='2.16.840.1.113883.6.1'/>
        <effectiveTime value='20260104073000+0100'/><component><observation classCode='OBS' moodCode='EVN'>
        <code code='2093-3' codeSystem='2.16.840.1.113883.6.1' displayName='Cholesterol'/><statusCode code='completed'/>
        <value xsi:type='PQ' value='5.20' unit='mmol/L'/><interpretationCode code='H'/>
        <referenceRange><observationRange><value xsi:type='IVL_PQ'><high value='5.00' unit='mmol/L'/></value>
        </observationRange></referenceRange></observation></component></organizer>",
    );
    let imported = import(&text);
    let [result, panel] = imported.drafts.as_slice() else { panic!() };
    let (Fact::Result(result_fact), Fact::Result(panel_fact)) = (&result.fact, &panel.fact) else { panic!() };
    let Some(ResultValue::Quantity(quantity)) = &result_fact.value else { panic!() };
    assert_eq!(quantity.to_string(), "5.20 mmol/L");
    assert_eq!(result_fact.reference[0].high.as_ref().unwrap().to_string(), "5.00 mmol/L");
    assert_eq!(result_fact.at.unwrap().to_string(), "2026-01-04T07:30:00+01:00");
    assert!(panel_fact.panel);
    assert!(panel.links.iter().any(|(to, link)| Some(to) == result.source_key.as_ref() && *link == LinkKind::HasPart));
    assert!(
        result
            .links
            .iter()
            .any(|(to, link)| Some(to) == imported.document.source_key.as_ref() && *link == LinkKind::Document)
    );
}

#[test]
fn a_time_comes_from_the_act_of_the_document_when_nothing_nearer_tells_one() {
    let imported = import(&entry("30954-2", &observation("", "1", "<value xsi:type='BL' value='true'/>")));
    assert_eq!(imported.only().fact.when().unwrap().to_string(), "2026-01-04");
    assert!(!imported.only().provenance.original.contains_key("time"), "it was not said of the result");
    let disease =
        "<observation classCode='OBS' moodCode='EVN'><code code='282291009' codeSystem='2.16.840.1.113883.6.96'/>
        <value xsi:type='CD' code='N10' codeSystem='2.16.840.1.113883.6.3' displayName='Maladie'/></observation>";
    assert_eq!(import(&entry("11450-4", disease)).only().fact.when(), None, "nobody said when it began");
}

#[test]
fn vital_signs_become_measures_and_pressures_one_pair() {
    let part = |code: &str, value: &str, unit: &str| {
        format!(
            "<component>{}</component>",
            observation("", code, &format!("<value xsi:type='PQ' value='{value}' unit='{unit}'/>"))
        )
    };
    let text = entry(
        "8716-3",
        &format!(
            "<organizer classCode='CLUSTER' moodCode='EVN'><effectiveTime value='20260104'/>{}{}{}</organizer>",
            part("8480-6", "132", "mm[Hg]"),
            part("8462-4", "81", "mm[Hg]"),
            part("8302-2", "1.71", "m"),
        ),
    );
    let imported = import(&text);
    let [pressure, height] = imported.drafts.as_slice() else { panic!() };
    let (Fact::Measure(pressure), Fact::Measure(height)) = (&pressure.fact, &height.fact) else { panic!() };
    assert_eq!(pressure.component("systolic").unwrap().to_string(), "132 mm[Hg]");
    assert_eq!(pressure.component("diastolic").unwrap().to_string(), "81 mm[Hg]");
    assert_eq!((height.measure.as_str(), height.value.as_ref().unwrap().to_string().as_str()), ("height", "1.71 m"));
    assert_eq!((imported.tally.read["measure"], imported.tally.merged["measure"]), (3, 1));
}

#[test]
fn prescriptions_dispensations_and_reimbursements_are_told_apart() {
    let product = |name: &str, mood: &str, tag: &str| {
        format!(
            "<{name} classCode='X' moodCode='{mood}'><{tag}><manufacturedProduct><manufacturedMaterial>
            <code code='1' codeSystem='1.2.250.1.213.2.3.1' displayName='INVENTIDOL 500 mg'>
            <translation code='N02BE01' codeSystem='2.16.840.1.113883.6.73'/></code>
            </manufacturedMaterial></manufacturedProduct></{tag}></{name}>"
        )
    };
    let role = |text: &str| {
        let imported = import(text);
        let Fact::Treatment(treatment) = &imported.only().fact else { panic!() };
        assert_eq!(treatment.code.code_in(system::ATC), Some("N02BE01"));
        treatment.role.clone()
    };
    assert_eq!(
        role(&entry("10160-0", &product("substanceAdministration", "EVN", "consumable"))),
        TreatmentRole::Statement
    );
    assert_eq!(
        role(&entry("57828-6", &product("substanceAdministration", "INT", "consumable"))),
        TreatmentRole::Prescription
    );
    assert_eq!(role(&entry("60590-7", &product("supply", "EVN", "product"))), TreatmentRole::Dispensation);
    let paid = entry("11369-6", &product("substanceAdministration", "EVN", "consumable")).replace("11502-2", "REMB");
    assert_eq!(role(&paid), TreatmentRole::Reimbursement, "a vaccine that was paid for may not have been given");
}

#[test]
fn papers_inside_are_parts_and_never_second_documents() {
    let media =
        "<observationMedia classCode='OBS' moodCode='EVN'><value mediaType='application/pdf' representation='B64'>
        JVBERi0xLjQK</value></observationMedia>";
    let imported = import(&entry(
        "55108-5",
        &format!("<organizer classCode='CLUSTER' moodCode='EVN'><component>{media}</component></organizer>"),
    ));
    assert!(imported.drafts.is_empty());
    assert_eq!(imported.set_aside(), [("attachment", "part-of-the-document", 1)]);
    let found = attachments(&imported.bytes).unwrap();
    assert_eq!((found[0].role, found[0].bytes.as_slice()), (AttachmentRole::Copy, b"%PDF-1.4\n".as_slice()));
    let quoted = imported.tally.set_aside[0].places[0].quoted.as_ref().unwrap();
    assert_eq!(*quoted, hex(&found[0].sha256), "the digest is in the report");

    let level_one = with(
        PATIENT,
        "<nonXMLBody><text mediaType='application/pdf' representation='B64'>JVBERi0xLjQK</text></nonXMLBody>",
    );
    let found = attachments(level_one.as_bytes()).unwrap();
    assert_eq!(
        (found.len(), found[0].role, found[0].media_type.as_str()),
        (1, AttachmentRole::Body, "application/pdf")
    );
}

#[test]
fn content_that_is_elsewhere_is_reported_missing() {
    let text = with(
        PATIENT,
        "<nonXMLBody><text mediaType='application/pdf'><reference value='rapport.pdf'/></text></nonXMLBody>",
    );
    let imported = import(&text);
    assert_eq!(imported.document().address.as_deref(), Some("rapport.pdf"));
    assert_eq!(imported.warnings(), [("document", "content-missing", 1)]);
}

#[test]
fn damaged_base64_is_refused_and_the_rest_is_read() {
    let text = section(
        "55107-7",
        &format!(
            "<entry><observationMedia classCode='OBS' moodCode='EVN'><value mediaType='image/png' representation='B64'>???</value>
            </observationMedia></entry><entry>{}</entry>",
            observation("", "1", "<value xsi:type='ST'>vu</value>")
        ),
    );
    let imported = import(&text);
    assert_eq!(reasons(&imported.tally.refused), [("attachment", "base64-damaged", 1)]);
    assert_eq!(imported.drafts.len(), 1);
}

#[test]
fn one_id_used_for_several_facts_does_not_join_them() {
    let two = |first: &str, second: &str| {
        let of = |value: &str| format!("<entry>{}</entry>", observation("", "7", value));
        import(&section("30954-2", &(of(first) + &of(second))))
    };
    let apart = two("<value xsi:type='PQ' value='1' unit='g'/>", "<value xsi:type='PQ' value='2' unit='g'/>");
    assert_eq!(apart.drafts.len(), 2);
    assert_ne!(apart.drafts[0].source_key, apart.drafts[1].source_key);
    let same = two("<value xsi:type='PQ' value='1' unit='g'/>", "<value xsi:type='PQ' value='1' unit='g'/>");
    assert_eq!((same.drafts.len(), same.tally.merged["result"]), (1, 1));
}

#[test]
fn identities_do_not_depend_on_the_order_or_on_the_version() {
    let of = |code: &str| {
        format!(
            "<entry><observation classCode='OBS' moodCode='EVN'><code code='{code}'/><value xsi:type='INT' value='3'/></observation></entry>"
        )
    };
    let keys = |text: &str| {
        let mut keys: Vec<_> = import(text).drafts.into_iter().map(|draft| draft.source_key.unwrap()).collect();
        keys.sort();
        keys
    };
    let first = keys(&section("30954-2", &(of("A") + &of("B"))));
    assert_eq!(first, keys(&section("30954-2", &(of("B") + &of("A")))));
    let next = section("30954-2", &(of("A") + &of("B"))).replace("extension='D1'", "extension='D2'");
    assert_eq!(first, keys(&next), "the set is the same");
    let other = section("30954-2", &(of("A") + &of("B"))).replace("extension='S'", "extension='T'");
    assert_ne!(first, keys(&other));
}

fn allergy(attributes: &str, value: &str, agent: &str) -> String {
    format!(
        "<act classCode='ACT' moodCode='EVN'><code nullFlavor='NA'/><entryRelationship typeCode='SUBJ'>
        <observation classCode='OBS' moodCode='EVN' {attributes}>
        <code code='416098002' codeSystem='2.16.840.1.113883.6.96' displayName='allergie'/>{value}{agent}
        </observation></entryRelationship></act>"
    )
}

const AGENT: &str = "<participant typeCode='CSM'><participantRole><playingEntity>
    <code code='J01CA04' codeSystem='2.16.840.1.113883.6.73' displayName='amoxicilline'/></playingEntity></participantRole></participant>";

#[test]
fn how_each_zone_was_known_is_counted() {
    let text = section(
        "30954-2",
        &["20260104073000", "20260104073000-0500", "20260104"]
            .map(|time| {
                let inner = format!("<effectiveTime value='{time}'/><value xsi:type='INT' value='3'/>");
                format!("<entry>{}</entry>", observation("", "1", &inner))
            })
            .concat(),
    );
    let imported = import(&text);
    let zones: Vec<_> =
        imported.tally.zones.iter().map(|used| (used.zone.as_str(), used.known_from.as_str(), used.rows)).collect();
    assert_eq!(zones, [("+01:00", "record", 1), ("Europe/Paris", "history", 1), ("-05:00", "record", 1)]);
    assert_eq!(imported.drafts.len(), 3);
}

#[test]
fn unknown_codes_and_what_has_no_field_are_kept() {
    let text = entry(
        "C-LOCAL",
        "<observation classCode='OBS' moodCode='EVN'><code code='X-1' codeSystem='1.2.3.4.5' displayName='Indice maison'/>
        <value xsi:type='PQ' value='128'/><entryRelationship typeCode='SUBJ'><act classCode='ACT' moodCode='EVN'>
        <code code='48767-8' codeSystem='2.16.840.1.113883.6.1'/><text>remarque</text></act></entryRelationship></observation>",
    );
    let imported = import(&text);
    let Fact::Result(result) = &imported.only().fact else { panic!() };
    assert_eq!(result.code.codings[0].system, "urn:oid:1.2.3.4.5");
    assert_eq!(result.code.label(), Some("Indice maison"));
    let Some(ResultValue::Quantity(quantity)) = &result.value else { panic!() };
    assert_eq!(quantity.unit, "", "a titre has no unit");
    assert_eq!(imported.only().comment.as_deref(), Some("remarque"));
    assert!(imported.only().provenance.verbatim["entryRelationship[00]"].contains("<text>remarque</text>"));
}
