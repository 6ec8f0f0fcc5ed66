//! ZIP archives from outside (PKWARE APPNOTE 6.3), read member by member and never unpacked to a disk.
//!
//! The whole archive is refused, with its reason, when its directory cannot be trusted: a name that climbs or is
//! absolute, a link or a device, two members of one name, members that share bytes, more members or bytes than the
//! limits, or encryption. What a member's directory entry says about its size is checked while it inflates, and so is
//! its CRC: a wrong one is an error of the read, not a shorter member.
//!
//! Only `intake` opens archives. Nested archives are members like others: they are not opened.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use zip::ZipArchive;

use super::bounds::{
    ARCHIVE_BYTES_MAX, ARCHIVE_MEMBERS_MAX, ARCHIVE_RATIO_MAX, MEMBER_BYTES_MAX, MEMBER_DEPTH_MAX,
    MEMBER_NAME_BYTES_MAX, RATIO_FREE_BYTES,
};

/// Why an archive is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ArchiveRefused {
    /// The structure is damaged, or it is no archive.
    #[error("the archive is damaged")]
    Damaged,
    /// A member is a device, a pipe or a socket.
    #[error("the archive holds something that is neither a file nor a folder")]
    Device,
    /// Two members have one name, or names that differ only by case or by slashes.
    #[error("the archive holds two members of one name")]
    DuplicateName,
    /// A member is encrypted.
    #[error("the archive is encrypted: unpack it with its password, and import what it holds")]
    Encrypted,
    /// A member is a link.
    #[error("the archive holds a link")]
    Link,
    /// A name is absolute, climbs with `..`, or is no name.
    #[error("the archive holds a name that leads outside of it")]
    Name,
    /// Members share bytes.
    #[error("the archive holds members that overlap")]
    Overlap,
    /// A member inflates more than any honest one.
    #[error("the archive inflates beyond the ratio that is accepted")]
    Ratio,
    /// A member, or all together, is larger than what is taken in.
    #[error("the archive inflates to more than what is accepted")]
    Size,
    /// More members than what is taken in.
    #[error("the archive holds more members than what is accepted")]
    TooManyMembers,
    /// A method other than stored and deflated.
    #[error("the archive uses a compression that is not read")]
    Unsupported,
}

/// A member whose name and sizes have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Place in the archive's directory.
    pub index: usize,
    /// Name with forward slashes, relative, without `.` and `..`.
    pub name: String,
    /// Inflated size that the directory claims, in bytes.
    pub size: u64,
}

impl Member {
    /// The last component of the name.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The folder that holds the member, empty for none.
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// An archive whose directory has been checked as a whole.
pub struct Archive<R> {
    zip: ZipArchive<BufReader<R>>,
    members: Vec<Member>,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive and checks its whole directory. Nothing is inflated yet.
    pub fn open(mut source: R) -> Result<Self, ArchiveRefused> {
        refuse_crowds(&mut source)?;
        let mut zip = ZipArchive::new(BufReader::new(source)).map_err(|error| refusal(&error))?;
        if zip.len() > ARCHIVE_MEMBERS_MAX {
            return Err(ArchiveRefused::TooManyMembers);
        }
        if zip.has_duplicate_names() {
            return Err(ArchiveRefused::DuplicateName);
        }
        let members = check_directory(&zip)?;
        if zip.has_overlapping_entries().map_err(|error| refusal(&error))? {
            return Err(ArchiveRefused::Overlap);
        }
        Ok(Self { zip, members })
    }

    /// The files of the archive in the order of its directory; folders are left out.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Opens one member for reading, from its start. No member inflates to more than the directory claims, and the
    /// claims of all were bounded when the archive was opened.
    pub fn member(&mut self, index: usize) -> Result<MemberReader<'_, R>, ArchiveRefused> {
        let file = self.zip.by_index(index).map_err(|error| refusal(&error))?;
        let claimed = file.size();
        let compressed = file.compressed_size();
        let ceiling =
            claimed.min(MEMBER_BYTES_MAX).min(compressed.saturating_mul(ARCHIVE_RATIO_MAX).max(RATIO_FREE_BYTES));
        Ok(MemberReader { file, claimed, ceiling, read: 0 })
    }
}

/// The content of one member, bounded and with its CRC checked at the end.
pub struct MemberReader<'a, R: Read> {
    file: zip::read::ZipFile<'a, BufReader<R>>,
    claimed: u64,
    ceiling: u64,
    read: u64,
}

impl<R: Read> Read for MemberReader<'_, R> {
    /// Errors carry an [`ArchiveRefused`], which [`refused_in`] takes out again.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                as_io(ArchiveRefused::Damaged)
            }
            io::ErrorKind::Unsupported => as_io(ArchiveRefused::Unsupported),
            _ => error,
        })?;
        let step = u64::try_from(count).unwrap_or(u64::MAX);
        self.read = self.read.saturating_add(step);
        if self.read > self.ceiling {
            let why = if self.ceiling < self.claimed { ArchiveRefused::Ratio } else { ArchiveRefused::Damaged };
            return Err(as_io(why));
        }
        if count == 0 && !buffer.is_empty() && self.read < self.claimed {
            return Err(as_io(ArchiveRefused::Damaged));
        }
        Ok(count)
    }
}

/// The reason that an error of a [`MemberReader`] carries, through any reader that wrapped it.
pub fn refused_in(error: &io::Error) -> Option<ArchiveRefused> {
    error.get_ref()?.downcast_ref::<ArchiveRefused>().copied()
}

fn as_io(refused: ArchiveRefused) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refused)
}

fn refusal(error: &zip::result::ZipError) -> ArchiveRefused {
    use zip::result::ZipError;
    match error {
        ZipError::InvalidPassword => ArchiveRefused::Encrypted,
        ZipError::UnsupportedArchive(text) if text.to_ascii_lowercase().contains("password") => {
            ArchiveRefused::Encrypted
        }
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => ArchiveRefused::Unsupported,
        _ => ArchiveRefused::Damaged,
    }
}

/// Refuses what claims a crowd of members before the directory is read into memory. Only the 64-bit form of the end
/// record can claim more than 65 535 (APPNOTE 4.3.14 and 4.3.15).
fn refuse_crowds<R: Read + Seek>(source: &mut R) -> Result<(), ArchiveRefused> {
    const TAIL_BYTES: u64 = (64 << 10) + 22 + 20 + 56;
    let damaged = |_| ArchiveRefused::Damaged;
    let size = source.seek(SeekFrom::End(0)).map_err(damaged)?;
    source.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES))).map_err(damaged)?;
    let mut tail = Vec::new();
    source.by_ref().take(TAIL_BYTES).read_to_end(&mut tail).map_err(damaged)?;
    for at in places(&tail, b"PK\x06\x06") {
        check_claim(little_endian(&tail, at.saturating_add(32)))?;
    }
    for at in places(&tail, b"PK\x06\x07") {
        let Some(record) = little_endian(&tail, at.saturating_add(8)) else { continue };
        let mut claim = [0_u8; 40];
        let found = source.seek(SeekFrom::Start(record)).and_then(|_| source.read_exact(&mut claim));
        if found.is_ok() && claim.starts_with(b"PK\x06\x06") {
            check_claim(little_endian(&claim, 32))?;
        }
    }
    source.seek(SeekFrom::Start(0)).map_err(damaged)?;
    Ok(())
}

fn check_claim(count: Option<u64>) -> Result<(), ArchiveRefused> {
    let most = u64::try_from(ARCHIVE_MEMBERS_MAX).unwrap_or(u64::MAX);
    if count.is_some_and(|count| count > most) { Err(ArchiveRefused::TooManyMembers) } else { Ok(()) }
}

fn places<'a>(bytes: &'a [u8], signature: &'a [u8; 4]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(4).enumerate().filter(move |(_, window)| window == signature).map(|(at, _)| at)
}

fn little_endian(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// Checks every entry of the directory and gives the files among them.
fn check_directory<R: Read + Seek>(zip: &ZipArchive<R>) -> Result<Vec<Member>, ArchiveRefused> {
    let mut members = Vec::new();
    let mut folded = std::collections::HashSet::new();
    let mut total: u64 = 0;
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(|error| refusal(&error))?;
        if entry.encrypted() {
            return Err(ArchiveRefused::Encrypted);
        }
        check_mode(entry.unix_mode())?;
        let raw = entry.name().map_err(|_| ArchiveRefused::Name)?;
        let name = checked_name(&raw)?;
        if entry.is_dir() || raw.ends_with('\\') {
            continue;
        }
        if !folded.insert(name.to_lowercase()) {
            return Err(ArchiveRefused::DuplicateName);
        }
        check_size(entry.size(), entry.compressed_size())?;
        total = total.checked_add(entry.size()).ok_or(ArchiveRefused::Size)?;
        if total > ARCHIVE_BYTES_MAX {
            return Err(ArchiveRefused::Size);
        }
        members.push(Member { index, name, size: entry.size() });
    }
    Ok(members)
}

/// The type bits of a Unix mode: only a file, a folder, or nothing said.
fn check_mode(mode: Option<u32>) -> Result<(), ArchiveRefused> {
    match mode.unwrap_or(0) & 0o170_000 {
        0 | 0o100_000 | 0o040_000 => Ok(()),
        0o120_000 => Err(ArchiveRefused::Link),
        _ => Err(ArchiveRefused::Device),
    }
}

fn check_size(size: u64, compressed: u64) -> Result<(), ArchiveRefused> {
    if size > MEMBER_BYTES_MAX {
        return Err(ArchiveRefused::Size);
    }
    if size > RATIO_FREE_BYTES && size > compressed.saturating_mul(ARCHIVE_RATIO_MAX) {
        return Err(ArchiveRefused::Ratio);
    }
    Ok(())
}

/// A relative name with forward slashes. `.` components are dropped; everything that could lead outside refuses.
fn checked_name(raw: &str) -> Result<String, ArchiveRefused> {
    let slashed = raw.replace('\\', "/");
    if slashed.len() > MEMBER_NAME_BYTES_MAX || slashed.contains('\0') || slashed.starts_with('/') {
        return Err(ArchiveRefused::Name);
    }
    let drive =
        slashed.as_bytes().get(1) == Some(&b':') && slashed.starts_with(|first: char| first.is_ascii_alphabetic());
    if drive {
        return Err(ArchiveRefused::Name);
    }
    let parts: Vec<&str> = slashed.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let depth = parts.len();
    if parts.contains(&"..") || depth == 0 || depth > MEMBER_DEPTH_MAX {
        return Err(ArchiveRefused::Name);
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refused(bytes: Vec<u8>) -> ArchiveRefused {
        let mut archive = match Archive::open(Cursor::new(bytes)) {
            Err(refused) => return refused,
            Ok(archive) => archive,
        };
        for member in archive.members().to_vec() {
            let mut reader = match archive.member(member.index) {
                Err(refused) => return refused,
                Ok(reader) => reader,
            };
            if let Err(error) = io::copy(&mut reader, &mut io::sink()) {
                return refused_in(&error).expect("every error of a member has a reason");
            }
        }
        panic!("the archive was read whole")
    }

    /// Replaces the bytes of every occurrence, in local and central headers alike.
    fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let places: Vec<usize> =
            bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
        assert!(!places.is_empty());
        for at in places {
            bytes.splice(at..at.saturating_add(to.len()), to.iter().copied());
        }
        bytes
    }

    #[test]
    fn members_are_read_with_their_folders_left_out() {
        let mut archive = Archive::open(Cursor::new(zipped(&[("a/b.txt", b"bonjour"), ("c", b"")]))).unwrap();
        let names: Vec<&str> = archive.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["a/b.txt", "c"]);
        assert_eq!((archive.members()[0].file_name(), archive.members()[0].folder()), ("b.txt", "a"));
        let mut text = String::new();
        archive.member(0).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "bonjour");
    }

    #[test]
    fn fault_g2_names_that_lead_outside_are_refused() {
        for name in ["../x", "a/../../x", "/etc/passwd", "..\\x", "C:\\x", "C:/x", "a\0b", "a/..", "\\\\host\\x", "./"]
        {
            assert_eq!(checked_name(name), Err(ArchiveRefused::Name), "{name:?}");
        }
        let deep = "d/".repeat(MEMBER_DEPTH_MAX) + "x";
        assert_eq!(checked_name(&deep), Err(ArchiveRefused::Name));
        assert_eq!(checked_name(&"n".repeat(MEMBER_NAME_BYTES_MAX + 1)), Err(ArchiveRefused::Name));
        assert_eq!(checked_name("./a//b\\c.txt").unwrap(), "a/b/c.txt");
        assert_eq!(refused(replaced(zipped(&[("aa/bb/x", b"1")]), b"aa/bb/x", b"../../x")), ArchiveRefused::Name);
    }

    #[test]
    fn fault_g2_links_and_devices_are_refused() {
        let with_mode = |mode: u32| {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            writer.start_file("x", SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
            writer.write_all(b"/etc/passwd").unwrap();
            let mut bytes = writer.finish().unwrap().into_inner();
            let central = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
            bytes[central + 38..central + 42].copy_from_slice(&(mode << 16).to_le_bytes());
            bytes
        };
        assert_eq!(refused(with_mode(0o120_777)), ArchiveRefused::Link);
        assert_eq!(refused(with_mode(0o020_666)), ArchiveRefused::Device);
        assert_eq!(refused(with_mode(0o010_666)), ArchiveRefused::Device);
    }

    #[test]
    fn fault_g2_two_members_of_one_name_are_refused() {
        assert_eq!(
            refused(replaced(zipped(&[("aa", b"1"), ("ab", b"2")]), b"ab", b"aa")),
            ArchiveRefused::DuplicateName
        );
        assert_eq!(refused(zipped(&[("Export.xml", b"1"), ("export.XML", b"2")])), ArchiveRefused::DuplicateName);
        assert_eq!(refused(zipped(&[("a/b", b"1"), ("a\\b", b"2")])), ArchiveRefused::DuplicateName);
    }

    #[test]
    fn fault_g2_overlapping_members_are_refused() {
        let mut bytes = zipped(&[("a", b"same bytes twice"), ("b", b"same bytes twice")]);
        let second = bytes.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02").nth(1).unwrap().0;
        bytes[second + 42..second + 46].fill(0);
        assert_eq!(refused(bytes), ArchiveRefused::Overlap);
    }

    #[test]
    fn fault_g2_a_flat_bomb_is_refused_by_its_ratio() {
        let zeros = vec![0_u8; 40 << 20];
        assert_eq!(refused(zipped(&[("bomb", &zeros)])), ArchiveRefused::Ratio);
    }

    #[test]
    fn fault_g2_a_bomb_that_understates_its_size_is_refused_while_it_inflates() {
        let zeros = vec![0_u8; 40 << 20];
        let size = u32::try_from(zeros.len()).unwrap().to_le_bytes();
        let understated = replaced(zipped(&[("bomb", &zeros)]), &size, &1_000_u32.to_le_bytes());
        assert_eq!(refused(understated), ArchiveRefused::Damaged);
    }

    #[test]
    fn fault_g2_a_size_near_the_end_of_the_numbers_is_refused() {
        let honest = zipped(&[("x", b"0123456789")]);
        let lying = replaced(honest, &10_u32.to_le_bytes(), &0xffff_fff0_u32.to_le_bytes());
        assert!(matches!(refused(lying), ArchiveRefused::Ratio | ArchiveRefused::Size | ArchiveRefused::Damaged));
    }

    #[test]
    fn fault_g2_a_wrong_crc_is_an_error_and_not_a_shorter_member() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("x", SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        writer.write_all(b"glycemia 1.05").unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        assert_eq!(refused(replaced(bytes, b"1.05", b"1.50")), ArchiveRefused::Damaged);
    }

    #[test]
    fn fault_g2_encryption_is_refused_with_its_reason() {
        let mut bytes = zipped(&[("x", b"secret")]);
        for signature in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
            let at = bytes.windows(4).position(|window| window == signature.0).unwrap();
            bytes[at + signature.1] |= 1;
        }
        assert_eq!(refused(bytes), ArchiveRefused::Encrypted);
    }

    #[test]
    fn fault_g2_a_crowd_of_members_is_refused_before_the_directory_is_read() {
        let mut bytes = zipped(&[("x", b"1")]);
        let mut record = b"PK\x06\x06".to_vec();
        record.extend_from_slice(&44_u64.to_le_bytes());
        record.extend_from_slice(&[0; 12]);
        record.extend_from_slice(&1_000_000_u64.to_le_bytes());
        record.extend_from_slice(&1_000_000_u64.to_le_bytes());
        record.extend_from_slice(&[0; 16]);
        let end = bytes.windows(4).position(|window| window == b"PK\x05\x06").unwrap();
        bytes.splice(end..end, record);
        assert_eq!(refused(bytes), ArchiveRefused::TooManyMembers);
    }

    #[test]
    fn fault_g2_cut_and_flipped_archives_never_panic_and_never_read_as_something_else() {
        let text = b"une ligne qui se repete, une ligne qui se repete".repeat(20);
        let whole = zipped(&[("a.txt", &text), ("b.txt", b"fin")]);
        for tenth in 0..10 {
            let cut = whole[..whole.len() * tenth / 10].to_vec();
            assert!(Archive::open(Cursor::new(cut)).is_err(), "cut at {tenth} tenths");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let Ok(mut archive) = Archive::open(Cursor::new(bytes)) else { continue };
            for member in archive.members().to_vec() {
                let mut content = Vec::new();
                let read =
                    archive.member(member.index).is_ok_and(|mut reader| reader.read_to_end(&mut content).is_ok());
                assert!(!read || content == text || content == b"fin", "byte {at}: altered content was read");
            }
        }
    }
}
