//! Prints the inventory of what the programs are built from: `cargo run --package carnet-tests --bin sbom`.

use std::fs;

use carnet_tests::{sbom, workspace};

fn main() {
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).expect("the lock file can be read");
    let inventory = sbom::inventory(&workspace::resolved(), &sbom::hashes(&lock));
    println!("{}", serde_json::to_string_pretty(&inventory).expect("JSON can be written"));
}
