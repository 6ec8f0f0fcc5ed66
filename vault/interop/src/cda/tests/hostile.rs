//! Hostile and damaged documents: nothing panics, nothing is run, nothing is left behind.

use proptest::prelude::*;

use super::*;
use crate::intake::Stop;

#[test]
fn a_stylesheet_around_the_document_is_stepped_over_and_never_run() {
    let inner = entry("30954-2", &observation("", "1", "<value xsi:type='INT' value='3'/>"));
    let inner = inner.split_once("?>").unwrap().1;
    let text = format!(
        "<?xml version='1.0'?><xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>
        <xsl:template match='/'><html><script>alert(1)</script><xsl:value-of select=\"document('file:///etc/passwd')\"/>
        </html></xsl:template>{inner}</xsl:stylesheet>"
    );
    let imported = import(&text);
    assert_eq!(imported.drafts.len(), 1);
    assert_eq!(imported.document().media_type.as_deref(), Some("application/xslt+xml"));
    assert_eq!(imported.warnings(), [("document", "stylesheet-not-run", 1)]);
    assert!(!imported.document().text.as_deref().unwrap_or_default().contains("alert"));
}

#[test]
fn fault_g1_entities_and_document_types_are_refused() {
    let plain = section("30954-2", "<text>&secret;</text>");
    for declaration in [
        "<!DOCTYPE ClinicalDocument [<!ENTITY secret SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE ClinicalDocument [<!ENTITY a 'aaaaaaaa'><!ENTITY secret '&a;&a;&a;&a;'>]>",
        "<!DOCTYPE ClinicalDocument SYSTEM 'http://exemple.invalid/x.dtd'>",
        "",
    ] {
        let text = plain.replacen("?>", &format!("?>{declaration}"), 1);
        assert!(matches!(try_import(text.as_bytes()), Err(ContainerError::Xml(_))), "{declaration}");
    }
}

#[test]
fn fault_g1_a_file_that_is_cut_leaves_nothing_behind() {
    let text = entry("30954-2", &observation("", "1", "<value xsi:type='INT' value='3'/>"));
    for end in (0..text.len()).step_by(97) {
        let mut items = 0;
        let cut = &mut &text.as_bytes()[..end];
        assert!(
            read(cut, &context(), &mut |_| {
                items += 1;
                Ok(())
            })
            .is_err()
        );
        assert_eq!(items, 0, "cut at {end}");
    }
}

#[test]
fn fault_g4_markup_in_a_narrative_stays_inert_text() {
    let hostile = [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<h:iframe xmlns:h='http://www.w3.org/1999/xhtml' src='http://exemple.invalid'/>",
        "<linkHtml href='javascript:alert(1)'>suite</linkHtml>",
        "<content styleCode='x' onclick='alert(1)'>mot</content>",
        "<renderMultiMedia referencedObject='http://exemple.invalid/x.svg'/>",
        "<h:meta xmlns:h='http://www.w3.org/1999/xhtml' http-equiv='refresh' content='0;url=http://exemple.invalid'/>",
    ];
    let imported = import(&section("30954-2", &format!("<text>debut {} fin</text>", hostile.join(" "))));
    let text = imported.document().text.clone().unwrap();
    assert!(imported.drafts.is_empty());
    assert!(text.contains("<script>alert(1)</script>") && text.contains("suite (javascript:alert(1))"), "{text}");
    assert!(!text.contains("onclick") && !text.contains("iframe") && !text.contains("refresh"), "{text}");
}

#[test]
fn fault_g4_an_html_body_is_bytes_and_not_a_page() {
    let text = with(
        PATIENT,
        "<nonXMLBody><text mediaType='text/html'>&lt;script&gt;alert(1)&lt;/script&gt;</text></nonXMLBody>",
    );
    let found = attachments(text.as_bytes()).unwrap();
    assert_eq!(found[0].media_type, "application/octet-stream");
    assert_eq!(import(&text).warnings(), [("attachment", "not-the-declared-type", 1)]);
}

#[test]
fn a_receiver_that_stops_is_obeyed() {
    let text = section("30954-2", "");
    let stopped = read(&mut text.as_bytes(), &context(), &mut |_| Err(Stop));
    assert_eq!(stopped.unwrap_err(), ContainerError::Stopped(Stop));
}

#[test]
fn what_is_no_clinical_document_is_refused() {
    for text in ["", "<a/>", "<ClinicalDocument/>", "<html><body/></html>", "%PDF-1.4"] {
        assert!(try_import(text.as_bytes()).is_err(), "{text}");
    }
}

/// A document with everything in it, for the mutations below.
fn everything() -> String {
    let text = entry("48765-2", &allergy("", "<value xsi:type='CD'/>", AGENT));
    let values: Vec<String> = [
        "<value xsi:type='PQ' value='1.5' unit='g/L'/>",
        "<value xsi:type='IVL_PQ'><low value='1' unit='g'/><high value='2' unit='g'/></value>",
        "<value xsi:type='RTO'><numerator value='1'/><denominator value='128'/></value>",
        "<value xsi:type='TS' value='202601'/>",
        "<value xsi:type='CD' nullFlavor='UNK'/>",
        "<value mediaType='image/png' representation='B64'>iVBORw0KGgo=</value>",
    ]
    .iter()
    .enumerate()
    .map(|(index, value)| format!("<entry>{}</entry>", observation("", &format!("C{index}"), value)))
    .collect();
    let values = values.concat();
    text.replace("</section>", &format!("<text><table><tr><td ID='a'>mot</td></tr></table></text>{values}</section>"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fault_g1_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = try_import(&bytes);
        let _ = attachments(&bytes);
    }

    #[test]
    fn fault_g1_no_damaged_document_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
    ) {
        let mut bytes = everything().into_bytes();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                // One byte stays, so that there is one to change.
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let _ = try_import(&bytes);
        let _ = attachments(&bytes);
    }

    #[test]
    fn fault_g1_no_attribute_panics(text in "[0-9+.,\\-TZ]{0,24}") {
        let text = everything().replace("202601", &text).replace("'1.5'", &format!("'{text}'")).replace("19840229", &text);
        prop_assert!(try_import(text.as_bytes()).is_ok());
    }
}
