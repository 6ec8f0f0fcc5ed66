//! The blood group. It is shown with the warning that a sample is always taken before a transfusion.

use serde::{Deserialize, Serialize};

use crate::date::When;

crate::code_enum! {
    /// ABO group with rhesus, with the codes of Mon espace santé.
    pub enum Group {
        /// AB negative.
        AbNegative = "ABNEG",
        /// AB positive.
        AbPositive = "ABPOS",
        /// A negative.
        ANegative = "ANEG",
        /// A positive.
        APositive = "APOS",
        /// B negative.
        BNegative = "BNEG",
        /// B positive.
        BPositive = "BPOS",
        /// O negative.
        ONegative = "ONEG",
        /// O positive.
        OPositive = "OPOS",
    }
}

impl Group {
    /// The group as people write it: `A+`, `O-`; the code itself when it is not known.
    pub fn sign(&self) -> String {
        let code = self.as_str();
        match (code.strip_suffix("POS"), code.strip_suffix("NEG")) {
            (Some(group), _) => format!("{group}+"),
            (None, Some(group)) => format!("{group}-"),
            (None, None) => code.to_owned(),
        }
    }

    /// Reads `A+`, `o -`, `AB-` or the code.
    pub fn from_sign(text: &str) -> Option<Self> {
        let plain: String = text.to_ascii_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
        let code = plain.replace(['+'], "POS").replace(['-', '\u{2212}'], "NEG");
        Some(Self::from(code.as_str())).filter(Self::is_known)
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// The blood group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BloodGroup {
    /// The group.
    pub group: Group,
    /// When it was determined.
    pub determined_at: Option<When>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_groups_read_back_from_their_signs() {
        assert_eq!(Group::KNOWN.len(), 8);
        for code in Group::KNOWN {
            let group = Group::from(*code);
            assert_eq!(Group::from_sign(&group.sign()), Some(group));
        }
        assert_eq!(Group::from_sign("ab \u{2212}"), Some(Group::AbNegative));
        assert_eq!(Group::from_sign("C+"), None);
    }
}
