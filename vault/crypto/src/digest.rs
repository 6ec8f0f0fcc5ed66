//! The one hash of the project: BLAKE3, with a label for each use.
//!
//! `H(label, part, part, …)` is BLAKE3 in key-derivation mode with the context `"carnet/1 " + label`, over each part
//! preceded by its length as a minimal LEB128 integer. The lengths make the parts unambiguous, the label keeps one use
//! from being taken for another. Source: `docs/format.md`, "Hashes".

/// `H(label, parts…)`, 32 bytes.
pub fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new(label);
    for part in parts {
        hasher.part(part);
    }
    hasher.finish()
}

/// The first 16 bytes of `H(label, parts…)`.
pub fn hash16(label: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut short = [0_u8; 16];
    for (to, from) in short.iter_mut().zip(hash(label, parts)) {
        *to = from;
    }
    short
}

/// Plain BLAKE3 of `bytes`: the name of sealed objects (`ObjectId`).
pub fn content_hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// [`content_hash`] of what is too large to hold at once.
#[derive(Default)]
pub struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with `bytes`; how the whole is cut does not matter.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// `H` computed part by part.
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts `H(label, …)`.
    pub fn new(label: &str) -> Self {
        let mut context = String::from("carnet/1 ");
        context.push_str(label);
        Self(blake3::Hasher::new_derive_key(&context))
    }

    /// Adds one part, preceded by its length.
    pub fn part(&mut self, part: &[u8]) -> &mut Self {
        let mut rest = part.len();
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or(0x7f);
            rest >>= 7;
            if rest == 0 {
                self.0.update(&[low]);
                break;
            }
            self.0.update(&[low | 0x80]);
        }
        self.0.update(part);
        self
    }

    /// The 32 bytes of the hash.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    /// Forgets every part it was given: what a caller that hashed a secret does before it drops the hasher.
    pub fn clear(&mut self) {
        self.0.reset();
        // Whoever looks at the hasher from outside may see it empty, so the compiler keeps the write.
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_unambiguous_and_labels_keep_uses_apart() {
        assert_ne!(hash("x", &[b"ab", b"c"]), hash("x", &[b"a", b"bc"]));
        assert_ne!(hash("x", &[b"a"]), hash("x", &[b"a", b""]));
        assert_ne!(hash("x", &[b"a"]), hash("y", &[b"a"]));
        assert_eq!(hash16("x", &[b"a"]), hash("x", &[b"a"])[..16]);
    }

    #[test]
    fn a_cleared_hasher_starts_again_under_its_label() {
        let mut hasher = Hasher::new("x");
        hasher.part(b"secret").clear();
        hasher.part(b"a");
        assert_eq!(hasher.finish(), hash("x", &[b"a"]));
    }

    #[test]
    fn a_content_hash_does_not_depend_on_how_it_is_cut() {
        let mut hasher = ContentHasher::new();
        hasher.update(b"ab");
        hasher.update(b"c");
        assert_eq!(hasher.finish(), content_hash(b"abc"));
    }

    /// The examples of `docs/format.md`, "Hashes", which a second implementation computed.
    #[test]
    fn the_hashes_are_those_of_the_format() {
        let text = |hash: [u8; 32]| crate::id::EpochId(hash).to_string();
        let labelled = text(hash("example", &[b"ab", b"c"]));
        assert_eq!(labelled, "3922d99323fabf5ef11de9037d7a8cec79afa42b17238a8a2a679015bf3a8ef6");
        let plain = text(content_hash(b"carnet"));
        assert_eq!(plain, "082a3449fb4683b53cb27c00b46692a1cb94f350469e2cdda0b626be897f83a3");
    }

    #[test]
    fn a_long_part_has_a_two_byte_length() {
        let part = [7_u8; 300];
        let mut plain = blake3::Hasher::new_derive_key("carnet/1 x");
        plain.update(&[0xac, 0x02]).update(&part);
        assert_eq!(hash("x", &[&part]), *plain.finalize().as_bytes());
    }
}
