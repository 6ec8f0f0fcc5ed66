//! A relay in this process, and the far end of its streams.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    id::{EnvelopeId, RecordId, SectionId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{Head, KnownHeads, SignedCheckpoint},
    frame::{
        Batch, Cause, Create, Cursor, Frame, FrameHeader, Hello, Item, Mismatch, Pull, Push, Pushed, RELAY_ALPN,
        RelayAddress, SentOperation, StreamRole, Tail, hello::EXPORTER_LABEL,
    },
};
use carnet_relay::{Policy, ServeOptions, init, serve};
use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Connection, RecvStream, SendStream, presets},
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::world::{START, Who, World};

const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that a story moves.
pub(crate) struct StoryClock(AtomicU64);

impl StoryClock {
    pub(crate) fn advance(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// A relay that runs in this process.
pub(crate) struct RunningRelay {
    pub(crate) address: RelayAddress,
    pub(crate) clock: Arc<StoryClock>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), carnet_relay::ServeError>>,
}

impl RunningRelay {
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_at(data, START + 3_600_000).await
    }

    pub(crate) async fn start_at(data: &Path, now: u64) -> Self {
        let clock = Arc::new(StoryClock(AtomicU64::new(now)));
        let (stop, stopped) = oneshot::channel();
        let (said, heard) = oneshot::channel();
        let options = ServeOptions { data: data.to_owned(), listen: vec!["127.0.0.1:0".parse().unwrap()] };
        let own_clock = Arc::clone(&clock);
        let task =
            tokio::spawn(serve(options, own_clock, move |address| said.send(address.clone()).unwrap(), async move {
                let _ = stopped.await;
            }));
        let Ok(address) = heard.await else { panic!("{:?}", task.await) };
        Self { address, clock, stop: Some(stop), task }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(PATIENCE, self.task).await.expect("the relay stops").unwrap().unwrap();
    }
}

/// A folder with a relay that takes records from everybody.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    init(&folder.path().join("relay"), Policy::Open, &mut rand::rng()).unwrap();
    folder
}

/// An endpoint of one device.
pub(crate) struct Device {
    pub(crate) endpoint: Endpoint,
}

impl Device {
    pub(crate) async fn new(seed: u8) -> Self {
        let endpoint = Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(&[seed; 32]))
            .relay_mode(RelayMode::Disabled)
            .clear_ip_transports()
            .bind_addr("127.0.0.1:0")
            .unwrap()
            .bind()
            .await
            .unwrap();
        Self { endpoint }
    }

    pub(crate) async fn connect(&self, address: &RelayAddress) -> Connection {
        let id = iroh::PublicKey::from_bytes(&address.key.0).unwrap();
        let sockets = address.addresses.iter().copied().map(TransportAddr::Ip);
        let address = EndpointAddr::from_parts(id, sockets);
        timeout(PATIENCE, self.endpoint.connect(address, RELAY_ALPN)).await.unwrap().unwrap()
    }
}

pub(crate) fn exporter(connection: &Connection) -> [u8; 32] {
    let mut exporter = [0; 32];
    connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").unwrap();
    exporter
}

/// One stream.
pub(crate) struct Line {
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
}

impl Line {
    pub(crate) async fn open(connection: &Connection) -> Self {
        let (send, receive) = connection.open_bi().await.unwrap();
        Self { send, receive }
    }

    pub(crate) async fn say(&mut self, frame: &Frame) {
        self.send.write_all(&frame.encode()).await.unwrap();
    }

    /// The next frame, or nothing when the stream has ended.
    pub(crate) async fn hear(&mut self) -> Option<Frame> {
        timeout(PATIENCE, async {
            let mut header = [0; FrameHeader::BYTES];
            self.receive.read_exact(&mut header).await.ok()?;
            let header = FrameHeader::parse(header).unwrap();
            let mut body = vec![0; header.body_bytes];
            self.receive.read_exact(&mut body).await.ok()?;
            Some(Frame::decode(header, &body).unwrap())
        })
        .await
        .expect("an answer within 30 s")
    }

    pub(crate) async fn ask(&mut self, frame: &Frame) -> Frame {
        self.say(frame).await;
        self.hear().await.expect("an answer")
    }

    /// Every byte until the stream ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        timeout(PATIENCE, self.receive.read_to_end(1 << 20)).await.unwrap().unwrap_or_default()
    }
}

/// What a pull brought.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) operations: Vec<SentOperation>,
    pub(crate) views: usize,
    pub(crate) tails: Vec<Tail>,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) checkpoint: Option<SignedCheckpoint>,
    pub(crate) bytes: usize,
}

impl Brought {
    pub(crate) fn envelopes(&self, section: SectionId) -> Vec<Vec<u8>> {
        let tails = self.tails.iter().filter(|tail| tail.section == section);
        tails.flat_map(|tail| tail.envelopes.iter().cloned()).collect()
    }
}

/// A device of a record on one stream, with what it knows of the relay's logs.
pub(crate) struct Client {
    pub(crate) line: Line,
    pub(crate) connection: Connection,
    pub(crate) record: RecordId,
    pub(crate) relay: PublicKey,
    pub(crate) known: KnownHeads,
    pub(crate) views: u64,
    pub(crate) store_epoch: u64,
}

impl Client {
    pub(crate) async fn hello(device: &Device, relay: &RelayAddress, world: &World, who: &Who) -> Self {
        Self::try_hello(device, relay, world, who).await.expect("welcome")
    }

    pub(crate) async fn try_hello(device: &Device, relay: &RelayAddress, world: &World, who: &Who) -> Option<Self> {
        let connection = device.connect(relay).await;
        let record = world.record();
        let proof = StreamRole::Device.prove(&who.key(), &record, &exporter(&connection));
        let mut line = Line::open(&connection).await;
        match line.ask(&Frame::Hello(Hello { record, device: who.id, proof })).await {
            Frame::Welcome => Some(Self::on(line, connection, record, relay)),
            Frame::Refused => None,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn create(device: &Device, relay: &RelayAddress, world: &World) -> Self {
        Self::try_create(device, relay, world).await.expect("welcome")
    }

    pub(crate) async fn try_create(device: &Device, relay: &RelayAddress, world: &World) -> Option<Self> {
        let connection = device.connect(relay).await;
        let record = world.record();
        let proof = StreamRole::Device.prove(&world.owner.key(), &record, &exporter(&connection));
        let mut line = Line::open(&connection).await;
        let create = Create { token: relay.token, proof, genesis: world.genesis() };
        match line.ask(&Frame::Create(create)).await {
            Frame::Welcome => Some(Self::on(line, connection, record, relay)),
            Frame::Refused => None,
            other => panic!("{other:?}"),
        }
    }

    fn on(line: Line, connection: Connection, record: RecordId, relay: &RelayAddress) -> Self {
        let known = KnownHeads::default();
        Self { line, connection, record, relay: relay.key, known, views: 0, store_epoch: 0 }
    }

    /// The pull that asks for what is new since the last.
    pub(crate) fn next_pull(&mut self, take_snapshots: bool) -> Pull {
        self.known.sections.retain(|_, head| head.position > 0);
        let membership = self.known.membership.unwrap_or(Head::START);
        let sections =
            self.known.sections.iter().map(|(id, head)| (*id.0.first_chunk().unwrap(), Cursor::at(head))).collect();
        self.known.restart(Some(membership), self.known.sections.clone());
        let membership = Cursor::at(&membership);
        Pull { store_epoch: self.store_epoch, take_snapshots, membership, views: self.views, sections }
    }

    pub(crate) async fn pull(&mut self, world: &mut World) -> Brought {
        let pull = self.next_pull(false);
        self.line.say(&Frame::Pull(pull)).await;
        self.brought(world, Cause::Pull).await
    }

    pub(crate) async fn pull_snapshots(&mut self, world: &mut World) -> Brought {
        let pull = self.next_pull(true);
        self.line.say(&Frame::Pull(pull)).await;
        self.brought(world, Cause::Pull).await
    }

    /// Hears a whole answer, follows the chains, and checks the checkpoint.
    pub(crate) async fn brought(&mut self, world: &mut World, cause: Cause) -> Brought {
        let mut brought = Brought::default();
        loop {
            let frame = self.line.hear().await.expect("the stream goes on");
            brought.bytes += frame.encode().len();
            match frame {
                Frame::Operations(batch) => self.follow_operations(world, batch, &mut brought),
                Frame::Tail(tail) => {
                    if tail.bases.is_some() {
                        self.known.forget(&tail.section);
                    } else {
                        for envelope in &tail.envelopes {
                            self.known.expect_envelope(&tail.section, &identify(tail.section, envelope));
                        }
                    }
                    brought.tails.push(tail);
                }
                Frame::Vector(_) => {}
                Frame::Pulled(pulled) => {
                    assert_eq!(pulled.cause, cause);
                    brought.mismatches = pulled.mismatches;
                    if let Some(short) = pulled.checkpoint {
                        brought.checkpoint = Some(self.check(&short));
                    }
                    return brought;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn follow_operations(&mut self, world: &mut World, batch: Batch, brought: &mut Brought) {
        for operation in &batch.operations {
            let op = carnet_protocol::membership::Op::decode(&operation.op).unwrap();
            self.known.expect_operation(&op.id());
            let receipt = operation.receipts.first().expect("the relay's own receipt");
            world.learn_receipt(&op.id(), receipt);
            let _ = world.log.insert(&operation.op);
        }
        self.views += u64::try_from(batch.views.len()).unwrap();
        brought.views += batch.views.len();
        brought.operations.extend(batch.operations);
    }

    fn check(&mut self, short: &carnet_protocol::checkpoint::ShortCheckpoint) -> SignedCheckpoint {
        let signed = self.known.complete(self.record, short).expect("it completes");
        signed.verify(&self.relay).expect("the relay signed it");
        self.store_epoch = signed.checkpoint.store_epoch;
        signed
    }

    /// Pushes, and checks what the relay says of it. `ids` are those of the envelopes, in order.
    pub(crate) async fn push(&mut self, world: &mut World, items: Vec<Item>) -> Pushed {
        self.line.say(&Frame::Push(Push { items: items.clone() })).await;
        self.pushed(world, &items).await
    }

    pub(crate) async fn pushed(&mut self, world: &mut World, items: &[Item]) -> Pushed {
        let pushed = match self.line.hear().await {
            Some(Frame::Pushed(pushed)) => pushed,
            other => panic!("{other:?}"),
        };
        let refused: BTreeMap<u16, _> = pushed.refusals.iter().copied().collect();
        for (index, item) in (0_u16..).zip(items).filter(|(index, _)| !refused.contains_key(index)) {
            match item {
                Item::Operation(sent) => {
                    let op = carnet_protocol::membership::Op::decode(&sent.op).unwrap().id();
                    self.known.expect_operation(&op);
                    let receipt = pushed.receipts.iter().find(|(at, _)| *at == index).expect("a receipt");
                    world.learn_receipt(&op, &receipt.1);
                }
                Item::View(_) => {}
                Item::Envelope(carnet_protocol::frame::SectionRef::Named(section), bytes) => {
                    self.known.expect_envelope(section, &identify(*section, bytes));
                }
                Item::Envelope(..) => panic!("tests name sections"),
            }
        }
        self.check(&pushed.checkpoint);
        pushed
    }
}

/// The id of an envelope. A device computes it; a story remembers it.
fn identify(section: SectionId, bytes: &[u8]) -> EnvelopeId {
    IDS.with_borrow(|ids| ids.get(&(section, bytes.to_vec())).copied()).expect("an envelope of this story")
}

thread_local! {
    /// Every envelope that was written in this test.
    pub(crate) static IDS: std::cell::RefCell<std::collections::HashMap<(SectionId, Vec<u8>), EnvelopeId>> =
        std::cell::RefCell::default();
}
