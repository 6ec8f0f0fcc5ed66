//! The keys of a record's sections on this device: opened from wraps and ladders, kept in the store, rotated.
//!
//! A key is believed only when its commitment is the epoch that an operation names. Keys are wrapped only to KEM keys
//! that an operation binds by hash, never to what a relay, a peer or a file says. Source: `docs/membership.md`,
//! "Epochs".

use std::collections::{BTreeSet, HashMap, HashSet};

use carnet_crypto::{
    door::UnixMillis,
    id::{DeviceId, EpochId, OpId, RecordId, SectionId},
};
use carnet_protocol::{
    codec::Writer as Bytes,
    limits::KEM_KEY_BYTES,
    membership::{
        Body, Recipient, RekeyPlan,
        body::{Rekey, SectionRekey, Wrap, WrapTarget},
        detached::{Detached, KemHash, ProvedWrap, SealedKeys},
    },
};
use carnet_seal::{
    envelope::{open_parent, seal_parent},
    secret::SectionKey,
    wrap::{KemKeyPair, KemPublicKey, unwrap_keys, wrap},
};
use zeroize::Zeroizing;

use crate::{
    members::Members,
    record::{Record, RecordError},
    store::{Reader, StoreError, Writer},
    tables::{KEY, Key},
};

/// The section keys that are in memory, by the epoch that names each.
#[derive(Default)]
pub(crate) struct KeyRing(HashMap<EpochId, SectionKey>);

impl KeyRing {
    /// Reads the keys of a record.
    ///
    /// # Errors
    /// The store's; [`StoreError::Damaged`] for a key that does not match its name.
    pub(crate) fn load(reader: &Reader, record: &RecordId) -> Result<Self, StoreError> {
        let mut keys = HashMap::new();
        for row in reader.prefix(KEY, &Key::of(record))? {
            let bytes = Zeroizing::new(row?.1);
            let key = SectionKey::from_store(&bytes).ok_or(StoreError::Damaged)?;
            keys.insert(key.commitment(), key);
        }
        Ok(Self(keys))
    }

    /// The key of an epoch, if this device holds it.
    pub(crate) fn of(&self, epoch: &EpochId) -> Option<&SectionKey> {
        self.0.get(epoch)
    }

    /// How many keys this device holds.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn keep(
        &mut self,
        writer: &mut Writer,
        record: &RecordId,
        section: &SectionId,
        key: SectionKey,
    ) -> Result<(), StoreError> {
        let epoch = key.commitment();
        writer.put(KEY, &Key::of(record).section(section).epoch(&epoch), key.expose_for_store())?;
        self.0.insert(epoch, key);
        Ok(())
    }
}

/// A rekey in the making: its body, the parts that travel beside it, and its new keys.
pub(crate) struct PlannedRekey {
    pub(crate) rekey: Rekey,
    pub(crate) parts: Vec<Vec<u8>>,
    keys: Vec<(SectionId, SectionKey)>,
}

/// For whom and by whom keys are wrapped: what the wrap binds besides its recipient.
#[derive(Clone, Copy)]
pub(crate) struct WrapAuthor {
    pub(crate) record: RecordId,
    pub(crate) device: DeviceId,
    pub(crate) counter: u32,
}

impl WrapAuthor {
    fn info(&self, recipient: &DeviceId) -> Vec<u8> {
        let mut info = Bytes::new();
        info.raw(&self.record.0).raw(&self.device.0).u32(self.counter).raw(&recipient.0);
        info.finish()
    }
}

impl Record<'_> {
    /// The epoch to seal under: the section's current one when all its recipients are still readers and this device
    /// has its key, else a new one that this device makes now.
    pub(crate) fn epoch_to_write(&mut self, writer: &mut Writer, section: &SectionId) -> Result<EpochId, RecordError> {
        if let Some(epoch) = self.writable_epoch(section) {
            return Ok(epoch);
        }
        self.rotate(writer, &[*section])?;
        self.writable_epoch(section).ok_or(RecordError::NotGranted)
    }

    fn writable_epoch(&self, section: &SectionId) -> Option<EpochId> {
        let keys = &self.live.keys;
        let epoch = self.live.members.current().writable_epoch(section, |epoch| keys.of(epoch).is_some());
        epoch.map(|epoch| epoch.id)
    }

    /// Gives sections a new key, wrapped to every reader there is now.
    pub(crate) fn rotate(&mut self, writer: &mut Writer, sections: &[SectionId]) -> Result<OpId, RecordError> {
        let at = self.now();
        self.join_heads(writer, at)?;
        let keys = &self.live.keys;
        let plan = self.live.members.current().rekey_plan(sections, at, |_, epoch| keys.of(epoch).is_some());
        let author = self.wrap_author(at);
        let planned = self.plan_rekey(&plan, author)?;
        let op = self.sign_op(writer, at, Body::Rekey(planned.rekey.clone()), &planned.parts)?;
        self.keep_keys(writer, planned.keys)?;
        Ok(op)
    }

    /// New keys for sections, each wrapped to its readers. Nothing is stored yet.
    pub(crate) fn plan_rekey(&mut self, plan: &RekeyPlan, author: WrapAuthor) -> Result<PlannedRekey, RecordError> {
        let mut sections = Vec::new();
        let mut keys = Vec::new();
        for (section, parents) in &plan.parents {
            let key = SectionKey::generate(&mut self.door.rng);
            let epoch = key.commitment();
            let steps = parents.iter().filter_map(|parent| {
                let context = ladder_context(&author.record, section, &epoch, parent);
                Some(seal_parent(&key, self.live.keys.of(parent)?, &context))
            });
            let ladder = (!parents.is_empty()).then(|| steps.collect());
            sections.push(SectionRekey { section: *section, parents: parents.clone(), epoch, ladder, inbox: None });
            keys.push((*section, key));
        }
        let mut wraps = Vec::new();
        let recipients: BTreeSet<Recipient> = plan.readers.iter().flat_map(|(_, readers)| readers).copied().collect();
        for recipient in recipients {
            let theirs = plan.readers.iter().zip(&keys).filter(|((_, readers), _)| readers.contains(&recipient));
            let theirs: Vec<&SectionKey> = theirs.map(|(_, (_, key))| key).collect();
            let kem = self.live.members.kem(&recipient.kem).ok_or(RecordError::KeyMissing)?;
            let sealed = wrap(kem, &author.info(&recipient.device), &theirs, &mut self.door.rng)?;
            wraps.push(SealedKeys { recipient: recipient.device, sealed });
        }
        let (root, proved) = ProvedWrap::tree(wraps);
        let rekey = Rekey { sections, recipients: plan.digest, wraps: root };
        Ok(PlannedRekey { rekey, parts: proved.iter().map(ProvedWrap::encode).collect(), keys })
    }

    /// Puts the keys of a planned rekey in the store and in memory, once its operation is there.
    pub(crate) fn keep_planned(&mut self, writer: &mut Writer, planned: PlannedRekey) -> Result<(), RecordError> {
        self.keep_keys(writer, planned.keys)
    }

    /// Puts keys that were opened in the store and in memory, then walks down their ladders. Returns how many came.
    pub(crate) fn keep_opened(
        &mut self,
        writer: &mut Writer,
        found: Vec<(SectionId, SectionKey)>,
    ) -> Result<usize, RecordError> {
        let mut count = found.len();
        self.keep_keys(writer, found)?;
        loop {
            let steps = open_ladders(&self.live.members, &self.live.id, &self.live.keys);
            if steps.is_empty() {
                return Ok(count);
            }
            count += steps.len();
            self.keep_keys(writer, steps)?;
        }
    }

    fn keep_keys(&mut self, writer: &mut Writer, keys: Vec<(SectionId, SectionKey)>) -> Result<(), RecordError> {
        for (section, key) in keys {
            self.live.keys.keep(writer, &self.live.id, &section, key)?;
        }
        Ok(())
    }

    /// Who wraps in the next operation of this device.
    pub(crate) fn wrap_author(&self, at: UnixMillis) -> WrapAuthor {
        let next = self.live.members.log().draft(self.live.row.device, at, Body::Join);
        WrapAuthor { record: self.live.id, device: next.author, counter: next.counter }
    }

    /// Gives a device the keys of every section that it may read, outside a rotation.
    pub(crate) fn wrap_all_to(
        &mut self,
        writer: &mut Writer,
        device: DeviceId,
        kem: &KemPublicKey,
    ) -> Result<OpId, RecordError> {
        let at = self.now();
        self.join_heads(writer, at)?;
        let author = self.wrap_author(at);
        let membership = self.live.members.current();
        let mut epochs: Vec<(SectionId, EpochId)> = Vec::new();
        for section in membership.sections() {
            if membership.readers(&section).iter().any(|reader| reader.device == device) {
                let plan = membership.rekey_plan(&[section], at, |_, epoch| self.live.keys.of(epoch).is_some());
                let tops =
                    plan.parents.into_iter().flat_map(|(section, tops)| tops.into_iter().map(move |e| (section, e)));
                epochs.extend(tops);
            }
        }
        epochs.sort_unstable();
        let keys: Vec<&SectionKey> = epochs.iter().filter_map(|(_, epoch)| self.live.keys.of(epoch)).collect();
        let sealed = wrap(kem, &author.info(&device), &keys, &mut self.door.rng)?;
        let part = SealedKeys { recipient: device, sealed };
        let body = Wrap { target: WrapTarget::Device(device), epochs, part: Some(part.hash()) };
        self.sign_op(writer, at, Body::Wrap(body), &[Detached::Wrap(part).encode()])
    }

    /// Opens every wrap and ladder step that came for this device and yields a key it lacks. What does not open, or
    /// opens to something else than the operation names, is passed over: another holder may wrap again.
    pub(crate) fn collect_keys(&mut self, writer: &mut Writer) -> Result<usize, RecordError> {
        let pair = self.seed.kem(&self.live.row.salt, self.live.row.kem_generation);
        let (record, device) = (self.live.id, self.live.row.device);
        let (found, failed) = open_wraps(&self.live.members, &record, &device, &pair, &self.live.keys);
        self.live.members.note_unopened(failed);
        self.keep_opened(writer, found)
    }
}

/// Wraps that do not open, each with the number of its keys.
pub(crate) type Unopened = HashSet<(OpId, usize)>;

/// The keys in wraps to `device` that are not in `keys` yet, and the wraps that do not yield what they should.
pub(crate) fn open_wraps(
    members: &Members,
    record: &RecordId,
    device: &DeviceId,
    pair: &KemKeyPair,
    keys: &KeyRing,
) -> (Vec<(SectionId, SectionKey)>, Unopened) {
    let mut found = Vec::new();
    let mut failed = HashSet::new();
    for op in members.ops() {
        let author = WrapAuthor { record: *record, device: op.author(), counter: op.counter() };
        let (epochs, sealed) = match op.body() {
            Body::Wrap(Wrap { target: WrapTarget::Device(to), epochs, part: Some(part) }) if to == device => {
                (epochs.clone(), members.wrap_part(part))
            }
            body => {
                let Some(rekey) = body.rekey() else { continue };
                let epochs = members.epochs_wrapped_to(rekey, device);
                (epochs, members.proved_wrap(&op.id(), device))
            }
        };
        let Some(sealed) = sealed else { continue };
        let is_tried = members.is_unopened(&op.id(), epochs.len());
        if is_tried || epochs.iter().all(|(_, epoch)| keys.of(epoch).is_some()) {
            continue;
        }
        let opened = unwrap_keys(pair, &author.info(device), &sealed, epochs.len()).unwrap_or_default();
        let is_whole = opened.len() == epochs.len()
            && epochs.iter().zip(&opened).all(|((_, epoch), key)| key.commitment() == *epoch);
        if !is_whole {
            failed.insert((op.id(), epochs.len()));
        }
        let matching = epochs.iter().zip(opened).filter(|((_, epoch), key)| key.commitment() == *epoch);
        found.extend(matching.map(|((section, _), key)| (*section, key)));
    }
    (found, failed)
}

/// The keys down the ladders of the keys that are held. Later operations come first, so that a whole ladder opens in one
/// pass.
fn open_ladders(members: &Members, record: &RecordId, keys: &KeyRing) -> Vec<(SectionId, SectionKey)> {
    let mut found: HashMap<EpochId, (SectionId, SectionKey)> = HashMap::new();
    let ops: Vec<_> = members.ops().collect();
    for op in ops.into_iter().rev() {
        for section in op.body().rekey().into_iter().flat_map(|rekey| &rekey.sections) {
            let Some(ladder) = &section.ladder else { continue };
            for (parent, step) in section.parents.iter().zip(ladder) {
                if keys.of(parent).is_some() || found.contains_key(parent) {
                    continue;
                }
                let held = keys.of(&section.epoch).or_else(|| found.get(&section.epoch).map(|(_, key)| key));
                let Some(key) = held else { continue };
                let context = ladder_context(record, &section.section, &section.epoch, parent);
                if let Ok(opened) = open_parent(key, parent, &context, step) {
                    found.insert(*parent, (section.section, opened));
                }
            }
        }
    }
    found.into_values().collect()
}

fn ladder_context(record: &RecordId, section: &SectionId, epoch: &EpochId, parent: &EpochId) -> Vec<u8> {
    let mut context = Bytes::new();
    context.raw(&record.0).raw(&section.0).raw(&epoch.0).raw(&parent.0);
    context.finish()
}

/// A public key as it travels.
pub(crate) fn kem_part(key: &[u8; KEM_KEY_BYTES]) -> (KemHash, Vec<u8>) {
    let part = Detached::Kem(Box::new(*key));
    (KemHash(part.hash()), part.encode())
}
