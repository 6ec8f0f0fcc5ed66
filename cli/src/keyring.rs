//! Passphrases: where they come from. And who else may keep a key: the kernel for a time, for `unlock --for`, and the
//! keyring of the account, for `--keystore`.
//!
//! A passphrase comes from a file that only its owner can read, from an open descriptor, or from a prompt; never from
//! the command line or the environment. Nothing here prints a secret, and what was read is cleared when it is dropped.

pub(crate) mod account;
mod session;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

pub(crate) use self::session::{SECONDS_MAX, SessionStore, StoreRefused};
use crate::{error::Failure, i18n::Message, msg, ui::Ui};

/// Longest first line read, in bytes; a passphrase is shorter.
const LINE_BYTES_MAX: u64 = 4096;

/// What was typed or read as a secret line, without its line end.
pub(crate) type Typed = Zeroizing<Vec<u8>>;

/// Where the passphrase of this run comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// The first line of a file.
    File(PathBuf),
    /// The first line of an open descriptor.
    Descriptor(i32),
    /// The terminal.
    Prompt,
}

impl Source {
    /// The source that the options name; a prompt when they name none.
    pub(crate) fn of(file: Option<&Path>, descriptor: Option<i32>) -> Self {
        match (file, descriptor) {
            (Some(path), _) => Self::File(path.to_owned()),
            (None, Some(number)) => Self::Descriptor(number),
            (None, None) => Self::Prompt,
        }
    }

    /// The passphrase of an existing vault.
    pub(crate) fn existing(&self, ui: &Ui) -> Result<Typed, Failure> {
        self.line(ui, &msg!("ask-passphrase"))
    }

    /// A new passphrase: asked for twice at a terminal, read once elsewhere.
    pub(crate) fn new_one(&self, ui: &Ui) -> Result<Typed, Failure> {
        let first = self.line(ui, &msg!("ask-new-passphrase"))?;
        if *self == Self::Prompt && first != self.line(ui, &msg!("ask-new-passphrase-again"))? {
            return Err(Failure::PassphrasesDiffer);
        }
        Ok(first)
    }

    /// One secret line: a passphrase, or the words of a kit.
    pub(crate) fn line(&self, ui: &Ui, question: &Message) -> Result<Typed, Failure> {
        match self {
            Self::File(path) => read_file(path),
            Self::Descriptor(number) => read_descriptor(*number),
            Self::Prompt => ask(ui, question),
        }
    }
}

fn ask(ui: &Ui, question: &Message) -> Result<Typed, Failure> {
    if !ui.has_terminal() {
        return Err(Failure::NoTerminal);
    }
    ui.prompt(question);
    match rpassword::read_password() {
        Ok(line) => Ok(Zeroizing::new(line.into_bytes())),
        Err(_) => Err(Failure::NoAnswer),
    }
}

fn read_file(path: &Path) -> Result<Typed, Failure> {
    let file = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    if is_shared(&file).map_err(|error| Failure::unreadable(path, &error))? {
        return Err(Failure::FileShared { path: path.display().to_string() });
    }
    first_line(file).map_err(|error| Failure::unreadable(path, &error))
}

/// Whether an account other than this one (and the administrator's) may read the file.
#[cfg(unix)]
fn is_shared(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let about = file.metadata()?;
    let owner_is_us = about.uid() == rustix::process::geteuid().as_raw() || about.uid() == 0;
    Ok(about.mode() & 0o077 != 0 || !owner_is_us)
}

/// Access lists are not read here: a file in the person's own folder is theirs.
#[cfg(not(unix))]
fn is_shared(_file: &File) -> std::io::Result<bool> {
    Ok(false)
}

/// Reads a descriptor that the caller opened, by its name in the file system: no raw descriptor is taken over.
fn read_descriptor(number: i32) -> Result<Typed, Failure> {
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    File::open(&path).and_then(first_line).map_err(|error| Failure::unreadable(&path, &error))
}

fn first_line(file: File) -> std::io::Result<Typed> {
    // Full size from the start: growing would leave a copy behind in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LINE_BYTES_MAX).unwrap_or(0)));
    let mut byte = Zeroizing::new([0_u8; 1]);
    let mut file = file.take(LINE_BYTES_MAX);
    while file.read(byte.as_mut_slice())? == 1 && byte[0] != b'\n' {
        bytes.push(byte[0]);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::ui::Manner;

    fn ui() -> Ui {
        Ui::new(Manner::default(), None)
    }

    #[cfg(unix)]
    fn secret_file(mode: u32, content: &[u8]) -> (tempfile::TempDir, Source) {
        use std::os::unix::fs::OpenOptionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phrase");
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
        file.write_all(content).unwrap();
        (folder, Source::File(path))
    }

    #[cfg(unix)]
    #[test]
    fn the_first_line_of_a_file_is_the_passphrase() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"deux mots\n", b"deux mots"),
            (b"deux mots\r\nautre", b"deux mots"),
            (b" espaces ", b" espaces "),
            (b"", b""),
            (b"\n", b""),
        ];
        for (content, expected) in cases {
            let (_folder, source) = secret_file(0o600, content);
            assert_eq!(source.existing(&ui()).unwrap().as_slice(), expected);
            assert_eq!(source.new_one(&ui()).unwrap().as_slice(), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn fault_j_a_passphrase_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o644] {
            let (_folder, source) = secret_file(mode, b"deux mots\n");
            assert!(matches!(source.existing(&ui()), Err(Failure::FileShared { .. })), "{mode:o}");
        }
    }

    #[test]
    fn fault_j_without_a_terminal_nothing_is_asked() {
        // Tests run with standard input closed or from a pipe; where a person runs them by hand there is a terminal.
        if !ui().has_terminal() {
            assert_eq!(Source::Prompt.existing(&ui()), Err(Failure::NoTerminal));
            assert_eq!(Failure::NoTerminal.exit().code(), 3);
        }
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_said() {
        assert!(matches!(Source::Descriptor(977).existing(&ui()), Err(Failure::FileUnreadable { .. })));
    }

    #[test]
    fn an_option_comes_before_the_prompt() {
        assert_eq!(Source::of(None, None), Source::Prompt);
        assert_eq!(Source::of(None, Some(3)), Source::Descriptor(3));
        assert_eq!(Source::of(Some(Path::new("p")), None), Source::File("p".into()));
    }
}
