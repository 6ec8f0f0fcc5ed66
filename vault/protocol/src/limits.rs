//! The bounds of everything that comes from outside, with their units. `docs/protocol.md`, "Limits".
//!
//! Raising a bound that a parser applies is a change of format: replicas must refuse alike. The bounds under "at
//! signing and at the relay" bind who writes and who stores, never the evaluation of what is already there.

/// One kibibyte, in bytes.
const KIB: usize = 1024;
/// One mebibyte, in bytes.
const MIB: usize = 1024 * KIB;

// Envelopes.

/// A whole envelope, sealed, in bytes.
pub const ENVELOPE_BYTES_MAX: usize = MIB;
/// The ciphertext of an envelope without its tag, in bytes: the least that padding gives.
pub const CIPHERTEXT_BYTES_MIN: usize = 128;
/// The ciphertext of an envelope without its tag, in bytes.
pub const CIPHERTEXT_BYTES_MAX: usize = ENVELOPE_BYTES_MAX - ENVELOPE_OVERHEAD_BYTES_MAX;
/// What an envelope adds to its ciphertext at most, tag included, in bytes.
pub const ENVELOPE_OVERHEAD_BYTES_MAX: usize = 137;
/// The tag of the AEAD, in bytes.
pub const TAG_BYTES: usize = 16;
/// The nonce of the AEAD, in bytes.
pub const NONCE_BYTES: usize = 24;
/// Positions of one feed; afterwards its device takes a new incarnation.
pub const FEED_SEQ_MAX: u32 = 2_097_151;
/// The payload of one envelope once inflated, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 8 * MIB;
/// Changes in one envelope.
pub const CHANGES_PER_ENVELOPE_MAX: usize = 1024;
/// Automerge operations in all changes of one envelope.
pub const CHANGE_OPS_PER_ENVELOPE_MAX: u64 = 100_000;
/// Automerge operations in one feed of changes; beyond it the feed is quarantined.
pub const CHANGE_OPS_PER_FEED_MAX: u64 = 1_000_000;
/// Automerge operations in one volume, and in one snapshot.
pub const CHANGE_OPS_PER_VOLUME_MAX: u64 = 2_000_000;
/// Automerge operations handed over in one call (local).
pub const CHANGE_OPS_PER_CALL_MAX: u64 = 400_000;
/// Samples in one batch.
pub const SAMPLES_PER_BATCH_MAX: usize = 65_536;

// Objects.

/// A snapshot, pack or base change, sealed, in bytes.
pub const SNAPSHOT_SEALED_BYTES_MAX: usize = 16 * MIB;
/// A snapshot, pack or base change, inflated, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 32 * MIB;
// Membership.

/// Parents of an operation, and heads behind one digest.
pub const HEADS_MAX: usize = 8;
/// One operation, in bytes, its detached parts not counted.
pub const OP_BYTES_MAX: usize = 128 * KIB;
/// Operations of one record.
pub const OPS_PER_RECORD_MAX: usize = 16_384;
/// Operations kept while their parents are missing (local).
pub const OPS_WAITING_MAX: usize = 1024;
/// Entries of one cover or frontier.
pub const COVER_ENTRIES_MAX: usize = 2048;
/// Entries of one section in a frontier that a device signs; what it ends beside is adopted.
pub const FRONTIER_ENTRIES_PER_SECTION_MAX: usize = 150;
/// Targets of one removal.
pub const REMOVAL_TARGETS_MAX: usize = 256;
/// Sections named in one grant or rekey, and leaves of one cited checkpoint.
pub const SECTIONS_PER_OP_MAX: usize = 64;
/// Epochs named in one wrap.
pub const EPOCHS_PER_WRAP_MAX: usize = 256;
/// Envelopes or operations taken out of quarantine by one operation, and operations voided by one recovery.
pub const ADOPTED_PER_OP_MAX: usize = 1024;
/// Addresses of one relay.
pub const RELAY_ADDRESSES_MAX: usize = 8;
/// One address of a relay, in bytes.
pub const RELAY_ADDRESS_BYTES_MAX: usize = 512;
/// A detached part of an operation, in bytes.
pub const DETACHED_BYTES_MAX: usize = 16 * KIB;
/// An X-Wing public key, in bytes.
pub const KEM_KEY_BYTES: usize = 1216;
/// One step of a ladder: a sealed section key, in bytes.
pub const LADDER_STEP_BYTES: usize = 32 + TAG_BYTES;
/// Leaves of one Merkle tree.
pub const MERKLE_LEAVES_MAX: usize = 65_536;
/// Siblings on a Merkle path.
pub const MERKLE_PATH_MAX: usize = 16;

// At signing and at the relay, never in evaluation.

/// Live devices of one record.
pub const DEVICES_PER_RECORD_MAX: usize = 50;
/// Places among those that only devices of owners may take.
pub const DEVICES_OWNER_PLACES: usize = 10;
/// Live devices of one delegate.
pub const DEVICES_PER_DELEGATE_MAX: usize = 4;
/// Entries, per section, of a version vector and of a frontier.
pub const VECTOR_ENTRIES_PER_SECTION_MAX: usize = 150;
/// How far the time of an operation may be ahead of the relay's clock, in milliseconds.
pub const OP_AHEAD_MS_MAX: u64 = 10 * 60 * 1000;
/// Removals of one record: evaluation asks each of every other.
pub const REMOVALS_PER_RECORD_MAX: usize = 512;
/// Age of the checkpoint that a removal or fork proof cites, in milliseconds.
pub const CITED_CHECKPOINT_AGE_MS_MAX: u64 = 7 * 24 * 3600 * 1000;

// Times.

/// Lifetime of a pairing ticket shown as a code to scan, in seconds.
pub const TICKET_QR_S: u64 = 15 * 60;
/// Lifetime of a pairing ticket sent as a letter, in seconds.
pub const TICKET_LETTER_S: u64 = 48 * 3600;
/// A lease, in seconds: least and most.
pub const LEASE_S: (u64, u64) = (24 * 3600, 7 * 24 * 3600);

/// Quarantine kept of one feed (local), in bytes; beyond it, ids only.
pub const QUARANTINE_BYTES_PER_FEED_MAX: usize = 4 * MIB;

const _: () = {
    assert!(CIPHERTEXT_BYTES_MIN < CIPHERTEXT_BYTES_MAX, "a padded payload fits an envelope");
    assert!(ENVELOPE_BYTES_MAX < 1 << 21, "the length of a ciphertext takes at most 3 bytes");
    assert!(CIPHERTEXT_BYTES_MIN >= 1 << 7, "the length of a ciphertext takes at least 2 bytes");
    assert!(FEED_SEQ_MAX == (1 << 21) - 1, "a position takes at most 3 bytes");
    assert!(CHANGE_OPS_PER_ENVELOPE_MAX <= CHANGE_OPS_PER_CALL_MAX, "one envelope fits one call");
    assert!(CHANGE_OPS_PER_CALL_MAX <= CHANGE_OPS_PER_FEED_MAX, "one call fits one feed");
    assert!(CHANGE_OPS_PER_FEED_MAX <= CHANGE_OPS_PER_VOLUME_MAX, "one feed fits one volume");
    assert!(COVER_ENTRIES_MAX * 51 <= OP_BYTES_MAX, "a whole cover fits an operation");
    assert!(KEM_KEY_BYTES < DETACHED_BYTES_MAX, "a public key is a detached part");
    assert!(1 << MERKLE_PATH_MAX == MERKLE_LEAVES_MAX, "a path is as long as its tree is high");
    assert!(DEVICES_OWNER_PLACES < DEVICES_PER_RECORD_MAX, "delegates have places too");
};
