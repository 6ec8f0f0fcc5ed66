//! From a vaccination as it was written to what it protects from: by its ATC code, by names of products and diseases.
//!
//! What matches nothing in the file of rules protects from nothing that is known here, and is said so. Nothing is guessed
//! from a part of a word.

use std::collections::BTreeSet;

use super::rules::Rules;
use crate::{code::system, kind::Vaccination};

/// The diseases that a vaccination protects from, as far as the file of rules knows its codes and names.
pub(super) fn protects<'r>(rules: &'r Rules, vaccination: &Vaccination) -> BTreeSet<&'r str> {
    let words = words_of(vaccination);
    let atc: Vec<&str> =
        vaccination.code.codings.iter().filter(|own| own.system == system::ATC).map(|own| own.code.as_str()).collect();
    let is_meant = |vaccine: &&super::rules::Vaccine| {
        vaccine.names.iter().any(|name| words.iter().any(|words| words.contains(&format!(" {name} "))))
            || vaccine.atc.iter().any(|known| atc.iter().any(|code| code.starts_with(known.as_str())))
    };
    let meant: Vec<_> = rules.vaccines.iter().filter(is_meant).collect();
    let is_named = meant.iter().any(|vaccine| !vaccine.generic);
    meant
        .into_iter()
        .filter(|vaccine| !(is_named && vaccine.generic))
        .flat_map(|vaccine| vaccine.protects.iter().map(String::as_str))
        .collect()
}

/// Every text that names the vaccine or what it is for, each between blanks.
fn words_of(vaccination: &Vaccination) -> Vec<String> {
    let own = vaccination.name.iter().chain(&vaccination.code.text);
    let coded =
        vaccination.code.codings.iter().chain(vaccination.pathologies.iter().flat_map(|concept| &concept.codings));
    let about = vaccination.pathologies.iter().filter_map(|concept| concept.text.as_ref());
    let all = own.chain(coded.filter_map(|coding| coding.display.as_ref())).chain(about);
    all.take(TEXTS_MAX).map(|text| format!(" {} ", normal(text))).collect()
}

/// A text as names are compared: small letters and digits without accents, one blank between words.
pub(super) fn normal(text: &str) -> String {
    let mut words = String::new();
    for letter in text.chars().take(TEXT_CHARS_MAX).flat_map(char::to_lowercase) {
        let plain = match letter {
            '\u{e0}'..='\u{e5}' => "a",
            '\u{e7}' => "c",
            '\u{e8}'..='\u{eb}' => "e",
            '\u{ec}'..='\u{ef}' => "i",
            '\u{f2}'..='\u{f6}' => "o",
            '\u{f9}'..='\u{fc}' => "u",
            '\u{153}' => "oe",
            // Combining accents stand on the letter before them; signs of trade marks stand on a word.
            '\u{300}'..='\u{36f}' | '\u{ae}' | '\u{2122}' => continue,
            letter if letter.is_ascii_alphanumeric() => {
                words.push(letter);
                continue;
            }
            _ if words.ends_with(' ') || words.is_empty() => continue,
            _ => " ",
        };
        words.push_str(plain);
    }
    words.trim_end().to_owned()
}

/// Characters of a text that are looked at.
const TEXT_CHARS_MAX: usize = 500;
/// Texts of one vaccination that are looked at.
const TEXTS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Concept;

    fn known(name: &str) -> String {
        let rules = Rules::bundled().unwrap();
        let vaccination = Vaccination { name: Some(name.to_owned()), ..Vaccination::default() };
        protects(&rules, &vaccination).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_is_compared_without_accents_case_and_signs() {
        for (name, protects) in [
            ("Infanrix® Hexa", "diphtheria hepatitis-b hib pertussis polio tetanus"),
            ("ROR", "measles mumps rubella"),
            ("M-M-RVAXPRO", "measles mumps rubella"),
            ("Rougeole, oreillons, rubéole", "measles mumps rubella"),
            ("Rappel DTP + coqueluche", "diphtheria pertussis polio tetanus"),
            ("Hépatite B (Engerix B 10)", "hepatitis-b"),
            ("He\u{301}patite B", "hepatitis-b"),
            ("Prevenar 13", "pneumococcus"),
            ("PREVENAR 20", "pneumococcus pneumococcus-20"),
            ("Bexsero", "men-b"),
            ("Vaccin méningocoque C", "men-c"),
            ("Covid-19 (Comirnaty)", "covid"),
            ("Zona : Shingrix", "zoster"),
            ("Zona (Zostavax)", "zoster-live"),
            ("Zona", "zoster"),
            ("Rotavirus (RotaTeq)", "rotavirus-3"),
            ("Rotavirus", "rotavirus"),
        ] {
            assert_eq!(known(name), protects, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_of_the_file_protects_from_nothing_known() {
        for name in ["Fièvre jaune", "méningocoque", "horror", "grippeX", "anti-inflammatoire", "", "???"] {
            assert_eq!(known(name), "", "{name}");
        }
    }

    #[test]
    fn a_code_or_a_disease_is_enough() {
        let rules = Rules::bundled().unwrap();
        let coded = Vaccination { code: Concept::from_code(system::ATC, "J07BD52"), ..Vaccination::default() };
        assert_eq!(protects(&rules, &coded).len(), 3);
        let about = Vaccination { pathologies: vec![Concept::from_text("Tétanos")], ..Vaccination::default() };
        assert_eq!(protects(&rules, &about), BTreeSet::from(["tetanus"]));
        let other =
            Vaccination { code: Concept::from_code("http://example.test", "J07BD52"), ..Vaccination::default() };
        assert!(protects(&rules, &other).is_empty());
    }
}
