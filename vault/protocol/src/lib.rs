//! The rules that devices and relays must apply alike: envelopes, feeds, membership, checkpoints, frames.
//!
//! Everything here is a pure function of bytes that came from outside. This crate does no I/O, reads no clock, holds no
//! secret of a record and knows nothing of Automerge: a relay links it and stays blind. The specification is
//! `docs/protocol.md` and `docs/membership.md`.
//!
//! - [`codec`]: the one canonical encoding; [`limits`]: the bounds of everything; [`version`]: what is understood at all;
//! - [`envelope`]: the signed and sealed unit that travels; [`payload`]: what lies inside once opened;
//! - [`feed`]: chains of envelopes, their order and their forks; [`volume`]: how volumes are numbered;
//! - [`membership`]: the operations of a record, and what they amount to;
//! - [`checkpoint`]: what a relay signs; [`frame`]: what goes over a stream.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

pub mod checkpoint;
pub mod codec;
pub mod envelope;
pub mod feed;
pub mod frame;
pub mod limits;
pub mod membership;
pub mod merkle;
pub mod payload;
pub mod version;
pub mod volume;

#[cfg(test)]
mod vectors;
