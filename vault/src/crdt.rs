//! The CRDT of one volume: the only room that names Automerge.
//!
//! A volume's root holds one map per container, made by the **constant first change** (zero actor, sequence 1, time 0)
//! that every replica makes for itself and that never travels; without it, two devices that open a volume offline
//! would each create a container and one would hide the other. An entry is a nested map under its id; scalars are
//! atomic strings, integers and booleans, and only the fields of [`TEXT_FIELDS`] are collaborative text.
//!
//! Readers merge **all** conflicting maps under one id, field by field, the greatest operation id first: two devices
//! that import one file offline meet in one entry and neither loses a field.
//!
//! Nothing reaches Automerge here before [`bounded`] has counted it and [`Doc::place`] has measured its depth. This
//! module knows no keys, no envelopes and no store.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use automerge::{
    ActorId, Automerge, Change, ChangeHash, ObjId, ObjType, Prop, ROOT, ReadDoc as _, SaveOptions, ScalarValue, Value,
    legacy::{ObjectId, OpId},
    transaction::{CommitOptions, Transactable, Transaction},
};
use carnet_crypto::{door::UnixMillis, id::FeedId};
use carnet_protocol::limits::{CHANGE_OPS_PER_CALL_MAX, CHANGE_OPS_PER_ENVELOPE_MAX, CHANGE_OPS_PER_VOLUME_MAX};
use serde_json::Value as Json;

pub(crate) mod bounded;

use bounded::{Limits, ScanError};

/// The fields of one entry, as they stand in JSON.
pub(crate) type Fields = serde_json::Map<String, Json>;

/// Where an entry lies in a volume: its container and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// One of [`CONTAINERS`].
    pub(crate) container: String,
    /// The entry's id, in hexadecimal.
    pub(crate) key: String,
}

/// A state of an entry that one change made.
#[derive(Debug)]
pub(crate) struct Version {
    /// The feed whose author made it; none for a state carried over by a rebase.
    pub(crate) feed: Option<FeedId>,
    /// The author's clock.
    pub(crate) at: UnixMillis,
    /// The fields from then on.
    pub(crate) fields: Fields,
}

/// What one author writes to one entry.
pub(crate) struct Write<'a> {
    /// Where.
    pub(crate) place: Place,
    /// The fields as last read; none for a new entry.
    pub(crate) before: Option<&'a Fields>,
    /// The fields from now on. Only the differences are written, so what this version does not know stays.
    pub(crate) after: &'a Fields,
}

/// Why changes or a saved document were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CrdtError {
    #[error("the changes do not form a document")]
    Malformed,
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("objects are nested deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("an entry names a container that does not exist")]
    UnknownContainer,
}

/// One volume's document, and the newest sequence number of each actor in it.
pub(crate) struct Doc(Automerge, HashMap<Vec<u8>, u64>);

/// Changes that are about to be applied together with one that is being looked at.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Greatest operation counter of each.
    max_ops: HashMap<[u8; 32], u64>,
    /// The newest sequence number of each actor.
    seqs: HashMap<Vec<u8>, u64>,
}

/// How a change stands to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It can be applied now.
    Ready,
    /// Something it follows is not here.
    Waits,
    /// It was never made on what it names: its counter or its sequence number does not follow from that.
    Never,
}

impl Doc {
    /// An empty volume: the constant first change and nothing else.
    ///
    /// # Errors
    /// None in practice: the constant is checked by a test.
    pub(crate) fn empty() -> Result<Self, CrdtError> {
        let mut doc = Automerge::new().with_actor(ActorId::from([0_u8; 16]));
        let mut tx = doc.transaction();
        for container in CONTAINERS {
            tx.put_object(ROOT, container, ObjType::Map).map_err(malformed)?;
        }
        tx.commit_with(CommitOptions::default().with_time(0));
        Ok(Self::of(doc))
    }

    fn of(doc: Automerge) -> Self {
        let mut seqs: HashMap<Vec<u8>, u64> = HashMap::new();
        for change in doc.get_changes_meta(&[]) {
            let newest = seqs.entry(change.actor.to_bytes().to_vec()).or_default();
            *newest = change.seq.max(*newest);
        }
        Self(doc, seqs)
    }

    /// A document from outside that [`Doc::save`] wrote elsewhere: counted, then made again change by change under the
    /// checks that every change passes, so that it holds nothing that would not have come in alone.
    ///
    /// # Errors
    /// A document that is not exactly one chunk, exceeds the limits, whose change hashes do not agree, or that holds a
    /// change which is not accepted by itself.
    pub(crate) fn load(saved: &[u8]) -> Result<Self, CrdtError> {
        let loaded = Self::load_within(saved, SNAPSHOT_LIMITS)?;
        let mut doc = Self::empty()?;
        let mut ahead = Ahead::default();
        let mut part: Vec<Incoming> = Vec::new();
        let mut ops = 0;
        for change in loaded.changes()? {
            if ops + change.ops() > CHANGE_OPS_PER_CALL_MAX {
                doc.apply(std::mem::take(&mut part))?;
                (ops, ahead) = (0, Ahead::default());
            }
            if doc.fit(&change, &ahead) != Fit::Ready {
                return Err(CrdtError::Malformed);
            }
            ops += change.ops();
            ahead.add(&change);
            part.push(change);
        }
        doc.apply(part)?;
        Ok(doc)
    }

    /// The volume that this device saved itself. What is in it was checked when it came in; the limits of what others
    /// send do not bind it, so that what was once accepted is never lost to a limit.
    ///
    /// # Errors
    /// Damage.
    pub(crate) fn load_own(saved: &[u8]) -> Result<Self, CrdtError> {
        Self::load_within(saved, OWN_LIMITS)
    }

    /// Whether a saved volume is within what others accept as a snapshot.
    pub(crate) fn is_for_others(saved: &[u8]) -> bool {
        bounded::scan_document(saved, SNAPSHOT_LIMITS).is_ok()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the bounded door: scanned and limited just above")]
    fn load_within(saved: &[u8], limits: Limits) -> Result<Self, CrdtError> {
        bounded::scan_document(saved, limits)?;
        unwinding(|| Automerge::load(saved).map_err(malformed)).map(Self::of)
    }

    /// The whole volume as one document chunk, without changes that wait for others.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.0.save_with_options(SaveOptions { deflate: true, retain_orphans: false })
    }

    /// What is inside, for a test that writes what an honest device would not.
    #[cfg(test)]
    pub(crate) fn into_automerge(self) -> Automerge {
        self.0
    }

    /// Hashes of the latest changes, sorted.
    #[cfg(test)]
    pub(crate) fn heads(&self) -> Vec<[u8; 32]> {
        let mut heads: Vec<_> = self.0.get_heads().into_iter().map(|hash| hash.0).collect();
        heads.sort_unstable();
        heads
    }

    /// The newest change of each actor: (sequence, hash). The constant's zero actor is left out.
    pub(crate) fn newest_by_actor(&self) -> BTreeMap<Vec<u8>, (u64, [u8; 32])> {
        let mut newest = BTreeMap::new();
        for change in self.0.get_changes_meta(&[]) {
            let entry = newest.entry(change.actor.to_bytes().to_vec()).or_insert((0, [0; 32]));
            if change.seq > entry.0 {
                *entry = (change.seq, change.hash.0);
            }
        }
        newest.remove([0_u8; 16].as_slice());
        newest
    }

    /// Which of `hashes` this volume does not hold.
    pub(crate) fn missing<'a>(&self, hashes: impl IntoIterator<Item = &'a [u8; 32]>) -> Vec<[u8; 32]> {
        hashes
            .into_iter()
            .filter(|hash| self.0.get_change_meta_by_hash(&ChangeHash(**hash)).is_none())
            .copied()
            .collect()
    }

    /// Writes as one change by `feed` and returns its bytes; none when nothing differs.
    ///
    /// # Errors
    /// A container that is not one of [`CONTAINERS`], or fields that nest too deep.
    pub(crate) fn write(
        &mut self,
        feed: FeedId,
        writes: &[Write<'_>],
        at: UnixMillis,
    ) -> Result<Option<Vec<u8>>, CrdtError> {
        self.0.set_actor(ActorId::from(feed.0));
        let before = self.0.get_heads();
        let mut tx = self.0.transaction();
        for write in writes {
            if let Err(error) = write_entry(&mut tx, write) {
                tx.rollback();
                return Err(error);
            }
        }
        let time = i64::try_from(at.0).unwrap_or(i64::MAX);
        if tx.commit_with(CommitOptions::default().with_time(time)).0.is_none() {
            return Ok(None);
        }
        let Some(change) = self.0.get_changes(&before).into_iter().next() else { return Ok(None) };
        // What others would refuse is not written either: it would never reach them.
        Incoming::read(change.raw_bytes())?;
        self.1.insert(feed.0.to_vec(), change.seq());
        Ok(Some(change.raw_bytes().to_vec()))
    }

    /// How `change` stands to this document, with `ahead` applied first.
    ///
    /// Automerge numbers the operations of a change from one past the greatest counter among all it follows, and its
    /// author's changes one by one. Both are checked here, because Automerge itself panics on a gap, and a counter near
    /// the end of its range would leave nobody a counter to go on with.
    pub(crate) fn fit(&self, change: &Incoming, ahead: &Ahead) -> Fit {
        let mut max_op = 0;
        for dependency in change.change.deps() {
            let held = || self.0.get_change_meta_by_hash(dependency).map(|change| change.max_op);
            let Some(counter) = ahead.max_ops.get(&dependency.0).copied().or_else(held) else { return Fit::Waits };
            max_op = counter.max(max_op);
        }
        let newest = ahead.seqs.get(change.actor()).or_else(|| self.1.get(change.actor())).copied().unwrap_or(0);
        match change.seq().cmp(&newest.saturating_add(1)) {
            Ordering::Greater => return Fit::Waits,
            Ordering::Less => return Fit::Never,
            Ordering::Equal => {}
        }
        if change.change.start_op().get() == max_op.saturating_add(1) { Fit::Ready } else { Fit::Never }
    }

    /// Applies `changes`, whose dependencies are all held or among them, in one call; returns the entries they touch.
    ///
    /// # Errors
    /// Nothing is applied when one of them nests too deep or Automerge refuses.
    pub(crate) fn apply(&mut self, changes: Vec<Incoming>) -> Result<BTreeSet<Place>, CrdtError> {
        let changes: Vec<Change> = changes.into_iter().map(|incoming| incoming.change).collect();
        let touched = self.place(&changes)?;
        let seqs: Vec<_> = changes.iter().map(|change| (change.actor_id().to_bytes().to_vec(), change.seq())).collect();
        unwinding(|| self.0.apply_changes(changes).map_err(malformed))?;
        self.1.extend(seqs);
        Ok(touched)
    }

    /// The entries that `changes`, which are in this document, touch.
    pub(crate) fn touched(&self, changes: &[Incoming]) -> BTreeSet<Place> {
        let mut made = HashMap::new();
        let touched = changes.iter().filter_map(|change| self.place_one(&change.change, &mut made).ok());
        touched.flatten().collect()
    }

    /// The merged fields of the entry at `place`.
    pub(crate) fn fields(&self, place: &Place) -> Option<Fields> {
        Reader { doc: &self.0, heads: None }.entry(place)
    }

    /// Every change but the constant first one, oldest first: to be applied to another replica of the volume.
    pub(crate) fn changes(&self) -> Result<Vec<Incoming>, CrdtError> {
        let changes = self.0.get_changes(&[]).into_iter();
        changes
            .filter(|change| change.actor_id().to_bytes() != [0; 16])
            .map(|change| Incoming::read(change.raw_bytes()))
            .collect()
    }

    /// Every entry, in order of container and key.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for container in CONTAINERS {
            if let Ok(Some((_, map))) = self.0.get(ROOT, container) {
                places.extend(self.0.keys(&map).map(|key| Place { container: container.to_owned(), key }));
            }
        }
        places.sort();
        places
    }

    /// The states of one entry, oldest first.
    pub(crate) fn history(&self, place: &Place) -> Vec<Version> {
        let mut versions = Vec::new();
        let mut seen = HashMap::new();
        for change in self.0.get_changes(&[]) {
            let touched = self.place_one(&change, &mut seen).unwrap_or_default();
            if !touched.contains(place) {
                continue;
            }
            let reader = Reader { doc: &self.0, heads: Some(vec![change.hash()]) };
            let Some(fields) = reader.entry(place) else { continue };
            let at = UnixMillis(u64::try_from(change.timestamp()).unwrap_or(0));
            versions.push(Version { feed: FeedId::from_slice(change.actor_id().to_bytes()), at, fields });
        }
        versions
    }

    /// The entries that `changes` touch, and the check of their depth.
    fn place(&self, changes: &[Change]) -> Result<BTreeSet<Place>, CrdtError> {
        let mut made = HashMap::new();
        let mut touched = BTreeSet::new();
        for change in changes {
            touched.extend(self.place_one(change, &mut made)?);
        }
        Ok(touched)
    }

    fn place_one(&self, change: &Change, made: &mut HashMap<OpId, Vec<String>>) -> Result<BTreeSet<Place>, CrdtError> {
        let expanded = change.decode();
        let mut touched = BTreeSet::new();
        let mut counter = expanded.start_op.get();
        for op in &expanded.operations {
            let mut path = self.path_of(&op.obj, made);
            path.push(match &op.key {
                automerge::legacy::Key::Map(key) => key.to_string(),
                automerge::legacy::Key::Seq(_) => String::new(),
            });
            if path.len() > DEPTH_MAX {
                return Err(CrdtError::TooDeep);
            }
            if let [container, key, ..] = path.as_slice() {
                touched.insert(Place { container: container.clone(), key: key.clone() });
            }
            if op.obj_type().is_some() {
                made.insert(OpId(counter, expanded.actor_id.clone()), path);
            }
            counter = counter.saturating_add(1);
        }
        Ok(touched)
    }

    /// The keys from the root to `object`, empty for the root itself.
    fn path_of(&self, object: &ObjectId, made: &HashMap<OpId, Vec<String>>) -> Vec<String> {
        let ObjectId::Id(id) = object else { return Vec::new() };
        if let Some(path) = made.get(id) {
            return path.clone();
        }
        let parents = self.0.import_obj(&id.to_string()).ok().and_then(|object| self.0.parents(object).ok());
        let mut path: Vec<String> = parents
            .into_iter()
            .flatten()
            .map(|parent| match parent.prop {
                Prop::Map(key) => key,
                Prop::Seq(_) => String::new(),
            })
            .collect();
        path.reverse();
        path
    }
}

/// One change that was counted and is not yet applied.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    change: Change,
    ops: u64,
}

impl Incoming {
    /// Reads and counts one change, which must be all of `bytes`.
    ///
    /// # Errors
    /// See [`bounded::scan_change`].
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CrdtError> {
        let (scanned, rest) = bounded::scan_change(bytes, ENVELOPE_LIMITS)?;
        if !rest.is_empty() {
            return Err(ScanError::TrailingBytes.into());
        }
        let change = Change::from_bytes(scanned.chunk.to_vec()).map_err(malformed)?;
        Ok(Self { change, ops: scanned.ops })
    }

    /// Reads and counts the changes of one envelope, in order.
    ///
    /// # Errors
    /// As [`Incoming::read`]; besides, more operations in all than an envelope may hold.
    pub(crate) fn read_all(changes: &[&[u8]]) -> Result<Vec<Self>, CrdtError> {
        let incoming = changes.iter().map(|change| Self::read(change)).collect::<Result<Vec<_>, _>>()?;
        let ops: u64 = incoming.iter().map(|change| change.ops).sum();
        if ops > ENVELOPE_LIMITS.ops_max { Err(ScanError::TooManyOps.into()) } else { Ok(incoming) }
    }

    /// Number of its operations, or more.
    pub(crate) fn ops(&self) -> u64 {
        self.ops
    }

    /// The actor that the change bears; a feed's own when it is honest.
    pub(crate) fn actor(&self) -> &[u8] {
        self.change.actor_id().to_bytes()
    }

    /// Position in the actor's sequence, from 1.
    pub(crate) fn seq(&self) -> u64 {
        self.change.seq()
    }

    /// The change's own hash.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.change.hash().0
    }

    /// The changes it follows.
    pub(crate) fn dependencies(&self) -> Vec<[u8; 32]> {
        self.change.deps().iter().map(|hash| hash.0).collect()
    }

    /// The greatest counter of its operations.
    fn max_op(&self) -> u64 {
        let operations = u64::try_from(self.change.len()).unwrap_or(u64::MAX);
        self.change.start_op().get().saturating_add(operations).saturating_sub(1)
    }

    /// The chunk, as it travels.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.change.raw_bytes()
    }
}

impl Ahead {
    /// Adds one more.
    pub(crate) fn add(&mut self, change: &Incoming) {
        self.max_ops.insert(change.hash(), change.max_op());
        self.seqs.insert(change.actor().to_vec(), change.seq());
    }
}

/// Runs what calls into Automerge with content from outside: a panic there is a refusal here. What was being changed is
/// not used again: see [`crate::volumes::Volumes::read_again`].
fn unwinding<T>(work: impl FnOnce() -> Result<T, CrdtError>) -> Result<T, CrdtError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Err(CrdtError::Malformed))
}

/// Reads the document as it is, or as of some heads.
struct Reader<'a> {
    doc: &'a Automerge,
    heads: Option<Vec<ChangeHash>>,
}

impl Reader<'_> {
    fn entry(&self, place: &Place) -> Option<Fields> {
        let (_, container) = self.get(&ROOT, place.container.as_str())?;
        let mut merged: BTreeMap<String, (OpKey, Json)> = BTreeMap::new();
        let mut found = false;
        for (value, map) in self.get_all(&container, &place.key) {
            if !matches!(value, Value::Object(ObjType::Map)) {
                continue;
            }
            found = true;
            for key in self.keys(&map) {
                let Some((op, json)) = self.newest(&map, &key) else { continue };
                let slot = merged.entry(key).or_insert_with(|| (op.clone(), json.clone()));
                if op > slot.0 {
                    *slot = (op, json);
                }
            }
        }
        found.then(|| merged.into_iter().map(|(key, (_, json))| (key, json)).collect())
    }

    /// The value under `key` with the greatest operation id, and that id.
    fn newest(&self, map: &ObjId, key: &str) -> Option<(OpKey, Json)> {
        let (value, id) = self.get_all(map, key).into_iter().max_by_key(|(_, id)| op_key(id))?;
        Some((op_key(&id), self.json(&value, &id, 0)?))
    }

    fn json(&self, value: &Value<'_>, id: &ObjId, depth: usize) -> Option<Json> {
        if depth > DEPTH_MAX {
            return None;
        }
        let inner = |(value, id): (Value<'_>, ObjId)| self.json(&value, &id, depth + 1);
        match value {
            Value::Object(ObjType::Map | ObjType::Table) => {
                let keys = self.keys(id).into_iter();
                Some(Json::Object(keys.filter_map(|key| Some((key.clone(), inner(self.get(id, key)?)?))).collect()))
            }
            Value::Object(ObjType::List) => {
                let items = (0..self.length(id)).filter_map(|index| inner(self.get(id, index)?));
                Some(Json::Array(items.collect()))
            }
            Value::Object(ObjType::Text) => self.text(id).map(Json::String),
            Value::Scalar(scalar) => match scalar.as_ref() {
                ScalarValue::Str(text) => Some(Json::String(text.to_string())),
                ScalarValue::Int(number) => Some(Json::from(*number)),
                ScalarValue::Uint(number) => Some(Json::from(*number)),
                ScalarValue::Boolean(truth) => Some(Json::Bool(*truth)),
                _ => None,
            },
        }
    }

    fn get(&self, object: &ObjId, prop: impl Into<Prop>) -> Option<(Value<'_>, ObjId)> {
        match &self.heads {
            None => self.doc.get(object, prop),
            Some(heads) => self.doc.get_at(object, prop, heads),
        }
        .ok()?
    }

    fn get_all(&self, object: &ObjId, key: &str) -> Vec<(Value<'_>, ObjId)> {
        match &self.heads {
            None => self.doc.get_all(object, key),
            Some(heads) => self.doc.get_all_at(object, key, heads),
        }
        .unwrap_or_default()
    }

    fn keys(&self, object: &ObjId) -> Vec<String> {
        match &self.heads {
            None => self.doc.keys(object).collect(),
            Some(heads) => self.doc.keys_at(object, heads).collect(),
        }
    }

    fn length(&self, object: &ObjId) -> usize {
        match &self.heads {
            None => self.doc.length(object),
            Some(heads) => self.doc.length_at(object, heads),
        }
    }

    fn text(&self, object: &ObjId) -> Option<String> {
        match &self.heads {
            None => self.doc.text(object),
            Some(heads) => self.doc.text_at(object, heads),
        }
        .ok()
    }
}

/// Order of operations: counter, then actor.
type OpKey = (u64, Vec<u8>);

fn op_key(id: &ObjId) -> OpKey {
    match id {
        ObjId::Root => (0, Vec::new()),
        ObjId::Id(counter, actor, _) => (*counter, actor.to_bytes().to_vec()),
    }
}

fn write_entry(tx: &mut Transaction<'_>, write: &Write<'_>) -> Result<(), CrdtError> {
    let Ok(Some((Value::Object(ObjType::Map), container))) = tx.get(ROOT, write.place.container.as_str()) else {
        return Err(CrdtError::UnknownContainer);
    };
    let maps: Vec<ObjId> = tx
        .get_all(&container, write.place.key.as_str())
        .map_err(malformed)?
        .into_iter()
        .filter(|(value, _)| matches!(value, Value::Object(ObjType::Map)))
        .map(|(_, id)| id)
        .collect();
    let empty = Fields::new();
    let before = write.before.unwrap_or(&empty);
    let map = match maps.iter().max_by_key(|id| op_key(id)) {
        Some(map) => map.clone(),
        None => tx.put_object(&container, write.place.key.as_str(), ObjType::Map).map_err(malformed)?,
    };
    for (key, value) in write.after {
        if before.get(key) != Some(value) {
            write_field(tx, &map, key, before.get(key), value)?;
        }
    }
    for key in before.keys().filter(|key| !write.after.contains_key(*key)) {
        for map in &maps {
            if tx.get(map, key.as_str()).map_err(malformed)?.is_some() {
                tx.delete(map, key.as_str()).map_err(malformed)?;
            }
        }
    }
    Ok(())
}

/// Writes one field. Maps merge key by key, so that two devices can each add a link; other values are replaced whole.
fn write_field(
    tx: &mut Transaction<'_>,
    map: &ObjId,
    key: &str,
    before: Option<&Json>,
    value: &Json,
) -> Result<(), CrdtError> {
    let there = tx.get(map, key).map_err(malformed)?;
    match (value, before, there) {
        (Json::String(text), _, Some((Value::Object(ObjType::Text), object))) if is_collaborative(key, text) => {
            tx.update_text(&object, text).map_err(malformed)
        }
        (Json::String(text), _, _) if is_collaborative(key, text) => {
            let object = tx.put_object(map, key, ObjType::Text).map_err(malformed)?;
            tx.update_text(&object, text).map_err(malformed)
        }
        (Json::Object(after), Some(Json::Object(before)), Some((Value::Object(ObjType::Map), object))) => {
            for (key, value) in after.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
                write_value(tx, &object, Slot::Key(key), value, 1)?;
            }
            let mut gone = before.keys().filter(|key| !after.contains_key(*key));
            gone.try_for_each(|key| tx.delete(&object, key.as_str()).map_err(malformed))
        }
        _ => write_value(tx, map, Slot::Key(key), value, 0),
    }
}

/// Whether a text merges character by character. Each character is an operation, so a long one is atomic.
fn is_collaborative(key: &str, text: &str) -> bool {
    TEXT_FIELDS.contains(&key) && text.len() <= TEXT_BYTES_MAX
}

/// About how many operations writing `fields` takes, or more.
pub(crate) fn ops_of(fields: &Fields) -> usize {
    let of_field = |(key, value): (&String, &Json)| match value {
        Json::String(text) if is_collaborative(key, text) => text.len().saturating_mul(2).saturating_add(1),
        other => ops_of_value(other),
    };
    fields.iter().map(of_field).sum::<usize>().saturating_add(1)
}

fn ops_of_value(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(ops_of_value).sum::<usize>().saturating_add(1),
        Json::Object(fields) => fields.values().map(ops_of_value).sum::<usize>().saturating_add(1),
        _ => 1,
    }
}

/// Where a value is written: under a key of a map, or at an index of a list.
#[derive(Clone, Copy)]
enum Slot<'a> {
    Key(&'a str),
    Index(usize),
}

impl Slot<'_> {
    fn put(self, tx: &mut Transaction<'_>, object: &ObjId, value: ScalarValue) -> Result<(), CrdtError> {
        match self {
            Self::Key(key) => tx.put(object, key, value),
            Self::Index(index) => tx.insert(object, index, value),
        }
        .map_err(malformed)
    }

    fn make(self, tx: &mut Transaction<'_>, object: &ObjId, kind: ObjType) -> Result<ObjId, CrdtError> {
        match self {
            Self::Key(key) => tx.put_object(object, key, kind),
            Self::Index(index) => tx.insert_object(object, index, kind),
        }
        .map_err(malformed)
    }
}

fn write_value(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    slot: Slot<'_>,
    value: &Json,
    depth: usize,
) -> Result<(), CrdtError> {
    if depth > DEPTH_MAX - 4 {
        return Err(CrdtError::TooDeep);
    }
    match value {
        Json::Null => Ok(()),
        Json::Bool(truth) => slot.put(tx, object, ScalarValue::Boolean(*truth)),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => slot.put(tx, object, ScalarValue::Int(signed)),
            (None, Some(unsigned)) => slot.put(tx, object, ScalarValue::Uint(unsigned)),
            // The model has no floating-point number; one in a field we do not know keeps its digits as text.
            (None, None) => slot.put(tx, object, ScalarValue::from(number.to_string())),
        },
        Json::String(text) => slot.put(tx, object, ScalarValue::from(text.as_str())),
        Json::Array(items) => {
            let list = slot.make(tx, object, ObjType::List)?;
            items
                .iter()
                .filter(|item| !item.is_null())
                .enumerate()
                .try_for_each(|(index, item)| write_value(tx, &list, Slot::Index(index), item, depth + 1))
        }
        Json::Object(fields) => {
            let map = slot.make(tx, object, ObjType::Map)?;
            fields.iter().try_for_each(|(key, item)| write_value(tx, &map, Slot::Key(key), item, depth + 1))
        }
    }
}

fn malformed<E>(_: E) -> CrdtError {
    CrdtError::Malformed
}

/// The containers of every volume, in the order of the constant first change. Part of the format: never reordered.
/// `other` holds entries of kinds that this version does not know.
pub(crate) const CONTAINERS: [&str; 22] = [
    "absence",
    "allergy",
    "appointment",
    "blood-group",
    "contact",
    "disease",
    "document",
    "encounter",
    "exclusion",
    "identity",
    "import-report",
    "label",
    "ledger",
    "measure",
    "other",
    "procedure",
    "result",
    "section",
    "setting",
    "tombstone",
    "treatment",
    "vaccination",
];

/// Fields that merge character by character; every other string is atomic.
const TEXT_FIELDS: [&str; 1] = ["comment"];

/// Longest text that merges character by character, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// Objects nested in one another, from the root.
const DEPTH_MAX: usize = 16;

/// Limits of one envelope's changes, in all.
const ENVELOPE_LIMITS: Limits =
    Limits { inflated_bytes_max: 8 << 20, ops_max: CHANGE_OPS_PER_ENVELOPE_MAX, text_bytes_max: 32 << 20 };

/// Limits of one snapshot.
const SNAPSHOT_LIMITS: Limits =
    Limits { inflated_bytes_max: 32 << 20, ops_max: CHANGE_OPS_PER_VOLUME_MAX, text_bytes_max: 256 << 20 };

/// Limits of a volume that this device saved itself: far above what it can grow to.
const OWN_LIMITS: Limits = Limits { inflated_bytes_max: 1 << 31, ops_max: 1 << 30, text_bytes_max: 1 << 34 };

#[cfg(test)]
mod tests;
