//! Progress of long work. It has no effect on the work: where it cannot be shown it is silent.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::SCHEMA;

/// Lines of JSON written for one piece of work, at most, however many steps it has.
const LINES_MAX: u64 = 100;

/// A piece of work under way.
pub(crate) struct Progress {
    form: Form,
    done: u64,
    total: u64,
}

enum Form {
    Bar(ProgressBar),
    Lines { stage: String, said: u64 },
    Silent,
}

impl Progress {
    pub(super) fn silent() -> Self {
        Self { form: Form::Silent, done: 0, total: 0 }
    }

    pub(super) fn bar(stage: &str, total: u64) -> Self {
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(stage.to_owned());
        Self { form: Form::Bar(bar), done: 0, total }
    }

    pub(super) fn lines(stage: &str, total: u64) -> Self {
        Self { form: Form::Lines { stage: stage.replace('-', "_"), said: 0 }, done: 0, total }
    }

    /// Counts `steps` more as done.
    pub(crate) fn advance(&mut self, steps: u64) {
        self.done = self.done.saturating_add(steps);
        match &mut self.form {
            Form::Bar(bar) => bar.set_position(self.done),
            Form::Lines { stage, said } => {
                let step = (self.total / LINES_MAX).max(1);
                if self.done / step > *said / step || *said == 0 {
                    *said = self.done;
                    say(stage, self.done, self.total);
                }
            }
            Form::Silent => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

fn say(stage: &str, done: u64, total: u64) {
    let line = json!({ "schema": SCHEMA, "event": "progress", "stage": stage, "done": done, "total": total });
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{line}");
}
