//! Bearer tokens: whoever shows one is let in. Drawn at random, compared in constant time, kept as a hash where the
//! keeper need not show them again.

use carnet_crypto::digest::Hasher;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::secret::{BearerToken, SECRET_BYTES};

/// Length of the text of a token: 64 lower-case hexadecimal digits.
pub const TOKEN_TEXT_BYTES: usize = 2 * SECRET_BYTES;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What is kept of a token to recognize it: `H("token", token)`.
#[derive(Clone, Copy, Debug)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// Whether `token` is the one whose digest this is.
    pub fn is_of(&self, token: &BearerToken) -> bool {
        self.0.ct_eq(&token.digest().0).into()
    }
}

impl BearerToken {
    /// The text form, to be put into a link or a header.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_TEXT_BYTES));
        for byte in self.bytes() {
            for half in [byte >> 4, byte & 0x0f] {
                text.push(DIGITS.get(usize::from(half)).copied().map_or('0', char::from));
            }
        }
        text
    }

    /// The token in `text`, if it is one.
    pub fn from_text(text: &str) -> Option<Self> {
        let text: &[u8; TOKEN_TEXT_BYTES] = text.as_bytes().try_into().ok()?;
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        for (to, [high, low]) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
            *to = digit(*high)? << 4 | digit(*low)?;
        }
        Self::from_store(bytes.as_slice())
    }

    /// What is kept to recognize it.
    pub fn digest(&self) -> TokenDigest {
        let mut hasher = Hasher::new("token");
        let digest = TokenDigest(hasher.part(self.bytes()).finish());
        hasher.clear();
        digest
    }
}

fn digit(character: u8) -> Option<u8> {
    DIGITS.iter().zip(0..).find_map(|(digit, value)| (*digit == character).then_some(value))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text_and_from_no_other() {
        let token = BearerToken::generate(&mut StdRng::seed_from_u64(1));
        let text = token.expose_text();
        assert!(BearerToken::from_text(&text).unwrap().matches(&token));
        let wrong = [String::new(), text[1..].to_owned(), format!("{}0", *text), "g".repeat(64), "A".repeat(64)];
        for wrong in &wrong {
            assert!(BearerToken::from_text(wrong).is_none(), "{wrong}");
        }
        assert!(BearerToken::from_text(&"é".repeat(32)).is_none());
    }

    #[test]
    fn a_digest_recognizes_its_token_only() {
        let rng = &mut StdRng::seed_from_u64(2);
        let (token, other) = (BearerToken::generate(rng), BearerToken::generate(rng));
        assert!(token.digest().is_of(&token));
        assert!(!token.digest().is_of(&other));
        assert_ne!(token.digest().0, *token.expose_for_store());
    }
}
