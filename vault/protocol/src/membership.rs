//! Who may do what in a record, from signed operations alone. The specification is `docs/membership.md`.
//!
//! A [`MembershipLog`] takes operations in any order and keeps them as a graph. [`MembershipLog::evaluate`] is a pure
//! function of the operations and of the receipts that are held; the [`Membership`] it gives says who is who, who may do
//! what, under which epoch to write, and whether an envelope counts. Devices and relays call the same function.
//!
//! - [`op`] and [`body`]: operations in canonical form; [`detached`]: their large parts.

mod admit;
pub mod body;
pub mod detached;
mod epochs;
mod evaluate;
mod graph;
mod judge;
mod log;
mod objects;
pub mod op;
mod readers;
mod state;

pub use admit::NotAdmitted;
pub use body::{Body, Role, Scope};
pub use epochs::Epoch;
pub use evaluate::{Class, ReceiptOrder, Receipts};
pub use judge::{Candidate, Judgement, Missing, NotCounted, OneChain, Quarantined};
pub use log::{Insert, MembershipLog};
pub use objects::PublishedObject;
pub use op::{HeadsDigest, Op, OpDraft, OpRefused, device_id, principal_id};
pub use readers::{Recipient, recipients_digest};
pub use state::{CountedRemoval, Device, FeedCandidate, GrantState, Membership, OpStatus, Principal, RekeyPlan};

#[cfg(test)]
mod tests;
