//! Devices that find each other by calls, and strangers who call too. All of it goes over the loopback network.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use carnet_crypto::digest::hash;
use carnet_sync::{
    Carrier, Connected, Connection, Ends, Event, FailureKind, Node, Soon, SyncError, meet_nearby, serve_peers,
    sync_nearby,
};
use carnet_vault::{RecordId, RelayAddress};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split},
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use crate::{
    peers::carry,
    world::{Device, pair_by_hand},
};

/// Where calls go.
const CALLS: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 67, 78), 40_674);
/// Less than an address that swallows packets is otherwise called for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody on the network who sends what it heard of others again.
struct Stranger(UdpSocket);

impl Stranger {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Calls as `device` until somebody connects to this one, which answers nothing.
    async fn lure(&self, device: &RelayAddress) {
        let call = call([1; 16], device, self.port());
        while self.0.recv(&mut [0; 2_048]).is_err() {
            self.0.send_to(&call, CALLS).unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A call of `device` that says that it answers at `port`.
fn call(nonce: [u8; 16], device: &RelayAddress, port: u16) -> Vec<u8> {
    let tag = hash("local call", &[&nonce, &device.key.0]);
    [b"carnet/1 local\0".as_slice(), &nonce, &tag, &port.to_be_bytes()].concat()
}

/// A record on two devices; the first has the smaller key, so that it connects to the other.
async fn two(seed: u64) -> (Device, Device, RecordId) {
    let (mut one, mut two) = (Device::new(seed).await, Device::new(seed + 1).await);
    if one.node.address().key.0 > two.node.address().key.0 {
        (one, two) = (two, one);
    }
    let id = one.begin(None).record;
    pair_by_hand(&one, &two, &id);
    // By file, so that neither knows an address of the other.
    carry(&one, &two, &id).unwrap();
    (one, two, id)
}

/// `device` stays connected: it calls, and answers who connects.
async fn stay(device: &Device, id: &RecordId) {
    let (mut hush, mut tell) = (|_: Event| {}, |_| {});
    tokio::select! {
        () = serve_peers(&device.node, &device.vault, *id, &mut hush, std::future::pending()) => {}
        ended = meet_nearby(&device.node, &device.vault, *id, &mut tell, std::future::pending()) => ended.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_stranger_sends_again_keeps_no_device_from_being_found() {
    let (one, two, id) = two(150).await;
    one.add(&id, "latex");
    let (stranger, address) = (Stranger::new(), two.node.address());
    let staying = async {
        stranger.lure(&address).await;
        stay(&two, &id).await;
    };
    let mut hush = |_: Event| {};
    let found = tokio::select! {
        found = sync_nearby(&one.node, &one.vault, id, PATIENCE, &mut hush) => found,
        () = staying => unreachable!("it stays"),
    };
    assert!(found.is_ok(), "{found:?}");
    assert_eq!(two.labels(&id), ["latex"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_calls_on_while_it_tries_an_address_that_swallows_everything() {
    let (one, two, id) = two(152).await;
    let (stranger, address) = (Stranger::new(), two.node.address());
    let spy = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    spy.set_reuse_address(true).unwrap();
    spy.bind(&SocketAddr::from(CALLS).into()).unwrap();
    spy.join_multicast_v4(&CALLS.0, &Ipv4Addr::LOCALHOST).unwrap();
    spy.set_nonblocking(true).unwrap();
    let spy = tokio::net::UdpSocket::from_std(spy.into()).unwrap();
    let calls_on = async {
        stranger.lure(&address).await;
        let mut bytes = [0; 128];
        // What came before it tried says nothing.
        while spy.try_recv(&mut bytes).is_ok() {}
        let own = one.node.address().key.0;
        loop {
            let length = spy.recv(&mut bytes).await.unwrap();
            if length == 65 && bytes[31..63] == hash("local call", &[&bytes[15..31], &own]) {
                return;
            }
        }
    };
    let heard = tokio::select! {
        heard = timeout(PATIENCE, calls_on) => heard,
        () = stay(&one, &id) => unreachable!("it stays"),
    };
    assert!(heard.is_ok(), "it calls no more");
}

/// A network where whoever is called holds the right key and says what no device says. This device has no address in it but
/// every other time that it looks.
struct Lies {
    own: RelayAddress,
    is_away: AtomicBool,
}

impl Carrier for Lies {
    fn address(&self) -> RelayAddress {
        let away = self.is_away.swap(false, Ordering::SeqCst);
        RelayAddress { addresses: if away { vec![] } else { self.own.addresses.clone() }, ..self.own.clone() }
    }

    fn connect<'a>(&'a self, _: &'a RelayAddress, _: &'a [u8]) -> Soon<'a, Connected> {
        Box::pin(async { Ok(Box::new(Lie) as Box<dyn Connection>) })
    }

    fn close(&self) -> Soon<'_, ()> {
        Box::pin(async {})
    }
}

struct Lie;

impl Connection for Lie {
    fn exporter(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }

    fn open(&self) -> Soon<'_, Option<Ends>> {
        Box::pin(async {
            let (own, mut other) = duplex(1 << 20);
            let (incoming, outgoing) = split(own);
            tokio::spawn(async move {
                other.write_all(&[0xff; 64]).await.unwrap();
                // It takes whatever it is told, for as long as it is told anything.
                let _ = other.read_to_end(&mut Vec::new()).await;
            });
            Some(Ends { incoming: Box::new(incoming), outgoing: Box::new(outgoing) })
        })
    }

    fn close(&self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lies_and_a_network_that_is_away_are_told_and_end_nothing() {
    let (one, two, id) = two(154).await;
    let (caller, address) = (Stranger::new(), two.node.address());
    let own = RelayAddress { addresses: vec![(Ipv4Addr::LOCALHOST, 1).into()], ..one.node.address() };
    let node = Node::over(Lies { own: own.clone(), is_away: AtomicBool::new(true) });
    let (telling, mut told) = mpsc::unbounded_channel();
    let mut tell = move |event: Result<Event, SyncError>| telling.send(event).unwrap();
    let calls = async {
        let mut seconds = interval(Duration::from_secs(1));
        for nonce in 0_u64.. {
            seconds.tick().await;
            let nonce = hash("test", &[&nonce.to_be_bytes()])[..16].try_into().unwrap();
            caller.0.send_to(&call(nonce, &address, 1), CALLS).unwrap();
        }
    };
    let both = async { [told.recv().await.unwrap().unwrap_err(), told.recv().await.unwrap().unwrap_err()] };
    let [first, second] = tokio::select! {
        both = timeout(Duration::from_mins(1), both) => both.expect("both are told"),
        () = calls => unreachable!("it calls on"),
        ended = meet_nearby(&node, &one.vault, id, &mut tell, std::future::pending()) => panic!("it ended: {ended:?}"),
    };
    assert!(matches!(first, SyncError::Bind(_)), "{first:?}");
    assert_eq!(second.kind(), FailureKind::Integrity, "{second:?}");

    // Who exchanges once is told too.
    let calls = async {
        let mut seconds = interval(Duration::from_millis(200));
        for nonce in 1_000_000_u64.. {
            seconds.tick().await;
            let nonce = hash("test", &[&nonce.to_be_bytes()])[..16].try_into().unwrap();
            caller.0.send_to(&call(nonce, &address, 1), CALLS).unwrap();
        }
    };
    let mut hush = |_: Event| {};
    let once = tokio::select! {
        once = sync_nearby(&node, &one.vault, id, PATIENCE, &mut hush) => once,
        () = calls => unreachable!("it calls on"),
    };
    assert_eq!(once.unwrap_err().kind(), FailureKind::Integrity);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_one_device_listens_to_nobody() {
    let alone = Device::new(156).await;
    let id = alone.begin(None).record;
    let never = Duration::from_hours(1);
    let ended = sync_nearby(&alone.node, &alone.vault, id, never, &mut |_| {}).await;
    assert!(matches!(ended, Err(SyncError::NoOtherDevice)), "{ended:?}");
}
