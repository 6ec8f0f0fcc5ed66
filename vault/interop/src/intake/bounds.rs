//! Every limit of the intake, named, with its unit. A reader never allocates on a number that came from outside
//! before it was compared with one of these.
//!
//! The limits are chosen so that the largest real files pass with room to spare (an export of a telephone of
//! ten years: 3.1 GB of XML, 7.4 million rows, 1 600 members) and so that all of them together stay inside the
//! 512 MiB of the worker process.

/// Largest file that is taken in, in bytes (16 GiB).
pub const FILE_BYTES_MAX: u64 = 16 << 30;
/// How much of a file the sniffer looks at, in bytes. A telephone's export may open with 20 KiB of DTD.
pub const SNIFF_BYTES: usize = 256 << 10;

/// Members of an archive.
pub const ARCHIVE_MEMBERS_MAX: usize = 100_000;
/// Length of a member's name, in bytes.
pub const MEMBER_NAME_BYTES_MAX: usize = 1_024;
/// Components of a member's name: `a/b/c` has three.
pub const MEMBER_DEPTH_MAX: usize = 32;
/// Inflated bytes of one member (8 GiB).
pub const MEMBER_BYTES_MAX: u64 = 8 << 30;
/// Inflated bytes of all members of an archive together (16 GiB).
pub const ARCHIVE_BYTES_MAX: u64 = 16 << 30;
/// Inflated bytes for each compressed byte of a member, once it is larger than [`RATIO_FREE_BYTES`].
/// Deflate cannot exceed 1 032; real exports of telephones reach 40, and never 200.
pub const ARCHIVE_RATIO_MAX: u64 = 200;
/// A member may inflate to this many bytes whatever its ratio, in bytes (1 MiB).
pub const RATIO_FREE_BYTES: u64 = 1 << 20;

/// Nested elements of an XML document.
pub const XML_DEPTH_MAX: usize = 128;
/// Attributes of one element.
pub const XML_ATTRIBUTES_MAX: usize = 256;
/// One tag with all its attributes, in bytes (1 MiB).
pub const XML_TAG_BYTES_MAX: usize = 1 << 20;
/// One run of text in XML, in bytes (48 MiB: a paper of 36 MB in base64).
pub const XML_TEXT_BYTES_MAX: usize = 48 << 20;
/// Length of an element's or attribute's name, in bytes.
pub const XML_NAME_BYTES_MAX: usize = 256;
/// Elements of a document that is read as a tree.
pub const XML_ELEMENTS_MAX: usize = 400_000;
/// A document that is read as a tree, in bytes (64 MiB).
pub const XML_TREE_BYTES_MAX: u64 = 64 << 20;
/// The declaration of types that a telephone's export opens with, in bytes (1 MiB). It is stepped over, never read.
pub const DTD_BYTES_MAX: usize = 1 << 20;

/// A JSON document that is read whole, in bytes (64 MiB).
pub const JSON_BYTES_MAX: u64 = 64 << 20;
/// Nested values of a JSON document.
pub const JSON_DEPTH_MAX: usize = 96;
/// Values of a JSON document, members and elements counted.
pub const JSON_VALUES_MAX: usize = 1_500_000;
/// Digits, sign, point and exponent of one JSON number.
pub const JSON_NUMBER_BYTES_MAX: usize = 64;

/// A document kept as it came (a paper, a picture), in bytes (2 GiB).
pub const DOCUMENT_BYTES_MAX: u64 = 2 << 30;
/// A piece of a document as it is handed on, in bytes.
pub const DOCUMENT_CHUNK_BYTES: usize = 64 << 10;
/// Title of a document, in characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// Samples handed on together.
pub const SAMPLES_MAX: usize = 8_192;
/// Samples held back until their series has enough of them, over all series.
pub const SAMPLES_HELD_MAX: usize = 131_072;
/// Series open at one time.
pub const SERIES_OPEN_MAX: usize = 1_024;
/// Different texts (sources, devices, units, types) remembered at one time.
pub const TEXTS_HELD_MAX: usize = 4_096;
/// Rows that wait for the entry that groups them (blood pressures), at one time.
pub const ROWS_HELD_MAX: usize = 60_000;
/// Length of a source, device, unit or type as kept, in bytes.
pub const LABEL_BYTES_MAX: usize = 256;

/// A refused or doubtful text as quoted in the report, in characters.
pub const QUOTE_CHARS_MAX: usize = 80;

const _: () = assert!(MEMBER_BYTES_MAX <= ARCHIVE_BYTES_MAX && ARCHIVE_BYTES_MAX <= FILE_BYTES_MAX);
const _: () = assert!(XML_TAG_BYTES_MAX < XML_TEXT_BYTES_MAX);
const _: () = assert!(SAMPLES_MAX < SAMPLES_HELD_MAX);
