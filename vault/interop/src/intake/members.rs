//! Archives: what an archive is as a whole, and how its members are read.
//!
//! In this order: an export of Carnet (left to the vault), an office file (kept as one document), an export of Apple
//! Health (a member has the root `HealthData`), and any other archive of clinical files and papers, IHE XDM among them:
//! each member is read by itself. A member is never opened as an archive.
//!
//! One archive is about one person. When a member is about somebody else than an earlier one, nothing of it is taken
//! in, and the tally says so.

use std::io::{BufReader, Read, Seek, SeekFrom};

use carnet_record::{
    item::{Item, Place, Tally},
    person::{SubjectClaim, SubjectMatch},
};

use super::{
    ContainerError, ReadContext, Sink, Stop,
    archive::{Archive, Member},
    bounds::SNIFF_BYTES,
    read_format,
    sniff::{Format, sniff},
};
use crate::{
    document::{self, Measured},
    phone::apple_health::export,
};

/// The member, at the top of an archive, that marks an export of Carnet.
pub const CARNET_MARK: &str = "carnet.json";

/// Bytes of a member that are looked at first; a document type before the root makes it [`SNIFF_BYTES`].
const FIRST_LOOK_BYTES: usize = 8 << 10;
/// Members that the report lists by name.
const MEMBERS_LISTED_MAX: usize = 10_000;

/// A member with the format of its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Sniffed {
    /// The member.
    pub(crate) member: Member,
    /// What its bytes are.
    pub(crate) format: Format,
}

/// Reads an archive that was measured as a whole; see the module. Gives the tally and the name of the format.
pub(super) fn read<R: Read + Seek>(
    mut source: R,
    measured: Measured,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<(Tally, String), ContainerError> {
    let mut archive = Archive::open(&mut source)?;
    if archive.members().is_empty() {
        return Err(ContainerError::Nothing);
    }
    if archive.members().iter().any(|member| member.name == CARNET_MARK) {
        return Ok((crate::own::read(&mut archive, out)?, "carnet".to_owned()));
    }
    if let Some(media_type) = office_type(&mut archive)? {
        drop(archive);
        source.seek(SeekFrom::Start(0))?;
        let (tally, draft) = document::counted(&media_type, measured, context);
        document::hand_on(draft, measured, BufReader::new(source), out)?;
        return Ok((tally, "office".to_owned()));
    }
    let sniffed = sniff_all(&mut archive)?;
    if let Some(main) = sniffed.iter().find(|found| found.format == Format::AppleHealthXml) {
        let (tally, version) = export::read(&mut archive, main, &sniffed, context, out)?;
        return Ok((
            tally,
            version.map_or_else(|| export::NAME.to_owned(), |version| format!("{} {version}", export::NAME)),
        ));
    }
    let is_xdm = sniffed.iter().any(|found| is_xdm_index(&found.member.name));
    let tally = read_each(&mut archive, &sniffed, is_xdm, context, out)?;
    Ok((tally, if is_xdm { "xdm" } else { "zip" }.to_owned()))
}

/// Reads every member by itself, clinical files before papers, because they name the person. A member that cannot be
/// read is refused and the rest goes on; an archive that turns out damaged is refused as a whole.
fn read_each<R: Read + Seek>(
    archive: &mut Archive<R>,
    sniffed: &[Sniffed],
    is_xdm: bool,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let mut tally = Tally::default();
    let mut person = OnePerson::default();
    let (clinical, others): (Vec<&Sniffed>, Vec<&Sniffed>) =
        sniffed.iter().partition(|found| matches!(found.format, Format::Cda | Format::FhirJson | Format::FhirXml));
    for Sniffed { member, format } in clinical.into_iter().chain(others) {
        list(&mut tally, &member.name, format.name());
        let inside = context.for_member(&member.name);
        let reason = match format {
            _ if is_system_file(member) => "file-of-the-system",
            _ if is_xdm && is_xdm_furniture(&member.name) => "index-of-the-archive",
            _ if member.size == 0 => "empty",
            Format::Cda | Format::FhirJson | Format::FhirXml => {
                let (part, is_kept) = read_member(archive, member, *format, &inside, &mut person, out)?;
                tally.absorb(part);
                if !is_kept {
                    list(&mut tally, &member.name, "refused");
                }
                continue;
            }
            Format::Zip | Format::Gzip => "archive-inside-an-archive",
            format if format.is_paper() => {
                tally.absorb(keep_member(archive, member, format.media_type(), &inside, out)?);
                continue;
            }
            _ => "not-read",
        };
        tally.read(FILE, 1);
        tally.set_aside(FILE, reason, Place::at(member.name.as_str()));
    }
    Ok(tally)
}

/// Reads one member with the reader of its format. Gives its tally, and whether it was kept.
///
/// # Errors
/// When the archive itself is damaged, or the receiver stopped.
pub(crate) fn read_member<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    format: Format,
    context: &ReadContext,
    person: &mut OnePerson,
    out: &mut Sink<'_>,
) -> Result<(Tally, bool), ContainerError> {
    let mut input = BufReader::new(archive.member(member.index)?);
    let read = read_format(format, &mut input, context, &mut |item| person.pass(item, out));
    let reason = match read {
        Ok(tally) => return Ok((tally, true)),
        Err(ContainerError::Stopped(_)) if person.is_other() => "other-person",
        Err(error) => refusal_of(error)?,
    };
    let mut tally = Tally::default();
    tally.read(FILE, 1);
    tally.refuse(FILE, reason, Place::at(member.name.as_str()));
    Ok((tally, false))
}

/// Keeps a member as a document, byte for byte.
pub(crate) fn keep_member<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    media_type: &str,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    let measured = Measured::of(archive.member(member.index)?)?;
    let (tally, draft) = document::counted(media_type, measured, context);
    document::hand_on(draft, measured, archive.member(member.index)?, out)?;
    Ok(tally)
}

/// Lists a member with what it was taken for.
pub(crate) fn list(tally: &mut Tally, name: &str, taken_for: &str) {
    if tally.members.len() < MEMBERS_LISTED_MAX || tally.members.contains_key(name) {
        tally.members.insert(name.to_owned(), taken_for.to_owned());
    }
}

/// The slug of an error that concerns one member; the error itself when it concerns the whole archive.
pub(crate) fn refusal_of(error: ContainerError) -> Result<&'static str, ContainerError> {
    match error {
        ContainerError::Archive(_)
        | ContainerError::Stopped(_)
        | ContainerError::Io
        | ContainerError::Xml(super::XmlError::Archive(_) | super::XmlError::Io) => Err(error),
        ContainerError::Xml(super::XmlError::Cut) => Ok("cut-off"),
        ContainerError::Xml(super::XmlError::DocumentType | super::XmlError::Entity) => Ok("document-type-or-entity"),
        ContainerError::Xml(_) => Ok("xml-not-accepted"),
        ContainerError::Json => Ok("json-not-accepted"),
        ContainerError::TooLarge => Ok("too-large"),
        ContainerError::Empty | ContainerError::Nothing => Ok("empty"),
        ContainerError::CarnetArchive | ContainerError::LaterArchive | ContainerError::Unsupported(_) => Ok("not-read"),
    }
}

/// The first bytes of a member.
pub(crate) fn head_of<R: Read + Seek>(
    archive: &mut Archive<R>,
    member: &Member,
    bytes_max: usize,
) -> Result<Vec<u8>, ContainerError> {
    let mut head = Vec::new();
    archive.member(member.index)?.take(u64::try_from(bytes_max).unwrap_or(0)).read_to_end(&mut head)?;
    Ok(head)
}

/// The person whom an archive is about: the first one that a member names. A later member about somebody else is
/// stopped before any of its facts pass.
#[derive(Default)]
pub(crate) struct OnePerson {
    known: Option<SubjectClaim>,
    is_other: bool,
}

impl OnePerson {
    /// Lets an item pass. The same person passes once.
    pub(crate) fn pass(&mut self, item: Item, out: &mut Sink<'_>) -> Result<(), Stop> {
        let Item::Subject(claim) = item else { return out(item) };
        self.is_other = false;
        match &self.known {
            None => {
                self.known = Some((*claim).clone());
                out(Item::Subject(claim))
            }
            Some(known) if claim.compare(known) == SubjectMatch::Different => {
                self.is_other = true;
                Err(Stop)
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether the last stop was because of another person.
    pub(crate) fn is_other(&self) -> bool {
        self.is_other
    }
}

fn sniff_all<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Vec<Sniffed>, ContainerError> {
    let members = archive.members().to_vec();
    let mut sniffed = Vec::with_capacity(members.len());
    for member in members {
        let mut head = head_of(archive, &member, FIRST_LOOK_BYTES)?;
        let mut format = sniff(&head);
        if matches!(format, Format::Xml | Format::Text) && head.windows(9).any(|window| window == b"<!DOCTYPE") {
            head = head_of(archive, &member, SNIFF_BYTES)?;
            format = sniff(&head);
        }
        sniffed.push(Sniffed { member, format });
    }
    Ok(sniffed)
}

/// The media type of an office file or a book, which are archives by their form: the `OpenDocument` `mimetype` member
/// (ODF 1.3 part 2, section 3.3), or the parts of Office Open XML (ECMA-376 part 2).
fn office_type<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Option<String>, ContainerError> {
    const MEDIA_TYPE_BYTES_MAX: usize = 100;
    let has =
        |archive: &Archive<R>, folder: &str| archive.members().iter().any(|member| member.name.starts_with(folder));
    if archive.members().iter().any(|member| member.name == "[Content_Types].xml") {
        let kind = [
            ("word/", "wordprocessingml.document"),
            ("xl/", "spreadsheetml.sheet"),
            ("ppt/", "presentationml.presentation"),
        ];
        let found = kind.iter().find(|(folder, _)| has(archive, folder)).map(|(_, kind)| kind);
        return Ok(found.map(|kind| format!("application/vnd.openxmlformats-officedocument.{kind}")));
    }
    let Some(first) = archive.members().first().filter(|first| first.name == "mimetype").cloned() else {
        return Ok(None);
    };
    let head = head_of(archive, &first, MEDIA_TYPE_BYTES_MAX)?;
    let text = String::from_utf8(head).unwrap_or_default();
    let is_known = text.starts_with("application/vnd.oasis.opendocument.") || text == "application/epub+zip";
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte));
    Ok(Some(text).filter(|_| is_known && is_plain))
}

fn is_system_file(member: &Member) -> bool {
    member.name.starts_with("__MACOSX/") || matches!(member.file_name(), ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// `IHE_XDM/SUBSETnn/METADATA.XML` (IHE ITI TF-2, 3.32).
fn is_xdm_index(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.contains("IHE_XDM/") && upper.ends_with("/METADATA.XML")
}

fn is_xdm_furniture(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    is_xdm_index(name)
        || matches!(upper.rsplit('/').next(), Some("INDEX.HTM" | "README.TXT")) && !upper.contains("IHE_XDM/")
}

/// Kind of a member that is no entry, in counts.
pub(crate) const FILE: &str = "file";
