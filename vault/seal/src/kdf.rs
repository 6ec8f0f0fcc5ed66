//! The one table of every key that is derived in the project.
//!
//! `KDF(label, key, part, …) = H("key " + label, key, part, …)`: BLAKE3 in key-derivation mode with the context
//! `"carnet/1 key " + label` (`docs/format.md`, "Derivations"). One label has one use, and none is ever the label of a
//! public hash, because those never begin with `key `. Nothing else in the project derives a key; HPKE's own schedule
//! and Argon2id are inside [`crate::wrap`], [`crate::passphrase`] and [`crate::code`].

use std::ops::Deref;

use carnet_crypto::{
    digest::Hasher,
    id::{EpochId, KeySalt},
    sign::SigningKey,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    secret::{DeviceSeed, RootSeed, SECRET_BYTES, SectionKey, TransportSeed},
    wrap::KemKeyPair,
};

/// A derived key, in memory of its own, cleared on drop.
pub(crate) struct Subkey(Box<Zeroizing<[u8; SECRET_BYTES]>>);

impl Subkey {
    /// A key that `write` puts in its place.
    pub(crate) fn fill<E>(write: impl FnOnce(&mut [u8; SECRET_BYTES]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Box::new(Zeroizing::new([0; SECRET_BYTES]));
        write(&mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Deref for Subkey {
    type Target = [u8; SECRET_BYTES];

    fn deref(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])+ $name:ident = $text:literal;)+) => {
        /// What a derived key is for. `docs/format.md` has the same table, and a test compares the two.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Label {
            $($(#[$doc])+ $name,)+
        }

        impl Label {
            /// Every label, in the order of the table.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// The whole label, as the hash takes it.
            pub(crate) fn text(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("key ", $text),)+
                }
            }
        }
    };
}

labels! {
    /// `DeviceSeed`, key salt: the Ed25519 seed of a device in one record.
    DeviceSign = "device sign";
    /// `DeviceSeed`, key salt, generation (4 bytes): the X-Wing key pair of a device in one record.
    DeviceKem = "device kem";
    /// `DeviceSeed`: the transport key of an installation.
    DeviceTransport = "device transport";
    /// `DeviceSeed`, key salt: the transport key of a record that has a process of its own.
    RecordTransport = "record transport";
    /// `RootSeed`: the Ed25519 seed of a recovery kit.
    RootSign = "root sign";
    /// `RootSeed`: the X-Wing key pair of a recovery kit.
    RootKem = "root kem";
    /// `SectionKey`: seals envelopes.
    SectionEnvelope = "section envelope";
    /// `SectionKey`: seals snapshots, merged batches and base changes.
    SectionObject = "section object";
    /// `SectionKey`: seals the keys of the parents of an epoch.
    SectionLadder = "section ladder";
    /// `SectionKey`: the X-Wing key pair that drops are sealed to.
    SectionInbox = "section inbox";
    /// `FileKey`: seals the chunks of one attached file.
    FileChunks = "file chunks";
    /// `VaultKey`, file id: seals the blocks of the store.
    StoreBlock = "store block";
    /// `VaultKey`, file id: authenticates the front area of the store.
    StoreFront = "store front";
    /// `VaultKey`, file id: names what lies beside the store.
    StoreName = "store name";
    /// The output of Argon2id over a passphrase: wraps the vault key.
    SlotPassphrase = "slot passphrase";
    /// The output of Argon2id over a typed code: the ticket secret.
    TicketCode = "ticket code";
    /// `TicketSecret`: the name of the rendezvous slot.
    TicketSlot = "ticket slot";
    /// `TicketSecret`: seals the messages of a pairing.
    TicketSeal = "ticket seal";
    /// `TicketSecret`: authenticates the messages of a pairing.
    TicketMac = "ticket mac";
}

/// `KDF(label, key, parts…)`.
pub(crate) fn derive(label: Label, key: &[u8; SECRET_BYTES], parts: &[&[u8]]) -> Subkey {
    let mut derived = Box::new(Zeroizing::new([0; SECRET_BYTES]));
    derive_into(label, key, parts, &mut derived);
    Subkey(derived)
}

/// `KDF(label, key, parts…)`, written where it will stay.
pub(crate) fn derive_into(label: Label, key: &[u8; SECRET_BYTES], parts: &[&[u8]], to: &mut [u8; SECRET_BYTES]) {
    let mut hasher = Hasher::new(label.text());
    hasher.part(key);
    for part in parts {
        hasher.part(part);
    }
    let mut out = hasher.finish();
    to.copy_from_slice(&out);
    out.zeroize();
    hasher.clear();
}

impl DeviceSeed {
    /// The signing key of this device in the record with this key salt.
    pub fn signing_key(&self, salt: &KeySalt) -> SigningKey {
        SigningKey::from_seed(&derive(Label::DeviceSign, self.bytes(), &[salt.as_bytes()]))
    }

    /// The key pair that keys are wrapped to, in the record with this key salt, of this generation.
    pub fn kem(&self, salt: &KeySalt, generation: u32) -> KemKeyPair {
        let parts: [&[u8]; 2] = [salt.as_bytes(), &generation.to_le_bytes()];
        KemKeyPair::from_key_material(&derive(Label::DeviceKem, self.bytes(), &parts))
    }

    /// The seed of the network endpoint of this installation, the same for all its records.
    pub fn transport(&self) -> TransportSeed {
        TransportSeed::fill(|to| derive_into(Label::DeviceTransport, self.bytes(), &[], to))
    }

    /// The seed of the network endpoint of a record that is given a process of its own.
    pub fn transport_for(&self, salt: &KeySalt) -> TransportSeed {
        TransportSeed::fill(|to| derive_into(Label::RecordTransport, self.bytes(), &[salt.as_bytes()], to))
    }
}

impl RootSeed {
    /// The signing key of the recovery kit. It uses no salt, so that the words alone are enough.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&derive(Label::RootSign, self.bytes(), &[]))
    }

    /// The key pair that every epoch is wrapped to; its generation stays 0.
    pub fn kem(&self) -> KemKeyPair {
        KemKeyPair::from_key_material(&derive(Label::RootKem, self.bytes(), &[]))
    }
}

impl SectionKey {
    /// The full name of the epoch that this key opens: `H("kc", key)`.
    pub fn commitment(&self) -> EpochId {
        let mut hasher = Hasher::new("kc");
        let id = EpochId(hasher.part(self.bytes()).finish());
        hasher.clear();
        id
    }

    /// The key pair that drops into the section are sealed to while this epoch is current.
    pub fn inbox(&self) -> KemKeyPair {
        KemKeyPair::from_key_material(&derive(Label::SectionInbox, self.bytes(), &[]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_label_is_used_once_and_stands_in_the_format() {
        let texts: BTreeSet<&str> = Label::ALL.iter().map(|label| label.text()).collect();
        assert_eq!(texts.len(), Label::ALL.len());
        let format = include_str!("../../../docs/format.md");
        for text in texts {
            let label = text.strip_prefix("key ").unwrap();
            assert!(format.contains(&format!("| `{label}` |")), "docs/format.md lacks {label}");
        }
    }

    #[test]
    fn a_derived_key_depends_on_label_key_and_parts() {
        let base = derive(Label::StoreBlock, &[1; 32], &[b"file"]);
        assert_ne!(*base, *derive(Label::StoreFront, &[1; 32], &[b"file"]));
        assert_ne!(*base, *derive(Label::StoreBlock, &[2; 32], &[b"file"]));
        assert_ne!(*base, *derive(Label::StoreBlock, &[1; 32], &[b"fil", b"e"]));
        assert_ne!(*base, *derive(Label::StoreBlock, &[1; 32], &[]));
    }

    #[test]
    fn keys_of_two_records_or_generations_cannot_be_linked() {
        let seed = DeviceSeed::from_store(&[9; 32]).unwrap();
        let (here, there) = (KeySalt([1; 32]), KeySalt([2; 32]));
        assert_eq!(seed.signing_key(&here).public(), seed.signing_key(&here).public());
        assert_ne!(seed.signing_key(&here).public(), seed.signing_key(&there).public());
        assert_ne!(seed.kem(&here, 0).public(), seed.kem(&there, 0).public());
        assert_ne!(seed.kem(&here, 0).public(), seed.kem(&here, 1).public());
        assert!(!seed.transport().matches(&seed.transport_for(&here)));
    }

    #[test]
    fn a_device_and_a_root_never_share_a_key_even_from_one_seed() {
        let (device, root) = (DeviceSeed::from_store(&[9; 32]).unwrap(), RootSeed::from_store(&[9; 32]).unwrap());
        let salt = KeySalt([0; 32]);
        assert_ne!(device.signing_key(&salt).public(), root.signing_key().public());
        assert_ne!(device.kem(&salt, 0).public(), root.kem().public());
    }
}
