//! The commands, one file each. A command reads its options, asks the vault, and hands back a `Report`.

pub(crate) mod completions;
