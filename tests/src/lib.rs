//! The harness: what the integration tests share. Nothing outside `tests/` imports it.

pub mod crash;
pub mod faults;
pub mod fixtures;
pub mod keyring;
pub mod lies;
pub mod process;
pub mod sbom;
pub mod terminal;
pub mod weakened;
pub mod workspace;
