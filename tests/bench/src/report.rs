//! From rounds of measurements to the lines that are printed. It never rounds a value before judging it, and never
//! prints a figure that is not in the table of goals.

use std::{
    fmt,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use crate::goals::{FIGURES, Figure};

/// Why a measurement could not be made.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What several rounds gave, in the unit of the figure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more round.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one, or the mean of the two middle ones.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        Some(f64::midpoint(upper, *sorted.get(sorted.len() / 2 - 1)?))
    }

    /// The mean.
    pub(crate) fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// Every round, in order.
    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The highest, or zero.
    pub(crate) fn highest(&self) -> f64 {
        self.high().unwrap_or_default()
    }

    fn low(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }

    fn high(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// One figure as it was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// What was measured, in words: how many, how large.
    pub(crate) size: String,
    /// Ours.
    pub(crate) ours: Rounds,
    /// The peer of the table and what it gave; nothing where it could not be run.
    pub(crate) peer: Option<(&'static str, Rounds)>,
    /// What else is worth saying of this line.
    pub(crate) note: Option<String>,
}

/// What became of the goals of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// Goals that were met.
    pub(crate) met: usize,
    /// Goals that were measured.
    pub(crate) judged: usize,
    /// Goals whose peer was missing.
    pub(crate) open: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} goals met", self.met, self.judged)?;
        if self.open > 0 { write!(f, ", {} could not be judged", self.open) } else { Ok(()) }
    }
}

impl Measured {
    /// The line of this figure, its goal judged and counted.
    ///
    /// # Errors
    /// When the table has no such figure, or nothing was measured.
    pub(crate) fn line(&self, count: &mut Count) -> Result<Value, Failure> {
        let peer_name = self.peer.as_ref().map(|(name, _)| *name);
        let Figure { name, unit, goal, .. } = FIGURES
            .iter()
            .find(|figure| figure.name == self.name && figure.peer == peer_name)
            .ok_or_else(|| format!("{} against {peer_name:?} is not in the table of goals", self.name))?;
        let ours = self.ours.median().ok_or_else(|| format!("{name}: no round was measured"))?;
        let peer = self.peer.as_ref().and_then(|(_, rounds)| rounds.median());
        let met = goal.judge(ours, peer);
        match (goal.text(), met) {
            (None, _) => {}
            (Some(_), Some(met)) => {
                count.judged += 1;
                count.met += usize::from(met);
            }
            (Some(_), None) => count.open += 1,
        }
        let mut line = Map::new();
        let mut field = |name: &str, value: Value| drop(line.insert(name.to_owned(), value));
        field("figure", json!(name));
        field("unit", json!(unit));
        field("ours", rounded(Some(ours)));
        field("peer", rounded(peer));
        field("peer_name", json!(peer_name));
        field("ratio", rounded(peer.map(|peer| goal.ratio(ours, peer))));
        field("goal", json!(goal.text()));
        field("met", json!(met));
        field("size", json!(self.size));
        field("rounds", json!(self.ours.0.len()));
        field("low", rounded(self.ours.low()));
        field("high", rounded(self.ours.high()));
        field("peer_low", rounded(self.peer.as_ref().and_then(|(_, rounds)| rounds.low())));
        field("peer_high", rounded(self.peer.as_ref().and_then(|(_, rounds)| rounds.high())));
        if let Some(note) = &self.note {
            field("note", json!(note));
        }
        Ok(Value::Object(line))
    }
}

/// Four significant digits, for reading; judging is done before.
fn rounded(value: Option<f64>) -> Value {
    let Some(value) = value.filter(|value| value.is_finite()) else { return Value::Null };
    format!("{value:.3e}").parse::<f64>().map_or(Value::Null, |value| json!(value))
}

/// The time that a piece of work took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// By the clock on the wall.
    pub(crate) wall: Duration,
    /// Of all processors, by all threads of this process.
    pub(crate) cpu: Duration,
}

/// Runs `work` and says how long it took.
///
/// # Errors
/// What `work` answers.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Took), Failure> {
    let (wall, cpu) = (Instant::now(), process_time());
    let made = work()?;
    Ok((made, Took { wall: wall.elapsed(), cpu: process_time().saturating_sub(cpu) }))
}

/// Processor time of this process so far.
pub(crate) fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(Rounds::default().median(), None);
        assert_eq!([3.0, 1.0, 2.0].into_iter().collect::<Rounds>().median(), Some(2.0));
        assert_eq!([4.0, 1.0, 2.0, 3.0].into_iter().collect::<Rounds>().median(), Some(2.5));
    }

    #[test]
    fn a_figure_outside_the_table_is_an_error() {
        let measured = Measured {
            name: "store.unheard",
            size: String::new(),
            ours: [1.0].into_iter().collect(),
            peer: None,
            note: None,
        };
        assert!(measured.line(&mut Count::default()).is_err());
    }
}
