//! Every figure, whom it is compared with, and the goal it is held to: one table, and nowhere else a number that decides.
//!
//! `met` is computed from this table and the measured values ([`Goal::judge`]); no measurement knows its goal.

/// What a figure must reach. Costs (seconds, bytes) are small when they are good, rates are large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Our value, a cost, is at most this.
    AtMost(f64),
    /// Our value, a rate, is at least this.
    AtLeast(f64),
    /// Our value divided by the peer's, costs, is at most this.
    AtMostTimes(f64),
    /// The peer's value divided by ours, costs, is at least this: so many times as good.
    TimesLess(f64),
    /// Our value divided by the peer's, rates, is at least this.
    TimesMore(f64),
    /// Only for comparison.
    None,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Its name: the subject, then what is measured.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Whom it is compared with, if with anybody.
    pub(crate) peer: Option<&'static str>,
    /// What it must reach.
    pub(crate) goal: Goal,
}

impl Goal {
    /// The goal in words, as it is printed.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::AtMost(most) => Some(format!("ours <= {most}")),
            Self::AtLeast(least) => Some(format!("ours >= {least}")),
            Self::AtMostTimes(most) => Some(format!("ours / peer <= {most}")),
            Self::TimesLess(least) => Some(format!("peer / ours >= {least}")),
            Self::TimesMore(least) => Some(format!("ours / peer >= {least}")),
            Self::None => None,
        }
    }

    /// The ratio that the goal speaks of: ours over the peer's, or for [`Goal::TimesLess`] the peer's over ours.
    pub(crate) fn ratio(self, ours: f64, peer: f64) -> f64 {
        if matches!(self, Self::TimesLess(_)) { peer / ours } else { ours / peer }
    }

    /// Whether the goal is met; nothing when it cannot be told, or there is none.
    pub(crate) fn judge(self, ours: f64, peer: Option<f64>) -> Option<bool> {
        let ratio = peer.map(|peer| self.ratio(ours, peer));
        match self {
            Self::AtMost(most) => Some(ours <= most),
            Self::AtLeast(least) => Some(ours >= least),
            Self::AtMostTimes(most) => ratio.map(|ratio| ratio <= most),
            Self::TimesLess(least) | Self::TimesMore(least) => ratio.map(|ratio| ratio >= least),
            Self::None => None,
        }
    }
}

/// The plain store under ours.
pub(crate) const REDB: &str = "redb 4.5";
/// The plain store, committing as it does when nothing is asked of it.
pub(crate) const REDB_ONE_PHASE: &str = "redb 4.5, one-phase commits";
/// The encrypted database that others use, as it comes.
pub(crate) const SQLCIPHER: &str = "SQLCipher 4.19, defaults";
/// The same with a write-ahead log and our cache.
pub(crate) const SQLCIPHER_TUNED: &str = "SQLCipher 4.19, WAL and 64 MB of cache";

/// A parser in a script.
pub(crate) const ITERPARSE: &str = "Python iterparse, which keeps nothing";
/// A program for the same export.
pub(crate) const HEALTHKIT: &str = "healthkit-to-sqlite 1.0.1, which does not encrypt";

/// Another relay for the same purpose.
pub(crate) const SUBDUCTION: &str = "subduction_cli 0.21, as of November 2026";
/// Our own relay on a log that is not long.
pub(crate) const SHORT_LOG: &str = "the same relay on a log of 4 000";

/// Automerge's own exchange, without encryption.
pub(crate) const AUTOMERGE: &str = "automerge 0.12 sync, in clear";
/// The same when neither end remembers the other.
pub(crate) const AUTOMERGE_FRESH: &str = "automerge 0.12 sync without remembered state";
/// Reconciliation of sets.
pub(crate) const NEGENTROPY: &str = "negentropy 0.5, one set";
/// What was sent of the same changes.
pub(crate) const WRITTEN: &str = "all that their authors sent";
/// Opening the same document saved whole.
pub(crate) const LOAD: &str = "automerge 0.12 load of the whole";

/// All figures.
pub(crate) const FIGURES: &[Figure] = &[
    // The store (docs/figures.md, "Store")
    figure("store.puts", "s", REDB, Goal::AtMostTimes(1.15)),
    figure("store.puts", "s", SQLCIPHER, Goal::TimesLess(5.0)),
    figure("store.puts", "s", SQLCIPHER_TUNED, Goal::TimesLess(1.3)),
    figure("store.gets_warm", "s", REDB, Goal::AtMostTimes(1.15)),
    figure("store.gets_warm", "s", SQLCIPHER, Goal::TimesLess(5.0)),
    figure("store.gets_warm", "s", SQLCIPHER_TUNED, Goal::TimesLess(1.3)),
    figure("store.gets_reopened", "s", REDB, Goal::AtMostTimes(1.15)),
    figure("store.gets_reopened", "s", SQLCIPHER, Goal::TimesLess(5.0)),
    figure("store.gets_reopened", "s", SQLCIPHER_TUNED, Goal::TimesLess(1.3)),
    figure("store.gets_cold", "s", REDB, Goal::AtMostTimes(1.15)),
    figure("store.gets_cold", "s", SQLCIPHER, Goal::TimesLess(5.0)),
    figure("store.gets_cold", "s", SQLCIPHER_TUNED, Goal::TimesLess(1.3)),
    figure("store.durable_put", "ms", REDB, Goal::AtMostTimes(1.3)),
    figure("store.durable_put", "ms", REDB_ONE_PHASE, Goal::None),
    figure("store.durable_put", "ms", SQLCIPHER, Goal::TimesLess(2.0)),
    figure("store.durable_put", "ms", SQLCIPHER_TUNED, Goal::None),
    figure("store.size", "MB", REDB, Goal::AtMostTimes(1.02)),
    figure("store.size", "MB", SQLCIPHER, Goal::None),
    figure("store.file_put", "s", SQLCIPHER, Goal::TimesLess(2.0)),
    figure("store.file_get", "s", SQLCIPHER, Goal::TimesLess(4.0)),
    alone("store.open_clean", "ms", Goal::AtMost(20.0)),
    figure("store.open_clean", "ms", REDB, Goal::None),
    figure("store.open_killed", "ms", REDB, Goal::AtMostTimes(1.3)),
    alone("store.unlock", "cpu s", Goal::AtMost(0.5)),
    // Measures (docs/figures.md, "Measures")
    alone("import.cpu", "cpu s", Goal::AtMost(6.0)),
    figure("import.cpu", "cpu s", ITERPARSE, Goal::None),
    figure("import.cpu", "cpu s", HEALTHKIT, Goal::None),
    alone("import.memory", "MiB", Goal::AtMost(64.0)),
    alone("measures.bytes", "bytes a sample", Goal::AtMost(1.9)),
    alone("measures.chart", "ms", Goal::AtMost(150.0)),
    alone("measures.days", "ms", Goal::AtMost(20.0)),
    // The relay (docs/figures.md, "Relay")
    figure("relay.append_one", "a second", SUBDUCTION, Goal::TimesMore(2.0)),
    figure("relay.append_one", "a second", REDB, Goal::None),
    alone("relay.append_batched", "a second", Goal::AtLeast(15_000.0)),
    figure("relay.append_batched", "a second", SUBDUCTION, Goal::TimesMore(2.0)),
    figure("relay.append_batched", "a second", REDB, Goal::None),
    alone("relay.verified", "a cpu second", Goal::AtLeast(5_000.0)),
    figure("relay.append_long", "a second", SHORT_LOG, Goal::TimesMore(0.9)),
    alone("relay.memory_idle", "MiB", Goal::AtMost(20.0)),
    alone("relay.memory_long", "MiB", Goal::AtMost(64.0)),
    alone("relay.file", "bytes a byte", Goal::AtMost(1.5)),
    alone("relay.catch_up", "MB/s", Goal::AtLeast(100.0)),
    alone("relay.push_p99", "ms", Goal::AtMost(10.0)),
    alone("relay.connections", "a GB", Goal::AtLeast(10_000.0)),
    // Exchange (docs/figures.md, "Exchange")
    alone("sync.fresh_measures", "times save()", Goal::AtMost(1.25)),
    figure("sync.fresh_measures", "times save()", AUTOMERGE, Goal::None),
    alone("sync.fresh_treatments", "times save()", Goal::AtMost(1.25)),
    figure("sync.fresh_treatments", "times save()", AUTOMERGE, Goal::None),
    alone("sync.fresh_notes", "times save()", Goal::AtMost(1.12)),
    figure("sync.fresh_notes", "times save()", AUTOMERGE, Goal::None),
    alone("sync.fresh_turns", "round trips", Goal::AtMost(2.0)),
    alone("sync.upload", "bytes a change", Goal::AtMost(1_600.0)),
    alone("sync.nothing_new", "bytes", Goal::AtMost(640.0)),
    figure("sync.nothing_new", "bytes", AUTOMERGE_FRESH, Goal::None),
    figure("sync.nothing_new", "bytes", NEGENTROPY, Goal::None),
    alone("sync.one_change_up", "bytes", Goal::AtMost(384.0)),
    figure("sync.one_change_up", "bytes", AUTOMERGE, Goal::None),
    alone("sync.one_change_down", "bytes", Goal::AtMost(128.0)),
    alone("sync.one_change_heard", "bytes", Goal::AtMost(384.0)),
    figure("sync.offline", "bytes", WRITTEN, Goal::AtMostTimes(1.0)),
    figure("sync.offline", "bytes", AUTOMERGE, Goal::None),
    alone("sync.offline_turns", "round trips", Goal::AtMost(2.0)),
    alone("sync.new_device", "bytes", Goal::AtMost(4_096.0)),
    figure("sync.open_volumes", "cpu ms", LOAD, Goal::AtMostTimes(2.0)),
    alone("sync.visible_open", "ms", Goal::AtMost(50.0)),
    alone("sync.visible_cold", "ms", Goal::AtMost(500.0)),
    alone("sync.file", "MB/s", Goal::AtLeast(250.0)),
    alone("sync.file_cut", "MB", Goal::AtMost(1.0)),
];

const fn figure(name: &'static str, unit: &'static str, peer: &'static str, goal: Goal) -> Figure {
    Figure { name, unit, peer: Some(peer), goal }
}

const fn alone(name: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { name, unit, peer: None, goal }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_goal_is_judged_by_what_it_says() {
        assert_eq!(Goal::AtMost(20.0).judge(20.0, None), Some(true));
        assert_eq!(Goal::AtMost(20.0).judge(20.1, None), Some(false));
        assert_eq!(Goal::AtLeast(15.0).judge(14.0, Some(1.0)), Some(false));
        assert_eq!(Goal::AtMostTimes(1.15).judge(2.3, Some(2.0)), Some(true));
        assert_eq!(Goal::AtMostTimes(1.15).judge(2.4, Some(2.0)), Some(false));
        assert_eq!(Goal::TimesLess(5.0).judge(1.0, Some(5.0)), Some(true));
        assert_eq!(Goal::TimesLess(5.0).judge(1.0, Some(4.9)), Some(false));
        assert_eq!(Goal::TimesMore(2.0).judge(10.0, Some(6.0)), Some(false));
        assert_eq!(Goal::TimesMore(2.0).judge(12.0, Some(6.0)), Some(true));
    }

    #[test]
    fn a_goal_against_nobody_is_not_met() {
        for goal in [Goal::AtMostTimes(9.0), Goal::TimesLess(0.1), Goal::TimesMore(0.1), Goal::None] {
            assert_eq!(goal.judge(1.0, None), None);
        }
    }

    #[test]
    fn a_figure_stands_once_for_each_peer() {
        let rows: BTreeSet<_> = FIGURES.iter().map(|figure| (figure.name, figure.peer)).collect();
        assert_eq!(rows.len(), FIGURES.len());
    }
}
