//! What decides, apart from what moves bytes: pure states that turn frames into what is to be done.
//!
//! Nothing here opens a socket, awaits (but for the host of a slot, which does nothing else), or touches a vault.

pub(crate) mod batch;
pub(crate) mod relay;
pub(crate) mod slot;
