//! Devices that find each other on the local network, where a person asked for that: what is sent there, and what is not.
//!
//! These tests need a network interface of this machine that carries multicast to other processes on it. Where there is
//! none they fail, and say so.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use carnet_crypto::digest::hash;
use carnet_tests::process::{Carnet, Home, Running, text};
use carnet_vault::RelayAddress;
use serde_json::Value;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::cli_sync::{pair, pair_as};

/// Where calls go.
const CALLS: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 67, 78), 40_674);
/// Where names are asked for and said on a local network (RFC 6762).
const NAMES: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5_353);
const CALL_BYTES: usize = 65;
/// How long a call that must come is waited for. A device that calls does so every two seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// Hears everything that anybody on this machine, or on its networks, sends to a group.
struct Spy(UdpSocket);

impl Spy {
    /// Hears what is sent to `group` on the networks of this machine that have these addresses.
    fn on(group: (Ipv4Addr, u16), interfaces: &[Ipv4Addr]) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
        socket.set_reuse_address(true).expect("a shared port");
        // Other groups of the port are none of this one's affair.
        socket.bind(&SocketAddr::from(group).into()).expect("the port of the group");
        for interface in interfaces {
            let joined = socket.join_multicast_v4(&group.0, interface);
            joined.unwrap_or_else(|error| panic!("the network of {interface} carries no multicast: {error}"));
        }
        let spy = Self(socket.into());
        spy.must_hear(interfaces);
        spy
    }

    /// The control: something that is sent to the group is heard here, else this machine carries none.
    fn must_hear(&self, interfaces: &[Ipv4Addr]) {
        let group = self.0.local_addr().expect("a bound socket");
        for interface in interfaces {
            let sender = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
            SockRef::from(&sender).set_multicast_if_v4(interface).expect("an interface");
            let control = format!("control {}", sender.local_addr().expect("a bound socket"));
            sender.send_to(control.as_bytes(), group).unwrap_or_else(|error| {
                panic!("this machine sends no multicast on the network of {interface}: {error}")
            });
            let heard = self.until(|bytes| bytes == control.as_bytes());
            assert!(heard.is_some(), "this machine does not carry multicast on the network of {interface}");
        }
    }

    /// The first datagram that `is_it`; none when none came in time.
    fn until(&self, is_it: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        self.0.set_read_timeout(Some(PATIENCE)).expect("a time");
        let mut bytes = [0; 2_048];
        while let Ok(length) = self.0.recv(&mut bytes) {
            if is_it(&bytes[..length]) {
                return Some(bytes[..length].to_vec());
            }
        }
        None
    }

    /// Everything that has come by now.
    fn heard(&self) -> Vec<Vec<u8>> {
        self.0.set_nonblocking(true).expect("a mode");
        let mut bytes = [0; 2_048];
        let mut heard = Vec::new();
        while let Ok(length) = self.0.recv(&mut bytes) {
            heard.push(bytes[..length].to_vec());
        }
        self.0.set_nonblocking(false).expect("a mode");
        heard
    }
}

/// A device that stays connected, and its address.
fn staying(carnet: &Carnet, words: &[&str]) -> (Running, RelayAddress) {
    let mut staying = carnet.start(&[&["sync", "--watch"], words].concat());
    let address = staying.event("listening")["address"].as_str().expect("an address").to_owned();
    (staying, address.parse().expect("an address of ours"))
}

/// The networks that a device is in.
fn interfaces(address: &RelayAddress) -> Vec<Ipv4Addr> {
    let of_four = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    let interfaces: Vec<Ipv4Addr> = address.addresses.iter().filter_map(of_four).collect();
    assert!(!interfaces.is_empty(), "this machine has no IPv4 address: {address}");
    interfaces
}

/// A record on two devices, without any relay.
fn two(home: &Home, other: &Home) -> (Carnet, Carnet) {
    let (first, second) = (home.vault("vault", "Camille"), other.carnet("vault"));
    pair(&first, &second, text(&home.path("ticket")));
    (first, second)
}

fn write(carnet: &Carnet, name: &str) {
    carnet.run(&["profile", "add", "disease", "--name", name]).data();
}

#[test]
fn devices_of_a_record_find_each_other_on_the_local_network_with_no_address_typed() {
    let (home, other) = (Home::new(), Home::new());
    let (elsewhere, beside) = (Home::new(), Home::new());
    let (first, second) = two(&home, &other);
    write(&second, "Du-portable");
    write(&first, "De-l-ordinateur");
    let (mut watching, _) = staying(&first, &["--local"]);
    let met = second.run(&["sync", "--local"]).data();
    assert!(met["received"].as_u64() > Some(0) && met["sent"].as_u64() > Some(0), "{met}");
    assert!(watching.event("served")["received"].as_u64() > Some(0));
    // A record that lives elsewhere is not found, and finds nobody. With one device it does not even listen.
    let stranger = elsewhere.vault("vault", "Quelqu'un");
    assert_eq!(stranger.run(&["sync", "--local"]).refused(2), "no_other_device");
    pair_as(&stranger, &beside.carnet("vault"), text(&elsewhere.path("ticket")), "Quelqu'un");
    assert_eq!(stranger.run(&["sync", "--local"]).refused(6), "nobody_near");
    assert_eq!(watching.interrupt().0, Some(0));
    assert_eq!(first.digest(), second.digest());

    // Two that stay connected find each other too, whichever began first.
    write(&second, "Encore-du-portable");
    let (mut one, _) = staying(&first, &["--local"]);
    let (mut two, _) = staying(&second, &["--local"]);
    for watching in [&mut one, &mut two] {
        watching.event("served");
    }
    assert_eq!((one.interrupt().0, two.interrupt().0), (Some(0), Some(0)));
    assert_eq!(first.digest(), second.digest());
}

#[test]
fn nothing_is_sent_into_the_local_network_without_being_asked_and_then_nothing_that_names_anybody() {
    let (home, other) = (Home::new(), Home::new());
    let (first, second) = two(&home, &other);
    let (watching, address) = staying(&first, &[]);
    let interfaces = interfaces(&address);
    assert_eq!(watching.interrupt().0, Some(0));
    let (calls, names) = (Spy::on(CALLS, &interfaces), Spy::on(NAMES, &interfaces));
    // Everything that a device does, for longer than one that calls stays silent. Others here may call meanwhile.
    let (watching, of_second) = staying(&second, &[]);
    assert_eq!(watching.interrupt().0, Some(0));
    write(&second, "Du-portable");
    let (mut watching, address) = staying(&first, &[]);
    second.run(&["sync", "--peer", &address.to_string()]).data();
    watching.event("served");
    carnet_tests::process::wait(Duration::from_secs(5));
    assert_eq!(watching.interrupt().0, Some(0));
    let is_of = |call: &[u8], device: &RelayAddress| {
        call.len() == CALL_BYTES && call[31..63] == hash("local call", &[&call[15..31], &device.key.0])
    };
    let mut heard = calls.heard();
    heard.retain(|call| is_of(call, &address) || is_of(call, &of_second));
    assert_eq!((heard, naming(names.heard())), (vec![], vec![]), "nobody asked for it");

    // The control: asked for, it is heard. Two calls have nothing in common but what says that they are calls.
    let (watching, address) = staying(&first, &["--local"]);
    let is_call = |bytes: &[u8]| bytes.starts_with(b"carnet/1 local\0") && is_of(bytes, &address);
    let heard = [calls.until(is_call), calls.until(is_call)].map(|call| call.expect("a device that calls is heard"));
    assert_eq!(watching.interrupt().0, Some(0));
    let id = |line: &Value| line["id"].as_str().unwrap_or_default().to_owned();
    let records = first.run(&["record", "list"]).data();
    let devices = first.run(&["device", "list"]).data();
    let lists = [records, devices].map(|list| list.as_array().cloned().unwrap_or_default()).concat();
    let known: Vec<String> = lists.iter().map(id).filter(|id| !id.is_empty()).collect();
    assert!(known.len() >= 3, "{known:?}");
    for call in &heard {
        assert_eq!(call.len(), CALL_BYTES);
        assert!(!call.windows(32).any(|part| part == address.key.0), "the key stays unsaid");
        for id in &known {
            let start: Vec<u8> = (0..8).map(|n| u8::from_str_radix(&id[2 * n..2 * n + 2], 16).expect("hex")).collect();
            assert!(!call.windows(8).any(|part| part == start), "{id} is in a call");
        }
    }
    let common = (15..63).filter(|at| heard[0][*at] == heard[1][*at]).count();
    assert!(common < 16, "{common} of 48 bytes are the same");
    assert_eq!(naming(names.heard()), Vec::<Vec<u8>>::new(), "no name is said");
}

/// Those among `heard` that name this program, or the library that it connects with.
fn naming(mut heard: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let has = |bytes: &[u8], name: &[u8]| bytes.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    heard.retain(|bytes| has(bytes, b"carnet") || has(bytes, b"iroh"));
    heard
}
