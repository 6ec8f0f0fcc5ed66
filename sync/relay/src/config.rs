//! `relay.toml`: what the operator decides. Typed; a key that is not known is an error; no secret stands in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use carnet_crypto::fault::Fault;
use serde::{Deserialize, Serialize};

/// The file in the data folder.
pub(crate) const CONFIG_FILE: &str = "relay.toml";

/// Who may create a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Policy {
    /// Everybody who knows the relay's address.
    #[default]
    Open,
    /// Who shows the token that is part of the relay's address.
    Token,
}

/// What the operator decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Config {
    /// Who may create a record.
    pub policy: Policy,
    /// Storage and request limits.
    pub limits: Limits,
}

/// Storage and request limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Limits {
    /// Stored bytes of one record.
    pub record_bytes_max: u64,
    /// Stored bytes that one principal brought into one record.
    pub principal_bytes_max: u64,
    /// New records from one IP address in a day.
    pub records_per_address_per_day: u32,
    /// Streams that one IP address may open in a minute.
    pub streams_per_address_per_minute: u32,
    /// Requests of one device in a minute.
    pub requests_per_device_per_minute: u32,
    /// Connections at one time.
    pub connections_max: u32,
    /// Connections at one time from one IP address.
    pub connections_per_address_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 8 << 30,
            principal_bytes_max: 4 << 30,
            records_per_address_per_day: 1_000,
            streams_per_address_per_minute: 6_000,
            requests_per_device_per_minute: 6_000,
            connections_max: 10_000,
            connections_per_address_max: 256,
        }
    }
}

/// `relay.toml` could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The folder holds no relay: run `init` first.
    #[error("{0} does not exist")]
    Missing(PathBuf),
    /// The disk or its rights.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key that is not known, or a value that does not fit.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
}

impl ConfigError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Missing(_) | Self::Invalid { .. } => Fault::Caller,
            Self::Io { .. } => Fault::Disk,
        }
    }
}

impl Config {
    /// The file in `data`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(data: &Path) -> Result<Self, ConfigError> {
        let path = data.join(CONFIG_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ConfigError::Missing(path)),
            Err(source) => return Err(ConfigError::Io { path, source }),
        };
        Self::parse(&text).map_err(|message| ConfigError::Invalid { path, message })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// A message with the place: a key that is not known, or a value that does not fit.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// The file as `init` writes it.
    ///
    /// # Errors
    /// What cannot be written as TOML. An empty file would be a relay that is open to everybody.
    pub fn to_text(&self) -> io::Result<String> {
        toml::to_string(self).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back_and_unknown_keys_are_refused() {
        let config = Config { policy: Policy::Token, ..Config::default() };
        assert_eq!(Config::parse(&config.to_text().unwrap()), Ok(config));
        assert_eq!(Config::parse(""), Ok(Config::default()));
        assert_eq!(Config::parse("policy = \"token\"").map(|it| it.policy), Ok(Policy::Token));
        for wrong in
            ["polcy = \"open\"", "policy = \"closed\"", "[limits]\nrecord_bytes = 1", "[limits]\nconnections_max = -1"]
        {
            assert!(Config::parse(wrong).is_err(), "{wrong}");
        }
    }
}
