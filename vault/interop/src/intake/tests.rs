//! Whole files of every kind through the one way in, honest and not.

use std::io::{Cursor, Write};

use carnet_record::Fact;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

pub(crate) fn options(name: &str) -> Options {
    Options {
        source_name: name.to_owned(),
        home_zone: ZoneHistory::single("Europe/Paris").unwrap(),
        with_positions: false,
        now_ms: 1_780_000_000_000,
    }
}

pub(crate) fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read_as(name: &str, bytes: &[u8]) -> Result<(Vec<Item>, Tally), ContainerError> {
    let mut items = Vec::new();
    let tally = read(Cursor::new(bytes), &options(name), &mut |item| {
        items.push(item);
        Ok(())
    })?;
    Ok((items, tally))
}

fn documents(items: &[Item]) -> Vec<&carnet_record::kind::Document> {
    let all = items.iter().filter_map(|item| match item {
        Item::DocumentStart { draft } => Some(&draft.fact),
        _ => None,
    });
    all.filter_map(|fact| if let Fact::Document(document) = fact { Some(&**document) } else { None }).collect()
}

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const HEART: &str = "<Record type=\"HKQuantityTypeIdentifierHeartRate\" sourceName=\"Montre\" unit=\"count/min\" \
    startDate=\"2026-01-10 08:00:00 +0100\" endDate=\"2026-01-10 08:00:00 +0100\" value=\"61\"/>";

fn export() -> Vec<u8> {
    let main = format!(
        "<?xml version=\"1.0\"?>\n<HealthData locale=\"fr_FR\"><ExportDate value=\"2026-02-01 00:00:00 +0100\"/>{HEART}\
         <ClinicalRecord fhirVersion=\"1.0.2\" resourceFilePath=\"/clinical-records/Old-1.json\"/>\
         <ClinicalRecord fhirVersion=\"4.0.1\" resourceFilePath=\"/clinical-records/Missing.json\"/></HealthData>"
    );
    let ecg = "Classification,Rythme sinusal\nDate,2026-01-05 21:14:10 +0100\nTaux,512 hertz\nUnit\u{e9},\u{b5}V\n\n"
        .to_owned()
        + &"-105,000\n".repeat(20);
    zipped(&[
        ("apple_health_export/\u{5bfc}\u{51fa}.xml", main.as_bytes()),
        (
            "apple_health_export/exportation_cda.xml",
            b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"></ClinicalDocument><x/>",
        ),
        (
            "apple_health_export/workout-routes/r.gpx",
            b"<gpx><trk><trkseg><trkpt lat='1' lon='2'/><trkpt/></trkseg></trk></gpx>",
        ),
        ("apple_health_export/electrocardiograms/ecg.csv", ecg.as_bytes()),
        ("apple_health_export/clinical-records/Old-1.json", b"{\"resourceType\": \"MedicationOrder\"}"),
        ("apple_health_export/lisez-moi.txt", b"bonjour"),
    ])
}

#[test]
fn an_export_is_known_by_its_content_whatever_its_names() {
    let (items, tally) = read_as("\u{5bfc}\u{51fa}.zip", &export()).unwrap();
    assert_eq!(tally.members[WHOLE_FILE], "apple-health-export");
    assert_eq!(tally.members["apple_health_export/workout-routes/r.gpx"], "gpx-set-aside");
    let kept = documents(&items);
    assert_eq!(kept.len(), 2);
    let ecg = kept.iter().find(|document| document.media_type.as_deref() == Some("text/csv")).unwrap();
    assert_eq!(ecg.description.as_deref(), Some("Classification: Rythme sinusal"));
    assert!(ecg.document_type.has("http://loinc.org", "11524-6") && ecg.date.is_some());
    let counts = |kind: &str| (tally.read.get(kind).copied().unwrap_or_default(), tally.given_out(kind));
    assert_eq!(
        (counts("heart-rate"), counts("document"), counts("route"), counts("route-point")),
        ((1, 1), (2, 2), (1, 0), (2, 0))
    );
    assert_eq!(counts("file"), (3, 0), "the second main file, the text, and the resource that is missing");
    let refused: Vec<&str> = tally.refused.iter().map(|group| group.reason.as_str()).collect();
    assert_eq!(refused, ["clinical-resource-missing"]);
    let warned: Vec<&str> = tally.warnings.iter().map(|group| group.reason.as_str()).collect();
    assert!(warned.contains(&"says-less-than-the-main-file") && warned.contains(&"fhir-dstu2-kept-as-a-document"));
    for item in &items {
        if let Item::Draft(draft) | Item::DocumentStart { draft } = item {
            let source = draft.provenance.source.as_ref().unwrap();
            assert!(source.sha256.len() == 64 && source.member.is_some() && draft.source_key.is_some());
        }
    }
}

#[test]
fn routes_are_kept_when_positions_are_asked_for() {
    let mut items = Vec::new();
    let asked = Options { with_positions: true, ..options("export.zip") };
    let tally = read(Cursor::new(export()), &asked, &mut |item| {
        items.push(item);
        Ok(())
    })
    .unwrap();
    let routes =
        documents(&items).iter().filter(|kept| kept.media_type.as_deref() == Some("application/gpx+xml")).count();
    assert_eq!((routes, tally.read.get("route")), (1, None));
}

#[test]
fn papers_and_pictures_are_kept_byte_for_byte() {
    for (name, bytes, media_type) in [
        ("ordonnance.pdf", PDF, "application/pdf"),
        ("radio.png", PNG, "image/png"),
        ("note.txt", "Prendre rendez-vous\n".as_bytes(), "text/plain"),
        ("page.html", b"<!DOCTYPE html><script>alert(1)</script>", "text/html"),
    ] {
        let (items, tally) = read_as(name, bytes).unwrap();
        let [document] = documents(&items)[..] else { panic!("{name}: one document") };
        assert_eq!(document.media_type.as_deref(), Some(media_type));
        assert_eq!((document.file_name.as_deref(), document.size), (Some(name), u64::try_from(bytes.len()).ok()));
        let pieces: Vec<&[u8]> = items
            .iter()
            .filter_map(|item| if let Item::DocumentBytes(piece) = item { Some(&**piece) } else { None })
            .collect();
        assert_eq!(pieces.concat(), bytes);
        assert_eq!((tally.given_out("document"), tally.warnings.len()), (1, 0));
    }
}

#[test]
fn an_office_file_is_one_document_and_is_not_unpacked() {
    let word = zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]);
    let (items, tally) = read_as("lettre.docx", &word).unwrap();
    let media_type = documents(&items)[0].media_type.clone().unwrap();
    assert_eq!(media_type, "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
    assert_eq!((tally.members[WHOLE_FILE].as_str(), tally.read["document"]), ("office", 1));
    let text = zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<x/>")]);
    assert_eq!(
        documents(&read_as("lettre.odt", &text).unwrap().0)[0].media_type.as_deref(),
        Some("application/vnd.oasis.opendocument.text")
    );
}

#[test]
fn members_of_other_archives_are_read_each_by_itself() {
    let inner = zipped(&[("x.pdf", PDF)]);
    let archive = zipped(&[
        ("compte-rendu.pdf", PDF),
        ("a/radio.png", PNG),
        ("__MACOSX/._x", b"\0\x05\x16\x07"),
        ("inner.zip", &inner),
        ("empty", b""),
        ("broken.xml", b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id>"),
    ]);
    let (items, tally) = read_as("papiers.zip", &archive).unwrap();
    assert_eq!((documents(&items).len(), tally.given_out("document")), (2, 2));
    assert_eq!((tally.read["file"], tally.given_out("file")), (4, 0));
    let reasons: Vec<&str> = tally.set_aside.iter().map(|group| group.reason.as_str()).collect();
    assert_eq!(reasons, ["file-of-the-system", "archive-inside-an-archive", "empty"]);
    assert_eq!((tally.refused[0].reason.as_str(), tally.members["broken.xml"].as_str()), ("cut-off", "refused"));
    let xdm = zipped(&[
        ("README.TXT", b"lisez"),
        ("INDEX.HTM", b"<html>"),
        ("IHE_XDM/SUBSET01/METADATA.XML", b"<a/>"),
        ("IHE_XDM/SUBSET01/DOC1.PDF", PDF),
    ]);
    let (items, tally) = read_as("xdm.zip", &xdm).unwrap();
    assert_eq!((documents(&items).len(), tally.read["file"], tally.members[WHOLE_FILE].as_str()), (1, 3, "xdm"));
}

#[test]
fn fault_g8_the_name_of_a_file_decides_nothing() {
    let (items, _) = read_as("export.zip", PDF).unwrap();
    assert_eq!(documents(&items)[0].file_name.as_deref(), Some("export.zip.pdf"));
    let (_, tally) = read_as("photo.jpg", &export()).unwrap();
    assert_eq!(tally.members[WHOLE_FILE], "apple-health-export");
    let (items, tally) = read_as("facture\u{202e}fdp.exe", PDF).unwrap();
    assert_eq!(documents(&items)[0].file_name.as_deref(), Some("facturefdp.exe.pdf"));
    assert_eq!(tally.warnings[0].reason, "name-changed");
}

#[test]
fn fault_g8_what_is_not_read_is_refused_with_its_kind() {
    let refused = |bytes: &[u8]| read_as("export.xml", bytes).unwrap_err();
    assert_eq!(refused(b""), ContainerError::Empty);
    assert_eq!(refused(b"\x1f\x8b\x08\0"), ContainerError::Unsupported(UnsupportedFormat::Gzip));
    assert_eq!(refused(b"SQLite format 3\0"), ContainerError::Unsupported(UnsupportedFormat::Sqlite));
    assert_eq!(refused(b"\0\x01\x02\x03"), ContainerError::Unsupported(UnsupportedFormat::Unknown));
    assert_eq!(refused(b"<note>bonjour</note>"), ContainerError::Unsupported(UnsupportedFormat::Xml));
    assert_eq!(refused(b"[1, 2]"), ContainerError::Unsupported(UnsupportedFormat::Json));
    assert_eq!(refused(&zipped(&[])), ContainerError::Nothing);
    assert_eq!(refused(&zipped(&[("carnet.json", b"{}")])), ContainerError::CarnetArchive);
    assert!(matches!(refused(b"PK\x03\x04"), ContainerError::Archive(_)));
}

#[test]
fn fault_g2_a_cut_archive_is_refused_and_an_altered_one_never_gives_altered_bytes() {
    let whole = zipped(&[("a.pdf", PDF), ("b.png", PNG)]);
    for tenth in 0..10 {
        assert!(read_as("x.zip", &whole[..whole.len() * tenth / 10]).is_err(), "cut at {tenth} tenths");
    }
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x20;
        let Ok((items, _)) = read_as("x.zip", &altered) else { continue };
        for item in &items {
            if let Item::DocumentBytes(piece) = item {
                assert!(piece == PDF || piece == PNG || altered.starts_with(piece.as_slice()), "byte {at}");
            }
        }
    }
}

#[test]
fn fault_g2_an_altered_export_is_refused_or_adds_up() {
    let whole = export();
    for at in (0..whole.len()).step_by(3) {
        let mut altered = whole.clone();
        altered[at] ^= 0x01;
        let Ok((items, tally)) = read_as("export.zip", &altered) else { continue };
        for kind in tally.read.keys() {
            let rows: u64 = items
                .iter()
                .filter_map(crate::report::counted_as)
                .filter(|(counted, _)| counted == kind)
                .map(|(_, rows)| rows)
                .sum();
            assert_eq!(rows, tally.given_out(kind), "byte {at}: {kind}");
        }
    }
}

#[test]
fn a_receiver_that_stops_is_obeyed_at_once() {
    let mut seen = 0;
    let stopped = read(Cursor::new(export()), &options("export.zip"), &mut |_| {
        seen += 1;
        Err(Stop)
    });
    assert_eq!((stopped.unwrap_err(), seen), (ContainerError::Stopped(Stop), 1));
}
