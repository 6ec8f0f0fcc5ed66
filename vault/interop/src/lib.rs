//! Outside formats, both ways: bytes to drafts and samples with a report, entries to bytes with their losses.
//!
//! - [`intake`] is the **only way in**. [`intake::read`] tells what a file is from its bytes, bounds it, and hands what
//!   it holds to its caller piece by piece; [`intake::worker`] does the same in a process that limits itself, which is
//!   how files of people are read.
//! - [`fhir`] and [`cda`] are the mapping between entries and the formats of care; `phone` reads exports of telephones.
//! - [`own`] is Carnet's own export, both ways.
//! - [`report`] joins what was read with what the vault made of it: the import report.
//!
//! This crate opens no file and no socket, reads no clock and no environment, holds no key and never logs. Everything
//! it is given is hostile: a reader bounds before it allocates, and an error carries no text of what was read.

pub mod cda;
mod document;
pub mod fhir;
pub mod intake;
mod ips;
pub mod mapping;
pub mod own;
mod phone;
pub mod report;
