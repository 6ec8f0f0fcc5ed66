//! What may be written to a log: errors and pseudonymous identifiers, never health data, names or keys.

use std::fmt;

/// Marks a type whose `Display` carries no health data, no name and no key. Logging helpers take nothing else.
pub trait LogSafe: fmt::Display {}

impl LogSafe for crate::door::UnixMillis {}
impl LogSafe for u64 {}
impl LogSafe for usize {}
