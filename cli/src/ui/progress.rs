//! Progress of long work. It has no effect on the work: where it cannot be shown it is silent.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::SCHEMA;

/// Lines of JSON written for one piece of work of known length, at most.
const LINES_MAX: u64 = 100;

/// A piece of work under way.
pub(crate) struct Progress {
    form: Form,
    done: u64,
    total: u64,
}

enum Form {
    Bar(ProgressBar),
    Lines { stage: String, next: u64 },
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
        Self { form: Form::Lines { stage: stage.trim_start_matches("stage-").to_owned(), next: 1 }, done: 0, total }
    }

    /// Counts `steps` more as done.
    pub(crate) fn advance(&mut self, steps: u64) {
        self.done = self.done.saturating_add(steps);
        match &mut self.form {
            Form::Bar(bar) => bar.set_position(self.done),
            Form::Lines { stage, next } if self.done >= *next => {
                // Without a known end, each line tells of twice as much as the one before.
                *next = next_line(self.done, self.total);
                say(stage, self.done, self.total);
            }
            Form::Lines { .. } | Form::Silent => {}
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

/// How much must be done before the next line.
fn next_line(done: u64, total: u64) -> u64 {
    if total == 0 { done.saturating_mul(2) } else { done.saturating_add(total / LINES_MAX + 1) }
}

fn say(stage: &str, done: u64, total: u64) {
    let line = json!({ "schema": SCHEMA, "event": "progress", "stage": stage, "done": done, "total": total });
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(total: u64, steps: u64) -> u64 {
        let (mut lines, mut next) = (0, 1);
        for done in 1..=steps {
            if done >= next {
                lines += 1;
                next = next_line(done, total);
            }
        }
        lines
    }

    #[test]
    fn long_work_says_little() {
        assert!(lines_of(1_000_000, 1_000_000) <= LINES_MAX + 1);
        assert!(lines_of(0, 1_000_000) <= 21);
    }
}
