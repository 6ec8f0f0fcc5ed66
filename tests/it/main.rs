//! One integration binary: everything that needs two crates.

mod architecture;
