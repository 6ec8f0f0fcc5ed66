//! What the record's devices saw of the relay, held against each other.
//!
//! An envelope may say where the relay's logs stood when its author last looked (`docs/protocol.md`, "What devices saw").
//! Kept are **points** of those logs, that this device saw under a signed checkpoint; **claims** of other devices that lie
//! ahead of them, one of each device and log; and a **contradiction**, until the relay shows the truth or a person says that
//! its store was honestly lost. A contradiction accuses nobody: either the relay shows two histories, or the device that
//! wrote says what is not so. Nothing here refuses an envelope, and positions of different relays, or of two lives of one
//! store, are never compared.

mod kept;

use std::collections::BTreeMap;

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads},
    payload::{LogLife, Seen, SeenPosition},
};
use serde::{Deserialize, Serialize};

pub(crate) use self::kept::WitnessRow;
use crate::{
    ledger::LedgerKind,
    record::{Record, RecordError},
    replica::RelayMemory,
    row::{self, Standing},
    store::Writer,
    tables::{CLAIM, Key, LOG_POINT, RELAY},
};

/// Most words of a person that are taken over at once (local): a device that lies would otherwise use up what can be counted,
/// and no person's word would count any more.
const TRUSTS_AHEAD_MAX: u32 = 1_024;

/// One log of a relay: that of a section, or the membership log.
pub type Log = Option<SectionId>;

/// What one exchange with a relay has shown, under a checkpoint that holds.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The key that signs its checkpoints.
    pub relay: PublicKey,
    /// Where its logs stand.
    pub memory: RelayMemory,
    /// Where they stood on the way there.
    pub points: Vec<(Log, Head)>,
    /// The claims that were held when the newest pull was sent: the relay has had the chance to show what they say.
    pub awaited: Vec<Claim>,
}

/// That a device of the record saw a log of the relay at a place which this device has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose envelope says it.
    pub device: DeviceId,
    /// The log.
    pub log: Log,
    /// All that it says.
    pub seen: Seen,
}

/// How the relay and a device of the record contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ContradictionKind {
    /// They name two different histories of one log.
    Split,
    /// The relay does not show what the device saw there.
    Withheld,
}

/// That the relay and a device of the record contradict each other. One of them says what is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// In what.
    pub kind: ContradictionKind,
    /// The device whose envelope shows it.
    #[serde(with = "row::hex")]
    pub device: DeviceId,
    /// When this device found it, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it was told already.
    is_told: bool,
}

/// What a claim is worth to a device that stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It lies ahead.
    Ahead,
    Contradicts,
    /// It agrees, or nothing is known of that place.
    Nothing,
}

impl Claim {
    /// Where it says that the log stood.
    fn at(&self) -> SeenPosition {
        if self.log.is_none() { self.seen.membership } else { self.seen.section }
    }

    /// Whether it cites this relay, in a place beyond all that is remembered of it.
    pub fn lies_beyond(&self, relay: &PublicKey, memory: &RelayMemory) -> bool {
        let life = self.seen.life;
        let is_there = relay.0.starts_with(&life.relay) && life.store_epoch >= memory.store_epoch;
        is_there && (life.store_epoch > memory.store_epoch || self.is_ahead_of(&memory.heads))
    }

    fn is_ahead_of(&self, heads: &KnownHeads) -> bool {
        let head = match &self.log {
            None => heads.membership,
            Some(section) => heads.sections.get(section).copied(),
        };
        u64::from(self.at().position) > head.map_or(0, |head| head.position)
    }

    /// Whether it says more than another of the same device and log, or something else altogether.
    fn outdoes(&self, other: &Self) -> bool {
        let (life, before) = (self.seen.life, other.seen.life);
        if life == before { self.at().position > other.at().position } else { !before.is_after(&life) }
    }
}

impl Record<'_> {
    /// The claims that lie ahead of what this device has seen of the relay.
    ///
    /// # Errors
    /// The store's.
    pub fn claims(&self) -> Result<Vec<Claim>, RecordError> {
        Ok(self.kept_claims(&self.store.read()?)?)
    }

    /// How the relay and a device contradict each other, until that is settled.
    ///
    /// # Errors
    /// The store's.
    pub fn contradiction(&self) -> Result<Option<Contradiction>, RecordError> {
        Ok(WitnessRow::of(&self.store.read()?, &self.live.id)?.contradiction)
    }

    /// A contradiction of which nobody was told yet; from now on somebody was. It is a line of the access log, of each device
    /// once a day at most.
    ///
    /// # Errors
    /// The store's.
    pub fn contradiction_to_tell(&mut self) -> Result<Option<Contradiction>, RecordError> {
        let Some(found) = self.contradiction()?.filter(|found| !found.is_told) else { return Ok(None) };
        self.commit(|record, writer| {
            let mut row = WitnessRow::of(writer, &record.live.id)?;
            row.contradiction = Some(Contradiction { is_told: true, ..found });
            let is_line = row.takes_a_line(&found.device, record.now());
            row.put(writer, &record.live.id)?;
            if is_line && record.live.row.standing == Standing::Member {
                let kind = match found.kind {
                    ContradictionKind::Split => "split",
                    ContradictionKind::Withheld => "withheld",
                };
                let detail = [("alarm".to_owned(), kind.to_owned()), ("device".to_owned(), found.device.to_string())];
                record.write_line(writer, LedgerKind::RelayContradicted, BTreeMap::from(detail))?;
            }
            Ok(Some(found))
        })
    }

    /// Remembers where the relay stands, and that this device has just exchanged with it. What other devices saw there is
    /// held against it.
    ///
    /// # Errors
    /// The store's.
    pub fn remember_relay(&mut self, followed: &Followed) -> Result<(), RecordError> {
        self.commit(|record, writer| {
            writer.put(RELAY, &Key::of(&record.live.id), &followed.memory.encode())?;
            record.live.row.synced_at_ms = Some(record.now().0);
            record.live.row.turned_away = false;
            let mut row = WitnessRow::of(writer, &record.live.id)?;
            if row.enter(&followed.relay, followed.memory.store_epoch) {
                writer.remove_prefix(LOG_POINT, &Key::of(&record.live.id))?;
            }
            record.keep_points(writer, &followed.memory.heads, &followed.points)?;
            record.weigh_all(writer, &mut row, followed)?;
            row.sees();
            Ok(row.put(writer, &record.live.id)?)
        })
    }

    /// Forgets what was seen of the relay, because a person says that it honestly lost its store. What other devices saw
    /// before that is compared no more, on any device that hears of it.
    ///
    /// # Errors
    /// The store's.
    pub fn forget_relay(&mut self) -> Result<(), RecordError> {
        self.commit(|record, writer| {
            writer.put(RELAY, &Key::of(&record.live.id), &RelayMemory::default().encode())?;
            let mut row = WitnessRow::of(writer, &record.live.id)?;
            row.begin_again(row.trusted_again.saturating_add(1));
            row.contradiction = None;
            writer.remove_prefix(LOG_POINT, &Key::of(&record.live.id))?;
            writer.remove_prefix(CLAIM, &Key::of(&record.live.id))?;
            Ok(row.put(writer, &record.live.id)?)
        })
    }

    /// What the next envelope of a section is to say of the relay; nothing where an earlier one has said it.
    pub(crate) fn seen_to_say(&self, writer: &Writer, section: &SectionId) -> Result<Option<Seen>, RecordError> {
        let row = WitnessRow::of(writer, &self.live.id)?;
        let heads = self.relay_memory_in(writer)?.heads;
        let (Some(life), Some(membership)) = (row.life_seen(), heads.membership.as_ref().and_then(place)) else {
            return Ok(None);
        };
        let section_head = heads.sections.get(section).unwrap_or(&Head::START);
        let Some(of_section) = place(section_head) else { return Ok(None) };
        let seen = Seen { life, membership, section: of_section };
        Ok(Some(seen).filter(|seen| !row.has_said(section, seen)))
    }

    /// An envelope of the section says it.
    pub(crate) fn note_said(&self, writer: &mut Writer, section: &SectionId, seen: &Seen) -> Result<(), RecordError> {
        let mut row = WitnessRow::of(writer, &self.live.id)?;
        row.says(section, seen);
        Ok(row.put(writer, &self.live.id)?)
    }

    /// What was said may have been taken back: it is said again.
    pub(crate) fn say_seen_again(&self, writer: &mut Writer) -> Result<(), RecordError> {
        let mut row = WitnessRow::of(writer, &self.live.id)?;
        row.says_again();
        Ok(row.put(writer, &self.live.id)?)
    }

    /// An envelope that counts says what its author saw of the relay.
    pub(crate) fn note_seen(
        &self,
        writer: &mut Writer,
        device: DeviceId,
        section: SectionId,
        seen: &Seen,
    ) -> Result<(), RecordError> {
        if !self.is_witness(&device) {
            return Ok(());
        }
        let mut row = WitnessRow::of(writer, &self.live.id)?;
        let before = row.clone();
        self.follow_trust(writer, &mut row, &seen.life)?;
        let heads = self.relay_memory_in(writer)?.heads;
        for log in [None, Some(section)] {
            let claim = Claim { device, log, seen: *seen };
            match self.weigh(writer, &row, &heads, &claim)? {
                Weight::Ahead => self.keep_claim(writer, &claim)?,
                Weight::Contradicts => self.find(&mut row, ContradictionKind::Split, &claim),
                Weight::Nothing => {}
            }
        }
        if row != before {
            row.put(writer, &self.live.id)?;
        }
        Ok(())
    }

    /// Holds every claim against what is known now.
    fn weigh_all(&self, writer: &mut Writer, row: &mut WitnessRow, followed: &Followed) -> Result<(), RecordError> {
        // Whoever is removed is a witness no more, of nothing.
        row.contradiction = row.contradiction.filter(|found| self.is_witness(&found.device));
        let claims = self.kept_claims(writer)?;
        for claim in &claims {
            self.follow_trust(writer, row, &claim.seen.life)?;
        }
        let readable = self.sections_for(&self.live.row.device);
        let mut denied = None;
        for claim in claims {
            let weight = if self.is_witness(&claim.device) {
                self.weigh(writer, row, &followed.memory.heads, &claim)?
            } else {
                Weight::Nothing
            };
            match weight {
                Weight::Ahead => {
                    let is_shown = claim.log.is_none_or(|section| readable.contains(&section));
                    if is_shown && followed.awaited.contains(&claim) {
                        denied = Some(claim);
                    }
                    continue;
                }
                Weight::Contradicts => self.find(row, ContradictionKind::Split, &claim),
                Weight::Nothing => {}
            }
            writer.remove(CLAIM, &self.claim_key(&claim))?;
        }
        match denied {
            Some(claim) => self.find(row, ContradictionKind::Withheld, &claim),
            None => row.contradiction = row.contradiction.filter(|found| found.kind != ContradictionKind::Withheld),
        }
        Ok(())
    }

    fn weigh(
        &self,
        writer: &Writer,
        row: &WitnessRow,
        heads: &KnownHeads,
        claim: &Claim,
    ) -> Result<Weight, RecordError> {
        let (said, at) = (claim.seen.life, claim.at());
        let Some(life) = row.life() else { return Ok(Weight::Ahead) };
        if said != life {
            // A later word of a person in this life was taken over, unless it is out of all reason.
            let is_later = said.is_after(&life) && said.store_epoch > life.store_epoch;
            return Ok(if is_later { Weight::Ahead } else { Weight::Nothing });
        }
        if claim.is_ahead_of(heads) {
            return Ok(Weight::Ahead);
        }
        let point = self.point(writer, &claim.log, u64::from(at.position))?;
        Ok(if point.is_some_and(|chain| chain != at.chain) { Weight::Contradicts } else { Weight::Nothing })
    }

    /// A person said on another device that the relay honestly lost its store: what was seen here before counts no more.
    fn follow_trust(&self, writer: &mut Writer, row: &mut WitnessRow, said: &LogLife) -> Result<(), RecordError> {
        let is_later = row.life().is_some_and(|life| {
            let is_later = said.is_after(&life) && said.store_epoch == life.store_epoch;
            is_later && said.trusted_again.saturating_sub(life.trusted_again) <= TRUSTS_AHEAD_MAX
        });
        if is_later {
            row.hears_of(said.trusted_again);
            writer.remove_prefix(LOG_POINT, &Key::of(&self.live.id))?;
        }
        Ok(())
    }

    /// Two histories are more than something that is kept back; what was found first stands otherwise.
    fn find(&self, row: &mut WitnessRow, kind: ContradictionKind, claim: &Claim) {
        let is_known =
            row.contradiction.is_some_and(|found| found.kind == kind || found.kind == ContradictionKind::Split);
        if !is_known {
            let found = Contradiction { kind, device: claim.device, at_ms: self.now().0, is_told: false };
            row.contradiction = Some(found);
        }
    }

    /// Whether this device of the record is one whose word counts.
    fn is_witness(&self, device: &DeviceId) -> bool {
        self.live.members.current().device(device).is_some_and(|device| device.is_live)
    }
}

impl Contradiction {
    /// When this device found it.
    pub fn at(&self) -> UnixMillis {
        UnixMillis(self.at_ms)
    }
}

/// Where a log stands, as an envelope says it; nothing beyond what that can name.
fn place(head: &Head) -> Option<SeenPosition> {
    let position = u32::try_from(head.position).ok()?;
    Some(SeenPosition { position, chain: short(head) })
}

/// The part of a running hash that envelopes carry.
fn short(head: &Head) -> [u8; 16] {
    head.chain.first_chunk().copied().unwrap_or_default()
}
