//! Where an archive goes. After a failure it takes nothing more: an archive that is broken off is thrown away, and what
//! the ZIP library writes to close it would only fail once more, on standard error.

use std::io::{self, Seek, SeekFrom, Write};

/// A writer that remembers its first failure and from then on only counts.
pub(super) struct Target<W> {
    to: W,
    at: u64,
    end: u64,
    failed: Option<io::ErrorKind>,
}

impl<W> Target<W> {
    /// `to` stands at its beginning.
    pub(super) fn new(to: W) -> Self {
        Self { to, at: 0, end: 0, failed: None }
    }

    /// The writer, if all that was written reached it.
    pub(super) fn into_whole(self) -> io::Result<W> {
        self.failed.map_or(Ok(self.to), |failed| Err(failed.into()))
    }

    /// Does it, unless something failed before: then what stands `instead` is the answer.
    fn attempt<T>(&mut self, instead: T, attempt: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.failed.is_some() {
            return Ok(instead);
        }
        let done = attempt(&mut self.to);
        self.failed = done.as_ref().err().map(io::Error::kind).filter(|kind| *kind != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for Target<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.attempt(bytes.len(), |to| to.write(bytes))?;
        self.at = self.at.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        self.end = self.end.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), Write::flush)
    }
}

impl<W: Seek> Seek for Target<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let counted = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        let counted = counted.ok_or(io::ErrorKind::InvalidInput)?;
        self.at = self.attempt(counted, |inner| inner.seek(to))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let left = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            self.0 = left;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_fails_once_is_never_whole_again() {
        let mut target = Target::new(Disk(10));
        target.write_all(&[0; 8]).unwrap();
        assert_eq!(target.write_all(&[0; 8]).unwrap_err().kind(), io::ErrorKind::StorageFull);
        target.write_all(&[0; 2]).unwrap();
        target.flush().unwrap();
        assert_eq!(target.into_whole().err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));

        let mut target = Target::new(Disk(10));
        target.write_all(&[0; 10]).unwrap();
        assert!(target.into_whole().is_ok());
    }
}
