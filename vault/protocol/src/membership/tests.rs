//! Stories about who may do what. Each says what someone tried, and what every replica must answer.

#![allow(clippy::arithmetic_side_effects, reason = "small numbers in stories")]

mod converge;
mod envelopes;
mod epochs;
mod log;
mod removals;
mod rights;
mod world;
