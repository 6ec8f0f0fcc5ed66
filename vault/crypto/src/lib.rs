//! What needs no secret of a record: names, hashes, signatures, and the doors through which time comes in.
//!
//! This crate is all the cryptography that a relay links. It can hash, verify, and sign with a node's own key;
//! it cannot open, unwrap or derive anything (that is carnet-seal). It does no I/O and reads no clock.
//!
//! - [`id`]: the newtypes every other crate names things with;
//! - [`digest`]: the one hash of the project, with a label for each use (`docs/format.md`, "Hashes");
//! - [`sign`]: Ed25519 with domains, and [`sign::Verified`], which only a check can make;
//! - [`door`]: how time enters; [`fault`]: who must act on an error; [`logsafe`]: what may be logged.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

pub mod digest;
pub mod door;
pub mod fault;
pub mod id;
pub mod logsafe;
pub mod sign;
