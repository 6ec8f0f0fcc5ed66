//! Devices: their labels, adding one, removing one, and this device's own joining.
//!
//! A device is added by an operation that a member's device signs after a person has compared six digits. Removing one
//! ends its rights from a stated frontier on and rotates every section at once; what it had already read it keeps.

use std::collections::BTreeMap;

use carnet_crypto::id::{DeviceId, Incarnation, OpId, RecordId};
use carnet_protocol::{
    frame::RelayAddress,
    membership::{
        Body,
        body::{DeviceAdd, DeviceKeys, Reason, Removal, Target},
        device_id,
    },
    volume,
};
use carnet_record::SectionKind;
use carnet_seal::{code::TicketCode, wrap::KemPublicKey};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::{
    crdt::{Fields, Place},
    keys::kem_part,
    ledger::LedgerKind,
    pairing::{Candidate, Delivery, Inviter, Joined, Joiner, JoinerKeys, Offer, PairingError, Ticket},
    record::{EntryWrite, Record, RecordError, VolumeWrites},
    row::{self, RecordRow, Standing},
    store::{Durability, StoreError, Writer},
    tables::{ENTRY, Key, Look, RECORD},
    vault::{Vault, VaultError, roster_of, transport_key},
    volumes::ViewRow,
};

/// A device of a record, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSummary {
    /// Its id.
    pub id: DeviceId,
    /// How it is called, if its label came.
    pub label: Option<String>,
    /// Whether it is this one.
    pub is_this: bool,
    /// Whether it is the recovery kit.
    pub is_kit: bool,
    /// Whether it may act.
    pub is_live: bool,
}

/// Why a device is removed. For people; nothing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// It is lost.
    Lost,
    /// It is replaced by another.
    Replaced,
    /// It is stolen, or someone else has it.
    Stolen,
}

/// An invitation: what waits for the other device, and what to hand over.
pub struct Invitation {
    /// The states of the pairing.
    pub inviter: Inviter,
    /// The code to type, where one was asked for.
    pub code: Option<Zeroizing<String>>,
}

impl Record<'_> {
    /// The devices of the record, the recovery kit among them, live ones first.
    ///
    /// # Errors
    /// The store's.
    pub fn devices(&self) -> Result<Vec<DeviceSummary>, RecordError> {
        let labels = self.device_labels()?;
        let mut devices: Vec<DeviceSummary> = self
            .live
            .members
            .current()
            .devices()
            .map(|device| DeviceSummary {
                id: device.id,
                label: labels.get(&device.id).cloned(),
                is_this: device.id == self.live.row.device,
                is_kit: device.root.is_some(),
                is_live: device.is_live,
            })
            .collect();
        devices.sort_by_key(|device| (!device.is_live, device.is_kit, device.label.clone(), device.id));
        Ok(devices)
    }

    /// Invites one more device of the person whose device this is.
    ///
    /// # Errors
    /// This device waits itself; memory for the derivation of a typed code.
    pub fn invite(&mut self, delivery: Delivery, with_code: bool) -> Result<Invitation, InviteError> {
        if self.live.row.standing != Standing::Member {
            return Err(RecordError::Waiting.into());
        }
        let code = with_code.then(|| TicketCode::generate(&mut self.door.rng));
        let offer = Offer {
            record: self.live.id,
            salt: self.live.row.salt,
            relay: self.relay(),
            inviter: self.live.signing.public(),
        };
        let heads = self.live.members.log().heads();
        let expires = self.now().plus(delivery.lifetime_ms());
        let principal = self.live.row.principal;
        let inviter = Inviter::new(offer, heads, principal, expires, code.as_ref(), &mut self.door.rng)?;
        Ok(Invitation { inviter, code: code.map(|code| code.expose_text()) })
    }

    /// The first message of an inviter.
    pub fn offer(&mut self, inviter: &Inviter) -> Vec<u8> {
        inviter.offer(&mut self.door.rng)
    }

    /// Answers a joiner's commitment.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn challenge(
        &mut self,
        inviter: Inviter,
        commitment: &[u8],
    ) -> Result<(crate::pairing::Challenger, Vec<u8>), PairingError> {
        let now = self.now();
        inviter.challenge(commitment, now, &mut self.door.rng)
    }

    /// Signs the addition of a device whose six digits a person compared, and wraps it every key of the record.
    ///
    /// # Errors
    /// The store's; [`RecordError::NotGranted`].
    pub fn admit(&mut self, candidate: Candidate) -> Result<DeviceId, RecordError> {
        let kem = KemPublicKey::from_slice(candidate.keys.kem.as_slice())
            .map_err(|_| RecordError::Ours("a joiner's key was not checked"))?;
        self.commit(|record, writer| {
            let at = record.now();
            let (hash, part) = kem_part(kem.as_bytes());
            let keys = DeviceKeys {
                signing: candidate.keys.signing,
                kem: hash,
                generation: 0,
                transport: candidate.keys.transport,
                incarnation: candidate.keys.incarnation,
            };
            let body = Body::DeviceAdd(DeviceAdd { principal: candidate.principal, keys });
            record.sign_op(writer, at, body, &[part])?;
            let device = device_id(&record.live.row.salt.0, &candidate.keys.signing);
            record.wrap_all_to(writer, device, &kem)?;
            record.write_label(writer, &device, &candidate.label)?;
            let detail = BTreeMap::from([("device".to_owned(), device.to_string())]);
            record.write_line(writer, LedgerKind::DeviceAdded, detail)?;
            Ok(device)
        })
    }

    /// Removes a device: it gets nothing new, and every section gets a new key.
    ///
    /// # Errors
    /// [`RecordError::NotFound`]; [`RecordError::NotGranted`] for this device's own removal.
    pub fn remove_device(&mut self, device: &DeviceId, reason: RemovalReason) -> Result<OpId, RecordError> {
        let target =
            self.live.members.current().device(device).filter(|device| device.is_live && device.root.is_none());
        if target.is_none() {
            return Err(RecordError::NotFound);
        }
        if *device == self.live.row.device {
            return Err(RecordError::NotGranted);
        }
        let targets = vec![Target::Device(*device)];
        let frontier = self.frontier_of(|feed| feed.device == *device)?;
        let reason = match reason {
            RemovalReason::Lost => Reason::Lost,
            RemovalReason::Replaced => Reason::Replaced,
            RemovalReason::Stolen => Reason::Stolen,
        };
        let cited = self.cited_checkpoint()?;
        self.commit(|record, writer| {
            let at = record.now();
            let frontier = record.shorten_frontier(writer, at, frontier)?;
            let removal = Removal { targets, frontier, cited, hidden: 0, reason };
            let op = record.sign_op(writer, at, Body::Remove(removal), &[])?;
            let sections = record.live.members.current().sections();
            record.rotate(writer, &sections)?;
            let detail = BTreeMap::from([("device".to_owned(), device.to_string())]);
            record.write_line(writer, LedgerKind::DeviceRemoved, detail)?;
            Ok(op)
        })
    }

    /// How the devices are called.
    pub(crate) fn device_labels(&self) -> Result<BTreeMap<DeviceId, String>, RecordError> {
        let mut labels = BTreeMap::new();
        for row in self.store.read()?.prefix(ENTRY, &Key::of(&self.live.id).container("label"))? {
            let (key, row) = row?;
            let device = key.last_chunk::<16>().map(|id| DeviceId(*id)).ok_or(StoreError::Damaged)?;
            if let Some(label) = ViewRow::read(&row)?.fields.get("label").and_then(Json::as_str) {
                labels.insert(device, label.to_owned());
            }
        }
        Ok(labels)
    }

    /// Writes the kinds of the sections and the label of this device.
    pub(crate) fn write_roster(&mut self, writer: &mut Writer, label: &str) -> Result<(), RecordError> {
        let kinds: Vec<EntryWrite> = self
            .live
            .sections
            .iter()
            .map(|(section, kind)| entry_write("section", &section.to_string(), json!({"section_kind": kind.as_str()})))
            .collect();
        self.write_technical(writer, SectionKind::Roster, kinds)?;
        let device = self.live.row.device;
        self.write_label(writer, &device, label)
    }

    /// Writes the label of this device.
    pub(crate) fn write_roster_label(&mut self, writer: &mut Writer, label: &str) -> Result<(), RecordError> {
        let device = self.live.row.device;
        self.write_label(writer, &device, label)
    }

    fn write_label(&mut self, writer: &mut Writer, device: &DeviceId, label: &str) -> Result<(), RecordError> {
        let write = entry_write("label", &device.to_string(), json!({"label": label}));
        self.write_technical(writer, SectionKind::Roster, vec![write])
    }

    /// Writes rows that are no entries of a person: labels, settings, lines of the access log.
    pub(crate) fn write_technical(
        &mut self,
        writer: &mut Writer,
        kind: SectionKind,
        entries: Vec<EntryWrite>,
    ) -> Result<(), RecordError> {
        let section = match kind {
            SectionKind::Roster => roster_of(&self.live.row.salt),
            other => self.section_of(other)?,
        };
        self.write_entries(writer, &[VolumeWrites { section, volume: volume::SINGLE, entries }])
    }

    /// A setting of the record that all its devices share.
    ///
    /// # Errors
    /// The store's.
    pub fn setting(&self, name: &str) -> Result<Option<Json>, RecordError> {
        Ok(setting_in(&self.store.read()?, &self.live.id, name)?)
    }

    /// Sets a setting that all devices of the record share.
    ///
    /// # Errors
    /// The store's.
    pub fn set_setting(&mut self, name: &str, value: Json) -> Result<(), RecordError> {
        self.commit(|record, writer| record.write_setting(writer, name, value))
    }

    pub(crate) fn write_setting(&mut self, writer: &mut Writer, name: &str, value: Json) -> Result<(), RecordError> {
        let id = carnet_record::EntryId(setting_id(name)).to_string();
        let before = setting_in(writer, &self.live.id, name)?;
        let before = before.map(|value| Fields::from_iter([("value".to_owned(), value)]));
        let write = EntryWrite { before, ..entry_write("setting", &id, json!({"value": value})) };
        self.write_technical(writer, SectionKind::Roster, vec![write])
    }

    /// Where the record's relay is, with the admission token that this device knows.
    pub fn relay(&self) -> Option<RelayAddress> {
        self.live.row.relay.as_deref().and_then(|relay| relay.parse().ok())
    }
}

/// Why an invitation could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The pairing refused.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// The record refused.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Vault {
    /// Reads the offer that an inviter left and binds this device to it. Returns what to leave in the slot.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn commit_to(&mut self, ticket: Ticket, offer: &[u8], label: &str) -> Result<(Joiner, Vec<u8>), PairingError> {
        let offer = Joiner::read_offer(&ticket, offer)?;
        let is_here =
            |known: &crate::RecordSummary| known.id == offer.record && known.standing == crate::DeviceStanding::Member;
        if self.records().map_err(|_| PairingError::Store)?.iter().any(is_here) {
            return Err(PairingError::AlreadyHere);
        }
        let incarnation = Incarnation(self.door.bytes());
        let keys = JoinerKeys {
            signing: self.seed.signing_key(&offer.salt).public(),
            kem: Box::new(*self.seed.kem(&offer.salt, 0).public().as_bytes()),
            transport: transport_key(&self.seed),
            incarnation,
        };
        Ok(Joiner::commit(ticket, offer, keys, label, &mut self.door.rng))
    }

    /// Reads the challenge and reveals this device's keys. Returns the code to compare and what to leave in the slot.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn reveal_to(&mut self, joiner: Joiner, challenge: &[u8]) -> Result<(Joined, Vec<u8>), PairingError> {
        joiner.answer(challenge, &mut self.door.rng)
    }

    /// Keeps the record that this device was paired with, as one that waits for its first sync, in place of what an
    /// earlier attempt left of the same record.
    ///
    /// # Errors
    /// [`VaultError::NameTaken`]; the store's.
    pub fn join(&mut self, joined: Joined, label: &str) -> Result<RecordId, VaultError> {
        let offer = &joined.offer;
        let id = offer.record;
        self.check_name(label, Some(&id))?;
        self.forget_waiting(&id)?;
        let signing = self.seed.signing_key(&offer.salt);
        let row = RecordRow {
            label: label.to_owned(),
            since_ms: self.door.now().0,
            salt: offer.salt,
            genesis_year: 0,
            device: device_id(&offer.salt.0, &signing.public()),
            principal: joined.principal,
            incarnation: joined.incarnation,
            kem_generation: 0,
            relay: offer.relay.as_ref().map(RelayAddress::to_string),
            peers: Vec::new(),
            standing: Standing::Waiting,
            kit_confirmed: false,
            is_default: self.records()?.is_empty(),
            synced_at_ms: None,
            turned_away: false,
        };
        let mut writer = self.store.write(Durability::Acknowledged)?;
        writer.put(RECORD, &Key::of(&id), &row::write(&row))?;
        writer.commit()?;
        self.live.remove(&id);
        Ok(id)
    }

    /// Takes a record off this device to which it was not admitted. One that ever was here stays.
    ///
    /// # Errors
    /// The store's.
    pub fn give_up_joining(&mut self, id: &RecordId) -> Result<(), VaultError> {
        let record = self.record(id)?;
        if record.live.row.standing == Standing::Waiting && !record.is_begun() {
            self.forget_record(id)?;
        }
        Ok(())
    }

    /// Takes what an earlier attempt left of this record off this device, if it waits: it holds nothing that a person
    /// wrote here. Another record that waits is no part of the attempt, whatever it is called.
    pub(crate) fn forget_waiting(&mut self, id: &RecordId) -> Result<(), VaultError> {
        let is_left =
            |known: &crate::RecordSummary| known.id == *id && known.standing == crate::DeviceStanding::Waiting;
        if self.records()?.iter().any(is_left) { self.forget_record(id) } else { Ok(()) }
    }

    /// Refuses a name that another record than `own` has on this device.
    pub(crate) fn check_name(&self, label: &str, own: Option<&RecordId>) -> Result<(), VaultError> {
        let is_taken = |known: &crate::RecordSummary| known.label == label && own != Some(&known.id);
        if self.records()?.iter().any(is_taken) { Err(VaultError::NameTaken) } else { Ok(()) }
    }
}

/// A row that is written whole.
pub(crate) fn entry_write(container: &str, key: &str, fields: Json) -> EntryWrite {
    let after = match fields {
        Json::Object(fields) => fields,
        _ => Fields::new(),
    };
    EntryWrite { place: Place { container: container.to_owned(), key: key.to_owned() }, before: None, after }
}

/// A setting of a record that all its devices share.
pub(crate) fn setting_in(look: &impl Look, record: &RecordId, name: &str) -> Result<Option<Json>, StoreError> {
    let row = look.look(ENTRY, &Key::of(record).container("setting").bytes(&setting_id(name)))?;
    let fields = row.map(|row| ViewRow::read(&row)).transpose()?.map(|row| row.fields);
    Ok(fields.and_then(|fields| fields.get("value").cloned()))
}

fn setting_id(name: &str) -> [u8; 16] {
    carnet_crypto::digest::hash16("setting", &[name.as_bytes()])
}
