//! The worker process itself: limits first, then options, then the file, then it exits.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use carnet_record::item::Item;

use super::{
    frame::{self, Answer, OPTIONS_BYTES_MAX},
    limits,
};
use crate::intake::{ContainerError, Options, Stop, bounds::SNIFF_BYTES, sniff::Format, sniff::sniff};

/// The whole work of the process. Gives its exit code: 0 when an answer was given, a refusal included; 2 when it was
/// not started by [`super::Worker`]; 3 when it could not limit itself, or when nobody reads its answer.
///
/// Nothing is printed: both ends speak in frames only.
pub fn serve() -> u8 {
    let Ok(size) = size_of_input() else { return 2 };
    let most = limits::cpu_seconds(Format::Zip, size).max(limits::cpu_seconds(Format::AppleHealthXml, size));
    if die_with_parent().is_err() || limits::impose(most).is_err() {
        return 3;
    }
    let Some(options) = options() else { return 2 };
    match answer(&options, size) {
        Ok(()) => 0,
        Err(_) => 3,
    }
}

fn answer(options: &Options, size: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(128 << 10, Socket);
    // Ready means that every limit stands: from here on this process changes none.
    limits::grant(limits::cpu_seconds(sniffed()?, size))?;
    frame::write(&Answer::Ready, &mut out)?;
    out.flush()?;
    let mut failure = None;
    let read = crate::intake::read(Input, options, &mut |item: Item| {
        frame::write(&Answer::Item(item), &mut out).map_err(|error| {
            failure = Some(error);
            Stop
        })
    });
    let last = match read {
        Ok(tally) => Answer::Tally(Box::new(tally)),
        Err(ContainerError::Stopped(_)) => return Err(failure.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        Err(error) => Answer::Refused(error),
    };
    frame::write(&last, &mut out)?;
    out.flush()
}

/// The options that the parent sends first.
fn options() -> Option<Options> {
    let payload = frame::read_payload(OPTIONS_BYTES_MAX, &mut Socket).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Size of the file; an error when standard input is no plain file open for reading only.
fn size_of_input() -> io::Result<u64> {
    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
    let input = rustix::stdio::stdin();
    let stat = fstat(input)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_read_only = (fcntl_getfl(input)? & OFlags::RWMODE) == OFlags::RDONLY;
    if is_file && is_read_only {
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

fn sniffed() -> io::Result<Format> {
    let mut head = Vec::new();
    Input.seek(SeekFrom::Start(0))?;
    Input.take(u64::try_from(SNIFF_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok(sniff(&head))
}

/// A worker whose parent was killed has nobody to answer to.
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// The file: standard input.
struct Input;

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}

impl Seek for Input {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        use rustix::fs::SeekFrom as To;
        let to = match position {
            SeekFrom::Start(at) => To::Start(at),
            SeekFrom::Current(by) => To::Current(by),
            SeekFrom::End(by) => To::End(by),
        };
        Ok(rustix::fs::seek(rustix::stdio::stdin(), to)?)
    }
}

/// The socket: standard output, which is read from too.
struct Socket;

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdout(), buffer)?)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
