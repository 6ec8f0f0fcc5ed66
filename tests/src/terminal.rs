//! The command at a terminal: a pseudo-terminal of the system stands for the screen and the keyboard of a person.
//!
//! What the program prints is read as a person sees it, both streams together, and what is typed is echoed like there.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Command},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// How long a program may stay silent before the test gives up, in seconds.
const PATIENCE_SECONDS: u64 = 120;
/// The size of the screen, in characters: large enough for a QR code.
const SCREEN: Winsize = Winsize { ws_row: 80, ws_col: 250, ws_xpixel: 0, ws_ypixel: 0 };

/// A program at a terminal. It is killed when it is dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// How much of what is shown was looked at.
    seen: usize,
}

impl Terminal {
    /// Starts `command` with a terminal as its three streams.
    ///
    /// # Panics
    /// If the system gives no pseudo-terminal.
    pub fn start(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end may be opened");
        let name = ptsname(&master, Vec::new()).expect("its other end has a name");
        let end = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        tcsetwinsize(&end, SCREEN).expect("a terminal has a size");
        let end = File::from(end);
        let stream = || end.try_clone().expect("a stream of the terminal");
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().expect("the program starts");
        // Else the terminal would never be seen to close.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        drop(end);
        let keyboard = File::from(master);
        let screen = read(keyboard.try_clone().expect("the screen"));
        Self { child, keyboard, screen, shown: String::new(), seen: 0 }
    }

    /// Types a line.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn say(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("the terminal takes a line");
    }

    /// Waits until `text` is shown after what was waited for before. Gives what is shown up to its end, from there.
    ///
    /// # Panics
    /// If the program ends or stays silent before.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                let end = self.seen + at + text.len();
                let passed = self.shown[self.seen..end].to_owned();
                self.seen = end;
                return passed;
            }
            let next = self.screen.recv_timeout(Duration::from_secs(PATIENCE_SECONDS));
            let bytes = next.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", self.shown));
            self.show(&bytes);
        }
    }

    /// Waits for the end. Gives the exit status and everything that was shown.
    ///
    /// # Panics
    /// If the program stays silent and does not end.
    pub fn finish(mut self) -> (Option<i32>, String) {
        loop {
            match self.screen.recv_timeout(Duration::from_secs(PATIENCE_SECONDS)) {
                Ok(bytes) => self.show(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.shown),
            }
        }
        let code = self.child.wait().expect("the program ends").code();
        (code, std::mem::take(&mut self.shown))
    }

    /// The program's process.
    pub fn process(&self) -> &Child {
        &self.child
    }

    fn show(&mut self, bytes: &[u8]) {
        // A character may be cut: the reader hands over whole lines, or what a prompt leaves, which is whole too.
        self.shown.push_str(&String::from_utf8_lossy(bytes).replace('\r', ""));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a QR code on the screen says, as a camera reads it. `lines` are drawn with half blocks, light on dark.
///
/// # Panics
/// If there is no code that can be read.
pub fn read_qr(lines: &[&str]) -> String {
    const SCALE: usize = 4;
    let rows: Vec<Vec<bool>> = lines
        .iter()
        .flat_map(|line| {
            let upper = line.chars().map(|block| matches!(block, '\u{2588}' | '\u{2580}')).collect();
            let lower = line.chars().map(|block| matches!(block, '\u{2588}' | '\u{2584}')).collect();
            [upper, lower]
        })
        .collect();
    let side = rows.iter().map(Vec::len).max().expect("lines of a code");
    let is_light = |x: usize, y: usize| rows.get(y / SCALE).and_then(|row| row.get(x / SCALE)).copied().unwrap_or(true);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * SCALE, rows.len() * SCALE, |x, y| {
        if is_light(x, y) { 255 } else { 0 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code:\n{}", lines.join("\n"));
    grids[0].decode().expect("the code can be read").1
}

/// What comes from the terminal, cut where no character is cut, read aside so that the program is never held up.
fn read(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut rest: Vec<u8> = Vec::new();
        let mut buffer = [0; 4096];
        // The end of a terminal whose last user is gone is an error on Linux.
        while let Ok(1..) = screen.read(&mut buffer).inspect(|count| rest.extend_from_slice(&buffer[..*count])) {
            let whole = match std::str::from_utf8(&rest) {
                Ok(_) => rest.len(),
                Err(error) => error.valid_up_to(),
            };
            if sender.send(rest.drain(..whole).collect()).is_err() {
                break;
            }
        }
    });
    receiver
}
