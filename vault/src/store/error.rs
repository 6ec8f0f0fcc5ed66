//! What can go wrong with the vault file, one enum per verb. No variant carries a byte of content.

use std::io;

use carnet_crypto::{fault::Fault, logsafe::LogSafe};

/// Reading or writing failed. After any of these but [`StoreError::TooLarge`] the store takes no more transactions until
/// it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The source of chance failed, or gave the same bytes twice.
    #[error("the source of random bytes failed")]
    Chance,
    /// Something that must be there does not authenticate, or contradicts itself. Run `verify`; restore a copy.
    #[error("the vault file is damaged")]
    Damaged,
    /// No space left, or the quota is used up. The last acknowledged state is intact.
    #[error("the disk is full")]
    DiskFull,
    /// The disk failed in another way.
    #[error("the disk failed: {0}")]
    Io(io::ErrorKind),
    /// A use of the database that it refuses: a bug of ours.
    #[error("the store was used wrongly")]
    Misuse,
    /// An earlier failure. Open the vault again.
    #[error("an earlier failure stopped the vault, open it again")]
    Poisoned,
    /// The disk is mounted read-only.
    #[error("the disk is read-only")]
    ReadOnly,
    /// A key or a value is longer than [`KEY_BYTES_MAX`](super::KEY_BYTES_MAX) or
    /// [`VALUE_BYTES_MAX`](super::VALUE_BYTES_MAX). Nothing was changed.
    #[error("a key or a value is too long for the store")]
    TooLarge,
}

impl StoreError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Misuse => Fault::Ours,
            Self::TooLarge => Fault::Caller,
            _ => Fault::Disk,
        }
    }

    pub(crate) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged,
            kind => Self::Io(kind),
        }
    }
}

impl LogSafe for StoreError {}

/// A vault could not be created. Nothing of it is left, or only a temporary file that the next attempt removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is a vault in this folder already.
    #[error("there is a vault here already")]
    AlreadyExists,
    /// Another process holds the lock of this folder.
    #[error("the vault is in use")]
    Busy,
    /// The disk cannot lock files, so two processes could write at once.
    #[error("this disk cannot lock files")]
    NoLocks,
    /// Not enough memory to derive a key from the passphrase.
    #[error("not enough memory to derive a key from the passphrase")]
    NoMemory,
    /// The disk or the database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CreateError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::AlreadyExists | Self::Busy | Self::NoLocks | Self::NoMemory => Fault::Caller,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for CreateError {}

/// A vault could not be opened. The file is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process holds the lock of this folder. Try again.
    #[error("the vault is in use")]
    Busy,
    /// The key belongs to another vault, or was withdrawn.
    #[error("the key belongs to another vault, or was withdrawn")]
    Foreign,
    /// There is no vault in this folder.
    #[error("there is no vault here")]
    Missing,
    /// The disk cannot lock files, so two processes could write at once.
    #[error("this disk cannot lock files")]
    NoLocks,
    /// Not enough memory to derive a key from the passphrase.
    #[error("not enough memory to derive a key from the passphrase")]
    NoMemory,
    /// The file is not a vault: neither copy of its front begins as one.
    #[error("this file is not a vault")]
    NotAVault,
    /// The disk or the database failed, or the file is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file has a version that this program does not know.
    #[error("the vault has format version {version}, which this program does not know")]
    Unsupported {
        /// The version that the file states.
        version: u32,
    },
    /// The passphrase opens none of the key slots.
    #[error("wrong passphrase")]
    WrongPassphrase,
}

impl OpenError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Busy | Self::Foreign | Self::Missing | Self::NoLocks | Self::NoMemory | Self::WrongPassphrase => {
                Fault::Caller
            }
            Self::NotAVault => Fault::Input,
            Self::Store(error) => error.fault(),
            Self::Unsupported { .. } => Fault::Unsupported,
        }
    }
}

impl LogSafe for OpenError {}

/// The locks of a vault could not be changed. What opened the vault before still does, unless the variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelockError {
    /// Nothing would be left to open the vault with.
    #[error("the last key slot cannot be taken away")]
    LastSlot,
    /// This store lives on a disk without a folder, so that no new file can take its place.
    #[error("a vault without a folder cannot be copied to a new file")]
    NoFolder,
    /// Not enough memory to derive a key from the passphrase.
    #[error("not enough memory to derive a key from the passphrase")]
    NoMemory,
    /// All eight key slots are taken.
    #[error("all key slots are taken")]
    SlotsFull,
    /// The disk or the database failed. Either the old or the new lock opens the vault, perhaps both.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RelockError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::LastSlot | Self::NoFolder | Self::NoMemory | Self::SlotsFull => Fault::Caller,
            Self::Store(error) => error.fault(),
        }
    }
}

impl LogSafe for RelockError {}
