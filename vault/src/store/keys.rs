//! The keys of one vault file, and what is sealed with them. All derivations and ciphers are those of carnet-seal.

use carnet_seal::{
    block::{BLOCK_OVERHEAD_BYTES, BlockCipher, BlockKind, FrontMac},
    secret::VaultKey,
};

/// Bytes of a header slot on disk.
pub(super) const HEADER_SLOT_BYTES: usize = 4096;
/// Bytes of the plaintext of a header slot.
pub(super) const HEADER_SLOT_PLAIN_BYTES: usize = HEADER_SLOT_BYTES - BLOCK_OVERHEAD_BYTES;

/// The keys of one vault file. All of them die with it.
pub(super) struct Keys {
    master: VaultKey,
    file_id: [u8; 16],
    blocks: BlockCipher,
    front: FrontMac,
}

impl Keys {
    pub(super) fn new(master: VaultKey, file_id: [u8; 16]) -> Self {
        let blocks = BlockCipher::new(&master, &file_id);
        let front = FrontMac::new(&master, &file_id);
        Self { master, file_id, blocks, front }
    }

    /// The master key, to be wrapped for a key slot.
    pub(super) fn master(&self) -> &VaultKey {
        &self.master
    }

    pub(super) fn file_id(&self) -> &[u8; 16] {
        &self.file_id
    }

    pub(super) fn front(&self) -> &FrontMac {
        &self.front
    }

    /// Seals a page of the database; `sealed` is [`BLOCK_OVERHEAD_BYTES`] longer than `plain`.
    #[must_use]
    pub(super) fn seal_block(&self, index: u64, nonce: &[u8; 24], plain: &[u8], sealed: &mut [u8]) -> bool {
        self.blocks.seal_block(BlockKind::Data, index, plain, nonce, sealed).is_ok()
    }

    /// Opens a page of the database. When it is refused, `plain` is worth nothing.
    #[must_use]
    pub(super) fn open_block(&self, index: u64, sealed: &[u8], plain: &mut [u8]) -> bool {
        self.blocks.open_block(BlockKind::Data, index, sealed, plain).is_ok()
    }

    #[must_use]
    pub(super) fn seal_header(
        &self,
        slot: u64,
        nonce: &[u8; 24],
        plain: &[u8; HEADER_SLOT_PLAIN_BYTES],
        sealed: &mut [u8; HEADER_SLOT_BYTES],
    ) -> bool {
        self.blocks.seal_block(BlockKind::Header, slot, plain, nonce, sealed).is_ok()
    }

    #[must_use]
    pub(super) fn open_header(
        &self,
        slot: u64,
        sealed: &[u8; HEADER_SLOT_BYTES],
        plain: &mut [u8; HEADER_SLOT_PLAIN_BYTES],
    ) -> bool {
        self.blocks.open_block(BlockKind::Header, slot, sealed, plain).is_ok()
    }
}
