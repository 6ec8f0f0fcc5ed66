//! Who may do what in a record, from signed operations alone. The specification is `docs/membership.md`.
//!
//! - [`op`] and [`body`]: operations in canonical form; [`detached`]: their large parts.

pub mod body;
pub mod detached;
pub mod op;

pub use body::{Body, Role, Scope};
pub use op::{HeadsDigest, Op, OpDraft, OpRefused, device_id, principal_id};
