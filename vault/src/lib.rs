//! Skeleton.
mod crdt;
pub mod blob;
pub mod store;
