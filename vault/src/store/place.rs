//! The folder of a vault: its lock, its file under a temporary name until it is whole, and the syncs between.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use redb::{StorageBackend, backends::FileBackend};

use super::error::StoreError;

/// The vault file in its folder.
pub(super) const VAULT_FILE: &str = "vault.carnet";
/// A vault file that is not yet whole. Whatever bears this name is worth nothing.
const NEW_FILE: &str = "vault.carnet.new";
/// Holds the lock of the folder; it has no content and is never removed.
const LOCK_FILE: &str = "vault.lock";

/// Why the folder cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceError {
    Busy,
    NoLocks,
    Store(StoreError),
}

impl From<io::Error> for PlaceError {
    fn from(error: io::Error) -> Self {
        Self::Store(StoreError::from_io(&error))
    }
}

/// A folder whose lock we hold, until this value is dropped or the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the lock of `folder`. The lock is the kernel's, on a file of its own which no rename replaces: a lock file
    /// left behind by a dead process locks nothing.
    pub(super) fn lock(folder: &Path) -> Result<Self, PlaceError> {
        let lock = options().create(true).truncate(false).open(folder.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(PlaceError::Busy),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Err(PlaceError::NoLocks),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub(super) fn has_vault(&self) -> Result<bool, StoreError> {
        self.folder.join(VAULT_FILE).try_exists().map_err(|error| StoreError::from_io(&error))
    }

    /// The vault file, to be read and written.
    pub(super) fn open(&self) -> Result<Box<dyn StorageBackend>, StoreError> {
        backend(options().open(self.folder.join(VAULT_FILE)))
    }

    /// A new and empty file under the temporary name, in place of whatever an interrupted attempt left there.
    pub(super) fn start_new(&self) -> Result<Box<dyn StorageBackend>, StoreError> {
        let path = self.folder.join(NEW_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::from_io(&error)),
            _ => {}
        }
        backend(options().create_new(true).open(path))
    }

    /// Gives the new file, whole and synced, the name of the vault. From here on it is the vault.
    pub(super) fn finish_new(&self) -> Result<(), StoreError> {
        fs::rename(self.folder.join(NEW_FILE), self.folder.join(VAULT_FILE))
            .and_then(|()| sync_folder(&self.folder))
            .map_err(|error| StoreError::from_io(&error))
    }
}

/// Makes a folder that only its owner can enter, unless there is one.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable. Windows has no such call; there a rename is durable with the file system's log.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// For reading and writing, by the owner alone.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn backend(file: io::Result<File>) -> Result<Box<dyn StorageBackend>, StoreError> {
    let file = file.map_err(|error| StoreError::from_io(&error))?;
    match FileBackend::new(file) {
        Ok(backend) => Ok(Box::new(backend)),
        Err(_) => Err(StoreError::Io(io::ErrorKind::Other)),
    }
}
