//! People and organisations: names, addresses, identifiers and their check digits.
//!
//! An INS is a **claim**: nothing here can mark one as qualified, because only the national service can. A wrong check
//! digit is a warning, never a refusal: published examples and real files carry them.

use serde::{Deserialize, Serialize};

use crate::{
    date::When,
    entry::EntryId,
    kind::{Fact, Identity},
};

crate::code_enum! {
    /// Administrative sex, with the codes of FHIR.
    pub enum Sex {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Neither of the two.
        Unclassified = "other",
        /// Not known.
        Unknown = "unknown",
    }
}

crate::code_enum! {
    /// What a name is for.
    pub enum NameUse {
        /// The name at birth.
        Birth = "birth",
        /// The name in daily use.
        Used = "used",
        /// A former or other name.
        Former = "former",
    }
}

/// One name of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HumanName {
    /// What the name is for.
    #[serde(skip_serializing_if = "Option::is_none", rename = "use")]
    pub used_as: Option<NameUse>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Given names in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// Titles before the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefix: Vec<String>,
    /// What follows the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suffix: Vec<String>,
    /// The name as one text, when the source gave it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl HumanName {
    /// What to show: the whole text, else given and family names.
    pub fn label(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let parts = self.prefix.iter().chain(&self.given).chain(&self.family).chain(&self.suffix);
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self { used_as: self.used_as.clone(), ..Self::default() }
    }
}

/// An identifier in a system.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Identifier {
    /// Address of the system (`urn:oid:…` for an OID); empty when the source named none.
    pub system: String,
    /// The identifier itself.
    pub value: String,
    /// What sort of identifier the source says it is (code of HL7 table 0203 or of a national list).
    #[serde(skip_serializing_if = "Option::is_none", rename = "type")]
    pub sort: Option<String>,
}

impl Identifier {
    /// An identifier in a system.
    pub fn new(system: &str, value: &str) -> Self {
        Self { system: normal_identifier_system(system), value: value.trim().to_owned(), sort: None }
    }

    /// Whether this is a claimed INS: its system is one of the four national authorities.
    pub fn is_ins(&self) -> bool {
        INS_SYSTEMS.contains(&self.system.as_str())
    }

    /// Whether the check digits are right; none when this kind of identifier has none that we know.
    pub fn check_digits_hold(&self) -> Option<bool> {
        match self.system.as_str() {
            _ if self.is_ins() => Some(nir_key_holds(&self.value)),
            RPPS_SYSTEM => Some(rpps_key_holds(&self.value)),
            IDNPS_SYSTEM => self.value.strip_prefix('8').map(rpps_key_holds),
            FINESS_SYSTEM => Some(finess_key_holds(&self.value)),
            _ => None,
        }
    }
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Street lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Region, state or district.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// INSEE code of the commune.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insee: Option<String>,
    /// What the address is for (FHIR address-use).
    #[serde(skip_serializing_if = "Option::is_none", rename = "use")]
    pub used_as: Option<String>,
    /// The address as one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

crate::code_enum! {
    /// A way to reach somebody, with the codes of FHIR contact-point-system.
    pub enum TelecomKind {
        /// Electronic mail.
        Email = "email",
        /// Telefax.
        Fax = "fax",
        /// Telephone.
        Phone = "phone",
        /// Text message.
        Sms = "sms",
        /// An address on the web.
        Url = "url",
    }
}

/// A way to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telecom {
    /// The way.
    pub kind: TelecomKind,
    /// Number or address.
    pub value: String,
    /// `home`, `work`, `mobile` (FHIR contact-point-use).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "use")]
    pub used_as: Option<String>,
}

/// Whoever did or said something, as the source names them. Description only: it carries no right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// What the actor is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ActorKind>,
    /// Name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Identifiers (RPPS, FINESS…).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Speciality, profession or function, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Organisation for which the actor acted, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// When the actor acted, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
    /// The reference as the source wrote it, when it leads nowhere in that source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

impl Actor {
    /// An actor of which only the name is known.
    pub fn named(kind: ActorKind, name: &str) -> Self {
        Self { kind: Some(kind), name: Some(name.to_owned()), ..Self::default() }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self { kind: self.kind.clone(), ..Self::default() }
    }
}

crate::code_enum! {
    /// What an actor is.
    pub enum ActorKind {
        /// An apparatus.
        Device = "device",
        /// An organisation.
        Organisation = "organisation",
        /// The subject of the record.
        Patient = "patient",
        /// A health professional.
        Practitioner = "practitioner",
        /// A relative or another private person.
        Relative = "relative",
        /// A program.
        Software = "software",
    }
}

/// The person that a file says it is about. It becomes the record's identity only when somebody confirms it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectClaim {
    /// Identifiers, INS among them.
    pub identifiers: Vec<Identifier>,
    /// Names.
    pub names: Vec<HumanName>,
    /// Birth date.
    pub birth_date: Option<crate::PartialDate>,
    /// Administrative sex.
    pub sex: Option<Sex>,
    /// The claim as an identity entry would hold it.
    pub identity: Identity,
    /// Parts of the source that the model has no field for, word for word, for the provenance of the entry.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub verbatim: std::collections::BTreeMap<String, String>,
}

impl SubjectClaim {
    /// The claim that an identity sheet makes.
    pub fn from_identity(identity: Identity) -> Self {
        Self {
            identifiers: identity.identifiers.clone(),
            names: identity.names.clone(),
            birth_date: identity.birth_date,
            sex: identity.sex.clone(),
            identity,
            verbatim: std::collections::BTreeMap::new(),
        }
    }

    /// How this claim stands to `known`, by the fields both have: INS, birth date, family name.
    pub fn compare(&self, known: &Self) -> SubjectMatch {
        let ins = |claim: &Self| claim.identifiers.iter().find(|id| id.is_ins()).map(|id| id.value.clone());
        let families = |claim: &Self| -> Vec<String> {
            claim.names.iter().filter_map(|name| name.family.as_deref().map(plain_name)).collect()
        };
        let (ours, theirs) = (families(known), families(self));
        let mut compared = false;
        let mut differs = false;
        if let (Some(a), Some(b)) = (ins(self), ins(known)) {
            compared = true;
            differs |= a != b;
        }
        if let (Some(a), Some(b)) = (self.birth_date, known.birth_date) {
            compared = true;
            differs |= a.is_surely_before(b) || b.is_surely_before(a);
        }
        if !ours.is_empty() && !theirs.is_empty() {
            compared = true;
            differs |= !theirs.iter().any(|name| ours.contains(name));
        }
        match (compared, differs) {
            (false, _) => SubjectMatch::NothingToCompare,
            (true, false) => SubjectMatch::Same,
            (true, true) => SubjectMatch::Different,
        }
    }
}

/// The identity sheet that says whom a record is about, of several: the last in the order of lists (by day, those without
/// one at the end, then by name). `facts` are those of the record that were not removed.
pub fn leading_sheet<'a>(facts: impl IntoIterator<Item = (EntryId, &'a Fact)>) -> Option<(EntryId, &'a Identity)> {
    let sheets = facts.into_iter().filter_map(|(id, fact)| match fact {
        Fact::Identity(identity) => Some((id, fact.when().map(|when| when.sort_millis()), &**identity)),
        _ => None,
    });
    let last = sheets.max_by_key(|(id, at, _)| (at.is_none(), *at, *id));
    last.map(|(id, _, identity)| (id, identity))
}

/// How the person of a file stands to the person of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectMatch {
    /// A field that both have differs.
    Different,
    /// No field is present on both sides.
    NothingToCompare,
    /// Every field that both have is the same.
    Same,
}

/// A family name without case, accents of the Latin letters, hyphens, apostrophes and blanks.
fn plain_name(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).map(unaccented).collect()
}

fn unaccented(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

/// Whether 15 characters are a NIR with its right key: 97 − (n mod 97), with 2A read as 19 and 2B as 18.
pub fn nir_key_holds(value: &str) -> bool {
    let Some((number, key)) = value.split_at_checked(13).filter(|(_, key)| key.len() == 2) else { return false };
    let number = number.to_ascii_uppercase().replace("2A", "19").replace("2B", "18");
    match (number.parse::<u64>(), key.parse::<u64>()) {
        (Ok(number), Ok(key)) => value.is_ascii() && 97 - number % 97 == key,
        _ => false,
    }
}

/// Whether 11 digits are an RPPS number with its right check digit (Luhn).
pub fn rpps_key_holds(value: &str) -> bool {
    value.len() == 11 && luhn_holds(value)
}

/// Whether 9 characters are a FINESS number with its right check digit (Luhn; Corsica: 2A and 2B read as 20).
pub fn finess_key_holds(value: &str) -> bool {
    let digits = value.to_ascii_uppercase().replace("2A", "20").replace("2B", "20");
    value.len() == 9 && luhn_holds(&digits)
}

fn luhn_holds(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0') * if place % 2 == 1 { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
    }
    sum % 10 == 0
}

/// A bare OID becomes `urn:oid:…`; anything else is kept, trimmed.
pub fn normal_identifier_system(system: &str) -> String {
    let system = system.trim();
    let is_oid = system.contains('.') && system.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_oid { format!("urn:oid:{system}") } else { system.to_owned() }
}

/// INS-NIR in production.
pub const INS_NIR_SYSTEM: &str = "urn:oid:1.2.250.1.213.1.4.8";
/// INS-NIR, INS-NIA, INS-NIR of test, INS-NIR of demonstration.
pub const INS_SYSTEMS: [&str; 4] =
    [INS_NIR_SYSTEM, "urn:oid:1.2.250.1.213.1.4.9", "urn:oid:1.2.250.1.213.1.4.10", "urn:oid:1.2.250.1.213.1.4.11"];
/// National directory of health professionals.
pub const RPPS_SYSTEM: &str = "https://rpps.esante.gouv.fr";
/// National identifier of a professional: a digit for its kind (`8` for RPPS) before the number.
pub const IDNPS_SYSTEM: &str = "urn:oid:1.2.250.1.71.4.2.1";
/// National directory of establishments.
pub const FINESS_SYSTEM: &str = "https://finess.esante.gouv.fr";
