//! Finding the record's other devices on the local network, where the person asked for that and nowhere else.
//!
//! A device that stays connected calls into the network every few seconds; another one that listens knows it again and
//! connects to it as to any address. A call holds a random number, a hash of it with the caller's transport key, and a
//! port: whoever knows the key, because it is in the membership log, knows the caller; to everybody else two calls have
//! nothing in common. It says no name, no record and no key, and it decides nothing: who answers at the address proves
//! its key as ever. What comes from beyond the local network is not taken, nor a call that was heard before. Nothing of
//! what strangers send is kept. Source: `docs/frames.md`, "On the local network".

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use carnet_crypto::{digest::hash, id::DeviceId, sign::PublicKey};
use carnet_protocol::frame::RelayAddress;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::error::SyncError;

/// Where calls go: a group of the range that stays inside a site (RFC 2365, section 6.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 67, 78);
const PORT: u16 = 40_674;
/// A call does not pass a router.
const HOPS: u32 = 1;
const MAGIC: &[u8; 15] = b"carnet/1 local\0";
/// Calls whose random number is remembered, at most: what five devices say in three minutes.
const NONCES_MAX: usize = 512;
/// Magic, nonce, hash, port.
const CALL_BYTES: usize = MAGIC.len() + 16 + 32 + 2;

/// The local network, as one that calls and listens is in it. Nothing is sent and nothing comes before this exists.
pub(crate) struct Neighbourhood {
    socket: UdpSocket,
    /// Own addresses whose network was joined.
    joined: BTreeSet<Ipv4Addr>,
    /// The random numbers of the calls of known devices that were heard last.
    nonces: VecDeque<[u8; 16]>,
}

impl Neighbourhood {
    /// Begins to listen on every network that `own`, the address of this device, is in.
    ///
    /// # Errors
    /// [`SyncError::Bind`], with what the system says.
    pub(crate) fn enter(own: &RelayAddress) -> Result<Self, SyncError> {
        let socket = listening().map_err(|error| said(&error))?;
        let mut entered = Self { socket, joined: BTreeSet::new(), nonces: VecDeque::new() };
        entered.join(own);
        if entered.joined.is_empty() {
            return Err(SyncError::Bind(format!("no network here carries calls to {GROUP}")));
        }
        Ok(entered)
    }

    /// Joins the networks that `own` is in by now. One that does not take part is passed over.
    fn join(&mut self, own: &RelayAddress) {
        for (address, _) in reached(own) {
            if !self.joined.contains(&address) && self.socket.join_multicast_v4(GROUP, address).is_ok() {
                self.joined.insert(address);
            }
        }
    }

    /// Calls once on every network that `own` is in, with a nonce for each. A network that does not take it is passed over:
    /// another may.
    pub(crate) async fn call(&mut self, own: &RelayAddress, nonces: &[[u8; 16]]) {
        self.join(own);
        for ((address, port), nonce) in reached(own).zip(nonces) {
            let call = Call { nonce: *nonce, tag: tag(nonce, &own.key), port }.encode();
            let sent = async {
                socket2::SockRef::from(&self.socket).set_multicast_if_v4(&address)?;
                self.socket.send_to(&call, (GROUP, PORT)).await
            };
            drop(sent.await);
        }
    }

    /// The next call of one of `known`, devices and their transport keys, that came from the local network and was not
    /// heard before: which device it is and where it answers. Dropping this future loses at most one call.
    ///
    /// # Errors
    /// [`SyncError::Bind`], with what the system says.
    pub(crate) async fn heard(
        &mut self,
        known: &[(DeviceId, [u8; 32])],
    ) -> Result<(DeviceId, RelayAddress), SyncError> {
        // One byte more than a call has, so that what is too long is not taken for one.
        let mut bytes = [0; CALL_BYTES + 1];
        loop {
            let (length, from) = self.socket.recv_from(&mut bytes).await.map_err(|error| said(&error))?;
            let IpAddr::V4(source) = from.ip() else { continue };
            if !self.joined.iter().any(|own| is_near(*own, source)) {
                continue;
            }
            let Some(call) = bytes.get(..length).and_then(Call::parse) else { continue };
            let Some((device, key)) = call.caller(known) else { continue };
            if self.is_new(call.nonce) {
                return Ok((device, RelayAddress::new(key, vec![SocketAddr::new(from.ip(), call.port)], None)));
            }
        }
    }

    /// Whether no call with this random number was heard by now, as far as that is remembered. It is from here on.
    fn is_new(&mut self, nonce: [u8; 16]) -> bool {
        if self.nonces.contains(&nonce) {
            return false;
        }
        if self.nonces.len() == NONCES_MAX {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce);
        true
    }
}

/// Whether a network that `own` is in may hold `source` too. How wide the network is nobody says here: it is taken to be
/// the whole block where that is for private use (RFC 1918, RFC 3927), and 256 addresses elsewhere.
fn is_near(own: Ipv4Addr, source: Ipv4Addr) -> bool {
    let bits = match own.octets() {
        [10 | 127, ..] => 8,
        [172, 16..=31, ..] => 12,
        [169, 254, ..] | [192, 168, ..] => 16,
        _ => 24,
    };
    (own.to_bits() ^ source.to_bits()) >> (Ipv4Addr::BITS - bits) == 0
}

fn said(error: &io::Error) -> SyncError {
    SyncError::Bind(error.to_string())
}

/// A socket for calls that others on this machine may have too. Where the system allows it (elsewhere a socket with the
/// address of a group cannot send) it takes only what was sent to the group, and so nothing that a router passes on.
fn listening() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    socket.set_multicast_ttl_v4(HOPS)?;
    socket.set_nonblocking(true)?;
    let at = if cfg!(target_os = "linux") { GROUP } else { Ipv4Addr::UNSPECIFIED };
    socket.bind(&SocketAddr::from((at, PORT)).into())?;
    UdpSocket::from_std(socket.into())
}

/// The own IPv4 addresses at which this device answers, and the port there.
fn reached(own: &RelayAddress) -> impl Iterator<Item = (Ipv4Addr, u16)> {
    own.addresses.iter().filter_map(|address| match address.ip() {
        IpAddr::V4(ip) => Some((ip, address.port())),
        IpAddr::V6(_) => None,
    })
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    nonce: [u8; 16],
    tag: [u8; 32],
    port: u16,
}

impl Call {
    fn encode(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.nonce, &self.tag, &self.port.to_be_bytes()].concat()
    }

    /// Exactly a call, or nothing.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (tag, port) = rest.split_first_chunk()?;
        let port = u16::from_be_bytes(port.try_into().ok()?);
        (port != 0).then_some(Self { nonce: *nonce, tag: *tag, port })
    }

    fn caller(&self, known: &[(DeviceId, [u8; 32])]) -> Option<(DeviceId, PublicKey)> {
        let known = known.iter().map(|(device, key)| (*device, PublicKey(*key)));
        known.into_iter().find(|(_, key)| tag(&self.nonce, key) == self.tag)
    }
}

/// What only those who know the key can compute, and nobody can go back from.
fn tag(nonce: &[u8; 16], key: &PublicKey) -> [u8; 32] {
    hash("local call", &[nonce, &key.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey([7; 32]);

    fn call() -> Call {
        let nonce = [9; 16];
        Call { nonce, tag: tag(&nonce, &KEY), port: 4_433 }
    }

    #[test]
    fn a_call_is_read_as_it_was_written_and_nothing_else_is_one() {
        let bytes = call().encode();
        assert_eq!(bytes.len(), CALL_BYTES);
        assert_eq!(Call::parse(&bytes), Some(call()));
        for length in 0..bytes.len() {
            assert_eq!(Call::parse(&bytes[..length]), None, "{length} bytes");
        }
        assert_eq!(Call::parse(&[bytes.as_slice(), &[0]].concat()), None, "one byte more");
        assert_eq!(Call::parse(&Call { port: 0, ..call() }.encode()), None, "a port that is none");
        let mut other = bytes;
        other[0] ^= 1;
        assert_eq!(Call::parse(&other), None);
    }

    #[test]
    fn only_who_knows_the_key_knows_the_caller() {
        let (device, other) = (DeviceId([1; 16]), DeviceId([2; 16]));
        let known = [(other, [8; 32]), (device, KEY.0)];
        assert_eq!(call().caller(&known), Some((device, KEY)));
        assert_eq!(call().caller(&known[..1]), None);
        let again = Call { nonce: [10; 16], ..call() };
        assert_eq!(again.caller(&known), None, "a hash goes with its nonce");
        assert_ne!(tag(&[10; 16], &KEY), call().tag, "two calls have nothing in common");
        assert!(!call().encode().windows(32).any(|part| part == KEY.0));
    }

    #[test]
    fn only_what_may_be_in_a_network_of_this_device_is_near() {
        let near = |own: [u8; 4], source: [u8; 4]| is_near(own.into(), source.into());
        for (own, source) in [
            ([192, 168, 1, 7], [192, 168, 1, 9]),
            ([192, 168, 1, 7], [192, 168, 7, 9]),
            ([10, 1, 1, 1], [10, 200, 3, 4]),
            ([172, 16, 0, 1], [172, 31, 255, 1]),
            ([169, 254, 3, 4], [169, 254, 9, 9]),
            ([198, 51, 100, 7], [198, 51, 100, 200]),
            ([127, 0, 0, 1], [127, 0, 0, 1]),
        ] {
            assert!(near(own, source), "{own:?} {source:?}");
        }
        for (own, source) in [
            ([192, 168, 1, 7], [198, 51, 100, 7]),
            ([192, 168, 1, 7], [192, 169, 1, 7]),
            ([192, 168, 1, 7], [10, 0, 0, 1]),
            ([172, 16, 0, 1], [172, 32, 0, 1]),
            ([198, 51, 100, 7], [198, 51, 101, 7]),
            ([198, 51, 100, 7], [192, 168, 1, 1]),
        ] {
            assert!(!near(own, source), "{own:?} {source:?}");
        }
    }

    /// On the loopback network.
    fn entered() -> (Neighbourhood, Socket) {
        let own = RelayAddress::new(PublicKey([1; 32]), vec![(Ipv4Addr::LOCALHOST, 1).into()], None);
        let sender = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        sender.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        sender.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        (Neighbourhood::enter(&own).unwrap(), sender)
    }

    /// A call that no other test makes, so that they can be on one network.
    fn said_at(nonce: u8, key: [u8; 32], port: u16) -> Vec<u8> {
        let nonce = [nonce; 16];
        Call { nonce, tag: tag(&nonce, &PublicKey(key)), port }.encode()
    }

    #[tokio::test]
    async fn a_call_that_was_heard_before_is_not_heard_again() {
        let (mut near, sender) = entered();
        let (key, device) = ([21; 32], DeviceId([1; 16]));
        for (nonce, port) in [(1, 10), (1, 11), (1, 10), (2, 12)] {
            sender.send_to(&said_at(nonce, key, port), &SocketAddr::from((GROUP, PORT)).into()).unwrap();
        }
        let mut ports = Vec::new();
        for _ in 0..2 {
            ports.push(near.heard(&[(device, key)]).await.unwrap().1.addresses[0].port());
        }
        assert_eq!(ports, [10, 12]);
        for nonce in 0..1_024_u32 {
            assert!(near.is_new(hash("test", &[&nonce.to_be_bytes()])[..16].try_into().unwrap()));
        }
        assert_eq!(near.nonces.len(), NONCES_MAX, "what is remembered is bounded");
    }

    /// Only there does the system allow what this is about; elsewhere it is the source alone that is looked at.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_is_sent_to_this_device_alone_is_no_call() {
        let (mut near, sender) = entered();
        let (key, device) = ([22; 32], DeviceId([1; 16]));
        for (nonce, port, to) in [(1, 10, Ipv4Addr::LOCALHOST), (2, 11, GROUP)] {
            // Nobody may be there to take the first.
            drop(sender.send_to(&said_at(nonce, key, port), &SocketAddr::from((to, PORT)).into()));
        }
        let (_, heard) = near.heard(&[(device, key)]).await.unwrap();
        assert_eq!(heard.addresses[0].port(), 11);
    }
}
