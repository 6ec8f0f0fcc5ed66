//! What is fuzzed: one function for each reader of bytes from outside. Any bytes are let in; whatever is read must be
//! written again as it was, and nothing may panic, hang or take memory without end.
//!
//! The file is part of two crates: of the tests, which replay the corpora on every run, and of the workspace in this
//! folder, which libFuzzer drives.

use std::{
    io::{self, Cursor, Read as _},
    sync::{Mutex, OnceLock, PoisonError},
};

use carnet_crypto::{
    id::{EnvelopeId, Incarnation, RecordId, SectionId, VolumeId},
    sign::{SigningKey, Verified},
};
use carnet_interop::intake::{self, Options, archive::Archive};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeFacts, EnvelopeKind, Header, NO_PREDECESSOR},
    feed::{FeedState, Order},
    frame::{Frame, PeerFile, RelayAddress},
    membership::{
        HeadsDigest, Op,
        detached::{Detached, ProvedWrap},
        device_id,
    },
    payload::decode_changes,
};
use carnet_record::{ZoneHistory, batch::Columns};
use carnet_seal::{
    block::{BlockCipher, BlockKind},
    code::TicketCode,
    envelope::seal,
    pad,
    secret::{FileKey, SectionKey, VaultKey},
    stream::{ChunkOpener, Layout, Padding},
};
use carnet_vault::{
    UnixMillis,
    pairing::Ticket,
    reading,
    store::{Options as StoreOptions, StorageBackend, Store, Unlock},
};
use rand::{SeedableRng as _, rngs::StdRng};

/// A target: its name, that of the folder of its corpus, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 14] = [
    ("apple_xml", apple_xml),
    ("attached_file", attached_file),
    ("automerge", automerge),
    ("batch", batch),
    ("block_header", block_header),
    ("cda", cda),
    ("envelope", envelope),
    ("feed", feed),
    ("fhir", fhir),
    ("frame", frame),
    ("front_area", front_area),
    ("op", op),
    ("ticket_and_code", ticket_and_code),
    ("zip_intake", zip_intake),
];

/// Envelopes as they come; and, after an odd first byte, the padded plaintext of one that is sealed and signed as it
/// must be: what a hostile member can send.
pub fn envelope(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    if kind % 2 == 0 {
        if let Ok(envelope) = Envelope::decode(bytes) {
            assert_eq!(envelope.encode(), bytes, "an envelope has one encoding");
        }
        return;
    }
    let key = SectionKey::from_store(&[7; 32]).expect("32 bytes");
    let signing = SigningKey::from_seed(&[2; 32]);
    let kind_of = if kind & 8 == 0 { EnvelopeKind::Changes } else { EnvelopeKind::Batch };
    let context = EnvelopeContext { epoch: key.commitment(), ..context(&signing, kind_of, NO_PREDECESSOR) };
    let padded = if kind & 16 == 0 { pad::pad(bytes.to_vec()) } else { bytes.to_vec() };
    let Ok(length) = u32::try_from(padded.len()) else { return };
    let mut header = Header::new(&context, 1, true, length);
    header.deflated = kind & 2 != 0;
    header.with_checkpoint = kind & 4 != 0;
    let (nonce, sealed) = seal(&key, &context.aead_context(&header), &padded, &mut StdRng::seed_from_u64(1));
    if let Ok(envelope) = Envelope::sign(&context, header, nonce, sealed, &signing) {
        let _ = reading::open_envelope(&context, &envelope.encode(), &key);
    }
}

fn context(signing: &SigningKey, kind: EnvelopeKind, previous: EnvelopeId) -> EnvelopeContext {
    EnvelopeContext {
        record: RecordId([1; 32]),
        section: SectionId([2; 16]),
        volume: VolumeId(0),
        kind,
        device: device_id(&[9; 32], &signing.public()),
        key: signing.public(),
        incarnation: Incarnation([3; 8]),
        previous,
        heads: HeadsDigest([4; 32]),
        epoch: carnet_crypto::id::EpochId([5; 32]),
    }
}

/// Frames one after the other, and the head of a file of exchange.
pub fn frame(data: &[u8]) {
    if let Ok((head, rest)) = PeerFile::decode_first(data) {
        assert_eq!([head.encode().as_slice(), rest].concat(), data, "a head has one encoding");
    }
    let mut rest = data;
    while let Ok((frame, after)) = Frame::decode_first(rest) {
        assert_eq!([frame.encode().as_slice(), after].concat(), rest, "a frame has one encoding");
        rest = after;
    }
}

/// A chain of six envelopes and a branch at each of them, in any order, against a plain list of what is held.
pub fn feed(data: &[u8]) {
    static CHAIN: OnceLock<Vec<[Verified<EnvelopeFacts>; 2]>> = OnceLock::new();
    let chain = CHAIN.get_or_init(chain);
    let (mut state, mut held) = (FeedState::default(), Vec::new());
    for byte in data.iter().take(64) {
        let seq = usize::from(*byte >> 1) % chain.len();
        let envelope = chain[seq][usize::from(byte & 1)];
        let order = state.order(&envelope, |seq| held.get(usize::try_from(seq).ok()?.checked_sub(1)?).copied());
        let facts = envelope.get();
        let expected = match held.get(seq) {
            Some(there) if *there == facts.id => Order::Duplicate,
            Some(there) => Order::Equivocation { held: *there },
            None if seq > held.len() => Order::Gap { missing_from: state.last_seq + 1 },
            None if facts.context.previous == state.last_id => Order::Next,
            None => Order::OtherBranch,
        };
        assert_eq!(order, expected);
        if let Some(after) = state.after(facts) {
            assert_eq!(order, Order::Next);
            state = after;
            held.push(facts.id);
        }
    }
}

fn chain() -> Vec<[Verified<EnvelopeFacts>; 2]> {
    let signing = SigningKey::from_seed(&[2; 32]);
    let mut previous = NO_PREDECESSOR;
    (1..=6)
        .map(|seq| {
            let both = [0x80, 0x81].map(|fill| {
                let context = context(&signing, EnvelopeKind::Changes, previous);
                let header = Header::new(&context, seq, true, 128);
                let envelope = Envelope::sign(&context, header, [7; 24], vec![fill; 144], &signing);
                envelope.and_then(|envelope| envelope.verify(&context)).expect("what was signed verifies")
            });
            previous = both[0].get().id;
            both
        })
        .collect()
}

/// Operations of a membership log, their detached parts, and wraps with their paths.
pub fn op(data: &[u8]) {
    if let Ok(op) = Op::decode(data) {
        assert_eq!(op.bytes(), data);
        assert_eq!(op.draft().id(), op.id(), "an operation has one encoding");
    }
    if let Ok(part) = Detached::decode(data) {
        assert_eq!(part.encode(), data, "a part has one encoding");
    }
    if let Ok(wrap) = ProvedWrap::decode(data) {
        assert_eq!(wrap.encode(), data, "a wrap has one encoding");
        wrap.proves(&[0; 32]);
    }
}

/// Changes that are counted, and snapshots that are loaded.
pub fn automerge(data: &[u8]) {
    let _ = reading::count_changes(&[data]);
    if let Ok(changes) = decode_changes(data) {
        let _ = reading::count_changes(&changes);
    }
    let _ = reading::read_snapshot(data);
}

/// Columns, and batches whose columns are compressed.
pub fn batch(data: &[u8]) {
    if let Ok(columns) = Columns::decode(data) {
        assert_eq!(columns.encode(), data, "columns have one encoding");
    }
    if let Ok(columns) = reading::read_batch(data) {
        let again = reading::read_batch(&reading::write_batch(&columns)).expect("what is written reads");
        assert_eq!(again, columns);
    }
}

/// Any layout, and any chunk at any place of it: what does not authenticate never opens.
pub fn attached_file(data: &[u8]) {
    let Some((numbers, chunk)) = data.split_first_chunk::<17>() else { return };
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| numbers[at + index]));
    let (size, index) = (number(0), number(8));
    let padding = if numbers[16] % 2 == 0 { Padding::Exact } else { Padding::Padded };
    if let Ok(layout) = Layout::from_sealed_len(size) {
        assert_eq!(layout.sealed_len(), size);
    }
    let Ok(layout) = Layout::new(size, padding) else { return };
    assert!(layout.sealed_len() > layout.content_len());
    if let Some((at, length)) = layout.chunk_place(index) {
        assert!(index < layout.chunks() && at + length as u64 <= layout.sealed_len());
    }
    let key = FileKey::from_store(&[7; 32]).expect("32 bytes");
    let opener = ChunkOpener::new(&key, b"fuzz", layout, &[9; 16]).expect("a short context");
    assert!(opener.open_chunk(index, chunk).is_err(), "nothing opens that was not sealed");
}

/// FHIR, in JSON or XML.
pub fn fhir(data: &[u8]) {
    read(data);
}

/// Clinical documents.
pub fn cda(data: &[u8]) {
    read(data);
}

/// The XML of a telephone.
pub fn apple_xml(data: &[u8]) {
    read(data);
}

fn read(data: &[u8]) {
    let options = Options {
        source_name: String::from("file"),
        home_zone: ZoneHistory::utc(),
        with_positions: true,
        now_ms: 1_800_000_000_000,
    };
    let _ = intake::read(Cursor::new(data), &options, &mut |_| Ok(()));
}

/// Archives: their directory, every member, and all that an import makes of them.
pub fn zip_intake(data: &[u8]) {
    if let Ok(mut archive) = Archive::open(Cursor::new(data)) {
        for member in archive.members().to_vec() {
            // A member that breaks off is an error, which is an outcome; none gives more than it claims.
            if let Ok(reader) = archive.member(member.index)
                && let Ok(read) = io::copy(&mut reader.take(1 << 20), &mut io::sink())
            {
                assert!(read <= member.size);
            }
        }
    }
    read(data);
}

/// What a person types, scans or pastes to add a device.
pub fn ticket_and_code(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(ticket) = Ticket::parse(text, UnixMillis(0)) {
        assert_eq!(ticket.expose_text().as_str(), text.trim(), "a ticket has one text");
    }
    if let Ok(code) = TicketCode::parse(text) {
        let shown = code.expose_text();
        let again = TicketCode::parse(&shown).expect("what is shown can be typed");
        assert_eq!(*again.expose_text(), *shown);
    }
    if let Ok(address) = text.parse::<RelayAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
}

const GOLDEN: &[u8] = include_bytes!("../golden/v1/vault.carnet");
const FRONT_BYTES: usize = 64 << 10;
const COPY_BYTES: usize = 32 << 10;
const HEADER_SLOT_BYTES: usize = 4096;
const HEADER_PLAIN_BYTES: usize = 4056;

/// The front area of a vault with pieces of it replaced: place (2 bytes), length (1), bytes.
pub fn front_area(mut data: &[u8]) {
    let mut file = GOLDEN.to_vec();
    while let Some(([low, high, length], rest)) = data.split_first_chunk::<3>() {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let at = usize::from(u16::from_le_bytes([*low, *high]));
        let end = (at + bytes.len()).min(FRONT_BYTES);
        file[at..end].copy_from_slice(&bytes[..end - at]);
        data = rest;
    }
    open(file);
}

/// A header slot that authenticates and says anything at all, but that its roots are pages of another length: redb takes
/// memory for a page before it reads it, and whoever can seal a header has the key of the vault.
pub fn block_header(data: &[u8]) {
    static MASTER: OnceLock<[u8; 32]> = OnceLock::new();
    let id: [u8; 16] = GOLDEN[32..48].try_into().expect("16 bytes");
    let cipher = |key: &[u8; 32]| BlockCipher::new(&VaultKey::from_store(key).expect("32 bytes"), &id);
    let master = MASTER.get_or_init(|| {
        let mut master = [0; 32];
        let slots = GOLDEN[80..80 + 8 * 128].chunks_exact(128).filter(|slot| slot[0] == 2);
        let opened = slots
            .filter(|slot| cipher(&[0x2a; 32]).open_block(BlockKind::Header, 2, &slot[4..76], &mut master).is_ok());
        assert_eq!(opened.count(), 1, "the golden vault has one key slot");
        master
    });
    let cipher = cipher(master);
    let mut file = GOLDEN.to_vec();
    for slot in 0..2_usize {
        let place = 2 * COPY_BYTES + slot * HEADER_SLOT_BYTES;
        let place = place..place + HEADER_SLOT_BYTES;
        let mut plain = [0; HEADER_PLAIN_BYTES];
        let opened = cipher.open_block(BlockKind::Header, slot as u64, &file[place.clone()], &mut plain);
        assert_eq!(opened, Ok(()), "the golden vault has two header slots");
        for (at, (to, from)) in plain.iter_mut().zip(data).enumerate() {
            *to ^= if ROOT_ORDERS_AT.contains(&at) { 0 } else { *from };
        }
        let sealed = &mut file[place];
        cipher.seal_block(BlockKind::Header, slot as u64, &plain, &[slot as u8; 24], sealed).expect("the lengths fit");
    }
    open(file);
}

/// Where a header slot holds the lengths of the pages of its four roots: after 16 bytes of ours and 64 of redb's header, in each
/// of two slots of 128 bytes, in the last byte of either root (redb 4.5, `docs/design.md`).
const ROOT_ORDERS_AT: [usize; 4] = [95, 127, 223, 255];

fn open(file: Vec<u8>) {
    let key = VaultKey::from_store(&[0x2a; 32]).expect("32 bytes");
    let options = StoreOptions { cache_bytes: 1 << 20, ..StoreOptions::default() };
    let disk = Memory(Mutex::new(file));
    let _ = Store::open_on(disk, Unlock::Key(&key), options, StdRng::seed_from_u64(1));
}

/// A file in memory.
#[derive(Debug)]
struct Memory(Mutex<Vec<u8>>);

/// A disk that is larger than any honest vault of this size is full.
const DISK_BYTES_MAX: u64 = 64 << 20;

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = from.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes.get(from..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if length > DISK_BYTES_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let end = from.checked_add(data.len()).ok_or(io::ErrorKind::StorageFull)?;
        bytes.get_mut(from..end).ok_or(io::ErrorKind::StorageFull)?.copy_from_slice(data);
        Ok(())
    }
}
