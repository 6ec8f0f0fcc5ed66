//! The typed form of an invitation: 16 characters of Crockford's base 32, 80 bits.
//!
//! Argon2id makes the ticket secret of it, so that trying all codes costs 64 MiB and a noticeable time for each. The
//! salt is constant because whoever types the code knows nothing else yet; a code is random, serves once, and lives
//! for hours, so a table of all codes is out of reach. There is no check digit: a mistyped code finds no invitation.

use std::fmt;

use carnet_crypto::fault::Fault;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    kdf::{Label, derive_into},
    never_implements,
    passphrase::{Argon2Error, Argon2Params, argon2id},
    secret::TicketSecret,
};

/// Characters of a code, without the hyphens.
pub const CODE_CHARACTERS: usize = 16;
/// Longest text that is read as a code, in bytes: room for spaces and hyphens.
pub const CODE_TEXT_BYTES_MAX: usize = 64;

/// Bytes of a code: 80 bits.
const CODE_BYTES: usize = 10;
/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The salt of every code.
const SALT: &[u8; 16] = b"carnet/1 ticket\0";

/// Why a text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeRefused {
    /// A character that no code has, counted from 1.
    #[error("character {position} belongs to no code")]
    Character {
        /// Position among the characters that are not hyphens or spaces, from 1.
        position: usize,
    },
    /// Too few or too many characters.
    #[error("a code has {CODE_CHARACTERS} characters")]
    Length,
}

impl CodeRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// A code, as drawn or as typed.
pub struct TicketCode(Zeroizing<[u8; CODE_BYTES]>);

never_implements!(TicketCode);

impl TicketCode {
    /// A fresh code.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The code in `text`: hyphens and white space are skipped, small letters are taken as capitals, I and L as 1, O as 0.
    ///
    /// # Errors
    /// [`CodeRefused`], without the text.
    pub fn parse(text: &str) -> Result<Self, CodeRefused> {
        if text.len() > CODE_TEXT_BYTES_MAX {
            return Err(CodeRefused::Length);
        }
        let mut bits = Zeroizing::new(0_u128);
        let mut position = 0_usize;
        for character in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            position = position.saturating_add(1);
            let value = value(character).ok_or(CodeRefused::Character { position })?;
            *bits = *bits << 5 | u128::from(value);
        }
        if position != CODE_CHARACTERS {
            return Err(CodeRefused::Length);
        }
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        let wide = Zeroizing::new(bits.to_be_bytes());
        bytes.copy_from_slice(wide.last_chunk::<CODE_BYTES>().ok_or(CodeRefused::Length)?);
        Ok(Self(bytes))
    }

    /// The text to show: four groups of four, hyphens between.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let bits = Zeroizing::new(self.0.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte)));
        let mut text = Zeroizing::new(String::with_capacity(CODE_CHARACTERS.saturating_add(3)));
        for place in (0..CODE_CHARACTERS).rev() {
            let index = *bits >> place.saturating_mul(5) & 0x1f;
            let index = usize::try_from(index).unwrap_or(0);
            text.push(ALPHABET.get(index).copied().map_or('0', char::from));
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
        }
        text
    }

    /// The ticket secret of this code: one Argon2id with [`Argon2Params::DEFAULT`] (64 MiB, three passes).
    ///
    /// # Errors
    /// [`Argon2Error::NoMemory`].
    pub fn secret(&self) -> Result<TicketSecret, Argon2Error> {
        let stretched = argon2id(self.0.as_slice(), SALT, &Argon2Params::DEFAULT)?;
        Ok(TicketSecret::fill(|to| derive_into(Label::TicketCode, &stretched, &[], to)))
    }
}

impl fmt::Debug for TicketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketCode(..)")
    }
}

fn value(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    ALPHABET.iter().zip(0..).find_map(|(letter, value)| (char::from(*letter) == character).then_some(value))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let rng = &mut StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let code = TicketCode::generate(rng);
            let shown = code.expose_text();
            assert_eq!(shown.len(), 19);
            let typed = [
                shown.to_string(),
                shown.to_lowercase(),
                shown.replace('-', " "),
                shown.replace('-', "").replace('0', "o").replace('1', "L"),
                format!("  {}\n", *shown),
            ];
            for typed in &typed {
                assert_eq!(*TicketCode::parse(typed).unwrap().0, *code.0, "{typed}");
            }
        }
    }

    #[test]
    fn fault_e7_what_is_not_a_code_is_refused_with_its_place() {
        for typed in ["", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEF-G", &"0".repeat(65), &" ".repeat(1 << 20)] {
            assert_eq!(TicketCode::parse(typed).map(|_| ()), Err(CodeRefused::Length), "{} bytes", typed.len());
        }
        for (typed, position) in [("U123-4567-89AB-CDEF", 1), ("0123-4567-89AB-CDE?", 16), ("0123-45\u{661}7", 7)] {
            assert_eq!(TicketCode::parse(typed).map(|_| ()), Err(CodeRefused::Character { position }), "{typed}");
        }
    }
}
