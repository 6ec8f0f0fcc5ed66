//! The network between the nodes of a world: connections and streams as QUIC gives them, over links that delay, hold back
//! and break.
//!
//! A stream is reliable and ordered until its connection breaks; a datagram that is lost, doubled or overtaken shows as a
//! delay, and streams overtake each other freely. A break may fall between any two bytes. Every chunk that arrives is in
//! the trace, with its bytes.

mod ends;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
    time::Duration,
};

use carnet_crypto::{digest, sign::PublicKey};
use carnet_sync::{Carrier, Connected, Connection, Soon};
use carnet_vault::RelayAddress;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

pub(crate) use self::ends::{Incoming, Outgoing};
use crate::{disk::Disk, executor::NodeId, trace::Trace};

/// Bytes of one stream and direction that may be on their way or unread.
const WINDOW_BYTES: usize = 256 << 10;
/// A connection over a link that is held back for so long breaks at both ends.
const IDLE_MS: u64 = 30_000;

/// What a link does to what passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Longest delay of a chunk that is not lost, in milliseconds.
    pub(crate) delay_ms_max: u64,
    /// Of 1,000 chunks, how many are lost and sent again after a while.
    pub(crate) lost: u32,
    /// Of 1,000 chunks, how many break their connection.
    pub(crate) broken: u32,
}

impl Weather {
    /// Nothing is lost.
    pub(crate) const FAIR: Self = Self { delay_ms_max: 20, lost: 0, broken: 0 };
}

/// The network of a world.
#[derive(Clone)]
pub(crate) struct Net(Arc<Mutex<State>>, Arc<Notify>);

struct State {
    rng: StdRng,
    start: Instant,
    weather: Weather,
    /// Links in one direction that hold everything back, and since when.
    held: BTreeMap<(NodeId, NodeId), u64>,
    nodes: BTreeMap<NodeId, NodeState>,
    connections: BTreeMap<u64, Conn>,
    pipes: BTreeMap<u64, Pipe>,
    events: BTreeMap<(u64, u64), Event>,
    opened: VecDeque<Opened>,
    next: u64,
    chunks: u64,
    breaks: u64,
    trace: Trace,
}

struct NodeState {
    key: PublicKey,
    disk: Option<Disk>,
    is_up: bool,
}

struct Conn {
    from: NodeId,
    to: NodeId,
    exporter: [u8; 32],
    is_broken: bool,
}

/// One direction of one stream.
struct Pipe {
    connection: u64,
    from: NodeId,
    to: NodeId,
    /// Chunks that a held link keeps.
    waiting: VecDeque<Piece>,
    arrived: VecDeque<u8>,
    in_flight: usize,
    last_due: u64,
    is_finished: bool,
    has_ended: bool,
    is_unwanted: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

enum Piece {
    Bytes(Vec<u8>),
    End,
}

enum Event {
    Arrive(u64, Piece),
    Break(u64),
    Idle(NodeId, NodeId, u64),
    Open(Box<Opened>),
}

/// A stream that somebody opened to a node.
pub(crate) struct Opened {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) exporter: [u8; 32],
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
}

impl Net {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let state = State {
            rng: StdRng::seed_from_u64(seed),
            start: Instant::now(),
            weather: Weather::FAIR,
            held: BTreeMap::new(),
            nodes: BTreeMap::new(),
            connections: BTreeMap::new(),
            pipes: BTreeMap::new(),
            events: BTreeMap::new(),
            opened: VecDeque::new(),
            next: 0,
            chunks: 0,
            breaks: 0,
            trace,
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Milliseconds since the world began.
    pub(crate) fn now(&self) -> u64 {
        self.state().now()
    }

    /// A node is reached under this key from now on; with its disk it falls silent.
    pub(crate) fn join(&self, node: NodeId, key: PublicKey, disk: Option<Disk>) {
        self.state().nodes.insert(node, NodeState { key, disk, is_up: true });
    }

    /// A node is gone, without a word to anybody.
    pub(crate) fn vanish(&self, node: NodeId) {
        let mut state = self.state();
        if let Some(node) = state.nodes.get_mut(&node) {
            node.is_up = false;
        }
        let ends: Vec<u64> = state.connections_of(node);
        for connection in ends {
            // The other end finds out when it hears nothing any more, or is told by whoever starts there anew.
            let wait = state.rng.random_range(1..3_000);
            state.schedule(wait, Event::Break(connection));
        }
        drop(state);
        self.1.notify_one();
    }

    /// What every link does from now on.
    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// From now on the link holds back everything, in this direction.
    pub(crate) fn hold(&self, from: NodeId, to: NodeId) {
        let mut state = self.state();
        let now = state.now();
        state.held.insert((from, to), now);
        state.schedule(IDLE_MS, Event::Idle(from, to, now));
        state.trace.note(now, format_args!("link {from} to {to} holds back"));
        drop(state);
        self.1.notify_one();
    }

    /// All links let everything pass again, with what they have held.
    pub(crate) fn release_all(&self) {
        let mut state = self.state();
        let now = state.now();
        state.held.clear();
        let waiting: Vec<_> =
            state.pipes.iter_mut().map(|(pipe, at)| (*pipe, std::mem::take(&mut at.waiting))).collect();
        for (pipe, pieces) in waiting {
            for piece in pieces {
                state.send_piece(pipe, piece);
            }
        }
        state.trace.note(now, format_args!("every link is open"));
        drop(state);
        self.1.notify_one();
    }

    /// Where what happens is noted.
    pub(crate) fn trace(&self) -> Trace {
        self.state().trace.clone()
    }

    /// Chunks that arrived, and connections that broke.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.chunks, state.breaks)
    }

    /// Streams that somebody opened since this was last asked.
    pub(crate) fn take_opened(&self) -> VecDeque<Opened> {
        std::mem::take(&mut self.state().opened)
    }

    /// Lets things arrive in their time, for ever.
    pub(crate) async fn run(self) {
        loop {
            let due = self.state().events.first_key_value().map(|((due, _), _)| *due);
            let start = self.state().start;
            let next = async {
                match due {
                    Some(due) => sleep_until(start + Duration::from_millis(due)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = next => self.state().pass(),
                () = self.1.notified() => {}
            }
        }
    }

    fn round_trip(&self) -> u64 {
        let mut state = self.state();
        state.delay() + state.delay()
    }

    fn connect(&self, from: NodeId, key: &PublicKey) -> Option<SimConnection> {
        let mut state = self.state();
        let is_it = |(_, node): &(&NodeId, &NodeState)| node.key == *key && node.is_up;
        let to = *state.nodes.iter().find(is_it)?.0;
        if !state.speaks(from) || state.is_held(from, to) || state.is_held(to, from) {
            return None;
        }
        let connection = state.number();
        let mut exporter = [0; 32];
        state.rng.fill_bytes(&mut exporter);
        state.connections.insert(connection, Conn { from, to, exporter, is_broken: false });
        Some(SimConnection { net: self.clone(), connection, exporter })
    }

    fn open(&self, connection: u64) -> Option<carnet_sync::Ends> {
        let mut state = self.state();
        let conn = state.connections.get(&connection).filter(|conn| !conn.is_broken)?;
        let (from, to, exporter) = (conn.from, conn.to, conn.exporter);
        let there = state.pipe(connection, from, to);
        let back = state.pipe(connection, to, from);
        let half = |pipe| (Incoming { net: self.clone(), pipe }, Outgoing { net: self.clone(), pipe });
        let ((far_incoming, own_outgoing), (own_incoming, far_outgoing)) = (half(there), half(back));
        let opened = Opened { from, to, exporter, incoming: far_incoming, outgoing: far_outgoing };
        state.schedule(0, Event::Open(Box::new(opened)));
        drop(state);
        self.1.notify_one();
        Some(carnet_sync::Ends { incoming: Box::new(own_incoming), outgoing: Box::new(own_outgoing) })
    }

    fn close(&self, connection: u64) {
        let mut state = self.state();
        let wait = state.delay();
        state.schedule(wait, Event::Break(connection));
        drop(state);
        self.1.notify_one();
    }
}

impl State {
    fn now(&self) -> u64 {
        u64::try_from((Instant::now() - self.start).as_millis()).unwrap()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn schedule(&mut self, wait: u64, event: Event) {
        let key = (self.now() + wait, self.number());
        self.events.insert(key, event);
    }

    fn delay(&mut self) -> u64 {
        let weather = self.weather;
        let mut delay = self.rng.random_range(1..=weather.delay_ms_max);
        while self.rng.random_range(0..1_000) < weather.lost {
            delay += self.rng.random_range(50..400);
        }
        delay
    }

    fn is_held(&self, from: NodeId, to: NodeId) -> bool {
        self.held.contains_key(&(from, to))
    }

    /// Whether what a node says is still its own: a disk without power is a node without power.
    fn speaks(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_up && !node.disk.as_ref().is_some_and(Disk::is_dead))
    }

    fn connections_of(&self, node: NodeId) -> Vec<u64> {
        let of_node = |(_, conn): &(&u64, &Conn)| conn.from == node || conn.to == node;
        self.connections.iter().filter(of_node).map(|(connection, _)| *connection).collect()
    }

    fn pipe(&mut self, connection: u64, from: NodeId, to: NodeId) -> u64 {
        let pipe = self.number();
        let new = Pipe {
            connection,
            from,
            to,
            waiting: VecDeque::new(),
            arrived: VecDeque::new(),
            in_flight: 0,
            last_due: 0,
            is_finished: false,
            has_ended: false,
            is_unwanted: false,
            reader: None,
            writer: None,
        };
        self.pipes.insert(pipe, new);
        pipe
    }

    fn is_broken(&self, pipe: u64) -> bool {
        let connection = self.pipes.get(&pipe).and_then(|pipe| self.connections.get(&pipe.connection));
        connection.is_none_or(|connection| connection.is_broken)
    }

    /// Sends a piece on its way, after all that went before it.
    fn send_piece(&mut self, pipe: u64, piece: Piece) {
        let delay = self.delay();
        let due = self.now() + delay;
        let Some(at) = self.pipes.get_mut(&pipe) else { return };
        at.last_due = at.last_due.max(due);
        let key = (at.last_due, self.number());
        self.events.insert(key, Event::Arrive(pipe, piece));
    }

    /// Everything that is due happens.
    fn pass(&mut self) {
        let now = self.now();
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Event::Arrive(pipe, piece) => self.arrive(now, pipe, piece),
                Event::Break(connection) => self.break_off(now, connection),
                Event::Idle(from, to, since) if self.held.get(&(from, to)) == Some(&since) => {
                    let over = |conn: &Conn| (conn.from, conn.to) == (from, to) || (conn.from, conn.to) == (to, from);
                    let broken: Vec<u64> =
                        self.connections.iter().filter(|(_, conn)| over(conn)).map(|(number, _)| *number).collect();
                    for connection in broken {
                        self.break_off(now, connection);
                    }
                }
                Event::Idle(..) => {}
                Event::Open(opened) => self.opened.push_back(*opened),
            }
        }
    }

    fn arrive(&mut self, now: u64, pipe: u64, piece: Piece) {
        let weather = self.weather;
        let Some(at) = self.pipes.get(&pipe) else { return };
        let (from, to, connection) = (at.from, at.to, at.connection);
        if self.is_broken(pipe) {
            return;
        }
        if self.is_held(from, to) || !at.waiting.is_empty() {
            if let Some(at) = self.pipes.get_mut(&pipe) {
                at.waiting.push_back(piece);
            }
            return;
        }
        if self.rng.random_range(0..1_000) < weather.broken {
            return self.break_off(now, connection);
        }
        self.chunks += 1;
        match &piece {
            Piece::Bytes(bytes) => {
                self.trace
                    .note(now, format_args!("{from} to {to} {pipe}: {} bytes {:02x?}", bytes.len(), short(bytes)));
            }
            Piece::End => self.trace.note(now, format_args!("{from} to {to} {pipe}: end")),
        }
        let Some(at) = self.pipes.get_mut(&pipe) else { return };
        match piece {
            Piece::Bytes(bytes) => {
                at.in_flight -= bytes.len();
                if !at.is_unwanted {
                    at.arrived.extend(bytes);
                }
            }
            Piece::End => at.has_ended = true,
        }
        at.wake();
    }

    fn break_off(&mut self, now: u64, connection: u64) {
        let Some(conn) = self.connections.get_mut(&connection).filter(|conn| !conn.is_broken) else { return };
        conn.is_broken = true;
        self.breaks += 1;
        let (from, to) = (conn.from, conn.to);
        self.trace.note(now, format_args!("the connection {connection} of {from} and {to} is over"));
        for pipe in self.pipes.values_mut().filter(|pipe| pipe.connection == connection) {
            pipe.wake();
        }
    }
}

impl Pipe {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

fn short(bytes: &[u8]) -> [u8; 4] {
    digest::content_hash(bytes).first_chunk().copied().unwrap_or_default()
}

/// What a device reaches others by.
pub(crate) struct SimCarrier {
    pub(crate) net: Net,
    pub(crate) node: NodeId,
    pub(crate) address: RelayAddress,
}

impl Carrier for SimCarrier {
    fn address(&self) -> RelayAddress {
        self.address.clone()
    }

    fn connect<'a>(&'a self, address: &'a RelayAddress, _protocol: &'a [u8]) -> Soon<'a, Connected> {
        Box::pin(async move {
            let wait = self.net.round_trip();
            sleep(Duration::from_millis(wait)).await;
            match self.net.connect(self.node, &address.key) {
                Some(connection) => Ok(Box::new(connection) as Box<dyn Connection>),
                // Whoever is not there says nothing, not even that.
                None => std::future::pending().await,
            }
        })
    }

    fn close(&self) -> Soon<'_, ()> {
        Box::pin(async {})
    }
}

struct SimConnection {
    net: Net,
    connection: u64,
    exporter: [u8; 32],
}

impl Connection for SimConnection {
    fn exporter(&self) -> Option<[u8; 32]> {
        Some(self.exporter)
    }

    fn open(&self) -> Soon<'_, Option<carnet_sync::Ends>> {
        Box::pin(async { self.net.open(self.connection) })
    }

    fn close(&self) {
        self.net.close(self.connection);
    }
}
