//! The record model: what one health fact is, as pure data.
//!
//! From a raw value to an entry:
//!
//! 1. a form or an import builds a [`Draft`]: a [`Fact`] (one variant per kind, in [`kind`]) with its provenance;
//! 2. [`Draft::validate`] applies the rules of [`validate`]: what a person types is refused outside the bounds,
//!    what a file says is kept with a warning;
//! 3. the vault gives it an [`EntryId`] and keeps it as an [`Entry`], field by field ([`Entry::to_fields`]).
//!
//! Dense samples never become entries: they travel in [`batch`] columns. What a reader of an outside format streams
//! out is an [`item::Item`].
//!
//! This crate never does I/O, never logs, reads no clock, holds no cryptography and computes with no floating-point
//! number: a quantity keeps the digits it was written with ([`Decimal`]), a partial date is never filled up
//! ([`PartialDate`]). It has no type named Record: the live record is the vault's.
#![deny(clippy::float_arithmetic, clippy::indexing_slicing)]

pub mod batch;
pub mod code;
pub mod date;
pub mod draft;
pub mod entry;
pub mod form;
pub mod item;
pub mod kind;
pub mod measure;
pub mod person;
pub mod prevention;
pub mod provenance;
pub mod quantity;
pub mod section;
pub mod validate;
pub mod zone;

pub use crate::code::{Coding, Concept};
pub use crate::date::{Day, Instant, PartialDate, When};
pub use crate::draft::{Draft, SourceKey};
pub use crate::entry::{Entry, EntryId, LinkKind, Removal, Status};
pub use crate::kind::Fact;
pub use crate::provenance::{Origin, Provenance};
pub use crate::quantity::{Comparator, Decimal, Quantity};
pub use crate::section::SectionKind;
pub use crate::zone::ZoneHistory;
