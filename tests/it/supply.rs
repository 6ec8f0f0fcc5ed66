//! Holds what the programs are built from to what was looked at: where it comes from, its licence, what of it runs while
//! building, what is there twice, and the inventory that is published of it. No network is asked.
//!
//! A list that fails here is changed by hand, after a look at what came in. `docs/dependencies.md` says what to look for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};
use carnet_tests::{
    sbom,
    workspace::{resolved, root},
};

/// Licences that go with the EUPL-1.2 without asking anything of who passes the programs on but their text.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that run a program of their own while building. Such a program may do whatever the builder may.
const BUILD_PROGRAMS: &[&str] = &[
    "blake3",
    "borsh",
    "crc32fast",
    "curve25519-dalek",
    "encoding_rs",
    "generic-array",
    "getrandom",
    "httparse",
    "icu_normalizer_data",
    "icu_properties_data",
    "iroh",
    "iroh-dns",
    "iroh-relay",
    "libc",
    "n0-dns-resolver",
    "n0-future",
    "netdev",
    "netwatch",
    "noq",
    "noq-udp",
    "num-traits",
    "paste",
    "pco",
    "portable-atomic",
    "proc-macro2",
    "quote",
    "redb",
    "ref-cast",
    "ring",
    "rustix",
    "rustls",
    "rustversion",
    "serde",
    "serde_core",
    "serde_json",
    "slotmap",
    "thiserror",
    "zerocopy",
    "zmij",
];

/// Packages that are there in two versions, because two of those that we chose need different ones.
const TWICE: &[&str] = &[
    "aead",
    "aes",
    "base64",
    "cipher",
    "cpufeatures",
    "crypto-common",
    "embedded-io",
    "getrandom",
    "inout",
    "netlink-packet-core",
    "netlink-packet-route",
    "netlink-sys",
    "rand_core",
    "syn",
    "universal-hash",
];

/// What must not come in by any way: a second TLS, or C where there is Rust.
const NEVER: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-sys", "libsqlite3-sys", "zstd-sys"];

/// The packages that go into the programs on this platform.
fn shipped(metadata: &Metadata) -> Vec<&Package> {
    let shipped: Vec<_> = sbom::closure(metadata).keys().map(|id| &metadata[id]).collect();
    assert!(shipped.len() > 100, "the dependencies were resolved");
    shipped
}

#[test]
fn every_package_comes_from_one_registry_with_its_hash() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file can be read");
    let lock: toml::Table = lock.parse().expect("the lock file is TOML");
    let mut registries = BTreeSet::new();
    let mut wrong = Vec::new();
    for package in lock["package"].as_array().expect("the lock file lists packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let checksum = package.get("checksum").and_then(toml::Value::as_str).unwrap_or_default();
        match package.get("source").and_then(toml::Value::as_str) {
            None if name.starts_with("carnet") => {}
            None => wrong.push(format!("{name} comes from a folder")),
            Some(source) if !source.starts_with("registry+") => wrong.push(format!("{name} comes from {source}")),
            Some(_) if checksum.len() != 64 => wrong.push(format!("{name} has no hash")),
            Some(source) => {
                registries.insert(source.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(registries.len(), 1, "{registries:#?}");
}

/// The workspaces that stand apart are built seldom: a lock file that no longer fits would show only then.
#[test]
fn the_lock_files_of_the_workspaces_apart_fit_what_our_packages_need() {
    let metadata = resolved();
    let mut wrong = Vec::new();
    for apart in ["bench", "fuzz"] {
        let lock = fs::read_to_string(root().join("tests").join(apart).join("Cargo.lock")).expect("it has a lock file");
        let lock: toml::Table = lock.parse().expect("the lock file is TOML");
        let mut ours = 0;
        for locked in lock["package"].as_array().expect("the lock file lists packages") {
            let Some(package) = metadata.packages.iter().find(|package| {
                locked.get("source").is_none() && package.name.as_str() == locked["name"].as_str().unwrap_or_default()
            }) else {
                continue;
            };
            ours += 1;
            let known: BTreeSet<&str> = locked
                .get("dependencies")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str()?.split(' ').next())
                .collect();
            for needed in &package.dependencies {
                let is_built = needed.kind != DependencyKind::Development && !needed.optional;
                if is_built && !known.contains(needed.name.as_str()) {
                    wrong.push(format!("tests/{apart}/Cargo.lock: {} lacks {}", package.name, needed.name));
                }
            }
        }
        assert!(ours > 3, "tests/{apart} is built from our packages");
    }
    assert!(wrong.is_empty(), "run `cargo update --workspace` there: {wrong:#?}");
}

#[test]
fn every_licence_goes_with_ours() {
    let metadata = resolved();
    let wrong: Vec<_> = shipped(&metadata)
        .into_iter()
        .filter(|package| !package.name.starts_with("carnet"))
        .filter(|package| !package.license.as_deref().is_some_and(is_accepted))
        .map(|package| format!("{}: {:?}", package.name, package.license))
        .collect();
    assert!(wrong.is_empty(), "licences that nobody has accepted: {wrong:#?}");
}

/// Whether one can keep `licence` by keeping only those of [`LICENCES`].
fn is_accepted(licence: &str) -> bool {
    spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|required| {
            required.license.id().is_some_and(|id| LICENCES.contains(&id.name)) && required.addition.is_none()
        })
    })
}

#[test]
fn a_licence_is_read_as_the_choice_or_the_sum_that_it_is() {
    assert!(is_accepted("GPL-2.0-only OR MIT"));
    assert!(is_accepted("MIT/Apache-2.0"));
    assert!(!is_accepted("GPL-3.0-only"));
    assert!(!is_accepted("MIT AND GPL-3.0-only"));
    assert!(!is_accepted("LicenseRef-mine"));
}

#[test]
fn what_runs_while_building_is_known() {
    let metadata = resolved();
    let found: BTreeSet<_> = shipped(&metadata)
        .into_iter()
        .filter(|package| package.targets.iter().any(|target| target.kind.contains(&TargetKind::CustomBuild)))
        .map(|package| package.name.as_str())
        .collect();
    let new: Vec<_> = found.iter().filter(|name| !BUILD_PROGRAMS.contains(name)).collect();
    assert!(new.is_empty(), "packages that run a program while building, and that nobody has looked at: {new:?}");
}

#[test]
fn nothing_new_is_there_twice_and_nothing_banned_at_all() {
    let metadata = resolved();
    let mut versions: BTreeMap<_, u32> = BTreeMap::new();
    for package in shipped(&metadata) {
        *versions.entry(package.name.as_str()).or_default() += 1;
    }
    let twice: Vec<_> = versions.iter().filter(|(name, count)| **count > 1 && !TWICE.contains(name)).collect();
    assert!(twice.is_empty(), "packages in several versions: {twice:?}");
    let banned: Vec<_> = NEVER.iter().filter(|name| versions.contains_key(*name)).collect();
    assert!(banned.is_empty(), "banned packages: {banned:?}");
}

#[test]
fn the_inventory_names_everything_once_with_its_hash() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file can be read");
    let metadata = resolved();
    let inventory = sbom::inventory(&metadata, &sbom::hashes(&lock));
    let components = inventory["components"].as_array().expect("a list");
    let references: BTreeSet<_> = components.iter().map(|component| component["bom-ref"].as_str()).collect();
    assert_eq!(references.len(), components.len(), "a name inside the inventory stands for one package");
    assert_eq!(components.len(), shipped(&metadata).len());
    for component in components {
        let name = component["name"].as_str().expect("a name");
        let has_hash = component["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() == 64);
        assert_eq!(has_hash, !name.starts_with("carnet"), "{name}");
        assert!(component["licenses"][0]["expression"].is_string(), "{name} has a licence");
    }
    for line in inventory["dependencies"].as_array().expect("a list") {
        for needed in line["dependsOn"].as_array().expect("a list") {
            assert!(references.contains(&needed.as_str()), "{needed} is in the inventory");
        }
    }
    let only_tested: Vec<_> =
        ["proptest", "spdx", "cargo_metadata"].iter().filter(|name| is_in(components, name)).collect();
    assert!(only_tested.is_empty(), "only tests need {only_tested:?}");
    assert!(is_in(components, "automerge") && is_in(components, "redb") && is_in(components, "carnet-relay"));
    println!("inventory: {} packages", components.len());
}

fn is_in(components: &[serde_json::Value], name: &str) -> bool {
    components.iter().any(|component| component["name"] == name)
}
