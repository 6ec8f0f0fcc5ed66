//! Replays `tests/vectors/seal`: known answers, and inputs with one fault each that a named check must refuse.
//!
//! The form of the files is in `tests/vectors/seal/README.md`. A field that no replay reads is an error, so a vector
//! cannot claim more than it tests.

use std::{cell::RefCell, collections::BTreeSet, convert::Infallible, fmt};

use carnet_crypto::{digest, id::KeySalt};
use rand::{TryCryptoRng, TryRng};

use crate::{
    aead,
    block::{BlockCipher, BlockKind, FrontMac, NameKey},
    code::TicketCode,
    envelope,
    kdf::{self, Label},
    pad,
    passphrase::{Argon2Params, Passphrase, PassphraseSlot},
    sas::{Commitment, PairingNonce, ShortCode},
    secret::{BearerToken, DeviceSeed, FileKey, RootSeed, SectionKey, TicketSecret, VaultKey},
    stream::{ChunkOpener, Layout, Padding, Sealer},
    wrap::{self, KemPublicKey},
};

/// A generator that gives the bytes of a vector, in order, and fails when they run out.
struct GivenBytes(Vec<u8>);

impl TryRng for GivenBytes {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        assert!(to.len() <= self.0.len(), "the vector gives too few random bytes");
        let rest = self.0.split_off(to.len());
        to.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for GivenBytes {}

struct Case {
    file: &'static str,
    operation: String,
    name: String,
    fields: Vec<(String, String)>,
    read: RefCell<BTreeSet<String>>,
}

impl Case {
    fn text(&self, field: &str) -> &str {
        self.read.borrow_mut().insert(field.to_owned());
        let found = self.fields.iter().find(|(name, _)| name == field);
        &found.unwrap_or_else(|| panic!("{self}: no field {field}")).1
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        bytes(self.text(field))
    }

    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        let bytes = self.bytes(field);
        bytes.as_slice().try_into().unwrap_or_else(|_| panic!("{self}: {field} has {} bytes", bytes.len()))
    }

    fn list(&self, field: &str) -> Vec<Vec<u8>> {
        match self.text(field) {
            "none" => Vec::new(),
            list => list.split(',').map(|item| bytes(item.trim())).collect(),
        }
    }

    fn number(&self, field: &str) -> u64 {
        self.text(field).parse().unwrap_or_else(|_| panic!("{self}: {field} is not a number"))
    }

    fn random(&self) -> GivenBytes {
        GivenBytes(self.bytes("random"))
    }

    fn expects(&self, field: &str, computed: &[u8]) {
        self.expects_text(field, &hex(computed));
    }

    fn expects_text(&self, field: &str, computed: &str) {
        let written = self.text(field);
        let written = if written.contains('*') { hex(&bytes(written)) } else { written.to_owned() };
        assert_eq!(written, computed, "{self}: {field}");
    }

    /// Compares an outcome with the field `expect`: `ok`, or the beginning of the refusal.
    fn outcome<T, E: fmt::Debug>(&self, result: Result<T, E>) -> Option<T> {
        let expected = self.text("expect");
        match result {
            Ok(value) => {
                assert_eq!(expected, "ok", "{self}: was not refused");
                Some(value)
            }
            Err(error) => {
                let error = format!("{error:?}");
                assert!(error.starts_with(expected), "{self}: expected {expected}, got {error}");
                None
            }
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} / {}", self.file, self.operation, self.name)
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Hexadecimal, in tokens that follow each other; `HH*N` is one byte N times; `-` is nothing.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in text.split_whitespace().filter(|token| *token != "-") {
        let (digits, times) = token.split_once('*').map_or((token, 1), |(a, b)| (a, b.parse().unwrap()));
        let once: Vec<u8> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        bytes.extend(once.repeat(times));
    }
    bytes
}

fn cases(file: &'static str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some((operation, name)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            let (operation, name) = (operation.to_owned(), name.trim().to_owned());
            cases.push(Case { file, operation, name, fields: Vec::new(), read: RefCell::default() });
        } else {
            let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("{file}: {line}"));
            cases.last_mut().expect("a case comes first").fields.push((field.to_owned(), value.to_owned()));
        }
    }
    cases
}

fn replay(file: &'static str, text: &str) {
    let cases = cases(file, text);
    assert!(!cases.is_empty(), "{file} holds no case");
    for case in &cases {
        run(case);
        let unread: Vec<_> = case.fields.iter().filter(|(name, _)| !case.read.borrow().contains(name)).collect();
        assert!(unread.is_empty(), "{case}: nobody reads {unread:?}");
    }
}

fn run(case: &Case) {
    match case.operation.as_str() {
        "xchacha" => xchacha(case),
        "derive" => derive(case),
        "device" => device(case),
        "root" => root(case),
        "commitment" => {
            let key = SectionKey::from_store(&case.bytes("key")).unwrap();
            case.expects("epoch", key.commitment().as_bytes());
        }
        "envelope-seal" | "envelope-open" | "object-seal" | "object-open" | "step-seal" | "step-open" => section(case),
        "wrap" => wrap_keys(case),
        "unwrap" => unwrap(case),
        "drop-seal" | "drop-open" => drops(case),
        "public-key" => {
            case.outcome(KemPublicKey::from_slice(&case.bytes("bytes")));
        }
        "block-seal" | "block-open" => block(case),
        "front" | "name" => beside(case),
        "stream-seal" => stream_seal(case),
        "chunk-open" => chunk_open(case),
        "pad" => case.expects("padded", &pad::pad(case.bytes("content"))),
        "unpad" => {
            if let Some(content) = case.outcome(pad::unpad(&case.bytes("padded"))) {
                case.expects("content", content);
            }
        }
        "slot-seal" | "slot-open" | "passphrase" => passphrase(case),
        "code" | "ticket-seal" | "ticket-open" | "ticket-slot" => ticket(case),
        "sas" | "commit" | "reveal" => sas(case),
        "words" | "words-read" => words(case),
        "token" => token(case),
        other => panic!("{}: no operation {other}", case.file),
    }
}

fn xchacha(case: &Case) {
    let (key, nonce) = (case.array("key"), case.array("nonce"));
    let sealed = case.bytes("sealed");
    let opened = aead::open_vec(&key, &nonce, &case.bytes("associated"), &sealed);
    if let Some(plaintext) = case.outcome(opened) {
        case.expects("plaintext", &plaintext);
        assert_eq!(aead::seal_vec(&key, &nonce, &case.bytes("associated"), &plaintext), sealed, "{case}");
    }
}

fn derive(case: &Case) {
    let text = format!("key {}", case.text("label"));
    let label = Label::ALL.iter().find(|label| label.text() == text).unwrap_or_else(|| panic!("{case}: {text}"));
    let parts = case.list("parts");
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    case.expects("derived", kdf::derive(*label, &case.array("key"), &parts).as_slice());
}

fn device(case: &Case) {
    let seed = DeviceSeed::from_store(&case.bytes("seed")).unwrap();
    let salt = KeySalt(case.array("salt"));
    case.expects("sign-public", &seed.signing_key(&salt).public().0);
    let pair = seed.kem(&salt, case.text("generation").parse().unwrap());
    case.expects("kem-public-hash", &digest::content_hash(pair.public().as_bytes()));
    case.expects("transport", seed.transport().expose_for_store());
    case.expects("transport-for", seed.transport_for(&salt).expose_for_store());
}

fn root(case: &Case) {
    let seed = RootSeed::from_store(&case.bytes("seed")).unwrap();
    case.expects("sign-public", &seed.signing_key().public().0);
    case.expects("kem-public-hash", &digest::content_hash(seed.kem().public().as_bytes()));
}

fn section(case: &Case) {
    let key = SectionKey::from_store(&case.bytes("key")).unwrap();
    let context = case.bytes("context");
    match case.operation.as_str() {
        "envelope-seal" => {
            let (nonce, sealed) = envelope::seal(&key, &context, &case.bytes("plaintext"), &mut case.random());
            case.expects("ciphertext", &sealed);
            assert_eq!(envelope::open(&key, &context, &nonce, &sealed), Ok(case.bytes("plaintext")), "{case}");
        }
        "envelope-open" => {
            let opened = envelope::open(&key, &context, &case.array("nonce"), &case.bytes("ciphertext"));
            case.outcome(opened);
        }
        "object-seal" => {
            let object = envelope::seal_object(&key, &context, &case.bytes("plaintext"), &mut case.random());
            case.expects("object", &object);
            assert_eq!(envelope::open_object(&key, &context, &object), Ok(case.bytes("plaintext")), "{case}");
        }
        "object-open" => {
            case.outcome(envelope::open_object(&key, &context, &case.bytes("object")));
        }
        "step-seal" => {
            let parent = SectionKey::from_store(&case.bytes("parent")).unwrap();
            let step = envelope::seal_parent(&key, &parent, &context);
            case.expects("step", &step);
            assert!(envelope::open_parent(&key, &parent.commitment(), &context, &step).unwrap().matches(&parent));
        }
        _ => {
            let epoch = carnet_crypto::id::EpochId(case.array("parent-epoch"));
            case.outcome(envelope::open_parent(&key, &epoch, &context, &case.array("step")));
        }
    }
}

/// The key pair of a vector: generation 0 of the device seed `seed` with a salt of zeros.
fn pair(case: &Case) -> wrap::KemKeyPair {
    DeviceSeed::from_store(&case.bytes("seed")).unwrap().kem(&KeySalt([0; 32]), 0)
}

fn wrap_keys(case: &Case) {
    let keys: Vec<SectionKey> = case.list("keys").iter().map(|key| SectionKey::from_store(key).unwrap()).collect();
    let references: Vec<&SectionKey> = keys.iter().collect();
    let pair = pair(case);
    let wrapped = wrap::wrap(pair.public(), &case.bytes("info"), &references, &mut case.random());
    if let Some(wrapped) = case.outcome(wrapped) {
        case.expects("wrapped", &wrapped);
        let opened = wrap::unwrap_keys(&pair, &case.bytes("info"), &wrapped, keys.len()).unwrap();
        assert!(opened.iter().zip(&keys).all(|(a, b)| a.matches(b)), "{case}");
    }
}

fn unwrap(case: &Case) {
    let count = usize::try_from(case.number("count")).unwrap();
    let opened = wrap::unwrap_keys(&pair(case), &case.bytes("info"), &case.bytes("wrapped"), count);
    if let Some(keys) = case.outcome(opened) {
        let keys: Vec<u8> = keys.iter().flat_map(|key| *key.expose_for_store()).collect();
        case.expects("keys", &keys);
    }
}

fn drops(case: &Case) {
    let inbox = SectionKey::from_store(&case.bytes("key")).unwrap().inbox();
    let info = case.bytes("info");
    if case.operation == "drop-open" {
        case.outcome(wrap::open_drop(&inbox, &info, &case.bytes("sealed")));
        return;
    }
    let sealed = wrap::seal_drop(inbox.public(), &info, &case.bytes("plaintext"), &mut case.random()).unwrap();
    case.expects("sealed", &sealed);
    assert_eq!(wrap::open_drop(&inbox, &info, &sealed), Ok(case.bytes("plaintext")), "{case}");
}

fn block(case: &Case) {
    let cipher = BlockCipher::new(&VaultKey::from_store(&case.bytes("key")).unwrap(), &case.array("file-id"));
    let kind = if case.text("kind") == "header" { BlockKind::Header } else { BlockKind::Data };
    let index = case.number("index");
    if case.operation == "block-open" {
        let mut plaintext = vec![0xee; usize::try_from(case.number("length")).unwrap()];
        let opened = cipher.open_block(kind, index, &case.bytes("sealed"), &mut plaintext);
        case.outcome(opened);
        return;
    }
    let plaintext = case.bytes("plaintext");
    let mut sealed = vec![0; plaintext.len() + crate::block::BLOCK_OVERHEAD_BYTES];
    cipher.seal_block(kind, index, &plaintext, &case.array("nonce"), &mut sealed).unwrap();
    case.expects("sealed", &sealed);
    let mut opened = vec![0; plaintext.len()];
    assert_eq!(cipher.open_block(kind, index, &sealed, &mut opened), Ok(()), "{case}");
    assert_eq!(opened, plaintext, "{case}");
}

fn beside(case: &Case) {
    let key = VaultKey::from_store(&case.bytes("key")).unwrap();
    let file_id = case.array("file-id");
    if case.operation == "front" {
        case.expects("tag", &FrontMac::new(&key, &file_id).tag(&case.bytes("front")));
    } else {
        case.expects("name", &NameKey::new(&key, &file_id).name(&case.bytes("id")));
    }
}

fn stream_seal(case: &Case) {
    let key = FileKey::from_store(&case.bytes("key")).unwrap();
    let context = case.bytes("context");
    let mut sealer = Sealer::new(&key, &context, &mut case.random()).unwrap();
    let mut file = Vec::new();
    sealer.push(&case.bytes("content"), &mut file).unwrap();
    let layout = match case.text("padding") {
        "exact" => sealer.finish(&mut file),
        _ => sealer.finish_padded(&mut file),
    };
    assert_eq!(layout.sealed_len(), u64::try_from(file.len()).unwrap(), "{case}");
    assert_eq!(layout.sealed_len(), case.number("sealed-length"), "{case}");
    case.expects("sealed-hash", &digest::content_hash(&file));
}

fn chunk_open(case: &Case) {
    let key = FileKey::from_store(&case.bytes("key")).unwrap();
    let padding = if case.text("padding") == "exact" { Padding::Exact } else { Padding::Padded };
    let (context, prefix, chunk) = (case.bytes("context"), case.array("prefix"), case.bytes("chunk"));
    let index = case.number("index");
    let opened = Layout::new(case.number("size"), padding)
        .and_then(|layout| ChunkOpener::new(&key, &context, layout, &prefix))
        .and_then(|opener| opener.open_chunk(index, &chunk));
    if let Some(content) = case.outcome(opened) {
        case.expects("content", &content);
    }
}

fn passphrase(case: &Case) {
    let typed = Passphrase::new(&case.bytes("passphrase"));
    if case.operation == "passphrase" {
        case.outcome(typed);
        return;
    }
    let typed = typed.unwrap();
    if case.operation == "slot-open" {
        let slot = PassphraseSlot::from_bytes(&case.bytes("slot"));
        let opened = slot.map_err(|refused| format!("{refused:?}"));
        let context = case.bytes("context");
        let opened = opened.and_then(|slot| slot.open(&typed, &context).map_err(|refused| format!("{refused:?}")));
        if let Some(key) = case.outcome(opened.map_err(Plain)) {
            case.expects("key", key.expose_for_store());
        }
        return;
    }
    let key = VaultKey::from_store(&case.bytes("key")).unwrap();
    let cost = |field| case.text(field).parse().unwrap();
    let params = Argon2Params::new(cost("memory-kib"), cost("passes"), cost("lanes")).unwrap();
    let slot = PassphraseSlot::seal(&key, &typed, params, &case.bytes("context"), &mut case.random()).unwrap();
    case.expects("slot", &slot.to_bytes());
    case.expects("normalized", typed.text().as_bytes());
}

/// A text whose `Debug` is itself.
struct Plain(String);

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn ticket(case: &Case) {
    if case.operation == "code" {
        if let Some(code) = case.outcome(TicketCode::parse(case.text("typed"))) {
            case.expects_text("shown", &code.expose_text());
            case.expects("secret", code.secret().unwrap().expose_for_store());
        }
        return;
    }
    let secret = TicketSecret::from_store(&case.bytes("secret")).unwrap();
    match case.operation.as_str() {
        "ticket-slot" => case.expects("slot", &secret.slot()),
        "ticket-open" => {
            case.outcome(secret.open_message(&case.bytes("context"), &case.bytes("message")));
        }
        _ => {
            let (context, plaintext) = (case.bytes("context"), case.bytes("plaintext"));
            let message = secret.seal_message(&context, &plaintext, &mut case.random());
            case.expects("message", &message);
            assert_eq!(secret.open_message(&context, &message), Ok(plaintext), "{case}");
        }
    }
}

fn sas(case: &Case) {
    let parts = case.list("parts");
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    match case.operation.as_str() {
        "sas" => case.expects_text("digits", &ShortCode::of(&parts).to_string()),
        "commit" => case.expects("commitment", &Commitment::to(&PairingNonce(case.array("nonce")), &parts).0),
        _ => {
            let commitment = Commitment(case.array("commitment"));
            case.outcome(commitment.check(&PairingNonce(case.array("nonce")), &parts));
        }
    }
}

fn words(case: &Case) {
    if case.operation == "words" {
        let seed = RootSeed::from_store(&case.bytes("seed")).unwrap();
        case.expects_text("words", &seed.expose_words());
        assert!(RootSeed::from_words(case.text("words")).unwrap().matches(&seed), "{case}");
    } else if let Some(seed) = case.outcome(RootSeed::from_words(case.text("typed"))) {
        case.expects("seed", seed.expose_for_store());
    }
}

fn token(case: &Case) {
    let token = BearerToken::from_store(&case.bytes("token")).unwrap();
    case.expects_text("text", &token.expose_text());
    case.expects("digest", &token.digest().0);
}

macro_rules! files {
    ($($test:ident = $file:literal;)+) => {$(
        #[test]
        fn $test() {
            replay($file, include_str!(concat!("../../../tests/vectors/seal/", $file)));
        }
    )+};
}

files! {
    vectors_of_blocks = "block.txt";
    vectors_of_codes_and_words = "code.txt";
    vectors_of_derivations = "derive.txt";
    vectors_of_envelopes = "envelope.txt";
    vectors_of_files = "stream.txt";
    vectors_of_padding = "pad.txt";
    vectors_of_passphrases = "passphrase.txt";
    vectors_of_tickets = "ticket.txt";
    vectors_of_wraps = "wrap.txt";
    vectors_of_xchacha20_poly1305 = "xchacha.txt";
}

#[test]
fn every_derivation_has_a_vector() {
    let text = include_str!("../../../tests/vectors/seal/derive.txt");
    let cases = cases("derive.txt", text);
    for label in Label::ALL {
        let label = label.text().strip_prefix("key ").unwrap();
        assert!(cases.iter().any(|case| case.fields.iter().any(|(f, v)| f == "label" && v == label)), "{label}");
    }
}
