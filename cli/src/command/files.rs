//! Files that leave the vault: made new, for this account only, whole or not at all.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::error::Failure;

/// Writes `bytes` to a new file that only this account can read. An existing file is never overwritten.
pub(crate) fn write_own(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = NewFile::create(path)?;
    file.add(bytes)?;
    file.finish()
}

/// Opens a file that was handed over.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| Failure::unreadable(path, &error))
}

/// A file on its way: it takes its name when it is complete, and leaves nothing if it is dropped before.
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    partial: PathBuf,
}

impl NewFile {
    /// Begins a file that will be at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(Failure::FileExists { path: path.display().to_string() });
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial).map_err(|error| Failure::unwritable(path, &error))?;
        Ok(Self { file, path: path.to_owned(), partial })
    }

    /// Where the file will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds `bytes`.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Failure::unwritable(&self.path, &error))
    }

    /// Makes the file durable and gives it its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let finished = self.file.sync_all().and_then(|()| match std::fs::hard_link(&self.partial, &self.path) {
            // Disks without links, such as most sticks: the name was free when the file was begun.
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                std::fs::rename(&self.partial, &self.path)
            }
            linked => linked,
        });
        finished.map_err(|error| Failure::unwritable(&self.path, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Under its own name the file stays; the partial name goes in either case.
        let _ = std::fs::remove_file(&self.partial);
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_j_a_file_that_leaves_the_vault_is_for_this_account_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kit.pdf");
        write_own(&path, b"x").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing partial is left");
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_own(&path, b"first").unwrap();
        assert!(matches!(write_own(&path, b"second"), Err(Failure::FileExists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create(&folder.path().join("a")).unwrap();
        file.add(b"half").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
