//! Records whose envelopes are signed for real and sealed with nothing: a relay cannot tell.

use std::collections::BTreeSet;

use carnet_crypto::{
    digest,
    door::UnixMillis,
    id::{DeviceId, EnvelopeId, EpochId, Incarnation, RecordId, SectionId, VolumeId},
    sign::{PublicKey, SigningKey},
};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeKind, Header, NO_PREDECESSOR},
    frame::{Item, SectionRef, SentOperation},
    membership::{
        HeadsDigest, MembershipLog, OpDraft, Receipts,
        body::{Body, DeviceKeys, Genesis, Rekey, RelayKeys, RootClass, RootKey, SectionRekey},
        detached::{Detached, KemHash, ProvedWrap, SealedKeys, kem_hash},
        device_id,
    },
};

use crate::report::Failure;

/// The section that everything is written to.
pub(crate) const SECTION: SectionId = SectionId([1; 16]);
/// When the stories begin: before the present, so that no clock is behind them.
const START_MS: u64 = 1_750_000_000_000;

/// A record with one device, which writes one feed.
pub(crate) struct Story {
    /// Its device.
    pub(crate) device: DeviceId,
    /// The key of its device.
    pub(crate) key: SigningKey,
    /// What the relay is given first.
    pub(crate) genesis: SentOperation,
    /// What follows: keys for [`SECTION`].
    pub(crate) rekey: SentOperation,
    log: MembershipLog,
    epoch: EpochId,
    incarnation: Incarnation,
    last: EnvelopeId,
    seq: u32,
}

impl Story {
    /// A record at the relay with this key; `number` makes it another one.
    pub(crate) fn new(relay: &PublicKey, number: u64) -> Result<Self, Failure> {
        let salt = digest::hash("figures", &[&number.to_le_bytes()]);
        let (seed, root_seed) =
            (digest::hash("figures", &[&salt, b"owner"]), digest::hash("figures", &[&salt, b"root"]));
        let (key, root) = (SigningKey::from_seed(&seed), SigningKey::from_seed(&root_seed));
        let device = device_id(&salt, &key.public());
        let kem = [Detached::Kem(Box::new([1; 1_216])), Detached::Kem(Box::new([2; 1_216]))];
        let incarnation = Incarnation([7; 8]);
        let keys = DeviceKeys {
            signing: key.public(),
            kem: KemHash(kem[0].hash()),
            generation: 0,
            transport: seed,
            incarnation,
        };
        let genesis = Genesis {
            key_salt: salt,
            roots: vec![RootKey { class: RootClass::Paper, signing: root.public(), kem: KemHash(kem[1].hash()) }],
            device: keys,
            year: 2026,
            relay: Some(RelayKeys {
                signing: *relay,
                kem: kem_hash(b"none"),
                transport: relay.0,
                addresses: vec!["127.0.0.1:1".to_owned()],
            }),
        };
        let (record, op) = OpDraft::genesis(genesis, UnixMillis(START_MS), &key).map_err(|_| "no genesis")?;
        let mut log = MembershipLog::new(record);
        drop(log.insert(op.bytes()));
        let parts = kem.iter().map(Detached::encode).collect();
        let genesis = SentOperation { op: op.bytes().to_vec(), parts, receipts: Vec::new() };
        let (epoch, body, parts) = rekey(&log);
        let draft =
            OpDraft { parents: log.heads(), author: device, counter: 1, time: UnixMillis(START_MS + 1_000), body };
        let op = draft.sign(&record, &key).map_err(|_| "no rekey")?;
        drop(log.insert(op.bytes()));
        let rekey = SentOperation { op: op.bytes().to_vec(), parts, receipts: Vec::new() };
        Ok(Self { device, key, genesis, rekey, log, epoch, incarnation, last: NO_PREDECESSOR, seq: 0 })
    }

    /// The id of the record.
    pub(crate) fn record(&self) -> RecordId {
        self.log.record()
    }

    /// The next envelope of its feed, of about `bytes` bytes in all.
    pub(crate) fn write(&mut self, bytes: usize) -> Result<Item, Failure> {
        let heads = HeadsDigest::of(&self.log.heads());
        let context = EnvelopeContext {
            record: self.log.record(),
            section: SECTION,
            volume: VolumeId(0),
            kind: EnvelopeKind::Changes,
            device: self.device,
            key: self.key.public(),
            incarnation: self.incarnation,
            previous: self.last,
            heads,
            epoch: self.epoch,
        };
        self.seq += 1;
        let content = bytes.saturating_sub(132).max(112);
        let header = Header::new(&context, self.seq, self.seq == 1, u32::try_from(content)?);
        let envelope =
            Envelope::sign(&context, header, [3; 24], vec![9; content + 16], &self.key).map_err(|_| "no envelope")?;
        self.last = envelope.id(&context).map_err(|_| "no id")?;
        Ok(Item::Envelope(SectionRef::Named(SECTION), envelope.encode()))
    }
}

/// Keys for the section, wrapped to everybody with bytes that open nothing.
fn rekey(log: &MembershipLog) -> (EpochId, Body, Vec<Vec<u8>>) {
    let membership = log.evaluate(&Receipts::new(), None);
    let plan = membership.rekey_plan(&[SECTION], UnixMillis(START_MS + 1_000), |_, _| true);
    let epoch = EpochId(digest::hash("figures", &[&SECTION.0, b"epoch"]));
    let sections = plan.parents.iter().map(|(section, parents)| SectionRekey {
        section: *section,
        parents: parents.clone(),
        epoch,
        ladder: None,
        inbox: None,
    });
    let readers: BTreeSet<DeviceId> =
        plan.readers.iter().flat_map(|(_, readers)| readers.iter().map(|reader| reader.device)).collect();
    let wraps: Vec<_> = readers.into_iter().map(|recipient| SealedKeys { recipient, sealed: vec![7; 1_200] }).collect();
    let (root, _) = ProvedWrap::tree(wraps.clone());
    let parts = wraps.into_iter().map(|keys| Detached::Wrap(keys).encode()).collect();
    (epoch, Body::Rekey(Rekey { sections: sections.collect(), recipients: plan.digest, wraps: root }), parts)
}
