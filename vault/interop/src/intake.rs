//! The one way in for files from outside: tell what it is, bound it, read it piece by piece.
//!
//! [`read`] works inside the calling process; [`worker::Worker`] runs it in a process that limits itself. Both hand on
//! the same items. The file's name is used for the title of a document and for the report: it never decides how the
//! bytes are read.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

pub mod archive;
pub mod bounds;
pub mod sniff;
pub mod worker;

pub mod xml;

pub(crate) mod members;

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use carnet_record::{
    ZoneHistory,
    item::{Item, Tally},
    provenance::{Provenance, SourcePlace},
};
use serde::{Deserialize, Serialize};

pub use self::members::CARNET_MARK;
use self::{
    archive::ArchiveRefused,
    bounds::{DOCUMENT_BYTES_MAX, FILE_BYTES_MAX, SNIFF_BYTES},
    sniff::{Format, sniff},
    xml::XmlError,
};
use crate::{
    document::{self, Measured},
    phone::apple_health,
};

/// Reads a file of any kind and hands on what it holds; gives the tally. The whole file is read twice: once for its
/// digest, which goes into the provenance of everything, and once for its content.
///
/// The last item handed on is not the tally: that is what is returned.
///
/// # Errors
/// [`ContainerError`] when nothing of the file may be taken in. Items may have been handed on before: the caller
/// stages them and drops them then. A row or a member that cannot be kept is no error: the tally counts it.
pub fn read<R: Read + Seek>(mut source: R, options: &Options, out: &mut Sink<'_>) -> Result<Tally, ContainerError> {
    let size = source.seek(SeekFrom::End(0))?;
    if size == 0 {
        return Err(ContainerError::Empty);
    }
    if size > FILE_BYTES_MAX {
        return Err(ContainerError::TooLarge);
    }
    let measured = measure(&mut source, size)?;
    let head = head_of(&mut source)?;
    let format = sniff(&head);
    source.seek(SeekFrom::Start(0))?;
    let context = ReadContext {
        source_name: options.source_name.clone(),
        sha256: measured.hex(),
        member: None,
        home_zone: options.home_zone.clone(),
        with_positions: options.with_positions,
        now_ms: options.now_ms,
    };
    let (mut tally, name) = if format == Format::Zip {
        members::read(source, measured, &context, out)?
    } else if format.is_paper() {
        if size > DOCUMENT_BYTES_MAX {
            return Err(ContainerError::TooLarge);
        }
        let (tally, draft) = document::counted(format.media_type(), measured, &context);
        document::hand_on(draft, measured, source, out)?;
        (tally, format.name().to_owned())
    } else {
        let tally = read_format(format, &mut BufReader::with_capacity(READ_BYTES, source), &context, out)?;
        (tally, format.name().to_owned())
    };
    tally.members.insert(WHOLE_FILE.to_owned(), name);
    Ok(tally)
}

/// The SHA-256 of a whole file, read from where `source` stands to its end: what an import of it is known by.
///
/// # Errors
/// [`ContainerError::TooLarge`], and those of the source.
pub fn digest(source: impl Read) -> Result<[u8; 32], ContainerError> {
    Ok(Measured::of_at_most(source, FILE_BYTES_MAX)?.sha256)
}

/// The name under which the tally's members tell the format of the file itself; no member has an empty name.
pub const WHOLE_FILE: &str = "";
/// How much is read from a file at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Reads the bytes of one format that is not kept as it is and is no archive.
fn read_format(
    format: Format,
    input: &mut dyn BufRead,
    context: &ReadContext,
    out: &mut Sink<'_>,
) -> Result<Tally, ContainerError> {
    match format {
        Format::AppleHealthXml => apple_health::read(input, context, out).map(|main| main.tally),
        Format::Cda => crate::cda::read(input, context, out),
        Format::FhirJson => crate::fhir::read(input, context, out),
        Format::FhirXml => crate::fhir::read_xml(input, context, out),
        Format::Gzip => Err(ContainerError::Unsupported(UnsupportedFormat::Gzip)),
        Format::Json => Err(ContainerError::Unsupported(UnsupportedFormat::Json)),
        Format::Sqlite => Err(ContainerError::Unsupported(UnsupportedFormat::Sqlite)),
        Format::Xml => Err(ContainerError::Unsupported(UnsupportedFormat::Xml)),
        _ => Err(ContainerError::Unsupported(UnsupportedFormat::Unknown)),
    }
}

/// Digest and size of a whole file, which must not change while it is read.
fn measure<R: Read + Seek>(source: &mut R, size: u64) -> Result<Measured, ContainerError> {
    source.seek(SeekFrom::Start(0))?;
    let measured = Measured::of_at_most(&mut *source, FILE_BYTES_MAX)?;
    if measured.size == size { Ok(measured) } else { Err(ContainerError::Io) }
}

fn head_of<R: Read + Seek>(source: &mut R) -> Result<Vec<u8>, ContainerError> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    let most = u64::try_from(SNIFF_BYTES).unwrap_or(u64::MAX);
    source.by_ref().take(most).read_to_end(&mut head)?;
    Ok(head)
}

/// How the receiver of items says that it wants no more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the receiver stopped the import")]
pub struct Stop;

/// Where items go.
pub type Sink<'a> = dyn FnMut(Item) -> Result<(), Stop> + 'a;

/// What the person and the caller say about an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Name of the file as given, for titles and for the report.
    pub source_name: String,
    /// Where the person lived: gives a meaning to times without a zone.
    pub home_zone: ZoneHistory,
    /// Whether positions (routes of workouts) are taken in; they are left aside by default.
    pub with_positions: bool,
    /// Now, in milliseconds UTC: rows after it are marked. Readers have no clock of their own.
    pub now_ms: i64,
}

/// What a reader of one format is told about what it reads.
#[derive(Clone, Debug)]
pub struct ReadContext {
    /// Name of the file as given.
    pub source_name: String,
    /// SHA-256 of the file as given (of the archive, for a member of one), in lower-case hexadecimal.
    pub sha256: String,
    /// Member of the archive, when the bytes come from one.
    pub member: Option<String>,
    /// Where the person lived.
    pub home_zone: ZoneHistory,
    /// Whether positions are taken in.
    pub with_positions: bool,
    /// Now, in milliseconds UTC.
    pub now_ms: i64,
}

impl ReadContext {
    /// Provenance of something read at `place` (a line, a row, a path) by the reader of `format`.
    pub fn provenance(&self, format: &str, place: &str) -> Provenance {
        Provenance::imported(SourcePlace {
            sha256: self.sha256.clone(),
            name: self.source_name.clone(),
            member: self.member.clone(),
            place: (!place.is_empty()).then(|| place.to_owned()),
            format: Some(format.to_owned()),
            importer: Some(IMPORTER.to_owned()),
        })
    }

    /// The same context for a member of the archive.
    #[must_use]
    pub fn for_member(&self, name: &str) -> Self {
        Self { member: Some(name.to_owned()), ..self.clone() }
    }

    /// What to name a document after: the member's name, else the file's, without its folders.
    pub fn document_name(&self) -> &str {
        let name = self.member.as_deref().unwrap_or(&self.source_name);
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }
}

/// Name and version of the importer, as provenance and reports give it.
pub const IMPORTER: &str = concat!("carnet-interop ", env!("CARGO_PKG_VERSION"));

/// Why nothing of a file is taken in. A row or a member that cannot be kept is no such error: it is counted and the
/// rest is read. Carries no text of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ContainerError {
    /// The archive is refused as a whole.
    #[error(transparent)]
    Archive(#[from] ArchiveRefused),
    /// An export of Carnet itself that is damaged, altered, or of another version: it is taken in whole or not at all.
    #[error("this export of Carnet is damaged, altered, or of another version")]
    CarnetArchive,
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes could not be read.
    #[error("the file could not be read")]
    Io,
    /// JSON that cannot be trusted as a whole.
    #[error("the JSON is damaged, cut off, or beyond what is accepted")]
    Json,
    /// The file is what it claims to be, but holds nothing that is read.
    #[error("the file holds nothing that can be imported")]
    Nothing,
    /// An export of Carnet of a later version.
    #[error("this export was made by a newer version of Carnet")]
    LaterArchive,
    /// The receiver stopped.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// Larger than what is taken in.
    #[error("the file is larger than what is accepted")]
    TooLarge,
    /// A format that is known and not read.
    #[error("a file of the kind {0} is not read")]
    Unsupported(UnsupportedFormat),
    /// XML that cannot be trusted as a whole.
    #[error(transparent)]
    Xml(#[from] XmlError),
}

/// Formats that are recognised and refused, with the name that the message gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnsupportedFormat {
    /// A gzip stream.
    Gzip,
    /// JSON that is not FHIR.
    Json,
    /// A `SQLite` database.
    Sqlite,
    /// Bytes that nothing is known of.
    Unknown,
    /// XML of no kind that is read.
    Xml,
}

impl std::fmt::Display for UnsupportedFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Json => "JSON without FHIR",
            Self::Sqlite => "SQLite",
            Self::Unknown => "unknown",
            Self::Xml => "XML without a known root",
        })
    }
}

impl From<io::Error> for ContainerError {
    fn from(error: io::Error) -> Self {
        match archive::refused_in(&error) {
            Some(refused) => Self::Archive(refused),
            None if error.kind() == io::ErrorKind::OutOfMemory => Self::TooLarge,
            None => Self::Io,
        }
    }
}

#[cfg(test)]
mod tests;
