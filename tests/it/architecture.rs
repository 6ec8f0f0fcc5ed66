//! Enforces `docs/architecture.md`: who may depend on whom, where guarded names may stand, what the relay links.
//!
//! "The relay is blind" is not a promise in prose: it is read off its dependency tree here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use cargo_metadata::DependencyKind;
use carnet_tests::workspace::{manifests, root};

/// Edges between our crates. An edge that is not here fails the build until `docs/architecture.md` allows it.
const EDGES: &[(&str, &[&str])] = &[
    ("carnet", &["carnet-interop", "carnet-record", "carnet-relay", "carnet-sync", "carnet-vault"]),
    ("carnet-crypto", &[]),
    ("carnet-interop", &["carnet-record"]),
    ("carnet-protocol", &["carnet-crypto"]),
    ("carnet-record", &[]),
    ("carnet-relay", &["carnet-crypto", "carnet-protocol"]),
    ("carnet-seal", &["carnet-crypto"]),
    ("carnet-sync", &["carnet-crypto", "carnet-protocol", "carnet-vault"]),
    ("carnet-vault", &["carnet-crypto", "carnet-protocol", "carnet-record", "carnet-seal"]),
];

/// Outside crates that may be a direct dependency only in the named crates.
const PLACES: &[(&[&str], &[&str])] = &[
    (
        &[
            "argon2",
            "bip39",
            "blake3",
            "chacha20",
            "chacha20poly1305",
            "ed25519-dalek",
            "hpke",
            "ring",
            "subtle",
            "x25519-dalek",
            "aes-gcm",
        ],
        &["carnet-crypto", "carnet-seal"],
    ),
    (&["automerge"], &["carnet-vault"]),
    (&["redb"], &["carnet-vault", "carnet-relay"]),
    (&["iroh"], &["carnet-sync", "carnet-relay"]),
    (&["reqwest", "hyper", "ureq"], &[]),
    (&["axum"], &["carnet", "carnet-relay"]),
    (&["quick-xml", "zip", "rusqlite", "csv", "image"], &["carnet-interop"]),
    (&["tokio", "async-std", "smol"], &["carnet-sync", "carnet-relay", "carnet"]),
    (&["anyhow", "eyre"], &[]),
];

/// Names that may stand in source text only in the named files (a path that ends in `/` allows the folder).
const GUARDED: &[(&str, &[&str])] = &[
    ("automerge::", &["vault/src/crdt.rs", "vault/src/crdt/"]),
    ("redb::", &["vault/src/store.rs", "vault/src/store/", "sync/relay/src/store.rs", "sync/relay/src/store/"]),
    ("iroh::", &["sync/src/net.rs", "sync/src/net/", "sync/relay/src/net.rs", "sync/relay/src/net/"]),
    (
        "Command::new",
        &[
            "vault/interop/src/intake/worker.rs",
            "vault/interop/src/intake/worker/",
            "cli/src/command/demo.rs",
            "cli/src/command/demo/",
        ],
    ),
];

/// What must not appear in the tree of the relay, resolved alone.
const NEVER_IN_THE_RELAY: &[&str] = &[
    "carnet-vault",
    "carnet-seal",
    "carnet-record",
    "carnet-interop",
    "automerge",
    "argon2",
    "hpke",
    "chacha20poly1305",
];

#[test]
fn crates_depend_on_each_other_only_as_the_house_allows() {
    let metadata = manifests();
    let allowed: BTreeMap<_, BTreeSet<_>> =
        EDGES.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if name == "carnet-tests" {
            continue;
        }
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("{name} is a crate that the house does not know"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal) {
            if dependency.name.starts_with("carnet") && !allowed.contains(dependency.name.as_str()) {
                wrong.push(format!("{name} -> {}", dependency.name));
            }
            if dependency.name == "carnet-relay" && !dependency.optional {
                wrong.push(format!("{name} -> carnet-relay must be optional, behind the feature `demo`"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that docs/architecture.md does not list: {wrong:#?}");
}

#[test]
fn outside_crates_stand_only_where_they_belong() {
    let metadata = manifests();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        if package.name.as_str() == "carnet-tests" {
            continue;
        }
        for dependency in &package.dependencies {
            for (names, places) in PLACES {
                let misplaced = names.contains(&dependency.name.as_str()) && !places.contains(&package.name.as_str());
                if misplaced && dependency.kind == DependencyKind::Normal {
                    wrong.push(format!("{} in {}", dependency.name, package.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "misplaced dependencies: {wrong:#?}");
}

#[test]
fn guarded_names_stand_only_in_their_files() {
    let mut wrong = Vec::new();
    for file in sources() {
        let path = file.strip_prefix(root()).expect("under the root").to_string_lossy().into_owned();
        if path.starts_with("tests/") || path.contains("/tests/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file is text");
        for (name, places) in GUARDED {
            let allowed =
                places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)));
            let stands = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.match_indices(name).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if stands && !allowed {
                wrong.push(format!("{name} in {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "guarded names out of their files: {wrong:#?}");
}

#[test]
fn the_relay_alone_links_nothing_that_could_read_a_record() {
    #[expect(clippy::disallowed_methods, reason = "only cargo knows what a crate links when it is resolved alone")]
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "carnet-relay",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    let linked: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(linked.contains("carnet-protocol") && linked.contains("redb"), "the tree was read: {linked:?}");
    let found: Vec<_> = NEVER_IN_THE_RELAY.iter().filter(|name| linked.contains(**name)).collect();
    assert!(found.is_empty(), "the relay links {found:?}");
}

#[test]
fn every_direct_dependency_has_its_line_in_the_ledger() {
    let ledger = fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md is there");
    let metadata = manifests();
    let direct: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.name.clone())
        .filter(|name| !name.starts_with("carnet"))
        .collect();
    let missing: Vec<_> = direct.iter().filter(|name| !ledger.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "without a line in docs/dependencies.md: {missing:?}");
}

#[test]
fn our_code_has_no_unsafe_and_every_crate_takes_the_house_lints() {
    for package in manifests().workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest is text");
        if package.name.as_str() == "carnet-tests" {
            // A table of its own, because its helpers may unwrap and print; what counts is kept.
            assert!(manifest.contains("unsafe_code = \"forbid\""), "the tests may not use unsafe either");
        } else {
            assert!(manifest.contains("[lints]\nworkspace = true"), "{} does not inherit the lints", package.name);
        }
    }
    let house = fs::read_to_string(root().join("Cargo.toml")).expect("the root manifest is text");
    assert!(house.contains("unsafe_code = \"forbid\""));
}

/// A source that is named and is not there costs a reader more than none.
#[test]
fn what_the_sources_cite_stands_in_the_docs() {
    let (mut found, mut wrong) = (0, Vec::new());
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file is text");
        let comments = text.lines().filter_map(|line| line.split_once("//"));
        let prose: Vec<&str> = comments.map(|(_, comment)| comment.trim_start_matches(['/', '!']).trim()).collect();
        for (page, title) in citations(&prose.join(" ")) {
            found += 1;
            if !titles(&page).contains(&title) {
                wrong.push(format!("{}: {page}, \"{title}\"", file.strip_prefix(root()).expect("under it").display()));
            }
        }
    }
    assert!(found > 50, "the citations were found: {found}");
    assert!(wrong.is_empty(), "cited and not there: {wrong:#?}");
}

/// What a text cites: the path of a page of `docs/`, then after a comma a title in quotes, or several.
fn citations(prose: &str) -> Vec<(String, String)> {
    let mut citations = Vec::new();
    for (at, _) in prose.match_indices("docs/") {
        let Some((page, mut rest)) = prose[at..].split_once(".md") else { continue };
        if page.contains(char::is_whitespace) {
            continue;
        }
        rest = rest.trim_start_matches('`').strip_prefix(',').unwrap_or_default();
        while let Some((title, after)) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            citations.push((format!("{page}.md"), title.to_owned()));
            rest = after.trim_start_matches(',').trim_start();
            rest = rest.strip_prefix("and ").unwrap_or(rest);
        }
    }
    citations
}

/// The titles of a page: its headings without their numbers, and what a paragraph begins with in bold.
fn titles(page: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(page)).unwrap_or_default();
    let title = |line: &str| match line.strip_prefix("**") {
        Some(bold) => bold.split_once(".**").map(|(title, _)| title.to_owned()),
        None => line.strip_prefix('#').map(|line| {
            line.trim_start_matches('#')
                .trim()
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                .trim()
                .to_owned()
        }),
    };
    text.lines().filter_map(title).collect()
}

/// Every Rust source file of the workspace.
pub(crate) fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<_> = ["cli", "sync", "tests", "vault"].iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 20, "the sources were found");
    files
}

#[test]
fn every_decision_has_a_number_of_its_own() {
    let folder = root().join("docs/decisions");
    let mut numbers = BTreeSet::new();
    for entry in fs::read_dir(&folder).expect("the decisions can be listed").flatten() {
        let name = entry.file_name().into_string().expect("a name in ASCII");
        let (number, _) = name.split_once('-').unwrap_or_else(|| panic!("{name} has no number"));
        let text = fs::read_to_string(entry.path()).expect("a decision can be read");
        assert!(text.starts_with(&format!("# {number}. ")), "{name} says another number");
        assert!(numbers.insert(number.to_owned()), "{name}: the number is taken");
    }
    assert!(numbers.len() > 10, "{numbers:?}");
}
