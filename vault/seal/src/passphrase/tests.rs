//! Faults of passphrases and key slots: E7 (what people type), B7 (a lowered or absurd cost).

use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

const CONTEXT: &[u8] = b"format 1, file 2, passphrase slot";
const CHEAP: Argon2Params = Argon2Params::MINIMUM;

fn typed(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn slot(passphrase: &Passphrase) -> (VaultKey, PassphraseSlot) {
    let rng = &mut StdRng::seed_from_u64(1);
    let key = VaultKey::generate(rng);
    let slot = PassphraseSlot::seal(&key, passphrase, CHEAP, CONTEXT, rng).unwrap();
    (key, slot)
}

fn refused(result: Result<VaultKey, UnlockError>) -> UnlockError {
    result.map(|_| ()).unwrap_err()
}

#[test]
fn a_slot_gives_its_key_to_its_passphrase_in_its_place() {
    let (key, slot) = slot(&typed("correct cheval pile agrafe"));
    let read = PassphraseSlot::from_bytes(&slot.to_bytes()).unwrap();
    assert_eq!(read, slot);
    assert!(read.open(&typed("correct cheval pile agrafe"), CONTEXT).unwrap().matches(&key));
    let wrong = UnlockError::WrongPassphrase;
    assert_eq!(refused(read.open(&typed("correct cheval pile agrafe "), CONTEXT)), wrong);
    assert_eq!(refused(read.open(&typed("correct cheval pile agrafe"), b"another file")), wrong);
}

#[test]
fn fault_e7_passphrases_people_type_open_what_they_locked() {
    let long = "x".repeat(PASSPHRASE_BYTES_MAX);
    // NFC and NFD of the same text; an emoji of five code points; a space at the end; 1 MiB.
    let same = [
        ("été à Noël 42", "e\u{301}te\u{301} a\u{300} Noe\u{308}l 42"),
        ("ﬁn \u{212b}ngström", "ﬁn A\u{30a}ngstro\u{308}m"),
        ("👩🏽‍⚕️ et 🫀", "👩🏽‍⚕️ et 🫀"),
        ("avec une espace ", "avec une espace "),
        (&long, &long),
    ];
    for (locked, opened) in same {
        let (key, slot) = slot(&typed(locked));
        assert!(slot.open(&typed(opened), CONTEXT).unwrap().matches(&key), "{} bytes", locked.len());
    }
    // Nothing else is changed: neither case, nor spaces, nor compatible characters.
    let different = [
        ("abc def ghi", "Abc def ghi"),
        ("abc def ghi", "abc def ghi "),
        ("ﬁn fin fin", "fin fin fin"),
        ("\0", "\0\0"),
    ];
    for (locked, opened) in different {
        let (_, slot) = slot(&typed(locked));
        assert_eq!(refused(slot.open(&typed(opened), CONTEXT)), UnlockError::WrongPassphrase, "{opened}");
    }
}

#[test]
fn fault_e7_what_is_no_passphrase_is_refused_before_any_work() {
    let refusal = |bytes: &[u8]| Passphrase::new(bytes).map(|_| ()).unwrap_err();
    assert_eq!(refusal(b""), PassphraseRefused::Empty);
    assert_eq!(refusal(&[0xff, 0xfe]), PassphraseRefused::NotText);
    assert_eq!(refusal(&vec![b'a'; PASSPHRASE_BYTES_MAX + 1]), PassphraseRefused::TooLong);
    assert_eq!(PassphraseRefused::Empty.fault(), Fault::Caller);
}

#[test]
fn normalizing_never_moves_the_passphrase_in_memory() {
    // U+1D160 is three times as long in NFC; no character grows more.
    let widest = "\u{1d160}".repeat(1000);
    let passphrase = typed(&widest);
    assert_eq!(passphrase.text().len(), widest.len() * 3);
    assert!(passphrase.0.capacity() >= passphrase.text().len());
}

#[test]
fn fault_b7_a_lowered_cost_is_refused_before_it_runs() {
    let (_, slot) = slot(&typed("correct cheval pile agrafe"));
    let lowered =
        [(19 * 1024 - 1, 2, 1), (8, 2, 1), (0, 2, 1), (19 * 1024, 1, 1), (19 * 1024, 0, 1), (19 * 1024, 2, 0)];
    for (memory, passes, lanes) in lowered {
        assert_eq!(Argon2Params::new(memory, passes, lanes), Err(ParamsRefused::TooWeak));
        assert_eq!(with_cost(&slot, memory, passes, lanes), Err(SlotRefused::Params(ParamsRefused::TooWeak)));
    }
    assert_eq!(ParamsRefused::TooWeak.fault(), Fault::Disk);
}

#[test]
fn fault_b7_an_absurd_cost_is_refused_before_it_runs() {
    let (_, slot) = slot(&typed("correct cheval pile agrafe"));
    let absurd = [
        (1024 * 1024 + 1, 2, 1),
        (u32::MAX, 2, 1),
        (19 * 1024, 17, 1),
        (19 * 1024, u32::MAX, 1),
        (19 * 1024, 2, 5),
        (u32::MAX, u32::MAX, u32::MAX),
    ];
    for (memory, passes, lanes) in absurd {
        assert_eq!(Argon2Params::new(memory, passes, lanes), Err(ParamsRefused::TooMuch));
        assert_eq!(with_cost(&slot, memory, passes, lanes), Err(SlotRefused::Params(ParamsRefused::TooMuch)));
    }
    assert_eq!(ParamsRefused::TooMuch.fault(), Fault::Unsupported);
}

#[test]
fn fault_b7_another_cost_within_bounds_does_not_open() {
    let (_, slot) = slot(&typed("correct cheval pile agrafe"));
    let altered = with_cost(&slot, 20 * 1024, 2, 1).unwrap();
    assert_eq!(refused(altered.open(&typed("correct cheval pile agrafe"), CONTEXT)), UnlockError::WrongPassphrase);
}

#[test]
fn the_bounds_hold_each_other() {
    for params in [Argon2Params::DEFAULT, Argon2Params::STRONG, Argon2Params::MINIMUM, Argon2Params::MAXIMUM] {
        assert_eq!(Argon2Params::new(params.memory_kib(), params.passes(), params.lanes()), Ok(params));
    }
    assert_eq!(Argon2Params::DEFAULT.memory_kib(), 65_536);
}

#[test]
fn fault_b1_a_flipped_bit_of_any_byte_of_a_slot_is_refused() {
    let (_, slot) = slot(&typed("correct cheval pile agrafe"));
    let bytes = slot.to_bytes();
    for byte in 0..SLOT_BYTES {
        let mut altered = bytes;
        altered[byte] ^= 1 << (byte % 8);
        // Some bits of the cost ask for hundreds of MiB, within bounds: those are not run here.
        if let Ok(slot) = PassphraseSlot::from_bytes(&altered)
            && slot.params().memory_kib() <= 20 * 1024
            && slot.params().passes() <= 4
        {
            let opened = slot.open(&typed("correct cheval pile agrafe"), CONTEXT);
            assert_eq!(refused(opened), UnlockError::WrongPassphrase, "byte {byte}");
        }
    }
    assert_eq!(PassphraseSlot::from_bytes(&bytes[1..]), Err(SlotRefused::Length));
    assert_eq!(PassphraseSlot::from_bytes(&[bytes.as_slice(), &[0]].concat()), Err(SlotRefused::Length));
}

#[test]
fn salts_and_nonces_are_never_the_same_twice() {
    let rng = &mut StdRng::seed_from_u64(7);
    let key = VaultKey::generate(rng);
    let one = PassphraseSlot::seal(&key, &typed("la meme phrase"), CHEAP, CONTEXT, rng).unwrap();
    let two = PassphraseSlot::seal(&key, &typed("la meme phrase"), CHEAP, CONTEXT, rng).unwrap();
    assert!(one.salt != two.salt && one.nonce != two.nonce && one.wrapped != two.wrapped);
}

/// The slot with other parameters in its bytes.
fn with_cost(slot: &PassphraseSlot, memory: u32, passes: u32, lanes: u32) -> Result<PassphraseSlot, SlotRefused> {
    let mut bytes = slot.to_bytes();
    bytes[..4].copy_from_slice(&memory.to_le_bytes());
    bytes[4..8].copy_from_slice(&passes.to_le_bytes());
    bytes[8..12].copy_from_slice(&lanes.to_le_bytes());
    PassphraseSlot::from_bytes(&bytes)
}
