//! The workspace as cargo sees it. Nothing here reaches the network.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

/// What is locked is what is built, and what was fetched for the build is enough.
const OPTIONS: &[&str] = &["--offline", "--locked"];

/// The folder of the root manifest.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// What the manifests say. Without the graph of all dependencies, which on a fresh machine would have to be fetched for
/// every platform.
pub fn manifests() -> Metadata {
    command().no_deps().exec().expect("cargo metadata runs")
}

/// The manifests and all that cargo resolves for the platform that this was built for, with all features of ours.
pub fn resolved() -> Metadata {
    command()
        .features(cargo_metadata::CargoOpt::AllFeatures)
        .other_options(
            OPTIONS.iter().chain(&["--filter-platform", "host-tuple"]).map(ToString::to_string).collect::<Vec<_>>(),
        )
        .exec()
        .expect("cargo metadata runs")
}

fn command() -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(root().join("Cargo.toml"))
        .other_options(OPTIONS.iter().map(ToString::to_string).collect::<Vec<_>>());
    command
}
