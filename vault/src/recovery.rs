//! Recovery: the paper kit that opens a record again when every device is lost.
//!
//! The kit is the seed of the record's root. Whoever holds it can read everything and admit a new device; nobody else
//! can, not even the relay. Restoring is one operation signed by the root: it removes the devices that are lost, admits
//! the new one and gives every section a new key. Source: `docs/membership.md`, "Root keys".

use std::collections::BTreeMap;

use carnet_crypto::{
    fault::Fault,
    id::{DeviceId, Incarnation, KeySalt, OpId, PrincipalId, RecordId},
    sign::{Signature, SigningKey},
};
use carnet_protocol::{
    frame::{RelayAddress, StreamRole},
    membership::{
        Body, Insert, Op, RekeyPlan, Role,
        body::{DeviceAdd, DeviceKeys, Reason, Recover, Rekey, Removal, RootClass, RootKey, Target},
        device_id, principal_id, recipients_digest,
    },
};
use carnet_seal::{secret::RootSeed, words::WordsRefused};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    devices::DeviceSummary,
    keys::{WrapAuthor, kem_part, open_wraps},
    ledger::LedgerKind,
    members::CarriedOp,
    record::{Live, Record, RecordError},
    row::{RecordRow, Standing},
    store::StoreError,
    vault::{KIT_SETTING, Vault, VaultError, transport_key},
};

/// Why a recovery could not begin or end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The words are not those of a kit.
    #[error("the 24 words are not right: {0}")]
    Words(#[from] WordsRefused),
    /// The kit belongs to another record, or was replaced by a newer one.
    #[error("this kit does not open this record")]
    OtherRecord,
    /// The record is on this device already.
    #[error("this record is on this device already")]
    AlreadyHere,
    /// A device that is to be removed is none of the record, or may be several.
    #[error("no device of the record, or more than one, is called so")]
    NoSuchDevice,
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<RecordError> for RecoveryError {
    fn from(error: RecordError) -> Self {
        Self::Vault(error.into())
    }
}

impl RecoveryError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Words(_) | Self::AlreadyHere | Self::NoSuchDevice => Fault::Caller,
            Self::OtherRecord => Fault::Input,
            Self::Vault(error) => error.fault(),
        }
    }
}

/// Which devices a restoration removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostDevices {
    /// All there were.
    All,
    /// Those that are called so, or whose ids begin so: labels, and at least six characters of an id. None is allowed.
    Named(Vec<String>),
}

/// Fewest characters of an id that name a device.
const ID_CHARACTERS_MIN: usize = 6;

/// The kit in use: its root key is in memory until this is dropped.
pub struct Kit {
    seed: RootSeed,
    signing: SigningKey,
}

impl Kit {
    /// The kit with these words.
    ///
    /// # Errors
    /// [`RecoveryError::Words`].
    pub fn from_words(words: &str) -> Result<Self, RecoveryError> {
        let seed = RootSeed::from_words(words)?;
        let signing = seed.signing_key();
        Ok(Self { seed, signing })
    }

    /// A kit that opens nothing yet: see [`Record::replace_kit`].
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let seed = RootSeed::generate(rng);
        let signing = seed.signing_key();
        Self { seed, signing }
    }

    /// The 24 words, for the person's eyes.
    pub fn expose_words(&self) -> Zeroizing<String> {
        self.seed.expose_words()
    }

    /// Proves the root key for a stream, as [`StreamRole::Root`] at a relay that does not know who asks, and as a
    /// device once the record is known.
    pub fn prove(&self, role: StreamRole, record: &RecordId, exporter: &[u8; 32]) -> Signature {
        role.prove(&self.signing, record, exporter)
    }

    /// The device id of the root in the record with this salt.
    pub fn device(&self, salt: &KeySalt) -> DeviceId {
        device_id(&salt.0, &self.signing.public())
    }
}

impl Vault {
    /// Begins to restore a record from its genesis, which a relay, a peer or a file gave. It is trusted for its hash, which
    /// is the record's id. Whether the kit is a root of the record now, only the operations that follow tell.
    ///
    /// # Errors
    /// [`RecoveryError`].
    pub fn begin_recovery(
        &mut self,
        record: &RecordId,
        genesis: CarriedOp,
        label: &str,
        relay: Option<&RelayAddress>,
    ) -> Result<(), RecoveryError> {
        let known = self.records()?.into_iter().find(|known| known.id == *record);
        if known.is_some_and(|known| known.standing != crate::DeviceStanding::Waiting) {
            return Err(RecoveryError::AlreadyHere);
        }
        let op = Op::decode(&genesis.op).map_err(|_| RecoveryError::OtherRecord)?;
        let Body::Genesis(body) = op.body() else { return Err(RecoveryError::OtherRecord) };
        if op.id().0 != record.0 {
            return Err(RecoveryError::OtherRecord);
        }
        // What an attempt that was broken off left is no part of this one.
        self.check_name(label, Some(record))?;
        self.forget_waiting(record)?;
        let salt = KeySalt(body.key_salt);
        let signing = self.seed.signing_key(&salt);
        let row = RecordRow {
            label: label.to_owned(),
            since_ms: self.door.now().0,
            salt,
            genesis_year: body.year,
            device: device_id(&salt.0, &signing.public()),
            principal: principal_id(&salt.0, &body.device.signing),
            incarnation: Incarnation(self.door.bytes()),
            kem_generation: 0,
            relay: relay.map(RelayAddress::to_string),
            peers: Vec::new(),
            standing: Standing::Waiting,
            kit_confirmed: true,
            is_default: self.records()?.is_empty(),
            synced_at_ms: None,
            turned_away: false,
        };
        self.live.insert(*record, Live::begin(*record, row, signing));
        let mut opened = self.record(record)?;
        let begun = opened.commit(|record, writer| {
            match record.live.members.insert(writer, &genesis)? {
                Insert::Inserted(_) | Insert::Known => {}
                _ => return Err(RecordError::Damaged("the genesis is refused")),
            }
            let now = record.now();
            record.live.members.evaluate(now);
            Ok(())
        });
        if let Err(error) = begun {
            self.live.remove(record);
            return Err(error.into());
        }
        Ok(())
    }

    /// Takes a record off this device whose restoration cannot end: nothing of it was written here.
    ///
    /// # Errors
    /// The store's.
    pub fn give_up_recovery(&mut self, record: &RecordId) -> Result<(), VaultError> {
        if self.record(record)?.live.row.standing == Standing::Waiting {
            self.forget_record(record)?;
        }
        Ok(())
    }
}

impl Record<'_> {
    /// Whether the kit is a root of this record now: what a rehearsal asks. Nothing is changed.
    pub fn is_opened_by(&self, kit: &Kit) -> bool {
        let root = kit.device(&self.live.row.salt);
        self.live.members.current().device(&root).is_some_and(|device| device.root.is_some() && device.is_live)
    }

    /// Opens the keys that were wrapped to the kit. Call it after the operations came and before the envelopes.
    ///
    /// # Errors
    /// The store's.
    pub fn open_with_kit(&mut self, kit: &Kit) -> Result<usize, RecordError> {
        self.commit(|record, writer| {
            let device = kit.device(&record.live.row.salt);
            let pair = kit.seed.kem();
            let (found, _) = open_wraps(&record.live.members, &record.live.id, &device, &pair, &record.live.keys);
            record.keep_opened(writer, found)
        })
    }

    /// Signs the recovery: removes `lost`, admits this device as an owner's, gives every section a new key. The
    /// operation is durable here and waits to be sent.
    ///
    /// # Errors
    /// [`RecoveryError::OtherRecord`] when the kit is no root of the record now; [`RecoveryError::NoSuchDevice`].
    pub fn recover(&mut self, kit: &Kit, lost: &LostDevices, device_label: &str) -> Result<OpId, RecoveryError> {
        let root = self.root_of(kit)?;
        let removed = self.lost(lost)?;
        let owner = self.live.members.current().principals().find(|principal| principal.role == Role::Owner);
        let principal = owner.map_or(self.live.row.principal, |owner| owner.id);
        let frontier = self.frontier_of(|feed| removed.contains(&feed.device))?;
        let removal = Removal {
            targets: removed.iter().copied().map(Target::Device).collect(),
            frontier,
            cited: self.cited_checkpoint()?,
            hidden: 0,
            reason: Reason::Lost,
        };
        Ok(self.commit(|record, writer| {
            let op = record.sign_recovery(writer, kit, Recovery { root, principal, removal, new: None })?;
            record.live.row.standing = Standing::Member;
            record.live.row.principal = principal;
            record.write_roster_label(writer, device_label)?;
            record.write_line(writer, LedgerKind::Recovered, BTreeMap::new())?;
            Ok(op)
        })?)
    }

    /// Signs, with the kit that opens the record now, that `new` opens it from now on and this one does not. Every section
    /// gets a new key, which is wrapped to the new kit. Devices stay as they are.
    ///
    /// # Errors
    /// [`RecoveryError::OtherRecord`] when the kit is no root of the record now; [`RecordError::Waiting`].
    pub fn replace_kit(&mut self, kit: &Kit, new: &Kit) -> Result<OpId, RecoveryError> {
        if self.live.row.standing != Standing::Member {
            return Err(RecordError::Waiting.into());
        }
        let root = self.root_of(kit)?;
        let principal = self.live.row.principal;
        let cited = self.cited_checkpoint()?;
        let removal = Removal { targets: Vec::new(), frontier: Vec::new(), cited, hidden: 0, reason: Reason::Replaced };
        Ok(self.commit(|record, writer| {
            let at = record.now();
            record.join_heads(writer, at)?;
            let op = record.sign_recovery(writer, kit, Recovery { root, principal, removal, new: Some(new) })?;
            record.live.row.kit_confirmed = false;
            record.write_setting(writer, KIT_SETTING, false.into())?;
            let detail = BTreeMap::from([("kit".to_owned(), "replaced".to_owned())]);
            record.write_line(writer, LedgerKind::Recovered, detail)?;
            Ok(op)
        })?)
    }

    /// The kit's place in the record.
    fn root_of(&self, kit: &Kit) -> Result<DeviceId, RecoveryError> {
        if self.is_opened_by(kit) { Ok(kit.device(&self.live.row.salt)) } else { Err(RecoveryError::OtherRecord) }
    }

    /// The live devices that a restoration removes.
    fn lost(&self, lost: &LostDevices) -> Result<Vec<DeviceId>, RecoveryError> {
        let live: Vec<_> = self.devices()?.into_iter().filter(|device| device.is_live && !device.is_kit).collect();
        let mut removed = Vec::new();
        let names = match lost {
            LostDevices::All => {
                removed.extend(live.iter().map(|device| device.id));
                &[]
            }
            LostDevices::Named(names) => names.as_slice(),
        };
        for name in names {
            let prefix = name.to_ascii_lowercase();
            let is_meant = |device: &&DeviceSummary| {
                device.label.as_ref() == Some(name)
                    || prefix.len() >= ID_CHARACTERS_MIN && device.id.to_string().starts_with(&prefix)
            };
            let mut meant = live.iter().filter(is_meant).map(|device| device.id);
            match (meant.next(), meant.next()) {
                (Some(device), None) => removed.push(device),
                _ => return Err(RecoveryError::NoSuchDevice),
            }
        }
        removed.sort_unstable();
        removed.dedup();
        Ok(removed)
    }

    fn sign_recovery(
        &mut self,
        writer: &mut crate::store::Writer,
        kit: &Kit,
        recovery: Recovery<'_>,
    ) -> Result<OpId, RecordError> {
        let Recovery { root, principal, removal, new } = recovery;
        let at = self.now();
        let generation = self.live.row.kem_generation;
        let (kem, kem_bytes) = kem_part(self.seed.kem(&self.live.row.salt, generation).public().as_bytes());
        let keys = DeviceKeys {
            signing: self.live.signing.public(),
            kem,
            generation,
            transport: transport_key(self.seed),
            incarnation: self.live.row.incarnation,
        };
        let mut own_parts = vec![kem_bytes];
        let mut roots = Vec::new();
        if let Some(new) = new {
            let (kem, part) = kem_part(new.seed.kem().public().as_bytes());
            roots.push(RootKey { class: RootClass::Paper, signing: new.signing.public(), kem });
            own_parts.push(part);
        }
        let device = DeviceAdd { principal, keys };
        let none = Rekey { sections: Vec::new(), recipients: recipients_digest(&[]), wraps: [0; 32] };
        let recover = Recover { removal, device, rekey: none, roots, voided: Vec::new() };
        let log = self.live.members.log();
        let draft = log.draft(root, at, Body::Recover(Box::new(recover.clone())));
        let sections = self.live.members.current().sections();
        let readers = log
            .readers_after(draft.clone(), self.live.members.receipts(), &sections)
            .ok_or(RecordError::Ours("the readers after a recovery"))?;
        let keys = &self.live.keys;
        let plan = self.live.members.current().rekey_plan(&sections, at, |_, epoch| keys.of(epoch).is_some());
        let plan = RekeyPlan { parents: plan.parents, digest: recipients_digest(&readers), readers };
        let author = WrapAuthor { record: self.live.id, device: root, counter: draft.counter };
        for part in &own_parts {
            self.live.members.learn_kem(part);
        }
        let planned = self.plan_rekey(&plan, author)?;
        let rekey = planned.rekey.clone();
        let mut parts = planned.parts.clone();
        parts.extend(own_parts);
        let draft = self.live.members.log().draft(root, at, Body::Recover(Box::new(Recover { rekey, ..recover })));
        let op = draft.sign(&self.live.id, &kit.signing)?;
        let id = self.accept_own(writer, &op, parts)?;
        self.keep_planned(writer, planned)?;
        Ok(id)
    }
}

/// What a root signs about.
struct Recovery<'k> {
    root: DeviceId,
    /// Whose device this one is.
    principal: PrincipalId,
    removal: Removal,
    /// The kit that takes the place of the one that signs.
    new: Option<&'k Kit>,
}

impl From<StoreError> for RecoveryError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}
