//! What happened in a world, in order: its hash tells whether two runs were the same, its last lines what went wrong.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use carnet_crypto::digest::ContentHasher;

/// Lines that are shown when a world fails, unless `CARNET_SIM_LINES` says otherwise.
const LINES_SHOWN: usize = 60;

/// The trace of one world.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Lines>>);

struct Lines {
    hasher: ContentHasher,
    last: VecDeque<String>,
    count: u64,
    shown: usize,
}

impl Trace {
    pub(crate) fn new() -> Self {
        let shown = crate::variable("CARNET_SIM_LINES").and_then(|text| text.parse().ok()).unwrap_or(LINES_SHOWN);
        Self(Arc::new(Mutex::new(Lines { hasher: ContentHasher::new(), last: VecDeque::new(), count: 0, shown })))
    }

    /// Notes an event at `now` milliseconds.
    pub(crate) fn note(&self, now: u64, event: std::fmt::Arguments<'_>) {
        let mut line = String::new();
        writeln!(line, "{now:>9} {event}").unwrap();
        let mut lines = self.0.lock().unwrap();
        lines.hasher.update(line.as_bytes());
        lines.count += 1;
        if lines.last.len() >= lines.shown {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    /// The hash of everything so far, and the number of events.
    pub(crate) fn hash(&self) -> ([u8; 32], u64) {
        let lines = self.0.lock().unwrap();
        (lines.hasher.finish(), lines.count)
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> String {
        self.0.lock().unwrap().last.iter().map(String::as_str).collect()
    }
}
