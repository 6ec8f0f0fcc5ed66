//! The inventory of what the programs are built from, as a `CycloneDX` 1.6 document (ECMA-424).
//!
//! It is made from the lock file and from what cargo resolves for this platform, with all features and without what only
//! tests use. The same sources give the same bytes: it holds neither a date nor a serial number.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use serde_json::{Value, json};

/// The programs that are given to people. What they need, directly or not, is in the inventory.
pub const PROGRAMS: &[&str] = &["carnet", "carnet-relay"];

/// The SHA-256 of each package of the registry as the lock file has it, by name and version.
pub type Hashes = BTreeMap<(String, String), String>;

/// The hashes in the text of a `Cargo.lock`.
pub fn hashes(lock: &str) -> Hashes {
    let lock: toml::Table = lock.parse().expect("the lock file is TOML");
    let packages = lock["package"].as_array().expect("the lock file lists packages");
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .iter()
        .filter_map(|package| Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?)))
        .collect()
}

/// The packages that go into [`PROGRAMS`], each with those that it needs directly. `metadata` must hold the resolved graph.
pub fn closure(metadata: &Metadata) -> BTreeMap<PackageId, BTreeSet<PackageId>> {
    let graph = metadata.resolve.as_ref().expect("the dependencies were resolved");
    let mut waiting: Vec<PackageId> = metadata
        .workspace_packages()
        .iter()
        .filter(|package| PROGRAMS.contains(&package.name.as_str()))
        .map(|package| package.id.clone())
        .collect();
    let mut found = BTreeMap::new();
    while let Some(id) = waiting.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let node = graph.nodes.iter().find(|node| node.id == id).expect("every package has its node");
        let needs: BTreeSet<PackageId> = node
            .deps
            .iter()
            .filter(|needed| needed.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development))
            .map(|needed| needed.pkg.clone())
            .collect();
        waiting.extend(needs.iter().cloned());
        found.insert(id, needs);
    }
    found
}

/// The inventory. Every package of the registry carries the hash that the lock file has for it.
pub fn inventory(metadata: &Metadata, hashes: &Hashes) -> Value {
    let closure = closure(metadata);
    let package = |id: &PackageId| &metadata[id];
    let components: Vec<Value> = closure.keys().map(|id| component(package(id), hashes)).collect();
    let dependencies: Vec<Value> = closure
        .iter()
        .map(|(id, needs)| {
            let needs: Vec<String> = needs.iter().map(|id| reference(package(id))).collect();
            json!({ "ref": reference(package(id)), "dependsOn": needs })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": { "type": "application", "bom-ref": "carnet-programs", "name": "carnet" } },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(package: &Package, hashes: &Hashes) -> Value {
    let is_program = PROGRAMS.contains(&package.name.as_str());
    let mut component = json!({
        "type": if is_program { "application" } else { "library" },
        "bom-ref": reference(package),
        "name": package.name.as_str(),
        "version": package.version.to_string(),
        "purl": reference(package),
    });
    if let Some(licence) = &package.license {
        // The old form with a slash, which SPDX does not know, meant a choice.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(hash) = hashes.get(&(package.name.to_string(), package.version.to_string())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": hash }]);
    }
    component
}

/// The package URL, which is at once its name inside the inventory.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}
