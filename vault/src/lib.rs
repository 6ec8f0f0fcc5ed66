//! Skeleton.
mod crdt;
pub mod store;
