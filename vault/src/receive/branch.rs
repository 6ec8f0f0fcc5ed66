//! The branch of a feed that stands, where this device holds another.
//!
//! A proof of a fork, or a removal, names the place where a feed ends. That place may lie on a branch of which nothing is
//! held, and above the fork: then what is held cannot be told from what stands, and the one is not to be given up for
//! the other before all of the other is here. So what may lie on the branch that stands waits ([`super::waiting`]); once
//! it leads from what is held to the place that was named, it takes the place of the other branch, which goes to
//! quarantine. Nothing is proved or judged here. Source: `docs/protocol.md`, "Equivocation".

use std::collections::{BTreeMap, BTreeSet, HashSet};

use carnet_crypto::id::{EnvelopeId, FeedId, SectionId};
use carnet_protocol::{
    envelope::{Envelope, NO_PREDECESSOR},
    feed::Position,
    membership::{FeedCandidate, HeadsDigest},
};

use super::{Pending, Received, Signing, rejudge::Feed, verify::Tried};
use crate::{
    crdt::Incoming,
    record::{Record, RecordError},
    replica::{FeedEnd, Unsent},
    row::{FeedRow, OutboxRow},
    store::{StoreError, Writer},
    tables::{Key, Look, WAITING},
};

/// A feed of which another branch stands than the one that is held.
struct Parted {
    author: FeedCandidate,
    row: FeedRow,
    /// Where the branch that stands ends; none where whatever came of it stands.
    end: Option<Position>,
    /// What is held from here on may give way.
    from: u32,
}

/// The envelopes of a feed from one position on, up to the place where it ends.
struct Branch {
    from: u32,
    envelopes: Vec<Vec<u8>>,
}

/// What waits of a feed, with its bytes.
type ByPosition = BTreeMap<u32, Vec<(Envelope, Vec<u8>)>>;

/// The last envelope of a chain that is being put together.
struct Tip {
    id: EnvelopeId,
    heads: Option<HeadsDigest>,
    /// The chain, as indexes into what waits at each position.
    path: Vec<usize>,
}

impl Record<'_> {
    /// The place that says which branch of a feed stands, if what is held of the feed does not lead there.
    pub(super) fn missing_end(
        &self,
        look: &impl Look,
        author: &FeedCandidate,
        section: &SectionId,
    ) -> Result<Option<Position>, StoreError> {
        let Some(end) = self.live.members.current().branch_end(author, section) else { return Ok(None) };
        if self.last_seq(look, &author.feed)? < end.seq {
            return Ok(Some(end));
        }
        // What lies under the anchor of a snapshot was compared with its cover.
        let held = self.stored(look, &author.feed, end.seq)?;
        Ok(held.filter(|held| held.id != end.id).map(|_| end))
    }

    /// Whether a proof lets another branch of a feed stand than the one that is held.
    pub(super) fn is_beside(&self, look: &impl Look, feed: &FeedId, row: &FeedRow) -> Result<bool, StoreError> {
        let membership = self.live.members.current();
        let (Some(device), true) = (membership.device(&row.device), membership.fork_of(feed).is_some()) else {
            return Ok(false);
        };
        let author = FeedCandidate { device: device.id, key: device.key, incarnation: row.incarnation, feed: *feed };
        Ok(self.missing_end(look, &author, &row.section)?.is_some())
    }

    /// The ends of the feeds of a section, as far as others need not bring what is before them: of a feed of which another
    /// branch may stand than the one that is held, what comes before the fork, or nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn ends_to_go_on_from(&self, section: &SectionId) -> Result<Vec<FeedEnd>, RecordError> {
        let mut ends = self.feed_ends(section)?;
        for parted in self.parted_feeds(&self.store.read()?)? {
            let Some(at) = ends.iter().position(|end| end.feed == parted.author.feed) else { continue };
            match self.before_fork(&parted.author.feed)? {
                Some(end) => ends[at] = end,
                None => drop(ends.remove(at)),
            }
        }
        Ok(ends)
    }

    /// The last place of a feed before its fork, where the proof shows it and it is held.
    fn before_fork(&self, feed: &FeedId) -> Result<Option<FeedEnd>, RecordError> {
        let Some(fork) = self.live.members.current().fork_of(feed) else { return Ok(None) };
        let [one, two] = &fork.proof.headers;
        let seq = fork.proof.seq().saturating_sub(1);
        let before = self.stored(&self.store.read()?, feed, seq)?.map(|before| before.id);
        let parts_here = before.filter(|id| *id == one.previous && *id == two.previous);
        Ok(parts_here.map(|envelope| FeedEnd { feed: *feed, seq, envelope }))
    }

    /// The sections to compare feed by feed, ascending: those in which a feed may have another branch that stands, and those
    /// in which something that waited found no room.
    ///
    /// # Errors
    /// The store's.
    pub fn parted_sections(&self) -> Result<BTreeSet<SectionId>, RecordError> {
        let reader = self.store.read()?;
        let mut sections = self.crowded_sections(&reader)?;
        sections.extend(self.parted_feeds(&reader)?.into_iter().map(|parted| parted.row.section));
        Ok(sections)
    }

    /// Whether some feed of a section may have another branch that stands.
    pub(super) fn has_parted(&self, look: &impl Look, section: &SectionId) -> Result<bool, StoreError> {
        Ok(self.parted_feeds(look)?.iter().any(|parted| parted.row.section == *section))
    }

    fn parted_feeds(&self, look: &impl Look) -> Result<Vec<Parted>, StoreError> {
        let membership = self.live.members.current();
        let mut parted = Vec::new();
        if membership.devices().all(|device| device.is_live && device.dead.is_empty()) {
            return Ok(parted);
        }
        for (feed, row) in self.feeds(look)? {
            let Some(device) = membership.device(&row.device) else { continue };
            if device.is_live && !device.dead.contains(&row.incarnation) {
                continue;
            }
            let author = FeedCandidate { device: device.id, key: device.key, incarnation: row.incarnation, feed };
            if let Some(end) = self.missing_end(look, &author, &row.section)? {
                parted.push(Parted { author, row, end: Some(end), from: 1 });
            }
        }
        Ok(parted)
    }

    /// The feeds of former selves of this device that nobody proved to be forked, as far as they end with what was never
    /// handed to the relay: that can be written again elsewhere, and gives way to whatever others hold there.
    fn former_feeds(&self, writer: &Writer) -> Result<Vec<Parted>, RecordError> {
        let mut first: BTreeMap<FeedId, u32> = BTreeMap::new();
        for (_, line) in self.outbox_lines(writer)? {
            let OutboxRow::Envelope { feed, seq } = line else { continue };
            let from = first.entry(feed).or_insert(seq);
            *from = seq.min(*from);
        }
        let mut former = Vec::new();
        for (feed, from) in first {
            let row = self.held_feed(writer, &feed)?;
            let key = self.live.signing.public();
            let author = FeedCandidate { device: row.device, key, incarnation: row.incarnation, feed };
            if self.waits_for_others(&author) {
                former.push(Parted { author, row, end: None, from });
            }
        }
        Ok(former)
    }

    /// Takes branches in that stand and are here as a whole, in the place of what is held; but not of this device's own
    /// feeds, nor of what it built on, unless what falls can be issued again.
    pub(super) fn take_branches(
        &mut self,
        writer: &mut Writer,
        signing: Signing,
        to_issue: &mut Unsent,
    ) -> Result<Received, RecordError> {
        let mut received = Received::default();
        let parted = [self.parted_feeds(writer)?, self.former_feeds(writer)?];
        for parted in parted.into_iter().flatten() {
            if parted.author.device == self.live.row.device && signing == Signing::Postponed {
                continue;
            }
            let Some(branch) = self.branch_to_end(writer, &parted)? else { continue };
            self.take_branch(writer, parted, branch, signing, &mut received, to_issue)?;
        }
        Ok(received)
    }

    /// The last position of a feed, as it is held, whose changes are all among `others`; none when all are, up to the
    /// author's change number `last`.
    pub(crate) fn shared_with(
        &self,
        feed: &FeedId,
        last: u64,
        others: &HashSet<[u8; 32]>,
    ) -> Result<Option<u32>, RecordError> {
        let reader = self.store.read()?;
        let Some(row) = self.feed(&reader, feed)? else { return Ok(None) };
        let mut shared = None;
        for seq in (1..=row.seq).rev() {
            let Some(stored) = self.stored(&reader, feed, seq)? else { break };
            let changes = self.changes_in(&row, &stored);
            let is_other = |change: &Incoming| change.seq() <= last && !others.contains(&change.hash());
            if changes.iter().any(is_other) {
                shared = Some(seq - 1);
            } else if changes.iter().any(|change| change.seq() <= last) {
                break;
            }
        }
        Ok(shared)
    }

    /// Whether another branch of a feed stands than the one that is held.
    pub(crate) fn gives_way(&self, feed: &FeedId, section: &SectionId) -> Result<bool, RecordError> {
        let parted = self.parted_feeds(&self.store.read()?)?;
        Ok(parted.iter().any(|parted| parted.author.feed == *feed && parted.row.section == *section))
    }

    /// Takes what lies beyond a place of each feed out of its volume, because another branch is about to come.
    pub(crate) fn give_way(&mut self, writer: &mut Writer, feeds: &[(FeedId, u32)]) -> Result<Unsent, RecordError> {
        let mut to_issue = Unsent::default();
        for (id, kept) in feeds {
            let row = self.held_feed(writer, id)?;
            let (section, volume) = (row.section, row.volume);
            self.cut(writer, section, volume, &[&Feed { id: *id, row, kept: *kept, is_forked: true }], &mut to_issue)?;
        }
        Ok(to_issue)
    }

    fn take_branch(
        &mut self,
        writer: &mut Writer,
        parted: Parted,
        branch: Branch,
        signing: Signing,
        received: &mut Received,
        to_issue: &mut Unsent,
    ) -> Result<(), RecordError> {
        let (section, volume) = (parted.row.section, parted.row.volume);
        let id = parted.author.feed;
        let is_forked = self.live.members.current().fork_of(&id).is_some();
        let feed = Feed { id, kept: branch.from.saturating_sub(1), row: parted.row, is_forked };
        if feed.kept < feed.row.seq {
            if signing == Signing::Postponed && self.carries_own(writer, section, volume, &[&feed])? {
                return Ok(());
            }
            self.cut(writer, section, volume, &[&feed], to_issue)?;
        }
        let mut pending = Pending::new(signing);
        for bytes in &branch.envelopes {
            let verdict = self.receive_one(writer, section, bytes, &mut pending)?;
            self.note(writer, section, bytes, verdict, received, &mut pending)?;
        }
        let waits = self.apply_pending(writer, section, pending)?;
        self.settle_waiting(writer, section, waits)?;
        // What waited and lies on no branch that stands is refused now.
        received.absorb(self.retry(writer, section, signing)?);
        Ok(())
    }

    /// What waits of a feed and leads, each after the other, from what is held to where the feed ends.
    fn branch_to_end(&self, writer: &Writer, parted: &Parted) -> Result<Option<Branch>, RecordError> {
        let waiting = self.waiting_of(writer, parted)?;
        let mut tries = 0;
        for from in waiting.range(parted.from..).map(|(from, _)| *from) {
            let before = match from.checked_sub(1).filter(|before| *before > 0) {
                None => Some((NO_PREDECESSOR, None)),
                Some(before) => {
                    self.stored(writer, &parted.author.feed, before)?.map(|before| (before.id, Some(before.heads)))
                }
            };
            let Some((id, heads)) = before else { continue };
            let root = Tip { id, heads, path: Vec::new() };
            if let Some(path) = self.path_to_end(parted, &waiting, from, root, &mut tries) {
                let steps = (from..).zip(path).filter_map(|(seq, index)| waiting.get(&seq)?.get(index));
                let envelopes = steps.map(|(_, bytes)| bytes.clone()).collect();
                return Ok(Some(Branch { from, envelopes }));
            }
        }
        Ok(None)
    }

    /// What waits that may be of a feed, by position, up to where the feed ends.
    fn waiting_of(&self, writer: &Writer, parted: &Parted) -> Result<ByPosition, StoreError> {
        let Parted { author, row, end, .. } = parted;
        let mut waiting = ByPosition::new();
        for line in writer.prefix(WAITING, &Key::of(&self.live.id).section(&row.section))? {
            let (_, bytes) = line?;
            let Ok(envelope) = Envelope::decode(&bytes) else { continue };
            let header = &envelope.header;
            let is_of_feed = author.feed.0.starts_with(&header.feed)
                && (header.volume, header.kind.number()) == (row.volume, row.kind)
                && end.is_none_or(|end| header.seq <= end.seq);
            if is_of_feed {
                waiting.entry(header.seq).or_default().push((envelope, bytes));
            }
        }
        Ok(waiting)
    }

    fn path_to_end(
        &self,
        parted: &Parted,
        waiting: &ByPosition,
        from: u32,
        root: Tip,
        tries: &mut usize,
    ) -> Option<Vec<usize>> {
        let Parted { author, row, end, .. } = parted;
        if end.is_some_and(|end| !(from..=end.seq).all(|seq| waiting.contains_key(&seq))) {
            return None;
        }
        let mut tips = vec![root];
        for seq in from.. {
            let mut next = Vec::new();
            for tip in &tips {
                for (index, (envelope, _)) in waiting.get(&seq).into_iter().flatten().enumerate() {
                    *tries += 1;
                    if *tries > TRIES_MAX {
                        return None;
                    }
                    let tried = self.sign_check(&row.section, envelope, author, (tip.id, tip.heads));
                    let Tried::Holds(verified, _) = tried else { continue };
                    let facts = verified.get();
                    let path = tip.path.iter().copied().chain([index]).collect();
                    if end.is_some_and(|end| seq == end.seq && facts.id == end.id) {
                        return Some(path);
                    }
                    next.push(Tip { id: facts.id, heads: Some(facts.context.heads), path });
                }
            }
            if next.is_empty() {
                break;
            }
            tips = next;
        }
        let longest = tips.into_iter().next().filter(|tip| end.is_none() && !tip.path.is_empty());
        longest.map(|tip| tip.path)
    }
}

/// Signatures that are checked in search of one branch: whoever forks a feed into thousands of branches is not followed.
const TRIES_MAX: usize = 16_384;
