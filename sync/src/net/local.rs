//! Finding the record's other devices on the local network, where the person asked for that and nowhere else.
//!
//! A device that stays connected calls into the network every few seconds; another one that listens knows it again and
//! connects to it as to any address. A call holds a random number, a hash of it with the caller's transport key, and a
//! port: whoever knows the key, because it is in the membership log, knows the caller; to everybody else two calls have
//! nothing in common. It says no name, no record and no key, and it decides nothing: who answers at the address proves
//! its key as ever. Nothing of what strangers send is kept. Source: `docs/frames.md`, "On the local network".

use std::{
    collections::BTreeSet,
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
/// Magic, nonce, hash, port.
const CALL_BYTES: usize = MAGIC.len() + 16 + 32 + 2;

/// The local network, as one that calls and listens is in it. Nothing is sent and nothing comes before this exists.
pub(crate) struct Neighbourhood {
    socket: UdpSocket,
    /// Own addresses whose network was joined.
    joined: BTreeSet<Ipv4Addr>,
}

impl Neighbourhood {
    /// Begins to listen on every network that `own`, the address of this device, is in.
    ///
    /// # Errors
    /// [`SyncError::Bind`], with what the system says.
    pub(crate) fn enter(own: &RelayAddress) -> Result<Self, SyncError> {
        let mut entered = Self { socket: listening().map_err(|error| said(&error))?, joined: BTreeSet::new() };
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

    /// Calls once on every network that `own` is in. A network that does not take it is passed over: another may.
    pub(crate) async fn call(&mut self, own: &RelayAddress, nonce: [u8; 16]) {
        self.join(own);
        for (address, port) in reached(own) {
            let call = Call { nonce, tag: tag(&nonce, &own.key), port }.encode();
            let sent = async {
                socket2::SockRef::from(&self.socket).set_multicast_if_v4(&address)?;
                self.socket.send_to(&call, (GROUP, PORT)).await
            };
            drop(sent.await);
        }
    }

    /// The next call of one of `known`, devices and their transport keys: which it is and where it answers. Dropping
    /// this future loses at most one call.
    ///
    /// # Errors
    /// [`SyncError::Bind`], with what the system says.
    pub(crate) async fn heard(&self, known: &[(DeviceId, [u8; 32])]) -> Result<(DeviceId, RelayAddress), SyncError> {
        // One byte more than a call has, so that what is too long is not taken for one.
        let mut bytes = [0; CALL_BYTES + 1];
        loop {
            let (length, from) = self.socket.recv_from(&mut bytes).await.map_err(|error| said(&error))?;
            let Some(call) = bytes.get(..length).and_then(Call::parse) else { continue };
            if let Some((device, key)) = call.caller(known) {
                return Ok((device, RelayAddress::new(key, vec![SocketAddr::new(from.ip(), call.port)], None)));
            }
        }
    }
}

fn said(error: &io::Error) -> SyncError {
    SyncError::Bind(error.to_string())
}

/// A socket for calls that others on this machine may have too.
fn listening() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    socket.set_multicast_ttl_v4(HOPS)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
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
}
