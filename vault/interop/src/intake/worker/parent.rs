//! The calling side: starts a worker, checks everything it says, and ends it.

use std::{
    fs::File,
    io::{self, BufReader},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, Stdio},
};

use carnet_record::item::{Item, Tally};
use sha2::{Digest, Sha256};

use super::{
    ARGUMENT, WorkerError,
    frame::{self, Answer, OPTIONS_BYTES_MAX},
};
use crate::intake::{
    Options,
    bounds::{ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX},
};

/// A worker process and what it still has to say. As an iterator it gives the items, and last the tally; after an
/// error it gives nothing more. What was given before an error must be dropped: nothing of the file may be kept.
///
/// Dropping it ends the process.
pub struct Worker {
    child: Child,
    answers: BufReader<UnixStream>,
    order: Order,
    is_over: bool,
}

/// What the order of items allows next.
#[derive(Default)]
struct Order {
    has_subject: bool,
    document: Option<(Sha256, u64)>,
    document_bytes: u64,
}

impl Worker {
    /// Starts `program` (an absolute path) as a worker on `file`, which must be open for reading only. Returns once its limits are in
    /// force.
    ///
    /// # Errors
    /// [`WorkerError::Start`] when it cannot be started or does not say that it is ready.
    pub fn start(program: &Path, file: File, options: &Options) -> Result<Self, WorkerError> {
        let start = |_: io::Error| WorkerError::Start;
        let (ours, theirs) = UnixStream::pair().map_err(start)?;
        let child = spawn(program, file, theirs).map_err(start)?;
        // From here on, dropping the worker ends the child.
        let mut worker =
            Self { child, answers: BufReader::with_capacity(256 << 10, ours), order: Order::default(), is_over: false };
        let text = serde_json::to_vec(options).map_err(|_| WorkerError::Start)?;
        frame::write_payload(&text, OPTIONS_BYTES_MAX, worker.answers.get_mut()).map_err(start)?;
        match frame::read(&mut worker.answers) {
            Ok(Some(Answer::Ready)) => Ok(worker),
            _ => Err(WorkerError::Start),
        }
    }

    /// The number of the process, to read its limits back.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    fn next_answer(&mut self) -> Result<Item, WorkerError> {
        match frame::read(&mut self.answers) {
            Ok(Some(Answer::Item(item))) => {
                self.order.check(&item)?;
                Ok(item)
            }
            Ok(Some(Answer::Tally(tally))) => self.end(tally),
            Ok(Some(Answer::Refused(error))) => Err(WorkerError::Container(error)),
            Ok(None) => Err(self.cause_of_death()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cause_of_death()),
            Ok(Some(Answer::Ready)) | Err(_) => Err(WorkerError::BadAnswer),
        }
    }

    /// The tally counts only when nothing follows it and the process ended well.
    fn end(&mut self, tally: Box<Tally>) -> Result<Item, WorkerError> {
        if self.order.document.is_some() || !matches!(frame::read(&mut self.answers), Ok(None)) {
            return Err(WorkerError::BadAnswer);
        }
        match self.cause_of_death() {
            WorkerError::Ended(0) => Ok(Item::Tally(tally)),
            cause => Err(cause),
        }
    }

    /// Why the process ended. Its socket is closed: an honest one has ended, and its status is settled; one that only
    /// closed the socket is ended here, so that nobody waits for it.
    fn cause_of_death(&mut self) -> WorkerError {
        const ABORT: i32 = 6;
        const SEGMENT: i32 = 11;
        const CPU: i32 = 24;
        drop(self.child.kill());
        let Ok(status) = self.child.wait() else { return WorkerError::Ended(-1) };
        match (status.code(), status.signal()) {
            (_, Some(CPU)) => WorkerError::CpuLimit,
            (_, Some(ABORT | SEGMENT)) => WorkerError::MemoryLimit,
            (Some(code), _) => WorkerError::Ended(code),
            (None, signal) => WorkerError::Ended(signal.unwrap_or(-1)),
        }
    }
}

impl Iterator for Worker {
    type Item = Result<Item, WorkerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let answer = self.next_answer();
        self.is_over = matches!(answer, Err(_) | Ok(Item::Tally(_)));
        Some(answer)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Errors mean that it has ended already, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Order {
    fn check(&mut self, item: &Item) -> Result<(), WorkerError> {
        let is_right = match item {
            // In an archive the person may come after the facts of a member that names nobody.
            Item::Subject(_) => !std::mem::replace(&mut self.has_subject, true) && self.document.is_none(),
            Item::Draft(_) | Item::Samples { .. } => self.document.is_none(),
            Item::DocumentStart { draft } => {
                let is_document = matches!(draft.fact, carnet_record::Fact::Document(_));
                is_document && self.document.replace((Sha256::new(), 0)).is_none()
            }
            Item::DocumentBytes(bytes) => self.document_grows(bytes),
            Item::DocumentEnd { sha256, size } => {
                let met = self.document.take().map(|(hasher, met)| (<[u8; 32]>::from(hasher.finalize()), met));
                met == Some((*sha256, *size))
            }
            Item::Tally(_) => false,
        };
        if is_right { Ok(()) } else { Err(WorkerError::BadAnswer) }
    }

    fn document_grows(&mut self, bytes: &[u8]) -> bool {
        let Some((hasher, size)) = &mut self.document else { return false };
        hasher.update(bytes);
        let step = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        *size = size.saturating_add(step);
        self.document_bytes = self.document_bytes.saturating_add(step);
        *size <= DOCUMENT_BYTES_MAX && self.document_bytes <= ARCHIVE_BYTES_MAX && !bytes.is_empty()
    }
}

#[expect(clippy::disallowed_methods, reason = "the intake worker is one of the three processes that may be started")]
fn spawn(program: &Path, file: File, socket: UnixStream) -> io::Result<Child> {
    Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(file))
        .stdout(Stdio::from(OwnedFd::from(socket)))
        .stderr(Stdio::null())
        .spawn()
}
