//! Papers, pictures and texts: any file of a known kind is kept as a document, byte for byte.
//!
//! Nothing inside is interpreted: no page is rendered, no text is extracted, no script or attachment is run. The kind
//! comes from the bytes, the title from the name, cleaned of what could deceive. Pages are not counted: that would
//! mean parsing the paper.

use std::io::Read;

use carnet_record::{
    Draft, Provenance, SourceKey,
    item::{Item, Place, Tally},
    kind::Document,
};
use sha2::{Digest, Sha256};

use crate::intake::{
    ContainerError, ReadContext, Sink,
    bounds::{DOCUMENT_BYTES_MAX, DOCUMENT_CHUNK_BYTES, TITLE_CHARS_MAX},
};

/// Kind of the entries, in counts.
pub(crate) const KIND: &str = "document";

/// The bytes of a document, measured before they are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// SHA-256 of the bytes.
    pub(crate) sha256: [u8; 32],
    /// Their number.
    pub(crate) size: u64,
}

impl Measured {
    /// Reads a document to its end.
    ///
    /// # Errors
    /// [`ContainerError::TooLarge`] above [`DOCUMENT_BYTES_MAX`], and those of the source.
    pub(crate) fn of(source: impl Read) -> Result<Self, ContainerError> {
        Self::of_at_most(source, DOCUMENT_BYTES_MAX)
    }

    /// Reads to the end, or refuses above `bytes_max`.
    pub(crate) fn of_at_most(mut source: impl Read, bytes_max: u64) -> Result<Self, ContainerError> {
        let (mut hasher, mut size) = (Sha256::new(), 0_u64);
        each_chunk(&mut source, |chunk| {
            hasher.update(chunk);
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if size > bytes_max { Err(ContainerError::TooLarge) } else { Ok(()) }
        })?;
        Ok(Self { sha256: hasher.finalize().into(), size })
    }

    /// The digest in lower-case hexadecimal.
    pub(crate) fn hex(&self) -> String {
        hex(&self.sha256)
    }
}

/// The draft of a document whose bytes are at hand. Its identity is the digest of the bytes: the same bytes are the
/// same document, under whatever name.
pub(crate) fn draft(mut document: Document, measured: Measured, provenance: Provenance) -> Draft {
    document.size = Some(measured.size);
    document.sha256 = Some(measured.hex());
    let key = SourceKey::new("document", [measured.hex().as_str()]);
    Draft { source_key: Some(key), ..Draft::new(document, provenance) }
}

/// Hands on a draft and then its bytes, which must be those that were measured.
///
/// # Errors
/// [`ContainerError::Io`] when the bytes changed meanwhile, those of the source, and [`ContainerError::Stopped`].
pub(crate) fn hand_on(
    draft: Draft,
    measured: Measured,
    mut bytes: impl Read,
    out: &mut Sink<'_>,
) -> Result<(), ContainerError> {
    let Measured { sha256, size } = measured;
    out(Item::DocumentStart { draft: Box::new(draft) })?;
    let (mut hasher, mut handed) = (Sha256::new(), 0_u64);
    each_chunk(&mut bytes, |chunk| {
        hasher.update(chunk);
        handed = handed.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if handed > size {
            return Err(ContainerError::Io);
        }
        Ok(out(Item::DocumentBytes(chunk.to_vec()))?)
    })?;
    if handed != size || <[u8; 32]>::from(hasher.finalize()) != sha256 {
        return Err(ContainerError::Io);
    }
    Ok(out(Item::DocumentEnd { sha256, size })?)
}

/// The draft of a file or member that is kept as a document, with its tally.
pub(crate) fn counted(media_type: &str, measured: Measured, context: &ReadContext) -> (Tally, Draft) {
    let mut tally = Tally::default();
    tally.read(KIND, 1);
    let document = named(context.document_name(), media_type);
    if document.file_name.as_deref() != Some(context.document_name()) {
        tally.warn(KIND, "name-changed", Place::at("file name").quoting(context.document_name()));
    }
    (tally, draft(document, measured, context.provenance("document", "")))
}

/// A document with a title and a safe file name made from the name as given.
pub(crate) fn named(name: &str, media_type: &str) -> Document {
    let clean = clean_name(name);
    let (stem, extension) = match clean.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension.to_lowercase()),
        _ => (clean.as_str(), String::new()),
    };
    let fitting = extensions_of(media_type);
    let title: String = stem.replace('_', " ").trim().chars().take(TITLE_CHARS_MAX).collect();
    let file_name = match fitting.first() {
        Some(usual) if !fitting.contains(&extension.as_str()) => format!("{clean}.{usual}"),
        _ => clean.clone(),
    };
    Document {
        title: Some(title).filter(|title| !title.is_empty()),
        file_name: Some(safe_file_name(&file_name)),
        media_type: Some(media_type.to_owned()),
        ..Document::default()
    }
}

/// The last component, without characters that deceive the eye or a file system: controls, marks of direction,
/// characters without width, separators.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let kept = last.chars().filter(|character| !character.is_control() && !is_invisible(*character));
    let readable: String = kept
        .map(|character| if matches!(character, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { character })
        .collect();
    let plain = readable.trim().trim_matches('.');
    if plain.is_empty() { "document".to_owned() } else { plain.to_owned() }
}

/// Characters of format and direction (Unicode TR 9 and TR 36).
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A name that every file system takes: at most 200 bytes with its extension kept, no device name of Windows.
fn safe_file_name(name: &str) -> String {
    const DEVICES: [&str; 8] = ["CON", "PRN", "AUX", "NUL", "COM", "LPT", "CLOCK$", "CONIN$"];
    let stem = name.split('.').next().unwrap_or(name).to_uppercase();
    let bare = stem.trim_end_matches(|character: char| character.is_ascii_digit());
    let prefix = if DEVICES.contains(&bare) || DEVICES.contains(&stem.as_str()) { "document_" } else { "" };
    let (body, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(body, end)| (body, format!(".{end}")));
    let extension: String = extension.chars().take(16).collect();
    let mut kept = String::from(prefix);
    for character in body.chars() {
        if kept.len().saturating_add(character.len_utf8()).saturating_add(extension.len()) > FILE_NAME_BYTES_MAX {
            break;
        }
        kept.push(character);
    }
    kept.push_str(&extension);
    kept
}

/// Extensions that fit a media type, the usual one first; none for a type whose extension says nothing.
fn extensions_of(media_type: &str) -> &'static [&'static str] {
    match media_type {
        "application/pdf" => &["pdf"],
        "image/png" => &["png"],
        "image/jpeg" => &["jpg", "jpeg", "jpe", "jfif"],
        "image/gif" => &["gif"],
        "image/tiff" => &["tif", "tiff"],
        "image/webp" => &["webp"],
        "application/dicom" => &["dcm", "dicom", "dic"],
        "application/rtf" => &["rtf"],
        "text/html" => &["html", "htm", "xhtml"],
        "text/plain" => &["txt", "text", "csv", "md", "log", "eml", "ics", "hl7"],
        "text/csv" => &["csv"],
        "application/gpx+xml" => &["gpx"],
        "application/fhir+json" => &["json"],
        "application/hl7-cda+xml" | "application/fhir+xml" | "application/xml" => &["xml"],
        "application/x-ole-storage" => &["doc", "xls", "ppt", "msg", "pub"],
        _ => &[],
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

fn each_chunk(
    source: &mut impl Read,
    mut visit: impl FnMut(&[u8]) -> Result<(), ContainerError>,
) -> Result<(), ContainerError> {
    let mut buffer = vec![0_u8; DOCUMENT_CHUNK_BYTES];
    loop {
        let mut filled = 0_usize;
        while filled < buffer.len() {
            let count = match source.read(buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if count == 0 {
                break;
            }
            filled = filled.saturating_add(count);
        }
        match buffer.get(..filled) {
            Some(chunk) if !chunk.is_empty() => visit(chunk)?,
            _ => return Ok(()),
        }
    }
}

/// Bytes of a file name that is kept.
const FILE_NAME_BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(name: &str, media_type: &str) -> String {
        named(name, media_type).file_name.unwrap()
    }

    #[test]
    fn a_title_is_the_name_without_its_extension() {
        let document = named("/home/x/compte_rendu d\u{2019}imagerie.PDF", "application/pdf");
        assert_eq!(document.title.as_deref(), Some("compte rendu d\u{2019}imagerie"));
        assert_eq!(document.file_name.as_deref(), Some("compte_rendu d\u{2019}imagerie.PDF"));
    }

    #[test]
    fn fault_g8_names_that_deceive_are_made_plain() {
        let pdf = "application/pdf";
        let cases = [
            ("facture.pdf.exe", "facture.pdf.exe.pdf"),
            ("facture\u{202e}fdp.exe", "facturefdp.exe.pdf"),
            ("a\u{200b}b\u{0}c.pdf", "abc.pdf"),
            ("..\\..\\x.pdf", "x.pdf"),
            ("CON.pdf", "document_CON.pdf"),
            ("com1.pdf", "document_com1.pdf"),
            ("nul", "document_nul.pdf"),
            (".htaccess", "htaccess.pdf"),
            ("a:b|c?.pdf", "a_b_c_.pdf"),
            ("", "document.pdf"),
            ("...", "document.pdf"),
            ("a/", "document.pdf"),
        ];
        for (given, kept) in cases {
            assert_eq!(file_name(given, pdf), kept, "{given:?}");
        }
        let long = "\u{e9}".repeat(4_096) + ".pdf";
        let kept = file_name(&long, pdf);
        assert!(kept.len() <= FILE_NAME_BYTES_MAX && kept.rsplit('.').next() == Some("pdf"), "{}", kept.len());
        assert!(named(&long, pdf).title.unwrap().chars().count() <= TITLE_CHARS_MAX);
        assert_eq!(file_name("photo.jpg", "image/png"), "photo.jpg.png", "the bytes say what it is");
    }

    #[test]
    fn bytes_that_change_between_two_readings_are_refused() {
        let measured = Measured::of(&b"bonjour"[..]).unwrap();
        assert_eq!(measured.hex(), "2cb4b1431b84ec15d35ed83bb927e27e8967d75f4bcd9cc4b25c8d879ae23e18");
        for bytes in [&b"bonsoir"[..], b"bonjour!", b"bonjou"] {
            let draft = draft(Document::default(), measured, Provenance::default());
            assert_eq!(hand_on(draft, measured, bytes, &mut |_| Ok(())), Err(ContainerError::Io));
        }
    }

    #[test]
    fn large_documents_come_in_pieces_of_the_agreed_size() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let measured = Measured::of(&bytes[..]).unwrap();
        let mut read = Vec::new();
        let draft = draft(Document::default(), measured, Provenance::default());
        hand_on(draft, measured, &bytes[..], &mut |item| {
            if let Item::DocumentBytes(piece) = item {
                assert!(piece.len() <= carnet_record::item::DOCUMENT_CHUNK_BYTES_MAX);
                read.extend(piece);
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(read, bytes);
    }
}
