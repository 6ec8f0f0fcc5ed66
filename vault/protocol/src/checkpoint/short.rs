//! A checkpoint without what the other end of the stream knows already.
//!
//! Both ends keep the same [`KnownHeads`], so that a reconnection with nothing new stays as small however long the
//! history is. Nothing here trusts anything: what comes out is a checkpoint whose signature is still to be verified.
//! Source: `docs/frames.md`, "Logs, cursors, checkpoints".

use std::collections::BTreeMap;

use carnet_crypto::{
    door::UnixMillis,
    id::{EnvelopeId, OpId, RecordId, SectionId},
    sign::Signature,
};

use super::{Checkpoint, Head, SECTIONS_MAX, SIBLINGS_MAX, SignedCheckpoint, leaf, root, root_from_parts, siblings};
use crate::codec::{DecodeError, Reader, Writer};

/// What one stream has shown of the logs of a record, kept alike at both of its ends, so that a checkpoint can leave
/// out what the other end computes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHeads {
    /// The membership log, once a pull has named its place in it.
    pub membership: Option<Head>,
    /// The sections whose place in the log both ends know.
    pub sections: BTreeMap<SectionId, Head>,
}

impl KnownHeads {
    /// Both ends saw this envelope being appended to the log of `section`, or one of them offered it and the other did
    /// not refuse it. Where it was appended elsewhere the next checkpoint says so.
    pub fn expect_envelope(&mut self, section: &SectionId, id: &EnvelopeId) {
        let head = self.sections.entry(*section).or_insert(Head::START);
        *head = head.append_envelope(id);
    }

    /// As [`KnownHeads::expect_envelope`], of the membership log.
    pub fn expect_operation(&mut self, id: &OpId) {
        self.membership = self.membership.map(|head| head.append_operation(id));
    }

    /// The log of `section` went on in a way that its receiver cannot follow by running hash.
    pub fn forget(&mut self, section: &SectionId) {
        self.sections.remove(section);
    }

    /// A pull begins: what both ends know is what it names.
    pub fn restart(&mut self, membership: Option<Head>, sections: BTreeMap<SectionId, Head>) {
        *self = Self { membership, sections };
    }

    /// The checkpoint as the other end of the stream needs it; what it shows becomes known. `visible` says which
    /// sections the other end may see.
    pub fn shorten(
        &mut self,
        signed: &SignedCheckpoint,
        sections: &BTreeMap<SectionId, Head>,
        visible: impl Fn(&SectionId) -> bool,
    ) -> ShortCheckpoint {
        let checkpoint = &signed.checkpoint;
        let membership = (self.membership != Some(checkpoint.membership)).then_some(checkpoint.membership);
        let leaves = if membership.is_none() && self.sections == *sections {
            Leaves::AllKnown
        } else {
            let shown = sections.iter().enumerate().filter(|(_, (section, _))| visible(section));
            let visible_leaves: Vec<_> = shown
                .map(|(index, (section, head))| VisibleLeaf {
                    index,
                    section: *section,
                    head: (self.sections.get(section) != Some(head)).then_some(*head),
                })
                .collect();
            self.learn(&visible_leaves);
            Leaves::Partial {
                membership,
                total: sections.len(),
                visible: visible_leaves,
                siblings: siblings(sections, visible),
            }
        };
        self.membership = Some(checkpoint.membership);
        ShortCheckpoint {
            store_epoch: checkpoint.store_epoch,
            time: checkpoint.time,
            leaves,
            signature: signed.signature,
        }
    }

    /// What is shown is known from now on, and nothing else.
    fn learn(&mut self, shown: &[VisibleLeaf]) {
        let head = |leaf: &VisibleLeaf| leaf.head.or(self.sections.get(&leaf.section).copied());
        self.sections = shown.iter().filter_map(|leaf| Some((leaf.section, head(leaf)?))).collect();
    }

    /// The whole checkpoint that `short` stands for, not yet verified, with the sections it shows. What it shows becomes
    /// known. Nothing when it counts on a head that is not known here or its parts do not make one tree.
    pub fn complete(&mut self, record: RecordId, short: &ShortCheckpoint) -> Option<SignedCheckpoint> {
        let (membership, root) = match &short.leaves {
            Leaves::AllKnown => (self.membership?, root(&self.sections)),
            Leaves::Partial { membership, total, visible, siblings } => {
                let membership = membership.or(self.membership)?;
                let mut leaves = Vec::with_capacity(visible.len());
                for shown in visible {
                    let head = shown.head.or_else(|| self.sections.get(&shown.section).copied())?;
                    leaves.push((shown.index, leaf(&shown.section, &head)));
                }
                let root = root_from_parts(*total, &leaves, siblings)?;
                self.learn(visible);
                (membership, root)
            }
        };
        self.membership = Some(membership);
        let checkpoint = Checkpoint { record, store_epoch: short.store_epoch, time: short.time, membership, root };
        Some(SignedCheckpoint { checkpoint, signature: short.signature })
    }
}

/// A checkpoint without what the other end of the stream knows already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortCheckpoint {
    /// See [`Checkpoint::store_epoch`].
    pub store_epoch: u64,
    /// See [`Checkpoint::time`].
    pub time: UnixMillis,
    /// What is needed to compute the root.
    pub leaves: Leaves,
    /// The relay's signature over the whole checkpoint.
    pub signature: Signature,
}

/// What a short checkpoint says of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Every log stands where this stream knows it to stand, and there is no other.
    AllKnown,
    /// Some logs moved, or some are not shown.
    Partial {
        /// The membership log, unless it stands where the stream knows it to stand.
        membership: Option<Head>,
        /// Number of sections under the root.
        total: usize,
        /// The sections the receiver may see, by ascending index.
        visible: Vec<VisibleLeaf>,
        /// See [`siblings`].
        siblings: Vec<[u8; 32]>,
    },
}

/// A section shown by a short checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisibleLeaf {
    /// Its index among all sections, in the order of their ids.
    pub index: usize,
    /// The section.
    pub section: SectionId,
    /// Where its log stands; absent when the stream knows it.
    pub head: Option<Head>,
}

impl ShortCheckpoint {
    /// Appends the short checkpoint.
    pub fn write(&self, to: &mut Writer) {
        to.varint(self.store_epoch).u48(self.time.0).raw(&self.signature.0);
        match &self.leaves {
            Leaves::AllKnown => {
                to.u8(0);
            }
            Leaves::Partial { membership, total, visible, siblings } => {
                to.u8(1);
                write_head(to, membership.as_ref());
                to.count(*total).count(visible.len());
                for shown in visible {
                    to.count(shown.index).raw(shown.section.as_bytes());
                    write_head(to, shown.head.as_ref());
                }
                to.count(siblings.len());
                for sibling in siblings {
                    to.raw(sibling);
                }
            }
        }
    }

    /// Reads what [`ShortCheckpoint::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let store_epoch = from.varint(u64::MAX, "store epoch")?;
        let time = UnixMillis(from.u48("time")?);
        let signature = Signature(from.array("signature")?);
        let leaves = if from.presence("leaves")? {
            let membership = read_head(from)?;
            let total = from.count(SECTIONS_MAX, 0, "sections")?;
            let visible = from.sorted(total, 18, "visible leaves", |from| read_leaf(from, total), |leaf| leaf.index)?;
            let siblings = from.list(SIBLINGS_MAX, 32, "siblings", |from| from.array("sibling"))?;
            Leaves::Partial { membership, total, visible, siblings }
        } else {
            Leaves::AllKnown
        };
        Ok(Self { store_epoch, time, leaves, signature })
    }
}

fn read_leaf(from: &mut Reader<'_>, total: usize) -> Result<VisibleLeaf, DecodeError> {
    Ok(VisibleLeaf {
        index: from.count(total.saturating_sub(1), 0, "index")?,
        section: SectionId(from.array("section")?),
        head: read_head(from)?,
    })
}

fn write_head(to: &mut Writer, head: Option<&Head>) {
    to.presence(head.is_some());
    if let Some(head) = head {
        head.write(to);
    }
}

fn read_head(from: &mut Reader<'_>) -> Result<Option<Head>, DecodeError> {
    if from.presence("head")? { Head::read(from).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use carnet_crypto::sign::SigningKey;

    use super::{
        super::tests::{RECORD, checkpoint, sections},
        *,
    };

    #[test]
    fn a_short_checkpoint_reads_back_and_completes() {
        let key = SigningKey::from_seed(&[1; 32]);
        let all = sections(6);
        let signed = checkpoint(&all).sign(&key);
        let mut knows_all = KnownHeads { membership: Some(signed.checkpoint.membership), sections: all.clone() };
        let mut knows_nothing = KnownHeads::default();
        let mut knows_some = KnownHeads {
            membership: None,
            sections: [(SectionId([0; 16]), all[&SectionId([0; 16])]), (SectionId([1; 16]), Head::START)].into(),
        };
        for (known, seen) in [(&mut knows_all, 6_u8), (&mut knows_nothing, 6), (&mut knows_some, 2)] {
            let mut other_end = known.clone();
            let short = other_end.shorten(&signed, &all, |id| id.0[0] < seen);
            let mut writer = Writer::new();
            short.write(&mut writer);
            let mut reader = Reader::new(writer.as_slice());
            let read = ShortCheckpoint::read(&mut reader).unwrap();
            reader.finish("checkpoint").unwrap();
            assert_eq!(read, short);
            let whole = known.complete(RECORD, &read).unwrap();
            assert_eq!(whole, signed);
            assert_eq!(*known, other_end, "both ends know the same");
            assert_eq!(known.sections.len(), usize::from(seen));
        }
        let mut stranger = KnownHeads::default();
        let short = knows_all.shorten(&signed, &all, |_| true);
        assert_eq!(short.leaves, Leaves::AllKnown);
        assert_eq!(stranger.complete(RECORD, &short), None);
    }

    #[test]
    fn both_ends_of_a_stream_follow_what_is_pushed_and_pulled() {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut truth = sections(2);
        let mut relay = KnownHeads { membership: Some(Head::START), sections: truth.clone() };
        let mut device = relay.clone();
        let first = SectionId([0; 16]);
        for id in [[1; 32], [2; 32]] {
            for known in [&mut relay, &mut device] {
                known.expect_envelope(&first, &EnvelopeId(id));
                known.expect_operation(&OpId(id));
            }
            truth.insert(first, truth[&first].append(&id));
        }
        // Somebody else's envelope came in between, and one that both expected was not new.
        let second = SectionId([1; 16]);
        truth.insert(second, truth[&second].append(&[9; 32]));
        for known in [&mut relay, &mut device] {
            known.expect_envelope(&SectionId([7; 16]), &EnvelopeId([3; 32]));
        }
        let membership = Head::START.append(&[1; 32]).append(&[2; 32]);
        for all_known in [false, true] {
            let signed = Checkpoint { membership, ..checkpoint(&truth) }.sign(&key);
            let short = relay.shorten(&signed, &truth, |_| true);
            assert_eq!(short.leaves == Leaves::AllKnown, all_known);
            assert_eq!(device.complete(RECORD, &short), Some(signed));
            assert_eq!(relay, device);
        }
    }
}
