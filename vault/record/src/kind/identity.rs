//! The identity sheet of the subject.

use serde::{Deserialize, Serialize};

use crate::{
    date::{PartialDate, When},
    person::{Address, HumanName, Identifier, Sex, Telecom},
    zone::ZoneSpan,
};

/// Who the record is about. One per record in practice; a claim of a file becomes one only on confirmation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Names: birth name, name in use.
    pub names: Vec<HumanName>,
    /// Birth date.
    pub birth_date: Option<PartialDate>,
    /// Administrative sex.
    pub sex: Option<Sex>,
    /// INSEE code of the place of birth: 5 characters.
    pub birth_place_insee: Option<String>,
    /// Place of birth in words.
    pub birth_place: Option<String>,
    /// Identifiers. An INS is a claim, never qualified by us.
    pub identifiers: Vec<Identifier>,
    /// Telephone, mail.
    pub telecoms: Vec<Telecom>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Languages the person speaks (BCP 47).
    pub languages: Vec<String>,
    /// When the person died, if that was said.
    pub deceased: Option<When>,
    /// The zones the person lived in ([`crate::ZoneHistory`]).
    pub home_zones: Vec<ZoneSpan>,
    /// Picture: attached file, as in a document.
    pub picture: Option<super::document::Attachment>,
}
