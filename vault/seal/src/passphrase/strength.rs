//! A small honest estimate of how hard a new passphrase is to guess.
//!
//! It counts what an attacker would have to try who knows the usual habits: words everyone uses, rows of the keyboard,
//! runs, repetitions, dates. It can only say that a passphrase is bad, never that it is good: a name or a line of a
//! song that is in no list of ours passes. Nothing of the passphrase is kept or returned.

use carnet_crypto::fault::Fault;
use zeroize::Zeroizing;

use super::Passphrase;

/// Fewest characters of a new passphrase.
pub const PASSPHRASE_CHARACTERS_MIN: usize = 9;
/// Fewest bits of the estimate for a new passphrase. With Argon2id at 64 MiB, 2^34 trials cost about a century of one
/// processor core.
pub const PASSPHRASE_BITS_MIN: u32 = 34;

/// Why a new passphrase is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooWeak {
    /// Common words, runs, repetitions or dates make up most of it.
    #[error("the passphrase is too easy to guess")]
    Guessable,
    /// Fewer than [`PASSPHRASE_CHARACTERS_MIN`] characters.
    #[error("the passphrase has fewer than {PASSPHRASE_CHARACTERS_MIN} characters")]
    Short,
}

impl TooWeak {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

impl Passphrase {
    /// Whether it is good enough to be chosen now. A passphrase that already protects a vault is never refused.
    ///
    /// # Errors
    /// [`TooWeak`].
    pub fn check_strength(&self) -> Result<(), TooWeak> {
        // More characters than this only make it stronger.
        let text: Zeroizing<Vec<char>> = Zeroizing::new(self.text().chars().take(CHARACTERS_LOOKED_AT).collect());
        if text.len() < PASSPHRASE_CHARACTERS_MIN {
            return Err(TooWeak::Short);
        }
        if estimate_tenths(&text) < PASSPHRASE_BITS_MIN.saturating_mul(10) {
            return Err(TooWeak::Guessable);
        }
        Ok(())
    }
}

const CHARACTERS_LOOKED_AT: usize = 128;

/// Tenths of a bit for a word of the list: about 200 words, and where its capital is.
const COMMON_WORD: u32 = 90;
/// Tenths of a bit for a character that follows from those before it, as long as few such came together.
const EXPECTED: u32 = 10;
/// How many expected characters in a row are counted so; those after them add nearly nothing.
const EXPECTED_COUNTED: u32 = 8;
/// Tenths of a bit for those.
const FORESEEN: u32 = 1;
/// Tenths of a bit for a date of eight digits within two centuries, however it is written.
const DATE: u32 = 165;

/// The estimate in tenths of a bit.
fn estimate_tenths(text: &[char]) -> u32 {
    let folded: Zeroizing<Vec<char>> = Zeroizing::new(text.iter().map(|c| folded(*c)).collect());
    if is_date(&folded) {
        return DATE;
    }
    let mut total = 0_u32;
    let mut rest: &[char] = &folded;
    let mut before: &[char] = &[];
    let mut expected = 0_u32;
    while let Some((first, later)) = rest.split_first() {
        let word = common_word(rest);
        expected = if word.is_none() && is_expected(before, *first) { expected.saturating_add(1) } else { 0 };
        let (cost, taken) = match word {
            Some(length) => (COMMON_WORD, length),
            None if expected > EXPECTED_COUNTED => (FORESEEN, 1),
            None if expected > 0 => (EXPECTED, 1),
            None => (surprise(*first), 1),
        };
        total = total.saturating_add(cost);
        let taken_to = folded.len().saturating_sub(rest.len()).saturating_add(taken);
        before = folded.get(..taken_to).unwrap_or_default();
        rest = rest.get(taken..).unwrap_or(later);
    }
    total
}

/// Small letter, accents of French dropped, digits that stand for letters kept.
fn folded(character: char) -> char {
    match character.to_lowercase().next().unwrap_or(character) {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    }
}

/// Tenths of a bit for a character that nothing announced. Capitals are counted as small letters: where people put them
/// is known.
fn surprise(character: char) -> u32 {
    match character {
        '0'..='9' => 33,
        'a'..='z' => 47,
        ' ' | '-' | '.' | '_' | '\'' | '!' | '?' | ',' | '@' | '#' | '$' | '*' | '+' | '/' => 40,
        _ => 60,
    }
}

/// Whether `next` repeats the character before, goes on a run or a row of keys, or repeats what stood some places before.
fn is_expected(before: &[char], next: char) -> bool {
    let Some(last) = before.last().copied() else { return false };
    let follows = |row: &&str| {
        let mut forth = row.chars().zip(row.chars().skip(1));
        forth.any(|(a, b)| (a, b) == (last, next) || (b, a) == (last, next))
    };
    last == next || ROWS.iter().any(follows) || repeats(before, next)
}

/// Whether the two characters before and `next` already stood together earlier.
fn repeats(before: &[char], next: char) -> bool {
    let Some([a, b]) = before.last_chunk::<2>() else { return false };
    before.windows(3).any(|window| window == [*a, *b, next])
}

/// Whether the whole is eight digits, or fewer, with separators: a date or a telephone number's half.
fn is_date(text: &[char]) -> bool {
    let digits = text.iter().filter(|c| c.is_ascii_digit()).count();
    let separators = text.iter().filter(|c| matches!(c, '/' | '-' | '.' | ' ')).count();
    digits <= 8 && digits.saturating_add(separators) == text.len()
}

/// The length of the longest common word that `text` begins with.
fn common_word(text: &[char]) -> Option<usize> {
    let begins = |word: &&&str| {
        let length = word.chars().count();
        length <= text.len() && word.chars().zip(text).all(|(expected, found)| reads_as(*found, expected))
    };
    COMMON.iter().filter(begins).map(|word| word.chars().count()).max()
}

/// Whether the character is the letter, or the digit or sign that people write for it.
fn reads_as(found: char, letter: char) -> bool {
    found == letter
        || matches!(
            (found, letter),
            ('0', 'o') | ('1' | '!', 'i' | 'l') | ('3', 'e') | ('4' | '@', 'a') | ('5' | '$', 's') | ('7', 't')
        )
}

/// Neighbours that come by themselves: the alphabet, the digits, the rows of the French and the English keyboard.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "aqwzsxedcrfvtgbyhnujikolpm",
];

/// What is tried first: the most used passwords of French and English lists, first names, months, teams, our subject.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "abricot", "admin", "adrien", "alexandre", "alexis", "amour", "andre", "ange", "anna", "anthony", "antoine",
    "aout", "april", "arsenal", "arthur", "august", "aurelie", "avril", "azerty", "baseball", "batman", "bernard",
    "bonheur", "bonjour", "bordeaux", "bretagne", "camille", "caramel", "carnet", "caroline", "catherine", "celine",
    "chantal", "charlotte", "chat", "cheval", "chien", "chocolat", "chouchou", "christian", "christine", "christophe",
    "claire", "claude", "clement", "coeur", "coffre", "computer", "coucou", "daniel", "david", "december", "decembre",
    "denis", "docteur", "dominique", "doudou", "dragon", "elodie", "emilie", "emma", "eric", "etoile", "fabien",
    "famille", "february", "fevrier", "florian", "football", "france", "francois", "freedom", "friend", "gabriel",
    "georges", "guillaume", "hello", "hugo", "iloveyou", "isabelle", "jacques", "january", "janvier", "jean",
    "jeanne", "jennifer", "jeremy", "jetaime", "jordan", "julie", "julien", "juillet", "juin", "july", "june",
    "kevin", "lapin", "laura", "laurent", "letmein", "liberte", "lilou", "loulou", "louis", "louise", "lucas",
    "lucie", "lyon", "maison", "maman", "manon", "march", "marie", "marine", "marseille", "martin", "master",
    "mathieu", "maxime", "medecin", "mercredi", "michael", "michel", "minou", "monkey", "morgane", "motdepasse",
    "naruto", "nathalie", "nicolas", "nicole", "novembre", "november", "octobre", "october", "olivier", "oscar",
    "papa", "paris", "pascal", "pass", "password", "patrick", "paul", "philippe", "pierre", "pokemon", "portugal",
    "princess", "princesse", "qwerty", "raphael", "robert", "romain", "samsung", "sandrine", "sante", "sarah",
    "sebastien", "secret", "septembre", "september", "shadow", "simon", "soleil", "sophie", "starwars", "stephane",
    "sunshine", "superman", "sylvie", "thierry", "thomas", "tigrou", "toulouse", "trustno", "valentin", "vacances",
    "vanessa", "vincent", "welcome", "whatever", "xavier", "yasmine", "zidane",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), TooWeak> {
        Passphrase::new(text.as_bytes()).unwrap().check_strength()
    }

    #[test]
    fn fault_e7_short_passphrases_are_refused_by_characters_not_bytes() {
        for short in ["k7#Qz!pw", "éééàààèè", "👩🏽‍⚕️🩺🫀", "        "] {
            assert_eq!(check(short), Err(TooWeak::Short), "{short}");
        }
        // Eight characters, nine code points when typed as NFD.
        assert_eq!(check("k7#Qz!pe\u{301}"), Err(TooWeak::Short));
    }

    #[test]
    fn fault_e7_what_is_tried_first_is_refused() {
        let weak = [
            "123456789",
            "1234567890123",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabc",
            "azertyuiop",
            "qwertyuiop123",
            "AZERTYUIOP",
            "motdepasse",
            "MotDePasse1",
            "m0tdepa55e!",
            "password123",
            "p@ssw0rd2024",
            "soleil2024",
            "12/03/1985",
            "12 03 1985",
            "19850312   ",
            "bonjourbonjour",
            "jetaimejetaime",
            "carnetsante",
            "marseille13",
            "janvier2026",
            "          ",
            "azerty123456789",
            "qsdfghjklm",
        ];
        for weak in weak {
            assert_eq!(check(weak), Err(TooWeak::Guessable), "{weak}");
        }
        assert_eq!(TooWeak::Guessable.fault(), Fault::Caller);
    }

    #[test]
    fn honest_passphrases_are_accepted() {
        let good = [
            "correct cheval pile agrafe",
            "k7#Qz!pw4",
            "les chats de ma voisine dorment",
            "tournevis-brouette",
            "été à Ploumanac'h",
            "ключ от дома",
            "一二三四五六七八九",
            &"longue phrase ".repeat(40),
        ];
        for good in good {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_megabyte_is_judged_without_reading_all_of_it() {
        assert_eq!(check(&"a".repeat(1 << 20)), Err(TooWeak::Guessable));
        assert_eq!(check(&"abc".repeat(1 << 18)), Err(TooWeak::Guessable));
    }
}
