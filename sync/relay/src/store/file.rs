//! Large envelopes and objects, as files beside the database: `large/RECORD/ID` and `large/RECORD/ID.part`.
//!
//! A file is complete and durable before a row says that it is there; a file without a row is left over and may go.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use carnet_crypto::{digest::ContentHasher, id::ObjectId};

use super::rows::RecordNumber;
use crate::key::sync_folder_of;

/// Envelopes above this many bytes are files.
pub(crate) const INLINE_BYTES_MAX: usize = 16 << 10;
const FOLDER: &str = "large";
const BUFFER_BYTES: usize = 64 << 10;

/// The place of the large files of one record.
fn folder(data: &Path, record: RecordNumber) -> PathBuf {
    data.join(FOLDER).join(format!("{record:016x}"))
}

fn path(data: &Path, record: RecordNumber, id: &[u8; 32]) -> PathBuf {
    folder(data, record).join(ObjectId(*id).to_string())
}

fn part_path(data: &Path, record: RecordNumber, id: &[u8; 32]) -> PathBuf {
    path(data, record, id).with_extension("part")
}

/// Writes a whole file, durable on return.
pub(crate) fn write(data: &Path, record: RecordNumber, id: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
    let beside = part_path(data, record, id);
    create_folder(&beside)?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    let path = path(data, record, id);
    fs::rename(&beside, &path)?;
    sync_folder_of(&path)
}

/// The whole file, when it has this length.
pub(crate) fn read(data: &Path, record: RecordNumber, id: &[u8; 32], length: u64) -> io::Result<Vec<u8>> {
    read_range(data, record, id, 0, length)
}

/// `length` bytes from `start`.
pub(crate) fn read_range(
    data: &Path,
    record: RecordNumber,
    id: &[u8; 32],
    start: u64,
    length: u64,
) -> io::Result<Vec<u8>> {
    let mut file = File::open(path(data, record, id))?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).ok() == Some(length) { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Bytes of an upload that are stored so far.
pub(crate) fn part_length(data: &Path, record: RecordNumber, id: &[u8; 32]) -> io::Result<u64> {
    match fs::metadata(part_path(data, record, id)) {
        Ok(about) => Ok(about.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Appends to an upload at `start`, which is where it ends, and makes it durable.
pub(crate) fn append_part(
    data: &Path,
    record: RecordNumber,
    id: &[u8; 32],
    start: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let path = part_path(data, record, id);
    create_folder(&path)?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)?;
    file.sync_data()?;
    if start == 0 { sync_folder_of(&path) } else { Ok(()) }
}

/// Ends an upload: the file gets its name if it has the hash that the name is. Otherwise it is dropped and the answer is
/// false.
pub(crate) fn finish_part(data: &Path, record: RecordNumber, id: &[u8; 32]) -> io::Result<bool> {
    let part = part_path(data, record, id);
    if content_hash(&part)? != *id {
        fs::remove_file(&part)?;
        return Ok(false);
    }
    keep_part(data, record, id)?;
    Ok(true)
}

/// Gives an upload its name, unchecked: a copy of what was checked before.
pub(crate) fn keep_part(data: &Path, record: RecordNumber, id: &[u8; 32]) -> io::Result<()> {
    let (part, path) = (part_path(data, record, id), path(data, record, id));
    File::open(&part)?.sync_all()?;
    fs::rename(&part, &path)?;
    sync_folder_of(&path)
}

/// Takes a file away, if it is there.
pub(crate) fn remove(data: &Path, record: RecordNumber, id: &[u8; 32]) -> io::Result<()> {
    for path in [path(data, record, id), part_path(data, record, id)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn content_hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hasher = ContentHasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn create_folder(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        sync_folder_of(folder)?;
        if let Some(above) = folder.parent() {
            sync_folder_of(above)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use carnet_crypto::digest::content_hash;

    use super::*;

    #[test]
    fn an_upload_resumes_where_it_broke_off_and_is_checked_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let id = content_hash(&bytes);
        assert_eq!(part_length(data, 1, &id).unwrap(), 0);
        append_part(data, 1, &id, 0, &bytes[..150_000]).unwrap();
        assert_eq!(part_length(data, 1, &id).unwrap(), 150_000);
        append_part(data, 1, &id, 150_000, &bytes[150_000..]).unwrap();
        assert!(finish_part(data, 1, &id).unwrap());
        assert_eq!(read(data, 1, &id, 200_000).unwrap(), bytes);
        assert_eq!(read_range(data, 1, &id, 199_990, 10).unwrap(), bytes[199_990..]);
        assert!(read_range(data, 1, &id, 199_991, 10).is_err());
        assert!(read(data, 2, &id, 1).is_err(), "another record has its own");
        remove(data, 1, &id).unwrap();
        remove(data, 1, &id).unwrap();
        assert!(read(data, 1, &id, 1).is_err());
    }

    #[test]
    fn fault_d12_an_upload_with_another_hash_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        append_part(folder.path(), 1, &[9; 32], 0, b"not what it is called").unwrap();
        assert!(!finish_part(folder.path(), 1, &[9; 32]).unwrap());
        assert_eq!(part_length(folder.path(), 1, &[9; 32]).unwrap(), 0);
    }
}
