//! What a vault keeps and opens: envelopes, batches, exports, changes, snapshots, feeds, the vault file.

use std::{collections::BTreeMap, io::Cursor};

use carnet_crypto::{
    digest::Hasher,
    id::{EnvelopeId, EpochId, Incarnation, RecordId, SectionId, VolumeId},
    sign::PublicKey,
};
use carnet_interop::intake::{self, ContainerError, Options};
use carnet_protocol::{
    envelope::{Envelope, EnvelopeContext, EnvelopeKind, NO_PREDECESSOR},
    feed::{FeedState, Order},
    membership::{HeadsDigest, device_id},
    payload::decode_changes,
};
use carnet_record::{
    Draft, Entry, ZoneHistory,
    batch::{Columns, Month, Sample, Series},
    item::Item,
};
use carnet_seal::secret::{SectionKey, VaultKey};
use carnet_tests::crash::{CrashDisk, small};
use carnet_vault::{
    export::canonical,
    reading::{self, Content, ReadRefused},
    store::{OpenError, Store, Unlock},
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value as Json, json};

use super::{Vector, hex, inner, parse, replay};

fn refused(refused: ReadRefused) -> (&'static str, String) {
    (refused.step(), inner(refused))
}

fn columns(columns: &Columns) -> Json {
    json!({"batch": hex(&reading::batch_id(columns)), "kind": columns.series().kind, "samples": columns.samples().len()})
}

#[test]
fn fault_b5_fault_b6_atk_4_atk_5_vectors_of_sealed_envelopes() {
    replay("envelope", |vector| {
        let key = SectionKey::from_store(&vector.bytes("section-key")).unwrap();
        let public = PublicKey(vector.array("key"));
        let context = EnvelopeContext {
            record: RecordId(vector.array("record")),
            section: SectionId(vector.array("section")),
            volume: VolumeId(vector.number("volume")),
            kind: EnvelopeKind::from_number(vector.number("kind")).unwrap(),
            device: device_id(&vector.array("salt"), &public),
            key: public,
            incarnation: Incarnation(vector.array("incarnation")),
            previous: EnvelopeId(vector.array("previous")),
            heads: HeadsDigest(vector.array("heads")),
            epoch: key.commitment(),
        };
        let read = reading::open_envelope(&context, &vector.bytes("bytes"), &key).map_err(refused)?;
        let mut said = match &read.content {
            Content::Changes(changes) => json!({"changes": changes.iter().map(|one| hex(one)).collect::<Vec<_>>()}),
            Content::Batch(batch) => columns(batch),
        };
        said["id"] = hex(&read.id).into();
        Ok(said)
    });
}

#[test]
fn fault_b5_fault_b6_atk_29_vectors_of_batches() {
    replay("batch", |vector| {
        let batch = reading::read_batch(&vector.bytes("bytes")).map_err(refused)?;
        let again = reading::read_batch(&reading::write_batch(&batch)).map_err(refused)?;
        assert_eq!(again, batch, "{}", vector.name());
        Ok(columns(&batch))
    });
}

#[test]
fn fault_b6_fault_g2_vectors_of_exports() {
    replay("export", |vector| {
        let options = Options {
            source_name: "export.zip".to_owned(),
            home_zone: ZoneHistory::utc(),
            with_positions: false,
            now_ms: 1_800_000_000_000,
        };
        let (mut entries, mut files, mut samples) = (BTreeMap::new(), 0, Vec::new());
        let tally = intake::read(Cursor::new(vector.bytes("bytes")), &options, &mut |item| {
            match item {
                Item::Draft(draft) | Item::DocumentStart { draft } => {
                    let entry = restored(&draft);
                    entries.insert(entry.id, entry);
                }
                Item::DocumentEnd { .. } => files += 1,
                Item::Samples { series, samples: some } => {
                    samples.extend(some.into_iter().map(|one| (series.clone(), one)));
                }
                Item::DocumentBytes(_) | Item::Subject(_) | Item::Tally(_) => {}
            }
            Ok(())
        });
        tally.map_err(|error| (step_of(vector, error), format!("{error:?}")))?;
        let digest = hex(&digest(entries.values(), &samples));
        Ok(json!({"entries": entries.len(), "files": files, "samples": samples.len(), "digest": digest}))
    });
}

/// An export is refused as a whole, with a reason for the archive and one for each kind of content: where one reason
/// stands for several steps, the vector says which.
fn step_of(vector: &Vector, error: ContainerError) -> &'static str {
    let written = vector.0.get("refused").and_then(Json::as_str).unwrap_or_default();
    let candidates: &[&'static str] = match error {
        ContainerError::Archive(_) => &["archive"],
        ContainerError::CarnetArchive => &["mark", "files"],
        ContainerError::LaterArchive => &["mark"],
        ContainerError::Json => &["entries", "samples"],
        _ => &[],
    };
    candidates.iter().find(|step| **step == written).copied().unwrap_or("another step")
}

fn restored(draft: &Draft) -> Entry {
    let restored = draft.restored.as_ref().expect("an export gives back entries");
    let mut entry = Entry::new(restored.id, draft.fact.clone(), draft.provenance.clone());
    entry.comment.clone_from(&draft.comment);
    entry.status = draft.status.clone();
    entry.links.clone_from(&restored.links);
    entry.also_from.clone_from(&restored.also_from);
    entry.removed.clone_from(&restored.removed);
    entry.extra.clone_from(&restored.extra);
    entry
}

/// The digest of the canonical export, as `docs/format.md` tells it.
fn digest<'e>(entries: impl Iterator<Item = &'e Entry>, samples: &[(Series, Sample)]) -> [u8; 32] {
    let mut hasher = Hasher::new("canonical export");
    for entry in entries {
        hasher.part(canonical(&serde_json::to_value(entry).unwrap()).as_bytes());
    }
    let mut open = None;
    for (series, sample) in samples {
        let place = Some((series, Month::of_millis(sample.start_ms)));
        if open != place {
            hasher.part(canonical(&serde_json::to_value(series).unwrap()).as_bytes());
            open = place;
        }
        hasher.part(canonical(&serde_json::to_value(sample).unwrap()).as_bytes());
    }
    hasher.finish()
}

#[test]
fn atk_19_atk_34_vectors_of_changes() {
    replay("change", |vector| {
        let bytes = vector.bytes("bytes");
        let changes = decode_changes(&bytes).map_err(|error| ("changes", format!("{error:?}")))?;
        let operations = reading::count_changes(&changes).map_err(refused)?;
        Ok(json!({"changes": changes.len(), "operations": operations}))
    });
}

#[test]
fn atk_16_atk_33_atk_34_vectors_of_snapshots() {
    replay("snapshot", |vector| {
        let (_, anchors) = reading::read_snapshot(&vector.bytes("bytes")).map_err(refused)?;
        Ok(json!({"anchors": anchors.len()}))
    });
}

#[test]
fn atk_6_atk_18_atk_32_vectors_of_feeds() {
    replay("feed", |vector| {
        let key = PublicKey(vector.array("key"));
        let context = |previous| EnvelopeContext {
            record: RecordId(vector.array("record")),
            section: SectionId(vector.array("section")),
            volume: VolumeId(0),
            kind: EnvelopeKind::Changes,
            device: device_id(&vector.array("salt"), &key),
            key,
            incarnation: Incarnation(vector.array("incarnation")),
            previous,
            heads: HeadsDigest(vector.array("heads")),
            epoch: EpochId(vector.array("epoch")),
        };
        let (mut state, mut held) = (FeedState::default(), Vec::new());
        for bytes in vector.0["held"].as_array().unwrap() {
            let envelope = Envelope::decode(&parse(bytes.as_str().unwrap())).unwrap();
            let verified = envelope.verify(&context(held.last().copied().unwrap_or(NO_PREDECESSOR))).unwrap();
            assert_eq!(state.order(&verified, |_| None), Order::Next);
            state = state.after(verified.get()).unwrap();
            held.push(verified.get().id);
        }
        let envelope = Envelope::decode(&vector.bytes("bytes")).unwrap();
        let verified = envelope.verify(&context(EnvelopeId(vector.array("previous")))).unwrap();
        let order = state.order(&verified, |seq| held.get(usize::try_from(seq).unwrap() - 1).copied());
        let refused = |standing| Err((standing, format!("{order:?}")));
        match order {
            Order::Next => Ok(json!({"order": "next"})),
            Order::Duplicate => Ok(json!({"order": "duplicate"})),
            Order::Gap { .. } => refused("gap"),
            Order::Equivocation { .. } => refused("equivocation"),
            Order::OtherBranch => refused("other branch"),
        }
    });
}

#[test]
fn fault_b1_fault_b5_fault_b7_vectors_of_the_vault_file() {
    let golden = include_bytes!("../../golden/v1/vault.carnet");
    replay("vault", |vector| {
        let mut file = golden.to_vec();
        for patch in vector.0["patches"].as_array().unwrap() {
            let at = usize::try_from(patch[0].as_u64().unwrap()).unwrap();
            let bytes = parse(patch[1].as_str().unwrap());
            file[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        if let Some(length) = vector.0["length"].as_u64() {
            file.truncate(usize::try_from(length).unwrap());
        }
        let key = VaultKey::from_store(&vector.bytes("key")).unwrap();
        let rng = ChaCha20Rng::from_seed([7; 32]);
        let is_of_store = vector.0.get("keystore").is_some();
        let unlock = if is_of_store { Unlock::KeyStore(&key) } else { Unlock::Key(&key) };
        match Store::open_on(CrashDisk::holding(file), unlock, small(), rng) {
            Ok(_) => Ok(json!({})),
            Err(error @ (OpenError::NotAVault | OpenError::Unsupported { .. })) => Err(("front", format!("{error:?}"))),
            Err(error @ OpenError::Foreign) => Err(("lock", format!("{error:?}"))),
            Err(error) => Err(("damage", format!("{error:?}"))),
        }
    });
}
