//! Writing an entry: the differences to what was read, each as the operation that merges best.
//!
//! Maps merge key by key, comments character by character, everything else is replaced whole. A field that this version
//! does not know is never written, so it stays.

use automerge::{
    ActorId, ObjId, ObjType, ROOT, ReadDoc as _, ScalarValue, Value,
    transaction::{CommitOptions, Transactable as _, Transaction},
};
use carnet_crypto::{door::UnixMillis, id::FeedId};
use serde_json::Value as Json;

use super::{CrdtError, DEPTH_MAX, Doc, Fields, Incoming, Place, malformed, read::op_key};

/// What one author writes to one entry.
pub(crate) struct Write<'a> {
    /// Where.
    pub(crate) place: Place,
    /// The fields as last read; none for a new entry.
    pub(crate) before: Option<&'a Fields>,
    /// The fields from now on. Only the differences are written, so what this version does not know stays.
    pub(crate) after: &'a Fields,
}

impl Doc {
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
        self.automerge.set_actor(ActorId::from(feed.0));
        let before = self.automerge.get_heads();
        let mut tx = self.automerge.transaction();
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
        let Some(change) = self.automerge.get_changes(&before).into_iter().next() else { return Ok(None) };
        // What others would refuse is not written either: it would never reach them.
        Incoming::read(change.raw_bytes())?;
        self.seqs.insert(feed.0.to_vec(), change.seq());
        Ok(Some(change.raw_bytes().to_vec()))
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

/// Fields that merge character by character; every other string is atomic.
const TEXT_FIELDS: [&str; 1] = ["comment"];

/// Longest text that merges character by character, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;
