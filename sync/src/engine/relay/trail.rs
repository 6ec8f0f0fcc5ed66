//! Where a relay's logs stood on the way to a checkpoint: what another device may have seen of them.
//!
//! Nothing here is believed before a checkpoint holds whose logs end where the trail does; a running hash stands for all
//! that came before it.

use std::collections::{BTreeMap, VecDeque};

use carnet_protocol::checkpoint::{Head, KnownHeads};
use carnet_vault::witness::Log;

/// Most places of one log that are kept, its last ones: as many as a device remembers of it.
const PLACES_MAX: usize = 1_024;

/// The way of every log since the last checkpoint.
#[derive(Default)]
pub(super) struct Trail(BTreeMap<Log, VecDeque<Head>>);

impl Trail {
    /// A log went on to here.
    pub(super) fn add(&mut self, log: Log, head: Head) {
        let places = self.0.entry(log).or_default();
        if places.back().is_some_and(|last| last.position.saturating_add(1) != head.position) {
            places.clear();
        }
        places.push_back(head);
        if places.len() > PLACES_MAX {
            places.pop_front();
        }
    }

    /// A log went on in a way that cannot be followed: where it stood there is not known.
    pub(super) fn lose(&mut self, log: &Log) {
        self.0.remove(log);
    }

    /// Everything is asked for again from these heads on.
    pub(super) fn cut(&mut self, heads: &KnownHeads) {
        for (log, places) in &mut self.0 {
            let end = head_of(heads, log).map_or(0, |head| head.position);
            places.retain(|place| place.position <= end);
        }
    }

    /// The logs stand at `heads`, by a checkpoint that holds: what led there is true.
    pub(super) fn settle(&mut self, heads: &KnownHeads) -> Vec<(Log, Head)> {
        let trail = std::mem::take(&mut self.0);
        let leads = |(log, places): &(Log, VecDeque<Head>)| places.back().copied() == head_of(heads, log);
        trail.into_iter().filter(leads).flat_map(|(log, places)| places.into_iter().map(move |it| (log, it))).collect()
    }
}

fn head_of(heads: &KnownHeads, log: &Log) -> Option<Head> {
    match log {
        None => heads.membership,
        Some(section) => heads.sections.get(section).copied(),
    }
}

#[cfg(test)]
mod tests {
    use carnet_crypto::id::SectionId;

    use super::*;

    const NOTES: SectionId = SectionId([1; 16]);

    fn heads(count: u8) -> Vec<Head> {
        let mut heads = vec![Head::START];
        for n in 0..count {
            heads.push(heads[usize::from(n)].append(&[n; 32]));
        }
        heads
    }

    fn known(head: Head) -> KnownHeads {
        KnownHeads { membership: None, sections: [(NOTES, head)].into() }
    }

    #[test]
    fn only_what_leads_to_a_checkpoint_that_holds_is_believed() {
        let heads = heads(4);
        let walk = |to: usize| {
            let mut trail = Trail::default();
            (1..=to).for_each(|at| trail.add(Some(NOTES), heads[at]));
            trail
        };
        assert_eq!(walk(3).settle(&known(heads[3])).len(), 3);
        assert_eq!(walk(3).settle(&known(heads[4])), [], "the checkpoint is elsewhere");
        assert_eq!(walk(3).settle(&known(Head { chain: [9; 32], ..heads[3] })), [], "another history");
        let mut again = walk(4);
        again.cut(&known(heads[2]));
        again.add(Some(NOTES), heads[3]);
        assert_eq!(again.settle(&known(heads[3])).len(), 3);
    }

    #[test]
    fn a_log_that_was_lost_or_left_out_something_begins_anew() {
        let heads = heads(5);
        let mut trail = Trail::default();
        trail.add(Some(NOTES), heads[1]);
        trail.add(Some(NOTES), heads[2]);
        trail.add(Some(NOTES), heads[4]);
        trail.add(Some(NOTES), heads[5]);
        assert_eq!(trail.settle(&known(heads[5])), [(Some(NOTES), heads[4]), (Some(NOTES), heads[5])]);
        trail.add(Some(NOTES), heads[2]);
        trail.lose(&Some(NOTES));
        trail.add(Some(NOTES), heads[3]);
        assert_eq!(trail.settle(&known(heads[3])), [(Some(NOTES), heads[3])]);
    }

    #[test]
    fn a_long_way_is_kept_from_its_end() {
        let mut trail = Trail::default();
        let mut head = Head::START;
        for _ in 0..PLACES_MAX + 10 {
            head = head.append(&[1; 32]);
            trail.add(None, head);
        }
        let kept = trail.settle(&KnownHeads { membership: Some(head), ..KnownHeads::default() });
        assert_eq!((kept.len(), kept.last().map(|(_, head)| *head)), (PLACES_MAX, Some(head)));
    }
}
