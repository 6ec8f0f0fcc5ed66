//! An Apple Health export as the telephone makes it: an archive with the main file, routes, electrocardiograms,
//! clinical resources, and a second file that claims to hold everything and does not.
//!
//! Names are localised (`exportation.xml`): nothing is known by its name, everything by its content.

use std::io::{BufReader, Read, Seek};

use carnet_record::{
    Coding, Concept, Instant, When,
    code::system,
    item::{Place, Tally},
    kind::Document,
};

use super::{ecg, read as read_main};
use crate::{
    document::{self, Measured},
    intake::{
        ContainerError, ReadContext, Sink,
        archive::{Archive, Member},
        bounds::XML_TAG_BYTES_MAX,
        members::{FILE, OnePerson, Sniffed, head_of, keep_member, list, read_member, refusal_of},
        sniff::Format,
        xml::{Cleaner, Step, XmlReader},
    },
};

/// Name of the whole archive in reports.
pub(crate) const NAME: &str = "apple-health-export";
/// Bytes of a table that are looked at to tell an electrocardiogram.
const ECG_HEAD_BYTES: usize = 4 << 10;

/// Reads the main file first, then every other member in the order of the archive. Gives the tally and the version.
pub(crate) fn read<R: Read + Seek>(
    archive: &mut Archive<R>,
    main: &Sniffed,
    sniffed: &[Sniffed],
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<(Tally, Option<String>), ContainerError> {
    let inside = context.for_member(&main.member.name);
    let mut person = OnePerson::default();
    let found = {
        let input = BufReader::with_capacity(64 << 10, archive.member(main.member.index)?);
        read_main(input, &inside, &mut |item| person.pass(item, out))?
    };
    let mut tally = found.tally;
    list(&mut tally, &main.member.name, "apple-health-xml");
    for other in sniffed.iter().filter(|other| other.member != main.member) {
        let inside = context.for_member(&other.member.name);
        let clinical = found.clinical.iter().find(|(path, _)| other.member.name.ends_with(path.as_str()));
        let (part, taken_for) = match (other.format, clinical) {
            (Format::FhirJson, version) => {
                let is_old = version.is_some_and(|(_, version)| version.starts_with("1."));
                clinical_resource(archive, &other.member, is_old, &inside, &mut person, out)?
            }
            (Format::Text, _) => table(archive, &other.member, &inside, out)?,
            (Format::Xml, _) => route(archive, &other.member, &inside, out)?,
            (Format::Cda, _) => (left(&other.member, "says-less-than-the-main-file", true), "cda-set-aside"),
            (Format::AppleHealthXml, _) => {
                (left(&other.member, "second-main-file", true), "apple-health-xml-set-aside")
            }
            _ => (left(&other.member, "not-part-of-the-export", false), "set-aside"),
        };
        tally.absorb(part);
        list(&mut tally, &other.member.name, taken_for);
    }
    for path in found.clinical.keys() {
        if !sniffed.iter().any(|other| other.member.name.ends_with(path.as_str())) {
            tally.read(FILE, 1);
            tally.refuse(FILE, "clinical-resource-missing", Place::at(path.as_str()));
        }
    }
    Ok((tally, found.version))
}

/// A clinical resource: FHIR R4 is read, DSTU2 is kept as a document.
fn clinical_resource<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    is_old: bool,
    context: &ReadContext,
    person: &mut OnePerson,
    out: &mut Sink<'_>,
) -> Result<(Tally, &'static str), ContainerError> {
    if is_old {
        let mut tally = keep_member(archive, member, Format::FhirJson.media_type(), context, out)?;
        tally.warn(document::KIND, "fhir-dstu2-kept-as-a-document", Place::at(member.name.as_str()));
        return Ok((tally, "fhir-dstu2"));
    }
    let (tally, is_kept) = read_member(archive, member, Format::FhirJson, context, person, out)?;
    Ok((tally, if is_kept { "fhir-r4" } else { "refused" }))
}

/// A table: an electrocardiogram, or nothing that is known.
fn table<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<(Tally, &'static str), ContainerError> {
    let head = head_of(archive, member, ECG_HEAD_BYTES)?;
    let Some(found) = ecg::recognise(&head) else {
        return Ok((left(member, "not-part-of-the-export", false), "set-aside"));
    };
    let measured = Measured::of(archive.member(member.index)?)?;
    let (mut tally, mut draft) = document::counted("text/csv", measured, context);
    if let carnet_record::Fact::Document(document) = &mut draft.fact {
        **document = Document {
            // LOINC's name of the study: "EKG study".
            document_type: Concept {
                codings: vec![Coding::new(system::LOINC, "11524-6").with_display("EKG study")],
                text: Some("\u{c9}lectrocardiogramme".to_owned()),
            },
            date: found.recorded_ms.and_then(Instant::utc).map(When::Instant),
            description: found.classification.map(|words| format!("Classification: {words}")),
            ..std::mem::take(&mut **document)
        };
    }
    if let Some(at) = found.recorded_ms {
        tally.see(at, context.home_zone.day_of(at, None));
    }
    document::hand_on(draft, measured, archive.member(member.index)?, out)?;
    Ok((tally, "ecg"))
}

/// A route is positions: counted and set aside, or kept as a document when positions are asked for.
fn route<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<(Tally, &'static str), ContainerError> {
    let points = match points_of(BufReader::new(archive.member(member.index)?)) {
        Ok(Some(points)) => points,
        Ok(None) => return Ok((left(member, "not-part-of-the-export", false), "set-aside")),
        Err(error) => {
            let mut tally = Tally::default();
            tally.read(FILE, 1);
            tally.refuse(FILE, refusal_of(error)?, Place::at(member.name.as_str()));
            return Ok((tally, "refused"));
        }
    };
    if context.with_positions {
        return Ok((keep_member(archive, member, "application/gpx+xml", context, out)?, "gpx"));
    }
    let mut tally = Tally::default();
    tally.read("route", 1);
    tally.set_aside("route", "positions-not-asked-for", Place::at(member.name.as_str()));
    tally.read("route-point", points);
    tally.set_aside_many("route-point", "positions-not-asked-for", points);
    Ok((tally, "gpx-set-aside"))
}

/// Points of a GPX file; none for XML of another kind.
fn points_of(source: impl std::io::BufRead) -> Result<Option<u64>, ContainerError> {
    let mut xml = XmlReader::new(Cleaner::new(source)?, XML_TAG_BYTES_MAX);
    let mut points: Option<u64> = None;
    loop {
        match xml.step()? {
            Step::Open { tag, .. } => match (points, tag.name()) {
                (None, "gpx") => points = Some(0),
                (None, _) => return Ok(None),
                (Some(count), "trkpt") => points = Some(count.saturating_add(1)),
                _ => {}
            },
            Step::End => return Ok(points),
            _ => {}
        }
    }
}

/// A member that is left aside, with a remark when somebody may miss it.
fn left(member: &Member, reason: &str, is_remarkable: bool) -> Tally {
    let mut tally = Tally::default();
    tally.read(FILE, 1);
    tally.set_aside(FILE, reason, Place::at(member.name.as_str()));
    if is_remarkable {
        tally.warn(FILE, reason, Place::at(member.name.as_str()));
    }
    tally
}
