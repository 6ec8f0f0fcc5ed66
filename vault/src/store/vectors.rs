//! The examples of `docs/format.md`, "The vault file", computed again.

use carnet_seal::{
    block::{BlockCipher, BlockKind},
    secret::VaultKey,
};

use super::keys::{HEADER_SLOT_BYTES, HEADER_SLOT_PLAIN_BYTES, Keys};

const FORMAT: &str = include_str!("../../../docs/format.md");

fn ascending<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first + u8::try_from(index).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn keys() -> Keys {
    Keys::new(VaultKey::from_store(&ascending::<32>(0)).unwrap(), ascending(0xa0))
}

#[test]
fn the_documented_key_slot_is_what_is_written() {
    let key = VaultKey::from_store(&ascending::<32>(0x20)).unwrap();
    let mut slot = [0; 72];
    BlockCipher::new(&key, &ascending(0xa0))
        .seal_block(BlockKind::Header, 2, keys().master().expose_for_store(), &ascending(0x40), &mut slot)
        .unwrap();
    let slot = hex(&slot);
    assert!(FORMAT.contains(&slot), "{slot}");
}

#[test]
fn the_documented_slot_of_a_key_store_is_what_is_written() {
    let key = VaultKey::from_store(&ascending::<32>(0x20)).unwrap();
    let mut slot = [0; 72];
    BlockCipher::new(&key, &ascending(0xa0))
        .seal_block(BlockKind::Header, 3, keys().master().expose_for_store(), &ascending(0x40), &mut slot)
        .unwrap();
    let slot = format!("{} {}", hex(&ascending::<16>(0x60)), hex(&slot));
    assert!(FORMAT.contains(&slot), "{slot}");
}

#[test]
fn the_documented_header_slot_is_what_is_written() {
    let mut plain = [0; HEADER_SLOT_PLAIN_BYTES];
    plain[..8].copy_from_slice(&7_u64.to_le_bytes());
    plain[8..16].copy_from_slice(&1_060_864_u64.to_le_bytes());
    plain[16..20].copy_from_slice(b"redb");
    let mut sealed = [0; HEADER_SLOT_BYTES];
    assert!(keys().seal_header(1, &ascending(0x40), &plain, &mut sealed));
    let hash = hex(&carnet_crypto::digest::content_hash(&sealed));
    assert!(FORMAT.contains(&hash), "{hash}");
}

#[test]
fn the_documented_front_tag_is_what_is_written() {
    let mut copy = vec![0; 32 * 1024 - 32];
    copy[..16].copy_from_slice(b"carnet vault\r\n\x1a\n");
    copy[16..20].copy_from_slice(&1_u32.to_le_bytes());
    copy[20..24].copy_from_slice(&4136_u32.to_le_bytes());
    copy[24..32].copy_from_slice(&1_u64.to_le_bytes());
    copy[32..48].copy_from_slice(&ascending::<16>(0xa0));
    let tag = hex(&keys().front().tag(&copy));
    assert!(FORMAT.contains(&tag), "{tag}");
}
