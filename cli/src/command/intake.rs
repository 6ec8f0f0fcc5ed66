//! Reading files from outside: always in the worker, a process of this program that limits itself.

use std::{fs::File, path::Path};

use carnet_interop::intake::{
    self, ContainerError, Options,
    worker::{Worker, WorkerError},
};
use carnet_record::ZoneHistory;

use crate::{error::Failure, session::Session};

/// Opens a file for reading only.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let about = file.metadata().map_err(|error| Failure::unreadable(path, &error))?;
    if about.is_file() { Ok(file) } else { Err(Failure::NotAFile { path: path.display().to_string() }) }
}

/// The SHA-256 of a whole file: what an import of it is known by.
pub(crate) fn digest(file: &File, path: &Path) -> Result<[u8; 32], Failure> {
    intake::digest(file).map_err(|error| refused(path, WorkerError::Container(error)))
}

/// Starts the worker on `file`.
pub(crate) fn start(
    file: File,
    path: &Path,
    zones: &ZoneHistory,
    with_positions: bool,
    session: &Session<'_>,
) -> Result<Worker, Failure> {
    let program = std::env::current_exe().map_err(|_| Failure::WorkerFailed)?;
    let options = Options {
        source_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        home_zone: zones.clone(),
        with_positions,
        now_ms: session.now().millis(),
    };
    Worker::start(&program, file, &options).map_err(|error| refused(path, error))
}

/// Why nothing of a file was taken in, as a failure of the command.
pub(crate) fn refused(path: &Path, error: WorkerError) -> Failure {
    let path = path.display().to_string();
    match error {
        WorkerError::Container(ContainerError::Unsupported(format)) => {
            Failure::FormatUnknown { path, format: format.to_string() }
        }
        WorkerError::Container(ContainerError::Empty | ContainerError::Nothing) => Failure::NothingToImport { path },
        WorkerError::Container(ContainerError::TooLarge) => Failure::TooLarge { path },
        WorkerError::Container(ContainerError::CarnetArchive) => Failure::CarnetArchive { path },
        WorkerError::Container(ContainerError::LaterArchive) => Failure::ArchiveVersion { path },
        WorkerError::Container(_) => Failure::FileRefused { path },
        WorkerError::CpuLimit | WorkerError::MemoryLimit => Failure::FileTooHeavy { path },
        WorkerError::Unsupported => Failure::NoWorker,
        _ => Failure::WorkerFailed,
    }
}

/// A digest in lower-case hexadecimal.
pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
