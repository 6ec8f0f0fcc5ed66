//! What the store needs a key for: sealing its blocks, authenticating its front area, naming what lies beside it.
//!
//! A sealed block is the nonce (24 bytes), the tag (16), the ciphertext. Kind and index are authenticated, the file id
//! goes into the key: a block opens at its own place in its own file only. Replay of an older block at the same place
//! is the store's to detect (`docs/format.md`).

use carnet_crypto::{digest::Hasher, fault::Fault};
use subtle::ConstantTimeEq as _;

use crate::{
    aead::{self, NONCE_BYTES, TAG_BYTES},
    kdf::{Label, Subkey, derive},
    secret::VaultKey,
};

/// Plaintext of an ordinary block, in bytes: one page of redb.
pub const BLOCK_BYTES: usize = 4096;
/// By how much a sealed block is longer: the nonce and the tag.
pub const BLOCK_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// Length of an ordinary block as it lies on disk.
pub const SEALED_BLOCK_BYTES: usize = BLOCK_BYTES + BLOCK_OVERHEAD_BYTES;
/// Length of the nonce of a block, which the caller draws: one call of the generator serves many blocks.
pub const BLOCK_NONCE_BYTES: usize = NONCE_BYTES;
/// Length of the file id.
pub const FILE_ID_BYTES: usize = 16;

/// The version of the layout of blocks, authenticated with each.
const BLOCK_FORMAT: u8 = 1;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// A slot of the header.
    Header,
    /// A page of the database.
    Data,
}

/// Why a block was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The two buffers do not differ by [`BLOCK_OVERHEAD_BYTES`].
    #[error("a block of {plain} bytes does not fit one of {sealed} bytes on disk")]
    Length {
        /// Bytes of the plaintext buffer.
        plain: usize,
        /// Bytes of the sealed buffer.
        sealed: usize,
    },
    /// Altered, moved, of another file, never written, or another key.
    #[error("block {index} is not authentic")]
    NotAuthentic {
        /// The index that was asked for.
        index: u64,
    },
}

impl BlockError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Length { .. } => Fault::Ours,
            Self::NotAuthentic { .. } => Fault::Disk,
        }
    }
}

/// The cipher of the blocks of one store file.
pub struct BlockCipher(Subkey);

impl BlockCipher {
    /// The cipher for the file with this id.
    pub fn new(key: &VaultKey, file_id: &[u8; FILE_ID_BYTES]) -> Self {
        Self(derive(Label::StoreBlock, key.bytes(), &[file_id]))
    }

    /// Seals `plaintext` into `sealed`. The nonce is fresh and random for every write.
    ///
    /// # Errors
    /// [`BlockError::Length`].
    pub fn seal_block(
        &self,
        kind: BlockKind,
        index: u64,
        plaintext: &[u8],
        nonce: &[u8; BLOCK_NONCE_BYTES],
        sealed: &mut [u8],
    ) -> Result<(), BlockError> {
        let wrong = BlockError::Length { plain: plaintext.len(), sealed: sealed.len() };
        let (to_nonce, rest) = sealed.split_first_chunk_mut::<NONCE_BYTES>().ok_or(wrong)?;
        let (to_tag, body) = rest.split_first_chunk_mut::<TAG_BYTES>().ok_or(wrong)?;
        if body.len() != plaintext.len() {
            return Err(wrong);
        }
        body.copy_from_slice(plaintext);
        *to_nonce = *nonce;
        *to_tag = aead::seal(&self.0, nonce, &place(kind, index), body);
        Ok(())
    }

    /// Opens `sealed` into `plaintext`, which is all zeros when it is refused.
    ///
    /// # Errors
    /// [`BlockError::Length`], [`BlockError::NotAuthentic`].
    pub fn open_block(
        &self,
        kind: BlockKind,
        index: u64,
        sealed: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), BlockError> {
        let wrong = BlockError::Length { plain: plaintext.len(), sealed: sealed.len() };
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(wrong)?;
        let (tag, body) = rest.split_first_chunk::<TAG_BYTES>().ok_or(wrong)?;
        if body.len() != plaintext.len() {
            return Err(wrong);
        }
        plaintext.copy_from_slice(body);
        aead::open(&self.0, nonce, &place(kind, index), plaintext, tag).map_err(|_| BlockError::NotAuthentic { index })
    }
}

/// The associated data of a block: the version, the kind, the index.
fn place(kind: BlockKind, index: u64) -> [u8; 10] {
    let kind = match kind {
        BlockKind::Header => 1,
        BlockKind::Data => 2,
    };
    let mut place = [0; 10];
    for (to, from) in place.iter_mut().zip([BLOCK_FORMAT, kind].into_iter().chain(index.to_le_bytes())) {
        *to = from;
    }
    place
}

/// Authenticates the front area, where the key slots are: without it, removing a slot would go unnoticed.
pub struct FrontMac(Subkey);

impl FrontMac {
    /// The authenticator for the file with this id.
    pub fn new(key: &VaultKey, file_id: &[u8; FILE_ID_BYTES]) -> Self {
        Self(derive(Label::StoreFront, key.bytes(), &[file_id]))
    }

    /// The 32-byte tag of `front`.
    pub fn tag(&self, front: &[u8]) -> [u8; 32] {
        keyed(&self.0, "front", front)
    }

    /// Whether `tag` is the tag of `front`, in constant time.
    pub fn is_valid(&self, front: &[u8], tag: &[u8; 32]) -> bool {
        self.tag(front).ct_eq(tag).into()
    }
}

/// Names files beside the store, so that a name in the folder tells nothing of the content.
pub struct NameKey(Subkey);

impl NameKey {
    /// The names for the store file with this id.
    pub fn new(key: &VaultKey, file_id: &[u8; FILE_ID_BYTES]) -> Self {
        Self(derive(Label::StoreName, key.bytes(), &[file_id]))
    }

    /// The name of the object called `id` inside.
    pub fn name(&self, id: &[u8]) -> [u8; 16] {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(keyed(&self.0, "name", id)) {
            *to = from;
        }
        name
    }
}

/// `H(label, key, bytes)`: BLAKE3 is safe as a keyed hash in this form.
fn keyed(key: &Subkey, label: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new(label);
    let tag = hasher.part(key.as_slice()).part(bytes).finish();
    hasher.clear();
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: [u8; FILE_ID_BYTES] = [7; FILE_ID_BYTES];

    fn key(byte: u8) -> VaultKey {
        VaultKey::from_store(&[byte; 32]).unwrap()
    }

    fn sealed(kind: BlockKind, index: u64) -> Vec<u8> {
        let mut sealed = vec![0; SEALED_BLOCK_BYTES];
        BlockCipher::new(&key(1), &FILE).seal_block(kind, index, &[3; BLOCK_BYTES], &[9; 24], &mut sealed).unwrap();
        sealed
    }

    fn opens(key: &VaultKey, file: &[u8; 16], kind: BlockKind, index: u64, sealed: &[u8]) -> bool {
        let mut page = vec![0xee; BLOCK_BYTES];
        let opened = BlockCipher::new(key, file).open_block(kind, index, sealed, &mut page);
        match opened {
            Ok(()) => assert_eq!(page, [3; BLOCK_BYTES]),
            Err(error) => {
                assert_eq!(error, BlockError::NotAuthentic { index });
                assert_eq!(page, [0; BLOCK_BYTES], "a refused block reads as zeros");
            }
        }
        opened.is_ok()
    }

    #[test]
    fn fault_b3_a_block_opens_at_its_own_place_only() {
        let block = sealed(BlockKind::Data, 7);
        assert!(opens(&key(1), &FILE, BlockKind::Data, 7, &block));
        for (other, file, kind, index) in [
            (key(2), FILE, BlockKind::Data, 7),
            (key(1), [8; 16], BlockKind::Data, 7),
            (key(1), FILE, BlockKind::Header, 7),
            (key(1), FILE, BlockKind::Data, 8),
            (key(1), FILE, BlockKind::Data, 7 << 32),
        ] {
            assert!(!opens(&other, &file, kind, index, &block));
        }
    }

    #[test]
    fn fault_b1_a_flipped_bit_of_any_byte_of_a_block_is_refused() {
        let block = sealed(BlockKind::Header, 0);
        for byte in 0..block.len() {
            let mut altered = block.clone();
            altered[byte] ^= 1 << (byte % 8);
            assert!(!opens(&key(1), &FILE, BlockKind::Header, 0, &altered), "byte {byte}");
        }
    }

    #[test]
    fn buffers_of_the_wrong_length_are_an_error_not_a_panic() {
        let cipher = BlockCipher::new(&key(1), &FILE);
        for (plain, disk) in [(0, 0), (0, 39), (0, 41), (4096, 4096), (4096, 4135), (4097, 4136)] {
            let wrong = Err(BlockError::Length { plain, sealed: disk });
            let (mut page, mut block) = (vec![0; plain], vec![0; disk]);
            assert_eq!(cipher.seal_block(BlockKind::Data, 0, &page, &[0; 24], &mut block), wrong);
            assert_eq!(cipher.open_block(BlockKind::Data, 0, &block, &mut page), wrong);
        }
    }

    #[test]
    fn fault_b7_the_front_area_cannot_be_altered_or_moved() {
        let mac = FrontMac::new(&key(1), &FILE);
        let tag = mac.tag(b"two key slots");
        assert!(mac.is_valid(b"two key slots", &tag));
        assert!(!mac.is_valid(b"one key slot", &tag));
        assert!(!FrontMac::new(&key(2), &FILE).is_valid(b"two key slots", &tag));
        assert!(!FrontMac::new(&key(1), &[8; 16]).is_valid(b"two key slots", &tag));
    }

    #[test]
    fn a_name_tells_nothing_without_the_key() {
        let names = NameKey::new(&key(1), &FILE);
        assert_eq!(names.name(b"blob"), NameKey::new(&key(1), &FILE).name(b"blob"));
        assert_ne!(names.name(b"blob"), names.name(b"blog"));
        assert_ne!(names.name(b"blob"), NameKey::new(&key(2), &FILE).name(b"blob"));
    }
}
