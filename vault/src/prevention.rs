//! Rules of prevention in force for a record: those that come with Carnet, or a newer file that a publisher signed whose key the
//! person accepted.
//!
//! The file is kept among the settings that all devices of the record share, with its signature, and is checked again each
//! time it is read: what does not hold is not used. A file of another publisher needs the person's word again; an older or
//! an altered one is refused. `docs/format.md`, "Rules of prevention", has the bytes.

use carnet_crypto::{
    digest,
    fault::Fault,
    id::RecordId,
    sign::{Domain, PublicKey, Signature},
};
use carnet_record::{
    Day,
    prevention::{Rules, RulesRefused},
};
use serde_json::json;

use crate::record::{Record, RecordError};

/// Why a signed file of rules was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Its day lies after today.
    #[error("the rules are dated {date}, which is still to come")]
    Ahead {
        /// The day of the file.
        date: Day,
    },
    /// The first lines do not say who signed it.
    #[error("the file is no signed file of rules")]
    NotSigned,
    /// It is older than what is in force, or another of the same day.
    #[error("the rules are not newer than those in force, of {kept}")]
    NotNewer {
        /// The day of the rules in force.
        kept: Day,
    },
    /// The publisher is not the one whose key was accepted.
    #[error("the publisher of the rules is not the accepted one")]
    OtherPublisher,
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What was signed is no file of rules that can be used.
    #[error(transparent)]
    Rules(#[from] RulesRefused),
    /// The signature does not belong to the key and the bytes.
    #[error("the signature of the rules is not valid")]
    Signature,
}

impl RulesError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Record(error) => error.fault(),
            Self::OtherPublisher => Fault::Caller,
            _ => Fault::Input,
        }
    }
}

/// A file of rules whose signature holds.
#[derive(Debug)]
pub struct SignedRules {
    /// The key that signed it.
    pub publisher: PublicKey,
    /// What it says.
    pub rules: Rules,
    text: String,
}

impl SignedRules {
    /// Reads a signed file: three lines, then the rules as they were signed.
    ///
    /// # Errors
    /// [`RulesError::NotSigned`], [`RulesError::Signature`], [`RulesError::Rules`]; the signature is checked before the rules
    /// are read.
    pub fn read(bytes: &[u8]) -> Result<Self, RulesError> {
        if bytes.len() > SIGNED_BYTES_MAX {
            return Err(RulesRefused::TooLarge.into());
        }
        let text = str::from_utf8(bytes).map_err(|_| RulesError::NotSigned)?;
        let rest = text.strip_prefix(HEAD).ok_or(RulesError::NotSigned)?;
        let (publisher, rest) = line(rest, "publisher ").ok_or(RulesError::NotSigned)?;
        let (signature, rules) = line(rest, "signature ").ok_or(RulesError::NotSigned)?;
        let publisher = PublicKey(hex(publisher).ok_or(RulesError::NotSigned)?);
        let signature = Signature(hex(signature).ok_or(RulesError::NotSigned)?);
        let verified = publisher.verify(Domain::Rules, &NO_RECORD, signed_hash(rules.as_bytes()), &signature);
        verified.map_err(|_| RulesError::Signature)?;
        Ok(Self { publisher, rules: Rules::read(rules.as_bytes())?, text: text.to_owned() })
    }

    /// The key as people compare it: 64 hexadecimal characters in groups of four.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.publisher)
    }
}

/// What is signed of the bytes of a file of rules. The record id of the signature is zero: rules belong to none.
pub fn signed_hash(rules: &[u8]) -> [u8; 32] {
    digest::hash("rules", &[rules])
}

/// The rules that a record goes by.
#[derive(Debug)]
pub struct RulesInForce {
    /// The rules.
    pub rules: Rules,
    /// The fingerprint of the publisher; none for those that come with Carnet.
    pub publisher: Option<String>,
    /// Why a file that is kept is not used, where there is one: it does not hold, or Carnet brings newer ones.
    pub set_aside: Option<RulesError>,
}

impl Record<'_> {
    /// The rules in force.
    ///
    /// # Errors
    /// The store's.
    pub fn rules(&self) -> Result<RulesInForce, RulesError> {
        let bundled = Rules::bundled()?;
        let set_aside = match self.kept_rules()? {
            None => None,
            Some(Err(error)) => Some(error),
            Some(Ok(kept)) if kept.rules.date < bundled.date => Some(RulesError::NotNewer { kept: bundled.date }),
            Some(Ok(kept)) => {
                let publisher = Some(kept.fingerprint());
                return Ok(RulesInForce { rules: kept.rules, publisher, set_aside: None });
            }
        };
        Ok(RulesInForce { rules: bundled, publisher: None, set_aside })
    }

    /// Goes by `signed` from now on, on every device of the record. `accepts` says that the person accepted the key of its
    /// publisher; it is not needed for a newer file of the same publisher.
    ///
    /// # Errors
    /// [`RulesError::Ahead`], [`RulesError::NotNewer`], [`RulesError::OtherPublisher`]; then everything stays as it was.
    pub fn take_rules(&mut self, signed: &SignedRules, accepts: bool, today: Day) -> Result<(), RulesError> {
        let kept = self.kept_rules()?.and_then(Result::ok);
        let date = signed.rules.date;
        if date > today {
            return Err(RulesError::Ahead { date });
        }
        let in_force = self.rules()?.rules.date;
        let is_same = kept.as_ref().is_some_and(|kept| kept.text == signed.text);
        let is_first = kept.is_none() && date == in_force;
        if !is_same && !is_first && date <= in_force {
            return Err(RulesError::NotNewer { kept: in_force });
        }
        if !accepts && !self.trusts(signed)? {
            return Err(RulesError::OtherPublisher);
        }
        Ok(self.set_setting(SETTING, json!({ "publisher": text_of(&signed.publisher.0), "file": signed.text }))?)
    }

    /// Whether the person accepted the key of the publisher before, for this record.
    ///
    /// # Errors
    /// The store's.
    pub fn trusts(&self, signed: &SignedRules) -> Result<bool, RulesError> {
        let setting = self.setting(SETTING)?;
        let accepted = setting.as_ref().and_then(|setting| setting["publisher"].as_str());
        Ok(accepted == Some(text_of(&signed.publisher.0).as_str()))
    }

    /// Goes by the rules that come with Carnet again, and forgets the publisher.
    ///
    /// # Errors
    /// The store's.
    pub fn leave_rules(&mut self) -> Result<(), RulesError> {
        Ok(self.set_setting(SETTING, json!({ "publisher": "", "file": "" }))?)
    }

    fn kept_rules(&self) -> Result<Option<Result<SignedRules, RulesError>>, RulesError> {
        let Some(setting) = self.setting(SETTING)? else { return Ok(None) };
        let Some(file) = setting["file"].as_str().filter(|file| !file.is_empty()) else { return Ok(None) };
        let read = SignedRules::read(file.as_bytes());
        let is_accepted = |signed: &SignedRules| setting["publisher"].as_str() == Some(&text_of(&signed.publisher.0));
        Ok(Some(
            read.and_then(|signed| if is_accepted(&signed) { Ok(signed) } else { Err(RulesError::OtherPublisher) }),
        ))
    }
}

fn line<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(name)?.split_once('\n')
}

/// The bytes of small hexadecimal digits, exactly as many as there is room for.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn fingerprint(key: &PublicKey) -> String {
    key.0.chunks(2).map(text_of).collect::<Vec<_>>().join(" ")
}

/// The first line of a signed file.
const HEAD: &str = "carnet.rules.signed/1\n";
/// Bytes of a signed file: the rules, and three short lines.
const SIGNED_BYTES_MAX: usize = carnet_record::prevention::RULES_BYTES_MAX + 300;
const NO_RECORD: RecordId = RecordId([0; 32]);
/// The setting of the record that holds the file and the accepted key.
const SETTING: &str = "prevention-rules";

#[cfg(test)]
mod tests {
    use carnet_crypto::sign::SigningKey;
    use carnet_record::prevention::BUNDLED;

    use super::*;

    fn signed(rules: &str, domain: Domain) -> String {
        let key = SigningKey::from_seed(&[7; 32]);
        let signature = key.sign(domain, &NO_RECORD, &signed_hash(rules.as_bytes()));
        format!("{HEAD}publisher {}\nsignature {}\n{rules}", text_of(&key.public().0), text_of(&signature.0))
    }

    #[test]
    fn a_signed_file_of_rules_is_read_and_its_key_shown() {
        let read = SignedRules::read(signed(BUNDLED, Domain::Rules).as_bytes()).unwrap();
        assert_eq!(read.rules.country, "FR");
        assert_eq!(read.fingerprint().split(' ').count(), 16);
        assert_eq!(read.fingerprint().replace(' ', ""), text_of(&read.publisher.0));
    }

    #[test]
    fn a_file_of_rules_that_was_altered_anywhere_is_refused() {
        let whole = signed(BUNDLED, Domain::Rules);
        let altered = whole.replacen("\"50y\"", "\"40y\"", 1);
        assert!(matches!(SignedRules::read(altered.as_bytes()), Err(RulesError::Signature)));
        assert!(matches!(SignedRules::read(format!("{whole} ").as_bytes()), Err(RulesError::Signature)));
        // A signature of another use of the key is none of rules.
        let other = signed(BUNDLED, Domain::Card);
        assert!(matches!(SignedRules::read(other.as_bytes()), Err(RulesError::Signature)));
        for (from, to) in [
            ("signed/1", "signed/2"),
            ("publisher ", "publisher  "),
            ("signature ", "Signature "),
            ("publisher ", "publisher A"),
        ] {
            let text = whole.replacen(from, to, 1);
            assert!(matches!(SignedRules::read(text.as_bytes()), Err(RulesError::NotSigned)), "{to}");
        }
        assert!(matches!(SignedRules::read(BUNDLED.as_bytes()), Err(RulesError::NotSigned)));
        assert!(matches!(SignedRules::read(b"\xff"), Err(RulesError::NotSigned)));
        let wrong = signed("{}", Domain::Rules);
        assert!(matches!(SignedRules::read(wrong.as_bytes()), Err(RulesError::Rules(RulesRefused::Form { .. }))));
        let large = " ".repeat(SIGNED_BYTES_MAX + 1);
        assert!(matches!(SignedRules::read(large.as_bytes()), Err(RulesError::Rules(RulesRefused::TooLarge))));
    }
}
