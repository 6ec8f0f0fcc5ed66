//! Envelopes that come from outside: every check, in its order, and then into the volumes.
//!
//! The order is that of `docs/protocol.md`, "Acceptance": size, canonical header, view, author, signature, place in the
//! feed, membership ([`verify`]), key, AEAD, bounded pre-scan, actor and sequence ([`content`]), dependencies
//! ([`apply`]). The first failure decides what becomes of the envelope, and never of another. What cannot be judged or
//! opened yet is kept and tried again ([`waiting`]); what membership sees differently later is judged again
//! ([`rejudge`]). How an envelope is kept, and read again, is in [`held`].

mod apply;
mod branch;
mod content;
mod fallen;
mod held;
mod rejudge;
mod verify;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use carnet_crypto::{
    digest,
    id::{EnvelopeId, FeedId, SectionId, VolumeId},
};
use carnet_protocol::{
    envelope::Envelope,
    feed::{FeedState, Order},
    limits::ENVELOPE_BYTES_MAX,
    membership::Judgement,
};

pub(crate) use self::held::StoredEnvelope;
use self::verify::Found;
#[cfg(test)]
pub(crate) use self::waiting::WAITING_PER_SECTION_MAX;
use crate::{
    crdt::Incoming,
    record::{Record, RecordError},
    store::Writer,
    tables::{Key, WAITING},
};

/// What became of envelopes that came from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// New and part of the record now.
    pub accepted: usize,
    /// Held already.
    pub known: usize,
    /// Kept until something that is missing comes.
    pub waiting: usize,
    /// Kept and not applied, shown to an owner.
    pub quarantined: usize,
    /// Never part of this record.
    pub refused: usize,
    /// Feeds of which two signed envelopes claim one place.
    pub forks: Vec<FeedId>,
    /// Feeds of which two signed envelopes claim one place, and that this device could not prove yet to be forked.
    pub doubted: Vec<FeedId>,
    /// The first positions that are missing of feeds.
    pub gaps: Vec<(FeedId, u32)>,
    /// The id of each envelope that was given, in its order, where its signature could be checked. Of what was tried
    /// again from among those that wait there is none.
    pub ids: Vec<Option<EnvelopeId>>,
    /// Whether one of them was signed by this very installation and is not known here: the vault was restored from a
    /// copy, or two of the same run. See [`Record::start_anew`].
    pub is_copied: bool,
    /// The first 8 bytes of the feeds of which something was to wait and found no room: it is not kept, whoever sent it.
    pub crowded: BTreeSet<[u8; 8]>,
}

impl Received {
    /// Adds the counts of another.
    pub fn absorb(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.known += other.known;
        self.waiting += other.waiting;
        self.quarantined += other.quarantined;
        self.refused += other.refused;
        self.forks.extend(other.forks);
        self.doubted.extend(other.doubted);
        self.gaps.extend(other.gaps);
        self.is_copied |= other.is_copied;
        self.crowded.extend(other.crowded);
    }
}

/// Whether a step may publish operations of this device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Signing {
    #[default]
    Allowed,
    /// They would be refused now: what needs them is left for another time.
    Postponed,
}

/// What one envelope came to.
enum Verdict {
    Accepted,
    /// It is evidence of a fork that cannot be published yet.
    Doubt(FeedId),
    Fork(FeedId),
    Gap(FeedId, u32),
    Known,
    Quarantined,
    Refused,
    Waiting,
}

impl Record<'_> {
    /// Takes envelopes of one section in, those of one feed in their order. Durable when this returns.
    ///
    /// # Errors
    /// The store's. What is refused, waits or is quarantined is counted in [`Received`].
    pub fn receive(&mut self, section: SectionId, envelopes: &[Vec<u8>]) -> Result<Received, RecordError> {
        self.commit_or_wait(|record, writer, signing| {
            let mut received = Received::default();
            let mut pending = Pending::new(signing);
            for bytes in envelopes {
                let verdict = record.receive_one(writer, section, bytes, &mut pending)?;
                received.ids.push(pending.id.take());
                record.note(writer, section, bytes, verdict, &mut received, &mut pending)?;
            }
            received.is_copied |= pending.is_copied;
            let waits = record.apply_pending(writer, section, pending)?;
            received.absorb(record.retry(writer, section, signing)?);
            record.settle_waiting(writer, section, waits)?;
            let is_in_doubt = !received.forks.is_empty() || !received.doubted.is_empty();
            if is_in_doubt || record.has_parted(writer, &section)? {
                received.absorb(record.judge_again(writer, signing)?);
            }
            record.refresh_sections(writer, section)?;
            Ok(received)
        })
    }

    /// Tries again what waits in every section, after operations or keys came; and issues again what others have lost.
    ///
    /// # Errors
    /// The store's.
    pub fn retry_waiting(&mut self) -> Result<Received, RecordError> {
        let sections = self.live.members.current().sections();
        self.commit_or_wait(|record, writer, signing| {
            let mut received = Received::default();
            let mut is_in_question = false;
            for section in &sections {
                received.absorb(record.retry(writer, *section, signing)?);
                is_in_question |= record.has_parted(writer, section)?;
            }
            if is_in_question || !received.forks.is_empty() || !received.doubted.is_empty() {
                received.absorb(record.judge_again(writer, signing)?);
            }
            if signing == Signing::Allowed {
                record.issue_for_others(writer)?;
            }
            for section in &sections {
                record.refresh_sections(writer, *section)?;
            }
            Ok(received)
        })
    }

    /// Runs `work` as one step. Should this device have to sign something in it that would be refused now, the step is made
    /// without: what needs the signature waits for another time, and nothing that came is lost for it.
    pub(crate) fn commit_or_wait<T>(
        &mut self,
        work: impl Fn(&mut Self, &mut Writer, Signing) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        match self.commit(|record, writer| work(record, writer, Signing::Allowed)) {
            Err(error) if error.must_wait() => self.commit(|record, writer| work(record, writer, Signing::Postponed)),
            done => done,
        }
    }

    fn note(
        &self,
        writer: &mut Writer,
        section: SectionId,
        bytes: &[u8],
        verdict: Verdict,
        received: &mut Received,
        pending: &mut Pending,
    ) -> Result<(), RecordError> {
        let key = Key::of(&self.live.id).section(&section).bytes(&digest::content_hash(bytes));
        let waits = matches!(verdict, Verdict::Waiting | Verdict::Doubt(_) | Verdict::Gap(..));
        match verdict {
            Verdict::Accepted => received.accepted += 1,
            Verdict::Known => received.known += 1,
            Verdict::Quarantined => received.quarantined += 1,
            Verdict::Refused => received.refused += 1,
            Verdict::Waiting => received.waiting += 1,
            Verdict::Fork(feed) => received.forks.push(feed),
            Verdict::Doubt(feed) => {
                received.waiting += 1;
                received.doubted.push(feed);
            }
            Verdict::Gap(feed, from) => {
                received.waiting += 1;
                received.gaps.push((feed, from));
            }
        }
        if waits {
            received.crowded.extend(self.keep_waiting(writer, section, &key, bytes, pending)?);
        } else {
            writer.remove(WAITING, &key)?;
        }
        Ok(())
    }

    /// Steps 1 to 7 for one envelope, then the others.
    fn receive_one(
        &mut self,
        writer: &mut Writer,
        section: SectionId,
        bytes: &[u8],
        pending: &mut Pending,
    ) -> Result<Verdict, RecordError> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Ok(Verdict::Refused);
        }
        let Ok(envelope) = Envelope::decode(bytes) else { return Ok(Verdict::Refused) };
        let (signed, state) = match self.verify(writer, section, envelope)? {
            Found::Signed(signed, state) => (*signed, state),
            Found::Verdict(verdict) => return Ok(verdict),
        };
        let facts = *signed.verified.get();
        pending.id = Some(facts.id);
        let is_own = self.is_this_installation(&facts.context.device, facts.context.incarnation);
        let held = if facts.seq < state.seq { self.stored(writer, &facts.feed, facts.seq)? } else { None };
        let order = FeedState { last_seq: state.seq, last_id: state.last }
            .order(&signed.verified, |_| held.map(|stored| stored.id));
        match order {
            Order::Duplicate => return Ok(Verdict::Known),
            // Another copy of this installation wrote it. It accuses nobody: this one takes a new incarnation.
            Order::Equivocation { .. } | Order::OtherBranch | Order::Gap { .. } if is_own => {
                pending.is_copied = true;
                return Ok(Verdict::Fork(facts.feed));
            }
            // What follows an envelope that is in quarantine is judged like it, and never counts before it.
            Order::Gap { missing_from } => match self.aside(writer, &facts.feed, facts.seq.saturating_sub(1))? {
                Some(before) if before.id == facts.context.previous => {}
                _ => return Ok(Verdict::Gap(facts.feed, missing_from)),
            },
            // What stands may lie on this branch: it is not for what is held here to say that it does not.
            Order::Equivocation { .. } if self.missing_end(writer, &signed.author(), &section)?.is_some() => {
                return Ok(Verdict::Waiting);
            }
            // A former self of this device wrote the other branch, and the copy that it goes on from does not hold it. The proof
            // is for those to publish who do: what they hold stands then, and this device issues again what it has.
            Order::Equivocation { .. } if self.waits_for_others(&signed.author()) => {
                return Ok(Verdict::Doubt(facts.feed));
            }
            Order::Equivocation { .. } if pending.signing == Signing::Postponed => {
                return Ok(Verdict::Doubt(facts.feed));
            }
            Order::Equivocation { held } => {
                let is_said = self.accuse(writer, &signed, &held)?;
                return Ok(if is_said { Verdict::Fork(facts.feed) } else { Verdict::Doubt(facts.feed) });
            }
            Order::OtherBranch => return Ok(Verdict::Fork(facts.feed)),
            Order::Next => pending.is_copied |= is_own,
        }
        if !self.continues_view(writer, &state, &signed)? {
            return Ok(Verdict::Refused);
        }
        let is_next = facts.seq == state.seq.saturating_add(1);
        match self.judged(writer, &facts, signed.head) {
            Judgement::Accepted if is_next => {}
            Judgement::Quarantine(_) if is_next && pending.alive.contains(&facts.id) => {}
            Judgement::Accepted | Judgement::Pending(_) => return Ok(Verdict::Waiting),
            Judgement::Quarantine(_) => {
                let stored = StoredEnvelope::of(&facts.context, &facts.id, bytes);
                self.put_aside(writer, &facts.feed, facts.seq, &stored)?;
                if state.seq == 0 {
                    self.put_feed(writer, &facts.feed, &state)?;
                }
                return Ok(Verdict::Quarantined);
            }
            Judgement::Refused(_) => return Ok(Verdict::Refused),
        }
        self.take_in(writer, &signed, state, bytes, pending)
    }

    /// Reads the sections again when the roster changed.
    fn refresh_sections(&mut self, writer: &Writer, section: SectionId) -> Result<(), RecordError> {
        if section == crate::vault::roster_of(&self.live.row.salt) {
            self.live.sections = crate::vault::read_sections(writer, &self.live.id, &self.live.row.salt)?;
        }
        Ok(())
    }
}

/// Changes that are accepted and not yet in their volume.
#[derive(Default)]
struct Pending {
    signing: Signing,
    changes: BTreeMap<VolumeId, Vec<Incoming>>,
    /// The hashes of those changes, each in its volume.
    hashes: HashSet<(VolumeId, [u8; 32])>,
    /// The envelope that was read last, if its signature holds.
    id: Option<EnvelopeId>,
    is_copied: bool,
    /// Envelopes in quarantine that count, because something that counts depends on them.
    alive: BTreeSet<EnvelopeId>,
    /// How many envelopes wait in the section, and their bytes, once they were counted.
    waiting: Option<(usize, usize)>,
    /// Who has sent what waits, once there was no room for more.
    crowd: Option<waiting::Crowd>,
}

impl Pending {
    fn new(signing: Signing) -> Self {
        Self { signing, ..Self::default() }
    }
}
