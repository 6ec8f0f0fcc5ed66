//! Recovery: the paper kit that opens a record again when every device is lost.
//!
//! The kit is the seed of the record's root. Whoever holds it can read everything and admit a new device; nobody else
//! can, not even the relay. Restoring is one operation signed by the root: it removes the devices that are lost, admits
//! the new one and gives every section a new key. Source: `docs/membership.md`, "Root keys".

use std::collections::BTreeMap;

use carnet_crypto::{
    fault::Fault,
    id::{DeviceId, Incarnation, KeySalt, OpId, RecordId},
    sign::{Signature, SigningKey},
};
use carnet_protocol::{
    frame::{RelayAddress, StreamRole},
    membership::{
        Body, Insert, Op, RekeyPlan, Role,
        body::{DeviceAdd, DeviceKeys, Reason, Recover, Rekey, Removal, Target},
        device_id, principal_id, recipients_digest,
    },
};
use carnet_seal::{secret::RootSeed, words::WordsRefused};

use crate::{
    keys::{WrapAuthor, kem_part, open_wraps},
    ledger::LedgerKind,
    members::CarriedOp,
    record::{Live, Record, RecordError},
    row::{RecordRow, Standing},
    store::StoreError,
    vault::{Vault, VaultError, transport_key},
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
    /// The record is on this device already, and works.
    #[error("this record is on this device already")]
    AlreadyHere,
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
            Self::Words(_) | Self::AlreadyHere => Fault::Caller,
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
    /// These.
    These(Vec<DeviceId>),
}

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

    /// Proves the root key for a stream, as [`StreamRole::Root`] at a relay that does not know who asks, and as a
    /// device once the record is known.
    pub fn prove(&self, role: StreamRole, record: &RecordId, exporter: &[u8; 32]) -> Signature {
        role.prove(&self.signing, record, exporter)
    }

    /// The device id of the root in the record with this salt.
    pub fn device(&self, salt: &KeySalt) -> DeviceId {
        device_id(&salt.0, &self.signing.public())
    }

    fn is_root_of(&self, genesis: &Op) -> bool {
        let Body::Genesis(genesis) = genesis.body() else { return false };
        genesis.roots.iter().any(|root| root.signing == self.signing.public())
    }
}

impl Vault {
    /// Begins to restore a record from its genesis, which a relay, a peer or a file gave. Nothing in it is trusted
    /// before its hash is the record's id and the kit's key is among its roots.
    ///
    /// # Errors
    /// [`RecoveryError`].
    pub fn begin_recovery(
        &mut self,
        kit: &Kit,
        record: &RecordId,
        genesis: CarriedOp,
        label: &str,
        relay: Option<&RelayAddress>,
    ) -> Result<(), RecoveryError> {
        let known = self.records()?.into_iter().find(|known| known.id == *record);
        if known.is_some_and(|known| known.standing == crate::DeviceStanding::Member) {
            return Err(RecoveryError::AlreadyHere);
        }
        let op = Op::decode(&genesis.op).map_err(|_| RecoveryError::OtherRecord)?;
        let Body::Genesis(body) = op.body() else { return Err(RecoveryError::OtherRecord) };
        if op.id().0 != record.0 || !kit.is_root_of(&op) {
            return Err(RecoveryError::OtherRecord);
        }
        // What an attempt that was broken off left is no part of this one.
        self.forget_waiting(record, label)?;
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
    /// [`RecoveryError::OtherRecord`] when the kit is no root of the record now.
    pub fn recover(&mut self, kit: &Kit, lost: &LostDevices, device_label: &str) -> Result<OpId, RecoveryError> {
        let root = kit.device(&self.live.row.salt);
        let membership = self.live.members.current();
        if membership.device(&root).is_none_or(|device| device.root.is_none()) {
            return Err(RecoveryError::OtherRecord);
        }
        let owner = membership.principals().find(|principal| principal.role == Role::Owner);
        let principal = owner.map_or(self.live.row.principal, |owner| owner.id);
        let live =
            membership.devices().filter(|device| device.is_live && device.root.is_none()).map(|device| device.id);
        let removed: Vec<DeviceId> = match lost {
            LostDevices::All => live.collect(),
            LostDevices::These(these) => live.filter(|device| these.contains(device)).collect(),
        };
        let frontier = self.frontier_of(|feed| removed.contains(&feed.device))?;
        let removal = Removal {
            targets: removed.iter().copied().map(Target::Device).collect(),
            frontier,
            cited: self.cited_checkpoint()?,
            hidden: 0,
            reason: Reason::Lost,
        };
        Ok(self.commit(|record, writer| {
            let op = record.sign_recovery(writer, kit, root, principal, removal)?;
            record.live.row.standing = Standing::Member;
            record.live.row.principal = principal;
            record.write_roster_label(writer, device_label)?;
            record.write_line(writer, LedgerKind::Recovered, BTreeMap::new())?;
            Ok(op)
        })?)
    }

    fn sign_recovery(
        &mut self,
        writer: &mut crate::store::Writer,
        kit: &Kit,
        root: DeviceId,
        principal: carnet_crypto::id::PrincipalId,
        removal: Removal,
    ) -> Result<OpId, RecordError> {
        let at = self.now();
        let (kem, kem_bytes) = kem_part(self.seed.kem(&self.live.row.salt, 0).public().as_bytes());
        let keys = DeviceKeys {
            signing: self.live.signing.public(),
            kem,
            generation: 0,
            transport: transport_key(self.seed),
            incarnation: self.live.row.incarnation,
        };
        let device = DeviceAdd { principal, keys };
        let none = Rekey { sections: Vec::new(), recipients: recipients_digest(&[]), wraps: [0; 32] };
        let recover = Recover { removal, device, rekey: none, roots: Vec::new(), voided: Vec::new() };
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
        self.live.members.learn_kem(&kem_bytes);
        let planned = self.plan_rekey(&plan, author)?;
        let rekey = planned.rekey.clone();
        let mut parts = planned.parts.clone();
        parts.push(kem_bytes);
        let draft = self.live.members.log().draft(root, at, Body::Recover(Box::new(Recover { rekey, ..recover })));
        let op = draft.sign(&self.live.id, &kit.signing)?;
        let id = self.accept_own(writer, &op, parts)?;
        self.keep_planned(writer, planned)?;
        Ok(id)
    }
}

impl From<StoreError> for RecoveryError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}
