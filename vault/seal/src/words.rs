//! The seed of a recovery kit as 24 English words (BIP-39, 256 bits and a checksum of 8).
//!
//! English because it is the one list in which the first four letters always tell a word, and the one that every other
//! tool knows; the words are a code, not a text to understand. BIP-39's own derivation (PBKDF2) is not used: the words
//! *are* the seed.

use bip39::{Language, Mnemonic};
use carnet_crypto::fault::Fault;
use zeroize::{Zeroize as _, Zeroizing};

use crate::secret::{RootSeed, SECRET_BYTES};

/// Number of words.
pub const WORDS: usize = 24;
/// Length of the longest text of 24 words: no word has more than 8 letters.
const TEXT_BYTES_MAX: usize = WORDS * 9;
/// Where counting the words of a text stops.
const WORDS_COUNTED_MAX: usize = 100;
/// How many letters tell a word of the list.
const LETTERS_MIN: usize = 4;

/// Why a text is not the words of a recovery kit. It never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsRefused {
    /// All words are of the list, but one is wrong or two are exchanged.
    #[error("the words do not fit together")]
    Checksum,
    /// Another number of words than 24.
    #[error("{found} words instead of {WORDS}")]
    Count {
        /// Words found; counting stops at 100.
        found: usize,
    },
    /// A word that is not of the list.
    #[error("word {position} is not in the list")]
    Unknown {
        /// Position of the word, from 1.
        position: usize,
    },
}

impl WordsRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Input
    }
}

impl RootSeed {
    /// The 24 words, one space between.
    ///
    /// # Panics
    /// Never: 32 bytes are one of the five lengths of BIP-39.
    #[expect(clippy::expect_used, reason = "32 bytes are one of the five lengths of BIP-39")]
    pub fn expose_words(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        let mut mnemonic = Mnemonic::from_entropy_in(Language::English, self.bytes()).expect("a seed has 32 bytes");
        for word in mnemonic.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        mnemonic.zeroize();
        text
    }

    /// The seed in `text`: 24 words in capitals or not, with any white space between, each whole or cut after at least
    /// four letters.
    ///
    /// # Errors
    /// [`WordsRefused`].
    pub fn from_words(text: &str) -> Result<Self, WordsRefused> {
        let found = text.split_whitespace().take(WORDS_COUNTED_MAX).count();
        if found != WORDS {
            return Err(WordsRefused::Count { found });
        }
        let mut whole = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        for (word, position) in text.split_whitespace().zip(1_usize..) {
            let word = listed(word).ok_or(WordsRefused::Unknown { position })?;
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(word);
        }
        let mut mnemonic =
            Mnemonic::parse_in_normalized(Language::English, &whole).map_err(|_| WordsRefused::Checksum)?;
        let (mut entropy, _) = mnemonic.to_entropy_array();
        mnemonic.zeroize();
        let seed = entropy.first_chunk::<SECRET_BYTES>().and_then(|seed| Self::from_store(seed));
        entropy.zeroize();
        seed.ok_or(WordsRefused::Checksum)
    }
}

/// The word of the list that `typed` is, or is the beginning of.
fn listed(typed: &str) -> Option<&'static str> {
    let typed = Zeroizing::new(typed.to_ascii_lowercase());
    let mut begun = Language::English.words_by_prefix_iter(&typed);
    let first = begun.next()?;
    // The list is sorted: a word stands before the longer ones that begin with it.
    let is_told = first == typed.as_str() || (typed.len() >= LETTERS_MIN && begun.next().is_none());
    is_told.then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(seed: [u8; 32]) -> String {
        RootSeed::from_store(&seed).unwrap().expose_words().to_string()
    }

    fn refusal(text: &str) -> WordsRefused {
        RootSeed::from_words(text).map(|_| ()).unwrap_err()
    }

    proptest! {
        #[test]
        fn a_seed_reads_back_from_its_words_and_their_beginnings(seed: [u8; 32]) {
            let whole = words(seed);
            let begun: Vec<&str> = whole.split(' ').map(|word| &word[..word.len().min(4)]).collect();
            for text in [whole.clone(), begun.join("\n"), whole.to_uppercase()] {
                let read = RootSeed::from_words(&text).map_err(|_| TestCaseError::fail("refused"))?;
                prop_assert_eq!(read.expose_for_store(), &seed);
            }
        }

        #[test]
        fn fault_e7_one_wrong_word_is_nearly_always_noticed(seed: [u8; 32], place in 0_usize..24, other in 0_usize..2048) {
            let text = words(seed);
            let mut list: Vec<&str> = text.split(' ').collect();
            let other = Language::English.word_list()[other];
            prop_assume!(list[place] != other);
            list[place] = other;
            // The checksum has 8 bits: one slip in 256 gives other words that fit together, hence another seed.
            match RootSeed::from_words(&list.join(" ")) {
                Ok(read) => prop_assert_ne!(read.expose_for_store(), &seed),
                Err(refused) => prop_assert_eq!(refused, WordsRefused::Checksum),
            }
        }
    }

    #[test]
    fn fault_e7_what_is_typed_wrongly_is_named_by_its_place() {
        let good = words([1; 32]);
        let mut list: Vec<&str> = good.split(' ').collect();
        assert_eq!(refusal(""), WordsRefused::Count { found: 0 });
        assert_eq!(refusal(&list[..23].join(" ")), WordsRefused::Count { found: 23 });
        assert_eq!(refusal(&"abandon ".repeat(100_000)), WordsRefused::Count { found: 100 });
        list[6] = "santé";
        assert_eq!(refusal(&list.join(" ")), WordsRefused::Unknown { position: 7 });
        // "act" is a word and also begins "action", "actor", "actress", "actual".
        list[6] = "acto";
        assert!(matches!(refusal(&list.join(" ")), WordsRefused::Checksum));
        list[6] = "ac";
        assert_eq!(refusal(&list.join(" ")), WordsRefused::Unknown { position: 7 });
    }

    #[test]
    fn every_word_of_the_list_is_told_by_itself_and_by_four_letters() {
        for word in Language::English.word_list() {
            assert_eq!(listed(word), Some(*word));
            assert_eq!(listed(&word[..word.len().min(4)]), Some(*word), "{word}");
        }
    }
}
