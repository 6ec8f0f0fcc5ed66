//! Everything that touches a secret of a record: sealing, wrapping, deriving, passphrases, codes.
//!
//! A relay never links this crate. It does no input and no output, reads no clock, and takes chance as
//! `&mut impl rand::CryptoRng`. The bytes it makes are those of `docs/format.md`; each primitive has vectors in
//! `tests/vectors/seal`.
//!
//! | to | use |
//! |---|---|
//! | hold a secret | [`secret`]: one type for each purpose |
//! | seal what belongs to a section | [`envelope`]: payloads, objects, the ladder |
//! | give section keys to a device | [`wrap`]: HPKE with X-Wing |
//! | grow the keys of a device or of a recovery kit | `signing_key`, `kem`, `transport` of [`secret::DeviceSeed`] and [`secret::RootSeed`] |
//! | seal the store on disk | [`block`] |
//! | seal an attached file | [`stream`], padded with [`pad`] |
//! | open a vault with a passphrase | [`passphrase`] |
//! | invite a device | [`code`] (typed form), [`ticket`] (slot and messages), [`sas`] (six digits) |
//! | print a recovery kit | [`words`] |
//! | let a browser in | [`token`] |
#![deny(clippy::indexing_slicing, clippy::as_conversions)]
// Tests count bytes and bits freely; everything else says what happens at the ends of the range.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod aead;
pub mod block;
pub mod code;
pub mod envelope;
mod kdf;
pub mod pad;
pub mod passphrase;
pub mod sas;
pub mod secret;
pub mod stream;
pub mod ticket;
pub mod token;
#[cfg(test)]
mod vectors;
pub mod words;
pub mod wrap;
#[cfg(test)]
mod wycheproof;

use secret::never_implements;
