//! Wrapping keys to a device: HPKE (RFC 9180), base mode, {X-Wing 0x647a, HKDF-SHA256, ChaCha20-Poly1305}.
//!
//! X-Wing joins ML-KEM-768 and X25519, so that what is recorded today stays closed to a quantum computer of tomorrow.
//! It has no authenticated mode: **a wrap proves nothing about who made it**. The signed operation that carries it
//! does, and the public key must come from an accepted operation, never from a relay or a file.
//!
//! A wrap of k keys is the encapsulation (1120 bytes), the k keys encrypted (32 k bytes) and the tag (16 bytes). `info`
//! is the caller's canonical bytes: record id, author, counter of the operation, recipient.

use std::fmt;

use carnet_crypto::fault::Fault;
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _,
    aead::{AeadTag, ChaCha20Poly1305},
    inout::InOutBuf,
    kdf::HkdfSha256,
    kem::XWing,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::secret::{SECRET_BYTES, SectionKey};

/// The number of the key encapsulation in the registry of HPKE.
pub const KEM_ID: u16 = 0x647a;
/// Length of a public key in bytes: ML-KEM-768 (1184), then X25519 (32).
pub const KEM_PUBLIC_BYTES: usize = 1216;
/// Length of an encapsulation in bytes: ML-KEM-768 (1088), then X25519 (32).
pub const ENCAPSULATION_BYTES: usize = 1120;
/// Most keys in one wrap.
pub const WRAP_KEYS_MAX: usize = 256;

const X25519_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

const _: () = assert!(XWing::KEM_ID == KEM_ID, "the wraps of this format are X-Wing");

/// Length in bytes of a wrap of `count` keys.
pub const fn wrapped_bytes(count: usize) -> usize {
    count.saturating_mul(SECRET_BYTES).saturating_add(ENCAPSULATION_BYTES + TAG_BYTES)
}

/// The bytes are not an X-Wing public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key that keys can be wrapped to")]
pub struct KemKeyRefused;

impl KemKeyRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// Why keys were not wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// The cipher refused. It has no reason to.
    #[error("the keys could not be wrapped")]
    Cipher,
    /// No key, or more than [`WRAP_KEYS_MAX`].
    #[error("{0} keys cannot be wrapped at once")]
    Count(usize),
}

impl WrapError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Cipher => Fault::Ours,
            Self::Count(_) => Fault::Caller,
        }
    }
}

/// Why a wrap did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnwrapRefused {
    /// The length is not that of a wrap of so many keys.
    #[error("the wrap has {found} bytes instead of {expected}")]
    Length {
        /// Bytes of a wrap of the number of keys asked for.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The X25519 half is a point of low order: the exchange would contribute nothing.
    #[error("the wrap holds a point of low order")]
    LowOrder,
    /// Wrong recipient, wrong `info`, or altered: which of them is not said.
    #[error("the wrap does not open with this key in this place")]
    NotAuthentic,
}

impl UnwrapRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// The public half, checked: the modulus of the ML-KEM part, and no X25519 point of low order.
#[derive(Clone)]
pub struct KemPublicKey {
    bytes: Box<[u8; KEM_PUBLIC_BYTES]>,
    key: <XWing as hpke::Kem>::PublicKey,
}

impl KemPublicKey {
    /// The key in `bytes`.
    ///
    /// # Errors
    /// [`KemKeyRefused`]: wrong length, a coefficient that is not reduced (FIPS 203, 7.2), a point of low order.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KemKeyRefused> {
        let bytes: &[u8; KEM_PUBLIC_BYTES] = bytes.try_into().map_err(|_| KemKeyRefused)?;
        let (_, point) = bytes.split_last_chunk::<X25519_BYTES>().ok_or(KemKeyRefused)?;
        if is_low_order(point) {
            return Err(KemKeyRefused);
        }
        let key = <XWing as hpke::Kem>::PublicKey::from_bytes(bytes.as_slice()).map_err(|_| KemKeyRefused)?;
        Ok(Self { bytes: Box::new(*bytes), key })
    }

    /// The 1216 bytes, as they stand in the formats.
    pub fn as_bytes(&self) -> &[u8; KEM_PUBLIC_BYTES] {
        &self.bytes
    }
}

impl PartialEq for KemPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for KemPublicKey {}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPublicKey(")?;
        self.bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("..)")
    }
}

/// A key pair that keys can be wrapped to. It is derived, never saved; the secret half is cleared on drop.
pub struct KemKeyPair {
    private: <XWing as hpke::Kem>::PrivateKey,
    public: KemPublicKey,
}

impl KemKeyPair {
    /// `DeriveKeyPair(material)` of X-Wing (draft-ietf-hpke-pq-03, 4).
    pub(crate) fn from_key_material(material: &[u8; SECRET_BYTES]) -> Self {
        let (private, key) = XWing::derive_keypair(material);
        let mut bytes = Box::new([0; KEM_PUBLIC_BYTES]);
        key.write_exact(bytes.as_mut_slice());
        Self { private, public: KemPublicKey { bytes, key } }
    }

    /// The public half.
    pub fn public(&self) -> &KemPublicKey {
        &self.public
    }
}

impl fmt::Debug for KemKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemKeyPair(..)")
    }
}

/// Wraps `keys`, in this order, to `recipient`.
///
/// # Errors
/// [`WrapError::Count`] for no key or too many.
pub fn wrap(
    recipient: &KemPublicKey,
    info: &[u8],
    keys: &[&SectionKey],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, WrapError> {
    if keys.is_empty() || keys.len() > WRAP_KEYS_MAX {
        return Err(WrapError::Count(keys.len()));
    }
    let mut plaintext = Zeroizing::new(Vec::with_capacity(keys.len().saturating_mul(SECRET_BYTES)));
    for key in keys {
        plaintext.extend_from_slice(key.bytes());
    }
    seal_to(recipient, &purposed(WRAP, info), &mut plaintext, rng).ok_or(WrapError::Cipher)
}

/// The `count` keys that were wrapped to `pair` with the same `info`.
///
/// # Errors
/// [`UnwrapRefused`]. An opened key is not yet the key of its epoch: the caller compares its commitment.
pub fn unwrap_keys(
    pair: &KemKeyPair,
    info: &[u8],
    wrapped: &[u8],
    count: usize,
) -> Result<Vec<SectionKey>, UnwrapRefused> {
    let expected = wrapped_bytes(count);
    if count == 0 || count > WRAP_KEYS_MAX || wrapped.len() != expected {
        return Err(UnwrapRefused::Length { expected, found: wrapped.len() });
    }
    let plaintext = open_with(pair, &purposed(WRAP, info), wrapped)?;
    plaintext
        .chunks_exact(SECRET_BYTES)
        .map(|key| SectionKey::from_store(key).ok_or(UnwrapRefused::NotAuthentic))
        .collect()
}

/// Seals `plaintext` to the inbox of a section ([`SectionKey::inbox`]), for a writer that cannot read the section.
///
/// The result is the encapsulation, the ciphertext and the tag. The caller pads before.
///
/// # Errors
/// [`WrapError::Cipher`].
pub fn seal_drop(
    inbox: &KemPublicKey,
    info: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, WrapError> {
    let mut plaintext = Zeroizing::new(plaintext.to_vec());
    seal_to(inbox, &purposed(DROP, info), &mut plaintext, rng).ok_or(WrapError::Cipher)
}

/// Opens what was sealed to this inbox with the same `info`.
///
/// # Errors
/// [`UnwrapRefused`].
pub fn open_drop(inbox: &KemKeyPair, info: &[u8], sealed: &[u8]) -> Result<Vec<u8>, UnwrapRefused> {
    let mut plaintext = open_with(inbox, &purposed(DROP, info), sealed)?;
    Ok(std::mem::take(&mut *plaintext))
}

/// What stands before `info`: what was sealed for one purpose never opens for another.
const WRAP: &[u8] = b"carnet/1 wrap\0";
const DROP: &[u8] = b"carnet/1 drop\0";

fn purposed(purpose: &[u8], info: &[u8]) -> Vec<u8> {
    [purpose, info].concat()
}

fn seal_to(
    recipient: &KemPublicKey,
    info: &[u8],
    plaintext: &mut Zeroizing<Vec<u8>>,
    rng: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let (encapsulation, tag) = single_shot_seal_inout_detached_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &recipient.key,
        info,
        InOutBuf::from(plaintext.as_mut_slice()),
        &[],
        rng,
    )
    .ok()?;
    Some([encapsulation.to_bytes().as_slice(), plaintext.as_slice(), tag.to_bytes().as_slice()].concat())
}

fn open_with(pair: &KemKeyPair, info: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnwrapRefused> {
    let refused = UnwrapRefused::NotAuthentic;
    let (encapsulation, rest) = sealed.split_first_chunk::<ENCAPSULATION_BYTES>().ok_or(refused)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(refused)?;
    let (_, point) = encapsulation.split_last_chunk::<X25519_BYTES>().ok_or(refused)?;
    if is_low_order(point) {
        return Err(UnwrapRefused::LowOrder);
    }
    let encapsulation = <XWing as hpke::Kem>::EncappedKey::from_bytes(encapsulation.as_slice()).map_err(|_| refused)?;
    let tag = AeadTag::from_bytes(tag.as_slice()).map_err(|_| refused)?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &pair.private,
        &encapsulation,
        info,
        InOutBuf::from(plaintext.as_mut_slice()),
        &[],
        &tag,
    )
    .map_err(|_| refused)?;
    Ok(plaintext)
}

/// Whether X25519 with these bytes gives zero whatever the secret (RFC 7748, 6.1). The top bit is not looked at.
fn is_low_order(point: &[u8; X25519_BYTES]) -> bool {
    let mut masked = *point;
    if let Some(top) = masked.last_mut() {
        *top &= 0x7f;
    }
    LOW_ORDER.contains(&masked)
}

/// The encodings, canonical or not, of the points of order 1, 2, 4 and 8 of the curve and of its twist.
const LOW_ORDER: [[u8; X25519_BYTES]; 7] = [
    // 0
    [0; 32],
    // 1
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    // 325606250916557431795983626356110631294008115727848805560023387167927233504
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    // 39382357235489614581723060781553021112529911719440698176882885853963445705823
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    // p - 1
    around_p(0xec),
    // p
    around_p(0xed),
    // p + 1
    around_p(0xee),
];

const fn around_p(first: u8) -> [u8; X25519_BYTES] {
    [
        first, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ]
}

#[cfg(test)]
mod tests {
    use carnet_crypto::id::KeySalt;
    use hpke::{HpkeError, kem::X25519HkdfSha256, setup_receiver};
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::secret::DeviceSeed;

    const INFO: &[u8] = b"record, author, counter, recipient";

    fn device(byte: u8) -> KemKeyPair {
        DeviceSeed::from_store(&[byte; 32]).unwrap().kem(&KeySalt([0; 32]), 0)
    }

    fn key(byte: u8) -> SectionKey {
        SectionKey::from_store(&[byte; 32]).unwrap()
    }

    fn refused(result: Result<Vec<SectionKey>, UnwrapRefused>) -> UnwrapRefused {
        result.map(|_| ()).unwrap_err()
    }

    #[test]
    fn atk_23_a_wrap_is_x_wing_and_has_its_sizes() {
        assert_eq!(XWing::KEM_ID, 0x647a);
        assert_eq!(<<XWing as hpke::Kem>::PublicKey as hpke::Serializable>::size(), KEM_PUBLIC_BYTES);
        assert_eq!(<<XWing as hpke::Kem>::EncappedKey as hpke::Serializable>::size(), ENCAPSULATION_BYTES);
        assert_eq!(<<XWing as hpke::Kem>::PrivateKey as hpke::Serializable>::size(), SECRET_BYTES);
        let rng = &mut StdRng::seed_from_u64(1);
        for count in [1, 2, 13, WRAP_KEYS_MAX] {
            let keys: Vec<SectionKey> = (0..count).map(|_| SectionKey::generate(rng)).collect();
            let wrapped = wrap(device(1).public(), INFO, &keys.iter().collect::<Vec<_>>(), rng).unwrap();
            assert_eq!(wrapped.len(), 1120 + 32 * count + 16);
            let opened = unwrap_keys(&device(1), INFO, &wrapped, count).unwrap();
            assert!(opened.len() == count && opened.iter().zip(&keys).all(|(a, b)| a.matches(b)), "{count} keys");
        }
    }

    #[test]
    fn fault_c6_a_wrap_opens_for_its_recipient_in_its_place_only() {
        let rng = &mut StdRng::seed_from_u64(2);
        let wrapped = wrap(device(1).public(), INFO, &[&key(5)], rng).unwrap();
        assert_eq!(refused(unwrap_keys(&device(2), INFO, &wrapped, 1)), UnwrapRefused::NotAuthentic);
        assert_eq!(refused(unwrap_keys(&device(1), b"elsewhere", &wrapped, 1)), UnwrapRefused::NotAuthentic);
        assert_eq!(open_drop(&device(1), INFO, &wrapped), Err(UnwrapRefused::NotAuthentic));
        let again = wrap(device(1).public(), INFO, &[&key(5)], rng).unwrap();
        assert_ne!(again, wrapped);
    }

    #[test]
    fn fault_b1_flipped_bits_and_wrong_lengths_of_a_wrap_are_refused() {
        let wrapped = wrap(device(1).public(), INFO, &[&key(5)], &mut StdRng::seed_from_u64(3)).unwrap();
        // Every bit of keys and tag, one bit of every byte of the encapsulation.
        let bits = (0..ENCAPSULATION_BYTES).map(|byte| byte * 8 + byte % 8);
        for bit in bits.chain(ENCAPSULATION_BYTES * 8..wrapped.len() * 8) {
            let mut altered = wrapped.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(refused(unwrap_keys(&device(1), INFO, &altered, 1)), UnwrapRefused::NotAuthentic, "bit {bit}");
        }
        for (count, length) in [(1, wrapped.len() - 1), (2, wrapped.len()), (0, 1136), (usize::MAX, 0), (257, 9360)] {
            let bytes = vec![0; length];
            assert!(matches!(
                refused(unwrap_keys(&device(1), INFO, &bytes, count)),
                UnwrapRefused::Length { found, .. } if found == length
            ));
        }
    }

    #[test]
    fn fault_c6_a_point_of_low_order_is_refused_in_a_wrap_and_in_a_key() {
        let wrapped = wrap(device(1).public(), INFO, &[&key(5)], &mut StdRng::seed_from_u64(4)).unwrap();
        for mut point in LOW_ORDER {
            for top in [0, 0x80] {
                point[31] = point[31] & 0x7f | top;
                let mut altered = wrapped.clone();
                altered[1088..1120].copy_from_slice(&point);
                assert_eq!(refused(unwrap_keys(&device(1), INFO, &altered, 1)), UnwrapRefused::LowOrder);
                let mut public = *device(1).public().as_bytes();
                public[1184..].copy_from_slice(&point);
                assert_eq!(KemPublicKey::from_slice(&public), Err(KemKeyRefused));
            }
        }
    }

    /// The table of points is right: HPKE over X25519 alone, which must refuse an exchange that gives zero, refuses
    /// each of them, and takes an ordinary point.
    #[test]
    fn every_point_of_the_table_has_low_order() {
        type Classical = X25519HkdfSha256;
        let (private, public) = Classical::derive_keypair(&[7; 32]);
        let receive = |point: &[u8]| {
            let encapsulated = <Classical as hpke::Kem>::EncappedKey::from_bytes(point).unwrap();
            setup_receiver::<ChaCha20Poly1305, HkdfSha256, Classical>(&OpModeR::Base, &private, &encapsulated, b"")
                .map(|_| ())
        };
        for point in &LOW_ORDER {
            assert_eq!(receive(point), Err(HpkeError::DecapError), "{point:02x?}");
        }
        assert_eq!(receive(&public.to_bytes()), Ok(()));
        assert!(!is_low_order(public.to_bytes().as_slice().try_into().unwrap()));
    }

    #[test]
    fn a_public_key_reads_back_from_its_bytes_and_from_no_other() {
        let pair = device(1);
        let bytes = *pair.public().as_bytes();
        assert_eq!(KemPublicKey::from_slice(&bytes).as_ref(), Ok(pair.public()));
        assert_eq!(KemPublicKey::from_slice(&bytes[1..]), Err(KemKeyRefused));
        assert_eq!(KemPublicKey::from_slice(&[bytes.as_slice(), &[0]].concat()), Err(KemKeyRefused));
        assert_eq!(KemPublicKey::from_slice(&[]), Err(KemKeyRefused));
        // 12 bits that are not below 3329.
        assert_eq!(KemPublicKey::from_slice(&[&[0xff, 0xff], &bytes[2..]].concat()), Err(KemKeyRefused));
    }

    #[test]
    fn too_many_keys_are_not_wrapped() {
        let rng = &mut StdRng::seed_from_u64(5);
        let one = key(1);
        assert_eq!(wrap(device(1).public(), INFO, &[], rng), Err(WrapError::Count(0)));
        assert_eq!(wrap(device(1).public(), INFO, &vec![&one; 257], rng), Err(WrapError::Count(257)));
    }

    #[test]
    fn a_drop_opens_in_the_inbox_of_its_epoch() {
        let rng = &mut StdRng::seed_from_u64(6);
        let sealed = seal_drop(key(1).inbox().public(), INFO, b"resultat", rng).unwrap();
        assert_eq!(open_drop(&key(1).inbox(), INFO, &sealed).unwrap(), b"resultat");
        assert_eq!(open_drop(&key(2).inbox(), INFO, &sealed), Err(UnwrapRefused::NotAuthentic));
        assert_eq!(open_drop(&key(1).inbox(), b"elsewhere", &sealed), Err(UnwrapRefused::NotAuthentic));
        assert_eq!(refused(unwrap_keys(&key(1).inbox(), INFO, &sealed, 1)).fault(), Fault::Peer);
    }
}
