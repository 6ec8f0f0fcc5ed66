//! Where a relay is: one token of text without spaces, to be printed, copied and scanned.
//!
//! `KEY@ADDRESS[,ADDRESS…][/TOKEN]`: the relay's public key as 64 hexadecimal characters (it is at once the key of its
//! TLS sessions and the one that signs checkpoints and receipts), its socket addresses, and, for a relay that does not
//! take new records from everybody, the admission token as 32 hexadecimal characters. Text only: nothing is looked up.

use std::{fmt, net::SocketAddr, str::FromStr};

use carnet_crypto::sign::PublicKey;

/// Most socket addresses of one relay.
pub const ADDRESSES_MAX: usize = 8;
/// Longest text, in bytes.
pub const RELAY_ADDRESS_BYTES_MAX: usize = 64 + 1 + ADDRESSES_MAX * 56 + 1 + 32;

/// What admits a new record to a relay that asks for it: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdmissionToken(pub [u8; 16]);

impl fmt::Debug for AdmissionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdmissionToken(..)")
    }
}

/// A relay: its key, where it listens, and what it asks of a new record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayAddress {
    /// The relay's public key.
    pub key: PublicKey,
    /// Where it listens, at least one, ascending, without repetition.
    pub addresses: Vec<SocketAddr>,
    /// Admission for a new record.
    pub token: Option<AdmissionToken>,
}

/// A text that is not the address of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRelayAddressError {
    /// The part before `@` is not 64 lower-case hexadecimal characters.
    #[error("the relay's key is not 64 hexadecimal characters")]
    Key,
    /// A part after `@` is not IP:PORT, or there is none, or there are too many.
    #[error("the relay's address is not a list of IP:PORT")]
    Socket,
    /// The part after `/` is not 32 lower-case hexadecimal characters.
    #[error("the relay's admission token is not 32 hexadecimal characters")]
    Token,
}

impl RelayAddress {
    /// The relay with this key at these addresses, sorted, repetitions dropped, at most [`ADDRESSES_MAX`] kept.
    pub fn new(key: PublicKey, addresses: impl IntoIterator<Item = SocketAddr>, token: Option<AdmissionToken>) -> Self {
        let mut addresses: Vec<_> = addresses.into_iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
        Self { key, addresses, token }
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.key.0)?;
        for (index, address) in self.addresses.iter().enumerate() {
            f.write_str(if index == 0 { "@" } else { "," })?;
            write!(f, "{address}")?;
        }
        if let Some(token) = &self.token {
            f.write_str("/")?;
            hex(f, &token.0)?;
        }
        Ok(())
    }
}

impl FromStr for RelayAddress {
    type Err = ParseRelayAddressError;

    fn from_str(text: &str) -> Result<Self, ParseRelayAddressError> {
        if text.len() > RELAY_ADDRESS_BYTES_MAX {
            return Err(ParseRelayAddressError::Socket);
        }
        let (key, rest) = text.split_once('@').ok_or(ParseRelayAddressError::Socket)?;
        let key = PublicKey(parse_hex(key).ok_or(ParseRelayAddressError::Key)?);
        let (sockets, token) = match rest.split_once('/') {
            Some((sockets, token)) => {
                (sockets, Some(AdmissionToken(parse_hex(token).ok_or(ParseRelayAddressError::Token)?)))
            }
            None => (rest, None),
        };
        let addresses: Result<Vec<SocketAddr>, _> = sockets.split(',').map(str::parse).collect();
        let addresses = addresses.map_err(|_| ParseRelayAddressError::Socket)?;
        if addresses.len() > ADDRESSES_MAX {
            return Err(ParseRelayAddressError::Socket);
        }
        Ok(Self::new(key, addresses, token))
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    if Some(text.len()) != N.checked_mul(2) || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_from_its_text() {
        let sockets = ["127.0.0.1:4433".parse().unwrap(), "[::1]:4433".parse().unwrap()];
        for token in [None, Some(AdmissionToken([0xab; 16]))] {
            let address = RelayAddress::new(PublicKey([0x0f; 32]), sockets, token);
            let text = address.to_string();
            assert!(!text.contains(char::is_whitespace));
            assert_eq!(text.parse(), Ok(address));
        }
    }

    #[test]
    fn every_other_text_is_refused_with_its_reason() {
        let key = "0f".repeat(32);
        for (text, error) in [
            (String::new(), ParseRelayAddressError::Socket),
            (key.clone(), ParseRelayAddressError::Socket),
            (format!("{key}@"), ParseRelayAddressError::Socket),
            (format!("{key}@localhost:1"), ParseRelayAddressError::Socket),
            (format!("{key}@127.0.0.1"), ParseRelayAddressError::Socket),
            (format!("{key}@127.0.0.1:1,"), ParseRelayAddressError::Socket),
            (format!("{}@127.0.0.1:1", key.to_uppercase()), ParseRelayAddressError::Key),
            (String::from("0f@127.0.0.1:1"), ParseRelayAddressError::Key),
            (format!("{key}@127.0.0.1:1/"), ParseRelayAddressError::Token),
            (format!("{key}@127.0.0.1:1/00"), ParseRelayAddressError::Token),
            (format!("{key}@{}", ["127.0.0.1:1"; 9].join(",")), ParseRelayAddressError::Socket),
            (format!("{key}@{}", "1".repeat(9_999)), ParseRelayAddressError::Socket),
        ] {
            assert_eq!(text.parse::<RelayAddress>(), Err(error), "{text}");
        }
    }
}
