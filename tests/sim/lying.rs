//! A relay that may lie, written from the frames up: it keeps everything that was ever pushed, and shows each device a
//! history of its own making, with checkpoints and receipts under the relay's true key. Left alone, it is honest.
//!
//! It never had a key of the record, and nothing of this module is part of the product.

mod books;
mod slots;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use carnet_crypto::{
    door::UnixMillis,
    id::{EnvelopeId, RecordId, SectionId},
    sign::SigningKey,
};
use carnet_protocol::{
    frame::{Frame, FrameHeader, SlotRead},
    membership::Op,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Duration, sleep},
};

pub(crate) use self::books::{Books, Logged, LoggedEnvelope, Shown, place_of};
pub(crate) use self::slots::{Side, Slot, Slots};
use crate::{
    device::START,
    executor::NodeId,
    network::{Incoming, Net, Opened},
};

/// Between two looks into a slot.
const SLOT_PAUSE: Duration = Duration::from_millis(250);

/// The id of an envelope, which a relay computes from the membership log.
type Identify = Box<dyn Fn(&RecordId, &SectionId, &[u8]) -> Option<EnvelopeId>>;

/// The lying relay.
#[derive(Clone)]
pub(crate) struct Lying(Rc<Inner>);

struct Inner {
    net: Net,
    key: [u8; 32],
    identify: Identify,
    books: RefCell<BTreeMap<RecordId, Books>>,
    slots: RefCell<Slots>,
}

/// What one stream is about.
struct Stream {
    from: NodeId,
    exporter: [u8; 32],
    record: Option<RecordId>,
    /// Whether it was opened by one who names nothing but a slot.
    is_strangers: bool,
}

impl Lying {
    pub(crate) fn new(net: &Net, key: [u8; 32], identify: Identify) -> Self {
        let (books, slots) = (RefCell::default(), RefCell::default());
        Self(Rc::new(Inner { net: net.clone(), key, identify, books, slots }))
    }

    /// Looks at, or changes, the slots of invitations.
    pub(crate) fn slots<T>(&self, work: impl FnOnce(&mut Slots) -> T) -> T {
        work(&mut self.0.slots.borrow_mut())
    }

    /// A relay with the same key that holds the same, and goes on by itself.
    pub(crate) fn copy_to(&self, other: &Self) {
        let copies = self.0.books.borrow().iter().map(|(record, books)| (*record, books.copy())).collect();
        *other.0.books.borrow_mut() = copies;
    }

    /// Looks at, or changes, what is kept of a record.
    pub(crate) fn books<T>(&self, record: &RecordId, work: impl FnOnce(&mut Books) -> T) -> T {
        work(self.0.books.borrow_mut().get_mut(record).expect("somebody brought the record"))
    }

    /// What a device would be shown of a record now; nothing when the record was never brought here.
    pub(crate) fn shown_to(&self, record: &RecordId, to: NodeId) -> Option<Shown> {
        Some(self.0.books.borrow_mut().get_mut(record)?.shown_to(to))
    }

    /// Serves a stream to its end.
    pub(crate) async fn answer(self, opened: Opened) {
        let Opened { from, exporter, mut incoming, mut outgoing, .. } = opened;
        let mut stream = Stream { from, exporter, record: None, is_strangers: false };
        while let Some(frame) = self.hear(&mut incoming).await {
            if let Frame::SlotRead(asked) = &frame {
                self.wait_in_slot(&stream, asked).await;
            }
            let frames = self.respond(&mut stream, frame);
            for frame in frames {
                if outgoing.write_all(&frame.encode()).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn hear(&self, incoming: &mut Incoming) -> Option<Frame> {
        let mut header = [0; FrameHeader::BYTES];
        incoming.read_exact(&mut header).await.ok()?;
        let header = FrameHeader::parse(header).ok()?;
        let mut body = vec![0; header.body_bytes];
        incoming.read_exact(&mut body).await.ok()?;
        Frame::decode(header, &body).ok()
    }

    /// Waits until there is more in a slot than was seen, as long as was asked for.
    async fn wait_in_slot(&self, stream: &Stream, asked: &SlotRead) {
        let until = self.0.net.now() + asked.wait_ms;
        while self.0.net.now() < until && !self.slots(|slots| slots.has_more(stream.reader(), asked)) {
            sleep(SLOT_PAUSE).await;
        }
    }

    fn respond(&self, stream: &mut Stream, frame: Frame) -> Vec<Frame> {
        stream.is_strangers |= matches!(frame, Frame::SlotEnter(_));
        if let Some(answer) = self.slots(|slots| slots.respond(stream.reader(), &frame)) {
            return vec![answer];
        }
        match &frame {
            Frame::Hello(hello) => {
                let books = self.0.books.borrow();
                let is_known = books.get(&hello.record).is_some_and(|books| books.devices.contains(&hello.device));
                stream.record = is_known.then_some(hello.record);
                return vec![if is_known { Frame::Welcome } else { Frame::Refused }];
            }
            Frame::Create(create) => {
                let Ok(op) = Op::decode(&create.genesis.op) else { return vec![Frame::Refused] };
                let record = RecordId(op.id().0);
                stream.record = Some(record);
                let mut all = self.0.books.borrow_mut();
                let books = all
                    .entry(record)
                    .or_insert_with(|| Books::new(record, Rc::new(SigningKey::from_seed(&self.0.key))));
                books.take_op(stream.from, create.genesis.clone());
                return vec![Frame::Welcome];
            }
            _ => {}
        }
        let Some(record) = stream.record else { return vec![Frame::Refused] };
        let now = UnixMillis(START + self.0.net.now());
        let mut all = self.0.books.borrow_mut();
        let Some(books) = all.get_mut(&record) else { return vec![Frame::Refused] };
        let answers = books.respond(stream, frame, now, &self.0.identify);
        answers.into_iter().flat_map(|frame| (books.alters)(stream.from, frame, &books.truth)).collect()
    }
}

impl Stream {
    fn reader(&self) -> Side {
        if self.is_strangers { Side::Joiner(self.from) } else { Side::Inviter }
    }
}
