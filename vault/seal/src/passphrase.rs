//! Passphrases, and the slot that keeps the key of a vault under one.
//!
//! A passphrase is text in NFC, so that the same keys typed on another system give the same bytes; nothing else of it is
//! changed, neither case nor spaces. Argon2id (RFC 9106) makes a key of it. Its parameters lie in the file, where
//! anyone may write: what is below the compiled minimum or above the cap is refused **before** it runs.
//!
//! ```text
//! slot = memory in KiB (4), passes (4), lanes (4), salt (16), nonce (24), encrypted vault key (32), tag (16)
//! key  = KDF("slot passphrase", Argon2id(passphrase, salt))
//! associated data = context, the 12 bytes of the parameters, the salt
//! ```

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use carnet_crypto::fault::Fault;
use rand::CryptoRng;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    aead::{self, NONCE_BYTES, TAG_BYTES},
    kdf::{Label, Subkey, derive},
    never_implements,
    secret::{SECRET_BYTES, VaultKey},
};

mod strength;

pub use strength::{PASSPHRASE_BITS_MIN, PASSPHRASE_CHARACTERS_MIN, TooWeak};

/// Longest passphrase in bytes, as typed.
pub const PASSPHRASE_BYTES_MAX: usize = 1 << 20;
/// Length of the salt in bytes.
pub const SALT_BYTES: usize = 16;
/// Length of the parameters in bytes.
pub const PARAMS_BYTES: usize = 12;
/// Length of an encoded slot in bytes.
pub const SLOT_BYTES: usize = PARAMS_BYTES + SALT_BYTES + NONCE_BYTES + SECRET_BYTES + TAG_BYTES;

/// Why a text is not taken as a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseRefused {
    /// Nothing was typed.
    #[error("the passphrase is empty")]
    Empty,
    /// The bytes are not text.
    #[error("the passphrase is not valid UTF-8")]
    NotText,
    /// Longer than [`PASSPHRASE_BYTES_MAX`].
    #[error("the passphrase is longer than {PASSPHRASE_BYTES_MAX} bytes")]
    TooLong,
}

impl PassphraseRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// What a person types to open a vault. Cleared on drop.
pub struct Passphrase(Zeroizing<String>);

never_implements!(Passphrase);

impl Passphrase {
    /// The passphrase in `typed` (UTF-8), put into NFC. The caller clears its own copy, and has cut off a line end.
    ///
    /// # Errors
    /// [`PassphraseRefused`].
    pub fn new(typed: &[u8]) -> Result<Self, PassphraseRefused> {
        if typed.is_empty() {
            return Err(PassphraseRefused::Empty);
        }
        if typed.len() > PASSPHRASE_BYTES_MAX {
            return Err(PassphraseRefused::TooLong);
        }
        let text = str::from_utf8(typed).map_err(|_| PassphraseRefused::NotText)?;
        // NFC makes no text more than three times as long (Unicode TR15, 13): the memory is never moved, so no copy of
        // the passphrase is left behind.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len().saturating_mul(3)));
        normal.extend(text.nfc());
        Ok(Self(normal))
    }

    /// The normalized text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Parameters that no honest file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsRefused {
    /// More memory, passes or lanes than [`Argon2Params::MAXIMUM`].
    #[error("the key derivation asks for more than this version allows")]
    TooMuch,
    /// Less than [`Argon2Params::MINIMUM`]: someone has lowered them.
    #[error("the key derivation is weaker than this version accepts")]
    TooWeak,
}

impl ParamsRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::TooMuch => Fault::Unsupported,
            Self::TooWeak => Fault::Disk,
        }
    }
}

/// The cost of one Argon2id (version 0x13), checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Params {
    /// What a new slot gets: 64 MiB, three passes, one lane.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that is run: 1 GiB, 16 passes, 4 lanes.
    pub const MAXIMUM: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 4 };
    /// The least that is accepted: 19 MiB, two passes, one lane.
    pub const MINIMUM: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// For those who accept to wait: 128 MiB, three passes, one lane.
    pub const STRONG: Self = Self { memory_kib: 128 * 1024, passes: 3, lanes: 1 };

    /// These parameters, if each is within the bounds.
    ///
    /// # Errors
    /// [`ParamsRefused`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParamsRefused> {
        let asked = Self { memory_kib, passes, lanes };
        if asked.any_below(Self::MINIMUM) {
            return Err(ParamsRefused::TooWeak);
        }
        if Self::MAXIMUM.any_below(asked) {
            return Err(ParamsRefused::TooMuch);
        }
        Ok(asked)
    }

    /// Memory in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    fn any_below(self, other: Self) -> bool {
        self.memory_kib < other.memory_kib || self.passes < other.passes || self.lanes < other.lanes
    }

    fn to_bytes(self) -> [u8; PARAMS_BYTES] {
        let mut bytes = [0; PARAMS_BYTES];
        let fields = [self.memory_kib, self.passes, self.lanes].map(u32::to_le_bytes);
        for (to, from) in bytes.iter_mut().zip(fields.as_flattened()) {
            *to = *from;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, SlotRefused> {
        let (fields, []) = bytes.as_chunks::<4>() else { return Err(SlotRefused::Length) };
        let [memory, passes, lanes] = fields else { return Err(SlotRefused::Length) };
        let [memory, passes, lanes] = [memory, passes, lanes].map(|field| u32::from_le_bytes(*field));
        Self::new(memory, passes, lanes).map_err(SlotRefused::Params)
    }
}

/// Why Argon2id did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Argon2Error {
    /// The algorithm refused its input. It has no reason to.
    #[error("the key derivation refused its input")]
    Input,
    /// The machine does not have the memory.
    #[error("not enough memory for the key derivation: {0} KiB are needed")]
    NoMemory(u32),
}

impl Argon2Error {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Input => Fault::Ours,
            Self::NoMemory(_) => Fault::Caller,
        }
    }
}

/// Why bytes are not a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotRefused {
    /// Not [`SLOT_BYTES`] long.
    #[error("a key slot has {SLOT_BYTES} bytes")]
    Length,
    /// Parameters out of bounds.
    #[error(transparent)]
    Params(#[from] ParamsRefused),
}

impl SlotRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Length => Fault::Disk,
            Self::Params(params) => params.fault(),
        }
    }
}

/// Why a slot did not give the vault key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// Argon2id could not run.
    #[error(transparent)]
    Argon2(#[from] Argon2Error),
    /// Another passphrase, or a slot that was altered: they cannot be told apart.
    #[error("the passphrase does not open this vault")]
    WrongPassphrase,
}

impl UnlockError {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Argon2(error) => error.fault(),
            Self::WrongPassphrase => Fault::Caller,
        }
    }
}

/// A vault key under a passphrase, as it lies in the front of the vault file. It may be seen by anyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassphraseSlot {
    params: Argon2Params,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
    wrapped: [u8; SECRET_BYTES + TAG_BYTES],
}

impl PassphraseSlot {
    /// Puts `key` under `passphrase`. `context` says which file and slot this is (format version, file id, slot type).
    ///
    /// Whether the passphrase is strong enough is asked before ([`Passphrase::check_strength`]).
    ///
    /// # Errors
    /// [`Argon2Error`].
    pub fn seal(
        key: &VaultKey,
        passphrase: &Passphrase,
        params: Argon2Params,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Argon2Error> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);
        let mut wrapped = [0; SECRET_BYTES + TAG_BYTES];
        let (secret, tag) = wrapped.split_at_mut(SECRET_BYTES);
        let kek = key_of(passphrase, &salt, &params)?;
        secret.copy_from_slice(key.bytes());
        tag.copy_from_slice(&aead::seal(&kek, &nonce, &associated(context, &params, &salt), secret));
        Ok(Self { params, salt, nonce, wrapped })
    }

    /// The vault key.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn open(&self, passphrase: &Passphrase, context: &[u8]) -> Result<VaultKey, UnlockError> {
        let kek = key_of(passphrase, &self.salt, &self.params)?;
        let associated = associated(context, &self.params, &self.salt);
        let opened = aead::open_vec(&kek, &self.nonce, &associated, &self.wrapped);
        let opened = Zeroizing::new(opened.map_err(|_| UnlockError::WrongPassphrase)?);
        VaultKey::from_store(&opened).ok_or(UnlockError::WrongPassphrase)
    }

    /// The cost it was made with.
    pub fn params(&self) -> &Argon2Params {
        &self.params
    }

    /// The 100 bytes of the slot.
    pub fn to_bytes(&self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        let params = self.params.to_bytes();
        let fields = params.iter().chain(&self.salt).chain(&self.nonce).chain(&self.wrapped);
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = *from;
        }
        bytes
    }

    /// The slot in `bytes`, its parameters checked.
    ///
    /// # Errors
    /// [`SlotRefused`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SlotRefused> {
        let (params, rest) = bytes.split_first_chunk::<PARAMS_BYTES>().ok_or(SlotRefused::Length)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(SlotRefused::Length)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(SlotRefused::Length)?;
        let wrapped = rest.try_into().map_err(|_| SlotRefused::Length)?;
        Ok(Self { params: Argon2Params::from_bytes(params)?, salt: *salt, nonce: *nonce, wrapped })
    }
}

/// Argon2id of `secret`, 32 bytes. The memory is cleared before it is given back.
pub(crate) fn argon2id(secret: &[u8], salt: &[u8; SALT_BYTES], params: &Argon2Params) -> Result<Subkey, Argon2Error> {
    let no_memory = Argon2Error::NoMemory(params.memory_kib);
    let cost = Params::new(params.memory_kib, params.passes, params.lanes, Some(SECRET_BYTES))
        .map_err(|_| Argon2Error::Input)?;
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(cost.block_count()).map_err(|_| no_memory)?;
    memory.resize(cost.block_count(), Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    let run = Subkey::fill(|out| argon2.hash_password_into_with_memory(secret, salt, out, memory.as_mut_slice()));
    for block in &mut memory {
        block.as_mut().zeroize();
    }
    run.map_err(|_| Argon2Error::Input)
}

fn key_of(passphrase: &Passphrase, salt: &[u8; SALT_BYTES], params: &Argon2Params) -> Result<Subkey, Argon2Error> {
    let stretched = argon2id(passphrase.text().as_bytes(), salt, params)?;
    Ok(derive(Label::SlotPassphrase, &stretched, &[]))
}

fn associated(context: &[u8], params: &Argon2Params, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    // The two fields at the end have a fixed length, so the parts are unambiguous.
    [context, &params.to_bytes(), salt].concat()
}

#[cfg(test)]
mod tests;
