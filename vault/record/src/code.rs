//! Codes: a system, a code in it, and the words that came with it.
//!
//! Every open list of codes in the model is made by [`code_enum!`]: known values are variants, an unknown one is kept
//! as text. A code is never translated to another system, and a display text never takes part in a comparison.

use serde::{Deserialize, Serialize};

/// One code of one code system.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Coding {
    /// Address of the code system in its one spelling ([`normal_system`]); empty when the source named none.
    pub system: String,
    /// The code itself, with the case of the source.
    pub code: String,
    /// The words beside the code in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

impl Coding {
    /// A code of `system`, which is brought to its one spelling.
    pub fn new(system: &str, code: &str) -> Self {
        Self { system: normal_system(system).to_owned(), code: code.to_owned(), display: None }
    }

    /// The same code with words beside it.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned());
        self
    }

    /// Whether this is `code` in `system`; words are not compared.
    pub fn is(&self, system: &str, code: &str) -> bool {
        self.code == code && self.system == normal_system(system)
    }
}

/// One idea: the codes that say it, and the words of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Concept {
    /// The same idea in one or more code systems, in the order of the source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codings: Vec<Coding>,
    /// The words of the source for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Concept {
    /// An idea said in words only.
    pub fn from_text(text: &str) -> Self {
        Self { codings: Vec::new(), text: Some(text.to_owned()) }
    }

    /// An idea said by one code.
    pub fn from_code(system: &str, code: &str) -> Self {
        Self { codings: vec![Coding::new(system, code)], text: None }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.codings.is_empty() && self.text.is_none()
    }

    /// The first code of `system`.
    pub fn code_in(&self, system: &str) -> Option<&str> {
        let system = normal_system(system);
        self.codings.iter().find(|coding| coding.system == system).map(|coding| coding.code.as_str())
    }

    /// Whether one of the codes is `code` in `system`.
    pub fn has(&self, system: &str, code: &str) -> bool {
        self.codings.iter().any(|coding| coding.is(system, code))
    }

    /// What to show: the text, else the first words beside a code, else the first code.
    pub fn label(&self) -> Option<&str> {
        let shown = self.codings.iter().find_map(|coding| coding.display.as_deref());
        self.text.as_deref().or(shown).or_else(|| self.codings.first().map(|coding| coding.code.as_str()))
    }
}

/// The one spelling of a code system's address: LOINC, UCUM, SNOMED CT and the national drug systems each occur under
/// several. An unknown address is returned as it is.
pub fn normal_system(system: &str) -> &str {
    const ANS_LOINC: &str = "TRE_A04-Loinc";
    let trimmed = system.trim();
    if trimmed.contains(ANS_LOINC) {
        return system::LOINC;
    }
    ALIASES.iter().find(|(alias, _)| *alias == trimmed).map_or(trimmed, |(_, known)| known)
}

/// Spellings that occur in real files, and the one that is kept.
const ALIASES: [(&str, &str); 26] = [
    ("urn:oid:2.16.840.1.113883.6.1", system::LOINC),
    ("2.16.840.1.113883.6.1", system::LOINC),
    ("https://loinc.org", system::LOINC),
    ("https://mos.esante.gouv.fr/NOS/TRE_A04-Loinc/FHIR/TRE-A04-Loinc", system::LOINC),
    ("urn:oid:2.16.840.1.113883.6.96", system::SNOMED),
    ("2.16.840.1.113883.6.96", system::SNOMED),
    ("https://snomed.info/sct", system::SNOMED),
    ("http://snomed.info/sct/900000000000207008", system::SNOMED),
    ("urn:oid:2.16.840.1.113883.6.8", system::UCUM),
    ("https://unitsofmeasure.org", system::UCUM),
    ("urn:oid:2.16.840.1.113883.6.73", system::ATC),
    ("2.16.840.1.113883.6.73", system::ATC),
    ("https://www.whocc.no/atc", system::ATC),
    ("urn:oid:1.2.250.1.213.2.3.1", system::CIS),
    ("1.2.250.1.213.2.3.1", system::CIS),
    ("urn:oid:1.2.250.1.213.2.3.2", system::CIP),
    ("1.2.250.1.213.2.3.2", system::CIP),
    ("urn:oid:1.2.250.1.213.2.61", system::UCD),
    ("1.2.250.1.213.2.61", system::UCD),
    ("urn:oid:2.16.840.1.113883.6.3", system::ICD10),
    ("2.16.840.1.113883.6.3", system::ICD10),
    ("urn:oid:2.16.840.1.113883.6.88", system::RXNORM),
    ("2.16.840.1.113883.6.88", system::RXNORM),
    ("urn:oid:2.16.840.1.113883.12.292", system::CVX),
    ("2.16.840.1.113883.12.292", system::CVX),
    ("urn:oid:2.16.840.1.113883.5.1119", system::ADDRESS_USE),
];

/// Addresses of the code systems that the model itself names.
pub mod system {
    /// Logical Observation Identifiers Names and Codes.
    pub const LOINC: &str = "http://loinc.org";
    /// SNOMED Clinical Terms.
    pub const SNOMED: &str = "http://snomed.info/sct";
    /// The Unified Code for Units of Measure.
    pub const UCUM: &str = "http://unitsofmeasure.org";
    /// Anatomical Therapeutic Chemical classification of WHO.
    pub const ATC: &str = "http://www.whocc.no/atc";
    /// CIP, the French code of one box of a drug (OID 1.2.250.1.213.2.3.2).
    pub const CIP: &str = "urn:oid:1.2.250.1.213.2.3.2";
    /// UCD, the French code of one dispensed unit (OID 1.2.250.1.213.2.61).
    pub const UCD: &str = "urn:oid:1.2.250.1.213.2.61";
    /// CIS, the French code of a speciality, in the public drug database (OID 1.2.250.1.213.2.3.1).
    pub const CIS: &str = "https://base-donnees-publique.medicaments.gouv.fr/cis";
    /// ICD-10 (CIM-10).
    pub const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
    /// `RxNorm`, of the United States.
    pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
    /// CVX, vaccine codes of the United States.
    pub const CVX: &str = "http://hl7.org/fhir/sid/cvx";
    /// The national supplement to LOINC for measures: MED-969, MED-972.
    pub const TRE_R308: &str = "https://mos.esante.gouv.fr/NOS/TRE_R308-TAASIP/FHIR/TRE-R308-TAASIP";
    /// HL7 use of an address.
    pub const ADDRESS_USE: &str = "http://hl7.org/fhir/address-use";
}

/// An open list of codes: known values are variants, any other text survives in `Other`.
///
/// The text is what is stored, what serde writes and what `FromStr` (which never fails) reads.
#[macro_export]
macro_rules! code_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[$doc])* $variant,)+
            /// A code that this version does not know, kept as it was read.
            Other(String),
        }

        impl $name {
            /// The known codes, in the order of their list.
            pub const KNOWN: &'static [&'static str] = &[$($text),+];

            /// The code as text.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// Whether this version knows the code.
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Other(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, std::convert::Infallible> {
                Ok(Self::from(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Ok(Self::from(text.as_str()))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_of_loinc_are_one_system() {
        for spelling in [
            "http://loinc.org",
            "urn:oid:2.16.840.1.113883.6.1",
            "https://mos.esante.gouv.fr/NOS/TRE_A04-Loinc/FHIR/TRE-A04-Loinc",
        ] {
            assert!(Coding::new(spelling, "29463-7").is(system::LOINC, "29463-7"), "{spelling}");
        }
        assert_eq!(normal_system("urn:oid:1.2.3"), "urn:oid:1.2.3");
        assert_eq!(normal_system("1.2.250.1.213.2.3.1"), system::CIS);
        assert_eq!(normal_system("1.2.250.1.213.2.3.2"), system::CIP);
        assert_eq!(normal_system("1.2.250.1.213.2.61"), system::UCD);
    }

    #[test]
    fn the_label_prefers_the_words_of_the_source() {
        let mut concept = Concept::from_code(system::LOINC, "29463-7");
        assert_eq!(concept.label(), Some("29463-7"));
        concept.codings.push(Coding::new(system::SNOMED, "27113001").with_display("Body weight"));
        assert_eq!(concept.label(), Some("Body weight"));
        concept.text = Some("Poids".to_owned());
        assert_eq!(concept.label(), Some("Poids"));
    }

    #[test]
    fn an_unknown_code_survives_a_round_trip() {
        use crate::Status;

        let read: Vec<Status> = serde_json::from_str(r#"["refuted","mauve"]"#).unwrap();
        assert_eq!(read, [Status::Refuted, Status::Other("mauve".to_owned())]);
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"["refuted","mauve"]"#);
        assert!(!read[1].is_known());
    }
}
