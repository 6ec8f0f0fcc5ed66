//! Following a relay's logs: what a device may believe of what a relay shows.
//!
//! ```text
//!            Pull                    Operations, Tail …               Pulled
//! ┌───────┐ cursors ┌───────────┐ each id moves the heads ┌────────────────────────┐
//! │ taken ├────────▶│   known   ├────────────────────────▶│ the checkpoint decides │
//! └───▲───┘         └───────────┘                         └───┬──────────┬─────────┘
//!     │            it agrees: this is remembered              │          │ it does not: alarm,
//!     └───────────────────────────────────────────────────────┘          ▼ nothing is remembered
//! ```
//!
//! `known` is the mirror of what the relay knows this stream to know, because a checkpoint leaves out what both ends can
//! compute; `taken` is what this device has really taken in, and the only thing that it asks and remembers by. A relay
//! that rolls back, forks, or keeps something back contradicts one of them, in the same exchange.

mod trail;

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    id::{EnvelopeId, OpId, RecordId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads, ShortCheckpoint, SignedCheckpoint, Succession},
    frame::{Cursor, Mismatch, Pull, Pulled},
};
use carnet_vault::{replica::RelayMemory, witness::Log};

use self::trail::Trail;
use crate::error::Alarm;

/// Most sections that a pull names.
const SECTIONS_MAX: usize = carnet_protocol::frame::pull::SLOTS_MAX;

/// What one stream at a relay has shown.
pub(crate) struct Following {
    record: RecordId,
    relay: PublicKey,
    /// What is remembered of earlier streams.
    memory: RelayMemory,
    /// What the relay takes this end to know.
    known: KnownHeads,
    /// What was taken in, without a gap.
    taken: KnownHeads,
    /// What the last pull asked by.
    asked: KnownHeads,
    /// The sections of the last pull, by slot.
    slots: Vec<SectionId>,
    /// Sections with an envelope whose id could not be computed since the last checkpoint.
    loose: BTreeSet<SectionId>,
    /// Sections of which a part came as snapshots: only a checkpoint says where they stand.
    gapped: BTreeSet<SectionId>,
    /// How the logs came to where they are known to stand.
    trail: Trail,
    /// Where they stood on the way to the checkpoints that held.
    points: Vec<(Log, Head)>,
}

/// What a pull or a live notice came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The checkpoint agrees with what came. The memory is to be kept.
    Settled {
        /// Whether the relay's store began a new life: it is to be offered everything again.
        is_restored: bool,
    },
    /// News without a checkpoint: a pull brings one.
    Live,
    /// These sections have to be compared feed by feed: their logs go on in a way that cannot be followed.
    Compare(BTreeSet<SectionId>),
    /// The relay is not to be believed. What these sections lack may still be had by comparing feeds.
    Alarm(Alarm, BTreeSet<SectionId>),
}

impl Following {
    /// A stream at the relay with this key. A memory of another relay counts for nothing.
    pub(crate) fn new(record: RecordId, relay: PublicKey, memory: RelayMemory) -> Self {
        let is_of_relay = memory.checkpoint.as_ref().is_some_and(|signed| signed.verify(&relay).is_ok());
        let memory = if is_of_relay { memory } else { RelayMemory::default() };
        let taken = memory.heads.clone();
        Self {
            record,
            relay,
            known: KnownHeads::default(),
            taken,
            memory,
            asked: KnownHeads::default(),
            slots: Vec::new(),
            loose: BTreeSet::new(),
            gapped: BTreeSet::new(),
            trail: Trail::default(),
            points: Vec::new(),
        }
    }

    /// What is to be remembered of this relay.
    pub(crate) fn memory(&self) -> &RelayMemory {
        &self.memory
    }

    /// Where the logs stood on the way to what is to be remembered, since this was last asked.
    pub(crate) fn take_points(&mut self) -> Vec<(Log, Head)> {
        std::mem::take(&mut self.points)
    }

    /// Whether anything was ever seen of this relay.
    pub(crate) fn is_new(&self) -> bool {
        self.memory.checkpoint.is_none()
    }

    /// Asks for what is new beyond what was taken in.
    pub(crate) fn pull(&mut self) -> Pull {
        let mut sections: BTreeMap<SectionId, Head> = self.taken.sections.clone();
        sections.retain(|_, head| head.position > 0);
        while sections.len() > SECTIONS_MAX {
            sections.pop_last();
        }
        let membership = self.taken.membership.unwrap_or(Head::START);
        self.slots = sections.keys().copied().collect();
        self.loose.clear();
        self.gapped.clear();
        let cursors = sections.iter().map(|(id, head)| (hint(id), Cursor::at(head))).collect();
        self.known.restart(Some(membership), sections);
        self.asked = self.known.clone();
        self.trail.cut(&self.asked);
        Pull {
            store_epoch: self.memory.store_epoch,
            take_snapshots: true,
            membership: Cursor::at(&membership),
            views: 0,
            sections: cursors,
        }
    }

    /// Operations came, in the order of the log.
    pub(crate) fn operations(&mut self, ids: &[OpId]) {
        for id in ids {
            self.known.expect_operation(id);
            if let Some(head) = self.known.membership {
                self.trail.add(None, head);
            }
        }
    }

    /// Envelopes of a section came, in the order of its log; of some the id is not known.
    pub(crate) fn envelopes(&mut self, section: SectionId, ids: &[Option<EnvelopeId>], has_gaps: bool) {
        if has_gaps {
            self.compare(section);
            return;
        }
        for id in ids {
            let Some(id) = id else {
                self.trail.lose(&Some(section));
                self.loose.insert(section);
                continue;
            };
            self.known.expect_envelope(&section, id);
            let is_followed = !self.loose.contains(&section) && !self.gapped.contains(&section);
            if let Some(head) = self.known.sections.get(&section).filter(|_| is_followed) {
                self.trail.add(Some(section), *head);
            }
        }
    }

    /// A pull, a live notice, or a comparison has ended.
    pub(crate) fn ended(&mut self, pulled: &Pulled, may_read: &BTreeSet<SectionId>) -> Ended {
        let mut suspects = BTreeSet::new();
        let mut is_membership_off = false;
        for mismatch in &pulled.mismatches {
            match mismatch {
                Mismatch::Membership => is_membership_off = true,
                Mismatch::Section(slot) => suspects.extend(self.slots.get(usize::from(*slot)).copied()),
            }
        }
        if is_membership_off {
            self.known.membership = None;
        }
        for section in &suspects {
            self.known.forget(section);
        }
        let Some(short) = &pulled.checkpoint else { return self.ended_live() };
        let expected = self.known.clone();
        let signed = match self.complete(short) {
            Ok(signed) => signed,
            Err(_) if !self.loose.is_empty() => {
                self.learn_shown(short);
                return Ended::Compare(std::mem::take(&mut self.loose));
            }
            Err(alarm) => return Ended::Alarm(alarm, suspects),
        };
        match self.succession(&signed) {
            Ok(true) => return self.begin_again(signed, is_membership_off || !suspects.is_empty()),
            Ok(false) => {}
            Err(alarm) => return Ended::Alarm(alarm, suspects),
        }
        if let Some(alarm) = self.contradiction(&expected, is_membership_off, &suspects, may_read) {
            return Ended::Alarm(alarm, suspects);
        }
        self.settle(signed);
        Ended::Settled { is_restored: false }
    }

    /// What was pushed is stored; items that were not refused, in their order. True when the relay's logs stand where
    /// this device expects them, false when others wrote in between: then a pull shows what.
    pub(crate) fn pushed(&mut self, taken: &[Pushed], short: &ShortCheckpoint) -> Result<bool, Alarm> {
        // What an earlier push found in between is known, and yet not taken in: only what was taken in, with what was
        // pushed, may be remembered.
        let mut followed = self.taken.clone();
        let mut way = Vec::with_capacity(taken.len());
        for item in taken {
            for heads in [&mut self.known, &mut followed] {
                match item {
                    Pushed::Envelope(section, id) => heads.expect_envelope(section, id),
                    Pushed::Operation(id) => heads.expect_operation(id),
                }
            }
            way.push(match item {
                Pushed::Envelope(section, _) => (Some(*section), followed.sections.get(section).copied()),
                Pushed::Operation(_) => (None, followed.membership),
            });
        }
        let signed = self.complete(short)?;
        if self.succession(&signed)? || self.known != followed {
            return Ok(false);
        }
        for (log, head) in way {
            if let Some(head) = head {
                self.trail.add(log, head);
            }
        }
        self.settle(signed);
        Ok(true)
    }

    /// The relay had news under way when the pull was sent: it answers the pull after them, from the same cursors.
    pub(crate) fn pull_again(&mut self) {
        let asked = self.slots.iter().copied().collect::<BTreeSet<_>>();
        let mut sections = self.asked.sections.clone();
        sections.retain(|section, _| asked.contains(section));
        self.known.restart(Some(self.asked.membership.unwrap_or(Head::START)), sections);
        self.trail.cut(&self.asked);
        self.loose.clear();
        self.gapped.clear();
    }

    /// What the next pull asks by.
    pub(crate) fn cursors(&self) -> KnownHeads {
        self.taken.clone()
    }

    /// The next pull asks by these again.
    pub(crate) fn rewind(&mut self, cursors: &KnownHeads) {
        self.taken = cursors.clone();
    }

    /// A section is about to be compared feed by feed: its running hash cannot be followed.
    pub(crate) fn compare(&mut self, section: SectionId) {
        self.known.forget(&section);
        self.gapped.insert(section);
        self.trail.lose(&Some(section));
    }

    /// A section was compared, and nothing of it is missing: the next pull asks from where its log stood then. Whether that
    /// is true shows there.
    pub(crate) fn compared(&mut self, section: SectionId, pulled: &Pulled) {
        let Some(short) = &pulled.checkpoint else { return };
        self.learn_shown(short);
        if let carnet_protocol::checkpoint::Leaves::Partial { visible, .. } = &short.leaves {
            let heads = visible.iter().filter(|leaf| leaf.section == section).filter_map(|leaf| leaf.head);
            self.taken.sections.extend(heads.map(|head| (section, head)));
        }
    }

    /// Notes the checkpoint of a live notice, without judging it.
    pub(crate) fn shown(&mut self, short: &ShortCheckpoint) {
        let _ = self.complete(short);
    }

    /// The next pull asks for everything, because the relay is to be compared from the start.
    pub(crate) fn forget_all(&mut self) {
        self.taken = KnownHeads::default();
        self.memory = RelayMemory::default();
        self.trail = Trail::default();
        self.points.clear();
    }

    fn ended_live(&mut self) -> Ended {
        if self.loose.is_empty() && self.gapped.is_empty() {
            self.taken = self.known.clone();
        }
        Ended::Live
    }

    fn complete(&mut self, short: &ShortCheckpoint) -> Result<SignedCheckpoint, Alarm> {
        let before = self.known.clone();
        let signed = self.known.complete(self.record, short);
        let signed = signed.filter(|signed| signed.verify(&self.relay).is_ok());
        if signed.is_none() {
            self.known = before;
        }
        signed.ok_or(Alarm::Checkpoint)
    }

    /// Whether the store of the relay began a new life.
    fn succession(&self, signed: &SignedCheckpoint) -> Result<bool, Alarm> {
        let Some(earlier) = &self.memory.checkpoint else { return Ok(false) };
        match signed.checkpoint.compare(&earlier.checkpoint) {
            Succession::Possible => Ok(false),
            Succession::Restored => Ok(true),
            Succession::Rollback => Err(Alarm::Rollback),
            Succession::Fork => Err(Alarm::Fork),
        }
    }

    /// What in the logs is not as this device has followed them.
    fn contradiction(
        &self,
        expected: &KnownHeads,
        is_membership_off: bool,
        suspects: &BTreeSet<SectionId>,
        may_read: &BTreeSet<SectionId>,
    ) -> Option<Alarm> {
        let membership = self.known.membership.unwrap_or(Head::START);
        let mut alarms: Vec<Alarm> = Vec::new();
        if is_membership_off {
            alarms.push(behind_or_beside(self.taken.membership.unwrap_or(Head::START), membership));
        } else {
            alarms.extend(off(expected.membership.unwrap_or(Head::START), membership));
        }
        for (section, shown) in &self.known.sections {
            if suspects.contains(section) {
                let taken = self.taken.sections.get(section).copied().unwrap_or(Head::START);
                alarms.push(behind_or_beside(taken, *shown));
            } else if !self.gapped.contains(section) && may_read.contains(section) {
                let expected = expected.sections.get(section).copied().unwrap_or(Head::START);
                alarms.extend(off(expected, *shown));
            }
        }
        let gone = self.taken.sections.iter().filter(|(section, head)| head.position > 0 && may_read.contains(section));
        if gone.into_iter().any(|(section, _)| !self.known.sections.contains_key(section)) {
            alarms.push(Alarm::Rollback);
        }
        alarms.into_iter().min()
    }

    fn settle(&mut self, signed: SignedCheckpoint) {
        self.points.extend(self.trail.settle(&self.known));
        self.taken = self.known.clone();
        self.memory = RelayMemory {
            store_epoch: signed.checkpoint.store_epoch,
            heads: self.known.clone(),
            checkpoint: Some(signed),
        };
        self.loose.clear();
        self.gapped.clear();
    }

    /// The relay's store was restored: its positions mean something else now.
    fn begin_again(&mut self, signed: SignedCheckpoint, is_off: bool) -> Ended {
        if is_off {
            self.forget_all();
            self.memory.store_epoch = signed.checkpoint.store_epoch;
        } else {
            self.points.clear();
            self.settle(signed);
        }
        Ended::Settled { is_restored: true }
    }

    /// Heads that a checkpoint names outright are known at both ends, whatever else it leaves open.
    fn learn_shown(&mut self, short: &ShortCheckpoint) {
        if let carnet_protocol::checkpoint::Leaves::Partial { membership, visible, .. } = &short.leaves {
            self.known.membership = membership.or(self.known.membership);
            for leaf in visible {
                if let Some(head) = leaf.head {
                    self.known.sections.insert(leaf.section, head);
                }
            }
        }
    }
}

/// One thing that a relay has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Envelope(SectionId, EnvelopeId),
    Operation(OpId),
}

/// The first 8 bytes of a section's id.
pub(crate) fn hint(section: &SectionId) -> [u8; 8] {
    section.0.first_chunk().copied().unwrap_or_default()
}

/// A log was followed to `expected`; the checkpoint shows `shown`.
fn off(expected: Head, shown: Head) -> Option<Alarm> {
    if expected == shown {
        None
    } else if shown.position > expected.position {
        Some(Alarm::Withheld)
    } else {
        Some(behind_or_beside(expected, shown))
    }
}

/// A log was seen at `taken`, a place that the relay does not have now; it stands at `shown`.
fn behind_or_beside(taken: Head, shown: Head) -> Alarm {
    if shown.position < taken.position { Alarm::Rollback } else { Alarm::Fork }
}

#[cfg(test)]
mod tests;
