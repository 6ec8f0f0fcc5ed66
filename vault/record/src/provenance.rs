//! Who or what produced an entry, when, and from which source.
//!
//! Nothing inferred is stored as if it had been said: what was read is in `original` and `verbatim`, word for word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{date::Instant, person::Actor};

crate::code_enum! {
    /// How an entry came into the record.
    #[derive(Default)]
    pub enum Origin {
        /// Deposited by an application with a grant.
        Application = "application",
        /// Measured by a device.
        Device = "device",
        /// Read from a file.
        Import = "import",
        /// Taken from the national service.
        NationalService = "national-service",
        /// Typed by a person.
        #[default]
        Typed = "typed",
    }
}

/// Where an entry comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// How the entry came into the record.
    pub origin: Origin,
    /// Whoever said it, as the source names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Actor>,
    /// When it was recorded at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Instant>,
    /// When the source last changed it: with one source identity, the later version wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Instant>,
    /// The application that wrote it, with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The device that measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The file it was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
    /// The identity of the fact in its source, as text ([`crate::SourceKey`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_key: Option<String>,
    /// Identifiers that the source gives to the fact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<crate::person::Identifier>,
    /// What was read before any conversion: `value`, `unit`, `code`, `time`, and other short texts by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub original: BTreeMap<String, String>,
    /// Parts of the source that the model has no field for, word for word, by their path in the source (JSON or XML
    /// text). They are given back on export to the same format.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verbatim: BTreeMap<String, String>,
    /// What a signature check of the source said (`verified`, `wrong`, `issuer-unknown`), when it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Provenance {
    /// Something a person typed at `now`.
    pub fn typed(now: Instant) -> Self {
        Self { origin: Origin::Typed, recorded_at: Some(now), ..Self::default() }
    }

    /// Something read from a file.
    pub fn imported(source: SourcePlace) -> Self {
        Self { origin: Origin::Import, source: Some(source), ..Self::default() }
    }
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourcePlace {
    /// SHA-256 of the file given, in hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Name of the file as given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Member of an archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Line, row, or path inside the file or member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Name of the format and its version (`fhir-r4`, `cda-r2`…).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Name and version of the importer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importer: Option<String>,
}
