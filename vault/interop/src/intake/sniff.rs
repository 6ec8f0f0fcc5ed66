//! What a file is, told from its bytes alone. A name proves nothing: it is never looked at here.
//!
//! The sniffer reads a beginning of at most [`SNIFF_BYTES`](super::bounds::SNIFF_BYTES), allocates at most a copy of
//! it, and never fails: what it does not know is [`Format::Unknown`].

use super::bounds::SNIFF_BYTES;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// Apple Health's main file: XML whose root is `HealthData`.
    AppleHealthXml,
    /// HL7 CDA R2: XML with a `ClinicalDocument`, alone or inside a stylesheet.
    Cda,
    /// DICOM image or study.
    Dicom,
    /// FHIR in JSON.
    FhirJson,
    /// FHIR in XML.
    FhirXml,
    /// GIF picture.
    Gif,
    /// A gzip stream.
    Gzip,
    /// HTML page.
    Html,
    /// JPEG picture.
    Jpeg,
    /// JSON that is not FHIR.
    Json,
    /// Microsoft's old compound file (doc, xls, ppt, msg).
    OldOffice,
    /// PDF paper.
    Pdf,
    /// PNG picture.
    Png,
    /// Rich Text Format.
    Rtf,
    /// `SQLite` database.
    Sqlite,
    /// Plain text.
    Text,
    /// TIFF picture.
    Tiff,
    /// Nothing known.
    Unknown,
    /// WebP picture.
    Webp,
    /// XML of some other kind.
    Xml,
    /// ZIP archive, not yet opened.
    Zip,
}

impl Format {
    /// A stable lower-case name, as the import report gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppleHealthXml => "apple-health-xml",
            Self::Cda => "cda",
            Self::Dicom => "dicom",
            Self::FhirJson => "fhir-json",
            Self::FhirXml => "fhir-xml",
            Self::Gif => "gif",
            Self::Gzip => "gzip",
            Self::Html => "html",
            Self::Jpeg => "jpeg",
            Self::Json => "json",
            Self::OldOffice => "office-97",
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Rtf => "rtf",
            Self::Sqlite => "sqlite",
            Self::Text => "text",
            Self::Tiff => "tiff",
            Self::Unknown => "unknown",
            Self::Webp => "webp",
            Self::Xml => "xml",
            Self::Zip => "zip",
        }
    }

    /// The media type (RFC 6838) under which a file of this kind is kept as a document.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::AppleHealthXml | Self::Xml => "application/xml",
            Self::Cda => "application/hl7-cda+xml",
            Self::Dicom => "application/dicom",
            Self::FhirJson => "application/fhir+json",
            Self::FhirXml => "application/fhir+xml",
            Self::Gif => "image/gif",
            Self::Gzip => "application/gzip",
            Self::Html => "text/html",
            Self::Jpeg => "image/jpeg",
            Self::Json => "application/json",
            Self::OldOffice => "application/x-ole-storage",
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Rtf => "application/rtf",
            Self::Sqlite => "application/vnd.sqlite3",
            Self::Text => "text/plain",
            Self::Tiff => "image/tiff",
            Self::Unknown => "application/octet-stream",
            Self::Webp => "image/webp",
            Self::Zip => "application/zip",
        }
    }

    /// Whether a file of this kind is kept as a document, just as it came.
    pub fn is_paper(self) -> bool {
        matches!(
            self,
            Self::Dicom
                | Self::Gif
                | Self::Html
                | Self::Jpeg
                | Self::OldOffice
                | Self::Pdf
                | Self::Png
                | Self::Rtf
                | Self::Text
                | Self::Tiff
                | Self::Webp
        )
    }
}

/// Tells the format of a file from its beginning. More than [`SNIFF_BYTES`] of `head` are not looked at.
pub fn sniff(head: &[u8]) -> Format {
    let head = head.get(..SNIFF_BYTES).unwrap_or(head);
    if let Some(found) = by_signature(head) {
        return found;
    }
    match readable(head) {
        Some(text) => by_text(text.trim_start()),
        None => Format::Unknown,
    }
}

/// Signatures at a fixed place, which settle the matter whatever follows.
fn by_signature(head: &[u8]) -> Option<Format> {
    const TABLE: [(&[u8], Format); 15] = [
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"\xff\xd8\xff", Format::Jpeg),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"MM\0+", Format::Tiff),
        (b"PK\x03\x04", Format::Zip),
        (b"PK\x05\x06", Format::Zip),
        (b"PK\x07\x08", Format::Zip),
        (b"SQLite format 3\0", Format::Sqlite),
        (b"\x1f\x8b", Format::Gzip),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::OldOffice),
        (b"{\\rtf", Format::Rtf),
    ];
    if head.get(128..132) == Some(b"DICM") {
        return Some(Format::Dicom);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Some(Format::Webp);
    }
    // ISO 32000-1, annex H: readers look for the header in the first kilobyte. Text may come before it.
    if head.starts_with(b"%PDF-") || leading_pdf(head) {
        return Some(Format::Pdf);
    }
    TABLE.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, format)| *format)
}

/// A PDF after a byte-order mark or blank lines, and nothing else: otherwise a page that only speaks of PDF would be one.
fn leading_pdf(head: &[u8]) -> bool {
    let rest = head.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(head);
    rest.get(..1_024.min(rest.len())).is_some_and(|start| start.trim_ascii_start().starts_with(b"%PDF-"))
}

/// The beginning as text: UTF-8 (a character cut at the end is let off), UTF-16 with its mark or declared by its
/// shape, or an 8-bit text with neither NUL nor control characters.
fn readable(head: &[u8]) -> Option<String> {
    if head.is_empty() {
        return None;
    }
    if let Some(rest) = head.strip_prefix(b"\xff\xfe".as_slice()) {
        return Some(from_utf16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = head.strip_prefix(b"\xfe\xff".as_slice()) {
        return Some(from_utf16(rest, u16::from_be_bytes));
    }
    if head.starts_with(b"<\0") || head.starts_with(b"{\0") {
        return Some(from_utf16(head, u16::from_le_bytes));
    }
    if head.starts_with(b"\0<") || head.starts_with(b"\0{") {
        return Some(from_utf16(head, u16::from_be_bytes));
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf".as_slice()).unwrap_or(head);
    let odd =
        head.iter().filter(|byte| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)).count();
    if head.contains(&0) || odd.saturating_mul(100) > head.len() {
        return None;
    }
    Some(match std::str::from_utf8(head) {
        Ok(text) => text.to_owned(),
        Err(_) => head.iter().map(|byte| char::from(*byte)).collect(),
    })
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(unit);
    char::decode_utf16(units).map(|character| character.unwrap_or('\u{fffd}')).collect()
}

/// XML by its root, JSON by its `resourceType`, HTML by its first tag, else text.
fn by_text(text: &str) -> Format {
    match text.as_bytes().first() {
        Some(b'<') => by_root(text),
        Some(b'{' | b'[') => by_json(text),
        Some(_) => Format::Text,
        None => Format::Unknown,
    }
}

fn by_root(text: &str) -> Format {
    let lower: String = text.chars().take(64).collect::<String>().to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") {
        return Format::Html;
    }
    let Some((name, tag)) = root_tag(text) else {
        return if text.starts_with("<?xml") || text.starts_with("<!--") { Format::Xml } else { Format::Text };
    };
    let local = name.rsplit(':').next().unwrap_or(name);
    match local {
        "HealthData" => Format::AppleHealthXml,
        "ClinicalDocument" => Format::Cda,
        "html" => Format::Html,
        // The national examples wrap a whole document into the stylesheet that shows it.
        "stylesheet" | "transform" if text.contains("ClinicalDocument") => Format::Cda,
        _ if tag.contains("http://hl7.org/fhir") => Format::FhirXml,
        _ => Format::Xml,
    }
}

/// The first element: its name and the text of its tag. Declaration, comments and a document type are stepped over.
fn root_tag(text: &str) -> Option<(&str, &str)> {
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->")?.1.trim_start();
        } else if let Some(after) = rest.strip_prefix("<?") {
            rest = after.split_once("?>")?.1.trim_start();
        } else if rest.starts_with("<!DOCTYPE") {
            // A telephone's document type may be broken in itself: what counts is the root that it announces.
            let Some(at) = rest.find("<HealthData") else { return after_doctype(rest) };
            return tag_at(rest.get(at..)?);
        } else {
            return tag_at(rest);
        }
    }
}

fn after_doctype(text: &str) -> Option<(&str, &str)> {
    let end = match (text.find('['), text.find('>')) {
        (Some(open), Some(close)) if open < close => text.find("]>")?.checked_add(2)?,
        (_, Some(close)) => close.checked_add(1)?,
        _ => return None,
    };
    tag_at(text.get(end..)?.trim_start())
}

fn tag_at(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('<')?;
    let tag = inside.split('>').next()?;
    let name = tag.split(|character: char| character.is_whitespace() || character == '/').next()?;
    let first = name.chars().next()?;
    (first.is_alphabetic() || first == '_').then_some((name, tag))
}

/// FHIR says `"resourceType"` among the first members; a look is enough, the reader checks.
fn by_json(text: &str) -> Format {
    if text.contains("\"resourceType\"") {
        return Format::FhirJson;
    }
    let second = text.trim_start_matches(['{', '[']).trim_start().chars().next();
    match second {
        Some('"' | '{' | '[' | ']' | '}') => Format::Json,
        Some(digit) if digit.is_ascii_digit() || digit == '-' => Format::Json,
        _ => Format::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_and_not_the_name() {
        let cases: [(&[u8], Format); 17] = [
            (b"%PDF-1.7\n", Format::Pdf),
            (b"\xef\xbb\xbf\r\n%PDF-1.4", Format::Pdf),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Format::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Format::Jpeg),
            (b"GIF89a", Format::Gif),
            (b"II*\0\x08", Format::Tiff),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::Webp),
            (b"PK\x03\x04\x14", Format::Zip),
            (b"SQLite format 3\0\x10", Format::Sqlite),
            (b"\x1f\x8b\x08", Format::Gzip),
            (b"{\\rtf1\\ansi", Format::Rtf),
            (b"<!DOCTYPE html><p>", Format::Html),
            (b"{\"resourceType\": \"Bundle\"}", Format::FhirJson),
            (b"[1, 2]", Format::Json),
            (b"Bonjour Madame,\r\n", Format::Text),
            (b"\0\x01\x02\x03", Format::Unknown),
            (b"", Format::Unknown),
        ];
        for (bytes, expected) in cases {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn roots_are_found_behind_declarations_comments_and_stylesheets() {
        let cases = [
            ("<?xml version=\"1.0\"?>\n<!-- x --><ClinicalDocument xmlns=\"urn:hl7-org:v3\">", Format::Cda),
            ("<n1:ClinicalDocument xmlns:n1=\"urn:hl7-org:v3\">", Format::Cda),
            ("<xsl:stylesheet version=\"1.0\"><ClinicalDocument/>", Format::Cda),
            ("<xsl:stylesheet version=\"1.0\"><p/>", Format::Xml),
            ("<Bundle xmlns=\"http://hl7.org/fhir\">", Format::FhirXml),
            ("<HealthData locale=\"fr_FR\">", Format::AppleHealthXml),
            ("<!DOCTYPE HealthData [\n<!ATTLIST x\n>\n>]>\n<HealthData>", Format::AppleHealthXml),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><ClinicalDocument>", Format::Cda),
            ("<gpx version=\"1.1\">", Format::Xml),
            ("<3 tu me manques", Format::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(sniff(text.as_bytes()), expected, "{text}");
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let with_mark = [b"\xff\xfe".as_slice(), &wide].concat();
            assert_eq!(sniff(&with_mark), expected, "UTF-16 {text}");
        }
    }

    #[test]
    fn fault_g8_a_mention_of_another_format_does_not_change_what_a_file_is() {
        assert_eq!(sniff(b"Voir le fichier %PDF-1.7 ci-joint"), Format::Text);
        assert_eq!(sniff(b"<p>ClinicalDocument</p>"), Format::Xml);
        assert_eq!(sniff(b"%PDF-1.4 <html><script>"), Format::Pdf, "a polyglot is what its first bytes say");
        let mut dicom = vec![0_u8; 128];
        dicom.extend_from_slice(b"DICM");
        assert_eq!(sniff(&dicom), Format::Dicom);
        let mut portable = b"MZ".to_vec();
        portable.resize(4_096, 0);
        assert_eq!(sniff(&portable), Format::Unknown);
    }

    #[test]
    fn a_text_of_the_old_code_pages_is_text() {
        assert_eq!(sniff(b"Compte rendu d'h\xf4pital\n"), Format::Text);
        assert_eq!(sniff(&[0x90_u8; 300].map(|_| 1_u8)), Format::Unknown);
    }
}
