//! What a sync engine asks a record about: its standing, what others need of it, what it needs of others.

use std::collections::{BTreeMap, BTreeSet};

use carnet_crypto::{
    id::{FeedId, ObjectId, OpId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    envelope::Envelope,
    frame::RelayAddress,
    limits::SNAPSHOT_SEALED_BYTES_MAX,
    membership::{
        Body,
        body::{ObjectKind, RootKey},
        detached::KemHash,
    },
};

use crate::{
    blob::{Download, ReceiveError},
    members::CarriedOp,
    record::{Record, RecordError},
    row::{OutboxRow, Standing},
    snapshot::TakeSnapshotError,
    store::{Durability, StoreError},
    tables::{ENVELOPE, Key, OBJECT, QUARANTINE, WAITING},
    vault::{DeviceStanding, relay_keys},
};

/// A sealed object that this device lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// An attached file: see [`Record::download`].
    File(ObjectId),
    /// A snapshot: see [`Record::receive_snapshot`].
    Snapshot(ObjectId),
}

impl Wanted {
    /// Its name.
    pub fn object(&self) -> ObjectId {
        match self {
            Self::File(object) | Self::Snapshot(object) => *object,
        }
    }

    /// The most bytes that such an object has.
    pub fn bytes_max(&self) -> u64 {
        match self {
            Self::File(_) => crate::blob::SEALED_BYTES_MAX,
            Self::Snapshot(_) => u64::try_from(SNAPSHOT_SEALED_BYTES_MAX).unwrap_or(u64::MAX),
        }
    }
}

/// Envelopes of one feed, and the place after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suffix {
    /// The envelopes, in order, without a gap between them.
    pub envelopes: Vec<Vec<u8>>,
    /// The position of the last of them; what was asked for when there is none.
    pub last: u32,
}

impl Record<'_> {
    /// What this device is in the record.
    pub fn standing(&self) -> DeviceStanding {
        match self.live.row.standing {
            Standing::Member => DeviceStanding::Member,
            Standing::Removed => DeviceStanding::Removed,
            Standing::Waiting => DeviceStanding::Waiting,
        }
    }

    /// The genesis with its parts, when this device signed it.
    ///
    /// # Errors
    /// The store's.
    pub fn own_genesis(&self) -> Result<Option<CarriedOp>, RecordError> {
        let first = self.live.members.ops().next();
        let own = first
            .filter(|op| op.parents().is_empty() && op.author() == self.live.row.device)
            .map(carnet_protocol::membership::Op::id);
        Ok(own.map(|id| self.ops(&[id], None)).transpose()?.and_then(|mut ops| ops.pop()))
    }

    /// The keys of every relay that the membership log has ever named.
    pub fn relay_keys(&self) -> Vec<PublicKey> {
        let keys: BTreeSet<PublicKey> = self.live.members.ops().filter_map(|op| named_relays(op.body())).collect();
        keys.into_iter().collect()
    }

    /// Whether the membership log names a relay, now or once.
    pub fn has_named_relay(&self) -> bool {
        self.live.members.current().relay().is_some()
    }

    /// Publishes where the record's relay is, for all its devices, and keeps it here with its admission token.
    ///
    /// # Errors
    /// [`RecordError::NotGranted`] when the log names another relay: replacing one takes the recovery kit.
    pub fn name_relay(&mut self, relay: &RelayAddress) -> Result<(), RecordError> {
        let named = self.relay_key();
        if named.is_some_and(|key| key != relay.key) {
            return Err(RecordError::NotGranted);
        }
        self.commit(|record, writer| {
            record.live.row.relay = Some(relay.to_string());
            if named.is_none() {
                let at = record.now();
                record.sign_op(writer, at, Body::SetRelay(relay_keys(relay)), &[])?;
            }
            Ok(())
        })
    }

    /// The operations without a receipt of this relay, parents first: it may lack them.
    pub fn ops_without_receipt(&self, relay: &PublicKey) -> Vec<OpId> {
        let receipts = self.live.members.receipts();
        self.live
            .members
            .ops()
            .map(carnet_protocol::membership::Op::id)
            .filter(|op| !receipts.is_of(op, relay))
            .collect()
    }

    /// The operations that name a public key by hash which is not here, ascending.
    pub fn ops_lacking_keys(&self) -> Vec<OpId> {
        let members = &self.live.members;
        let lacks = |hash: &KemHash| hash.0 != [0; 32] && members.kem(hash).is_none();
        let ops = members.ops().filter(|op| named_kems(op.body()).iter().any(lacks));
        let mut ids: Vec<OpId> = ops.map(carnet_protocol::membership::Op::id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether an operation can be the genesis of this record: its hash is the record's id.
    pub fn is_begun(&self) -> bool {
        !self.live.members.log().is_empty()
    }

    /// What this device has of a feed after `seq`, up to the first gap, at most about `bytes_max` bytes of it and at
    /// least one. Where a snapshot stands for the beginning of the feed, it begins after that.
    ///
    /// # Errors
    /// The store's.
    pub fn feed_after(&self, feed: &FeedId, seq: u32, bytes_max: usize) -> Result<Suffix, RecordError> {
        let from = Key::of(&self.live.id).feed(feed).seq(seq.saturating_add(1));
        let to = Key::of(&self.live.id).feed(feed).seq(u32::MAX);
        let mut suffix = Suffix { envelopes: Vec::new(), last: seq };
        let mut bytes = 0;
        for row in self.store.read()?.range(ENVELOPE, &from[..]..&to[..])? {
            let (key, row) = row?;
            let at = key.last_chunk::<4>().map(|seq| u32::from_be_bytes(*seq)).ok_or(StoreError::Damaged)?;
            if !suffix.envelopes.is_empty() && at != suffix.last.saturating_add(1) {
                break;
            }
            let stored = crate::receive::StoredEnvelope::read(&row)?;
            bytes += stored.bytes.len();
            if bytes > bytes_max && !suffix.envelopes.is_empty() {
                break;
            }
            suffix.envelopes.push(stored.bytes);
            suffix.last = at;
        }
        Ok(suffix)
    }

    /// The places of envelopes of a section that are kept and do not count: those that wait and those in quarantine, by
    /// the first 8 bytes of their feeds. What their headers say is not proved.
    ///
    /// # Errors
    /// The store's.
    pub fn loose_places(&self, section: &SectionId) -> Result<BTreeMap<[u8; 8], BTreeSet<u32>>, RecordError> {
        let reader = self.store.read()?;
        let mut places: BTreeMap<[u8; 8], BTreeSet<u32>> = BTreeMap::new();
        for row in reader.prefix(WAITING, &Key::of(&self.live.id).section(section))? {
            if let Ok(Envelope { header, .. }) = Envelope::decode(&row?.1) {
                places.entry(header.feed).or_default().insert(header.seq);
            }
        }
        for (feed, state) in self.feeds(&reader)? {
            if state.section != *section {
                continue;
            }
            let prefix = Key::of(&self.live.id).feed(&feed);
            let hint = feed.0.first_chunk().copied().ok_or(StoreError::Damaged)?;
            for row in reader.prefix(QUARANTINE, &prefix)? {
                // What had to give its place to another has an id behind it.
                let (key, _) = row?;
                let seq = key.get(prefix.len()..).and_then(|rest| rest.first_chunk()).ok_or(StoreError::Damaged)?;
                places.entry(hint).or_default().insert(u32::from_be_bytes(*seq));
            }
        }
        Ok(places)
    }

    /// The sealed objects that this device lacks: snapshots that reach further than what is here, the furthest first;
    /// attached files that entries name; and snapshots of others that wait to be confirmed by a device that has what they
    /// stand for. Once a snapshot was taken, fewer of the others are wanted.
    ///
    /// # Errors
    /// The store's.
    pub fn wanted_objects(&self) -> Result<Vec<Wanted>, RecordError> {
        let mut wanted: Vec<Wanted> = self.snapshots_wanted()?.into_iter().map(Wanted::Snapshot).collect();
        let reader = self.store.read()?;
        let mut to_confirm = BTreeSet::new();
        for section in self.live.members.current().sections() {
            for object in self.live.members.current().objects(&section) {
                let is_to_confirm = object.kind == ObjectKind::Snapshot
                    && !object.is_confirmed
                    && !object.devices.contains(&self.live.row.device)
                    && !self.live.members.current().is_overruled(object)
                    && !self.is_rejected(&reader, object)?;
                if is_to_confirm && self.blobs.sealed_bytes(&reader, &object.object)?.is_none() {
                    to_confirm.insert(Wanted::Snapshot(object.object));
                }
            }
        }
        to_confirm.retain(|object| !wanted.contains(object));
        let files: BTreeSet<Wanted> = self.missing_files()?.iter().map(|file| Wanted::File(file.object)).collect();
        wanted.extend(files);
        wanted.extend(to_confirm);
        Ok(wanted)
    }

    /// Whether a device of the record may be given this object: an entry names it, or an operation publishes it.
    ///
    /// # Errors
    /// The store's.
    pub fn serves_object(&self, object: &ObjectId) -> Result<bool, RecordError> {
        let membership = self.live.members.current();
        let sections = membership.sections();
        let is_published =
            sections.iter().any(|section| membership.objects(section).any(|published| published.object == *object));
        Ok(is_published || self.names_file(object)?)
    }

    /// The sealed objects that this device has and may give: attached files and snapshots.
    ///
    /// # Errors
    /// The store's.
    pub fn held_objects(&self) -> Result<Vec<ObjectId>, RecordError> {
        let reader = self.store.read()?;
        let membership = self.live.members.current();
        let mut objects: BTreeSet<ObjectId> = self.named_files()?.into_iter().collect();
        for section in membership.sections() {
            objects.extend(membership.objects(&section).map(|published| published.object));
        }
        let mut held = Vec::new();
        for object in objects {
            if self.blobs.sealed_bytes(&reader, &object)?.is_some() {
                held.push(object);
            }
        }
        Ok(held)
    }

    /// A sealed file of `sealed_bytes` bytes that comes in plain parts, resumed where an earlier attempt ended.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn download(&self, object: &ObjectId, sealed_bytes: u64) -> Result<Download, ReceiveError> {
        self.blobs.download(object, sealed_bytes)
    }

    /// Keeps a file that came whole, once all of it was compared with its name.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn keep_download(&mut self, download: Download) -> Result<ObjectId, ReceiveError> {
        let mut writer = self.store.write(Durability::Acknowledged)?;
        let object = download.finish(self.blobs, &mut writer)?;
        writer.commit()?;
        Ok(object)
    }

    /// Takes in a snapshot whose sealed bytes are here: checks it, and merges it into its volume.
    ///
    /// # Errors
    /// As [`Record::receive_snapshot`].
    pub fn take_snapshot(&mut self, object: &ObjectId) -> Result<(), TakeSnapshotError> {
        let limit = u64::try_from(SNAPSHOT_SEALED_BYTES_MAX).unwrap_or(u64::MAX);
        let sealed = self.blobs.read_sealed(&self.store.read()?, object, limit).map_err(RecordError::from)?;
        self.receive_snapshot(&sealed)
    }

    /// Notes what came from a peer or a file as to be sent to the relay, which may never see its author again.
    ///
    /// # Errors
    /// The store's.
    pub fn pass_on(&mut self, feed: &FeedId, seqs: std::ops::RangeInclusive<u32>) -> Result<(), RecordError> {
        self.commit(|record, writer| {
            for seq in seqs {
                if record.stored(writer, feed, seq)?.is_some() {
                    record.enqueue(writer, &OutboxRow::Envelope { feed: *feed, seq })?;
                }
            }
            Ok(())
        })
    }

    /// The same of a sealed file, once.
    ///
    /// # Errors
    /// The store's.
    pub fn pass_on_file(&mut self, object: &ObjectId) -> Result<(), RecordError> {
        self.commit(|record, writer| {
            let key = Key::of(&record.live.id).object(object);
            if record.live.row.relay.is_some() && writer.get(OBJECT, &key)?.is_none() {
                writer.put(OBJECT, &key, &[])?;
                record.enqueue(writer, &OutboxRow::Object { object: *object })?;
            }
            Ok(())
        })
    }

    /// Where other devices of the record were last reached directly, the latest first.
    pub fn peers(&self) -> Vec<RelayAddress> {
        self.live.row.peers.iter().filter_map(|peer| peer.parse().ok()).collect()
    }

    /// Remembers where a device of the record was reached directly.
    ///
    /// # Errors
    /// The store's.
    pub fn note_peer(&mut self, peer: &RelayAddress) -> Result<(), RecordError> {
        let peer = peer.to_string();
        self.commit(|record, _| {
            let peers = &mut record.live.row.peers;
            peers.retain(|known| *known != peer);
            peers.insert(0, peer);
            peers.truncate(PEERS_MAX);
            Ok(())
        })
    }

    /// 16 random bytes: the nonce of an exchange by file.
    pub fn fresh_nonce(&mut self) -> [u8; 16] {
        self.door.bytes()
    }

    /// Offers everything that this device holds again: the relay has lost its store, or is a new one.
    ///
    /// # Errors
    /// The store's.
    pub fn offer_again(&mut self) -> Result<(), RecordError> {
        let objects = self.held_objects()?;
        self.commit(|record, writer| {
            for object in objects {
                writer.put(OBJECT, &Key::of(&record.live.id).object(&object), &[])?;
                record.enqueue(writer, &OutboxRow::Object { object })?;
            }
            let ids: Vec<OpId> = record.live.members.ops().map(carnet_protocol::membership::Op::id).collect();
            for op in ids {
                record.enqueue(writer, &OutboxRow::Op { op })?;
            }
            let rows: Vec<_> = writer.prefix(ENVELOPE, &Key::of(&record.live.id))?.collect::<Result<_, _>>()?;
            for (key, _) in rows {
                let place = key.last_chunk::<20>().ok_or(StoreError::Damaged)?;
                let (feed, seq) = place.split_first_chunk::<16>().ok_or(StoreError::Damaged)?;
                let seq = seq.first_chunk::<4>().map(|seq| u32::from_be_bytes(*seq)).ok_or(StoreError::Damaged)?;
                record.enqueue(writer, &OutboxRow::Envelope { feed: FeedId(*feed), seq })?;
            }
            Ok(())
        })
    }
}

/// Addresses of other devices that are remembered.
const PEERS_MAX: usize = 8;

/// The relays that an operation names.
fn named_relays(body: &Body) -> Option<PublicKey> {
    match body {
        Body::Genesis(genesis) => genesis.relay.as_ref().map(|relay| relay.signing),
        Body::SetRelay(relay) => Some(relay.signing),
        _ => None,
    }
}

/// The KEM keys that an operation names by hash.
pub(crate) fn named_kems(body: &Body) -> Vec<KemHash> {
    let of_roots = |roots: &[RootKey]| roots.iter().map(|root| root.kem).collect::<Vec<_>>();
    match body {
        Body::Genesis(genesis) => [of_roots(&genesis.roots), vec![genesis.device.kem]].concat(),
        Body::DeviceAdd(add) => vec![add.keys.kem],
        Body::Recover(recover) => [of_roots(&recover.roots), vec![recover.device.keys.kem]].concat(),
        _ => Vec::new(),
    }
}
