//! Replays `tests/vectors/protocol`: known answers, and inputs with one fault each that a named check must refuse.
//!
//! The form of the files is in `tests/vectors/protocol/README.md`. A field that no replay reads is an error, so a vector
//! cannot claim more than it tests.

use std::{cell::RefCell, collections::BTreeSet, fmt};

use carnet_crypto::{
    id::{DeviceId, EnvelopeId, EpochId, Incarnation, OpId, RecordId, SectionId, VolumeId},
    sign::{PublicKey, SigningKey},
};

use crate::{
    envelope::{Envelope, EnvelopeContext, EnvelopeKind},
    feed,
    membership::{
        Body, HeadsDigest, Op, Recipient,
        detached::{Detached, KemHash, ProvedWrap},
        device_id, principal_id, recipients_digest,
    },
    merkle,
    payload::{LogLife, Plaintext, Seen, SeenPosition, decode_changes, encode_changes},
    volume,
};

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
        self.bytes(field).as_slice().try_into().unwrap_or_else(|_| panic!("{self}: length of {field}"))
    }

    fn list<const N: usize>(&self, field: &str) -> Vec<[u8; N]> {
        self.long_list(field).iter().map(|item| item.as_slice().try_into().unwrap()).collect()
    }

    fn long_list(&self, field: &str) -> Vec<Vec<u8>> {
        match self.text(field) {
            "none" => Vec::new(),
            list => list.split(',').map(bytes).collect(),
        }
    }

    fn number<T: std::str::FromStr>(&self, field: &str) -> T {
        self.text(field).parse().unwrap_or_else(|_| panic!("{self}: {field} is not a number"))
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.array("seed"))
    }

    fn expects(&self, field: &str, computed: &[u8]) {
        assert_eq!(hex(&self.bytes(field)), hex(computed), "{self}: {field}");
    }

    /// Compares an outcome with the field `expect`: `ok`, or the beginning of the refusal.
    fn outcome<T, E: fmt::Debug>(&self, result: Result<T, E>) {
        let expected = self.text("expect");
        match result {
            Ok(_) => assert_eq!(expected, "ok", "{self}: was not refused"),
            Err(error) => {
                let error = format!("{error:?}");
                assert!(error.starts_with(expected), "{self}: expected {expected}, got {error}");
            }
        }
    }

    fn context(&self) -> EnvelopeContext {
        let key = self.key().public();
        EnvelopeContext {
            record: RecordId(self.array("record")),
            section: SectionId(self.array("section")),
            volume: VolumeId(self.number("volume")),
            kind: EnvelopeKind::from_number(self.number("kind")).unwrap(),
            device: device_id(&self.array("salt"), &key),
            key,
            incarnation: Incarnation(self.array("incarnation")),
            previous: EnvelopeId(self.array("previous")),
            heads: HeadsDigest(self.array("heads")),
            epoch: EpochId(self.array("epoch")),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} / {}", self.file, self.operation, self.name)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Hexadecimal, in tokens that follow each other; `HH*N` is one byte N times; `-` is nothing.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in text.split_whitespace().filter(|token| *token != "-") {
        let (digits, times) = token.split_once('*').map_or((token, 1), |(a, b)| (a, b.parse().unwrap()));
        let pairs = digits.as_bytes().chunks(2);
        let once: Vec<u8> = pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
        bytes.extend(once.repeat(times));
    }
    bytes
}

fn cases(file: &'static str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((operation, name)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            let (operation, name) = (operation.to_owned(), name.to_owned());
            cases.push(Case { file, operation, name, fields: Vec::new(), read: RefCell::default() });
        } else {
            let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("{file}: {line}"));
            cases.last_mut().unwrap().fields.push((field.to_owned(), value.to_owned()));
        }
    }
    cases
}

fn replay(file: &'static str, text: &str) {
    let cases = cases(file, text);
    let names: BTreeSet<_> = cases.iter().map(|case| (&case.operation, &case.name)).collect();
    assert_eq!(names.len(), cases.len(), "{file}: two vectors with one name");
    for case in &cases {
        match case.operation.as_str() {
            "envelope" => envelope(case),
            "envelope-decode" => case.outcome(Envelope::decode(&case.bytes("bytes"))),
            "envelope-verify" => case.outcome(Envelope::decode(&case.bytes("bytes")).unwrap().verify(&case.context())),
            "operation" => operation(case),
            "operation-decode" => case.outcome(Op::decode(&case.bytes("bytes"))),
            "fork-proof" => fork_proof(case),
            "part" => part(case),
            "part-decode" => case.outcome(Detached::decode(&case.bytes("bytes"))),
            "proved-wrap" => proved_wrap(case),
            "plaintext" => plaintext(case),
            "plaintext-decode" => {
                let announced = case.number::<u8>("checkpoint") == 1;
                case.outcome(Plaintext::decode(&case.bytes("bytes"), announced));
            }
            "changes" => {
                let changes = case.long_list("changes");
                case.expects("bytes", &encode_changes(&changes));
                assert_eq!(decode_changes(&case.bytes("bytes")), Ok(changes.iter().map(Vec::as_slice).collect()));
            }
            "changes-decode" => case.outcome(decode_changes(&case.bytes("bytes"))),
            _ => name(case),
        }
        let read = case.read.borrow();
        let unread: Vec<_> =
            case.fields.iter().map(|(field, _)| field).filter(|field| !read.contains(*field)).collect();
        assert!(unread.is_empty(), "{case}: fields that nothing reads: {unread:?}");
    }
}

fn envelope(case: &Case) {
    let (context, bytes) = (case.context(), case.bytes("bytes"));
    let envelope = Envelope::decode(&bytes).unwrap();
    assert_eq!(hex(&envelope.encode()), hex(&bytes), "{case}");
    case.expects("header", &envelope.header.encode());
    case.expects("aead", &context.aead_context(&envelope.header));
    let facts = envelope.verify(&context).unwrap().into_inner();
    case.expects("id", &facts.id.0);
    let (nonce, ciphertext) = (envelope.nonce, envelope.ciphertext.clone());
    let again = Envelope::sign(&context, envelope.header, nonce, ciphertext, &case.key()).unwrap();
    assert_eq!(hex(&again.encode()), hex(&bytes), "{case}: signed again");
    // Nothing of it may change unnoticed: each bit is under the signature.
    for at in (0..bytes.len()).step_by(bytes.len().div_ceil(97)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let verified = Envelope::decode(&flipped).is_ok_and(|envelope| envelope.verify(&context).is_ok());
        assert!(!verified, "{case}: byte {at}");
    }
}

fn operation(case: &Case) {
    let (bytes, key, record) = (case.bytes("bytes"), case.key(), RecordId(case.array("record")));
    let op = Op::decode(&bytes).unwrap();
    case.expects("id", &op.id().0);
    assert_eq!(op.author(), device_id(&case.array("salt"), &key.public()), "{case}");
    assert!(op.verify(&record, &key.public()).is_ok(), "{case}");
    let name = format!("{:?}", op.body());
    assert!(name.starts_with(case.text("body")), "{case}: {name}");
    let again = op.draft().clone().sign(&record, &key).unwrap();
    assert_eq!(hex(again.bytes()), hex(&bytes), "{case}: written and signed again");
    for length in 0..bytes.len() {
        assert!(Op::decode(&bytes[..length]).is_err(), "{case}: cut at {length}");
    }
}

fn fork_proof(case: &Case) {
    let op = Op::decode(&case.bytes("bytes")).unwrap();
    let Body::ForkProof(accusation) = op.body() else { panic!("{case}") };
    case.outcome(accusation.proof.check(&RecordId(case.array("record")), &case.key().public()));
}

fn part(case: &Case) {
    let bytes = case.bytes("bytes");
    let part = Detached::decode(&bytes).unwrap();
    case.expects("hash", &part.hash());
    assert_eq!(part.encode(), bytes, "{case}");
}

fn proved_wrap(case: &Case) {
    let bytes = case.bytes("bytes");
    let wrap = ProvedWrap::decode(&bytes).unwrap();
    assert_eq!(wrap.encode(), bytes, "{case}");
    let proves = if wrap.proves(&case.array("root")) { "ok" } else { "not proved" };
    assert_eq!(case.text("expect"), proves, "{case}");
}

fn plaintext(case: &Case) {
    let (payload, seen) = (case.bytes("payload"), case.bytes("seen"));
    // Every number of the case is below 128, one byte.
    let position =
        |bytes: &[u8]| SeenPosition { position: u32::from(bytes[0]), chain: bytes[1..17].try_into().unwrap() };
    let seen = (!seen.is_empty()).then(|| Seen {
        life: LogLife {
            relay: seen[..8].try_into().unwrap(),
            store_epoch: u64::from(seen[8]),
            trusted_again: u32::from(seen[9]),
        },
        membership: position(&seen[10..27]),
        section: position(&seen[27..44]),
    });
    let plaintext = Plaintext { payload: &payload, seen };
    case.expects("bytes", &plaintext.encode());
    assert_eq!(Plaintext::decode(&case.bytes("bytes"), seen.is_some()), Ok(plaintext), "{case}");
}

fn name(case: &Case) {
    match case.operation.as_str() {
        "device-id" => case.expects("id", &device_id(&case.array("salt"), &case.key().public()).0),
        "principal-id" => case.expects("id", &principal_id(&case.array("salt"), &case.key().public()).0),
        "feed-id" => {
            let (device, incarnation) = (DeviceId(case.array("device")), Incarnation(case.array("incarnation")));
            let (section, volume) = (SectionId(case.array("section")), VolumeId(case.number("volume")));
            let kind = EnvelopeKind::from_number(case.number("kind")).unwrap();
            case.expects("id", &feed::id(&device, &incarnation, &section, volume, kind).0);
        }
        "heads" => {
            let heads: Vec<OpId> = case.list("heads").into_iter().map(OpId).collect();
            case.expects("id", &HeadsDigest::of(&heads).0);
        }
        "recipients" => {
            let pairs = case.list("devices").into_iter().zip(case.list("kems"));
            let mut readers: Vec<Recipient> =
                pairs.map(|(device, kem)| Recipient { device: DeviceId(device), kem: KemHash(kem) }).collect();
            readers.sort();
            case.expects("id", &recipients_digest(&[(SectionId(case.array("section")), readers)]));
        }
        "merkle" => case.expects("root", &merkle::root(&case.list("leaves"))),
        "volume" => {
            let (year, genesis, number) = (case.number("year"), case.number("genesis"), case.number("number"));
            assert_eq!(volume::of_year(year, genesis), VolumeId(number), "{case}");
            assert_eq!(volume::year_of(VolumeId(number), genesis), Some(year), "{case}");
        }
        "rebased" => assert_eq!(volume::rebased(&OpId(case.array("op"))), VolumeId(case.number("number")), "{case}"),
        other => panic!("{case}: nothing replays {other}"),
    }
}

macro_rules! files {
    ($($test:ident = $file:literal;)+) => {$(
        #[test]
        fn $test() {
            replay($file, include_str!(concat!("../../../tests/vectors/protocol/", $file)));
        }
    )+};
}

files! {
    fault_b5_fault_b6_vectors_of_parts = "part.txt";
    fault_b5_fault_b6_vectors_of_envelopes = "envelope.txt";
    fault_b5_fault_b6_vectors_of_operations = "operation.txt";
    fault_b5_fault_b6_vectors_of_payloads = "payload.txt";
    vectors_of_names = "digest.txt";
}

/// A key that no point of the curve has signs nothing, whatever the vector says.
#[test]
fn a_key_that_is_no_point_verifies_nothing() {
    let text = include_str!("../../../tests/vectors/protocol/envelope.txt");
    let case = &cases("envelope.txt", text)[0];
    let envelope = Envelope::decode(&case.bytes("bytes")).unwrap();
    let context = EnvelopeContext { key: PublicKey([2; 32]), ..case.context() };
    assert!(envelope.verify(&context).is_err());
}

/// Whatever still reads after a byte was changed has that encoding and no other.
#[test]
fn fault_b6_what_decodes_encodes_to_the_same_bytes() {
    let mut read = 0;
    for case in cases("operation.txt", include_str!("../../../tests/vectors/protocol/operation.txt")) {
        for bytes in altered(&case) {
            if let Ok(op) = Op::decode(&bytes) {
                assert_eq!(op.draft().id(), op.id(), "{case}");
                read += 1;
            }
        }
    }
    for case in cases("envelope.txt", include_str!("../../../tests/vectors/protocol/envelope.txt")) {
        for bytes in altered(&case) {
            if let Ok(envelope) = Envelope::decode(&bytes) {
                assert_eq!(envelope.encode(), bytes, "{case}");
                read += 1;
            }
        }
    }
    assert!(read > 1000, "most bytes are keys and hashes, which may be anything");
}

fn altered(case: &Case) -> Vec<Vec<u8>> {
    let known = ["operation", "envelope"].contains(&case.operation.as_str());
    let bytes = if known { case.bytes("bytes") } else { Vec::new() };
    let places = (0..bytes.len()).filter(|at| *at < 256 || at % 61 == 0);
    places
        .flat_map(|at| {
            [1, 0x7f, 0x80, 0xff].map(|mask| {
                let mut altered = bytes.clone();
                altered[at] ^= mask;
                altered
            })
        })
        .collect()
}

/// GOAL-5: what an envelope adds to its padded payload.
#[test]
fn goal_5_an_envelope_adds_121_to_132_bytes_and_137_in_a_rebased_volume() {
    let mut sizes = BTreeSet::new();
    for case in cases("envelope.txt", include_str!("../../../tests/vectors/protocol/envelope.txt")) {
        if case.operation == "envelope" {
            let envelope = Envelope::decode(&case.bytes("bytes")).unwrap();
            let overhead = envelope.encode().len() - envelope.ciphertext.len() + 16;
            assert!(overhead <= if envelope.header.volume.0 < 31 { 132 } else { 137 }, "{case}: {overhead}");
            sizes.insert(overhead);
        }
    }
    assert_eq!(sizes.first(), Some(&121));
}
