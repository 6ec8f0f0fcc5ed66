//! The relay's own secrets: its key, and the token that admits new records.
//!
//! The key is one Ed25519 key: devices know the relay by it in TLS, and it signs checkpoints and receipts. A secret file
//! is readable by its owner only, written whole beside its place, synced, and moved there; it is never overwritten.
//! Nothing here is printed or logged.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use carnet_crypto::{
    fault::Fault,
    sign::{PublicKey, SigningKey},
};
use carnet_protocol::frame::AdmissionToken;

const KEY_FILE: &str = "relay.key";
const TOKEN_FILE: &str = "relay.token";

/// A secret file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// There is one already; it is kept.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The file has another length than the secret it should hold.
    #[error("{0} does not hold a secret of the right length")]
    Length(PathBuf),
    /// Somebody besides its owner may read the file.
    #[error("{0} is readable by others than its owner")]
    Open(PathBuf),
    /// The disk or its rights.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SecretFileError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Exists(_) | Self::Length(_) | Self::Open(_) => Fault::Caller,
            Self::Io { .. } => Fault::Disk,
        }
    }
}

/// The relay's key: the 32 bytes it grows from, and what signs.
pub(crate) struct NodeKey {
    seed: [u8; 32],
    signing: SigningKey,
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

impl NodeKey {
    /// Draws a key and writes it into `data`.
    ///
    /// # Errors
    /// [`SecretFileError`], [`SecretFileError::Exists`] when there is a key already.
    pub(crate) fn create(data: &Path, rng: &mut impl rand::CryptoRng) -> Result<Self, SecretFileError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::install(data, seed)
    }

    /// Writes this key into `data`, where there is none.
    pub(crate) fn install(data: &Path, seed: [u8; 32]) -> Result<Self, SecretFileError> {
        write_secret_file(&data.join(KEY_FILE), &seed)?;
        Ok(Self { seed, signing: SigningKey::from_seed(&seed) })
    }

    /// The key in `data`.
    pub(crate) fn read(data: &Path) -> Result<Self, SecretFileError> {
        let seed = read_secret_file(&data.join(KEY_FILE))?;
        Ok(Self { seed, signing: SigningKey::from_seed(&seed) })
    }

    /// What devices know the relay by.
    pub(crate) fn public(&self) -> PublicKey {
        self.signing.public()
    }

    /// What signs checkpoints and receipts.
    pub(crate) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The bytes, for the TLS endpoint and for a backup, and for nothing else.
    pub(crate) fn expose_seed(&self) -> &[u8; 32] {
        &self.seed
    }
}

/// Draws an admission token and writes it into `data`.
pub(crate) fn create_token(data: &Path, rng: &mut impl rand::CryptoRng) -> Result<AdmissionToken, SecretFileError> {
    let mut token = [0; 16];
    rng.fill_bytes(&mut token);
    install_token(data, token)
}

/// Writes this admission token into `data`, where there is none.
pub(crate) fn install_token(data: &Path, token: [u8; 16]) -> Result<AdmissionToken, SecretFileError> {
    write_secret_file(&data.join(TOKEN_FILE), &token)?;
    Ok(AdmissionToken(token))
}

/// The admission token in `data`.
pub(crate) fn read_token(data: &Path) -> Result<AdmissionToken, SecretFileError> {
    read_secret_file(&data.join(TOKEN_FILE)).map(AdmissionToken)
}

/// Writes `bytes` where there is no file: readable by the owner only, whole or not at all, durable on return.
pub(crate) fn write_secret_file(path: &Path, bytes: &[u8]) -> Result<(), SecretFileError> {
    let failed = |source| SecretFileError::Io { path: path.to_owned(), source };
    if path.exists() {
        return Err(SecretFileError::Exists(path.to_owned()));
    }
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    drop(file);
    // A hard link fails where a file appeared meanwhile; a rename would replace it.
    match fs::hard_link(&beside, path) {
        Ok(()) => fs::remove_file(&beside).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(SecretFileError::Exists(path.to_owned()));
        }
        Err(_) => fs::rename(&beside, path).map_err(failed)?,
    }
    sync_folder_of(path).map_err(failed)
}

/// Makes the name of a file durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        // A name alone lies in the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder)?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

fn read_secret_file<const N: usize>(path: &Path) -> Result<[u8; N], SecretFileError> {
    let failed = |source| SecretFileError::Io { path: path.to_owned(), source };
    let about = fs::metadata(path).map_err(failed)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0 {
        return Err(SecretFileError::Open(path.to_owned()));
    }
    if about.len() != u64::try_from(N).unwrap_or(u64::MAX) {
        return Err(SecretFileError::Length(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(failed)?;
    <[u8; N]>::try_from(bytes).map_err(|_| SecretFileError::Length(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_name_alone_is_the_current_one() {
        sync_folder_of(Path::new("backup.bin")).unwrap();
        assert!(sync_folder_of(Path::new("no such folder/backup.bin")).is_err());
    }

    #[test]
    fn a_key_is_written_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let key = NodeKey::install(folder.path(), [7; 32]).unwrap();
        assert_eq!(NodeKey::read(folder.path()).unwrap().public(), key.public());
        assert!(matches!(NodeKey::install(folder.path(), [8; 32]), Err(SecretFileError::Exists(_))));
        assert_eq!(NodeKey::read(folder.path()).unwrap().public(), key.public());
        assert_eq!(format!("{key:?}"), "NodeKey(..)");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [KEY_FILE]);
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        install_token(folder.path(), [1; 16]).unwrap();
        let path = folder.path().join(TOKEN_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_token(folder.path()), Err(SecretFileError::Open(_))));
    }

    #[test]
    fn a_truncated_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_secret_file(&folder.path().join(KEY_FILE), &[1; 31]).unwrap();
        assert!(matches!(NodeKey::read(folder.path()), Err(SecretFileError::Length(_))));
    }
}
