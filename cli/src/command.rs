//! The commands, one file each. A command reads its options, asks the vault, and hands back a `Report`.

pub(crate) mod agenda;
pub(crate) mod completions;
pub(crate) mod contact;
#[cfg(feature = "demo")]
pub(crate) mod demo;
#[cfg(feature = "demo")]
pub(crate) mod demo_relay;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod document;
pub(crate) mod entries;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod intake;
mod keystore;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod measure;
pub(crate) mod pair;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod recovery;
mod search;
mod sheet;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod timeline;
pub(crate) mod unlock;
