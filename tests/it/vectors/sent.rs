//! What travels: frames, what a relay signs, files of exchange, addresses of relays, tickets.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use carnet_crypto::{
    id::{OpId, RecordId},
    sign::PublicKey,
};
use carnet_protocol::{
    checkpoint::{ShortCheckpoint, SignedCheckpoint, SignedReceipt},
    codec::{DecodeError, Reader},
    frame::{Frame, FrameHeader, RelayAddress},
};
use carnet_sync::{SharedVault, SyncError, import_exchange, share};
use carnet_vault::{
    Argon2Params, Clock, Door, NewRecord, Passphrase, UnixMillis, Vault,
    pairing::{PairingError, Ticket},
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::json;

use super::replay;

#[test]
fn fault_b5_fault_b6_fault_c1_vectors_of_frames() {
    replay("frame", |vector| {
        let bytes = vector.bytes("bytes");
        let refused = |step| move |error: DecodeError| (step, format!("{error:?}"));
        let mut reader = Reader::new(&bytes);
        let header = reader.array("frame").and_then(FrameHeader::parse).map_err(refused("header"))?;
        let frame = Frame::decode(header, reader.rest()).map_err(refused("body"))?;
        assert_eq!(frame.encode(), bytes, "{}", vector.name());
        Ok(json!({"kind": format!("{:?}", frame.kind())}))
    });
}

#[test]
fn atk_1_atk_35_fault_d9_vectors_of_what_a_relay_signs() {
    replay("checkpoint", |vector| {
        let (bytes, relay) = (vector.bytes("bytes"), PublicKey(vector.array("relay")));
        let (record, op) = (RecordId(vector.array("record")), OpId(vector.array("op")));
        let mut reader = Reader::new(&bytes);
        let encoding = |error: DecodeError| ("encoding", format!("{error:?}"));
        let verified = match vector.0["what"].as_str() {
            Some("checkpoint") => {
                let signed = SignedCheckpoint::read(&mut reader).map_err(encoding)?;
                reader.finish("checkpoint").map_err(encoding)?;
                signed.verify(&relay).map(drop)
            }
            Some("receipt") => {
                let signed = SignedReceipt::read(&mut reader).map_err(encoding)?;
                reader.finish("receipt").map_err(encoding)?;
                signed.verify(&relay, &record, &op).map(drop)
            }
            _ => {
                ShortCheckpoint::read(&mut reader).map_err(encoding)?;
                reader.finish("checkpoint").map_err(encoding)?;
                Ok(())
            }
        };
        verified.map_err(|error| ("signature", format!("{error:?}")))?;
        Ok(json!({}))
    });
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_790_000_000_000)
    }
}

/// A vault with one record.
fn vault(folder: &Path) -> (SharedVault, RecordId) {
    let next = AtomicU64::new(0);
    let chance =
        move || -> carnet_vault::Chance { Box::new(ChaCha20Rng::seed_from_u64(next.fetch_add(1, Ordering::Relaxed))) };
    let door = Door::new(Arc::new(Still), chance);
    let passphrase = Passphrase::new(b"trois chevaux bleus devant la gare").unwrap();
    let mut vault = Vault::create(folder, &passphrase, Argon2Params::MINIMUM, door).unwrap();
    let new = NewRecord { label: "Marie".to_owned(), device_label: "Portable".to_owned(), year: 2026, relay: None };
    let record = vault.create_record(&new).unwrap().record;
    (share(vault), record)
}

#[test]
fn fault_c1_fault_c2_vectors_of_files_of_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, record) = vault(folder.path());
    replay("exchange", |vector| {
        let mut bytes = vector.bytes("bytes");
        let at: usize = vector.number("record");
        if at > 0 {
            bytes[at..at + 32].copy_from_slice(&record.0);
        }
        match import_exchange(&vault, &mut bytes.as_slice(), &mut |_| {}) {
            Ok(_) => Ok(json!({})),
            Err(SyncError::NotThisRecord) => Err(("head", "NotThisRecord".to_owned())),
            Err(SyncError::LaterFile) => Err(("head", "LaterFile".to_owned())),
            Err(error) => Err(("frames", format!("{error:?}"))),
        }
    });
}

#[test]
fn fault_e7_fault_b6_vectors_of_addresses_of_relays() {
    replay("address", |vector| {
        let text = String::from_utf8(vector.bytes("bytes")).unwrap();
        let address: RelayAddress = text.parse().map_err(|error| ("address", format!("{error:?}")))?;
        assert_eq!(address.to_string().parse(), Ok(address.clone()), "{}", vector.name());
        Ok(json!({"text": address.to_string()}))
    });
}

#[test]
fn atk_13_fault_b6_fault_e7_vectors_of_tickets() {
    replay("ticket", |vector| {
        let text = String::from_utf8(vector.bytes("bytes")).unwrap();
        let now = UnixMillis(vector.number("now"));
        let ticket = Ticket::parse(&text, now).map_err(|error: PairingError| ("ticket", format!("{error:?}")))?;
        assert_eq!(ticket.expose_text().as_str(), text.trim(), "{}", vector.name());
        let text = |address: &Option<RelayAddress>| address.as_ref().map(RelayAddress::to_string);
        Ok(json!({"relay": text(&ticket.meeting.relay), "inviter": text(&ticket.meeting.inviter)}))
    });
}
